//! Where each device is, or was when it was last heard of: what is remembered over a restart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::KIND;
use super::device::Remembered;
use crate::model::DeviceId;
use crate::store::Memory;

/// Under which key it is kept.
const KEY: &str = "slots";
/// Before the id of a device that has no place any more.
const FORMER: &str = "formerly ";

/// Every cable that a device is or was at, by the cable's number or else by its port; and devices whose
/// place another one has taken.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slots(BTreeMap<String, Slot>);

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Slot {
    id: Option<DeviceId>,
    /// What is known of the device, where an earlier version kept that.
    #[serde(rename = "device", skip_serializing)]
    known: Option<Remembered>,
}

impl Slots {
    /// What is remembered.
    pub fn recall(memory: &Memory) -> Self {
        let mut slots: Self = memory.get(KEY).unwrap_or_default();
        for (place, slot) in &mut slots.0 {
            if let Some(known) = slot.known.take() {
                let identity = known.identity.as_deref();
                slot.id = identity.map(|identity| DeviceId::new(KIND, identity));
                memory.put(&Remembered::key(place), &known);
            }
        }
        slots
    }

    /// Remembers it.
    pub fn keep(&self, memory: &Memory) {
        memory.put(KEY, self);
    }

    /// Takes note of the device at a place, and that it is at no other. Returns the one that was there
    /// before, if that is another one.
    pub fn take(&mut self, place: &str, device: &DeviceId) -> Option<DeviceId> {
        self.0
            .retain(|other, slot| other == place || slot.id.as_ref() != Some(device));
        let slot = self.0.entry(place.to_owned()).or_default();
        let before = slot.id.replace(device.clone());
        let former = before.filter(|before| before != device)?;
        if self.devices().all(|(_, id)| *id != former) {
            let slot = Slot {
                id: Some(former.clone()),
                ..Slot::default()
            };
            self.0.insert(format!("{FORMER}{former}"), slot);
        }
        Some(former)
    }

    /// Every place and its device.
    pub fn devices(&self) -> impl Iterator<Item = (&str, &DeviceId)> {
        let all = self.0.iter();
        all.filter_map(|(place, slot)| Some((place.as_str(), slot.id.as_ref()?)))
    }

    /// Whether a device is or was at a place.
    pub fn has_device(&self, place: &str) -> bool {
        self.0.get(place).is_some_and(|slot| slot.id.is_some())
    }

    /// Forgets a device, wherever it is or was; returns those places.
    pub fn forget(&mut self, device: &DeviceId) -> Vec<String> {
        let mut places = Vec::new();
        self.0.retain(|place, slot| {
            let is_it = slot.id.as_ref() == Some(device);
            places.extend(is_it.then(|| place.clone()));
            !is_it
        });
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(identity: &str) -> DeviceId {
        DeviceId::new(KIND, identity)
    }

    fn all(slots: &Slots) -> Vec<(String, String)> {
        let own = |(place, id): (&str, &DeviceId)| (place.to_owned(), id.to_string());
        slots.devices().map(own).collect()
    }

    fn pair(place: &str, id: &str) -> (String, String) {
        (place.to_owned(), id.to_owned())
    }

    #[test]
    fn a_device_whose_place_is_taken_is_kept_until_it_is_back_or_to_be_forgotten() {
        let mut slots = Slots::default();
        assert_eq!(slots.take("VE1", &device("A")), None);
        assert_eq!(slots.take("VE1", &device("A")), None);
        assert_eq!(slots.take("VE1", &device("B")), Some(device("A")));
        let former = pair("formerly victron_a", "victron_a");
        assert_eq!(all(&slots), [pair("VE1", "victron_b"), former]);

        let mut back = slots.clone();
        assert_eq!(back.take("VE2", &device("A")), None);
        let both = [pair("VE1", "victron_b"), pair("VE2", "victron_a")];
        assert_eq!(all(&back), both);
        // Each of them has one place.
        assert_eq!(back.take("VE1", &device("A")), Some(device("B")));
        assert_eq!(back.take("VE2", &device("B")), None);
        let exchanged = [pair("VE1", "victron_a"), pair("VE2", "victron_b")];
        assert_eq!(all(&back), exchanged);

        assert_eq!(slots.forget(&device("A")), ["formerly victron_a"]);
        assert_eq!(all(&slots), [pair("VE1", "victron_b")]);
    }

    #[test]
    fn what_an_earlier_version_kept_here_is_brought_where_it_is_kept_now() {
        let known = Remembered {
            identity: Some("VE1".to_owned()),
            serial: Some("HQ000000001".to_owned()),
            ..Remembered::default()
        };
        let memory = Memory::passing();
        let earlier = serde_json::json!({ "VE1": { "device": known, "absent": 7 } });
        memory.put(KEY, &earlier);
        let slots = Slots::recall(&memory);
        assert_eq!(all(&slots), [pair("VE1", "victron_ve1")]);
        assert_eq!(memory.get(&Remembered::key("VE1")), Some(known));
        slots.keep(&memory);
        let kept = serde_json::json!({ "VE1": { "id": "victron_ve1" } });
        assert_eq!(memory.get(KEY), Some(kept));
        assert_eq!(Slots::recall(&memory), slots);
    }
}
