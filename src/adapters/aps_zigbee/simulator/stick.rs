//! The stick, without I/O: bytes of the host and the time go in, bytes with their time come out.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::wire::ids::ShortAddress;
use super::super::wire::payload::InverterCommand;
use super::super::wire::znp::{
    AfForeign, AfSend, CoordinatorState, DeviceInfo, ZnpMessage, ZnpRequest, ZnpScanned,
    ZnpScanner, ZnpStatus, encode_frame,
};
use super::conditions;
use super::faults::ZigbeeFault;
use super::mesh::{AirReply, ENDPOINT, Mesh};
use super::outbox::SimOutbox;
use super::script::ScriptAct;
use super::settings::StickSettings;
use crate::clock::Moment;
use crate::simulation::{Faults, Sky};

/// How soon it answers.
const AT_ONCE: Duration = Duration::from_millis(4);
/// Its network tells twice that it is starting.
const STARTING: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(900)];
/// More than this cannot be on its way at once.
const MOST_WAITING: usize = 40;
/// The byte at which the boot loader lets go.
const SKIP: u8 = 0xef;
/// The address of a stick that was used otherwise.
const FOREIGN: [u8; 8] = [0x01, 0x02, 0x03, 0x04, 0x05, 0x4b, 0x12, 0x00];

/// The id of a gateway that takes inverters away.
const OTHER_GATEWAY: &str = "A1B2011B9780";

/// A stick and the inverters around it.
#[derive(Debug)]
pub struct Stick {
    settings: StickSettings,
    /// The inverters.
    pub mesh: Mesh,
    /// What goes wrong.
    pub faults: Faults<ZigbeeFault>,
    scanner: ZnpScanner,
    outbox: SimOutbox,
    memory: StickMemory,
    life: StickLife,
    session: Session,
    told: StickCounts,
    is_frozen: bool,
    is_deaf: bool,
    overheard: Option<Duration>,
    /// When its cable is to be pulled.
    closes: Option<Duration>,
    sequence: u8,
    now: Moment,
}

/// What it keeps without power.
#[derive(Debug, Clone, Default)]
struct StickMemory {
    clears: bool,
    ieee: Option<[u8; 8]>,
    network: Option<[u8; 2]>,
    role: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StickLife {
    /// The boot loader has it until then.
    Loader(Duration),
    /// It starts until then.
    Starting(Duration),
    Running,
}

/// What it knows since it started.
#[derive(Debug, Clone, Default)]
struct Session {
    is_registered: bool,
    /// When the network is up.
    up: Option<Duration>,
    is_announced: bool,
    is_woken: bool,
    /// Requests of the host.
    requests: u64,
}

/// How often something has happened to a stick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StickCounts {
    /// Requests of the host, answered or not.
    pub requests: u64,
    /// Messages to inverters.
    pub messages: u64,
    /// Messages to radios outside of the network.
    pub foreign: u64,
    /// Starts.
    pub starts: u64,
    /// Messages that were handed to the host.
    pub heard: u64,
}

impl Stick {
    /// One that has just got power.
    pub fn new(settings: StickSettings, sky: Sky, zone: TimeZone, now: Moment) -> Self {
        let faults = Faults::new(&settings.faults);
        let conditions = conditions::of(faults.lasting(now.steady));
        let (list, paired) = (&settings.inverters, settings.paired);
        let mesh = Mesh::new(list, paired, sky, zone, now.wall, conditions);
        let mut stick = Self {
            mesh,
            faults,
            settings,
            scanner: ZnpScanner::default(),
            outbox: SimOutbox::default(),
            memory: StickMemory::default(),
            life: StickLife::Running,
            session: Session::default(),
            told: StickCounts::default(),
            is_frozen: false,
            is_deaf: false,
            overheard: None,
            closes: None,
            sequence: 0,
            now,
        };
        stick.power_up(now);
        stick
    }

    /// It gets power: all but its memory is gone, a freeze as well.
    pub fn power_up(&mut self, now: Moment) {
        self.is_frozen = false;
        self.advance(now);
        let held = self.lasting(|fault| match fault {
            ZigbeeFault::BootLoader(held) => Some(held),
            _ => None,
        });
        match held {
            Some(held) => {
                self.outbox.clear();
                self.life = StickLife::Loader(now.steady + held);
            }
            None => self.start(0, now),
        }
    }

    /// Its reset line is pulsed.
    pub fn pulse(&mut self, now: Moment) {
        self.is_frozen = false;
        self.advance(now);
        self.start(1, now);
    }

    /// It says nothing more, until it gets power anew or its reset line is pulsed.
    pub fn freeze(&mut self) {
        self.is_frozen = true;
        self.outbox.clear();
    }

    /// It hears nobody, until it starts anew.
    pub const fn deafen(&mut self) {
        self.is_deaf = true;
    }

    /// Forgets its configuration.
    pub fn forget(&mut self) {
        self.memory = StickMemory::default();
    }

    /// What it was told so far.
    pub const fn counts(&self) -> StickCounts {
        self.told
    }

    /// The gateway that it was told to be.
    pub const fn network(&self) -> Option<[u8; 2]> {
        self.memory.network
    }

    /// When something is to be done next, by the monotonic time.
    pub fn next_due(&self) -> Option<Duration> {
        let elapsed = self.now.steady;
        let starts = match self.life {
            StickLife::Loader(until) => Some(until),
            StickLife::Starting(_) | StickLife::Running => None,
        };
        let change = self.faults.next_change(elapsed);
        let sends = self.outbox.next_due(self.is_glued());
        let closes = self.closes.filter(|due| *due > elapsed);
        let all = [starts, change, sends, self.overheard, closes];
        all.into_iter().flatten().min()
    }

    /// What it sends at this moment; to be asked until there is nothing.
    pub fn take(&mut self, now: Moment) -> Option<Vec<u8>> {
        self.advance(now);
        let is_glued = self.is_glued();
        self.outbox.take(now.steady, is_glued)
    }

    fn is_glued(&self) -> bool {
        let mut lasting = self.faults.lasting(self.now.steady);
        lasting.any(|fault| *fault == ZigbeeFault::Glued)
    }

    fn lasting<T>(&self, pick: impl Fn(ZigbeeFault) -> Option<T>) -> Option<T> {
        let mut lasting = self.faults.lasting(self.now.steady);
        lasting.find_map(|fault| pick(*fault))
    }

    fn holds(&self, wanted: ZigbeeFault) -> bool {
        self.lasting(|fault| (fault == wanted).then_some(()))
            .is_some()
    }

    fn hit(&mut self, wanted: ZigbeeFault) -> bool {
        let pick = |fault: &ZigbeeFault| (*fault == wanted).then_some(());
        self.faults.hit(self.now.steady, pick).is_some()
    }

    /// Lives until a moment.
    pub fn advance(&mut self, now: Moment) {
        self.now = now;
        let conditions = conditions::of(self.faults.lasting(now.steady));
        self.mesh.advance(now.wall, conditions);
        match self.life {
            StickLife::Loader(until) if until <= now.steady => self.start(0, now),
            StickLife::Starting(until) if until <= now.steady => self.life = StickLife::Running,
            _ => {}
        }
        let is_once = |fault| {
            matches!(
                fault,
                ZigbeeFault::StickRestart | ZigbeeFault::InverterRestart | ZigbeeFault::TakenAway
            )
        };
        for fault in self.faults.due(now.steady, is_once) {
            match fault {
                ZigbeeFault::StickRestart => self.start(2, now),
                ZigbeeFault::InverterRestart => self.mesh.restart_all(),
                _ => {
                    if let Ok(other) = OTHER_GATEWAY.parse() {
                        self.mesh.take_away(None, other);
                    }
                }
            }
        }
        self.overhear(now);
    }

    /// What another gateway gets from the inverters is heard as well.
    fn overhear(&mut self, now: Moment) {
        let every = self.lasting(|fault| match fault {
            ZigbeeFault::OtherGateway(every) => Some(every.max(AT_ONCE)),
            _ => None,
        });
        let Some(every) = every else {
            self.overheard = None;
            return;
        };
        match self.overheard {
            Some(due) if due > now.steady => {}
            due => {
                self.overheard = Some(now.steady + every);
                if due.is_some() && self.is_up() && !self.cannot_hear() {
                    let network = self.memory.network.unwrap_or_default();
                    if let Some(message) = self.mesh.overhear(network) {
                        self.say(message, AT_ONCE);
                    }
                }
            }
        }
    }

    /// It starts anew: with power 0, by its reset line 1, by a command or by itself 2.
    fn start(&mut self, reason: u8, now: Moment) {
        self.outbox.clear();
        self.scanner = ZnpScanner::default();
        self.session = Session::default();
        self.is_deaf = false;
        self.told.starts += 1;
        self.mesh.forget_routes();
        if std::mem::take(&mut self.memory.clears) {
            self.memory = StickMemory::default();
        }
        let takes = self.lasting(|fault| match fault {
            ZigbeeFault::SlowReset(takes) => Some(takes),
            _ => None,
        });
        let takes = takes.unwrap_or(self.settings.reset_takes);
        self.life = StickLife::Starting(now.steady + takes);
        let reset = self.settings.firmware.reset(reason);
        self.say(ZnpMessage::Reset(reset), takes);
        // With power, a stick that was a coordinator becomes one again; what it had registered is gone.
        if reason == 0 && self.is_configured() {
            self.session.up = Some(now.steady + takes + self.start_takes());
        }
    }

    fn start_takes(&self) -> Duration {
        let slow = self.lasting(|fault| match fault {
            ZigbeeFault::SlowStart(takes) => Some(takes),
            _ => None,
        });
        slow.unwrap_or(self.settings.start_takes)
    }

    const fn is_configured(&self) -> bool {
        self.memory.ieee.is_some() && self.memory.network.is_some() && self.memory.role.is_some()
    }

    fn is_up(&self) -> bool {
        self.life == StickLife::Running && self.session.up.is_some_and(|up| up <= self.now.steady)
    }

    fn cannot_hear(&self) -> bool {
        self.is_deaf || self.holds(ZigbeeFault::Deaf) || !self.settings.firmware.hears_inverters()
    }

    /// Bytes of the host.
    pub fn receive(&mut self, bytes: &[u8], now: Moment) {
        self.advance(now);
        if self.holds(ZigbeeFault::OwnBytes) {
            return self.outbox.push(now.steady + AT_ONCE, bytes.to_vec(), None);
        }
        match self.life {
            _ if self.is_frozen => {}
            StickLife::Loader(_) if bytes.contains(&SKIP) => self.start(0, now),
            StickLife::Loader(_) | StickLife::Starting(_) => {}
            StickLife::Running => {
                self.scanner.push(bytes);
                let mut requests = Vec::new();
                while let Some(scanned) = self.scanner.next() {
                    if let ZnpScanned::Frame { frame, .. } = scanned {
                        let whole = encode_frame(frame.command, frame.data);
                        requests.push((ZnpRequest::decode(frame), whole.unwrap_or_default()));
                    }
                }
                for (request, frame) in requests {
                    match self.settings.script.at(&frame) {
                        _ if self.life != StickLife::Running => {}
                        Some(acts) => self.play(acts),
                        None => self.answer(&request),
                    }
                }
            }
        }
    }

    /// Does what is written.
    fn play(&mut self, acts: Vec<ScriptAct>) {
        for act in acts {
            let due = self.now.steady + act.after;
            match act.send {
                Some(bytes) => self.outbox.push(due, bytes, None),
                None => self.closes = Some(due),
            }
        }
    }

    /// Whether its cable is to be pulled for a moment; said once.
    pub fn take_close(&mut self) -> bool {
        let is_due = self.closes.is_some_and(|due| due <= self.now.steady);
        if is_due {
            self.closes = None;
        }
        is_due
    }

    fn answer(&mut self, request: &ZnpRequest) {
        self.told.requests += 1;
        self.session.requests += 1;
        let most = self.lasting(|fault| match fault {
            ZigbeeFault::Freeze(most) => Some(most as u64),
            _ => None,
        });
        if most.is_some_and(|most| self.session.requests > most) {
            self.freeze();
        }
        if self.is_frozen {
            return;
        }
        let firmware = self.settings.firmware;
        let message = match request {
            ZnpRequest::Ping => ZnpMessage::Pong(firmware.capabilities()),
            ZnpRequest::Version => ZnpMessage::Version(firmware.version()),
            ZnpRequest::Loopback(data) => ZnpMessage::Loopback(data.clone()),
            ZnpRequest::Reset(_) => {
                let now = self.now;
                return self.start(2, now);
            }
            ZnpRequest::WriteConfiguration { item, value } if firmware.can_be_configured() => {
                ZnpMessage::Written(self.write(*item, value))
            }
            ZnpRequest::WriteConfiguration { .. } => ZnpMessage::Refused {
                reason: 1,
                command: 0x2605,
            },
            ZnpRequest::Start => return self.start_network(),
            ZnpRequest::Register(_) => {
                let was = std::mem::replace(&mut self.session.is_registered, true);
                ZnpMessage::Registered(if was {
                    ZnpStatus::AlreadyRegistered
                } else {
                    ZnpStatus::Success
                })
            }
            ZnpRequest::DeviceInfo => ZnpMessage::DeviceInfo(self.device_info()),
            ZnpRequest::DeviceInfoByAnswer => {
                self.session.is_woken = true;
                ZnpMessage::DeviceInfo(self.device_info())
            }
            ZnpRequest::Send(message) => return self.send(message),
            ZnpRequest::SendForeign(message) => return self.send_foreign(message),
            ZnpRequest::Other { command, .. } if command >> 13 == 1 => ZnpMessage::Refused {
                reason: 2,
                command: *command,
            },
            ZnpRequest::Other { .. } => return,
        };
        self.say(message, AT_ONCE);
    }

    fn write(&mut self, item: u8, value: &[u8]) -> ZnpStatus {
        let is_lost = self.holds(ZigbeeFault::AddressLost);
        match (item, value) {
            (0x03, [option]) => self.memory.clears = option & 0x03 != 0,
            (0x01, value) => match value.try_into() {
                Ok(ieee) if !is_lost => self.memory.ieee = Some(ieee),
                Ok(_) => {}
                Err(_) => return ZnpStatus::InvalidParameter,
            },
            (0x87, [role]) => self.memory.role = Some(*role),
            (0x83, [first, second]) => self.memory.network = Some([*first, *second]),
            (0x84, [_, _, _, _]) | (0x8f, [_]) => {}
            _ => return ZnpStatus::InvalidParameter,
        }
        ZnpStatus::Success
    }

    fn start_network(&mut self) {
        let firmware = self.settings.firmware;
        if !firmware.can_be_configured() {
            let refused = ZnpMessage::Refused {
                reason: 1,
                command: 0x2600,
            };
            return self.say(refused, AT_ONCE);
        }
        self.say(ZnpMessage::Starting, AT_ONCE);
        let takes = self.start_takes();
        let state = ZnpMessage::State;
        if self.is_up() {
            return self.say(state(CoordinatorState::Running), 2 * AT_ONCE);
        }
        for after in STARTING.into_iter().filter(|after| *after < takes) {
            self.say(state(CoordinatorState::Starting), after);
        }
        if self.memory.role == Some(0) && self.memory.network.is_some() {
            self.session.up = Some(self.now.steady + takes);
            self.say(state(CoordinatorState::Running), takes);
        }
    }

    fn device_info(&self) -> DeviceInfo {
        let is_foreign = self.holds(ZigbeeFault::AddressForeign);
        let ieee = self.memory.ieee.unwrap_or_default();
        let is_running = self.is_up();
        let state = match self.session.up {
            _ if is_running => CoordinatorState::Running,
            Some(_) => CoordinatorState::Starting,
            None => CoordinatorState::Other(0),
        };
        DeviceInfo {
            status: ZnpStatus::Success,
            ieee: if is_foreign { FOREIGN } else { ieee },
            address: if is_running {
                ShortAddress::GATEWAY
            } else {
                ShortAddress(0xfffe)
            },
            kind: 7,
            state,
            children: Vec::new(),
        }
    }

    /// Why a message is not taken.
    fn refusal(&mut self) -> Option<ZnpStatus> {
        let pick = |fault: &ZigbeeFault| match *fault {
            ZigbeeFault::Refuse(code) => Some(ZnpStatus::from(code)),
            _ => None,
        };
        if let Some((_, status)) = self.faults.hit(self.now.steady, pick) {
            return Some(status);
        }
        if !self.session.is_registered {
            return Some(ZnpStatus::InvalidParameter);
        }
        if !self.is_up() {
            return Some(ZnpStatus::NotStarted);
        }
        (self.outbox.len() > MOST_WAITING).then_some(ZnpStatus::BuffersFull)
    }

    fn send(&mut self, message: &AfSend) {
        self.told.messages += 1;
        let is_for_all = message.destination.0 >= 0xfffc;
        let is_early = self.settings.is_strict && !self.session.is_announced && !is_for_all;
        let refusal = self.refusal();
        let refusal = refusal.or(is_early.then_some(ZnpStatus::InvalidParameter));
        if let Some(status) = refusal {
            return self.say(ZnpMessage::Sending(status), AT_ONCE);
        }
        let slow = |fault: &ZigbeeFault| match *fault {
            ZigbeeFault::SlowAnswer(time) => Some(time),
            _ => None,
        };
        let slow = self.faults.hit(self.now.steady, slow);
        let after = slow.map_or(AT_ONCE, |(_, time)| time);
        self.say(ZnpMessage::Sending(ZnpStatus::Success), after);
        let network = self.memory.network.unwrap_or_default();
        let is_announcing = InverterCommand::read(&message.data)
            .is_ok_and(|(_, command)| command == InverterCommand::NormalOperation);
        if is_for_all && (is_announcing || !self.settings.is_strict) {
            self.session.is_announced = true;
        }
        let reply = if self.cannot_hear() {
            let status = if self.settings.firmware.hears_inverters() && !is_for_all {
                ZnpStatus::NoRoute
            } else {
                ZnpStatus::Success
            };
            AirReply {
                confirm: Some((Duration::from_millis(400), status)),
                heard: Vec::new(),
            }
        } else if is_for_all {
            self.mesh.send_all(network, message)
        } else {
            let mishaps = conditions::mishaps(&mut self.faults, self.now.steady);
            self.mesh.send(network, message, &mishaps)
        };
        self.hear(reply, message.transaction);
    }

    fn send_foreign(&mut self, message: &AfForeign) {
        self.told.foreign += 1;
        let is_late = self.settings.is_strict && self.session.is_announced;
        let is_asleep = self.holds(ZigbeeFault::NeedsWaking) && !self.session.is_woken;
        let refusal = self.refusal();
        let refusal = refusal.or((is_late || is_asleep).then_some(ZnpStatus::InvalidParameter));
        if let Some(status) = refusal {
            return self.say(ZnpMessage::SendingForeign(status), AT_ONCE);
        }
        self.say(ZnpMessage::SendingForeign(ZnpStatus::Success), AT_ONCE);
        let reply = if self.cannot_hear() {
            AirReply {
                confirm: Some((Duration::from_millis(400), ZnpStatus::Success)),
                heard: Vec::new(),
            }
        } else {
            self.mesh.send_foreign(message)
        };
        self.hear(reply, message.transaction);
    }

    fn hear(&mut self, reply: AirReply, transaction: u8) {
        let is_unsaid = reply.confirm.is_some() && self.hit(ZigbeeFault::NoConfirm);
        if let Some((after, status)) = reply.confirm.filter(|_| !is_unsaid) {
            let confirm = ZnpMessage::Confirm {
                status,
                endpoint: ENDPOINT,
                transaction,
            };
            self.say(confirm, after);
        }
        for (after, message) in reply.heard {
            self.say(message, after);
        }
    }

    /// Says something after so long, or what becomes of it on the wire.
    fn say(&mut self, mut message: ZnpMessage, after: Duration) {
        if self.holds(ZigbeeFault::Mute) || self.holds(ZigbeeFault::OwnBytes) {
            return;
        }
        let due = self.now.steady + after;
        if let ZnpMessage::Incoming(incoming) = &mut message {
            self.told.heard += 1;
            self.sequence = self.sequence.wrapping_add(1);
            incoming.sequence = self.sequence;
            // It counts in units of 320 microseconds.
            incoming.timestamp = (due.as_micros() / 320) as u32;
        }
        let Some(mut bytes) = message.encode() else {
            return;
        };
        if self.hit(ZigbeeFault::WrongSum)
            && let Some(last) = bytes.last_mut()
        {
            *last ^= 0x55;
        }
        if self.hit(ZigbeeFault::Stray) {
            let strays: [&[u8]; 3] = [&[0xf8], &[0xf0, 0xf8], &[0x00]];
            let which = self.faults.dice.below(strays.len());
            let stray = strays.get(which).copied().unwrap_or_default();
            bytes = [stray, &bytes].concat();
        }
        let noise = |fault: &ZigbeeFault| match *fault {
            ZigbeeFault::Noise(count) => Some(count),
            _ => None,
        };
        if let Some((_, count)) = self.faults.hit(self.now.steady, noise) {
            let noise = self.faults.dice.bytes(count);
            bytes = [noise, bytes].concat();
        }
        let split = |fault: &ZigbeeFault| match *fault {
            ZigbeeFault::Split(piece) => Some(piece),
            _ => None,
        };
        let piece = self.faults.hit(self.now.steady, split);
        self.outbox.push(due, bytes, piece.map(|(_, piece)| piece));
    }
}

#[cfg(test)]
mod tests;
