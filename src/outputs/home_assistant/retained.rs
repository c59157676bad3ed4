//! Announcements that the broker kept from earlier: which are ours, and what they told.

use std::collections::BTreeMap;

use serde_json::Value;

use super::discovery::ORIGIN;

/// Key of each entity and its platform.
pub(super) type Entities = BTreeMap<String, String>;

/// One of our own announcements, as the broker kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Retained {
    pub(super) payload: Vec<u8>,
    pub(super) entities: Entities,
}

impl Retained {
    /// `None` for what other programs announced, and for a wattbridge with another base topic: both
    /// signs have to be there before anything is touched.
    pub(super) fn read(payload: Vec<u8>, status_topic: &str) -> Option<Self> {
        let announcement: Value = serde_json::from_slice(&payload).ok()?;
        let is_ours = announcement["origin"]["name"] == ORIGIN;
        let mut topics = announcement["availability"].as_array()?.iter();
        let is_of_this_bridge = topics.any(|entry| entry["topic"] == status_topic);
        (is_ours && is_of_this_bridge).then(|| Self {
            entities: entities(&announcement),
            payload,
        })
    }
}

/// The entities in an announcement.
pub(super) fn entities(announcement: &Value) -> Entities {
    let components = announcement["components"].as_object();
    components
        .into_iter()
        .flatten()
        .filter_map(|(key, entity)| Some((key.clone(), entity["platform"].as_str()?.to_owned())))
        .collect()
}

/// The announcement with each of `stale` reduced to its platform, which is how Home Assistant is
/// told to remove an entity.
pub(super) fn with_removals(mut announcement: Value, stale: &Entities) -> Value {
    if let Some(components) = announcement["components"].as_object_mut() {
        for (key, platform) in stale {
            components.insert(key.clone(), serde_json::json!({ "platform": platform }));
        }
    }
    announcement
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(announcement: &Value) -> Option<Retained> {
        Retained::read(announcement.to_string().into_bytes(), "wattbridge/status")
    }

    #[test]
    fn only_announcements_of_this_bridge_are_ours() {
        let ours = json!({
            "origin": { "name": "wattbridge" },
            "availability": [{ "topic": "wattbridge/status" }, { "topic": "x" }],
            "components": { "power": { "platform": "sensor" }, "odd": {} }
        });
        let entities = read(&ours).unwrap().entities;
        assert_eq!(entities, [("power".to_owned(), "sensor".to_owned())].into());

        let mut foreign = ours.clone();
        foreign["origin"]["name"] = "zigbee".into();
        assert_eq!(read(&foreign), None);
        let mut neighbour = ours;
        neighbour["availability"][0]["topic"] = "attic/status".into();
        assert_eq!(read(&neighbour), None);
        for other in [
            json!({}),
            json!([]),
            json!(1),
            json!({ "origin": 1, "availability": [1] }),
        ] {
            assert_eq!(read(&other), None);
        }
    }

    #[test]
    fn a_removal_is_nothing_but_a_platform() {
        let announcement = json!({ "components": { "power": { "platform": "sensor", "a": 1 } } });
        let stale = [("relay".to_owned(), "switch".to_owned())].into();
        let reduced = with_removals(announcement.clone(), &stale);
        assert_eq!(
            reduced["components"]["relay"],
            json!({ "platform": "switch" })
        );
        assert_eq!(
            reduced["components"]["power"],
            announcement["components"]["power"]
        );
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic(payload: Vec<u8>) {
            prop_assert_eq!(Retained::read(payload, "wattbridge/status"), None);
        }
    }
}
