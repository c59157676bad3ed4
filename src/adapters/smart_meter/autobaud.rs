//! Finding out how a serial line is set: bits per second, parity and data bits.
//!
//! A line that delivers bytes but no telegram is tried in another way every 14 seconds. What worked
//! is remembered, and tried first after a restart.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::{self, MeterConfig};
use crate::links::{Address, DataBits, Parity, SerialSettings};

/// How long one way is tried while bytes arrive: no P1 port rests for longer than 10 seconds, and
/// the third telegram of a meter that sends every 5 comes whole in the next way.
const TRY: Duration = Duration::from_secs(14);
/// How long a way that has worked is kept although no telegram comes through.
const LOYALTY: Duration = Duration::from_secs(60);
/// Telegrams without a checksum that prove a way as one with a checksum does.
const UNCHECKED: u32 = 3;

/// The ways that meters speak, the most usual first: the P1 port, wired M-Bus, old P1 ports and
/// infrared heads. 7 data bits with parity are told from 8 without by looking at the bytes. Then
/// what is rare: M-Bus through a port that takes the parity bit as the end, P1 ports with 7 data
/// bits and no parity or of another speed, infrared heads with parity.
const WAYS: [Way; 8] = [
    Way::new(115_200, Parity::None),
    Way::new(2400, Parity::Even),
    Way::new(9600, Parity::None),
    Way::new(2400, Parity::None),
    Way::new(9600, Parity::None).seven(),
    Way::new(115_200, Parity::None).seven(),
    Way::new(38_400, Parity::None),
    Way::new(9600, Parity::Even),
];

/// How a line is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    baud: u32,
    parity: Parity,
    #[serde(default)]
    data_bits: DataBits,
}

impl Way {
    const fn new(baud: u32, parity: Parity) -> Self {
        Self {
            baud,
            parity,
            data_bits: DataBits::Eight,
        }
    }

    const fn seven(self) -> Self {
        Self {
            data_bits: DataBits::Seven,
            ..self
        }
    }

    /// For opening the port.
    pub const fn settings(self) -> SerialSettings {
        SerialSettings {
            baud: self.baud,
            parity: self.parity,
            data_bits: self.data_bits,
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
        let bits = match self.data_bits {
            DataBits::Seven => ", 7 data bits",
            DataBits::Eight => "",
        };
        write!(f, "{} baud, {parity}{bits}", self.baud)
    }
}

/// The search, or its result.
#[derive(Debug)]
pub struct Autobaud {
    ways: Vec<Way>,
    index: usize,
    /// Since when the present way is tried; `None` until bytes arrive.
    since: Option<Duration>,
    /// Whether the present way has brought telegrams that prove it.
    proven: bool,
    /// Telegrams without a checksum that it has brought.
    unchecked: u32,
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
            return Self::among(vec![WAYS[0]], false);
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
        // What worked comes before the usual order, which begins after it.
        let known = known.and_then(|known| ways.iter().position(|way| *way == known));
        if let Some(index) = known {
            let way = ways.remove(index);
            ways.insert(0, way);
        }
        Self::among(ways, known.is_some())
    }

    const fn among(ways: Vec<Way>, proven: bool) -> Self {
        Self {
            ways,
            index: 0,
            since: None,
            proven,
            unchecked: 0,
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
        self.unchecked = 0;
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

    /// A frame has arrived whole; `is_checked` says that it has a checksum, which is right.
    pub fn frame(&mut self, is_checked: bool) {
        self.since = None;
        self.turns = 0;
        self.unchecked = self.unchecked.saturating_add(1);
        self.proven |= is_checked || self.unchecked >= UNCHECKED;
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

    fn usual(known: Option<Way>) -> Autobaud {
        Autobaud::new(&MeterConfig::default(), known)
    }

    #[test]
    fn without_bytes_nothing_changes() {
        let mut autobaud = usual(None);
        assert!(!autobaud.advance(at(1000)));
        assert_eq!(autobaud.way(), Way::new(115_200, Parity::None));
    }

    #[test]
    fn bytes_without_frames_lead_to_the_next_way_and_round_again() {
        let mut autobaud = usual(None);
        let mut now = 0;
        for expected in WAYS.into_iter().cycle().skip(1).take(10) {
            autobaud.bytes(at(now));
            assert!(!autobaud.advance(at(now + 13)));
            assert!(autobaud.advance(at(now + 14)));
            assert_eq!(autobaud.way(), expected);
            now += 20;
        }
    }

    #[test]
    fn every_way_is_there_once_and_what_meters_usually_speak_comes_first() {
        let ways = WAYS.map(|way| way.settings().to_string());
        let expected = "115200 8N1, 2400 8E1, 9600 8N1, 2400 8N1, 9600 7N1, 115200 7N1, 38400 8N1, \
                        9600 8E1";
        assert_eq!(ways.join(", ").replace(" baud,", ""), expected);
    }

    #[test]
    fn a_way_that_worked_is_kept_for_longer_remembered_and_followed_by_the_usual_order() {
        let mut autobaud = usual(None);
        autobaud.bytes(at(0));
        autobaud.advance(at(14));
        autobaud.bytes(at(16));
        autobaud.frame(true);
        let known = autobaud.proven();
        assert_eq!(known, Some(Way::new(2400, Parity::Even)));
        let mut autobaud = usual(known);
        assert_eq!(Some(autobaud.way()), known);
        autobaud.bytes(at(0));
        assert!(!autobaud.advance(at(59)) && autobaud.advance(at(60)));
        assert_eq!(autobaud.proven(), None);
        assert_eq!(autobaud.way(), WAYS[0]);
        autobaud.skip();
        assert_eq!(autobaud.way(), WAYS[2]);
    }

    #[test]
    fn without_a_checksum_it_takes_three_telegrams() {
        let mut autobaud = usual(None);
        for (second, proven) in [(0, false), (10, false), (20, true)] {
            autobaud.bytes(at(second));
            assert!(!autobaud.advance(at(second + 1)));
            autobaud.frame(false);
            assert_eq!(autobaud.proven().is_some(), proven);
        }
        // One of them says nothing of another way.
        autobaud.skip();
        autobaud.frame(false);
        assert_eq!(autobaud.proven(), None);
        autobaud.frame(true);
        assert_eq!(autobaud.proven(), Some(WAYS[1]));
    }

    #[test]
    fn what_was_remembered_before_there_were_data_bits_has_eight() {
        let way: Way = serde_json::from_str(r#"{ "baud": 2400, "parity": "even" }"#).unwrap();
        assert_eq!(way, WAYS[1]);
        let seven = WAYS[4];
        let text = serde_json::to_string(&seven).unwrap();
        assert_eq!(serde_json::from_str::<Way>(&text).unwrap(), seven);
        assert_eq!(seven.to_string(), "9600 baud, no parity, 7 data bits");
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
