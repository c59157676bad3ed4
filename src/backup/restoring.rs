//! From a backup to files: everything is written beside its place and looked at, before anything takes its place.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::earlier::is_earlier;
use super::exchange::{FileMove, PreparedRestore, Restored, is_there, list_beside};
use super::looking::{check_pages, damaged};
use super::making::fresh;
use super::room::{RESTORED, beside, check_room, folder_of};
use super::structure::check_tables;
use super::{Backup, BackupError, BackupPart, BackupParts, HeldFile};
use crate::sqlite::to_look_at;

/// So much of a disk stays free, for those who write meanwhile.
const SPARE: u64 = 4 << 20;

/// What is put back, and where.
#[derive(Debug)]
pub struct RestorePlan {
    /// Where everything belongs.
    pub places: BackupParts,
    /// Only these; copies of earlier configurations go with the configuration.
    pub parts: Vec<BackupPart>,
    /// How the tables of a store are made, step by step: its format says how many of them were done.
    pub store_steps: &'static [&'static str],
    /// The same of a history.
    pub history_steps: &'static [&'static str],
    /// What is added to the name of what was there: `before-restore-20260614-101500`.
    pub aside: String,
}

/// Puts back what a backup holds. Nobody may have the files open.
///
/// # Errors
///
/// Something of the backup cannot be used, or nothing can be written where it belongs: all is as it was then.
pub fn restore(backup: &Backup, plan: &RestorePlan) -> Result<Vec<Restored>, BackupError> {
    prepare(backup, plan)?.commit()
}

/// Writes what a backup holds beside its places, where nobody uses it yet.
///
/// # Errors
///
/// As [`restore`].
pub fn prepare(backup: &Backup, plan: &RestorePlan) -> Result<PreparedRestore, BackupError> {
    backup.check()?;
    let is_wanted = |held: &&HeldFile| match held.part {
        BackupPart::Copy => plan.parts.contains(&BackupPart::Config),
        part => plan.parts.contains(&part),
    };
    let wanted: Vec<&HeldFile> = backup.files.iter().filter(is_wanted).collect();
    if let (&[part], true) = (plan.parts.as_slice(), wanted.is_empty()) {
        return Err(BackupError::Missing {
            path: backup.path().to_owned(),
            part,
        });
    }
    let brings_config = wanted.iter().any(|held| !held.part.is_database());
    let list = if brings_config {
        list_beside(&plan.places.config)
    } else {
        list_beside(&plan.places.store)
    };
    for file in [&plan.places.config, &plan.places.store] {
        let list = list_beside(file);
        if is_there(&list) {
            return Err(BackupError::Unfinished(list));
        }
    }
    let mut prepared = PreparedRestore::new(absolute(&list)?, absolute(&plan.places.store)?);
    for held in wanted {
        let places = &plan.places;
        let place = match held.part {
            BackupPart::Store => places.store.clone(),
            BackupPart::History => places.history.clone(),
            BackupPart::Config => places.config.clone(),
            // It is called as the configuration is here. Whatever else somebody has put in stays there.
            BackupPart::Copy => match backup.ending(held).filter(|ending| is_earlier(ending)) {
                Some(ending) => places.earlier(ending),
                None => continue,
            },
        };
        // A link stays one.
        let place = fs::canonicalize(&place).map_or_else(|_| absolute(&place), Ok)?;
        // What is kept of an earlier configuration says itself which one it is.
        if held.part == BackupPart::Copy && place.exists() {
            continue;
        }
        let mut kept = place.as_os_str().to_owned();
        kept.push(".");
        kept.push(&plan.aside);
        let one = FileMove {
            part: held.part,
            new: beside(&place, RESTORED),
            kept: kept.into(),
            place,
        };
        if is_there(&one.kept) {
            return Err(BackupError::file(&one.kept)(
                io::ErrorKind::AlreadyExists.into(),
            ));
        }
        let (new, place) = (one.new.clone(), one.place.clone());
        prepared.push(one);
        write(backup, held, &new, &place)?;
        check(backup, held, &new, plan)?;
    }
    if prepared.is_empty() {
        return Err(BackupError::NothingNew(backup.path().to_owned()));
    }
    Ok(prepared)
}

/// Writes one file beside its place.
fn write(backup: &Backup, held: &HeldFile, new: &Path, place: &Path) -> Result<(), BackupError> {
    let folder = folder_of(place);
    fs::create_dir_all(folder).map_err(BackupError::file(folder))?;
    check_room(folder, held.bytes.saturating_add(SPARE))?;
    fresh(new)?;
    let file = File::options().write(true).open(new);
    let mut file = file.map_err(BackupError::file(new))?;
    backup.copy(held, &mut file)?;
    give(&file, place).map_err(BackupError::file(new))?;
    file.sync_all().map_err(BackupError::file(new))
}

/// Whether a file is what it should be, and of a format that is known.
fn check(
    backup: &Backup,
    held: &HeldFile,
    new: &Path,
    plan: &RestorePlan,
) -> Result<(), BackupError> {
    let steps = match held.part {
        BackupPart::Store => plan.store_steps,
        BackupPart::History => plan.history_steps,
        BackupPart::Config => return check_config(backup),
        BackupPart::Copy => return Ok(()),
    };
    let bad = |what: String| {
        damaged(
            backup.path(),
            format!("{}: {what}", held.name.escape_debug()),
        )
    };
    let connection = to_look_at(new).map_err(|error| bad(error.to_string()))?;
    let found: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| bad(error.to_string()))?;
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(BackupError::Newer {
            path: backup.path().to_owned(),
            what: held.part.title(),
            found,
            known,
        });
    }
    let title = held.part.title();
    let steps = usize::try_from(found)
        .ok()
        .and_then(|done| steps.get(..done));
    let steps = steps
        .filter(|steps| !steps.is_empty())
        .ok_or_else(|| backup.unfit(format!("{title} in it is none of wattbridge")))?;
    check_tables(&connection, steps)
        .map_err(|what| backup.unfit(format!("{title} in it is none of wattbridge: {what}")))?;
    check_pages(&connection).map_err(bad)
}

/// What is no TOML would take the place of a configuration that is one.
fn check_config(backup: &Backup) -> Result<(), BackupError> {
    let text = backup.config()?.unwrap_or_default();
    text.trim_start_matches('\u{feff}')
        .parse::<toml::Table>()
        .map(drop)
        .map_err(|error| {
            let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
            let line = before.split('\n').count();
            backup.unfit(format!(
                "the configuration in it is no TOML (line {line}); leave it out with --only store or --only history"
            ))
        })
}

/// Gives a file to whom the one in its place belongs, else to whom the folder does: who restores may be another
/// user than the service.
fn give(file: &File, place: &Path) -> io::Result<()> {
    let before = fs::metadata(place);
    let like = before.as_ref().ok().cloned();
    let like = like.map_or_else(|| fs::metadata(folder_of(place)), Ok)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) && own.uid() == 0 {
        fchown(file, Some(like.uid()), Some(like.gid()))?;
    }
    let mode = before.map_or(0o600, |before| before.mode() & 0o777);
    file.set_permissions(Permissions::from_mode(mode))
}

fn absolute(path: &Path) -> Result<PathBuf, BackupError> {
    std::path::absolute(path).map_err(BackupError::file(path))
}
