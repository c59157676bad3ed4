//! One device that several sections reach, and devices that come and go.

use super::*;

#[test]
fn devices_of_sections_that_are_gone_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house
        .ingest
        .take(0, "elsewhere", Report::Device(Box::new(device())));
    house.store.flush(Duration::from_secs(10));
    let (store, saved) = Store::open(&path);
    assert_eq!(saved.devices.len(), 1);
    let house = House::new(store, saved);
    assert!(house.feed.snapshot().is_empty());
}

#[test]
fn two_sections_that_reach_one_device_do_not_fight() {
    let mut house = House::in_memory();
    house.read(0, 1000, 4_358_100);
    let mut other = Readings::new(id(), at(1));
    other.push("power", Decimal::integer(7));
    house
        .ingest
        .take(1, "there", Report::Device(Box::new(device())));
    house.ingest.take(1, "there", Report::Readings(other));
    assert_eq!(house.number("power"), "1000");
}

#[test]
fn a_device_that_was_moved_is_the_other_sections_after_a_while() {
    let mut house = House::in_memory();
    house.take(Report::Health(id(), Health::ONLINE));
    house.read(0, 1000, 4_358_100);
    let mut moved = device();
    moved.name = "Moved".into();
    house.there(Report::Device(Box::new(moved)));
    for minutes in [5, 10, 14] {
        house.read_there(minutes, 7);
        assert_eq!(house.number("power"), "1000");
    }
    house.read_there(15, 8);
    assert_eq!(house.number("power"), "8");
    assert_eq!(house.value("health"), Value::from("online"));
    assert_eq!(house.number("energy_total"), "4358.1");
    assert_eq!(house.feed.get(&id()).unwrap().device.name, "Moved");
    assert_eq!(house.ingest.source_of(&id()), Some(1));
    // The former section has nothing to say any more, until the new one has lost the device.
    house.take(Report::Gone(id()));
    house.read(20, 2000, 4_358_200);
    assert_eq!(house.number("power"), "8");
    house.take(Report::Device(Box::new(device())));
    house.there(Report::Health(id(), Health::new(HealthCode::Silent)));
    house.read(25, 2000, 4_358_200);
    assert_eq!(house.number("power"), "2000");
    assert_eq!(house.ingest.source_of(&id()), Some(0));
}

#[test]
fn a_section_that_is_read_rarely_keeps_its_device() {
    let mut house = House::in_memory();
    house.there(Report::Device(Box::new(device())));
    for hour in 0..5 {
        house.read(hour * 60, 1000, 4_358_100);
        house.read_there(hour * 60 + 30, 7);
        assert_eq!(house.number("power"), "1000");
    }
}

#[test]
fn a_device_that_its_section_gave_up_is_the_other_ones_at_once() {
    let mut house = House::in_memory();
    house.read(0, 1000, 4_358_100);
    house.there(Report::Device(Box::new(device())));
    let paused = Health::new(HealthCode::Paused);
    house.there(Report::Health(id(), paused.clone()));
    house.take(Report::Gone(id()));
    house.read_there(5, 7);
    assert_eq!(house.number("power"), "7");
    assert_eq!(house.ingest.health_of(&id()), Some(&paused));
    assert_eq!(house.number("energy_total"), "4358.1");
}

#[test]
fn two_gateways_that_swap_addresses_keep_both_devices() {
    let mut house = House::in_memory();
    let mut second = device();
    second.id = DeviceId::new("aps_ecu", "2");
    let second_id = second.id.clone();
    house.there(Report::Device(Box::new(second.clone())));
    house.there(Report::Device(Box::new(device())));
    house.take(Report::Device(Box::new(second)));
    for minutes in [5, 10, 15] {
        house.read_there(minutes, 7);
        let mut readings = Readings::new(second_id.clone(), at(minutes));
        readings.push("power", Decimal::integer(9));
        house.take(Report::Readings(readings));
    }
    assert_eq!(house.number("power"), "7");
    assert_eq!(house.ingest.source_of(&id()), Some(1));
    assert_eq!(house.ingest.source_of(&second_id), Some(0));
}

#[tokio::test]
async fn a_removed_device_is_news() {
    let mut house = House::in_memory();
    house.take(Report::Gone(id()));
    assert!(house.feed.get(&id()).is_none());
    let (hub, _commands) = Hub::new();
    drop(std::mem::replace(&mut house.ingest.hub, hub));
    let mut removed = false;
    while let Some(news) = house.feed.next().await {
        removed |= matches!(news, News::Update(Update::Removed(_)));
    }
    assert!(removed);
}

#[test]
fn a_device_of_a_section_with_a_mistake_is_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let wait = Duration::from_secs(20);
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    // No two programs have one store at the same time.
    house.store.clone().close();
    for (incomplete, left) in [(&["aps_ecu"][..], 1), (&[], 0)] {
        let (store, mut saved) = Store::open(&path);
        let (hub, _commands) = Hub::new();
        let clock = Clock::manual(at(0), TimeZone::UTC);
        let (hub_, store_) = (hub.clone(), store.clone());
        let mut ingest = Ingest::new(hub_, store_, clock, wait, Vec::new(), &mut saved);
        ingest.restore(&mut saved, incomplete, |_| None);
        assert_eq!(ingest.len(), left);
        store.clone().close();
        let (look, saved) = Store::open(&path);
        assert_eq!(saved.devices.len(), left);
        look.close();
        if left == 0 {
            continue;
        }
        // It says why there is nothing of it, and is whoever's that reaches it.
        let known = hub.feed().get(&id()).unwrap();
        assert_eq!(known.state.value("connectivity"), &Value::OnOff(false));
        assert_eq!(
            known.state.health.sentence(),
            "Mistake in the configuration: its section cannot be used. Run `wattbridge check`."
        );
        assert_eq!(ingest.source_of(&id()), None);
        ingest.take(0, "elsewhere", Report::Device(Box::new(device())));
        ingest.take(0, "elsewhere", Report::Health(id(), Health::ONLINE));
        assert_eq!(ingest.source_of(&id()), Some(0));
        assert_eq!(ingest.health_of(&id()), Some(&Health::ONLINE));
        // Or what it still has to write comes after what the next one writes.
        drop(ingest);
        store.close();
    }
}
