//! Waiting for a configuration that can be used, for those who cannot be asked to start the program again:
//! an app of Home Assistant, a container and a service are there before anybody has written a file.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::first_file::FirstReader;
use super::health::{Beacon, Life};
use super::setup::{ConfigArgs, Configured};
use super::{init, logging, outdated};
use crate::config::Problems;

/// How often is looked whether the file was changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it is tried all the same.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// What `wattbridge health` and systemd are told meanwhile.
const NO_DEVICE: &str = "waits for a device in its configuration";
const UNUSABLE: &str = "waits for a configuration that can be used; its log says what is wrong";

/// The first configuration that can be used and has a device; none if `stop` came before.
///
/// A file that is not there is made. Why one cannot be used is said once for each change of it. Whoever had to
/// wait starts anew, so that everything is as the file says, its log too.
pub async fn first_usable(args: &ConfigArgs, stop: &CancellationToken) -> Option<Configured> {
    if args.config.exists() && outdated::is_outdated(&args.config) {
        logging::start(&args.log_settings());
        outdated::bring_up_to_date(&args.config);
    }
    if let Ok(configured) = args.usable() {
        return Some(configured);
    }
    logging::start(&args.log_settings());
    let (reason, why) = watch::channel(NO_DEVICE);
    let life = move || Life::waiting(*why.borrow());
    let beacon = Beacon::start(&args.config, life, stop.clone());
    let usable = wait(args, &reason, stop).await;
    beacon.stop().await;
    if usable.is_some() {
        start_anew();
    }
    usable
}

async fn wait(
    args: &ConfigArgs,
    reason: &watch::Sender<&'static str>,
    stop: &CancellationToken,
) -> Option<Configured> {
    let mut told = Vec::new();
    loop {
        let is_there = FileVersion::of(&args.config).is_some();
        let words = if is_there { Vec::new() } else { made(args) };
        let seen = FileVersion::of(&args.config);
        let (words, why) = match args.usable() {
            Ok(configured) => return Some(configured),
            // What is new is not wrong.
            Err(_) if !words.is_empty() => (words, NO_DEVICE),
            Err(problems) if args.has_no_device() => (refused(&problems), NO_DEVICE),
            Err(problems) => (refused(&problems), UNUSABLE),
        };
        reason.send_replace(why);
        if words != told {
            for words in &words {
                tracing::warn!("{words}");
            }
            told = words;
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = changed(&args.config, seen) => {}
            // What it needs besides may be there by now: the file of a secret, or the options of an app.
            () = tokio::time::sleep(ASK_AGAIN) => {}
        }
    }
}

/// Begins again as the same process; goes on as it is where the system does not let it.
fn start_anew() {
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    logging::finish();
    let error = Command::new(program)
        .args(std::env::args_os().skip(1))
        .exec();
    tracing::debug!("not started anew: {error}");
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
    words.push(
        "wattbridge waits until its configuration can be used, and goes on by itself.".to_owned(),
    );
    words
}

/// Waits until the file is another one than was `seen`, and whoever writes it has come to an end.
async fn changed(path: &Path, seen: Option<FileVersion>) {
    let mut last = seen.clone();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = FileVersion::of(path);
        if now.is_none() || (now != seen && now == last) {
            return;
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
        let waiting = changed(&path, FileVersion::of(&path));
        let writing = async {
            for text in ["a", "ab", "abc"] {
                std::fs::write(&path, text).unwrap();
                tokio::time::sleep(LOOK_EVERY / 2).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = waiting => {}
            () = writing => {}
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "abc");
        // What is left as it is is no change, and what is gone is one.
        let same = changed(&path, FileVersion::of(&path));
        let same = tokio::time::timeout(100 * LOOK_EVERY, same).await;
        assert!(same.is_err());
        let seen = FileVersion::of(&path);
        std::fs::remove_file(&path).unwrap();
        changed(&path, seen).await;
    }
}
