//! The socket: lets clients in, and closes the port when a fault says so.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;

use super::EcuSettings;
use super::connection;
use super::core::Core;
use super::ecu::Ecu;
use super::event::EcuAct;
use super::hand::{EcuHand, Seat, SimulatedEcu};
use super::incidents::Incidents;
use super::plant::Plant;
use super::sun::Sun;
use crate::simulation::{Cable, Flows, House, Tasks};

/// Clients at a time; far more than any gateway takes, and not endless.
const MOST_CLIENTS: usize = 64;
/// After a failure of the system to open the port or to let a client in.
const RETRY: Duration = Duration::from_millis(200);

impl SimulatedEcu {
    /// Opens the port and begins to answer. Port 0 takes any free one.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start(settings: EcuSettings, listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let listens = listener.local_addr()?;
        let hand = EcuHand::new(core(settings), listens);
        let work = |hand, cable, tasks| keep_port(hand, listener, cable, tasks);
        Ok(Self::begin(listens.to_string(), hand, work))
    }
}

fn core(settings: EcuSettings) -> Core {
    let EcuSettings { plant, house, .. } = settings;
    let sun = Sun::above(&plant, house.sky());
    feed(&house, settings.cycle, &sun, &plant);
    let ecu = Ecu::new(
        plant,
        sun,
        house.zone().clone(),
        settings.cycle,
        settings.lifetime_wh,
        house.now(),
    );
    Core::new(ecu, house, Incidents::new(&settings.faults))
}

/// Lets a house know what the inverters feed in: what the gateway says it does, from cycle to cycle.
fn feed(house: &House, cycle: Duration, sun: &Sun, plant: &Plant) {
    let cycle = i64::try_from(cycle.as_secs()).unwrap_or(i64::MAX).max(1);
    let (sun, inverters, zone) = (sun.clone(), plant.inverters.clone(), house.zone().clone());
    house.connect(move |at| {
        let begun = at.as_second() - at.as_second().rem_euclid(cycle);
        let begun = Timestamp::from_second(begun).unwrap_or(at);
        let power = sun.power_w(&inverters, begun.to_zoned(zone.clone()).datetime());
        Flows {
            production: i32::try_from(power).unwrap_or(i32::MAX),
            ..Flows::default()
        }
    });
}

/// Lets clients in. While the port is closed there is no listener, so that the system refuses clients
/// by itself.
async fn keep_port(hand: Arc<EcuHand>, listener: TcpListener, mut cable: Cable, tasks: Tasks) {
    let mut listener = Some(listener);
    loop {
        let (closed, until, clients) = hand.look(|core| {
            let (closed, until) = core.port();
            let until = until.and_then(|until| core.house.timeline().instant(until));
            (closed, until, core.clients)
        });
        let closed = closed || !cable.is_plugged();
        let change = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        if closed {
            listener = None;
            hand.tell_port(false);
        } else if listener.is_none() {
            listener = open(&hand).await;
        }
        let accepted = async {
            match &listener {
                Some(listener) if clients < MOST_CLIENTS => listener.accept().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            () = hand.changed() => {}
            _ = cable.changed() => {}
            () = change => {}
            accepted = accepted => match accepted {
                Ok((stream, peer)) => {
                    // Counted here, so that the port closes before the next client.
                    let crowded = hand.look(Core::enter);
                    let seat = Seat(Arc::clone(&hand));
                    tasks.spawn(connection::attend(seat, stream, peer, crowded, cable.clone()));
                }
                // The client has gone already, or the system has no more sockets for now.
                Err(_) => tokio::time::sleep(RETRY).await,
            },
        }
    }
}

/// Opens the port again; if it is taken, waits a little instead.
async fn open(hand: &EcuHand) -> Option<TcpListener> {
    match TcpListener::bind(hand.listens()).await {
        Ok(listener) => {
            hand.tell_port(true);
            Some(listener)
        }
        Err(error) => {
            let error = error.to_string();
            hand.tell(EcuAct::PortTaken { error });
            tokio::time::sleep(RETRY).await;
            // Nothing else wakes the loop.
            hand.wake();
            None
        }
    }
}
