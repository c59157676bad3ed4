//! The examples of the specification, read in place.

use std::sync::{Arc, Mutex};

use serde_json::Value as Json;
use wattbridge::model::DeviceId;
use wattbridge::uploads::emoncms::default_node;
use wattbridge::uploads::{
    Courier, Load, LoadDevice, LoadSlot, LoadValue, Parcel, Target, UploadVerdict,
};

use super::driver::{body, device, now, number, slot, target};
use super::stand_in::serve;
use super::vectors_in_place;

/// Every example of emoncms, by its id.
fn examples() -> Vec<Json> {
    let file = vectors_in_place::read("exports.json");
    let all = file["examples"].as_array().unwrap().iter();
    let of_emoncms = all.filter(|example| example["target"] == "emoncms");
    of_emoncms.cloned().collect()
}

fn example(id: &str) -> Json {
    let all = examples();
    let found = all.iter().find(|example| example["id"] == id);
    found.unwrap_or_else(|| panic!("no {id}")).clone()
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {json}"))
}

fn section(url: &str, config: &Json) -> String {
    let mut toml = format!("[emoncms]\nurl = \"{url}\"\nkey = \"<write key>\"\n");
    for key in ["names", "node"] {
        if let Some(value) = config[key].as_str() {
            toml.push_str(&format!("{key} = \"{value}\"\n"));
        }
    }
    toml
}

fn load(example: &Json) -> Load {
    let mut slots: Vec<LoadSlot> = Vec::new();
    for row in example["slots"].as_array().unwrap() {
        let end = text(row, "end")
            .parse::<jiff::Timestamp>()
            .unwrap()
            .as_second();
        let values = row["values"].as_object().unwrap().iter();
        let values = values.filter_map(|(key, value)| {
            let value = match value {
                // Unknown is no row.
                Json::Null => return None,
                Json::Bool(on) => LoadValue::OnOff(*on),
                Json::String(word) => LoadValue::Text(word.clone()),
                value => number(&value.to_string()),
            };
            Some((key.as_str(), value))
        });
        let id = text(row, "device");
        let name = example["device"]["name"].as_str().unwrap_or("Roof");
        let of_device: LoadDevice = device(id, name, values.collect());
        match slots.last_mut().filter(|slot| slot.end == end) {
            Some(slot) => slot.devices.push(of_device),
            None => slots.push(slot(end, vec![of_device])),
        }
    }
    Load {
        through: slots.last().unwrap().end,
        slots,
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn requests_are_made_to_the_byte() {
    let mut count = 0;
    for example in examples() {
        let (Some(request), Some(_)) = (example.get("request"), example.get("slots")) else {
            continue;
        };
        count += 1;
        let id = text(&example, "id");
        let mut target = target(&section(
            text(&example["config"], "url"),
            &example["config"],
        ));
        let load = load(&example);
        let parcel = target.prepare(&load, false, now());
        let errand = parcel.errand.unwrap();
        assert_eq!(body(&errand), text(request, "body"), "{id}");
        let shown = errand.to_string();
        let head = format!("{} {}\n", text(request, "method"), text(request, "url"));
        assert!(shown.starts_with(&head), "{id}: {shown}");
        let kind = text(&request["headers"], "Content-Type");
        assert!(
            shown.contains(&format!("Content-Type: {kind}\n")),
            "{id}: {shown}"
        );
        assert!(shown.contains("Authorization: ***\n") && !shown.contains("write key"));
        assert_eq!(parcel.through, load.through);
    }
    assert_eq!(count, 4);
}

/// What a target makes of an answer to its values, on a real socket; also what was asked, heads and bodies.
async fn judged(
    mut target: impl FnMut(&str) -> Box<dyn Target>,
    load: Load,
    posted: Option<(u16, String)>,
    got: Vec<(u16, String)>,
) -> (UploadVerdict, Parcel, Vec<(String, String)>) {
    let asked: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let (at_work, left) = (Arc::clone(&asked), Mutex::new(got.into_iter()));
    let (url, task) = serve(move |head, body| {
        at_work
            .lock()
            .unwrap()
            .push((head.to_owned(), body.to_owned()));
        if head.starts_with("POST") {
            posted.clone()
        } else {
            let next = left.lock().unwrap().next();
            Some(next.unwrap_or((200, "\"Node does not exist\"".to_owned())))
        }
    })
    .await;
    let mut target = target(&url);
    let parcel = target.prepare(&load, false, now());
    let mut errand = target.ask_before(&parcel).unwrap();
    let courier = Courier::default();
    let verdict = loop {
        let answer = courier.carry(&errand).await;
        match target.judge(&parcel, &answer, now()) {
            UploadVerdict::Ask(next) => errand = next,
            verdict => break verdict,
        }
    };
    task.abort();
    let asked = asked.lock().unwrap().clone();
    (verdict, parcel, asked)
}

fn answer_of(json: &Json) -> (u16, String) {
    let status = json["status"].as_u64().unwrap();
    (
        u16::try_from(status).unwrap(),
        text(json, "body").to_owned(),
    )
}

/// One slot of one ECU.
fn any_load() -> Load {
    load(&serde_json::json!({ "slots": [{
        "end": "2026-06-15T10:05:00Z", "device": "aps_ecu_216000000001", "values": { "power": 582 }
    }]}))
}

const THERE: &str = "{\"power\":{\"time\":1781517900,\"value\":582,\"processList\":\"\"}}";

fn check(verdict: &UploadVerdict, action: &Json, id: &str) {
    match verdict {
        UploadVerdict::Done { trouble: None } => {
            assert!(
                ["acknowledge", "go on"].contains(&text(action, "do")),
                "{id}"
            );
        }
        UploadVerdict::Hold { health, every } => {
            let held = action["do"] == "hold" || action["then"] == "hold";
            assert!(held, "{id}: {health:?}");
            assert_eq!(health.code.code(), text(action, "health"), "{id}");
            assert_eq!(
                every.as_secs(),
                action["retry_after_s"].as_u64().unwrap(),
                "{id}"
            );
            let about = text(action, "advice_about").split(':').next().unwrap();
            assert!(
                health.advice.to_string().contains(about),
                "{id}: {}",
                health.advice
            );
        }
        UploadVerdict::Again { after: None, .. } => {
            assert_eq!(action["do"], "ask_receiver", "{id}");
            assert_eq!(action["health"], "retrying", "{id}");
            // The first pause of the outbox.
            assert_eq!(action["after_s"], 30, "{id}");
        }
        other => panic!("{id}: {other:?}"),
    }
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn answers_mean_what_they_mean() {
    let mut count = 0;
    for example in examples() {
        let id = text(&example, "id").to_owned();
        let (Some(answer), action) = (example.get("answer"), &example["action"]) else {
            continue;
        };
        if answer.get("error").is_some() {
            continue;
        }
        count += 1;
        let load = match example.get("slots") {
            Some(_) => load(&example),
            None => any_load(),
        };
        let config = example["config"].clone();
        let nothing = (200, "\"Node does not exist\"".to_owned());
        let nodes = load.slots[0].devices.len();
        // Not there before, there after.
        let there = |key: &str| {
            (
                200,
                format!(
                    "{{\"{key}\":{{\"time\":1781518200,\"value\":1}},\"energy_total\":{{}},\"battery_current\":{{}}}}"
                ),
            )
        };
        let got = if nodes == 2 {
            vec![
                nothing.clone(),
                nothing,
                there("power"),
                there("battery_voltage"),
            ]
        } else {
            vec![nothing, (200, THERE.to_owned())]
        };
        let (verdict, parcel, asked) = judged(
            |url| target(&section(url, &config)),
            load,
            Some(answer_of(answer)),
            got,
        )
        .await;
        check(&verdict, action, &id);
        if let Some(through) = action["through"].as_str() {
            let through = through.parse::<jiff::Timestamp>().unwrap();
            assert_eq!(parcel.through, through.as_second(), "{id}");
        }
        assert!(
            asked
                .iter()
                .any(|(head, _)| head.contains("Bearer <write key>\r\n"))
        );
    }
    assert_eq!(count, 7);
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn a_request_without_an_answer_is_asked_about_and_only_the_rest_is_sent() {
    let example = example("emoncms-11");
    let start = example["time"].as_i64().unwrap();
    let batch = example["batch"].as_array().unwrap();
    let slots = batch.iter().map(|item| {
        let energy = number(&item[2]["energy_total"].to_string());
        let values = vec![("energy_total", energy)];
        slot(
            start + item[0].as_i64().unwrap(),
            vec![device("aps_ecu_216000000001", "", values)],
        )
    });
    let load = Load {
        slots: slots.collect(),
        through: start + 600,
    };
    let receiver = answer_of(&example["action"]["receiver"]);
    let asked: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let at_work = Arc::clone(&asked);
    let (url, task) = serve(move |head, body| {
        let mut asked = at_work.lock().unwrap();
        asked.push((head.to_owned(), body.to_owned()));
        match asked.len() {
            1 => Some((200, "\"Node does not exist\"".to_owned())),
            // What was sent gets no answer.
            2 => None,
            _ if head.starts_with("GET") => Some(receiver.clone()),
            _ => Some((200, "ok".to_owned())),
        }
    })
    .await;
    let mut target = target(&section(&url, &Json::Null));
    let courier = Courier::default();
    let mut verdicts = Vec::new();
    let mut load = load;
    for _ in 0..3 {
        let parcel = target.prepare(&load, false, now());
        let mut errand = target
            .ask_before(&parcel)
            .or_else(|| parcel.errand.clone())
            .unwrap();
        let verdict = loop {
            match target.judge(&parcel, &courier.carry(&errand).await, now()) {
                UploadVerdict::Ask(next) => errand = next,
                verdict => break verdict,
            }
        };
        if let UploadVerdict::Part { through } = verdict {
            load.slots.retain(|slot| slot.end > through);
        }
        verdicts.push(verdict);
    }
    task.abort();
    // It is asked at once, and once more after a pause: whoever has cut the line may still be at it.
    assert!(
        matches!(verdicts[0], UploadVerdict::Again { after: None, .. }),
        "{verdicts:?}"
    );
    let then = &example["action"]["then"];
    let through = start + then["acknowledge"][1].as_i64().unwrap();
    assert_eq!(verdicts[1], UploadVerdict::Part { through });
    assert_eq!(verdicts[2], UploadVerdict::done());
    let asked = asked.lock().unwrap().clone();
    let question = format!(
        "GET {} ",
        text(&example["action"]["request"], "url")
            .trim_start_matches("https://emoncms.example.org")
    );
    assert!(asked[2].0.starts_with(&question) && asked[3].0.starts_with(&question));
    let rest = start + then["send"][0][0].as_i64().unwrap();
    let value = &then["send"][0][2]["energy_total"];
    assert_eq!(
        asked[4].1,
        format!(
            "time={rest}&data=%5B%5B0%2C%22ecu_216000000001%22%2C%7B%22energy_total%22%3A{value}%7D%5D%5D"
        )
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn nodes_have_names_that_fit() {
    let example = example("emoncms-14");
    let nodes = example["nodes"].as_array().unwrap();
    for pair in nodes {
        let (adapter, serial) = pair[0].as_str().unwrap().split_once('_').unwrap();
        assert_eq!(
            default_node(&DeviceId::new(adapter, serial)),
            pair[1].as_str().unwrap()
        );
    }
    assert_eq!(nodes.len(), 5);
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn a_node_is_looked_for_after_its_first_values() {
    let example = example("emoncms-15");
    for pair in example["answers"].as_array().unwrap() {
        let got = vec![
            (200, "\"Node does not exist\"".to_owned()),
            answer_of(&pair[0]),
        ];
        let posted = Some((200, "ok".to_owned()));
        let (verdict, _, asked) = judged(
            |url| target(&section(url, &Json::Null)),
            any_load(),
            posted,
            got,
        )
        .await;
        check(&verdict, &pair[1], "emoncms-15");
        let url = text(&example["request"], "url");
        let path = url.trim_start_matches("https://emoncms.example.org");
        let (last, _) = asked.last().unwrap();
        assert!(last.starts_with(&format!("GET {path} ")), "{last}");
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn no_example_is_passed_over() {
    let ids: Vec<String> = examples()
        .iter()
        .map(|it| text(it, "id").to_owned())
        .collect();
    assert_eq!(ids.len(), 13, "{ids:?}");
}
