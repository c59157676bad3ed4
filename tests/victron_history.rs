//! `wattbridge victron history`, the real program, at simulated devices.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::net::SocketAddr;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use wattbridge::adapters::victron::simulator::{
    Model, SimulatedVictron, VictronFault, VictronSettings,
};
use wattbridge::adapters::victron::wire::hex;
use wattbridge::adapters::victron::wire::history::{Record, TODAY, TOTALS};
use wattbridge::simulation::{FaultRule, SimPlace};

async fn device(model: &str, faults: &[&str]) -> SimulatedVictron {
    let mut settings = VictronSettings::new(Model::named(model).unwrap());
    let rules = faults
        .iter()
        .map(|fault| fault.parse::<FaultRule<VictronFault>>().unwrap());
    settings.faults = rules.collect();
    // As devices do it, only faster.
    settings.pace.interval = Duration::from_millis(100);
    let anywhere = SimPlace::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
    SimulatedVictron::start(settings, anywhere).await.unwrap()
}

async fn history(port: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattbridge"))
        .args(["victron", "history", port])
        .args(arguments)
        .output()
        .await
        .unwrap()
}

async fn lines(simulator: &SimulatedVictron, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["--json"], arguments].concat();
    let output = history(simulator.address(), &arguments).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// How many days before today a line is of.
fn ago(line: &Value) -> i32 {
    let date: jiff::civil::Date = line["date"].as_str().unwrap().parse().unwrap();
    let today = jiff::Zoned::now().date();
    (today - date).get_days()
}

fn record(simulator: &SimulatedVictron, register: u16) -> Record {
    let bytes = simulator.register(register).unwrap();
    Record::decode(&hex::Value::new(register, &bytes)).unwrap()
}

#[tokio::test]
async fn every_day_that_a_charger_remembers_is_printed_as_it_is() {
    let simulator = device("mppt-75-15", &[]).await;
    // A finished day does not change while it is read.
    let lines = lines(&simulator, &[]).await;
    assert_eq!(lines[0]["serial"], simulator.model().serial);
    let days = &lines[1..];
    assert!(days.len() > 1);
    for day in &days[1..] {
        let ago = u16::try_from(ago(day)).unwrap();
        let Record::Day(expected) = record(&simulator, TODAY + ago) else {
            panic!("no day {ago}");
        };
        let values = &day["values"];
        assert_eq!(values["energy_today"], expected.energy.unwrap().to_json());
        assert_eq!(values["power_max_today"], expected.power_most.unwrap());
        assert_eq!(values["bulk_time"], expected.bulk.unwrap());
    }
    let Record::Totals(totals) = record(&simulator, TOTALS) else {
        panic!("no totals");
    };
    assert_eq!(days.len(), usize::from(totals.days.unwrap()));
    simulator.stop().await;
}

#[tokio::test]
async fn firmware_whose_text_stops_is_read_as_well() {
    let simulator = device("mppt-100-50-old", &[]).await;
    let lines = lines(&simulator, &["--days", "3"]).await;
    let days: Vec<i32> = lines[1..].iter().map(ago).collect();
    assert_eq!(days, [0, 1, 2, 3]);
    simulator.stop().await;
}

#[tokio::test]
async fn lost_and_late_answers_and_frames_of_others_do_not_spoil_it() {
    let faults = [
        "unanswered@every=3",
        "hex-inside@every=2",
        "noise=7@every=4",
    ];
    let simulator = device("mppt-75-15", &faults).await;
    let lines = lines(&simulator, &["--days", "5"]).await;
    let days: Vec<i32> = lines[1..].iter().map(ago).collect();
    assert_eq!(days, [0, 1, 2, 3, 4, 5]);
    simulator.stop().await;
}

#[tokio::test]
async fn an_rs_unit_tells_its_trackers_too() {
    let simulator = device("multi-rs", &[]).await;
    let lines = lines(&simulator, &["--days", "2"]).await;
    let trackers = lines
        .iter()
        .filter(|line| line["values"]["tracker_1_energy"].is_number());
    assert_eq!(trackers.count(), 3);
    simulator.stop().await;
}

#[tokio::test]
async fn people_get_a_table() {
    let simulator = device("mppt-75-15", &[]).await;
    let output = history(simulator.address(), &["--days", "2"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(text.contains("In its whole life"), "{text}");
    let today = jiff::Zoned::now().date();
    let yesterday = today.yesterday().unwrap().to_string();
    assert!(
        text.lines().any(|line| line.starts_with(&yesterday)),
        "{text}"
    );
    simulator.stop().await;
}

async fn refused(port: &str) -> String {
    let output = history(port, &[]).await;
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_device_without_such_a_memory_is_told_so() {
    let simulator = device("smartshunt", &[]).await;
    let told = refused(simulator.address()).await;
    assert!(told.contains("SmartShunt"), "{told}");
    assert!(told.contains("keeps no history"), "{told}");
    simulator.stop().await;
}

#[tokio::test]
async fn a_cable_that_only_listens_is_told_apart_from_a_device_without_power() {
    let simulator = device("mppt-75-15", &["deaf"]).await;
    let told = refused(simulator.address()).await;
    assert!(told.contains("answers no question"), "{told}");
    simulator.set_faults(&["silence".parse().unwrap(), "deaf".parse().unwrap()]);
    let told = refused(simulator.address()).await;
    assert!(told.contains("nothing comes from"), "{told}");
    simulator.stop().await;
}

#[tokio::test]
async fn a_port_that_is_not_there_is_told_with_what_to_do() {
    let told = refused("/dev/ttyUSB-that-is-not-there").await;
    assert!(told.contains("there is no serial port"), "{told}");
}
