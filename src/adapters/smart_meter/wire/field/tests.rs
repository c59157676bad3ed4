use super::*;
use proptest::prelude::*;

#[test]
fn each_kind_of_line_is_read() {
    let current = Obis([1, 0, 31, 7, 0, 255]);
    let scale = |exponent, unit| Scale { exponent, unit };
    let read = |text: &str| text.parse::<Field>().unwrap();
    let types = |text| NumberTypes::parse(text).unwrap();
    for (text, exponent, unit, types) in [
        ("1.0.31.7.0 0.01 A", -2, Unit::AMPERE, NumberTypes::ANY),
        ("1-0:31.7.0 1 mA", -3, Unit::AMPERE, NumberTypes::ANY),
        ("1.0.31.7.0 100", 2, Unit::NONE, NumberTypes::ANY),
        ("1.0.31.7.0 1 A u16", 0, Unit::AMPERE, types("u16")),
        ("1.0.31.7.0 0.1 i16|u16", -1, Unit::NONE, types("u16|i16")),
    ] {
        let number = Field::Number(current, scale(exponent, unit), types);
        assert_eq!(read(text), number, "{text}");
    }
    assert_eq!(
        read("0.0.96.1.0 text"),
        Field::Text(Obis::METER_NUMBER, String::new())
    );
    assert_eq!(read("0.0.1.0.0.255 time"), Field::Time(Obis::CLOCK));
    assert_eq!(read(" - "), Field::Unnamed);
    assert_eq!(read("..."), Field::Any);
}

#[test]
fn a_wrong_line_is_named_and_a_right_one_shown() {
    for (text, said) in [
        ("", "OBIS code"),
        ("voltage 1 V", "OBIS code"),
        ("1.0.32.7.0", "does not say what"),
        ("1.0.32.7.0 0.5 V", "power of ten"),
        ("1.0.32.7.0 V", "power of ten"),
        ("1.0.32.7.0 1 volts", "unit \"volts\""),
        ("1.0.32.7.0 1 V 3", "type \"3\""),
        ("1.0.32.7.0 1 V u24", "type \"u24\""),
        ("1.0.32.7.0 1 V u16 u16", "more than"),
        ("- 3", "more than"),
    ] {
        let error = text.parse::<Field>().unwrap_err().to_string();
        assert!(
            error.contains(said) && error.contains(&format!("\"{text}\"")),
            "{error}"
        );
        assert!(error.contains("1.0.31.7.0 0.01 A"), "{error}");
    }
    let error = "1.0.1.8.* text"
        .parse::<CodeScale>()
        .unwrap_err()
        .to_string();
    assert!(error.contains("only numbers"), "{error}");
    assert!("1.8.0 1 Wh".parse::<CodeScale>().is_err());
    assert!("1.0.1.8.* 1 Wh u32 u32".parse::<CodeScale>().is_err());
}

#[test]
fn a_star_is_any_number() {
    let scale: CodeScale = "1.*.1.8.* 10 Wh".parse().unwrap();
    assert!(scale.fits(Obis([1, 1, 1, 8, 2, 255])));
    assert!(!scale.fits(Obis([1, 1, 2, 8, 2, 255])));
    assert_eq!(scale.to_string(), "1.*.1.8.*.* 10 Wh");
    assert_eq!(scale.to_string().parse(), Ok(scale));
    let typed: CodeScale = "1.0.1.8.* 1 Wh u32|u64".parse().unwrap();
    assert!(typed.types.has(0x06) && !typed.types.has(0x12));
    assert_eq!(typed.to_string().parse(), Ok(typed));
}

proptest! {
    #[test]
    fn what_is_written_is_read(groups: [u8; 6], exponent in -9_i8..=9, unit in 27_u8..=33) {
        let scale = Scale { exponent, unit: Unit(unit) };
        let code = Obis(groups);
        for field in [
            Field::Number(code, scale, NumberTypes::ANY),
            Field::Number(code, scale, NumberTypes::parse("i16|u64").unwrap()),
            Field::Text(code, String::new()),
            Field::Text(code, "MA3".to_owned()),
            Field::Time(code),
            Field::Code(code),
            Field::Octets,
            Field::Unnamed,
            Field::Any,
        ] {
            prop_assert_eq!(field.to_string().parse(), Ok(field));
        }
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let _ = (text.parse::<Field>(), text.parse::<CodeScale>());
    }
}
