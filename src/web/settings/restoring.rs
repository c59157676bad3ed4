//! Putting back by the page what a backup brings.

use std::path::{Path, PathBuf};

use tokio::sync::OwnedSemaphorePermit;

use super::desk::Desk;
use super::unpacked::{BackupContents, FoundBackup, RestoreOutcome, RestoreRefusal};
use crate::config::editing::{Extents, Layout};
use crate::config::{File, Problem};

impl Desk {
    /// The turn to send a backup, if nobody else has it.
    pub fn restore_turn(&self) -> Option<OwnedSemaphorePermit> {
        self.restoring.turn()
    }

    /// Where a backup is put that is sent.
    pub fn sent_file(&self) -> PathBuf {
        self.program.sent_file()
    }

    /// Bytes that are free where a file is.
    pub fn free_space(&self, file: &Path) -> Option<u64> {
        self.program.free_space(file)
    }

    /// Looks a backup through, and unpacks beside its place what may be put back.
    ///
    /// # Errors
    ///
    /// Why nothing of it can be.
    pub fn unpack(&self, file: &Path) -> Result<FoundBackup, RestoreRefusal> {
        let raw = self.file.read().unwrap_or_default();
        let mut held_back = Vec::new();
        let mut problems = Vec::new();
        let mut sections = None;
        let mut may_come = |text: &str| {
            let plain = Layout::plain(text);
            let present = self.hide(&Layout::plain(&raw));
            let name = self.file.path().display().to_string();
            // It is looked at as it would be read: words in it stand for nothing else.
            let held = match File::parse(&plain, &name) {
                Ok(file) => self.held_whole(&present, &file),
                Err(problems) => problems.into_iter().collect(),
            };
            held_back = self.told(&held, &plain);
            if !held_back.is_empty() {
                return false;
            }
            let found: Vec<Problem> = self.program.check(&plain).into_iter().collect();
            problems = self.told(&found, &plain);
            sections = self.sections(&plain);
            true
        };
        let unpacked = self.program.unpack(file, &mut may_come);
        let unpacked = unpacked.map_err(|refused| match refused {
            RestoreRefusal::Gone => RestoreRefusal::HeldBack,
            refused => refused,
        })?;
        Ok(FoundBackup {
            token: self.restoring.put(&raw),
            made: unpacked.made,
            version: unpacked.version,
            brings: BackupContents {
                sections,
                ..unpacked.brings
            },
            replaces: BackupContents {
                sections: self.sections(&Layout::plain(&raw)),
                ..unpacked.replaces
            },
            held_back,
            problems,
        })
    }

    /// Has what was found put back between two rounds of the program.
    ///
    /// # Errors
    ///
    /// It has to be sent once more.
    pub fn put_back(&self, token: &str) -> Result<RestoreOutcome, RestoreRefusal> {
        let present = self.file.read().unwrap_or_default();
        match self.restoring.take(token, &present) {
            None => return Err(RestoreRefusal::Gone),
            // What the page may not change was compared with that version.
            Some(false) => {
                self.program.throw_away();
                return Err(RestoreRefusal::Changed);
            }
            Some(true) => {}
        }
        self.program.put_back().ok_or(RestoreRefusal::Gone)
    }

    /// Throws away what was found.
    pub fn throw_away(&self, token: &str) {
        if self.restoring.take(token, "").is_some() {
            self.program.throw_away();
        }
    }

    fn sections(&self, plain: &str) -> Option<u64> {
        let labels = Extents::of(plain, &self.kinds)?.all_labels();
        u64::try_from(labels.len()).ok()
    }
}
