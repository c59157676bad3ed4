//! An optimizer: 0x0080 and 0x0082, packed, and 0x0000 of old ones.
//!
//! A body of 0x0082 has 21 bytes, or 15 with newer optimizers; its first 13 are those of 0x0080. The temperature
//! has a sign, and the current has 12 bits, though not all who read it say so.

use super::super::frame::address;
use super::super::serial::Serial;
use super::field::{
    FieldShown, Plausible, RecordField, Slot, Written, float, number, spare, u32_at,
};

/// What an optimizer says: 0x0000, 0x0080, 0x0082. Where the wire has steps, a value is the number that is
/// nearest to so many steps: it prints as it should.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    /// As sent: all bits count.
    pub serial: Serial,
    /// The record's type.
    pub kind: u16,
    /// The inverter, where the record names it.
    pub inverter: Option<Serial>,
    /// Seconds since 1970.
    pub at: u32,
    /// Seconds since it woke up. Packed records begin anew after 65535.
    pub uptime: Option<u32>,
    /// Of the panel, in V.
    pub input_voltage: Option<f32>,
    /// What it gives to the string, in V.
    pub output_voltage: Option<f32>,
    /// Of the panel, in A.
    pub input_current: Option<f32>,
    /// Watt-hours since it woke up. Packed records end at 16383.75.
    pub energy: Option<f32>,
    /// In °C.
    pub temperature: Option<f32>,
}

/// The type of an old record.
pub const OLD: u16 = 0x0000;
/// The type of a packed record.
pub const PACKED: u16 = 0x0080;
/// The type of a packed record that names the inverter.
pub const PACKED_LONG: u16 = 0x0082;

#[derive(Debug, Default)]
struct OptimizerDraft {
    uptime: Option<u32>,
    input_voltage: Option<f32>,
    output_voltage: Option<f32>,
    input_current: Option<f32>,
    energy: Option<f32>,
    temperature: Option<f32>,
    inverter: Option<u32>,
}

const TEMPERATURE: Plausible = Plausible::within(-60.0, 150.0);
const VOLTAGE: Plausible = Plausible::within(0.0, 1500.0);
const CURRENT: Plausible = Plausible::within(-10.0, 100.0);
const ENERGY: Plausible = Plausible::within(0.0, 1e6);

const fn steps(
    at: usize,
    size: usize,
    (first, bits): (u32, u32),
    (name, unit): (&'static str, &'static str),
    step: f64,
    place: fn(&mut OptimizerDraft) -> &mut Option<f32>,
) -> RecordField<OptimizerDraft> {
    let is_signed = bits == 8;
    RecordField {
        at,
        name,
        unit,
        slot: Slot::Steps {
            size,
            first,
            bits,
            is_signed,
            step,
            plausible: if is_signed { TEMPERATURE } else { ANYTHING },
            place,
        },
    }
}

const ANYTHING: Plausible = Plausible::within(0.0, f32::MAX);

#[rustfmt::skip]
static PACKED_ROWS: [RecordField<OptimizerDraft>; 9] = [
    spare(0, "time", Written::Time),
    RecordField { at: 4, name: "uptime", unit: "s", slot: Slot::U16(|it| &mut it.uptime) },
    steps(6, 4, (0, 10), ("panel voltage", "V"), 0.125, |it| &mut it.input_voltage),
    steps(6, 4, (10, 10), ("output voltage", "V"), 0.125, |it| &mut it.output_voltage),
    steps(6, 4, (20, 12), ("panel current", "A"), 0.00625, |it| &mut it.input_current),
    steps(10, 2, (0, 16), ("energy since wake-up", "Wh"), 0.25, |it| &mut it.energy),
    steps(12, 1, (0, 8), ("temperature", "°C"), 2.0, |it| &mut it.temperature),
    spare(13, "unknown", Written::Raw(4)),
    number(17, "inverter", "", u32::MAX, |it| &mut it.inverter),
];

#[rustfmt::skip]
static OLD_ROWS: [RecordField<OptimizerDraft>; 9] = [
    spare(0, "time", Written::Time),
    number(4, "receiver", "", u32::MAX, |it| &mut it.inverter),
    spare(8, "destination", Written::Address),
    number(12, "uptime", "s", u32::MAX, |it| &mut it.uptime),
    float(16, "panel voltage", "V", VOLTAGE, |it| &mut it.input_voltage),
    float(20, "output voltage", "V", VOLTAGE, |it| &mut it.output_voltage),
    float(24, "panel current", "A", CURRENT, |it| &mut it.input_current),
    float(28, "energy since wake-up", "Wh", ENERGY, |it| &mut it.energy),
    float(32, "temperature", "°C", TEMPERATURE, |it| &mut it.temperature),
];

fn layout(kind: u16) -> (&'static [RecordField<OptimizerDraft>], usize) {
    match kind {
        OLD => (&OLD_ROWS, 36),
        PACKED => (PACKED_ROWS.get(..7).unwrap_or(&PACKED_ROWS), 13),
        _ => (&PACKED_ROWS, 21),
    }
}

impl Optimizer {
    /// That of a body, if it says when it is of.
    pub fn decode(kind: u16, id: u32, body: &[u8]) -> Option<Self> {
        let at = u32_at(body, 0)?;
        let mut draft = OptimizerDraft::default();
        for row in layout(kind).0 {
            row.decode(body, &mut draft);
        }
        let inverter = draft.inverter.filter(|id| !address::is_special(*id));
        let inverter = inverter.map(Serial::of_inverter);
        Some(Self {
            serial: Serial(id),
            kind,
            // Where nothing stands, no inverter is named.
            inverter: inverter.filter(|inverter| inverter.0 != 0),
            at,
            uptime: draft.uptime,
            input_voltage: draft.input_voltage,
            output_voltage: draft.output_voltage,
            input_current: draft.input_current,
            energy: draft.energy,
            temperature: draft.temperature,
        })
    }

    /// Appends its body. In a packed one, what is not there is zero.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let (rows, length) = layout(self.kind);
        let inverter = self.inverter.map_or(0, |inverter| inverter.0);
        let mut draft = OptimizerDraft {
            uptime: self.uptime,
            input_voltage: self.input_voltage,
            output_voltage: self.output_voltage,
            input_current: self.input_current,
            energy: self.energy,
            temperature: self.temperature,
            inverter: Some(inverter),
        };
        let mut body = vec![0; length];
        for row in rows {
            row.encode(&mut draft, &mut body);
        }
        if let Some(time) = body.first_chunk_mut() {
            *time = self.at.to_le_bytes();
        }
        if self.kind == OLD
            && let Some(destination) = body.get_mut(8..12)
        {
            destination.copy_from_slice(&inverter.to_le_bytes());
        }
        bytes.append(&mut body);
    }
}

/// The fields of a body, in words.
pub fn show(kind: u16, body: &[u8]) -> Vec<FieldShown> {
    let shown = layout(kind).0.iter().filter_map(|row| row.show(body));
    let as_address = |mut field: FieldShown| {
        if matches!(field.name.as_str(), "receiver" | "inverter")
            && let Some(address) = u32_at(body, field.at)
        {
            field.value = Serial::of_inverter(address).to_string();
        }
        field
    };
    shown.map(as_address).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(kind: u16) -> Optimizer {
        Optimizer {
            serial: Serial(0x10c5_d6e7),
            kind,
            inverter: (kind != PACKED).then_some(Serial(0x7f12_3456)),
            at: 1_700_000_000,
            uptime: Some(5000),
            input_voltage: Some(33.5),
            output_voltage: Some(29.75),
            input_current: Some(0.4125),
            energy: Some(700.5),
            temperature: Some(-10.0),
        }
    }

    fn again(optimizer: &Optimizer) -> Option<Optimizer> {
        let mut body = Vec::new();
        optimizer.encode(&mut body);
        Optimizer::decode(optimizer.kind, optimizer.serial.0, &body)
    }

    #[test]
    fn what_is_written_is_read() {
        for kind in [OLD, PACKED, PACKED_LONG] {
            let optimizer = sample(kind);
            assert_eq!(again(&optimizer), Some(optimizer));
        }
        let unknown = Optimizer {
            temperature: None,
            uptime: None,
            ..sample(OLD)
        };
        assert_eq!(again(&unknown), Some(unknown));
    }

    #[test]
    fn a_packed_body_of_15_bytes_has_all_but_the_inverter() {
        let mut body = Vec::new();
        sample(PACKED_LONG).encode(&mut body);
        let short = Optimizer::decode(PACKED_LONG, 0x10c5_d6e7, &body[..15]);
        let expected = Optimizer {
            inverter: None,
            ..sample(PACKED_LONG)
        };
        assert_eq!(short, Some(expected));
        let cut = Optimizer::decode(PACKED, 1, &body[..11]).unwrap();
        assert_eq!(cut.input_current, Some(0.4125));
        assert_eq!((cut.energy, cut.temperature), (None, None));
    }

    #[test]
    fn the_power_board_of_the_inverter_is_the_inverter_and_nobody_is_none() {
        let mut optimizer = sample(PACKED_LONG);
        optimizer.inverter = Some(Serial(0x7f92_3456));
        assert_eq!(
            again(&optimizer).unwrap().inverter,
            Some(Serial(0x7f12_3456))
        );
        for nobody in [0, 0x0080_0000, 0xffff_fffe, 0xffff_ffff] {
            optimizer.inverter = Some(Serial(nobody));
            assert_eq!(again(&optimizer).unwrap().inverter, None, "{nobody:x}");
        }
    }

    proptest! {
        #[test]
        fn all_bits_of_a_packed_body_come_back(body: [u8; 13]) {
            let optimizer = Optimizer::decode(PACKED, 1, &body).unwrap();
            let mut bytes = Vec::new();
            optimizer.encode(&mut bytes);
            if optimizer.temperature.is_some() {
                prop_assert_eq!(bytes, body);
            } else {
                prop_assert_eq!(&bytes[..12], &body[..12]);
                prop_assert!((76..226).contains(&body[12]));
            }
        }
    }
}
