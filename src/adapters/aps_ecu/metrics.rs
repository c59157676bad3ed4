//! What an ECU and its inverters report: data, not code.

use super::wire::VoltageKind;
use crate::model::{EnergyPart, Metric, OnOff, Quantity};

/// The gateway itself.
pub const ECU: &[Metric] = &[
    Metric::measurement("power", Quantity::Power).part(EnergyPart::Sun),
    Metric::daily("energy_today", Quantity::Energy)
        .named("Energy today")
        .decimals(2)
        .part(EnergyPart::SunEnergy),
    Metric::lifetime("energy_total", Quantity::Energy)
        .named("Lifetime energy")
        .decimals(1)
        .part(EnergyPart::SunEnergy),
    Metric::measurement("inverters_online", Quantity::Count).named("Inverters online"),
    Metric::daily("energy_today_computed", Quantity::Energy)
        .named("Energy today (computed)")
        .decimals(1)
        .since_midnight_of("energy_total")
        .diagnostic()
        .off_by_default(),
    Metric::measurement("inverters", Quantity::Count)
        .named("Inverters registered")
        .diagnostic(),
    // New with each cycle, which would fill the list of the device's recent activity.
    Metric::timestamp("data_time")
        .named("Last measurement")
        .diagnostic()
        .off_by_default(),
    Metric::timestamp("last_upload")
        .named("Last cloud upload")
        .diagnostic()
        .off_by_default(),
    // The device's page says it anyway; this one has a history.
    Metric::text("firmware")
        .named("Firmware")
        .diagnostic()
        .off_by_default(),
    Metric::text("radio_channel")
        .named("Radio channel")
        .diagnostic()
        .off_by_default(),
    Metric::on_off("restart_needed", OnOff::Problem)
        .named("Restart needed")
        .about_connection(),
];

/// Everything any inverter can report, in the order it is shown. A device takes the part that fits
/// its channels and voltages: see [`inverter`].
pub const INVERTER: &[Metric] = &[
    Metric::measurement("power", Quantity::Power).part(EnergyPart::Sun),
    Metric::lifetime("energy_computed", Quantity::Energy)
        .named("Energy (computed)")
        .decimals(2)
        .integral_of("power")
        .part(EnergyPart::SunEnergy),
    Metric::measurement("panel_1_power", Quantity::Power).named("Panel 1 power"),
    Metric::measurement("panel_2_power", Quantity::Power).named("Panel 2 power"),
    Metric::measurement("panel_3_power", Quantity::Power).named("Panel 3 power"),
    Metric::measurement("panel_4_power", Quantity::Power).named("Panel 4 power"),
    panel_energy(
        "panel_1_energy_computed",
        "Panel 1 energy (computed)",
        "panel_1_power",
    ),
    panel_energy(
        "panel_2_energy_computed",
        "Panel 2 energy (computed)",
        "panel_2_power",
    ),
    panel_energy(
        "panel_3_energy_computed",
        "Panel 3 energy (computed)",
        "panel_3_power",
    ),
    panel_energy(
        "panel_4_energy_computed",
        "Panel 4 energy (computed)",
        "panel_4_power",
    ),
    Metric::on_off("online", OnOff::Connectivity)
        .named("Radio contact")
        .diagnostic(),
    Metric::measurement("voltage", Quantity::Voltage)
        .named("Grid voltage")
        .diagnostic(),
    Metric::measurement("voltage_2", Quantity::Voltage)
        .named("Grid voltage, second reading")
        .diagnostic()
        .off_by_default(),
    Metric::measurement("voltage_l1", Quantity::Voltage)
        .named("Grid voltage L1")
        .diagnostic(),
    Metric::measurement("voltage_l2", Quantity::Voltage)
        .named("Grid voltage L2")
        .diagnostic(),
    Metric::measurement("voltage_l3", Quantity::Voltage)
        .named("Grid voltage L3")
        .diagnostic(),
    Metric::measurement("voltage_l1_l2", Quantity::Voltage)
        .named("Grid voltage L1-L2")
        .diagnostic(),
    Metric::measurement("voltage_l2_l3", Quantity::Voltage)
        .named("Grid voltage L2-L3")
        .diagnostic(),
    Metric::measurement("voltage_l3_l1", Quantity::Voltage)
        .named("Grid voltage L3-L1")
        .diagnostic(),
    Metric::measurement("frequency", Quantity::Frequency)
        .named("Grid frequency")
        .decimals(1)
        .diagnostic()
        // The same in the whole house, and in the whole country.
        .off_by_default(),
    Metric::measurement("temperature", Quantity::Temperature).diagnostic(),
    Metric::measurement("signal_quality", Quantity::SignalQuality)
        .named("Radio signal")
        .diagnostic(),
    Metric::text("raw_record")
        .named("Raw record")
        .diagnostic()
        .off_by_default(),
];

/// The power of each panel.
pub const PANEL_POWER: [&str; 4] = [
    "panel_1_power",
    "panel_2_power",
    "panel_3_power",
    "panel_4_power",
];
const PANEL_ENERGY: [&str; 4] = [
    "panel_1_energy_computed",
    "panel_2_energy_computed",
    "panel_3_energy_computed",
    "panel_4_energy_computed",
];
/// What every inverter has.
const ALWAYS: [&str; 6] = [
    "power",
    "energy_computed",
    "online",
    "frequency",
    "temperature",
    "signal_quality",
];

const fn panel_energy(key: &'static str, name: &'static str, power: &'static str) -> Metric {
    Metric::lifetime(key, Quantity::Energy)
        .named(name)
        .decimals(2)
        .integral_of(power)
        .off_by_default()
}

/// The keys of an inverter's voltages, in the order of the wire.
pub const fn voltages(kind: VoltageKind) -> &'static [&'static str] {
    match kind {
        VoltageKind::Grid => &["voltage", "voltage_2"],
        VoltageKind::PhaseToNeutral => &["voltage_l1", "voltage_l2", "voltage_l3"],
        VoltageKind::PhaseToPhase => &["voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1"],
    }
}

/// The metrics of an inverter with so many channels and voltages. `raw` adds the bytes of a record
/// that nobody has described.
pub fn inverter(
    channels: usize,
    voltages_kind: VoltageKind,
    voltage_count: usize,
    raw: bool,
) -> Vec<Metric> {
    let voltages = voltages(voltages_kind);
    let has = |key: &str| {
        ALWAYS.contains(&key)
            || PANEL_POWER.iter().take(channels).any(|panel| *panel == key)
            || PANEL_ENERGY
                .iter()
                .take(channels)
                .any(|panel| *panel == key)
            || voltages
                .iter()
                .take(voltage_count)
                .any(|voltage| *voltage == key)
            || (raw && key == "raw_record")
    };
    INVERTER
        .iter()
        .filter(|metric| has(&metric.key))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(metrics: &[Metric]) -> Vec<&str> {
        metrics.iter().map(|metric| metric.key.as_ref()).collect()
    }

    #[test]
    fn an_inverter_has_what_its_product_has() {
        let ds3 = inverter(2, VoltageKind::Grid, 2, false);
        assert!(keys(&ds3).contains(&"panel_2_energy_computed"));
        assert!(!keys(&ds3).contains(&"panel_3_power"));
        let qs1 = inverter(4, VoltageKind::Grid, 1, false);
        assert!(keys(&qs1).contains(&"voltage") && !keys(&qs1).contains(&"voltage_2"));
        let qt2 = inverter(4, VoltageKind::PhaseToPhase, 3, false);
        assert!(keys(&qt2).contains(&"voltage_l3_l1") && !keys(&qt2).contains(&"voltage_l1"));
        assert!(keys(&inverter(0, VoltageKind::Grid, 0, true)).contains(&"raw_record"));
    }

    #[test]
    fn every_key_of_the_selection_is_in_the_table() {
        let known = keys(INVERTER);
        let kinds = [
            VoltageKind::Grid,
            VoltageKind::PhaseToNeutral,
            VoltageKind::PhaseToPhase,
        ];
        let voltages = kinds.into_iter().flat_map(voltages);
        for key in ALWAYS
            .iter()
            .chain(&PANEL_POWER)
            .chain(&PANEL_ENERGY)
            .chain(voltages)
        {
            assert!(known.contains(key), "{key}");
        }
    }
}
