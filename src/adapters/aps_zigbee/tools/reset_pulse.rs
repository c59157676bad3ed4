//! Holds a stick in reset for a moment, as a running bridge does.

use std::time::Duration;

use crate::clock::Moment;
use crate::device::protocol::{Outbox, Output};
use crate::links::{ControlLine, Links};
use crate::terminal::remark;

/// How long it is held.
const PULSE: Duration = Duration::from_millis(500);

/// The line to do it with, if there is one.
#[derive(Debug, Clone, Default)]
pub struct ResetPulse {
    line: Option<ControlLine>,
    release: Option<Duration>,
}

impl ResetPulse {
    /// By the line of a section. One that cannot be had is told of, and not used.
    pub fn by(line: Option<ControlLine>, links: &Links) -> Self {
        if let Some(line) = &line
            && let Err(error) = links.claim(line)
        {
            remark(&format!(
                "The stick cannot be reset by {line}, and is used without: {}",
                error.sentence()
            ));
            return Self::default();
        }
        Self {
            line,
            release: None,
        }
    }

    /// Begins to hold it.
    pub fn begin(&mut self, out: &mut Outbox, now: Moment) {
        if let Some(line) = &self.line {
            out.push(Output::SetLine(line.clone(), true));
            self.release = Some(now.steady.saturating_add(PULSE));
        }
    }

    /// Lets it go, if it is time to.
    pub fn go_on(&mut self, out: &mut Outbox, now: Moment) {
        if let Some(line) = &self.line
            && self.due() <= now.steady
        {
            out.push(Output::SetLine(line.clone(), false));
            self.release = None;
        }
    }

    /// When that is.
    pub fn due(&self) -> Duration {
        self.release.unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stick_is_held_for_half_a_second() {
        let now = |millis| Moment {
            steady: Duration::from_millis(millis),
            ..Moment::NONE
        };
        let mut out = Outbox::default();
        let mut without = ResetPulse::default();
        without.begin(&mut out, now(0));
        without.go_on(&mut out, now(1000));
        assert!(matches!(out.poll(), Output::Wait(_)));
        let mut pulse = ResetPulse::by(Some(ControlLine::Dtr), &Links::new());
        pulse.begin(&mut out, now(100));
        assert_eq!(out.poll(), Output::SetLine(ControlLine::Dtr, true));
        assert_eq!(pulse.due(), Duration::from_millis(600));
        pulse.go_on(&mut out, now(599));
        assert!(matches!(out.poll(), Output::Wait(_)));
        pulse.go_on(&mut out, now(600));
        assert_eq!(out.poll(), Output::SetLine(ControlLine::Dtr, false));
        pulse.go_on(&mut out, now(700));
        assert!(matches!(out.poll(), Output::Wait(_)));
    }
}
