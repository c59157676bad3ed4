//! How a sum goes on from one moment to the next.
//!
//! | the members | what was published | what is published | health |
//! |---|---|---|---|
//! | all have values | anything | the sum | online |
//! | one is missing | nothing yet | nothing | starting, no data |
//! | one is missing for `freeze_for`, a minute at least | nothing yet | nothing | stale |
//! | one is missing | a value | the same value | degraded |
//! | one is missing for `freeze_for` | a value | unknown | stale |
//! | they do not fit | anything | unknown | unsupported |

use std::time::Duration;

use tokio::time::Instant;

use super::tally::Count;
use super::words;
use crate::model::{Health, Value};

/// How long after the start devices that an adapter has not named yet are waited for.
pub const SEARCH: Duration = Duration::from_secs(60);

/// How a sum is.
#[derive(Debug)]
pub struct Course {
    freeze_for: Duration,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is known yet.
    Fresh,
    /// There has been no value yet, since a member was missed that is waited for until then, or for
    /// ever.
    Waiting(Option<Instant>),
    /// There is a value.
    Running,
    /// The value stands still until then, or for ever.
    Frozen(Option<Instant>),
    /// The value has been given up.
    Lost,
}

/// What to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The new value; none: what was published stays.
    pub value: Option<Value>,
    /// How the sum is.
    pub health: Health,
}

impl Course {
    pub const fn new(freeze_for: Duration) -> Self {
        Self {
            freeze_for,
            stage: Stage::Fresh,
        }
    }

    /// How long the first value may take: devices need a moment to be found.
    fn first_within(&self) -> Duration {
        self.freeze_for.max(SEARCH)
    }

    /// When to step on although no member has changed.
    pub const fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Frozen(deadline) | Stage::Waiting(deadline) => deadline,
            Stage::Fresh | Stage::Running | Stage::Lost => None,
        }
    }

    pub fn step(&mut self, count: &Count, now: Instant) -> Step {
        match count {
            Count::Complete(sum) => {
                self.stage = Stage::Running;
                Step {
                    value: Some(Value::from(*sum)),
                    health: Health::ONLINE,
                }
            }
            Count::Unfit(unfit) => {
                let had_value = matches!(self.stage, Stage::Running | Stage::Frozen(_));
                self.stage = Stage::Fresh;
                Step {
                    value: had_value.then_some(UNKNOWN),
                    health: words::unfit(unfit),
                }
            }
            Count::Missing(missing) => {
                match self.stage {
                    Stage::Running => {
                        self.stage = Stage::Frozen(now.checked_add(self.freeze_for));
                    }
                    Stage::Fresh => {
                        self.stage = Stage::Waiting(now.checked_add(self.first_within()));
                    }
                    Stage::Waiting(_) | Stage::Frozen(_) | Stage::Lost => {}
                }
                match self.stage {
                    Stage::Waiting(deadline) if deadline.is_none_or(|deadline| now < deadline) => {
                        Step {
                            value: None,
                            health: words::waiting(missing),
                        }
                    }
                    Stage::Frozen(deadline) if deadline.is_none_or(|deadline| now < deadline) => {
                        Step {
                            value: None,
                            health: words::frozen(missing, self.freeze_for),
                        }
                    }
                    before => {
                        self.stage = Stage::Lost;
                        Step {
                            value: matches!(before, Stage::Frozen(_)).then_some(UNKNOWN),
                            health: words::lost(missing, self.freeze_for),
                        }
                    }
                }
            }
        }
    }
}

/// Not known, as a number that is not there.
const UNKNOWN: Value = Value::Unknown;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::sums::tally::Missing;
    use crate::model::{Decimal, HealthCode};
    use proptest::prelude::*;

    fn complete(sum: i64) -> Count {
        Count::Complete(Decimal::integer(sum))
    }

    fn missing() -> Count {
        Count::Missing(vec![Missing::Search])
    }

    fn course() -> Course {
        Course::new(Duration::from_secs(60))
    }

    #[test]
    fn a_sum_stands_still_then_is_unknown_then_comes_back() {
        let (mut course, start) = (course(), Instant::now());
        let mut at = |seconds, count: &Count| {
            let step = course.step(count, start + Duration::from_secs(seconds));
            (step.value, step.health.code, course.deadline().is_some())
        };
        let value = |sum| Some(Value::from(Decimal::integer(sum)));
        assert_eq!(at(0, &missing()), (None, HealthCode::Starting, true));
        assert_eq!(at(1, &complete(5)), (value(5), HealthCode::Online, false));
        assert_eq!(at(2, &missing()), (None, HealthCode::Degraded, true));
        assert_eq!(at(61, &missing()), (None, HealthCode::Degraded, true));
        assert_eq!(
            at(62, &missing()),
            (Some(Value::Unknown), HealthCode::Stale, false)
        );
        assert_eq!(at(63, &missing()), (None, HealthCode::Stale, false));
        assert_eq!(at(64, &complete(7)), (value(7), HealthCode::Online, false));
        // The time begins anew.
        assert_eq!(at(120, &missing()), (None, HealthCode::Degraded, true));
        assert_eq!(at(179, &missing()), (None, HealthCode::Degraded, true));
    }

    #[test]
    fn a_first_value_that_does_not_come_is_a_problem_and_may_still_come() {
        for (freeze_for, patience) in [(900, 900), (0, 60)] {
            let start = Instant::now();
            let mut course = Course::new(Duration::from_secs(freeze_for));
            let mut at = |seconds, count: &Count| {
                let step = course.step(count, start + Duration::from_secs(seconds));
                (
                    step.value,
                    step.health.code.is_problem(),
                    course.deadline().is_some(),
                )
            };
            assert_eq!(at(0, &missing()), (None, false, true));
            assert_eq!(at(patience - 1, &missing()), (None, false, true));
            assert_eq!(at(patience, &missing()), (None, true, false));
            let value = Some(Value::from(Decimal::integer(5)));
            assert_eq!(at(patience + 1, &complete(5)), (value, false, false));
        }
    }

    #[test]
    fn no_time_to_stand_still_is_unknown_at_once() {
        let (mut course, now) = (Course::new(Duration::ZERO), Instant::now());
        course.step(&complete(1), now);
        let step = course.step(&missing(), now);
        assert_eq!(
            (step.value, step.health.code),
            (Some(Value::Unknown), HealthCode::Stale)
        );
    }

    proptest! {
        #[test]
        fn every_value_is_that_of_a_complete_count(steps in prop::collection::vec((0_u64..50, prop::option::of(-9_i64..9)), 1..60)) {
            let (mut course, start, mut time) = (course(), Instant::now(), 0);
            // What somebody who follows the sum sees, and since when it is not complete.
            let (mut shown, mut since) = (Value::Unknown, None);
            for (pause, sum) in steps {
                time += pause;
                let count = sum.map_or_else(missing, complete);
                let step = course.step(&count, start + Duration::from_secs(time));
                let before = shown.clone();
                shown = step.value.unwrap_or(shown);
                match sum {
                    Some(sum) => {
                        since = None;
                        prop_assert_eq!(&shown, &Value::from(Decimal::integer(sum)));
                    }
                    None => {
                        let since = *since.get_or_insert(time);
                        let expected = if time - since < 60 { before } else { Value::Unknown };
                        prop_assert_eq!(&shown, &expected);
                    }
                }
                prop_assert_eq!(step.health.code.has_data(), shown.is_known());
            }
        }
    }
}
