//! Trying the ports once: what is heard, or what to do about it.

use std::sync::Arc;

use super::config::{Port, VictronConfig};
use super::protocol::Conversation;
use super::{cables, health};
use crate::device::{Probed, Start, line};
use crate::links::{Address, Links};
use crate::model::Health;

/// Listens at the port, or at every cable there is.
pub async fn probe(config: &Arc<VictronConfig>, links: &Links) -> Result<Probed, String> {
    let ports = links.ports().list();
    let cables = match config.port.clone() {
        Port::At(address) => {
            let place = cables::identity(&address, &ports);
            let heard = listen(Arc::clone(config), &address, place, links).await;
            return heard.map_err(|why| why.sentence());
        }
        Port::Auto => ports.iter().filter(|port| cables::is_cable(port)),
    };
    // All at once: each may take its time.
    let mut listeners = Vec::new();
    for port in cables {
        let address = cables::address(port);
        let place = cables::identity(&address, &ports);
        let (config, links) = (Arc::clone(config), links.clone());
        listeners.push(tokio::spawn(async move {
            let heard = listen(config, &address, place, &links).await;
            heard.map_err(|why| format!("{address}: {}", why.sentence()))
        }));
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for listener in listeners {
        match listener.await {
            Ok(Ok(device)) => found.push(device.words),
            Ok(Err(why)) => missing.push(why),
            Err(broken) => missing.push(broken.to_string()),
        }
    }
    let missing = missing.join(" ");
    match (found.is_empty(), missing.is_empty()) {
        (true, true) => Err(health::no_cable().sentence()),
        // Those with a section of their own are left to that, so none of them is claimed.
        (_, true) => Ok(found.join("; ").into()),
        (true, false) => Err(missing),
        (false, false) => Err(format!("{}; but {missing}", found.join("; "))),
    }
}

/// Listens until the device has said who it is and what it measures.
async fn listen(
    config: Arc<VictronConfig>,
    address: &Address,
    place: String,
    links: &Links,
) -> Result<Probed, Health> {
    let mut conversation = Conversation::new(config, place, Start::afresh());
    line::probe(&mut conversation, address, links).await
}
