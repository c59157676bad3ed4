//! A disk without space.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use wattbridge::history::{Departing, History, HistorySettings};
use wattbridge::model::{Decimal, Device, Metric, Quantity};

use super::{SOON, named, stepped};

/// A file system of a megabyte.
struct TinyDisk(PathBuf);

impl TinyDisk {
    /// Only root may mount.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        let mount = mount
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(at);
        let done = mount.output().is_ok_and(|output| output.status.success());
        if !done {
            eprintln!("passed over: a file system cannot be mounted here");
        }
        done.then(|| Self(at.to_owned()))
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_of_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = TinyDisk::mount(&folder.path().join("disk")) else {
        return;
    };
    let path = disk.0.join("history.db");
    let history = stepped(&path, TimeZone::UTC);
    let mut device = Device::new("test", "meter", "Meter", "nobody");
    let keys: Vec<String> = (0..40).map(|it| format!("value_{it}")).collect();
    device.metrics = keys
        .iter()
        .map(|key| named(key.clone(), Metric::measurement("", Quantity::Power)))
        .collect();
    let device = Arc::new(device);
    history.describe(&device);
    let start: Timestamp = "2026-06-15T00:00:00Z".parse().unwrap();
    let ballast = disk.0.join("ballast");
    let mut was_told = false;
    for slot in 1..=105_i64 {
        let now = start + SignedDuration::from_mins(slot * 5);
        let values = keys
            .iter()
            .map(|key| (key.clone(), Decimal::integer(slot).into()));
        history.record(&device.id, now, None, values);
        history.tick(now + SignedDuration::from_secs(60));
        history.flush(SOON);
        match slot {
            // It ends with an error when there is no more space.
            10 => drop(std::fs::write(&ballast, vec![0; 2 << 20])),
            100 => {
                was_told = history.trouble().is_some();
                std::fs::remove_file(&ballast).unwrap();
            }
            _ => {}
        }
    }
    assert!(was_told);
    assert_eq!(history.trouble(), None);
    let file = Connection::open(&path).unwrap();
    let count: i64 = file
        .query_row("SELECT count(*) FROM slot", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 105 * 40);
    let hours: i64 = file
        .query_row("SELECT count(*) FROM hour", [], |row| row.get(0))
        .unwrap();
    assert_eq!(hours, 8 * 40);
    let days: Vec<i64> = {
        let mut statement = file
            .prepare("SELECT value FROM day WHERE series = 1 ORDER BY date")
            .unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    // The mean of 1 to 105.
    assert_eq!(days, [53]);
}

#[test]
fn a_full_disk_costs_nothing_when_settings_are_saved_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = TinyDisk::mount(&folder.path().join("disk")) else {
        return;
    };
    let path = disk.0.join("history.db");
    let mut device = Device::new("test", "meter", "Meter", "nobody");
    device.metrics = vec![Metric::measurement("power", Quantity::Power)];
    let device = Arc::new(device);
    let begin = |before: Option<Departing>| {
        let settings = HistorySettings::default();
        let history = History::open_after(&path, &settings, TimeZone::UTC, before);
        history.describe(&device);
        history
    };
    let now = Timestamp::now();
    let says = |history: &History, hours_ago: i64| {
        let at = now - SignedDuration::from_hours(hours_ago);
        let value = Decimal::integer(hours_ago).into();
        history.late(&device.id, at, None, [("power", value)]);
        history.flush(SOON);
    };
    let history = begin(None);
    says(&history, 9);
    assert_eq!(history.trouble(), None);
    let ballast = disk.0.join("ballast");
    drop(std::fs::write(&ballast, vec![0; 2 << 20]));
    for hours_ago in [8, 7] {
        says(&history, hours_ago);
    }
    assert!(history.trouble().is_some());
    let history = begin(Some(history.leave(true)));
    says(&history, 6);
    std::fs::remove_file(&ballast).unwrap();
    says(&history, 5);
    assert_eq!(history.trouble(), None);
    let file = Connection::open(&path).unwrap();
    let mut statement = file.prepare("SELECT value FROM slot ORDER BY end").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    let values: Vec<i64> = rows.map(Result::unwrap).collect();
    assert_eq!(values, [9, 8, 7, 6, 5]);
}
