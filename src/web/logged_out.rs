//! Sessions that were ended before their time: a cookie that somebody has copied is worth nothing after logging out.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::store::Memory;

/// What they are called in the store.
const NAME: &str = "web_logged_out";
/// How many are kept at most. Only who has the password can make one.
const MOST: usize = 200;

/// Until when each of them would have lasted, in seconds since 1970, by its random part.
#[derive(Debug, Default)]
pub struct LoggedOut(Mutex<BTreeMap<String, i64>>);

impl LoggedOut {
    /// Adds those of earlier runs.
    pub fn recall(&self, memory: &Memory) {
        let kept: BTreeMap<String, i64> = memory.get(NAME).unwrap_or_default();
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = kept.len();
        ended.extend(kept);
        // What was ended before the store was there is kept too.
        if ended.len() > count {
            memory.put(NAME, &*ended);
        }
    }

    /// Ends one, and keeps that.
    pub fn end(&self, nonce: &str, until: i64, now: i64, memory: Option<&Memory>) {
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ended.insert(nonce.to_owned(), until);
        ended.retain(|_, until| *until > now);
        while ended.len() > MOST {
            let first = ended.iter().min_by_key(|(_, until)| **until);
            let Some(first) = first.map(|(nonce, _)| nonce.clone()) else {
                break;
            };
            ended.remove(&first);
        }
        if let Some(memory) = memory {
            memory.put(NAME, &*ended);
        }
    }

    /// Whether this one was ended.
    pub fn has(&self, nonce: &str) -> bool {
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ended.contains_key(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_stay_ended_over_restarts_and_until_their_time() {
        let memory = Memory::passing();
        let ended = LoggedOut::default();
        ended.end("a", 100, 1, Some(&memory));
        ended.end("b", 200, 1, Some(&memory));
        let again = LoggedOut::default();
        assert!(!again.has("a"));
        again.recall(&memory);
        assert!(again.has("a") && again.has("b") && !again.has("c"));
        // One that was ended while nothing was kept.
        let early = LoggedOut::default();
        early.end("d", 400, 1, None);
        early.recall(&memory);
        let later = LoggedOut::default();
        later.recall(&memory);
        assert!(later.has("d") && later.has("a"));
        again.end("c", 300, 150, Some(&memory));
        assert!(!again.has("a") && again.has("b"));
        for number in 0..2 * MOST {
            let until = 1_000 + i64::try_from(number).unwrap();
            again.end(&number.to_string(), until, 150, Some(&memory));
        }
        assert_eq!(again.0.lock().unwrap().len(), MOST);
        assert!(again.has(&(2 * MOST - 1).to_string()) && !again.has("b"));
    }
}
