//! A sensor that is not there: it answers to any byte, or talks by itself, with a line of text, over
//! a pseudo-terminal or TCP.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Interval;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::escapes::unescape;
use crate::device::ToolError;
use crate::links::{Happening, PseudoTerminal};
pub use crate::simulation::Place;
use crate::simulation::Simulate;
use crate::terminal::say;

/// Simulates a sensor that prints lines of text.
#[derive(Debug, Clone, clap::Args)]
pub struct SimulatorArgs {
    /// Path of the serial port to make, such as /tmp/sensor
    #[arg(long, value_name = "PATH", conflicts_with = "listen")]
    pub pty: Option<PathBuf>,

    /// Address and port to listen on instead, as a serial server does
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:2002")]
    pub listen: SocketAddr,

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
    #[arg(long, value_name = "TIME", value_parser = period)]
    pub every: Option<Duration>,
}

fn period(text: &str) -> Result<Duration, String> {
    let period = humantime::parse_duration(text).ok();
    let range = Duration::from_millis(10)..=Duration::from_secs(3600);
    let period = period.filter(|period| range.contains(period));
    period.ok_or_else(|| "write a time from 10ms to 1h, such as 5s".to_owned())
}

/// What can be changed while it runs.
#[derive(Debug)]
struct State {
    /// What is sent, in turn. Nothing at all if there is none.
    lines: Vec<Vec<u8>>,
    turn: usize,
    plugged: bool,
}

/// A running sensor.
#[derive(Debug)]
pub struct Simulator {
    address: String,
    state: Arc<Mutex<State>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Simulator {
    /// Starts a sensor that sends these lines in turn: once for each time it is asked, or by itself.
    pub async fn start(
        place: Place,
        lines: Vec<Vec<u8>>,
        every: Option<Duration>,
    ) -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State {
            lines,
            turn: 0,
            plugged: true,
        }));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let address = match place {
            Place::Terminal(path) => {
                let terminal = PseudoTerminal::new(&path)?;
                let talk = talk_on_terminal(terminal, Arc::clone(&state), every);
                tasks.spawn(stop.clone().run_until_cancelled_owned(talk));
                path.display().to_string()
            }
            Place::Tcp(address) => {
                let listener = TcpListener::bind(address).await?;
                let address = listener.local_addr()?;
                let (state, stop) = (Arc::clone(&state), stop.clone());
                let serve = serve(listener, state, every);
                tasks.spawn(stop.run_until_cancelled_owned(serve));
                format!("tcp://{address}")
            }
        };
        tasks.close();
        Ok(Self {
            address,
            state,
            stop,
            tasks,
        })
    }

    /// The `port` to configure.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends other lines from now on; none at all makes it silent.
    pub fn set_lines(&self, lines: Vec<Vec<u8>>) {
        lock(&self.state).lines = lines;
    }

    /// Pulls the plug of a pseudo-terminal, or plugs it in again.
    pub fn plug(&self, plugged: bool) {
        lock(&self.state).plugged = plugged;
    }

    /// Stops it and takes the port away.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The line whose turn it is.
fn next_line(state: &Mutex<State>) -> Vec<u8> {
    let mut state = lock(state);
    let count = state.lines.len().max(1);
    let line = state.lines.get(state.turn % count).cloned();
    state.turn = state.turn.wrapping_add(1);
    line.unwrap_or_default()
}

/// Waits for the time to talk unasked; for ever where it only answers.
async fn unasked(ticks: Option<&mut Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => std::future::pending().await,
    }
}

async fn talk_on_terminal(
    mut terminal: PseudoTerminal,
    state: Arc<Mutex<State>>,
    every: Option<Duration>,
) {
    /// How often is looked whether the plug was pulled.
    const LOOK: Duration = Duration::from_millis(20);
    let mut ticks = every.map(tokio::time::interval);
    loop {
        let plugged = lock(&state).plugged;
        if !plugged {
            terminal.unplug();
        } else if let Err(error) = terminal.plug() {
            tracing::warn!(
                "the simulated port cannot be plugged in ({error}); is its folder still there?"
            );
        }
        let is_asked = tokio::select! {
            happening = terminal.next() => match happening {
                Ok(Happening::Received(_)) => every.is_none(),
                Ok(_) => false,
                Err(_) => return,
            },
            () = unasked(ticks.as_mut()) => true,
            () = tokio::time::sleep(LOOK) => false,
        };
        if is_asked {
            // Nobody there is no trouble, and neither is somebody who has just gone.
            let _ = terminal.send(&next_line(&state)).await;
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>, every: Option<Duration>) {
    let mut clients = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        clients.spawn(talk_to(client, Arc::clone(&state), every));
        while clients.try_join_next().is_some() {}
    }
}

async fn talk_to(mut client: TcpStream, state: Arc<Mutex<State>>, every: Option<Duration>) {
    let (mut asked, mut ticks) = ([0; 256], every.map(tokio::time::interval));
    loop {
        let is_asked = tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => every.is_none(),
            },
            () = unasked(ticks.as_mut()) => true,
        };
        if is_asked && client.write_all(&next_line(&state)).await.is_err() {
            return;
        }
    }
}

/// `wattbridge simulate text`.
pub static SIMULATE: Simulate<SimulatorArgs> =
    Simulate::new("text", |args, stop| Box::pin(run(args, stop)));

/// Runs a simulated sensor until `stop`.
async fn run(args: SimulatorArgs, stop: CancellationToken) -> Result<(), ToolError> {
    let line = |value: &String| unescape(&args.line.replace("{value}", value));
    let lines = args.values.iter().map(line).collect::<Result<_, _>>()?;
    let place = args.pty.map_or(Place::Tcp(args.listen), Place::Terminal);
    let simulator = Simulator::start(place, lines, args.every).await?;
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
