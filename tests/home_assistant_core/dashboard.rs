//! The page and a real Energy dashboard: what our counters are called there, and adding those that lack.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wattbridge::bridge::Hub;
use wattbridge::clock::Clock;
use wattbridge::config::Language;
use wattbridge::flow::{FlowSettings, PriceSettings};
use wattbridge::history::History;
use wattbridge::home_assistant::CoreAddress;
use wattbridge::model::{
    Decimal, Device, DeviceState, EnergyPart, Health, Metric, Quantity, Value,
};
use wattbridge::outputs::home_assistant::{HomeAssistantSettings, run};
use wattbridge::outputs::mqtt::MqttSettings;
use wattbridge::store::{Identity, Memory};
use wattbridge::web::{Backstage, Entrance, Inside, Web, WebKey, WebSettings, WebStart};
use zeroize::Zeroizing;

use crate::harness::Harness;
use crate::http::Ask;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::view::DEADLINE;

const NAME: &str = "third";
const ROOF: &str = "aps_ecu_216000000088_energy_total";
/// What nobody of us has put there.
const GAS: &str = "sensor.somebody_elses_gas";
const WASHER: &str = "sensor.somebody_elses_washer";

fn devices() -> Vec<Device> {
    let counter = |key: &'static str, part| Metric::lifetime(key, Quantity::Energy).part(part);
    let power = |key: &'static str, part| Metric::measurement(key, Quantity::Power).part(part);
    let device = |kind: &'static str, serial: &str, metrics| {
        let mut device = Device::new(kind, serial, format!("The {kind}"), "Invented Works");
        device.metrics = metrics;
        device
    };
    let roof = vec![
        counter("energy_total", EnergyPart::SunEnergy),
        power("power", EnergyPart::Sun),
    ];
    let meter = vec![
        counter("energy_import", EnergyPart::GridImport),
        counter("energy_export", EnergyPart::GridExport),
        power("power_net", EnergyPart::Grid),
    ];
    let battery = vec![
        counter("energy_charged", EnergyPart::BatteryIn),
        counter("energy_discharged", EnergyPart::BatteryOut),
    ];
    let bridge = vec![Metric::text("note").named("Note")];
    vec![
        device("wattbridge", NAME, bridge),
        device("aps_ecu", "216000000088", roof),
        device("smart_meter", "1kfm0200000088", meter),
        device("victron", "hq0000000088", battery),
        device(
            "smart_meter",
            "g0000000088",
            vec![Metric::lifetime("gas", Quantity::Gas)],
        ),
        device(
            "smart_meter",
            "w0000000088",
            vec![Metric::lifetime("water", Quantity::Water)],
        ),
    ]
}

/// The house, as Home Assistant is told of it.
fn announced(broker: u16, stop: &CancellationToken) -> Hub {
    let (hub, _) = Hub::new();
    for device in devices() {
        let value = |metric: &Metric| {
            (
                Cow::Owned(metric.key.to_string()),
                Value::from(Decimal::integer(7)),
            )
        };
        let state = DeviceState {
            device: device.id.clone(),
            at: Some(Timestamp::now()),
            values: device.metrics.iter().map(value).collect(),
            health: Health::ONLINE,
            era: 0,
            held: Default::default(),
        };
        hub.put_device(Arc::new(device), Arc::new(state));
    }
    let mqtt = MqttSettings {
        port: Some(broker),
        base_topic: NAME.to_owned(),
        ..MqttSettings::default()
    };
    let settings = HomeAssistantSettings::default();
    tokio::spawn(run(
        mqtt,
        settings,
        Identity::named(NAME),
        hub.feed(),
        stop.clone(),
    ));
    hub
}

/// A page that may ask this Home Assistant.
async fn served(hub: Hub, core: CoreAddress, stop: &CancellationToken) -> Web {
    let clock = Clock::following_tokio(Timestamp::now(), TimeZone::UTC);
    let inside = Inside {
        hub,
        history: History::off(),
        prices: PriceSettings::default(),
        memory: Memory::passing(),
        started: clock.now(),
        clock,
        key: WebKey::passing(),
        flow: FlowSettings::default(),
        language: Language::default(),
        base_topic: None,
        uploads: Vec::new(),
    };
    let web = Web::start(WebStart {
        entrance: Entrance::Direct,
        settings: WebSettings {
            listen: "127.0.0.1:0".to_owned(),
            ..WebSettings::default()
        },
        inside: watch::Sender::new(Some(inside)).subscribe(),
        backstage: Backstage {
            core: Some(core),
            ..Backstage::default()
        },
        stop: stop.clone(),
    });
    web.await.unwrap()
}

struct Page<'a>(&'a Web);

impl Page<'_> {
    async fn dashboard(&self) -> Json {
        let ask = Ask::get(self.0.address(), "/api/v1/energy-dashboard");
        let answer = ask.send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// What it says once this is so.
    async fn until(&self, what: &str, is: impl Fn(&Json) -> bool) -> Json {
        let begun = Instant::now();
        loop {
            let told = self.dashboard().await;
            if is(&told) {
                return told;
            }
            assert!(begun.elapsed() < DEADLINE, "{what}: {told:#}");
            // Nobody tells of entities that come.
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }

    async fn add(&self, rev: &Json) -> (u16, Json) {
        let path = "/api/v1/energy-dashboard/add";
        let ask = Ask::change(self.0.address(), "POST", path, &json!({ "rev": rev }));
        let answer = ask.send().await;
        (answer.status, answer.json())
    }
}

fn entries(told: &Json) -> Vec<Json> {
    let places = told["places"].as_array().unwrap().iter();
    let all = places.flat_map(|place| place["entries"].as_array().unwrap());
    all.cloned().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lacks_in_the_energy_dashboard_is_added_and_nothing_else_is_touched() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let Some(home_assistant) = Harness::find() else {
        return;
    };
    home_assistant.start(broker.port());
    let stop = CancellationToken::new();
    let _ends = stop.clone().drop_guard();
    let hub = announced(broker.port(), &stop);
    let (url, token) = home_assistant.socket();
    let core = CoreAddress::new(&url, Zeroizing::new(token)).unwrap();
    let web = served(hub, core, &stop).await;
    let page = Page(&web);

    // They are called as Home Assistant calls them, also after somebody has given another name.
    let named = |told: &Json| entries(told).iter().all(|it| it["entity_id"].is_string());
    let told = page.until("all entities", named).await;
    let all = entries(&told);
    assert_eq!(all.len(), 8);
    assert!(all.iter().all(|it| it["used"] == false), "{told:#}");
    let roof = |told: &Json| {
        let all = entries(told);
        all.iter().find(|it| it["unique_id"] == ROOF).unwrap()["entity_id"].clone()
    };
    let rename = json!({ "entity_id": roof(&told), "new_entity_id": "sensor.my_own_roof" });
    home_assistant.ask("config/entity_registry/update", &rename);
    let told = page.dashboard().await;
    assert_eq!(roof(&told), "sensor.my_own_roof");
    let additions = &told["home_assistant"]["additions"];
    let kinds: Vec<_> = additions
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert_eq!(
        kinds,
        ["solar", "grid", "battery", "gas", "water"],
        "{told:#}"
    );

    // Somebody sets it up meanwhile.
    let foreign = json!({
        "energy_sources": [{ "type": "gas", "stat_energy_from": GAS, "number_energy_price": 0.1 }],
        "device_consumption": [{ "stat_consumption": WASHER, "name": "Washer" }],
    });
    home_assistant.ask("energy/save_prefs", &foreign);
    let preferences = || home_assistant.ask("energy/get_prefs", &json!({}));
    let before = preferences();
    let (status, refused) = page.add(&told["home_assistant"]["rev"]).await;
    assert_eq!(status, 409, "{refused}");
    assert_eq!(preferences(), before);

    let told = page.dashboard().await;
    let (status, added) = page.add(&told["home_assistant"]["rev"]).await;
    assert_eq!(status, 200, "{added}");
    assert_eq!(added["added"].as_array().unwrap().len(), 9, "{added}");
    let is_new = |issue: &Json| issue["kind"] == "statistics_not_defined";
    assert!(
        added["issues"].as_array().unwrap().iter().all(is_new),
        "{added}"
    );
    let after = preferences();
    let sources = |prefs: &Json| prefs["energy_sources"].as_array().unwrap().clone();
    assert_eq!(sources(&after).len(), 6, "{after:#}");
    assert_eq!(sources(&after)[0], sources(&before)[0]);
    assert_eq!(after["device_consumption"], before["device_consumption"]);
    assert_eq!(sources(&after)[1]["stat_energy_from"], "sensor.my_own_roof");

    // Twice adds nothing.
    let told = page.dashboard().await;
    assert!(
        entries(&told).iter().all(|it| it["used"] == true),
        "{told:#}"
    );
    assert_eq!(told["home_assistant"]["additions"], json!([]));
    let (status, added) = page.add(&told["home_assistant"]["rev"]).await;
    assert_eq!((status, &added["added"]), (200, &json!([])));
    assert_eq!(preferences(), after);

    // What is taken out by somebody comes back alone.
    let mut fewer = sources(&after);
    fewer.retain(|source| source["type"] != "battery");
    home_assistant.ask("energy/save_prefs", &json!({ "energy_sources": fewer }));
    let told = page.dashboard().await;
    let (status, added) = page.add(&told["home_assistant"]["rev"]).await;
    assert_eq!((status, added["added"].as_array().unwrap().len()), (200, 2));
    assert_eq!(sources(&preferences()).len(), 6);
    assert_eq!(home_assistant.complaints(), [""; 0]);
}
