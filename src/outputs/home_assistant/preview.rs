//! What would be announced, without a broker.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bridge::Known;
use crate::model::{Device, reserved};
use crate::outputs::mqtt::MqttSettings;
use crate::store::Identity;
use crate::words::Language;

use super::config::HomeAssistantSettings;
use super::controls::component_key;
use super::discovery::{Plan, announcement};
use super::state::state;
use super::topics::is_word;

/// Topic and payload of each announcement.
pub fn preview(
    devices: &[Device],
    mqtt: &MqttSettings,
    settings: &HomeAssistantSettings,
    identity: &Identity,
) -> Vec<(String, Value)> {
    let plan = Plan {
        topics: settings.topics(mqtt, identity),
        settings: settings.clone(),
    };
    devices
        .iter()
        .map(|device| {
            let mut device = device.clone();
            device.id = plan.topics.announced_as(&device.id).clone();
            let topic = plan.topics.config(device.id.as_str());
            (topic, announcement(&device, &plan))
        })
        .collect()
}

/// The payload of a device's state message.
pub fn preview_state(known: &Known, language: Language) -> Vec<u8> {
    let message = state(&known.device, &known.state, language, std::iter::empty());
    message.to_string().into_bytes()
}

/// What in the descriptions of devices would look odd in Home Assistant or be left out, in words.
pub fn lint(devices: &[Device]) -> Vec<String> {
    devices.iter().flat_map(lint_device).collect()
}

fn lint_device(device: &Device) -> Vec<String> {
    let id = &device.id;
    let mut remarks = Vec::new();
    if device.name.trim().is_empty() {
        remarks.push(format!("{id}: it has no name"));
    }
    let metrics = device
        .metrics
        .iter()
        .map(|m| (m.key.to_string(), m.name.as_deref()));
    let controls = device
        .controls
        .iter()
        .map(|c| (component_key(c), Some(c.name.as_ref())));
    let mut keys = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (key, name) in metrics.chain(controls) {
        if !keys.insert(key.clone()) {
            remarks.push(format!("{id}: the key \"{key}\" is there twice"));
        }
        if !is_word(&key) {
            remarks.push(format!(
                "{id}: \"{key}\" is left out; a key is a snake_case word"
            ));
        }
        if key == reserved::TIME {
            remarks.push(format!(
                "{id}: the key \"ts\" is that of the time in every state"
            ));
        }
        let Some(name) = name else {
            continue;
        };
        if !names.insert((key.starts_with(reserved::CONTROL), name.to_lowercase())) {
            remarks.push(format!("{id}: two entities are called \"{name}\""));
        }
        if !device.name.is_empty() && name.starts_with(device.name.as_str()) {
            remarks.push(format!(
                "{id}: \"{name}\" begins with the device's name, which is shown before it anyway"
            ));
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Control, ControlKind, Metric};

    #[test]
    fn says_what_would_look_odd() {
        let mut device = Device::new("smart_meter", "1", "Meter", "Kaifa");
        device.metrics = vec![
            Metric::text("power"),
            Metric::text("reason").named("Reason"),
        ];
        device.controls = vec![Control {
            key: "power".into(),
            name: "Reason".into(),
            kind: ControlKind::Button,
            is_setup: false,
        }];
        assert_eq!(lint(&[device.clone()]), Vec::<String>::new());
        device.metrics = vec![
            Metric::text("power"),
            Metric::text("power"),
            Metric::text("ts"),
            Metric::text("a b"),
            Metric::text("c").named("Meter power"),
            Metric::text("d").named("Reason"),
            Metric::text("e").named("reason"),
        ];
        device.name = "Meter".to_owned();
        let remarks = lint(&[device]).join("\n");
        for words in [
            "there twice",
            "time in every state",
            "left out",
            "begins with",
            "called",
        ] {
            assert!(remarks.contains(words), "{words}: {remarks}");
        }
        assert_eq!(remarks.lines().count(), 5);
    }

    #[test]
    fn shows_topic_and_payload() {
        let device = Device::new("smart_meter", "1", "Meter", "Kaifa");
        let (mqtt, settings) = (MqttSettings::default(), HomeAssistantSettings::default());
        let shown = preview(&[device], &mqtt, &settings, &Identity::named("b2c3d4"));
        assert_eq!(shown[0].0, "homeassistant/device/smart_meter_1/config");
        assert_eq!(shown[0].1["origin"]["name"], "wattbridge");
    }
}
