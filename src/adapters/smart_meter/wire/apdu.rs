//! Messages as the link layer delivers them: in clear, or ciphered with a header in clear.
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 1 | `DB` general-glo-ciphering, `DC` general-ded-ciphering |
//! | 1 | 1 | 8, bytes of the system title |
//! | 2 | 8 | [`SystemTitle`] |
//! | 10 | 1..5 | BER length of all that follows |
//! | .. | 1 | [`SecurityControl`] |
//! | .. | 4 | invocation counter, one more with each message |
//! | .. | .. | the telegram, encrypted |
//! | .. | 12 | tag, where the security control says so |
//!
//! A message that begins with `0F` is a telegram in clear, one that begins with `/` a readout in
//! clear.

use super::ber;
use super::key::Key;
use super::security::{Lock, OpenError, SecurityControl, TAG};
use super::title::SystemTitle;

/// Security control and counter, which the length counts.
const HEAD: usize = 5;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apdu<'a> {
    /// With a header in clear; the rest may be encrypted.
    Ciphered(Ciphered<'a>),
    /// A telegram in clear.
    Plain(&'a [u8]),
}

/// A message with a header in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ciphered<'a> {
    /// Which meter.
    pub title: SystemTitle,
    /// How it is protected.
    pub security: SecurityControl,
    /// One more with each message of this meter.
    pub counter: u32,
    /// The telegram as it came, without the tag.
    pub payload: &'a [u8],
    /// The tag, if there is one.
    pub tag: Option<[u8; TAG]>,
    /// Whether a key agreed on for the connection is in use instead of the meter's global one.
    pub is_dedicated: bool,
    /// Bytes of the header in clear, that is the place where the payload begins.
    pub header: usize,
    /// Bytes behind the end that the header announces; they were cut off.
    pub excess: usize,
}

/// The bytes are no message that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApduError {
    /// No bytes at all.
    #[error("the message is empty")]
    Empty,
    /// It ends before the length in its header.
    #[error("the message ends after {got} bytes, but its header announces {expected}")]
    CutOff {
        /// Bytes there are.
        got: usize,
        /// Bytes there should be, at least.
        expected: usize,
    },
    /// Not eight bytes of system title.
    #[error("the message has a system title of {0} bytes, not 8")]
    TitleLength(u8),
    /// The length behind the title is none.
    #[error("the length at byte 10 of the message is none")]
    Length,
    /// Too short for a security header and tag.
    #[error("the message has room for {0} bytes, too few for its security header")]
    NoRoom(usize),
    /// Nothing here can undo it.
    #[error(
        "the message is compressed (security control {0:02x}); meters on this interface are not \
         known to do that, please report it with a recording"
    )]
    Compressed(u8),
    /// A suite that does not exist.
    #[error("the message has security suite {0}; there are only 0, 1 and 2")]
    UnknownSuite(u8),
    /// A kind of message that is not read here.
    #[error("the message begins with {tag:02x}, {}", refusal(*tag))]
    Refused {
        /// Its first byte.
        tag: u8,
    },
}

fn refusal(tag: u8) -> &'static str {
    match tag {
        0xdd => {
            "general ciphering, whose keys are agreed on with the meter; set the meter to global \
             ciphering or none, or ask its operator"
        }
        0xdf => "a signed message, which is not supported; please report it with a recording",
        0xe0 => "a block of a longer message, which has to be joined first",
        _ => {
            "which is no message of a customer interface; a wrong kind of interface, or bytes \
             damaged on the way"
        }
    }
}

impl<'a> Apdu<'a> {
    /// Reads the header of a message; does not decrypt.
    ///
    /// # Errors
    ///
    /// The message is cut off, or of a kind that cannot be read.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ApduError> {
        match bytes.first() {
            None => Err(ApduError::Empty),
            Some(0xdb | 0xdc) => Ciphered::parse(bytes).map(Self::Ciphered),
            Some(0x0f | b'/') => Ok(Self::Plain(bytes)),
            Some(tag) => Err(ApduError::Refused { tag: *tag }),
        }
    }

    /// Whether it can be read only with a key.
    pub const fn needs_key(&self) -> bool {
        match self {
            Self::Ciphered(ciphered) => ciphered.needs_key(),
            Self::Plain(_) => false,
        }
    }
}

impl<'a> Ciphered<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, ApduError> {
        let cut_off = |expected| ApduError::CutOff {
            got: bytes.len(),
            expected,
        };
        let Some((&[tag, title_length], _)) = bytes.split_first_chunk() else {
            return Err(cut_off(2));
        };
        if title_length != 8 {
            return Err(ApduError::TitleLength(title_length));
        }
        let after = bytes.get(2..).unwrap_or_default();
        let (title, after) = after.split_first_chunk::<8>().ok_or(cut_off(11))?;
        let (length, took) = ber::decode(after).map_err(|error| match error {
            ber::BerError::Incomplete => cut_off(bytes.len() + 1),
            ber::BerError::TooLong => ApduError::Length,
        })?;
        let start = 2 + title.len() + took;
        let end = start.saturating_add(length);
        let body = bytes.get(start..end).ok_or(cut_off(end))?;
        let no_room = ApduError::NoRoom(length);
        let (&[security, a, b, c, d], rest) = body.split_first_chunk().ok_or(no_room)?;
        let security = SecurityControl(security);
        if security.is_compressed() {
            return Err(ApduError::Compressed(security.0));
        }
        if security.suite() > 2 {
            return Err(ApduError::UnknownSuite(security.suite()));
        }
        let (payload, tag_bytes) = if security.is_authenticated() {
            let (payload, tag) = rest.split_last_chunk().ok_or(no_room)?;
            (payload, Some(*tag))
        } else {
            (rest, None)
        };
        Ok(Self {
            title: SystemTitle(*title),
            security,
            counter: u32::from_be_bytes([a, b, c, d]),
            payload,
            tag: tag_bytes,
            is_dedicated: tag == 0xdc,
            header: start + HEAD,
            excess: bytes.len().saturating_sub(end),
        })
    }

    /// Whether it can be read only with a key.
    pub const fn needs_key(&self) -> bool {
        self.security.is_encrypted()
    }

    /// The telegram, if it is not encrypted. Its tag is not looked at.
    pub fn in_clear(&self) -> Option<&'a [u8]> {
        (!self.needs_key()).then_some(self.payload)
    }

    /// Decrypts the telegram, and checks its tag if there are a tag and a key for it.
    ///
    /// A wrong encryption key without a tag gives a plaintext as well: whether it makes sense,
    /// [`Telegram::parse`](super::telegram::Telegram::parse) finds out. So does a wrong
    /// authentication key.
    ///
    /// # Errors
    ///
    /// A key is not as long as the security suite wants it.
    pub fn open(&self, key: &Key, authentication: Option<&Key>) -> Result<Opened, OpenError> {
        let lock = Lock {
            title: self.title,
            security: self.security,
            counter: self.counter,
            key,
            authentication,
        };
        lock.check_keys()?;
        let mut plaintext = self.payload.to_vec();
        let checked = match (self.tag, authentication) {
            (None, _) => Authentication::None,
            (Some(_), None) => Authentication::NotChecked,
            (Some(tag), Some(_)) if lock.open(&mut plaintext, &tag) => Authentication::Verified,
            (Some(_), Some(_)) => Authentication::Failed,
        };
        if self.security.is_encrypted() && checked != Authentication::Verified {
            lock.stream(&mut plaintext);
        }
        Ok(Opened {
            plaintext,
            authentication: checked,
        })
    }
}

/// What was inside a ciphered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The telegram; nonsense if the key was wrong.
    pub plaintext: Vec<u8>,
    /// What the tag said.
    pub authentication: Authentication,
}

/// Whether a telegram is proven to come from the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// It has no tag.
    None,
    /// The tag is right, and so are both keys.
    Verified,
    /// It has a tag, but there is no authentication key to check it with.
    NotChecked,
    /// The tag does not fit: one of the keys is wrong. If the plaintext makes sense, it is the
    /// authentication key.
    Failed,
}

/// Builds a whole message, for simulators and tests.
///
/// # Errors
///
/// A key is not as long as the security suite wants it, or missing for a tag.
pub fn seal(
    title: SystemTitle,
    security: SecurityControl,
    counter: u32,
    key: &Key,
    authentication: Option<&Key>,
    plaintext: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let lock = Lock {
        title,
        security,
        counter,
        key,
        authentication,
    };
    lock.check_keys()?;
    let mut body = vec![security.0];
    body.extend(counter.to_be_bytes());
    let mut payload = plaintext.to_vec();
    if security.is_authenticated() {
        if authentication.is_none() {
            return Err(OpenError::NoAuthenticationKey);
        }
        let tag = lock.seal(&mut payload);
        body.extend(payload);
        body.extend(tag.unwrap_or_default());
    } else {
        if security.is_encrypted() {
            lock.stream(&mut payload);
        }
        body.extend(payload);
    }
    let mut message = vec![0xdb, 8];
    message.extend(title.0);
    ber::encode(body.len(), &mut message);
    message.extend(body);
    Ok(message)
}

#[cfg(test)]
mod tests;
