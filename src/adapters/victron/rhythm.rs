//! How long a device regularly says nothing.
//!
//! Some chargers send text for a few seconds and then nothing for most of a minute. One that has come
//! back after the same pause several times is not away in the next one.

use std::time::Duration;

/// What is shorter is no pause: converters that are off speak every four seconds.
const LEAST: Duration = Duration::from_secs(10);
/// What is longer is no rhythm: by then the port is opened anew.
const MOST: Duration = Duration::from_secs(9 * 60);
/// So many pauses alike make one.
const ALIKE: usize = 3;

/// Learns a rhythm from the moments at which something good comes.
#[derive(Debug, Default)]
pub struct Rhythm {
    last: Option<Duration>,
    /// The last few pauses.
    pauses: Vec<Duration>,
    learned: Option<Duration>,
}

impl Rhythm {
    /// That of a device that was seen to pause for so long.
    pub fn knowing(learned: Option<Duration>) -> Self {
        Self {
            learned,
            ..Self::default()
        }
    }

    /// Something good has come.
    pub fn heard(&mut self, now: Duration) {
        let last = self.last.replace(now);
        let pause = now.saturating_sub(last.unwrap_or(now));
        if pause < LEAST {
            return;
        }
        if pause > MOST {
            self.pauses.clear();
            return;
        }
        if self.pauses.len() == ALIKE {
            self.pauses.remove(0);
        }
        self.pauses.push(pause);
        let longest = self.pauses.iter().max().copied().unwrap_or_default();
        let shortest = self.pauses.iter().min().copied().unwrap_or_default();
        if self.pauses.len() == ALIKE && longest - shortest <= longest / 8 {
            self.learned = Some(longest);
        }
    }

    /// The port was closed meanwhile: that pause says nothing of the device.
    pub fn interrupted(&mut self) {
        self.last = None;
    }

    /// The pause that belongs to the device.
    pub const fn learned(&self) -> Option<Duration> {
        self.learned
    }
}

/// How long to wait for a device that pauses for so long.
pub fn patience(pause: Duration) -> Duration {
    pause + pause / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hears each of these seconds.
    fn heard(rhythm: &mut Rhythm, seconds: impl IntoIterator<Item = u64>) {
        for second in seconds {
            rhythm.heard(Duration::from_secs(second));
        }
    }

    #[test]
    fn a_pause_that_comes_back_is_learned() {
        let mut rhythm = Rhythm::default();
        heard(&mut rhythm, (0..=180).filter(|second| second % 60 < 6));
        assert_eq!(rhythm.learned(), Some(Duration::from_secs(55)));
        // A longer one later is none of them.
        heard(&mut rhythm, [181, 400]);
        assert_eq!(rhythm.learned(), Some(Duration::from_secs(55)));
    }

    #[test]
    fn pauses_of_any_length_are_no_rhythm() {
        let mut rhythm = Rhythm::default();
        heard(&mut rhythm, [0, 60, 100, 180, 360, 500, 620]);
        assert_eq!(rhythm.learned(), None);
        // Nor is a cable that is pulled out every twenty minutes.
        heard(&mut rhythm, (1..9).map(|round| 620 + round * 1200));
        assert_eq!(rhythm.learned(), None);
    }

    #[test]
    fn a_device_that_speaks_all_the_time_has_none() {
        let mut rhythm = Rhythm::default();
        heard(&mut rhythm, (0..4000).step_by(4));
        assert_eq!(rhythm.learned(), None);
    }
}
