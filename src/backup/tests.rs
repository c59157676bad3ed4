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

fn rows_if_there(path: &Path) -> Option<i64> {
    path.exists().then(|| rows(path))
}

fn rows(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    let count = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
    count.unwrap()
}

const STORE: &[&str] = &["CREATE TABLE t (x TEXT)", "", ""];
const HISTORY: &[&str] = &["CREATE TABLE t (x TEXT)"];

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
            parts: vec![BackupPart::Store, BackupPart::History, BackupPart::Config],
            store_steps: STORE,
            history_steps: HISTORY,
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
fn a_database_that_was_just_made_is_left_out() {
    let (from, _open) = Place::filled(10);
    let empty = from.path("wattbridge-history.db");
    drop(fs::remove_file(&empty));
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(from.path(&format!("wattbridge-history.db{end}")));
    }
    fs::write(&empty, "").unwrap();
    let to = from.path("all.backup");
    let held = make(&from.parts(), &to, "0.1.0").unwrap();
    assert!(!held.iter().any(|held| held.part == BackupPart::History));
    assert_eq!(
        restore(&Backup::open(&to).unwrap(), &Place::new().plan())
            .unwrap()
            .len(),
        3
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
        parts: vec![BackupPart::History],
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
        history_steps: &[],
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
    let backup = Backup::open(&to).unwrap();
    // Nothing can take the place of a folder with something in it.
    let blocked = there.path("wattbridge.toml.before");
    let block = || {
        let _ = fs::create_dir_all(blocked.join("x"));
    };
    let before = there.names();
    let prepared = prepare(&backup, &there.plan()).unwrap();
    assert_eq!(prepared.count(BackupPart::Copy), 0, "it is there already");
    assert!(prepared.file_of(BackupPart::Store).unwrap().exists());
    drop(prepared);
    assert_eq!(
        there.names(),
        before,
        "nothing is left of what nobody wants"
    );

    block();
    let refused = prepare(&backup, &there.plan()).unwrap_err();
    assert!(refused.to_string().contains("before"), "{refused}");
    fs::remove_dir_all(&blocked).unwrap();
    assert_eq!(there.names(), before);

    // Somebody takes the name for what was there, in the middle of it.
    let prepared = prepare(&backup, &there.plan()).unwrap();
    let refused = prepared.commit_in_steps(&|| {
        if rows_if_there(&there.path("wattbridge-history.db")) == Some(10) {
            block();
        }
    });
    refused.unwrap_err();
    assert_eq!(rows(&there.path("wattbridge.db")), 10);
    assert_eq!(rows(&there.path("wattbridge-history.db")), 5);
    for name in there.names() {
        assert!(
            !name.ends_with(".restored") && !name.ends_with(".restoring"),
            "{name}"
        );
    }
    assert!(there.path("wattbridge.toml").is_file());
    assert!(!there.path("wattbridge.db.before").exists());
}

#[test]
fn what_is_no_store_no_history_and_no_configuration_is_refused() {
    let (from, open) = Place::filled(10);
    let whole = from.path("all.backup");
    make(&from.parts(), &whole, "0.1.0").unwrap();
    let there = Place::new();
    let refused = |backup: &Path| {
        let error = Backup::open(backup).and_then(|backup| restore(&backup, &there.plan()));
        let words = error.expect_err("it was taken").to_string();
        assert_eq!(there.names(), [""; 0], "{words}");
        words
    };
    let bad = from.path("bad.backup");
    // What the list says.
    for (change, words) in [
        ("UPDATE file SET bytes = -1 WHERE part = 'store'", "-1 bytes"),
        ("UPDATE file SET part = 'mystery' WHERE part = 'store'", "\"mystery\""),
        ("UPDATE file SET part = 'history' WHERE part = 'store'", "more than once"),
        ("DELETE FROM file", "nothing in it"),
        ("DELETE FROM piece", "not as it was"),
        ("CREATE VIEW v AS SELECT 1", "more in it than tables"),
        ("DROP TABLE piece; CREATE VIRTUAL TABLE piece USING rtree(id, x, y)", "more in it than tables"),
        ("DROP TABLE about", "\"about\" is missing"),
        (
            "DROP TABLE file; CREATE VIEW file AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)
             SELECT n AS name, 'copy' AS part, 0 AS bytes, 0 AS changed, '' AS sha256 FROM r",
            "more in it than tables",
        ),
        (
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE VIEW piece AS SELECT 1' WHERE name = 'piece'",
            "",
        ),
        (
            "ALTER TABLE piece ADD COLUMN more BLOB AS (zeroblob(1000000000))",
            "\"piece\" is another one",
        ),
    ] {
        fs::copy(&whole, &bad).unwrap();
        let connection = Connection::open(&bad).unwrap();
        match connection.execute_batch(change) {
            // Not every SQLite has such tables.
            Err(_) if change.contains("VIRTUAL") => continue,
            done => done.unwrap(),
        }
        drop(connection);
        let said = refused(&bad);
        assert!(said.contains(words), "{change}: {said}");
    }
    // What is in it, as wattbridge itself would have saved it.
    for (change, words) in [
        ("DROP TABLE t", "\"t\" is missing"),
        (
            "DROP TABLE t; CREATE TABLE t (y TEXT)",
            "\"t\" is another one",
        ),
        (
            "CREATE TRIGGER no BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'no'); END",
            "more in it than tables",
        ),
        ("CREATE VIEW v AS SELECT 1", "more in it than tables"),
        ("PRAGMA user_version = -4", "none of wattbridge"),
        ("PRAGMA user_version = 9", "newer version"),
    ] {
        for name in ["wattbridge.db", "wattbridge-history.db"] {
            let (other, _open) = Place::filled(3);
            let connection = Connection::open(other.path(name)).unwrap();
            connection.execute_batch(change).unwrap();
            let _ = fs::remove_file(&bad);
            make(&other.parts(), &bad, "0.1.0").unwrap();
            let said = refused(&bad);
            assert!(said.contains(words), "{name}: {change}: {said}");
        }
    }
    for (text, words) in [
        (&b"\xff\xfe[mqtt]"[..], "no text"),
        (b"[mqtt]\nhost = \n", "no TOML (line 2)"),
    ] {
        fs::write(from.path("wattbridge.toml"), text).unwrap();
        let _ = fs::remove_file(&bad);
        make(&from.parts(), &bad, "0.1.0").unwrap();
        let said = refused(&bad);
        assert!(said.contains(words), "{said}");
    }
    // What is there already is nothing new.
    drop(open);
    for gone in ["wattbridge.db", "wattbridge-history.db"] {
        fs::remove_file(from.path(gone)).unwrap();
    }
    fs::write(from.path("wattbridge.toml"), "").unwrap();
    let _ = fs::remove_file(&bad);
    make(&from.parts(), &bad, "0.1.0").unwrap();
    let connection = Connection::open(&bad).unwrap();
    connection
        .execute_batch("DELETE FROM file WHERE part = 'config'")
        .unwrap();
    drop(connection);
    refused(&bad);
    let backup = Backup::open(&whole).unwrap();
    let counts = StoredCounts::of(Some(&from.path("wattbridge-history.db")), None);
    assert_eq!(counts, StoredCounts::default());
    drop(backup);
}

#[test]
fn a_copy_is_called_as_the_configuration_is_here_and_leads_nowhere_else() {
    let (from, _open) = Place::filled(10);
    let whole = from.path("all.backup");
    make(&from.parts(), &whole, "0.1.0").unwrap();
    let changed = |change: &str| {
        let bad = from.path("bad.backup");
        fs::copy(&whole, &bad).unwrap();
        let connection = Connection::open(&bad).unwrap();
        connection.execute_batch(change).unwrap();
        bad
    };
    // A list of files to be moved, under the name that it would be found by.
    let list = changed(
        "UPDATE file SET name = '.wattbridge' WHERE part = 'config';
         UPDATE piece SET file = '.wattbridge' WHERE file = 'wattbridge.toml';
         UPDATE file SET name = '.wattbridge.db.restoring' WHERE part = 'copy';
         UPDATE piece SET file = '.wattbridge.db.restoring' WHERE file = 'wattbridge.toml.old-1'",
    );
    let there = Place::new();
    let done = restore(&Backup::open(&list).unwrap(), &there.plan()).unwrap();
    assert_eq!(done.len(), 3);
    assert!(
        !there.names().iter().any(|name| name.contains("restoring")),
        "{:?}",
        there.names()
    );
    let other = changed(
        "UPDATE file SET name = 'house.toml' WHERE part = 'config';
         UPDATE piece SET file = 'house.toml' WHERE file = 'wattbridge.toml';
         UPDATE file SET name = 'house.toml.old-1' WHERE part = 'copy';
         UPDATE piece SET file = 'house.toml.old-1' WHERE file = 'wattbridge.toml.old-1'",
    );
    let there = Place::new();
    restore(&Backup::open(&other).unwrap(), &there.plan()).unwrap();
    assert!(there.path("wattbridge.toml.old-1").is_file());
    // No configuration is so large.
    for part in ["config", "copy"] {
        let large = changed(&format!(
            "UPDATE file SET bytes = 1048577 WHERE part = '{part}'"
        ));
        let said = Backup::open(&large).unwrap_err().to_string();
        assert!(said.contains("larger than 1 MiB"), "{said}");
    }
}

#[test]
fn a_list_of_other_files_is_not_followed() {
    let there = Place::new();
    let config = there.path("wattbridge.toml");
    let listed = |part: &str, place: &Path| {
        let name = place.file_name().unwrap().to_str().unwrap();
        let list = serde_json::json!({ "store": there.path("wattbridge.db"), "moves": [{
            "part": part, "new": place.with_file_name(format!(".{name}.restored")), "place": place,
            "kept": place.with_file_name(format!("{name}.before")),
        }] });
        fs::write(there.path(".wattbridge.toml.restoring"), list.to_string()).unwrap();
        UnfinishedRestore::beside(&config).is_ok()
    };
    for (part, name) in [
        ("store", "wattbridge.db"),
        ("history", "wattbridge-history.db"),
        ("config", "wattbridge.toml"),
        ("copy", "wattbridge.toml.old-1"),
    ] {
        assert!(listed(part, &there.path(name)), "{part}");
    }
    for (part, name) in [
        ("store", "other.db"),
        ("history", "wattbridge.db"),
        ("history", ".other.restoring"),
        ("config", "other.toml"),
        ("copy", "wattbridge.toml.sh"),
        ("copy", "other"),
    ] {
        assert!(!listed(part, &there.path(name)), "{part} {name}");
    }
    assert!(!listed("copy", Path::new("/etc/wattbridge.toml.old-1")));
}

#[test]
fn what_is_gone_meanwhile_is_put_back_in_no_part() {
    let (from, _open) = Place::filled(10);
    let to = from.path("all.backup");
    make(&from.parts(), &to, "0.1.0").unwrap();
    let (there, open) = Place::filled(5);
    drop(open);
    let before = there.names();
    let prepared = prepare(&Backup::open(&to).unwrap(), &there.plan()).unwrap();
    fs::remove_file(prepared.file_of(BackupPart::History).unwrap()).unwrap();
    prepared.commit().unwrap_err();
    assert_eq!(there.names(), before);
    assert_eq!(rows(&there.path("wattbridge-history.db")), 5);
}

const STEP: &str = "WATTBRIDGE_TEST_RESTORE_STEP";
const FOLDER: &str = "WATTBRIDGE_TEST_RESTORE_FOLDER";

fn place_in(folder: &Path) -> RestorePlan {
    RestorePlan {
        places: BackupParts {
            store: folder.join("wattbridge.db"),
            history: folder.join("wattbridge-history.db"),
            config: folder.join("wattbridge.toml"),
        },
        ..Place::new().plan()
    }
}

/// What the process does that is killed: not a test of its own.
#[test]
fn child() {
    let (Ok(folder), Ok(step)) = (std::env::var(FOLDER), std::env::var(STEP)) else {
        return;
    };
    let folder = Path::new(&folder);
    let step: u32 = step.parse().unwrap();
    let backup = Backup::open(&folder.join("all.backup")).unwrap();
    let prepared = prepare(&backup, &place_in(folder)).unwrap();
    let count = std::cell::Cell::new(0);
    let done = prepared.commit_in_steps(&|| {
        count.set(count.get() + 1);
        if count.get() == step {
            let own = rustix::process::getpid();
            let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
        }
    });
    done.unwrap();
}

#[test]
fn whoever_is_killed_in_the_middle_leaves_all_of_the_old_or_all_of_the_new() {
    use std::os::unix::process::ExitStatusExt as _;

    let (from, _open) = Place::filled(10);
    let made = from.path("all.backup");
    make(&from.parts(), &made, "0.1.0").unwrap();
    let (mut old, mut new) = (0, 0);
    for step in 1.. {
        let (there, open) = Place::filled(77);
        // With a log that was not folded in, as after a crash.
        std::mem::forget(open);
        fs::write(there.path("wattbridge.toml"), "[other]\n").unwrap();
        fs::copy(&made, there.path("all.backup")).unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "backup::tests::child", "--nocapture"]);
        child
            .env(FOLDER, there.folder.path())
            .env(STEP, step.to_string());
        child
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let ended = child.status().unwrap();
        if ended.signal().is_none() {
            assert!(ended.success() && step > 8, "{step}");
            break;
        }
        // As the next start does.
        let config = there.path("wattbridge.toml");
        if let Some(unfinished) = UnfinishedRestore::beside(&config).unwrap() {
            assert_eq!(unfinished.store(), there.path("wattbridge.db"));
            unfinished.finish().unwrap();
        }
        sweep_leftovers(&there.parts());
        let state = (
            rows(&there.path("wattbridge.db")),
            rows(&there.path("wattbridge-history.db")),
            fs::read_to_string(&config).unwrap(),
        );
        if state == (10, 10, "[mqtt]\n".to_owned()) {
            new += 1;
            assert_eq!(
                rows(&there.path("wattbridge-history.db.before")),
                77,
                "{step}"
            );
        } else {
            old += 1;
            assert_eq!(state, (10, 77, "[other]\n".to_owned()), "{step}");
        }
        assert!(
            !there.names().iter().any(|name| name.starts_with('.')),
            "{:?}",
            there.names()
        );
    }
    assert!(old > 0 && new > 6, "{old} {new}");
}
