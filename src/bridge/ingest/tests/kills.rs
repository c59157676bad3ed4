//! What is shown and what is saved, and a program that is killed at any moment.

use super::*;

/// Whatever was shown at the moment of a kill is what the next run begins with.
#[test]
fn nothing_is_shown_that_was_not_saved_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    let keys = ["energy_total", "energy_computed", "energy_today_computed"];
    let mut shown_last = BTreeMap::new();
    for step in 0..30 {
        // Four readings in each `save_every`, some of which are killed before they are saved.
        let seconds = step * 15;
        house.clock.move_to(at(0) + Duration::from_secs(seconds));
        let mut readings = Readings::new(id(), house.clock.now());
        readings.push("power", Decimal::integer(4800));
        readings.push(
            "energy_total",
            Decimal::from_watt_hours(4_358_100 + 20 * step as i64),
        );
        house.take(Report::Readings(readings));
        if step % 3 != 0 {
            house.settle();
        }
        let shown = keys.map(|key| house.value(key).as_number());
        // What is in the file at this very moment, beside a writer that may be at work.
        let saved = Store::look_at(&path).1.counters;
        for (key, shown) in keys.iter().zip(shown) {
            let Some(shown) = shown else { continue };
            let counter = Counter {
                device: id().to_string(),
                key: (*key).to_owned(),
            };
            let metric = METRICS.iter().find(|metric| metric.key == *key).unwrap();
            let kept = Counting::new(metric, saved.get(&counter).cloned());
            assert!(
                kept.latest().unwrap().rounded(metric.decimals) >= shown,
                "{key}"
            );
            assert!(
                shown_last
                    .insert(*key, shown)
                    .is_none_or(|last| shown >= last)
            );
        }
    }
    assert!(shown_last["energy_computed"] > Decimal::new(5, 1));
    assert!(shown_last["energy_total"] > Decimal::new(43_584, 1));
}

#[test]
fn a_value_that_moves_rarely_is_shown_at_once_and_others_within_save_every() {
    let folder = tempfile::tempdir().unwrap();
    let (store, saved) = Store::open(&folder.path().join("store.db"));
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    for minutes in [0, 5, 10] {
        house.read(minutes, 1000, 4_358_100 + minutes * 100);
        house.settle();
        let total = Decimal::from_watt_hours(4_358_100 + minutes * 100);
        assert_eq!(house.value("energy_total"), total.into());
    }
    house
        .clock
        .move_to(house.clock.now() + Duration::from_secs(30));
    let mut readings = Readings::new(id(), house.clock.now());
    readings.push("power", Decimal::integer(7));
    readings.push("energy_total", Decimal::from_watt_hours(4_359_200));
    house.take(Report::Readings(readings));
    house.settle();
    assert_eq!(house.number("power"), "7");
    assert_eq!(house.number("energy_total"), "4359.1");
    let due = house.ingest.saves_at(&id()).unwrap();
    assert_eq!(due, Duration::from_secs(660));
    house.clock.move_to(at(11));
    house.ingest.on_time();
    house.settle();
    assert_eq!(house.number("energy_total"), "4359.2");
    assert_eq!(house.ingest.saves_at(&id()), None);
}

#[test]
fn where_nothing_can_be_saved_the_device_is_believed_and_what_is_computed_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("store.db");
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    for minutes in [0, 15, 30] {
        house.read(minutes, 1000, 4_358_100 + minutes * 100);
        house.settle();
        let total = Decimal::from_watt_hours(4_358_100 + minutes * 100);
        assert_eq!(house.value("energy_total"), total.into());
        assert_eq!(house.value("energy_computed"), Value::Unknown);
    }
    std::fs::create_dir(folder.path().join("missing")).unwrap();
    house.read(45, 1000, 4_358_100 + 4500);
    house.settle();
    assert_eq!(house.number("energy_computed"), "0.75");
    assert_eq!(Store::look_at(&path).1.counters.len(), 3);
}

/// Somebody else has told others of it meanwhile.
#[test]
fn what_begins_anew_is_unknown_until_that_is_saved_and_then_begins_with_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (store, saved) = Store::open(&path);
    let mut house = House::new(store, saved);
    house.take(Report::Device(Box::new(device())));
    for minutes in 0..60 {
        house.read(minutes, 4800, 4_358_100 + 100 * minutes);
        house.settle();
    }
    let energy = |house: &House| house.value("energy_computed").as_number();
    let before = energy(&house).unwrap();
    assert!(before > Decimal::integer(4));
    let total = house.value("energy_total");
    // Its own write is on its way when the wish comes.
    house.read(60, 4800, 4_364_100);
    house.ingest.begin_anew(&id());
    let era = |house: &House| house.ingest.entries[&id()].state.era;
    assert_eq!((energy(&house), era(&house)), (None, 0));
    house.settle();
    assert_eq!(era(&house), 1);
    assert_eq!(energy(&house), None, "nothing was heard yet");
    // Killed now, the next run begins there too.
    let kept = Store::look_at(&path).1.counters;
    let counter = Counter {
        device: id().to_string(),
        key: "energy_computed".to_owned(),
    };
    let metric = METRICS.iter().find(|it| it.key == "energy_computed");
    let kept = Counting::new(metric.unwrap(), kept.get(&counter).cloned());
    assert_eq!(kept.latest(), Some(Decimal::from_watt_hours(0)));
    let mut last = Decimal::integer(0);
    for minutes in 61..70 {
        house.read(minutes, 4800, 4_358_100 + 100 * minutes);
        house.settle();
        let now = energy(&house).unwrap();
        assert!(now >= last && now < Decimal::integer(1), "{now}");
        last = now;
    }
    assert!(last > Decimal::new(5, 1), "{last}");
    assert!(house.value("energy_total").as_number() >= total.as_number());
}

/// What happens next to a device and the program that reads it.
#[derive(Debug, Clone)]
enum Event {
    /// A reading after so many seconds; the counter has grown by so many watt-hours.
    Reading(u64, i64),
    /// A reading with a counter that is false.
    Glitch(i64),
    /// The wall clock is set.
    Step(i64),
    /// The disk has done its work.
    Settled,
    /// The program is killed and started again.
    Killed,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1_u64..100, 0_i64..100).prop_map(|(pause, gain)| Event::Reading(pause, gain)),
        1 => prop_oneof![Just(0), Just(-5), 1_i64..4_000_000, Just(i64::MAX)].prop_map(Event::Glitch),
        1 => (-40_000_000_i64..40_000_000).prop_map(Event::Step),
        3 => Just(Event::Settled),
        1 => Just(Event::Killed),
    ]
}

/// A program that begins with what was in the file at this moment, in a file of its own: the writer
/// of the one before must not write any more.
fn killed(house: &House, path: &std::path::Path, next: &std::path::Path) -> House {
    let found = Store::look_at(path).1;
    let (store, _) = Store::open(next);
    for (counter, state) in &found.counters {
        store.save_counter(&id(), &counter.key, state);
    }
    store.flush(Duration::from_secs(20));
    let (store, saved) = Store::open(next);
    let mut again = House::new(store, saved);
    // Another program, and the same time.
    again
        .clock
        .step(house.clock.now().duration_since(again.clock.now()));
    again.take(Report::Device(Box::new(device())));
    again
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_counter_falls_jumps_or_is_made_up_whatever_happens(
        events in prop::collection::vec(event(), 1..60)
    ) {
        const POWER: i64 = 3600;
        let folder = tempfile::tempdir().unwrap();
        let mut path = folder.path().join("0.db");
        let (store, saved) = Store::open(&path);
        let mut house = House::new(store, saved);
        house.take(Report::Device(Box::new(device())));
        let (mut total, mut passed) = (4_000_000, 0);
        let mut before = [None; 2];
        for (n, event) in events.into_iter().enumerate() {
            let value = match event {
                Event::Reading(pause, gain) => {
                    house.clock.move_to(house.clock.now() + Duration::from_secs(pause));
                    passed += pause;
                    total += gain;
                    Some(total)
                }
                Event::Glitch(value) => Some(value),
                Event::Step(minutes) => {
                    house.clock.step(jiff::SignedDuration::from_mins(minutes));
                    None
                }
                Event::Settled => {
                    house.settle();
                    None
                }
                Event::Killed => {
                    let next = folder.path().join(format!("{}.db", n + 1));
                    house = killed(&house, &path, &next);
                    path = next;
                    prop_assert_eq!(house.value("energy_total"), Value::Unknown);
                    prop_assert_eq!(house.value("energy_computed"), Value::Unknown);
                    None
                }
            };
            if let Some(value) = value {
                let mut readings = Readings::new(id(), house.clock.now());
                readings.push("power", Decimal::integer(POWER));
                readings.push("energy_total", Decimal::from_watt_hours(value));
                house.take(Report::Readings(readings));
            }
            let most = [
                Decimal::from_watt_hours(total).rounded(1),
                Decimal::from_watt_hours(POWER * i64::try_from(passed).unwrap() / 3600),
            ];
            for (index, key) in ["energy_total", "energy_computed"].into_iter().enumerate() {
                let Some(shown) = house.value(key).as_number() else { continue };
                prop_assert!(before[index].is_none_or(|before| shown >= before), "{key}: {shown}");
                prop_assert!(shown <= most[index], "{key}: {shown} of {}", most[index]);
                before[index] = Some(shown);
            }
        }
    }
}
