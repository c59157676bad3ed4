//! What PVOutput has at the end: each status of each day, to the last watt-hour.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan as _};
use wattbridge::history::{Calendar, GivenUp, HOUSE, History, StretchSlot, Wanted};
use wattbridge::model::DeviceId;

use super::Month;
use crate::pvoutput::{Books, StandIn};

/// Date and time as PVOutput writes them.
type Label = (String, String);

/// What a slot says: energy and power of what is generated, and of what is consumed.
#[derive(Debug, Clone, Default)]
struct Said {
    generated: (Option<i64>, Option<i64>),
    consumed: (Option<i64>, Option<i64>),
}

/// A time on the wall, and whether it is there for the second time on its date.
fn on_the_wall(calendar: &Calendar, end: i64) -> (Label, bool) {
    let at = Timestamp::from_second(end).unwrap();
    let time = at.to_zoned(calendar.zone().clone());
    let label = (
        time.strftime("%Y%m%d").to_string(),
        time.strftime("%H:%M").to_string(),
    );
    let meant = calendar.zone().to_ambiguous_timestamp(time.datetime());
    let is_second = meant.is_ambiguous() && meant.earlier().unwrap() < at;
    (label, is_second)
}

pub(crate) async fn compare(
    month: &Month,
    history: &History,
    pvoutput: &StandIn,
    given_up: &[GivenUp],
) {
    let id = |name: &str| serde_json::from_value::<DeviceId>(name.into()).unwrap();
    let (sun, powers) = (month.sun, ["power", "panel_power"]);
    let wanted = Wanted {
        series: Box::new(move |series, _| {
            let (device, key) = (series.device.as_str(), series.key.as_str());
            (device == sun && powers.contains(&key)) || (device == HOUSE && key == "house")
        }),
        energies: vec![(id(sun), None), (id(HOUSE), Some("house".to_owned()))],
        words: false,
    };
    let (begin, end) = (month.moment((0, 0)), month.moment((month.days, 0)));
    let times = (begin.as_second(), end.as_second());
    let reader = history.reader();
    let stretch = reader.stretch(wanted, times, usize::MAX - 1).await.unwrap();
    let calendar = reader.calendar();
    let said = |slot: &StretchSlot| {
        let power = |is_house: bool| {
            let mut rows = slot.rows.iter();
            let row = rows.find(|(place, _)| {
                let info = &stretch.series[*place];
                assert_eq!(info.about.decimals, 0);
                (info.series.device.as_str() == HOUSE) == is_house
            });
            row.map(|(_, row)| row.value.max(0))
        };
        Said {
            generated: (slot.energies[0], power(false)),
            consumed: (slot.energies[1], power(true)),
        }
    };
    let slots: BTreeMap<i64, Said> = stretch
        .slots
        .iter()
        .map(|slot| (slot.end, said(slot)))
        .collect();
    let gone: BTreeSet<i64> = given_up.iter().map(|it| it.slot).collect();
    pvoutput.with(|books| {
        reasons(month, calendar, books, &slots, given_up);
        let days = days(calendar, &slots, &gone);
        let labels: usize = days.values().map(BTreeMap::len).sum();
        println!("PVOutput: {labels} statuses, {} slots given up", gone.len());
        assert!(labels > 7000, "{labels}");
        let mut of_sun = 0;
        for (date, said) in &days {
            of_sun += compare_day(books, date, said);
        }
        assert!(of_sun > 2000, "{of_sun}");
        // Nothing else is there, but what was there before a row of the same time was given up.
        let of_gone: BTreeSet<Label> = gone.iter().map(|end| label(calendar, *end)).collect();
        for (label, status) in &books.statuses {
            let is_known = days
                .get(&label.0)
                .is_some_and(|day| day.contains_key(&label.1));
            let is_gone = of_gone.contains(label) && status.power.is_none();
            assert!(is_known || is_gone, "{label:?} {status:?}");
        }
    });
}

/// The label under which a slot is told: 00:00 is a part of 23:55.
fn label(calendar: &Calendar, end: i64) -> Label {
    let (_, midnight) = calendar.bounds(calendar.day_of_slot(end));
    on_the_wall(calendar, if end == midnight { end - 300 } else { end }).0
}

/// By date and time what there is to say, without what was given up.
fn days(
    calendar: &Calendar,
    slots: &BTreeMap<i64, Said>,
    gone: &BTreeSet<i64>,
) -> BTreeMap<String, BTreeMap<String, Said>> {
    let mut days: BTreeMap<String, BTreeMap<String, Said>> = BTreeMap::new();
    for (end, said) in slots.iter().filter(|(end, _)| !gone.contains(end)) {
        let (date, time) = label(calendar, *end);
        let day = days.entry(date).or_default();
        // Of two slots the later energy, and the mean of the powers.
        let both = |before: (Option<i64>, Option<i64>), now: (Option<i64>, Option<i64>)| {
            let mean = |(one, other): (i64, i64)| (one + other + 1) / 2;
            let power = before.1.zip(now.1).map(mean).or(before.1).or(now.1);
            (now.0.or(before.0), power)
        };
        day.entry(time)
            .and_modify(|before| {
                before.generated = both(before.generated, said.generated);
                before.consumed = both(before.consumed, said.consumed);
            })
            .or_insert_with(|| said.clone());
    }
    days
}

/// How many statuses had any sun.
fn compare_day(books: &Books, date: &str, said: &BTreeMap<String, Said>) -> usize {
    let (mut of_sun, mut last) = (0, (0, 0));
    for (time, said) in said {
        let label = (date.to_owned(), time.clone());
        let there = books.statuses.get(&label).cloned().unwrap_or_default();
        assert_eq!(
            (there.consumed, there.consumption),
            said.consumed,
            "{label:?}"
        );
        let told = (there.generated, there.power);
        let (energy, power) = said.generated;
        // At night nothing has to be said of the sun, but for the end of it.
        let is_news = power.is_some_and(|power| power > 0)
            || energy.is_some_and(|energy| energy > last.0)
            || (power == Some(0) && last.1 > 0);
        if is_news || told != (None, None) {
            assert_eq!(told, said.generated, "{label:?} after {last:?}");
        }
        if is_news {
            last = (energy.unwrap_or(last.0), power.unwrap_or(0));
            of_sun += 1;
        }
    }
    of_sun
}

/// Whatever was given up could not be taken.
fn reasons(
    month: &Month,
    calendar: &Calendar,
    books: &Books,
    slots: &BTreeMap<i64, Said>,
    given_up: &[GivenUp],
) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let most = books.size * 3 / 2;
    for GivenUp { slot, reason } in given_up {
        let said = &slots[slot];
        let label = label(calendar, *slot);
        let power = said.generated.1;
        let kind = if reason == "clock went back" {
            assert!(on_the_wall(calendar, *slot).1, "{label:?} came once");
            "clock"
        } else if reason == "PVOutput says nothing of it" {
            let times = books.unanswered.get(&label).copied().unwrap_or(0);
            assert!(times >= 3, "{label:?} had no answer {times} times");
            "mute"
        } else if reason.contains("too high for system size") {
            let power = power.unwrap();
            assert!(power > most, "{label:?}: {power} W of {most} W");
            assert_eq!(
                *reason,
                format!(
                    "Power value [{power}] too high for system size [{}]",
                    books.size
                )
            );
            "too high"
        } else {
            assert_eq!(
                reason, "older than 13 days: PVOutput takes no more than 14",
                "{label:?}"
            );
            let (_, back) = month.long_outage.unwrap();
            let first = month.from + (back - 13).days();
            assert!(calendar.day_of_slot(*slot) < first, "{label:?}");
            "too old"
        };
        *counts.entry(kind).or_default() += 1;
    }
    println!("PVOutput gave up: {counts:?}");
    // And what cannot be taken was given up.
    let gone: BTreeSet<i64> = given_up.iter().map(|it| it.slot).collect();
    for (end, said) in slots {
        let is_too_high = said.generated.1.is_some_and(|power| power > most);
        let (_, is_second) = on_the_wall(calendar, *end);
        assert!(
            gone.contains(end) || !(is_too_high || is_second),
            "{end} {said:?}"
        );
    }
    assert!(
        counts.get("too high").is_some_and(|count| *count > 3),
        "{counts:?}"
    );
    assert!(
        counts.get("mute").is_some_and(|count| *count > 0),
        "{counts:?}"
    );
    assert_eq!(counts.contains_key("too old"), month.long_outage.is_some());
}
