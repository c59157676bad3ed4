use super::bounds::MOST_OF_ALL;
use super::*;

const NOW: u32 = 1_780_000_000;

fn origin(source: u32) -> Origin {
    Origin {
        source: Serial(source),
        sealed_by: None,
        now: Moment {
            wall: Timestamp::from_second(NOW.into()).unwrap(),
            steady: Duration::from_secs(1000),
        },
    }
}

fn panel(serial: u32) -> Record<'static> {
    Record::Optimizer(Optimizer {
        serial: Serial(serial),
        kind: 0x0080,
        inverter: None,
        at: NOW,
        uptime: Some(3600),
        input_voltage: Some(32.0),
        output_voltage: Some(30.0),
        input_current: Some(5.0),
        energy: Some(10.0),
        temperature: Some(30.0),
    })
}

fn list(first: u32, count: u32) -> Record<'static> {
    Record::Optimizers(Inventory {
        id: 0x7f12_3456,
        at: NOW,
        listed: (first..first + count).map(Serial).collect(),
    })
}

fn behind(plant: &Plant) -> usize {
    plant.units.values().map(|unit| unit.panels.len()).sum()
}

#[test]
fn lists_that_are_always_of_others_add_no_devices_for_ever() {
    let mut plant = Plant::default();
    for round in 0..20 {
        plant.take(&list(0x1000_0000 + 200 * round, 200), origin(0x7f12_3456));
    }
    assert_eq!(behind(&plant), MOST_BEHIND);
}

#[test]
fn forged_inverters_with_many_optimizers_have_a_bound_together() {
    let mut plant = Plant::default();
    for unit in 0..MOST_UNITS as u32 {
        for number in 0..40 {
            plant.take(&panel(0x1000_0000 + 100 * unit + number), origin(unit + 1));
        }
    }
    assert_eq!(behind(&plant), MOST_OF_ALL);
    let devices = plant.reports();
    let devices = devices
        .iter()
        .filter_map(|report| match report {
            Report::Device(device) => Some(&device.id),
            _ => None,
        })
        .collect::<std::collections::BTreeSet<_>>();
    assert_eq!(devices.len(), MOST_OF_ALL + MOST_UNITS);
    // Who is known is heard all the same.
    plant.take(&panel(0x1000_0000), origin(1));
    assert!(!plant.reports().is_empty());
}

#[test]
fn no_device_turns_into_another_one() {
    let mut plant = Plant::default();
    let inverter = origin(0x7f12_3456);
    plant.take(&panel(0x1000_0001), inverter);
    let before = plant.reports();
    assert!(!before.is_empty());
    // An optimizer with the number of its inverter, and an inverter with that of an optimizer.
    plant.take(&panel(0x7f12_3456), inverter);
    plant.take(&list(0x7f12_3456, 1), inverter);
    plant.take(&panel(0x1000_0002), origin(0x1000_0001));
    let after = plant.reports();
    let models = after.iter().filter_map(|report| match report {
        Report::Device(device) => Some((device.id.as_str(), device.model.as_deref())),
        _ => None,
    });
    for (id, model) in models {
        let is_inverter = model.is_some_and(|model| model.starts_with("Inverter"));
        assert_eq!(is_inverter, id == "solaredge_7f123456_1b", "{id}");
    }
}
