//! Which line runs at each cable, and which waits for its forerunner to let go of the port.
//!
//! | a cable | its place has | its line |
//! |---|---|---|
//! | comes | nothing, or a line that has ended | begins |
//! | comes | a line that runs | is the one that runs |
//! | comes | a line that was stopped | begins when that one has ended |
//! | goes | a line that runs | is stopped, and not listened to any more |
//! | goes | a line that waits | does not begin |

use std::collections::BTreeMap;

use crate::links::Address;

/// All lines by the place of their cable, each with what it is led by.
#[derive(Debug)]
pub struct Ports<Reins> {
    places: BTreeMap<String, PortState<Reins>>,
    /// Lines so far: each has a number of its own.
    begun: usize,
}

#[derive(Debug)]
enum PortState<Reins> {
    Open {
        address: Address,
        line: usize,
        reins: Reins,
        /// It ended by itself, such as one that plays a recording.
        has_ended: bool,
    },
    /// It was told to stop and may still hold the port.
    Stopping {
        line: usize,
        /// Where the next one begins after it.
        next: Option<Address>,
    },
}

impl<Reins> Ports<Reins> {
    pub const fn new() -> Self {
        Self {
            places: BTreeMap::new(),
            begun: 0,
        }
    }

    /// A cable came. Whether a line is to [begin](Self::begin) there now.
    pub fn appear(&mut self, place: &str, address: &Address) -> bool {
        match self.places.get_mut(place) {
            None => true,
            Some(PortState::Open { has_ended, .. }) => *has_ended,
            Some(PortState::Stopping { next, .. }) => {
                next.get_or_insert_with(|| address.clone());
                false
            }
        }
    }

    /// Enters a line that begins, and is made with the number it gets.
    pub fn begin(&mut self, place: String, address: Address, make: impl FnOnce(usize) -> Reins) {
        self.begun += 1;
        let line = self.begun;
        let state = PortState::Open {
            address,
            line,
            reins: make(line),
            has_ended: false,
        };
        self.places.insert(place, state);
    }

    /// A cable went. What the line that ran there is to be stopped with, if one did.
    pub fn vanish(&mut self, place: &str, gone: &Address) -> Option<Reins> {
        match self.places.get_mut(place)? {
            PortState::Stopping { next, .. } => {
                next.take_if(|next| next == gone);
                return None;
            }
            // A second port that calls itself the same is not the one listened to.
            PortState::Open { address, .. } if address != gone => return None,
            PortState::Open { .. } => {}
        }
        let Some(PortState::Open {
            line,
            reins,
            has_ended,
            ..
        }) = self.places.remove(place)
        else {
            return None;
        };
        if !has_ended {
            let next = None;
            let stopping = PortState::Stopping { line, next };
            self.places.insert(place.to_owned(), stopping);
        }
        Some(reins)
    }

    /// A line has ended. Where the next one is to [begin](Self::begin), if one has waited for that.
    pub fn end(&mut self, ended: usize) -> Option<(String, Address)> {
        let is_it = |(_, state): &(&String, &mut PortState<Reins>)| state.line() == ended;
        let (place, state) = self.places.iter_mut().find(is_it)?;
        match state {
            PortState::Open { has_ended, .. } => {
                *has_ended = true;
                None
            }
            PortState::Stopping { next, .. } => {
                let (place, next) = (place.clone(), next.take());
                self.places.remove(&place);
                next.map(|next| (place, next))
            }
        }
    }

    /// The place of a line, if what it says still counts: it was not stopped, and no other one took its
    /// place.
    pub fn place(&self, line: usize) -> Option<&str> {
        let is_it = |(_, state): &(&String, &PortState<Reins>)| {
            matches!(state, PortState::Open { .. }) && state.line() == line
        };
        let (place, _) = self.places.iter().find(is_it)?;
        Some(place)
    }

    /// What the line at a place is led by, if one runs.
    pub fn reins(&self, place: &str) -> Option<&Reins> {
        match self.places.get(place)? {
            PortState::Open { reins, .. } => Some(reins),
            PortState::Stopping { .. } => None,
        }
    }

    /// Whether there is a cable at a place.
    pub fn is_plugged(&self, place: &str) -> bool {
        self.places.get(place).is_some_and(PortState::is_plugged)
    }

    /// Whether there is no cable at all.
    pub fn is_empty(&self) -> bool {
        !self.places.values().any(PortState::is_plugged)
    }
}

impl<Reins> PortState<Reins> {
    const fn line(&self) -> usize {
        match self {
            Self::Open { line, .. } | Self::Stopping { line, .. } => *line,
        }
    }

    const fn is_plugged(&self) -> bool {
        match self {
            Self::Open { .. } => true,
            Self::Stopping { next, .. } => next.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "VE000001";

    fn port(name: &str) -> Address {
        Address::Serial(name.into())
    }

    /// A cable at `/dev/ttyUSB0` whose line runs.
    fn running() -> (Ports<&'static str>, usize) {
        let mut lines = Ports::new();
        assert!(lines.appear(PLACE, &port("/dev/ttyUSB0")));
        let first = begin(&mut lines, "/dev/ttyUSB0", "first");
        (lines, first)
    }

    fn begin(lines: &mut Ports<&'static str>, at: &str, reins: &'static str) -> usize {
        let mut number = 0;
        lines.begin(PLACE.to_owned(), port(at), |line| {
            number = line;
            reins
        });
        number
    }

    fn counts(lines: &Ports<&'static str>, line: usize) -> bool {
        lines.place(line) == Some(PLACE)
    }

    #[test]
    fn a_cable_whose_line_runs_gets_no_second_one() {
        let (mut lines, first) = running();
        assert!(!lines.appear(PLACE, &port("/dev/ttyUSB1")));
        assert!(counts(&lines, first));
        // Nor does the other name take the line with it.
        assert_eq!(lines.vanish(PLACE, &port("/dev/ttyUSB1")), None);
        assert!(counts(&lines, first));
        assert_eq!(lines.reins(PLACE), Some(&"first"));
    }

    #[test]
    fn a_line_begins_only_when_the_one_before_it_has_ended() {
        let (mut lines, first) = running();
        assert_eq!(lines.vanish(PLACE, &port("/dev/ttyUSB0")), Some("first"));
        assert!(lines.is_empty());
        assert!(!lines.appear(PLACE, &port("/dev/by-id")));
        assert!(lines.is_plugged(PLACE) && !lines.is_empty());
        assert_eq!(lines.reins(PLACE), None);
        let next = (PLACE.to_owned(), port("/dev/by-id"));
        assert_eq!(lines.end(first), Some(next));
        let second = begin(&mut lines, "/dev/by-id", "second");
        assert_eq!(lines.reins(PLACE), Some(&"second"));
        // The end of one that was before is not the end of this one.
        assert_eq!(lines.end(first), None);
        assert!(counts(&lines, second));
    }

    #[test]
    fn what_a_line_says_after_it_was_stopped_does_not_count() {
        let (mut lines, first) = running();
        assert!(counts(&lines, first));
        lines.vanish(PLACE, &port("/dev/ttyUSB0"));
        assert!(!counts(&lines, first));
        lines.appear(PLACE, &port("/dev/ttyUSB0"));
        assert!(!counts(&lines, first));
        lines.end(first);
        let second = begin(&mut lines, "/dev/ttyUSB0", "second");
        assert!(!counts(&lines, first));
        assert!(counts(&lines, second));
    }

    #[test]
    fn a_cable_that_goes_before_its_line_began_has_none() {
        let (mut lines, first) = running();
        lines.vanish(PLACE, &port("/dev/ttyUSB0"));
        lines.appear(PLACE, &port("/dev/ttyUSB1"));
        assert_eq!(lines.vanish(PLACE, &port("/dev/ttyUSB1")), None);
        assert!(!lines.is_plugged(PLACE));
        assert_eq!(lines.end(first), None);
        assert!(lines.appear(PLACE, &port("/dev/ttyUSB1")));
    }

    #[test]
    fn a_line_that_ended_by_itself_is_heard_to_its_last_word_and_not_waited_for() {
        let (mut lines, first) = running();
        assert_eq!(lines.end(first), None);
        // What it said last may still be on its way.
        assert!(counts(&lines, first));
        assert_eq!(lines.vanish(PLACE, &port("/dev/ttyUSB0")), Some("first"));
        assert!(lines.appear(PLACE, &port("/dev/ttyUSB0")));
    }
}
