//! Random valid values.

use jiff::civil;
use proptest::prelude::*;

use super::super::*;

pub fn ecu_id() -> impl Strategy<Value = EcuId> {
    "21[56][0-3][0-9]{8}".prop_map(|id| id.parse().unwrap())
}

pub fn uid() -> impl Strategy<Value = Uid> {
    "[14-9]0[1-8][0-9]{9}".prop_map(|id| id.parse().unwrap())
}

pub fn date() -> impl Strategy<Value = civil::Date> {
    (2000i16..2100, 1i8..=12, 1i8..=28).prop_map(|(year, month, day)| civil::date(year, month, day))
}

pub fn date_time() -> impl Strategy<Value = civil::DateTime> {
    (date(), 0i8..24, 0i8..60, 0i8..60).prop_map(|(date, h, m, s)| date.at(h, m, s, 0))
}

fn body(powers: usize, voltages: usize) -> impl Strategy<Value = Body> {
    let numbers = prop::collection::vec(any::<u16>(), powers + voltages);
    (any::<u16>(), any::<u16>(), numbers).prop_map(move |(frequency_dhz, temperature_raw, all)| {
        let (power, voltage) = all.split_at(powers);
        Body {
            frequency_dhz,
            temperature_raw,
            power_w: Quad::new(power),
            voltage_v: Quad::new(voltage),
        }
    })
}

/// What an inverter can have measured, without which nothing is read of an unknown type.
fn sound_body(powers: usize, voltages: usize) -> impl Strategy<Value = Body> {
    let power = prop::collection::vec(0u16..600, powers);
    let voltage = prop::collection::vec(200u16..420, voltages);
    (450u16..650, 80u16..200, power, voltage).prop_map(
        |(frequency_dhz, temperature_raw, power, voltage)| Body {
            frequency_dhz,
            temperature_raw,
            power_w: Quad::new(&power),
            voltage_v: Quad::new(&voltage),
        },
    )
}

/// A record of a type whose size is certain.
pub fn certain_record() -> impl Strategy<Value = Record> {
    let body = prop_oneof![
        Just((RecordType::T00, None)),
        body(2, 2).prop_map(|body| (RecordType::T01, Some(body))),
        body(4, 3).prop_map(|body| (RecordType::T02, Some(body))),
        body(4, 1).prop_map(|body| (RecordType::T03, Some(body))),
        body(2, 2).prop_map(|body| (RecordType::T04, Some(body))),
    ];
    (uid(), any::<bool>(), body)
        .prop_map(|(uid, online, (kind, body))| Record::new(uid, online, kind, body))
}

/// A record of the disputed type or of two unknown ones.
pub fn uncertain_record() -> impl Strategy<Value = Record> {
    let body = prop_oneof![
        body(2, 2).prop_map(|body| (RecordType::T05, body)),
        body(4, 3).prop_map(|body| (RecordType::T05, body)),
        sound_body(4, 1).prop_map(|body| (RecordType::Other(*b"07"), body)),
        sound_body(4, 3).prop_map(|body| (RecordType::Other(*b"11"), body)),
    ];
    (uid(), any::<bool>(), body)
        .prop_map(|(uid, online, (kind, body))| Record::new(uid, online, kind, Some(body)))
}

pub fn telemetry_of(records: Vec<Record>) -> Telemetry {
    Telemetry {
        model: "01".to_owned(),
        at: Some(civil::date(2025, 6, 1).at(12, 5, 30, 0)),
        declared: u16::try_from(records.len()).unwrap(),
        records,
        undecoded: Vec::new(),
    }
}

pub fn telemetry() -> impl Strategy<Value = Telemetry> {
    let records = prop::collection::vec(certain_record(), 0..60);
    (records, prop::option::of(date_time())).prop_map(|(records, at)| Telemetry {
        at,
        ..telemetry_of(records)
    })
}

pub fn ecu_info() -> impl Strategy<Value = EcuInfo> {
    let mac = || prop::option::of(any::<[u8; 6]>().prop_filter("not zero", |mac| *mac != [0; 6]));
    let numbers = any::<(u32, u32, u32, u16, u16)>();
    let labels = ("[0-9A-F]{2}", "[ -~]{0,40}", "[A-Za-z/+_0-9-]{0,40}");
    let group = prop_oneof![Just(Group::G11), Just(Group::G12)];
    let upload = prop::option::of(date_time());
    (ecu_id(), group, numbers, upload, labels, mac(), mac()).prop_map(
        |(ecu, group, numbers, last_upload, labels, mac_ethernet, mac_wifi)| EcuInfo {
            ecu,
            group,
            model: *b"01",
            lifetime_wh: u64::from(numbers.0) * 100,
            power_w: numbers.1,
            today_wh: u64::from(numbers.2) * 10,
            last_upload,
            registered: numbers.3,
            online: numbers.4,
            channel: labels.0,
            firmware: labels.1,
            time_zone: labels.2,
            mac_ethernet,
            mac_wifi,
            tail: match group {
                Group::G11 => Vec::new(),
                Group::G12 => b"00\0\0\0\0\0\0\0\0\0\0".to_vec(),
            },
        },
    )
}

fn energy_history() -> impl Strategy<Value = EnergyHistory> {
    let period = prop_oneof![Just(Period::Week), Just(Period::Month), Just(Period::Year)];
    let days = prop::collection::vec((date(), any::<u32>()), 0..40);
    // Every kind of entry that has been seen: group 11 has both sizes.
    let kind = prop_oneof![
        Just((Group::G11, true)),
        Just((Group::G11, false)),
        Just((Group::G12, false)),
    ];
    (period, days, kind).prop_map(|(period, days, (group, wraps))| {
        let steps = |steps: u32| u64::from(if wraps { steps >> 16 } else { steps }) * 10;
        let days: Vec<_> = days.iter().map(|(date, it)| (*date, steps(*it))).collect();
        EnergyHistory {
            period,
            // Without entries there is no size to be seen.
            wraps: if days.is_empty() {
                group == Group::G11
            } else {
                wraps
            },
            days,
            group,
        }
    })
}

pub fn answer() -> impl Strategy<Value = Answer> {
    let time = (0i8..24, 0i8..60).prop_map(|(hour, minute)| civil::time(hour, minute, 0, 0));
    prop_oneof![
        ecu_info().prop_map(Answer::EcuInfo),
        telemetry().prop_map(Answer::Telemetry),
        prop::collection::vec((uid(), any::<u8>()), 0..60)
            .prop_map(|entries| Answer::Signal(Signal { entries })),
        prop::collection::vec((time, any::<u16>()), 0..200)
            .prop_map(|points| Answer::DayCurve(DayCurve { points })),
        energy_history().prop_map(Answer::EnergyHistory),
        date_time().prop_map(|at| Answer::Clock(Clock { at })),
        (0u16..10_000, any::<[u8; 2]>()).prop_map(|(command, code)| Answer::Status {
            command,
            status: Status::from_code(code),
        }),
        (100u16..10_000, prop::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(command, body)| Answer::Other { command, body }),
    ]
}

pub fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        Just(Request::EcuInfo),
        ecu_id().prop_map(|ecu| Request::Telemetry { ecu }),
        ecu_id().prop_map(|ecu| Request::Signal { ecu }),
        ecu_id().prop_map(|ecu| Request::Clock { ecu }),
        (ecu_id(), date()).prop_map(|(ecu, date)| Request::DayCurve { ecu, date }),
        (ecu_id(), 0u8..3).prop_map(|(ecu, code)| Request::EnergyHistory {
            ecu,
            period: Period::from_code([b'0', b'0' + code]).unwrap(),
        }),
    ]
}
