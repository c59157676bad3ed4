//! `wattbridge migrate kaifareader`, as people call it. The key is invented.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};
use wattbridge::config::File;
use wattbridge::outputs::Outputs;
use wattbridge::outputs::kaifareader::KaifareaderSettings;
use wattbridge::outputs::solarview::SolarViewSettings;

const KEY: &str = "0F1E2D3C4B5A69788796A5B4C3D2E1F0";

fn meter_json(export: &Value) -> Value {
    let mut settings = json!({
        "loglevel": "logging.INFO",
        "logfile": "/var/log/kaifareader/kaifa.log",
        "port": "/dev/ttyUSB0",
        "baudrate": 2400,
        "parity": "serial.PARITY_NONE",
        "stopbits": "serial.STOPBITS_ONE",
        "bytesize": "serial.EIGHTBITS",
        "key_hex_string": KEY,
        "interval": 1,
        "supplier": "TINETZ"
    });
    let export = export.as_object().unwrap().clone();
    settings.as_object_mut().unwrap().extend(export);
    settings
}

fn migrate(text: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("meter.json"), text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_wattbridge"))
        .args(["migrate", "kaifareader", "meter.json"])
        .current_dir(folder.path())
        .output()
        .unwrap()
}

/// What is written can be read, and says this.
fn migrated(settings: &Value) -> (File, String) {
    let done = migrate(&settings.to_string());
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");
    assert!(
        said.contains("keep the file private") && !said.contains(KEY),
        "{said}"
    );
    let toml = String::from_utf8(done.stdout).unwrap();
    let file = File::parse(&toml, "wattbridge.toml").unwrap();
    assert_eq!(file.sections("smart_meter").len(), 1);
    let table: toml::Table = toml.parse().unwrap();
    let meter = &table["smart_meter"][0];
    assert_eq!(meter["port"].as_str(), Some("/dev/ttyUSB0"));
    assert_eq!(meter["baud"].as_integer(), Some(2400));
    assert_eq!(meter["parity"].as_str(), Some("auto"));
    assert_eq!(meter["key"].as_str(), Some(KEY));
    (file, said)
}

/// The outputs that are switched on in it.
fn switched_on(file: &File) -> Vec<&'static str> {
    let outputs = Outputs::read(file).unwrap();
    outputs.switched_on().map(|(name, _)| *name).collect()
}

#[test]
fn mqtt_becomes_broker_and_topics() {
    let (file, said) = migrated(&meter_json(&json!({
        "export_format": "MQTT",
        "export_mqtt_server": "broker.home",
        "export_mqtt_port": 1883,
        "export_mqtt_user": "meter",
        "export_mqtt_password": "half \"quoted\" \\ and 'more'",
        "export_mqtt_basetopic": "/home/meter"
    })));
    assert_eq!(said.lines().count(), 1, "{said}");
    let mqtt = Outputs::read(&file).unwrap().mqtt;
    assert_eq!(mqtt.host.as_deref(), Some("broker.home"));
    let password = mqtt.password.unwrap().reveal().unwrap();
    assert_eq!(password.as_str(), "half \"quoted\" \\ and 'more'");
    assert_eq!(switched_on(&file), ["home_assistant", "kaifareader"]);
    let topics: KaifareaderSettings = file.settings("kaifareader").unwrap();
    assert_eq!(topics.base_topic, "/home/meter");
}

#[test]
fn solarview_becomes_its_file() {
    let (file, said) = migrated(&meter_json(&json!({
        "export_format": "SOLARVIEW",
        "export_file_abspath": "/var/lib/solarview/kaifa.txt"
    })));
    assert_eq!(said.lines().count(), 1, "{said}");
    let settings: SolarViewSettings = file.settings("solarview").unwrap();
    let path = settings.path.unwrap();
    assert_eq!(path.to_str(), Some("/var/lib/solarview/kaifa.txt"));
    assert_eq!(switched_on(&file), ["solarview"]);
}

#[test]
fn no_export_is_said() {
    let (file, said) = migrated(&meter_json(&json!({})));
    assert!(said.contains("nothing is passed on"), "{said}");
    assert_eq!(switched_on(&file), [""; 0]);
}

#[test]
fn a_file_that_cannot_be_used_ends_with_2_and_says_why() {
    let short = meter_json(&json!({ "key_hex_string": &KEY[2..] })).to_string();
    for (text, words) in [
        ("{ \"port\": }", "meter.json: it is not JSON"),
        ("{}", "\"port\" is missing"),
        (short.as_str(), "has 30 characters"),
    ] {
        let done = migrate(text);
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(
            done.stdout.is_empty() && !said.contains(&KEY[2..]),
            "{said}"
        );
    }
    let none = Command::new(env!("CARGO_BIN_EXE_wattbridge"))
        .args(["migrate", "kaifareader", "/nowhere/meter.json"])
        .output()
        .unwrap();
    let said = String::from_utf8(none.stderr).unwrap();
    assert!(said.contains("name the file"), "{said}");
}
