//! The thread that writes, and the handles that feed it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde::Serialize;
use tokio::sync::oneshot;

use super::opening::{open, open_at_start};
use super::saved::{self, Changes, Content, Counter, Saved, Subject};
use crate::model::{Days, Device, DeviceId};
use crate::sqlite::{DatabaseError, Sameness, fold_in, in_words, is_damage, set_aside, to_look_at};

/// How long to wait before writing again after the disk refused.
const RETRY: Duration = Duration::from_secs(30);
/// How long changes are gathered: all of them together cost the SD card as much as one.
const GATHER: Duration = Duration::from_secs(3);
/// How often the log is folded into the file while the program runs.
const FOLD_IN: Duration = Duration::from_secs(60 * 60);
/// How long a problem that was mended at once is shown, so that somebody sees it.
const SHOWN: Duration = Duration::from_secs(150);
/// Subjects kept in memory while the disk refuses; far above any real installation.
const MAX_PENDING: usize = 100_000;

enum Job {
    Change(Subject, Content),
    Flush(FlushAnswer),
    /// Closes the file; a later change would open it again.
    Close(FlushAnswer),
}

/// Takes whether all that was handed over before is on the disk, once that has been tried.
type FlushAnswer = Box<dyn FnOnce(bool) + Send>;

/// The handle for saving. Cheap to clone; saving never waits for the disk.
#[derive(Debug, Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    failing: Arc<AtomicBool>,
    refusing: Arc<AtomicBool>,
    is_open: bool,
    is_lasting: bool,
}

impl Store {
    /// Opens the file, made anew where there is none, and reads what was saved. Where it cannot be
    /// opened, nothing was saved and the program runs all the same. Waits some 20 seconds for
    /// another program that holds the file.
    pub fn open(path: &Path) -> (Self, Saved) {
        let (connection, saved, was_damaged) = match open_at_start(path) {
            Ok((connection, saved, was_damaged)) => (Some(connection), saved, was_damaged),
            Err(error) => {
                let advice = match error {
                    DatabaseError::Newer { .. } => {
                        "Run the newer version again, or name another file as path in [store]."
                    }
                    DatabaseError::Sqlite(_) => {
                        "Check that the folder exists, is yours and has space."
                    }
                };
                tracing::warn!(
                    "The store {} cannot be opened ({error}). Running on without it: counters are not protected over a restart. \
                     {advice}",
                    path.display()
                );
                (None, Saved::default(), false)
            }
        };
        let writer = Writer::new(Some(path.to_owned()), connection, &saved, was_damaged);
        (Self::start(writer), saved)
    }

    /// A store that forgets everything at the end, for demonstrations and replays.
    pub fn in_memory() -> (Self, Saved) {
        let saved = Saved::default();
        (Self::start(Writer::new(None, None, &saved, false)), saved)
    }

    /// Reads what was saved and saves nothing, beside a program that runs.
    pub fn look_at(path: &Path) -> (Self, Saved) {
        let saved = to_look_at(path)
            .map_err(DatabaseError::from)
            .and_then(|connection| saved::load(&connection));
        let saved = saved.unwrap_or_else(|error| {
            tracing::warn!(
                "The store {} cannot be read ({error}); check the path.",
                path.display()
            );
            Saved::default()
        });
        (Self::start(Writer::new(None, None, &saved, false)), saved)
    }

    fn start(writer: Writer) -> Self {
        let (jobs, inbox) = mpsc::channel();
        let failing = Arc::clone(&writer.failing);
        let refusing = Arc::clone(&writer.refusing);
        let is_open = writer.has_read;
        let is_lasting = writer.path.is_some();
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run(&inbox));
        if let Err(error) = &thread {
            failing.store(true, Ordering::Relaxed);
            refusing.store(true, Ordering::Relaxed);
            tracing::warn!(
                "The store cannot run ({error}); counters are not protected over a restart. Free some memory and restart."
            );
        }
        Self {
            jobs,
            failing,
            refusing,
            is_open,
            is_lasting,
        }
    }

    /// Whether what is saved is still there in the next run.
    pub const fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// Whether the file was opened at the start.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether saving fails at the moment, or had to begin with a new file a moment ago.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Whether values cannot be saved at the moment, or not in this run. A problem that is shown
    /// ([`Self::is_failing`]) may be over already.
    pub fn is_refusing(&self) -> bool {
        self.refusing.load(Ordering::Relaxed)
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

    /// Saves what a device remembers of its past. Days that were saved before and are not among these stay.
    pub fn save_days(&self, days: &Days) {
        for (date, values) in &days.days {
            let values = values.iter();
            let json: serde_json::Map<_, _> = values
                .map(|reading| (reading.key.to_string(), reading.value.to_json()))
                .collect();
            let subject = Subject::Day {
                device: days.device.to_string(),
                date: date.to_string(),
            };
            self.save(subject, "", Some(&json));
        }
    }

    pub(crate) fn save(&self, subject: Subject, source: &str, content: Option<&impl Serialize>) {
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
    /// `None` for a store that forgets.
    path: Option<PathBuf>,
    file: Option<OpenFile>,
    /// For the handles: whether there is a problem to be shown.
    failing: Arc<AtomicBool>,
    /// For the handles: whether values cannot be saved.
    refusing: Arc<AtomicBool>,
    /// The disk takes nothing, and is tried again then.
    retry_at: Option<Instant>,
    shown_until: Option<Instant>,
    /// Whether the program began with what is in the file.
    has_read: bool,
    /// Rows that the program did not begin with, because the file could be opened only later.
    unread: BTreeSet<Subject>,
    /// All that is in the file, to make it anew when it is damaged.
    kept: Changes,
    /// The file was begun anew and lacks what is `kept`.
    lacks_all: bool,
    /// It was begun anew, and nobody has been told that all is in it again.
    was_remade: bool,
    pending: Changes,
    /// When what is pending is written.
    due: Option<Instant>,
    /// Whether nothing that was handed over since the last try has been left out.
    is_whole: bool,
    closing: bool,
}

struct OpenFile {
    connection: Connection,
    /// As we left it.
    sameness: Sameness,
    folded_in: Instant,
}

impl OpenFile {
    fn new(connection: Connection, path: &Path) -> Self {
        Self {
            connection,
            sameness: Sameness::of(path),
            folded_in: Instant::now(),
        }
    }
}

impl Writer {
    fn new(
        path: Option<PathBuf>,
        connection: Option<Connection>,
        saved: &Saved,
        was_damaged: bool,
    ) -> Self {
        let now = Instant::now();
        let is_shut = path.is_some() && connection.is_none();
        let opened = connection.zip(path.as_ref());
        Self {
            file: opened.map(|(connection, path)| OpenFile::new(connection, path)),
            kept: path.as_ref().map_or_else(Changes::new, |_| saved.changes()),
            path,
            failing: Arc::new(AtomicBool::new(is_shut || was_damaged)),
            refusing: Arc::new(AtomicBool::new(is_shut)),
            retry_at: is_shut.then(|| now + RETRY),
            shown_until: was_damaged.then(|| now + SHOWN),
            has_read: !is_shut,
            unread: BTreeSet::new(),
            lacks_all: false,
            was_remade: false,
            pending: Changes::new(),
            due: None,
            is_whole: true,
            closing: false,
        }
    }

    fn run(mut self, inbox: &mpsc::Receiver<Job>) {
        loop {
            let job = match self.next() {
                Some(at) => inbox.recv_timeout(at.saturating_duration_since(Instant::now())),
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let mut waiting = Vec::new();
            match job {
                Ok(job) => self.take(job, &mut waiting),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Ok(job) = inbox.try_recv() {
                self.take(job, &mut waiting);
            }
            let now = Instant::now();
            let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
            if !waiting.is_empty() || is_due(self.retry_at.or(self.due)) {
                self.write();
            }
            if is_due(self.shown_until) {
                self.shown_until = None;
            }
            self.show();
            let is_saved = self.pending.is_empty() && self.unread.is_empty() && self.is_whole;
            if !waiting.is_empty() {
                self.is_whole = true;
            }
            if self.closing {
                // SQLite folds its log in with the last connection.
                self.file = None;
                self.closing = false;
            }
            for answer in waiting {
                answer(is_saved);
            }
        }
        self.write();
    }

    /// When there is something to do without a job. What is pending while the disk takes nothing
    /// waits for the next try.
    fn next(&self) -> Option<Instant> {
        let own = [self.retry_at.or(self.due), self.shown_until];
        own.into_iter().flatten().min()
    }

    fn show(&self) {
        let shown = self.retry_at.is_some() || self.shown_until.is_some();
        self.failing.store(shown, Ordering::Relaxed);
        // Rows that this run did not begin with are left alone to its end.
        let refusing = self.retry_at.is_some() || !self.unread.is_empty();
        self.refusing.store(refusing, Ordering::Relaxed);
    }

    fn take(&mut self, job: Job, waiting: &mut Vec<FlushAnswer>) {
        match job {
            Job::Flush(done) => waiting.push(done),
            Job::Close(done) => {
                self.closing = true;
                waiting.push(done);
            }
            Job::Change(..) if self.path.is_none() => {}
            Job::Change(subject, content) => {
                let is_known =
                    self.pending.contains_key(&subject) || self.kept.contains_key(&subject);
                if self.pending.len() >= MAX_PENDING && !self.pending.contains_key(&subject) {
                    self.is_whole = false;
                    return;
                }
                // Where a counter begins must not be forgotten, nor who this bridge is.
                let now = Instant::now();
                let due = if is_known { now + GATHER } else { now };
                self.due = Some(self.due.map_or(due, |before| before.min(due)));
                self.pending.insert(subject, content);
            }
        }
    }

    fn write(&mut self) {
        let Some(path) = self.path.clone() else {
            return;
        };
        if self.pending.is_empty() && self.retry_at.is_none() {
            return;
        }
        match self.try_write(&path) {
            Ok(()) => {
                for (subject, content) in std::mem::take(&mut self.pending) {
                    match content.json {
                        Some(_) => self.kept.insert(subject, content),
                        None => self.kept.remove(&subject),
                    };
                }
                self.due = None;
                if self.retry_at.take().is_some() {
                    tracing::info!("The store {} takes values again.", path.display());
                }
                if std::mem::take(&mut self.was_remade) {
                    tracing::info!(
                        "The store {} is there again, with all that is known.",
                        path.display()
                    );
                }
            }
            Err(error) => {
                // What our own try has left behind is nobody else's work.
                if let Some(file) = &mut self.file {
                    file.sameness = Sameness::of(&path);
                }
                if self.retry_at.replace(Instant::now() + RETRY).is_none() {
                    tracing::warn!(
                        "The store {} takes no values ({error}). Running on and trying again every {} seconds. \
                         Free some space on the disk or check the rights of the folder.",
                        path.display(),
                        RETRY.as_secs()
                    );
                }
            }
        }
        self.show();
    }

    fn try_write(&mut self, path: &Path) -> Result<(), DatabaseError> {
        let file = self.file.as_ref();
        if let Some(what) = file.and_then(|file| file.sameness.broken_by(path)) {
            self.begin_anew(path, what);
        }
        match self.write_once(path) {
            Err(error) if is_damage(&error) => {
                self.begin_anew(path, &format!("is damaged ({error})"));
                self.write_once(path)
            }
            other => other,
        }
    }

    /// Sets aside what is there, so that the next write makes the file with all that is known.
    fn begin_anew(&mut self, path: &Path, what: &str) {
        // Before the connection is closed, which deletes a log of this name.
        let moved = set_aside(path);
        self.file = None;
        self.lacks_all = self.has_read;
        self.was_remade = true;
        self.shown_until = Some(Instant::now() + SHOWN);
        tracing::warn!(
            "The store {} {what} while wattbridge runs. {} It is made anew with all that is known. \
             Look for what did it: another program, or a disk or SD card that fails.",
            path.display(),
            in_words(&moved),
        );
    }

    fn write_once(&mut self, path: &Path) -> Result<(), DatabaseError> {
        if self.file.is_none() {
            let (connection, saved) = open(path)?;
            self.file = Some(OpenFile::new(connection, path));
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
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        if self.lacks_all {
            let mut all = self.kept.clone();
            all.extend(self.pending.clone());
            saved::write(&mut file.connection, &all)?;
            self.lacks_all = false;
        } else {
            saved::write(&mut file.connection, &self.pending)?;
        }
        if file.folded_in.elapsed() >= FOLD_IN {
            fold_in(&file.connection)?;
            file.folded_in = Instant::now();
        }
        file.sameness = Sameness::of(path);
        Ok(())
    }

    /// What began from nothing in this run must not replace what was saved in an earlier one.
    fn protect(&mut self, path: &Path, saved: &Saved) {
        self.kept = saved.changes();
        self.unread = self.kept.keys().cloned().collect();
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
