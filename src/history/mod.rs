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
//! | `roles`, `house` | the house as a whole, from the roles of its devices |
//! | `series` | which values are kept |
//! | `gathering`, `closing` | from values to slots, from slots to rows |
//! | `tables`, `keeper` | the file, and the thread that writes it |
//! | `reader` | questions that the page asks |

mod calendar;
mod config;
mod day;
mod energy;
mod handle;
mod reader;
mod roles;
mod series;
mod slot;
mod split;

pub use calendar::Calendar;
pub use config::HistorySettings;
pub use day::{DayFlags, DayRow};
pub use energy::{Before, CounterKind, DayEnergy, energy_of_day};
pub use handle::{CorrectionError, History, Imported};
pub use reader::{
    By, DayOfSeries, EnergyOf, EnergyRow, EnergyTable, Exported, HealthChange, HealthDay,
    HealthRecord, HistoryReader, HistorySize, PeakPower, PowerCurve, PowerCurves, SeriesInfo,
    SlotOfSeries, StatisticsRow, Usual,
};
pub use roles::{HouseRole, HouseRoles};
pub use series::{HOUSE, SeriesAbout, SeriesKey, SeriesKind, house_id};
pub use slot::SlotRow;
pub use split::{Flows, split};

/// The history cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is none: switched off, or its file could not be opened.
    #[error("there is no history; see [history] in the configuration and the log")]
    Off,
    /// SQLite refuses.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file was written by a newer version of this program.
    #[error("the file was written by a newer version (format {found}, this one knows {known})")]
    Newer {
        /// The format in the file.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// More was asked for than one answer holds.
    #[error("that is too much at once; ask for fewer days or fewer series")]
    TooMuch,
    /// The question was given up, as the program ends.
    #[error("the program is stopping")]
    Stopping,
}
