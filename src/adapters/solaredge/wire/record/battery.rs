//! A battery: 0x0030.

use super::field::{
    FieldShown, Plausible, RecordField, Slot, Written, float, number, spare, text, u16_at, u32_at,
};

/// What a battery says: 0x0030.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Battery {
    /// As sent: that of the inverter.
    pub id: u32,
    /// Seconds since 1970.
    pub at: u32,
    /// Its own serial number; empty where there is no battery.
    pub serial: String,
    /// Volts.
    pub voltage: Option<f32>,
    /// Amperes.
    pub current: Option<f32>,
    /// Watt-hours that it was made for.
    pub capacity_nominal: Option<f32>,
    /// Watt-hours that it holds now.
    pub capacity: Option<f32>,
    /// Watt-hours in it.
    pub charge: Option<f32>,
    /// Watt-hours charged in its whole life.
    pub total_in: Option<u32>,
    /// Watt-hours discharged in its whole life.
    pub total_out: Option<u32>,
    /// In °C.
    pub temperature: Option<f32>,
    /// 3 charging, 4 discharging, 6 holding.
    pub status: Option<u16>,
}

/// The type of the record.
pub const BATTERY: u16 = 0x0030;

const LENGTH: usize = 86;
const SERIAL: usize = 12;
const VOLTAGE: Plausible = Plausible::within(-10.0, 1500.0);
const CURRENT: Plausible = Plausible::within(-1000.0, 1000.0);
const ENERGY: Plausible = Plausible::within(0.0, 1e7);
const TEMPERATURE: Plausible = Plausible::within(-60.0, 150.0);
/// No status has this number.
const NO_STATUS: u16 = u16::MAX;
const LIFETIME: u32 = 999_999_999;

#[derive(Debug, Default)]
struct BatteryDraft {
    battery: Battery,
    status: Option<u32>,
}

#[rustfmt::skip]
static ROWS: [RecordField<BatteryDraft>; 20] = [
    spare(0, "time", Written::Time),
    spare(4, "serial", Written::Text(SERIAL)),
    float(16, "voltage", "V", VOLTAGE, |it| &mut it.battery.voltage),
    float(20, "current", "A", CURRENT, |it| &mut it.battery.current),
    float(24, "capacity, nominal", "Wh", ENERGY, |it| &mut it.battery.capacity_nominal),
    float(28, "capacity", "Wh", ENERGY, |it| &mut it.battery.capacity),
    float(32, "charge", "Wh", ENERGY, |it| &mut it.battery.charge),
    number(36, "energy in, total", "Wh", LIFETIME, |it| &mut it.battery.total_in),
    spare(40, "unknown", Written::F32),
    number(44, "energy out, total", "Wh", LIFETIME, |it| &mut it.battery.total_out),
    spare(48, "unknown", Written::F32),
    spare(52, "unknown", Written::F32),
    spare(56, "unknown", Written::F32),
    float(60, "temperature", "°C", TEMPERATURE, |it| &mut it.battery.temperature),
    RecordField { at: 64, name: "status", unit: "", slot: Slot::U16(|it| &mut it.status) },
    spare(66, "unknown", Written::F32),
    spare(70, "unknown", Written::F32),
    spare(74, "interval", Written::U32),
    spare(78, "energy in", Written::U32),
    spare(82, "energy out", Written::U32),
];

impl Battery {
    /// Whether there is one: an inverter without any sends zeros.
    pub fn is_there(&self) -> bool {
        !self.serial.is_empty()
    }

    /// That of a body, if it says which and when.
    pub fn decode(id: u32, body: &[u8]) -> Option<Self> {
        let at = u32_at(body, 0)?;
        let serial = text(body.get(4..4 + SERIAL)?).trim().to_owned();
        let mut draft = BatteryDraft::default();
        for row in &ROWS {
            row.decode(body, &mut draft);
        }
        // A serial number is what its history holds by: half of one is none.
        let is_serial = serial.bytes().all(|byte| byte.is_ascii_graphic());
        Some(Self {
            id,
            at,
            serial: if is_serial { serial } else { String::new() },
            status: u16_at(body, 64).filter(|status| *status != NO_STATUS),
            ..draft.battery
        })
    }

    /// Appends its body. Of a serial number longer than 12 characters, the beginning.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let mut body = vec![0; LENGTH];
        let mut draft = BatteryDraft {
            battery: self.clone(),
            status: Some(u32::from(self.status.unwrap_or(NO_STATUS))),
        };
        for row in &ROWS {
            row.encode(&mut draft, &mut body);
        }
        if let Some(time) = body.first_chunk_mut() {
            *time = self.at.to_le_bytes();
        }
        let serial = body.iter_mut().skip(4).take(SERIAL);
        for (place, byte) in serial.zip(self.serial.bytes()) {
            *place = byte;
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

    fn sample() -> Battery {
        Battery {
            id: 0x7f12_3456,
            at: 1_700_000_000,
            serial: "T00X0001234".to_owned(),
            voltage: Some(400.5),
            current: Some(-6.75),
            capacity_nominal: Some(7000.0),
            capacity: Some(6900.0),
            charge: Some(2000.0),
            total_in: Some(100_000),
            total_out: None,
            temperature: Some(25.5),
            status: Some(3),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut body = Vec::new();
        sample().encode(&mut body);
        assert_eq!(Battery::decode(0x7f12_3456, &body), Some(sample()));
        assert!(sample().is_there());
        assert_eq!(Battery::decode(1, &body[..15]), None);
        body[6] = 0xff;
        assert!(!Battery::decode(1, &body).unwrap().is_there());
    }

    #[test]
    fn zeros_are_no_battery() {
        let battery = Battery::decode(1, &[0; LENGTH]).unwrap();
        assert!(!battery.is_there());
        assert_eq!(battery.charge, Some(0.0));
    }
}
