//! What may stand in an app's `config.yaml`: the keys of the Supervisor (`supervisor/apps/validate.py` of August 2026)
//! as the add-on linter of April 2026 takes them, which knows fewer and refuses what states its default.

use serde_json::{Value, json};

use super::options::{complaints_about_options, fits_an_element};
use super::{APPS, config};

/// What a key may hold.
enum Kind {
    Text,
    /// Yes or no; what it is without being written.
    Flag(bool),
    /// One of these, the first by default.
    OneOf(&'static [&'static str]),
    /// One of these, without a default.
    AnyOf(&'static [&'static str]),
    /// A whole number in these bounds; what it is without being written.
    Whole(i64, i64, i64),
    Texts,
    /// Each of these.
    Each(&'static [&'static str]),
    Table,
    Folders,
    Elements,
    /// Refused or without effect: what to do instead.
    Retired(&'static str),
}

use Kind::{AnyOf, Each, Elements, Flag, Folders, OneOf, Retired, Table, Text, Texts, Whole};

/// Those without which there is no app.
const REQUIRED: &[&str] = &["name", "version", "slug", "description", "arch"];

const RULES: &[(&str, Kind)] = &[
    ("advanced", Retired("is ignored since 2026.03")),
    ("apparmor", Flag(true)),
    ("arch", Each(&["aarch64", "amd64"])),
    ("audio", Flag(false)),
    ("auth_api", Flag(false)),
    ("auto_uart", Retired("is called uart now")),
    ("backup", OneOf(&["hot", "cold"])),
    ("backup_exclude", Texts),
    ("backup_post", Text),
    ("backup_pre", Text),
    ("boot", OneOf(&["auto", "manual", "manual_only"])),
    ("breaking_versions", Texts),
    ("codenotary", Retired("is ignored")),
    ("description", Text),
    ("devices", Texts),
    ("devicetree", Flag(false)),
    ("discovery", Texts),
    ("docker_api", Flag(false)),
    ("environment", Table),
    ("full_access", Flag(false)),
    ("gpio", Flag(false)),
    ("hassio_api", Flag(false)),
    (
        "hassio_role",
        OneOf(&["default", "admin", "backup", "homeassistant", "manager"]),
    ),
    ("homeassistant", Text),
    ("homeassistant_api", Flag(false)),
    ("host_dbus", Flag(false)),
    ("host_ipc", Flag(false)),
    ("host_network", Flag(false)),
    ("host_pid", Flag(false)),
    ("host_uts", Flag(false)),
    ("image", Text),
    ("ingress", Flag(false)),
    ("ingress_entry", Text),
    ("ingress_port", Whole(0, 65_535, 8099)),
    ("ingress_stream", Flag(false)),
    ("init", Flag(true)),
    ("journald", Flag(false)),
    ("kernel_modules", Flag(false)),
    ("legacy", Flag(false)),
    ("machine", Texts),
    ("map", Folders),
    ("name", Text),
    ("options", Table),
    ("panel_admin", Flag(true)),
    ("panel_icon", Text),
    ("panel_title", Text),
    ("ports", Table),
    ("ports_description", Table),
    (
        "privileged",
        Each(&[
            "BPF",
            "DAC_READ_SEARCH",
            "IPC_LOCK",
            "NET_ADMIN",
            "NET_RAW",
            "PERFMON",
            "SYS_ADMIN",
            "SYS_MODULE",
            "SYS_NICE",
            "SYS_PTRACE",
            "SYS_RAWIO",
            "SYS_RESOURCE",
            "SYS_TIME",
        ]),
    ),
    ("realtime", Flag(false)),
    ("schema", Elements),
    (
        "services",
        Each(&[
            "mqtt:want",
            "mqtt:need",
            "mqtt:provide",
            "mysql:want",
            "mysql:need",
            "mysql:provide",
        ]),
    ),
    ("slug", Text),
    ("stage", OneOf(&["stable", "experimental", "deprecated"])),
    (
        "startup",
        OneOf(&["application", "initialize", "system", "services", "once"]),
    ),
    ("stdin", Flag(false)),
    ("timeout", Whole(10, 300, 10)),
    ("tmpfs", Flag(false)),
    ("uart", Flag(false)),
    ("udev", Flag(false)),
    ("ulimits", Table),
    ("url", Text),
    ("usb", Flag(false)),
    ("version", Text),
    ("video", Flag(false)),
    (
        "watchdog",
        Retired("is done by the HEALTHCHECK of the image"),
    ),
    ("webui", Text),
];

/// Types of folders that every Supervisor and the linter know; `app_config` is the new name of `addon_config`, and too new.
const FOLDERS: &[&str] = &[
    "addon_config",
    "addons",
    "all_addon_configs",
    "backup",
    "data",
    "homeassistant_config",
    "media",
    "share",
    "ssl",
];

impl Kind {
    /// What is wrong with this value.
    fn complaint(&self, value: &Value) -> Option<String> {
        let one_of = |choices: &[&str], value: &Value| {
            let good = value.as_str().is_some_and(|text| choices.contains(&text));
            (!good).then(|| format!("{value} is none of {choices:?}"))
        };
        let is_default = "states its default; leave it out";
        match self {
            Text => value
                .as_str()
                .is_none_or(str::is_empty)
                .then(|| format!("{value} is no text; are the quotation marks missing?")),
            Flag(default) => match value.as_bool() {
                None => Some(format!("{value} is neither true nor false")),
                Some(flag) => (flag == *default).then(|| is_default.to_owned()),
            },
            OneOf(choices) => one_of(choices, value)
                .or_else(|| (value == choices[0]).then(|| is_default.to_owned())),
            AnyOf(choices) => one_of(choices, value),
            Whole(least, most, default) => match value.as_i64() {
                Some(number) if number == *default => Some(is_default.to_owned()),
                Some(number) if (*least..=*most).contains(&number) => None,
                _ => Some(format!("{value} is no number from {least} to {most}")),
            },
            Texts => each(value, |text| Text.complaint(text)),
            Each(choices) => each(value, |text| one_of(choices, text)),
            Table => match value.as_object() {
                None => Some(format!("{value} is no table")),
                Some(table) => table.is_empty().then(|| is_default.to_owned()),
            },
            Folders => each(value, folder),
            Elements => value
                .as_object()
                .and_then(|schema| schema.values().find(|element| !fits_an_element(element)))
                .map(|element| format!("{element} is no type of an option")),
            Retired(instead) => Some((*instead).to_owned()),
        }
    }
}

fn each(value: &Value, complaint: impl Fn(&Value) -> Option<String>) -> Option<String> {
    match value.as_array().map(Vec::as_slice) {
        None | Some([]) => Some(format!("{value} is no list of something")),
        Some(items) => items.iter().find_map(complaint),
    }
}

fn folder(entry: &Value) -> Option<String> {
    let Some(table) = entry.as_object() else {
        return Some(format!("{entry}: write it as type and read_only"));
    };
    table.iter().find_map(|(key, value)| match key.as_str() {
        "type" => AnyOf(FOLDERS).complaint(value),
        // Its default is not in the linter's schema.
        "read_only" => (!value.is_boolean()).then(|| format!("{value} is neither true nor false")),
        "path" => Text.complaint(value),
        other => Some(format!("a folder has no {other}")),
    })
}

/// All that the linter and the Supervisor would complain of.
pub fn complaints(config: &Value) -> Vec<String> {
    let Some(table) = config.as_object() else {
        return vec!["it is no table".to_owned()];
    };
    let mut found = Vec::new();
    for (key, value) in table {
        match RULES.iter().find(|(name, _)| name == key) {
            None => found.push(format!("{key}: there is no such key")),
            Some((_, kind)) => {
                found.extend(kind.complaint(value).map(|words| format!("{key}: {words}")));
            }
        }
    }
    let missing = REQUIRED.iter().filter(|key| !table.contains_key(**key));
    found.extend(missing.map(|key| format!("{key}: it is missing")));
    let is_on = |key: &str| config[key] == true;
    let has = |key: &str| table.contains_key(key);
    if is_on("ingress") {
        if has("webui") {
            found.push("webui: not beside ingress".to_owned());
        }
        if config["ingress_port"] == 0 && !is_on("host_network") {
            found.push("ingress_port: 0 is for the host network only".to_owned());
        }
    }
    if is_on("full_access")
        && ["devices", "gpio", "uart", "usb"]
            .iter()
            .any(|key| has(key))
    {
        found.push("full_access: it has all devices already".to_owned());
    }
    if is_on("host_network") && has("ports") {
        found.push("ports: they mean nothing on the host network".to_owned());
    }
    found.extend(complaints_about_options(
        &config["schema"],
        &config["options"],
    ));
    found
}

/// The security rating that Home Assistant shows, of 8 (`rating_security` of the Supervisor).
fn rating(config: &Value, own_profile: bool) -> i32 {
    let is_on = |key: &str| config[key] == true;
    let privileges = config["privileged"].as_array().map_or(0, Vec::len);
    let mut rating = 5;
    rating += match (config["apparmor"] == false, own_profile) {
        (true, _) => -1,
        (false, own) => i32::from(own),
    };
    rating += if is_on("ingress") {
        2
    } else {
        i32::from(is_on("auth_api"))
    };
    rating -= i32::from(privileges > 0 || is_on("kernel_modules"));
    rating -= match config["hassio_role"].as_str() {
        Some("manager") => 1,
        Some("admin") => 2,
        _ => 0,
    };
    rating -= i32::from(is_on("host_network")) + 2 * i32::from(is_on("host_pid"));
    if is_on("docker_api") || is_on("full_access") {
        rating = 1;
    }
    rating.clamp(1, 8)
}

#[test]
fn the_apps_keep_the_rules() {
    for app in APPS {
        assert_eq!(complaints(&config(app)), [""; 0], "{app}");
    }
}

#[test]
fn whatever_breaks_a_rule_is_complained_of() {
    let broken = [
        ("version", json!(0.1), "version: 0.1 is no text"),
        ("bogus", json!(1), "bogus: there is no such key"),
        ("init", json!(true), "init: states its default"),
        ("usb", json!("yes"), "usb: \"yes\" is neither"),
        (
            "startup",
            json!("application"),
            "startup: states its default",
        ),
        ("startup", json!("before"), "startup: \"before\" is none of"),
        ("arch", json!(["armv7"]), "arch: \"armv7\" is none of"),
        ("arch", json!([]), "arch: [] is no list of something"),
        ("timeout", json!(10), "timeout: states its default"),
        ("timeout", json!(301), "timeout: 301 is no number"),
        (
            "map",
            json!([{"type": "app_config"}]),
            "map: \"app_config\" is none",
        ),
        ("map", json!(["share:rw"]), "map: \"share:rw\": write it as"),
        (
            "map",
            json!([{"type": "share", "mode": 1}]),
            "map: a folder has no mode",
        ),
        ("services", json!(["mqtt"]), "services: \"mqtt\" is none of"),
        (
            "privileged",
            json!(["NET_BIND"]),
            "privileged: \"NET_BIND\" is none",
        ),
        ("watchdog", json!("tcp://[HOST]:1"), "watchdog: is done by"),
        ("advanced", json!(false), "advanced: is ignored"),
        ("options", json!({}), "options: states its default"),
        (
            "schema",
            json!({"a": "text"}),
            "schema: \"text\" is no type",
        ),
        (
            "full_access",
            json!(true),
            "full_access: it has all devices",
        ),
    ];
    for (key, value, words) in broken {
        let mut config = config(APPS[0]);
        config[key] = value;
        let found = complaints(&config);
        assert!(
            found.iter().any(|it| it.starts_with(words)),
            "{words}: {found:?}"
        );
    }
    for key in REQUIRED {
        let mut config = config(APPS[0]);
        config.as_object_mut().unwrap().shift_remove(*key);
        assert_eq!(complaints(&config), [format!("{key}: it is missing")]);
    }
}

#[test]
fn the_page_says_how_safe_they_are_rated() {
    let rated = APPS.map(|app| rating(&config(app), true));
    assert_eq!(rated, [8, 6]);
    for app in APPS {
        let docs = super::text(&format!("{app}/DOCS.md"));
        let docs = docs.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(docs.contains(&format!(
            "rates it {} of 8, and wattbridge {}.",
            rated[1], rated[0]
        )));
    }
}

#[test]
fn the_version_is_that_of_the_program() {
    for app in APPS {
        assert_eq!(config(app)["version"], env!("CARGO_PKG_VERSION"), "{app}");
    }
}
