//! Lines recorded, played again, and read from files; and simulated ones.

use serde_json::Value as Json;

use super::clamp;
use crate::home::Home;
use crate::process::{Process, fed};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

const VALUES: &str = "values=[{ id = \"current\", quantity = \"current\" }]";

#[tokio::test]
async fn a_recording_plays_the_same_again_and_runs_nothing() {
    let home = Home::new(1, &[]);
    let sensor = clamp(home.path(), &["00.1A\r\n", "00.2A\r\n"]).await;
    let common = [
        "--set",
        "id=clamp",
        "--set",
        r"ask=\n",
        "--set",
        "interval=300ms",
        "--set",
        VALUES,
    ];
    let args = [
        "record",
        "text",
        sensor.address(),
        "--out",
        "r",
        "--for",
        "3s",
    ];
    let done = home.done(&[&args[..], &common].concat()).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    sensor.stop().await;

    let played = home.done(&[&["replay", "r"][..], &common].concat()).await;
    assert_eq!(played.code, Some(0), "{played:?}");
    for value in ["0.1", "0.2"] {
        assert!(
            played.out.contains(&format!("\"current\":{value}")),
            "{played:?}"
        );
    }
    let decoded = home.done(&["decode", "text", "r"]).await;
    assert!(decoded.out.contains("\"value\":0.2"), "{decoded:?}");

    // The recording names a port; a program beside it is refused, and never run.
    let marker = home.path().join("ran");
    let command = format!("command=[\"touch\", \"{}\"]", marker.display());
    let args = [
        "replay", "r", "--set", "id=clamp", "--set", VALUES, "--set", &command,
    ];
    assert_ne!(home.done(&args).await.code, Some(0));
    assert!(!marker.exists());
}

#[tokio::test]
async fn lines_are_read_from_a_file_with_a_pattern() {
    let home = Home::new(1, &[]);
    let pattern = r"pattern=^(\d\d+\.\d)A$";
    let args = ["decode", "text", "-", "--set", pattern, "--set", VALUES];
    let done = fed(home.path(), &args, b"00.1A\nhello\n12.4A").await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let lines: Vec<Json> = done
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let values: Vec<&Json> = lines
        .iter()
        .map(|line| &line["readings"]["current"])
        .collect();
    assert_eq!(values, [0.1, 12.4]);
    assert!(
        done.err
            .contains("at byte 6: \"hello\": the pattern does not fit"),
        "{done:?}"
    );
    let nothing = fed(home.path(), &args, b"hello\n").await;
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
}

#[tokio::test]
async fn the_section_that_the_simulator_prints_reads_it() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    let port = home.path().join("sensor");
    let port = port.to_str().unwrap();
    for (more, value) in [
        (&["--value", "07.5"][..], 7.5),
        (&["--value", "08.5", "--every", "100ms"], 8.5),
    ] {
        let mut simulator = Process::start(
            home.path(),
            &[&["simulate", "text", "--pty", port], more].concat(),
        );
        simulator.until_said("Ctrl-C").await;
        let said = simulator.said();
        let section: Vec<&str> = said
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .collect();
        home.write(&[section.join("\n") + "\ninterval = \"300ms\"\n"]);
        let mark = wire.mark();
        let mut program = home.run();
        let there = |state: &Json| state["current"].as_f64() == Some(value);
        wire.state("the value", mark, "text_sensor", there).await;
        assert!(program.end().await.success());
        assert!(simulator.end().await.success());
    }
}
