//! How long it takes from the bytes of an ECU to messages that are ready for the broker.
//!
//! * `in memory`: one round of answers (the ECU, 20 inverters, radio quality), replayed through the
//!   real adapter, the bridge with its guards and derived metrics, and a feed, until the state
//!   messages of all devices are there as JSON. What is left out is waiting and sockets.
//! * `over sockets`: from the moment the simulated ECU has written its last answer of a round until
//!   somebody else on a real Mosquitto has the state of its last inverter. Passed over where there
//!   is no Mosquitto.

// What goes wrong in here shall end it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tokio::runtime::Runtime;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use wattbridge::adapters::aps_ecu::simulator::{
    EcuAct, EcuEvent, EcuSettings, Model, Plant, SimulatedEcu,
};
use wattbridge::adapters::aps_ecu::wire::{EcuId, Request};
use wattbridge::adapters::find;
use wattbridge::bridge::{Bridge, Hub, News, Setup};
use wattbridge::clock::Clock;
use wattbridge::config::Section;
use wattbridge::device::ConfiguredSource;
use wattbridge::links::{Event as Line, Links, RecordedLine as At, Recording};
use wattbridge::model::{DeviceId, Update};
use wattbridge::outputs::home_assistant::{HomeAssistantSettings, preview_state, run};
use wattbridge::outputs::mqtt::MqttSettings;
use wattbridge::outputs::mqtt::session::{Event, Events, Session};
use wattbridge::store::{Identity, Store};

use support::mosquitto::{self, Mosquitto};

const ECU: &str = "216200000001";
/// Rounds of one recording: from eight o'clock on, and all in daylight.
const ROUNDS: usize = 100;
/// States of one round: the ECU and its inverters.
const STATES: usize = answers::INVERTERS as usize + 1;

fn runtime() -> Runtime {
    // As the program itself.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

fn source(pairs: &[(&str, String)]) -> ConfiguredSource {
    let owned = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    let section = Section::from_pairs("aps_ecu", &owned.collect::<Vec<_>>()).unwrap();
    find("aps_ecu").unwrap().configure(&section).unwrap()
}

fn bridge(source: ConfiguredSource, clock: Clock, links: Links) -> (Bridge, Hub) {
    let (store, saved) = Store::in_memory();
    Bridge::new(Setup {
        sources: vec![source],
        sums: Vec::new(),
        incomplete: Vec::new(),
        refused: 0,
        instance: "bench".to_owned(),
        clock,
        links,
        store,
        saved,
        save_every: Duration::MAX,
        history: wattbridge::history::History::off(),
    })
}

fn morning() -> Timestamp {
    "2026-06-21T08:00:00Z".parse().unwrap()
}

/// Each answer on a connection of its own, as the ECU has it.
fn recording() -> Recording {
    let ecu: EcuId = ECU.parse().unwrap();
    let mut lines = Vec::new();
    let mut connection = 0;
    for round in 0..ROUNDS as u64 {
        let after = Duration::from_secs(round * 300);
        let local = (morning() + after).to_zoned(TimeZone::UTC).datetime();
        let mut questions = vec![
            Some(answers::info(ecu, 5_000_000 + round * 900, round * 900)),
            Some(answers::telemetry(local.checked_sub(20.seconds()).unwrap())),
            Some(answers::signal()),
        ];
        if round == 0 {
            // The clock, which not every firmware tells.
            questions.insert(1, None);
        }
        for answer in questions {
            connection += 1;
            let opened = Line::Open("127.0.0.1:8899".to_owned());
            for event in [opened].into_iter().chain(answer.map(Line::Received)) {
                lines.push(At {
                    after,
                    connection,
                    event,
                });
            }
        }
    }
    Recording {
        adapter: "aps_ecu".to_owned(),
        started: morning(),
        settings: Vec::new(),
        lines,
    }
}

/// Plays a recording as fast as it goes; how long one round took on average.
async fn replay(recording: &Recording) -> Duration {
    let clock = Clock::manual(recording.started, TimeZone::UTC);
    let links = Links::replayed(recording.script(), clock.clone());
    let (bridge, hub) = bridge(source(&[("host", "127.0.0.1".to_owned())]), clock, links);
    let mut feed = hub.feed();
    drop(hub);
    let bridge = tokio::spawn(bridge.run(CancellationToken::new()));
    let ecu = DeviceId::new("aps_ecu", ECU);
    // When the values of the ECU, which are the first of a round, were ready.
    let mut ready = Vec::new();
    let mut latest = None;
    let mut states = 0;
    while let Some(news) = feed.next().await {
        let News::Update(Update::State(state)) = news else {
            continue;
        };
        let known = feed.get(&state.device).unwrap();
        black_box(preview_state(&known, Default::default()));
        states += 1;
        if state.device == ecu && state.at != latest {
            latest = state.at;
            ready.push(Instant::now());
        }
    }
    bridge.await.unwrap();
    assert_eq!(ready.len(), ROUNDS, "rounds");
    assert!(states >= ROUNDS * STATES, "only {states} states");
    // The first round describes every device and is another matter.
    let periods = u32::try_from(ROUNDS - 2).unwrap();
    (ready[ROUNDS - 1] - ready[1]) / periods
}

fn in_memory(c: &mut Criterion) {
    let runtime = runtime();
    let recording = recording();
    c.bench_function("decode_to_publish/in memory", |b| {
        b.iter_custom(|rounds| {
            let replays = u32::try_from(rounds.div_ceil(ROUNDS as u64)).unwrap();
            let all: Duration = (0..replays)
                .map(|_| runtime.block_on(replay(&recording)))
                .sum();
            (all / replays) * u32::try_from(rounds).unwrap()
        });
    });
}

/// How long it takes from the last answer of a round to a message on this topic. Rounds that change
/// nothing are passed over.
async fn next_round(
    events: &mut Receiver<EcuEvent>,
    messages: &mut Events,
    topic: &str,
) -> Duration {
    let mut answered = None;
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Ok(event) => {
                    if let EcuAct::Answered { request: Request::Signal { .. }, .. } = event.what {
                        answered = Some(Instant::now());
                    }
                }
                // Nobody listened while the last messages came.
                Err(RecvError::Lagged(_)) => {}
                Err(closed) => panic!("{closed}"),
            },
            message = messages.recv() => match message.unwrap() {
                Event::Received(message) if message.topic == topic => {
                    if let Some(answered) = answered.take() {
                        return answered.elapsed();
                    }
                }
                _ => {}
            },
        }
    }
}

fn over_sockets(c: &mut Criterion) {
    let Some(broker) = Mosquitto::launch(&mosquitto::Setup::default()) else {
        return;
    };
    let runtime = runtime();
    let mqtt = MqttSettings {
        port: Some(broker.port()),
        ..MqttSettings::default()
    };
    let stop = CancellationToken::new();
    let (mut events, mut messages, topic) = runtime.block_on(start(&mqtt, &stop));
    let mut group = c.benchmark_group("decode_to_publish");
    // Each round takes a second of waiting.
    group.sample_size(20).sampling_mode(SamplingMode::Flat);
    group
        .warm_up_time(Duration::from_secs(5))
        .measurement_time(Duration::from_secs(20));
    group.bench_function("over sockets", |b| {
        b.iter_custom(|rounds| {
            let mut all = Duration::ZERO;
            for _ in 0..rounds {
                all += runtime.block_on(next_round(&mut events, &mut messages, &topic));
            }
            all
        });
    });
    group.finish();
    stop.cancel();
}

/// Starts an ECU with 20 inverters that has new values every second, a bridge and a subscriber.
async fn start(
    mqtt: &MqttSettings,
    stop: &CancellationToken,
) -> (Receiver<EcuEvent>, Events, String) {
    let inverters = "8xDS3,8xQS1,4xYC1000".parse().unwrap();
    let plant = Plant::new(Model::EcuRPro, ECU.parse().unwrap(), &inverters).unwrap();
    let settings = EcuSettings {
        cycle: Duration::from_secs(1),
        ..EcuSettings::new(plant)
    };
    let eleven = jiff::Zoned::now().date().at(11, 0, 0, 0);
    settings.house.jump_to(eleven);
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let simulator = SimulatedEcu::start(settings, anywhere).await.unwrap();
    let events = simulator.events();
    let mut settings = mqtt.connection(&Identity::named("bench")).unwrap();
    (settings.client_id, settings.will) = ("subscriber".to_owned(), None);
    let (session, mut messages) = Session::start(settings, stop.clone());
    while messages.recv().await != Some(Event::Connected) {}
    session.subscribe(&["wattbridge/+/state"]).await.unwrap();

    let second = || "1s".to_owned();
    let source = source(&[
        ("host", "127.0.0.1".to_owned()),
        ("port", simulator.listens().port().to_string()),
        ("interval", second()),
        ("night_interval", second()),
        ("phase_lock", "false".to_owned()),
        ("quiet", String::new()),
    ]);
    let (bridge, hub) = bridge(source, Clock::system(), Links::new());
    tokio::spawn(run(
        mqtt.clone(),
        HomeAssistantSettings::default(),
        Identity::named("bench"),
        hub.feed(),
        stop.clone(),
    ));
    tokio::spawn(bridge.run(stop.clone()));
    let kept = stop.clone();
    tokio::spawn(async move {
        // The simulator and the subscription end with what holds them.
        let _held = (simulator, session);
        kept.cancelled().await;
    });
    (
        events,
        messages,
        format!("wattbridge/{}/state", DeviceId::new("aps_ecu", ECU)),
    )
}

criterion_group!(benches, in_memory, over_sockets);
criterion_main!(benches);
