//! What makes time pass for the history.

use std::time::Duration;

use jiff::Timestamp;

use super::gathering::PATIENCE;
use super::slot::SLOT;
use crate::clock::Clock;

/// How much is written in one go where time passes in steps.
const STEP: i64 = 86_400;

/// No clock that is right shows less: this program was made later.
pub const MADE: i64 = 1_767_225_600; // 2026-01-01
/// The clock may be set back by so much without being wrong.
pub const SET_BACK: i64 = 3600;

/// A clock that has not been set for so long is believed, in seconds.
const STEADY: u64 = 3600;
/// By so many seconds the two clocks of a computer may run apart meanwhile.
const APART: i64 = 60;

/// Since when nobody has set the clock.
#[derive(Debug, Clone, Copy)]
pub struct Unset {
    wall: i64,
    steady: Duration,
}

/// What makes time pass.
#[derive(Debug, Clone)]
pub enum SlotPace {
    /// A clock.
    Clock(Clock),
    /// Whoever says so, and how far it has come, in seconds.
    Steps(i64),
}

impl SlotPace {
    /// The clock of this computer.
    pub fn of_computer() -> Self {
        Self::Clock(Clock::system())
    }

    /// Steps from the beginning of time on.
    pub const fn in_steps() -> Self {
        Self::Steps(0)
    }

    /// The moment, in seconds.
    pub fn now(&self) -> i64 {
        match self {
            Self::Clock(clock) => clock.now().as_second(),
            Self::Steps(now) => *now,
        }
    }

    /// Takes a step, where time passes in steps.
    pub fn step(&mut self, to: Timestamp) {
        if let Self::Steps(now) = self {
            *now = (*now).max(to.as_second());
        }
    }

    /// Whether a clock says what time it is.
    pub const fn is_clock(&self) -> bool {
        matches!(self, Self::Clock(_))
    }

    /// Whether nobody has set the clock for an hour; `unset` is what was seen of it before.
    pub fn is_steady(&self, unset: &mut Option<Unset>) -> bool {
        let Self::Clock(clock) = self else {
            return true;
        };
        let (now, steady) = (clock.now().as_second(), clock.monotonic());
        if let Some(since) = *unset
            && self.leap(*unset).abs() <= APART
        {
            return steady.saturating_sub(since.steady).as_secs() >= STEADY;
        }
        *unset = Some(Unset { wall: now, steady });
        false
    }

    /// By how many seconds the clock was set on since it was looked at; less than 0 if it was set back.
    pub fn leap(&self, unset: Option<Unset>) -> i64 {
        let (Self::Clock(clock), Some(since)) = (self, unset) else {
            return 0;
        };
        let passed = clock.monotonic().saturating_sub(since.steady).as_secs();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        clock.now().as_second() - since.wall - passed
    }

    /// Whether slots have ended since then.
    pub fn is_due(&self, closed_at: i64) -> bool {
        let length = if self.is_clock() { SLOT } else { STEP };
        let turn = |now: i64| (now - PATIENCE).div_euclid(length);
        turn(self.now()) != turn(closed_at)
    }
}
