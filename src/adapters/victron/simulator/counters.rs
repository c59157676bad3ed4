//! What a battery monitor counts.

use super::plant::Live;

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;
/// A unit of energy, 0.01 kWh, in mW times ms.
pub const ENERGY_UNIT: u64 = 10_000 * HOUR as u64;

/// Counters of a battery monitor. Charges are in mA times ms.
#[derive(Debug, Clone)]
pub struct Counters {
    /// Of the battery, in mAh.
    capacity: i64,
    consumed: i64,
    drawn: i64,
    deepest: i64,
    last: i64,
    /// mW times ms.
    discharged: u64,
    charged: u64,
    pub voltage_least: i64,
    pub voltage_most: i64,
    pub aux_least: i64,
    pub aux_most: i64,
    /// Milliseconds.
    since_full: u64,
    pub synchronisations: i64,
}

impl Counters {
    /// As after some months.
    pub const fn new() -> Self {
        Self {
            capacity: 200_000,
            consumed: -24_500 * HOUR,
            drawn: -4_321_000 * HOUR,
            deepest: -81_200 * HOUR,
            last: -24_500 * HOUR,
            discharged: 5_432 * ENERGY_UNIT,
            charged: 6_543 * ENERGY_UNIT,
            voltage_least: 11_640,
            voltage_most: 14_480,
            aux_least: 12_100,
            aux_most: 14_200,
            since_full: 86_400_000,
            synchronisations: 35,
        }
    }

    /// Counts for some milliseconds.
    pub fn count(&mut self, live: &Live, milliseconds: u64) {
        let time = i64::try_from(milliseconds).unwrap_or(i64::MAX);
        let charge = live.battery_current.saturating_mul(time);
        let empty = -self.capacity * HOUR;
        self.consumed = self.consumed.saturating_add(charge).clamp(empty, 0);
        self.since_full = self.since_full.saturating_add(milliseconds);
        if self.consumed == 0 {
            self.since_full = 0;
        }
        let power = live.battery_power();
        let energy = power.unsigned_abs().saturating_mul(milliseconds);
        if charge < 0 {
            self.drawn = self.drawn.saturating_add(charge);
            self.last = self.consumed;
            self.deepest = self.deepest.min(self.consumed);
            self.discharged = self.discharged.saturating_add(energy);
        } else {
            self.charged = self.charged.saturating_add(energy);
        }
        self.voltage_least = self.voltage_least.min(live.battery_voltage);
        self.voltage_most = self.voltage_most.max(live.battery_voltage);
    }

    /// The battery is full, says somebody.
    pub fn synchronise(&mut self) {
        self.consumed = 0;
        self.since_full = 0;
        self.synchronisations += 1;
    }

    /// Forgets the history, but not how full the battery is.
    pub fn clear(&mut self) {
        *self = Self {
            capacity: self.capacity,
            consumed: self.consumed,
            drawn: 0,
            deepest: 0,
            last: 0,
            discharged: 0,
            charged: 0,
            voltage_least: i64::MAX,
            voltage_most: 0,
            aux_least: 0,
            aux_most: 0,
            since_full: 0,
            synchronisations: 0,
        };
    }

    /// Of the battery, in Ah.
    pub const fn set_capacity(&mut self, ampere_hours: i64) {
        self.capacity = ampere_hours.saturating_mul(1000);
    }

    /// mAh, negative.
    pub const fn consumed(&self) -> i64 {
        self.consumed / HOUR
    }

    /// mAh, negative.
    pub const fn drawn(&self) -> i64 {
        self.drawn / HOUR
    }

    /// mAh, negative.
    pub const fn deepest(&self) -> i64 {
        self.deepest / HOUR
    }

    /// mAh, negative.
    pub const fn last(&self) -> i64 {
        self.last / HOUR
    }

    /// 0.01 %.
    pub fn state_of_charge(&self) -> i64 {
        10_000 + self.consumed() * 10_000 / self.capacity.max(1)
    }

    /// Minutes until half of the capacity is left; -1 if it never comes to that.
    pub fn time_to_go(&self, current: i64) -> i64 {
        if current >= 0 {
            return -1;
        }
        let left = self.capacity / 2 + self.consumed();
        (left.max(0) * 60 / -current).min(14_400)
    }

    /// Seconds.
    pub const fn since_full(&self) -> i64 {
        (self.since_full / 1000) as i64
    }

    /// 0.01 kWh.
    pub const fn discharged(&self) -> i64 {
        (self.discharged / ENERGY_UNIT) as i64
    }

    /// 0.01 kWh.
    pub const fn charged(&self) -> i64 {
        (self.charged / ENERGY_UNIT) as i64
    }
}
