//! Errors that old firmware tells although nothing is wrong, as its maker says:
//!
//! | Error | Firmware | When |
//! |---|---|---|
//! | 19, current reversed | before 1.15 | at any time |
//! | 21, current sensor | before 1.16 | for five minutes when charging begins or ends |

use std::time::Duration;

use crate::adapters::victron::wire::words::ERROR;
use crate::model::Value;

const REVERSED: i64 = 19;
const SENSOR: i64 = 21;
/// How long the second one says nothing.
const LASTS: Duration = Duration::from_secs(5 * 60);

/// Remembers since when an error may be an empty one.
#[derive(Debug, Default)]
pub struct Quirks {
    since: Option<Duration>,
}

impl Quirks {
    /// The error, or that there is none. `firmware` is its version, such as 1.13.
    pub fn judge(&mut self, error: Value, firmware: Option<&str>, now: Duration) -> Value {
        let is = |number| matches!(&error, Value::Text(word) if ERROR.word(number) == Some(word));
        let is_older = |than| {
            firmware
                .and_then(version)
                .is_some_and(|version| version < than)
        };
        let is_reversed = is(REVERSED) && is_older((1, 15));
        let is_sensor = is(SENSOR) && is_older((1, 16));
        let since = is_sensor.then(|| self.since.unwrap_or(now));
        self.since = since;
        let is_short = since.is_some_and(|since| now.saturating_sub(since) < LASTS);
        match ERROR.word(0) {
            Some(none) if is_reversed || is_short => none.into(),
            _ => error,
        }
    }
}

/// Before and behind the point.
fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    let end = minor.find(|c: char| !c.is_ascii_digit());
    let minor = minor.get(..end.unwrap_or(minor.len()))?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(number: i64) -> Value {
        ERROR.word(number).unwrap().into()
    }

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn what_old_firmware_says_of_the_current_is_no_error() {
        let judge = |number, firmware| Quirks::default().judge(error(number), firmware, at(0));
        assert_eq!(judge(19, Some("1.14")), error(0));
        assert_eq!(judge(19, Some("1.15")), error(19));
        assert_eq!(judge(19, Some("2.08-candidate-C")), error(19));
        assert_eq!(judge(19, None), error(19));
        assert_eq!(judge(18, Some("1.14")), error(18));
        assert_eq!(judge(0, Some("1.14")), error(0));
        assert_eq!(
            Quirks::default().judge(Value::Unknown, Some("1.14"), at(0)),
            Value::Unknown
        );
    }

    #[test]
    fn what_it_says_of_its_sensor_counts_when_it_lasts() {
        let mut excuses = Quirks::default();
        let mut judge = |number, second| excuses.judge(error(number), Some("1.15"), at(second));
        assert_eq!(judge(21, 10), error(0));
        assert_eq!(judge(21, 309), error(0));
        assert_eq!(judge(21, 310), error(21));
        assert_eq!(judge(21, 400), error(21));
        assert_eq!(judge(0, 401), error(0));
        assert_eq!(judge(21, 402), error(0));
        let newer = Quirks::default().judge(error(21), Some("1.16"), at(0));
        assert_eq!(newer, error(21));
    }
}
