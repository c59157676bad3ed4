//! One round after the other: what is next, and what came of it.
//!
//! * `sending`: what goes out
//! * `verdicts`: what answers lead to

mod sending;
mod verdicts;

use std::time::Duration;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use super::courier::Courier;
use super::pace::TargetPace;
use super::told::TargetState;
use crate::clock::Clock;
use crate::config::SecretError;
use crate::history::{ChangedSlot, Cursor, Cursors, History, HistoryError, SLOT};
use crate::model::{Health, HealthCode, Sentence};
use crate::say;
use crate::uploads::configured::target_id;
use crate::uploads::{Parcel, Plan, Target, Upload, UploadVerdict};

/// No clock that is right shows less: this program was made later.
const MADE: i64 = 1_767_225_600; // 2026-01-01
/// The clock may be set back by so much without being wrong, in seconds.
const SET_BACK: i64 = 3600;
/// The history cannot be read or written: again after so long.
const DISK_PAUSE: Duration = Duration::from_secs(60);
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
    /// How many times in a row that was so.
    refusals: u32,
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
        let courier = Courier::of(plan)?;
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
            courier,
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
            refusals: 0,
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
}

/// Between 0 and 1, and always the same for a target.
fn spread(key: &str) -> f64 {
    let digest = digest(&SHA256, key.as_bytes());
    let first = digest.as_ref().first().copied().unwrap_or_default();
    f64::from(first) / 255.0
}
