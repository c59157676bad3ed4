//! One run of the program of a sensor.

use std::time::Duration;

use super::lines::LineSplitter;
use super::sensor::Sensor;
use super::{command, health};
use crate::model::Health;

/// Runs the program once and reads what it prints.
pub async fn run_program(
    program: &[String],
    within: Duration,
    sensor: &mut Sensor,
) -> Result<(), Health> {
    sensor.begin();
    let printed = command::run(program, within).await;
    let printed = printed.map_err(|error| health::program(&error))?;
    let mut lines = LineSplitter::default();
    lines.push(&printed);
    lines.finish();
    while let Some(line) = lines.next() {
        sensor.take(&line);
    }
    if sensor.has_values() {
        return Ok(());
    }
    let why = sensor.unfit().cloned();
    Err(why.unwrap_or_else(health::printed_nothing))
}
