//! Announcements of any wattbridge on the broker that no known device belongs to.
//!
//! Anybody may publish any number, kept by the broker or not: all of them together take no more than
//! so much memory, and what goes beyond is not looked at.

use std::collections::BTreeMap;

use super::readback::ReadBack;

/// How many are remembered.
const MOST: usize = 2000;
/// Their bytes together: far more than a household of ours leaves behind.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Announcements by the id of their device.
#[derive(Debug, Default)]
pub struct Orphans {
    all: BTreeMap<String, ReadBack>,
    bytes: usize,
}

impl Orphans {
    /// Remembers one, in place of an earlier one of this device; false if there is no room for it.
    pub fn insert(&mut self, id: &str, found: ReadBack) -> bool {
        self.remove(id);
        let bytes = weight(id, &found);
        let fits = self.all.len() < MOST && self.bytes + bytes <= MOST_BYTES;
        if fits {
            self.bytes += bytes;
            self.all.insert(id.to_owned(), found);
        }
        fits
    }

    pub fn remove(&mut self, id: &str) -> Option<ReadBack> {
        let found = self.all.remove(id)?;
        self.bytes -= weight(id, &found);
        Some(found)
    }

    /// Forgets those that `keep` says no to.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &ReadBack) -> bool) {
        let bytes = &mut self.bytes;
        self.all.retain(|id, found| {
            let stays = keep(id, found);
            if !stays {
                *bytes -= weight(id, found);
            }
            stays
        });
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &ReadBack)> {
        self.all.iter().map(|(id, found)| (id.as_str(), found))
    }
}

fn weight(id: &str, found: &ReadBack) -> usize {
    id.len() + found.weight()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: usize) -> ReadBack {
        ReadBack {
            payload: vec![0; bytes],
            entities: [("power".to_owned(), "sensor".to_owned())].into(),
            status: "wattbridge/b2c3d4/status".to_owned(),
            availability: String::new(),
        }
    }

    #[test]
    fn all_together_take_no_more_than_so_many_bytes() {
        let mut orphans = Orphans::default();
        let megabyte = 1024 * 1024;
        let taken = (0..100).filter(|n| orphans.insert(&n.to_string(), found(megabyte)));
        assert_eq!(taken.count(), 15);
        // The same device again takes no room twice, and what goes makes room.
        assert!(orphans.insert("0", found(megabyte)));
        assert!(!orphans.insert("x", found(megabyte)));
        assert!(orphans.remove("1").is_some());
        assert!(orphans.insert("x", found(megabyte)));
        orphans.retain(|id, _| id == "x");
        assert!(orphans.insert("y", found(14 * megabyte)));
        orphans.retain(|_, _| false);
        assert_eq!((orphans.bytes, orphans.iter().count()), (0, 0));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut orphans = Orphans::default();
        let taken = (0..2 * MOST).filter(|n| orphans.insert(&n.to_string(), found(0)));
        assert_eq!(taken.count(), MOST);
    }
}
