//! Dumps of bytes: in front of each row how many came before it, so that a dump proves itself.
//!
//! | Program | Row |
//! |---|---|
//! | `xxd` | `00000010: 7ea1 67..  ~.g` |
//! | `hexdump -C` | `00000010  7e a1 67 ..  \|~.g\|` |
//! | `hexdump`, `od -x` | `0000010 a17e ..`, words with the low byte first |
//! | `od` | `0000020 120576 ..`, the same in octal digits |
//! | `od -t x1`, `od -b` | `0000020 7e a1 ..`, `0000020 176 241 ..` |
//!
//! A row `*` stands for rows like the one before.

use super::log::bytes_of;

/// How the groups of a row are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Groups {
    /// Hexadecimal bytes.
    Bytes,
    /// Several of them in a group.
    InOrder,
    /// Hexadecimal words, the low byte first.
    Swapped,
    /// Octal bytes.
    Octal,
    /// Octal words, the low byte first.
    OctalSwapped,
}

const GROUPS: [Groups; 4] = [
    Groups::Bytes,
    Groups::Swapped,
    Groups::Octal,
    Groups::OctalSwapped,
];

/// What a row has behind its bytes.
#[derive(Debug, Clone, Copy)]
enum Tail {
    /// Nothing, or characters between marks.
    Marked,
    /// Characters behind two spaces.
    Characters,
}

/// What a dump holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Dump {
    pub bytes: Vec<u8>,
    /// Whether more than one row agrees with it.
    pub is_certain: bool,
}

/// The bytes of a dump in which each row fits its place. Where nothing tells which byte of a word
/// comes first, there are two.
pub fn read(text: &str) -> Vec<Dump> {
    let rows = text.lines().map(str::trim_end);
    let rows: Vec<&str> = rows.filter(|line| !line.is_empty()).collect();
    let first = rows.first().and_then(|row| row.split(' ').next());
    let (groups, tails): (&[Groups], &[Tail]) = match first {
        Some(first) if first.ends_with(':') => (
            &[Groups::InOrder, Groups::Swapped],
            &[Tail::Characters, Tail::Marked],
        ),
        _ => (&GROUPS, &[Tail::Marked]),
    };
    let mut found: Vec<Dump> = Vec::new();
    for tail in tails {
        for radix in [16, 8, 10] {
            for groups in groups {
                let dump = read_as(&rows, radix, *groups, *tail);
                found.extend(dump.filter(|dump| !found.contains(dump)));
            }
        }
    }
    found
}

fn read_as(rows: &[&str], radix: u32, groups: Groups, tail: Tail) -> Option<Dump> {
    let (mut bytes, mut row) = (Vec::<u8>::new(), Vec::new());
    let (mut first, mut repeats, mut agreed) = (None, false, 0);
    for (index, line) in rows.iter().enumerate() {
        if *line == "*" {
            repeats = !row.is_empty();
            continue;
        }
        let (offset, rest) = line.split_once(' ').unwrap_or((line, ""));
        let offset = offset.trim_end_matches(':');
        if !(4..=16).contains(&offset.len()) {
            return None;
        }
        let offset = usize::from_str_radix(offset, radix).ok()?;
        let place = offset.checked_sub(*first.get_or_insert(offset))?;
        while repeats && bytes.len() + row.len() <= place && place < 1 << 28 {
            bytes.extend_from_slice(&row);
        }
        repeats = false;
        let is_end = rest.trim().is_empty() && index + 1 == rows.len();
        let has_padding = is_end && place + 1 == bytes.len();
        if bytes.len() != place && !has_padding {
            return None;
        }
        bytes.truncate(place);
        agreed += 1;
        if is_end {
            break;
        }
        row = row_bytes(rest, groups, tail)?;
        bytes.extend_from_slice(&row);
    }
    (!bytes.is_empty()).then_some(Dump {
        bytes,
        is_certain: agreed > 1,
    })
}

fn row_bytes(rest: &str, groups: Groups, tail: Tail) -> Option<Vec<u8>> {
    let (digits, characters) = match tail {
        Tail::Characters => {
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            rest.split_once("  ")
                .map_or((rest, None), |(digits, tail)| (digits, Some(tail)))
        }
        Tail::Marked => {
            let marked = |mark: char, end: char| {
                let (digits, tail) = rest.split_once(&format!("  {mark}"))?;
                Some((digits, tail.strip_suffix(end)))
            };
            marked('|', '|')
                .or_else(|| marked('>', '<'))
                .unwrap_or((rest, None))
        }
    };
    let mut bytes = Vec::new();
    for group in digits.split_whitespace() {
        bytes.append(&mut group_bytes(group, groups)?);
    }
    let shown = bytes.iter().map(|byte| match byte {
        0x20..=0x7e => char::from(*byte),
        _ => '.',
    });
    let shown: String = shown.collect();
    let fits = |text: &str| text.trim() == shown.trim();
    characters.is_none_or(fits).then_some(bytes)
}

fn group_bytes(group: &str, groups: Groups) -> Option<Vec<u8>> {
    match groups {
        Groups::Bytes if group.len() == 2 => bytes_of(group),
        Groups::InOrder => bytes_of(group),
        Groups::Swapped => {
            let mut bytes = bytes_of(group)?;
            bytes.reverse();
            Some(bytes)
        }
        Groups::Octal if group.len() == 3 => {
            u8::from_str_radix(group, 8).ok().map(|byte| vec![byte])
        }
        Groups::OctalSwapped if group.len() == 6 => {
            let word = u16::from_str_radix(group, 8).ok()?;
            Some(word.to_le_bytes().to_vec())
        }
        _ => None,
    }
}
