//! What inverters measure, and what is said of sticks that hear none.

use wattbridge::adapters::aps_zigbee::simulator::SimFirmware;

use crate::site::{Site, has, ids, network, section, settings, stick_id, tcp};
use crate::wire::Seen;

#[tokio::test]
async fn values_come_over_a_terminal_and_over_tcp() {
    let Some(site) = Site::open().await else {
        return;
    };
    let plugged = settings(0xd8, "408000123401,704000123402,801000123403", true);
    let plugged = site.plugged(plugged).await;
    let far = tcp(settings(0xe9, "408000123411,703000123412", true)).await;
    let sections = [section(0xd8, &plugged, ""), section(0xe9, &far, "")];
    site.home.write(&sections);
    let mut bridge = site.run();
    for (number, stick) in [(0xd8, &plugged), (0xe9, &far)] {
        let (mut all, count) = (0.0, ids(stick).len());
        for id in ids(stick) {
            let is_counted = |state: &serde_json::Value| {
                state["power_counted"].is_number() && state["energy_total"].as_f64() > Some(0.0)
            };
            let (state, _) = site.online(0, &id, is_counted).await;
            let value = |key: &str| {
                state[key]
                    .as_f64()
                    .unwrap_or_else(|| panic!("{key}: {state}"))
            };
            // The sum of what its panels give, less what it takes itself.
            let panels: f64 = (1..=4)
                .filter_map(|panel| state[format!("panel_{panel}_power")].as_f64())
                .sum();
            let share = value("power") / panels;
            assert!((0.9..1.0).contains(&share), "{share} {state}");
            assert!((value("dc_power") - panels).abs() < 1.0, "{state}");
            assert!(
                (value("power_counted") / value("power") - 1.0).abs() < 0.05,
                "{state}"
            );
            assert!((220.0..240.0).contains(&value("voltage")), "{state}");
            assert!((49.8..50.2).contains(&value("frequency")), "{state}");
            assert!((10.0..60.0).contains(&value("temperature")), "{state}");
            assert!((1.0..=100.0).contains(&value("signal_quality")), "{state}");
            assert_eq!(state["energy_today"], state["energy_total"], "{state}");
            assert_eq!(state["events"], "none", "{state}");
            all += value("power");
        }
        let id = stick_id(number);
        let is_complete = |state: &serde_json::Value| {
            state["inverters_online"] == count && state["power"].as_f64() >= Some(all * 0.9)
        };
        let (state, _) = site.online(0, &id, is_complete).await;
        let really = stick.look(|it| {
            let at = it.mesh.at();
            it.mesh.power(at)
        });
        let told = state["power"].as_f64().unwrap();
        assert!((told / really - 1.0).abs() < 0.05, "{told} W of {really} W");
        assert_eq!(state["inverters_paired"], count, "{state}");
        assert_eq!(state["ecu_id"], network(number), "{state}");
    }
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["WARN"]), 0, "{}", bridge.said());
    plugged.stop().await;
    far.stop().await;
}

#[tokio::test]
async fn an_inverter_that_nobody_can_read_shows_what_it_says() {
    let Some(site) = Site::open().await else {
        return;
    };
    let stick = tcp(settings(0xd8, "QT2,sealed", true)).await;
    let [unread, sealed] = &ids(&stick)[..] else {
        panic!("two of them")
    };
    site.home.write(&[section(0xd8, &stick, "")]);
    let mut bridge = site.run();
    let (state, _) = site.reason(0, unread, "nobody knows yet").await;
    assert_eq!(state["health"], "unsupported", "{state}");
    let record = state["raw_record"].as_str().unwrap();
    assert!(record.starts_with("901000123401fbfb"), "{state}");
    assert!(
        state["power"].is_null() && state["energy_total"].is_null(),
        "{state}"
    );
    // Who is asked to look at it can.
    let topic = format!("homeassistant/device/{unread}/config");
    let has_it =
        |seen: &Seen| seen.topic == topic && seen.json()["components"]["raw_record"].is_object();
    let (announced, _) = site.wire.until(&topic, 0, has_it).await;
    let announced = announced.json();
    let own = announced["components"]["raw_record"]["availability"].to_string();
    assert!(own.contains("/status"), "{announced}");
    assert!(!own.contains(unread), "{own}");
    let (state, _) = site.reason(0, sealed, "encrypted").await;
    assert_eq!(state["health"], "unsupported", "{state}");
    assert!(state["power"].is_null(), "{state}");
    assert!(bridge.end().await.success());
    stick.stop().await;
}

#[tokio::test]
async fn a_stick_with_stock_firmware_is_told_with_advice() {
    let Some(site) = Site::open().await else {
        return;
    };
    let cases = [
        (
            0xd8,
            "DS3",
            SimFirmware::Home12,
            "Z-Stack Home 1.2",
            "Flash the firmware",
        ),
        (
            0xe9,
            "YC600",
            SimFirmware::Stock3x0,
            "CC26xx",
            "Use a CC2530 or CC2531",
        ),
    ];
    let (mut sticks, mut sections) = (Vec::new(), Vec::new());
    for (number, inverter, firmware, ..) in cases {
        let mut settings = settings(number, inverter, true);
        settings.firmware = firmware;
        let stick = tcp(settings).await;
        sections.push(section(number, &stick, ""));
        sticks.push(stick);
    }
    site.home.write(&sections);
    let mut bridge = site.run();
    for ((number, _, _, name, advice), stick) in cases.into_iter().zip(&sticks) {
        // Of the stick, and of each of its inverters.
        for id in [stick_id(number), ids(stick).remove(0)] {
            let (state, _) = site.reason(0, &id, name).await;
            assert_eq!(state["health"], "unsupported", "{state}");
            assert_eq!(state["problem"], "ON", "{state}");
            let told = state["status_advice"].as_str().unwrap();
            assert!(told.contains(advice), "{told}");
            assert!(told.contains("docs/devices/aps-zigbee.md"), "{told}");
            site.wire.available(0, &id, false).await;
        }
        assert!(bridge.count(&["WARN", name]) >= 1, "{}", bridge.said());
        assert_eq!(stick.counts().messages, 0);
    }
    assert!(bridge.end().await.success());
}

#[tokio::test]
async fn who_only_listens_hears_what_an_ecu_asks_for() {
    let Some(site) = Site::open().await else {
        return;
    };
    let mut settings = settings(0xd8, "YC600,DS3", true);
    settings.faults = vec!["other-gateway=2s".parse().unwrap()];
    let stick = tcp(settings).await;
    site.home.write(&[format!(
        "[[aps_zigbee]]\nport = \"{}\"\necu_id = \"{}\"\nlisten_only = true\n",
        stick.address(),
        network(0xd8)
    )]);
    let mut bridge = site.run();
    let ids = ids(&stick);
    for id in &ids {
        let (state, _) = site.online(0, id, has("energy_total")).await;
        assert!(state["voltage"].is_number(), "{state}");
    }
    let both = |state: &serde_json::Value| state["inverters_online"] == 2;
    site.online(0, &stick_id(0xd8), both).await;
    assert_eq!(bridge.count(&["WARN"]), 0, "{}", bridge.said());
    // Nobody is asked, and nobody is told anything.
    assert_eq!(site.command(&ids[0], "pair", "PRESS").await["ok"], false);
    assert!(
        !site
            .entities(&ids[0])
            .iter()
            .any(|key| key.starts_with("set_"))
    );
    assert_eq!(stick.counts().foreign, 0);
    assert!(stick.counts().messages <= 1, "{:?}", stick.counts());
    assert!(bridge.end().await.success());
    stick.stop().await;
}
