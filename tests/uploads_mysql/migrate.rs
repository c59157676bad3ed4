//! `wattbridge migrate se-logger`: what comes out works, and its secrets are in files. All is invented.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use super::server::{PASSWORD, Server};

fn wattbridge(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattbridge"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_comes_out_is_a_configuration_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let config = format!(
        "inverter_private_key = b'{}'\ndb_user = \"wb\"\ndb_pass = '{PASSWORD}'\ndb_name = \"solaredge\"\ndb_host = \"localhost\"\ndb_port = 3306\n",
        "\\x01".repeat(16)
    );
    fs::write(at("config.py"), config).unwrap();
    let uploader =
        "<?php\ndefine(\"PVO_API_KEY\", \"a2726abc\");\ndefine(\"PVO_SYSTEM_ID\", \"12345\");\n";
    fs::write(at("pvo-upload.php"), uploader).unwrap();
    let secrets = folder.path().display().to_string();
    let arguments = [
        "migrate",
        "se-logger",
        &at("config.py"),
        "--uploader",
        &at("pvo-upload.php"),
        "--secrets",
        &secrets,
    ];
    let done = wattbridge(&arguments);
    let (out, said) = (text(&done.stdout), text(&done.stderr));
    assert!(done.status.success(), "{said}");
    for secret in [PASSWORD, "a2726abc"] {
        assert!(!out.contains(secret) && !said.contains(secret));
    }
    for name in ["my.cnf", "pvoutput"] {
        let mode = fs::metadata(at(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(said.contains("crontab"), "{said}");
    fs::write(at("wattbridge.toml"), &out).unwrap();
    let check = wattbridge(&["check", "--config", &at("wattbridge.toml")]);
    let said = text(&check.stdout) + &text(&check.stderr);
    assert!(check.status.success(), "{said}\n{out}");
    let again = wattbridge(&arguments);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("--secrets"));
    // The option file lets us in.
    let Some(server) = Server::start() else {
        return;
    };
    let tried = Command::new("mariadb")
        .arg(format!("--defaults-extra-file={}", at("my.cnf")))
        .arg(format!("--socket={}", server.at("s").display()))
        .args(["solaredge", "-e", "SELECT 1"])
        .output()
        .unwrap();
    assert!(tried.status.success(), "{}", text(&tried.stderr));
}
