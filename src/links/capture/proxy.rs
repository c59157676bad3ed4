//! A proxy between devices and the server they want, which tells what passes.
//!
//! It comes first that devices reach their server: no byte is added or changed, what nobody reads is
//! forgotten and counted, and forwarding goes on while nobody listens. What passes is written as
//! segments of TCP, as if they had been captured.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::{Duration, SystemTime};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::super::endpoint::Endpoint;
use super::super::error::LinkError;
use super::super::tcp;
use super::dissect::Segment;
use super::reader::LinkType;
use super::writer::CaptureWriter;

/// Connections at the same time. A house has one or two devices.
const MOST: usize = 16;
/// How much is passed on at once. With its headers it fits into one packet.
const CHUNK: usize = 16 * 1024;
/// Pieces that wait to be read.
const WAITING: usize = 512;
/// How long the server may take to answer.
const CONNECT: Duration = Duration::from_secs(15);
/// A pause after connections cannot be accepted, as when too many files are open.
const PAUSE: Duration = Duration::from_secs(1);
/// Silence after which the other side is asked whether it is still there, how often, how many times.
const ASK: (Duration, Duration, u32) = (Duration::from_secs(60), Duration::from_secs(30), 4);

/// What passed.
#[derive(Debug)]
struct Passed {
    at: Duration,
    source: SocketAddr,
    destination: SocketAddr,
    sequence: u32,
    acknowledged: u32,
    what: What,
}

#[derive(Debug)]
enum What {
    Begin { is_answer: bool },
    Bytes(Vec<u8>),
    End,
    Break,
}

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    passed: mpsc::Receiver<Passed>,
    lost: Arc<AtomicU64>,
    task: AbortHandle,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Lets devices connect from now on.
    pub async fn begin(listen: SocketAddr, server: Endpoint) -> Result<Self, LinkError> {
        let cannot = |error: io::Error| LinkError::CannotListen(listen, error.to_string());
        let listener = TcpListener::bind(listen).await.map_err(cannot)?;
        let own = listener.local_addr().map_err(cannot)?;
        let (sender, passed) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let forwarding = Arc::new(Forwarding {
            own,
            server,
            sender,
            lost: Arc::clone(&lost),
            is_reached: AtomicBool::new(true),
        });
        let task = tokio::spawn(forwarding.run(listener)).abort_handle();
        Ok(Self { passed, lost, task })
    }
}

/// A connection to a proxy that tells what passes.
#[derive(Debug)]
pub struct OpenProxy {
    proxy: OwnedMutexGuard<Proxy>,
    writer: CaptureWriter,
}

impl OpenProxy {
    /// `None` if another connection is open.
    pub fn new(proxy: &Arc<Mutex<Proxy>>) -> Option<Self> {
        Some(Self {
            proxy: Arc::clone(proxy).try_lock_owned().ok()?,
            writer: CaptureWriter::pcapng(LinkType::RAW),
        })
    }

    /// Appends what has passed, as bytes of a capture file; 0 bytes are the end. Nothing is lost if it
    /// is dropped while it waits.
    pub async fn receive(&mut self, out: &mut Vec<u8>) -> usize {
        if self.writer.bytes().is_empty() {
            let Some(passed) = self.proxy.passed.recv().await else {
                return 0;
            };
            write(&mut self.writer, &passed);
            while self.writer.bytes().len() < 4 * CHUNK
                && let Ok(passed) = self.proxy.passed.try_recv()
            {
                write(&mut self.writer, &passed);
            }
            self.writer
                .dropped(self.proxy.lost.swap(0, Ordering::Relaxed));
        }
        let written = self.writer.bytes();
        let count = written.len();
        out.extend_from_slice(written);
        self.writer.clear();
        count
    }
}

fn write(writer: &mut CaptureWriter, passed: &Passed) {
    let what = &passed.what;
    let is_first = matches!(what, What::Begin { is_answer: false });
    let segment = Segment {
        sequence: passed.sequence,
        acknowledged: (!is_first).then_some(passed.acknowledged),
        is_syn: matches!(what, What::Begin { .. }),
        is_fin: matches!(what, What::End),
        is_reset: matches!(what, What::Break),
        payload: match what {
            What::Bytes(bytes) => bytes,
            _ => &[],
        },
        ..Segment::between(passed.source, passed.destination)
    };
    writer.packet(passed.at, &segment.encode(LinkType::RAW));
}

/// What all connections of a proxy have in common.
struct Forwarding {
    /// Where devices connect to.
    own: SocketAddr,
    server: Endpoint,
    sender: mpsc::Sender<Passed>,
    lost: Arc<AtomicU64>,
    /// Whether the server could be reached the last time.
    is_reached: AtomicBool,
}

impl Forwarding {
    async fn run(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        let mut is_full = false;
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((device, from)) if connections.len() < MOST => {
                        is_full = false;
                        tracing::debug!("{from} connects to {}", self.server);
                        connections.spawn(Arc::clone(&self).serve(device, from));
                    }
                    Ok((_, from)) => {
                        if !std::mem::replace(&mut is_full, true) {
                            tracing::warn!(
                                "{from} is turned away: {MOST} devices are connected to {}, which is more \
                                 than any house has. Look what connects there.",
                                self.own
                            );
                        }
                    }
                    Err(error) => {
                        tracing::warn!("nobody can connect to {} for now: {error}", self.own);
                        tokio::time::sleep(PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Passes on what one device and the server say to each other.
    async fn serve(self: Arc<Self>, mut device: TcpStream, from: SocketAddr) {
        // A device whose server is not there tries again: its connection is closed.
        let (mut server, to) = match self.connect().await {
            Ok(connected) => connected,
            Err(error) => {
                if self.is_reached.swap(false, Ordering::Relaxed) {
                    tracing::warn!("{from} cannot be connected: {error}. {}", error.advice());
                }
                reset(&device);
                return;
            }
        };
        self.is_reached.store(true, Ordering::Relaxed);
        prepare(&device);
        prepare(&server);
        let ends = [from, to].map(|it| SocketAddr::new(it.ip().to_canonical(), it.port()));
        let told = Told {
            forwarding: &self,
            ends,
            sequences: Lock::new([0, 0]),
        };
        told.tell(0, What::Begin { is_answer: false });
        told.tell(1, What::Begin { is_answer: true });
        let ended = {
            let (from_device, to_device) = device.split();
            let (from_server, to_server) = server.split();
            tokio::try_join!(
                pass(from_device, to_server, &told, 0),
                pass(from_server, to_device, &told, 1),
            )
        };
        if let Err((direction, error)) = ended {
            tracing::debug!("the connection of {from} broke: {error}");
            told.tell(direction, What::Break);
            // The other side is to hear the same.
            reset(&device);
            reset(&server);
        }
    }

    /// Connects to the server, and nowhere else.
    async fn connect(&self) -> Result<(TcpStream, SocketAddr), LinkError> {
        let server = &self.server;
        let no_route = |words: &str| LinkError::NoRoute(server.clone(), words.to_owned());
        let connect = async {
            let found = tcp::look_up(server).await?.into_iter();
            // Who makes devices come here by the name of their server has likely told all names so.
            let others: Vec<SocketAddr> = found.filter(|it| !self.is_own(*it)).collect();
            if others.is_empty() {
                return Err(no_route(
                    "its name leads back to this machine; write its address instead",
                ));
            }
            // One by one, because one that breaks off at once does not say any more which it was.
            let mut last = None;
            for address in others {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Ok((stream, address)),
                    Err(error) => last = Some(tcp::refused(server, &error)),
                }
            }
            Err(last.unwrap_or_else(|| no_route("its name has no address")))
        };
        let connected = timeout(CONNECT, connect).await;
        connected.map_err(|_| no_route("it does not answer"))?
    }

    /// Whether who connects there comes to this proxy.
    fn is_own(&self, address: SocketAddr) -> bool {
        let (own, ip) = (self.own.ip().to_canonical(), address.ip().to_canonical());
        // Only addresses of this machine can be bound to.
        let is_local = |ip: IpAddr| UdpSocket::bind((ip, 0)).is_ok();
        address.port() == self.own.port() && (own == ip || (own.is_unspecified() && is_local(ip)))
    }
}

/// A connection as those are told who read what passes.
struct Told<'a> {
    forwarding: &'a Forwarding,
    /// The device and the server.
    ends: [SocketAddr; 2],
    /// The number of the next byte of each.
    sequences: Lock<[u32; 2]>,
}

impl Told<'_> {
    /// Direction 0 is that of the device.
    fn tell(&self, direction: usize, what: What) {
        let length = match &what {
            What::Begin { .. } | What::End => 1,
            What::Bytes(bytes) => bytes.len() as u32,
            What::Break => 0,
        };
        let (sequence, acknowledged) = {
            let mut all = self
                .sequences
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let [device, server] = &mut *all;
            let (own, other) = if direction == 0 {
                (device, server)
            } else {
                (server, device)
            };
            let sequence = *own;
            *own = own.wrapping_add(length);
            (sequence, *other)
        };
        let [device, server] = self.ends;
        let (source, destination) = if direction == 0 {
            (device, server)
        } else {
            (server, device)
        };
        let passed = Passed {
            at: now(),
            source,
            destination,
            sequence,
            acknowledged,
            what,
        };
        if self.forwarding.sender.try_send(passed).is_err() {
            self.forwarding.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Passes bytes on in one direction until it ends.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    told: &Told<'_>,
    direction: usize,
) -> Result<(), (usize, io::Error)> {
    let mut chunk = vec![0; CHUNK];
    let broke = |error| (direction, error);
    loop {
        let count = from.read(&mut chunk).await.map_err(broke)?;
        if count == 0 {
            told.tell(direction, What::End);
            return to.shutdown().await.map_err(broke);
        }
        let bytes = chunk.get(..count).unwrap_or_default();
        to.write_all(bytes).await.map_err(broke)?;
        told.tell(direction, What::Bytes(bytes.to_vec()));
    }
}

/// Small pieces leave at once, and a side that has vanished without a word is noticed.
fn prepare(stream: &TcpStream) {
    let (after, every, times) = ASK;
    let keepalive = TcpKeepalive::new().with_time(after).with_interval(every);
    let keepalive = keepalive.with_retries(times);
    let set = stream
        .set_nodelay(true)
        .and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keepalive));
    if let Err(error) = set {
        tracing::debug!("options of the connection cannot be set: {error}");
    }
}

/// Lets the connection break off when it is dropped, instead of ending it in order.
fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

fn now() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default()
}
