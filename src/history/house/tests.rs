use proptest::prelude::*;

use super::*;

fn device(name: &str) -> DeviceId {
    DeviceId::new("test", name)
}

fn roles(parts: &[(EnergyPart, &str)]) -> HouseRoles {
    let members = parts
        .iter()
        .map(|(part, name)| (*part, device(name), "value".to_owned()));
    HouseRoles::of(members)
}

fn whole_house() -> HouseRoles {
    roles(&[
        (EnergyPart::Sun, "roof"),
        (EnergyPart::Sun, "shed"),
        (EnergyPart::Battery, "battery"),
        (EnergyPart::BatteryLevel, "level"),
        (EnergyPart::Grid, "meter"),
    ])
}

/// What is known, by name.
fn look<'a>(values: &'a [(&'a str, Look)]) -> impl Fn(&DeviceId, &str) -> Look + 'a {
    |id, _| {
        let found = values.iter().find(|(name, _)| device(name) == *id);
        found.map_or(Look::Unknown, |(_, look)| *look)
    }
}

fn watts(value: i64) -> Look {
    Look::Known(Decimal::integer(value))
}

#[test]
fn a_meter_that_tells_the_balance_and_both_directions_counts_once() {
    let parts = [
        (EnergyPart::Sun, "roof"),
        (EnergyPart::Grid, "net"),
        (EnergyPart::GridTaken, "taken"),
        (EnergyPart::GridGiven, "given"),
    ];
    let values = [
        ("roof", watts(3000)),
        ("net", watts(-1710)),
        ("taken", watts(0)),
        ("given", watts(1710)),
    ];
    let grid = |parts: &[(EnergyPart, &str)]| {
        let powers = HousePowers::of(&roles(parts), look(&values)).all();
        (powers[2], powers[1])
    };
    assert_eq!(grid(&parts), (Some(-1710), Some(1290)));
    let apart = [parts[0], parts[2], parts[3]];
    assert_eq!(grid(&apart), (Some(-1710), Some(1290)));
}

#[test]
fn the_house_has_what_the_others_leave() {
    let values = [
        ("roof", watts(3000)),
        ("shed", Look::Known(Decimal::new(2004, 1))),
        ("battery", watts(900)),
        ("level", Look::Known(Decimal::new(815, 1))),
        ("meter", watts(-1710)),
    ];
    let powers = HousePowers::of(&whole_house(), look(&values));
    assert_eq!(
        powers.all(),
        [Some(3200), Some(590), Some(-1710), Some(900), Some(815)]
    );
    assert_eq!(powers.flows.unwrap().sun_house, 590_400);
    assert_eq!(slot_energy(590_400), 49_200);
}

#[test]
fn who_rests_brings_nothing_and_who_is_not_known_makes_the_house_unknown() {
    let mut values = vec![
        ("roof", Look::Resting),
        ("shed", Look::Resting),
        ("battery", watts(-200)),
        ("meter", watts(100)),
    ];
    let powers = HousePowers::of(&whole_house(), look(&values));
    assert_eq!((powers.sun, powers.house), (Some(0), Some(300_000)));
    values[0].1 = Look::Unknown;
    let powers = HousePowers::of(&whole_house(), look(&values));
    assert_eq!((powers.sun, powers.house, powers.flows), (None, None, None));
    assert_eq!(powers.grid, Some(100_000));
    // A meter never rests.
    values[0].1 = Look::Resting;
    values[3].1 = Look::Resting;
    assert_eq!(HousePowers::of(&whole_house(), look(&values)).house, None);
}

#[test]
fn what_is_not_there_moves_nothing() {
    let sun = roles(&[(EnergyPart::Sun, "roof")]);
    let powers = HousePowers::of(&sun, look(&[("roof", watts(500))]));
    assert_eq!(
        (powers.sun, powers.house),
        (Some(500_000), None),
        "there is no meter"
    );
    let meter = roles(&[
        (EnergyPart::GridTaken, "taken"),
        (EnergyPart::GridGiven, "given"),
    ]);
    let values = [("taken", watts(300)), ("given", watts(0))];
    let powers = HousePowers::of(&meter, look(&values));
    assert_eq!((powers.grid, powers.house), (Some(300_000), Some(300_000)));
    // A house that is measured tells of the grid.
    let measured = HouseRoles {
        house: Some((device("house"), "value".to_owned())),
        ..sun
    };
    let values = [("roof", watts(500)), ("house", watts(200))];
    let powers = HousePowers::of(&measured, look(&values));
    assert_eq!(
        (powers.grid, powers.flows.unwrap().sun_grid),
        (Some(-300_000), 300_000)
    );
}

#[test]
fn counters_say_how_much_and_slots_who_fed_whom() {
    let slots = Flows {
        sun_house: 4000,
        battery_grid: 300,
        grid_battery: 200,
        ..Flows::default()
    };
    let counted = Counted {
        sun: Some(20_000),
        import: Some(3000),
        export: Some(9000),
        charged: Some(4000),
        discharged: Some(3500),
        slots: Some(slots),
        ..Counted::default()
    };
    let energies = HouseEnergies::of(&whole_house(), &counted);
    assert_eq!(energies.house, Some(20_000 - 4000 + 3500 + 3000 - 9000));
    let flows = energies.flows.unwrap();
    assert_eq!(flows.all(), [7500, 3800, 8700, 3200, 300, 2800, 200]);
}

#[test]
fn what_no_counter_knows_is_not_made_up() {
    let counted = Counted {
        sun: Some(20_000),
        import: Some(3000),
        charged: Some(4000),
        discharged: Some(3500),
        ..Counted::default()
    };
    let energies = HouseEnergies::of(&whole_house(), &counted);
    assert_eq!(
        (energies.house, energies.export, energies.flows),
        (None, None, None)
    );
    // Without a battery the counters say all.
    let roles = roles(&[
        (EnergyPart::SunEnergy, "roof"),
        (EnergyPart::GridImport, "meter"),
    ]);
    let counted = Counted {
        sun: Some(20_000),
        import: Some(3000),
        export: Some(9000),
        ..Counted::default()
    };
    let energies = HouseEnergies::of(&roles, &counted);
    assert_eq!(energies.house, Some(14_000));
    assert_eq!(energies.charged, None);
    assert_eq!(
        energies.flows.unwrap().all(),
        [11_000, 0, 9000, 0, 0, 3000, 0]
    );
}

#[test]
fn no_more_sun_goes_to_the_grid_than_there_was() {
    let of_day = |with_battery: bool| {
        let parts = [
            (EnergyPart::SunEnergy, "roof"),
            (EnergyPart::GridExport, "meter"),
            (EnergyPart::Battery, "battery"),
        ];
        let count = if with_battery { 3 } else { 2 };
        let counted = Counted {
            sun: Some(1000),
            import: Some(0),
            export: Some(1090),
            charged: Some(0),
            discharged: Some(0),
            slots: with_battery.then(Flows::default),
            ..Counted::default()
        };
        HouseEnergies::of(&roles(&parts[..count]), &counted).flows
    };
    for with_battery in [true, false] {
        let flows = of_day(with_battery).unwrap();
        assert_eq!((flows.sun_grid, flows.sun_house), (1000, 0));
    }
}

proptest! {
    /// Whatever counters and slots say.
    #[test]
    fn flows_agree_with_the_counters(
        sun in 0_i64..50_000, import in 0_i64..50_000, export in 0_i64..50_000,
        charged in 0_i64..20_000, discharged in 0_i64..20_000,
        battery_grid in 0_i64..30_000, grid_battery in 0_i64..30_000,
    ) {
        let slots = Flows { battery_grid, grid_battery, ..Flows::default() };
        let counted = Counted {
            sun: Some(sun), import: Some(import), export: Some(export),
            charged: Some(charged), discharged: Some(discharged), slots: Some(slots),
            ..Counted::default()
        };
        let energies = HouseEnergies::of(&whole_house(), &counted);
        let Some(flows) = energies.flows else {
            // More was given and stored than the sun is said to have brought.
            prop_assert!(export + charged > sun);
            return Ok(());
        };
        prop_assert!(flows.all().iter().all(|flow| *flow >= 0));
        // Counters may be apart a little; there is no more sun than there was all the same.
        let of_sun = flows.sun_house + flows.sun_battery + flows.sun_grid;
        prop_assert_eq!(of_sun, sun);
        prop_assert!(flows.sun_grid + flows.battery_grid <= export);
        prop_assert_eq!(flows.grid_house + flows.grid_battery, import);
        prop_assert!(flows.sun_battery + flows.grid_battery <= charged);
        prop_assert_eq!(flows.battery_house + flows.battery_grid, discharged);
        if sun >= export - flows.battery_grid + charged - flows.grid_battery {
            prop_assert_eq!(flows.sun_grid + flows.battery_grid, export);
            prop_assert_eq!(flows.sun_battery + flows.grid_battery, charged);
            let house = flows.sun_house + flows.battery_house + flows.grid_house;
            prop_assert_eq!(Some(house), energies.house);
        }
    }
}

#[test]
fn a_house_without_a_source_gives_nothing_that_is_known() {
    let meter = roles(&[(EnergyPart::Grid, "meter")]);
    let house = |grid| HousePowers::of(&meter, look(&[("meter", watts(grid))])).all()[1];
    assert_eq!(house(310), Some(310));
    assert_eq!(house(-310), None);
    let counted = |export| Counted {
        import: Some(5000),
        export: Some(export),
        ..Counted::default()
    };
    let house = |export| HouseEnergies::of(&meter, &counted(export)).house;
    assert_eq!(house(0), Some(5000));
    assert_eq!(house(3000), None);
}
