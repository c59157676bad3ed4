//! The configuration file on the disk.
//!
//! A version that was there is kept as a copy before another one takes its place, and whoever reads the file sees the
//! old one or the new one. Where a file cannot be replaced, because it alone was mounted into a container, it is
//! written where it is, after the copy.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::fmt::strtime;
use rustix::fs::Access;

use crate::whole_file::{self, Rights};

/// No configuration is larger.
const LARGEST: u64 = 1024 * 1024;
/// Copies that are kept.
const COPIES: usize = 10;
/// Their name, behind that of the file.
const MOMENT: &str = ".%Y-%m-%dT%H%MZ";

/// Where the configuration is.
#[derive(Debug, Clone)]
pub struct SavedFile {
    path: PathBuf,
}

/// A copy of an earlier version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFile {
    /// The name of its file.
    pub name: String,
    /// When it was made, which is when it was replaced.
    pub at: Timestamp,
    /// Its length in bytes.
    pub size: u64,
}

/// Why the file was not saved. It is as it was, unless that is said.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// Somebody else has changed it.
    #[error("the file has been changed meanwhile")]
    Changed,
    /// The folder or the file takes nothing.
    #[error("{0}")]
    ReadOnly(ReadOnly),
    /// Anything else, most of all a full disk.
    #[error("{path} cannot be written: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// It could not be replaced, and not be written to its end either.
    #[error(
        "{path} could not be written to its end: {source}; its earlier version is whole in {copy}"
    )]
    Torn {
        /// The file.
        path: String,
        /// Where the earlier version is.
        copy: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Why nothing can be written, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct ReadOnly {
    /// Why.
    pub why: String,
    /// What to do.
    pub hint: String,
}

/// A step on the way, for tests that end the program there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SaveStep {
    Read,
    Copied,
    Replaced,
    Settled,
}

impl SavedFile {
    /// That of this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// As it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it really is, so that a link to it stays one.
    fn real(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// What is in it; an empty text if it is not there.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no text.
    pub fn read(&self) -> io::Result<String> {
        read(&self.real())
    }

    /// What tells one version from another.
    pub fn revision(text: &str) -> String {
        let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        hash.as_ref()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Whether something can be written there.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn writable(&self) -> Result<(), ReadOnly> {
        let real = self.real();
        let folder = folder_of(&real);
        let access = |path: &Path| rustix::fs::access(path, Access::WRITE_OK);
        access(&folder)
            .and_then(|()| {
                if real.exists() {
                    access(&real).or_else(|_| owned(&real))
                } else {
                    Ok(())
                }
            })
            .map_err(|error| ReadOnly::new(&folder, &error.into()))
    }

    /// Puts a text in the place of the version with this revision; says the name of the copy that was made of it.
    ///
    /// # Errors
    ///
    /// See `SaveError`.
    pub fn save(
        &self,
        text: &str,
        revision: &str,
        now: Timestamp,
    ) -> Result<Option<String>, SaveError> {
        self.save_in_steps(text, revision, now, |_| ())
    }

    pub(super) fn save_in_steps(
        &self,
        text: &str,
        revision: &str,
        now: Timestamp,
        step: impl Fn(SaveStep),
    ) -> Result<Option<String>, SaveError> {
        let real = self.real();
        let folder = folder_of(&real);
        let failed = |source: io::Error| match source.kind() {
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
                SaveError::ReadOnly(ReadOnly::new(&folder, &source))
            }
            _ => SaveError::Io {
                path: self.path.display().to_string(),
                source,
            },
        };
        let old = read(&real).map_err(failed)?;
        if Self::revision(&old) != revision {
            return Err(SaveError::Changed);
        }
        step(SaveStep::Read);
        let Ok(about) = fs::metadata(&real) else {
            // A file that is not there has no version to keep.
            whole_file::make(&real, text.as_bytes(), Rights::Owner).map_err(failed)?;
            settle(&folder);
            return Ok(None);
        };
        let copy = self.copy(&real, &old, &about, now).map_err(failed)?;
        settle(&folder);
        step(SaveStep::Copied);
        // The copy took a while, on a slow card.
        if read(&real).map_err(failed)? != old {
            return Err(SaveError::Changed);
        }
        match whole_file::replace_for_good(&real, text.as_bytes(), Rights::Like(&about)) {
            Ok(()) => {}
            Err(error) if cannot_be_replaced(&error) => {
                write_in_place(&real, text).map_err(|source| SaveError::Torn {
                    path: self.path.display().to_string(),
                    copy: copy.clone(),
                    source,
                })?;
            }
            Err(error) => return Err(failed(error)),
        }
        step(SaveStep::Replaced);
        settle(&folder);
        step(SaveStep::Settled);
        self.forget_old_copies(&copy);
        Ok(Some(copy))
    }

    /// Keeps the version that is there.
    fn copy(&self, real: &Path, old: &str, about: &Metadata, now: Timestamp) -> io::Result<String> {
        let moment = strtime::format(MOMENT, now).unwrap_or_default();
        let before = name_of(real);
        // The same minute may have several. Numbers go on from the highest, so that the latest copy has that also where
        // earlier ones are gone.
        let copies = self.copies();
        let ending = |copy: &CopyFile| moment_of(copy.name.get(before.len()..)?);
        let this_minute = moment_of(&moment).map(|(at, _)| at);
        let numbers = copies
            .iter()
            .filter_map(ending)
            .filter(|(at, _)| Some(*at) == this_minute);
        let next = numbers.map(|(_, number)| number).max().unwrap_or_default();
        for number in next.saturating_add(1)..next.saturating_add(100) {
            let again = if number == 1 {
                String::new()
            } else {
                format!("-{number}")
            };
            let name = format!("{before}{moment}{again}");
            let path = real.with_file_name(&name);
            let made = whole_file::make(&path, old.as_bytes(), Rights::Like(about));
            let made = made.or_else(|error| match error.raw_os_error() {
                // Only the administrator can give a file away. It is for our own eyes then.
                Some(code) if code == rustix::io::Errno::PERM.raw_os_error() => {
                    whole_file::make(&path, old.as_bytes(), Rights::Owner)
                }
                _ => Err(error),
            });
            match made {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    /// The copies there are, the latest first.
    pub fn copies(&self) -> Vec<CopyFile> {
        let real = self.real();
        let before = name_of(&real);
        let Ok(entries) = fs::read_dir(folder_of(&real)) else {
            return Vec::new();
        };
        let mut copies: Vec<CopyFile> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let (at, _) = moment_of(name.strip_prefix(&before)?)?;
                let about = entry.metadata().ok().filter(Metadata::is_file)?;
                Some(CopyFile {
                    name,
                    at,
                    size: about.len(),
                })
            })
            .collect();
        let order = |copy: &CopyFile| moment_of(&copy.name[before.len()..]);
        copies.sort_by_key(|copy| std::cmp::Reverse(order(copy)));
        copies
    }

    /// What is in a copy; none if there is none of that name.
    pub fn copy_of(&self, name: &str) -> Option<String> {
        let is_there = self.copies().iter().any(|copy| copy.name == name);
        is_there
            .then(|| read(&self.real().with_file_name(name)).ok())
            .flatten()
    }

    /// The one that was just made stays, whatever the clock says.
    fn forget_old_copies(&self, made: &str) {
        let real = self.real();
        let old = self.copies().into_iter().skip(COPIES);
        for old in old.filter(|copy| copy.name != made) {
            // It is in nobody's way if it stays.
            let _ = fs::remove_file(real.with_file_name(old.name));
        }
    }
}

impl ReadOnly {
    pub(super) fn new(folder: &Path, error: &io::Error) -> Self {
        let folder = folder.display();
        if error.kind() == ErrorKind::ReadOnlyFilesystem {
            Self {
                why: format!("wattbridge can only read {folder}, and write nothing there"),
                hint: format!(
                    "in a service, write ReadWritePaths={folder} below [Service] with `systemctl edit wattbridge`; in a \
                     container, mount the folder without :ro; then restart wattbridge"
                ),
            }
        } else {
            Self {
                why: format!("wattbridge may write nothing in {folder}"),
                hint: format!(
                    "give the user that runs wattbridge the right to write there: chown USER {folder}, or chmod g+w for \
                     its group"
                ),
            }
        }
    }
}

/// One that is ours can be replaced, whatever its own rights are.
fn owned(path: &Path) -> rustix::io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let own = rustix::process::geteuid().as_raw();
    match fs::metadata(path) {
        Ok(about) if about.uid() == own => Ok(()),
        _ => Err(rustix::io::Errno::ACCESS),
    }
}

fn read(path: &Path) -> io::Result<String> {
    match fs::metadata(path) {
        Ok(about) if !about.is_file() => return Err(ErrorKind::InvalidInput.into()),
        Ok(about) if about.len() > LARGEST => return Err(ErrorKind::FileTooLarge.into()),
        _ => {}
    }
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

/// Whether a file can only be written where it is: it was mounted alone, or is somebody else's.
fn cannot_be_replaced(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ResourceBusy | ErrorKind::CrossesDevices
    ) || error.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error())
}

/// The new text is never shorter than what of it is there: the rest goes last.
fn write_in_place(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

/// So that names survive a power cut too.
fn settle(folder: &Path) {
    // Some shares cannot; the file itself is on the disk anyway.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// When a copy was made, by what follows the name of the file in its own, and which of that minute it is.
fn moment_of(ending: &str) -> Option<(Timestamp, u32)> {
    let (moment, number) = match ending.split_once("Z-") {
        Some((moment, number)) => (format!("{moment}Z"), number.parse().ok()?),
        None => (ending.to_owned(), 1),
    };
    let moment = moment.strip_suffix('Z')?;
    let read = strtime::parse(MOMENT.strip_suffix('Z')?, moment).ok()?;
    let at = read
        .to_datetime()
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()?;
    // Nothing but what was written so.
    let is_own = strtime::format(MOMENT, at.timestamp()).is_ok_and(|it| it == format!("{moment}Z"));
    is_own.then(|| (at.timestamp(), number))
}

#[cfg(test)]
mod tests;
