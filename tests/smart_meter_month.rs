//! A month of houses with a P1 port through the bridge, in the time that it takes to read it: the gas meter is
//! exchanged, clocks are changed or wrong, telegrams are damaged, and the bridge starts anew.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use tokio_util::sync::CancellationToken;
use wattbridge::adapters::smart_meter::simulator::{Model, Series, Telegram};
use wattbridge::adapters::smart_meter::{ADAPTER, KIND};
use wattbridge::bridge::{Bridge, Hub, News, Setup};
use wattbridge::clock::Clock;
use wattbridge::config::Section;
use wattbridge::device::{Adapter, ConfiguredSource};
use wattbridge::links::{Event, Links, RecordedLine, Recording};
use wattbridge::model::{DeviceState, Update};
use wattbridge::simulation::year::Supply;
use wattbridge::store::Store;

const ADDRESS: &str = "tcp://127.0.0.1:2001";
/// Few, so that a month passes quickly; they are read one by one all the same.
const PACE: Duration = Duration::from_secs(900);
/// What separates telegrams comes so often between two of them, less one.
const PARTS: u32 = 45;
/// How long the disk may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// No counter of these may ever fall.
const COUNTERS: [&str; 9] = [
    "energy_import",
    "energy_import_t1",
    "energy_import_t2",
    "energy_export",
    "energy_export_t1",
    "energy_export_t2",
    "gas",
    "water",
    "heat",
];

/// A house and what happens in it.
struct Month {
    model: &'static str,
    zone: &'static str,
    begun: &'static str,
    days: u32,
    /// Times count from the beginning.
    faults: &'static [&'static str],
    /// Hours after the beginning at which the bridge ends and another begins.
    restarts: &'static [i64],
}

impl Month {
    fn begun(&self) -> Zoned {
        let begun: jiff::civil::DateTime = self.begun.parse().unwrap();
        begun.to_zoned(TimeZone::get(self.zone).unwrap()).unwrap()
    }

    fn telegrams(&self) -> Vec<Telegram> {
        let model = Model::named(self.model).unwrap();
        let key = "000102030405060708090A0B0C0D0E0F".parse().unwrap();
        let rules: Vec<_> = self.faults.iter().map(|it| it.parse().unwrap()).collect();
        let series = Series::new(model, key, None, PACE);
        let mut series = series.beginning(&self.begun()).with_faults(&rules);
        let count = u64::from(self.days) * 86_400 / PACE.as_secs();
        let mut all: Vec<Telegram> = (0..count).map(|_| series.telegram().unwrap()).collect();
        // The last one is to arrive as it was sent.
        while all
            .pop_if(|last| last.frames.concat().trim_ascii() != last.message.trim_ascii())
            .is_some()
        {}
        all
    }

    fn source(&self) -> ConfiguredSource {
        let pairs = [
            ("port", ADDRESS),
            ("time_zone", self.zone),
            ("silent_after", "1h"),
        ];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let section = Section::from_pairs(KIND, &pairs).unwrap();
        ADAPTER.configure(&section).unwrap()
    }
}

fn recording(telegrams: &[Telegram]) -> Recording {
    let started = telegrams[0].at;
    let line = |at: Timestamp, event| RecordedLine {
        after: Duration::try_from(at.duration_since(started)).unwrap(),
        connection: 1,
        event,
    };
    let mut lines = vec![line(started, Event::Open(ADDRESS.to_owned()))];
    for telegram in telegrams {
        lines.push(line(telegram.at, Event::Received(telegram.frames.concat())));
        // A server from which nothing at all comes would be connected to anew.
        for part in 1..PARTS {
            let at = telegram.at + PACE / PARTS * part;
            lines.push(line(at, Event::Received(vec![0])));
        }
    }
    let end = telegrams.last().unwrap().at + PACE;
    lines.push(line(end, Event::Close));
    Recording {
        adapter: KIND.to_owned(),
        started,
        settings: Vec::new(),
        lines,
    }
}

/// What was shown last, by device and key.
#[derive(Default)]
struct Watch {
    shown: BTreeMap<(String, String), f64>,
    states: usize,
}

impl Watch {
    fn see(&mut self, state: &DeviceState) {
        self.states += 1;
        for key in COUNTERS {
            let Some(value) = state.value(key).as_number() else {
                continue;
            };
            let id = (state.device.to_string(), key.to_owned());
            let before = self.shown.insert(id, value.to_f64()).unwrap_or(0.0);
            let (now, at) = (value.to_f64(), state.at);
            assert!(
                before <= now,
                "{} {key} {at:?}: {before}, {now}",
                state.device
            );
        }
    }

    fn value(&self, device: &str, key: &str) -> Option<f64> {
        self.shown
            .get(&(device.to_owned(), key.to_owned()))
            .copied()
    }
}

/// Runs a bridge on a part of the month, until it has ended; or until what is expected is shown.
async fn run(
    month: &Month,
    telegrams: &[Telegram],
    store: &Path,
    watch: &mut Watch,
    expected: Option<&BTreeMap<(String, String), f64>>,
) {
    let mut sources = vec![month.source()];
    if expected.is_some() {
        // With one that is switched off a bridge waits to be stopped.
        let pairs = [("port", "tcp://127.0.0.1:2002"), ("enabled", "false")];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let section = Section::from_pairs(KIND, &pairs).unwrap();
        sources.push(ADAPTER.configure(&section).unwrap());
    }
    let recording = recording(telegrams);
    let clock = Clock::manual(recording.started, TimeZone::get(month.zone).unwrap());
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
    let waiting = async {
        while let Some(news) = feed.next().await {
            match news {
                News::Update(Update::State(state)) => watch.see(&state),
                News::Update(_) => {}
                News::Missed => {
                    for known in feed.snapshot() {
                        watch.see(&known.state);
                    }
                }
            }
            if expected.is_some_and(|expected| differences(expected, watch).is_empty()) {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, waiting).await;
    stop.cancel();
    running.await.unwrap();
    store.flush(Duration::from_secs(20));
    store.close();
}

fn differences(expected: &BTreeMap<(String, String), f64>, watch: &Watch) -> Vec<String> {
    let wrong = expected.iter().filter_map(|((device, key), right)| {
        let shown = watch.value(device, key);
        let is_right = shown.is_some_and(|shown| (shown - right).abs() < 0.000_5);
        (!is_right).then(|| format!("{device} {key}: {shown:?} instead of {right}"))
    });
    wrong.collect()
}

const fn key(supply: Supply) -> &'static str {
    match supply {
        Supply::Gas => "gas",
        Supply::Water => "water",
        Supply::Heat => "heat",
        Supply::Electricity => "energy",
    }
}

/// What the meters have counted at the end, whether they are still there or not.
fn truth(number: &str, telegrams: &[Telegram]) -> BTreeMap<(String, String), f64> {
    let last = telegrams.last().unwrap();
    let p1 = last.p1.as_ref().unwrap();
    let mut truth = BTreeMap::new();
    let main = format!("{KIND}_{}", number.to_lowercase());
    let mut put = |device: &str, key: &str, thousandths: u64| {
        truth.insert(
            (device.to_owned(), key.to_owned()),
            thousandths as f64 / 1000.0,
        );
    };
    put(&main, "energy_import", last.sample.energy_import.into());
    put(&main, "energy_export", last.sample.energy_export.into());
    for (tariff, energy) in p1.energy_import.iter().enumerate() {
        put(
            &main,
            &format!("energy_import_t{}", tariff + 1),
            (*energy).into(),
        );
    }
    for behind in &p1.behind {
        let device = format!("{KIND}_{}", behind.number.to_lowercase());
        put(&device, key(behind.supply), behind.count);
    }
    truth
}

async fn passes(month: Month) {
    let telegrams = month.telegrams();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let begun = month.begun().timestamp();
    let mut watch = Watch::default();
    let mut rest = telegrams.as_slice();
    for hours in month.restarts {
        let until = begun + hours.hours();
        let end = rest.partition_point(|telegram| telegram.at < until);
        let (part, after) = rest.split_at(end);
        run(&month, part, &store, &mut watch, None).await;
        rest = after;
    }
    let truth = truth(Model::named(month.model).unwrap().number, &telegrams);
    run(&month, rest, &store, &mut watch, Some(&truth)).await;
    assert_eq!(differences(&truth, &watch), Vec::<String>::new());
    // The meter, both gas meters, and what else is behind it.
    assert!(truth.len() >= 6, "{truth:?}");
    assert!(watch.states > 1000, "{}", watch.states);
    // Nobody else is named, and no counter besides.
    let known = watch
        .shown
        .keys()
        .filter(|(_, key)| key != "energy_export_t1" && key != "energy_export_t2");
    let unknown: Vec<_> = known.filter(|id| !truth.contains_key(*id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[tokio::test]
async fn a_dutch_october_is_counted_as_the_meters_count_it() {
    passes(Month {
        model: "dsmr5",
        zone: "Europe/Amsterdam",
        begun: "2026-10-01T00:00:00",
        days: 32,
        faults: &[
            "gas-exchanged@10d2h..",
            "clock-late=3years@14d..15d",
            "gas-zero@18d..18d1h",
            "wrong-digit@5%",
            "cut@3%",
        ],
        // In the middle of the wrong clock, and in the hour that comes twice.
        restarts: &[7 * 24, 14 * 24 + 5, 24 * 24 + 3],
    })
    .await;
}

#[tokio::test]
async fn a_belgian_march_is_counted_as_the_meters_count_it() {
    passes(Month {
        model: "fluvius",
        zone: "Europe/Brussels",
        begun: "2026-03-01T00:00:00",
        days: 31,
        faults: &[
            "gas-exchanged@20d2h..",
            "clock-not-set@5d..5d12h",
            "line-lost@4%",
            "glued@4%",
            "gas-zero@12d..12d1h",
            "capture-ahead=2h@25d..26d",
        ],
        restarts: &[5 * 24 + 6, 20 * 24 + 3, 28 * 24 + 2],
    })
    .await;
}
