//! A year of one house, or any other time of it, at once and without waiting: the weather of its days and
//! seasons, the habits of its people, what its devices report, and what really happened.
//!
//! Nothing is random: the same plan brings the same reports. What flows stands still for one step, and is a
//! whole number of watts, so that every energy is exact: watts times seconds. The devices are the caller's, as
//! the adapters describe them: which of them is what is seen by the parts of their metrics.
//!
//! * `sun`: where it stands, and what of it falls on a roof
//! * `weather`: what clouds leave of it, and how warm it is
//! * `habits`: what the people of the house take
//! * `plant`: which device is what, and the roof
//! * `physics`: what flows in a step, and what has flowed
//! * `sources`: where each metric takes its value from
//! * `supply`: gas, water and heat, which meters behind the electricity meter count
//! * `trouble`: when what is not heard
//! * `truth`: what really happened, day by day

mod habits;
mod physics;
mod plant;
mod sources;
mod sun;
mod supply;
mod trouble;
mod truth;
mod weather;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use self::physics::Physics;
use self::sources::Sources;
use self::trouble::Troubles;
use super::Sky;
use crate::model::{
    Decimal, Device, DeviceId, EnergyPart, Health, HealthCode, Readings, Report, Sentence,
};

pub use plant::{HousePlant, PlantPanel, PlantPlane};
pub use supply::{SUPPLY_STEP, Supply};
pub use truth::{DayTruth, YearTruth};

/// Seconds of the longest step: a slot of the history.
const LONGEST_STEP: i64 = 300;

/// What is to happen, and when.
#[derive(Debug, Clone)]
pub struct YearPlan {
    /// What stands in the house, parents before their children, as their adapters describe them.
    pub devices: Vec<Arc<Device>>,
    /// The zone of its clocks.
    pub zone: TimeZone,
    /// From this moment, which is cut to a whole step.
    pub begin: Timestamp,
    /// To this one, in the same way.
    pub end: Timestamp,
    /// For how long everything stands still, in seconds; a part of 300. Each device reports once in it.
    pub step: i64,
    /// What the weather and the people are made of.
    pub seed: u64,
    /// What the battery holds, in Wh.
    pub battery: i64,
    /// Values as they are to stand at the end, of counters and of the level of a battery, so that what comes
    /// after goes on from there. Counters may then begin below 0.
    pub ends: BTreeMap<(DeviceId, String), Decimal>,
    /// The sky as it is from the end on: that of the last hour and a half passes into it.
    pub sky_after: Option<Sky>,
}

/// A report, and when it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedReport {
    /// When.
    pub at: Timestamp,
    /// What.
    pub report: Report,
}

/// A time of one house.
#[derive(Debug)]
pub struct HouseYear {
    plan: YearPlan,
    plant: HousePlant,
}

impl YearPlan {
    /// From one moment to another in steps of five minutes.
    pub const fn new(
        devices: Vec<Arc<Device>>,
        zone: TimeZone,
        begin: Timestamp,
        end: Timestamp,
    ) -> Self {
        Self {
            devices,
            zone,
            begin,
            end,
            step: LONGEST_STEP,
            seed: 1,
            battery: 10_000,
            ends: BTreeMap::new(),
            sky_after: None,
        }
    }

    fn steps(&self) -> impl Iterator<Item = Instant> + use<'_> {
        let step = self.step.clamp(1, LONGEST_STEP);
        let whole = |at: Timestamp| at.as_second().div_euclid(step) * step;
        let (begin, end) = (whole(self.begin), whole(self.end));
        let ends = (begin + step..=end).step_by(usize::try_from(step).unwrap_or(1));
        // To look up local time costs more than all the rest: no clock is changed within a quarter of an hour.
        let mut known: Option<(i64, jiff::civil::DateTime)> = None;
        ends.filter_map(move |second| {
            let at = Timestamp::from_second(second).ok()?;
            let quarter = (second - step).div_euclid(900);
            let local = match known {
                Some((since, local)) if since == quarter => local,
                _ => {
                    let start = Timestamp::from_second(quarter * 900).ok()?;
                    let local = self.zone.to_datetime(start);
                    known = Some((quarter, local));
                    local
                }
            };
            let into = SignedDuration::from_secs(second - step - quarter * 900);
            Some(Instant {
                at,
                start: local.checked_add(into).ok()?,
                step,
            })
        })
    }
}

/// A step: it ends at a moment, and begins at a local time.
#[derive(Debug, Clone, Copy)]
struct Instant {
    at: Timestamp,
    start: jiff::civil::DateTime,
    step: i64,
}

impl Instant {
    /// The day in which it lies.
    fn date(self) -> Date {
        self.start.date()
    }
}

impl HouseYear {
    /// Looks which device is what.
    pub fn new(plan: YearPlan) -> Self {
        let plant = HousePlant::of(&plan.devices);
        Self { plan, plant }
    }

    /// The roof, and which device is what.
    pub const fn plant(&self) -> &HousePlant {
        &self.plant
    }

    /// What is what in the energy of the house: every part that no device knows only in part, of devices that
    /// are not behind another one.
    pub fn parts(&self) -> Vec<(EnergyPart, DeviceId, String)> {
        let outer = self.plan.devices.iter().filter(|it| it.via.is_none());
        let parts = outer.flat_map(|device| {
            device.metrics.iter().filter_map(|metric| {
                let part = metric.part.filter(|part| !part.is_substitute)?;
                Some((part.part, device.id.clone(), metric.key.to_string()))
            })
        });
        parts.collect()
    }

    /// Tells everything in the order of time, and in the end what really happened.
    pub fn tell(&self, mut hear: impl FnMut(TimedReport)) -> YearTruth {
        let mut sources = Sources::of(&self.plan, &self.plant);
        if !self.plan.ends.is_empty() {
            let mut physics = Physics::new(&self.plan, &self.plant);
            for instant in self.plan.steps() {
                physics.step(instant);
            }
            sources.end_at(&self.plan.ends, &physics);
        }
        let troubles = Troubles::of(&self.plan, &self.plant);
        let mut physics = Physics::new(&self.plan, &self.plant);
        let mut truth = YearTruth::default();
        let mut said: BTreeMap<&DeviceId, HealthCode> = BTreeMap::new();
        for device in &self.plan.devices {
            hear(TimedReport {
                at: self.plan.begin,
                report: Report::Device(Box::new(Device::clone(device))),
            });
        }
        for instant in self.plan.steps() {
            physics.step(instant);
            let is_deaf = troubles.is_deaf(instant.at);
            truth.note(instant, &physics, is_deaf);
            if is_deaf {
                continue;
            }
            for (number, device) in self.plan.devices.iter().enumerate() {
                let health = troubles.health(number, instant.at, physics.is_awake(number));
                if said.insert(&device.id, health.code) != Some(health.code) {
                    hear(TimedReport {
                        at: instant.at,
                        report: Report::Health(device.id.clone(), health.clone()),
                    });
                }
                if health.code == HealthCode::Online {
                    let values = sources.values(number, &physics);
                    let day = sources.has_own_day(number).then(|| instant.date());
                    let readings = Readings {
                        device: device.id.clone(),
                        at: instant.at,
                        day,
                        values,
                    };
                    truth.heard(number, device, &readings.values, &sources);
                    hear(TimedReport {
                        at: instant.at,
                        report: Report::Readings(readings),
                    });
                }
            }
        }
        truth.close();
        truth
    }
}

/// How a device is that does not answer, for the time in which it does not.
fn silent(code: HealthCode, seen: &'static str, advice: &'static str) -> Health {
    Health::new(code)
        .seen(Sentence::verbatim(seen))
        .advise(Sentence::verbatim(advice))
}
