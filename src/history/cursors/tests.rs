//! Files of all formats, looked at.

use super::*;
use crate::history::steps;

/// A file in one of the formats, left by a program that has ended.
fn file_of_format(path: &Path, format: usize) {
    let file = Connection::open(path).unwrap();
    for step in &steps()[..format] {
        file.execute_batch(step).unwrap();
    }
    file.pragma_update(None, "user_version", format as i64)
        .unwrap();
}

#[tokio::test]
async fn whoever_looks_leaves_the_file_as_it_is() {
    let newest = steps().len();
    let first = steps()
        .iter()
        .position(|step| step.contains(CURSOR))
        .unwrap();
    for format in [1, first, first + 1, newest, newest + 1] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        file_of_format(&path, format.min(newest));
        let has_cursors = format > first;
        let file = Connection::open(&path).unwrap();
        if has_cursors {
            file.execute_batch(
                "INSERT INTO export_cursor VALUES ('a', 5, 1, 0, '', NULL, 'Online')",
            )
            .unwrap();
        }
        file.pragma_update(None, "user_version", format as i64)
            .unwrap();
        drop(file);
        let before = std::fs::read(&path).unwrap();
        let cursors = Cursors::to_look_at(&path).unwrap();
        let all = cursors.all().await.unwrap();
        assert_eq!(all.contains_key("a"), has_cursors, "{format}");
        assert!(cursors.given_up("a").await.unwrap().is_empty());
        if has_cursors {
            assert!(cursors.hurry("a").await.is_err(), "{format}");
        }
        drop(cursors);
        assert!(std::fs::read(&path).unwrap() == before, "{format}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
    assert!(Cursors::to_look_at(Path::new("/nowhere/at/all")).is_err());
}
