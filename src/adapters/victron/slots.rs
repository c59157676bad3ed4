//! Where each device is, or was when it was last heard of: what is remembered over a restart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::device::Remembered;

/// Before the serial number of a device that has no place any more.
const FORMER: &str = "formerly ";

/// Every cable that a device is or was at, by the cable's number or else by its port; and devices whose
/// place another one has taken.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slots(BTreeMap<String, Slot>);

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Slot {
    device: Remembered,
}

impl Slots {
    /// What is known of the device at a place.
    pub fn known(&self, place: &str) -> Remembered {
        let kept = self.0.get(place);
        kept.map(|kept| kept.device.clone()).unwrap_or_default()
    }

    /// Takes note of the device at a place, where it alone is from now on. Returns the identity of the
    /// one that was there before, if that is another one. Who has no identity yet is not kept.
    pub fn take(&mut self, place: &str, device: Remembered) -> Option<String> {
        let before = self.0.remove(place).map(|kept| kept.device);
        let is_other = |before: &Remembered| before.identity != device.identity;
        let former = before.filter(is_other);
        if device.identity.is_some() {
            self.forget(|identity| device.identity.as_deref() == Some(identity));
            self.0.insert(place.to_owned(), Slot { device });
        }
        let device = former?;
        let identity = device.identity.clone()?;
        self.0
            .insert(format!("{FORMER}{identity}"), Slot { device });
        Some(identity)
    }

    /// Every place and the identity of its device.
    pub fn devices(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(place, kept)| {
            let identity = kept.device.identity.as_deref()?;
            Some((place.as_str(), identity))
        })
    }

    /// Forgets a device, wherever it is or was.
    pub fn forget(&mut self, is_it: impl Fn(&str) -> bool) {
        self.0
            .retain(|_, kept| !kept.device.identity.as_deref().is_some_and(&is_it));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(identity: &str) -> Remembered {
        Remembered {
            identity: Some(identity.to_owned()),
            ..Remembered::default()
        }
    }

    fn all(slots: &Slots) -> Vec<(&str, &str)> {
        slots.devices().collect()
    }

    #[test]
    fn a_device_whose_place_is_taken_is_kept_until_it_is_back_or_to_be_forgotten() {
        let mut slots = Slots::default();
        assert_eq!(slots.take("VE1", device("A")), None);
        assert_eq!(slots.take("VE1", device("A")), None);
        // Another one that has not said yet who it is.
        assert_eq!(
            slots.take("VE1", Remembered::default()),
            Some("A".to_owned())
        );
        assert_eq!(slots.take("VE1", device("B")), None);
        assert_eq!(all(&slots), [("VE1", "B"), ("formerly A", "A")]);
        assert_eq!(slots.known("VE1"), device("B"));

        let mut back = slots.clone();
        assert_eq!(back.take("VE2", device("A")), None);
        assert_eq!(all(&back), [("VE1", "B"), ("VE2", "A")]);

        slots.forget(|identity| identity == "A");
        assert_eq!(all(&slots), [("VE1", "B")]);
    }

    #[test]
    fn a_device_is_at_one_place_and_two_can_swap_theirs() {
        let mut slots = Slots::default();
        slots.take("VE1", device("A"));
        assert_eq!(slots.take("VE2", device("A")), None);
        assert_eq!(all(&slots), [("VE2", "A")]);
        slots.take("VE1", device("B"));
        assert_eq!(slots.take("VE1", device("A")), Some("B".to_owned()));
        assert_eq!(slots.take("VE2", device("B")), None);
        assert_eq!(all(&slots), [("VE1", "A"), ("VE2", "B")]);
    }

    #[test]
    fn what_a_version_remembered_that_counted_absences_itself_is_read() {
        let text = r#"{ "VE1": { "device": { "identity": "A" }, "absent": 3 } }"#;
        let slots: Slots = serde_json::from_str(text).unwrap();
        assert_eq!(all(&slots), [("VE1", "A")]);
    }

    #[test]
    fn a_place_without_a_device_is_not_kept() {
        let mut slots = Slots::default();
        slots.take("VE1", Remembered::default());
        assert_eq!(slots, Slots::default());
    }
}
