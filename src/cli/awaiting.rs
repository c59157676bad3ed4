//! Waiting for a configuration that can be used, for those who cannot be asked to start the program again:
//! an app of Home Assistant, a container and a service are there before anybody has written a file.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::first_file::FirstReader;
use super::health::{Beacon, Life};
use super::setup::{ConfigArgs, Configured};
use super::web_page::LastingPage;
use super::{init, logging, outdated};
use crate::config::Problems;
use crate::whole_file;

/// How often is looked whether the file was changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it is tried all the same: what it needs besides may be there by now, such as the file of a secret or
/// the options of an app.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// What `wattbridge health` and systemd are told meanwhile.
const READS: &str = "reads its configuration";
const NO_DEVICE: &str = "waits for a device in its configuration";
const UNUSABLE: &str = "waits for a configuration that can be used; its log says what is wrong";

/// What is said on the page meanwhile.
const WELCOME: &str = "No device is configured yet. Settings is where you add yours.";
const SAFE_MODE: &str = "The configuration cannot be used; Settings says what is wrong.";

/// The next configuration that can be used and has a device; none if `stop` came before.
///
/// Whoever `awaits` one waits for it in any case, and a file that is not there is made. Else it is waited for as long as
/// there is a page on which it can be mended. Why one cannot be used is said once for each change of it.
///
/// # Errors
///
/// Why it cannot be used, if nobody waits for another one.
pub async fn next_usable(
    args: &ConfigArgs,
    page: &mut LastingPage,
    stop: &CancellationToken,
    awaits: bool,
) -> Result<Option<Configured>, Problems> {
    if !awaits {
        // Nothing is to be seen of a wait that there is none of.
        page.begin_reading().await;
        match read(args).await {
            Ok(configured) => return Ok(Some(configured)),
            Err((problems, _)) if !may_be_mended(args, page).await => return Err(problems),
            Err(_) => {}
        }
    }
    let (reason, why) = watch::channel(READS);
    let life = move || Life::waiting(*why.borrow());
    let beacon = Beacon::start(&args.config, life, stop.clone());
    let usable = tokio::select! {
        biased;
        () = stop.cancelled() => Ok(None),
        usable = wait(args, page, &reason, awaits) => usable.map(Some),
    };
    beacon.stop().await;
    usable
}

/// Whether there is a page, or can be one, on which the configuration is mended.
async fn may_be_mended(args: &ConfigArgs, page: &LastingPage) -> bool {
    if page.is_served() {
        return true;
    }
    let args = args.clone();
    let settings = aside(move || args.page()).await;
    settings.is_some_and(|settings| settings.enabled)
}

async fn wait(
    args: &ConfigArgs,
    page: &mut LastingPage,
    reason: &watch::Sender<&'static str>,
    awaits: bool,
) -> Result<Configured, Problems> {
    let upgraded = if awaits {
        brought_up_to_date(args).await
    } else {
        None
    };
    let mut log = None;
    let mut told = Vec::new();
    // The file as we made it: what is new is not wrong.
    let mut fresh = None;
    loop {
        page.begin_reading().await;
        let mut seen = FileVersion::of(&args.config);
        let (problems, words, why) = if seen.is_none() && awaits {
            let words = made(args);
            seen = FileVersion::of(&args.config);
            fresh.clone_from(&seen);
            (Problems::new(), words, NO_DEVICE)
        } else {
            match read(args).await {
                Ok(configured) => {
                    // From here on the log is as the file says.
                    drop(log);
                    logging::start(&configured.log);
                    match upgraded {
                        Some(Ok(words)) => tracing::info!("{words}"),
                        Some(Err(words)) => tracing::warn!("{words}"),
                        None => {}
                    }
                    return Ok(configured);
                }
                Err((problems, NO_DEVICE)) if seen == fresh && fresh.is_some() => {
                    (problems, told.clone(), NO_DEVICE)
                }
                Err((problems, why)) => {
                    let words = refused(&problems);
                    (problems, words, why)
                }
            }
        };
        reason.send_replace(why);
        if log.is_none() && !logging::is_started() {
            log = Some(logging::start_for_now());
        }
        if words != told {
            for words in &words {
                tracing::warn!("{words}");
            }
            told = words;
        }
        page.show_nothing(if why == NO_DEVICE { WELCOME } else { SAFE_MODE });
        let reading = args.clone();
        let settings = aside(move || reading.page()).await;
        page.serve(settings).await;
        if !awaits && !page.is_served() {
            return Err(problems);
        }
        let reload = page.reload_wanted();
        tokio::select! {
            () = changed(&args.config, seen) => {}
            () = reload => {}
        }
    }
}

/// A file may be on a share that hangs, or be none at all; whoever waits for it has to be able to end.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and everything with it.
            Err(_) => std::future::pending().await,
        },
    }
}

async fn brought_up_to_date(args: &ConfigArgs) -> Option<Result<String, String>> {
    let path = args.config.clone();
    aside(move || {
        whole_file::sweep(&path);
        outdated::bring_up_to_date(&path)
    })
    .await
}

/// What the file says, if there is a device in it; else what is wrong, and what is waited for.
async fn read(args: &ConfigArgs) -> Result<Configured, (Problems, &'static str)> {
    let args = args.clone();
    aside(move || {
        let configured = args.read().map_err(|problems| (problems, UNUSABLE))?;
        if !configured.sources.is_empty() {
            return Ok(configured);
        }
        let why = if configured.problems.is_empty() {
            NO_DEVICE
        } else {
            UNUSABLE
        };
        Err((configured.no_devices(&args), why))
    })
    .await
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
        // Somebody else was faster.
        Err(_) if args.config.exists() => Vec::new(),
        Err(error) => vec![
            format!("{error:#}").replace("\n  = ", "; "),
            "wattbridge tries that again.".to_owned(),
        ],
    }
}

/// Why the file is of no use yet, one line each.
fn refused(problems: &Problems) -> Vec<String> {
    let (first, others) = problems.first();
    let mut words: Vec<String> = first.iter().map(|problem| format!("{problem:#}")).collect();
    if others > 0 {
        words.push(format!("And {others} more; mend these first."));
    }
    words.push(
        "wattbridge waits until its configuration can be used, and goes on by itself.".to_owned(),
    );
    words
}

/// Waits until the file is another one than was `seen`, and whoever writes it has come to an end; or for a while,
/// if it stays the same.
async fn changed(path: &Path, seen: Option<FileVersion>) {
    let begun = Instant::now();
    let mut last = seen.clone();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = FileVersion::of(path);
        let is_settled = now == last;
        if now.is_none() || (is_settled && (now != seen || begun.elapsed() >= ASK_AGAIN)) {
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
        // However long it takes.
        let waiting = changed(&path, FileVersion::of(&path));
        let writing = async {
            for round in 0..100_u8 {
                std::fs::write(&path, vec![b'a'; 10 + usize::from(round)]).unwrap();
                tokio::time::sleep(LOOK_EVERY / 2).await;
            }
        };
        let written = tokio::join!(waiting, writing);
        assert_eq!(written, ((), ()));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 109);
        // What stays as it is is tried again after a while, and what is gone at once.
        let begun = Instant::now();
        changed(&path, FileVersion::of(&path)).await;
        assert!(begun.elapsed() >= ASK_AGAIN);
        let seen = FileVersion::of(&path);
        std::fs::remove_file(&path).unwrap();
        changed(&path, seen).await;
    }
}
