//! The conversation with what is at the other end of a line, without I/O.
//!
//! ```text
//!            handle(Input)              poll() -> Output
//!  opened, bytes, a command, ──> Protocol ──> send, report, answer, reopen,
//!  closed, time                               wait until
//! ```
//!
//! Whoever drives it ([a line](super::line), a file, a test) hands over what happened and when, and then
//! asks what is to be done until there is nothing left but to wait. Every rule of time is in here, too:
//! when something is dead, stale, to be asked again.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Probed, Undecoded};
use crate::clock::Moment;
use crate::links::{ControlLine, LinkError, SerialSettings};
use crate::model::{Command, DeviceId, Health, HealthCode, Report, Value};
use crate::say;

/// How long `check --connect` listens before it gives up.
pub const LISTEN: Duration = Duration::from_secs(12);

/// A conversation.
pub trait Protocol: Send {
    /// How the port is to be set when it is opened next. What passes a line on by TCP has its own
    /// settings.
    fn settings(&self) -> SerialSettings;

    /// Takes what happened.
    fn handle(&mut self, input: Input<'_>, now: Moment);

    /// What is to be done next; to be asked until it says [`Output::Wait`].
    fn poll(&mut self) -> Output;

    /// From now on, the bytes of each [`Output::Message`] and [`Output::Refused`] are labelled.
    fn annotate(&mut self) {}

    /// For `check --connect`: what was found with these reports, or why nothing was, after it has been
    /// listened for so long; `None` as long as more may come.
    fn verdict(&self, reports: &[Report], listened: Duration) -> Option<Result<Probed, Health>> {
        if let Some(found) = Probed::of(reports) {
            return Some(Ok(found));
        }
        (listened >= LISTEN).then(|| Err(last_trouble(reports).unwrap_or_else(nothing_came)))
    }
}

/// What happens.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// The port was opened: what comes now has nothing to do with what came before.
    Opened,
    /// Bytes came, cut anywhere.
    Bytes(&'a [u8]),
    /// Somebody wants something to be set. To be answered under its number, now or later.
    Command {
        /// The number.
        id: u64,
        /// What is wanted.
        command: &'a Command,
    },
    /// Nobody waits for the answer to this command any more.
    Withdrawn(u64),
    /// The bridge has forgotten a device that was absent for too long. What is remembered of it is of no
    /// use any more; if it comes back, it is described anew.
    Forgotten(&'a DeviceId),
    /// Whether anybody is there who could give commands. What must not go on unattended ends when
    /// nobody is.
    Attended(bool),
    /// The connection has ended: nothing that was asked on it will be answered.
    Closed,
    /// The device cannot be reached: the port cannot be opened, or it closes before anything good
    /// has come. Commands are refused until it is open again.
    Unreachable(&'a LinkError),
    /// Time has passed.
    Time,
    /// No more bytes will ever come: the end of a file.
    End,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// To be sent. Nothing happens to it while the port is closed.
    Send(Vec<u8>),
    /// For the bridge.
    Report(Report),
    /// What became of a command.
    Answer(u64, Result<Value, String>),
    /// What came over the line, for those who count.
    Heard(Heard),
    /// The reports since the last message are what this one said. Only of interest to who reads a
    /// file.
    Message(Message),
    /// Bytes of a file that had to be refused.
    Refused(Undecoded),
    /// What there is to say of the end of a file, such as what is left over.
    Rest(String),
    /// The port is to be closed and opened again at once, perhaps with other settings. The protocol hears
    /// [`Input::Closed`] and then [`Input::Opened`].
    Reopen,
    /// A line that is wired to the device is to be switched on or off. Nothing happens where there is none.
    SetLine(ControlLine, bool),
    /// Nothing more until something comes or it is this moment of the monotonic clock.
    Wait(Duration),
}

/// What came over a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A message that was understood.
    Good,
    /// A message that is whole and of no use, such as one without its key.
    Useless,
    /// A message that is whole and known already.
    Again,
    /// A message that is damaged, or did not come.
    Bad,
}

/// What a message of a file says besides its reports.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    /// JSON objects.
    pub notes: Vec<serde_json::Value>,
    /// Its bytes, labelled; empty unless that was asked for.
    pub annotation: String,
}

/// What a protocol wants done, in order, and how long it can wait after that.
#[derive(Debug)]
pub struct Outbox {
    queue: VecDeque<Output>,
    /// The next moment at which time means something.
    pub wake: Duration,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            wake: Duration::MAX,
        }
    }
}

impl Outbox {
    /// Adds something to do.
    pub fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    /// Adds all of this.
    pub fn extend(&mut self, outputs: impl IntoIterator<Item = Output>) {
        self.queue.extend(outputs);
    }

    /// Adds reports.
    pub fn report(&mut self, reports: impl IntoIterator<Item = Report>) {
        self.extend(reports.into_iter().map(Output::Report));
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Output {
        let next = self.queue.pop_front();
        next.unwrap_or(Output::Wait(self.wake))
    }
}

impl Probed {
    /// The devices among reports, once values of them are there, too.
    pub fn of(reports: &[Report]) -> Option<Self> {
        let (mut words, mut devices, mut values) = (Vec::new(), Vec::new(), 0);
        for report in reports {
            match report {
                Report::Device(device) if !devices.contains(&device.id) => {
                    let model = device.model.as_deref().unwrap_or("device");
                    let name = format!("{} {model}", device.manufacturer);
                    words.push(format!("{}, number {}", name.trim(), device.serial));
                    devices.push(device.id.clone());
                }
                Report::Readings(readings) => values += readings.values.len(),
                _ => {}
            }
        }
        let is_found = !devices.is_empty() && values > 0;
        is_found.then(|| Self {
            words: format!("{}, {values} values", words.join(", ")),
            devices,
        })
    }
}

/// The latest trouble among reports.
pub fn last_trouble(reports: &[Report]) -> Option<Health> {
    reports.iter().rev().find_map(|report| match report {
        Report::Health(_, health) | Report::Absent(_, health) | Report::Source(health)
            if health.code.is_problem() =>
        {
            Some(health.clone())
        }
        _ => None,
    })
}

fn nothing_came() -> Health {
    Health::new(HealthCode::Silent)
        .seen(say!(
            "nothing came within {seconds} seconds",
            seconds = LISTEN.as_secs()
        ))
        .advise(say!(
            "Check that the device has power, its plugs, and that this is its port."
        ))
}
