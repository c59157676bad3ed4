//! `wattbridge ADAPTER history`: what a device itself has kept of its past, asked for once and printed in the
//! same way for all.

mod table;

use clap::{Args, FromArgMatches};
use jiff::civil::Date;
use serde_json::{Map, Value as Json, json};
use tokio_util::sync::CancellationToken;

use super::{BoxFuture, Tool, ToolError};
use crate::clock::Clock;
use crate::links::Links;
use crate::model::{Days, Device, Reading, Readings};
use crate::terminal::{remark, say};

/// The command of one adapter.
pub struct History {
    /// What the device is, and what it keeps.
    pub about: &'static str,
    /// What an address looks like, and what is worth knowing.
    pub examples: &'static str,
    /// Asks the device.
    pub ask: fn(Asked) -> BoxFuture<Result<Past, ToolError>>,
}

/// What is asked of a device.
#[derive(Debug)]
pub struct Asked {
    /// Where it is, as its section names it.
    pub address: String,
    /// What it is to tell.
    pub wish: Wish,
    /// Opens connections.
    pub links: Links,
    /// The time.
    pub clock: Clock,
}

/// Which part of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// So many days before today; as many as there are, where nothing is said.
    Days(Option<u16>),
    /// Months instead of days.
    Months,
    /// The course of this day.
    Course(Date),
}

/// What a device tells of its past.
#[derive(Debug)]
pub struct Past {
    /// Whose past it is, with a metric for each value of a day, in the order of the columns.
    pub device: Device,
    /// The days, or months by their first day.
    pub days: Days,
    /// The course of a day.
    pub course: Vec<Readings>,
    /// Its whole life.
    pub life: Vec<Reading>,
    /// What else is worth knowing, a sentence each.
    pub notes: Vec<String>,
}

#[derive(Debug, Args)]
struct HistoryArgs {
    /// Where the device is, as in its section
    address: String,
    /// How many days before today
    #[arg(long, value_name = "N")]
    days: Option<u16>,
    /// Months instead of days
    #[arg(long, conflicts_with = "days")]
    months: bool,
    /// The course of one day instead
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["days", "months"])]
    day: Option<Date>,
    /// Prints a JSON object for each line
    #[arg(long)]
    json: bool,
}

impl HistoryArgs {
    const fn wish(&self) -> Wish {
        match (self.day, self.months) {
            (Some(date), _) => Wish::Course(date),
            (None, true) => Wish::Months,
            (None, false) => Wish::Days(self.days),
        }
    }
}

impl Tool for History {
    fn command(&self) -> clap::Command {
        let command = clap::Command::new("history")
            .about(self.about)
            .after_help(self.examples);
        HistoryArgs::augment_args(command)
    }

    fn run(
        &self,
        matches: &clap::ArgMatches,
        stop: CancellationToken,
    ) -> BoxFuture<Result<(), ToolError>> {
        let args = HistoryArgs::from_arg_matches(matches);
        let ask = self.ask;
        Box::pin(async move {
            let args = args?;
            let asked = Asked {
                address: args.address.clone(),
                wish: args.wish(),
                links: Links::new(),
                clock: Clock::system(),
            };
            tokio::select! {
                () = stop.cancelled() => Ok(()),
                past = ask(asked) => {
                    print(&past?, &args);
                    Ok(())
                }
            }
        })
    }
}

fn print(past: &Past, args: &HistoryArgs) {
    if args.json {
        for line in past.json(args.months) {
            // A reader that has seen enough closes the pipe: no error.
            if !say(&line.to_string()) {
                return;
            }
        }
        past.notes.iter().for_each(|note| remark(note));
    } else {
        say(table::text(past, args.months).trim_end());
    }
}

impl Past {
    /// With nothing told yet.
    pub const fn new(device: Device, days: Days) -> Self {
        Self {
            device,
            days,
            course: Vec::new(),
            life: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// One object for the device and its whole life, one for each day, latest first, and one for each
    /// moment of a course.
    fn json(&self, are_months: bool) -> Vec<Json> {
        let object = |values: &[Reading]| -> Map<String, Json> {
            let value = |reading: &Reading| (reading.key.to_string(), reading.value.to_json());
            values.iter().map(value).collect()
        };
        let mut lines = vec![json!({
            "device": self.device.id.as_str(),
            "model": self.device.model,
            "serial": self.device.serial,
            "life": object(&self.life),
        })];
        let (key, format) = if are_months {
            ("month", "%Y-%m")
        } else {
            ("date", "%Y-%m-%d")
        };
        lines.extend(self.days.days.iter().rev().map(|(date, values)| {
            let date = date.strftime(format).to_string();
            json!({ key: date, "values": object(values) })
        }));
        lines.extend(self.course.iter().map(
            |readings| json!({ "at": readings.at.to_string(), "values": object(&readings.values) }),
        ));
        lines
    }
}
