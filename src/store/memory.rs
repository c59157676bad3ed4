//! What adapters remember.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::saved::{Saved, Subject};
use super::writer::Store;

/// Where the bridge itself remembers things, beside the sections of the configuration.
const BRIDGE: &str = "bridge";

/// What one configured section wants to find again after a restart.
#[derive(Debug, Clone)]
pub struct Memory {
    /// None for one that lasts no longer than the program.
    store: Option<Store>,
    source: String,
    saved: Arc<Mutex<BTreeMap<String, Value>>>,
}

/// Whether something is on the disk.
#[derive(Debug)]
pub struct DiskAnswer(Option<oneshot::Receiver<bool>>);

impl DiskAnswer {
    /// `None` as long as it is not known. A memory that lasts no longer than the program has nothing to wait for.
    pub fn is_done(&mut self) -> Option<bool> {
        let Some(answer) = &mut self.0 else {
            return Some(true);
        };
        match answer.try_recv() {
            Err(TryRecvError::Empty) => None,
            answer => Some(answer.unwrap_or(false)),
        }
    }
}

impl Memory {
    /// The memory of `source`, filled with what was saved.
    pub fn new(store: Store, source: &str, saved: &Saved) -> Self {
        let of_source = |((from, key), value): (&(String, String), &Value)| {
            (from == source).then(|| (key.clone(), value.clone()))
        };
        let values = saved.memory.iter().filter_map(of_source).collect();
        Self {
            store: Some(store),
            source: source.to_owned(),
            saved: Arc::new(Mutex::new(values)),
        }
    }

    /// The memory of the bridge itself.
    pub fn of_bridge(store: Store, saved: &Saved) -> Self {
        Self::new(store, BRIDGE, saved)
    }

    /// One that remembers nothing, and forgets everything at the end.
    pub fn passing() -> Self {
        Self {
            store: None,
            source: String::new(),
            saved: Arc::default(),
        }
    }

    /// What was saved under `key`; `None` also when it has another shape than expected.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        saved.get(key).and_then(|value| T::deserialize(value).ok())
    }

    /// Forgets what is saved under `key`.
    pub fn forget(&self, key: &str) {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if saved.remove(key).is_some() {
            self.save(key, None);
        }
    }

    /// Saves `value` under `key`, if it differs from what is there.
    pub fn put(&self, key: &str, value: &impl Serialize) {
        let Ok(json) = serde_json::to_value(value) else {
            return;
        };
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if saved.get(key) == Some(&json) {
            return;
        }
        self.save(key, Some(&json));
        saved.insert(key.to_owned(), json);
    }

    /// Has all that was put until now written, and tells whether it is. For what must not be lost whatever happens
    /// next.
    pub fn written(&self) -> DiskAnswer {
        DiskAnswer(self.store.as_ref().map(Store::written))
    }

    fn save(&self, key: &str, value: Option<&Value>) {
        if let Some(store) = &self.store {
            let subject = Subject::Memory {
                source: self.source.clone(),
                key: key.to_owned(),
            };
            store.save(subject, &self.source, value);
        }
    }
}
