//! Where a value stands in the body of a record, how it is written, and what it can be.
//!
//! The layouts are data: the same rows decode, encode and explain a record.

use jiff::Timestamp;

use crate::hex::Hex;

/// "Not available", of numbers of either kind.
const NOT_AVAILABLE: u32 = 0xff7f_ffff;

/// The flag behind a number that is not reported.
const NOT_REPORTED: u64 = 0x8000 << 48;

/// No device measures this little; what is smaller, and is not zero, has lost bits on a line.
const NOISE: f32 = 1e-9;

/// What a value can be. Beyond it what arrived is nonsense, and a wrong value is worse than none.
#[derive(Debug, Clone, Copy)]
pub struct Plausible {
    least: f32,
    most: f32,
    or_zero: bool,
}

impl Plausible {
    /// From here to there.
    pub const fn within(least: f32, most: f32) -> Self {
        Self {
            least,
            most,
            or_zero: false,
        }
    }

    /// Zero too, which is not between them: nothing is measured now.
    pub const fn or_zero(self) -> Self {
        Self {
            or_zero: true,
            ..self
        }
    }

    /// The value if it can be.
    pub fn check(self, value: f32) -> Option<f32> {
        let is_noise = value != 0.0 && value.abs() < NOISE;
        let is_within = (self.least..=self.most).contains(&value);
        let can_be = (is_within && !is_noise) || (self.or_zero && value == 0.0);
        // There is no use for a zero below zero.
        can_be.then_some(value + 0.0)
    }
}

/// How something is written that nobody reads but who looks for a mistake.
#[derive(Debug, Clone, Copy)]
pub enum Written {
    /// A floating point number.
    F32,
    /// A number of 4 bytes.
    U32,
    /// The same, with a sign.
    I32,
    /// A number of 1 byte.
    U8,
    /// Seconds since 1970.
    Time,
    /// The address of a unit.
    Address,
    /// So many bytes of text, filled up with zeros.
    Text(usize),
    /// So many bytes.
    Raw(usize),
}

/// Where a value of `T` belongs.
pub type Place<T, V> = fn(&mut T) -> &mut Option<V>;

/// How a value is written, and where it belongs in `T`.
#[derive(Debug)]
pub enum Slot<T: 'static> {
    /// A floating point number.
    F32(Plausible, Place<T, f32>),
    /// A number of 4 bytes, not above this.
    U32(u32, Place<T, u32>),
    /// A number of 2 bytes.
    U16(Place<T, u32>),
    /// A number of 4 bytes, 2 bytes of nothing, and 2 bytes that say whether it is there.
    Flagged(Place<T, u32>),
    /// Steps in some bits of a number.
    Steps {
        /// How many bytes the number has: 1, 2 or 4.
        size: usize,
        /// The lowest of the bits.
        first: u32,
        /// How many there are.
        bits: u32,
        /// Whether the uppermost is the sign.
        is_signed: bool,
        /// What one step is.
        step: f64,
        /// What it can be.
        plausible: Plausible,
        /// Where it belongs.
        place: Place<T, f32>,
    },
    /// Nowhere.
    Spare(Written),
}

/// A row of a layout.
#[derive(Debug)]
pub struct RecordField<T: 'static> {
    /// Where it begins in the body.
    pub at: usize,
    /// What it is.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: &'static str,
    /// How it is written.
    pub slot: Slot<T>,
}

/// A field as it is shown to somebody who looks for a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldShown {
    /// Where it begins in the body.
    pub at: usize,
    /// How many bytes it has; none if they are those of the field before.
    pub size: usize,
    /// What it is.
    pub name: String,
    /// Its value, in words.
    pub value: String,
}

impl FieldShown {
    /// A field with this value.
    pub fn new(at: usize, size: usize, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            at,
            size,
            name: name.into(),
            value: value.into(),
        }
    }
}

/// A row of a layout for a floating point number.
pub const fn float<T>(
    at: usize,
    name: &'static str,
    unit: &'static str,
    plausible: Plausible,
    place: Place<T, f32>,
) -> RecordField<T> {
    RecordField {
        at,
        name,
        unit,
        slot: Slot::F32(plausible, place),
    }
}

/// A row of a layout for a number of 4 bytes.
pub const fn number<T>(
    at: usize,
    name: &'static str,
    unit: &'static str,
    most: u32,
    place: Place<T, u32>,
) -> RecordField<T> {
    RecordField {
        at,
        name,
        unit,
        slot: Slot::U32(most, place),
    }
}

/// A row of a layout for what is only shown.
pub const fn spare<T>(at: usize, name: &'static str, written: Written) -> RecordField<T> {
    RecordField {
        at,
        name,
        unit: "",
        slot: Slot::Spare(written),
    }
}

impl<T> RecordField<T> {
    /// How many bytes it has.
    pub const fn size(&self) -> usize {
        match self.slot {
            Slot::F32(..) | Slot::U32(..) => 4,
            Slot::U16(_) => 2,
            Slot::Flagged(_) => 8,
            Slot::Steps { size, .. } => size,
            Slot::Spare(written) => written.size(),
        }
    }

    /// Puts its value where it belongs; a field that is not in the body whole has none.
    pub fn decode(&self, body: &[u8], into: &mut T) {
        let at = self.at;
        match self.slot {
            Slot::F32(plausible, place) => {
                *place(into) = f32_at(body, at).and_then(|value| plausible.check(value));
            }
            Slot::U32(most, place) => {
                let number = u32_at(body, at).filter(|number| *number != NOT_AVAILABLE);
                *place(into) = number.filter(|number| *number <= most);
            }
            Slot::U16(place) => *place(into) = u16_at(body, at).map(u32::from),
            Slot::Flagged(place) => *place(into) = flagged_at(body, at),
            Slot::Steps {
                size,
                first,
                bits,
                is_signed,
                step,
                plausible,
                place,
            } => {
                let steps = bits_at(body, at, size, first, bits);
                let value = steps.map(|steps| of_steps(steps, bits, is_signed, step));
                *place(into) = value.and_then(|value| plausible.check(value));
            }
            Slot::Spare(_) => {}
        }
    }

    /// Writes its value into the body, if that is long enough for it. Steps that are not there are zero.
    pub fn encode(&self, from: &mut T, body: &mut [u8]) {
        let Some(field) = body.get_mut(self.at..self.at + self.size()) else {
            return;
        };
        match self.slot {
            Slot::F32(_, place) => {
                let value = place(from).map_or(NOT_AVAILABLE.to_le_bytes(), f32::to_le_bytes);
                field.copy_from_slice(&value);
            }
            Slot::U32(_, place) => {
                let value = place(from).unwrap_or(NOT_AVAILABLE);
                field.copy_from_slice(&value.to_le_bytes());
            }
            Slot::U16(place) => {
                let value = u16::try_from(place(from).unwrap_or(0)).unwrap_or(u16::MAX);
                field.copy_from_slice(&value.to_le_bytes());
            }
            Slot::Flagged(place) => {
                let whole = place(from).map_or(NOT_REPORTED, u64::from);
                field.copy_from_slice(&whole.to_le_bytes());
            }
            Slot::Steps {
                first,
                bits,
                is_signed,
                step,
                place,
                ..
            } => {
                let steps = place(from).map_or(0, |value| to_steps(value, bits, is_signed, step));
                for (byte, place) in field.iter_mut().zip(0..) {
                    let shifted = u64::from(steps) << first >> (8 * place);
                    *byte |= (shifted & 0xff) as u8;
                }
            }
            Slot::Spare(Written::F32) => field.copy_from_slice(&NOT_AVAILABLE.to_le_bytes()),
            Slot::Spare(_) => {}
        }
    }

    /// It in words, if it is in the body whole.
    pub fn show(&self, body: &[u8]) -> Option<FieldShown> {
        let (at, size) = (self.at, self.size());
        let bytes = body.get(at..at + size)?;
        let value = match self.slot {
            Slot::F32(plausible, _) => {
                let value = f32_at(body, at)?;
                if plausible.check(value).is_some() || is_absent(value) {
                    self.with_unit(&float_words(value))
                } else {
                    format!("cannot be: {value:e}")
                }
            }
            Slot::U32(most, _) => match u32_at(body, at)? {
                NOT_AVAILABLE => "not available".to_owned(),
                number if number > most => format!("cannot be: {number}"),
                number => self.with_unit(&number.to_string()),
            },
            Slot::U16(_) => self.with_unit(&u16_at(body, at)?.to_string()),
            Slot::Flagged(_) => flagged_at(body, at).map_or_else(
                || "not available".to_owned(),
                |number| self.with_unit(&number.to_string()),
            ),
            Slot::Steps {
                size,
                first,
                bits,
                is_signed,
                step,
                plausible,
                ..
            } => {
                let steps = bits_at(body, at, size, first, bits)?;
                let value = of_steps(steps, bits, is_signed, step);
                match plausible.check(value) {
                    Some(value) => self.with_unit(&value.to_string()),
                    None => format!("cannot be: {value}"),
                }
            }
            Slot::Spare(written) => written.words(bytes),
        };
        Some(FieldShown::new(at, size, self.name, value))
    }

    fn with_unit(&self, value: &str) -> String {
        if value == "not available" {
            return value.to_owned();
        }
        format!("{value} {}", self.unit).trim_end().to_owned()
    }
}

impl Written {
    /// How many bytes it has.
    pub const fn size(self) -> usize {
        match self {
            Self::F32 | Self::U32 | Self::I32 | Self::Time | Self::Address => 4,
            Self::U8 => 1,
            Self::Text(size) | Self::Raw(size) => size,
        }
    }

    fn words(self, bytes: &[u8]) -> String {
        let words = match self {
            Self::F32 => f32_at(bytes, 0).map(float_words),
            Self::U32 => u32_at(bytes, 0).map(|it| it.to_string()),
            Self::I32 => u32_at(bytes, 0).map(|it| it.cast_signed().to_string()),
            Self::U8 => bytes.first().map(ToString::to_string),
            Self::Time => u32_at(bytes, 0).map(time_words),
            Self::Address => u32_at(bytes, 0).map(|it| format!("{it:08X}")),
            Self::Text(_) => Some(format!("{:?}", text(bytes))),
            Self::Raw(_) => Some(Hex::of(bytes).to_string()),
        };
        words.unwrap_or_default()
    }
}

/// Seconds since 1970, in words.
pub fn time_words(seconds: u32) -> String {
    let time = Timestamp::from_second(i64::from(seconds));
    time.map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

fn is_absent(value: f32) -> bool {
    value.to_bits() == NOT_AVAILABLE
}

fn float_words(value: f32) -> String {
    if is_absent(value) {
        return "not available".to_owned();
    }
    value.to_string()
}

/// Text up to the first zero. What cannot be printed is no text.
pub fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0);
    let bytes = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    let printable = |c: char| {
        if c.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    text.chars().map(printable).collect()
}

fn array_at<const N: usize>(body: &[u8], at: usize) -> Option<[u8; N]> {
    body.get(at..)?.first_chunk().copied()
}

/// The number of 4 bytes that begins here.
pub fn u32_at(body: &[u8], at: usize) -> Option<u32> {
    array_at(body, at).map(u32::from_le_bytes)
}

/// The number of 2 bytes that begins here.
pub fn u16_at(body: &[u8], at: usize) -> Option<u16> {
    array_at(body, at).map(u16::from_le_bytes)
}

fn f32_at(body: &[u8], at: usize) -> Option<f32> {
    array_at(body, at).map(f32::from_le_bytes)
}

/// The number where nothing else stands in its 8 bytes: neither a flag, nor what may be its upper half.
fn flagged_at(body: &[u8], at: usize) -> Option<u32> {
    let whole = array_at(body, at).map(u64::from_le_bytes)?;
    let number = u32::try_from(whole).ok();
    number.filter(|number| *number != NOT_AVAILABLE)
}

fn bits_at(body: &[u8], at: usize, size: usize, first: u32, bits: u32) -> Option<u32> {
    let number = match size {
        4 => u32_at(body, at)?,
        2 => u32::from(u16_at(body, at)?),
        _ => u32::from(*body.get(at)?),
    };
    Some(number >> first & ((1 << bits) - 1))
}

fn of_steps(steps: u32, bits: u32, is_signed: bool, step: f64) -> f32 {
    let unused = 32 - bits;
    let steps = if is_signed {
        f64::from((steps << unused).cast_signed() >> unused)
    } else {
        f64::from(steps)
    };
    (steps * step) as f32
}

fn to_steps(value: f32, bits: u32, is_signed: bool, step: f64) -> u32 {
    let all = (1_u64 << bits) - 1;
    let (least, most) = if is_signed {
        (-((all / 2) as f64) - 1.0, (all / 2) as f64)
    } else {
        (0.0, all as f64)
    };
    let steps = (f64::from(value) / step).round().clamp(least, most);
    ((steps as i64).cast_unsigned() & all) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Sample {
        float: Option<f32>,
        number: Option<u32>,
        flagged: Option<u32>,
    }

    fn float_of(bytes: [u8; 4]) -> Option<f32> {
        let row = float(
            1,
            "x",
            "V",
            Plausible::within(-5.0, 100.0),
            |it: &mut Sample| &mut it.float,
        );
        let mut sample = Sample::default();
        row.decode(&[&[9], bytes.as_slice()].concat(), &mut sample);
        sample.float
    }

    #[test]
    fn what_cannot_be_is_not_there() {
        assert_eq!(float_of(7.5_f32.to_le_bytes()), Some(7.5));
        assert_eq!(float_of(0_f32.to_le_bytes()), Some(0.0));
        assert!(float_of((-0_f32).to_le_bytes()).unwrap().is_sign_positive());
        assert_eq!(float_of(100_f32.to_le_bytes()), Some(100.0));
        assert_eq!(float_of([0xff, 0xff, 0x7f, 0xff]), None);
        for nonsense in [f32::NAN, f32::INFINITY, 1e31, 100.1, -5.1, 3e-32, -3e-32] {
            assert_eq!(float_of(nonsense.to_le_bytes()), None, "{nonsense}");
        }
        let frequency = Plausible::within(40.0, 70.0).or_zero();
        assert_eq!(frequency.check(0.0), Some(0.0));
        assert_eq!(frequency.check(39.0), None);
        assert_eq!(Plausible::within(40.0, 70.0).check(0.0), None);
    }

    #[test]
    fn what_is_not_whole_is_not_there() {
        let row = number(2, "n", "", 1000, |it: &mut Sample| &mut it.number);
        let decoded = |body: &[u8]| {
            let mut sample = Sample {
                number: Some(1),
                ..Sample::default()
            };
            row.decode(body, &mut sample);
            sample.number
        };
        assert_eq!(decoded(&[0, 0, 0xe8, 3, 0, 0]), Some(1000));
        assert_eq!(decoded(&[0, 0, 0xe9, 3, 0, 0]), None);
        assert_eq!(decoded(&[0, 0, 0xff, 0xff, 0x7f, 0xff]), None);
        assert_eq!(decoded(&[0, 0, 0xe8, 3, 0]), None);
        assert_eq!(decoded(&[]), None);
    }

    #[test]
    fn a_number_with_a_flag_is_not_there() {
        let row = RecordField {
            at: 0,
            name: "total",
            unit: "Wh",
            slot: Slot::Flagged(|it: &mut Sample| &mut it.flagged),
        };
        let decoded = |body: [u8; 8]| {
            let mut sample = Sample::default();
            row.decode(&body, &mut sample);
            sample.flagged
        };
        assert_eq!(decoded([5, 1, 0, 0, 0, 0, 0, 0]), Some(261));
        assert_eq!(decoded([5, 1, 0, 0, 0, 0, 0, 0x80]), None);
        assert_eq!(decoded([5, 1, 0, 0, 1, 0, 0, 0]), None);
    }

    #[test]
    fn steps_are_exact_and_have_a_sign_where_they_should() {
        assert_eq!(of_steps(66, 12, false, 0.00625), 0.4125);
        assert_eq!(of_steps(0xfb, 8, true, 2.0), -10.0);
        for steps in 0..4096 {
            assert_eq!(
                to_steps(of_steps(steps, 12, false, 0.00625), 12, false, 0.00625),
                steps
            );
        }
        for steps in 0..256 {
            assert_eq!(to_steps(of_steps(steps, 8, true, 2.0), 8, true, 2.0), steps);
        }
        assert_eq!(to_steps(1e9, 10, false, 0.125), 1023);
        assert_eq!(to_steps(-3.0, 10, false, 0.125), 0);
    }
}
