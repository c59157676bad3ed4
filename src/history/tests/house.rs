//! The house as a whole.

use super::*;

#[test]
fn the_house_is_exact_by_its_counters() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    let start = at("2026-06-15T00:00:00Z");
    let (mut import, mut export) = (5_000_000, 7_000_000);
    kept.says(
        &kept.meter,
        at("2026-06-14T21:00:00Z"),
        "energy_import",
        wh(import),
    );
    kept.says(
        &kept.meter,
        at("2026-06-14T21:00:00Z"),
        "energy_export",
        wh(export),
    );
    kept.says(
        &kept.roof,
        at("2026-06-14T21:00:00Z"),
        "energy_today",
        wh(0),
    );
    for slot in 1..=200_i64 {
        let now = start + SignedDuration::from_mins(slot * 5);
        let net = if slot % 2 == 0 { 600 } else { -1200 };
        import += if net > 0 { 50 } else { 0 };
        export += if net < 0 { 101 } else { 0 };
        for (device, key, value) in [
            (&kept.roof, "power", number(2000)),
            (&kept.roof, "panel_1_power", number(1000)),
            (&kept.roof, "energy_today", wh(slot * 167)),
            (&kept.meter, "power_net", number(net)),
            (&kept.meter, "energy_import", wh(import)),
            (&kept.meter, "energy_export", wh(export)),
        ] {
            kept.says(device, now, key, value);
        }
    }
    kept.written(at("2026-06-15T20:00:00Z"));
    let reader = kept.history.reader();
    let day = (date(2026, 6, 15), date(2026, 6, 16));
    let table = block_on(reader.energy(By::Day, day.0, day.1, EnergyOf::Total)).unwrap();
    let row = |key: &str| {
        let row = table.rows.iter().find(|row| row.series.key == key);
        row.unwrap_or_else(|| panic!("{key}")).wh[0].unwrap()
    };
    let (sun, import, export) = (200 * 167, 100 * 50, 100 * 101);
    assert_eq!(
        (row("sun"), row("import"), row("export")),
        (sun, import, export)
    );
    assert_eq!(row("house"), sun + import - export);
    assert_eq!(row("sun_grid"), export);
    assert_eq!(row("grid_house"), import);
    assert_eq!(row("sun_house"), sun - export);
    let of_battery = table
        .rows
        .iter()
        .find(|row| row.series.key.contains("battery"));
    assert_eq!(of_battery, None);

    let wanted = vec![SeriesKey::house("house"), SeriesKey::house("sun_grid")];
    let curves = block_on(reader.power(wanted, day.0, day.1, 300)).unwrap();
    assert_eq!(curves.start, at("2026-06-14T22:00:00Z"));
    assert_eq!(curves.series[0].values.len(), 288);
    assert_eq!(
        curves.series[0].values[24..27],
        [Some(800), Some(2600), Some(800)]
    );
    assert_eq!(
        (curves.series[1].values[24], curves.series[1].scale),
        (Some(100_000), 3)
    );
    assert_eq!(curves.series[0].values[10], None);
    let hours = block_on(reader.power(vec![SeriesKey::house("sun")], day.0, day.1, 3600)).unwrap();
    assert_eq!(hours.series[0].values.iter().flatten().count(), 17);

    let panels = block_on(reader.energy(By::Month, day.0, day.1, EnergyOf::Panel)).unwrap();
    assert_eq!(panels.rows[0].wh, [Some(16_667)]);
    let devices = block_on(reader.energy(By::Day, day.0, day.1, EnergyOf::Device)).unwrap();
    let keys: Vec<_> = devices
        .rows
        .iter()
        .map(|row| row.series.key.as_str())
        .collect();
    assert_eq!(keys, ["energy_import", "energy_export", "energy_today"]);
    let statistics = block_on(reader.statistics(day.0, day.1)).unwrap();
    let row = statistics
        .iter()
        .find(|row| row.series.key == "energy_today")
        .unwrap();
    // A day that is not over is not the best one yet.
    assert_eq!((row.sum_wh, row.mean_day_wh, row.best), (sun, sun, None));
    assert_eq!(row.peak.map(|peak| peak.watts), Some(2000));
}

#[test]
fn a_night_is_no_gap_and_brings_0() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    let health = |text: &str, code| {
        kept.history
            .health(&kept.roof.id, at(text), &Health::new(code));
    };
    // The day before, as else the first day is none that is whole.
    kept.says(&kept.roof, at("2026-06-14T19:00:00Z"), "power", number(5));
    kept.written(at("2026-06-14T19:10:00Z"));
    health("2026-06-14T19:05:00Z", HealthCode::Asleep);
    kept.written(at("2026-06-15T03:50:00Z"));
    health("2026-06-15T04:00:00Z", HealthCode::Online);
    kept.says(&kept.roof, at("2026-06-15T04:01:00Z"), "power", number(5));
    kept.written(at("2026-06-15T04:10:00Z"));
    assert!(!day_flags(&path, "power", 20_260_615).has(DayFlags::GAP));
    let night = slots(&path, "count(*), max(value)", "sun");
    assert_eq!(night, [(109, 5)]);
    health("2026-06-15T10:00:00Z", HealthCode::Unreachable);
    health("2026-06-15T11:00:00Z", HealthCode::Online);
    kept.says(&kept.roof, at("2026-06-15T11:01:00Z"), "power", number(5));
    kept.written(at("2026-06-15T12:00:00Z"));
    assert!(day_flags(&path, "power", 20_260_615).has(DayFlags::GAP));

    let reader = kept.history.reader();
    let record = reader.health(kept.roof.id.clone(), 2, at("2026-06-15T12:00:00Z"));
    let record = block_on(record).unwrap();
    assert_eq!(record.changes.len(), 4);
    assert_eq!(record.changes[0].code, Some(HealthCode::Online));
    let today = record.days[1];
    assert_eq!(
        (today.online, today.asleep, today.trouble, today.unknown),
        (7.0, 6.0, 1.0, 0.0)
    );
    assert_eq!(record.days[0].unknown, 21.0 + 5.0 / 60.0);
}

/// An inverter of another roof.
fn second_roof() -> Device {
    let mut device = Device::new("test", "shed", "Shed", "nobody");
    device.metrics = inverter().metrics;
    device
}

/// A day on which the second roof says nothing, and is so, behind one on which all is well.
fn day_without_the_shed(health: &Health) -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, path) = in_folder();
    let kept = Kept::at(&path);
    let shed = second_roof();
    kept.history.describe(&Arc::new(shed.clone()));
    let all = [&kept.roof, &kept.meter, &shed];
    kept.history.set_roles(roles(&all));
    let morning = at("2026-06-14T04:00:00Z");
    let counter = |day: i64, hour: i64, value: i64, device: &Device, key: &'static str| {
        let now = morning + SignedDuration::from_hours(24 * day + hour);
        kept.says(device, now, key, wh(value));
    };
    for (day, key, value) in [(0, "energy_import", 0), (0, "energy_export", 0)] {
        counter(day, 0, value, &kept.meter, key);
    }
    for (day, hour, value) in [(0, 0, 0), (0, 8, 7000), (1, 0, 0), (1, 8, 5000)] {
        counter(day, hour, value, &kept.roof, "energy_today");
        if day == 0 {
            counter(day, hour, value, &shed, "energy_today");
        }
        counter(day, hour, 1000 * (day + hour), &kept.meter, "energy_import");
        counter(day, hour, 500 * (day + hour), &kept.meter, "energy_export");
    }
    let asleep = Health::new(HealthCode::Asleep);
    for device in [&kept.roof, &shed] {
        let evening = at("2026-06-14T19:00:00Z");
        kept.history.health(&device.id, evening, &asleep);
    }
    let dawn = at("2026-06-15T03:00:00Z");
    kept.history.health(&shed.id, dawn, health);
    kept.written(at("2026-06-15T23:00:00Z"));
    kept.history.close();
    (folder, path)
}

#[test]
fn a_device_that_says_nothing_all_day_makes_the_house_unknown_unless_it_rests() {
    let (_folder, path) = day_without_the_shed(&Health::new(HealthCode::Unreachable));
    assert_eq!(
        day_value(&path, "house_energy", 20_260_614),
        Some(7000 * 2 + 8000 - 4000)
    );
    assert_eq!(day_value(&path, "sun_energy", 20_260_615), Some(5000));
    assert!(day_flags(&path, "sun_energy", 20_260_615).has(DayFlags::GAP));
    for key in ["house_energy", "sun_house", "sun_grid", "grid_house"] {
        assert_eq!(day_value(&path, key, 20_260_615), None, "{key}");
    }
    let (_folder, path) = day_without_the_shed(&Health::new(HealthCode::Asleep));
    assert_eq!(
        day_value(&path, "house_energy", 20_260_615),
        Some(5000 + 1000 - 500)
    );
    assert_eq!(day_value(&path, "sun_grid", 20_260_615), Some(500_000));
}

#[test]
fn a_day_of_powers_alone_has_a_gap_where_slots_are_missing() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    let mut clamp = Device::new("test", "clamp", "Clamp", "nobody");
    clamp.metrics = vec![Metric::measurement("power", Quantity::Power).part(EnergyPart::Sun)];
    kept.history.describe(&Arc::new(clamp.clone()));
    kept.history.set_roles(roles(&[&clamp]));
    // Wholly on the 15th, on the 16th silent from noon on until the next morning.
    let start = at("2026-06-13T22:00:00Z");
    for slot in 1..=4 * 288_i64 {
        let silent = 2 * 288 + 144..3 * 288 + 96;
        let now = start + SignedDuration::from_mins(slot * 5);
        if !silent.contains(&slot) {
            kept.says(&clamp, now, "power", number(1200));
        }
    }
    kept.written(start + SignedDuration::from_hours(97));
    assert_eq!(day_value(&path, "sun_energy", 20_260_615), Some(1200 * 24));
    let has_gap = |date| day_flags(&path, "sun_energy", date).has(DayFlags::GAP);
    assert_eq!(
        [15, 16, 17].map(|day| has_gap(20_260_600 + day)),
        [false, true, true]
    );
}

/// Who sends the history on gets what the page shows, also after a gap; what nobody can know meanwhile is not guessed.
#[test]
fn the_energy_of_the_house_so_far_ends_as_that_of_the_day() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    let start = at("2026-06-15T04:00:00Z");
    kept.says(&kept.roof, start, "energy_today", wh(0));
    for key in ["energy_import", "energy_export"] {
        kept.says(&kept.meter, start, key, wh(1_000_000));
    }
    let (mut import, mut sun) = (1_000_000, 0);
    for slot in 1..=24_i64 {
        let now = start + SignedDuration::from_mins(slot * 5 - 1);
        import += 10;
        sun += 250;
        kept.says(&kept.meter, now, "power_net", number(120));
        kept.says(&kept.meter, now, "energy_import", wh(import));
        kept.says(&kept.meter, now, "energy_export", wh(1_000_000));
        // For an hour nobody hears of the roof.
        if !(6..18).contains(&slot) {
            kept.says(&kept.roof, now, "power", number(3000));
            kept.says(&kept.roof, now, "energy_today", wh(sun));
        }
    }
    kept.written(at("2026-06-15T06:02:00Z"));
    let wanted = || Wanted {
        series: Box::new(|_, _| true),
        energies: vec![
            (super::house_id(), Some("sun".to_owned())),
            (super::house_id(), Some("house".to_owned())),
        ],
        words: false,
    };
    let reader = kept.history.reader();
    let from = start.as_second();
    let stretch = block_on(reader.stretch(wanted(), (from, from + 7200), 500)).unwrap();
    let told = |place: usize| -> Vec<Option<i64>> {
        stretch
            .slots
            .iter()
            .map(|slot| slot.energies[place])
            .collect()
    };
    let (sun, house) = (told(0), told(1));
    assert_eq!(sun.len(), 24, "{sun:?}");
    assert_eq!(
        (sun[4], sun[10], sun[23]),
        (Some(1250), Some(1250), Some(6000))
    );
    // In the gap nobody knows what was taken.
    assert_eq!(
        (house[4], house[12], house[23]),
        (Some(1300), None, Some(6240))
    );
    let known: Vec<i64> = house.iter().copied().flatten().collect();
    assert!(known.is_sorted(), "{known:?}");
    let day = (date(2026, 6, 15), date(2026, 6, 16));
    let table = block_on(reader.energy(By::Day, day.0, day.1, EnergyOf::Total)).unwrap();
    let row = |key: &str| {
        table
            .rows
            .iter()
            .find(|row| row.series.key == key)
            .unwrap()
            .wh[0]
    };
    assert_eq!((row("sun"), row("house")), (sun[23], house[23]));
}
