//! The Home Assistant output against a real Mosquitto.

// What goes wrong in here shall fail the test, also outside of its own function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bench;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::timeout;
use wattbridge::model::{CommandOutcome, HealthCode, Value};
use wattbridge::outputs::home_assistant::{HomeAssistantSettings, preview};
use wattbridge::outputs::mqtt::session::Incoming;
use wattbridge::store::Identity;

use bench::{
    Bridge, CONFIG, DEADLINE, Watcher, everything_about, kept, me, meter, mqtt, put, read, state,
    topics,
};
use support::mosquitto::{Mosquitto, Setup};

#[tokio::test]
async fn devices_are_announced_and_kept() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    let mut child = meter("1");
    child.via = Some(meter("9").id);
    let started = Instant::now();
    let bridge = Bridge::start(broker.port(), |hub| {
        put(hub, child);
        put(hub, meter("9"));
    });
    let (_, before) = watcher.until(|m| m.topic.ends_with("/config")).await;
    eprintln!("first announcement after {:?}", started.elapsed());
    assert_eq!(before, ["wattbridge/b2c3d4/status"]);
    watcher.until(|m| m.topic == CONFIG).await;
    watcher
        .until_text("wattbridge/smart_meter_1/availability", "online")
        .await;

    // A new value follows at once, and the state of the device.
    let device = meter("1");
    bridge
        .hub
        .put_state(state(&device, 250, HealthCode::Online));
    let (message, _) = watcher
        .until(|m| m.topic == "wattbridge/smart_meter_1/state")
        .await;
    assert_eq!(
        read(&message.payload),
        json!({
            "ts": "2026-03-01T12:00:00+00:00",
            "health": "online",
            "power": 250,
            "energy_import": 12345.678,
            "relay": null
        })
    );
    bridge
        .hub
        .put_state(state(&device, 250, HealthCode::Silent));
    watcher
        .until_text("wattbridge/smart_meter_1/availability", "offline")
        .await;

    let kept = kept(broker.port()).await;
    let mut expected = everything_about("smart_meter_1");
    expected.extend(everything_about("smart_meter_9"));
    expected.insert("wattbridge/b2c3d4/status".to_owned());
    assert_eq!(topics(&kept), expected);
    assert_eq!(kept["wattbridge/b2c3d4/status"], b"online");
    let mut device = meter("9");
    device.via = None;
    let announced = preview(
        &[device],
        &mqtt(1883),
        &HomeAssistantSettings::default(),
        &me(),
    );
    assert_eq!(read(&kept[&announced[0].0]), announced[0].1);

    // A device that is gone leaves nothing behind.
    bridge.hub.remove(&meter("1").id);
    watcher
        .until_text("wattbridge/smart_meter_1/state", "")
        .await;
    let kept = bench::kept(broker.port()).await;
    assert!(
        kept.keys().all(|topic| !topic.contains("smart_meter_1")),
        "{:?}",
        topics(&kept)
    );
}

#[tokio::test]
async fn a_broker_that_lost_everything_has_it_again() {
    let Some(mut broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let _bridge = Bridge::start(broker.port(), |hub| put(hub, meter("1")));
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    watcher
        .until_text("wattbridge/smart_meter_1/availability", "online")
        .await;
    broker.kill();
    broker.start();
    watcher.subscribed().await;
    // Retained or not, all of it comes by, in an order that depends on who was here first.
    let mut expected = everything_about("smart_meter_1");
    expected.insert("wattbridge/b2c3d4/status".to_owned());
    let mut missing = expected.clone();
    while !missing.is_empty() {
        let (message, _) = watcher.until(|m| missing.contains(&m.topic)).await;
        missing.remove(&message.topic);
    }
    assert_eq!(topics(&kept(broker.port()).await), expected);
}

#[tokio::test]
async fn home_assistant_gets_everything_when_it_starts() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    let bridge = Bridge::start(broker.port(), |hub| put(hub, meter("1")));
    watcher
        .until_text("wattbridge/smart_meter_1/availability", "online")
        .await;
    // A birth message right after the connect is not heard, so it is said until it is.
    let again = loop {
        watcher
            .publish("homeassistant/status", "online", false)
            .await;
        let wait = watcher.until(|m| m.topic == CONFIG);
        if let Ok((message, _)) = timeout(Duration::from_secs(6), wait).await {
            break message;
        }
    };
    assert_eq!(
        read(&again.payload)["device"]["identifiers"],
        json!(["smart_meter_1"])
    );
    watcher
        .until_text("wattbridge/smart_meter_1/availability", "online")
        .await;
    drop(bridge);
}

#[tokio::test]
async fn only_sure_orphans_of_our_own_are_cleared() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let port = broker.port();
    let mut watcher = Watcher::connect(port, "watcher").await;
    let (ha, ours) = (HomeAssistantSettings::default(), mqtt(port));
    let neighbour = Identity::named("z9z9z9");
    let orphan = &preview(&[meter("1")], &ours, &ha, &me())[0];
    let foreign = &preview(&[meter("2")], &ours, &ha, &neighbour)[0];
    let other = json!({ "device": { "identifiers": ["x"] }, "origin": { "name": "other" } });
    for (topic, payload) in [orphan, foreign] {
        watcher.publish(topic, payload.to_string(), true).await;
    }
    watcher
        .publish("homeassistant/device/x/config", other.to_string(), true)
        .await;
    watcher
        .publish("wattbridge/smart_meter_1/state", "{}", true)
        .await;
    // The same device as before: nothing of it has to be written again.
    let (topic, payload) = &preview(&[meter("3")], &ours, &ha, &me())[0];
    watcher.publish(topic, payload.to_string(), true).await;
    watcher.until(|m| m.topic == *topic).await;

    let bridge = Bridge::start(port, |hub| {
        hub.set_settled("smart_meter", false);
        put(hub, meter("3"));
    });
    watcher
        .until_text("wattbridge/smart_meter_3/availability", "online")
        .await;
    // The adapter may still find the device.
    assert!(kept(port).await.contains_key(CONFIG));
    bridge.hub.set_settled("smart_meter", true);
    let passed = watcher
        .until_text("wattbridge/smart_meter_1/state", "")
        .await;
    assert!(!passed.contains(topic), "announced again: {passed:?}");
    let mut expected = everything_about("smart_meter_3");
    expected.extend([
        "homeassistant/device/smart_meter_2/config".to_owned(),
        "homeassistant/device/x/config".to_owned(),
        "wattbridge/b2c3d4/status".to_owned(),
    ]);
    assert_eq!(topics(&kept(port).await), expected);
    drop(broker);
}

#[tokio::test]
async fn the_broker_says_offline_for_us_and_we_do_ourselves() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    let bridge = Bridge::start(broker.port(), |_| {});
    watcher
        .until_text("wattbridge/b2c3d4/status", "online")
        .await;
    bridge.output.abort();
    watcher
        .until_text("wattbridge/b2c3d4/status", "offline")
        .await;

    let bridge = Bridge::start(broker.port(), |hub| put(hub, meter("1")));
    watcher
        .until_text("wattbridge/b2c3d4/status", "online")
        .await;
    bridge.stop.cancel();
    bridge.output.await.unwrap().unwrap();
    watcher
        .until_text("wattbridge/b2c3d4/status", "offline")
        .await;
    assert_eq!(
        kept(broker.port()).await["wattbridge/b2c3d4/status"],
        b"offline"
    );
}

#[tokio::test]
async fn a_command_reaches_the_adapter_and_is_answered() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    // This one must never be carried out.
    watcher
        .publish("wattbridge/smart_meter_1/cmd/relay", "OFF", true)
        .await;
    let mut bridge = Bridge::start(broker.port(), |hub| put(hub, meter("1")));
    watcher
        .until_text("wattbridge/smart_meter_1/availability", "online")
        .await;
    watcher
        .publish("wattbridge/smart_meter_1/cmd/relay", "ON", false)
        .await;
    let pending = timeout(DEADLINE, bridge.commands.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(pending.command.value, Value::OnOff(true));
    let result = Ok(Value::OnOff(true));
    pending.reply.send(CommandOutcome { result }).unwrap();
    let (answer, _) = watcher
        .until(|m| m.topic == "wattbridge/smart_meter_1/result/relay")
        .await;
    assert!(!answer.retain);
    let answer = read(&answer.payload);
    assert_eq!(
        (&answer["ok"], &answer["value"]),
        (&json!(true), &json!("ON"))
    );

    watcher
        .publish("wattbridge/smart_meter_1/cmd/relay", "perhaps", false)
        .await;
    let (answer, _) = watcher
        .until(|m| m.topic == "wattbridge/smart_meter_1/result/relay")
        .await;
    let answer = read(&answer.payload);
    assert_eq!(answer["ok"], json!(false));
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("is not ON or OFF")
    );
}

#[tokio::test]
async fn home_assistant_that_has_gone_is_not_back_because_the_broker_is() {
    let Some(mut broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    let bridge = Bridge::start(broker.port(), |hub| put(hub, meter("1")));
    watcher
        .until_text("wattbridge/smart_meter_1/availability", "online")
        .await;
    let mut operators = bridge.hub.operators();
    let until = async |operators: &mut tokio::sync::watch::Receiver<usize>, wanted: usize| {
        let found = timeout(DEADLINE, operators.wait_for(|count| *count == wanted)).await;
        found.expect("it stays otherwise").unwrap();
    };
    until(&mut operators, 1).await;
    watcher
        .publish("homeassistant/status", "offline", false)
        .await;
    until(&mut operators, 0).await;
    broker.kill();
    broker.start();
    watcher.subscribed().await;
    watcher
        .until_text("wattbridge/b2c3d4/status", "online")
        .await;
    // All of it is published again, so the output is at work with the new connection.
    watcher
        .until_text("wattbridge/smart_meter_1/availability", "online")
        .await;
    assert_eq!(*operators.borrow(), 0);
    watcher
        .publish("homeassistant/status", "online", false)
        .await;
    until(&mut operators, 1).await;
}

#[tokio::test]
async fn three_hundred_devices_at_once() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let mut watcher = Watcher::connect(broker.port(), "watcher").await;
    let bridge = Bridge::start(broker.port(), |_| {});
    watcher
        .until_text("wattbridge/b2c3d4/status", "online")
        .await;
    let started = Instant::now();
    for serial in 0..300 {
        bridge.put(meter(&serial.to_string()));
    }
    watcher
        .until_text("wattbridge/smart_meter_299/availability", "online")
        .await;
    eprintln!("300 devices after {:?}", started.elapsed());
    // More news than the output could take: it looks at the whole.
    for _ in 0..10 {
        for serial in 0..300 {
            let device = meter(&serial.to_string());
            bridge
                .hub
                .put_state(state(&device, 777, HealthCode::Online));
        }
    }
    bridge.hub.remove(&meter("5").id);
    watcher
        .until_text("wattbridge/smart_meter_5/state", "")
        .await;
    let last = |m: &Incoming| m.topic == "wattbridge/smart_meter_299/state";
    while read(&watcher.until(last).await.0.payload)["power"] != 777 {}
    let kept = kept(broker.port()).await;
    assert_eq!(kept.len(), 299 * 3 + 1);
}
