//! Replacements in a text.

use std::ops::Range;

/// Replacements that do not overlap.
#[derive(Debug, Clone, Default)]
pub struct Patch(Vec<(Range<usize>, String)>);

impl Patch {
    /// Adds one, unless there is one at its place already.
    pub fn put(&mut self, place: Range<usize>, words: String) -> bool {
        if self.touches(&place) {
            return false;
        }
        let at = self
            .0
            .partition_point(|(other, _)| other.start < place.start);
        self.0.insert(at, (place, words));
        true
    }

    /// Whether something of this place is replaced.
    pub fn touches(&self, place: &Range<usize>) -> bool {
        let overlaps = |(other, _): &(Range<usize>, String)| {
            other.start < place.end && place.start < other.end
        };
        self.0.iter().any(overlaps)
    }

    pub fn apply(&self, text: &str) -> String {
        let mut patched = String::with_capacity(text.len());
        let mut at = 0;
        for (place, words) in &self.0 {
            patched.push_str(&text[at..place.start]);
            patched.push_str(words);
            at = place.end;
        }
        patched.push_str(&text[at..]);
        patched
    }

    /// Where a place of the patched text was before; the start of a replacement for what is in it.
    pub fn before(&self, after: usize) -> usize {
        let (mut old, mut new) = (0, 0);
        for (place, words) in &self.0 {
            let untouched = place.start - old;
            if after < new + untouched {
                break;
            }
            new += untouched;
            if after < new + words.len() {
                return place.start;
            }
            new += words.len();
            old = place.end;
        }
        old + (after - new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_again() {
        let mut patch = Patch::default();
        assert!(patch.put(4..7, "kept".to_owned()));
        assert!(patch.put(0..1, String::new()));
        assert!(!patch.put(6..9, "x".to_owned()));
        let text = "0123456789";
        assert_eq!(patch.apply(text), "123kept789");
        let before: Vec<usize> = (0..=10).map(|at| patch.before(at)).collect();
        assert_eq!(before, [1, 2, 3, 4, 4, 4, 4, 7, 8, 9, 10]);
    }
}
