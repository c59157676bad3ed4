//! Room for so many at once, and for so many of one address: nobody takes the places of all others.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Places that are given out, and come back by themselves.
#[derive(Debug)]
pub struct Places {
    all: usize,
    of_one: usize,
    taken: Mutex<BTreeMap<IpAddr, usize>>,
    /// Whether most of them are taken.
    crowd: watch::Sender<bool>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct TakenPlace {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    /// So many for all, and for each address.
    pub fn new(all: usize, of_one: usize) -> Arc<Self> {
        Arc::new(Self {
            all,
            of_one,
            taken: Mutex::default(),
            crowd: watch::Sender::new(false),
        })
    }

    /// One for this address; none where there is none left for it.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<TakenPlace> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_all: usize = taken.values().sum();
        let own = taken.get(&address).copied().unwrap_or(0);
        if of_all >= self.all || own >= self.of_one {
            return None;
        }
        taken.insert(address, own + 1);
        self.note(of_all + 1);
        drop(taken);
        Some(TakenPlace {
            places: Arc::clone(self),
            address,
        })
    }

    /// Tells whether three of four places are taken, and when that changes.
    pub fn crowd(&self) -> watch::Receiver<bool> {
        self.crowd.subscribe()
    }

    fn note(&self, taken: usize) {
        let is_crowded = taken * 4 >= self.all * 3;
        self.crowd
            .send_if_modified(|was| std::mem::replace(was, is_crowded) != is_crowded);
    }
}

impl Drop for TakenPlace {
    fn drop(&mut self) {
        let places = &self.places;
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count = count.saturating_sub(1);
        }
        taken.retain(|_, count| *count > 0);
        places.note(taken.values().sum());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_address_has_its_share_and_all_have_theirs() {
        let places = Places::new(4, 2);
        let crowd = places.crowd();
        let first = places.take(address(1)).unwrap();
        let second = places.take(address(1)).unwrap();
        assert!(places.take(address(1)).is_none() && !*crowd.borrow());
        let _third = places.take(address(2)).unwrap();
        assert!(*crowd.borrow());
        let _fourth = places.take(address(3)).unwrap();
        assert!(places.take(address(4)).is_none());
        drop(first);
        let _fifth = places.take(address(4)).unwrap();
        assert!(places.take(address(1)).is_none());
        drop(second);
        assert!(places.take(address(1)).is_some());
        drop((_third, _fourth, _fifth));
        assert!(!*crowd.borrow());
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
