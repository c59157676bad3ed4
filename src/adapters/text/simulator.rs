//! A sensor that is not there: it answers to any byte, or talks by itself, with a line of text, over
//! a pseudo-terminal or TCP.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Interval;
use tokio_util::sync::CancellationToken;

use super::escapes::unescape;
use crate::device::{Simulate, ToolError};
use crate::simulation::{LineArgs, PortEvent, SimPlace, SimPort, Simulator, rhythm};
use crate::terminal::say;

/// Simulates a sensor that prints lines of text.
#[derive(Debug, Clone, clap::Args)]
pub struct SensorArgs {
    /// Where it talks.
    #[command(flatten)]
    pub port: LineArgs<2002>,

    /// The line, \n and the like included; {value} is the value
    #[arg(long, value_name = "TEXT", default_value = r"{value}A\r\n")]
    pub line: String,

    /// The value; several take turns
    #[arg(
        long = "value",
        value_name = "TEXT",
        default_value = "00.1",
        allow_hyphen_values = true
    )]
    pub values: Vec<String>,

    /// Talk by itself, once in this time, instead of answering to each byte
    #[arg(long, value_name = "TIME", value_parser = rhythm)]
    pub every: Option<Duration>,
}

/// A simulated sensor.
pub type SimulatedSensor = Simulator<SensorHand>;

/// The hand on a sensor.
#[derive(Debug)]
pub struct SensorHand {
    turns: Mutex<Turns>,
}

/// What is sent, in turn. Nothing at all if there is none.
#[derive(Debug)]
struct Turns {
    lines: Vec<Vec<u8>>,
    turn: usize,
}

impl SimulatedSensor {
    /// Starts a sensor that sends these lines in turn: once for each time it is asked, or by itself.
    pub async fn start(
        place: SimPlace,
        lines: Vec<Vec<u8>>,
        every: Option<Duration>,
    ) -> io::Result<Self> {
        let turns = Mutex::new(Turns { lines, turn: 0 });
        let talk = |hand, port| talk(port, hand, every);
        Self::at(&place, SensorHand { turns }, talk).await
    }
}

impl SensorHand {
    /// Sends other lines from now on; none at all makes it silent.
    pub fn set_lines(&self, lines: Vec<Vec<u8>>) {
        self.lock().lines = lines;
    }

    /// The line whose turn it is.
    fn next_line(&self) -> Vec<u8> {
        let mut turns = self.lock();
        let count = turns.lines.len().max(1);
        let line = turns.lines.get(turns.turn % count).cloned();
        turns.turn = turns.turn.wrapping_add(1);
        line.unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn talk(mut port: SimPort, hand: Arc<SensorHand>, every: Option<Duration>) {
    let mut ticks = every.map(tokio::time::interval);
    loop {
        let is_asked = tokio::select! {
            event = port.next() => every.is_none() && matches!(event, PortEvent::Received(_)),
            () = unasked(ticks.as_mut()) => true,
        };
        if is_asked {
            port.send(&hand.next_line()).await;
        }
    }
}

/// Waits for the time to talk unasked; for ever where it only answers.
async fn unasked(ticks: Option<&mut Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => std::future::pending().await,
    }
}

/// `wattbridge simulate text`.
pub static SIMULATOR: Simulate<SensorArgs> =
    Simulate::new("text", |args, stop| Box::pin(run(args, stop)));

/// Runs a simulated sensor until `stop`.
async fn run(args: SensorArgs, stop: CancellationToken) -> Result<(), ToolError> {
    let line = |value: &String| unescape(&args.line.replace("{value}", value));
    let lines = args.values.iter().map(line).collect::<Result<_, _>>()?;
    let simulator = SimulatedSensor::start(args.port.place(), lines, args.every).await?;
    say(&format!(
        "The sensor is on {}. To read it:\n",
        simulator.address()
    ));
    say(&format!(
        "  [[text]]\n  id = \"sensor\"\n  port = \"{}\"",
        simulator.address()
    ));
    if args.every.is_none() {
        say("  ask = '\\n'");
    }
    say("  values = [{ id = \"current\", quantity = \"current\" }]\n\nCtrl-C ends it.");
    stop.cancelled().await;
    simulator.stop().await;
    Ok(())
}
