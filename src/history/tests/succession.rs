//! One history follows another, as when the configuration is loaded anew.

use super::*;

fn off_since(path: &Path) -> Vec<(i64, i64)> {
    ask(path, "SELECT at, 0 FROM health WHERE code = 'off'")
}

#[test]
fn what_could_not_be_written_goes_to_the_one_that_follows() {
    let (_folder, path) = in_folder();
    let path = path
        .parent()
        .unwrap()
        .join("missing")
        .join("house-history.db");
    let clock = Clock::manual(at("2026-06-15T10:01:00Z"), vienna());
    let kept = Kept::by(&path, &clock, None);
    let online = Health::new(HealthCode::Online);
    kept.history.health(&kept.roof.id, clock.now(), &online);
    kept.says(&kept.roof, clock.now(), "power", number(500));
    kept.history.flush(SOON);
    clock.move_to(at("2026-06-15T10:07:00Z"));
    // Half a slot, which goes on.
    kept.says(&kept.roof, clock.now(), "power", number(100));
    kept.history.flush(SOON);
    assert!(kept.history.trouble().is_some());
    let before = kept.history.leave(true);
    let kept = Kept::by(&path, &clock, Some(before));
    kept.says(&kept.roof, clock.now(), "power", number(300));
    kept.history.flush(SOON);
    assert!(kept.history.trouble().is_some());
    // And once more, before there is room.
    let kept = Kept::by(&path, &clock, Some(kept.history.leave(true)));
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    clock.move_to(at("2026-06-15T10:12:00Z"));
    kept.history.flush(SOON);
    assert_eq!(kept.history.trouble(), None);
    assert_eq!(slots(&path, "value, 0", "power"), [(500, 0), (200, 0)]);
    let told = ask(
        &path,
        "SELECT count(*), 0 FROM health WHERE code = 'online'",
    );
    assert_eq!(told, [(1, 0)]);
}

#[test]
fn settings_that_are_loaded_anew_are_no_pause() {
    let (_folder, path) = in_folder();
    let clock = Clock::manual(at("2026-06-15T10:01:00Z"), vienna());
    let begin = |before| Kept::by(&path, &clock, before);
    let goes_on = |kept: &Kept, moment: &str| {
        clock.move_to(at(moment));
        let online = Health::new(HealthCode::Online);
        kept.history.health(&kept.roof.id, clock.now(), &online);
        kept.says(&kept.roof, clock.now(), "power", number(500));
        kept.history.flush(SOON);
    };
    let kept = begin(None);
    goes_on(&kept, "2026-06-15T10:02:00Z");
    goes_on(&kept, "2026-06-15T10:12:00Z");
    let kept = begin(Some(kept.history.leave(true)));
    goes_on(&kept, "2026-06-15T10:22:00Z");
    assert_eq!(off_since(&path), []);
    // The configuration could not be used for hours: then it was not running, and the new one says so.
    let before = kept.history.leave(true);
    let left = before.wait().unwrap();
    let (answer, wait) = std::sync::mpsc::channel();
    answer.send(left).unwrap();
    let ago = Instant::now()
        .checked_sub(Duration::from_secs(7200))
        .unwrap();
    let kept = begin(Some(Departing::new(Some(wait), ago)));
    goes_on(&kept, "2026-06-15T12:22:00Z");
    assert_eq!(off_since(&path).len(), 1);
    // At its end it says so itself.
    kept.history.close();
    assert_eq!(off_since(&path).len(), 2);
}

#[test]
fn whoever_still_holds_the_one_before_opens_nothing() {
    let (_folder, path) = in_folder();
    let clock = Clock::manual(at("2026-06-15T10:01:00Z"), vienna());
    let kept = Kept::by(&path, &clock, None);
    let held = kept.history.clone();
    kept.history.leave(true).wait().unwrap();
    std::fs::remove_file(&path).unwrap();
    clock.move_to(at("2026-06-15T10:12:00Z"));
    held.record(&kept.roof.id, clock.now(), None, [("power", number(5))]);
    held.flush(SOON);
    assert!(!path.exists());
    assert_eq!(held.trouble(), None);
    let asked = block_on(held.reader().series());
    assert!(matches!(asked, Err(HistoryError::Stopping)), "{asked:?}");
}

#[test]
fn nobody_waits_for_the_one_before_but_the_thread_of_the_next() {
    let (_folder, path) = in_folder();
    let clock = Clock::manual(at("2026-06-15T10:01:00Z"), vienna());
    // One whose disk hangs answers late.
    let (answer, wait) = std::sync::mpsc::channel();
    let begin = Instant::now();
    let kept = Kept::by(&path, &clock, Some(Departing::new(Some(wait), begin)));
    kept.says(&kept.roof, clock.now(), "power", number(500));
    assert!(begin.elapsed() < Duration::from_secs(2));
    let other = Kept::at(&path.with_file_name("other.db"));
    other.says(
        &other.roof,
        at("2026-06-15T09:01:00Z"),
        "power",
        number(700),
    );
    answer
        .send(other.history.leave(true).wait().unwrap())
        .unwrap();
    clock.move_to(at("2026-06-15T10:12:00Z"));
    kept.history.flush(SOON);
    let found = slots(&path, "value, 0", "power");
    assert!(found.contains(&(500, 0)), "{found:?}");
}

#[test]
fn half_a_slot_of_one_that_ends_late_goes_on_in_the_next() {
    let (_folder, path) = in_folder();
    let clock = Clock::manual(at("2026-06-15T10:01:00Z"), vienna());
    let old = Kept::by(&path, &clock, None);
    old.says(&old.roof, clock.now(), "power", number(500));
    old.history.flush(SOON);
    // The next one has begun before the one before has put down what it has.
    let (answer, wait) = std::sync::mpsc::channel();
    let kept = Kept::by(
        &path,
        &clock,
        Some(Departing::new(Some(wait), Instant::now())),
    );
    kept.history.flush(SOON);
    clock.move_to(at("2026-06-15T10:03:00Z"));
    kept.says(&kept.roof, clock.now(), "power", number(700));
    let left = old.history.leave(true).wait().unwrap();
    let lies = "SELECT end, count FROM unfinished";
    assert_eq!(ask(&path, lies).len(), 1);
    answer.send(left).unwrap();
    clock.move_to(at("2026-06-15T10:12:00Z"));
    kept.history.flush(SOON);
    assert_eq!(ask(&path, lies), []);
    assert_eq!(
        slots(&path, "value, 10 * min + max", "power"),
        [(600, 5700)]
    );
}

#[test]
fn half_a_slot_never_takes_the_place_of_a_whole_one() {
    let (_folder, path) = in_folder();
    let clock = Clock::manual(at("2026-06-15T10:01:00Z"), vienna());
    let kept = Kept::by(&path, &clock, None);
    for (moment, energy) in [
        ("2026-06-15T10:04:00Z", 9000),
        ("2026-06-15T10:12:00Z", 9100),
    ] {
        clock.move_to(at(moment));
        kept.says(&kept.roof, clock.now(), "energy_total", wh(energy));
        kept.says(&kept.roof, clock.now(), "power", number(energy));
        kept.history.flush(SOON);
    }
    kept.history.close();
    let file = Connection::open(&path).unwrap();
    let end = at("2026-06-15T10:05:00Z").as_second();
    let half = "INSERT INTO unfinished (end, series, sum, count, min, max, last, last_at)
        SELECT ?1, id, value - 10, 1, value - 10, value - 10, value - 10, 1000 * ?1 - 200000
        FROM series JOIN slot ON id = series WHERE end = ?1 AND device LIKE '%roof'";
    assert_eq!(file.execute(half, [end]).unwrap(), 2);
    drop(file);
    let before = (
        slots(&path, "end, value", "energy_total"),
        slots(&path, "end, value", "power"),
    );
    clock.move_to(at("2026-06-15T10:22:00Z"));
    let kept = Kept::by(&path, &clock, None);
    kept.history.flush(SOON);
    assert_eq!(ask(&path, "SELECT end, 0 FROM unfinished"), []);
    let after = |key: &str| {
        let mut all = slots(&path, "end, value", key);
        all.truncate(1);
        all
    };
    assert_eq!(after("energy_total"), before.0.get(..1).unwrap());
    assert_eq!(after("power"), before.1.get(..1).unwrap());
    let least = slots(&path, "coalesce(min, value), end", "power");
    assert_eq!(least.first(), Some(&(8990, end)));
}

#[test]
fn the_same_days_told_again_and_again_take_no_more_room() {
    let (_folder, path) = in_folder();
    let tell = |kept: &Kept| {
        for value in [5000, 6000, 7000] {
            let mut days = Days::new(kept.roof.id.clone());
            let reading = Reading {
                key: "energy_today".into(),
                value: wh(value),
            };
            days.days.insert(date(2026, 6, 1), vec![reading]);
            kept.history.days(&days);
            kept.history.flush(SOON);
        }
        assert!(kept.history.trouble().is_some());
    };
    let clock = Clock::manual(at("2026-06-15T10:01:00Z"), vienna());
    let nowhere = path
        .parent()
        .unwrap()
        .join("missing")
        .join("house-history.db");
    let kept = Kept::by(&nowhere, &clock, None);
    // It is told after some tries.
    for _ in 0..6 {
        kept.history.flush(SOON);
    }
    tell(&kept);
    let left = kept.history.leave(true).wait().unwrap();
    let values: Vec<i64> = left.remembered.into_values().collect();
    assert_eq!(values, [7000]);
    // Into a file of a later version nothing will go at all.
    let file = Connection::open(&path).unwrap();
    file.pragma_update(None, "user_version", 999).unwrap();
    drop(file);
    let kept = Kept::by(&path, &clock, None);
    tell(&kept);
    let left = kept.history.leave(true).wait().unwrap();
    assert_eq!(left.remembered.len(), 0);
}
