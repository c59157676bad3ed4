use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::Connection;

use super::*;

fn database(path: &Path, format: i64, rows: i64) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    connection
        .pragma_update(None, "user_version", format)
        .unwrap();
    connection.execute_batch("CREATE TABLE t (x TEXT)").unwrap();
    for row in 0..rows {
        let text = format!("{row} {}", "x".repeat(200));
        connection
            .execute("INSERT INTO t VALUES (?1)", [text])
            .unwrap();
    }
    connection
}

fn rows(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    let count = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
    count.unwrap()
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn parts(&self) -> BackupParts {
        BackupParts {
            store: self.path("wattbridge.db"),
            history: self.path("wattbridge-history.db"),
            config: self.path("wattbridge.toml"),
        }
    }

    fn plan(&self) -> RestorePlan {
        RestorePlan {
            places: self.parts(),
            only: None,
            known: (3, 1),
            aside: "before".to_owned(),
        }
    }

    /// With an open store and history, a configuration and an earlier one.
    fn filled(rows: i64) -> (Self, [Connection; 2]) {
        let place = Self::new();
        let store = database(&place.path("wattbridge.db"), 3, 10);
        let history = database(&place.path("wattbridge-history.db"), 1, rows);
        fs::write(place.path("wattbridge.toml"), "[mqtt]\n").unwrap();
        fs::write(place.path("wattbridge.toml.old-1"), "# earlier\n").unwrap();
        (place, [store, history])
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn everything_comes_back_on_another_computer() {
    // More than one piece.
    let (from, _open) = Place::filled(8_000);
    let to = from.path("all.backup");
    let held = make(&from.parts(), &to, "0.1.0").unwrap();
    let names: Vec<&str> = held.iter().map(|held| held.name.as_str()).collect();
    let all = [
        "wattbridge.db",
        "wattbridge-history.db",
        "wattbridge.toml",
        "wattbridge.toml.old-1",
    ];
    assert_eq!(names, all);
    assert!(held[1].bytes > PIECE as u64);
    assert_eq!(
        fs::metadata(&to).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!from.names().iter().any(|name| name.starts_with('.')));
    assert!(matches!(
        make(&from.parts(), &to, "0.1.0"),
        Err(BackupError::File { .. })
    ));

    let other = Place::new();
    let backup = Backup::open(&to).unwrap();
    assert_eq!(backup.version.as_deref(), Some("0.1.0"));
    let done = restore(&backup, &other.plan()).unwrap();
    assert_eq!(done.len(), 4);
    assert!(done.iter().all(|restored| restored.kept.is_none()));
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    assert_eq!(other.names(), sorted);
    assert_eq!(rows(&other.path("wattbridge-history.db")), 8_000);
    assert_eq!(
        fs::read_to_string(other.path("wattbridge.toml")).unwrap(),
        "[mqtt]\n"
    );
}

#[test]
fn what_was_there_is_kept() {
    let (from, _open) = Place::filled(10);
    let to = from.path("all.backup");
    make(&from.parts(), &to, "0.1.0").unwrap();
    let (there, open) = Place::filled(77);
    drop(open);
    fs::write(there.path("wattbridge.toml"), "[other]\n").unwrap();
    fs::set_permissions(
        there.path("wattbridge.toml"),
        fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    let backup = Backup::open(&to).unwrap();
    let only = RestorePlan {
        only: Some(BackupPart::History),
        ..there.plan()
    };
    assert_eq!(restore(&backup, &only).unwrap().len(), 1);
    assert_eq!(rows(&there.path("wattbridge-history.db")), 10);
    assert_eq!(rows(&there.path("wattbridge-history.db.before")), 77);
    assert_eq!(
        fs::read_to_string(there.path("wattbridge.toml")).unwrap(),
        "[other]\n"
    );
    let again = RestorePlan {
        aside: "again".to_owned(),
        ..there.plan()
    };
    restore(&backup, &again).unwrap();
    assert_eq!(
        fs::read_to_string(there.path("wattbridge.toml")).unwrap(),
        "[mqtt]\n"
    );
    assert_eq!(
        fs::read_to_string(there.path("wattbridge.toml.again")).unwrap(),
        "[other]\n"
    );
    let mode = fs::metadata(there.path("wattbridge.toml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn what_cannot_be_used_changes_nothing() {
    let (from, _open) = Place::filled(8_000);
    let to = from.path("all.backup");
    make(&from.parts(), &to, "0.1.0").unwrap();
    let (there, open) = Place::filled(5);
    drop(open);
    let before = there.names();
    let refused = |backup: &Path, plan: RestorePlan| {
        let error = Backup::open(backup).and_then(|backup| restore(&backup, &plan));
        let words = error.unwrap_err().to_string();
        assert_eq!(there.names(), before, "{words}");
        assert_eq!(rows(&there.path("wattbridge-history.db")), 5, "{words}");
        words
    };
    let older = RestorePlan {
        known: (3, 0),
        ..there.plan()
    };
    assert!(refused(&to, older).contains("newer version"));

    let mut bytes = fs::read(&to).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let bad = from.path("bad.backup");
    fs::write(&bad, &bytes).unwrap();
    assert!(refused(&bad, there.plan()).contains("damaged"));
    bytes.truncate(middle);
    fs::write(&bad, &bytes).unwrap();
    refused(&bad, there.plan());
    for other in [
        "",
        "just text, no database at all, but long enough to be looked at",
    ] {
        fs::write(&bad, other).unwrap();
        assert!(refused(&bad, there.plan()).contains("no backup"), "{other}");
    }
    assert!(refused(&from.path("wattbridge.db"), there.plan()).contains("no backup"));
    assert!(refused(&from.path("missing"), there.plan()).contains("missing"));

    // Names that lead elsewhere.
    fs::copy(&to, &bad).unwrap();
    let connection = Connection::open(&bad).unwrap();
    let away = "UPDATE file SET name = '../../away' WHERE part = 'copy'";
    connection.execute(away, []).unwrap();
    drop(connection);
    assert!(refused(&bad, there.plan()).contains("is called"));
}

#[test]
fn a_failure_in_the_middle_puts_everything_back() {
    let (from, _open) = Place::filled(10);
    let to = from.path("all.backup");
    make(&from.parts(), &to, "0.1.0").unwrap();
    let (there, open) = Place::filled(5);
    drop(open);
    // Nothing can take the place of a folder with something in it.
    let blocked = RestorePlan {
        aside: "before".to_owned(),
        ..there.plan()
    };
    fs::create_dir(there.path("wattbridge.toml.before")).unwrap();
    fs::write(there.path("wattbridge.toml.before/x"), "").unwrap();
    let backup = Backup::open(&to).unwrap();
    restore(&backup, &blocked).unwrap_err();
    assert_eq!(rows(&there.path("wattbridge-history.db")), 5);
    assert!(!there.names().iter().any(|name| name.ends_with(".restored")));
    assert!(!there.path("wattbridge.db.before").exists());
}
