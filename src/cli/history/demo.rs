//! A year of history for the demo: that of its own devices, up to now.
//!
//! The devices are those that the bridge knows some seconds after the start, with what their counters say by then:
//! the year ends where the present begins. It is written beside the bridge's own history, into the same file, by a
//! handle of its own: who looks sees it grow. At night too the sun rises in the end, as it always shines in the demo.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::bridge::Known;
use crate::history::{History, HistorySettings, HouseRoles};
use crate::model::{Behavior, Decimal, Quantity, Report, Value};
use crate::simulation::Sky;
use crate::simulation::year::{HouseYear, PlantPanel, PlantPlane, YearPlan, YearTruth};

/// What a small battery of 12 V holds, and what one of a house does, in Wh.
const SMALL_BATTERY: i64 = 1_280;
const LARGE_BATTERY: i64 = 10_000;
/// How much is handed over before it is waited for, in seconds of the year.
const AT_ONCE: i64 = 5 * 86_400;
/// For how long that is waited for at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the demo's past says of its house.
#[derive(Debug)]
pub struct DemoPast {
    /// The planes of the roof.
    pub planes: Vec<PlantPlane>,
    /// The panels, each with its plane and its place in it.
    pub panels: Vec<PlantPanel>,
    /// What really happened.
    pub truth: YearTruth,
}

/// Fills the file of a history, which may be in use, with so many days up to now. Takes some seconds: call it from a
/// thread of its own. `lies` is told first where the panels lie.
pub fn fill(
    file: &Path,
    known: &[Known],
    roles: HouseRoles,
    zone: &TimeZone,
    now: Timestamp,
    days: i64,
    lies: impl FnOnce(&[PlantPlane], &[PlantPanel]),
) -> DemoPast {
    let year = HouseYear::new(plan(known, zone, now, days));
    lies(&year.plant().planes, &year.plant().panels);
    let history = History::open_stepped(file, &HistorySettings::default(), zone.clone());
    history.set_roles(roles);
    let truth = feed(&history, &year);
    history.close();
    DemoPast {
        planes: year.plant().planes.clone(),
        panels: year.plant().panels.clone(),
        truth,
    }
}

/// Tells a history a whole year, as the bridge does it.
pub fn feed(history: &History, year: &HouseYear) -> YearTruth {
    let mut waited = i64::MIN;
    let mut last = Timestamp::MIN;
    let truth = year.tell(|timed| {
        let at = timed.at;
        last = at;
        match timed.report {
            Report::Device(device) => history.describe(&Arc::new(*device)),
            Report::Health(device, health) => history.health(&device, at, &health),
            Report::Readings(readings) => {
                let values = readings.values.into_iter();
                let values = values.map(|reading| (reading.key, reading.value));
                history.record(&readings.device, at, readings.day, values);
            }
            _ => {}
        }
        if at.as_second() >= waited.saturating_add(AT_ONCE) {
            waited = at.as_second();
            history.tick(at);
            // Else all of the year would be in memory before the disk has half of it.
            history.flush(PATIENCE);
        }
    });
    // The last slot is over, and whatever was waited for has come.
    history.tick(
        last.checked_add(SignedDuration::from_mins(15))
            .unwrap_or(last),
    );
    history.flush(PATIENCE);
    truth
}

fn plan(known: &[Known], zone: &TimeZone, now: Timestamp, days: i64) -> YearPlan {
    let end = Timestamp::from_second(now.as_second().div_euclid(300) * 300).unwrap_or(now);
    let begin = end
        .checked_sub(SignedDuration::from_hours(24 * days))
        .unwrap_or(end);
    // A year begins with a day.
    let begin = begin.to_zoned(zone.clone()).start_of_day();
    let begin = begin.map_or(end, |begin| begin.timestamp());
    let devices = known.iter().map(|known| known.device.clone()).collect();
    let mut plan = YearPlan::new(devices, zone.clone(), begin, end);
    let is_small = |known: &Known| match known.state.value("battery_voltage") {
        Value::Number(volts) => *volts < Decimal::integer(20),
        _ => false,
    };
    plan.battery = if known.iter().any(is_small) {
        SMALL_BATTERY
    } else {
        LARGE_BATTERY
    };
    plan.ends = ends(known);
    plan.sky_after = Some(Sky::of_late_morning(now.to_zoned(zone.clone()).datetime()));
    plan
}

/// What counters and batteries say now.
fn ends(known: &[Known]) -> BTreeMap<(crate::model::DeviceId, String), Decimal> {
    let mut ends = BTreeMap::new();
    for known in known {
        for metric in &known.device.metrics {
            let is_level = metric.behavior == Behavior::Measurement
                && metric.quantity == Some(Quantity::StateOfCharge);
            let value = known.state.value(&metric.key).as_number();
            if let Some(value) = value.filter(|_| metric.is_counter() || is_level) {
                ends.insert((known.device.id.clone(), metric.key.to_string()), value);
            }
        }
    }
    ends
}
