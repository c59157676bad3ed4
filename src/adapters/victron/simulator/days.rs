//! What a solar charger remembers: its yield, and what each of the last days brought.

use std::collections::VecDeque;

use super::super::wire::history::{DAYS, TODAY, TOTALS, TRACKERS_TODAY};
use super::counters::ENERGY_UNIT;
use super::plant::Live;
use crate::simulation::noise::unit;

/// Yield of the years before the first day that is remembered, 0.01 kWh.
const BEFORE: u64 = 123_400;
/// What the user has reset away, 0.01 kWh.
const RESET: u64 = 20_000;

/// One day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Day {
    /// mW times ms.
    energy: u64,
    /// mA times mV times ms, out of the load output.
    load: u64,
    /// mW.
    power: i64,
    /// mV.
    battery_least: i64,
    battery_most: i64,
    panel_most: i64,
    /// mA.
    current: i64,
    /// Milliseconds in the states 3, 4 and 5.
    stages: [u64; 3],
    number: u16,
}

/// The memory of a charger.
#[derive(Debug, Clone)]
pub struct Days {
    /// Today first.
    days: VecDeque<Day>,
    /// 0.01 kWh before the first of them.
    before: u64,
    /// 0.01 kWh that were reset away.
    reset: u64,
    has_load: bool,
}

impl Days {
    /// A charger of so many watts that remembers so many days besides today.
    pub fn new(seed: u64, watts: i64, volts: i64, past: u16, has_load: bool) -> Self {
        let past = past.min(DAYS);
        let day = |ago: u16| {
            let share = |what: u64| unit(seed, what, u64::from(ago));
            let units = (watts as f64 * (0.1 + 0.4 * share(1))) as u64;
            Day {
                energy: units * ENERGY_UNIT,
                load: if has_load { units / 3 * ENERGY_UNIT } else { 0 },
                power: (watts as f64 * (500.0 + 450.0 * share(2))) as i64,
                battery_least: volts * 1_020 + (200.0 * share(3)) as i64,
                battery_most: volts * 1_200,
                panel_most: volts * 1_900 + (500.0 * share(4)) as i64,
                current: watts * 900 / volts.max(1),
                stages: [(200.0 + 100.0 * share(5)) as u64, 120, 180].map(|time| time * 60_000),
                number: 400 - ago,
            }
        };
        let today = Day {
            energy: (watts as f64 * 0.12) as u64 * ENERGY_UNIT,
            power: watts * 500,
            battery_least: volts * 1_030,
            battery_most: volts * 1_110,
            panel_most: volts * 1_850,
            current: watts * 500 / volts.max(1),
            stages: [95 * 60_000, 0, 0],
            number: 400,
            ..Day::default()
        };
        let past = (1..=past).map(day);
        Self {
            days: std::iter::once(today).chain(past).collect(),
            before: BEFORE,
            reset: RESET,
            has_load,
        }
    }

    fn day(&self, ago: usize) -> Day {
        self.days.get(ago).copied().unwrap_or_default()
    }

    /// Counts for some milliseconds.
    pub fn count(&mut self, live: &Live, milliseconds: u64) {
        let Some(today) = self.days.front_mut() else {
            return;
        };
        let power = live.panel_power.unsigned_abs();
        today.energy = today
            .energy
            .saturating_add(power.saturating_mul(milliseconds));
        let load = (live.load_current * live.battery_voltage / 1000).unsigned_abs();
        today.load = today.load.saturating_add(load.saturating_mul(milliseconds));
        today.power = today.power.max(live.panel_power);
        today.current = today.current.max(live.charger_current);
        today.panel_most = today.panel_most.max(live.panel_voltage);
        today.battery_least = today.battery_least.min(live.battery_voltage);
        today.battery_most = today.battery_most.max(live.battery_voltage);
        let stage = live
            .state
            .checked_sub(3)
            .and_then(|at| usize::try_from(at).ok());
        if let Some(time) = stage.and_then(|at| today.stages.get_mut(at)) {
            *time = time.saturating_add(milliseconds);
        }
    }

    /// A new day begins.
    pub fn next(&mut self) {
        let today = self.day(0);
        self.days.push_front(Day {
            battery_least: today.battery_most,
            number: today.number.wrapping_add(1),
            ..Day::default()
        });
        while self.days.len() > usize::from(DAYS) + 1 {
            let gone = self.days.pop_back().unwrap_or_default();
            self.before += gone.energy / ENERGY_UNIT;
        }
    }

    /// The user sets the yield to 0.
    pub fn reset(&mut self) {
        self.reset = self.total();
    }

    fn total(&self) -> u64 {
        let days = self.days.iter().map(|day| day.energy / ENERGY_UNIT);
        self.before + days.sum::<u64>()
    }

    /// 0.01 kWh since the user's reset.
    pub fn yield_user(&self) -> i64 {
        (self.total() - self.reset) as i64
    }

    /// 0.01 kWh ever.
    pub fn yield_total(&self) -> i64 {
        self.total() as i64
    }

    /// 0.01 kWh of a day.
    pub fn energy(&self, ago: usize) -> i64 {
        (self.day(ago).energy / ENERGY_UNIT) as i64
    }

    /// The highest power of a day, in W.
    pub fn power(&self, ago: usize) -> i64 {
        self.day(ago).power / 1000
    }

    /// The number of today as text tells it.
    pub fn number(&self) -> i64 {
        i64::from(self.day(0).number % 365)
    }

    /// The value of a register of the history; `None` for other registers, `Some(None)` for days that
    /// are not remembered.
    pub fn record(&self, register: u16, has_trackers: bool) -> Option<Option<Vec<u8>>> {
        let ago = |first: u16| {
            let ago = register.checked_sub(first)?;
            (ago <= DAYS).then_some(usize::from(ago))
        };
        if register == TOTALS {
            return Some(Some(self.totals()));
        }
        if let Some(ago) = ago(TODAY) {
            return Some(self.days.get(ago).map(|day| self.day_record(day)));
        }
        if !has_trackers {
            return None;
        }
        let ago = ago(TRACKERS_TODAY)?;
        Some(self.days.get(ago).map(trackers_record))
    }

    fn totals(&self) -> Vec<u8> {
        let all = |value: fn(&Day) -> i64| self.days.iter().map(value);
        let panel = all(|day| day.panel_most).max().unwrap_or_default();
        let most = all(|day| day.battery_most).max().unwrap_or_default();
        let least = all(|day| day.battery_least).min().unwrap_or_default();
        let mut bytes = vec![1, 0, 0, 0, 0, 0];
        bytes.extend(self.yield_user().to_le_bytes().iter().take(4));
        bytes.extend(self.yield_total().to_le_bytes().iter().take(4));
        bytes.extend(word(panel / 10));
        bytes.extend(word(most / 10));
        bytes.push(u8::try_from(self.days.len()).unwrap_or(u8::MAX));
        bytes.extend(word(least / 10));
        bytes.resize(34, 0xff);
        bytes
    }

    fn day_record(&self, day: &Day) -> Vec<u8> {
        let mut bytes = vec![0];
        let units = |energy: u64| (energy / ENERGY_UNIT) as u32;
        bytes.extend(units(day.energy).to_le_bytes());
        let load = if self.has_load {
            units(day.load)
        } else {
            u32::MAX
        };
        bytes.extend(load.to_le_bytes());
        bytes.extend(word(day.battery_most / 10));
        bytes.extend(word(day.battery_least / 10));
        bytes.extend([0; 5]);
        for time in day.stages {
            bytes.extend(word((time / 60_000) as i64));
        }
        bytes.extend(((day.power / 1000) as u32).to_le_bytes());
        bytes.extend(word(day.current / 100));
        bytes.extend(word(day.panel_most / 10));
        bytes.extend(day.number.to_le_bytes());
        bytes
    }
}

/// The first tracker has three fifths of everything, the second the rest; there are no others.
fn trackers_record(day: &Day) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(day.number.to_le_bytes());
    let energy = (day.energy / ENERGY_UNIT) as i64;
    let power = day.power / 1000;
    for all in [energy, power] {
        let first = all * 3 / 5;
        bytes.extend([first, all - first].into_iter().flat_map(word));
        bytes.extend([0xff; 4]);
    }
    bytes.extend(
        [day.panel_most / 10, day.panel_most / 11]
            .into_iter()
            .flat_map(word),
    );
    bytes.extend([0xff; 4]);
    bytes
}

fn word(number: i64) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::hex::{Flags, Value};
    use super::super::super::wire::history::Record;
    use super::*;

    fn read(days: &Days, register: u16) -> Record {
        let bytes = days.record(register, true).unwrap().unwrap();
        Record::decode(&Value {
            register,
            flags: Flags::default(),
            bytes: &bytes,
        })
        .unwrap()
    }

    #[test]
    fn the_days_and_what_was_before_make_the_total() {
        let mut days = Days::new(3, 200, 12, 30, true);
        let live = Live {
            panel_power: 150_000,
            ..Live::default()
        };
        for _ in 0..40 {
            let before = days.yield_total();
            days.count(&live, 3_600_000);
            assert_eq!(days.yield_total(), before + 15);
            assert_eq!(days.yield_user(), days.yield_total() - RESET as i64);
            let today = (days.energy(0), days.power(0), days.number());
            days.next();
            assert_eq!((days.energy(1), days.power(1)), (today.0, today.1));
            assert_eq!((days.energy(0), days.power(0)), (0, 0));
            assert_eq!(days.number(), (today.2 + 1) % 365);
            assert_eq!(days.yield_total(), before + 15);
        }
    }

    #[test]
    fn records_say_what_text_says() {
        let days = Days::new(3, 200, 12, 10, true);
        let Record::Totals(totals) = read(&days, TOTALS) else {
            unreachable!()
        };
        assert_eq!(totals.version, 1);
        assert_eq!(totals.days, Some(11));
        for ago in 0..=10_u16 {
            let Record::Day(day) = read(&days, TODAY + ago) else {
                unreachable!()
            };
            assert_eq!(day.number, Some(400 - ago));
            let power = u32::try_from(days.power(usize::from(ago))).unwrap();
            assert_eq!(day.power_most, Some(power));
            assert!(day.battery_voltage_least < day.battery_voltage_most);
        }
        assert_eq!(days.record(TODAY + 11, true), Some(None));
        assert_eq!(days.record(TRACKERS_TODAY, false), None);
        assert!(matches!(read(&days, TRACKERS_TODAY), Record::Trackers(_)));
        assert_eq!(days.record(0x0200, true), None);
    }
}
