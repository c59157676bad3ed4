//! An inverter: 0x0010 with one phase, 0x0011 with three.
//!
//! Bodies of one phase have been seen with 104, 124, 174, 176, 180, 186 and 196 bytes, of three with 200, 258, 264
//! and 266; they differ in what is appended. The energies and the current of the panels' side are always
//! "not available". The row called insulation is taken for a rated power by some; its values drift.

use super::field::{FieldShown, Plausible, RecordField, Written, float, number, spare, u32_at};

/// A value of one phase of an inverter.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Phase {
    /// Volts to neutral.
    pub voltage: Option<f32>,
    /// Amperes.
    pub current: Option<f32>,
    /// Hertz.
    pub frequency: Option<f32>,
    /// Cosine of the angle between voltage and current.
    pub power_factor: Option<f32>,
    /// Direct current in the output, in amperes.
    pub direct_current: Option<f32>,
    /// Watts.
    pub active_power: Option<f32>,
    /// Volt-amperes.
    pub apparent_power: Option<f32>,
    /// Reactive volt-amperes.
    pub reactive_power: Option<f32>,
    /// Volts to the next phase; `None` where there is only one.
    pub voltage_to_next: Option<f32>,
}

/// What an inverter says of itself: 0x0010 with one phase, 0x0011 with three.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inverter {
    /// As sent; the identity is that of the frame.
    pub id: u32,
    /// Seconds since 1970.
    pub at: u32,
    /// Seconds since it was switched on.
    pub uptime: Option<u32>,
    /// Seconds that [`Self::energy_interval`] is of.
    pub interval: Option<u32>,
    /// Of the heat sink, in °C.
    pub temperature: Option<f32>,
    /// Watt-hours since it woke up.
    pub energy_since_wake: Option<f32>,
    /// Watt-hours in this interval.
    pub energy_interval: Option<f32>,
    /// Volts of the panels.
    pub dc_voltage: Option<f32>,
    /// Watt-hours in its whole life: the exact counter where it is good, else the rounded one.
    pub energy_total: Option<u64>,
    /// Residual current, in amperes.
    pub residual_current: Option<f32>,
    /// What it does; see [`MODES`].
    pub mode: Option<u32>,
    /// Of the insulation, in kΩ.
    pub insulation: Option<f32>,
    /// Share of its power that it may deliver, in percent.
    pub power_limit: Option<f32>,
    /// One or three.
    pub phases: Vec<Phase>,
}

/// What an inverter does, by its number.
pub const MODES: [(u32, &str); 8] = [
    (1, "off"),
    (2, "sleeping"),
    (3, "starting"),
    (4, "mppt"),
    (5, "throttled"),
    (6, "shutting_down"),
    (7, "fault"),
    (8, "standby"),
];

/// The word for what an inverter does.
pub fn mode_word(mode: u32) -> Option<&'static str> {
    let found = MODES.iter().find(|(number, _)| *number == mode);
    found.map(|(_, word)| *word)
}

/// The type of the record of an inverter with one phase.
pub const ONE_PHASE: u16 = 0x0010;
/// The type of the record of an inverter with three.
pub const THREE_PHASES: u16 = 0x0011;

/// A record while it is read or written: all phases there can be, and both counters.
#[derive(Debug, Default)]
struct InverterDraft {
    inverter: Inverter,
    phases: [Phase; 3],
    total: Option<u32>,
    total_rounded: Option<f32>,
}

const TEMPERATURE: Plausible = Plausible::within(-60.0, 150.0);
const ENERGY: Plausible = Plausible::within(-1e3, 1e7);
const LIFETIME: Plausible = Plausible::within(1.0, 999_999_900.0);
const LIFETIME_MOST: u32 = 999_999_999;
const AC_VOLTAGE: Plausible = Plausible::within(0.0, 1000.0);
const DC_VOLTAGE: Plausible = Plausible::within(-10.0, 1500.0);
const CURRENT: Plausible = Plausible::within(-1000.0, 1000.0);
const FREQUENCY: Plausible = Plausible::within(40.0, 70.0).or_zero();
const POWER: Plausible = Plausible::within(-1e6, 1e6);
const POWER_FACTOR: Plausible = Plausible::within(-1.05, 1.05);
const DIRECT_CURRENT: Plausible = Plausible::within(-100.0, 100.0);
const RESIDUAL: Plausible = Plausible::within(-100.0, 100.0);
const RESISTANCE: Plausible = Plausible::within(0.0, 1e7);
const PERCENT: Plausible = Plausible::within(0.0, 200.0);
/// A number beyond is no mode that firmware could have.
const MODE: u32 = 255;
const ANY: u32 = u32::MAX;

#[rustfmt::skip]
static ONE: [RecordField<InverterDraft>; 31] = [
    spare(0, "time", Written::Time),
    number(4, "uptime", "s", ANY, |it| &mut it.inverter.uptime),
    number(8, "interval", "s", ANY, |it| &mut it.inverter.interval),
    float(12, "temperature", "°C", TEMPERATURE, |it| &mut it.inverter.temperature),
    float(16, "energy since wake-up", "Wh", ENERGY, |it| &mut it.inverter.energy_since_wake),
    float(20, "energy in the interval", "Wh", ENERGY, |it| &mut it.inverter.energy_interval),
    float(24, "AC voltage", "V", AC_VOLTAGE, |it| &mut it.phases[0].voltage),
    float(28, "AC current", "A", CURRENT, |it| &mut it.phases[0].current),
    float(32, "frequency", "Hz", FREQUENCY, |it| &mut it.phases[0].frequency),
    spare(36, "DC energy since wake-up", Written::F32),
    spare(40, "DC energy in the interval", Written::F32),
    float(44, "DC voltage", "V", DC_VOLTAGE, |it| &mut it.inverter.dc_voltage),
    spare(48, "DC current", Written::F32),
    float(52, "lifetime energy, rounded", "Wh", LIFETIME, |it| &mut it.total_rounded),
    float(56, "residual current", "A", RESIDUAL, |it| &mut it.inverter.residual_current),
    spare(60, "unknown", Written::F32),
    float(64, "power factor", "", POWER_FACTOR, |it| &mut it.phases[0].power_factor),
    number(68, "mode", "", MODE, |it| &mut it.inverter.mode),
    float(72, "insulation", "kΩ", RESISTANCE, |it| &mut it.inverter.insulation),
    float(76, "power limit", "%", PERCENT, |it| &mut it.inverter.power_limit),
    float(80, "DC in the output", "A", DIRECT_CURRENT, |it| &mut it.phases[0].direct_current),
    spare(84, "unknown", Written::F32),
    spare(88, "unknown", Written::F32),
    float(92, "active power", "W", POWER, |it| &mut it.phases[0].active_power),
    float(96, "apparent power", "VA", POWER, |it| &mut it.phases[0].apparent_power),
    float(100, "reactive power", "var", POWER, |it| &mut it.phases[0].reactive_power),
    spare(104, "a limit", Written::F32),
    spare(108, "a limit", Written::F32),
    spare(112, "unknown", Written::F32),
    number(116, "lifetime energy", "Wh", LIFETIME_MOST, |it| &mut it.total),
    spare(120, "unknown", Written::U32),
];

#[rustfmt::skip]
static THREE: [RecordField<InverterDraft>; 53] = [
    spare(0, "time", Written::Time),
    number(4, "uptime", "s", ANY, |it| &mut it.inverter.uptime),
    number(8, "interval", "s", ANY, |it| &mut it.inverter.interval),
    float(12, "temperature", "°C", TEMPERATURE, |it| &mut it.inverter.temperature),
    float(16, "energy since wake-up", "Wh", ENERGY, |it| &mut it.inverter.energy_since_wake),
    float(20, "energy in the interval", "Wh", ENERGY, |it| &mut it.inverter.energy_interval),
    float(24, "AC voltage L1", "V", AC_VOLTAGE, |it| &mut it.phases[0].voltage),
    float(28, "AC voltage L2", "V", AC_VOLTAGE, |it| &mut it.phases[1].voltage),
    float(32, "AC voltage L3", "V", AC_VOLTAGE, |it| &mut it.phases[2].voltage),
    float(36, "AC current L1", "A", CURRENT, |it| &mut it.phases[0].current),
    float(40, "AC current L2", "A", CURRENT, |it| &mut it.phases[1].current),
    float(44, "AC current L3", "A", CURRENT, |it| &mut it.phases[2].current),
    float(48, "frequency L1", "Hz", FREQUENCY, |it| &mut it.phases[0].frequency),
    float(52, "frequency L2", "Hz", FREQUENCY, |it| &mut it.phases[1].frequency),
    float(56, "frequency L3", "Hz", FREQUENCY, |it| &mut it.phases[2].frequency),
    spare(60, "DC energy since wake-up", Written::F32),
    spare(64, "DC energy in the interval", Written::F32),
    float(68, "DC voltage", "V", DC_VOLTAGE, |it| &mut it.inverter.dc_voltage),
    spare(72, "DC current", Written::F32),
    float(76, "lifetime energy, rounded", "Wh", LIFETIME, |it| &mut it.total_rounded),
    float(80, "residual current", "A", RESIDUAL, |it| &mut it.inverter.residual_current),
    spare(84, "unknown", Written::F32),
    spare(88, "unknown", Written::F32),
    spare(92, "unknown", Written::F32),
    float(96, "power factor L1", "", POWER_FACTOR, |it| &mut it.phases[0].power_factor),
    float(100, "power factor L2", "", POWER_FACTOR, |it| &mut it.phases[1].power_factor),
    float(104, "power factor L3", "", POWER_FACTOR, |it| &mut it.phases[2].power_factor),
    number(108, "mode", "", MODE, |it| &mut it.inverter.mode),
    float(112, "insulation", "kΩ", RESISTANCE, |it| &mut it.inverter.insulation),
    float(116, "power limit", "%", PERCENT, |it| &mut it.inverter.power_limit),
    float(120, "DC in the output L1", "A", DIRECT_CURRENT, |it| &mut it.phases[0].direct_current),
    float(124, "DC in the output L2", "A", DIRECT_CURRENT, |it| &mut it.phases[1].direct_current),
    float(128, "DC in the output L3", "A", DIRECT_CURRENT, |it| &mut it.phases[2].direct_current),
    float(132, "AC voltage L1 to L2", "V", AC_VOLTAGE, |it| &mut it.phases[0].voltage_to_next),
    float(136, "AC voltage L2 to L3", "V", AC_VOLTAGE, |it| &mut it.phases[1].voltage_to_next),
    float(140, "AC voltage L3 to L1", "V", AC_VOLTAGE, |it| &mut it.phases[2].voltage_to_next),
    float(144, "active power L1", "W", POWER, |it| &mut it.phases[0].active_power),
    float(148, "active power L2", "W", POWER, |it| &mut it.phases[1].active_power),
    float(152, "active power L3", "W", POWER, |it| &mut it.phases[2].active_power),
    float(156, "apparent power L1", "VA", POWER, |it| &mut it.phases[0].apparent_power),
    float(160, "apparent power L2", "VA", POWER, |it| &mut it.phases[1].apparent_power),
    float(164, "apparent power L3", "VA", POWER, |it| &mut it.phases[2].apparent_power),
    float(168, "reactive power L1", "var", POWER, |it| &mut it.phases[0].reactive_power),
    float(172, "reactive power L2", "var", POWER, |it| &mut it.phases[1].reactive_power),
    float(176, "reactive power L3", "var", POWER, |it| &mut it.phases[2].reactive_power),
    spare(180, "a limit L1", Written::F32),
    spare(184, "a limit L2", Written::F32),
    spare(188, "a limit L3", Written::F32),
    number(192, "lifetime energy", "Wh", LIFETIME_MOST, |it| &mut it.total),
    spare(196, "unknown", Written::U32),
    spare(218, "lifetime energy, again", Written::U32),
    spare(222, "unknown", Written::U32),
    spare(226, "energy in the interval, again", Written::F32),
];

/// How many bytes are written of a body: all that has a meaning.
const ONE_LENGTH: usize = 124;
const THREE_LENGTH: usize = 200;

fn layout(kind: u16) -> (&'static [RecordField<InverterDraft>], usize, usize) {
    match kind {
        ONE_PHASE => (&ONE, 1, ONE_LENGTH),
        _ => (&THREE, 3, THREE_LENGTH),
    }
}

impl Inverter {
    /// That of a body, if it says when it is of.
    pub fn decode(kind: u16, id: u32, body: &[u8]) -> Option<Self> {
        let at = u32_at(body, 0)?;
        let (rows, phases, _) = layout(kind);
        let mut draft = InverterDraft::default();
        for row in rows {
            row.decode(body, &mut draft);
        }
        let exact = draft.total.filter(|total| *total > 0).map(u64::from);
        let energy_total = exact.or(draft.total_rounded.map(|total| total as u64));
        Some(Self {
            id,
            at,
            energy_total,
            phases: draft.phases.get(..phases)?.to_vec(),
            ..draft.inverter
        })
    }

    /// The type of its record.
    pub fn kind(&self) -> u16 {
        if self.phases.len() > 1 {
            THREE_PHASES
        } else {
            ONE_PHASE
        }
    }

    /// Appends its body.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let (rows, _, length) = layout(self.kind());
        let total = self
            .energy_total
            .and_then(|total| u32::try_from(total).ok());
        let mut draft = InverterDraft {
            inverter: self.clone(),
            phases: [Phase::default(); 3],
            total: Some(total.unwrap_or(0)),
            total_rounded: total.map(|total| total as f32),
        };
        for (into, phase) in draft.phases.iter_mut().zip(&self.phases) {
            *into = *phase;
        }
        let mut body = vec![0; length];
        for row in rows {
            row.encode(&mut draft, &mut body);
        }
        if let Some(time) = body.first_chunk_mut() {
            *time = self.at.to_le_bytes();
        }
        bytes.append(&mut body);
    }
}

/// The fields of a body, in words.
pub fn show(kind: u16, body: &[u8]) -> Vec<FieldShown> {
    let (rows, _, _) = layout(kind);
    let shown = rows.iter().filter_map(|row| row.show(body));
    let with_word = |mut field: FieldShown| {
        if field.name == "mode"
            && let Some(word) = field.value.parse().ok().and_then(mode_word)
        {
            field.value = format!("{} ({word})", field.value);
        }
        field
    };
    shown.map(with_word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(phases: usize) -> Inverter {
        let phase = Phase {
            voltage: Some(231.5),
            current: Some(4.25),
            frequency: Some(50.0),
            power_factor: Some(-1.0),
            direct_current: Some(-0.02),
            active_power: Some(-12.5),
            apparent_power: Some(984.0),
            reactive_power: Some(-80.0),
            voltage_to_next: (phases == 3).then_some(400.0),
        };
        Inverter {
            id: 0x7f12_3456,
            at: 1_700_000_000,
            uptime: Some(40_000),
            interval: Some(300),
            temperature: Some(-3.5),
            energy_since_wake: Some(3000.25),
            energy_interval: Some(20.5),
            dc_voltage: Some(360.125),
            energy_total: Some(16_777_217),
            residual_current: Some(0.0125),
            mode: Some(4),
            insulation: Some(6000.0),
            power_limit: Some(100.0),
            phases: vec![phase; phases],
        }
    }

    fn again(inverter: &Inverter) -> Option<Inverter> {
        let mut body = Vec::new();
        inverter.encode(&mut body);
        Inverter::decode(inverter.kind(), inverter.id, &body)
    }

    #[test]
    fn what_is_written_is_read() {
        for phases in [1, 3] {
            let mut inverter = sample(phases);
            assert_eq!(again(&inverter).as_ref(), Some(&inverter));
            inverter.energy_total = None;
            inverter.mode = None;
            inverter.temperature = None;
            inverter.phases[0].active_power = None;
            assert_eq!(again(&inverter), Some(inverter));
        }
    }

    #[test]
    fn each_field_stands_where_the_one_before_it_ends() {
        for rows in [&ONE[..], &THREE[..50]] {
            let mut end = 0;
            for row in rows {
                assert_eq!(row.at, end, "{}", row.name);
                end += row.size();
            }
            assert!([ONE_LENGTH, THREE_LENGTH].contains(&end));
        }
    }

    #[test]
    fn the_counter_is_the_exact_one_where_that_is_good() {
        let with = |exact: u32, rounded: f32| {
            let mut body = Vec::new();
            sample(1).encode(&mut body);
            body[52..56].copy_from_slice(&rounded.to_le_bytes());
            body[116..120].copy_from_slice(&exact.to_le_bytes());
            let total = |end| {
                Inverter::decode(ONE_PHASE, 1, &body[..end])
                    .unwrap()
                    .energy_total
            };
            (total(124), total(104))
        };
        assert_eq!(
            with(16_777_217, 16_777_216.0),
            (Some(16_777_217), Some(16_777_216))
        );
        assert_eq!(with(0, 12.0), (Some(12), Some(12)));
        assert_eq!(with(1_000_000_000, 12.0), (Some(12), Some(12)));
        assert_eq!(with(0xff7f_ffff, 1e9), (None, None));
        assert_eq!(with(0, 1.2298e19), (None, None));
        assert_eq!(with(0, 0.0), (None, None));
        assert_eq!(with(7, f32::NAN), (Some(7), None));
    }

    #[test]
    fn a_short_body_has_its_beginning() {
        let mut body = Vec::new();
        sample(3).encode(&mut body);
        let cut = |end| Inverter::decode(THREE_PHASES, 1, &body[..end]);
        assert_eq!(cut(3), None);
        let empty = Inverter {
            id: 1,
            at: 1_700_000_000,
            phases: vec![Phase::default(); 3],
            ..Inverter::default()
        };
        assert_eq!(cut(4), Some(empty));
        let some = cut(31).unwrap();
        assert_eq!(some.phases[0].voltage, Some(231.5));
        assert_eq!(some.phases[1].voltage, None);
    }

    #[test]
    fn a_mode_has_a_word() {
        assert_eq!(mode_word(4), Some("mppt"));
        assert_eq!(mode_word(0), None);
        let mut body = Vec::new();
        sample(1).encode(&mut body);
        let shown = show(ONE_PHASE, &body);
        assert!(
            shown.iter().any(|field| field.value == "4 (mppt)"),
            "{shown:?}"
        );
        assert!(
            shown.iter().any(|field| field.value == "231.5 V"),
            "{shown:?}"
        );
    }
}
