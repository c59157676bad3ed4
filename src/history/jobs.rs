//! What the thread of the history is told, and the way there, which holds only so much.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::HistoryError;
use super::cursors::CursorJob;
use super::records::NewRecord;
use super::roles::HouseRoles;
use super::series::SeriesKey;
use super::taken_over::{CorrectionError, Imported};
use super::unwritten::Unwritten;
use crate::model::{Days, Decimal, Device, DeviceId, Health, Value};

/// What waits for a disk that does not answer, at most: some ten minutes of a large house, some 20 MB.
pub const MOST_JOBS: usize = 50_000;

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
    /// What a device said, as it came, for one who sends that on.
    Record(NewRecord),
    /// Writes or reads what those keep here who send the history on.
    Cursors(CursorJob),
    Flush(mpsc::Sender<()>),
    Close {
        /// Whether another history of the same house goes on at once.
        goes_on: bool,
        answer: mpsc::Sender<Unwritten>,
    },
}

impl KeeperJob {
    /// Whether it is one of very many, without which all others still make sense.
    const fn is_news(&self) -> bool {
        matches!(
            self,
            Self::Values { .. } | Self::Days(_) | Self::Health(..) | Self::Record(_)
        )
    }
}

/// Why a job was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// Too much waits already.
    Full,
    /// Nobody works on it any more.
    Gone,
}

/// Where jobs go in.
#[derive(Debug, Clone)]
pub struct JobQueue {
    jobs: mpsc::Sender<KeeperJob>,
    waiting: Arc<AtomicUsize>,
    most: usize,
}

/// Where they come out.
#[derive(Debug)]
pub struct JobInbox {
    jobs: mpsc::Receiver<KeeperJob>,
    waiting: Arc<AtomicUsize>,
}

/// A way for jobs, on which at most so much news waits.
pub fn queue(most: usize) -> (JobQueue, JobInbox) {
    let (sender, receiver) = mpsc::channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let queue = JobQueue {
        jobs: sender,
        waiting: Arc::clone(&waiting),
        most,
    };
    let inbox = JobInbox {
        jobs: receiver,
        waiting,
    };
    (queue, inbox)
}

impl JobQueue {
    /// Puts one in, and never waits.
    pub fn put(&self, job: KeeperJob) -> Result<(), NotTaken> {
        if job.is_news() && self.waiting.load(Ordering::Relaxed) >= self.most {
            return Err(NotTaken::Full);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.jobs.send(job).map_err(|_| NotTaken::Gone)
    }
}

impl JobInbox {
    /// The next one, within a time or whenever it comes.
    pub fn next(&self, within: Option<Duration>) -> Result<KeeperJob, RecvTimeoutError> {
        let job = match within {
            Some(within) => self.jobs.recv_timeout(within),
            None => self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        job.inspect(|_| self.is_taken())
    }

    /// The next one of those that are there.
    pub fn at_hand(&self) -> Option<KeeperJob> {
        self.jobs.try_recv().ok().inspect(|_| self.is_taken())
    }

    fn is_taken(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
