//! `wattbridge migrate rpi-ecu`, as people call it: what comes out is a configuration that works. All serial numbers, ids
//! and passwords are invented.

// What goes wrong in here shall fail the test, also outside of its own function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

const PASSWORD: &str = "half \"quoted\" \\ and 'more'";

/// What a command did, in a folder.
struct Ran {
    code: Option<i32>,
    out: String,
    said: String,
}

fn run(folder: &Path, args: &[&str]) -> Ran {
    let done = Command::new(env!("CARGO_BIN_EXE_wattbridge"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran {
        code: done.status.code(),
        out: String::from_utf8(done.stdout).unwrap(),
        said: String::from_utf8(done.stderr).unwrap(),
    }
}

/// Migrates, and has the outcome checked by the program itself.
fn migrated(folder: &Path, args: &[&str]) -> (toml::Table, String) {
    let mut all = vec!["migrate", "rpi-ecu"];
    all.extend(args);
    let done = run(folder, &all);
    assert_eq!(done.code, Some(0), "{}", done.said);
    assert!(done.said.contains("keep the file private"), "{}", done.said);
    assert!(!done.said.contains("quoted"), "{}", done.said);
    fs::write(folder.join("wattbridge.toml"), &done.out).unwrap();
    let check = run(folder, &["check", "--config", "wattbridge.toml"]);
    assert_eq!(check.code, Some(0), "{}\n{}", check.said, check.out);
    assert!(!check.out.contains("quoted") && !check.said.contains("quoted"));
    (done.out.parse().unwrap(), done.said)
}

/// The folder of RPI-ECU, as it lies on its card.
fn ecu_data() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("ecu_data");
    for inner in ["inverters", "dbbackup"] {
        fs::create_dir_all(folder.join(inner)).unwrap();
    }
    let mqtt = json!({
        "enabled": 1, "address": "192.0.2.7", "port": 1883, "intopic": "domoticz/out", "outtopic": "domoticz/in",
        "auth": 1, "username": "solar", "password": PASSWORD, "format": 5
    });
    for (name, text) in [
        (
            "settings.json",
            "{\"id\":\"D6B3011B9780\",\"longitude\":16.37,\"latitude\":48.2,\"offset\":-5,\"price\":}",
        ),
        (
            "ecuProperties",
            "{\"id\":\"D6B3011B9780\",\"idinvers\":\"80971B01B3D6\"}",
        ),
        ("mqttConfig.json", &mqtt.to_string()),
        (
            "inverters/invProperties0",
            "{\n \"id\":\"0x7C3A\", \"serial\":408000123456, \"type\":0, \"name\":\"Peter\"s\", \"idx\":\"12\", \"panels\":[1, 0, 0, 0]\n}",
        ),
        (
            "inverters/invProperties2",
            "{\"serial\":704000123457,\"id\":\"0xD93A\",\"name\":\"Balcony\",\"type\":2,\"panels\":[1, 1, 0, 0]}",
        ),
        ("dbbackup/20260614.manifest", "not read"),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    home
}

#[test]
fn a_backup_and_its_folder_become_a_configuration_that_works() {
    let home = ecu_data();
    let mut archive =
        tar::Builder::new(fs::File::create(home.path().join("ecu_backup.tar")).unwrap());
    archive
        .append_dir_all("ecu_data", home.path().join("ecu_data"))
        .unwrap();
    archive.finish().unwrap();
    let (file, said) = migrated(home.path(), &["ecu_backup.tar"]);
    assert_eq!(file["mqtt"]["host"].as_str(), Some("192.0.2.7"));
    assert_eq!(file["mqtt"]["password"].as_str(), Some(PASSWORD));
    let section = &file["aps_zigbee"][0];
    assert_eq!(section["ecu_id"].as_str(), Some("D6B3011B9780"));
    assert_eq!(
        section["addresses"]["704000123457"].as_str(),
        Some("0xD93A")
    );
    assert_eq!(section["names"]["408000123456"].as_str(), Some("Peter\"s"));
    assert_eq!(section["sun_offset"].as_integer(), Some(-5));
    assert!(said.contains("invProperties0 is not quite JSON"), "{said}");
    assert!(
        said.contains("Inputs without a panel: B of Peter\"s"),
        "{said}"
    );
    for folder in ["ecu_data", "."] {
        assert_eq!(migrated(home.path(), &[folder]).0, file, "{folder}");
    }
    let single = [
        "ecu_data/settings.json",
        "ecu_data/mqttConfig.json",
        "ecu_data/inverters/invProperties0",
    ];
    let (alone, _) = migrated(home.path(), &single);
    assert_eq!(alone["mqtt"], file["mqtt"]);
    assert_eq!(alone["aps_zigbee"][0]["latitude"], section["latitude"]);
}

#[test]
fn answers_and_entries_become_a_configuration_that_works() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(home.path().join(name), text).unwrap();
    let answer = |inv: u8, serial: &str, sid: &str| {
        json!({ "inv": inv, "name": "Garage", "type": 0, "serial": serial, "sid": sid, "pow": [1, 2, "n/e", "n/e"] }).to_string()
    };
    write("inv0.json", &answer(0, "408000123456", "3A7C"));
    write("inv1.json", &answer(1, "408000123457", "1111"));
    write("inv2.json", "unknown inverter 2");
    let (file, said) = migrated(home.path(), &["inv0.json", "inv1.json", "inv2.json"]);
    let section = &file["aps_zigbee"][0];
    assert_eq!(
        section["addresses"]["408000123456"].as_str(),
        Some("0x7C3A")
    );
    assert_eq!(section.get("ecu_id"), None);
    for words in [
        "No file has the ECU id",
        "408000123457) was not paired",
        "No MQTT broker",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let options = [
        "inv0.json",
        "--ecu-id",
        "D8A3011B9780",
        "--latitude",
        "-33.5",
        "--longitude",
        "151.2",
    ];
    let (file, _) = migrated(home.path(), &options);
    assert_eq!(file["aps_zigbee"][0]["latitude"].as_float(), Some(-33.5));
    assert_eq!(
        file["aps_zigbee"][0]["ecu_id"].as_str(),
        Some("D8A3011B9780")
    );
    let entries = json!({ "data": { "entries": [
        { "domain": "mqtt", "data": { "password": PASSWORD } },
        { "domain": "aps_zigbee", "data": { "port": "/dev/serial/by-id/usb-X", "ecu_id": "D8A3011B9780",
            "inverters": [{ "serial": "704000123457", "inv_id": "7C3A", "name": "Roof" }] } }
    ] } });
    write("core.config_entries", &entries.to_string());
    let (file, _) = migrated(home.path(), &["core.config_entries"]);
    assert_eq!(
        file["aps_zigbee"][0]["port"].as_str(),
        Some("/dev/serial/by-id/usb-X")
    );
}

#[test]
fn what_cannot_be_used_ends_with_2_and_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(home.path().join(name), bytes).unwrap();
    write(
        "empty.tar",
        &tar::Builder::new(Vec::new()).into_inner().unwrap(),
    );
    write("backup.tar.gz", &[0x1f, 0x8b, 8, 0]);
    write("page.html", b"<html>");
    write(
        "inv0.json",
        b"{\"inv\":0,\"serial\":\"408000123456\",\"sid\":\"3A7C\"}",
    );
    fs::create_dir(home.path().join("ecu_data")).unwrap();
    for (args, words) in [
        (&["nowhere.tar"][..], "nowhere.tar: cannot be read"),
        (&["empty.tar"], "there is no inverter in it"),
        (&["ecu_data"], "there is no inverter in it"),
        (&["backup.tar.gz"], "it is compressed"),
        (&["page.html"], "page.html is none of the files"),
        (
            &["inv0.json", "--ecu-id", "0xD8A3"],
            "12 hexadecimal digits",
        ),
        (&["inv0.json", "--latitude", "48.2"], "are no place"),
    ] {
        let mut all = vec!["migrate", "rpi-ecu"];
        all.extend(args);
        let done = run(home.path(), &all);
        assert_eq!(
            (done.code, done.out.as_str()),
            (Some(2), ""),
            "{args:?}: {}",
            done.said
        );
        assert!(done.said.contains(words), "{words}: {}", done.said);
    }
}
