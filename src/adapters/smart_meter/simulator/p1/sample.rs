//! What a meter with a P1 port shows at a moment, beside the [`Sample`](super::super::Sample) of every meter.

use jiff::Timestamp;

use crate::simulation::year::Supply;

/// What a meter with a P1 port shows at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct P1Sample {
    /// What its clock shows; `None` if it is not set.
    pub clock: Option<Timestamp>,
    /// The tariff that counts now, 1 or 2.
    pub tariff: u8,
    /// Watt-hours taken so far in tariff 1 and in tariff 2; together they are those of the meter.
    pub energy_import: [u32; 2],
    /// Watt-hours given so far in the same way.
    pub energy_export: [u32; 2],
    /// Watts of each phase, negative for giving; together they are what the meter takes or gives.
    pub phases: [i32; 3],
    /// Hundredths of an ampere of each phase, negative for giving. Most meters leave the sign out.
    pub currents: [i32; 3],
    /// Watts taken on average in the running quarter of an hour.
    pub demand_average: u32,
    /// The quarter of an hour of this month in which most was taken.
    pub month_peak: Peak,
    /// The same of the months before, with the end of each month, oldest first.
    pub past_peaks: Vec<(Timestamp, Peak)>,
    /// The meters behind it.
    pub behind: Vec<BehindSample>,
}

/// The highest mean power of a quarter of an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peak {
    /// When that ended; `None` if nothing was taken.
    pub at: Option<Timestamp>,
    /// Watts.
    pub watts: u32,
}

/// What a meter behind a meter said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BehindSample {
    /// The channel on which it is.
    pub channel: u8,
    /// The channel whose lines in the text are written for it.
    pub lines: u8,
    /// What it counts.
    pub supply: Supply,
    /// Its number; empty if it has none.
    pub number: String,
    /// When it was read; `None` if it never was, and only a place is kept for it.
    pub captured: Option<Timestamp>,
    /// Thousandths of a cubic metre or of a gigajoule, or watt-hours.
    pub count: u64,
    /// Whether it was taken away: then its reading stays as it is.
    pub is_gone: bool,
}
