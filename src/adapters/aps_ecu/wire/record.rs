//! One inverter in a telemetry answer.
//!
//! | Offset | Size | Kind | Meaning |
//! |---|---|---|---|
//! | 0 | 6 | BCD | id of the inverter |
//! | 6 | 1 | u8 | 1 = answered in the last cycle |
//! | 7 | 2 | ASCII | record type |
//! | 9 | 2 | u16 | grid frequency, tenths of Hz |
//! | 11 | 2 | u16 | temperature, degrees C + 100 |
//! | 13 | .. | u16 each | powers in W and voltages in V, in an order that depends on the size |
//!
//! | Size | Types | Order from offset 13 |
//! |---|---|---|
//! | 9 | 00 | nothing, not even frequency and temperature: never heard |
//! | 21 | 01, 04, 05 (sources disagree) | P1 V1 P2 V2 |
//! | 23 | 03 | P1 V P2 P3 P4 |
//! | 27 | 02, 05 (sources disagree) | P1 V1 P2 V2 P3 V3 P4 |
//!
//! A record of another type is read by its size only if what comes out can be; else its bytes are all
//! that is known of it. All ones in a field mean that nothing was measured.

use std::fmt;
use std::ops::Deref;

use super::cursor::Cursor;
use super::ids::Uid;
use super::products::Product;

/// Bytes every record begins with.
pub const HEAD: usize = 9;
pub const TWO: usize = 21;
pub const FOUR: usize = 23;
pub const THREE_PHASE: usize = 27;

/// The two characters that decide the layout of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordType {
    /// `00`: registered but not heard since the gateway started.
    T00,
    /// `01`: two channels, a voltage each.
    T01,
    /// `02`: four channels, three voltages.
    T02,
    /// `03`: four channels, one voltage.
    T03,
    /// `04`: like `01`, of later products.
    T04,
    /// `05`: laid out like `02` or like `01`; the sources disagree, the fit decides.
    T05,
    /// Anything else.
    Other([u8; 2]),
}

impl RecordType {
    /// The type behind two characters.
    #[must_use]
    pub fn from_code(code: [u8; 2]) -> Self {
        match &code {
            b"00" => Self::T00,
            b"01" => Self::T01,
            b"02" => Self::T02,
            b"03" => Self::T03,
            b"04" => Self::T04,
            b"05" => Self::T05,
            _ => Self::Other(code),
        }
    }

    /// Its two characters.
    #[must_use]
    pub fn code(self) -> [u8; 2] {
        match self {
            Self::T00 => *b"00",
            Self::T01 => *b"01",
            Self::T02 => *b"02",
            Self::T03 => *b"03",
            Self::T04 => *b"04",
            Self::T05 => *b"05",
            Self::Other(code) => code,
        }
    }

    /// Whether records of this type and size have been described.
    fn has_size(self, size: usize) -> bool {
        match self {
            Self::T05 => matches!(size, TWO | THREE_PHASE),
            kind => kind.size() == Some(size),
        }
    }

    /// Bytes of such a record, head included; `None` where it is not certain.
    #[must_use]
    pub fn size(self) -> Option<usize> {
        match self {
            Self::T00 => Some(HEAD),
            Self::T01 | Self::T04 => Some(TWO),
            Self::T02 => Some(THREE_PHASE),
            Self::T03 => Some(FOUR),
            Self::T05 | Self::Other(_) => None,
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code().escape_ascii())
    }
}

/// Up to four numbers, read like a slice; no heap is touched for them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Quad {
    length: usize,
    /// Places from `length` on stay 0, so that equality is derived.
    values: [u16; 4],
}

impl Quad {
    /// Takes the first four numbers of a slice.
    #[must_use]
    pub fn new(values: &[u16]) -> Self {
        let mut quad = Self::default();
        for (slot, value) in quad.values.iter_mut().zip(values) {
            *slot = *value;
            quad.length += 1;
        }
        quad
    }
}

impl Deref for Quad {
    type Target = [u16];

    fn deref(&self) -> &[u16] {
        self.values.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Debug for Quad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What an inverter measured, as sent. Of an inverter that is offline these are placeholders: ask
/// the methods of [`Record`] instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body {
    /// Grid frequency in tenths of Hz.
    pub frequency_dhz: u16,
    /// Temperature in degrees C, plus 100.
    pub temperature_raw: u16,
    /// Power of each channel in W: two or four.
    pub power_w: Quad,
    /// Grid voltages in V: one, two or three.
    pub voltage_v: Quad,
}

impl Body {
    /// Reads the body of a record of a known size; `None` for any other size.
    fn decode(record: &[u8]) -> Option<Self> {
        let mut fields = Cursor::new(record.get(HEAD..)?);
        let (frequency_dhz, temperature_raw) = (fields.u16()?, fields.u16()?);
        let mut next = || fields.u16().unwrap_or(0);
        let (power_w, voltage_v) = match record.len() {
            TWO => {
                let [p1, v1, p2, v2] = std::array::from_fn(|_| next());
                (Quad::new(&[p1, p2]), Quad::new(&[v1, v2]))
            }
            FOUR => {
                let [p1, v, p2, p3, p4] = std::array::from_fn(|_| next());
                (Quad::new(&[p1, p2, p3, p4]), Quad::new(&[v]))
            }
            THREE_PHASE => {
                let [p1, v1, p2, v2, p3, v3, p4] = std::array::from_fn(|_| next());
                (Quad::new(&[p1, p2, p3, p4]), Quad::new(&[v1, v2, v3]))
            }
            _ => return None,
        };
        Some(Self {
            frequency_dhz,
            temperature_raw,
            power_w,
            voltage_v,
        })
    }

    /// Whether an inverter can have measured this: what a wrong layout makes of the bytes cannot.
    fn is_plausible(&self) -> bool {
        (450..=650).contains(&self.frequency_dhz)
            && (40..=220).contains(&self.temperature_raw)
            && self.power_w.iter().all(|power| *power <= 2000)
            && self.voltage_v.iter().all(|volt| (80..=520).contains(volt))
    }

    /// Nothing but zeros: what firmware writes of an inverter that it has not asked.
    fn is_blank(&self) -> bool {
        self.frequency_dhz == 0
            && matches!(self.temperature_raw, 0 | 100)
            && self.voltage_v.iter().all(|volt| *volt == 0)
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        let power = |channel: usize| self.power_w.get(channel).copied().unwrap_or(0);
        let voltage = |phase: usize| self.voltage_v.get(phase).copied().unwrap_or(0);
        let mut put = |value: u16| bytes.extend_from_slice(&value.to_be_bytes());
        put(self.frequency_dhz);
        put(self.temperature_raw);
        put(power(0));
        put(voltage(0));
        put(power(1));
        if self.power_w.len() <= 2 {
            put(voltage(1));
        } else if self.voltage_v.len() <= 1 {
            put(power(2));
            put(power(3));
        } else {
            put(voltage(1));
            put(power(2));
            put(voltage(2));
            put(power(3));
        }
    }
}

/// One inverter of a telemetry answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub uid: Uid,
    /// Whether it answered in the gateway's last cycle.
    pub online: bool,
    /// Its record type.
    pub kind: RecordType,
    /// Its measurements; `None` for type `00` and for sizes nobody has described.
    pub body: Option<Body>,
    /// All bytes of the record, head included.
    pub raw: Vec<u8>,
}

impl Record {
    /// A record to be sent; `raw` follows from the rest.
    #[must_use]
    pub fn new(uid: Uid, online: bool, kind: RecordType, body: Option<Body>) -> Self {
        let mut record = Self {
            uid,
            online,
            kind,
            body,
            raw: Vec::new(),
        };
        record.raw = record.encode();
        record
    }

    /// Reads a record whose size is known to be the length of `raw`; `None` if that is less than
    /// a head.
    pub fn decode(raw: &[u8]) -> Option<Self> {
        let mut head = Cursor::new(raw);
        let uid = Uid::from_wire(head.array()?);
        let [online] = head.array()?;
        let kind = RecordType::from_code(head.array()?);
        let online = online == 1;
        let certain = kind.has_size(raw.len());
        let makes_sense =
            |body: &Body| certain || body.is_plausible() || (!online && body.is_blank());
        Some(Self {
            uid,
            online,
            kind,
            body: Body::decode(raw).filter(makes_sense),
            raw: raw.to_vec(),
        })
    }

    /// Whether the layout of its type, at its size, has been described.
    #[must_use]
    pub fn is_described(&self) -> bool {
        self.kind.has_size(self.raw.len())
    }

    /// The bytes of the record. Without a body, what `raw` holds after the head is sent again.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(THREE_PHASE);
        bytes.extend_from_slice(&self.uid.to_bcd());
        bytes.push(u8::from(self.online));
        bytes.extend_from_slice(&self.kind.code());
        match &self.body {
            Some(body) => body.encode(&mut bytes),
            None => bytes.extend_from_slice(self.raw.get(HEAD..).unwrap_or_default()),
        }
        bytes
    }

    /// Temperature in degrees C; `None` when offline, as the bytes then hold a placeholder.
    #[must_use]
    pub fn temperature_c(&self) -> Option<i32> {
        let raw = measured(self.live()?.temperature_raw)?;
        (raw != 0).then(|| i32::from(raw) - 100)
    }

    /// Grid frequency in tenths of Hz; `None` when offline or not measured.
    #[must_use]
    pub fn frequency_dhz(&self) -> Option<u16> {
        measured(self.live()?.frequency_dhz).filter(|frequency| *frequency != 0)
    }

    /// One of the grid voltages (from 0) in V, see [`VoltageKind`](super::VoltageKind); `None` when
    /// offline or not measured.
    #[must_use]
    pub fn voltage_v(&self, index: usize) -> Option<u16> {
        let voltage = *self.live()?.voltage_v.get(index)?;
        measured(voltage).filter(|voltage| *voltage != 0)
    }

    /// Power of one channel (from 0) in W: 0 when offline, `None` if there is no such channel or it
    /// was not measured.
    #[must_use]
    pub fn channel_power_w(&self, channel: usize) -> Option<u16> {
        let power = *self.body.as_ref()?.power_w.get(channel)?;
        if !self.online {
            return Some(0);
        }
        self.live().and_then(|_| measured(power))
    }

    /// Power of all channels in W: 0 when offline, `None` if one of them is not known.
    #[must_use]
    pub fn total_power_w(&self) -> Option<u32> {
        let channels = 0..self.body.as_ref()?.power_w.len();
        let powers = channels.map(|channel| self.channel_power_w(channel).map(u32::from));
        powers.sum()
    }

    /// The product family, if the id tells it.
    #[must_use]
    pub fn product(&self) -> Option<&'static Product> {
        Product::of(self.uid)
    }

    /// Name of the product or of its family. It follows from the id alone, so that it stays the same
    /// whatever the gateway tells.
    #[must_use]
    pub fn product_name(&self) -> &'static str {
        self.product()
            .map_or("APsystems inverter", |product| product.name)
    }

    /// Number of channels, from the body if there is one, else from the product.
    #[must_use]
    pub fn channels(&self) -> Option<u8> {
        match &self.body {
            Some(body) => u8::try_from(body.power_w.len()).ok(),
            None => self.product().map(|product| product.channels),
        }
    }

    /// What was measured, if anything was.
    fn live(&self) -> Option<&Body> {
        let body = self.body.as_ref().filter(|_| self.online);
        body.filter(|body| !body.is_blank())
    }
}

/// A field, unless it is all ones.
fn measured(field: u16) -> Option<u16> {
    (field != u16::MAX).then_some(field)
}
