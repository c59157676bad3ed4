//! What lines do to a stream: nothing damaged is delivered, and what is whole is not lost.

use super::chance::Chance;
use super::stream::{fields, sound_blocks};
use super::{Fields, Vector, blocks, decode, vectors, whole};

/// The whole blocks of a capture, as bytes: what lies between two of them belongs to the first.
fn cut(vector: &Vector) -> Option<Vec<Vec<u8>>> {
    let all = vector.all["text_blocks"].as_array()?;
    if sound_blocks(vector).len() != all.len() {
        return None;
    }
    let mut begins: Vec<usize> = whole(&vector.bytes)
        .iter()
        .filter_map(|seen| match seen {
            super::Seen::Block(offset, _) => usize::try_from(*offset).ok(),
            _ => None,
        })
        .collect();
    begins.push(vector.bytes.len());
    let pair = |pair: &[usize]| vector.bytes[pair[0]..pair[1]].to_vec();
    Some(begins.windows(2).map(pair).collect())
}

/// Captures of sound blocks alone, with what is in them.
fn captures() -> Vec<(String, Vec<Vec<u8>>, Vec<Fields>)> {
    let all = vectors();
    let capture = |vector: &Vector| {
        let truth = sound_blocks(vector).into_iter().map(fields).collect();
        Some((vector.id.clone(), cut(vector)?, truth))
    };
    all.iter().filter_map(capture).collect()
}

/// As in the field, where receivers lose bytes when they are late: a digit of the voltage is missing.
fn lose_a_digit(block: &mut Vec<u8>, chance: &mut Chance) {
    let line = block.windows(4).position(|four| four == b"\r\nV\t");
    let begin = line.unwrap() + 4;
    let digits = block[begin..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let digits = digits.count();
    block.remove(begin + chance.below(digits));
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_lost_digit_costs_its_block_and_no_other() {
    let mut chance = Chance(2);
    let (mut sent, mut damaged, mut delivered) = (0, 0, 0);
    for (id, parts, truth) in captures() {
        let main = |block: &Vec<u8>| block.windows(4).any(|four| four == b"\r\nV\t");
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        // Long enough that one in ten is many.
        for (number, (part, fields)) in parts.iter().zip(&truth).cycle().take(900).enumerate() {
            let mut part = part.clone();
            sent += 1;
            if number % 10 == 3 && main(&part) {
                lose_a_digit(&mut part, &mut chance);
                damaged += 1;
            } else {
                expected.push(fields);
            }
            stream.extend(part);
        }
        for size in [1, 7, 64, 4096] {
            let seen = decode(stream.chunks(size));
            assert!(blocks(&seen) == expected, "{id} by {size}");
        }
        delivered += expected.len();
    }
    println!("{sent} blocks sent, {damaged} damaged, {delivered} delivered, 0 of them damaged");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn any_damage_to_a_byte_costs_no_more_than_the_block_and_the_one_behind_it() {
    let mut chance = Chance(3);
    for (id, parts, truth) in captures() {
        for _ in 0..300 {
            let number = chance.below(parts.len());
            let mut damaged = parts[number].clone();
            let place = chance.below(damaged.len());
            match chance.below(4) {
                0 => drop(damaged.remove(place)),
                1 => damaged.insert(place, damaged[place]),
                2 => damaged[place] ^= 1 << chance.below(8),
                _ => damaged[place] = chance.below(256) as u8,
            }
            // Twice what it began with, so that there is something behind the last one too.
            let before = parts.iter().take(number);
            let after = parts.iter().skip(number + 1).chain(&parts).chain(&parts);
            let stream = before.chain([&damaged]).chain(after);
            let stream: Vec<u8> = stream.flatten().copied().collect();
            let seen = whole(&stream);
            let delivered = blocks(&seen);
            for fields in &delivered {
                assert!(truth.contains(fields), "{id}: {fields:?}");
            }
            let all = parts.len() * 3;
            assert!(
                delivered.len() >= all - 2,
                "{id}: {} of {all}",
                delivered.len()
            );
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn noise_between_blocks_costs_nothing() {
    let mut chance = Chance(4);
    for (id, parts, truth) in captures() {
        let mut stream = Vec::new();
        for part in &parts {
            for _ in 0..chance.below(20) {
                let byte = chance.below(256) as u8;
                // These two begin something, which then is no noise.
                if !matches!(byte, b'\r' | b':') {
                    stream.push(byte);
                }
            }
            stream.extend(part);
        }
        assert_eq!(
            blocks(&whole(&stream)),
            truth.iter().collect::<Vec<_>>(),
            "{id}"
        );
    }
}
