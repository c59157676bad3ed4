//! A meter: 0x0022.
//!
//! An inverter sends one record for each of its meters, all with its own id. Which values one has depends on
//! what it is: the side that does not apply is "not available".

use super::field::{
    FieldShown, Plausible, RecordField, Slot, Written, float, number, spare, u32_at,
};

/// What a meter says: 0x0022.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MeterRecord {
    /// As sent: that of the inverter.
    pub id: u32,
    /// Seconds since 1970.
    pub at: u32,
    /// Which of the inverter's meters; 5 is the grid.
    pub kind: u8,
    /// Watt-hours out in its whole life: to the grid, into the battery, from the panels.
    pub total_out: Option<u32>,
    /// Watt-hours in, in its whole life.
    pub total_in: Option<u32>,
    /// Seconds that the energies of the interval are of.
    pub interval: Option<u32>,
    /// Watt-hours out in the interval.
    pub energy_out: Option<u32>,
    /// Watt-hours in, in the interval.
    pub energy_in: Option<u32>,
    /// Watts out.
    pub power_out: Option<f32>,
    /// Watts in.
    pub power_in: Option<f32>,
}

/// The type of the record.
pub const METER: u16 = 0x0022;

const LENGTH: usize = 58;
const POWER: Plausible = Plausible::within(-1e7, 1e7);
/// More than the largest house can have in an interval of a day.
const ENERGY: u32 = 100_000_000;

const fn total(
    at: usize,
    name: &'static str,
    place: fn(&mut MeterRecord) -> &mut Option<u32>,
) -> RecordField<MeterRecord> {
    RecordField {
        at,
        name,
        unit: "Wh",
        slot: Slot::Flagged(place),
    }
}

#[rustfmt::skip]
static ROWS: [RecordField<MeterRecord>; 12] = [
    spare(0, "time", Written::Time),
    spare(4, "meter", Written::U8),
    spare(5, "interval only", Written::U8),
    total(6, "energy out, total", |it| &mut it.total_out),
    total(14, "energy in, total", |it| &mut it.total_in),
    spare(22, "unknown total", Written::Raw(8)),
    spare(30, "unknown total", Written::Raw(8)),
    number(38, "interval", "s", u32::MAX, |it| &mut it.interval),
    number(42, "energy out", "Wh", ENERGY, |it| &mut it.energy_out),
    number(46, "energy in", "Wh", ENERGY, |it| &mut it.energy_in),
    float(50, "power out", "W", POWER, |it| &mut it.power_out),
    float(54, "power in", "W", POWER, |it| &mut it.power_in),
];

impl MeterRecord {
    /// That of a body, if it says which and when.
    pub fn decode(id: u32, body: &[u8]) -> Option<Self> {
        let mut meter = Self {
            id,
            at: u32_at(body, 0)?,
            kind: *body.get(4)?,
            ..Self::default()
        };
        for row in &ROWS {
            row.decode(body, &mut meter);
        }
        // An energy of the interval has no word for "not available"; it is as available as the power.
        meter.energy_out = meter.energy_out.filter(|_| meter.power_out.is_some());
        meter.energy_in = meter.energy_in.filter(|_| meter.power_in.is_some());
        Some(meter)
    }

    /// Appends its body.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let mut body = vec![0; LENGTH];
        let mut draft = self.clone();
        for (power, energy) in [
            (self.power_out, &mut draft.energy_out),
            (self.power_in, &mut draft.energy_in),
        ] {
            if power.is_none() {
                *energy = Some(0);
            }
        }
        for row in &ROWS {
            row.encode(&mut draft, &mut body);
        }
        let [t0, t1, t2, t3] = self.at.to_le_bytes();
        let interval_only = self.total_out.is_none() && self.total_in.is_none();
        let head = [t0, t1, t2, t3, self.kind, u8::from(interval_only)];
        if let Some(beginning) = body.first_chunk_mut() {
            *beginning = head;
        }
        for unknown in [29, 37] {
            if let Some(flag) = body.get_mut(unknown) {
                *flag = 0x80;
            }
        }
        bytes.append(&mut body);
    }
}

/// The fields of a body, in words.
pub fn show(body: &[u8]) -> Vec<FieldShown> {
    ROWS.iter().filter_map(|row| row.show(body)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> MeterRecord {
        MeterRecord {
            id: 0x7f12_3456,
            at: 1_700_000_000,
            kind: 5,
            total_out: Some(4_000_000_000),
            total_in: Some(7),
            interval: Some(300),
            energy_out: Some(12),
            energy_in: Some(0),
            power_out: Some(144.5),
            power_in: Some(0.0),
        }
    }

    fn again(meter: &MeterRecord) -> Option<MeterRecord> {
        let mut body = Vec::new();
        meter.encode(&mut body);
        assert_eq!(body.len(), LENGTH);
        MeterRecord::decode(meter.id, &body)
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(again(&grid()), Some(grid()));
        let produced = MeterRecord {
            kind: 9,
            total_out: None,
            total_in: None,
            energy_in: None,
            power_in: None,
            ..grid()
        };
        assert_eq!(again(&produced), Some(produced));
    }

    #[test]
    fn an_energy_without_its_power_is_not_there() {
        let mut body = Vec::new();
        grid().encode(&mut body);
        body[54..58].copy_from_slice(&[0xff, 0xff, 0x7f, 0xff]);
        let meter = MeterRecord::decode(1, &body).unwrap();
        assert_eq!((meter.energy_out, meter.energy_in), (Some(12), None));
        let cut = MeterRecord::decode(1, &body[..52]).unwrap();
        assert_eq!((cut.energy_out, cut.total_in), (None, Some(7)));
        assert_eq!(MeterRecord::decode(1, &body[..4]), None);
    }
}
