//! When a simulated inverter does what, whoever carries what it says. No I/O, no clock.

use super::board::Board;
use super::faults::{SolarEdgeFault, elapsed};
use super::roof::Roof;
use super::settings::InverterSettings;
use super::unit::{InverterTruth, SimulatedInverter};
use crate::simulation::Faults;

/// Seconds between the signs of life of an inverter.
const ALIVE: i64 = 30;
/// A clock that was set further than this is believed, and nothing made up for the time between.
const JUMP: i64 = 3 * 86_400;

/// What the next turn begins with.
#[derive(Debug)]
pub struct Turn {
    /// What holds now.
    pub lasting: Vec<SolarEdgeFault>,
    /// Whether the connection breaks off.
    pub breaks_off: bool,
    /// Whether the server can be reached.
    pub is_reachable: bool,
}

/// An inverter, its board, and when both do what.
#[derive(Debug)]
pub struct Routine {
    settings: InverterSettings,
    inverter: SimulatedInverter,
    /// What it talks with.
    pub board: Board,
    /// What goes wrong.
    pub faults: Faults<SolarEdgeFault>,
    begun: i64,
    /// When something was done last, in seconds since 1970.
    now: i64,
    /// When it is due to tell its records, and to make up a new key.
    due: i64,
    rekey: i64,
    is_at_once: bool,
}

impl Routine {
    /// One that begins then, in seconds since 1970, and tells its records at once.
    pub fn new(settings: InverterSettings, at: i64) -> Self {
        Self {
            inverter: SimulatedInverter::new(settings.clone(), at),
            board: Board::new(settings.serial, settings.key.clone()),
            faults: Faults::new(&settings.faults),
            begun: at,
            now: at - 1,
            due: at,
            rekey: at + i64::from(settings.rekey),
            is_at_once: true,
            settings,
        }
    }

    /// Connects its panels to the house, so that a meter there agrees with it.
    pub fn connect_to_house(&self) {
        let roof = Roof::new(&self.settings);
        let house = &self.settings.house;
        house.connect(move |at| roof.flows(at.as_second()));
    }

    /// What it has said so far.
    pub const fn truth(&self) -> &InverterTruth {
        self.inverter.truth()
    }

    /// When there is something to do again, in seconds since 1970.
    pub fn next_due(&self) -> i64 {
        let alive = self.now - self.now.rem_euclid(ALIVE) + ALIVE;
        alive.min(self.due).max(self.now + 1)
    }

    /// Looks whether somebody has set the clock.
    pub const fn notice_jump(&mut self, at: i64) {
        if at < self.now - JUMP || at > self.now + JUMP {
            self.now = at - 1;
            self.due = at;
        }
    }

    /// All records are to be told at once.
    pub fn tell_at_once(&mut self, at: i64) {
        self.due = at.max(self.now + 1);
        self.is_at_once = true;
    }

    /// Begins what is due at a moment.
    pub fn begin(&mut self, at: i64) -> Turn {
        self.now = at;
        let since = elapsed(self.begun, at);
        let lasting = self.faults.lasting(since).copied();
        let lasting: Vec<_> = lasting.filter(|it| it.is_lasting()).collect();
        let is_reachable = !lasting.contains(&SolarEdgeFault::ServerAway);
        let mut breaks_off = !is_reachable;
        let happened = self.faults.due(since, SolarEdgeFault::is_of_the_inverter);
        for fault in happened {
            match fault {
                SolarEdgeFault::Reset => breaks_off = true,
                SolarEdgeFault::Restart => {
                    self.inverter.boot(at);
                    breaks_off = true;
                }
                SolarEdgeFault::OptimizerRestart(number) => {
                    self.inverter
                        .restart_optimizer(number.saturating_sub(1), at);
                }
                SolarEdgeFault::NewSession => self.board.rekey(at),
                _ => {}
            }
        }
        Turn {
            lasting,
            breaks_off,
            is_reachable,
        }
    }

    /// There is a connection.
    pub fn connected(&mut self, at: i64) {
        self.board.connected(at);
        self.rekey = at + i64::from(self.settings.rekey);
    }

    /// Does what is due at a moment.
    pub fn go_on(&mut self, at: i64) {
        self.tell(at);
        if at >= self.rekey {
            self.board.rekey(at);
            self.rekey = at + i64::from(self.settings.rekey);
        }
        if at.rem_euclid(ALIVE) == 0 {
            self.board.keep_alive(at);
        }
    }

    /// Records, and whether it wakes up or falls asleep.
    fn tell(&mut self, at: i64) {
        let interval = i64::from(self.settings.interval.max(1));
        let is_due = at >= self.due;
        if is_due {
            self.due = at - at.rem_euclid(interval) + interval;
        }
        let is_turning = self.inverter.is_turning(at);
        if self.inverter.is_awake() && (is_due || is_turning) {
            let is_at_once = std::mem::take(&mut self.is_at_once) || is_turning;
            let records = self.inverter.records(at, is_at_once);
            self.board.tell(&records, at);
        }
        if is_turning {
            let events = self.inverter.turn(at);
            self.board.tell(&events, at);
        }
    }

    /// What happens to the next frame.
    pub fn faults_of_frame(&mut self, at: i64) -> Vec<SolarEdgeFault> {
        let since = elapsed(self.begun, at);
        self.faults.due(since, SolarEdgeFault::is_of_a_frame)
    }
}
