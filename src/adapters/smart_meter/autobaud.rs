//! Finding out how a serial line is set: bits per second and parity.
//!
//! A line that delivers bytes but no telegram is tried in another way every 15 seconds. What worked
//! is remembered, and tried first after a restart.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::{self, MeterConfig};
use crate::links::{Address, Parity, SerialSettings};

/// How long one way is tried while bytes arrive.
const TRY: Duration = Duration::from_secs(15);
/// How long a way that has worked is kept although no telegram comes through.
const LOYALTY: Duration = Duration::from_secs(60);

/// The ways that meters speak, the most usual first: wired M-Bus, the same through a port that
/// takes the parity bit as the end, the P1 port, infrared heads.
const WAYS: [Way; 5] = [
    Way::new(2400, Parity::Even),
    Way::new(2400, Parity::None),
    Way::new(115_200, Parity::None),
    Way::new(9600, Parity::None),
    Way::new(9600, Parity::Even),
];

/// How a line is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    baud: u32,
    parity: Parity,
}

impl Way {
    const fn new(baud: u32, parity: Parity) -> Self {
        Self { baud, parity }
    }

    /// For opening the port.
    pub const fn settings(self) -> SerialSettings {
        SerialSettings {
            baud: self.baud,
            parity: self.parity,
        }
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parity = match self.parity {
            Parity::Even => "even parity",
            Parity::Odd => "odd parity",
            Parity::None => "no parity",
        };
        write!(f, "{} baud, {parity}", self.baud)
    }
}

/// The search, or its result.
#[derive(Debug)]
pub struct Autobaud {
    ways: Vec<Way>,
    index: usize,
    /// Since when the present way is tried; `None` until bytes arrive.
    since: Option<Duration>,
    /// Whether the present way has brought a telegram.
    proven: bool,
    /// How often it went on to another way since the last telegram.
    turns: usize,
    /// How long a way is tried that has not brought a telegram yet.
    trial: Duration,
}

impl Autobaud {
    /// The ways that the configuration leaves open; `known` is what worked before.
    pub fn new(config: &MeterConfig, known: Option<Way>) -> Self {
        if matches!(config.port, Some(Address::Tcp(_))) {
            // The serial server has its own settings, which cannot be changed from here.
            return Self {
                ways: vec![WAYS[0]],
                index: 0,
                since: None,
                proven: false,
                turns: 0,
                trial: TRY,
            };
        }
        let parity = match config.parity {
            config::Parity::Auto => None,
            config::Parity::Even => Some(Parity::Even),
            config::Parity::Odd => Some(Parity::Odd),
            config::Parity::None => Some(Parity::None),
        };
        let fits = |way: &Way| {
            config.baud.is_none_or(|baud| way.baud == baud)
                && parity.is_none_or(|parity| way.parity == parity)
        };
        let mut ways: Vec<Way> = WAYS.into_iter().filter(fits).collect();
        if ways.is_empty() {
            let baud = config.baud.unwrap_or(2400);
            let open = [Parity::Even, Parity::None];
            let parities = parity.map_or(open.to_vec(), |parity| vec![parity]);
            ways = parities
                .into_iter()
                .map(|parity| Way::new(baud, parity))
                .collect();
        }
        let index = known.and_then(|known| ways.iter().position(|way| *way == known));
        Self {
            ways,
            index: index.unwrap_or(0),
            since: None,
            proven: index.is_some(),
            turns: 0,
            trial: TRY,
        }
    }

    /// The same with another time for each way.
    #[must_use]
    pub fn trying(self, trial: Duration) -> Self {
        Self { trial, ..self }
    }

    /// The way to try now.
    pub fn way(&self) -> Way {
        self.ways.get(self.index).copied().unwrap_or(WAYS[0])
    }

    /// What is worth remembering.
    pub fn proven(&self) -> Option<Way> {
        self.proven.then(|| self.way())
    }

    /// Goes on to the next way.
    pub fn skip(&mut self) {
        self.index = (self.index + 1) % self.ways.len().max(1);
        self.since = None;
        self.proven = false;
        self.turns += 1;
    }

    /// Whether every way has been tried since the last telegram.
    pub fn is_round(&self) -> bool {
        self.turns > self.ways.len()
    }

    /// Whether each way has been tried in vain, or will be when the present one has.
    pub fn is_at_its_end(&self) -> bool {
        self.turns + 1 >= self.ways.len()
    }

    fn is_open(&self) -> bool {
        self.ways.len() > 1
    }

    /// Bytes have arrived.
    pub fn bytes(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    /// A frame has arrived whole.
    pub fn frame(&mut self) {
        self.since = None;
        self.proven = true;
        self.turns = 0;
    }

    /// The port was opened anew.
    pub fn reopened(&mut self) {
        self.since = None;
    }

    /// Goes on to the next way if it is time to; then the port has to be opened again.
    pub fn advance(&mut self, now: Duration) -> bool {
        let is_due = self.due().is_some_and(|due| due <= now);
        if is_due {
            self.skip();
        }
        is_due
    }

    /// When that will be, if no frame arrives before.
    pub fn due(&self) -> Option<Duration> {
        let patience = if self.proven { LOYALTY } else { self.trial };
        let since = self.since.filter(|_| self.is_open());
        since.map(|since| since + patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn without_bytes_nothing_changes() {
        let mut autobaud = Autobaud::new(&MeterConfig::default(), None);
        assert!(!autobaud.advance(at(1000)));
        assert_eq!(autobaud.way(), Way::new(2400, Parity::Even));
    }

    #[test]
    fn bytes_without_frames_lead_to_the_next_way_and_round_again() {
        let mut autobaud = Autobaud::new(&MeterConfig::default(), None);
        let mut now = 0;
        for expected in WAYS.into_iter().cycle().skip(1).take(7) {
            autobaud.bytes(at(now));
            assert!(!autobaud.advance(at(now + 14)));
            assert!(autobaud.advance(at(now + 15)));
            assert_eq!(autobaud.way(), expected);
            now += 20;
        }
    }

    #[test]
    fn a_way_that_worked_is_kept_for_longer_and_remembered() {
        let mut autobaud = Autobaud::new(&MeterConfig::default(), None);
        autobaud.bytes(at(0));
        autobaud.advance(at(15));
        autobaud.bytes(at(16));
        autobaud.frame();
        let known = autobaud.proven();
        assert_eq!(known, Some(Way::new(2400, Parity::None)));
        let mut autobaud = Autobaud::new(&MeterConfig::default(), known);
        assert_eq!(Some(autobaud.way()), known);
        autobaud.bytes(at(0));
        assert!(!autobaud.advance(at(59)) && autobaud.advance(at(60)));
        assert_eq!(autobaud.proven(), None);
    }

    #[test]
    fn what_is_configured_is_kept_to() {
        let config = |baud, parity| MeterConfig {
            baud,
            parity,
            ..MeterConfig::default()
        };
        let fixed = Autobaud::new(&config(Some(2400), config::Parity::Even), None);
        assert!(!fixed.is_open());
        let odd = Autobaud::new(&config(Some(300), config::Parity::Odd), None);
        assert_eq!(odd.way(), Way::new(300, Parity::Odd));
        let fast = Autobaud::new(&config(Some(115_200), config::Parity::Auto), None);
        assert_eq!(fast.way(), Way::new(115_200, Parity::None));
        let own = Autobaud::new(&config(Some(4800), config::Parity::Auto), None);
        assert!(own.is_open());
    }
}
