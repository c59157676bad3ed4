//! Environment variables over the file.

use super::*;

fn file(text: &str, vars: &[(&str, &str)]) -> File {
    let mut file = parse(text);
    file.override_from(
        vars.iter()
            .map(|(name, words)| ((*name).to_owned(), (*words).to_owned())),
    );
    file
}

fn error(text: &str, vars: &[(&str, &str)]) -> String {
    file(text, vars)
        .settings::<Mqtt>("mqtt")
        .unwrap_err()
        .to_string()
}

#[test]
fn they_win_over_the_file() {
    let vars = [
        ("WATTBRIDGE_MQTT_HOST", "from-env"),
        ("WATTBRIDGE_MQTT_PORT", "8883"),
        ("WATTBRIDGE_MQTT_USERNAME", "12345"),
        ("WATTBRIDGE_MQTT_PASSWORD", "{ file = \"no\" }"),
        ("WATTBRIDGE_MQTT_RETAIN", "false"),
        ("WATTBRIDGE_MQTT_KEEP_ALIVE", "1m"),
        ("WATTBRIDGE_MQTT_TLS__CA_FILE", "/ca.pem"),
        ("WATTBRIDGE_MQTT_TLS__VERSION", "modern"),
    ];
    for text in [
        "",
        "[mqtt]\nhost = \"file\"\npassword = 5\ntls = { ca_file = \"x\" }\n",
    ] {
        let mqtt: Mqtt = file(text, &vars).settings("mqtt").unwrap();
        assert_eq!(
            (mqtt.host.as_str(), mqtt.port, mqtt.retain),
            ("from-env", 8883, false)
        );
        assert_eq!(mqtt.username.as_deref(), Some("12345"));
        assert_eq!(
            mqtt.password.unwrap().reveal().unwrap().as_str(),
            "{ file = \"no\" }"
        );
        assert_eq!(mqtt.keep_alive, Period::minutes(1));
        assert_eq!(mqtt.tls.ca_file.as_deref(), Some("/ca.pem"));
        assert_eq!(mqtt.tls.version, Version::Modern);
    }
}

#[test]
fn a_secret_may_come_from_a_file() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "swordfish\n").unwrap();
    let path = secret.path().display().to_string();
    let file = file("", &[("WATTBRIDGE_MQTT_PASSWORD__FILE", &path)]);
    let mqtt: Mqtt = file.settings("mqtt").unwrap();
    assert_eq!(
        mqtt.password.unwrap().reveal().unwrap().as_str(),
        "swordfish"
    );
}

#[test]
fn empty_ones_count_as_not_set() {
    let mqtt: Mqtt = file("", &[("WATTBRIDGE_MQTT_HOST", "")])
        .settings("mqtt")
        .unwrap();
    assert_eq!(mqtt.host, "localhost");
}

#[test]
fn mistakes_name_the_variable() {
    assert_eq!(
        error(
            "[mqtt]\nhost = \"x\"\n",
            &[
                ("WATTBRIDGE_MQTT_PORT", "abc"),
                ("WATTBRIDGE_MQTT_RETAIN", "yes")
            ]
        ),
        "WATTBRIDGE_MQTT_PORT: \"port\" in [mqtt] should be a whole number from 0 to 65535, but is the text \"abc\"\n\n\
         WATTBRIDGE_MQTT_RETAIN: \"retain\" in [mqtt] should be true or false, but is the text \"yes\""
    );
    assert_eq!(
        error(
            "",
            &[
                ("WATTBRIDGE_MQTT_HSOT", "x"),
                ("WATTBRIDGE_MQTT_TLS__CAFILE", "x"),
                ("WATTBRIDGE_MQTT_ZZZ", "x")
            ]
        ),
        "WATTBRIDGE_MQTT_HSOT: this variable matches no key of [mqtt]\n  = did you mean WATTBRIDGE_MQTT_HOST?\n\n\
         WATTBRIDGE_MQTT_TLS__CAFILE: this variable matches no key of [mqtt]\n  = did you mean WATTBRIDGE_MQTT_TLS__CA_FILE?\n\n\
         WATTBRIDGE_MQTT_ZZZ: this variable matches no key of [mqtt]\n  \
         = [mqtt] knows host, port, username, password, retain, keep_alive, tls"
    );
    let error = error(
        "",
        &[
            ("WATTBRIDGE_MQTT_PASWORD", "swordfish"),
            ("WATTBRIDGE_MQTT_PASSWORD__ENVV", "swordfish"),
        ],
    );
    assert!(!error.contains("swordfish"), "{error}");
}

#[test]
fn strangers_are_left_alone() {
    let file = file(
        "[[my_box]]\nhost = \"x\"\n",
        &[
            ("PATH", "/bin"),
            ("WATTBRIDGE_VECTORS", "/x"),
            ("WATTBRIDGE_HA_HARNESS", "/x"),
            ("WATTBRIDGE_CONFIG", "/x"),
            ("WATTBRIDGE_LOG", "debug"),
            ("WATTBRIDGE_MQTTT_HOST", "x"),
            ("WATTBRIDGE_MY_BOX_HOST", "x"),
        ],
    );
    assert!(file.settings::<Mqtt>("mqtt").is_ok());
    assert_eq!(
        file.unknown_sections(&["mqtt", "home_assistant", "log", "my_box"])
            .to_string(),
        "WATTBRIDGE_MQTTT_HOST: this variable matches no section\n  = did you mean WATTBRIDGE_MQTT_HOST?\n\n\
         WATTBRIDGE_MY_BOX_HOST: a variable cannot tell one [[my_box]] from another\n  \
         = write the key below [[my_box]] in the file"
    );
}
