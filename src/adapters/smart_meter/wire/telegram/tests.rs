use proptest::prelude::*;

use super::super::axdr::tag;
use super::super::notification::{HeaderTime, notification};
use super::super::time::ClockStatus;
use super::*;

const ENERGY: Obis = Obis([1, 0, 1, 8, 0, 255]);
const VOLTAGE: Obis = Obis([1, 0, 32, 7, 0, 255]);

fn code(code: Obis) -> Data {
    Data::Octets(code.0.to_vec())
}

fn octets(text: &str) -> Data {
    Data::Octets(text.as_bytes().to_vec())
}

fn scale(exponent: i8, unit: u8) -> Data {
    Data::Structure(vec![
        Data::Number {
            tag: tag::INTEGER,
            value: exponent.into(),
        },
        Data::Number {
            tag: tag::ENUMERATION,
            value: unit.into(),
        },
    ])
}

fn noon() -> MeterTime {
    let local = jiff::civil::date(2025, 6, 1).at(12, 0, 0, 0);
    MeterTime::new(local, Some(-120), ClockStatus(0x80))
}

fn clock() -> Data {
    Data::Octets(noon().to_bytes().to_vec())
}

fn read(
    values: Vec<Data>,
    maker: &[u8; 3],
    chosen: Option<&str>,
) -> Result<Telegram, TelegramError> {
    let bytes = notification(0, HeaderTime::Bare(noon()), &Data::Structure(values));
    let [a, b, c] = *maker;
    let title = SystemTitle([a, b, c, 0, 0, 0, 0, 1]);
    Telegram::parse(&bytes, Some(&title), &Profiles::default(), chosen)
}

fn shown(telegram: &Telegram, code: Obis) -> String {
    telegram
        .get(code)
        .map_or_else(|| "none".to_owned(), ToString::to_string)
}

#[test]
fn nested_values_are_read() {
    let nested = |parts: &[Data]| Data::Structure(parts.to_vec());
    let values = vec![
        code(Obis::CLOCK),
        clock(),
        nested(&[code(Obis::METER_NUMBER), octets("1ABC0200000001")]),
        nested(&[code(VOLTAGE), Data::u16(2337), scale(-1, 35)]),
        nested(&[code(ENERGY), Data::u32(12_345), scale(0, 30)]),
    ];
    let telegram = read(values, b"KFM", None).unwrap();
    assert_eq!(telegram.layout, Layout::Described);
    assert_eq!(shown(&telegram, Obis::CLOCK), "2025-06-01T12:00:00+02:00");
    assert_eq!(shown(&telegram, Obis::METER_NUMBER), "\"1ABC0200000001\"");
    assert_eq!(shown(&telegram, VOLTAGE), "233.7 V");
    assert_eq!(shown(&telegram, ENERGY), "12345 Wh");
    let positions: Vec<usize> = telegram.items.iter().map(|item| item.position).collect();
    assert_eq!(positions, [1, 2, 3, 4]);
}

#[test]
fn flat_triples_name_their_bare_ends() {
    let values = vec![
        clock(),
        code(ENERGY),
        Data::u32(12_345),
        scale(0, 30),
        octets("123456789012"),
    ];
    let telegram = read(values, b"KFM", None).unwrap();
    assert_eq!(telegram.items.len(), 3);
    assert_eq!(shown(&telegram, Obis::CLOCK), "2025-06-01T12:00:00+02:00");
    assert_eq!(shown(&telegram, Obis::METER_NUMBER), "\"123456789012\"");
}

#[test]
fn a_text_of_six_characters_opens_nothing() {
    let values = vec![
        code(Obis([0, 0, 96, 1, 1, 255])),
        octets("000001"),
        code(ENERGY),
        Data::u32(1),
        scale(0, 30),
    ];
    let telegram = read(values, b"ISK", None).unwrap();
    assert_eq!(shown(&telegram, Obis([0, 0, 96, 1, 1, 255])), "\"000001\"");
    assert_eq!(shown(&telegram, ENERGY), "1 Wh");
}

#[test]
fn a_code_without_a_value_makes_the_whole_list_uncertain() {
    // Bytes that could be a code are no value.
    let values = vec![code(ENERGY), code(VOLTAGE), code(VOLTAGE), Data::u16(1)];
    assert!(is_unknown_layout(&read(values, b"ISK", None).unwrap_err()));
}

#[test]
fn two_numbers_that_are_no_scale_make_the_whole_list_uncertain() {
    let pair = Data::Structure(vec![Data::u16(1), Data::u16(2)]);
    let values = vec![code(ENERGY), Data::u32(5), pair.clone()];
    assert!(is_unknown_layout(&read(values, b"KFM", None).unwrap_err()));
    // A structure of its own stands for itself.
    let alone = Data::Structure(vec![code(ENERGY), Data::u32(5), pair]);
    let good = Data::Structure(vec![code(VOLTAGE), Data::u16(2337), scale(-1, 35)]);
    let telegram = read(vec![alone, good], b"KFM", None).unwrap();
    assert_eq!(telegram.get(ENERGY), None);
    assert_eq!(shown(&telegram, VOLTAGE), "233.7 V");
}

#[test]
fn codes_without_units_are_scaled_by_maker_id_or_choice() {
    let values = || vec![code(Obis([1, 1, 1, 8, 0, 255])), Data::u32(500)];
    let energy = |telegram: &Telegram| telegram.items.last().unwrap().value.to_string();
    let by_maker = read(values(), b"KAM", None).unwrap();
    assert_eq!(energy(&by_maker), "5000 Wh");
    assert_eq!(by_maker.layout, Layout::Codes(Some("kamstrup".to_owned())));
    let mut with_id = vec![Data::Text("Kamstrup_V0002".to_owned())];
    with_id.extend(values());
    assert_eq!(energy(&read(with_id, b"XYZ", None).unwrap()), "5000 Wh");
    assert_eq!(
        energy(&read(values(), b"XYZ", Some("kamstrup")).unwrap()),
        "5000 Wh"
    );
    let unknown = read(values(), b"XYZ", Some("auto")).unwrap();
    assert_eq!(energy(&unknown), "500 (scale unknown)");
    assert_eq!(unknown.layout, Layout::Codes(None));
}

#[test]
fn a_profile_never_overrides_what_the_meter_says() {
    let values = vec![code(ENERGY), Data::u32(500), scale(3, 30)];
    let telegram = read(values, b"KAM", Some("kamstrup")).unwrap();
    assert_eq!(shown(&telegram, ENERGY), "500000 Wh");
}

/// One that lists what it carries, as any meter may.
fn listed() -> Vec<Data> {
    let entry = |class, code: [u8; 6]| {
        let attribute = Data::Number {
            tag: tag::INTEGER,
            value: 2,
        };
        let code = Data::Octets(code.to_vec());
        Data::Structure(vec![Data::u16(class), code, attribute, Data::u16(0)])
    };
    let list = vec![entry(40, [0, 0, 25, 9, 0, 255]), entry(3, ENERGY.0)];
    vec![Data::Array(list), Data::u32(500)]
}

#[test]
fn a_list_of_a_maker_that_nobody_knows_has_units_only_if_they_are_chosen() {
    let unknown = read(listed(), b"XYZ", None).unwrap();
    assert_eq!(shown(&unknown, ENERGY), "500 (scale unknown)");
    assert_eq!(unknown.fitting, ["push-list-other"]);
    let chosen = read(listed(), b"XYZ", Some("push-list-other")).unwrap();
    assert_eq!(shown(&chosen, ENERGY), "500 Wh");
    assert!(chosen.fitting.is_empty());
    assert_eq!(
        shown(&read(listed(), b"LGZ", None).unwrap(), ENERGY),
        "500 Wh"
    );
    // A number of another type than it would have is none of it.
    let mut wide = listed();
    wide[1] = Data::u16(500);
    assert!(read(wide, b"XYZ", None).unwrap().fitting.is_empty());
}

fn positional() -> Vec<Data> {
    let mut values = vec![Data::u16(230); 6];
    values.extend(vec![Data::u32(1000); 4]);
    values.extend(vec![Data::u16(400); 3]);
    values.push(octets("30000001"));
    values
}

#[test]
fn values_without_codes_need_a_profile_of_the_maker() {
    let telegram = read(positional(), b"LGZ", None).unwrap();
    assert_eq!(
        telegram.layout,
        Layout::Positional("burgenland-e450".to_owned())
    );
    assert_eq!(shown(&telegram, Obis([1, 0, 31, 7, 0, 255])), "2.30 A");
    assert_eq!(shown(&telegram, Obis::METER_NUMBER), "\"30000001\"");
    assert_eq!(telegram.at, Some(noon()));
    let chosen = read(positional(), b"XYZ", Some("burgenland-e450")).unwrap();
    assert_eq!(chosen.items, telegram.items);
}

#[test]
fn an_unknown_layout_is_described_and_is_no_matter_of_the_key() {
    let error = read(positional(), b"XYZ", None).unwrap_err();
    assert!(!error.is_key_suspect());
    let said = error.to_string();
    let shape = "14 values: 6 u16, 4 u32, 3 u16, octets of 8";
    assert!(said.contains(shape) && said.contains("XYZ"), "{said}");
    // Of the profiles only those that fit.
    assert!(said.contains(": burgenland-e450"), "{said}");
    assert_eq!(error.fitting(), ["burgenland-e450"]);
    let error = read(vec![Data::u16(230); 5], b"LGZ", None).unwrap_err();
    assert!(error.fitting().is_empty());
    assert!(error.to_string().contains("one of your own"), "{error}");
    let error = read(positional(), b"LGZ", Some("cii")).unwrap_err();
    assert!(error.to_string().contains("cii does not fit"), "{error}");
    let error = read(positional(), b"LGZ", Some("moon")).unwrap_err();
    assert!(error.to_string().contains("no profile moon"), "{error}");
}

#[test]
fn the_last_eight_numbers_count_from_the_end_for_who_says_so() {
    for extra in 0..4 {
        let mut values = vec![code(Obis([0, 6, 25, 9, 0, 255])), octets("1234567")];
        values.extend(vec![octets(""); extra]);
        values.extend((1..=8).map(Data::u32));
        let chosen = read(values.clone(), b"SMS", Some("wiener-netze-end")).unwrap();
        assert_eq!(shown(&chosen, ENERGY), "1 Wh");
        assert_eq!(shown(&chosen, Obis([1, 0, 4, 7, 0, 255])), "8 var");
        // Without being told, only the list that is known from these meters.
        let found = read(values, b"SMS", None);
        assert_eq!(found.is_ok(), extra == 2, "{found:?}");
        match found {
            Ok(telegram) => {
                assert_eq!(telegram.layout.profile(), Some("wiener-netze"));
                assert_eq!(shown(&telegram, Obis::METER_NUMBER), "\"1234567\"");
            }
            Err(error) => assert_eq!(error.fitting(), ["wiener-netze-end"]),
        }
    }
}

#[test]
fn a_list_of_other_types_is_not_taken_for_a_known_one() {
    // Voltages and currents would become energies.
    let mut values = vec![octets("30000001")];
    values.extend(vec![Data::u16(230); 6]);
    values.extend(vec![Data::u32(1000); 2]);
    let error = read(values, b"LGZ", None).unwrap_err();
    assert!(is_unknown_layout(&error), "{error}");
    // Not even the one that was chosen.
    let error = read(vec![Data::u16(5); 8], b"LGZ", Some("wiener-netze")).unwrap_err();
    assert!(error.to_string().contains("does not fit"), "{error}");
}

#[test]
fn registers_of_the_north_are_long_in_some_meters() {
    let profiles = Profiles::default();
    let list = &profiles.get("kaifa-nordic").unwrap().lists[3];
    for tag in [0x06, 0x15] {
        let mut values = vec![octets("KFM_001"), octets("1"), octets("MA105H2E")];
        values.extend(vec![Data::u32(1); 6]);
        values.push(clock());
        values.extend(vec![Data::Number { tag, value: 7 }; 4]);
        assert_eq!(values.len(), list.len());
        let telegram = read(values, b"XYZ", None).unwrap();
        assert_eq!(shown(&telegram, ENERGY), "7 Wh", "{tag:02x}");
    }
}

/// Whether the telegram is whole, but its values are not known: no profile fits, the chosen one does
/// not, or a text has no line with a code.
fn is_unknown_layout(error: &TelegramError) -> bool {
    matches!(
        error,
        TelegramError::UnknownLayout { .. }
            | TelegramError::ProfileDoesNotFit { .. }
            | TelegramError::Text(DsmrError::Nothing)
    )
}

/// What an error means: the key, damage, or the layout.
fn meaning(error: &TelegramError) -> [bool; 3] {
    [
        error.is_key_suspect(),
        error.is_damaged(),
        is_unknown_layout(error),
    ]
}

#[test]
fn a_damaged_text_is_neither_a_matter_of_the_key_nor_of_the_layout() {
    let parse =
        |bytes: &[u8]| Telegram::parse(bytes, None, &Profiles::default(), None).unwrap_err();
    for damaged in [
        &b"/ABC5\r\n1-0:1.8.0(000123*Wh)\r\n!0001\r\n"[..],
        b"/ABC5\r\n1-0:1.8.0(000123*Wh)\r\n1-0:2.8.0(0001",
        b"/ABC5\r\n1-0:1.8.0(000123*Wh)\r\n1-0:2.8.0(0\x0101*Wh)\r\n!\r\n",
    ] {
        let error = parse(damaged);
        assert_eq!(meaning(&error), [false, true, false], "{error}");
    }
    let error = parse(b"/ABC5\r\n!\r\n");
    assert_eq!(meaning(&error), [false, false, true], "{error}");
    for noise in [&b"/noise"[..], b"/\x01\x02\x03", b"\x11\x22"] {
        let error = parse(noise);
        assert_eq!(meaning(&error), [true, false, false], "{error}");
    }
    let error = read(positional(), b"LGZ", Some("cii")).unwrap_err();
    assert_eq!(meaning(&error), [false, false, true], "{error}");
    // The section is wrong, not the telegram.
    let error = read(positional(), b"LGZ", Some("moon")).unwrap_err();
    assert_eq!(meaning(&error), [false; 3], "{error}");
}

#[test]
fn noise_is_suspected_to_come_from_a_wrong_key() {
    let parse =
        |bytes: &[u8]| Telegram::parse(bytes, None, &Profiles::default(), None).unwrap_err();
    let good = notification(
        1,
        HeaderTime::Bare(noon()),
        &Data::Structure(vec![Data::u16(1)]),
    );
    let mut tail = good.clone();
    tail.push(0);
    for bytes in [
        &[][..],
        b"\x11\x22",
        b"/\x01\x02\x03",
        b"/noise",
        &good[..20],
        &tail,
    ] {
        assert!(parse(bytes).is_key_suspect(), "{bytes:02x?}");
    }
    assert!(!parse(&good).is_key_suspect());
}

#[test]
fn text_is_read_as_well() {
    let text = b"/ABC5\\2test\r\n\r\n0-0:1.0.0(250601120000S)\r\n1-0:1.8.0(000123*Wh)\r\n!\r\n";
    let telegram = Telegram::parse(text, None, &Profiles::default(), None).unwrap();
    assert_eq!(
        (telegram.layout.clone(), telegram.invoke),
        (Layout::Text, None)
    );
    assert_eq!(telegram.at.unwrap().to_string(), "2025-06-01T12:00:00");
    assert_eq!(shown(&telegram, ENERGY), "123 Wh");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), head: bool) {
        let mut all = if head { vec![0x0f, 0, 0, 0, 0, 0, 2] } else { Vec::new() };
        all.extend(bytes);
        if let Err(error) = Telegram::parse(&all, None, &Profiles::default(), None) {
            prop_assert!(meaning(&error).iter().filter(|is| **is).count() <= 1);
        }
    }

    #[test]
    fn each_single_changed_byte_is_survived(index in 0_usize..70, value: u8) {
        let values = vec![clock(), code(ENERGY), Data::u32(5), scale(0, 30), octets("123456789012")];
        let mut bytes = notification(1, HeaderTime::Bare(noon()), &Data::Structure(values));
        if let Some(byte) = bytes.get_mut(index) {
            *byte = value;
        }
        let _ = Telegram::parse(&bytes, None, &Profiles::default(), None);
    }
}
