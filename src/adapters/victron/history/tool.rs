//! `wattbridge victron history`: what a solar charger has kept of the last 30 days.

use std::io::Write;

use clap::{Args, FromArgMatches};
use jiff::Zoned;
use tokio_util::sync::CancellationToken;

use super::super::wire::history::DAYS;
use super::survey::survey;
use super::table;
use crate::device::{BoxFuture, Tool, ToolError};
use crate::links::{Address, Links};
use crate::terminal::remark;

/// The command.
#[derive(Debug)]
pub struct History;

/// Prints what a solar charger or RS unit has kept of the last 30 days.
///
/// Only one program can use a port: stop wattbridge if it runs there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wattbridge victron history /dev/ttyUSB0              a table, day by day
  wattbridge victron history tcp://192.168.1.9:2001    over the network
  wattbridge victron history /dev/ttyUSB0 --days 6 --json")]
struct HistoryArgs {
    /// Serial port, or tcp://HOST:PORT
    port: Address,
    /// How many days before today
    #[arg(long, default_value_t = DAYS, value_parser = clap::value_parser!(u16).range(0..=i64::from(DAYS)))]
    days: u16,
    /// Print JSON: a line for the device and its whole life, and one for each day
    #[arg(long)]
    json: bool,
}

impl Tool for History {
    fn command(&self) -> clap::Command {
        HistoryArgs::augment_args(clap::Command::new("history"))
    }

    fn run(
        &self,
        matches: &clap::ArgMatches,
        stop: CancellationToken,
    ) -> BoxFuture<Result<(), ToolError>> {
        let args = HistoryArgs::from_arg_matches(matches);
        Box::pin(async move {
            let args = args?;
            tokio::select! {
                () = stop.cancelled() => Ok(()),
                printed = print(&args) => printed,
            }
        })
    }
}

async fn print(args: &HistoryArgs) -> Result<(), ToolError> {
    let begin = |name: &str| {
        // Newer firmware answers once a second at most.
        remark(&format!(
            "Reading the history of {name}; this may take a minute."
        ));
    };
    let survey = survey(&Links::new(), &args.port, args.days, begin).await?;
    let today = Zoned::now().date();
    let text = if args.json {
        let lines = table::json(&survey, today);
        lines.iter().map(|line| format!("{line}\n")).collect()
    } else {
        table::text(&survey, today)
    };
    let mut out = std::io::stdout().lock();
    // A reader that has seen enough closes the pipe: no error.
    let _ = out.write_all(text.as_bytes());
    Ok(())
}
