//! The Home Assistant apps (add-ons) of the folder `addon`, and the address under which everything is published.
//!
//! A mistake there shows only in the store of somebody's Home Assistant, so that all of it is held here: the rules of
//! the Supervisor and of the add-on linter, what must be the same in both apps, and what is said elsewhere too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests too"
)]

mod address;
mod apparmor;
mod options;
mod rules;
mod shown;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Folders of the two apps.
const APPS: [&str; 2] = ["addon/wattbridge", "addon/wattbridge-sniffer"];

/// What the sniffer may and the other does not.
const OF_THE_SNIFFER: [&str; 2] = ["host_network", "privileged"];

fn path(name: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn config(app: &str) -> Value {
    yaml(&format!("{app}/config.yaml"))
}

/// Cargo.toml: what all else is held to.
fn manifest() -> toml::Table {
    text("Cargo.toml").parse().unwrap()
}

/// Every file that is kept, and every new one that is not ignored.
fn files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(path("."))
        .output()
        .expect("git, for the list of files");
    assert!(listed.status.success(), "git cannot list the files");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let files: Vec<String> = listed.lines().map(str::to_owned).collect();
    let there = |name: &String| path(name).exists();
    files.into_iter().filter(there).collect()
}

#[test]
fn the_supervisor_finds_these_two_apps_and_nothing_else() {
    // It looks for every config.yaml, .yml and .json of the whole repository, except in hidden folders.
    let hidden = |name: &str| name.split('/').any(|part| part.starts_with('.'));
    let mut found: Vec<String> = files()
        .into_iter()
        .filter(|name| !hidden(name))
        .filter(|name| {
            let name = name.rsplit('/').next().unwrap();
            ["config.yaml", "config.yml", "config.json"].contains(&name)
        })
        .collect();
    found.sort();
    let mut apps = APPS.map(|app| format!("{app}/config.yaml"));
    apps.sort();
    assert_eq!(found, apps);
    let others = ["repository.yml", "repository.json"];
    assert!(others.iter().all(|name| !path(name).exists()));
}

#[test]
fn an_app_has_what_the_store_shows_and_nothing_that_is_no_longer_used() {
    for app in APPS {
        for name in [
            "CHANGELOG.md",
            "DOCS.md",
            "README.md",
            "apparmor.txt",
            "icon.png",
            "logo.png",
        ] {
            assert!(path(app).join(name).is_file(), "{app} has no {name}");
        }
        for retired in ["build.yaml", "build.json", "Dockerfile", "rootfs", "run.sh"] {
            assert!(!path(app).join(retired).exists(), "{app}/{retired}");
        }
    }
}

#[test]
fn the_apps_differ_only_in_their_names_and_in_what_the_sniffer_may() {
    let [one, sniffer] = APPS.map(config);
    let (one, mut sniffer) = (
        one.as_object().unwrap(),
        sniffer.as_object().unwrap().clone(),
    );
    for name in OF_THE_SNIFFER {
        assert!(
            sniffer.shift_remove(name).is_some(),
            "the sniffer lacks {name}"
        );
    }
    let keys = |config: &serde_json::Map<String, Value>| config.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(one), keys(&sniffer));
    let differ: Vec<_> = one
        .keys()
        .filter(|key| one[*key] != sniffer[*key])
        .collect();
    assert_eq!(differ, ["name", "slug", "description"]);
}
