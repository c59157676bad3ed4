//! Questions and answers: what the command of a frame says about its payload.
//!
//! | Question | | Answer | |
//! |---|---|---|---|
//! | 1 | ping | 5 | [`Version`] |
//! | 3 | version of the application | 1 | [`Version`] |
//! | 4 | product id | 1 | u16 |
//! | 6 | restart | none | |
//! | 7 | get: id u16, flags u8 = 0 | 7 | id u16, [`Flags`] u8, value |
//! | 8 | set: id u16, flags u8 = 0, value | 8 | the same, with the value as it is now |
//! | | | A | the same as 7, sent on change without a question |
//! | any other | | 3 | unknown command |
//! | broken | | 4 | `AAAA` |
//!
//! Command 0 enters the boot loader. Nothing here writes it.

use std::fmt;

use super::frame::{Frame, encode_frame};

/// What a device is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Are you there?
    Ping,
    /// Which firmware runs?
    Version,
    /// Which product is it?
    Product,
    /// Starts the device anew; there is no answer.
    Restart,
    /// The value of a register.
    Get(u16),
    /// A new value of a register, little endian; empty for those that only start something.
    Set(u16, Vec<u8>),
}

impl Request {
    /// The frame that asks for it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ping => encode_frame(1, &[]),
            Self::Version => encode_frame(3, &[]),
            Self::Product => encode_frame(4, &[]),
            Self::Restart => encode_frame(6, &[]),
            Self::Get(register) => Value::new(*register, &[]).encode(7),
            Self::Set(register, bytes) => Value::new(*register, bytes).encode(8),
        }
    }

    /// What a frame asks for; `None` if it is no question a device would answer.
    #[must_use]
    pub fn decode(frame: &Frame<'_>) -> Option<Self> {
        match (frame.command, frame.payload) {
            (1, []) => Some(Self::Ping),
            (3, []) => Some(Self::Version),
            (4, []) => Some(Self::Product),
            (6, []) => Some(Self::Restart),
            (7, payload) => {
                let value = Value::read(payload)?;
                value.bytes.is_empty().then_some(Self::Get(value.register))
            }
            (8, payload) => {
                let value = Value::read(payload)?;
                Some(Self::Set(value.register, value.bytes.to_vec()))
            }
            _ => None,
        }
    }
}

/// What a device says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The answer to [`Request::Version`] and [`Request::Product`]: which of them, knows who asked.
    Done(&'a [u8]),
    /// It does not know the command, which is repeated here.
    UnknownCommand(&'a [u8]),
    /// What it got was no frame.
    Malformed,
    /// Another error.
    Error(&'a [u8]),
    /// The answer to a ping.
    Ping(Version),
    /// The value asked for.
    Get(Value<'a>),
    /// The value after it was set.
    Set(Value<'a>),
    /// A value that nobody asked for just now.
    Async(Value<'a>),
    /// None of these.
    Other {
        /// Command of the frame.
        command: u8,
        /// What follows it.
        payload: &'a [u8],
    },
}

impl<'a> Answer<'a> {
    /// Reads a frame that a device sent.
    #[must_use]
    pub fn decode(frame: &Frame<'a>) -> Self {
        let Frame {
            command, payload, ..
        } = *frame;
        let value = Value::read(payload);
        match (command, payload, value) {
            (1, _, _) => Self::Done(payload),
            (3, _, _) => Self::UnknownCommand(payload),
            (4, [0xaa, 0xaa], _) => Self::Malformed,
            (4, _, _) => Self::Error(payload),
            (5, [low, high], _) => Self::Ping(Version(u16::from_le_bytes([*low, *high]))),
            (7, _, Some(value)) => Self::Get(value),
            (8, _, Some(value)) => Self::Set(value),
            (10, _, Some(value)) => Self::Async(value),
            _ => Self::Other { command, payload },
        }
    }

    /// The frame a device would send.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Done(payload) => encode_frame(1, payload),
            Self::UnknownCommand(payload) => encode_frame(3, payload),
            Self::Malformed => encode_frame(4, &[0xaa, 0xaa]),
            Self::Error(payload) => encode_frame(4, payload),
            Self::Ping(version) => encode_frame(5, &version.0.to_le_bytes()),
            Self::Get(value) => value.encode(7),
            Self::Set(value) => value.encode(8),
            Self::Async(value) => value.encode(10),
            Self::Other { command, payload } => encode_frame(*command, payload),
        }
    }

    /// The value of a register, whatever made the device send it.
    #[must_use]
    pub fn value(&self) -> Option<Value<'a>> {
        match *self {
            Self::Get(value) | Self::Set(value) | Self::Async(value) => Some(value),
            _ => None,
        }
    }

    /// The number in an answer of two bytes: a product id if that was asked for.
    #[must_use]
    pub fn word(&self) -> Option<u16> {
        match *self {
            Self::Done([low, high]) => Some(u16::from_le_bytes([*low, *high])),
            _ => None,
        }
    }
}

/// The value of a register as it is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// Which register.
    pub register: u16,
    /// Whether there is a value at all.
    pub flags: Flags,
    /// The value, little endian.
    pub bytes: &'a [u8],
}

impl<'a> Value<'a> {
    /// A value without flags.
    #[must_use]
    pub fn new(register: u16, bytes: &'a [u8]) -> Self {
        Self {
            register,
            flags: Flags(0),
            bytes,
        }
    }

    fn read(payload: &'a [u8]) -> Option<Self> {
        let (head, bytes) = payload.split_first_chunk::<3>()?;
        let [low, high, flags] = *head;
        Some(Self {
            register: u16::from_le_bytes([low, high]),
            flags: Flags(flags),
            bytes,
        })
    }

    fn encode(&self, command: u8) -> Vec<u8> {
        let [low, high] = self.register.to_le_bytes();
        let head = [low, high, self.flags.0];
        encode_frame(command, &[&head, self.bytes].concat())
    }
}

/// What was wrong with a question about a register; 0 if nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// The device has no such register.
    pub const UNKNOWN_ID: Self = Self(0x01);
    /// The register cannot be read, or not be written.
    pub const NOT_SUPPORTED: Self = Self(0x02);
    /// The value does not fit; or a day without history.
    pub const PARAMETER: Self = Self(0x04);

    /// Nothing was wrong.
    #[must_use]
    pub fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// Whether these bits are all set.
    #[must_use]
    pub fn has(self, bits: Self) -> bool {
        self.0 & bits.0 == bits.0
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (Self::UNKNOWN_ID, "unknown register"),
            (Self::NOT_SUPPORTED, "not supported"),
            (Self::PARAMETER, "no such value"),
        ];
        let words = words.iter().filter(|(bits, _)| self.has(*bits));
        let words: Vec<&str> = words.map(|(_, word)| *word).collect();
        match (self.0, words.is_empty()) {
            (0, _) => f.write_str("ok"),
            (bits, true) => write!(f, "flags {bits:#04x}"),
            (_, false) => f.write_str(&words.join(", ")),
        }
    }
}

/// The version of a firmware: two bits of kind, the rest reads in hex like a number, 0x4116 is 1.16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version(pub u16);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:02x}", self.0 >> 8 & 0x3f, self.0 & 0xff)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frame::Collector;
    use super::*;

    fn with_frame<T>(text: &str, read: impl FnOnce(Frame<'_>) -> T) -> T {
        let mut collector = Collector::default();
        read(Frame::parse(text.as_bytes(), &mut collector).unwrap())
    }

    #[test]
    fn questions_are_written_as_devices_expect_them() {
        let text = |request: Request| String::from_utf8(request.encode()).unwrap();
        assert_eq!(text(Request::Ping), ":154\n");
        assert_eq!(text(Request::Version), ":352\n");
        assert_eq!(text(Request::Product), ":451\n");
        assert_eq!(text(Request::Get(0xedf0)), ":7F0ED0071\n");
        assert_eq!(
            text(Request::Set(0xedf0, vec![0x64, 0])),
            ":8F0ED0064000C\n"
        );
    }

    #[test]
    fn answers_are_told_apart() {
        with_frame(":51641F9", |frame| match Answer::decode(&frame) {
            Answer::Ping(version) => assert_eq!(version.to_string(), "1.16"),
            other => panic!("{other:?}"),
        });
        let word = |frame: Frame<'_>| Answer::decode(&frame).word();
        assert_eq!(with_frame(":1000351", word), Some(0x0300));
        assert!(with_frame(":4AAAAFD", |frame| {
            Answer::decode(&frame) == Answer::Malformed
        }));
        with_frame(":7F0ED009600DB\n", |frame| {
            let value = Answer::decode(&frame).value().unwrap();
            assert_eq!(
                (value.register, value.bytes),
                (0xedf0, [0x96, 0].as_slice())
            );
            assert!(value.flags.is_ok());
        });
    }

    #[test]
    fn flags_are_told_in_words() {
        assert_eq!(Flags(0).to_string(), "ok");
        assert_eq!(Flags(3).to_string(), "unknown register, not supported");
        assert_eq!(Flags(0x40).to_string(), "flags 0x40");
    }

    proptest! {
        #[test]
        fn frames_come_back_as_they_were_written(
            command in 0..16_u8,
            payload in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let bytes = encode_frame(command, &payload);
            let mut collector = Collector::default();
            let frame = Frame::parse(&bytes, &mut collector).unwrap();
            prop_assert_eq!((frame.command, frame.payload), (command, payload.as_slice()));
            prop_assert_eq!(Answer::decode(&frame).encode(), bytes);
        }

        #[test]
        fn questions_come_back_as_they_were_asked(
            register in any::<u16>(),
            value in proptest::collection::vec(any::<u8>(), 0..8),
        ) {
            for request in [Request::Ping, Request::Get(register), Request::Set(register, value)] {
                let bytes = request.encode();
                let mut collector = Collector::default();
                let frame = Frame::parse(&bytes, &mut collector).unwrap();
                prop_assert_eq!(Request::decode(&frame), Some(request));
            }
        }
    }
}
