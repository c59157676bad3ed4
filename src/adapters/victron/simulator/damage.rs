//! How faults look in a block and on the wire.

use super::super::wire::hex::{Frame, encode_frame};
use super::super::wire::text::encode_block;
use super::faults::VictronFault;
use crate::simulation::noise::Dice;

/// Labels that say who a device is.
const IDENTITY: &[&str] = &["PID", "SER#", "FW", "FWE", "BMV"];
/// What a device answers to a broken frame.
pub const MALFORMED: &[u8] = b":4AAAAFD\n";

/// Lines of text.
pub type TextLines = Vec<(String, String)>;

/// What a fault makes of the lines of a block.
pub fn spoil(fault: VictronFault, fields: &mut TextLines) {
    match fault {
        VictronFault::UnknownLabels => {
            for (label, value) in [("NEW#", "42"), ("XQ7", "---"), ("Zz", "a b c")] {
                fields.push((label.to_owned(), value.to_owned()));
            }
        }
        VictronFault::Malformed => {
            for (label, value) in fields {
                match label.as_str() {
                    "V" => "abc".clone_into(value),
                    "I" | "AC_OUT_V" => "12.5.3".clone_into(value),
                    "CS" | "SOC" => value.clear(),
                    _ => {}
                }
            }
        }
        VictronFault::Dashes => {
            let known = |label: &str| IDENTITY.contains(&label);
            for (_, value) in fields.iter_mut().filter(|(label, _)| !known(label)) {
                "---".clone_into(value);
            }
        }
        VictronFault::ZeroCounters => {
            let counts = |label: &str| {
                let number = label.strip_prefix('H').map(str::parse::<u8>);
                matches!(number, Some(Ok(_)))
            };
            for (_, value) in fields.iter_mut().filter(|(label, _)| counts(label)) {
                "0".clone_into(value);
            }
        }
        VictronFault::LongBlock(count) => {
            for number in fields.len()..count {
                fields.push((format!("X{number}"), number.to_string()));
            }
        }
        _ => {}
    }
}

/// Writes a block, even one that no device should send.
pub fn block(fields: &TextLines) -> Vec<u8> {
    encode_block(fields).unwrap_or_else(|_| {
        let line = |(label, value): &(String, String)| format!("\r\n{label}\t{value}");
        let lines: String = fields.iter().map(line).collect();
        let mut block = format!("{lines}\r\nChecksum\t").into_bytes();
        let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        block.push(sum.wrapping_neg());
        block
    })
}

/// What arrives of a block, and of the frame that a fault sends along. The frame comes from the
/// device.
pub fn damage(fault: VictronFault, block: &mut Vec<u8>, frame: &[u8], dice: &mut Dice) {
    // The line of the checksum: CR, LF, a word of eight letters, TAB, and the byte itself.
    let lines = block.len().saturating_sub(12);
    match fault {
        VictronFault::DigitLost => {
            let mut values = digits(block);
            let at = dice.below(values.len());
            if at < values.len() {
                block.remove(values.swap_remove(at));
            }
        }
        VictronFault::ByteLost => {
            let at = dice.below(block.len());
            if at < block.len() {
                block.remove(at);
            }
        }
        VictronFault::BitTurned => {
            let (at, bit) = (dice.below(block.len()), dice.below(8));
            if let Some(byte) = block.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        VictronFault::LinesMerged => {
            let ends = block.windows(2).enumerate().skip(1);
            let mut ends: Vec<usize> = ends
                .filter(|(_, pair)| pair == b"\r\n")
                .map(|(at, _)| at)
                .collect();
            let at = dice.below(ends.len());
            if at < ends.len() {
                let end = ends.swap_remove(at);
                block.drain(end..end + 2);
            }
        }
        VictronFault::WrongChecksum => {
            if let Some(checksum) = block.last_mut() {
                *checksum = checksum.wrapping_add(1 + dice.below(255) as u8);
            }
        }
        VictronFault::Noise(count) => {
            block.splice(0..0, dice.bytes(count));
        }
        VictronFault::NoiseInside(count) => {
            let at = 1 + dice.below(lines);
            let at = at.min(block.len());
            block.splice(at..at, dice.bytes(count));
        }
        VictronFault::HexInside => cut(block, frame, dice),
        VictronFault::HexGlued => block.extend_from_slice(frame),
        VictronFault::HexUnended => {
            let digits = frame.strip_suffix(b"\n").unwrap_or(frame);
            block.extend_from_slice(digits);
            block.push(0xfe);
        }
        VictronFault::HexDamaged => block.extend(broken(frame)),
        VictronFault::ErrorStorm(count) => {
            for _ in 0..count {
                block.extend_from_slice(MALFORMED);
            }
        }
        VictronFault::Restart => {
            block.truncate(1 + dice.below(lines));
            block.extend(dice.bytes(9));
            block.extend_from_slice(b"\r\nV\t\r\n\tH");
        }
        _ => {}
    }
}

/// Cuts a line of a block with a frame. A block that is cut already is cut in front of that, for no
/// frame cuts another.
pub fn cut(block: &mut Vec<u8>, frame: &[u8], dice: &mut Dice) {
    let lines = block.len().saturating_sub(12);
    let first = block.iter().take(lines).position(|byte| *byte == b':');
    let at = 1 + dice.below(first.unwrap_or(lines));
    let at = at.min(first.unwrap_or(block.len()));
    block.splice(at..at, frame.iter().copied());
}

/// Places of the digits of values.
fn digits(block: &[u8]) -> Vec<usize> {
    let mut in_value = false;
    let mut places = Vec::new();
    let lines = block.len().saturating_sub(12);
    for (at, byte) in block.iter().enumerate().take(lines) {
        match byte {
            b'\t' => in_value = true,
            b'\r' => in_value = false,
            _ if in_value && byte.is_ascii_digit() => places.push(at),
            _ => {}
        }
    }
    places
}

/// A frame whose check byte is wrong.
fn broken(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    // The line feed is last, the last digit before it.
    let at = frame.len().saturating_sub(2);
    if let Some(digit) = frame.get_mut(at) {
        *digit = if *digit == b'0' { b'1' } else { b'0' };
    }
    frame
}

/// What a fault makes of an answer to a question about a register.
pub fn answered(fault: VictronFault, answer: &mut Vec<u8>) {
    let mut collector = super::super::wire::hex::Collector::default();
    let Ok(Frame {
        command, payload, ..
    }) = Frame::parse(answer, &mut collector)
    else {
        return;
    };
    let Some((head, value)) = payload.split_at_checked(3) else {
        return;
    };
    // Frames about a register only, and only where it has a value.
    if !matches!(command, 7 | 8) || value.is_empty() {
        return;
    }
    let value = match fault {
        VictronFault::NotAvailable => {
            let register = head.first_chunk().map(|id| u16::from_le_bytes(*id));
            missing(register.unwrap_or_default(), value.len())
        }
        VictronFault::ZeroAnswer => vec![0; value.len()],
        VictronFault::ShortProduct if head.starts_with(&[0x00, 0x01]) => match value {
            [_, low, high, ..] => vec![*high, *low],
            other => other.to_vec(),
        },
        _ => return,
    };
    *answer = encode_frame(command, &[head, &value].concat());
}

/// The bytes of "not available".
fn missing(register: u16, length: usize) -> Vec<u8> {
    use super::super::wire::registers::{Kind, Register};
    let mut bytes = vec![0xff; length];
    let kind = Register::of(register).map(|register| register.kind);
    if let (Some(Kind::Signed(_)), Some(highest)) = (kind, bytes.last_mut()) {
        *highest = 0x7f;
    }
    bytes
}

#[cfg(test)]
mod tests;
