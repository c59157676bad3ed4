//! One round after the other: what is next, and what came of it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use super::courier::Courier;
use super::pace::TargetPace;
use super::told::TargetState;
use crate::clock::Clock;
use crate::config::SecretError;
use crate::history::{ChangedSlot, Cursor, Cursors, GivenUp, History, HistoryError, SLOT, Stretch};
use crate::model::{Health, HealthCode, Sentence};
use crate::say;
use crate::uploads::configured::target_id;
use crate::uploads::{ErrandAnswer, Load, Parcel, Plan, Target, Upload, UploadVerdict};

/// No clock that is right shows less: this program was made later.
const MADE: i64 = 1_767_225_600; // 2026-01-01
/// The clock may be set back by so much without being wrong, in seconds.
const SET_BACK: i64 = 3600;
/// The history cannot be read or written: again after so long.
const DISK_PAUSE: Duration = Duration::from_secs(60);
/// The cursor is written at least so often where there is nothing to send, in seconds.
const IDLE_STEP: i64 = 3600;
/// Slots that have changed are sent again by stretches of at most so many seconds.
const AGAIN_STRETCH: i64 = 86_400;
/// One answer after the other, where something has to be asked before it is known what came of it; some have to be
/// asked about each device, before and after.
const MOST_QUESTIONS: usize = 256;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextRound {
    /// The next round at once.
    Now,
    /// After so long, or when somebody hurries.
    After(Duration),
    /// When the next slot is closed.
    Slot,
}

/// What a parcel is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum ParcelOf {
    /// Slots that have not been sent.
    #[default]
    New,
    /// Slots that have been sent and have changed.
    Changed,
    /// Records, as they came.
    Records,
}

/// A target at work. Dropped at any moment, and begun anew, it goes on where it was.
#[derive(Debug)]
pub struct Rounds {
    key: String,
    target: Box<dyn Target>,
    /// Whether it takes what devices say, as it comes, and no slots.
    takes_records: bool,
    history: History,
    cursors: Cursors,
    courier: Courier,
    clock: Clock,
    pace: TargetPace,
    spread: f64,
    /// Where a target begins that has no cursor yet, in seconds; `None` for now.
    since: Option<i64>,
    told: TargetState,
    /// What is refused although the rest arrives, if anything is.
    trouble: Option<Health>,
    /// Why what has changed is not sent once more yet, while what is new goes on.
    waits: Option<Sentence>,
    /// The most slots of one request, while one of them is sought that is refused.
    limit: Option<usize>,
    /// How far it has come, also while the disk takes no note of it.
    reached: i64,
    /// Why the last was refused for good, if nothing has arrived since.
    refused: Option<String>,
    /// Whether what it knew before the start was taken up.
    is_remembered: bool,
    /// Whether anything has come back since the start.
    has_answered: bool,
    /// How many slots waited when there were slots up to the first, and it was done up to the second.
    counted: Option<(i64, i64, i64)>,
}

/// A parcel on its way.
#[derive(Debug, Default)]
struct Trip {
    parcel: Parcel,
    made: ParcelOf,
    /// What was noted of changes before its slots were read: it has these, and none that come later.
    noted: Vec<ChangedSlot>,
}

impl Rounds {
    /// Takes up a target where it was. Reads its secrets.
    ///
    /// # Errors
    ///
    /// If a secret is not there.
    pub async fn begin(
        upload: &'static dyn Upload,
        plan: &dyn Plan,
        history: History,
        clock: Clock,
    ) -> Result<Self, SecretError> {
        let mut target = plan.target()?;
        let key = target_id(upload, plan);
        let spread = spread(&key);
        let cursors = history.cursors();
        let calendar = history.reader().calendar().clone();
        target.live_in(&calendar);
        let told = TargetState {
            health: Health::new(HealthCode::Starting),
            pending: 0,
            last_success: None,
            given_up: 0,
        };
        let mut rounds = Self {
            since: plan.since().map(|date| calendar.midnight(date)),
            target,
            takes_records: plan.records_of().is_some(),
            history,
            courier: Courier::trusting(plan.ca_file()),
            clock,
            pace: TargetPace::new(spread),
            spread,
            told,
            trouble: None,
            waits: None,
            limit: None,
            reached: i64::MIN,
            counted: None,
            refused: None,
            is_remembered: false,
            has_answered: false,
            key,
            cursors,
        };
        // Where the history cannot be read yet that has to wait, and so has all else.
        if let Ok(Some(cursor)) = rounds.cursors.load(&rounds.key).await {
            rounds.remember(&cursor);
        }
        Ok(rounds)
    }

    /// Takes up what it knew, once: what is saved later is made of it.
    fn remember(&mut self, cursor: &Cursor) {
        if !std::mem::replace(&mut self.is_remembered, true) {
            self.target.remember(&cursor.memory);
            let success = cursor.success;
            self.told.last_success = success.and_then(|at| Timestamp::from_second(at).ok());
        }
    }

    /// How it is when there is nothing to do.
    fn standing(&self) -> Health {
        if let Some(trouble) = &self.trouble {
            return trouble.clone();
        }
        if let (None, Some(why)) = (&self.refused, &self.waits) {
            return Health::new(HealthCode::Retrying).seen(why.clone());
        }
        match &self.refused {
            Some(why) => Health::new(HealthCode::Degraded)
                .seen(say!("nothing arrives: what is sent is refused ({why})", why))
                .advise(say!(
                    "See wattbridge export given-up, mend what it says, then run wattbridge export retry."
                )),
            None if self.has_answered => Health::ONLINE,
            None => Health::new(HealthCode::Starting)
                .seen(say!("nothing had to be sent since the start")),
        }
    }

    /// Between 0 and 1, and always the same for a target.
    pub const fn spread(&self) -> f64 {
        self.spread
    }

    /// Whether it takes what devices say, as it comes, and no slots.
    pub const fn takes_records(&self) -> bool {
        self.takes_records
    }

    /// What it tells of itself.
    pub const fn state(&self) -> &TargetState {
        &self.told
    }

    /// One round.
    pub async fn round(&mut self) -> NextRound {
        let before = self.told.health.clone();
        let next = self.next_round().await;
        if self.told.health != before {
            let words = self.told.health.sentence();
            // If that fails it is told in the log already.
            let _ = self.cursors.tell(&self.key, words).await;
        }
        next
    }

    async fn next_round(&mut self) -> NextRound {
        match self.try_round().await {
            Ok(next) => next,
            Err(HistoryError::Stopping) => NextRound::After(DISK_PAUSE),
            Err(error) => {
                let error = error.to_string();
                self.tell(
                    Health::new(HealthCode::Degraded)
                        .seen(say!("the history cannot be used ({error})", error))
                        .advise(say!("See the log of wattbridge.")),
                );
                NextRound::After(DISK_PAUSE)
            }
        }
    }

    async fn try_round(&mut self) -> Result<NextRound, HistoryError> {
        let now = self.clock.now();
        let closed = *self.history.closed().borrow();
        // Records do not wait for the first slot.
        let is_well = self.history.is_on() && self.history.trouble().is_none();
        let now_if = (self.takes_records && is_well).then(|| now.as_second());
        let Some(closed) = closed.or(now_if) else {
            return Ok(self.without_slots());
        };
        if now.as_second() < MADE || now.as_second() < closed - SET_BACK {
            self.tell(
                Health::new(HealthCode::Degraded)
                    .seen(say!("the clock is not set, so that nothing is sent"))
                    .advise(say!(
                        "Connect the computer to the internet or set its clock."
                    )),
            );
            return Ok(NextRound::After(DISK_PAUSE));
        }
        let mut cursor = self.cursor(closed).await?;
        if cursor.hurry {
            self.pace.hurry();
            self.limit = None;
            self.cursors.has_hurried(&self.key).await?;
        }
        self.told.pending = if self.takes_records {
            self.cursors.count_records(&self.key).await?
        } else {
            self.waiting(closed, cursor.done).await? + self.cursors.count_dirty(&self.key).await?
        };
        let wait = self.pace.wait(self.clock.monotonic());
        if !wait.is_zero() {
            return Ok(NextRound::After(wait));
        }
        if let Some(errand) = self.target.ask_first(now) {
            let answer = self.courier.carry(&errand).await;
            self.has_answered = true;
            let verdict = self.target.take_first(&answer, self.clock.now());
            if !matches!(verdict, UploadVerdict::Done { .. }) {
                return self.take(verdict, &Trip::default(), &mut cursor).await;
            }
        }
        let given_up = self.cursors.given_up(&self.key).await?;
        self.told.given_up = given_up.len();
        let given_up = given_up.iter().map(|given| given.slot).collect();
        if self.takes_records {
            if let Some(next) = self.send_records(&mut cursor).await? {
                return Ok(next);
            }
            self.tell(self.standing());
            return Ok(NextRound::Slot);
        }
        if let Some(next) = self.send_new(&mut cursor, closed, &given_up).await? {
            return Ok(next);
        }
        self.waits = None;
        if let Some(next) = self.send_again(&mut cursor, &given_up).await? {
            return Ok(next);
        }
        self.tell(self.standing());
        Ok(NextRound::Slot)
    }

    /// Whether somebody wants it to try at once.
    pub async fn is_hurried(&self) -> bool {
        let cursor = self.cursors.load(&self.key).await;
        cursor.is_ok_and(|cursor| cursor.is_some_and(|cursor| cursor.hurry))
    }

    /// No slot was closed yet, or none ever is.
    fn without_slots(&mut self) -> NextRound {
        if !self.history.is_on() {
            self.tell(
                Health::new(HealthCode::NoData)
                    .seen(say!(
                        "nothing is kept of the past, so that there is nothing to send"
                    ))
                    .advise(say!("Set enabled = true in [history].")),
            );
        } else if let Some(trouble) = self.history.trouble() {
            self.tell(trouble);
        }
        NextRound::Slot
    }

    async fn cursor(&mut self, closed: i64) -> Result<Cursor, HistoryError> {
        let again = self.target.takes_again();
        // What is over before it begins is not for it, closed or not.
        let now = self.clock.now().as_second().div_euclid(SLOT) * SLOT;
        let mut cursor = match self.cursors.load(&self.key).await? {
            Some(cursor) if cursor.again == again => {
                self.remember(&cursor);
                cursor
            }
            found => {
                self.remember(&found.clone().unwrap_or_default());
                let cursor = match found {
                    Some(cursor) => Cursor { again, ..cursor },
                    None => Cursor {
                        done: self
                            .since
                            .map_or(now.max(closed), |since| since.min(closed)),
                        again,
                        ..Cursor::default()
                    },
                };
                self.cursors
                    .save(&self.key, cursor.clone(), Vec::new())
                    .await?;
                cursor
            }
        };
        if cursor.done > now.max(closed) + SET_BACK {
            // The clock was ahead, and is not any more.
            cursor.done = closed;
            self.reached = closed;
            self.cursors.set_back(&self.key, closed).await?;
        }
        cursor.done = cursor.done.max(self.reached);
        Ok(cursor)
    }

    /// How many slots wait that have not been sent. Counted when there are new ones; between, what was sent is taken off.
    async fn waiting(&mut self, closed: i64, done: i64) -> Result<i64, HistoryError> {
        if done >= closed {
            return Ok(0);
        }
        if let Some((through, after, waiting)) = self.counted
            && (through, after) == (closed, done)
        {
            return Ok(waiting);
        }
        let waiting = self.cursors.count_between(done, closed).await?;
        self.counted = Some((closed, done, waiting));
        Ok(waiting)
    }

    fn most_slots(&self) -> usize {
        let most = self.target.most_slots().max(1);
        self.limit.map_or(most, |limit| limit.min(most))
    }

    async fn load(
        &self,
        times: (i64, i64),
        most: usize,
        given_up: &BTreeSet<i64>,
    ) -> Result<(Stretch, Load), HistoryError> {
        let wanted = self.target.wants();
        let stretch = self.history.reader().stretch(wanted, times, most).await?;
        let load = Load::of(&stretch, given_up);
        Ok((stretch, load))
    }

    /// Sends what has not been sent; `None` if that is nothing.
    async fn send_new(
        &mut self,
        cursor: &mut Cursor,
        closed: i64,
        given_up: &BTreeSet<i64>,
    ) -> Result<Option<NextRound>, HistoryError> {
        if cursor.done >= closed {
            return Ok(None);
        }
        let times = (cursor.done, closed);
        let noted = self.cursors.dirty(&self.key, times, usize::MAX).await?;
        let (stretch, load) = self.load(times, self.most_slots(), given_up).await?;
        let parcel = self
            .target
            .prepare_whole(&stretch, &load, false, self.clock.now());
        if let Some((moment, why)) = parcel.not_before {
            let wait = UploadVerdict::Until { moment, why };
            return self.take(wait, &Trip::default(), cursor).await.map(Some);
        }
        if parcel.errand.is_none()
            && parcel.through - cursor.done < IDLE_STEP
            && parcel.skipped.is_empty()
        {
            // It waits for more, such as the end of an interval, or there is nothing to say, as at night: that need not
            // be written each time.
            if load.slots.is_empty() || parcel.through > cursor.done {
                self.told.pending = self.cursors.count_dirty(&self.key).await?;
            }
            return Ok(None);
        }
        let trip = Trip {
            parcel,
            made: ParcelOf::New,
            noted,
        };
        self.send(&trip, cursor).await.map(Some)
    }

    /// Sends once more what has changed; `None` if that is nothing.
    async fn send_again(
        &mut self,
        cursor: &mut Cursor,
        given_up: &BTreeSet<i64>,
    ) -> Result<Option<NextRound>, HistoryError> {
        let (most, behind) = (self.most_slots(), (i64::MIN, cursor.done));
        let dirty = self.cursors.dirty(&self.key, behind, most).await?;
        if dirty.is_empty() {
            return Ok(None);
        }
        // A day of slots that have changed is one stretch, and not one for each of them.
        let mut wider: Vec<(i64, i64)> = Vec::new();
        for changed in &dirty {
            let Some((from, through)) = self.target.widen(changed.slot) else {
                continue;
            };
            match wider.last_mut() {
                Some((first, last)) if (*first..=*last).contains(&from) => {
                    *last = through.max(*last);
                }
                _ => wider.push((from, through)),
            }
        }
        if !wider.is_empty() {
            self.cursors.doubt(&self.key, wider).await?;
        }
        let mut noted = self.cursors.dirty(&self.key, behind, most).await?;
        let Some(first) = noted.first().map(|changed| changed.slot) else {
            return Ok(None);
        };
        noted.retain(|changed| changed.slot - first < AGAIN_STRETCH);
        let last = noted.last().map_or(first, |changed| changed.slot);
        let wanted: BTreeSet<i64> = noted.iter().map(|changed| changed.slot).collect();
        // Slots between them that have not changed are read too, and left out.
        let between = usize::try_from((last - first) / SLOT + 1).unwrap_or(most);
        let (stretch, mut load) = self.load((first - SLOT, last), between, given_up).await?;
        load.slots.retain(|slot| wanted.contains(&slot.end));
        load.through = last;
        let parcel = self
            .target
            .prepare_whole(&stretch, &load, true, self.clock.now());
        if let Some((_, why)) = parcel.not_before {
            // What is new goes on meanwhile.
            self.waits = Some(why);
            return Ok(None);
        }
        let trip = Trip {
            parcel,
            made: ParcelOf::Changed,
            noted,
        };
        self.send(&trip, cursor).await.map(Some)
    }

    /// Sends records, as they came; `None` if there are none.
    async fn send_records(
        &mut self,
        cursor: &mut Cursor,
    ) -> Result<Option<NextRound>, HistoryError> {
        let most = self.most_slots();
        let records = self.cursors.records(&self.key, most).await?;
        if records.is_empty() {
            return Ok(None);
        }
        let trip = Trip {
            parcel: self.target.prepare_records(&records, self.clock.now()),
            made: ParcelOf::Records,
            noted: Vec::new(),
        };
        self.send(&trip, cursor).await.map(Some)
    }

    async fn send(&mut self, trip: &Trip, cursor: &mut Cursor) -> Result<NextRound, HistoryError> {
        let parcel = &trip.parcel;
        if !parcel.skipped.is_empty() {
            self.give_up(parcel.skipped.clone(), trip.made).await?;
        }
        let Some(mut errand) = parcel.errand.clone() else {
            // Nothing to say of all this.
            self.done_through(parcel.through, trip, cursor).await?;
            return Ok(NextRound::Now);
        };
        if let Some(before) = self.target.ask_before(parcel) {
            errand = before;
        }
        for _ in 0..MOST_QUESTIONS {
            let answer = self.courier.carry(&errand).await;
            self.has_answered = true;
            tracing::debug!("{}: {}", self.key, shown(&answer));
            match self.target.judge(parcel, &answer, self.clock.now()) {
                UploadVerdict::Ask(next) => errand = next,
                verdict => return self.take(verdict, trip, cursor).await,
            }
        }
        self.fail(say!("it answers in circles"), None);
        Ok(NextRound::Now)
    }

    /// Carries a verdict out.
    async fn take(
        &mut self,
        verdict: UploadVerdict,
        trip: &Trip,
        cursor: &mut Cursor,
    ) -> Result<NextRound, HistoryError> {
        let parcel = &trip.parcel;
        let now = self.clock.monotonic();
        match verdict {
            UploadVerdict::Done { trouble } => {
                self.told.last_success = Some(self.clock.now());
                self.done_through(parcel.through, trip, cursor).await?;
                self.limit = self.limit.map(|limit| limit.saturating_mul(2));
                let pause = self.target.pause();
                let caught_up =
                    (*self.history.closed().borrow()).is_none_or(|closed| cursor.done >= closed);
                // What has changed goes before the rest begins.
                let is_all = caught_up && self.cursors.count_dirty(&self.key).await? == 0;
                let every = if is_all {
                    self.target.send_every()
                } else {
                    Duration::ZERO
                };
                // The last slot of the time has to be in it, which closes a while later.
                self.pace.worked(
                    now,
                    pause.max(every.saturating_sub(Duration::from_secs(60))),
                );
                self.trouble = trouble;
                self.refused = None;
                self.tell(self.standing());
            }
            UploadVerdict::Part { through } => {
                self.told.last_success = Some(self.clock.now());
                self.refused = None;
                self.done_through(through, trip, cursor).await?;
                self.pace.worked(now, self.target.pause());
            }
            UploadVerdict::Again { why, after } => self.fail(why, after),
            UploadVerdict::Until { moment, why } => {
                let wait = moment.duration_since(self.clock.now());
                let wait = Duration::try_from(wait).unwrap_or_default();
                self.pace.rest(now, wait.max(Duration::from_secs(1)));
                self.tell(Health::new(HealthCode::Retrying).seen(why));
            }
            UploadVerdict::Hold { health, every } => {
                self.pace.rest(now, every);
                self.tell(health);
            }
            UploadVerdict::Halve { why } => match parcel.slots.as_slice() {
                [] => self.fail(say!("it refuses what is sent ({why})", why), None),
                [slot] => {
                    let given = vec![GivenUp {
                        slot: *slot,
                        reason: why,
                    }];
                    self.give_up_of(given, trip, cursor).await?;
                    self.pace.worked(now, self.target.pause());
                }
                several => {
                    self.limit = Some(several.len() / 2);
                    self.pace.worked(now, self.target.pause());
                }
            },
            UploadVerdict::Skip { slots } => {
                self.give_up_of(slots, trip, cursor).await?;
                self.pace.worked(now, self.target.pause());
            }
            UploadVerdict::Ask(_) => {}
        }
        Ok(NextRound::Now)
    }

    async fn done_through(
        &mut self,
        through: i64,
        trip: &Trip,
        cursor: &mut Cursor,
    ) -> Result<(), HistoryError> {
        let noted = trip.noted.iter().filter(|it| it.slot <= through);
        let noted = noted.copied().collect();
        if trip.made == ParcelOf::Records {
            // Killed in between they are sent once more, as with slots.
            let sent = trip.parcel.slots.clone();
            self.cursors.drop_records(sent).await?;
        }
        if trip.made != ParcelOf::Changed {
            cursor.done = cursor.done.max(through);
            self.reached = cursor.done;
            if let Some((_, after, waiting)) = &mut self.counted {
                let sent = trip.parcel.slots.iter().filter(|slot| **slot <= through);
                let sent = i64::try_from(sent.count()).unwrap_or(*waiting);
                (*after, *waiting) = (cursor.done, (*waiting - sent).max(0));
            }
        }
        cursor.memory = self.target.memory();
        cursor.success = self.told.last_success.map(Timestamp::as_second);
        cursor.health = self.told.health.sentence();
        self.cursors.save(&self.key, cursor.clone(), noted).await
    }

    /// Some slots of a parcel are never sent: those before the first that is left are done with, so that the list of
    /// what was given up may be shorter than what there was.
    async fn give_up_of(
        &mut self,
        slots: Vec<GivenUp>,
        trip: &Trip,
        cursor: &mut Cursor,
    ) -> Result<(), HistoryError> {
        let gone: BTreeSet<i64> = slots.iter().map(|given| given.slot).collect();
        if let Some(last) = slots.last() {
            self.refused = Some(last.reason.chars().take(200).collect());
        }
        self.give_up(slots, trip.made).await?;
        if trip.made == ParcelOf::Records {
            return Ok(());
        }
        let of_parcel = trip.parcel.slots.iter();
        let last = of_parcel.take_while(|slot| gone.contains(slot)).last();
        match last {
            Some(last) => self.done_through(*last, trip, cursor).await,
            None => Ok(()),
        }
    }

    async fn give_up(&mut self, slots: Vec<GivenUp>, made: ParcelOf) -> Result<(), HistoryError> {
        if made == ParcelOf::Records {
            let records = slots.into_iter().map(|given| (given.slot, given.reason));
            let records = records.collect();
            return self.cursors.give_up_records(&self.key, records).await;
        }
        for GivenUp { slot, reason } in &slots {
            let at = Timestamp::from_second(*slot).unwrap_or_default();
            tracing::debug!("{}: the slot of {at} is given up: {reason}", self.key);
        }
        self.cursors.give_up(&self.key, slots).await
    }

    fn fail(&mut self, why: Sentence, after: Option<Duration>) {
        let now = self.clock.monotonic();
        self.pace.failed(now, after);
        let health = if self.pace.is_down(now) {
            Health::new(HealthCode::Unreachable)
                .seen(why)
                .advise(say!("Values wait, and are sent when it is back."))
        } else {
            Health::new(HealthCode::Retrying).seen(why)
        };
        self.tell(health);
    }

    /// Says how it is. The log has each change, as of any device.
    fn tell(&mut self, health: Health) {
        self.told.health = health;
    }
}

/// Between 0 and 1, and always the same for a target.
fn spread(key: &str) -> f64 {
    let digest = digest(&SHA256, key.as_bytes());
    let first = digest.as_ref().first().copied().unwrap_or_default();
    f64::from(first) / 255.0
}

/// An answer for the log, cut and without what is unprintable.
fn shown(answer: &ErrandAnswer) -> String {
    let text = match answer {
        ErrandAnswer::Http(Ok(answer)) => answer.to_string(),
        ErrandAnswer::Http(Err(error)) => error.to_string(),
        ErrandAnswer::Program(Ok(answer)) => format!("{} {}", answer.output, answer.errors),
        ErrandAnswer::Program(Err(error)) => error.clone(),
        ErrandAnswer::HomeAssistant(Ok(results)) => results.to_string(),
        ErrandAnswer::HomeAssistant(Err(error)) => error.to_string(),
    };
    let text: String = text.chars().take(300).collect();
    text.escape_debug().to_string()
}
