//! Telegrams that say first what they carry: the list of the objects pushed, and then their bare
//! values, one for each entry.
//!
//! | Place in an entry | Type | Meaning |
//! |---|---|---|
//! | 0 | u16 | class: 1 data, 3 register, 4 and 5 registers with more to them, 8 clock, 40 push setup |
//! | 1 | octets of 6 | code |
//! | 2 | i8 | attribute: 2 is the value, 1 the code itself |
//! | 3 | u16 | 0: the whole attribute |
//! | 4.. | | newer meters: restriction, columns |
//!
//! The first entry is the list itself, attribute 2 of the push setup 0.b.25.9.0; so the k-th entry
//! is of the k-th value. That holds for all of them or is not certain for any: a list is believed
//! only if there are as many values as entries, and each is of the kind that its class has.
//! Scale and unit are another attribute, which nobody pushes.

use super::axdr::Data;
use super::item::{Item, ItemValue, moment};
use super::obis::Obis;
use super::walk::drop_contradictions;

/// Types of the parts of an entry.
const CLASS: u8 = 0x12;
const ATTRIBUTE: u8 = 0x0f;

/// The attribute that is the code, and the one that is the value.
const CODE: i128 = 1;
const VALUE: i128 = 2;

/// One entry of the list.
#[derive(Debug, Clone, Copy)]
struct Entry {
    class: i128,
    code: Obis,
    attribute: i128,
    /// Whether it is the attribute as a whole.
    is_whole: bool,
}

/// Whether the values begin with a list of what they are.
pub fn is_listed(values: &[Data]) -> bool {
    entries(values).is_some()
}

/// The items of a telegram that lists them; `None` if the list does not fit the values.
pub fn items(values: &[Data]) -> Option<Vec<Item>> {
    let entries = entries(values)?;
    if entries.len() != values.len() {
        return None;
    }
    let mut items = Vec::new();
    for (position, (entry, value)) in entries.iter().zip(values).enumerate().skip(1) {
        if !entry.fits(value) {
            return None;
        }
        items.push(Item {
            obis: entry.names().then_some(entry.code),
            position,
            at: None,
            value: ItemValue::of(value, Some(entry.code)),
        });
    }
    drop_contradictions(&mut items);
    Some(items)
}

/// The entries of the list in front.
fn entries(values: &[Data]) -> Option<Vec<Entry>> {
    let Some(Data::Array(list)) = values.first() else {
        return None;
    };
    let entries: Vec<Entry> = list.iter().map(Entry::read).collect::<Option<_>>()?;
    entries.first().filter(|entry| entry.is_of_itself())?;
    Some(entries)
}

impl Entry {
    fn read(data: &Data) -> Option<Self> {
        let Data::Structure(parts) = data else {
            return None;
        };
        let [
            Data::Number {
                tag: CLASS,
                value: class,
            },
            Data::Octets(code),
            Data::Number {
                tag: ATTRIBUTE,
                value: attribute,
            },
            Data::Number {
                tag: CLASS,
                value: index,
            },
            ..,
        ] = &parts[..]
        else {
            return None;
        };
        Some(Self {
            class: *class,
            code: Obis::from_octets(code)?,
            attribute: *attribute,
            is_whole: *index == 0,
        })
    }

    const fn is_of_itself(&self) -> bool {
        matches!(self.code.0, [0, _, 25, 9, 0, _])
            && self.class == 40
            && self.attribute == VALUE
            && self.is_whole
    }

    /// Whether its value is what the code stands for.
    const fn names(&self) -> bool {
        self.attribute == VALUE && self.is_whole
    }

    /// Whether this can be its value.
    fn fits(&self, value: &Data) -> bool {
        let octets = value.as_octets();
        match (self.attribute, self.class) {
            (CODE, _) => octets == Some(&self.code.0),
            // What is not available is null.
            (VALUE, _) if *value == Data::Null || !self.is_whole => true,
            (VALUE, 3..=5) => matches!(value, Data::Number { .. } | Data::Float(_)),
            (VALUE, 8) => matches!(value, Data::DateTime(_)) || octets.and_then(moment).is_some(),
            (VALUE, 1) => !matches!(value, Data::Structure(_) | Data::Array(_)),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(tag: u8, value: i128) -> Data {
        Data::Number { tag, value }
    }

    fn entry(class: u16, code: [u8; 6], attribute: i8) -> Data {
        Data::Structure(vec![
            Data::u16(class),
            Data::Octets(code.to_vec()),
            number(ATTRIBUTE, attribute.into()),
            Data::u16(0),
        ])
    }

    fn telegram() -> Vec<Data> {
        let list = vec![
            entry(40, [0, 0, 25, 9, 0, 255], 2),
            entry(40, [0, 0, 25, 9, 0, 255], 1),
            entry(1, [0, 0, 96, 1, 0, 255], 2),
            entry(3, [1, 0, 1, 7, 0, 255], 2),
        ];
        vec![
            Data::Array(list),
            Data::Octets(vec![0, 0, 25, 9, 0, 255]),
            Data::Octets(b"70000007".to_vec()),
            Data::u32(815),
        ]
    }

    #[test]
    fn the_value_of_an_entry_stands_in_the_same_place() {
        let items = items(&telegram()).unwrap();
        let shown: Vec<_> = items
            .iter()
            .filter_map(|item| {
                Some((
                    item.position,
                    item.obis?.to_string(),
                    item.value.to_string(),
                ))
            })
            .collect();
        let expected = [
            (2, "0.0.96.1.0.255", "\"70000007\""),
            (3, "1.0.1.7.0.255", "815 (scale unknown)"),
        ];
        let expected = expected.map(|(at, code, value)| (at, code.to_owned(), value.to_owned()));
        assert_eq!(shown, expected);
    }

    #[test]
    fn of_two_different_values_with_one_code_neither_is_believed() {
        let coded = |second: u32| {
            let mut values = telegram();
            let Some(Data::Array(list)) = values.first_mut() else {
                panic!("the list stands in front")
            };
            list.push(entry(3, [1, 0, 1, 7, 0, 255], 2));
            values.push(Data::u32(second));
            let items = items(&values).unwrap();
            let power = Some(Obis([1, 0, 1, 7, 0, 255]));
            items.iter().filter(|item| item.obis == power).count()
        };
        assert_eq!(coded(815), 2);
        assert_eq!(coded(816), 0);
    }

    #[test]
    fn a_list_that_does_not_fit_its_values_is_believed_in_nothing() {
        let wrong = |change: fn(&mut Vec<Data>)| {
            let mut values = telegram();
            change(&mut values);
            assert!(is_listed(&values));
            items(&values).is_none()
        };
        assert!(wrong(|values| drop(values.pop())));
        assert!(wrong(|values| values.push(Data::u32(1))));
        assert!(wrong(|values| values.swap(2, 3)));
        // The code that stands there is another one.
        assert!(wrong(
            |values| values[1] = Data::Octets(vec![0, 0, 25, 9, 1, 255])
        ));
    }
}
