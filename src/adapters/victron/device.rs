//! One device at a port: who it is, what it reports, what of that has become old.

mod derived;
mod description;
mod identity;
mod learning;
mod monitor;
mod quirks;
mod round;
mod values;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use self::identity::{Day, Remembered};
use self::monitor::depends_on_mode;
use self::quirks::Quirks;
use self::values::{HeldValues, Source};
use super::KIND;
use super::interpret::{self, Told};
use super::metrics::{METRICS, metric};
use super::rhythm::patience;
use super::wire::families::{Family, SHUNTS};
use super::wire::hex;
use super::wire::products::Product;
use super::wire::registers::{MONITOR_MODE, RELAY_MODE, Register};
use crate::clock::Moment;
use crate::model::{Behavior, Decimal, Device, DeviceId, Quantity, Readings, Value};

/// How long values that come one by one are gathered.
const GATHERED: Duration = Duration::from_secs(1);
/// Hours in the life of a device: thirty years.
const LIFE: i64 = 30 * 8766;
/// A charger that loses its power at dusk has told of no more watts than these before.
const DUSK_W: i64 = 10;
/// Longest text of what nobody knows the meaning of.
const LONGEST: usize = 240;

/// What is counted of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub blocks: u64,
    pub damaged: u64,
    pub answers: u64,
    pub failures: u64,
}

/// A device, as far as it is known.
#[derive(Debug)]
pub struct VeDevice {
    known: Remembered,
    /// What the port is called by, for devices that never tell a serial number.
    port: String,
    /// Of this host: a device has no clock.
    zone: TimeZone,
    family: Option<Family>,
    holding: HeldValues,
    /// Registers that the device has, as far as it was asked for them.
    registers: BTreeSet<u16>,
    /// What the relay of a battery monitor follows.
    relay_mode: Option<i64>,
    /// Whether it has said in this run what it measures, or that it cannot say so.
    is_mode_told: bool,
    /// When the battery was full, as it was told last, and whether it still was.
    full_at: Option<(Timestamp, bool)>,
    excuses: Quirks,
    described: Option<Device>,
    /// What was known then, which all of the description follows from, and when that was.
    described_from: Option<Remembered>,
    described_at: Duration,
    /// Whether nothing was known of it when it was met.
    is_new: bool,
    /// Whether there is news since the last readings.
    is_fresh: bool,
    /// Whether that is a whole round of text, which does not wait.
    is_round: bool,
    told: Option<Duration>,
}

impl VeDevice {
    /// The device at a port; `known` is what is remembered of the one that was there last.
    pub fn new(port: String, known: Remembered, zone: TimeZone) -> Self {
        let family = known.product.and_then(|id| Product::of(id).family);
        let is_new = known.carries.is_empty();
        Self {
            known,
            port,
            zone,
            family,
            holding: HeldValues::default(),
            registers: BTreeSet::new(),
            relay_mode: None,
            is_mode_told: false,
            full_at: None,
            excuses: Quirks::default(),
            described: None,
            described_from: None,
            described_at: Duration::ZERO,
            is_new,
            is_fresh: false,
            is_round: false,
            told: None,
        }
    }

    /// What to remember.
    pub const fn remembered(&self) -> &Remembered {
        &self.known
    }

    /// Its id, once it has an identity.
    pub fn id(&self) -> Option<DeviceId> {
        let identity = self.known.identity.as_ref()?;
        Some(DeviceId::new(KIND, identity))
    }

    /// The product, if the device has said.
    pub fn product(&self) -> Option<Product> {
        self.known.product.map(Product::of)
    }

    /// Whether it is silent because its panels give nothing: it lives on them, and they gave next to
    /// nothing before.
    pub fn may_be_asleep(&self) -> bool {
        self.sleeps_at_night() && self.known.is_dusk
    }

    fn sleeps_at_night(&self) -> bool {
        self.product()
            .is_some_and(|product| product.sleeps_at_night())
    }

    /// The time zone of this host.
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// What kind of device it is.
    pub const fn family(&self) -> Option<Family> {
        self.family
    }

    /// The serial number, if the device has told it.
    pub fn serial(&self) -> Option<&str> {
        self.known.serial.as_deref()
    }

    /// Whether the device has this register.
    pub fn has_register(&self, register: u16) -> bool {
        self.registers.contains(&register)
    }

    /// What the relay of a battery monitor follows.
    pub const fn relay_mode(&self) -> Option<i64> {
        self.relay_mode
    }

    /// Whether it reports a metric.
    pub fn carries(&self, key: &str) -> bool {
        self.known.carries.contains(key)
    }

    /// The value of a metric.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.holding.get(key)
    }

    /// What its device id is made of, once that is settled.
    pub fn identity(&self) -> Option<&str> {
        self.known.identity.as_deref()
    }

    /// Its day: the number as the text counts, and the date it goes by.
    pub const fn day(&self) -> Option<Day> {
        self.known.day
    }

    /// The version of its firmware: 1.59.
    pub fn firmware(&self) -> Option<&str> {
        self.known.firmware.as_deref()
    }

    /// Whether another device is there than the one that is known, by a product id or a serial
    /// number.
    pub fn is_other(&self, product: Option<u16>, serial: Option<&str>) -> bool {
        let differs = |known: Option<u16>| product.is_some() && known.is_some() && known != product;
        let known = self.known.serial.as_deref();
        differs(self.known.product) || (serial.is_some() && known.is_some() && known != serial)
    }

    /// Takes the value of a register.
    pub fn take_hex(&mut self, value: &hex::Value<'_>, now: Moment) {
        if value.flags.is_ok() {
            self.registers.insert(value.register);
            if value.register == RELAY_MODE {
                self.relay_mode = number(value);
            }
        } else if value.register == MONITOR_MODE {
            // There is no mode but that of a battery.
            self.is_mode_told = true;
        }
        let Some(told) = interpret::of_hex(value, self.family) else {
            return;
        };
        self.holding.odd(&told, Source::Hex, || {
            let bytes = value.bytes.iter().rev().map(|byte| format!("{byte:02X}"));
            (format!("{:04X}", value.register), bytes.collect())
        });
        let Told {
            value: Some((key, value)),
            ..
        } = told
        else {
            return;
        };
        if key != "monitor_mode" {
            let is_shunt = SHUNTS.include(self.family);
            let is_early = is_shunt && depends_on_mode(key) && !self.is_mode_told;
            if is_early
                || self
                    .holding
                    .is_fresh_text(self.in_monitor_mode(key), now.steady)
            {
                return;
            }
        }
        self.put(key, value, Source::Hex, now);
        self.know_monitor();
        self.derive(now.steady);
        self.is_fresh = true;
    }

    fn put(&mut self, key: &'static str, value: Value, source: Source, now: Moment) {
        let value = match (key, value) {
            ("last_full_charge", Value::Number(seconds)) => self.full(seconds, now.wall),
            ("error", error) => {
                let firmware = self.known.firmware.as_deref();
                self.excuses.judge(error, firmware, now.steady)
            }
            (_, value) => value,
        };
        let value = if self.is_possible(key, &value) {
            value
        } else {
            Value::Unknown
        };
        let key = self.in_monitor_mode(key);
        if let Value::Text(Cow::Owned(word)) = &value
            && is_state(key)
        {
            self.known.know_other(key, word);
        }
        if key == "panel_power"
            && self.sleeps_at_night()
            && let Value::Number(power) = &value
        {
            self.known.is_dusk = *power <= Decimal::integer(DUSK_W);
        }
        // A register that is there but never has a value, and a probe that was never connected, are
        // not worth an entity.
        let is_optional = source == Source::Hex || key == "battery_temperature";
        let load = self.product().and_then(|product| product.has_load_output());
        if key == "load_output" && load == Some(false) {
            return;
        }
        if value.is_known() || !is_optional {
            self.known.carries.insert(key.to_owned());
        }
        self.holding.put(key, value, source, now.steady);
    }

    /// The moment the battery was full. It stays the same as long as it is only a little off, and for
    /// longer while the battery is full: then it is always now.
    fn full(&mut self, seconds: Decimal, at: Timestamp) -> Value {
        let (is_full, was_full) = (seconds.is_zero(), self.full_at.is_some_and(|(_, is)| is));
        let off = if is_full && was_full { 3600 } else { 60 };
        if at == Timestamp::UNIX_EPOCH {
            // Read from a file, nobody knows when that was.
            return Value::Unknown;
        }
        let ago = jiff::SignedDuration::from_secs(seconds.with_scale(0).mantissa());
        let Ok(full) = at.checked_sub(ago) else {
            return Value::Unknown;
        };
        let is_near =
            |known: &Timestamp| known.duration_since(full).unsigned_abs().as_secs() <= off;
        let known = self.full_at.map(|(known, _)| known).filter(is_near);
        let full = known.unwrap_or(full);
        self.full_at = Some((full, is_full));
        full.into()
    }

    /// Whether it can be true of this product: none has moved more energy than its highest power in
    /// all its life.
    fn is_possible(&self, key: &str, value: &Value) -> bool {
        let is_energy = metric(key).is_some_and(|metric| metric.quantity == Some(Quantity::Energy));
        let Some(watts) = self.rated_power().filter(|_| is_energy) else {
            return true;
        };
        let most = Decimal::from_watt_hours(i64::from(watts).saturating_mul(LIFE));
        value.as_number().is_none_or(|number| number <= most)
    }

    fn forget(&mut self, key: &str) {
        self.known.carries.remove(key);
        self.holding.remove(key);
    }

    /// Values that the night of a charger without power leaves behind: nothing flows.
    pub fn fall_asleep(&mut self, now: Duration) {
        // Also what has not been heard since the program started.
        for row in METRICS {
            if self.known.carries.contains(row.key()) {
                self.holding.fall_asleep(row.key(), &row.metric, now);
            }
        }
        self.is_fresh = true;
    }

    /// Makes unknown what has not been said again for long.
    pub fn age(&mut self, now: Duration) {
        let longest = self.known.pause().map(patience).unwrap_or_default();
        if self.holding.age(now, longest) {
            self.derive(now);
            self.is_fresh = true;
        }
    }

    /// The values, if there is news and the device has been described. `line` is what is known of the line, and
    /// `None` for a file.
    pub fn readings(
        &mut self,
        now: Moment,
        line: Option<(Counts, &'static str, Option<Timestamp>)>,
    ) -> Option<Readings> {
        let described = self.described.as_ref()?;
        // Some devices send ten values a second on change.
        let waits = |told: Duration| !self.is_round && now.since(told) < GATHERED;
        if !self.is_fresh || (line.is_some() && self.told.is_some_and(waits)) {
            return None;
        }
        (self.is_fresh, self.is_round, self.told) = (false, false, Some(now.steady));
        let mut readings = Readings::new(described.id.clone(), now.wall);
        readings.day = self.known.day.as_ref().map(|day| day.counted);
        for (key, value) in self.holding.values() {
            if self.known.carries.contains(key) && described.metric(key).is_some() {
                readings.push(key, value.clone());
            }
        }
        readings.push("other_values", self.holding.odd_text(LONGEST));
        if let Some((counts, protocol, heard)) = line {
            let count = |count: u64| Decimal::integer(i64::try_from(count).unwrap_or(i64::MAX));
            readings.push("protocol", protocol);
            readings.push("blocks", count(counts.blocks));
            readings.push("blocks_damaged", count(counts.damaged));
            readings.push("hex_answers", count(counts.answers));
            readings.push("hex_failures", count(counts.failures));
            readings.push("last_block", heard);
        }
        Some(readings)
    }

    /// When values that came one by one have been gathered for long enough.
    pub fn due(&self) -> Option<Duration> {
        let told = self
            .told
            .filter(|_| self.is_fresh && self.described.is_some());
        told.map(|told| told + GATHERED)
    }

    /// Whether a round of text has come; the first one may lack its beginning.
    pub const fn has_sent_text(&self) -> bool {
        self.holding.rounds() > 1
    }

    /// Whether any text has come.
    pub const fn has_sent_some_text(&self) -> bool {
        self.holding.rounds() > 0
    }

    /// Whether it has told anything worth an entity, now or in an earlier run.
    pub fn has_values(&self) -> bool {
        !self.known.carries.is_empty()
    }
}

/// Whether a metric is one of a closed list of words.
fn is_state(key: &str) -> bool {
    metric(key).is_some_and(|metric| matches!(metric.behavior, Behavior::State(_)))
}

/// The number in a register.
pub fn number(value: &hex::Value<'_>) -> Option<i64> {
    let register = Register::of(value.register)?;
    let number = register.decode(value.bytes).number()?;
    Some(number.mantissa())
}

#[cfg(test)]
mod tests;
