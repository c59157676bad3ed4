//! When to ask the ECU next.
//!
//! The ECU collects new values about every 5 minutes and is hurt by more frequent questions. So the
//! next question follows its rhythm: a little after the next values are due. The rhythm is learned
//! from the times in its answers. At night questions are rare, during its own maintenance there are
//! none, and after failures they come at growing distances.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::civil::{DateTime, Time};

use super::config::{EcuConfig, Quiet};

/// The ECU's own rhythm unless it shows another.
const USUAL_CYCLE: Duration = Duration::from_secs(300);
/// Rhythms outside of these bounds are mistakes in learning.
const CYCLES: std::ops::RangeInclusive<i64> = 60..=1800;
/// How many differences the rhythm is learned from.
const REMEMBERED: usize = 8;

/// The waiting times. A simulator that is asked every second gets everything in proportion; a real
/// ECU always gets its rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two regular questions.
    pub interval: Duration,
    /// The rhythm of the other side, unless it shows another.
    usual: Duration,
    /// The shortest wait.
    pub least: Duration,
    /// Between the questions of one round.
    pub pause: Duration,
    /// Before each further try of a question that failed.
    pub retries: [Duration; 3],
    /// Before the next round after so many failed ones.
    back_off: [Duration; 3],
    /// Failures count as an outage only after this long.
    pub outage: Duration,
    /// How long a round can take in which every question fails.
    failing: Duration,
    /// Before a list that only shows whether the one before it was right.
    pub second_list: Duration,
    at_night: Duration,
    phase_lock: bool,
    quiet: Quiet,
}

impl Pace {
    pub fn new(config: &EcuConfig) -> Self {
        let interval = config.interval.get();
        let usual = if config.is_on_this_host() {
            USUAL_CYCLE.min(interval)
        } else {
            USUAL_CYCLE
        };
        let share = usual.as_secs_f64() / USUAL_CYCLE.as_secs_f64();
        let seconds = |seconds: u64| Duration::from_secs(seconds).mul_f64(share);
        let retries = [seconds(2), seconds(5), seconds(15)];
        let tries = config.timeout.get() * 4;
        Self {
            interval,
            usual,
            least: seconds(60),
            pause: seconds(1),
            retries,
            back_off: [seconds(60), seconds(120), seconds(300)],
            outage: seconds(900),
            failing: tries + retries.iter().sum::<Duration>(),
            second_list: seconds(10),
            at_night: config.night_interval.get(),
            phase_lock: config.phase_lock,
            quiet: config.quiet,
        }
    }

    /// How long values hold without an answer: over the longest regular pause, which is that of a
    /// night with the ECU's maintenance in it, and until failures count as an outage.
    pub fn patience(&self) -> Duration {
        let [.., longest] = self.back_off;
        let failing = self.failing * 3;
        self.at_night.max(self.interval).max(self.least)
            + self.quiet.length()
            + self.outage
            + longest * 2
            + failing
    }
}

/// How a round of questions ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Values, so many seconds old.
    Fresh { age: Duration },
    /// The values of the round before once more.
    Unchanged,
    /// Values, but no inverter works.
    Asleep,
    /// No values.
    Failed,
}

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until the next round.
    Round(Duration),
    /// Until the ECU's maintenance is over.
    Quiet(Duration),
}

/// Learns the rhythm and plans the next round.
#[derive(Debug, Clone)]
pub struct Schedule {
    pace: Pace,
    cycle: Cycle,
    failures: usize,
    unchanged: u32,
}

impl Schedule {
    pub fn new(pace: Pace, cycle: Cycle) -> Self {
        Self {
            pace,
            cycle,
            failures: 0,
            unchanged: 0,
        }
    }

    /// Failed rounds in a row.
    pub const fn failures(&self) -> usize {
        self.failures
    }

    /// Rounds in a row without new values.
    pub const fn unchanged(&self) -> u32 {
        self.unchanged
    }

    /// The learned rhythm.
    pub const fn cycle(&self) -> &Cycle {
        &self.cycle
    }

    /// How long the ECU takes from values to values.
    pub fn cycle_length(&self) -> Duration {
        self.cycle.length(self.pace.usual)
    }

    /// Takes the time of new values.
    pub fn learn(&mut self, at: DateTime) {
        self.cycle.learn(at);
    }

    /// The wait after a round that ended at the local time `now`.
    pub fn after(&mut self, round: Round, now: Time) -> Wait {
        let pace = &self.pace;
        self.failures = if round == Round::Failed {
            self.failures + 1
        } else {
            0
        };
        self.unchanged = if round == Round::Unchanged {
            self.unchanged + 1
        } else {
            0
        };
        let wait = match round {
            Round::Failed => {
                let step = self.failures.saturating_sub(1).min(pace.back_off.len() - 1);
                pace.back_off.get(step).copied().unwrap_or(pace.interval)
            }
            Round::Asleep => pace.at_night,
            // A little too early: once more soon, then leave the ECU in peace.
            Round::Unchanged if self.unchanged == 1 => pace.least,
            Round::Unchanged => pace.interval,
            Round::Fresh { age } => self.next_values(age),
        };
        let wait = wait.max(pace.least);
        let then = now.wrapping_add(wait);
        match pace.quiet.remaining(then) {
            Some(rest) if wait < Duration::from_secs(86_400) => Wait::Quiet(wait + rest),
            _ => Wait::Round(wait),
        }
    }

    /// Until shortly after the first new values that the user wants to see.
    fn next_values(&self, age: Duration) -> Duration {
        let pace = &self.pace;
        let cycle = self.cycle_length();
        // A simulator may turn faster than any ECU; and values that are older than two turns give
        // no hint about the next one.
        if !pace.phase_lock || age > cycle * 2 {
            return pace.interval;
        }
        let turns = (pace.interval.as_secs_f64() / cycle.as_secs_f64())
            .round()
            .max(1.0);
        let margin = cycle.mul_f64(0.15);
        (cycle.mul_f64(turns) + margin).saturating_sub(age)
    }
}

/// The ECU's rhythm, learned from the times in its answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cycle {
    last: Option<DateTime>,
    differences: VecDeque<i64>,
}

impl Cycle {
    fn learn(&mut self, at: DateTime) {
        let seconds = self
            .last
            .and_then(|last| at.since(last).ok())
            .map(|span| span.total(jiff::Unit::Second).unwrap_or_default().round() as i64);
        if let Some(seconds) = seconds.filter(|seconds| CYCLES.contains(seconds)) {
            self.differences.push_back(seconds);
            if self.differences.len() > REMEMBERED {
                self.differences.pop_front();
            }
        }
        self.last = Some(at);
    }

    /// The shortest difference of late: longer ones are several turns.
    fn length(&self, usual: Duration) -> Duration {
        let learned = self.differences.iter().min();
        let learned = learned.map(|seconds| Duration::from_secs(seconds.unsigned_abs()));
        // Fewer than three say little. A simulator's clock may run at another speed than ours.
        let enough = self.differences.len() >= 3 && usual >= Duration::from_secs(60);
        learned.filter(|_| enough).unwrap_or(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Period;
    use jiff::ToSpan;
    use jiff::civil::{date, time};

    fn schedule(config: &EcuConfig) -> Schedule {
        Schedule::new(Pace::new(config), Cycle::default())
    }

    fn fresh(age: u64) -> Round {
        Round::Fresh {
            age: Duration::from_secs(age),
        }
    }

    fn seconds(wait: Wait) -> u64 {
        match wait {
            Wait::Round(wait) | Wait::Quiet(wait) => wait.as_secs(),
        }
    }

    #[test]
    fn asks_shortly_after_the_next_values_are_due() {
        let mut schedule = schedule(&EcuConfig::default());
        // Values of 100 s ago; the next come in 200 s, and 45 s later they can be read.
        assert_eq!(
            schedule.after(fresh(100), time(12, 0, 0, 0)),
            Wait::Round(Duration::from_secs(245))
        );
        assert_eq!(seconds(schedule.after(fresh(330), time(12, 0, 0, 0))), 60);
    }

    #[test]
    fn learns_the_rhythm_of_a_large_installation() {
        let mut schedule = schedule(&EcuConfig::default());
        let mut at = date(2026, 6, 1).at(12, 0, 0, 0);
        for minutes in [7, 7, 14, 7] {
            schedule.learn(at);
            at = at.checked_add(minutes.minutes()).unwrap();
        }
        schedule.learn(at);
        assert_eq!(seconds(schedule.after(fresh(0), time(12, 0, 0, 0))), 483);
    }

    #[test]
    fn a_user_who_wants_less_gets_every_second_turn() {
        let config = EcuConfig {
            interval: Period::minutes(10),
            ..EcuConfig::default()
        };
        assert_eq!(
            seconds(schedule(&config).after(fresh(0), time(12, 0, 0, 0))),
            645
        );
        let fixed = EcuConfig {
            phase_lock: false,
            ..EcuConfig::default()
        };
        assert_eq!(
            seconds(schedule(&fixed).after(fresh(100), time(12, 0, 0, 0))),
            300
        );
    }

    #[test]
    fn asks_once_more_soon_when_nothing_is_new_and_then_waits() {
        let mut schedule = schedule(&EcuConfig::default());
        let waits: Vec<u64> = (0..3)
            .map(|_| seconds(schedule.after(Round::Unchanged, time(12, 0, 0, 0))))
            .collect();
        assert_eq!(waits, [60, 300, 300]);
        assert_eq!(schedule.unchanged(), 3);
    }

    #[test]
    fn backs_off_and_recovers() {
        let mut schedule = schedule(&EcuConfig::default());
        let waits: Vec<u64> = (0..4)
            .map(|_| seconds(schedule.after(Round::Failed, time(12, 0, 0, 0))))
            .collect();
        assert_eq!(waits, [60, 120, 300, 300]);
        schedule.after(fresh(0), time(12, 0, 0, 0));
        assert_eq!(schedule.failures(), 0);
        assert_eq!(
            seconds(schedule.after(Round::Failed, time(12, 0, 0, 0))),
            60
        );
    }

    #[test]
    fn leaves_the_ecu_alone_while_it_maintains_itself() {
        let mut schedule = schedule(&EcuConfig::default());
        assert_eq!(
            schedule.after(Round::Asleep, time(2, 0, 0, 0)),
            Wait::Round(Duration::from_secs(1200))
        );
        // 02:30 plus 20 minutes is inside; it ends at 03:20.
        assert_eq!(
            schedule.after(Round::Asleep, time(2, 30, 0, 0)),
            Wait::Quiet(Duration::from_secs(3000))
        );
        assert_eq!(
            schedule.after(Round::Failed, time(2, 39, 30, 0)),
            Wait::Quiet(Duration::from_secs(2430))
        );
    }

    #[test]
    fn a_real_ecu_gets_its_rest_however_short_the_interval() {
        let config = EcuConfig {
            interval: Period::minutes(1),
            phase_lock: false,
            ..EcuConfig::default()
        };
        let pace = Pace::new(&config);
        assert_eq!(pace.outage, Duration::from_secs(900));
        let mut schedule = schedule(&config);
        assert_eq!(
            seconds(schedule.after(Round::Failed, time(12, 0, 0, 0))),
            60
        );
        assert_eq!(schedule.cycle_length(), Duration::from_secs(300));
    }

    #[test]
    fn values_hold_over_the_longest_pause_there_is() {
        let patience = |config: &EcuConfig| Pace::new(config).patience();
        // A night round just before the maintenance, and then it does not answer at first.
        let (night, quiet, outage) = (20 * 60, 40 * 60, 15 * 60);
        let usual = patience(&EcuConfig::default());
        assert!(usual > Duration::from_secs(night + quiet + outage));
        assert!(usual < Duration::from_secs(2 * 3600));
        let rare = EcuConfig {
            interval: Period::hours(6),
            night_interval: Period::hours(12),
            ..EcuConfig::default()
        };
        assert!(patience(&rare) > Duration::from_secs(12 * 3600 + quiet));
    }

    #[test]
    fn a_fast_simulator_gets_everything_in_proportion() {
        let config = EcuConfig {
            host: "127.0.0.1".into(),
            interval: Period::seconds(3),
            ..EcuConfig::default()
        };
        let mut schedule = schedule(&config);
        let Wait::Round(wait) = schedule.after(Round::Failed, time(12, 0, 0, 0)) else {
            panic!()
        };
        assert_eq!(wait, Duration::from_millis(600));
    }
}
