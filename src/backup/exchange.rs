//! From files that stand beside their places to their places: all of them or none.
//!
//! What is to be done is written down first. From that moment on it is done, also where the program is killed or the
//! power fails meanwhile: whoever starts next finds the list and brings it to its end, before anything is opened.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::earlier::is_earlier;
use super::room::{RESTORED, beside, folder_of};
use super::{BackupError, BackupPart};
use crate::whole_file::{self, Rights};

/// What the list is called, behind the name of the file that it lies beside.
const LIST: &str = "restoring";

/// A file that was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What it is for.
    pub part: BackupPart,
    /// Where it is.
    pub path: PathBuf,
    /// Where what was there is kept.
    pub kept: Option<PathBuf>,
}

/// A file that stands beside its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileMove {
    pub part: BackupPart,
    pub new: PathBuf,
    pub place: PathBuf,
    /// What was there is called so then.
    pub kept: PathBuf,
}

/// What is to be done, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct MoveList {
    /// The store whose lock is wanted for it.
    store: PathBuf,
    moves: Vec<FileMove>,
}

/// Everything stands beside its place. It is removed if nothing comes of it.
#[derive(Debug)]
pub struct PreparedRestore {
    list: MoveList,
    /// Where the list is written down.
    file: PathBuf,
    is_handed_on: bool,
}

/// A restore that was under way when the program ended.
#[derive(Debug)]
pub struct UnfinishedRestore {
    list: MoveList,
    file: PathBuf,
}

impl PreparedRestore {
    pub(super) const fn new(file: PathBuf, store: PathBuf) -> Self {
        let list = MoveList {
            store,
            moves: Vec::new(),
        };
        Self {
            list,
            file,
            is_handed_on: false,
        }
    }

    pub(super) fn push(&mut self, one: FileMove) {
        self.list.moves.push(one);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.list.moves.is_empty()
    }

    /// Where a part stands until it takes its place.
    pub fn file_of(&self, part: BackupPart) -> Option<&Path> {
        let mut moves = self.list.moves.iter();
        let found = moves.find(|one| one.part == part);
        found.map(|one| one.new.as_path())
    }

    /// How many files there are of a part.
    pub fn count(&self, part: BackupPart) -> usize {
        let moves = self.list.moves.iter();
        moves.filter(|one| one.part == part).count()
    }

    /// The store whose lock is wanted, besides that of the one that is there now.
    pub fn store(&self) -> &Path {
        &self.list.store
    }

    /// Puts everything into its place. Nobody may have the files open.
    ///
    /// # Errors
    ///
    /// All is as it was then.
    pub fn commit(self) -> Result<Vec<Restored>, BackupError> {
        self.commit_in_steps(&|| ())
    }

    pub(super) fn commit_in_steps(mut self, step: &dyn Fn()) -> Result<Vec<Restored>, BackupError> {
        // Only whoever brings one to its end may find that some of it is done already.
        if let Some(gone) = self.list.moves.iter().find(|one| !is_there(&one.new)) {
            return Err(BackupError::file(&gone.new)(ErrorKind::NotFound.into()));
        }
        let failed = BackupError::file(&self.file);
        let text = serde_json::to_vec(&self.list).map_err(|error| failed(error.into()))?;
        step();
        whole_file::replace_for_good(&self.file, &text, Rights::Owner)
            .map_err(BackupError::file(&self.file))?;
        settle(folder_of(&self.file));
        step();
        match self.list.forward(step) {
            Ok(done) => {
                self.is_handed_on = true;
                remove_list(&self.file);
                step();
                Ok(done)
            }
            Err(error) => {
                // Where even that fails, whoever starts next tries to bring it to its end.
                self.is_handed_on = self.list.back().is_err();
                if !self.is_handed_on {
                    remove_list(&self.file);
                }
                Err(error)
            }
        }
    }
}

impl Drop for PreparedRestore {
    fn drop(&mut self) {
        if !self.is_handed_on {
            for one in &self.list.moves {
                let _ = fs::remove_file(&one.new);
            }
        }
    }
}

impl UnfinishedRestore {
    /// One whose list lies beside this file: the configuration or the store.
    ///
    /// # Errors
    ///
    /// There is a list, and it cannot be read.
    pub fn beside(place: &Path) -> Result<Option<Self>, BackupError> {
        let file = list_beside(place);
        let text = match fs::read(&file) {
            // Where there is no folder there is no list either.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            read => read.map_err(BackupError::file(&file))?,
        };
        let list: MoveList = serde_json::from_slice(&text)
            .map_err(|error| BackupError::file(&file)(error.into()))?;
        if !list
            .moves
            .iter()
            .all(|one| one.is_of_a_restore(&list.store, place))
        {
            let words = "it names files that no restore moves; delete it, and put the backup back once more";
            return Err(BackupError::file(&file)(io::Error::other(words)));
        }
        Ok(Some(Self { list, file }))
    }

    /// The store whose lock is wanted.
    pub fn store(&self) -> &Path {
        &self.list.store
    }

    /// Brings it to its end.
    ///
    /// # Errors
    ///
    /// It cannot be, and the next start has to.
    pub fn finish(self) -> Result<Vec<Restored>, BackupError> {
        let done = self.list.forward(&|| ())?;
        remove_list(&self.file);
        Ok(done)
    }
}

/// Where the list lies that belongs to a file.
pub(super) fn list_beside(file: &Path) -> PathBuf {
    beside(file, LIST)
}

fn remove_list(file: &Path) {
    let _ = fs::remove_file(file);
    settle(folder_of(file));
}

impl MoveList {
    /// Does what is not done yet.
    fn forward(&self, step: &dyn Fn()) -> Result<Vec<Restored>, BackupError> {
        let mut done = Vec::new();
        for one in &self.moves {
            one.forward(step).map_err(BackupError::file(&one.place))?;
            done.push(Restored {
                part: one.part,
                path: one.place.clone(),
                kept: Some(one.kept.clone()).filter(|kept| is_there(kept)),
            });
        }
        for one in &self.moves {
            settle(folder_of(&one.place));
        }
        Ok(done)
    }

    /// Undoes what is done, as far as that can be.
    fn back(&self) -> io::Result<()> {
        let undone = self.moves.iter().rev().map(FileMove::back);
        undone.fold(Ok(()), Result::and)
    }
}

impl FileMove {
    /// Whether it moves what a restore does, by the store of the list and the file that the list lies beside.
    fn is_of_a_restore(&self, store: &Path, config: &Path) -> bool {
        let place = resolved(&self.place);
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let is_place = match self.part {
            BackupPart::Store => place == resolved(store),
            BackupPart::Config => place == resolved(config),
            BackupPart::Copy => {
                let start = config.file_name().unwrap_or_default().to_string_lossy();
                let ending = name.strip_prefix(&*start);
                let ending = ending.and_then(|ending| ending.strip_prefix('.'));
                folder_of(&place) == folder_of(&absolute(config)) && ending.is_some_and(is_earlier)
            }
            // Where it is, may stand in a configuration that is not in its place yet.
            BackupPart::History => {
                place != resolved(store) && place != resolved(config) && !name.ends_with(LIST)
            }
        };
        let kept = self.kept.file_name().unwrap_or_default();
        let start = with(Path::new(self.place.file_name().unwrap_or_default()), ".");
        is_place
            && self.new == beside(&self.place, RESTORED)
            && folder_of(&self.kept) == folder_of(&self.place)
            && kept
                .as_encoded_bytes()
                .starts_with(start.as_os_str().as_encoded_bytes())
    }

    fn forward(&self, step: &dyn Fn()) -> io::Result<()> {
        if !is_there(&self.new) {
            return Ok(());
        }
        // With its name a database also loses those who would make another log for it.
        if is_there(&self.place) {
            if is_there(&self.kept) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            rename(&self.place, &self.kept)?;
            step();
        }
        // A log that is left behind would be played into the new file.
        for end in self.logs() {
            rename(&with(&self.place, end), &with(&self.kept, end))?;
            step();
        }
        fs::rename(&self.new, &self.place)?;
        step();
        Ok(())
    }

    fn back(&self) -> io::Result<()> {
        if !is_there(&self.new) {
            rename(&self.place, &self.new)?;
        }
        if is_there(&self.place) {
            return Ok(());
        }
        rename(&self.kept, &self.place)?;
        for end in self.logs() {
            rename(&with(&self.kept, end), &with(&self.place, end))?;
        }
        Ok(())
    }

    const fn logs(&self) -> &'static [&'static str] {
        if self.part.is_database() {
            &["-wal", "-shm"]
        } else {
            &[]
        }
    }
}

/// What is not there needs no other name.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

/// Where a name leads, whether a file is there or not.
fn resolved(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // A link of a link of a link goes on as far as the system itself would follow.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(to) => path = folder_of(&path).join(to),
            Err(_) => break,
        }
    }
    absolute(&path)
}

/// A path by the real name of its folder.
fn absolute(path: &Path) -> PathBuf {
    let folder = folder_of(path);
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    folder.join(path.file_name().unwrap_or_default())
}

pub(super) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// So that names survive a power cut too.
fn settle(folder: &Path) {
    // Some shares cannot.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
