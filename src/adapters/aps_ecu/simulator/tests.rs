//! The gateway without its socket: days, cycles, counters and answers.

use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::answers::{self, Flaws};
use super::ecu::{Conditions, Contact, Ecu, View};
use super::plant::{Model, Plant, product_named};
use super::sun::Sun;
use super::*;
use crate::adapters::aps_ecu::wire::{
    Answer, EcuId, EnergyHistory, Period, RawFrame, RecordType, Request, Signal, Status, Telemetry,
};

const MODELS: [Model; 4] = [Model::EcuR, Model::EcuRPro, Model::EcuB, Model::EcuC];
const ALL_KINDS: &str = "3xDS3,2xQS1,1xYC1000,1xQT2,1xYC600,1xYC500,1xQS1A,1xDS3-L,1xDS3-H";
const DAY: Date = date(2026, 6, 21);

fn zone() -> TimeZone {
    TimeZone::get("Europe/Vienna").unwrap()
}

fn at(local: DateTime) -> Timestamp {
    local.to_zoned(zone()).unwrap().timestamp()
}

fn ecu(model: Model, inverters: &str, start: DateTime) -> Ecu {
    let serial = model.serial(1).unwrap();
    let plant = Plant::new(model, serial, &inverters.parse().unwrap()).unwrap();
    let cycle = Duration::from_secs(300);
    let sun = Sun::above(&plant, Sky::default());
    Ecu::new(plant, sun, zone(), cycle, None, at(start))
}

fn advance(ecu: &mut Ecu, local: DateTime) -> View {
    advance_with(ecu, local, &Conditions::default())
}

fn advance_with(ecu: &mut Ecu, local: DateTime, conditions: &Conditions) -> View {
    ecu.advance(at(local), |_| conditions.clone());
    ecu.view()
}

/// What a client makes of the answer, and the bytes. Nothing of them is lost.
fn ask(ecu: &Ecu, request: &Request, flaws: &Flaws) -> (Answer, Vec<u8>) {
    let now = DAY.at(12, 34, 56, 0);
    let bytes = answers::answer(request, ecu, &ecu.view(), now, flaws).encode();
    let frame = RawFrame::parse(&bytes).unwrap();
    let answer = Answer::decode(&frame).unwrap();
    assert_eq!(answer.encode(), bytes);
    assert_eq!(answer.command(), request.command());
    (answer, bytes)
}

fn telemetry(ecu: &Ecu) -> Telemetry {
    let request = Request::Telemetry { ecu: ecu.plant.ecu };
    match ask(ecu, &request, &Flaws::default()).0 {
        Answer::Telemetry(telemetry) => telemetry,
        other => panic!("{other:?}"),
    }
}

fn history(ecu: &Ecu, period: Period) -> EnergyHistory {
    let request = Request::EnergyHistory {
        ecu: ecu.plant.ecu,
        period,
    };
    match ask(ecu, &request, &Flaws::default()).0 {
        Answer::EnergyHistory(history) => history,
        other => panic!("{other:?}"),
    }
}

fn all_requests(ecu: EcuId) -> Vec<Request> {
    let period = |period| Request::EnergyHistory { ecu, period };
    vec![
        Request::EcuInfo,
        Request::Telemetry { ecu },
        Request::Signal { ecu },
        Request::DayCurve { ecu, date: DAY },
        Request::DayCurve {
            ecu,
            date: DAY.yesterday().unwrap(),
        },
        period(Period::Week),
        period(Period::Month),
        period(Period::Year),
        Request::Clock { ecu },
    ]
}

#[test]
fn every_answer_at_every_hour_agrees_with_the_codec() {
    let flaws = Flaws {
        lifetime_jump_wh: 1_000_000,
        today_zero: true,
        unknown_type: Some(2),
        ecu_as_inverter: true,
        ..Flaws::default()
    };
    for model in MODELS {
        let mut ecu = ecu(model, ALL_KINDS, DAY.at(0, 0, 0, 0));
        for hour in 0..24 {
            advance(&mut ecu, DAY.at(hour, 20, 0, 0));
            for request in all_requests(ecu.plant.ecu) {
                ask(&ecu, &request, &Flaws::default());
                ask(&ecu, &request, &flaws);
            }
        }
    }
}

#[test]
fn the_power_of_the_gateway_is_the_sum_of_all_channels() {
    for model in MODELS {
        let mut ecu = ecu(model, ALL_KINDS, DAY.at(5, 0, 0, 0));
        for slot in 0..200 {
            let view = advance(&mut ecu, DAY.at(5, 0, 0, 0) + (slot * 5_i64).minutes());
            let Answer::EcuInfo(info) = ask(&ecu, &Request::EcuInfo, &Flaws::default()).0 else {
                panic!();
            };
            let telemetry = telemetry(&ecu);
            assert_eq!(u64::from(info.power_w), telemetry.total_power_w());
            assert_eq!(usize::from(info.online), telemetry.online());
            assert_eq!(usize::from(info.registered), telemetry.records.len());
            assert_eq!(info.power_w, view.power_w());
        }
    }
}

#[test]
fn energy_is_the_sum_of_the_powers_told() {
    let mut ecu = ecu(Model::EcuR, ALL_KINDS, DAY.at(0, 0, 0, 0));
    let (start, mut watt_seconds) = (ecu.view(), 0);
    assert_eq!((start.today_wh, start.power_w()), (0, 0));
    for slot in 1..288 {
        let view = advance(&mut ecu, DAY.at(0, 0, 0, 0) + (slot * 5_i64).minutes());
        watt_seconds += u64::from(view.power_w()) * 300;
        let gain = view.lifetime_wh - start.lifetime_wh;
        assert!(gain.abs_diff(watt_seconds / 3600) <= 1, "{gain}");
        assert_eq!(view.today_wh, watt_seconds / 3600);
    }
    assert!(watt_seconds / 3600 > 5_000, "a summer day");
}

#[test]
fn a_day_is_dark_at_both_ends_and_starts_over_at_midnight() {
    let mut ecu = ecu(Model::EcuR, ALL_KINDS, DAY.at(0, 0, 0, 0));
    let mut last = ecu.view();
    let mut highest = 0;
    for slot in 1..3 * 288 {
        let local = DAY.at(0, 0, 0, 0) + (i64::from(slot) * 5).minutes();
        let view = advance(&mut ecu, local);
        assert!(view.lifetime_wh >= last.lifetime_wh, "{local}");
        if local.date() == last.cycle.unwrap().date() {
            assert!(view.today_wh >= last.today_wh, "{local}");
        } else {
            assert_eq!(view.today_wh, 0, "{local}");
        }
        let night = local.hour() < 6 || (local.hour(), local.minute()) >= (20, 30);
        if night {
            assert_eq!((view.power_w(), view.online()), (0, 0), "{local}");
        } else if (8..18).contains(&local.hour()) {
            assert_eq!(view.online(), view.members.len(), "{local}");
        }
        highest = highest.max(view.power_w());
        last = view;
    }
    assert!(highest > 3_000, "{highest}");
    // A day ends with its midnight, so what it brought is history then.
    let week = history(&ecu, Period::Week).days;
    let dates: Vec<_> = week.iter().map(|(date, _)| date.day()).collect();
    assert_eq!(dates, [17, 18, 19, 20, 21, 22, 23]);
}

#[test]
fn a_long_leap_lives_through_the_same_days_as_small_steps() {
    let mut small = ecu(Model::EcuC, "2xQT2,DS3", DAY.at(3, 0, 0, 0));
    let mut long = ecu(Model::EcuC, "2xQT2,DS3", DAY.at(3, 0, 0, 0));
    let end = DAY.at(3, 0, 0, 0) + 50.hours();
    for minutes in 0..50 * 60 / 7 {
        advance(&mut small, DAY.at(3, 0, 0, 0) + (minutes * 7).minutes());
    }
    let (small_view, long_view) = (advance(&mut small, end), advance(&mut long, end));
    assert_eq!(small_view.lifetime_wh, long_view.lifetime_wh);
    assert_eq!(small_view.today_wh, long_view.today_wh);
    assert_eq!(telemetry(&small), telemetry(&long));
    for request in all_requests(small.plant.ecu) {
        let flaws = Flaws::default();
        assert_eq!(ask(&small, &request, &flaws), ask(&long, &request, &flaws));
    }
}

#[test]
fn between_cycles_answers_repeat() {
    let mut ecu = ecu(Model::EcuR, "2xDS3", DAY.at(10, 0, 0, 0));
    let first = telemetry(&ecu);
    assert_eq!(first.at, Some(DAY.at(10, 0, 0, 0)));
    advance(&mut ecu, DAY.at(10, 4, 59, 0));
    assert_eq!(telemetry(&ecu), first);
    advance(&mut ecu, DAY.at(10, 5, 1, 0));
    assert_eq!(telemetry(&ecu).at, Some(DAY.at(10, 5, 0, 0)));
}

#[test]
fn the_clock_may_change_without_harm() {
    let before = date(2026, 3, 28);
    let mut ecu = ecu(Model::EcuR, "4xDS3", before.at(0, 0, 0, 0));
    let start = ecu.view().lifetime_wh;
    let view = advance(&mut ecu, before.at(0, 0, 0, 0) + 3.days());
    let days = history(&ecu, Period::Week).days;
    let sum: u64 = days
        .iter()
        .filter(|(day, _)| *day >= before)
        .map(|(_, wh)| wh)
        .sum();
    assert!((view.lifetime_wh - start).abs_diff(sum) < 40);
    let (_, today) = days.last().unwrap();
    assert_eq!(*today, 0);
}

#[test]
fn going_back_in_time_counts_nothing() {
    let mut ecu = ecu(Model::EcuR, "4xDS3", DAY.at(14, 0, 0, 0));
    let before = ecu.view();
    let same_day = advance(&mut ecu, DAY.at(9, 2, 0, 0));
    assert_eq!(same_day.lifetime_wh, before.lifetime_wh);
    assert_eq!(same_day.today_wh, before.today_wh);
    assert_eq!(same_day.cycle, Some(DAY.at(9, 0, 0, 0)));
    let yesterday = advance(&mut ecu, DAY.yesterday().unwrap().at(9, 2, 0, 0));
    assert_eq!(yesterday.lifetime_wh, before.lifetime_wh);
    assert_eq!(yesterday.today_wh, 0);
}

#[test]
fn after_a_reboot_inverters_are_unknown_until_they_are_heard() {
    let mut ecu = ecu(Model::EcuR, ALL_KINDS, DAY.at(3, 2, 0, 0));
    let request = Request::Telemetry { ecu: ecu.plant.ecu };
    let offline = telemetry(&ecu);
    assert!(
        offline
            .records
            .iter()
            .all(|record| record.body.is_some() && !record.online)
    );

    ecu.reboot();
    let no_data = Answer::Status {
        command: 2,
        status: Status::NoData,
    };
    assert_eq!(ask(&ecu, &request, &Flaws::default()).0, no_data);
    advance(&mut ecu, DAY.at(3, 5, 0, 0));
    let unheard = telemetry(&ecu);
    assert!(
        unheard
            .records
            .iter()
            .all(|record| record.kind == RecordType::T00)
    );
    let signal = ask(
        &ecu,
        &Request::Signal { ecu: ecu.plant.ecu },
        &Flaws::default(),
    )
    .0;
    let Answer::Signal(Signal { entries }) = signal else {
        panic!();
    };
    assert!(entries.iter().all(|(_, quality)| *quality == 0));
    advance(&mut ecu, DAY.at(8, 0, 0, 0));
    assert_eq!(telemetry(&ecu).online(), 12);
}

#[test]
fn conditions_are_seen_at_once() {
    let mut ecu = ecu(Model::EcuR, "3xDS3", DAY.at(12, 0, 0, 0));
    let noon = DAY.at(12, 1, 0, 0);
    let asleep = Conditions {
        asleep: true,
        ..Conditions::default()
    };
    assert_eq!(advance_with(&mut ecu, noon, &asleep).power_w(), 0);
    assert_eq!(advance(&mut ecu, noon).online(), 3);

    let missing = Conditions {
        missing: vec![2],
        ..Conditions::default()
    };
    let view = advance_with(&mut ecu, noon, &missing);
    assert_eq!(view.online(), 2);
    assert_eq!(view.members.get(1).unwrap().contact, Contact::Silent);

    let mut lost = Conditions {
        lost: vec![1],
        ..Conditions::default()
    };
    assert_eq!(advance_with(&mut ecu, noon, &lost).members.len(), 2);
    lost.added.push(product_named("QS1").unwrap());
    let view = advance_with(&mut ecu, noon, &lost);
    assert_eq!((view.online(), view.members.len()), (2, 3));
    assert_eq!(view.members.last().unwrap().contact, Contact::Never);
    let view = advance_with(&mut ecu, DAY.at(12, 5, 0, 0), &lost);
    assert_eq!(view.online(), 3);
    assert_eq!(advance(&mut ecu, DAY.at(12, 6, 0, 0)).members.len(), 3);

    let rebooting = Conditions {
        rebooting: true,
        ..Conditions::default()
    };
    let before = ecu.view().lifetime_wh;
    let view = advance_with(&mut ecu, DAY.at(12, 30, 0, 0), &rebooting);
    assert_eq!((view.cycle, view.lifetime_wh), (None, before));
    assert_eq!(advance(&mut ecu, DAY.at(12, 40, 0, 0)).online(), 3);
}

#[test]
fn frames_have_the_sizes_and_types_of_real_ones() {
    let frame = |model, inverters: &str| {
        let ecu = ecu(model, inverters, DAY.at(12, 0, 0, 0));
        let telemetry = Request::Telemetry { ecu: ecu.plant.ecu };
        let info = ask(&ecu, &Request::EcuInfo, &Flaws::default()).1;
        (info, ask(&ecu, &telemetry, &Flaws::default()).1)
    };
    let (info, telemetry) = frame(Model::EcuR, "10xDS3");
    assert!(info.starts_with(b"APS1100940001"));
    assert_eq!(telemetry.get(17..19), Some([0, 0x0a].as_slice()));
    assert!(frame(Model::EcuR, "60xDS3").1.len() > 1024);
    assert!(frame(Model::EcuR, "330xQT2").1.len() < 10_000);
    assert!(frame(Model::EcuRPro, "DS3").0.starts_with(b"APS12"));
    assert!(frame(Model::EcuC, "DS3").0.starts_with(b"APS12"));

    let kind = |model, product: &str| {
        let telemetry = frame(model, product).1;
        String::from_utf8(telemetry.get(33..35).unwrap().to_vec()).unwrap()
    };
    for (product, small, linux) in [
        ("DS3", "01", "01"),
        ("DS3-H", "01", "04"),
        ("YC500", "01", "01"),
        ("YC1000", "02", "02"),
        ("QS1A", "03", "03"),
        ("QT2", "02", "05"),
        ("QT2D", "02", "05"),
        ("DS3D", "01", "04"),
        ("DS3D-L", "01", "04"),
        ("YC600Y", "01", "01"),
        ("unlisted", "01", "01"),
    ] {
        assert_eq!(kind(Model::EcuB, product), small, "{product}");
        assert_eq!(kind(Model::EcuRPro, product), linux, "{product}");
    }
}

#[test]
fn past_days_and_months_end_with_this_one() {
    let ecu = ecu(Model::EcuRPro, ALL_KINDS, DAY.at(20, 0, 0, 0));
    let today = ecu.view().today_wh;
    for (period, length) in [(Period::Week, 7), (Period::Month, 30), (Period::Year, 12)] {
        let days = history(&ecu, period).days;
        assert_eq!(days.len(), length);
        assert!(days.is_sorted());
        assert!(days.iter().all(|(_, energy)| *energy > 0));
        let (last, energy) = days.last().unwrap();
        if period == Period::Year {
            assert_eq!(*last, DAY.first_of_month());
        } else {
            assert_eq!((*last, *energy), (DAY, today / 10 * 10));
        }
    }
    let curve = ecu.curve(DAY);
    assert!((150..=170).contains(&curve.len()), "{}", curve.len());
    assert!(curve.is_sorted_by_key(|(time, _)| *time));
}

#[test]
fn an_own_id_is_checked_and_flaws_show() {
    let ecu = ecu(Model::EcuR, "3xDS3", DAY.at(12, 0, 0, 0));
    let other: EcuId = "216000009999".parse().unwrap();
    for request in all_requests(other).iter().skip(1) {
        let wrong = Answer::Status {
            command: request.command(),
            status: Status::WrongEcuId,
        };
        assert_eq!(ask(&ecu, request, &Flaws::default()).0, wrong);
    }
    let flaws = Flaws {
        empty_list: true,
        ..Flaws::default()
    };
    let request = Request::Telemetry { ecu: ecu.plant.ecu };
    let (Answer::Telemetry(empty), bytes) = ask(&ecu, &request, &flaws) else {
        panic!();
    };
    assert!(empty.records.is_empty());
    assert_eq!(bytes.len(), 30);
}
