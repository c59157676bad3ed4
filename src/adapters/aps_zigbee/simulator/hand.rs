//! The hand on a stick at work: what a test or a program can do to it, and learn from it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::super::wire::ids::{EcuId, InverterSerial};
use super::faults::ZigbeeFault;
use super::manners::InverterManners;
use super::script::StickScript;
use super::settings::StickSettings;
use super::stick::{Stick, StickCounts};
use super::truth::ZigbeeTruth;
use crate::simulation::{Faults, Faulty, Flows, House, SimPlace, Simulator};

/// A stick at work.
pub type SimulatedStick = Simulator<ZigbeeHand>;

/// The hand on a stick.
#[derive(Debug)]
pub struct ZigbeeHand {
    stick: Mutex<Stick>,
    house: House,
    /// For the task at the port.
    news: Notify,
    place: Mutex<StickPlace>,
}

/// Where the stick is, and where it is to be.
#[derive(Debug)]
struct StickPlace {
    address: String,
    wanted: Option<SimPlace>,
}

impl ZigbeeHand {
    /// On a stick in a house, whose port is called so.
    pub fn new(settings: StickSettings, house: House, address: String) -> Self {
        let now = house.moment();
        let stick = Stick::new(settings, house.sky(), house.zone().clone(), now);
        let wanted = None;
        Self {
            stick: Mutex::new(stick),
            house,
            news: Notify::new(),
            place: Mutex::new(StickPlace { address, wanted }),
        }
    }

    /// Looks at the stick as it is now.
    pub fn look<T>(&self, look: impl FnOnce(&mut Stick) -> T) -> T {
        let mut stick = self.stick.lock().unwrap_or_else(PoisonError::into_inner);
        stick.advance(self.house.moment());
        look(&mut stick)
    }

    /// Changes it from now on.
    pub fn change<T>(&self, change: impl FnOnce(&mut Stick) -> T) -> T {
        let result = self.look(change);
        self.news.notify_one();
        result
    }

    /// Waits until something was changed.
    pub async fn changed(&self) {
        self.news.notified().await;
    }

    /// Bytes came.
    pub fn receive(&self, bytes: &[u8]) {
        let now = self.house.moment();
        self.look(|stick| stick.receive(bytes, now));
    }

    /// What is to be sent now.
    pub fn take(&self) -> Option<Vec<u8>> {
        let now = self.house.moment();
        self.look(|stick| stick.take(now))
    }

    /// When something is to be done next.
    pub fn next_due(&self) -> Option<tokio::time::Instant> {
        let due = self.look(|stick| stick.next_due())?;
        // A moment more, so that it is over then.
        let due = due + Duration::from_micros(1);
        self.house.timeline().instant(due)
    }

    /// What flows from the panels into the house at a moment.
    pub fn flows(&self, at: Timestamp) -> Flows {
        let power = self.look(|stick| stick.mesh.power(at));
        Flows {
            production: power.round() as i32,
            ..Flows::default()
        }
    }

    /// The house in which it is.
    pub const fn house(&self) -> &House {
        &self.house
    }

    /// What is really so now.
    pub fn truth(&self) -> ZigbeeTruth {
        self.look(|stick| ZigbeeTruth::of(&mut stick.mesh))
    }

    /// How often something has happened.
    pub fn counts(&self) -> StickCounts {
        self.look(|stick| stick.counts())
    }

    /// What its port is called now.
    pub fn port(&self) -> String {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.address.clone()
    }

    /// The stick is pulled and plugged in at another place: a port of another name.
    pub fn move_to(&self, wanted: SimPlace) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.wanted = Some(wanted);
        drop(place);
        self.news.notify_one();
    }

    /// Where it is to be, if somebody wants it elsewhere.
    pub fn take_move(&self) -> Option<SimPlace> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.wanted.take()
    }

    /// It is there.
    pub fn moved(&self, address: String) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.address = address;
        drop(place);
        self.power_up();
    }

    /// It gets power, as it does when it is plugged in.
    pub fn power_up(&self) {
        let now = self.house.moment();
        self.change(|stick| stick.power_up(now));
    }

    /// Its reset line is pulsed.
    pub fn pulse(&self) {
        let now = self.house.moment();
        self.change(|stick| stick.pulse(now));
    }

    /// It says nothing more, until it is plugged in anew or its reset line is pulsed.
    pub fn freeze(&self) {
        self.change(Stick::freeze);
    }

    /// What it says from now on instead of what it would say.
    pub fn set_script(&self, script: StickScript) {
        self.change(|stick| stick.set_script(script));
    }

    /// It hears nobody, until it starts anew.
    pub fn deafen(&self) {
        self.change(Stick::deafen);
    }

    /// An inverter starts anew, or all if none is named.
    pub fn restart_inverter(&self, serial: Option<InverterSerial>) {
        self.change(|stick| {
            let at = stick.mesh.at();
            match serial {
                None => stick.mesh.restart_all(),
                Some(serial) => {
                    if let Some(inverter) = stick.mesh.inverter(serial) {
                        inverter.restart(at);
                    }
                }
            }
        });
    }

    /// Another gateway takes an inverter away, or all if none is named.
    pub fn take_away(&self, serial: Option<InverterSerial>, by: EcuId) {
        self.change(|stick| stick.mesh.take_away(serial, by));
    }

    /// Changes what is peculiar to an inverter; `false` if there is none of this number.
    pub fn change_manners(
        &self,
        serial: InverterSerial,
        change: impl FnOnce(&mut InverterManners),
    ) -> bool {
        self.change(|stick| {
            let inverter = stick.mesh.inverter(serial);
            inverter.map(|it| change(&mut it.manners)).is_some()
        })
    }
}

impl Faulty for ZigbeeHand {
    type Fault = ZigbeeFault;

    fn change_faults(&self, change: impl FnOnce(&mut Faults<ZigbeeFault>)) {
        self.change(|stick| change(&mut stick.faults));
    }
}
