//! Keys that everybody knows: of simulated meters, and of recordings that are shown to others.

use super::wire::Key;

/// Encryption key.
pub const KEY: &str = "000102030405060708090A0B0C0D0E0F";
/// The same for meters that want a long one.
pub const LONG_KEY: &str = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";
/// Authentication key.
pub const AUTHENTICATION_KEY: &str = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";
/// The same for meters that want a long one.
pub const LONG_AUTHENTICATION_KEY: &str =
    "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF";

/// The encryption key of this length.
pub fn key(is_long: bool) -> Key {
    if is_long {
        Key::from(counting::<32>(0x00))
    } else {
        Key::from(counting::<16>(0x00))
    }
}

/// The authentication key of this length.
pub fn authentication_key(is_long: bool) -> Key {
    if is_long {
        Key::from(counting::<32>(0xd0))
    } else {
        Key::from(counting::<16>(0xd0))
    }
}

/// Bytes that count up.
fn counting<const N: usize>(first: u8) -> [u8; N] {
    let mut next = first;
    [(); N].map(|()| {
        let byte = next;
        next = next.wrapping_add(1);
        byte
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_keys() {
        assert_eq!(KEY.parse(), Ok(key(false)));
        assert_eq!(LONG_KEY.parse(), Ok(key(true)));
        assert_eq!(AUTHENTICATION_KEY.parse(), Ok(authentication_key(false)));
        assert_eq!(
            LONG_AUTHENTICATION_KEY.parse(),
            Ok(authentication_key(true))
        );
    }
}
