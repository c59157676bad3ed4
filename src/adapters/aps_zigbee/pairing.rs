//! Pairing: one inverter is told, by its serial number, to move into our network, and what address it has there is
//! learnt.
//!
//! A round has all four requests, even after the answer came: an inverter that gets only some of them is bound by
//! half, and is lost the next day. Only the inverter itself can say which address it has; what others pass on tells
//! no more than that they have heard us. And only an answer to a question, with its serial number in it, shows that
//! the address is right.

use std::collections::BTreeSet;
use std::time::Duration;

use super::health::PairingFailure;
use super::radio::{Outgoing, RadioNotice, RadioState};
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
        }
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
            // What cannot be sent is waited for as if it were: nobody answers then.
            (RadioNotice::Done(_), PairingStage::Sent(request)) => {
                self.wait(PairingStage::Listening(request), LISTEN, now);
            }
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
        let is_asked = matches!(
            self.stage,
            PairingStage::Verifying(_) | PairingStage::Again(_)
        );
        let Some(address) = self.answer.filter(|address| is_asked && *address == source) else {
            return;
        };
        match InverterAnswer::decode(data) {
            Ok(answer) if answer.serial == self.serial => {
                self.next = Some(PairingStep::Done(Ok(address)));
            }
            Ok(answer) => self.mistaken = Some(answer.serial),
            Err(_) => {}
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
                    self.wait(PairingStage::Settling, RADIO, now);
                    return PairingStep::Settle;
                }
            }
            PairingStage::Radio | PairingStage::Settling => {
                return PairingStep::Done(Err(PairingFailure::NoStick));
            }
            PairingStage::Settled => return self.ask(1, now),
            PairingStage::Verifying(question) | PairingStage::Again(question) => {
                return self.ask(question + 1, now);
            }
        }
        self.next.take().unwrap_or(PairingStep::Wait(self.until))
    }

    fn wait(&mut self, stage: PairingStage, length: Duration, now: Moment) {
        self.stage = stage;
        self.until = now.steady.saturating_add(length);
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
        if let Some(address) = self.answer.filter(|_| question <= QUESTIONS) {
            self.wait(PairingStage::Verifying(question), ANSWER, now);
            return PairingStep::Send(Outgoing::To {
                address,
                cluster: REQUEST_CLUSTER,
                data: InverterCommand::Poll.data(self.gateway),
            });
        }
        if self.round < ROUNDS {
            self.round += 1;
            self.wait(PairingStage::Radio, RADIO, now);
            return PairingStep::Restart;
        }
        PairingStep::Done(Err(self.failure()))
    }

    fn failure(&self) -> PairingFailure {
        match (self.answer, self.mistaken, self.other) {
            (Some(address), Some(serial), _) => PairingFailure::Mistaken(address, serial),
            (Some(address), None, _) => PairingFailure::Unverified(address),
            (None, _, Some(serial)) => PairingFailure::Other(serial),
            (None, _, None) if self.echoes.is_empty() => PairingFailure::Nobody,
            (None, _, None) => PairingFailure::OnlyEchoes(self.echoes.iter().copied().collect()),
        }
    }
}
