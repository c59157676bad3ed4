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

const LARGEST: u64 = 1024 * 1024;
/// More old files than anybody has.
const MOST_KEPT: usize = 99;

/// Gives the sections of the file the names that they have today.
pub fn bring_up_to_date(path: &Path) {
    // The file itself, wherever its name leads.
    let Ok(path) = path.canonicalize() else {
        return;
    };
    let Ok(bytes) = read_small_file(&path, LARGEST, FileKind::File) else {
        return;
    };
    let Some(text) = std::str::from_utf8(&bytes).ok().and_then(renamed) else {
        return;
    };
    match replace(&path, &text) {
        Ok(kept) => tracing::info!(
            "{} was brought up to date, for some names in it have changed; the old one is kept as {}.",
            path.display(),
            kept.display()
        ),
        Err(error) => tracing::warn!(
            "Some names in {} have changed. The old ones go on working, but the file cannot be brought up to date: {}.",
            path.display(),
            why(&error)
        ),
    }
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
fn replace(path: &Path, text: &str) -> io::Result<PathBuf> {
    let name = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let free = (1..=MOST_KEPT).map(|number| name(&format!(".old-{number}")));
    let kept = free
        .into_iter()
        .find(|path| !path.exists())
        .ok_or_else(|| io::Error::other("there are 99 old ones beside it; move them away"))?;
    let beside = name(".new");
    // A copy has the rights of the file, and so has what comes in its place.
    fs::copy(path, &kept)?;
    fs::copy(path, &beside)?;
    let written = fs::write(&beside, text)
        .and_then(|()| fs::File::open(&beside)?.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        let _ = fs::remove_file(&beside);
        let _ = fs::remove_file(&kept);
        return Err(error);
    }
    Ok(kept)
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
        for round in 1..=2 {
            fs::write(&path, OLD).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            bring_up_to_date(&path);
            assert_eq!(fs::read_to_string(&path).unwrap(), renamed(OLD).unwrap());
            let kept = folder.path().join(format!("wattbridge.toml.old-{round}"));
            assert_eq!(fs::read_to_string(&kept).unwrap(), OLD);
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
