//! A day of an inverter with 30 optimizers through the bridge, in the time that it takes to read it: with new
//! keys, an hour in which the server was away, starts anew of the inverter, of optimizers and of the bridge.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tokio_util::sync::CancellationToken;
use wattbridge::adapters::solaredge::simulator::{Exchange, InverterSettings, InverterTruth};
use wattbridge::adapters::solaredge::{ADAPTER, KIND};
use wattbridge::bridge::{Bridge, Hub, News, Setup};
use wattbridge::clock::Clock;
use wattbridge::config::Section;
use wattbridge::device::{Adapter, ConfiguredSource};
use wattbridge::links::{Event, Links, RecordedLine, Recording};
use wattbridge::model::{DeviceState, Update};
use wattbridge::simulation::{House, Sky};
use wattbridge::store::Store;

const KEY: &str = "00112233445566778899AABBCCDDEEFF";
const ADDRESS: &str = "tcp://127.0.0.1:2021";
const ZONE: &str = "Europe/Vienna";
/// The day that is looked at, and the evening before it.
const DAY: Date = date(2026, 6, 21);
const EVENING: jiff::civil::DateTime = date(2026, 6, 20).at(18, 0, 0, 0);

/// How long the disk may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A capture, and when its bytes came.
struct Captured {
    pieces: Vec<(Timestamp, Vec<u8>)>,
    truth: InverterTruth,
}

/// What is captured from one evening to the next midnight, and on a bit.
fn captured(faults: &[&str]) -> Captured {
    let zone = TimeZone::get(ZONE).unwrap();
    let begun = EVENING.to_zoned(zone).unwrap();
    let house = House::new(&begun, Sky::default()).at_speed(0.0);
    let settings = InverterSettings {
        optimizers: 30,
        key: Some(KEY.parse().unwrap()),
        rekey: 5 * 3600,
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        ..InverterSettings::new(house)
    };
    let begun = begun.timestamp();
    let mut exchange = Exchange::new(settings, begun.as_second());
    let end = begun + 29.hours();
    let mut pieces = Vec::new();
    while exchange.next_due() <= end.as_second() {
        let at = exchange.next_due();
        exchange.run_until(at);
        let bytes = exchange.take();
        if !bytes.is_empty() {
            // What is captured in a second comes when it is over.
            pieces.push((Timestamp::from_second(at + 1).unwrap(), bytes));
        }
    }
    let truth = exchange.truth().clone();
    Captured { pieces, truth }
}

/// The same as what comes over one connection.
fn recording(pieces: &[(Timestamp, Vec<u8>)]) -> Recording {
    let started = pieces[0].0;
    let line = |at: Timestamp, event| RecordedLine {
        after: Duration::try_from(at.duration_since(started)).unwrap(),
        connection: 1,
        event,
    };
    let mut lines = vec![
        line(started, Event::Open(ADDRESS.to_owned())),
        line(started, Event::Received(Exchange::head())),
    ];
    for (at, bytes) in pieces {
        lines.push(line(*at, Event::Received(bytes.clone())));
    }
    lines.push(line(pieces.last().unwrap().0, Event::Close));
    Recording {
        adapter: KIND.to_owned(),
        started,
        settings: Vec::new(),
        lines,
    }
}

/// What counters have shown. None may ever fall, but for those of a day at its first value.
#[derive(Default)]
struct Watch {
    counters: BTreeMap<(String, String), (Date, f64)>,
    seen: usize,
}

impl Watch {
    fn see(&mut self, state: &DeviceState) {
        let Some(at) = state.at else {
            return;
        };
        let day = at.to_zoned(TimeZone::get(ZONE).unwrap()).date();
        for key in ["energy_total", "energy_today"] {
            let Some(value) = state.value(key).as_number() else {
                continue;
            };
            let now = value.to_f64();
            let id = (state.device.to_string(), key.to_owned());
            // The day of the state before, and its value.
            let (known, before) = *self.counters.entry(id.clone()).or_insert((day, now));
            let begins_anew = key == "energy_today" && day > known;
            assert!(
                before <= now || begins_anew,
                "{id:?} {at}: {before} then {now}"
            );
            self.counters.insert(id, (day, now));
            self.seen += 1;
        }
    }

    fn shown(&self, device: &str, key: &str) -> f64 {
        let id = (device.to_owned(), key.to_owned());
        self.counters.get(&id).map_or(f64::NAN, |(_, value)| *value)
    }
}

fn source(pairs: &[(&str, &str)]) -> ConfiguredSource {
    let pairs = pairs.iter();
    let pairs: Vec<_> = pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let section = Section::from_pairs(KIND, &pairs).unwrap();
    ADAPTER.configure(&section).unwrap()
}

/// Runs a bridge on a part of the capture, until it has ended; or until what is expected is shown, which the
/// disk decides, and the disk knows no compressed time.
async fn run(
    pieces: &[(Timestamp, Vec<u8>)],
    store: &Path,
    watch: &mut Watch,
    expected: Option<&dyn Fn(&Watch) -> bool>,
) {
    let mut sources = vec![source(&[
        ("capture", ADDRESS),
        ("key", KEY),
        ("time_zone", ZONE),
    ])];
    // With one that is switched off a bridge waits to be stopped.
    if expected.is_some() {
        sources.push(source(&[("interface", "lo"), ("enabled", "false")]));
    }
    let recording = recording(pieces);
    let clock = Clock::manual(recording.started, TimeZone::get(ZONE).unwrap());
    let (store, saved) = Store::open(store);
    let (bridge, hub): (Bridge, Hub) = Bridge::new(Setup {
        sources,
        sums: Vec::new(),
        incomplete: Vec::new(),
        refused: 0,
        instance: "test".to_owned(),
        clock: clock.clone(),
        links: Links::replayed(recording.script(), clock),
        store: store.clone(),
        saved,
        save_every: Duration::from_secs(300),
        history: wattbridge::history::History::off(),
    });
    let mut feed = hub.feed();
    drop(hub);
    let stop = CancellationToken::new();
    let running = tokio::spawn(bridge.run(stop.clone()));
    while let Some(news) = tokio::time::timeout(PATIENCE, feed.next())
        .await
        .unwrap_or(None)
    {
        match news {
            News::Update(Update::State(state)) => watch.see(&state),
            News::Update(_) => {}
            News::Missed => {
                for known in feed.snapshot() {
                    watch.see(&known.state);
                }
            }
        }
        if expected.is_some_and(|is_shown| is_shown(watch)) {
            break;
        }
    }
    stop.cancel();
    running.await.unwrap();
    store.flush(Duration::from_secs(20));
    store.close();
}

/// Runs a day, with bridges that end at these hours of it, and compares what is known then.
async fn day(faults: &[&str], restarts: &[i64]) {
    let captured = captured(faults);
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let midnight = DAY.to_zoned(TimeZone::get(ZONE).unwrap()).unwrap();
    let mut watch = Watch::default();
    let mut rest = captured.pieces.as_slice();
    for hour in restarts {
        let until = midnight.timestamp() + hour.hours();
        let end = rest.partition_point(|(at, _)| *at < until);
        let (part, after) = rest.split_at(end);
        run(part, &store, &mut watch, None).await;
        rest = after;
    }
    // What is known in the last hour of the day.
    let until = midnight.timestamp() + 23.hours();
    let end = rest.partition_point(|(at, _)| *at < until);
    let truth = &captured.truth;
    let is_shown = |watch: &Watch| differences(truth, watch).is_empty();
    run(&rest[..end], &store, &mut watch, Some(&is_shown)).await;
    assert_eq!(differences(truth, &watch), Vec::<String>::new());
    // Not all: what is shown comes faster than anybody looks.
    assert!(watch.seen > 1000, "{}", watch.seen);
    assert!(truth.days[&DAY] > 20_000_000, "{:?}", truth.days);
    let panels = truth.panels.keys().filter(|(_, day)| *day == DAY);
    assert_eq!(panels.count(), 30);
}

/// Where what is shown is not what the roof has brought.
fn differences(truth: &InverterTruth, watch: &Watch) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |device: &str, key: &str, expected: f64, most: f64| {
        let shown = watch.shown(device, key) * 1000.0;
        // Nothing is no number, and no number is near.
        let is_right = (shown - expected).abs() <= most;
        if !is_right {
            found.push(format!("{device} {key}: {shown} instead of {expected}"));
        }
    };
    let inverter = "solaredge_7f1a2b3c_00";
    compare(inverter, "energy_total", truth.energy_total as f64, 0.01);
    // Its counter counts whole watt-hours.
    let expected = truth.days[&DAY] as f64 / 1000.0;
    compare(inverter, "energy_today", expected, 1.0);
    for ((serial, day), quarters) in &truth.panels {
        if *day != DAY {
            continue;
        }
        let id = format!("solaredge_{}", serial.to_string().to_lowercase()).replace('-', "_");
        // What is shown is rounded to watt-hours.
        compare(&id, "energy_today", *quarters as f64 / 4.0, 0.51);
    }
    found
}

#[tokio::test]
async fn a_quiet_day_is_counted_as_the_inverter_counts_it() {
    day(&[], &[]).await;
}

/// Times of faults count from the evening before, 6 hours before midnight.
#[tokio::test]
async fn a_day_of_trouble_is_counted_as_well() {
    let faults = [
        "new-session@14h..",
        "optimizer-restart=4@16h..",
        "restart@18h10m..",
        "server-away@19h..20h",
        "optimizer-restart=17@22h5m..",
        "reset@23h..",
        "optimizer-restart=4@24h..",
    ];
    day(&faults, &[15]).await;
}

/// The bridge ends while the server is away, and in the morning before the first record.
#[tokio::test]
async fn bridges_that_end_at_bad_moments_lose_nothing() {
    let faults = ["server-away@19h..20h", "restart@19h30m.."];
    day(&faults, &[3, 13, 16]).await;
}
