//! Answers of an ECU with 20 mixed inverters, as bytes.

// Each bench is a crate of its own and uses only some of them.
#![allow(dead_code)]

use jiff::civil::DateTime;
use wattbridge::adapters::aps_ecu::wire::{
    Answer, Body, EcuId, EcuInfo, Group, Quad, Record, RecordType, Signal, Telemetry, Uid,
};

pub(crate) const INVERTERS: u16 = 20;

fn uid(number: u16) -> Uid {
    let [a, b] = match number % 4 {
        0 => [0x40, 0x80],
        1 => [0x80, 0x20],
        2 => [0x90, 0x10],
        _ => [0x70, 0x40],
    };
    let tens = u8::try_from(number / 10 * 16 + number % 10).unwrap_or_default();
    Uid::from_wire([a, b, 0, 0, 0, tens])
}

fn record(number: u16) -> Record {
    let (kind, powers, voltages): (_, &[u16], &[u16]) = match number % 4 {
        0 => (RecordType::T01, &[211, 214], &[231, 231]),
        1 => (RecordType::T03, &[180, 181, 182, 183], &[232]),
        2 => (RecordType::T02, &[260, 261, 262, 263], &[390, 391, 392]),
        _ => (RecordType::T00, &[], &[]),
    };
    let body = (!powers.is_empty()).then(|| Body {
        frequency_dhz: 499,
        temperature_raw: 131,
        power_w: Quad::new(powers),
        voltage_v: Quad::new(voltages),
    });
    Record::new(uid(number), body.is_some(), kind, body)
}

/// What the inverters measured at `at`, on the ECU's clock.
pub(crate) fn telemetry(at: DateTime) -> Vec<u8> {
    Telemetry {
        model: "01".to_owned(),
        at: Some(at),
        declared: INVERTERS,
        records: (0..INVERTERS).map(record).collect(),
        undecoded: Vec::new(),
    }
    .encode()
}

/// How well the ECU hears its inverters.
pub(crate) fn signal() -> Vec<u8> {
    let entries = (0..INVERTERS).map(|number| (uid(number), 200)).collect();
    Answer::Signal(Signal { entries }).encode()
}

/// Who the ECU is, with these counters.
pub(crate) fn info(ecu: EcuId, lifetime_wh: u64, today_wh: u64) -> Vec<u8> {
    EcuInfo {
        ecu,
        group: Group::G11,
        model: *b"01",
        lifetime_wh,
        power_w: 11_000,
        today_wh,
        last_upload: None,
        registered: INVERTERS,
        online: 15,
        channel: "10".to_owned(),
        firmware: "ECU_R_PRO_2.1.3".to_owned(),
        time_zone: "Etc/UTC".to_owned(),
        mac_ethernet: None,
        mac_wifi: None,
        tail: Vec::new(),
    }
    .encode()
}
