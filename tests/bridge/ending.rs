//! It ends when it is told to, in order, whoever listens to what it says.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::gateway::{Gateway, Plan};
use crate::home::Home;
use crate::process::{Process, wattbridge};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

/// What a pipe holds before whoever writes has to wait.
const PIPE: usize = 64 * 1024;

#[tokio::test]
async fn standard_error_that_nobody_reads_stops_nothing() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let wire = Wire::tap(broker.port()).await;
    let (_unread, mut pipe) = std::io::pipe().unwrap();
    pipe.write_all(&[b'x'; PIPE]).unwrap();
    let mut command = wattbridge(home.path(), &["run"]);
    command.env("WATTBRIDGE_LOG", "trace").stderr(pipe);
    let mut bridge = Process::of(command);
    let mark = wire.available(0, &gateway.id(), true).await;
    let rounds = gateway.handle.requests(1);
    gateway.handle.wait_for_requests(1, rounds + 10).await;
    wire.state("still published", mark, &gateway.id(), |_| true)
        .await;
    assert!(bridge.end().await.success());
    wire.text(mark, "wattbridge/status", "offline").await;
    assert!(home.files().contains(&"wattbridge.db".to_owned()));
}

#[tokio::test]
async fn an_error_that_nobody_reads_ends_too() {
    let home = Home::new(1883, &["[[nonsense]]\n".to_owned()]);
    let (_unread, mut pipe) = std::io::pipe().unwrap();
    pipe.write_all(&[b'x'; PIPE]).unwrap();
    let mut command = wattbridge(home.path(), &["run"]);
    command.stderr(pipe);
    let mut bridge = Process::of(command);
    assert_eq!(bridge.ended().await.code(), Some(2));
}

#[tokio::test]
async fn it_ends_in_order_with_its_terminal_unless_told_not_to() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let wire = Wire::tap(broker.port()).await;
    let mut bridge = home.run();
    let mark = wire.available(0, &gateway.id(), true).await;
    // A terminal that closes may say so twice: itself and by its shell.
    bridge.signal("-HUP");
    bridge.signal("-HUP");
    assert!(bridge.ended().await.success(), "{}", bridge.said());
    assert_eq!(bridge.count(&["wattbridge has stopped."]), 1);
    let mark = wire.text(mark, "wattbridge/status", "offline").await;

    let program = wattbridge(home.path(), &["run"]);
    let mut patient = Command::new("nohup");
    patient
        .arg(program.get_program())
        .arg("run")
        .current_dir(home.path())
        .env("TMPDIR", home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut bridge = Process::of(patient);
    let mark = wire.available(mark, &gateway.id(), true).await;
    bridge.signal("-HUP");
    let rounds = gateway.handle.requests(1);
    gateway.handle.wait_for_requests(1, rounds + 5).await;
    wire.state("still published", mark, &gateway.id(), |_| true)
        .await;
    assert!(bridge.end().await.success(), "{}", bridge.said());
}
