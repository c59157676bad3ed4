//! The stick, without I/O: bytes of the host and the time go in, bytes with their time come out.

mod answering;

use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::wire::znp::{ZnpMessage, ZnpRequest, ZnpScanned, ZnpScanner, encode_frame};
use super::conditions;
use super::faults::ZigbeeFault;
use super::mesh::Mesh;
use super::outbox::{FramePiece, PIECE, SimOutbox};
use super::script::{ScriptAct, StickScript};
use super::settings::StickSettings;
use crate::clock::Moment;
use crate::simulation::{Faults, Sky};

/// How soon it answers.
const AT_ONCE: Duration = Duration::from_millis(4);
/// The byte at which the boot loader lets go.
const SKIP: u8 = 0xef;

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

    /// What it says from now on instead of what it would say.
    pub fn set_script(&mut self, script: StickScript) {
        self.settings.script = script;
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
        let pause = self.lasting(|fault| match fault {
            ZigbeeFault::Pause(pause) => Some(pause),
            _ => None,
        });
        let pause = pause.unwrap_or(PIECE);
        let piece = piece.map(|(_, size)| FramePiece { size, pause });
        self.outbox.push(due, bytes, piece);
    }
}

#[cfg(test)]
mod tests;
