//! `wattbridge aps-zigbee console`: shows every frame in words, and sends what is typed.
//!
//! | File | What |
//! |---|---|
//! | `typed` | the lines there are, and which of them need leave |
//! | `session` | lines and frames in, words and frames out; no I/O |
//! | `awaited` | what an answer means, or that none came |
//! | `keyboard` | the terminal |
//! | `history` | lines that were typed before |

mod awaited;
mod history;
mod keyboard;
pub mod session;
mod typed;

use std::sync::atomic::Ordering;

use clap::{Args, FromArgMatches};
use tokio_util::sync::CancellationToken;

use self::history::LineHistory;
use self::keyboard::Keyboard;
use self::session::ConsoleSession;
use super::reset_pulse::ResetPulse;
use super::stick_args::{StickArgs, port_trouble};
use crate::device::line::converse;
use crate::device::{BoxFuture, Tool, ToolError};
use crate::links::Links;
use crate::terminal::remark;

/// See the [module](self).
pub struct ConsoleTool;

const EXAMPLES: &str = "\
Examples:
  wattbridge aps-zigbee console --port /dev/ttyUSB0
  wattbridge aps-zigbee console --config wattbridge.toml
  echo loopback | wattbridge aps-zigbee console --port /dev/ttyUSB0

Typed there:
  health                whether the coordinator in the stick runs
  loopback              whether the wires are right
  start D8A3011B9780    brings the coordinator up for this ECU id
  poll 0x7C3A           asks an inverter what it measures
  limit 408000123456    reads how much each of its inputs may give
  raw 2710 AABBCC       a command and its data; the rest of the frame is added
  help                  all there is

Only one program can use the stick: stop wattbridge if it runs there.

What changes an inverter (a limit, on and off, and raw frames that do so or that cannot be read) is \
refused without --allow-control.";

#[derive(Debug, Args)]
struct ConsoleArgs {
    #[command(flatten)]
    stick: StickArgs,
    /// Sends also what changes inverters
    #[arg(long)]
    allow_control: bool,
    /// Does not remember what is typed for the next time
    #[arg(long)]
    no_history: bool,
}

impl Tool for ConsoleTool {
    fn command(&self) -> clap::Command {
        // What stands above its arguments in the code would else be said of it.
        ConsoleArgs::augment_args(clap::Command::new("console"))
            .about("Shows what a stick says, in words, and sends what is typed")
            .after_help(EXAMPLES)
    }

    fn run(
        &self,
        matches: &clap::ArgMatches,
        stop: CancellationToken,
    ) -> BoxFuture<Result<(), ToolError>> {
        let args = ConsoleArgs::from_arg_matches(matches);
        Box::pin(async move { talk(&args?, &stop).await })
    }
}

async fn talk(args: &ConsoleArgs, stop: &CancellationToken) -> Result<(), ToolError> {
    let (config, port) = args.stick.settings(None)?;
    remark(&format!(
        "Listening to the stick at {}; type help, or quit to end it.",
        port.place()
    ));
    let links = Links::new();
    let reset = ResetPulse::by(config.reset_line.clone(), &links);
    let Keyboard {
        typed,
        voice,
        is_unheard,
        is_terminal,
        terminal,
    } = Keyboard::open(if args.no_history {
        LineHistory::none()
    } else {
        LineHistory::usual()
    })?;
    let mut session = ConsoleSession::new(
        config.ecu_id,
        config.addresses,
        args.allow_control,
        typed,
        voice,
    );
    session.is_listening_only = config.listen_only;
    session.is_attended = is_terminal;
    session.reset = reset;
    let conversed = converse(&mut session, &port, &links, |session, _, _| {
        let is_unheard = is_unheard.load(Ordering::Relaxed);
        (session.is_over() || stop.is_cancelled() || is_unheard).then_some(())
    });
    let ended = conversed.await;
    drop(terminal);
    ended.map_err(|error| port_trouble(&error))
}
