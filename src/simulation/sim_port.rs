//! The port that a reader takes hold of: a pseudo-terminal, or TCP connections.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::Cable;
#[cfg(target_os = "linux")]
use crate::links::{Happening, PseudoTerminal};

/// A client that takes nothing for so long is dropped.
const SLOWEST: Duration = Duration::from_secs(1);

/// Where a device talks.
#[derive(Debug, Clone)]
pub enum SimPlace {
    /// On a pseudo-terminal that is found under this path.
    Terminal(PathBuf),
    /// To everybody who connects to this address.
    Tcp(SocketAddr),
}

/// The device's end of it.
pub struct SimPort {
    line: SimSocket,
    cable: Cable,
}

/// What happens at a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortEvent {
    /// These bytes came.
    Received(Vec<u8>),
    /// The cable was plugged in, or pulled.
    Plugged(bool),
}

enum SimSocket {
    #[cfg(target_os = "linux")]
    Terminal(PseudoTerminal),
    Tcp(Server),
}

/// A server for everybody who connects, as serial servers are.
struct Server {
    address: SocketAddr,
    /// None while its plug is pulled.
    listener: Option<TcpListener>,
    clients: Vec<TcpStream>,
}

impl SimPort {
    /// Opens the port of a device at its place, with a cable that somebody else plugs in and pulls.
    pub async fn open(place: &SimPlace, cable: Cable) -> io::Result<Self> {
        let line = match place {
            #[cfg(target_os = "linux")]
            SimPlace::Terminal(path) => SimSocket::Terminal(PseudoTerminal::new(path)?),
            #[cfg(not(target_os = "linux"))]
            SimPlace::Terminal(_) => return Err(io::ErrorKind::Unsupported.into()),
            SimPlace::Tcp(address) => {
                let listener = TcpListener::bind(address).await?;
                SimSocket::Tcp(Server {
                    address: listener.local_addr()?,
                    listener: Some(listener),
                    clients: Vec::new(),
                })
            }
        };
        Ok(Self { line, cable })
    }

    /// What a configuration calls it.
    pub fn address(&self) -> String {
        match &self.line {
            #[cfg(target_os = "linux")]
            SimSocket::Terminal(terminal) => terminal.path().display().to_string(),
            SimSocket::Tcp(server) => format!("tcp://{}", server.address),
        }
    }

    /// Whether its cable is plugged in.
    pub fn is_plugged(&self) -> bool {
        self.cable.is_plugged()
    }

    /// How often somebody has opened the port, where that can be told.
    pub fn openings(&mut self) -> u64 {
        match &mut self.line {
            #[cfg(target_os = "linux")]
            SimSocket::Terminal(terminal) => terminal.openings(),
            SimSocket::Tcp(_) => 0,
        }
    }

    /// Takes whoever comes, and waits for the next thing that happens. Nothing is lost if it is
    /// dropped while it waits.
    pub async fn next(&mut self) -> PortEvent {
        tokio::select! {
            biased;
            plugged = self.cable.changed() => {
                self.plug(plugged);
                PortEvent::Plugged(plugged)
            }
            bytes = self.line.receive() => PortEvent::Received(bytes),
        }
    }

    fn plug(&mut self, plugged: bool) {
        let done = match &mut self.line {
            #[cfg(target_os = "linux")]
            SimSocket::Terminal(terminal) if plugged => terminal.plug(),
            #[cfg(target_os = "linux")]
            SimSocket::Terminal(terminal) => {
                terminal.unplug();
                Ok(())
            }
            SimSocket::Tcp(server) => server.plug(plugged),
        };
        if let Err(error) = done {
            tracing::warn!(
                "the simulated port cannot be plugged in ({error}); is its folder still there?"
            );
        }
    }

    /// Sends bytes to whoever is there. Nobody there is no trouble, and neither is somebody who has
    /// just gone.
    pub async fn send(&mut self, bytes: &[u8]) {
        match &mut self.line {
            #[cfg(target_os = "linux")]
            SimSocket::Terminal(terminal) => drop(terminal.send(bytes).await),
            SimSocket::Tcp(server) => server.send(bytes).await,
        }
    }
}

impl SimSocket {
    async fn receive(&mut self) -> Vec<u8> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Terminal(terminal) => loop {
                match terminal.next().await {
                    Ok(Happening::Received(bytes)) => return bytes,
                    Ok(_) => {}
                    Err(_) => std::future::pending().await,
                }
            },
            Self::Tcp(server) => poll_fn(|context| server.poll_receive(context)).await,
        }
    }
}

impl Server {
    fn plug(&mut self, plugged: bool) -> io::Result<()> {
        if !plugged {
            self.clients.clear();
            self.listener = None;
        } else if self.listener.is_none() {
            let again = std::net::TcpListener::bind(self.address)?;
            again.set_nonblocking(true)?;
            self.listener = Some(TcpListener::from_std(again)?);
        }
        Ok(())
    }

    /// Takes whoever comes; what somebody sends. Those who have gone are dropped.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Vec<u8>> {
        if let Some(listener) = &self.listener {
            while let Poll::Ready(Ok((client, _))) = listener.poll_accept(context) {
                // As on a line, nothing waits for what follows; failing to set this only costs milliseconds.
                let _ = client.set_nodelay(true);
                self.clients.push(client);
            }
        }
        let mut chunk = [0; 1024];
        let mut at = 0;
        while let Some(client) = self.clients.get(at) {
            if client.poll_read_ready(context).is_pending() {
                at += 1;
                continue;
            }
            match client.try_read(&mut chunk) {
                Ok(0) => drop(self.clients.swap_remove(at)),
                Ok(count) => {
                    return Poll::Ready(chunk.get(..count).unwrap_or_default().to_vec());
                }
                // It was not ready after all, and is asked once more.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => drop(self.clients.swap_remove(at)),
            }
        }
        Poll::Pending
    }

    async fn send(&mut self, bytes: &[u8]) {
        let mut kept = Vec::with_capacity(self.clients.len());
        for mut client in self.clients.drain(..) {
            let sent = tokio::time::timeout(SLOWEST, client.write_all(bytes)).await;
            if matches!(sent, Ok(Ok(()))) {
                kept.push(client);
            }
        }
        self.clients = kept;
    }
}
