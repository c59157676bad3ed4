//! From the bytes of a line to the reports of the device at its end, and back to the bytes it is
//! asked with. Pure: no I/O.

mod stopwatch;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use self::stopwatch::Stopwatch;
use super::config::Config;
use super::control::{Controls, Finished};
use super::diagnosis::{self, Line};
use super::history::{Kept, Past, is_kept};
use super::inquiry::{Hearing, Inquiry, Outcome};
use super::unit::{Counts, Remembered, Unit};
use super::wire::cycle::Cycles;
use super::wire::hex::{Answer, Frame, Request, Value as Register, Version};
use super::wire::history::Record;
use super::wire::products::parse_id;
use super::wire::registers;
use super::wire::text::{Block, Decoder, Event};
use crate::model::{DeviceId, Health, HealthCode, Report, Value};

/// Half a block that goes on no more is given up after this.
const TORN: Duration = Duration::from_secs(3);
/// How long a new device is waited for to say who it is, before it is named by its port.
const INTRODUCTION: Duration = Duration::from_secs(8);
/// Labels that have not come for so many rounds are forgotten.
const FORGOTTEN: u64 = 60;

const SERIAL: u16 = 0x010a;
const CUSTOM_NAME: u16 = 0x010c;

/// The line of one port.
#[derive(Debug)]
pub(super) struct Reception {
    decoder: Decoder,
    line: State,
    watch: Stopwatch,
}

/// All but the decoder, so that its events can be taken one by one.
#[derive(Debug)]
struct State {
    config: Arc<Config>,
    port: String,
    /// Whether there is only a file, so that no time passes.
    is_file: bool,
    cycles: Cycles,
    unit: Unit,
    inquiry: Inquiry,
    controls: Controls,
    past: Past,
    counts: Counts,
    line: Line,
    /// When the first thing was heard of the present device.
    met: Option<Duration>,
    /// When anything was last heard of it.
    heard: Option<Timestamp>,
    health: Option<Health>,
    /// How the line is, as told while no device was known.
    told: Option<Health>,
    /// Devices that were here before.
    former: Vec<DeviceId>,
    finished: Vec<Finished>,
}

impl Reception {
    /// A line at a port that stands for a device without a serial number. `known` is what is
    /// remembered of the device that was there last.
    pub(super) fn new(
        config: Arc<Config>,
        port: String,
        known: Remembered,
        zone: TimeZone,
    ) -> Self {
        let inquiry = Inquiry::new(config.ask, Duration::ZERO);
        Self {
            decoder: Decoder::new(),
            watch: Stopwatch::default(),
            line: State {
                unit: Unit::new(port.clone(), known, zone),
                config,
                port,
                is_file: false,
                cycles: Cycles::new(),
                inquiry,
                controls: Controls::default(),
                past: Past::default(),
                counts: Counts::default(),
                line: Line::default(),
                met: None,
                heard: None,
                health: None,
                told: None,
                former: Vec::new(),
                finished: Vec::new(),
            },
        }
    }

    /// Bytes of a file: nobody is asked.
    pub(super) fn of_file(config: &Config) -> Self {
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
    pub(super) fn opened(&mut self, at: Timestamp) {
        let now = self.watch.at(at);
        self.decoder = Decoder::new();
        let line = &mut self.line;
        line.cycles.clear();
        line.inquiry = Inquiry::new(line.config.ask, now);
        line.inquiry.begin_day(line.past.known(line.today(at)));
        line.line.opened(now);
        line.met = None;
        (line.health, line.told) = (None, None);
    }

    /// The port cannot be opened, or was closed. Says so of the device, or of the line.
    pub(super) fn closed(&mut self, why: &Health) -> Vec<Report> {
        let line = &mut self.line;
        let abandoned = line
            .controls
            .abandon("the device is not connected at the moment; try again when it is");
        line.finished.extend(abandoned);
        line.told = None;
        line.tell(why.clone()).into_iter().collect()
    }

    /// Takes bytes, cut anywhere. Each event is shown to `see` before it is used.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        at: Timestamp,
        mut see: impl FnMut(&Event<'_>),
    ) -> Vec<Report> {
        let now = self.watch.at(at);
        let line = &mut self.line;
        if line.line.quiet(now) >= TORN && line.cycles.get("SER#").is_none() {
            // Its text does not say whether somebody has plugged in another one meanwhile.
            line.doubt(now);
        }
        line.inquiry.heard(now);
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
    pub(super) fn tick(&mut self, at: Timestamp) -> Vec<Report> {
        let now = self.watch.at(at);
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
                line.unit.fall_asleep();
            }
            reports.extend(told);
            reports.append(&mut line.reports(now, at));
        }
        reports
    }

    /// No more bytes will come.
    pub(super) fn finish(&mut self, at: Timestamp, mut see: impl FnMut(&Event<'_>)) -> Vec<Report> {
        let now = self.watch.at(at);
        let line = &mut self.line;
        self.decoder.finish(|event| {
            see(&event);
            line.take(&event, now, at);
        });
        let State {
            cycles,
            unit,
            former,
            port,
            ..
        } = line;
        let due = cycles.due().unwrap_or(now);
        cycles.tick(due, |cycles| {
            round(unit, former, port, cycles, now, at);
        });
        if unit.has_values() {
            unit.settle_identity();
        }
        line.reports(now, at)
    }

    /// What to send now, if anything. `is_attended` says whether anybody is there who could give
    /// commands.
    pub(super) fn next_request(&mut self, at: Timestamp, is_attended: bool) -> Option<Vec<u8>> {
        let now = self.watch.at(at);
        let line = &mut self.line;
        let (again, outcome) = line.inquiry.tick(now);
        if let Some(Outcome::Unanswered(request)) = outcome {
            line.counts.failures += 1;
            line.finished
                .extend(line.controls.unanswered(&request, now));
        }
        if again.is_some() {
            return again;
        }
        for request in line.controls.tick(now, is_attended) {
            line.inquiry.ask(request);
        }
        if line.inquiry.hearing() == Hearing::No {
            let abandoned = line
                .controls
                .abandon("the device does not answer; look whether the cable can send to it");
            line.finished.extend(abandoned);
            line.inquiry.forget_urgent();
        }
        if let Some(request) = line.controls.next() {
            line.inquiry.ask(request);
        }
        line.inquiry.next(line.unit.family(), now)
    }

    /// Begins a command under a number of the caller's choice. What becomes of it is among
    /// [`Reception::finished`], unless it is known at once.
    pub(super) fn command(
        &mut self,
        id: u64,
        key: &str,
        value: &Value,
        at: Timestamp,
    ) -> Result<Option<Value>, String> {
        let now = self.watch.at(at);
        let line = &mut self.line;
        line.controls.begin(id, key, value, &line.unit, now)
    }

    /// Commands that have come to their end.
    pub(super) fn finished(&mut self) -> Vec<Finished> {
        std::mem::take(&mut self.line.finished)
    }

    /// Whether an answer is waited for, so that time should be looked at often.
    pub(super) fn is_busy(&self) -> bool {
        self.line.inquiry.is_busy()
    }

    /// Whether the device complains about what it gets, though nobody asked it wrongly.
    pub(super) const fn is_complaining(&self) -> bool {
        self.line.inquiry.is_complaining()
    }

    /// The device, as far as it is known.
    pub(super) const fn unit(&self) -> &Unit {
        &self.line.unit
    }

    /// Hands over the days of the device. `recall` brings back what is kept under a key, `keep` keeps
    /// it.
    pub(super) fn keep(
        &mut self,
        at: Timestamp,
        recall: impl FnOnce(&str) -> Option<Kept>,
        keep: impl FnOnce(&str, &Kept),
    ) {
        let now = self.watch.at(at);
        let line = &mut self.line;
        let Some(key) = line.unit.identity().map(Past::key) else {
            return;
        };
        if !line.past.is_of(&key) {
            let kept = recall(&key);
            line.past.recall(key, kept);
            let today = line.today(at);
            line.inquiry.begin_day(line.past.known(today));
        }
        if let Some((key, kept)) = line.past.due(now) {
            keep(key, kept);
        }
    }

    /// What is counted of the line.
    pub(super) const fn counts(&self) -> Counts {
        self.line.counts
    }
}

impl State {
    fn take(&mut self, event: &Event<'_>, now: Duration, at: Timestamp) {
        match event {
            Event::Block(block) => self.block(block, now, at),
            Event::Hex(frame) => self.frame(frame, now, at),
            Event::Refused(refused) => {
                tracing::debug!("{}: {refused:?}", self.port);
                // The first block after opening is the rest of one.
                if self.line.has_good() {
                    self.counts.damaged += 1;
                }
            }
        }
    }

    fn block(&mut self, block: &Block<'_>, now: Duration, at: Timestamp) {
        self.counts.blocks += 1;
        self.line.good(now);
        self.heard = Some(at);
        self.inquiry.block_ended(now);
        self.met.get_or_insert(now);
        let Self {
            cycles,
            unit,
            former,
            port,
            ..
        } = self;
        let mut is_other = false;
        cycles.block(block, now, |cycles| {
            is_other = round(unit, former, port, cycles, now, at);
        });
        if is_other {
            self.begin_anew(now);
        }
    }

    fn tick(&mut self, now: Duration, at: Timestamp) {
        let Self {
            cycles,
            unit,
            former,
            port,
            ..
        } = self;
        let mut is_other = false;
        cycles.tick(now, |cycles| {
            is_other = round(unit, former, port, cycles, now, at);
        });
        cycles.forget(FORGOTTEN);
        unit.age(now);
        self.look_at_day(at);
        if is_other {
            self.begin_anew(now);
        }
    }

    /// Perhaps another device is there: it is asked before it is believed.
    fn doubt(&mut self, now: Duration) {
        if self.inquiry.doubt() {
            self.met = Some(now);
        }
    }

    /// Another device is there.
    fn begin_anew(&mut self, now: Duration) {
        (self.health, self.heard) = (None, None);
        self.met = Some(now);
        self.controls.forget();
        self.past = Past::default();
        self.inquiry.meet_again();
    }

    fn frame(&mut self, frame: &Frame<'_>, now: Duration, at: Timestamp) {
        let answer = Answer::decode(frame);
        let outcome = self.inquiry.answer(&answer, now);
        if matches!(
            answer,
            Answer::Malformed | Answer::Error(_) | Answer::UnknownCommand(_)
        ) {
            return;
        }
        self.line.good(now);
        self.heard = Some(at);
        self.met.get_or_insert(now);
        if let Some(value) = answer.value() {
            self.register(&value, now, at);
        }
        if let Some(Outcome::Answered(request)) = outcome {
            self.counts.answers += 1;
            match (&request, answer.word()) {
                (Request::Product, Some(id)) => {
                    if self.unit.is_other(Some(id), None) {
                        self.replace(now);
                    }
                    self.unit.know_product(id);
                }
                (Request::Version, Some(word)) => {
                    self.unit.know_firmware(Version(word).to_string());
                }
                _ => {}
            }
            let finished = self.controls.answered(&request, &answer, now);
            self.finished.extend(finished);
        }
    }

    fn register(&mut self, value: &Register<'_>, now: Duration, at: Timestamp) {
        let text = || match registers::Register::of(value.register)?.decode(value.bytes) {
            registers::Reading::Text(text) if value.flags.is_ok() => Some(text),
            _ => None,
        };
        match value.register {
            SERIAL => {
                if let Some(serial) = text().filter(|serial| is_serial(serial)) {
                    if self.unit.is_other(None, Some(&serial)) {
                        self.replace(now);
                    }
                    self.unit.know_serial(&serial);
                }
            }
            CUSTOM_NAME => self.unit.know_custom_name(&text().unwrap_or_default()),
            register if is_kept(register) => self.record(value, now, at),
            _ => self.unit.take_hex(value, now, at),
        }
    }

    /// A record of the history.
    fn record(&mut self, value: &Register<'_>, now: Duration, at: Timestamp) {
        let Ok(record) = Record::decode(value) else {
            return;
        };
        let today = self.today(at);
        self.past.take(&record, today, now);
        if self.past.begins_by_record(&record) {
            self.inquiry.begin_day(self.past.known(today));
        }
    }

    /// Looks whether the device has begun a day.
    fn look_at_day(&mut self, at: Timestamp) {
        if let Some((number, _)) = self.unit.day()
            && self.past.begins(number)
        {
            self.inquiry.begin_day(self.past.known(self.today(at)));
        }
    }

    /// The date of the day that the device is in.
    fn today(&self, at: Timestamp) -> Date {
        let here = || at.to_zoned(self.unit.zone().clone()).date();
        self.unit.day().map_or_else(here, |(_, date)| date)
    }

    fn replace(&mut self, now: Duration) {
        replace(&mut self.unit, &mut self.former, &self.port);
        self.begin_anew(now);
    }

    /// What there is to tell now.
    fn reports(&mut self, now: Duration, at: Timestamp) -> Vec<Report> {
        let mut reports: Vec<Report> = self.former.drain(..).map(Report::Gone).collect();
        let waited = self
            .met
            .is_some_and(|met| now.saturating_sub(met) >= INTRODUCTION);
        // Who is there must be certain before values are told, also after a cable was plugged in
        // again: of two shunts alike only HEX can tell which it is.
        // And a new device is announced once, with all that it has.
        let is_ready = if self.unit.is_new() {
            let is_surveyed = self.inquiry.is_surveyed(self.unit.family());
            let is_known = if self.is_file {
                // A value that comes before the first block does not say whose it is.
                self.unit.id().is_some() || self.unit.has_sent_some_text()
            } else {
                self.unit.has_sent_text() || self.inquiry.is_without_text(now)
            };
            is_surveyed && is_known
        } else {
            self.inquiry.is_introduced()
        };
        if self.unit.has_values() && (is_ready || waited) {
            self.unit.settle_identity();
            let is_surveyed = self.inquiry.is_surveyed(self.unit.family());
            let may_be = self.config.allow_control && self.inquiry.hearing() != Hearing::No;
            let is_controlled = (is_surveyed || !may_be).then_some(may_be);
            let moment = (!self.is_file).then_some(now);
            if let Some(device) = self.unit.describe(&self.config, is_controlled, moment) {
                reports.push(Report::Device(Box::new(device)));
            }
            let is_asleep = self
                .health
                .as_ref()
                .is_some_and(|health| health.code == HealthCode::Asleep);
            // What is remembered of a device is no sign of life.
            if !self.line.has_good() && !is_asleep {
                return reports;
            }
            let line = (!self.is_file).then(|| (self.counts, self.link(now), self.heard));
            if let Some(readings) = self.unit.readings(now, at, line) {
                reports.push(Report::Readings(readings));
                if self.verdict(now).is_none() {
                    reports.extend(self.tell(Health::ONLINE));
                }
            }
        }
        reports
    }

    fn verdict(&self, now: Duration) -> Option<Health> {
        diagnosis::health(&self.line, self.unit.product(), &self.config, now)
    }

    fn link(&self, now: Duration) -> &'static str {
        match (self.inquiry.hearing(), self.inquiry.is_without_text(now)) {
            (Hearing::Yes, false) => "text and HEX",
            (_, true) => "HEX only",
            _ => "text only",
        }
    }

    /// Says how the device is, or the line while no device is known, if that is news.
    fn tell(&mut self, health: Health) -> Option<Report> {
        let Some(id) = self.unit.id() else {
            if self.told.as_ref() == Some(&health) || !health.code.is_problem() {
                return None;
            }
            self.told = Some(health.clone());
            return Some(Report::Source(health));
        };
        if self.health.as_ref() == Some(&health) {
            return None;
        }
        self.health = Some(health.clone());
        Some(Report::Health(id, health))
    }
}

/// Takes a whole round; true if it is of another device than was known.
fn round(
    unit: &mut Unit,
    former: &mut Vec<DeviceId>,
    port: &str,
    cycles: &Cycles,
    now: Duration,
    at: Timestamp,
) -> bool {
    let product = cycles.get("PID").and_then(parse_id);
    let serial = cycles.get("SER#").map(String::from_utf8_lossy);
    let is_other = unit.is_other(product, serial.as_deref().map(str::trim));
    if is_other {
        replace(unit, former, port);
    }
    unit.take_round(cycles, now, at);
    is_other
}

fn replace(unit: &mut Unit, former: &mut Vec<DeviceId>, port: &str) {
    tracing::info!("{port}: another device is here than {}", unit.label());
    former.extend(unit.id());
    *unit = Unit::new(port.to_owned(), Remembered::default(), unit.zone().clone());
}

/// Whether a device may be known by this for ever.
fn is_serial(text: &str) -> bool {
    let sound = |c: char| c.is_ascii_alphanumeric();
    (4..=32).contains(&text.len()) && text.chars().all(sound)
}

#[cfg(test)]
mod tests;
