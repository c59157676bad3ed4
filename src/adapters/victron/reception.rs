//! From the bytes of a line to the reports of the device at its end, and back to the bytes it is
//! asked with. Pure: no I/O.

mod belief;
mod caution;
mod company;
mod state;

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use self::belief::Belief;
use self::state::State;
use super::config::Config;
use super::control::{self, Finished, Upkeep};
use super::device::{Counts, Remembered, VeDevice};
use super::history::{Kept, Past};
use super::poller::{Hearing, Outcome, Poller};
use super::wire::text::{Decoder, Event};
use crate::clock::Moment;
use crate::model::{Health, HealthCode, Report, Value};

/// Half a block that goes on no more is given up after this.
const TORN: Duration = Duration::from_secs(3);
/// How often time is looked at while a device introduces itself or carries out a command, and how
/// often at least: for what may be some seconds late, such as that a value has become old.
const MEETING: Duration = Duration::from_millis(500);
const SELDOM: Duration = Duration::from_secs(5);

/// The line of one port.
#[derive(Debug)]
pub struct Reception {
    decoder: Decoder,
    line: State,
}

impl Reception {
    /// A line at a port that stands for a device without a serial number. `known` is what is
    /// remembered of the device that was there last.
    pub fn new(config: Arc<Config>, port: String, known: Remembered, zone: TimeZone) -> Self {
        Self {
            decoder: Decoder::new(),
            line: State::new(config, port, known, zone),
        }
    }

    /// Bytes of a file: nobody is asked.
    pub fn of_file(config: &Config) -> Self {
        let config = Config {
            ask: false,
            ..config.clone()
        };
        let (port, known) = ("unknown".to_owned(), Remembered::default());
        let mut reception = Self::new(Arc::new(config), port, known, TimeZone::UTC);
        reception.line.is_file = true;
        reception
    }

    /// The port was opened.
    pub fn opened(
        &mut self,
        Moment {
            steady: now,
            wall: at,
        }: Moment,
    ) {
        self.decoder = Decoder::new();
        self.cut();
        let line = &mut self.line;
        line.rounds = 0;
        line.cycles.clear();
        line.belief = Belief::default();
        line.poller = Poller::new(line.config.ask, now);
        line.poller.begin_day(line.past.known(line.today(at)));
        line.line.opened(now);
        line.met = None;
        (line.health, line.told) = (None, None);
    }

    /// The connection has ended: what was asked on it stays without an answer.
    pub fn cut(&mut self) {
        let line = &mut self.line;
        line.poller.forget_urgent();
        let abandoned = line.controls.abandon(
            "the connection to the device was lost before it confirmed the command; look what is set once it is back, \
             and try again",
        );
        line.finished.extend(abandoned);
    }

    /// The port cannot be opened, or was closed. Says so of the device, or of the line.
    pub fn closed(&mut self, why: &Health) -> Vec<Report> {
        let line = &mut self.line;
        line.told = None;
        line.tell(why.clone()).into_iter().collect()
    }

    /// Takes bytes, cut anywhere. Each event is shown to `see` before it is used.
    pub fn push(
        &mut self,
        bytes: &[u8],
        Moment {
            steady: now,
            wall: at,
        }: Moment,
        mut see: impl FnMut(&Event<'_>),
    ) -> Vec<Report> {
        let line = &mut self.line;
        if line.line.quiet(now) >= TORN {
            // Somebody may have plugged in another one meanwhile.
            line.rounds = 0;
            if line.cycles.get("SER#").is_none() {
                // Its text does not say so.
                line.doubt(now);
            }
        }
        line.poller.heard(now);
        line.line.bytes(now);
        let mut reports = Vec::new();
        self.decoder.push(bytes, |event| {
            see(&event);
            line.take(&event, now, at);
            reports.append(&mut line.reports(now, at));
        });
        reports
    }

    /// The passing of time.
    pub fn tick(
        &mut self,
        Moment {
            steady: now,
            wall: at,
        }: Moment,
    ) -> Vec<Report> {
        let line = &mut self.line;
        if self.decoder.in_progress() && line.line.quiet(now) >= TORN {
            self.decoder.finish(|event| line.take(&event, now, at));
        }
        line.tick(now, at);
        let mut reports = line.reports(now, at);
        if let Some(health) = line.verdict(now) {
            let falls_asleep = health.code == HealthCode::Asleep;
            let told = line.tell(health);
            if falls_asleep && told.is_some() {
                line.unit.fall_asleep(now);
            }
            reports.extend(told);
            reports.append(&mut line.reports(now, at));
        }
        reports
    }

    /// No more bytes will come.
    pub fn finish(
        &mut self,
        Moment {
            steady: now,
            wall: at,
        }: Moment,
        mut see: impl FnMut(&Event<'_>),
    ) -> Vec<Report> {
        let line = &mut self.line;
        self.decoder.finish(|event| {
            see(&event);
            line.take(&event, now, at);
        });
        line.finish(now, at);
        line.reports(now, at)
    }

    /// What to send now, if anything. `is_attended` says whether anybody is there who could give
    /// commands.
    pub fn next_request(
        &mut self,
        Moment {
            steady: now,
            wall: at,
        }: Moment,
        is_attended: bool,
    ) -> Option<Vec<u8>> {
        let line = &mut self.line;
        let is_sure = line.is_sure(now);
        line.poller.hold(!is_sure);
        let (again, outcome) = line.poller.tick(now);
        if let Some(Outcome::Unanswered(request)) = outcome {
            line.counts.failures += 1;
            line.finished.extend(line.controls.unanswered(&request));
        }
        if again.is_some() {
            return again;
        }
        match line.controls.keep_up(at, is_attended, is_sure) {
            Upkeep::Nothing => {}
            Upkeep::Tell(requests) => requests
                .into_iter()
                .for_each(|request| line.poller.ask(request)),
            Upkeep::Over(why) => {
                tracing::warn!("{}: {why}", line.port);
                line.poller.take_back(control::is_of_limit);
            }
        }
        if line.poller.hearing() == Hearing::No {
            let abandoned = line
                .controls
                .abandon("the device does not answer; look whether the cable can send to it");
            line.finished.extend(abandoned);
            line.poller.forget_urgent();
        }
        line.finished.extend(line.controls.tick(&line.unit, now));
        if is_sure && let Some(request) = line.controls.next(now) {
            line.poller.ask(request);
        }
        // A question would cut the block that is under way, where text stops for HEX.
        if self.decoder.in_progress() && line.line.quiet(now) < TORN {
            return None;
        }
        line.poller.next(line.unit.family(), now)
    }

    /// Begins a command under a number of the caller's choice. What becomes of it is among
    /// [`Reception::finished`], unless it is known at once.
    pub fn command(
        &mut self,
        id: u64,
        key: &str,
        value: &Value,
        Moment { steady: now, .. }: Moment,
    ) -> Result<Option<Value>, String> {
        let line = &mut self.line;
        if key == control::LIFT_LIMIT {
            let why = "the limit was lifted meanwhile";
            line.finished.extend(line.controls.end_limit(None, why));
            line.poller.take_back(control::is_of_limit);
            return Ok(Some(Value::Unknown));
        }
        line.controls.begin(id, key, value, &line.unit, now)?;
        if key == control::SET_LIMIT {
            let why = "another limit was set meanwhile";
            line.finished.extend(line.controls.end_limit(Some(id), why));
            line.poller.take_back(control::is_of_limit);
        }
        Ok(None)
    }

    /// Nobody waits for a command any more: it is forgotten, unless it has begun.
    pub fn withdraw(&mut self, id: u64) {
        self.line.controls.withdraw(id);
    }

    /// Commands that have come to their end.
    pub fn finished(&mut self) -> Vec<Finished> {
        std::mem::take(&mut self.line.finished)
    }

    /// When to look at the time next, if nothing comes before.
    pub fn due(&self, now: Duration) -> Duration {
        let line = &self.line;
        let torn = line.line.last_byte() + TORN;
        let met = now + MEETING;
        let moments = [
            line.cycles.due(),
            self.decoder.in_progress().then_some(torn),
            line.unit.due(),
            (!line.unit.is_described()).then_some(met),
            line.controls.is_busy().then_some(met),
            line.poller.due(now),
            Some(line.silent_at(now)),
        ];
        // What is long overdue waits for something else than time.
        let is_ahead = |moment: &Duration| *moment + MEETING > now;
        let soonest = moments.into_iter().flatten().filter(is_ahead).min();
        soonest.unwrap_or(Duration::MAX).min(now + SELDOM)
    }

    /// Whether the device complains about what it gets, though nobody asked it wrongly.
    pub const fn is_complaining(&self) -> bool {
        self.line.poller.is_complaining()
    }

    /// The device, as far as it is known.
    pub const fn unit(&self) -> &VeDevice {
        &self.line.unit
    }

    /// Hands over the days of the device. `recall` brings back what is kept under a key, `keep` keeps
    /// it.
    pub fn keep(
        &mut self,
        Moment {
            steady: now,
            wall: at,
        }: Moment,
        recall: impl FnOnce(&str) -> Option<Kept>,
        keep: impl FnOnce(&str, &Kept),
    ) {
        let line = &mut self.line;
        let Some(key) = line.unit.identity().map(Past::key) else {
            return;
        };
        if !line.past.is_of(&key) {
            let kept = recall(&key);
            line.past.recall(key, kept);
            let today = line.today(at);
            line.poller.begin_day(line.past.known(today));
        }
        if let Some((key, kept)) = line.past.due(now) {
            keep(key, kept);
        }
    }

    /// What is counted of the line.
    pub const fn counts(&self) -> Counts {
        self.line.counts
    }
}

#[cfg(test)]
mod tests;
