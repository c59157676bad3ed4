//! How many lines of one kind a minute has: a flood of the same says no more than its first line, and
//! must not fill a disk.
//!
//! A kind is a place in the code. What somebody else can cause as often as they like has the target
//! [`OUTSIDE`] and gets one line a minute, everything else many; what was left out is counted and told
//! when the minute is over. At `debug` and below nothing is left out: somebody asked for it.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::terminal::OUTSIDE;

const MINUTE: Duration = Duration::from_secs(60);
/// Lines a minute of one kind. At the start of a large household each device has one.
const MANY: u32 = 200;
/// Target of the lines about what was left out.
const TOLD: &str = "wattbridge::left_out";
/// Characters of a message that is told of later.
const WORDS: usize = 100;

/// Counts lines; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Calm(Arc<Mutex<HashMap<Identifier, Minute>>>);

/// The present minute of one kind of line.
#[derive(Debug)]
struct Minute {
    since: Instant,
    written: u32,
    left_out: u64,
    level: Level,
    /// The last line that was written.
    words: String,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Written,
    /// It is the first one that is not.
    LeftOutFirst,
    LeftOut,
}

impl Calm {
    /// When there is something to tell of next.
    pub fn due(&self) -> Option<Instant> {
        let kinds = self.lock();
        let owed = kinds.values().filter(|minute| minute.left_out > 0);
        owed.map(|minute| minute.since + MINUTE).min()
    }

    /// Logs what was left out in the minutes that were over at this time.
    pub fn tell(&self, until: Option<Instant>) {
        for (level, words) in self.owed(until) {
            match level {
                Level::ERROR => tracing::error!(target: TOLD, "{words}"),
                Level::WARN => tracing::warn!(target: TOLD, "{words}"),
                _ => tracing::info!(target: TOLD, "{words}"),
            }
        }
    }

    /// The lines about what was left out, and no more of it; all of it without a time.
    fn owed(&self, until: Option<Instant>) -> Vec<(Level, String)> {
        let mut kinds = self.lock();
        let over = |minute: &Minute| until.is_none_or(|until| minute.since + MINUTE <= until);
        let owed = kinds
            .values_mut()
            .filter(|minute| minute.left_out > 0 && over(minute));
        owed.map(|minute| {
            let count = std::mem::take(&mut minute.left_out);
            let words = format!("… and {count} more like this: {}", minute.words);
            (minute.level, words)
        })
        .collect()
    }

    fn judge(&self, line: &Event<'_>, now: Instant) -> Verdict {
        let metadata = line.metadata();
        let Some(most) = most(metadata) else {
            return Verdict::Written;
        };
        let mut kinds = self.lock();
        let minute = kinds.entry(metadata.callsite()).or_insert_with(|| Minute {
            since: now,
            written: 0,
            left_out: 0,
            level: *metadata.level(),
            words: String::new(),
        });
        if minute.left_out == 0 && now.saturating_duration_since(minute.since) >= MINUTE {
            (minute.since, minute.written) = (now, 0);
        }
        if minute.written < most {
            minute.written += 1;
            if minute.written == most {
                minute.words.clear();
                line.record(&mut Words(&mut minute.words));
            }
            return Verdict::Written;
        }
        minute.left_out += 1;
        if minute.left_out == 1 {
            Verdict::LeftOutFirst
        } else {
            Verdict::LeftOut
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identifier, Minute>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lines a minute; `None` without a bound.
fn most(metadata: &Metadata<'_>) -> Option<u32> {
    if *metadata.level() > Level::INFO || metadata.target() == TOLD {
        None
    } else if metadata.target() == OUTSIDE {
        Some(1)
    } else {
        Some(MANY)
    }
}

/// Takes the beginning of a message.
struct Words<'w>(&'w mut String);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let mut whole = String::new();
            // Writing to a text cannot fail.
            let _ = write!(whole, "{value:?}");
            self.0.extend(whole.chars().take(WORDS));
            if self.0.len() < whole.len() {
                self.0.push('…');
            }
        }
    }
}

/// The layer that leaves lines out. `wake` is called when there is something to tell of.
pub struct Filter<F> {
    pub calm: Calm,
    pub wake: F,
}

impl<S: Subscriber, F: Fn() + Send + Sync + 'static> Layer<S> for Filter<F> {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        match self.calm.judge(event, Instant::now()) {
            Verdict::Written => true,
            Verdict::LeftOutFirst => {
                (self.wake)();
                false
            }
            Verdict::LeftOut => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry;

    /// Judges every line at a time of the test.
    struct At(Calm, Arc<Mutex<(Instant, Vec<Verdict>)>>);

    impl<S: Subscriber> Layer<S> for At {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut at = self.1.lock().unwrap();
            let verdict = self.0.judge(event, at.0);
            at.1.push(verdict);
        }
    }

    #[test]
    fn one_line_a_minute_of_what_comes_from_outside() {
        let (calm, start) = (Calm::default(), Instant::now());
        let at = Arc::new(Mutex::new((start, Vec::new())));
        let shout = |number: u32, after: u64| {
            at.lock().unwrap().0 = start + Duration::from_secs(after);
            tracing::warn!(target: OUTSIDE, number, "refused {}", "x".repeat(200));
            at.lock().unwrap().1.pop().unwrap()
        };
        let lines = registry().with(At(calm.clone(), Arc::clone(&at)));
        tracing::subscriber::with_default(lines, || {
            assert_eq!(shout(0, 0), Verdict::Written);
            assert_eq!(calm.due(), None);
            assert_eq!(shout(1, 1), Verdict::LeftOutFirst);
            for number in 2..58_000 {
                assert_eq!(shout(number, 5), Verdict::LeftOut);
            }
            assert_eq!(calm.due(), Some(start + MINUTE));
            assert_eq!(calm.owed(Some(start + MINUTE / 2)), []);
            let told = calm.owed(calm.due());
            let words = format!("… and 57999 more like this: refused {}…", "x".repeat(92));
            assert_eq!(told, [(Level::WARN, words)]);
            assert_eq!((calm.due(), calm.owed(None)), (None, Vec::new()));
            assert_eq!(shout(1, 61), Verdict::Written);
            assert_eq!(shout(2, 62), Verdict::LeftOutFirst);
            assert_eq!(calm.owed(None).len(), 1);
        });
    }

    #[test]
    fn other_lines_have_room_and_details_all_of_it() {
        let (calm, start) = (Calm::default(), Instant::now());
        let at = Arc::new(Mutex::new((start, Vec::new())));
        let lines = registry().with(At(calm, Arc::clone(&at)));
        tracing::subscriber::with_default(lines, || {
            for number in 0..=MANY {
                tracing::info!("device {number}");
            }
            for _ in 0..=MANY {
                tracing::debug!(target: OUTSIDE, "detail");
            }
        });
        let verdicts = &at.lock().unwrap().1;
        let left_out = verdicts.iter().position(|it| *it != Verdict::Written);
        assert_eq!(left_out, Some(MANY as usize));
        assert_eq!(verdicts.len(), 2 * (MANY as usize + 1));
        assert!(
            verdicts[MANY as usize + 1..]
                .iter()
                .all(|it| *it == Verdict::Written)
        );
    }
}
