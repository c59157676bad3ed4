//! The key of the page, kept in the store: devices are named by it, and sessions hold by it.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use ring::digest::{SHA256, digest};
use ring::hmac::{self, HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::model::DeviceId;
use crate::store::Memory;

const LENGTH: usize = 32;
/// What it is called in the store.
const NAME: &str = "web_key";
/// Digits of the name of a device: of a thousand devices, no two are the same.
const REFERENCE: usize = 10;

/// Random bytes that never leave this computer.
#[derive(Clone)]
pub struct WebKey(Zeroizing<[u8; LENGTH]>);

impl WebKey {
    /// The one that is kept, made now if there is none.
    pub fn kept(memory: &Memory) -> Self {
        let kept: Option<String> = memory.get(NAME);
        let kept = kept.and_then(|digits| from_hex(&digits));
        kept.unwrap_or_else(|| {
            let key = Self::passing();
            memory.put(NAME, &hex(&*key.0));
            key
        })
    }

    /// One that is forgotten at the end.
    pub fn passing() -> Self {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        if SystemRandom::new().fill(&mut *bytes).is_err() {
            // Never a key that others know: the seeds of the standard hash maps are random too.
            for (index, part) in bytes.chunks_mut(8).enumerate() {
                part.copy_from_slice(&RandomState::new().hash_one(index).to_le_bytes());
            }
        }
        Self(bytes)
    }

    /// What a device is called where its id, which holds its serial number, is nobody's business.
    pub fn reference(&self, id: &DeviceId) -> String {
        let tag = hmac::sign(&self.of("device"), id.as_str().as_bytes());
        let mut digits = hex(tag.as_ref());
        digits.truncate(REFERENCE);
        digits
    }

    /// The key of sessions, which is another one with another password.
    pub fn of_sessions(&self, password: &str) -> hmac::Key {
        let digest = digest(&SHA256, password.as_bytes());
        let tag = hmac::sign(&self.of("session"), digest.as_ref());
        hmac::Key::new(HMAC_SHA256, tag.as_ref())
    }

    fn of(&self, purpose: &str) -> hmac::Key {
        let key = hmac::Key::new(HMAC_SHA256, &*self.0);
        hmac::Key::new(HMAC_SHA256, hmac::sign(&key, purpose.as_bytes()).as_ref())
    }
}

impl fmt::Debug for WebKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Bytes as small hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;

    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn from_hex(digits: &str) -> Option<WebKey> {
    let mut bytes = Zeroizing::new([0; LENGTH]);
    if digits.len() != 2 * LENGTH || !digits.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        let pair = digits.get(2 * index..2 * index + 2)?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(WebKey(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_keeps_its_name_as_long_as_the_store_is_there() {
        let memory = Memory::passing();
        let id = DeviceId::new("aps_ecu", "216000000001");
        let reference = WebKey::kept(&memory).reference(&id);
        assert_eq!(WebKey::kept(&memory).reference(&id), reference);
        assert_eq!(reference.len(), REFERENCE);
        assert!(reference.bytes().all(|digit| digit.is_ascii_hexdigit()));
        assert_ne!(WebKey::passing().reference(&id), reference);
        let other = DeviceId::new("aps_ecu", "216000000002");
        assert_ne!(WebKey::kept(&memory).reference(&other), reference);
    }

    #[test]
    fn what_is_kept_in_another_shape_is_replaced() {
        for wrong in ["", "00", &"x".repeat(64), &"ä".repeat(32)] {
            assert!(from_hex(wrong).is_none(), "{wrong}");
        }
        let key = WebKey::passing();
        assert_eq!(*from_hex(&hex(&*key.0)).unwrap().0, *key.0);
        assert_eq!(format!("{key:?}"), "***");
    }
}
