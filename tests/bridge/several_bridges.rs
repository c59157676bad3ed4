//! Several bridges on one broker, and several programs with one store.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::process::{Process, done};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::{Mark, Wire, bridge_of, kept};

/// A folder with a configuration as people write it: the broker and one sensor, all else as it is.
fn house(port: u16, sensor: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "wattbridge.toml", port, sensor);
    folder
}

/// Its sensor has something new to say each second.
fn write(folder: &Path, name: &str, port: u16, sensor: &str) {
    let text = format!(
        "[mqtt]\nport = {port}\n\n[[text]]\nid = \"{sensor}\"\ncommand = [\"sh\", \"-c\", \"echo $(($(date +%s) % 1000))\"]\n\
         interval = \"300ms\"\nvalues = [{{ id = \"power\", quantity = \"power\" }}]\n"
    );
    fs::write(folder.join(name), text).unwrap();
}

fn run(folder: &TempDir) -> Process {
    Process::start(folder.path(), &["run"])
}

fn config(id: &str) -> String {
    format!("homeassistant/device/{id}/config")
}

/// Which bridge announces a device, and whether Home Assistant shows it as available.
fn holder(kept: &BTreeMap<String, String>, id: &str) -> Option<(String, bool)> {
    let config: Json = serde_json::from_str(kept.get(&config(id))?).unwrap();
    let topics = config["availability"].as_array().unwrap();
    let topic = |index: usize| topics[index]["topic"].as_str().unwrap();
    let is_online = |topic: &str| kept.get(topic).is_some_and(|text| text == "online");
    let bridge = bridge_of(topic(0)).unwrap_or("earlier").to_owned();
    Some((bridge, is_online(topic(0)) && is_online(topic(1))))
}

/// Whether an announcement was ever taken off the broker.
fn cleared(wire: &Wire) -> bool {
    let all = wire.all();
    let mut configs = all.iter().filter(|seen| seen.topic.ends_with("/config"));
    configs.any(|seen| seen.text.is_empty())
}

/// A bridge and the one sensor it reads.
struct Member {
    folder: TempDir,
    program: Process,
    id: String,
    sensor: String,
}

impl Member {
    async fn start(wire: &Wire, port: u16, number: usize) -> Self {
        let sensor = format!("r{number}");
        let mark = wire.mark();
        let folder = house(port, &sensor);
        let program = run(&folder);
        let id = wire.bridge(mark, true).await;
        let sensor = format!("text_{sensor}");
        wire.available(mark, &sensor, true).await;
        Self {
            folder,
            program,
            id,
            sensor,
        }
    }

    fn devices(&self) -> [String; 2] {
        [self.sensor.clone(), format!("wattbridge_{}", self.id)]
    }

    async fn values(&self, wire: &Wire, mut mark: Mark, count: usize) {
        for _ in 0..count {
            let is_new = |state: &Json| state["power"].is_number();
            mark = wire.state("values", mark, &self.sensor, is_new).await.1;
        }
    }
}

/// So many bridges with default settings, each with a folder of its own.
async fn beside_each_other(count: usize) {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let port = broker.port();
    let wire = Wire::tap(port).await;
    let mut all = Vec::new();
    for number in 0..count {
        all.push(Member::start(&wire, port, number).await);
    }
    // Long enough for all that is read back and looked after, and a start of Home Assistant.
    let mark = wire.mark();
    for member in &all {
        member.values(&wire, mark, 8).await;
    }
    let mark = wire.mark();
    wire.say("homeassistant/status", "online", false).await;
    for member in &all {
        for device in member.devices() {
            let again = |seen: &crate::wire::Seen| seen.topic == config(&device);
            wire.until("the announcement again", mark, again).await;
        }
    }
    let everybody = async |all: &[Member], gone: &[usize]| {
        let kept = kept(port).await;
        for (number, member) in all.iter().enumerate() {
            for device in member.devices() {
                let expected = (member.id.clone(), !gone.contains(&number));
                assert_eq!(holder(&kept, &device), Some(expected), "{device}");
            }
        }
        let topics = kept.keys().filter(|topic| topic.ends_with("/config"));
        assert_eq!(topics.count(), all.len() * 2);
        assert!(!cleared(&wire), "something was cleared");
    };
    everybody(&all, &[]).await;

    // The end of one, in order or not, is nobody else's.
    let mark = wire.mark();
    assert!(all[0].program.end().await.success());
    assert_eq!(wire.bridge(mark, false).await, all[0].id);
    everybody(&all, &[0]).await;
    let mark = wire.mark();
    all[1].program.kill().await;
    assert_eq!(wire.bridge(mark, false).await, all[1].id);
    everybody(&all, &[0, 1]).await;

    // Both come back as who they were.
    for number in [0, 1] {
        let mark = wire.mark();
        let member = &mut all[number];
        member.program = run(&member.folder);
        assert_eq!(wire.bridge(mark, true).await, member.id);
        wire.available(mark, &member.sensor, true).await;
    }
    everybody(&all, &[]).await;
    for member in &mut all {
        assert!(member.program.end().await.success());
        let said = member.program.said();
        assert!(
            !said.contains("WARN") && !said.contains("removed a device"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn two_bridges_on_one_broker() {
    beside_each_other(2).await;
}

#[tokio::test]
async fn three_bridges_on_one_broker() {
    beside_each_other(3).await;
}

#[tokio::test]
async fn ten_bridges_on_one_broker() {
    beside_each_other(10).await;
}

#[tokio::test]
async fn a_device_that_two_bridges_read_stays_with_the_first() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let port = broker.port();
    let wire = Wire::tap(port).await;
    let mut first = Member::start(&wire, port, 1).await;
    let folder = house(port, "r1");
    let mark = wire.mark();
    let mut second = run(&folder);
    let id = wire.bridge(mark, true).await;
    second.until_said("is read by another wattbridge too").await;
    second.until_said("Remove the device").await;
    let left = |state: &Json| {
        let reason = state["reason"].as_str().unwrap_or_default();
        reason.contains(&format!("is left to another wattbridge, {}", first.id))
    };
    wire.state("a reason", mark, &format!("wattbridge_{id}"), left)
        .await;
    assert_eq!(
        holder(&kept(port).await, "text_r1"),
        Some((first.id.clone(), true))
    );

    // The first one is switched off: its device is the other one's at once.
    let mark = wire.mark();
    assert!(first.program.end().await.success());
    wire.available(mark, "text_r1", true).await;
    assert_eq!(holder(&kept(port).await, "text_r1"), Some((id, true)));
    assert!(second.end().await.success());
    assert_eq!(second.count(&["WARN"]), 1, "{}", second.said());
}

/// To Home Assistant the counter is the same, whoever counts: it may begin anew, and never leaps.
#[tokio::test]
async fn a_device_that_comes_back_to_its_first_bridge_makes_no_leap() {
    const HOURLY: f64 = 45.0;
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let port = broker.port();
    let wire = Wire::tap(port).await;
    let folders = [0, 1].map(|_| {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[mqtt]\nport = {port}\n[store]\nsave_every = \"1s\"\n[home_assistant]\n\
             pace = {{ \"*\" = {{ every = \"0s\" }} }}\n[[text]]\nid = \"heater\"\n\
             command = [\"sh\", \"-c\", \"echo 4500$(($(date +%s) % 10))\"]\ninterval = \"300ms\"\n\
             values = [{{ id = \"power\", quantity = \"power\", energy = true }}]\n"
        );
        fs::write(folder.path().join("wattbridge.toml"), text).unwrap();
        folder
    });
    let id = "text_heater";
    let mut mark = wire.mark();
    let more_than = |least: f64| {
        move |state: &Json| state["energy_total"].as_f64().is_some_and(|it| it >= least)
    };
    let mut first = run(&folders[0]);
    mark = wire.state("some energy", mark, id, more_than(0.15)).await.1;
    first.kill().await;
    // Another one stands in, and the first one comes back, twice.
    for _ in 0..2 {
        let other = wire.mark();
        let mut second = run(&folders[1]);
        wire.state("the other's", other, id, more_than(0.05)).await;
        let mut first = run(&folders[0]);
        let own = wire.bridge(wire.mark(), true).await;
        first.until_said("is read by another wattbridge").await;
        second.kill().await;
        let back = wire.mark();
        wire.state("its own again", back, id, more_than(0.05)).await;
        let (holder, _) = holder(&kept(port).await, id).unwrap();
        assert_eq!(holder, own);
        first.kill().await;
    }
    let states: Vec<Json> = wire.states(id);
    let shown: Vec<f64> = states
        .iter()
        .filter_map(|it| it["energy_total"].as_f64())
        .collect();
    assert!(mark > 0 && shown.len() > 20, "{shown:?}");
    // Some seconds of its power at once, or a new beginning.
    let most = HOURLY * 5.0 / 3600.0;
    let leaps = shown.windows(2).filter(|pair| pair[1] > pair[0] + most);
    assert_eq!(leaps.count(), 0, "{shown:?}");
    let begins_anew = shown.windows(2).filter(|pair| pair[1] < pair[0]);
    assert_eq!(begins_anew.clone().count(), 4, "{shown:?}");
    assert!(
        begins_anew.into_iter().all(|pair| pair[1] <= most),
        "{shown:?}"
    );
}

#[tokio::test]
async fn one_configuration_runs_once() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let folder = house(broker.port(), "r1");
    let mut program = run(&folder);
    wire.available(0, "text_r1", true).await;
    let pid = program.id().to_string();
    for args in [
        &["run"][..],
        &["check", "--connect"],
        &["discovery", "--ask"],
    ] {
        let refused = done(folder.path(), args).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let words = format!("already runs (PID {pid})");
        assert!(refused.err.contains(&words), "{refused:?}");
    }
    // What only looks is free to.
    for args in [&["check"][..], &["discovery"]] {
        assert_eq!(done(folder.path(), args).await.code, Some(0), "{args:?}");
    }
    // The lock goes with the program, however that ends.
    program.kill().await;
    let mark = wire.mark();
    let mut program = run(&folder);
    wire.available(mark, "text_r1", true).await;
    assert!(program.end().await.success());
    let names = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> = names
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names.retain(|name| !name.ends_with(".alive"));
    assert_eq!(
        names,
        ["wattbridge-history.db", "wattbridge.db", "wattbridge.toml"]
    );
}

#[tokio::test]
async fn two_configurations_in_one_folder_have_two_stores() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let port = broker.port();
    let wire = Wire::tap(port).await;
    let folder = house(port, "r1");
    write(folder.path(), "second.toml", port, "r2");
    let mut first = run(&folder);
    let mut second = Process::start(folder.path(), &["run", "--config", "second.toml"]);
    for device in ["text_r1", "text_r2"] {
        wire.available(0, device, true).await;
    }
    assert!(folder.path().join("second.db").exists());
    assert!(second.end().await.success());

    // With one store for both, the second one is refused and told what to write.
    let text = fs::read_to_string(folder.path().join("second.toml")).unwrap();
    let shared = text + "\n[store]\npath = \"wattbridge.db\"\n";
    fs::write(folder.path().join("second.toml"), shared).unwrap();
    let refused = done(folder.path(), &["run", "--config", "second.toml"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for words in [
        "another configuration",
        "wattbridge.toml",
        "[store]\npath = ",
    ] {
        assert!(refused.err.contains(words), "{words}: {refused:?}");
    }
    assert!(first.end().await.success());
}

/// Writes what the version without ids left: its store, and what it announced.
async fn left_by_an_earlier_version(wire: &Wire, folder: &Path) {
    let store = Connection::open(folder.join("wattbridge.db")).unwrap();
    store
        .execute_batch(include_str!("earlier/store.sql"))
        .unwrap();
    let kept: BTreeMap<String, String> =
        serde_json::from_str(include_str!("earlier/retained.json")).unwrap();
    for (topic, text) in kept {
        wire.say(&topic, &text, true).await;
    }
}

fn unique_ids(config: &str) -> Vec<String> {
    let config: Json = serde_json::from_str(config).unwrap();
    let components = config["components"].as_object().unwrap().values();
    components
        .map(|it| it["unique_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn what_an_earlier_version_announced_is_taken_over() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let port = broker.port();
    let wire = Wire::tap(port).await;
    // The section of the device "gone" was taken out.
    let folder = house(port, "clamp");
    let text = fs::read_to_string(folder.path().join("wattbridge.toml")).unwrap();
    let text = text.replace(
        "quantity = \"power\"",
        "quantity = \"power\", energy = true",
    );
    fs::write(folder.path().join("wattbridge.toml"), text).unwrap();
    left_by_an_earlier_version(&wire, folder.path()).await;
    let before = kept(port).await;
    let mark = wire.mark();
    let mut program = run(&folder);
    let id = wire.bridge(mark, true).await;
    wire.text(mark, &config("text_gone"), "").await;
    wire.text(mark, "wattbridge/status", "").await;
    let after = kept(port).await;
    for device in ["text_clamp", "wattbridge_bridge"] {
        assert_eq!(holder(&after, device), Some((id.clone(), true)), "{device}");
        let topic = config(device);
        let (old, new) = (unique_ids(&before[&topic]), unique_ids(&after[&topic]));
        assert!(old.iter().all(|it| new.contains(it)), "{old:?} {new:?}");
        assert!(wire.on(&topic).iter().all(|seen| !seen.text.is_empty()));
    }
    assert!(
        !after.contains_key("wattbridge/status"),
        "nothing refers to it"
    );
    assert_eq!(
        after
            .keys()
            .filter(|topic| topic.ends_with("/config"))
            .count(),
        2
    );
    // The counter goes on from where it was.
    let counted = |state: &Json| state["energy_total"].is_number();
    wire.state("its energy", mark, "text_clamp", counted).await;
    assert!(program.end().await.success());
    assert_eq!(program.count(&["WARN"]), 0, "{}", program.said());

    // Another bridge with a store of that time does not take the name away.
    let other = house(port, "other");
    let store = Connection::open(other.path().join("wattbridge.db")).unwrap();
    store
        .execute_batch(include_str!("earlier/store.sql"))
        .unwrap();
    drop(store);
    let mark = wire.mark();
    let mut second = run(&other);
    let second_id = wire.bridge(mark, true).await;
    let own = format!("wattbridge_{second_id}");
    wire.available(mark, &own, true).await;
    wire.available(mark, "text_other", true).await;
    let last = kept(port).await;
    assert_eq!(
        holder(&last, "wattbridge_bridge"),
        Some((id.clone(), false))
    );
    assert_eq!(
        holder(&last, "text_clamp"),
        Some((id, false)),
        "it is not running"
    );
    assert_eq!(holder(&last, &own), Some((second_id, true)));
    assert!(second.end().await.success());
}

#[tokio::test]
async fn a_store_that_is_lost_costs_no_device() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let port = broker.port();
    let wire = Wire::tap(port).await;
    let mut member = Member::start(&wire, port, 1).await;
    let own = format!("wattbridge_{}", member.id);
    wire.available(0, &own, true).await;
    assert!(member.program.end().await.success());
    fs::remove_file(member.folder.path().join("wattbridge.db")).unwrap();
    let mark = wire.mark();
    let mut program = run(&member.folder);
    let id = wire.bridge(mark, true).await;
    assert_ne!(id, member.id);
    program
        .until_said(&format!("still has announced {own}"))
        .await;
    wire.available(mark, "text_r1", true).await;
    assert_eq!(holder(&kept(port).await, "text_r1"), Some((id, true)));
    assert!(program.end().await.success());
    assert!(!cleared(&wire), "something was cleared");
}

#[tokio::test]
async fn a_store_that_is_deleted_while_it_is_used_is_told_and_made_anew() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let folder = house(broker.port(), "r1");
    let file = folder.path().join("wattbridge.toml");
    let text = fs::read_to_string(&file).unwrap() + "\n[store]\nsave_every = \"0s\"\n";
    let text = text.replace(
        "quantity = \"power\"",
        "quantity = \"power\", energy = true",
    );
    fs::write(&file, text).unwrap();
    let mut program = run(&folder);
    let own = wire.own_device(0).await;
    wire.available(0, "text_r1", true).await;
    let mark = wire.mark();
    fs::remove_file(folder.path().join("wattbridge.db")).unwrap();
    program
        .until_said("was deleted while wattbridge runs")
        .await;
    let problem = |state: &Json| state["store_problem"] == "ON";
    wire.state("a problem", mark, &own, problem).await;
    assert!(program.end().await.success());
    let listed = done(folder.path(), &["discovery", "--topics"]).await;
    assert!(listed.out.contains("text_r1"), "{listed:?}");
    // It is still who it was.
    let mark = wire.mark();
    let mut program = run(&folder);
    assert_eq!(wire.own_device(mark).await, own);
    assert!(program.end().await.success());
}

#[tokio::test]
async fn two_copies_of_one_store_are_told_what_to_do() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let port = broker.port();
    let wire = Wire::tap(port).await;
    let mut member = Member::start(&wire, port, 1).await;
    assert!(member.program.end().await.success());
    let copy = house(port, "r2");
    fs::copy(
        member.folder.path().join("wattbridge.db"),
        copy.path().join("wattbridge.db"),
    )
    .unwrap();
    let (mut one, mut two) = (run(&member.folder), run(&copy));
    let words = format!(
        "the MQTT broker ends the connection of wattbridge-{} again and again",
        member.id
    );
    one.until_said(&words).await;
    two.until_said(&words).await;
    one.until_said("delete its store").await;
    assert!(one.end().await.success());
    assert!(two.end().await.success());
    assert_eq!(one.count(&["WARN", "again and again"]), 1, "{}", one.said());
}
