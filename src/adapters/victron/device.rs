//! One device at a port: who it is, what it reports, what of that has become old.

mod derived;
mod monitor;
mod quirks;
mod remembered;
mod values;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::derived::derived;
use self::monitor::depends_on_mode;
use self::quirks::Quirks;
pub use self::remembered::{Day, Remembered};
use self::values::{HeldValues, ValueSource};
use super::KIND;
use super::config::VictronConfig;
use super::interpret::{self, Told};
use super::metrics::{METRICS, metric};
use super::rhythm::patience;
use super::wire::cycle::Cycles;
use super::wire::families::{Family, SHUNTS};
use super::wire::hex;
use super::wire::products::Product;
use super::wire::registers::{MONITOR_MODE, RELAY_MODE, Register};
use super::wire::words;
use crate::clock::Moment;
use crate::model::{Behavior, Control, Decimal, Device, DeviceId, Quantity, Readings, Value};

/// How long values that come one by one are gathered.
const GATHERED: Duration = Duration::from_secs(1);
/// The same for what changes about the device.
const DESCRIBED: Duration = Duration::from_secs(5);
/// Hours in the life of a device: thirty years.
const LIFE: i64 = 30 * 8766;
/// A charger that loses its power at dusk has told of no more watts than these before.
const DUSK_W: i64 = 10;
/// Longest text of what nobody knows the meaning of.
const LONGEST: usize = 240;
/// What a shunt measures, which says what else it says means.
const MODE: &[u8] = b"MON";
/// The load output, as a register.
const LOAD_OUTPUT: u16 = 0xeda8;

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
    quirks: Quirks,
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
            quirks: Quirks::default(),
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
        self.known.product()
    }

    /// The same in words.
    pub fn model(&self) -> Option<String> {
        self.known.model()
    }

    /// What to call it.
    pub fn label(&self) -> String {
        self.known.label()
    }

    /// Whether it is silent because its panels give nothing: it lives on them, and they gave next to
    /// nothing before.
    pub fn may_be_asleep(&self) -> bool {
        self.known.sleeps_at_night() && self.known.is_dusk
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

    /// The device has said which product it is.
    pub fn know_product(&mut self, id: u16) {
        self.known.product = Some(id);
        if let Some(family) = Product::of(id).family {
            self.family = Some(family);
        }
    }

    /// The device has told its serial number.
    pub fn know_serial(&mut self, serial: &str) {
        self.known.know_serial(serial);
    }

    /// The device has told the name that its user gave it.
    pub fn know_custom_name(&mut self, name: &str) {
        let name = name.trim();
        self.known.custom_name = (!name.is_empty()).then(|| name.to_owned());
    }

    /// The device has told the version of its firmware; what the text says is more exact.
    pub fn know_firmware(&mut self, version: String) {
        self.known.firmware.get_or_insert(version);
    }

    /// It has been seen to say nothing for so long again and again.
    pub fn know_pause(&mut self, pause: Duration) {
        self.known.know_pause(pause);
    }

    /// It will not tell a serial number: it gets the identity of its cable or port.
    pub fn settle_identity(&mut self) {
        if self.known.identity.is_none() {
            self.known.identity = Some(self.port.clone());
        }
    }

    /// Takes a whole round of text.
    pub fn take_round(&mut self, cycles: &Cycles, now: Moment) {
        self.known.take_round(cycles);
        let family = self.product().and_then(|product| product.family);
        let by_labels = || {
            let labels = cycles.entries().map(|entry| &entry.label);
            labels.filter_map(|label| Family::of_label(label)).min()
        };
        self.family = family.or(self.family).or_else(by_labels);
        self.holding.begin_round();
        let has_mode = cycles.in_round("MON").is_some();
        if !has_mode && cycles.in_round("V").is_some() && !self.carries("monitor_mode") {
            // The main block is here, and older ones have no mode but that of a battery.
            self.is_mode_told = true;
        }
        let is_sure = has_mode || (self.is_mode_told && !self.carries("monitor_mode"));
        let has_load = self.has_load_output(cycles);
        let was_never_full = was_never_full(cycles);
        // The mode first: the names of others follow from it.
        let mut entries: Vec<_> = cycles
            .entries()
            .filter(|entry| cycles.age(entry) == 0)
            .collect();
        entries.sort_by_key(|entry| entry.label != MODE);
        for entry in entries {
            let told = interpret::of_text(&entry.label, &entry.value);
            self.holding.odd(&told, ValueSource::Text, || {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                (text(&entry.label), text(&entry.value))
            });
            let Some((key, value)) = told.value else {
                continue;
            };
            match key {
                "load_output" if !has_load => continue,
                key if depends_on_mode(key) && !is_sure => continue,
                "last_full_charge" if was_never_full => {
                    self.put(key, Value::Unknown, ValueSource::Text, now);
                }
                _ => self.put(key, value, ValueSource::Text, now),
            }
            if key == "monitor_mode" {
                self.know_monitor();
            }
        }
        let gone = self.holding.end_round(now.steady);
        self.know_monitor();
        for key in gone {
            self.known.carries.remove(key);
        }
        if !has_load {
            self.forget("load_output");
        }
        if let Some(Value::Number(number)) = self.holding.get("day_number") {
            let today = now.wall.to_zoned(self.zone.clone()).date();
            self.known.know_day(number.mantissa(), today);
        }
        self.derive(now.steady);
        (self.is_fresh, self.is_round) = (true, true);
    }

    /// Whether there is an output for loads. Models without one may say that it is on, but not how
    /// much flows there.
    fn has_load_output(&self, cycles: &Cycles) -> bool {
        let known = self.product().and_then(|product| product.has_load_output());
        known.unwrap_or_else(|| {
            cycles.in_round("IL").is_some()
                || self.carries("load_current")
                || self.has_register(LOAD_OUTPUT)
        })
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
        self.holding.odd(&told, ValueSource::Hex, || {
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
            let name = monitor::name(key, self.known.is_meter);
            if is_early || self.holding.is_fresh_text(name, now.steady) {
                return;
            }
        }
        self.put(key, value, ValueSource::Hex, now);
        self.know_monitor();
        self.derive(now.steady);
        self.is_fresh = true;
    }

    fn put(&mut self, key: &'static str, value: Value, source: ValueSource, now: Moment) {
        let value = match (key, value) {
            ("last_full_charge", Value::Number(seconds)) => self.full(seconds, now.wall),
            ("error", error) => {
                let firmware = self.known.firmware.as_deref();
                self.quirks.judge(error, firmware, now.steady)
            }
            (_, value) => value,
        };
        let value = if self.is_possible(key, &value) {
            value
        } else {
            Value::Unknown
        };
        let key = monitor::name(key, self.known.is_meter);
        if let Value::Text(Cow::Owned(word)) = &value
            && is_state(key)
        {
            self.known.know_other(key, word);
        }
        if key == "panel_power"
            && self.known.sleeps_at_night()
            && let Value::Number(power) = &value
        {
            self.known.is_dusk = *power <= Decimal::integer(DUSK_W);
        }
        // A register that is there but never has a value, and a probe that was never connected, are
        // not worth an entity.
        let is_optional = source == ValueSource::Hex || key == "battery_temperature";
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
        let Some(watts) = self.known.rated_power().filter(|_| is_energy) else {
            return true;
        };
        let most = Decimal::from_watt_hours(i64::from(watts).saturating_mul(LIFE));
        value.as_number().is_none_or(|number| number <= most)
    }

    /// What follows from other values.
    fn derive(&mut self, now: Duration) {
        for (key, value) in derived(&self.holding) {
            if let Some(value) = value {
                self.known.carries.insert(key.to_owned());
                self.holding.put(key, value, ValueSource::Derived, now);
            }
        }
    }

    /// Takes note of what a shunt measures: a battery, or something that has no charge.
    fn know_monitor(&mut self) {
        let Some(Value::Text(word)) = self.holding.get("monitor_mode") else {
            return;
        };
        self.is_mode_told = true;
        let is_meter = words::MONITOR.word(0) != Some(word.as_ref());
        if is_meter != self.known.is_meter {
            tracing::info!("{}: the shunt measures a {word} now", self.label());
            self.known.is_meter = is_meter;
            for (of_a_battery, of_a_meter) in monitor::OF_A_METER {
                self.forget(if is_meter { of_a_battery } else { of_a_meter });
            }
        }
        if is_meter {
            for key in monitor::OF_A_BATTERY {
                self.forget(key);
            }
        }
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

    /// The device, if it has an identity and there is something new about it. News that come one
    /// after the other are gathered, but for those of a file, where no time passes: `now` is `None`.
    /// `controls` is what can be set on it, once that is certain: until then it is as before. A control
    /// that is taken away, for seconds only, is switched off again when it comes back.
    pub fn describe(
        &mut self,
        config: &VictronConfig,
        controls: Option<Vec<Control>>,
        now: Option<Duration>,
    ) -> Option<Device> {
        let waits = |now: Duration| now.saturating_sub(self.described_at) < DESCRIBED;
        if self.described.is_some() && now.is_some_and(waits) {
            return None;
        }
        if let Some(controls) = controls {
            self.known.controls = controls;
        }
        // Most rounds say nothing new of the device.
        if self.described_from.as_ref() == Some(&self.known) {
            return None;
        }
        let device = self.known.device(config)?;
        self.described_from = Some(self.known.clone());
        if self.described.as_ref() == Some(&device) {
            return None;
        }
        self.described = Some(device.clone());
        self.described_at = now.unwrap_or_default();
        self.is_fresh = true;
        Some(device)
    }

    /// Whether it is met for the first time, and has not been described.
    pub const fn is_new(&self) -> bool {
        self.is_new && self.described.is_none()
    }

    /// Whether it has been described.
    pub const fn is_described(&self) -> bool {
        self.described.is_some()
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

/// Whether a battery monitor has counted its battery full not even once: then it has been so for no
/// time at all, and not just now.
fn was_never_full(cycles: &Cycles) -> bool {
    let is_zero = |label| cycles.in_round(label) == Some(b"0".as_slice());
    is_zero("H9") && is_zero("H10")
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
