//! When counters are written, and when that is done.
//!
//! Writing each sample would wear out an SD card, so one device's counters are written at most every
//! `save_every`; those of all others that have changed go along in the same transaction. A counter
//! that moves rarely is written, and so shown, at once, as is one that starts anew. While one
//! transaction is on its way to the disk, what changes meanwhile waits for the next one.
//!
//! Nothing waits for the disk but the counters themselves: states go out with what has been saved,
//! and once more when more has been. Only the state of a reading that has brought a write about is
//! kept for the moment that this takes, so that values of one reading go out as one.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::store::Store;

/// A disk that takes so long for some rows hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait at least before trying again after the disk refused.
const RETRY: Duration = Duration::from_secs(10);

/// The way of counters to the disk.
#[derive(Debug)]
pub struct Saving {
    store: Store,
    every: Duration,
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    answer: oneshot::Receiver<bool>,
    since: Instant,
    /// Whether it has been told that it takes too long.
    is_told: bool,
}

impl Saving {
    /// To this store, at most every so often for one device. A store that forgets needs no pause.
    pub fn new(store: Store, every: Duration) -> Self {
        let every = if store.is_lasting() {
            every
        } else {
            Duration::ZERO
        };
        Self {
            store,
            every,
            under_way: None,
        }
    }

    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Whether values can be saved, as far as is known.
    pub fn can_save(&mut self) -> bool {
        let is_stuck = self.is_stuck();
        if let Some(under_way) = self.under_way.as_mut().filter(|it| is_stuck && !it.is_told) {
            under_way.is_told = true;
            tracing::warn!(
                "The disk with the store has taken nothing for {} seconds and may hang. Running on; computed energy \
                 stands still meanwhile. Look at the disk, the SD card or the share.",
                PATIENCE.as_secs()
            );
        }
        !is_stuck && !self.store.is_refusing()
    }

    /// Whether the disk takes far too long.
    pub fn is_stuck(&self) -> bool {
        let under_way = self.under_way.as_ref();
        under_way.is_some_and(|it| it.since.elapsed() >= PATIENCE)
    }

    /// When a device that is written now may be written next.
    pub const fn next(&self, now: Duration) -> Duration {
        now.saturating_add(self.every)
    }

    /// When a device is tried again that could not be written.
    pub fn retry(&self, now: Duration) -> Duration {
        now.saturating_add(self.every.max(RETRY))
    }

    /// All of one transaction has been handed over. True if it is done already, because the store
    /// forgets anyway.
    pub fn begin(&mut self) -> bool {
        let is_lasting = self.store.is_lasting();
        self.under_way = is_lasting.then(|| UnderWay {
            answer: self.store.written(),
            since: Instant::now(),
            is_told: false,
        });
        !is_lasting
    }

    /// Whether a transaction is on its way.
    pub const fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Waits until the transaction on its way has ended; for ever if there is none. True if all of
    /// it is on the disk.
    pub async fn ended(&mut self) -> bool {
        let Some(under_way) = &mut self.under_way else {
            return std::future::pending().await;
        };
        let is_saved = (&mut under_way.answer).await.unwrap_or(false);
        self.under_way = None;
        is_saved
    }
}
