//! Everything that any device can report, in the order it is shown. A device takes the part that it
//! sends, or answers when it is asked.

use std::borrow::Cow;

use super::options;
use super::row::Rhythm::{First, Minute, Seldom, WithoutText};
use super::row::{VeMetric, row};
use crate::adapters::victron::wire::families::{
    ALL, CHARGER, CHARGERS, DCDC, FED, INVERTER, INVERTERS, MEASURED, MPPT, NETWORKED, RS, SHUNTS,
    SOLAR, SWITCHED,
};
use crate::adapters::victron::wire::words::{self, Words};
use crate::model::{EnergyPart, Metric, OnOff, Quantity};

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

/// The table: what a value is, then what carries it. What nothing carries follows from other values.
#[rustfmt::skip]
pub static METRICS: &[VeMetric] = &[
    // Solar panels.
    row(power("panel_power", "Panel power").part(EnergyPart::Sun)).text("PPV").asked(0xEDBC, SOLAR, WithoutText),
    row(voltage("panel_voltage", "Panel voltage")).text("VPV").asked(0xEDBB, SOLAR, WithoutText),
    row(current("panel_current", "Panel current").decimals(1).off_by_default())
        .asked(0xEDBD, SOLAR, Minute),
    row(energy("energy_total", "Yield total").part(EnergyPart::SunEnergy)).asked(0xEDDD, SOLAR, First),
    row(energy("energy_resettable", "Yield since reset").substitute_for(EnergyPart::SunEnergy))
        .text("H19").asked(0xEDDC, SOLAR, WithoutText),
    row(Metric::daily("energy_today", Quantity::Energy).named("Yield today").decimals(2).part(EnergyPart::SunEnergy))
        .text("H20").asked(0xEDD3, SOLAR, WithoutText),
    row(figure("energy_yesterday", "Yield yesterday", Quantity::Energy).decimals(2))
        .text("H22").asked(0xEDD1, SOLAR, WithoutText),
    row(figure("power_max_today", "Maximum power today", Quantity::Power))
        .text("H21").told(0xEDD2, SOLAR),
    row(figure("power_max_yesterday", "Maximum power yesterday", Quantity::Power))
        .text("H23").told(0xEDD0, SOLAR),
    row(state("tracker_state", "Tracker", TRACKER)).text("MPPT").asked(0xEDB3, MPPT, WithoutText),
    row(power("tracker_1_power", "Tracker 1 power")).asked(0xECCC, RS, Minute).told(0xECCC, SOLAR),
    row(power("tracker_2_power", "Tracker 2 power")).asked(0xECDC, RS, Minute).told(0xECDC, SOLAR),
    row(power("tracker_3_power", "Tracker 3 power")).asked(0xECEC, RS, Minute).told(0xECEC, SOLAR),
    row(power("tracker_4_power", "Tracker 4 power")).asked(0xECFC, RS, Minute).told(0xECFC, SOLAR),
    row(voltage("tracker_1_voltage", "Tracker 1 voltage"))
        .asked(0xECCB, RS, Minute).told(0xECCB, SOLAR),
    row(voltage("tracker_2_voltage", "Tracker 2 voltage"))
        .asked(0xECDB, RS, Minute).told(0xECDB, SOLAR),
    row(voltage("tracker_3_voltage", "Tracker 3 voltage"))
        .asked(0xECEB, RS, Minute).told(0xECEB, SOLAR),
    row(voltage("tracker_4_voltage", "Tracker 4 voltage"))
        .asked(0xECFB, RS, Minute).told(0xECFB, SOLAR),
    row(current("tracker_1_current", "Tracker 1 current").decimals(1).off_by_default())
        .asked(0xECCD, RS, Minute).told(0xECCD, SOLAR),
    row(current("tracker_2_current", "Tracker 2 current").decimals(1).off_by_default())
        .asked(0xECDD, RS, Minute).told(0xECDD, SOLAR),
    row(current("tracker_3_current", "Tracker 3 current").decimals(1).off_by_default())
        .asked(0xECED, RS, Minute).told(0xECED, SOLAR),
    row(current("tracker_4_current", "Tracker 4 current").decimals(1).off_by_default())
        .asked(0xECFD, RS, Minute).told(0xECFD, SOLAR),
    row(state("tracker_1_state", "Tracker 1", TRACKER).off_by_default())
        .asked(0xECC3, RS, Minute).told(0xECC3, SOLAR),
    row(state("tracker_2_state", "Tracker 2", TRACKER).off_by_default())
        .asked(0xECD3, RS, Minute).told(0xECD3, SOLAR),
    row(state("tracker_3_state", "Tracker 3", TRACKER).off_by_default())
        .asked(0xECE3, RS, Minute).told(0xECE3, SOLAR),
    row(state("tracker_4_state", "Tracker 4", TRACKER).off_by_default())
        .asked(0xECF3, RS, Minute).told(0xECF3, SOLAR),
    // Battery.
    row(measured("state_of_charge", "State of charge", Quantity::StateOfCharge).decimals(1).part(EnergyPart::BatteryLevel))
        .text("SOC").asked(0x0FFF, SHUNTS, WithoutText),
    row(power("battery_power", "Battery power").part(EnergyPart::Battery)).text("P").asked(0xED8E, SHUNTS, WithoutText),
    row(voltage("battery_voltage", "Battery voltage"))
        .text("V").asked(0xED8D, MEASURED, WithoutText)
        .asked(0xEDD5, MPPT, WithoutText)
        .told(0xEDD5, CHARGERS),
    row(voltage("battery_2_voltage", "Battery voltage output 2")).text("V2"),
    row(voltage("battery_3_voltage", "Battery voltage output 3")).text("V3"),
    row(current("battery_current", "Battery current"))
        .text("I").asked(0xED8C, SHUNTS, WithoutText)
        .asked(0xED8F, FED, WithoutText)
        .told(0xED8C, MEASURED).told(0xED8F, MEASURED),
    row(current("battery_2_current", "Battery current output 2")).text("I2"),
    row(current("battery_3_current", "Battery current output 3")).text("I3"),
    row(temperature("battery_temperature", "Battery temperature"))
        .text("T").asked(0xEDEC, ALL, Minute),
    row(voltage("starter_voltage", "Starter battery voltage")).text("VS").told(0xED7D, SHUNTS),
    row(voltage("mid_point_voltage", "Mid-point voltage")).text("VM").told(0x0382, SHUNTS),
    row(measured("mid_point_deviation", "Mid-point deviation", Quantity::Ratio).decimals(1))
        .text("DM").told(0x0383, SHUNTS),
    row(measured("time_to_go", "Time to go", Quantity::Minutes))
        .text("TTG").asked(0x0FFE, SHUNTS, WithoutText),
    row(measured("consumed_charge", "Consumed charge", Quantity::Charge).decimals(1))
        .text("CE").asked(0xEEFF, SHUNTS, WithoutText).told(0x0FFC, SHUNTS),
    row(energy("energy_charged", "Charged energy").part(EnergyPart::BatteryIn)).text("H18").asked(0x0311, SHUNTS, WithoutText),
    row(energy("energy_discharged", "Discharged energy").part(EnergyPart::BatteryOut))
        .text("H17").asked(0x0310, SHUNTS, WithoutText),
    // A shunt that measures something else than a battery.
    row(Metric::measurement("power", Quantity::Power)),
    row(Metric::measurement("voltage", Quantity::Voltage).decimals(2)),
    row(Metric::measurement("current", Quantity::Current).decimals(2)),
    row(energy("energy_produced", "Produced energy")),
    row(energy("energy_consumed", "Consumed energy")),
    row(state("monitor_mode", "Monitor mode", MONITOR).diagnostic().off_by_default())
        .text("MON").asked(0xEEB8, SHUNTS, WithoutText),
    // Load output.
    row(power("load_power", "Load power")),
    row(current("load_current", "Load current")).text("IL").asked(0xEDAD, MPPT, WithoutText),
    row(voltage("load_voltage", "Load voltage").off_by_default()).asked(0xEDA9, MPPT, Minute),
    row(on_off("load_output", "Load output", OnOff::Plain))
        .text("LOAD").asked(0xEDA8, MPPT, WithoutText),
    row(state("load_control", "Load control", LOAD_CONTROL).diagnostic().off_by_default())
        .asked(0xEDAB, MPPT, Minute),
    row(text("load_off_reason", "Load off reason").in_words().off_by_default()).asked(0xED91, MPPT, Minute),
    // Mains.
    row(voltage("ac_output_voltage", "AC output voltage"))
        .text("AC_OUT_V").asked(0x2200, INVERTERS, WithoutText),
    row(current("ac_output_current", "AC output current").decimals(1))
        .text("AC_OUT_I").asked(0x2201, INVERTERS, WithoutText),
    row(power("ac_output_power", "AC output power")).asked(0x2204, RS, Minute),
    row(measured("ac_output_apparent_power", "AC output apparent power", Quantity::ApparentPower))
        .text("AC_OUT_S").asked(0x2205, RS, Minute).told(0x2205, INVERTERS),
    row(frequency("ac_output_frequency", "AC output frequency")).asked(0x2217, RS, Minute),
    row(voltage("ac_input_voltage", "AC input voltage")).asked(0x2250, RS, Minute),
    row(current("ac_input_current", "AC input current")).asked(0x2251, RS, Minute),
    row(power("ac_input_power", "AC input power")).asked(0x2252, RS, Minute),
    row(frequency("ac_input_frequency", "AC input frequency")).asked(0x2254, RS, Minute),
    row(state("ac_input", "AC input", ACTIVE_INPUT).diagnostic()).asked(0x0204, RS, Minute),
    row(voltage("earth_voltage", "Neutral to earth voltage").diagnostic().off_by_default())
        .told(0x2209, RS),
    // DC input of a converter.
    row(power("input_power", "Input power")).text("DC_IN_P").asked(0xEDBC, DCDC, WithoutText),
    row(voltage("input_voltage", "Input voltage")).text("DC_IN_V").asked(0xEDBB, DCDC, WithoutText),
    row(current("input_current", "Input current").decimals(1)).text("DC_IN_I").told(0xEDBD, DCDC),
    // What it does, and what is wrong.
    row(state("state", "State", STATE)).text("CS").asked(0x0201, SWITCHED, WithoutText),
    row(state("mode", "Mode", MODE).diagnostic()).text("MODE").asked(0x0200, SWITCHED, Minute),
    row(state("function", "Function", FUNCTION).diagnostic().off_by_default())
        .asked(0x0206, CHARGER, Minute),
    row(state("error", "Error", ERROR).diagnostic())
        .text("ERR").asked(0xEDDA, CHARGERS, WithoutText),
    row(on_off("fault", "Fault", OnOff::Problem).diagnostic()),
    row(on_off("alarm", "Alarm", OnOff::Problem)).text("Alarm"),
    row(text("alarm_reason", "Alarm reason").in_words()).text("AR").told(0x031E, SHUNTS),
    row(text("warning", "Warning").in_words()).text("WARN").told(0x031C, INVERTER),
    row(text("off_reason", "Off reason").in_words().off_by_default())
        .text("OR").asked(0x0207, SWITCHED, WithoutText),
    row(on_off("relay", "Relay", OnOff::Plain)).text("Relay").told(0x034E, SHUNTS),
    row(temperature("charger_temperature", "Charger temperature").diagnostic())
        .asked(0xEDDB, CHARGERS, Minute),
    // The network of VE.Smart devices.
    row(power("network_panel_power", "Network panel power").diagnostic().off_by_default())
        .asked(0x2027, NETWORKED, Minute).told(0x2027, CHARGERS),
    row(current("network_charge_current", "Network charge current").diagnostic().off_by_default())
        .asked(0x2013, NETWORKED, Minute).told(0x2013, CHARGERS),
    row(current("network_battery_current", "Network battery current").diagnostic().off_by_default())
        .asked(0x200A, NETWORKED, Minute).told(0x200A, CHARGERS),
    row(voltage("network_battery_voltage", "Network battery voltage").diagnostic().off_by_default())
        .asked(0x2002, NETWORKED, Minute).told(0x2002, CHARGERS),
    row(temperature("network_battery_temperature", "Network battery temperature").diagnostic().off_by_default())
        .asked(0x2003, NETWORKED, Minute).told(0x2003, CHARGERS),
    // Limits and settings.
    row(current("charge_current_limit", "Charge current limit").decimals(1).diagnostic())
        .asked(0x2015, NETWORKED, Minute).told(0x2015, CHARGERS),
    row(setting("charge_current_setting", "Charge current setting")).asked(0xEDF0, MPPT, Seldom),
    row(setting("charge_current_max", "Maximum charge current")).asked(0xEDDF, CHARGERS, Seldom),
    // History of a battery.
    row(Metric::timestamp("last_full_charge").named("Last full charge").diagnostic()).text("H9"),
    row(lifetime("charge_cycles", "Charge cycles", Quantity::Count))
        .text("H4").told(0x0303, SHUNTS),
    row(lifetime("full_discharges", "Full discharges", Quantity::Count))
        .text("H5").told(0x0304, SHUNTS),
    row(lifetime("charge_drawn", "Total charge drawn", Quantity::Charge).decimals(1))
        .text("H6").told(0x0305, SHUNTS),
    row(figure("deepest_discharge", "Deepest discharge", Quantity::Charge).decimals(1))
        .text("H1").told(0x0300, SHUNTS),
    row(figure("last_discharge", "Last discharge", Quantity::Charge).decimals(1))
        .text("H2").told(0x0301, SHUNTS),
    row(figure("average_discharge", "Average discharge", Quantity::Charge).decimals(1))
        .text("H3").told(0x0302, SHUNTS),
    row(record("battery_voltage_min", "Lowest battery voltage")).text("H7").told(0x0306, SHUNTS),
    row(record("battery_voltage_max", "Highest battery voltage")).text("H8").told(0x0307, SHUNTS),
    row(record("voltage_min", "Lowest voltage")),
    row(record("voltage_max", "Highest voltage")),
    row(record("starter_voltage_min", "Lowest starter battery voltage").off_by_default())
        .text("H15"),
    row(record("starter_voltage_max", "Highest starter battery voltage").off_by_default())
        .text("H16"),
    row(count("synchronisations", "Automatic synchronisations")).text("H10"),
    row(count("low_voltage_alarms", "Low voltage alarms")).text("H11"),
    row(count("high_voltage_alarms", "High voltage alarms")).text("H12"),
    row(count("low_starter_voltage_alarms", "Low starter voltage alarms")).text("H13"),
    row(count("high_starter_voltage_alarms", "High starter voltage alarms")).text("H14"),
    // The device itself.
    row(figure("operating_time", "Operating time", Quantity::Duration).off_by_default())
        .asked(0x1040, INVERTER, Seldom),
    row(figure("uptime", "Time since start", Quantity::Duration).off_by_default())
        .asked(0x0120, ALL, Seldom),
    row(figure("day_number", "Day number", Quantity::Count).off_by_default()).text("HSDS"),
    row(text("bluetooth", "Bluetooth").in_words().off_by_default()).text("CAP_BLE"),
    row(text("other_values", "Other values").off_by_default()).always(),
    row(state("protocol", "Protocol", PROTOCOL).about_connection().off_by_default()).always(),
    row(connection("blocks", "Blocks")).always(),
    row(connection("blocks_damaged", "Damaged blocks")).always(),
    row(connection("hex_answers", "HEX answers")).always(),
    row(connection("hex_failures", "HEX questions without answer")).always(),
    row(Metric::timestamp("last_block").named("Last heard").about_connection().off_by_default())
        .always(),
];

const fn measured(key: &'static str, name: &'static str, quantity: Quantity) -> Metric {
    Metric::measurement(key, quantity).named(name)
}

const fn power(key: &'static str, name: &'static str) -> Metric {
    measured(key, name, Quantity::Power)
}

const fn voltage(key: &'static str, name: &'static str) -> Metric {
    measured(key, name, Quantity::Voltage).decimals(2)
}

const fn current(key: &'static str, name: &'static str) -> Metric {
    measured(key, name, Quantity::Current).decimals(2)
}

const fn temperature(key: &'static str, name: &'static str) -> Metric {
    measured(key, name, Quantity::Temperature).decimals(1)
}

const fn frequency(key: &'static str, name: &'static str) -> Metric {
    measured(key, name, Quantity::Frequency)
        .decimals(2)
        .diagnostic()
        .off_by_default()
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

const fn state(
    key: &'static str,
    name: &'static str,
    options: &'static [Cow<'static, str>],
) -> Metric {
    Metric::state(key, options).named(name)
}

const fn on_off(key: &'static str, name: &'static str, meaning: OnOff) -> Metric {
    Metric::on_off(key, meaning).named(name)
}

const fn lifetime(key: &'static str, name: &'static str, quantity: Quantity) -> Metric {
    Metric::lifetime(key, quantity).named(name).diagnostic()
}

const fn setting(key: &'static str, name: &'static str) -> Metric {
    figure(key, name, Quantity::Current)
        .decimals(1)
        .off_by_default()
}

const fn count(key: &'static str, name: &'static str) -> Metric {
    lifetime(key, name, Quantity::Count).off_by_default()
}

const fn connection(key: &'static str, name: &'static str) -> Metric {
    measured(key, name, Quantity::Count)
        .about_connection()
        .off_by_default()
}
