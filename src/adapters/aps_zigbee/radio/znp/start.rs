//! How a stick is found and brought up: what is done after each step, and what if it does not work.

use std::mem;
use std::time::Duration;

use super::super::super::wire::znp::{
    CoordinatorState, ResetIndication, ZnpMessage, ZnpRequest, ZnpScanner, ZnpStatus,
};
use super::super::{RadioNotice, RadioState, RadioTrouble};
use super::question::{PATIENCE, TRIES};
use super::steps::{Condition, Item, LOOPBACK, Look, Stage, Step};
use super::{AWAY, CHECK_EVERY, CONFIRM, HeardSoFar, WAKING, ZnpRadio};

/// How long the first ping may take.
const FIRST_PING: Duration = Duration::from_millis(500);
/// The boot loader starts the firmware when it gets such a byte.
const SKIP: [u8; 256] = [0xef; 256];
/// How long that takes.
const SKIPPING: Duration = Duration::from_secs(1);
/// A pulse of the reset line, and what the stick needs after it.
const PULSE: Duration = Duration::from_millis(3000);
/// How long the boot loader may hold a stick that has just got its power.
const BOOT_LOADER: Duration = Duration::from_secs(150);
/// How often it is looked for meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long a stick may take to start anew.
const RESETTING: Duration = Duration::from_secs(5);
/// A coordinator that is starting is asked so often.
const STARTING: Duration = Duration::from_millis(700);
/// The same if it says by itself how far it is.
const RUNNING: Duration = Duration::from_secs(3);
/// How long a network may take to come up.
const NETWORK: Duration = Duration::from_secs(30);
/// How often a coordinator that is starting, though nobody has told it to, is asked.
const WAITS: u32 = 15;
/// The network is given so long before inverters are asked.
const PAUSE: Duration = Duration::from_secs(2);
/// How often the start is begun before there is a pause.
const RUNS: u32 = 3;
/// How often a stick may start anew by itself.
const UNASKED_RESETS: u32 = 5;
/// How long it takes to open the port anew; then it is gone on with as it is.
const REOPENING: Duration = Duration::from_secs(30);
/// A wrong firmware stays what it is; the stick may be changed for another.
const WRONG_FIRMWARE: Duration = Duration::from_secs(600);

impl ZnpRadio {
    /// The port was opened.
    pub(super) fn begin(&mut self, now: Duration) {
        let was_wanted = self.step == Step::Reopening;
        self.may_be_booting = !was_wanted || now.saturating_sub(self.reopened) > AWAY;
        self.scanner = ZnpScanner::default();
        self.heard = HeardSoFar::default();
        self.identity = super::StickIdentity::default();
        self.has_simple_api = false;
        self.owes_confirm = false;
        self.opened = now;
        self.runs = 0;
        self.waits = 0;
        self.enter(Step::Ping(Look::First), now);
    }

    /// The port was closed.
    pub(super) fn closed(&mut self) {
        self.drop_messages();
        self.question = None;
        self.deadline = Duration::MAX;
        if self.step != Step::Reopening {
            self.step = Step::Away;
            self.tell(RadioState::Away);
        }
    }

    /// Begins a step.
    pub(super) fn enter(&mut self, step: Step, now: Duration) {
        if !matches!(step, Step::Ready | Step::Check) {
            self.drop_messages();
        }
        self.step = step;
        self.question = None;
        self.deadline = Duration::MAX;
        if let Some(shown) = step.shown() {
            // What is wrong stays so until it works, or something else is.
            if !matches!(self.told, RadioState::Trouble(_)) {
                self.tell(RadioState::Starting(shown));
            }
        }
        match step {
            Step::Reopening => {
                self.reopened = now;
                self.outbox.push_back(super::RadioOutput::Reopen);
                self.deadline = now + REOPENING;
            }
            Step::Skip => {
                self.write(SKIP.to_vec());
                self.deadline = now + SKIPPING;
            }
            Step::Pulse => {
                self.reset_line();
                self.deadline = now + PULSE;
            }
            Step::BootLoader => self.deadline = now + LOOK_AGAIN,
            Step::AttachWait => self.deadline = now + STARTING,
            Step::Reset(_) => {
                self.write(ZnpRequest::Reset(0).encode().unwrap_or_default());
                self.deadline = now + RESETTING;
            }
            Step::Await => self.deadline = now + RUNNING,
            Step::Woken => self.deadline = now + WAKING,
            Step::Announced => self.deadline = now + CONFIRM,
            Step::Pause => self.deadline = now + PAUSE,
            Step::Ready => {
                self.must_start = false;
                self.next_check = now + CHECK_EVERY;
                self.tell(RadioState::Ready);
                if let Some(message) = self.queued.take() {
                    self.begin_sending(message, now);
                }
            }
            _ => {}
        }
        if let Some(request) = step.question(self.id) {
            let (tries, patience) = match step {
                Step::Ping(Look::First) => (1, FIRST_PING),
                Step::Ping(_) | Step::Loopback | Step::Version | Step::Wake => (1, PATIENCE),
                _ => (TRIES, PATIENCE),
            };
            self.ask(&request, tries, patience, now);
        }
    }

    /// Begins the start, whatever runs.
    pub(super) fn start(&mut self, now: Duration) {
        self.runs = self.runs.saturating_add(1);
        self.resets = 0;
        self.routes.clear();
        self.enter(Step::Reset(Stage::Old), now);
    }

    /// Begins the start once more, unless that has been done often enough.
    fn again(&mut self, trouble: RadioTrouble, now: Duration) {
        if self.runs < RUNS {
            self.start(now);
        } else {
            self.fail(trouble, now);
        }
    }

    /// It does not work: it is tried again later.
    pub(super) fn fail(&mut self, trouble: RadioTrouble, now: Duration) {
        let pause = match trouble {
            RadioTrouble::WrongFirmware(_) => WRONG_FIRMWARE,
            _ => self.backoff.after_failure(),
        };
        self.must_start |= matches!(trouble, RadioTrouble::Refused { .. });
        // The next attempt may again lead to something.
        self.useless_starts = 0;
        self.unasked_resets = 0;
        self.enter(Step::Resting, now);
        self.deadline = now + pause;
        self.tell(RadioState::Trouble(trouble));
    }

    /// Why nobody answers.
    fn silence(&self) -> RadioTrouble {
        let HeardSoFar {
            bytes,
            frames,
            echoes,
        } = self.heard;
        match bytes {
            _ if frames > echoes => RadioTrouble::Stuck,
            0 if self.has_spoken => RadioTrouble::Stuck,
            0 => RadioTrouble::NoByte,
            _ if echoes > 0 => RadioTrouble::OwnBytes,
            bytes => RadioTrouble::Garbage { bytes },
        }
    }

    /// Something of the identity has become known: whether it can go on.
    fn is_identified(&mut self, now: Duration) -> bool {
        self.notice(RadioNotice::Identified(self.identity));
        let is_wrong = self.identity.is_wrong();
        if is_wrong {
            self.fail(RadioTrouble::WrongFirmware(self.identity), now);
        }
        !is_wrong
    }

    /// The firmware is known as far as can be without starting it anew.
    fn found(&mut self, now: Duration) {
        if !self.is_identified(now) {
        } else if self.must_start {
            self.start(now);
        } else {
            self.enter(Step::Attach, now);
        }
    }

    /// The network is given time to come up.
    pub(super) fn await_network(&mut self, now: Duration) {
        self.running_by = now + NETWORK;
        self.enter(Step::Await, now);
    }

    /// All is well but for what the inverters have to be told, unless they are to be paired.
    fn is_up(&mut self, now: Duration) {
        if self.is_pairing {
            self.enter(Step::Ready, now);
        } else {
            self.announce(now);
        }
    }

    /// Tells the inverters that they will be asked.
    pub(super) fn announce(&mut self, now: Duration) {
        self.was_woken = false;
        self.enter(Step::Announce, now);
    }

    /// How the coordinator is, while it is brought up or works.
    fn examined(&mut self, condition: Condition, now: Duration) {
        match (condition, self.step) {
            (Condition::Well, Step::Check) => self.enter(Step::Ready, now),
            (Condition::Well, Step::LastCheck) => self.enter(Step::Pause, now),
            (Condition::Well, Step::Attach) => self.enter(Step::AttachRegister, now),
            (Condition::Well, _) => self.is_up(now),
            (Condition::NotYet(CoordinatorState::Starting), Step::Attach) if self.waits < WAITS => {
                self.waits += 1;
                self.enter(Step::AttachWait, now);
            }
            (_, Step::Attach) => self.start(now),
            (Condition::NotYet(state), Step::Verify) if self.running_by <= now => {
                let state = Some(state);
                self.again(RadioTrouble::NotRunning { state }, now);
            }
            (Condition::NotYet(_), step) => {
                if step != Step::Verify {
                    self.running_by = now + NETWORK;
                }
                self.enter(Step::Await, now);
                self.deadline = now + STARTING;
            }
            (Condition::Foreign(_), Step::Check) => {
                self.runs = 0;
                self.start(now);
            }
            (Condition::Foreign(found), _) => {
                self.again(RadioTrouble::ForeignAddress { found }, now);
            }
        }
    }

    /// The question of this step was answered.
    pub(super) fn answered(&mut self, message: &ZnpMessage, now: Duration) {
        match (self.step, message) {
            (Step::Ping(_), ZnpMessage::Pong(capabilities)) => {
                self.identity.capabilities = Some(*capabilities);
                self.enter(Step::Version, now);
            }
            (Step::Loopback, ZnpMessage::Loopback(data)) if *data == LOOPBACK => {
                self.enter(Step::Version, now);
            }
            (Step::Version, ZnpMessage::Version(version)) => {
                self.identity.version = Some(*version);
                self.found(now);
            }
            (
                Step::Attach | Step::Verify | Step::LastCheck | Step::Check,
                ZnpMessage::DeviceInfo(info),
            ) => {
                self.examined(Condition::of(info, self.id), now);
            }
            (Step::AttachRegister, ZnpMessage::Registered(status)) => match status {
                ZnpStatus::Success | ZnpStatus::AlreadyRegistered => self.is_up(now),
                _ => self.start(now),
            },
            (Step::Write(item), ZnpMessage::Written(ZnpStatus::Success)) => {
                self.has_simple_api = true;
                self.resets = 0;
                self.enter(item.next(), now);
            }
            (Step::Write(_) | Step::Start, ZnpMessage::Refused { .. }) if !self.has_simple_api => {
                self.lacks_simple_api(now);
            }
            // It is there, and does not know what it was told.
            (Step::Probe, ZnpMessage::Pong(_)) if !self.has_simple_api => {
                self.lacks_simple_api(now);
            }
            (Step::Register, ZnpMessage::Registered(status))
                if matches!(status, ZnpStatus::Success | ZnpStatus::AlreadyRegistered) =>
            {
                self.state = None;
                self.enter(Step::Start, now);
            }
            (Step::Start, ZnpMessage::Starting) => {
                self.await_network(now);
                if self.state == Some(CoordinatorState::Running) {
                    self.enter(Step::Verify, now);
                }
            }
            (Step::Announce, ZnpMessage::Sending(ZnpStatus::Success)) => {
                self.enter(Step::Announced, now);
            }
            (Step::Announce, ZnpMessage::Sending(_)) if !self.was_woken => {
                self.was_woken = true;
                self.enter(Step::Wake, now);
            }
            (Step::Wake, _) => self.enter(Step::Woken, now),
            (
                Step::Write(_) | Step::Register | Step::Announce,
                ZnpMessage::Written(status)
                | ZnpMessage::Registered(status)
                | ZnpMessage::Sending(status),
            ) => {
                let step = self.step.shown();
                let status = *status;
                self.again(RadioTrouble::Refused { step, status }, now);
            }
            (Step::Ready, ZnpMessage::Sending(status) | ZnpMessage::SendingForeign(status)) => {
                self.taken(*status, now);
            }
            _ => self.unanswered(now),
        }
    }

    fn lacks_simple_api(&mut self, now: Duration) {
        self.identity.lacks_simple_api = true;
        self.found(now);
    }

    /// The question of this step was not answered, however often it was put.
    pub(super) fn unanswered(&mut self, now: Duration) {
        match self.step {
            Step::Ping(Look::First) => self.enter(Step::Skip, now),
            Step::Ping(Look::AfterSkip) => self.enter(Step::Pulse, now),
            Step::Ping(Look::AfterPulse) => self.enter(Step::Loopback, now),
            Step::Ping(Look::InBootLoader) | Step::Loopback => {
                let trouble = self.silence();
                let is_patient = self.may_be_booting
                    && now < self.opened + BOOT_LOADER
                    && trouble != RadioTrouble::OwnBytes;
                if is_patient {
                    self.enter(Step::BootLoader, now);
                } else {
                    self.fail(trouble, now);
                }
            }
            Step::Version => self.found(now),
            Step::Attach | Step::AttachRegister => self.start(now),
            Step::Write(_) => self.enter(Step::Probe, now),
            Step::Probe | Step::Register | Step::Start | Step::Verify => {
                self.again(RadioTrouble::Stuck, now);
            }
            Step::Announce | Step::LastCheck => self.again(RadioTrouble::Stuck, now),
            Step::Wake => self.enter(Step::Woken, now),
            Step::Ready => {
                self.done(Err(super::SendTrouble::NoAnswer));
                self.enter(Step::Reopening, now);
            }
            Step::Check => self.enter(Step::Reopening, now),
            _ => {}
        }
    }

    /// The time of this step is over.
    pub(super) fn elapsed(&mut self, now: Duration) {
        match self.step {
            Step::Reopening => self.begin(now),
            Step::Skip => self.enter(Step::Ping(Look::AfterSkip), now),
            Step::Pulse => self.enter(Step::Ping(Look::AfterPulse), now),
            Step::BootLoader => self.enter(Step::Ping(Look::InBootLoader), now),
            Step::AttachWait => self.enter(Step::Attach, now),
            Step::Reset(stage) => self.not_reset(stage, now),
            Step::Await => self.enter(Step::Verify, now),
            Step::Woken => self.enter(Step::Announce, now),
            Step::Announced => {
                self.owes_confirm = true;
                self.enter(Step::LastCheck, now);
            }
            Step::Pause => self.enter(Step::Ready, now),
            Step::Resting => self.enter(Step::Reopening, now),
            _ => self.deadline = Duration::MAX,
        }
    }

    /// It has not started anew: it is told so four times, and once by the reset line.
    fn not_reset(&mut self, stage: Stage, now: Duration) {
        self.resets += 1;
        match self.resets {
            2 => {
                self.reset_line();
                self.deadline = now + RESETTING;
            }
            1 | 3 | 4 => self.enter(Step::Reset(stage), now),
            _ => {
                let is_heard = self.heard.frames > self.heard.echoes;
                let trouble = if is_heard {
                    RadioTrouble::NoReset
                } else {
                    self.silence()
                };
                self.fail(trouble, now);
            }
        }
    }

    /// It has started anew.
    pub(super) fn restarted(&mut self, reset: ResetIndication, now: Duration) {
        let known = mem::replace(&mut self.identity.reset, Some(reset));
        let is_news = known.map(|known| known.product) != Some(reset.product);
        match self.step {
            Step::Away | Step::Reopening => return,
            // It lives; but one that does so again and again is not to be chased.
            Step::Resting => {
                let soon = now + LOOK_AGAIN;
                self.deadline = self.deadline.min(soon);
                return;
            }
            _ => {}
        }
        if is_news && !self.is_identified(now) {
            return;
        }
        let next = match self.step {
            Step::Reset(stage) => {
                self.enter(stage.next(), now);
                return;
            }
            Step::Ping(_)
            | Step::Skip
            | Step::Pulse
            | Step::Loopback
            | Step::BootLoader
            | Step::Version => {
                self.enter(Step::Ping(Look::First), now);
                return;
            }
            Step::Write(Item::Clear) | Step::Attach | Step::AttachWait | Step::AttachRegister => {
                Some(Item::Clear)
            }
            Step::Write(_)
            | Step::Probe
            | Step::Register
            | Step::Start
            | Step::Await
            | Step::Verify => Some(Item::Address),
            _ => None,
        };
        self.unasked_resets += 1;
        match next {
            _ if self.unasked_resets > UNASKED_RESETS => {
                self.fail(RadioTrouble::KeepsRestarting, now);
            }
            Some(item) => self.enter(Step::Write(item), now),
            None => {
                self.runs = 0;
                self.start(now);
            }
        }
    }

    /// The coordinator says how far it is.
    pub(super) fn state_changed(&mut self, state: CoordinatorState, now: Duration) {
        self.state = Some(state);
        match (self.step, state) {
            (Step::Await, CoordinatorState::Running) => self.enter(Step::Verify, now),
            (Step::AttachWait, CoordinatorState::Running) => self.enter(Step::Attach, now),
            (Step::Ready, CoordinatorState::Running) => {}
            (Step::Ready, _) => self.next_check = now,
            _ => {}
        }
    }
}
