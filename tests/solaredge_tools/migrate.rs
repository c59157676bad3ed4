//! `wattbridge migrate se-logger`. The key is invented.

use std::fs;

use crate::{Done, command};

#[test]
fn what_comes_out_is_a_configuration_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let key: String = (0..16).map(|byte| format!("\\x{byte:02x}")).collect();
    let config =
        format!("inverter_private_key = b'{key}'\ndb_user = \"dbuser\"\ndb_host = \"localhost\"\n");
    fs::write(at("config.py"), config).unwrap();
    fs::write(at("service.sh"), "INTERFACE=br0\nFILTER=tcp\n").unwrap();
    let mut migrate = command(&["migrate", "se-logger"]);
    migrate
        .arg(at("config.py"))
        .arg("--service")
        .arg(at("service.sh"));
    let done = Done::of(migrate.output().unwrap());
    assert_eq!(done.code, 0, "{}", done.said);
    let hex = "000102030405060708090A0B0C0D0E0F";
    assert!(
        !done.said.contains(hex) && done.said.contains("PVOutput"),
        "{}",
        done.said
    );
    assert!(
        done.out.contains(&format!("key = \"{hex}\"")),
        "{}",
        done.out
    );
    assert!(done.out.contains("interface = \"br0\""), "{}", done.out);
    fs::write(at("wattbridge.toml"), &done.out).unwrap();
    let check = command(&["check", "--config"])
        .arg(at("wattbridge.toml"))
        .output()
        .unwrap();
    let check = Done::of(check);
    assert_eq!(check.code, 0, "{}", check.all());
    assert!(!check.all().contains(hex), "{}", check.all());
    // A file of somebody else.
    fs::write(at("config.py"), "{}").unwrap();
    let done = Done::of(
        command(&["migrate", "se-logger"])
            .arg(at("config.py"))
            .output()
            .unwrap(),
    );
    assert_eq!((done.code, done.out.as_str()), (2, ""), "{}", done.said);
    assert!(
        done.said.contains("config.py that se-logger uses"),
        "{}",
        done.said
    );
    let done = Done::of(
        command(&["migrate", "se-logger", "/nowhere/config.py"])
            .output()
            .unwrap(),
    );
    assert!(
        done.code == 2 && done.said.contains("name the file"),
        "{}",
        done.said
    );
}
