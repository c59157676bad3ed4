//! What the sections accept, and how they complain.

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
    assert!(mqtt.check().is_empty() && output.check().is_empty());
    assert!(output.check_with(&mqtt).is_empty());
    assert_eq!(
        (mqtt.port(), mqtt.client_id().as_str()),
        (1883, "wattbridge")
    );
    assert_eq!(output.expire_after(), Period::minutes(16));
    assert_eq!(output.topics(&mqtt).birth, "homeassistant/status");
}

#[test]
fn port_and_client_id_follow_from_the_rest() {
    let settings = mqtt("base_topic = \"attic/solar\"\ntls = { enabled = true }");
    assert_eq!(settings.port(), 8883);
    assert_eq!(settings.client_id(), "wattbridge-attic-solar");
    let settings = mqtt("port = 8884\nclient_id = \"mine\"");
    assert_eq!(
        (settings.port(), settings.client_id().as_str()),
        (8884, "mine")
    );
}

#[test]
fn complains_about_topics_that_cannot_work() {
    for topic in [
        "", "a/", "/a", "a//b", "a/+", "#", "$SYS/a", "a b", "a\u{0}",
    ] {
        let settings = MqttSettings {
            base_topic: topic.to_owned(),
            ..MqttSettings::default()
        };
        assert_eq!(fields(&settings.check()), ["base_topic"], "{topic:?}");
    }
    let output = home_assistant("discovery_prefix = \"+\"\nstatus_topic = \"\"");
    assert_eq!(
        fields(&output.check()),
        ["discovery_prefix", "status_topic"]
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
fn complains_about_what_cannot_work_together() {
    assert_eq!(
        fields(&home_assistant("expire_after = \"5m\"").check()),
        ["expire_after"]
    );
    assert_eq!(
        fields(&home_assistant("heartbeat = \"1s\"").check()),
        ["heartbeat"]
    );
    assert_eq!(fields(&mqtt("password = \"x\"").check()), ["password"]);
    assert_eq!(fields(&mqtt("host = \"mqtt://x\"").check()), ["host"]);
    assert_eq!(fields(&mqtt("port = 0").check()), ["port"]);
    assert_eq!(fields(&mqtt("keep_alive = \"1s\"").check()), ["keep_alive"]);
    assert_eq!(
        fields(&mqtt("tls.ca_file = \"/x\"").check()),
        ["tls.enabled"]
    );
    let half = "tls = { enabled = true, client_key = \"/x\" }";
    assert_eq!(fields(&mqtt(half).check()), ["tls.client_certificate"]);
    assert!(toml::from_str::<MqttSettings>("hots = \"x\"").is_err());
}

#[test]
fn excludes_by_key_and_by_device() {
    let output = home_assistant("exclude = [\"energy_today\", \"kaifa_1_power\"]");
    assert!(output.excludes("kaifa_2", "energy_today"));
    assert!(output.excludes("kaifa_1", "power"));
    assert!(!output.excludes("kaifa_2", "power"));
    assert!(!output.excludes("kaifa", "1"));
}

#[test]
fn every_key_is_documented() {
    for schema in [
        schemars::schema_for!(MqttSettings),
        schemars::schema_for!(HomeAssistantSettings),
        schemars::schema_for!(TlsSettings),
    ] {
        for (key, value) in schema.as_value()["properties"].as_object().unwrap() {
            assert!(value.get("description").is_some(), "{key} has no words");
        }
    }
}
