//! The real program between a simulated Kaifa meter and a listener as strict as Domoticz.

use std::time::Duration;

use jiff::tz::TimeZone;
use wattbridge::adapters::smart_meter::simulator::{
    Fixed, MeterSettings, Model, ROOF, SimulatedMeters,
};
use wattbridge::simulation::{House, SimPlace, Sky};

use crate::home::Home;
use crate::listener::accept;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::support::ports::free_address;
use crate::wire::{Seen, Wire, kept};

/// Not one that anybody has.
const KEY: &str = "7E11AA5500C3F00DCAFE0123456789AB";

/// A meter, what it takes, and the section that reads it.
pub(crate) async fn meter(power: i32) -> (SimulatedMeters, String, String) {
    let model = Model::named("tinetz").unwrap();
    let zone = TimeZone::get("Europe/Vienna").unwrap();
    let now = jiff::Zoned::now().with_time_zone(zone);
    let settings = MeterSettings {
        meters: vec![(model, KEY.parse().unwrap(), None)],
        interval: Duration::from_millis(300),
        house: House::new(&now, Sky::default()).with_roof(ROOF),
        fixed: Fixed {
            power: Some(power),
            energy_import: Some(12_345_678),
            energy_export: Some(987_654),
        },
        faults: Vec::new(),
    };
    let place = SimPlace::Tcp(free_address());
    let meters = SimulatedMeters::start(settings, place).await.unwrap();
    let section = format!(
        "[[smart_meter]]\nport = \"{}\"\nkey = \"{KEY}\"\n",
        meters.address()
    );
    let id = format!("smart_meter_{}", model.number.to_lowercase());
    (meters, section, id)
}

#[tokio::test]
async fn domoticz_takes_all_that_the_program_tells() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let (_meters, section, id) = meter(-350).await;
    let domoticz = format!(
        "[[domoticz]]\nidx = 7\nkind = \"p1\"\ndevice = \"{id}\"\n\
         [[domoticz]]\nidx = 8\nkind = \"kwh\"\npower = \"{id}/power_import\"\nenergy = \"{id}/energy_import\"\n\
         [[domoticz]]\nidx = 9\nkind = \"text\"\nvalue = \"{id}/reason\"\n\
         [[domoticz]]\nidx = 10\nkind = \"voltage\"\nvalue = \"{id}/voltage_l1\"\nevery = \"1s\"\n\
         [[domoticz]]\nidx = 11\nkind = \"temperature\"\nvalue = \"{id}/voltage_l1\"\n\
         [[domoticz]]\nidx = 12\nkind = \"custom\"\nvalue = \"smart_meter_gone/voltage_l1\"\n"
    );
    let home = Home::new(broker.port(), &[section, domoticz]);
    let wire = Wire::tap(broker.port()).await;
    let mut bridge = home.run();
    let of = |idx: u64| {
        move |seen: &Seen| {
            if seen.topic != "domoticz/in" {
                return false;
            }
            let (its, _) = accept(seen).unwrap_or_else(|why| panic!("{why}: {seen:?}"));
            its == idx
        }
    };
    let said = async |idx| {
        let (seen, _) = wire.until("a value", 0, of(idx)).await;
        accept(&seen).unwrap().1
    };
    // It gives, so what it has taken stands still.
    let p1 = said(7).await;
    assert!(
        p1.starts_with("12345678;0;9876") && p1.ends_with(";0;0;350"),
        "{p1}"
    );
    assert_eq!(said(8).await, "0;12345678");
    // Before its first telegram it said that it waits.
    let online = |seen: &Seen| of(9)(seen) && accept(seen).unwrap().1 == "Online";
    wire.until("its status", 0, online).await;
    let volts: f64 = said(10).await.parse().unwrap();
    assert!((207.0..=253.0).contains(&volts), "{volts}");
    // What cannot be told is said once, in the log and of the bridge itself.
    let does_not_fit = format!("{id}/voltage_l1 does not fit this kind");
    bridge.until_said(&does_not_fit).await;
    bridge
        .until_said("there is no device \"smart_meter_gone\"")
        .await;
    let of_bridge = |seen: &Seen| {
        let is_its = seen.topic.contains("wattbridge_") && seen.topic.ends_with("/state");
        is_its && seen.text.contains("does not fit this kind")
    };
    wire.until("the status of the bridge", 0, of_bridge).await;
    // Two more rounds, of which nothing was kept and nothing refused.
    let mark = wire.mark();
    let (_, mark) = wire.until("a value", mark, of(10)).await;
    wire.until("another", mark, of(10)).await;
    assert_eq!(bridge.count(&["WARN", "does not fit"]), 1);
    for seen in wire.on("domoticz/in") {
        let (idx, _) = accept(&seen).unwrap_or_else(|why| panic!("{why}: {seen:?}"));
        assert!((7..=10).contains(&idx), "{seen:?}");
    }
    assert!(!kept(broker.port()).await.contains_key("domoticz/in"));
    assert!(bridge.end().await.success());
}

#[tokio::test]
async fn check_names_values_that_nobody_has() {
    let (_meters, section, id) = meter(1).await;
    let domoticz = format!(
        "[[domoticz]]\nidx = 8\nkind = \"kwh\"\npower = \"{id}/power_imporrt\"\nenergy = \"{id}/energy_import\"\n\
         [[domoticz]]\nidx = 9\nkind = \"text\"\nvalue = \"{id}/reason\"\n"
    );
    let home = Home::new(1, &[section, domoticz]);
    let done = home.done(&["check"]).await;
    let said = format!("{}{}", done.out, done.err);
    assert!(
        said.contains("[domoticz] power") && said.contains("did you mean \"power_import\"?"),
        "{said}"
    );
    assert!(!said.contains("reason"), "{said}");
}
