//! What every adapter has to keep to, whatever its device. A new one is tested here without a line
//! being added.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use wattbridge::adapters::{ADAPTERS, find};
use wattbridge::bridge::{Bridge, Hub, Setup};
use wattbridge::clock::Clock;
use wattbridge::config::{File, Section};
use wattbridge::device::{
    Adapter, BoxFuture, ConfiguredSource, Context, Probed, Source, SourceError,
};
use wattbridge::links::Links;
use wattbridge::model::reserved::is_reserved;
use wattbridge::model::{
    Behavior, Decimal, Derivation, Device, DeviceState, Health, HealthCode, Metric, OnOff,
    Quantity, Readings, Report, Role, Value,
};
use wattbridge::outputs::home_assistant::{HomeAssistantSettings, lint, preview};
use wattbridge::outputs::mqtt::MqttSettings;
use wattbridge::simulation::House;
use wattbridge::store::{Identity, Store};

/// Sections that are not of devices.
const TAKEN: &[&str] = &["mqtt", "home_assistant", "store", "log", "wattbridge"];
/// An adapter, and one of its tables of metrics.
fn tables() -> impl Iterator<Item = (&'static dyn Adapter, &'static [Metric])> {
    ADAPTERS.iter().flat_map(|adapter| {
        let tables = adapter.tables().iter();
        tables.map(move |table| (*adapter, *table))
    })
}

fn is_snake_case(word: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(fits)
        && !word.contains("__")
        && !word.ends_with('_')
}

/// The first section in the example of the adapter's page.
fn example(adapter: &dyn Adapter) -> Section {
    let page = adapter.page();
    let file = File::parse(page.example, "the example").unwrap_or_else(|wrong| panic!("{wrong}"));
    let unknown = file.unknown_sections(&[adapter.kind()]);
    assert!(unknown.is_empty(), "{unknown}");
    file.sections(adapter.kind()).remove(0)
}

/// The keys of the adapter's section, with what is said about each.
fn keys(adapter: &dyn Adapter) -> Vec<(String, String)> {
    let schema = serde_json::to_value(adapter.page().schema).unwrap();
    let keys = schema["properties"].as_object().unwrap().iter();
    keys.map(|(key, about)| {
        let about = about["description"].as_str().unwrap_or_default();
        (key.clone(), about.to_owned())
    })
    .collect()
}

#[test]
fn names_are_unique_and_sane() {
    let (mut kinds, mut scanners) = (BTreeSet::new(), BTreeSet::new());
    for adapter in ADAPTERS {
        let kind = adapter.kind();
        assert!(is_snake_case(kind) && !TAKEN.contains(&kind), "{kind}");
        assert!(kinds.insert(kind), "{kind} is there twice");
        let found = find(&kind.replace('_', "-")).unwrap();
        assert_eq!(found.kind(), kind);

        let title = adapter.title();
        assert!(title.starts_with(char::is_uppercase), "{kind}: {title}");
        assert!(
            title.len() <= 80 && !title.ends_with('.'),
            "{kind}: {title}"
        );

        if let Some(scanner) = adapter.scanner() {
            assert!(
                scanners.insert(scanner.name()),
                "{} is there twice",
                scanner.name()
            );
            assert!(is_snake_case(scanner.name()) && scanner.port() != 0);
        }
    }
}

#[test]
fn commands_are_sound() {
    wattbridge::cli::command().debug_assert();
    for adapter in ADAPTERS {
        if let Some(simulator) = adapter.simulator() {
            simulator.command().debug_assert();
        }
        let mut names = BTreeSet::from(["help".to_owned()]);
        for tool in adapter.tools() {
            tool.command().debug_assert();
            let name = tool.command().get_name().to_owned();
            assert!(
                names.insert(name.clone()),
                "{}: {name} is there twice",
                adapter.kind()
            );
        }
    }
}

#[test]
fn keys_of_metrics_are_words_of_their_own() {
    for (adapter, table) in tables() {
        let mut seen = BTreeSet::new();
        for metric in table {
            let key = metric.key.as_ref();
            assert!(is_snake_case(key), "{}: {key}", adapter.kind());
            assert!(!is_reserved(key), "{}: {key} is reserved", adapter.kind());
            assert!(seen.insert(key), "{}: {key} is there twice", adapter.kind());
        }
    }
}

#[test]
fn computed_metrics_have_an_origin_that_fits() {
    for (adapter, table) in tables() {
        let named = |key: &str| table.iter().find(|metric| metric.key == key);
        for metric in table {
            let (origin, fits): (_, fn(&Metric) -> bool) = match &metric.derived {
                None => continue,
                Some(Derivation::IntegralOf(key)) => (key, |origin| {
                    origin.behavior == Behavior::Measurement
                        && origin.quantity == Some(Quantity::Power)
                }),
                Some(Derivation::SinceMidnightOf(key)) => (key, |origin| {
                    origin.behavior == Behavior::LifetimeCounter
                        && origin.quantity == Some(Quantity::Energy)
                }),
            };
            let found = named(origin).filter(|origin| origin.derived.is_none() && fits(origin));
            assert!(
                found.is_some() && metric.quantity == Some(Quantity::Energy),
                "{}: {} of {origin}",
                adapter.kind(),
                metric.key
            );
            assert!(metric.is_counter(), "{}: {}", adapter.kind(), metric.key);
        }
    }
}

#[test]
fn home_assistant_takes_every_metric() {
    for (adapter, table) in tables() {
        let mut device = Device::new(adapter.kind(), "000000000001", "Example", "Somebody");
        device.metrics = table.to_vec();
        assert_eq!(lint(std::slice::from_ref(&device)), Vec::<String>::new());
        let (mqtt, settings) = (MqttSettings::default(), HomeAssistantSettings::default());
        let announced = preview(&[device], &mqtt, &settings, &Identity::named("b2c3d4"))
            .remove(0)
            .1;
        let components = announced["components"].as_object().unwrap();
        assert_eq!(components.len(), table.len());
        for metric in table {
            let entity = &components[metric.key.as_ref()];
            let what = format!("{}: {entity}", adapter.kind());
            check_class(metric, entity, &what);
            // Home Assistant has no word of its own for an entity without a class.
            assert!(
                entity["device_class"].is_string() || entity["name"].is_string(),
                "{what}"
            );
            // Quarters of a watt-hour need five.
            assert!(metric.decimals <= 5, "{what}");
            if let Behavior::State(options) = &metric.behavior {
                assert!(options.iter().any(|option| option == "other"), "{what}");
            }
        }
    }
}

/// Class, state class and unit fit what the metric is.
fn check_class(metric: &Metric, entity: &serde_json::Value, what: &str) {
    let class = entity["device_class"].as_str();
    let state_class = entity["state_class"].as_str();
    let unit = entity["unit_of_measurement"].as_str();
    assert_eq!(unit, metric.unit(), "{what}");
    match &metric.behavior {
        Behavior::Measurement => {
            assert_eq!(state_class, Some("measurement"), "{what}");
            let without = [
                Quantity::Charge,
                Quantity::Resistance,
                Quantity::SignalQuality,
                Quantity::Ratio,
                Quantity::Angle,
                Quantity::Count,
            ];
            let quantity = metric.quantity.unwrap_or_else(|| panic!("{what}"));
            assert_eq!(class.is_none(), without.contains(&quantity), "{what}");
        }
        Behavior::LifetimeCounter | Behavior::DailyCounter => {
            assert_eq!(state_class, Some("total_increasing"), "{what}");
            let without = [Quantity::Charge, Quantity::Count];
            let quantity = metric.quantity.unwrap_or_else(|| panic!("{what}"));
            assert_eq!(class.is_none(), without.contains(&quantity), "{what}");
        }
        Behavior::Figure => {
            assert_eq!(state_class, None, "{what}");
            assert!(metric.quantity.is_some(), "{what}");
        }
        Behavior::State(_) => assert_eq!((class, state_class), (Some("enum"), None), "{what}"),
        Behavior::Text => assert_eq!((class, state_class), (None, None), "{what}"),
        Behavior::Timestamp => {
            assert_eq!((class, state_class), (Some("timestamp"), None), "{what}");
        }
        Behavior::OnOff(meaning) => {
            assert_eq!(entity["platform"], "binary_sensor", "{what}");
            assert_eq!(class.is_none(), *meaning == OnOff::Plain, "{what}");
        }
    }
}

#[test]
fn the_example_of_the_page_works() {
    for adapter in ADAPTERS {
        let page = adapter.page();
        assert_eq!(page.heading, format!("[[{}]]", adapter.kind()));
        assert!(
            page.about.ends_with('.') && page.example.ends_with('\n'),
            "{}",
            adapter.kind()
        );
        let section = example(*adapter);
        let source = adapter
            .configure(&section)
            .unwrap_or_else(|wrong| panic!("{wrong}"))
            .source;
        assert_eq!(source.adapter(), adapter.kind());
        assert!(!source.label().is_empty());
        assert!(adapter.decoder(&section).is_ok());
    }
}

#[test]
fn every_key_is_described_and_has_a_default() {
    for adapter in ADAPTERS {
        let defaults = adapter.page().defaults;
        for (key, about) in keys(*adapter) {
            assert!(is_snake_case(&key), "{}: {key}", adapter.kind());
            assert!(
                about.ends_with(['.', '`']),
                "{}: {key}: \"{about}\"",
                adapter.kind()
            );
            assert!(
                defaults.get(&key).is_some(),
                "{}: {key} has no default",
                adapter.kind()
            );
        }
    }
}

#[test]
fn unknown_keys_are_refused_with_a_suggestion() {
    for adapter in ADAPTERS {
        let keys = keys(*adapter);
        for (key, _) in keys.iter().filter(|(key, _)| key.len() > 3) {
            let misspelt = format!("{key}{}", &key[key.len() - 1..]);
            let text = format!("[[{}]]\n{misspelt} = 1\n", adapter.kind());
            let file = File::parse(&text, "test.toml").unwrap();
            let section = file.sections(adapter.kind()).remove(0);
            let told = adapter.configure(&section).unwrap_err().to_string();
            assert!(
                told.contains(&format!("test.toml:2:1: unknown key \"{misspelt}\"")),
                "{told}"
            );
            assert!(told.contains(&format!("did you mean \"{key}\"")), "{told}");
        }
    }
}

#[test]
fn an_address_sets_keys_that_there_are() {
    for adapter in ADAPTERS {
        let keys = keys(*adapter);
        for (key, _) in adapter.address("192.168.1.50") {
            assert!(
                keys.iter().any(|(known, _)| known == key),
                "{}: {key}",
                adapter.kind()
            );
        }
    }
}

fn bridge(sources: Vec<ConfiguredSource>, clock: Clock) -> (Bridge, Hub) {
    let (store, saved) = Store::in_memory();
    Bridge::new(Setup {
        sources,
        sums: Vec::new(),
        incomplete: Vec::new(),
        refused: 0,
        instance: "test".to_owned(),
        clock,
        links: Links::new(),
        store,
        saved,
        save_every: Duration::MAX,
        history: wattbridge::history::History::off(),
    })
}

const PATIENCE: Duration = Duration::from_secs(600);

/// A device with all metrics of a table, of which all is said once, after a word about its health,
/// and nothing after that but further such words.
#[derive(Debug)]
struct Silent {
    kind: &'static str,
    table: &'static [Metric],
    before: HealthCode,
    after: &'static [HealthCode],
}

impl Silent {
    fn device(&self) -> Device {
        let mut device = Device::new(self.kind, "000000000001", "Example", "Somebody");
        device.metrics = self.table.to_vec();
        device.patience = Some(PATIENCE);
        device
    }

    /// Something that each metric can be.
    fn readings(&self, at: Timestamp) -> Readings {
        let mut readings = Readings::new(self.device().id, at);
        for metric in self.table.iter().filter(|metric| metric.derived.is_none()) {
            let value = match &metric.behavior {
                Behavior::Measurement
                | Behavior::Figure
                | Behavior::LifetimeCounter
                | Behavior::DailyCounter => Value::from(Decimal::integer(1)),
                Behavior::State(options) => Value::Text(options[0].clone()),
                Behavior::Text => Value::from("words"),
                Behavior::Timestamp => Value::from(at),
                Behavior::OnOff(_) => Value::from(true),
            };
            readings.push(metric.key.clone(), value);
        }
        readings
    }
}

impl Source for Silent {
    fn adapter(&self) -> &'static str {
        self.kind
    }

    fn spoken(&self) -> &'static str {
        self.kind
    }

    fn label(&self) -> String {
        "silent".to_owned()
    }

    fn run(self: Arc<Self>, context: Context) -> BoxFuture<Result<(), SourceError>> {
        Box::pin(async move {
            let device = self.device();
            let id = device.id.clone();
            let reports = &context.reports;
            reports.send(Report::Device(Box::new(device))).await?;
            let health = |code| Report::Health(id.clone(), Health::new(code));
            reports.send(health(self.before)).await?;
            let readings = self.readings(context.clock.now());
            reports.send(Report::Readings(readings)).await?;
            for code in self.after.iter().cycle() {
                reports.send(health(*code)).await?;
                context.clock.sleep(Duration::from_secs(60)).await;
            }
            std::future::pending().await
        })
    }

    fn probe(self: Arc<Self>, _: Links) -> BoxFuture<Result<Probed, String>> {
        Box::pin(async { Ok(Probed::default()) })
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_nobody_confirms_are_unknown_whatever_is_said_of_the_health() {
    let of_device = |metric: &Metric| metric.role != Role::Connection;
    for (adapter, table) in tables().filter(|(_, table)| table.iter().any(of_device)) {
        let kind = adapter.kind();
        let source = Arc::new(Silent {
            kind,
            table,
            before: HealthCode::Starting,
            after: &[HealthCode::Online, HealthCode::Retrying],
        });
        let id = source.device().id;
        let start = "2026-06-21T12:00:00Z".parse().unwrap();
        let clock = Clock::following_tokio(start, TimeZone::UTC);
        let (bridge, hub) = bridge(vec![source.into()], clock.clone());
        let stop = CancellationToken::new();
        let running = tokio::spawn(bridge.run(stop.clone()));
        let state = || {
            let known = hub.feed().get(&id).unwrap();
            known.state
        };
        sleep(PATIENCE - Duration::from_secs(1)).await;
        let before = state();
        assert!(before.health.code.has_data(), "{kind}");
        for metric in table.iter().filter(|metric| metric.derived.is_none()) {
            assert!(
                before.value(&metric.key).is_known(),
                "{kind}: {}",
                metric.key
            );
        }
        // A clock that is set makes no difference.
        clock.step(jiff::SignedDuration::from_hours(-3));
        sleep(Duration::from_secs(2)).await;
        let after = state();
        assert_eq!(after.health.code, HealthCode::Stale, "{kind}");
        assert!(!after.health.advice.is_empty(), "{kind}");
        only_counters_stay(table, &before, &after, kind);
        stop.cancel();
        running.await.unwrap();
    }
}

/// What was measured is unknown; what was counted, and what is known of the connection, is as before.
fn only_counters_stay(table: &[Metric], before: &DeviceState, after: &DeviceState, what: &str) {
    for metric in table {
        let stays = metric.is_counter() || metric.role == Role::Connection;
        let expected = if stays {
            before.value(&metric.key)
        } else {
            &Value::Unknown
        };
        assert_eq!(after.value(&metric.key), expected, "{what}: {}", metric.key);
    }
}

#[tokio::test(start_paused = true)]
async fn values_after_a_word_of_any_health_are_unknown_too_when_nobody_confirms_them() {
    let of_device = |metric: &Metric| metric.role != Role::Connection;
    for (adapter, table) in tables().filter(|(_, table)| table.iter().any(of_device)) {
        let kind = adapter.kind();
        for code in HealthCode::ALL {
            let source = Arc::new(Silent {
                kind,
                table,
                before: *code,
                after: &[],
            });
            let id = source.device().id;
            let start = "2026-06-21T12:00:00Z".parse().unwrap();
            let clock = Clock::following_tokio(start, TimeZone::UTC);
            let (bridge, hub) = bridge(vec![source.into()], clock);
            let stop = CancellationToken::new();
            let running = tokio::spawn(bridge.run(stop.clone()));
            sleep(PATIENCE - Duration::from_secs(1)).await;
            let before = hub.feed().get(&id).unwrap().state;
            sleep(Duration::from_secs(2)).await;
            let after = hub.feed().get(&id).unwrap().state;
            assert!(!after.health.code.has_data(), "{kind}: {code:?}");
            only_counters_stay(table, &before, &after, &format!("{kind}: {code:?}"));
            stop.cancel();
            running.await.unwrap();
        }
    }
}

/// Real sources: simulated devices where there are any for the demonstration, else the example of
/// the page.
#[tokio::test]
async fn every_device_says_how_long_its_values_hold() {
    let house = House::of_the_demo(&jiff::Zoned::now());
    for adapter in ADAPTERS {
        let kind = adapter.kind();
        let stop = CancellationToken::new();
        let simulated = match adapter.simulator() {
            Some(simulator) => simulator.demonstrate(house.clone(), stop.clone()).await,
            None => Ok(Vec::new()),
        };
        let simulated = simulated.unwrap();
        let sections = simulated
            .iter()
            .map(|keys| Section::from_pairs(kind, keys).unwrap());
        let mut sections: Vec<Section> = sections.collect();
        if sections.is_empty() {
            sections.push(example(*adapter));
        }
        let sources = sections
            .iter()
            .map(|section| adapter.configure(section).unwrap());
        let (bridge, hub) = bridge(sources.collect(), Clock::system());
        let mut feed = hub.feed();
        let running = tokio::spawn(bridge.run(stop.clone()));
        let of_adapter = || {
            let all = hub.view().snapshot().into_iter();
            all.filter(|known| known.device.adapter == kind)
        };
        let named = async {
            while !(hub.feed().is_settled() && of_adapter().next().is_some()) {
                feed.next().await;
            }
        };
        let deadline = Duration::from_secs(120);
        timeout(deadline, named).await.unwrap_or_else(|_| {
            panic!("{kind} names no device; its simulator has to be part of the demo")
        });
        for known in of_adapter() {
            let patience = known.device.patience;
            let name = &known.device.name;
            assert!(
                patience.is_some_and(|it| !it.is_zero()),
                "{kind}: {name}: {patience:?}"
            );
        }
        stop.cancel();
        running.await.unwrap();
    }
}

/// All that a decoder makes of bytes that come in pieces.
fn decode(adapter: &dyn Adapter, pieces: &[&[u8]]) -> Vec<String> {
    let mut decoder = adapter
        .decoder(&example(adapter))
        .unwrap_or_else(|wrong| panic!("{wrong}"));
    let mut all = Vec::new();
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    for piece in pieces {
        decoder.push(piece);
        while let Some(result) = decoder.next() {
            all.push(format!("{result:?}"));
            assert!(all.len() <= length, "it does not end");
        }
    }
    while let Some(rest) = decoder.finish() {
        all.push(rest);
        while let Some(result) = decoder.next() {
            all.push(format!("{result:?}"));
        }
        assert!(all.len() <= 2 * length + 1, "it does not end");
    }
    all
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic_however_they_are_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        cuts in prop::collection::vec(0_usize..600, 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        for adapter in ADAPTERS {
            prop_assert_eq!(decode(*adapter, &[&bytes]), decode(*adapter, &pieces));
        }
    }

    #[test]
    fn no_bytes_make_a_mask_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..6)) {
        for adapter in ADAPTERS {
            let mut mask = match adapter.mask(&example(*adapter)) {
                Ok(mask) => mask,
                // What cannot be masked says so, and what to do instead.
                Err(wrong) => {
                    prop_assert!(wrong.to_string().contains("cannot be masked"), "{wrong}");
                    continue;
                }
            };
            for piece in &pieces {
                prop_assert_eq!(mask(piece).len(), piece.len());
            }
        }
    }
}
