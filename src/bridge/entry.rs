//! One device as the bridge keeps it: what it says becomes what is shown of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use serde_json::json;

use super::connection::{self, COUNTER_GUARD};
use super::counting::{self, Counting, Outcome, Reported};
use super::guard::{Limits, most_of_a_day};
use super::heard::HeardAt;
use super::holds::{Holds, Why};
use super::order::Order;
use super::{patience, plausible};
use crate::clock::Clock;
use crate::history::History;
use crate::model::{
    Behavior, Decimal, Device, DeviceState, Health, HealthCode, Metric, Quantity, Readings, Role,
    Value,
};
use crate::store::{Counter, Store};

/// One device: its description, its state, and what is remembered of its counters.
#[derive(Debug)]
pub struct DeviceEntry {
    /// `None` for a device of a section that cannot be used.
    pub source: Option<usize>,
    /// Whether its source has reported it in this run, so that it is that source's alone.
    pub claimed: bool,
    /// When its source last had values of it, or claimed it, by the monotonic clock.
    pub heard: Option<Duration>,
    pub device: Arc<Device>,
    /// The hub holds the same one until it changes.
    pub state: Arc<DeviceState>,
    counting: BTreeMap<Cow<'static, str>, Counting>,
    /// What is not believed of it at the moment.
    holds: Holds,
    /// How its source says that it is.
    pub said: Health,
    /// The day of its latest readings on its own clock, if it has one.
    day: Option<Date>,
    /// When its values were last confirmed, by the monotonic clock, until they are too old.
    confirmed: Option<Duration>,
    has_lapsed: bool,
    /// Whether counters have changed since they were handed over to the store.
    pub is_unsaved: bool,
    /// When they may be handed over, by the monotonic clock.
    pub save_from: Duration,
    /// Whether counters are on their way to the disk.
    pub is_on_the_way: bool,
    /// Whether its state goes out when they have arrived there.
    pub is_kept_back: bool,
    /// In which order its readings come.
    pub order: Order,
    anew: Anew,
}

/// Where a new beginning of its computed energies is on its way to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anew {
    Nowhere,
    Wanted,
    HandedOver,
}

/// What a device says at once, and when.
struct Said<'a> {
    readings: &'a Readings,
    heard: HeardAt,
    day: Date,
}

impl DeviceEntry {
    /// A device that nothing has been heard of yet.
    pub fn new(source: Option<usize>, device: Arc<Device>) -> Self {
        let health = Health::new(HealthCode::Starting);
        let state = DeviceState {
            device: device.id.clone(),
            at: None,
            values: BTreeMap::new(),
            health: health.clone(),
            held: BTreeMap::new(),
            era: 0,
        };
        Self {
            source,
            claimed: false,
            heard: None,
            device,
            state: Arc::new(state),
            counting: BTreeMap::new(),
            holds: Holds::default(),
            said: health,
            day: None,
            confirmed: None,
            has_lapsed: false,
            is_unsaved: false,
            save_from: Duration::ZERO,
            is_on_the_way: false,
            is_kept_back: false,
            order: Order::default(),
            anew: Anew::Nowhere,
        }
    }

    /// Takes over a description. Values of metrics that stay are kept, counters go on from where
    /// `remembered` left them.
    pub fn describe(
        &mut self,
        device: Arc<Device>,
        mut remembered: impl FnMut(&Counter, &Metric) -> Counting,
    ) {
        self.device = device;
        let metrics = &self.device.metrics;
        let state = Arc::make_mut(&mut self.state);
        state
            .values
            .retain(|key, _| metrics.iter().any(|metric| metric.key == *key));
        for metric in metrics {
            let is_known = |counting: &Counting| counting.is_of(metric);
            if metric.is_counter() && !self.counting.get(&metric.key).is_some_and(is_known) {
                let counter = Counter {
                    device: self.device.id.to_string(),
                    key: metric.key.to_string(),
                };
                let counting = remembered(&counter, metric);
                self.counting.insert(metric.key.clone(), counting);
                state.values.insert(metric.key.clone(), Value::Unknown);
            }
            state
                .values
                .entry(metric.key.clone())
                .or_insert(Value::Unknown);
        }
        connection::describe(&mut state.values, &state.health);
        self.describe_holds();
    }

    /// Takes values of the device; how many of them are not believed.
    pub fn read(&mut self, readings: &Readings, clock: &Clock) -> u64 {
        let device = Arc::clone(&self.device);
        let now = clock.monotonic();
        self.heard = Some(now);
        self.day = readings.day;
        if patience::is_sign_of_life(&device, readings) {
            self.confirmed = Some(now);
            self.has_lapsed = false;
        }
        let day = readings
            .day
            .unwrap_or_else(|| readings.at.to_zoned(clock.zone().clone()).date());
        let said = Said {
            readings,
            heard: HeardAt::now(clock),
            day,
        };
        let mut held = 0;
        // What computed metrics go by: known, known to be unknown, or not to be believed.
        let mut good: BTreeMap<&str, Option<Decimal>> = BTreeMap::new();
        for reading in &readings.values {
            let Some(metric) = device.metric(&reading.key).filter(|m| m.derived.is_none()) else {
                tracing::debug!(
                    "{} reports \"{}\", which it has not declared",
                    device.id,
                    reading.key
                );
                continue;
            };
            let number = reading.value.as_number();
            if let Some(counting) = self.counting.get_mut(&metric.key) {
                let Some(number) = number else {
                    counting.miss();
                    good.insert(&metric.key, None);
                    continue;
                };
                if self.count(metric, number, &said, now) {
                    good.insert(&metric.key, Some(number));
                } else {
                    held += 1;
                }
                continue;
            }
            let doubt = number.and_then(|number| plausible::doubt(&device, metric, number));
            held += u64::from(doubt.is_some());
            let value = if doubt.is_some() {
                Value::Unknown
            } else {
                reading.value.clone()
            };
            self.holds.doubt(&device, metric, doubt, now);
            good.insert(&metric.key, value.as_number());
            let state = Arc::make_mut(&mut self.state);
            state.values.insert(metric.key.clone(), value);
        }
        for counting in self.counting.values_mut() {
            if let Some(number) = counting.origin().and_then(|origin| good.get(origin)) {
                counting.derive(*number, said.heard, readings.at, day);
            }
        }
        self.is_unsaved = self.counting.values().any(Counting::is_unsaved);
        Arc::make_mut(&mut self.state).at = Some(readings.at);
        self.describe_holds();
        held
    }

    /// Takes the value of a counter; whether it is believed.
    fn count(&mut self, metric: &Metric, value: Decimal, said: &Said<'_>, now: Duration) -> bool {
        let device = Arc::clone(&self.device);
        let Some(counting) = self.counting.get_mut(&metric.key) else {
            return true;
        };
        let reported = Reported {
            value,
            heard: said.heard,
            measured: said.readings.at,
            day: said.day,
        };
        let outcome = counting.judge(&reported, &limits(&device, metric, said.readings));
        let last = counting.latest().map(|last| last.rounded(metric.decimals));
        let (why, is_good) = match outcome {
            Outcome::Good => (None, true),
            Outcome::Restarted(from) => {
                self.holds.restarted(&device, metric, from, value);
                // Whoever begins again has to know from where.
                self.save_from = Duration::ZERO;
                (None, true)
            }
            Outcome::Held(reason) => {
                let shown = last.filter(|_| counting.is_read());
                let words = counting::words(metric, reason, value, shown);
                (Some((Why::Guard(reason), words)), false)
            }
        };
        self.holds.note(&device, metric, why, now);
        is_good
    }

    /// Puts into the state what is to be shown of the counters; true if any of it is new.
    /// `can_save` is whether the store takes values.
    pub fn show_counters(&mut self, can_save: bool) -> bool {
        let mut is_new = false;
        for metric in &self.device.metrics {
            let Some(counting) = self.counting.get_mut(&metric.key) else {
                continue;
            };
            let shown = counting.shown(can_save);
            let shown = Value::from(shown.map(|shown| shown.rounded(metric.decimals)));
            if self.state.values.get(&metric.key) != Some(&shown) {
                let state = Arc::make_mut(&mut self.state);
                state.values.insert(metric.key.clone(), shown);
                is_new = true;
            }
        }
        is_new
    }

    /// Has the history keep what is shown of these readings, and with it all that is counted.
    pub fn keep(&self, readings: &Readings, history: &History) {
        if !history.is_on() {
            return;
        }
        let values = &self.state.values;
        let is_of_these =
            |key: &str| self.counting.contains_key(key) || readings.get(key).is_some();
        let shown = values.iter().filter(|(key, _)| is_of_these(key));
        let shown = shown.map(|(key, value)| (key.clone(), value.clone()));
        history.record(&self.device.id, readings.at, readings.day, shown);
    }

    /// The same of what is counted alone, which has been saved meanwhile.
    pub fn keep_counters(&self, history: &History) {
        let (Some(at), true) = (self.state.at, history.is_on()) else {
            return;
        };
        let counters = self.counting.keys();
        let shown =
            counters.filter_map(|key| Some((key.clone(), self.state.values.get(key)?.clone())));
        history.record(&self.device.id, at, self.day, shown);
    }

    /// The same of readings of the past, but for what cannot be.
    pub fn keep_late(&self, readings: &Readings, history: &History) {
        if !history.is_on() {
            return;
        }
        let device = &self.device;
        let can_be = |metric: &Metric, value: &Value| {
            let Some(number) = value.as_number() else {
                return false;
            };
            let most = limits(device, metric, readings).ceiling;
            let is_counted = (0..=most).contains(&number.with_scale(3).mantissa());
            let is_doubtful = plausible::doubt(device, metric, number).is_some();
            !is_doubtful && (is_counted || !metric.is_counter())
        };
        let known = readings.values.iter().filter_map(|reading| {
            let metric = device.metric(&reading.key)?;
            can_be(metric, &reading.value).then(|| (reading.key.clone(), reading.value.clone()))
        });
        history.late(&device.id, readings.at, readings.day, known);
    }

    fn describe_holds(&mut self) {
        let state = Arc::make_mut(&mut self.state);
        state.held = self.holds.words();
        if self.device.metric(&COUNTER_GUARD.key).is_some() {
            let words = connection::cut(state.guarded().to_string());
            state.values.insert(COUNTER_GUARD.key.clone(), words.into());
        }
    }

    /// How the device is: as its source says, unless nothing has come of it for too long, or what
    /// comes is nonsense.
    pub fn health(&self) -> Health {
        let code = self.said.code;
        if self.has_lapsed && code.has_data() {
            return patience::lapsed(&self.device);
        }
        let lasting = self.holds.lasting_doubt();
        match lasting.filter(|_| code.has_data() && !code.is_problem()) {
            Some((words, advice)) => Health::new(HealthCode::Degraded).seen(words).advise(advice),
            None => self.said.clone(),
        }
    }

    /// Puts into the state how the device is.
    pub fn show_health(&mut self, health: Health) {
        if !health.code.has_data() {
            self.forget_measurements();
        }
        let state = Arc::make_mut(&mut self.state);
        connection::describe(&mut state.values, &health);
        state.health = health;
        self.describe_holds();
    }

    /// What was measured before is no longer so; what was counted still is, and what is known of the
    /// connection. True if anything was shown.
    fn forget_measurements(&mut self) -> bool {
        let state = Arc::make_mut(&mut self.state);
        let mut is_new = false;
        for metric in &self.device.metrics {
            if !metric.is_counter() && metric.role != Role::Connection {
                let before = state.values.insert(metric.key.clone(), Value::Unknown);
                is_new |= before.is_some_and(|before| before.is_known());
            }
        }
        self.holds.forget_doubts();
        is_new
    }

    /// When its values are too old, by the monotonic clock, if nothing more is heard.
    pub fn lapses_at(&self) -> Option<Duration> {
        self.confirmed?.checked_add(patience::of(&self.device))
    }

    /// Its values are too old, however its source says that it is. True if any was shown.
    pub fn lapse(&mut self) -> bool {
        self.confirmed = None;
        self.has_lapsed = true;
        let is_new = self.forget_measurements();
        self.describe_holds();
        is_new
    }

    /// When its counters may be handed over to the store, if there is anything new.
    pub fn saves_at(&self) -> Option<Duration> {
        self.is_unsaved.then_some(self.save_from)
    }

    /// Hands over to the store what is new.
    pub fn hand_over(&mut self, store: &Store) {
        for (key, counting) in &mut self.counting {
            if counting.is_unsaved() {
                store.save_counter(&self.device.id, key, &json!(counting));
                counting.hand_over();
            }
        }
        self.is_unsaved = false;
        self.is_on_the_way = true;
        if self.anew == Anew::Wanted {
            self.anew = Anew::HandedOver;
        }
    }

    /// Begins the energies anew that are computed for it. They have begun, and its era with them, when
    /// that is saved: a program that is killed before must not go on from the old ones.
    pub fn begin_anew(&mut self) {
        let mut is_any = false;
        for counting in self.counting.values_mut() {
            is_any |= counting.begin_anew();
        }
        if is_any {
            self.anew = Anew::Wanted;
            self.is_unsaved = true;
            self.save_from = Duration::ZERO;
        } else {
            self.begin_era();
        }
    }

    fn begin_era(&mut self) {
        self.anew = Anew::Nowhere;
        let state = Arc::make_mut(&mut self.state);
        state.era = state.era.saturating_add(1);
    }

    /// What was handed over is saved, or may not have been.
    pub fn has_arrived(&mut self, is_saved: bool) {
        self.is_on_the_way = false;
        for counting in self.counting.values_mut() {
            if is_saved {
                counting.confirm();
            } else {
                counting.take_back();
            }
        }
        self.is_unsaved = self.counting.values().any(Counting::is_unsaved);
    }

    /// Whether the new era has begun with what has arrived. Where nothing can be saved it is not waited
    /// for: a device that is not shown helps nobody.
    pub fn has_begun_anew(&mut self, is_saved: bool, can_save: bool) -> bool {
        let has_begun = match self.anew {
            Anew::Nowhere => false,
            Anew::Wanted => !can_save,
            Anew::HandedOver => is_saved || !can_save,
        };
        if has_begun {
            self.begin_era();
        } else if self.anew == Anew::HandedOver {
            self.anew = Anew::Wanted;
        }
        has_begun
    }

    /// Its counters, for the day that the device comes back.
    pub fn put_aside(self) -> impl Iterator<Item = (Counter, Counting)> {
        let device = self.device.id.to_string();
        self.counting.into_iter().map(move |(key, mut counting)| {
            // Nobody hears any more whether it has arrived.
            counting.take_back();
            let counter = Counter {
                device: device.clone(),
                key: key.into_owned(),
            };
            (counter, counting)
        })
    }
}

/// What is possible for a counter that is reported among these values.
fn limits(device: &Device, metric: &Metric, readings: &Readings) -> Limits {
    let power = plausible::gain(device, metric);
    let is_daily = metric.behavior == Behavior::DailyCounter;
    Limits {
        power,
        ceiling: if is_daily {
            most_of_a_day(power)
        } else {
            plausible::ceiling(device, metric)
        },
        floor: floor(device, metric, readings, power).unwrap_or(0),
        // A number of things does begin with zero, and so does what an adapter sums up.
        begins_at_zero: metric.quantity == Some(Quantity::Count) || metric.is_summed_here,
    }
}

/// What the counter of a lifetime is not below: what the device says to have counted today, but for
/// the coarseness of the one and the delay of the other. `energy_total` and `energy_today` are a
/// pair by their names.
fn floor(device: &Device, metric: &Metric, readings: &Readings, power: u32) -> Option<i64> {
    let stem = metric.key.strip_suffix("_total")?;
    let of_today = |metric: &&Metric| {
        metric.behavior == Behavior::DailyCounter
            && metric.derived.is_none()
            && metric.key.strip_suffix("_today") == Some(stem)
    };
    let today = device.metrics.iter().find(of_today)?;
    let today = readings
        .get(&today.key)?
        .as_number()?
        .with_scale(3)
        .mantissa();
    let step = 2 * 10_i64.pow(u32::from(3_u8.saturating_sub(metric.decimals)));
    (0..=most_of_a_day(power))
        .contains(&today)
        .then(|| (today - step).max(0))
}
