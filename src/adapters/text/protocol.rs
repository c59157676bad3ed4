//! The conversation with a sensor on a port: lines as they come, or a question and its answer again and
//! again.

use std::sync::Arc;
use std::time::Duration;

use super::annotate::annotation;
use super::config::TextConfig;
use super::lines::{LineSplitter, TextLine, TooLong};
use super::sensor::Sensor;
use super::values::{Found, Rules};
use super::{health, metrics};
use crate::clock::Moment;
use crate::device::protocol::{
    Heard, Input, LISTEN, Message, Outbox, Output, Protocol, last_trouble,
};
use crate::device::{Probed, Undecoded, line};
use crate::links::SerialSettings;
use crate::model::{Health, Report};

/// A pause that ends a line, and an answer of several lines: 15 bytes at 300 baud.
const QUIET: Duration = Duration::from_millis(500);
/// Between two tries of one reading.
const AGAIN: Duration = Duration::from_secs(1);
/// How long nothing may come from a port that talks by itself before it is opened anew, unless its sensor may be
/// silent for longer: some adapters forget how to talk.
const DEAD: Duration = Duration::from_secs(5 * 60);
/// Lines in a row that cannot be read before it is said, where none has been read yet: the first
/// may be of any kind.
const UNFIT: u32 = 3;

/// What is going on. All moments are those of the monotonic clock.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nothing: the port is closed.
    Away,
    /// Lines are read as they come.
    Listening {
        opened: Duration,
        /// When anything came last.
        heard: Duration,
        /// Lines since the last one that could be read.
        unfit: u32,
    },
    /// It is not time for the next question yet. What comes is not asked for.
    Resting {
        since: Duration,
        until: Duration,
        heard: Option<Duration>,
        /// When the first try of the present reading was made, if this is a pause between two.
        reading: Option<Attempt>,
    },
    /// A question was put.
    Asking {
        asked: Duration,
        /// When anything came last, or was made of a pause.
        heard: Duration,
        reading: Attempt,
    },
}

/// A reading under way.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    begun: Duration,
    /// Tries that are left after this one.
    left: u8,
}

/// One sensor on a port, or a file of what it said.
#[derive(Debug)]
pub struct Conversation {
    config: Arc<TextConfig>,
    sensor: Sensor,
    lines: LineSplitter,
    question: Vec<u8>,
    phase: Phase,
    out: Outbox,
    is_file: bool,
    annotates: bool,
}

impl Conversation {
    /// With a sensor on a port.
    pub fn new(config: &Arc<TextConfig>, rules: &Arc<Rules>) -> Self {
        let sensor = Sensor::new(config, Arc::clone(rules));
        let mut out = Outbox::default();
        out.report([sensor.description()]);
        Self {
            question: config.question(),
            config: Arc::clone(config),
            sensor,
            lines: LineSplitter::default(),
            phase: Phase::Away,
            out,
            is_file: false,
            annotates: false,
        }
    }

    /// With a file: every line is one reading.
    pub fn of_file(config: &Arc<TextConfig>, rules: &Arc<Rules>) -> Self {
        Self {
            out: Outbox::default(),
            is_file: true,
            ..Self::new(config, rules)
        }
    }

    fn opened(&mut self, now: Duration) {
        self.sensor.begin();
        self.lines = LineSplitter::from_the_middle();
        self.phase = if self.question.is_empty() {
            Phase::Listening {
                opened: now,
                heard: now,
                unfit: 0,
            }
        } else {
            // Half of an answer to somebody else may be waiting.
            Phase::Resting {
                since: now,
                until: now + QUIET,
                heard: None,
                reading: None,
            }
        };
    }

    fn bytes(&mut self, bytes: &[u8], now: Moment) {
        self.lines.push(bytes);
        match &mut self.phase {
            Phase::Away => {}
            Phase::Listening { heard, .. } => {
                *heard = now.steady;
                self.listen(now);
            }
            Phase::Resting { heard, .. } => {
                *heard = Some(now.steady);
                self.lines.begin(false);
            }
            Phase::Asking { heard, .. } => {
                *heard = now.steady;
                self.take_answer(now);
            }
        }
    }

    fn time(&mut self, now: Moment) {
        match self.phase {
            Phase::Listening { heard, .. } => {
                if now.since(heard) >= QUIET {
                    self.lines.quiet();
                }
                self.listen(now);
            }
            Phase::Resting {
                since,
                until,
                heard,
                reading,
            } if now.steady >= until => {
                let is_quiet = now.since(heard.unwrap_or(since)) >= QUIET;
                self.ask(reading, is_quiet, now);
            }
            Phase::Away | Phase::Resting { .. } => {}
            Phase::Asking { .. } => self.wait_for_answer(now),
        }
    }

    /// Reads the lines that have come by themselves.
    fn listen(&mut self, now: Moment) {
        let Phase::Listening {
            opened,
            heard,
            mut unfit,
        } = self.phase
        else {
            return;
        };
        while let Some(line) = self.lines.next() {
            self.sensor.take(&line);
            if self.sensor.has_values() {
                unfit = 0;
                self.tell(Ok(()), now);
            } else {
                unfit = unfit.saturating_add(1);
                self.out.push(Output::Heard(Heard::Bad));
            }
        }
        let patience = self.sensor.patience();
        let is_due = now.since(opened) >= patience || unfit >= UNFIT;
        if is_due && self.sensor.is_silent(now) {
            let why = self.sensor.unfit().cloned();
            let why = why.unwrap_or_else(|| health::nothing_comes(patience));
            self.out.report(self.sensor.gone(now, why));
        }
        if now.since(heard) >= self.dead() {
            self.out.push(Output::Reopen);
        } else {
            self.phase = Phase::Listening {
                opened,
                heard,
                unfit,
            };
        }
    }

    /// How long nothing may come.
    fn dead(&self) -> Duration {
        DEAD.max(self.sensor.patience())
    }

    /// Puts the question: the first of a reading, or again.
    fn ask(&mut self, reading: Option<Attempt>, is_quiet: bool, now: Moment) {
        self.lines.begin(is_quiet);
        self.sensor.begin();
        self.out.push(Output::Send(self.question.clone()));
        self.phase = Phase::Asking {
            asked: now.steady,
            heard: now.steady,
            reading: reading.unwrap_or(Attempt {
                begun: now.steady,
                left: self.config.tries.saturating_sub(1),
            }),
        };
    }

    /// Of several lines that fit, the last counts, until there is a value for all: what comes after
    /// that may come now or later, and is left out.
    fn take_answer(&mut self, now: Moment) {
        while !self.sensor.is_complete()
            && let Some(line) = self.lines.next()
        {
            self.sensor.take(&line);
        }
        let late = self.answer_due();
        if self.sensor.is_complete() || late.is_some_and(|late| now.steady >= late) {
            self.end_reading(now);
        }
    }

    fn wait_for_answer(&mut self, now: Moment) {
        let Phase::Asking { heard, .. } = &mut self.phase else {
            return;
        };
        let is_quiet = now.since(*heard) >= QUIET;
        if is_quiet && self.lines.is_open() {
            *heard = now.steady;
            self.lines.quiet();
            self.take_answer(now);
        } else if is_quiet && self.sensor.has_values() {
            self.end_reading(now);
        } else {
            self.take_answer(now);
        }
    }

    /// When the answer has to be there.
    fn answer_due(&self) -> Option<Duration> {
        match self.phase {
            Phase::Asking { asked, .. } => Some(asked + self.config.timeout.get()),
            _ => None,
        }
    }

    /// The answer is there, or will not come any more.
    fn end_reading(&mut self, now: Moment) {
        let Phase::Asking { heard, reading, .. } = self.phase else {
            return;
        };
        let rest = |until, reading| Phase::Resting {
            since: heard,
            until,
            heard: None,
            reading,
        };
        if !self.sensor.has_values() && reading.left > 0 {
            let left = reading.left - 1;
            let again = Some(Attempt { left, ..reading });
            self.phase = rest(now.steady + AGAIN, again);
            return;
        }
        let within = self.config.timeout.get();
        let result = if self.sensor.has_values() {
            Ok(())
        } else {
            Err(match self.sensor.unfit() {
                Some(why) => why.clone(),
                None if self.lines.unended().is_empty() => health::no_answer(within),
                None => health::no_end(self.lines.unended(), within),
            })
        };
        self.tell(result, now);
        let interval = self.config.interval.get();
        let left = interval.checked_sub(now.since(reading.begun));
        let pause = left.unwrap_or(AGAIN.min(interval));
        self.phase = rest(now.steady + pause, None);
    }

    /// Reports how a reading went.
    fn tell(&mut self, result: Result<(), Health>, now: Moment) {
        let (heard, reports) = match result {
            Ok(()) => (Heard::Good, self.sensor.reading(now)),
            Err(why) => (Heard::Bad, self.sensor.failed(now, why)),
        };
        self.out.push(Output::Heard(heard));
        self.out.report(reports);
    }

    /// Every line of a file, by itself.
    fn read_file(&mut self, now: Moment) {
        while let Some(line) = self.lines.next() {
            self.sensor.begin();
            let found = self.sensor.take(&line);
            if found.is_empty() {
                self.out.push(Output::Refused(Undecoded {
                    reason: self.reason(&line),
                    annotation: self.annotation(&line, &[]),
                }));
                continue;
            }
            self.out.report([self.sensor.description()]);
            self.out.report(self.sensor.reading(now));
            self.out.push(Output::Message(Message {
                notes: Vec::new(),
                annotation: self.annotation(&line, &found),
            }));
        }
    }

    fn reason(&self, line: &Result<TextLine, TooLong>) -> String {
        let why = self.sensor.unfit().map(|health| health.detail.to_string());
        match line {
            Ok(line) => format!("at byte {}: {}", line.offset, why.unwrap_or_default()),
            Err(error) => error.to_string(),
        }
    }

    fn annotation(&self, line: &Result<TextLine, TooLong>, found: &[Found]) -> String {
        match line {
            Ok(line) if self.annotates => annotation(line, found, &self.config.values),
            _ => String::new(),
        }
    }

    /// When time means something next.
    fn wake(&self, now: Moment) -> Duration {
        let quiet = |heard| {
            if self.lines.is_open() {
                heard + QUIET
            } else {
                Duration::MAX
            }
        };
        match self.phase {
            Phase::Away => Duration::MAX,
            Phase::Listening { opened, heard, .. } => {
                let trial = opened + self.sensor.patience();
                let silence = self.sensor.until_silence(now).map(|left| now.steady + left);
                let told = [Some(trial), silence].into_iter().flatten();
                let told = told.filter(|moment| *moment > now.steady).min();
                let told = told.unwrap_or(Duration::MAX);
                told.min(heard + self.dead()).min(quiet(heard))
            }
            Phase::Resting { until, .. } => until,
            Phase::Asking { asked, heard, .. } => {
                let late = asked + self.config.timeout.get();
                if self.sensor.has_values() {
                    heard + QUIET
                } else {
                    late.min(quiet(heard))
                }
            }
        }
    }
}

impl Protocol for Conversation {
    fn settings(&self) -> SerialSettings {
        SerialSettings::new(self.config.baud, self.config.parity)
    }

    fn handle(&mut self, input: Input<'_>, now: Moment) {
        match input {
            Input::Bytes(bytes) if self.is_file => {
                self.lines.push(bytes);
                self.read_file(now);
            }
            Input::End => {
                self.lines.finish();
                self.read_file(now);
            }
            Input::Opened => self.opened(now.steady),
            Input::Bytes(bytes) => self.bytes(bytes, now),
            Input::Time => self.time(now),
            Input::Closed => self.phase = Phase::Away,
            Input::Unreachable(error) => {
                self.out
                    .report(self.sensor.gone(now, line::unreachable(error)));
            }
            // It has nothing that could be set, and remembers nobody.
            Input::Command { .. }
            | Input::Withdrawn(_)
            | Input::Attended(_)
            | Input::Forgotten(_) => {}
        }
        self.out.wake = self.wake(now);
    }

    fn poll(&mut self) -> Output {
        self.out.poll()
    }

    fn annotate(&mut self) {
        self.annotates = true;
    }

    fn verdict(&self, reports: &[Report], listened: Duration) -> Option<Result<Probed, Health>> {
        let is_read = |report: &&Report| {
            matches!(report, Report::Readings(readings)
                if self.config.values.iter().any(|value| readings.get(&value.id).is_some()))
        };
        if let Some(Report::Readings(readings)) = reports.iter().rev().find(is_read) {
            let words = metrics::in_words(&self.config.values, readings);
            return Some(Ok(Probed::from(words)));
        }
        if self.question.is_empty() {
            let why = || self.sensor.unfit().cloned();
            let why = || why().unwrap_or_else(|| health::nothing_comes(LISTEN));
            (listened >= LISTEN).then(|| Err(why()))
        } else {
            // Every try has its time.
            last_trouble(reports).map(Err)
        }
    }
}

#[cfg(test)]
mod tests;
