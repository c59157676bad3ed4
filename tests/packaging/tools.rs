//! Every tool that a script needs or installs has its reason in docs/dependencies.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Scripts below a folder: files without an ending, and what a site runs by itself.
fn scripts(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let ending = path.extension().and_then(|it| it.to_str());
        if path.is_dir() {
            scripts(&path, found);
        } else if matches!(ending, None | Some("yml")) {
            found.extend(fs::read_to_string(&path));
        }
    }
}

/// Whether it is a name, and no option, variable or folder.
fn is_name(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|it| it.is_ascii_lowercase())
        && letters.all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || "-_".contains(it))
}

/// What a script needs, as its lines say it.
fn needed(script: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let whole = script.replace("\\\n", " ");
    for line in whole.lines().map(str::trim) {
        if line.starts_with('#') {
            continue;
        }
        let (words, pairs) = if let Some(rest) = line.strip_prefix("need ") {
            (rest.to_owned(), None)
        } else if let Some((_, rest)) = line.split_once("packages ") {
            (rest.to_owned(), Some('='))
        } else if let Some(rest) = line.strip_prefix("for pair in ") {
            (rest.to_owned(), Some(':'))
        } else if let Some((_, rest)) = line.split_once("missing+=(") {
            (rest.to_owned(), None)
        } else if let Some((_, rest)) = line.split_once("apt-get install ") {
            (rest.to_owned(), None)
        } else if let Some((_, rest)) = line.split_once("cargo install ") {
            (rest.to_owned(), None)
        } else if let Some((_, rest)) = line.split_once("pip install ") {
            (rest.to_owned(), None)
        } else {
            continue;
        };
        let end = words.find(['>', ';', '|', '&']).unwrap_or(words.len());
        for word in words[..end].split_whitespace() {
            let word = word.trim_matches(['"', '\'', ')', '`', ',']);
            // A tool, and the package that it is in.
            let name = match pairs {
                Some(pair) => word.split_once(pair).map(|(_, package)| package),
                None => Some(word.split(['@', '=']).next().unwrap_or_default()),
            };
            names.extend(name.filter(|it| is_name(it)).map(str::to_owned));
        }
    }
    names
}

#[test]
fn every_tool_has_its_reason() {
    let page = fs::read_to_string(super::path("docs/dependencies.md")).unwrap();
    let (_, table) = page.split_once("\n## Tools\n").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let explained: BTreeSet<&str> = rows
        .flat_map(|row| row.split('|').take(3))
        .flat_map(|cell| cell.split([' ', ',', '`', ';']))
        .collect();
    let mut found = Vec::new();
    for folder in ["packaging", "tests", "addon", ".github"] {
        scripts(&super::path(folder), &mut found);
    }
    let needed: BTreeSet<String> = found.iter().flat_map(|script| needed(script)).collect();
    for known in [
        "mosquitto",
        "lintian",
        "cargo-deb",
        "qemu-user-static",
        "valgrind",
    ] {
        assert!(needed.contains(known), "{known} is not found: {needed:?}");
    }
    // Parts of a tool that has a row, and what Rust comes with.
    let part_of = |name: &str| match name {
        "mosquitto_sub" | "mosquitto_pub" => "mosquitto-clients".to_owned(),
        "ziglang" => "zig".to_owned(),
        name => name.to_owned(),
    };
    for name in needed.iter().filter(|name| *name != "cargo") {
        let row = part_of(name);
        assert!(
            explained.contains(row.as_str()),
            "docs/dependencies.md, Tools, lacks {name}"
        );
    }
}
