//! What tells one meter with a P1 port from another.

use crate::simulation::year::Supply;

/// A kind of meter with a P1 port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct P1Profile {
    /// A telegram up to its `!`, with zeros where numbers go, as many as the meter writes. Words in braces:
    ///
    /// | Word | Stands for |
    /// |---|---|
    /// | `{clock}`, `{date}`, `{time}` | the clock, whole or in two parts |
    /// | `{hex}`, `{plain}` | the number of the meter, with two digits for each character or as it is |
    /// | `{captured}` | when a meter behind it was read |
    /// | `{peak_time}` | when the power of this month was highest |
    /// | `{peaks}`, `{newest_peaks}` | the months before, the oldest or the newest first |
    pub text: &'static str,
    /// How the port is set.
    pub port: &'static str,
    /// Seconds from one telegram to the next.
    pub pace: u64,
    /// How its telegrams end.
    pub checksum: Checksum,
    /// How it writes times.
    pub season: Season,
    /// What it writes for a time that there is not.
    pub no_time: &'static str,
    /// The number of the tariff by day; the other one of 1 and 2 is that of the night.
    pub day_tariff: u8,
    /// Whether its tag is made with the authentication key that all meters of its country share.
    pub shares_authentication: bool,
    /// Whether it leaves the system title out, so that nobody can read its telegrams.
    pub hides_title: bool,
    /// The meters behind it.
    pub behind: &'static [BehindMeter],
}

/// How a telegram ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// Without a checksum.
    None,
    /// With a CRC-16/ARC of four digits.
    Arc,
    /// With the same, less its leading zeros.
    Short,
    /// With a CRC-16/X.25.
    X25,
    /// With four zeros, whatever it says.
    Zeros,
}

/// How a clock writes the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Season {
    /// Civil time, with the letter S in summer and W in winter.
    Letter,
    /// Standard time all year, with the letter W.
    Standard,
    /// Civil time, without a letter.
    Silent,
}

/// A meter behind a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BehindMeter {
    /// Its channel, which is that of its lines in the text.
    pub channel: u8,
    /// What it counts.
    pub supply: Supply,
    /// Its number; invented. Empty if it has none.
    pub number: &'static str,
    /// Seconds from one reading to the next.
    pub every: i64,
    /// Seconds by which its readings are late.
    pub late: i64,
    /// How its times are written.
    pub season: Season,
    /// What it has counted at the start, in its smallest unit.
    pub begin: u64,
}

/// The authentication key that all meters of Luxembourg share.
pub const SHARED_AUTHENTICATION: [u8; 16] = [
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
];
