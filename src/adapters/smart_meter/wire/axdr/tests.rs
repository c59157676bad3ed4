use super::*;
use proptest::prelude::*;

fn decode(hex: &[u8]) -> Result<(Data, usize), AxdrError> {
    Data::decode(hex)
}

fn any_number() -> impl Strategy<Value = Data> {
    prop_oneof![
        any::<i8>().prop_map(|v| Data::Number {
            tag: 0x0f,
            value: v.into()
        }),
        any::<u8>().prop_map(|v| Data::Number {
            tag: 0x11,
            value: v.into()
        }),
        any::<u8>().prop_map(|v| Data::Number {
            tag: 0x16,
            value: v.into()
        }),
        any::<i16>().prop_map(|v| Data::Number {
            tag: 0x10,
            value: v.into()
        }),
        any::<u16>().prop_map(Data::u16),
        any::<i32>().prop_map(|v| Data::Number {
            tag: 0x05,
            value: v.into()
        }),
        any::<u32>().prop_map(Data::u32),
        any::<i64>().prop_map(|v| Data::Number {
            tag: 0x14,
            value: v.into()
        }),
        any::<u64>().prop_map(|v| Data::Number {
            tag: 0x15,
            value: v.into()
        }),
    ]
}

fn any_data() -> impl Strategy<Value = Data> {
    let leaf = prop_oneof![
        Just(Data::Null),
        Just(Data::DontCare),
        any::<bool>().prop_map(Data::Boolean),
        any_number(),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Data::Octets),
        ".{0,40}".prop_map(Data::Text),
        any::<[u8; 12]>().prop_map(Data::DateTime),
        any::<[u8; 5]>().prop_map(Data::Date),
        any::<[u8; 4]>().prop_map(Data::Time),
        any::<i32>().prop_map(|v| Data::Float(v.into())),
        prop::collection::vec(any::<u8>(), 0..5).prop_map(|bytes| Data::Bits {
            count: bytes.len() * 8,
            bytes
        }),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Data::Structure),
            prop::collection::vec(inner, 0..6).prop_map(Data::Array),
        ]
    })
}

#[test]
fn signs_follow_the_type() {
    let number = |hex: &[u8]| decode(hex).unwrap().0.as_number().unwrap();
    assert_eq!(number(&[0x0f, 0xfe]), -2);
    assert_eq!(number(&[0x11, 0xfe]), 254);
    assert_eq!(number(&[0x10, 0xfe, 0xcb]), -309);
    assert_eq!(number(&[0x06, 0xff, 0xff, 0xff, 0xff]), 4_294_967_295);
    assert_eq!(number(&[0x0f, 0x80]), -128);
}

#[test]
fn nonsense_is_refused_with_its_place() {
    let refused = |hex: &[u8]| decode(hex).unwrap_err();
    assert_eq!(
        refused(&[0x02, 0x01, 0x13]).problem,
        Problem::UnknownTag(0x13)
    );
    assert_eq!(refused(&[0x02, 0x01, 0x13]).offset, 2);
    assert_eq!(
        refused(&[0x09, 0x84, 0xff, 0xff, 0xff, 0xff]).problem,
        Problem::Incomplete
    );
    assert_eq!(
        refused(&[0x02, 0x82, 0x01, 0x01]).problem,
        Problem::TooLarge
    );
    assert_eq!(refused(&[0x02, 0x01].repeat(20)).problem, Problem::TooLarge);
}

proptest! {
    #[test]
    fn what_is_written_is_read(data in any_data()) {
        let mut bytes = Vec::new();
        data.encode(&mut bytes);
        prop_assert_eq!(Data::decode(&bytes), Ok((data, bytes.len())));
        for cut in 0..bytes.len() {
            let error = Data::decode(bytes.get(..cut).unwrap()).unwrap_err();
            prop_assert_eq!(error.problem, Problem::Incomplete);
        }
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Data::decode(&bytes);
    }
}
