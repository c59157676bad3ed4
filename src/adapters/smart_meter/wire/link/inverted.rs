//! Text telegrams over a line that nobody turned the right way up: a P1 port sends with its levels
//! exchanged, and some cables do not exchange them back.
//!
//! What is left are bursts without any text. The `/` that begins each of them always comes as `68`,
//! and as the first line of a telegram never changes, all begin with the same bytes. The second one
//! proves it.

use super::found::Found;
use super::mbus;

/// Bytes of a burst that are compared: less than any first line has.
const HEAD: usize = 12;
/// Bytes with the highest bit that a burst has among them at least; text has none.
const HIGH: usize = 3;

/// The first bytes of a burst.
pub type BurstHead = [u8; HEAD];

/// A burst at one place.
#[derive(Debug, PartialEq, Eq)]
pub enum Burst {
    /// It may be one.
    First(BurstHead),
    /// It begins like the one before.
    Again,
}

/// What begins at the front of the bytes. `before` is the head of the burst before; the first one is
/// only looked for where listening began or the line was quiet.
pub fn recognise(bytes: &[u8], before: Option<&BurstHead>, is_clean: bool) -> Found<Burst> {
    if bytes.first() != Some(&mbus::START) {
        return Found::Noise;
    }
    let Some(head) = bytes.first_chunk::<HEAD>() else {
        let may_be_next = before.is_some_and(|before| before.starts_with(bytes));
        return match is_clean || may_be_next {
            true => Found::Wait(None),
            false => Found::Noise,
        };
    };
    if before == Some(head) {
        return Found::Sound(Burst::Again);
    }
    let high = head.iter().filter(|byte| **byte >= 0x80).count();
    let has_lines = head.windows(2).any(|pair| pair == b"\r\n");
    match is_clean && high >= HIGH && !has_lines {
        true => Found::Sound(Burst::First(*head)),
        false => Found::Noise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a port of eight bits makes of a text whose levels are exchanged.
    fn exchanged(text: &[u8]) -> Vec<u8> {
        let bits = text.iter().flat_map(|byte| {
            let data = (0..8).map(move |bit| byte >> bit & 1 == 0);
            std::iter::once(true).chain(data).chain([false])
        });
        // The line is quiet at the other level.
        let bits: Vec<bool> = bits.chain([true; 10]).collect();
        let (mut at, mut out) = (0, Vec::new());
        while let Some(start) = bits
            .get(at..)
            .and_then(|rest| rest.iter().position(|bit| !bit))
        {
            let Some(data) = bits.get(at + start + 1..at + start + 9) else {
                break;
            };
            let byte = data
                .iter()
                .rev()
                .fold(0, |byte, bit| byte << 1 | u8::from(*bit));
            out.push(byte);
            at += start + 10;
        }
        out
    }

    #[test]
    fn bursts_of_one_meter_begin_alike_and_those_of_others_do_not() {
        let burst = exchanged(b"/XMX5LGF0099000000000\r\n\r\n1-3:0.2.8(50)\r\n");
        assert_eq!(burst[0], 0x68);
        let Found::Sound(Burst::First(head)) = recognise(&burst, None, true) else {
            panic!("{burst:02x?}")
        };
        assert_eq!(
            recognise(&burst, Some(&head), false),
            Found::Sound(Burst::Again)
        );
        assert_eq!(
            recognise(&burst[..5], Some(&head), false),
            Found::Wait(None)
        );
        assert_eq!(recognise(&burst, None, false), Found::Noise);
        let other = exchanged(b"/ISk5\\2MT382-1000\r\n\r\n1-3:0.2.8(50)\r\n");
        assert_eq!(recognise(&other, Some(&head), false), Found::Noise);
    }

    #[test]
    fn text_and_frames_are_no_bursts() {
        assert_eq!(recognise(b"h)\r\n1-0:1.8.0", None, true), Found::Noise);
        assert_eq!(recognise(b"hhhhhhhhhhhhhh", None, true), Found::Noise);
        assert_eq!(recognise(b"/XYZ5", None, true), Found::Noise);
        assert_eq!(recognise(&[0x68, 0xaa], None, true), Found::Wait(None));
    }
}
