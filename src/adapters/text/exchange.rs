//! One question to a sensor on a port, and the lines that answer it.

use std::time::Duration;

use tokio::time::Instant;

use super::diagnosis;
use super::lines::Lines;
use super::sensor::Sensor;
use crate::links::{Connection, LinkError, SerialSettings};
use crate::model::Health;

/// How long opening the port may take.
pub(super) const OPEN: Duration = Duration::from_secs(10);
/// A pause that ends a line, and an answer of several lines: 15 bytes at 300 baud.
pub(super) const QUIET: Duration = Duration::from_millis(500);

/// Why nothing was read.
#[derive(Debug)]
pub(super) enum Failure {
    /// The port has gone.
    Lost(LinkError),
    /// Nothing came, or nothing that can be read.
    Nothing(Health),
}

/// How the port of a section is spoken to.
pub(super) const fn settings(config: &super::config::Config) -> SerialSettings {
    SerialSettings {
        baud: config.baud,
        parity: config.parity,
    }
}

/// Asks once. What came before the question is not looked at.
pub(super) async fn ask(
    connection: &mut Connection,
    question: &[u8],
    within: Duration,
    sensor: &mut Sensor,
) -> Result<(), Failure> {
    sensor.begin();
    let sent = connection.send(question, within).await;
    sent.map_err(Failure::Lost)?;
    let deadline = Instant::now() + within;
    let (mut lines, mut buffer) = (Lines::default(), Vec::new());
    loop {
        let received = if lines.is_open() || sensor.has_values() {
            connection.receive_within(&mut buffer, QUIET).await
        } else {
            connection.receive(&mut buffer, deadline).await
        };
        match received {
            Ok(0) => return Err(Failure::Lost(connection.ended())),
            Ok(_) => {
                lines.push(&buffer);
                buffer.clear();
            }
            Err(LinkError::TimedOut { .. }) if lines.is_open() => lines.quiet(),
            Err(LinkError::TimedOut { .. }) => break,
            Err(error) => return Err(Failure::Lost(error)),
        }
        while let Some(line) = lines.next() {
            sensor.take(&line);
        }
        if sensor.is_complete() || Instant::now() >= deadline {
            break;
        }
    }
    if sensor.has_values() {
        return Ok(());
    }
    let why = sensor.unfit().cloned();
    Err(Failure::Nothing(
        why.unwrap_or_else(|| diagnosis::no_answer(within)),
    ))
}

/// Lets time pass, throwing away what comes unasked, so that the end of the port is noticed.
pub(super) async fn idle(connection: &mut Connection, pause: Duration) -> Result<(), LinkError> {
    let deadline = Instant::now() + pause;
    let mut unasked = Vec::new();
    loop {
        match connection.receive(&mut unasked, deadline).await {
            Ok(0) => return Err(connection.ended()),
            Ok(_) => unasked.clear(),
            Err(LinkError::TimedOut { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
