//! Devices that can be found in the network.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::BoxFuture;
use crate::links::{Endpoint, Network};

/// Looks for devices in the network.
pub trait Scanner: Send + Sync {
    /// What is looked for, as on the command line: `ecu`.
    fn name(&self) -> &'static str;

    /// Where they listen.
    fn port(&self) -> u16;

    /// Asks one address.
    fn look(&self, endpoint: Endpoint) -> BoxFuture<Finding>;
}

/// What is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Nothing that listens.
    Nothing,
    /// Something listens, but it is not what is looked for.
    SomethingElse(String),
    /// A device.
    Found(String),
}

/// What was seen at one address of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The address.
    pub address: Ipv4Addr,
    /// What is there.
    pub finding: Finding,
    /// How many addresses have been asked by now.
    pub done: usize,
    /// How many there are.
    pub total: usize,
}

/// Asks every address of a network, so many at the same time, and tells of each. Nobody is asked any more once it is
/// dropped.
pub async fn sweep(
    scanner: &'static dyn Scanner,
    network: Network,
    port: u16,
    parallel: u16,
    mut tell: impl FnMut(Seen) + Send,
) {
    let permits = Arc::new(Semaphore::new(parallel.into()));
    let mut looks = JoinSet::new();
    for address in network.hosts() {
        let permits = Arc::clone(&permits);
        looks.spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            let host = IpAddr::V4(address).to_string();
            (address, scanner.look(Endpoint { host, port }).await)
        });
    }
    let total = looks.len();
    let mut done = 0;
    while let Some(look) = looks.join_next().await {
        done += 1;
        if let Ok((address, finding)) = look {
            tell(Seen {
                address,
                finding,
                done,
                total,
            });
        }
    }
}
