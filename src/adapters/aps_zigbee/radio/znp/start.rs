//! How a stick is found and brought up: what is done after each step, and what if it does not work.

use std::time::Duration;

use super::super::super::wire::znp::{
    CoordinatorState, ResetIndication, ZnpIdentity, ZnpMessage, ZnpRequest, ZnpScanner, ZnpStatus,
};
use super::super::{RadioNotice, RadioState, RadioTrouble};
use super::question::{PATIENCE, TRIES};
use super::sending::shown;
use super::steps::{Condition, ConfigurationItem, LOOPBACK, LookAttempt, ResetStage, ZnpStep};
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
        let was_wanted = self.step == ZnpStep::Reopening;
        self.may_be_booting = !was_wanted || now.saturating_sub(self.reopened) > AWAY;
        self.scanner = ZnpScanner::default();
        self.heard = HeardSoFar::default();
        self.identity = ZnpIdentity::default();
        self.has_simple_api = false;
        self.owes_confirm = false;
        self.opened = now;
        self.runs = 0;
        self.waits = 0;
        self.enter(ZnpStep::Ping(LookAttempt::First), now);
    }

    /// The port was closed.
    pub(super) fn closed(&mut self) {
        self.drop_messages();
        self.question = None;
        self.deadline = Duration::MAX;
        if self.step != ZnpStep::Reopening {
            self.step = ZnpStep::Away;
            self.tell(RadioState::Away);
        }
    }

    /// Begins a step.
    pub(super) fn enter(&mut self, step: ZnpStep, now: Duration) {
        if !matches!(step, ZnpStep::Ready | ZnpStep::Check) {
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
            ZnpStep::Reopening => {
                self.reopened = now;
                self.outbox.push_back(super::RadioOutput::Reopen);
                self.deadline = now + REOPENING;
            }
            ZnpStep::Skip => {
                self.write(SKIP.to_vec());
                self.deadline = now + SKIPPING;
            }
            ZnpStep::Pulse => {
                self.reset_line();
                self.deadline = now + PULSE;
            }
            ZnpStep::BootLoader => self.deadline = now + LOOK_AGAIN,
            ZnpStep::AttachWait => self.deadline = now + STARTING,
            ZnpStep::Reset(_) => {
                self.write(ZnpRequest::Reset(0).encode().unwrap_or_default());
                self.deadline = now + RESETTING;
            }
            ZnpStep::Await => self.deadline = now + RUNNING,
            ZnpStep::Woken => self.deadline = now + WAKING,
            ZnpStep::Announced => self.deadline = now + CONFIRM,
            ZnpStep::Pause => self.deadline = now + PAUSE,
            ZnpStep::Ready => {
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
                ZnpStep::Ping(LookAttempt::First) => (1, FIRST_PING),
                ZnpStep::Ping(_) | ZnpStep::Loopback | ZnpStep::Version | ZnpStep::Wake => {
                    (1, PATIENCE)
                }
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
        self.enter(ZnpStep::Reset(ResetStage::Old), now);
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
        self.enter(ZnpStep::Resting, now);
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
        let firmware = self.identity.firmware();
        self.notice(RadioNotice::Identified(firmware));
        let is_wrong = self.identity.is_wrong();
        if is_wrong {
            self.fail(RadioTrouble::WrongFirmware(firmware), now);
        }
        !is_wrong
    }

    /// The firmware is known as far as can be without starting it anew.
    fn found(&mut self, now: Duration) {
        match self.is_identified(now) {
            true if self.must_start => self.start(now),
            true => self.enter(ZnpStep::Attach, now),
            false => {}
        }
    }

    /// The network is given time to come up.
    pub(super) fn await_network(&mut self, now: Duration) {
        self.running_by = now + NETWORK;
        self.enter(ZnpStep::Await, now);
    }

    /// All is well but for what the inverters have to be told, unless they are to be paired.
    fn is_up(&mut self, now: Duration) {
        if self.is_pairing {
            self.enter(ZnpStep::Ready, now);
        } else {
            self.announce(now);
        }
    }

    /// Tells the inverters that they will be asked.
    pub(super) fn announce(&mut self, now: Duration) {
        self.was_woken = false;
        self.enter(ZnpStep::Announce, now);
    }

    /// How the coordinator is, while it is brought up or works.
    fn examined(&mut self, condition: Condition, now: Duration) {
        match (condition, self.step) {
            (Condition::Well, ZnpStep::Check) => self.enter(ZnpStep::Ready, now),
            (Condition::Well, ZnpStep::LastCheck) => self.enter(ZnpStep::Pause, now),
            (Condition::Well, ZnpStep::Attach) => self.enter(ZnpStep::AttachRegister, now),
            (Condition::Well, _) => self.is_up(now),
            (Condition::NotYet(CoordinatorState::Starting), ZnpStep::Attach)
                if self.waits < WAITS =>
            {
                self.waits += 1;
                self.enter(ZnpStep::AttachWait, now);
            }
            (_, ZnpStep::Attach) => self.start(now),
            (Condition::NotYet(_), ZnpStep::Verify) if self.running_by <= now => {
                self.again(RadioTrouble::NotRunning, now);
            }
            (Condition::NotYet(_), step) => {
                if step != ZnpStep::Verify {
                    self.running_by = now + NETWORK;
                }
                self.enter(ZnpStep::Await, now);
                self.deadline = now + STARTING;
            }
            (Condition::Foreign(_), ZnpStep::Check) => {
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
            (ZnpStep::Ping(_), ZnpMessage::Pong(capabilities)) => {
                self.identity.capabilities = Some(*capabilities);
                self.enter(ZnpStep::Version, now);
            }
            (ZnpStep::Loopback, ZnpMessage::Loopback(data)) if *data == LOOPBACK => {
                self.enter(ZnpStep::Version, now);
            }
            (ZnpStep::Version, ZnpMessage::Version(version)) => {
                self.identity.version = Some(*version);
                self.found(now);
            }
            (
                ZnpStep::Attach | ZnpStep::Verify | ZnpStep::LastCheck | ZnpStep::Check,
                ZnpMessage::DeviceInfo(info),
            ) => {
                self.examined(Condition::of(info, self.id), now);
            }
            (ZnpStep::AttachRegister, ZnpMessage::Registered(status)) => match status {
                ZnpStatus::Success | ZnpStatus::AlreadyRegistered => self.is_up(now),
                _ => self.start(now),
            },
            (ZnpStep::Write(item), ZnpMessage::Written(ZnpStatus::Success)) => {
                self.has_simple_api = true;
                self.resets = 0;
                self.enter(item.next(), now);
            }
            // It says so, or it is there all right and does not know what it was told.
            (ZnpStep::Write(_) | ZnpStep::Start, ZnpMessage::Refused { .. })
            | (ZnpStep::Probe, ZnpMessage::Pong(_))
                if !self.has_simple_api =>
            {
                self.identity.lacks_simple_api = true;
                self.found(now);
            }
            (
                ZnpStep::Register,
                ZnpMessage::Registered(ZnpStatus::Success | ZnpStatus::AlreadyRegistered),
            ) => {
                self.state = None;
                self.enter(ZnpStep::Start, now);
            }
            (ZnpStep::Start, ZnpMessage::Starting) => {
                self.await_network(now);
                if self.state == Some(CoordinatorState::Running) {
                    self.enter(ZnpStep::Verify, now);
                }
            }
            (ZnpStep::Announce, ZnpMessage::Sending(ZnpStatus::Success)) => {
                self.enter(ZnpStep::Announced, now);
            }
            (ZnpStep::Announce, ZnpMessage::Sending(_)) if !self.was_woken => {
                self.was_woken = true;
                self.enter(ZnpStep::Wake, now);
            }
            (ZnpStep::Wake, _) => self.enter(ZnpStep::Woken, now),
            (
                ZnpStep::Write(_) | ZnpStep::Register | ZnpStep::Announce,
                ZnpMessage::Written(status)
                | ZnpMessage::Registered(status)
                | ZnpMessage::Sending(status),
            ) => {
                let step = self.step.shown();
                let status = shown(*status);
                self.again(RadioTrouble::Refused { step, status }, now);
            }
            (ZnpStep::Ready, ZnpMessage::Sending(status) | ZnpMessage::SendingForeign(status)) => {
                self.taken(*status, now);
            }
            _ => self.unanswered(now),
        }
    }

    /// The question of this step was not answered, however often it was put.
    pub(super) fn unanswered(&mut self, now: Duration) {
        match self.step {
            ZnpStep::Ping(LookAttempt::First) => self.enter(ZnpStep::Skip, now),
            ZnpStep::Ping(LookAttempt::AfterSkip) => self.enter(ZnpStep::Pulse, now),
            ZnpStep::Ping(LookAttempt::AfterPulse) => self.enter(ZnpStep::Loopback, now),
            ZnpStep::Ping(LookAttempt::InBootLoader) | ZnpStep::Loopback => {
                let trouble = self.silence();
                let is_patient = self.may_be_booting
                    && now < self.opened + BOOT_LOADER
                    && trouble != RadioTrouble::OwnBytes;
                if is_patient {
                    self.enter(ZnpStep::BootLoader, now);
                } else {
                    self.fail(trouble, now);
                }
            }
            ZnpStep::Version => self.found(now),
            ZnpStep::Attach | ZnpStep::AttachRegister => self.start(now),
            ZnpStep::Write(_) => self.enter(ZnpStep::Probe, now),
            ZnpStep::Probe | ZnpStep::Register | ZnpStep::Start | ZnpStep::Verify => {
                self.again(RadioTrouble::Stuck, now);
            }
            ZnpStep::Announce | ZnpStep::LastCheck => self.again(RadioTrouble::Stuck, now),
            ZnpStep::Wake => self.enter(ZnpStep::Woken, now),
            ZnpStep::Ready => {
                self.done(Err(super::SendTrouble::NoAnswer));
                self.enter(ZnpStep::Reopening, now);
            }
            ZnpStep::Check => self.enter(ZnpStep::Reopening, now),
            _ => {}
        }
    }

    /// The time of this step is over.
    pub(super) fn elapsed(&mut self, now: Duration) {
        match self.step {
            ZnpStep::Reopening => self.begin(now),
            ZnpStep::Skip => self.enter(ZnpStep::Ping(LookAttempt::AfterSkip), now),
            ZnpStep::Pulse => self.enter(ZnpStep::Ping(LookAttempt::AfterPulse), now),
            ZnpStep::BootLoader => self.enter(ZnpStep::Ping(LookAttempt::InBootLoader), now),
            ZnpStep::AttachWait => self.enter(ZnpStep::Attach, now),
            ZnpStep::Reset(stage) => self.not_reset(stage, now),
            ZnpStep::Await => self.enter(ZnpStep::Verify, now),
            ZnpStep::Woken => self.enter(ZnpStep::Announce, now),
            ZnpStep::Announced => {
                self.owes_confirm = true;
                self.enter(ZnpStep::LastCheck, now);
            }
            ZnpStep::Pause => self.enter(ZnpStep::Ready, now),
            ZnpStep::Resting => self.enter(ZnpStep::Reopening, now),
            _ => self.deadline = Duration::MAX,
        }
    }

    /// It has not started anew: it is told so four times, and once by the reset line.
    fn not_reset(&mut self, stage: ResetStage, now: Duration) {
        self.resets += 1;
        match self.resets {
            2 => {
                self.reset_line();
                self.deadline = now + RESETTING;
            }
            1 | 3 | 4 => self.enter(ZnpStep::Reset(stage), now),
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
        let known = self.identity.reset.replace(reset);
        let is_news = known.map(|known| known.product) != Some(reset.product);
        match self.step {
            ZnpStep::Away | ZnpStep::Reopening => return,
            // It lives; but one that does so again and again is not to be chased.
            ZnpStep::Resting => {
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
            ZnpStep::Reset(stage) => {
                self.enter(stage.next(), now);
                return;
            }
            ZnpStep::Ping(_)
            | ZnpStep::Skip
            | ZnpStep::Pulse
            | ZnpStep::Loopback
            | ZnpStep::BootLoader
            | ZnpStep::Version => {
                // What answers a question so does not get any further.
                self.unasked_resets += 1;
                if self.unasked_resets > UNASKED_RESETS {
                    self.fail(RadioTrouble::KeepsRestarting, now);
                } else {
                    self.enter(ZnpStep::Ping(LookAttempt::First), now);
                }
                return;
            }
            ZnpStep::Write(ConfigurationItem::Clear)
            | ZnpStep::Attach
            | ZnpStep::AttachWait
            | ZnpStep::AttachRegister => Some(ConfigurationItem::Clear),
            ZnpStep::Write(_)
            | ZnpStep::Probe
            | ZnpStep::Register
            | ZnpStep::Start
            | ZnpStep::Await
            | ZnpStep::Verify => Some(ConfigurationItem::Address),
            _ => None,
        };
        self.unasked_resets += 1;
        self.notice(RadioNotice::Restarted);
        match next {
            _ if self.unasked_resets > UNASKED_RESETS => {
                self.fail(RadioTrouble::KeepsRestarting, now);
            }
            Some(item) => self.enter(ZnpStep::Write(item), now),
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
            (ZnpStep::Await, CoordinatorState::Running) => self.enter(ZnpStep::Verify, now),
            (ZnpStep::AttachWait, CoordinatorState::Running) => self.enter(ZnpStep::Attach, now),
            (ZnpStep::Ready, CoordinatorState::Running) => {}
            (ZnpStep::Ready, _) => self.next_check = now,
            _ => {}
        }
    }
}
