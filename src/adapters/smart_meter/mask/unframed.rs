//! Names in bytes that are no message: damaged, cut off, or never one.
//!
//! Nothing proves where a name stands there, so what only looks like one goes as well.

use std::ops::Range;

use super::super::wire::SystemTitle;
use super::super::wire::title;

/// Bytes of a title.
const TITLE: usize = 8;
/// Its letters.
const LETTERS: usize = 3;
/// Tag and length of the title, before it.
const HEAD: [u8; 2] = [0xdb, 8];
/// Characters of a text at least, so that it is no chance.
const TEXT: usize = 8;
/// Letters and digits in a row that may be a number of something, and how many must be digits.
const RUN: usize = 6;
const DIGITS: usize = 5;

/// Where titles seem to stand: the five bytes of the number, as far as they are there, and the whole
/// title if nothing of it is missing.
pub fn titles(bytes: &[u8]) -> Vec<(Range<usize>, Option<SystemTitle>)> {
    let mut found = Vec::new();
    // The bytes may begin inside of a title, or of what stands before it.
    for missing in 1..=HEAD.len() {
        let head = HEAD.get(missing..).unwrap_or_default();
        let rest = bytes.strip_prefix(head).unwrap_or_default();
        let is_maker = |letters: &[u8; LETTERS]| letters.iter().all(u8::is_ascii_uppercase);
        if rest.first_chunk().is_some_and(is_maker) {
            let end = rest.len().min(TITLE);
            let whole = rest.first_chunk().copied().map(SystemTitle);
            found.push((head.len() + LETTERS..head.len() + end, whole));
        }
    }
    let mut at = 0;
    while let Some(rest @ [_, ..]) = bytes.get(at..) {
        let mut took = 1;
        if begins_title(rest) {
            let start = at + HEAD.len();
            let whole = bytes.get(start..).and_then(|title| title.first_chunk());
            let end = bytes.len().min(start + TITLE);
            found.push((start + LETTERS..end, whole.copied().map(SystemTitle)));
        } else if title::begins_with_maker(rest) {
            let end = bytes.len().min(at + TITLE);
            found.push((
                at + LETTERS..end,
                rest.first_chunk().copied().map(SystemTitle),
            ));
        } else if let Some(length) = follows_title(rest, at < TITLE) {
            found.push((at.saturating_sub(TITLE - LETTERS)..at, None));
            took = length;
        }
        at += took;
    }
    found
}

/// `DB 08` and three letters, of which one byte may be damaged.
fn begins_title(bytes: &[u8]) -> bool {
    let Some([tag, length, letters @ ..]) = bytes.first_chunk::<{ HEAD.len() + LETTERS }>() else {
        return false;
    };
    let head = usize::from([*tag] == HEAD[..1]) + usize::from([*length] == HEAD[1..]);
    let letters = letters.iter().filter(|byte| byte.is_ascii_uppercase());
    head + letters.count() >= HEAD.len() + LETTERS - 1
}

/// The bytes of a length that is followed by a security control, as they stand behind a title. A
/// length of one byte says little, so it counts only near the beginning.
fn follows_title(bytes: &[u8], is_begin: bool) -> Option<usize> {
    let (length, security) = match bytes {
        [0x06..=0x7f, security, 0, ..] if is_begin => (1, *security),
        [0x81, 0x80..=0xff, security, ..] => (2, *security),
        [0x82, 0x00..=0x07, _, security, ..] => (3, *security),
        _ => return None,
    };
    matches!(security, 0x20..=0x22 | 0x30..=0x32).then_some(length)
}

/// Where texts seem to stand: a tag, a length, and as many characters, of which one may be damaged.
pub fn texts(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for at in 0..bytes.len() {
        let Some([0x09 | 0x0a | 0x0c, length, rest @ ..]) = bytes.get(at..) else {
            continue;
        };
        let length = usize::from(*length);
        let text = rest.get(..length).unwrap_or_default();
        let is_character = |byte: &&u8| matches!(byte, 0x20..=0x7e);
        let characters = text.iter().filter(is_character).count();
        if text.len() >= TEXT && characters + 1 >= length {
            found.push(at + 2..at + 2 + length);
        }
    }
    found
}

/// Where numbers of something seem to stand.
pub fn numbers(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    for run in bytes.chunk_by(|a, b| a.is_ascii_alphanumeric() == b.is_ascii_alphanumeric()) {
        let digits = run.iter().filter(|byte| byte.is_ascii_digit()).count();
        if run.len() >= RUN && digits >= DIGITS {
            found.push(at..at + run.len());
        }
        at += run.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"\xdb\x08XYZ\x10\x20\x09\xfb\xf1\x82\x01\x55\x21\0\0\0\x01";

    /// Bytes that would be overwritten.
    fn covered(bytes: &[u8]) -> Vec<u8> {
        let found = titles(bytes);
        let places = found.into_iter().flat_map(|(place, _)| place);
        let mut places: Vec<usize> = places.collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|at| bytes[at]).collect()
    }

    #[test]
    fn a_title_is_found_with_any_one_byte_around_it_damaged() {
        let serial = b"\x10\x20\x09\xfb\xf1";
        for at in (0..5).chain(10..WHOLE.len()) {
            let mut bytes = WHOLE.to_vec();
            bytes[at] ^= 0x80;
            assert_eq!(covered(&bytes), serial, "{at}");
        }
    }

    #[test]
    fn what_is_there_of_a_title_is_found() {
        for cut in 5..10 {
            assert_eq!(covered(&WHOLE[..cut]), WHOLE[5..cut], "cut behind {cut}");
            assert_eq!(covered(&WHOLE[cut..]), WHOLE[cut..10], "begins at {cut}");
        }
        assert_eq!(covered(b"KFM\x01\x02"), [1, 2]);
    }

    #[test]
    fn texts_have_their_length_in_front() {
        let whole = texts(b"\x09\x09Dear Anna\x02\x02\x09\x06\0\0ABCD");
        assert_eq!(whole, vec![2..11]);
        assert_eq!(texts(b"\x09\x09De\x01r Anna"), whole);
        assert!(texts(b"\x09\x09D\x01\x01r Anna").is_empty());
        assert!(texts(b"\x09\x09Dear Ann").is_empty());
    }

    #[test]
    fn numbers_are_runs_of_digits_with_few_letters() {
        let found = numbers(b"ab 1KFM0200654321 (12345) 123456,x99999");
        assert_eq!(found, [3..17, 26..32, 33..39]);
    }
}
