//! Every topic there is, in one place.
//!
//! ```text
//! <base>/status                        online | offline, retained; also the last will
//! <base>/<device>/state                one flat JSON object with all values
//! <base>/<device>/availability         online | offline, retained
//! <base>/<device>/cmd/<key>            what the user wants set
//! <base>/<device>/result/<key>         what became of it, JSON
//! <prefix>/device/<device>/config      the announcement, retained
//! ```

use crate::bridge::own_device_id;
use crate::model::DeviceId;

/// Longest word taken for a device or a control; topics may have 65535 bytes, ours never do.
const LONGEST_WORD: usize = 128;

/// The topics below the configured base topic and discovery prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topics {
    base: String,
    bridge: DeviceId,
    prefix: String,
    /// Where Home Assistant says that it has started.
    pub(super) birth: String,
}

impl Topics {
    pub(super) fn new(base: &str, prefix: &str, birth: String) -> Self {
        Self {
            base: base.to_owned(),
            bridge: own_device_id(base),
            prefix: prefix.to_owned(),
            birth,
        }
    }

    /// Whether wattbridge itself runs.
    pub(super) fn status(&self) -> String {
        format!("{}/status", self.base)
    }

    /// The bridge's own device, which is told apart by the base topic too.
    pub(super) const fn bridge(&self) -> &DeviceId {
        &self.bridge
    }

    pub(super) fn state(&self, device: &str) -> String {
        format!("{}/{device}/state", self.base)
    }

    pub(super) fn availability(&self, device: &str) -> String {
        format!("{}/{device}/availability", self.base)
    }

    pub(super) fn command(&self, device: &str, key: &str) -> String {
        format!("{}/{device}/cmd/{key}", self.base)
    }

    pub(super) fn result(&self, device: &str, key: &str) -> String {
        format!("{}/{device}/result/{key}", self.base)
    }

    pub(super) fn config(&self, device: &str) -> String {
        format!("{}/device/{device}/config", self.prefix)
    }

    /// Matches every command.
    pub(super) fn all_commands(&self) -> String {
        self.command("+", "+")
    }

    /// Matches the announcement of every device, those of other programs too.
    pub(super) fn all_configs(&self) -> String {
        self.config("+")
    }

    /// The device whose announcement lives on this topic.
    pub(super) fn config_device<'t>(&self, topic: &'t str) -> Option<&'t str> {
        let rest = below(topic, &self.prefix)?.strip_prefix("device/")?;
        let device = rest.strip_suffix("/config")?;
        is_word(device).then_some(device)
    }

    /// Device and key that a command topic names.
    pub(super) fn command_target<'t>(&self, topic: &'t str) -> Option<(&'t str, &'t str)> {
        let (device, rest) = below(topic, &self.base)?.split_once('/')?;
        let key = rest.strip_prefix("cmd/")?;
        (is_word(device) && is_word(key)).then_some((device, key))
    }
}

fn below<'t>(topic: &'t str, root: &str) -> Option<&'t str> {
    topic.strip_prefix(root)?.strip_prefix('/')
}

/// Whether a word can stand between two slashes of a topic for Home Assistant, and in an id.
pub(super) fn is_word(word: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    !word.is_empty() && word.len() <= LONGEST_WORD && word.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeviceId;
    use proptest::prelude::*;

    fn topics() -> Topics {
        Topics::new(
            "home/wattbridge",
            "homeassistant",
            "homeassistant/status".into(),
        )
    }

    #[test]
    fn topics_are_what_the_documentation_says() {
        let topics = Topics::new("wattbridge", "homeassistant", "x".into());
        assert_eq!(topics.status(), "wattbridge/status");
        assert_eq!(topics.state("kaifa_1"), "wattbridge/kaifa_1/state");
        assert_eq!(
            topics.availability("kaifa_1"),
            "wattbridge/kaifa_1/availability"
        );
        assert_eq!(
            topics.command("kaifa_1", "relay"),
            "wattbridge/kaifa_1/cmd/relay"
        );
        assert_eq!(
            topics.result("kaifa_1", "relay"),
            "wattbridge/kaifa_1/result/relay"
        );
        assert_eq!(
            topics.config("kaifa_1"),
            "homeassistant/device/kaifa_1/config"
        );
        assert_eq!(topics.all_commands(), "wattbridge/+/cmd/+");
        assert_eq!(topics.all_configs(), "homeassistant/device/+/config");
    }

    #[test]
    fn reads_its_own_topics_only() {
        let topics = topics();
        for topic in [
            "home/wattbridge/x/cmd/",
            "home/wattbridge/x/cmd/a/b",
            "home/wattbridge//cmd/a",
            "home/wattbridge/x/state",
            "wattbridge/x/cmd/a",
            "home/wattbridge2/x/cmd/a",
            "home/wattbridge/x y/cmd/a",
            "",
        ] {
            assert_eq!(topics.command_target(topic), None, "{topic}");
        }
        for topic in [
            "homeassistant/device/config",
            "homeassistant/device/a/b/config",
            "homeassistant/sensor/a/config",
            "homeassistant/device/é/config",
        ] {
            assert_eq!(topics.config_device(topic), None, "{topic}");
        }
    }

    proptest! {
        #[test]
        fn any_serial_makes_topics_that_read_back(serial in ".{0,40}", key in "[a-z][a-z0-9_]{0,30}") {
            let id = DeviceId::new("aps_ecu", &serial);
            let topics = topics();
            let config = topics.config(id.as_str());
            prop_assert_eq!(topics.config_device(&config), Some(id.as_str()));
            let command = topics.command(id.as_str(), &key);
            prop_assert_eq!(topics.command_target(&command), Some((id.as_str(), key.as_str())));
            for topic in [config, command, topics.state(id.as_str()), topics.availability(id.as_str())] {
                let plain = |c: char| c.is_ascii_graphic() && !"+#$".contains(c);
                prop_assert!(topic.chars().all(plain), "{}", topic);
            }
        }

        #[test]
        fn no_topic_makes_it_panic(topic in ".*") {
            let _ = (topics().command_target(&topic), topics().config_device(&topic));
        }
    }
}
