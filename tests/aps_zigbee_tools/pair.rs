//! Pairing: what is printed, the exit code, and the ways it can fail that do not take minutes.

use std::fs;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use wattbridge::adapters::aps_zigbee::simulator::USUAL_GATEWAY;

use crate::{Bench, DEADLINE, bench, command, wattbridge};

const STRANGER: &str = "408000990077";

fn serial(bench: &Bench, which: usize) -> String {
    bench.stick.truth().inverters[which].serial.to_string()
}

#[tokio::test]
async fn the_lines_for_the_section_are_on_standard_output_and_work_there() {
    let bench = bench(false, &[]).await;
    let [first, second] = [serial(&bench, 0), serial(&bench, 1)];
    let args = [
        "aps-zigbee",
        "pair",
        &first,
        "--port",
        bench.port(),
        "--ecu-id",
        USUAL_GATEWAY,
    ];
    let done = wattbridge(&args, "").await;
    assert_eq!(done.code, 0, "{done:?}");
    let address = bench.stick.truth().inverters[0].address;
    let expected = format!(
        "ecu_id = \"{USUAL_GATEWAY}\"\ninverters = [\"{first}\"]\naddresses = {{ {first} = \"{address}\" }}\n"
    );
    assert_eq!(done.out, expected);
    assert!(done.said.contains("Round 1 of 3"), "{done:?}");

    // They are a section that the next one is paired by.
    let section = format!("[[aps_zigbee]]\nport = \"{}\"\n{}", bench.port(), done.out);
    let file = bench.folder().join("wattbridge.toml");
    fs::write(&file, section).unwrap();
    let args = [
        "aps-zigbee",
        "pair",
        &second,
        "--config",
        file.to_str().unwrap(),
    ];
    let done = wattbridge(&args, "").await;
    assert_eq!(done.code, 0, "{done:?}");
    let truth = bench.stick.truth();
    assert_eq!(truth.inverters[1].gateway, USUAL_GATEWAY.parse().ok());
    for inverter in &truth.inverters {
        let pair = format!("{} = \"{}\"", inverter.serial, inverter.address);
        assert!(done.out.contains(&pair), "{done:?}");
    }
    bench.stick.stop().await;
}

/// Pairs at a stick where something is wrong.
async fn fails(faults: &'static [&'static str], is_stranger: bool, words: &'static str) {
    let bench = bench(false, faults).await;
    let serial = if is_stranger {
        STRANGER.to_owned()
    } else {
        serial(&bench, 0)
    };
    let address = format!("addresses.{serial}=0x1B2C");
    let args = [
        "aps-zigbee",
        "pair",
        &serial,
        "--port",
        bench.port(),
        "--ecu-id",
        USUAL_GATEWAY,
        "--set",
        &address,
    ];
    let done = wattbridge(&args, "").await;
    assert_eq!(
        (done.code, done.out.as_str()),
        (1, ""),
        "{faults:?}: {done:?}"
    );
    assert!(done.said.contains(words), "{faults:?}: {done:?}");
    assert!(
        done.said.contains("0x1B2C, stays in the section"),
        "{done:?}"
    );
    bench.stick.stop().await;
}

#[tokio::test]
async fn failures_are_told_apart_and_the_old_address_stays() {
    // Each takes three rounds or less, and they take them together. Those that take longer are tried in virtual time.
    tokio::join!(
        fails(&["own-bytes"], false, "comes straight back"),
        fails(&["night"], false, "nobody answered or passed it on"),
        fails(&["pair-never"], false, "passed on by 0x"),
        fails(&["pair-others"], true, "another inverter answered"),
    );
}

#[tokio::test]
async fn a_port_that_is_used_is_explained_kindly() {
    let bench = bench(true, &[]).await;
    let mut console = command(&["aps-zigbee", "console", "--port", bench.port()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut typed = console.stdin.take().unwrap();
    typed.write_all(b"ping\n").await.unwrap();
    // Once it shows something, it has the port.
    let mut shown = BufReader::new(console.stdout.take().unwrap()).lines();
    timeout(DEADLINE, shown.next_line()).await.unwrap().unwrap();
    let serial = serial(&bench, 0);
    let args = [
        "aps-zigbee",
        "pair",
        &serial,
        "--port",
        bench.port(),
        "--ecu-id",
        USUAL_GATEWAY,
    ];
    let done = wattbridge(&args, "").await;
    assert_eq!(done.code, 1, "{done:?}");
    for words in [
        "another program uses",
        "press Pair in Home Assistant",
        "stop it for a while",
    ] {
        assert!(done.said.contains(words), "{done:?}");
    }
    drop(typed);
    timeout(DEADLINE, console.wait()).await.unwrap().unwrap();
    bench.stick.stop().await;
}

#[tokio::test]
async fn mistakes_on_the_command_line_are_explained() {
    for (args, words) in [
        (&["4080009900"][..], "12 digits"),
        (&[STRANGER], "where is the stick"),
        (
            &[
                STRANGER,
                "--port",
                "/dev/null/none",
                "--ecu-id",
                "0xD8A3011B9780",
            ],
            "leave out the 0x",
        ),
        (
            &[STRANGER, "--port", "/nowhere/zigbee0"],
            "there is no serial port /nowhere/zigbee0",
        ),
        (
            &[
                STRANGER,
                "--port",
                "/nowhere/zigbee0",
                "--set",
                "listen_only=true",
            ],
            "nothing is ever sent",
        ),
    ] {
        let args = [&["aps-zigbee", "pair"], args].concat();
        let done = wattbridge(&args, "").await;
        assert_ne!(done.code, 0, "{args:?}");
        assert!(done.said.contains(words), "{args:?}: {done:?}");
    }
}
