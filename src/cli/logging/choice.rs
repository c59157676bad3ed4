//! Which lines are written, and which ones there are at all. It may change while the program runs.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{self, Context};

use super::kept;
use crate::web::LogBook;

/// That of the log of this process.
static STARTED: OnceLock<Choice> = OnceLock::new();

/// Which lines are written; cheap to clone.
#[derive(Debug, Clone)]
pub struct Choice(Arc<RwLock<Targets>>);

impl Choice {
    pub fn new(targets: Targets) -> Self {
        Self(Arc::new(RwLock::new(targets)))
    }

    /// From now on this is the one that [`choose_anew`] is about.
    pub fn keep(&self) {
        let _ = STARTED.set(self.clone());
    }

    pub fn chosen(&self) -> Targets {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let targets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        targets.would_enable(metadata.target(), metadata.level())
    }

    #[cfg(test)]
    #[allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]
    pub fn test_targets(&self) -> std::sync::RwLockWriteGuard<'_, Targets> {
        self.0.write().unwrap()
    }

    fn most(&self) -> LevelFilter {
        let targets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let named = targets.iter().map(|(_, level)| level).max();
        let others = targets.default_level();
        named.max(others).unwrap_or(LevelFilter::TRACE)
    }
}

/// Whether there is one.
pub fn is_kept() -> bool {
    STARTED.get().is_some()
}

/// Changes which lines of this process are written.
pub fn choose_anew(targets: Targets) {
    if let Some(Choice(chosen)) = STARTED.get() {
        *chosen.write().unwrap_or_else(PoisonError::into_inner) = targets;
        tracing::callsite::rebuild_interest_cache();
    }
}

/// Chooses those that are written, without what they are about: they say it themselves.
pub struct WrittenLines(pub Choice);

impl<S> layer::Filter<S> for WrittenLines {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        !kept::is_of_device(metadata) && self.0.wants(metadata)
    }
}

/// Chooses those that there are at all.
pub struct ChosenLines {
    pub written: Choice,
    pub kept: LogBook,
}

impl ChosenLines {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        kept::is_of_device(metadata)
            || self.written.wants(metadata)
            || (metadata.is_event() && kept::wants(&self.kept, metadata))
    }
}

impl<S: Subscriber> Layer<S> for ChosenLines {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        use crate::web::LogLevel;
        let kept = if self.kept.wants(LogLevel::Debug) {
            LevelFilter::DEBUG
        } else {
            LevelFilter::INFO
        };
        Some(self.written.most().max(kept))
    }
}
