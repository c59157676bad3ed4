//! Moments of captures, as people write them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::Sentence;
use crate::say;

/// A moment since 1970, by the clock of this house.
pub fn when(at: Duration) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    let local = at.to_zoned(TimeZone::system());
    local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// How long something takes, in the largest unit that makes sense.
pub fn how_long(length: Duration) -> Sentence {
    let seconds = length.as_secs();
    match seconds {
        1 => say!("1 second"),
        0..=119 => say!("{count} seconds", count = seconds),
        120..=7199 => say!("{count} minutes", count = seconds / 60),
        7200..=172_799 => say!("{count} hours", count = seconds / 3600),
        _ => say!("{count} days", count = seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_one_unit() {
        for (seconds, said) in [
            (1, "1 second"),
            (119, "119 seconds"),
            (600, "10 minutes"),
            (7200, "2 hours"),
            (400_000, "4 days"),
        ] {
            assert_eq!(how_long(Duration::from_secs(seconds)), said);
        }
    }
}
