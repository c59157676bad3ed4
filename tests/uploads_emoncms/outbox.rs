//! With the outbox and a history: from the slots to the server, over restarts.

use std::path::Path;

use wattbridge::model::{Decimal, Device, Metric, OnOff, Quantity, Value};

use super::house::House;
use super::stand_in::{Fault, StandIn, WRITE_KEY};

const START: &str = "2026-06-15T00:00:00Z";

/// A charger whose values go up and down.
fn house(path: &Path) -> House {
    let mut device = Device::new("victron", "HQ2123ABCDE", "MpttBleu", "Victron Energy");
    device.metrics = vec![
        Metric::measurement("battery_voltage", Quantity::Voltage).decimals(2),
        Metric::lifetime("energy_resettable", Quantity::Energy).decimals(2),
        Metric::state("state", &[]),
        Metric::on_off("load_output", OnOff::Plain),
    ];
    House::new(path, START.parse().unwrap(), device, says)
}

fn says(slot: i64) -> Vec<(&'static str, Value)> {
    let state = if slot % 2 == 0 { "bulk" } else { "float" };
    vec![
        ("battery_voltage", Decimal::new(2600 + slot % 50, 2).into()),
        ("energy_resettable", Decimal::new(3000 + slot, 2).into()),
        ("state", state.into()),
        ("load_output", (slot % 3 == 0).into()),
    ]
}

fn toml(server: &StandIn, more: &str) -> String {
    let url = &server.url;
    format!("[emoncms]\nurl = \"{url}\"\nkey = \"{WRITE_KEY}\"\nsince = \"2026-06-15\"\n{more}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_history_has_arrives_once_also_when_the_program_is_killed_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start().await;
    let mut house = house(&folder.path().join("history.db"));
    house.live(700);
    // Killed when the first values are there and it has not been told so yet: nodes are asked about first.
    server.account().faults = [None, Some(Fault::Silent)].into();
    let came = |least: usize| {
        let account = server.account();
        let inputs = account
            .nodes
            .get("MpttBleu")
            .and_then(|inputs| inputs.get("H19"));
        inputs.is_some_and(|input| input.came.len() >= least)
    };
    let section = toml(&server, "names = \"pvmonit\"");
    house.run(&section, true, || came(1)).await;
    house.live(20);
    // It is on the disk that something was on its way, and two minutes go by before anything is asked or sent.
    let cursors = house.history.cursors();
    let (key, mut cursor) = cursors.all().await.unwrap().pop_first().unwrap();
    let sent = cursor.memory.split_once("\"underway\":").unwrap().1;
    let sent: i64 = sent.trim_end_matches('}').parse().unwrap();
    let asked = server.account().requests.len();
    let waits = || jiff::Timestamp::now().as_second() > sent + 5;
    house.run(&section, true, waits).await;
    assert_eq!(server.account().requests.len(), asked);
    cursor.memory = cursor
        .memory
        .replace(&sent.to_string(), &(sent - 120).to_string());
    cursors.save(&key, cursor, Vec::new()).await.unwrap();
    house.run(&section, false, || came(720)).await;
    house.live(3);
    house.run(&section, false, || came(723)).await;
    let account = server.account();
    assert_eq!(account.wrongs, [""; 0]);
    let energy = account.input("MpttBleu", "H19");
    assert_eq!(energy.came.len(), 723);
    assert!(
        (energy.accumulated - 722.0).abs() < 1e-9,
        "{}",
        energy.accumulated
    );
    let start = START.parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(energy.came[0], (start + 300, 3001.0));
    let voltage = account.input("MpttBleu", "V");
    assert_eq!(voltage.came[1], (start + 600, 26020.0));
    let state = account.input("MpttBleu", "CS");
    assert_eq!(state.came[..2], [(start + 300, 5.0), (start + 600, 3.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_and_off_of_the_history_are_1_and_0() {
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start().await;
    let mut house = house(&folder.path().join("history.db"));
    house.live(6);
    let section = toml(&server, "");
    let all_there = || {
        let account = server.account();
        let node = account.nodes.get("vic_hq2123abcde");
        node.is_some_and(|node| node.len() == 3)
    };
    house.run(&section, false, all_there).await;
    let account = server.account();
    let came = account.input("vic_hq2123abcde", "load_output").came.iter();
    let came: Vec<_> = came.map(|(_, value)| *value).collect();
    assert_eq!(came, [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    let voltage = account.input("vic_hq2123abcde", "battery_voltage");
    assert_eq!(voltage.came.len(), 6);
    assert!((voltage.came[0].1 - 26.01).abs() < 1e-9);
}
