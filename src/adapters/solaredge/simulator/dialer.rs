//! A simulated inverter that connects to a server, and a server for it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::roof::time;
use super::routine::Routine;
use super::server::Answering;
use super::settings::InverterSettings;
use super::unit::InverterTruth;
use crate::adapters::solaredge::wire::DeviceKey;
use crate::simulation::{Cable, House, Simulator, Tasks};

/// A simulated inverter that connects to a server.
pub type SimulatedDialer = Simulator<DialerHand>;
/// A server that answers inverters.
pub type SimulatedServer = Simulator<ServerHand>;

/// How long a server may take.
const CONNECT: Duration = Duration::from_secs(5);
/// From one attempt to the next, in real time.
const AGAIN: Duration = Duration::from_secs(2);
/// The longest pause, so that a jump of the clock is noticed.
const PAUSE: Duration = Duration::from_millis(200);

/// The hand on an inverter that connects to a server.
#[derive(Debug)]
pub struct DialerHand {
    house: House,
    server: SocketAddr,
    routine: Mutex<Routine>,
    spoken: Mutex<Vec<Vec<u8>>>,
}

impl SimulatedDialer {
    /// Starts an inverter that connects to this server, again and again.
    pub fn start(settings: InverterSettings, server: SocketAddr) -> Self {
        let house = settings.house.clone();
        let routine = Routine::new(settings, house.now().as_second());
        routine.connect_to_house();
        let hand = DialerHand {
            house,
            server,
            routine: Mutex::new(routine),
            spoken: Mutex::default(),
        };
        let work = |hand: Arc<DialerHand>, cable: Cable, _: Tasks| async move {
            hand.run(cable).await;
        };
        Self::begin(server.to_string(), hand, work)
    }
}

impl DialerHand {
    /// What the inverter has said so far.
    pub fn truth(&self) -> InverterTruth {
        self.lock().truth().clone()
    }

    /// The data of all telemetry that was sent since this was asked last.
    pub fn spoken(&self) -> Vec<Vec<u8>> {
        let spoken = self.spoken.lock();
        std::mem::take(&mut *spoken.unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> MutexGuard<'_, Routine> {
        self.routine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, mut cable: Cable) {
        let mut stream: Option<TcpStream> = None;
        loop {
            let is_reachable = self.pass_time(&mut stream, cable.is_plugged());
            if stream.is_none() && is_reachable && cable.is_plugged() {
                stream = self.connect().await;
                if stream.is_none() {
                    sleep(AGAIN).await;
                    continue;
                }
                self.lock().connected(self.house.now().as_second());
            }
            let lives = match &mut stream {
                Some(open) => self.talk(open, &mut cable).await,
                None => {
                    sleep(PAUSE).await;
                    true
                }
            };
            if !lives {
                stream = None;
                self.lock().board.lost();
            }
        }
    }

    async fn connect(&self) -> Option<TcpStream> {
        let stream = timeout(CONNECT, TcpStream::connect(self.server)).await;
        stream.ok()?.ok()
    }

    /// Does what is due; whether the server may be asked.
    fn pass_time(&self, stream: &mut Option<TcpStream>, is_plugged: bool) -> bool {
        let now = self.house.now().as_second();
        let mut routine = self.lock();
        routine.notice_jump(now);
        let mut is_reachable = true;
        while routine.next_due() <= now {
            let at = routine.next_due();
            let turn = routine.begin(at);
            is_reachable = turn.is_reachable;
            if turn.breaks_off
                && let Some(open) = stream.take()
            {
                // Breaks off instead of ending in order.
                let _ = SockRef::from(&open).set_linger(Some(Duration::ZERO));
                routine.board.lost();
            }
            routine.go_on(at);
        }
        if !is_plugged && stream.take().is_some() {
            routine.board.lost();
        }
        is_reachable
    }

    /// Sends what is to be said, and hears for a moment; false when the connection is gone.
    async fn talk(&self, stream: &mut TcpStream, cable: &mut Cable) -> bool {
        loop {
            let said = self.lock().board.next();
            let Some(said) = said else {
                break;
            };
            if stream.write_all(&said.bytes).await.is_err() {
                return false;
            }
            let mut spoken = self.spoken.lock().unwrap_or_else(PoisonError::into_inner);
            spoken.extend(said.telemetry);
        }
        let mut buffer = [0; 4096];
        tokio::select! {
            read = stream.read(&mut buffer) => match read {
                Ok(count) if count > 0 => {
                    let bytes = buffer.get(..count).unwrap_or_default();
                    self.lock().board.heard(bytes, self.house.now().as_second());
                    true
                }
                _ => false,
            },
            () = sleep(PAUSE) => true,
            _ = cable.changed() => true,
        }
    }
}

/// The hand on a server.
#[derive(Debug, Default)]
pub struct ServerHand {
    received: Mutex<Vec<Vec<u8>>>,
}

impl ServerHand {
    /// The data of all telemetry that has come since this was asked last.
    pub fn received(&self) -> Vec<Vec<u8>> {
        let received = self.received.lock();
        std::mem::take(&mut *received.unwrap_or_else(PoisonError::into_inner))
    }
}

impl SimulatedServer {
    /// Starts a server for inverters that have this key, or none.
    ///
    /// # Errors
    /// Nobody can listen at this address.
    pub async fn start(
        listen: SocketAddr,
        key: Option<DeviceKey>,
        house: House,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?.to_string();
        let work = |hand: Arc<ServerHand>, cable: Cable, tasks: Tasks| async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    sleep(PAUSE).await;
                    continue;
                };
                if !cable.is_plugged() {
                    continue;
                }
                let (hand, mut cable) = (Arc::clone(&hand), cable.clone());
                let (key, house) = (key.clone(), house.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = answer(stream, &hand, key, &house) => {}
                        () = cable.pulled() => {}
                    }
                });
            }
        };
        Ok(Self::begin(address, ServerHand::default(), work))
    }
}

async fn answer(mut stream: TcpStream, hand: &ServerHand, key: Option<DeviceKey>, house: &House) {
    let zone = |now: i64| house.zone().to_offset(time(now)).seconds();
    let mut answering = Answering::new(key, zone(house.now().as_second()));
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer).await
        && count > 0
    {
        let now = u32::try_from(house.now().as_second()).unwrap_or(0);
        let answers = answering.take(buffer.get(..count).unwrap_or_default(), now);
        let received = answering.received();
        hand.received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(received);
        if stream.write_all(&answers).await.is_err() {
            return;
        }
    }
}
