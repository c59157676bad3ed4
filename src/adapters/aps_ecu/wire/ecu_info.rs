//! Answer 0001: who the gateway is, and the energy of the whole system.
//!
//! | Offset | Size | Kind | Meaning |
//! |---|---|---|---|
//! | 13 | 12 | ASCII | ECU id |
//! | 25 | 2 | ASCII | model `01`; `02` has another layout and is refused |
//! | 27 | 4 | u32 | lifetime energy, tenths of kWh |
//! | 31 | 4 | u32 | power, W |
//! | 35 | 4 | u32 | energy today, hundredths of kWh |
//! | 39 | 7 | BCD | last upload, local time; `D0` bytes if unknown |
//! | 46 | 2 | u16 | inverters registered |
//! | 48 | 2 | u16 | inverters online |
//! | 50 | 2 | ASCII | radio channel |
//! | 52 | 3 + V | ASCII | firmware, its length in three digits before it |
//! | 55+V | 3 + Z | ASCII | time zone, its length in three digits before it |
//! | 58+V+Z | 6 | | Ethernet MAC, zero if there is none |
//! | 64+V+Z | 6 | | Wi-Fi MAC, zero if there is none |
//! | 70+V+Z | .. | | group 12: twelve bytes of unknown purpose |

use jiff::civil;

use super::bcd;
use super::cursor::Cursor;
use super::error::{DecodeError, Shortage};
use super::frame::{Group, seal};
use super::ids::EcuId;

pub const COMMAND: u16 = 1;

/// Longest text whose length fits three digits.
const LONGEST_TEXT: usize = 999;

/// Who the gateway is, and the energy of the whole system. The counters are passed on as sent: this
/// firmware family is known to answer 0 at times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcuInfo {
    /// Id of the gateway; the other requests need it.
    pub ecu: EcuId,
    /// Group the answer came in; decides the tail.
    pub group: Group,
    /// Two ASCII characters, `01`; says nothing about the product.
    pub model: [u8; 2],
    /// Energy since installation in Wh, in steps of 100.
    pub lifetime_wh: u64,
    /// Power of all inverters in W.
    pub power_w: u32,
    /// Energy of this day in Wh, in steps of 10.
    pub today_wh: u64,
    /// Last upload to the vendor in the gateway's local time; `None` if it does not tell.
    pub last_upload: Option<civil::DateTime>,
    /// Inverters registered.
    pub registered: u16,
    /// Inverters that answered in the last cycle.
    pub online: u16,
    /// Radio channel, hexadecimal text.
    pub channel: String,
    /// Firmware, such as `ECU_R_1.2.31`.
    pub firmware: String,
    /// Name of the time zone; some products always say `Etc/GMT-8`, wherever they are.
    pub time_zone: String,
    /// `None` if zero.
    pub mac_ethernet: Option<[u8; 6]>,
    /// `None` if zero.
    pub mac_wifi: Option<[u8; 6]>,
    /// Whatever follows; also everything from the first text on that could not be read.
    pub tail: Vec<u8>,
}

impl EcuInfo {
    pub(crate) fn decode(group: Group, body: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Cursor::new(body);
        let short = Shortage::new(COMMAND, body);
        let id = fields.take(12).ok_or(short)?;
        let ecu = EcuId::from_ascii(id).map_err(|_| DecodeError::field(0, "ECU id", id))?;
        let model: [u8; 2] = fields.array().ok_or(short)?;
        if model == *b"02" {
            return Err(DecodeError::UnsupportedModel {
                model: "02".to_owned(),
            });
        }
        let mut info = Self {
            ecu,
            group,
            model,
            lifetime_wh: u64::from(fields.u32().ok_or(short)?) * 100,
            power_w: fields.u32().ok_or(short)?,
            today_wh: u64::from(fields.u32().ok_or(short)?) * 10,
            last_upload: bcd::date_time(fields.take(7).ok_or(short)?),
            registered: fields.u16().ok_or(short)?,
            online: fields.u16().ok_or(short)?,
            channel: ascii(fields.take(2).ok_or(short)?),
            firmware: String::new(),
            time_zone: String::new(),
            mac_ethernet: None,
            mac_wifi: None,
            tail: Vec::new(),
        };
        // The energy is safe by now; a label that does not parse must not cost it.
        info.decode_labels(&mut fields);
        info.tail = fields.rest().to_vec();
        Ok(info)
    }

    /// Power of all inverters in W; `None` if the field is all ones.
    #[must_use]
    pub fn measured_power_w(&self) -> Option<u32> {
        (self.power_w != u32::MAX).then_some(self.power_w)
    }

    /// Energy since installation in Wh; `None` if it cannot be: the field is all ones, or it is less
    /// than the energy of this day, in spite of its coarser steps.
    #[must_use]
    pub fn counted_lifetime_wh(&self) -> Option<u64> {
        let possible = self.counted_today_wh().unwrap_or(0) < self.lifetime_wh + 100;
        (possible && self.lifetime_wh != u64::from(u32::MAX) * 100).then_some(self.lifetime_wh)
    }

    /// Energy of this day in Wh; `None` if the field is all ones.
    #[must_use]
    pub fn counted_today_wh(&self) -> Option<u64> {
        (self.today_wh != u64::from(u32::MAX) * 10).then_some(self.today_wh)
    }

    /// Stops at the first label that cannot be read.
    fn decode_labels(&mut self, fields: &mut Cursor<'_>) -> Option<()> {
        self.firmware = text(fields)?;
        self.time_zone = text(fields)?;
        // Both or none, so that the labels that were read say where the tail begins.
        let [a, b, c, d, e, f, wifi @ ..] = fields.array::<12>()?;
        self.mac_ethernet = mac([a, b, c, d, e, f]);
        self.mac_wifi = mac(wifi);
        Some(())
    }

    /// The frame. Energies are rounded down to the steps of the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = self.ecu.as_bytes().to_vec();
        body.extend_from_slice(&self.model);
        body.extend_from_slice(&steps(self.lifetime_wh, 100).to_be_bytes());
        body.extend_from_slice(&self.power_w.to_be_bytes());
        body.extend_from_slice(&steps(self.today_wh, 10).to_be_bytes());
        body.extend_from_slice(&self.last_upload.map_or([0xd0; 7], bcd::date_time_bytes));
        body.extend_from_slice(&self.registered.to_be_bytes());
        body.extend_from_slice(&self.online.to_be_bytes());
        body.extend(self.channel.bytes().chain(std::iter::repeat(b' ')).take(2));
        put_text(&mut body, &self.firmware);
        put_text(&mut body, &self.time_zone);
        body.extend_from_slice(&self.mac_ethernet.unwrap_or_default());
        body.extend_from_slice(&self.mac_wifi.unwrap_or_default());
        body.extend_from_slice(&self.tail);
        seal(self.group, COMMAND, &body)
    }
}

fn steps(value: u64, step: u64) -> u32 {
    u32::try_from(value / step).unwrap_or(u32::MAX)
}

/// An ASCII text with its length in three digits before it; does not move if it is not one.
fn text(fields: &mut Cursor<'_>) -> Option<String> {
    let mut ahead = fields.clone();
    let length = usize::try_from(bcd::number(ahead.take(3)?)?).ok()?;
    let text = std::str::from_utf8(ahead.take(length)?).ok()?;
    if !text.is_ascii() {
        return None;
    }
    *fields = ahead;
    Some(text.to_owned())
}

fn put_text(body: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let bytes = bytes.get(..LONGEST_TEXT).unwrap_or(bytes);
    body.extend_from_slice(format!("{:03}", bytes.len()).as_bytes());
    body.extend_from_slice(bytes);
}

fn mac(bytes: [u8; 6]) -> Option<[u8; 6]> {
    (bytes != [0; 6]).then_some(bytes)
}

/// Text of a frame; bytes that are no text print as `U+FFFD`.
fn ascii(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
