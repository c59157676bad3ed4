//! One meter: who it is, what it carries, how good its line is.
//!
//! A meter is told from others by its system title, which it sends in clear. Its identity for ever
//! is the number printed on it, once a telegram has told it; the title stands in where there is no
//! number, and until the key is known.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::config::Config;
use super::values::Values;
use super::wire::{Authentication, SystemTitle};
use super::{KIND, diagnosis, metrics};
use crate::model::{Decimal, Device, DeviceId, Health, Readings, Report};

/// Telegrams without a number, and the time they take, before the meter is taken to have none:
/// some send it in every second telegram only.
const NUMBERLESS: (u32, Duration) = (3, Duration::from_secs(15));
/// How often is written down that a meter was heard: spares SD cards.
const HEARD_EVERY: Duration = Duration::from_secs(6 * 3600);
/// A gap of the counter larger than this is no loss but a meter that has begun anew.
const LARGEST_GAP: u32 = 100_000;

/// What must be remembered of a meter over a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// Its identity, once that is certain.
    serial: Option<String>,
    /// Whether the identity only stands in until the number is known.
    stand_in: bool,
    number: Option<String>,
    model: Option<String>,
    /// Keys of the metrics that its telegrams carry.
    carries: BTreeSet<String>,
    /// When it was last heard, as far as written down.
    heard: Option<Timestamp>,
}

/// What one telegram says of the meter itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sketch {
    number: Option<String>,
    model: Option<String>,
    carries: BTreeSet<&'static str>,
}

/// A telegram that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    /// What it says.
    pub(super) values: Values,
    /// The product, where the telegram names it.
    pub(super) model: Option<String>,
    /// Whether it is genuine.
    pub(super) authentication: Authentication,
    /// Whether damage on the way would have shown.
    pub(super) is_sound: bool,
}

/// One meter.
#[derive(Debug)]
pub(super) struct Meter {
    title: Option<SystemTitle>,
    known: Remembered,
    described: Option<Device>,
    /// What was known when it was described.
    described_from: Option<Remembered>,
    /// What the telegram before said of the meter.
    sketch: Option<Sketch>,
    /// Telegrams without a number so far, and when the first came.
    numberless: Option<(u32, Timestamp)>,
    counter: Option<u32>,
    telegrams: u64,
    lost: u64,
    refused: u64,
    /// Telegrams in a row that could not be opened.
    failures: u32,
    last: Option<Timestamp>,
    health: Option<Health>,
}

impl Meter {
    /// A meter as it is remembered, or a new one.
    pub(super) fn new(title: Option<SystemTitle>, known: Remembered) -> Self {
        Self {
            title,
            known,
            described: None,
            described_from: None,
            sketch: None,
            numberless: None,
            counter: None,
            telegrams: 0,
            lost: 0,
            refused: 0,
            failures: 0,
            last: None,
            health: None,
        }
    }

    /// What to remember.
    pub(super) const fn remembered(&self) -> &Remembered {
        &self.known
    }

    /// The number printed on it, as far as known.
    pub(super) fn number(&self) -> Option<&str> {
        self.known.number.as_deref()
    }

    /// Its device, if it has an identity.
    pub(super) fn id(&self) -> Option<DeviceId> {
        let serial = self.known.serial.as_ref()?;
        Some(DeviceId::new(KIND, serial))
    }

    /// When a telegram of it was last opened in this run.
    pub(super) const fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// When a telegram of it was last opened in any run.
    pub(super) fn heard(&self) -> Option<Timestamp> {
        self.last.or(self.known.heard)
    }

    /// Why its telegrams cannot be opened, once that is certain.
    pub(super) fn trouble(&self) -> Option<&Health> {
        let failing = self.failures >= diagnosis::FAILURES;
        self.health.as_ref().filter(|_| failing)
    }

    /// Whether this counter was there just before: the same telegram twice.
    pub(super) fn is_repeated(&self, counter: u32) -> bool {
        self.counter == Some(counter)
    }

    /// Takes note of a telegram's counter.
    pub(super) fn count(&mut self, counter: u32) {
        if let Some(before) = self.counter.replace(counter) {
            if counter < before {
                tracing::info!(
                    "{}: the telegram counter went back from {before} to {counter}; the meter has \
                     restarted or has a new key",
                    self.label()
                );
            } else if counter - before <= LARGEST_GAP {
                self.lost += u64::from((counter - before).saturating_sub(1));
            }
        }
    }

    /// A telegram could not be opened. Reports once it is certain that it is not the line's fault.
    pub(super) fn fail(&mut self, why: Health, config: &Config) -> Vec<Report> {
        self.failures = self.failures.saturating_add(1);
        if self.failures < diagnosis::FAILURES {
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

    /// Takes the values of a telegram. `checksum_errors` are those of the line; `None` where there
    /// is only a file.
    pub(super) fn take(
        &mut self,
        opened: Opened,
        now: Timestamp,
        config: &Config,
        checksum_errors: Option<u64>,
    ) -> Vec<Report> {
        self.failures = 0;
        self.telegrams += 1;
        self.refused += opened.values.refused;
        self.last = Some(now);
        let recent = |at: Timestamp| now.duration_since(at).unsigned_abs() < HEARD_EVERY;
        if !self.known.heard.is_some_and(recent) {
            self.known.heard = Some(now);
        }
        let mut reports: Vec<Report> = self.learn(&opened, now).into_iter().collect();
        let Some(id) = self.id().filter(|_| !self.known.stand_in) else {
            return Vec::new();
        };
        reports.extend(self.describe(config));
        let mut readings = Readings::new(id, now);
        for (key, value) in opened.values.known {
            if self.known.carries.contains(key) {
                readings.push(key, value);
            }
        }
        if let Some(checksum_errors) = checksum_errors {
            let count = |count: u64| Decimal::integer(i64::try_from(count).unwrap_or(i64::MAX));
            readings.push("telegrams", count(self.telegrams));
            readings.push("telegrams_lost", count(self.lost));
            readings.push("checksum_errors", count(checksum_errors));
            readings.push("values_refused", count(self.refused));
            readings.push("last_telegram", now);
        }
        reports.push(Report::Readings(readings));
        reports.extend(self.put_health(match opened.authentication {
            Authentication::Failed => diagnosis::authentication_key_wrong(),
            _ => Health::ONLINE,
        }));
        reports
    }

    /// Says how the meter is, if that is news and the meter has an identity.
    pub(super) fn put_health(&mut self, health: Health) -> Option<Report> {
        let id = self.id()?;
        if self.health.as_ref() == Some(&health) {
            return None;
        }
        self.health = Some(health.clone());
        Some(Report::Health(id, health))
    }

    /// Takes over what a telegram says of the meter itself, once that is certain: where damage may
    /// go unnoticed, two telegrams must agree. A stand-in that has found its number is gone.
    fn learn(&mut self, opened: &Opened, now: Timestamp) -> Option<Report> {
        let sketch = Sketch::of(opened);
        let before = self.sketch.replace(sketch.clone());
        let agreed = if opened.is_sound {
            &sketch
        } else {
            before.as_ref()?
        };
        for key in sketch.carries.intersection(&agreed.carries) {
            if !self.known.carries.contains(*key) {
                self.known.carries.insert((*key).to_owned());
            }
        }
        if sketch.number.is_some() && sketch.number == agreed.number {
            self.known.number.clone_from(&sketch.number);
        }
        if sketch.model.is_some() && sketch.model == agreed.model {
            self.known.model.clone_from(&sketch.model);
        }
        if self.known.serial.is_some() && !self.known.stand_in {
            return None;
        }
        let serial = self.identity(sketch.number.is_some(), now)?;
        let stood_in = self.id().filter(|_| self.known.stand_in);
        self.known.serial = Some(serial);
        self.known.stand_in = false;
        let gone = stood_in.filter(|id| self.id().as_ref() != Some(id))?;
        self.described = None;
        self.described_from = None;
        self.health = None;
        Some(Report::Gone(gone))
    }

    /// The identity, if it is certain by now.
    fn identity(&mut self, is_numbered: bool, now: Timestamp) -> Option<String> {
        if let Some(number) = &self.known.number {
            return Some(number.clone());
        }
        if is_numbered {
            return None;
        }
        let (seen, first) = self.numberless.get_or_insert((0, now));
        *seen += 1;
        let (telegrams, time) = NUMBERLESS;
        let long = now.duration_since(*first).unsigned_abs() >= time;
        let enough = *seen >= telegrams && long;
        self.title.filter(|_| enough).map(|title| title.to_string())
    }

    /// For a meter in a file: there is no other telegram to wait for.
    pub(super) fn assume_identity(&mut self, number: Option<&str>) {
        let title = || self.title.map(|title| title.to_string());
        let serial = number.map(str::to_owned).or_else(title);
        self.known
            .serial
            .get_or_insert(serial.unwrap_or_else(|| "unknown".to_owned()));
    }

    fn describe(&mut self, config: &Config) -> Option<Report> {
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

    fn device(&self, config: &Config) -> Option<Device> {
        let serial = self.known.serial.clone()?;
        let named = config.names.get(&serial).or(config.name.as_ref());
        let name = named.cloned().unwrap_or_else(|| self.label());
        // Meters without a title are Kaifa's in the north, which send in clear.
        let mut device = Device::new(KIND, serial, name, "Kaifa");
        if let Some(title) = &self.title {
            device.manufacturer = title.maker().into();
        }
        device.model = self.known.model.clone();
        device.area.clone_from(&config.area);
        device.rated_power = Some(config.max_power);
        if !self.known.stand_in {
            let carries =
                |key: &str| metrics::ALWAYS.contains(&key) || self.known.carries.contains(key);
            let carried = metrics::METER.iter().filter(|metric| carries(&metric.key));
            device.metrics = carried.cloned().collect();
        }
        Some(device)
    }

    /// What to call it: "Smart meter" and the end of its number.
    pub(super) fn label(&self) -> String {
        let hint = || self.title.and_then(|title| title.number_hint());
        let title = || self.title.map(|title| title.to_string());
        let number = self.known.number.clone().or_else(hint).or_else(title);
        let number = number.unwrap_or_default();
        let start = number
            .char_indices()
            .rev()
            .nth(3)
            .map_or(0, |(start, _)| start);
        format!("Smart meter {}", number.get(start..).unwrap_or_default())
            .trim_end()
            .to_owned()
    }
}

impl Sketch {
    fn of(opened: &Opened) -> Self {
        Self {
            number: opened.values.number().map(str::to_owned),
            model: opened.model.clone(),
            carries: opened.values.known.iter().map(|(key, _)| *key).collect(),
        }
    }
}
