//! What the passing of time means for a line: silence, its end, and meters that never come back.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::diagnosis;
use super::super::meter::Meter;
use super::Reception;
use crate::model::{DeviceId, Health, Report};

/// Time is looked at every few seconds; a larger step is the clock being set, or a computer that
/// has slept.
const LEAP: Duration = Duration::from_secs(60);

impl Reception {
    /// What the passing of time means: silence, and meters that have been gone for long.
    pub(in super::super) fn tick(&mut self, now: Timestamp) -> Vec<Report> {
        let step = self
            .ticked
            .replace(now)
            .map(|last| now.duration_since(last));
        let leaped = step.is_some_and(|step| step.is_negative() || step.unsigned_abs() > LEAP);
        if leaped {
            self.line.leap(now);
            self.meters.values_mut().for_each(|meter| meter.leap(now));
        }
        let step = step.filter(|_| !leaped).unwrap_or_default().unsigned_abs();
        let trouble = self.trouble(now);
        let config = Arc::clone(&self.config);
        let patience = |meter: &Meter| meter.patience(&config);
        let is_quiet = |meter: &Meter| {
            let since = |last| now.duration_since(last).unsigned_abs();
            meter
                .last()
                .is_none_or(|last| since(last) >= patience(meter))
        };
        let others_speak = !self.meters.values().all(is_quiet);
        let mut reports = Vec::new();
        for meter in self.meters.values_mut().filter(|meter| is_quiet(meter)) {
            if others_speak && meter.miss(step) >= self.config.forget_after.get() {
                reports.extend(meter.id().map(Report::Gone));
                continue;
            }
            let waited = meter.last().unwrap_or(self.line.since());
            let health = match (&trouble, meter.trouble()) {
                (Some(trouble), _) => trouble.clone(),
                (None, Some(_)) => continue,
                _ if now.duration_since(waited).unsigned_abs() < patience(meter) => continue,
                _ if others_speak => diagnosis::meter_silent(waited, &self.zone),
                _ => diagnosis::no_telegram(),
            };
            reports.extend(meter.put_health(health));
        }
        let gone = |id: &DeviceId| reports.contains(&Report::Gone(id.clone()));
        self.meters
            .retain(|_, meter| !meter.id().is_some_and(|id| gone(&id)));
        reports.extend(trouble.and_then(|trouble| self.tell(trouble)));
        reports
    }

    /// What is wrong with everything that is on the line.
    fn trouble(&self, now: Timestamp) -> Option<Health> {
        // The line is as quiet as the meter that sends most often.
        let meters = self.meters.values().filter(|meter| meter.is_described());
        let patience = meters.map(|meter| meter.patience(&self.config)).min();
        let patience = patience.unwrap_or_else(|| self.config.silent_after.get());
        let of_line = self.line.trouble(now, patience, &self.zone);
        let unreadable = self.unreadable.as_ref();
        let certain = unreadable.filter(|(seen, _)| *seen >= diagnosis::FAILURES);
        of_line.or_else(|| certain.map(|(_, why)| why.clone()))
    }

    /// Says how the line is, while no meter is known that could say it.
    fn tell(&mut self, health: Health) -> Option<Report> {
        let is_known = self.meters.values().any(|meter| meter.id().is_some());
        if is_known || self.told.as_ref() == Some(&health) {
            return None;
        }
        self.told = Some(health.clone());
        Some(Report::Source(health))
    }

    /// The same health for everything.
    pub(in super::super) fn health_of_all(&mut self, health: &Health) -> Vec<Report> {
        let meters = self.meters.values_mut();
        let mut reports: Vec<_> = meters
            .filter_map(|meter| meter.put_health(health.clone()))
            .collect();
        reports.extend(self.tell(health.clone()));
        reports
    }
}
