//! How regularly a meter sends. Most send every few seconds; those that rest for minutes between two
//! telegrams are not silent in between.

use std::time::Duration;

/// Pauses that have to be alike.
const ALIKE: usize = 4;
/// How many pauses may pass before a meter is silent.
const MISSED: u32 = 6;

/// No meter may be quiet for longer than that by its rhythm, whatever its pauses have been.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// The last pauses of one meter.
#[derive(Debug, Default)]
pub struct Rhythm {
    last: Option<Duration>,
    pauses: [Duration; ALIKE],
}

impl Rhythm {
    /// A telegram has come.
    pub fn heard(&mut self, now: Duration) {
        if let Some(last) = self.last.replace(now) {
            self.pauses.rotate_left(1);
            if let Some(newest) = self.pauses.last_mut() {
                *newest = now.saturating_sub(last);
            }
        }
    }

    /// How often it sends; `None` if it has shown no rhythm.
    pub fn pace(&self) -> Option<Duration> {
        let least = self.pauses.iter().min()?;
        let most = self.pauses.iter().max()?;
        let is_even = !least.is_zero() && *most <= *least * 3 / 2;
        is_even.then_some(*most)
    }

    /// For how long a meter of this rhythm may be quiet; `None` if it has shown none.
    pub fn patience(&self) -> Option<Duration> {
        let patience = self.pace()?.saturating_mul(MISSED);
        Some(Duration::from_secs(patience.as_secs()).min(LONGEST))
    }

    /// How often a meter sends, about, that may be quiet for so long.
    pub fn pace_of(patience: Duration) -> Duration {
        patience / MISSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: &[u64]) -> Option<u64> {
        let mut rhythm = Rhythm::default();
        for second in seconds {
            rhythm.heard(Duration::from_secs(*second));
        }
        rhythm.patience().map(|patience| patience.as_secs())
    }

    #[test]
    fn pauses_that_are_alike_are_a_rhythm() {
        assert_eq!(after(&[0, 300, 600, 900]), None);
        assert_eq!(after(&[0, 300, 600, 900, 1200]), Some(1800));
        assert_eq!(after(&[0, 20, 40, 60, 80]), Some(120));
        assert_eq!(after(&[0, 5, 10, 15, 20]), Some(30));
        // However slow it is, silence comes to light.
        assert_eq!(after(&[0, 900, 1800, 2700, 3600]), Some(1800));
        assert_eq!(after(&[0, 86_400, 172_800, 259_200, 345_600]), Some(1800));
        // An outage is none.
        assert_eq!(after(&[0, 5, 10, 15, 2000]), None);
        assert_eq!(Rhythm::pace_of(Duration::from_secs(120)).as_secs(), 20);
    }
}
