//! A disk without space.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use wattbridge::history::{History, HistorySettings};
use wattbridge::model::{Decimal, Device, Metric, Quantity};

const SOON: Duration = Duration::from_secs(20);

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
    let history = History::open_stepped(&path, &HistorySettings::default(), TimeZone::UTC);
    let mut device = Device::new("test", "meter", "Meter", "nobody");
    let keys: Vec<String> = (0..40).map(|it| format!("value_{it}")).collect();
    device.metrics = keys
        .iter()
        .map(|key| Metric {
            key: key.clone().into(),
            ..Metric::measurement("", Quantity::Power)
        })
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
