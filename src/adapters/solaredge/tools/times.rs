//! Moments of captures, as people write them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A moment since 1970, by the clock of this house.
pub fn when(at: Duration) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    let local = at.to_zoned(TimeZone::system());
    local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// How long something takes, in the largest unit that makes sense.
pub fn how_long(length: Duration) -> String {
    let seconds = length.as_secs();
    let (count, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7199 => (seconds / 60, "minute"),
        7200..=172_799 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
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
