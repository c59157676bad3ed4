//! What troubles the history, for whoever asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Health, HealthCode, Sentence};

/// What is wrong, shared by those who notice and those who ask. All clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Trouble(Arc<Mutex<Option<Health>>>);

impl Trouble {
    /// Says what is wrong, once.
    pub fn tell(&self, detail: Sentence, advice: Sentence) {
        let health = Health::new(HealthCode::Degraded)
            .seen(detail)
            .advise(advice);
        let mut trouble = self.lock();
        if trouble
            .as_ref()
            .is_none_or(|before| before.code != health.code || before.advice != health.advice)
        {
            tracing::warn!("History: {}. {}", health.detail, health.advice);
        }
        *trouble = Some(health);
    }

    /// Nothing is wrong any more; whether there was anything.
    pub fn clear(&self) -> bool {
        self.lock().take().is_some()
    }

    /// What is wrong, in words with advice.
    pub fn get(&self) -> Option<Health> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Health>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
