//! Houses of several kinds, from their devices to the sentence.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::bridge::Known;
use crate::model::{
    Decimal, Device, DeviceState, EnergyPart, Health, HealthCode, Metric, Quantity, Value,
};

const POWER: Metric = Metric::measurement("power", Quantity::Power).part(EnergyPart::Sun);
const NET: Metric = Metric::measurement("power_net", Quantity::Power).part(EnergyPart::Grid);

fn now() -> Timestamp {
    "2026-06-13T11:42:08Z".parse().unwrap()
}

fn device(name: &str, metrics: &[Metric], values: &[(&'static str, i64)]) -> Known {
    let mut device = Device::new("test", name, name, "Nobody");
    device.metrics = metrics.to_vec();
    let state = DeviceState {
        device: device.id.clone(),
        at: Some(now()),
        values: values
            .iter()
            .map(|(key, value)| ((*key).into(), Value::from(Decimal::integer(*value))))
            .collect(),
        health: Health::ONLINE,
        held: BTreeMap::new(),
        era: 0,
    };
    Known {
        device: Arc::new(device),
        state: Arc::new(state),
    }
}

fn behind(parent: &Known, mut child: Known) -> Known {
    Arc::make_mut(&mut child.device).via = Some(parent.device.id.clone());
    child
}

fn with_health(mut known: Known, code: HealthCode) -> Known {
    Arc::make_mut(&mut known.state).health = Health::new(code);
    known
}

fn ecu(watts: i64) -> Known {
    device("Roof", &[POWER], &[("power", watts)])
}

fn meter(watts: i64) -> Known {
    device("Meter", &[NET], &[("power_net", watts)])
}

fn battery(watts: i64, level: i64) -> Known {
    let power = Metric::measurement("battery_power", Quantity::Power).part(EnergyPart::Battery);
    let of_charge = Metric::measurement("state_of_charge", Quantity::StateOfCharge)
        .part(EnergyPart::BatteryLevel);
    device(
        "Battery",
        &[power, of_charge],
        &[("battery_power", watts), ("state_of_charge", level)],
    )
}

fn flow(devices: &[Known]) -> LiveFlow {
    FlowTracker::default().at(devices, now(), Duration::ZERO)
}

fn named(devices: &[Known], settings: &str) -> LiveFlow {
    let settings = toml::from_str(settings).unwrap();
    FlowTracker::new(settings).at(devices, now(), Duration::ZERO)
}

fn watts(node: Option<&FlowNode>) -> Option<i64> {
    node.unwrap().w
}

#[test]
fn a_house_with_everything() {
    let flow = flow(&[ecu(3_610), meter(-1_710), battery(860, 74)]);
    assert_eq!(watts(flow.nodes.house.as_ref()), Some(1_040));
    assert_eq!(flow.sentence.key, "flow.s.sun_all_charge_give");
    assert_eq!(
        (flow.sentence.grid, flow.sentence.battery),
        (Some(1_710), Some(860))
    );
    assert!(flow.unit_kw);
    let ribbon = |from, to, w| Ribbon { from, to, w };
    assert_eq!(
        flow.ribbons,
        [
            ribbon("sun", "house", 1_040),
            ribbon("sun", "battery", 860),
            ribbon("sun", "grid", 1_710)
        ]
    );
    let level = flow.nodes.battery.and_then(|node| node.level);
    assert_eq!(level, Some(740));
}

#[test]
fn each_situation_has_its_sentence() {
    let key = |devices: &[Known]| flow(devices).sentence.key;
    assert_eq!(key(&[ecu(900), meter(0)]), "flow.s.sun_all");
    assert_eq!(key(&[ecu(900), meter(-300)]), "flow.s.sun_all_give");
    assert_eq!(
        key(&[ecu(900), meter(0), battery(400, 50)]),
        "flow.s.sun_all_charge"
    );
    assert_eq!(
        key(&[ecu(900), meter(0), battery(-400, 50)]),
        "flow.s.sun_battery"
    );
    assert_eq!(
        key(&[ecu(900), meter(200), battery(-400, 50)]),
        "flow.s.sun_battery_grid"
    );
    assert_eq!(
        key(&[ecu(0), meter(0), battery(-400, 50)]),
        "flow.s.battery"
    );
    assert_eq!(key(&[ecu(0), meter(310)]), "flow.s.grid");
    assert_eq!(key(&[meter(310)]), "flow.s.grid");
    assert_eq!(key(&[meter(-310)]), "flow.s.give");
    assert_eq!(key(&[ecu(310)]), "flow.s.panels_bring");
    assert_eq!(key(&[ecu(0)]), "flow.s.panels_sleep");
    assert_eq!(key(&[battery(-310, 50)]), "flow.s.battery_gives");
    assert_eq!(key(&[]), "flow.s.none");
    let part = flow(&[ecu(620), meter(380)]).sentence;
    assert_eq!((part.key, part.percent), ("flow.s.sun_part_grid", Some(62)));
    let waiting = with_health(meter(0), HealthCode::Starting);
    assert_eq!(key(&[waiting]), "flow.s.waiting");
}

#[test]
fn what_is_not_known_is_never_nothing() {
    let silent = with_health(meter(-1_710), HealthCode::Silent);
    let it = flow(&[ecu(3_610), silent]);
    assert_eq!(watts(it.nodes.grid.as_ref()), None);
    assert_eq!(watts(it.nodes.house.as_ref()), None);
    assert_eq!(watts(it.nodes.sun.as_ref()), Some(3_610));
    assert!(it.ribbons.is_empty());
    assert_eq!(
        (it.sentence.key, it.sentence.node),
        ("flow.s.unknown", Some("grid"))
    );
    let why = it.sentence.why.unwrap();
    assert_eq!((why.device.as_deref(), why.code), (Some("Meter"), "silent"));
    // Nobody has heard of it for long.
    let mut old = ecu(3_610);
    Arc::make_mut(&mut old.state).at = Some(now() - SignedDuration::from_mins(36));
    let it = flow(&[old, meter(0)]);
    assert_eq!(it.nodes.sun.unwrap().why.unwrap().code, "too_old");
    assert_eq!(watts(it.nodes.house.as_ref()), None);
}

#[test]
fn panels_that_rest_bring_nothing() {
    let mut asleep = with_health(ecu(7), HealthCode::Asleep);
    let state = Arc::make_mut(&mut asleep.state);
    state.values.clear();
    state.at = Some(now() - SignedDuration::from_hours(9));
    let it = flow(&[asleep, meter(310)]);
    assert_eq!(watts(it.nodes.sun.as_ref()), Some(0));
    assert_eq!(watts(it.nodes.house.as_ref()), Some(310));
}

#[test]
fn nothing_counts_twice() {
    let roof = ecu(900);
    let inverter = behind(&roof, device("Inverter", &[POWER], &[("power", 450)]));
    let deeper = behind(&inverter, device("Deeper", &[POWER], &[("power", 100)]));
    let alone = device("Carport", &[POWER], &[("power", 50)]);
    let it = flow(&[roof, alone, inverter, deeper]);
    assert_eq!(watts(it.nodes.sun.as_ref()), Some(950));
}

#[test]
fn two_connections_to_the_grid_are_believed_by_nobody_until_one_is_named() {
    let other = device("Heat pump", &[NET], &[("power_net", 800)]);
    let devices = [ecu(900), meter(-100), other];
    let it = flow(&devices);
    assert_eq!(it.nodes.grid.unwrap().why.unwrap().code, "disputed");
    let it = named(&devices, "grid = [\"test_meter/power_net\"]");
    assert_eq!(watts(it.nodes.grid.as_ref()), Some(-100));
    assert_eq!(watts(it.nodes.house.as_ref()), Some(800));
}

#[test]
fn who_knows_it_at_second_hand_is_asked_only_where_nobody_else_is() {
    let taken =
        Metric::measurement("power_import", Quantity::Power).substitute_for(EnergyPart::GridTaken);
    let given =
        Metric::measurement("power_export", Quantity::Power).substitute_for(EnergyPart::GridGiven);
    let values = [("power_import", 0), ("power_export", 500)];
    let of_inverter = device("Inside", &[taken, given], &values);
    let it = flow(std::slice::from_ref(&of_inverter));
    assert_eq!(watts(it.nodes.grid.as_ref()), Some(-500));
    let it = flow(&[of_inverter, meter(-490)]);
    assert_eq!(watts(it.nodes.grid.as_ref()), Some(-490));
}

#[test]
fn a_charger_beside_the_monitor_of_its_battery_counts_nothing_twice() {
    let power = Metric::measurement("battery_power", Quantity::Power).part(EnergyPart::Battery);
    let charger = device("Charger", &[power], &[("battery_power", 390)]);
    let it = flow(std::slice::from_ref(&charger));
    assert_eq!(watts(it.nodes.battery.as_ref()), Some(390));
    let it = flow(&[charger, battery(380, 74), ecu(900), meter(0)]);
    assert_eq!(watts(it.nodes.battery.as_ref()), Some(380));
    assert_eq!(watts(it.nodes.house.as_ref()), Some(520));
}

#[test]
fn a_house_that_gives_what_nobody_brings_is_not_known() {
    let it = flow(&[meter(-310)]);
    let house = it.nodes.house.unwrap();
    assert_eq!(house.w, None);
    assert_eq!(house.why.unwrap().code, "no_source");
    assert_eq!(it.ribbons, []);
    let it = flow(&[meter(310)]);
    assert_eq!(watts(it.nodes.house.as_ref()), Some(310));
}

#[test]
fn a_name_brings_sensors_of_ones_own_in() {
    let own = device(
        "Carport",
        &[Metric::measurement("p", Quantity::Power)],
        &[("p", 250)],
    );
    let devices = [ecu(900), own, meter(0)];
    assert_eq!(watts(flow(&devices).nodes.sun.as_ref()), Some(900));
    let it = named(&devices, "sun = [\"test_roof/power\", \"test_carport/p\"]");
    assert_eq!(watts(it.nodes.sun.as_ref()), Some(1_150));
}

#[test]
fn a_sentence_stands_for_a_while() {
    let mut tracker = FlowTracker::default();
    let mut key = |watts, seconds| {
        let devices = [ecu(900), meter(watts)];
        let flow = tracker.at(&devices, now(), Duration::from_secs(seconds));
        flow.sentence.key
    };
    assert_eq!(key(-300, 0), "flow.s.sun_all_give");
    assert_eq!(key(300, 5), "flow.s.sun_all_give");
    assert_eq!(key(300, 10), "flow.s.sun_part_grid");
}
