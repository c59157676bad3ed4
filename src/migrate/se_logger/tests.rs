use super::*;

const HEX: &str = "000102030405060708090A0B0C0D0E0F";

fn migrated(config: &str, service: Option<&str>) -> Result<Migrated, SeLoggerError> {
    let files = SeLoggerFiles {
        config,
        service,
        ..SeLoggerFiles::default()
    };
    migrate(&files).map(|(migrated, _)| migrated)
}

fn config(key: &str) -> String {
    format!(
        "#!/usr/bin/env python3\n# SETTINGS\n{key}\ndb_user = \"dbuser\"\ndb_pass = \"dbpassword\"\n\
         db_name = \"solaredge\"\ndb_host = \"localhost\"\ndb_port = 3306\n"
    )
}

fn solaredge(migrated: &Migrated) -> toml::Table {
    let table: toml::Table = migrated.toml.parse().unwrap();
    table["solaredge"][0].as_table().unwrap().clone()
}

fn key(written: &str) -> Result<Option<String>, SeLoggerError> {
    let migrated = migrated(&config(written), None)?;
    assert!(!migrated.remarks.join(" ").contains(HEX));
    assert!(!format!("{migrated:?}").contains(HEX));
    let section = solaredge(&migrated);
    let key = section.get("key");
    Ok(key.map(|key| key.as_str().unwrap().to_owned()))
}

#[test]
fn the_key_is_read_however_it_is_written() {
    for written in [
        r"inverter_private_key = b'\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f'",
        r#"inverter_private_key=b"\x00\x01\x02\x03\x04\x05\x06\a\b\t\n\v\f\r\x0e\x0f"  # of the roof"#,
        r"inverter_private_key = '\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\17'",
        "inverter_private_key = '000102030405060708090a0b0c0d0e0f'",
        "inverter_private_key = bytes.fromhex('00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f')",
        "inv_key = \"00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f\"",
        "inverter_private_key: bytes = (b'\\x00\\x01\\x02\\x03\\x04\\x05\\x06\\x07'  # first\n    b'\\x08\\x09\\x0a\\x0b\\x0c\\x0d\\x0e\\x0f')",
        "inverter_private_key = b'\\x00\\x01\\x02\\x03\\x04\\x05\\x06\\x07' \\\n  b'\\x08\\x09\\x0a\\x0b\\x0c\\x0d\\x0e\\x0f'",
        // The last one holds, and what is a comment is none.
        "inverter_private_key = b'old'\ninverter_private_key = '000102030405060708090A0B0C0D0E0F'\n# inverter_private_key = b'no'",
    ] {
        assert_eq!(key(written), Ok(Some(HEX.to_owned())), "{written}");
    }
    let printable = key("inverter_private_key = b'abcdefgh#\"klm\\'\\\\p'").unwrap();
    assert_eq!(
        printable.as_deref(),
        Some("61626364656667682322".to_owned() + "6B6C6D275C70").as_deref()
    );
}

#[test]
fn the_zeros_of_the_sample_are_no_key() {
    let sample = format!("inverter_private_key = b'{}'", r"\x00".repeat(16));
    assert_eq!(key(&sample), Ok(None));
    assert_eq!(key("inverter_private_key = b''"), Ok(None));
    assert_eq!(key(""), Ok(None));
    let migrated = migrated(&config(&sample), None).unwrap();
    assert!(migrated.remarks.iter().any(|it| it.contains("no key")));
}

#[test]
fn what_is_no_key_is_said_and_not_repeated() {
    assert_eq!(
        key(r"inverter_private_key = b'\x01\x02'"),
        Err(SeLoggerError::KeyLength(2))
    );
    for written in [
        "os.environ['KEY']",
        "open('key').read",
        "b'\\x0",
        "b'ä'",
        "[1, 2]",
        "7",
        "",
    ] {
        let error = key(&format!("inverter_private_key = {written}")).unwrap_err();
        assert!(
            matches!(error, SeLoggerError::KeyForm | SeLoggerError::KeyLength(_)),
            "{written}: {error}"
        );
    }
    assert_eq!(migrated("{}", None).unwrap_err(), SeLoggerError::NoSettings);
    assert_eq!(
        migrated("my_db_host = 1", None).unwrap_err(),
        SeLoggerError::NoSettings
    );
}

#[test]
fn interface_and_host_come_from_the_script() {
    let with = |script: &str| {
        let migrated = migrated(&config(""), Some(script)).unwrap();
        let section = solaredge(&migrated);
        let of = |key: &str| section.get(key).map(|it| it.as_str().unwrap().to_owned());
        (of("interface").unwrap(), of("host"), migrated.remarks)
    };
    let (interface, host, remarks) =
        with("#!/bin/bash\n# SETTINGS\nINTERFACE=br0 # mirror\nFILTER=tcp\n");
    assert_eq!((interface.as_str(), host), ("br0", None));
    assert!(
        !remarks
            .iter()
            .any(|it| it.contains("filter") || it.contains("--service"))
    );
    let (_, host, _) = with("INTERFACE='eth1'\nFILTER=\"tcp and host 192.0.2.50\"\n");
    assert_eq!(host.as_deref(), Some("192.0.2.50"));
    let (_, host, _) = with("export INTERFACE=eth1\nFILTER='(ether host 00:27:02:01:02:03)'");
    assert_eq!(host.as_deref(), Some("00:27:02:01:02:03"));
    let (_, host, remarks) = with("FILTER='host 192.0.2.1 or host 192.0.2.2'");
    assert_eq!(host, None);
    assert!(remarks.iter().any(|it| it.contains("several hosts")));
    let (_, _, remarks) = with("FILTER='tcp and not port 22'");
    assert!(remarks.iter().any(|it| it.contains("not taken over")));
    let (interface, _, remarks) = with("INTERFACE=$1\n");
    assert_eq!(interface, "eth0");
    assert!(remarks.iter().any(|it| it.contains("--service")));
}

const UPLOADER: &str = "<?php\n// define('PVO_API_KEY', 'old');\ndefine(\"DB_HOST\", \"localhost\");\n\
    define('PVO_API_KEY', 'a2\\'b');\n  define( \"PVO_SYSTEM_ID\", \"12345\" );\n?>\n";

#[test]
fn the_database_and_pvoutput_go_on_with_their_secrets_in_files() {
    let config = "inverter_private_key = b''\ndb_user = 'se'\ndb_pass = 'a#\"\\\\b'\ndb_name = \"solar\"\ndb_host = 'nas'\ndb_port = 3307  # not the usual\n";
    let files = SeLoggerFiles {
        config,
        uploader: Some(UPLOADER),
        secrets: Some("/etc/secret/"),
        ..SeLoggerFiles::default()
    };
    let (migrated, secrets) = migrate(&files).unwrap();
    let table: toml::Table = migrated.toml.parse().unwrap();
    let command = [
        "mariadb",
        "--defaults-extra-file=/etc/secret/my.cnf",
        "solar",
    ];
    let words: Vec<_> = command.into_iter().map(toml::Value::from).collect();
    assert_eq!(table["mysql"]["command"].as_array(), Some(&words));
    assert_eq!(table["mysql"]["name"].as_str(), Some("solar"));
    assert_eq!(table["pvoutput"]["system_id"].as_str(), Some("12345"));
    assert_eq!(
        table["pvoutput"]["key"]["file"].as_str(),
        Some("/etc/secret/pvoutput")
    );
    let [options, key] = secrets.as_slice() else {
        panic!("{secrets:?}");
    };
    let wanted =
        "[client]\nuser = \"se\"\npassword = \"a#\\\"\\\\b\"\nhost = \"nas\"\nport = 3307\n";
    assert_eq!((options.name, options.text.as_str()), ("my.cnf", wanted));
    assert_eq!((key.name, key.text.as_str()), ("pvoutput", "a2'b"));
    for secret in ["a#", "a2'b"] {
        assert!(!migrated.toml.contains(secret) && !migrated.remarks.join(" ").contains(secret));
        assert!(!format!("{secrets:?}").contains(secret));
    }
    // Nobody says where: the key is in the configuration, the password nowhere.
    let files = SeLoggerFiles {
        secrets: None,
        ..files
    };
    let (migrated, _) = migrate(&files).unwrap();
    let table: toml::Table = migrated.toml.parse().unwrap();
    assert_eq!(table["pvoutput"]["key"].as_str(), Some("a2'b"));
    assert!(!migrated.toml.contains("a#"));
    assert!(migrated.remarks.iter().any(|it| it.contains("--secrets")));
    // What the sample has is nobody's.
    let migrated = super::tests::migrated(&super::tests::config(""), None).unwrap();
    assert!(!migrated.toml.contains("[mysql]") && !migrated.toml.contains("[pvoutput]"));
    assert!(migrated.remarks.iter().any(|it| it.contains("--uploader")));
}
