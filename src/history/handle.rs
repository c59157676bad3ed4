//! The handle that the bridge feeds.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::watch;

use super::HistoryError;
use super::calendar::Calendar;
use super::config::HistorySettings;
use super::cursors::Cursors;
use super::jobs::{JobQueue, KeeperJob, MOST_JOBS, NotTaken, queue};
use super::keeper::{Keeper, KeeperSignals};
use super::pace::{MADE, SlotPace};
use super::place::HistoryPlace;
use super::reader::{Desk, HistoryReader};
use super::records::{DeviceRecord, NewRecord, RecordsWanted};
use super::roles::HouseRoles;
use super::series::SeriesKey;
use super::taken_over::{CorrectionError, Imported};
use super::trouble::Trouble;
use super::unwritten::Departing;
use crate::model::{Days, Decimal, Device, DeviceId, Health, Readings, Value};
use crate::say;

/// The handle for keeping the past. Cheap to clone; nothing here ever waits for the disk, and nothing fails.
#[derive(Debug, Clone)]
pub struct History {
    /// `None` where nothing is kept.
    jobs: Option<JobQueue>,
    trouble: Trouble,
    closed: watch::Receiver<Option<i64>>,
    wanted: RecordsWanted,
    recorded: watch::Receiver<u64>,
    reader: HistoryReader,
    /// It has been told to end, and all clones of it.
    is_leaving: Arc<AtomicBool>,
}

impl History {
    /// Opens the file, made anew where there is none, and closes slots by the clock of the computer. A file that
    /// cannot be opened is told of, and everything runs without. A damaged one is set aside.
    pub fn open(path: &Path, settings: &HistorySettings, zone: TimeZone) -> Self {
        Self::open_after(path, settings, zone, None)
    }

    /// The same behind another one of the same house that is on its way out: what that could not write is taken up.
    /// Only the thread waits for it.
    pub fn open_after(
        path: &Path,
        settings: &HistorySettings,
        zone: TimeZone,
        before: Option<Departing>,
    ) -> Self {
        let place = HistoryPlace::Disk(path.to_owned());
        Self::start(place, settings, zone, SlotPace::of_computer(), before)
    }

    /// The same, but time passes only with [`Self::tick`]: for simulations and imports. Slots are written day by day,
    /// so that a year takes seconds; [`Self::flush`] from time to time keeps that from piling up.
    pub fn open_stepped(path: &Path, settings: &HistorySettings, zone: TimeZone) -> Self {
        let place = HistoryPlace::Disk(path.to_owned());
        Self::start(place, settings, zone, SlotPace::in_steps(), None)
    }

    pub(super) fn start(
        place: HistoryPlace,
        settings: &HistorySettings,
        zone: TimeZone,
        pace: SlotPace,
        before: Option<Departing>,
    ) -> Self {
        if !settings.enabled {
            return Self::off();
        }
        let calendar = Calendar::new(zone);
        let trouble = Trouble::default();
        let desk = Arc::new(Desk::at(place.clone()));
        let reader = HistoryReader::new(Arc::clone(&desk), calendar.clone());
        // Whoever makes time pass in steps waits for the disk himself.
        let most = if pace.is_clock() {
            MOST_JOBS
        } else {
            usize::MAX
        };
        let (closing, closed) = watch::channel(None);
        let (recording, recorded) = watch::channel(0);
        let signals = KeeperSignals {
            closed: closing,
            recorded: recording,
        };
        let keeper = Keeper::new(
            place,
            settings,
            calendar,
            pace,
            trouble.clone(),
            signals,
            desk,
        );
        let (jobs, inbox) = queue(most);
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || keeper.run(&inbox, before));
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
            wanted: RecordsWanted::default(),
            recorded,
            reader,
            is_leaving: Arc::default(),
        }
    }

    /// A history that ends with the program, by the clock of the computer.
    pub fn in_memory(zone: TimeZone) -> Self {
        let settings = HistorySettings::default();
        let pace = SlotPace::of_computer();
        Self::start(HistoryPlace::in_memory(), &settings, zone, pace, None)
    }

    /// None at all.
    pub fn off() -> Self {
        Self {
            jobs: None,
            trouble: Trouble::default(),
            closed: watch::channel(None).1,
            wanted: RecordsWanted::default(),
            recorded: watch::channel(0).1,
            reader: HistoryReader::off(),
            is_leaving: Arc::default(),
        }
    }

    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        self.jobs.is_some()
    }

    fn send(&self, job: KeeperJob) {
        let Some(jobs) = &self.jobs else { return };
        match jobs.put(job) {
            Ok(()) => {}
            Err(NotTaken::Full) => self.trouble.tell(
                say!("the disk of the history does not answer, so that what is measured is lost"),
                say!(
                    "Look after the disk, SD card or network share on which the history is. Counters and all that is \
                     published are not touched."
                ),
            ),
            // Handles outlive it for a moment when the configuration is loaded anew.
            Err(NotTaken::Gone) if self.is_leaving.load(Ordering::Relaxed) => {}
            Err(NotTaken::Gone) => self.trouble.tell(
                say!("the history has stopped because of a mistake in wattbridge"),
                say!("Restart wattbridge, and please report this with the log."),
            ),
        }
    }

    /// What troubles it, in words with advice.
    pub fn trouble(&self) -> Option<Health> {
        self.trouble.get()
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

    /// Keeps what the devices of an adapter say, as it comes, until this target has sent it on.
    pub fn keep_records(&self, target: &str, adapter: &'static str) {
        self.wanted.add(target, adapter);
    }

    /// What a device said, as it came and before anybody judges it; of now or of the past, each once. `received` is
    /// when it came.
    pub fn record_as_said(&self, device: &Device, readings: &Readings, received: Timestamp) {
        if !self.is_on() {
            return;
        }
        let targets = self.wanted.by(&device.adapter);
        if targets.is_empty() {
            return;
        }
        let record = DeviceRecord::of(device, readings);
        // Text and numbers can always be written.
        let body = serde_json::to_string(&record).unwrap_or_default();
        // As long as the clock is not set, that of the device knows better.
        let received = received.as_second();
        let at = if received < MADE { record.at } else { received };
        for target in targets {
            self.send(KeeperJob::Record(NewRecord {
                target,
                at,
                body: body.clone(),
            }));
        }
    }

    /// Changes whenever records have come that are kept for somebody.
    pub fn recorded(&self) -> watch::Receiver<u64> {
        self.recorded.clone()
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
                let _ = jobs.put(KeeperJob::Cursors(job));
            }
        })
    }

    /// Who wants to look.
    pub fn reader(&self) -> HistoryReader {
        self.reader.clone()
    }

    /// Writes what there is, also of the slot that is not over, and closes the file. Waits for that.
    pub fn close(self) {
        let _ = self.leave(false).wait();
    }

    /// The same without waiting: see [`Departing`]. With `goes_on` another one follows at once, so that nobody says
    /// of the devices that the program was not running.
    pub fn leave(self, goes_on: bool) -> Departing {
        self.is_leaving.store(true, Ordering::Relaxed);
        let now = Instant::now();
        if !self.is_on() {
            return Departing::new(None, now);
        }
        let (answer, wait) = mpsc::channel();
        self.send(KeeperJob::Close { goes_on, answer });
        Departing::new(Some(wait), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::jobs::{JobInbox, queue};

    /// A handle whose jobs nobody works on.
    fn idle(most: usize) -> (History, JobInbox) {
        let (jobs, inbox) = queue(most);
        let history = History {
            jobs: Some(jobs),
            ..History::off()
        };
        (history, inbox)
    }

    fn says(history: &History) {
        let id = DeviceId::new("test", "roof");
        let value = Decimal::integer(5).into();
        history.record(&id, Timestamp::UNIX_EPOCH, None, [("power", value)]);
    }

    #[test]
    fn a_disk_that_hangs_takes_no_memory_without_end() {
        let (history, inbox) = idle(100);
        for _ in 0..100 {
            says(&history);
        }
        assert_eq!(history.trouble(), None);
        for _ in 0..1000 {
            says(&history);
        }
        let trouble = history.trouble().unwrap();
        assert!(trouble.advice.contains("network share"), "{trouble:?}");
        // What all the rest stands on still gets through, and news as well as soon as there is room.
        history.set_roles(HouseRoles::default());
        assert_eq!(std::iter::from_fn(|| inbox.at_hand()).count(), 101);
        says(&history);
        assert_eq!(std::iter::from_fn(|| inbox.at_hand()).count(), 1);
    }

    #[test]
    fn a_thread_that_is_gone_is_told_unless_it_was_told_to_go() {
        let (history, inbox) = idle(100);
        drop(inbox);
        says(&history);
        let trouble = history.trouble().unwrap();
        assert!(trouble.detail.contains("stopped"), "{trouble:?}");
        let (history, inbox) = idle(100);
        let other = history.clone();
        let _departing = history.leave(true);
        drop(inbox);
        says(&other);
        assert_eq!(other.trouble(), None);
    }
}
