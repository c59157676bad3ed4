//! Names, labels, items.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value as Json;

use super::labels::{ALARM, Cable, ERROR, LABELS, MODE, STATE, on_cable};
use super::names::{input_name, node_name};
use super::*;
use crate::adapters::ADAPTERS;
use crate::adapters::victron::wire::words;
use crate::config::Settings as _;
use crate::model::{Behavior, Decimal, DeviceId};
use crate::uploads::{Errand, Load, LoadDevice, LoadSlot, LoadValue, Target as _};

fn settings() -> EmoncmsSettings {
    EmoncmsSettings {
        url: Some("http://127.0.0.1:9".parse().unwrap()),
        key: Some(crate::config::Secret::new("k")),
        ..EmoncmsSettings::default()
    }
}

fn number(text: &str) -> LoadValue {
    LoadValue::Number {
        number: text.parse::<Decimal>().unwrap(),
        quantity: None,
        is_lifetime: false,
    }
}

fn word(text: &str) -> LoadValue {
    LoadValue::Text(text.to_owned())
}

fn device(id: &str, name: &str, values: Vec<(&str, LoadValue)>) -> LoadDevice {
    let (adapter, serial) = id.split_once('_').unwrap();
    LoadDevice {
        id: DeviceId::new(adapter, serial),
        name: name.to_owned(),
        values: values
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}

/// What goes out of one slot, as emoncms reads it.
fn sent(target: &mut EmoncmsTarget, devices: Vec<LoadDevice>) -> Json {
    let load = Load {
        slots: vec![LoadSlot {
            end: 300,
            devices,
            energies: Vec::new(),
        }],
        through: 300,
    };
    let parcel = target.prepare(&load, false, Timestamp::UNIX_EPOCH);
    let Some(Errand::Http(request)) = parcel.errand else {
        return Json::Null;
    };
    let fields = form_urlencoded::parse(&request.body);
    let data = fields
        .into_iter()
        .find(|(name, _)| name == "data")
        .unwrap()
        .1;
    serde_json::from_str(&data).unwrap()
}

#[test]
fn the_words_of_the_cable_are_those_of_the_devices() {
    let tables = [
        (STATE, &words::STATE),
        (MODE, &words::MODE),
        (ERROR, &words::ERROR),
        (ALARM, &words::ALARM),
    ];
    for (ours, theirs) in tables {
        let of_ours: BTreeSet<_> = ours.iter().map(|(_, word)| *word).collect();
        let of_theirs: BTreeSet<_> = theirs.list.iter().map(|(_, word)| *word).collect();
        assert_eq!(of_ours, of_theirs, "{}", theirs.title);
        assert_eq!(of_ours.len(), ours.len(), "{}", theirs.title);
        for (number, word) in ours {
            assert_eq!(theirs.word(*number), Some(*word), "{}", theirs.title);
        }
    }
}

#[test]
fn every_label_is_of_a_value_that_there_is() {
    let victron = ADAPTERS
        .iter()
        .find(|adapter| adapter.kind() == "victron")
        .unwrap();
    let metrics: Vec<_> = victron
        .tables()
        .iter()
        .flat_map(|table| table.iter())
        .collect();
    for (label, key, cable) in LABELS {
        let metric = metrics.iter().find(|metric| metric.key == *key);
        let metric = metric.unwrap_or_else(|| panic!("{label}: no {key}"));
        let has_words = matches!(metric.behavior, Behavior::State(_) | Behavior::Text);
        assert_eq!(has_words, !matches!(cable, Cable::Times(_)), "{label}");
    }
}

#[test]
fn values_are_as_on_the_cable() {
    for (key, value, label, expected) in [
        ("battery_voltage", number("26.18"), "V", 26180),
        ("battery_current", number("-0.8"), "I", -800),
        ("state_of_charge", number("87.5"), "SOC", 875),
        ("charge_drawn", number("14932.2"), "H6", -14_932_200),
        ("consumed_charge", number("-12.3"), "CE", -12300),
        ("energy_today", number("0.05"), "H20", 5),
        ("battery_temperature", number("21.5"), "T", 22),
        ("ac_output_current", number("1.2"), "AC_OUT_I", 12),
        ("ac_output_voltage", number("229.98"), "AC_OUT_V", 22998),
        ("state", word("other (99)"), "CS", 99),
        ("mode", word("off"), "MODE", 4),
        ("error", word("charger too hot"), "ERR", 17),
        ("alarm_reason", word("none"), "AR", 0),
        (
            "alarm_reason",
            word("low voltage, low state of charge, bit 14"),
            "AR",
            0x4005,
        ),
    ] {
        assert_eq!(on_cable(key, &value), Some((label, expected)), "{key}");
    }
    for (key, value) in [
        ("state", word("")),
        ("state", number("3")),
        ("panel_power", word("21")),
        ("alarm_reason", word("low voltage, whatever")),
        ("alarm_reason", word("bit 99")),
        ("load_output", LoadValue::OnOff(true)),
    ] {
        assert_eq!(on_cable(key, &value), None, "{key}");
    }
}

#[test]
fn names_of_values_go_before_and_the_rest_is_as_pvmonit_had_it() {
    let mut settings = settings();
    settings.names = toml::from_str::<toml::Table>(
        "\"*\" = \"pvmonit\"\n\"text_clamp/power\" = \"1/conso\"\n\"text_temper/temperature\" = \"1/temp\"\n\
         \"victron_hq1/energy_total\" = \"total\"\n\"victron_hq1/state\" = \"1/state\"",
    )
    .unwrap()
    .try_into()
    .unwrap();
    assert!(settings.check().is_empty());
    let mut target = EmoncmsTarget::new(settings).unwrap();
    let data = sent(
        &mut target,
        vec![
            device(
                "victron_hq1",
                "MpttBleu",
                vec![
                    ("panel_power", number("21")),
                    ("energy_total", number("100.20")),
                    ("state", word("bulk")),
                    ("load_output", LoadValue::OnOff(true)),
                ],
            ),
            device(
                "text_clamp",
                "Clamp",
                vec![("power", number("230.0")), ("current", number("1"))],
            ),
            device(
                "text_temper",
                "Cellar",
                vec![("temperature", number("15.5"))],
            ),
            device(
                "aps_ecu_216000000001",
                "Un toit bien trop long",
                vec![("energy_today", number("1.5"))],
            ),
        ],
    );
    assert_eq!(
        data,
        serde_json::json!([
            [0, "MpttBleu", { "PPV": 21, "total": 100.2 }],
            [0, "1", { "state": 3, "conso": 230, "temp": 15.5 }],
            [0, "Clamp", { "current": 1 }],
            [0, "Un toit bien tro", { "energy_today": 1.5 }],
        ])
    );
}

#[test]
fn several_devices_in_one_node_keep_apart_over_restarts() {
    let mut settings = settings();
    settings.node = Some("house".to_owned());
    let power = |id: &str, watts: &str| device(id, "", vec![("power", number(watts))]);
    let mut target = EmoncmsTarget::new(settings.clone()).unwrap();
    let both = || vec![power("text_a", "1"), power("aps_ecu_216000000001", "2")];
    let expected = serde_json::json!([[0, "house", { "power": 1, "ecu_216000000001_power": 2 }]]);
    assert_eq!(sent(&mut target, both()), expected);
    let mut target_again = EmoncmsTarget::new(settings).unwrap();
    target_again.remember(&target.memory());
    // The first one is asleep.
    let only = sent(&mut target_again, vec![power("aps_ecu_216000000001", "2")]);
    assert_eq!(
        only,
        serde_json::json!([[0, "house", { "ecu_216000000001_power": 2 }]])
    );
    assert_eq!(sent(&mut target_again, both()), expected);
}

#[test]
fn states_of_a_device_of_which_one_value_is_wanted_stay_away() {
    let mut settings = settings();
    settings.devices = vec!["text_*/power".to_owned()];
    settings
        .names
        .single
        .insert("text_a/relay".to_owned(), "1/relay".to_owned());
    let mut target = EmoncmsTarget::new(settings).unwrap();
    let values = vec![
        ("power", number("1")),
        ("load", LoadValue::OnOff(true)),
        ("relay", LoadValue::OnOff(false)),
    ];
    let data = sent(&mut target, vec![device("text_a", "", values)]);
    assert_eq!(
        data,
        serde_json::json!([[0, "text_a", { "power": 1 }], [0, "1", { "relay": 0 }]])
    );
}

#[test]
fn a_memory_of_something_else_is_left() {
    let mut target = EmoncmsTarget::new(settings()).unwrap();
    for odd in ["", "[]", "{\"owners\":3}", "\u{0}"] {
        target.remember(odd);
    }
    assert_eq!(target.memory(), "");
}

#[test]
fn what_is_wrong_with_the_section_is_said() {
    assert!(settings().check().is_empty());
    let fields = |settings: &EmoncmsSettings| {
        settings
            .check()
            .into_iter()
            .map(|it| it.field)
            .collect::<Vec<_>>()
    };
    assert_eq!(fields(&EmoncmsSettings::default()), ["url", "key"]);
    for (value, name) in [("power", "1/x"), ("a/", "1/x"), ("a/b", "1/"), ("a/b", "")] {
        let mut settings = settings();
        settings
            .names
            .single
            .insert(value.to_owned(), name.to_owned());
        assert_eq!(fields(&settings), ["names"], "{value} {name}");
    }
    let mut settings = settings();
    settings.names.single = [("a/b", "1/x"), ("c/d", "1/x")]
        .map(|(value, name)| (value.to_owned(), name.to_owned()))
        .into();
    assert_eq!(fields(&settings), ["names"]);
    for odd in ["\"other\"", "{ \"*\" = \"other\" }", "3", "{ a = 3 }"] {
        let text = format!("names = {odd}");
        assert!(
            toml::from_str::<toml::Table>(&text)
                .unwrap()
                .try_into::<EmoncmsSettings>()
                .is_err()
        );
    }
}

#[test]
fn a_request_has_at_most_500_items_and_ends_with_a_whole_slot() {
    let values: Vec<_> = (0..3).map(|_| ("power", number("5"))).collect();
    let devices: Vec<_> = (0..7)
        .map(|n| device(&format!("text_n{n}"), "", values.clone()))
        .collect();
    let slots = (1..=500).map(|at| LoadSlot {
        end: at * 300,
        devices: devices.clone(),
        energies: Vec::new(),
    });
    let load = Load {
        slots: slots.collect(),
        through: 999_999,
    };
    let mut target = EmoncmsTarget::new(settings()).unwrap();
    let parcel = target.prepare(&load, false, Timestamp::UNIX_EPOCH);
    assert_eq!(parcel.slots.len(), 71, "497 items");
    assert_eq!(parcel.through, 71 * 300);
}

proptest! {
    /// Names are as emoncms keeps them, so that what is asked for is what was sent.
    #[test]
    fn names_stay_as_they_are_there(text in "\\PC{0,80}|[.]{0,3}|[ a/ü_]{0,20}") {
        for (name, longest) in [(node_name(&text), 16), (input_name(&text), 64)] {
            let is_kept = |c: char| c.is_alphanumeric() || " _-.".contains(c);
            prop_assert!(!name.is_empty() && name.chars().count() <= longest);
            prop_assert!(name.chars().all(is_kept), "{name}");
            prop_assert_eq!(name.trim(), &name);
            prop_assert!(name.chars().any(|c| c != '.'));
            prop_assert_eq!(node_name(&node_name(&text)), node_name(&text));
        }
    }

    /// Node names fit, whatever the id.
    #[test]
    fn every_device_has_a_node(adapter in "[a-z][a-z_]{0,11}", serial in "[A-Za-z0-9-]{1,40}") {
        let node = default_node(&DeviceId::new(&adapter, &serial));
        prop_assert!(!node.is_empty() && node.len() <= 16, "{node}");
        prop_assert_eq!(node_name(&node), node);
    }

    /// Nothing but numbers goes out, exact, and nothing of what is known is lost.
    #[test]
    fn only_numbers_are_sent(
        values in prop::collection::vec(prop_oneof![
            (-1_000_000_000..1_000_000_000_i64, 0..9_u8).prop_map(|(m, s)| LoadValue::Number {
                number: Decimal::new(m, s), quantity: None, is_lifetime: false,
            }),
            any::<bool>().prop_map(LoadValue::OnOff),
            "\\PC{0,10}".prop_map(LoadValue::Text),
        ], 0..20),
    ) {
        let keys: Vec<String> = (0..values.len()).map(|at| format!("key_{at}")).collect();
        let pairs = keys.iter().map(String::as_str).zip(values.iter().cloned());
        let mut target = EmoncmsTarget::new(settings()).unwrap();
        let data = sent(&mut target, vec![device("text_a", "", pairs.collect())]);
        let is_number = |value: &&LoadValue| !matches!(value, LoadValue::Text(_));
        let count = values.iter().filter(is_number).count();
        if count == 0 {
            prop_assert_eq!(data, Json::Null);
        } else {
            let inputs = data[0][2].as_object().unwrap();
            prop_assert_eq!(inputs.len(), count);
            for (key, value) in keys.iter().zip(&values) {
                let expected = match value {
                    LoadValue::Number { number, .. } => number.to_f64(),
                    LoadValue::OnOff(on) => f64::from(u8::from(*on)),
                    LoadValue::Text(_) => continue,
                };
                let there = inputs[key].as_f64().unwrap();
                prop_assert!((there - expected).abs() <= expected.abs() * 1e-15, "{there} {expected}");
            }
        }
    }
}

#[test]
fn a_key_in_the_address_is_shown_nowhere_and_it_is_told_where_it_belongs() {
    for url in [
        "https://emoncms.org/input/post.json?apikey=swordfish",
        "https://user:swordfish@emoncms.org",
        "https://emoncms.org?swordfish",
    ] {
        let toml = format!("[emoncms]\nurl = \"{url}\"\nkey = \"k\"\n");
        let file = crate::config::File::parse(&toml, "test.toml").unwrap();
        let problems = crate::uploads::Uploads::read(&file).1;
        let shown = problems.to_string();
        assert!(
            shown.contains("\"url\" in [emoncms] should be the address of a web server alone"),
            "{shown}"
        );
        assert!(shown.contains("what is behind ?"), "{shown}");
        assert!(shown.contains("url = ***"), "{shown}");
        assert!(
            !format!("{shown} {problems:?}").contains("swordfish"),
            "{shown}"
        );
    }
}
