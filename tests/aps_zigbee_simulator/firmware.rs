//! Sticks with a firmware that hears no inverter.

use serde_json::Value as Json;
use wattbridge::adapters::aps_zigbee::simulator::SimFirmware;

use crate::site::{Site, ids, section, settings, stick_id, tcp};

#[tokio::test]
async fn a_stock_firmware_that_says_what_it_is_is_told_at_once() {
    let Some(site) = Site::open().await else {
        return;
    };
    let cases = [
        (0xd1, SimFirmware::Home12, "Z-Stack Home 1.2"),
        (
            0xd2,
            SimFirmware::Stock3x0,
            "CC26xx stick with a stock firmware",
        ),
    ];
    let mut sections = Vec::new();
    let mut sticks = Vec::new();
    for (number, firmware, words) in cases {
        let mut settings = settings(number, &format!("7040001234{:02}", number - 0xc0), true);
        settings.firmware = firmware;
        let stick = tcp(settings).await;
        sections.push(section(number, &stick, ""));
        sticks.push((number, stick, words));
    }
    site.home.write(&sections);
    let mut bridge = site.run();
    for (number, stick, words) in &sticks {
        for id in [stick_id(*number), ids(stick)[0].clone()] {
            let (state, _) = site.reason(0, &id, words).await;
            assert_eq!(state["health"], "unsupported", "{state}");
            assert_eq!(state["problem"], "ON", "{state}");
            let advice = state["status_advice"].as_str().unwrap();
            assert!(advice.contains("docs/devices/aps-zigbee.md"), "{state}");
            assert!(state["power"].is_null(), "{state}");
        }
        assert_eq!(stick.counts().messages, 0);
    }
    assert!(bridge.end().await.success());
}

/// It says the same of itself as the right one. That it hears nobody shows after half an hour by day, and at once
/// to who pairs.
#[tokio::test]
async fn a_stock_firmware_of_the_same_name_seems_well_and_pairs_nobody() {
    let Some(site) = Site::open().await else {
        return;
    };
    let mut settings = settings(0xd8, "DS3,YC600", false);
    settings.firmware = SimFirmware::Stock30;
    let stick = site.plugged(settings).await;
    site.home.write(&[section(0xd8, &stick, "")]);
    let mut bridge = site.run();
    site.online(0, &stick_id(0xd8), |_| true).await;
    let id = &ids(&stick)[0];
    site.reason(0, id, "it is not paired with this stick").await;
    let mark = site.wire.mark();
    assert_eq!(site.command(id, "pair", "PRESS").await["ok"], true);
    let (state, _) = site
        .reason(mark, id, "nobody answered or passed it on")
        .await;
    assert_eq!(state["health"], "no_data", "{state}");
    let nothing = |state: &Json| state["power"].is_null() && state["energy_total"].is_null();
    assert!(nothing(&state), "{state}");
    let seems_well = |state: &Json| state["stick_firmware"] == "for APsystems inverters";
    site.online(mark, &stick_id(0xd8), seems_well).await;
    assert_eq!(stick.counts().foreign, 12);
    assert_eq!(stick.counts().heard, 0);
    assert!(bridge.end().await.success());
    stick.stop().await;
}
