//! What to say and do when the ECU does not answer.

use super::super::exchange::AskError;
use super::super::recovery;
use super::super::schedule::Round;
use super::Run;
use crate::clock::Moment;
use crate::device::SourceError;
use crate::links::Endpoint;
use crate::model::{Health, HealthCode, Report};

/// The port of the ECU's web page.
const WEB_PAGE: u16 = 80;

impl Run<'_> {
    /// What it means for the inverters that the ECU answered, but did not tell of them: a single
    /// missed answer is no outage as long as there were values before it.
    pub fn missed_telemetry(&mut self, error: &AskError) -> Health {
        let now = self.now();
        let (since, rounds) = self.blind.unwrap_or((now.steady, 0));
        self.blind = Some((since, rounds.saturating_add(1)));
        let health = error.health();
        let outage = rounds >= 2 && now.since(since) >= self.pace.outage;
        if error.is_passing() && self.last_data.is_some() && !outage {
            return Health::new(HealthCode::Retrying).seen(health.detail);
        }
        health
    }

    /// The ECU did not answer its first question.
    pub async fn failed(&mut self, health: &Health) -> Result<Round, SourceError> {
        let now = self.now();
        let since = *self.outage.get_or_insert(now.steady);
        let lasting = now.since(since);
        let failures = self.schedule.failures() + 1;
        // A single missed round is no outage as long as there were values before it.
        let outage = failures >= 3 && lasting >= self.pace.outage;
        if self.answered && !outage {
            let retrying = Health::new(HealthCode::Retrying).seen(health.detail.clone());
            self.report_health(&retrying).await?;
        } else {
            self.report_health(health).await?;
        }
        let hangs = matches!(health.code, HealthCode::Unreachable | HealthCode::Silent);
        if outage && hangs {
            self.restart(now).await;
        }
        if let Some(report) = self.installation.set_restart_needed(outage && hangs, now) {
            self.context.reports.send(report).await?;
        }
        Ok(Round::Failed)
    }

    /// Restarts an ECU that hangs, where that is possible, allowed and not done too often.
    async fn restart(&mut self, now: Moment) {
        // Without leave to write to the ECU there are none.
        let Some(settings) = &self.source.config.restart else {
            return;
        };
        if !self.installation.has_web_page() || !self.restarts.take(now) {
            return;
        }
        self.context.memory.put("restarts", &self.restarts);
        let page = Endpoint {
            port: WEB_PAGE,
            ..self.source.endpoint.clone()
        };
        match recovery::restart(&self.context.links, &page, settings).await {
            Ok(()) => tracing::warn!(
                "{}: the ECU hung and has been restarted; values come again in about 10 minutes. \
                 If this happens often, look at its power supply and its Wi-Fi.",
                self.source.endpoint
            ),
            Err(error) => tracing::warn!(
                "{}: the ECU hangs and cannot be restarted from here ({error}). Switch it off and on.",
                self.source.endpoint
            ),
        }
    }

    pub async fn recovered(&mut self) -> Result<(), SourceError> {
        self.answered = true;
        self.outage = None;
        let now = self.now();
        if let Some(report) = self.installation.set_restart_needed(false, now) {
            self.context.reports.send(report).await?;
        }
        Ok(())
    }

    pub async fn report_health(&self, health: &Health) -> Result<(), SourceError> {
        if !self.installation.is_identified() {
            return self
                .context
                .reports
                .send(Report::Source(health.clone()))
                .await;
        }
        for report in self.installation.health_of_all(health) {
            self.context.reports.send(report).await?;
        }
        Ok(())
    }
}
