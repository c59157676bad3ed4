//! `decode`: bytes in every form they come in, and bytes that are nothing.

use std::fs;
use std::time::Duration;

use serde_json::Value as Json;
use wattbridge::adapters::aps_ecu::wire::Request;
use wattbridge::adapters::smart_meter::simulator::{Model, Series};
use wattbridge::adapters::smart_meter::wire::Key;
use wattbridge::hex::Hex;

use crate::captures;
use crate::gateway::{Gateway, Plan};
use crate::home::Home;
use crate::meter::KEY;
use crate::process::{Done, fed};

fn lines(done: &Done) -> Vec<Json> {
    done.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn frames_in_every_form() {
    let gateway = Gateway::start(Plan {
        inverters: "9xDS3,QT2",
        speed: 0.0,
        ..Plan::default()
    })
    .await;
    let ecu = gateway.handle.ecu();
    let info = gateway.bytes(&Request::EcuInfo).await;
    let telemetry = gateway.bytes(&Request::Telemetry { ecu }).await;
    let both = [info.as_slice(), &telemetry].concat();
    let hex = format!("# two answers\n0x{:X} ", Hex::of(&both).with(" 0x"));
    let home = Home::new(1883, &[]);
    fs::write(home.path().join("raw"), &both).unwrap();
    fs::write(home.path().join("hex"), &hex).unwrap();
    let raw = home.done(&["decode", "aps-ecu", "raw"]).await;
    assert_eq!((raw.code, raw.err.as_str()), (Some(0), ""), "{raw:?}");
    let values = lines(&raw);
    assert_eq!(values.len(), 11, "the ECU and ten inverters: {raw:?}");
    let truth = gateway.handle.truth();
    assert_eq!(values[0]["readings"]["power"], truth.power_w);
    let sum: u64 = values[1..]
        .iter()
        .filter_map(|it| it["readings"]["power"].as_u64())
        .sum();
    assert_eq!(sum, u64::from(truth.power_w));

    assert_eq!(home.done(&["decode", "aps_ecu", "hex"]).await.out, raw.out);
    for args in [&["decode", "aps-ecu", "-"][..], &["decode", "aps-ecu"]] {
        assert_eq!(fed(home.path(), args, &both).await.out, raw.out);
        assert_eq!(fed(home.path(), args, hex.as_bytes()).await.out, raw.out);
    }
    let zone = ["decode", "aps-ecu", "raw", "--set", "time_zone=Asia/Tokyo"];
    let moved = home.done(&zone).await;
    assert_eq!(lines(&moved).len(), 11);
    assert_ne!(moved.out, raw.out);

    let labelled = home.done(&["decode", "aps-ecu", "--annotate", "raw"]).await;
    assert_eq!(labelled.code, Some(0), "{labelled:?}");
    for word in ["lifetime", "temp.", "216000000001", "901000000001"] {
        assert!(
            labelled.out.contains(word),
            "{word} is not in {}",
            labelled.out
        );
    }
    // What can be read is read, the rest is said with its place.
    let damaged = [b"noise".as_slice(), &both[..both.len() - 9]].concat();
    let partly = fed(home.path(), &["decode", "aps-ecu", "-"], &damaged).await;
    assert_eq!(partly.code, Some(0), "{partly:?}");
    assert_eq!(lines(&partly)[0], values[0]);
    for needle in ["5 bytes at byte 0", "is incomplete", "-: "] {
        assert!(
            partly.err.contains(needle),
            "{needle} is not in {}",
            partly.err
        );
    }
}

#[tokio::test]
async fn logs_of_other_programs_say_what_the_bytes_say() {
    let model = Model::named("evn").unwrap();
    let key: Key = KEY.parse().unwrap();
    let mut meter = Series::new(model, key, None, Duration::from_secs(5));
    let bytes: Vec<u8> = (0..3)
        .flat_map(|_| meter.telegram().unwrap().frames.concat())
        .collect();
    let home = Home::new(1883, &[]);
    let key = format!("key={KEY}");
    let args = ["decode", "smart-meter", "-", "--set", &key];
    let raw = fed(home.path(), &args, &bytes).await;
    assert_eq!((raw.code, lines(&raw).len()), (Some(0), 3), "{raw:?}");
    let digits = |row: &[u8], between: &str| format!("{:X}", Hex::of(row).with(between));
    for (before, between) in [
        ("(V) ", " "),
        ("12:00:00.123 :> ", " "),
        ("[12:00:00][D][uart_debug:114]: <<< ", ":"),
        ("12:00:00.123 > [Meter 1/1] ", " "),
        (
            "2026-06-21 12:00:00.123 DEBUG (MainThread) [meter] Received: ",
            "",
        ),
        ("", "-"),
    ] {
        let rows = bytes
            .chunks(16)
            .map(|row| format!("{before}{}\n", digits(row, between)));
        let text: String = std::iter::once("INFO Starting\n".to_owned())
            .filter(|_| !before.is_empty())
            .chain(rows)
            .collect();
        let done = fed(home.path(), &args, text.as_bytes()).await;
        assert_eq!(
            (done.code, &done.out),
            (Some(0), &raw.out),
            "{before}\n{done:?}"
        );
    }
    let dump = bytes.chunks(16).enumerate().map(|(row, bytes)| {
        format!(
            "{:08x}  {:<48}  |................|\n",
            row * 16,
            digits(bytes, " ")
        )
    });
    let dump: String = dump.collect::<String>().replace("|................|", "");
    assert_eq!(fed(home.path(), &args, dump.as_bytes()).await.out, raw.out);
}

#[tokio::test]
async fn text_that_can_be_read_in_two_ways_is_refused_with_the_words_that_decide() {
    let home = Home::new(1883, &[]);
    // Numbers of four digits, or in hexadecimal other numbers.
    let args = [
        "decode",
        "text",
        "--set",
        "id=x",
        "--set",
        "values=[{ id = \"x\" }]",
        "-",
    ];
    let text = b"3231\n3232\n";
    let done = fed(home.path(), &args, text).await;
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.err.contains("--as"), "{done:?}");
    let with = |form: &'static str| [&args[..], &["--as", form]].concat();
    let bytes = fed(home.path(), &with("bytes"), text).await;
    assert!(
        bytes.code == Some(0) && bytes.out.contains("3231"),
        "{bytes:?}"
    );
    let digits = fed(home.path(), &with("text"), text).await;
    assert!(
        digits.code == Some(0) && digits.out.contains("2122"),
        "{digits:?}"
    );
    let none = fed(home.path(), &with("text"), b"T=21.5\n").await;
    assert_eq!(none.code, Some(2), "{none:?}");
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn logs_that_people_sent_give_the_values_of_the_device() {
    let home = Home::new(1883, &[]);
    for name in ["30c-opendtu-log.txt", "30e-esphome-string-log.txt"] {
        let path = captures::path(&format!("reports/victron/{name}"));
        let done = home
            .done(&["decode", "victron", path.to_str().unwrap()])
            .await;
        assert_eq!(done.code, Some(0), "{name}: {done:?}");
        let all = lines(&done);
        let last = &all.last().unwrap()["readings"];
        for (key, value) in [
            ("battery_voltage", 14.99),
            ("battery_current", 2.77),
            ("panel_voltage", 20.45),
            ("panel_power", 42.0),
        ] {
            assert_eq!(last[key].as_f64(), Some(value), "{name} {key}: {last}");
        }
    }
}

#[tokio::test]
async fn bytes_that_are_nothing() {
    let home = Home::new(1883, &[]);
    let noise: Vec<u8> = (0..20_000_u32)
        .map(|it| (it.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let cases: [(&[u8], &str); 7] = [
        (b"", "there is nothing in it"),
        (b"hello", "bytes"),
        (b"41505", "bytes"),
        (b"APS1199990001END\n", ""),
        (b"APS1100160001END\n", ""),
        (b"# wattbridge recording 1\nx", ""),
        (&noise, "nothing could be decoded"),
    ];
    for (content, needle) in cases {
        let done = fed(home.path(), &["decode", "aps-ecu", "-"], content).await;
        let shown = String::from_utf8_lossy(content.get(..40).unwrap_or(content));
        assert_eq!(done.code, Some(1), "{shown}\n{done:?}");
        assert_eq!(done.out, "", "{shown}");
        assert!(
            !done.err.is_empty() && done.err.contains(needle),
            "{shown}\n{done:?}"
        );
    }
    for (args, code) in [
        (&["decode", "aps-ecu", "missing"][..], 1),
        (&["decode", "aps-ecu", "."], 1),
        (&["decode", "aps-ecu", "-", "--set", "hots=x"], 2),
        (&["decode", "aps-ecu", "-", "--set", "port=x"], 2),
        (&["decode", "aps-ecu", "-", "--set", "=x"], 2),
    ] {
        let done = home.done(args).await;
        assert_eq!(done.code, Some(code), "{args:?} {done:?}");
        assert!(done.err.len() > 20, "{done:?}");
    }
}

#[tokio::test]
async fn a_message_that_only_the_end_makes_whole() {
    let (model, key) = (Model::named("tinetz").unwrap(), Key::from([0x11; 16]));
    let mut series = Series::new(model, key, None, Duration::from_secs(5));
    // Without frames around them, messages are known to be whole by what follows.
    let messages: Vec<_> = (0..2).map(|_| series.telegram().unwrap().message).collect();
    let home = Home::new(1883, &[]);
    let args = [
        "decode",
        "smart_meter",
        "--set",
        "key=11111111111111111111111111111111",
    ];
    for count in 1..=messages.len() {
        let read = fed(home.path(), &args, &messages[..count].concat()).await;
        assert_eq!((read.code, read.err.as_str()), (Some(0), ""), "{read:?}");
        let with_values = lines(&read)
            .iter()
            .filter(|line| line.get("readings").is_some())
            .count();
        assert_eq!(with_values, count, "{read:?}");
    }
}
