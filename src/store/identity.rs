//! Who this bridge is among others on the same broker, kept for ever.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::path::Path;

use super::memory::Memory;
use super::saved::Saved;
use super::writer::Store;

/// Letters and digits that nobody mistakes for each other, without vowels so that no words come out.
const LETTERS: &[u8] = b"bcdfghjkmnpqrstvwxz2345679";
/// Enough that no two of the bridges in one home, or of a thousand, are the same.
const LENGTH: usize = 6;

/// The id of this bridge, and what it did before there were such ids.
#[derive(Debug, Clone)]
pub struct Identity {
    id: String,
    /// What the version without ids has announced, if the store is of that time.
    earlier: BTreeSet<String>,
    has_earlier_name: bool,
    memory: Option<Memory>,
}

impl Identity {
    /// The one in the store, made now if there is none.
    ///
    /// Where the store cannot be opened, a new one with every start would make a new device in Home
    /// Assistant each time; so it is made from the computer and the `path` of the store then.
    pub fn of(store: &Store, saved: &Saved, path: &Path) -> Self {
        Self::kept(store, saved).unwrap_or_else(|| {
            let memory = Memory::of_bridge(store.clone(), saved);
            let id = if store.is_open() {
                spell(random())
            } else {
                spell(of_this_place(path))
            };
            memory.put("id", &id);
            Self::remembered(id, memory)
        })
    }

    /// The one in the store.
    pub fn kept(store: &Store, saved: &Saved) -> Option<Self> {
        let memory = Memory::of_bridge(store.clone(), saved);
        let id = memory.get("id").filter(|id: &String| is_sound(id))?;
        Some(Self::remembered(id, memory))
    }

    fn remembered(id: String, memory: Memory) -> Self {
        Self {
            id,
            earlier: memory.get("earlier").unwrap_or_default(),
            has_earlier_name: memory
                .get("name")
                .is_some_and(|name: String| name == "earlier"),
            memory: Some(memory),
        }
    }

    /// One that is forgotten at the end.
    pub fn passing() -> Self {
        Self::named(&spell(random()))
    }

    /// One with this id, for examples.
    pub fn named(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            earlier: BTreeSet::new(),
            has_earlier_name: false,
            memory: None,
        }
    }

    /// One whose store is from before bridges had ids, with these devices in it.
    #[cfg(test)]
    pub fn upgraded(id: &str, devices: &[&str]) -> Self {
        Self {
            earlier: devices.iter().map(ToString::to_string).collect(),
            has_earlier_name: true,
            ..Self::named(id)
        }
    }

    /// A word of small letters and digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the version without ids has announced this device from here.
    pub fn announced_before(&self, device: &str) -> bool {
        self.earlier.contains(device)
    }

    /// Whether the bridge's own device still has the name of the version without ids, on which its
    /// history in Home Assistant hangs.
    pub const fn has_earlier_name(&self) -> bool {
        self.has_earlier_name
    }

    /// Another bridge has that name.
    pub fn give_up_earlier_name(&mut self) {
        self.has_earlier_name = false;
        if let Some(memory) = &self.memory {
            memory.put("name", &"own");
        }
    }
}

/// What stands in a file may be anything; this becomes part of topics.
fn is_sound(id: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=32).contains(&id.len()) && id.bytes().all(fits)
}

/// The seeds of the standard hash maps are random enough.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn of_this_place(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in ["/etc/machine-id", "/etc/hostname"] {
        std::fs::read(file).unwrap_or_default().hash(&mut hasher);
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.hash(&mut hasher);
    hasher.finish()
}

fn spell(mut number: u64) -> String {
    let base = LETTERS.len() as u64;
    (0..LENGTH)
        .map(|_| {
            let index = usize::try_from(number % base).unwrap_or_default();
            number /= base;
            LETTERS.get(index).map_or('b', |letter| char::from(*letter))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const WAIT: Duration = Duration::from_secs(20);

    #[test]
    fn an_id_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let id = || {
            let (store, saved) = Store::open(&path);
            let identity = Identity::of(&store, &saved, &path);
            store.flush(WAIT);
            identity
        };
        let first = id();
        assert_eq!(id().id(), first.id());
        assert!(
            is_sound(first.id()) && first.id().len() == LENGTH,
            "{first:?}"
        );
        assert!(!first.has_earlier_name());
        assert_ne!(Identity::passing().id(), Identity::passing().id());
    }

    #[test]
    fn without_a_store_it_is_the_same_in_each_run() {
        let folder = tempfile::tempdir().unwrap();
        let id = |name: &str| {
            let path = folder.path().join("missing").join(name);
            let (store, saved) = Store::open(&path);
            Identity::of(&store, &saved, &path).id().to_owned()
        };
        assert_eq!(id("a.db"), id("a.db"));
        assert_ne!(id("a.db"), id("b.db"));
    }

    #[test]
    fn a_store_from_before_there_were_ids_keeps_its_name_until_it_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        super::super::migrations::tests::write_first_format(&path);
        let open = || {
            let (store, saved) = Store::open(&path);
            (Identity::of(&store, &saved, &path), store)
        };
        let (mut identity, store) = open();
        assert!(identity.has_earlier_name());
        assert!(
            identity.announced_before("smart_meter_1")
                && !identity.announced_before("smart_meter_2")
        );
        identity.give_up_earlier_name();
        store.close();
        let (again, _store) = open();
        assert!(!again.has_earlier_name());
        assert_eq!(again.id(), identity.id());
        assert!(again.announced_before("smart_meter_1"));
    }

    #[test]
    fn an_id_that_fits_no_topic_is_replaced() {
        for bad in ["", "a/b", "#", "Ä", &"x".repeat(33)] {
            assert!(!is_sound(bad), "{bad}");
        }
    }
}
