//! Telling, once each time, that a file cannot be written, and that it can be again.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// The troubles with one file.
#[derive(Debug)]
pub struct FileTroubles {
    /// The section of the configuration that names the file.
    section: &'static str,
    path: PathBuf,
    /// What becomes of what could not be written, for the log.
    outlook: &'static str,
    /// Whether the last attempt failed, so that the next failure is no news.
    fails: bool,
}

/// Why the file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written ({source}). {}", .path.display(), advice(.source, .section))]
pub struct Unwritable {
    section: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Unwritable {
    pub fn new(section: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self {
            section,
            path: path.into(),
            source,
        }
    }
}

impl FileTroubles {
    /// No trouble yet.
    pub const fn new(section: &'static str, path: PathBuf, outlook: &'static str) -> Self {
        Self {
            section,
            path,
            outlook,
            fails: false,
        }
    }

    /// The file, for other words about it.
    pub fn file(&self) -> impl fmt::Display {
        self.path.display()
    }

    /// Tells what became of an attempt to write, if it is news.
    pub fn tell(&mut self, written: io::Result<()>) {
        let section = self.section;
        let failed = std::mem::replace(&mut self.fails, written.is_err());
        match written {
            Ok(()) if failed => {
                tracing::info!("[{section}] {} is written again", self.path.display());
            }
            Ok(()) => {}
            Err(source) => {
                let error = Unwritable::new(section, &self.path, source);
                if failed {
                    tracing::debug!("[{section}] {error}");
                } else {
                    tracing::warn!("[{section}] {error} {}", self.outlook);
                }
            }
        }
    }
}

fn advice(error: &io::Error, section: &str) -> String {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            format!("Make the folder, or correct path in [{section}].")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "Give the user that runs wattbridge the right to write in that folder; as a service it \
             may need a line ReadWritePaths= too."
                .to_owned()
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "Free some space on the disk.".to_owned()
        }
        ErrorKind::IsADirectory => format!("path in [{section}] has to be a file in that folder."),
        ErrorKind::InvalidData => format!("Choose another path in [{section}]."),
        ErrorKind::BrokenPipe => "Nobody reads it any more.".to_owned(),
        _ => "Check the disk or the share it is on.".to_owned(),
    }
}
