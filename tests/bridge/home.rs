//! A folder with a configuration file, and the program that runs with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::process::{Done, Process, done};

pub(crate) struct Home {
    folder: TempDir,
    broker: u16,
}

impl Home {
    pub(crate) fn new(broker: u16, sections: &[String]) -> Self {
        let home = Self {
            folder: tempfile::tempdir().unwrap(),
            broker,
        };
        home.write(sections);
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("wattbridge.toml")
    }

    /// Writes the file anew: a broker, a store that is written at once, no pace, for the time of the
    /// simulated devices runs a thousand times faster than that of people, and these sections.
    pub(crate) fn write(&self, sections: &[String]) {
        let head = format!(
            "[mqtt]\nport = {}\n\n[home_assistant]\npace = {{ \"*\" = {{ every = \"0s\" }} }}\n\n\
             [store]\nsave_every = \"0s\"\n\n",
            self.broker
        );
        fs::write(self.file(), head + &sections.join("\n")).unwrap();
        // There may be keys in it.
        fs::set_permissions(self.file(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn run(&self) -> Process {
        Process::start(self.path(), &["run"])
    }

    pub(crate) async fn done(&self, args: &[&str]) -> Done {
        done(self.path(), args).await
    }

    /// Names of the files in the folder.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}
