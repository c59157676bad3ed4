//! When what is not heard: the bridge itself is off for some hours, the meter's cable is out, an inverter has
//! died for days. All in fixed parts of the whole time, so that a fortnight has it as a year has.

use jiff::{SignedDuration, Timestamp};

use super::plant::{HousePlant, PlantRole};
use super::{YearPlan, silent};
use crate::model::{Health, HealthCode};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A time from one moment up to and with another.
#[derive(Debug, Clone, Copy)]
struct TroubleSpan {
    from: Timestamp,
    to: Timestamp,
}

impl TroubleSpan {
    fn holds(self, at: Timestamp) -> bool {
        self.from < at && at <= self.to
    }

    /// Beside a part of the whole time, at this second of the local day, for so many seconds.
    fn beside(plan: &YearPlan, part: f64, second: i64, lasts: i64) -> Option<Self> {
        let whole = plan.end.duration_since(plan.begin).as_secs();
        let about = plan.begin + SignedDuration::from_secs((whole as f64 * part) as i64);
        let date = about.to_zoned(plan.zone.clone()).date();
        let midnight = date.to_zoned(plan.zone.clone()).ok()?.timestamp();
        let from = midnight + SignedDuration::from_secs(second);
        let to = from + SignedDuration::from_secs(lasts);
        (whole > 4 * DAY && plan.begin < from && to < plan.end).then_some(Self { from, to })
    }
}

/// An inverter that has died, until it is exchanged.
#[derive(Debug)]
pub struct LostDevice {
    device: usize,
    span: TroubleSpan,
    pub panels: Vec<usize>,
}

impl LostDevice {
    pub fn of(plan: &YearPlan, plant: &HousePlant) -> Option<Self> {
        let device = plant.lost(&plan.devices)?;
        let Some(PlantRole::Sun(panels)) = plant.roles.get(device) else {
            return None;
        };
        let whole = plan.end.duration_since(plan.begin).as_secs();
        let lasts = (whole / 7).min(5 * DAY) / DAY * DAY;
        let span = TroubleSpan::beside(plan, 0.6, 11 * HOUR, lasts)?;
        Some(Self {
            device,
            span,
            panels: panels.clone(),
        })
    }

    pub fn is_lost(&self, at: Timestamp) -> bool {
        self.span.holds(at)
    }
}

/// All that goes wrong.
#[derive(Debug)]
pub struct Troubles {
    /// Nobody listens.
    deaf: Vec<TroubleSpan>,
    /// Nothing comes from the meter.
    unplugged: Option<TroubleSpan>,
    meters: Vec<usize>,
    lost: Option<LostDevice>,
}

impl Troubles {
    pub fn of(plan: &YearPlan, plant: &HousePlant) -> Self {
        let deaf = [
            // Within a day, in full sun; over a midnight; at dusk.
            (0.25, 10 * HOUR, 3 * HOUR + 900),
            (0.5, 22 * HOUR + 1800, 4 * HOUR),
            (0.8, 15 * HOUR, 5 * HOUR),
        ];
        let deaf = deaf
            .iter()
            .filter_map(|(part, second, lasts)| TroubleSpan::beside(plan, *part, *second, *lasts));
        let meters = plant.roles.iter().enumerate();
        let meters = meters.filter(|(_, role)| **role == PlantRole::Meter);
        Self {
            deaf: deaf.collect(),
            unplugged: TroubleSpan::beside(plan, 0.4, 18 * HOUR, 2 * HOUR),
            meters: meters.map(|(number, _)| number).collect(),
            lost: LostDevice::of(plan, plant),
        }
    }

    pub fn is_deaf(&self, at: Timestamp) -> bool {
        self.deaf.iter().any(|span| span.holds(at))
    }

    pub fn health(&self, device: usize, at: Timestamp, is_awake: bool) -> Health {
        let is_out = self.unplugged.is_some_and(|span| span.holds(at));
        if is_out && self.meters.contains(&device) {
            return silent(
                HealthCode::Silent,
                "nothing comes from the meter",
                "Look whether the cable to the meter is plugged in.",
            );
        }
        if !is_awake {
            return Health::new(HealthCode::Asleep);
        }
        match &self.lost {
            Some(lost) if lost.device == device && lost.is_lost(at) => silent(
                HealthCode::OutOfContact,
                "the ECU has no contact with it",
                "Look whether it has sun and its fuse is in.",
            ),
            _ => Health::ONLINE,
        }
    }
}
