//! What to do when nothing comes.
//!
//! Some adapters forget how to talk, and serial servers that a connection has gone: then the port is
//! opened anew. A P1 port sends while its request line is high, which cables drive from RTS or DTR;
//! some meters stop all the same, and begin again when the line was low for a moment.

use std::time::Duration;

use crate::device::protocol::Output;
use crate::links::ControlLine;

/// How long nothing may come from an open port before it is opened anew.
const DEAD: Duration = Duration::from_secs(5 * 60);
/// The same of a serial server at first, twice as long each time that it was in vain.
const DEAD_SERVER: Duration = Duration::from_secs(30);
/// Pauses of the meter that nothing may come for, at least.
const PAUSES: u32 = 3;
/// How long nothing may come before RTS and DTR are dropped.
const QUIET: Duration = Duration::from_secs(30);
/// How long they stay low.
const LOW: Duration = Duration::from_secs(2);
/// How often they are dropped while nothing comes.
const EVERY: Duration = Duration::from_secs(60);
/// The lines that a cable may take the request from.
const LINES: [ControlLine; 2] = [ControlLine::Rts, ControlLine::Dtr];

/// What was done about it so far.
#[derive(Debug)]
pub struct Silence {
    is_server: bool,
    /// How often the port was opened anew since anything came.
    reopened: u32,
    request: DataRequest,
}

/// How the lines are.
#[derive(Debug, Clone, Copy)]
enum DataRequest {
    /// And since when they were dropped last, if they ever were.
    High { dropped: Option<Duration> },
    /// Since when.
    Low { since: Duration },
}

impl Silence {
    /// On a serial port, or on a serial server, which has the lines.
    pub const fn new(is_server: bool) -> Self {
        Self {
            is_server,
            reopened: 0,
            request: DataRequest::High { dropped: None },
        }
    }

    /// The port is open, which raises the lines.
    pub const fn opened(&mut self) {
        if let DataRequest::Low { since } = self.request {
            self.request = DataRequest::High {
                dropped: Some(since),
            };
        }
    }

    /// Something has come.
    pub const fn bytes(&mut self) {
        self.reopened = 0;
    }

    /// When something is to be done next, if nothing comes. `heard` is when something came last, or
    /// the port was opened; `pace` is how often the meter sends, as far as it has shown.
    pub fn due(&self, heard: Duration, pace: Option<Duration>) -> Duration {
        let dead = self.dead(heard, pace);
        if self.is_server {
            dead
        } else {
            dead.min(self.request.due(heard, rest(pace)))
        }
    }

    /// What is to be done now.
    pub fn advance(
        &mut self,
        heard: Duration,
        pace: Option<Duration>,
        now: Duration,
    ) -> Vec<Output> {
        if now >= self.dead(heard, pace) {
            self.reopened = self.reopened.saturating_add(1);
            return vec![Output::Reopen];
        }
        if self.is_server || now < self.request.due(heard, rest(pace)) {
            return Vec::new();
        }
        let is_on = matches!(self.request, DataRequest::Low { .. });
        self.request = match self.request {
            DataRequest::Low { since } => DataRequest::High {
                dropped: Some(since),
            },
            DataRequest::High { .. } => DataRequest::Low { since: now },
        };
        LINES.map(|line| Output::SetLine(line, is_on)).into()
    }

    /// When the port is to be opened anew. The meter behind a serial server may be one that rests for
    /// minutes, so that has to be heard before its pace is known.
    fn dead(&self, heard: Duration, pace: Option<Duration>) -> Duration {
        let patience = if self.is_server {
            DEAD_SERVER.saturating_mul(2_u32.saturating_pow(self.reopened))
        } else {
            DEAD
        };
        heard + patience.min(DEAD).max(rest(pace))
    }
}

/// How long nothing may come because the meter rests.
fn rest(pace: Option<Duration>) -> Duration {
    pace.unwrap_or_default().saturating_mul(PAUSES)
}

impl DataRequest {
    fn due(self, heard: Duration, rest: Duration) -> Duration {
        match self {
            Self::Low { since } => since + LOW,
            Self::High { dropped } => {
                let quiet = heard + rest.max(QUIET);
                dropped.map_or(quiet, |dropped| quiet.max(dropped + EVERY))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The seconds at which the lines are raised or dropped, when bytes come at these.
    fn changes(until: u64, pace: Option<u64>, bytes: &[u64]) -> Vec<(u64, bool)> {
        let (mut silence, mut heard) = (Silence::new(false), at(0));
        let mut changes = Vec::new();
        for second in 0..until {
            if bytes.contains(&second) {
                heard = at(second);
            }
            let done = silence.advance(heard, pace.map(at), at(second));
            if let [Output::SetLine(_, one), Output::SetLine(_, other)] = done[..] {
                assert_eq!(one, other);
                changes.push((second, one));
            } else {
                assert_eq!(done, []);
            }
        }
        changes
    }

    #[test]
    fn a_line_that_stays_quiet_is_asked_once_a_minute() {
        let asked = [(30, false), (32, true), (90, false), (92, true)];
        assert_eq!(changes(150, None, &[]), asked);
    }

    #[test]
    fn a_line_that_speaks_is_left_alone() {
        let bytes: Vec<u64> = (0..150).step_by(10).collect();
        assert_eq!(changes(150, None, &bytes), []);
        assert_eq!(changes(61, None, &[31]), [(30, false), (32, true)]);
        // So is a meter that rests for minutes.
        assert_eq!(changes(900, Some(300), &[]), []);
    }

    #[test]
    fn an_opened_port_is_high_and_asked_no_sooner_for_it() {
        let mut silence = Silence::new(false);
        silence.advance(at(0), None, at(30));
        assert_eq!(silence.due(at(0), None), at(32));
        silence.opened();
        assert_eq!(silence.due(at(31), None), at(90));
    }
}
