//! What the history answers.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::history::day::{DayFlags, DayRow};
use crate::history::series::{SeriesAbout, SeriesKey};
use crate::history::slot::SlotRow;
use crate::model::{DeviceId, HealthCode, Sentence};

/// A series that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesInfo {
    /// Which.
    pub series: SeriesKey,
    /// What it is.
    pub about: SeriesAbout,
}

/// Several series over the same time, slot by slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerCurves {
    /// The start of the first slot.
    pub start: Timestamp,
    /// The length of a slot in seconds: 300 or 3600.
    pub step: i64,
    /// The series in the order in which they were asked for. One that is not kept has no values.
    pub series: Vec<PowerCurve>,
}

/// The values of one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerCurve {
    /// Which.
    pub series: SeriesKey,
    /// Values are integers; the value is `v / 10^scale`.
    pub scale: u8,
    /// The mean of each slot; of a counter its last value.
    pub values: Vec<Option<i64>>,
}

/// What is usual for each slot of a day, from the days before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usual {
    /// The start of the first slot.
    pub start: Timestamp,
    /// The length of a slot in seconds: 300.
    pub step: i64,
    /// Values are integers; the value is `v / 10^scale`.
    pub scale: u8,
    /// Below this are 20 % of the days.
    pub low: Vec<Option<i64>>,
    /// The mean.
    pub mean: Vec<Option<i64>>,
    /// Above this are 20 % of the days.
    pub high: Vec<Option<i64>>,
}

/// By what energies are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Days.
    Day,
    /// Months.
    Month,
    /// Years.
    Year,
}

/// Whose energies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnergyOf {
    /// Those of the house: sun, house, import, export, charged, discharged and who fed whom.
    Total,
    /// Those of each device, by its counters.
    Device,
    /// Those of each panel, by its counter or else its power.
    Panel,
}

/// Energies of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnergyTable {
    /// By what they are summed up.
    pub by: By,
    /// The days, or the first day of each month or year.
    pub dates: Vec<Date>,
    /// One row for each that has any.
    pub rows: Vec<EnergyRow>,
}

/// The energies of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnergyRow {
    /// The device, or [`HOUSE`](crate::history::HOUSE), and the key of the value.
    pub series: SeriesKey,
    /// What a person calls the value; of a panel the same.
    pub name: String,
    /// What a person calls the device.
    pub device_name: String,
    /// Watt-hours by date; `None` where nothing is known.
    pub wh: Vec<Option<i64>>,
    /// What is special about each of them.
    pub flags: Vec<DayFlags>,
}

/// Sums of a chosen period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatisticsRow {
    /// Whose rows they are.
    pub of: EnergyOf,
    /// The device, or the house, and the key of the value.
    pub series: SeriesKey,
    /// What a person calls the value.
    pub name: String,
    /// What a person calls the device.
    pub device_name: String,
    /// Watt-hours of the whole period.
    pub sum_wh: i64,
    /// The mean of the days that are known.
    pub mean_day_wh: i64,
    /// The day with the most.
    pub best: Option<(Date, i64)>,
    /// The day with the least.
    pub worst: Option<(Date, i64)>,
    /// The greatest power of a moment.
    pub peak: Option<PeakPower>,
    /// Days of which values are missing, wholly or in part.
    pub gap_days: Vec<Date>,
    /// How many days are known.
    pub days: usize,
    /// Each known day, for who has prices.
    pub by_day: Vec<(Date, i64)>,
}

/// The greatest power of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeakPower {
    /// In watts.
    pub watts: i64,
    /// The end of the five minutes in which it was.
    pub at: Timestamp,
}

/// How a device was.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthRecord {
    /// All changes, newest first.
    pub changes: Vec<HealthChange>,
    /// Each day, the oldest first.
    pub days: Vec<HealthDay>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthChange {
    /// When.
    pub at: Timestamp,
    /// How it was from then on; `None` while wattbridge was not running.
    pub code: Option<HealthCode>,
    /// What was seen.
    pub detail: Sentence,
    /// What the user could do.
    pub advice: Sentence,
}

/// Hours of one day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HealthDay {
    /// The day.
    pub date: Date,
    /// Values arrived.
    pub online: f64,
    /// It rested as it should.
    pub asleep: f64,
    /// Somebody should have looked after it.
    pub trouble: f64,
    /// Nobody knows: wattbridge was not running, or had just started, or the device was switched off.
    pub unknown: f64,
}

/// One slot of one series, for export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotOfSeries {
    /// Which series: its index among those that the answer names.
    pub series: usize,
    /// The end of the slot.
    pub end: Timestamp,
    /// The value and its bounds, in the smallest decimal of the series.
    pub row: SlotRow,
}

/// Says of a series whether it is wanted.
pub type SeriesFilter = Box<dyn Fn(&SeriesKey, &SeriesAbout) -> bool + Send + Sync>;

/// Which values, for those who send the history on.
pub struct Wanted {
    /// Whether a series is.
    pub series: SeriesFilter,
    /// Devices of which the energy of the day so far is wanted, or one counter of them.
    pub energies: Vec<(DeviceId, Option<String>)>,
    /// Whether states and texts are.
    pub words: bool,
}

/// What is kept of a stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretch {
    /// The series of the rows.
    pub series: Vec<SeriesInfo>,
    /// The slots that have anything, in the order of time.
    pub slots: Vec<StretchSlot>,
    /// Up to here it tells everything, in seconds since 1970.
    pub through: i64,
}

/// One slot of all that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StretchSlot {
    /// Its end, in seconds since 1970.
    pub end: i64,
    /// Which series, as its place in the list, and its value in the smallest decimal of the series.
    pub rows: Vec<(usize, SlotRow)>,
    /// The energy of the day so far in Wh, for each that was wanted.
    pub energies: Vec<Option<i64>>,
    /// States and texts of the devices that said something.
    pub words: Vec<(SeriesKey, String)>,
}

/// One day of one series, for export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOfSeries {
    /// Which series: its index among those that the answer names.
    pub series: usize,
    /// The day.
    pub date: Date,
    /// What is kept of it, in the smallest decimal of the series.
    pub row: DayRow,
}

/// Rows for export, and the series that they are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported<T> {
    /// The series.
    pub series: Vec<SeriesInfo>,
    /// The rows in the order of time.
    pub rows: Vec<T>,
}

/// How large the history is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistorySize {
    /// The size of the file.
    pub bytes: u64,
    /// How many series there are.
    pub series: usize,
    /// The end of the oldest slot that is kept.
    pub oldest_slot: Option<Timestamp>,
    /// The end of the newest one.
    pub newest_slot: Option<Timestamp>,
    /// The oldest day.
    pub oldest_day: Option<Date>,
}
