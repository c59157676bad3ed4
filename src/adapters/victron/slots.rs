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
    /// Hours for which nothing has been plugged in here.
    absent: u64,
}

impl Slots {
    /// What is known of the device at a place, where a cable is now.
    pub fn plugged(&mut self, place: &str) -> Remembered {
        let kept = self.0.entry(place.to_owned()).or_default();
        kept.absent = 0;
        kept.device.clone()
    }

    /// Takes note of the device at a place. Returns the identity of the one that was there before, if
    /// that is another one.
    pub fn take(&mut self, place: &str, device: Remembered) -> Option<String> {
        if let Some(identity) = &device.identity {
            // It is back.
            self.0.remove(&format!("{FORMER}{identity}"));
        }
        let kept = self.0.entry(place.to_owned()).or_default();
        let before = std::mem::replace(&mut kept.device, device);
        let is_other = before.identity.is_some() && before.identity != kept.device.identity;
        let identity = before.identity.clone().filter(|_| is_other)?;
        let former = Slot {
            device: before,
            absent: 0,
        };
        self.0.insert(format!("{FORMER}{identity}"), former);
        Some(identity)
    }

    /// Every place and the identity of its device.
    pub fn devices(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(place, kept)| {
            let identity = kept.device.identity.as_deref()?;
            Some((place.as_str(), identity))
        })
    }

    /// An hour has passed. Forgets what has not been plugged in for more than so many hours; returns
    /// those slots and the identities of their devices.
    pub fn pass_hour(
        &mut self,
        longest: u64,
        is_plugged: impl Fn(&str) -> bool,
    ) -> Vec<(String, String)> {
        let mut forgotten = Vec::new();
        self.0.retain(|place, kept| {
            if is_plugged(place) {
                return true;
            }
            kept.absent += 1;
            let is_kept = kept.absent <= longest;
            if !is_kept && let Some(identity) = kept.device.identity.take() {
                forgotten.push((place.clone(), identity));
            }
            is_kept
        });
        forgotten
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

    fn all(slots: &Slots) -> Vec<(String, String)> {
        let own = |(place, identity): (&str, &str)| (place.to_owned(), identity.to_owned());
        slots.devices().map(own).collect()
    }

    fn pair(place: &str, identity: &str) -> (String, String) {
        (place.to_owned(), identity.to_owned())
    }

    #[test]
    fn a_device_whose_place_is_taken_is_kept_until_it_is_back_or_gone_for_long() {
        let mut slots = Slots::default();
        slots.plugged("VE1");
        assert_eq!(slots.take("VE1", device("A")), None);
        assert_eq!(slots.take("VE1", device("A")), None);
        assert_eq!(slots.take("VE1", device("B")), Some("A".to_owned()));
        assert_eq!(all(&slots), [pair("VE1", "B"), pair("formerly A", "A")]);

        let mut back = slots.clone();
        assert_eq!(back.take("VE2", device("A")), None);
        assert_eq!(all(&back), [pair("VE1", "B"), pair("VE2", "A")]);

        let is_plugged = |place: &str| place == "VE1";
        assert_eq!(slots.pass_hour(1, is_plugged), []);
        assert_eq!(slots.pass_hour(1, is_plugged), [pair("formerly A", "A")]);
        assert_eq!(all(&slots), [pair("VE1", "B")]);
    }

    #[test]
    fn a_place_without_a_device_is_forgotten_too() {
        let mut slots = Slots::default();
        slots.plugged("VE1");
        assert_eq!(slots.pass_hour(0, |_| false), []);
        assert_eq!(slots, Slots::default());
    }
}
