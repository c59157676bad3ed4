//! Trying a line once: what is heard, or what to do about it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::diagnosis::Line;
use super::reception::{Heard, Reception};
use super::search::Search;
use super::source::{Kaifa, OPEN, unreachable};
use super::wire::Reason;
use crate::links::{LinkError, Links};
use crate::model::{Health, Report};

/// How long each way of speaking is listened to: telegrams come every 10 seconds at most.
const LISTEN: Duration = Duration::from_secs(12);

/// Listens until a telegram can be read, or says why none can.
pub(super) async fn probe(source: &Kaifa, links: &Links) -> Result<String, String> {
    let mut search = Search::new(&source.config, None);
    let mut best = None;
    for _ in 0..search.len() {
        match listen(source, links, &search).await {
            Ok(found) => return Ok(format!("{found} ({})", search.way())),
            // Nothing at all: another speed would not help.
            Err((why, false)) => return Err(best.unwrap_or(why).sentence()),
            Err((why, true)) => best = best.or(Some(why)),
        }
        search.skip();
    }
    Err(best.map_or_else(String::new, |why| why.sentence()))
}

/// Listens in one way. An error says whether another way may help.
async fn listen(source: &Kaifa, links: &Links, search: &Search) -> Result<String, (Health, bool)> {
    let settings = search.way().settings();
    let opened = links.open(&source.address, &settings, OPEN).await;
    let mut connection = opened.map_err(|error| (unreachable(&error), false))?;
    let clock = crate::clock::Clock::system();
    let mut reception = Reception::of_file(
        source.config.clone(),
        Arc::clone(&source.keys),
        Arc::clone(&source.profiles),
    );
    let (mut line, deadline) = (Line::new(clock.now()), Instant::now() + LISTEN);
    let (mut buffer, mut trouble, mut is_heard) = (Vec::new(), None, false);
    loop {
        match connection.receive(&mut buffer, deadline).await {
            Ok(0) | Err(LinkError::TimedOut { .. }) => break,
            Ok(_) => {}
            Err(error) => return Err((unreachable(&error), false)),
        }
        is_heard = true;
        line.bytes(clock.now());
        reception.push(&buffer, clock.now());
        buffer.clear();
        while let Some(heard) = reception.next(clock.now()) {
            match heard {
                Heard::Telegram { reports, .. } => return Ok(describe(&reports)),
                Heard::Unreadable { why, .. } => trouble = Some(why),
                Heard::Refused(refused) => {
                    if let Reason::OtherBus {
                        control_information,
                    } = refused.reason
                    {
                        line.foreign(control_information);
                    }
                }
                Heard::Repeated => {}
            }
        }
    }
    connection.close().await;
    // What was heard is all there is to judge by.
    let verdict = || line.trouble(clock.now(), Duration::ZERO, clock.zone());
    match trouble.map(|why| (why, false)) {
        Some(why) => Err(why),
        None => Err((verdict().unwrap_or(Health::ONLINE), is_heard)),
    }
}

/// The meter that a telegram came from.
fn describe(reports: &[Report]) -> String {
    let mut words = Vec::new();
    for report in reports {
        match report {
            Report::Device(device) => {
                let model = device.model.as_deref().unwrap_or("meter");
                words.push(format!(
                    "{} {model}, number {}",
                    device.manufacturer, device.serial
                ));
            }
            Report::Readings(readings) => words.push(format!("{} values", readings.values.len())),
            _ => {}
        }
    }
    words.join(", ")
}
