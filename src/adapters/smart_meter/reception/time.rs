//! What the passing of time means for a line: silence, its end, and meters that never come back.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::health;
use super::super::meter::Meter;
use super::Reception;
use crate::model::{DeviceId, Health, Report};

/// The wall clock may go a little faster or slower; more is the clock being set, or a computer that
/// has slept.
const LEAP: Duration = Duration::from_secs(5);

impl Reception {
    /// What the passing of time means: silence, and meters that have been gone for long. `elapsed`
    /// is a time that nobody sets.
    pub fn tick(&mut self, now: Timestamp, elapsed: Duration) -> Vec<Report> {
        let (wall, before) = self
            .ticked
            .replace((now, elapsed))
            .unwrap_or((now, elapsed));
        let step = elapsed.saturating_sub(before);
        let shown = now.duration_since(wall);
        if SignedDuration::try_from(step).is_ok_and(|step| (shown - step).unsigned_abs() > LEAP) {
            self.line.leap(now);
            self.meters.values_mut().for_each(|meter| meter.leap(now));
        }
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
                _ if others_speak => health::meter_silent(waited, &self.zone),
                _ => health::no_telegram(),
            };
            reports.extend(meter.put_health(health));
        }
        let gone = |id: &DeviceId| reports.contains(&Report::Gone(id.clone()));
        self.meters
            .retain(|_, meter| !meter.id().is_some_and(|id| gone(&id)));
        reports.extend(trouble.and_then(|trouble| self.tell(trouble)));
        reports
    }

    /// How long until silence, of the line or of a meter, means something new.
    pub fn until_silence(&self, now: Timestamp) -> Option<Duration> {
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
        let past = |at| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        let left = moments.filter_map(|(at, patience)| patience.checked_sub(past(at)));
        left.filter(|left| !left.is_zero()).min()
    }

    /// How long the line may be silent: as quiet as it gets is the meter that sends most often.
    fn patience(&self) -> Duration {
        let meters = self.meters.values().filter(|meter| meter.is_described());
        let patience = meters.map(|meter| meter.patience(&self.config)).min();
        patience.unwrap_or_else(|| self.config.silent_after.get())
    }

    /// What is wrong with everything that is on the line.
    fn trouble(&self, now: Timestamp) -> Option<Health> {
        let of_line = self.line.trouble(now, self.patience(), &self.zone);
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
