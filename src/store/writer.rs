//! The thread that writes, and the handles that feed it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use serde::Serialize;
use tokio::sync::oneshot;

use super::StoreError;
use super::opening::{open, open_at_start};
use super::saved::{self, Content, Counter, Saved, Subject};
use crate::model::{Device, DeviceId};

/// How long to wait before writing again after the disk refused.
const RETRY: Duration = Duration::from_secs(30);
/// Subjects kept in memory while the disk refuses; far above any real installation.
const MAX_PENDING: usize = 100_000;

enum Job {
    Change(Subject, Content),
    Flush(Answer),
    /// Closes the file; a later change would open it again.
    Close(Answer),
}

/// Takes whether all that was handed over before is on the disk, once that has been tried.
type Answer = Box<dyn FnOnce(bool) + Send>;

/// The handle for saving. Cheap to clone; saving never waits for the disk.
#[derive(Debug, Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    failing: Arc<AtomicBool>,
    is_lasting: bool,
}

impl Store {
    /// Opens the file, made anew where there is none, and reads what was saved. Where it cannot be
    /// opened, nothing was saved and the program runs all the same. Waits some 20 seconds for
    /// another program that holds the file.
    pub fn open(path: &Path) -> (Self, Saved) {
        let (connection, saved) = match open_at_start(path) {
            Ok((connection, saved)) => (Some(connection), saved),
            Err(error) => {
                tracing::warn!(
                    "The store {} cannot be opened ({error}). Running on without it: counters are not protected over a restart. \
                     Check that the folder exists, is yours and has space.",
                    path.display()
                );
                (None, Saved::default())
            }
        };
        (Self::start(connection, Some(path.to_owned())), saved)
    }

    /// A store that forgets everything at the end, for demonstrations and replays.
    pub fn in_memory() -> (Self, Saved) {
        (Self::start(None, None), Saved::default())
    }

    /// Reads what was saved and saves nothing, beside a program that runs.
    pub fn look_at(path: &Path) -> (Self, Saved) {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let saved = Connection::open_with_flags(path, flags)
            .map_err(StoreError::from)
            .and_then(|connection| saved::load(&connection));
        let saved = saved.unwrap_or_else(|error| {
            tracing::warn!(
                "The store {} cannot be read ({error}); check the path.",
                path.display()
            );
            Saved::default()
        });
        (Self::start(None, None), saved)
    }

    fn start(connection: Option<Connection>, path: Option<PathBuf>) -> Self {
        let (jobs, inbox) = mpsc::channel();
        let is_lasting = path.is_some();
        let failing = Arc::new(AtomicBool::new(path.is_some() && connection.is_none()));
        let writer = Writer {
            connection,
            path,
            failing: Arc::clone(&failing),
            unread: BTreeSet::new(),
            has_read: !failing.load(Ordering::Relaxed),
            pending: BTreeMap::new(),
            is_whole: true,
            closing: false,
        };
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&inbox));
        if let Err(error) = &thread {
            tracing::warn!(
                "The store cannot run ({error}); counters are not protected over a restart. Free some memory and restart."
            );
        }
        Self {
            jobs,
            failing,
            is_lasting,
        }
    }

    /// Whether what is saved is still there in the next run.
    pub const fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// Whether saving fails at the moment.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Saves a device's description.
    pub fn save_device(&self, source: &str, device: &Device) {
        let subject = Subject::Device {
            id: device.id.to_string(),
        };
        self.save(subject, source, Some(device));
    }

    /// Forgets a device. Its counters stay: they are its identity's for ever.
    pub fn forget_device(&self, id: &DeviceId) {
        self.save(Subject::Device { id: id.to_string() }, "", None::<&()>);
    }

    /// Saves the state of a counter.
    pub fn save_counter(&self, device: &DeviceId, key: &str, state: &impl Serialize) {
        let counter = Counter {
            device: device.to_string(),
            key: key.to_owned(),
        };
        self.save(Subject::Counter(counter), "", Some(state));
    }

    pub(super) fn save(&self, subject: Subject, source: &str, content: Option<&impl Serialize>) {
        let json = content.map(serde_json::to_string).transpose();
        match json {
            Ok(json) => {
                let content = Content {
                    source: source.to_owned(),
                    json,
                };
                // The writer is gone only when the program is ending.
                let _ = self.jobs.send(Job::Change(subject, content));
            }
            Err(error) => tracing::debug!("{subject:?} cannot be saved: {error}"),
        }
    }

    /// Writes what was handed over until now, and tells whether all of it is on the disk. An answer
    /// that does not come at all is a no.
    pub fn written(&self) -> oneshot::Receiver<bool> {
        let (answer, wait) = oneshot::channel();
        let answer = move |is_saved| {
            let _ = answer.send(is_saved);
        };
        // The writer is gone only when the program is ending.
        let _ = self.jobs.send(Job::Flush(Box::new(answer)));
        wait
    }

    /// Waits until all that was handed over has been written, as far as the disk lets it, at most
    /// `within`.
    pub fn flush(&self, within: Duration) {
        let (done, wait) = mpsc::channel();
        let done = move |_| {
            let _ = done.send(());
        };
        if self.jobs.send(Job::Flush(Box::new(done))).is_ok() {
            let _ = wait.recv_timeout(within);
        }
    }

    /// Writes the rest and closes the file.
    pub fn close(self) {
        let (done, wait) = mpsc::channel();
        let done = move |_| {
            let _ = done.send(());
        };
        // The thread itself may live on with other handles, in tasks that are being dropped.
        if self.jobs.send(Job::Close(Box::new(done))).is_ok() {
            let _ = wait.recv_timeout(Duration::from_secs(5));
        }
    }
}

struct Writer {
    connection: Option<Connection>,
    /// `None` for a store that forgets.
    path: Option<PathBuf>,
    failing: Arc<AtomicBool>,
    /// Whether the program began with what is in the file.
    has_read: bool,
    /// Rows that the program did not begin with, because the file could be opened only later.
    unread: BTreeSet<Subject>,
    pending: BTreeMap<Subject, Content>,
    /// Whether nothing that was handed over since the last try has been left out.
    is_whole: bool,
    closing: bool,
}

impl Writer {
    fn run(mut self, inbox: &mpsc::Receiver<Job>) {
        loop {
            let job = if self.failing.load(Ordering::Relaxed) {
                inbox.recv_timeout(RETRY)
            } else {
                inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            let mut waiting = Vec::new();
            match job {
                Ok(job) => self.take(job, &mut waiting),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // One transaction for all that has come meanwhile.
            while let Ok(job) = inbox.try_recv() {
                self.take(job, &mut waiting);
            }
            self.write();
            let is_saved = self.pending.is_empty() && self.unread.is_empty() && self.is_whole;
            self.is_whole = true;
            if self.closing {
                // SQLite folds its log in with the last connection.
                self.connection = None;
                self.closing = false;
            }
            for answer in waiting {
                answer(is_saved);
            }
        }
        self.write();
    }

    fn take(&mut self, job: Job, waiting: &mut Vec<Answer>) {
        match job {
            Job::Flush(done) => waiting.push(done),
            Job::Close(done) => {
                self.closing = true;
                waiting.push(done);
            }
            Job::Change(..) if self.path.is_none() => {}
            Job::Change(subject, content) => {
                if self.pending.len() < MAX_PENDING || self.pending.contains_key(&subject) {
                    self.pending.insert(subject, content);
                } else {
                    self.is_whole = false;
                }
            }
        }
    }

    fn write(&mut self) {
        let Some(path) = self.path.clone() else {
            return;
        };
        if self.pending.is_empty() && !self.failing.load(Ordering::Relaxed) {
            return;
        }
        match self.try_write(&path) {
            Ok(()) => {
                self.pending.clear();
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("The store {} takes values again.", path.display());
                }
            }
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "The store {} takes no values ({error}). Running on and trying again every {} seconds. \
                         Free some space on the disk or check the rights of the folder.",
                        path.display(),
                        RETRY.as_secs()
                    );
                }
            }
        }
    }

    fn try_write(&mut self, path: &Path) -> Result<(), StoreError> {
        if self.connection.is_none() {
            let (connection, saved) = open(path)?;
            self.connection = Some(connection);
            if !self.has_read {
                self.has_read = true;
                self.protect(path, &saved);
            }
        }
        // A device that is surely gone may go from the file too.
        let gone = |content: &Content| content.json.is_none();
        let unread = &mut self.unread;
        self.pending
            .retain(|subject, content| !unread.contains(subject) || gone(content));
        for subject in self.pending.keys() {
            unread.remove(subject);
        }
        match &mut self.connection {
            Some(connection) => saved::write(connection, &self.pending),
            None => Ok(()),
        }
    }

    /// What began from nothing in this run must not replace what was saved in an earlier one.
    fn protect(&mut self, path: &Path, saved: &Saved) {
        self.unread = saved.subjects().collect();
        if !self.unread.is_empty() {
            tracing::warn!(
                "The store {} could be opened only now. The counters saved in it are left as they are, and what is \
                 counted now for the same devices is not saved. Restart wattbridge so that it continues from the saved counters.",
                path.display()
            );
        }
    }
}

#[cfg(test)]
mod tests;
