//! The file, on disks that take it and disks that do not.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::subscriber::DefaultGuard;
use wattbridge::bridge::Hub;
use wattbridge::outputs::OutputError;
use wattbridge::outputs::solarview::SolarViewSettings;

use crate::{Arc, DEADLINE, hub, meter, run, telegram};

/// The log of this thread, in a file.
struct Log {
    path: PathBuf,
    _guard: DefaultGuard,
}

impl Log {
    fn new(folder: &Path) -> Self {
        let path = folder.join("log");
        let file = File::create(&path).unwrap();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(Arc::new(file))
            .with_ansi(false)
            .finish();
        Self {
            path,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    fn lines(&self, words: &str) -> usize {
        let text = fs::read_to_string(&self.path).unwrap();
        text.lines().filter(|line| line.contains(words)).count()
    }
}

fn start(hub: &Hub, path: &Path) -> JoinHandle<Result<(), OutputError>> {
    let settings = SolarViewSettings {
        enabled: true,
        path: Some(path.to_owned()),
        device: None,
    };
    tokio::spawn(run(settings, hub, 1883, &CancellationToken::new()))
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            yield_now().await;
        }
    };
    timeout(DEADLINE, wait)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

fn says(path: &Path, import: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains(import) && text.ends_with("\n!\n"))
}

#[tokio::test]
async fn the_file_follows_the_meter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kaifa.txt");
    let device = meter("1");
    let hub = hub(std::slice::from_ref(&device));
    let output = start(&hub, &path);
    for (second, import) in (1..).zip([12_345_678, 12_345_679, 12_345_680]) {
        hub.put_state(telegram(&device, second, [Some(import), Some(987_654)]));
    }
    // Half of what the meter counts is no new file.
    hub.put_state(telegram(&device, 9, [Some(99_999_999), None]));
    drop(hub);
    timeout(DEADLINE, output).await.unwrap().unwrap().unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "/?!\n/KAIFA\n1.8.0(012345.680*kWh)\n2.8.0(000987.654*kWh)\n!\n"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told_once_and_made_up_for() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::new(folder.path());
    let path = folder.path().join("later/kaifa.txt");
    let device = meter("1");
    let hub = hub(std::slice::from_ref(&device));
    let output = start(&hub, &path);
    for second in 1..5 {
        hub.put_state(telegram(&device, second, [Some(second * 1000), Some(0)]));
    }
    until("a warning", || log.lines("Make the folder") == 1).await;
    fs::create_dir(path.parent().unwrap()).unwrap();
    hub.put_state(telegram(&device, 9, [Some(9000), Some(0)]));
    until("the file", || says(&path, "(000009.000")).await;
    drop(hub);
    timeout(DEADLINE, output).await.unwrap().unwrap().unwrap();
    assert_eq!(log.lines("WARN"), 1);
    assert_eq!(log.lines("is written again"), 1);
}

/// A file system of a few kilobytes.
struct TinyDisk(PathBuf);

impl TinyDisk {
    /// Only root may mount.
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let done = mount(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"], at);
        if !done {
            eprintln!("passed over: a file system cannot be mounted here");
        }
        done.then(|| Self(at.to_owned()))
    }

    fn set(&self, mode: &str) {
        assert!(mount(&["-o", &format!("remount,{mode}")], &self.0));
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(args: &[&str], at: &Path) -> bool {
    let done = Command::new("mount").args(args).arg(at).output();
    done.is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn a_disk_that_takes_nothing_costs_a_warning_and_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::new(folder.path());
    let Some(disk) = TinyDisk::mount(&folder.path().join("disk")) else {
        return;
    };
    let (path, ballast) = (disk.0.join("kaifa.txt"), disk.0.join("ballast"));
    let device = meter("1");
    let hub = hub(std::slice::from_ref(&device));
    let output = start(&hub, &path);
    let mut second = 0;
    let mut put = |import| {
        second += 1;
        hub.put_state(telegram(&device, second, [Some(import), Some(0)]));
    };
    put(1000);
    until("the file", || says(&path, "(000001.000")).await;

    // Ends with an error when there is no more space.
    fs::write(&ballast, vec![0; 1 << 20]).unwrap_err();
    (2..5).for_each(|n| put(n * 1000));
    until("a warning", || log.lines("Free some space") == 1).await;
    assert!(says(&path, "(000001.000"), "the last whole file stays");
    fs::remove_file(&ballast).unwrap();
    put(5000);
    until("the file", || says(&path, "(000005.000")).await;

    disk.set("ro");
    (6..9).for_each(|n| put(n * 1000));
    until("a warning", || log.lines("the right to write") == 1).await;
    assert!(says(&path, "(000005.000"));
    disk.set("rw");
    put(9000);
    until("the file", || says(&path, "(000009.000")).await;
    drop(hub);
    timeout(DEADLINE, output).await.unwrap().unwrap().unwrap();
    assert_eq!(log.lines("WARN"), 2);
    let left = fs::read_dir(&disk.0).unwrap();
    assert_eq!(left.count(), 1);
}
