//! `wattbridge solaredge import`: months of captures as JSON lines or CSV.
//!
//! Records are written as they come out of the frames, by the tables of `metrics`; what the bridge makes of
//! them besides, such as the energy of a day, is not in them. Nothing but data goes to the standard output.

mod known;
mod rows;
mod sheets;

use std::path::PathBuf;

use clap::{Args, FromArgMatches, ValueEnum};
use tokio_util::sync::CancellationToken;

use self::known::KnownRecords;
use self::rows::Writing;
use self::sheets::Sheets;
use super::files::{CaptureFiles, FilePiece, beside};
use crate::adapters::solaredge::config::SolarEdgeConfig;
use crate::adapters::solaredge::health;
use crate::adapters::solaredge::keys::UnitKeys;
use crate::adapters::solaredge::listener::{Listener, Noticed};
use crate::adapters::solaredge::sessions::{Lock, Sessions, Unsealed};
use crate::adapters::solaredge::wire::{Frame, Records, Serial, function};
use crate::adapters::solaredge::{KIND, keys_of};
use crate::config::Section;
use crate::device::{BoxFuture, Tool, ToolError};
use crate::terminal::remark;

/// See the [module](self).
pub struct ImportTool;

/// Remarks of one sort that are made at most.
const MOST: usize = 64;

const EXAMPLES: &str = "\
Examples:
  wattbridge solaredge import 2025/*.pcap.gz > 2025.jsonl
  wattbridge solaredge import 2025/*.pcap.gz --format csv --out tables/
  wattbridge solaredge import a.pcap --set key=0011...EEFF

Energy is in kWh, power in W (VA, var), everything else in V, A, Hz, °C, % and s; times are UTC. With a \
folder, each kind of record has a file of its own. Records that were sent twice are written once.";

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    /// A JSON object on each line
    Jsonl,
    /// A table for spreadsheets
    Csv,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// Captures, in the order of their time; - is the standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What to write
    #[arg(long, value_enum, default_value = "jsonl")]
    format: RowFormat,
    /// Where to: a file, or a folder for a file of each kind of record. Left out: the standard output
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Sets a key of the section, such as key
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::settings::pair)]
    pairs: Vec<(String, String)>,
}

impl Tool for ImportTool {
    fn command(&self) -> clap::Command {
        let command = clap::Command::new("import")
            .about("Turns old captures into JSON lines or CSV")
            .after_help(EXAMPLES);
        ImportArgs::augment_args(command)
    }

    fn run(
        &self,
        matches: &clap::ArgMatches,
        stop: CancellationToken,
    ) -> BoxFuture<Result<(), ToolError>> {
        let args = ImportArgs::from_arg_matches(matches);
        Box::pin(async move {
            let args = args?;
            let section = Section::from_pairs(KIND, &args.pairs)?;
            let config: SolarEdgeConfig = section.read_without(&["interface"])?;
            let keys = keys_of(&section, &config)?;
            let done = beside(&stop, move |stop| import(&args, &keys, stop)).await;
            done.unwrap_or(Ok(()))
        })
    }
}

fn import(args: &ImportArgs, keys: &UnitKeys, stop: &CancellationToken) -> Result<(), ToolError> {
    let files = CaptureFiles::look(&args.files)?;
    let sheets = Sheets::open(args.out.as_deref(), &args.files, args.format)?;
    let mut importing = Importing::new(keys, Writing::new(args.format, sheets));
    let mut listener = Listener::default();
    let (mut done, mut name) = (0_usize, String::new());
    // Told to stop from outside, or by whoever reads what is written.
    let inner = stop.child_token();
    files.read(&inner, |piece| match piece {
        FilePiece::Begin(path) => {
            listener.begin_file();
            name = path.display().to_string();
            done += 1;
        }
        FilePiece::Bytes(bytes) => {
            listener.push(bytes, &mut |it| importing.take(it, &name));
            if importing.writing.has_failed() {
                inner.cancel();
            }
        }
    })?;
    listener.finish(&mut |it| importing.take(it, &name));
    let written = importing.writing.finish();
    match written {
        // A reader that has seen enough closes the pipe: no error.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) => return Err(format!("what was read cannot be written: {error}").into()),
        Ok(()) => {}
    }
    importing.summary(done, listener.seen().packets, stop.is_cancelled())
}

/// From frames to rows.
struct Importing {
    sessions: Sessions,
    buffer: Vec<u8>,
    known: KnownRecords,
    writing: Writing,
    again: u64,
    unreadable: u64,
    refused: Vec<String>,
    /// What stayed shut: whose, why, and how much.
    shut: Vec<(Serial, Lock, u64)>,
    has_tls: bool,
}

impl Importing {
    fn new(keys: &UnitKeys, writing: Writing) -> Self {
        Self {
            sessions: keys.sessions(),
            buffer: Vec::new(),
            known: KnownRecords::default(),
            writing,
            again: 0,
            unreadable: 0,
            refused: Vec::new(),
            shut: Vec::new(),
            has_tls: false,
        }
    }

    fn take(&mut self, noticed: Noticed<'_>, file: &str) {
        match noticed {
            Noticed::Frame {
                connection, frame, ..
            } => {
                let mut buffer = std::mem::take(&mut self.buffer);
                match self.sessions.take(connection, frame, &mut buffer) {
                    Unsealed::Frame { frame, .. } => self.frame(&frame),
                    Unsealed::Shut {
                        unit: Some(unit),
                        why: Some(why),
                    } => self.stays_shut(unit, why),
                    Unsealed::Shut { .. } => {}
                }
                self.buffer = buffer;
            }
            Noticed::Closed(connection) => self.sessions.closed(connection),
            Noticed::Refused(why) if self.refused.len() < MOST => {
                self.refused.push(format!("{file}: {why}"));
            }
            Noticed::Tls(_) => self.has_tls = true,
            Noticed::Refused(_) | Noticed::Skipped(..) => {}
        }
    }

    fn stays_shut(&mut self, unit: Serial, why: Lock) {
        let is_it = |(of, lock, _): &(Serial, Lock, u64)| (*of, *lock) == (unit, why);
        let place = self.shut.iter().position(is_it);
        if let Some((_, _, count)) = place.and_then(|at| self.shut.get_mut(at)) {
            *count += 1;
        } else if self.shut.len() < MOST {
            self.shut.push((unit, why, 1));
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        let unit = frame
            .unit()
            .filter(|_| frame.function == function::TELEMETRY);
        let Some(unit) = unit else {
            return;
        };
        for record in Records::new(frame.data) {
            match record {
                Ok(record) if self.known.is_new(&record) => self.writing.record(&record, unit),
                Ok(_) => self.again += 1,
                Err(_) => self.unreadable += 1,
            }
        }
    }

    /// What is to be said at the end.
    fn summary(&self, files: usize, packets: u64, is_stopped: bool) -> Result<(), ToolError> {
        for refused in &self.refused {
            remark(refused);
        }
        for (unit, lock, count) in &self.shut {
            if let Some(health) = health::shut(*lock, *unit, None) {
                remark(&format!(
                    "{count} messages stay shut: {}",
                    health.sentence()
                ));
            }
        }
        let written = self.writing.count();
        let mut words = format!(
            "{written} records written, from {files} {} with {packets} packets",
            if files == 1 { "file" } else { "files" }
        );
        if self.again > 0 {
            words.push_str(&format!(
                "; {} that were sent again are left out",
                self.again
            ));
        }
        if self.unreadable > 0 {
            words.push_str(&format!("; {} were cut off", self.unreadable));
        }
        let left = self.writing.left_out();
        if left > 0 {
            words.push_str(&format!(
                "; {left} that are no rows (events, lists, unknown ones) are only in JSON"
            ));
        }
        words.push('.');
        if is_stopped {
            words.push_str(" It was interrupted: what follows is missing.");
        }
        remark(&words);
        if written == 0 && !is_stopped {
            if self.has_tls {
                return Err(health::tls().sentence().into());
            }
            return Err("no measured values are in these files that can be read; `wattbridge solaredge doctor FILES` says why".into());
        }
        Ok(())
    }
}
