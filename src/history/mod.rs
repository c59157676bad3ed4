//! What was measured and counted, in five-minute slots, hours and days: one SQLite file of its own, which may be
//! thrown away.
//!
//! The bridge hands over what it believes and shows ([`History`]); a thread of its own gathers that in slots,
//! closes them, and writes each five minutes. Nobody ever waits for it: a disk that is full, slow or damaged costs
//! history and nothing else. Who looks ([`HistoryReader`]) does so on a connection of its own.
//!
//! | file | what it holds |
//! |---|---|
//! | `slot` | which slot a moment belongs to, what becomes of the values in it |
//! | `calendar` | days of the place where the house is: 276, 288 or 300 slots |
//! | `energy` | the energy of a day, whatever the counter does |
//! | `day` | a whole day of one series |
//! | `split` | who feeds whom |
//! | `roles`, `house`, `house_book` | the house as a whole, from the roles of its devices |
//! | `series` | which values are kept |
//! | `gathering`, `closing` | from values to slots, from slots to all that follows from them |
//! | `catalog`, `tables`, `place`, `filed` | all series, the tables, the file |
//! | `keeper`, `pace`, `trouble` | the thread that writes, what makes its time pass, what troubles it |
//! | `handle`, `jobs`, `unwritten` | what feeds it, and what it leaves to the one that follows |
//! | `taken_over` | what others have kept, and what people correct |
//! | `cursors`, `records` | how far those have come who send it on, and what they want as it came |
//! | `reader` | questions that the page asks |
//! | [`import`] | files of other programs |

mod ahead;
mod calendar;
mod catalog;
mod closing;
mod config;
mod cursors;
mod day;
mod energy;
mod filed;
mod gathering;
mod handle;
mod house;
mod house_book;
pub mod import;
mod jobs;
mod keeper;
mod pace;
mod place;
mod reader;
mod records;
mod roles;
mod series;
mod slot;
mod split;
mod steps;
mod tables;
mod taken_over;
mod trouble;
mod unwritten;

use crate::sqlite::DatabaseError;

pub use calendar::Calendar;
pub use config::HistorySettings;
pub use cursors::{ChangedSlot, Cursor, Cursors, GivenUp, KeptRecord};
pub use day::{DayFlags, DayRow};
pub use energy::{Before, CounterKind, DayEnergy, energy_of_day};
pub use handle::History;
pub use reader::{
    By, DayOfSeries, EnergyOf, EnergyRow, EnergyTable, Exported, HealthChange, HealthDay,
    HealthRecord, HistoryReader, HistorySize, PeakPower, PowerCurve, PowerCurves, SeriesInfo,
    SlotOfSeries, StatisticsRow, Stretch, StretchSlot, Usual, Wanted,
};
pub use records::DeviceRecord;
pub use roles::{HouseRole, HouseRoles};
pub use series::{HOUSE, SeriesAbout, SeriesKey, SeriesKind, house_id};
pub use slot::{SLOT, SlotRow};
pub use split::{Flows, split};
pub use steps::steps;
pub use taken_over::{CorrectionError, Imported};
pub use unwritten::Departing;

/// The history cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is none: switched off, or its file could not be opened.
    #[error("there is no history; see [history] in the configuration and the log")]
    Off,
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] DatabaseError),
    /// Something else than a file has its name.
    #[error("it is {0}, and no file")]
    NoFile(&'static str),
    /// More was asked for than one answer holds.
    #[error("that is too much at once; ask for fewer days or fewer series")]
    TooMuch,
    /// The question was given up, as the program ends.
    #[error("the program is stopping")]
    Stopping,
}

impl From<rusqlite::Error> for HistoryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::File(error.into())
    }
}

#[cfg(test)]
mod tests;
