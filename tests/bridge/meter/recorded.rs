//! Recordings of meters: played again, decoded, and masked for others to see.
//!
//! These meters send every 700 ms, so that there is a silence between two telegrams as between those
//! of real ones, which send every five seconds and more.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::Value as Json;
use wattbridge::adapters::smart_meter::simulator::Fixed;
use wattbridge::hex::Hex;

use super::{AUTHENTICATION_KEY, KEY, Line, Plan, model};
use crate::home::Home;
use crate::process::{Done, Process};

/// Counted before the recording begins; the rest of a minute counts a few watt-hours more.
const COUNTED: u32 = 7_654_321;
const POWER: i32 = 1234;
/// Of recordings that are shown to others.
const PUBLISHED: &str = "key=000102030405060708090A0B0C0D0E0F";

async fn line(home: &Home, name: &str, faults: &[&str]) -> Line {
    let fixed = Fixed {
        power: Some(POWER),
        energy_import: Some(COUNTED),
        energy_export: Some(9),
    };
    let plan = Plan {
        models: &[name],
        faults,
        fixed,
        interval: Duration::from_millis(700),
    };
    Line::serial(home.path(), plan).await
}

fn own_key() -> String {
    format!("key={KEY}")
}

/// The arguments that record for so long.
fn recording<'a>(line: &'a Line, file: &'a str, period: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let port = line.simulator.address();
    let args = [
        "record",
        "smart-meter",
        port,
        "--out",
        file,
        "--for",
        period,
    ];
    [&args, more].concat()
}

async fn record(home: &Home, line: &Line, file: &str, more: &[&str]) -> Done {
    let done = home.done(&recording(line, file, "3s", more)).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    done
}

fn read(home: &Home, file: &str) -> String {
    fs::read_to_string(home.path().join(file)).unwrap()
}

/// What was printed, a line each.
fn lines(done: &Done) -> Vec<Json> {
    assert_eq!(done.code, Some(0), "{done:?}");
    let lines = done.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What the meter measures, without who it is and how its line is.
fn measured(line: &Json) -> String {
    let readings = line["readings"].as_object().unwrap().iter();
    let measured = readings.filter(|(key, value)| {
        let key = key.as_str();
        value.is_number()
            && ["energy", "power", "voltage", "current"]
                .iter()
                .any(|quantity| key.starts_with(quantity))
    });
    let texts: Vec<_> = measured
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    texts.join(" ")
}

/// Every way in which something may stand in a recording or in what is printed of it.
fn assert_hidden(text: &str, secret: &str) {
    let text = text.to_lowercase();
    let hex = |text: &str| Hex::of(text.as_bytes()).to_string();
    let secret = secret.to_lowercase();
    for shown in [secret.clone(), hex(&secret), hex(&secret.to_uppercase())] {
        assert!(!text.contains(&shown), "{secret} is in\n{text}");
    }
}

#[tokio::test]
async fn a_recording_of_a_meter_replays_and_decodes_to_the_same() {
    let home = Home::new(1883, &[]);
    let line = line(&home, "tinetz", &[]).await;
    let key = own_key();
    let done = record(&home, &line, "it", &["--set", &key]).await;
    assert!(done.out.contains("heard of Smart meter 4321"), "{done:?}");
    assert_hidden(&read(&home, "it"), KEY);

    let decoded = lines(
        &home
            .done(&["decode", "smart-meter", "it", "--set", &key])
            .await,
    );
    assert!(decoded.len() >= 3, "{decoded:?}");
    for telegram in &decoded {
        assert_eq!(telegram["serial"], model("tinetz").number);
        assert_eq!(telegram["readings"]["power_import"], POWER);
    }
    let known: BTreeSet<String> = decoded.iter().map(measured).collect();
    let replayed = lines(&home.done(&["replay", "it", "--set", &key]).await);
    // A line is printed when the number of the meter is certain.
    let whole = replayed.iter().map(measured);
    let whole: BTreeSet<String> = whole.filter(|it| it.contains("voltage_l3")).collect();
    assert!(!whole.is_empty(), "{replayed:?}");
    assert!(whole.is_subset(&known), "{whole:?}\n{known:?}");
}

#[tokio::test]
async fn a_masked_recording_opens_with_a_published_key_and_names_nobody() {
    for name in ["tinetz", "t210d-wrap", "e450", "am550"] {
        let home = Home::new(1883, &[]);
        let line = line(&home, name, &[]).await;
        let (key, tag) = (
            own_key(),
            format!("authentication_key={AUTHENTICATION_KEY}"),
        );
        let done = record(
            &home,
            &line,
            "it",
            &["--mask", "--set", &key, "--set", &tag],
        )
        .await;
        let masked = read(&home, "it");
        let meter = model(name);
        let serial = &meter.title.to_string()[6..];
        for secret in [KEY, AUTHENTICATION_KEY, meter.number, serial] {
            assert_hidden(&masked, secret);
            assert_hidden(&done.out, secret);
        }
        // What opens it is in it.
        assert!(
            masked.contains(&format!("# set: {PUBLISHED}\n")),
            "{masked}"
        );
        let decoded = home.done(&["decode", "smart-meter", "it"]).await;
        // The recording may begin in the middle of a telegram; no other complaint is to be heard.
        let complaints = decoded.err.lines();
        let midway = "the beginning of this message is missing";
        let others = complaints.filter(|line| !line.contains(midway));
        assert_eq!(others.count(), 0, "{name}: {decoded:?}");
        let decoded = lines(&decoded);
        assert!(decoded.len() >= 3, "{decoded:?}");
        let first = decoded[0]["serial"].as_str().unwrap();
        assert_eq!(first.len(), meter.number.len());
        for telegram in &decoded {
            assert_eq!(telegram["serial"], first);
            let readings = &telegram["readings"];
            assert_eq!(readings["power_import"], POWER, "{name}");
            let counted = readings["energy_import"].as_f64().unwrap() * 1000.0;
            let more = counted - f64::from(COUNTED);
            assert!((0.0..60.0).contains(&more), "{name}: {telegram}");
            assert_hidden(&telegram.to_string(), meter.number);
        }
        let replayed = home.done(&["replay", "it"]).await;
        assert_eq!(lines(&replayed)[0]["serial"], first);
        let locked = home
            .done(&["decode", "smart-meter", "it", "--set", &key])
            .await;
        assert_eq!(locked.code, Some(1), "{locked:?}");
    }
}

#[tokio::test]
async fn without_a_key_a_masked_recording_stays_locked_and_says_so() {
    let home = Home::new(1883, &[]);
    let line = line(&home, "tinetz", &[]).await;
    let done = record(&home, &line, "it", &["--mask"]).await;
    assert!(
        done.out.contains("stay locked") && done.out.contains("--set key=..."),
        "{done:?}"
    );
    let masked = read(&home, "it");
    let title = model("tinetz").title.to_string();
    assert_hidden(&masked, &title[6..]);
    assert!(masked.contains(&title[..6].to_lowercase()), "{masked}");
    let key = own_key();
    for key in [key.as_str(), PUBLISHED] {
        let locked = home
            .done(&["decode", "smart-meter", "it", "--set", key])
            .await;
        assert_eq!(locked.code, Some(1), "{locked:?}");
        // The frames are whole: it is the key.
        assert!(
            locked.err.contains("key") && !locked.err.contains("checksum"),
            "{locked:?}"
        );
    }
}

#[tokio::test]
async fn damage_stays_damage_under_the_mask() {
    let home = Home::new(1883, &[]);
    let faults = [
        "flip@every=3",
        "repeat@every=4",
        "noise@every=2",
        "midstart@first=1",
    ];
    let line = line(&home, "tinetz", &faults).await;
    let key = own_key();
    record(&home, &line, "it", &["--mask", "--set", &key]).await;
    let masked = read(&home, "it");
    let meter = model("tinetz");
    for secret in [KEY, meter.number, &meter.title.to_string()[6..]] {
        assert_hidden(&masked, secret);
    }
    let decoded = home
        .done(&["decode", "smart-meter", "it", "--set", PUBLISHED])
        .await;
    assert!(!lines(&decoded).is_empty());
    assert!(decoded.err.contains("checksum"), "{decoded:?}");
}

#[tokio::test]
async fn a_pulled_cable_in_a_recording_is_played_as_such() {
    let home = Home::new(1883, &[]);
    let line = line(&home, "tinetz", &[]).await;
    let key = own_key();
    let args = recording(&line, "it", "6s", &["--mask", "--set", &key]);
    let mut program = Process::start(home.path(), &args);
    program.until_said("heard of Kaifa MA309").await;
    line.simulator.unplug();
    program.until_said("Unreachable").await;
    line.simulator.plug();
    assert!(program.ended().await.success());
    let masked = read(&home, "it");
    let opened = |text: &str| text.lines().filter(|line| line.contains(" open ")).count();
    assert!(
        masked.contains(" close") && opened(&masked) >= 2,
        "{masked}"
    );
    let replayed = home.done(&["replay", "it", "--set", PUBLISHED]).await;
    assert_eq!(gaps(&replayed), 1, "{masked}\n{replayed:?}");
    assert!(replayed.err.contains("Unreachable"), "{replayed:?}");
}

#[tokio::test]
async fn a_silence_in_a_recording_is_played_as_such() {
    let home = Home::new(1883, &[]);
    let line = line(&home, "tinetz", &[]).await;
    let key = own_key();
    let args = recording(&line, "it", "5s", &["--mask", "--set", &key]);
    assert_eq!(home.done(&args).await.code, Some(0));
    // The first may be the end of a telegram, and the meter is known by two that agree. From the
    // fifth on, everything comes two minutes later.
    let (mut late, mut telegrams) = (String::new(), 0);
    for line in read(&home, "it").lines() {
        telegrams += usize::from(line.contains(" < "));
        let line = match line.split_once(' ') {
            Some((time, rest)) if telegrams > 4 => {
                let time: f64 = time.parse().unwrap();
                format!("{:.3} {rest}", time + 120.0)
            }
            _ => line.to_owned(),
        };
        late = late + &line + "\n";
    }
    assert!(telegrams > 5, "{late}");
    fs::write(home.path().join("it"), late).unwrap();
    let replayed = home.done(&["replay", "it", "--set", PUBLISHED]).await;
    assert_eq!(gaps(&replayed), 1, "{replayed:?}");
    assert!(replayed.err.contains("nothing has arrived"), "{replayed:?}");
}

/// How often the power was known and then no more.
fn gaps(done: &Done) -> usize {
    let lines = lines(done);
    let known: Vec<bool> = lines
        .iter()
        .map(|line| line["readings"]["power_import"].is_number())
        .collect();
    known.windows(2).filter(|two| two[0] && !two[1]).count()
}
