//! A file that is damaged, goes, or cannot be used.

use super::*;

#[test]
fn a_file_that_is_no_database_is_set_aside_and_one_that_goes_is_made_again() {
    let (folder, path) = in_folder();
    std::fs::write(&path, "no database at all. ".repeat(500)).unwrap();
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T05:30:00Z"), "power", number(500));
    kept.written(at("2026-06-15T06:00:00Z"));
    let count = || slots(&path, "count(*), 0", "power")[0].0;
    assert_eq!(count(), 1);
    let names = std::fs::read_dir(folder.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().any(|name| name.contains("damaged")));
    assert_eq!(kept.history.trouble(), None);
    // Somebody throws it away while it is used: what is still in memory comes back.
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.path().join(format!("house-history.db{end}")));
    }
    kept.says(&kept.roof, at("2026-06-15T06:02:00Z"), "power", number(700));
    kept.written(at("2026-06-15T06:10:00Z"));
    assert_eq!(count(), 2);
    let series = block_on(kept.history.reader().series()).unwrap();
    assert!(series.iter().any(|info| info.series.key == "power"));
    // Damaged while it is used.
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::remove_file(folder.path().join("house-history.db-wal")).unwrap();
    std::fs::write(&path, vec![0x55; usize::try_from(length).unwrap()]).unwrap();
    kept.says(&kept.roof, at("2026-06-15T06:12:00Z"), "power", number(700));
    kept.written(at("2026-06-15T06:20:00Z"));
    assert!(count() >= 1);
}

#[test]
fn a_file_that_cannot_be_opened_costs_the_history_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("house-history.db");
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T05:00:00Z"), "power", number(500));
    kept.written(at("2026-06-15T06:00:00Z"));
    let trouble = kept.history.trouble().unwrap();
    assert_eq!(trouble.code, HealthCode::Degraded);
    let asked = block_on(kept.history.reader().series());
    assert!(matches!(asked, Err(HistoryError::File(_))));
    // It comes: nothing is lost that is still in memory.
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    kept.written(at("2026-06-15T06:05:00Z"));
    assert_eq!(kept.history.trouble(), None);
    let slots = slots(&path, "value, 0", "power");
    assert_eq!(slots, [(500, 0)]);
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let (_folder, path) = in_folder();
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T05:00:00Z"), "power", number(500));
    kept.written(at("2026-06-15T06:00:00Z"));
    assert!(
        kept.history
            .trouble()
            .unwrap()
            .advice
            .contains("newer version")
    );
    kept.history.close();
    let version = ask(&path, "SELECT user_version, 0 FROM pragma_user_version");
    assert_eq!(version, [(99, 0)]);
}

/// Brings all that is in the log into the file.
fn fold(path: &Path) {
    let file = Connection::open(path).unwrap();
    let fold = "PRAGMA wal_checkpoint(TRUNCATE)";
    file.query_row(fold, [], |_| Ok(())).unwrap();
}

#[test]
fn what_was_written_over_is_set_aside_with_the_next_write() {
    for rest in [vec![0x55; 40_000], Vec::new()] {
        let (_folder, path) = in_folder();
        let kept = Kept::at(&path);
        kept.says(&kept.roof, at("2026-06-15T05:30:00Z"), "power", number(500));
        kept.written(at("2026-06-15T06:00:00Z"));
        fold(&path);
        // The log stays as it is, so that the connection that is open finds all that it needs.
        std::fs::write(&path, rest).unwrap();
        kept.says(&kept.roof, at("2026-06-15T06:02:00Z"), "power", number(700));
        kept.written(at("2026-06-15T06:10:00Z"));
        assert_eq!(slots(&path, "value, 0", "power"), [(500, 0), (700, 0)]);
        assert!(names(&path).iter().any(|name| name.contains("damaged")));
        assert_eq!(kept.history.trouble(), None);
    }
}

#[test]
fn damage_that_a_reader_finds_is_looked_after() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T05:30:00Z"), "power", number(500));
    kept.written(at("2026-06-15T06:00:00Z"));
    fold(&path);
    // All but the first page.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0x55);
    std::fs::write(&path, bytes).unwrap();
    let reader = kept.history.reader();
    let asked = block_on(reader.series());
    assert!(asked.is_err(), "{asked:?}");
    // Whatever comes next.
    kept.says(&kept.roof, at("2026-06-15T06:02:00Z"), "power", number(700));
    awaited("a new file", || {
        names(&path).iter().any(|name| name.contains("damaged"))
    });
    kept.written(at("2026-06-15T06:10:00Z"));
    assert_eq!(slots(&path, "value, 0", "power"), [(500, 0), (700, 0)]);
    block_on(reader.series()).unwrap();
}

#[test]
fn a_statement_that_does_not_fit_sets_no_history_aside() {
    let (_folder, path) = in_folder();
    let kept = Kept::at(&path);
    kept.says(&kept.roof, at("2026-06-15T05:30:00Z"), "power", number(500));
    kept.written(at("2026-06-15T06:00:00Z"));
    let file = Connection::open(&path).unwrap();
    file.execute_batch("ALTER TABLE hour RENAME TO hours")
        .unwrap();
    kept.says(&kept.roof, at("2026-06-15T06:02:00Z"), "power", number(700));
    kept.written(at("2026-06-15T07:10:00Z"));
    assert!(kept.history.trouble().is_some());
    assert!(!names(&path).iter().any(|name| name.contains("damaged")));
    file.execute_batch("ALTER TABLE hours RENAME TO hour")
        .unwrap();
    kept.written(at("2026-06-15T07:20:00Z"));
    assert_eq!(kept.history.trouble(), None);
    assert_eq!(slots(&path, "value, 0", "power"), [(500, 0), (700, 0)]);
}

#[test]
fn what_is_no_file_is_named_as_what_it_is() {
    for (kind, make) in [("a folder", "mkdir"), ("a pipe", "mkfifo")] {
        let (_folder, path) = in_folder();
        let made = std::process::Command::new(make).arg(&path).status();
        assert!(made.unwrap().success());
        let kept = Kept::at(&path);
        kept.says(&kept.roof, at("2026-06-15T05:30:00Z"), "power", number(500));
        kept.written(at("2026-06-15T06:00:00Z"));
        let trouble = kept.history.trouble().unwrap();
        assert!(trouble.detail.contains(kind), "{trouble:?}");
        assert!(trouble.advice.contains("Take it away"), "{trouble:?}");
        let asked = block_on(kept.history.reader().series());
        assert!(matches!(asked, Err(HistoryError::NoFile(_))), "{asked:?}");
        std::process::Command::new("rm")
            .arg("-r")
            .arg(&path)
            .status()
            .unwrap();
        kept.written(at("2026-06-15T06:05:00Z"));
        assert_eq!(slots(&path, "value, 0", "power"), [(500, 0)]);
    }
}
