use std::collections::BTreeMap;

use jiff::civil::DateTime;
use proptest::prelude::*;

use super::*;

fn zone() -> TimeZone {
    TimeZone::get("Europe/Vienna").unwrap()
}

fn vienna() -> Option<Site> {
    Site::new(48.2, 16.37)
}

fn serial(number: usize) -> InverterSerial {
    format!("7030009{number:05}").parse().unwrap()
}

/// A day at a stick: time passes only here.
struct Roof {
    schedule: PollSchedule,
    now: Moment,
}

impl Roof {
    fn new(settings: PollSettings, count: usize, at: &str) -> Self {
        let learned = LearnedHours::default();
        let mut roof = Self {
            schedule: PollSchedule::new(settings, zone(), learned),
            now: Moment {
                wall: wall(at),
                steady: Duration::from_secs(7),
            },
        };
        let serials: Vec<_> = (0..count).map(serial).collect();
        roof.schedule.set_inverters(&serials);
        roof.schedule.set_radio(true, roof.now);
        roof
    }

    fn pass(&mut self, time: Duration) {
        self.now.steady += time;
        self.now.wall += time;
    }

    fn set_time(&mut self, at: &str) {
        let later = wall(at).duration_since(self.now.wall);
        self.pass(Duration::try_from(later).unwrap());
    }

    /// Waits until somebody is asked, for so long at most.
    fn ask_within(&mut self, patience: Duration) -> Option<InverterSerial> {
        let until = self.now.steady + patience;
        loop {
            match self.schedule.next(self.now) {
                PollStep::Ask(serial) => return Some(serial),
                PollStep::Wait(Some(at), _) if at <= until => {
                    assert!(at > self.now.steady);
                    let wait = at - self.now.steady;
                    self.pass(wait);
                }
                PollStep::Wait(..) => return None,
            }
        }
    }

    fn ask(&mut self) -> InverterSerial {
        self.ask_within(Duration::from_secs(3600)).unwrap()
    }

    /// One turn in vain, with its second try.
    fn fail(&mut self) -> PollFailure {
        let serial = self.ask();
        self.pass(Duration::from_secs(4));
        match self.schedule.failed(serial, self.now) {
            PollFailure::Retried => {
                let before = self.now.steady;
                assert_eq!(self.ask(), serial);
                let waited = (self.now.steady - before).as_millis();
                assert!((300..=600).contains(&waited), "{waited}");
                self.pass(Duration::from_secs(4));
                self.schedule.failed(serial, self.now)
            }
            failure => failure,
        }
    }

    fn answer(&mut self, awake: u32) {
        let serial = self.ask();
        self.pass(Duration::from_secs(2));
        self.schedule.answered(serial, Some(awake), self.now);
    }

    fn pause(&mut self) -> PollPause {
        match self.schedule.next(self.now) {
            PollStep::Wait(_, pause) => pause,
            PollStep::Ask(serial) => panic!("asks {serial}"),
        }
    }
}

fn wall(at: &str) -> Timestamp {
    let at: DateTime = at.parse().unwrap();
    at.to_zoned(zone()).unwrap().timestamp()
}

fn settings() -> PollSettings {
    PollSettings {
        place: vienna(),
        ..PollSettings::default()
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn fifty_inverters_are_asked_within_five_minutes() {
    let mut roof = Roof::new(settings(), 50, "2026-06-21T12:00");
    let mut asked = BTreeMap::<_, Vec<Duration>>::new();
    let start = roof.now.steady;
    while roof.now.steady < start + 60 * MINUTE {
        let serial = roof.ask();
        asked.entry(serial).or_default().push(roof.now.steady);
        // Most answer in time, some late, a few at the second try, one never.
        let number = asked.len();
        roof.pass(Duration::from_millis(1000 + 40 * number as u64));
        if serial == self::serial(0)
            || number.is_multiple_of(9) && roof.now.steady.as_secs().is_multiple_of(2)
        {
            roof.schedule.failed(serial, roof.now);
        } else {
            roof.schedule.answered(serial, Some(20_000), roof.now);
        }
    }
    assert_eq!(asked.len(), 50);
    for (serial, times) in &asked {
        assert!(times[0] <= start + 5 * MINUTE, "{serial}");
        for pair in times.windows(2) {
            assert!(pair[1] - pair[0] <= 5 * MINUTE + MINUTE / 6, "{serial}");
        }
    }
}

#[test]
fn no_stick_is_asked_too_much() {
    for (count, interval, least) in [(1, 1, 15), (3, 20, 20), (10, 10, 30)] {
        let settings = PollSettings {
            interval: Duration::from_secs(interval),
            ..settings()
        };
        let mut roof = Roof::new(settings, count, "2026-06-21T12:00");
        assert_eq!(roof.schedule.interval(), Duration::from_secs(least));
        let mut last = BTreeMap::new();
        let mut before = None;
        for _ in 0..100 {
            let serial = roof.ask();
            let now = roof.now.steady;
            if let Some(before) = before.replace(now) {
                assert!(now - before >= SPACING);
            }
            if let Some(before) = last.insert(serial, now) {
                assert!(now - before >= Duration::from_secs(least));
            }
            assert_eq!(roof.pause(), PollPause::Answer);
            roof.pass(Duration::from_millis(700));
            roof.schedule.answered(serial, None, roof.now);
        }
    }
}

#[test]
fn one_that_does_not_answer_is_asked_less_until_it_does() {
    let mut roof = Roof::new(settings(), 1, "2026-06-21T12:00");
    for _ in 0..5 {
        assert_eq!(roof.fail(), PollFailure::Excused, "the radio just came up");
    }
    roof.pass(GRACE);
    for count in 1..5 {
        assert_eq!(roof.fail(), PollFailure::Counted(count));
    }
    assert!(!roof.schedule.is_silent(serial(0)));
    assert_eq!(roof.fail(), PollFailure::Counted(5));
    assert!(roof.schedule.is_silent(serial(0)));
    assert_eq!(roof.schedule.silent_rounds(), 5);
    // Every five minutes, and without a second try.
    roof.ask();
    let before = roof.now.steady;
    assert_eq!(
        roof.schedule.failed(serial(0), roof.now),
        PollFailure::Counted(6)
    );
    roof.ask();
    assert_eq!(roof.now.steady - before, BACK_OFF);
    roof.schedule.answered(serial(0), Some(20_000), roof.now);
    assert_eq!(roof.schedule.failures(serial(0)), 0);
    let before = roof.now.steady;
    roof.ask();
    assert_eq!(roof.now.steady - before, MINUTE);
}

#[test]
fn a_new_morning_forgives_and_the_first_answer_wakes_the_others() {
    let mut roof = Roof::new(settings(), 2, "2026-06-21T12:00");
    roof.pass(GRACE);
    while !(roof.schedule.is_silent(serial(0)) && roof.schedule.is_silent(serial(1))) {
        roof.fail();
    }
    let before = roof.schedule.turn(serial(1)).unwrap().due;
    roof.schedule.answered(serial(0), Some(600), roof.now);
    assert!(roof.schedule.turn(serial(1)).unwrap().due <= roof.now.steady);
    assert!(before > roof.now.steady);
    while !roof.schedule.is_silent(serial(1)) {
        roof.fail();
    }
    // The sun rose at 04:54.
    roof.set_time("2026-06-22T05:00");
    roof.ask();
    assert!(!roof.schedule.is_silent(serial(1)));
}

#[test]
fn at_night_nobody_is_asked_and_nothing_is_a_fault() {
    let mut roof = Roof::new(settings(), 1, "2026-06-21T12:00");
    roof.pass(GRACE);
    // Sunset is at 20:58.
    roof.set_time("2026-06-21T20:50");
    assert_eq!(roof.fail(), PollFailure::Excused, "too little light");
    roof.set_time("2026-06-21T21:05");
    let PollPause::Night(Some(opens)) = roof.pause() else {
        panic!()
    };
    let early = opens.duration_since(wall("2026-06-22T04:54")).as_secs();
    assert!(early.abs() < 120, "{opens}");
    assert!(!roof.schedule.is_window_open(roof.now));
    let PollStep::Wait(Some(until), _) = roof.schedule.next(roof.now) else {
        panic!()
    };
    assert!(until <= roof.now.steady + LONGEST_WAIT);
    assert_eq!(roof.ask_within(Duration::from_secs(7 * 3600)), None);
    roof.set_time("2026-06-22T04:56");
    assert_eq!(roof.ask(), serial(0));
}

#[test]
fn a_night_without_a_place_is_asked_through_but_not_counted() {
    let mut roof = Roof::new(PollSettings::default(), 2, "2026-06-21T23:00");
    roof.pass(GRACE);
    let before = roof.now.steady;
    let mut turns = 0;
    while roof.now.steady < before + 60 * MINUTE {
        assert_eq!(roof.fail(), PollFailure::Excused);
        turns += 1;
    }
    assert!(turns < 40, "{turns}");
    assert_eq!(roof.schedule.failures(serial(0)), 0);
    roof.set_time("2026-06-22T05:30");
    roof.answer(10);
    roof.answer(10);
    // At noon they should answer.
    roof.set_time("2026-06-22T12:00");
    assert_eq!(roof.fail(), PollFailure::Counted(1));
}

#[test]
fn without_a_time_the_window_is_open() {
    let mut roof = Roof::new(settings(), 1, "2026-06-21T12:00");
    roof.now.wall = "1970-01-01T00:00:20Z".parse().unwrap();
    for _ in 0..1000 {
        assert!(roof.schedule.is_window_open(roof.now));
        roof.answer(500);
        roof.pass(MINUTE);
    }
}

#[test]
fn an_offset_moves_both_ends() {
    for (offset, open, closed) in [
        (-30, ["04:30", "21:20"], ["04:20", "21:35"]),
        (30, ["05:30", "20:20"], ["05:15", "20:35"]),
    ] {
        let settings = PollSettings {
            offset: SignedDuration::from_mins(offset),
            ..settings()
        };
        let mut roof = Roof::new(settings, 1, "2026-06-21T12:00");
        for (times, is_open) in [(open, true), (closed, false)] {
            for time in times {
                roof.now.wall = wall(&format!("2026-06-21T{time}"));
                assert_eq!(roof.schedule.is_window_open(roof.now), is_open, "{time}");
            }
        }
    }
}

#[test]
fn inverters_that_wake_before_sunrise_are_asked_in_time_the_next_day() {
    let mut roof = Roof::new(settings(), 2, "2026-06-21T04:55");
    // Awake for a quarter of an hour already: since 04:40.
    roof.answer(15 * 60);
    roof.answer(10 * 60);
    let saved = serde_json::to_string(roof.schedule.learned()).unwrap();
    let learned: LearnedHours = serde_json::from_str(&saved).unwrap();
    assert_eq!(&learned, roof.schedule.learned());
    roof.schedule = PollSchedule::new(settings(), zone(), learned);
    roof.set_time("2026-06-22T04:38");
    assert!(!roof.schedule.is_window_open(roof.now));
    roof.set_time("2026-06-22T04:41");
    assert!(roof.schedule.is_window_open(roof.now));
    // A clock that makes no sense teaches nothing.
    roof.schedule.set_inverters(&[serial(0)]);
    roof.schedule.answered(serial(0), Some(40_000), roof.now);
    roof.set_time("2026-06-23T04:30");
    assert!(!roof.schedule.is_window_open(roof.now));
    let stiff = PollSettings {
        is_adaptive: false,
        ..settings()
    };
    let learned = roof.schedule.learned().clone();
    roof.schedule = PollSchedule::new(stiff, zone(), learned);
    roof.set_time("2026-06-23T04:41");
    assert!(!roof.schedule.is_window_open(roof.now));
}

#[test]
fn as_long_as_answers_come_the_day_does_not_end() {
    let mut roof = Roof::new(settings(), 1, "2026-06-21T20:50");
    while roof.now.wall < wall("2026-06-21T21:15") {
        roof.answer(50_000);
    }
    roof.pass(9 * MINUTE);
    assert!(roof.schedule.is_window_open(roof.now));
    roof.pass(2 * MINUTE);
    assert!(!roof.schedule.is_window_open(roof.now));
    // The next evening they are asked as long from the start.
    roof.set_time("2026-06-22T21:13");
    assert!(roof.schedule.is_window_open(roof.now));
    roof.set_time("2026-06-22T21:20");
    assert!(!roof.schedule.is_window_open(roof.now));
}

#[test]
fn who_only_listens_never_asks_and_learns_all_the_same() {
    let settings = PollSettings {
        is_listening_only: true,
        ..settings()
    };
    let mut roof = Roof::new(settings, 1, "2026-06-21T04:55");
    assert_eq!(roof.pause(), PollPause::ListeningOnly);
    roof.schedule.answered(serial(0), Some(900), roof.now);
    assert_ne!(roof.schedule.learned(), &LearnedHours::default());
    assert_eq!(
        roof.schedule.failed(serial(0), roof.now),
        PollFailure::Excused
    );
}

#[test]
fn nothing_counts_while_the_radio_restarts_or_pairs() {
    let mut roof = Roof::new(settings(), 1, "2026-06-21T12:00");
    roof.pass(GRACE);
    let asked = roof.ask();
    roof.schedule.set_radio(false, roof.now);
    assert_eq!(roof.pause(), PollPause::Radio);
    assert_eq!(roof.schedule.failed(asked, roof.now), PollFailure::Excused);
    roof.schedule.set_radio(true, roof.now);
    roof.pass(GRACE);
    assert_eq!(roof.fail(), PollFailure::Counted(1));
    roof.schedule.set_pairing(true, roof.now);
    assert_eq!(roof.pause(), PollPause::Pairing);
    roof.pass(20 * MINUTE);
    roof.schedule.set_pairing(false, roof.now);
    assert_eq!(roof.fail(), PollFailure::Excused);
    roof.pass(GRACE);
    assert_eq!(roof.fail(), PollFailure::Counted(2));
    roof.schedule.set_inverters(&[]);
    assert_eq!(roof.pause(), PollPause::Nobody);
}

#[test]
fn near_the_pole_it_is_day_or_night_for_months() {
    let settings = PollSettings {
        place: Site::new(78.2, 15.6),
        ..PollSettings::default()
    };
    let mut roof = Roof::new(settings, 1, "2026-06-21T00:30");
    roof.pass(GRACE);
    assert_eq!(roof.fail(), PollFailure::Counted(1));
    roof.set_time("2026-12-21T12:00");
    assert_eq!(roof.pause(), PollPause::Night(None));
}

#[test]
fn who_falls_silent_in_the_afternoon_is_missed_that_day() {
    let mut roof = Roof::new(settings(), 1, "2026-06-21T10:00");
    roof.pass(GRACE);
    // Answers until four hours before sunset and longer.
    while roof.now.wall < wall("2026-06-21T17:30") {
        roof.answer(20_000);
    }
    assert_eq!(roof.fail(), PollFailure::Counted(1));
}

#[test]
fn on_a_roof_to_the_west_nobody_is_missed_in_the_morning() {
    let mut roof = Roof::new(settings(), 1, "2026-06-14T10:30");
    let is_day = |roof: &mut Roof| roof.schedule.time_of_day(roof.now).is_day;
    for day in 14..21 {
        // It wakes three hours and a half after sunrise.
        roof.set_time(&format!("2026-06-{day}T10:30"));
        roof.answer(7200);
        roof.set_time(&format!("2026-06-{day}T20:30"));
        roof.answer(40_000);
    }
    roof.set_time("2026-06-21T07:30");
    assert!(!is_day(&mut roof));
    roof.set_time("2026-06-21T09:00");
    assert!(is_day(&mut roof));
    // Without any such days it is day by then.
    let mut other = Roof::new(settings(), 1, "2026-06-21T07:30");
    assert!(is_day(&mut other));
    // And where the sun is low all day it never is for sure.
    let place = Site::new(67.0, 15.0);
    let low = PollSettings {
        place,
        ..settings()
    };
    assert!(!is_day(&mut Roof::new(low, 1, "2026-12-01T12:00")));
}

#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    Answer(usize, Option<u32>),
    Fail,
    Radio(bool),
    Pairing(bool),
    SetWall(i64),
    Inverters(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0_u64..20_000).prop_map(Event::Pass),
        1 => (0_u64..20_000_000).prop_map(Event::Pass),
        4 => (0_usize..8, prop::option::of(0_u32..70_000)).prop_map(|(it, awake)| Event::Answer(it, awake)),
        4 => Just(Event::Fail),
        1 => any::<bool>().prop_map(Event::Radio),
        1 => any::<bool>().prop_map(Event::Pairing),
        1 => (-200_000_i64..200_000).prop_map(Event::SetWall),
        1 => (0_usize..8).prop_map(Event::Inverters),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_one_is_asked_at_a_time_and_nobody_is_forgotten(
        events in prop::collection::vec(event(), 1..120),
        count in 1_usize..8,
        interval in 1_u64..400,
        is_placed in any::<bool>(),
    ) {
        let settings = PollSettings {
            interval: Duration::from_secs(interval),
            place: vienna().filter(|_| is_placed),
            ..PollSettings::default()
        };
        let mut roof = Roof::new(settings, count, "2026-03-21T12:00");
        let (mut is_up, mut is_pairing) = (true, false);
        let mut open: Option<InverterSerial> = None;
        let mut known = count;
        let mut asked: Option<Duration> = None;
        let mut retry: Option<(InverterSerial, Duration)> = None;
        for event in events {
            match event {
                Event::Pass(millis) => roof.pass(Duration::from_millis(millis)),
                Event::Answer(number, awake) => {
                    let serial = open.filter(|_| number < 6).unwrap_or(serial(number));
                    roof.schedule.answered(serial, awake, roof.now);
                    open = open.filter(|it| *it != serial);
                    retry = retry.filter(|(it, _)| *it != serial);
                }
                Event::Fail => if let Some(serial) = open.take() {
                    let failure = roof.schedule.failed(serial, roof.now);
                    let is_retried = failure == PollFailure::Retried;
                    prop_assert!(!(is_retried && retry.is_some()), "twice at most");
                    retry = is_retried.then_some((serial, roof.now.steady));
                },
                Event::Radio(up) => {
                    roof.schedule.set_radio(up, roof.now);
                    is_up = up;
                    if !up {
                        (open, retry) = (None, None);
                    }
                }
                Event::Pairing(pairing) => {
                    roof.schedule.set_pairing(pairing, roof.now);
                    is_pairing = pairing;
                    if pairing {
                        (open, retry) = (None, None);
                    }
                }
                Event::SetWall(by) => roof.now.wall += SignedDuration::from_secs(by),
                Event::Inverters(count) => {
                    let serials: Vec<_> = (0..count).map(serial).collect();
                    roof.schedule.set_inverters(&serials);
                    open = open.filter(|it| serials.contains(it));
                    retry = retry.filter(|(it, _)| serials.contains(it));
                    known = count;
                }
            }
            let is_open = roof.schedule.is_window_open(roof.now);
            match roof.schedule.next(roof.now) {
                PollStep::Ask(it) => {
                    prop_assert!(is_up && !is_pairing && is_open && open.is_none());
                    prop_assert!((0..known).any(|number| serial(number) == it));
                    let now = roof.now.steady;
                    match retry {
                        Some((serial, failed)) if serial == it => {
                            prop_assert!(now - failed >= Duration::from_millis(RETRY));
                        }
                        _ => if let Some(asked) = asked {
                            prop_assert!(now - asked >= SPACING);
                        },
                    }
                    retry = retry.filter(|(serial, _)| *serial == it);
                    asked = Some(now);
                    open = Some(it);
                }
                PollStep::Wait(until, why) => {
                    if let Some(until) = until {
                        prop_assert!(until > roof.now.steady);
                        prop_assert!(until <= roof.now.steady + LONGEST_WAIT);
                    }
                    match why {
                        PollPause::NotDue => prop_assert!(until.is_some() && is_open),
                        PollPause::Answer => prop_assert!(open.is_some()),
                        PollPause::Night(_) => {
                            prop_assert!(!is_open && until.is_some());
                            (open, retry) = (None, None);
                        }
                        PollPause::Radio => prop_assert!(!is_up),
                        PollPause::Pairing => prop_assert!(is_pairing),
                        PollPause::Nobody => prop_assert_eq!(known, 0),
                        PollPause::ListeningOnly => prop_assert!(false),
                    }
                }
            }
        }
        // Once all is well, everybody is asked.
        roof.schedule.set_radio(false, roof.now);
        roof.schedule.set_radio(true, roof.now);
        roof.schedule.set_pairing(false, roof.now);
        roof.now.wall = wall("2026-03-22T10:00");
        let mut missing: Vec<_> = (0..known).map(serial).collect();
        let longest = roof.schedule.interval().max(BACK_OFF) * 2;
        let until = roof.now.steady + longest;
        while !missing.is_empty() && roof.now.steady < until {
            let Some(serial) = roof.ask_within(longest) else { break };
            missing.retain(|it| *it != serial);
            roof.pass(Duration::from_secs(1));
            roof.schedule.answered(serial, None, roof.now);
        }
        prop_assert!(missing.is_empty(), "{missing:?}");
    }
}
