//! `wattbridge backup` and `wattbridge restore`: everything in one file, and back again.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::CliError;
use super::setup::ConfigArgs;
use crate::backup::{
    Backup, BackupPart, BackupParts, HeldFile, RestorePlan, UnfinishedRestore, make, restore,
};
use crate::config::File;
use crate::history::HistorySettings;
use crate::store::{Lock, StoreSettings};
use crate::terminal::{remark, say};

/// Saves everything that wattbridge knows in one file, also while it runs
#[derive(Debug, Args)]
#[command(after_help = "\
In the file are: what is kept over restarts (counters, devices, the identity towards Home Assistant), the history, \
the configuration, and what is kept of earlier ones. It holds passwords and keys as the configuration does: only \
its owner can read it; keep it so. Secrets that the configuration takes from other files are not in it.

The file is one of SQLite. It grows no older: `wattbridge restore` puts it back at any later date, on this computer \
or another one.

Examples:
  wattbridge backup wattbridge.backup
  wattbridge backup /mnt/usb                     into this folder, named by date
  wattbridge backup -c /etc/wattbridge/wattbridge.toml /mnt/usb")]
pub struct BackupArgs {
    /// The file, which must not be there yet; or a folder
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Puts back what a backup holds; only while wattbridge does not run
#[derive(Debug, Args)]
#[command(after_help = "\
The backup is looked through wholly before anything is changed: every piece, every database, and whether this \
version knows their formats. What was there is kept beside it under another name.

Counters that were restored go on from the device's own values, so that nothing is counted twice.

Examples:
  wattbridge restore wattbridge.backup --look     only says what is in it
  wattbridge restore wattbridge.backup
  wattbridge restore wattbridge.backup --only history")]
pub struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Says what is in it and whether it is whole, and changes nothing
    #[arg(long)]
    look: bool,
    /// Puts back only this
    #[arg(long, value_name = "PART")]
    only: Option<RestoredPart>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What can be put back alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RestoredPart {
    /// What is kept over restarts
    Store,
    /// The history
    History,
    /// The configuration, and what is kept of earlier ones
    Config,
}

impl From<RestoredPart> for BackupPart {
    fn from(part: RestoredPart) -> Self {
        match part {
            RestoredPart::Store => Self::Store,
            RestoredPart::History => Self::History,
            RestoredPart::Config => Self::Config,
        }
    }
}

pub fn run_backup(args: &BackupArgs) -> Result<(), CliError> {
    let parts = present_parts_aloud(&args.config);
    let file = if args.file.is_dir() {
        let now = Zoned::now().strftime("wattbridge-%Y%m%d-%H%M%S.backup");
        args.file.join(now.to_string())
    } else {
        args.file.clone()
    };
    let held = make(&parts, &file, env!("CARGO_PKG_VERSION")).map_err(|error| {
        let is_there = file.exists();
        let advice = if is_there {
            "; name a file that is not there yet, or a folder"
        } else {
            ""
        };
        anyhow!("{error}{advice}")
    })?;
    let size = std::fs::metadata(&file).map_or(0, |about| about.len());
    say(&format!("{}, {}, holds:", file.display(), bytes(size)));
    list(&held);
    for part in [BackupPart::Store, BackupPart::History, BackupPart::Config] {
        if !held.iter().any(|held| held.part == part) {
            remark(&format!("{} is not in it: there is none.", part.title()));
        }
    }
    let elsewhere = std::fs::read_to_string(&parts.config).map(|text| secret_files(&text));
    for path in elsewhere.unwrap_or_default() {
        remark(&format!(
            "The configuration takes a secret from {path}, which is not in it: save that file too."
        ));
    }
    say(
        "It holds passwords and keys: keep it private. `wattbridge restore` puts it back, at any later date.",
    );
    Ok(())
}

pub fn run_restore(args: &RestoreArgs) -> Result<(), CliError> {
    let backup = Backup::open(&args.file).map_err(anyhow::Error::from)?;
    let made = backup
        .made
        .and_then(|made| Timestamp::from_second(made).ok());
    let made = made.map_or_else(String::new, |made| {
        let local = made.to_zoned(TimeZone::system());
        local.strftime(", made on %Y-%m-%d at %H:%M").to_string()
    });
    let version = backup.version.as_deref().unwrap_or("an unknown version");
    say(&format!(
        "{}{made} by wattbridge {version}, holds:",
        args.file.display()
    ));
    list(&backup.files);
    if args.look {
        backup.check().map_err(anyhow::Error::from)?;
        say("It is whole. Nothing was changed.");
        return Ok(());
    }
    let parts = match args.only {
        Some(only) => vec![BackupPart::from(only)],
        None => vec![BackupPart::Store, BackupPart::History, BackupPart::Config],
    };
    let text = match parts.contains(&BackupPart::Config) {
        true => backup.config().map_err(anyhow::Error::from)?,
        false => None,
    };
    let places = places_for(&args.config, text.as_deref());
    // Also of the store that is there now, should the configuration in the backup name another one.
    let present = present_parts_aloud(&args.config).store;
    let other = (present != places.store && present.exists()).then_some(present);
    let lock = |store: &Path| Lock::take(store, &args.config.config).map_err(anyhow::Error::from);
    let _other = other.map(|store| lock(&store)).transpose()?;
    let _lock = lock(&places.store)?;
    for file in [&places.config, &places.store] {
        let unfinished = UnfinishedRestore::beside(file).map_err(anyhow::Error::from)?;
        if let Some(unfinished) = unfinished {
            unfinished.finish().map_err(anyhow::Error::from)?;
            remark("A restore that was interrupted was brought to its end first.");
        }
    }
    let done = restore(&backup, &plan(places, parts)).map_err(anyhow::Error::from)?;
    for restored in &done {
        let kept = restored.kept.as_ref().map_or_else(String::new, |kept| {
            format!(" What was there is kept as {}.", kept.display())
        });
        say(&format!(
            "Put back: {}, {}.{kept}",
            restored.part.title(),
            restored.path.display()
        ));
    }
    say("Start wattbridge again, for example with `systemctl start wattbridge`.");
    if done.iter().any(|restored| restored.kept.is_some()) {
        say("If all is well, the files that were kept may be deleted.");
    }
    Ok(())
}

/// How a backup is put back.
pub fn plan(places: BackupParts, parts: Vec<BackupPart>) -> RestorePlan {
    RestorePlan {
        places,
        parts,
        store_steps: crate::store::steps(),
        history_steps: crate::history::steps(),
        aside: Zoned::now()
            .strftime("before-restore-%Y%m%d-%H%M%S")
            .to_string(),
    }
}

/// Where everything belongs once this configuration is there; where it is now, if none comes.
pub fn places_for(args: &ConfigArgs, text: Option<&str>) -> BackupParts {
    match text {
        Some(text) => parts_of(args, args.file_of(text).ok().as_ref()),
        None => present_parts(args),
    }
}

/// Where everything is by the configuration that is there; where it cannot be read, at the usual places.
pub fn present_parts(args: &ConfigArgs) -> BackupParts {
    let file = args.config.exists().then(|| args.file().ok()).flatten();
    parts_of(args, file.as_ref())
}

/// The same for who gives a command, and may wonder.
fn present_parts_aloud(args: &ConfigArgs) -> BackupParts {
    if args.config.exists() && args.file().is_err() {
        remark(&format!(
            "{} cannot be used (see `wattbridge check`), so the other files are looked for at their usual places.",
            args.config.display()
        ));
    }
    present_parts(args)
}

fn parts_of(args: &ConfigArgs, file: Option<&File>) -> BackupParts {
    let store: StoreSettings = file
        .and_then(|file| file.settings("store").ok())
        .unwrap_or_default();
    let history: HistorySettings = file
        .and_then(|file| file.settings("history").ok())
        .unwrap_or_default();
    BackupParts {
        history: args.history_path(&history, &store),
        store: args.store_path(&store),
        config: args.config.clone(),
    }
}

fn list(files: &[HeldFile]) {
    for held in files {
        let changed = Timestamp::from_second(held.changed).unwrap_or_default();
        let changed = changed.to_zoned(TimeZone::system());
        let changed = changed.strftime("%Y-%m-%d %H:%M");
        let (name, size) = (held.name.escape_debug().to_string(), bytes(held.bytes));
        let title = held.part.title();
        say(&format!("  {name:<34} {size:>9}  {changed}  {title}"));
    }
}

/// A size as people read it.
fn bytes(count: u64) -> String {
    let count = count as f64;
    match count {
        ..1e3 => format!("{count:.0} bytes"),
        ..1e6 => format!("{:.1} kB", count / 1e3),
        ..1e9 => format!("{:.1} MB", count / 1e6),
        _ => format!("{:.2} GB", count / 1e9),
    }
}

/// The files from which a configuration takes secrets.
fn secret_files(text: &str) -> Vec<String> {
    fn look(value: &toml::Value, found: &mut Vec<String>) {
        match value {
            toml::Value::Table(table) => {
                if let (1, Some(toml::Value::String(path))) = (table.len(), table.get("file")) {
                    found.push(path.clone());
                }
                table.values().for_each(|value| look(value, found));
            }
            toml::Value::Array(values) => values.iter().for_each(|value| look(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        look(&toml::Value::Table(table), &mut found);
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable_and_secrets_elsewhere_are_found() {
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_500_000), "1.5 MB");
        assert_eq!(bytes(2_340_000_000), "2.34 GB");
        let text = "[mqtt]\npassword = { file = \"/etc/p\" }\n[[a]]\nkey = { file = \"/etc/k\" }\n\
                    [[a]]\nkey = { file = \"/etc/k\" }\nfile = \"no\"\nother = 1\n";
        assert_eq!(secret_files(text), ["/etc/k", "/etc/p"]);
    }
}
