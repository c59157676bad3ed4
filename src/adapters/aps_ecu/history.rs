//! `wattbridge aps-ecu history`: what the ECU itself has kept.

use std::io::Write;
use std::time::Duration;

use clap::{Args, FromArgMatches, ValueEnum};
use jiff::civil::Date;
use tokio_util::sync::CancellationToken;

use super::exchange::{AskError, Patience, ask};
use super::wire::{Answer, DayCurve, EcuId, EnergyHistory, Period, Request, Status};
use crate::device::{BoxFuture, Tool, ToolError};
use crate::links::{Endpoint, Links};

/// The command.
#[derive(Debug)]
pub struct History;

/// Prints what an ECU has kept of the past.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wattbridge aps-ecu history 192.168.1.50                    the last week
  wattbridge aps-ecu history 192.168.1.50 --period year
  wattbridge aps-ecu history 192.168.1.50 --day 2026-06-21   one day")]
struct HistoryArgs {
    /// Address of the ECU
    host: String,
    /// TCP port of the ECU
    #[arg(long, default_value_t = 8899)]
    port: u16,
    /// Which energy to list
    #[arg(long, value_enum, default_value_t = Span::Week)]
    period: Span,
    /// List the power of this day instead
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "period")]
    day: Option<Date>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Span {
    /// The last days
    Week,
    /// The days of the last month
    Month,
    /// The months of the last year
    Year,
}

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(10),
};
/// Between two questions.
const PAUSE: Duration = Duration::from_secs(1);

impl Tool for History {
    fn command(&self) -> clap::Command {
        HistoryArgs::augment_args(clap::Command::new("history"))
    }

    fn run(
        &self,
        matches: &clap::ArgMatches,
        _: CancellationToken,
    ) -> BoxFuture<Result<(), ToolError>> {
        let args = HistoryArgs::from_arg_matches(matches);
        Box::pin(async move { print(&args?).await })
    }
}

async fn print(args: &HistoryArgs) -> Result<(), ToolError> {
    let endpoint = Endpoint {
        host: args.host.clone(),
        port: args.port,
    };
    let links = Links::new();
    let info = ask(&links, &endpoint, &Request::EcuInfo, PATIENCE).await;
    let ecu = match info.map_err(explain)? {
        Answer::EcuInfo(info) => info.ecu,
        _ => return Err("the ECU answered another question than asked; try again".into()),
    };
    tokio::time::sleep(PAUSE).await;
    let request = request(args, ecu);
    let text = match ask(&links, &endpoint, &request, PATIENCE).await {
        Ok(Answer::DayCurve(curve)) => power(&curve),
        Ok(Answer::EnergyHistory(history)) => energy(&history),
        Ok(_) => return Err("the ECU answered another question than asked; try again".into()),
        Err(error) => return Err(explain(error)),
    };
    let mut out = std::io::stdout().lock();
    // A reader that has seen enough closes the pipe: no error.
    let _ = out.write_all(text.as_bytes());
    Ok(())
}

fn request(args: &HistoryArgs, ecu: EcuId) -> Request {
    match (args.day, args.period) {
        (Some(date), _) => Request::DayCurve { ecu, date },
        (None, Span::Week) => Request::EnergyHistory {
            ecu,
            period: Period::Week,
        },
        (None, Span::Month) => Request::EnergyHistory {
            ecu,
            period: Period::Month,
        },
        (None, Span::Year) => Request::EnergyHistory {
            ecu,
            period: Period::Year,
        },
    }
}

fn power(curve: &DayCurve) -> String {
    if curve.points.is_empty() {
        return "The ECU has kept nothing of that day.\n".to_owned();
    }
    let line = |(time, watts): &(jiff::civil::Time, u16)| {
        format!("{}  {watts:>6} W\n", time.strftime("%H:%M"))
    };
    curve.points.iter().map(line).collect()
}

fn energy(history: &EnergyHistory) -> String {
    if history.days.is_empty() {
        return "The ECU has kept nothing of that time; newer firmware answers nothing here.\n"
            .to_owned();
    }
    let mut text = String::new();
    for (date, energy) in &history.days {
        let date = match history.period {
            Period::Year => date.strftime("%Y-%m   ").to_string(),
            _ => date.to_string(),
        };
        text.push_str(&format!("{date}  {:>9.2} kWh\n", *energy as f64 / 1000.0));
    }
    if history.wraps && !matches!(history.period, Period::Week) {
        text.push_str("This ECU counts to 655.35 kWh here and then begins at 0 again.\n");
    }
    text
}

fn explain(error: AskError) -> ToolError {
    match error {
        AskError::Status(_, Status::NoData) => {
            "the ECU has no data yet; it has just started".into()
        }
        AskError::Silent(_) => {
            "the ECU does not answer this question; firmware 2 and later often lacks it".into()
        }
        error => error.health().sentence().into(),
    }
}
