use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::{DeviceState, OnOff, Value};

/// A device with a metric, and its value.
fn device(id: &str, metric: Metric, value: Option<i64>) -> Known {
    let (adapter, serial) = id.rsplit_once('_').unwrap();
    let mut device = Device::new("smart_meter", serial, format!("Meter {serial}"), "Kaifa");
    device.id = DeviceId::new(adapter, serial);
    let key = metric.key.clone();
    device.metrics = vec![metric];
    let state = DeviceState {
        device: device.id.clone(),
        at: None,
        values: [(key, Value::from(value.map(Decimal::integer)))].into(),
        health: Health::ONLINE,
        era: 0,
        held: Default::default(),
    };
    Known {
        device: Arc::new(device),
        state: Arc::new(state),
    }
}

fn power(id: &str, value: Option<i64>) -> Known {
    device(id, Metric::measurement("power", Quantity::Power), value)
}

fn with_health(mut known: Known, health: Health) -> Known {
    Arc::make_mut(&mut known.state).health = health;
    known
}

fn tally(plus: &[&str], minus: &[&str]) -> Tally {
    let members = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let mut tally = Tally::new(&SumSettings {
        id: "pv".to_owned(),
        plus: members(plus),
        minus: members(minus),
        ..SumSettings::default()
    });
    tally.open(&[]);
    tally
}

fn sum(number: i64) -> Count {
    Count::Complete(Decimal::integer(number))
}

fn missing(count: &Count) -> &[Missing] {
    match count {
        Count::Missing(missing) => missing,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_added_and_what_is_taken_away() {
    let mut house = tally(&["smart_meter_*/power"], &["shunt_1/power"]);
    let meters = [
        power("smart_meter_1", Some(100)),
        power("smart_meter_2", Some(50)),
        power("shunt_1", Some(-30)),
    ];
    let (sort, count) = house.count(&meters);
    assert_eq!(count, sum(180));
    assert_eq!(sort.unwrap().quantity, Quantity::Power);
}

#[test]
fn whoever_has_had_a_value_is_missed() {
    let mut both = tally(&["smart_meter_*/power"], &[]);
    let one = power("smart_meter_1", Some(100));
    // Plugged in later: it joins with its first value.
    let (_, count) = both.count(&[one.clone(), power("smart_meter_2", None)]);
    assert_eq!(count, sum(100));
    let (_, count) = both.count(&[one.clone(), power("smart_meter_2", Some(11))]);
    assert_eq!(count, sum(111));
    let (_, count) = both.count(&[one.clone(), power("smart_meter_2", None)]);
    assert!(matches!(missing(&count), [Missing::Unknown { name, .. }] if name == "Meter 2"));
    let silent = Health::new(HealthCode::Silent);
    let away = with_health(power("smart_meter_2", Some(11)), silent.clone());
    let (_, count) = both.count(&[one.clone(), away]);
    let name = "Meter 2".to_owned();
    let away = Missing::Away {
        name,
        health: silent,
        by_pattern: true,
    };
    assert_eq!(missing(&count), [away]);
    // Gone for good.
    both.forget(&DeviceId::new("smart_meter", "2"));
    assert_eq!(both.count(std::slice::from_ref(&one)).1, sum(100));
    both.forget(&one.device.id);
    assert!(matches!(
        missing(&both.count(&[]).1),
        [Missing::NoDevice(_)]
    ));
}

#[test]
fn whoever_was_there_at_the_start_is_waited_for() {
    let mut both = tally(&["smart_meter_*/power"], &[]);
    both.is_open = false;
    let one = power("smart_meter_1", Some(100));
    let (_, count) = both.count(std::slice::from_ref(&one));
    assert_eq!(missing(&count), [Missing::Search]);
    let (_, count) = both.count(&[one.clone(), power("smart_meter_2", None)]);
    assert!(matches!(missing(&count), [Missing::Unknown { .. }]));
    both.open(&[one.clone(), power("smart_meter_2", None)]);
    let (_, count) = both.count(&[one.clone(), power("smart_meter_2", None)]);
    assert!(matches!(missing(&count), [Missing::Unknown { .. }]));
    assert_eq!(
        both.count(&[one, power("smart_meter_2", Some(1))]).1,
        sum(101)
    );
}

#[test]
fn whoever_was_switched_off_is_left_out_unless_it_is_named() {
    let off = Health::new(HealthCode::Disabled);
    let unusable = Health::new(HealthCode::Misconfigured);
    let one = power("smart_meter_1", Some(100));
    let other = |health: &Health| with_health(power("smart_meter_2", None), health.clone());
    let begun = |members: &[&str], health: &Health| {
        let mut both = tally(members, &[]);
        both.is_open = false;
        both.open(&[one.clone(), other(health)]);
        both
    };
    let mut both = begun(&["smart_meter_*/power"], &off);
    assert_eq!(both.count(&[one.clone(), other(&off)]).1, sum(100));
    // All of them: that is said, and is no 0.
    let (_, count) = both.count(&[other(&off)]);
    assert!(matches!(missing(&count), [Missing::Away { name, .. }] if name == "Meter 2"));
    let mut named = begun(&["smart_meter_1/power", "smart_meter_2/power"], &off);
    assert_eq!(
        missing(&named.count(&[one.clone(), other(&off)]).1).len(),
        1
    );
    // A mistake in its section is not its end.
    let mut both = begun(&["smart_meter_*/power"], &unusable);
    assert_eq!(
        missing(&both.count(&[one.clone(), other(&unusable)]).1).len(),
        1
    );
}

#[test]
fn a_device_asleep_counts_as_it_says() {
    let mut both = tally(&["aps_ecu_*/power"], &[]);
    let asleep = with_health(power("aps_ecu_1", Some(0)), Health::new(HealthCode::Asleep));
    assert_eq!(both.count(&[asleep, power("aps_ecu_2", Some(7))]).1, sum(7));
}

#[test]
fn nobody_counts_twice() {
    let mut all = tally(&["aps_ecu_*/power", "aps_*/power", "aps_ecu_1/power"], &[]);
    let mut inverter = power("aps_ecu_2", Some(40));
    Arc::make_mut(&mut inverter.device).via = Some(DeviceId::new("aps_ecu", "1"));
    let devices = [power("aps_ecu_1", Some(100)), inverter];
    assert_eq!(all.count(&devices).1, sum(100));
    // Somebody asks for it by name.
    let mut one = tally(&["aps_ecu_2/power"], &[]);
    assert_eq!(one.count(&devices).1, sum(40));
    let own = power("sum_pv", Some(9));
    let mut sums = tally(&["sum_*/power"], &[]);
    let (_, count) = sums.count(&[own, power("sum_other", Some(4))]);
    assert_eq!(count, sum(4));
}

#[test]
fn a_sum_that_stands_still_is_missing_from_another() {
    let mut known = power("sum_other", Some(4));
    Arc::make_mut(&mut known.device).adapter = KIND.into();
    let mut house = tally(&["sum_other/power"], &[]);
    assert_eq!(house.count(&[known.clone()]).1, sum(4));
    let standing = with_health(known, Health::new(HealthCode::Degraded));
    assert!(matches!(
        missing(&house.count(&[standing]).1),
        [Missing::Standing { .. }]
    ));
}

#[test]
fn only_measurements_of_one_kind_can_be_added() {
    let unfit = |tally: &mut Tally, devices: &[Known]| match tally.count(devices).1 {
        Count::Unfit(unfit) => unfit,
        other => panic!("{other:?}"),
    };
    let member = || "smart_meter_2/power".to_owned();
    let mut both = tally(&["smart_meter_*/power"], &[]);
    for metric in [
        Metric::lifetime("power", Quantity::Energy),
        Metric::on_off("power", OnOff::Running),
        Metric::text("power"),
    ] {
        let devices = [
            power("smart_meter_1", Some(1)),
            device("smart_meter_2", metric, Some(1)),
        ];
        assert_eq!(unfit(&mut both, &devices), Unfit::NoMeasurement(member()));
    }
    let current = device(
        "smart_meter_2",
        Metric::measurement("power", Quantity::Current),
        None,
    );
    let devices = [power("smart_meter_1", Some(1)), current.clone()];
    let first = "smart_meter_1/power".to_owned();
    assert_eq!(unfit(&mut both, &devices), Unfit::Mixed(first, member()));
    both.energy = true;
    assert_eq!(unfit(&mut both, &[current]), Unfit::NoPower(member()));
}

#[test]
fn the_finest_member_says_how_many_decimals() {
    let fine = Metric::measurement("power", Quantity::Power).decimals(2);
    let mut fine = device("smart_meter_1", fine, None);
    let value = Value::from(Decimal::new(1256, 2));
    Arc::make_mut(&mut fine.state)
        .values
        .insert("power".into(), value);
    let devices = [fine, power("smart_meter_2", Some(1))];
    let mut both = tally(&["smart_meter_*/power"], &[]);
    let (sort, count) = both.count(&devices);
    assert_eq!(sort.unwrap().decimals, 2);
    assert_eq!(count, Count::Complete(Decimal::new(1356, 2)));
    both.decimals = Some(1);
    let (sort, count) = both.count(&devices);
    assert_eq!(sort.unwrap().decimals, 1);
    assert_eq!(count, Count::Complete(Decimal::new(136, 1)));
}

proptest! {
    /// Some members of five are added and some taken away; each change is one of them having a
    /// value, none, or being away.
    #[test]
    fn every_sum_is_of_all_members_whatever_came_before(
        changes in prop::collection::vec((0_usize..5, prop::option::of(-50_i64..50), any::<bool>()), 0..60),
    ) {
        let ids = ["smart_meter_1", "smart_meter_2", "smart_meter_3", "shunt_1", "shunt_2"];
        let mut members = tally(&["smart_meter_*/power"], &["shunt_*/power"]);
        members.is_open = false;
        let mut devices = ids.map(|id| power(id, None));
        members.open(&devices);
        for (index, value, is_there) in changes {
            let known = power(ids[index], value);
            devices[index] = if is_there {
                known
            } else {
                with_health(known, Health::new(HealthCode::Unreachable))
            };
            let values = devices.iter().map(|known| {
                let value = known.state.value("power").as_number();
                value.filter(|_| known.state.health.code.has_data()).map(Decimal::mantissa)
            });
            let values: Option<Vec<i64>> = values.collect();
            let (_, count) = members.count(&devices);
            match values {
                Some(values) => {
                    let (plus, minus) = values.split_at(3);
                    prop_assert_eq!(count, sum(plus.iter().sum::<i64>() - minus.iter().sum::<i64>()));
                }
                None => prop_assert!(!missing(&count).is_empty()),
            }
            // Asked again in another order, the members say the same.
            let again = members.count(&devices).1;
            let mut turned = devices.clone();
            turned.reverse();
            let other = members.count(&turned).1;
            prop_assert_eq!(matches!(again, Count::Complete(_)), matches!(other, Count::Complete(_)));
            if let Count::Complete(_) = again {
                prop_assert_eq!(again, other);
            }
        }
    }
}
