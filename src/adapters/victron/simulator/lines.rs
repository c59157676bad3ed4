//! What the devices say by themselves: data. The order of the lines is that of the wire.

use super::model::Show::{Hex, Number, OldSwitch, Product, Serial, Switch, Text};
use super::model::{AUX_MID, AUX_STARTER, AUX_TEMPERATURE, Block, LabelRow, Show};
use super::quantities::Quantity::{self, *};

const fn line(label: &'static str, show: Show) -> LabelRow {
    LabelRow {
        label,
        show,
        aux: None,
    }
}

/// A quantity as it is.
const fn plain(label: &'static str, quantity: Quantity) -> LabelRow {
    line(label, Number(quantity, 1, 1))
}

/// A quantity in tens of its unit.
const fn tens(label: &'static str, quantity: Quantity) -> LabelRow {
    line(label, Number(quantity, 1, 10))
}

/// Thousandths of a quantity.
const fn whole(label: &'static str, quantity: Quantity) -> LabelRow {
    line(label, Number(quantity, 1000, 1))
}

const fn with_aux(mut line: LabelRow, use_: i64) -> LabelRow {
    line.aux = Some(use_);
    line
}

const fn once_a_second(lines: &'static [&'static [LabelRow]]) -> Block {
    Block {
        lines,
        pause: 1,
        pause_off: 1,
    }
}

const fn with_next(lines: &'static [&'static [LabelRow]]) -> Block {
    Block {
        lines,
        pause: 0,
        pause_off: 0,
    }
}

const PRODUCT: LabelRow = line("PID", Product);
const SERIAL: LabelRow = line("SER#", Serial);
/// Hundredths of a percent are told as per mille.
const CHARGE: LabelRow = line("SOC", Number(StateOfCharge, 10, 1));

#[rustfmt::skip]
static OLD_MONITOR: &[LabelRow] = &[
    plain("V", BatteryVoltage), plain("VS", AuxVoltage), plain("I", BatteryCurrent),
    plain("CE", Consumed), CHARGE, plain("TTG", TimeToGo),
    line("Alarm", OldSwitch(Constant(0))), line("Relay", OldSwitch(Relay)),
    plain("AR", Constant(0)), line("BMV", Text("602S")), line("FW", Text("208")),
];

#[rustfmt::skip]
static OLD_MONITOR_HISTORY: &[LabelRow] = &[
    plain("H1", DeepestDischarge), plain("H2", LastDischarge), plain("H3", AverageDischarge),
    plain("H4", ChargeCycles), plain("H5", FullDischarges), plain("H6", Drawn),
    plain("H7", VoltageLeast), plain("H8", VoltageMost), plain("H9", SinceFull),
    plain("H10", Synchronisations), plain("H11", Constant(0)), plain("H12", Constant(0)),
    plain("H13", Constant(0)), plain("H14", Constant(0)), plain("H15", AuxLeast),
    plain("H16", AuxMost),
];

pub static BMV_602: &[Block] = &[
    with_next(&[OLD_MONITOR]),
    once_a_second(&[OLD_MONITOR_HISTORY]),
];

#[rustfmt::skip]
static MEASURED: &[LabelRow] = &[
    PRODUCT, plain("V", BatteryVoltage),
    with_aux(plain("VS", AuxVoltage), AUX_STARTER),
    with_aux(plain("VM", MidVoltage), AUX_MID),
    with_aux(plain("DM", MidDeviation), AUX_MID),
    with_aux(whole("T", BatteryTemperature), AUX_TEMPERATURE),
    plain("I", BatteryCurrent), whole("P", BatteryPower), plain("CE", Consumed), CHARGE,
    plain("TTG", TimeToGo), line("Alarm", Switch(Constant(0))),
];

/// This one has no auxiliary input, and no sensor for the temperature it tells.
#[rustfmt::skip]
static MEASURED_700: &[LabelRow] = &[
    PRODUCT, plain("V", BatteryVoltage), plain("T", Unknown), plain("I", BatteryCurrent),
    whole("P", BatteryPower), plain("CE", Consumed), CHARGE, plain("TTG", TimeToGo),
    line("Alarm", Switch(Constant(0))),
];

static RELAY: &[LabelRow] = &[line("Relay", Switch(Relay))];
static ALARM_REASON: &[LabelRow] = &[plain("AR", Constant(0))];
static NAME_700: &[LabelRow] = &[line("BMV", Text("700")), line("FW", Text("0308"))];

#[rustfmt::skip]
static NAME_712: &[LabelRow] = &[
    line("BMV", Text("712 Smart")), line("FW", Text("0408")), plain("MON", Monitor),
];

#[rustfmt::skip]
static NAME_SHUNT: &[LabelRow] = &[
    line("BMV", Text("SmartShunt 500A/50mV")), line("FW", Text("0419")), plain("MON", Monitor),
];

#[rustfmt::skip]
static HISTORY: &[LabelRow] = &[
    plain("H1", DeepestDischarge), plain("H2", LastDischarge), plain("H3", AverageDischarge),
    plain("H4", ChargeCycles), plain("H5", FullDischarges), plain("H6", Drawn),
    plain("H7", VoltageLeast), plain("H8", VoltageMost), plain("H9", SinceFull),
    plain("H10", Synchronisations), plain("H11", Constant(0)), plain("H12", Constant(0)),
];

static HISTORY_AUX: &[LabelRow] = &[
    with_aux(plain("H15", AuxLeast), AUX_STARTER),
    with_aux(plain("H16", AuxMost), AUX_STARTER),
];

static HISTORY_ENERGY: &[LabelRow] = &[plain("H17", DischargedEnergy), plain("H18", ChargedEnergy)];

pub static BMV_700: &[Block] = &[
    with_next(&[MEASURED_700, RELAY, ALARM_REASON, NAME_700]),
    once_a_second(&[HISTORY, HISTORY_ENERGY]),
];

pub static BMV_712: &[Block] = &[
    with_next(&[MEASURED, RELAY, ALARM_REASON, NAME_712]),
    once_a_second(&[HISTORY, HISTORY_AUX, HISTORY_ENERGY]),
];

pub static SMART_SHUNT: &[Block] = &[
    with_next(&[MEASURED, ALARM_REASON, NAME_SHUNT]),
    once_a_second(&[HISTORY, HISTORY_AUX, HISTORY_ENERGY]),
];

/// Solar chargers tell voltages and currents in steps of 10 mV and 10 mA.
#[rustfmt::skip]
static PANELS: &[LabelRow] = &[
    SERIAL, tens("V", BatteryVoltage), tens("I", BatteryCurrent), tens("VPV", PanelVoltage),
    whole("PPV", PanelPower), plain("CS", State),
];

static TRACKER: &[LabelRow] = &[plain("MPPT", Tracker)];
static OFF: &[LabelRow] = &[line("OR", Hex(OffReason))];
static ERROR: &[LabelRow] = &[plain("ERR", Error)];

/// Load currents are told in steps of 100 mA.
static LOAD: &[LabelRow] = &[
    line("LOAD", Switch(Load)),
    line("IL", Number(LoadCurrent, 1, 100)),
];

#[rustfmt::skip]
static YIELDS: &[LabelRow] = &[
    plain("H19", YieldUser), plain("H20", YieldToday), plain("H21", PowerToday),
    plain("H22", YieldYesterday), plain("H23", PowerYesterday), plain("HSDS", Day),
];

static VERSION_159: &[LabelRow] = &[PRODUCT, line("FW", Text("159"))];
static VERSION_123: &[LabelRow] = &[PRODUCT, line("FW", Text("123"))];
static VERSION_116: &[LabelRow] = &[PRODUCT, line("FW", Text("116"))];
static VERSION_164: &[LabelRow] = &[PRODUCT, line("FW", Text("164"))];

pub static MPPT_75_15: &[Block] = &[once_a_second(&[
    VERSION_159,
    PANELS,
    TRACKER,
    OFF,
    ERROR,
    LOAD,
    YIELDS,
])];

pub static MPPT_OLD: &[Block] = &[once_a_second(&[VERSION_123, PANELS, ERROR, YIELDS])];
pub static MPPT_BLUE: &[Block] = &[once_a_second(&[VERSION_116, PANELS, ERROR, YIELDS])];

pub static UNKNOWN: &[Block] = &[once_a_second(&[
    VERSION_164,
    PANELS,
    TRACKER,
    OFF,
    ERROR,
    YIELDS,
])];

#[rustfmt::skip]
static FIRST_HALF: &[LabelRow] = &[
    PRODUCT, line("FWE", Text("316FF")), SERIAL, tens("V", BatteryVoltage),
    tens("I", BatteryCurrent), tens("VPV", PanelVoltage), whole("PPV", PanelPower),
    plain("MPPT", Tracker), plain("CS", State), line("OR", Hex(OffReason)),
];

static SECOND_HALF: &[LabelRow] = &[
    plain("ERR", Error),
    line("LOAD", Switch(Constant(1))),
    line("Relay", Switch(Relay)),
];

pub static MPPT_150_70: &[Block] = &[
    once_a_second(&[FIRST_HALF]),
    once_a_second(&[SECOND_HALF, YIELDS]),
];

#[rustfmt::skip]
pub static PHOENIX: &[Block] = &[once_a_second(&[&[
    PRODUCT, line("FW", Text("0124")), SERIAL, plain("MODE", Mode), plain("CS", State),
    plain("AC_OUT_V", AcVoltage), line("AC_OUT_I", Number(AcCurrent, 100, 1)),
    plain("AC_OUT_S", AcApparent), plain("V", BatteryVoltage), plain("AR", Constant(0)),
    plain("WARN", Constant(0)), line("OR", Hex(OffReason)),
]])];

#[rustfmt::skip]
pub static BLUE_SMART: &[Block] = &[once_a_second(&[&[
    PRODUCT, line("FWE", Text("0342FF")), SERIAL, tens("V", BatteryVoltage),
    line("I", Number(BatteryCurrent, 1, 100)), plain("T", Unknown), plain("ERR", Error),
    plain("CS", State), line("HC#", Text("40404")),
]])];

#[rustfmt::skip]
pub static ORION_XS: &[Block] = &[Block {
    lines: &[&[
        PRODUCT, line("FWE", Text("112FF")), SERIAL, tens("V", BatteryVoltage),
        line("I", Number(BatteryCurrent, 1, 100)), whole("P", BatteryPower),
        line("DC_IN_V", Number(InputVoltage, 10, 1)), line("DC_IN_I", Number(InputCurrent, 100, 1)),
        whole("DC_IN_P", InputPower), plain("CS", State), line("OR", Hex(OffReason)),
        plain("ERR", Error),
    ]],
    pause: 1,
    pause_off: 4,
}];

#[rustfmt::skip]
pub static MULTI_RS: &[Block] = &[once_a_second(&[&[
    PRODUCT, SERIAL, line("FWE", Text("109FF")), plain("CS", State), plain("ERR", Error),
    line("AC_OUT_I", Number(AcCurrent, 100, 1)), plain("AC_OUT_V", AcVoltage),
    plain("H19", YieldUser), plain("H20", YieldToday), plain("H21", PowerToday),
    plain("H22", YieldYesterday), plain("H23", PowerYesterday), plain("HSDS", Day),
    line("I", Number(BatteryCurrent, 1, 100)), whole("PPV", PanelPower),
    tens("V", BatteryVoltage), tens("VPV", PanelVoltage),
]])];
