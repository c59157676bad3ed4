//! What devices remember, others have kept and people correct.

use super::*;

#[test]
fn what_a_device_remembers_fills_what_was_not_measured_wholly() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    for (moment, energy) in [
        ("2026-06-14T05:00:00Z", 0),
        ("2026-06-14T10:00:00Z", 1000),
        ("2026-06-15T05:00:00Z", 0),
        ("2026-06-15T05:25:00Z", 20),
        ("2026-06-15T05:50:00Z", 900),
    ] {
        kept.says(&kept.roof, at(moment), "energy_today", wh(energy));
    }
    let asleep = Health::new(HealthCode::Asleep);
    kept.history
        .health(&kept.roof.id, at("2026-06-14T20:00:00Z"), &asleep);
    kept.written(at("2026-06-16T10:00:00Z"));
    let mut days = Days::new(kept.roof.id.clone());
    for day in 13..=16 {
        let reading = Reading {
            key: "energy_today".into(),
            value: wh(5000 + i64::from(day)),
        };
        days.days.insert(date(2026, 6, day), vec![reading]);
    }
    kept.history.days(&days);
    kept.history.flush(SOON);
    let value = |day: i64| day_value(&path, "energy_today", 20_260_600 + day);
    assert_eq!(value(13), Some(5013), "not known at all");
    assert_eq!(value(14), Some(5014), "measured with a gap");
    assert_eq!(value(15), Some(900), "measured wholly");
    assert_eq!(value(16), None, "not over");
    assert!(day_flags(&path, "energy_today", 20_260_613).has(DayFlags::IMPORTED));
    assert_eq!(day_value(&path, "sun_energy", 20_260_613), Some(5013));
    // More that is measured of such a day does not take it back.
    kept.history.late(
        &kept.roof.id,
        at("2026-06-14T12:00:00Z"),
        None,
        [("energy_today", wh(1500))],
    );
    kept.history.flush(SOON);
    assert_eq!(value(14), Some(5014));
}

#[test]
fn a_day_is_corrected_for_ever() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    kept.says(
        &kept.roof,
        at("2026-06-15T05:00:00Z"),
        "energy_today",
        wh(0),
    );
    kept.says(
        &kept.roof,
        at("2026-06-15T05:05:00Z"),
        "energy_today",
        wh(70),
    );
    kept.written(at("2026-06-15T06:00:00Z"));
    let series = SeriesKey::new(&kept.roof.id, "energy_today");
    let correct = |value: Option<i64>| {
        let value = value.map(Decimal::from_watt_hours);
        let before = kept
            .history
            .correct(&series, date(2026, 6, 15), value)
            .unwrap();
        before.map(Decimal::to_watt_hours)
    };
    assert_eq!(correct(Some(5000)), Some(70));
    kept.says(
        &kept.roof,
        at("2026-06-15T06:05:00Z"),
        "energy_today",
        wh(90),
    );
    kept.written(at("2026-06-15T07:00:00Z"));
    assert_eq!(day_value(&path, "energy_today", 20_260_615), Some(5000));
    assert_eq!(day_value(&path, "sun_energy", 20_260_615), Some(5000));
    assert!(day_flags(&path, "energy_today", 20_260_615).has(DayFlags::CORRECTED));
    assert_eq!(correct(None), Some(5000));
    assert_eq!(day_value(&path, "energy_today", 20_260_615), Some(90));
    let nothing = SeriesKey::new(&kept.roof.id, "nothing");
    let error = kept
        .history
        .correct(&nothing, date(2026, 6, 15), None)
        .unwrap_err();
    assert!(error.to_string().contains("test_roof/nothing"), "{error}");
}

#[test]
fn what_others_have_kept_is_taken_over() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    let now = Timestamp::now();
    let hours_ago = |hours: i64| now - SignedDuration::from_hours(hours);
    kept.says(&kept.roof, hours_ago(30), "power", number(100));
    kept.written(hours_ago(29));
    let today = now.to_zoned(vienna()).date();
    let yesterday = today.yesterday().unwrap();
    let imported = Imported {
        device: kept.roof.clone(),
        metric: kept.roof.metrics[0].clone(),
        days: vec![
            (
                yesterday.yesterday().unwrap().yesterday().unwrap(),
                Decimal::integer(7),
            ),
            (today, Decimal::integer(9)),
        ],
        values: vec![
            (hours_ago(30), Decimal::integer(900)),
            (hours_ago(28), Decimal::integer(200)),
        ],
    };
    // What was measured stays, its bounds too.
    assert_eq!(kept.history.import(imported).unwrap(), 2);
    let slots = slots(&path, "value, coalesce(max, value)", "power");
    assert_eq!(slots, [(100, 100), (200, 200)]);
    let days = ask(
        &path,
        "SELECT value, flags FROM day JOIN series ON id = series WHERE key = 'power' ORDER BY date LIMIT 1",
    );
    assert_eq!(days, [(7, DayFlags::IMPORTED.0)]);
}

#[test]
fn what_the_commands_change_reaches_the_house() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    for (moment, energy) in [("2026-06-15T05:00:00Z", 0), ("2026-06-15T10:00:00Z", 7000)] {
        kept.says(&kept.roof, at(moment), "energy_today", wh(energy));
        kept.says(&kept.roof, at(moment), "power", number(energy));
    }
    kept.written(at("2026-06-16T06:00:00Z"));
    let sun = || day_value(&path, "sun_energy", 20_260_615);
    assert_eq!(sun(), Some(7000));
    // The command has a history of its own, which knows no house.
    let by_command = |value: Option<i64>| {
        let command = History::open_stepped(&path, &HistorySettings::default(), vienna());
        let series = SeriesKey::new(&kept.roof.id, "energy_today");
        let value = value.map(Decimal::from_watt_hours);
        command.correct(&series, date(2026, 6, 15), value).unwrap();
        command.close();
    };
    by_command(Some(9000));
    kept.history.flush(SOON);
    assert_eq!(sun(), Some(9000));
    by_command(None);
    kept.history.flush(SOON);
    assert_eq!(sun(), Some(7000));
    // The same while nobody else runs, with slots as well.
    kept.history.close();
    by_command(Some(9500));
    let command = History::open_stepped(&path, &HistorySettings::default(), vienna());
    let imported = Imported {
        device: inverter(),
        metric: inverter().metrics[0].clone(),
        days: Vec::new(),
        values: vec![(at("2026-06-15T07:00:00Z"), Decimal::integer(4321))],
    };
    assert_eq!(command.import(imported).unwrap(), 1);
    command.close();
    assert!(!slots(&path, "value, 0", "sun").contains(&(4321, 0)));
    let kept = Kept::at(&path);
    kept.written(at("2026-06-16T07:00:00Z"));
    assert_eq!(sun(), Some(9500));
    assert!(slots(&path, "value, 0", "sun").contains(&(4321, 0)));
    assert_eq!(ask(&path, "SELECT date, slots FROM doubt"), []);
}

#[test]
fn a_correction_of_a_day_without_slots_is_undone_too() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    kept.says(
        &kept.roof,
        at("2026-06-15T05:00:00Z"),
        "energy_today",
        wh(70),
    );
    kept.written(at("2026-06-16T06:00:00Z"));
    let mut days = Days::new(kept.roof.id.clone());
    let reading = Reading {
        key: "energy_today".into(),
        value: wh(5000),
    };
    days.days.insert(date(2025, 6, 1), vec![reading]);
    kept.history.days(&days);
    kept.history.flush(SOON);
    let series = SeriesKey::new(&kept.roof.id, "energy_today");
    let correct = |date: Date, value: Option<i64>| {
        let value = value.map(Decimal::from_watt_hours);
        kept.history.correct(&series, date, value).unwrap();
    };
    let kept_of = |date| day(&path, "energy_today", date);
    let imported = Some((Some(5000), DayFlags::IMPORTED));
    assert_eq!(kept_of(20_250_601), imported);
    correct(date(2025, 6, 1), Some(6000));
    correct(date(2025, 6, 1), Some(6500));
    assert_eq!(kept_of(20_250_601).unwrap().0, Some(6500));
    correct(date(2025, 6, 1), None);
    assert_eq!(kept_of(20_250_601), imported);
    // Where nothing was, there is nothing.
    correct(date(2025, 6, 2), Some(6000));
    correct(date(2025, 6, 2), None);
    assert_eq!(kept_of(20_250_602), None);
}

#[test]
fn a_late_counter_cannot_have_gained_more_than_a_house_can() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    let says = |moment: &str, energy: i64| {
        kept.history.late(
            &kept.meter.id,
            at(moment),
            None,
            [("energy_import", wh(energy))],
        );
        kept.history.flush(SOON);
    };
    kept.says(
        &kept.meter,
        at("2026-06-15T05:00:00Z"),
        "energy_import",
        wh(1000),
    );
    kept.written(at("2026-06-16T06:00:00Z"));
    says("2026-06-15T05:10:00Z", 900_000_000);
    says("2026-06-15T05:20:00Z", 5000);
    let found = slots(&path, "value, 0", "energy_import");
    assert_eq!(found, [(1_000_000 / 1000, 0), (5000, 0)]);
}

#[test]
fn a_lot_that_was_brought_in_reaches_the_house_within_seconds() {
    let (_folder, path) = in_folder();
    let clock = Clock::manual(at("2026-06-15T10:01:00Z"), vienna());
    let kept = Kept::by(&path, &clock, None);
    kept.history.flush(SOON);
    let file = Connection::open(&path).unwrap();
    for day in 1..=20 {
        let doubt = "INSERT INTO doubt (date, slots) VALUES (?1, 0)";
        file.execute(doubt, [20_260_500 + day]).unwrap();
    }
    drop(file);
    for (moment, left) in [
        ("2026-06-15T10:12:00Z", 12),
        ("2026-06-15T10:12:05Z", 4),
        ("2026-06-15T10:12:10Z", 0),
    ] {
        clock.move_to(at(moment));
        kept.says(&kept.roof, clock.now(), "power", number(1));
        awaited("the next days", || {
            ask(&path, "SELECT count(*), 0 FROM doubt") == [(left, 0)]
        });
    }
}
