//! The example for evcc, with the jq that it names, on states as the program keeps them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::home::Home;
use crate::program::meter;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::{Wire, kept};

/// Topic and expression of each value in the page.
fn example() -> Vec<(String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/uploads/evcc.md");
    let page = std::fs::read_to_string(path).unwrap();
    let word = |line: &str, key: &str| {
        let (_, rest) = line.split_once(key)?;
        let word = rest.split([',', ' ', '}']).next()?;
        Some(word.to_owned())
    };
    let lines = page.lines();
    let read = |line: &str| Some((word(line, "topic: ")?, word(line, "jq: ")?));
    lines.filter_map(read).collect()
}

/// What jq makes of a state; evcc takes no null.
fn jq(expression: &str, state: &str) -> f64 {
    let mut child = Command::new("jq")
        .args(["-e", expression])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(state.as_bytes()).unwrap();
    drop(stdin);
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{expression} of {state}");
    let said = String::from_utf8(done.stdout).unwrap();
    said.trim().parse().unwrap()
}

#[tokio::test]
async fn the_example_for_evcc_finds_its_values() {
    if Command::new("jq").arg("--version").output().is_err() {
        eprintln!("passed over: no jq in PATH");
        return;
    }
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let (_meters, section, grid) = meter(-350).await;
    // What an ECU and a battery say, by the keys that they have.
    let others = "[[text]]\nid = \"pv\"\ncommand = [\"/bin/echo\", \"582\"]\n\
                  values = [{ id = \"power\", quantity = \"power\" }]\n\
                  [[text]]\nid = \"battery\"\ncommand = [\"/bin/echo\", \"-740 98\"]\n\
                  pattern = '^(-?[0-9]+) ([0-9.]+)$'\n\
                  values = [{ id = \"battery_power\", quantity = \"power\", group = 1 }, \
                  { id = \"state_of_charge\", quantity = \"state_of_charge\", group = 2 }]\n";
    let home = Home::new(broker.port(), &[section, others.to_owned()]);
    let wire = Wire::tap(broker.port()).await;
    let mut bridge = home.run();
    for (id, key) in [
        (grid.as_str(), "power_net"),
        (grid.as_str(), "energy_import"),
        ("text_pv", "power"),
        ("text_battery", "state_of_charge"),
    ] {
        wire.state(key, 0, id, |state| state[key].is_number()).await;
    }
    let all = kept(broker.port()).await;
    let example = example();
    assert_eq!(example.len(), 6, "{example:?}");
    let values = example.iter().map(|(topic, expression)| {
        let device = topic.split('/').nth(1).unwrap();
        let real = match device.split('_').next().unwrap() {
            "smart" => grid.as_str(),
            "aps" => "text_pv",
            "victron" => "text_battery",
            _ => panic!("{topic}"),
        };
        jq(expression, &all[&topic.replace(device, real)])
    });
    let values: Vec<f64> = values.collect();
    assert_eq!(values[0], -350.0, "giving is below 0");
    assert_eq!(values[1], 12_345.678);
    assert!((987.654..988.0).contains(&values[2]), "{values:?}");
    assert_eq!(values[3..], [582.0, -740.0, 98.0]);
    assert!(bridge.end().await.success());
}
