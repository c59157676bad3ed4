//! Keeps one source running: starts it, starts it again when it fails, and never gives up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use crate::backoff::Backoff;
use crate::device::{Context, Source, SourceError};

/// Seconds before each restart.
const PAUSES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 300];
/// A run this long counts as success: the next pause is short again.
const GOOD_RUN: Duration = Duration::from_secs(600);

/// News about a source itself.
#[derive(Debug)]
pub enum Incident {
    /// It failed and will be started again.
    Failed {
        /// Which one.
        source: usize,
        /// What it said.
        error: String,
        /// How long until the next start.
        pause: Duration,
    },
    /// It has nothing more to read, ever.
    Ended(usize),
}

/// What lines of the log are about that a source writes.
pub fn span_of(source: &dyn Source) -> Span {
    let device = format!("{} {}", source.spoken(), source.label());
    tracing::info_span!("device", %device)
}

/// Runs a source until `stop`. `context` makes a fresh context for each start.
pub async fn supervise(
    index: usize,
    source: Arc<dyn Source>,
    span: Span,
    context: impl Fn() -> Context,
    incidents: mpsc::Sender<Incident>,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::new(PAUSES);
    while !stop.is_cancelled() {
        let begun = tokio::time::Instant::now();
        // A task of its own, so that a panic inside ends nothing but this run.
        let run = tokio::spawn(Arc::clone(&source).run(context()).instrument(span.clone()));
        let error = match run.await {
            Ok(Err(SourceError::BridgeEnded)) => return,
            Ok(Ok(())) if stop.is_cancelled() => return,
            Ok(Err(SourceError::RecordingEnded)) => {
                let _ = incidents.send(Incident::Ended(index)).await;
                return;
            }
            Ok(Ok(())) => "it ended without being told to".to_owned(),
            Err(error) => format!("it crashed ({error})"),
        };
        if begun.elapsed() >= GOOD_RUN {
            backoff.reset();
        }
        let pause = backoff.after_failure();
        let incident = Incident::Failed {
            source: index,
            error,
            pause,
        };
        if incidents.send(incident).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}
