//! A stick with a firmware that hears no inverter, and does not say so.

use serde_json::Value as Json;
use wattbridge::adapters::aps_zigbee::simulator::SimFirmware;

use crate::site::{Site, ids, section, settings, stick_id};

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
