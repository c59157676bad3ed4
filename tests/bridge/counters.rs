//! Counters on the wire over a simulated day and more, with everything going wrong that can: what
//! Home Assistant adds up for good.

use std::time::Duration;

use serde_json::Value as Json;

use crate::gateway::{DAY, Gateway, Plan};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::{Mark, Wire};

/// A day in half a minute.
const SPEED: f64 = 2880.0;

const GLITCHES: [&str; 5] = [
    "lifetime-zero@10%",
    "today-zero@10%",
    "lifetime-jump@5%",
    "truncate@5%",
    "empty@5%",
];

/// What is checked with every state of the ECU.
#[derive(Default)]
struct Ledger {
    total: f64,
    today: f64,
    /// Simulated days on which the energy of today fell.
    falls: Vec<i8>,
    /// States in which a counter was held back.
    held: usize,
}

impl Ledger {
    fn enter(&mut self, state: &Json, gateway: &Gateway) {
        let truth = gateway.handle.truth();
        if let Some(total) = state["energy_total"].as_f64() {
            assert!(total >= self.total, "{total} after {}: {state}", self.total);
            let most = truth.lifetime_wh as f64 / 1000.0 + 0.1;
            assert!(total <= most, "{total} of {most}: {state}");
            self.total = total;
        }
        if let Some(today) = state["energy_today"].as_f64() {
            if today < self.today {
                self.falls.push(truth.at.day());
            }
            self.today = today;
        }
        let words = state["counter_guard"].as_str().unwrap_or_default();
        self.held += usize::from(words.contains("the device says"));
    }
}

struct Story {
    gateway: Gateway,
    wire: Wire,
    ledger: Ledger,
    mark: Mark,
}

impl Story {
    /// Follows the states of the ECU until the simulated day and hour.
    async fn follow(&mut self, day: i8, hour: i8) {
        let id = self.gateway.id();
        loop {
            let (state, next) = self.wire.state("any", self.mark, &id, |_| true).await;
            self.mark = next;
            self.ledger.enter(&state, &self.gateway);
            let at = self.gateway.handle.truth().at;
            if (at.day(), at.hour()) >= (day, hour) {
                return;
            }
        }
    }

    /// Follows them until the ECU is available or not.
    async fn follow_until(&mut self, what: &str, wanted: impl Fn(&Json) -> bool) {
        let id = self.gateway.id();
        loop {
            let (state, next) = self.wire.state(what, self.mark, &id, |_| true).await;
            self.mark = next;
            self.ledger.enter(&state, &self.gateway);
            if wanted(&state) {
                return;
            }
        }
    }

    async fn trouble(&mut self, fault: &str) {
        self.gateway.fault(fault);
        self.follow_until("away", |state| state["connectivity"] == "OFF")
            .await;
        self.gateway.handle.clear_fault(fault);
        self.follow_until("back", |state| state["connectivity"] == "ON")
            .await;
    }
}

#[tokio::test]
async fn counters_tell_the_truth_through_a_bad_day() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan {
        inverters: "2xDS3,QS1",
        start: DAY.at(4, 0, 0, 0),
        speed: SPEED,
        cycle: Duration::from_secs(300),
        ..Plan::default()
    })
    .await;
    let wire = Wire::tap(broker.port()).await;
    // Our own time runs slowly beside that of the ECU: the power has to be that much larger.
    let section = gateway.section().replace("\"1s\"", "\"150ms\"") + "max_power = 10000000\n";
    let home = Home::new(broker.port(), &[section]);
    let mut story = Story {
        gateway,
        wire,
        ledger: Ledger::default(),
        mark: 0,
    };
    let id = story.gateway.id();
    let ids = story.gateway.inverter_ids();
    let mut bridge = home.run();
    // The very first values have nothing to be compared with.
    let known = |state: &Json| state["energy_total"].is_number();
    story.follow_until("the first values", known).await;
    for glitch in GLITCHES {
        story.gateway.fault(glitch);
    }

    story.follow(21, 10).await;
    story.trouble("hang").await;
    story.follow(21, 12).await;
    assert!(bridge.end().await.success());
    let held = bridge.count(&["WARN", "Lifetime energy is held at"]);
    let mut bridge = home.run();
    story.follow(21, 14).await;
    story.trouble("refuse").await;
    story.gateway.handle.reboot();
    story.follow(21, 16).await;
    story.gateway.fault("status-02@every=5");
    story.follow(21, 17).await;
    story.gateway.handle.clear_fault("status-02");
    story.follow(21, 18).await;
    bridge.kill().await;
    let mut bridge = home.run();
    story.follow(22, 8).await;
    story.trouble("refuse").await;
    story.follow(22, 10).await;

    // In the end all is well, and all is there.
    story.gateway.handle.clear_faults();
    story.gateway.handle.set_speed(0.0);
    let truth = story.gateway.handle.truth();
    let total = (truth.lifetime_wh / 100) as f64 / 10.0;
    let today = (truth.today_wh / 10) as f64 / 100.0;
    let all = |state: &Json| {
        let is = |key: &str, value: f64| state[key].as_f64() == Some(value);
        is("energy_total", total) && is("energy_today", today)
    };
    story.follow_until("the truth", all).await;
    assert!(bridge.end().await.success());
    assert!(truth.today_wh > 500, "{truth:?}");
    assert_eq!(story.ledger.falls, [22], "only with the new day");
    assert!(story.ledger.held > 0 && held > 0, "{}", bridge.said());
    assert!(story.ledger.total > 4325.0);

    // Of the inverters all states, over all runs.
    for own in &ids {
        let mut before = 0.0;
        for state in story.wire.states(own) {
            if let Some(energy) = state["energy_computed"].as_f64() {
                assert!(energy >= before, "{own}: {energy} after {before}");
                before = energy;
            }
            let temperature = state["temperature"].as_f64();
            assert!(temperature.is_none_or(|it| it > 5.0), "{state}");
        }
        // By our own time, which is all that counts for energy from power, this was half a minute.
        assert!(before < 0.5, "{own} {before}");
    }
    // The order of all messages was looked at, the guard never gave up.
    let states = story.wire.states(&id);
    let totals = states
        .iter()
        .filter_map(|state| state["energy_total"].as_f64());
    assert!(totals.collect::<Vec<_>>().is_sorted());
    assert_eq!(bridge.count(&["starts anew"]), 0, "{}", bridge.said());
}

/// The guard says what it does, also in Home Assistant.
#[tokio::test]
async fn a_false_total_is_held_and_explained() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let mut bridge = home.run();
    let id = gateway.id();
    let good = |state: &Json| state["counter_guard"] == "All values good";
    let fits = |state: &Json| state["energy_total"].is_number() && good(state);
    let (before, mut mark) = wire.state("good", 0, &id, fits).await;
    for (fault, words) in [
        ("lifetime-zero", "the device says 0"),
        (
            "lifetime-jump=1000@first=2",
            "which is more than it can have counted",
        ),
    ] {
        gateway.fault(fault);
        let held = |state: &Json| {
            let text = state["counter_guard"].as_str().unwrap_or_default();
            text.contains("is held at 4321") && text.contains(words)
        };
        let (state, next) = wire.state(words, mark, &id, held).await;
        assert!(state["energy_total"].as_f64() < Some(4322.0), "{state}");
        assert!(state["energy_total"].as_f64() >= before["energy_total"].as_f64());
        // Rounds of the same are no news.
        let rounds = gateway.handle.requests(1);
        gateway.handle.wait_for_requests(1, rounds + 3).await;
        gateway.handle.clear_faults();
        mark = wire.state("good again", next, &id, fits).await.1;
    }
    assert_eq!(wire.availability(&id), ["online"]);
    assert!(bridge.end().await.success());
    assert_eq!(
        bridge.count(&["WARN", "is held at"]),
        2,
        "{}",
        bridge.said()
    );
    assert_eq!(bridge.count(&["is good again"]), 2, "{}", bridge.said());
}
