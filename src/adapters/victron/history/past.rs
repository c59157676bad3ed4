//! What a solar charger remembers of its days, kept for longer than it does itself.
//!
//! Kept for each device as JSON, under the key `history <identity>`, of the memory of its section:
//!
//! ```json
//! {
//!   "total": 125358, "user": 105358,
//!   "days": {
//!     "2026-11-20": {"n": 399, "over": true, "wh": 400, "w": 112, "pv": 2299, "low": 1231, "high": 1440,
//!                    "min": [296, 120, 180], "err": [33]}
//!   }
//! }
//! ```
//!
//! | Key | Meaning |
//! |---|---|
//! | `total`, `user` | yield of the whole life, and since the user's reset, Wh |
//! | `n` | the device's number of the day |
//! | `over` | the day has ended, its values are final |
//! | `wh`, `load` | yield, and energy of the load output, Wh |
//! | `w` | highest power, W |
//! | `pv`, `low`, `high` | highest panel voltage, lowest and highest battery voltage, 0.01 V |
//! | `min` | minutes of bulk, absorption and float |
//! | `err` | errors of the day, numbers |
//!
//! What a device does not know is left out or null.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::super::wire::history::{DAYS, Day, Record, TODAY, TOTALS, Totals};
use crate::model::Decimal;

/// Days that are kept.
const MOST: usize = 400;
/// How far two readings of one day may be apart: a device goes on with it until the sun rises.
const NEAR: i32 = 2;
/// News are written when nothing has been added to them for so long, for the sake of SD cards.
const SETTLED: Duration = Duration::from_secs(120);
/// And not more often than this.
const SELDOM: Duration = Duration::from_secs(3600);

/// The days of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<i64>,
    days: BTreeMap<Date, KeptDay>,
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptDay {
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    number: Option<u16>,
    #[serde(rename = "over", skip_serializing_if = "std::ops::Not::not")]
    is_over: bool,
    #[serde(rename = "wh", skip_serializing_if = "Option::is_none")]
    energy: Option<i64>,
    #[serde(rename = "load", skip_serializing_if = "Option::is_none")]
    load_energy: Option<i64>,
    #[serde(rename = "w", skip_serializing_if = "Option::is_none")]
    power: Option<u32>,
    #[serde(rename = "pv", skip_serializing_if = "Option::is_none")]
    panel: Option<i64>,
    #[serde(rename = "low", skip_serializing_if = "Option::is_none")]
    battery_least: Option<i64>,
    #[serde(rename = "high", skip_serializing_if = "Option::is_none")]
    battery_most: Option<i64>,
    #[serde(rename = "min")]
    minutes: [Option<u16>; 3],
    #[serde(rename = "err", skip_serializing_if = "Vec::is_empty")]
    errors: Vec<u8>,
}

/// The days of the device at a line, and what of them is not written down yet.
#[derive(Debug, Default)]
pub struct Past {
    kept: Kept,
    /// Whose they are; nobody's while that is not known.
    key: Option<String>,
    /// When a day was added last that is not written down.
    added: Option<Duration>,
    written: Option<Duration>,
    /// The number of the device's day, as text and as records count.
    numbers: [Option<i64>; 2],
}

impl Past {
    /// Under which key the days of a device are kept.
    pub fn key(identity: &str) -> String {
        format!("history {identity}")
    }

    /// Whether the days are those kept under this key.
    pub fn is_of(&self, key: &str) -> bool {
        self.key.as_deref() == Some(key)
    }

    /// It turned out whose days they are: adds what is kept of that device.
    pub fn recall(&mut self, key: String, kept: Option<Kept>) {
        self.key = Some(key);
        let Some(kept) = kept else { return };
        self.kept.total = self.kept.total.or(kept.total);
        self.kept.user = self.kept.user.or(kept.user);
        for (date, day) in kept.days {
            self.kept.days.entry(date).or_insert(day);
        }
        self.bound();
    }

    /// Takes a record that was read while it is this date on the device.
    pub fn take(&mut self, record: &Record, today: Date, now: Duration) {
        match record {
            Record::Totals(totals) => self.kept.take_totals(totals),
            Record::Day(day) => {
                if self.kept.take_day(day, today) {
                    self.added = Some(now);
                    self.bound();
                }
            }
            Record::Trackers(_) => {}
        }
    }

    /// The number of the device's day, as the text counts. True if a day has begun.
    pub fn begins(&mut self, number: i64) -> bool {
        self.changes(0, number)
    }

    /// The same, as the record of today counts.
    pub fn begins_by_record(&mut self, record: &Record) -> bool {
        match record {
            Record::Day(Day {
                days_ago: 0,
                number: Some(number),
                ..
            }) => self.changes(1, i64::from(*number)),
            _ => false,
        }
    }

    fn changes(&mut self, way: usize, number: i64) -> bool {
        let known = self.numbers.get_mut(way);
        let before = known.and_then(|known| known.replace(number));
        before.is_some_and(|before| before != number)
    }

    /// Registers of days that are known for good.
    pub fn known(&self, today: Date) -> BTreeSet<u16> {
        let is_known = |ago: &u16| {
            let date = today.saturating_sub(i32::from(*ago).days());
            self.kept.days.get(&date).is_some_and(|day| day.is_over)
        };
        (1..=DAYS).filter(is_known).map(|ago| TODAY + ago).collect()
    }

    /// What to write down, and under which key, if it is time for that.
    pub fn due(&mut self, now: Duration) -> Option<(&str, &Kept)> {
        let since = |at: Duration| now.saturating_sub(at);
        let is_settled = self.added.is_some_and(|added| since(added) >= SETTLED);
        let is_seldom = self.written.is_none_or(|written| since(written) >= SELDOM);
        if !is_settled || !is_seldom {
            return None;
        }
        let key = self.key.as_deref()?;
        (self.added, self.written) = (None, Some(now));
        Some((key, &self.kept))
    }

    fn bound(&mut self) {
        while self.kept.days.len() > MOST {
            self.kept.days.pop_first();
        }
    }
}

impl Kept {
    fn take_totals(&mut self, totals: &Totals) {
        self.total = totals.yield_total.map(Decimal::to_watt_hours);
        self.user = totals.yield_user.map(Decimal::to_watt_hours);
    }

    /// True if the day is over and was not known so.
    fn take_day(&mut self, day: &Day, today: Date) -> bool {
        let date = self.date(day, today);
        let known = self.days.get(&date);
        if known.is_some_and(|known| known.is_over) {
            return false;
        }
        let kept = KeptDay::of(day);
        let is_over = kept.is_over;
        self.days.insert(date, kept);
        is_over
    }

    /// The date of a day: so many days before today, or the one that this day already has.
    fn date(&self, day: &Day, today: Date) -> Date {
        let date = today.saturating_sub(i32::from(day.days_ago).days());
        let near = date.saturating_sub(NEAR.days())..=date.saturating_add(NEAR.days());
        let mut twins = self.days.range(near);
        let is_same = |known: &KeptDay| day.number.is_some() && known.number == day.number;
        let twin = twins.find(|(_, known)| is_same(known));
        twin.map_or(date, |(date, _)| *date)
    }
}

impl KeptDay {
    fn of(day: &Day) -> Self {
        let hundredths = |value: Option<Decimal>| value.map(|value| value.with_scale(2).mantissa());
        Self {
            number: day.number,
            is_over: day.days_ago > 0,
            energy: day.energy.map(Decimal::to_watt_hours),
            load_energy: day.load_energy.map(Decimal::to_watt_hours),
            power: day.power_most,
            panel: hundredths(day.panel_voltage_most),
            battery_least: hundredths(day.battery_voltage_least),
            battery_most: hundredths(day.battery_voltage_most),
            minutes: [day.bulk, day.absorption, day.float],
            errors: day.errors.into_iter().filter(|code| *code != 0).collect(),
        }
    }
}

/// Whether a register is one of the history that is kept.
pub fn is_kept(register: u16) -> bool {
    register == TOTALS || (TODAY..=TODAY + DAYS).contains(&register)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn day(days_ago: u16, number: u16, watt_hours: i64) -> Record {
        Record::Day(Day {
            version: 0,
            days_ago,
            number: Some(number),
            energy: Some(Decimal::from_watt_hours(watt_hours)),
            load_energy: None,
            battery_voltage_most: Some(Decimal::new(1440, 2)),
            battery_voltage_least: None,
            errors: [0, 33, 0, 0],
            bulk: Some(61),
            absorption: Some(20),
            float: None,
            power_most: Some(345),
            battery_current_most: None,
            panel_voltage_most: Some(Decimal::new(7812, 2)),
        })
    }

    fn energies(past: &Past) -> Vec<(String, Option<i64>)> {
        let days = past.kept.days.iter();
        days.map(|(date, day)| (date.to_string(), day.energy))
            .collect()
    }

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn a_day_that_is_over_is_final_and_today_goes_on() {
        let mut past = Past::default();
        let today = date(2026, 3, 1);
        past.take(&day(0, 40, 100), today, NOW);
        past.take(&day(1, 39, 900), today, NOW);
        past.take(&day(0, 40, 200), today, NOW);
        past.take(&day(1, 39, 0), today, NOW);
        let expected = [("2026-02-28", 900), ("2026-03-01", 200)];
        let expected = expected.map(|(date, energy)| (date.to_owned(), Some(energy)));
        assert_eq!(energies(&past), expected);
    }

    #[test]
    fn a_day_that_goes_on_past_midnight_stays_one_day() {
        let mut past = Past::default();
        past.take(&day(0, 40, 100), date(2026, 3, 1), NOW);
        // Before the sun rises on the second.
        past.take(&day(0, 40, 100), date(2026, 3, 2), NOW);
        past.take(&day(0, 41, 5), date(2026, 3, 2), NOW);
        past.take(&day(1, 40, 100), date(2026, 3, 2), NOW);
        let expected = [("2026-03-01", 100), ("2026-03-02", 5)];
        let expected = expected.map(|(date, energy)| (date.to_owned(), Some(energy)));
        assert_eq!(energies(&past), expected);
        assert!(past.kept.days[&date(2026, 3, 1)].is_over);
    }

    #[test]
    fn days_that_are_known_for_good_are_not_asked_for_again() {
        let mut past = Past::default();
        let today = date(2026, 3, 10);
        past.take(&day(0, 40, 100), today, NOW);
        past.take(&day(1, 39, 100), today, NOW);
        past.take(&day(3, 37, 100), today, NOW);
        assert_eq!(past.known(today), BTreeSet::from([TODAY + 1, TODAY + 3]));
        let tomorrow = past.known(date(2026, 3, 11));
        assert_eq!(tomorrow, BTreeSet::from([TODAY + 2, TODAY + 4]));
    }

    #[test]
    fn a_new_number_is_a_new_day_but_the_first_is_none() {
        let mut past = Past::default();
        assert!(!past.begins(7));
        assert!(!past.begins(7));
        // The record has numbers of its own.
        assert!(!past.begins_by_record(&day(0, 400, 0)));
        assert!(past.begins(8));
        assert!(!past.begins_by_record(&day(1, 399, 0)));
        assert!(past.begins_by_record(&day(0, 401, 0)));
    }

    #[test]
    fn it_is_written_once_when_all_is_read_and_not_for_today_alone() {
        let at = Duration::from_secs;
        let mut past = Past::default();
        let today = date(2026, 3, 10);
        past.take(&day(0, 40, 100), today, at(0));
        past.recall(Past::key("HQ1"), None);
        assert_eq!(past.due(at(10_000)), None);
        for ago in 1..=30 {
            let now = at(10_000 + 20 * u64::from(ago));
            past.take(&day(ago, 40 - ago, 100), today, now);
            assert_eq!(past.due(now), None);
        }
        assert!(past.due(at(10_000 + 600 + 120)).is_some());
        assert_eq!(past.due(at(10_000 + 600 + 130)), None);
        past.take(&day(1, 40, 100), date(2026, 3, 11), at(11_000));
        assert_eq!(past.due(at(11_200)), None);
        assert!(past.due(at(10_720 + 3600)).is_some());
    }

    #[test]
    fn nothing_is_written_before_it_is_known_whose_it_is() {
        let mut past = Past::default();
        past.take(&day(1, 39, 100), date(2026, 3, 10), NOW);
        assert_eq!(past.due(SELDOM), None);
        past.recall(Past::key("HQ1"), None);
        let (key, kept) = past.due(SELDOM).unwrap();
        assert_eq!((key, kept.days.len()), ("history HQ1", 1));
    }

    #[test]
    fn what_was_kept_comes_back_and_what_was_just_read_holds() {
        let mut first = Past::default();
        first.take(&day(1, 39, 100), date(2026, 3, 10), NOW);
        first.take(&day(2, 38, 50), date(2026, 3, 10), NOW);
        let json = serde_json::to_value(&first.kept).unwrap();
        let mut second = Past::default();
        second.take(&day(1, 39, 120), date(2026, 3, 10), NOW);
        second.recall(Past::key("HQ1"), serde_json::from_value(json).unwrap());
        assert_eq!(
            energies(&second)
                .into_iter()
                .map(|(_, energy)| energy)
                .collect::<Vec<_>>(),
            [Some(50), Some(120)]
        );
    }

    #[test]
    fn the_shape_is_the_one_that_is_written_above() {
        let mut past = Past::default();
        past.take(&day(1, 39, 400), date(2026, 3, 10), NOW);
        let expected = serde_json::json!({"days": {"2026-03-09": {
            "n": 39, "over": true, "wh": 400, "w": 345, "pv": 7812, "high": 1440,
            "min": [61, 20, null], "err": [33],
        }}});
        assert_eq!(serde_json::to_value(&past.kept).unwrap(), expected);
    }

    #[test]
    fn the_oldest_days_are_forgotten() {
        let mut past = Past::default();
        let mut today = date(2025, 1, 1);
        for number in 0..450 {
            past.take(&day(1, number, 100), today, NOW);
            today = today.tomorrow().unwrap();
        }
        assert_eq!(past.kept.days.len(), MOST);
        assert_eq!(past.kept.days.keys().next(), Some(&date(2025, 2, 19)));
    }
}
