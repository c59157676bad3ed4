//! What goes out: what is new, what has changed, records as they came.

use std::collections::BTreeSet;

use super::{NextRound, ParcelOf, Rounds, Trip};
use crate::history::{Cursor, HistoryError, SLOT, Stretch};
use crate::say;
use crate::uploads::{ErrandAnswer, Load, UploadVerdict};

/// The cursor is written at least so often where there is nothing to send, in seconds.
const IDLE_STEP: i64 = 3600;
/// Slots that have changed are sent again by stretches of at most so many seconds.
const AGAIN_STRETCH: i64 = 86_400;
/// One answer after the other, where something has to be asked before it is known what came of it; some have to be
/// asked about each device, before and after.
const MOST_QUESTIONS: usize = 256;

impl Rounds {
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
    pub(super) async fn send_new(
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
    pub(super) async fn send_again(
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
    pub(super) async fn send_records(
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
            if self.target.sets_out(&errand, self.clock.now()) {
                cursor.memory = self.target.memory();
                self.cursors
                    .save(&self.key, cursor.clone(), Vec::new())
                    .await?;
            }
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
