//! What a clock makes of the history that is not right, and one that is.

use super::*;

fn clock_at(text: &str) -> Clock {
    Clock::manual(at(text), vienna())
}

/// What the roof says at a moment, and a look at whether slots are over.
fn says_at(kept: &Kept, clock: &Clock, moment: Timestamp, value: i64) {
    clock.move_to(moment);
    kept.says(&kept.roof, moment, "power", number(value));
    kept.history.flush(SOON);
}

fn is_troubled_by_the_clock(kept: &Kept) -> bool {
    let trouble = kept.history.trouble();
    trouble.is_some_and(|trouble| trouble.detail.contains("the clock is not set"))
}

#[test]
fn slots_are_closed_when_they_have_been_over_for_a_minute() {
    let (_folder, path) = in_folder();
    let clock = clock_at("2026-06-15T10:04:00Z");
    let kept = Kept::by(&path, &clock, None);
    kept.says(&kept.roof, at("2026-06-15T10:04:00Z"), "power", number(500));
    kept.history.flush(SOON);
    // A second before that minute is over, so that the thread waits for so long in real time.
    clock.move_to(at("2026-06-15T10:05:59Z"));
    kept.history.flush(SOON);
    assert_eq!(slots(&path, "value, 0", "power"), []);
    clock.move_to(at("2026-06-15T10:06:00Z"));
    awaited("the slot", || {
        slots(&path, "value, 0", "power") == [(500, 0)]
    });
}

#[test]
fn by_a_clock_that_is_not_set_nothing_is_kept() {
    let (_folder, path) = in_folder();
    // As a computer without a battery has it, before this program was made.
    let clock = clock_at("2019-02-14T10:11:59Z");
    let kept = Kept::by(&path, &clock, None);
    says_at(&kept, &clock, at("2019-02-14T10:20:00Z"), 1);
    says_at(&kept, &clock, at("2019-02-14T12:20:00Z"), 2);
    assert!(is_troubled_by_the_clock(&kept));
    says_at(&kept, &clock, at("2026-06-15T12:00:00Z"), 3);
    says_at(&kept, &clock, at("2026-06-15T12:10:00Z"), 4);
    assert_eq!(kept.history.trouble(), None);
    assert_eq!(slots(&path, "value, 0", "power"), [(3, 0)]);
    // An hour before what is kept is nothing; more is.
    says_at(&kept, &clock, at("2026-06-15T11:20:00Z"), 5);
    assert_eq!(kept.history.trouble(), None);
    says_at(&kept, &clock, at("2026-06-15T09:00:00Z"), 6);
    says_at(&kept, &clock, at("2026-06-15T09:10:00Z"), 7);
    assert!(is_troubled_by_the_clock(&kept));
    clock.move_to(at("2026-06-15T12:20:00Z"));
    kept.history.flush(SOON);
    assert_eq!(kept.history.trouble(), None);
}

/// What is kept of a day by a clock that goes five minutes ahead each time.
fn an_hour(kept: &Kept, clock: &Clock, from: Timestamp) {
    an_hour_of(kept, clock, from, 100);
}

/// The same with values from a first one on.
fn an_hour_of(kept: &Kept, clock: &Clock, from: Timestamp, first: i64) {
    for slot in 0..=13 {
        says_at(
            kept,
            clock,
            from + SignedDuration::from_mins(slot * 5),
            first + slot,
        );
    }
}

#[test]
fn a_clock_that_was_ahead_once_stops_nothing_for_years() {
    let (_folder, path) = in_folder();
    let clock = clock_at("2026-06-15T08:01:00Z");
    let kept = Kept::by(&path, &clock, None);
    says_at(&kept, &clock, at("2026-06-15T08:02:00Z"), 1);
    says_at(&kept, &clock, at("2026-06-15T08:12:00Z"), 2);
    says_at(&kept, &clock, at("2026-06-15T08:22:00Z"), 3);
    kept.history.close();
    // After a restart it is ten years later, which is nothing to clear away two years by.
    let clock = clock_at("2036-01-01T12:01:00Z");
    let kept = Kept::by(&path, &clock, None);
    says_at(&kept, &clock, at("2036-01-01T12:02:00Z"), 9999);
    says_at(&kept, &clock, at("2036-01-01T12:12:00Z"), 9998);
    assert!(slots(&path, "value, 0", "power").contains(&(9999, 0)));
    // Set right: not believed at once, as it may be behind now instead.
    let start = at("2026-06-15T10:02:00Z");
    says_at(&kept, &clock, start, 4);
    says_at(&kept, &clock, start + SignedDuration::from_mins(40), 5);
    assert!(is_troubled_by_the_clock(&kept));
    // Set once more: the hour begins anew.
    says_at(&kept, &clock, start, 6);
    says_at(&kept, &clock, start + SignedDuration::from_mins(40), 7);
    assert!(is_troubled_by_the_clock(&kept));
    let start = start + SignedDuration::from_mins(40);
    an_hour(&kept, &clock, start);
    assert_eq!(kept.history.trouble(), None);
    let found = slots(&path, "value, end", "power");
    assert!(
        found.iter().all(|(_, end)| *end < clock.now().as_second()),
        "{found:?}"
    );
    assert!(
        found.iter().any(|(value, _)| *value == 105),
        "the hour is kept: {found:?}"
    );
    assert!(
        found.iter().any(|(value, _)| *value == 2),
        "what was before stays: {found:?}"
    );
    let days = ask(&path, "SELECT date, 0 FROM day WHERE date > 20270000");
    assert_eq!(days, []);
    // It goes on, and after a restart too.
    kept.history.close();
    let kept = Kept::by(&path, &clock, None);
    an_hour(&kept, &clock, start + SignedDuration::from_hours(2));
    assert_eq!(kept.history.trouble(), None);
    assert_eq!(slots(&path, "value, 0", "power").last(), Some(&(112, 0)));
}

#[test]
fn what_was_set_aside_by_a_clock_that_was_behind_comes_back() {
    let (_folder, path) = in_folder();
    let clock = clock_at("2026-06-15T08:01:00Z");
    let kept = Kept::by(&path, &clock, None);
    for (value, minute) in [(1, 0), (2, 5), (3, 15)] {
        says_at(
            &kept,
            &clock,
            at("2026-06-15T08:02:00Z") + SignedDuration::from_mins(minute),
            value,
        );
    }
    let asleep = Health::new(HealthCode::Asleep);
    let online = Health::new(HealthCode::Online);
    let is = |health: &Health| kept.history.health(&kept.roof.id, clock.now(), health);
    let healths = |code: &str| {
        let sql = format!("SELECT count(*), 0 FROM health WHERE code = '{code}'");
        ask(&path, &sql)[0].0
    };
    is(&asleep);
    clock.move_to(clock.now() + SignedDuration::from_secs(1));
    is(&online);
    kept.history.flush(SOON);
    assert_eq!((healths("asleep"), healths("online")), (1, 1));
    // Switched on again without a battery and without the internet: as late as when it was saved last.
    an_hour(&kept, &clock, at("2026-06-12T08:02:00Z"));
    assert_eq!(kept.history.trouble(), None);
    assert!(!slots(&path, "value, 0", "power").contains(&(2, 0)));
    assert_eq!(day_value(&path, "power", 20_260_615), None);
    assert_eq!(healths("asleep"), 0);
    clock.step(at("2026-06-15T18:02:00Z").duration_since(clock.now()));
    says_at(&kept, &clock, clock.now(), 7);
    assert_eq!(healths("asleep"), 1);
    let found = slots(&path, "value, 0", "power");
    assert!(
        found.contains(&(1, 0)) && found.contains(&(2, 0)),
        "{found:?}"
    );
    assert_eq!(ask(&path, "SELECT end, 0 FROM ahead"), []);
    assert_eq!(day_value(&path, "power", 20_260_615), Some(2));
}

#[test]
fn what_was_kept_by_a_clock_that_was_ahead_replaces_nothing_when_its_time_comes() {
    let (_folder, path) = in_folder();
    let clock = clock_at("2026-06-15T08:01:00Z");
    let kept = Kept::by(&path, &clock, None);
    says_at(&kept, &clock, at("2026-06-15T08:02:00Z"), 1);
    says_at(&kept, &clock, at("2026-06-15T08:12:00Z"), 2);
    // Two days ahead for two hours.
    clock.step(SignedDuration::from_hours(48));
    an_hour_of(&kept, &clock, at("2026-06-17T08:17:00Z"), 100);
    let asleep = Health::new(HealthCode::Asleep);
    kept.history.health(&kept.roof.id, clock.now(), &asleep);
    an_hour_of(&kept, &clock, at("2026-06-17T09:27:00Z"), 200);
    // Set right.
    clock.step(SignedDuration::from_hours(-48));
    an_hour_of(&kept, &clock, at("2026-06-15T10:37:00Z"), 300);
    assert_eq!(kept.history.trouble(), None);
    assert!(!ask(&path, "SELECT end, 0 FROM ahead").is_empty());
    // What a device was said to be is so from now on.
    let told = ask(&path, "SELECT at / 1000, 0 FROM health");
    assert_eq!(told.len(), 1);
    assert!(told[0].0 <= clock.now().as_second(), "{told:?}");
    // The true time comes to that date by itself.
    says_at(&kept, &clock, at("2026-06-17T08:12:00Z"), 400);
    an_hour_of(&kept, &clock, at("2026-06-17T08:17:00Z"), 500);
    an_hour_of(&kept, &clock, at("2026-06-17T09:27:00Z"), 600);
    let since = at("2026-06-17T08:15:00Z").as_second();
    let found = slots(&path, "value, end", "power");
    let late: Vec<_> = found.iter().filter(|(_, end)| *end > since).collect();
    assert!(late.len() > 24, "{late:?}");
    assert!(late.iter().all(|(value, _)| *value >= 500), "{late:?}");
    // The end of what was ahead may still be to come.
    clock.move_to(at("2026-06-17T12:00:00Z"));
    kept.history.flush(SOON);
    assert_eq!(ask(&path, "SELECT end, 0 FROM ahead"), []);
    assert_eq!(ask(&path, "SELECT at, 0 FROM ahead_health"), []);
    assert_eq!(slots(&path, "value, end", "power").len(), found.len() + 1);
}
