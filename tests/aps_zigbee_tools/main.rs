//! `wattbridge aps-zigbee pair` and `console`, the real program at a simulated stick on a pseudo-terminal, and
//! `decode aps-zigbee --annotate`. All serial numbers and values are invented.

#![cfg(all(feature = "simulate", target_os = "linux"))]
// What goes wrong in here shall fail the test, also outside of its own function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod annotated;
mod console;
mod masked;
mod pair;

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use jiff::Zoned;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;
use wattbridge::adapters::aps_zigbee::simulator::{
    SimulatedStick, StickSettings, USUAL_GATEWAY, ZigbeeList,
};
use wattbridge::simulation::{House, SimPlace, Sky};

/// Only reached when something is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(150);

/// A stick on a pseudo-terminal, with a YC600 and a DS3 at noon.
pub(crate) struct Bench {
    pub(crate) stick: SimulatedStick,
    pub(crate) port: PathBuf,
    folder: TempDir,
}

pub(crate) async fn bench(is_paired: bool, faults: &[&str]) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("zigbee0");
    let list: ZigbeeList = "YC600,DS3".parse().unwrap();
    let paired = is_paired.then(|| USUAL_GATEWAY.parse().unwrap());
    let mut settings = StickSettings::new(list.0, paired);
    settings.reset_takes = Duration::from_millis(200);
    settings.start_takes = Duration::from_millis(300);
    settings.faults = faults.iter().map(|it| it.parse().unwrap()).collect();
    let noon: Zoned = "2026-06-21T12:00[Europe/Vienna]".parse().unwrap();
    let house = House::new(&noon, Sky::default());
    let place = SimPlace::Terminal(port.clone());
    let stick = SimulatedStick::start(settings, house, place).await.unwrap();
    Bench {
        stick,
        port,
        folder,
    }
}

impl Bench {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn port(&self) -> &str {
        self.port.to_str().unwrap()
    }
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) said: String,
}

/// `wattbridge ...`, with something on its standard input.
pub(crate) async fn wattbridge(args: &[&str], input: impl AsRef<[u8]>) -> Done {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_ref()).await.unwrap();
    drop(stdin);
    let done = timeout(DEADLINE, child.wait_with_output()).await;
    let Output {
        status,
        stdout,
        stderr,
    } = done.unwrap().unwrap();
    Done {
        code: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        said: String::from_utf8(stderr).unwrap(),
    }
}

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattbridge"));
    command.args(args).env("TZ", "UTC").kill_on_drop(true);
    command
}
