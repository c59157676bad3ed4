//! How far an inverter is with being paired: all four requests, one after the other, make it a member.

use super::super::wire::ids::EcuId;
use super::super::wire::payload::PairingRequest;

/// What an inverter remembers of the requests of a round.
#[derive(Debug, Clone, Copy, Default)]
pub struct PairingEar {
    gateway: Option<EcuId>,
    asked: bool,
    moved: bool,
    /// How many rounds it has heard.
    pub rounds: u32,
}

/// What an inverter makes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairingStep {
    /// It is not meant.
    NotMeant,
    /// It listens.
    Listens,
    /// It is asked for its address.
    Asked,
    /// It is told to move.
    Moved,
    /// It becomes a member.
    Joined(EcuId),
}

impl PairingEar {
    /// What becomes of a request, for an inverter that is meant or not; the last one names nobody.
    pub fn hear(&mut self, request: PairingRequest, is_meant: bool) -> PairingStep {
        match request {
            PairingRequest::Prime(_, gateway) if is_meant => {
                let rounds = self.rounds + 1;
                *self = Self {
                    gateway: Some(gateway),
                    rounds,
                    ..Self::default()
                };
                PairingStep::Listens
            }
            PairingRequest::Ask(_) if is_meant => {
                self.asked = self.gateway.is_some();
                PairingStep::Asked
            }
            PairingRequest::Move(_, gateway) if is_meant => {
                self.moved = self.asked && self.gateway == Some(gateway);
                PairingStep::Moved
            }
            PairingRequest::Stay(gateway) if self.gateway == Some(gateway) => {
                let is_whole = self.asked && self.moved;
                let rounds = self.rounds;
                *self = Self {
                    rounds,
                    ..Self::default()
                };
                if is_whole {
                    PairingStep::Joined(gateway)
                } else {
                    PairingStep::NotMeant
                }
            }
            _ => PairingStep::NotMeant,
        }
    }
}
