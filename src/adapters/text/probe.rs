//! Trying a sensor once: what it says, or what to do about it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::exchange::{Failure, OPEN, QUIET, ask, settings};
use super::health;
use super::lines::LineSplitter;
use super::program::run_program;
use super::section::Text;
use super::sensor::Sensor;
use crate::clock::Moment;
use crate::links::{Address, Connection, LinkError, Links};
use crate::model::{Health, Report, Value};

/// How long a port that talks by itself is listened to.
const LISTEN: Duration = Duration::from_secs(12);

/// Reads once, or says why nothing can be read.
pub async fn probe(source: &Text, links: &Links) -> Result<String, String> {
    let config = &source.config;
    let mut sensor = Sensor::new(config, Arc::clone(&source.rules));
    let within = config.timeout.get();
    let result = match &config.port {
        Some(address) => read(source, links, address, &mut sensor).await,
        None => run_program(&config.command, within, &mut sensor).await,
    };
    result.map_err(|why| why.sentence())?;
    let reports = sensor.reading(Moment::NONE);
    Ok(describe(source, &reports))
}

async fn read(
    source: &Text,
    links: &Links,
    address: &Address,
    sensor: &mut Sensor,
) -> Result<(), Health> {
    let config = &source.config;
    let unreachable = |error: LinkError| health::unreachable(&error);
    let opened = links.open(address, &settings(config), OPEN).await;
    let mut connection = opened.map_err(unreachable)?;
    let question = config.question();
    if question.is_empty() {
        return listen(connection, sensor).await;
    }
    let (mut last, mut lines) = (None, LineSplitter::default());
    for _ in 0..config.tries {
        let within = config.timeout.get();
        match ask(&mut connection, &question, within, &mut lines, sensor).await {
            Ok(()) => {
                connection.close().await;
                return Ok(());
            }
            Err(Failure::Lost(error)) => return Err(unreachable(error)),
            Err(Failure::Nothing(why)) => last = Some(why),
        }
    }
    Err(last.unwrap_or_else(|| health::no_answer(config.timeout.get())))
}

async fn listen(mut connection: Connection, sensor: &mut Sensor) -> Result<(), Health> {
    let deadline = Instant::now() + LISTEN;
    let (mut lines, mut buffer) = (LineSplitter::from_the_middle(), Vec::new());
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = if lines.is_open() { QUIET } else { left };
        match connection.receive_within(&mut buffer, patience).await {
            Ok(0) => return Err(health::unreachable(&connection.ended())),
            Ok(_) => {
                lines.push(&buffer);
                buffer.clear();
            }
            Err(LinkError::TimedOut { .. }) => lines.quiet(),
            Err(error) => return Err(health::unreachable(&error)),
        }
        while let Some(line) = lines.next() {
            sensor.take(&line);
        }
        if sensor.has_values() {
            connection.close().await;
            return Ok(());
        }
        if Instant::now() >= deadline {
            let why = sensor.unfit().cloned();
            return Err(why.unwrap_or_else(|| health::nothing_comes(LISTEN)));
        }
    }
}

/// The values with their units.
fn describe(source: &Text, reports: &[Report]) -> String {
    let readings = reports.iter().find_map(|report| match report {
        Report::Readings(readings) => Some(readings),
        _ => None,
    });
    let words = source.config.values.iter().map(|value| {
        let found = readings.and_then(|readings| readings.get(&value.id));
        let unit = value.quantity.unit().unwrap_or_default();
        match found.and_then(Value::as_number) {
            Some(number) => format!("{} {number} {unit}", value.id)
                .trim_end()
                .to_owned(),
            None => format!("{} unknown", value.id),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}
