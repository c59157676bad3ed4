//! Answer 0002: what every inverter measured in the gateway's last cycle.
//!
//! | Offset | Size | Kind | Meaning |
//! |---|---|---|---|
//! | 13 | 2 | ASCII | status `00` |
//! | 15 | 2 | ASCII | model of the gateway, `01` |
//! | 17 | 2 | u16 | number of records, may be 0 |
//! | 19 | 7 | BCD | time of the last cycle, local time of the gateway |
//! | 26 | .. | | the records, see [`Record`] |

use jiff::civil;

use super::bcd;
use super::cursor::Cursor;
use super::error::{DecodeError, Shortage};
use super::fit::record_sizes;
use super::frame::{Group, seal};
use super::ids::EcuId;
use super::record::Record;

pub const COMMAND: u16 = 2;

/// What every inverter measured in the gateway's last cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    /// Model of the gateway, `01`; says nothing about the product.
    pub model: String,
    /// When the cycle was, in the gateway's local time; `None` if it has no valid time.
    pub at: Option<civil::DateTime>,
    /// Number of records announced; can differ from `records.len()` in a damaged frame.
    pub declared: u16,
    /// The inverters, including entries which are none: see [`Telemetry::inverters`].
    pub records: Vec<Record>,
    /// Bytes after the last record that could be read; empty in a sound frame.
    pub undecoded: Vec<u8>,
}

impl Telemetry {
    pub(crate) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Cursor::new(body);
        let short = Shortage::new(COMMAND, body);
        fields.take(2).ok_or(short)?;
        let model: [u8; 2] = fields.array().ok_or(short)?;
        if model == *b"02" {
            return Err(DecodeError::UnsupportedModel {
                model: "02".to_owned(),
            });
        }
        let declared = fields.u16().ok_or(short)?;
        let at = bcd::date_time(fields.take(7).ok_or(short)?);
        let sizes = record_sizes(fields.rest(), declared);
        let records = sizes
            .into_iter()
            .map_while(|size| Record::decode(fields.take(size)?))
            .collect();
        Ok(Self {
            model: model.escape_ascii().to_string(),
            at,
            declared,
            records,
            undecoded: fields.rest().to_vec(),
        })
    }

    /// The frame; records beyond the largest frame are left out.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = b"00".to_vec();
        let mut model = self.model.bytes().chain(std::iter::repeat(b' '));
        body.extend(model.by_ref().take(2));
        body.extend_from_slice(&self.declared.to_be_bytes());
        body.extend_from_slice(&self.at.map_or([0xd0; 7], bcd::date_time_bytes));
        for record in &self.records {
            body.extend_from_slice(&record.encode());
        }
        body.extend_from_slice(&self.undecoded);
        seal(Group::G11, COMMAND, &body)
    }

    /// The inverters, without entries that are the ids of gateways (typed in by mistake): this one,
    /// or any other.
    pub fn inverters(&self, ecu: Option<&EcuId>) -> impl Iterator<Item = &Record> {
        let own = ecu.map(EcuId::to_string);
        self.records.iter().filter(move |record| {
            !record.uid.is_gateway() && own.as_ref() != Some(&record.uid.to_string())
        })
    }

    /// Power of all inverters online, in W.
    #[must_use]
    pub fn total_power_w(&self) -> u64 {
        self.records
            .iter()
            .filter_map(Record::total_power_w)
            .map(u64::from)
            .sum()
    }

    /// How many inverters are online.
    #[must_use]
    pub fn online(&self) -> usize {
        self.records.iter().filter(|record| record.online).count()
    }
}
