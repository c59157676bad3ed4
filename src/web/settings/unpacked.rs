//! What a backup brings, and what waits to be put back.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use utoipa::ToSchema;

use super::saved_file::{ReadOnly, SavedFile};
use super::told::ToldProblem;

/// What a backup brings, or what is there now. What is not there is `null`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct BackupContents {
    /// Sections of the configuration.
    pub sections: Option<u64>,
    /// Devices.
    pub devices: Option<u64>,
    /// Counters.
    pub counters: Option<u64>,
    /// Days of the history.
    pub days: Option<u64>,
}

/// A backup that was looked through, and waits to be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FoundBackup {
    /// What it is called when it is put back.
    pub token: String,
    /// When it was made, in seconds since 1970.
    pub made: Option<i64>,
    /// The version of wattbridge that made it.
    pub version: Option<String>,
    /// What is put back.
    pub brings: BackupContents,
    /// In place of what.
    pub replaces: BackupContents,
    /// Why its configuration stays out: what this page may not change. Empty if it does not, or if there is none.
    pub held_back: Vec<ToldProblem>,
    /// What is wrong with the configuration that is put back.
    pub problems: Vec<ToldProblem>,
}

/// What was unpacked beside its place.
#[derive(Debug, Clone, Default)]
pub struct Unpacked {
    /// When it was made, in seconds since 1970.
    pub made: Option<i64>,
    /// The version of wattbridge that made it.
    pub version: Option<String>,
    /// What it brings, without its sections.
    pub brings: BackupContents,
    /// In place of what, without its sections.
    pub replaces: BackupContents,
}

/// What comes of it: where what was there is kept, or why nothing was done.
pub type RestoreOutcome = oneshot::Receiver<Result<Vec<String>, String>>;

impl RestoreRefusal {
    /// A file cannot be written.
    pub fn of_file(file: &Path, error: &io::Error, words: String) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::NoRoom(words),
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
                let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
                Self::ReadOnly(ReadOnly::new(folder.unwrap_or(Path::new(".")), error))
            }
            ErrorKind::ResourceBusy => {
                let file = file.display();
                Self::ReadOnly(ReadOnly {
                    why: format!("nothing can take the place of {file}"),
                    hint: "in a container, mount its folder instead of the file alone; then restart wattbridge".to_owned(),
                })
            }
            _ => Self::NotWritten(words),
        }
    }

    /// What to do.
    pub fn hint(&self) -> &str {
        match self {
            Self::Unfit(_) => "choose another file",
            Self::HeldBack => {
                "use `wattbridge restore`, or set trusted_editor = true in [web] of the file itself"
            }
            Self::NoRoom(_) => {
                "nothing was changed; make room on the disk, or use `wattbridge restore`"
            }
            Self::ReadOnly(ReadOnly { hint, .. }) => hint,
            Self::NotWritten(_) => {
                "nothing was changed; see what it says, or use `wattbridge restore`"
            }
            Self::Busy => "try again in a minute",
            Self::Gone | Self::Changed => "send it once more",
        }
    }
}

/// A backup is not put back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreRefusal {
    /// It cannot be used.
    #[error("{0}")]
    Unfit(String),
    /// Nothing is in it but a configuration that the page may not put back.
    #[error(
        "its configuration changes what this page may not change, or cannot be read, and nothing else is in it"
    )]
    HeldBack,
    /// There is no room for it.
    #[error("{0}")]
    NoRoom(String),
    /// Nothing can be written there.
    #[error("{0}")]
    ReadOnly(ReadOnly),
    /// It cannot be written for another reason.
    #[error("{0}")]
    NotWritten(String),
    /// Another one is being put back.
    #[error("another backup is being put back at the moment")]
    Busy,
    /// Nothing waits under this name any more.
    #[error("this backup waits no longer")]
    Gone,
    /// The configuration is another one than when it was looked through.
    #[error("the configuration has been changed meanwhile")]
    Changed,
}

/// What waits to be put back.
#[derive(Debug)]
struct WaitingBackup {
    token: String,
    /// The version of the configuration that it was compared with.
    revision: String,
}

/// One backup at a time.
#[derive(Debug)]
pub struct RestoreDesk {
    waiting: Mutex<Option<WaitingBackup>>,
    turn: Arc<Semaphore>,
    count: AtomicU64,
}

impl Default for RestoreDesk {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
            count: AtomicU64::default(),
        }
    }
}

impl RestoreDesk {
    /// The turn to send a backup, if nobody else has it.
    pub fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turn).try_acquire_owned().ok()
    }

    /// Lets something wait, in place of what waited before; says under which name.
    pub fn put(&self, present: &str) -> String {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let now = jiff::Timestamp::now().as_nanosecond();
        let token = format!("{now:x}-{number}");
        *self.waiting() = Some(WaitingBackup {
            token: token.clone(),
            revision: SavedFile::revision(present),
        });
        token
    }

    /// Takes what waits under this name; says whether it was compared with what is there now.
    pub fn take(&self, token: &str, present: &str) -> Option<bool> {
        let taken = self.waiting().take_if(|it| it.token == token)?;
        Some(taken.revision == SavedFile::revision(present))
    }

    fn waiting(&self) -> MutexGuard<'_, Option<WaitingBackup>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
