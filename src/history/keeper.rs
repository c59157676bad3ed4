//! The thread that gathers values, closes slots and writes the file.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Connection;
use tokio::sync::watch;

use super::HistoryError;
use super::calendar::Calendar;
use super::catalog::Catalog;
use super::closing::{Batch, Ledger, RememberedDay};
use super::config::HistorySettings;
use super::cursors::CursorJob;
use super::filed::HistoryFile;
use super::gathering::{Gathering, LONG_PATIENCE, PATIENCE};
use super::place::HistoryPlace;
use super::reader::Desk;
use super::roles::HouseRoles;
use super::series::{SeriesAbout, SeriesKey, SeriesKind};
use super::slot::{SLOT, moment, slot_end};
use super::tables;
use super::taken_over::{CorrectionError, Imported};
use crate::model::{Days, Decimal, Device, DeviceId, Health, HealthCode, Value};
use crate::say;
use crate::sqlite::{DatabaseError, fold_in, is_damage};

/// How often the file may be somebody else's before that is told.
const PATIENT: u8 = 5;
/// No clock that is right shows less: this program was made later.
const MADE: i64 = 1_767_225_600; // 2026-01-01
/// The clock may be set back by so much without being wrong.
const SET_BACK: i64 = 3600;
/// What is measured so far in the future was measured by a clock that is wrong.
const AHEAD: i64 = 3600;
/// Slots that are kept in memory while the disk takes nothing: a week.
const MOST_SLOTS: usize = 2000;
/// The same for changes of health and states.
const MOST_EVENTS: usize = 2000;
/// How long changes of states are kept, in seconds.
const KEEP_EVENTS: i64 = 90 * 86_400;
/// How long changes of health are kept.
const KEEP_HEALTH: i64 = 400 * 86_400;
/// How much is written in one go where time passes in steps.
const STEP: i64 = 86_400;
/// More of the same trouble of a device is kept at most so often, in seconds.
const SAME_HEALTH: i64 = 600;
/// Jobs that are taken before it is looked whether a slot is over.
const JOBS: usize = 4096;
/// The longest wait, as the clock on the wall may be set meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What the handle sends.
pub enum KeeperJob {
    Describe(Arc<Device>),
    Values {
        device: DeviceId,
        at: Timestamp,
        day: Option<Date>,
        values: Vec<(Cow<'static, str>, Value)>,
        is_late: bool,
    },
    Days(Days),
    Health(DeviceId, Timestamp, Health),
    Roles(HouseRoles),
    Tick(Timestamp),
    Import(Box<Imported>, mpsc::Sender<Result<usize, HistoryError>>),
    Correct {
        series: SeriesKey,
        date: Date,
        value: Option<Decimal>,
        answer: mpsc::Sender<Result<Option<Decimal>, CorrectionError>>,
    },
    /// Writes or reads what those keep here who send the history on.
    Cursors(CursorJob),
    Flush(mpsc::Sender<()>),
    Close(mpsc::Sender<()>),
}

/// What makes time pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotPace {
    /// The clock of the computer.
    Clock,
    /// Whoever says so.
    Steps,
}

/// What troubles the history, for whoever asks.
pub type Trouble = Arc<Mutex<Option<Health>>>;

/// All that the thread has.
pub struct Keeper {
    place: HistoryPlace,
    pace: SlotPace,
    keep_days: i64,
    file: Option<HistoryFile>,
    /// It is of a later version, and left alone.
    is_foreign: bool,
    /// How often it was somebody else's just now.
    busy: u8,
    ledger: Ledger,
    gathering: Gathering,
    remembered: Vec<RememberedDay>,
    health: Vec<(DeviceId, Timestamp, Health)>,
    events: Vec<(SeriesKey, Timestamp, String)>,
    last_health: HashMap<DeviceId, (Timestamp, Health)>,
    /// Devices whose values come up to a round late.
    slow: HashSet<DeviceId>,
    roles_are_new: bool,
    /// Where time passes in steps: how far.
    stepped: i64,
    /// The end of the newest slot in the file.
    newest: Option<i64>,
    /// When slots were closed last.
    closed_at: i64,
    cleared_until: i64,
    trouble: Trouble,
    /// The end of the last slot of which all is on the disk that is awaited.
    closed: watch::Sender<Option<i64>>,
    desk: Arc<Desk>,
    /// Who waits for the end.
    closing: Option<mpsc::Sender<()>>,
}

impl Keeper {
    pub fn new(
        place: HistoryPlace,
        settings: &HistorySettings,
        calendar: Calendar,
        pace: SlotPace,
        trouble: Trouble,
        closed: watch::Sender<Option<i64>>,
        desk: Arc<Desk>,
    ) -> Self {
        let days = settings.keep_slots.get().as_secs().div_ceil(86_400);
        Self {
            place,
            pace,
            keep_days: i64::try_from(days).unwrap_or(i64::MAX),
            file: None,
            is_foreign: false,
            busy: 0,
            ledger: Ledger::new(Catalog::new(&settings.also), calendar),
            gathering: Gathering::default(),
            remembered: Vec::new(),
            health: Vec::new(),
            events: Vec::new(),
            last_health: HashMap::new(),
            slow: HashSet::new(),
            roles_are_new: false,
            stepped: 0,
            newest: None,
            closed_at: 0,
            cleared_until: 0,
            trouble,
            closed,
            desk,
            closing: None,
        }
    }

    /// Works until nobody holds a handle any more.
    pub fn run(mut self, inbox: &mpsc::Receiver<KeeperJob>) {
        self.open_at_start();
        loop {
            let job = match self.pace {
                SlotPace::Clock => inbox.recv_timeout(self.wait()),
                SlotPace::Steps => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match job {
                Ok(job) => self.take(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            for job in inbox.try_iter().take(JOBS) {
                self.take(job);
            }
            if let Some(answer) = self.closing.take() {
                // Whoever still holds a handle must not open the file again, which may be another one's by then.
                self.finish();
                let _ = answer.send(());
                return;
            }
            if self.is_due() {
                self.close_slots();
            }
        }
        self.finish();
    }

    /// The moment, in seconds.
    fn now(&self) -> i64 {
        match self.pace {
            SlotPace::Clock => Timestamp::now().as_second(),
            SlotPace::Steps => self.stepped,
        }
    }

    /// How long until the next slot is to be closed.
    fn wait(&self) -> Duration {
        let into = (self.now() - PATIENCE).rem_euclid(SLOT);
        let left = u64::try_from(SLOT - into).unwrap_or(1);
        Duration::from_secs(left).min(LONGEST_WAIT)
    }

    fn is_due(&self) -> bool {
        let length = match self.pace {
            SlotPace::Clock => SLOT,
            SlotPace::Steps => STEP,
        };
        let turn = |now: i64| (now - PATIENCE).div_euclid(length);
        turn(self.now()) != turn(self.closed_at)
    }

    fn take(&mut self, job: KeeperJob) {
        match job {
            KeeperJob::Describe(device) => self.ledger.catalog.describe(&device),
            KeeperJob::Values {
                device,
                at,
                day,
                values,
                is_late,
            } => self.take_values(&device, at, day, values, is_late),
            KeeperJob::Days(days) => self.take_days(&days),
            KeeperJob::Health(device, at, health) => self.take_health(device, at, health),
            KeeperJob::Roles(roles) => {
                self.ledger.house.roles = roles;
                self.roles_are_new = true;
            }
            KeeperJob::Tick(now) => {
                self.stepped = self.stepped.max(now.as_second());
                if self.is_due() {
                    self.close_slots();
                }
            }
            KeeperJob::Import(imported, answer) => {
                let _ = answer.send(self.import(&imported));
            }
            KeeperJob::Correct {
                series,
                date,
                value,
                answer,
            } => {
                let _ = answer.send(self.correct(&series, date, value));
            }
            KeeperJob::Cursors(job) => {
                let opened = self.open_if_needed();
                job(opened.and_then(|()| match &mut self.file {
                    Some(file) => Ok(&mut file.connection),
                    None => Err(HistoryError::Off),
                }));
            }
            KeeperJob::Flush(answer) => {
                self.close_slots();
                let _ = answer.send(());
            }
            KeeperJob::Close(answer) => self.closing = Some(answer),
        }
    }

    fn take_values(
        &mut self,
        device: &DeviceId,
        at: Timestamp,
        day: Option<Date>,
        values: Vec<(Cow<'static, str>, Value)>,
        is_late: bool,
    ) {
        let (now, end) = (self.now(), slot_end(at));
        if self.pace == SlotPace::Clock && (end > now + AHEAD || (!is_late && end < MADE)) {
            tracing::debug!("the history has no place for values of {device} of {at}");
            return;
        }
        if end <= self.cleared_until {
            return;
        }
        // An ECU tells what it knew a round ago.
        let lag = now - end;
        if !is_late && (PATIENCE - 10..=LONG_PATIENCE).contains(&lag) {
            self.slow.insert(device.clone());
        }
        // What a device still counts to yesterday on its own clock is not of today.
        let is_of_yesterday = day
            .is_some_and(|day| day.tomorrow().ok() == Some(self.ledger.calendar.day_of_slot(end)));
        for (key, value) in values {
            let word = match &value {
                Value::Text(word) => Some(word.as_ref()),
                Value::OnOff(on) => Some(if *on { "ON" } else { "OFF" }),
                Value::Unknown | Value::Number(_) | Value::Timestamp(_) => None,
            };
            if let Some(word) = word.filter(|_| !is_late)
                && self.ledger.catalog.is_news(device, &key, word)
                && self.events.len() < MOST_EVENTS
            {
                let series = SeriesKey::new(device, key.as_ref());
                self.events.push((series, at, word.to_owned()));
            }
            let Some(place) = self.ledger.catalog.place(device, &key) else {
                continue;
            };
            let Some(series) = self.ledger.catalog.get(place) else {
                continue;
            };
            if is_of_yesterday && series.about.kind == SeriesKind::Daily {
                continue;
            }
            if let Some(value) = series.about.scaled(&value) {
                self.gathering.add(place, at, value, now);
            }
        }
    }

    fn take_days(&mut self, days: &Days) {
        let today = self.ledger.calendar.day_of(moment(self.now()));
        for (date, values) in days.days.iter().filter(|(date, _)| **date < today) {
            for reading in values {
                let place = self.ledger.catalog.place(&days.device, &reading.key);
                let series = place.and_then(|place| self.ledger.catalog.get(place));
                // A lifetime counter says nothing of the day alone.
                let series = series.filter(|series| series.about.kind != SeriesKind::Lifetime);
                let value = series.and_then(|series| series.about.scaled(&reading.value));
                if let (Some(series), Some(value)) = (place, value) {
                    let date = *date;
                    self.remembered.push(RememberedDay {
                        series,
                        date,
                        value,
                    });
                }
            }
        }
    }

    fn take_health(&mut self, device: DeviceId, at: Timestamp, health: Health) {
        if let Some((then, last)) = self.last_health.get(&device) {
            let is_recent = at.as_second() - then.as_second() < SAME_HEALTH;
            if *last == health || (last.code == health.code && is_recent) {
                return;
            }
        }
        if self.health.len() < MOST_EVENTS {
            self.health.push((device.clone(), at, health.clone()));
        }
        self.last_health.insert(device, (at, health));
    }

    /// Closes the slots that are over, and writes all that is new.
    fn close_slots(&mut self) {
        let now = self.now();
        self.closed_at = now;
        if self.pace == SlotPace::Clock && !self.clock_is_set(now) {
            self.gathering.forget(now, MOST_SLOTS);
            return;
        }
        if let Err(error) = self.write(now) {
            self.fail(&error);
        } else if self.file.is_some() {
            self.busy = 0;
            self.recover();
        }
        let lost = self.gathering.forget(now, MOST_SLOTS);
        if lost > 0 {
            tracing::debug!("{lost} slots of the history are lost, as they could not be written");
        }
    }

    /// A clock that is not set would close slots of days that never were.
    fn clock_is_set(&self, now: i64) -> bool {
        if is_set(now, self.newest) {
            return true;
        }
        let health = Health::new(HealthCode::Degraded)
            .seen(say!(
                "the clock is not set, so that nothing is kept of what is measured"
            ))
            .advise(say!(
                "Connect the computer to the internet or set its clock."
            ));
        self.tell(health);
        false
    }

    /// Says what is wrong, once.
    fn tell(&self, health: Health) {
        let mut trouble = lock(&self.trouble);
        if trouble
            .as_ref()
            .is_none_or(|before| before.code != health.code || before.advice != health.advice)
        {
            tracing::warn!("History: {}. {}", health.detail, health.advice);
        }
        *trouble = Some(health);
    }

    fn fail(&mut self, error: &HistoryError) {
        self.ledger.take_back();
        if matches!(error, HistoryError::File(error) if error.is_busy()) && self.busy < PATIENT {
            // An import or a correction takes its time; what is new waits in memory.
            self.busy += 1;
            tracing::debug!("the history {} is in use: {error}", self.place);
            return;
        }
        let advice = match error {
            HistoryError::File(DatabaseError::Newer { .. }) => {
                self.is_foreign = true;
                say!("Run the newer version again, or name another file as path in [history].")
            }
            _ => {
                say!(
                    "Make some space on the disk or check the rights of the folder. A week is kept in memory meanwhile; \
                     counters and all that is published are not touched."
                )
            }
        };
        let place = self.place.to_string();
        let error = error.to_string();
        let detail = say!("the history {place} takes nothing ({error})", place, error);
        self.tell(
            Health::new(HealthCode::Degraded)
                .seen(detail)
                .advise(advice),
        );
    }

    fn recover(&self) {
        if lock(&self.trouble).take().is_some() {
            tracing::info!("The history {} takes values.", self.place);
        }
    }

    fn batch(&mut self, now: i64) -> Batch {
        let (catalog, slow) = (&self.ledger.catalog, &self.slow);
        let is_slow = |place: usize| {
            let series = catalog.get(place);
            series.is_some_and(|series| slow.contains(&series.key.device))
        };
        Batch {
            closed: self.gathering.closed(now, is_slow),
            remembered: std::mem::take(&mut self.remembered),
            health: std::mem::take(&mut self.health),
            events: std::mem::take(&mut self.events),
        }
    }

    fn write(&mut self, now: i64) -> Result<(), HistoryError> {
        if self.is_foreign {
            self.gathering = Gathering::default();
            return Ok(());
        }
        match self.write_once(now) {
            Err(HistoryError::File(error)) if is_damage(&error) => {
                self.begin_anew(&format!("is damaged ({error})"));
                self.write_once(now)
            }
            other => other,
        }
    }

    fn write_once(&mut self, now: i64) -> Result<(), HistoryError> {
        // Another file gets all that is still known, so this comes first.
        self.open_if_needed()?;
        let batch = self.batch(now);
        let written = self.write_batch(now, &batch);
        if written.is_err() {
            // To be tried again; slots stay where they are anyway.
            self.remembered = batch.remembered;
            self.health = batch.health;
            self.events = batch.events;
        }
        written
    }

    fn write_batch(&mut self, now: i64, batch: &Batch) -> Result<(), HistoryError> {
        let over = now - PATIENCE;
        let is_slow = self
            .ledger
            .house
            .roles
            .members
            .iter()
            .any(|role| self.slow.contains(&role.device));
        let all_over = now
            - if self.slow.is_empty() {
                PATIENCE
            } else {
                LONG_PATIENCE
            };
        let house_end = now - if is_slow { LONG_PATIENCE } else { PATIENCE };
        let until = self.ledger.kept_until(moment(now), self.keep_days);
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let transaction = file.connection.transaction().map_err(DatabaseError::from)?;
        if std::mem::take(&mut self.roles_are_new) {
            let days = self.ledger.house.days_without_house(&transaction);
            for day in days.map_err(DatabaseError::from)? {
                self.ledger.house.doubt_day(day);
            }
        }
        let alone = self
            .ledger
            .write(&transaction, batch, over, house_end)
            .map_err(DatabaseError::from)?;
        // After each midnight, and as long as there is more to do.
        if until > self.cleared_until {
            tables::clear(&transaction, until, now - KEEP_EVENTS, now - KEEP_HEALTH)
                .map_err(DatabaseError::from)?;
        }
        let (oldest, newest) = tables::slot_limits(&transaction).map_err(DatabaseError::from)?;
        transaction.commit().map_err(DatabaseError::from)?;
        file.was_written();
        self.ledger.confirm(over);
        self.gathering.written(&batch.closed, &alone);
        self.newest = newest;
        self.closed
            .send_replace(Some(all_over.div_euclid(SLOT) * SLOT));
        if oldest.is_none_or(|oldest| oldest > until) {
            self.cleared_until = until;
        }
        Ok(())
    }

    fn open_at_start(&mut self) {
        let opened = match self.try_open() {
            Err(HistoryError::File(error)) if is_damage(&error) => {
                self.begin_anew(&format!("is damaged ({error})"));
                self.try_open()
            }
            other => other,
        };
        if let Err(error) = opened {
            self.fail(&error);
        }
    }

    fn open_if_needed(&mut self) -> Result<(), HistoryError> {
        if let Some(file) = &mut self.file {
            if file.is_gone() {
                tracing::warn!(
                    "The history {} was taken away; it is begun anew.",
                    self.place
                );
                self.file = None;
                self.forget_file();
            } else if file.was_changed()? {
                // What we know of the days may be wrong by now.
                self.ledger.catalog.forget_days();
            }
        }
        if self.file.is_none() {
            self.try_open()?;
        }
        Ok(())
    }

    fn try_open(&mut self) -> Result<(), HistoryError> {
        let file = HistoryFile::open(&self.place)?;
        self.learn(&file.connection).map_err(DatabaseError::from)?;
        self.file = Some(file);
        self.desk.reopen();
        Ok(())
    }

    /// Takes up what the file has.
    fn learn(&mut self, file: &Connection) -> rusqlite::Result<()> {
        self.ledger.catalog.fill(tables::load_series(file)?);
        let (_, newest) = tables::slot_limits(file)?;
        self.newest = newest;
        if let Some(newest) = newest {
            self.ledger.doubt_hour(newest);
            // Nobody knows more exactly when a program was killed.
            if self.pace == SlotPace::Clock {
                tables::note_off(file, newest * 1000)?;
            }
        }
        for (end, id, values) in tables::take_unfinished(file)? {
            if let Some(place) = self.ledger.catalog.of_id(id) {
                self.gathering.resume(end, place, values);
            }
        }
        Ok(())
    }

    /// Sets aside what is there.
    fn begin_anew(&mut self, what: &str) {
        let moved = HistoryFile::set_aside(&self.place);
        self.file = None;
        self.forget_file();
        tracing::warn!(
            "The history {} {what}. {} It is begun anew; counters and all that is published are not touched. Look after the \
             disk or SD card.",
            self.place,
            moved,
        );
    }

    fn forget_file(&mut self) {
        self.ledger.catalog.forget_file();
        self.gathering.renew();
        self.newest = None;
        self.cleared_until = 0;
        self.desk.reopen();
    }

    fn import(&mut self, imported: &Imported) -> Result<usize, HistoryError> {
        let Some(about) = SeriesAbout::of(&imported.device, &imported.metric) else {
            return Ok(0);
        };
        let now = self.now().max(Timestamp::now().as_second());
        let series = SeriesKey::new(&imported.device.id, imported.metric.key.as_ref());
        let series = self.ledger.catalog.put(series, about.clone());
        let today = self.ledger.calendar.day_of(moment(now));
        let scaled = |value: Decimal| value.with_scale(about.decimals).mantissa();
        let scaled = |value: Decimal| match self.ledger.catalog.get(series) {
            Some(series) => value.with_scale(series.about.decimals).mantissa(),
            None => scaled(value),
        };
        let mut taken = 0;
        for (date, value) in imported.days.iter().filter(|(date, _)| *date < today) {
            self.remembered.push(RememberedDay {
                series,
                date: *date,
                value: scaled(*value),
            });
            taken += 1;
        }
        let until = self.ledger.kept_until(moment(now), self.keep_days);
        let mut values: Vec<(Timestamp, i64)> = imported
            .values
            .iter()
            .filter(|(at, _)| (until + 1..=now).contains(&slot_end(*at)))
            .map(|(at, value)| (*at, scaled(*value)))
            .collect();
        values.sort_unstable();
        // What was measured stays as it is, its least and its greatest too.
        self.open_if_needed()?;
        let id = self.ledger.catalog.get(series).and_then(|series| series.id);
        let mut measured = HashSet::new();
        if let (Some(id), Some(file)) = (id, &self.file) {
            for (at, _) in &values {
                let end = slot_end(*at);
                if tables::has_slot(&file.connection, end, id)? {
                    measured.insert(end);
                }
            }
        }
        values.retain(|(at, _)| !measured.contains(&slot_end(*at)));
        for (at, value) in values {
            self.gathering.add_beside(series, at, value, now);
            taken += 1;
        }
        self.write(now)?;
        self.gathering.forget(now, MOST_SLOTS);
        Ok(taken)
    }

    fn correct(
        &mut self,
        series: &SeriesKey,
        date: Date,
        value: Option<Decimal>,
    ) -> Result<Option<Decimal>, CorrectionError> {
        self.open_if_needed()?;
        let place = self.ledger.catalog.place(&series.device, &series.key);
        let about = place.and_then(|place| self.ledger.catalog.get(place));
        let decimals = about.map(|series| series.about.decimals);
        let (Some(place), Some(decimals), Some(file)) = (place, decimals, &mut self.file) else {
            return Err(CorrectionError::NoSeries(series.clone()));
        };
        let value = value.map(|value| value.with_scale(decimals).mantissa());
        let mut correct = || {
            let transaction = file.connection.transaction()?;
            let before = self.ledger.correct(&transaction, place, date, value)?;
            transaction.commit()?;
            file.was_written();
            Ok(before)
        };
        let before = correct()
            .map_err(|error: rusqlite::Error| HistoryError::from(DatabaseError::from(error)))?;
        Ok(before.map(|before| Decimal::new(before, decimals)))
    }

    /// Writes all there is and closes the file.
    fn finish(&mut self) {
        let now = self.now();
        if self.pace == SlotPace::Steps || self.clock_is_set(now) {
            self.close_slots();
        }
        if let Some(mut file) = self.file.take() {
            let unfinished = self.put_unfinished(&mut file.connection, now);
            if let Err(error) = unfinished {
                tracing::debug!("the slot that is not over cannot be kept: {error}");
            }
            self.desk.close();
            let _ = fold_in(&file.connection);
        }
    }

    fn put_unfinished(&self, file: &mut Connection, now: i64) -> rusqlite::Result<()> {
        let transaction = file.transaction()?;
        for (end, place, values) in self.gathering.unfinished(now) {
            let series = self.ledger.catalog.get(place);
            if let Some(id) = series.and_then(|series| series.id) {
                tables::put_unfinished(&transaction, end, id, values)?;
            }
        }
        // Who only corrects or imports says nothing of how devices are.
        if self.pace == SlotPace::Clock {
            tables::note_off(&transaction, now.saturating_mul(1000))?;
        }
        transaction.commit()
    }
}

/// Whether a clock that shows `now` can be right. `newest` is the end of the newest slot.
fn is_set(now: i64, newest: Option<i64>) -> bool {
    now >= MADE && newest.is_none_or(|newest| now >= newest - SET_BACK)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
