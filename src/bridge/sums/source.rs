//! The task of one sum: follows the news of its members and reports what they come to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::KIND;
use super::course::{Course, SEARCH};
use super::settings::SumSettings;
use super::tally::{Sort, Tally};
use crate::bridge::hub::{Feed, Hub, News};
use crate::device::{BoxFuture, Context, Probed, Source, SourceError};
use crate::links::Links;
use crate::model::{
    Behavior, Device, DeviceId, Health, Metric, Quantity, Readings, Report, Update,
};

/// Watts. Each member is within its own bound already, and there may be any number of them.
const UNBOUNDED: u32 = 1_000_000;

/// What `energy = true` adds.
pub const ENERGY: Metric = Metric::lifetime("energy_computed", Quantity::Energy)
    .named("Energy (computed)")
    .decimals(2);

/// How long changes are gathered, so that members that speak at the same time count at the same time,
/// and many of them cost no more than one.
const GATHER: Duration = Duration::from_secs(1);

/// A sum says nothing while its members do not, however long they may sleep. Each of them has a
/// patience of its own, and the sum follows at once when that is at its end.
const PATIENCE: Duration = Duration::MAX;

/// One sum, run as a source among the others.
#[derive(Debug)]
pub struct Sum {
    settings: SumSettings,
    hub: Hub,
}

impl Sum {
    /// A sum over the devices of this hub.
    pub const fn new(settings: SumSettings, hub: Hub) -> Self {
        Self { settings, hub }
    }

    fn describe(&self, sort: Option<Sort>) -> Device {
        let settings = &self.settings;
        let mut device = Device::new(KIND, settings.id.as_str(), settings.title(), "wattbridge");
        // It has none.
        device.serial = String::new();
        device.model = Some("Computed sum".to_owned());
        device.area.clone_from(&settings.area);
        device.rated_power = Some(settings.max_power.unwrap_or(UNBOUNDED));
        device.patience = Some(PATIENCE);
        let Some(sort) = sort else {
            return device;
        };
        let key = word(sort.quantity);
        device
            .metrics
            .push(Metric::measurement(key, sort.quantity).decimals(sort.decimals));
        if settings.energy && sort.quantity == Quantity::Power {
            device.metrics.push(ENERGY.integral_of(key));
        }
        device
    }

    async fn follow(&self, context: Context) -> Result<(), SourceError> {
        let mut feed = self.hub.feed();
        let mut run = Run::new(self, &feed);
        let mut due = Some(Instant::now());
        let search_until = Instant::now() + SEARCH;
        loop {
            // Without anything to do at a time of its own it only waits for news.
            let wake = due.unwrap_or_else(|| Instant::now() + SEARCH);
            tokio::select! {
                () = context.stop.cancelled() => return Ok(()),
                news = feed.next() => {
                    let Some(news) = news else { return Err(SourceError::BridgeEnded) };
                    if run.concerns(news, &feed) {
                        let soon = Instant::now() + GATHER;
                        due = Some(due.map_or(soon, |due| due.min(soon)));
                    }
                }
                () = sleep_until(wake), if due.is_some() => {
                    let now = Instant::now();
                    let is_late = now >= search_until;
                    for report in run.count(&feed, now, is_late, &context) {
                        context.reports.send(report).await?;
                    }
                    due = if run.tally.is_open() { run.course.deadline() } else { Some(now + GATHER) };
                }
            }
        }
    }
}

impl Source for Sum {
    fn adapter(&self) -> &'static str {
        KIND
    }

    fn spoken(&self) -> &'static str {
        "Sum"
    }

    fn label(&self) -> String {
        self.settings.id.clone()
    }

    fn run(self: Arc<Self>, context: Context) -> BoxFuture<Result<(), SourceError>> {
        Box::pin(async move { self.follow(context).await })
    }

    fn probe(self: Arc<Self>, _: Links) -> BoxFuture<Result<Probed, String>> {
        Box::pin(async { Ok("it is computed".to_owned().into()) })
    }
}

/// A sum at work.
struct Run<'a> {
    sum: &'a Sum,
    id: DeviceId,
    tally: Tally,
    course: Course,
    /// Devices that can be members.
    watched: BTreeSet<DeviceId>,
    sort: Option<Sort>,
    described: Option<Device>,
    health: Option<Health>,
}

impl<'a> Run<'a> {
    fn new(sum: &'a Sum, feed: &Feed) -> Self {
        let id = sum.settings.device_id();
        let mut run = Self {
            sum,
            tally: Tally::new(&sum.settings),
            course: Course::new(sum.settings.freeze_for.get()),
            watched: BTreeSet::new(),
            // What it was in an earlier run it is until its members say otherwise.
            sort: feed.get(&id).and_then(|known| sort_of(&known.device)),
            id,
            described: None,
            health: None,
        };
        run.look_around(feed);
        run
    }

    /// Takes up news; whether they can change the sum.
    fn concerns(&mut self, news: News, feed: &Feed) -> bool {
        match news {
            News::Update(Update::State(state)) => self.watched.contains(&state.device),
            News::Update(Update::Device(device)) => {
                let concerns = self.tally.concerns(&device.id);
                if concerns {
                    self.watched.insert(device.id.clone());
                }
                concerns
            }
            News::Update(Update::Removed(id)) => {
                self.tally.forget(&id);
                self.watched.remove(&id)
            }
            News::Missed => {
                self.look_around(feed);
                true
            }
        }
    }

    /// Finds the devices that can be members anew.
    fn look_around(&mut self, feed: &Feed) {
        let all = feed
            .snapshot()
            .into_iter()
            .map(|known| known.device.id.clone());
        let now: BTreeSet<DeviceId> = all.filter(|id| self.tally.concerns(id)).collect();
        for gone in self.watched.difference(&now) {
            self.tally.forget(gone);
        }
        self.watched = now;
    }

    /// Counts, and says what is new about it.
    fn count(
        &mut self,
        feed: &Feed,
        now: Instant,
        is_late: bool,
        context: &Context,
    ) -> Vec<Report> {
        // Asked before looking: what is named in between is one more, not one less.
        let is_found = !feed.may_come(|adapter| self.tally.may_concern(adapter));
        if !self.tally.is_open() {
            // Their news may still be on the way.
            self.look_around(feed);
        }
        let known: Vec<_> = self.watched.iter().filter_map(|id| feed.get(id)).collect();
        if is_found || is_late {
            self.tally.open(&known);
        }
        let (sort, count) = self.tally.count(&known);
        self.sort = sort.or(self.sort);
        let mut reports = Vec::new();
        let device = self.sum.describe(self.sort);
        if self.described.as_ref() != Some(&device) {
            reports.push(Report::Device(Box::new(device.clone())));
            self.described = Some(device);
        }
        let step = self.course.step(&count, now);
        if let (Some(value), Some(sort)) = (step.value, self.sort) {
            let mut readings = Readings::new(self.id.clone(), context.clock.now());
            readings.push(word(sort.quantity), value);
            reports.push(Report::Readings(readings));
        }
        if self.health.as_ref() != Some(&step.health) {
            reports.push(Report::Health(self.id.clone(), step.health.clone()));
            self.health = Some(step.health);
        }
        reports
    }
}

/// What the device of a sum measures.
fn sort_of(device: &Device) -> Option<Sort> {
    let mut metrics = device.metrics.iter();
    let metric = metrics.find(|metric| metric.behavior == Behavior::Measurement)?;
    Some(Sort {
        quantity: metric.quantity?,
        decimals: metric.decimals,
    })
}

/// The key of a sum's metric; part of the identity of the user's history, so for ever.
const fn word(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Power => "power",
        Quantity::ApparentPower => "apparent_power",
        Quantity::ReactivePower => "reactive_power",
        Quantity::Energy => "energy",
        Quantity::ReactiveEnergy => "reactive_energy",
        Quantity::Gas => "gas",
        Quantity::Water => "water",
        Quantity::Heat => "heat",
        Quantity::Charge => "charge",
        Quantity::Voltage => "voltage",
        Quantity::Current => "current",
        Quantity::Resistance => "resistance",
        Quantity::Frequency => "frequency",
        Quantity::PowerFactor => "power_factor",
        Quantity::Angle => "angle",
        Quantity::Temperature => "temperature",
        Quantity::StateOfCharge => "state_of_charge",
        Quantity::SignalQuality => "signal_quality",
        Quantity::SignalStrength => "signal_strength",
        Quantity::Ratio => "ratio",
        Quantity::Duration => "duration",
        Quantity::Minutes => "minutes",
        Quantity::Count => "count",
    }
}

#[cfg(test)]
mod tests;
