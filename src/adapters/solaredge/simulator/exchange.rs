//! Both ends of a connection as they stand in a capture, and what of that can be known.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::faults::SolarEdgeFault;
use super::packets::Packets;
use super::roof::time;
use super::routine::Routine;
use super::server::Answering;
use super::settings::InverterSettings;
use super::unit::InverterTruth;
use crate::simulation::FaultRule;

/// What was said is remembered up to so many frames.
const MOST_SPOKEN: usize = 50_000;

/// Telemetry that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The records.
    pub data: Vec<u8>,
    /// Whether who captures can read it.
    pub is_seen: bool,
}

/// A simulated inverter that talks to a server, as it is captured.
#[derive(Debug)]
pub struct Exchange {
    routine: Routine,
    server: Answering,
    packets: Packets,
    spoken: VecDeque<Spoken>,
}

impl Exchange {
    /// One that begins then, in seconds since 1970: it connects and tells its records at once.
    pub fn new(settings: InverterSettings, at: i64) -> Self {
        let zone = settings.house.zone().to_offset(time(at)).seconds();
        let inverter = SocketAddr::new([192, 0, 2, 40].into(), 49_321);
        let server = SocketAddr::new([198, 51, 100, 22].into(), 22_222);
        Self {
            server: Answering::new(settings.key.clone(), zone),
            packets: Packets::new(inverter, server),
            spoken: VecDeque::new(),
            routine: Routine::new(settings, at),
        }
    }

    /// Connects its panels to the house, so that a meter there agrees with it.
    pub fn connect_to_house(&self) {
        self.routine.connect_to_house();
    }

    /// What it has said so far.
    pub const fn truth(&self) -> &InverterTruth {
        self.routine.truth()
    }

    /// All telemetry that was sent since this was asked last.
    pub fn spoken(&mut self) -> Vec<Spoken> {
        self.spoken.drain(..).collect()
    }

    /// What a capture begins with.
    pub fn head() -> Vec<u8> {
        Packets::head()
    }

    /// What was captured since this was asked last.
    pub fn take(&mut self) -> Vec<u8> {
        self.packets.take()
    }

    /// What goes wrong from now on.
    pub fn set_faults(&mut self, rules: &[FaultRule<SolarEdgeFault>]) {
        self.routine.faults.replace(rules);
    }

    /// When there is something to do again, in seconds since 1970.
    pub fn next_due(&self) -> i64 {
        self.routine.next_due()
    }

    /// Does all that is due until then.
    pub fn run_until(&mut self, at: i64) {
        self.routine.notice_jump(at);
        while self.next_due() <= at {
            self.act(self.next_due());
        }
    }

    /// Breaks the connection off, and tells all records over a new one: somebody has come to listen.
    pub fn begin_anew(&mut self, at: i64) {
        self.run_until(at);
        self.break_off();
        self.routine.tell_at_once(at);
        self.act(self.next_due());
    }

    fn act(&mut self, at: i64) {
        self.packets.set_time(at);
        let turn = self.routine.begin(at);
        self.packets.set_lasting(&turn.lasting);
        if turn.breaks_off {
            self.break_off();
        }
        if turn.is_reachable && !self.routine.board.is_connected() {
            self.packets.connect(&turn.lasting);
            self.server.connected();
            self.routine.connected(at);
            self.pass(at);
        }
        self.routine.go_on(at);
        self.pass(at);
    }

    fn break_off(&mut self) {
        if self.routine.board.is_connected() {
            self.packets.reset();
            self.routine.board.lost();
        }
    }

    /// Lets both sides talk until nobody has anything to say.
    fn pass(&mut self, at: i64) {
        while let Some(said) = self.routine.board.next() {
            let faults = self.routine.faults_of_frame(at);
            let is_seen = self.packets.say(&said.bytes, &faults);
            if let Some(data) = said.telemetry {
                self.spoken.push_back(Spoken { data, is_seen });
                if self.spoken.len() > MOST_SPOKEN {
                    self.spoken.pop_front();
                }
            }
            let now = u32::try_from(at).unwrap_or(0);
            let answer = self.server.take(&said.bytes, now);
            self.packets.answer(&answer);
            self.routine.board.heard(&answer, at);
        }
        self.server.received();
    }
}
