use super::super::energy::NotBeside;
use super::*;

fn entry(device: &str, key: &str) -> DashboardEntry {
    DashboardEntry {
        reference: device.to_owned(),
        key: key.to_owned(),
        device: device.to_owned(),
        name: key.to_owned(),
        power: None,
        remark: String::new(),
        unique_id: format!("{device}_{key}"),
        power_unique_id: (key == "energy_total").then(|| format!("{device}_power")),
        entity_id: None,
        used: None,
        held: None,
        same_unique_ids: Vec::new(),
    }
}

fn place(place: &'static str, entries: Vec<DashboardEntry>) -> ToldPlace {
    ToldPlace {
        place,
        words: "",
        entries,
        not: Vec::new(),
        is_disputed: false,
    }
}

/// An ECU with an inverter behind it, a meter and a battery.
fn house() -> Vec<ToldPlace> {
    let mut solar = place("solar", vec![entry("ecu", "energy_total")]);
    solar
        .not
        .push(NotBeside::of("ecu", &["inverter_energy_computed"]));
    vec![
        solar,
        place("grid_import", vec![entry("meter", "energy_import")]),
        place("grid_export", vec![entry("meter", "energy_export")]),
        place("power", vec![entry("meter", "power_net")]),
        place("battery_in", vec![entry("bmv", "energy_charged")]),
        place("battery_out", vec![entry("bmv", "energy_discharged")]),
    ]
}

/// Every entity is called as its unique id, in small letters of Home Assistant.
fn ids() -> EntityIds {
    EntityIds::named(&[
        "ecu_energy_total",
        "ecu_power",
        "inverter_energy_computed",
        "meter_energy_import",
        "meter_energy_export",
        "meter_power_net",
        "bmv_energy_charged",
        "bmv_energy_discharged",
    ])
}

fn added(places: &mut [ToldPlace], used: &[&str]) -> Vec<String> {
    let used = used.iter().copied().collect();
    complete(places, &ids(), &used);
    let missing = missing(places, &ids(), &used);
    let words = missing
        .iter()
        .map(|it| format!("{} {}", it.kind, it.entities.join(" ")));
    words.collect()
}

#[test]
fn all_is_missing_in_an_empty_dashboard_and_nothing_once_it_is_there() {
    let all = [
        "solar sensor.ecu_energy_total sensor.ecu_power",
        "grid sensor.meter_energy_import sensor.meter_energy_export sensor.meter_power_net",
        "battery sensor.bmv_energy_charged sensor.bmv_energy_discharged",
    ];
    assert_eq!(added(&mut house(), &[]), all);
    let used: Vec<&str> = all.iter().flat_map(|it| it.split(' ').skip(1)).collect();
    let mut places = house();
    assert_eq!(added(&mut places, &used), [""; 0]);
    assert!(
        places
            .iter()
            .flat_map(|it| &it.entries)
            .all(|it| it.used == Some(true))
    );
}

#[test]
fn nothing_counts_twice_and_what_is_half_there_is_left_to_its_user() {
    let mut places = house();
    let used = [
        "sensor.inverter_energy_computed",
        "sensor.bmv_energy_charged",
        "sensor.meter_energy_import",
    ];
    assert_eq!(
        added(&mut places, &used),
        ["grid sensor.meter_energy_export"]
    );
    assert_eq!(places[0].entries[0].held, Some("behind"));
    // What counts the same energy: a counter of the day, or of the device that it is behind.
    let mut places = house();
    places[0].entries[0].same_unique_ids = vec!["ecu_power".to_owned()];
    places[1].entries[0].same_unique_ids = vec!["inverter_energy_computed".to_owned()];
    places[0].not.clear();
    let used = ["sensor.ecu_power", "sensor.inverter_energy_computed"];
    assert_eq!(
        added(&mut places, &used),
        [
            "grid sensor.meter_energy_export",
            "battery sensor.bmv_energy_charged sensor.bmv_energy_discharged"
        ]
    );
    assert_eq!(places[0].entries[0].held, Some("other"));
    assert_eq!(places[1].entries[0].held, Some("other"));
    // Of two meters the user chooses.
    let mut places = house();
    for place in &mut places[1..4] {
        place.is_disputed = true;
        let more = place.entries[0].clone();
        place.entries.push(more);
    }
    assert!(
        !added(&mut places, &[])
            .iter()
            .any(|it| it.starts_with("grid"))
    );
    // What Home Assistant does not know yet.
    let mut places = vec![place("solar", vec![entry("new", "energy_total")])];
    assert_eq!(added(&mut places, &[]), [""; 0]);
    assert_eq!(
        (&places[0].entries[0].entity_id, places[0].entries[0].used),
        (&None, None)
    );
}
