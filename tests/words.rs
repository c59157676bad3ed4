//! The languages: nothing that is said lacks in one of them, each says it with the same places, and nothing is there
//! that nobody says.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use wattbridge::adapters::ADAPTERS;
use wattbridge::bridge::own_metrics;
use wattbridge::config::File;
use wattbridge::model::reserved::HEALTH;
use wattbridge::model::{Behavior, HealthCode, Metric, Naming};
use wattbridge::uploads::TargetState;
use wattbridge::words::Language;

/// Key and words of one section of a language.
type Words = BTreeMap<String, String>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A section of a language. English has none but for the reasons and the page: it is the key of the others.
fn section(language: Language, name: &str) -> Words {
    let path = root().join(format!("src/words/{language}.json"));
    let text = fs::read_to_string(path).unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let section = &all[name];
    assert!(section.is_object(), "{language}.json lacks \"{name}\"");
    serde_json::from_value(section.clone()).unwrap()
}

fn others() -> impl Iterator<Item = Language> {
    let all = Language::ALL.iter().copied();
    all.filter(|language| *language != Language::En)
}

/// The sources that can say something, without their tests.
fn sources() -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !path.ends_with("tests.rs")
            {
                found.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&root().join("src"), &mut paths);
    // The file that makes sentences shows how it is done.
    paths.retain(|path| !path.ends_with("model/sentence.rs"));
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        text[..end].to_owned()
    };
    paths.iter().map(read).collect()
}

/// What stands first in the brackets of each of these calls, as Rust reads it.
fn literals(call: &str) -> BTreeSet<String> {
    let call = Regex::new(&format!(r#"(?s){call}"((?:[^"\\]|\\.)*)""#)).unwrap();
    let continued = Regex::new(r"\\\n\s*").unwrap();
    let mut found = BTreeSet::new();
    for text in sources() {
        for literal in call.captures_iter(&text) {
            let text = continued.replace_all(&literal[1], "");
            found.insert(text.replace("\\\"", "\"").replace("\\\\", "\\"));
        }
    }
    found
}

/// The places of a sentence, each as often as it stands there.
fn places(text: &str) -> Vec<String> {
    let doubled = text.replace("{{", "").replace("}}", "");
    let parts = doubled.split('{').skip(1);
    let names = parts.filter_map(|part| part.split_once('}'));
    let mut all: Vec<_> = names.map(|(name, _)| name.to_owned()).collect();
    all.sort();
    all
}

/// Whether there is nothing in it to say.
fn is_wordless(text: &str) -> bool {
    let mut parts = text.split('{');
    let begin = parts.next().unwrap_or_default();
    let behind = parts.map(|part| part.split_once('}').map_or(part, |(_, behind)| behind));
    !std::iter::once(begin)
        .chain(behind)
        .any(|part| part.contains(char::is_alphabetic))
}

/// Compares what is said with what is there.
fn compare(name: &str, said: &BTreeSet<String>) {
    let mut wrong = Vec::new();
    for language in others() {
        let there = section(language, name);
        for key in said.iter().filter(|key| !there.contains_key(*key)) {
            wrong.push(format!("{language}.json lacks in \"{name}\": {key}"));
        }
        for (key, words) in &there {
            if !said.contains(key) {
                wrong.push(format!(
                    "{language}.json has in \"{name}\" what nobody says: {key}"
                ));
            }
            let (wanted, has): (BTreeSet<_>, BTreeSet<_>) = (
                places(key).into_iter().collect(),
                places(words).into_iter().collect(),
            );
            if wanted != has || words.trim().is_empty() {
                wrong.push(format!(
                    "{language}.json has other places than {key}: {words}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The same name with places for its numbers.
fn numbered(words: &str) -> String {
    let number = Regex::new(r"\d+(\.\d+)?").unwrap();
    let mut places = ["{n}", "{m}", "{o}"].into_iter();
    number
        .replace_all(words, |_: &regex::Captures<'_>| places.next().unwrap())
        .into_owned()
}

/// A source of each kind, for what the bridge tells of each.
fn every_source() -> Vec<wattbridge::device::ConfiguredSource> {
    let configure = |adapter: &&'static dyn wattbridge::device::Adapter| {
        let page = adapter.page();
        let file = File::parse(page.example, "example").unwrap();
        let section = file.sections(adapter.kind()).remove(0);
        adapter.configure(&section).unwrap()
    };
    ADAPTERS.iter().map(configure).collect()
}

/// Every metric that there can be.
fn metrics() -> Vec<Metric> {
    let tables = ADAPTERS.iter().flat_map(|adapter| adapter.tables());
    let tables = tables.flat_map(|table| table.iter().cloned());
    let of_uploads = TargetState::metrics();
    tables
        .chain(own_metrics(&every_source()))
        .chain(of_uploads)
        .collect()
}

#[test]
fn every_sentence_is_there_in_every_language() {
    let mut said = literals(r"\bsay!\(\s*");
    // Signs between places have spaces of their own in French.
    said.retain(|text| !is_wordless(text) || text.contains([':', ';']));
    assert!(said.len() > 300, "{}", said.len());
    compare("sentences", &said);
}

#[test]
fn every_name_is_there_in_every_language() {
    let table = section(Language::De, "names");
    let mut said = BTreeSet::new();
    let mut add = |title: String| {
        let is_exact = table.contains_key(&title);
        said.insert(if is_exact { title } else { numbered(&title) });
    };
    for metric in metrics() {
        match &metric.naming {
            Naming::Ours => add(metric.title()),
            Naming::About(it) => add(metric.title().replacen(it.as_ref(), "{it}", 1)),
            Naming::Users => {}
        }
    }
    let controls = literals(r"\bControl::(?:new|of_setup)\(\s*[\w:]+,\s*");
    let offered = literals(r"\boffer\(\s*\w+,\s*");
    let offered_by_word = literals(r#"\boffer\(\s*"\w+",\s*"#);
    assert!(controls.len() > 3 && offered_by_word.len() > 3);
    for name in controls.into_iter().chain(offered).chain(offered_by_word) {
        add(name);
    }
    // Inputs that the user has named, and the energy of a value that has a name.
    for what in [
        "power",
        "energy today",
        "lifetime energy",
        "voltage",
        "current",
        "power by counter",
    ] {
        add(format!("{{it}} {what}"));
    }
    add("{it} energy".to_owned());
    add("Energy total".to_owned());
    compare("names", &said);
}

#[test]
fn every_state_is_there_in_every_language() {
    let table = section(Language::De, "states");
    let mut said = BTreeSet::new();
    for metric in metrics() {
        if let Behavior::State(options) = &metric.behavior
            && metric.key != HEALTH.key
        {
            said.extend(options.iter().map(ToString::to_string));
        }
    }
    for adapter in ADAPTERS {
        let has = |metric: &Metric| metric.is_in_words;
        let is_in_words = adapter.tables().iter().any(|table| table.iter().any(has));
        assert_eq!(
            is_in_words,
            !adapter.words().is_empty(),
            "{}",
            adapter.kind()
        );
        said.extend(adapter.words().into_iter().map(str::to_owned));
    }
    let said = said.into_iter().map(|word| {
        let is_exact = table.contains_key(&word);
        if is_exact { word } else { numbered(&word) }
    });
    compare("states", &said.collect());
}

#[test]
fn every_reason_is_there_in_every_language() {
    let codes = HealthCode::ALL.iter().map(|code| code.code().to_owned());
    compare("health", &codes.collect());
    let english = section(Language::En, "health");
    for code in HealthCode::ALL {
        assert_eq!(english[code.code()], code.words());
    }
    assert_eq!(english.len(), HealthCode::ALL.len());
}

#[test]
fn words_of_one_list_differ_in_every_language() {
    for metric in metrics() {
        let Behavior::State(options) = &metric.behavior else {
            continue;
        };
        for language in Language::ALL {
            let said: BTreeSet<_> = options
                .iter()
                .map(|word| language.state_of(&metric, word))
                .collect();
            assert_eq!(
                said.len(),
                options.len(),
                "{language}: {}: {said:?}",
                metric.key
            );
        }
    }
}

#[test]
fn names_of_one_device_differ_in_every_language() {
    for adapter in ADAPTERS {
        for table in adapter.tables() {
            for language in Language::ALL {
                let mut seen = BTreeMap::new();
                for metric in table.iter().filter(|metric| metric.name.is_some()) {
                    let name = language.name(metric);
                    if let Some(other) = seen.insert(name.clone(), &metric.key) {
                        panic!("{language}: {} and {other} are both \"{name}\"", metric.key);
                    }
                }
            }
        }
    }
}

#[test]
fn french_has_its_spaces() {
    for name in ["names", "states", "health", "sentences"] {
        for (key, words) in section(Language::Fr, name) {
            for sign in [" :", " ;", " ?", " !", "« ", " »"] {
                assert!(
                    !words.contains(sign),
                    "a space that breaks lines before or behind: {key}: {words}"
                );
            }
        }
    }
}
