//! What is known of a line, and what each block, frame and moment makes of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::rhythm::Rhythm;
use super::belief::Belief;
use super::caution::Twice;
use super::company::Company;
use crate::adapters::victron::config::Config;
use crate::adapters::victron::control::{self, Controls, Finished};
use crate::adapters::victron::device::{Counts, Remembered, VeDevice};
use crate::adapters::victron::health::{self, LineHealth};
use crate::adapters::victron::history::{Past, is_kept};
use crate::adapters::victron::poller::{Hearing, Outcome, Poller};
use crate::adapters::victron::wire::cycle::Cycles;
use crate::adapters::victron::wire::hex::{Answer, Frame, Request, Value as Register, Version};
use crate::adapters::victron::wire::history::Record;
use crate::adapters::victron::wire::products::parse_id;
use crate::adapters::victron::wire::registers::{self, CUSTOM_NAME, SERIAL, serial_of};
use crate::adapters::victron::wire::text::{Block, Event};
use crate::model::{DeviceId, Health, HealthCode, Report};

/// How long a new device is waited for to say who it is, before it is named by its port.
const INTRODUCTION: Duration = Duration::from_secs(8);
/// The same while it answers questions.
const SURVEY: Duration = Duration::from_secs(30);
/// Labels that have not come for so many rounds are forgotten.
const FORGOTTEN: u64 = 60;

/// All but the decoder, so that its events can be taken one by one.
#[derive(Debug)]
pub struct State {
    pub config: Arc<Config>,
    pub port: String,
    /// Whether there is only a file, so that no time passes.
    pub is_file: bool,
    pub belief: Belief,
    pub cycles: Cycles,
    pub unit: VeDevice,
    pub poller: Poller,
    pub controls: Controls,
    pub past: Past,
    pub counts: Counts,
    pub line: LineHealth,
    /// Rounds of text on this connection, all of the device that is known.
    pub rounds: u64,
    /// When the first thing was heard of the present device.
    pub met: Option<Duration>,
    /// When anything was last heard of it.
    pub heard: Option<Timestamp>,
    pub health: Option<Health>,
    /// How the line is, as told while no device was known.
    pub told: Option<Health>,
    /// Another device that seems to be here.
    pub company: Company,
    pub told_serial: Twice<String>,
    pub told_product: Twice<u16>,
    /// Devices that were here before.
    pub former: Vec<DeviceId>,
    pub finished: Vec<Finished>,
}

impl State {
    /// A line at a port, where nothing has been heard yet.
    pub fn new(config: Arc<Config>, port: String, known: Remembered, zone: TimeZone) -> Self {
        Self {
            poller: Poller::new(config.ask, Duration::ZERO),
            line: LineHealth::knowing(known.pause()),
            unit: VeDevice::new(port.clone(), known, zone),
            config,
            port,
            is_file: false,
            belief: Belief::default(),
            cycles: Cycles::new(),
            controls: Controls::default(),
            past: Past::default(),
            counts: Counts::default(),
            rounds: 0,
            met: None,
            heard: None,
            health: None,
            told: None,
            company: Company::default(),
            told_serial: Twice::default(),
            told_product: Twice::default(),
            former: Vec::new(),
            finished: Vec::new(),
        }
    }

    pub fn take(&mut self, event: &Event<'_>, now: Duration, at: Timestamp) {
        match event {
            Event::Block(block) => self.block(block, now, at),
            Event::Hex(frame) => self.frame(frame, now, at),
            Event::Refused(refused) => {
                tracing::debug!("{}: {refused:?}", self.port);
                self.belief.damaged();
                // The first block after opening is the rest of one.
                if self.line.has_good() {
                    self.counts.damaged += 1;
                }
            }
        }
    }

    fn block(&mut self, block: &Block<'_>, now: Duration, at: Timestamp) {
        self.counts.blocks += 1;
        self.good(now, at);
        self.poller.block_ended(now);
        if !self.belief.believes(block) {
            tracing::debug!("{}: a block waits for another like it", self.port);
            return;
        }
        if self.company.second(now).is_some() && !names_its_sender(block) {
            // It may be of either.
            return;
        }
        let mut cycles = std::mem::take(&mut self.cycles);
        cycles.block(block, now, |cycles| self.round(cycles, now, at));
        self.cycles = cycles;
    }

    /// Something has come whole.
    fn good(&mut self, now: Duration, at: Timestamp) {
        self.line.good(now);
        if let Some(pause) = self.line.rhythm.learned() {
            self.unit.know_pause(pause);
        }
        self.heard = Some(at);
        self.met.get_or_insert(now);
    }

    pub fn tick(&mut self, now: Duration, at: Timestamp) {
        let mut cycles = std::mem::take(&mut self.cycles);
        cycles.tick(now, |cycles| self.round(cycles, now, at));
        cycles.forget(FORGOTTEN);
        self.cycles = cycles;
        self.unit.age(now);
        self.look_at_day(at);
    }

    /// The last round of a file is whole.
    pub fn finish(&mut self, now: Duration, at: Timestamp) {
        let due = self.cycles.due().unwrap_or(now);
        let mut cycles = std::mem::take(&mut self.cycles);
        cycles.tick(due, |cycles| self.round(cycles, now, at));
        self.cycles = cycles;
        if self.unit.has_values() {
            self.unit.settle_identity();
        }
    }

    /// Takes a whole round.
    fn round(&mut self, cycles: &Cycles, now: Duration, at: Timestamp) {
        let product = cycles.get("PID").and_then(parse_id);
        let serial = cycles.get("SER#").map(String::from_utf8_lossy);
        let serial = serial.as_deref().and_then(serial_of);
        if self.unit.is_other(product, serial) {
            let who = (product, serial.map(str::to_owned));
            if !self.company.stranger(who, now) && !self.is_file {
                self.rounds = 0;
                return;
            }
            self.replace(now);
        }
        self.company.own();
        self.rounds += 1;
        self.unit.take_round(cycles, now, at);
    }

    /// Perhaps another device is there: it is asked before it is believed.
    pub fn doubt(&mut self, now: Duration) {
        if self.poller.doubt() {
            self.met = Some(now);
        }
    }

    /// Whether it is certain which device is there, so that it may be written to.
    pub fn is_sure(&self, now: Duration) -> bool {
        // The first round may lack its beginning, and with it the product.
        let is_told = self.rounds > 1 || (self.rounds > 0 && self.cycles.get("PID").is_some());
        self.poller.is_introduced() && (is_told || self.poller.is_without_text(now))
    }

    /// Another device is there.
    fn begin_anew(&mut self, now: Duration) {
        (self.health, self.heard) = (None, None);
        self.met = Some(now);
        self.controls.forget();
        let why = "another device is at that port now";
        self.finished.extend(self.controls.abandon(why));
        self.poller.forget_urgent();
        self.rounds = 0;
        self.past = Past::default();
        self.poller.meet_again();
    }

    fn frame(&mut self, frame: &Frame<'_>, now: Duration, at: Timestamp) {
        let answer = Answer::decode(frame);
        let outcome = self.poller.answer(&answer, now);
        if matches!(
            answer,
            Answer::Malformed | Answer::Error(_) | Answer::UnknownCommand(_)
        ) {
            return;
        }
        self.good(now, at);
        if let Some(value) = answer.value() {
            self.register(&value, now, at);
        }
        if let Some(Outcome::Answered(request)) = outcome {
            self.counts.answers += 1;
            match (&request, answer.word()) {
                (Request::Product, Some(id)) => self.product(id, now),
                (Request::Version, Some(word)) => {
                    self.unit.know_firmware(Version(word).to_string());
                }
                _ => {}
            }
            let finished = self.controls.answered(&request, &answer, &self.unit, now);
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
                if let Some(serial) = text().as_deref().and_then(serial_of) {
                    self.serial(serial, now);
                }
            }
            CUSTOM_NAME => self.unit.know_custom_name(&text().unwrap_or_default()),
            register if is_kept(register) => self.record(value, now, at),
            _ => self.unit.take_hex(value, now, at),
        }
    }

    /// The device has told its product id.
    fn product(&mut self, id: u16, now: Duration) {
        let is_known = self.unit.product().is_some_and(|product| product.id == id);
        if !is_known && !self.told_product.agrees(id) && !self.is_file {
            self.poller.ask_again(Request::Product);
            return;
        }
        if self.unit.is_other(Some(id), None) {
            self.replace(now);
        }
        self.unit.know_product(id);
    }

    /// The device has told its serial number. A number that is news is asked for once more.
    fn serial(&mut self, serial: &str, now: Duration) {
        if self.unit.serial() == Some(serial) {
            self.told_serial.forget();
            return;
        }
        if !self.told_serial.agrees(serial.to_owned()) && !self.is_file {
            self.poller.ask_again(Request::Get(SERIAL));
            return;
        }
        if self.unit.is_other(None, Some(serial)) {
            self.replace(now);
        }
        self.unit.know_serial(serial);
    }

    /// A record of the history.
    fn record(&mut self, value: &Register<'_>, now: Duration, at: Timestamp) {
        let Ok(record) = Record::decode(value) else {
            return;
        };
        let today = self.today(at);
        self.past.take(&record, today, now);
        if self.past.begins_by_record(&record) {
            self.poller.begin_day(self.past.known(today));
        }
    }

    /// Looks whether the device has begun a day.
    fn look_at_day(&mut self, at: Timestamp) {
        if let Some(day) = self.unit.day()
            && self.past.begins(day.number)
        {
            self.poller.begin_day(self.past.known(self.today(at)));
        }
    }

    /// The date of the day that the device is in.
    pub fn today(&self, at: Timestamp) -> Date {
        let here = || at.to_zoned(self.unit.zone().clone()).date();
        self.unit.day().map_or_else(here, |day| day.began)
    }

    fn replace(&mut self, now: Duration) {
        tracing::info!(
            "{}: another device is here than {}",
            self.port,
            self.unit.label()
        );
        self.former.extend(self.unit.id());
        let zone = self.unit.zone().clone();
        self.unit = VeDevice::new(self.port.clone(), Remembered::default(), zone);
        self.line.rhythm = Rhythm::default();
        self.company = Company::default();
        self.begin_anew(now);
    }

    /// What there is to tell now.
    pub fn reports(&mut self, now: Duration, at: Timestamp) -> Vec<Report> {
        let replaced = |id| Report::Absent(id, health::replaced());
        let mut reports: Vec<Report> = self.former.drain(..).map(replaced).collect();
        // A device that answers is waited for longer: it will say who it is.
        let patience = match self.poller.hearing() {
            Hearing::Yes => SURVEY,
            _ => INTRODUCTION,
        };
        let waited = self
            .met
            .is_some_and(|met| now.saturating_sub(met) >= patience);
        // Who is there must be certain before values are told, also after a cable was plugged in
        // again: of two shunts alike only HEX can tell which it is.
        // And a new device is announced once, with all that it has.
        let is_ready = if self.unit.is_new() {
            let is_surveyed = self.poller.is_surveyed(self.unit.family());
            let is_known = if self.is_file {
                // A value that comes before the first block does not say whose it is.
                self.unit.id().is_some() || self.unit.has_sent_some_text()
            } else {
                self.unit.has_sent_text() || self.poller.is_without_text(now)
            };
            is_surveyed && is_known
        } else {
            self.poller.is_introduced()
        };
        if self.unit.has_values() && (is_ready || waited) {
            self.unit.settle_identity();
            let is_surveyed = self.poller.is_surveyed(self.unit.family());
            let may_be = self.poller.hearing() != Hearing::No;
            let controls = match (may_be, is_surveyed) {
                (false, _) => Some(Vec::new()),
                (true, true) => Some(control::offered(&self.unit)),
                (true, false) => None,
            };
            let moment = (!self.is_file).then_some(now);
            if let Some(device) = self.unit.describe(&self.config, controls, moment) {
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
            let line = (!self.is_file).then(|| (self.counts, self.protocol(now), self.heard));
            if let Some(readings) = self.unit.readings(now, at, line) {
                reports.push(Report::Readings(readings));
                if self.verdict(now).is_none() {
                    let shared = self
                        .company
                        .second(now)
                        .map(|(product, serial)| health::shared(*product, serial.as_deref()));
                    reports.extend(self.tell(shared.unwrap_or(Health::ONLINE)));
                }
            }
        }
        reports
    }

    pub fn verdict(&self, now: Duration) -> Option<Health> {
        let is_asked = self.is_asked(now);
        health::health(&self.line, &self.unit, &self.config, is_asked, now)
    }

    /// When the device counts as silent if nothing good comes any more.
    pub fn silent_at(&self, now: Duration) -> Duration {
        health::silent_at(&self.line, &self.config, self.is_asked(now))
    }

    /// Whether it speaks only when it is asked.
    fn is_asked(&self, now: Duration) -> bool {
        self.poller.hearing() == Hearing::Yes && self.poller.is_without_text(now)
    }

    fn protocol(&self, now: Duration) -> &'static str {
        match (self.poller.hearing(), self.poller.is_without_text(now)) {
            (Hearing::Yes, false) => "text and HEX",
            (_, true) => "HEX only",
            _ => "text only",
        }
    }

    /// Says how the device is, or the line while no device is known, if that is news.
    pub fn tell(&mut self, health: Health) -> Option<Report> {
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

/// Whether a block says of whom it is.
fn names_its_sender(block: &Block<'_>) -> bool {
    ["PID", "SER#"]
        .iter()
        .any(|label| block.get(label).is_some())
}
