//! The commands of the history, the real program on real files.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use jiff::civil::date;
use serde_json::Value;

use crate::history::feed;
use crate::simulation::plan;

/// A folder with a configuration in it, perhaps with a history.
struct Place {
    folder: tempfile::TempDir,
}

struct Said {
    out: String,
    err: String,
    code: Option<i32>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = "[mqtt]\nhost = \"127.0.0.1\"\n";
        fs::write(folder.path().join("wattbridge.toml"), config).unwrap();
        Self { folder }
    }

    fn with_history() -> Self {
        Self::with_days(6)
    }

    fn with_days(days: i64) -> Self {
        let place = Self::new();
        feed(&place.history(), plan(date(2026, 6, 1), days));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn history(&self) -> PathBuf {
        self.path("wattbridge-history.db")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wattbridge"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.path("wattbridge.toml"))
            .env("TZ", "Europe/Vienna")
            .env_remove("STATE_DIRECTORY")
            .current_dir(self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        said(&self.command(arguments).output().unwrap())
    }

    fn fed(&self, arguments: &[&str], input: &[u8]) -> Said {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Who has seen enough closes it.
        let _ = stdin.write_all(input);
        drop(stdin);
        said(&child.wait_with_output().unwrap())
    }

    fn good(&self, arguments: &[&str]) -> Said {
        let said = self.run(arguments);
        assert_eq!(
            said.code,
            Some(0),
            "{arguments:?}: {}{}",
            said.out,
            said.err
        );
        said
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn said(output: &Output) -> Said {
    Said {
        out: String::from_utf8(output.stdout.clone()).unwrap(),
        err: String::from_utf8(output.stderr.clone()).unwrap(),
        code: output.status.code(),
    }
}

/// Lines of a table of days: the name of the day and its cells.
fn table(text: &str) -> Vec<Vec<&str>> {
    let lines = text
        .lines()
        .filter(|line| line.starts_with("2026") || line.starts_with('0'));
    lines
        .map(|line| line.split_whitespace().collect())
        .collect()
}

const METER: &str = "smart_meter_1kfm0200654321";

#[test]
fn what_is_kept_is_shown_in_plain_words() {
    let place = Place::with_history();
    let days = place.good(&["history", "show", "--month", "2026-06"]).out;
    assert!(
        days.contains("From grid") && days.contains("Discharged"),
        "{days}"
    );
    assert_eq!(table(&days).len(), 6, "{days}");
    assert!(days.contains("Together"), "{days}");
    assert!(days.contains("values are missing"), "{days}");
    let hours = place.good(&["history", "show", "--day", "2026-06-02"]).out;
    assert_eq!(table(&hours).first().unwrap()[0], "00:00", "{hours}");
    assert!(hours.contains("Into battery"), "{hours}");
    let one = place.good(&["history", "show", "--month", "2026-06", "--device", METER]);
    assert!(one.out.contains("Energy import"), "{}", one.out);
    let json = place
        .good(&["history", "show", "--month", "2026-06", "--json"])
        .out;
    let lines: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["device"], "house");
    assert_eq!(lines.len(), 7);
    assert!(lines[2]["values"]["sun"].is_number(), "{}", lines[2]);
    let nothing = place.good(&["history", "show", "--month", "2020-01"]);
    assert!(nothing.err.contains("history import"), "{}", nothing.err);
    let nobody = place.good(&[
        "history", "show", "--month", "2026-06", "--device", "nobody_1",
    ]);
    assert!(nobody.err.contains("nobody_1"), "{}", nobody.err);
}

#[test]
fn without_a_history_the_way_to_one_is_told() {
    let place = Place::new();
    for arguments in [
        &["history", "show"][..],
        &["history", "export"],
        &["history", "correct", "a_1/b", "2026-06-01", "1"],
    ] {
        let said = place.run(arguments);
        assert_eq!(said.code, Some(1), "{}", said.err);
        assert!(said.err.contains("there is no history yet"), "{}", said.err);
    }
}

#[test]
fn what_was_exported_is_the_same_history_elsewhere() {
    let from = Place::with_days(2);
    // Each sort of counter and measurement; all 46 values take long without optimization.
    let some = [METER, "victron_hq2000000012", "aps_ecu_216200000001"];
    let some = some.map(|device| ["--of", device]).concat();
    for (what, also, of) in [
        ("--days", None, &[][..]),
        ("--days", Some("--excel"), &[][..]),
        ("--slots", None, &some[..]),
        ("--slots", Some("--excel"), &some[..]),
    ] {
        let mut arguments = vec!["history", "export", what];
        arguments.extend(also);
        arguments.extend(of);
        let csv = from.good(&arguments).out;
        let to = Place::new();
        let file = to.write("all.csv", &csv);
        let import = to.good(&["history", "import", &file]);
        assert!(import.out.contains("all taken"), "{}", import.out);
        assert!(!import.err.contains("line "), "{}", import.err);
        // The house is worked out from its devices, and flags say where a value is from.
        let days = |place: &Place| -> Vec<String> {
            let arguments = [&["history", "export", "--days"], of].concat();
            let csv = place.good(&arguments).out;
            let devices = csv.lines().filter(|line| !line.starts_with("house,"));
            let cells = devices.map(|line| line.split(',').take(4).collect::<Vec<_>>());
            let mut days: Vec<String> = cells.map(|cells| cells.join(",")).collect();
            days.sort();
            days
        };
        let wanted = days(&from);
        assert!(wanted.len() > 30, "{wanted:?}");
        assert_eq!(days(&to), wanted, "{arguments:?}");
        let again = to.good(&["history", "import", &file]);
        assert!(!again.out.contains(" taken"), "{}", again.out);
        assert_eq!(days(&to), wanted, "{arguments:?}, twice");
    }
}

#[test]
fn what_was_measured_stays() {
    let place = Place::with_history();
    let series = format!("{METER}/energy_import");
    let show = || {
        place
            .good(&["history", "export", "--days", "--of", &series])
            .out
    };
    let before = show();
    let csv =
        format!("{METER},energy_import,2026-06-06,99\n{METER},energy_import,2026-05-20,7.5\n");
    let file = place.write("old.csv", csv);
    let dry = place.good(&["history", "import", &file, "--dry-run"]);
    assert!(
        dry.out
            .contains("1 would be taken, 1 is there already and stays"),
        "{}",
        dry.out
    );
    assert!(dry.out.contains("Nothing was changed"), "{}", dry.out);
    assert_eq!(show(), before);
    let import = place.good(&["history", "import", &file]);
    assert!(
        import.out.contains("1 taken, 1 is there already and stays"),
        "{}",
        import.out
    );
    let after = show();
    let measured = |text: &str| {
        let line = text.lines().find(|line| line.contains("2026-06-06"));
        line.unwrap().to_owned()
    };
    assert_eq!(measured(&after), measured(&before));
    let old = after
        .lines()
        .find(|line| line.contains("2026-05-20"))
        .unwrap();
    assert!(old.contains(",7.5,") && old.contains("imported"), "{old}");
}

#[test]
fn hostile_files_are_told_and_not_believed() {
    let place = Place::with_history();
    let before = place.good(&["history", "export", "--days"]).out;
    let long = "9".repeat(2_000_000);
    let text = format!(
        "device,key,time,value\n\
         {METER},energy_import,2026-05-01,1e308\n\
         {METER},energy_import,2999-01-01,1\n\
         {METER},energy_import,1066-10-14,1\n\
         {METER},energy_import,2026-05-02,-1\n\
         {METER},energy_import,2026-05-03,{long}\n\
         {METER},energy_\0import,2026-05-04,1\n\
         \u{1b}[2J,energy_import,2026-05-05,1\n\
         house,sun,2026-05-05,1\n\
         strange_1,foo,2026-05-05,1\n\
         {METER},meter_number,2026-05-05,1\n\
         {METER},energy_import,2026-05-06,1\n\
         {METER},energy_import,2026-05-06,2\n\
         {METER},energy_export,2024-05-07T12:00:00Z,100\n\
         {METER},energy_export,2024-05-07T12:10:00Z,1000000\n\
         {METER},energy_export,2024-05-07T11:50:00Z,0.1\n\
         {METER},energy_export,2024-05-07T12:20:00Z,100.5\n"
    );
    let file = place.write("hostile.csv", text);
    let said = place.good(&["history", "import", &file]);
    for line in [2, 3, 4, 5, 6, 7, 8, 13, 15] {
        assert!(
            said.err.contains(&format!("line {line}:")),
            "{line}: {}",
            said.err
        );
    }
    assert!(
        said.err.contains("worked out from its devices"),
        "{}",
        said.err
    );
    assert!(said.err.contains("--unit and --kind"), "{}", said.err);
    assert!(
        said.err.contains("nothing that is kept over time"),
        "{}",
        said.err
    );
    assert!(
        !said.err.contains('\u{1b}') && said.err.len() < 4000,
        "{}",
        said.err.len()
    );
    assert!(
        said.out.contains("1 day of 2026-05-06; all taken"),
        "{}",
        said.out
    );
    let after = place.good(&["history", "export", "--days"]).out;
    let new: Vec<&str> = after
        .lines()
        .filter(|line| !before.contains(line))
        .collect();
    assert!(
        new.iter()
            .all(|line| line.contains("2026-05-06") || line.contains("2024-05-07")),
        "{new:?}"
    );
    // What lies around the line that says a million is taken all the same.
    let of_export = new.iter().find(|line| line.contains("2024-05-07"));
    assert!(
        of_export.is_some_and(|line| line.contains(",100.4,")),
        "{new:?}"
    );

    let noise: Vec<u8> = (0..200_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let said = place.fed(&["history", "import", "-"], &noise);
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(
        said.err.contains("history import --help") && said.err.len() < 8000,
        "{}",
        said.err
    );
    let empty = place.fed(&["history", "import", "-"], b"");
    assert_eq!(empty.code, Some(1));
    assert!(empty.err.contains("nothing in it"), "{}", empty.err);
}

#[test]
fn se_logger_and_devices_are_read_from_a_pipe() {
    let place = Place::new();
    let mut table = "inv_id\ttimestamp\te_total\tp_active\n".to_owned();
    // Two days of 2025, a watt-hour a second from 8 to 16 UTC.
    for day in 0..2_i64 {
        for slot in 0..=96_i64 {
            let at = 1_749_801_600 + day * 86_400 + slot * 300;
            let energy = 12_000_000 + day * 28_800 + slot * 300;
            table.push_str(&format!("7F1A2B3C\t{at}\t{energy}\t3600\n"));
        }
    }
    let import = place.fed(
        &["history", "import", "-", "--from", "se-logger"],
        table.as_bytes(),
    );
    assert_eq!(import.code, Some(0), "{}", import.err);
    assert!(
        import
            .out
            .contains("solaredge_7f1a2b3c_00/energy_total: 194 slots"),
        "{}",
        import.out
    );
    let days = place.good(&[
        "history",
        "export",
        "--days",
        "--of",
        "solaredge_7f1a2b3c_00/energy_total",
    ]);
    let values: Vec<&str> = days
        .out
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(3).unwrap())
        .collect();
    assert_eq!(values, ["28.8", "28.8"], "{}", days.out);

    // What is older than slots are kept becomes days, from whatever order.
    let old = "device,key,time,value\n\
        solaredge_7f1a2b3c_00,energy_total,2015-06-14T18:00:00Z,100.5\n\
        solaredge_7f1a2b3c_00,energy_total,2015-06-13T18:00:00Z,90.25\n\
        solaredge_7f1a2b3c_00,energy_total,2015-06-14T06:00:00Z,91\n\
        solaredge_7f1a2b3c_00,power,2015-06-14T06:00:00Z,100\n\
        solaredge_7f1a2b3c_00,power,2015-06-14T18:00:00Z,201\n";
    let import = place.fed(&["history", "import", "-"], old.as_bytes());
    assert!(
        import
            .out
            .contains("energy_total: 2 days, 2015-06-13 to 2015-06-14; all taken"),
        "{}",
        import.out
    );
    let days = place
        .good(&[
            "history",
            "export",
            "--from",
            "2015-06-14",
            "--to",
            "2015-06-14",
        ])
        .out;
    assert!(days.contains("energy_total,2015-06-14,10.25,"), "{days}");
    assert!(days.contains("power,2015-06-14,150.5,"), "{days}");

    let told = "{\"device\":\"victron_hq1\",\"model\":\"MPPT\",\"serial\":\"HQ1\",\"life\":{}}\n\
        {\"date\":\"2025-06-14\",\"values\":{\"energy_today\":0.24,\"power_max_today\":180,\"errors\":\"none\"}}\n";
    let import = place.fed(&["history", "import", "-"], told.as_bytes());
    assert_eq!(import.code, Some(0), "{}", import.err);
    assert!(
        import
            .out
            .contains("victron_hq1/energy_today: 1 day of 2025-06-14; all taken"),
        "{}",
        import.out
    );
    assert!(
        import.err.contains("victron_hq1/power_max_today"),
        "{}",
        import.err
    );
}

#[test]
fn a_day_is_corrected_and_the_correction_is_seen_and_undone() {
    let place = Place::with_history();
    let series = format!("{METER}/energy_import");
    let day = || {
        let csv = place
            .good(&["history", "export", "--days", "--of", &series])
            .out;
        csv.lines()
            .find(|line| line.contains("2026-06-02"))
            .unwrap()
            .to_owned()
    };
    let before = day();
    let said = place.good(&["history", "correct", &series, "2026-06-02", "3.21"]);
    assert!(
        said.out.contains("3.21 kWh, marked as corrected"),
        "{}",
        said.out
    );
    assert!(
        day().contains(",3.21,") && day().contains("corrected"),
        "{}",
        day()
    );
    let shown = place
        .good(&["history", "show", "--month", "2026-06", "--device", METER])
        .out;
    assert!(
        shown.contains("3.21*") && shown.contains("corrected by hand"),
        "{shown}"
    );
    let said = place.good(&["history", "correct", &series, "2026-06-02", "--undo"]);
    assert!(said.out.contains("it was 3.21 kWh"), "{}", said.out);
    assert_eq!(day(), before);
    for (arguments, words) in [
        (
            ["smart_meter_1/energy_import", "2026-06-02", "1"],
            "do you mean smart_meter_1kfm",
        ),
        (
            [&format!("{METER}/energy"), "2026-06-02", "1"],
            "energy_import, ",
        ),
        ([&series, "2999-06-02", "1"], "has not been yet"),
        ([&series, "2026-06-02", "-1"], "not possible"),
    ] {
        let arguments = [&["history", "correct"], &arguments[..], &[][..]].concat();
        let said = place.run(&arguments);
        assert_ne!(said.code, Some(0), "{arguments:?}");
        assert!(said.err.contains(words), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn exports_say_what_they_are() {
    let place = Place::with_history();
    let slots = place
        .good(&[
            "history",
            "export",
            "--slots",
            "--from",
            "2026-06-02",
            "--to",
            "2026-06-02",
        ])
        .out;
    let mut lines = slots.lines();
    assert_eq!(
        lines.next(),
        Some("device,key,time,value,min,max,unit,kind,flags,name")
    );
    let line = slots
        .lines()
        .find(|line| line.contains("energy_import"))
        .unwrap();
    assert!(line.contains("2026-06-02T00:05:00+02:00"), "{line}");
    assert!(
        line.ends_with(",kWh,lifetime,,Meter: Energy import"),
        "{line}"
    );
    assert!(
        slots
            .lines()
            .last()
            .unwrap()
            .contains("2026-06-03T00:00:00+02:00")
    );
    let excel = place
        .good(&["history", "export", "--excel", "--of", METER])
        .out;
    assert!(
        excel.starts_with('\u{feff}') && excel.contains(";lifetime;"),
        "{excel}"
    );
    let none = place.good(&["history", "export", "--of", "nobody_1"]);
    assert!(
        none.out.is_empty() && none.err.contains("--of"),
        "{}",
        none.err
    );
}

fn everything(place: &Place) -> String {
    place.good(&["history", "export", "--days"]).out
}

#[test]
fn a_backup_brings_everything_back_at_any_later_date() {
    let place = Place::with_history();
    fs::write(place.path("wattbridge.toml.old-1"), "# earlier\n").unwrap();
    let secret = "[mqtt]\nhost = \"127.0.0.1\"\npassword = { file = \"/etc/wattbridge/mqtt\" }\n";
    let before = everything(&place);
    fs::write(place.path("wattbridge.toml"), secret).unwrap();
    let file = place.path("all.backup");
    let file = file.to_str().unwrap();
    let said = place.good(&["backup", file]);
    assert!(
        said.out.contains("wattbridge-history.db") && said.out.contains("keep it private"),
        "{}",
        said.out
    );
    assert!(said.err.contains("/etc/wattbridge/mqtt"), "{}", said.err);
    assert_eq!(
        fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let again = place.run(&["backup", file]);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("not there yet"), "{}", again.err);
    place.good(&["backup", place.folder.path().to_str().unwrap()]);

    let look = place.good(&["restore", file, "--look"]);
    assert!(
        look.out.contains("wattbridge.toml.old-1") && look.out.contains("It is whole"),
        "{}",
        look.out
    );

    // On another computer, where there is nothing yet.
    let other = Place::new();
    fs::remove_file(other.path("wattbridge.toml")).unwrap();
    let said = other.good(&["restore", file]);
    assert!(said.out.contains("Start wattbridge again"), "{}", said.out);
    assert_eq!(
        fs::read_to_string(other.path("wattbridge.toml")).unwrap(),
        secret
    );
    fs::write(
        other.path("wattbridge.toml"),
        "[mqtt]\nhost = \"127.0.0.1\"\n",
    )
    .unwrap();
    assert_eq!(everything(&other), before);

    // Where there is something, that is kept.
    let said = other.good(&["restore", file, "--only", "history"]);
    assert!(
        said.out.contains("is kept as") && said.out.contains("before-restore-"),
        "{}",
        said.out
    );

    let bad = place.write("bad.backup", &fs::read(file).unwrap()[..100_000]);
    let said = other.run(&["restore", &bad]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    let text = place.write("text", "no backup at all, only some words\n".repeat(50));
    let said = other.run(&["restore", &text]);
    assert!(
        said.err.contains("is no backup of wattbridge"),
        "{}",
        said.err
    );
    assert_eq!(everything(&other), before);
}

#[test]
fn nothing_is_restored_under_a_running_wattbridge() {
    let place = Place::with_history();
    let file = place.path("all.backup");
    let file = file.to_str().unwrap();
    place.good(&["backup", file]);
    let config = place.path("wattbridge.toml");
    let _lock = wattbridge::store::Lock::take(&place.path("wattbridge.db"), &config).unwrap();
    let said = place.run(&["restore", file]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("already runs") && said.err.contains("systemctl stop"),
        "{}",
        said.err
    );
    // To look at it harms nobody, and nor does another backup.
    place.good(&["restore", file, "--look"]);
    place.good(&["backup", place.path("second.backup").to_str().unwrap()]);
}
