//! What is known of an inverter and its panels while they sleep: nothing flows, and a day that begins then has
//! brought nothing yet.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Panel, Plant, SILENT, tell};
use crate::adapters::solaredge::health;
use crate::adapters::solaredge::metrics::TODAY;
use crate::adapters::solaredge::wire::Serial;
use crate::clock::Moment;
use crate::model::{Decimal, DeviceId, Readings, Report};

impl Plant {
    /// An inverter sleeps, and all its panels with it.
    pub(super) fn put_to_sleep(&mut self, serial: Serial, at: Timestamp) {
        let Some(unit) = self.units.get_mut(&serial) else {
            return;
        };
        unit.is_asleep = true;
        unit.producing = None;
        // Never before what was said last: that would be of the past.
        let at = not_before(unit.heard.map(|(_, last)| last), at);
        let reports = &mut self.reports;
        reports.push(Report::Readings(unit.asleep(at)));
        tell(reports, unit.id(), &mut unit.said, health::asleep());
        for panel in unit.panels.values_mut().filter(|panel| !panel.is_gone) {
            reports.push(Report::Readings(panel.asleep(not_before(panel.at, at))));
            tell(reports, panel.id(), &mut panel.said, health::asleep());
        }
    }

    /// Tells that a day has begun while an inverter sleeps, so that nobody takes what yesterday brought for
    /// today's.
    pub(super) fn begin_day(&mut self, serial: Serial, now: Moment) {
        let today = self.today(now.wall);
        let Some(unit) = self.units.get_mut(&serial) else {
            return;
        };
        // One that was not heard in this run may have woken up before it began.
        let is_due = unit.is_asleep && unit.heard.is_some() && unit.slept_into < Some(today);
        let is_of_yesterday = |day: Option<Date>| {
            day.is_some_and(|day| day.tomorrow().is_ok_and(|next| next == today))
        };
        if !is_due || !is_of_yesterday(unit.day()) {
            return;
        }
        unit.slept_into = Some(today);
        let panels = unit.panels.values().filter(|panel| !panel.is_gone);
        let panels = panels.filter(|panel| is_of_yesterday(panel.day()));
        let ids = std::iter::once(unit.id()).chain(panels.map(Panel::id));
        let nothing = |id| Report::Readings(nothing_yet(id, now.wall, today));
        self.reports.extend(ids.map(nothing));
    }

    /// When the next day begins, while an inverter sleeps.
    pub(super) fn next_day(&self, now: Moment) -> Option<Duration> {
        let mut units = self.units.values();
        units
            .any(|unit| unit.is_asleep && unit.heard.is_some())
            .then_some(())?;
        let here = now.wall.to_zoned(self.setting.zone.clone());
        let next = here.tomorrow().and_then(|next| next.start_of_day()).ok()?;
        let left = Duration::try_from(next.timestamp().duration_since(now.wall)).ok()?;
        now.steady.checked_add(left)
    }

    fn today(&self, at: Timestamp) -> Date {
        at.to_zoned(self.setting.zone.clone()).date()
    }
}

/// What a day has brought that has only begun.
fn nothing_yet(id: DeviceId, at: Timestamp, today: Date) -> Readings {
    let mut readings = Readings::new(id, at);
    readings.day = Some(today);
    readings.push(TODAY.key, Decimal::integer(0));
    readings
}

/// A moment, or the one that was told last if that is a little later.
fn not_before(last: Option<Timestamp>, at: Timestamp) -> Timestamp {
    let is_near = |last: &Timestamp| last.duration_since(at).unsigned_abs() < SILENT;
    last.filter(is_near).map_or(at, |last| at.max(last))
}
