//! What a solar charger remembers of its days, told the bridge once each is over.
//!
//! Which days have been told is remembered for each device, under the key `days <identity>` of the memory of its
//! section, so that none is asked for again: `{"2026-11-20": {"n": 399, "over": true}}`, where `n` is the device's
//! number of the day.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::super::wire::history::{DAYS, Day, Record, TODAY, TOTALS};
use super::told;
use crate::model::Reading;

/// Days that are known at most.
const MOST: usize = 400;
/// How far two readings of one day may be apart: a device goes on with it until the sun rises.
const NEAR: i32 = 2;
/// News are told when nothing has been added to them for so long, for the sake of SD cards.
const SETTLED: Duration = Duration::from_secs(120);
/// And not more often than this.
const SELDOM: Duration = Duration::from_secs(3600);

/// The days of one device that are known.
pub type Known = BTreeMap<Date, KnownDay>;

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KnownDay {
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    number: Option<u16>,
    /// Whether its values are final.
    #[serde(rename = "over", skip_serializing_if = "std::ops::Not::not")]
    is_over: bool,
}

/// What is to be told, and remembered.
#[derive(Debug, PartialEq)]
pub struct Due<'a> {
    /// Days that are new or have other values than before.
    pub news: BTreeMap<Date, Vec<Reading>>,
    /// What all days are remembered under.
    pub key: &'a str,
    pub known: &'a Known,
}

/// The days of the device at a line, and which of them are news.
#[derive(Debug, Default)]
pub struct Past {
    known: Known,
    /// Days that are over and have not been told yet.
    news: BTreeMap<Date, Vec<Reading>>,
    /// Whose they are; nobody's while that is not known.
    key: Option<String>,
    /// When a day was added last that is not told.
    added: Option<Duration>,
    told: Option<Duration>,
    /// The number of the device's day, as text and as records count.
    numbers: [Option<i64>; 2],
}

impl Past {
    /// Under which key the days of a device are kept.
    pub fn key(identity: &str) -> String {
        format!("days {identity}")
    }

    /// Whether the days are those kept under this key.
    pub fn is_of(&self, key: &str) -> bool {
        self.key.as_deref() == Some(key)
    }

    /// It turned out whose days they are: adds what is known of that device.
    pub fn recall(&mut self, key: String, known: Option<Known>) {
        self.key = Some(key);
        for (date, day) in known.unwrap_or_default() {
            self.known.entry(date).or_insert(day);
        }
        self.bound();
    }

    /// Takes a record that was read while it is this date on the device.
    pub fn take(&mut self, record: &Record, today: Date, now: Duration) {
        if let Record::Day(day) = record {
            self.take_day(day, today, now);
        }
    }

    fn take_day(&mut self, day: &Day, today: Date, now: Duration) {
        let date = self.date(day, today);
        if self.known.get(&date).is_some_and(|known| known.is_over) {
            return;
        }
        let is_over = day.days_ago > 0;
        let known = KnownDay {
            number: day.number,
            is_over,
        };
        self.known.insert(date, known);
        if is_over {
            self.news.insert(date, told::of_day(day));
            self.added = Some(now);
        }
        self.bound();
    }

    /// The date of a day: so many days before today, or the one that this day already has.
    fn date(&self, day: &Day, today: Date) -> Date {
        let date = today.saturating_sub(i32::from(day.days_ago).days());
        let near = date.saturating_sub(NEAR.days())..=date.saturating_add(NEAR.days());
        let mut twins = self.known.range(near);
        let is_same = |known: &KnownDay| day.number.is_some() && known.number == day.number;
        let twin = twins.find(|(_, known)| is_same(known));
        twin.map_or(date, |(date, _)| *date)
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
            self.known.get(&date).is_some_and(|day| day.is_over)
        };
        (1..=DAYS).filter(is_known).map(|ago| TODAY + ago).collect()
    }

    /// What to tell, and what to remember under which key, if it is time for that.
    pub fn due(&mut self, now: Duration) -> Option<Due<'_>> {
        let since = |at: Duration| now.saturating_sub(at);
        let is_settled = self.added.is_some_and(|added| since(added) >= SETTLED);
        let is_seldom = self.told.is_none_or(|told| since(told) >= SELDOM);
        if !is_settled || !is_seldom {
            return None;
        }
        let key = self.key.as_deref()?;
        (self.added, self.told) = (None, Some(now));
        Some(Due {
            news: std::mem::take(&mut self.news),
            key,
            known: &self.known,
        })
    }

    fn bound(&mut self) {
        while self.known.len() > MOST {
            self.known.pop_first();
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
    use crate::model::Decimal;

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

    /// The days that are known: which are over, and what of them is news.
    fn energies(past: &Past) -> Vec<(String, bool, Option<String>)> {
        let energy = |date: &Date| {
            let values = past.news.get(date)?;
            let energy = values.iter().find(|it| it.key == "energy_today")?;
            Some(energy.value.to_json().to_string())
        };
        let days = past.known.iter();
        days.map(|(date, day)| (date.to_string(), day.is_over, energy(date)))
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
        let expected = [
            ("2026-02-28".to_owned(), true, Some("0.9".to_owned())),
            ("2026-03-01".to_owned(), false, None),
        ];
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
        let expected = [
            ("2026-03-01".to_owned(), true, Some("0.1".to_owned())),
            ("2026-03-02".to_owned(), false, None),
        ];
        assert_eq!(energies(&past), expected);
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
    fn it_is_told_once_when_all_is_read_and_not_for_today_alone() {
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
    fn nothing_is_told_before_it_is_known_whose_it_is() {
        let mut past = Past::default();
        past.take(&day(1, 39, 100), date(2026, 3, 10), NOW);
        assert_eq!(past.due(SELDOM), None);
        past.recall(Past::key("HQ1"), None);
        let Due { news, key, known } = past.due(SELDOM).unwrap();
        assert_eq!((news.len(), key, known.len()), (1, "days HQ1", 1));
    }

    #[test]
    fn what_was_told_before_a_restart_is_not_told_again() {
        let today = date(2026, 3, 10);
        let mut first = Past::default();
        first.take(&day(1, 39, 100), today, NOW);
        first.take(&day(2, 38, 50), today, NOW);
        let json = serde_json::to_value(&first.known).unwrap();
        let shape = serde_json::json!({
            "2026-03-08": {"n": 38, "over": true}, "2026-03-09": {"n": 39, "over": true},
        });
        assert_eq!(json, shape);
        let mut second = Past::default();
        second.recall(Past::key("HQ1"), serde_json::from_value(json).unwrap());
        second.take(&day(1, 39, 120), today, NOW);
        second.take(&day(3, 37, 70), today, NOW);
        let Due { news, .. } = second.due(SELDOM).unwrap();
        assert_eq!(news.into_keys().collect::<Vec<_>>(), [date(2026, 3, 7)]);
    }

    #[test]
    fn the_oldest_days_are_forgotten() {
        let mut past = Past::default();
        let mut today = date(2025, 1, 1);
        for number in 0..450 {
            past.take(&day(1, number, 100), today, NOW);
            today = today.tomorrow().unwrap();
        }
        assert_eq!(past.known.len(), MOST);
        assert_eq!(past.known.keys().next(), Some(&date(2025, 2, 19)));
    }
}
