//! Sticks that go and come again.

use std::os::unix::fs::symlink;

use serde_json::Value as Json;
use wattbridge::simulation::SimPlace;

use crate::site::{Site, has, ids, section, settings, stick_id};

#[tokio::test]
async fn a_stick_is_unplugged_and_comes_back_under_the_same_name() {
    let Some(site) = Site::open().await else {
        return;
    };
    let stick = site.plugged(settings(0xd8, "DS3,YC600", true)).await;
    site.home.write(&[section(0xd8, &stick, "")]);
    let mut bridge = site.run();
    let ids = ids(&stick);
    for id in &ids {
        site.online(0, id, has("power")).await;
    }
    for _ in 0..2 {
        let (before, _) = site.online(0, &ids[0], has("energy_total")).await;
        let mark = site.wire.mark();
        stick.unplug();
        for id in ids.iter().chain([&stick_id(0xd8)]) {
            let gone = |state: &Json| state["health"] == "unreachable";
            let (state, _) = site.wire.state("gone", mark, id, gone).await;
            let advice = state["status_advice"].as_str().unwrap();
            assert!(!advice.is_empty(), "{state}");
            assert_eq!(state["problem"], "ON", "{state}");
            assert!(state["power"].is_null(), "{state}");
            site.wire.available(mark, id, false).await;
        }
        let states = site.wire.states(&ids[0]);
        assert!(states.last().unwrap()["energy_total"].as_f64() >= before["energy_total"].as_f64());
        let mark = site.wire.mark();
        stick.plug();
        for id in ids.iter().chain([&stick_id(0xd8)]) {
            site.online(mark, id, has("power")).await;
            site.wire.available(mark, id, true).await;
        }
    }
    assert!(bridge.end().await.success());
    stick.stop().await;
}

#[tokio::test]
async fn a_stick_that_freezes_is_told_and_works_again_when_it_is_plugged_in_anew() {
    let Some(site) = Site::open().await else {
        return;
    };
    let stick = site.plugged(settings(0xd8, "DS3", true)).await;
    site.home.write(&[section(0xd8, &stick, "")]);
    let mut bridge = site.run();
    let id = &ids(&stick)[0];
    site.online(0, id, has("power")).await;
    let mark = site.wire.mark();
    stick.freeze();
    for id in [id, &stick_id(0xd8)] {
        let (state, _) = site
            .reason(mark, id, "the stick does not answer any more")
            .await;
        assert_eq!(state["health"], "silent", "{state}");
        let advice = state["status_advice"].as_str().unwrap();
        assert!(advice.contains("unplug it for ten seconds"), "{state}");
        assert!(state["power"].is_null(), "{state}");
    }
    let mark = site.wire.mark();
    stick.unplug();
    let gone = |state: &Json| state["health"] == "unreachable";
    site.wire.state("gone", mark, &stick_id(0xd8), gone).await;
    let mark = site.wire.mark();
    stick.plug();
    site.online(mark, &stick_id(0xd8), |_| true).await;
    site.online(mark, id, has("power")).await;
    assert!(bridge.end().await.success());
    assert!(
        bridge.count(&["WARN", "the stick does not answer any more"]) >= 1,
        "{}",
        bridge.said()
    );
    stick.stop().await;
}

/// As with a stick that is ttyUSB0 first and ttyUSB1 then: its lasting name leads to where it is.
#[tokio::test]
async fn a_stick_that_comes_back_under_another_name_is_found_by_its_lasting_one() {
    let Some(site) = Site::open().await else {
        return;
    };
    let stick = site.plugged(settings(0xd8, "DS3", true)).await;
    let (first, second) = (site.path(), site.home.path().join("zigbee1"));
    let lasting = site.home.path().join("usb-stick");
    symlink(&first, &lasting).unwrap();
    let text = section(0xd8, &stick, "");
    let text = text.replace(stick.address(), lasting.to_str().unwrap());
    site.home.write(&[text]);
    let mut bridge = site.run();
    let id = &ids(&stick)[0];
    let (before, _) = site.online(0, id, has("energy_total")).await;
    for place in [&second, &first] {
        std::fs::remove_file(&lasting).unwrap();
        symlink(place, &lasting).unwrap();
        stick.move_to(SimPlace::Terminal(place.clone()));
        // Who is back at once was not away. The first answer may have been on its way, the next one is from there.
        let mark = site.wire.mark();
        let (_, next) = site.online(mark, id, has("power")).await;
        let (state, _) = site.online(next, id, has("power")).await;
        assert!(state["energy_total"].as_f64() >= before["energy_total"].as_f64());
        assert_eq!(state["address"], before["address"], "{state}");
    }
    assert!(bridge.end().await.success());
    stick.stop().await;
}
