//! The options of an app: their types, their defaults and their names in each language.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::{APPS, config, text, yaml};

/// The types of the Supervisor (`RE_SCHEMA_ELEMENT`); a `?` at the end makes one optional.
static ELEMENT: LazyLock<Regex> = LazyLock::new(|| {
    let bounds = r"(\((-?[0-9.]+)?,(-?[0-9.]+)?\))?";
    let types = format!(
        r"^(bool|email|url|port|device(\(subsystem=[a-z]+\))?|(str|password|int|float){bounds}|match\(.*\)|list\(.+\))\??$"
    );
    Regex::new(&types).unwrap()
});

const LANGUAGES: [&str; 2] = ["de", "en"];

/// Whether this is a type of an option: a word, a group of options, or a list of one of them.
pub fn fits_an_element(element: &Value) -> bool {
    match element {
        Value::String(words) => ELEMENT.is_match(words),
        Value::Object(group) => !group.is_empty() && group.values().all(fits_an_element),
        Value::Array(one) => one.len() == 1 && !one[0].is_array() && fits_an_element(&one[0]),
        _ => false,
    }
}

fn is_optional(element: &Value) -> bool {
    match element {
        Value::String(words) => words.ends_with('?'),
        // Only what is in a list may be optional; a group never is.
        Value::Array(one) => one[0].as_str().is_some_and(|words| words.ends_with('?')),
        _ => false,
    }
}

/// Where the defaults do not fit: what is optional must have none, or one could not leave it out; what is not
/// optional must have one, or the app does not start before somebody has filled in everything.
pub fn complaints_about_options(schema: &Value, options: &Value) -> Vec<String> {
    let (Some(schema), Some(options)) = (schema.as_object(), options.as_object()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for key in options.keys().filter(|key| !schema.contains_key(*key)) {
        found.push(format!("options: {key} is not in the schema"));
    }
    for (key, element) in schema {
        match (options.get(key), is_optional(element)) {
            (None, true) => {}
            (Some(_), true) => {
                found.push(format!("options: {key} is optional and must not be there"));
            }
            (None, false) => found.push(format!("options: {key} is missing")),
            (Some(value), false) => {
                if !fits(element, value) {
                    found.push(format!("options: {key} cannot be {value}"));
                }
                found.extend(complaints_about_options(element, value));
            }
        }
    }
    found
}

/// Whether a value is of a type; bounds are not looked at.
fn fits(element: &Value, value: &Value) -> bool {
    let Some(words) = element.as_str() else {
        return element.is_object() == value.is_object() && element.is_array() == value.is_array();
    };
    let words = words.trim_end_matches('?');
    match words.split('(').next().unwrap() {
        "bool" => value.is_boolean(),
        "int" | "port" => value.is_i64(),
        "float" => value.is_number(),
        "list" => {
            let choices = words.trim_start_matches("list(").trim_end_matches(')');
            value
                .as_str()
                .is_some_and(|it| choices.split('|').any(|choice| choice == it))
        }
        _ => value.is_string(),
    }
}

/// Every option, groups as `group.option`, with what it must have beside its name.
fn keys(schema: &Value, before: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (key, element) in schema.as_object().unwrap() {
        all.push(format!("{before}{key}"));
        if element.is_object() {
            all.extend(keys(element, &format!("{before}{key}.")));
        }
    }
    all
}

/// The same of a translation.
fn translated(options: &Value, before: &str, file: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (key, words) in options.as_object().unwrap() {
        for part in ["name", "description"] {
            let there = words[part]
                .as_str()
                .is_some_and(|text| !text.trim().is_empty());
            assert!(there, "{file}: {before}{key} has no {part}");
        }
        all.push(format!("{before}{key}"));
        if let Some(fields) = words.get("fields") {
            all.extend(translated(fields, &format!("{before}{key}."), file));
        }
    }
    all
}

#[test]
fn every_option_has_a_name_and_a_description_in_each_language() {
    for app in APPS {
        let config = config(app);
        let options = keys(&config["schema"], "");
        assert!(options.contains(&"mqtt.password".to_owned()), "{options:?}");
        let folder = std::fs::read_dir(super::path(app).join("translations")).unwrap();
        let mut languages: Vec<String> = folder
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        languages.sort();
        assert_eq!(languages, LANGUAGES.map(|it| format!("{it}.yaml")));
        for language in LANGUAGES {
            let file = format!("{app}/translations/{language}.yaml");
            let words = yaml(&file);
            let sections: Vec<_> = words.as_object().unwrap().keys().collect();
            assert_eq!(sections, ["configuration"], "{file}: it opens no ports");
            assert_eq!(
                translated(&words["configuration"], "", &file),
                options,
                "{file}"
            );
        }
    }
}

#[test]
fn both_apps_have_the_same_words_for_the_same_options() {
    for language in LANGUAGES {
        let file = |app: &str| text(&format!("{app}/translations/{language}.yaml"));
        assert_eq!(file(APPS[0]), file(APPS[1]), "{language}");
    }
    let [english, german] =
        LANGUAGES.map(|it| yaml(&format!("{}/translations/{it}.yaml", APPS[0])));
    let word = |words: &Value| words["configuration"]["mqtt"]["fields"]["username"]["name"].clone();
    assert_ne!(word(&english), word(&german), "one of them was copied");
}

#[test]
fn defaults_that_do_not_fit_are_complained_of() {
    let schema = json!({"level": "list(info|debug)", "mqtt": {"host": "str?", "tls": "bool?"}});
    let good = json!({"level": "info", "mqtt": {}});
    assert_eq!(complaints_about_options(&schema, &good), [""; 0]);
    let bad = [
        (json!({"level": "info"}), "options: mqtt is missing"),
        (json!({"mqtt": {}}), "options: level is missing"),
        (
            json!({"level": "loud", "mqtt": {}}),
            "options: level cannot be \"loud\"",
        ),
        (
            json!({"level": "info", "mqtt": ""}),
            "options: mqtt cannot be \"\"",
        ),
        (
            json!({"level": "info", "mqtt": {"host": "a"}}),
            "options: host is optional and must not be there",
        ),
        (
            json!({"level": "info", "mqtt": {}, "more": 1}),
            "options: more is not in the schema",
        ),
    ];
    for (options, words) in bad {
        assert_eq!(complaints_about_options(&schema, &options), [words]);
    }
}

#[test]
fn types_of_options_are_those_of_the_supervisor() {
    let good = json!(["str", "str?", "str(1,)", "password?", "int(0,10)", "float(-1.5,2)?", "port?", "list(a|b)", "match(^a$)",
        "device(subsystem=tty)?", {"a": "bool"}, ["str?"], [{"a": "url"}]]);
    for element in good.as_array().unwrap() {
        assert!(fits_an_element(element), "{element}");
    }
    let bad = json!(["text", "str??", "list()", "device(tty)", "", 1, {}, [], [["str"]], ["str", "str"], {"a": "no"}]);
    for element in bad.as_array().unwrap() {
        assert!(!fits_an_element(element), "{element}");
    }
}
