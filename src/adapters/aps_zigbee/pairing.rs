//! Pairing: one inverter is told, by its serial number, to move into our network, and what address it has there is
//! learnt.
//!
//! A round has all four requests, even after the answer came: an inverter that gets only some of them is bound by
//! half, and is lost the next day. Only the inverter itself can say which address it has; what others pass on tells
//! no more than that they have heard us. And only an answer to a question, with its serial number in it, shows that
//! the address is right. Who passed our words on may be the inverter itself, whose answer got lost; so those whom
//! nobody knows are asked as well, in the end.

use std::collections::BTreeSet;
use std::time::Duration;

use super::health::PairingFailure;
use super::radio::{Outgoing, RadioNotice, RadioState, SendTrouble};
use super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use super::wire::payload::{
    InverterAnswer, InverterCommand, PairingHeard, PairingRequest, REQUEST_CLUSTER, pairing_heard,
};
use crate::clock::Moment;

/// Rounds at once.
const ROUNDS: u32 = 3;
/// After each request, for what comes back.
const LISTEN: Duration = Duration::from_millis(1500);
/// After the radio is ready for inverters again.
const SETTLE: Duration = Duration::from_secs(2);
/// How long the radio may take to be brought up.
const RADIO: Duration = Duration::from_secs(200);
/// Questions by which the address is verified.
const QUESTIONS: u32 = 3;
/// How long each is waited for.
const ANSWER: Duration = Duration::from_secs(6);
/// Radios that passed our words on and are asked who they are.
const STRANGERS: usize = 8;

/// What a round of pairing wants to have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairingStep {
    /// The radio is to be brought up for it.
    Restart,
    /// This is to be sent.
    Send(Outgoing),
    /// The radio is to be made ready for inverters of the network.
    Settle,
    /// Nothing until something happens or it is this moment.
    Wait(Duration),
    /// It has this address, which was verified; or not.
    Done(Result<ShortAddress, PairingFailure>),
}

/// What is being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PairingStage {
    /// To begin.
    New,
    /// The radio, to be ready for it.
    Radio,
    /// Whether this request is on the air.
    Sent(usize),
    /// What comes back of this request.
    Listening(usize),
    /// The radio, to be ready for inverters.
    Settling,
    /// A moment, then a question.
    Settled,
    /// The answer to this question.
    Verifying(u32),
    /// A moment, then the next question.
    Again(u32),
    /// Whether one that passed our words on is this inverter.
    Stranger(ShortAddress),
}

/// The pairing of one inverter.
#[derive(Debug)]
pub struct Pairing {
    serial: InverterSerial,
    gateway: EcuId,
    stage: PairingStage,
    /// Until when that lasts at most.
    until: Duration,
    round: u32,
    /// What is to be done next, if that is decided.
    next: Option<PairingStep>,
    answer: Option<ShortAddress>,
    echoes: BTreeSet<ShortAddress>,
    other: Option<InverterSerial>,
    mistaken: Option<InverterSerial>,
    /// Addresses that are known to be those of others.
    known: BTreeSet<ShortAddress>,
    /// Who is still to be asked whether it is this inverter.
    strangers: Vec<ShortAddress>,
    /// What the radio said to a request that it did not take.
    refused: Option<SendTrouble>,
    /// Whether a whole round was on the air.
    was_sent: bool,
}

impl Pairing {
    /// That of this inverter into the network of this id.
    pub const fn new(serial: InverterSerial, gateway: EcuId) -> Self {
        Self {
            serial,
            gateway,
            stage: PairingStage::New,
            until: Duration::MAX,
            round: 1,
            next: None,
            answer: None,
            echoes: BTreeSet::new(),
            other: None,
            mistaken: None,
            known: BTreeSet::new(),
            strangers: Vec::new(),
            refused: None,
            was_sent: false,
        }
    }

    /// With the addresses of other inverters.
    #[must_use]
    pub fn beside(mut self, known: impl IntoIterator<Item = ShortAddress>) -> Self {
        self.known.extend(known);
        self
    }

    /// Whose it is.
    pub const fn serial(&self) -> InverterSerial {
        self.serial
    }

    /// Until when nothing has to be done, unless something happens.
    pub const fn due(&self) -> Duration {
        self.until
    }

    /// Which round it is, from 1 on.
    pub const fn round(&self) -> u32 {
        self.round
    }

    /// Takes what the radio has noticed.
    pub fn notice(&mut self, notice: &RadioNotice, now: Moment) {
        match (notice, self.stage) {
            (RadioNotice::State(RadioState::Ready), PairingStage::Radio) => self.request(0),
            (RadioNotice::State(RadioState::Ready), PairingStage::Settling) => {
                self.wait(PairingStage::Settled, SETTLE, now);
            }
            (RadioNotice::State(RadioState::Trouble(_) | RadioState::Away), _) => {
                self.next = Some(PairingStep::Done(Err(PairingFailure::NoStick)));
            }
            // A round with a gap binds an inverter by half, so the next one begins.
            (RadioNotice::Done(Err(trouble)), PairingStage::Sent(_)) => {
                self.refused = Some(*trouble);
                self.next = Some(if self.round < ROUNDS {
                    self.next_round(now)
                } else {
                    self.settle(now)
                });
            }
            (RadioNotice::Done(Ok(())), PairingStage::Sent(request)) => {
                self.wait(PairingStage::Listening(request), LISTEN, now);
            }
            (RadioNotice::Done(Err(_)), PairingStage::Stranger(_)) => self.until = now.steady,
            (RadioNotice::Done(Err(_)), PairingStage::Verifying(question)) => {
                self.wait(PairingStage::Again(question), SETTLE, now);
            }
            (
                RadioNotice::Echo { through, .. },
                PairingStage::Sent(_) | PairingStage::Listening(_),
            ) => {
                self.echoes.insert(*through);
            }
            (RadioNotice::Received(message), _) => {
                let heard = pairing_heard(
                    self.serial,
                    self.gateway,
                    message.source,
                    message.cluster,
                    &message.data,
                );
                match heard {
                    PairingHeard::Answered(address) => self.answer = Some(address),
                    PairingHeard::OtherAnswered(serial, _) => self.other = Some(serial),
                    PairingHeard::Echo => {
                        self.echoes.insert(message.last_hop);
                    }
                    PairingHeard::Unrelated => self.verify(message.source, &message.data),
                }
            }
            _ => {}
        }
    }

    /// An answer to a question shows whose address it is.
    fn verify(&mut self, source: ShortAddress, data: &[u8]) {
        let asked = match self.stage {
            PairingStage::Verifying(_) | PairingStage::Again(_) => self.answer,
            PairingStage::Stranger(address) => Some(address),
            _ => None,
        };
        let Some(address) = asked.filter(|address| *address == source) else {
            return;
        };
        match InverterAnswer::decode(data) {
            Ok(answer) if answer.serial == self.serial => {
                self.next = Some(PairingStep::Done(Ok(address)));
            }
            // A stranger of another name is no mistake.
            Ok(answer) if self.answer.is_some() => self.mistaken = Some(answer.serial),
            _ => {}
        }
    }

    /// What is to be done; to be asked until it says to wait.
    pub fn step(&mut self, now: Moment) -> PairingStep {
        if let Some(next) = self.next.take() {
            return next;
        }
        if self.stage == PairingStage::New {
            self.wait(PairingStage::Radio, RADIO, now);
            return PairingStep::Restart;
        }
        if now.steady < self.until {
            return PairingStep::Wait(self.until);
        }
        match self.stage {
            PairingStage::New => {}
            PairingStage::Sent(request) | PairingStage::Listening(request) => {
                if request + 1 < PairingRequest::all(self.serial, self.gateway).len() {
                    self.request(request + 1);
                } else {
                    self.was_sent = true;
                    return self.settle(now);
                }
            }
            PairingStage::Radio | PairingStage::Settling => {
                return PairingStep::Done(Err(PairingFailure::NoStick));
            }
            PairingStage::Settled => return self.ask(1, now),
            PairingStage::Verifying(question) | PairingStage::Again(question) => {
                return self.ask(question + 1, now);
            }
            PairingStage::Stranger(_) => return self.ask_stranger(now),
        }
        self.next.take().unwrap_or(PairingStep::Wait(self.until))
    }

    fn wait(&mut self, stage: PairingStage, length: Duration, now: Moment) {
        self.stage = stage;
        self.until = now.steady.saturating_add(length);
    }

    fn settle(&mut self, now: Moment) -> PairingStep {
        self.wait(PairingStage::Settling, RADIO, now);
        PairingStep::Settle
    }

    fn request(&mut self, index: usize) {
        let all = PairingRequest::all(self.serial, self.gateway);
        let Some(request) = all.get(index) else {
            return;
        };
        // The radio says what became of it, sooner or later.
        (self.stage, self.until) = (PairingStage::Sent(index), Duration::MAX);
        self.next = Some(PairingStep::Send(Outgoing::Unjoined {
            cluster: request.cluster(),
            transaction: request.transaction(),
            data: request.data(),
        }));
    }

    /// Asks what only the right inverter can answer; or goes on with the next round.
    fn ask(&mut self, question: u32, now: Moment) -> PairingStep {
        match self.answer.filter(|_| question <= QUESTIONS) {
            Some(address) => {
                self.wait(PairingStage::Verifying(question), ANSWER, now);
                self.question(address)
            }
            None => self.next_round(now),
        }
    }

    fn question(&self, address: ShortAddress) -> PairingStep {
        PairingStep::Send(Outgoing::To {
            address,
            cluster: REQUEST_CLUSTER,
            data: InverterCommand::Poll.data(self.gateway),
        })
    }

    /// Begins once more, or asks around in the end.
    fn next_round(&mut self, now: Moment) -> PairingStep {
        if self.round < ROUNDS {
            self.round += 1;
            self.wait(PairingStage::Radio, RADIO, now);
            return PairingStep::Restart;
        }
        if self.answer.is_none() {
            let strangers = self.echoes.difference(&self.known);
            self.strangers = strangers.copied().take(STRANGERS).collect();
        }
        self.ask_stranger(now)
    }

    /// Asks the next one that passed our words on who it is.
    fn ask_stranger(&mut self, now: Moment) -> PairingStep {
        match self.strangers.pop() {
            Some(address) => {
                self.wait(PairingStage::Stranger(address), ANSWER, now);
                self.question(address)
            }
            None => PairingStep::Done(Err(self.failure())),
        }
    }

    fn failure(&self) -> PairingFailure {
        match (self.answer, self.mistaken, self.other) {
            (Some(address), Some(serial), _) => PairingFailure::Mistaken(address, serial),
            (Some(address), None, _) => PairingFailure::Unverified(address),
            (None, _, Some(serial)) => PairingFailure::Other(serial),
            (None, _, None) => match self.refused.filter(|_| !self.was_sent) {
                Some(trouble) => PairingFailure::NotSent(trouble),
                None if self.echoes.is_empty() => PairingFailure::Nobody,
                None => PairingFailure::OnlyEchoes(self.echoes.iter().copied().collect()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// All that is done when the radio says this to each message.
    fn paired(
        said: Result<(), SendTrouble>,
    ) -> (Vec<PairingStep>, Result<ShortAddress, PairingFailure>) {
        let gateway = "D8A3011B9780".parse().unwrap();
        let mut pairing = Pairing::new("408000990001".parse().unwrap(), gateway);
        let mut now = Moment {
            steady: Duration::from_secs(100),
            wall: Timestamp::UNIX_EPOCH,
        };
        let mut steps = Vec::new();
        for _ in 0..1000 {
            let step = pairing.step(now);
            match &step {
                PairingStep::Restart | PairingStep::Settle => {
                    pairing.notice(&RadioNotice::State(RadioState::Ready), now);
                }
                PairingStep::Send(_) => pairing.notice(&RadioNotice::Done(said), now),
                PairingStep::Wait(until) => now.steady = *until,
                PairingStep::Done(result) => return (steps, result.clone()),
            }
            if !matches!(step, PairingStep::Wait(_)) {
                steps.push(step);
            }
        }
        panic!("it goes round in circles")
    }

    #[test]
    fn requests_that_the_stick_does_not_take_are_not_taken_for_sent() {
        let (steps, result) = paired(Err(SendTrouble::Busy));
        assert_eq!(result, Err(PairingFailure::NotSent(SendTrouble::Busy)));
        // No round goes on with a gap, and the stick is ready for inverters in the end.
        let sent = steps.iter().filter(|it| matches!(it, PairingStep::Send(_)));
        assert_eq!(sent.count(), 3);
        assert_eq!(steps.last(), Some(&PairingStep::Settle));
    }

    #[test]
    fn who_has_asked_in_vain_asks_three_times_all_four() {
        let (steps, result) = paired(Ok(()));
        assert_eq!(result, Err(PairingFailure::Nobody));
        let sent = steps.iter().filter(|it| matches!(it, PairingStep::Send(_)));
        assert_eq!(sent.count(), 12);
    }
}
