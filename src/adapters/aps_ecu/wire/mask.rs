//! Takes serial numbers out of recordings that people share.
//!
//! A pseudonym keeps the first four digits, which name the product, and numbers the rest; the same
//! serial always gets the same pseudonym from one [`Masker`].

use std::collections::BTreeMap;
use std::ops::Range;

use super::answer::Answer;
use super::ecu_info::EcuInfo;
use super::error::BODY;
use super::frame::{Group, RawFrame};
use super::record::HEAD;
use super::request::Request;
use super::signal;
use super::{bcd, fit};

const FIRST_RECORD: usize = 26;
const FIRST_SIGNAL: usize = 15;

/// Replaces ids of gateways and inverters, and MAC addresses.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    /// Serial to pseudonym, 12 characters each. A gateway's id in the list of inverters is the same
    /// serial in another notation, so both kinds share the map.
    serials: BTreeMap<[u8; 12], [u8; 12]>,
    macs: BTreeMap<[u8; 6], [u8; 6]>,
    /// Pseudonyms given for each first four digits.
    numbers: BTreeMap<[u8; 4], u32>,
}

/// Bytes to put at an offset.
type Edits = BTreeMap<usize, Vec<u8>>;

impl Masker {
    /// Masks the bytes of one request or one answer. If they are neither, or cut short, what can be
    /// told from the beginning is masked, and every serial and MAC seen before.
    #[must_use]
    pub fn mask(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut edits = Edits::new();
        if Request::parse(bytes).is_ok() {
            self.edit_ascii(bytes, BODY, &mut edits);
        } else if let Ok(frame) = RawFrame::parse(bytes) {
            self.edit_answer(&frame, &mut edits);
        } else if bytes.starts_with(b"APS") {
            self.edit_partial(bytes, &mut edits);
        }
        self.edit_known(bytes, &mut edits);

        let mut masked = bytes.to_vec();
        for (at, edit) in &edits {
            if let Some(place) = masked.get_mut(*at..*at + edit.len()) {
                place.copy_from_slice(edit);
            }
        }
        masked
    }

    fn edit_answer(&mut self, frame: &RawFrame, edits: &mut Edits) {
        let bytes = &frame.bytes;
        match Answer::decode(frame) {
            Ok(Answer::EcuInfo(info)) => {
                self.edit_ascii(bytes, BODY, edits);
                // The MACs are the last fields before the tail and END.
                let fixed = info.tail.len() + 4 + 12;
                if let Some(at) = bytes.len().checked_sub(fixed) {
                    self.edit_mac(info.mac_ethernet, at, edits);
                    self.edit_mac(info.mac_wifi, at + 6, edits);
                }
            }
            Ok(Answer::Telemetry(telemetry)) => {
                let sizes = telemetry.records.iter().map(|record| record.raw.len());
                self.edit_records(bytes, sizes, edits);
            }
            Ok(Answer::Signal(entries)) => {
                for index in 0..entries.entries.len() {
                    self.edit_bcd(bytes, FIRST_SIGNAL + index * signal::ENTRY, edits);
                }
            }
            Ok(_) => {}
            Err(_) => self.edit_partial(bytes, edits),
        }
    }

    /// Bytes that begin like a frame: only what stands at a fixed place can be trusted. A serial
    /// that was cut loses what is left of it.
    fn edit_partial(&mut self, bytes: &[u8], edits: &mut Edits) {
        let Some(command) = bytes.get(9..BODY) else {
            return;
        };
        let answers = bytes.get(BODY..BODY + 2) == Some(b"00");
        match command {
            b"0002" if answers => {
                let region = bytes.get(FIRST_RECORD..).unwrap_or_default();
                let sizes = fit::record_sizes(region, u16::MAX);
                let cut = FIRST_RECORD + sizes.iter().sum::<usize>();
                self.edit_records(bytes, sizes.into_iter(), edits);
                self.edit_bcd(bytes, cut, edits);
                blank_cut(bytes, cut, 2..6, 0, edits);
            }
            b"0030" if answers => {
                for at in (FIRST_SIGNAL..bytes.len()).step_by(signal::ENTRY) {
                    self.edit_bcd(bytes, at, edits);
                    blank_cut(bytes, at, 2..6, 0, edits);
                }
            }
            // Besides answer 0001, only requests have an id there.
            b"0001" | b"0002" | b"0003" | b"0004" | b"0012" | b"0030" if !answers => {
                self.edit_ascii(bytes, BODY, edits);
                blank_cut(bytes, BODY, 4..12, b'0', edits);
                if command == b"0001" {
                    self.edit_partial_info(bytes, edits);
                }
            }
            _ => {}
        }
    }

    /// The MACs of an answer 0001 whose end is missing.
    fn edit_partial_info(&mut self, bytes: &[u8], edits: &mut Edits) {
        let body = bytes.get(BODY..).unwrap_or_default();
        let Ok(info) = EcuInfo::decode(Group::G11, body) else {
            return;
        };
        let tail = bytes.len().saturating_sub(info.tail.len());
        if info.mac_ethernet.is_some() || info.mac_wifi.is_some() {
            let at = tail.saturating_sub(12);
            self.edit_mac(info.mac_ethernet, at, edits);
            self.edit_mac(info.mac_wifi, at + 6, edits);
        } else if !info.time_zone.is_empty() && (1..12).contains(&info.tail.len()) {
            edits.insert(tail, vec![0; info.tail.len()]);
        }
    }

    /// Records of known places, and what looks like the head of one after them.
    fn edit_records(
        &mut self,
        bytes: &[u8],
        sizes: impl Iterator<Item = usize>,
        edits: &mut Edits,
    ) {
        let mut at = FIRST_RECORD;
        for size in sizes {
            self.edit_bcd(bytes, at, edits);
            at += size;
        }
        while at < bytes.len() {
            at += if fit::believable(bytes, at) {
                self.edit_bcd(bytes, at, edits);
                HEAD
            } else {
                1
            };
        }
    }

    /// Serials and MACs known by now, wherever they stand.
    fn edit_known(&self, bytes: &[u8], edits: &mut Edits) {
        let mut known: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for (serial, pseudonym) in &self.serials {
            known.push((serial.to_vec(), pseudonym.to_vec()));
            let packed = (packed(serial), packed(pseudonym));
            if let (Some(serial), Some(pseudonym)) = packed {
                known.push((serial.to_vec(), pseudonym.to_vec()));
            }
        }
        for (mac, pseudonym) in &self.macs {
            known.push((mac.to_vec(), pseudonym.to_vec()));
        }
        let mut at = 0;
        while let Some(rest @ [_, ..]) = bytes.get(at..) {
            // What stands at its own place was dealt with.
            if let Some(edit) = edits.get(&at) {
                at += edit.len();
                continue;
            }
            let hit = known.iter().find(|(serial, _)| rest.starts_with(serial));
            at += match hit {
                Some((_, pseudonym)) => {
                    edits.insert(at, pseudonym.clone());
                    pseudonym.len()
                }
                None => 1,
            };
        }
    }

    fn edit_ascii(&mut self, bytes: &[u8], at: usize, edits: &mut Edits) {
        let serial = bytes.get(at..).and_then(|rest| rest.first_chunk::<12>());
        if let Some(serial) = serial.filter(|serial| serial.iter().all(u8::is_ascii_alphanumeric)) {
            edits.insert(at, self.pseudonym(*serial).to_vec());
        }
    }

    fn edit_bcd(&mut self, bytes: &[u8], at: usize, edits: &mut Edits) {
        let Some(uid) = bytes.get(at..).and_then(|rest| rest.first_chunk::<6>()) else {
            return;
        };
        let mut serial = [0; 12];
        for (pair, byte) in serial.chunks_exact_mut(2).zip(uid) {
            if let [high, low] = pair {
                (*high, *low) = (nibble(byte >> 4), nibble(byte & 0x0f));
            }
        }
        let pseudonym = self.pseudonym(serial);
        // The number is decimal; a mistyped id keeps its first two bytes as they are.
        let mut edit = uid.to_vec();
        if let Some(number) = pseudonym.get(4..).and_then(bcd::from_ascii::<4>) {
            edit.truncate(2);
            edit.extend_from_slice(&number);
        }
        edits.insert(at, edit);
    }

    fn edit_mac(&mut self, mac: Option<[u8; 6]>, at: usize, edits: &mut Edits) {
        let Some(mac) = mac else {
            return;
        };
        let [.., high, low] = (self.macs.len() + 1).to_be_bytes();
        let pseudonym = *self.macs.entry(mac).or_insert([2, 0, 0, 0, high, low]);
        edits.insert(at, pseudonym.to_vec());
    }

    fn pseudonym(&mut self, serial: [u8; 12]) -> [u8; 12] {
        if let Some(pseudonym) = self.serials.get(&serial) {
            return *pseudonym;
        }
        let [a, b, c, d, ..] = serial;
        let number = self.numbers.entry([a, b, c, d]).or_insert(0);
        *number += 1;
        let mut pseudonym = serial;
        let digits = format!("{number:08}");
        for (slot, digit) in pseudonym.iter_mut().skip(4).zip(digits.bytes()) {
            *slot = digit;
        }
        self.serials.insert(serial, pseudonym);
        pseudonym
    }
}

/// Overwrites the number of a serial of which only the beginning is there.
fn blank_cut(bytes: &[u8], at: usize, number: Range<usize>, fill: u8, edits: &mut Edits) {
    let (from, whole) = (at + number.start, at + number.end);
    if from < bytes.len() && bytes.len() < whole {
        edits.insert(from, vec![fill; bytes.len() - from]);
    }
}

fn nibble(value: u8) -> u8 {
    match value {
        0..10 => b'0' + value,
        _ => b'a' + value.saturating_sub(10),
    }
}

fn packed(serial: &[u8; 12]) -> Option<[u8; 6]> {
    bcd::from_ascii(serial)
}
