//! Moves a running simulator and looks into it: for tests and demonstrations.

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::civil;
use tokio::sync::broadcast;

use super::super::wire::{EcuId, Uid};
use super::event::Event;
use super::faults::FaultRule;
use super::plant::{PlantError, product_named};
use super::shared::Shared;

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

/// Moves a running simulator and looks into it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SimulatorHandle {
    pub(crate) shared: Arc<Shared>,
}

impl SimulatorHandle {
    /// Where it listens, also while the port is closed.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The gateway's serial.
    #[must_use]
    pub fn ecu(&self) -> EcuId {
        self.shared.ecu
    }

    /// Lets something go wrong, instead of an earlier fault of the same name.
    pub fn set_fault(&self, rule: FaultRule) {
        self.shared.change(|core| {
            core.incidents.remove(rule.name());
            core.incidents.add(rule);
        });
    }

    /// Ends a fault, by its name.
    pub fn clear_fault(&self, name: &str) {
        self.shared.change(|core| core.incidents.remove(name));
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.shared.change(|core| core.incidents.clear());
    }

    /// Lets the simulated time run at another speed; 0 stands still.
    pub fn set_speed(&self, speed: f64) {
        self.shared.change(|core| core.timeline.set_speed(speed));
    }

    /// Goes to another simulated time in the gateway's zone. The time on the way ahead is lived
    /// through; a way back counts nothing.
    pub fn jump_to(&self, local: civil::DateTime) {
        self.shared.change(|core| {
            let zoned = local.to_zoned(core.ecu.zone().clone());
            if let Ok(zoned) = zoned {
                core.timeline.jump_to(zoned.timestamp());
            }
        });
    }

    /// Starts the gateway again: no inverter has been heard until the next cycle.
    pub fn reboot(&self) {
        self.shared.change(|core| core.ecu.reboot());
    }

    /// Registers an inverter of a product such as `DS3`.
    ///
    /// # Errors
    /// There is no such product.
    pub fn add_inverter(&self, product: &str) -> Result<Uid, PlantError> {
        let product = product_named(product)?;
        Ok(self.shared.change(|core| core.ecu.join(product, false)))
    }

    /// Removes an inverter; `false` if it is not there.
    #[must_use]
    pub fn remove_inverter(&self, uid: Uid) -> bool {
        self.shared.change(|core| core.ecu.leave(uid))
    }

    /// The inverters registered.
    #[must_use]
    pub fn inverters(&self) -> Vec<Uid> {
        let view = self.shared.look(|core| core.ecu.view());
        let members = view.members.iter();
        members.map(|member| member.inverter.uid).collect()
    }

    /// What is really so now.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.shared.look(|core| {
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
        self.shared
            .look(|core| core.requests.get(&command).copied().unwrap_or(0))
    }

    /// Connections taken so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.look(|core| core.connections)
    }

    /// What it does from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// Waits until a command was asked so often, answered or not, or the simulator has stopped.
    pub async fn wait_for_requests(&self, command: u16, count: u64) {
        let mut events = self.events();
        while self.requests(command) < count {
            tokio::select! {
                // Whatever the event is, it is a reason to look again.
                _ = events.recv() => {}
                () = self.shared.stop.cancelled() => return,
            }
        }
    }

    /// Waits until the port is open or closed, which follows a fault after a moment, or the
    /// simulator has stopped.
    pub async fn wait_for_port(&self, open: bool) {
        let mut port = self.shared.port.subscribe();
        tokio::select! {
            _ = port.wait_for(|is_open| *is_open == open) => {}
            () = self.shared.stop.cancelled() => {}
        }
    }
}
