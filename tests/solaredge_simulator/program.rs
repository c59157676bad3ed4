//! The real program: `wattbridge simulate solaredge`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::KEY;

const PROGRAM: &str = env!("CARGO_BIN_EXE_wattbridge");
/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(60);

fn simulate(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["simulate", "solaredge"]).args(arguments);
    command
}

/// Ends the program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lines(output: &Output) -> Vec<Value> {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_day_is_written_into_a_pipe_and_read_from_it() {
    let day =
        "--pcap - --for 24h --start-time 2026-06-21T00:00 --zone Europe/Vienna --optimizers 3";
    for key in [None, Some(KEY)] {
        let mut arguments: Vec<&str> = day.split(' ').collect();
        let set = key.map(|key| format!("key={key}"));
        arguments.extend(key.iter().flat_map(|key| ["--key", key]));
        let mut simulator = simulate(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut decode = Command::new(PROGRAM);
        decode.args(["decode", "solaredge", "-"]);
        decode.args(set.iter().flat_map(|set| ["--set", set]));
        let capture = simulator.stdout.take().unwrap();
        let output = decode.stdin(capture).output().unwrap();
        assert!(simulator.wait().unwrap().success());
        let lines = lines(&output);
        let devices: BTreeSet<&str> = lines
            .iter()
            .filter_map(|line| line["device"].as_str())
            .collect();
        assert_eq!(devices.len(), 5, "{devices:?}");
        // Every five minutes of daylight.
        let of_inverter = lines
            .iter()
            .filter(|line| line["device"] == "solaredge_7f1a2b3c_00");
        assert!(of_inverter.count() > 160);
    }
}

#[test]
fn a_capture_that_never_ends_is_run_from_the_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("wattbridge.toml");
    let text = "[home_assistant]\nenabled = false\n\n[jsonl]\nenabled = true\n\n[[solaredge]]\ncapture = \"-\"\n";
    fs::write(&config, text).unwrap();
    let day = "--pcap - --interval 1 --optimizers 3 --sunrise 00:00 --sunset 23:59:59";
    let arguments: Vec<&str> = day.split(' ').collect();
    let mut simulator = simulate(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let capture = simulator.stdout.take().unwrap();
    let _simulator = Running(simulator);
    let out = folder.path().join("out");
    let bridge = Command::new(PROGRAM)
        .args(["run", "--config"])
        .arg(&config)
        .current_dir(folder.path())
        .stdin(capture)
        .stdout(File::create(&out).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _bridge = Running(bridge);
    let begun = Instant::now();
    let is_told = || {
        let text = fs::read_to_string(&out).unwrap();
        let mut lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.any(|line| {
            line["device"] == "solaredge_7f1a2b3c_00" && line["readings"]["power"].is_number()
        })
    };
    while !is_told() {
        assert!(begun.elapsed() < DEADLINE, "{:?}", fs::read_to_string(&out));
        std::thread::yield_now();
    }
}
