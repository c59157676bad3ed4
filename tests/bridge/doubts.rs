//! What an ECU says and is not so, or not yet: it is left out or unknown, and nothing else suffers.

use std::fs;
use std::time::Duration;

use jiff::civil::DateTime;
use serde_json::Value as Json;

use crate::gateway::{DAY, ECU_PRO, Gateway, Plan};
use crate::home::Home;
use crate::process::Process;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::{Seen, Wire};

fn is_on(state: &Json) -> bool {
    state["health"] == "online" && state["power"].is_number()
}

/// An ECU, and the program that reads it.
struct House {
    gateway: Gateway,
    wire: Wire,
    home: Home,
    bridge: Process,
    _broker: Mosquitto,
}

impl House {
    async fn new(plan: Plan<'_>) -> Option<Self> {
        let broker = Mosquitto::launch(&Setup::default())?;
        let gateway = Gateway::start(plan).await;
        let wire = Wire::tap(broker.port()).await;
        let home = Home::new(broker.port(), &[gateway.section()]);
        let bridge = home.run();
        Some(Self {
            gateway,
            wire,
            home,
            bridge,
            _broker: broker,
        })
    }

    async fn rounds(&self, count: u64) {
        let asked = self.gateway.handle.requests(2);
        let handle = &self.gateway.handle;
        handle.wait_for_requests(2, asked + count).await;
    }

    /// Ids of all inverters that were ever announced or told of.
    fn told_of(&self) -> Vec<String> {
        let topics = self.wire.all().into_iter().map(|seen| seen.topic);
        let own = self.gateway.id();
        let mut ids: Vec<String> = topics
            .filter_map(|topic| {
                topic
                    .split('/')
                    .find(|it| it.starts_with("aps_ecu_"))
                    .map(str::to_owned)
            })
            .filter(|id| *id != own)
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

#[tokio::test]
async fn an_inverter_that_leaves_the_list_has_no_values_from_then_on() {
    let Some(mut house) = House::new(Plan::default()).await else {
        return;
    };
    let id = house.gateway.inverter_ids().remove(1);
    house.wire.state("online", 0, &id, is_on).await;
    house.gateway.fault("lost-inverter=2");
    let mark = house.wire.available(house.wire.mark(), &id, false).await;
    house.rounds(4).await;
    let later = house.wire.states(&id).pop().unwrap();
    assert_eq!(later["power"], Json::Null);
    assert_eq!(later["health"], "out_of_contact");
    house.gateway.handle.clear_faults();
    let mark = house.wire.available(mark, &id, true).await;
    house.wire.state("back", mark - 2, &id, is_on).await;
    assert!(house.bridge.end().await.success());
}

/// All inverters are silent for a moment, though the sun shines.
#[tokio::test]
async fn a_bad_cycle_at_noon_is_no_night_no_fault_and_no_zero() {
    // Time stands still but for what we do, so that a cycle lasts as long as we like.
    let plan = Plan {
        speed: 0.0,
        ..Plan::default()
    };
    let Some(mut house) = House::new(plan).await else {
        return;
    };
    let ids = house.gateway.inverter_ids();
    let (ecu, inverter) = (house.gateway.id(), ids[0].clone());
    house.wire.state("online", 0, &inverter, is_on).await;
    let minute = |minute: i8| -> DateTime { DAY.at(12, minute, 0, 0) };
    for (fault, at) in [("sleep", 5), ("missing=1", 15)] {
        let mark = house.wire.mark();
        house.gateway.fault(fault);
        house.gateway.handle.jump_to(minute(at));
        let retrying = |state: &Json| state["health"] == "retrying";
        let (state, mark) = house.wire.state(fault, mark, &inverter, retrying).await;
        assert_eq!(state["power"], Json::Null, "{fault}: {state}");
        house.rounds(3).await;
        house.gateway.handle.clear_faults();
        house.gateway.handle.jump_to(minute(at + 5));
        house.wire.state("back", mark, &inverter, is_on).await;
    }
    for id in [&ecu, &inverter] {
        for state in house.wire.states(id) {
            assert_ne!(state["health"], "asleep", "{state}");
            assert_ne!(state["power"], 0, "{state}");
        }
        assert_eq!(house.wire.availability(id), ["online"]);
    }
    assert!(house.bridge.end().await.success());
    assert_eq!(house.bridge.count(&["WARN"]), 0, "{}", house.bridge.said());
}

#[tokio::test]
async fn answers_without_their_last_byte_are_answers() {
    for serial in [crate::gateway::ECU_R, ECU_PRO] {
        let plan = Plan {
            serial,
            faults: &["no-newline"],
            ..Plan::default()
        };
        let Some(mut house) = House::new(plan).await else {
            return;
        };
        for id in house.gateway.inverter_ids() {
            house.wire.state("online", 0, &id, is_on).await;
        }
        assert!(house.bridge.end().await.success());
        assert_eq!(house.bridge.count(&["WARN"]), 0, "{}", house.bridge.said());
    }
}

/// The ids of two ECUs are among the inverters, and one inverter is of no known kind.
#[tokio::test]
async fn an_ecu_is_no_inverter_whoevers_it_is() {
    let plan = Plan {
        inverters: "DS3,unlisted",
        faults: &["foreign-ecu", "ecu-as-inverter"],
        ..Plan::default()
    };
    let Some(mut house) = House::new(plan).await else {
        return;
    };
    let mut ids = house.gateway.inverter_ids();
    for id in &ids {
        house.wire.state("online", 0, id, is_on).await;
    }
    house.rounds(3).await;
    ids.sort();
    assert_eq!(house.told_of(), ids);
    let config = |id: &str| {
        let said = house.wire.on(&format!("homeassistant/device/{id}/config"));
        said.last().unwrap().json()
    };
    let name = config(&ids[1])["device"]["name"].clone();
    assert!(
        name.as_str().unwrap().starts_with("APsystems inverter "),
        "{name}"
    );
    assert!(house.bridge.end().await.success());
}

/// Whatever it lists, nothing grows.
#[tokio::test]
async fn inverters_that_are_others_each_time_are_none() {
    let plan = Plan {
        inverters: "300xDS3",
        faults: &["strange-ids"],
        ..Plan::default()
    };
    let Some(mut house) = House::new(plan).await else {
        return;
    };
    house.wire.available(0, &house.gateway.id(), true).await;
    house.rounds(30).await;
    assert_eq!(house.told_of(), Vec::<String>::new());
    assert!(house.bridge.end().await.success());
    let store = house.home.path().join("wattbridge.db");
    let size = fs::metadata(store).unwrap().len();
    assert!(size < 200_000, "{size}");
    assert!(
        house.bridge.count(&["WARN"]) <= 1,
        "{}",
        house.bridge.said()
    );
}

#[tokio::test]
async fn bytes_without_end_are_given_up() {
    let Some(mut house) = House::new(Plan::default()).await else {
        return;
    };
    let id = house.gateway.id();
    let (_, mark) = house.wire.state("online", 0, &id, is_on).await;
    house.gateway.fault("endless");
    house.wire.available(mark, &id, false).await;
    let garbled = |state: &Json| state["health"] == "garbled";
    let (state, mark) = house.wire.state("garbled", 0, &id, garbled).await;
    let reason = state["reason"].as_str().unwrap();
    assert!(reason.contains("sends without end"), "{reason}");
    house.gateway.handle.clear_faults();
    house.wire.state("back", mark, &id, is_on).await;
    assert!(house.bridge.end().await.success());
}

#[tokio::test]
async fn whoever_wakes_later_sleeps_until_then() {
    let plan = Plan {
        inverters: "2xDS3",
        start: DAY.at(6, 20, 0, 0),
        speed: 60.0,
        cycle: Duration::from_secs(10),
        faults: &["wake-apart=50m"],
        ..Plan::default()
    };
    let Some(mut house) = House::new(plan).await else {
        return;
    };
    let ids = house.gateway.inverter_ids();
    house.wire.state("first", 0, &ids[0], is_on).await;
    let asleep = |state: &Json| state["health"] == "asleep";
    let (state, mark) = house.wire.state("second", 0, &ids[1], asleep).await;
    assert_eq!(
        (state["power"].as_i64(), state["problem"].as_str()),
        (Some(0), Some("OFF"))
    );
    house.wire.state("awake", mark, &ids[1], is_on).await;
    assert!(house.bridge.end().await.success());
    assert_eq!(house.bridge.count(&["WARN"]), 0, "{}", house.bridge.said());
}

/// It was moved, and the ECU that it came from still lists it.
#[tokio::test]
async fn an_inverter_that_two_ecus_list_is_of_the_one_that_hears_it() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let moved = "704000000777";
    let before = Gateway::start(Plan {
        inverters: &format!("{moved},DS3"),
        faults: &["missing=1"],
        ..Plan::default()
    })
    .await;
    let now = Gateway::start(Plan {
        serial: ECU_PRO,
        inverters: moved,
        ..Plan::default()
    })
    .await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[before.section(), now.section()]);
    let mut bridge = home.run();
    let id = format!("aps_ecu_{moved}");
    let (_, mark) = wire.state("live", 0, &id, is_on).await;
    // And it stays so.
    let rounds = before.handle.requests(2);
    before.handle.wait_for_requests(2, rounds + 5).await;
    wire.state("live", mark, &id, is_on).await;
    let topic = format!("homeassistant/device/{id}/config");
    let its = |seen: &Seen| {
        seen.topic == topic && seen.json()["device"]["via_device"] == now.id().as_str()
    };
    wire.until("announced behind the other one", 0, its).await;
    assert!(bridge.end().await.success());
}
