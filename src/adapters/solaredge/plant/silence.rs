//! What it means that time passes and nothing is heard: of an inverter, of its panels, of what is attached.

use std::time::Duration;

use jiff::SignedDuration;

use super::inverter::REPORTING;
use super::{PANEL_SILENT, Plant, SILENT, tell};
use crate::adapters::solaredge::health;
use crate::adapters::solaredge::wire::Serial;
use crate::clock::Moment;
use crate::model::{Health, Report};

/// A connection by TLS is told of when it begins, and may last for hours.
const TLS_LASTS: Duration = Duration::from_secs(12 * 3600);

impl Plant {
    /// Somebody speaks by TLS: whoever of the inverters says nothing may be it. Whether that is news.
    pub fn hear_tls(&mut self, now: Moment) -> bool {
        let before = self.tls.replace(now.steady);
        before.is_none_or(|before| now.since(before) >= TLS_LASTS)
    }

    /// Looks at what the passing of time means.
    pub fn on_time(&mut self, now: Moment) {
        let units: Vec<Serial> = self.units.keys().copied().collect();
        for serial in units {
            self.watch(serial, now);
            self.begin_day(serial, now);
        }
    }

    fn watch(&mut self, serial: Serial, now: Moment) {
        let Some(unit) = self.units.get_mut(&serial) else {
            return;
        };
        let is_tls = self.tls.is_some_and(|heard| now.since(heard) < TLS_LASTS);
        let reports = &mut self.reports;
        // Why there are no values of what cannot be opened has been said.
        if unit.is_shut {
            return;
        }
        let is_connected = unit.connected.is_some_and(|it| now.since(it) < SILENT);
        if unit.heard.is_none()
            && unit.awaited.is_some_and(|since| now.since(since) >= SILENT)
            && !unit.is_asleep
        {
            // The last that an earlier run heard was the evening.
            let doubt = unit.pace.doubt(now);
            if unit.is_idle && !is_connected {
                let at = unit.at.unwrap_or(now.wall).min(now.wall);
                self.put_to_sleep(serial, at);
            } else if !self
                .units
                .get(&serial)
                .is_some_and(|it| self.is_gateway(it))
            {
                let why =
                    doubt.map_or_else(|| health::not_heard(is_connected), health::clock_in_doubt);
                self.say_of_silent(serial, &why, now);
            }
            return;
        }
        if let Some((heard, at)) = unit.heard
            && now.since(heard) >= SILENT
            && !unit.is_asleep
        {
            unit.producing = None;
            if unit.is_idle {
                let silence = SignedDuration::try_from(now.since(heard)).unwrap_or_default();
                let at = at.checked_add(silence).unwrap_or(at);
                self.put_to_sleep(serial, at);
                return;
            }
            let doubt = unit.pace.doubt(now);
            let why = match doubt {
                Some(seconds) => health::clock_in_doubt(seconds),
                None if is_tls => health::tls(),
                None => health::silent(is_connected),
            };
            self.say_of_silent(serial, &why, now);
            return;
        }
        if unit
            .producing
            .is_some_and(|since| now.since(since) >= PANEL_SILENT)
        {
            for panel in unit.panels.values_mut().filter(|panel| !panel.is_gone) {
                let heard = panel.heard.map(|(heard, _)| heard);
                if heard.is_none_or(|heard| now.since(heard) >= PANEL_SILENT) {
                    let why = health::panel_silent(panel.at.is_some());
                    tell(reports, panel.id(), &mut panel.said, why);
                }
            }
        }
        let is_asleep = unit.is_asleep;
        for attached in unit.meters.values_mut().chain(unit.batteries.values_mut()) {
            if attached
                .heard
                .is_some_and(|heard| now.since(heard) >= REPORTING)
            {
                attached.heard = None;
                reports.push(Report::Readings(attached.silent(now.wall)));
                let why = if is_asleep {
                    health::asleep()
                } else {
                    health::attached_silent()
                };
                tell(reports, attached.id(), &mut attached.said, why);
            }
        }
    }

    /// When [`Self::on_time`] is of use next after this moment.
    pub fn due(&self, moment: Moment) -> Option<Duration> {
        let now = moment.steady;
        let units = self.units.values();
        let dues = units.flat_map(|unit| {
            let heard = unit.heard.map(|(heard, _)| heard).or(unit.awaited);
            let silent = heard
                .filter(|_| !unit.is_asleep)
                .map(|heard| heard + SILENT);
            let panels = unit.producing.into_iter().flat_map(|since| {
                unit.panels.values().map(move |panel| {
                    panel.heard.map_or(since, |(heard, _)| heard.max(since)) + PANEL_SILENT
                })
            });
            let attached = unit.meters.values().chain(unit.batteries.values());
            let attached = attached
                .filter_map(|it| it.heard)
                .map(|heard| heard + REPORTING);
            silent.into_iter().chain(panels).chain(attached)
        });
        let dues = dues.chain(self.next_day(moment));
        dues.filter(|due| *due > now).min()
    }

    /// The same of an inverter that is silent, and what of it is silent, too.
    fn say_of_silent(&mut self, serial: Serial, health: &Health, now: Moment) {
        let Some(unit) = self.units.get_mut(&serial) else {
            return;
        };
        let is_silent = |heard: Option<Duration>| heard.is_none_or(|at| now.since(at) >= SILENT);
        let reports = &mut self.reports;
        tell(reports, unit.id(), &mut unit.said, health.clone());
        for panel in unit.panels.values_mut().filter(|panel| !panel.is_gone) {
            if is_silent(panel.heard.map(|(heard, _)| heard)) {
                tell(reports, panel.id(), &mut panel.said, health.clone());
            }
        }
        let attached = unit.meters.values_mut().chain(unit.batteries.values_mut());
        for attached in attached.filter(|attached| is_silent(attached.heard)) {
            tell(reports, attached.id(), &mut attached.said, health.clone());
        }
    }
}
