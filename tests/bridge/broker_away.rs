//! A broker that comes late, goes, and forgets; and Home Assistant that starts.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::gateway::{Gateway, Plan};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::{Wire, kept};

fn is_on(state: &Json) -> bool {
    state["health"] == "online" && state["power"].is_number()
}

/// All topics that have to be kept for these devices.
fn topics(bridge: &str, ids: &[String]) -> BTreeSet<String> {
    let of = |id: &String| {
        [
            format!("homeassistant/device/{id}/config"),
            format!("wattbridge/{id}/availability"),
            format!("wattbridge/{id}/state"),
        ]
    };
    let own = [format!("wattbridge/{bridge}/status")];
    ids.iter().flat_map(of).chain(own).collect()
}

fn everybody(bridge: &str, gateway: &Gateway) -> Vec<String> {
    let own = [gateway.id(), format!("wattbridge_{bridge}")];
    gateway.inverter_ids().into_iter().chain(own).collect()
}

#[tokio::test]
async fn a_broker_that_starts_after_us_and_is_killed() {
    let Some(mut broker) = Mosquitto::prepare(&Setup::default()) else {
        return;
    };
    let port = broker.port();
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(port, &[gateway.section()]);
    let mut bridge = home.run();
    bridge.until_said("nothing listens on").await;
    // The devices are read all the same.
    gateway.handle.wait_for_requests(30, 3).await;
    broker.start();
    let wire = Wire::tap(port).await;
    let own = wire.bridge(0, true).await;
    let ids = everybody(&own, &gateway);
    for id in &ids {
        wire.available(0, id, true).await;
    }

    // It had no file, so it knows nothing any more.
    broker.kill();
    let rounds = gateway.handle.requests(30);
    gateway.handle.wait_for_requests(30, rounds + 2).await;
    let mark = wire.mark();
    broker.start();
    for id in &ids {
        wire.available(mark, id, true).await;
    }
    let (_, mark) = wire.state("values", mark, &gateway.id(), is_on).await;
    wire.state("values", mark, &gateway.id(), is_on).await;
    let kept = kept(port).await;
    assert_eq!(
        kept.keys().cloned().collect::<BTreeSet<_>>(),
        topics(&own, &ids)
    );
    assert_eq!(kept[&format!("wattbridge/{own}/status")], "online");
    assert!(bridge.end().await.success());
    // Away twice; each time said once, however often it was tried.
    let warnings = bridge.count(&["WARN"]);
    assert!((2..=4).contains(&warnings), "{}", bridge.said());
    let nobody = bridge.count(&["WARN", "nothing listens on"]);
    assert!((1..=2).contains(&nobody), "{}", bridge.said());
}

#[tokio::test]
async fn a_broker_that_restarts_while_the_ecu_is_away() {
    let persistent = Setup {
        persistent: true,
        ..Setup::default()
    };
    let Some(mut broker) = Mosquitto::launch(&persistent) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let mut bridge = home.run();
    let (id, inverter) = (gateway.id(), gateway.inverter_ids().remove(0));
    wire.state("online", 0, &id, is_on).await;
    wire.state("online", 0, &inverter, is_on).await;
    let mark = wire.mark();
    gateway.fault("refuse");
    wire.available(mark, &id, false).await;
    wire.available(mark, &inverter, false).await;
    broker.stop();
    let mark = wire.mark();
    broker.start();
    wire.available(mark, &id, false).await;
    let away = |state: &Json| state["health"] == "unreachable";
    let (state, _) = wire.state("away", mark, &id, away).await;
    assert!(
        state["energy_total"].is_number() && state["power"].is_null(),
        "{state}"
    );
    assert!(state["reason"].as_str().unwrap().contains("refuses"));
    // Nothing has changed: the broker has the announcements, and Home Assistant too.
    gateway.handle.clear_faults();
    wire.available(mark, &id, true).await;
    wire.available(mark, &inverter, true).await;
    let own = wire.bridge(0, true).await;
    for id in everybody(&own, &gateway) {
        let config = format!("homeassistant/device/{id}/config");
        assert_eq!(wire.on(&config).len(), 1, "{id}");
    }
    let kept = kept(broker.port()).await;
    let expected = topics(&own, &everybody(&own, &gateway));
    assert_eq!(kept.keys().cloned().collect::<BTreeSet<_>>(), expected);
    assert!(bridge.end().await.success());
}

#[tokio::test]
async fn home_assistant_is_told_everything_when_it_starts() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let mut bridge = home.run();
    let own = wire.bridge(0, true).await;
    let ids = everybody(&own, &gateway);
    for id in &ids {
        wire.available(0, id, true).await;
    }
    // So soon after our own start a birth says nothing new; later ones do.
    let rounds = gateway.handle.requests(30);
    gateway.handle.wait_for_requests(30, rounds + 8).await;
    let mark = wire.mark();
    wire.say("homeassistant/status", "online", false).await;
    for id in &ids {
        let config = format!("homeassistant/device/{id}/config");
        let what = format!("{config} again");
        let again = |seen: &crate::wire::Seen| seen.topic == config && !seen.text.is_empty();
        wire.until(&what, mark, again).await;
        let mark = wire.available(mark, id, true).await;
        wire.state("again", mark.saturating_sub(6), id, |_| true)
            .await;
    }
    assert_eq!(bridge.count(&["Home Assistant has started"]), 1);
    assert!(bridge.end().await.success());
}
