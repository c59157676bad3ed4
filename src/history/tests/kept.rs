//! What is measured becomes slots, hours and days.

use super::*;

#[test]
fn slots_hours_and_days_are_written() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    let start = at("2026-06-15T10:00:00Z");
    for minute in 1..=70_i64 {
        let now = start + SignedDuration::from_mins(minute);
        kept.says(&kept.roof, now, "power", number(minute * 10));
        kept.says(&kept.roof, now, "energy_today", wh(minute));
        kept.says(&kept.roof, now, "signal", number(50));
    }
    kept.written(at("2026-06-15T11:20:00Z"));
    let slots = slots(&path, "end, value", "power");
    assert_eq!(slots.len(), 14);
    assert_eq!(slots[0], (start.as_second() + 300, 30));
    let hours = ask(
        &path,
        "SELECT start, value FROM hour WHERE series = (SELECT id FROM series WHERE key = 'power' AND device <> 'house')",
    );
    assert_eq!(hours, [(start.as_second(), 305)]);
    assert_eq!(day_value(&path, "energy_today", 20_260_615), Some(70));
    let keys = ask(&path, "SELECT count(*), 0 FROM series WHERE key = 'signal'");
    assert_eq!(keys, [(0, 0)], "diagnostics are not kept");
    kept.history.close();
    let names: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn a_slot_goes_on_after_a_restart_and_a_day_too() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    kept.says(
        &kept.meter,
        at("2026-06-14T20:00:00Z"),
        "energy_import",
        wh(1_000_000),
    );
    kept.says(
        &kept.meter,
        at("2026-06-15T10:01:00Z"),
        "energy_import",
        wh(1_001_600),
    );
    for (minute, value) in [(1, 100), (2, 200)] {
        let now = at("2026-06-15T10:00:00Z") + SignedDuration::from_mins(minute);
        kept.says(&kept.roof, now, "power", number(value));
    }
    kept.history.tick(at("2026-06-15T10:02:30Z"));
    kept.history.close();
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T10:04:00Z"), "power", number(600));
    kept.says(
        &kept.meter,
        at("2026-06-15T10:06:00Z"),
        "energy_import",
        wh(1_006_400),
    );
    kept.written(at("2026-06-15T10:20:00Z"));
    let slots = slots(&path, "value, max", "power");
    assert_eq!(slots, [(300, 600)]);
    assert_eq!(day_value(&path, "energy_import", 20_260_615), Some(6400));
}

#[test]
fn late_values_land_where_they_belong_in_any_order() {
    let mut minutes: Vec<i64> = (0..30).map(|slot| slot * 5 + 2).collect();
    let mut results = Vec::new();
    for turn in 0..3 {
        let (_folder, path) = in_folder();
        let kept = Kept::at(&path);
        let start = at("2026-06-15T08:00:00Z");
        let moment = |minute: i64| start + SignedDuration::from_mins(minute);
        kept.says(
            &kept.meter,
            at("2026-06-14T20:00:00Z"),
            "energy_import",
            wh(1000),
        );
        kept.written(at("2026-06-15T20:00:00Z"));
        match turn {
            0 => {}
            1 => minutes.reverse(),
            _ => minutes.rotate_left(11),
        }
        for minute in &minutes {
            let values = [("energy_import", wh(1000 + minute * 10))];
            kept.history
                .late(&kept.meter.id, moment(*minute), None, values);
            if turn > 0 {
                kept.history.flush(SOON);
            }
        }
        // It cannot have been less than before, nor more than after.
        for odd in [500, 900_000] {
            let values = [("energy_import", wh(odd))];
            kept.history.late(&kept.meter.id, moment(71), None, values);
        }
        kept.history.flush(SOON);
        results.push((
            ask(&path, "SELECT end, value FROM slot ORDER BY end, series"),
            ask(
                &path,
                "SELECT start, value FROM hour ORDER BY start, series",
            ),
            ask(
                &path,
                "SELECT date, value FROM day WHERE value IS NOT NULL ORDER BY date, series",
            ),
        ));
        assert_eq!(
            day_value(&path, "energy_import", 20_260_615),
            Some(147 * 10)
        );
    }
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

#[test]
fn a_day_that_changes_late_changes_the_next_one() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    kept.says(
        &kept.meter,
        at("2026-06-13T10:00:00Z"),
        "energy_import",
        wh(1000),
    );
    kept.says(
        &kept.meter,
        at("2026-06-15T10:00:00Z"),
        "energy_import",
        wh(9000),
    );
    kept.written(at("2026-06-15T20:00:00Z"));
    assert_eq!(day_value(&path, "energy_import", 20_260_615), Some(8000));
    kept.history.late(
        &kept.meter.id,
        at("2026-06-14T10:00:00Z"),
        None,
        [("energy_import", wh(6000))],
    );
    kept.history.flush(SOON);
    assert_eq!(day_value(&path, "energy_import", 20_260_614), Some(5000));
    assert_eq!(day_value(&path, "energy_import", 20_260_615), Some(3000));
    kept.says(
        &kept.meter,
        at("2026-06-15T20:10:00Z"),
        "energy_import",
        wh(9500),
    );
    kept.written(at("2026-06-15T21:00:00Z"));
    assert_eq!(day_value(&path, "energy_import", 20_260_615), Some(3500));
}

#[test]
fn slots_go_after_their_time_and_days_stay() {
    let (_folder, path) = in_folder();
    let settings = HistorySettings {
        keep_slots: crate::config::Period::days(15),
        ..HistorySettings::default()
    };
    let kept = Kept::with(&path, &settings);
    let start = at("2026-06-01T12:00:00Z");
    for day in 0..40 {
        let now = start + SignedDuration::from_hours(24 * day);
        kept.says(&kept.roof, now, "power", number(5));
        kept.written(now + SignedDuration::from_mins(10));
    }
    let slots = slots(&path, "count(*), min(end)", "power");
    assert!(slots[0].0 <= 16, "{slots:?}");
    let days = ask(
        &path,
        "SELECT count(*), 0 FROM day JOIN series ON id = series WHERE key = 'power'",
    );
    assert_eq!(days, [(40, 0)]);
}

#[test]
fn more_decimals_change_nothing_that_is_kept() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T05:00:00Z"), "power", number(500));
    kept.written(at("2026-06-15T06:00:00Z"));
    let mut finer = kept.roof.clone();
    finer.metrics[0].decimals = 1;
    kept.history.describe(&Arc::new(finer));
    kept.says(
        &kept.roof,
        at("2026-06-15T06:02:00Z"),
        "power",
        Decimal::new(5005, 1).into(),
    );
    kept.written(at("2026-06-15T06:10:00Z"));
    kept.history.describe(&Arc::new(kept.roof.clone()));
    let wanted = vec![SeriesKey::new(&kept.roof.id, "power")];
    let reader = kept.history.reader();
    let curves = reader.power(wanted, date(2026, 6, 15), date(2026, 6, 16), 300);
    let curves = block_on(curves).unwrap();
    assert_eq!(curves.series[0].scale, 1);
    let known: Vec<_> = curves.series[0].values.iter().flatten().copied().collect();
    assert_eq!(known, [5000, 5005]);
}

#[test]
fn what_is_usual_is_known_from_the_days_before() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    // Over a change of the clock: the sun's shadow goes by the time on the wall, near enough.
    let noon = |day: Date| day.at(12, 2, 0, 0).to_zoned(vienna()).unwrap().timestamp();
    let days: Vec<Date> = (0..14)
        .map(|back| {
            date(2026, 3, 31)
                .checked_sub(jiff::Span::new().days(14 - back))
                .unwrap()
        })
        .collect();
    for (day, power) in days.iter().zip((0..14).map(|it| it * 100)) {
        kept.says(&kept.roof, noon(*day), "power", number(power));
        kept.written(noon(*day) + SignedDuration::from_mins(10));
    }
    let series = SeriesKey::new(&kept.roof.id, "power");
    let usual = block_on(kept.history.reader().usual(series, date(2026, 3, 31))).unwrap();
    assert_eq!(usual.mean.len(), 288);
    let known: Vec<_> = usual
        .mean
        .iter()
        .enumerate()
        .filter(|(_, it)| it.is_some())
        .collect();
    assert_eq!(known, [(144, &Some(650))]);
    assert_eq!((usual.low[144], usual.high[144]), (Some(260), Some(1040)));
}

#[test]
fn in_memory_it_answers_too() {
    let history = History::in_memory(vienna());
    let roof = inverter();
    history.describe(&Arc::new(roof.clone()));
    let now = Timestamp::now();
    let before = now - SignedDuration::from_hours(2);
    history.late(&roof.id, before, None, [("power", number(500))]);
    history.flush(SOON);
    let series = block_on(history.reader().series()).unwrap();
    assert_eq!(series.len(), 4);
    let size = block_on(history.reader().size()).unwrap();
    assert!(size.newest_slot.is_some_and(|newest| newest >= before));
}

#[test]
fn without_a_history_nothing_fails() {
    let history = History::off();
    let id = DeviceId::new("test", "roof");
    history.record(&id, Timestamp::now(), None, [("power", number(5))]);
    history.tick(Timestamp::now());
    history.flush(SOON);
    let asked = block_on(history.reader().size());
    assert!(matches!(asked, Err(HistoryError::Off)));
    history.close();
}

/// The yield of yesterday stands until another takes its place: a mean of two days would be neither.
#[test]
fn figures_are_kept_as_they_are_where_they_are_named() {
    let (_folder, path) = in_folder();
    let settings = HistorySettings {
        also: vec!["test_*/energy_yesterday".to_owned()],
        ..HistorySettings::default()
    };
    let history = History::open_stepped(&path, &settings, vienna());
    let mut device = Device::new("test", "charger", "Charger", "nobody");
    let figure = |key: &'static str| Metric {
        behavior: crate::model::Behavior::Figure,
        ..Metric::measurement(key, Quantity::Energy).decimals(2)
    };
    device.metrics = vec![figure("energy_yesterday"), figure("energy_record")];
    history.describe(&Arc::new(device.clone()));
    for (time, value) in [("10:01:00", 100), ("10:02:00", 300), ("10:07:00", 310)] {
        let now = at(&format!("2026-06-15T{time}Z"));
        for key in ["energy_yesterday", "energy_record"] {
            history.record(
                &device.id,
                now,
                None,
                [(key, Decimal::new(value, 2).into())],
            );
        }
    }
    history.tick(at("2026-06-15T10:20:00Z"));
    history.flush(SOON);
    let reader = history.reader();
    let day = (date(2026, 6, 15), date(2026, 6, 16));
    let slots = block_on(reader.slots(Vec::new(), day.0, day.1)).unwrap();
    let told: Vec<(&str, i64)> = slots
        .rows
        .iter()
        .map(|row| (slots.series[row.series].series.key.as_str(), row.row.value))
        .collect();
    assert_eq!(told, [("energy_yesterday", 300), ("energy_yesterday", 310)]);
    let days = block_on(reader.days(Vec::new(), day.0, day.1)).unwrap();
    assert_eq!(days.rows[0].row.value, Some(310));
}
