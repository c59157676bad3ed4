//! What is announced and read, line by line, for pipes and terminals that can do no more.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Zoned;

use super::values::{lack, values};
use crate::bridge::{Feed, News};
use crate::model::{Device, DeviceId, DeviceState, HealthCode, Update};

/// Values on one line.
const MOST: usize = 5;

/// Makes a line of each piece of news that is one.
#[derive(Debug, Default)]
pub struct NewsLines {
    /// What was said of each device last.
    said: BTreeMap<DeviceId, String>,
}

impl NewsLines {
    /// The line for this news; `None` for what has been said before.
    pub fn line(&mut self, news: &News, feed: &Feed) -> Option<String> {
        let text = match news {
            News::Update(Update::Device(device)) => announced(device),
            News::Update(Update::State(state)) => self.read(state, feed)?,
            News::Update(Update::Removed(_)) | News::Missed => return None,
        };
        Some(format!("{}  {text}", Zoned::now().strftime("%H:%M:%S")))
    }

    fn read(&mut self, state: &Arc<DeviceState>, feed: &Feed) -> Option<String> {
        let mut known = feed.get(&state.device)?;
        known.state = Arc::clone(state);
        let name = &known.device.name;
        let shown = values(&known);
        let text = match lack(&known) {
            // The announcement has just said that it is there.
            Some(_) if state.health.code == HealthCode::Starting => return None,
            Some(lack) => format!("waiting    {name:<13}  {lack}"),
            None if shown.is_empty() => return None,
            None => {
                let one = |shown: super::values::Shown| format!("{} {}", shown.title, shown.value);
                let all: Vec<_> = shown.into_iter().take(MOST).map(one).collect();
                format!("read       {name:<13}  {}", all.join("  "))
            }
        };
        let before = self.said.insert(state.device.clone(), text.clone());
        (before.as_ref() != Some(&text)).then_some(text)
    }
}

fn announced(device: &Device) -> String {
    let model = device.model.as_deref().unwrap_or("device");
    let entities = device.metrics.len() + device.controls.len();
    let kind = format!("{} {model}", device.manufacturer);
    format!(
        "announced  {:<13}  {}, {entities} entities",
        device.name,
        kind.trim()
    )
}
