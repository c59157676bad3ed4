//! Killed at any moment, over and over, as by a power cut or for want of memory: what counters show
//! on the wire never falls, is never a false 0, never jumps, and is the devices' own in the end.
//!
//! A run of all tests kills a few times. `WATTBRIDGE_KILLS=200` makes a campaign of it, and
//! `WATTBRIDGE_SEED` another one; the seed is printed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wattbridge::adapters::smart_meter::simulator::Fixed;
use wattbridge::adapters::victron::simulator::{SimulatedVictron as Victron, VictronSettings};

use crate::gateway::{DAY, Gateway, Plan as Ecu};
use crate::home::Home;
use crate::meter::{self, KEY, Line, Plan};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::victron;
use crate::wire::{Mark, Seen, Wire};

/// More than all devices here have together, in watts of their own time.
const LIMIT: f64 = 60_000.0;
/// What a counter may gain at once: the coarsest here counts tenths of a kilowatt-hour.
const STEP: f64 = 0.25;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Numbers that look random and are the same for a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A sensor that prints its counter and its power ten times a second.
struct Talker {
    port: u16,
    watt_hours: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Talker {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let watt_hours = Arc::new(AtomicU64::new(7_654_321));
        let counter = Arc::clone(&watt_hours);
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    let mut next = tokio::time::interval(Duration::from_millis(100));
                    loop {
                        next.tick().await;
                        let line = format!("E={} P=9000\n", counter.fetch_add(1, Ordering::SeqCst));
                        if client.write_all(line.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self {
            port,
            watt_hours,
            task,
        }
    }

    fn section(&self) -> String {
        format!(
            "[[text]]\nid = \"heater\"\nport = \"tcp://127.0.0.1:{}\"\npattern = '^E=(\\d+) P=(\\d+)$'\n\
             values = [\n    {{ id = \"energy_import\", quantity = \"energy\", scale = 0.001, counter = true, group = 1 }},\n    \
             {{ id = \"power\", quantity = \"power\", energy = true, group = 2 }},\n]\n",
            self.port
        )
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Devices of every rhythm.
struct Devices {
    quick: Line,
    slow: Line,
    charger: Victron,
    monitor: Victron,
    talker: Talker,
    ecu: Gateway,
}

/// How fast the devices' own time goes.
#[derive(Clone, Copy)]
struct Speed {
    ecu: f64,
    victron: f64,
    quick: Duration,
    slow: Duration,
}

impl Devices {
    async fn start(speed: Speed) -> Self {
        let line = |model: &'static str, interval: Duration| async move {
            let fixed = Fixed {
                power: Some(40_000),
                ..Fixed::default()
            };
            let models: &[&str] = &[model];
            Line::tcp(Plan {
                models,
                fixed,
                interval,
                ..Plan::default()
            })
            .await
        };
        let cable = |model: &'static str| {
            let settings = VictronSettings::new(victron::model(model));
            settings.house.jump_to(DAY.at(8, 0, 0, 0));
            settings.house.set_speed(speed.victron);
            victron::tcp(settings)
        };
        Self {
            quick: line("tinetz", speed.quick).await,
            slow: line("tinetz-single", speed.slow).await,
            charger: cable("mppt-75-15").await,
            monitor: cable("bmv-712").await,
            talker: Talker::start().await,
            ecu: Gateway::start(Ecu {
                inverters: "2xDS3,QS1",
                start: DAY.at(5, 0, 0, 0),
                speed: speed.ecu,
                cycle: Duration::from_secs(60),
                ..Ecu::default()
            })
            .await,
        }
    }

    /// A file with default settings, but for what makes the ECU's time go faster than ours.
    fn file(&self, broker: &Mosquitto) -> String {
        let meter = |line: &Line| {
            format!(
                "[[smart_meter]]\nport = \"{}\"\nkey = \"{KEY}\"\n",
                line.simulator.address()
            )
        };
        let cable = |device: &Victron| format!("[[victron]]\nport = \"{}\"\n", device.address());
        [
            format!("[mqtt]\nport = {}\n", broker.port()),
            meter(&self.quick),
            meter(&self.slow),
            cable(&self.charger),
            cable(&self.monitor),
            self.talker.section(),
            format!("{}max_power = 10000000\n", self.ecu.section()),
            "[[sum]]\nid = \"house\"\nplus = [\"smart_meter_*/power_import\"]\nenergy = true\n"
                .to_owned(),
        ]
        .join("\n")
    }

    /// What counters of devices show at this moment, in kilowatt-hours.
    fn truth(&self) -> BTreeMap<(String, &'static str), f64> {
        let kilo = |watt_hours: u64| watt_hours as f64 / 1000.0;
        let imported = |line: &Line| {
            let samples = line.simulator.samples();
            samples.first().map_or(0, |sample| sample.energy_import)
        };
        let heater = self.talker.watt_hours.load(Ordering::SeqCst);
        [
            (
                (meter::id("tinetz"), "energy_import"),
                u64::from(imported(&self.quick)),
            ),
            (
                (meter::id("tinetz-single"), "energy_import"),
                u64::from(imported(&self.slow)),
            ),
            (
                ("text_heater".to_owned(), "energy_import"),
                heater.saturating_sub(1),
            ),
            (
                (self.ecu.id(), "energy_total"),
                self.ecu.handle.truth().lifetime_wh / 100 * 100,
            ),
        ]
        .into_iter()
        .map(|(counter, watt_hours)| (counter, kilo(watt_hours)))
        .collect()
    }
}

/// What everybody saw of each counter.
struct Ledger {
    /// By state topic: the counters in it that statistics are made of.
    counters: BTreeMap<String, Vec<String>>,
    last: BTreeMap<(String, String), f64>,
    read: Mark,
    read_at: Instant,
    /// How much faster than ours the fastest of the devices' times is.
    speed: f64,
    values: usize,
}

impl Ledger {
    /// Enters what has been published since. What a device's counter showed when the program was
    /// started, `at_least`, is the least that may be shown of it.
    fn enter(&mut self, wire: &Wire, at_least: &BTreeMap<(String, &'static str), f64>) {
        let all = wire.all();
        let elapsed = self.read_at.elapsed().as_secs_f64();
        let most = LIMIT * self.speed * (elapsed + 1.0) / 3_600_000.0 + STEP;
        let before = self.last.clone();
        for seen in &all[self.read..] {
            if let Some(id) = seen.topic.strip_prefix("homeassistant/device/") {
                self.announce(id.trim_end_matches("/config"), &seen.json());
            } else if let Some(id) = device_of(seen) {
                for key in self.counters.get(id).into_iter().flatten() {
                    let counter = (id.to_owned(), key.clone());
                    let Some(value) = seen.json()[key].as_f64() else {
                        continue;
                    };
                    self.values += 1;
                    let last = self.last.get(&counter).copied();
                    assert!(
                        last.is_none_or(|last| value >= last),
                        "{id}/{key} fell from {last:?} to {value}"
                    );
                    let old = before.get(&counter).or(last.as_ref());
                    assert!(
                        old.is_none_or(|old| value - old <= most),
                        "{id}/{key} jumped from {old:?} to {value} within {elapsed} s"
                    );
                    let least = at_least
                        .iter()
                        .find(|((device, name), _)| device == id && name == key);
                    assert!(
                        least.is_none_or(|(_, least)| value >= *least),
                        "{id}/{key} = {value}, but the device has shown {least:?} since before the start"
                    );
                    self.last.insert(counter, value);
                }
            }
        }
        (self.read, self.read_at) = (all.len(), Instant::now());
    }

    fn announce(&mut self, id: &str, config: &Json) {
        let Some(components) = config["components"].as_object() else {
            assert!(!self.counters.contains_key(id), "{id} was removed");
            return;
        };
        // What begins anew each day, or when its user likes, may fall.
        let counts = |it: &Json| it["state_class"] == "total_increasing";
        let mut keys: Vec<String> = Vec::new();
        for (key, component) in components {
            if counts(component) && !key.contains("today") && !key.contains("resettable") {
                keys.push(key.clone());
            }
        }
        self.counters.insert(id.to_owned(), keys);
    }
}

fn device_of(seen: &Seen) -> Option<&str> {
    let topic = seen.topic.strip_prefix("wattbridge/")?;
    topic.strip_suffix("/state")
}

struct Campaign {
    kills: u64,
    speed: Speed,
    /// The longest life, in milliseconds.
    longest: u64,
    meter_faults: &'static [&'static str],
    ecu_faults: &'static [&'static str],
}

async fn run(campaign: Campaign) {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let seed = from_environment("WATTBRIDGE_SEED", 1);
    let kills = from_environment("WATTBRIDGE_KILLS", campaign.kills);
    eprintln!("{kills} kills, seed {seed}");
    let mut dice = Dice(seed);
    let devices = Devices::start(campaign.speed).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    std::fs::write(home.file(), devices.file(&broker)).unwrap();
    let mut ledger = Ledger {
        counters: BTreeMap::new(),
        last: BTreeMap::new(),
        read: 0,
        read_at: Instant::now(),
        speed: campaign.speed.ecu.max(campaign.speed.victron),
        values: 0,
    };
    let truth = devices.truth();
    let mut program = home.run();
    // All have been seen once, so that each kill finds something to destroy.
    for (id, key) in truth.keys() {
        let shown = |state: &Json| state[key].is_number();
        wire.state("the first value", 0, id, shown).await;
    }
    wire.state("the first sum", 0, "sum_house", |state| {
        state["energy_computed"].is_number()
    })
    .await;
    ledger.enter(&wire, &truth);
    devices.quick.set_faults(campaign.meter_faults);
    for fault in campaign.ecu_faults {
        devices.ecu.fault(fault);
    }
    for _ in 0..kills {
        // Often before anything was heard, mostly in the middle, at times after a while.
        let life = match dice.below(10) {
            0..3 => dice.below(campaign.longest / 10),
            3..9 => dice.below(campaign.longest / 2),
            _ => dice.below(campaign.longest),
        };
        let never = wire.until("", wire.mark(), |_| false);
        assert!(timeout(Duration::from_millis(life), never).await.is_err());
        program.kill().await;
        // What is under way between two programs arrives.
        wire.say("fence", &life.to_string(), false).await;
        wire.until("the fence", ledger.read, |seen| seen.topic == "fence")
            .await;
        ledger.enter(&wire, &BTreeMap::new());
        let truth = devices.truth();
        program = home.run();
        let mark = wire.mark();
        // The least is only known for what this program says: it begins with its announcement.
        let started = wire.until("anything", mark, |seen| seen.topic.ends_with("/state"));
        let _ = timeout(Duration::from_millis(life), started).await;
        ledger.enter(&wire, &truth);
    }
    devices.quick.set_faults(&[]);
    devices.ecu.handle.clear_faults();
    // In the end everything is what the devices say, and nothing is held back for good.
    for ((id, key), least) in devices.truth() {
        let right = |state: &Json| state[key].as_f64().is_some_and(|value| value >= least);
        wire.state("the device's own", wire.mark(), &id, right)
            .await;
    }
    ledger.enter(&wire, &BTreeMap::new());
    assert!(program.end().await.success());
    ledger.enter(&wire, &BTreeMap::new());
    let counters = ledger.last.len();
    eprintln!(
        "{kills} kills: {} values of {counters} counters, no fall, no false 0, no jump",
        ledger.values
    );
    assert!(counters >= 10, "{:?}", ledger.last);
    assert!(ledger.values as u64 > kills, "{}", ledger.values);
}

#[tokio::test]
async fn counters_survive_kills_at_any_moment_in_real_time() {
    run(Campaign {
        kills: 8,
        speed: Speed {
            ecu: 20.0,
            victron: 4.0,
            quick: Duration::from_millis(300),
            slow: Duration::from_secs(5),
        },
        longest: 10_000,
        meter_faults: &[],
        ecu_faults: &[],
    })
    .await;
}

#[tokio::test]
async fn counters_survive_kills_among_false_values_in_compressed_time() {
    run(Campaign {
        kills: 25,
        speed: Speed {
            ecu: 500.0,
            victron: 10.0,
            quick: Duration::from_millis(100),
            slow: Duration::from_millis(700),
        },
        longest: 2_000,
        meter_faults: &["zero@5%", "jump@3%", "cut@2%"],
        ecu_faults: &["lifetime-zero@10%", "lifetime-jump@5%", "truncate@5%"],
    })
    .await;
}
