//! Waiting for a configuration that can be used, for those who cannot be asked to start the program again:
//! an app of Home Assistant, a container and a service are there before anybody has written a file.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use super::first_file::FirstReader;
use super::health::{Beacon, Life};
use super::outdated::bring_up_to_date;
use super::setup::{ConfigArgs, Configured};
use super::{init, logging};
use crate::config::Problems;

/// How often is looked whether the file was changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The first configuration that can be used and has a device; none if `stop` came before.
///
/// A file that is not there is made. Why one cannot be used is said once for each change of it.
pub async fn first_usable(args: &ConfigArgs, stop: &CancellationToken) -> Option<Configured> {
    let mut beacon = None;
    let mut told = Vec::new();
    let usable = loop {
        let before = FileVersion::of(&args.config);
        let (words, seen) = if before.is_none() {
            // One that could not be made is tried again.
            let words = made(args);
            (words, FileVersion::of(&args.config))
        } else {
            bring_up_to_date(&args.config);
            let seen = FileVersion::of(&args.config);
            match args.usable() {
                Ok(configured) => break Some(configured),
                Err(problems) => (refused(&problems), seen),
            }
        };
        if beacon.is_none() {
            logging::start(&args.log_settings());
            let life = || Life::waiting("it waits for a device in its configuration");
            beacon = Some(Beacon::start(&args.config, life, stop.clone()));
        }
        if words != told {
            for words in &words {
                tracing::warn!("{words}");
            }
            told = words;
        }
        if !changed(&args.config, seen, stop).await {
            break None;
        }
    };
    if let Some(beacon) = beacon {
        beacon.stop().await;
    }
    usable
}

/// Makes the file that is not there; says so, or what is against it.
fn made(args: &ConfigArgs) -> Vec<String> {
    let path = args.config.display();
    let reader = match args.app() {
        Some(_) => FirstReader::HomeAssistantApp,
        None => FirstReader::Service,
    };
    match init::make(&args.config, &args.ports(), reader) {
        Ok(()) => vec![format!(
            "{path} is new. Open it, take the # away from your devices and save it; wattbridge waits for that, and goes on \
             by itself."
        )],
        Err(error) => vec![
            format!("{error:#}"),
            "wattbridge tries that again.".to_owned(),
        ],
    }
}

/// Why the file is of no use yet, one line each.
fn refused(problems: &Problems) -> Vec<String> {
    let (first, others) = problems.first();
    let mut words: Vec<String> = first.iter().map(|problem| format!("{problem:#}")).collect();
    if others > 0 {
        words.push(format!(
            "{others} more parts cannot be used; `wattbridge check` says more."
        ));
    }
    words.push("wattbridge waits until the file is changed, and goes on by itself.".to_owned());
    words
}

/// Waits until the file is another one than was `seen`, and whoever writes it has come to an end; false if it
/// shall end before.
async fn changed(path: &Path, seen: Option<FileVersion>, stop: &CancellationToken) -> bool {
    let mut last = seen.clone();
    loop {
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let now = FileVersion::of(path);
        if now.is_none() || (now != seen && now == last) {
            return true;
        }
        last = now;
    }
}

/// What tells one version of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileVersion {
    place: (u64, u64),
    modified: Option<SystemTime>,
    length: u64,
}

impl FileVersion {
    fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        Some(Self {
            place: (about.dev(), about.ino()),
            modified: about.modified().ok(),
            length: about.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn half_a_file_is_not_taken_for_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wattbridge.toml");
        std::fs::write(&path, "").unwrap();
        let (stop, seen) = (CancellationToken::new(), FileVersion::of(&path));
        let waiting = changed(&path, seen.clone(), &stop);
        let writing = async {
            for text in ["a", "ab", "abc"] {
                std::fs::write(&path, text).unwrap();
                tokio::time::sleep(LOOK_EVERY).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            is_changed = waiting => assert!(is_changed),
            () = writing => {}
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "abc");
        // What is left as it is is no change, and what is gone is one.
        let same = FileVersion::of(&path);
        stop.cancel();
        assert!(!changed(&path, same.clone(), &stop).await);
        std::fs::remove_file(&path).unwrap();
        assert!(changed(&path, same, &CancellationToken::new()).await);
    }
}
