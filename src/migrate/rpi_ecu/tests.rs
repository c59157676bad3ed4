//! Files of people who move. Serial numbers, ids, names and passwords are invented.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const PASSWORD: &str = "sec\"ret\\ \u{202e}'";

/// A member as RPI-ECU writes it.
fn member(name: &str, text: &str) -> (String, Vec<u8>) {
    (format!("ecu_data/{name}"), text.as_bytes().to_vec())
}

fn inverter(number: usize, text: &str) -> (String, Vec<u8>) {
    member(&format!("inverters/invProperties{number}"), text)
}

/// A backup with two inverters, the second of them not paired.
fn usual() -> Vec<(String, Vec<u8>)> {
    let mqtt = json!({
        "enabled": 1, "retain": 0, "address": "192.0.2.7", "port": 1884, "intopic": "domoticz/out",
        "outtopic": "domoticz/in", "auth": 1, "username": "solar", "password": PASSWORD, "format": 1
    });
    vec![
        member("swVersion.txt", "RPI-ECU-v3_7\n"),
        member("dbbackup/invData.tar.gz", "\u{1f}never read"),
        inverter(
            1,
            r#"{"idx":"14", "panels":[1, 0, 1, 1], "name":"Shed", "type":1, "serial":801000123458, "id":"unpaired"}"#,
        ),
        inverter(
            0,
            "{\n  \"serial\" : 408000123456,\n  \"id\" : \"0x7C3A\",\n  \"name\" : \"Garage\",\n  \"idx\" : \"12\",\n  \
             \"type\" : 0,\n  \"panels\" : [1, 1, 0, 0],\n  \"cal\" : 0\n}\n",
        ),
        member(
            "ecuProperties",
            r#"{"id":"D6B3011B9780","idinvers":"80971B01B3D6"}"#,
        ),
        member(
            "settings.json",
            r#"{"id":"D6B3011B9780","longitude":16.37,"latitude":48,"offset":-5,"price":0.3}"#,
        ),
        member("mqttConfig.json", &mqtt.to_string()),
    ]
}

fn tar_of(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive
            .append_data(&mut header, name, bytes.as_slice())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

fn of_tar(bytes: &[u8]) -> Result<Migrated, RpiEcuError> {
    let file = EcuFile::archive("backup.tar".to_owned(), bytes);
    migrate(&[file], &EcuOptions::default())
}

/// With this member in the place of the usual one, or beside the others.
fn with(name: &str, text: &str) -> Migrated {
    let (name, bytes) = member(name, text);
    let mut members = usual();
    members.retain(|(other, _)| *other != name);
    members.push((name, bytes));
    of_tar(&tar_of(&members)).unwrap()
}

fn of_texts(texts: &[&str], options: &EcuOptions) -> Result<Migrated, RpiEcuError> {
    let files: Vec<EcuFile> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| EcuFile::text(format!("inv{number}.json"), text.as_bytes()))
        .collect();
    migrate(&files, options)
}

fn answer(inv: i64, serial: &str, sid: &str) -> Value {
    json!({
        "inv": inv, "name": "Balcony", "polled": true, "type": 2, "serial": serial, "sid": sid, "freq": 50,
        "dcv": [33.2, "n/e", "n/e", "n/e"], "pow": [120, "n/e", "n/e", "n/e"]
    })
}

fn section(migrated: &Migrated) -> toml::Table {
    let table: toml::Table = migrated.toml.parse().unwrap();
    table["aps_zigbee"][0].as_table().unwrap().clone()
}

fn address(migrated: &Migrated, serial: &str) -> Option<String> {
    let section = section(migrated);
    let address = section.get("addresses")?.get(serial)?;
    Some(address.as_str().unwrap().to_owned())
}

fn said(migrated: &Migrated) -> String {
    migrated.remarks.join("\n")
}

#[test]
fn a_backup_goes_on_as_it_was() {
    let migrated = of_tar(&tar_of(&usual())).unwrap();
    let expected: toml::Table = "
        [mqtt]
        host = '192.0.2.7'
        port = 1884
        username = 'solar'
        password = \"sec\\\"ret\\\\ \\u202E'\"
        [[aps_zigbee]]
        port = '/dev/serial0'
        ecu_id = 'D6B3011B9780'
        inverters = ['408000123456', '801000123458']
        addresses = { 408000123456 = '0x7C3A' }
        names = { 408000123456 = 'Garage', 801000123458 = 'Shed' }
        latitude = 48.0
        longitude = 16.37
        sun_offset = -5
    "
    .parse()
    .unwrap();
    assert_eq!(migrated.toml.parse::<toml::Table>().unwrap(), expected);
    let idx = "# idx = { 408000123456 = \"12\", 801000123458 = \"14\" }\n";
    assert!(migrated.toml.contains(idx), "{}", migrated.toml.as_str());
    let said = said(&migrated);
    for words in [
        "Shed (801000123458) was not paired",
        "Inputs without a panel: B of Shed",
        "/dev/serial0 is written",
        "Domoticz",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(migrated.remarks.len(), 5, "{said}");
    assert!(!said.contains("ret") && !format!("{migrated:?}").contains("ret\\"));
}

#[test]
fn a_folder_is_the_same_as_its_archive() {
    let members = usual();
    let members = members.iter().filter_map(|(name, bytes)| {
        let name = name.strip_prefix("ecu_data/")?;
        Some((*MEMBERS.iter().find(|it| **it == name)?, bytes.clone()))
    });
    let folder = EcuFile::folder("ecu_data".to_owned(), members.collect());
    let of_folder = migrate(&[folder], &EcuOptions::default()).unwrap();
    let of_archive = of_tar(&tar_of(&usual())).unwrap();
    assert_eq!(*of_folder.toml, *of_archive.toml);
}

#[test]
fn only_the_members_themselves_are_read() {
    let mut archive = tar::Builder::new(tar_of(&usual()));
    archive.get_mut().truncate(0);
    for (name, kind) in [
        ("ecu_data/inverters/invProperties2", tar::EntryType::Symlink),
        ("ecu_data/inverters/invProperties3", tar::EntryType::Link),
        ("ecu_data/inverters/invProperties4", tar::EntryType::Fifo),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        archive
            .append_link(&mut header, name, "/etc/passwd")
            .unwrap();
    }
    let other = r#"{"id":"0x1234","serial":704000999999}"#;
    for name in [
        "inverters/invProperties5",
        "ecu_data/inverters/invProperties10",
        "ecu_data/x/inverters/invProperties6",
        "home/ecu_data/inverters/invProperties7",
        "ecu_data/inverters/invProperties8/x",
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(other.len() as u64);
        archive
            .append_data(&mut header, name, other.as_bytes())
            .unwrap();
    }
    let long = [b' '; 65 * 1024];
    let mut header = tar::Header::new_gnu();
    header.set_size(long.len() as u64);
    archive
        .append_data(
            &mut header,
            "ecu_data/inverters/invProperties9",
            long.as_slice(),
        )
        .unwrap();
    for (name, bytes) in usual() {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        archive
            .append_data(&mut header, format!("./{name}"), bytes.as_slice())
            .unwrap();
    }
    let bytes = archive.into_inner().unwrap();
    assert!(is_archive(&bytes) && !is_compressed(&bytes));
    let migrated = of_tar(&bytes).unwrap();
    assert_eq!(section(&migrated)["inverters"].as_array().unwrap().len(), 2);
    assert!(said(&migrated).contains("invProperties9 is too long"));
}

#[test]
fn an_archive_that_ends_too_early_gives_what_is_there() {
    let whole = tar_of(&usual());
    for length in (0..whole.len()).step_by(97) {
        match of_tar(&whole[..length]) {
            Ok(migrated) => assert!(
                !section(&migrated)["inverters"]
                    .as_array()
                    .unwrap()
                    .is_empty()
            ),
            Err(error) => assert!(matches!(error, RpiEcuError::NoInverter(_)), "{error}"),
        }
    }
    let in_settings = whole.windows(9).rposition(|it| it == b"longitude").unwrap();
    let migrated = of_tar(&whole[..in_settings]).unwrap();
    assert!(said(&migrated).contains("cannot be read to its end"));
}

#[test]
fn the_order_of_bytes_is_that_of_the_program() {
    let serial = "408000123456";
    for (id, becomes) in [
        ("0x7C3A", Some("0x7C3A")),
        ("0X7c3a", Some("0x7C3A")),
        ("3A7C", Some("0x7C3A")),
        ("0xFFF7", Some("0xFFF7")),
        ("0x0000", None),
        ("0xFFFF", None),
        ("F8FF", None),
        ("1111", None),
        ("1x1111", None),
        ("unpaired", None),
        ("", None),
        ("0x7C3", None),
        ("0x7C3AB", None),
        ("0xÄ3", None),
        // The network's own.
        ("0xD6B3", None),
        ("0xB3D6", None),
        ("D6B3", None),
    ] {
        let text = json!({ "id": id, "serial": 408_000_123_456_u64 }).to_string();
        let migrated = with("inverters/invProperties0", &text);
        assert_eq!(address(&migrated, serial).as_deref(), becomes, "{id}");
        let remark = migrated.remarks.iter().find(|it| it.contains(serial));
        let says = remark.is_some_and(|it| it.contains("air"));
        assert_eq!(says, becomes.is_none(), "{id}: {remark:?}");
    }
    for (sid, becomes) in [("3A7C", "0x7C3A"), ("0x7C3A", "0x7C3A")] {
        let text = answer(0, serial, sid).to_string();
        let migrated = of_texts(&[&text], &EcuOptions::default()).unwrap();
        assert_eq!(address(&migrated, serial).as_deref(), Some(becomes));
    }
}

#[test]
fn answers_of_a_page_are_put_together() {
    let first = answer(0, "704000123457", "3A7C").to_string();
    let mut second = answer(1, "704000123458", "D93A");
    second["name"] = "\u{1b}[31m Roof\nwest ".into();
    let second = second.to_string();
    let options = EcuOptions {
        ecu_id: Some("d8a3011b9780".to_owned()),
        latitude: Some(-33.5),
        longitude: Some(151.25),
    };
    let count = r#"{"ps":"05:01","pe":"21:02","cnt":2}"#;
    let texts = [&first, &second, "unknown inverter 2", count, " \n"];
    let migrated = of_texts(&texts, &options).unwrap();
    let expected: toml::Table = "
        port = '/dev/ttyUSB0'
        ecu_id = 'D8A3011B9780'
        inverters = ['704000123457', '704000123458']
        addresses = { 704000123457 = '0x7C3A', 704000123458 = '0x3AD9' }
        names = { 704000123457 = 'Balcony', 704000123458 = '[31m Roofwest' }
        latitude = -33.5
        longitude = 151.25
    "
    .parse()
    .unwrap();
    assert_eq!(section(&migrated), expected);
    assert!(migrated.toml.contains("\n# host ="));
    let said = said(&migrated);
    assert!(said.contains("B of Balcony (704000123457), B of"), "{said}");
    assert!(said.contains("No MQTT broker is written"), "{said}");
    assert_eq!(migrated.remarks.len(), 4, "{said}");
    // Several in one file, as `curl >> all.json` leaves them.
    let all = format!("{first}{second}");
    let same = of_texts(&[&all], &options).unwrap();
    assert_eq!(section(&same), expected);
    let broken = format!("{first},{second}");
    let error = of_texts(&[&broken], &options).unwrap_err();
    assert!(
        error.to_string().contains("in a file of its own"),
        "{error}"
    );
}

#[test]
fn an_answer_of_another_inverter_is_noticed() {
    let answer = |inv, serial, sid| answer(inv, serial, sid).to_string();
    let first = answer(1, "704000123457", "3A7C");
    let of = |second: &str, more: &str| {
        said(&of_texts(&[&first, second, more], &EcuOptions::default()).unwrap())
    };
    let said = of(&first, r#"{"cnt": 2}"#);
    assert!(
        said.contains("Two answers are of inverter number 1"),
        "{said}"
    );
    assert!(
        said.contains("has 2 inverters, and these files 1"),
        "{said}"
    );
    let said = of(&answer(0, "704000123457", "3A7D"), "");
    assert!(
        said.contains("number 1 and 0 have the same serial number"),
        "{said}"
    );
    assert!(
        said.contains("two addresses in these files, 0x7C3A and 0x7D3A"),
        "{said}"
    );
    let said = of(&answer(0, "704000123458", "3A7C"), "");
    assert!(said.contains("have the same id, 0x7C3A"), "{said}");
    assert!(said.contains("No file has the ECU id"), "{said}");
    let mut old = json!({ "inv": 0, "serial": "408000123456" });
    assert!(of(&old.to_string(), "").contains("Nothing is said about the id of 408000123456"));
    old["serial"] = "".into();
    assert!(of(&old.to_string(), "").contains("inv1.json has no serial number"));
    old = json!({ "inv": 0, "serial": "801000123456", "sid": "0x7C3B", "type": 0 });
    assert!(of(&old.to_string(), "").contains("set up as YC600"));
    assert!(of("{\"x\": 1}", "").contains("inv1.json is none of the files"));
    assert!(of("[1]", "").contains("inv1.json is none of the files"));
}

#[test]
fn the_integration_of_home_assistant_is_read_and_nobody_else() {
    let entry = |id: &str, serial: &str| {
        json!({
            "domain": "aps_zigbee",
            "data": {
                "port": "/dev/serial/by-id/usb-X", "ecu_id": id,
                "inverters": [{ "serial": serial, "inv_id": "7C3A", "name": "Roof" }, { "serial": 7 }]
            }
        })
    };
    let file = |entries: Value| json!({ "version": 1, "data": { "entries": entries } }).to_string();
    let other = json!({ "domain": "mqtt", "data": { "password": PASSWORD, "inverters": [{ "serial": "408000123459" }] } });
    let place =
        json!({ "key": "core.config", "data": { "latitude": 48.2, "longitude": 16 } }).to_string();
    let one = file(json!([other, entry("D8A3011B9780", "704000123457")]));
    let migrated = of_texts(&[&one, &place], &EcuOptions::default()).unwrap();
    let expected: toml::Table = "
        port = '/dev/serial/by-id/usb-X'
        ecu_id = 'D8A3011B9780'
        inverters = ['704000123457']
        addresses = { 704000123457 = '0x7C3A' }
        names = { 704000123457 = 'Roof' }
        latitude = 48.2
        longitude = 16.0
    "
    .parse()
    .unwrap();
    assert_eq!(section(&migrated), expected);
    assert!(said(&migrated).contains("without a serial number"));
    assert!(!migrated.toml.contains("ret") && !said(&migrated).contains("ret"));
    // Two sticks: one at a time.
    let two = file(json!([
        entry("D8A3011B9780", "704000123457"),
        entry("A1B2011B9780", "704000123458")
    ]));
    let error = of_texts(&[&two], &EcuOptions::default()).unwrap_err();
    assert!(matches!(error, RpiEcuError::TwoNetworks(..)), "{error}");
    let options = EcuOptions {
        ecu_id: Some("A1B2011B9780".to_owned()),
        ..EcuOptions::default()
    };
    let chosen = of_texts(&[&two], &options).unwrap();
    assert_eq!(section(&chosen)["inverters"].as_array().unwrap().len(), 1);
    assert!(address(&chosen, "704000123458").is_some());
    // What its tool saves.
    let saved =
        r#"[{"serial":"704000123457","inv_id":"7C3A","ecu_id":"D8A3011B9780","port":"COM3"}]"#;
    let migrated = of_texts(&[saved], &EcuOptions::default()).unwrap();
    assert_eq!(
        address(&migrated, "704000123457").as_deref(),
        Some("0x7C3A")
    );
    assert_eq!(section(&migrated)["port"].as_str(), Some("/dev/ttyUSB0"));
}

#[test]
fn what_is_not_quite_json_is_made_out() {
    let of = |text: &str| with("inverters/invProperties0", text);
    let serial = "408000123456";
    let migrated = of(
        r#"{"id":"0x7C3A","serial":408000123456,"type":0,"name":"Peter"s","idx": VT,"panels":[1, 0, 0, 0]}"#,
    );
    assert_eq!(address(&migrated, serial).as_deref(), Some("0x7C3A"));
    assert_eq!(
        section(&migrated)["names"][serial].as_str(),
        Some("Peter\"s")
    );
    assert!(migrated.toml.contains("408000123456 = \"VT\""));
    let words = said(&migrated);
    assert!(
        words.contains("invProperties0 is not quite JSON (line 1, column"),
        "{words}"
    );
    assert!(words.contains("B of Peter\"s"), "{words}");
    // Its end is missing, so what it would swallow is not taken for it.
    let migrated = of(r#"{"id":"0x7C3A","serial":408000123456,"name":"Peter,"idx":"12"}"#);
    assert_eq!(section(&migrated)["names"].get(serial), None);
    assert!(
        said(&migrated).contains("is left out: name."),
        "{}",
        said(&migrated)
    );
    assert!(migrated.toml.contains("408000123456 = \"12\""));
    let settings = |text: &str| with("settings.json", text);
    let migrated = settings(
        r#"{"id":"D6B3011B9780","longitude":16,37,"latitude":-48,2,"offset":,"price":0,3}"#,
    );
    let of_place = section(&migrated);
    assert_eq!(of_place["latitude"].as_float(), Some(-48.2));
    assert_eq!(of_place["longitude"].as_float(), Some(16.37));
    assert!(said(&migrated).contains("left out: offset."));
    for (text, words) in [
        (
            r#"{"id":"D6B3011B9780","latitude":91,"longitude":1}"#,
            "are no place",
        ),
        (r#"{"id":"D6B3011B9780","latitude":48.2}"#, "are no place"),
        (
            r#"{"id":"D6B3011B9780","latitude":0,"longitude":0}"#,
            "No file says where",
        ),
        (
            r#"{"id":"D6B3011B9780","offset":2.5}"#,
            "no number of minutes",
        ),
        (r#"{"id":"FFFF011B9780"}"#, "The ECU id in"),
        (
            r#"{"id":"999999999999"}"#,
            "has another ECU id, D6B3011B9780,",
        ),
        (r#"{"id":"999999999999"}"#, "before one is set"),
        ("<html>", "settings.json is none of the files"),
    ] {
        let said = said(&settings(text));
        assert!(said.contains(words), "{words}: {said}");
    }
    let reversed = with(
        "ecuProperties",
        r#"{"id":"D6B3011B9780","idinvers":"80971B01D6B3"}"#,
    );
    assert!(said(&reversed).contains("says both D6B3011B9780 and"));
    let calibrated = of(r#"{"id":"0x7C3A","serial":"408000 123456","cal":-3}"#);
    assert!(said(&calibrated).contains("is a factor for energies"));
    assert!(!section(&calibrated).contains_key("calibration"));
    assert!(said(&of("{\"id\":\"0x7C3A\"}")).contains("has no serial number of 12 digits"));
}

#[test]
fn a_broker_that_goes_with_the_old_computer_is_left_out() {
    let of = |change: &dyn Fn(&mut Value)| {
        let mut mqtt = json!({ "enabled": 1, "address": "broker.home", "port": 1883, "auth": 1, "username": "solar",
            "password": PASSWORD, "outtopic": "x" });
        change(&mut mqtt);
        let migrated = with("mqttConfig.json", &mqtt.to_string());
        assert!(!said(&migrated).contains("ret"), "{}", said(&migrated));
        let table: toml::Table = migrated.toml.parse().unwrap();
        (table["mqtt"].as_table().unwrap().clone(), said(&migrated))
    };
    for address in [
        "localhost",
        "127.0.0.1",
        " LocalHost ",
        "0.0.0.0",
        "::1",
        "mqtt://localhost:1883",
    ] {
        let (mqtt, said) = of(&|it| it["address"] = address.into());
        assert!(
            mqtt.is_empty() && said.contains("ran on the same computer"),
            "{address}: {said}"
        );
    }
    let (mqtt, said) = of(&|it| it["enabled"] = "0".into());
    assert!(mqtt.is_empty() && said.contains("switched off"), "{said}");
    for address in [
        format!("mqtt://a:{PASSWORD}@host"),
        "a b".to_owned(),
        "mqtt://".to_owned(),
    ] {
        let (mqtt, said) = of(&|it| it["address"] = address.clone().into());
        assert!(
            mqtt.is_empty() && said.contains("not the name of a computer"),
            "{said}"
        );
    }
    let (mqtt, _) = of(&|it| {
        it["address"] = "tcp://broker.home:1885".into();
        it["port"] = Value::Null;
    });
    assert_eq!(
        (mqtt["host"].as_str(), mqtt["port"].as_integer()),
        (Some("broker.home"), Some(1885))
    );
    let (mqtt, said) = of(&|it| {
        it["port"] = "0".into();
        it["auth"] = 0.into();
    });
    assert_eq!(mqtt.keys().collect::<Vec<_>>(), ["host"]);
    assert!(said.contains("does not exist"), "{said}");
    let (mqtt, said) = of(&|it| it["username"] = " ".into());
    assert!(
        !mqtt.contains_key("password") && said.contains("no user"),
        "{said}"
    );
    let (mqtt, _) = of(&|it| it["address"] = "2001:db8::7".into());
    assert_eq!(mqtt["host"].as_str(), Some("2001:db8::7"));
}

#[test]
fn what_cannot_work_says_what_to_do() {
    let inverter = r#"{"serial":"408000123456","sid":"3A7C"}"#;
    let of = |ecu_id: Option<&str>, latitude, longitude| {
        let ecu_id = ecu_id.map(str::to_owned);
        of_texts(
            &[inverter],
            &EcuOptions {
                ecu_id,
                latitude,
                longitude,
            },
        )
        .map(|it| said(&it))
    };
    assert!(of(None, None, None).is_ok());
    assert_eq!(of(Some("D8A3"), None, None), Err(RpiEcuError::EcuId));
    assert_eq!(of(None, Some(48.0), None), Err(RpiEcuError::NoPlace));
    assert_eq!(
        of(None, Some(f64::NAN), Some(1.0)),
        Err(RpiEcuError::NoPlace)
    );
    assert_eq!(of(None, Some(48.0), Some(181.0)), Err(RpiEcuError::NoPlace));
    for none in [&[][..], &["unknown inverter 0"], &["{}"], &["[]"], &["no"]] {
        let error = of_texts(none, &EcuOptions::default()).unwrap_err();
        assert!(matches!(error, RpiEcuError::NoInverter(_)), "{error}");
    }
    let settings = r#"{"id":"D6B3011B9780","latitude":48.2,"longitude":16.4}"#;
    let options = EcuOptions {
        ecu_id: Some("D8A3011B9780".to_owned()),
        latitude: Some(1.0),
        longitude: Some(2.0),
    };
    let migrated = of_texts(&[settings, inverter], &options).unwrap();
    assert_eq!(section(&migrated)["ecu_id"].as_str(), Some("D8A3011B9780"));
    assert_eq!(section(&migrated)["latitude"].as_float(), Some(1.0));
    assert!(said(&migrated).contains("as --ecu-id says"));
    assert!(of_texts(&[&"[".repeat(100_000)], &options).is_err());
}

proptest! {
    /// Whatever stands in names and passwords, it comes back, and no terminal obeys it.
    #[test]
    fn every_text_survives(password in "\\PC{1,40}|.{1,10}", name in "\\PC{0,20}|.{0,10}", idx: String) {
        let inverter = json!({ "id": "0x7C3A", "serial": 408_000_123_456_u64, "name": name, "idx": idx });
        let mqtt = json!({ "address": "broker.home", "outtopic": "x", "username": password, "password": password });
        let migrated = of_texts(&[&inverter.to_string(), &mqtt.to_string()], &EcuOptions::default()).unwrap();
        let table: toml::Table = migrated.toml.parse().unwrap();
        if !password.trim().is_empty() {
            prop_assert_eq!(table["mqtt"]["password"].as_str(), Some(password.as_str()));
        }
        let printed = crate::terminal::visible(&migrated.toml);
        prop_assert_eq!(printed.as_ref(), migrated.toml.as_str());
        let written = table["aps_zigbee"][0].get("names");
        let written = written.and_then(|names| names["408000123456"].as_str());
        prop_assert!(written.is_none_or(|it| !it.contains(char::is_control)));
        if name.chars().all(|c| c.is_ascii_alphanumeric()) && !name.is_empty() {
            prop_assert_eq!(written, Some(name.as_str()));
        }
    }

    /// A name as it was typed, pasted between quotes as RPI-ECU does: it costs nobody the inverter.
    #[test]
    fn no_name_costs_an_inverter(name in "[ -~äß]{0,12}|[\"'{}:, a]{0,12}") {
        let text = format!(
            "{{\"id\":\"0x7C3A\",\"serial\":408000123456,\"name\":\"{name}\",\"idx\":\"12\",\"panels\":[1, 1, 0, 0]}}"
        );
        let migrated = with("inverters/invProperties0", &text);
        let address = address(&migrated, "408000123456");
        prop_assert_eq!(address.as_deref(), Some("0x7C3A"));
        let is_plain = !name.contains(['"', '\\']) && !name.trim().is_empty();
        if is_plain {
            let names = section(&migrated)["names"].clone();
            prop_assert_eq!(names["408000123456"].as_str(), Some(name.trim()));
        }
    }

    /// An object with a hole or something strange in it makes no panic, and what comes out can be read.
    #[test]
    fn damaged_objects_are_tolerated(at in 0_usize..100, length in 0_usize..20, strange in "[\"'{}:,\\[\\]a0\\\\\n]{0,3}") {
        let whole = r#"{"id":"0x7C3A","serial":408000123456,"type":0,"name":"Garage","idx":"12","panels":[1, 1, 0, 0],"cal":1}"#;
        let end = (at + length).min(whole.len());
        let text = format!("{}{strange}{}", &whole[..at], &whole[end..]);
        let migrated = with("inverters/invProperties0", &text);
        prop_assert!(migrated.toml.parse::<toml::Table>().is_ok());
        if let Ok(migrated) = of_texts(&[&text], &EcuOptions::default()) {
            prop_assert!(migrated.toml.parse::<toml::Table>().is_ok());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, at: usize, text: String) {
        let _ = of_tar(&bytes);
        let mut archive = tar_of(&usual());
        let at = at % archive.len();
        for (place, byte) in archive.iter_mut().skip(at).zip(&bytes) {
            *place = *byte;
        }
        let _ = of_tar(&archive);
        let _ = of_texts(&[&text], &EcuOptions::default());
        let _ = migrate(&[EcuFile::text("x".to_owned(), &bytes)], &EcuOptions::default());
    }
}
