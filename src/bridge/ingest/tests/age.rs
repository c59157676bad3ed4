//! Values that nobody confirms.

use super::*;

#[test]
fn what_nobody_confirms_for_longer_than_its_patience_is_unknown() {
    let mut house = House::in_memory();
    let mut device = device();
    device.patience = Some(Duration::from_secs(600));
    let link = Metric::on_off("link", OnOff::Plain).about_connection();
    device.metrics.push(link);
    house.take(Report::Device(Box::new(device)));
    house.take(Report::Health(id(), Health::ONLINE));
    let mut readings = Readings::new(id(), at(0));
    readings.push("link", true);
    house.take(Report::Readings(readings));
    assert_eq!(
        house.ingest.deadline(),
        None,
        "nothing has been confirmed yet"
    );
    house.read(0, 1000, 4_358_100);
    assert_eq!(house.ingest.deadline(), Some(Duration::from_secs(600)));
    // Words about health, or the connection, confirm no value.
    for minutes in 1..10 {
        house.clock.move_to(at(minutes));
        house.take(Report::Health(id(), Health::new(HealthCode::Retrying)));
        house.take(Report::Health(id(), Health::ONLINE));
        let mut readings = Readings::new(id(), at(minutes));
        readings.push("link", true);
        house.take(Report::Readings(readings));
        assert_eq!(house.number("power"), "1000");
    }
    house.clock.move_to(at(10));
    assert!(house.ingest.on_time());
    assert_eq!(house.code(), HealthCode::Stale);
    assert_eq!(house.value("power"), Value::Unknown);
    assert_eq!(house.number("energy_total"), "4358.1");
    assert_eq!(house.value("link"), Value::OnOff(true));
    assert_eq!(house.value("connectivity"), Value::OnOff(false));
    let Value::Text(reason) = house.value("reason") else {
        panic!()
    };
    assert!(
        reason.starts_with("Data too old: nothing was heard for 10m. Check"),
        "{reason}"
    );
    // It is the adapter's word that counts where it knows more, and no other.
    house.take(Report::Health(id(), Health::new(HealthCode::Unreachable)));
    assert_eq!(house.code(), HealthCode::Unreachable);
    house.take(Report::Health(id(), Health::ONLINE));
    assert_eq!(house.code(), HealthCode::Stale);
    assert!(!house.ingest.on_time());
    house.read(11, 7, 4_358_100);
    assert_eq!(house.code(), HealthCode::Online);
    assert_eq!(house.number("power"), "7");
    assert_eq!(house.ingest.deadline(), Some(Duration::from_secs(21 * 60)));
}

#[test]
fn that_values_are_too_old_is_news_whatever_the_health() {
    for code in HealthCode::ALL {
        let mut house = House::in_memory();
        let mut device = device();
        device.patience = Some(Duration::from_secs(600));
        house.take(Report::Device(Box::new(device)));
        house.take(Report::Health(id(), Health::new(*code)));
        house.read(0, 1000, 4_358_100);
        assert_eq!(house.number("power"), "1000", "{code:?}");
        assert_eq!(house.ingest.deadline(), Some(Duration::from_secs(600)));
        house.clock.move_to(at(10));
        assert!(house.ingest.on_time(), "{code:?}");
        assert_eq!(house.value("power"), Value::Unknown, "{code:?}");
        assert_eq!(house.number("energy_total"), "4358.1", "{code:?}");
        assert!(!house.code().has_data(), "{code:?}");
    }
}

#[test]
fn no_step_of_the_wall_clock_makes_values_old_or_keeps_them_young() {
    let mut house = House::in_memory();
    let mut device = device();
    device.patience = Some(Duration::from_secs(600));
    house.take(Report::Device(Box::new(device)));
    house.take(Report::Health(id(), Health::ONLINE));
    house.read(0, 1000, 4_358_100);
    for hours in [9, -30, 24 * 365 * 56, -24 * 365 * 56] {
        house.clock.step(jiff::SignedDuration::from_hours(hours));
        assert!(!house.ingest.on_time(), "{hours}");
        assert_eq!(house.code(), HealthCode::Online, "{hours}");
    }
    house
        .clock
        .move_to(house.clock.now() + Duration::from_secs(600));
    house.clock.step(jiff::SignedDuration::from_hours(-1));
    assert!(house.ingest.on_time());
    assert_eq!(house.code(), HealthCode::Stale);
}
