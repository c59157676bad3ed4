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
        // Nor is another one.
        prop_assert_eq!(telemetry.inverters(None).count(), telemetry.records.len() - 1);
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
        assert_eq!(record.voltage_v(0), None);
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
    // Heard or not, the name of an unlisted one is the same.
    let unlisted = Record::new(
        "705000000001".parse().unwrap(),
        false,
        RecordType::T00,
        None,
    );
    assert_eq!(unlisted.product_name(), "DS3 series");

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
        group: Group::G11,
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

/// The right energies of a month in group 11 with entries of either size.
#[test]
fn the_size_of_an_entry_is_the_one_at_which_all_dates_are_dates() {
    for wraps in [true, false] {
        let first = jiff::civil::date(2025, 6, 1);
        let days = first.series(jiff::Span::new().days(1)).take(30);
        let history = EnergyHistory {
            period: Period::Month,
            days: days.zip((10_010..).step_by(10)).collect(),
            wraps,
            group: Group::G11,
        };
        let bytes = history.encode();
        assert!(bytes.starts_with(b"APS11"));
        assert_eq!(decoded(&bytes), Answer::EnergyHistory(history));
    }
}

/// A record of a known type with four bytes more than it should have.
fn longer(uid: &str) -> Record {
    let mut record = online(uid, RecordType::T04, &[150, 152], &[235, 235]);
    record.raw.extend([0, 7, 0, 8]);
    record.body = None;
    record
}

#[test]
fn a_known_type_of_another_size_loses_no_inverter_and_guesses_no_value() {
    let known = online("801000000001", RecordType::T03, &[1, 2, 3, 4], &[230]);
    for records in [
        vec![
            longer("705000000001"),
            longer("705000000002"),
            longer("705000000003"),
        ],
        vec![
            known.clone(),
            longer("705000000001"),
            longer("705000000002"),
        ],
        vec![
            longer("705000000001"),
            known.clone(),
            longer("705000000002"),
            known,
        ],
    ] {
        let back = decoded_telemetry(&telemetry_of(records.clone()));
        assert_eq!(back.records, records);
        assert!(back.undecoded.is_empty());
        assert!(!back.records.iter().all(Record::is_described));
    }
}

#[test]
fn a_count_that_does_not_fit_loses_no_inverter() {
    let records = vec![
        online("704000000001", RecordType::T01, &[150, 152], &[235, 235]),
        online("801000000001", RecordType::T03, &[1, 2, 3, 4], &[230]),
        Record::new(
            "806000000001".parse().unwrap(),
            false,
            RecordType::T00,
            None,
        ),
    ];
    for declared in [0, 1, 2, 4, 9] {
        let telemetry = Telemetry {
            declared,
            ..telemetry_of(records.clone())
        };
        assert_eq!(decoded_telemetry(&telemetry).records, records, "{declared}");
    }
}

#[test]
fn an_unknown_type_has_values_only_if_they_can_be_ones() {
    let kind = RecordType::Other(*b"07");
    let good = online("999000000001", kind, &[150, 152], &[235, 236]);
    let back = decoded_telemetry(&telemetry_of(vec![good]));
    assert_eq!(back.records[0].total_power_w(), Some(302));
    // The same bytes in another order.
    let bad = online("999000000001", kind, &[235, 236], &[15, 12]);
    let back = decoded_telemetry(&telemetry_of(vec![bad]));
    assert_eq!(back.records[0].body, None);
    assert_eq!(back.records[0].total_power_w(), None);
    assert!(!back.records[0].is_described());
}

#[test]
fn a_blank_record_of_an_inverter_that_is_online_measured_nothing() {
    let mut blank = online("703000000001", RecordType::T01, &[0, 0], &[0, 0]);
    let body = blank.body.as_mut().unwrap();
    (body.frequency_dhz, body.temperature_raw) = (0, 0);
    let back = decoded_telemetry(&telemetry_of(vec![blank]));
    let record = &back.records[0];
    assert_eq!(record.total_power_w(), None);
    assert_eq!(record.channel_power_w(0), None);
    assert_eq!(record.voltage_v(0), None);
    assert_eq!(
        (record.temperature_c(), record.frequency_dhz()),
        (None, None)
    );
}

#[test]
fn all_ones_are_no_measurement() {
    let mut record = online(
        "704000000001",
        RecordType::T01,
        &[u16::MAX, 152],
        &[235, u16::MAX],
    );
    assert_eq!(record.channel_power_w(0), None);
    assert_eq!(record.channel_power_w(1), Some(152));
    assert_eq!(record.total_power_w(), None);
    assert_eq!(
        (record.voltage_v(0), record.voltage_v(1)),
        (Some(235), None)
    );
    let body = record.body.as_mut().unwrap();
    (body.frequency_dhz, body.temperature_raw) = (u16::MAX, u16::MAX);
    assert_eq!(
        (record.temperature_c(), record.frequency_dhz()),
        (None, None)
    );
}
