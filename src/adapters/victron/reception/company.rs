//! Another device on the line: in place of the one that is known, or beside it.

use std::time::Duration;

/// Who it says it is: product and serial number.
pub type Who = (Option<u16>, Option<String>);

/// Rounds in a row after which it has taken the place of the one that is known.
const ALONE: u32 = 2;
/// So often both have to be heard in turn to be two devices on one line.
const TURNS: u32 = 3;
/// Of two devices on one line the first counts until nothing has come of it for so many rounds.
const LEFT: u32 = 60;
/// How long after its last word the second one is still there.
const STAYS: Duration = Duration::from_secs(120);

/// A device that is not the one that is known.
#[derive(Debug, Default)]
pub struct Company {
    who: Option<Who>,
    /// Its rounds since the last one of the device that is known.
    rounds: u32,
    /// How often that one has come back after it.
    turns: u32,
    last: Duration,
}

impl Company {
    /// A round of another device has come. Whether that is the device of this line now: damage may
    /// make another one out of any round, so it has to come twice.
    pub fn stranger(&mut self, who: Who, now: Duration) -> bool {
        if self.who.as_ref() != Some(&who) {
            *self = Self {
                who: Some(who),
                ..Self::default()
            };
        }
        self.rounds += 1;
        self.last = now;
        self.rounds >= if self.turns < TURNS { ALONE } else { LEFT }
    }

    /// A round of the device that is known has come.
    pub fn own(&mut self) {
        if std::mem::take(&mut self.rounds) > 0 {
            self.turns += 1;
        }
    }

    /// The second device on this line, if there is one.
    pub fn second(&self, now: Duration) -> Option<&Who> {
        let is_here = self.turns >= TURNS && now.saturating_sub(self.last) < STAYS;
        self.who.as_ref().filter(|_| is_here)
    }
}
