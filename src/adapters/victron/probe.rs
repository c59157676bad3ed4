//! Trying the ports once: what is heard, or what to do about it.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::time::Instant;

use super::config::{Config, Port};
use super::device::Remembered;
use super::port_task::{OPEN, SETTINGS};
use super::reception::Reception;
use super::{cables, health};
use crate::clock::Clock;
use crate::device::Probed;
use crate::links::{Address, LinkError, Links};
use crate::model::{Health, HealthCode};

/// How long is listened: a device speaks each second, a converter that is off every four.
const LISTEN: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(100);

/// Listens at the port, or at every cable there is.
pub async fn probe(config: &Arc<Config>, links: &Links) -> Result<Probed, String> {
    let ports = links.ports().list();
    let address = match &config.port {
        Port::At(address) => {
            let identity = cables::identity(address, &ports);
            return listen(config, address, identity, links)
                .await
                .map_err(|why| why.sentence());
        }
        Port::Auto => ports.iter().filter(|port| cables::is_cable(port)),
    };
    // All at once: each may take its time.
    let mut listeners = Vec::new();
    for port in address {
        let path = port.by_id.clone().unwrap_or_else(|| port.path.clone());
        let address = Address::Serial(path);
        let identity = cables::identity(&address, &ports);
        let (config, links) = (Arc::clone(config), links.clone());
        listeners.push(tokio::spawn(async move {
            let heard = listen(&config, &address, identity, &links).await;
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
    config: &Arc<Config>,
    address: &Address,
    identity: String,
    links: &Links,
) -> Result<Probed, Health> {
    let opened = links.open(address, &SETTINGS, OPEN).await;
    let mut connection = opened.map_err(|error| health::unreachable(&error))?;
    let mut reception = Reception::new(
        Arc::clone(config),
        identity,
        Remembered::default(),
        TimeZone::system(),
    );
    let clock = Clock::system();
    reception.opened(clock.moment());
    let deadline = Instant::now() + LISTEN;
    let mut buffer = Vec::new();
    let mut has_heard = false;
    while Instant::now() < deadline {
        match connection.receive_within(&mut buffer, TICK).await {
            Ok(0) => return Err(health::unreachable(&connection.ended())),
            Ok(_) => {
                has_heard = true;
                reception.push(&buffer, clock.moment(), |_| {});
                buffer.clear();
            }
            Err(LinkError::TimedOut { .. }) => {}
            Err(error) => return Err(health::unreachable(&error)),
        }
        let now = clock.moment();
        reception.tick(now);
        if reception.unit().is_described() {
            return Ok(describe(&reception));
        }
        while let Some(bytes) = reception.next_request(now, false) {
            let sent = connection.send(&bytes, TICK).await;
            sent.map_err(|error| health::unreachable(&error))?;
        }
    }
    connection.close().await;
    Err(if has_heard {
        health::garbled()
    } else {
        let health = Health::new(HealthCode::Silent)
            .seen(format!("nothing came within {} seconds", LISTEN.as_secs()));
        health.advise(
            "Check the plug at the device and that it has power; some chargers have none at night.",
        )
    })
}

fn describe(reception: &Reception) -> Probed {
    let unit = reception.unit();
    let asked = if reception.counts().answers > 0 {
        "text and HEX"
    } else {
        "text only"
    };
    let serial = unit.serial().map_or_else(
        || "no serial number".to_owned(),
        |serial| format!("serial number {serial}"),
    );
    let model = unit.model().unwrap_or_else(|| "Victron device".to_owned());
    Probed {
        words: format!("{model}, {serial} ({asked})"),
        devices: unit.id().into_iter().collect(),
    }
}
