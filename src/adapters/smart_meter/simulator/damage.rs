//! What happens to a telegram on its way.

use super::faults::MeterFault;
use crate::simulation::noise::Dice;

/// An ordinary M-Bus telegram, of a heat meter that was never made.
const HEAT_METER: &[u8] = &[
    0x68, 0x0f, 0x0f, 0x68, 0x08, 0x01, 0x72, 0x78, 0x56, 0x34, 0x12, 0x24, 0x40, 0x01, 0x04, 0x55,
    0x00, 0x00, 0x00, 0x4d, 0x16,
];

/// What arrives of the frames.
pub fn damage(
    mut frames: Vec<Vec<u8>>,
    faults: &[MeterFault],
    openings: u64,
    dice: &mut Dice,
) -> Vec<Vec<u8>> {
    for fault in faults {
        match fault {
            MeterFault::Flip => {
                let mut bits: usize = dice.below(total(&frames) * 8);
                for byte in frames.iter_mut().flatten() {
                    if bits < 8 {
                        *byte ^= 1 << bits;
                        break;
                    }
                    bits -= 8;
                }
            }
            MeterFault::Lose => {
                let mut place = dice.below(total(&frames));
                for frame in &mut frames {
                    if place < frame.len() {
                        frame.remove(place);
                        break;
                    }
                    place -= frame.len();
                }
            }
            MeterFault::Cut => {
                let whole = frames.concat();
                frames = vec![whole.iter().copied().take(whole.len() / 2).collect()];
            }
            MeterFault::Noise(count) => {
                let noise = dice.bytes(*count);
                frames.insert(0, noise);
            }
            MeterFault::Repeat => frames.extend(frames.clone()),
            MeterFault::Midstart => {
                let whole = frames.concat();
                let tail = whole.iter().copied().skip(whole.len().saturating_sub(37));
                frames.insert(0, tail.collect());
            }
            MeterFault::WrongParity if openings % 2 == 1 => {
                for byte in frames.iter_mut().flatten() {
                    *byte = byte.rotate_left(1) | 0x80;
                }
            }
            MeterFault::OtherBus => frames = vec![HEAT_METER.to_vec()],
            MeterFault::Silence => frames.clear(),
            MeterFault::Inverted => frames = vec![inverted(&frames.concat())],
            text if frames.first().is_some_and(|frame| frame.starts_with(b"/")) => {
                frames = vec![damage_text(frames.concat(), *text, dice)];
            }
            _ => {}
        }
    }
    frames
}

/// What arrives of a text in clear.
fn damage_text(mut text: Vec<u8>, fault: MeterFault, dice: &mut Dice) -> Vec<u8> {
    let trimmed = text.trim_ascii_end().len();
    match fault {
        MeterFault::Glued => [text.get(..trimmed).unwrap_or_default(), &text].concat(),
        MeterFault::LfOnly => {
            text.retain(|byte| *byte != b'\r');
            text
        }
        MeterFault::NulPadded => {
            let (telegram, end) = text.split_at_checked(trimmed).unwrap_or_default();
            [b"\0\0", telegram, b"\0", end, b"\0\0\0"].concat()
        }
        MeterFault::WrongDigit => {
            let digits = digits_with_units(&text);
            let place = digits.get(dice.below(digits.len())).copied();
            if let Some(digit) = place.and_then(|place| text.get_mut(place)) {
                *digit = b'0' + (*digit - b'0' + 1) % 10;
            }
            text
        }
        MeterFault::LineLost => {
            let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
            let has_code = |line: &&[u8]| line.contains(&b'(');
            let lost = dice.below(lines.iter().filter(|line| has_code(line)).count());
            let mut codes = 0..;
            let kept = lines
                .into_iter()
                .filter(|line| !has_code(line) || codes.next() != Some(lost));
            kept.collect::<Vec<_>>().concat()
        }
        MeterFault::NoEnd => {
            let end = text.windows(2).position(|pair| pair == b"\n!");
            text.truncate(end.map_or(text.len(), |end| end + 1));
            text
        }
        MeterFault::SevenBits => {
            let odd = |byte: u8| byte.count_ones() % 2 == 1;
            let read = |byte: u8| if odd(byte) { byte | 0x80 } else { byte };
            text.into_iter().map(read).collect()
        }
        _ => text,
    }
}

/// Where the digits of values are that have a unit.
fn digits_with_units(text: &[u8]) -> Vec<usize> {
    let mut digits = Vec::new();
    let mut value = Vec::new();
    for (place, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value.push(place),
            b'.' => {}
            b'*' => digits.append(&mut value),
            _ => value.clear(),
        }
    }
    digits
}

/// What a port reads of a signal that is the wrong way round: a byte begins where the signal falls.
fn inverted(bytes: &[u8]) -> Vec<u8> {
    let frame = |byte: &u8| {
        let data = *byte;
        let data = (0..8).map(move |bit| data >> bit & 1 == 1);
        std::iter::once(false).chain(data).chain([true])
    };
    let mut line = bytes.iter().flat_map(frame).map(|bit| !bit);
    let mut read = Vec::new();
    let mut before = false;
    while let Some(bit) = line.next() {
        if bit || !before {
            before = bit;
            continue;
        }
        let data = line.by_ref().take(8).enumerate();
        read.push(data.fold(0, |byte, (bit, is_set)| byte | u8::from(is_set) << bit));
        // The line rests on the wrong side.
        before = line.next().unwrap_or(false);
    }
    read
}

fn total(frames: &[Vec<u8>]) -> usize {
    frames.iter().map(Vec::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{FaultRule, Faults};

    const TEXT: &[u8] =
        b"/XMX5LGF0054\r\n\r\n1-0:1.8.1(000427.708*kWh)\r\n0-0:96.14.0(0001)\r\n!A53D\r\n";

    fn after(fault: &str) -> Vec<u8> {
        let rule: FaultRule<MeterFault> = fault.parse().unwrap();
        let dice = &mut Faults::new(&[rule]).dice;
        damage(vec![TEXT.to_vec()], &[rule.fault], 0, dice).concat()
    }

    #[test]
    fn a_text_arrives_as_each_fault_leaves_it() {
        let head: &[u8] = b"/XMX5LGF0054\r\n\r\n";
        let glued = after("glued");
        let half = TEXT.len() - 2;
        assert_eq!((&glued[..half], &glued[half..]), (&TEXT[..half], TEXT));
        let padded = after("nul-padded");
        assert!(padded.starts_with(b"\0\0/XMX") && padded.ends_with(b"!A53D\0\r\n\0\0\0"));
        assert!(after("no-end").ends_with(b"(0001)\r\n"));
        assert!(!after("lf-only").contains(&b'\r'));
        let lost = after("line-lost");
        let left = [
            &b"1-0:1.8.1(000427.708*kWh)\r\n"[..],
            b"0-0:96.14.0(0001)\r\n",
        ];
        assert!(
            left.map(|line| [head, line, b"!A53D\r\n"].concat())
                .contains(&lost)
        );
        let wrong = after("wrong-digit");
        let changed: Vec<usize> = (0..TEXT.len())
            .filter(|at| wrong[*at] != TEXT[*at])
            .collect();
        assert_eq!((changed.len(), wrong.len()), (1, TEXT.len()));
        assert!(wrong[changed[0]].is_ascii_digit() && (27..37).contains(&changed[0]));
    }

    #[test]
    fn with_parity_the_highest_bit_is_what_it_makes_even() {
        let read = after("seven-bits");
        assert!(read.iter().all(|byte| byte.count_ones() % 2 == 0));
        assert_eq!(read[..3], [0xaf, 0xd8, 0x4d]);
        assert!(read.iter().map(|byte| byte & 0x7f).eq(TEXT.iter().copied()));
    }

    #[test]
    fn an_inverted_signal_begins_with_68_and_has_no_line() {
        let read = after("inverted");
        assert_eq!(read[..3], [0x68, 0xaa, 0x3d]);
        assert!(!read.windows(2).any(|pair| pair == b"\r\n"));
    }

    #[test]
    fn what_happens_to_texts_leaves_other_telegrams_alone() {
        let frame = vec![0x68, 0x0d, 0x0a, 0x2a, 0x30];
        for fault in [
            "glued",
            "lf-only",
            "nul-padded",
            "no-end",
            "seven-bits",
            "line-lost",
        ] {
            let rule: FaultRule<MeterFault> = fault.parse().unwrap();
            let dice = &mut Faults::new(&[rule]).dice;
            let left = damage(vec![frame.clone()], &[rule.fault], 0, dice);
            assert_eq!(left, std::slice::from_ref(&frame), "{fault}");
        }
    }
}
