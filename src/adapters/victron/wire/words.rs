//! Numbers that stand for words, and bits that do: data, the same in both protocols.

use std::borrow::Cow;

/// What takes the place of a word that is not known, the number behind it.
pub const OTHER: &str = "other";

/// A table of words. A number that it lacks is kept as the number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// What they are about.
    pub title: &'static str,
    /// Number and word, in the order of the numbers; several numbers may share a word.
    pub list: &'static [(i32, &'static str)],
}

impl Words {
    /// The word for a number.
    #[must_use]
    pub fn word(&self, number: i64) -> Option<&'static str> {
        let number = i32::try_from(number).ok()?;
        let at = self
            .list
            .binary_search_by_key(&number, |(number, _)| *number)
            .ok()?;
        self.list.get(at).map(|(_, word)| *word)
    }

    /// The word for a number; for one without a word "other" and the number.
    #[must_use]
    pub fn say(&self, number: i64) -> Cow<'static, str> {
        match self.word(number) {
            Some(word) => word.into(),
            None => format!("{OTHER} ({number})").into(),
        }
    }

    /// How many different words there are.
    #[must_use]
    pub const fn distinct(&self) -> usize {
        let (mut count, mut at) = (0, 0);
        while at < self.list.len() {
            if self.is_first(at) {
                count += 1;
            }
            at += 1;
        }
        count
    }

    /// Whether no word before this one is the same.
    #[must_use]
    pub const fn is_first(&self, at: usize) -> bool {
        let mut before = 0;
        while before < at {
            if same(self.list[before].1.as_bytes(), self.list[at].1.as_bytes()) {
                return false;
            }
            before += 1;
        }
        true
    }

    /// The words for the bits that are set, bit 0 first; `Err` for bits without a word.
    pub fn bits(&self, mask: u32) -> impl Iterator<Item = Result<&'static str, u32>> + use<'_> {
        let set = (0..32_u32).filter(move |bit| mask & 1 << bit != 0);
        set.map(|bit| self.word(i64::from(bit)).ok_or(bit))
    }
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// What a charger or inverter is doing: label `CS`, register 0x0201.
#[rustfmt::skip]
pub static STATE: Words = Words { title: "state", list: &[
    (0, "off"), (1, "low power"), (2, "fault"), (3, "bulk"), (4, "absorption"), (5, "float"),
    (6, "storage"), (7, "equalise"), (8, "pass-through"), (9, "inverting"), (10, "assisting"),
    (11, "power supply"), (244, "sustain"), (245, "starting up"), (246, "repeated absorption"),
    (247, "automatic equalise"), (248, "battery safe"), (249, "load detection"),
    (252, "external control"), (255, "unavailable"),
] };

/// What a device is told to be: label `MODE`, register 0x0200.
#[rustfmt::skip]
pub static MODE: Words = Words { title: "mode", list: &[
    (0, "off"), (1, "charger on"), (2, "inverter on"), (3, "on"), (4, "off"), (5, "eco"),
    (253, "hibernate"),
] };

/// What a solar tracker is doing: label `MPPT`, register 0xEDB3.
#[rustfmt::skip]
pub static TRACKER: Words = Words { title: "tracker", list: &[
    (0, "off"), (1, "limited"), (2, "active"),
] };

/// What is wrong with a charger: label `ERR`, register 0xEDDA.
#[rustfmt::skip]
pub static ERROR: Words = Words { title: "error", list: &[
    (0, "none"), (1, "battery too hot"), (2, "battery voltage too high"),
    (3, "battery temperature sensor"), (4, "battery temperature sensor"),
    (5, "battery temperature sensor"), (6, "battery voltage sensor"), (7, "battery voltage sensor"),
    (8, "battery voltage sensor"), (11, "high ripple voltage"), (12, "battery charge too low"),
    (13, "mid-point voltage"), (14, "battery too cold"), (17, "charger too hot"),
    (18, "charger over-current"), (19, "charger current reversed"), (20, "bulk time limit"),
    (21, "current sensor"), (22, "internal temperature sensor"), (23, "internal temperature sensor"),
    (24, "fan"), (25, "fan over-current"), (26, "terminals too hot"), (27, "short circuit"),
    (28, "converter"), (29, "over-charge"), (31, "input voltage out of range"),
    (32, "input voltage too low"), (33, "panel voltage too high"), (34, "panel current too high"),
    (35, "panel power too high"), (36, "input polarity"), (37, "input absent: mains or fuse"),
    (38, "input shut down: battery voltage too high"), (39, "input shut down: current while off"),
    (40, "input failed to shut down"), (41, "inverter shut down"), (42, "inverter shut down"),
    (43, "inverter shut down"), (50, "inverter overload"), (51, "inverter too hot"),
    (52, "inverter peak current"), (53, "inverter output voltage"), (54, "inverter output voltage"),
    (55, "inverter self test"), (56, "inverter self test"), (57, "mains at the inverter's output"),
    (58, "inverter self test"), (59, "AC input relay test"), (60, "AC input relay test"),
    (65, "communication lost"), (66, "synchronised charging misconfigured"),
    (67, "battery management lost"), (68, "network misconfigured"), (69, "network misconfigured"),
    (70, "network misconfigured"), (71, "network misconfigured"), (80, "panel input shut down"),
    (81, "panel input shut down"), (82, "panel input shut down"), (83, "panel input shut down"),
    (84, "panel input shut down"), (85, "panel input shut down"), (86, "panel input shut down"),
    (87, "panel input shut down"), (113, "storage write failed"), (114, "processor too hot"),
    (115, "CAN communication lost"), (116, "calibration lost"), (117, "firmware not valid"),
    (118, "incompatible hardware"), (119, "settings lost"), (120, "reference voltage"),
    (121, "tester failed"), (122, "history not valid"), (200, "internal DC voltage"),
    (201, "internal DC voltage"), (202, "residual current"), (203, "internal supply"),
    (205, "internal supply"), (212, "internal supply"), (215, "internal supply"), (255, "unknown"),
] };
/// Bits of alarms and warnings: labels `AR` and `WARN`, registers 0x031E and 0x031C.
#[rustfmt::skip]
pub static ALARM: Words = Words { title: "alarm", list: &[
    (0, "low voltage"), (1, "high voltage"), (2, "low state of charge"),
    (3, "low starter voltage"), (4, "high starter voltage"), (5, "low temperature"),
    (6, "high temperature"), (7, "mid-point voltage"), (8, "overload"), (9, "DC ripple"),
    (10, "low AC output voltage"), (11, "high AC output voltage"), (12, "short circuit"),
    (13, "BMS lock-out"),
] };

/// Bits of why a device is off: label `OR`, registers 0x0205 and 0x0207.
#[rustfmt::skip]
pub static OFF_REASON: Words = Words { title: "off reason", list: &[
    (0, "no input power"), (1, "power switch"), (2, "device mode"), (3, "remote input"),
    (4, "protection"), (5, "pay-as-you-go"), (6, "BMS"), (7, "engine shut-down detection"),
    (8, "analysing input voltage"), (9, "battery temperature"),
] };

/// What a shunt measures: label `MON`, register 0xEEB8. All but 0 make a DC energy meter of it.
#[rustfmt::skip]
pub static MONITOR: Words = Words { title: "monitor mode", list: &[
    (-9, "solar charger"), (-8, "wind turbine"), (-7, "shaft generator"), (-6, "alternator"),
    (-5, "fuel cell"), (-4, "water generator"), (-3, "DC/DC charger"), (-2, "AC charger"),
    (-1, "source"), (0, "battery monitor"), (1, "load"), (2, "electric drive"), (3, "fridge"),
    (4, "water pump"), (5, "bilge pump"), (6, "DC system"), (7, "inverter"), (8, "water heater"),
] };

/// Bits of what can be done over Bluetooth: label `CAP_BLE`, register 0x0150.
#[rustfmt::skip]
pub static BLUETOOTH: Words = Words { title: "Bluetooth", list: &[
    (0, "can be switched off"), (1, "stays off for good"),
] };

/// How the load output is controlled: low nibble of register 0xEDAB.
#[rustfmt::skip]
pub static LOAD_CONTROL: Words = Words { title: "load control", list: &[
    (0, "off"), (1, "automatic"), (4, "on"), (5, "user setting 1"), (6, "user setting 2"),
    (7, "automatic energy selector"),
] };

/// Bits of why the load output is off: register 0xED91.
#[rustfmt::skip]
pub static LOAD_OFF_REASON: Words = Words { title: "load off reason", list: &[
    (0, "battery low"), (1, "short circuit"), (2, "timer"), (3, "remote input"),
    (4, "pay-as-you-go"), (7, "starting up"),
] };

/// Which AC input is used: register 0x0204.
#[rustfmt::skip]
pub static ACTIVE_INPUT: Words = Words { title: "active input", list: &[
    (0, "input 1"), (1, "input 2"), (240, "none"),
] };

/// What a charger at the mains works as: register 0x0206.
#[rustfmt::skip]
pub static FUNCTION: Words = Words { title: "function", list: &[
    (0, "charger"), (1, "power supply"),
] };

/// All tables.
pub static ALL: &[&Words] = &[
    &STATE,
    &MODE,
    &TRACKER,
    &ERROR,
    &ALARM,
    &OFF_REASON,
    &MONITOR,
    &BLUETOOTH,
    &LOAD_CONTROL,
    &LOAD_OFF_REASON,
    &ACTIVE_INPUT,
    &FUNCTION,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_so_that_each_is_found() {
        for words in ALL {
            assert!(
                words.list.is_sorted_by_key(|(number, _)| number),
                "{}",
                words.title
            );
            for pair in words.list.windows(2) {
                assert_ne!(pair[0].0, pair[1].0, "{}", words.title);
            }
            for (number, word) in words.list {
                assert_eq!(words.word(i64::from(*number)), Some(*word));
            }
        }
    }

    #[test]
    fn unknown_numbers_have_no_word() {
        assert_eq!(STATE.word(12), None);
        assert_eq!(STATE.word(i64::MAX), None);
        assert_eq!(STATE.say(3), "bulk");
        assert_eq!(STATE.say(12), "other (12)");
        assert_eq!(ERROR.say(-1), "other (-1)");
    }

    #[test]
    fn several_bits_give_several_words_and_unknown_ones_their_number() {
        let words: Vec<_> = OFF_REASON.bits(0x8000_0009).collect();
        assert_eq!(words, [Ok("no input power"), Ok("remote input"), Err(31)]);
    }
}
