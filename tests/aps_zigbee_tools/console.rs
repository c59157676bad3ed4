//! The console: lines from a file, and from a terminal with its editing and history.

use std::fs::File;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use wattbridge::adapters::aps_zigbee::simulator::USUAL_GATEWAY;
use wattbridge::links::{Happening, PseudoTerminal};

use crate::{DEADLINE, bench, command, wattbridge};

/// These words stand in a text, in this order.
fn assert_in_order(text: &str, all: &[&str]) {
    let mut rest = text;
    for words in all {
        let Some(at) = rest.find(words) else {
            panic!("{words} is not in\n{rest}\n\nof\n{text}");
        };
        rest = &rest[at + words.len()..];
    }
}

#[tokio::test]
async fn a_script_of_lines_is_done_one_by_one() {
    let bench = bench(true, &[]).await;
    let truth = bench.stick.truth().inverters.remove(1);
    let (serial, address) = (truth.serial, truth.address);
    let script = format!(
        "loopback\nstart\nhealth\n\npoll {address}\nlimit {serial}\nlimit {serial} 300\nraw 2101\nraw 2603\nhelp\nquit\nping\n"
    );
    let args = [
        "aps-zigbee",
        "console",
        "--port",
        bench.port(),
        "--ecu-id",
        USUAL_GATEWAY,
    ];
    let done = wattbridge(&args, &script).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_in_order(
        &done.out,
        &[
            "-> UTIL_LOOPBACK AABBCC",
            "<- UTIL_LOOPBACK AABBCC",
            "The wires are right",
            "The stick is ready.",
            "It is well",
            "-> AF_DATA_REQUEST to 0x",
            "asks what it measures",
            &format!("<- AF_INCOMING_MSG from {address}, cluster 0106"),
            &format!("{serial} measures"),
            "A: ",
            "asks for page B",
            "limit of each input",
            "it is not sent",
            "-> SYS_PING",
            "it is not sent",
            "Only with --allow-control",
        ],
    );
    // After quit there is nothing more.
    assert!(done.out.ends_with("such as 0x7C3A.\n"), "{done:?}");
    bench.stick.stop().await;
}

#[tokio::test]
async fn what_is_no_text_is_told_and_the_next_line_is_done() {
    let bench = bench(true, &[]).await;
    let args = ["aps-zigbee", "console", "--port", bench.port()];
    let done = wattbridge(&args, b"ping\n\xff\nping \xfe\nloopback\n").await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_in_order(
        &done.out,
        &[
            "<- SYS_PING",
            "was not understood",
            "was not understood",
            "The wires are right",
        ],
    );
    bench.stick.stop().await;
}

#[tokio::test]
async fn it_ends_when_nobody_reads_any_more() {
    let bench = bench(true, &[]).await;
    let mut console = command(&["aps-zigbee", "console", "--port", bench.port()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = console.stdin.take().unwrap();
    typed.write_all(b"ping\n").await.unwrap();
    let mut shown = BufReader::new(console.stdout.take().unwrap()).lines();
    timeout(DEADLINE, shown.next_line()).await.unwrap().unwrap();
    drop(shown);
    // There is still somebody who types.
    let typing = async {
        while typed.write_all(b"ping\n").await.is_ok() {}
        std::future::pending::<()>().await;
    };
    let ended = async {
        tokio::select! {
            () = typing => unreachable!(),
            status = console.wait() => status.unwrap(),
        }
    };
    // As with every command before "| head".
    assert!(timeout(DEADLINE, ended).await.unwrap().success());
    let mut said = String::new();
    let mut err = console.stderr.take().unwrap();
    err.read_to_string(&mut said).await.unwrap();
    assert!(!said.contains("panicked"), "{said}");
    bench.stick.stop().await;
}

/// A disk that is full is told of, as by every command.
#[tokio::test]
async fn it_ends_when_nothing_can_be_written_any_more() {
    let bench = bench(true, &[]).await;
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut console = command(&["aps-zigbee", "console", "--port", bench.port()])
        .stdin(Stdio::piped())
        .stdout(Stdio::from(full))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = console.stdin.take().unwrap();
    typed.write_all(b"ping\n").await.unwrap();
    let status = timeout(DEADLINE, console.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(1));
    let mut said = String::new();
    let mut err = console.stderr.take().unwrap();
    err.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("is not all there"), "{said}");
    drop(typed);
    bench.stick.stop().await;
}

#[tokio::test]
async fn with_leave_a_limit_is_set_and_read_back() {
    let bench = bench(true, &[]).await;
    let serial = bench.stick.truth().inverters[1].serial;
    let address = bench.stick.truth().inverters[1].address;
    let pair = format!("addresses.{serial}={address}");
    let args = [
        "aps-zigbee",
        "console",
        "--port",
        bench.port(),
        "--ecu-id",
        USUAL_GATEWAY,
        "--allow-control",
        "--set",
        &pair,
    ];
    let done = wattbridge(&args, &format!("start\nlimit {serial} 250\n")).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_in_order(
        &done.out,
        &[
            "limits each input to 250",
            "Before, its limit was",
            "Done: read back as",
        ],
    );
    let limit = bench.stick.truth().inverters[1].limit.watts();
    assert_eq!(limit.rounded(0), 250_i64.into());
    bench.stick.stop().await;
}

#[tokio::test]
async fn beside_an_ecu_nothing_goes_on_the_air() {
    let bench = bench(true, &[]).await;
    let args = [
        "aps-zigbee",
        "console",
        "--port",
        bench.port(),
        "--set",
        "listen_only=true",
    ];
    let done = wattbridge(&args, "ping\nstart\npoll 0x7C3A\nraw 2600\n").await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(
        done.out.matches("listen_only = true").count(),
        3,
        "{done:?}"
    );
    assert_eq!(
        done.out.matches(" -> ").count() - done.out.matches("-> SYS_PING").count(),
        0,
        "{done:?}"
    );
    bench.stick.stop().await;
}

#[tokio::test]
async fn a_stick_that_is_silent_is_said_to_be() {
    let bench = bench(true, &["mute"]).await;
    let args = ["aps-zigbee", "console", "--port", bench.port()];
    let done = wattbridge(&args, "loopback\nping\n").await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(done.out.matches("No byte came").count(), 2, "{done:?}");
    bench.stick.stop().await;
}

/// Waits until a terminal shows these words so often; all that it has shown.
async fn shown(terminal: &mut PseudoTerminal, seen: &mut String, words: &str, times: usize) {
    let wait = async {
        while seen.matches(words).count() < times {
            if let Happening::Received(bytes) = terminal.next().await.unwrap() {
                seen.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    };
    if timeout(DEADLINE, wait).await.is_err() {
        panic!("{words} does not come: {seen:?}");
    }
}

#[tokio::test]
async fn a_terminal_has_a_history_and_editing() {
    let bench = bench(true, &[]).await;
    let path = bench.folder().join("terminal");
    let mut terminal = PseudoTerminal::new(&path).unwrap();
    let file = || File::options().read(true).write(true).open(&path).unwrap();
    let mut console = command(&["aps-zigbee", "console", "--port", bench.port()])
        .env("TERM", "xterm")
        .stdin(Stdio::from(file()))
        .stdout(Stdio::from(file()))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = String::new();
    shown(&mut terminal, &mut seen, "> ", 1).await;
    // A letter too many is taken back.
    terminal.send(b"pingg\x7f\r").await.unwrap();
    shown(&mut terminal, &mut seen, "<- SYS_PING capabilities", 1).await;
    // The line before, by the key "up".
    terminal.send(b"\x1b[A\r").await.unwrap();
    shown(&mut terminal, &mut seen, "<- SYS_PING capabilities", 2).await;
    terminal.send(b"quit\r").await.unwrap();
    let ended = async {
        loop {
            tokio::select! {
                status = console.wait() => return status.unwrap(),
                happening = terminal.next() => drop(happening.unwrap()),
            }
        }
    };
    let status = timeout(DEADLINE, ended).await.unwrap();
    assert!(status.success());
    bench.stick.stop().await;
}
