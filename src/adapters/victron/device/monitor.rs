//! Shunts that measure something else than a battery: they have no charge, and count energy under
//! other names.

use super::VeDevice;
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

/// What a battery monitor reports, and what an energy meter calls the same.
const OF_A_METER: &[(&str, &str)] = &[
    ("battery_power", "power"),
    ("battery_current", "current"),
    ("battery_voltage", "voltage"),
    ("battery_voltage_min", "voltage_min"),
    ("battery_voltage_max", "voltage_max"),
    ("energy_discharged", "energy_produced"),
    ("energy_charged", "energy_consumed"),
];

/// Whether the name of a value follows from what the shunt measures. It must not become a value
/// before that is certain: the energies of two modes are different ones.
pub fn depends_on_mode(key: &str) -> bool {
    OF_A_METER.iter().any(|(known, _)| *known == key)
}

impl VeDevice {
    /// The key under which an energy meter reports what a battery monitor calls otherwise.
    pub fn in_monitor_mode(&self, key: &'static str) -> &'static str {
        let other = OF_A_METER.iter().find(|(known, _)| *known == key);
        other
            .filter(|_| self.known.is_meter)
            .map_or(key, |(_, other)| other)
    }

    /// Takes note of what a shunt measures: a battery, or something that has no charge.
    pub fn know_monitor(&mut self) {
        let Some(Value::Text(word)) = self.holding.get("monitor_mode") else {
            return;
        };
        self.is_mode_told = true;
        let is_meter = words::MONITOR.word(0) != Some(word.as_ref());
        if is_meter != self.known.is_meter {
            tracing::info!("{}: the shunt measures a {word} now", self.label());
            self.known.is_meter = is_meter;
            for (of_a_battery, of_a_meter) in OF_A_METER {
                self.forget(if is_meter { of_a_battery } else { of_a_meter });
            }
        }
        if is_meter {
            for key in OF_A_BATTERY {
                self.forget(key);
            }
        }
    }
}
