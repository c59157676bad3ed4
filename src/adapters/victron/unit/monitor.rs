//! Shunts that measure something else than a battery: they have no charge, and count energy under
//! other names.

use super::Unit;
use crate::adapters::victron::wire::words;
use crate::model::Value;

/// What only a battery has.
const OF_A_BATTERY: &[&str] = &[
    "consumed_charge",
    "state_of_charge",
    "time_to_go",
    "deepest_discharge",
    "last_discharge",
    "average_discharge",
    "charge_cycles",
    "full_discharges",
    "charge_drawn",
    "last_full_charge",
    "synchronisations",
];

impl Unit {
    /// The key under which an energy meter reports what a battery monitor calls otherwise.
    pub(super) fn in_monitor_mode(&self, key: &'static str) -> &'static str {
        match key {
            "energy_discharged" if self.known.is_meter => "energy_produced",
            "energy_charged" if self.known.is_meter => "energy_consumed",
            key => key,
        }
    }

    /// Takes note of what a shunt measures: a battery, or something that has no charge.
    pub(super) fn know_monitor(&mut self) {
        let Some(Value::Text(word)) = self.holding.get("monitor_mode") else {
            return;
        };
        let is_meter = words::MONITOR.word(0) != Some(word.as_ref());
        if is_meter != self.known.is_meter {
            tracing::info!("{}: the shunt measures a {word} now", self.label());
            self.known.is_meter = is_meter;
            let stale = if is_meter {
                ["energy_discharged", "energy_charged"]
            } else {
                ["energy_produced", "energy_consumed"]
            };
            for key in stale {
                self.forget(key);
            }
        }
        if is_meter {
            for key in OF_A_BATTERY {
                self.forget(key);
            }
        }
    }
}
