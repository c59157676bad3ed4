//! `wattbridge health`: is a running wattbridge alive? For container health checks.
//!
//! A running wattbridge writes a small file every half a minute, into memory where there is a folder
//! for that: on an SD card it would be as much as all that the store writes. That says that its loop
//! turns and that what is published is taken. A broker that is away is no trouble of ours: restarting
//! a container because of it helps nobody.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::CliError;
use super::setup::ConfigArgs;
use crate::bridge::View;
use crate::terminal::say;

const EVERY: Duration = Duration::from_secs(30);
/// Older signs of life mean that the loop no longer turns.
const TOO_OLD: i64 = 100;

/// A broker that is connected takes what is published at once; this is no slow network any more.
const TOO_LONG: u64 = 120;

/// Says whether the wattbridge that runs with this configuration is alive
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 0: alive. Exit code 1: not running, or stuck, or what is published is not taken.

In a Dockerfile:
  HEALTHCHECK CMD [\"wattbridge\", \"health\"]")]
pub(super) struct HealthArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sign {
    at: Timestamp,
    devices: usize,
    problems: usize,
    /// Seconds for which nothing that was to be published has been taken.
    #[serde(default)]
    waiting: u64,
}

pub(super) fn run(args: &HealthArgs) -> Result<(), CliError> {
    let path = path(&args.config.config);
    let text = std::fs::read_to_string(&path).map_err(|_| {
        anyhow!(
            "wattbridge does not run with {}",
            args.config.config.display()
        )
    })?;
    let sign: Sign = serde_json::from_str(&text).context("its sign of life cannot be read")?;
    say(&sign
        .judge(Timestamp::now())
        .map_err(|words| anyhow!(words))?);
    Ok(())
}

impl Sign {
    /// What there is to say, and whether it is good.
    fn judge(&self, now: Timestamp) -> Result<String, String> {
        let age = now.as_second() - self.at.as_second();
        if age > TOO_OLD {
            return Err(format!(
                "the last sign of life is {age} seconds old; restart wattbridge"
            ));
        }
        if self.waiting > TOO_LONG {
            return Err(format!(
                "wattbridge reads the devices, but for {} seconds the MQTT broker has taken nothing; look \
                 at its log, and restart it and wattbridge",
                self.waiting
            ));
        }
        Ok(format!(
            "alive; devices: {}, with a problem: {}",
            self.devices, self.problems
        ))
    }
}

/// Writes the sign of life while wattbridge runs.
pub(super) struct Beacon {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Beacon {
    pub(super) fn start(config: &Path, view: View, stop: CancellationToken) -> Self {
        let path = path(config);
        let file = path.clone();
        let task = tokio::spawn(async move {
            let mut every = tokio::time::interval(EVERY);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = every.tick() => {}
                }
                let devices = view.snapshot();
                let problems = devices
                    .iter()
                    .filter(|known| known.state.health.code.is_problem());
                let sign = Sign {
                    at: Timestamp::now(),
                    devices: devices.len(),
                    problems: problems.count(),
                    waiting: view.waiting().map_or(0, |waiting| waiting.as_secs()),
                };
                if let Err(error) = write(&file, &sign) {
                    tracing::debug!("no sign of life in {}: {error}", file.display());
                }
            }
        });
        Self { path, task }
    }

    pub(super) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Written beside and renamed, so that a link of this name that somebody else put there is replaced
/// and never followed.
fn write(path: &Path, sign: &Sign) -> std::io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let _ = std::fs::remove_file(&beside);
    let mut file = std::fs::File::create_new(&beside)?;
    serde_json::to_writer(&mut file, sign)?;
    std::fs::rename(&beside, path)
}

/// One file for each configuration, so that several bridges can run on one host.
fn path(config: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    std::path::absolute(config)
        .unwrap_or_else(|_| config.to_owned())
        .hash(&mut hasher);
    folder().join(format!("wattbridge-{:016x}.alive", hasher.finish()))
}

/// Where `TMPDIR` says; else the folder in memory that every Linux has, containers included.
fn folder() -> PathBuf {
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
    fn alive_is_who_turns_and_whose_messages_are_taken() {
        let judge = |age: i64, waiting: u64| {
            let now = Timestamp::from_second(1_800_000_000).unwrap();
            let sign = Sign {
                at: Timestamp::from_second(1_800_000_000 - age).unwrap(),
                devices: 3,
                problems: 1,
                waiting,
            };
            sign.judge(now)
        };
        assert_eq!(
            judge(30, 0).unwrap(),
            "alive; devices: 3, with a problem: 1"
        );
        assert!(judge(30, TOO_LONG).is_ok());
        assert!(judge(TOO_OLD + 1, 0).unwrap_err().contains("restart"));
        assert!(
            judge(30, TOO_LONG + 1)
                .unwrap_err()
                .contains("taken nothing")
        );
    }
}
