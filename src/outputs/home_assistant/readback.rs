//! Announcements on the broker: whose they are, and what they told.
//!
//! Anybody may publish one, so nothing of it is taken that could not be a bridge's.

use std::collections::BTreeMap;

use serde_json::Value;

use super::discovery::ORIGIN;
use super::topics::is_word;

/// Longest topic that is taken from an announcement, and the longest name of a bridge.
const LONGEST_TOPIC: usize = 512;
const LONGEST_NAME: usize = 128;
/// What an entity in memory takes besides its words, roughly.
const ENTITY: usize = 64;

/// Key of each entity and its platform.
pub type Entities = BTreeMap<String, String>;

/// An announcement of a wattbridge, as the broker kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadBack {
    pub payload: Vec<u8>,
    pub entities: Entities,
    /// Where its bridge says whether it runs: by this everybody knows whose it is.
    pub status: String,
    /// Where is said whether there is data.
    pub availability: String,
}

impl ReadBack {
    /// The announcement of a device; `None` for what other programs announced.
    pub fn read(id: &str, payload: Vec<u8>) -> Option<Self> {
        let announcement: Value = serde_json::from_slice(&payload).ok()?;
        if announcement["origin"]["name"] != ORIGIN {
            return None;
        }
        let topics = announcement["availability"].as_array()?;
        let mut topics = topics.iter().map(|entry| entry["topic"].as_str());
        let status = topics.next()??;
        let bases = bases(status)?;
        let availability = topics.next().flatten();
        let availability = availability.filter(|topic| {
            let base = topic.strip_suffix(&format!("/{id}/availability"));
            base.is_some_and(|base| bases.contains(&base))
        });
        Some(Self {
            entities: entities(&announcement),
            status: status.to_owned(),
            availability: availability.unwrap_or_default().to_owned(),
            payload,
        })
    }

    /// The bytes of memory that it takes, roughly.
    pub fn weight(&self) -> usize {
        let words = |(key, platform): (&String, &String)| key.len() + platform.len() + ENTITY;
        let entities: usize = self.entities.iter().map(words).sum();
        self.payload.len() + self.status.len() + self.availability.len() + entities
    }
}

/// The base topics that a status topic may be below, with the bridge's id and without; `None` if no
/// bridge has such a topic.
fn bases(status: &str) -> Option<[&str; 2]> {
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !"+#".contains(c);
    // People read this one. Before bridges had ids it was a level of a base topic.
    let is_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let above = status.strip_suffix("/status")?;
    let (base, last) = above.rsplit_once('/').unwrap_or(("", above));
    let is_topic = status.len() <= LONGEST_TOPIC && status.chars().all(is_plain);
    let is_named = (1..=LONGEST_NAME).contains(&last.len()) && last.chars().all(is_name);
    (is_topic && is_named).then_some([base, above])
}

/// The entities in an announcement.
pub fn entities(announcement: &Value) -> Entities {
    let components = announcement["components"].as_object();
    components
        .into_iter()
        .flatten()
        .filter_map(|(key, entity)| Some((key, entity["platform"].as_str()?)))
        .filter(|(key, platform)| is_word(key) && is_word(platform))
        .map(|(key, platform)| (key.clone(), platform.to_owned()))
        .collect()
}

/// The announcement with each of `stale` reduced to its platform, which is how Home Assistant is
/// told to remove an entity.
pub fn with_removals(mut announcement: Value, stale: &Entities) -> Value {
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

    fn read(announcement: &Value) -> Option<ReadBack> {
        ReadBack::read("x", announcement.to_string().into_bytes())
    }

    #[test]
    fn only_announcements_of_wattbridge_are_read() {
        let ours = json!({
            "origin": { "name": "wattbridge" },
            "availability": [{ "topic": "wattbridge/b2c3d4/status" }, { "topic": "wattbridge/x/availability" }],
            "components": { "power": { "platform": "sensor" }, "odd": {}, "a b": { "platform": "sensor" } }
        });
        let found = read(&ours).unwrap();
        let entities = [("power".to_owned(), "sensor".to_owned())].into();
        assert_eq!(found.entities, entities);
        assert_eq!(found.status, "wattbridge/b2c3d4/status");
        assert_eq!(found.availability, "wattbridge/x/availability");

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
    fn only_topics_that_a_bridge_has_are_taken() {
        let with = |status: &str, availability: &str| {
            read(&json!({
                "origin": { "name": "wattbridge" },
                "availability": [{ "topic": status }, { "topic": availability }],
            }))
        };
        let right = "home/wattbridge/x/availability";
        for status in ["home/wattbridge/b2c3d4/status", "home/wattbridge/status"] {
            assert_eq!(with(status, right).unwrap().availability, right, "{status}");
        }
        assert!(with("zähler.keller/status", right).is_some());
        let endless = format!("{}/b2c3d4/status", "home/".repeat(200));
        for status in [
            "#",
            "+/b2c3d4/status",
            "home/#/status",
            "home/+/status",
            "home/two words/status",
            "home/\u{1b}[2J/b2c3d4/status",
            "home//status",
            "home/b2c3d4/state",
            "status",
            &endless,
        ] {
            assert_eq!(with(status, right), None, "{status}");
        }
        for availability in [
            "#",
            "home/wattbridge/+/availability",
            "home/wattbridge/another/availability",
            "elsewhere/x/availability",
            "home/wattbridge/x/state",
        ] {
            let found = with("home/wattbridge/b2c3d4/status", availability).unwrap();
            assert_eq!(found.availability, "", "{availability}");
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
            prop_assert_eq!(ReadBack::read("x", payload), None);
        }
    }
}
