//! From a tree of values to a list of items, by the values' own order alone.
//!
//! Operators arrange the same things in different ways:
//!
//! | Layout | Looks like |
//! |---|---|
//! | nested | `{clock, time, {code, text}, {code, number, {exponent, unit}}, ...}` |
//! | flat triple | `{time, code, number, {exponent, unit}, ..., text}` |
//! | flat pair | `{text, code, number, code, number, ...}` |
//! | positional | `{number, number, ..., text}` |
//! | listed | `{[{class, code, attribute, index}, ...], value, value, ...}`: see [`super::push_list`] |
//!
//! One grammar reads the first three, and reads a list wholly or not at all: where a value stands
//! that the grammar has no place for, nobody knows which code it belongs to, nor what its
//! neighbours are. Codes and values are pairs in a structure of their own, or side by side, each
//! with the structure of an exponent and a unit behind it or not. Of all else, a moment or a text
//! may stand in front, and a text at the end. The fourth needs a profile.

use super::axdr::{Data, tag};
use super::field::Field;
use super::item::{Item, ItemValue, Quantity, Scaling, moment, text};
use super::obis::Obis;
use super::profile::Profile;
use super::time::MeterTime;
use super::units::Scale;
use super::units::Unit;

/// Digits of a meter's number that stands at the end without a code.
const NUMBER: std::ops::RangeInclusive<usize> = 8..=16;

/// The items of a telegram whose values have codes; `None` if it is not certain which value belongs
/// to which. `at` is the moment in its head.
pub fn tagged(data: &Data, at: Option<MeterTime>) -> Option<Vec<Item>> {
    let values = values(data);
    let mut list = List::default();
    list.read(values, None)?;
    // Either each number has its unit or none has.
    if list.has_triples && list.has_pairs {
        return None;
    }
    list.name_bare_ends(values.len(), at);
    drop_contradictions(&mut list.items);
    Some(list.items)
}

/// The values of the outermost list.
pub fn values(data: &Data) -> &[Data] {
    match data {
        Data::Structure(values) | Data::Array(values) => values,
        single => std::slice::from_ref(single),
    }
}

/// What has been read of a list.
#[derive(Default)]
struct List {
    items: Vec<Item>,
    /// Whether there are numbers side by side with their codes that have a unit behind them, and some
    /// that have none.
    has_triples: bool,
    has_pairs: bool,
}

impl List {
    /// Reads siblings; `outer` is the place of the value of the outermost list that they are in.
    /// Depth is that of the data, which is bounded where it was read.
    fn read(&mut self, values: &[Data], outer: Option<usize>) -> Option<()> {
        let mut index = 0;
        while let Some(value) = values.get(index) {
            let position = outer.unwrap_or(index);
            let next = values.get(index + 1);
            index += match (code(value), value) {
                (Some(code), _) => {
                    let value = next.filter(|next| is_value(next) && can_be(code, next))?;
                    let scale = values.get(index + 2).and_then(scale);
                    self.has_triples |= scale.is_some();
                    // Things of the meter itself have no unit.
                    let needs_unit = matches!(value, Data::Number { .. }) && code.0[0] != 0;
                    self.has_pairs |= needs_unit && scale.is_none();
                    self.pair(code, value, scale, outer.unwrap_or(index + 1));
                    if scale.is_some() { 3 } else { 2 }
                }
                (None, Data::Structure(inner)) if is_pair(inner) => {
                    self.structure(inner, position);
                    1
                }
                (None, Data::Structure(inner) | Data::Array(inner)) => {
                    self.read(inner, Some(position))?;
                    1
                }
                (None, bare) => {
                    let is_end = index == 0 || next.is_none();
                    let value = ItemValue::of(bare, None);
                    let has_place = match value {
                        ItemValue::Text(_) => is_end,
                        ItemValue::Moment(_) => index == 0,
                        _ => false,
                    };
                    // Within other values nothing stands alone.
                    if !has_place || outer.is_some() {
                        return None;
                    }
                    self.items.push(Item {
                        obis: None,
                        position,
                        at: None,
                        value,
                    });
                    1
                }
            };
        }
        Some(())
    }

    /// A structure that begins with a code stands for itself: whatever is wrong in it moves no other.
    fn structure(&mut self, parts: &[Data], position: usize) {
        match parts {
            [name, value] => match code(name) {
                Some(code) => self.pair(code, value, None, position),
                None => self.unknown(parts, position),
            },
            [name, value, last] => match (code(name), scale(last)) {
                (Some(code), Some(scale)) if is_value(value) => {
                    self.pair(code, value, Some(scale), position);
                }
                _ => self.unknown(parts, position),
            },
            _ => self.unknown(parts, position),
        }
    }

    fn unknown(&mut self, parts: &[Data], position: usize) {
        self.items.push(Item {
            obis: None,
            position,
            at: None,
            value: ItemValue::Other(Data::Structure(parts.to_vec())),
        });
    }

    fn pair(&mut self, code: Obis, data: &Data, scale: Option<Scale>, position: usize) {
        let value = match (ItemValue::of(data, Some(code)), scale) {
            (ItemValue::Quantity(quantity), Some(scale)) => {
                ItemValue::Quantity(quantity.scaled(scale, Scaling::Meter))
            }
            (value, _) => value,
        };
        self.items.push(Item {
            obis: Some(code),
            position,
            at: None,
            value,
        });
    }

    /// A moment in front is the clock if it is the one in the head, too, or there is none there. A
    /// text of digits at the end is the meter's number where all numbers have their units; so meters
    /// of Netz NÖ write it.
    fn name_bare_ends(&mut self, count: usize, at: Option<MeterTime>) {
        let has = |items: &[Item], code| items.iter().any(|item| item.obis == Some(code));
        if !has(&self.items, Obis::CLOCK)
            && let Some(Item {
                obis: obis @ None,
                value: ItemValue::Moment(time),
                ..
            }) = self.items.first_mut()
            && at.is_none_or(|at| at.local() == time.local())
        {
            *obis = Some(Obis::CLOCK);
        }
        if self.has_triples
            && !has(&self.items, Obis::METER_NUMBER)
            && let Some(Item {
                obis: obis @ None,
                position,
                value: ItemValue::Text(text),
                ..
            }) = self.items.last_mut()
            && *position + 1 == count
            && NUMBER.contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit())
        {
            *obis = Some(Obis::METER_NUMBER);
        }
    }
}

/// Of two different values with one code, neither can be believed.
pub fn drop_contradictions(items: &mut [Item]) {
    let said: Vec<(Obis, ItemValue)> = items
        .iter()
        .filter_map(|item| Some((item.obis?, item.value.clone())))
        .collect();
    for item in items {
        let others =
            |(code, value): &(Obis, ItemValue)| Some(*code) == item.obis && *value != item.value;
        if said.iter().any(others) {
            item.obis = None;
        }
    }
}

/// The code that a value is.
fn code(data: &Data) -> Option<Obis> {
    data.as_octets().and_then(Obis::from_octets)
}

/// Whether something can be the value of a code beside it.
fn is_value(data: &Data) -> bool {
    code(data).is_none() && !matches!(data, Data::Structure(_) | Data::Array(_))
}

/// Whether a value is of the kind of its code: power, energy and the like are numbers.
fn can_be(code: Obis, data: &Data) -> bool {
    let is_measured = matches!(code.0, [1, _, 1..=255, 4..=9, ..]);
    !is_measured || matches!(data, Data::Number { .. } | Data::Float(_) | Data::Null)
}

/// Whether a structure is meant to be a code and its value.
fn is_pair(parts: &[Data]) -> bool {
    matches!(parts.len(), 2 | 3) && parts.first().and_then(code).is_some()
}

/// A structure of exactly an exponent and a unit.
fn scale(data: &Data) -> Option<Scale> {
    let Data::Structure(parts) = data else {
        return None;
    };
    match parts[..] {
        [
            Data::Number {
                tag: tag::INTEGER,
                value: exponent,
            },
            Data::Number {
                tag: tag::ENUMERATION,
                value: unit,
            },
        ] => Some(Scale {
            exponent: i8::try_from(exponent).ok()?,
            unit: Unit(u8::try_from(unit).ok()?),
        }),
        _ => None,
    }
}

/// Gives scale and unit to numbers that have a code but no unit.
pub fn apply_scales(items: &mut [Item], profile: &Profile) {
    for item in items {
        if let (Some(code), ItemValue::Quantity(quantity)) = (item.obis, &mut item.value)
            && quantity.scaling == Scaling::Unknown
            && let Some(scale) = profile.scale(code, quantity.tag)
        {
            *quantity = quantity.scaled(scale, Scaling::Profile);
        }
    }
}

/// The items of a telegram whose values are told by their order.
pub fn positional(values: &[Data], fields: &[Field]) -> Vec<Item> {
    let pairs = fields.iter().zip(values).enumerate();
    pairs
        .filter_map(|(position, (field, data))| {
            let (obis, value) = match field {
                Field::Code(_) => return None,
                Field::Unnamed | Field::Octets | Field::Any => (None, ItemValue::of(data, None)),
                Field::Text(code, _) => (Some(*code), as_text(data, *code)),
                Field::Time(code) => (Some(*code), as_moment(data, *code)),
                Field::Number(code, scale, _) => (Some(*code), as_number(data, *code, *scale)),
            };
            Some(Item {
                obis,
                position,
                at: None,
                value,
            })
        })
        .collect()
}

fn as_text(data: &Data, code: Obis) -> ItemValue {
    match data {
        Data::Octets(bytes) => ItemValue::Text(text(bytes)),
        other => ItemValue::of(other, Some(code)),
    }
}

fn as_moment(data: &Data, code: Obis) -> ItemValue {
    match data.as_octets().and_then(moment) {
        Some(time) => ItemValue::Moment(time),
        None => ItemValue::of(data, Some(code)),
    }
}

fn as_number(data: &Data, code: Obis, scale: Scale) -> ItemValue {
    match data {
        Data::Number { tag, value } => {
            let quantity = Quantity::unscaled(*value, *tag);
            ItemValue::Quantity(quantity.scaled(scale, Scaling::Profile))
        }
        other => ItemValue::of(other, Some(code)),
    }
}
