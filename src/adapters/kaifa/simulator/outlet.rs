//! The end of the line that a reader takes hold of: a pseudo-terminal or TCP connections.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::links::PseudoTerminal;

/// Where the meters talk.
#[derive(Debug, Clone)]
pub enum Place {
    /// On a pseudo-terminal that is found under this path.
    Terminal(PathBuf),
    /// To everybody who connects to this address.
    Tcp(SocketAddr),
}

/// The end of the line.
pub(super) enum Outlet {
    Terminal(PseudoTerminal),
    Tcp {
        address: SocketAddr,
        listener: Option<TcpListener>,
        clients: Vec<TcpStream>,
    },
}

impl Outlet {
    pub(super) async fn open(place: &Place) -> io::Result<Self> {
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

    pub(super) fn address(&self) -> io::Result<String> {
        Ok(match self {
            Self::Terminal(terminal) => terminal.path().display().to_string(),
            Self::Tcp { address, .. } => format!("tcp://{address}"),
        })
    }

    /// Takes whoever comes; returns when somebody has.
    pub(super) async fn attend(&mut self) {
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

    /// How often somebody has opened the line.
    pub(super) fn openings(&mut self) -> u64 {
        match self {
            Self::Terminal(terminal) => terminal.openings(),
            Self::Tcp { .. } => 0,
        }
    }

    pub(super) fn plug(&mut self, plugged: bool) -> io::Result<()> {
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

    pub(super) async fn send(&mut self, bytes: &[u8]) {
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
