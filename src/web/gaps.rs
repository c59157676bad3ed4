//! How long it usually takes until a device is heard again.

use std::collections::VecDeque;

use jiff::Timestamp;

/// Of how many the median is taken.
const REMEMBERED: usize = 16;
/// Anything shorter is no gap to anybody who looks.
const LEAST: u32 = 10;

/// The last ones of a device.
#[derive(Debug, Clone, Default)]
pub struct Gaps {
    last: Option<Timestamp>,
    seconds: VecDeque<u32>,
}

impl Gaps {
    /// Values of this moment have come.
    pub fn heard(&mut self, at: Timestamp) {
        let last = self.last.replace(at);
        let Some(seconds) = last.map(|last| at.duration_since(last).as_secs()) else {
            return;
        };
        // A clock that was set back has measured nothing.
        if seconds >= 0 && last != Some(at) {
            self.seconds
                .push_back(u32::try_from(seconds).unwrap_or(u32::MAX));
            if self.seconds.len() > REMEMBERED {
                self.seconds.pop_front();
            }
        }
    }

    /// The usual one, in seconds.
    pub fn usual(&self) -> Option<u32> {
        let mut sorted: Vec<u32> = self.seconds.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).map(|gap| *gap.max(&LEAST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(moments: &[i64]) -> Option<u32> {
        let mut gaps = Gaps::default();
        for second in moments {
            gaps.heard(Timestamp::from_second(*second).unwrap());
        }
        gaps.usual()
    }

    #[test]
    fn it_is_the_median_of_the_last_sixteen_and_no_less_than_ten_seconds() {
        assert_eq!(usual(&[]), None);
        assert_eq!(usual(&[100]), None);
        assert_eq!(usual(&[0, 300]), Some(300));
        // A night, and a clock that is set.
        assert_eq!(
            usual(&[0, 300, 600, 40_000, 40_300, 40_000, 40_300]),
            Some(300)
        );
        assert_eq!(usual(&[0, 1, 2, 3]), Some(10));
        assert_eq!(usual(&[5, 5, 5]), None);
        let mut moments: Vec<i64> = (0..10).map(|n| n * 300).collect();
        moments.extend((1..=16).map(|n| 2700 + n * 60));
        assert_eq!(usual(&moments), Some(60));
    }
}
