//! Several sections, of which some are wrong or reach nobody.

use serde_json::Value as Json;

use crate::gateway::{ECU_PRO, Gateway, Plan, section};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::support::ports::free_port;
use crate::wire::{Wire, kept};

#[tokio::test]
async fn a_section_that_cannot_be_used_shows_in_the_bridge_itself() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wrong = "[[smart_meter]]\nport = 5\n".to_owned();
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section(), wrong]);
    let mut bridge = home.run();
    let told = |state: &Json| {
        let reason = state["reason"].as_str().unwrap_or_default();
        reason.contains("1 section of the configuration cannot be used")
            && reason.contains("wattbridge check")
    };
    let own = wire.own_device(0).await;
    let (state, _) = wire.state("a reason", 0, &own, told).await;
    assert_eq!(state["problem"], "ON");
    assert!(bridge.end().await.success());
}

#[tokio::test]
async fn one_bad_section_stops_no_other() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let one = Gateway::start(Plan::default()).await;
    let other = Gateway::start(Plan {
        serial: ECU_PRO,
        inverters: "QS1",
        ..Plan::default()
    })
    .await;
    let nobody = free_port();
    let wrong = "[[aps_ecu]]\nhots = \"127.0.0.1\"\n".to_owned();
    let sections = [one.section(), wrong, section(nobody), other.section()];
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &sections);
    let mut bridge = home.run();

    let works = |state: &Json| state["power"].as_f64() > Some(0.0);
    for gateway in [&one, &other] {
        let ids = gateway.inverter_ids();
        for id in ids.iter().chain([&gateway.id()]) {
            wire.state("online", 0, id, works).await;
        }
    }
    let told = |state: &Json| {
        let reason = state["reason"].as_str().unwrap_or_default();
        let address = format!("APS ECU 127.0.0.1:{nobody} refuses the connection");
        reason.contains(&address) && reason.contains("switch the ECU off and on")
    };
    let own = wire.own_device(0).await;
    let (state, _) = wire.state("a reason", 0, &own, told).await;
    assert_eq!(state["problem"], "ON");
    assert_eq!(wire.availability(&own), ["online"]);

    // The mistake is told of with its place and what was probably meant.
    let text = std::fs::read_to_string(home.file()).unwrap();
    let line = text.lines().position(|line| line.contains("hots")).unwrap() + 1;
    let said = bridge.said();
    for needle in [
        format!("wattbridge.toml:{line}"),
        "hots".to_owned(),
        "host".to_owned(),
        "left out, the rest runs".to_owned(),
    ] {
        assert!(said.contains(&needle), "{needle} is not in\n{said}");
    }
    let rounds = one.handle.requests(1);
    one.handle.wait_for_requests(1, rounds + 5).await;
    assert!(bridge.end().await.success());
    // The wrong section, and the one that reaches nobody; once each.
    assert_eq!(bridge.count(&["WARN"]), 2, "{}", bridge.said());
}

#[tokio::test]
async fn one_ecu_in_two_sections_is_read_once() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let twice = gateway.section().replace("127.0.0.1", "localhost");
    let same = gateway.section();
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section(), twice, same]);
    let mut bridge = home.run();
    let id = gateway.id();
    wire.available(0, &id, true).await;
    let rounds = gateway.handle.requests(2);
    gateway.handle.wait_for_requests(2, rounds + 8).await;
    assert_eq!(wire.availability(&id), ["online"]);
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["is configured twice, first in line"]), 1);
    let said = bridge.count(&["WARN", "another section reaches too", "Remove one"]);
    assert_eq!(said, 3, "the ECU and two inverters\n{}", bridge.said());
}

/// The broker is shared with programs that are none of our business.
#[tokio::test]
async fn what_others_announced_is_left_alone() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let foreign = [
        (
            "homeassistant/device/aps_ecu_999/config",
            "{\"origin\":{\"name\":\"zigbee\"}}",
        ),
        ("homeassistant/device/aps_ecu_998/config", "no JSON at all"),
        (
            "homeassistant/device/aps_ecu_997/config",
            "{\"origin\":{\"name\":\"wattbridge\"},\"availability\":[{\"topic\":\"attic/status\"}]}",
        ),
        (
            "homeassistant/device/aps_ecu_995/config",
            "{\"origin\":{\"name\":\"wattbridge\"},\"availability\":[{\"topic\":\"wattbridge/z9z9z9/status\"}]}",
        ),
        // Of some bridge before bridges had ids, but not of this one.
        (
            "homeassistant/device/aps_ecu_994/config",
            "{\"origin\":{\"name\":\"wattbridge\"},\"availability\":[{\"topic\":\"wattbridge/status\"}]}",
        ),
    ];
    for (topic, text) in foreign {
        wire.say(topic, text, true).await;
    }
    let home = Home::new(broker.port(), &[gateway.section()]);
    let mut bridge = home.run();
    let id = wire.bridge(0, true).await;
    assert!(bridge.end().await.success());
    // Ours, of a device that is no more.
    let old = "{\"origin\":{\"name\":\"wattbridge\"},\"availability\":[{\"topic\":\"wattbridge/ID/status\"}],\
               \"components\":{\"power\":{\"platform\":\"sensor\"}}}";
    let topic = "homeassistant/device/aps_ecu_996/config";
    wire.say(topic, &old.replace("ID", &id), true).await;
    let mut bridge = home.run();
    wire.text(wire.mark(), topic, "").await;
    let kept = kept(broker.port()).await;
    for (topic, text) in foreign {
        assert_eq!(kept.get(topic).map(String::as_str), Some(text));
    }
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["removed a device"]), 1, "{}", bridge.said());
}
