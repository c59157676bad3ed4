//! `record --mask`: the file holds no number of before, and replays to the same devices with others.

use wattbridge::adapters::aps_zigbee::simulator::USUAL_GATEWAY;

use crate::{bench, wattbridge};

#[tokio::test]
async fn a_masked_recording_replays_without_anything_being_set() {
    let bench = bench(true, &[]).await;
    let truth = bench.stick.truth().inverters;
    let file = bench.folder().join("stick.recording");
    let file = file.to_str().unwrap();
    let serials: Vec<String> = truth.iter().map(|it| it.serial.to_string()).collect();
    let mut args: Vec<String> = ["record", "aps-zigbee", bench.port(), "--out", file]
        .map(str::to_owned)
        .to_vec();
    args.extend(["--for", "15s", "--mask"].map(str::to_owned));
    args.push("--set".to_owned());
    args.push(format!("inverters={serials:?}"));
    args.extend(["--set".to_owned(), format!("ecu_id={USUAL_GATEWAY}")]);
    for inverter in &truth {
        let pair = format!("addresses.{}={}", inverter.serial, inverter.address);
        args.extend(["--set".to_owned(), pair]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = wattbridge(&args, "").await;
    assert_eq!(done.code, 0, "{done:?}");
    let text = std::fs::read_to_string(file).unwrap();
    let reversed = "80971B01A3D8";
    let numbers = serials.iter().map(String::as_str);
    for number in numbers.chain([USUAL_GATEWAY, reversed]) {
        let number = number.to_lowercase();
        assert!(!text.to_lowercase().contains(&number), "{number}: {text}");
        assert!(!done.out.to_lowercase().contains(&number), "{done:?}");
    }
    let replayed = wattbridge(&["replay", file], "").await;
    assert_eq!(replayed.code, 0, "{replayed:?}\n{text}");
    for kind in ["YC600", "DS3"] {
        let has_values = |line: &&str| line.contains(kind) && line.contains("panel_1_power");
        assert!(
            replayed.out.lines().any(|line| has_values(&line)),
            "{replayed:?}"
        );
    }
    let decoded = wattbridge(&["decode", "aps-zigbee", file], "").await;
    assert_eq!(decoded.code, 0, "{decoded:?}");
    assert!(!decoded.said.contains("check sum"), "{decoded:?}");
}
