//! From a backup to files: everything is written beside its place and looked at, before anything takes its place.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::looking::{check_pages, damaged};
use super::making::{beside, fresh};
use super::{Backup, BackupError, BackupPart, BackupParts, HeldFile};
use crate::sqlite::to_look_at;

/// What is put back, and where.
#[derive(Debug)]
pub struct RestorePlan {
    /// Where everything belongs.
    pub places: BackupParts,
    /// Only this; everything if nothing is said.
    pub only: Option<BackupPart>,
    /// The newest formats of the databases that this version knows: of the store, of the history.
    pub known: (i64, i64),
    /// What is added to the name of what was there: `before-restore-20260614-101500`.
    pub aside: String,
}

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
struct Ready {
    part: BackupPart,
    new: PathBuf,
    place: PathBuf,
}

/// Puts back what a backup holds. Nobody may have the files open.
///
/// # Errors
///
/// Something of the backup cannot be used, or nothing can be written where it belongs: all is as it was then.
pub fn restore(backup: &Backup, plan: &RestorePlan) -> Result<Vec<Restored>, BackupError> {
    backup.check()?;
    let is_wanted = |held: &&HeldFile| match plan.only {
        None => true,
        Some(BackupPart::Config) => {
            matches!(held.part, BackupPart::Config | BackupPart::Copy)
        }
        Some(part) => held.part == part,
    };
    let wanted: Vec<&HeldFile> = backup.files.iter().filter(is_wanted).collect();
    if let (Some(part), true) = (plan.only, wanted.is_empty()) {
        return Err(BackupError::Missing {
            path: backup.path().to_owned(),
            part,
        });
    }
    let mut ready = Vec::new();
    for held in wanted {
        let place = plan.places.place(held.part, &held.name);
        // What is kept of an earlier configuration says itself which one it is.
        if held.part == BackupPart::Copy && place.exists() {
            continue;
        }
        let new = beside(&place, "restored");
        ready.push(Ready {
            part: held.part,
            new: new.clone(),
            place: place.clone(),
        });
        if let Err(error) = prepare(backup, held, plan, &new, &place) {
            sweep(&ready);
            return Err(error);
        }
    }
    let mut done = Vec::new();
    for one in &ready {
        match exchange(one, &plan.aside) {
            Ok(restored) => done.push(restored),
            Err(error) => {
                put_back(&done);
                sweep(&ready);
                return Err(error);
            }
        }
    }
    Ok(done)
}

/// Writes one file beside its place and looks at it.
fn prepare(
    backup: &Backup,
    held: &HeldFile,
    plan: &RestorePlan,
    new: &Path,
    place: &Path,
) -> Result<(), BackupError> {
    if let Some(folder) = place.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(BackupError::file(folder))?;
    }
    fresh(new)?;
    let file = File::options().write(true).open(new);
    let mut file = file.map_err(BackupError::file(new))?;
    backup.copy(held, &mut file)?;
    give(&file, place).map_err(BackupError::file(new))?;
    file.sync_all().map_err(BackupError::file(new))?;
    drop(file);
    if held.part.is_database() {
        let bad = |what: String| damaged(backup.path(), format!("{}: {what}", held.name));
        let connection = to_look_at(new).map_err(|error| bad(error.to_string()))?;
        check_pages(&connection).map_err(bad)?;
        let found: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|error| bad(error.to_string()))?;
        let known = match held.part {
            BackupPart::Store => plan.known.0,
            _ => plan.known.1,
        };
        if found > known {
            return Err(BackupError::Newer {
                path: backup.path().to_owned(),
                what: held.part.title(),
                found,
                known,
            });
        }
    }
    Ok(())
}

/// Gives a file to whom the one in its place belongs, else to whom the folder does: who restores may be another
/// user than the service.
fn give(file: &File, place: &Path) -> io::Result<()> {
    let folder = match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let before = fs::metadata(place);
    let like = before.as_ref().ok().cloned();
    let like = like.map_or_else(|| fs::metadata(folder), Ok)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) && own.uid() == 0 {
        fchown(file, Some(like.uid()), Some(like.gid()))?;
    }
    let mode = before.map_or(0o600, |before| before.mode() & 0o777);
    file.set_permissions(Permissions::from_mode(mode))
}

/// Lets a file take its place; what was there gets another name, with its logs.
fn exchange(ready: &Ready, aside: &str) -> Result<Restored, BackupError> {
    let place = &ready.place;
    let moved = |from: &Path, to: &Path| match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(BackupError::file(from)(error)),
        Ok(()) => Ok(true),
    };
    let kept = with(place, &format!(".{aside}"));
    // A log that is left behind would be played into the new file.
    if ready.part.is_database() {
        for end in ["-wal", "-shm"] {
            moved(&with(place, end), &with(&kept, end))?;
        }
    }
    let was_there = moved(place, &kept)?;
    if let Err(error) = fs::rename(&ready.new, place) {
        if was_there {
            let _ = fs::rename(&kept, place);
        }
        return Err(BackupError::file(place)(error));
    }
    Ok(Restored {
        part: ready.part,
        path: place.clone(),
        kept: was_there.then_some(kept),
    })
}

/// Undoes what has been done.
fn put_back(done: &[Restored]) {
    for restored in done.iter().rev() {
        match &restored.kept {
            Some(kept) => {
                let _ = fs::rename(kept, &restored.path);
                for end in ["-wal", "-shm"] {
                    let _ = fs::rename(with(kept, end), with(&restored.path, end));
                }
            }
            None => {
                let _ = fs::remove_file(&restored.path);
            }
        }
    }
}

fn sweep(ready: &[Ready]) {
    for one in ready {
        let _ = fs::remove_file(&one.new);
    }
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
