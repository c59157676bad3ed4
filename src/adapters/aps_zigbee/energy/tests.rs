mod fortnight;

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::*;

/// An inverter, a program and a wall clock. Energies in watt-hours.
struct Bench {
    energy: InverterEnergy,
    wall: Timestamp,
    steady: Duration,
    family: CounterFamily,
    trusted: bool,
    calibration: u32,
    last: Vec<u64>,
}

const WH: u64 = 1_000_000;

fn zone() -> TimeZone {
    TimeZone::get("Europe/Vienna").unwrap()
}

impl Bench {
    fn new(family: CounterFamily) -> Self {
        Self {
            energy: InverterEnergy::default(),
            wall: "2026-06-21T12:00:00+02:00".parse().unwrap(),
            steady: Duration::from_secs(1000),
            family,
            trusted: true,
            calibration: UNCALIBRATED,
            last: Vec::new(),
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.steady += Duration::from_secs(seconds);
        self.wall += Duration::from_secs(seconds);
    }

    fn set_wall(&mut self, seconds: i64) {
        self.wall += SignedDuration::from_secs(seconds);
    }

    /// The computer sleeps.
    fn sleep(&mut self, seconds: u64) {
        self.wall += Duration::from_secs(seconds);
    }

    /// The program is killed and starts again after so long.
    fn restart(&mut self, seconds: u64) {
        let saved = serde_json::to_string(&self.energy).unwrap();
        self.energy = serde_json::from_str(&saved).unwrap();
        self.pass(seconds);
        self.steady = Duration::from_secs(3);
    }

    fn now(&self) -> Moment {
        Moment {
            wall: self.wall,
            steady: self.steady,
        }
    }

    fn take(&mut self, clock: u32, counters: [u64; 2]) -> EnergyGain {
        let counters = counters.map(|energy| energy * WH);
        let answer = CounterAnswer {
            clock,
            counters: &counters,
            family: self.family,
            nameplate: 880,
            calibration: self.calibration,
            interval: Duration::from_secs(60),
            at: self.now(),
            is_wall_trusted: self.trusted,
        };
        let gain = self.energy.take(&answer, &zone());
        assert_eq!(gain.lifetime, self.energy.lifetime());
        for (today, all) in gain.today.iter().zip(&gain.lifetime) {
            assert!(today <= all, "the bridge holds a lifetime below today");
        }
        for (before, now) in self.last.iter().zip(&gain.lifetime) {
            assert!(now >= before);
        }
        self.last.clone_from(&gain.lifetime);
        gain
    }

    /// Takes an answer of which the first input is looked at: what it is, what it adds and today's.
    fn check(&mut self, clock: u32, counter: u64, class: CounterClass, added: u64, today: u64) {
        let gain = self.take(clock, [counter, counter]);
        assert_eq!(gain.class, class);
        assert_eq!(gain.added[0] / WH, added, "added");
        assert_eq!(gain.today[0] / WH, today, "today");
    }

    fn today(&self) -> u64 {
        self.energy.today(self.now(), &zone())[0] / WH
    }
}

use CounterClass::{First, NewRun, Normal, Rebased, Repeated, Restarted, Wrapped};
const CORRUPT: fn(Contradiction) -> CounterClass = CounterClass::Corrupt;

#[test]
fn the_first_answer_adds_nothing_and_the_next_what_came_since() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(20_000, 500, First, 0, 0);
    bench.pass(60);
    bench.check(20_060, 504, Normal, 4, 4);
    bench.check(20_060, 504, Repeated, 0, 4);
    // Lost polls: all of it is in the next answer.
    bench.pass(600);
    bench.check(20_660, 544, Normal, 40, 44);
}

#[test]
fn power_is_by_counters_over_half_a_minute_at_least() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    assert_eq!(bench.take(20_000, [500, 500]).power, None);
    bench.pass(10);
    assert_eq!(bench.take(20_010, [501, 501]).power, None);
    bench.pass(10);
    assert_eq!(bench.take(20_020, [502, 501]).power, None);
    bench.pass(10);
    let power = bench.take(20_030, [503, 502]).power.unwrap();
    assert_eq!(power.milliwatts, [360_000, 240_000]);
    assert_eq!((power.span, power.is_average), (30, false));
    // From then on each answer has one, though they come every ten seconds.
    bench.pass(10);
    let power = bench.take(20_040, [504, 502]).power.unwrap();
    assert_eq!(power.milliwatts, [360_000, 120_000]);
    assert_eq!(bench.take(20_040, [504, 502]).power, Some(power), "kept");
    bench.pass(240);
    let power = bench.take(20_280, [520, 510]).power.unwrap();
    assert_eq!((power.span, power.is_average), (240, true));
}

#[test]
fn a_restart_brings_all_of_the_new_run() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(20_000, 500, First, 0, 0);
    bench.pass(300);
    bench.check(120, 2, Restarted { scheduled: false }, 2, 2);
    let mut bench = Bench::new(CounterFamily::B1);
    bench.check(20_000, 500, First, 0, 0);
    bench.pass(300);
    let gain = bench.take(50, [1, 0]);
    assert_eq!(gain.class, Restarted { scheduled: false });
    assert_eq!(gain.power, None, "counters are coarse after a start");
}

#[test]
fn after_twelve_hours_a_ds3_begins_anew_and_it_is_no_fault() {
    for gap in [300, 3600] {
        let mut bench = Bench::new(CounterFamily::Ds3);
        bench.take(43_080 - 60, [1000, 1000]);
        bench.pass(60);
        bench.take(43_080, [1001, 1001]);
        bench.pass(gap);
        let clock = gap as u32 - 120;
        let gain = bench.take(clock, [3, 3]);
        assert_eq!(gain.class, Restarted { scheduled: true });
        assert_eq!(gain.added, [3 * WH; 2]);
        // 120 s at the last 60 W.
        assert_eq!(gain.lost.unwrap(), [2 * WH; 2]);
    }
    // A YC600 does not, and a DS3 that restarts elsewhere has another reason.
    for (family, clock) in [(CounterFamily::B1, 43_080), (CounterFamily::Ds3, 30_000)] {
        let mut bench = Bench::new(family);
        bench.take(clock, [1000, 1000]);
        bench.pass(300);
        let gain = bench.take(180, [3, 3]);
        assert_eq!(gain.class, Restarted { scheduled: false });
        assert_eq!(gain.lost, None);
    }
}

#[test]
fn only_a_two_byte_clock_that_fits_runs_over() {
    let mut bench = Bench::new(CounterFamily::B1);
    bench.check(65_500, 900, First, 0, 0);
    bench.pass(60);
    bench.check(24, 903, Wrapped, 3, 3);
    // Over a restart of the program without a clock it may have been so; less is added.
    bench.take(65_500, [904, 904]);
    let mut bench = Bench::new(CounterFamily::B1);
    bench.trusted = false;
    bench.check(65_500, 900, First, 0, 0);
    bench.restart(600);
    bench.check(564, 903, Wrapped, 3, 3);
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(40_000, 2, First, 0, 0);
    bench.pass(600);
    bench.check(564, 3, Restarted { scheduled: false }, 3, 3);
}

#[test]
fn another_day_that_looks_like_the_same_run_is_none() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(20_000, 600, First, 0, 0);
    bench.restart(24 * 3600 + 1800);
    bench.check(21_000, 700, NewRun, 700, 700);
    // The program ran on, but heard nothing.
    bench.pass(24 * 3600 + 1800);
    bench.check(22_000, 800, NewRun, 800, 800);
    // Without a wall clock that can be trusted less is added.
    bench.trusted = false;
    bench.restart(24 * 3600 + 600);
    bench.check(22_400, 810, Normal, 10, 10);
}

#[test]
fn a_clock_that_stands_wrong_adds_nothing_twice() {
    for wrong in [-48 * 3600, -3600, -50 * 60] {
        let mut bench = Bench::new(CounterFamily::Ds3);
        bench.check(20_000, 600, First, 0, 0);
        // A small computer without a battery starts with the time that it was switched off at, or none.
        bench.set_wall(wrong);
        bench.restart(600);
        bench.check(20_600, 640, Normal, 40, 40);
        bench.set_wall(-wrong);
        bench.pass(60);
        bench.check(20_660, 644, Normal, 4, 44);
    }
    // A clock that was just set is not believed over a restart.
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(2000, 60, First, 0, 0);
    bench.set_wall(-48 * 3600);
    bench.pass(60);
    bench.check(2060, 64, Normal, 4, 4);
    bench.set_wall(48 * 3600);
    bench.restart(60);
    bench.check(2120, 68, Normal, 4, 4);
}

#[test]
fn in_one_run_of_the_program_steps_of_the_wall_clock_mean_nothing() {
    for step in [-48, -1, 1, 2, 9, 48] {
        let mut bench = Bench::new(CounterFamily::Ds3);
        bench.check(20_000, 600, First, 0, 0);
        bench.pass(60);
        bench.set_wall(step * 3600);
        bench.check(20_060, 604, Normal, 4, 4);
        bench.pass(60);
        bench.check(20_120, 608, Normal, 4, 8);
        bench.set_wall(-step * 3600);
        assert_eq!(bench.today(), 8);
        bench.pass(60);
        bench.check(20_180, 612, Normal, 4, 12);
        bench.pass(600);
        bench.set_wall(-step * 3600);
        bench.check(500, 1, Restarted { scheduled: false }, 1, 13);
    }
}

#[test]
fn a_wall_clock_that_is_set_past_midnight_begins_a_day() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(18_000, 100, First, 0, 0);
    bench.pass(3600);
    bench.check(21_600, 400, Normal, 300, 300);
    // From 13:00 to 00:30: what was counted from 12:00 on is before that midnight.
    bench.set_wall(11 * 3600 + 1800);
    assert_eq!(bench.today(), 0);
    bench.pass(60);
    bench.check(21_660, 403, Normal, 3, 3);
    bench.set_wall(-11 * 3600 - 1800);
    assert_eq!(bench.today(), 3, "what is shown neither falls nor jumps");
}

#[test]
fn a_computer_that_slept_lost_no_energy() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(20_000, 500, First, 0, 0);
    bench.pass(60);
    bench.check(20_060, 504, Normal, 4, 4);
    bench.sleep(3600);
    // The clock is seen to have jumped before anybody answers.
    bench.energy.watch(bench.now());
    bench.pass(60);
    bench.check(23_720, 804, Normal, 300, 304);
    // Over a night it cannot be told from a late answer, until it was heard three times.
    bench.sleep(20 * 3600);
    for (clock, counter, class) in [
        (7000, 80, Repeated),
        (7060, 84, Repeated),
        (7120, 88, Rebased),
    ] {
        bench.pass(60);
        let gain = bench.take(clock, [counter; 2]);
        assert_eq!(gain.class, class);
        assert_eq!(gain.added, [0, 0]);
    }
    bench.pass(60);
    bench.check(7180, 92, Normal, 4, 4);
}

#[test]
fn a_late_answer_is_no_restart() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(20_000, 500, First, 0, 0);
    bench.pass(60);
    bench.check(20_060, 504, Normal, 4, 4);
    bench.pass(5);
    bench.check(20_000, 500, Repeated, 0, 4);
    bench.pass(55);
    bench.check(20_120, 508, Normal, 4, 8);
}

#[test]
fn what_contradicts_is_left_aside_and_nothing_is_lost() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(20_000, 500, First, 0, 0);
    bench.pass(60);
    bench.check(20_060, 400, CORRUPT(Contradiction::Fell), 0, 0);
    assert_eq!(
        bench.take(20_060, [501, 499]).class,
        CORRUPT(Contradiction::Fell),
        "one input alone is not believed either"
    );
    bench.check(20_060, 5000, CORRUPT(Contradiction::TooMuch), 0, 0);
    bench.check(40_060, 504, CORRUPT(Contradiction::ClockAhead), 0, 0);
    bench.check(10_060, 504, CORRUPT(Contradiction::ClockBack), 0, 0);
    bench.check(60, 504, CORRUPT(Contradiction::TooMuch), 0, 0);
    bench.check(20_060, 504, Normal, 4, 4);
}

#[test]
fn three_that_agree_and_go_on_are_believed() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(20_000, 500, First, 0, 0);
    for (n, class) in [
        CORRUPT(Contradiction::Fell),
        CORRUPT(Contradiction::Fell),
        Rebased,
    ]
    .into_iter()
    .enumerate()
    {
        bench.pass(60);
        let clock = 20_060 + 60 * n as u32;
        bench.check(clock, 300 + 4 * n as u64, class, 0, 0);
        if class != Rebased {
            // The same once more counts no more than before.
            bench.check(clock, 300 + 4 * n as u64, class, 0, 0);
        }
    }
    bench.pass(60);
    bench.check(20_240, 312, Normal, 4, 4);
    // Three that do not agree are not.
    for counter in [200, 100, 250, 90, 10] {
        bench.pass(60);
        let clock = bench.energy.last.as_ref().unwrap().clock + 60;
        bench.check(clock, counter, CORRUPT(Contradiction::Fell), 0, 4);
    }
}

#[test]
fn today_begins_at_midnight_without_any_answer() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(20_000, 500, First, 0, 0);
    bench.pass(3600);
    bench.check(23_600, 800, Normal, 300, 300);
    bench.pass(11 * 3600 - 1);
    assert_eq!(bench.today(), 300);
    bench.pass(1);
    assert_eq!(bench.today(), 0);
    bench.restart(8 * 3600);
    assert_eq!(bench.today(), 0);
    bench.check(7200, 90, NewRun, 90, 90);
    assert_eq!(bench.energy.lifetime(), [390 * WH; 2]);
}

#[test]
fn where_the_sun_does_not_set_midnight_divides_a_gap() {
    let mut bench = Bench::new(CounterFamily::B1);
    bench.wall = "2026-06-21T23:00:00+02:00".parse().unwrap();
    bench.check(20_000, 500, First, 0, 0);
    bench.pass(3 * 3600);
    bench.check(30_800, 530, Normal, 30, 20);
    // A run that began before midnight as well.
    let mut bench = Bench::new(CounterFamily::B1);
    bench.wall = "2026-06-21T12:00:00+02:00".parse().unwrap();
    bench.check(20_000, 500, First, 0, 0);
    bench.restart(14 * 3600);
    bench.check(4 * 3600, 400, NewRun, 400, 200);
}

#[test]
fn a_calibration_can_be_changed_at_any_time() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.check(20_000, 5000, First, 0, 0);
    bench.calibration = 900_000;
    bench.pass(3600);
    bench.check(23_600, 5100, Normal, 90, 90);
    bench.pass(60);
    bench.check(23_660, 5100, Normal, 0, 90);
}

#[test]
fn another_number_of_inputs_needs_to_be_seen_three_times() {
    let mut bench = Bench::new(CounterFamily::B1);
    bench.check(20_000, 500, First, 0, 0);
    let mut answer = |clock: u32, passed: u64| {
        bench.pass(passed);
        let counters = [500 * WH, 500 * WH, 7 * WH, 7 * WH];
        let answer = CounterAnswer {
            clock,
            counters: &counters,
            family: CounterFamily::B1,
            nameplate: 1200,
            calibration: UNCALIBRATED,
            interval: Duration::from_secs(60),
            at: bench.now(),
            is_wall_trusted: true,
        };
        bench.energy.take(&answer, &zone())
    };
    assert_eq!(answer(20_060, 60).class, CORRUPT(Contradiction::Inputs));
    answer(20_120, 60);
    let gain = answer(20_180, 60);
    assert_eq!(gain.class, Rebased);
    assert_eq!((gain.lifetime.len(), gain.today.len()), (4, 4));
}

#[test]
fn absurd_numbers_are_no_trouble() {
    let mut bench = Bench::new(CounterFamily::B1);
    let all = [
        (u32::MAX, u64::MAX / WH),
        (0, 0),
        (u32::MAX, 0),
        (0, u64::MAX / WH),
        (1, 1),
    ];
    for nameplate in [0, 880, u32::MAX] {
        for wall in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
            for (clock, counter) in all {
                bench.wall = wall;
                bench.steady = Duration::from_secs(1) + bench.steady * 2;
                let counters = [counter * WH];
                let answer = CounterAnswer {
                    clock,
                    counters: &counters,
                    family: CounterFamily::B1,
                    nameplate,
                    calibration: u32::MAX,
                    interval: Duration::MAX,
                    at: bench.now(),
                    is_wall_trusted: true,
                };
                bench.energy.take(&answer, &zone());
            }
        }
    }
}

#[test]
fn what_a_wrong_answer_brought_too_much_is_taken_from_what_comes_next() {
    let mut bench = Bench::new(CounterFamily::B1);
    bench.take(600, [50, 50]);
    bench.pass(600);
    // 10 Wh too much on one input, and nothing shows that.
    let gain = bench.take(1200, [70, 60]);
    assert_eq!(gain.lifetime, [20 * WH, 10 * WH]);
    for step in 1..=3 {
        bench.pass(60);
        bench.take(1200 + 60 * step, [61, 61]);
    }
    // Three that agree: counted from here.
    bench.pass(600);
    let gain = bench.take(1980, [65, 71]);
    assert_eq!(gain.added, [0, 10 * WH]);
    bench.pass(600);
    let gain = bench.take(2580, [75, 81]);
    // 9 Wh were owed.
    assert_eq!(gain.added, [5 * WH, 10 * WH]);
    assert_eq!(gain.lifetime, [25 * WH, 30 * WH]);
}

#[test]
fn nothing_is_owed_for_what_was_never_added() {
    let mut bench = Bench::new(CounterFamily::B1);
    // The first one of all is wrong, and adds nothing.
    bench.take(600, [100, 50]);
    for step in 1..=3 {
        bench.pass(60);
        bench.take(600 + 60 * step, [50, 50]);
    }
    bench.pass(600);
    let gain = bench.take(1380, [60, 60]);
    assert_eq!(gain.lifetime, [10 * WH, 10 * WH]);
}

#[test]
fn a_night_as_long_as_the_rest_of_twelve_hours_is_a_night() {
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.wall = "2026-06-21T20:35:00+02:00".parse().unwrap();
    bench.take(8700, [60, 60]);
    // It sleeps, and wakes 9 hours and 35 minutes later.
    bench.pass(34_500);
    let gain = bench.take(270, [1, 1]);
    assert_eq!((gain.class, gain.lost), (NewRun, None));
    // By day the same is the twelve hours.
    let mut bench = Bench::new(CounterFamily::Ds3);
    bench.wall = "2026-06-21T09:00:00+02:00".parse().unwrap();
    bench.take(8700, [60, 60]);
    bench.pass(34_770);
    let gain = bench.take(270, [1, 1]);
    assert_eq!(gain.class, Restarted { scheduled: true });
}
