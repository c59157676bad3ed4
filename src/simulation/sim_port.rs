//! The port that a reader takes hold of: a pseudo-terminal, or TCP connections.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::links::{Happening, PseudoTerminal};

/// How often connections are looked at for questions.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Where a device talks.
#[derive(Debug, Clone)]
pub enum Place {
    /// On a pseudo-terminal that is found under this path.
    Terminal(PathBuf),
    /// To everybody who connects to this address.
    Tcp(SocketAddr),
}

/// The device's end of it.
pub enum SimPort {
    /// A serial port.
    Terminal(PseudoTerminal),
    /// A server for everybody who connects.
    Tcp {
        /// Where it listens.
        address: SocketAddr,
        /// None while its plug is pulled.
        listener: Option<TcpListener>,
        /// Who is connected.
        clients: Vec<TcpStream>,
    },
}

impl SimPort {
    pub(crate) async fn open(place: &Place) -> io::Result<Self> {
        Ok(match place {
            Place::Terminal(path) => Self::Terminal(PseudoTerminal::new(path)?),
            Place::Tcp(address) => {
                let listener = TcpListener::bind(address).await?;
                Self::Tcp {
                    address: listener.local_addr()?,
                    listener: Some(listener),
                    clients: Vec::new(),
                }
            }
        })
    }

    pub(crate) fn address(&self) -> String {
        match self {
            Self::Terminal(terminal) => terminal.path().display().to_string(),
            Self::Tcp { address, .. } => format!("tcp://{address}"),
        }
    }

    /// Takes whoever comes; returns when somebody has come or gone.
    pub async fn attend(&mut self) {
        match self {
            Self::Terminal(terminal) => {
                if terminal.next().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            Self::Tcp {
                listener: Some(listener),
                clients,
                ..
            } => {
                if let Ok((client, _)) = listener.accept().await {
                    clients.push(client);
                }
            }
            Self::Tcp { .. } => std::future::pending().await,
        }
    }

    /// How often somebody has opened the port, where that can be told.
    pub fn openings(&mut self) -> u64 {
        match self {
            Self::Terminal(terminal) => terminal.openings(),
            Self::Tcp { .. } => 0,
        }
    }

    /// Takes whoever comes, and returns what somebody sends. Nothing is lost if it is dropped while
    /// it waits.
    pub async fn receive(&mut self) -> Vec<u8> {
        match self {
            Self::Terminal(terminal) => loop {
                match terminal.next().await {
                    Ok(Happening::Received(bytes)) => return bytes,
                    Ok(_) => {}
                    Err(_) => std::future::pending().await,
                }
            },
            Self::Tcp {
                listener: Some(listener),
                clients,
                ..
            } => loop {
                if let Some(bytes) = read(clients) {
                    return bytes;
                }
                let accepted = tokio::time::timeout(LOOK_EVERY, listener.accept()).await;
                if let Ok(Ok((client, _))) = accepted {
                    clients.push(client);
                }
            },
            Self::Tcp { .. } => std::future::pending().await,
        }
    }

    pub(crate) fn plug(&mut self, plugged: bool) -> io::Result<()> {
        match self {
            Self::Terminal(terminal) if plugged => terminal.plug(),
            Self::Terminal(terminal) => {
                terminal.unplug();
                Ok(())
            }
            Self::Tcp {
                address,
                listener,
                clients,
            } => {
                if !plugged {
                    clients.clear();
                    *listener = None;
                } else if listener.is_none() {
                    let again = std::net::TcpListener::bind(*address)?;
                    again.set_nonblocking(true)?;
                    *listener = Some(TcpListener::from_std(again)?);
                }
                Ok(())
            }
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Terminal(terminal) => {
                // Nobody there is no trouble, and neither is somebody who has just gone.
                let _ = terminal.send(bytes).await;
            }
            Self::Tcp { clients, .. } => {
                let mut kept = Vec::with_capacity(clients.len());
                for mut client in clients.drain(..) {
                    let sent =
                        tokio::time::timeout(Duration::from_secs(1), client.write_all(bytes));
                    if matches!(sent.await, Ok(Ok(()))) {
                        kept.push(client);
                    }
                }
                *clients = kept;
            }
        }
    }
}

/// What has come from one of the clients; those that have gone are dropped.
fn read(clients: &mut Vec<TcpStream>) -> Option<Vec<u8>> {
    let mut chunk = [0; 1024];
    let mut at = 0;
    while let Some(client) = clients.get(at) {
        match client.try_read(&mut chunk) {
            Ok(0) => {
                clients.swap_remove(at);
            }
            Ok(count) => return chunk.get(..count).map(<[u8]>::to_vec),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => at += 1,
            Err(_) => {
                clients.swap_remove(at);
            }
        }
    }
    None
}
