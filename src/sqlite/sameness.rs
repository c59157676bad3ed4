//! Whether the files of the store are still as they were written last.
//!
//! SQLite does not look: it goes on writing into a file that was deleted or replaced meanwhile, and
//! copies what somebody else has done to its log into the file.

use std::path::Path;
use std::time::SystemTime;

/// The file and its log at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sameness {
    file: Option<Look>,
    log: Option<Look>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    /// Device and number of the file.
    place: (u64, u64),
    length: u64,
    changed: Option<SystemTime>,
}

impl Sameness {
    pub fn of(path: &Path) -> Self {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Self {
            file: look(path),
            log: look(Path::new(&log)),
        }
    }

    /// Whether another file, or none, has the place of the file or its log. What others have written into them, as
    /// SQLite lets them, does not matter.
    pub fn is_of_another(&self, path: &Path) -> bool {
        let now = Self::of(path);
        let place = |look: Option<Look>| look.map(|look| look.place);
        let log = place(self.log);
        place(self.file) != place(now.file) || (log.is_some() && log != place(now.log))
    }

    /// What has happened to the files since, in words.
    pub fn broken_by(&self, path: &Path) -> Option<&'static str> {
        let now = Self::of(path);
        match (self.file, now.file) {
            (Some(_), None) => Some("was deleted"),
            (Some(before), Some(now)) if before.place != now.place => Some("was replaced"),
            (Some(before), Some(now)) if now.length < before.length => Some("was cut short"),
            (before, now) if before != now => Some("was changed by another program"),
            _ if self.log.is_some() && now.log.is_none() => Some("has lost its log (-wal)"),
            _ if self.log != now.log => Some("has a log (-wal) that another program has changed"),
            _ => None,
        }
    }
}

fn look(path: &Path) -> Option<Look> {
    let about = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let place = {
        use std::os::unix::fs::MetadataExt;
        (about.dev(), about.ino())
    };
    #[cfg(not(unix))]
    let place = (0, 0);
    Some(Look {
        place,
        length: about.len(),
        changed: about.modified().ok(),
    })
}
