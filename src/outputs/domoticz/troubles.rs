//! What troubles the way to Domoticz, told once at each change.

use crate::bridge::Feed;
use crate::model::{Health, HealthCode};

/// The name of the output, in the log and for the status of the bridge.
pub const NAME: &str = "domoticz";

/// The trouble of each section.
#[derive(Debug)]
pub struct DomoticzTroubles(Vec<Option<Health>>);

impl DomoticzTroubles {
    /// So many sections without trouble.
    pub fn new(sections: usize) -> Self {
        Self(vec![None; sections])
    }

    /// What troubles a section now. Told if it is news.
    pub fn note(&mut self, section: usize, idx: u32, trouble: Option<Health>, feed: &Feed) {
        let Some(before) = self.0.get_mut(section) else {
            return;
        };
        if *before == trouble {
            return;
        }
        let is_same = is_same(before.as_ref(), trouble.as_ref());
        *before = trouble;
        match before {
            Some(trouble) if is_same => tracing::debug!("[{NAME}] {}", trouble.sentence()),
            Some(trouble) => tracing::warn!("[{NAME}] {}", trouble.sentence()),
            None => tracing::info!("[{NAME}] device {idx} of Domoticz is told again"),
        }
        feed.set_trouble(NAME, self.0.iter().flatten().next().cloned());
    }
}

/// A passing trouble has many words, which are no news.
fn is_same(before: Option<&Health>, now: Option<&Health>) -> bool {
    let is_passing = |it: Option<&Health>| it.is_some_and(|it| it.code == HealthCode::Retrying);
    is_passing(before) && is_passing(now)
}
