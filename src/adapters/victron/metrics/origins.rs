//! Which label of the text carries a metric, and which register of HEX.
//!
//! Where both do, the text counts as long as it comes: one source for a value, or it would jump from
//! one rounding to the other.

use crate::adapters::victron::wire::families::{
    ALL, CHARGER, CHARGERS, DCDC, Families, Family, INVERTER, INVERTERS, MEASURED, MPPT, RS,
    SHUNTS, SOLAR, SWITCHED,
};

/// The metric that a label stands for. `H17` and `H18` are those of a battery; an energy meter calls
/// them otherwise.
pub fn of_label(label: &[u8]) -> Option<&'static str> {
    let found = LABELS.iter().find(|(name, _)| name.as_bytes() == label);
    found.map(|(_, key)| *key)
}

/// The metric that a register stands for on a family of devices. Of a device of no known family
/// nobody knows what it means by a register.
pub fn of_register(register: u16, family: Option<Family>) -> Option<&'static str> {
    let found = REGISTERS
        .iter()
        .find(|row| row.register == register && row.families.include(family));
    found.map(|row| row.key)
}

/// A register that carries a metric.
#[derive(Debug, Clone, Copy)]
pub struct Register {
    /// Its number.
    pub register: u16,
    /// The metric.
    pub key: &'static str,
    /// Where that is so.
    pub families: Families,
}

const LABELS: &[(&str, &str)] = &[
    ("V", "battery_voltage"),
    ("V2", "battery_2_voltage"),
    ("V3", "battery_3_voltage"),
    ("VS", "starter_voltage"),
    ("VM", "mid_point_voltage"),
    ("DM", "mid_point_deviation"),
    ("VPV", "panel_voltage"),
    ("PPV", "panel_power"),
    ("I", "battery_current"),
    ("I2", "battery_2_current"),
    ("I3", "battery_3_current"),
    ("IL", "load_current"),
    ("LOAD", "load_output"),
    ("T", "battery_temperature"),
    ("P", "battery_power"),
    ("CE", "consumed_charge"),
    ("SOC", "state_of_charge"),
    ("TTG", "time_to_go"),
    ("Alarm", "alarm"),
    ("Relay", "relay"),
    ("AR", "alarm_reason"),
    ("WARN", "warning"),
    ("OR", "off_reason"),
    ("CAP_BLE", "bluetooth"),
    ("H1", "deepest_discharge"),
    ("H2", "last_discharge"),
    ("H3", "average_discharge"),
    ("H4", "charge_cycles"),
    ("H5", "full_discharges"),
    ("H6", "charge_drawn"),
    ("H7", "battery_voltage_min"),
    ("H8", "battery_voltage_max"),
    ("H9", "last_full_charge"),
    ("H10", "synchronisations"),
    ("H11", "low_voltage_alarms"),
    ("H12", "high_voltage_alarms"),
    ("H13", "low_starter_voltage_alarms"),
    ("H14", "high_starter_voltage_alarms"),
    ("H15", "starter_voltage_min"),
    ("H16", "starter_voltage_max"),
    ("H17", "energy_discharged"),
    ("H18", "energy_charged"),
    ("H19", "energy_resettable"),
    ("H20", "energy_today"),
    ("H21", "power_max_today"),
    ("H22", "energy_yesterday"),
    ("H23", "power_max_yesterday"),
    ("HSDS", "day_number"),
    ("ERR", "error"),
    ("CS", "state"),
    ("MODE", "mode"),
    ("MPPT", "tracker_state"),
    ("MON", "monitor_mode"),
    ("AC_OUT_V", "ac_output_voltage"),
    ("AC_OUT_I", "ac_output_current"),
    ("AC_OUT_S", "ac_output_apparent_power"),
    ("DC_IN_V", "input_voltage"),
    ("DC_IN_I", "input_current"),
    ("DC_IN_P", "input_power"),
];

const fn row(register: u16, families: Families, key: &'static str) -> Register {
    Register {
        register,
        key,
        families,
    }
}

const REGISTERS: &[Register] = &[
    row(0x0120, ALL, "uptime"),
    row(0x0200, SWITCHED, "mode"),
    row(0x0201, SWITCHED, "state"),
    row(0x0204, RS, "ac_input"),
    row(0x0206, CHARGER, "function"),
    row(0x0207, SWITCHED, "off_reason"),
    row(0x0300, SHUNTS, "deepest_discharge"),
    row(0x0301, SHUNTS, "last_discharge"),
    row(0x0302, SHUNTS, "average_discharge"),
    row(0x0303, SHUNTS, "charge_cycles"),
    row(0x0304, SHUNTS, "full_discharges"),
    row(0x0305, SHUNTS, "charge_drawn"),
    row(0x0306, SHUNTS, "battery_voltage_min"),
    row(0x0307, SHUNTS, "battery_voltage_max"),
    row(0x0310, SHUNTS, "energy_discharged"),
    row(0x0311, SHUNTS, "energy_charged"),
    row(0x031C, INVERTER, "warning"),
    row(0x031E, SHUNTS, "alarm_reason"),
    row(0x034E, SHUNTS, "relay"),
    row(0x0382, SHUNTS, "mid_point_voltage"),
    row(0x0383, SHUNTS, "mid_point_deviation"),
    row(0x0FFE, SHUNTS, "time_to_go"),
    row(0x0FFF, SHUNTS, "state_of_charge"),
    row(0x1040, INVERTER, "operating_time"),
    row(0x2002, CHARGERS, "network_battery_voltage"),
    row(0x2003, CHARGERS, "network_battery_temperature"),
    row(0x200A, CHARGERS, "network_battery_current"),
    row(0x2013, CHARGERS, "network_charge_current"),
    row(0x2015, CHARGERS, "charge_current_limit"),
    row(0x2027, CHARGERS, "network_panel_power"),
    row(0x2200, INVERTERS, "ac_output_voltage"),
    row(0x2201, INVERTERS, "ac_output_current"),
    row(0x2204, RS, "ac_output_power"),
    row(0x2205, INVERTERS, "ac_output_apparent_power"),
    row(0x2209, RS, "earth_voltage"),
    row(0x2217, RS, "ac_output_frequency"),
    row(0x2250, RS, "ac_input_voltage"),
    row(0x2251, RS, "ac_input_current"),
    row(0x2252, RS, "ac_input_power"),
    row(0x2254, RS, "ac_input_frequency"),
    row(0xECC3, SOLAR, "tracker_1_state"),
    row(0xECCB, SOLAR, "tracker_1_voltage"),
    row(0xECCC, SOLAR, "tracker_1_power"),
    row(0xECCD, SOLAR, "tracker_1_current"),
    row(0xECD3, SOLAR, "tracker_2_state"),
    row(0xECDB, SOLAR, "tracker_2_voltage"),
    row(0xECDC, SOLAR, "tracker_2_power"),
    row(0xECDD, SOLAR, "tracker_2_current"),
    row(0xECE3, SOLAR, "tracker_3_state"),
    row(0xECEB, SOLAR, "tracker_3_voltage"),
    row(0xECEC, SOLAR, "tracker_3_power"),
    row(0xECED, SOLAR, "tracker_3_current"),
    row(0xECF3, SOLAR, "tracker_4_state"),
    row(0xECFB, SOLAR, "tracker_4_voltage"),
    row(0xECFC, SOLAR, "tracker_4_power"),
    row(0xECFD, SOLAR, "tracker_4_current"),
    row(0xED7D, SHUNTS, "starter_voltage"),
    row(0xED8D, MEASURED, "battery_voltage"),
    row(0xED8E, SHUNTS, "battery_power"),
    row(0xED8C, MEASURED, "battery_current"),
    row(0xED8F, MEASURED, "battery_current"),
    row(0xED91, MPPT, "load_off_reason"),
    row(0xEDA8, MPPT, "load_output"),
    row(0xEDA9, MPPT, "load_voltage"),
    row(0xEDAB, MPPT, "load_control"),
    row(0xEDAD, MPPT, "load_current"),
    row(0xEDB3, MPPT, "tracker_state"),
    row(0xEDBB, DCDC, "input_voltage"),
    row(0xEDBC, DCDC, "input_power"),
    row(0xEDBD, DCDC, "input_current"),
    row(0xEDBB, SOLAR, "panel_voltage"),
    row(0xEDBC, SOLAR, "panel_power"),
    row(0xEDBD, SOLAR, "panel_current"),
    row(0xEDD0, SOLAR, "power_max_yesterday"),
    row(0xEDD1, SOLAR, "energy_yesterday"),
    row(0xEDD2, SOLAR, "power_max_today"),
    row(0xEDD3, SOLAR, "energy_today"),
    row(0xEDD5, CHARGERS, "battery_voltage"),
    row(0xEDDA, CHARGERS, "error"),
    row(0xEDDB, CHARGERS, "charger_temperature"),
    row(0xEDDC, SOLAR, "energy_resettable"),
    row(0xEDDD, SOLAR, "energy_total"),
    row(0xEDDF, CHARGERS, "charge_current_max"),
    row(0xEDEC, ALL, "battery_temperature"),
    row(0xEDF0, MPPT, "charge_current_setting"),
    row(0xEEB8, SHUNTS, "monitor_mode"),
    row(0xEEFF, SHUNTS, "consumed_charge"),
    row(0x0FFC, SHUNTS, "consumed_charge"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::victron::metrics::metric;
    use crate::adapters::victron::wire::labels::LABELS as WIRE;
    use crate::adapters::victron::wire::registers::Register as Wire;

    #[test]
    fn every_label_is_a_metric_or_says_who_the_device_is() {
        for label in WIRE {
            let identity = ["BMV", "FW", "FWE", "PID", "SER#", "HC#"];
            let key = of_label(label.name.as_bytes());
            assert_eq!(
                key.is_none(),
                identity.contains(&label.name),
                "{}",
                label.name
            );
        }
    }

    #[test]
    fn every_origin_is_known_to_the_wire_and_leads_to_a_metric() {
        for (label, key) in LABELS {
            assert!(WIRE.iter().any(|known| known.name == *label), "{label}");
            assert!(metric(key).is_some(), "{key}");
        }
        for row in REGISTERS {
            assert!(Wire::of(row.register).is_some(), "{:#06x}", row.register);
            assert!(metric(row.key).is_some(), "{}", row.key);
        }
    }

    #[test]
    fn a_register_may_mean_something_else_on_another_family() {
        assert_eq!(of_register(0xedbc, Some(Family::Mppt)), Some("panel_power"));
        assert_eq!(of_register(0xedbc, Some(Family::DcDc)), Some("input_power"));
        assert_eq!(of_register(0x0fff, Some(Family::Mppt)), None);
    }
}
