//! A stick at its port, until it is stopped.

use std::io;
use std::sync::{Arc, Weak};

use tokio::sync::watch;
use tokio::time::sleep_until;

use super::hand::{SimulatedStick, ZigbeeHand};
use super::settings::StickSettings;
use super::stick::Stick;
use crate::simulation::{Cable, House, PortEvent, SimPlace, SimPort, Simulator};

impl SimulatedStick {
    /// Starts a stick in a house, at a place.
    ///
    /// # Errors
    /// If the port cannot be made there.
    pub async fn start(settings: StickSettings, house: House, place: SimPlace) -> io::Result<Self> {
        let (plug, inner) = Cable::new();
        let port = SimPort::open(&place, inner.clone()).await?;
        let address = port.address();
        let hand = ZigbeeHand::new(settings, house, address.clone());
        Ok(Simulator::begin(address, hand, |hand, outer, _| {
            feed(&hand);
            let line = StickLine {
                hand,
                port: Some(port),
                outer,
                plug,
                inner,
            };
            line.run()
        }))
    }
}

/// Lets the house know what the inverters feed in.
fn feed(hand: &Arc<ZigbeeHand>) {
    let weak: Weak<ZigbeeHand> = Arc::downgrade(hand);
    hand.house().connect(move |at| {
        let flows = weak.upgrade().map(|hand| hand.flows(at));
        flows.unwrap_or_default()
    });
}

/// A stick at its port.
struct StickLine {
    hand: Arc<ZigbeeHand>,
    /// `None` where it cannot be made.
    port: Option<SimPort>,
    /// The cable that others pull, and the one to the port that is there now, which follows it.
    outer: Cable,
    plug: watch::Sender<bool>,
    inner: Cable,
}

impl StickLine {
    async fn run(mut self) {
        loop {
            let due = self.hand.next_due();
            let port = self.port.as_mut();
            tokio::select! {
                biased;
                plugged = self.outer.changed() => {
                    self.plug.send_replace(plugged);
                }
                event = next(port) => match event {
                    PortEvent::Received(bytes) => self.hand.receive(&bytes),
                    PortEvent::Plugged(true) => self.hand.power_up(),
                    PortEvent::Plugged(false) => {}
                },
                () = self.hand.changed() => self.follow().await,
                () = wait(due) => self.send().await,
            }
            if self.hand.look(Stick::take_close) {
                self.plug.send_replace(false);
                if let Some(port) = &mut self.port {
                    // It is away before it comes back.
                    port.next().await;
                }
                self.plug.send_replace(true);
            }
        }
    }

    async fn send(&mut self) {
        while let Some(bytes) = self.hand.take() {
            // What is said while it is not plugged in goes nowhere.
            if let Some(port) = &mut self.port
                && port.is_plugged()
            {
                port.send(&bytes).await;
            }
        }
    }

    /// Moves to another place, if somebody wants that.
    async fn follow(&mut self) {
        let Some(place) = self.hand.take_move() else {
            return;
        };
        // The old one is gone before the new one is there, as with a real stick.
        self.port = None;
        match SimPort::open(&place, self.inner.clone()).await {
            Ok(port) => {
                self.hand.moved(port.address());
                self.port = Some(port);
            }
            Err(error) => tracing::warn!(
                "the simulated stick cannot be plugged in there ({error}); is the folder there?"
            ),
        }
    }
}

async fn next(port: Option<&mut SimPort>) -> PortEvent {
    match port {
        Some(port) => port.next().await,
        None => std::future::pending().await,
    }
}

async fn wait(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
