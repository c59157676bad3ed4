//! Whether somebody is there who could give commands, or take one back.

/// What is known of the broker and of Home Assistant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HaStatus {
    is_connected: bool,
    /// Home Assistant has said that it goes. Its birth message is usually not retained, so that a
    /// new connection to the broker says nothing about it.
    is_away: bool,
}

impl HaStatus {
    /// The broker is connected, or no longer.
    pub const fn connected(&mut self, is_connected: bool) {
        self.is_connected = is_connected;
    }

    /// Home Assistant has said that it is there, or that it goes.
    pub const fn told(&mut self, is_there: bool) {
        self.is_away = !is_there;
    }

    /// Whether commands can arrive.
    pub const fn is_attended(self) -> bool {
        self.is_connected && !self.is_away
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_arrive_while_the_broker_is_connected() {
        let mut presence = HaStatus::default();
        assert!(!presence.is_attended());
        presence.connected(true);
        assert!(presence.is_attended());
        presence.connected(false);
        assert!(!presence.is_attended());
    }

    #[test]
    fn who_has_gone_is_not_back_because_the_broker_is() {
        let mut presence = HaStatus::default();
        presence.connected(true);
        presence.told(false);
        assert!(!presence.is_attended());
        presence.connected(false);
        presence.connected(true);
        assert!(!presence.is_attended());
        presence.told(true);
        assert!(presence.is_attended());
    }
}
