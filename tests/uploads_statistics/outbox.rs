//! With the outbox and a history: from the slots to Home Assistant, over a kill, and as a dry run.

use std::path::Path;

use jiff::Timestamp;
use wattbridge::model::{Decimal, Device, Metric, Quantity, Value};
use wattbridge::uploads::{Courier, preview};

use super::driver::{FIRST, HOUR, toml};
use super::house::House;
use super::stand_in::StandIn;

const ID: &str = "wattbridge:aps_ecu_216000000001_energy_total";
const ENTITY: &str = "sensor.roof";
const MORE: &str = "own = true\nsince = \"2026-06-15\"";

/// An ECU with 50 Wh in each slot.
fn house(path: &Path) -> House {
    let mut device = Device::new("aps_ecu", "216000000001", "ECU", "Invented Works");
    device.metrics = vec![
        Metric::lifetime("energy_total", Quantity::Energy).decimals(3),
        Metric::measurement("power", Quantity::Power).decimals(0),
    ];
    let start = Timestamp::from_second(FIRST).unwrap();
    House::new(path, start, device, says)
}

fn says(slot: i64) -> Vec<(&'static str, Value)> {
    let energy = Decimal::new(1_000_000 + slot * 50, 3);
    vec![
        ("energy_total", energy.into()),
        ("power", Decimal::integer(600).into()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_hours_arrives_also_when_the_program_is_killed_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start().await;
    // It has missed two days.
    let hour = |hour: i64, sum: f64| (FIRST + hour * HOUR, 1000.6 + sum, sum);
    let mut theirs: Vec<_> = (0..48).map(|at| hour(at, at as f64 * 0.6)).collect();
    theirs.extend((96..720).map(|at| hour(at, at as f64 * 0.6)));
    server.put("aps_ecu_216000000001_energy_total", ENTITY, &theirs);
    let mut house = house(&folder.path().join("history.db"));
    house.live(720 * 12);
    // The first two weeks are written; whether they are there has not been seen.
    let section = toml(&server.url, MORE);
    house.run(&section, true, || server.kept().writes > 0).await;
    house
        .run(&section, false, || server.sums(ID).len() == 720)
        .await;
    house.live(12);
    house
        .run(&section, false, || server.sums(ID).len() == 721)
        .await;
    let rows = server.sums(ID);
    for (place, (start, state, sum)) in rows.iter().enumerate() {
        let gain = place as f64 * 0.6;
        assert_eq!(*start, FIRST + place as i64 * HOUR);
        assert!(
            (sum - gain).abs() < 1e-6 && (state - 1000.6 - gain).abs() < 1e-6,
            "{place}"
        );
    }
    let filled = server.sums(ENTITY);
    assert_eq!(filled.len(), 720);
    for ((_, _, own), (_, _, sum)) in rows.iter().zip(&filled) {
        assert!((own - sum).abs() < 1e-6, "{own} {sum}");
    }
    let kept = server.kept();
    let (_, powers) = &kept.statistics["wattbridge:aps_ecu_216000000001_power"];
    assert_eq!(powers.len(), 721);
    assert!(
        powers
            .values()
            .all(|row| row["mean"] == 600 && row["max"] == 600)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_asks_what_is_there_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start().await;
    let hour = |hour: i64, sum: f64| (FIRST + hour * HOUR, 1000.6 + sum, sum);
    server.put(
        "aps_ecu_216000000001_energy_total",
        ENTITY,
        &[hour(0, 0.0), hour(3, 1.8)],
    );
    let mut house = house(&folder.path().join("history.db"));
    house.live(60);
    let shown = async |url: &str, more: &str| {
        let mut target = super::driver::target(&toml(url, more));
        let now = Timestamp::from_second(FIRST + 8 * HOUR).unwrap();
        let times = (FIRST, now.as_second());
        let reader = house.history.reader();
        let courier = Courier::default();
        preview(target.as_mut(), &courier, &reader, times, 3, now)
            .await
            .unwrap()
    };
    let parcels = shown(&server.url, "").await;
    assert_eq!(parcels.len(), 1);
    let text = parcels[0].errand.as_ref().unwrap().to_string();
    assert!(
        text.contains("\"sensor.roof\"") && text.contains("\"sum\":1.2"),
        "{text}"
    );
    let parcels = shown(&server.url, MORE).await;
    let text = parcels[0].errand.as_ref().unwrap().to_string();
    assert!(
        text.contains(ID) && text.contains("\"sensor.roof\"") && text.contains("_power\""),
        "{text}"
    );
    assert_eq!(server.kept().writes, 0);
    // Nobody is there: what is certain is shown, and why the rest is not.
    let parcels = shown("ws://127.0.0.1:1", MORE).await;
    let (_, why) = parcels[0].not_before.clone().unwrap();
    assert!(why.to_string().contains("cannot be reached"), "{why}");
    assert!(parcels[1].errand.as_ref().unwrap().to_string().contains(ID));
}
