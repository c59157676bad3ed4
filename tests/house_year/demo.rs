//! The past of the demo, written beside a history that is in use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use wattbridge::bridge::Known;
use wattbridge::cli;
use wattbridge::history::{By, EnergyOf, History, HistorySettings, HouseRoles};
use wattbridge::model::{Decimal, DeviceId, DeviceState, EnergyPart, Health, Value};

use crate::house;

/// The devices as a bridge knows them, with what some of them say now.
fn known() -> Vec<Known> {
    let says = |id: &DeviceId, key: &str| match (id.as_str(), key) {
        (_, "energy_import") => Some("12345.678"),
        (_, "energy_export") => Some("2345.686"),
        (_, "energy_total") => Some("21158.8"),
        // As at the start of the demo: less than it has brought in all these days.
        (_, "energy_computed") => Some("0.01"),
        (_, "state_of_charge") => Some("87.7"),
        _ => None,
    };
    let devices = house::devices().into_iter();
    devices
        .map(|device| {
            let values = device.metrics.iter().filter_map(|metric| {
                let value: Decimal = says(&device.id, &metric.key)?.parse().unwrap();
                Some((metric.key.clone(), Value::Number(value)))
            });
            let state = DeviceState {
                device: device.id.clone(),
                at: None,
                values: values.collect::<BTreeMap<_, _>>(),
                health: Health::ONLINE,
                held: BTreeMap::new(),
                era: 0,
            };
            Known {
                device,
                state: Arc::new(state),
            }
        })
        .collect()
}

fn roles(known: &[Known]) -> HouseRoles {
    let outer = known.iter().filter(|known| known.device.via.is_none());
    HouseRoles::of(outer.flat_map(|known| {
        let metrics = known.device.metrics.iter();
        metrics.filter_map(|metric| {
            let part = metric.part.filter(|part| !part.is_substitute)?;
            Some((part.part, known.device.id.clone(), metric.key.to_string()))
        })
    }))
}

#[test]
fn the_past_of_the_demo_ends_where_its_present_begins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo-history.db");
    let zone = TimeZone::get("Europe/Vienna").unwrap();
    let known = known();
    let roles = roles(&known);
    assert!(roles.has(&[EnergyPart::GridImport]));
    let now = Timestamp::now();

    // The bridge's own, which goes on while the past is written.
    let live = History::open(&file, &HistorySettings::default(), zone.clone());
    live.set_roles(roles.clone());
    for known in &known {
        live.describe(&known.device);
    }
    let meter = DeviceId::new("smart_meter", "1KFM0200654321");
    let say = |value: i64| {
        let value = Value::from(Decimal::from_watt_hours(value));
        live.record(&meter, now, None, [("energy_import", value)]);
    };
    say(12_345_678);
    let past = cli::fill(&file, &known, roles, &zone, now, 20, |_, _| {});
    say(12_345_700);
    live.flush(Duration::from_secs(30));

    assert_eq!(past.panels.len(), 16);
    assert_eq!(past.planes.len(), 2);
    let today = now.to_zoned(zone).date();
    let from = today - 20.days();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let reader = live.reader();
    let table = runtime.block_on(reader.energy(By::Day, from, today, EnergyOf::Device));
    let table = table.unwrap();
    let row = table.rows.iter().find(|row| row.series.device == meter);
    let import = table
        .rows
        .iter()
        .find(|row| row.series.device == meter && row.series.key == "energy_import");
    let import = import.or(row).unwrap();
    let days: Vec<_> = past
        .truth
        .days
        .iter()
        .filter(|(date, _)| **date < today)
        .collect();
    assert_eq!(days.len(), 20);
    for (place, (date, day)) in days.iter().enumerate() {
        let key = (meter.clone(), import.series.key.clone());
        assert_eq!(import.wh[place], day.counters.get(&key).copied(), "{date}");
    }
    // A counter that has just begun was below 0 before; its days are right all the same.
    let inverter = DeviceId::new("aps_ecu", "704000000001");
    let computed = table
        .rows
        .iter()
        .find(|row| row.series.device == inverter)
        .unwrap();
    assert!(computed.wh.iter().flatten().all(|wh| *wh >= 0));
    assert!(
        computed.wh.iter().flatten().any(|wh| *wh > 500),
        "{:?}",
        computed.wh
    );
    let slots = runtime.block_on(reader.slots(vec![import.series.clone()], today, today + 1.day()));
    let slots = slots.unwrap();
    let last = slots.rows.last().unwrap();
    assert!(
        last.row.value <= 12_345_700 && last.row.value > 12_345_000,
        "{last:?}"
    );
    live.close();
}
