//! Asking a device in HEX: whether it hears us at all, and then gently what the text does not say.
//! Pure: it says what to send and when, and is told what came.
//!
//! * One question at a time, sent right after a block or when the line is quiet, a few after each
//!   block at most.
//! * Three questions without an answer: nobody is asked for half a minute, then longer and longer.
//!   A cable that cannot send is found out so, and the text goes on as if nothing had been asked.
//! * A device whose text stops while it is asked is asked less often.
//! * A device that calls what it gets malformed, again and again, is left alone: the line to it
//!   picks up noise, or somebody else talks to it.

mod complaints;
mod plan;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use self::complaints::Complaints;
use self::plan::Question;
use super::metrics::Rhythm;
use super::wire::families::Family;
use super::wire::hex::{Answer, Flags, Request};
use super::wire::history::{DAYS, TODAY};
use super::wire::registers::{self, CUSTOM_NAME, SERIAL};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(400);
/// The same while the device says other things all the time.
const LATEST: Duration = Duration::from_secs(2);
/// How often a question is put again.
const RETRIES: u32 = 2;
/// Questions in a row without an answer, after which the device is left alone.
const FAILURES: u32 = 3;
/// How long it is left alone, the first time and at most.
const REST: [Duration; 4] = [
    Duration::from_secs(30),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
];
/// Questions after each block.
const BURST: u32 = 8;
/// A line without a block for so long is free.
const QUIET: Duration = Duration::from_millis(1500);
/// Text that stays away for so long after a question has stopped because of it.
const STOPPED: Duration = Duration::from_secs(3);
/// After so long without a block the device is said to send no text.
const NO_TEXT: Duration = Duration::from_secs(15);

/// How often is looked for the next question to a device that sends no text.
const ALONE: Duration = Duration::from_secs(1);

/// Whether the device hears us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearing {
    /// Nobody knows yet.
    Unknown,
    /// It answers.
    Yes,
    /// It does not.
    No,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuestionOutcome {
    /// It was answered.
    Answered(Request),
    /// It never was.
    Unanswered(Request),
}

#[derive(Debug)]
struct Open {
    request: Request,
    sent: Duration,
    tries: u32,
}

/// The questions of one line.
#[derive(Debug)]
pub struct Poller {
    /// Whether the user lets us ask.
    is_allowed: bool,
    hearing: Hearing,
    open: Option<Open>,
    /// What must be asked next, before anything of the plan: commands of the user first.
    urgent: VecDeque<Request>,
    /// Whether what is urgent has to wait, for nobody knows for sure which device is there.
    is_held: bool,
    wanted: VecDeque<Request>,
    /// When each register of the plan was asked for last.
    asked: BTreeMap<u16, Duration>,
    /// Registers that the device does not have.
    absent: BTreeSet<u16>,
    /// Registers it has not answered for since it did last.
    lost: BTreeSet<u16>,
    /// Registers of the history that need not be asked for before the day of the device changes.
    settled: BTreeSet<u16>,
    /// When one of the history was asked for last.
    history_asked: Option<Duration>,
    failures: u32,
    rests: usize,
    /// No question before this.
    not_before: Duration,
    /// Questions that may still be put after the last block.
    burst: u32,
    last_byte: Duration,
    begun: Duration,
    last_block: Option<Duration>,
    /// When a question was put and no block has come since.
    awaiting_text: Option<Duration>,
    is_shy: bool,
    complaints: Complaints,
}

impl Poller {
    /// The questions of a line that was opened at this moment.
    pub fn new(is_allowed: bool, now: Duration) -> Self {
        Self {
            is_allowed,
            hearing: if is_allowed {
                Hearing::Unknown
            } else {
                Hearing::No
            },
            open: None,
            urgent: VecDeque::new(),
            is_held: false,
            wanted: VecDeque::from([Request::Ping]),
            asked: BTreeMap::new(),
            absent: BTreeSet::new(),
            lost: BTreeSet::new(),
            settled: BTreeSet::new(),
            history_asked: None,
            failures: 0,
            rests: 0,
            not_before: now,
            burst: 0,
            last_byte: now,
            begun: now,
            last_block: None,
            awaiting_text: None,
            is_shy: false,
            complaints: Complaints::default(),
        }
    }

    /// Whether the device hears us.
    pub const fn hearing(&self) -> Hearing {
        self.hearing
    }

    /// Whether it complains about questions that we have not put.
    pub const fn is_complaining(&self) -> bool {
        self.complaints.were_too_many()
    }

    /// Whether who the device is has been asked and answered, or never will be.
    pub fn is_introduced(&self) -> bool {
        let is_identity = |request: &Request| {
            matches!(
                request,
                Request::Product | Request::Get(SERIAL | CUSTOM_NAME)
            )
        };
        match self.hearing {
            Hearing::No => true,
            Hearing::Unknown => false,
            Hearing::Yes => {
                let open = self.open.as_ref().map(|open| &open.request);
                !self.wanted.iter().chain(open).any(is_identity)
            }
        }
    }

    /// Whether it has been asked for everything once.
    pub fn is_surveyed(&self, family: Option<Family>) -> bool {
        let is_asked = |question: Question| {
            question.rhythm == Rhythm::WithoutText || self.asked.contains_key(&question.register)
        };
        match self.hearing {
            Hearing::No => true,
            Hearing::Unknown => false,
            Hearing::Yes => {
                self.is_introduced() && self.open.is_none() && plan::of(family).all(is_asked)
            }
        }
    }

    /// Whether the device sends no text by itself.
    pub fn is_without_text(&self, now: Duration) -> bool {
        let last = self.last_block.unwrap_or(self.begun);
        now.saturating_sub(last) >= NO_TEXT
    }

    /// Bytes have come.
    pub const fn heard(&mut self, now: Duration) {
        self.last_byte = now;
    }

    /// A block has ended: the line is free for a moment.
    pub fn block_ended(&mut self, now: Duration) {
        if let Some(since) = self.awaiting_text.take()
            && now.saturating_sub(since) >= STOPPED
        {
            self.is_shy = true;
        }
        self.last_block = Some(now);
        self.burst = BURST;
    }

    /// Asks this before anything else.
    pub fn ask(&mut self, request: Request) {
        self.urgent.push_back(request);
    }

    /// Asks this next, for the answer is to be confirmed.
    pub fn ask_again(&mut self, request: Request) {
        self.wanted.push_front(request);
    }

    /// Holds back what is to be asked at the user's wish, or no longer.
    pub const fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// Forgets what was to be asked at the user's wish, and does not write again what is under way.
    pub fn forget_urgent(&mut self) {
        self.take_back(|_| true);
        self.urgent.clear();
    }

    /// Forgets what was to be written to these registers, also what has been sent already and would
    /// be sent again.
    pub fn take_back(&mut self, registers: impl Fn(u16) -> bool) {
        let is_one = |request: &Request| matches!(request, Request::Set(register, _) if registers(*register));
        self.urgent.retain(|request| !is_one(request));
        if let Some(open) = self.open.as_mut().filter(|open| is_one(&open.request)) {
            open.tries = RETRIES + 1;
        }
    }

    /// The device turned out to be another one, or has started anew.
    pub fn meet_again(&mut self) {
        self.absent.clear();
        self.asked.clear();
        self.settled.clear();
        if self.hearing == Hearing::Yes {
            self.introduce();
        }
    }

    /// Asks who it is.
    fn introduce(&mut self) {
        self.wanted = [
            Request::Product,
            Request::Version,
            Request::Get(SERIAL),
            Request::Get(CUSTOM_NAME),
        ]
        .into();
    }

    /// The device has begun a day, or it is known now which registers of its history are no news.
    pub fn begin_day(&mut self, known: BTreeSet<u16>) {
        self.settled = known;
    }

    /// The device may be another one than before: asks for its serial number, if it hears us and was
    /// not quiet because of a question. True if it is asked.
    pub fn doubt(&mut self) -> bool {
        let is_due = self.hearing == Hearing::Yes
            && self.awaiting_text.is_none()
            && !self.wanted.contains(&Request::Get(SERIAL));
        if is_due {
            self.wanted.push_front(Request::Get(SERIAL));
        }
        is_due
    }

    /// What to send now, if it is time for something.
    pub fn next(&mut self, family: Option<Family>, now: Duration) -> Option<Vec<u8>> {
        if !self.is_allowed || self.open.is_some() || now < self.not_before {
            return None;
        }
        // A device whose text has stopped because of our questions is free for the next one.
        let is_away = now.saturating_sub(self.last_block.unwrap_or(self.begun)) >= QUIET;
        if self.burst == 0 && !is_away {
            return None;
        }
        let request = self.choose(family, now)?;
        // What could lock a device or wipe its memory is not sent, whoever wants it.
        if !registers::may_be_sent(&request) {
            tracing::error!("{request:?} is never sent to a device; please report this");
            return None;
        }
        self.burst = self.burst.saturating_sub(1);
        let bytes = request.encode();
        self.awaiting_text.get_or_insert(now);
        self.open = Some(Open {
            request,
            sent: now,
            tries: 1,
        });
        Some(bytes)
    }

    /// What is asked next.
    fn choose(&mut self, family: Option<Family>, now: Duration) -> Option<Request> {
        if self.hearing != Hearing::Yes {
            return Some(Request::Ping);
        }
        // What is written must not reach another device than it is meant for.
        let mut first = if self.is_held || !self.is_introduced() {
            self.wanted.pop_front()
        } else {
            None
        };
        if !self.is_held {
            first = first.or_else(|| self.urgent.pop_front());
        }
        if let Some(request) = first.or_else(|| self.wanted.pop_front()) {
            return Some(request);
        }
        let (is_shy, without_text) = (self.is_shy, self.is_without_text(now));
        let due = |question: &Question| {
            let is_wanted = question.rhythm != Rhythm::WithoutText || without_text;
            let every = question.rhythm.every(is_shy && !without_text);
            let last = self.asked.get(&question.register);
            is_wanted
                && !self.absent.contains(&question.register)
                && last.is_none_or(|last| now.saturating_sub(*last) >= every)
        };
        // The one that has waited longest: none starves behind those that come back soon.
        let waited = |question: &Question| {
            let last = self.asked.get(&question.register).copied();
            (last, question.rhythm)
        };
        if let Some(question) = plan::of(family).filter(due).min_by_key(waited) {
            self.asked.insert(question.register, now);
            return Some(Request::Get(question.register));
        }
        self.choose_of_history(family, now)
    }

    /// The next register of the history, when nothing else is to be asked.
    fn choose_of_history(&mut self, family: Option<Family>, now: Duration) -> Option<Request> {
        let every = Rhythm::Daily.every(self.is_shy && !self.is_without_text(now));
        let waits = |last: Duration| now.saturating_sub(last) < every;
        if self.history_asked.is_some_and(waits) || self.absent.contains(&TODAY) {
            return None;
        }
        // Nothing but today's own record tells of a new day where there is no text.
        let seldom = |last: Duration| now.saturating_sub(last) >= Rhythm::Seldom.every(false);
        let is_old = self.asked.get(&TODAY).copied().is_some_and(seldom);
        let open = |register: &u16| {
            let is_open = !self.settled.contains(register) || (*register == TODAY && is_old);
            is_open && !self.absent.contains(register)
        };
        let register = plan::history(family).find(open)?;
        self.settled.insert(register);
        self.asked.insert(register, now);
        self.history_asked = Some(now);
        Some(Request::Get(register))
    }

    /// Takes an answer; says which question it answers, if it answers one.
    pub fn answer(&mut self, answer: &Answer<'_>, now: Duration) -> Option<QuestionOutcome> {
        if matches!(answer, Answer::Malformed) {
            self.complain(now);
        }
        let open = self.open.take_if(|open| is_answer(&open.request, answer))?;
        (self.failures, self.rests) = (0, 0);
        if self.hearing != Hearing::Yes {
            self.hearing = Hearing::Yes;
            self.introduce();
        }
        // What is not written for once, or has no value now, is there all the same.
        if let Answer::Get(value) = answer {
            self.lost.remove(&value.register);
            let is_day = (TODAY..=TODAY + DAYS).contains(&value.register);
            if is_day && value.flags.has(Flags::PARAMETER) {
                // An empty place: those of the days before it are empty, too. It fills one day.
                self.settled.extend(value.register..=TODAY + DAYS);
            } else if value.flags.has(Flags::UNKNOWN_ID) || value.flags.has(Flags::NOT_SUPPORTED) {
                self.absent.insert(value.register);
            }
        }
        Some(QuestionOutcome::Answered(open.request))
    }

    /// The passing of time: puts a question again, or gives it up.
    pub fn tick(&mut self, now: Duration) -> (Option<Vec<u8>>, Option<QuestionOutcome>) {
        let Some(open) = &mut self.open else {
            return (None, None);
        };
        // A block that is under way ends before the answer comes.
        let quiet = now.saturating_sub(open.sent.max(self.last_byte));
        if quiet < PATIENCE && now.saturating_sub(open.sent) < LATEST {
            return (None, None);
        }
        let is_write = matches!(open.request, Request::Set(..));
        if open.tries <= RETRIES && !(is_write && self.is_held) {
            open.tries += 1;
            open.sent = now;
            return (Some(open.request.encode()), None);
        }
        let request = self.open.take().map(|open| open.request);
        if let Some(Request::Get(register)) = request {
            self.lose(register);
        }
        self.failures += 1;
        if self.failures >= FAILURES || self.hearing != Hearing::Yes {
            self.rest(now);
        }
        (None, request.map(QuestionOutcome::Unanswered))
    }

    /// A question was lost: it is put again soon, once.
    fn lose(&mut self, register: u16) {
        if self.lost.insert(register) {
            self.asked.remove(&register);
        }
    }

    fn rest(&mut self, now: Duration) {
        let rest = REST.get(self.rests).or(REST.last()).copied();
        self.not_before = now + rest.unwrap_or_default();
        self.rests += 1;
        self.failures = 0;
        self.hearing = Hearing::No;
        self.urgent.clear();
        self.wanted.clear();
    }

    fn complain(&mut self, now: Duration) {
        if self.complaints.add(now) {
            self.open = None;
            self.rest(now);
            self.not_before = now + REST[1];
        }
    }

    /// When to look at the time next for the sake of a question; `None` if that has time until the
    /// next block.
    pub fn due(&self, now: Duration) -> Option<Duration> {
        if let Some(open) = &self.open {
            let answered = open.sent.max(self.last_byte) + PATIENCE;
            return Some(answered.min(open.sent + LATEST));
        }
        let is_wanted =
            self.hearing != Hearing::Yes || !self.wanted.is_empty() || !self.urgent.is_empty();
        if self.is_allowed && is_wanted {
            let quiet = self.last_block.unwrap_or(self.begun) + QUIET;
            return Some(quiet.max(self.not_before));
        }
        let is_alone = self.hearing == Hearing::Yes && self.is_without_text(now);
        is_alone.then(|| now + ALONE)
    }
}

/// Whether this is the answer to that.
pub fn is_answer(request: &Request, answer: &Answer<'_>) -> bool {
    match (request, answer) {
        (Request::Ping, Answer::Ping(_))
        | (Request::Version | Request::Product, Answer::Done(_) | Answer::UnknownCommand(_)) => {
            true
        }
        (Request::Get(register), Answer::Get(value))
        | (Request::Set(register, _), Answer::Set(value)) => *register == value.register,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
