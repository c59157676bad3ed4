//! What a history that ends could not write any more: the one that follows takes it up, so that a full disk costs
//! nothing when the configuration is loaded anew meanwhile.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::closing::RememberedDays;
use super::gathering::Gathering;
use super::records::NewRecords;
use super::series::{SeriesAbout, SeriesKey};
use crate::model::{DeviceId, Health};

/// The longest that the end of the program, or the next history, waits for the disk.
const GOODBYE: Duration = Duration::from_secs(5);
/// How often is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// All that is in memory only.
#[derive(Debug, Default)]
pub struct Unwritten {
    /// The series, by the places that the others name.
    pub series: Vec<(SeriesKey, SeriesAbout)>,
    pub slots: Gathering,
    pub remembered: RememberedDays,
    pub health: Vec<(DeviceId, Timestamp, Health)>,
    pub events: Vec<(SeriesKey, Timestamp, String)>,
    /// How the devices were last.
    pub last_health: HashMap<DeviceId, (Timestamp, Health)>,
    /// Devices whose values come late.
    pub slow: HashSet<DeviceId>,
    /// What was to be sent on as it came.
    pub records: NewRecords,
}

/// A history that is on its way out: it writes what it can, and then says what it could not.
#[derive(Debug)]
pub struct Departing {
    /// `None` where nothing was kept.
    answer: Option<Receiver<Unwritten>>,
    /// When it was told to end.
    at: Instant,
}

impl Departing {
    /// One that answers there.
    pub const fn new(answer: Option<Receiver<Unwritten>>, at: Instant) -> Self {
        Self { answer, at }
    }

    /// How long ago it was told to end.
    pub fn elapsed(&self) -> Duration {
        self.at.elapsed()
    }

    /// Waits until it has ended, as long as a disk may take.
    pub fn wait(&self) -> Option<Unwritten> {
        self.answer.as_ref()?.recv_timeout(GOODBYE).ok()
    }

    /// Waits for the same without holding up anything else.
    pub async fn ended(self) {
        let waited = tokio::task::spawn_blocking(move || self.wait()).await;
        if !matches!(waited, Ok(Some(_))) {
            tracing::debug!("the history did not end in time, or there was none");
        }
    }

    /// Waits until it has its file no longer, as long as a disk may take, and says whether it has ended. What it has left
    /// stays here.
    pub async fn lets_go(&mut self) -> bool {
        let begun = tokio::time::Instant::now();
        loop {
            match self.left() {
                Err(StillThere) if begun.elapsed() < GOODBYE => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Err(StillThere) => return false,
                Ok(None) => return true,
                Ok(Some(left)) => {
                    let (again, answer) = mpsc::channel();
                    let _ = again.send(left);
                    self.answer = Some(answer);
                    return true;
                }
            }
        }
    }

    /// What it has left, if it has ended by now; `Err` as long as it may still.
    pub fn left(&self) -> Result<Option<Unwritten>, StillThere> {
        let Some(answer) = &self.answer else {
            return Ok(None);
        };
        match answer.recv_timeout(Duration::ZERO) {
            Ok(left) => Ok(Some(left)),
            Err(RecvTimeoutError::Timeout) => Err(StillThere),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
        }
    }
}

/// It has not ended yet.
#[derive(Debug)]
pub struct StillThere;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_has_not_ended_is_said_and_what_is_left_stays() {
        let (answer, wait) = mpsc::channel();
        let mut departing = Departing::new(Some(wait), Instant::now());
        assert!(!departing.lets_go().await);
        answer.send(Unwritten::default()).unwrap();
        assert!(departing.lets_go().await);
        assert!(departing.lets_go().await);
        assert!(matches!(departing.left(), Ok(Some(_))));
        assert!(Departing::new(None, Instant::now()).lets_go().await);
    }
}
