//! The envelope of what is said to an inverter and by it.
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 2 | `FB FB` |
//! | 2 | 1 | length: the command and the body |
//! | 3 | 1 | command |
//! | 4 | length - 1 | body |
//! | .. | 2 | sum of all bytes from the length to the end of the body, high byte first |
//! | .. | 2 | `FE FE` |
//!
//! In front of it stand the six bytes of who speaks: a gateway's id with its last byte first, or the serial number
//! of an inverter. Inverters check the sum of what they are told. Of what they say, some kinds leave it zero.

use crate::model::Sentence;
use crate::say;

/// What stands around a command and its body.
pub const START: [u8; 2] = [0xfb, 0xfb];
const END: [u8; 2] = [0xfe, 0xfe];
/// Bytes of an envelope that its length does not count.
pub const AROUND: usize = 7;
/// Bytes in front of an envelope: who speaks.
pub const SPEAKER: usize = 6;

/// A command and its body, out of an envelope that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct L2Part<'a> {
    /// What it is about.
    pub command: u8,
    /// What follows.
    pub body: &'a [u8],
    /// The sum that it carries.
    pub sum: u16,
}

/// Why bytes are no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.says())]
pub enum L2Fault {
    /// It begins with something else.
    Start,
    /// Bytes are missing, or there are too many.
    Length {
        /// How many it says there are, all in all.
        stated: usize,
        /// How many there are.
        there: usize,
    },
    /// It ends with something else.
    End,
    /// Bytes are not those that were sent.
    Sum {
        /// That of the bytes.
        computed: u16,
        /// That which it carries.
        carried: u16,
    },
}

impl L2Fault {
    /// For people.
    pub fn says(self) -> Sentence {
        match self {
            Self::Start => say!("it does not begin with FB FB"),
            Self::Length { stated, there } => say!(
                "it should have {stated} bytes and has {there}; some were lost on the way",
                stated,
                there
            ),
            Self::End => say!("it does not end with FE FE"),
            Self::Sum { computed, carried } => say!(
                "its sum should be {computed} and is {carried}; it was garbled on the way",
                computed = format_args!("{computed:04X}"),
                carried = format_args!("{carried:04X}")
            ),
        }
    }
}

/// The envelope of a command, with its sum.
///
/// Bodies have at most 254 bytes; what is beyond is left away.
pub fn l2(command: u8, body: &[u8]) -> Vec<u8> {
    with_sum(command, body, None)
}

/// As kinds of inverters send it that do not compute the sum.
pub fn l2_without_sum(command: u8, body: &[u8]) -> Vec<u8> {
    with_sum(command, body, Some(0))
}

fn with_sum(command: u8, body: &[u8], sum: Option<u16>) -> Vec<u8> {
    let body = body.get(..254).unwrap_or(body);
    let part = L2Part {
        command,
        body,
        sum: 0,
    };
    let mut bytes = Vec::with_capacity(body.len() + 1 + AROUND);
    bytes.extend(START);
    bytes.push(part.length());
    bytes.push(command);
    bytes.extend(body);
    bytes.extend(sum.unwrap_or_else(|| part.computed()).to_be_bytes());
    bytes.extend(END);
    bytes
}

impl<'a> L2Part<'a> {
    /// That of bytes which are one envelope, whatever its sum.
    pub fn read(bytes: &'a [u8]) -> Result<Self, L2Fault> {
        let Some((&length, rest)) = bytes.strip_prefix(&START).and_then(<[u8]>::split_first) else {
            return Err(L2Fault::Start);
        };
        let stated = usize::from(length) + AROUND;
        let lengths = L2Fault::Length {
            stated: stated.max(1 + AROUND),
            there: bytes.len(),
        };
        if stated != bytes.len() {
            return Err(lengths);
        }
        let rest = rest.strip_suffix(&END).ok_or(L2Fault::End)?;
        let (said, sum) = rest.split_last_chunk().ok_or(lengths)?;
        let (&command, body) = said.split_first().ok_or(lengths)?;
        Ok(Self {
            command,
            body,
            sum: u16::from_be_bytes(*sum),
        })
    }

    /// Only with the right sum.
    pub fn checked(self) -> Result<Self, L2Fault> {
        let computed = self.computed();
        if computed == self.sum {
            Ok(self)
        } else {
            Err(L2Fault::Sum {
                computed,
                carried: self.sum,
            })
        }
    }

    /// As it counts itself.
    pub fn length(&self) -> u8 {
        u8::try_from(self.body.len() + 1).unwrap_or(u8::MAX)
    }

    fn computed(&self) -> u16 {
        let body: u16 = self.body.iter().map(|byte| u16::from(*byte)).sum();
        body + u16::from(self.length()) + u16::from(self.command)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_envelope_is_read_as_it_was_written() {
        let poll = l2(0xbb, &[0; 5]);
        assert_eq!(
            poll,
            [0xfb, 0xfb, 6, 0xbb, 0, 0, 0, 0, 0, 0, 0xc1, 0xfe, 0xfe]
        );
        let part = L2Part::read(&poll).unwrap();
        assert_eq!((part.command, part.body), (0xbb, &[0; 5][..]));
        assert!(part.checked().is_ok());
        let without = l2_without_sum(0xbb, &[0; 5]);
        let fault = L2Part::read(&without).unwrap().checked().unwrap_err();
        assert_eq!(
            fault,
            L2Fault::Sum {
                computed: 0xc1,
                carried: 0
            }
        );
    }

    #[test]
    fn what_is_no_envelope_is_told_why() {
        let good = l2(0xdc, &[1, 2, 3]);
        for (bytes, fault) in [
            (&good[1..], L2Fault::Start),
            (&[][..], L2Fault::Start),
            (&[0xfb, 0xfb][..], L2Fault::Start),
            (
                &good[..good.len() - 1],
                L2Fault::Length {
                    stated: 11,
                    there: 10,
                },
            ),
            (
                &[0xfb, 0xfb, 0, 0, 0, 0xfe, 0xfe][..],
                L2Fault::Length {
                    stated: 8,
                    there: 7,
                },
            ),
        ] {
            assert_eq!(L2Part::read(bytes), Err(fault), "{bytes:x?}");
        }
        let mut cut = good;
        *cut.last_mut().unwrap() = 0xff;
        assert_eq!(L2Part::read(&cut), Err(L2Fault::End));
    }

    proptest! {
        #[test]
        fn any_body_comes_back(command: u8, body in proptest::collection::vec(any::<u8>(), 0..=254)) {
            let bytes = l2(command, &body);
            let part = L2Part::read(&bytes).unwrap().checked().unwrap();
            prop_assert_eq!(part.command, command);
            prop_assert_eq!(part.body, &body);
        }

        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            if let Ok(part) = L2Part::read(&bytes) {
                prop_assert_eq!(with_sum(part.command, part.body, Some(part.sum)), bytes);
            }
        }
    }
}
