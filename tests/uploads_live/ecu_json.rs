//! The examples of the JSON of RPI-ECU.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::timeout;
use wattbridge::bridge::Hub;
use wattbridge::model::{Decimal, Value};
use wattbridge::outputs::ecu_json::OUTPUT;

use crate::DEADLINE;
use crate::devices::{Told, decimal, examples, run, value};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::{Seen, Wire, kept};

/// Watt-hours are kilowatt-hours inside.
fn inside(key: &str, json: &Json) -> (String, Value) {
    match key.strip_suffix("_wh") {
        Some(key) => {
            let wh = decimal(json);
            let kwh = Decimal::new(wh.mantissa(), wh.scale() + 3);
            (key.to_owned(), kwh.into())
        }
        None => (key.to_owned(), value(json)),
    }
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn each_example_is_published_to_the_byte() {
    let all = examples("ecu_json");
    assert!(all.len() >= 5, "{}", all.len());
    for example in all {
        let id = example["id"].as_str().unwrap();
        let Some(broker) = Mosquitto::launch(&Setup::default()) else {
            return;
        };
        let wire = Wire::tap(broker.port()).await;
        let inverter = &example["inverter"];
        let serial = inverter["serial"].as_str().unwrap();
        let values = inverter["values"].as_object().unwrap().iter();
        let values: BTreeMap<_, _> = values.map(|(key, json)| inside(key, json)).collect();
        let told = Told::new(&format!("aps_zigbee_{serial}"), values);
        let toml = format!(
            "[[ecu_json]]\nformat = {}\ntopic = {}\ninverters = {{ \"{serial}\" = {{ idx = {}, number = {} }} }}\n",
            example["config"]["format"],
            example["config"]["topic"],
            inverter["idx"],
            inverter["number"],
        );
        let hub = Hub::new().0;
        let _running = run(&OUTPUT, &toml, &hub, broker.port());
        let request = &example["request"]["mqtt"];
        let topic = request["topic"].as_str().unwrap();
        let is_it = |seen: &Seen| seen.topic == topic;
        // What comes before it is connected is lost, so the inverter answers until it is heard.
        let answers = async {
            for second in 0.. {
                told.put(&hub, second);
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        let seen = tokio::select! {
            (seen, _) = wire.until("the message", 0, is_it) => seen,
            () = answers => unreachable!(),
        };
        assert_eq!(seen.text, request["payload"].as_str().unwrap(), "{id}");
        let is_kept = timeout(DEADLINE, kept(broker.port())).await.unwrap();
        assert_eq!(
            Json::from(is_kept.contains_key(topic)),
            request["retain"],
            "{id}"
        );
    }
}
