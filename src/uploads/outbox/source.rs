//! The task around a target, as a source of the bridge.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::rounds::{NextRound, Rounds};
use super::told::describe;
use super::trying::try_login;
use crate::device::{BoxFuture, Context, Probed, Source, SourceError};
use crate::history::{History, HistoryError};
use crate::links::Links;
use crate::model::{Health, HealthCode, Report};
use crate::say;
use crate::uploads::configured::target_id;
use crate::uploads::{KIND, Plan, Succession, Upload};

/// While it waits it is looked so often whether somebody hurries.
const LOOK: Duration = Duration::from_secs(60);
/// Not all targets of all people send at the same moment after a slot is over.
const SPREAD: Duration = Duration::from_secs(20);

/// One configured target at work.
#[derive(Debug)]
pub struct UploadSource {
    upload: &'static dyn Upload,
    plan: Arc<dyn Plan>,
    history: History,
    succession: Arc<Succession>,
}

impl UploadSource {
    /// The target of a section, over this history.
    pub fn new(upload: &'static dyn Upload, plan: Arc<dyn Plan>, history: History) -> Self {
        // What comes before it runs is wanted too.
        if let Some(adapter) = plan.records_of() {
            history.keep_records(&target_id(upload, plan.as_ref()), adapter);
        }
        Self {
            upload,
            plan,
            history,
            succession: Arc::default(),
        }
    }

    /// Begins only when it is settled who goes on with what is left of former targets.
    #[must_use]
    pub fn after(mut self, succession: &Arc<Succession>) -> Self {
        self.succession = Arc::clone(succession);
        self
    }

    fn name(&self) -> String {
        format!(
            "{} {}",
            self.upload.spoken(),
            self.plan.short().replace('_', " ")
        )
    }

    async fn work(&self, context: Context) -> Result<(), SourceError> {
        let device = describe(&target_id(self.upload, self.plan.as_ref()), self.name());
        let reports = context.reports.clone();
        reports
            .send(Report::Device(Box::new(device.clone())))
            .await?;
        reports.send(Report::Complete(true)).await?;
        // Who began before would begin with now.
        while let Err(error) = self.succession.settle(&self.history.cursors()).await {
            if matches!(error, HistoryError::Off | HistoryError::Stopping) {
                break;
            }
            let error = error.to_string();
            let health = Health::new(HealthCode::Degraded)
                .seen(say!("the history cannot be used ({error})", error))
                .advise(say!("See the log of wattbridge."));
            reports
                .send(Report::Health(device.id.clone(), health))
                .await?;
            tokio::select! {
                () = context.stop.cancelled() => return Ok(()),
                () = sleep(LOOK) => {}
            }
        }
        let rounds = Rounds::begin(
            self.upload,
            self.plan.as_ref(),
            self.history.clone(),
            context.clock.clone(),
        );
        let mut rounds = match rounds.await {
            Ok(rounds) => rounds,
            Err(error) => {
                let error = error.to_string();
                let health = Health::new(HealthCode::Misconfigured)
                    .seen(say!("its secret is not there ({error})", error));
                reports
                    .send(Report::Health(device.id.clone(), health))
                    .await?;
                context.stop.cancelled().await;
                return Ok(());
            }
        };
        let spread = rounds.spread();
        let mut closed = self.history.closed();
        let mut recorded = self.history.recorded();
        let mut told = None;
        loop {
            let next = tokio::select! {
                () = context.stop.cancelled() => return Ok(()),
                next = rounds.round() => next,
            };
            if told.as_ref() != Some(rounds.state()) {
                let at = context.clock.now();
                let health = rounds.state().health.clone();
                reports
                    .send(Report::Readings(rounds.state().readings(&device, at)))
                    .await?;
                reports
                    .send(Report::Health(device.id.clone(), health))
                    .await?;
                told = Some(rounds.state().clone());
            }
            let slot = async {
                let came = if rounds.takes_records() {
                    recorded.changed().await
                } else {
                    closed.changed().await
                };
                match came {
                    Ok(()) => sleep(SPREAD.mul_f64(spread)).await,
                    Err(_) => std::future::pending().await,
                }
            };
            let hurry = async {
                loop {
                    sleep(LOOK).await;
                    if rounds.is_hurried().await {
                        break;
                    }
                }
            };
            let wait = async {
                match next {
                    NextRound::Now => {}
                    NextRound::After(wait) => tokio::select! {
                        () = sleep(wait) => {}
                        // More waits by now, which is told.
                        () = slot => {}
                        () = hurry => {}
                    },
                    NextRound::Slot => tokio::select! {
                        () = slot => {}
                        () = hurry => {}
                    },
                }
            };
            tokio::select! {
                () = context.stop.cancelled() => return Ok(()),
                () = wait => {}
            }
        }
    }
}

impl Source for UploadSource {
    fn adapter(&self) -> &'static str {
        KIND
    }

    fn spoken(&self) -> &'static str {
        "Upload"
    }

    fn label(&self) -> String {
        self.name()
    }

    fn run(self: Arc<Self>, context: Context) -> BoxFuture<Result<(), SourceError>> {
        Box::pin(async move { self.work(context).await })
    }

    fn probe(self: Arc<Self>, _: Links) -> BoxFuture<Result<Probed, String>> {
        Box::pin(async move { try_login(self.plan.as_ref()).await.map(Probed::from) })
    }
}
