//! Rows, frames, what cannot get into a statement.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::rows::insertion;
use super::statements::{is_confirmed, statements};
use crate::config::{File, Settings as _};
use crate::history::{DeviceRecord, KeptRecord};
use crate::uploads::{Plan as _, Uploads};

fn record(serial: &str, at: i64, values: &[(&str, &str)]) -> DeviceRecord {
    let values = values.iter();
    let values = values.map(|(key, value)| {
        let is_known = !value.is_empty();
        ((*key).to_owned(), is_known.then(|| (*value).to_owned()))
    });
    DeviceRecord {
        device: format!("solaredge_{}", serial.to_lowercase().replace('-', "_")),
        serial: serial.to_owned(),
        at,
        values: values.collect(),
    }
}

const PANEL: &[(&str, &str)] = &[
    ("power", "124"),
    ("panel_voltage", "31"),
    ("output_voltage", "30"),
    ("current", "4"),
    ("temperature", "30"),
    ("uptime", "3600"),
    ("energy_since_wake", "0.203"),
];

fn kept(id: i64, at: i64, record: &DeviceRecord) -> KeptRecord {
    let body = serde_json::to_string(record).unwrap();
    KeptRecord { id, at, body }
}

fn without<'a>(values: &[(&'a str, &'a str)], key: &str) -> Vec<(&'a str, &'a str)> {
    let kept = values.iter().filter(|(own, _)| *own != key);
    kept.copied().chain([("voltage", "")]).collect()
}

#[test]
fn steps_of_the_cable_come_back_whole() {
    for steps in 0..1024_u32 {
        let volts = (f64::from(steps) * 0.125) as f32;
        let amperes = (f64::from(steps) * 0.00625) as f32;
        let energy = f64::from(steps) * 0.25 / 1000.0;
        let (volts, amperes, energy) = (volts.to_string(), amperes.to_string(), energy.to_string());
        let mut values: BTreeMap<_, _> = PANEL.iter().copied().collect();
        values.insert("panel_voltage", &volts);
        values.insert("current", &amperes);
        values.insert("energy_since_wake", &energy);
        let values: Vec<_> = values.into_iter().collect();
        let row = insertion(&record("20000001-21", 1_764_333_000, &values)).unwrap();
        let wanted = format!("(536870913,1764333000,3600,{steps},240,{steps},{steps},15)");
        assert!(row.contains(&wanted), "{row}");
    }
}

#[test]
fn without_what_a_row_is_for_there_is_none() {
    let at = 1_764_333_000;
    assert!(insertion(&record("20000001-21", at, PANEL)).is_some());
    for key in [
        "panel_voltage",
        "current",
        "temperature",
        "uptime",
        "energy_since_wake",
    ] {
        let values = without(PANEL, key);
        assert_eq!(
            insertion(&record("20000001-21", at, &values)),
            None,
            "{key}"
        );
    }
    assert_eq!(insertion(&record("20000001-21", 0, PANEL)), None);
    assert_eq!(insertion(&record("20000001-21", 1 << 33, PANEL)), None);
    assert_eq!(insertion(&record("meter 1", at, PANEL)), None);
    let inverter = [
        ("voltage", "230"),
        ("energy_interval", "0.0123"),
        ("energy_total", "1234.567"),
    ];
    let row = insertion(&record("7F800001-01", at, &inverter)).unwrap();
    // The power board is the inverter.
    assert!(
        row.contains("VALUES (2130706433,1764333000,-3.4028234e38,"),
        "{row}"
    );
    assert!(row.contains(",255,"), "{row}");
    for key in ["energy_interval", "energy_total"] {
        let values = without(&inverter, key);
        assert_eq!(
            insertion(&record("7F000001-80", at, &values)),
            None,
            "{key}"
        );
    }
    // It sleeps.
    let asleep = [
        ("voltage", ""),
        ("energy_interval", ""),
        ("mode", "sleeping"),
    ];
    assert_eq!(insertion(&record("7F000001-80", at, &asleep)), None);
}

#[test]
fn a_frame_is_a_transaction_and_is_never_cut() {
    let panel = record("20000001-21", 1_764_333_000, PANEL);
    let nothing = record("7F000001-80", 1_764_333_000, &[("mode", "sleeping")]);
    let records = [
        kept(4, 100, &panel),
        kept(5, 100, &panel),
        kept(6, 101, &panel),
        kept(9, 400, &panel),
        kept(10, 400, &nothing),
    ];
    let told = statements(&records, false, |_| true);
    assert_eq!(told.text.matches("START TRANSACTION;").count(), 2);
    assert!(told.text.ends_with("COMMIT;\nSELECT 'wattbridge 10';\n"));
    assert!(told.text.contains("last_telemetry=101;"), "{}", told.text);
    assert_eq!(told.records, [4, 5, 6, 9, 10]);
    let lines: Vec<_> = told.lines.into_iter().collect();
    assert_eq!(lines, [(3, 4), (4, 5), (5, 6), (9, 9)]);
    let told = statements(&records, true, |_| true);
    assert_eq!(told.records, [4, 5, 6]);
    let told = statements(&records[4..], false, |_| true);
    assert_eq!((told.text.as_str(), told.records), ("", vec![10]));
    assert_eq!(statements(&records, false, |_| false).text, "");
}

#[test]
fn the_last_line_alone_says_that_it_is_through() {
    assert!(is_confirmed("wattbridge 7\nwattbridge 7\n", 7));
    assert!(is_confirmed("wattbridge 7\r\n", 7));
    for output in [
        "",
        "wattbridge 7\nx",
        "wattbridge 71",
        "SELECT 'wattbridge 7';",
    ] {
        assert!(!is_confirmed(output, 7), "{output}");
    }
}

fn settings(command: &[&str]) -> super::MysqlSettings {
    super::MysqlSettings {
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        ..super::MysqlSettings::default()
    }
}

#[test]
fn nothing_is_called_by_a_word_of_the_command() {
    let shell = settings(&["sh", "-c", "MYSQL_PWD=swordfish mariadb solaredge"]);
    assert_eq!(shell.short(), "database");
    let named = super::MysqlSettings {
        name: "solaredge".to_owned(),
        ..settings(&["mariadb", "--defaults-extra-file=/etc/my.cnf", "solar"])
    };
    assert_eq!(named.short(), "solaredge");
    assert!(
        named
            .target()
            .unwrap()
            .trial()
            .to_string()
            .contains("wattbridge 0")
    );
}

#[test]
fn a_password_is_refused_wherever_it_stands() {
    for command in [
        &["mariadb", "-pswordfish", "solaredge"][..],
        &["/usr/bin/mysql", "-h", "nas", "-pswordfish", "solaredge"],
        &["mariadb", "-p", "swordfish", "solaredge"],
        &["mariadb", "-BNpswordfish", "solaredge"],
        &["mariadb", "--password=swordfish", "solaredge"],
        &["mariadb", "--pass", "swordfish", "solaredge"],
        &[
            "docker",
            "exec",
            "-i",
            "db",
            "mariadb",
            "-pswordfish",
            "solaredge",
        ],
        &[
            "docker",
            "exec",
            "-e",
            "MYSQL_PWD=swordfish",
            "db",
            "mariadb",
            "solaredge",
        ],
        &[
            "docker",
            "exec",
            "--env=MYSQL_PWD=swordfish",
            "db",
            "mysql",
            "solaredge",
        ],
        &["sh", "-c", "MYSQL_PWD=swordfish mariadb solaredge"],
        &["sh", "-c", "exec /usr/bin/mariadb '-pswordfish' solaredge"],
    ] {
        let complaints = settings(command).check();
        let fields: Vec<_> = complaints.iter().map(|it| it.field).collect();
        assert_eq!(fields, ["command"], "{command:?}");
        assert!(complaints[0].advice.contains("--defaults-extra-file="));
        let command = toml::Value::from(command.to_vec());
        for toml in [
            format!("[mysql]\ncommand = {command}\n"),
            // Something else is wrong in the same line.
            format!("mysql = {{ nmae = \"a\", command = {command}, divices = [] }}\n"),
            format!("[mysql]\ncomand = {command}\n"),
        ] {
            let file = File::parse(&toml, "test.toml").unwrap();
            let problems = Uploads::read(&file).1;
            let shown = format!("{problems} {problems:?}");
            assert!(
                !problems.is_empty() && !shown.contains("swordfish"),
                "{shown}"
            );
        }
    }
    for command in [
        &["mariadb", "--defaults-extra-file=/etc/my.cnf", "solaredge"][..],
        &[
            "mariadb",
            "-P",
            "3307",
            "--port=3307",
            "--protocol=tcp",
            "-uwatt",
            "solaredge",
        ],
        // Its port, and not a password.
        &["ssh", "-p", "2222", "nas", "mariadb", "solaredge"],
        &[
            "docker",
            "exec",
            "-i",
            "-e",
            "MYSQL_PWD",
            "db",
            "mariadb",
            "solaredge",
        ],
    ] {
        assert_eq!(settings(command).check(), [], "{command:?}");
    }
    assert_eq!(settings(&[]).check().len(), 1);
}

proptest! {
    /// Whatever a device says and is called, a statement holds numbers and nothing else.
    #[test]
    fn nothing_gets_into_a_statement_but_numbers(
        serial in prop_oneof!["[0-9A-F]{8}-[0-9A-F]{2}", ".*", "7F000001'; DROP TABLE x; --"],
        at in any::<i64>(),
        texts in proptest::collection::vec(
            prop_oneof![".*", "-?[0-9]{1,12}(\\.[0-9]{1,12})?", Just("1); DROP TABLE x; --".to_owned()), Just("'\\".to_owned())], 7),
        is_panel in any::<bool>(),
    ) {
        let keys: &[&str] = if is_panel {
            &["panel_voltage", "output_voltage", "current", "temperature", "uptime", "energy_since_wake", "power"]
        } else {
            &["voltage", "energy_interval", "energy_total", "mode", "power", "temperature", "residual_current"]
        };
        let values: Vec<_> = keys.iter().copied().zip(texts.iter().map(String::as_str)).collect();
        let record = record(&serial, at, &values);
        let told = statements(&[kept(1, 1_764_333_010, &record)], false, |_| true);
        if let Some(row) = insertion(&record) {
            prop_assert!(told.text.contains(&row));
            let values = row.split("VALUES (").nth(1).unwrap();
            let (values, rest) = values.split_once(')').unwrap();
            prop_assert!(values.split(',').all(|value| value.parse::<f64>().is_ok()), "{}", values);
            let key = if is_panel { "op_id" } else { "inv_id" };
            prop_assert_eq!(rest, format!(" ON DUPLICATE KEY UPDATE {key}={key};"));
            prop_assert_eq!(row.lines().count(), 1);
        } else {
            prop_assert_eq!(told.text, "");
        }
    }

    /// Bodies that are damaged are passed over.
    #[test]
    fn no_body_breaks_it(body in ".*") {
        let told = statements(&[KeptRecord { id: 3, at: 5, body }], false, |_| true);
        prop_assert_eq!(told.records, vec![3]);
        prop_assert_eq!(told.text, "");
    }
}
