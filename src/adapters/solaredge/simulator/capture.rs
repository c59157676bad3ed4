//! A capture that never ends, for who wants it over TCP: what `capture = "tcp://..."` reads.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::time::sleep;

use super::exchange::{Exchange, Spoken};
use super::faults::SolarEdgeFault;
use super::packets::Packets;
use super::settings::InverterSettings;
use super::unit::InverterTruth;
use crate::simulation::{Cable, FaultRule, House, Simulator, Tasks};

/// A simulated inverter that is captured.
pub type SimulatedCapture = Simulator<CaptureHand>;

/// Pieces that wait for who is slow.
const WAITING: usize = 4096;
/// The longest pause, so that a jump of the clock is noticed.
const PAUSE: Duration = Duration::from_secs(1);

/// The hand on a captured inverter.
#[derive(Debug)]
pub struct CaptureHand {
    house: House,
    exchange: Mutex<Exchange>,
    captured: broadcast::Sender<Arc<[u8]>>,
}

impl SimulatedCapture {
    /// Starts an inverter, and lets anybody have what is captured of it.
    ///
    /// # Errors
    /// Nobody can listen at this address.
    pub async fn start(settings: InverterSettings, listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = format!("tcp://{}", listener.local_addr()?);
        let (hand, _) = CaptureHand::new(settings);
        let work = |hand: Arc<CaptureHand>, cable: Cable, tasks: Tasks| async move {
            tasks.spawn(serve(listener, Arc::clone(&hand), cable, tasks.clone()));
            hand.run().await;
        };
        Ok(Self::begin(address, hand, work))
    }
}

impl CaptureHand {
    /// A hand on an inverter that begins now, and the first one to hear what is captured.
    pub fn new(settings: InverterSettings) -> (Self, broadcast::Receiver<Arc<[u8]>>) {
        let house = settings.house.clone();
        let exchange = Exchange::new(settings, house.now().as_second());
        exchange.connect_to_house();
        let (captured, first) = broadcast::channel(WAITING);
        let hand = Self {
            house,
            exchange: Mutex::new(exchange),
            captured,
        };
        (hand, first)
    }

    /// What the inverter has said so far.
    pub fn truth(&self) -> InverterTruth {
        self.lock().truth().clone()
    }

    /// All telemetry that was sent since this was asked last.
    pub fn spoken(&self) -> Vec<Spoken> {
        self.lock().spoken()
    }

    /// What goes wrong from now on.
    pub fn set_faults(&self, rules: &[FaultRule<SolarEdgeFault>]) {
        self.lock().set_faults(rules);
    }

    /// Lets time pass for the inverter.
    pub async fn run(&self) {
        loop {
            let now = self.house.now();
            let next = {
                let mut exchange = self.lock();
                exchange.run_until(now.as_second());
                self.publish(&mut exchange);
                exchange.next_due()
            };
            sleep(self.pause(now, next)).await;
        }
    }

    /// Real time until a moment of the house.
    fn pause(&self, now: Timestamp, next: i64) -> Duration {
        let left = (next as f64 - now.as_duration().as_secs_f64()).max(0.0);
        let timeline = self.house.timeline();
        let speed = timeline.speed();
        let real = Duration::try_from_secs_f64(left / speed.max(1e-9)).unwrap_or(PAUSE);
        real.clamp(Duration::from_millis(1), PAUSE)
    }

    fn publish(&self, exchange: &mut Exchange) {
        let bytes = exchange.take();
        if !bytes.is_empty() {
            // Nobody may be there.
            let _ = self.captured.send(bytes.into());
        }
    }

    /// Somebody has come: a new connection begins for them, with all records.
    fn welcome(&self) -> broadcast::Receiver<Arc<[u8]>> {
        let mut exchange = self.lock();
        self.publish(&mut exchange);
        let captured = self.captured.subscribe();
        exchange.begin_anew(self.house.now().as_second());
        self.publish(&mut exchange);
        captured
    }

    fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(listener: TcpListener, hand: Arc<CaptureHand>, cable: Cable, tasks: Tasks) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        if !cable.is_plugged() {
            continue;
        }
        let (hand, mut pulled) = (Arc::clone(&hand), cable.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = send(stream, &hand) => {}
                () = pulled.pulled() => {}
            }
        });
    }
}

/// Sends all that is captured until the other side leaves or is too slow.
async fn send(mut stream: TcpStream, hand: &CaptureHand) {
    if stream.write_all(&Packets::head()).await.is_err() {
        return;
    }
    let mut captured = hand.welcome();
    while let Ok(bytes) = captured.recv().await {
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
