//! One inverter behind the ECU: what is known of it and what its records say.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::waking::{DUSK_W, Sky, Waking};
use super::wire::{
    CHANNEL_POWER_W, FAMILIES, PHASE_TO_PHASE_V, PRODUCTS, Product, Record, RecordType, VoltageKind,
};
use super::{health, metrics};
use crate::clock::Moment;
use crate::hex::Hex;
use crate::model::{Decimal, DeviceId, Health, Metric, Readings, Value};

/// Inverters wake and drop out one by one: only one that stays away longer than this while others
/// work has a problem.
const LOST_AFTER: Duration = Duration::from_secs(3600);
/// So many lists in a row without an inverter mean that it is gone.
const UNLISTED: u32 = 2;

/// The most that an inverter delivers of which nothing is known: it may have four panels.
pub const MOST_POWER_W: u32 = 4 * CHANNEL_POWER_W;

/// What is known of an inverter, also over restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inverter {
    /// Name of the product.
    pub product: String,
    channels: u8,
    voltages: u8,
    /// It has three voltages, and they were too high for others than between two phases.
    phase_to_phase: bool,
    raw: bool,
    /// How many lists in a row have been without it, as far as that matters.
    unlisted: u32,
    /// When it last answered the ECU, for people.
    heard: Option<Timestamp>,
    /// The same in this run.
    #[serde(skip)]
    heard_at: Option<Duration>,
    /// Whether it delivered more than at dusk then.
    #[serde(skip)]
    bright: bool,
}

/// How the ECU lists an inverter.
#[derive(Debug, Clone, Copy)]
pub enum Listed<'a> {
    /// With this record.
    As(&'a Record),
    /// Not, though it lists others.
    Absent,
    /// Not all of its list can be read, and it is not in what can.
    Unread,
    /// It lists none at all.
    ListEmpty,
}

impl Inverter {
    /// Takes note of a record. What was learned from earlier ones stays: after a restart of the ECU
    /// a known inverter is listed without any values.
    pub fn see(&mut self, record: &Record, now: Moment) {
        self.product = record.product_name().to_owned();
        self.unlisted = 0;
        if let Some(channels) = record.channels() {
            self.channels = self.channels.max(channels.min(4));
        }
        let measured = (0..3).filter_map(|index| record.voltage_v(index)).max();
        if let Some(body) = &record.body {
            let count = body.voltage_v.len().min(3) as u8;
            // What nobody has listed shows by day what its voltages are.
            if record.product().is_some() || measured.is_some() {
                self.voltages = self.voltages.max(count);
            }
            self.phase_to_phase |= count == 3 && measured.is_some_and(|it| it > PHASE_TO_PHASE_V);
        }
        self.raw |= !record.is_described();
        if record.online {
            self.heard = Some(now.wall);
            self.heard_at = Some(now.steady);
            let dusk = self.channels().max(1) * DUSK_W;
            self.bright = record.total_power_w().is_some_and(|power| power > dusk);
        }
    }

    /// Takes note that a list is without it.
    pub fn miss(&mut self) {
        self.unlisted = self.unlisted.saturating_add(1).min(UNLISTED);
    }

    /// Whether the ECU lists it, as far as is known.
    pub const fn is_listed(&self) -> bool {
        self.unlisted < UNLISTED
    }

    /// Whether it delivered more than at dusk when it was last heard.
    pub const fn was_bright(&self) -> bool {
        self.bright
    }

    /// How many panels it takes; 0 if nobody knows.
    pub fn channels(&self) -> u32 {
        self.channels.into()
    }

    /// What it never exceeds.
    pub fn power_w(&self) -> u32 {
        let unknown = || match self.channels() {
            0 => MOST_POWER_W,
            channels => channels * CHANNEL_POWER_W,
        };
        self.known_product().map_or_else(unknown, |it| it.power_w)
    }

    /// What it can report.
    pub fn metrics(&self) -> Vec<Metric> {
        metrics::inverter(
            self.channels.into(),
            self.voltage_kind(),
            self.voltages.into(),
            self.raw,
        )
    }

    fn known_product(&self) -> Option<&'static Product> {
        let mut all = PRODUCTS.iter().chain(FAMILIES);
        all.find(|product| product.name == self.product)
    }

    /// What its voltages are: by their height, else by the product, else by their number.
    fn voltage_kind(&self) -> VoltageKind {
        match self.known_product() {
            _ if self.phase_to_phase => VoltageKind::PhaseToPhase,
            Some(product) => product.voltage,
            None if self.voltages >= 3 => VoltageKind::PhaseToNeutral,
            None => VoltageKind::Grid,
        }
    }

    /// How it is, given that the ECU works and lists it so.
    pub fn health(
        &self,
        listed: Listed<'_>,
        waking: &Waking,
        now: Moment,
        zone: &TimeZone,
    ) -> Health {
        let record = match listed {
            Listed::As(record) => record,
            Listed::ListEmpty => return health::nothing_listed(),
            Listed::Unread => return health::perhaps_unread(),
            Listed::Absent if self.is_listed() => return health::missing(),
            Listed::Absent => return health::unlisted(),
        };
        if record.online {
            return health::heard(record);
        }
        match waking.sky() {
            Sky::Asleep => return health::asleep(),
            Sky::Missed => return health::unheard(),
            Sky::Lost => return health::all_lost(),
            Sky::Awake => {}
        }
        // Those that sleep at night are not missed before the first of them works.
        let since = self.heard_at.max(waking.woke()).unwrap_or(now.steady);
        if now.since(since) < LOST_AFTER {
            return if self.bright {
                health::unheard()
            } else {
                health::asleep()
            };
        }
        health::out_of_contact(record.kind != RecordType::T00, self.heard, zone)
    }
}

/// The values of an inverter that the list lacks for once: none is known.
pub fn no_readings(known: &Inverter, id: &DeviceId, at: Timestamp) -> Readings {
    let mut readings = Readings::new(id.clone(), at);
    for metric in known.metrics() {
        if metric.derived.is_none() {
            readings.push(metric.key, Value::Unknown);
        }
    }
    readings
}

/// The values of a record. `signal` is the raw radio quality: `None` if it was not asked for,
/// `Some(None)` if the ECU does not list it. Who rests delivers nothing; of who is only not heard
/// nobody knows that.
pub fn readings(
    record: &Record,
    known: &Inverter,
    signal: Option<Option<u8>>,
    rests: bool,
    id: &DeviceId,
    at: Timestamp,
) -> Readings {
    let mut readings = Readings::new(id.clone(), at);
    readings.push("online", record.online);
    let is_known = record.online || rests;
    let power = record.total_power_w().filter(|_| is_known);
    readings.push("power", power.map(Decimal::from));
    for (channel, key) in metrics::PANEL_POWER
        .iter()
        .enumerate()
        .take(known.channels.into())
    {
        let power = record.channel_power_w(channel).filter(|_| is_known);
        readings.push(*key, power.map(Decimal::from));
    }
    let keys = metrics::voltages(known.voltage_kind());
    for (index, key) in keys.iter().enumerate().take(known.voltages.into()) {
        readings.push(*key, record.voltage_v(index).map(Decimal::from));
    }
    let frequency = record
        .frequency_dhz()
        .map(|tenths| Decimal::new(tenths.into(), 1));
    readings.push("frequency", frequency);
    let temperature = record
        .temperature_c()
        .map(|degrees| Decimal::integer(degrees.into()));
    readings.push("temperature", temperature);
    // Without an answer the last level will do for a while, but not of an inverter that is silent.
    if let Some(signal) = signal.or((!record.online).then_some(None)) {
        let heard = signal.filter(|raw| *raw > 0 && record.online);
        let percent = heard.map(|raw| Decimal::integer((i64::from(raw) * 200 + 255) / 510));
        readings.push("signal_quality", percent);
    }
    if known.raw {
        readings.push("raw_record", Hex::of(&record.raw).to_string());
    }
    readings
}
