//! Whether the disk has room, and what an end in the middle of something has left on it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{BackupError, BackupParts};

/// What a file is called that is being made for the page.
const MADE: &str = "backup";
/// What a file is called that is to be put back, until it takes its place.
pub(super) const RESTORED: &str = "restored";
/// What a file is called that the page sends.
const SENT: &str = "sent-backup";

/// A hidden file beside the store, for a backup that is made for the page. It is always the same one, so that what an
/// end has left of it is found.
pub fn made_file(store: &Path) -> PathBuf {
    beside(store, MADE)
}

/// The same for a backup that the page sends.
pub fn sent_file(store: &Path) -> PathBuf {
    beside(store, SENT)
}

/// How many bytes this user can still write into a folder, where that can be told.
pub fn free_space(folder: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(folder).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Whether a folder takes so many bytes.
pub(super) fn check_room(folder: &Path, needed: u64) -> Result<(), BackupError> {
    match free_space(folder) {
        Some(free) if free < needed => Err(BackupError::NoRoom {
            folder: folder.to_owned(),
            needed,
            free,
        }),
        _ => Ok(()),
    }
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes what an end in the middle has left: a backup that was being made or sent, and files that were to be put back.
/// Only for whoever has the lock of the store, and while no restore is unfinished.
pub fn sweep_leftovers(parts: &BackupParts) {
    for file in [made_file(&parts.store), sent_file(&parts.store)] {
        for end in ["new", "part"] {
            let _ = fs::remove_file(beside(&file, end));
        }
        let _ = fs::remove_file(&file);
    }
    for place in [&parts.store, &parts.history, &parts.config] {
        let _ = fs::remove_file(beside(place, RESTORED));
    }
    let mut start = std::ffi::OsString::from(".");
    start.push(parts.config.file_name().unwrap_or_default());
    start.push(".");
    let end = format!(".{RESTORED}");
    let entries = fs::read_dir(folder_of(&parts.config)).into_iter();
    for entry in entries.flatten().flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(start.as_encoded_bytes()) && name.ends_with(end.as_bytes()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A file that is written first, hidden beside another one.
pub(super) fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(what);
    path.with_file_name(name)
}
