//! Finds a unit's key where the server reads or writes it in clear.
//!
//! The key is four parameters of a unit. A new unit is asked for them once, before everything is sealed; one whose
//! communication board was replaced has zeros there, and is given new ones.

use std::fmt;

use zeroize::Zeroizing;

use super::frame::{BARKER, BarkerFrame, address};
use super::key::DeviceKey;
use super::parameters::{KEY, ParameterKind, Questions, values, written};
use super::serial::Serial;

/// Which of the four parts of a key, from 0.
pub type KeyPart = usize;

/// How many units are watched.
const UNITS: usize = 64;
/// How much data a frame with parameters may have where raw bytes are searched.
const MOST_DATA: usize = 1024;

/// Parts of a key, as far as they have been seen.
#[derive(Default, Clone)]
struct Parts([Option<Zeroizing<[u8; 4]>>; 4]);

impl Parts {
    /// Takes a part. All of the key, if it is whole by that; then it begins anew.
    fn take(&mut self, part: KeyPart, bytes: [u8; 4]) -> Option<DeviceKey> {
        let place = self.0.get_mut(part)?;
        // A part of zeros is one that has not been set.
        *place = (bytes != [0; 4]).then(|| Zeroizing::new(bytes));
        let mut key = Zeroizing::new([0; 16]);
        for (into, part) in key.as_chunks_mut().0.iter_mut().zip(&self.0) {
            *into = **part.as_ref()?;
        }
        self.0 = Default::default();
        DeviceKey::new(*key).ok()
    }

    fn seen(&self) -> Vec<KeyPart> {
        let parts = self.0.iter().enumerate();
        let seen = parts.filter(|(_, part)| part.is_some());
        seen.map(|(part, _)| part).collect()
    }
}

/// What is known of a unit.
struct Hunted {
    unit: Serial,
    /// Parts that were read.
    read: Parts,
    /// Parts that were written. They are not mixed with those that were read before.
    written: Parts,
    key: Option<DeviceKey>,
}

impl fmt::Debug for Hunted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Hunted");
        let shown = shown.field("unit", &self.unit);
        let shown = shown.field("read", &self.read.seen());
        let shown = shown.field("written", &self.written.seen());
        shown.field("key", &self.key).finish()
    }
}

/// Watches frames of both directions for keys.
#[derive(Debug, Default)]
pub struct KeyHunt {
    questions: Questions,
    units: Vec<Hunted>,
}

impl KeyHunt {
    /// Takes a frame; the unit and its key when that has become known, or has changed.
    pub fn take(&mut self, frame: &BarkerFrame<'_>) -> Option<(Serial, DeviceKey)> {
        if let Some((id, bytes)) = written(frame) {
            let part = part_of(id)?;
            if address::is_special(frame.destination) || !address::is_special(frame.source) {
                return None;
            }
            let hunted = self.hunted(Serial::of_inverter(frame.destination));
            // What was read until now is no longer what is there.
            hunted.read = Parts::default();
            let key = hunted.written.take(part, bytes)?;
            return hunted.found(key);
        }
        let ids = self.questions.take(frame)?;
        if !ids.iter().any(|id| part_of(*id).is_some()) {
            return None;
        }
        let (unit, values) = (frame.unit()?, values(frame)?);
        // With one more or one less, nobody knows which is whose.
        if values.len() != ids.len() {
            return None;
        }
        let hunted = self.hunted(unit);
        let mut found = None;
        for (id, value) in ids.into_iter().zip(values) {
            if let Some(part) = part_of(id)
                && value.kind == ParameterKind::Number
                && let Some(key) = hunted.read.take(part, value.bytes)
            {
                found = hunted.found(key).or(found);
            }
        }
        found
    }

    /// Which parts have been seen of units whose key is not whole.
    pub fn partial(&self) -> impl Iterator<Item = (Serial, Vec<KeyPart>)> {
        let without = self.units.iter().filter(|hunted| hunted.key.is_none());
        without.filter_map(|hunted| {
            let (read, written) = (hunted.read.seen(), hunted.written.seen());
            let parts = if read.len() > written.len() {
                read
            } else {
                written
            };
            (!parts.is_empty()).then_some((hunted.unit, parts))
        })
    }

    /// Searches raw bytes, damaged perhaps, for what frames no longer show: checksums are not asked for, so
    /// that a key may have a mistake. All that were found, in their order.
    pub fn search(&mut self, bytes: &[u8]) -> Vec<(Serial, DeviceKey)> {
        let mut found = Vec::new();
        let mut rest = bytes;
        while let Some(next) = rest.iter().position(|byte| *byte == BARKER[0]) {
            rest = rest.get(next..).unwrap_or_default();
            if let Ok(Some(total)) = BarkerFrame::total(rest, MOST_DATA)
                && let Some((frame, _)) = rest.get(..total).and_then(BarkerFrame::unchecked)
            {
                found.extend(self.take(&frame));
            }
            rest = rest.get(1..).unwrap_or_default();
        }
        found
    }

    fn hunted(&mut self, unit: Serial) -> &mut Hunted {
        let at = self.units.iter().position(|hunted| hunted.unit == unit);
        let at = at.unwrap_or_else(|| {
            if self.units.len() == UNITS {
                self.units.remove(0);
            }
            self.units.push(Hunted {
                unit,
                read: Parts::default(),
                written: Parts::default(),
                key: None,
            });
            self.units.len() - 1
        });
        &mut self.units[at]
    }
}

impl Hunted {
    /// The key, if that is new.
    fn found(&mut self, key: DeviceKey) -> Option<(Serial, DeviceKey)> {
        if self.key.as_ref() == Some(&key) {
            return None;
        }
        self.key = Some(key.clone());
        Some((self.unit, key))
    }
}

fn part_of(id: u16) -> Option<KeyPart> {
    KEY.iter().position(|part| *part == id)
}

#[cfg(test)]
mod tests {
    use super::super::frame::function;
    use super::*;

    const UNIT: u32 = 0x7f12_3456;
    const KEY_BYTES: &[u8; 16] = b"the unit's key!!";

    #[derive(Clone)]
    struct Sent {
        sequence: u16,
        from_unit: bool,
        function: u16,
        data: Vec<u8>,
    }

    impl Sent {
        fn frame(&self) -> BarkerFrame<'_> {
            let (source, destination) = if self.from_unit {
                (UNIT, address::TOOL)
            } else {
                (address::TOOL, UNIT)
            };
            BarkerFrame {
                sequence: self.sequence,
                source,
                destination,
                function: self.function,
                data: &self.data,
            }
        }
    }

    fn ask(sequence: u16, ids: &[u16]) -> Sent {
        Sent {
            sequence,
            from_unit: false,
            function: function::GET_PARAMETERS,
            data: ids.iter().flat_map(|id| id.to_le_bytes()).collect(),
        }
    }

    fn answer(sequence: u16, values: &[&[u8]]) -> Sent {
        let item = |value: &&[u8]| [*value, &[0, 0]].concat();
        Sent {
            sequence,
            from_unit: true,
            function: function::PARAMETERS,
            data: values.iter().flat_map(item).collect(),
        }
    }

    fn write(id: u16, value: &[u8]) -> Sent {
        Sent {
            sequence: 9,
            from_unit: false,
            function: function::SET_PARAMETER,
            data: [&id.to_le_bytes(), value].concat(),
        }
    }

    fn part(part: usize) -> &'static [u8] {
        &KEY_BYTES[part * 4..][..4]
    }

    fn hunt(sent: &[Sent]) -> (KeyHunt, Vec<String>) {
        let mut hunt = KeyHunt::default();
        let found: Vec<_> = sent
            .iter()
            .filter_map(|sent| hunt.take(&sent.frame()))
            .map(|(unit, key)| {
                assert_eq!(unit, Serial(UNIT));
                key.reveal().to_string()
            })
            .collect();
        (hunt, found)
    }

    fn right() -> String {
        DeviceKey::new(*KEY_BYTES).unwrap().reveal().to_string()
    }

    fn read_out() -> Vec<Sent> {
        let exchange =
            |at: usize, sequence: u16| [ask(sequence, &[KEY[at]]), answer(sequence, &[part(at)])];
        (0..4)
            .zip(1..)
            .flat_map(|(at, sequence)| exchange(at, sequence))
            .collect()
    }

    #[test]
    fn four_answers_are_a_key_and_again_they_are_no_news() {
        assert_eq!(hunt(&read_out()).1, [right()]);
        assert_eq!(hunt(&[read_out(), read_out()].concat()).1, [right()]);
        let (half, found) = hunt(&read_out()[..5]);
        assert!(found.is_empty());
        assert_eq!(
            half.partial().collect::<Vec<_>>(),
            [(Serial(UNIT), vec![0, 1])]
        );
        let (whole, _) = hunt(&read_out());
        assert_eq!(whole.partial().count(), 0);
    }

    #[test]
    fn answers_come_in_any_order() {
        let mut sent = read_out();
        sent.sort_by_key(|sent| (sent.from_unit, std::cmp::Reverse(sent.sequence)));
        assert_eq!(hunt(&sent).1, [right()]);
    }

    #[test]
    fn one_request_may_ask_for_several() {
        let ids = [0x18, KEY[2], KEY[0], KEY[1], KEY[3]];
        let values = [&[1, 2, 3, 4], part(2), part(0), part(1), part(3)];
        assert_eq!(hunt(&[ask(1, &ids), answer(1, &values)]).1, [right()]);
        assert!(hunt(&[ask(1, &ids), answer(1, &values[1..])]).1.is_empty());
        assert!(hunt(&[ask(1, &ids), answer(2, &values)]).1.is_empty());
        assert!(hunt(&[answer(1, &values)]).1.is_empty());
    }

    #[test]
    fn zeros_are_no_key_and_what_is_written_is_one() {
        let zeros: Vec<Sent> = (0..4)
            .zip(1..)
            .flat_map(|(at, sequence)| [ask(sequence, &[KEY[at]]), answer(sequence, &[&[0; 4]])])
            .collect();
        let (hunted, found) = hunt(&zeros);
        assert!(found.is_empty());
        assert_eq!(hunted.partial().count(), 0);
        let writes: Vec<Sent> = (0..4).map(|at| write(KEY[at], part(at))).collect();
        let all = [zeros, writes.clone(), read_out()].concat();
        assert_eq!(hunt(&all).1, [right()]);
        assert!(hunt(&writes[..3]).1.is_empty());
    }

    #[test]
    fn a_later_key_replaces_the_earlier_and_they_are_not_mixed() {
        let new: Vec<Sent> = (0..4)
            .map(|at| write(KEY[at], &[at as u8 + 1; 4]))
            .collect();
        let (_, found) = hunt(&[read_out(), new].concat());
        assert_eq!(
            found,
            [right(), "01010101020202020303030304040404".to_owned()]
        );
        // Three that were read and one that is written are not of one key.
        let first = write(KEY[0], &[1; 4]);
        let (_, found) = hunt(&[&read_out()[2..], &[first]].concat());
        assert!(found.is_empty());
    }

    #[test]
    fn raw_bytes_are_searched_without_checksums() {
        let mut bytes = b"\x12\x34".to_vec();
        for sent in read_out() {
            sent.frame().encode(&mut bytes);
            let last = bytes.len() - 1;
            bytes[last] ^= 0x55;
            bytes.extend(b"\x12\x34\x56\x79 between");
        }
        let mut hunt = KeyHunt::default();
        let found = hunt.search(&bytes);
        assert_eq!(found.len(), 1);
        assert_eq!(*found[0].1.reveal(), right());
        assert!(KeyHunt::default().search(&bytes[40..]).is_empty());
    }

    #[test]
    fn memory_has_an_end_and_shows_no_key() {
        let mut hunt = KeyHunt::default();
        for unit in 0..1000 {
            let sent = write(KEY[0], part(0));
            let frame = BarkerFrame {
                destination: unit,
                ..sent.frame()
            };
            hunt.take(&frame);
        }
        assert_eq!(hunt.units.len(), UNITS);
        let shown = format!("{hunt:?}");
        assert!(
            !shown.contains("116, ") && !shown.contains("the "),
            "{shown}"
        );
    }
}
