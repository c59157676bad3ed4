//! The state of a simulator, and its clients, for all its tasks.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::super::wire::EcuId;
use super::core::Core;
use super::event::{Event, Happening};

/// Events kept for a listener that is busy.
const EVENTS: usize = 256;

/// What all tasks of one simulator share.
#[derive(Debug)]
pub struct Shared {
    core: Mutex<Core>,
    pub ecu: EcuId,
    pub address: SocketAddr,
    pub events: broadcast::Sender<Event>,
    /// Whether the port is open.
    pub port: watch::Sender<bool>,
    /// For the task that owns the port.
    news: Notify,
    pub stop: CancellationToken,
}

impl Shared {
    pub fn new(core: Core, ecu: EcuId, address: SocketAddr) -> Self {
        Self {
            core: Mutex::new(core),
            ecu,
            address,
            events: broadcast::Sender::new(EVENTS),
            port: watch::Sender::new(true),
            news: Notify::new(),
            stop: CancellationToken::new(),
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

    pub fn tell(&self, what: Happening) {
        let at = self.look(|core| core.local());
        let ecu = self.ecu;
        // Nobody has to listen.
        let _ = self.events.send(Event { ecu, at, what });
    }

    pub fn tell_port(&self, open: bool) {
        if self.port.send_replace(open) != open {
            self.tell(Happening::Port { open });
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
}

/// The place of one client, which is free again when it leaves.
#[derive(Debug)]
pub struct Seat(pub Arc<Shared>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0
            .change(|core| core.clients = core.clients.saturating_sub(1));
    }
}
