//! The devices that can be simulated: data, not code. All serial numbers are invented.

use super::model::{DeviceKind, Manners, Model, Telling};
use super::{lines, rows};

/// What solar chargers tell of by themselves while somebody asks.
#[rustfmt::skip]
const SOLAR_CHANGES: &[u16] = &[
    0x0201, 0x0207, 0x2001, 0xedd5, 0xedd7, 0xeddb, 0xedbb, 0xedbc, 0xedb3, 0xedda,
];

/// What battery monitors tell of by themselves while somebody asks.
const MONITOR_CHANGES: &[u16] = &[0xed8d, 0xed8c, 0xed8e, 0x0fff, 0x0ffe];

/// What the others leave as it is.
const PLAIN: Model = Model {
    name: "",
    about: "",
    product: 0,
    serial: "",
    version: 0,
    kind: DeviceKind::Solar,
    volts: 12,
    watts: 0,
    sleeps: false,
    blocks: &[],
    rows: &[],
    tells: &[],
    telling: Telling::Asked,
    manners: Manners::TextGoesOn,
};

/// Every model.
pub static MODELS: &[Model] = &[
    Model {
        name: "bmv-712",
        about: "battery monitor BMV-712 Smart with a starter battery; its relay can be switched",
        product: 0xa381,
        serial: "HQ000000012",
        version: 0x4408,
        kind: DeviceKind::Shunt,
        watts: 400,
        blocks: lines::BMV_712,
        rows: &[
            rows::AUX,
            rows::RELAY_REMOTE,
            rows::NAMED_712,
            rows::SHUNT,
            rows::COMMON,
        ],
        tells: MONITOR_CHANGES,
        ..PLAIN
    },
    Model {
        name: "mppt-75-15",
        about: "solar charger SmartSolar MPPT 75|15 with a load output",
        product: 0xa053,
        serial: "HQ000000015",
        version: 0x4159,
        watts: 200,
        blocks: lines::MPPT_75_15,
        rows: &[
            rows::NAMED_75_15,
            rows::SOLAR,
            rows::CHARGE,
            rows::BATTERY_15,
            rows::LOAD,
            rows::COMMON,
        ],
        tells: SOLAR_CHANGES,
        ..PLAIN
    },
    Model {
        name: "mppt-150-70",
        about: "solar charger SmartSolar MPPT 150|70 rev2, new firmware: two blocks a second apart",
        product: 0xa06c,
        serial: "HQ000000070",
        version: 0x4316,
        volts: 48,
        watts: 3_500,
        blocks: lines::MPPT_150_70,
        rows: &[
            rows::NAMED_150_70,
            rows::SOLAR,
            rows::CHARGE,
            rows::BATTERY_70,
            rows::PANEL_CURRENT,
            rows::RELAY_FUNCTION,
            rows::COMMON,
        ],
        tells: &[
            0x2001, 0xeddb, 0xedbc, 0xedbb, 0xedb4, 0xedb5, 0xedd5, 0xed8d,
        ],
        telling: Telling::Always,
        ..PLAIN
    },
    Model {
        name: "mppt-100-50-old",
        about: "solar charger BlueSolar MPPT 100|50 rev2, old firmware: text stops during HEX",
        product: 0xa049,
        serial: "HQ000000050",
        version: 0x4123,
        volts: 24,
        watts: 1_200,
        blocks: lines::MPPT_OLD,
        rows: &[
            rows::NAMED_100_50,
            rows::SOLAR,
            rows::CHARGE,
            rows::BATTERY_50,
            rows::PANEL_CURRENT,
            rows::COMMON,
        ],
        tells: SOLAR_CHANGES,
        manners: Manners::TextStops,
        ..PLAIN
    },
    Model {
        name: "mppt-blue-100-30",
        about: "solar charger BlueSolar MPPT 100|30, the first: it lives on its panels, silent at night",
        product: 0xa044,
        serial: "HQ000000030",
        version: 0x4116,
        volts: 24,
        watts: 700,
        sleeps: true,
        blocks: lines::MPPT_BLUE,
        rows: &[
            rows::NAMED_100_30,
            rows::SOLAR,
            rows::CHARGE,
            rows::BATTERY_30,
            rows::PANEL_CURRENT,
            rows::COMMON,
        ],
        telling: Telling::Days,
        manners: Manners::TextStops,
        ..PLAIN
    },
    Model {
        name: "bmv-700",
        about: "battery monitor BMV-700: no serial number in text; its relay minds itself",
        product: 0x0203,
        serial: "HQ000000007",
        version: 0x4308,
        kind: DeviceKind::Shunt,
        watts: 300,
        blocks: lines::BMV_700,
        rows: &[rows::RELAY_OWN, rows::NAMED_700, rows::SHUNT, rows::COMMON],
        tells: MONITOR_CHANGES,
        ..PLAIN
    },
    Model {
        name: "bmv-602",
        about: "battery monitor BMV-602S: no product id, On and Off in small letters, no HEX",
        product: 0x0201,
        serial: "HQ000000006",
        version: 0x4208,
        kind: DeviceKind::Shunt,
        watts: 250,
        blocks: lines::BMV_602,
        manners: Manners::Deaf,
        ..PLAIN
    },
    Model {
        name: "smartshunt",
        about: "battery monitor SmartShunt 500A/50mV: no relay",
        product: 0xa389,
        serial: "HQ000000089",
        version: 0x4419,
        kind: DeviceKind::Shunt,
        watts: 500,
        blocks: lines::SMART_SHUNT,
        rows: &[rows::AUX, rows::NAMED_SHUNT, rows::SHUNT, rows::COMMON],
        tells: MONITOR_CHANGES,
        ..PLAIN
    },
    Model {
        name: "energy-meter",
        about: "the same as an energy meter of a solar charger: no state of charge",
        product: 0xa389,
        serial: "HQ000000088",
        version: 0x4419,
        kind: DeviceKind::Shunt,
        watts: 350,
        blocks: lines::SMART_SHUNT,
        rows: &[
            rows::MEASURES_SOLAR,
            rows::AUX,
            rows::NAMED_SHUNT,
            rows::SHUNT,
            rows::COMMON,
        ],
        tells: MONITOR_CHANGES,
        ..PLAIN
    },
    Model {
        name: "phoenix",
        about: "inverter Phoenix 12V 1200VA 230V",
        product: 0xa271,
        serial: "HQ000000071",
        version: 0x4124,
        kind: DeviceKind::Inverter,
        watts: 1_200,
        blocks: lines::PHOENIX,
        rows: &[rows::NAMED_PHOENIX, rows::INVERTER, rows::COMMON],
        tells: &[0x0201, 0x2200, 0x2201, 0xed8d],
        ..PLAIN
    },
    Model {
        name: "blue-smart-ip22",
        about: "charger Blue Smart IP22 24|8",
        product: 0xa332,
        serial: "HQ000000022",
        version: 0x4342,
        kind: DeviceKind::Charger,
        volts: 24,
        watts: 220,
        blocks: lines::BLUE_SMART,
        rows: &[rows::NAMED_IP22, rows::CHARGER, rows::CHARGE, rows::COMMON],
        tells: &[0x0120, 0x2001, 0xed8d, 0xedd5, 0xeddb],
        telling: Telling::Always,
        ..PLAIN
    },
    Model {
        name: "orion-xs",
        about: "converter Orion XS 12V/12V-50A, from one battery to another",
        product: 0xa3f0,
        serial: "HQ000000051",
        version: 0x4112,
        kind: DeviceKind::Converter,
        watts: 700,
        blocks: lines::ORION_XS,
        rows: &[
            rows::NAMED_ORION,
            rows::CONVERTER,
            rows::CHARGE,
            rows::COMMON,
        ],
        tells: &[0xed56, 0xed8d, 0xed8f, 0xeddb],
        telling: Telling::Always,
        ..PLAIN
    },
    Model {
        name: "multi-rs",
        about: "inverter and solar charger Multi RS Solar 48V 6000VA 230V, with two trackers",
        product: 0xa442,
        serial: "HQ000000042",
        version: 0x4109,
        kind: DeviceKind::Multi,
        volts: 48,
        watts: 5_000,
        blocks: lines::MULTI_RS,
        rows: &[rows::NAMED_MULTI, rows::MULTI, rows::CHARGE, rows::COMMON],
        tells: &[
            0x2209, 0x2205, 0x2204, 0xed8d, 0xedbb, 0xeccb, 0xeccc, 0xecdb, 0xecdc,
        ],
        telling: Telling::Always,
        ..PLAIN
    },
    Model {
        name: "unknown",
        about: "a solar charger that nobody has heard of",
        product: 0xa0fa,
        serial: "HQ000000099",
        version: 0x4164,
        watts: 300,
        blocks: lines::UNKNOWN,
        rows: &[
            rows::NAMED_UNKNOWN,
            rows::SOLAR,
            rows::CHARGE,
            rows::BATTERY_15,
            rows::COMMON,
        ],
        tells: SOLAR_CHANGES,
        ..PLAIN
    },
];
