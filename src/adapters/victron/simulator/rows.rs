//! The registers of the devices: data. Those of the history are not here, but with the days.

use super::model::From::{
    self, Firmware, Kelvin, Live, Network, Product, Serial, Setting, Start, Text,
};
use super::model::{AUX_MODE, AUX_STARTER, Row, Write};
use super::quantities::Quantity::{self, *};

const fn row(id: u16, from: From, size: usize) -> Row {
    Row {
        id,
        from,
        size,
        signed: false,
        write: Write::Nothing,
    }
}

/// An unsigned number of this many bytes.
const fn unsigned(id: u16, size: usize, quantity: Quantity, divide: i64) -> Row {
    row(id, Live(quantity, divide), size)
}

/// A signed number.
const fn signed(id: u16, size: usize, quantity: Quantity, divide: i64) -> Row {
    let mut row = row(id, Live(quantity, divide), size);
    row.signed = true;
    row
}

/// A setting of this many bytes that takes everything.
const fn setting(id: u16, size: usize, initial: i64) -> Row {
    let mut row = row(id, Setting(initial), size);
    row.write = Write::Anything;
    row
}

/// A setting that takes numbers in a range.
const fn ranged(id: u16, size: usize, initial: i64, least: i64, most: i64) -> Row {
    let mut row = row(id, Setting(initial), size);
    row.signed = least < 0;
    row.write = Write::Range(least, most);
    row
}

/// A setting that takes some numbers only.
const fn one_of(id: u16, initial: i64, numbers: &'static [i64]) -> Row {
    let mut row = row(id, Setting(initial), 1);
    row.write = Write::OneOf(numbers);
    row
}

/// A value that others in the network tell, and forget to tell.
const fn network(id: u16, size: usize) -> Row {
    let mut row = row(id, Network, size);
    row.write = Write::Anything;
    row
}

const fn start(id: u16) -> Row {
    let mut row = row(id, Start, 0);
    row.write = Write::Anything;
    row
}

const fn name(text: &'static str) -> Row {
    row(0x010b, Text(text, 0), 0)
}

/// A fixed number.
const fn fixed(id: u16, size: usize, number: i64) -> Row {
    unsigned(id, size, Constant(number), 1)
}

pub static COMMON: &[Row] = &[
    row(0x0100, Product, 4),
    row(0x0102, Firmware, 3),
    fixed(0x0104, 1, 0),
    row(0x010a, Serial(16), 0),
    Row {
        write: Write::Anything,
        ..row(0x010c, Text("", 0), 0)
    },
    unsigned(0x0120, 4, Uptime, 1),
    fixed(0x0140, 4, 0),
    fixed(0x0150, 4, 1),
];

/// What is special about battery monitors: a longer serial number.
#[rustfmt::skip]
pub static SHUNT: &[Row] = &[
    row(0x010a, Serial(32), 0),
    signed(0xed8d, 2, BatteryVoltage, 10), signed(0xed8f, 2, BatteryCurrent, 100),
    signed(0xed8c, 4, BatteryCurrent, 1), signed(0xed8e, 2, BatteryPower, 1000),
    signed(0xed7d, 2, AuxVoltage, 10),
    row(0xedec, Kelvin(BatteryTemperature), 2),
    unsigned(0x0382, 2, MidVoltage, 10), signed(0x0383, 2, MidDeviation, 1),
    signed(0xeeff, 4, Consumed, 100), signed(0x0ffc, 4, Consumed, 100),
    unsigned(0x0fff, 2, StateOfCharge, 1), unsigned(0x0ffe, 2, TimeToGo, 1),
    fixed(0xeeb6, 1, 1), ranged(0xeeb8, 2, 0, -9, 8), one_of(0xeefc, 1, &[0, 1]),
    signed(0x0300, 4, DeepestDischarge, 100), signed(0x0301, 4, LastDischarge, 100),
    signed(0x0302, 4, AverageDischarge, 100), signed(0x0303, 4, ChargeCycles, 1),
    signed(0x0304, 4, FullDischarges, 1), signed(0x0305, 4, Drawn, 100),
    signed(0x0306, 4, VoltageLeast, 10), signed(0x0307, 4, VoltageMost, 10),
    unsigned(0x0308, 4, SinceFull, 1), unsigned(0x0309, 4, Synchronisations, 1),
    fixed(0x030a, 4, 0), fixed(0x030b, 4, 0), fixed(0x030c, 4, 0), fixed(0x030d, 4, 0),
    signed(0x030e, 4, AuxLeast, 10), signed(0x030f, 4, AuxMost, 10),
    unsigned(0x0310, 4, DischargedEnergy, 1), unsigned(0x0311, 4, ChargedEnergy, 1),
    fixed(0x031e, 2, 0),
    ranged(0x1000, 2, 200, 1, 9_999), ranged(0x1001, 2, 132, 0, 950), ranged(0x1002, 2, 40, 5, 100),
    ranged(0x1003, 1, 3, 1, 50), ranged(0x1004, 1, 95, 50, 100), ranged(0x1005, 2, 105, 100, 150),
    ranged(0x1006, 2, 10, 0, 200), ranged(0x1007, 1, 3, 0, 12), ranged(0x1008, 2, 500, 0, 990),
    ranged(0x1009, 2, 900, 0, 990),
    start(0x1029), start(0x102c), start(0x1030),
];

pub static AUX: &[Row] = &[one_of(AUX_MODE, AUX_STARTER, &[0, 1, 2, 3])];

const RELAY_NUMBERS: Row = Row {
    write: Write::Relay,
    ..row(0x034e, Setting(0), 1)
};

/// The relay does what the monitor is set to, and not what others say.
pub static RELAY_OWN: &[Row] = &[RELAY_NUMBERS, one_of(0x034f, 0, &[0, 1, 2])];
/// The relay does what others say.
pub static RELAY_REMOTE: &[Row] = &[RELAY_NUMBERS, one_of(0x034f, 2, &[0, 1, 2])];

/// It measures a solar charger.
pub static MEASURES_SOLAR: &[Row] = &[ranged(0xeeb8, 2, -9, -9, 8)];

pub static NAMED_700: &[Row] = &[name("BMV-700")];
pub static NAMED_712: &[Row] = &[name("BMV-712 Smart")];
pub static NAMED_SHUNT: &[Row] = &[name("BMV-SmartShunt 500A/50mV")];
pub static NAMED_75_15: &[Row] = &[name("SmartSolar Charger MPPT 75/15")];
pub static NAMED_100_50: &[Row] = &[name("BlueSolar Charger MPPT 100/50 rev2")];
pub static NAMED_150_70: &[Row] = &[name("SmartSolar Charger MPPT 150/70 rev2")];
pub static NAMED_100_30: &[Row] = &[name("BlueSolar Charger MPPT 100/30")];
pub static NAMED_PHOENIX: &[Row] = &[name("Phoenix Inverter 12V 1200VA 230V")];
pub static NAMED_IP22: &[Row] = &[name("Blue Smart IP22 Charger 24/8")];
pub static NAMED_ORION: &[Row] = &[name("Orion XS 12V/12V-50A")];
pub static NAMED_MULTI: &[Row] = &[name("Multi RS Solar 48V 6000VA 230V")];
pub static NAMED_UNKNOWN: &[Row] = &[name("A charger of next year")];

/// What all that charge have.
#[rustfmt::skip]
pub static CHARGE: &[Row] = &[
    unsigned(0x0201, 1, State, 1), setting(0x0202, 4, 0),
    unsigned(0x0207, 4, OffReason, 1), unsigned(0xedda, 1, Error, 1),
    unsigned(0xedd5, 2, BatteryVoltage, 10), unsigned(0xedd7, 2, ChargerCurrent, 100),
    signed(0xeddb, 2, ChargerTemperature, 10),
    network(0x2001, 2), network(0x2002, 2),
    Row { signed: true, ..network(0x2003, 2) },
    fixed(0x2007, 4, 600_000), fixed(0x2009, 1, 0), unsigned(0x200c, 1, State, 1),
    ranged(0x200e, 1, 0, 0, 255), fixed(0x200f, 1, 0), network(0x2015, 2),
    unsigned(0x2027, 4, Unknown, 1), signed(0x2013, 4, Unknown, 1), signed(0x200a, 4, Unknown, 1),
];

#[rustfmt::skip]
pub static SOLAR: &[Row] = &[
    one_of(0x0200, 1, &[0, 1, 4]),
    row(0xedec, Kelvin(Unknown), 2),
    unsigned(0xedbb, 2, PanelVoltage, 10), unsigned(0xedbc, 4, PanelPower, 10),
    unsigned(0xedb3, 1, Tracker, 1), fixed(0xedd4, 1, 0),
    unsigned(0xedb4, 4, PanelPower, 10), unsigned(0xedb5, 2, PanelVoltage, 10),
    unsigned(0xedd3, 2, YieldToday, 1), unsigned(0xedd1, 2, YieldYesterday, 1),
    unsigned(0xedd2, 2, PowerToday, 1), unsigned(0xedd0, 2, PowerYesterday, 1),
    unsigned(0xeddc, 4, YieldUser, 1), unsigned(0xeddd, 4, YieldTotal, 1),
    signed(0xed8d, 2, BatteryVoltage, 10), signed(0xed8f, 2, BatteryCurrent, 100),
    unsigned(0x2030, 1, Dark, 1), unsigned(0x2031, 2, TimeOfDay, 1),
    setting(0xedf1, 1, 2), setting(0xedf2, 2, 0xfaf0), setting(0xedfb, 2, 600),
    setting(0xedfd, 1, 0), one_of(0xedfe, 1, &[0, 1]), setting(0xede0, 2, 500),
    setting(0xede3, 2, 100), setting(0xede4, 1, 8), one_of(0xede5, 0, &[0, 1]),
    setting(0xede6, 2, 0xffff), setting(0xede7, 2, 20), one_of(0xede8, 0, &[0, 1]),
    setting(0xed2e, 2, 10), setting(0xedca, 2, 0),
];

/// Larger chargers measure the current of the panels.
pub static PANEL_CURRENT: &[Row] = &[unsigned(0xedbd, 2, PanelCurrent, 100)];

/// Voltages of a battery of 12 V, and the charger's current in tenths.
macro_rules! battery {
    ($volts:literal, $tenths:literal, $panels:literal) => {
        &[
            fixed(0xedef, 1, $volts),
            setting(0xedea, 1, $volts),
            ranged(0xedf0, 2, $tenths, 10, $tenths),
            fixed(0xeddf, 2, $tenths),
            fixed(0xedb8, 2, $panels * 100),
            setting(0xedf7, 2, $volts * 120),
            setting(0xedf6, 2, $volts * 115),
            setting(0xedf5, 2, $volts * 110),
            setting(0xedf4, 2, $volts * 125),
        ]
    };
}

pub static BATTERY_15: &[Row] = battery!(12, 150, 75);
pub static BATTERY_30: &[Row] = battery!(24, 300, 100);
pub static BATTERY_50: &[Row] = battery!(24, 500, 100);
pub static BATTERY_70: &[Row] = battery!(48, 700, 150);

#[rustfmt::skip]
pub static LOAD: &[Row] = &[
    one_of(0xedab, 4, &[0, 1, 4, 5, 6, 7]), unsigned(0xeda8, 1, Load, 1),
    unsigned(0xeda9, 2, LoadVoltage, 10), unsigned(0xedad, 2, LoadCurrent, 100),
    fixed(0xed91, 1, 0), fixed(0xed90, 2, 0), setting(0xed9c, 2, 1_110), setting(0xed9d, 2, 1_310),
];

/// The relay of a charger does what its function says.
pub static RELAY_FUNCTION: &[Row] = &[fixed(0x034e, 1, 0), ranged(0xedd9, 1, 0, 0, 10)];

#[rustfmt::skip]
pub static INVERTER: &[Row] = &[
    one_of(0x0200, 2, &[2, 4, 5, 253]), unsigned(0x0201, 1, State, 1), setting(0x0202, 4, 0),
    unsigned(0x0207, 4, OffReason, 1), fixed(0x031c, 2, 0), fixed(0x031e, 2, 0),
    signed(0x2200, 2, AcVoltage, 1), signed(0x2201, 2, AcCurrent, 100),
    signed(0x2205, 4, AcApparent, 1), signed(0x2204, 4, AcPower, 1),
    signed(0xed8d, 2, BatteryVoltage, 10),
    ranged(0x0230, 2, 23_000, 21_000, 24_500), fixed(0x0231, 2, 21_000), fixed(0x0232, 2, 24_500),
    fixed(0x2202, 2, 230), fixed(0x2203, 2, 1_200), setting(0x2206, 2, 20), setting(0x2207, 2, 40),
    setting(0x2210, 2, 930), setting(0x0320, 2, 1_050), setting(0x0321, 2, 1_250),
    unsigned(0x1040, 4, Uptime, 1), fixed(0x1041, 4, 4_321), one_of(0xeb03, 0, &[0, 1]),
    setting(0xeb04, 2, 12), setting(0xeb06, 2, 32), setting(0xeb10, 2, 50),
];

#[rustfmt::skip]
pub static CHARGER: &[Row] = &[
    one_of(0x0200, 1, &[1, 4]), one_of(0x0206, 0, &[0, 1]),
    signed(0xed8c, 4, BatteryCurrent, 1), signed(0xed8d, 2, BatteryVoltage, 10),
    signed(0xed8f, 2, BatteryCurrent, 100), ranged(0xedf0, 2, 80, 10, 80),
];

#[rustfmt::skip]
pub static CONVERTER: &[Row] = &[
    one_of(0x0200, 1, &[1, 4]),
    signed(0xed8d, 2, BatteryVoltage, 10), signed(0xed8f, 2, BatteryCurrent, 100),
    signed(0xed8e, 2, BatteryPower, 1000),
    unsigned(0xedbb, 2, InputVoltage, 10), unsigned(0xedbc, 4, InputPower, 10),
    unsigned(0xedbd, 2, InputCurrent, 100), ranged(0xedf0, 2, 500, 10, 500),
    unsigned(0xed56, 2, InputVoltage, 10), fixed(0xee10, 1, 255), fixed(0xee11, 1, 255),
    fixed(0xe000, 4, 2),
    setting(0xee36, 2, 1_400), setting(0xee37, 2, 1_330), setting(0xee38, 2, 1_310),
    setting(0xee39, 2, 120),
];

#[rustfmt::skip]
pub static MULTI: &[Row] = &[
    one_of(0x0200, 3, &[1, 2, 3, 4, 5]), fixed(0x0204, 1, 240),
    unsigned(0x0209, 1, State, 1), unsigned(0x020a, 1, State, 1), fixed(0x0244, 1, 2),
    signed(0xed8d, 2, BatteryVoltage, 10), signed(0xed8f, 2, BatteryCurrent, 100),
    signed(0xed8b, 2, Constant(12), 1), fixed(0xedb1, 4, 2_345_678), fixed(0xedb2, 2, 12_000),
    unsigned(0xedbb, 2, PanelVoltage, 10), unsigned(0xedbc, 4, PanelPower, 10),
    unsigned(0xedd3, 2, YieldToday, 1), unsigned(0xedd1, 2, YieldYesterday, 1),
    unsigned(0xedd2, 2, PowerToday, 1), unsigned(0xedd0, 2, PowerYesterday, 1),
    unsigned(0xeddc, 4, YieldUser, 1), unsigned(0xeddd, 4, YieldTotal, 1),
    ranged(0xedf0, 2, 1_000, 10, 1_000), fixed(0xd01f, 1, 0), setting(0xd0c0, 1, 0),
    signed(0x2209, 2, Constant(235), 1),
    signed(0x2213, 2, AcVoltage, 1), signed(0x2214, 2, AcCurrent, 10),
    signed(0x2215, 4, AcPower, 1), signed(0x2216, 4, AcApparent, 1), fixed(0x2217, 2, 5_000),
    signed(0x2204, 4, AcPower, 1), signed(0x2205, 4, AcApparent, 1),
    signed(0x2250, 2, Unknown, 1), signed(0x2251, 2, Unknown, 1), signed(0x2252, 4, Unknown, 1),
    signed(0x2253, 4, Unknown, 1), unsigned(0x2254, 2, Unknown, 1),
    unsigned(0xecc3, 1, Tracker, 1), unsigned(0xeccb, 2, TrackerVoltage(0), 10),
    unsigned(0xeccc, 4, TrackerPower(0), 10), unsigned(0xeccd, 2, TrackerCurrent(0), 100),
    unsigned(0xecd3, 1, Tracker, 1), unsigned(0xecdb, 2, TrackerVoltage(1), 10),
    unsigned(0xecdc, 4, TrackerPower(1), 10), unsigned(0xecdd, 2, TrackerCurrent(1), 100),
];
