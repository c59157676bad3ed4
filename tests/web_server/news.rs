//! What is told of the devices: states, and events as they happen.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio::time::timeout;
use wattbridge::model::{CommandOutcome, Value};

use crate::DEADLINE;
use crate::http::{Ask, Open};
use crate::site::{TestSite, meter, roof, state, watts};

/// The next event of this name, and its id.
async fn next(stream: &mut Open, name: &str) -> (Option<u64>, Json) {
    loop {
        let mark = format!("event: {name}\n");
        let text = stream.until(&mark).await;
        let (before, rest) = text.split_once(&mark).unwrap();
        let data = rest
            .strip_prefix("data: ")
            .and_then(|it| it.split_once("\n\n"));
        let Some((data, _)) = data else {
            stream.until("\n\n").await;
            stream.more_or_end().await;
            continue;
        };
        let id = before.rsplit("\n\n").next().unwrap_or_default();
        let id = id.lines().rev().find_map(|line| line.strip_prefix("id: "));
        let found = (
            id.map(|id| id.parse().unwrap()),
            serde_json::from_str(data).unwrap(),
        );
        stream.forget();
        return found;
    }
}

fn device<'a>(state: &'a Json, reference: &str) -> &'a Json {
    let mut devices = state["devices"].as_array().unwrap().iter();
    devices.find(|device| device["ref"] == reference).unwrap()
}

#[tokio::test]
async fn a_state_has_everything_and_unknown_is_null() {
    let site = TestSite::open().await;
    let ask = |path: &str| Ask::get(site.web.address(), path);
    let reference = site.roof_ref(ask).await;
    let all = ask("/api/v1/state").send().await.json();
    assert_eq!(all["whole"], true);
    assert!(all["flow"]["sentence"].is_object(), "{all}");
    let roof = device(&all, &reference);
    assert_eq!(roof["values"]["power"], 3210);
    assert_eq!(roof["values"]["energy_total"], 12_345.678);
    assert_eq!(roof["values"]["temperature"], Json::Null);
    assert_eq!(roof["health"]["code"], "online");
    let meter = all["devices"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["ref"] != reference.as_str());
    let meter = meter.unwrap();
    assert_eq!(meter["values"], json!({ "power_net": null }));
    assert_eq!(meter["health"]["code"], "silent");
    assert_eq!(meter["health"]["advice"], "Look at its cable.");
    // Nowhere is an unknown value another one.
    assert!(!all.to_string().contains("\"power_net\":0"));
    let rev = all["rev"].as_u64().unwrap();
    let newer = ask(&format!("/api/v1/state?since={rev}"))
        .send()
        .await
        .json();
    assert_eq!(newer["whole"], false);
    for unknown in ["0", "99999999999999"] {
        let all = ask(&format!("/api/v1/state?since={unknown}"))
            .send()
            .await
            .json();
        assert_eq!(all["whole"], true, "{unknown}");
    }
    let wrong = ask("/api/v1/state?since=x").send().await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn a_change_is_told_once_and_only_what_has_changed() {
    let site = TestSite::open().await;
    let ask = |path: &str| Ask::get(site.web.address(), path);
    let reference = site.roof_ref(ask).await;
    let mut stream = ask("/api/v1/events").open().await;
    let (_, hello) = next(&mut stream, "hello").await;
    assert_eq!(hello["build"], wattbridge::web::build());
    let before = ask("/api/v1/state").send().await.json()["rev"]
        .as_u64()
        .unwrap();
    site.power(watts(3000));
    let (id, change) = loop {
        let (id, change) = next(&mut stream, "state").await;
        if change["device"]["values"].get("power") == Some(&json!(3000)) {
            break (id, change);
        }
    };
    let told = &change["device"];
    assert_eq!(told["ref"], reference.as_str());
    assert!(told["values"].get("energy_total").is_none(), "{told}");
    assert!(told.get("health").is_none(), "{told}");
    assert!(id.unwrap() > before && change["rev"] == id.unwrap());
    // Who was away learns of it later.
    let missed = ask(&format!("/api/v1/state?since={before}"))
        .send()
        .await
        .json();
    assert_eq!(device(&missed, &reference)["values"]["power"], 3000);
    let again = ask("/api/v1/events").header("Last-Event-ID", &before.to_string());
    let (_, change) = next(&mut again.open().await, "state").await;
    assert_eq!(change["device"]["values"]["power"], 3000);
    let lost = ask("/api/v1/events").header("Last-Event-ID", "5");
    next(&mut lost.open().await, "resync").await;
    // What becomes unknown is told as such.
    site.power(Value::Unknown);
    let (_, change) = next(&mut stream, "state").await;
    assert_eq!(change["device"]["values"], json!({ "power": null }));
}

#[tokio::test]
async fn devices_come_and_go() {
    let site = TestSite::open().await;
    let ask = |path: &str| Ask::get(site.web.address(), path);
    let reference = site.roof_ref(ask).await;
    let mut stream = ask("/api/v1/events").open().await;
    next(&mut stream, "hello").await;
    let before = ask("/api/v1/state").send().await.json()["rev"]
        .as_u64()
        .unwrap();
    let mut inverter = meter();
    inverter.id = wattbridge::model::DeviceId::new("aps_ecu", "406000000001");
    inverter.via = Some(roof().id);
    let first = state(&inverter, site.clock.now(), &[("power_net", watts(5))]);
    site.hub.put_device(Arc::new(inverter.clone()), first);
    let (_, told) = next(&mut stream, "device").await;
    assert_eq!(told["via"], reference.as_str());
    // Its parent has children to show now.
    let parent = ask(&format!("/api/v1/devices/{reference}"))
        .send()
        .await
        .json();
    assert_eq!(parent["glance"]["picture"]["kind"], "children");
    site.hub.remove(&inverter.id);
    let (_, gone) = next(&mut stream, "removed").await;
    assert_eq!(gone["ref"], told["ref"]);
    let after = ask(&format!("/api/v1/state?since={before}"))
        .send()
        .await
        .json();
    assert_eq!(after["removed"], json!([told["ref"]]));
    let gone = ask(&format!(
        "/api/v1/devices/{}",
        told["ref"].as_str().unwrap()
    ));
    assert_eq!(gone.send().await.status, 404);
}

#[tokio::test]
async fn who_does_not_read_takes_everything_anew() {
    let site = TestSite::open().await;
    let mut stream = Ask::get(site.web.address(), "/api/v1/events").open().await;
    stream.until("event: hello").await;
    // More than waits for a reader, and more than sockets hold.
    let long = "x".repeat(100_000);
    let roof = roof();
    for round in 0..150 {
        let line = format!("{round} {long}");
        let values = [("power", watts(round)), ("last_line", line.into())];
        site.hub.put_state(state(&roof, site.clock.now(), &values));
        site.hub.put_device(
            Arc::new({
                let mut other = meter();
                other.name = format!("{round} {long}");
                other
            }),
            state(&meter(), site.clock.now(), &[]),
        );
        tokio::task::yield_now().await;
    }
    next(&mut stream, "resync").await;
}

#[tokio::test]
async fn nothing_runs_and_the_page_says_so() {
    let site = TestSite::open().await;
    let ask = |path: &str| Ask::get(site.web.address(), path);
    let mut stream = ask("/api/v1/events").open().await;
    stream.until("event: hello").await;
    let before = site.inside.send_replace(None);
    next(&mut stream, "resync").await;
    let about = ask("/api/v1").send().await.json();
    assert!(about["safe_mode"].is_string(), "{about}");
    assert_eq!(
        ask("/api/v1/state").send().await.json()["devices"],
        json!([])
    );
    let set = Ask::change(
        site.web.address(),
        "POST",
        "/api/v1/devices/0/controls/x",
        &json!({ "value": "ON" }),
    );
    assert_eq!(set.send().await.status, 503);
    site.inside.send_replace(before);
    next(&mut stream, "resync").await;
    let about = ask("/api/v1").send().await.json();
    assert_eq!(about["safe_mode"], Json::Null);
    assert_eq!(
        ask("/api/v1/state").send().await.json()["devices"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_control_is_set_and_its_outcome_told() {
    let mut site = TestSite::open().await;
    let to = site.web.address();
    let reference = site.roof_ref(|path| Ask::get(to, path)).await;
    let set = |key: &str, value: &str| {
        let path = format!("/api/v1/devices/{reference}/controls/{key}");
        Ask::change(to, "POST", &path, &json!({ "value": value }))
    };
    let ask = set("output", "off");
    let (answer, pending) = tokio::join!(ask.send(), async {
        let pending = site.commands.recv().await.unwrap();
        let command = pending.command.clone();
        let result = Ok(command.value.clone());
        pending.reply.send(CommandOutcome { result }).unwrap();
        command
    });
    assert_eq!(pending.value, Value::OnOff(false));
    let answer = answer.json();
    assert_eq!(
        (&answer["ok"], &answer["value"]),
        (&json!(true), &json!("OFF"))
    );
    let wrong = set("output", "perhaps").send().await.json();
    assert_eq!(wrong["ok"], false);
    assert!(
        wrong["error"].as_str().unwrap().contains("ON or OFF"),
        "{wrong}"
    );
    assert_eq!(set("other", "ON").send().await.status, 404);
}

#[tokio::test]
async fn a_device_is_told_as_long_as_its_controls_are_in_sight() {
    let site = TestSite::open().await;
    let to = site.web.address();
    let reference = site.roof_ref(|path| Ask::get(to, path)).await;
    let mut operators = site.hub.operators();
    assert_eq!(*operators.borrow(), 0);
    let none = Ask::get(to, "/api/v1/events?controls=0000000000")
        .open()
        .await;
    let path = format!("/api/v1/events?controls={reference}");
    let mut seen = Ask::get(to, &path).open().await;
    seen.until("event: hello").await;
    assert_eq!(*operators.borrow_and_update(), 1);
    drop((seen, none));
    let left = operators.wait_for(|count| *count == 0);
    timeout(DEADLINE, left).await.unwrap().unwrap();
}
