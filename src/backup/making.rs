//! From files to a backup.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest::{Context, SHA256};
use rusqlite::{Connection, params};

use super::earlier::is_earlier;
use super::room::{beside, check_room, folder_of};
use super::{
    APPLICATION, BackupError, BackupPart, FORMAT, HeldFile, LARGEST_TEXT, PIECE, TABLES, hex,
};
use crate::sqlite::{make_private, to_look_at};

/// Nobody has more earlier configurations.
const MOST_COPIES: usize = 200;

/// Where everything is. What is not there is left out.
#[derive(Debug, Clone)]
pub struct BackupParts {
    /// What is kept over restarts.
    pub store: PathBuf,
    /// The history.
    pub history: PathBuf,
    /// The configuration; what is kept of earlier ones is beside it.
    pub config: PathBuf,
}

impl BackupParts {
    /// Where an earlier configuration belongs, by what follows the name of the configuration in its own.
    pub(super) fn earlier(&self, ending: &str) -> PathBuf {
        let mut name = self.config.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(ending);
        self.config.with_file_name(name)
    }

    /// Bytes of the databases that are there, with what is not folded in yet.
    pub fn databases(&self) -> u64 {
        let length = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
        let log = |path: &Path| {
            let mut log = path.as_os_str().to_owned();
            log.push("-wal");
            length(Path::new(&log))
        };
        [&self.store, &self.history]
            .iter()
            .map(|path| length(path) + log(path))
            .sum()
    }

    /// What is kept of earlier configurations: files beside the configuration whose name begins with its name,
    /// `wattbridge.toml.old-1` for one.
    fn copies(&self) -> Vec<PathBuf> {
        let folder = folder_of(&self.config);
        let start = self.config.file_name().unwrap_or_default();
        let start = format!("{}.", start.to_string_lossy());
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let is_copy = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_str();
            let ending = name.and_then(|name| name.strip_prefix(&start));
            let about = fs::symlink_metadata(path);
            ending.is_some_and(is_earlier)
                && about.is_ok_and(|about| about.is_file() && about.len() <= LARGEST_TEXT)
        };
        let copies = entries.map(|entry| entry.path()).filter(is_copy);
        let mut copies: Vec<PathBuf> = copies.collect();
        copies.sort();
        copies.truncate(MOST_COPIES);
        copies
    }
}

/// Writes a backup, which must not be there yet, and says what is in it. The databases may be in use.
///
/// # Errors
///
/// Something cannot be read or written; nothing is left of the backup then.
pub fn make(parts: &BackupParts, to: &Path, version: &str) -> Result<Vec<HeldFile>, BackupError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::file(to)(ErrorKind::AlreadyExists.into()));
    }
    if !parts.store.exists() && !parts.config.exists() {
        return Err(BackupError::Nothing {
            store: parts.store.clone(),
            config: parts.config.clone(),
        });
    }
    check_room(folder_of(to), parts.databases().saturating_mul(2))?;
    let new = beside(to, "new");
    let copy = beside(to, "part");
    let made = write(parts, &new, &copy, version).and_then(|held| {
        // Unlike renaming, this takes the place of nobody who came first.
        let named = fs::hard_link(&new, to).or_else(|error| match error.kind() {
            ErrorKind::AlreadyExists => Err(error),
            _ => fs::rename(&new, to),
        });
        named.map_err(BackupError::file(to))?;
        Ok(held)
    });
    let _ = fs::remove_file(&new);
    let _ = fs::remove_file(&copy);
    made
}

/// A new, empty file that nobody else can read.
pub(super) fn fresh(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => {
            make_private(path);
            File::open(path).map(drop)
        }
    }
    .map_err(BackupError::file(path))
}

fn write(
    parts: &BackupParts,
    to: &Path,
    copy: &Path,
    version: &str,
) -> Result<Vec<HeldFile>, BackupError> {
    fresh(to)?;
    let database = BackupError::database;
    let mut backup = Connection::open(to).map_err(database(to))?;
    // It is moved to its name when all is in it.
    let settings =
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2048;";
    backup.execute_batch(settings).map_err(database(to))?;
    backup.execute_batch(TABLES).map_err(database(to))?;
    let head = [("application_id", APPLICATION), ("user_version", FORMAT)];
    for (name, value) in head {
        backup
            .pragma_update(None, name, value)
            .map_err(database(to))?;
    }
    let now = seconds(SystemTime::now());
    backup
        .execute(
            "INSERT INTO about VALUES ('version', ?1), ('made', ?2)",
            params![version, now.to_string()],
        )
        .map_err(database(to))?;
    let mut held = Vec::new();
    for (part, path) in [
        (BackupPart::Store, &parts.store),
        (BackupPart::History, &parts.history),
    ] {
        // One that was made a moment ago has nothing in it yet, and could not be put back.
        if path.exists() && vacuum(path, copy)? {
            held.push(add(&mut backup, to, part, path, copy)?);
        }
    }
    if parts.config.exists() {
        let config = &parts.config;
        held.push(add(&mut backup, to, BackupPart::Config, config, config)?);
    }
    for path in parts.copies() {
        held.push(add(&mut backup, to, BackupPart::Copy, &path, &path)?);
    }
    drop(backup);
    let file = File::open(to).map_err(BackupError::file(to))?;
    file.sync_all().map_err(BackupError::file(to))?;
    Ok(held)
}

/// A copy of a database, whole however busy it is. Says whether there is anything in it.
fn vacuum(path: &Path, copy: &Path) -> Result<bool, BackupError> {
    fresh(copy)?;
    let connection = to_look_at(path).map_err(BackupError::database(path))?;
    let patience = std::time::Duration::from_secs(20);
    connection
        .busy_timeout(patience)
        .map_err(BackupError::database(path))?;
    let name = copy.to_str().ok_or_else(|| {
        let odd = std::io::Error::other("its name is no text in UTF-8; choose another folder");
        BackupError::file(copy)(odd)
    })?;
    connection
        .execute("VACUUM INTO ?1", [name])
        .map_err(BackupError::database(path))?;
    let made: i64 = to_look_at(copy)
        .and_then(|copy| copy.pragma_query_value(None, "user_version", |row| row.get(0)))
        .map_err(BackupError::database(copy))?;
    Ok(made != 0)
}

/// Takes a file in, piece by piece.
fn add(
    backup: &mut Connection,
    to: &Path,
    part: BackupPart,
    original: &Path,
    content: &Path,
) -> Result<HeldFile, BackupError> {
    let database = BackupError::database;
    let name = original.file_name().unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    let about = fs::metadata(original).map_err(BackupError::file(original))?;
    let mut file = File::open(content).map_err(BackupError::file(original))?;
    let transaction = backup.transaction().map_err(database(to))?;
    let mut digest = Context::new(&SHA256);
    let mut bytes = 0_u64;
    for number in 0_i64.. {
        let mut piece = Vec::new();
        let room = u64::try_from(PIECE).unwrap_or(u64::MAX);
        let read = (&mut file).take(room).read_to_end(&mut piece);
        read.map_err(BackupError::file(original))?;
        if piece.is_empty() {
            break;
        }
        digest.update(&piece);
        bytes += piece.len() as u64;
        transaction
            .execute(
                "INSERT INTO piece VALUES (?1, ?2, ?3)",
                params![name, number, piece],
            )
            .map_err(database(to))?;
    }
    let held = HeldFile {
        name,
        part,
        bytes,
        changed: about.modified().map_or(0, seconds),
        sha256: hex(digest.finish().as_ref()),
    };
    transaction
        .execute(
            "INSERT INTO file VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                held.name,
                part.word(),
                i64::try_from(bytes).unwrap_or(i64::MAX),
                held.changed,
                held.sha256
            ],
        )
        .map_err(database(to))?;
    transaction.commit().map_err(database(to))?;
    Ok(held)
}

fn seconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}
