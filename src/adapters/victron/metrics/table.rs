//! Everything that any device can report, in the order it is shown. A device takes the part that it
//! sends, or answers when it is asked.

use std::borrow::Cow;

use super::options;
use crate::adapters::victron::wire::words::{self, Words};
use crate::model::{Metric, OnOff, Quantity};

macro_rules! states {
    ($($name:ident $words:path;)*) => {
        $(const $name: &[Cow<'static, str>] = {
            const COUNT: usize = Words::distinct(&$words) + 1;
            const OPTIONS: [Cow<'static, str>; COUNT] = options(&$words);
            &OPTIONS
        };)*
    };
}

states! {
    STATE words::STATE;
    MODE words::MODE;
    TRACKER words::TRACKER;
    ERROR words::ERROR;
    MONITOR words::MONITOR;
    LOAD_CONTROL words::LOAD_CONTROL;
    ACTIVE_INPUT words::ACTIVE_INPUT;
    FUNCTION words::FUNCTION;
}

/// How the program talks with a device.
const PROTOCOL: &[Cow<'static, str>] = &[
    Cow::Borrowed("text and HEX"),
    Cow::Borrowed("text only"),
    Cow::Borrowed("HEX only"),
    Cow::Borrowed("other"),
];

/// The metrics.
pub const DEVICE: &[Metric] = &[
    // Solar panels.
    power("panel_power", "Panel power").decimals(0),
    voltage("panel_voltage", "Panel voltage"),
    current("panel_current", "Panel current")
        .decimals(1)
        .off_by_default(),
    energy("energy_total", "Yield total"),
    energy("energy_resettable", "Yield since reset"),
    Metric::daily("energy_today", Quantity::Energy)
        .named("Yield today")
        .decimals(2),
    Metric::figure("energy_yesterday", Quantity::Energy)
        .named("Yield yesterday")
        .decimals(2)
        .diagnostic(),
    figure("power_max_today", "Maximum power today", Quantity::Power),
    figure(
        "power_max_yesterday",
        "Maximum power yesterday",
        Quantity::Power,
    ),
    Metric::state("tracker_state", TRACKER).named("Tracker"),
    tracker_power("tracker_1_power", "Tracker 1 power"),
    tracker_power("tracker_2_power", "Tracker 2 power"),
    tracker_power("tracker_3_power", "Tracker 3 power"),
    tracker_power("tracker_4_power", "Tracker 4 power"),
    voltage("tracker_1_voltage", "Tracker 1 voltage"),
    voltage("tracker_2_voltage", "Tracker 2 voltage"),
    voltage("tracker_3_voltage", "Tracker 3 voltage"),
    voltage("tracker_4_voltage", "Tracker 4 voltage"),
    current("tracker_1_current", "Tracker 1 current")
        .decimals(1)
        .off_by_default(),
    current("tracker_2_current", "Tracker 2 current")
        .decimals(1)
        .off_by_default(),
    current("tracker_3_current", "Tracker 3 current")
        .decimals(1)
        .off_by_default(),
    current("tracker_4_current", "Tracker 4 current")
        .decimals(1)
        .off_by_default(),
    Metric::state("tracker_1_state", TRACKER)
        .named("Tracker 1")
        .off_by_default(),
    Metric::state("tracker_2_state", TRACKER)
        .named("Tracker 2")
        .off_by_default(),
    Metric::state("tracker_3_state", TRACKER)
        .named("Tracker 3")
        .off_by_default(),
    Metric::state("tracker_4_state", TRACKER)
        .named("Tracker 4")
        .off_by_default(),
    // Battery.
    Metric::measurement("state_of_charge", Quantity::StateOfCharge)
        .named("State of charge")
        .decimals(1),
    power("battery_power", "Battery power").decimals(0),
    voltage("battery_voltage", "Battery voltage"),
    voltage("battery_2_voltage", "Battery voltage output 2"),
    voltage("battery_3_voltage", "Battery voltage output 3"),
    current("battery_current", "Battery current"),
    current("battery_2_current", "Battery current output 2"),
    current("battery_3_current", "Battery current output 3"),
    temperature("battery_temperature", "Battery temperature"),
    voltage("starter_voltage", "Starter battery voltage"),
    voltage("mid_point_voltage", "Mid-point voltage"),
    Metric::measurement("mid_point_deviation", Quantity::Ratio)
        .named("Mid-point deviation")
        .decimals(1),
    Metric::measurement("time_to_go", Quantity::Minutes).named("Time to go"),
    charge("consumed_charge", "Consumed charge"),
    energy("energy_charged", "Charged energy"),
    energy("energy_discharged", "Discharged energy"),
    // A shunt that measures something else than a battery.
    Metric::measurement("power", Quantity::Power),
    Metric::measurement("voltage", Quantity::Voltage).decimals(2),
    Metric::measurement("current", Quantity::Current).decimals(2),
    energy("energy_produced", "Produced energy"),
    energy("energy_consumed", "Consumed energy"),
    Metric::state("monitor_mode", MONITOR)
        .named("Monitor mode")
        .diagnostic()
        .off_by_default(),
    // Load output.
    power("load_power", "Load power").decimals(0),
    current("load_current", "Load current"),
    voltage("load_voltage", "Load voltage").off_by_default(),
    Metric::on_off("load_output", OnOff::Plain).named("Load output"),
    Metric::state("load_control", LOAD_CONTROL)
        .named("Load control")
        .diagnostic()
        .off_by_default(),
    text("load_off_reason", "Load off reason").off_by_default(),
    // Mains.
    voltage("ac_output_voltage", "AC output voltage"),
    current("ac_output_current", "AC output current").decimals(1),
    power("ac_output_power", "AC output power").decimals(0),
    Metric::measurement("ac_output_apparent_power", Quantity::ApparentPower)
        .named("AC output apparent power"),
    frequency("ac_output_frequency", "AC output frequency"),
    voltage("ac_input_voltage", "AC input voltage"),
    current("ac_input_current", "AC input current"),
    power("ac_input_power", "AC input power").decimals(0),
    frequency("ac_input_frequency", "AC input frequency"),
    Metric::state("ac_input", ACTIVE_INPUT)
        .named("AC input")
        .diagnostic(),
    voltage("earth_voltage", "Neutral to earth voltage")
        .diagnostic()
        .off_by_default(),
    // DC input of a converter.
    power("input_power", "Input power").decimals(0),
    voltage("input_voltage", "Input voltage"),
    current("input_current", "Input current").decimals(1),
    // What it does, and what is wrong.
    Metric::state("state", STATE).named("State"),
    Metric::state("mode", MODE).named("Mode").diagnostic(),
    Metric::state("function", FUNCTION)
        .named("Function")
        .diagnostic()
        .off_by_default(),
    Metric::state("error", ERROR).named("Error").diagnostic(),
    Metric::on_off("fault", OnOff::Problem)
        .named("Fault")
        .diagnostic(),
    Metric::on_off("alarm", OnOff::Problem).named("Alarm"),
    text("alarm_reason", "Alarm reason"),
    text("warning", "Warning"),
    text("off_reason", "Off reason").off_by_default(),
    Metric::on_off("relay", OnOff::Plain).named("Relay"),
    temperature("charger_temperature", "Charger temperature").diagnostic(),
    // The network of VE.Smart devices.
    power("network_panel_power", "Network panel power")
        .decimals(0)
        .diagnostic()
        .off_by_default(),
    current("network_charge_current", "Network charge current")
        .diagnostic()
        .off_by_default(),
    current("network_battery_current", "Network battery current")
        .diagnostic()
        .off_by_default(),
    voltage("network_battery_voltage", "Network battery voltage")
        .diagnostic()
        .off_by_default(),
    temperature("network_battery_temperature", "Network battery temperature")
        .diagnostic()
        .off_by_default(),
    // Limits and settings.
    Metric::measurement("charge_current_limit", Quantity::Current)
        .named("Charge current limit")
        .decimals(1)
        .diagnostic(),
    figure(
        "charge_current_setting",
        "Charge current setting",
        Quantity::Current,
    )
    .decimals(1)
    .off_by_default(),
    figure(
        "charge_current_max",
        "Maximum charge current",
        Quantity::Current,
    )
    .decimals(1)
    .off_by_default(),
    // History of a battery.
    Metric::timestamp("last_full_charge")
        .named("Last full charge")
        .diagnostic(),
    Metric::lifetime("charge_cycles", Quantity::Count)
        .named("Charge cycles")
        .diagnostic(),
    Metric::lifetime("full_discharges", Quantity::Count)
        .named("Full discharges")
        .diagnostic(),
    Metric::lifetime("charge_drawn", Quantity::Charge)
        .named("Total charge drawn")
        .decimals(1)
        .diagnostic(),
    figure("deepest_discharge", "Deepest discharge", Quantity::Charge).decimals(1),
    figure("last_discharge", "Last discharge", Quantity::Charge).decimals(1),
    figure("average_discharge", "Average discharge", Quantity::Charge).decimals(1),
    record("battery_voltage_min", "Lowest battery voltage"),
    record("battery_voltage_max", "Highest battery voltage"),
    record("voltage_min", "Lowest voltage"),
    record("voltage_max", "Highest voltage"),
    record("starter_voltage_min", "Lowest starter battery voltage").off_by_default(),
    record("starter_voltage_max", "Highest starter battery voltage").off_by_default(),
    count("synchronisations", "Automatic synchronisations"),
    count("low_voltage_alarms", "Low voltage alarms"),
    count("high_voltage_alarms", "High voltage alarms"),
    count("low_starter_voltage_alarms", "Low starter voltage alarms"),
    count("high_starter_voltage_alarms", "High starter voltage alarms"),
    // The device itself.
    figure("operating_time", "Operating time", Quantity::Duration).off_by_default(),
    figure("uptime", "Time since start", Quantity::Duration).off_by_default(),
    figure("day_number", "Day number", Quantity::Count).off_by_default(),
    text("bluetooth", "Bluetooth").off_by_default(),
    text("other_values", "Other values").off_by_default(),
    Metric::state("protocol", PROTOCOL)
        .named("Protocol")
        .about_connection()
        .off_by_default(),
    connection("blocks", "Blocks"),
    connection("blocks_damaged", "Damaged blocks"),
    connection("hex_answers", "HEX answers"),
    connection("hex_failures", "HEX questions without answer"),
    Metric::timestamp("last_block")
        .named("Last heard")
        .about_connection()
        .off_by_default(),
];

/// What every device gets, whatever it sends.
pub const ALWAYS: &[&str] = &[
    "other_values",
    "protocol",
    "blocks",
    "blocks_damaged",
    "hex_answers",
    "hex_failures",
    "last_block",
];

const fn power(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Power).named(name)
}

const fn tracker_power(key: &'static str, name: &'static str) -> Metric {
    power(key, name).decimals(0)
}

const fn voltage(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Voltage)
        .named(name)
        .decimals(2)
}

const fn current(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Current)
        .named(name)
        .decimals(2)
}

const fn temperature(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Temperature)
        .named(name)
        .decimals(1)
}

const fn frequency(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Frequency)
        .named(name)
        .decimals(2)
        .diagnostic()
        .off_by_default()
}

const fn charge(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Charge)
        .named(name)
        .decimals(1)
}

const fn energy(key: &'static str, name: &'static str) -> Metric {
    Metric::lifetime(key, Quantity::Energy)
        .named(name)
        .decimals(2)
}

const fn figure(key: &'static str, name: &'static str, quantity: Quantity) -> Metric {
    Metric::figure(key, quantity).named(name).diagnostic()
}

const fn record(key: &'static str, name: &'static str) -> Metric {
    figure(key, name, Quantity::Voltage).decimals(2)
}

const fn text(key: &'static str, name: &'static str) -> Metric {
    Metric::text(key).named(name).diagnostic()
}

const fn count(key: &'static str, name: &'static str) -> Metric {
    Metric::lifetime(key, Quantity::Count)
        .named(name)
        .diagnostic()
        .off_by_default()
}

const fn connection(key: &'static str, name: &'static str) -> Metric {
    Metric::measurement(key, Quantity::Count)
        .named(name)
        .about_connection()
        .off_by_default()
}
