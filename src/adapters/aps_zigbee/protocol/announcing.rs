//! What is said of the stick and its inverters: what they are, and how they are.

use std::time::Duration;

use super::{HOUR, PATIENCE, RESTARTS, StickConversation};
use crate::adapters::aps_zigbee::metrics::STICK;
use crate::adapters::aps_zigbee::radio::{RadioState, RadioTrouble};
use crate::adapters::aps_zigbee::wire::ids::InverterSerial;
use crate::adapters::aps_zigbee::{KIND, control, health};
use crate::clock::Moment;
use crate::model::{Device, Health, Report};

impl StickConversation {
    pub(super) fn describe_stick(&self) -> Report {
        let id = self.network.to_string();
        let tail = id.get(..4).unwrap_or_default();
        let mut device = Device::new(
            KIND,
            id.clone(),
            format!("Zigbee stick {tail}"),
            "Texas Instruments",
        );
        device.model = Some("Zigbee stick".to_owned());
        device.firmware.clone_from(&self.firmware);
        device.rated_power = Some(self.nameplates().saturating_mul(13) / 10);
        device.patience = Some(PATIENCE);
        device.metrics = STICK.to_vec();
        if !self.config.listen_only {
            device.controls = control::of_stick(self.nameplates());
        }
        Report::Device(Box::new(device))
    }

    pub(super) fn describe(&mut self, serial: InverterSerial) {
        let stick = self.id();
        let Some(inverter) = self.inverters.get(&serial) else {
            return;
        };
        let mut device = inverter.device(&stick);
        if !self.config.listen_only {
            let has_original = inverter.remembered.original_limit.is_some();
            device.controls = control::controls(inverter.model(), has_original);
        }
        self.out.report([Report::Device(Box::new(device))]);
    }

    /// Says how an inverter is, if that is news.
    pub(super) fn say(&mut self, serial: InverterSerial, health: Health) {
        let Some(inverter) = self.inverters.get_mut(&serial) else {
            return;
        };
        if inverter.said.as_ref() != Some(&health) {
            inverter.said = Some(health.clone());
            let id = inverter.id();
            self.out.report([Report::Health(id, health)]);
        }
    }

    /// Says how an inverter is of which there is nothing else to say.
    pub(super) fn say_usual(&mut self, serial: InverterSerial, now: Moment) {
        let Some(inverter) = self.inverters.get(&serial) else {
            return;
        };
        let is_paired = inverter.remembered.place.address().is_some() || self.config.listen_only;
        let behind = |trouble| health::behind(self.trouble(trouble));
        let health = match &self.state {
            RadioState::Trouble(trouble) if is_paired => behind(trouble),
            RadioState::Trouble(trouble)
                if inverter.unpaired.is_none() && *trouble != RadioTrouble::Deaf =>
            {
                behind(trouble)
            }
            _ if !is_paired => inverter.unpaired.clone().unwrap_or_else(health::not_paired),
            _ if self.is_deaf => behind(&RadioTrouble::Deaf),
            _ if inverter.remembered.is_sealed => health::sealed(),
            _ if inverter.remembered.is_unread => health::unread(inverter.remembered.model),
            _ if self.is_night || inverter.is_asleep => health::asleep(),
            _ if inverter.is_current => Health::ONLINE,
            _ => health::waiting(),
        };
        // What it has while it sleeps is known, whatever was known before.
        let is_news = inverter.said.as_ref() != Some(&health);
        let is_known = inverter.heard.is_some() || inverter.is_read();
        if health == health::asleep() && is_news && is_known {
            let readings = [
                inverter.asleep(now.wall),
                inverter.energies(&self.zone, now),
            ];
            self.out.report(readings.map(Report::Readings));
        }
        self.say(serial, health);
    }

    /// Whether the stick has started by itself too often of late.
    pub(super) fn is_restarting(&self) -> bool {
        self.restarts.len() >= RESTARTS
    }

    /// What was an hour ago is forgiven; true if the stick is well again by that.
    pub(super) fn forgive(&mut self, now: Moment) -> bool {
        let was_restarting = self.is_restarting();
        let is_old = |at: &Duration| now.since(*at) >= HOUR;
        while self.restarts.front().is_some_and(is_old) {
            self.restarts.pop_front();
        }
        was_restarting && !self.is_restarting()
    }

    /// How a stick is that is ready.
    pub(super) fn when_ready(&mut self, now: Moment) -> Health {
        self.forgive(now);
        // That it starts does not mean that it hears.
        if self.is_deaf {
            self.trouble(&RadioTrouble::Deaf)
        } else if self.is_restarting() {
            health::stick(&RadioTrouble::KeepsRestarting)
        } else {
            Health::ONLINE
        }
    }

    /// How a stick with this trouble is.
    pub(super) fn trouble(&self, trouble: &RadioTrouble) -> Health {
        let has_heard = self.inverters.values().any(|it| it.remembered.inputs > 0);
        match trouble {
            RadioTrouble::Deaf => health::deaf(has_heard),
            other => health::stick(other),
        }
    }

    pub(super) fn say_stick(&mut self, health: Health) {
        if self.said.as_ref() != Some(&health) {
            self.said = Some(health.clone());
            let id = self.id();
            self.out.report([Report::Health(id, health)]);
        }
    }

    /// Says how each inverter is.
    pub(super) fn say_all(&mut self, now: Moment) {
        let serials: Vec<InverterSerial> = self.inverters.keys().copied().collect();
        for serial in serials {
            self.say_usual(serial, now);
        }
    }
}
