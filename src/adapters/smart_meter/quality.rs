//! How good the line of a meter is: telegrams that came, came twice, or were lost.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::wire::Ciphered;

/// A gap of the counter larger than this is no loss but a meter that has begun anew.
const LARGEST_GAP: u32 = 100_000;

/// What is counted of one meter.
#[derive(Debug, Default)]
pub struct Quality {
    /// Telegrams that were read.
    pub telegrams: u64,
    /// Telegrams that never came, by gaps of their counter.
    pub lost: u64,
    /// Values that were impossible.
    pub refused: u64,
    /// The last telegram under each set of keys, which count on their own: its counter and what
    /// tells its bytes from others.
    last: [Option<(u32, u64)>; 2],
    /// Whether it was said that the counter went back.
    told: bool,
}

/// What a telegram's counter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// It goes on.
    On,
    /// It went back, for the first time in this run.
    Back,
}

impl Quality {
    /// Whether this very telegram was there just before.
    pub fn is_repeated(&self, ciphered: &Ciphered<'_>) -> bool {
        self.last.get(set(ciphered)).copied().flatten() == Some(mark(ciphered))
    }

    /// Takes note of a telegram's counter.
    pub fn count(&mut self, ciphered: &Ciphered<'_>) -> Count {
        let Some(last) = self.last.get_mut(set(ciphered)) else {
            return Count::On;
        };
        let counter = ciphered.counter;
        let Some((before, _)) = last.replace(mark(ciphered)) else {
            return Count::On;
        };
        if counter < before {
            let is_news = !std::mem::replace(&mut self.told, true);
            return if is_news { Count::Back } else { Count::On };
        }
        let gap = counter - before;
        if gap <= LARGEST_GAP {
            self.lost += u64::from(gap.saturating_sub(1));
        }
        Count::On
    }
}

fn set(ciphered: &Ciphered<'_>) -> usize {
    usize::from(ciphered.security.is_broadcast())
}

/// Some meters never count, so the bytes have a say, too.
fn mark(ciphered: &Ciphered<'_>) -> (u32, u64) {
    let mut hasher = DefaultHasher::new();
    ciphered.payload.hash(&mut hasher);
    (ciphered.counter, hasher.finish())
}
