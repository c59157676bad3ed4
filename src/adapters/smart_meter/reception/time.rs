//! What the passing of time means for a line: silence, its end, and meters that do not come back.

use std::sync::Arc;
use std::time::Duration;

use super::super::health;
use super::super::meter::Meter;
use super::Reception;
use crate::clock::Moment;
use crate::model::{DeviceId, Health, Report};

impl Reception {
    /// What the passing of time means: silence, of all or of single meters.
    pub fn tick(&mut self, now: Moment) -> Vec<Report> {
        let trouble = self.trouble(now);
        let config = Arc::clone(&self.config);
        let patience = |meter: &Meter| meter.patience(&config);
        let is_quiet = |meter: &Meter| {
            meter
                .last()
                .is_none_or(|last| now.since(last) >= patience(meter))
        };
        let others_speak = !self.meters.values().all(is_quiet);
        let mut reports = Vec::new();
        for meter in self.meters.values_mut().filter(|meter| is_quiet(meter)) {
            let waited = meter.last().unwrap_or(self.line.since());
            let health = match (&trouble, meter.trouble()) {
                (Some(trouble), _) => trouble.clone(),
                (None, Some(_)) => continue,
                _ if now.since(waited) < patience(meter) => continue,
                _ if others_speak => {
                    let silent = meter.silence(waited, now, &self.zone);
                    reports.extend(meter.put_absent(silent));
                    continue;
                }
                _ => health::no_telegram(),
            };
            reports.extend(meter.put_health(health));
        }
        reports.extend(trouble.and_then(|trouble| self.tell(trouble)));
        reports
    }

    /// A meter that was absent is to be kept no longer.
    pub fn forget(&mut self, device: &DeviceId) {
        self.meters
            .retain(|_, meter| meter.id().as_ref() != Some(device));
    }

    /// When silence, of the line or of a meter, means something new.
    pub fn silent_at(&self, now: Duration) -> Option<Duration> {
        let since = self.line.since();
        let meters = self.meters.values();
        let meters = meters.map(|meter| {
            let last = meter.last().unwrap_or(since);
            (last, meter.patience(&self.config))
        });
        // The line is as quiet as the meter that sends most often.
        let of_line = self.patience();
        let line = self.line.moments().into_iter();
        let moments = line.map(|moment| (moment, of_line)).chain(meters);
        let moments = moments.map(|(at, patience)| at + patience);
        moments.filter(|at| *at > now).min()
    }

    /// How long the line may be silent: as quiet as it gets is the meter that sends most often.
    fn patience(&self) -> Duration {
        let meters = self.meters.values().filter(|meter| meter.is_described());
        let patience = meters.map(|meter| meter.patience(&self.config)).min();
        patience.unwrap_or_else(|| self.config.silent_after.get())
    }

    /// What is wrong with everything that is on the line.
    fn trouble(&mut self, now: Moment) -> Option<Health> {
        let patience = self.patience();
        let of_line = self.line.trouble(now, patience, &self.zone);
        let unreadable = self.unreadable.as_ref();
        let certain = unreadable.filter(|(seen, _)| *seen >= health::FAILURES);
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
    pub fn health_of_all(&mut self, health: &Health) -> Vec<Report> {
        let meters = self.meters.values_mut();
        let mut reports: Vec<_> = meters
            .filter_map(|meter| meter.put_health(health.clone()))
            .collect();
        reports.extend(self.tell(health.clone()));
        reports
    }
}
