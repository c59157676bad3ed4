//! The clock of the host is set while everything runs: the parts of the program put together as
//! `run` does, with a clock that can be moved.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wattbridge::adapters::aps_ecu;
use wattbridge::bridge::{Bridge, Feed, News, Setup};
use wattbridge::clock::Clock;
use wattbridge::config::Section;
use wattbridge::device::Adapter;
use wattbridge::links::Links;
use wattbridge::model::{DeviceState, HealthCode, Update, Value};
use wattbridge::store::Store;

use crate::DEADLINE;
use crate::gateway::{DAY, Gateway, Plan};

struct Watch {
    feed: Feed,
    gateway: Gateway,
    total: f64,
    computed: f64,
}

fn number(state: &DeviceState, key: &str) -> Option<f64> {
    match state.value(key) {
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

impl Watch {
    /// The next so many states of the ECU: nothing falls, nothing is more than the truth, and in
    /// the end nothing is held back.
    async fn rounds(&mut self, count: usize, what: &str) {
        let (id, inverter) = (self.gateway.id(), self.gateway.inverter_ids().remove(0));
        let (mut seen, mut last) = (0, String::new());
        while seen < count {
            let news = timeout(DEADLINE, self.feed.next()).await.unwrap().unwrap();
            let News::Update(Update::State(state)) = news else {
                continue;
            };
            if state.device.as_str() == inverter {
                let computed = number(&state, "energy_computed").unwrap_or(self.computed);
                assert!(computed >= self.computed, "{what}: {computed}");
                self.computed = computed;
            }
            if state.device.as_str() != id || number(&state, "power").is_none() {
                continue;
            }
            // The first values come a moment before the word that the device is there.
            let code = state.health.code;
            let fine = code.has_data() || code == HealthCode::Starting;
            assert!(fine, "{what}: {state:?}");
            let total = number(&state, "energy_total").unwrap();
            let most = self.gateway.handle.truth().lifetime_wh as f64 / 1000.0;
            assert!(
                (self.total..=most).contains(&total),
                "{what}: {total} of {most}"
            );
            self.total = total;
            last = format!("{:?}", state.value("counter_guard"));
            seen += 1;
        }
        assert!(last.contains("All values good"), "{what}: {last}");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_harms_no_counter() {
    // This clock never waits, so rounds follow each other at once; each shall have new values, and on a busy computer no
    // more than can have been counted between two of them.
    let gateway = Gateway::start(Plan {
        start: DAY.at(8, 0, 0, 0),
        speed: 500.0,
        ..Plan::default()
    })
    .await;
    let port = gateway.port().to_string();
    let pairs = [
        ("host", "127.0.0.1"),
        ("port", &port),
        ("interval", "300ms"),
        ("night_interval", "300ms"),
        ("quiet", ""),
        ("phase_lock", "false"),
        ("time_zone", "Europe/Vienna"),
    ];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let section = Section::from_pairs("aps_ecu", &pairs).unwrap();
    let source = aps_ecu::ADAPTER.configure(&section).unwrap();
    let start: Timestamp = "2026-06-21T10:00:00Z".parse().unwrap();
    let clock = Clock::manual(start, TimeZone::get("Europe/Vienna").unwrap());
    let (store, saved) = Store::in_memory();
    let (bridge, hub) = Bridge::new(Setup {
        sources: vec![source.clone()],
        sums: Vec::new(),
        incomplete: Vec::new(),
        refused: 0,
        instance: "wattbridge".to_owned(),
        clock: clock.clone(),
        links: Links::new(),
        store,
        saved,
        save_every: Duration::MAX,
        history: wattbridge::history::History::off(),
    });
    let stop = CancellationToken::new();
    let mut watch = Watch {
        feed: hub.feed(),
        gateway,
        total: 0.0,
        computed: 0.0,
    };
    let running = tokio::spawn(bridge.run(stop.clone()));
    watch.rounds(5, "at the start").await;
    for hours in [1, -1, -26, 50, -24 * 400, 24 * 800, -24 * 60, 12, -12] {
        clock.step(SignedDuration::from_hours(hours));
        watch.rounds(8, &format!("after {hours} hours")).await;
    }
    // As a computer without a battery begins.
    clock.step(Timestamp::UNIX_EPOCH.duration_since(clock.now()));
    watch.rounds(8, "in 1970").await;
    clock.step(start.duration_since(clock.now()));
    let moved = watch.gateway.handle.truth().at;
    watch.rounds(8, "back from 1970").await;
    // All the while something was counted.
    while watch.total <= 4321.0 || watch.computed <= 0.0 {
        watch.rounds(1, "at the end").await;
    }
    // The time of the data follows, too.
    let feed = hub.feed();
    let device = feed.snapshot().into_iter();
    let mut ecus = device.filter(|known| known.device.id.as_str() == watch.gateway.id());
    let state = ecus.next().unwrap().state;
    let Value::Timestamp(at) = state.value("data_time") else {
        panic!("{state:?}");
    };
    let off = clock.now().duration_since(*at).abs();
    // Its clock runs much faster than ours.
    let lived = watch.gateway.handle.truth().at.duration_since(moved);
    let most = lived + SignedDuration::from_hours(1);
    assert!(off < most, "{at} at {}", clock.now());
    stop.cancel();
    timeout(DEADLINE, running).await.unwrap().unwrap();
}
