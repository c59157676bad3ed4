//! A configuration file of an earlier version, brought up to date; the old one is kept beside it.
//!
//! Old names go on working, so that nothing has to be done in a hurry, or at all where the file cannot be
//! written. Only files that the program may have made itself are touched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::trouble::why;
use crate::adapters::ADAPTERS;
use crate::config::{File, FileKind, read_small_file};
use crate::whole_file::{self, Rights};

const LARGEST: u64 = 1024 * 1024;
/// More old files than anybody has.
const MOST_KEPT: usize = 99;

/// Gives the sections of the file the names that they have today; says so, or what is against it.
pub fn bring_up_to_date(path: &Path) -> Option<Result<String, String>> {
    // The file itself, wherever its name leads.
    let path = path.canonicalize().ok()?;
    let (bytes, text) = old_and_new(&path)?;
    let name = path.display();
    Some(match replace(&path, &bytes, &text) {
        Ok(kept) => Ok(format!(
            "{name} was brought up to date, for some names in it have changed; the old one is kept as {}.",
            kept.display()
        )),
        Err(error) => Err(format!(
            "Some names in {name} have changed. The old ones go on working, but the file cannot be brought up to date: {}. \
             Write the new names yourself: {}.",
            why(&error),
            names()
        )),
    })
}

fn old_and_new(path: &Path) -> Option<(Vec<u8>, String)> {
    let bytes = read_small_file(path, LARGEST, FileKind::File).ok()?;
    let text = renamed(std::str::from_utf8(&bytes).ok()?)?;
    Some((bytes, text))
}

/// What has become what.
fn names() -> String {
    let all = ADAPTERS.iter().flat_map(|adapter| {
        let new = adapter.kind();
        let old = adapter.also_called().iter();
        old.map(move |old| format!("[[{old}]] is [[{new}]]"))
    });
    all.collect::<Vec<_>>().join(", ")
}

/// The text with today's names, if there are others in it and nothing else becomes of it.
fn renamed(text: &str) -> Option<String> {
    // Within a text of several lines stands what only looks like a section.
    if text.contains("\"\"\"") || text.contains("'''") {
        return None;
    }
    let mut new = text.to_owned();
    for adapter in ADAPTERS {
        for old in adapter.also_called() {
            let header = format!(r"(?m)^([ \t]*\[\[?[ \t]*){old}([ \t]*[.\]])");
            let with = format!("${{1}}{}${{2}}", adapter.kind());
            new = Regex::new(&header)
                .ok()?
                .replace_all(&new, with)
                .into_owned();
        }
    }
    let count = |text: &str| {
        let file = File::parse(text, "").ok()?;
        let counts = ADAPTERS.iter().map(|adapter| adapter.sections(&file).len());
        Some(counts.collect::<Vec<_>>())
    };
    (new != text && count(text)? == count(&new)?).then_some(new)
}

/// Puts the text in the place of the file, which is kept under another name.
fn replace(path: &Path, old: &[u8], text: &str) -> io::Result<PathBuf> {
    let rights = fs::metadata(path)?;
    let rights = Rights::Like(&rights);
    let kept = keep(path, old, rights)?;
    whole_file::replace_for_good(path, text.as_bytes(), rights)?;
    Ok(kept)
}

/// Keeps the old file under the first name that is free; one that is kept already is not kept again.
fn keep(path: &Path, old: &[u8], rights: Rights<'_>) -> io::Result<PathBuf> {
    for number in 1..=MOST_KEPT {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".old-{number}"));
        let kept = PathBuf::from(name);
        match whole_file::make(&kept, old, rights) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let same = read_small_file(&kept, LARGEST, FileKind::File);
                if same.is_ok_and(|kept| kept == old) {
                    return Ok(kept);
                }
            }
            made => return made.map(|()| kept),
        }
    }
    Err(io::Error::other(
        "there are 99 old ones beside it; move them away",
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const OLD: &str = "# [[kaifa]] is mine\n[mqtt]\nhost = \"a\"\n\n  [[kaifa]]\nport = \"/dev/ttyUSB0\" # kaifa\n\
                       name = \"[[kaifa]]\"\n[kaifa.keys]\na = \"00112233445566778899AABBCCDDEEFF\"\n\n[[ smart_meter ]]\n\
                       port = \"/dev/ttyUSB1\"\n";

    #[test]
    fn only_names_of_sections_change() {
        let new = renamed(OLD).unwrap();
        let changed = OLD.lines().zip(new.lines()).filter(|(old, new)| old != new);
        let changed: Vec<_> = changed.map(|(_, new)| new).collect();
        assert_eq!(changed, ["  [[smart_meter]]", "[smart_meter.keys]"]);
        assert_eq!(renamed(&new), None);
        assert_eq!(renamed("[mqtt]\nhost = \"\"\"\n[[kaifa]]\n\"\"\"\n"), None);
        assert_eq!(renamed("[[kaifa]\n"), None);
    }

    #[test]
    fn the_old_file_is_kept_with_its_rights() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wattbridge.toml");
        for round in [1, 1, 2] {
            let old = format!("{OLD}# {round}\n");
            fs::write(&path, &old).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(bring_up_to_date(&path).unwrap().is_ok());
            assert_eq!(fs::read_to_string(&path).unwrap(), renamed(&old).unwrap());
            let kept = folder.path().join(format!("wattbridge.toml.old-{round}"));
            assert_eq!(fs::read_to_string(&kept).unwrap(), old);
            for path in [&path, &kept] {
                assert_eq!(
                    fs::metadata(path).unwrap().permissions().mode() & 0o777,
                    0o600
                );
            }
        }
        bring_up_to_date(&path);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            3,
            "once is enough"
        );
    }
}
