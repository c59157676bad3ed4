//! Playing a recording: what came then comes again, at the times of the recording and without
//! waiting for them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::address::Address;
use super::error::LinkError;
use super::recording::{Event, RecordedLine, Script};
use crate::clock::Clock;

/// Deadlines are made of the clock that runs, which has gone on a little until they are looked at.
/// Rounding up to this makes each replay alike.
const GRAIN: Duration = Duration::from_millis(10);

/// A recording whose connections are opened one after the other.
#[derive(Debug)]
pub struct Replay {
    script: Mutex<Script>,
    clock: Clock,
}

impl Replay {
    pub const fn new(script: Script, clock: Clock) -> Self {
        Self {
            script: Mutex::new(script),
            clock,
        }
    }

    pub fn open(&self, address: &Address) -> Result<Replayed, LinkError> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let start = script.started;
        let mut lines = script
            .connections
            .pop_front()
            .ok_or(LinkError::RecordingEnded)?;
        if let Some(moment) = lines
            .front()
            .and_then(|line| start.checked_add(line.after).ok())
        {
            self.clock.move_to(moment.max(self.clock.now()));
        }
        if let Some(Event::Fail(words)) = lines.front().map(|line| &line.event) {
            return Err(LinkError::Broken(address.clone(), words.clone()));
        }
        lines.retain(|line| !matches!(line.event, Event::Open(_)));
        Ok(Replayed {
            lines,
            start,
            clock: self.clock.clone(),
            deadline: None,
        })
    }
}

/// One connection of a recording.
#[derive(Debug)]
pub struct Replayed {
    lines: VecDeque<RecordedLine>,
    start: Timestamp,
    clock: Clock,
    /// The last deadline, and what it is in the time of the recording.
    deadline: Option<(Instant, Timestamp)>,
}

impl Replayed {
    /// A deadline in the time of the recording. It stays the same however often it is asked for,
    /// while the recording's clock moves on.
    pub fn moment_of(&mut self, deadline: Instant) -> Timestamp {
        match self.deadline {
            Some((known, moment)) if known == deadline => moment,
            _ => {
                let left = deadline.saturating_duration_since(Instant::now());
                let grains = left.as_nanos().div_ceil(GRAIN.as_nanos());
                let grains = u32::try_from(grains).unwrap_or(u32::MAX);
                let moment = self.moment_in(GRAIN.saturating_mul(grains));
                self.deadline = Some((deadline, moment));
                moment
            }
        }
    }

    /// The moment after this time.
    pub fn moment_in(&self, within: Duration) -> Timestamp {
        let moment = self.clock.now().checked_add(within);
        moment.unwrap_or(Timestamp::MAX)
    }

    /// Appends what came next, and returns how many bytes; `None` if it came after `until`. The
    /// clock is then at that moment. Nothing is lost if it is dropped while it waits.
    pub async fn receive(&mut self, buffer: &mut Vec<u8>, until: Timestamp) -> Option<usize> {
        while let Some(line) = self.lines.front() {
            let moment = self.start.checked_add(line.after);
            let moment = moment.unwrap_or(Timestamp::MAX);
            if moment > until {
                self.wait_until(until).await;
                return None;
            }
            self.wait_until(moment).await;
            if let Some(line) = self.lines.pop_front()
                && let Event::Received(bytes) = line.event
            {
                buffer.extend_from_slice(&bytes);
                return Some(bytes.len());
            }
        }
        Some(0)
    }

    /// Moves the clock, but never back. Others get a turn before, as if this had waited.
    async fn wait_until(&self, moment: Timestamp) {
        tokio::task::yield_now().await;
        self.clock.move_to(moment.max(self.clock.now()));
    }
}

#[cfg(test)]
mod tests;
