//! Files of people who move, with an invented key.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const KEY: &str = "0F1E2D3C4B5A69788796A5B4C3D2E1F0";

fn meter_json() -> Value {
    json!({
        "loglevel": "logging.INFO",
        "logfile": "/var/log/kaifareader.log",
        "port": "/dev/ttyUSB0",
        "baudrate": 2400,
        "parity": "serial.PARITY_NONE",
        "stopbits": "serial.STOPBITS_ONE",
        "bytesize": "serial.EIGHTBITS",
        "key_hex_string": KEY,
        "interval": 1,
        "supplier": "EVN",
        "export_format": "MQTT",
        "export_mqtt_server": "192.0.2.7",
        "export_mqtt_port": 1884,
        "export_mqtt_user": "meter",
        "export_mqtt_password": "sec\"ret\\",
        "export_mqtt_basetopic": "home/meter"
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut settings = meter_json();
    settings[key] = value;
    settings
}

fn without(key: &str) -> Value {
    let mut settings = meter_json();
    settings.as_object_mut().unwrap().remove(key);
    settings
}

fn tables(migrated: &Migrated) -> toml::Table {
    migrated.toml.parse().unwrap()
}

#[test]
fn mqtt_goes_on_as_it_was() {
    let migrated = migrate(&meter_json().to_string()).unwrap();
    assert_eq!(migrated.remarks, [""; 0]);
    let expected: toml::Table = "
        [mqtt]
        host = '192.0.2.7'
        port = 1884
        username = 'meter'
        password = 'sec\"ret\\'
        [kaifareader]
        enabled = true
        base_topic = 'home/meter'
        [[smart_meter]]
        port = '/dev/ttyUSB0'
        baud = 2400
        parity = 'auto'
        key = '0F1E2D3C4B5A69788796A5B4C3D2E1F0'
    "
    .parse()
    .unwrap();
    assert_eq!(tables(&migrated), expected);
    assert!(migrated.toml.contains("# meter.json said none"));
    assert!(!format!("{migrated:?}").contains(KEY));
}

#[test]
fn solarview_and_nothing_at_all_need_no_broker() {
    let mut settings = with("export_format", "SOLARVIEW".into());
    settings["export_file_abspath"] = "/srv/solar view/kaifa.txt".into();
    let migrated = migrate(&settings.to_string()).unwrap();
    assert_eq!(migrated.remarks, [""; 0]);
    let tables_of_file = tables(&migrated);
    let path = &tables_of_file["solarview"]["path"];
    assert_eq!(path.as_str(), Some("/srv/solar view/kaifa.txt"));
    let announces = &tables_of_file["home_assistant"]["enabled"];
    assert_eq!(announces.as_bool(), Some(false));
    for nothing in [
        without("export_format"),
        with("export_format", Value::Null),
        with("export_format", "CSV".into()),
    ] {
        let migrated = migrate(&nothing.to_string()).unwrap();
        let file = tables(&migrated);
        let names: Vec<_> = file.keys().collect();
        assert_eq!(names, ["home_assistant", "smart_meter"]);
        assert!(migrated.remarks[0].contains("nothing is passed on"));
    }
}

#[test]
fn what_others_call_the_same_settings_is_understood() {
    let file = |more: Value| {
        let mut settings = json!({
            "port": "/dev/ttyUSB0",
            "key_hex_string": KEY,
            "mqtt_server": "192.0.2.7",
            "mqtt_port": 1884,
            "mqtt_user": "meter",
            "mqtt_password": "secret",
        });
        for (key, value) in more.as_object().unwrap() {
            settings[key] = value.clone();
        }
        migrate(&settings.to_string()).unwrap()
    };
    for more in [
        json!({}),
        json!({ "mqtt_enabled": true }),
        json!({ "mqtt_enabled": "true", "mqtt_topic": "home/meter" }),
    ] {
        let migrated = file(more.clone());
        let tables = tables(&migrated);
        assert_eq!(tables["mqtt"]["host"].as_str(), Some("192.0.2.7"));
        assert_eq!(tables["mqtt"]["password"].as_str(), Some("secret"));
        assert!(!tables.contains_key("home_assistant"));
        let has_topic = more.get("mqtt_topic").is_some();
        assert_eq!(tables.contains_key("kaifareader"), has_topic);
        assert_eq!(migrated.remarks.is_empty(), has_topic, "{migrated:?}");
    }
    for off in [json!(false), json!("no"), json!(0)] {
        let migrated = file(json!({ "mqtt_enabled": off }));
        assert!(!tables(&migrated).contains_key("mqtt"));
        assert!(!migrated.toml.contains("did not use"));
    }
}

#[test]
fn parity_is_read_from_the_name_of_a_constant() {
    for (written, becomes) in [
        ("serial.PARITY_EVEN", Some("even")),
        ("serial.PARITY_ODD", Some("odd")),
        ("PARITY_NONE", Some("auto")),
        ("'E'", Some("even")),
        ("n", Some("auto")),
        ("serial.PARITY_MARK", None),
        ("", None),
    ] {
        let migrated = migrate(&with("parity", written.into()).to_string()).unwrap();
        let file = tables(&migrated);
        let parity = file["smart_meter"][0]
            .get("parity")
            .and_then(toml::Value::as_str);
        assert_eq!(parity, becomes, "{written}");
        assert_eq!(
            migrated.remarks.len(),
            usize::from(written.ends_with("MARK"))
        );
    }
}

#[test]
fn what_cannot_be_taken_over_is_said() {
    for (settings, words) in [
        (with("mqtt_qos", 1.into()), "not a setting of kaifareader"),
        (with("export_mqtt_user", "".into()), "no user"),
        (with("stopbits", "serial.STOPBITS_TWO".into()), "stopbits"),
        (with("bytesize", 7.into()), "bytesize"),
        (
            with("export_mqtt_server", "mqtt://x".into()),
            "is not the name or address",
        ),
        (with("export_mqtt_basetopic", "a/#".into()), "kaifareader"),
    ] {
        let migrated = migrate(&settings.to_string()).unwrap();
        let said = migrated.remarks.join("\n");
        assert_eq!(migrated.remarks.len(), 1, "{said}");
        assert!(said.contains(words), "{words}: {said}");
        assert!(!said.contains(KEY) && !said.contains("ret"), "{said}");
    }
    let numbers = json!({ "stopbits": 1, "bytesize": 8, "baudrate": "2400" });
    let mut settings = meter_json();
    for (key, value) in numbers.as_object().unwrap() {
        settings[key] = value.clone();
    }
    assert_eq!(migrate(&settings.to_string()).unwrap().remarks, [""; 0]);
}

#[test]
fn a_file_that_cannot_work_says_what_to_do() {
    let error = |settings: Value| migrate(&settings.to_string()).unwrap_err();
    for key in ["port", "key_hex_string", "export_mqtt_server"] {
        for settings in [without(key), with(key, Value::Null), with(key, " ".into())] {
            let error = error(settings);
            let is_missing = matches!(error, KaifareaderError::Missing { key: k, .. } if k == key);
            assert!(is_missing, "{error}");
        }
        let error = error(with(key, json!([KEY])));
        assert!(matches!(error, KaifareaderError::Kind { .. }), "{error}");
        assert!(!error.to_string().contains(KEY));
    }
    for baud in [
        json!(0),
        json!(-1),
        json!(2400.5),
        json!("fast"),
        json!(1_u64 << 40),
    ] {
        assert!(matches!(
            error(with("baudrate", baud)),
            KaifareaderError::Kind { .. }
        ));
    }
    let key = |key: &str| error(with("key_hex_string", key.into()));
    assert_eq!(key(&KEY[1..]), KaifareaderError::KeyLength { digits: 31 });
    let slip = format!("{}O{}", &KEY[..2], &KEY[3..]);
    assert_eq!(key(&slip), KaifareaderError::KeyDigit { character: 'O' });
    let spaced = format!("{}\u{200b} {}", &KEY[..2], &KEY[2..]);
    assert!(migrate(&with("key_hex_string", spaced.into()).to_string()).is_ok());
    let text = "{\n  \"port\": \"x\",\n}";
    let place = KaifareaderError::NotJson { line: 3, column: 1 };
    assert_eq!(migrate(text).unwrap_err(), place);
    assert_eq!(migrate("[]").unwrap_err(), KaifareaderError::NoSettings);
    assert!(migrate(&"[".repeat(100_000)).is_err());
}

proptest! {
    /// Whatever stands in the texts, it comes back as it was.
    #[test]
    fn every_text_survives(password in "\\PC{1,40}", port in "[!-~].{0,20}[!-~]", base: String) {
        let mut settings = with("export_mqtt_password", password.clone().into());
        settings["port"] = port.clone().into();
        settings["export_mqtt_basetopic"] = format!("x{base}x").into();
        let migrated = migrate(&settings.to_string()).unwrap();
        let file = tables(&migrated);
        let text = |value: &toml::Value| value.as_str().map(str::to_owned);
        if !password.trim().is_empty() {
            prop_assert_eq!(text(&file["mqtt"]["password"]), Some(password));
        }
        prop_assert_eq!(text(&file["smart_meter"][0]["port"]), Some(port));
        prop_assert_eq!(text(&file["kaifareader"]["base_topic"]), Some(format!("x{base}x")));
    }

    #[test]
    fn no_text_makes_it_panic(text: String) {
        let _ = migrate(&text);
    }
}
