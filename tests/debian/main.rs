//! What is in the Debian package besides the program. How it is installed, used, upgraded and purged
//! is tested by `tests/debian/run`, in a container.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests too"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most that `systemd-analyze security` may say, in tenths; from 0, safe, to 10.0.
const MOST: u32 = 20;

fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(name)
}

/// The unit with drop-ins beside it, as an administrator copies them; what systemd thinks of it, in
/// tenths. Nothing if there is no systemd to ask.
fn exposure(drop_ins: &[&str]) -> Option<u32> {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("wattbridge.service");
    fs::copy(packaging("systemd/wattbridge.service"), &unit).unwrap();
    let beside = folder.path().join("wattbridge.service.d");
    fs::create_dir(&beside).unwrap();
    for name in drop_ins {
        fs::copy(packaging(&format!("systemd/{name}")), beside.join(name)).unwrap();
    }
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(&unit)
        .env("LC_ALL", "C")
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let level = said
        .lines()
        .find_map(|line| line.split_once("exposure level for wattbridge.service: "))
        .and_then(|(_, level)| level.split_whitespace().next());
    // Versions before 250 cannot look at a file.
    let Some(level) = level else {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("offline"), "{said}{error}");
        return None;
    };
    let tenths = level.replace('.', "").parse().unwrap();
    eprintln!("{drop_ins:?}: {level}");
    Some(tenths)
}

#[test]
fn the_unit_gives_away_little() {
    let Some(alone) = exposure(&[]) else {
        eprintln!("Passed over: there is no systemd-analyze that looks at files.");
        return;
    };
    assert!(alone <= MOST, "{alone} tenths");
    // It shows that drop-ins are looked at: this one costs the right to read packets.
    let sniffer = exposure(&["sniffer.conf"]).unwrap();
    assert!((alone + 1..=MOST).contains(&sniffer), "{sniffer} tenths");
    let gpio = exposure(&["gpio.conf"]).unwrap();
    assert!(gpio <= MOST, "{gpio} tenths");
}

/// What the rest of the house relies on.
#[test]
fn the_unit_says_what_the_program_needs() {
    let unit = fs::read_to_string(packaging("systemd/wattbridge.service")).unwrap();
    for line in [
        "Type=notify",
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "StartLimitIntervalSec=0",
        "StateDirectory=wattbridge",
        "ReadWritePaths=/etc/wattbridge",
        "User=wattbridge",
        "ExecStart=/usr/bin/wattbridge run --await-config --config /etc/wattbridge/wattbridge.toml",
    ] {
        assert!(unit.lines().any(|said| said == line), "{line}");
    }
    // The device classes of cables are unknown until their drivers are loaded.
    for (kind, driver) in [("ttyUSB", "usbserial"), ("ttyACM", "cdc_acm")] {
        assert!(unit.contains(&format!("DeviceAllow=char-{kind} rw")));
        let loads = |line: &str| line.contains(&format!("modprobe@{driver}.service"));
        assert_eq!(
            unit.lines().filter(|line| loads(line)).count(),
            2,
            "{driver}"
        );
    }
}

/// A file that is written and not in the package helps nobody.
#[test]
fn the_package_names_what_there_is() {
    let manifest = fs::read_to_string(packaging("../Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let deb = manifest["package"]["metadata"]["deb"].as_table().unwrap();
    let assets = deb["assets"].as_array().unwrap();
    let sources: Vec<&str> = assets.iter().map(|row| row[0].as_str().unwrap()).collect();
    for source in sources
        .iter()
        .filter(|source| !source.starts_with("target/"))
    {
        let path = packaging("..").join(source);
        assert!(path.is_file(), "{source} is not there");
    }
    for folder in ["systemd", "systemd/sysusers.d", "udev"] {
        for file in fs::read_dir(packaging(folder)).unwrap() {
            let file = file.unwrap();
            let name = format!("packaging/{folder}/{}", file.file_name().display());
            let is_unit = name.ends_with(".service");
            let is_named = is_unit || sources.contains(&name.as_str());
            assert!(is_named || file.path().is_dir(), "{name} is not packed");
        }
    }
}
