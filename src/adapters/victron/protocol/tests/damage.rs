//! Lines that damage: what comes out of them is right or nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Chance that is the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % end
    }
}

/// What a line may do to a byte.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Flip,
    Replace,
    Any,
}

/// Damages one byte in a hundred.
fn damage(bytes: &[u8], kind: Damage, chance: &mut Chance) -> Vec<u8> {
    let mut damaged = Vec::new();
    for byte in bytes {
        if chance.below(100) > 0 {
            damaged.push(*byte);
            continue;
        }
        let way = match kind {
            Damage::Flip => 0,
            Damage::Replace => 1,
            Damage::Any => chance.below(4),
        };
        match way {
            0 => damaged.push(byte ^ 1 << chance.below(8)),
            1 => damaged.push(chance.below(256) as u8),
            2 => damaged.extend([*byte, *byte]),
            _ => {}
        }
    }
    damaged
}

/// The blocks of a round; numbers move if `moves`.
fn blocks(round: u64, moves: bool) -> Vec<Vec<u8>> {
    let at = if moves { round } else { 0 };
    let wave = |least: u64, size: u64, pace: u64| (least + (at / pace) % size).to_string();
    let (volts, watts) = (wave(26_400, 80, 3), wave(400, 30, 2));
    let (amperes, charge) = (wave(4_200, 50, 1), wave(45_120, 100_000, 40));
    let main = [
        ("PID", "0xA389"),
        ("V", volts.as_str()),
        ("VS", "13010"),
        ("I", amperes.as_str()),
        ("P", watts.as_str()),
        ("CE", "-1200"),
        ("SOC", "987"),
        ("TTG", "-1"),
        ("Alarm", "OFF"),
        ("AR", "0"),
        ("BMV", "SmartShunt 500A/50mV"),
        ("FW", "0419"),
        ("MON", "0"),
    ];
    let history = [
        ("H1", "-91000"),
        ("H4", "12"),
        ("H7", "11"),
        ("H8", "29000"),
        ("H9", "345600"),
        ("H10", "7"),
        ("H17", charge.as_str()),
        ("H18", "51230"),
    ];
    vec![
        encode_block(&main).unwrap(),
        encode_block(&history).unwrap(),
    ]
}

/// All values that were ever true, and how many rounds told some that were not.
fn wrong(kind: Damage, moves: bool, seed: u64) -> (usize, usize) {
    let config = VictronConfig {
        ask: false,
        ..VictronConfig::default()
    };
    let mut sound = Bench::new(config.clone());
    let mut damaged = Bench::new(config);
    let mut chance = Chance(seed);
    let mut truth: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut told, mut wrong) = (0, 0);
    for round in 0..5_000 {
        for bench in [&mut sound, &mut damaged] {
            bench.milliseconds += 1_000;
            bench.reports.clear();
        }
        for block in blocks(round, moves) {
            sound.push(&block);
            damaged.push(&damage(&block, kind, &mut chance));
        }
        sound.handle(Input::Time);
        damaged.handle(Input::Time);
        let is_told = |key: &str| {
            !key.starts_with("blocks") && key != "last_block" && key != "last_full_charge"
        };
        for readings in sound.readings() {
            for reading in &readings.values {
                let values = truth.entry(reading.key.to_string()).or_default();
                values.insert(reading.value.to_json().to_string());
            }
        }
        for readings in damaged.readings() {
            told += 1;
            let is_wrong = readings.values.iter().any(|reading| {
                let value = reading.value.to_json().to_string();
                let known = truth.get(reading.key.as_ref());
                is_told(&reading.key)
                    && reading.value.is_known()
                    && !known.is_some_and(|known| known.contains(&value))
            });
            wrong += usize::from(is_wrong);
        }
    }
    (told, wrong)
}

#[test]
fn a_line_that_damages_one_byte_in_a_hundred_tells_no_wrong_value() {
    for (number, (kind, moves)) in [
        (Damage::Flip, false),
        (Damage::Flip, true),
        (Damage::Replace, false),
        (Damage::Any, true),
    ]
    .into_iter()
    .enumerate()
    {
        let (told, wrong) = wrong(kind, moves, number as u64);
        assert_eq!(wrong, 0, "of {told} rounds, {kind:?}, moving {moves}");
        assert!(told > 200, "{kind:?} {moves}: {told}");
    }
}
