//! The thread that gathers values, closes slots and writes the file.
//!
//! * `intake`: what it takes in
//! * `opening`: the file is opened, looked after and closed
//! * `clock`: a clock that cannot be right
//! * `importing`: what others have kept, and what people correct

mod clock;
mod importing;
mod intake;
mod opening;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::HistoryError;
use super::ahead;
use super::calendar::Calendar;
use super::catalog::Catalog;
use super::closing::{Batch, Ledger, RememberedDays};
use super::config::HistorySettings;
use super::filed::HistoryFile;
use super::gathering::{Gathering, LONG_PATIENCE, PATIENCE};
use super::jobs::{JobInbox, KeeperJob};
use super::pace::{SET_BACK, SlotPace, Unset};
use super::place::HistoryPlace;
use super::reader::Desk;
use super::records::NewRecords;
use super::series::SeriesKey;
use super::slot::{SLOT, moment};
use super::tables;
use super::trouble::Trouble;
use super::unwritten::{Departing, Unwritten};
use crate::model::{DeviceId, Health};
use crate::say;
use crate::sqlite::DatabaseError;

/// How often the file may be somebody else's before that is told.
const PATIENT: u8 = 5;
/// Slots that are kept in memory while the disk takes nothing: a week.
const MOST_SLOTS: usize = 2000;
/// How long changes of states are kept, in seconds.
const KEEP_EVENTS: i64 = 90 * 86_400;
/// How long changes of health are kept.
const KEEP_HEALTH: i64 = 400 * 86_400;
/// Devices appear one by one after a start: so long after the last one it is known what the house has, in seconds.
const SETTLED: i64 = 600;
/// Jobs that are taken before it is looked whether a slot is over.
const JOBS: usize = 4096;
/// The longest wait, as the clock on the wall may be set meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The wait between days that others have left, which come some at a time.
const MORE: Duration = Duration::from_secs(5);

/// What the thread lets others know.
pub struct KeeperSignals {
    /// The end of the last slot of which all is on the disk that is awaited.
    pub closed: watch::Sender<Option<i64>>,
    /// Counts when records were written for those who want them as they came.
    pub recorded: watch::Sender<u64>,
}

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
    remembered: RememberedDays,
    health: Vec<(DeviceId, Timestamp, Health)>,
    events: Vec<(SeriesKey, Timestamp, String)>,
    last_health: HashMap<DeviceId, (Timestamp, Health)>,
    /// Devices whose values come up to a round late.
    slow: HashSet<DeviceId>,
    roles_are_new: bool,
    /// When they have changed last.
    roles_at: i64,
    /// The end of the newest slot in the file.
    newest: Option<i64>,
    /// The newest moment of what was set aside, as it was of a time that was not yet.
    ahead: Option<i64>,
    /// Whether the clock may have been set on since slots were written last: nobody knows that at the start.
    leapt: bool,
    /// Since when nobody has set the clock, and whether that is long enough to believe it.
    unset: Option<Unset>,
    is_steady: bool,
    /// When slots were closed last.
    closed_at: i64,
    /// Whether others have left more to be made anew than goes in one go.
    has_more: bool,
    cleared_until: i64,
    /// When the file was looked through last.
    looked_at: Option<i64>,
    trouble: Trouble,
    signals: KeeperSignals,
    /// What devices said, for those who want it as it came.
    records: NewRecords,
    desk: Arc<Desk>,
    /// The one before, as long as it has not ended.
    before: Option<Departing>,
    /// It has ended just now, so that nothing was missed between.
    is_followed: bool,
    /// Who waits for the end, and whether another one goes on.
    closing: Option<(Sender<Unwritten>, bool)>,
}

impl Keeper {
    pub fn new(
        place: HistoryPlace,
        settings: &HistorySettings,
        calendar: Calendar,
        pace: SlotPace,
        trouble: Trouble,
        signals: KeeperSignals,
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
            remembered: RememberedDays::new(),
            health: Vec::new(),
            events: Vec::new(),
            last_health: HashMap::new(),
            slow: HashSet::new(),
            roles_are_new: false,
            roles_at: 0,
            newest: None,
            ahead: None,
            leapt: true,
            unset: None,
            is_steady: false,
            closed_at: 0,
            has_more: false,
            cleared_until: 0,
            looked_at: None,
            trouble,
            signals,
            records: NewRecords::default(),
            desk,
            before: None,
            is_followed: false,
            closing: None,
        }
    }

    /// Works until nobody holds a handle any more, behind the one that had the file before.
    pub fn run(mut self, inbox: &JobInbox, before: Option<Departing>) {
        self.begin(before);
        loop {
            let within = self.pace.is_clock().then(|| self.wait());
            match inbox.next(within) {
                Ok(job) => self.take(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            for _ in 0..JOBS {
                let Some(job) = inbox.at_hand() else { break };
                self.take(job);
            }
            self.write_records();
            if let Some((answer, goes_on)) = self.closing.take() {
                // Whoever still holds a handle must not open the file again, which may be another one's by then.
                let _ = answer.send(self.finish(goes_on));
                return;
            }
            if self.pace.is_due(self.closed_at) || self.goes_on() {
                self.close_slots();
            }
            self.look_after();
        }
        self.finish(false);
    }

    /// How long until the next slot is to be closed.
    fn wait(&self) -> Duration {
        let into = (self.pace.now() - PATIENCE).rem_euclid(SLOT);
        let left = u64::try_from(SLOT - into).unwrap_or(1);
        let longest = if self.has_more { MORE } else { LONGEST_WAIT };
        Duration::from_secs(left).min(longest)
    }

    /// Whether it is time for more of what others have left.
    fn goes_on(&self) -> bool {
        let since = (self.pace.now() - self.closed_at).unsigned_abs();
        self.has_more && self.pace.is_clock() && since >= MORE.as_secs()
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
                self.roles_at = self.pace.now();
            }
            KeeperJob::Tick(now) => {
                self.pace.step(now);
                if self.pace.is_due(self.closed_at) {
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
            KeeperJob::Record(record) => self.records.push(record),
            KeeperJob::Cursors(job) => {
                // Whoever asks finds what came before.
                self.write_records();
                let opened = self.open_if_needed();
                job(opened.and_then(|()| match &mut self.file {
                    Some(file) => Ok(&mut file.connection),
                    None => Err(HistoryError::Off),
                }));
            }
            KeeperJob::Flush(answer) => {
                self.close_slots();
                self.write_records();
                let _ = answer.send(());
            }
            KeeperJob::Close { goes_on, answer } => self.closing = Some((answer, goes_on)),
        }
    }

    /// Closes the slots that are over, and writes all that is new.
    fn close_slots(&mut self) {
        self.take_up_late();
        self.records.is_stuck = false;
        self.has_more = false;
        let now = self.pace.now();
        self.closed_at = now;
        self.leapt |= self.pace.leap(self.unset) > SET_BACK;
        self.is_steady = self.pace.is_steady(&mut self.unset);
        if self.pace.is_clock() && !self.clock_is_set(now) {
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

    /// Writes what came to be sent on: that does not wait for the end of a slot.
    fn write_records(&mut self) {
        if self.records.is_empty() || self.records.is_stuck || self.is_foreign {
            return;
        }
        let written = self.healed(|keeper| {
            keeper.open_if_needed()?;
            if let Some(file) = &mut keeper.file {
                let connection = &mut file.connection;
                keeper
                    .records
                    .write(connection)
                    .map_err(DatabaseError::from)?;
                file.was_written();
            }
            Ok(())
        });
        match written {
            Ok(()) => self.signals.recorded.send_modify(|count| *count += 1),
            // Slots will not be written either, and then it is told.
            Err(error) => {
                self.records.is_stuck = true;
                tracing::debug!("records cannot be written yet: {error}");
            }
        }
    }

    fn fail(&mut self, error: &HistoryError) {
        self.ledger.take_back();
        let is_busy = matches!(error, HistoryError::File(error) if error.is_busy());
        if is_busy && self.busy < PATIENT {
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
            HistoryError::NoFile(_) => {
                say!("Take it away, or name another file as path in [history].")
            }
            _ if is_busy => {
                say!(
                    "End the program that has the file in use, such as one that shows databases. A week is kept in memory \
                     meanwhile."
                )
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
        self.trouble.tell(detail, advice);
    }

    fn recover(&self) {
        if self.trouble.clear() {
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
            self.remembered.clear();
            self.health.clear();
            self.events.clear();
            return Ok(());
        }
        self.healed(|keeper| keeper.write_once(now))
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
        let mut roles = self.ledger.house.roles.members.iter();
        let is_slow = roles.any(|role| self.slow.contains(&role.device));
        let all_over = now
            - if self.slow.is_empty() {
                PATIENCE
            } else {
                LONG_PATIENCE
            };
        let house_end = now - if is_slow { LONG_PATIENCE } else { PATIENCE };
        let until = self.ledger.kept_until(moment(now), self.keep_days);
        let is_settled = !self.pace.is_clock() || now - self.roles_at >= SETTLED;
        let closed = *self.signals.closed.borrow();
        // What others bring in says nothing of the clock.
        let at = self.closed_at;
        let is_arriving = self.ahead.is_some() && self.pace.is_clock();
        let has_pause = self.newest.is_none_or(|newest| at - newest > SET_BACK);
        let comes_back = self.leapt && has_pause;
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let transaction = file.connection.transaction().map_err(DatabaseError::from)?;
        let mut ahead = self.ahead;
        if is_arriving {
            // By a clock that was behind they are of the time that it has left out. What comes step by step instead is
            // measured anew.
            let arrived = if comes_back {
                self.ledger.bring_back(&transaction, at)
            } else {
                ahead::drop_ahead(&transaction, at)
            };
            arrived.map_err(DatabaseError::from)?;
            ahead = ahead::newest_ahead(&transaction).map_err(DatabaseError::from)?;
        }
        let mut has_more = false;
        if is_settled {
            let doubted = self.ledger.take_doubts(&transaction, self.roles_are_new);
            has_more = doubted.map_err(DatabaseError::from)?;
            let roles = &self.ledger.house.roles;
            if self.roles_are_new && !roles.members.is_empty() {
                roles.save(&transaction).map_err(DatabaseError::from)?;
            }
        }
        let alone = self
            .ledger
            .write(&transaction, batch, over, house_end, closed)
            .map_err(DatabaseError::from)?;
        // After each midnight, and as long as there is more to do; not by a clock that may be ahead.
        let clears = self.is_steady && until > self.cleared_until;
        if clears {
            tables::clear(&transaction, until, now - KEEP_EVENTS, now - KEEP_HEALTH)
                .map_err(DatabaseError::from)?;
        }
        let (oldest, newest) = tables::slot_limits(&transaction).map_err(DatabaseError::from)?;
        transaction.commit().map_err(DatabaseError::from)?;
        file.was_written();
        self.roles_are_new &= !is_settled;
        self.ledger.confirm(over);
        self.gathering.written(&batch.closed, &alone);
        self.newest = newest;
        self.signals
            .closed
            .send_replace(Some(all_over.div_euclid(SLOT) * SLOT));
        self.has_more = has_more;
        self.ahead = ahead;
        // An import before the first look at the clock leaves that open.
        self.leapt &= at == 0;
        if clears && oldest.is_none_or(|oldest| oldest > until) {
            self.cleared_until = until;
        }
        Ok(())
    }
}
