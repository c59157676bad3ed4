//! A CC2530 or CC2531 with the firmware that was made for APsystems inverters, over ZNP.
//!
//! * Whatever runs already is taken over as it is: starting it anew wipes the routes of inverters that are relayed.
//!   It is started anew only if it is silent, not ours, in a wrong state, or refuses to send.
//! * After it was told to start anew, nothing is sent before it says that it has: a write in between is lost.
//! * It is never given up: tried again after 5 seconds, 30 seconds, 2 minutes, and then every 10 minutes.
//! * It is asked how it is every 10 minutes, for it can freeze with its port open.

mod question;
mod sending;
mod start;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::Duration;

use self::question::{AskedRequest, PATIENCE, TRIES};
use self::sending::{SendStage, Sending, outcome, shown};
use self::steps::{LookAttempt, ZnpStep};
use super::super::wire::ids::{EcuId, ShortAddress};
use super::super::wire::znp::{
    AfIncoming, CoordinatorState, ENDPOINT, ZnpIdentity, ZnpKind, ZnpMessage, ZnpRequest,
    ZnpScanned, ZnpScanner, ZnpStatus,
};
use super::{
    Outgoing, Radio, RadioInput, RadioNotice, RadioOutput, RadioState, RadioTrouble,
    ReceivedMessage, SendTrouble,
};
use crate::backoff::Backoff;
use crate::clock::Moment;

/// Between two attempts with a radio that does not work, in seconds.
const PAUSES: &[u64] = &[5, 30, 120, 600];
/// How often it is asked how it is.
const CHECK_EVERY: Duration = Duration::from_secs(600);
/// How long it may take to say what became of a message.
const CONFIRM: Duration = Duration::from_millis(2500);
/// How long it is left alone after it was woken.
const WAKING: Duration = Duration::from_millis(1500);
/// How long the rest of a frame is waited for: bridges to a serial port pause now and then.
const REST_OF_FRAME: Duration = Duration::from_secs(2);
/// How often something is done about a radio that hears nothing.
const DEAF_EVERY: Duration = Duration::from_secs(15 * 60);
/// How many starts may lead to nothing but refused messages.
const USELESS_STARTS: u32 = 2;
/// How many routes are remembered.
const ROUTES: usize = 256;
/// A port that is opened so long after it was to be opened was away meanwhile.
const AWAY: Duration = Duration::from_secs(5);

/// What has come since the radio was looked for.
#[derive(Debug, Clone, Copy, Default)]
struct HeardSoFar {
    bytes: u64,
    frames: u64,
    /// Frames that only a host sends.
    echoes: u64,
}

/// A stick with ZNP as a [`Radio`].
#[derive(Debug)]
pub struct ZnpRadio {
    id: EcuId,
    outbox: VecDeque<RadioOutput>,
    told: RadioState,

    scanner: ZnpScanner,
    last_byte: Duration,
    heard: HeardSoFar,
    /// Whether it has ever said anything.
    has_spoken: bool,
    identity: ZnpIdentity,

    step: ZnpStep,
    /// When the step ends by itself.
    deadline: Duration,
    question: Option<AskedRequest>,
    opened: Duration,
    reopened: Duration,
    /// Whether the stick may just have got its power.
    may_be_booting: bool,
    /// Whether it must be started anew, however well it is.
    must_start: bool,
    is_pairing: bool,
    has_simple_api: bool,
    was_woken: bool,
    state: Option<CoordinatorState>,
    /// Until when the network may take to come up.
    running_by: Duration,
    /// How often it was told to start anew in this step.
    resets: u32,
    /// How often it was asked how it is while it was starting.
    waits: u32,
    /// How often the start was begun in this attempt.
    runs: u32,
    /// Starts by its own will, since it has taken a message.
    unasked_resets: u32,
    /// Starts because it refused a message, since it has taken one.
    useless_starts: u32,
    backoff: Backoff,

    sending: Option<Sending>,
    queued: Option<Outgoing>,
    /// What became of an earlier message may still be told.
    owes_confirm: bool,
    next_check: Duration,
    routes: BTreeMap<ShortAddress, Vec<ShortAddress>>,
    deaf_attempts: u32,
    last_deaf: Option<Duration>,
}

impl ZnpRadio {
    /// The radio of the gateway with this id. Its port is not open yet.
    pub fn new(id: EcuId) -> Self {
        Self {
            id,
            outbox: VecDeque::new(),
            told: RadioState::Away,
            scanner: ZnpScanner::default(),
            last_byte: Duration::ZERO,
            heard: HeardSoFar::default(),
            has_spoken: false,
            identity: ZnpIdentity::default(),
            step: ZnpStep::Away,
            deadline: Duration::MAX,
            question: None,
            opened: Duration::ZERO,
            reopened: Duration::ZERO,
            may_be_booting: true,
            must_start: false,
            is_pairing: false,
            has_simple_api: false,
            was_woken: false,
            state: None,
            running_by: Duration::ZERO,
            resets: 0,
            waits: 0,
            runs: 0,
            unasked_resets: 0,
            useless_starts: 0,
            backoff: Backoff::new(PAUSES),
            sending: None,
            queued: None,
            owes_confirm: false,
            next_check: Duration::MAX,
            routes: BTreeMap::new(),
            deaf_attempts: 0,
            last_deaf: None,
        }
    }

    fn notice(&mut self, notice: RadioNotice) {
        self.outbox.push_back(RadioOutput::Noticed(notice));
    }

    fn write(&mut self, bytes: Vec<u8>) {
        self.outbox.push_back(RadioOutput::Send(bytes));
    }

    fn tell(&mut self, state: RadioState) {
        if self.told != state {
            self.told = state.clone();
            self.notice(RadioNotice::State(state));
        }
    }

    /// Puts a question.
    fn ask(&mut self, request: &ZnpRequest, tries: u32, patience: Duration, now: Duration) {
        self.question = AskedRequest::new(request, tries, patience);
        let frame = self.question.as_mut().and_then(|it| it.put(now));
        if let Some(frame) = frame {
            self.write(frame);
        }
    }

    fn bytes(&mut self, bytes: &[u8], now: Duration) {
        self.heard.bytes = self.heard.bytes.saturating_add(bytes.len() as u64);
        self.last_byte = now;
        self.scanner.push(bytes);
        self.drain(now);
    }

    /// Takes all frames that are whole.
    fn drain(&mut self, now: Duration) {
        while let Some(scanned) = self.scanner.next() {
            let frame = match scanned {
                ZnpScanned::Frame { frame, .. } => frame,
                ZnpScanned::Skipped { bytes, .. } => {
                    self.notice(RadioNotice::Noise { bytes });
                    continue;
                }
            };
            self.heard.frames += 1;
            if frame.kind() == ZnpKind::Question || frame.command == 0x4100 {
                self.heard.echoes += 1;
                continue;
            }
            let message = ZnpMessage::decode(frame);
            let question = self.question.as_ref();
            let is_answer = question.is_some_and(|it| it.is_answered(frame, &message));
            self.has_spoken = true;
            if is_answer {
                self.question = None;
                self.answered(&message, now);
            } else {
                self.happened(message, now);
            }
        }
    }

    /// What a stick says by itself.
    fn happened(&mut self, message: ZnpMessage, now: Duration) {
        match message {
            ZnpMessage::Reset(reset) => self.restarted(reset, now),
            ZnpMessage::State(state) => self.state_changed(state, now),
            ZnpMessage::Confirm {
                status, endpoint, ..
            } if endpoint == ENDPOINT => self.confirmed(status, now),
            ZnpMessage::Route {
                destination,
                relays,
            } => {
                if self.routes.len() >= ROUTES && !self.routes.contains_key(&destination) {
                    // Any of them: it comes again with the next answer.
                    self.routes.pop_first();
                }
                self.routes.insert(destination, relays.clone());
                let to = destination;
                self.notice(RadioNotice::Route { to, relays });
            }
            ZnpMessage::Incoming(message) => self.received(message),
            _ => {}
        }
    }

    fn received(&mut self, message: AfIncoming) {
        if message.source.is_of_inverter() {
            self.deaf_attempts = 0;
            self.last_deaf = None;
            let relays = self.routes.get(&message.source).cloned();
            self.notice(RadioNotice::Received(ReceivedMessage {
                source: message.source,
                cluster: message.cluster,
                lqi: message.lqi,
                last_hop: message.last_hop,
                relays: relays.unwrap_or_default(),
                radius: message.radius,
                was_broadcast: message.broadcast != 0,
                data: message.data,
            }));
        } else if message.source == ShortAddress::GATEWAY && message.last_hop.is_of_inverter() {
            self.notice(RadioNotice::Echo {
                through: message.last_hop,
                cluster: message.cluster,
                data: message.data,
            });
        }
    }

    /// Asks the stick to take a message.
    fn begin_sending(&mut self, message: Outgoing, now: Duration) {
        match Sending::new(message) {
            Ok(sending) => {
                self.ask(&sending.request, TRIES, PATIENCE, now);
                self.sending = Some(sending);
            }
            Err(trouble) => self.notice(RadioNotice::Done(Err(trouble))),
        }
    }

    fn done(&mut self, outcome: Result<(), SendTrouble>) {
        self.sending = None;
        self.question = None;
        self.notice(RadioNotice::Done(outcome));
    }

    /// Nothing can be sent any more.
    fn drop_messages(&mut self) {
        let was_sending = self.sending.take().is_some();
        if self.queued.take().is_some() || was_sending {
            self.done(Err(SendTrouble::NotReady));
        }
    }

    /// The stick says whether it takes the message.
    fn taken(&mut self, status: ZnpStatus, now: Duration) {
        let Some(sending) = &mut self.sending else {
            return;
        };
        match status {
            ZnpStatus::Success => {
                self.backoff.reset();
                self.useless_starts = 0;
                self.unasked_resets = 0;
                match sending.confirmed {
                    confirmed if sending.is_foreign() => {
                        self.owes_confirm |= confirmed.is_none();
                        self.done(Ok(()));
                    }
                    Some(status) => self.done(outcome(status)),
                    None => sending.stage = SendStage::Confirm(now + CONFIRM),
                }
            }
            ZnpStatus::InvalidParameter if sending.is_foreign() && !sending.was_woken => {
                sending.was_woken = true;
                sending.stage = SendStage::Woken(now + WAKING);
                let wake = ZnpRequest::DeviceInfoByAnswer.encode();
                self.write(wake.unwrap_or_default());
            }
            ZnpStatus::Failure | ZnpStatus::InvalidParameter | ZnpStatus::NotStarted => {
                self.done(Err(SendTrouble::NotReady));
                self.useless_starts += 1;
                if self.useless_starts > USELESS_STARTS {
                    let (step, status) = (None, shown(status));
                    self.fail(RadioTrouble::Refused { step, status }, now);
                } else if status == ZnpStatus::NotStarted {
                    self.await_network(now);
                } else {
                    self.runs = 0;
                    self.start(now);
                }
            }
            status => self.done(outcome(status)),
        }
    }

    /// What became of a message.
    fn confirmed(&mut self, status: ZnpStatus, now: Duration) {
        if self.step == ZnpStep::Announced {
            self.enter(ZnpStep::LastCheck, now);
        }
        let Some(sending) = &mut self.sending else {
            self.owes_confirm = false;
            return;
        };
        match sending.stage {
            SendStage::Asked if mem::take(&mut self.owes_confirm) => {}
            SendStage::Asked => sending.confirmed = Some(status),
            SendStage::Woken(_) => {}
            SendStage::Confirm(_) => self.done(outcome(status)),
        }
    }

    /// Time has passed for the message that is being sent.
    fn pass_sending(&mut self, now: Duration) {
        let Some(sending) = &mut self.sending else {
            return;
        };
        match sending.stage {
            SendStage::Woken(until) if until <= now => {
                sending.stage = SendStage::Asked;
                let request = sending.request.clone();
                self.ask(&request, TRIES, PATIENCE, now);
            }
            SendStage::Confirm(until) if until <= now => {
                self.owes_confirm = true;
                self.done(Err(SendTrouble::NoConfirm));
            }
            _ => {}
        }
    }

    fn pass(&mut self, now: Duration) {
        // What looks like the beginning of a long frame may have swallowed an answer.
        let is_late = self.question.as_ref().is_some_and(|it| it.deadline <= now);
        if self.scanner.is_unsettled() && (is_late || self.last_byte + REST_OF_FRAME <= now) {
            self.scanner.give_up();
            self.drain(now);
        }
        let question = self.question.as_mut().filter(|it| it.deadline <= now);
        if let Some(question) = question {
            if let Some(frame) = question.put(now) {
                self.write(frame);
            } else {
                self.question = None;
                self.unanswered(now);
            }
        } else if self.deadline <= now {
            self.elapsed(now);
        }
        self.pass_sending(now);
        if self.step == ZnpStep::Ready && self.sending.is_none() && self.next_check <= now {
            self.enter(ZnpStep::Check, now);
        }
    }

    fn wake(&self) -> Duration {
        let mut wake = self.deadline;
        if let Some(question) = &self.question {
            wake = wake.min(question.deadline);
        }
        if self.scanner.is_unsettled() {
            wake = wake.min(self.last_byte + REST_OF_FRAME);
        }
        match self.sending.as_ref().map(|sending| sending.stage) {
            Some(SendStage::Woken(until) | SendStage::Confirm(until)) => wake.min(until),
            None if self.step == ZnpStep::Ready => wake.min(self.next_check),
            _ => wake,
        }
    }

    fn reset_line(&mut self) {
        self.outbox.push_back(RadioOutput::Reset);
    }
}

impl Radio for ZnpRadio {
    fn handle(&mut self, happening: RadioInput<'_>, now: Moment) {
        let now = now.steady;
        match happening {
            RadioInput::Opened => self.begin(now),
            RadioInput::Bytes(_) if self.step == ZnpStep::Away => {}
            RadioInput::Bytes(bytes) => self.bytes(bytes, now),
            RadioInput::Time => self.pass(now),
            RadioInput::Closed => self.closed(),
        }
    }

    fn poll(&mut self) -> RadioOutput {
        let next = self.outbox.pop_front();
        next.unwrap_or_else(|| RadioOutput::Wait(self.wake()))
    }

    fn send(&mut self, message: Outgoing, now: Moment) {
        match self.step {
            _ if self.is_sending() => {
                self.notice(RadioNotice::Done(Err(SendTrouble::Busy)));
            }
            ZnpStep::Ready => self.begin_sending(message, now.steady),
            ZnpStep::Check => self.queued = Some(message),
            _ => self.notice(RadioNotice::Done(Err(SendTrouble::NotReady))),
        }
    }

    fn is_sending(&self) -> bool {
        self.sending.is_some() || self.queued.is_some()
    }

    fn restart(&mut self, now: Moment) {
        let now = now.steady;
        self.is_pairing = true;
        self.must_start = true;
        self.runs = 0;
        match self.step {
            // It will be, once it is found.
            ZnpStep::Away
            | ZnpStep::Reopening
            | ZnpStep::Ping(_)
            | ZnpStep::Skip
            | ZnpStep::Pulse
            | ZnpStep::Loopback
            | ZnpStep::BootLoader
            | ZnpStep::Version => {}
            ZnpStep::Resting => self.enter(ZnpStep::Ping(LookAttempt::First), now),
            _ => self.start(now),
        }
    }

    fn settle(&mut self, now: Moment) {
        self.is_pairing = false;
        if matches!(self.step, ZnpStep::Ready | ZnpStep::Check) {
            self.announce(now.steady);
        }
    }

    fn deaf(&mut self, now: Moment) {
        let now = now.steady;
        let is_recent = self.last_deaf.is_some_and(|last| now < last + DEAF_EVERY);
        if is_recent || !matches!(self.step, ZnpStep::Ready | ZnpStep::Check) {
            return;
        }
        self.last_deaf = Some(now);
        self.tell(RadioState::Trouble(RadioTrouble::Deaf));
        // The port may lead to nowhere; then it is the radio itself. One after the other: opening a port ends a reset.
        self.must_start = self.deaf_attempts % 2 == 1;
        self.deaf_attempts = self.deaf_attempts.saturating_add(1);
        let step = if self.must_start {
            ZnpStep::Pulse
        } else {
            ZnpStep::Reopening
        };
        self.enter(step, now);
    }
}
