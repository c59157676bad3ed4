//! The data notification: what a telegram in clear looks like, both directions.
//!
//! | Offset | Size | Meaning |
//! |---|---|---|
//! | 0 | 1 | `0F` |
//! | 1 | 4 | long invoke id and priority: a number of the message, some bits in front |
//! | 5 | 13 | `0C` and a moment: see [`super::time`] |
//! | | 14 | or `09 0C` and a moment |
//! | | 1 | or `00`, none |
//! | .. | .. | one value that takes all the rest: see [`super::axdr`] |

use super::axdr::{AxdrError, Data, Problem};
use super::time::{LENGTH, MeterTime};

/// First byte.
pub const TAG: u8 = 0x0f;
/// Where the moment begins.
pub const TIME: usize = 5;

/// A telegram in clear.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// Long invoke id and priority, as it came.
    pub invoke: u32,
    /// The moment in its head.
    pub time: HeaderTime,
    /// The values.
    pub data: Data,
}

/// The moment in the head of a telegram, in one of the ways to write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderTime {
    /// None, one byte `00`.
    Absent,
    /// Length and bytes.
    Bare(MeterTime),
    /// Tag, length and bytes.
    Tagged(MeterTime),
}

impl HeaderTime {
    /// The moment, if there is one.
    pub const fn moment(self) -> Option<MeterTime> {
        match self {
            Self::Absent => None,
            Self::Bare(time) | Self::Tagged(time) => Some(time),
        }
    }

    /// Bytes it takes.
    pub const fn length(self) -> usize {
        match self {
            Self::Absent => 1,
            Self::Bare(_) => 1 + LENGTH,
            Self::Tagged(_) => 2 + LENGTH,
        }
    }
}

/// The bytes are no data notification. Offsets are from its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotificationError {
    /// No bytes.
    #[error("the telegram is empty")]
    Empty,
    /// Another first byte.
    #[error("the telegram begins with {0:02x}, not 0f")]
    Begin(u8),
    /// The head ends too early.
    #[error("the telegram ends within its head, after {0} bytes")]
    CutOff(usize),
    /// Neither a moment nor its absence.
    #[error("byte {TIME} of the telegram is {0:02x}, which begins no time")]
    NoTime(u8),
    /// The moment has fields that no clock shows.
    #[error("the time in the head of the telegram is none")]
    Time,
    /// No value behind the head.
    #[error("at byte {offset} of the telegram: {problem}")]
    Data {
        /// Where.
        offset: usize,
        /// What.
        problem: Problem,
    },
    /// Bytes behind the value.
    #[error("from byte {offset} of the telegram, {length} bytes are left over")]
    Tail {
        /// Where they begin.
        offset: usize,
        /// How many.
        length: usize,
    },
}

impl Notification {
    /// Reads a whole telegram, to its last byte.
    ///
    /// # Errors
    ///
    /// Anything that does not fit. Bytes decrypted with a wrong key practically never fit.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotificationError> {
        let (invoke, time) = head(bytes)?;
        let offset = TIME + time.length();
        let rest = bytes.get(offset..).unwrap_or_default();
        let (data, took) =
            Data::decode(rest).map_err(|error: AxdrError| NotificationError::Data {
                offset: offset + error.offset,
                problem: error.problem,
            })?;
        if took < rest.len() {
            return Err(NotificationError::Tail {
                offset: offset + took,
                length: rest.len() - took,
            });
        }
        Ok(Self { invoke, time, data })
    }

    /// The telegram as it is written on the wire.
    pub fn encode(&self) -> Vec<u8> {
        notification(self.invoke, self.time, &self.data)
    }
}

/// The head of a telegram.
pub fn head(bytes: &[u8]) -> Result<(u32, HeaderTime), NotificationError> {
    let cut_off = NotificationError::CutOff(bytes.len());
    match bytes.first() {
        Some(&TAG) => {}
        Some(other) => return Err(NotificationError::Begin(*other)),
        None => return Err(NotificationError::Empty),
    }
    let after = bytes.get(1..).unwrap_or_default();
    let (invoke, after) = after.split_first_chunk().ok_or(cut_off)?;
    let moment = |bytes: &[u8]| {
        let bytes = bytes.first_chunk().ok_or(cut_off)?;
        let time = MeterTime::from_bytes(*bytes);
        let plausible = time.is_plausible().then_some(time);
        plausible.ok_or(NotificationError::Time)
    };
    let time = match after {
        [] | [0x09] => return Err(cut_off),
        [0x00, ..] => HeaderTime::Absent,
        [0x0c, rest @ ..] => HeaderTime::Bare(moment(rest)?),
        [0x09, 0x0c, rest @ ..] => HeaderTime::Tagged(moment(rest)?),
        [other, ..] => return Err(NotificationError::NoTime(*other)),
    };
    Ok((u32::from_be_bytes(*invoke), time))
}

/// Builds a telegram, for simulators and tests.
pub fn notification(invoke: u32, time: HeaderTime, data: &Data) -> Vec<u8> {
    let mut bytes = vec![TAG];
    bytes.extend(invoke.to_be_bytes());
    match time {
        HeaderTime::Absent => bytes.push(0x00),
        HeaderTime::Bare(moment) => {
            bytes.push(0x0c);
            bytes.extend(moment.to_bytes());
        }
        HeaderTime::Tagged(moment) => {
            bytes.extend([0x09, 0x0c]);
            bytes.extend(moment.to_bytes());
        }
    }
    data.encode(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::time::ClockStatus;
    use super::*;
    use proptest::prelude::*;

    fn noon() -> MeterTime {
        let local = jiff::civil::date(2025, 6, 1).at(12, 0, 0, 0);
        MeterTime::new(local, Some(-120), ClockStatus(0x80))
    }

    #[test]
    fn each_way_to_write_the_time_is_read() {
        for time in [
            HeaderTime::Absent,
            HeaderTime::Bare(noon()),
            HeaderTime::Tagged(noon()),
        ] {
            let data = Data::Structure(vec![Data::u32(7)]);
            let bytes = notification(0x8000_0001, time, &data);
            let read = Notification::parse(&bytes).unwrap();
            assert_eq!(
                (read.invoke, read.time, &read.data),
                (0x8000_0001, time, &data)
            );
            assert_eq!(read.encode(), bytes);
            for cut in 0..bytes.len() {
                Notification::parse(&bytes[..cut]).unwrap_err();
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        let good = notification(1, HeaderTime::Absent, &Data::u16(5));
        let with = |index: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[index] = value;
            Notification::parse(&bytes).unwrap_err()
        };
        assert_eq!(with(0, 0x10), NotificationError::Begin(0x10));
        assert_eq!(with(5, 0x55), NotificationError::NoTime(0x55));
        let problem = Problem::UnknownTag(0x55);
        assert_eq!(
            with(6, 0x55),
            NotificationError::Data { offset: 6, problem }
        );
        assert_eq!(
            with(6, 0x11),
            NotificationError::Tail {
                offset: 8,
                length: 1
            }
        );
        let mut bytes = notification(1, HeaderTime::Bare(noon()), &Data::u16(5));
        bytes[8] = 13;
        assert_eq!(Notification::parse(&bytes), Err(NotificationError::Time));
    }

    proptest! {
        #[test]
        fn noise_is_refused_and_nothing_panics(bytes in prop::collection::vec(any::<u8>(), 60..300)) {
            prop_assert!(Notification::parse(&bytes).is_err());
        }
    }
}
