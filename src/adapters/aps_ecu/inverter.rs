//! One inverter behind the ECU: what is known of it and what its records say.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::metrics;
use super::wire::{Product, Record, RecordType, VoltageKind};
use crate::model::{Decimal, DeviceId, Health, HealthCode, Metric, Readings};

/// Inverters drop out one by one at dusk: only one that stays away longer than this while others
/// work has a problem.
const LOST_AFTER: Duration = Duration::from_secs(3600);

/// What is known of an inverter, also over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inverter {
    /// Name of the product.
    pub(super) product: String,
    channels: u8,
    voltages: u8,
    raw: bool,
    /// When the ECU last listed it.
    pub(super) listed: Timestamp,
    /// When it last answered the ECU.
    heard: Option<Timestamp>,
}

impl Default for Inverter {
    fn default() -> Self {
        Self {
            product: String::new(),
            channels: 0,
            voltages: 0,
            raw: false,
            listed: Timestamp::UNIX_EPOCH,
            heard: None,
        }
    }
}

/// How the ECU lists an inverter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Listed<'a> {
    /// With this record.
    As(&'a Record),
    /// Not, though it lists others.
    Absent,
    /// It lists none at all.
    ListEmpty,
}

impl Inverter {
    /// Takes note of a record. What was learned from earlier ones stays: after a restart of the ECU
    /// a known inverter is listed without any values.
    pub(super) fn see(&mut self, record: &Record, now: Timestamp) {
        self.product = record.product_name().to_owned();
        self.listed = now;
        if let Some(channels) = record.channels() {
            self.channels = self.channels.max(channels.min(4));
        }
        if let Some(body) = &record.body {
            self.voltages = self.voltages.max(body.voltage_v.len().min(3) as u8);
        }
        self.raw |= is_undescribed(record.kind);
        if record.online {
            self.heard = Some(now);
        }
    }

    /// How many panels it takes; 0 if nobody knows.
    pub(super) fn channels(&self) -> u32 {
        self.channels.into()
    }

    /// What it can report.
    pub(super) fn metrics(&self) -> Vec<Metric> {
        metrics::inverter(
            self.channels.into(),
            self.voltage_kind(),
            self.voltages.into(),
            self.raw,
        )
    }

    fn voltage_kind(&self) -> VoltageKind {
        let known = super::wire::PRODUCTS
            .iter()
            .find(|product| product.name == self.product);
        voltage_kind(known, self.voltages.into())
    }

    /// How it is, given that the ECU works and lists it so.
    pub(super) fn health(
        &self,
        listed: Listed<'_>,
        asleep: bool,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Health {
        let record = match listed {
            Listed::As(record) => record,
            Listed::ListEmpty => {
                return Health::new(HealthCode::NoData)
                    .seen("the ECU lists no inverter at all")
                    .advise("If it lasts, switch the ECU off and on.");
            }
            Listed::Absent => {
                return Health::new(HealthCode::OutOfContact)
                    .seen("the ECU no longer lists this inverter")
                    .advise("If it was replaced, it disappears here by itself.");
            }
        };
        if record.online {
            return Health::ONLINE;
        }
        let silent = self
            .heard
            .map(|heard| Duration::try_from(now.duration_since(heard)).unwrap_or_default());
        if asleep || silent.is_some_and(|silent| silent < LOST_AFTER) {
            return Health::new(HealthCode::Asleep);
        }
        // Since when, not for how long: a text that changes with every round fills the history.
        let seen = match (record.kind, self.heard) {
            (RecordType::T00, _) => "not heard since the ECU started".to_owned(),
            (_, Some(heard)) => {
                let heard = heard.to_zoned(zone.clone());
                format!("not heard since {}", heard.strftime("%Y-%m-%d %H:%M"))
            }
            (_, None) => "not heard while others work".to_owned(),
        };
        Health::new(HealthCode::OutOfContact)
            .seen(seen)
            .advise("Check its breaker and its distance to the ECU.")
    }
}

/// What the voltages of a record are: by the product, else by their number.
fn voltage_kind(product: Option<&Product>, count: usize) -> VoltageKind {
    match product {
        Some(product) => product.voltage,
        None if count >= 3 => VoltageKind::PhaseToNeutral,
        None => VoltageKind::Grid,
    }
}

/// The values of a record. `signal` is the raw radio quality: `None` if it was not asked for,
/// `Some(None)` if the ECU does not list it.
pub(super) fn readings(
    record: &Record,
    known: &Inverter,
    signal: Option<Option<u8>>,
    id: &DeviceId,
    at: Timestamp,
) -> Readings {
    let mut readings = Readings::new(id.clone(), at);
    readings.push("online", record.online);
    readings.push("power", record.total_power_w().map(Decimal::from));
    for (channel, key) in metrics::PANEL_POWER
        .iter()
        .enumerate()
        .take(known.channels.into())
    {
        readings.push(*key, record.channel_power_w(channel).map(Decimal::from));
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
        let bytes = record
            .raw
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        readings.push("raw_record", bytes);
    }
    readings
}

/// Whether nobody has described records of this type.
const fn is_undescribed(kind: RecordType) -> bool {
    matches!(kind, RecordType::Other(..))
}
