//! From the bytes of a line to the reports of its meters. Pure: no I/O.

mod plain;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::config::MeterConfig;
use super::damage::Damage;
use super::health::{self, LineHealth};
use super::keys::KeyRing;
use super::meter::{Meter, Opened, Remembered};
use super::opening::{Reader, Shut};
use super::products;
use super::values::{Bounds, Refused as LeftOut, Values};
use super::wire::dsmr::Unchecked;
use super::wire::telegram::Layout;
use super::wire::{
    Apdu, Authentication, Ciphered, Framer, LinkEvent, Message, Profiles, Refused, SystemTitle,
    Telegram, Transport,
};
use crate::clock::Moment;
use crate::links::Address;
use crate::model::{DeviceId, Health, Report};

/// Meters on one line at most: a line with more of them is noise.
const MOST_METERS: usize = 32;

/// How a meter is told from others on its line.
type Name = String;

/// What one event on the line came to.
#[derive(Debug)]
pub enum Heard {
    /// A telegram was read.
    Telegram {
        /// Its bytes.
        message: Message,
        /// What it says, decrypted.
        plaintext: Vec<u8>,
        /// What to tell the bridge.
        reports: Vec<Report>,
        /// Values that are left out.
        refused: Vec<LeftOut>,
    },
    /// A message arrived whole, but could not be read.
    Unreadable {
        /// Its bytes.
        message: Message,
        /// Why not.
        shut: Shut,
        /// What to tell the bridge.
        reports: Vec<Report>,
    },
    /// The same telegram as before.
    Repeated,
    /// A telegram that counts only if the next one is like it.
    Unconfirmed,
    /// Bytes that are no message.
    Refused(Refused),
}

/// One line and its meters.
#[derive(Debug)]
pub struct Reception {
    config: Arc<MeterConfig>,
    keys: Arc<KeyRing>,
    profiles: Arc<Profiles>,
    zone: TimeZone,
    framer: Framer,
    line: LineHealth,
    meters: BTreeMap<Name, Meter>,
    /// The meter that unencrypted telegrams without a number belong to.
    plain: Option<Name>,
    /// Another meter than before, which only one telegram has named that nothing proves whole.
    doubted: Option<Name>,
    /// Telegrams in a row that counted only if the next had been like them.
    unconfirmed: u32,
    /// Text telegrams that no checksum proves.
    unchecked: Unchecked,
    /// Whether it was said that a second key is missing.
    is_hinted: bool,
    damage: Damage,
    /// How the line is, as told while no meter was known.
    told: Option<Health>,
    /// Messages in a row of which not even the meter is known, and why they cannot be read.
    unreadable: Option<(u32, Health)>,
    /// Whether there is only a file: no time passes, and no other telegram confirms the first.
    is_file: bool,
}

impl Reception {
    /// A line that is listened to from now on. `known` are its meters of earlier runs.
    pub fn new(
        config: MeterConfig,
        keys: Arc<KeyRing>,
        profiles: Arc<Profiles>,
        zone: TimeZone,
        known: BTreeMap<Name, Remembered>,
    ) -> Self {
        let is_tcp = matches!(config.port, Some(Address::Tcp(_)));
        let meter = |(name, known): (Name, Remembered)| {
            let title: Option<SystemTitle> = name.parse().ok();
            (name, Meter::new(title, known))
        };
        Self {
            config: Arc::new(config),
            keys,
            profiles,
            zone,
            framer: Framer::new(),
            line: LineHealth::new(is_tcp),
            meters: known.into_iter().map(meter).collect(),
            plain: None,
            doubted: None,
            unconfirmed: 0,
            unchecked: Unchecked::default(),
            is_hinted: false,
            damage: Damage::default(),
            told: None,
            unreadable: None,
            is_file: false,
        }
    }

    /// The same for a file instead of a line.
    pub fn of_file(config: MeterConfig, keys: Arc<KeyRing>, profiles: Arc<Profiles>) -> Self {
        let zone = config.time_zone.as_ref();
        let zone = zone.map_or_else(TimeZone::system, crate::config::Zone::get);
        let mut reception = Self::new(config, keys, profiles, zone, BTreeMap::new());
        reception.is_file = true;
        reception
    }

    /// What to remember of the meters.
    pub fn remembered(&self) -> BTreeMap<&Name, &Remembered> {
        let meters = self.meters.iter().filter(|(_, meter)| meter.id().is_some());
        meters
            .map(|(name, meter)| (name, meter.remembered()))
            .collect()
    }

    /// Whether all meters on the line have been named: all that were heard of, and one of them so
    /// often that each of the others had its turn.
    pub fn has_named_all(&self) -> bool {
        let mut meters = self.meters.values();
        self.meters.values().all(Meter::is_described) && meters.any(Meter::is_well_known)
    }

    /// The port is open.
    pub fn opened(&mut self, now: Duration) {
        self.line.opened(now);
        self.framer = Framer::new();
    }

    /// The port cannot be opened, or was closed.
    pub fn closed(&mut self, why: Health) {
        self.line.closed(why);
    }

    /// What the serial server is known to do to the bytes.
    pub fn explain(&mut self, cause: Option<Health>) {
        self.damage.explain(cause);
    }

    /// How often the meter sends that sends most often, as far as any has shown.
    pub fn pace(&self) -> Option<Duration> {
        self.meters.values().filter_map(Meter::pace).min()
    }

    /// Bytes have arrived.
    pub fn push(&mut self, bytes: &[u8], now: Duration) {
        self.line.bytes(now);
        self.framer.push(bytes);
    }

    /// No byte has arrived for so long.
    pub fn idle(&mut self, quiet: Duration) {
        self.framer.idle(quiet);
    }

    /// Whether a longer quiet would mean something.
    pub fn is_waiting(&self) -> bool {
        self.framer.is_waiting()
    }

    /// The end of a file: what is left over comes out as the next things.
    pub fn finish(&mut self) {
        self.framer.finish();
    }

    /// The next thing that the bytes came to.
    pub fn next(&mut self, now: Moment) -> Option<Heard> {
        let mut event = self.framer.next_event()?;
        // The end of a telegram whose beginning was before our time is nothing to talk about.
        while matches!(&event, LinkEvent::Refused(refused) if refused.reason.is_harmless()) {
            event = self.framer.next_event()?;
        }
        Some(match event {
            LinkEvent::Message(message) => {
                self.line.frame(now.steady);
                self.damage.good(now.steady);
                self.read(message, now)
            }
            LinkEvent::Refused(refused) => {
                if refused.reason.is_checksum_error() {
                    self.damage.bad(now.steady);
                }
                self.line.foreign(refused.reason);
                Heard::Refused(refused)
            }
        })
    }

    fn read(&mut self, message: Message, now: Moment) -> Heard {
        let apdu = message.bytes.clone();
        match Apdu::parse(&apdu) {
            Ok(Apdu::Plain(plaintext)) => self.read_plain(message, plaintext, now),
            Ok(Apdu::Ciphered(ciphered)) => self.read_ciphered(message, &ciphered, now),
            Err(error) => {
                let detail = Some(error.to_string());
                let why = health::unknown_form();
                self.give_up(message, Shut { why, detail })
            }
        }
    }

    /// A message of which not even the meter is known.
    fn give_up(&mut self, message: Message, shut: Shut) -> Heard {
        let (seen, why) = self.unreadable.get_or_insert((0, shut.why.clone()));
        *seen = seen.saturating_add(1);
        why.clone_from(&shut.why);
        Heard::Unreadable {
            message,
            shut,
            reports: Vec::new(),
        }
    }

    fn reader(&self) -> Reader<'_> {
        Reader {
            keys: &self.keys,
            profiles: &self.profiles,
            profile: &self.config.profile,
        }
    }

    fn read_ciphered(&mut self, message: Message, ciphered: &Ciphered<'_>, now: Moment) -> Heard {
        let title = ciphered.title;
        let name = title.to_string();
        let meter = self.meters.get(&name);
        if meter.is_some_and(|meter| meter.is_repeated(ciphered)) && !self.is_file {
            return Heard::Repeated;
        }
        let number = meter.and_then(Meter::number).map(str::to_owned);
        let open = match self.reader().open(ciphered, number.as_deref()) {
            Ok(open) => open,
            Err(shut) => {
                let config = Arc::clone(&self.config);
                let meter = self.meter(&name, Some(title));
                let reports = meter.map(|meter| meter.fail(shut.why.clone(), &config));
                return Heard::Unreadable {
                    message,
                    shut,
                    reports: reports.unwrap_or_default(),
                };
            }
        };
        let is_text = open.telegram.layout == Layout::Text;
        if is_text && open.authentication == Authentication::NotChecked && !self.is_hinted {
            self.is_hinted = true;
            tracing::info!(
                "{title}: its telegrams can be read, but not be proven genuine. If your operator gave \
                 you a second key (GAK), set it as authentication_key."
            );
        }
        let values = self.values(&open.telegram, &name, now);
        let values = values.authenticated(open.authentication);
        let refused = values.refused.clone();
        let opened = Opened {
            maker: None,
            model: products::product(&open.telegram, &values, Some(&title)),
            profile: open.telegram.layout.profile().map(str::to_owned),
            fitting: open.telegram.fitting.clone(),
            values,
            authentication: open.authentication,
            // A text counts only if its tag or its own checksum is right.
            is_sound: is_text || self.is_sound(&message, open.authentication),
        };
        // Before the values go out, so that what was lost is among them.
        if let Some(meter) = self.meter(&name, Some(title)) {
            meter.count(ciphered);
        }
        let reports = self.take(&name, Some(title), opened, now);
        Heard::Telegram {
            message,
            plaintext: open.plaintext,
            reports,
            refused,
        }
    }

    fn values(&self, telegram: &Telegram, meter: &str, now: Moment) -> Values {
        let meter = self.meters.get(meter);
        let bounds = Bounds {
            max_power: self.config.max_power,
            zone: self.zone.clone(),
            now: (!self.is_file).then_some(now.wall),
            standard_time: meter.and_then(Meter::standard_time),
        };
        Values::of(telegram, &bounds)
    }

    /// Whether damage on the way would have shown: HDLC and most texts have a real checksum, M-Bus
    /// only a sum.
    fn is_sound(&self, message: &Message, authentication: Authentication) -> bool {
        let has_checksum = match message.transport {
            Transport::Hdlc => true,
            Transport::Text => self.unchecked.has_checksums(),
            Transport::MBus | Transport::Raw => false,
        };
        self.is_file || authentication == Authentication::Verified || has_checksum
    }

    fn take(
        &mut self,
        name: &str,
        title: Option<SystemTitle>,
        opened: Opened,
        now: Moment,
    ) -> Vec<Report> {
        let config = Arc::clone(&self.config);
        let damage = (!self.is_file).then(|| self.damage.clone());
        let now = if self.is_file {
            of_file(opened.values.at, now)
        } else {
            now
        };
        self.unreadable = None;
        let number = opened.values.number().map(str::to_owned);
        let head = opened.values.head.clone();
        let is_file = self.is_file;
        let Some(meter) = self.meter(name, title) else {
            return Vec::new();
        };
        if is_file {
            meter.assume_identity(number.as_deref(), head.as_deref());
        }
        let reports = meter.take(opened, now, &config, damage.as_ref());
        if self.meters.len() > 1 {
            self.take_place(name);
        }
        reports
    }

    /// One meter may have several names: by its number, and by its title once it encrypts. The latest is in force, and
    /// what is behind it is behind no other.
    fn take_place(&mut self, name: &str) {
        let Some((name, mut meter)) = self.meters.remove_entry(name) else {
            return;
        };
        let id = meter.id();
        let mut same = self.meters.iter();
        let same = same.find(|(_, other)| id.is_some() && other.id() == id);
        let same = same.map(|(other, _)| other.clone());
        if let Some(gone) = same.and_then(|same| self.meters.remove(&same)) {
            meter.inherit(gone);
        }
        for other in self.meters.values_mut() {
            other.leave_behind(meter.named_behind());
        }
        self.meters.insert(name, meter);
    }

    fn meter(&mut self, name: &str, title: Option<SystemTitle>) -> Option<&mut Meter> {
        if !self.meters.contains_key(name) && self.meters.len() >= MOST_METERS {
            // Damaged titles make meters that never come to anything.
            self.meters.retain(|_, meter| meter.id().is_some());
            // Then the one goes that was not heard for longest.
            let meters = self.meters.iter();
            let oldest = meters.min_by_key(|(_, meter)| meter.last());
            let oldest = oldest.map(|(name, _)| name.clone());
            if self.meters.len() >= MOST_METERS {
                self.meters.remove(&oldest?);
            }
        }
        let fresh = || Meter::new(title, Remembered::default());
        Some(self.meters.entry(name.to_owned()).or_insert_with(fresh))
    }

    /// What the passing of time means: silence, of all or of single meters.
    pub fn tick(&mut self, now: Moment) -> Vec<Report> {
        let trouble = self.trouble(now);
        let config = Arc::clone(&self.config);
        let patience = |meter: &Meter| meter.patience(&config);
        let is_quiet = |meter: &Meter| {
            meter
                .last()
                .is_none_or(|last| now.since(last) >= patience(meter))
        };
        let others_speak = !self.meters.values().all(is_quiet);
        let mut reports = Vec::new();
        for meter in self.meters.values_mut().filter(|meter| is_quiet(meter)) {
            let waited = meter.last().unwrap_or(self.line.since());
            let health = match (&trouble, meter.trouble()) {
                (Some(trouble), _) => trouble.clone(),
                (None, Some(_)) => continue,
                _ if now.since(waited) < patience(meter) => continue,
                _ if others_speak => {
                    let silent = meter.silence(waited, now, &self.zone);
                    reports.extend(meter.put_absent(silent));
                    continue;
                }
                _ => health::no_telegram(),
            };
            reports.extend(meter.put_health(health));
        }
        reports.extend(trouble.and_then(|trouble| self.tell(trouble)));
        reports
    }

    /// A meter that was absent is to be kept no longer.
    pub fn forget(&mut self, device: &DeviceId) {
        self.meters
            .retain(|_, meter| meter.id().as_ref() != Some(device));
        for meter in self.meters.values_mut() {
            meter.forget_behind(device);
        }
    }

    /// When silence, of the line or of a meter, means something new.
    pub fn silent_at(&self, now: Duration) -> Option<Duration> {
        let since = self.line.since();
        let meters = self.meters.values();
        let meters = meters.map(|meter| {
            let last = meter.last().unwrap_or(since);
            (last, meter.patience(&self.config))
        });
        // The line is as quiet as the meter that sends most often.
        let of_line = self.patience();
        let line = self.line.moments().into_iter();
        let moments = line.map(|moment| (moment, of_line)).chain(meters);
        let moments = moments.map(|(at, patience)| at + patience);
        moments.filter(|at| *at > now).min()
    }

    /// How long the line may be silent: as quiet as it gets is the meter that sends most often.
    fn patience(&self) -> Duration {
        let meters = self.meters.values().filter(|meter| meter.is_described());
        let patience = meters.map(|meter| meter.patience(&self.config)).min();
        patience.unwrap_or_else(|| self.config.silent_after.get())
    }

    /// What is wrong with everything that is on the line.
    fn trouble(&mut self, now: Moment) -> Option<Health> {
        let patience = self.patience();
        let of_line = self.line.trouble(now, patience, &self.zone);
        let of_line = of_line.map(|health| self.damage.without_telegrams(health));
        let unreadable = self.unreadable.as_ref();
        let certain = unreadable.filter(|(seen, _)| *seen >= health::FAILURES);
        of_line.or_else(|| certain.map(|(_, why)| why.clone()))
    }

    /// Says how the line is, while no meter is known that could say it.
    fn tell(&mut self, health: Health) -> Option<Report> {
        let is_known = self.meters.values().any(|meter| meter.id().is_some());
        if is_known || self.told.as_ref() == Some(&health) {
            return None;
        }
        self.told = Some(health.clone());
        Some(Report::Source(health))
    }

    /// The same health for everything.
    pub fn health_of_all(&mut self, health: &Health) -> Vec<Report> {
        let meters = self.meters.values_mut();
        let mut reports: Vec<_> = meters
            .flat_map(|meter| meter.put_health(health.clone()))
            .collect();
        reports.extend(self.tell(health.clone()));
        reports
    }
}

/// The moment of a telegram in a file: when its meter says that it was.
fn of_file(at: Option<Timestamp>, now: Moment) -> Moment {
    at.map_or(now, |at| Moment {
        wall: at,
        steady: Duration::from_secs(at.as_second().unsigned_abs()),
    })
}

// With telegrams of simulated meters.

#[cfg(test)]
#[cfg(feature = "simulate")]
mod tests;
