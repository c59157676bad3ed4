//! The conversation with the meters on a line, which is to listen: to find out how the line is set, to read
//! what comes, and to notice when nothing does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::autobaud::Autobaud;
use super::config::MeterConfig;
use super::health;
use super::keys::KeyRing;
use super::reception::{Heard, Reception};
use super::server::Server;
use super::shown::Shown;
use super::silence::Silence;
use super::wire::dsmr::Checksum;
use super::wire::{self, Profiles, Reason, Transport};
use crate::clock::Moment;
use crate::config::Zone;
use crate::device::protocol::{self, Input, LISTEN, Message, Outbox, Output, Protocol};
use crate::device::{Probed, Start, Undecoded, line};
use crate::links::{Address, SerialSettings};
use crate::model::{Health, Report};
use crate::say;

/// Pauses after which a checksum has no more digits, and half a frame, then a half message, then a
/// half text are given up.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(600),
    Duration::from_millis(2100),
    Duration::from_millis(3100),
];
/// How often the passing of time is looked at while bytes come.
const TICK: Duration = Duration::from_secs(5);
/// What is remembered: the meters, and how their line is set.
const METERS: &str = "meters";
const LINE: &str = "line";

/// What telegrams of a section are read with.
#[derive(Debug, Clone)]
pub struct TelegramReading {
    /// The section.
    pub config: MeterConfig,
    /// Its keys.
    pub keys: Arc<KeyRing>,
    /// Its layouts, and those that everybody has.
    pub profiles: Arc<Profiles>,
}

/// The meters on one line, or a file of their telegrams. Moments are those of the monotonic clock.
#[derive(Debug)]
pub struct Conversation {
    config: MeterConfig,
    start: Start,
    reception: Reception,
    autobaud: Autobaud,
    silence: Silence,
    /// Whether it is a serial server.
    server: Option<Server>,
    out: Outbox,
    /// The latest moment there was.
    now: Duration,
    /// Since when the port is open, and when bytes came last, or else the same.
    opened: Duration,
    heard: Duration,
    /// Whether any have come.
    has_heard: bool,
    /// When the first frame came.
    first: Option<Duration>,
    /// Whether all meters are named, as far as can be known.
    named_all: bool,
    ticked: Option<Duration>,
    /// Why what came last could not be read.
    trouble: Option<Health>,
    is_file: bool,
    /// The bytes, if they are to be shown.
    shown: Option<Shown>,
}

impl Conversation {
    /// With the meters on a line.
    pub fn new(reading: TelegramReading, start: Start) -> Self {
        let TelegramReading {
            config,
            keys,
            profiles,
        } = reading.clone();
        let mut out = Outbox::default();
        let autobaud = Autobaud::new(&config, start.memory.get(LINE));
        if start.is_trial {
            return Self {
                autobaud: autobaud.trying(LISTEN),
                is_file: false,
                start,
                ..Self::of_file(reading)
            };
        }
        let zone = config.time_zone.as_ref();
        let zone = zone.map_or_else(|| start.zone.clone(), Zone::get);
        let known: BTreeMap<_, _> = start.memory.get(METERS).unwrap_or_default();
        // Those of an earlier run are known already.
        let named_all = !known.is_empty();
        let reception = Reception::new(config.clone(), keys, profiles, zone, known);
        if !named_all {
            out.report([Report::Complete(false)]);
        }
        Self {
            silence: Silence::new(is_server(&config)),
            server: is_server(&config).then(Server::default),
            config,
            start,
            reception,
            autobaud,
            out,
            now: Duration::ZERO,
            opened: Duration::ZERO,
            heard: Duration::ZERO,
            has_heard: false,
            first: None,
            named_all,
            ticked: None,
            trouble: None,
            is_file: false,
            shown: None,
        }
    }

    /// With a file: no time passes, and no other telegram confirms the first.
    pub fn of_file(reading: TelegramReading) -> Self {
        let TelegramReading {
            config,
            keys,
            profiles,
        } = reading;
        Self {
            autobaud: Autobaud::new(&config, None),
            silence: Silence::new(is_server(&config)),
            server: is_server(&config).then(Server::default),
            reception: Reception::of_file(config.clone(), keys, profiles),
            config,
            start: Start::afresh(),
            out: Outbox::default(),
            now: Duration::ZERO,
            opened: Duration::ZERO,
            heard: Duration::ZERO,
            has_heard: false,
            first: None,
            named_all: true,
            ticked: None,
            trouble: None,
            is_file: true,
            shown: None,
        }
    }

    fn address(&self) -> String {
        let address = self.config.port.as_ref();
        address.map_or_else(|| "the file".to_owned(), Address::to_string)
    }

    fn opened(&mut self, now: Duration) {
        tracing::debug!("{}: listening ({})", self.address(), self.autobaud.way());
        self.autobaud.reopened();
        self.silence.opened();
        if let Some(server) = &mut self.server {
            server.opened();
        }
        self.reception.opened(now);
        (self.opened, self.heard) = (now, now);
    }

    fn bytes(&mut self, bytes: &[u8], now: Moment) {
        (self.heard, self.has_heard) = (now.steady, true);
        self.silence.bytes();
        self.autobaud.bytes(now.steady);
        if let Some(server) = &mut self.server {
            server.bytes(bytes);
        }
        if let Some(shown) = &mut self.shown {
            shown.push(bytes);
        }
        self.reception.push(bytes, now.steady);
        self.read(now);
    }

    /// Reads what has arrived.
    fn read(&mut self, now: Moment) {
        while let Some(heard) = self.reception.next(now) {
            if self.is_file {
                self.show(heard);
            } else {
                self.hear(heard, now.steady);
            }
        }
    }

    fn hear(&mut self, heard: Heard, now: Duration) {
        let is_checked = is_checked(&heard);
        let said = match heard {
            Heard::Telegram { reports, .. } => {
                self.out.report(reports);
                self.trouble = None;
                protocol::Heard::Good
            }
            Heard::Unreadable { shut, reports, .. } => {
                let detail = shut.detail.unwrap_or_else(|| shut.why.sentence());
                tracing::debug!("{}: {detail}", self.address());
                self.trouble = Some(shut.why);
                self.out.report(reports);
                protocol::Heard::Useless
            }
            Heard::Repeated | Heard::Unconfirmed => protocol::Heard::Again,
            Heard::Refused(refused) => {
                tracing::debug!("{}: {refused}", self.address());
                let foreign = health::foreign(refused.reason);
                self.trouble = foreign.or(self.trouble.take());
                match refused.reason {
                    // Another speed may show that it was chance.
                    Reason::Inverted => return,
                    reason if reason.is_foreign() => protocol::Heard::Again,
                    reason if reason.is_checksum_error() => protocol::Heard::Bad,
                    _ => return,
                }
            }
        };
        self.out.push(Output::Heard(said));
        if said == protocol::Heard::Bad {
            return;
        }
        // A frame has arrived whole: the line is spoken as it should be.
        self.first.get_or_insert(now);
        self.autobaud.frame(is_checked);
        if let Some(server) = &mut self.server {
            server.telegram();
        }
        if said != protocol::Heard::Again {
            let memory = &self.start.memory;
            memory.put(METERS, &self.reception.remembered());
            if let Some(way) = self.autobaud.proven() {
                memory.put(LINE, &way);
            }
        }
    }

    /// What a message of a file says.
    fn show(&mut self, heard: Heard) {
        let annotation = |message: &_, plaintext: Option<&[u8]>| {
            let shown = self.shown.as_ref();
            shown.map_or_else(String::new, |shown| shown.annotation(message, plaintext))
        };
        match heard {
            Heard::Telegram {
                message,
                plaintext,
                reports,
                refused,
            } => {
                let annotation = annotation(&message, Some(&plaintext));
                self.out.report(reports);
                self.out.push(Output::Message(Message {
                    notes: Vec::new(),
                    annotation,
                }));
                for value in refused {
                    let reason = format!("at byte {}: {value}", message.offset);
                    self.out.push(Output::Refused(reason.into()));
                }
            }
            Heard::Unreadable { message, shut, .. } => {
                let detail = shut.detail.unwrap_or_else(|| shut.why.sentence());
                let refused = Undecoded {
                    reason: format!("at byte {}: {detail}", message.offset),
                    annotation: annotation(&message, None),
                };
                self.out.push(Output::Refused(refused));
            }
            Heard::Repeated | Heard::Unconfirmed => {}
            Heard::Refused(refused) => {
                self.out.push(Output::Refused(refused.to_string().into()));
            }
        }
    }

    /// Looks at what the passing of time means.
    fn pass_time(&mut self, is_quiet: bool, now: Moment) {
        if is_quiet || self.ticked.is_none_or(|last| now.since(last) >= TICK) {
            self.ticked = Some(now.steady);
            self.reception.explain(self.fault());
            let reports = self.reception.tick(now);
            self.out.report(reports);
        }
        self.call_the_roll(now.steady);
        if self.autobaud.advance(now.steady) {
            let (address, way) = (self.address(), self.autobaud.way());
            if self.autobaud.is_round() {
                tracing::debug!("{address}: trying {way}");
            } else {
                tracing::info!("{address}: no telegram among the bytes, trying {way}");
            }
            self.out.push(Output::Reopen);
        } else {
            let pace = self.reception.pace();
            let done = self.silence.advance(self.heard, pace, now.steady);
            self.out.extend(done);
        }
    }

    /// What the serial server is known to do wrong.
    fn fault(&self) -> Option<Health> {
        self.server.as_ref().and_then(Server::fault)
    }

    /// Says when all meters of a first start are named. One that cannot be named is not waited for
    /// longer than a meter may be silent.
    fn call_the_roll(&mut self, now: Duration) {
        if self.named_all {
            return;
        }
        let is_late = self.roll_due().is_some_and(|due| now >= due);
        self.named_all = is_late || self.reception.has_named_all();
        if self.named_all {
            self.out.report([Report::Complete(true)]);
        }
    }

    /// When meters that are not named yet are waited for no longer.
    fn roll_due(&self) -> Option<Duration> {
        let first = self.first.filter(|_| !self.named_all);
        first.map(|first| first + self.config.silent_after.get())
    }

    /// When time means something next.
    fn wake(&self, now: Duration) -> Duration {
        let pauses = PAUSES.iter().filter(|_| self.reception.is_waiting());
        let pause = pauses.map(|pause| self.heard + *pause).find(|at| *at > now);
        let moments = [
            Some(self.silence.due(self.heard, self.reception.pace())),
            self.autobaud.due(),
            self.roll_due(),
            self.reception.silent_at(now),
            pause,
        ];
        moments.into_iter().flatten().min().unwrap_or(Duration::MAX)
    }
}

fn is_server(config: &MeterConfig) -> bool {
    matches!(config.port, Some(Address::Tcp(_)))
}

/// Whether a checksum says that it came as it was sent.
fn is_checked(heard: &Heard) -> bool {
    let has_checksum = |message: &wire::Message| match message.transport {
        Transport::MBus | Transport::Hdlc => true,
        Transport::Text => matches!(Checksum::of(&message.bytes), Checksum::Good(_)),
        Transport::Raw => false,
    };
    match heard {
        // Nothing else would decrypt to a telegram.
        Heard::Telegram { message, .. } => {
            message.transport == Transport::Raw || has_checksum(message)
        }
        Heard::Unreadable { message, .. } => has_checksum(message),
        Heard::Unconfirmed => false,
        Heard::Repeated | Heard::Refused(_) => true,
    }
}

impl Protocol for Conversation {
    fn settings(&self) -> SerialSettings {
        self.autobaud.way().settings()
    }

    fn handle(&mut self, input: Input<'_>, now: Moment) {
        self.now = now.steady;
        match input {
            Input::Opened => self.opened(now.steady),
            Input::Bytes(bytes) => {
                self.bytes(bytes, now);
                if !self.is_file {
                    self.pass_time(false, now);
                }
            }
            Input::Time => {
                self.reception.idle(now.since(self.heard));
                self.read(now);
                self.pass_time(true, now);
            }
            Input::Unreachable(error) => {
                let known = self.server.as_mut().and_then(|it| it.refused(error));
                let health = known.unwrap_or_else(|| line::unreachable(error));
                self.reception.closed(health.clone());
                let reports = self.reception.health_of_all(&health);
                self.out.report(reports);
            }
            Input::End => {
                self.reception.finish();
                self.read(now);
            }
            Input::Forgotten(device) => {
                self.reception.forget(device);
                self.start.memory.put(METERS, &self.reception.remembered());
            }
            // A meter has nothing that could be set.
            Input::Closed | Input::Command { .. } | Input::Withdrawn(_) | Input::Attended(_) => {}
        }
        // No time passes in a file.
        if !self.is_file {
            self.out.wake = self.wake(now.steady);
        }
    }

    fn poll(&mut self) -> Output {
        self.out.poll()
    }

    fn annotate(&mut self) {
        self.shown.get_or_insert_default();
    }

    fn verdict(&self, reports: &[Report], listened: Duration) -> Option<Result<Probed, Health>> {
        if let Some(mut found) = Probed::of(reports) {
            found.words += &format!(" ({})", self.autobaud.way());
            return Some(Ok(found));
        }
        let is_over = listened == Duration::MAX || self.now.saturating_sub(self.opened) >= LISTEN;
        if !is_over {
            return None;
        }
        let is_tcp = self.server.is_some();
        match self.trouble.clone().or_else(|| self.fault()) {
            Some(why) => Some(Err(why)),
            None if !self.has_heard => {
                let how_long = say!("within {seconds} seconds", seconds = LISTEN.as_secs());
                Some(Err(health::no_bytes(how_long, is_tcp)))
            }
            // Bytes, and nothing to read: another speed may help.
            None if self.heard == self.opened || self.autobaud.is_at_its_end() => {
                Some(Err(health::no_frame(is_tcp)))
            }
            None => None,
        }
    }
}

// With telegrams of simulated meters.

#[cfg(test)]
#[cfg(feature = "simulate")]
mod tests;
