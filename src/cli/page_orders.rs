//! What the page orders of the program, and what is done of it between two rounds.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};

use super::setup::ConfigArgs;
use crate::backup::{
    BackupError, BackupParts, PreparedRestore, Restored, UnfinishedRestore, sweep_leftovers,
};
use crate::config::editing::Layout;
use crate::store::Lock;
use crate::web::{RestoreOutcome, RestoreRefusal};

/// Why nothing runs meanwhile.
pub const PUTTING_BACK: &str = "A backup is being put back; everything begins anew in a moment.";

/// What the page has ordered.
#[derive(Debug)]
pub struct PageOrders {
    reload: watch::Sender<u64>,
    restore: Mutex<RestoreOrder>,
    /// What the configuration said when it was read.
    used: Mutex<Option<toml::Table>>,
}

/// How far a restore has come.
#[derive(Debug, Default)]
enum RestoreOrder {
    #[default]
    Nothing,
    /// A backup is being unpacked.
    Unpacking,
    /// Somebody looks at what is in the backup.
    Unpacked(PreparedRestore, PathBuf),
    /// It is wanted.
    Wanted(WantedRestore),
    /// It is being put back.
    UnderWay,
}

/// The turn to unpack a backup. Nothing is unpacked if it ends before anybody looks at that.
#[derive(Debug)]
pub struct UnpackingTurn<'o>(&'o PageOrders);

impl Drop for UnpackingTurn<'_> {
    fn drop(&mut self) {
        let mut restore = self.0.restore();
        if matches!(*restore, RestoreOrder::Unpacking) {
            *restore = RestoreOrder::Nothing;
        }
    }
}

/// What is to be put back before the next round.
#[derive(Debug)]
pub struct WantedRestore {
    prepared: PreparedRestore,
    /// The store that is there now.
    store: PathBuf,
    answer: oneshot::Sender<Result<Vec<String>, String>>,
}

impl PageOrders {
    /// Those that come with the returned receiver.
    pub fn new() -> (Self, watch::Receiver<u64>) {
        let (reload, wanted) = watch::channel(0);
        let orders = Self {
            reload,
            restore: Mutex::default(),
            used: Mutex::default(),
        };
        (orders, wanted)
    }

    /// Everything is to begin anew.
    pub fn reload(&self) {
        self.reload.send_modify(|count| *count += 1);
    }

    /// The turn to unpack a backup, in place of what was looked at before; none while one is being put back.
    pub fn unpacks(&self) -> Option<UnpackingTurn<'_>> {
        let mut restore = self.restore();
        match *restore {
            RestoreOrder::Nothing | RestoreOrder::Unpacked(..) => {
                *restore = RestoreOrder::Unpacking;
                Some(UnpackingTurn(self))
            }
            _ => None,
        }
    }

    /// Somebody looks at this.
    pub fn look_at(&self, prepared: PreparedRestore, store: PathBuf) {
        *self.restore() = RestoreOrder::Unpacked(prepared, store);
    }

    /// Nobody wants what was looked at.
    pub fn throw_away(&self) {
        let mut restore = self.restore();
        if matches!(*restore, RestoreOrder::Unpacked(..)) {
            *restore = RestoreOrder::Nothing;
        }
    }

    /// What was looked at is wanted.
    pub fn put_back(&self) -> Option<RestoreOutcome> {
        let mut restore = self.restore();
        let RestoreOrder::Unpacked(prepared, store) = std::mem::take(&mut *restore) else {
            return None;
        };
        let (answer, outcome) = oneshot::channel();
        *restore = RestoreOrder::Wanted(WantedRestore {
            prepared,
            store,
            answer,
        });
        drop(restore);
        self.reload();
        Some(outcome)
    }

    /// Whether files are to be put back before the next round, so that nobody may keep one open.
    pub fn is_restore_wanted(&self) -> bool {
        matches!(*self.restore(), RestoreOrder::Wanted(_))
    }

    /// Whether files lie beside their places for a restore, or are about to.
    pub fn has_unpacked(&self) -> bool {
        !matches!(*self.restore(), RestoreOrder::Nothing)
    }

    /// What is to be put back now, until that is done.
    pub fn take(&self) -> Option<WantedRestore> {
        let mut restore = self.restore();
        match std::mem::replace(&mut *restore, RestoreOrder::UnderWay) {
            RestoreOrder::Wanted(wanted) => Some(wanted),
            other => {
                *restore = other;
                None
            }
        }
    }

    /// What was taken is in its place, or will not be.
    pub fn done(&self) {
        let mut restore = self.restore();
        if matches!(*restore, RestoreOrder::UnderWay) {
            *restore = RestoreOrder::Nothing;
        }
    }

    /// The configuration is read now.
    pub fn note_used(&self, path: &Path) {
        let text = std::fs::read_to_string(path).ok();
        *self.used() = text.and_then(|text| Layout::plain(&text).parse().ok());
    }

    /// Whether a text says the same as what was read.
    pub fn is_used(&self, text: &str) -> bool {
        let table: Option<toml::Table> = text.parse().ok();
        table.is_some() && *self.used() == table
    }

    fn restore(&self) -> MutexGuard<'_, RestoreOrder> {
        self.restore.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn used(&self) -> MutexGuard<'_, Option<toml::Table>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WantedRestore {
    /// Leaves all as it is.
    pub fn refuse(self, words: &str) {
        tracing::warn!("The backup was not put back: {words}.");
        let _ = self.answer.send(Err(words.to_owned()));
    }

    /// Puts everything into its place, and says whether it is there. Nobody has the files open.
    pub fn put_back(self, args: &ConfigArgs) -> bool {
        let done = commit(self.prepared, &self.store, args);
        match &done {
            Ok(done) => tracing::info!("{}", in_words(done)),
            Err(words) => tracing::warn!("The backup was not put back: {words}"),
        }
        let is_done = done.is_ok();
        let kept = done.map(|done| {
            let kept = done.into_iter().filter_map(|it| it.kept);
            let name = |path: PathBuf| Some(path.file_name()?.to_string_lossy().into_owned());
            kept.filter_map(name).collect()
        });
        // Whoever has asked may have gone.
        let _ = self.answer.send(kept);
        is_done
    }
}

fn commit(
    prepared: PreparedRestore,
    store: &Path,
    args: &ConfigArgs,
) -> Result<Vec<Restored>, String> {
    let lock = |store: &Path| Lock::take(store, &args.config).map_err(|error| error.to_string());
    let _own = lock(store)?;
    let _other = match prepared.store() == std::path::absolute(store).unwrap_or_default() {
        true => None,
        false => Some(lock(prepared.store())?),
    };
    prepared.commit().map_err(|error| {
        let words = error.to_string();
        let BackupError::File { path, what } = error else {
            return words;
        };
        match RestoreRefusal::of_file(&path, &what, words) {
            refused @ RestoreRefusal::ReadOnly(_) => format!("{refused}; {}", refused.hint()),
            refused => refused.to_string(),
        }
    })
}

/// What became of a restore that was interrupted.
pub type FinishedRestore = Result<String, String>;

/// Brings a restore to its end that was interrupted while the configuration was among it. It is said later: how, stands in
/// the configuration, which is read after that.
pub fn finish_beside_configuration(args: &ConfigArgs) -> Option<FinishedRestore> {
    let unfinished = match UnfinishedRestore::beside(&args.config) {
        Ok(unfinished) => unfinished?,
        Err(error) => return Some(Err(error.to_string())),
    };
    Some(match Lock::take(unfinished.store(), &args.config) {
        Ok(_lock) => finish(unfinished),
        // Whoever has it is perhaps just about it.
        Err(error) => Err(error.to_string()),
    })
}

/// The same beside the store, and whatever else an end in the middle has left, unless that `is_wanted`. Only for whoever
/// has the lock.
pub fn tidy(parts: &BackupParts, is_wanted: bool) -> Option<FinishedRestore> {
    let finished = match UnfinishedRestore::beside(&parts.store) {
        Ok(unfinished) => unfinished.map(finish),
        Err(error) => Some(Err(error.to_string())),
    };
    let is_finished = |file: &Path| matches!(UnfinishedRestore::beside(file), Ok(None));
    if !is_wanted && is_finished(&parts.store) && is_finished(&parts.config) {
        sweep_leftovers(parts);
    }
    finished
}

fn finish(unfinished: UnfinishedRestore) -> FinishedRestore {
    let done = unfinished.finish();
    done.map(|done| in_words(&done))
        .map_err(|error| error.to_string())
}

/// Says what became of it.
pub fn tell(finished: &FinishedRestore) {
    match finished {
        Ok(words) => {
            tracing::info!("A restore that was interrupted was brought to its end. {words}");
        }
        Err(words) => {
            tracing::warn!("A restore that was interrupted cannot be finished: {words}");
        }
    }
}

fn in_words(done: &[Restored]) -> String {
    let parts: Vec<String> = done
        .iter()
        .map(|it| {
            let place = it.path.display();
            match &it.kept {
                Some(kept) => format!("{place} (what was there is {})", kept.display()),
                None => place.to_string(),
            }
        })
        .collect();
    format!("Put back: {}.", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_what_was_read_whatever_its_remarks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wattbridge.toml");
        let (orders, reload) = PageOrders::new();
        assert!(!orders.is_used(""), "nothing was read");
        std::fs::write(&path, "\u{feff}[a]\r\nx = 1\r\ny = 2\r\n").unwrap();
        orders.note_used(&path);
        assert!(orders.is_used("# remark\n[a]\ny = 2 # other\nx = 1\n"));
        assert!(!orders.is_used("[a]\ny = 2\nx = 3\n"));
        assert!(!orders.is_used("[a\n"));
        assert!(!reload.has_changed().unwrap());
    }

    #[test]
    fn nothing_is_unpacked_while_a_backup_is_put_back() {
        let (orders, _reload) = PageOrders::new();
        assert!(!orders.has_unpacked());
        let turn = orders.unpacks().unwrap();
        assert!(orders.has_unpacked() && orders.unpacks().is_none());
        drop(turn);
        assert!(!orders.has_unpacked());
        assert!(orders.take().is_none());
        assert!(!orders.has_unpacked());
        *orders.restore() = RestoreOrder::UnderWay;
        assert!(orders.unpacks().is_none());
        orders.throw_away();
        assert!(orders.has_unpacked());
        orders.done();
        assert!(orders.unpacks().is_some());
    }
}
