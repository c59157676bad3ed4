//! Meters behind a meter: each is read from time to time, and says what it had counted by then.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::profile::BehindMeter;
use super::sample::BehindSample;
use crate::simulation::year::SUPPLY_STEP;

/// What a new meter has counted when it is put in.
const NEW: u64 = 17;

/// One of them.
#[derive(Debug, Clone)]
pub struct Behind {
    meter: BehindMeter,
    said: BehindSample,
    /// The step after the last one that was counted; `None` before the first reading.
    counted: Option<i64>,
}

impl Behind {
    pub fn new(meter: BehindMeter) -> Self {
        Self {
            said: BehindSample {
                channel: meter.channel,
                lines: meter.channel,
                supply: meter.supply,
                number: meter.number.to_owned(),
                captured: None,
                count: meter.begin,
                is_gone: false,
            },
            meter,
            counted: None,
        }
    }

    /// The one that takes its place, on another channel.
    pub fn successor(&mut self, channel: u8) -> Self {
        self.said.is_gone = true;
        Self {
            meter: self.meter,
            said: BehindSample {
                channel,
                number: next_number(&self.said.number),
                captured: None,
                count: NEW,
                is_gone: false,
                ..self.said.clone()
            },
            counted: None,
        }
    }

    /// What it said last.
    pub const fn said(&self) -> &BehindSample {
        &self.said
    }

    /// Reads it, if it is time for that.
    pub fn read(&mut self, now: Timestamp, zone: &TimeZone, seed: u64) {
        if self.said.is_gone {
            return;
        }
        let late = self.meter.late;
        let read = (now.as_second() - late).div_euclid(self.meter.every) * self.meter.every;
        self.said.captured = Timestamp::UNIX_EPOCH
            .checked_add(SignedDuration::from_secs(read + late))
            .ok();
        let upto = read.div_euclid(SUPPLY_STEP);
        let seed = seed.wrapping_add(u64::from(self.meter.channel));
        for step in self.counted.unwrap_or(upto)..upto {
            self.said.count += self.meter.supply.taken(seed, step, zone);
        }
        self.counted = Some(self.counted.unwrap_or(upto).max(upto));
    }
}

/// The same with the next digit at its end.
fn next_number(number: &str) -> String {
    let mut next = number.to_owned();
    if let Some(digit) = next.pop() {
        let digit = digit.to_digit(10).map_or(1, |digit| (digit + 1) % 10);
        next.push(char::from_digit(digit, 10).unwrap_or('1'));
    }
    next
}
