//! Restarts, and the commands beside `run`.

use std::fs;

use serde_json::Value as Json;
use wattbridge::adapters::victron::simulator::SimulatedVictron;
use wattbridge::adapters::victron::wire::hex::{Answer, Value};
use wattbridge::adapters::victron::wire::text::encode_block;

use super::audit::{announcements, entities};
use super::said::{differs, invented, numbers};
use super::{House, faulty, id, still, tcp};
use crate::process::{Done, fed};

fn is_of<'a>(device: &'a SimulatedVictron) -> impl Fn(&Json) -> bool + 'a {
    |state| differs(state, &numbers(device)).is_none()
}

#[tokio::test]
async fn after_a_restart_everything_is_as_it_was() {
    let Some(house) = House::open("allow_control = true").await else {
        return;
    };
    let charger = house.cable(1, still("mppt-75-15")).await;
    let shunt = house.cable(2, still("smartshunt")).await;
    let ids = ["mppt-75-15", "smartshunt"].map(id);
    let mut program = house.run();
    house
        .online(0, &ids[0], |state| {
            state["load_control"] == "on" && is_of(&charger)(state)
        })
        .await;
    house
        .online(0, &ids[1], |state| {
            !state["uptime"].is_null() && is_of(&shunt)(state)
        })
        .await;
    for id in &ids {
        house.announced(id).await;
    }
    super::control::until_settable(&house, &ids[0], &["load_output", "charge_current_limit"]).await;
    let before = crate::wire::kept(house.broker.port()).await;
    assert!(program.end().await.success());

    let mark = house.wire.mark();
    let program = house.run();
    for (id, device) in ids.iter().zip([&charger, &shunt]) {
        house.wire.available(mark, id, true).await;
        house.online(mark, id, is_of(device)).await;
        let topic = format!("homeassistant/device/{id}/config");
        let known: Json = serde_json::from_str(&before[&topic]).unwrap();
        let known = entities(&known);
        // Neither is anything taken back, nor does anything come later than the rest.
        for announced in announcements(&house.wire, mark, id) {
            let now = entities(&announced);
            let metrics = |keys: &std::collections::BTreeSet<String>| -> Vec<String> {
                let own = keys.iter().filter(|key| !key.starts_with("set_"));
                own.cloned().collect()
            };
            assert_eq!(metrics(&now), metrics(&known), "{id}");
        }
    }
    house.close(program, &ids, &[&charger, &shunt]).await;
}

#[tokio::test]
async fn check_says_which_devices_are_there() {
    let Some(house) = House::open("").await else {
        return;
    };
    let none = house.check().await;
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(
        none.out.contains("no VE.Direct USB cable is plugged in"),
        "{none:?}"
    );
    assert!(none.out.contains("Plug one in"), "{none:?}");

    let devices = [
        house.cable(1, still("mppt-75-15")).await,
        house.cable(2, faulty("smartshunt", &["deaf"])).await,
    ];
    let found = house.check().await;
    assert_eq!(found.code, Some(0), "{found:?}");
    for words in [
        "SmartSolar MPPT 75/15, serial number HQ000000015 (text and HEX)",
        "SmartShunt 500A/50mV, no serial number (text only)",
    ] {
        assert!(found.out.contains(words), "{words}: {found:?}");
    }
    let garbled = house
        .cable(3, faulty("phoenix", &["wrong-checksum", "deaf"]))
        .await;
    let silent = house.cable(4, faulty("bmv-712", &["silence"])).await;
    let mixed = house.check().await;
    assert_eq!(mixed.code, Some(1), "{mixed:?}");
    for words in [
        "SmartSolar MPPT 75/15",
        "VE000003",
        "no block of them is whole",
        "keep the cable away",
        "VE000004",
        "nothing came",
    ] {
        assert!(mixed.out.contains(words), "{words}: {mixed:?}");
    }
    for device in devices.iter().chain([&garbled, &silent]) {
        super::audit::harmless(device);
        assert_eq!(device.writes(), []);
    }
}

/// What was printed, a line each.
fn lines(done: &Done) -> Vec<Json> {
    assert_eq!(done.code, Some(0), "{done:?}");
    let lines = done.out.lines();
    let parsed = lines.filter_map(|line| serde_json::from_str(line).ok());
    parsed.collect()
}

/// Records a device for some seconds, and compares what comes of that with what it said.
async fn record(house: &House, name: &str) {
    let device = tcp(still(name)).await;
    let file = format!("{name}.recording");
    let port = device.address();
    let args = ["record", "victron", port, "--out", &file, "--for", "5s"];
    let done = house.home.done(&args).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let truth = numbers(&device);
    let decoded = lines(&house.home.done(&["decode", "victron", &file]).await);
    let replayed = lines(&house.home.done(&["replay", &file]).await);
    for (what, said) in [("decoded", decoded), ("replayed", replayed)] {
        // What is the same as before is not printed again when it is replayed.
        let last = said.last().unwrap();
        assert_eq!(
            last["serial"],
            device.model().serial,
            "{name} {what}: {last}"
        );
        let all = said.iter().map(|line| &line["readings"]);
        for readings in all.clone() {
            assert_eq!(
                invented(readings, &truth),
                None,
                "{name} {what}: {readings}"
            );
        }
        let whole = all.filter(|readings| differs(readings, &truth).is_none());
        assert!(whole.count() > 0, "{name} {what}: {said:?}");
    }
}

#[tokio::test]
async fn a_recording_replays_and_decodes_to_what_was_said() {
    let Some(house) = House::with(&[]).await else {
        return;
    };
    tokio::join!(
        record(&house, "mppt-75-15"),
        record(&house, "mppt-150-70"),
        record(&house, "smartshunt"),
        record(&house, "phoenix"),
    );
}

#[tokio::test]
async fn a_stream_in_a_file_is_decoded_and_what_is_damaged_is_said() {
    let Some(house) = House::with(&[]).await else {
        return;
    };
    let device = tcp(still("mppt-75-15")).await;
    let (text, truth) = (device.text(), numbers(&device));
    let fields: Vec<(&str, &str)> = text
        .iter()
        .map(|(label, value)| (label.as_str(), value.as_str()))
        .collect();
    let block = encode_block(&fields).unwrap();
    let mut damaged = block.clone();
    damaged[30] ^= 1;
    // A value comes before the first block that says who the device is.
    let early = Answer::Async(Value::new(0x0120, &4000_u32.to_le_bytes())).encode();
    let float = b":A0102000543\n";
    let stream = [&early, block.as_slice(), float, &damaged, &block].concat();
    fs::write(house.home.path().join("stream"), &stream).unwrap();
    let done = house.home.done(&["decode", "victron", "stream"]).await;
    let said = lines(&done);
    assert_eq!(said.len(), 2, "{done:?}");
    for line in &said {
        assert_eq!(
            (&line["serial"], &line["model"]),
            (&"HQ000000015".into(), &"SmartSolar MPPT 75/15".into())
        );
        assert_eq!(differs(&line["readings"], &truth), None, "{line}");
    }
    assert!(done.err.contains("byte"), "{done:?}");
    let annotated = house
        .home
        .done(&["decode", "victron", "--annotate", "stream"])
        .await;
    assert_eq!(annotated.code, Some(0), "{annotated:?}");
    for words in ["PPV", "HQ000000015", "float"] {
        assert!(annotated.out.contains(words), "{words}: {annotated:?}");
    }
    let folder = house.home.path();
    let noise = fed(folder, &["decode", "victron", "-"], &[0x5a; 4000]).await;
    assert_eq!(noise.code, Some(1), "{noise:?}");
    assert_eq!(noise.out, "", "{noise:?}");
}
