//! Encryption and authentication of telegrams: AES in Galois/counter mode, as DLMS uses it.
//!
//! The nonce is the system title and the invocation counter. The tag is cut to 12 bytes; it covers
//! the security control byte, the authentication key, and the telegram. Without a tag, or without
//! the key for it, what is left is counter mode that begins at block 2.
//!
//! Security control, one byte:
//!
//! | Bits | Meaning |
//! |---|---|
//! | 0..3 | suite: 0 and 1 are AES-128, 2 is AES-256 |
//! | 4 | a tag follows |
//! | 5 | encrypted |
//! | 6 | with the broadcast key |
//! | 7 | compressed |

use std::fmt;

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::{Aes128, Aes256};
use aes_gcm::{AesGcm, KeyInit};
use ctr::Ctr32BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

use super::key::Key;
use super::title::SystemTitle;
use crate::model::Sentence;
use crate::say;

/// Bytes of a tag.
pub const TAG: usize = 12;

type Gcm128 = AesGcm<Aes128, U12, U12>;
type Gcm256 = AesGcm<Aes256, U12, U12>;

/// How a telegram is protected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecurityControl(pub u8);

impl SecurityControl {
    /// The security suite: 0, 1 or 2; others do not exist.
    pub const fn suite(self) -> u8 {
        self.0 & 0x0f
    }

    /// Whether a tag follows the telegram.
    pub const fn is_authenticated(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// Whether a key is needed to read it.
    pub const fn is_encrypted(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// Whether the broadcast key is in use instead of the meter's own.
    pub const fn is_broadcast(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// Whether it is compressed, which nothing here can undo.
    pub const fn is_compressed(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Whether the keys have 32 bytes.
    pub const fn wants_long_key(self) -> bool {
        self.suite() == 2
    }
}

impl fmt::Debug for SecurityControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecurityControl({:02x})", self.0)
    }
}

impl fmt::Display for SecurityControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protection = match (self.is_encrypted(), self.is_authenticated()) {
            (true, true) => "encrypted, with a tag",
            (true, false) => "encrypted",
            (false, true) => "in clear, with a tag",
            (false, false) => "in clear",
        };
        write!(f, "suite {}, {protection}", self.suite())?;
        if self.is_broadcast() {
            f.write_str(", broadcast key")?;
        }
        if self.is_compressed() {
            f.write_str(", compressed")?;
        }
        Ok(())
    }
}

/// A key does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.says())]
pub enum OpenError {
    /// 16 bytes where 32 are wanted, or the other way round.
    KeyLength {
        /// Whether it is the one for authentication.
        authenticates: bool,
        /// The suite of the telegram.
        suite: u8,
    },
    /// Only when sealing: a tag is wanted, and nothing to make it with.
    NoAuthenticationKey,
}

impl OpenError {
    /// For people.
    pub fn says(self) -> Sentence {
        match self {
            Self::KeyLength {
                authenticates,
                suite,
            } => {
                let (key, digits) = match (authenticates, suite) {
                    (false, 2) => (say!("the encryption key is too short"), 64),
                    (false, _) => (say!("the encryption key is too long"), 32),
                    (true, 2) => (say!("the authentication key is too short"), 64),
                    (true, _) => (say!("the authentication key is too long"), 32),
                };
                say!(
                    "{key}: this meter uses security suite {suite}, whose keys have {digits} hexadecimal digits; ask the \
                     operator for it",
                    key,
                    suite,
                    digits
                )
            }
            Self::NoAuthenticationKey => say!("a tag needs an authentication key"),
        }
    }
}

/// What one telegram is protected with.
pub struct Lock<'a> {
    pub(crate) title: SystemTitle,
    pub(crate) security: SecurityControl,
    pub(crate) counter: u32,
    pub(crate) key: &'a Key,
    pub(crate) authentication: Option<&'a Key>,
}

impl Lock<'_> {
    pub(crate) fn check_keys(&self) -> Result<(), OpenError> {
        let suite = self.security.suite();
        let fits = |key: &Key| key.is_long() == self.security.wants_long_key();
        if self.security.is_encrypted() && !fits(self.key) {
            return Err(OpenError::KeyLength {
                authenticates: false,
                suite,
            });
        }
        match self.authentication {
            Some(key) if self.security.is_authenticated() && !fits(key) => {
                Err(OpenError::KeyLength {
                    authenticates: true,
                    suite,
                })
            }
            _ => Ok(()),
        }
    }

    fn nonce(&self) -> [u8; 12] {
        let mut nonce = [0; 12];
        let title = self.title.0.into_iter();
        let bytes = title.chain(self.counter.to_be_bytes());
        nonce
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = from);
        nonce
    }

    /// What the tag covers beside the encrypted bytes.
    fn associated(&self, clear: &[u8]) -> Zeroizing<Vec<u8>> {
        let key = self.authentication.map(Key::bytes).unwrap_or_default();
        let mut all = Zeroizing::new(Vec::with_capacity(1 + key.len() + clear.len()));
        all.push(self.security.0);
        all.extend(key);
        all.extend(clear);
        all
    }

    /// Decrypts or encrypts without a tag; the two are the same.
    pub fn stream(&self, bytes: &mut [u8]) {
        let mut block = [0; 16];
        let nonce = self.nonce().into_iter();
        let start = nonce.chain([0, 0, 0, 2]);
        block
            .iter_mut()
            .zip(start)
            .for_each(|(to, from)| *to = from);
        if let Ok(key) = <&[u8; 32]>::try_from(self.key.bytes()) {
            Ctr32BE::<Aes256>::new(key.into(), &block.into()).apply_keystream(bytes);
        } else if let Ok(key) = <&[u8; 16]>::try_from(self.key.bytes()) {
            Ctr32BE::<Aes128>::new(key.into(), &block.into()).apply_keystream(bytes);
        }
    }

    /// Encrypts what is to be encrypted, in place, and returns the tag.
    pub fn seal(&self, bytes: &mut [u8]) -> Option<[u8; TAG]> {
        let nonce = self.nonce().into();
        let tag = if self.security.is_encrypted() {
            let associated = self.associated(&[]);
            self.encrypt(&nonce, &associated, bytes)
        } else {
            let associated = self.associated(bytes);
            self.encrypt(&nonce, &associated, &mut [])
        };
        tag.map(Into::into)
    }

    /// Decrypts in place if the tag is right; leaves the bytes alone otherwise.
    pub fn open(&self, bytes: &mut [u8], tag: &[u8; TAG]) -> bool {
        if self.security.is_encrypted() {
            let associated = self.associated(&[]);
            self.decrypt(&associated, bytes, tag)
        } else {
            let associated = self.associated(bytes);
            self.decrypt(&associated, &mut [], tag)
        }
    }

    fn encrypt(
        &self,
        nonce: &aes_gcm::Nonce<U12>,
        associated: &[u8],
        bytes: &mut [u8],
    ) -> Option<aes_gcm::Tag<U12>> {
        let bytes = InOutBuf::from(bytes);
        let sealed = if self.key.is_long() {
            let cipher = Gcm256::new_from_slice(self.key.bytes()).ok()?;
            cipher.encrypt_inout_detached(nonce, associated, bytes)
        } else {
            let cipher = Gcm128::new_from_slice(self.key.bytes()).ok()?;
            cipher.encrypt_inout_detached(nonce, associated, bytes)
        };
        sealed.ok()
    }

    fn decrypt(&self, associated: &[u8], bytes: &mut [u8], tag: &[u8; TAG]) -> bool {
        let (nonce, tag) = (self.nonce().into(), (*tag).into());
        let bytes = InOutBuf::from(bytes);
        let key = self.key.bytes();
        let opened = if self.key.is_long() {
            Gcm256::new_from_slice(key)
                .map(|cipher| cipher.decrypt_inout_detached(&nonce, associated, bytes, &tag))
        } else {
            Gcm128::new_from_slice(key)
                .map(|cipher| cipher.decrypt_inout_detached(&nonce, associated, bytes, &tag))
        };
        matches!(opened, Ok(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_say_how_it_is_protected() {
        let shown = |byte| SecurityControl(byte).to_string();
        assert_eq!(shown(0x20), "suite 0, encrypted");
        assert_eq!(shown(0x31), "suite 1, encrypted, with a tag");
        assert_eq!(shown(0x10), "suite 0, in clear, with a tag");
        assert_eq!(shown(0x62), "suite 2, encrypted, broadcast key");
        assert!(SecurityControl(0xa0).is_compressed());
        assert!(SecurityControl(0x32).wants_long_key());
    }
}
