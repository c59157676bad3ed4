use proptest::prelude::*;

use super::*;

fn read(id: u16, bytes: &[u8]) -> RegisterReading {
    Register::of(id).unwrap().decode(bytes)
}

#[test]
fn registers_are_in_order_so_that_each_is_found() {
    for pair in REGISTERS.windows(2) {
        assert!(pair[0].id < pair[1].id, "{:#06x}", pair[1].id);
    }
    let mut names = std::collections::BTreeSet::new();
    for register in REGISTERS {
        assert_eq!(Register::of(register.id), Some(register));
        assert!(
            names.insert(register.name),
            "{} is there twice",
            register.name
        );
    }
}

#[test]
fn numbers_come_with_sign_and_decimal_point() {
    assert_eq!(
        read(0xedf0, &[0x96, 0]),
        RegisterReading::Number(Decimal::integer(15))
    );
    assert_eq!(
        read(0xed8e, &[0xfc, 0xff]),
        RegisterReading::Number(Decimal::integer(-4))
    );
    assert_eq!(
        read(0xed8c, &[0x6a, 0xff, 0xff, 0xff]),
        RegisterReading::Number(Decimal::new(-15, 2))
    );
    assert_eq!(
        read(0xedec, &[0x23, 0x73]),
        RegisterReading::Number(Decimal::new(216, 1))
    );
    // Some firmware sends the yield of the day in four bytes.
    assert_eq!(
        read(0xedd3, &[0x14, 0, 0, 0]),
        RegisterReading::Number(Decimal::new(2, 1))
    );
}

#[test]
fn what_is_not_available_is_no_number() {
    for (id, bytes) in [
        (0x0382, [0xff, 0xff].as_slice()),
        (0x0383, &[0xff, 0x7f]),
        (0xed7d, &[0xff, 0x7f]),
        (0xedec, &[0xff, 0xff]),
        (0x2027, &[0xff; 4]),
        (0xed8c, &[0xff, 0xff, 0xff, 0x7f]),
        (0x0201, &[0xff]),
        (0x010c, &[0; 8]),
    ] {
        assert_eq!(read(id, bytes), RegisterReading::Unavailable, "{id:#06x}");
    }
}

#[test]
fn what_is_not_available_cannot_be_written() {
    let encode = |id: u16, tenths| Register::of(id).unwrap().encode(Decimal::new(tenths, 1));
    assert_eq!(encode(0xedf0, 100), Some(vec![0x64, 0]));
    assert_eq!(encode(0xedf0, 65_535), None);
    assert_eq!(encode(0xedf0, -1), None);
    assert_eq!(encode(0x2003, 3_277), None);
    assert_eq!(encode(0x2003, -10), Some(vec![0x9c, 0xff]));
    assert_eq!(encode(0x0200, 2_550), None);
    assert_eq!(encode(0x102c, 10), None);
}

#[test]
fn what_locks_a_device_is_marked() {
    for id in [0x200e, 0xede8, 0x1030] {
        assert_eq!(Register::of(id).unwrap().access, Access::Locks, "{id:#06x}");
    }
}

#[test]
fn nothing_that_cannot_be_taken_back_is_sent() {
    let set = |register, bytes: &[u8]| may_be_sent(&Request::Set(register, bytes.to_vec()));
    assert!(may_be_sent(&Request::Get(0x1030)));
    assert!(set(0x0200, &[4]) && set(0xedab, &[4]) && set(0x2015, &[100, 0]));
    assert!(set(NETWORK_MODE, &[NETWORK_CONTROLLED]));
    for bytes in [&[][..], &[0], &[0x0d], &[5, 0]] {
        assert!(!set(NETWORK_MODE, bytes), "{bytes:x?}");
    }
    assert!(!may_be_sent(&Request::Restart));
    // Wiped, begun, only read, unknown.
    for register in [0x1030, 0xede8, 0x1029, 0x2004, 0xed8d, 0x0001] {
        assert!(!set(register, &[1]), "{register:#06x}");
    }
}

#[test]
fn bytes_that_are_no_number_are_kept() {
    assert_eq!(read(0xed8d, &[]), RegisterReading::Raw(Vec::new()));
    assert_eq!(read(0xed8d, &[1; 9]), RegisterReading::Raw(vec![1; 9]));
}

proptest! {
    #[test]
    fn numbers_come_back_as_they_were_written(
        at in 0..REGISTERS.len(),
        number in -40_000_i32..70_000,
    ) {
        let register = REGISTERS[at];
        let number = Decimal::new(i64::from(number), register.decimals);
        if let Some(bytes) = register.encode(number) {
            let read = register.decode(&bytes).number().unwrap();
            prop_assert_eq!(read, number, "{}", register.name);
        }
    }
}
