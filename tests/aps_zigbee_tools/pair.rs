//! Pairing: what is printed, the exit code, and the ways it can fail that do not take minutes.

use std::fs;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use wattbridge::adapters::aps_zigbee::simulator::USUAL_GATEWAY;

use crate::{Bench, DEADLINE, Done, bench, command, wattbridge};

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
        fails(&["pair-never"], true, "passed on by 0x"),
        fails(&["pair-others"], true, "another inverter answered"),
    );
}

/// Pairs, and is told to end as soon as this is said.
async fn interrupted(bench: &Bench, signal: Signal, at: &str) -> Done {
    let serial = serial(bench, 0);
    let args = [
        "aps-zigbee",
        "pair",
        &serial,
        "--port",
        bench.port(),
        "--ecu-id",
        USUAL_GATEWAY,
    ];
    let mut pair = command(&args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(pair.stderr.take().unwrap());
    let mut all = String::new();
    while !all.contains(at) {
        let line = timeout(DEADLINE, said.read_line(&mut all)).await;
        assert_ne!(line.unwrap().unwrap(), 0, "{at} is not said: {all}");
    }
    let pid = i32::try_from(pair.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    let rest = timeout(DEADLINE, said.read_to_string(&mut all)).await;
    rest.unwrap().unwrap();
    let Output { status, stdout, .. } = pair.wait_with_output().await.unwrap();
    Done {
        code: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        said: all,
    }
}

#[tokio::test]
async fn who_interrupts_it_is_told_what_is_so_and_it_has_failed() {
    for (signal, at, words) in [
        (Signal::INT, "Round 1 of 3", "Nothing has changed"),
        (
            Signal::TERM,
            "Asking for its address.",
            "Nothing has changed",
        ),
        (
            Signal::INT,
            "Telling it to move into our network.",
            "was not told to stay",
        ),
        (Signal::INT, "Telling it to stay there.", "may have moved"),
        (Signal::TERM, "Telling it to stay there.", "may have moved"),
    ] {
        let bench = bench(false, &[]).await;
        let serial = serial(&bench, 0);
        let done = interrupted(&bench, signal, at).await;
        // Only what is sure stands on standard output.
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{done:?}");
        let stopped = format!("stopped before {serial} was paired");
        assert!(done.said.contains(&stopped), "{done:?}");
        assert!(done.said.contains(words), "{done:?}");
        let lines = [
            format!("ecu_id = \"{USUAL_GATEWAY}\""),
            format!("addresses = {{ {serial} = \"0x"),
        ];
        for line in lines {
            assert_eq!(
                done.said.contains(&line),
                words == "may have moved",
                "{done:?}"
            );
        }
        bench.stick.stop().await;
    }
}

#[tokio::test]
async fn a_stick_that_goes_away_behind_the_last_request_leaves_that_open() {
    let bench = bench(false, &[]).await;
    let mut pair = command(&[
        "aps-zigbee",
        "pair",
        &serial(&bench, 0),
        "--port",
        bench.port(),
        "--ecu-id",
        USUAL_GATEWAY,
    ])
    .stdin(Stdio::null())
    .stdout(Stdio::null())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut said = BufReader::new(pair.stderr.take().unwrap());
    let mut all = String::new();
    while !all.contains("Telling it to stay there.") {
        let line = timeout(DEADLINE, said.read_line(&mut all)).await;
        assert_ne!(line.unwrap().unwrap(), 0, "{all}");
    }
    bench.stick.stop().await;
    let rest = timeout(DEADLINE, said.read_to_string(&mut all)).await;
    rest.unwrap().unwrap();
    let status = timeout(DEADLINE, pair.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(1), "{all}");
    assert!(all.contains("may have moved"), "{all}");
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
