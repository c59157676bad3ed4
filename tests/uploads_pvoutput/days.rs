//! Whole days: what PVOutput has at the end is what the house had, whatever happened between.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use wattbridge::history::Calendar;
use wattbridge::model::HealthCode;

use crate::house::{ECU, House, METER, SLOT, Told, at};
use crate::stand_in::Demand;

/// Numbers that look like chance and are always the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Sun from 5 to 21 o'clock, and what a house takes all day.
fn weather(calendar: &Calendar, from: i64, days: i64, chance: &mut Chance) -> BTreeMap<i64, Told> {
    let mut slots = BTreeMap::new();
    let (mut generated, mut consumed) = (0, 0);
    let mut date = calendar.day_of_slot(from + SLOT);
    for i in 1..=days * 288 {
        let end = from + i * SLOT;
        let today = calendar.day_of_slot(end);
        if today != date {
            (date, generated, consumed) = (today, 0, 0);
        }
        let minute = calendar.minute_of_day(end);
        let is_day = (300..1260).contains(&minute);
        let power = if is_day {
            100 + i64::try_from(chance.below(3000)).unwrap()
        } else {
            0
        };
        let consumption = 200 + i64::try_from(chance.below(500)).unwrap();
        generated += power / 12;
        consumed += consumption / 12;
        slots.insert(
            end,
            Told {
                generated: Some(generated),
                power: Some(power),
                consumed: Some(consumed),
                consumption: Some(consumption),
                ..Told::default()
            },
        );
    }
    slots
}

/// What PVOutput has to have: the label of each slot, 00:00 as 23:55 with the later energy.
fn expected(calendar: &Calendar, slots: &BTreeMap<i64, Told>) -> BTreeMap<(String, String), i64> {
    let mut rows = BTreeMap::new();
    for (end, told) in slots {
        let date = calendar.day_of_slot(*end);
        let (_, midnight) = calendar.bounds(date);
        let shown = if *end == midnight { end - SLOT } else { *end };
        let shown = Timestamp::from_second(shown)
            .unwrap()
            .to_zoned(calendar.zone().clone());
        let label = (
            shown.strftime("%Y%m%d").to_string(),
            shown.strftime("%H:%M").to_string(),
        );
        let of_repeated = calendar.zone().to_ambiguous_timestamp(shown.datetime());
        let is_repeated =
            of_repeated.is_ambiguous() && of_repeated.earlier().unwrap() < shown.timestamp();
        if !is_repeated {
            rows.insert(label, told.consumed.unwrap());
        }
    }
    rows
}

fn kept(house: &House) -> BTreeMap<(String, String), i64> {
    house.stand_in.with(|books| {
        let rows = books.statuses.iter();
        rows.map(|(label, status)| (label.clone(), status.consumed.unwrap_or(-1)))
            .collect()
    })
}

/// A week around each change of the clock, with faults, kills and late data at random.
#[tokio::test]
async fn a_week_with_faults_and_a_change_of_the_clock_is_there_at_the_end() {
    for (from, zone) in [
        ("2026-10-22T22:00:00Z", "Europe/Vienna"),
        ("2026-03-26T23:00:00Z", "Europe/Vienna"),
        ("2026-06-15T00:00:00Z", "UTC"),
    ] {
        for seed in 0..4 {
            let mut chance = Chance(seed);
            let calendar = Calendar::new(TimeZone::get(zone).unwrap());
            let from = at(from);
            let all = weather(&calendar, from, 5, &mut chance);
            let settings = json!({ "generation": ECU, "consumption": METER });
            let mut house = House::new(zone, settings).await;
            house.stand_in.with(|books| {
                books.daylight = Some((295, 1265));
                books.limit = 300;
            });
            house.done = from;
            let mut late = Vec::new();
            let mut next = from;
            let last = *all.keys().next_back().unwrap();
            while next < last {
                // A while at a time: minutes, or days without the internet.
                let step = [1, 1, 1, 3, 40, 400][usize::try_from(chance.below(6)).unwrap()];
                let closed = (next + step * SLOT).min(last);
                for (end, told) in all.range(next + 1..=closed) {
                    if chance.below(25) == 0 {
                        late.push(*end);
                    } else {
                        house.tell(*end, told);
                    }
                }
                if chance.below(10) == 0 {
                    for end in late.drain(..) {
                        house.tell(end, &all[&end]);
                    }
                }
                house.now = house.now.max(closed + 60);
                for _ in 0..chance.below(4) {
                    let demand = match chance.below(4) {
                        0 => Demand::HangUp,
                        1 => Demand::LeaveOut(usize::try_from(chance.below(3)).unwrap()),
                        2 => Demand::Say(502, Vec::new(), "<html>".to_owned()),
                        _ => Demand::Say(200, Vec::new(), String::new()),
                    };
                    house.stand_in.with(|books| books.demands.push_back(demand));
                }
                if chance.below(3) == 0 {
                    house.kill_after = Some(1 + usize::try_from(chance.below(3)).unwrap());
                }
                house.send_all(closed).await;
                house.stand_in.with(|books| books.demands.clear());
                next = closed;
            }
            for end in late.drain(..) {
                house.tell(end, &all[&end]);
            }
            house.now += 3600;
            house.send_all(last).await;
            assert!(house.dirty.is_empty());
            assert_eq!(house.health, HealthCode::Online);
            let mut expected = expected(&calendar, &all);
            // A row without an answer may be given up after three times; so may the hour that comes twice.
            let is_back = |why: &String| why == "clock went back";
            let other = house.given_up.values().filter(|why| !is_back(why)).count();
            assert_eq!(other, 0, "{:?}", house.given_up);
            let kept = kept(&house);
            let differing: Vec<_> = expected
                .iter()
                .filter(|(label, wh)| kept.get(*label) != Some(wh))
                .collect();
            assert!(differing.is_empty(), "{zone} {seed}: {differing:?}");
            expected.retain(|label, _| !kept.contains_key(label));
            assert!(expected.is_empty());
            // Days have their whole energies.
            house.stand_in.with(|books| {
                for (date, told) in all
                    .iter()
                    .map(|(end, told)| (calendar.day_of_slot(*end), told))
                {
                    let date = date.strftime("%Y%m%d").to_string();
                    assert!(books.outputs[&date] >= told.generated.unwrap(), "{date}");
                }
            });
        }
    }
}

/// Late data of a day that is over changes all that follows on its date, and nothing else.
#[tokio::test]
async fn late_data_sends_the_rest_of_its_date_again() {
    let mut house = House::new("UTC", json!({ "generation": ECU })).await;
    let from = at("2026-06-14T00:00:00Z");
    let calendar = Calendar::new(TimeZone::UTC);
    let all = weather(&calendar, from, 2, &mut Chance(7));
    house.done = from;
    for (end, told) in &all {
        house.tell(*end, told);
    }
    let last = *all.keys().next_back().unwrap();
    house.now = last + 60;
    house.send_all(last).await;
    let before = house.stand_in.batches().len();
    let changed = at("2026-06-14T20:00:00Z");
    for (end, told) in all.range(changed..at("2026-06-15T00:00:00Z") + 1) {
        let mut told = told.clone();
        told.generated = told.generated.map(|wh| wh + 7);
        house.tell(*end, &told);
        if *end > changed {
            // Only one slot was late; the energies of the others follow from it.
            house.dirty.remove(end);
        }
    }
    house.send_all(last).await;
    let batches = house.stand_in.batches();
    let again: Vec<&String> = batches[before..]
        .iter()
        .flat_map(|(_, rows)| rows)
        .collect();
    // 20:00 to 21:00 with power, then 0 up to midnight: something else may be there.
    assert_eq!(again.len(), 48, "{again:?}");
    assert!(again.iter().all(|row| row.starts_with("20260614,2")));
    assert!(house.given_up.is_empty());
}

/// The limit of an hour is shared: ten requests are left to others by what is of the past.
#[tokio::test]
async fn a_backlog_waits_for_the_next_hour() {
    let mut house = House::new("UTC", json!({ "generation": ECU, "consumption": METER })).await;
    let from = at("2026-06-04T00:00:00Z");
    let all = weather(&Calendar::new(TimeZone::UTC), from, 11, &mut Chance(3));
    house.done = from;
    for (end, told) in &all {
        house.tell(*end, told);
    }
    let last = *all.keys().next_back().unwrap();
    house.now = last + 60;
    house.send_all(last).await;
    assert_eq!(house.done, last);
    let batches = house.stand_in.batches();
    assert!(batches.iter().all(|(status, _)| *status == 200));
    // 110 batches of 30, at most 51 an hour.
    assert!(batches.len() >= 106, "{}", batches.len());
    assert!(house.now - last >= 2 * 3600, "{}", house.now - last);
}

/// Statuses of 15 minutes, and all that was said of them.
#[tokio::test]
async fn longer_statuses_are_means_of_their_slots() {
    let mut house = House::new(
        "Europe/Vienna",
        json!({ "generation": ECU, "consumption": METER }),
    )
    .await;
    house.stand_in.with(|books| books.interval = 15);
    let calendar = Calendar::new(TimeZone::get("Europe/Vienna").unwrap());
    let from = at("2026-10-23T22:00:00Z");
    let all = weather(&calendar, from, 3, &mut Chance(11));
    house.done = from;
    for (end, told) in &all {
        house.tell(*end, told);
    }
    let last = *all.keys().next_back().unwrap();
    house.now = last + 60;
    house.send_all(last).await;
    let noon = (from + 12 * 3600 - 2 * SLOT..=from + 12 * 3600).step_by(300);
    let powers: i64 = noon.map(|end| all[&end].consumption.unwrap()).sum();
    house.stand_in.with(|books| {
        let status = &books.statuses[&("20261024".to_owned(), "12:00".to_owned())];
        assert_eq!(status.consumption, Some((2 * powers + 3) / 6));
        let midnight = &books.statuses[&("20261024".to_owned(), "23:45".to_owned())];
        let (_, end) = calendar.bounds(calendar.day_of_slot(from + SLOT));
        assert_eq!(midnight.consumed, all[&end].consumed);
        assert!(
            !books
                .statuses
                .contains_key(&("20261025".to_owned(), "00:00".to_owned()))
        );
    });
}
