//! The dump shows every byte once; the mask hides serials and nothing else.

use jiff::civil;
use proptest::prelude::*;

use super::super::*;
use super::samples::{answer, ecu_info, telemetry, telemetry_of};

/// The bytes a dump shows, put together again.
fn shown(dump: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in dump.lines() {
        let (offset, rest) = line.split_at(7);
        assert_eq!(
            offset.trim().parse::<usize>().unwrap(),
            bytes.len(),
            "{dump}"
        );
        let hex = rest.get(..35).unwrap_or(rest);
        bytes.extend(
            hex.split_whitespace()
                .map(|byte| u8::from_str_radix(byte, 16).unwrap()),
        );
    }
    bytes
}

fn serials(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::EcuInfo(info) => vec![info.ecu.to_string()],
        Answer::Telemetry(telemetry) => telemetry
            .records
            .iter()
            .map(|record| record.uid.to_string())
            .collect(),
        Answer::Signal(signal) => signal
            .entries
            .iter()
            .map(|(uid, _)| uid.to_string())
            .collect(),
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_byte_is_shown_once(answer in answer()) {
        let bytes = answer.encode();
        let dump = annotate(&RawFrame::parse(&bytes).unwrap());
        prop_assert_eq!(shown(&dump), bytes);
        prop_assert!(!dump.contains("not understood"), "{}", dump);
    }

    #[test]
    fn every_byte_of_nonsense_is_shown_once(command in 0u16..40, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let frame = RawFrame::parse(&Answer::Other { command, body }.encode()).unwrap();
        prop_assert_eq!(shown(&annotate(&frame)), frame.bytes);
    }

    #[test]
    fn masking_keeps_products_and_everything_else(answer in answer()) {
        let bytes = answer.encode();
        let masked = Masker::default().mask(&bytes);
        let back = Answer::decode(&RawFrame::parse(&masked).unwrap()).unwrap();
        for (before, after) in serials(&answer).iter().zip(serials(&back)) {
            prop_assert_eq!(&before[..4], &after[..4]);
            prop_assert_eq!(&after[4..8], "0000");
        }
        let changed = masked.iter().zip(&bytes).filter(|(one, other)| one != other).count();
        let allowed = match &answer {
            Answer::EcuInfo(_) => 8 + 12,
            _ => 4 * serials(&answer).len(),
        };
        prop_assert!(changed <= allowed);
    }

    #[test]
    fn a_cut_answer_shows_no_serial(telemetry in telemetry(), cut in any::<prop::sample::Index>()) {
        let bytes = telemetry.encode();
        let part = &bytes[..cut.index(bytes.len())];
        let masked = Masker::default().mask(part);
        for record in &telemetry.records {
            let uid = record.uid.to_bcd();
            if uid[2..5] != [0; 3] {
                prop_assert!(!masked.windows(6).any(|window| window == uid));
                prop_assert!(!masked.ends_with(&uid[..5]));
            }
        }
    }

    #[test]
    fn a_cut_gateway_shows_no_mac(info in ecu_info(), cut in any::<prop::sample::Index>()) {
        let bytes = info.encode();
        let part = &bytes[..cut.index(bytes.len())];
        let masked = Masker::default().mask(part);
        for mac in [info.mac_ethernet, info.mac_wifi].into_iter().flatten() {
            if mac[2..].iter().all(|byte| *byte != 0) && !info.time_zone.is_empty() {
                prop_assert!(!masked.windows(6).any(|window| window == mac));
                prop_assert!(!masked.ends_with(&mac[..5]));
            }
        }
    }

    #[test]
    fn a_masked_gateway_keeps_its_figures(info in ecu_info()) {
        let masked = Masker::default().mask(&info.encode());
        let Ok(Answer::EcuInfo(back)) = Answer::decode(&RawFrame::parse(&masked).unwrap()) else {
            panic!();
        };
        prop_assert_eq!(back.mac_ethernet.is_some(), info.mac_ethernet.is_some());
        for mac in [back.mac_ethernet, back.mac_wifi].into_iter().flatten() {
            prop_assert_eq!(&mac[..5], &[2, 0, 0, 0, 0]);
        }
        let expected = EcuInfo {
            ecu: back.ecu,
            mac_ethernet: back.mac_ethernet,
            mac_wifi: back.mac_wifi,
            ..info
        };
        prop_assert_eq!(back, expected);
    }
}

#[test]
fn one_serial_has_one_pseudonym() {
    let mut masker = Masker::default();
    let ecu = "216012345678".parse().unwrap();
    let asked = masker.mask(&Request::Telemetry { ecu }.encode());
    assert_eq!(asked, b"APS1100280002216000000001END\n");

    let own = Record::new(
        "216012345678".parse().unwrap(),
        false,
        RecordType::T00,
        None,
    );
    let other = Record::new(
        "802087654321".parse().unwrap(),
        false,
        RecordType::T00,
        None,
    );
    let bytes = masker.mask(&telemetry_of(vec![other, own]).encode());
    let frame = RawFrame::parse(&bytes).unwrap();
    let Ok(Answer::Telemetry(telemetry)) = Answer::decode(&frame) else {
        panic!();
    };
    assert_eq!(telemetry.records[0].uid.to_string(), "802000000001");
    assert_eq!(telemetry.records[1].uid.to_string(), "216000000001");

    let text = masker.mask(b"log: 216012345678 asked 802087654321, \x80\x20\x87\x65\x43\x21!");
    assert_eq!(
        text,
        b"log: 216000000001 asked 802000000001, \x80\x20\x00\x00\x00\x01!"
    );
}

#[test]
fn a_cut_request_shows_no_serial() {
    let request = b"APS1100280002216012345678END";
    for have in 13..request.len() {
        let masked = Masker::default().mask(&request[..have]);
        // Only a whole serial gets a number.
        assert_eq!(masked, &b"APS1100280002216000000001END"[..have]);
    }
}

#[test]
fn a_dump_reads_like_a_table() {
    let body = Body {
        frequency_dhz: 499,
        temperature_raw: 123,
        power_w: Quad::new(&[26, 27, 28, 29]),
        voltage_v: Quad::new(&[390, 391, 392]),
    };
    let record = Record::new(
        "901000000001".parse().unwrap(),
        true,
        RecordType::T02,
        Some(body),
    );
    let mut telemetry = telemetry_of(vec![record]);
    telemetry.at = Some(civil::date(2025, 6, 1).at(12, 5, 30, 0));
    let dump = annotate(&RawFrame::parse(&telemetry.encode()).unwrap());
    let expected = "    \
    0  41 50 53                             signature             APS
    3  31 31                                group                 11
    5  30 30 35 36                          length                56 bytes
    9  30 30 30 32                          command               0002 telemetry
   13  30 30                                status                done
   15  30 31                                model                 01
   17  00 01                                records               1
   19  20 25 06 01 12 05 30                 last cycle            2025-06-01T12:05:30 (local)
   26  90 10 00 00 00 01 01 30 32           inverter 1            901000000001 QT2, online, type 02
   35  01 f3 00 7b                            frequency, temp.    49.9 Hz, 23 °C
   39  00 1a 01 86 00 1b 01 87                channels 1, 2       26 W, 390 V; 27 W, 391 V
   47  00 1c 01 88 00 1d                      channels 3, 4       28 W, 392 V; 29 W
   53  45 4e 44                             end                   END
   56  0a                                   newline
";
    assert_eq!(dump, expected, "\n{dump}");
}
