//! Trying a line once: what is heard, or what to do about it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::autobaud::Autobaud;
use super::health;
use super::port::{OPEN, PAUSES, Port, unreachable};
use super::reception::{Heard, Reception};
use crate::device::Probed;
use crate::links::{Address, LinkError, Links};
use crate::model::{Health, Report};

/// How long each way of speaking is listened to: telegrams come every 10 seconds at most.
const LISTEN: Duration = Duration::from_secs(12);

/// Listens until a telegram can be read, or says why none can.
pub async fn probe(source: &Port, links: &Links) -> Result<Probed, String> {
    let mut autobaud = Autobaud::new(&source.config, None);
    let mut best = None;
    for _ in 0..autobaud.len() {
        match listen(source, links, &autobaud).await {
            Ok(mut found) => {
                found.words += &format!(" ({})", autobaud.way());
                return Ok(found);
            }
            // Nothing at all: another speed would not help.
            Err((why, false)) => return Err(best.unwrap_or(why).sentence()),
            Err((why, true)) => best = best.or(Some(why)),
        }
        autobaud.skip();
    }
    Err(best.map_or_else(String::new, |why| why.sentence()))
}

/// Listens in one way. An error says whether another way may help.
async fn listen(
    source: &Port,
    links: &Links,
    autobaud: &Autobaud,
) -> Result<Probed, (Health, bool)> {
    let settings = autobaud.way().settings();
    let opened = links.open(&source.address, &settings, OPEN).await;
    let mut connection = opened.map_err(|error| (unreachable(&error), false))?;
    let now = Timestamp::now();
    let mut reception = Reception::of_file(
        source.config.clone(),
        Arc::clone(&source.keys),
        Arc::clone(&source.profiles),
    );
    let deadline = Instant::now() + LISTEN;
    let (mut buffer, mut pauses) = (Vec::new(), PAUSES.iter().copied());
    let (mut heard, mut found) = (Instant::now(), Found::default());
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = pauses.next().unwrap_or(left).min(left);
        match connection.receive_within(&mut buffer, patience).await {
            Ok(0) if found.bytes => break,
            Ok(0) => return Err((unreachable(&connection.ended()), false)),
            Ok(_) => {
                heard = Instant::now();
                pauses = PAUSES.iter().copied();
                found.bytes = true;
                reception.push(&buffer, now);
                buffer.clear();
            }
            Err(LinkError::TimedOut { .. }) if left.is_zero() => break,
            Err(LinkError::TimedOut { .. }) => reception.idle(heard.elapsed()),
            Err(error) => return Err((unreachable(&error), false)),
        }
        if let Some(meter) = found.look(&mut reception, now) {
            return Ok(meter);
        }
    }
    connection.close().await;
    reception.finish();
    if let Some(meter) = found.look(&mut reception, now) {
        return Ok(meter);
    }
    let is_tcp = matches!(source.address, Address::Tcp(_));
    Err(found.verdict(is_tcp))
}

/// What was found on a line besides meters.
#[derive(Debug, Default)]
struct Found {
    bytes: bool,
    /// Why telegrams that came could not be read.
    shut: Option<Health>,
    /// Why what came is of no use here.
    foreign: Option<Health>,
}

impl Found {
    /// Looks at what has arrived by now. Returns the meter that could be read.
    fn look(&mut self, reception: &mut Reception, now: Timestamp) -> Option<Probed> {
        while let Some(heard) = reception.next(now) {
            match heard {
                Heard::Telegram { reports, .. } => return Some(describe(&reports)),
                Heard::Unreadable { shut, .. } => self.shut = Some(shut.why),
                Heard::Refused(refused) => {
                    self.foreign = health::foreign(refused.reason).or(self.foreign.take());
                }
                Heard::Repeated | Heard::Unconfirmed => {}
            }
        }
        None
    }

    /// What is wrong, and whether another way of speaking may help.
    fn verdict(self, is_tcp: bool) -> (Health, bool) {
        match self {
            Self {
                shut: Some(why), ..
            }
            | Self {
                foreign: Some(why), ..
            } => (why, false),
            Self { bytes: true, .. } => (health::no_frame(is_tcp), true),
            _ => {
                let how_long = format!("within {} seconds", LISTEN.as_secs());
                (health::no_bytes(&how_long, is_tcp), false)
            }
        }
    }
}

/// The meter that a telegram came from.
fn describe(reports: &[Report]) -> Probed {
    let (mut words, mut devices) = (Vec::new(), Vec::new());
    for report in reports {
        match report {
            Report::Device(device) => {
                let model = device.model.as_deref().unwrap_or("meter");
                words.push(format!(
                    "{} {model}, number {}",
                    device.manufacturer, device.serial
                ));
                devices.push(device.id.clone());
            }
            Report::Readings(readings) => words.push(format!("{} values", readings.values.len())),
            _ => {}
        }
    }
    Probed {
        words: words.join(", "),
        devices,
    }
}
