//! From the bytes of a line to the reports of its meters. Pure: no I/O.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::config::Config;
use super::diagnosis::{self, Line};
use super::keys::KeyRing;
use super::meter::{Meter, Opened, Remembered};
use super::products;
use super::values::{Bounds, Values};
use super::wire::{
    Apdu, Authentication, Ciphered, Framer, LinkEvent, Message, Profiles, Reason, Refused,
    SystemTitle, Telegram, Transport,
};
use crate::model::{Health, Report};

/// Meters on one line at most: a line with more of them is noise.
const MOST_METERS: usize = 32;

/// How a meter is told from others on its line.
type Name = String;

/// What one event on the line came to.
#[derive(Debug)]
pub(super) enum Heard {
    /// A telegram was read.
    Telegram {
        /// Its bytes.
        message: Message,
        /// What it says, decrypted.
        plaintext: Vec<u8>,
        /// What to tell the bridge.
        reports: Vec<Report>,
    },
    /// A message arrived whole, but could not be read.
    Unreadable {
        /// Its bytes.
        message: Message,
        /// Why not.
        why: Health,
        /// What to tell the bridge.
        reports: Vec<Report>,
    },
    /// The same telegram as before.
    Repeated,
    /// Bytes that are no message.
    Refused(Refused),
}

/// One line and its meters.
#[derive(Debug)]
pub(super) struct Reception {
    config: Config,
    keys: Arc<KeyRing>,
    profiles: Arc<Profiles>,
    zone: TimeZone,
    framer: Framer,
    line: Line,
    meters: BTreeMap<Name, Meter>,
    /// The meter that unencrypted telegrams without a number belong to.
    plain: Option<Name>,
    checksum_errors: u64,
    /// How the line is, as told while no meter was known.
    told: Option<Health>,
    /// Whether there is only a file: no time passes, and no other telegram confirms the first.
    is_file: bool,
}

impl Reception {
    /// A line that is listened to from now on. `known` are its meters of earlier runs.
    pub(super) fn new(
        config: Config,
        keys: Arc<KeyRing>,
        profiles: Arc<Profiles>,
        zone: TimeZone,
        known: BTreeMap<Name, Remembered>,
        now: Timestamp,
    ) -> Self {
        let meter = |(name, known): (Name, Remembered)| {
            let title: Option<SystemTitle> = name.parse().ok();
            (name, Meter::new(title, known))
        };
        Self {
            config,
            keys,
            profiles,
            zone,
            framer: Framer::new(),
            line: Line::new(now),
            meters: known.into_iter().map(meter).collect(),
            plain: None,
            checksum_errors: 0,
            told: None,
            is_file: false,
        }
    }

    /// The same for a file instead of a line.
    pub(super) fn of_file(config: Config, keys: Arc<KeyRing>, profiles: Arc<Profiles>) -> Self {
        let (zone, known, now) = (TimeZone::system(), BTreeMap::new(), Timestamp::UNIX_EPOCH);
        let mut reception = Self::new(config, keys, profiles, zone, known, now);
        reception.is_file = true;
        reception
    }

    /// What to remember of the meters.
    pub(super) fn remembered(&self) -> BTreeMap<&Name, &Remembered> {
        let meters = self.meters.iter().filter(|(_, meter)| meter.id().is_some());
        meters
            .map(|(name, meter)| (name, meter.remembered()))
            .collect()
    }

    /// The port is open.
    pub(super) fn opened(&mut self, now: Timestamp) {
        self.line.opened(now);
        self.framer = Framer::new();
    }

    /// The port cannot be opened, or was closed.
    pub(super) fn closed(&mut self, why: Health) {
        self.line.closed(why);
    }

    /// Bytes have arrived.
    pub(super) fn push(&mut self, bytes: &[u8], now: Timestamp) {
        self.line.bytes(now);
        self.framer.push(bytes);
    }

    /// No byte has arrived for so long.
    pub(super) fn idle(&mut self, quiet: Duration) {
        self.framer.idle(quiet);
    }

    /// The end of a file: what is left over comes out as the next things.
    pub(super) fn finish(&mut self) {
        self.framer.finish();
    }

    /// The next thing that the bytes came to.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<Heard> {
        Some(match self.framer.next_event()? {
            LinkEvent::Message(message) => {
                self.line.frame(now);
                self.read(message, now)
            }
            LinkEvent::Refused(refused) => {
                if refused.reason.is_checksum_error() {
                    self.checksum_errors += 1;
                }
                if let Reason::OtherBus {
                    control_information,
                } = refused.reason
                {
                    self.line.foreign(control_information);
                }
                Heard::Refused(refused)
            }
        })
    }

    fn read(&mut self, message: Message, now: Timestamp) -> Heard {
        let apdu = message.bytes.clone();
        match Apdu::parse(&apdu) {
            Ok(Apdu::Plain(plaintext)) => self.read_plain(message, plaintext, now),
            Ok(Apdu::Ciphered(ciphered)) => self.read_ciphered(message, &ciphered, now),
            Err(error) => Heard::Unreadable {
                message,
                why: diagnosis::unknown_layout(&error.to_string()),
                reports: Vec::new(),
            },
        }
    }

    fn read_plain(&mut self, message: Message, plaintext: &[u8], now: Timestamp) -> Heard {
        let profile = Some(self.config.profile.as_str());
        let telegram = match Telegram::parse(plaintext, None, &self.profiles, profile) {
            Ok(telegram) => telegram,
            Err(error) => {
                return Heard::Unreadable {
                    message,
                    why: diagnosis::unknown_layout(&error.to_string()),
                    reports: Vec::new(),
                };
            }
        };
        let values = self.values(&telegram, now);
        let number = values.number();
        let name = number.map(|number| format!("number {number}"));
        let name = name.or_else(|| self.plain.clone());
        let name = name.unwrap_or_else(|| "plain".to_owned());
        self.plain = Some(name.clone());
        let opened = Opened {
            model: products::product(&telegram, &values, None),
            values,
            authentication: Authentication::None,
            is_sound: self.is_sound(&message, Authentication::None),
        };
        let reports = self.take(&name, None, opened, now);
        Heard::Telegram {
            message,
            plaintext: plaintext.to_vec(),
            reports,
        }
    }

    fn read_ciphered(
        &mut self,
        message: Message,
        ciphered: &Ciphered<'_>,
        now: Timestamp,
    ) -> Heard {
        let title = ciphered.title;
        let name = title.to_string();
        let meter = self.meters.get(&name);
        if meter.is_some_and(|meter| meter.is_repeated(ciphered.counter)) && !self.is_file {
            return Heard::Repeated;
        }
        let number = meter.and_then(Meter::number).map(str::to_owned);
        match self.open(ciphered, number.as_deref()) {
            Ok((telegram, plaintext, authentication)) => {
                let values = self.values(&telegram, now).authenticated(authentication);
                let opened = Opened {
                    model: products::product(&telegram, &values, Some(&title)),
                    values,
                    authentication,
                    is_sound: self.is_sound(&message, authentication),
                };
                let reports = self.take(&name, Some(title), opened, now);
                if let Some(meter) = self.meters.get_mut(&name) {
                    meter.count(ciphered.counter);
                }
                Heard::Telegram {
                    message,
                    plaintext,
                    reports,
                }
            }
            Err(why) => {
                let config = self.config.clone();
                let reports = self
                    .meter(&name, Some(title))
                    .map(|meter| meter.fail(why.clone(), &config))
                    .unwrap_or_default();
                Heard::Unreadable {
                    message,
                    why,
                    reports,
                }
            }
        }
    }

    /// Opens a telegram with whatever key fits.
    fn open(
        &self,
        ciphered: &Ciphered<'_>,
        number: Option<&str>,
    ) -> Result<(Telegram, Vec<u8>, Authentication), Health> {
        let title = &ciphered.title;
        let authentication = self.keys.authentication(title, number);
        let profile = Some(self.config.profile.as_str());
        let parse =
            |plaintext: &[u8]| Telegram::parse(plaintext, Some(title), &self.profiles, profile);
        if let Some(plaintext) = ciphered.in_clear() {
            return match parse(plaintext) {
                Ok(telegram) => Ok((telegram, plaintext.to_vec(), Authentication::None)),
                Err(error) => Err(diagnosis::unknown_layout(&error.to_string())),
            };
        }
        let keys = self.keys.candidates(title, number);
        if keys.is_empty() {
            return Err(diagnosis::key_missing(title));
        }
        let mut trouble = None;
        for key in keys {
            let opened = match ciphered.open(key, authentication) {
                Ok(opened) => opened,
                Err(error) => {
                    trouble = Some(diagnosis::key_unfit(title, &error.to_string()));
                    continue;
                }
            };
            match parse(&opened.plaintext) {
                Ok(telegram) => return Ok((telegram, opened.plaintext, opened.authentication)),
                Err(error) if error.is_key_suspect() => {}
                Err(error) => trouble = Some(diagnosis::unknown_layout(&error.to_string())),
            }
        }
        Err(trouble.unwrap_or_else(|| diagnosis::key_wrong(title)))
    }

    fn values(&self, telegram: &Telegram, now: Timestamp) -> Values {
        let bounds = Bounds {
            max_power: self.config.max_power,
            zone: self.zone.clone(),
            now: (!self.is_file).then_some(now),
        };
        Values::of(telegram, &bounds)
    }

    /// Whether damage on the way would have shown: HDLC has a real checksum, M-Bus only a sum.
    fn is_sound(&self, message: &Message, authentication: Authentication) -> bool {
        self.is_file
            || authentication == Authentication::Verified
            || message.transport == Transport::Hdlc
    }

    fn take(
        &mut self,
        name: &str,
        title: Option<SystemTitle>,
        opened: Opened,
        now: Timestamp,
    ) -> Vec<Report> {
        let config = self.config.clone();
        let checksum_errors = (!self.is_file).then_some(self.checksum_errors);
        let now = if self.is_file {
            opened.values.at.unwrap_or(now)
        } else {
            now
        };
        let number = opened.values.number().map(str::to_owned);
        let is_file = self.is_file;
        let Some(meter) = self.meter(name, title) else {
            return Vec::new();
        };
        if is_file {
            meter.assume_identity(number.as_deref());
        }
        meter.take(opened, now, &config, checksum_errors)
    }

    fn meter(&mut self, name: &str, title: Option<SystemTitle>) -> Option<&mut Meter> {
        if !self.meters.contains_key(name) && self.meters.len() >= MOST_METERS {
            // Damaged titles make meters that never come to anything.
            self.meters.retain(|_, meter| meter.id().is_some());
            if self.meters.len() >= MOST_METERS {
                return None;
            }
        }
        let fresh = || Meter::new(title, Remembered::default());
        Some(self.meters.entry(name.to_owned()).or_insert_with(fresh))
    }

    /// What the passing of time means: silence, and meters that have been gone for long.
    pub(super) fn tick(&mut self, now: Timestamp) -> Vec<Report> {
        let patience = self.config.silent_after.get();
        let trouble = self.line.trouble(now, patience, &self.zone);
        let mut reports = self.forget(now);
        let speaks = |meter: &Meter| {
            let quiet = meter
                .last()
                .map(|last| now.duration_since(last).unsigned_abs());
            quiet.is_some_and(|quiet| quiet < patience)
        };
        let others_speak = self.meters.values().any(speaks);
        for meter in self.meters.values_mut().filter(|meter| !speaks(meter)) {
            let waited = meter.last().unwrap_or(self.line.since());
            let quiet = now.duration_since(waited).unsigned_abs();
            let health = match (&trouble, meter.trouble()) {
                (Some(trouble), _) => trouble.clone(),
                (None, Some(_)) => continue,
                _ if quiet < patience => continue,
                _ if others_speak => diagnosis::meter_silent(waited, &self.zone),
                _ => diagnosis::no_telegram(),
            };
            reports.extend(meter.put_health(health));
        }
        if self.meters.values().all(|meter| meter.id().is_none()) {
            let health = trouble.or_else(|| self.told.as_ref().map(|_| Health::ONLINE));
            if let Some(health) = health.filter(|health| self.told.as_ref() != Some(health)) {
                self.told = Some(health.clone());
                reports.push(Report::Source(health));
            }
        }
        reports
    }

    /// Meters whose place another one has taken long ago.
    fn forget(&mut self, now: Timestamp) -> Vec<Report> {
        let since = |at: Timestamp| now.duration_since(at).unsigned_abs();
        let patience = self.config.forget_after.get();
        let speaks = |meter: &Meter| meter.last().is_some_and(|last| since(last) < patience);
        if !self.meters.values().any(speaks) {
            return Vec::new();
        }
        let is_gone = |meter: &Meter| meter.heard().is_some_and(|heard| since(heard) >= patience);
        let gone = self.meters.values().filter(|meter| is_gone(meter));
        let reports = gone.filter_map(Meter::id).map(Report::Gone).collect();
        self.meters.retain(|_, meter| !is_gone(meter));
        reports
    }

    /// The same health for everything.
    pub(super) fn health_of_all(&mut self, health: &Health) -> Vec<Report> {
        let meters = self.meters.values_mut();
        let reports: Vec<_> = meters
            .filter_map(|meter| meter.put_health(health.clone()))
            .collect();
        if reports.is_empty() {
            return vec![Report::Source(health.clone())];
        }
        reports
    }
}

#[cfg(test)]
mod tests;
