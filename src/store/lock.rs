//! One program for one store: two would fight for its counters, for serial ports and for devices.
//!
//! The lock is the kernel's, so that it ends with the program however that ends. What stands in the
//! file is for people.

use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Held as long as this lives.
#[derive(Debug)]
pub struct Lock {
    _held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    path: PathBuf,
    /// Goes after the file has been removed, so that nobody can have it in between.
    _file: File,
    is_ours: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Another wattbridge has the store.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// It runs with the same configuration.
    #[error("wattbridge already runs{} with this configuration; stop it first{}",
        process(.pid), how(.pid))]
    Runs {
        /// The other's process id, if it could be read.
        pid: Option<u32>,
    },
    /// It runs with another configuration, and both use one store.
    #[error(
        "wattbridge already runs{} with another configuration, {other}, and its store, {}; \
         give this one a store of its own, such as\n\n[store]\npath = \"second.db\"",
        process(.pid), .store.display()
    )]
    Shares {
        /// The other's process id, if it could be read.
        pid: Option<u32>,
        /// The other's configuration file.
        other: String,
        /// The store.
        store: PathBuf,
    },
}

fn process(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (PID {pid})"))
}

fn how(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| {
        format!(", for example with `systemctl stop wattbridge` or `kill {pid}`")
    })
}

impl Lock {
    /// Takes the lock of the store `store` for a program with the configuration file `config`.
    ///
    /// Where the folder of the store takes no lock, one in memory does, which holds for this
    /// computer; where nothing does, the program runs all the same and says so.
    ///
    /// # Errors
    ///
    /// When another program has it.
    pub fn take(store: &Path, config: &Path) -> Result<Self, LockError> {
        // Whatever way leads to the file.
        let store = store.canonicalize().or_else(|_| std::path::absolute(store));
        let store = store.unwrap_or_default();
        let config = std::path::absolute(config).unwrap_or_else(|_| config.to_owned());
        let mut beside = store.as_os_str().to_owned();
        beside.push(".lock");
        let beside = PathBuf::from(beside);
        let places = [beside, in_memory(&store)];
        let mut failures = Vec::new();
        for place in &places {
            match hold(place, &config) {
                Ok(held) => {
                    if let Some(error) = failures.first() {
                        tracing::info!(
                            "{} cannot be locked ({error}). The lock is {} instead, which keeps a second wattbridge \
                             away on this computer, but not on another one with the same folder.",
                            store.display(),
                            place.display()
                        );
                    }
                    return Ok(Self { _held: Some(held) });
                }
                Err(Refusal::Held { pid, other }) => {
                    return Err(match other {
                        Some(other) if Path::new(&other) != config => {
                            LockError::Shares { pid, other, store }
                        }
                        _ => LockError::Runs { pid },
                    });
                }
                Err(Refusal::Failed(error)) => failures.push(error),
            }
        }
        tracing::warn!(
            "{} cannot be locked, so nothing keeps a second wattbridge from using it: take care to start only one. \
             Check the rights of its folder, and of {}.",
            store.display(),
            folder_in_memory().display()
        );
        Ok(Self { _held: None })
    }
}

enum Refusal {
    Held {
        pid: Option<u32>,
        other: Option<String>,
    },
    Failed(io::Error),
}

fn hold(path: &Path, config: &Path) -> Result<Held, Refusal> {
    let (mut file, writable) = open(path).map_err(Refusal::Failed)?;
    match file.try_lock() {
        // Who had it has just removed the file, and somebody else may have the next one.
        Ok(()) if !is_at(&file, path) => return hold(path, config),
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.take(4096).read_to_string(&mut text);
            let mut lines = text.lines();
            return Err(Refusal::Held {
                pid: lines.next().and_then(|line| line.parse().ok()),
                other: lines.next().map(str::to_owned),
            });
        }
        Err(TryLockError::Error(error)) => return Err(Refusal::Failed(error)),
    }
    if writable {
        // A full disk takes no words, but the lock holds.
        let _ = file.set_len(0);
        let _ = writeln!(file, "{}\n{}", std::process::id(), config.display());
    }
    Ok(Held {
        path: path.to_owned(),
        _file: file,
        is_ours: writable,
    })
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |about: std::fs::Metadata| (about.dev(), about.ino());
    let (ours, there) = (file.metadata(), std::fs::metadata(path));
    ours.ok().map(place) == there.ok().map(place)
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// To write in, else to read: the lock of another user, or one on a disk that takes no changes.
fn open(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // In a folder for everybody, a link of this name may be somebody's trap.
        let no_link = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(no_link.bits()).unwrap_or_default());
        options.mode(0o600);
    }
    let reading = options.clone();
    match options.write(true).create(true).truncate(false).open(path) {
        Ok(file) => Ok((file, true)),
        Err(error) => reading
            .open(path)
            .map(|file| (file, false))
            .map_err(|_| error),
    }
}

/// One file for each store.
fn in_memory(store: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    store.hash(&mut hasher);
    folder_in_memory().join(format!("wattbridge-{:016x}.lock", hasher.finish()))
}

/// Where `TMPDIR` says; else the folder in memory that every Linux has, containers included.
pub fn folder_in_memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if std::env::var_os("TMPDIR").is_none() && memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_has_one_user_and_is_free_again_after_him() {
        let folder = tempfile::tempdir().unwrap();
        let (store, config) = (folder.path().join("a.db"), folder.path().join("a.toml"));
        let lock = Lock::take(&store, &config).unwrap();
        let pid = Some(std::process::id());
        let refused = Lock::take(&store, &config).unwrap_err();
        assert_eq!(refused, LockError::Runs { pid });
        assert!(refused.to_string().contains("already runs (PID "));
        // By another name of the same file.
        std::fs::write(&store, "").unwrap();
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&store, &link).unwrap();
        assert!(Lock::take(&link, &config).is_err());
        assert!(Lock::take(&folder.path().join("b.db"), &config).is_ok());
        drop(lock);
        assert!(
            !folder.path().join("a.db.lock").exists(),
            "nothing is left behind"
        );
        assert!(Lock::take(&store, &config).is_ok());
    }

    #[test]
    fn another_configuration_is_told_to_take_another_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("wattbridge.db");
        let _lock = Lock::take(&store, &folder.path().join("roof.toml")).unwrap();
        let refused = Lock::take(&store, &folder.path().join("cellar.toml")).unwrap_err();
        let words = refused.to_string();
        assert!(words.contains("roof.toml"), "{words}");
        assert!(words.contains("[store]\npath = "), "{words}");
    }

    #[test]
    fn a_folder_that_takes_no_lock_does_not_let_two_in() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("missing").join("a.db");
        let config = folder.path().join("a.toml");
        let _lock = Lock::take(&store, &config).unwrap();
        assert!(Lock::take(&store, &config).is_err());
    }

    #[test]
    fn what_an_earlier_run_left_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("a.db");
        std::fs::write(folder.path().join("a.db.lock"), "1\n/etc/other.toml\nmore").unwrap();
        let _lock = Lock::take(&store, &folder.path().join("a.toml")).unwrap();
        let text = std::fs::read_to_string(folder.path().join("a.db.lock")).unwrap();
        assert!(
            text.starts_with(&format!("{}\n", std::process::id())),
            "{text}"
        );
        assert_eq!(text.lines().count(), 2);
    }
}
