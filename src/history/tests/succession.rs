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
