//! What VE.Direct calls a value, and in which unit it is on the cable: as PvMonit sent it, so that inputs, processes
//! and feeds that exist go on.
//!
//! `LOAD` and `Relay` are not here: they came as words, which emoncms stored as 0. `H9`, the time since the battery was
//! full, is a moment with us, and moments are not kept.

use crate::model::{Decimal, DeviceId};
use crate::uploads::LoadValue;

/// What the ids of these devices begin with.
const DEVICES: &str = "victron_";

/// How a value is written on the cable.
#[derive(Debug, Clone, Copy)]
pub enum Cable {
    /// Our number times this, as a whole number.
    Times(i64),
    /// The number that stands for a word.
    Word(&'static [(i64, &'static str)]),
    /// Words stand for bits of a number.
    Bits(&'static [(i64, &'static str)]),
}

/// One value: its label, our key, how it is written.
pub type CableLabel = (&'static str, &'static str, Cable);

use Cable::{Bits, Times, Word};

/// All of them. What a shunt calls otherwise when it measures no battery has its label twice.
#[rustfmt::skip]
pub static LABELS: &[CableLabel] = &[
    ("V", "battery_voltage", Times(1000)),
    ("V", "voltage", Times(1000)),
    ("VS", "starter_voltage", Times(1000)),
    ("VM", "mid_point_voltage", Times(1000)),
    ("DM", "mid_point_deviation", Times(10)),
    ("VPV", "panel_voltage", Times(1000)),
    ("PPV", "panel_power", Times(1)),
    ("I", "battery_current", Times(1000)),
    ("I", "current", Times(1000)),
    ("IL", "load_current", Times(1000)),
    ("P", "battery_power", Times(1)),
    ("P", "power", Times(1)),
    ("T", "battery_temperature", Times(1)),
    ("CE", "consumed_charge", Times(1000)),
    ("SOC", "state_of_charge", Times(10)),
    ("TTG", "time_to_go", Times(1)),
    ("CS", "state", Word(STATE)),
    ("MODE", "mode", Word(MODE)),
    ("ERR", "error", Word(ERROR)),
    ("AR", "alarm_reason", Bits(ALARM)),
    ("WARN", "warning", Bits(ALARM)),
    ("H1", "deepest_discharge", Times(1000)),
    ("H2", "last_discharge", Times(1000)),
    ("H3", "average_discharge", Times(1000)),
    ("H4", "charge_cycles", Times(1)),
    ("H5", "full_discharges", Times(1)),
    // Counts downwards on the device.
    ("H6", "charge_drawn", Times(-1000)),
    ("H7", "battery_voltage_min", Times(1000)),
    ("H7", "voltage_min", Times(1000)),
    ("H8", "battery_voltage_max", Times(1000)),
    ("H8", "voltage_max", Times(1000)),
    ("H10", "synchronisations", Times(1)),
    ("H11", "low_voltage_alarms", Times(1)),
    ("H12", "high_voltage_alarms", Times(1)),
    ("H13", "low_starter_voltage_alarms", Times(1)),
    ("H14", "high_starter_voltage_alarms", Times(1)),
    ("H15", "starter_voltage_min", Times(1000)),
    ("H16", "starter_voltage_max", Times(1000)),
    ("H17", "energy_discharged", Times(100)),
    ("H17", "energy_produced", Times(100)),
    ("H18", "energy_charged", Times(100)),
    ("H18", "energy_consumed", Times(100)),
    ("H19", "energy_resettable", Times(100)),
    ("H20", "energy_today", Times(100)),
    ("H21", "power_max_today", Times(1)),
    ("H22", "energy_yesterday", Times(100)),
    ("H23", "power_max_yesterday", Times(1)),
    ("AC_OUT_V", "ac_output_voltage", Times(100)),
    ("AC_OUT_I", "ac_output_current", Times(10)),
];

/// Of several numbers with one word the one that the cable has.
#[rustfmt::skip]
pub static STATE: &[(i64, &str)] = &[
    (0, "off"), (1, "low power"), (2, "fault"), (3, "bulk"), (4, "absorption"), (5, "float"),
    (6, "storage"), (7, "equalise"), (8, "pass-through"), (9, "inverting"), (10, "assisting"),
    (11, "power supply"), (244, "sustain"), (245, "starting up"), (246, "repeated absorption"),
    (247, "automatic equalise"), (248, "battery safe"), (249, "load detection"),
    (252, "external control"), (255, "unavailable"),
];

/// An inverter that is off says 4.
#[rustfmt::skip]
pub static MODE: &[(i64, &str)] = &[
    (4, "off"), (1, "charger on"), (2, "inverter on"), (3, "on"), (5, "eco"), (253, "hibernate"),
];

/// The text protocol tells few of them; of several with one word it is the first.
#[rustfmt::skip]
pub static ERROR: &[(i64, &str)] = &[
    (0, "none"), (1, "battery too hot"), (2, "battery voltage too high"),
    (3, "battery temperature sensor"), (6, "battery voltage sensor"), (11, "high ripple voltage"),
    (12, "battery charge too low"), (13, "mid-point voltage"), (14, "battery too cold"),
    (17, "charger too hot"), (18, "charger over-current"), (19, "charger current reversed"),
    (20, "bulk time limit"), (21, "current sensor"), (22, "internal temperature sensor"),
    (24, "fan"), (25, "fan over-current"), (26, "terminals too hot"), (27, "short circuit"),
    (28, "converter"), (29, "over-charge"), (31, "input voltage out of range"),
    (32, "input voltage too low"), (33, "panel voltage too high"), (34, "panel current too high"),
    (35, "panel power too high"), (36, "input polarity"), (37, "input absent: mains or fuse"),
    (38, "input shut down: battery voltage too high"), (39, "input shut down: current while off"),
    (40, "input failed to shut down"), (41, "inverter shut down"), (50, "inverter overload"),
    (51, "inverter too hot"), (52, "inverter peak current"), (53, "inverter output voltage"),
    (55, "inverter self test"), (57, "mains at the inverter's output"), (59, "AC input relay test"),
    (65, "communication lost"), (66, "synchronised charging misconfigured"),
    (67, "battery management lost"), (68, "network misconfigured"), (80, "panel input shut down"),
    (113, "storage write failed"), (114, "processor too hot"), (115, "CAN communication lost"),
    (116, "calibration lost"), (117, "firmware not valid"), (118, "incompatible hardware"),
    (119, "settings lost"), (120, "reference voltage"), (121, "tester failed"),
    (122, "history not valid"), (200, "internal DC voltage"), (202, "residual current"),
    (203, "internal supply"), (255, "unknown"),
];

/// Bits of alarms and warnings.
#[rustfmt::skip]
pub static ALARM: &[(i64, &str)] = &[
    (0, "low voltage"), (1, "high voltage"), (2, "low state of charge"),
    (3, "low starter voltage"), (4, "high starter voltage"), (5, "low temperature"),
    (6, "high temperature"), (7, "mid-point voltage"), (8, "overload"), (9, "DC ripple"),
    (10, "low AC output voltage"), (11, "high AC output voltage"), (12, "short circuit"),
    (13, "BMS lock-out"),
];

/// Whether a device speaks VE.Direct.
pub fn has_labels(device: &DeviceId) -> bool {
    device.as_str().starts_with(DEVICES)
}

/// The label of a value, and the number of the cable, if it has one.
pub fn on_cable(key: &str, value: &LoadValue) -> Option<(&'static str, i64)> {
    let (label, _, cable) = LABELS.iter().find(|(_, own, _)| *own == key)?;
    let number = match (cable, value) {
        (Times(factor), LoadValue::Number { number, .. }) => {
            let scaled = number.times_plus(Decimal::integer(*factor), Decimal::integer(0))?;
            scaled.rounded(0).with_scale(0).mantissa()
        }
        (Word(words), LoadValue::Text(text)) => number_of(words, text)?,
        (Bits(words), LoadValue::Text(text)) => bits_of(words, text)?,
        _ => return None,
    };
    Some((label, number))
}

fn number_of(words: &[(i64, &str)], text: &str) -> Option<i64> {
    let known = words.iter().find(|(_, word)| *word == text);
    // What has no word is `other (99)`.
    let other = || {
        let rest = text.strip_prefix("other (")?;
        rest.strip_suffix(')')?.parse().ok()
    };
    known.map(|(number, _)| *number).or_else(other)
}

fn bits_of(words: &[(i64, &str)], text: &str) -> Option<i64> {
    if text == "none" {
        return Some(0);
    }
    let mut mask = 0;
    for part in text.split(", ") {
        let known = words.iter().find(|(_, word)| *word == part);
        let bit = match known {
            Some((bit, _)) => *bit,
            None => part.strip_prefix("bit ")?.parse().ok()?,
        };
        mask |= 1_i64.checked_shl(u32::try_from(bit).ok().filter(|bit| *bit < 32)?)?;
    }
    Some(mask)
}
