//! `wattbridge health`: is a running wattbridge alive? For container health checks.
//!
//! A running wattbridge writes a small file every half a minute, into memory where there is a folder
//! for that: on an SD card it would be as much as all that the store writes. That says that its loop
//! turns and that what is published is taken. A broker that is away is no trouble of ours: restarting
//! a container because of it helps nobody.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::CliError;
use super::service::ServiceManager;
use super::setup::ConfigArgs;
use crate::bridge::View;
use crate::config::{FileKind, SmallFileError, read_small_file};
use crate::store::folder_in_memory;
use crate::terminal::say;
use crate::whole_file::{self, Rights};

const EVERY: Duration = Duration::from_secs(30);
/// How often is looked for what the service manager does not know yet.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A sign of life has some hundred bytes.
const LARGEST: u64 = 4 * 1024;
/// Older signs of life mean that the loop no longer turns.
const TOO_OLD: Duration = Duration::from_secs(100);

/// A broker that is connected takes what is published at once; this is no slow network any more.
const TOO_LONG: u64 = 120;

/// Says whether the wattbridge that runs with this configuration is alive
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 0: alive. Exit code 1: not running, or stuck, or what is published is not taken.

In a Dockerfile:
  HEALTHCHECK CMD [\"wattbridge\", \"health\"]")]
pub struct HealthArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sign {
    /// Whose it is.
    #[serde(default)]
    process: u32,
    at: SinceBoot,
    devices: usize,
    problems: usize,
    /// Seconds for which nothing that was to be published has been taken.
    #[serde(default)]
    waiting: u64,
    /// Why it does not do its work yet, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle: Option<String>,
}

/// A moment that another process can tell the age of, however often the clock is set meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SinceBoot {
    /// Which start of the computer it is reckoned from.
    boot: String,
    since_boot: Duration,
}

impl SinceBoot {
    /// As the kernel tells it, and not a file of /proc: a service may see another one than whoever asks
    /// for its health. What is in memory is of this start anyway.
    fn now() -> Self {
        let boot = if folder_in_memory() == Path::new("/dev/shm") {
            String::new()
        } else {
            let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
            id.unwrap_or_default().trim().to_owned()
        };
        Self {
            boot,
            since_boot: since_boot(),
        }
    }

    /// How much later it is than another one; none if the computer has been started in between.
    fn since(&self, earlier: &Self) -> Option<Duration> {
        (self.boot == earlier.boot).then(|| self.since_boot.saturating_sub(earlier.since_boot))
    }
}

/// Time spent asleep included; where the kernel does not tell it, all moments are one.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    Duration::ZERO
}

pub fn run(args: &HealthArgs) -> Result<(), CliError> {
    let path = path(&args.config.config);
    let config = args.config.config.display();
    // Anybody may put something of this name into a folder in memory.
    let text = read_small_file(&path, LARGEST, FileKind::File).map_err(|error| match error {
        SmallFileError::Io(error) if error.kind() == ErrorKind::PermissionDenied => anyhow!(
            "this user may not see whether wattbridge runs with {config}; ask as the user that runs it, or by sudo"
        ),
        SmallFileError::Io(_) => anyhow!("wattbridge does not run with {config}"),
        error => anyhow!("the sign of life of wattbridge cannot be read: {error}"),
    })?;
    let sign: Sign = serde_json::from_slice(&text).context("its sign of life cannot be read")?;
    say(&sign
        .judge(&SinceBoot::now())
        .map_err(|words| anyhow!(words))?);
    Ok(())
}

impl Sign {
    /// That of this moment.
    fn of(life: &Life) -> Self {
        Self {
            process: std::process::id(),
            at: SinceBoot::now(),
            devices: life.devices,
            problems: life.problems,
            waiting: life.waiting,
            idle: life.idle.map(str::to_owned),
        }
    }

    /// What there is to say, and whether it is good.
    fn judge(&self, now: &SinceBoot) -> Result<String, String> {
        let age = now
            .since(&self.at)
            .ok_or("wattbridge has not run since this computer was started; start it")?;
        if age > TOO_OLD {
            return Err(format!(
                "the last sign of life is {} seconds old; restart wattbridge",
                age.as_secs()
            ));
        }
        if self.waiting > TOO_LONG {
            return Err(format!(
                "wattbridge reads the devices, but for {} seconds the MQTT broker has taken nothing; look \
                 at its log, and restart it and wattbridge",
                self.waiting
            ));
        }
        if let Some(why) = &self.idle {
            return Ok(format!("alive; {why}"));
        }
        Ok(format!(
            "alive; devices: {}, with a problem: {}",
            self.devices, self.problems
        ))
    }
}

/// How a running wattbridge is.
#[derive(Debug, Clone, Default)]
pub struct Life {
    devices: usize,
    problems: usize,
    /// Seconds for which nothing that was to be published has been taken.
    waiting: u64,
    /// Why it does not do its work yet, if so.
    idle: Option<&'static str>,
}

impl Life {
    /// That of one that works.
    pub fn of(view: &View) -> Self {
        let devices = view.snapshot();
        let problems = devices
            .iter()
            .filter(|known| known.state.health.code.is_problem());
        Self {
            devices: devices.len(),
            problems: problems.count(),
            waiting: view.waiting().map_or(0, |waiting| waiting.as_secs()),
            idle: None,
        }
    }

    /// That of one that waits for something.
    pub fn waiting(why: &'static str) -> Self {
        Self {
            idle: Some(why),
            ..Self::default()
        }
    }

    /// In a few words, for `systemctl status`.
    fn status(&self) -> String {
        if let Some(why) = self.idle {
            return why.to_owned();
        }
        let mut words = match self.devices {
            1 => "1 device".to_owned(),
            devices => format!("{devices} devices"),
        };
        if self.problems > 0 {
            words.push_str(&format!(", {} with a problem", self.problems));
        }
        if self.waiting > TOO_LONG {
            words.push_str("; the MQTT broker takes nothing");
        }
        words
    }
}

/// Gives signs of life while wattbridge runs: to the file, and to the service manager if there is one.
pub struct Beacon {
    path: PathBuf,
    quit: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Beacon {
    pub fn start(
        config: &Path,
        life: impl Fn() -> Life + Send + 'static,
        stop: CancellationToken,
    ) -> Self {
        let path = path(config);
        let quit = CancellationToken::new();
        let task = tokio::spawn(give_signs(path.clone(), life, stop, quit.clone()));
        Self { path, quit, task }
    }

    pub async fn stop(self) {
        self.quit.cancel();
        let _ = self.task.await;
        // Another one may have begun with the same configuration.
        let sign = read_small_file(&self.path, LARGEST, FileKind::File).ok();
        let sign = sign.and_then(|text| serde_json::from_slice::<Sign>(&text).ok());
        if sign.is_some_and(|sign| sign.process == std::process::id()) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// In the loop that does the work: if that is stuck, there are no signs. Until `quit`; that the whole
/// program ends is said as soon as `stop` says so.
async fn give_signs(
    file: PathBuf,
    life: impl Fn() -> Life + Send,
    stop: CancellationToken,
    quit: CancellationToken,
) {
    let mut manager = ServiceManager::of_environment();
    let feed_every = manager.feed_every();
    let mut feeds = tokio::time::interval(feed_every.unwrap_or(EVERY));
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let mut signs = tokio::time::interval(EVERY);
    let mut stops = false;
    // Why it does not work yet changes from one moment to the next; that it works is looked at now and then.
    let mut idle = None;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled(), if !stops => {
                stops = true;
                manager.stopping();
            }
            () = quit.cancelled() => return,
            _ = looks.tick(), if (manager.listens() || idle.is_some()) && !stops => {
                let life = life();
                if manager.listens() {
                    manager.ready(&life.status());
                }
                if idle != life.idle {
                    idle = life.idle;
                    signs.reset_immediately();
                }
            }
            _ = feeds.tick(), if feed_every.is_some() => manager.alive(),
            _ = signs.tick() => {
                let life = life();
                idle = life.idle;
                if let Err(error) = write(&file, &Sign::of(&life)) {
                    tracing::debug!("no sign of life in {}: {error}", file.display());
                }
            }
        }
    }
}

fn write(path: &Path, sign: &Sign) -> std::io::Result<()> {
    whole_file::replace(path, &serde_json::to_vec(sign)?, Rights::Everybody)
}

/// One file for each configuration, so that several bridges can run on one host.
fn path(config: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    std::path::absolute(config)
        .unwrap_or_else(|_| config.to_owned())
        .hash(&mut hasher);
    folder_in_memory().join(format!("wattbridge-{:016x}.alive", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_of_life_is_as_old_as_the_computer_says_and_of_this_start() {
        let mut before = SinceBoot::now();
        assert!(before.since_boot > Duration::ZERO);
        let now = SinceBoot::now();
        assert!(now.since(&before).is_some_and(|age| age < TOO_OLD));
        before.since_boot = Duration::ZERO;
        assert_eq!(now.since(&before), Some(now.since_boot));
        before.boot.push('x');
        assert_eq!(now.since(&before), None);
    }

    #[test]
    fn its_status_is_a_few_words() {
        let words = |devices, problems, waiting| {
            let life = Life {
                devices,
                problems,
                waiting,
                idle: None,
            };
            life.status()
        };
        assert_eq!(words(0, 0, 0), "0 devices");
        assert_eq!(words(1, 0, TOO_LONG), "1 device");
        assert_eq!(words(3, 1, 0), "3 devices, 1 with a problem");
        assert_eq!(
            words(3, 0, TOO_LONG + 1),
            "3 devices; the MQTT broker takes nothing"
        );
        assert_eq!(Life::waiting("waits").status(), "waits");
    }

    #[test]
    fn alive_is_who_turns_and_whose_messages_are_taken() {
        let now = SinceBoot {
            boot: "this".to_owned(),
            since_boot: Duration::from_secs(1000),
        };
        let judge = |age: Duration, waiting: u64| {
            let sign = Sign {
                process: 1,
                at: SinceBoot {
                    since_boot: now.since_boot - age,
                    ..now.clone()
                },
                devices: 3,
                problems: 1,
                waiting,
                idle: None,
            };
            sign.judge(&now)
        };
        let soon = Duration::from_secs(30);
        let late = TOO_OLD + Duration::from_secs(1);
        assert_eq!(
            judge(soon, 0).unwrap(),
            "alive; devices: 3, with a problem: 1"
        );
        assert!(judge(soon, TOO_LONG).is_ok());
        assert!(judge(late, 0).unwrap_err().contains("restart"));
        assert!(
            judge(soon, TOO_LONG + 1)
                .unwrap_err()
                .contains("taken nothing")
        );
    }
}
