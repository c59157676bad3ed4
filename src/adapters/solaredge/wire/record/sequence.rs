//! Records one after the other, as they stand in the data of a frame: type, id, length of the body, body.

use super::super::serial::Serial;
use super::battery::{self, Battery};
use super::event::{self, EventRecord};
use super::field::{FieldShown, u16_at, u32_at};
use super::inventory::{self, Inventory, MeterListed};
use super::inverter::{self, Inverter};
use super::meter::{self, MeterRecord};
use super::optimizer::{self, Optimizer};

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<'a> {
    /// An inverter.
    Inverter(Inverter),
    /// An optimizer.
    Optimizer(Optimizer),
    /// A meter.
    Meter(MeterRecord),
    /// A battery.
    Battery(Battery),
    /// An event.
    Event(EventRecord),
    /// Which meters there are.
    Meters(Inventory<MeterListed>),
    /// Which optimizers are paired.
    Optimizers(Inventory<Serial>),
    /// Anything else.
    Unknown {
        /// Its type.
        kind: u16,
        /// Whose it is.
        id: u32,
        /// Seconds since 1970, if it is long enough to say.
        at: Option<u32>,
        /// All of its body.
        body: &'a [u8],
    },
}

/// Why the rest of telemetry cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A record says that it is longer than what is left.
    #[error(
        "byte {offset}: a record of type {kind:#06x} says it has {length} bytes, and {left} are left"
    )]
    Cut {
        /// Where the record begins.
        offset: usize,
        /// Its type.
        kind: u16,
        /// What it says.
        length: u16,
        /// What there is.
        left: usize,
    },
    /// Too few bytes for the beginning of one.
    #[error("byte {offset}: {left} bytes are left, too few for a record")]
    Rest {
        /// Where.
        offset: usize,
        /// How many.
        left: usize,
    },
}

/// A record as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// Its type.
    pub kind: u16,
    /// Whose it is.
    pub id: u32,
    /// All of its body.
    pub body: &'a [u8],
}

/// How many bytes stand before the body.
const HEADER: usize = 8;

/// The records in the data of a telemetry frame. After an error nothing more comes.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    /// Those in this data.
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// Where the next one begins in the data.
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// The next one as it is.
    pub fn next_raw(&mut self) -> Option<Result<RawRecord<'a>, Unreadable>> {
        let offset = self.at;
        let rest = self.data.get(offset..).filter(|rest| !rest.is_empty())?;
        // Whatever is wrong here, nobody knows where another one begins.
        self.at = self.data.len();
        let header = || Some((u16_at(rest, 0)?, u32_at(rest, 2)?, u16_at(rest, 6)?));
        let left = rest.len();
        let Some((kind, id, length)) = header() else {
            return Some(Err(Unreadable::Rest { offset, left }));
        };
        let body = rest.get(HEADER..).unwrap_or_default();
        let Some(body) = body.get(..usize::from(length)) else {
            return Some(Err(Unreadable::Cut {
                offset,
                kind,
                length,
                left: body.len(),
            }));
        };
        self.at = offset + HEADER + body.len();
        Some(Ok(RawRecord { kind, id, body }))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        let raw = self.next_raw()?;
        Some(raw.map(|raw| Record::of_body(raw.kind, raw.id, raw.body)))
    }
}

impl<'a> Record<'a> {
    /// The record of this type, by its body alone, whatever its header says of its length.
    pub fn of_body(kind: u16, id: u32, body: &'a [u8]) -> Self {
        let decoded = match kind {
            inverter::ONE_PHASE | inverter::THREE_PHASES => {
                Inverter::decode(kind, id, body).map(Self::Inverter)
            }
            optimizer::OLD | optimizer::PACKED | optimizer::PACKED_LONG => {
                Optimizer::decode(kind, id, body).map(Self::Optimizer)
            }
            meter::METER => MeterRecord::decode(id, body).map(Self::Meter),
            battery::BATTERY => Battery::decode(id, body).map(Self::Battery),
            event::EVENT => EventRecord::decode(id, body).map(Self::Event),
            inventory::METERS => Inventory::<MeterListed>::decode(id, body).map(Self::Meters),
            inventory::OPTIMIZERS => Inventory::<Serial>::decode(id, body).map(Self::Optimizers),
            _ => None,
        };
        decoded.unwrap_or(Self::Unknown {
            kind,
            id,
            at: u32_at(body, 0),
            body,
        })
    }

    /// When it is of, in seconds since 1970.
    pub fn at(&self) -> Option<u32> {
        match self {
            Self::Inverter(it) => Some(it.at),
            Self::Optimizer(it) => Some(it.at),
            Self::Meter(it) => Some(it.at),
            Self::Battery(it) => Some(it.at),
            Self::Event(it) => Some(it.at),
            Self::Meters(it) => Some(it.at),
            Self::Optimizers(it) => Some(it.at),
            Self::Unknown { at, .. } => *at,
        }
    }

    /// Its type.
    pub fn kind(&self) -> u16 {
        match self {
            Self::Inverter(it) => it.kind(),
            Self::Optimizer(it) => it.kind,
            Self::Meter(_) => meter::METER,
            Self::Battery(_) => battery::BATTERY,
            Self::Event(_) => event::EVENT,
            Self::Meters(_) => inventory::METERS,
            Self::Optimizers(_) => inventory::OPTIMIZERS,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    /// Whose it is, as sent.
    pub fn id(&self) -> u32 {
        match self {
            Self::Inverter(it) => it.id,
            Self::Optimizer(it) => it.serial.0,
            Self::Meter(it) => it.id,
            Self::Battery(it) => it.id,
            Self::Event(it) => it.id,
            Self::Meters(it) => it.id,
            Self::Optimizers(it) => it.id,
            Self::Unknown { id, .. } => *id,
        }
    }

    /// Appends its bytes, with header. Of a body that is longer than a record can say, the beginning.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let mut body = Vec::new();
        match self {
            Self::Inverter(it) => it.encode(&mut body),
            Self::Optimizer(it) => it.encode(&mut body),
            Self::Meter(it) => it.encode(&mut body),
            Self::Battery(it) => it.encode(&mut body),
            Self::Event(it) => it.encode(&mut body),
            Self::Meters(it) => it.encode(&mut body),
            Self::Optimizers(it) => it.encode(&mut body),
            Self::Unknown { body: own, .. } => body.extend_from_slice(own),
        }
        let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
        body.truncate(usize::from(length));
        bytes.extend_from_slice(&self.kind().to_le_bytes());
        bytes.extend_from_slice(&self.id().to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.append(&mut body);
    }
}

/// What a type of record is called.
pub fn kind_name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        inverter::ONE_PHASE => "inverter, one phase",
        inverter::THREE_PHASES => "inverter, three phases",
        optimizer::OLD => "optimizer, old",
        0x0001 => "string",
        0x0002 => "cluster",
        optimizer::PACKED | optimizer::PACKED_LONG => "optimizer",
        0x0012..=0x0015 => "combiner box",
        0x0017 | 0x0018 => "inverter, daily",
        meter::METER => "meter",
        battery::BATTERY => "battery",
        0x0040 | 0x0041 => "storage",
        inventory::METERS => "list of meters",
        inventory::OPTIMIZERS => "list of optimizers",
        event::EVENT => "event",
        _ => return None,
    })
}

/// The fields of a body of this type, in words; nothing of a type that is not known.
pub fn fields_of_body(kind: u16, body: &[u8]) -> Vec<FieldShown> {
    match kind {
        inverter::ONE_PHASE | inverter::THREE_PHASES => inverter::show(kind, body),
        optimizer::OLD | optimizer::PACKED | optimizer::PACKED_LONG => optimizer::show(kind, body),
        meter::METER => meter::show(body),
        battery::BATTERY => battery::show(body),
        event::EVENT => event::show(body),
        inventory::METERS => inventory::show_meters(body),
        inventory::OPTIMIZERS => inventory::show_optimizers(body),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(at: u32) -> Record<'static> {
        Record::Event(EventRecord {
            id: 0x7f12_3456,
            at,
            kind: event::EventKind::Unknown(7),
        })
    }

    #[test]
    fn records_follow_each_other_until_one_is_cut() {
        let unknown = Record::Unknown {
            kind: 0x0041,
            id: 5,
            at: None,
            body: &[1, 2, 3],
        };
        let mut data = Vec::new();
        for record in [&event(1), &unknown, &event(2)] {
            record.encode(&mut data);
        }
        let all: Vec<_> = Records::new(&data).collect();
        assert_eq!(all, [Ok(event(1)), Ok(unknown.clone()), Ok(event(2))]);
        let cut: Vec<_> = Records::new(&data[..data.len() - 1]).collect();
        let error = Unreadable::Cut {
            offset: 47,
            kind: 0x0300,
            length: 28,
            left: 27,
        };
        assert_eq!(cut, [Ok(event(1)), Ok(unknown.clone()), Err(error)]);
        let rest: Vec<_> = Records::new(&data[..54]).collect();
        let error = Unreadable::Rest {
            offset: 47,
            left: 7,
        };
        assert_eq!(rest, [Ok(event(1)), Ok(unknown), Err(error)]);
    }

    #[test]
    fn a_body_that_is_too_short_is_kept_as_it_is() {
        for kind in [0, 0x10, 0x11, 0x22, 0x30, 0x42, 0x43, 0x80, 0x82, 0x300] {
            let record = Record::of_body(kind, 9, &[1, 2, 3]);
            let expected = Record::Unknown {
                kind,
                id: 9,
                at: None,
                body: &[1, 2, 3],
            };
            assert_eq!(record, expected);
            assert_eq!((record.kind(), record.id(), record.at()), (kind, 9, None));
        }
        let string = Record::of_body(1, 9, &[1, 0, 0, 0, 5]);
        assert!(matches!(string, Record::Unknown { at: Some(1), .. }));
    }

    fn kind() -> impl Strategy<Value = u16> {
        let known = [
            0_u16, 0x10, 0x11, 0x22, 0x30, 0x42, 0x43, 0x80, 0x82, 0x300, 0x41,
        ];
        proptest::sample::select(known.to_vec())
    }

    proptest! {
        #[test]
        fn any_body_is_a_record(
            kind in kind(), id: u32, body in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let record = Record::of_body(kind, id, &body);
            prop_assert_eq!(record.kind(), kind);
            prop_assert_eq!(record.id(), id);
            prop_assert_eq!(record.at(), u32_at(&body, 0));
            for field in fields_of_body(kind, &body) {
                prop_assert!(field.at + field.size <= body.len());
            }
        }

        /// What is decoded of any bytes, and what was written of that, say the same.
        #[test]
        fn what_was_decoded_is_written_and_read(
            kind in kind(), id: u32, body in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let record = Record::of_body(kind, id, &body);
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            let again = Records::new(&bytes).next().and_then(Result::ok);
            let again = again.expect("what was written can be read");
            match (&record, &again) {
                // Packed steps have no word for "not there".
                (Record::Optimizer(_), _) if kind >= 0x80 => {}
                (Record::Inverter(one), Record::Inverter(two)) => prop_assert_eq!(one, two),
                _ => prop_assert_eq!(&record, &again),
            }
        }

        #[test]
        fn any_data_ends(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            let records: Vec<_> = Records::new(&data).collect();
            let errors = records.iter().filter(|record| record.is_err()).count();
            prop_assert!(errors <= 1);
            prop_assert!(records.len() <= data.len() / HEADER + 1);
        }
    }
}
