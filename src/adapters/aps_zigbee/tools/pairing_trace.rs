//! What a pairing leaves behind that ends before the inverter has answered from its new place.

use super::super::wire::ids::ShortAddress;

/// How far it has come, and what the inverter has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PairingTrace {
    reach: PairingReach,
    address: Option<ShortAddress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum PairingReach {
    /// Nothing was asked of it that would change it.
    #[default]
    Untouched,
    /// It was told to move, but not to stay.
    Called,
    /// It was told to stay: whether it does, only an answer shows.
    Told,
}

impl PairingTrace {
    /// A request is sent, the one of this transaction. What was sent in a round before is not taken back.
    pub fn sent(&mut self, transaction: u8) {
        const MOVE: u8 = 2;
        const STAY: u8 = 3;
        self.reach = self.reach.max(match transaction {
            STAY => PairingReach::Told,
            MOVE => PairingReach::Called,
            _ => PairingReach::Untouched,
        });
    }

    /// It has told its address.
    pub const fn told(&mut self, address: ShortAddress) {
        self.address = Some(address);
    }

    /// Whether it may be in the new network by now.
    pub fn may_have_moved(self) -> bool {
        self.reach == PairingReach::Told
    }

    /// What is so now, in words; `lines` are those that belong into the section if it is at an address.
    pub fn words(self, lines: impl FnOnce(ShortAddress) -> String) -> String {
        match (self.reach, self.address) {
            (PairingReach::Untouched, _) => {
                "Nothing has changed: the inverter is where it was.".to_owned()
            }
            (PairingReach::Called, _) => {
                "Nothing should have changed: the inverter was not told to stay in the new network yet. If it does not \
                 answer where it was before, pair it again."
                    .to_owned()
            }
            (PairingReach::Told, None) => {
                "The inverter may have moved into the new network, and has not told its address there: pair it again."
                    .to_owned()
            }
            (PairingReach::Told, Some(address)) => format!(
                "The inverter may have moved into the new network, where it has told the address {address}. Pair it again \
                 to be sure; if it has moved, these lines belong into its section:\n{}",
                lines(address)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::payload::PairingRequest;
    use super::*;

    #[test]
    fn before_the_last_request_nothing_has_changed_and_behind_it_it_may_have() {
        let mut trace = PairingTrace::default();
        let words = |trace: PairingTrace| trace.words(|address| format!("here: {address}"));
        assert!(words(trace).starts_with("Nothing has changed"));
        for transaction in [0, 1] {
            trace.sent(transaction);
        }
        trace.told(ShortAddress(0x7c3a));
        assert!(words(trace).starts_with("Nothing has changed"));
        trace.sent(2);
        assert!(words(trace).starts_with("Nothing should have changed"));
        assert!(!trace.may_have_moved());
        trace.sent(3);
        // The next round begins anew, the inverter does not.
        trace.sent(0);
        assert!(trace.may_have_moved());
        assert!(words(trace).contains("may have moved"));
        assert!(words(trace).ends_with(":\nhere: 0x7C3A"));
        let unheard = PairingTrace {
            address: None,
            ..trace
        };
        assert!(words(unheard).contains("has not told its address"));
    }

    #[test]
    fn the_requests_have_these_transactions() {
        let (serial, gateway) = (
            "408000990001".parse().unwrap(),
            "D8A3011B9780".parse().unwrap(),
        );
        let reach = |request: PairingRequest| {
            let mut trace = PairingTrace::default();
            trace.sent(request.transaction());
            trace.reach
        };
        use PairingReach::{Called, Told, Untouched};
        assert_eq!(
            PairingRequest::all(serial, gateway).map(reach),
            [Untouched, Untouched, Called, Told]
        );
    }
}
