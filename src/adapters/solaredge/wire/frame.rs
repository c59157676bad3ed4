//! Frames.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 4 | barker `12 34 56 79` |
//! | 4 | 2 | length N of the data |
//! | 6 | 2 | the same, every bit inverted |
//! | 8 | 2 | sequence number |
//! | 10 | 4 | source |
//! | 14 | 4 | destination |
//! | 18 | 2 | function |
//! | 20 | N | data |
//! | 20+N | 2 | checksum |
//!
//! All numbers are little endian. Sources: the field's tools named in [`super`], and Wireshark's dissector.

use super::crc::checksum;
use super::serial::Serial;

/// Addresses that are no unit's.
pub mod address {
    /// The monitoring server, or the master of an RS-485 line.
    pub const SERVER: u32 = 0xffff_fffe;
    /// A configuration tool; also what the server's sealed messages come from.
    pub const TOOL: u32 = 0xffff_fffd;
    /// Everybody.
    pub const BROADCAST: u32 = 0xffff_ffff;

    /// Whether this is not the address of a unit.
    pub const fn is_special(address: u32) -> bool {
        address >= 0xffff_ff00
    }
}

/// Function codes that matter.
pub mod function {
    /// To the unit: sets one parameter.
    pub const SET_PARAMETER: u16 = 0x0011;
    /// To the unit: asks for parameters.
    pub const GET_PARAMETERS: u16 = 0x0012;
    /// A frame, sealed.
    pub const SEALED: u16 = 0x003d;
    /// Yes.
    pub const ACK: u16 = 0x0080;
    /// No.
    pub const NACK: u16 = 0x0081;
    /// The answer with the values of parameters.
    pub const PARAMETERS: u16 = 0x0090;
    /// From the unit: telemetry, or nothing.
    pub const TELEMETRY: u16 = 0x0500;
    /// From the unit: asks for the time.
    pub const GET_TIME: u16 = 0x0501;
    /// From the unit: a new session key.
    pub const SESSION_KEY: u16 = 0x0503;
    /// The answer with the time.
    pub const TIME: u16 = 0x0580;

    /// Those that are met on these connections, and on the line between inverters.
    const NAMES: &[(u16, &str)] = &[
        (0x0010, "reset parameters"),
        (SET_PARAMETER, "set parameter"),
        (GET_PARAMETERS, "get parameters"),
        (0x0013, "get parameter info"),
        (0x0014, "get parameter name"),
        (0x0015, "get number of parameters"),
        (0x0016, "get all parameters"),
        (0x0017, "set all parameters"),
        (0x0018, "set parameter without saving"),
        (0x0019, "save parameters"),
        (0x001e, "get volatile parameters"),
        (0x001f, "set volatile parameter"),
        (0x0020, "upgrade: start"),
        (0x0021, "upgrade: write"),
        (0x0022, "upgrade: finish"),
        (0x0030, "reset"),
        (0x0033, "get version"),
        (0x0034, "get device type"),
        (SEALED, "sealed"),
        (ACK, "yes"),
        (NACK, "no"),
        (PARAMETERS, "values of parameters"),
        (0x0091, "parameter info"),
        (0x0092, "parameter name"),
        (0x0093, "number of parameters"),
        (0x0094, "all parameters"),
        (0x00b0, "version"),
        (0x00b1, "device type"),
        (0x0302, "the line is yours"),
        (0x0303, "set clock"),
        (0x0322, "get energy statistics"),
        (0x0329, "block server control"),
        (0x032a, "get server control"),
        (0x0337, "read display"),
        (0x0338, "press button"),
        (0x0347, "get status"),
        (0x038d, "energy statistics"),
        (0x0398, "display"),
        (0x039a, "the line is free"),
        (0x039f, "status"),
        (TELEMETRY, "telemetry"),
        (GET_TIME, "get time"),
        (0x0502, "get server name"),
        (SESSION_KEY, "session key"),
        (TIME, "time"),
        (0x0581, "server name"),
    ];

    /// What a function is called.
    pub fn name(function: u16) -> Option<&'static str> {
        let found = NAMES.binary_search_by_key(&function, |(code, _)| *code);
        found
            .ok()
            .and_then(|at| NAMES.get(at))
            .map(|(_, name)| *name)
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn names_are_in_order_of_their_codes() {
            assert!(super::NAMES.is_sorted_by_key(|(code, _)| *code));
            assert_eq!(super::name(0x0500), Some("telemetry"));
            assert_eq!(super::name(0x0010), Some("reset parameters"));
            assert_eq!(super::name(0x4288), None);
        }
    }
}

/// What each frame begins with.
pub const BARKER: [u8; 4] = [0x12, 0x34, 0x56, 0x79];
/// How many bytes of a frame are not data: 20 before it, 2 behind.
pub const OVERHEAD: usize = 22;
const BEFORE_DATA: usize = 20;

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarkerFrame<'a> {
    /// The answer to a request repeats its number.
    pub sequence: u16,
    /// Who sends it.
    pub source: u32,
    /// To whom.
    pub destination: u32,
    /// What it is.
    pub function: u16,
    /// What it carries.
    pub data: &'a [u8],
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It does not begin as one.
    #[error("this is not the beginning of a frame")]
    NoBarker,
    /// The length and its inverse do not belong together, or no frame is as long here.
    #[error("the length cannot be right")]
    Length,
    /// It ends too early.
    #[error("the frame is not whole")]
    Short,
    /// There is something behind it.
    #[error("there is something behind the frame")]
    Long,
    /// It is damaged.
    #[error("the checksum does not fit")]
    Checksum,
}

impl BarkerFrame<'_> {
    /// The unit that sends it; `None` for the server's side.
    pub fn unit(&self) -> Option<Serial> {
        (!address::is_special(self.source)).then(|| Serial::of_inverter(self.source))
    }

    /// Appends its bytes. Of data that is longer than a frame can say, the beginning.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let length = u16::try_from(self.data.len()).unwrap_or(u16::MAX);
        let data = self.data.get(..usize::from(length)).unwrap_or(self.data);
        bytes.reserve(data.len() + OVERHEAD);
        bytes.extend_from_slice(&BARKER);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&(!length).to_le_bytes());
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.source.to_le_bytes());
        bytes.extend_from_slice(&self.destination.to_le_bytes());
        bytes.extend_from_slice(&self.function.to_le_bytes());
        bytes.extend_from_slice(data);
        let crc = checksum(
            self.sequence,
            self.source,
            self.destination,
            self.function,
            data,
        );
        bytes.extend_from_slice(&crc.to_le_bytes());
    }
}

impl<'a> BarkerFrame<'a> {
    /// The frame that these bytes are, no more and no less.
    pub fn exactly(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let total = Self::total(bytes, usize::MAX)?;
        match total {
            Some(total) if bytes.len() > total => Err(FrameError::Long),
            Some(total) if bytes.len() == total => Self::whole(bytes),
            _ => Err(FrameError::Short),
        }
    }

    /// How long a frame is that begins here, as soon as it says; not if it has more data than this.
    pub fn total(bytes: &[u8], most: usize) -> Result<Option<usize>, FrameError> {
        let Some((barker, rest)) = bytes.split_first_chunk() else {
            let is_beginning = BARKER.starts_with(bytes);
            return is_beginning.then_some(None).ok_or(FrameError::NoBarker);
        };
        if *barker != BARKER {
            return Err(FrameError::NoBarker);
        }
        let Some([n0, n1, i0, i1]) = rest.first_chunk().copied() else {
            return Ok(None);
        };
        let (length, inverse) = (u16::from_le_bytes([n0, n1]), u16::from_le_bytes([i0, i1]));
        let data = usize::from(length);
        if length != !inverse || data > most {
            return Err(FrameError::Length);
        }
        Ok(Some(data + OVERHEAD))
    }

    /// The frame that these bytes are, whose length is known to be right.
    pub fn whole(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (frame, crc) = Self::unchecked(bytes).ok_or(FrameError::Short)?;
        let is_right = crc
            == checksum(
                frame.sequence,
                frame.source,
                frame.destination,
                frame.function,
                frame.data,
            );
        is_right.then_some(frame).ok_or(FrameError::Checksum)
    }

    /// The frame that these bytes are, damaged or not, and the checksum it came with.
    pub fn unchecked(bytes: &'a [u8]) -> Option<(Self, u16)> {
        let (head, rest) = bytes.split_first_chunk::<BEFORE_DATA>()?;
        let (data, crc) = rest.split_last_chunk()?;
        let [
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            q0,
            q1,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
            f0,
            f1,
        ] = *head;
        let frame = Self {
            sequence: u16::from_le_bytes([q0, q1]),
            source: u32::from_le_bytes([s0, s1, s2, s3]),
            destination: u32::from_le_bytes([d0, d1, d2, d3]),
            function: u16::from_le_bytes([f0, f1]),
            data,
        };
        Some((frame, u16::from_le_bytes(*crc)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EMPTY: [u8; 22] = [
        0x12, 0x34, 0x56, 0x79, 0, 0, 0xff, 0xff, 0x27, 0x02, 0xef, 0xbe, 0xad, 0xde, 0xfe, 0xff,
        0xff, 0xff, 0x00, 0x05, 0xb3, 0x20,
    ];

    #[test]
    fn an_empty_frame_is_read_and_written() {
        let frame = BarkerFrame {
            sequence: 0x0227,
            source: 0xdead_beef,
            destination: address::SERVER,
            function: function::TELEMETRY,
            data: &[],
        };
        assert_eq!(BarkerFrame::exactly(&EMPTY), Ok(frame));
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        assert_eq!(bytes, EMPTY);
        assert_eq!(frame.unit(), Some(Serial(0xde2d_beef)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let with = |at: usize, byte: u8| {
            let mut bytes = EMPTY;
            bytes[at] = byte;
            BarkerFrame::exactly(&bytes).map(|_| ())
        };
        assert_eq!(with(3, 0x78), Err(FrameError::NoBarker));
        assert_eq!(with(6, 0xfe), Err(FrameError::Length));
        assert_eq!(with(12, 0), Err(FrameError::Checksum));
        for end in 0..22 {
            assert_eq!(BarkerFrame::exactly(&EMPTY[..end]), Err(FrameError::Short));
        }
        let long = [&EMPTY[..], &[0]].concat();
        assert_eq!(BarkerFrame::exactly(&long), Err(FrameError::Long));
    }

    #[test]
    fn data_that_is_too_long_is_cut_and_the_frame_is_still_one() {
        let data = vec![7; 70_000];
        let frame = BarkerFrame {
            sequence: 1,
            source: 2,
            destination: 3,
            function: 4,
            data: &data,
        };
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        assert_eq!(
            BarkerFrame::exactly(&bytes).map(|it| it.data.len()),
            Ok(65535)
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            sequence: u16, source: u32, destination: u32, function: u16,
            data in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let frame = BarkerFrame { sequence, source, destination, function, data: &data };
            let mut bytes = Vec::new();
            frame.encode(&mut bytes);
            prop_assert_eq!(BarkerFrame::exactly(&bytes), Ok(frame));
        }
    }
}
