//! The program is killed at any moment: what was committed is there, and all of it fits together.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use wattbridge::history::Calendar;
use wattbridge::model::{Decimal, Device, Metric, Quantity};

use super::{SOON, stepped, vienna};

/// The variable that makes the test below the program that is killed.
const CHILD: &str = "WATTBRIDGE_TEST_HISTORY";
/// The gain of the counter in each slot, in watt-hours.
const GAIN: i64 = 7;
/// When all begins: some days before a change of the clock.
const START: &str = "2026-03-25T12:00:00Z";

fn device() -> Device {
    let mut device = Device::new("test", "meter", "Meter", "nobody");
    device.metrics = vec![
        Metric::measurement("power", Quantity::Power),
        Metric::lifetime("energy_import", Quantity::Energy).decimals(3),
    ];
    device
}

/// Feeds a history from the slot on that comes after the last one, and says after each five minutes which slot is
/// on the disk. Ends with its parent.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let path = Path::new(&path);
    let start: Timestamp = START.parse().unwrap();
    let history = stepped(path, vienna());
    let device = Arc::new(device());
    history.describe(&device);
    history.flush(SOON);
    let done = newest(path).map_or(0, |end| (end - start.as_second()) / 300);
    for slot in done + 1.. {
        for part in 1..=3 {
            let at = start + SignedDuration::from_secs((slot - 1) * 300 + part * 90);
            let energy = Decimal::from_watt_hours(1_000_000 + (slot - 1) * GAIN + part * 2);
            let values = [
                ("power", (slot * 10 + part).into()),
                ("energy_import", energy),
            ];
            let values: [(&str, Decimal); 2] = values;
            let values = values.map(|(key, value)| (key, value.into()));
            history.record(&device.id, at, None, values);
        }
        history.tick(start + SignedDuration::from_secs(slot * 300 + 60));
        history.flush(SOON);
        let mut out = std::io::stdout();
        if writeln!(out, "committed {slot}").and(out.flush()).is_err() {
            return;
        }
    }
}

fn newest(path: &Path) -> Option<i64> {
    let file = Connection::open(path).unwrap();
    let newest = file.query_row("SELECT max(end) FROM slot", [], |row| row.get(0));
    newest.unwrap()
}

/// Kills it after so many slots that it has told of, and a moment more. The last that it told of comes back.
fn kill_after(path: &Path, slots: usize, moment: Duration) -> i64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kills::child", "--exact", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let number = |line: String| {
        line.rsplit_once("committed ")
            .map(|(_, it)| it.parse().unwrap())
    };
    let told = said.by_ref().map_while(Result::ok).filter_map(number);
    let mut last: i64 = told.take(slots).last().unwrap();
    // At any moment: the one that follows is not chosen with care.
    std::thread::park_timeout(moment);
    child.kill().unwrap();
    child.wait().unwrap();
    if let Some(more) = said.map_while(Result::ok).filter_map(number).last() {
        last = more;
    }
    last
}

#[test]
fn no_slot_that_was_committed_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let start: Timestamp = START.parse().unwrap();
    let calendar = Calendar::new(vienna());
    for kill in 0..25 {
        let slots = 1 + (kill * 37) % 120;
        let moment = Duration::from_micros(u64::try_from(kill * 613 % 4000).unwrap());
        let told = kill_after(&path, slots, moment);
        let file = Connection::open(&path).unwrap();
        let fine: String = file
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(fine, "ok");
        let mut statement = file
            .prepare("SELECT end, value FROM slot JOIN series ON id = series WHERE key = 'energy_import' ORDER BY end")
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let rows: Vec<(i64, i64)> = rows.unwrap().map(Result::unwrap).collect();
        assert!(
            i64::try_from(rows.len()).unwrap() >= told,
            "{told} of {}",
            rows.len()
        );
        // Whole and without holes, wherever it was killed.
        let mut days: BTreeMap<String, i64> = BTreeMap::new();
        let mut before = None;
        for (slot, (end, value)) in (1..).zip(&rows) {
            assert_eq!(*end, start.as_second() + slot * 300);
            assert_eq!(*value, 1_000_000 + (slot - 1) * GAIN + 6);
            let gain = before.map_or(0, |before| value - before);
            let day = calendar.day_of(Timestamp::from_second(end - 1).unwrap());
            *days.entry(day.strftime("%Y%m%d").to_string()).or_default() += gain;
            before = Some(*value);
        }
        // The days say what the slots say, over restarts and the change of the clock.
        let mut statement = file
            .prepare("SELECT date, value FROM day JOIN series ON id = series WHERE key = 'energy_import' ORDER BY date")
            .unwrap();
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, i64>(0)?.to_string(), row.get(1)?))
        });
        let kept: BTreeMap<String, i64> = rows.unwrap().map(Result::unwrap).collect();
        assert_eq!(kept, days, "after kill {kill}");
    }
    assert!(newest(&path).unwrap() > start.as_second() + 4 * 86_400);
}
