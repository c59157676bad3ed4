//! What the tasks of one simulated ECU share: its state, and all that a test or a program can do to it
//! and learn from it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil;
use tokio::sync::{Notify, broadcast, watch};

use super::super::wire::{EcuId, Uid};
use super::core::Core;
use super::event::{EcuAct, EcuEvent};
use super::faults::EcuFault;
use super::plant::{PlantError, product_named};
use crate::simulation::{Faults, Faulty, Simulator};

/// Events kept for a listener that is busy.
const EVENTS: usize = 256;

/// A simulated ECU on a TCP port.
pub type SimulatedEcu = Simulator<EcuHand>;

/// What is really so, whatever the faults make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    /// The simulated local time.
    pub at: civil::DateTime,
    /// Time of the last cycle; `None` if there was none since the gateway started.
    pub cycle: Option<civil::DateTime>,
    /// Energy since ever in Wh. Answers have steps of 100.
    pub lifetime_wh: u64,
    /// Energy of this day in Wh. Answers have steps of 10.
    pub today_wh: u64,
    /// Power in W.
    pub power_w: u32,
    /// Inverters registered.
    pub registered: usize,
    /// Inverters heard in the last cycle.
    pub online: usize,
}

/// The hand on a simulated ECU.
#[derive(Debug)]
pub struct EcuHand {
    core: Mutex<Core>,
    ecu: EcuId,
    listens: SocketAddr,
    events: broadcast::Sender<EcuEvent>,
    /// Whether the port is open.
    port: watch::Sender<bool>,
    /// For the task that owns the port.
    news: Notify,
}

impl EcuHand {
    /// Of a gateway whose port this is.
    pub fn new(core: Core, listens: SocketAddr) -> Self {
        Self {
            ecu: core.ecu.plant.ecu,
            core: Mutex::new(core),
            listens,
            events: broadcast::Sender::new(EVENTS),
            port: watch::Sender::new(true),
            news: Notify::new(),
        }
    }

    /// Looks at the state as it is now.
    pub fn look<T>(&self, look: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.catch_up();
        look(&mut core)
    }

    /// Changes the state from now on.
    pub fn change<T>(&self, change: impl FnOnce(&mut Core) -> T) -> T {
        let result = self.look(|core| {
            let result = change(core);
            core.catch_up();
            result
        });
        self.news.notify_one();
        result
    }

    /// Tells what it did.
    pub fn tell(&self, what: EcuAct) {
        let at = self.look(|core| core.local());
        let ecu = self.ecu;
        // Nobody has to listen.
        let _ = self.events.send(EcuEvent { ecu, at, what });
    }

    /// Tells whether the port is open, if that is news.
    pub fn tell_port(&self, open: bool) {
        if self.port.send_replace(open) != open {
            self.tell(EcuAct::Port { open });
        }
    }

    /// Waits until the port may have to be opened or closed.
    pub async fn changed(&self) {
        self.news.notified().await;
    }

    /// Has the port looked at once more.
    pub fn wake(&self) {
        self.news.notify_one();
    }

    /// Where it listens, also while the port is closed.
    #[must_use]
    pub const fn listens(&self) -> SocketAddr {
        self.listens
    }

    /// The gateway's serial.
    #[must_use]
    pub const fn ecu(&self) -> EcuId {
        self.ecu
    }

    /// Lets the time of its house run at another speed; 0 stands still.
    pub fn set_speed(&self, speed: f64) {
        self.change(|core| core.house.set_speed(speed));
    }

    /// Lets its house go to another time. The time on the way ahead is lived
    /// through; a way back counts nothing.
    pub fn jump_to(&self, local: civil::DateTime) {
        self.change(|core| core.house.jump_to(local));
    }

    /// Starts the gateway again: no inverter has been heard until the next cycle.
    pub fn reboot(&self) {
        self.change(|core| core.ecu.reboot());
    }

    /// Registers an inverter of a product such as `DS3`.
    ///
    /// # Errors
    /// There is no such product.
    pub fn add_inverter(&self, product: &str) -> Result<Uid, PlantError> {
        let product = product_named(product)?;
        Ok(self.change(|core| core.ecu.join(product, false)))
    }

    /// Removes an inverter; `false` if it is not there.
    #[must_use]
    pub fn remove_inverter(&self, uid: Uid) -> bool {
        self.change(|core| core.ecu.leave(uid))
    }

    /// The inverters registered.
    #[must_use]
    pub fn inverters(&self) -> Vec<Uid> {
        let view = self.look(|core| core.ecu.view());
        let members = view.members.iter();
        members.map(|member| member.inverter.uid).collect()
    }

    /// What is really so now.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.look(|core| {
            let view = core.ecu.view();
            Truth {
                at: core.local(),
                cycle: view.cycle,
                lifetime_wh: view.lifetime_wh,
                today_wh: view.today_wh,
                power_w: view.power_w(),
                registered: view.members.len(),
                online: view.online(),
            }
        })
    }

    /// Requests of a command so far, answered or not.
    #[must_use]
    pub fn requests(&self, command: u16) -> u64 {
        self.look(|core| core.requests.get(&command).copied().unwrap_or(0))
    }

    /// Connections taken so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.look(|core| core.connections)
    }

    /// What it does from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<EcuEvent> {
        self.events.subscribe()
    }

    /// Waits until a command was asked so often, answered or not.
    pub async fn wait_for_requests(&self, command: u16, count: u64) {
        let mut events = self.events();
        while self.requests(command) < count {
            // Whatever the event is, it is a reason to look again.
            let _ = events.recv().await;
        }
    }

    /// Waits until the port is open or closed, which follows a fault after a moment.
    pub async fn wait_for_port(&self, open: bool) {
        let mut port = self.port.subscribe();
        // It is there as long as we are.
        let _ = port.wait_for(|is_open| *is_open == open).await;
    }
}

impl Faulty for EcuHand {
    type Fault = EcuFault;

    fn change_faults(&self, change: impl FnOnce(&mut Faults<EcuFault>)) {
        self.change(|core| core.incidents.change(change));
    }
}

/// The place of one client, which is free again when it leaves.
#[derive(Debug)]
pub struct Seat(pub Arc<EcuHand>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0
            .change(|core| core.clients = core.clients.saturating_sub(1));
    }
}
