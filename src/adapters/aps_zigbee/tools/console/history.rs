//! Lines that were typed before, in a file of this user alone. Without one, nothing is remembered and nobody is told.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Lines that are kept, the last ones.
const MOST_LINES: usize = 500;
/// A file that has grown to this many bytes is cut back to those lines.
const MOST_BYTES: u64 = 128 * 1024;
/// Longer lines are not remembered.
const LONGEST: usize = 1024;

/// Lines that were typed, over the runs of the program.
#[derive(Debug, Clone)]
pub struct LineHistory {
    path: Option<PathBuf>,
}

impl LineHistory {
    /// One that remembers nothing.
    pub const fn none() -> Self {
        Self { path: None }
    }

    /// That of this user: in `$XDG_STATE_HOME`, or where that usually is.
    pub fn usual() -> Self {
        let variable = |name: &str| std::env::var_os(name);
        let path = folder(variable("XDG_STATE_HOME"), variable("HOME"));
        Self {
            path: path.map(|folder| folder.join("wattbridge").join("aps-zigbee-console")),
        }
    }

    /// All of them, the oldest first.
    pub fn lines(&self) -> Vec<String> {
        let text = self.path.as_deref().and_then(read);
        let text = text.unwrap_or_default();
        let lines = text.lines().filter(|line| is_fit(line));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        let old = lines.len().saturating_sub(MOST_LINES);
        lines.into_iter().skip(old).collect()
    }

    /// Remembers one more.
    pub fn add(&self, line: &str) {
        if !is_fit(line) {
            return;
        }
        if let Some(path) = &self.path {
            // It is no trouble for anybody if this fails.
            let _ = self.write(path, line);
        }
    }

    fn write(&self, path: &Path, line: &str) -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(folder)?;
        }
        if fs::metadata(path).is_ok_and(|about| about.len() > MOST_BYTES) {
            let lines: Vec<String> = self
                .lines()
                .iter()
                .map(|line| format!("{line}\n"))
                .collect();
            let half = path.with_extension("new");
            // Nobody else leaves one there on purpose.
            let _ = fs::remove_file(&half);
            private(File::options().write(true).create_new(true), &half)?
                .write_all(lines.concat().as_bytes())?;
            fs::rename(&half, path)?;
        }
        let mut file = private(File::options().append(true).create(true), path)?;
        file.write_all(format!("{line}\n").as_bytes())
    }
}

/// A file that nobody else can read.
fn private(options: &mut fs::OpenOptions, path: &Path) -> std::io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// What is in an ordinary file, as far as it is not longer than it can be.
fn read(path: &Path) -> Option<String> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(2 * MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// As the XDG base directories are found; what is not absolute does not count.
fn folder(state: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute =
        |path: Option<OsString>| path.map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(state).or_else(|| Some(absolute(home)?.join(".local").join("state")))
}

fn is_fit(line: &str) -> bool {
    !line.trim().is_empty() && line.len() <= LONGEST && !line.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: PathBuf) -> LineHistory {
        LineHistory { path: Some(path) }
    }

    #[test]
    fn lines_are_there_again_the_next_time_for_this_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder
            .path()
            .join("state")
            .join("wattbridge")
            .join("history");
        assert_eq!(at(path.clone()).lines(), [""; 0]);
        for line in [
            "ping",
            "poll 0x7C3A",
            " ",
            "a\u{7}b",
            &"x".repeat(LONGEST + 1),
        ] {
            at(path.clone()).add(line);
        }
        assert_eq!(at(path.clone()).lines(), ["ping", "poll 0x7C3A"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(path.parent().unwrap()), 0o700);
        }
    }

    #[test]
    fn old_lines_are_forgotten_and_the_file_stays_small() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let history = at(path.clone());
        for number in 0..2 * MOST_LINES {
            history.add(&format!("raw {number:0>300}"));
        }
        assert!(fs::metadata(&path).unwrap().len() < 2 * MOST_BYTES);
        let lines = history.lines();
        assert!(lines.len() <= MOST_LINES, "{}", lines.len());
        assert!(lines.last().unwrap().ends_with("999"));
        assert!(!path.with_extension("new").exists());
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_remembered() {
        LineHistory::none().add("ping");
        assert_eq!(LineHistory::none().lines(), [""; 0]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, [0xff, b'\n', b'a', b'\n']).unwrap();
        let below = at(file.join("below"));
        below.add("ping");
        assert_eq!(below.lines(), [""; 0]);
        assert_eq!(at(folder.path().to_owned()).lines(), [""; 0]);
        assert_eq!(at(file).lines(), ["\u{fffd}", "a"]);
    }

    #[test]
    fn the_folder_is_where_others_have_it() {
        let text = |text: &str| Some(OsString::from(text));
        let found = |state, home| folder(state, home).map(|it| it.display().to_string());
        assert_eq!(found(text("/s"), text("/h")).as_deref(), Some("/s"));
        for state in [None, text(""), text("relative")] {
            assert_eq!(found(state, text("/h")).as_deref(), Some("/h/.local/state"));
        }
        assert_eq!(found(None, None), None);
    }
}
