//! One meter: who it is, what it carries, how good its line is.
//!
//! A meter is told from others by its system title, which it sends in clear. Its identity for ever
//! is the number printed on it, once a telegram has told it; the title stands in where there is no
//! number, and until the key is known.

mod behind;
mod belief;
mod doubt;
mod flow;
mod identity;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use self::behind::{Attached, Main};
use self::doubt::Doubt;
use self::flow::Flow;
use self::identity::Sketch;
use super::config::MeterConfig;
use super::damage::Damage;
use super::growth::{Growth, Pace};
use super::quality::{Count, Quality};
use super::rhythm::Rhythm;
use super::values::{Values, Why};
use super::wire::{Authentication, Ciphered, SystemTitle};
use super::{KIND, health, metrics};
use crate::clock::Moment;
use crate::model::{Decimal, Device, DeviceId, Health, Metric, Readings, Report, Value};

/// Values left out in a row after which the last one that was not is no longer true either.
const STAYS: u32 = 3;
/// Telegrams in a row that have to agree on how the meter's clock is set.
const CLOCKED: u32 = 3;
/// Seconds by which a clock that is set right may be wrong.
const SET_RIGHT: u64 = 60;
/// What is said here of a meter that is silent says more than that nothing was heard, so it comes
/// first.
const GRACE: Duration = Duration::from_secs(10);
/// Telegrams after which a meter and its line are known.
const WELL_KNOWN: u64 = 3;

/// What must be remembered of a meter over a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// Its identity, once that is certain.
    serial: Option<String>,
    /// Whether the identity only stands in until the number is known.
    stand_in: bool,
    number: Option<String>,
    maker: Option<String>,
    model: Option<String>,
    /// The first line of its texts, which says who made it and what.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    /// Keys of the metrics that its telegrams carry.
    carries: BTreeSet<String>,
    /// Whether its clock keeps standard time all year, once it has shown that in summer.
    standard_time: Option<bool>,
    /// For how many seconds it may be quiet, if it is one that rests for long between two telegrams.
    patience: Option<u64>,
    /// The meters behind it, by serial.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    behind: BTreeMap<String, behind::BehindMemory>,
}

/// A telegram that was opened.
#[derive(Debug)]
pub struct Opened {
    /// What it says.
    pub values: Values,
    /// Who made the meter, where only the telegram tells.
    pub maker: Option<String>,
    /// The product, as far as it is known.
    pub model: Option<String>,
    /// The layout by which its numbers were scaled.
    pub profile: Option<String>,
    /// Layouts by which they may be scaled, if nothing says so for certain.
    pub fitting: Vec<String>,
    /// Whether it is genuine.
    pub authentication: Authentication,
    /// Whether damage on the way would have shown.
    pub is_sound: bool,
}

/// One meter.
#[derive(Debug)]
pub struct Meter {
    title: Option<SystemTitle>,
    known: Remembered,
    described: Option<Device>,
    /// What was known when it was described.
    described_from: Option<Remembered>,
    /// What the telegram before said of the meter.
    sketch: Option<Sketch>,
    /// Telegrams without a number so far, and when the first came.
    numberless: Option<(u32, Duration)>,
    quality: Quality,
    /// By key, how many times in a row a value was left out, and why.
    left_out: BTreeMap<&'static str, (u32, Why)>,
    /// By key, how many texts in a row lacked a value.
    missing: BTreeMap<String, u32>,
    /// What was said where nothing proves a telegram whole.
    doubt: Doubt,
    /// Layouts that would say in which units its values are.
    fitting: Vec<String>,
    flow: Flow,
    growth: Growth,
    /// What was said of the pace of its registers.
    pace: Option<Pace>,
    rhythm: Rhythm,
    /// The meters behind it, as far as they were heard of in this run.
    attached: Attached,
    /// How its clock seems to be set, and for how many telegrams in a row.
    clock: (bool, u32),
    /// Whether it was said that a group shares its key.
    is_broadcast: bool,
    /// Telegrams in a row that could not be opened.
    failures: u32,
    last: Option<Duration>,
    health: Option<Health>,
    /// What was said of its silence, and since when that lasts.
    silence: Option<(Duration, Health)>,
}

impl Meter {
    /// A meter as it is remembered, or a new one.
    pub fn new(title: Option<SystemTitle>, known: Remembered) -> Self {
        Self {
            title,
            known,
            described: None,
            described_from: None,
            sketch: None,
            numberless: None,
            quality: Quality::default(),
            left_out: BTreeMap::new(),
            missing: BTreeMap::new(),
            doubt: Doubt::default(),
            fitting: Vec::new(),
            flow: Flow::default(),
            growth: Growth::default(),
            pace: None,
            rhythm: Rhythm::default(),
            attached: Attached::default(),
            clock: (false, 0),
            is_broadcast: false,
            failures: 0,
            last: None,
            health: None,
            silence: None,
        }
    }

    /// What to remember.
    pub const fn remembered(&self) -> &Remembered {
        &self.known
    }

    /// Whether the bridge knows of it.
    pub const fn is_described(&self) -> bool {
        self.described.is_some()
    }

    /// Whether so many of its telegrams were opened in this run that each other meter on its line,
    /// which send as often, has sent one too, even if one was damaged.
    pub const fn is_well_known(&self) -> bool {
        self.quality.telegrams >= WELL_KNOWN
    }

    /// The number printed on it, as far as known.
    pub fn number(&self) -> Option<&str> {
        self.known.number.as_deref()
    }

    /// Its device, if it has an identity.
    pub fn id(&self) -> Option<DeviceId> {
        let serial = self.known.serial.as_ref()?;
        Some(DeviceId::new(KIND, serial))
    }

    /// Whether its clock keeps standard time all year, as far as it has shown.
    pub const fn standard_time(&self) -> Option<bool> {
        self.known.standard_time
    }

    /// How long it may be quiet.
    pub fn patience(&self, config: &MeterConfig) -> Duration {
        let learned = self.known.patience.map(Duration::from_secs);
        config.silent_after.get().max(learned.unwrap_or_default())
    }

    /// How often it sends, as far as it has shown.
    pub fn pace(&self) -> Option<Duration> {
        let known = self.known.patience.map(Duration::from_secs);
        self.rhythm.pace().or(known.map(Rhythm::pace_of))
    }

    /// When a telegram of it was last opened in this run.
    pub const fn last(&self) -> Option<Duration> {
        self.last
    }

    /// How it is while others on its line speak and it has not since then. Said in the same words as
    /// long as that lasts.
    pub fn silence(&mut self, since: Duration, now: Moment, zone: &TimeZone) -> Health {
        let told = self.silence.take().filter(|(told, _)| *told == since);
        let told = told.unwrap_or_else(|| (since, health::meter_silent(now.wall_of(since), zone)));
        self.silence.insert(told).1.clone()
    }

    /// Why its telegrams cannot be opened, once that is certain.
    pub fn trouble(&self) -> Option<&Health> {
        let failing = self.failures >= health::FAILURES;
        self.health.as_ref().filter(|_| failing)
    }

    /// Whether this very telegram was there just before.
    pub fn is_repeated(&self, ciphered: &Ciphered<'_>) -> bool {
        self.quality.is_repeated(ciphered)
    }

    /// Takes note of a telegram's counter.
    pub fn count(&mut self, ciphered: &Ciphered<'_>) {
        if ciphered.security.is_broadcast() && !std::mem::replace(&mut self.is_broadcast, true) {
            tracing::warn!(
                "{}: its telegrams are encrypted for a group of meters. If values are missing, ask \
                 your operator for the broadcast key and add it to keys.",
                self.label()
            );
        }
        if self.quality.count(ciphered) == Count::Back {
            tracing::info!(
                "{}: the telegram counter went back; the meter has restarted or has a new key",
                self.label()
            );
        }
    }

    /// A telegram could not be opened. Reports once it is certain that it is not the line's fault.
    pub fn fail(&mut self, why: Health, config: &MeterConfig) -> Vec<Report> {
        self.failures = self.failures.saturating_add(1);
        if self.failures < health::FAILURES {
            return Vec::new();
        }
        let mut reports = Vec::new();
        if self.known.serial.is_none()
            && let Some(title) = self.title
        {
            self.known.serial = Some(title.to_string());
            self.known.stand_in = true;
        }
        if self.described.is_none() {
            reports.extend(self.describe(config));
        }
        reports.extend(self.put_health(why));
        reports
    }

    /// Takes the values of a telegram. `damage` is that of the line; `None` where there is only a
    /// file.
    pub fn take(
        &mut self,
        opened: Opened,
        now: Moment,
        config: &MeterConfig,
        damage: Option<&Damage>,
    ) -> Vec<Report> {
        self.failures = 0;
        self.quality.telegrams += 1;
        // What was said before a gap says nothing of what is now.
        let patience = self.patience(config);
        if self.last.is_some_and(|last| now.since(last) > patience) {
            self.doubt = Doubt::default();
        }
        self.last = Some(now.steady);
        self.learn_habits(&opened.values, now.steady, config);
        // A text says each unit itself.
        if opened.values.head.is_none() {
            self.growth.take(&opened.values, now.steady);
        }
        self.fitting.clone_from(&opened.fitting);
        let mut reports: Vec<Report> = self
            .learn(&opened, now.steady, config)
            .into_iter()
            .collect();
        let Some(id) = self.id().filter(|_| !self.known.stand_in) else {
            return Vec::new();
        };
        // The port of a heat meter names a meter of electricity that is not there.
        if opened.values.head.is_some() && !self.is_of_electricity() {
            reports.extend(self.tell_behind(&opened, now));
            return reports;
        }
        reports.extend(self.describe(config));
        let of_behind = self.tell_behind(&opened, now);
        let mut readings = Readings::new(id, now.wall);
        let is_text = opened.values.head.is_some();
        let believed = self.believe(opened.values, now.steady, config);
        if is_text {
            let there = believed.iter().map(|(key, _)| *key).collect();
            for key in self.no_longer_there(&there) {
                self.doubt.forget(key);
                readings.push(key, Value::Unknown);
            }
        }
        for (key, value) in believed {
            let settled = if is_text && !opened.is_sound {
                self.doubt.settle(key, value)
            } else {
                Some(value)
            };
            if let Some(value) = settled {
                readings.push(key, value);
            }
        }
        if let Some(damage) = damage {
            let count = |count: u64| Decimal::integer(i64::try_from(count).unwrap_or(i64::MAX));
            readings.push("telegrams", count(self.quality.telegrams));
            readings.push("telegrams_lost", count(self.quality.lost));
            readings.push("checksum_errors", count(damage.total));
            readings.push("values_refused", count(self.quality.refused));
            readings.push("last_telegram", now.wall);
        }
        reports.push(Report::Readings(readings));
        let health = self.health(opened.authentication, opened.profile.as_deref(), damage);
        reports.extend(self.put_health(health));
        reports.extend(of_behind);
        reports
    }

    /// Whether it says anything of electricity, as far as it is known.
    fn is_of_electricity(&self) -> bool {
        let is_it = |key: &String| metrics::metric(key).is_some_and(metrics::is_of_electricity);
        self.known.carries.iter().any(is_it)
    }

    /// Whether it goes by the first line of its texts, and has no number besides or one of these.
    pub fn goes_by(&self, head: &str, numbers: &[String]) -> bool {
        let number = self.known.number.as_ref();
        self.known.serial.as_deref() == Some(head)
            && number.is_none_or(|number| numbers.contains(number))
    }

    /// What a telegram says of the meters behind it.
    fn tell_behind(&mut self, opened: &Opened, now: Moment) -> Vec<Report> {
        let device = self.described.as_ref().map(|device| device.id.clone());
        let main = Main {
            serial: self.known.serial.as_deref().unwrap_or_default(),
            device: device.as_ref(),
            is_sound: opened.is_sound,
        };
        let behind = &opened.values.behind;
        self.attached
            .take(&mut self.known.behind, behind, main, now)
    }

    /// A meter behind it that is to be kept no longer.
    pub fn forget_behind(&mut self, device: &DeviceId) {
        self.attached.forget(&mut self.known.behind, device);
    }

    /// How a meter is whose telegrams can be read.
    fn health(
        &mut self,
        authentication: Authentication,
        profile: Option<&str>,
        damage: Option<&Damage>,
    ) -> Health {
        if authentication == Authentication::Failed {
            return health::authentication_key_wrong();
        }
        let pace = self.growth.pace();
        let is_news = std::mem::replace(&mut self.pace, pace) != pace;
        if let Some(pace) = pace {
            let health = health::wrong_pace(pace, profile);
            if is_news {
                tracing::warn!("{}: {}", self.label(), health.sentence());
            }
            return health;
        }
        let lasting = || {
            let lasting = self.left_out.iter().filter(|(_, (seen, _))| *seen >= STAYS);
            lasting.filter_map(|(key, (_, why))| Some((usual(key)?, *why)))
        };
        let Some((_, why)) = lasting().next() else {
            return damage.and_then(Damage::health).unwrap_or(Health::ONLINE);
        };
        let metrics: Vec<_> = lasting()
            .filter(|(_, other)| *other == why)
            .map(|(metric, _)| metric)
            .collect();
        health::left_out(&metrics, why, &self.fitting)
    }

    /// How it sends, and how its clock is set.
    fn learn_habits(&mut self, values: &Values, now: Duration, config: &MeterConfig) {
        self.rhythm.heard(now);
        if let Some(patience) = self.rhythm.patience() {
            let is_long = patience > config.silent_after.get();
            self.known.patience = is_long.then_some(patience.as_secs());
        }
        let Some([by_summer, all_year]) = values.drifts else {
            return;
        };
        let is_right = |drift: i64| drift.unsigned_abs() <= SET_RIGHT;
        let shown = match (is_right(by_summer), is_right(all_year)) {
            (true, false) => false,
            (false, true) => true,
            _ => return,
        };
        let (before, seen) = self.clock;
        self.clock = (shown, if before == shown { seen + 1 } else { 1 });
        if self.clock.1 == CLOCKED {
            if shown && self.known.standard_time != Some(true) {
                tracing::info!(
                    "{}: its clock keeps standard time all year; that is reckoned with",
                    self.label()
                );
            }
            self.known.standard_time = Some(shown);
        }
    }

    /// Says how the meter is, if that is news and the meter has an identity; if it is not announced, how those are
    /// that are behind it.
    pub fn put_health(&mut self, health: Health) -> Vec<Report> {
        if !self.known.behind.is_empty() && !self.is_of_electricity() {
            return self.attached.put_health(&self.known.behind, &health);
        }
        let id = self.note(&health);
        let mut reports = self.put_health_behind(&health);
        reports.extend(id.map(|id| Report::Health(id, health)));
        reports
    }

    /// The same of one that is not there any more, as far as can be seen.
    pub fn put_absent(&mut self, health: Health) -> Vec<Report> {
        let id = self.note(&health);
        let mut reports = self.put_health_behind(&health);
        reports.extend(id.map(|id| Report::Absent(id, health)));
        reports
    }

    /// While nothing can be read of it, nothing can be of those behind it.
    fn put_health_behind(&mut self, health: &Health) -> Vec<Report> {
        if health.code.has_data() {
            return Vec::new();
        }
        self.attached.put_health(&self.known.behind, health)
    }

    /// Takes the place of one that is the same meter under another name.
    pub fn inherit(&mut self, from: Self) {
        for (serial, behind) in from.known.behind {
            self.known.behind.entry(serial).or_insert(behind);
        }
        self.known.patience = self.known.patience.or(from.known.patience);
        let standard = self.known.standard_time.or(from.known.standard_time);
        self.known.standard_time = standard;
        self.attached.inherit(from.attached);
        self.health = None;
    }

    /// Serials of the meters behind it that its latest telegram has named.
    pub const fn named_behind(&self) -> &BTreeSet<String> {
        self.attached.named()
    }

    /// Leaves meters behind it to another one.
    pub fn leave_behind(&mut self, to_other: &BTreeSet<String>) {
        self.attached.leave(&mut self.known.behind, to_other);
    }

    /// The first line of its texts.
    pub fn head(&self) -> Option<&str> {
        self.known.head.as_deref()
    }

    /// Its device, if that is news of it.
    fn note(&mut self, health: &Health) -> Option<DeviceId> {
        let id = self.id()?;
        let before = self.health.replace(health.clone());
        (before.as_ref() != Some(health)).then_some(id)
    }

    fn describe(&mut self, config: &MeterConfig) -> Option<Report> {
        // Most telegrams say nothing new of the meter.
        if self.described_from.as_ref() == Some(&self.known) {
            return None;
        }
        let device = self.device(config)?;
        self.described_from = Some(self.known.clone());
        if self.described.as_ref() == Some(&device) {
            return None;
        }
        self.described = Some(device.clone());
        Some(Report::Device(Box::new(device)))
    }

    fn device(&self, config: &MeterConfig) -> Option<Device> {
        let serial = self.known.serial.clone()?;
        let mut device = Device::new(KIND, serial, self.label(), "Smart meter");
        let maker = self.title.map(|title| title.maker());
        if let Some(maker) = maker.or_else(|| self.known.maker.clone()) {
            device.manufacturer = maker.into();
        }
        device.model = self.known.model.clone();
        device.rated_power = Some(config.max_power);
        device.patience = Some(self.patience(config).saturating_add(GRACE));
        if !self.known.stand_in {
            let carries =
                |key: &str| metrics::ALWAYS.contains(&key) || self.known.carries.contains(key);
            let carried = metrics::METER.iter().filter(|metric| carries(&metric.key));
            device.metrics = carried.cloned().collect();
        }
        Some(device)
    }

    /// What to call it: "Smart meter" and the end of its number.
    pub fn label(&self) -> String {
        let hint = || self.title.and_then(|title| title.number_hint());
        let title = || self.title.map(|title| title.to_string());
        let number = self.known.number.clone().or_else(hint).or_else(title);
        let number = number.unwrap_or_default();
        format!("Smart meter {}", end_of(&number))
            .trim_end()
            .to_owned()
    }
}

/// The end of a number, as people tell meters by it.
fn end_of(number: &str) -> &str {
    let mut characters = number.char_indices().rev();
    let start = characters.nth(3).map_or(0, |(start, _)| start);
    number.get(start..).unwrap_or_default()
}

/// A metric that users see without asking for it.
fn usual(key: &str) -> Option<&'static Metric> {
    metrics::metric(key).filter(|metric| metric.enabled)
}
