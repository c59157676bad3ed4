//! Sums in a bridge whose only other source says what a test tells it to.

use std::sync::Mutex;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::bridge::{Bridge, Known, Setup};
use crate::clock::Clock;
use crate::model::{Decimal, DeviceState, HealthCode, Value};
use crate::store::{Saved, SavedDevice, Store};

const METER: &str = "smart_meter";
const KEY: &str = "power_import";
/// News after which something that has not come will never come.
const PATIENCE: usize = 5000;

#[derive(Debug)]
struct Puppet(Mutex<Option<mpsc::Receiver<Report>>>);

impl Source for Puppet {
    fn adapter(&self) -> &'static str {
        METER
    }

    fn spoken(&self) -> &'static str {
        "Smart meter"
    }

    fn label(&self) -> String {
        "puppet".to_owned()
    }

    fn run(self: Arc<Self>, context: Context) -> BoxFuture<Result<(), SourceError>> {
        Box::pin(async move {
            let mut strings = self.0.lock().unwrap().take().unwrap();
            while let Some(report) = strings.recv().await {
                context.reports.send(report).await?;
            }
            context.stop.cancelled().await;
            Ok(())
        })
    }

    fn probe(self: Arc<Self>, _: Links) -> BoxFuture<Result<Probed, String>> {
        Box::pin(async { Ok(Probed::default()) })
    }
}

fn meter(serial: &str) -> Device {
    let mut device = Device::new(METER, serial, format!("Meter {serial}"), "Kaifa");
    device.metrics = vec![Metric::measurement(KEY, Quantity::Power)];
    device
}

fn sum(id: &str, plus: &[&str], minus: &[&str]) -> SumSettings {
    let members = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    SumSettings {
        id: id.to_owned(),
        plus: members(plus),
        minus: members(minus),
        energy: true,
        ..SumSettings::default()
    }
}

struct Stage {
    strings: mpsc::Sender<Report>,
    hub: Hub,
    feed: Feed,
    clock: Clock,
    _stop: DropGuard,
}

impl Stage {
    /// Starts a bridge that knows these devices from an earlier run.
    fn new(sums: Vec<SumSettings>, before: Vec<SavedDevice>) -> Self {
        let (strings, receiver) = mpsc::channel(16);
        let start = "2026-06-21T10:00:00Z".parse().unwrap();
        let clock = Clock::following_tokio(start, TimeZone::UTC);
        let (store, _) = Store::in_memory();
        let (bridge, hub) = Bridge::new(Setup {
            sources: vec![Arc::new(Puppet(Mutex::new(Some(receiver)))).into()],
            sums,
            incomplete: Vec::new(),
            refused: 0,
            instance: "b2c3d4".to_owned(),
            clock: clock.clone(),
            links: Links::new(),
            store,
            saved: Saved {
                devices: before,
                ..Saved::default()
            },
            save_every: Duration::MAX,
            history: crate::history::History::off(),
        });
        let (stop, feed) = (CancellationToken::new(), hub.feed());
        tokio::spawn(bridge.run(stop.clone()));
        Self {
            strings,
            hub,
            feed,
            clock,
            _stop: stop.drop_guard(),
        }
    }

    async fn say(&self, report: Report) {
        self.strings.send(report).await.unwrap();
    }

    /// A meter is there, and has this power or does not know it.
    async fn power(&self, serial: &str, power: impl Into<Option<i64>>) {
        let id = DeviceId::new(METER, serial);
        self.say(Report::Device(Box::new(meter(serial)))).await;
        let mut readings = Readings::new(id.clone(), self.clock.now());
        readings.push(KEY, power.into().map(Decimal::integer));
        self.say(Report::Readings(readings)).await;
        self.say(Report::Health(id, Health::ONLINE)).await;
    }

    async fn health(&self, serial: &str, code: HealthCode) {
        let id = DeviceId::new(METER, serial);
        self.say(Report::Health(id, Health::new(code))).await;
    }

    fn get(&self, id: &str) -> Known {
        let all = self.feed.snapshot();
        let mut all = all.into_iter();
        let known = all.find(|known| known.device.id.as_str() == id);
        known.unwrap_or_else(|| panic!("there is no {id}"))
    }

    /// The next state of a sum that is wanted.
    async fn until(&mut self, id: &str, wanted: impl Fn(&DeviceState) -> bool) -> Arc<DeviceState> {
        let mut last = None;
        for _ in 0..PATIENCE {
            if let Some(News::Update(Update::State(state))) = self.feed.next().await
                && state.device.as_str() == id
            {
                if wanted(&state) {
                    return state;
                }
                last = Some(state);
            }
        }
        panic!("waited in vain; at last there was {last:?}");
    }

    async fn until_value(&mut self, id: &str, value: i64) -> Arc<DeviceState> {
        let value = Value::from(Decimal::integer(value));
        let is_there =
            |state: &DeviceState| state.health == Health::ONLINE && *state.value("power") == value;
        self.until(id, is_there).await
    }

    async fn until_code(&mut self, id: &str, code: HealthCode) -> Arc<DeviceState> {
        self.until(id, |state| state.health.code == code).await
    }
}

fn saved(source: &str, device: Device) -> SavedDevice {
    SavedDevice {
        source: source.to_owned(),
        device,
    }
}

fn number(state: &DeviceState) -> Option<Decimal> {
    state.value("power").as_number()
}

#[tokio::test(start_paused = true)]
async fn a_sum_follows_its_members_and_stands_still_without_one() {
    let mut stage = Stage::new(
        vec![sum("pv", &["smart_meter_*/power_import"], &[])],
        vec![],
    );
    stage.until_code("sum_pv", HealthCode::NoData).await;
    stage.power("1", 100).await;
    stage.until_value("sum_pv", 100).await;
    stage.power("2", 20).await;
    stage.until_value("sum_pv", 120).await;
    let described = stage.get("sum_pv").device;
    assert_eq!(described.manufacturer, "wattbridge");
    let keys = described.metrics.iter().map(|metric| metric.key.as_ref());
    assert_eq!(
        keys.take(2).collect::<Vec<_>>(),
        ["power", "energy_computed"]
    );

    let left = stage.clock.now();
    stage.health("2", HealthCode::Unreachable).await;
    stage.power("1", 300).await;
    let state = stage.until_code("sum_pv", HealthCode::Degraded).await;
    assert_eq!(number(&state), Some(Decimal::integer(120)));
    assert!(
        state
            .health
            .sentence()
            .contains("Meter 2 is missing (unreachable)")
    );
    // Nobody reports anything; it is given up by itself.
    let state = stage.until_code("sum_pv", HealthCode::Stale).await;
    assert_eq!(number(&state), None);
    let stood = stage.clock.now().duration_since(left).as_secs();
    assert!((900..=910).contains(&stood), "{stood}");

    stage.power("2", 30).await;
    stage.until_value("sum_pv", 330).await;
    stage.say(Report::Gone(DeviceId::new(METER, "2"))).await;
    stage.until_value("sum_pv", 300).await;
    // All the time nothing was ever less than the members had.
    let energy = stage.get("sum_pv").state.value("energy_computed").clone();
    assert!(energy.as_number() >= Some(Decimal::integer(0)));
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_for_all_that_were_there_before() {
    let settings = sum("pv", &["smart_meter_*/power_import"], &[]);
    let mut own = Device::new(KIND, "pv", "Sum pv", "wattbridge");
    own.metrics = vec![Metric::measurement("power", Quantity::Power)];
    let before = vec![
        saved("smart_meter@puppet", meter("1")),
        saved("smart_meter@puppet", meter("2")),
        saved("sum@pv", own.clone()),
        saved(
            "sum@removed",
            Device::new(KIND, "removed", "Sum", "wattbridge"),
        ),
    ];
    let mut stage = Stage::new(vec![settings], before);
    assert!(stage.get("sum_pv").device.metric("power").is_some());
    // A section that is no more.
    assert!(stage.feed.is_orphan("sum_removed") && !stage.feed.is_orphan("sum_pv"));
    let waits = |state: &DeviceState| state.health.detail.contains("Meter 1 is missing");
    stage.until("sum_pv", waits).await;
    stage.power("1", 100).await;
    let waits = |state: &DeviceState| state.health.detail.contains("Meter 2 is missing");
    let state = stage.until("sum_pv", waits).await;
    assert_eq!(
        (number(&state), state.health.code),
        (None, HealthCode::Starting)
    );
    stage.power("2", 1).await;
    // The first value that there ever is, is that of both.
    let state = stage.until("sum_pv", |state| number(state).is_some()).await;
    assert_eq!(number(&state), Some(Decimal::integer(101)));
}

#[tokio::test(start_paused = true)]
async fn devices_that_may_still_be_found_are_waited_for_but_not_for_ever() {
    let mut stage = Stage::new(
        vec![sum("pv", &["smart_meter_*/power_import"], &[])],
        vec![],
    );
    let begun = stage.clock.now();
    // As an adapter that knows that it has not named all.
    stage.say(Report::Complete(false)).await;
    stage.power("1", 100).await;
    let searches = |state: &DeviceState| state.health.detail.contains("not every device");
    stage.until("sum_pv", searches).await;
    stage.power("2", None).await;
    stage.say(Report::Complete(true)).await;
    let waits = |state: &DeviceState| state.health.detail.contains("Meter 2");
    stage.until("sum_pv", waits).await;
    stage.power("2", 5).await;
    stage.until_value("sum_pv", 105).await;
    assert!(stage.clock.now().duration_since(begun) < SEARCH.try_into().unwrap());

    let mut stage = Stage::new(
        vec![sum("pv", &["smart_meter_*/power_import"], &[])],
        vec![],
    );
    let begun = stage.clock.now();
    stage.say(Report::Complete(false)).await;
    stage.power("1", 100).await;
    stage.until_value("sum_pv", 100).await;
    assert!(stage.clock.now().duration_since(begun) >= SEARCH.try_into().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_sum_of_a_sum_stands_still_with_it() {
    let house = sum("house", &["sum_pv/power"], &["smart_meter_9/power_import"]);
    let pv = sum(
        "pv",
        &["smart_meter_1/power_import", "smart_meter_2/power_import"],
        &[],
    );
    let mut stage = Stage::new(vec![house, pv], vec![]);
    for (serial, power) in [("9", -50), ("1", 100), ("2", 20)] {
        stage.power(serial, power).await;
    }
    stage.until_value("sum_house", 170).await;
    stage.health("2", HealthCode::Silent).await;
    stage.until_code("sum_house", HealthCode::Degraded).await;
    stage.power("9", -500).await;
    let state = stage.until_code("sum_house", HealthCode::Stale).await;
    assert_eq!(number(&state), None);
    stage.power("2", 0).await;
    stage.until_value("sum_house", 600).await;
    for state in [stage.get("sum_pv").state, stage.get("sum_house").state] {
        assert_eq!(state.health, Health::ONLINE);
    }
}

#[tokio::test(start_paused = true)]
async fn news_that_were_missed_do_not_matter() {
    let mut stage = Stage::new(
        vec![sum("pv", &["smart_meter_*/power_import"], &[])],
        vec![],
    );
    stage.power("1", 1).await;
    stage.until_value("sum_pv", 1).await;
    // More than any feed holds, and without a pause.
    for serial in 2..40 {
        let (device, state) = {
            let known = stage.get("smart_meter_1");
            let mut device = Device::clone(&known.device);
            device.id = DeviceId::new(METER, &serial.to_string());
            let mut state = DeviceState::clone(&known.state);
            state.device = device.id.clone();
            (device, state)
        };
        let state = Arc::new(state);
        stage.hub.put_device(Arc::new(device), Arc::clone(&state));
        for _ in 0..40 {
            stage.hub.put_state(Arc::clone(&state));
        }
    }
    stage.until_value("sum_pv", 39).await;
}

#[tokio::test(start_paused = true)]
async fn members_that_change_at_the_same_time_count_once() {
    let mut stage = Stage::new(
        vec![sum("pv", &["smart_meter_*/power_import"], &[])],
        vec![],
    );
    stage.until_code("sum_pv", HealthCode::NoData).await;
    for power in 1..=50 {
        for serial in ["1", "2", "3"] {
            stage.power(serial, power).await;
        }
    }
    let state = stage.until("sum_pv", |state| number(state).is_some()).await;
    assert_eq!(number(&state), Some(Decimal::integer(150)));
}

#[test]
fn every_key_is_the_word_of_its_quantity() {
    for quantity in Quantity::ALL {
        let name = serde_json::to_value(quantity).unwrap();
        assert_eq!(name, word(*quantity));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_source_says_of_itself_stays_when_it_has_named_all() {
    let mut stage = Stage::new(vec![], vec![]);
    stage.say(Report::Complete(false)).await;
    let trouble = Health::new(HealthCode::KeyMissing).advise("Write one.");
    stage.say(Report::Source(trouble)).await;
    let own = "wattbridge_b2c3d4";
    let is_told = |state: &DeviceState| state.health.detail.contains("key missing");
    stage.until(own, is_told).await;
    stage.say(Report::Complete(true)).await;
    for _ in 0..4 {
        // Longer than until the bridge looks at itself again.
        tokio::time::sleep(Duration::from_secs(61)).await;
        let state = stage.get(own).state;
        assert!(is_told(&state), "{:?}", state.health);
    }
}

#[tokio::test(start_paused = true)]
async fn the_bridge_itself_says_nothing_of_sums() {
    let mut stage = Stage::new(
        vec![sum("pv", &["smart_meter_1/power_import"], &[])],
        vec![],
    );
    stage.power("1", 1).await;
    stage.until_value("sum_pv", 1).await;
    stage.health("1", HealthCode::Paused).await;
    let own = stage.get("wattbridge_b2c3d4").device;
    assert!(
        own.metrics
            .iter()
            .all(|metric| !metric.key.starts_with("sum_"))
    );
    assert!(
        own.metrics
            .iter()
            .any(|metric| metric.key.starts_with("smart_meter_"))
    );
}
