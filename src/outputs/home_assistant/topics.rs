//! Every topic there is, in one place.
//!
//! ```text
//! <base>/<bridge>/status               online | offline, retained; also the last will
//! <base>/<device>/state                one flat JSON object with all values
//! <base>/<device>/availability         online | offline, retained
//! <base>/<device>/cmd/<key>            what the user wants set
//! <base>/<device>/result/<key>         what became of it, JSON
//! <prefix>/device/<device>/config      the announcement, retained
//! ```
//!
//! `<bridge>` is the id of this bridge, so that any number of them share a broker. It stands in each
//! announcement, as the first topic of its availability: so everybody knows whose it is. Before there
//! were such ids, all bridges with one base topic shared `<base>/status`.

use crate::bridge::own_device_id;
use crate::model::DeviceId;
use crate::store::Identity;

/// Longest word taken for a device or a control; topics may have 65535 bytes, ours never do.
const LONGEST_WORD: usize = 128;

/// Whose announcement it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// This bridge's.
    Ours,
    /// Of some bridge with this base topic, this one perhaps, before bridges had ids.
    Earlier,
    /// Another bridge's.
    Another,
}

/// The topics below the configured base topic and discovery prefix.
#[derive(Debug, Clone)]
pub struct Topics {
    base: String,
    identity: Identity,
    /// The bridge's own device, as it is known in here.
    own: DeviceId,
    /// The same, as it is announced.
    bridge: DeviceId,
    prefix: String,
    /// Where Home Assistant says that it has started.
    pub birth: String,
}

impl Topics {
    pub fn new(base: &str, prefix: &str, birth: String, identity: &Identity) -> Self {
        let own = own_device_id(identity.id());
        let earlier = DeviceId::new(base, "bridge");
        let bridge = if identity.has_earlier_name() {
            earlier
        } else {
            own.clone()
        };
        Self {
            base: base.to_owned(),
            identity: identity.clone(),
            own,
            bridge,
            prefix: prefix.to_owned(),
            birth,
        }
    }

    /// Whether this bridge runs.
    pub fn status(&self) -> String {
        format!("{}/{}/status", self.base, self.identity.id())
    }

    /// The same of all bridges with this base topic, before they had ids.
    pub fn earlier_status(&self) -> String {
        format!("{}/status", self.base)
    }

    /// Whose the announcement with this status topic is.
    pub fn whose(&self, status: &str) -> Whose {
        // Our own also if the base topic was another one then.
        if bridge_of(status) == self.identity.id() {
            Whose::Ours
        } else if below(status, &self.base) == Some("status") {
            Whose::Earlier
        } else {
            Whose::Another
        }
    }

    /// Whether it was this bridge that announced a device before bridges had ids.
    pub fn announced_before(&self, device: &str) -> bool {
        self.identity.announced_before(device)
    }

    /// The bridge's own device as it is announced, which those without a parent are behind.
    pub const fn bridge(&self) -> &DeviceId {
        &self.bridge
    }

    /// By which id a device is announced. It is its own, but for the bridge's device where that
    /// was announced before bridges had ids: its history hangs on the old one.
    pub fn announced_as<'a>(&'a self, id: &'a DeviceId) -> &'a DeviceId {
        if *id == self.own { &self.bridge } else { id }
    }

    /// The old id of the bridge's own device is another bridge's: false if it was not in use.
    pub fn give_up_earlier_name(&mut self) -> bool {
        let had_it = self.bridge != self.own;
        if had_it {
            self.bridge = self.own.clone();
            self.identity.give_up_earlier_name();
        }
        had_it
    }

    pub fn state(&self, device: &str) -> String {
        format!("{}/{device}/state", self.base)
    }

    pub fn availability(&self, device: &str) -> String {
        format!("{}/{device}/availability", self.base)
    }

    pub fn command(&self, device: &str, key: &str) -> String {
        format!("{}/{device}/cmd/{key}", self.base)
    }

    pub fn result(&self, device: &str, key: &str) -> String {
        format!("{}/{device}/result/{key}", self.base)
    }

    pub fn config(&self, device: &str) -> String {
        format!("{}/device/{device}/config", self.prefix)
    }

    /// Matches every command.
    pub fn all_commands(&self) -> String {
        self.command("+", "+")
    }

    /// Matches the announcement of every device, those of other programs too.
    pub fn all_configs(&self) -> String {
        self.config("+")
    }

    /// The device whose announcement lives on this topic.
    pub fn config_device<'t>(&self, topic: &'t str) -> Option<&'t str> {
        let rest = below(topic, &self.prefix)?.strip_prefix("device/")?;
        let device = rest.strip_suffix("/config")?;
        is_word(device).then_some(device)
    }

    /// Device and key that a command topic names.
    pub fn command_target<'t>(&self, topic: &'t str) -> Option<(&'t str, &'t str)> {
        let (device, rest) = below(topic, &self.base)?.split_once('/')?;
        let key = rest.strip_prefix("cmd/")?;
        (is_word(device) && is_word(key)).then_some((device, key))
    }
}

/// The bridge that a status topic belongs to; before bridges had ids, its base topic.
pub fn bridge_of(status: &str) -> &str {
    let before = status.strip_suffix("/status").unwrap_or(status);
    before.rsplit('/').next().unwrap_or(before)
}

fn below<'t>(topic: &'t str, root: &str) -> Option<&'t str> {
    topic.strip_prefix(root)?.strip_prefix('/')
}

/// Whether a word can stand between two slashes of a topic for Home Assistant, and in an id.
pub fn is_word(word: &str) -> bool {
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
            &Identity::named("k7m2qx"),
        )
    }

    #[test]
    fn topics_are_what_the_documentation_says() {
        let identity = Identity::named("k7m2qx");
        let topics = Topics::new("wattbridge", "homeassistant", "x".into(), &identity);
        assert_eq!(topics.status(), "wattbridge/k7m2qx/status");
        assert_eq!(topics.bridge().as_str(), "wattbridge_k7m2qx");
        assert_eq!(
            topics.state("smart_meter_1"),
            "wattbridge/smart_meter_1/state"
        );
        assert_eq!(
            topics.availability("smart_meter_1"),
            "wattbridge/smart_meter_1/availability"
        );
        assert_eq!(
            topics.command("smart_meter_1", "relay"),
            "wattbridge/smart_meter_1/cmd/relay"
        );
        assert_eq!(
            topics.result("smart_meter_1", "relay"),
            "wattbridge/smart_meter_1/result/relay"
        );
        assert_eq!(
            topics.config("smart_meter_1"),
            "homeassistant/device/smart_meter_1/config"
        );
        assert_eq!(topics.all_commands(), "wattbridge/+/cmd/+");
        assert_eq!(topics.all_configs(), "homeassistant/device/+/config");
    }

    #[test]
    fn an_announcement_tells_whose_it_is() {
        let topics = topics();
        for (status, whose) in [
            ("home/wattbridge/k7m2qx/status", Whose::Ours),
            ("k7m2qx/status", Whose::Ours),
            ("wattbridge/k7m2qx/status", Whose::Ours),
            ("home/wattbridge/status", Whose::Earlier),
            ("home/wattbridge/b2c3d4/status", Whose::Another),
            ("wattbridge/status", Whose::Another),
            ("home/status", Whose::Another),
            ("", Whose::Another),
        ] {
            assert_eq!(topics.whose(status), whose, "{status}");
        }
        assert_eq!(bridge_of("home/wattbridge/b2c3d4/status"), "b2c3d4");
        assert_eq!(bridge_of("attic/status"), "attic");
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
