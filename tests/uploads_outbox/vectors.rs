//! The examples of the specification, read in place.

use serde_json::{Value as Json, json};
use wattbridge::model::{Decimal, DeviceId, HealthCode};
use wattbridge::uploads::influxdb::{InfluxSettings, InfluxTarget};
use wattbridge::uploads::{
    Errand, ErrandAnswer, Load, LoadDevice, LoadSlot, LoadValue, Parcel, Target as _, UploadVerdict,
};

use crate::captures;
use crate::emoncms::serve;

fn examples(target: &str) -> Vec<Json> {
    let file = captures::read("exports.json");
    let all = file["examples"].as_array().unwrap().iter();
    all.filter(|example| example["target"] == target)
        .cloned()
        .collect()
}

fn at(text: &Json) -> i64 {
    let text = text.as_str().unwrap();
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

fn target(config: &Json) -> InfluxTarget {
    let mut config = config.clone();
    let all = config.as_object_mut().unwrap();
    let mut usual = |key: &str, value: Json| {
        all.entry(key).or_insert(value);
    };
    usual("url", json!("http://127.0.0.1:8086"));
    usual("database", json!("nope"));
    let settings: InfluxSettings = serde_json::from_value(config).unwrap();
    InfluxTarget::new(settings).unwrap()
}

fn load(example: &Json) -> Load {
    let slots = example["slots"].as_array().unwrap().iter().map(|row| {
        let values = row["values"].as_object().unwrap().iter();
        let values = values.filter_map(|(key, value)| {
            let value = match value {
                // Unknown is no row.
                Json::Null => return None,
                Json::Bool(on) => LoadValue::OnOff(*on),
                Json::String(word) => LoadValue::Text(word.clone()),
                value => LoadValue::Number {
                    // As the history has them: with all decimals of the metric.
                    number: value.to_string().parse::<Decimal>().unwrap().with_scale(4),
                    quantity: None,
                    is_lifetime: false,
                },
            };
            Some((key.clone(), value))
        });
        let id: DeviceId = serde_json::from_value(row["device"].clone()).unwrap();
        LoadSlot {
            end: at(&row["end"]),
            devices: vec![LoadDevice {
                id,
                name: row["name"].as_str().unwrap_or("Roof").to_owned(),
                values: values.collect(),
            }],
            energies: Vec::new(),
        }
    });
    let slots: Vec<_> = slots.collect();
    Load {
        through: slots.last().unwrap().end,
        slots,
    }
}

fn prepared(example: &Json) -> (InfluxTarget, Parcel) {
    let mut target = target(&example["config"]);
    let parcel = target.prepare(&load(example), false, jiff::Timestamp::UNIX_EPOCH);
    (target, parcel)
}

/// An answer as it comes over the line.
async fn said(status: u16, head: &str, body: &str) -> ErrandAnswer {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let text = format!(
        "HTTP/1.1 {status} X\r\n{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 10_000]).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
    });
    let target = target(&json!({ "url": url }));
    let courier = wattbridge::uploads::Courier::default();
    let answer = courier.carry(&target.trial()).await;
    server.await.unwrap();
    answer
}

fn word(code: HealthCode) -> String {
    code.code().to_owned()
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn requests_are_made_to_the_byte() {
    let mut count = 0;
    for mut example in examples("influxdb") {
        if example.get("request").is_none() && example.get("body").is_none() {
            continue;
        }
        count += 1;
        if example.get("slots").is_none() {
            example["slots"] = json!([{ "end": "2026-06-15T10:05:00Z", "device": "x_1", "values": { "power": 1 } }]);
        }
        let (_, parcel) = prepared(&example);
        let Some(Errand::Http(request)) = &parcel.errand else {
            assert_eq!(example["request"], Json::Null, "{example}");
            assert_eq!(parcel.through, at(&example["action"]["through"]));
            continue;
        };
        let body = String::from_utf8(request.body.clone()).unwrap();
        let of_request = &example["request"];
        for expected in [&example["body"], &of_request["body"]] {
            if let Some(expected) = expected.as_str() {
                assert_eq!(body, expected);
            }
        }
        if let Some(url) = of_request["url"].as_str() {
            assert_eq!(request.url(), url);
            assert_eq!(request.method.as_str(), of_request["method"]);
        }
        for (name, value) in of_request["headers"].as_object().into_iter().flatten() {
            let sent = format!("{request:?}");
            let shown = request.to_string();
            if name == "Authorization" {
                assert!(shown.contains("Authorization: ***\n"), "{shown}");
                assert!(!sent.contains("<token>"), "{sent}");
            } else {
                let value = value.as_str().unwrap();
                assert!(shown.contains(&format!("{name}: {value}\n")), "{shown}");
            }
        }
    }
    assert_eq!(count, 5);
}

/// Over a real socket, so that the secret is seen as well.
#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn the_token_is_sent() {
    let heads = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let own = std::sync::Arc::clone(&heads);
    let (url, _server) = serve(move |head, _| {
        own.lock().unwrap().push(head.to_owned());
        Some((204, String::new()))
    })
    .await;
    for (version, word, path) in [
        (2, "Token", "/api/v2/write?org=home&bucket=b&precision=s"),
        (
            3,
            "Bearer",
            "/api/v3/write_lp?db=nope&precision=second&accept_partial=true",
        ),
    ] {
        let config =
            json!({ "version": version, "url": url, "org": "home", "bucket": "b", "token": "<t>" });
        let example = json!({ "config": config, "slots": [{ "end": "2026-06-15T10:05:00Z",
            "device": "x_1", "values": { "power": 1 } }] });
        let (_, parcel) = prepared(&example);
        let courier = wattbridge::uploads::Courier::default();
        courier.carry(&parcel.errand.unwrap()).await;
        let head = heads.lock().unwrap().pop().unwrap();
        assert!(head.starts_with(&format!("POST {path} ")), "{head}");
        let login = format!("authorization: {word} <t>\r\n");
        assert!(
            head.to_lowercase().contains(&login.to_lowercase()),
            "{head}"
        );
    }
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn answers_mean_what_they_mean() {
    let mut count = 0;
    for example in examples("influxdb") {
        let Some(answer) = example.get("answer") else {
            continue;
        };
        let status = answer["status"].as_u64().unwrap();
        let status = u16::try_from(status).unwrap();
        let mut head = String::new();
        for (name, value) in answer["headers"].as_object().into_iter().flatten() {
            head += &format!("{name}: {}\r\n", value.as_str().unwrap());
        }
        let said = said(status, &head, answer["body"].as_str().unwrap()).await;
        let mut config = example.get("config").cloned().unwrap_or(json!({}));
        let action = &example["action"];
        if action["advice_about"] == "token" {
            config = json!({ "version": 2, "token": "x", "org": "o", "bucket": "b" });
        }
        let mut target = target(&config);
        let verdict = target.judge(&Parcel::default(), &said, jiff::Timestamp::UNIX_EPOCH);
        let id = example["id"].as_str().unwrap();
        count += 1;
        match (action["do"].as_str(), verdict) {
            (Some("acknowledge") | None, UploadVerdict::Done { trouble }) => {
                let health = action["health"].as_str().unwrap_or("online");
                let told =
                    trouble.map_or_else(|| "online".to_owned(), |trouble| word(trouble.code));
                assert_eq!(told, health, "{id}");
            }
            (Some("hold"), UploadVerdict::Hold { health, every }) => {
                assert_eq!(action["health"], word(health.code), "{id}");
                assert_eq!(action["retry_after_s"], every.as_secs(), "{id}");
                let about = action["advice_about"].as_str().unwrap();
                for word in about.split(": ") {
                    assert!(health.advice.to_string().contains(word), "{id}: {health:?}");
                }
            }
            (Some("halve"), UploadVerdict::Halve { .. }) => {}
            (Some("retry"), UploadVerdict::Again { after, .. }) => {
                let after = after.unwrap().as_secs();
                assert_eq!(action["after_s"], after, "{id}");
            }
            (action, verdict) => panic!("{id}: {action:?} {verdict:?}"),
        }
    }
    assert_eq!(count, 8);
}

/// Half as many bytes from now on, where more is too large.
#[tokio::test]
async fn what_is_too_large_is_remembered() {
    let slots = (1..=100).map(|place| LoadSlot {
        end: place * 300,
        devices: vec![LoadDevice {
            id: DeviceId::new("x", "1"),
            name: String::new(),
            values: vec![(
                "power".to_owned(),
                LoadValue::Number {
                    number: Decimal::integer(1),
                    quantity: None,
                    is_lifetime: false,
                },
            )],
        }],
        energies: Vec::new(),
    });
    let load = Load {
        slots: slots.collect(),
        through: 30_000,
    };
    let mut target = target(&json!({}));
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut counts = Vec::new();
    for _ in 0..10 {
        let parcel = target.prepare(&load, false, now);
        counts.push(parcel.slots.len());
        let said = said(413, "", "").await;
        let verdict = target.judge(&parcel, &said, now);
        assert!(
            matches!(verdict, UploadVerdict::Halve { .. }),
            "{verdict:?}"
        );
    }
    assert!(
        counts.windows(2).all(|two| two[1] <= (two[0] / 2).max(1)),
        "{counts:?}"
    );
    assert_eq!(counts[9], 1);
}

/// Each example of the outbox has its test in this crate.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn no_example_of_the_outbox_is_passed_over() {
    let tested = [
        ("outbox-01", "kills"),
        ("outbox-02", "changes"),
        ("outbox-03", "room"),
        ("outbox-04", "changes"),
        ("outbox-05", "answers"),
        ("outbox-06", "answers"),
    ];
    let ids: Vec<_> = examples("outbox")
        .iter()
        .map(|example| example["id"].clone())
        .collect();
    assert_eq!(ids, tested.map(|(id, _)| id));
}
