//! The encryption: a session's key, and the envelope that frames travel in.
//!
//! A unit makes up a session's key, and sends it masked: 16 random bytes, enciphered with the unit's own key, are
//! the mask. Both directions then put each frame into an envelope: the initial counter (16 bytes), and enciphered
//! with AES-128 in counter mode a running number (2), a mask (4), and the frame, each byte of it changed by the mask.

use std::fmt;

use aes::Aes128;
use ctr::cipher::{BlockCipherEncrypt as _, InnerIvInit as _, KeyInit as _, StreamCipher as _};
use ctr::{Ctr128BE, CtrCore, flavors};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::frame::BarkerFrame;
use super::key::DeviceKey;
use crate::hex::{self, Hex};

/// What a unit sends to agree on a session's key: of no use to anybody without the unit's own key.
///
/// Remembered as hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Handshake {
    challenge: [u8; 16],
    masked: [u8; 16],
}

/// What was remembered is no handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session's key, as it is sent, has at least 64 hexadecimal digits")]
pub struct HandshakeError;

impl Handshake {
    /// That in the data of a frame: 34 bytes, of which nobody knows what the last two are.
    pub fn new(data: &[u8]) -> Option<Self> {
        let (challenge, rest) = data.split_first_chunk()?;
        let (masked, rest) = rest.split_first_chunk()?;
        (rest.len() == UNKNOWN).then_some(Self {
            challenge: *challenge,
            masked: *masked,
        })
    }

    /// The session's key.
    pub fn session(&self, key: &DeviceKey) -> SessionKey {
        SessionKey::new(masked(key, &self.challenge, &self.masked))
    }

    /// What a unit with this key sends to agree on this session, with these random bytes.
    pub fn offer(key: &DeviceKey, session: &SessionKey, challenge: [u8; 16]) -> Self {
        Self {
            challenge,
            masked: *masked(key, &challenge, &session.key),
        }
    }

    /// The data of the frame. The last two bytes are what some unit might have sent.
    pub fn data(&self) -> [u8; 34] {
        let mut data = [0; 34];
        let all = self.challenge.iter().chain(&self.masked);
        for (place, byte) in data.iter_mut().zip(all) {
            *place = *byte;
        }
        data
    }
}

/// How many bytes of the data nobody knows.
const UNKNOWN: usize = 2;

impl From<Handshake> for String {
    fn from(handshake: Handshake) -> Self {
        let data = handshake.data();
        Hex::of(data.get(..32).unwrap_or(&data)).to_string()
    }
}

impl TryFrom<String> for Handshake {
    type Error = HandshakeError;

    fn try_from(text: String) -> Result<Self, HandshakeError> {
        let mut data = hex::bytes(&text).ok_or(HandshakeError)?;
        if data.len() == 32 {
            data.extend([0; UNKNOWN]);
        }
        Self::new(&data).ok_or(HandshakeError)
    }
}

/// These bytes, changed by the challenge as enciphered: what is masked becomes clear, and the other way round.
fn masked(key: &DeviceKey, challenge: &[u8; 16], bytes: &[u8; 16]) -> Zeroizing<[u8; 16]> {
    let mut block = (*challenge).into();
    Aes128::new(key.bytes().into()).encrypt_block(&mut block);
    let mut out = Zeroizing::new(*bytes);
    for (byte, mask) in out.iter_mut().zip(block) {
        *byte ^= mask;
    }
    out
}

/// The key of a session.
#[derive(Clone)]
pub struct SessionKey {
    key: Zeroizing<[u8; 16]>,
    /// With what is worked out from the key once.
    cipher: Aes128,
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How many bytes the initial counter has.
const COUNTER: usize = 16;
/// How many bytes the running number and the mask have.
const BEFORE_FRAME: usize = 6;

impl SessionKey {
    /// That of these bytes.
    pub fn new(key: Zeroizing<[u8; 16]>) -> Self {
        let cipher = Aes128::new((&*key).into());
        Self { key, cipher }
    }

    /// The frame in the data of an envelope, if this is its key. `buffer` takes its bytes. An envelope in an
    /// envelope is not opened.
    pub fn open<'b>(&self, data: &[u8], buffer: &'b mut Vec<u8>) -> Option<BarkerFrame<'b>> {
        let (counter, sealed) = data.split_first_chunk::<COUNTER>()?;
        buffer.clear();
        buffer.extend_from_slice(sealed);
        self.keystream(*counter).apply_keystream(buffer);
        let (head, frame) = buffer.split_first_chunk_mut::<BEFORE_FRAME>()?;
        let [_, _, mask @ ..] = *head;
        apply_mask(frame, mask);
        BarkerFrame::exactly(frame).ok()
    }

    /// The data of the envelope of a frame, with this initial counter, running number and mask.
    pub fn seal(
        &self,
        frame: &BarkerFrame<'_>,
        counter: [u8; 16],
        number: u16,
        mask: [u8; 4],
    ) -> Vec<u8> {
        let mut data = counter.to_vec();
        data.extend_from_slice(&number.to_le_bytes());
        data.extend_from_slice(&mask);
        frame.encode(&mut data);
        if let Some(frame) = data.get_mut(COUNTER + BEFORE_FRAME..) {
            apply_mask(frame, mask);
        }
        if let Some(clear) = data.get_mut(COUNTER..) {
            self.keystream(counter).apply_keystream(clear);
        }
        data
    }

    fn keystream(&self, counter: [u8; 16]) -> Ctr128BE<&Aes128> {
        let core = CtrCore::<_, flavors::Ctr128BE>::inner_iv_init(&self.cipher, &counter.into());
        Ctr128BE::from_core(core)
    }
}

fn apply_mask(bytes: &mut [u8], mask: [u8; 4]) {
    let mask = u32::from_ne_bytes(mask);
    let (words, rest) = bytes.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ mask).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.to_ne_bytes()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn device() -> DeviceKey {
        DeviceKey::new([0x5a; 16]).unwrap()
    }

    fn session() -> SessionKey {
        SessionKey::new(Zeroizing::new(*b"one of a session"))
    }

    fn frame(data: &[u8]) -> BarkerFrame<'_> {
        BarkerFrame {
            sequence: 7,
            source: 0x7f12_3456,
            destination: 0xffff_fffe,
            function: 0x0500,
            data,
        }
    }

    #[test]
    fn who_has_the_units_key_has_the_sessions() {
        let handshake = Handshake::offer(&device(), &session(), [9; 16]);
        let data = handshake.data();
        assert!(!data.windows(16).any(|window| window == b"one of a session"));
        let received = Handshake::new(&data).unwrap();
        assert_eq!(received, handshake);
        assert_eq!(received.session(&device()).key, session().key);
        let other = DeviceKey::new([0x5b; 16]).unwrap();
        assert_ne!(received.session(&other).key, session().key);
        assert_eq!(Handshake::new(&data[..33]), None);
        assert_eq!(Handshake::new(&[0; 35]), None);
    }

    #[test]
    fn a_handshake_is_remembered() {
        let handshake = Handshake::offer(&device(), &session(), [9; 16]);
        let text = serde_json::to_string(&handshake).unwrap();
        assert_eq!(text.len(), 66);
        assert_eq!(serde_json::from_str::<Handshake>(&text).unwrap(), handshake);
        let whole = format!("{}e858", text.trim_matches('"'));
        assert_eq!(Handshake::try_from(whole), Ok(handshake));
        for wrong in ["", "00", "xx", &"0".repeat(62), &"0".repeat(70)] {
            assert_eq!(Handshake::try_from(wrong.to_owned()), Err(HandshakeError));
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", session()), "***");
    }

    #[test]
    fn what_is_in_an_envelope_fills_it() {
        let mut buffer = Vec::new();
        for length in 0..44 {
            assert_eq!(session().open(&vec![1; length], &mut buffer), None);
        }
        let mut long = session().seal(&frame(b"data"), [3; 16], 1, [4; 4]);
        assert!(session().open(&long, &mut buffer).is_some());
        long.push(0);
        assert_eq!(session().open(&long, &mut buffer), None);
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_opened(
            data in proptest::collection::vec(any::<u8>(), 0..300),
            counter: [u8; 16], number: u16, mask: [u8; 4],
        ) {
            let sealed = session().seal(&frame(&data), counter, number, mask);
            prop_assert_eq!(sealed.len(), data.len() + 44);
            let mut buffer = vec![1; 5];
            prop_assert_eq!(session().open(&sealed, &mut buffer), Some(frame(&data)));
            let other = SessionKey::new(Zeroizing::new([1; 16]));
            prop_assert_eq!(other.open(&sealed, &mut buffer), None);
        }

        #[test]
        fn the_counter_is_carried_over_all_its_bytes(low in 0xffff_fff0_u32..) {
            let mut counter = [0xff; 16];
            counter[12..].copy_from_slice(&low.to_be_bytes());
            let zeros = [0; 600];
            let sealed = session().seal(&frame(&zeros), counter, 0, [0; 4]);
            let second = u128::from_be_bytes(counter).wrapping_add(1);
            // What is enciphered with the next counter is what follows one block later.
            let mut stream = vec![0; 64];
            session().keystream(second.to_be_bytes()).apply_keystream(&mut stream);
            let data = 16 + 6 + 20;
            prop_assert_eq!(&sealed[data..data + 38], &stream[10..48]);
        }
    }
}
