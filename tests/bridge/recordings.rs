//! Recordings: made, masked, played again, and hostile.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value as Json;
use wattbridge::hex::Hex;

use crate::gateway::{Gateway, Plan};
use crate::home::Home;
use crate::process::{Done, fed};

/// Not the first serials there are: a mask begins with those.
const ECU: &str = "216000556677";
const INVERTERS: &str = "704000112233,704000445566,801000778899,901000223344";

/// Records for a second and a half.
async fn record(home: &Home, gateway: &Gateway, file: &str, more: &[&str]) -> Done {
    let address = format!("127.0.0.1:{}", gateway.port());
    let args = [
        "record", "aps-ecu", &address, "--out", file, "--for", "1500ms",
    ];
    let pairs = [
        "interval=300ms",
        "night_interval=300ms",
        "quiet=",
        "phase_lock=false",
    ];
    let pairs = pairs.iter().flat_map(|pair| ["--set", pair]);
    home.done(
        &args
            .into_iter()
            .chain(pairs)
            .chain(more.iter().copied())
            .collect::<Vec<_>>(),
    )
    .await
}

/// The first readings with everything in them, by the model of the device: serials differ.
fn first_readings(done: &Done) -> BTreeMap<String, Vec<Json>> {
    let mut first: BTreeMap<String, BTreeMap<String, Json>> = BTreeMap::new();
    for line in done.out.lines() {
        let line: Json = serde_json::from_str(line).unwrap();
        let (model, device) = (line["model"].to_string(), line["device"].to_string());
        let devices = first.entry(model).or_default();
        devices
            .entry(device)
            .or_insert_with(|| line["readings"].clone());
    }
    let sorted = first.into_iter().map(|(model, devices)| {
        let mut all: Vec<Json> = devices.into_values().collect();
        all.sort_by_key(Json::to_string);
        (model, all)
    });
    sorted.collect()
}

#[tokio::test]
async fn a_recording_plays_the_same_again_and_a_masked_one_too() {
    let gateway = Gateway::start(Plan {
        serial: ECU,
        inverters: INVERTERS,
        speed: 0.0,
        ..Plan::default()
    })
    .await;
    let home = Home::new(1883, &[]);
    let done = record(&home, &gateway, "plain", &[]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.out.contains("heard of") && done.out.contains("Done: plain"),
        "{done:?}"
    );
    let done = record(&home, &gateway, "masked", &["--mask"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    // Nobody's recording is overwritten.
    let again = record(&home, &gateway, "plain", &[]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("choose another name"), "{again:?}");

    let read = |file: &str| fs::read_to_string(home.path().join(file)).unwrap();
    let (plain, masked) = (read("plain"), read("masked"));
    let in_hex = |text: &str| Hex::of(text.as_bytes()).to_string();
    let inverters: Vec<String> = gateway
        .handle
        .inverters()
        .iter()
        .map(ToString::to_string)
        .collect();
    // Their bytes on the wire are the digits themselves.
    for serial in inverters.iter().chain([&in_hex(ECU)]) {
        assert!(plain.contains(serial), "{serial}");
        assert!(!masked.contains(serial), "{serial} is in\n{masked}");
    }

    let plain = home.done(&["replay", "plain"]).await;
    let masked = home.done(&["replay", "masked"]).await;
    for done in [&plain, &masked] {
        assert_eq!(
            (done.code, done.err.contains("ERROR")),
            (Some(0), false),
            "{done:?}"
        );
    }
    let (real, hidden) = (first_readings(&plain), first_readings(&masked));
    assert_eq!(real.values().map(Vec::len).sum::<usize>(), 5, "{real:?}");
    assert_eq!(real, hidden);
    let truth = gateway.handle.truth();
    let ecu = &real["\"ECU-R\""][0];
    assert_eq!(ecu["power"], truth.power_w);
    assert_eq!(
        ecu["energy_total"].as_f64(),
        Some((truth.lifetime_wh / 100) as f64 / 10.0)
    );

    // Twice the same, byte for byte; and what it is read from does not matter.
    assert_eq!(home.done(&["replay", "plain"]).await.out, plain.out);
    let piped = fed(home.path(), &["replay", "-"], read("plain").as_bytes()).await;
    assert_eq!(piped.out, plain.out);
    let decoded = home.done(&["decode", "aps-ecu", "plain"]).await;
    assert_eq!(decoded.code, Some(0), "{decoded:?}");
    assert!(
        decoded
            .out
            .contains(&format!("\"power\":{}", truth.power_w)),
        "{decoded:?}"
    );
}

#[tokio::test]
async fn a_recording_of_an_ecu_that_is_not_there() {
    let gateway = Gateway::start(Plan::default()).await;
    gateway.fault("refuse");
    gateway.handle.wait_for_port(false).await;
    let home = Home::new(1883, &[]);
    let done = record(&home, &gateway, "nothing", &[]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.err.contains("refuses the connection"), "{done:?}");
    let replayed = home.done(&["replay", "nothing"]).await;
    assert_eq!(replayed.code, Some(1), "{replayed:?}");
    assert!(replayed.err.contains("nothing came out"), "{replayed:?}");
    let done = record(&home, &gateway, "no/such/folder", &[]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
}

#[tokio::test]
async fn files_that_are_no_recording() {
    let home = Home::new(1883, &[]);
    let head = "# wattbridge recording 1\n# adapter: aps_ecu\n# started: 2026-06-21T10:00:00Z\n";
    let cases: [(&[u8], &str); 12] = [
        (b"", "not a recording"),
        (b"\n\n\n", "not a recording"),
        (b"\xff\xfe\x00\x80", "not text"),
        (b"hello", "make one with `wattbridge record`"),
        (b"# wattbridge recording 1\n", "lacks"),
        (b"# wattbridge recording 2\n", "not a recording"),
        (&with(head, "0 1 <"), "nothing came out"),
        (&with(head, "0 1 < 4"), "line 4"),
        (&with(head, "1e400 1 close"), "line 4"),
        (&with(head, "0 99999999999999999999 close"), "line 4"),
        (
            &with(&head.replace("aps_ecu", "toaster"), "0 1 close"),
            "does not know",
        ),
        (
            &with(&head.replace("2026", "9999"), "1e15 1 open x\n1e15 1 < 41"),
            "",
        ),
    ];
    for (content, needle) in cases {
        fs::write(home.path().join("it"), content).unwrap();
        let done = home.done(&["replay", "it"]).await;
        let shown = String::from_utf8_lossy(content);
        assert_eq!(done.code, Some(1), "{shown}\n{done:?}");
        assert!(done.err.contains(needle), "{shown}\n{done:?}");
    }
    for path in ["missing", "."] {
        let done = home.done(&["replay", path]).await;
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.err.contains(path), "{done:?}");
    }
}

fn with(head: &str, lines: &str) -> Vec<u8> {
    format!("{head}{lines}\n").into_bytes()
}
