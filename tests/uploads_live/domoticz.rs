//! The examples of Domoticz.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tokio::time::timeout;
use wattbridge::bridge::Hub;
use wattbridge::model::{HealthCode, Value};
use wattbridge::outputs::domoticz::OUTPUT;

use crate::DEADLINE;
use crate::devices::{Told, examples, run, value};
use crate::listener::accept;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::web_server::WebServer;
use crate::wire::{Wire, kept};

const MARKER: &str = "domoticz/in";

fn section(config: &Json) -> String {
    let mut toml = "[[domoticz]]\n".to_owned();
    for (key, value) in config.as_object().unwrap() {
        // A text of JSON is one of TOML too, and so is a number.
        toml.push_str(&format!("{key} = {value}\n"));
    }
    toml
}

/// The devices that a section names, with the values of the example.
fn devices(config: &Json, values: &BTreeMap<String, Value>) -> Vec<Told> {
    let named = ["power", "energy", "device", "value"].iter();
    let named = named.filter_map(|key| config[*key].as_str());
    let mut of: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
    for name in named {
        let (device, _) = name.split_once('/').unwrap_or((name, ""));
        of.insert(device, values.clone());
    }
    let devices = of.into_iter();
    devices.map(|(id, values)| Told::new(id, values)).collect()
}

fn values(json: &Json) -> BTreeMap<String, Value> {
    let values = json.as_object().unwrap().iter();
    values
        .map(|(key, json)| (key.clone(), value(json)))
        .collect()
}

/// All that Domoticz is told of a section before it is told of another one behind it.
async fn told(config: &Json, values: &BTreeMap<String, Value>) -> Option<Vec<String>> {
    let broker = Mosquitto::launch(&Setup::default())?;
    let wire = Wire::tap(broker.port()).await;
    let hub = Hub::new().0;
    for device in devices(config, values) {
        device.put(&hub, 0);
    }
    let marker = Told::new("text_marker", values_of("power", 1));
    marker.put(&hub, 0);
    let toml = section(config)
        + "[[domoticz]]\nidx = 99999\nkind = \"usage\"\npower = \"text_marker/power\"\n";
    let _running = run(&OUTPUT, &toml, &hub, broker.port());
    let is_marker = |seen: &crate::wire::Seen| seen.text.contains("99999");
    wire.until("the marker", 0, is_marker).await;
    let all = wire.on(MARKER).into_iter();
    let mut all: Vec<_> = all
        .inspect(|seen| {
            accept(seen).unwrap_or_else(|why| panic!("{why}: {seen:?}"));
        })
        .map(|seen| seen.text)
        .collect();
    assert!(all.pop().unwrap().contains("99999"));
    assert!(!kept(broker.port()).await.contains_key(MARKER));
    Some(all)
}

fn values_of(key: &str, number: i64) -> BTreeMap<String, Value> {
    let value = wattbridge::model::Decimal::integer(number);
    [(key.to_owned(), value.into())].into()
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn each_example_is_told_to_the_byte() {
    let mut seen = 0;
    for example in examples("domoticz") {
        let id = example["id"].as_str().unwrap();
        let config = &example["config"];
        if example["answers"].is_array() {
            continue;
        }
        if let Some(several) = example["several"].as_array() {
            for one in several {
                let (_, key) = one[0]["value"].as_str().unwrap().split_once('/').unwrap();
                let values = [(key.to_owned(), value(&one[1]))].into();
                let Some(told) = told(&one[0], &values).await else {
                    return;
                };
                assert_eq!(told, [one[2].as_str().unwrap()], "{id}");
                seen += 1;
            }
            continue;
        }
        let Some(told) = told(config, &values(&example["values"])).await else {
            return;
        };
        let request = &example["request"]["mqtt"];
        let wanted: Vec<&str> = request["payload"].as_str().into_iter().collect();
        assert_eq!(told, wanted, "{id}");
        seen += 1;
    }
    assert!(seen >= 7, "{seen}");
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn over_http_each_answer_has_its_meaning() {
    let all = examples("domoticz");
    let example = all.iter().find(|it| it["answers"].is_array()).unwrap();
    let answers = example["answers"].as_array().unwrap();
    for answer in answers {
        let (said, meaning) = (&answer[0], &answer[1]);
        let status = said["status"].as_u64().unwrap();
        let server = WebServer::start(status, said["body"].as_str().unwrap()).await;
        let mut config = example["config"].clone();
        config["url"] = server.url.as_str().into();
        config["power"] = "aps_ecu_1/power".into();
        config["energy"] = "aps_ecu_1/energy_total".into();
        let hub = Hub::new().0;
        for device in devices(&config, &values(&example["values"])) {
            device.put(&hub, 0);
        }
        // No broker is there, and none is needed.
        let _running = run(&OUTPUT, &section(&config), &hub, 1);
        let head = server.first().await;
        let url = example["request"]["url"].as_str().unwrap();
        let path = url.split_once(":8080").unwrap().1;
        assert!(head.starts_with(&format!("GET {path} HTTP/1.1")), "{head}");
        assert!(
            head.to_lowercase().contains("authorization: basic "),
            "{head}"
        );
        let Some(advice) = meaning["advice_about"].as_str() else {
            assert_eq!(meaning["do"], "done");
            assert_eq!(hub.trouble(), None);
            continue;
        };
        let trouble = async {
            loop {
                if let Some(trouble) = hub.trouble() {
                    return trouble;
                }
                tokio::task::yield_now().await;
            }
        };
        let trouble = timeout(DEADLINE, trouble).await.unwrap();
        assert_eq!(trouble.code, HealthCode::Refused);
        for word in advice.split(", ") {
            assert!(trouble.advice.to_string().contains(word), "{trouble:?}");
        }
        let words = trouble.sentence();
        assert!(!words.contains("<password>"), "{words}");
    }
    assert_eq!(answers.len(), 3);
}
