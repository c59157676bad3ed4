//! What answers lead to.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::{NextRound, ParcelOf, Rounds, Trip};
use crate::history::{Cursor, GivenUp, HistoryError};
use crate::model::{Health, HealthCode, Sentence};
use crate::say;
use crate::uploads::UploadVerdict;

/// So many slots may be refused one after the other before each costs a pause.
const FEW: u32 = 8;

impl Rounds {
    /// Carries a verdict out.
    pub(super) async fn take(
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
                (self.refused, self.refusals) = (None, 0);
                self.tell(self.standing());
            }
            UploadVerdict::Part { through } => {
                self.told.last_success = Some(self.clock.now());
                (self.refused, self.refusals) = (None, 0);
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
                    self.refusals = self.refusals.saturating_add(1);
                    if self.refusals > FEW {
                        // Whatever is refused without end may be another fault than that of a slot, and pass.
                        self.pace.failed(now, None);
                        self.tell(self.standing());
                    } else {
                        self.pace.worked(now, self.target.pause());
                    }
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

    pub(super) async fn done_through(
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

    pub(super) async fn give_up(
        &mut self,
        slots: Vec<GivenUp>,
        made: ParcelOf,
    ) -> Result<(), HistoryError> {
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

    pub(super) fn fail(&mut self, why: Sentence, after: Option<Duration>) {
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
    pub(super) fn tell(&mut self, health: Health) {
        self.told.health = health;
    }
}
