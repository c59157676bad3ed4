//! What the section accepts, and how it complains.

use super::*;

fn fields(complaints: &[Complaint]) -> Vec<&'static str> {
    complaints.iter().map(|complaint| complaint.field).collect()
}

fn mqtt(text: &str) -> MqttSettings {
    toml::from_str(text).unwrap()
}

fn home_assistant(text: &str) -> HomeAssistantSettings {
    toml::from_str(text).unwrap()
}

#[test]
fn the_defaults_need_no_word() {
    let (mqtt, output) = (mqtt(""), home_assistant(""));
    assert!(output.check().is_empty());
    assert!(output.check_with(&mqtt).is_empty());
    assert_eq!(output.expire_after(), Period::minutes(16));
    assert_eq!(
        output.topics(&mqtt, &Identity::named("b2c3d4")).birth,
        "homeassistant/status"
    );
}

#[test]
fn our_topics_stay_out_of_the_discovery_prefix() {
    for base in ["homeassistant", "homeassistant/wattbridge"] {
        let mqtt = mqtt(&format!("base_topic = \"{base}\""));
        let complaints = home_assistant("").check_with(&mqtt);
        assert_eq!(fields(&complaints), ["discovery_prefix"]);
    }
    assert!(
        home_assistant("")
            .check_with(&mqtt("base_topic = \"homeassistant2\""))
            .is_empty()
    );
}

#[test]
fn excludes_by_key_and_by_device() {
    let output = home_assistant("exclude = [\"energy_today\", \"smart_meter_1_power\"]");
    assert!(output.excludes("smart_meter_2", "energy_today"));
    assert!(output.excludes("smart_meter_1", "power"));
    assert!(!output.excludes("smart_meter_2", "power"));
    assert!(!output.excludes("smart_meter", "1"));
}

#[test]
fn complains_about_topics_that_cannot_work() {
    let output = home_assistant("discovery_prefix = \"+\"\nstatus_topic = \"\"");
    assert_eq!(
        fields(&output.check()),
        ["discovery_prefix", "status_topic"]
    );
}

#[test]
fn complains_about_what_cannot_work_together() {
    assert_eq!(
        fields(&home_assistant("expire_after = \"5m\"").check()),
        ["expire_after"]
    );
    assert_eq!(
        fields(&home_assistant("heartbeat = \"1s\"").check()),
        ["heartbeat"]
    );
}

#[test]
fn every_key_is_documented() {
    let schema = schemars::schema_for!(HomeAssistantSettings);
    for (key, value) in schema.as_value()["properties"].as_object().unwrap() {
        assert!(value.get("description").is_some(), "{key} has no words");
    }
}
