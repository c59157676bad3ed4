//! Nights, clocks and what is too old.

use super::*;

#[test]
fn no_inverter_at_noon_is_a_problem() {
    let mut installation = installation();
    let mut answers = answers(noon(), vec![ds3(false)]);
    answers.info.as_mut().unwrap().online = 0;
    let first = installation.twice(&answers);
    assert_eq!(first.code("216000000001"), HealthCode::Retrying);
    let mut later = |minutes: i64| {
        answers.telemetry.as_mut().unwrap().at = Some(cycle(minutes));
        said(installation.reports(&answers, after(minutes.unsigned_abs())))
    };
    assert_eq!(later(5).code("216000000001"), HealthCode::Retrying);
    let said = later(10);
    assert_eq!(said.code("216000000001"), HealthCode::Degraded);
    assert_eq!(said.json("216000000001", "power"), "null");
    assert_eq!(said.json(DS3, "power"), "null");
    // The same words, so that one of them is enough for the log.
    assert_eq!(said.code(DS3), HealthCode::OutOfContact);
    assert_eq!(said.health[DS3].detail, said.health["216000000001"].detail);
}

#[test]
fn an_inverter_that_is_lost_while_others_work_is_a_problem_after_an_hour() {
    let mut installation = installation();
    installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    let mut later = |minutes: u64| {
        let answers = answers(cycle(minutes.cast_signed()), vec![ds3(false), qt2(true)]);
        said(installation.reports(&answers, after(minutes)))
    };
    let said = later(30);
    assert_eq!(said.code(DS3), HealthCode::Retrying);
    // It delivered much when it was last heard: nobody knows what it does now.
    assert_eq!(said.json(DS3, "power"), "null");
    assert_eq!(said.json(DS3, "online"), "\"OFF\"");
    let said = later(90);
    assert_eq!(said.code(DS3), HealthCode::OutOfContact);
    let sentence = said.health[DS3].sentence();
    assert!(sentence.contains("not heard since 2026-"), "{sentence}");
}

#[test]
fn the_night_does_not_count_for_an_inverter_that_wakes_later_than_others() {
    let mut installation = installation();
    let mut round = |at: DateTime, minutes: u64, awake: &[bool; 2]| {
        let mut answers = answers(at, vec![ds3(awake[0]), qt2(awake[1])]);
        answers.info.as_mut().unwrap().online = awake.iter().filter(|it| **it).count() as u16;
        said(installation.reports(&answers, after(minutes)))
            .health
            .remove(DS3)
    };
    for (at, minutes) in [(midnight(), 0), (midnight(), 5)] {
        round(at, minutes, &[false, false]);
    }
    let night = 8 * HOUR;
    let morning = |minutes: u64| {
        let span = jiff::Span::new().minutes(minutes.cast_signed());
        date(2026, 6, 22).at(6, 0, 0, 0).saturating_add(span)
    };
    for minutes in [0, 10, 55] {
        let health = round(morning(minutes), night + minutes, &[false, true]).unwrap();
        assert_eq!(health, Health::new(HealthCode::Asleep), "{minutes}");
    }
    let health = round(morning(70), night + 70, &[false, true]).unwrap();
    assert_eq!(health.code, HealthCode::OutOfContact);
}

#[test]
fn one_cycle_without_any_inverter_is_neither_night_nor_zero_watts() {
    let mut installation = installation();
    installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    for (minutes, records) in [
        (5, vec![ds3(false), qt2(false)]),
        (10, vec![unheard(DS3), unheard(QT2)]),
    ] {
        let mut blank = answers(cycle(minutes), records);
        let info = blank.info.as_mut().unwrap();
        (info.online, info.power_w) = (0, 0);
        let said = said(installation.reports(&blank, after(minutes.unsigned_abs())));
        assert_eq!(installation.sky(), Sky::Missed);
        for serial in ["216000000001", DS3, QT2] {
            assert_eq!(said.code(serial), HealthCode::Retrying, "{serial}");
            assert_eq!(said.json(serial, "power"), "null", "{serial}");
        }
        assert_eq!(said.json(DS3, "panel_1_power"), "null");
    }
    let good =
        said(installation.reports(&answers(cycle(15), vec![ds3(true), qt2(true)]), after(15)));
    assert_eq!(good.code(DS3), HealthCode::Online);
}

#[test]
fn setting_the_clock_changes_nothing_about_who_is_absent() {
    for years in [-50, 50] {
        let mut installation = installation();
        installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
        let without = answers(cycle(5), vec![qt2(true)]);
        for minutes in [5, 10, 15] {
            let mut set = after(minutes);
            set.wall += jiff::SignedDuration::from_hours(24 * 365 * years);
            let said = said(installation.reports(&without, set));
            assert!(said.gone.is_empty(), "{years}");
            assert_eq!(said.absent.is_empty(), minutes == 5, "{years}");
        }
        let back =
            said(installation.reports(&answers(cycle(20), vec![ds3(true), qt2(true)]), after(20)));
        assert_eq!(back.code(DS3), HealthCode::Online);
        assert!(back.absent.is_empty());
    }
}

#[test]
fn the_ecus_own_date_counts_until_its_shift_is_learned() {
    // In Los Angeles, on a host whose clock is at UTC: it is tomorrow here already.
    let mut installation =
        Installation::new(EcuConfig::default(), Remembered::default(), TimeZone::UTC);
    installation.meet("216000000001");
    let at = date(2026, 6, 21).at(20, 0, 0, 0);
    let mut moment = after(0);
    moment.wall = "2026-06-22T03:01:00Z".parse().unwrap();
    installation.time().note(at, moment);
    let reports = installation.reports(&answers(at, vec![ds3(true)]), moment);
    let day = reports.iter().find_map(|report| match report {
        Report::Readings(readings) => readings.day,
        _ => None,
    });
    assert_eq!(day, Some(date(2026, 6, 21)));
}

/// In Sydney, on a host whose clock is at UTC.
#[test]
fn the_quiet_time_is_that_of_the_ecus_clock() {
    use super::super::super::schedule::{Cycle, Round, Schedule, Wait};
    let mut installation =
        Installation::new(EcuConfig::default(), Remembered::default(), TimeZone::UTC);
    let mut schedule = Schedule::new(Pace::new(&EcuConfig::default()), Cycle::default());
    let mut plan = |installation: &mut Installation, wall: &str| {
        let moment = Moment {
            wall: wall.parse().unwrap(),
            steady: Duration::ZERO,
        };
        let local = installation.time().local(moment).time();
        schedule.after(Round::Asleep, local)
    };
    let noon = date(2026, 6, 21).at(12, 45, 0, 0);
    for learned in [false, true] {
        let wall = "2026-06-21T02:46:00Z";
        let moment = Moment {
            wall: wall.parse().unwrap(),
            steady: Duration::ZERO,
        };
        installation.time().note(noon, moment);
        if learned {
            installation.time().learn(noon, moment.wall);
        }
        assert!(
            matches!(plan(&mut installation, wall), Wait::Round(_)),
            "it is noon there"
        );
    }
    // And at 02:30 there, twenty minutes later is within it.
    let wait = plan(&mut installation, "2026-06-21T16:31:00Z");
    assert!(matches!(wait, Wait::Quiet(_)), "{wait:?}");
}

#[test]
fn values_hold_for_longer_than_the_ecu_is_ever_left_alone() {
    let mut installation = installation();
    let said = installation.twice(&answers(noon(), vec![ds3(true), qt2(true)]));
    for device in said.devices.values() {
        assert!(
            device
                .patience
                .is_some_and(|it| it > Duration::from_secs(3600))
        );
    }
    assert_eq!(said.devices[DS3].rated_power, Some(1200));
}

#[test]
fn values_that_no_longer_change_are_stale() {
    let mut installation = installation();
    let mut answers = answers(noon(), vec![ds3(true)]);
    let fresh = installation.twice(&answers);
    assert_eq!(fresh.code(DS3), HealthCode::Online);
    answers.repeated = true;
    let stale = said(installation.reports(&answers, now()));
    assert_eq!(stale.code(DS3), HealthCode::Stale);
    assert!(stale.health[DS3].sentence().contains("12:00"));
    // They would be shown as if they were good.
    assert!(stale.values.is_empty());
}

/// What happens between two rounds, and how the ECU lists three inverters then.
#[derive(Debug, Clone)]
struct Step {
    minutes: u64,
    /// By how much somebody sets the clock meanwhile.
    set: i64,
    listed: [bool; 3],
    online: [bool; 3],
}

fn step() -> impl proptest::strategy::Strategy<Value = Step> {
    use proptest::prelude::*;
    let often = prop_oneof![3 => Just(true), 1 => Just(false)];
    let set = prop_oneof![2 => Just(0_i64), 1 => -2_000_000_000..2_000_000_000_i64];
    let three = || [often.clone(), often.clone(), often.clone()];
    (1_u64..40, set, three(), three()).prop_map(|(minutes, set, listed, online)| Step {
        minutes,
        set,
        listed,
        online,
    })
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever somebody does to the clock: nothing is given up, who works is online, the
    /// ECU is asked neither too often nor too rarely, and its own clock is known.
    #[test]
    fn setting_the_clock_harms_nothing(steps in proptest::collection::vec(step(), 1..40)) {
        use super::super::super::schedule::{Cycle, Pace, Round, Schedule, Wait};
        const UIDS: [&str; 3] = ["704000000001", "704000000002", "901000000001"];
        let config = EcuConfig::default();
        let pace = Pace::new(&config);
        let mut schedule = Schedule::new(pace, Cycle::default());
        let mut installation = installation();
        let (mut moment, mut ecu_clock) = (after(0), noon());
        for step in steps {
            let passed = Duration::from_secs(step.minutes * 60);
            moment.steady += passed;
            moment.wall = moment.wall.saturating_add(passed).unwrap();
            let set = jiff::SignedDuration::from_secs(step.set);
            moment.wall = moment.wall.saturating_add(set).unwrap();
            ecu_clock = ecu_clock.saturating_add(jiff::SignedDuration::try_from(passed).unwrap());
            if step.set != 0 {
                installation.time().forget();
            }
            installation.time().note(ecu_clock, moment);
            installation.time().learn(ecu_clock, moment.wall);
            // A shift has steps of a quarter of an hour.
            let off = installation.time().local(moment).duration_since(ecu_clock);
            proptest::prop_assert!(off.abs() < jiff::SignedDuration::from_mins(15), "{:?}", off);

            let place = |index: usize| step.listed[index].then(|| {
                record(UIDS[index], RecordType::T01, step.online[index], &[211, 214], &[240, 241])
            });
            let records: Vec<Record> = (0..3).filter_map(place).collect();
            let mut round = answers(ecu_clock, records);
            let working = (0..3).filter(|it| step.listed[*it] && step.online[*it]).count();
            let info = round.info.as_mut().unwrap();
            (info.registered, info.online) = (3, working as u16);
            let said = said(installation.reports(&round, moment));
            for (index, uid) in UIDS.iter().enumerate() {
                let works = step.listed[index] && step.online[index];
                if let Some(health) = said.health.get(*uid).filter(|_| works) {
                    proptest::prop_assert_eq!(health.code, HealthCode::Online);
                }
            }
            proptest::prop_assert!(said.gone.is_empty());
            let kind = if installation.sky() == Sky::Asleep {
                Round::Asleep
            } else {
                Round::Fresh { age: installation.time().age(ecu_clock, moment.wall) }
            };
            let local = installation.time().local(moment).time();
            let wait = match schedule.after(kind, local) {
                Wait::Round(wait) | Wait::Quiet(wait) => wait,
            };
            proptest::prop_assert!(wait >= pace.least && wait < pace.patience(), "{:?}", wait);
        }
    }
}
