use std::cell::Cell;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use super::*;

fn at(minute: i64) -> Timestamp {
    let start: Timestamp = "2026-06-14T13:42:07Z".parse().unwrap();
    start + jiff::SignedDuration::from_secs(60 * minute)
}

fn names(file: &SavedFile) -> Vec<String> {
    file.copies().into_iter().map(|copy| copy.name).collect()
}

fn save(file: &SavedFile, text: &str, now: Timestamp) -> Result<Option<String>, SaveError> {
    file.save(text, &SavedFile::revision(&file.read().unwrap()), now)
}

/// What is left by a save that came to no end.
fn is_left_behind(folder: &Path) -> bool {
    folder.join(".wattbridge.toml.new").exists()
}

#[test]
fn earlier_versions_are_kept_ten_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wattbridge.toml");
    let file = SavedFile::new(&path);
    assert_eq!(file.read().unwrap(), "");
    assert_eq!(save(&file, "0", at(0)).unwrap(), None);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let copy = save(&file, "1", at(0)).unwrap().unwrap();
    assert_eq!(copy, "wattbridge.toml.2026-06-14T1342Z");
    assert_eq!(
        save(&file, "2", at(0)).unwrap().unwrap(),
        format!("{copy}-2")
    );
    for name in [&path, &path.with_file_name(&copy)] {
        assert_eq!(fs::metadata(name).unwrap().mode() & 0o777, 0o640);
    }
    for number in 3..14_u8 {
        save(&file, &number.to_string(), at(i64::from(number))).unwrap();
    }
    assert_eq!(file.read().unwrap(), "13");
    let copies = names(&file);
    assert_eq!(copies.len(), 10);
    assert_eq!(copies[0], "wattbridge.toml.2026-06-14T1355Z");
    assert_eq!(file.copies()[0].at, "2026-06-14T13:55:00Z".parse().unwrap());
    assert_eq!(file.copy_of(&copies[0]).unwrap(), "12");
    assert!(!copies.contains(&copy));
    // Nothing else is shown, or deleted.
    for other in [
        "wattbridge.toml.bak",
        "wattbridge.toml.2026-06-14T1355Zx",
        "wattbridge.toml.2026-6-14T1355Z",
    ] {
        fs::write(folder.path().join(other), "theirs").unwrap();
    }
    fs::create_dir(folder.path().join("wattbridge.toml.2027-01-01T0000Z")).unwrap();
    fs::write(folder.path().join("wattbridge.db"), "").unwrap();
    assert_eq!(names(&file), copies);
    for name in [
        "wattbridge.db",
        "../wattbridge.toml",
        "wattbridge.toml",
        "wattbridge.toml.bak",
        "",
    ] {
        assert_eq!(file.copy_of(name), None, "{name}");
    }
    assert!(!is_left_behind(folder.path()));
}

#[test]
fn of_many_in_a_minute_the_latest_ones_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = SavedFile::new(folder.path().join("wattbridge.toml"));
    save(&file, "0", at(0)).unwrap();
    for number in 1..=25_u8 {
        let copy = save(&file, &number.to_string(), at(0)).unwrap().unwrap();
        // It is the latest, and holds what it should.
        assert_eq!(names(&file)[0], copy, "{number}");
        assert_eq!(file.copy_of(&copy).unwrap(), (number - 1).to_string());
    }
    let held: Vec<String> = names(&file)
        .iter()
        .map(|name| file.copy_of(name).unwrap())
        .collect();
    let latest: Vec<String> = (15..25)
        .rev()
        .map(|number: u8| number.to_string())
        .collect();
    assert_eq!(held, latest);
    // A clock that was set back makes no copy disappear either.
    let copy = save(&file, "late", at(-60)).unwrap().unwrap();
    assert_eq!(file.copy_of(&copy).unwrap(), "25");
}

#[test]
fn what_somebody_else_has_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = SavedFile::new(folder.path().join("wattbridge.toml"));
    fs::write(file.path(), "a").unwrap();
    let seen = SavedFile::revision("a");
    fs::write(file.path(), "b").unwrap();
    assert!(matches!(
        file.save("c", &seen, at(0)),
        Err(SaveError::Changed)
    ));
    assert!(names(&file).is_empty());
    // At the last moment.
    let seen = SavedFile::revision("b");
    let late = |step| {
        if step == SaveStep::Copied {
            fs::write(file.path(), "theirs").unwrap();
        }
    };
    let saved = file.save_in_steps("c", &seen, at(0), late);
    assert!(matches!(saved, Err(SaveError::Changed)));
    assert_eq!(file.read().unwrap(), "theirs");
}

#[test]
fn a_link_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (
        folder.path().join("real.toml"),
        folder.path().join("wattbridge.toml"),
    );
    fs::write(&real, "a").unwrap();
    symlink(&real, &link).unwrap();
    let file = SavedFile::new(&link);
    let copy = save(&file, "b", at(0)).unwrap().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "b");
    assert_eq!(file.copy_of(&copy).unwrap(), "a");
}

/// Something that is mounted, if this user may mount.
struct Mounted(PathBuf);

impl Mounted {
    fn new(arguments: &[&str], at: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        let mount = mount.args(arguments).arg(at).stderr(Stdio::null());
        let done = mount.status().is_ok_and(|status| status.success());
        if !done {
            let _ = writeln!(
                std::io::stderr(),
                "passed over: nothing can be mounted here"
            );
        }
        done.then(|| Self(at.to_owned()))
    }

    fn again(&self, options: &str) {
        let mut mount = Command::new("mount");
        assert!(
            mount
                .args(["-o", options])
                .arg(&self.0)
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_folder_that_can_only_be_read_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Mounted::new(&["-t", "tmpfs", "tmpfs"], folder.path()) else {
        return;
    };
    let file = SavedFile::new(folder.path().join("wattbridge.toml"));
    fs::write(file.path(), "a").unwrap();
    assert_eq!(file.writable(), Ok(()));
    disk.again("remount,ro");
    let why = file.writable().unwrap_err();
    let line = format!("ReadWritePaths={}", folder.path().display());
    assert!(why.hint.contains(&line), "{why:?}");
    match save(&file, "b", at(0)) {
        Err(SaveError::ReadOnly(same)) => assert_eq!(same, why),
        other => panic!("{other:?}"),
    }
    assert_eq!(file.read().unwrap(), "a");
}

#[test]
fn a_full_disk_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = Mounted::new(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"], folder.path())
    else {
        return;
    };
    let file = SavedFile::new(folder.path().join("wattbridge.toml"));
    let old = "a".repeat(5000);
    fs::write(file.path(), &old).unwrap();
    let ballast = folder.path().join("ballast");
    // Room for nothing, and for the copy alone.
    for room in [0, 8192] {
        let _ = fs::write(&ballast, vec![0; 1 << 20]);
        let filled = fs::metadata(&ballast).unwrap().len();
        let ballast = OpenOptions::new().write(true).open(&ballast).unwrap();
        ballast.set_len(filled - room).unwrap();
        match save(&file, &"b".repeat(5000), at(0)) {
            Err(SaveError::Io { source, .. }) => {
                assert_eq!(source.kind(), ErrorKind::StorageFull);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(file.read().unwrap(), old);
        assert!(!is_left_behind(folder.path()));
        for copy in names(&file) {
            assert_eq!(file.copy_of(&copy).unwrap(), old);
        }
    }
    assert_eq!(names(&file).len(), 1);
}

#[test]
fn a_file_that_was_mounted_alone_is_written_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, own) = (
        folder.path().join("theirs"),
        folder.path().join("wattbridge.toml"),
    );
    fs::write(&theirs, "a long text").unwrap();
    fs::write(&own, "").unwrap();
    let bind = theirs.to_str().unwrap();
    let Some(_mounted) = Mounted::new(&["--bind", bind], &own) else {
        return;
    };
    let file = SavedFile::new(&own);
    let copy = save(&file, "b", at(0)).unwrap().unwrap();
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "b");
    assert_eq!(file.copy_of(&copy).unwrap(), "a long text");
    assert!(!is_left_behind(folder.path()));
}

#[test]
fn the_file_of_another_user_stays_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let file = SavedFile::new(folder.path().join("wattbridge.toml"));
    fs::write(file.path(), "a").unwrap();
    if std::os::unix::fs::chown(file.path(), Some(1234), Some(1235)).is_err() {
        return;
    }
    let copy = save(&file, "b", at(0)).unwrap().unwrap();
    for path in [file.path().to_owned(), folder.path().join(copy)] {
        let about = fs::metadata(path).unwrap();
        assert_eq!((about.uid(), about.gid()), (1234, 1235));
    }
}

const OLD: &str = "old";
const STEP: &str = "WATTBRIDGE_TEST_STEP";
const FOLDER: &str = "WATTBRIDGE_TEST_FOLDER";

/// What the process does that is killed: not a test of its own.
#[test]
fn child() {
    let (Ok(folder), Ok(step)) = (std::env::var(FOLDER), std::env::var(STEP)) else {
        return;
    };
    let file = SavedFile::new(Path::new(&folder).join("wattbridge.toml"));
    let count = Cell::new(0_u32);
    let kill = |_| {
        count.set(count.get() + 1);
        if count.get().to_string() == step {
            let own = rustix::process::getpid();
            let _ = rustix::process::kill_process(own, rustix::process::Signal::KILL);
        }
    };
    // Again and again, for a kill at any moment.
    for number in 0..if step == "any" { 100_000 } else { 1 } {
        let old = file.read().unwrap();
        let text = format!("new {number} {}", "x".repeat(20_000));
        file.save_in_steps(&text, &SavedFile::revision(&old), at(number), kill)
            .unwrap();
    }
}

fn start(folder: &Path, step: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "web::settings::saved_file::tests::child"])
        .env(FOLDER, folder)
        .env(STEP, step)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn an_end_at_any_step_leaves_a_whole_file() {
    for step in 1..=5 {
        let folder = tempfile::tempdir().unwrap();
        let file = SavedFile::new(folder.path().join("wattbridge.toml"));
        fs::write(file.path(), OLD).unwrap();
        let ended = start(folder.path(), &step.to_string()).wait().unwrap();
        assert_eq!(ended.success(), step == 5, "there are four steps");
        let text = file.read().unwrap();
        if step <= 2 {
            assert_eq!(text, OLD);
        } else {
            assert!(text.starts_with("new 0 ") && text.len() == 20_006, "{step}");
        }
        let copies = names(&file);
        assert_eq!(copies.len(), usize::from(step > 1));
        for copy in copies {
            assert_eq!(file.copy_of(&copy).unwrap(), OLD);
        }
        // The next one goes on from there.
        save(&file, "next", at(60)).unwrap();
        assert_eq!(file.read().unwrap(), "next");
        assert!(!is_left_behind(folder.path()));
    }
}

#[test]
fn an_end_at_any_moment_leaves_a_whole_file() {
    for round in 0..12_u64 {
        let folder = tempfile::tempdir().unwrap();
        let file = SavedFile::new(folder.path().join("wattbridge.toml"));
        fs::write(file.path(), OLD).unwrap();
        let mut child = start(folder.path(), "any");
        // It has begun.
        while names(&file).is_empty() {
            std::thread::yield_now();
        }
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_micros(round * 777) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let is_whole = |text: &str| {
            text == OLD || (text.starts_with("new ") && text.ends_with('x') && text.len() > 20_000)
        };
        assert!(is_whole(&file.read().unwrap()));
        for copy in names(&file) {
            assert!(is_whole(&file.copy_of(&copy).unwrap()), "{copy}");
        }
        save(&file, "next", at(1_000_000)).unwrap();
        assert_eq!(file.read().unwrap(), "next");
    }
}
