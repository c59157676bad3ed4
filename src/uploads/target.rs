//! The conversation with one account of a service, without I/O: what has to be said, and what its answers mean.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::Load;
use crate::history::{Calendar, GivenUp, KeptRecord, Stretch, Wanted};
use crate::home_assistant::{CoreCommands, CoreError, CoreResults};
use crate::http::{HttpAnswer, HttpError, HttpRequest};
use crate::model::{Health, Sentence};

/// One account of a service.
///
/// The outbox asks [`Target::prepare`] what of a load goes into the next request, carries the errand out, and asks
/// [`Target::judge`] what the answer means. Nothing here waits or knows the time but by what it is given.
pub trait Target: Send + Sync + fmt::Debug {
    /// Which values it takes.
    fn wants(&self) -> Wanted;

    /// The calendar of the house; told before anything else.
    fn live_in(&mut self, _calendar: &Calendar) {}

    /// Whether a slot that changes after it was sent may be sent once more: the service overwrites.
    fn takes_again(&self) -> bool;

    /// The most slots that are read for one request.
    fn most_slots(&self) -> usize {
        500
    }

    /// How long to wait after one request before the next.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }

    /// How long values are gathered before they are sent; the length of a slot or less for at once.
    fn send_every(&self) -> Duration {
        Duration::ZERO
    }

    /// What else has to be sent again if this slot is, `(from, through]` in seconds since 1970.
    fn widen(&self, _slot: i64) -> Option<(i64, i64)> {
        None
    }

    /// What it remembers over restarts, as JSON; empty for nothing.
    fn memory(&self) -> String {
        String::new()
    }

    /// Takes that up again. What is not understood is left.
    fn remember(&mut self, _memory: &str) {}

    /// Something to ask before anything is sent, now and then: what the service says of the account.
    fn ask_first(&mut self, _now: Timestamp) -> Option<Errand> {
        None
    }

    /// Takes up the answer to [`Self::ask_first`]; `Done` goes on.
    fn take_first(&mut self, _answer: &ErrandAnswer, _now: Timestamp) -> UploadVerdict {
        UploadVerdict::done()
    }

    /// What of this load goes into the next request. `is_again` says that these slots have been sent before.
    fn prepare(&mut self, load: &Load, is_again: bool, now: Timestamp) -> Parcel;

    /// The same of what devices said, as it came, for a service that takes that instead of slots (see
    /// [`super::Plan::records_of`]). Where a parcel or a verdict names slots these are the ids of records then.
    fn prepare_records(&mut self, _records: &[KeptRecord], _now: Timestamp) -> Parcel {
        Parcel::default()
    }

    /// The same for those who need more than the load tells, such as the least and the greatest of each slot: `stretch`
    /// has all that is known of these times, also of slots that are not in the load.
    fn prepare_whole(
        &mut self,
        _stretch: &Stretch,
        load: &Load,
        is_again: bool,
        now: Timestamp,
    ) -> Parcel {
        self.prepare(load, is_again, now)
    }

    /// Whether a dry run asks the service as well, as nobody knows what would be sent before it has said what it has. Only
    /// errands that [`Errand::is_question`] are carried out then.
    fn looks_first(&self) -> bool {
        false
    }

    /// Something to ask before this parcel goes out, such as what of it has arrived already. Its answer is judged as
    /// one to the parcel; [`UploadVerdict::Ask`] with the errand of the parcel, or what is left of it, goes on.
    fn ask_before(&mut self, _parcel: &Parcel) -> Option<Errand> {
        None
    }

    /// This errand is about to go out. Whether what [`Self::memory`] tells has to be on the disk before: a service that
    /// counts twice what comes twice may still be at it when the next start asks what has arrived.
    fn sets_out(&mut self, _errand: &Errand, _now: Timestamp) -> bool {
        false
    }

    /// What an answer means.
    fn judge(&mut self, parcel: &Parcel, answer: &ErrandAnswer, now: Timestamp) -> UploadVerdict;

    /// What tries the login without writing anything.
    fn trial(&self) -> Errand;

    /// What came of the trial, in words.
    fn judge_trial(&self, answer: &ErrandAnswer) -> Result<String, String>;
}

/// What goes out in one request.
#[derive(Debug, Clone, Default)]
pub struct Parcel {
    /// What has to be done; nothing where there is nothing to say.
    pub errand: Option<Errand>,
    /// The slots it tells of, by their ends.
    pub slots: Vec<i64>,
    /// Once it has arrived all is done with up to here, in seconds since 1970.
    pub through: i64,
    /// Slots that cannot be sent at all.
    pub skipped: Vec<GivenUp>,
    /// Nothing goes out before this moment, and why. Slots that were sent before may wait for it while new ones go on.
    pub not_before: Option<(Timestamp, Sentence)>,
}

/// What has to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Asks a web server.
    Http(HttpRequest),
    /// Runs a program of the user's with a text as its input.
    Program {
        /// The program and its arguments.
        command: Vec<String>,
        /// What it reads.
        input: String,
    },
    /// Asks Home Assistant's Core.
    HomeAssistant(CoreCommands),
}

impl Errand {
    /// Whether it certainly changes nothing where it goes.
    pub fn is_question(&self) -> bool {
        match self {
            Self::Http(_) | Self::Program { .. } => false,
            Self::HomeAssistant(commands) => commands.are_questions,
        }
    }
}

/// As `export preview` shows it, without secrets.
impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(request) => write!(f, "{request}"),
            Self::Program { command, input } => {
                let program = command.first().map_or("", String::as_str);
                writeln!(f, "{program}\n\n{input}")
            }
            Self::HomeAssistant(commands) => write!(f, "{commands}"),
        }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub enum ErrandAnswer {
    /// Of a web server.
    Http(Result<HttpAnswer, HttpError>),
    /// Of a program.
    Program(Result<ProgramAnswer, String>),
    /// Of Home Assistant's Core.
    HomeAssistant(Result<CoreResults, CoreError>),
}

impl ErrandAnswer {
    /// What a web server said, for those who ask nobody else; or why there is nothing, in words.
    pub fn web(&self) -> Result<&HttpAnswer, String> {
        match self {
            Self::Http(Ok(answer)) => Ok(answer),
            Self::Http(Err(error)) => Err(error.to_string()),
            Self::Program(_) | Self::HomeAssistant(_) => Err("no address is configured".to_owned()),
        }
    }
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramAnswer {
    /// Whether its exit code was 0.
    pub is_success: bool,
    /// Its standard output, cut.
    pub output: String,
    /// Its standard error, cut.
    pub errors: String,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadVerdict {
    /// The whole parcel is done with. `trouble` is told if something of it was refused all the same.
    Done {
        /// What to tell, if not all is well.
        trouble: Option<Health>,
    },
    /// What was sent is done with up to here; the rest again at once.
    Part {
        /// In seconds since 1970.
        through: i64,
    },
    /// A fault that passes: the same again, after a pause.
    Again {
        /// What was seen.
        why: Sentence,
        /// What the service asked for; else the pauses grow.
        after: Option<Duration>,
    },
    /// Nothing before this moment.
    Until {
        /// When.
        moment: Timestamp,
        /// What was seen.
        why: Sentence,
    },
    /// The user has to act. Everything is kept.
    Hold {
        /// What to tell.
        health: Health,
        /// How often it is tried meanwhile.
        every: Duration,
    },
    /// One of the slots is refused, and nobody knows which: half of them. A single one is given up.
    Halve {
        /// In the words of the service.
        why: String,
    },
    /// These slots are refused for good; the rest again at once.
    Skip {
        /// Which, and why.
        slots: Vec<GivenUp>,
    },
    /// Something has to be asked before it is known.
    Ask(Errand),
}

impl UploadVerdict {
    /// All is well.
    pub const fn done() -> Self {
        Self::Done { trouble: None }
    }

    /// A fault that passes.
    pub fn again(why: impl Into<Sentence>) -> Self {
        Self::Again {
            why: why.into(),
            after: None,
        }
    }
}
