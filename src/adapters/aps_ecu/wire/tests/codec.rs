//! What is encoded decodes to the same; what does not fit is kept, not lost.

use proptest::prelude::*;

use super::super::*;
use super::samples::{
    answer, certain_record, ecu_id, ecu_info, request, telemetry_of, uncertain_record,
};

fn decoded(bytes: &[u8]) -> Answer {
    Answer::decode(&RawFrame::parse(bytes).unwrap()).unwrap()
}

fn decoded_telemetry(telemetry: &Telemetry) -> Telemetry {
    match decoded(&telemetry.encode()) {
        Answer::Telemetry(telemetry) => telemetry,
        other => panic!("{other:?}"),
    }
}

fn online(uid: &str, kind: RecordType, power: &[u16], voltage: &[u16]) -> Record {
    let body = Body {
        frequency_dhz: 499,
        temperature_raw: 123,
        power_w: Quad::new(power),
        voltage_v: Quad::new(voltage),
    };
    Record::new(uid.parse().unwrap(), true, kind, Some(body))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn answers_survive_the_round_trip(answer in answer()) {
        prop_assert_eq!(decoded(&answer.encode()), answer);
    }

    #[test]
    fn requests_survive_the_round_trip(request in request()) {
        let bytes = request.encode();
        prop_assert_eq!(Request::parse(&bytes), Ok(request.clone()));
        // Without newline, and with a wrong length.
        prop_assert_eq!(Request::parse(&bytes[..bytes.len() - 1]), Ok(request.clone()));
        let mut wrong = bytes.clone();
        wrong[5..9].copy_from_slice(b"9999");
        prop_assert_eq!(Request::parse(&wrong), Ok(request));
        for have in 0..bytes.len() - 1 {
            prop_assert_eq!(
                Request::parse(&bytes[..have]),
                Err(RequestError::Incomplete { have })
            );
        }
        // The length of what we send is right: the framer takes it for a frame.
        prop_assert!(RawFrame::parse(&bytes).is_ok());
    }

    #[test]
    fn uncertain_types_are_fitted(records in prop::collection::vec(prop_oneof![certain_record(), uncertain_record()], 1..40)) {
        let telemetry = telemetry_of(records);
        prop_assert_eq!(decoded_telemetry(&telemetry), telemetry);
    }

    #[test]
    fn a_size_nobody_described_is_found(
        records in prop::collection::vec(certain_record(), 0..10),
        size in 10usize..100,
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let mut records = records;
        for place in places {
            let mut unknown = Record::new(
                "999000000001".parse().unwrap(), true, RecordType::Other(*b"42"), None,
            );
            unknown.raw.resize(size, 0xee);
            let place = place.index(records.len() + 1);
            records.insert(place, unknown);
        }
        let back = decoded_telemetry(&telemetry_of(records.clone()));
        prop_assert!(back.undecoded.is_empty());
        let raw = |records: &[Record]| records.iter().map(|r| r.raw.clone()).collect::<Vec<_>>();
        prop_assert_eq!(raw(&back.records), raw(&records));
    }

    #[test]
    fn a_damaged_list_keeps_its_leading_records(
        records in prop::collection::vec(certain_record(), 1..20),
        rest in prop::collection::vec(Just(0xee_u8), 1..40),
    ) {
        let telemetry = Telemetry { undecoded: rest, ..telemetry_of(records) };
        prop_assert_eq!(&decoded_telemetry(&telemetry), &telemetry);
        let more = Telemetry { declared: telemetry.declared + 3, ..telemetry };
        prop_assert_eq!(decoded_telemetry(&more), more);
    }

    #[test]
    fn any_body_is_survived(
        command in prop_oneof![Just(1u16), Just(2), Just(3), Just(4), Just(12), Just(30), 0u16..10_000],
        good_start in any::<bool>(),
        body in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let body = if good_start { [b"0001", body.as_slice()].concat() } else { body };
        let frame = RawFrame::parse(&Answer::Other { command, body }.encode()).unwrap();
        if let Ok(answer) = Answer::decode(&frame) {
            prop_assert!(RawFrame::parse(&answer.encode()).is_ok());
        }
        let _ = annotate(&frame);
        prop_assert_eq!(Masker::default().mask(&frame.bytes).len(), frame.bytes.len());
    }

    #[test]
    fn labels_that_do_not_parse_cost_no_energy(info in ecu_info()) {
        let mut bytes = info.encode();
        bytes[52] = b'x';
        let Answer::EcuInfo(back) = decoded(&bytes) else { panic!() };
        prop_assert_eq!(back.lifetime_wh, info.lifetime_wh);
        prop_assert_eq!(back.firmware, "");
        prop_assert_eq!(&back.tail[..], &bytes[52..bytes.len() - 4]);
    }

    #[test]
    fn the_gateway_itself_is_no_inverter(ecu in ecu_id(), records in prop::collection::vec(certain_record(), 0..10)) {
        let own = Record::new(ecu.as_str().parse().unwrap(), false, RecordType::T00, None);
        let mut all = records.clone();
        all.push(own);
        let telemetry = decoded_telemetry(&telemetry_of(all));
        prop_assert_eq!(telemetry.inverters(Some(&ecu)).cloned().collect::<Vec<_>>(), records);
        prop_assert_eq!(telemetry.inverters(None).count(), telemetry.records.len());
    }
}

#[test]
fn hostile_lists_cost_bounded_time() {
    // Heads of an unknown type as close as heads can be, in the largest frame, with every count.
    let head = [0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0, b'9', b'9'];
    let zeros = [0x00, 0x30, 0x30];
    for pattern in [&head[..], &zeros[..]] {
        let list: Vec<u8> = pattern.iter().copied().cycle().take(9_900).collect();
        for declared in [1, 300, 500, 700, 1099, 1100, u16::MAX] {
            let telemetry = Telemetry {
                declared,
                undecoded: list.clone(),
                ..telemetry_of(Vec::new())
            };
            let back = decoded_telemetry(&telemetry);
            let kept: usize = back.records.iter().map(|record| record.raw.len()).sum();
            assert_eq!(kept + back.undecoded.len(), list.len());
        }
    }
}

#[test]
fn the_disputed_type_follows_the_fit_and_then_the_product() {
    for (powers, voltages) in [(2, 2), (4, 3)] {
        let record = online(
            "901000000001",
            RecordType::T05,
            &[26, 27, 28, 29][..powers],
            &[390, 391, 392][..voltages],
        );
        let telemetry = telemetry_of(vec![record.clone(), record]);
        assert_eq!(decoded_telemetry(&telemetry), telemetry);
    }
}

#[test]
fn placeholders_are_no_measurements() {
    for temperature_raw in [0, 100] {
        let body = Body {
            frequency_dhz: 0,
            temperature_raw,
            power_w: Quad::new(&[0, 0]),
            voltage_v: Quad::new(&[0, 0]),
        };
        let uid = "704000000001".parse().unwrap();
        let record = Record::new(uid, false, RecordType::T01, Some(body));
        assert_eq!(record.temperature_c(), None);
        assert_eq!(record.frequency_dhz(), None);
        assert_eq!(record.total_power_w(), Some(0));
        assert!(record.voltages_v().is_empty());
    }
    let unheard = Record::new(
        "806000000001".parse().unwrap(),
        false,
        RecordType::T00,
        None,
    );
    assert_eq!(unheard.total_power_w(), None);
    assert_eq!(unheard.channels(), Some(4));
    assert_eq!(unheard.product_name(), "QS1A");

    let mut freezing = online("802000000001", RecordType::T03, &[1, 2, 3, 4], &[230]);
    freezing.body.as_mut().unwrap().temperature_raw = 100;
    assert_eq!(freezing.temperature_c(), Some(0));
    assert_eq!(freezing.total_power_w(), Some(10));
    assert_eq!(freezing.channels(), Some(4));
}

#[test]
fn the_rapid_shutdown_gateway_is_refused_by_name() {
    let telemetry = Telemetry {
        model: "02".to_owned(),
        ..telemetry_of(Vec::new())
    };
    let frame = RawFrame::parse(&telemetry.encode()).unwrap();
    let error = Answer::decode(&frame).unwrap_err();
    assert!(matches!(error, DecodeError::UnsupportedModel { .. }));
}

#[test]
fn an_echo_of_our_request_is_no_answer() {
    let frame = RawFrame::parse(&Request::EcuInfo.encode()).unwrap();
    assert!(matches!(
        Answer::decode(&frame),
        Err(DecodeError::TooShort { command: 1, .. })
    ));
}

#[test]
fn group_11_energies_wrap() {
    let history = EnergyHistory {
        period: Period::Month,
        days: vec![(jiff::civil::date(2025, 6, 1), 700_000)],
        wraps: true,
    };
    let Answer::EnergyHistory(back) = decoded(&history.encode()) else {
        panic!();
    };
    assert_eq!(back.days[0].1, 700_000 - 655_360);
}

#[test]
fn requests_with_the_lengths_seen_in_the_field_are_read() {
    let ecu = "216000000001".parse().unwrap();
    assert_eq!(
        Request::parse(b"APS1100390004216000000001END01END"),
        Ok(Request::EnergyHistory {
            ecu,
            period: Period::Month
        })
    );
    assert_eq!(
        Request::Telemetry { ecu }.encode(),
        b"APS1100280002216000000001END\n"
    );
    assert_eq!(
        Request::parse(b"APS1100300025216000000001"),
        Err(RequestError::UnknownCommand(25))
    );
    assert_eq!(
        Request::parse(b"GET / "),
        Err(RequestError::NotARequest { offset: 0 })
    );
}

#[test]
fn an_answer_beyond_the_largest_frame_is_cut_not_broken() {
    let record = online("802000000001", RecordType::T03, &[1, 2, 3, 4], &[230]);
    let back = decoded_telemetry(&telemetry_of(vec![record; 1000]));
    assert_eq!(back.declared, 1000);
    assert_eq!(back.records.len(), (9_983 - 13) / 23);
}
