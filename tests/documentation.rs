//! The documentation against the code: pages that are made from it, and pages that must not forget
//! anything.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use wattbridge::adapters::ADAPTERS;
use wattbridge::bridge::sums::{self, SumSettings};
use wattbridge::config::{File, PlaceSettings};
use wattbridge::device::Adapter;
use wattbridge::model::HealthCode;
use wattbridge::outputs::Outputs;
use wattbridge::uploads::{UPLOADS, Uploads};
use wattbridge::web::{self, WebSettings};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn page(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every page there is, by its path from the top of the project.
fn pages() -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["", "docs", "docs/devices", "docs/uploads"] {
        for entry in fs::read_dir(path(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                names.push(format!("{folder}/{name}").trim_matches('/').to_owned());
            }
        }
    }
    names
}

/// The page of an adapter.
fn of_device(adapter: &dyn Adapter) -> String {
    page(&format!(
        "docs/devices/{}.md",
        adapter.kind().replace('_', "-")
    ))
}

/// Contents of the fenced blocks in a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts
        .map(|part| part.split("\n```").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_configuration_page_is_up_to_date() {
    let made = wattbridge::cli::configuration_page();
    let name = "docs/configuration.md";
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path(name), &made).unwrap();
    }
    let kept = fs::read_to_string(path(name)).unwrap_or_default();
    let differs = kept
        .lines()
        .zip(made.lines())
        .position(|(kept, made)| kept != made)
        .map_or(0, |line| line + 1);
    assert!(
        kept == made,
        "{name} differs from the code, first in line {differs}. UPDATE_DOCS=1 cargo test --test documentation writes it anew."
    );
}

/// The page of the program and that of the documentation say the same of the Energy dashboard.
#[test]
fn the_energy_dashboard_is_what_the_page_says() {
    let text = page("docs/energy-dashboard.md");
    let (table, _) = text.split_once("\n\nTake the ECU").unwrap();
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .collect();
    for place in wattbridge::web::PLACES {
        assert!(
            rows.iter().any(|row| row.contains(place.words)),
            "{}",
            place.words
        );
    }
    let metrics = ADAPTERS.iter().flat_map(|adapter| adapter.tables());
    let metrics: Vec<_> = metrics.flat_map(|table| table.iter()).collect();
    let is_placed = |metric: &wattbridge::model::Metric| {
        let is_there = wattbridge::web::PLACES
            .iter()
            .any(|place| place.wants.is_for(metric));
        let is_daily = matches!(metric.behavior, wattbridge::model::Behavior::DailyCounter);
        is_there && !is_daily
    };
    for metric in metrics.iter().filter(|it| is_placed(it)) {
        // What is no first choice stands in the text below.
        assert!(
            text.contains(&format!("`{}`", metric.key)) || text.contains(&metric.title()),
            "{}",
            metric.key
        );
    }
    let keys = rows
        .iter()
        .skip(1)
        .filter_map(|row| row.trim_end_matches(" |").rsplit('|').next());
    for key in keys.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
        let is_known = metrics
            .iter()
            .any(|metric| metric.key == key && (metric.part.is_some() || is_placed(metric)));
        assert!(is_known, "{key}");
    }
}

#[test]
fn every_status_is_explained() {
    for name in ["docs/topics.md", "docs/troubleshooting.md"] {
        let text = page(name);
        for code in HealthCode::ALL {
            let cell = format!("| `{}` | {} |", code.code(), code.words());
            assert!(text.contains(&cell), "{name} lacks a row with: {cell}");
        }
    }
}

#[test]
fn every_device_has_a_page_with_its_metrics_and_keys() {
    for adapter in ADAPTERS {
        let text = of_device(*adapter);
        // What two kinds of device have under one key may be off for one of them only.
        let mut is_off: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
        for metric in adapter.tables().iter().copied().flatten() {
            let key = format!("| `{}` |", metric.key);
            assert!(text.contains(&key), "{}: {key}", adapter.kind());
            let row = format!("| `{}` | {} |", metric.key, metric.title());
            is_off.entry(row).or_default().insert(!metric.enabled);
        }
        for (row, is_off) in is_off {
            let rows = text.lines().filter(|line| line.starts_with(&row));
            let said: BTreeSet<bool> = rows.map(|row| row.contains("off by default")).collect();
            assert!(
                said.is_superset(&is_off),
                "{}: {row}: off by default {is_off:?}, but the page says {said:?}",
                adapter.kind()
            );
        }
        let readme = page("README.md");
        let link = format!("docs/devices/{}.md", adapter.kind().replace('_', "-"));
        assert!(readme.contains(&link), "README.md lacks {link}");
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let text = page("docs/dependencies.md");
    let manifest: toml::Table = page("Cargo.toml").parse().unwrap();
    let fuzz: toml::Table = page("fuzz/Cargo.toml").parse().unwrap();
    let mut names = BTreeSet::new();
    // Some are only needed on one system.
    let systems = manifest["target"].as_table().unwrap().values();
    let systems = systems.map(|system| system.as_table().unwrap());
    let of_systems = systems.flat_map(toml::Table::values);
    let tables = [
        &manifest["dependencies"],
        &manifest["dev-dependencies"],
        &fuzz["dependencies"],
    ];
    for table in tables.into_iter().chain(of_systems) {
        for (name, details) in table.as_table().unwrap() {
            let package = details.get("package").and_then(|package| package.as_str());
            names.insert(package.unwrap_or(name).to_owned());
        }
    }
    names.remove("wattbridge");
    for name in &names {
        let row = format!("| `{name}` |");
        assert!(
            text.contains(&row),
            "docs/dependencies.md lacks a row: {row}"
        );
    }
    // The tables end where single dependencies are weighed.
    let (tables, _) = text.split_once("## Demo broker").unwrap();
    for line in tables.lines().filter(|line| line.starts_with("| `")) {
        let name = line.split('`').nth(1).unwrap_or_default();
        assert!(
            names.contains(name),
            "docs/dependencies.md explains {name}, which is not used"
        );
    }
}

#[test]
fn every_configuration_that_is_shown_works() {
    let known: Vec<&str> = ADAPTERS.iter().map(|adapter| adapter.kind()).collect();
    let singles = [
        "place",
        "store",
        "log",
        "history",
        "flow",
        "prices",
        web::SECTION,
        sums::KIND,
    ];
    let singles = singles.into_iter();
    let singles = singles.chain(Outputs::sections());
    let singles: Vec<&str> = singles.chain(Uploads::sections()).collect();
    for name in pages() {
        for block in blocks(&page(&name), "toml") {
            let file = File::parse(&block, &name).unwrap_or_else(|problems| panic!("{problems}"));
            let sections: Vec<&str> = known.iter().chain(&singles).copied().collect();
            let unknown = file.unknown_sections(&sections);
            assert!(unknown.is_empty(), "{unknown}");
            Outputs::read(&file).unwrap_or_else(|problems| panic!("{problems}"));
            let home = file.settings::<PlaceSettings>("place");
            home.unwrap_or_else(|problems| panic!("{problems}"));
            file.settings::<WebSettings>(web::SECTION)
                .unwrap_or_else(|problems| panic!("{problems}"));
            for section in file.sections(sums::KIND) {
                section
                    .read::<SumSettings>()
                    .unwrap_or_else(|problems| panic!("{problems}"));
            }
            // Their secrets are in files that are not here.
            for upload in UPLOADS {
                for section in file.sections(upload.name()) {
                    upload
                        .configure(&section)
                        .unwrap_or_else(|problems| panic!("{problems}"));
                }
            }
            for adapter in ADAPTERS {
                for section in file.sections(adapter.kind()) {
                    adapter
                        .configure(&section)
                        .unwrap_or_else(|problems| panic!("{problems}"));
                }
            }
        }
    }
}

#[test]
fn every_payload_that_is_shown_is_json() {
    for name in pages() {
        for block in blocks(&page(&name), "json") {
            let read = serde_json::from_str::<serde_json::Value>(&block);
            assert!(read.is_ok(), "{name}: {}\n{block}", read.unwrap_err());
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    for name in pages() {
        let text = page(&name);
        for link in links(&text) {
            if link.starts_with("http") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                path(&name)
            } else {
                path(&name).parent().unwrap().join(file)
            };
            assert!(target.exists(), "{name}: {link} leads nowhere");
            if !anchor.is_empty() {
                let there = fs::read_to_string(&target).unwrap();
                let anchors: Vec<String> = headings(&there).map(anchor_of).collect();
                assert!(
                    anchors.iter().any(|a| a == anchor),
                    "{name}: {link}, but there are {anchors:?}"
                );
            }
        }
    }
}

/// The targets of links and pictures.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.split("](").skip(1);
    ends.filter_map(|rest| rest.split_once(')').map(|(link, _)| link))
}

fn headings(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim())
}

fn anchor_of(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c))
        .collect::<String>();
    kept.replace(' ', "-")
}

/// What cannot go stale because it is compiled.
#[test]
fn the_code_on_the_page_about_adding_a_device_is_of_the_smallest_adapter() {
    let adapter = page("tests/smallest_adapter.rs");
    let page = page("docs/adding-a-device.md");
    let pieces = page.split("```rust\n").skip(1);
    let pieces = pieces.map(|rest| rest.split("```").next().unwrap());
    let pieces: Vec<&str> = pieces.filter(|it| !it.contains("ADAPTERS")).collect();
    assert_eq!(pieces.len(), 2);
    for piece in pieces {
        assert!(adapter.contains(piece), "not in the adapter:\n{piece}");
    }
}

#[test]
fn the_description_of_the_api_is_up_to_date() {
    let made = wattbridge::web::openapi();
    let name = "docs/openapi.json";
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path(name), &made).unwrap();
    }
    let kept = fs::read_to_string(path(name)).unwrap_or_default();
    assert!(
        kept == made,
        "{name} differs from the code. UPDATE_DOCS=1 cargo test --test documentation writes it anew."
    );
}
