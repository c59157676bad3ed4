//! Where an inverter is in our network, and where it may be.
//!
//! Nothing proves who speaks by radio. So one message is not enough to move an inverter whose address has been right:
//! it is asked where it answered before, and elsewhere only when it does not answer there any more. **Only an answer
//! to a question that went there makes an address the right one.**

use serde::{Deserialize, Serialize};

use super::wire::ids::ShortAddress;

/// Turns in vain after which an inverter is looked for elsewhere as well.
const IN_VAIN: u32 = 5;

/// Where an inverter is, as far as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Whereabouts {
    /// Its address in our network, once it is paired.
    address: Option<ShortAddress>,
    /// Whether it has answered from there.
    is_verified: bool,
    /// Where it may be as well: it was heard there, or somebody said so.
    other_address: Option<ShortAddress>,
    /// Whether it is asked there this time.
    #[serde(skip)]
    tries_other: bool,
    /// Where it was asked last.
    #[serde(skip)]
    asked: Option<ShortAddress>,
    /// Turns in vain since it was heard.
    #[serde(skip)]
    silent: u32,
}

impl Whereabouts {
    /// Its address in our network, once it is paired.
    pub const fn address(&self) -> Option<ShortAddress> {
        self.address
    }

    /// Whether there is anywhere to ask it.
    pub fn is_to_be_asked(&self) -> bool {
        self.address.or(self.other()).is_some()
    }

    /// Where to ask it this time; an answer from there counts.
    pub fn ask(&mut self) -> Option<ShortAddress> {
        let other = self.other();
        let place = if self.tries_other {
            other.or(self.address)
        } else {
            self.address.or(other)
        };
        self.asked = place;
        place
    }

    /// Whether it was asked there last.
    pub fn was_asked_at(&self, place: ShortAddress) -> bool {
        self.asked == Some(place)
    }

    /// Where it may be beside its address. Other programs write the bytes of an address in either order.
    fn other(&self) -> Option<ShortAddress> {
        let swapped = || {
            let known = self.address.filter(|_| !self.is_verified);
            known.map(ShortAddress::swapped)
        };
        let other = self.other_address.or_else(swapped);
        other.filter(|it| it.is_of_inverter() && Some(*it) != self.address)
    }

    /// The user says that it is there.
    pub fn is_said_to_be_at(&mut self, address: ShortAddress) {
        if self.address.is_none() {
            self.address = Some(address);
        } else {
            self.may_be_at(address);
        }
    }

    /// Somebody says that it may be there: itself while it was paired.
    pub fn may_be_at(&mut self, address: ShortAddress) {
        if self.address != Some(address) {
            self.other_address = Some(address);
        }
    }

    /// It was paired, and has answered there.
    pub fn is_at(&mut self, address: ShortAddress) {
        *self = Self {
            address: Some(address),
            is_verified: true,
            ..Self::default()
        };
    }

    /// It was heard there; true if that changes what is known. Who only listens never asks, and believes it.
    pub fn heard_at(&mut self, source: ShortAddress, is_listening: bool) -> bool {
        let before = (self.address, self.is_verified, self.other_address);
        let was_asked = self.was_asked_at(source);
        if self.address == Some(source) {
            self.is_verified |= was_asked;
            (self.tries_other, self.silent) = (false, 0);
        } else if is_listening || was_asked {
            let old = self.address.filter(|_| self.is_verified);
            self.is_at(source);
            self.other_address = old;
        } else {
            self.other_address = Some(source);
        }
        before != (self.address, self.is_verified, self.other_address)
    }

    /// It has not answered for a turn; true if that changes what is known.
    pub fn fell_silent(&mut self) -> bool {
        self.silent = self.silent.saturating_add(1);
        if self.silent < IN_VAIN {
            return false;
        }
        if self.address.is_none() {
            // A guess that was none.
            return self.other_address.take().is_some();
        }
        self.tries_other = !self.tries_other;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: ShortAddress = ShortAddress(0x7c3a);
    const AWAY: ShortAddress = ShortAddress(0x1234);

    fn at_home() -> Whereabouts {
        let mut place = Whereabouts::default();
        place.is_at(HOME);
        place
    }

    /// All places where it is asked while it does not answer.
    fn looked_at(place: &mut Whereabouts) -> Vec<ShortAddress> {
        let ask = |_| {
            let asked = place.ask();
            place.fell_silent();
            asked
        };
        (1..=8).map_while(ask).collect()
    }

    #[test]
    fn a_voice_from_elsewhere_does_not_move_who_answers() {
        let mut place = at_home();
        for _ in 0..100 {
            assert_eq!(place.ask(), Some(HOME));
            place.heard_at(AWAY, false);
            place.heard_at(HOME, false);
        }
        assert_eq!((place.address(), place.ask()), (Some(HOME), Some(HOME)));
    }

    #[test]
    fn who_does_not_answer_is_looked_for_where_it_was_heard() {
        let mut place = at_home();
        assert!(place.heard_at(AWAY, false));
        assert!(!place.heard_at(AWAY, false));
        let looked = looked_at(&mut place);
        assert_eq!(looked[..5], [HOME; 5]);
        assert_eq!(looked[5..], [AWAY, HOME, AWAY]);
        // What is heard without having been asked there is not enough.
        assert_eq!(place.ask(), Some(HOME));
        place.heard_at(AWAY, false);
        assert_eq!(place.address(), Some(HOME));
        place.fell_silent();
        assert_eq!(place.ask(), Some(AWAY));
        assert!(place.heard_at(AWAY, false));
        assert_eq!(place.address(), Some(AWAY));
        // And where it was is not forgotten.
        assert_eq!(looked_at(&mut place)[4..7], [AWAY, HOME, AWAY]);
    }

    #[test]
    fn an_address_that_nobody_has_verified_is_tried_in_both_orders() {
        let mut place = Whereabouts {
            address: Some(HOME),
            ..Whereabouts::default()
        };
        assert_eq!(
            looked_at(&mut place)[4..7],
            [HOME, ShortAddress(0x3a7c), HOME]
        );
        place.fell_silent();
        place.ask();
        place.heard_at(ShortAddress(0x3a7c), false);
        assert_eq!(place.address(), Some(ShortAddress(0x3a7c)));
        assert_eq!(place.other(), None);
    }

    #[test]
    fn a_guess_is_given_up_and_does_not_make_it_paired() {
        let mut place = Whereabouts::default();
        assert!(!place.is_to_be_asked());
        place.may_be_at(AWAY);
        assert!(place.is_to_be_asked());
        assert_eq!(place.address(), None);
        assert_eq!(looked_at(&mut place), [AWAY; 5]);
        assert!(!place.is_to_be_asked());
    }

    #[test]
    fn who_is_not_paired_is_only_where_it_answers() {
        let mut place = Whereabouts::default();
        assert!(place.heard_at(AWAY, false));
        assert_eq!(place.address(), None);
        assert_eq!(place.ask(), Some(AWAY));
        assert!(place.heard_at(AWAY, false));
        assert_eq!(place.address(), Some(AWAY));
        // Who never asks has nothing but what is heard.
        assert!(place.heard_at(HOME, true));
        assert_eq!(place.address(), Some(HOME));
    }

    #[test]
    fn what_is_saved_is_what_was_known() {
        let mut place = at_home();
        place.heard_at(AWAY, false);
        let text = serde_json::to_string(&place).unwrap();
        assert_eq!(serde_json::from_str::<Whereabouts>(&text).unwrap(), place);
    }
}
