//! An event of the communication board: 0x0300.

use super::field::{FieldShown, RecordField, Written, spare, u32_at};

/// Something happened: 0x0300.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// As sent: that of the inverter.
    pub id: u32,
    /// Seconds since 1970.
    pub at: u32,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// It woke up or fell asleep; the two look alike.
    WakeOrSleep {
        /// The time, in seconds since 1970.
        utc: u32,
        /// The same on its own clock.
        local: u32,
    },
    /// Its clock was set.
    ClockSet {
        /// What it showed.
        before: u32,
        /// Seconds ahead of UTC; `None` as long as none is set.
        zone: Option<i32>,
        /// What it shows now.
        after: u32,
    },
    /// Something unknown, by its number.
    Unknown(u32),
}

/// The type of the record.
pub const EVENT: u16 = 0x0300;

const LENGTH: usize = 28;
const WAKE_OR_SLEEP: u32 = 0;
const CLOCK_SET: u32 = 1;
/// No zone is further from UTC than 14 hours.
const ZONE_MOST: u32 = 14 * 3600;

impl EventRecord {
    /// That of a body, if it says what and when.
    pub fn decode(id: u32, body: &[u8]) -> Option<Self> {
        let (at, number) = (u32_at(body, 0)?, u32_at(body, 4)?);
        let words = || Some((u32_at(body, 8)?, u32_at(body, 12)?));
        let kind = match number {
            WAKE_OR_SLEEP => {
                let (utc, local) = words()?;
                EventKind::WakeOrSleep { utc, local }
            }
            CLOCK_SET => {
                let (before, zone) = words()?;
                let zone = zone.cast_signed();
                // -1 is what it is before one is set.
                let is_zone = zone != -1 && zone.unsigned_abs() <= ZONE_MOST;
                EventKind::ClockSet {
                    before,
                    zone: is_zone.then_some(zone),
                    after: u32_at(body, 16)?,
                }
            }
            number => EventKind::Unknown(number),
        };
        Some(Self { id, at, kind })
    }

    /// Appends its body.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let words = match self.kind {
            EventKind::WakeOrSleep { utc, local } => [WAKE_OR_SLEEP, utc, local, 1],
            EventKind::ClockSet {
                before,
                zone,
                after,
            } => [CLOCK_SET, before, zone.unwrap_or(-1).cast_unsigned(), after],
            EventKind::Unknown(number) => [number, 0, 0, 0],
        };
        let end = bytes.len() + LENGTH;
        bytes.extend_from_slice(&self.at.to_le_bytes());
        for word in words {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.resize(end, 0);
    }
}

static ROWS: [RecordField<()>; 2] = [
    spare(0, "time", Written::Time),
    spare(4, "kind", Written::U32),
];
static WAKE_OR_SLEEP_ROWS: [RecordField<()>; 3] = [
    spare(8, "time", Written::Time),
    spare(12, "the same, local", Written::Time),
    spare(16, "unknown", Written::U32),
];
static CLOCK_SET_ROWS: [RecordField<()>; 3] = [
    spare(8, "clock before", Written::Time),
    spare(12, "zone", Written::I32),
    spare(16, "clock after", Written::Time),
];
static UNKNOWN_ROWS: [RecordField<()>; 3] = [
    spare(8, "unknown", Written::U32),
    spare(12, "unknown", Written::U32),
    spare(16, "unknown", Written::U32),
];

/// The fields of a body, in words.
pub fn show(body: &[u8]) -> Vec<FieldShown> {
    let (rest, word) = match u32_at(body, 4) {
        Some(WAKE_OR_SLEEP) => (&WAKE_OR_SLEEP_ROWS, Some("0 (wake or sleep)")),
        Some(CLOCK_SET) => (&CLOCK_SET_ROWS, Some("1 (clock set)")),
        _ => (&UNKNOWN_ROWS, None),
    };
    let mut shown: Vec<FieldShown> = ROWS
        .iter()
        .chain(rest)
        .filter_map(|row| row.show(body))
        .collect();
    if let (Some(word), Some(kind)) = (word, shown.get_mut(1)) {
        kind.value = word.to_owned();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let kinds = [
            EventKind::WakeOrSleep {
                utc: 1_700_000_000,
                local: 1_700_003_600,
            },
            EventKind::ClockSet {
                before: 1_700_000_000,
                zone: Some(-28_800),
                after: 1_700_000_001,
            },
            EventKind::ClockSet {
                before: 1,
                zone: None,
                after: 2,
            },
            EventKind::Unknown(118),
        ];
        for kind in kinds {
            let event = EventRecord {
                id: 0x7f12_3456,
                at: 1_700_000_002,
                kind,
            };
            let mut body = Vec::new();
            event.encode(&mut body);
            assert_eq!(body.len(), LENGTH);
            assert_eq!(EventRecord::decode(event.id, &body).as_ref(), Some(&event));
            assert_eq!(EventRecord::decode(1, &body[..7]), None);
        }
    }

    #[test]
    fn what_cannot_be_a_zone_is_none() {
        let event = EventRecord {
            id: 1,
            at: 1,
            kind: EventKind::ClockSet {
                before: 1,
                zone: Some(50_401),
                after: 2,
            },
        };
        let mut body = Vec::new();
        event.encode(&mut body);
        let kind = EventRecord::decode(1, &body).unwrap().kind;
        assert!(matches!(kind, EventKind::ClockSet { zone: None, .. }));
    }
}
