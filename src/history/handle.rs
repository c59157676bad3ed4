//! The handle that the bridge feeds.

use std::borrow::Cow;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::watch;

use super::HistoryError;
use super::calendar::Calendar;
use super::config::HistorySettings;
use super::cursors::Cursors;
use super::keeper::{Keeper, KeeperJob, SlotPace, Trouble};
use super::place::HistoryPlace;
use super::reader::{Desk, HistoryReader};
use super::roles::HouseRoles;
use super::series::SeriesKey;
use super::taken_over::{CorrectionError, Imported};
use crate::model::{Days, Decimal, Device, DeviceId, Health, Value};

/// The handle for keeping the past. Cheap to clone; nothing here ever waits for the disk, and nothing fails.
#[derive(Debug, Clone)]
pub struct History {
    /// `None` where nothing is kept.
    jobs: Option<mpsc::Sender<KeeperJob>>,
    trouble: Trouble,
    closed: watch::Receiver<Option<i64>>,
    reader: HistoryReader,
}

/// The longest that the end of the program waits for the disk.
const GOODBYE: Duration = Duration::from_secs(5);

impl History {
    /// Opens the file, made anew where there is none, and closes slots by the clock of the computer. A file that
    /// cannot be opened is told of, and everything runs without. A damaged one is set aside.
    pub fn open(path: &Path, settings: &HistorySettings, zone: TimeZone) -> Self {
        Self::start(
            HistoryPlace::Disk(path.to_owned()),
            settings,
            zone,
            SlotPace::Clock,
        )
    }

    /// The same, but time passes only with [`Self::tick`]: for simulations and imports. Slots are written day by day,
    /// so that a year takes seconds; [`Self::flush`] from time to time keeps that from piling up.
    pub fn open_stepped(path: &Path, settings: &HistorySettings, zone: TimeZone) -> Self {
        Self::start(
            HistoryPlace::Disk(path.to_owned()),
            settings,
            zone,
            SlotPace::Steps,
        )
    }

    fn start(
        place: HistoryPlace,
        settings: &HistorySettings,
        zone: TimeZone,
        pace: SlotPace,
    ) -> Self {
        if !settings.enabled {
            return Self::off();
        }
        let calendar = Calendar::new(zone);
        let trouble = Trouble::default();
        let desk = Arc::new(Desk::at(place.clone()));
        let reader = HistoryReader::new(Arc::clone(&desk), calendar.clone());
        let (closing, closed) = watch::channel(None);
        let keeper = Keeper::new(
            place,
            settings,
            calendar,
            pace,
            Arc::clone(&trouble),
            closing,
            desk,
        );
        let (jobs, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || keeper.run(&inbox));
        if let Err(error) = thread {
            tracing::warn!(
                "The history cannot run ({error}); nothing is kept of the past. Free some memory and restart."
            );
            return Self::off();
        }
        Self {
            jobs: Some(jobs),
            trouble,
            closed,
            reader,
        }
    }

    /// A history that ends with the program, by the clock of the computer.
    pub fn in_memory(zone: TimeZone) -> Self {
        let settings = HistorySettings::default();
        Self::start(HistoryPlace::in_memory(), &settings, zone, SlotPace::Clock)
    }

    /// None at all.
    pub fn off() -> Self {
        Self {
            jobs: None,
            trouble: Trouble::default(),
            closed: watch::channel(None).1,
            reader: HistoryReader::off(),
        }
    }

    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        self.jobs.is_some()
    }

    fn send(&self, job: KeeperJob) {
        if let Some(jobs) = &self.jobs {
            // The thread is gone only when the program is ending.
            let _ = jobs.send(job);
        }
    }

    /// What troubles it, in words with advice.
    pub fn trouble(&self) -> Option<Health> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes series of the metrics of a device.
    pub fn describe(&self, device: &Arc<Device>) {
        self.send(KeeperJob::Describe(Arc::clone(device)));
    }

    /// Values of a device as they are believed and shown. `day` is the calendar day on the device's own clock.
    pub fn record<K: Into<Cow<'static, str>>>(
        &self,
        device: &DeviceId,
        at: Timestamp,
        day: Option<Date>,
        values: impl IntoIterator<Item = (K, Value)>,
    ) {
        self.send_values(device, at, day, values, false);
    }

    /// The same of a moment that is past.
    pub fn late<K: Into<Cow<'static, str>>>(
        &self,
        device: &DeviceId,
        at: Timestamp,
        day: Option<Date>,
        values: impl IntoIterator<Item = (K, Value)>,
    ) {
        self.send_values(device, at, day, values, true);
    }

    fn send_values<K: Into<Cow<'static, str>>>(
        &self,
        device: &DeviceId,
        at: Timestamp,
        day: Option<Date>,
        values: impl IntoIterator<Item = (K, Value)>,
        is_late: bool,
    ) {
        if self.is_on() {
            let values = values.into_iter();
            let values = values.filter(|(_, value)| value.is_known());
            self.send(KeeperJob::Values {
                device: device.clone(),
                at,
                day,
                values: values.map(|(key, value)| (key.into(), value)).collect(),
                is_late,
            });
        }
    }

    /// What a device remembers of its past.
    pub fn days(&self, days: &Days) {
        if self.is_on() {
            self.send(KeeperJob::Days(days.clone()));
        }
    }

    /// How a device is; only changes are kept.
    pub fn health(&self, device: &DeviceId, at: Timestamp, health: &Health) {
        if self.is_on() {
            self.send(KeeperJob::Health(device.clone(), at, health.clone()));
        }
    }

    /// Says which values are the sun, the grid and the battery of the house, from now on.
    pub fn set_roles(&self, roles: HouseRoles) {
        self.send(KeeperJob::Roles(roles));
    }

    /// Lets time pass: closes the slots that are over. Only needed with [`Self::open_stepped`].
    pub fn tick(&self, now: Timestamp) {
        self.send(KeeperJob::Tick(now));
    }

    /// Takes over what others have kept; how many days and slots were taken.
    pub fn import(&self, imported: Imported) -> Result<usize, HistoryError> {
        let (answer, wait) = mpsc::channel();
        self.send(KeeperJob::Import(Box::new(imported), answer));
        wait.recv().unwrap_or(Err(HistoryError::Off))
    }

    /// Puts in another value for a day, which stays for ever; `None` takes what was measured again. What it was
    /// before comes back.
    pub fn correct(
        &self,
        series: &SeriesKey,
        date: Date,
        value: Option<Decimal>,
    ) -> Result<Option<Decimal>, CorrectionError> {
        let (answer, wait) = mpsc::channel();
        self.send(KeeperJob::Correct {
            series: series.clone(),
            date,
            value,
            answer,
        });
        wait.recv().unwrap_or(Err(HistoryError::Off.into()))
    }

    /// Waits until all that was handed over has been worked on and slots that are over are on the disk, as far as
    /// it lets that happen, at most `within`.
    pub fn flush(&self, within: Duration) {
        let (answer, wait) = mpsc::channel();
        self.send(KeeperJob::Flush(answer));
        let _ = wait.recv_timeout(within);
    }

    /// The end of the last slot of which everything is on the disk that was to be awaited, in seconds since 1970;
    /// `None` as long as none was closed. What comes for such a slot later is late.
    pub fn closed(&self) -> watch::Receiver<Option<i64>> {
        self.closed.clone()
    }

    /// What those keep here who send the history on.
    pub fn cursors(&self) -> Cursors {
        let jobs = self.jobs.clone();
        Cursors::new(move |job| {
            if let Some(jobs) = &jobs {
                let _ = jobs.send(KeeperJob::Cursors(job));
            }
        })
    }

    /// Who wants to look.
    pub fn reader(&self) -> HistoryReader {
        self.reader.clone()
    }

    /// Writes what there is, also of the slot that is not over, and closes the file.
    pub fn close(self) {
        let (answer, wait) = mpsc::channel();
        self.send(KeeperJob::Close(answer));
        let _ = wait.recv_timeout(GOODBYE);
    }
}
