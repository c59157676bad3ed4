//! What is announced, rule by rule, and one example in full.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::Period;
use crate::model::{Control, ControlKind, Decimal, OnOff, Quantity};
use crate::outputs::mqtt::MqttSettings;
use crate::store::Identity;

/// All root keys that Home Assistant 2025.10 takes; one more and it refuses the device.
const ROOT: [&str; 13] = [
    "device",
    "origin",
    "components",
    "availability",
    "availability_topic",
    "availability_mode",
    "availability_template",
    "payload_available",
    "payload_not_available",
    "state_topic",
    "command_topic",
    "qos",
    "encoding",
];
const DEVICE: [&str; 12] = [
    "identifiers",
    "connections",
    "name",
    "manufacturer",
    "model",
    "model_id",
    "hw_version",
    "sw_version",
    "serial_number",
    "suggested_area",
    "configuration_url",
    "via_device",
];
const MODES: &[Cow<'static, str>] = &[
    Cow::Borrowed("off"),
    Cow::Borrowed("bulk"),
    Cow::Borrowed("float"),
    Cow::Borrowed("other"),
];

fn plan() -> Plan {
    plan_with(HomeAssistantSettings::default())
}

fn plan_with(settings: HomeAssistantSettings) -> Plan {
    Plan {
        topics: settings.topics(&MqttSettings::default(), &Identity::named("b2c3d4")),
        settings,
    }
}

fn device(metrics: Vec<Metric>) -> Device {
    let mut device = Device::new("invented", "AB-12", "Charger", "Invented Works");
    device.metrics = metrics;
    device
}

fn components(metrics: Vec<Metric>) -> Value {
    announcement(&device(metrics), &plan())["components"].clone()
}

fn control(key: &'static str, name: &'static str, kind: ControlKind) -> Control {
    Control {
        key: key.into(),
        name: name.into(),
        kind,
        is_setup: false,
    }
}

/// An invented device that has one of everything.
fn example() -> Device {
    let mut device = device(vec![
        Metric::lifetime("energy_total", Quantity::Energy).decimals(2),
        Metric::daily("energy_today", Quantity::Energy)
            .decimals(2)
            .off_by_default()
            .since_midnight_of("energy_total"),
        Metric::measurement("power", Quantity::Power),
        Metric::measurement("panel_1_power", Quantity::Power),
        Metric::measurement("apparent_power", Quantity::ApparentPower),
        Metric::measurement("reactive_power", Quantity::ReactivePower),
        Metric::lifetime("reactive_energy", Quantity::ReactiveEnergy).decimals(3),
        Metric::measurement("voltage", Quantity::Voltage).decimals(1),
        Metric::measurement("battery_voltage", Quantity::Voltage)
            .named("Battery voltage")
            .decimals(2),
        Metric::measurement("current", Quantity::Current).decimals(3),
        Metric::measurement("frequency", Quantity::Frequency).decimals(2),
        Metric::measurement("power_factor", Quantity::PowerFactor).decimals(2),
        Metric::measurement("temperature", Quantity::Temperature)
            .decimals(1)
            .diagnostic(),
        Metric::measurement("state_of_charge", Quantity::StateOfCharge),
        Metric::measurement("stored_energy", Quantity::Energy).decimals(1),
        Metric::measurement("consumed_charge", Quantity::Charge).decimals(1),
        Metric::measurement("signal_quality", Quantity::SignalQuality).diagnostic(),
        Metric::measurement("signal_strength", Quantity::SignalStrength)
            .diagnostic()
            .off_by_default(),
        Metric::measurement("efficiency", Quantity::Ratio).decimals(1),
        Metric::measurement("uptime", Quantity::Duration).diagnostic(),
        Metric::lifetime("restarts", Quantity::Count).diagnostic(),
        Metric::state("mode", MODES),
        Metric::text("label").diagnostic(),
        Metric::timestamp("last_fault"),
        Metric::on_off("load", OnOff::Plain).named("Load output"),
        Metric::on_off("running", OnOff::Running),
        Metric::on_off("connectivity", OnOff::Connectivity).about_connection(),
        Metric::on_off("problem", OnOff::Problem).about_connection(),
        Metric::text("reason").about_connection(),
    ]);
    device.model = Some("Sun 100".to_owned());
    device.firmware = Some("1.10".to_owned());
    device.via = Some(DeviceId::new("invented", "gateway"));
    device.area = Some("Attic".to_owned());
    device.url = Some("http://192.0.2.7/".to_owned());
    device.controls = vec![
        control("load", "Load output", ControlKind::Switch),
        control(
            "power_limit",
            "Power limit",
            ControlKind::Number {
                quantity: Quantity::Power,
                min: Decimal::integer(20),
                max: Decimal::integer(500),
                step: Decimal::new(5, 1),
            },
        ),
        control(
            "mode",
            "Mode",
            ControlKind::Select(vec!["off".into(), "bulk".into()]),
        ),
        control("restart", "Restart", ControlKind::Button),
    ];
    device
}

#[test]
fn the_example_is_what_it_was() {
    let mut now = announcement(&example(), &plan());
    now["origin"]["sw"] = "<version>".into();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description("an invented device that has one of everything");
    // If it should change: INSTA_UPDATE=always.
    settings.bind(|| insta::assert_snapshot!("discovery_example", format!("{now:#}")));
}

#[test]
fn availability_tells_a_dead_bridge_from_a_dead_device() {
    let announcement = announcement(&example(), &plan());
    assert_eq!(
        announcement["availability"],
        json!([
            { "topic": "wattbridge/b2c3d4/status" },
            { "topic": "wattbridge/invented_ab_12/availability" }
        ])
    );
    assert_eq!(announcement["availability_mode"], "all");
    for key in ["connectivity", "problem", "reason"] {
        let entity = &announcement["components"][key];
        assert_eq!(
            entity["availability"],
            json!([{ "topic": "wattbridge/b2c3d4/status" }])
        );
        assert_eq!(entity["entity_category"], "diagnostic");
        assert_eq!(entity.get("expire_after"), None);
    }
    assert_eq!(
        announcement["components"]["power"].get("availability"),
        None
    );
}

#[test]
fn only_measurements_expire() {
    let settings = HomeAssistantSettings {
        expire_after: Some(Period::minutes(20)),
        ..HomeAssistantSettings::default()
    };
    let announcement = announcement(&example(), &plan_with(settings));
    let components = announcement["components"].as_object().unwrap();
    for (key, entity) in components {
        let measures = entity["state_class"] == "measurement";
        let expiry = measures.then(|| json!(1200));
        assert_eq!(entity.get("expire_after"), expiry.as_ref(), "{key}");
    }
}

#[test]
fn the_main_power_comes_first_and_the_rest_in_order() {
    let announcement = announcement(&example(), &plan());
    let keys: Vec<_> = announcement["components"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(
        keys[..4],
        ["power", "energy_total", "energy_today", "panel_1_power"]
    );
}

#[test]
fn the_first_of_a_class_has_home_assistants_own_name() {
    let components = components(vec![
        Metric::measurement("panel_1_power", Quantity::Power).named("Panel 1"),
        Metric::measurement("power", Quantity::Power),
        Metric::measurement("grid_power", Quantity::Power),
        Metric::measurement("efficiency", Quantity::Ratio),
        Metric::measurement("time_on", Quantity::Duration),
        Metric::on_off("load", OnOff::Plain),
        Metric::on_off("problem", OnOff::Problem),
    ]);
    let name = |key: &str| components[key].get("name").and_then(Value::as_str);
    assert_eq!(name("panel_1_power"), Some("Panel 1"));
    assert_eq!(name("power"), None);
    assert_eq!(name("grid_power"), Some("Grid power"));
    assert_eq!(name("efficiency"), Some("Efficiency"));
    assert_eq!(name("time_on"), Some("Time on"));
    assert_eq!(name("load"), Some("Load"));
    assert_eq!(name("problem"), None);
}

#[test]
fn excluding_an_entity_changes_no_other() {
    let mut settings = HomeAssistantSettings::default();
    let before = announcement(&example(), &plan());
    settings.exclude = vec!["power".into(), "invented_ab_12_voltage".into(), "x".into()];
    let after = announcement(&example(), &plan_with(settings));
    let mut expected = before["components"].clone();
    for key in ["power", "voltage"] {
        expected.as_object_mut().unwrap().shift_remove(key);
    }
    assert_eq!(after["components"].to_string(), expected.to_string());
}

#[test]
fn a_control_shows_what_is_set() {
    let components = &announcement(&example(), &plan())["components"];
    assert_eq!(components["load"]["platform"], "binary_sensor");
    let load = &components["set_load"];
    assert_eq!(load["platform"], "switch");
    assert_eq!(load["command_topic"], "wattbridge/invented_ab_12/cmd/load");
    assert_eq!(load["value_template"], "{{ value_json.load }}");
    assert_eq!(load.get("state_topic"), None);
    // No metric of this key: the answer to the last command says it.
    let limit = &components["set_power_limit"];
    assert_eq!(
        limit["state_topic"],
        "wattbridge/invented_ab_12/result/power_limit"
    );
    // A failed command must not make it unknown.
    assert_eq!(
        limit["value_template"],
        "{{ value_json.value if value_json.ok else '' }}"
    );
    assert_eq!(limit["step"], 0.5);
    // The device may be in a mode that cannot be chosen.
    assert_eq!(
        components["set_mode"]["value_template"],
        "{{ value_json.mode if value_json.mode in [\"off\",\"bulk\"] else none }}"
    );
    for (key, entity) in components.as_object().unwrap() {
        if key.starts_with("set_") {
            assert_eq!(entity["entity_category"], "config");
            assert_eq!(entity["enabled_by_default"], false);
        }
    }
}

#[test]
fn a_device_without_a_parent_is_reached_through_the_bridge() {
    let parent = |device: &Device| announcement(device, &plan())["device"]["via_device"].clone();
    let mut device = example();
    assert_eq!(parent(&device), "invented_gateway");
    device.via = None;
    assert_eq!(parent(&device), "wattbridge_b2c3d4");
    device.id = plan().topics.bridge().clone();
    assert_eq!(parent(&device), Value::Null);
}

#[test]
fn the_connection_of_the_bridge_is_told_by_the_last_will() {
    let mut device = example();
    device.id = plan().topics.bridge().clone();
    let components = &announcement(&device, &plan())["components"];
    let connection = &components["connectivity"];
    assert_eq!(connection["state_topic"], "wattbridge/b2c3d4/status");
    assert_eq!(connection["payload_on"], "online");
    assert_eq!(connection["payload_off"], "offline");
    assert_eq!(connection["availability"], json!([]));
    assert_eq!(connection.get("value_template"), None);
    assert_eq!(components["problem"].get("state_topic"), None);
}

#[test]
fn what_home_assistant_would_refuse_is_left_out() {
    let mut device = example();
    device.name = " ".to_owned();
    device.model = Some(String::new());
    device.via = Some(device.id.clone());
    for url in [
        "ftp://x",
        "http://",
        "http:///x",
        "http://a b",
        "javascript:x",
        "http://[x",
    ] {
        device.url = Some(url.to_owned());
        let block = &announcement(&device, &plan())["device"];
        assert_eq!(block.get("configuration_url"), None, "{url}");
    }
    let block = &announcement(&device, &plan())["device"];
    assert_eq!(block["name"], "invented_ab_12");
    assert_eq!(block.get("model"), None);
    assert_eq!(block.get("via_device"), None);
    device.metrics = vec![Metric::text("a/b"), Metric::text("")];
    device.controls.clear();
    assert_eq!(announcement(&device, &plan())["components"], json!({}));
}

fn any_metric() -> impl Strategy<Value = Metric> {
    let behavior = prop_oneof![
        Just(Behavior::Measurement),
        Just(Behavior::Figure),
        Just(Behavior::LifetimeCounter),
        Just(Behavior::DailyCounter),
        Just(Behavior::State(MODES.into())),
        Just(Behavior::Text),
        Just(Behavior::Timestamp),
        proptest::sample::select(OnOff::ALL).prop_map(Behavior::OnOff),
    ];
    let role = proptest::sample::select(vec![Role::Primary, Role::Diagnostic, Role::Connection]);
    let quantity = proptest::option::of(proptest::sample::select(Quantity::ALL));
    let name = proptest::option::of(".{1,20}");
    (
        "[a-z][a-z0-9_]{0,20}",
        behavior,
        quantity,
        role,
        name,
        0_u8..6,
        any::<bool>(),
    )
        .prop_map(|(key, behavior, quantity, role, name, decimals, enabled)| {
            let mut metric = Metric::text("x").decimals(decimals);
            (metric.key, metric.behavior, metric.quantity) = (key.into(), behavior, quantity);
            (metric.role, metric.enabled) = (role, enabled);
            metric.name = name.map(Cow::from);
            metric
        })
}

proptest! {
    #[test]
    fn home_assistant_knows_every_key(
        metrics in proptest::collection::vec(any_metric(), 0..12),
        words in proptest::array::uniform5(".{0,30}"),
    ) {
        let [serial, name, model, area, url] = words;
        let mut device = Device::new("invented", serial, name, "Invented Works");
        (device.model, device.area, device.url) = (Some(model), Some(area), Some(url));
        device.metrics = metrics;
        let announcement = announcement(&device, &plan());
        for key in announcement.as_object().unwrap().keys() {
            prop_assert!(ROOT.contains(&key.as_str()), "{}", key);
        }
        for key in announcement["device"].as_object().unwrap().keys() {
            prop_assert!(DEVICE.contains(&key.as_str()), "{}", key);
        }
        let origin: Vec<_> = announcement["origin"].as_object().unwrap().keys().collect();
        prop_assert_eq!(origin, ["name", "sw"]);
        prop_assert!(!announcement["device"]["name"].as_str().unwrap().is_empty());
        let mut ids = BTreeSet::new();
        for (key, entity) in announcement["components"].as_object().unwrap() {
            let id = entity["unique_id"].as_str().unwrap();
            prop_assert_eq!(id, format!("{}_{key}", device.id));
            prop_assert!(ids.insert(id.to_owned()));
            prop_assert!(entity["platform"].is_string());
            let is_enum = entity["device_class"] == "enum";
            prop_assert_eq!(is_enum, entity.get("options").is_some());
        }
    }
}

#[test]
fn another_language_changes_what_is_shown_and_nothing_else() {
    let mut device = example();
    device.metrics.retain(|metric| metric.key != "connectivity");
    device.metrics.extend([
        Metric::on_off("connectivity", OnOff::Connectivity).named("Connection"),
        Metric::state("health", MODES).named("Status code"),
    ]);
    let told = |language| {
        let settings = HomeAssistantSettings {
            language,
            ..HomeAssistantSettings::default()
        };
        announcement(&device, &plan_with(settings))
    };
    let (english, german) = (told(Language::En), told(Language::De));
    let shown = ["name", "options", "value_template", "command_template"];
    let components = |told: &Value| told["components"].as_object().unwrap().clone();
    for ((key, mut entity), (same, mut other)) in
        components(&english).into_iter().zip(components(&german))
    {
        assert_eq!(key, same);
        for key in shown {
            for entity in [&mut entity, &mut other] {
                entity.as_object_mut().unwrap().remove(key);
            }
        }
        assert_eq!(entity, other);
    }
    let of = |key: &str| german["components"][key].clone();
    // Home Assistant has its own word for the main power.
    assert_eq!(of("power").get("name"), None);
    assert_eq!(of("connectivity")["name"], "Verbindung");
    assert_eq!(of("health")["name"], "Statuscode");
    assert_eq!(
        of("health")["options"],
        english["components"]["health"]["options"]
    );
    assert_eq!(of("set_load")["name"], "Lastausgang");
    let mode = of("set_mode");
    assert_eq!(mode["options"], json!(["aus", "Hauptladung"]));
    // On the topic stand the words that are the same in every language.
    assert_eq!(
        mode["command_template"],
        "{{ {\"aus\":\"off\",\"Hauptladung\":\"bulk\"}.get(value, value) }}"
    );
}

#[test]
fn what_was_confirmed_is_shown_in_the_language_too() {
    let mut device = device(Vec::new());
    let kind = ControlKind::Select(vec!["off".into(), "bulk".into()]);
    device.controls = vec![control("mode", "Mode", kind)];
    let template = |language| {
        let settings = HomeAssistantSettings {
            language,
            ..HomeAssistantSettings::default()
        };
        let told = announcement(&device, &plan_with(settings));
        told["components"]["set_mode"]["value_template"].clone()
    };
    assert_eq!(
        template(Language::En),
        "{{ value_json.value if value_json.ok else '' }}"
    );
    assert_eq!(
        template(Language::Fr),
        "{{ {\"off\":\"arrêt\",\"bulk\":\"charge principale\"}.get(value_json.value, '') if value_json.ok else '' }}"
    );
}
