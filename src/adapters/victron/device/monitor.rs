//! Shunts that measure something else than a battery: they have no charge, and count energy under
//! other names.

/// What only a battery has.
pub const OF_A_BATTERY: &[&str] = &[
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
pub const OF_A_METER: &[(&str, &str)] = &[
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

/// The key under which an energy meter reports what a battery monitor calls otherwise.
pub fn name(key: &'static str, is_meter: bool) -> &'static str {
    let other = OF_A_METER.iter().find(|(known, _)| *known == key);
    other.filter(|_| is_meter).map_or(key, |(_, other)| other)
}
