//! Smart meters: one on a serial port, one behind a serial server, one whose telegrams are signed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use wattbridge::adapters::smart_meter::simulator::{
    Fixed, MeterSettings, Model, ROOF, Sample, SimulatedMeters,
};
use wattbridge::simulation::{House as Home, SimPlace, Sky};

use crate::house::House;
use crate::support::ports::free_address;
use crate::view::{DEADLINE, Heard, View};

/// Not ones that anybody has.
pub(crate) const KEY: &str = "5EED0F7E57000000C0DE5EED0F7E5701";
const AUTHENTICATION_KEY: &str = "5EED0F7E57000000C0DE5EED0F7E5702";

/// Powers that are set one after another while changes are counted.
const STEPS: usize = 20;
/// How often a value may change in that time that changes every 30 seconds at most: the time ends
/// before the third.
const CALM: usize = 2;
const _: () = assert!(DEADLINE.as_secs() <= 30);

/// The simulated meters.
pub(crate) struct Meters {
    /// Three phases on a serial port.
    serial: SimulatedMeters,
    /// One phase. It takes 90 kW, so that its counter changes with every telegram.
    single: SimulatedMeters,
    /// With an authentication key. It gives 60 kW.
    signed: SimulatedMeters,
    _folder: TempDir,
}

impl Meters {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let terminal = SimPlace::Terminal(folder.path().join("ttyMeter"));
        Self {
            serial: simulate("tinetz", None, terminal).await,
            single: simulate("tinetz-single", Some(90_000), SimPlace::Tcp(free_address())).await,
            signed: simulate("e450", Some(-60_000), SimPlace::Tcp(free_address())).await,
            _folder: folder,
        }
    }

    /// What to configure for them.
    pub(crate) fn sections(&self) -> Vec<String> {
        let key = format!("key = \"{KEY}\"\n");
        // Their numbers end in the same digits; a name tells them apart.
        let named = format!(
            "{key}authentication_key = \"{AUTHENTICATION_KEY}\"\nname = \"Summer house\"\n"
        );
        vec![
            section(&self.serial, &key),
            section(&self.single, &key),
            section(&self.signed, &named),
        ]
    }

    /// The same without the key of the meter with one phase.
    pub(crate) fn sections_without_a_key(&self) -> Vec<String> {
        let mut sections = self.sections();
        sections[1] = section(&self.single, "");
        sections
    }

    /// Pulls the cable of the first meter.
    pub(crate) fn unplug(&self) {
        self.serial.unplug();
    }

    /// Plugs it in again.
    pub(crate) fn plug(&self) {
        self.serial.plug();
    }

    pub(crate) async fn until_online(&self, view: &View) {
        for meter in ["tinetz", "tinetz-single", "e450"] {
            view.until_text(&topic(meter, "availability"), "online")
                .await;
            let online = |health: &Json| health == "online";
            view.until_value(&topic(meter, "state"), "health", online)
                .await;
        }
    }

    fn samples(&self) -> [Sample; 3] {
        [&self.serial, &self.single, &self.signed].map(|simulator| simulator.samples()[0])
    }
}

pub(crate) async fn simulate(model: &str, power: Option<i32>, place: SimPlace) -> SimulatedMeters {
    let model = Model::named(model).unwrap();
    let has_tag = model.security & 0x10 != 0;
    let authentication = has_tag.then(|| AUTHENTICATION_KEY.parse().unwrap());
    let zone = TimeZone::get("Europe/Vienna").unwrap();
    let now = jiff::Zoned::now();
    let settings = MeterSettings {
        meters: vec![(model, KEY.parse().unwrap(), authentication)],
        interval: Duration::from_millis(300),
        house: Home::new(&now.with_time_zone(zone), Sky::default()).with_roof(ROOF),
        fixed: Fixed {
            power,
            ..Fixed::default()
        },
        faults: Vec::new(),
    };
    SimulatedMeters::start(settings, place).await.unwrap()
}

pub(crate) fn section(meter: &SimulatedMeters, more: &str) -> String {
    format!("[[smart_meter]]\nport = \"{}\"\n{more}", meter.address())
}

pub(crate) fn id(model: &str) -> String {
    let number = Model::named(model).unwrap().number;
    format!("smart_meter_{}", number.to_lowercase())
}

fn topic(model: &str, what: &str) -> String {
    format!("wattbridge/{}/{what}", id(model))
}

/// The device that stands in for the meter until its number is known.
fn stand_in() -> String {
    let title = Model::named("tinetz-single").unwrap().title;
    format!("smart_meter_{}", title.to_string().to_lowercase())
}

/// The device in Home Assistant.
fn device(house: &House, id: &str) -> Option<Json> {
    let devices = house.home_assistant.devices();
    let is_it = |device: &Json| device["identifiers"][0][1] == id;
    devices.into_iter().find(is_it)
}

/// A meter without a key is there, and says what to do.
pub(crate) async fn stand_in_is_there(house: &House) {
    let state = format!("wattbridge/{}/state", stand_in());
    let missing = |health: &Json| health == "key_missing";
    house.view.until_value(&state, "health", missing).await;
    house.until_state(&format!("{}_problem", stand_in()), "on");
    let status = house.state(&format!("{}_reason", stand_in())).unwrap();
    assert!(
        status.starts_with("Key missing: the Kaifa meter …654322")
            && status.contains("from your grid operator"),
        "{status}"
    );
    // That of the bridge has the same advice to its end.
    let own = format!("wattbridge_{}", house.view.bridge_of(&stand_in()));
    house.until_state(&format!("{own}_problem"), "on");
    let bridge = house.state(&format!("{own}_reason")).unwrap();
    let advice = status.rsplit_once(". ").unwrap().1;
    assert!(bridge.ends_with(advice), "{bridge}");
    assert!(device(house, &id("tinetz-single")).is_none());
}

/// The meter has taken the place of its stand-in, which has left nothing behind.
pub(crate) fn stand_in_is_gone(house: &House) {
    assert_eq!(device(house, &stand_in()), None);
    let meter = device(house, &id("tinetz-single")).unwrap();
    let model = Model::named("tinetz-single").unwrap();
    assert_eq!(meter["serial_number"], model.number, "{meter}");
    assert_eq!(meter["name"], "Smart meter 4322", "{meter}");
    // A number behind its name would show that somebody else had it.
    let entities = house.entity_ids();
    for (key, entity) in [
        ("reason", "sensor.smart_meter_4322_status"),
        ("energy_import", "sensor.smart_meter_4322_energy_import"),
    ] {
        let unique_id = format!("{}_{key}", id("tinetz-single"));
        assert_eq!(entities[&unique_id], entity);
    }
}

/// What the first meter has counted, by Home Assistant.
pub(crate) fn counted(house: &House) -> f64 {
    let shown = house.state(&format!("{}_energy_import", id("tinetz")));
    shown.unwrap().parse().unwrap()
}

pub(crate) async fn until_unreachable(house: &House) {
    house
        .view
        .until_text(&topic("tinetz", "availability"), "offline")
        .await;
    let unreachable = |health: &Json| health == "unreachable";
    house
        .view
        .until_value(&topic("tinetz", "state"), "health", unreachable)
        .await;
}

/// Nothing of the first meter has a value but what tells why.
pub(crate) fn cable_is_missed(house: &House) {
    let meter = device(house, &id("tinetz")).unwrap();
    let states = house.home_assistant.states();
    let mut available = BTreeSet::new();
    let mut unavailable = BTreeSet::new();
    for entity in meter["entities"].as_array().unwrap() {
        let is_it = |state: &&Json| state["entity_id"] == entity["entity_id"];
        let Some(state) = states.iter().find(is_it) else {
            continue;
        };
        let unique_id = entity["unique_id"].as_str().unwrap();
        let key = &unique_id[id("tinetz").len() + 1..];
        if state["state"] == "unavailable" {
            unavailable.insert(key);
        } else {
            available.insert(key);
        }
    }
    let about_connection = ["problem", "reason"];
    assert_eq!(available, about_connection.into());
    for key in ["energy_import", "energy_export", "power_net", "voltage_l3"] {
        assert!(unavailable.contains(key), "{unavailable:?}");
    }
    let of_meter = |key: &str| house.state(&format!("{}_{key}", id("tinetz"))).unwrap();
    assert_eq!(of_meter("problem"), "on");
    let status = of_meter("reason");
    assert!(
        status.starts_with("Unreachable: there is no serial port")
            && status.contains("Plug the adapter in"),
        "{status}"
    );
    // A counter keeps what it had, whatever becomes of the line; powers are of the moment.
    let heard = house.view.heard();
    let last = heard[&topic("tinetz", "state")].last().unwrap();
    let state: Json = serde_json::from_slice(last).unwrap();
    assert!(state["energy_import"].is_number() && state["power_import"].is_null());
}

/// The meters as sources of the energy dashboard, with the power beside them in both ways that it
/// knows.
pub(crate) fn energy_sources(house: &House) -> Vec<Json> {
    let entities = house.entity_ids();
    let entity = |model: &str, key: &str| entities[&format!("{}_{key}", id(model))].clone();
    let grid = |model: &str, more: Json| {
        let mut source = json!({
            "type": "grid",
            "stat_energy_from": entity(model, "energy_import"),
            "stat_energy_to": entity(model, "energy_export"),
            "stat_cost": null, "entity_energy_price": null, "number_energy_price": null,
            "stat_compensation": null, "entity_energy_price_export": null,
            "number_energy_price_export": null, "cost_adjustment_day": 0,
        });
        let more = more.as_object().unwrap().clone();
        source.as_object_mut().unwrap().extend(more);
        source
    };
    let both = json!({
        "stat_rate_from": entity("e450", "power_import"),
        "stat_rate_to": entity("e450", "power_export"),
    });
    vec![
        grid(
            "tinetz",
            json!({ "stat_rate": entity("tinetz", "power_net") }),
        ),
        grid("tinetz-single", json!({})),
        grid("e450", json!({ "power_config": both })),
    ]
}

/// Home Assistant takes what meters count for its grid, and refuses a power in its place.
pub(crate) fn energy_counts(house: &House) {
    let entities = house.entity_ids();
    let entity = |model: &str, key: &str| entities[&format!("{}_{key}", id(model))].clone();
    let mut sources = energy_sources(house);
    let energy = |sources: &[Json]| {
        house
            .home_assistant
            .energy(&json!({ "energy_sources": sources }))
    };
    let (said, is_content) = energy(&sources);
    assert!(is_content, "{said}");
    for model in ["tinetz", "tinetz-single", "e450"] {
        for key in ["energy_import", "energy_export"] {
            let counter = format!("{}: sum, kWh", entity(model, key));
            assert!(said.contains(&counter), "{said}");
        }
    }

    sources.truncate(1);
    sources[0]["stat_energy_from"] = entity("tinetz", "power_net").into();
    let (said, is_content) = energy(&sources);
    assert!(!is_content, "{said}");
}

/// Powers follow the meter step by step, all else changes seldom, as long as nobody asks for
/// another pace.
pub(crate) async fn pace_is_kept(house: &House) {
    let meters = &house.meters;
    // Some 0.3 A up and down: too little for a current not to wait.
    let power = |step: usize| i32::try_from(1000 + step + step % 2 * 200).unwrap();
    let state = topic("tinetz", "state");
    let shows = |heard: &Heard, watts: i32| {
        let last = heard.get(&state).and_then(|all| all.last());
        let json: Option<Json> = last.and_then(|last| serde_json::from_slice(last).ok());
        json.is_some_and(|json| json["power_import"] == watts)
    };
    meters.serial.set_power(Some(power(0)));
    let at_first = |heard: &Heard| shows(heard, power(0));
    house
        .view
        .until("a power that stands still", at_first)
        .await;
    house.until_state(
        &format!("{}_power_import", id("tinetz")),
        &power(0).to_string(),
    );

    let begun = Timestamp::now();
    let mut truth = vec![meters.samples()];
    meters.serial.set_power(Some(power(1)));
    let stepped = |heard: &Heard| {
        if shows(heard, power(truth.len())) {
            truth.push(meters.samples());
            meters.serial.set_power(Some(power(truth.len().min(STEPS))));
        }
        truth.len() > STEPS
    };
    house.view.until("all steps of the power", stepped).await;
    // Had everything been passed on, these would have changed far more often. Only the first is in
    // step with the power.
    let moves = |of: fn(&[Sample; 3]) -> u32| {
        let pairs = truth.windows(2);
        pairs.filter(|pair| of(&pair[0]) != of(&pair[1])).count()
    };
    assert_eq!(moves(|[serial, ..]| serial.current[0].into()), STEPS);
    assert!(moves(|[_, single, _]| single.energy_import) > 3 * CALM);
    assert!(moves(|[.., signed]| signed.energy_export) > 3 * CALM);

    let entities = house.entity_ids();
    let entity = |model: &str, key: &str| entities[&format!("{}_{key}", id(model))].clone();
    let following = ["power_import", "power_net"].map(|key| entity("tinetz", key));
    let mut calm = vec![
        entity("tinetz-single", "energy_import"),
        entity("tinetz-single", "voltage_l1"),
        entity("e450", "energy_export"),
    ];
    for key in ["voltage", "current"] {
        calm.extend((1..=3).map(|phase| entity("tinetz", &format!("{key}_l{phase}"))));
    }
    let steps: Vec<String> = (1..=STEPS).map(|step| power(step).to_string()).collect();
    let changes = until_recorded(house, begun, &following, &calm, &steps[STEPS - 1]);
    for entity in &following {
        assert_eq!(changes(entity), steps, "{entity}");
    }
    for entity in &calm {
        let seen = changes(entity);
        assert!(seen.len() <= CALM, "{entity}: {seen:?}");
    }
    let count = |entities: &[String]| entities.iter().map(|one| changes(one).len()).sum::<usize>();
    eprintln!(
        "  {STEPS} steps of the power: {} changes of {} powers, {} of {} other values",
        count(&following),
        following.len(),
        count(&calm),
        calm.len()
    );
}

/// The changes of each entity since then, once Home Assistant has written down the last one of
/// those that follow.
fn until_recorded(
    house: &House,
    begun: Timestamp,
    following: &[String],
    calm: &[String],
    last: &str,
) -> impl Fn(&String) -> Vec<String> + use<> {
    let entities: Vec<&String> = following.iter().chain(calm).collect();
    let question = json!({
        "start_time": begun.to_string(), "entity_ids": entities,
        "minimal_response": true, "no_attributes": true, "significant_changes_only": false,
        "include_start_time_state": false,
    });
    let since = Instant::now();
    loop {
        let history = house
            .home_assistant
            .ask("history/history_during_period", &question);
        let changes = move |entity: &String| -> Vec<String> {
            let all = history[entity].as_array().into_iter().flatten();
            all.map(|change| change["s"].as_str().unwrap().to_owned())
                .collect()
        };
        let is_there = |entity: &String| changes(entity).last().is_some_and(|state| state == last);
        if following.iter().all(is_there) {
            return changes;
        }
        assert!(since.elapsed() < DEADLINE, "not recorded: {last}");
    }
}
