//! The encrypted layer of some newer inverters: AES-128, block by block.
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 6 | who speaks, as without encryption |
//! | 6 | 1 | `A1` (to one) or `A0` (to everybody); may be missing |
//! | .. | 6 | nonce |
//! | .. | 16 each | sealed: a length, the envelope, zeros |
//!
//! The key is the nonce, the inverter's serial number (zeros for everybody) and four bytes that are always the same.
//! One computed example is all that is known of it: nobody has confirmed it on the air. So it is recognised, and
//! opening it is an experiment.

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};

use super::envelope::{SPEAKER, START};
use crate::adapters::aps_zigbee::wire::ids::InverterSerial;

/// The last bytes of every key.
const TAIL: [u8; 4] = [0x18, 0x28, 0x45, 0x90];
const BLOCK: usize = 16;

/// What an inverter said that cannot be read by everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The byte in front of the nonce, where there is one.
    pub gate: Option<u8>,
    /// Part of the key.
    pub nonce: [u8; 6],
    /// Whole blocks, one at least.
    pub sealed: Vec<u8>,
}

impl Sealed {
    /// That of application data, if they look like it.
    pub fn detect(data: &[u8]) -> Option<Self> {
        let rest = data.get(SPEAKER..)?;
        if rest.starts_with(&START) {
            return None;
        }
        let read = |gate: Option<u8>, rest: &[u8]| {
            let (nonce, sealed) = rest.split_first_chunk()?;
            let is_whole = !sealed.is_empty() && sealed.len() % BLOCK == 0;
            is_whole.then(|| Self {
                gate,
                nonce: *nonce,
                sealed: sealed.to_vec(),
            })
        };
        read(None, rest).or_else(|| {
            let (gate, rest) = rest.split_first()?;
            read(Some(*gate), rest)
        })
    }

    /// Seals an envelope of at most 255 bytes.
    pub fn seal(
        envelope: &[u8],
        serial: Option<InverterSerial>,
        nonce: [u8; 6],
        gate: Option<u8>,
    ) -> Self {
        let envelope = envelope.get(..255).unwrap_or(envelope);
        let mut plain = vec![u8::try_from(envelope.len()).unwrap_or(u8::MAX)];
        plain.extend(envelope);
        plain.resize(plain.len().next_multiple_of(BLOCK), 0);
        let cipher = cipher(nonce, serial);
        for block in plain.as_chunks_mut().0 {
            cipher.encrypt_block(block.into());
        }
        Self {
            gate,
            nonce,
            sealed: plain,
        }
    }

    /// The application data of it, from this speaker.
    pub fn data(&self, speaker: [u8; SPEAKER]) -> Vec<u8> {
        let mut data = speaker.to_vec();
        data.extend(self.gate);
        data.extend(self.nonce);
        data.extend(&self.sealed);
        data
    }

    /// The envelope in it, if what comes out looks like one. An experiment, see above.
    pub fn open(&self, serial: Option<InverterSerial>) -> Option<Vec<u8>> {
        let cipher = cipher(self.nonce, serial);
        let mut plain = self.sealed.clone();
        for block in plain.as_chunks_mut().0 {
            cipher.decrypt_block(block.into());
        }
        let (length, rest) = plain.split_first()?;
        let (envelope, filler) = rest.split_at_checked((*length).into())?;
        let is_one = envelope.starts_with(&START) && filler.iter().all(|byte| *byte == 0);
        is_one.then(|| envelope.to_vec())
    }
}

fn cipher(nonce: [u8; 6], serial: Option<InverterSerial>) -> Aes128 {
    let serial = serial.map_or([0; 6], InverterSerial::wire);
    let mut key = [0; BLOCK];
    let parts = nonce.iter().chain(&serial).chain(&TAIL);
    for (slot, byte) in key.iter_mut().zip(parts) {
        *slot = *byte;
    }
    Aes128::new((&key).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::command::InverterCommand;
    use super::*;

    fn serial() -> InverterSerial {
        "725000000001".parse().unwrap()
    }

    #[test]
    fn what_is_sealed_is_recognised_and_opened_with_its_serial_only() {
        let envelope = InverterCommand::Poll.envelope();
        for gate in [None, Some(0xa1)] {
            let sealed = Sealed::seal(&envelope, Some(serial()), [1, 2, 3, 4, 5, 6], gate);
            let data = sealed.data(serial().wire());
            assert_eq!(Sealed::detect(&data), Some(sealed.clone()));
            assert_eq!(sealed.open(Some(serial())), Some(envelope.clone()));
            assert_eq!(sealed.open(None), None);
        }
    }

    #[test]
    fn what_everybody_can_read_is_not_sealed() {
        let mut data = serial().wire().to_vec();
        data.extend(InverterCommand::Poll.envelope());
        // A length that would fit.
        data.resize(28, 0);
        assert_eq!(Sealed::detect(&data), None);
        assert_eq!(Sealed::detect(&[0; 12]), None);
        assert_eq!(Sealed::detect(&[0; 30]), None);
        assert!(Sealed::detect(&[0; 28]).is_some());
        assert!(Sealed::detect(&[0; 29]).is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at(data: Vec<u8>) {
            if let Some(sealed) = Sealed::detect(&data) {
                let speaker = data[..6].try_into().unwrap();
                prop_assert_eq!(sealed.data(speaker), data);
                let _ = sealed.open(None);
            }
        }
    }
}
