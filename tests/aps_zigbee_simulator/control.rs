//! What inverters are told, where that is allowed.

use serde_json::Value as Json;

use crate::site::{Site, has, ids, section, settings, stick_id, tcp};

const ALLOWED: &str = "allow_control = true";

#[tokio::test]
async fn a_limit_is_set_refused_and_restored() {
    let Some(site) = Site::open().await else {
        return;
    };
    let stick = tcp(settings(0xd8, "DS3,YC600,QS1", true)).await;
    let truth = stick.truth();
    let refuses = truth.inverters[2].serial;
    stick.change_manners(refuses, |manners| manners.refuses_limits = true);
    site.home.write(&[section(0xd8, &stick, ALLOWED)]);
    let mut bridge = site.run();
    let ids = ids(&stick);
    for id in &ids {
        site.online(0, id, has("power")).await;
    }
    for (place, id) in ids.iter().take(2).enumerate() {
        let limit = || stick.truth().inverters[place].limit.watts().to_f64();
        let before = limit();
        assert!(before > 260.0, "{before}");
        assert!(!site.entities(id).contains(&"set_restore_limit".to_owned()));
        let mark = site.wire.mark();
        let result = site.command(id, "power_limit", "250").await;
        assert_eq!(result["ok"], true, "{result}");
        // What was read back, in the steps of the inverter.
        let told = result["value"].as_f64().unwrap();
        assert!((told - 250.0).abs() < 2.0, "{result}");
        assert!((limit() - told).abs() < 0.5, "{} {told}", limit());
        let is_shown = |state: &Json| {
            let shown = state["power_limit"].as_f64();
            shown.is_some_and(|shown| (shown - told).abs() <= 0.5)
        };
        site.online(mark, id, is_shown).await;
        assert!(site.entities(id).contains(&"set_restore_limit".to_owned()));
        let result = site.command(id, "restore_limit", "PRESS").await;
        assert_eq!(result["ok"], true, "{result}");
        assert!((limit() - before).abs() < 0.5, "{} {before}", limit());
    }
    // Nothing else becomes of it.
    for word in ["19", "601", "much"] {
        let result = site.command(&ids[0], "power_limit", word).await;
        assert_eq!(result["ok"], false, "{word}: {result}");
    }
    let before = stick.truth().inverters[2].limit;
    let result = site.command(&ids[2], "power_limit", "250").await;
    assert_eq!(result["ok"], false, "{result}");
    let why = result["error"].as_str().unwrap();
    assert!(why.contains("the inverter refuses it"), "{result}");
    assert_eq!(stick.truth().inverters[2].limit, before);
    assert!(
        bridge.count(&["WARN", "refuses it", "Try again"]) >= 1,
        "{}",
        bridge.said()
    );

    let result = site.command(&ids[0], "switch_off", "PRESS").await;
    assert_eq!(result["ok"], true, "{result}");
    assert!(stick.truth().inverters[0].is_off);
    let result = site.command(&ids[0], "switch_on", "PRESS").await;
    assert_eq!(result["ok"], true, "{result}");
    assert!(!stick.truth().inverters[0].is_off);
    assert!(bridge.end().await.success());
    stick.stop().await;
}

#[tokio::test]
async fn without_leave_nothing_can_be_set() {
    let Some(site) = Site::open().await else {
        return;
    };
    let stick = tcp(settings(0xd8, "DS3", true)).await;
    site.home.write(&[section(0xd8, &stick, "")]);
    let mut bridge = site.run();
    let (id, own) = (&ids(&stick)[0], &stick_id(0xd8));
    site.online(0, id, has("power")).await;
    let settable = |id: &str| {
        let mut keys = site.entities(id);
        keys.retain(|key| key.starts_with("set_"));
        keys
    };
    assert_eq!(
        (settable(id), settable(own)),
        (vec!["set_pair".to_owned()], vec!["set_pairing".to_owned()])
    );
    let before = stick.truth().inverters[0].limit;
    for (id, key, word) in [
        (id, "power_limit", "250"),
        (id, "restore_limit", "PRESS"),
        (id, "switch_off", "PRESS"),
        (own, "fleet_limit", "250"),
    ] {
        let result = site.command(id, key, word).await;
        assert_eq!(result["ok"], false, "{key}: {result}");
    }
    site.online(site.wire.mark(), id, has("power")).await;
    let truth = stick.truth();
    assert!(truth.inverters[0].limit == before && !truth.inverters[0].is_off);
    assert!(bridge.end().await.success());
    stick.stop().await;
}
