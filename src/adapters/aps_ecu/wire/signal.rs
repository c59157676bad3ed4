//! Answer 0030: how well the gateway hears each inverter.
//!
//! | Offset | Size | Kind | Meaning |
//! |---|---|---|---|
//! | 13 | 2 | ASCII | status `00` |
//! | 15 + 7n | 6 | BCD | id of the inverter |
//! | 21 + 7n | 1 | u8 | quality, 0 = never heard |
//!
//! How many there are follows from the length; the number of registered inverters may differ.

use super::frame::{Group, seal};
use super::ids::Uid;

pub const COMMAND: u16 = 30;
pub const ENTRY: usize = 7;

/// How well the gateway hears each inverter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signal {
    /// Inverter and quality. The unit is undocumented: good links are near 200 of 255, 0 means
    /// never heard.
    pub entries: Vec<(Uid, u8)>,
}

impl Signal {
    pub(crate) fn decode(entries: &[u8]) -> Self {
        let entry = |bytes: &[u8]| {
            let (uid, quality) = bytes.split_first_chunk::<6>()?;
            Some((Uid::from_wire(*uid), *quality.first()?))
        };
        Self {
            entries: entries.chunks_exact(ENTRY).filter_map(entry).collect(),
        }
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = b"00".to_vec();
        for (uid, quality) in &self.entries {
            body.extend_from_slice(&uid.to_bcd());
            body.push(*quality);
        }
        seal(Group::G11, COMMAND, &body)
    }
}
