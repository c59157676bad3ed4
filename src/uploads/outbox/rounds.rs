//! One round after the other: what is next, and what came of it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::courier::Courier;
use super::pace::TargetPace;
use super::told::TargetState;
use crate::clock::Clock;
use crate::history::{Cursor, Cursors, GivenUp, History, HistoryError, SLOT, Stretch};
use crate::model::{Health, HealthCode, Sentence};
use crate::say;
use crate::uploads::{ErrandAnswer, Load, Parcel, Target, UploadVerdict};

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
pub enum Next {
    /// The next round at once.
    Now,
    /// After so long, or when somebody hurries.
    After(Duration),
    /// When the next slot is closed.
    Slot,
}

/// A target at work.
pub struct Rounds {
    pub key: String,
    pub target: Box<dyn Target>,
    pub history: History,
    pub cursors: Cursors,
    pub courier: Courier,
    pub clock: Clock,
    pub pace: TargetPace,
    /// Where a target begins that has no cursor yet, in seconds; `None` for now.
    pub since: Option<i64>,
    pub told: TargetState,
    /// What is refused although the rest arrives, if anything is.
    pub trouble: Option<Health>,
    /// The most slots of one request, while one of them is sought that is refused.
    pub limit: Option<usize>,
}

impl Rounds {
    /// One round.
    pub async fn round(&mut self) -> Next {
        let before = self.told.health.clone();
        let next = self.next_round().await;
        if self.told.health != before {
            let words = self.told.health.sentence();
            // If that fails it is told in the log already.
            let _ = self.cursors.tell(&self.key, words).await;
        }
        next
    }

    async fn next_round(&mut self) -> Next {
        match self.try_round().await {
            Ok(next) => next,
            Err(HistoryError::Stopping) => Next::After(DISK_PAUSE),
            Err(error) => {
                let error = error.to_string();
                self.tell(
                    Health::new(HealthCode::Degraded)
                        .seen(say!("the history cannot be used ({error})", error))
                        .advise(say!("See the log of wattbridge.")),
                );
                Next::After(DISK_PAUSE)
            }
        }
    }

    async fn try_round(&mut self) -> Result<Next, HistoryError> {
        let Some(closed) = *self.history.closed().borrow() else {
            return Ok(self.without_slots());
        };
        let now = self.clock.now();
        if now.as_second() < MADE || now.as_second() < closed - SET_BACK {
            self.tell(
                Health::new(HealthCode::Degraded)
                    .seen(say!("the clock is not set, so that nothing is sent"))
                    .advise(say!(
                        "Connect the computer to the internet or set its clock."
                    )),
            );
            return Ok(Next::After(DISK_PAUSE));
        }
        let mut cursor = self.cursor(closed).await?;
        if cursor.hurry {
            self.pace.hurry();
            self.limit = None;
            self.cursors
                .save(&self.key, cursor.clone(), Vec::new())
                .await?;
        }
        self.told.pending = self.cursors.count_between(cursor.done, closed).await?
            + self.cursors.count_dirty(&self.key).await?;
        let wait = self.pace.wait(self.clock.monotonic());
        if !wait.is_zero() {
            return Ok(Next::After(wait));
        }
        if let Some(errand) = self.target.ask_first(now) {
            let answer = self.courier.carry(&errand).await;
            let verdict = self.target.take_first(&answer, self.clock.now());
            if !matches!(verdict, UploadVerdict::Done { .. }) {
                let nothing = Parcel::default();
                return self.take(verdict, &nothing, &mut cursor, false).await;
            }
        }
        let given_up = self.cursors.given_up(&self.key).await?;
        self.told.given_up = given_up.len();
        let given_up = given_up.iter().map(|given| given.slot).collect();
        if let Some(next) = self.send_new(&mut cursor, closed, &given_up).await? {
            return Ok(next);
        }
        if let Some(next) = self.send_again(&mut cursor, &given_up).await? {
            return Ok(next);
        }
        self.tell(self.trouble.clone().unwrap_or(Health::ONLINE));
        Ok(Next::Slot)
    }

    /// Whether somebody wants it to try at once.
    pub async fn is_hurried(&self) -> bool {
        let cursor = self.cursors.load(&self.key).await;
        cursor.is_ok_and(|cursor| cursor.is_some_and(|cursor| cursor.hurry))
    }

    /// No slot was closed yet, or none ever is.
    fn without_slots(&mut self) -> Next {
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
        Next::Slot
    }

    async fn cursor(&mut self, closed: i64) -> Result<Cursor, HistoryError> {
        let again = self.target.takes_again();
        let cursor = match self.cursors.load(&self.key).await? {
            Some(cursor) if cursor.again == again => return Ok(cursor),
            Some(cursor) => Cursor { again, ..cursor },
            None => Cursor {
                done: self.since.map_or(closed, |since| since.min(closed)),
                again,
                ..Cursor::default()
            },
        };
        self.cursors
            .save(&self.key, cursor.clone(), Vec::new())
            .await?;
        Ok(cursor)
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
    ) -> Result<Option<Next>, HistoryError> {
        if cursor.done >= closed {
            return Ok(None);
        }
        let (stretch, load) = self
            .load((cursor.done, closed), self.most_slots(), given_up)
            .await?;
        let parcel = self
            .target
            .prepare_whole(&stretch, &load, false, self.clock.now());
        if let Some((moment, why)) = parcel.not_before.clone() {
            let wait = UploadVerdict::Until { moment, why };
            return self.take(wait, &parcel, cursor, false).await.map(Some);
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
        self.send(parcel, cursor, false).await.map(Some)
    }

    /// Sends once more what has changed; `None` if that is nothing.
    async fn send_again(
        &mut self,
        cursor: &mut Cursor,
        given_up: &BTreeSet<i64>,
    ) -> Result<Option<Next>, HistoryError> {
        let most = self.most_slots();
        let dirty = self.cursors.dirty(&self.key, most).await?;
        if dirty.is_empty() {
            return Ok(None);
        }
        let wider: Vec<_> = dirty
            .iter()
            .filter_map(|slot| self.target.widen(*slot))
            .collect();
        if !wider.is_empty() {
            self.cursors.doubt(&self.key, wider).await?;
        }
        let mut dirty = self.cursors.dirty(&self.key, most).await?;
        let Some(first) = dirty.first().copied() else {
            return Ok(None);
        };
        dirty.retain(|slot| slot - first < AGAIN_STRETCH);
        let last = dirty.last().copied().unwrap_or(first);
        let wanted: BTreeSet<i64> = dirty.iter().copied().collect();
        // Slots between them that have not changed are read too, and left out.
        let between = usize::try_from((last - first) / SLOT + 1).unwrap_or(most);
        let (stretch, mut load) = self.load((first - SLOT, last), between, given_up).await?;
        load.slots.retain(|slot| wanted.contains(&slot.end));
        load.through = last;
        let parcel = self
            .target
            .prepare_whole(&stretch, &load, true, self.clock.now());
        if parcel.not_before.is_some() {
            // What is new goes on meanwhile.
            return Ok(None);
        }
        self.send(parcel, cursor, true).await.map(Some)
    }

    async fn send(
        &mut self,
        parcel: Parcel,
        cursor: &mut Cursor,
        is_again: bool,
    ) -> Result<Next, HistoryError> {
        if !parcel.skipped.is_empty() {
            self.give_up(parcel.skipped.clone()).await?;
        }
        let Some(mut errand) = parcel.errand.clone() else {
            // Nothing to say of all this.
            self.done_through(parcel.through, cursor, is_again).await?;
            return Ok(Next::Now);
        };
        if let Some(before) = self.target.ask_before(&parcel) {
            errand = before;
        }
        for _ in 0..MOST_QUESTIONS {
            let answer = self.courier.carry(&errand).await;
            tracing::debug!("{}: {}", self.key, shown(&answer));
            match self.target.judge(&parcel, &answer, self.clock.now()) {
                UploadVerdict::Ask(next) => errand = next,
                verdict => return self.take(verdict, &parcel, cursor, is_again).await,
            }
        }
        self.fail(say!("it answers in circles"), None);
        Ok(Next::Now)
    }

    /// Carries a verdict out.
    async fn take(
        &mut self,
        verdict: UploadVerdict,
        parcel: &Parcel,
        cursor: &mut Cursor,
        is_again: bool,
    ) -> Result<Next, HistoryError> {
        let now = self.clock.monotonic();
        match verdict {
            UploadVerdict::Done { trouble } => {
                self.told.last_success = Some(self.clock.now());
                self.done_through(parcel.through, cursor, is_again).await?;
                self.limit = self.limit.map(|limit| limit.saturating_mul(2));
                let pause = self.target.pause();
                let caught_up =
                    (*self.history.closed().borrow()).is_none_or(|closed| cursor.done >= closed);
                let every = if caught_up {
                    self.target.send_every()
                } else {
                    Duration::ZERO
                };
                // The last slot of the time has to be in it, which closes a while later.
                self.pace.worked(
                    now,
                    pause.max(every.saturating_sub(Duration::from_secs(60))),
                );
                self.trouble.clone_from(&trouble);
                self.tell(trouble.unwrap_or(Health::ONLINE));
            }
            UploadVerdict::Part { through } => {
                self.told.last_success = Some(self.clock.now());
                self.done_through(through, cursor, is_again).await?;
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
                    let slot = *slot;
                    self.give_up(vec![GivenUp { slot, reason: why }]).await?;
                    self.pace.worked(now, self.target.pause());
                }
                several => {
                    self.limit = Some(several.len() / 2);
                    self.pace.worked(now, self.target.pause());
                }
            },
            UploadVerdict::Skip { slots } => {
                self.give_up(slots).await?;
                self.pace.worked(now, self.target.pause());
            }
            UploadVerdict::Ask(_) => {}
        }
        Ok(Next::Now)
    }

    async fn done_through(
        &mut self,
        through: i64,
        cursor: &mut Cursor,
        is_again: bool,
    ) -> Result<(), HistoryError> {
        let mut resent = Vec::new();
        if is_again {
            resent = self.cursors.dirty(&self.key, usize::MAX).await?;
            resent.retain(|slot| *slot <= through);
        } else {
            cursor.done = cursor.done.max(through);
        }
        cursor.memory = self.target.memory();
        cursor.success = self.told.last_success.map(Timestamp::as_second);
        cursor.health = self.told.health.sentence();
        self.cursors.save(&self.key, cursor.clone(), resent).await
    }

    async fn give_up(&mut self, slots: Vec<GivenUp>) -> Result<(), HistoryError> {
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

    /// Says how it is: in the log at each change, and not at each try.
    fn tell(&mut self, health: Health) {
        if self.told.health != health && health.code.is_problem() {
            tracing::warn!("{}: {}", self.key, health.sentence());
        } else if self.told.health.code.is_problem() && health.code == HealthCode::Online {
            tracing::info!("{}: values arrive again", self.key);
        }
        self.told.health = health;
    }
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
