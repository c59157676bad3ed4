//! What the user has set on the app's page in Home Assistant: `/data/options.json`.
//!
//! The devices are in the configuration file; here is only what has to be right before there is one, and what
//! a form is good for. It comes before the file, as variables of the environment do.

use std::path::Path;

use serde::Deserialize;

use crate::config::{File, FileKind, Problem, Problems, Secret, read_small_file};

/// The name of the file.
pub const FILE: &str = "options.json";

/// No form makes more.
const LARGEST: u64 = 64 * 1024;

const ADVICE: &str =
    "open the Configuration tab of the wattbridge app in Home Assistant and save it again";

/// All of it; a key that is not known here belongs to another version of the app.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AppOptions {
    log_level: Option<String>,
    mqtt: Option<BrokerOptions>,
}

/// A broker that the Supervisor does not know of.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BrokerOptions {
    host: Option<String>,
    port: Option<u16>,
    username: Option<String>,
    password: Option<Secret>,
    tls: Option<bool>,
}

/// Lays them over the configuration file.
pub fn lay_over(path: &Path, file: &mut File) -> Result<(), Problems> {
    let name = path.display().to_string();
    let wrong = |what: String| Problems::from(Problem::new(&name, what, ADVICE));
    let bytes = read_small_file(path, LARGEST, FileKind::File)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    // What serde_json says repeats values of the file, and there is a password among them.
    let options: Option<AppOptions> = serde_json::from_slice(&bytes).map_err(|error| {
        wrong(format!(
            "is not as expected in line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    let AppOptions { log_level, mqtt } = options.unwrap_or_default();
    let mqtt = mqtt.unwrap_or_default();
    let password = mqtt.password.and_then(|it| it.reveal().ok());
    let tls = mqtt.tls.filter(|tls| *tls).map(|tls| tls.to_string());
    let set = [
        ("LOG_LEVEL", "log_level", log_level),
        ("MQTT_HOST", "mqtt: host", mqtt.host),
        (
            "MQTT_PORT",
            "mqtt: port",
            mqtt.port.map(|port| port.to_string()),
        ),
        ("MQTT_USERNAME", "mqtt: username", mqtt.username),
        (
            "MQTT_PASSWORD",
            "mqtt: password",
            password.map(|it| it.as_str().to_owned()),
        ),
        ("MQTT_TLS__ENABLED", "mqtt: tls", tls),
    ];
    for (variable, option, words) in set {
        // A field that was emptied counts as one that was never filled in.
        if let Some(words) = words.filter(|words| !words.is_empty()) {
            file.override_as(variable, &format!("the app's option {option}"), words);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::outputs::mqtt::MqttSettings;

    fn laid_over(options: &str, text: &str) -> Result<MqttSettings, Problems> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, options).unwrap();
        let mut file = File::parse(text, "wattbridge.toml").unwrap();
        lay_over(&path, &mut file)?;
        file.settings("mqtt")
    }

    #[test]
    fn options_come_before_the_file_and_empty_ones_do_not_count() {
        let file = "[mqtt]\nhost = \"192.0.2.1\"\nusername = \"file\"\npassword = \"a\"\n";
        for empty in [
            "null",
            "{}",
            r#"{"mqtt": null}"#,
            r#"{"mqtt": {"host": null}}"#,
        ] {
            assert!(laid_over(empty, file).unwrap().host.is_some(), "{empty}");
        }
        let none = laid_over(r#"{"log_level": "info"}"#, file).unwrap();
        assert_eq!(none.host.as_deref(), Some("192.0.2.1"));
        let some = r#"{"log_level": "debug", "new": [1], "mqtt": {"host": "192.0.2.2", "port": 8884,
            "username": "", "password": "swordfish", "tls": true}}"#;
        let some = laid_over(some, file).unwrap();
        assert_eq!(some.host.as_deref(), Some("192.0.2.2"));
        assert_eq!((some.port(), some.tls.enabled), (8884, true));
        assert_eq!(some.username.as_deref(), Some("file"));
        assert_eq!(
            some.password.unwrap().reveal().unwrap().as_str(),
            "swordfish"
        );
        let off = laid_over(
            r#"{"mqtt": {"tls": false}}"#,
            "[mqtt.tls]\nenabled = true\n",
        );
        assert!(
            off.unwrap().tls.enabled,
            "the form says false where nobody has chosen"
        );
    }

    #[test]
    fn what_is_wrong_names_the_option_and_no_secret() {
        let told =
            laid_over(r#"{"mqtt": {"host": "a b", "password": "swordfish"}}"#, "").unwrap_err();
        let told = told.to_string();
        assert!(told.contains("the app's option mqtt: host"), "{told}");
        for wrong in [
            "",
            r#"{"mqtt": {"password": ["swordfish"]}}"#,
            r#"{"mqtt": {"port": "swordfish"}}"#,
        ] {
            let told = laid_over(wrong, "").unwrap_err().to_string();
            assert!(
                told.contains("Configuration tab") && !told.contains("swordfish"),
                "{told}"
            );
        }
    }
}
