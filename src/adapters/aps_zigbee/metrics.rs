//! What a stick and its inverters report: data, not code.

use crate::model::{EnergyPart, Metric, OnOff, Quantity};

/// The stick, which stands for all its inverters.
pub const STICK: &[Metric] = &[
    Metric::measurement("power", Quantity::Power)
        .decimals(1)
        .part(EnergyPart::Sun),
    Metric::daily("energy_today", Quantity::Energy)
        .named("Energy today")
        .decimals(3)
        .summed_here()
        .part(EnergyPart::SunEnergy),
    Metric::lifetime("energy_total", Quantity::Energy)
        .named("Lifetime energy")
        .decimals(3)
        .summed_here()
        .part(EnergyPart::SunEnergy),
    Metric::measurement("inverters_online", Quantity::Count).named("Inverters online"),
    Metric::measurement("inverters_paired", Quantity::Count)
        .named("Inverters paired")
        .diagnostic(),
    Metric::on_off("pairing", OnOff::Plain)
        .named("Pairing")
        .about_connection()
        .off_by_default(),
    Metric::text("ecu_id")
        .named("Network id")
        .about_connection()
        .off_by_default(),
    Metric::text("stick_firmware")
        .named("Stick firmware")
        .about_connection()
        .off_by_default(),
];

/// Everything that an inverter can report but for its inputs.
pub const INVERTER: &[Metric] = &[
    Metric::measurement("power", Quantity::Power)
        .decimals(1)
        .part(EnergyPart::Sun),
    Metric::daily("energy_today", Quantity::Energy)
        .named("Energy today")
        .decimals(3)
        .summed_here()
        .part(EnergyPart::SunEnergy),
    Metric::lifetime("energy_total", Quantity::Energy)
        .named("Lifetime energy")
        .decimals(3)
        .summed_here()
        .part(EnergyPart::SunEnergy),
    Metric::measurement("dc_power", Quantity::Power)
        .named("DC power")
        .decimals(1)
        .diagnostic()
        .off_by_default(),
    Metric::measurement("power_counted", Quantity::Power)
        .named("Power by counters")
        .decimals(1)
        .diagnostic()
        .off_by_default(),
    Metric::measurement("reactive_power", Quantity::ReactivePower)
        .named("Reactive power")
        .diagnostic()
        .off_by_default(),
    Metric::measurement("voltage", Quantity::Voltage)
        .named("Grid voltage")
        .decimals(1)
        .diagnostic(),
    Metric::measurement("frequency", Quantity::Frequency)
        .named("Grid frequency")
        .decimals(2)
        .diagnostic()
        // The same in the whole house, and in the whole country.
        .off_by_default(),
    Metric::measurement("temperature", Quantity::Temperature)
        .decimals(1)
        .diagnostic(),
    Metric::measurement("signal_quality", Quantity::SignalQuality)
        .named("Radio signal")
        .diagnostic(),
    Metric::measurement("relays", Quantity::Count)
        .named("Relays on the way")
        .diagnostic()
        .off_by_default(),
    Metric::text("events")
        .named("Events")
        .in_words()
        .diagnostic(),
    Metric::timestamp("running_since")
        .named("Running since")
        .diagnostic()
        .off_by_default(),
    Metric::text("last_start")
        .named("Last start")
        .in_words()
        .diagnostic()
        .off_by_default(),
    Metric::text("address")
        .named("Radio address")
        .diagnostic()
        .off_by_default(),
    Metric::measurement("power_limit", Quantity::Power)
        .named("Power limit per input")
        .diagnostic()
        .off_by_default(),
    // An inverter that cannot be read has no values, and yet this one.
    Metric::text("raw_record")
        .named("Raw record")
        .about_connection()
        .off_by_default(),
];

/// What each input can report, in the order of the places in which inputs are shown.
pub const INPUTS: &[[Metric; 6]] = &[
    input(
        ["panel_1_power", "Panel 1 power"],
        ["panel_1_energy_today", "Panel 1 energy today"],
        ["panel_1_energy_total", "Panel 1 lifetime energy"],
        ["panel_1_voltage", "Panel 1 voltage"],
        ["panel_1_current", "Panel 1 current"],
        ["panel_1_power_counted", "Panel 1 power by counter"],
    ),
    input(
        ["panel_2_power", "Panel 2 power"],
        ["panel_2_energy_today", "Panel 2 energy today"],
        ["panel_2_energy_total", "Panel 2 lifetime energy"],
        ["panel_2_voltage", "Panel 2 voltage"],
        ["panel_2_current", "Panel 2 current"],
        ["panel_2_power_counted", "Panel 2 power by counter"],
    ),
    input(
        ["panel_3_power", "Panel 3 power"],
        ["panel_3_energy_today", "Panel 3 energy today"],
        ["panel_3_energy_total", "Panel 3 lifetime energy"],
        ["panel_3_voltage", "Panel 3 voltage"],
        ["panel_3_current", "Panel 3 current"],
        ["panel_3_power_counted", "Panel 3 power by counter"],
    ),
    input(
        ["panel_4_power", "Panel 4 power"],
        ["panel_4_energy_today", "Panel 4 energy today"],
        ["panel_4_energy_total", "Panel 4 lifetime energy"],
        ["panel_4_voltage", "Panel 4 voltage"],
        ["panel_4_current", "Panel 4 current"],
        ["panel_4_power_counted", "Panel 4 power by counter"],
    ),
];

/// The places of what [`INPUTS`] has for each input.
pub mod place {
    /// Voltage times current, on the side of the panels.
    pub const POWER: usize = 0;
    /// Energy of this day.
    pub const TODAY: usize = 1;
    /// Energy since it is known.
    pub const TOTAL: usize = 2;
    /// Power by what its counter gained.
    pub const COUNTED: usize = 5;
}

type KeyAndName = [&'static str; 2];

const fn input(
    [power, power_name]: KeyAndName,
    [today, today_name]: KeyAndName,
    [total, total_name]: KeyAndName,
    [voltage, voltage_name]: KeyAndName,
    [current, current_name]: KeyAndName,
    [counted, counted_name]: KeyAndName,
) -> [Metric; 6] {
    [
        Metric::measurement(power, Quantity::Power)
            .named(power_name)
            .decimals(1),
        Metric::daily(today, Quantity::Energy)
            .named(today_name)
            .decimals(3)
            .summed_here(),
        Metric::lifetime(total, Quantity::Energy)
            .named(total_name)
            .decimals(3)
            .summed_here()
            .off_by_default(),
        Metric::measurement(voltage, Quantity::Voltage)
            .named(voltage_name)
            .decimals(2)
            .diagnostic()
            .off_by_default(),
        Metric::measurement(current, Quantity::Current)
            .named(current_name)
            .decimals(2)
            .diagnostic()
            .off_by_default(),
        Metric::measurement(counted, Quantity::Power)
            .named(counted_name)
            .decimals(1)
            .diagnostic()
            .off_by_default(),
    ]
}

/// All tables.
pub static TABLES: &[&[Metric]] = &[
    STICK, INVERTER, &INPUTS[0], &INPUTS[1], &INPUTS[2], &INPUTS[3],
];
