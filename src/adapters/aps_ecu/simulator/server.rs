//! The socket: lets clients in, and closes the port when a fault says so.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::Settings;
use super::connection;
use super::core::Core;
use super::ecu::Ecu;
use super::event::Happening;
use super::handle::SimulatorHandle;
use super::incidents::Incidents;
use super::plant::Plant;
use super::shared::{Seat, Shared};
use super::sun::Sun;
use super::timeline::Timeline;
use crate::simulation::House;

/// Clients at a time; far more than any gateway takes, and not endless.
const MOST_CLIENTS: usize = 64;
/// After a failure of the system to open the port or to let a client in.
const RETRY: Duration = Duration::from_millis(200);

/// A simulated gateway on a TCP port.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

impl Simulator {
    /// Opens the port and begins to answer. Port 0 takes any free one.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start(settings: Settings, listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let ecu = settings.plant.ecu;
        let shared = Arc::new(Shared::new(core(settings), ecu, address));
        let tasks = TaskTracker::new();
        tasks.spawn(keep_port(Arc::clone(&shared), listener, tasks.clone()));
        tasks.close();
        Ok(Self { shared, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Moves it and looks into it.
    #[must_use]
    pub fn handle(&self) -> SimulatorHandle {
        SimulatorHandle {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Closes the port and all connections.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

fn core(settings: Settings) -> Core {
    let start = settings.start.map(|local| {
        // Only a time at the end of all calendars has none.
        let zoned = local.to_zoned(settings.zone.clone());
        zoned.map_or_else(|_| Timestamp::now(), |zoned| zoned.timestamp())
    });
    let start = start.unwrap_or_else(Timestamp::now);
    let house = settings.house;
    let start = house.as_ref().map_or(start, House::now);
    let sky = house.as_ref().map(House::sky);
    let sun = Sun::above(&settings.plant, settings.daylight, sky);
    if let Some(house) = house {
        feed(&house, settings.cycle, &sun, &settings.plant);
    }
    let ecu = Ecu::new(
        settings.plant,
        sun,
        settings.zone,
        settings.cycle,
        settings.lifetime_wh,
        start,
    );
    let timeline = Timeline::new(start, settings.speed);
    Core::new(ecu, timeline, Incidents::new(settings.faults))
}

/// Lets a house know what the inverters feed in: what the gateway says it does, from cycle to cycle.
fn feed(house: &House, cycle: Duration, sun: &Sun, plant: &Plant) {
    let cycle = i64::try_from(cycle.as_secs()).unwrap_or(i64::MAX).max(1);
    let (sun, inverters, zone) = (sun.clone(), plant.inverters.clone(), house.zone().clone());
    house.connect(move |at| {
        let begun = at.as_second() - at.as_second().rem_euclid(cycle);
        let begun = Timestamp::from_second(begun).unwrap_or(at);
        sun.power_w(&inverters, begun.to_zoned(zone.clone()).datetime())
    });
}

/// Lets clients in until told to stop. While the port is closed there is no listener, so that the
/// system refuses clients by itself.
async fn keep_port(shared: Arc<Shared>, listener: TcpListener, tasks: TaskTracker) {
    let mut listener = Some(listener);
    while !shared.stop.is_cancelled() {
        let (closed, until, clients) = shared.look(|core| {
            let (closed, until) = core.port();
            let until = until.and_then(|until| core.timeline.instant(until));
            (closed, until, core.clients)
        });
        let change = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        if closed {
            listener = None;
            shared.tell_port(false);
        } else if listener.is_none() {
            listener = open(&shared).await;
        }
        let accepted = async {
            match &listener {
                Some(listener) if clients < MOST_CLIENTS => listener.accept().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.stop.cancelled() => {}
            () = shared.changed() => {}
            () = change => {}
            accepted = accepted => match accepted {
                Ok((stream, peer)) => {
                    // Counted here, so that the port closes before the next client.
                    let crowded = shared.look(Core::enter);
                    let seat = Seat(Arc::clone(&shared));
                    tasks.spawn(connection::attend(seat, stream, peer, crowded));
                }
                // The client has gone already, or the system has no more sockets for now.
                Err(_) => tokio::time::sleep(RETRY).await,
            },
        }
    }
}

/// Opens the port again; if it is taken, waits a little instead.
async fn open(shared: &Shared) -> Option<TcpListener> {
    match TcpListener::bind(shared.address).await {
        Ok(listener) => {
            shared.tell_port(true);
            Some(listener)
        }
        Err(error) => {
            let error = error.to_string();
            shared.tell(Happening::PortTaken { error });
            tokio::time::sleep(RETRY).await;
            // Nothing else wakes the loop.
            shared.wake();
            None
        }
    }
}
