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
//!
//! One rule reads the first three: a code opens an item, what follows it is the value, and if a
//! structure of exactly an exponent and a unit follows, it belongs to the value. A text of six
//! characters that is a value opens nothing. The fourth needs a profile.

use super::axdr::{Data, tag};
use super::field::{Field, Scale};
use super::item::{Item, ItemValue, Quantity, Scaling, moment, text};
use super::obis::Obis;
use super::profile::Profile;
use super::units::Unit;

/// The items of a telegram whose values have codes.
pub(super) fn tagged(data: &Data) -> Vec<Item> {
    let mut items = Vec::new();
    let values = values(data);
    walk(values, None, &mut items);
    name_bare_ends(&mut items, values.len());
    items
}

/// The values of the outermost list.
pub(super) fn values(data: &Data) -> &[Data] {
    match data {
        Data::Structure(values) | Data::Array(values) => values,
        single => std::slice::from_ref(single),
    }
}

/// Depth is that of the data, which is bounded where it was read.
fn walk(values: &[Data], outer: Option<usize>, items: &mut Vec<Item>) {
    let mut index = 0;
    while let Some(value) = values.get(index) {
        let next = values.get(index + 1);
        let code = value.as_octets().and_then(Obis::from_octets);
        let (item, took) = match (code, next) {
            (Some(code), Some(next)) => {
                let scale = values.get(index + 2).and_then(scale);
                let took = if scale.is_some() { 3 } else { 2 };
                let position = outer.unwrap_or(index + 1);
                (Some((Some(code), next, scale, position)), took)
            }
            _ => match value {
                Data::Structure(inner) | Data::Array(inner) => {
                    walk(inner, outer.or(Some(index)), items);
                    (None, 1)
                }
                bare => (Some((None, bare, None, outer.unwrap_or(index))), 1),
            },
        };
        if let Some((obis, data, scale, position)) = item {
            let value = match (ItemValue::of(data, obis), scale) {
                (ItemValue::Quantity(quantity), Some(scale)) => {
                    ItemValue::Quantity(quantity.scaled(scale, Scaling::Meter))
                }
                (value, _) => value,
            };
            items.push(Item {
                obis,
                position,
                value,
            });
        }
        index += took;
    }
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

/// Among values with codes, a moment in front is the clock and a text at the end the meter's number,
/// even without a code.
fn name_bare_ends(items: &mut [Item], count: usize) {
    let is_named = items
        .iter()
        .any(|item| item.obis.is_some() && item.value.as_quantity().is_some());
    if !is_named {
        return;
    }
    let has = |items: &[Item], code| items.iter().any(|item| item.obis == Some(code));
    if !has(items, Obis::CLOCK)
        && let Some(item) = items.first_mut()
        && matches!(item.value, ItemValue::Moment(_))
    {
        item.obis.get_or_insert(Obis::CLOCK);
    }
    if !has(items, Obis::METER_NUMBER)
        && let Some(item) = items.last_mut()
        && item.position + 1 == count
        && matches!(item.value, ItemValue::Text(_))
    {
        item.obis.get_or_insert(Obis::METER_NUMBER);
    }
}

/// Gives scale and unit to numbers that have a code but no unit.
pub(super) fn apply_scales(items: &mut [Item], profile: &Profile) {
    for item in items {
        if let (Some(code), ItemValue::Quantity(quantity)) = (item.obis, &mut item.value)
            && quantity.scaling == Scaling::Unknown
            && let Some(scale) = profile.scale(code)
        {
            *quantity = quantity.scaled(scale, Scaling::Profile);
        }
    }
}

/// The items of a telegram whose values are told by their order.
pub(super) fn positional(values: &[Data], fields: &[Field]) -> Vec<Item> {
    let pairs = fields.iter().zip(values).enumerate();
    pairs
        .filter_map(|(position, (field, data))| {
            let (obis, value) = match field {
                Field::Code(_) => return None,
                Field::Unnamed | Field::Octets | Field::Any => (None, ItemValue::of(data, None)),
                Field::Text(code) => (Some(*code), as_text(data, *code)),
                Field::Time(code) => (Some(*code), as_moment(data, *code)),
                Field::Number(code, scale, _) => (Some(*code), as_number(data, *code, *scale)),
            };
            Some(Item {
                obis,
                position,
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
