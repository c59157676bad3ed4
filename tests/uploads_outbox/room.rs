//! A receiver that hangs, and a disk that is full.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wattbridge::device::Source as _;
use wattbridge::model::HealthCode;
use wattbridge::uploads::{NextRound, UploadSource};

use crate::alone::alone;
use crate::receiver::Receiver;
use crate::sender::{House, PATIENCE, named};

const SINCE: &str = "since = \"2026-06-15\"";

/// Starts a target as the bridge does.
fn start(house: &House, toml: &str, stop: &CancellationToken) -> tokio::task::JoinHandle<()> {
    let named = named(toml);
    let source = UploadSource::new(named.upload, named.plan, house.history.clone());
    let (sender, mut reports) = mpsc::channel(64);
    let context = alone(sender, stop);
    tokio::spawn(async move { while reports.recv().await.is_some() {} });
    tokio::spawn(async move {
        let _ = Arc::new(source).run(context).await;
    })
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut house = House::new(folder.path());
    house.live(1500);
    let stop = CancellationToken::new();
    let hanging = format!("[[influxdb]]\nurl = \"{url}\"\ndatabase = \"wattbridge\"\n{SINCE}\n");
    let hanging = start(&house, &hanging, &stop);
    // It holds one, and never says anything.
    let (_connection, _) = silent.accept().await.unwrap();
    let other = start(&house, &receiver.toml(SINCE), &stop);
    let truth = house.truth();
    let begun = Instant::now();
    while receiver.kept().points != truth {
        assert!(begun.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
    assert!(!hanging.is_finished());
    stop.cancel();
    other.await.unwrap();
    // It ends at once, too.
    hanging.await.unwrap();
}

/// A small disk, as long as it is wanted.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(folder.path())
            .output();
        mounted
            .is_ok_and(|done| done.status.success())
            .then_some(Self(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(self.0.path())
            .output();
    }
}

#[tokio::test]
async fn a_full_disk_holds_the_cursor_and_not_the_sending() {
    let Some(disk) = Disk::new() else {
        eprintln!("a small disk cannot be mounted here");
        return;
    };
    let receiver = Receiver::start().await;
    let mut house = House::new(disk.0.path());
    house.live(200);
    let toml = receiver.toml(SINCE);
    let mut sender = house.sender(&toml).await;
    let fill = disk.0.path().join("fill");
    let path = fill.clone();
    receiver.kept().hook = Some(Box::new(move |_| {
        let mut chunk = 1 << 20;
        let mut all = Vec::new();
        while chunk > 0 {
            all.extend(vec![1_u8; chunk]);
            if std::fs::write(&path, &all).is_err() {
                all.truncate(all.len() - chunk);
                chunk /= 2;
            }
        }
        None
    }));
    let wait = sender.work().await;
    assert!(matches!(wait, NextRound::After(_)), "{wait:?}");
    assert_eq!(sender.rounds.state().health.code, HealthCode::Degraded);
    let words = sender.health();
    assert!(words.contains("disk"), "{words}");
    assert_eq!(receiver.kept().bodies.len(), 1);
    // What arrived does not go out once more while the disk is full.
    let _ = sender.work().await;
    assert_eq!(receiver.kept().bodies.len(), 1);
    receiver.kept().hook = None;
    std::fs::remove_file(&fill).unwrap();
    house.live(10);
    sender.work_on().await;
    assert_eq!(receiver.kept().points, house.truth());
    let cursor = house.history.cursors().load(&sender.named.id).await;
    let newest = crate::sender::START + 210 * 300;
    assert_eq!(cursor.unwrap().unwrap().done, newest);
}
