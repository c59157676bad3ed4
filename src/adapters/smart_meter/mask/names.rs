//! Invented names for real ones: the same for the same, and never the same for others.

use std::collections::{BTreeMap, BTreeSet};

use super::super::wire::SystemTitle;
use super::super::wire::identity::{Coding, Kind, Spot};

use crate::hex::Hex;

/// Shorter and more uniform ones may be anything when they stand elsewhere.
const SEARCHED: usize = 8;
/// Different bytes of a name, or of the number in a title, that make it worth searching for.
const VARIED: usize = 3;
/// Where the letters of a maker end at the latest: `1KFM`.
const MAKER: usize = 4;
/// Digits behind the maker's letters that tell the product.
const PRODUCT: usize = 2;
/// Characters for the number that takes the place of another one, at least.
const ROOM: usize = 4;
/// Numbers that are tried before two names may become the same.
const TRIES: u32 = 10_000;
/// Where the number begins in a title.
const SERIAL: usize = 3;

/// What was invented so far.
#[derive(Debug, Default)]
pub struct Names {
    texts: BTreeMap<Vec<u8>, Vec<u8>>,
    numbers: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The last number that was given.
    number: u64,
    titles: BTreeMap<SystemTitle, SystemTitle>,
    taken: BTreeSet<Vec<u8>>,
    /// Names given for each beginning that was kept.
    counts: BTreeMap<Vec<u8>, u32>,
}

impl Names {
    /// Another title of the same maker.
    pub fn title(&mut self, title: SystemTitle) -> SystemTitle {
        if let Some(invented) = self.titles.get(&title) {
            return *invented;
        }
        let [a, b, c, ..] = title.0;
        let mut invented = title;
        while invented == title {
            let count = self.counts.entry(vec![a, b, c]).or_default();
            *count = count.wrapping_add(1);
            let [d, e, f, g] = count.to_be_bytes();
            invented = SystemTitle([a, b, c, 0, d, e, f, g]);
        }
        self.titles.insert(title, invented);
        invented
    }

    /// Writes what was invented into each place of a telegram, and wherever else it names the same.
    pub fn rename(&mut self, plaintext: &mut [u8], spots: &[Spot]) {
        let mut done = vec![false; plaintext.len()];
        let (guessed, known): (Vec<_>, Vec<_>) =
            spots.iter().partition(|spot| spot.kind == Kind::Guess);
        let rename = |names: &mut Self, spot: &Spot, plaintext: &mut [u8], done: &mut [bool]| {
            let done = done.get_mut(spot.place.clone());
            let place = plaintext.get_mut(spot.place.clone());
            // Part of a guess may be known by now.
            if let (Some(place), Some(done)) = (place, done.filter(|done| !done.contains(&true))) {
                let invented = names.invented(place, spot);
                place.copy_from_slice(&invented);
                done.fill(true);
            }
        };
        for spot in known {
            rename(self, spot, plaintext, &mut done);
        }
        self.rename_known(plaintext, &mut done, false);
        for spot in guessed {
            rename(self, spot, plaintext, &mut done);
        }
    }

    /// Writes what was invented over every known name in bytes that are not done, however it is
    /// written there. In `noise`, a title may have lost its letters.
    pub fn rename_known(&self, bytes: &mut [u8], done: &mut [bool], noise: bool) {
        let known = self.known(noise);
        let mut at = 0;
        while at < bytes.len() {
            let hit = known.iter().find(|(name, _)| {
                let is_open = |done: &[bool]| done.iter().all(|done| !done);
                bytes.get(at..).is_some_and(|rest| rest.starts_with(name))
                    && done.get(at..at + name.len()).is_some_and(is_open)
            });
            let Some((name, invented)) = hit else {
                at += 1;
                continue;
            };
            let place = at..at + name.len();
            if let (Some(bytes), Some(done)) =
                (bytes.get_mut(place.clone()), done.get_mut(place.clone()))
            {
                bytes.copy_from_slice(invented);
                done.fill(true);
            }
            at = place.end;
        }
    }

    /// Every way to write each known name, and what to write instead.
    fn known(&self, noise: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut known = Vec::new();
        let texts = self.texts.iter();
        let texts = texts.filter(|(name, _)| name.len() >= SEARCHED && is_varied(name));
        for (name, invented) in texts {
            known.push((name.clone(), invented.clone()));
            for upper in [false, true] {
                known.push((in_hex(name, upper), in_hex(invented, upper)));
            }
        }
        for (title, invented) in &self.titles {
            known.push((title.0.to_vec(), invented.0.to_vec()));
            for upper in [false, true] {
                known.push((in_hex(&title.0, upper), in_hex(&invented.0, upper)));
            }
            let serial = title.0.get(SERIAL..).unwrap_or_default();
            if noise && is_varied(serial) {
                let invented = invented.0.get(SERIAL..).unwrap_or_default();
                known.push((serial.to_vec(), invented.to_vec()));
            }
        }
        known
    }

    /// What to write instead, of the same length.
    fn invented(&mut self, original: &[u8], spot: &Spot) -> Vec<u8> {
        match spot.coding {
            Coding::Number => self.number(original),
            Coding::Characters => self.text(original, spot.kind == Kind::Words),
            Coding::Hexadecimal => {
                let upper = original.iter().any(u8::is_ascii_uppercase);
                let text = self.text(&from_hex(original), spot.kind == Kind::Words);
                let mut hex = in_hex(&text, upper);
                hex.resize(original.len(), b'0');
                hex
            }
        }
    }

    /// Another number, of the same length in bytes.
    pub fn number(&mut self, original: &[u8]) -> Vec<u8> {
        if let Some(invented) = self.numbers.get(original) {
            return invented.clone();
        }
        let mut invented = original.to_vec();
        while invented == original && !original.is_empty() {
            self.number = self.number.wrapping_add(1);
            invented.fill(0);
            let bytes = self.number.to_be_bytes();
            for (to, from) in invented.iter_mut().rev().zip(bytes.iter().rev()) {
                *to = *from;
            }
        }
        self.numbers.insert(original.to_vec(), invented.clone());
        invented
    }

    /// Blanks and zeros around a text stay.
    fn text(&mut self, original: &[u8], is_message: bool) -> Vec<u8> {
        let is_padding = |byte: &u8| matches!(byte, 0 | b' ');
        let front = original.iter().take_while(|byte| is_padding(byte)).count();
        let rest = original.get(front..).unwrap_or_default();
        let back = rest
            .iter()
            .rev()
            .take_while(|byte| is_padding(byte))
            .count();
        let (name, tail) = rest.split_at(rest.len() - back);
        let invented = match self.texts.get(name) {
            Some(invented) => invented.clone(),
            None if name.is_empty() => Vec::new(),
            None => self.invent(name, is_message),
        };
        let head = original.get(..front).unwrap_or_default();
        [head, &invented, tail].concat()
    }

    fn invent(&mut self, name: &[u8], is_message: bool) -> Vec<u8> {
        let kept = if is_message { 0 } else { kept(name) };
        let (prefix, rest) = name.split_at(kept);
        let fill = if is_message { b'x' } else { b'0' };
        let mut invented = name.to_vec();
        for _ in 0..TRIES {
            let count = self.counts.entry(prefix.to_vec()).or_default();
            *count = count.wrapping_add(1);
            invented = [prefix, &numbered(*count, rest.len(), fill)].concat();
            if invented != name && !self.taken.contains(&invented) {
                break;
            }
        }
        self.taken.insert(invented.clone());
        self.texts.insert(name.to_vec(), invented.clone());
        invented
    }
}

fn is_varied(name: &[u8]) -> bool {
    let different: BTreeSet<u8> = name.iter().copied().collect();
    different.len() >= VARIED
}

/// Characters at the front that tell maker and product, not the meter.
fn kept(name: &[u8]) -> usize {
    let front = name.get(..MAKER).unwrap_or(name);
    let letters = front.iter().rposition(u8::is_ascii_alphabetic);
    let letters = letters.map_or(0, |last| last + 1);
    let room = name.len() - letters;
    match letters {
        0 => 0,
        _ if room >= PRODUCT + ROOM => letters + PRODUCT,
        _ if room >= ROOM => letters,
        _ => 0,
    }
}

/// The last digits of a number in so many characters.
fn numbered(number: u32, length: usize, fill: u8) -> Vec<u8> {
    let digits = number.to_string().into_bytes();
    let from = digits.len().saturating_sub(length);
    let digits = digits.get(from..).unwrap_or_default();
    let mut text = vec![fill; length - digits.len()];
    text.extend_from_slice(digits);
    text
}

fn in_hex(bytes: &[u8], upper: bool) -> Vec<u8> {
    let hex = Hex::of(bytes);
    let digits = if upper {
        format!("{hex:X}")
    } else {
        hex.to_string()
    };
    digits.into_bytes()
}

fn from_hex(digits: &[u8]) -> Vec<u8> {
    let value = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or(0) as u8;
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | value(digit)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(names: &mut Names, original: &str) -> String {
        String::from_utf8(names.text(original.as_bytes(), false)).unwrap()
    }

    #[test]
    fn maker_and_product_stay_and_numbers_count_up() {
        let mut names = Names::default();
        assert_eq!(text(&mut names, "1KFM0200654321"), "1KFM0200000001");
        assert_eq!(text(&mut names, "1KFM0200654322"), "1KFM0200000002");
        assert_eq!(text(&mut names, "1KFM0200654321"), "1KFM0200000001");
        assert_eq!(text(&mut names, "KFM1200200654321"), "KFM1200000000001");
        assert_eq!(text(&mut names, "181290654323\0\0"), "000000000001\0\0");
        assert_eq!(text(&mut names, "AB0012"), "AB0001");
        assert_eq!(text(&mut names, "7"), "2");
        assert_eq!(text(&mut names, ""), "");
    }

    #[test]
    fn nothing_invented_is_the_original() {
        let mut names = Names::default();
        assert_eq!(text(&mut names, "1KFM0200000001"), "1KFM0200000002");
        let title = SystemTitle(*b"KFM\0\0\0\0\x01");
        assert_eq!(names.title(title), SystemTitle(*b"KFM\0\0\0\0\x02"));
    }

    #[test]
    fn words_for_people_are_gone() {
        let mut names = Names::default();
        let invented = names.text("Grüße an Anna".as_bytes(), true);
        assert_eq!(invented, b"xxxxxxxxxxxxxx1");
    }

    #[test]
    fn a_known_name_is_found_however_it_is_written() {
        let mut names = Names::default();
        names.text(b"1ABC0200654321", false);
        names.title(SystemTitle(*b"KFM\x10\x20\x09\xfb\xf1"));
        let original = b"a 1ABC0200654321 b 3141424330323030363534333231 c 4b464d102009fbf1 d";
        let mut bytes = original.to_vec();
        let mut done = vec![false; bytes.len()];
        names.rename_known(&mut bytes, &mut done, false);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "a 1ABC0200000001 b 3141424330323030303030303031 c 4b464d0000000001 d"
        );
        let mut noise = b"\x10\x20\x09\xfb\xf1".to_vec();
        names.rename_known(&mut noise, &mut [false; 5], true);
        assert_eq!(noise, [0, 0, 0, 0, 1]);
    }

    proptest! {
        #[test]
        fn lengths_stay_and_different_names_stay_different(
            originals in prop::collection::btree_set("[0-9]{0,2}[A-Z]{0,3}[0-9]{5,12}", 1..40)
        ) {
            let mut names = Names::default();
            let invented: Vec<String> = originals.iter().map(|it| text(&mut names, it)).collect();
            for (original, invented) in originals.iter().zip(&invented) {
                prop_assert_eq!(original.len(), invented.len());
                prop_assert_ne!(original, invented);
            }
            let distinct: BTreeSet<&String> = invented.iter().collect();
            prop_assert_eq!(distinct.len(), originals.len());
        }

        #[test]
        fn nothing_panics(original in prop::collection::vec(any::<u8>(), 0..40), is_message: bool) {
            let mut names = Names::default();
            prop_assert_eq!(names.text(&original, is_message).len(), original.len());
            prop_assert_eq!(names.number(&original).len(), original.len());
        }
    }
}
