//! What a service manager is told, by a program that it has started.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram as StdDatagram};
use std::process::Command;

use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::DEADLINE;
use crate::gateway::{Gateway, Plan};
use crate::home::Home;
use crate::process::{Process, wattbridge};
use crate::support::ports::free_port;

/// The other end of `NOTIFY_SOCKET`.
struct Manager {
    socket: UnixDatagram,
    /// All it has been told.
    told: Vec<String>,
}

impl Manager {
    fn new(socket: StdDatagram) -> Self {
        socket.set_nonblocking(true).unwrap();
        Self {
            socket: UnixDatagram::from_std(socket).unwrap(),
            told: Vec::new(),
        }
    }

    /// Waits for a message with this line.
    async fn until_told(&mut self, line: &str) {
        let until_told = async {
            loop {
                let mut message = vec![0; 4096];
                let length = self.socket.recv(&mut message).await.unwrap();
                message.truncate(length);
                let message = String::from_utf8(message).unwrap();
                let is_it = message.lines().any(|told| told == line);
                self.told.push(message);
                if is_it {
                    return;
                }
            }
        };
        if timeout(DEADLINE, until_told).await.is_err() {
            self.told.dedup();
            panic!("no {line} in {:?}", self.told);
        }
    }

    fn count(&self, line: &str) -> usize {
        let lines = self.told.iter().flat_map(|message| message.lines());
        lines.filter(|told| *told == line).count()
    }
}

fn service(home: &Home, args: &[&str], address: &str, watchdog: &str) -> Command {
    let mut command = wattbridge(home.path(), args);
    command
        .env("NOTIFY_SOCKET", address)
        .env("WATCHDOG_USEC", watchdog)
        .env_remove("WATCHDOG_PID");
    command
}

#[tokio::test]
async fn it_is_ready_alive_and_says_how_it_is_without_any_broker() {
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(free_port(), &[gateway.section()]);
    let path = home.path().join("notify");
    let mut manager = Manager::new(StdDatagram::bind(&path).unwrap());
    let address = path.to_str().unwrap();
    let mut bridge = Process::of(service(&home, &["run"], address, "100000"));

    manager.until_told("READY=1").await;
    assert_eq!(manager.told.len(), 1, "{:?}", manager.told);
    // The gateway, its two inverters and the bridge itself.
    manager.until_told("STATUS=4 devices").await;
    for _ in 0..20 {
        manager.until_told("WATCHDOG=1").await;
    }
    bridge.until_said("nothing listens on").await;

    gateway.handle.stop().await;
    manager
        .until_told("STATUS=4 devices, 4 with a problem")
        .await;
    assert_eq!(manager.count("STOPPING=1"), 0);
    bridge.signal("-TERM");
    manager.until_told("STOPPING=1").await;
    assert!(bridge.ended().await.success());
}

#[tokio::test]
async fn who_waits_for_a_configuration_is_ready_and_goes_on_without_stopping() {
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(free_port(), &[]);
    // A name that is in no file system.
    let name = format!("wattbridge-{}", home.path().display());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let mut manager = Manager::new(StdDatagram::bind_addr(&address).unwrap());
    let address = format!("@{name}");
    let args = ["run", "--await-config"];
    let mut bridge = Process::of(service(&home, &args, &address, "100000"));

    manager.until_told("READY=1").await;
    let waits = "STATUS=waits for a device in its configuration";
    assert_eq!(manager.count(waits), 1, "{:?}", manager.told);
    manager.until_told("WATCHDOG=1").await;
    home.write(&[gateway.section()]);
    manager.until_told("STATUS=4 devices").await;
    assert_eq!(manager.count("STOPPING=1"), 0, "{:?}", manager.told);
    bridge.signal("-TERM");
    manager.until_told("STOPPING=1").await;
    assert!(bridge.ended().await.success());
}

#[tokio::test]
async fn a_manager_that_is_stuck_or_nowhere_stops_nothing() {
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(free_port(), &[gateway.section()]);
    let path = home.path().join("notify");
    // It holds a few messages that nobody reads.
    let _unread = StdDatagram::bind(&path).unwrap();
    for (address, says) in [
        (path.to_str().unwrap(), "runs with"),
        ("vsock:2:1", "cannot be told"),
        ("/nowhere/notify", "runs with"),
    ] {
        let mut command = service(&home, &["run"], address, "2000");
        command.env("WATTBRIDGE_LOG", "debug");
        let mut bridge = Process::of(command);
        bridge.until_said(says).await;
        if address.starts_with('/') {
            bridge.until_said("was not told \"WATCHDOG=1").await;
        }
        let rounds = gateway.handle.requests(1);
        gateway.handle.wait_for_requests(1, rounds + 5).await;
        assert!(bridge.end().await.success(), "{address}");
    }
}
