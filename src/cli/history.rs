//! `wattbridge history`: what is kept of the past, shown, brought in, put right and taken out.
//!
//! * `show`: tables in plain words
//! * `import`: what other programs and devices have kept; `resolve`: what its values are
//! * `correct`: another value for a day
//! * `export`: tables for other programs
//! * `demo`: a year of the house of the demo

mod correct;
#[cfg(feature = "demo")]
pub mod demo;
mod export;
mod import;
mod resolve;
mod show;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::CliError;
use super::setup::ConfigArgs;
use crate::config::Problems;
use crate::history::{History, HistoryReader, HistorySettings};
use crate::store::StoreSettings;

/// For how long the disk is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Shows what is kept of the past, brings in what others have kept, puts days right, writes tables
#[derive(Debug, Args)]
#[command(after_help = "\
All of it may be done while wattbridge runs.

Examples:
  wattbridge history show                          the last two weeks
  wattbridge history show --month 2026-06
  wattbridge history import old.csv --dry-run
  wattbridge history correct aps_ecu_216000000001/energy_today 2026-06-14 21.5
  wattbridge history export --days > days.csv")]
pub struct HistoryArgs {
    #[command(subcommand)]
    task: HistoryTask,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
enum HistoryTask {
    /// Shows days, or the hours of a day, as a table
    Show(show::ShowArgs),
    /// Brings in what another program or a device has kept
    Import(import::ImportArgs),
    /// Puts another value in for a day
    Correct(correct::CorrectArgs),
    /// Writes days or five-minute slots as CSV
    Export(export::ExportArgs),
}

pub fn run(args: &HistoryArgs) -> Result<(), CliError> {
    match &args.task {
        HistoryTask::Show(args) => show::run(args),
        HistoryTask::Import(args) => import::run(args),
        HistoryTask::Correct(args) => correct::run(args),
        HistoryTask::Export(args) => export::run(args),
    }
}

/// Where the history of a configuration is, and how its days are counted.
#[derive(Debug)]
pub struct KeptHistory {
    pub path: PathBuf,
    settings: HistorySettings,
    pub zone: TimeZone,
}

impl KeptHistory {
    pub fn of(args: &ConfigArgs) -> Result<Self, Problems> {
        let file = args.file()?;
        let store: StoreSettings = file.settings("store")?;
        let settings: HistorySettings = file.settings("history")?;
        Ok(Self {
            path: args.history_path(&settings, &store),
            settings,
            zone: zone(args),
        })
    }

    /// To look at; wattbridge may run.
    pub fn reader(&self) -> Result<HistoryReader, CliError> {
        if !self.path.exists() {
            return Err(anyhow!(
                "there is no history yet at {}; it begins when wattbridge runs, or with `wattbridge history import`. If \
                 yours is elsewhere, name its configuration with --config.",
                self.path.display()
            )
            .into());
        }
        Ok(HistoryReader::open(&self.path, self.zone.clone()))
    }

    /// To write into; wattbridge may run: it looks again at days that somebody else has changed.
    fn writer(&self) -> Result<History, CliError> {
        let settings = HistorySettings {
            enabled: true,
            ..self.settings.clone()
        };
        let history = History::open_stepped(&self.path, &settings, self.zone.clone());
        // Then the file is there, or it is known why not.
        history.flush(PATIENCE);
        if let Some(trouble) = history.trouble() {
            return Err(anyhow!("{}", trouble.sentence()).into());
        }
        if !history.is_on() {
            return Err(anyhow!("the history cannot run; free some memory and try again").into());
        }
        Ok(history)
    }
}

/// The zone by whose midnights days are counted, as while wattbridge runs.
fn zone(args: &ConfigArgs) -> TimeZone {
    TimeZone::try_system().unwrap_or_else(|_| {
        let place = args.app().and_then(|app| app.place());
        place
            .and_then(|place| place.zone())
            .unwrap_or(TimeZone::UTC)
    })
}

/// From one day to another, both among them.
#[derive(Debug, Clone, Args)]
struct PeriodArgs {
    /// The first day
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<Date>,
    /// The last day
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Option<Date>,
}

/// The day after the last one that there can be is none.
fn day_after(date: Date) -> Date {
    date.tomorrow().unwrap_or(Date::MAX)
}
