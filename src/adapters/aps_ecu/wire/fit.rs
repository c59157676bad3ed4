//! Where one record ends and the next begins.
//!
//! Records have no length. Known types have a known size; for the others, and where a known size does
//! not work out, the sizes are chosen so that the records fill their region exactly, each beginning
//! with a believable head. A known type of another size has a layout that nobody has described. The search is
//! a table over positions, so its cost is bounded by the size of a frame whatever the bytes are.

use super::bcd;
use super::record::{FOUR, HEAD, RecordType, THREE_PHASE, TWO};

/// Largest size tried for a record of an unknown type.
const LARGEST: usize = 128;

#[derive(Clone, Copy)]
struct Head {
    uid: [u8; 6],
    online: u8,
    code: [u8; 2],
}

impl Head {
    fn at(region: &[u8], at: usize) -> Option<Self> {
        let [a, b, c, d, e, f, online, x, y] = *region.get(at..)?.first_chunk::<HEAD>()?;
        Some(Self {
            uid: [a, b, c, d, e, f],
            online,
            code: [x, y],
        })
    }

    fn believable_at(region: &[u8], at: usize) -> Option<Self> {
        Self::at(region, at).filter(Self::is_believable)
    }

    fn is_believable(&self) -> bool {
        self.online <= 1
            && self.code.iter().all(u8::is_ascii_digit)
            && self.uid.iter().all(|byte| bcd::pair(*byte).is_some())
    }

    fn kind(&self) -> RecordType {
        RecordType::from_code(self.code)
    }

    /// Sizes such a record may have, the likeliest first.
    fn sizes(&self) -> &'static [usize] {
        match (self.kind(), self.uid) {
            (RecordType::T00, _) => &[HEAD],
            (RecordType::T01 | RecordType::T04, _) => &[TWO],
            (RecordType::T02, _) => &[THREE_PHASE],
            (RecordType::T03, _) => &[FOUR],
            (RecordType::T05, [0x70..=0x79, ..]) => &[TWO, THREE_PHASE],
            (RecordType::T05, _) => &[THREE_PHASE, TWO],
            (RecordType::Other(_), [0x90..=0x99 | 0x50..=0x59, ..]) => {
                &[THREE_PHASE, TWO, FOUR, HEAD]
            }
            (RecordType::Other(_), [0x80..=0x89, ..]) => &[FOUR, TWO, THREE_PHASE, HEAD],
            (RecordType::Other(_), _) => &[TWO, THREE_PHASE, FOUR, HEAD],
        }
    }
}

/// Whether the bytes from `at` on look like the head of a record.
pub fn believable(bytes: &[u8], at: usize) -> bool {
    Head::believable_at(bytes, at).is_some()
}

/// Sizes of the leading records of `region` that could be told apart: the `declared` ones, unless
/// they fill the region only in another number.
pub fn record_sizes(region: &[u8], declared: u16) -> Vec<usize> {
    let declared = usize::from(declared);
    let fit = match known(region, declared) {
        Known::Fits(sizes) => return sizes,
        Known::Fails(kinds) => {
            let found = leading(region, declared);
            if found.len() == declared && declared > 0 {
                return found;
            }
            other_size(region, declared, &kinds)
        }
        Known::Unsure(head, kinds) => uniform(region, declared, &head)
            .or_else(|| search(region, declared))
            .or_else(|| other_size(region, declared, &kinds)),
    };
    fit.unwrap_or_else(|| leading(region, declared))
}

enum Known {
    Fits(Vec<usize>),
    /// A type of uncertain size came up, after these others.
    Unsure(Head, Vec<RecordType>),
    /// The types that came up before it became clear that some size is wrong.
    Fails(Vec<RecordType>),
}

/// The usual case: every type has a known size and all of them fill the region. If so the count
/// that was declared may be wrong; no record is given up for it.
fn known(region: &[u8], declared: usize) -> Known {
    let mut sizes = Vec::with_capacity(declared.min(region.len() / HEAD));
    let mut kinds = Vec::new();
    let mut at = 0;
    while at < region.len() {
        let counted = sizes.len() < declared;
        let Some(head) = Head::at(region, at) else {
            return Known::Fails(kinds);
        };
        match head.kind().size() {
            Some(size) if counted || head.is_believable() => {
                if !kinds.contains(&head.kind()) {
                    kinds.push(head.kind());
                }
                sizes.push(size);
                at += size;
            }
            None if counted && head.is_believable() => return Known::Unsure(head, kinds),
            _ => return Known::Fails(kinds),
        }
    }
    if at == region.len() {
        Known::Fits(sizes)
    } else {
        Known::Fails(kinds)
    }
}

/// A known type with another size than the known one.
fn other_size(region: &[u8], declared: usize, kinds: &[RecordType]) -> Option<Vec<usize>> {
    let sizes = || HEAD..=LARGEST;
    let mut tries = kinds
        .iter()
        .flat_map(|kind| sizes().map(move |size| (*kind, size)));
    tries.find_map(|(kind, size)| walk(region, declared, kind, size))
}

/// One uncertain type, the same size for all its records: the only way to find a size nobody has
/// described yet.
fn uniform(region: &[u8], declared: usize, first: &Head) -> Option<Vec<usize>> {
    let (unsure, likely) = (first.kind(), first.sizes());
    let others = HEAD..=LARGEST;
    // A single record may be as large as it likes.
    let whole = (declared == 1).then_some(region.len());
    likely
        .iter()
        .copied()
        .chain(others.filter(|size| !likely.contains(size)))
        .chain(whole)
        .find_map(|size| walk(region, declared, unsure, size))
}

fn walk(
    region: &[u8],
    declared: usize,
    unsure: RecordType,
    unsure_size: usize,
) -> Option<Vec<usize>> {
    let mut sizes = Vec::new();
    let mut at = 0;
    while sizes.len() < declared {
        let kind = Head::believable_at(region, at)?.kind();
        let size = if kind == unsure {
            unsure_size
        } else {
            kind.size()?
        };
        sizes.push(size);
        at += size;
    }
    (at == region.len()).then_some(sizes)
}

/// Several uncertain types or sizes. `ways[at]` has bit k set if the bytes from `at` on can be
/// exactly k records.
fn search(region: &[u8], declared: usize) -> Option<Vec<usize>> {
    let shortest = declared.checked_mul(HEAD)?;
    if shortest > region.len() {
        return None;
    }
    let words = declared / 64 + 1;
    let mut ways: Vec<Vec<u64>> = vec![Vec::new(); region.len() + 1];
    if let Some(end) = ways.last_mut() {
        *end = vec![0; words];
        if let Some(none_left) = end.first_mut() {
            *none_left = 1;
        }
    }
    for at in (0..region.len()).rev() {
        let Some(head) = Head::believable_at(region, at) else {
            continue;
        };
        let mut here = Vec::new();
        for size in head.sizes() {
            let Some(next) = ways.get(at + size).filter(|next| !next.is_empty()) else {
                continue;
            };
            here.resize(words, 0);
            let mut carry = 0;
            for (word, next) in here.iter_mut().zip(next) {
                *word |= (next << 1) | carry;
                carry = next >> 63;
            }
        }
        if let Some(slot) = ways.get_mut(at) {
            *slot = here;
        }
    }
    let possible = |at: usize, left: usize| {
        ways.get(at)
            .and_then(|way| way.get(left / 64))
            .is_some_and(|word| word >> (left % 64) & 1 == 1)
    };
    let mut sizes = Vec::with_capacity(declared);
    let mut at = 0;
    for left in (0..declared).rev() {
        let head = Head::believable_at(region, at)?;
        let size = *head
            .sizes()
            .iter()
            .find(|size| possible(at + **size, left))?;
        sizes.push(size);
        at += size;
    }
    (at == region.len()).then_some(sizes)
}

/// Nothing fits exactly: keep the records before the place where sense ends.
fn leading(region: &[u8], declared: usize) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut at = 0;
    while sizes.len() < declared {
        let Some(head) = Head::believable_at(region, at) else {
            break;
        };
        let certain = head.kind().size().is_some();
        let size = head.sizes().iter().copied().find(|size| {
            let end = at + size;
            let followed = end == region.len() || Head::believable_at(region, end).is_some();
            end <= region.len() && (certain || followed)
        });
        let Some(size) = size else {
            break;
        };
        sizes.push(size);
        at += size;
    }
    sizes
}
