//! What Home Assistant shows of an app: pictures, documentation, changes.

use std::collections::BTreeMap;
use std::fs;

use super::{APPS, config, path, text};

/// Width and height of a PNG, from its first chunk.
fn size(name: &str) -> (u32, u32) {
    let bytes = fs::read(path(name)).unwrap();
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{name} is no PNG");
    assert_eq!(&bytes[12..16], b"IHDR", "{name}");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

/// Sections of a page by their headings.
fn sections(page: &str) -> BTreeMap<String, String> {
    let parts = page.split("\n## ").skip(1);
    parts
        .map(|part| {
            let (heading, words) = part.split_once('\n').unwrap();
            (heading.to_owned(), words.trim().to_owned())
        })
        .collect()
}

#[test]
fn pictures_have_the_sizes_that_the_store_wants() {
    for app in APPS {
        assert_eq!(size(&format!("{app}/icon.png")), (128, 128));
        assert_eq!(size(&format!("{app}/logo.png")), (250, 100));
        for picture in ["icon.png", "logo.png"] {
            let bytes = fs::metadata(path(app).join(picture)).unwrap().len();
            assert!(bytes < 30_000, "{app}/{picture} has {bytes} bytes");
        }
    }
    let [one, sniffer] = APPS.map(|app| fs::read(path(app).join("icon.png")).unwrap());
    assert_ne!(one, sniffer, "nobody could tell them apart");
}

#[test]
fn the_changes_begin_with_this_version() {
    let [one, sniffer] = APPS.map(|app| text(&format!("{app}/CHANGELOG.md")));
    assert_eq!(one, sniffer);
    let first = one.lines().find(|line| line.starts_with("## ")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(first.contains(version), "{first} is not {version}");
}

#[test]
fn the_documentation_of_both_apps_says_the_same_of_the_same() {
    // What each of them says in its own way.
    let own = [
        "Install the app",
        "Tell it your devices",
        "USB cables",
        "Listening to an inverter",
    ];
    let [one, sniffer] = APPS.map(|app| sections(&text(&format!("{app}/DOCS.md"))));
    for (heading, words) in &sniffer {
        if !own.contains(&heading.as_str()) {
            assert_eq!(Some(words), one.get(heading), "{heading}");
        }
    }
    let missing: Vec<_> = one.keys().filter(|it| !sniffer.contains_key(*it)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for heading in own {
        let [Some(one), Some(sniffer)] = [one.get(heading), sniffer.get(heading)] else {
            continue;
        };
        // Only some paragraphs of them differ.
        let differ = sniffer.split("\n\n").filter(|it| !one.contains(it)).count();
        assert!(
            (1..=4).contains(&differ),
            "{heading}: {differ} paragraphs differ"
        );
    }
}

#[test]
fn the_documentation_names_the_app_as_the_store_and_the_disk_do() {
    for app in APPS {
        let config = config(app);
        let docs = text(&format!("{app}/DOCS.md"));
        let name = config["name"].as_str().unwrap();
        let slug = config["slug"].as_str().unwrap();
        assert!(docs.starts_with(&format!("# {name}\n")), "{app}");
        assert!(text(&format!("{app}/README.md")).starts_with(&format!("# {name}\n")));
        assert!(docs.contains(&format!("search for **{name}**")), "{app}");
        // The Supervisor puts a number of the repository in front.
        assert!(docs.contains(&format!("`_{slug}`")), "{app}");
    }
}

#[test]
fn links_into_this_repository_lead_somewhere() {
    let repository = super::address::repository();
    let mut seen = 0;
    for app in APPS {
        for page in ["DOCS.md", "README.md", "CHANGELOG.md"] {
            let page = format!("{app}/{page}");
            let words = text(&page);
            for link in words.split("](").skip(1) {
                let (link, _) = link.split_once(')').unwrap();
                // These pages stand alone: there is nothing beside them, and headings have no names.
                let Some(target) = link.strip_prefix(&format!("{repository}/blob/main/")) else {
                    panic!("{page}: {link} leads out of the repository");
                };
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let there = text(file);
                let headings = there.lines().filter(|line| line.starts_with('#'));
                let mut anchors = headings.map(|line| {
                    let words = line.trim_start_matches('#').trim().to_lowercase();
                    words.replace(' ', "-")
                });
                assert!(
                    anchor.is_empty() || anchors.any(|it| it == anchor),
                    "{page}: {file} has no {anchor}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "only {seen} links were found");
}
