//! What the section accepts, and how it complains.

use super::*;

fn fields(complaints: &[Complaint]) -> Vec<&'static str> {
    complaints.iter().map(|complaint| complaint.field).collect()
}

fn mqtt(text: &str) -> MqttSettings {
    toml::from_str(text).unwrap()
}

#[test]
fn the_defaults_need_no_word() {
    let mqtt = mqtt("");
    assert!(mqtt.check().is_empty());
    assert_eq!(
        (mqtt.port(), mqtt.client_id().as_str()),
        (1883, "wattbridge")
    );
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
    assert_eq!(settings.connection().unwrap().client_id, "mine");
    assert_eq!(
        settings.connection_of("second").unwrap().client_id,
        "mine-second"
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
}

#[test]
fn complains_about_what_cannot_work_together() {
    assert_eq!(fields(&mqtt("password = \"x\"").check()), ["password"]);
    assert_eq!(fields(&mqtt("host = \"mqtt://x\"").check()), ["host"]);
    assert_eq!(fields(&mqtt("host = \"u:S3cret@x\"").check()), ["host"]);
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
fn every_key_is_documented() {
    for schema in [
        schemars::schema_for!(MqttSettings),
        schemars::schema_for!(TlsSettings),
    ] {
        for (key, value) in schema.as_value()["properties"].as_object().unwrap() {
            assert!(value.get("description").is_some(), "{key} has no words");
        }
    }
}
