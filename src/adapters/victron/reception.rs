//! What is known of the device at a line, and what each block, frame and moment makes of it.

mod belief;
mod caution;
mod company;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use self::belief::Belief;
use self::caution::Twice;
use self::company::Company;
use super::config::VictronConfig;
use super::control::{self, Controls, Finished};
use super::device::{Counts, Remembered, VeDevice};
use super::health::{self, LineHealth};
use super::history::{Past, is_kept};
use super::poller::{Hearing, Poller, QuestionOutcome};
use super::rhythm::Rhythm;
use super::wire::cycle::Cycles;
use super::wire::hex::{Answer, Frame, Request, Value as Register, Version};
use super::wire::history::Record;
use super::wire::products::parse_id;
use super::wire::registers::{self, CUSTOM_NAME, SERIAL, serial_of};
use super::wire::text::{Block, Event};
use crate::clock::Moment;
use crate::model::{DeviceId, Health, HealthCode, Report};

/// Half a block that goes on no more is given up after this.
pub const TORN: Duration = Duration::from_secs(3);
/// How long a new device is waited for to say who it is, before it is named by its port.
const INTRODUCTION: Duration = Duration::from_secs(8);
/// The same while it answers questions.
const SURVEY: Duration = Duration::from_secs(30);
/// Labels that have not come for so many rounds are forgotten.
const FORGOTTEN: u64 = 60;

/// What is known of the device at a line.
#[derive(Debug)]
pub struct Reception {
    config: Arc<VictronConfig>,
    pub port: String,
    /// Whether there is only a file, so that no time passes.
    pub is_file: bool,
    belief: Belief,
    pub cycles: Cycles,
    pub device: VeDevice,
    pub poller: Poller,
    pub controls: Controls,
    pub past: Past,
    pub counts: Counts,
    pub line_health: LineHealth,
    /// Rounds of text on this connection, all of the device that is known.
    rounds: u64,
    /// When the first thing was heard of the present device.
    met: Option<Duration>,
    /// When anything was last heard of it.
    heard: Option<Timestamp>,
    health: Option<Health>,
    /// How the line is, as told while no device was known.
    told: Option<Health>,
    /// Another device that seems to be here.
    company: Company,
    told_serial: Twice<String>,
    told_product: Twice<u16>,
    /// Devices that were here before.
    former: Vec<DeviceId>,
    pub finished: Vec<Finished>,
}

impl Reception {
    /// A line at a port, where nothing has been heard yet.
    pub fn new(
        config: Arc<VictronConfig>,
        port: String,
        known: Remembered,
        zone: TimeZone,
    ) -> Self {
        Self {
            poller: Poller::new(config.ask, Duration::ZERO),
            line_health: LineHealth::knowing(known.pause()),
            device: VeDevice::new(port.clone(), known, zone),
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

    /// The port was opened: nothing of this connection has come yet.
    pub fn opened(&mut self, now: Moment) {
        self.cut();
        self.rounds = 0;
        self.cycles.clear();
        self.belief = Belief::default();
        self.poller = Poller::new(self.config.ask, now.steady);
        self.poller.begin_day(self.past.known(self.today(now.wall)));
        self.line_health.opened(now.steady);
        self.met = None;
        (self.health, self.told) = (None, None);
    }

    /// The connection has ended: what was asked on it stays without an answer.
    pub fn cut(&mut self) {
        self.poller.forget_urgent();
        let abandoned = self.controls.abandon(
            "the connection to the device was lost before it confirmed the command; look what is set once it is back, \
             and try again",
        );
        self.finished.extend(abandoned);
    }

    /// The port cannot be opened, or was closed. Says so of the device, or of the line.
    pub fn closed(&mut self, why: Health) -> Option<Report> {
        self.told = None;
        self.tell(why)
    }

    /// Bytes have come.
    pub fn bytes(&mut self, now: Duration) {
        if self.line_health.quiet(now) >= TORN {
            // Somebody may have plugged in another one meanwhile.
            self.rounds = 0;
            if self.cycles.get("SER#").is_none() {
                // Its text does not say so.
                self.doubt(now);
            }
        }
        self.poller.heard(now);
        self.line_health.bytes(now);
    }

    /// Takes what the decoder made of them.
    pub fn take(&mut self, event: &Event<'_>, now: Moment) {
        match event {
            Event::Block(block) => self.block(block, now),
            Event::Hex(frame) => self.frame(frame, now),
            Event::Refused(refused) => {
                tracing::debug!("{}: {refused:?}", self.port);
                self.belief.damaged();
                // The first block after opening is the rest of one.
                if self.line_health.has_good() {
                    self.counts.damaged += 1;
                }
            }
        }
    }

    fn block(&mut self, block: &Block<'_>, now: Moment) {
        self.counts.blocks += 1;
        self.good(now);
        self.poller.block_ended(now.steady);
        if !self.belief.believes(block) {
            tracing::debug!("{}: a block waits for another like it", self.port);
            return;
        }
        if self.company.second(now.steady).is_some() && !names_its_sender(block) {
            // It may be of either.
            return;
        }
        let mut cycles = std::mem::take(&mut self.cycles);
        cycles.block(block, now.steady, |cycles| self.round(cycles, now));
        self.cycles = cycles;
    }

    /// Something has come whole.
    fn good(&mut self, now: Moment) {
        self.line_health.good(now.steady);
        if let Some(pause) = self.line_health.rhythm.learned() {
            self.device.know_pause(pause);
        }
        self.heard = Some(now.wall);
        self.met.get_or_insert(now.steady);
    }

    /// The passing of time.
    pub fn tick(&mut self, now: Moment) -> Vec<Report> {
        let mut cycles = std::mem::take(&mut self.cycles);
        cycles.tick(now.steady, |cycles| self.round(cycles, now));
        cycles.forget(FORGOTTEN);
        self.cycles = cycles;
        self.device.age(now.steady);
        self.look_at_day(now.wall);
        let mut reports = self.reports(now);
        if let Some(health) = self.verdict(now.steady) {
            let falls_asleep = health.code == HealthCode::Asleep;
            let told = self.tell(health);
            if falls_asleep && told.is_some() {
                self.device.fall_asleep(now.steady);
            }
            reports.extend(told);
            reports.append(&mut self.reports(now));
        }
        reports
    }

    /// The last round of a file is whole.
    pub fn finish(&mut self, now: Moment) {
        let due = self.cycles.due().unwrap_or(now.steady);
        let mut cycles = std::mem::take(&mut self.cycles);
        cycles.tick(due, |cycles| self.round(cycles, now));
        self.cycles = cycles;
        if self.device.has_values() {
            self.device.settle_identity();
        }
    }

    /// Takes a whole round.
    fn round(&mut self, cycles: &Cycles, now: Moment) {
        let product = cycles.get("PID").and_then(parse_id);
        let serial = cycles.get("SER#").map(String::from_utf8_lossy);
        let serial = serial.as_deref().and_then(serial_of);
        if self.device.is_other(product, serial) {
            let who = (product, serial.map(str::to_owned));
            if !self.company.stranger(who, now.steady) && !self.is_file {
                self.rounds = 0;
                return;
            }
            self.replace(now.steady);
        }
        self.company.own();
        self.rounds += 1;
        self.device.take_round(cycles, now);
    }

    /// Perhaps another device is there: it is asked before it is believed.
    fn doubt(&mut self, now: Duration) {
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

    fn frame(&mut self, frame: &Frame<'_>, now: Moment) {
        let answer = Answer::decode(frame);
        let outcome = self.poller.answer(&answer, now.steady);
        if matches!(
            answer,
            Answer::Malformed | Answer::Error(_) | Answer::UnknownCommand(_)
        ) {
            return;
        }
        self.good(now);
        if let Some(value) = answer.value() {
            self.register(&value, now);
        }
        if let Some(QuestionOutcome::Answered(request)) = outcome {
            self.counts.answers += 1;
            match (&request, answer.word()) {
                (Request::Product, Some(id)) => self.product(id, now.steady),
                (Request::Version, Some(word)) => {
                    self.device.know_firmware(Version(word).to_string());
                }
                _ => {}
            }
            let finished = self
                .controls
                .answered(&request, &answer, &self.device, now.steady);
            self.finished.extend(finished);
        }
    }

    fn register(&mut self, value: &Register<'_>, now: Moment) {
        let text = || match registers::Register::of(value.register)?.decode(value.bytes) {
            registers::RegisterReading::Text(text) if value.flags.is_ok() => Some(text),
            _ => None,
        };
        match value.register {
            SERIAL => {
                if let Some(serial) = text().as_deref().and_then(serial_of) {
                    self.serial(serial, now.steady);
                }
            }
            CUSTOM_NAME => self.device.know_custom_name(&text().unwrap_or_default()),
            register if is_kept(register) => self.record(value, now),
            _ => self.device.take_hex(value, now),
        }
    }

    /// The device has told its product id.
    fn product(&mut self, id: u16, now: Duration) {
        let is_known = self
            .device
            .product()
            .is_some_and(|product| product.id == id);
        if !is_known && !self.told_product.agrees(id) && !self.is_file {
            self.poller.ask_again(Request::Product);
            return;
        }
        if self.device.is_other(Some(id), None) {
            self.replace(now);
        }
        self.device.know_product(id);
    }

    /// The device has told its serial number. A number that is news is asked for once more.
    fn serial(&mut self, serial: &str, now: Duration) {
        if self.device.serial() == Some(serial) {
            self.told_serial.forget();
            return;
        }
        if !self.told_serial.agrees(serial.to_owned()) && !self.is_file {
            self.poller.ask_again(Request::Get(SERIAL));
            return;
        }
        if self.device.is_other(None, Some(serial)) {
            self.replace(now);
        }
        self.device.know_serial(serial);
    }

    /// A record of the history.
    fn record(&mut self, value: &Register<'_>, now: Moment) {
        let Ok(record) = Record::decode(value) else {
            return;
        };
        let today = self.today(now.wall);
        self.past.take(&record, today, now.steady);
        if self.past.begins_by_record(&record) {
            self.poller.begin_day(self.past.known(today));
        }
    }

    /// Looks whether the device has begun a day.
    fn look_at_day(&mut self, at: Timestamp) {
        if let Some(day) = self.device.day()
            && self.past.begins(day.number)
        {
            self.poller.begin_day(self.past.known(self.today(at)));
        }
    }

    /// The date of the day that the device is in.
    pub fn today(&self, at: Timestamp) -> Date {
        let here = || at.to_zoned(self.device.zone().clone()).date();
        self.device.day().map_or_else(here, |day| day.began)
    }

    fn replace(&mut self, now: Duration) {
        tracing::info!(
            "{}: another device is here than {}",
            self.port,
            self.device.label()
        );
        self.former.extend(self.device.id());
        let zone = self.device.zone().clone();
        self.device = VeDevice::new(self.port.clone(), Remembered::default(), zone);
        self.line_health.rhythm = Rhythm::default();
        self.company = Company::default();
        self.begin_anew(now);
    }

    /// What there is to tell now.
    pub fn reports(&mut self, now: Moment) -> Vec<Report> {
        let replaced = |id| Report::Absent(id, health::replaced());
        let mut reports: Vec<Report> = self.former.drain(..).map(replaced).collect();
        // A device that answers is waited for longer: it will say who it is.
        let patience = match self.poller.hearing() {
            Hearing::Yes => SURVEY,
            _ => INTRODUCTION,
        };
        let waited = self.met.is_some_and(|met| now.since(met) >= patience);
        // Who is there must be certain before values are told, also after a cable was plugged in
        // again: of two shunts alike only HEX can tell which it is.
        // And a new device is announced once, with all that it has.
        let is_ready = if self.device.is_new() {
            let is_surveyed = self.poller.is_surveyed(self.device.family());
            let is_known = if self.is_file {
                // A value that comes before the first block does not say whose it is.
                self.device.id().is_some() || self.device.has_sent_some_text()
            } else {
                self.device.has_sent_text() || self.poller.is_without_text(now.steady)
            };
            is_surveyed && is_known
        } else {
            self.poller.is_introduced()
        };
        if self.device.has_values() && (is_ready || waited) {
            self.device.settle_identity();
            let is_surveyed = self.poller.is_surveyed(self.device.family());
            let may_be = self.poller.hearing() != Hearing::No;
            let controls = match (may_be, is_surveyed) {
                (false, _) => Some(Vec::new()),
                (true, true) => Some(control::offered(&self.device)),
                (true, false) => None,
            };
            let moment = (!self.is_file).then_some(now.steady);
            if let Some(device) = self.device.describe(&self.config, controls, moment) {
                reports.push(Report::Device(Box::new(device)));
            }
            let is_asleep = self
                .health
                .as_ref()
                .is_some_and(|health| health.code == HealthCode::Asleep);
            // What is remembered of a device is no sign of life.
            if !self.line_health.has_good() && !is_asleep {
                return reports;
            }
            let line =
                (!self.is_file).then(|| (self.counts, self.protocol(now.steady), self.heard));
            if let Some(readings) = self.device.readings(now, line) {
                reports.push(Report::Readings(readings));
                if self.verdict(now.steady).is_none() {
                    let shared = self
                        .company
                        .second(now.steady)
                        .map(|(product, serial)| health::shared(*product, serial.as_deref()));
                    reports.extend(self.tell(shared.unwrap_or(Health::ONLINE)));
                }
            }
        }
        reports
    }

    fn verdict(&self, now: Duration) -> Option<Health> {
        let is_asked = self.is_asked(now);
        health::health(&self.line_health, &self.device, &self.config, is_asked, now)
    }

    /// When the device counts as silent if nothing good comes any more.
    pub fn silent_at(&self, now: Duration) -> Duration {
        health::silent_at(&self.line_health, &self.config, self.is_asked(now))
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
    fn tell(&mut self, health: Health) -> Option<Report> {
        let Some(id) = self.device.id() else {
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
