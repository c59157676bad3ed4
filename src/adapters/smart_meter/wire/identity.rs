//! Where a telegram names its meter or its customer, for taking the names out.
//!
//! | Code | What stands there |
//! |---|---|
//! | 0-b:96.1.e, 0-b:42.0.0 | number and logical name of the meter, or of another one on its port |
//! | 0-b:96.1.7 | the name of the product, which stays |
//! | 1-b:0.0.e | the same numbers in older tables |
//! | 0-b:96.13.e | texts for or about the customer |
//! | x-b:0.2.e | versions, which stay |
//! | any other | a text with six digits or more is taken for a number |
//!
//! In a telegram whose layout nobody knows, every text counts that is not plainly a product's.

use std::ops::Range;

use super::axdr::Data;
use super::ber;
use super::dsmr;
use super::item::{self, Item, ItemValue};
use super::notification;
use super::obis::Obis;
use super::telegram::Telegram;

/// Digits that a text needs to be taken for a number of something.
const DIGITS: usize = 6;
/// The same in the first line of a text telegram, where products have numbers too.
const DIGITS_IN_HEAD: usize = 7;
/// Characters of a product's name at most: `MA304H3E`.
const PRODUCT: usize = 8;

/// How something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Characters.
    Characters,
    /// Characters, each as two hexadecimal digits.
    Hexadecimal,
    /// A number, big-endian.
    Number,
}

/// A place in a telegram that names somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Where.
    pub place: Range<usize>,
    /// How.
    pub coding: Coding,
    /// What.
    pub kind: Kind,
}

/// What names somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The number or name of a meter.
    Meter,
    /// Words for people.
    Words,
    /// What looks like a number, but may be anything.
    Guess,
}

/// The places in a telegram in clear, in order. `telegram` is what was read of it, if it could be
/// read.
#[must_use]
pub fn spots(plaintext: &[u8], telegram: Option<&Telegram>) -> Vec<Spot> {
    if plaintext.first() == Some(&b'/') {
        return of_text(plaintext);
    }
    let leaves = leaves(plaintext);
    let mut spots: Vec<Spot> = match telegram {
        None => leaves.iter().filter_map(Leaf::unknown).collect(),
        Some(telegram) => {
            let of_item = |item| -> Vec<Spot> {
                let Some(kind) = what(item) else {
                    return Vec::new();
                };
                let same = leaves.iter().filter_map(|leaf| leaf.spot(item, kind));
                match item.value {
                    // The same number elsewhere in the same value is another thing.
                    ItemValue::Quantity(_) => same.take(1).collect(),
                    _ => same.collect(),
                }
            };
            telegram.items.iter().flat_map(of_item).collect()
        }
    };
    spots.sort_by_key(|spot| spot.place.start);
    spots.dedup();
    spots
}

/// What a value with this code names, if it names somebody.
fn names(code: Obis) -> Option<Kind> {
    match code.0 {
        [0, _, 96, 1, 7, _] => None,
        [0, _, 96, 13, ..] => Some(Kind::Words),
        [1, _, 0, 0, 0..=9, _] => Some(Kind::Meter),
        _ => code.is_identity().then_some(Kind::Meter),
    }
}

fn what(item: &Item) -> Option<Kind> {
    if let Some(found) = item.obis.and_then(names) {
        return Some(found);
    }
    let stays = item
        .obis
        .is_some_and(|code| matches!(code.0, [_, _, 0, 2, ..] | [0, _, 96, 1, 7, _]));
    let text = item.value.as_text().filter(|_| !stays)?;
    (digits(text.as_bytes()) >= DIGITS).then_some(Kind::Guess)
}

fn digits(text: &[u8]) -> usize {
    text.iter().filter(|byte| byte.is_ascii_digit()).count()
}

/// A value that holds no others.
#[derive(Debug)]
struct Leaf {
    /// Its place in the outermost list.
    outer: usize,
    data: Data,
    /// Without tag and length.
    body: Range<usize>,
}

impl Leaf {
    /// The place, if it is this item's.
    fn spot(&self, item: &Item, kind: Kind) -> Option<Spot> {
        let is_same = self.outer == item.position
            && match (&self.data, &item.value) {
                (Data::Number { value, .. }, ItemValue::Quantity(quantity)) => {
                    *value == quantity.raw
                }
                (Data::Octets(bytes), ItemValue::Text(text)) => item::text(bytes) == *text,
                (data, value) => ItemValue::of(data, item.obis) == *value,
            };
        let coding = match self.data {
            Data::Number { .. } => Coding::Number,
            Data::Octets(_) | Data::Text(_) => Coding::Characters,
            _ => return None,
        };
        (is_same && !self.body.is_empty()).then(|| Spot {
            place: self.body.clone(),
            coding,
            kind,
        })
    }

    /// The place, if it may name somebody for all that is known.
    fn unknown(&self) -> Option<Spot> {
        let is_code = self.data.as_octets().and_then(Obis::from_octets).is_some();
        let ItemValue::Text(text) = ItemValue::of(&self.data, None) else {
            return None;
        };
        let digits = digits(text.as_bytes());
        let is_product = text.len() <= PRODUCT && (1..DIGITS).contains(&digits);
        (!is_code && !is_product && !text.is_empty()).then(|| Spot {
            place: self.body.clone(),
            coding: Coding::Characters,
            kind: if digits < DIGITS {
                Kind::Words
            } else {
                Kind::Guess
            },
        })
    }
}

/// The values of a telegram that hold no others; none if it is no telegram.
fn leaves(plaintext: &[u8]) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    if let Ok((_, time)) = notification::head(plaintext) {
        let start = notification::TIME + time.length();
        // Reading it once proves that it is neither deep nor endless.
        if Data::decode(plaintext.get(start..).unwrap_or_default()).is_ok() {
            visit(plaintext, start, None, &mut leaves);
        }
    }
    leaves
}

/// Adds the leaves of the value at this place; where the next one begins.
fn visit(
    bytes: &[u8],
    start: usize,
    outer: Option<usize>,
    leaves: &mut Vec<Leaf>,
) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let counted = || ber::decode(rest.get(1..)?).ok();
    let header = match rest.first()? {
        0x01 | 0x02 => {
            let (count, took) = counted()?;
            let mut at = start + 1 + took;
            for index in 0..count {
                at = visit(bytes, at, outer.or(Some(index)), leaves)?;
            }
            return Some(at);
        }
        0x09 | 0x0a | 0x0c => 1 + counted()?.1,
        _ => 1,
    };
    let (data, took) = Data::decode(rest).ok()?;
    leaves.push(Leaf {
        outer: outer.unwrap_or(0),
        data,
        body: start + header..start + took,
    });
    Some(start + took)
}

/// The places in a text telegram.
fn of_text(bytes: &[u8]) -> Vec<Spot> {
    let (mut spots, mut at) = (Vec::new(), 0);
    for (number, line) in bytes
        .split_inclusive(|byte| matches!(byte, b'\r' | b'\n'))
        .enumerate()
    {
        let found = if number == 0 {
            in_head(line)
        } else {
            in_line(line)
        };
        spots.extend(found.into_iter().map(|mut spot| {
            spot.place = at + spot.place.start..at + spot.place.end;
            spot
        }));
        at += line.len();
    }
    spots
}

fn in_head(line: &[u8]) -> Vec<Spot> {
    let (mut spots, mut at) = (Vec::new(), 0);
    for run in line.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        if digits(run) >= DIGITS_IN_HEAD {
            spots.push(Spot {
                place: at..at + run.len(),
                coding: Coding::Characters,
                kind: Kind::Guess,
            });
        }
        at += run.len();
    }
    spots
}

/// `code(value)`, or `code(time)(value)`.
fn in_line(line: &[u8]) -> Vec<Spot> {
    let mut parts = line.split(|byte| *byte == b'(');
    let code = parts.next().unwrap_or_default();
    let text = std::str::from_utf8(code).unwrap_or_default();
    let Some(kind) = text.parse().ok().and_then(names) else {
        return Vec::new();
    };
    let (mut spots, mut at) = (Vec::new(), code.len());
    for part in parts {
        let value = part.split(|byte| *byte == b')').next().unwrap_or_default();
        let is_hex = std::str::from_utf8(value)
            .ok()
            .and_then(dsmr::from_hex)
            .is_some();
        if !value.is_empty() {
            spots.push(Spot {
                place: at + 1..at + 1 + value.len(),
                coding: if is_hex {
                    Coding::Hexadecimal
                } else {
                    Coding::Characters
                },
                kind,
            });
        }
        at += 1 + part.len();
    }
    spots
}

/// Changes the checksum of a telegram in clear that was changed from what it was `before`, if it
/// has one: right stays right, and wrong stays as wrong as it was.
pub fn reseal(plaintext: &mut [u8], before: &[u8]) {
    if before.first() == Some(&b'/') {
        dsmr::reseal(plaintext, before);
    }
}

#[cfg(test)]
mod tests {
    use super::super::notification::{HeaderTime, notification};
    use super::super::profile::Profiles;
    use super::*;
    use proptest::prelude::*;

    fn octets(bytes: &[u8]) -> Data {
        Data::Octets(bytes.to_vec())
    }

    fn found<'a>(bytes: &'a [u8], telegram: Option<&Telegram>) -> Vec<(&'a [u8], Kind)> {
        let spots = spots(bytes, telegram);
        let found = spots
            .iter()
            .map(|spot| (&bytes[spot.place.clone()], spot.kind));
        found.collect()
    }

    fn read(bytes: &[u8]) -> Telegram {
        Telegram::parse(bytes, None, &Profiles::default(), None).unwrap()
    }

    #[test]
    fn texts_with_the_right_codes_are_found_and_the_product_is_not() {
        let pair = |code: [u8; 6], value: Data| Data::Structure(vec![octets(&code), value]);
        let data = Data::Structure(vec![
            pair([0, 0, 96, 1, 0, 255], octets(b"1ABC0001234567")),
            pair([0, 0, 42, 0, 0, 255], Data::Text("ABC1234567".to_owned())),
            pair([0, 0, 96, 1, 7, 255], octets(b"XY30412345678")),
            pair([0, 0, 96, 13, 0, 255], octets(b"Hello")),
            pair([0, 0, 96, 1, 2, 255], Data::u32(77)),
            pair([1, 0, 0, 2, 0, 255], octets(b"V12345678")),
            pair([1, 0, 1, 8, 0, 255], Data::u32(77)),
            octets(b"AB12CD345678"),
        ]);
        let bytes = notification(1, HeaderTime::Absent, &data);
        let expected: Vec<(&[u8], Kind)> = vec![
            (b"1ABC0001234567", Kind::Meter),
            (b"ABC1234567", Kind::Meter),
            (b"Hello", Kind::Words),
            (&[0, 0, 0, 77], Kind::Meter),
            (b"AB12CD345678", Kind::Guess),
        ];
        assert_eq!(found(&bytes, Some(&read(&bytes))), expected);
    }

    #[test]
    fn without_a_layout_every_text_counts_but_products() {
        let data = Data::Structure(vec![
            octets(b"KFM_001"),
            octets(b"MA304H3E"),
            octets(b"7340157012345678"),
            octets(b"Anna Muster"),
            octets(&[0, 0, 96, 1, 0, 255]),
            Data::u16(7),
        ]);
        let bytes = notification(1, HeaderTime::Absent, &data);
        let expected: Vec<(&[u8], Kind)> = vec![
            (b"7340157012345678", Kind::Guess),
            (b"Anna Muster", Kind::Words),
        ];
        assert_eq!(found(&bytes, None), expected);
    }

    #[test]
    fn a_text_telegram_is_searched_line_by_line() {
        let text = b"/KMP5 KA6U001660297912\r\n\r\n0-0:96.1.1(4142433132)\r\n0-0:96.1.7(XY)\r\n\
            0-1:96.1.0(99887766)\r\n0-0:96.13.0()\r\n0-0:96.13.1(Hi you)\r\n\
            1-0:1.8.0(000123456*Wh)\r\n0.0.0(12345)\r\n!0000\r\n";
        let expected: Vec<(&[u8], Kind)> = vec![
            (b"001660297912", Kind::Guess),
            (b"4142433132", Kind::Meter),
            (b"99887766", Kind::Meter),
            (b"Hi you", Kind::Words),
            (b"12345", Kind::Meter),
        ];
        assert_eq!(
            found(text, Some(&read(b"/A\r\n1-0:1.8.0(1*Wh)\r\n!"))),
            expected
        );
        let codings: Vec<Coding> = spots(text, None).iter().map(|spot| spot.coding).collect();
        assert_eq!(codings[1], Coding::Hexadecimal);
        assert_eq!(codings[2], Coding::Characters);
    }

    proptest! {
        #[test]
        fn places_lie_inside(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..3) {
            let start: &[u8] = match kind {
                0 => b"/",
                1 => &[0x0f, 0, 0, 0, 1, 0, 2, 3],
                _ => &[],
            };
            let bytes = [start, &bytes].concat();
            let spots = spots(&bytes, None);
            prop_assert!(spots.iter().all(|spot| spot.place.end <= bytes.len()));
            prop_assert!(spots.windows(2).all(|two| two[0].place.end <= two[1].place.start));
        }
    }
}
