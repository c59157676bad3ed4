//! Two weeks of an inverter with everything that can happen, against what it really produced.

use std::time::Duration;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::super::*;

const STEP: u64 = 10;
const DAYS: u64 = 14;
const DAY: u64 = 86_400;
/// How long an answer can be on its way.
const LATE: u64 = 600;
const SUNRISE: u64 = 5 * 3600;
/// Long days, so that a DS3 gets to its twelve hours.
const SUNSET: u64 = 21 * 3600;

/// The numbers of one fortnight, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    }

    /// Happens this often.
    fn once_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }
}

/// Who knows about the wall clock.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wall {
    /// It is set back and forth at any time; the host knows when it is right.
    Known,
    /// Nobody knows, but it is right whenever the program starts and was right when it ended.
    RightAtStarts,
}

struct Inverter {
    family: CounterFamily,
    /// Seconds since it started, if it runs.
    clock: Option<u64>,
    counters: [u64; 2],
    /// What its counters were when it was last heard in this run and that was kept.
    heard: [u64; 2],
    produced: u64,
    /// What nobody can know: what was counted after it was last heard in a run.
    unknown: u64,
}

impl Inverter {
    fn stop(&mut self) {
        let lost = self.counters[0] + self.counters[1] - self.heard[0] - self.heard[1];
        self.unknown += lost;
        (self.clock, self.counters, self.heard) = (None, [0; 2], [0; 2]);
    }

    fn step(&mut self, power: u64, restart: bool) {
        if restart || power < 5 {
            self.stop();
        }
        if power < 5 {
            return;
        }
        let clock = self.clock.unwrap_or_default();
        if self.family == CounterFamily::Ds3 && clock >= u64::from(DS3_RUN) {
            self.stop();
        }
        self.clock = Some(self.clock.map_or(0, |clock| clock + STEP));
        // Watts times seconds, in millionths of a watt-hour.
        let gained = power * STEP * 1_000_000 / 3600;
        let first = gained * 2 / 5;
        self.counters[0] += first;
        self.counters[1] += gained - first;
        self.produced += gained;
    }
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Vienna").unwrap()
}

fn fortnight(seed: u64, family: CounterFamily, wall: Wall) -> Result<(), TestCaseError> {
    let mut chance = Chance(seed | 1);
    let start = date(2026, 6, 8)
        .at(0, 0, 0, 0)
        .to_zoned(zone())
        .unwrap()
        .timestamp();
    let mut inverter = Inverter {
        family,
        clock: None,
        counters: [0; 2],
        heard: [0; 2],
        produced: 0,
        unknown: 0,
    };
    let mut energy = InverterEnergy::default();
    let mut saved = serde_json::to_string(&energy).unwrap();
    let mut published = 0;
    // The wall clock is wrong by so many seconds until then.
    let (mut wrong, mut until) = (0_i64, 0);
    let mut process_began = 0;
    // The program runs from then on.
    let mut down_until = 0;
    let mut previous: Option<(u32, [u64; 2], u64)> = None;
    let mut cloud = 10;
    let mut is_first = true;
    // What wrong answers that could have been true brought too much, and until which day at least.
    let (mut believed, mut believed_until) = (0, 0);
    for second in (0..DAYS * DAY).step_by(STEP as usize) {
        let of_day = second % DAY;
        if of_day.is_multiple_of(1800) {
            cloud = 1 + chance.below(10);
        }
        let sun = if (SUNRISE..SUNSET).contains(&of_day) {
            let (before, after) = (of_day - SUNRISE, SUNSET - of_day);
            880 * 4 * before * after / (SUNSET - SUNRISE).pow(2)
        } else {
            0
        };
        inverter.step(sun * cloud / 10, chance.once_in(2500));
        if wrong != 0 && second >= until {
            wrong = 0;
        } else if wrong == 0 && second >= down_until && chance.once_in(8000) {
            wrong = chance.below(4 * DAY) as i64 - 2 * DAY as i64;
            until = second + 60 + chance.below(20_000);
        }
        if second == down_until {
            energy = serde_json::from_str(&saved).unwrap();
            process_began = second;
            energy.watch(Moment {
                wall: start + SignedDuration::from_secs(second as i64 + wrong),
                steady: Duration::ZERO,
            });
        }
        if second < down_until || !second.is_multiple_of(60) || chance.once_in(8) {
            continue;
        }
        let Some(clock) = inverter.clock else {
            continue;
        };
        let at = Moment {
            wall: start + SignedDuration::from_secs(second as i64 + wrong),
            steady: Duration::from_secs(second - process_began),
        };
        let mut counters = inverter.counters;
        let mut clock = clock as u32;
        let mut is_true = true;
        match (chance.below(100), previous) {
            // An answer once more, or late.
            (0..4, Some(before)) if second - before.2 <= LATE => {
                (clock, counters, _) = before;
                is_true = false;
            }
            (4, _) => {
                let input = chance.below(2) as usize;
                counters[input] ^= 1 << (30 + chance.below(20));
                is_true = false;
            }
            (5, _) if !is_first => {
                clock = clock.saturating_add(5000);
                is_true = false;
            }
            _ => {}
        }
        previous = Some((clock, counters, second))
            .filter(|_| is_true)
            .or(previous);
        let answer = CounterAnswer {
            clock,
            counters: &counters,
            family,
            nameplate: 880,
            calibration: UNCALIBRATED,
            interval: Duration::from_secs(60),
            at,
            is_wall_trusted: wall != Wall::Known || wrong == 0,
        };
        let gain = energy.take(&answer, &zone());
        let can_die = wall == Wall::Known || wrong == 0;
        let dies = can_die && chance.once_in(150);
        // Killed before it was saved, and so not published either.
        let is_lost = dies && chance.once_in(2);
        if !is_lost {
            saved = serde_json::to_string(&energy).unwrap();
            let sum: u64 = gain.lifetime.iter().sum();
            prop_assert!(sum >= published, "fell from {published} to {sum}");
            if !is_true && gain.added.iter().any(|added| *added > 0) {
                believed += counters
                    .iter()
                    .sum::<u64>()
                    .saturating_sub(inverter.counters.iter().sum());
                believed_until = second + DAY;
            }
            if second > believed_until {
                believed = 0;
            }
            prop_assert!(
                sum <= inverter.produced + believed,
                "{sum} of {} at {second}: {:?}",
                inverter.produced,
                gain.class
            );
            published = sum;
            let today: u64 = gain.today.iter().sum();
            prop_assert!(today <= sum);
            let is_good = !matches!(
                gain.class,
                CounterClass::Repeated | CounterClass::Corrupt(_)
            );
            if is_first {
                inverter.unknown += inverter.counters[0] + inverter.counters[1];
                is_first = false;
            }
            if is_good && is_true {
                inverter.heard = inverter.counters;
            }
        }
        if dies {
            down_until = second + STEP * (1 + chance.below(120));
        }
    }
    inverter.stop();
    let known = inverter.produced - inverter.unknown;
    prop_assert!(
        published * 100 >= known * 99,
        "{published} of {known} ({} produced)",
        inverter.produced
    );
    prop_assert!(
        inverter.unknown * 20 < inverter.produced,
        "a mild fortnight"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_is_published_never_falls_and_is_what_was_produced(
        seed in any::<u64>(),
        is_ds3 in any::<bool>(),
        is_known in any::<bool>(),
    ) {
        let family = if is_ds3 { CounterFamily::Ds3 } else { CounterFamily::B1 };
        let wall = if is_known { Wall::Known } else { Wall::RightAtStarts };
        fortnight(seed, family, wall)?;
    }

    /// Whatever is said, at whatever time.
    #[test]
    fn nothing_makes_a_lifetime_fall(
        answers in prop::collection::vec(
            (any::<u16>(), 0_u64..5_000_000_000, 0_u64..100_000, -200_000_i64..200_000, 0_u8..8), 1..60
        ),
        is_ds3 in any::<bool>(),
    ) {
        let mut energy = InverterEnergy::default();
        let (mut wall, mut steady) = (1_780_000_000_i64, 0);
        let mut before = 0;
        for (clock, counter, passed, step, event) in answers {
            steady += passed;
            wall += passed as i64;
            if event == 0 {
                wall += step;
            }
            if event == 1 {
                energy = serde_json::from_str(&serde_json::to_string(&energy).unwrap()).unwrap();
                steady = 0;
            }
            let counters = [counter, counter / 2];
            let answer = CounterAnswer {
                clock: clock.into(),
                counters: &counters,
                family: if is_ds3 { CounterFamily::Ds3 } else { CounterFamily::B1 },
                nameplate: 880,
                calibration: UNCALIBRATED,
                interval: Duration::from_secs(60),
                at: Moment {
                    wall: Timestamp::from_second(wall).unwrap(),
                    steady: Duration::from_secs(steady),
                },
                is_wall_trusted: event != 2,
            };
            let gain = energy.take(&answer, &zone());
            let sum: u64 = gain.lifetime.iter().sum();
            prop_assert!(sum >= before);
            prop_assert_eq!(sum, before + gain.added.iter().sum::<u64>());
            before = sum;
        }
    }
}
