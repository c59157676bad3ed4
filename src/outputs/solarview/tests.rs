//! What stands in the file, and what becomes of it on a disk.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use crate::outputs::file_troubles::Unwritable;

fn totals(import: i64, export: Option<i64>) -> Totals {
    Totals {
        import: Some(Decimal::from_watt_hours(import)),
        export: export.map(Decimal::from_watt_hours),
        is_complete: true,
    }
}

#[test]
fn the_file_is_what_solarview_reads() {
    assert_eq!(
        content(&totals(12_345_678, Some(987_654))),
        "/?!\n/KAIFA\n1.8.0(012345.678*kWh)\n2.8.0(000987.654*kWh)\n!\n"
    );
    // A meter that counts one way only, and one that has counted for very long.
    assert_eq!(
        content(&totals(1_234_567_890, None)),
        "/?!\n/KAIFA\n1.8.0(1234567.890*kWh)\n!\n"
    );
}

proptest! {
    #[test]
    fn a_total_has_ten_characters_or_more_and_is_exact(watt_hours: i64) {
        let text = padded(Decimal::from_watt_hours(watt_hours));
        prop_assert!(text.len() >= 10);
        prop_assert_eq!(text.parse::<Decimal>(), Ok(Decimal::from_watt_hours(watt_hours)));
        prop_assert_eq!(text.split_once('.').unwrap().1.len(), 3);
    }

    #[test]
    fn what_fits_into_ten_characters_has_ten(watt_hours in -99_999_999..=999_999_999_i64) {
        prop_assert_eq!(padded(Decimal::from_watt_hours(watt_hours)).len(), 10);
    }
}

#[test]
fn only_a_path_with_a_file_will_do() {
    let check = |text: &str| {
        let settings: SolarViewSettings = toml::from_str(text).unwrap();
        settings.check().len()
    };
    assert_eq!(check(""), 0);
    assert_eq!(check("enabled = true\npath = \"/tmp/kaifa.txt\""), 0);
    assert_eq!(check("enabled = true"), 1);
    for path in ["", "/", ".."] {
        assert_eq!(check(&format!("path = \"{path}\"")), 1, "{path:?}");
    }
}

#[cfg(unix)]
#[test]
fn everybody_may_read_it_and_nothing_is_left_beside() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kaifa.txt");
    fs::write(folder.path().join(".kaifa.txt.new"), "left by a crash").unwrap();
    write(&path, b"one").unwrap();
    let first = fs::metadata(&path).unwrap();
    assert_eq!(first.permissions().mode() & 0o777, 0o644);
    // The same again is not written, something new is another file.
    write(&path, b"one").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().ino(), first.ino());
    write(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::remove_file(&path).unwrap();
    write(&path, b"two").unwrap();
    assert!(path.exists());
}

#[test]
fn a_failure_has_its_remedy_and_leaves_nothing_beside() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |path: PathBuf| {
        let source = write(&path, b"one").unwrap_err();
        Unwritable::new("solarview", path, source).to_string()
    };
    let error = fails(folder.path().join("missing/kaifa.txt"));
    assert!(error.contains("Make the folder"), "{error}");
    let error = fails(folder.path().to_owned());
    assert!(error.contains("has to be a file"), "{error}");
    fs::write(folder.path().join("file"), "").unwrap();
    let error = fails(folder.path().join("file/kaifa.txt"));
    assert!(error.contains("Make the folder"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Somebody reads all the time while the file is replaced.
#[test]
fn a_reader_never_sees_half_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kaifa.txt");
    let whole = |n: i64| content(&totals(n * 1_000_000_000, Some(n)));
    write(&path, whole(0).as_bytes()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) || reads == 0 {
                let seen = fs::read_to_string(&path).unwrap();
                assert!(
                    seen.starts_with("/?!\n") && seen.ends_with("\n!\n"),
                    "{seen:?}"
                );
                assert_eq!(seen.lines().count(), 5, "{seen:?}");
                reads += 1;
            }
        });
        for n in 1..500 {
            write(&path, whole(n).as_bytes()).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
}
