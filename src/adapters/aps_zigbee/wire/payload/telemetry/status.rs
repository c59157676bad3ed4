//! What the bits mean by which an inverter tells its state: data, not code.
//!
//! Where a bit stands is counted in the application data, from the first byte of the serial number on. A bit without
//! a name is kept, and shown in hexadecimal digits.

use std::fmt::Write as _;

/// The bytes of an answer in which they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusBits {
    /// Of a DS3 and its kin: bytes 21 to 25.
    Bb([u8; 5]),
    /// Of a YC600, QS1 or QS1A: bytes 33 to 36.
    B1([u8; 4]),
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusGroup {
    /// The grid's voltage or frequency left its limits. Not the inverter's fault.
    Grid,
    /// Between panels and earth.
    Insulation,
    /// The inverter itself.
    Inverter,
    /// No panel, or no light on it.
    Input,
    /// It has just begun.
    Start,
}

/// Something that a bit tells while it is set.
#[derive(Debug, PartialEq, Eq)]
pub struct StatusEvent {
    is_b1: bool,
    /// The byte in the application data.
    pub byte: u8,
    /// The bit in it, 0 being the least.
    pub bit: u8,
    /// For programs.
    pub key: &'static str,
    /// For people.
    pub text: &'static str,
    /// What it is about.
    pub group: StatusGroup,
    /// Whether captures agree with the name. Others have been described, and nobody has seen them, or what was seen
    /// contradicts them: they must not be shown as a fault.
    pub is_sure: bool,
}

use StatusGroup::{Grid, Input, Insulation, Inverter, Start};

#[rustfmt::skip]
const fn bb(byte: u8, bit: u8, key: &'static str, text: &'static str, group: StatusGroup) -> StatusEvent {
    StatusEvent { is_b1: false, byte, bit, key, text, group, is_sure: true }
}

#[rustfmt::skip]
const fn b1(byte: u8, bit: u8, key: &'static str, text: &'static str, group: StatusGroup, is_sure: bool) -> StatusEvent {
    StatusEvent { is_b1: true, byte, bit, key, text, group, is_sure }
}

/// Every bit that has a name.
#[rustfmt::skip]
pub static STATUS_EVENTS: &[StatusEvent] = &[
    bb(22, 1, "grid_relay",          "an event of the grid relay",       Inverter),
    bb(22, 7, "starting",            "starting",                         Start),
    bb(23, 3, "dc_ground",           "fault of the panels' earth",       Insulation),
    bb(23, 4, "dc_bus",              "fault of the DC bus",              Inverter),
    bb(23, 6, "started",             "just started",                     Start),
    bb(23, 7, "dc_contactor",        "an event of the DC contactor",     Inverter),
    bb(24, 0, "over_voltage_1",      "grid voltage too high",            Grid),
    bb(24, 1, "under_voltage_1",     "grid voltage too low",             Grid),
    bb(24, 2, "over_voltage_2",      "grid voltage much too high",       Grid),
    bb(24, 3, "under_voltage_2",     "grid voltage much too low",        Grid),
    bb(24, 4, "insulation_a",        "insulation of input A",            Insulation),
    bb(24, 5, "input_a_dark",        "input A without power",            Input),
    bb(24, 6, "insulation_b",        "insulation of input B",            Insulation),
    bb(24, 7, "input_b_dark",        "input B without power",            Input),
    bb(25, 0, "over_frequency_1",    "grid frequency too high",          Grid),
    bb(25, 1, "under_frequency_1",   "grid frequency too low",           Grid),
    bb(25, 2, "over_frequency_2",    "grid frequency too high",          Grid),
    bb(25, 3, "under_frequency_2",   "grid frequency too low",           Grid),
    bb(25, 4, "over_frequency_3",    "grid frequency too high",          Grid),
    bb(25, 5, "under_frequency_3",   "grid frequency too low",           Grid),
    bb(25, 6, "over_frequency_4",    "grid frequency too high",          Grid),
    bb(25, 7, "under_frequency_4",   "grid frequency too low",           Grid),
    // A QS1 in good health at 17 degrees has the bit of over-temperature set, and one without any grid those of
    // over-voltage. So of these only what fits what was seen is sure.
    b1(33, 1, "dc_contactor",        "DC contactor",                     Inverter,   false),
    b1(33, 2, "grid_relay",          "grid relay",                       Inverter,   false),
    b1(33, 3, "dc_ground",           "fault of the panels' earth",       Insulation, false),
    b1(33, 4, "communication",       "fault inside of the inverter",     Inverter,   false),
    b1(33, 5, "over_frequency_rms",  "grid frequency too high",          Grid,       false),
    b1(33, 6, "under_frequency_rms", "grid frequency too low",           Grid,       false),
    b1(34, 0, "insulation_c",        "insulation of input C",            Insulation, false),
    b1(34, 2, "over_temperature",    "too hot",                          Inverter,   false),
    b1(34, 4, "dc_bus",              "fault of the DC bus",              Inverter,   false),
    b1(35, 0, "over_frequency_3",    "grid frequency too high",          Grid,       false),
    b1(35, 1, "under_frequency_3",   "grid frequency too low",           Grid,       true),
    b1(35, 2, "insulation_a",        "insulation of input A",            Insulation, false),
    b1(35, 4, "insulation_b",        "insulation of input B",            Insulation, false),
    b1(35, 6, "insulation_d",        "insulation of input D",            Insulation, false),
    b1(36, 0, "over_voltage_1",      "grid voltage too high",            Grid,       false),
    b1(36, 1, "under_voltage_1",     "grid voltage too low",             Grid,       false),
    b1(36, 2, "over_voltage_2",      "grid voltage much too high",       Grid,       false),
    b1(36, 3, "under_voltage_2",     "grid voltage much too low",        Grid,       false),
    b1(36, 4, "over_frequency_1",    "grid frequency too high",          Grid,       false),
    b1(36, 5, "under_frequency_1",   "grid frequency too low",           Grid,       true),
    b1(36, 6, "over_frequency_2",    "grid frequency too high",          Grid,       false),
    b1(36, 7, "under_frequency_2",   "grid frequency too low",           Grid,       true),
];

impl StatusBits {
    /// Where the first of the bytes stands.
    pub const fn first(self) -> usize {
        match self {
            Self::Bb(_) => 21,
            Self::B1(_) => 33,
        }
    }

    /// As sent.
    pub const fn bytes(&self) -> &[u8] {
        match self {
            Self::Bb(bytes) => bytes,
            Self::B1(bytes) => bytes,
        }
    }

    const fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Bb(bytes) => bytes,
            Self::B1(bytes) => bytes,
        }
    }

    fn of(self, event: &StatusEvent) -> Option<usize> {
        let is_b1 = matches!(self, Self::B1(_));
        let index = usize::from(event.byte).checked_sub(self.first())?;
        (is_b1 == event.is_b1).then_some(index)
    }

    /// Whether this bit is set.
    pub fn has(self, event: &StatusEvent) -> bool {
        let byte = self.of(event).and_then(|index| self.bytes().get(index));
        byte.is_some_and(|byte| byte >> event.bit & 1 == 1)
    }

    /// What is the case, whether the name is sure or not.
    pub fn events(self) -> impl Iterator<Item = &'static StatusEvent> {
        STATUS_EVENTS.iter().filter(move |event| self.has(event))
    }

    /// What is the case for sure: what may be told as such.
    pub fn sure_events(self) -> impl Iterator<Item = &'static StatusEvent> {
        self.events().filter(|event| event.is_sure)
    }

    /// The same with this bit set, for one who sends it.
    #[must_use]
    pub fn with(mut self, event: &StatusEvent) -> Self {
        if let Some(index) = self.of(event)
            && let Some(byte) = self.bytes_mut().get_mut(index)
        {
            *byte |= 1 << event.bit;
        }
        self
    }

    /// All bytes in hexadecimal digits, if any bit is set that has no sure name; so that it can be reported.
    pub fn unnamed(self) -> Option<String> {
        let mut left = self;
        for event in self.sure_events() {
            if let Some(index) = self.of(event)
                && let Some(byte) = left.bytes_mut().get_mut(index)
            {
                *byte &= !(1 << event.bit);
            }
        }
        let is_any = left.bytes().iter().any(|byte| *byte != 0);
        is_any.then(|| left.hex())
    }

    /// As sent, in hexadecimal digits.
    pub fn hex(self) -> String {
        self.bytes().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// What byte 58 of a DS3 says it is doing. Not all it says has been seen and understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProducingState {
    /// Both inputs produce.
    Both,
    /// None does.
    Neither,
    /// Only A does.
    OnlyA,
    /// Only B does.
    OnlyB,
    /// It is about to.
    Starting,
    /// Seen and not understood, or never seen.
    Other(u8),
}

impl ProducingState {
    /// What it says.
    pub const fn of_byte(byte: u8) -> Self {
        match byte {
            0x00 => Self::Both,
            0x03 => Self::Neither,
            0x05 => Self::OnlyB,
            0x06 => Self::OnlyA,
            0x0b | 0x0c => Self::Starting,
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_bit_has_one_name_and_each_name_one_bit() {
        let mut bits = BTreeSet::new();
        let mut keys = BTreeSet::new();
        for event in STATUS_EVENTS {
            assert!(
                bits.insert((event.is_b1, event.byte, event.bit)),
                "{event:?}"
            );
            assert!(keys.insert((event.is_b1, event.key)), "{event:?}");
            assert!(event.bit < 8);
            let empty = if event.is_b1 {
                StatusBits::B1([0; 4])
            } else {
                StatusBits::Bb([0; 5])
            };
            let set = empty.with(event);
            assert_eq!(set.events().collect::<Vec<_>>(), [event]);
            assert_eq!(set.sure_events().count(), usize::from(event.is_sure));
            assert_eq!(set.unnamed().is_none(), event.is_sure);
        }
    }

    #[test]
    fn what_has_no_name_is_kept() {
        let bits = StatusBits::Bb([0x10, 0, 0, 0xa0, 0]);
        let keys: Vec<_> = bits.events().map(|event| event.key).collect();
        assert_eq!(keys, ["input_a_dark", "input_b_dark"]);
        assert_eq!(bits.unnamed().as_deref(), Some("1000000000"));
        assert_eq!(bits.hex(), "100000a000");
        assert_eq!(StatusBits::B1([0; 4]).unnamed(), None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(bytes: [u8; 5]) {
            let bits = StatusBits::Bb(bytes);
            let named = bits.events().fold(StatusBits::Bb([0; 5]), StatusBits::with);
            let left = bits.unnamed().unwrap_or_else(|| "0000000000".to_owned());
            let sum = u64::from_str_radix(&named.hex(), 16).unwrap() + u64::from_str_radix(&left, 16).unwrap();
            prop_assert_eq!(sum, u64::from_str_radix(&bits.hex(), 16).unwrap());
        }
    }
}
