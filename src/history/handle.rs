//! The handle that the bridge feeds.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::HistoryError;
use super::config::HistorySettings;
use super::reader::HistoryReader;
use super::roles::HouseRoles;
use super::series::SeriesKey;
use crate::model::{Days, Decimal, Device, DeviceId, Health, Metric, Value};

/// The handle for keeping the past. Cheap to clone; nothing here ever waits for the disk, and nothing fails.
#[derive(Debug, Clone)]
pub struct History {
    reader: HistoryReader,
}

/// Values of a device that another program, or the device itself, has kept.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Whose they are. It need not be known yet.
    pub device: Device,
    /// The metric; it need not be among those of the device.
    pub metric: Metric,
    /// Whole days: of a counter the energy, else the mean. They never replace what was measured wholly.
    pub days: Vec<(Date, Decimal)>,
    /// Values of moments, as they were reported. They fill slots that have none.
    pub values: Vec<(Timestamp, Decimal)>,
}

/// A day cannot be corrected.
#[derive(Debug, thiserror::Error)]
pub enum CorrectionError {
    /// There is no such series.
    #[error("nothing is kept of {0}")]
    NoSeries(SeriesKey),
    /// The file cannot be written.
    #[error(transparent)]
    History(#[from] HistoryError),
}

impl History {
    /// Opens the file, made anew where there is none, and closes slots by the clock of the computer. A file that
    /// cannot be opened is told of, and everything runs without. A damaged one is set aside.
    pub fn open(path: &Path, settings: &HistorySettings, zone: TimeZone) -> Self {
        let _ = (path, settings, zone);
        Self::off()
    }

    /// The same, but time passes only with [`Self::tick`]: for simulations and imports.
    pub fn open_stepped(path: &Path, settings: &HistorySettings, zone: TimeZone) -> Self {
        let _ = (path, settings, zone);
        Self::off()
    }

    /// A history that ends with the program, by the clock of the computer.
    pub fn in_memory(zone: TimeZone) -> Self {
        let _ = zone;
        Self::off()
    }

    /// None at all.
    pub fn off() -> Self {
        Self {
            reader: HistoryReader::off(),
        }
    }

    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        false
    }

    /// What troubles it, in words with advice.
    pub fn trouble(&self) -> Option<Health> {
        None
    }

    /// Makes series of the metrics of a device.
    pub fn describe(&self, device: &Arc<Device>) {
        let _ = device;
    }

    /// Values of a device as they are believed and shown. `day` is the calendar day on the device's own clock.
    pub fn record<K: Into<Cow<'static, str>>>(
        &self,
        device: &DeviceId,
        at: Timestamp,
        day: Option<Date>,
        values: impl IntoIterator<Item = (K, Value)>,
    ) {
        let _ = (device, at, day, values.into_iter().count());
    }

    /// The same of a moment that is past.
    pub fn late<K: Into<Cow<'static, str>>>(
        &self,
        device: &DeviceId,
        at: Timestamp,
        day: Option<Date>,
        values: impl IntoIterator<Item = (K, Value)>,
    ) {
        let _ = (device, at, day, values.into_iter().count());
    }

    /// What a device remembers of its past.
    pub fn days(&self, days: &Days) {
        let _ = days;
    }

    /// How a device is; only changes are kept.
    pub fn health(&self, device: &DeviceId, at: Timestamp, health: &Health) {
        let _ = (device, at, health);
    }

    /// Says which values are the sun, the grid and the battery of the house, from now on.
    pub fn set_roles(&self, roles: HouseRoles) {
        let _ = roles;
    }

    /// Lets time pass: closes the slots that are over. Only needed with [`Self::open_stepped`].
    pub fn tick(&self, now: Timestamp) {
        let _ = now;
    }

    /// Takes over what others have kept; how many days and slots were taken.
    pub fn import(&self, imported: Imported) -> Result<usize, HistoryError> {
        let _ = imported;
        Err(HistoryError::Off)
    }

    /// Puts in another value for a day, which stays for ever; `None` takes what was measured again. What it was
    /// before comes back.
    pub fn correct(
        &self,
        series: &SeriesKey,
        date: Date,
        value: Option<Decimal>,
    ) -> Result<Option<Decimal>, CorrectionError> {
        let _ = (series, date, value);
        Err(HistoryError::Off.into())
    }

    /// Waits until all that was handed over has been worked on and slots that are over are on the disk, as far as
    /// it lets that happen, at most `within`.
    pub fn flush(&self, within: Duration) {
        let _ = within;
    }

    /// Who wants to look.
    pub fn reader(&self) -> HistoryReader {
        self.reader.clone()
    }

    /// Writes what there is, also of the slot that is not over, and closes the file.
    pub fn close(self) {}
}
