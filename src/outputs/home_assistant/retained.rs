//! Announcements that the broker kept from earlier: whose they are, and what they told.

use std::collections::BTreeMap;

use serde_json::Value;

use super::discovery::ORIGIN;

/// Key of each entity and its platform.
pub(super) type Entities = BTreeMap<String, String>;

/// An announcement of a wattbridge, as the broker kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Retained {
    pub(super) payload: Vec<u8>,
    pub(super) entities: Entities,
    /// Where its bridge says whether it runs: by this everybody knows whose it is.
    pub(super) status: String,
    /// Where is said whether there is data.
    pub(super) availability: String,
}

impl Retained {
    /// `None` for what other programs announced.
    pub(super) fn read(payload: Vec<u8>) -> Option<Self> {
        let announcement: Value = serde_json::from_slice(&payload).ok()?;
        let is_wattbridge = announcement["origin"]["name"] == ORIGIN;
        let topics = announcement["availability"].as_array()?;
        let mut topics = topics.iter().map(|entry| entry["topic"].as_str());
        let status = topics.next()??.to_owned();
        let availability = topics.next().flatten().unwrap_or_default().to_owned();
        is_wattbridge.then(|| Self {
            entities: entities(&announcement),
            payload,
            status,
            availability,
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
        Retained::read(announcement.to_string().into_bytes())
    }

    #[test]
    fn only_announcements_of_wattbridge_are_read() {
        let ours = json!({
            "origin": { "name": "wattbridge" },
            "availability": [{ "topic": "wattbridge/b2c3d4/status" }, { "topic": "x" }],
            "components": { "power": { "platform": "sensor" }, "odd": {} }
        });
        let found = read(&ours).unwrap();
        let entities = [("power".to_owned(), "sensor".to_owned())].into();
        assert_eq!(found.entities, entities);
        assert_eq!(found.status, "wattbridge/b2c3d4/status");
        assert_eq!(found.availability, "x");

        let mut foreign = ours.clone();
        foreign["origin"]["name"] = "zigbee".into();
        assert_eq!(read(&foreign), None);
        let mut without = ours;
        without["availability"] = json!([]);
        assert_eq!(read(&without), None);
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
            prop_assert_eq!(Retained::read(payload), None);
        }
    }
}
