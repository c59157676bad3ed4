//! `wattbridge migrate`: the configuration of another program, turned into ours.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::CliError;
use super::trouble::why;
use crate::config::{Problem, Problems};
use crate::migrate::{Migrated, kaifareader, se_logger};
use crate::terminal::{remark, say};

/// Turns the configuration of another program into one for wattbridge
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wattbridge migrate kaifareader meter.json > wattbridge.toml
  (umask 077; wattbridge migrate kaifareader > wattbridge.toml)   yours alone
  wattbridge migrate se-logger config.py --service se-logger-service.sh

The other program's file stays as it is. Exit code 2 means that it cannot be used, and says why.")]
pub struct MigrateArgs {
    #[command(subcommand)]
    from: From,
}

/// The programs whose files can be read.
#[derive(Debug, Subcommand)]
enum From {
    /// From kaifareader, for smart meters: its meter.json
    Kaifareader {
        /// The file
        #[arg(value_name = "FILE", default_value = kaifareader::USUAL_FILE)]
        file: PathBuf,
    },
    /// From se-logger, for SolarEdge inverters with a display: its config.py
    SeLogger {
        /// The file
        #[arg(value_name = "FILE", default_value = se_logger::USUAL_FILE)]
        file: PathBuf,
        /// The script that captures, se-logger-service.sh: says at which interface
        #[arg(long, value_name = "FILE")]
        service: Option<PathBuf>,
    },
}

pub fn run(args: &MigrateArgs) -> Result<(), CliError> {
    match &args.from {
        From::Kaifareader { file } => {
            let name = file.display().to_string();
            let hint = "name the file: wattbridge migrate kaifareader /path/to/meter.json";
            let migrated = kaifareader::migrate(&read(file, hint)?)
                .map_err(|error| Problems::from(Problem::new(name, error.to_string(), "")))?;
            print(&migrated);
        }
        From::SeLogger { file, service } => {
            let name = file.display().to_string();
            let hint = "name the file: wattbridge migrate se-logger /path/to/config.py";
            let config = read(file, hint)?;
            let service = service.as_ref().map(|file| read(file, "compare its name"));
            let migrated = se_logger::migrate(&config, service.transpose()?.as_deref())
                .map_err(|error| Problems::from(Problem::new(name, error.to_string(), "")))?;
            print(&migrated);
        }
    }
    Ok(())
}

/// No configuration is longer, in bytes.
const LONGEST: u64 = 1 << 20;

fn read(file: &Path, missing: &'static str) -> Result<String, Problems> {
    let mut text = String::new();
    let read =
        std::fs::File::open(file).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    read.map(|_| text).map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => missing,
            std::io::ErrorKind::PermissionDenied => "run this as a user who may read it",
            _ => "name the text file that the other program reads",
        };
        let name = file.display().to_string();
        Problem::new(name, format!("cannot be read: {}", why(&error)), hint).into()
    })
}

/// The configuration for a file, the rest for the person.
fn print(migrated: &Migrated) {
    for words in &migrated.remarks {
        remark(words);
    }
    remark(
        "Keys and passwords are in this configuration: keep the file private (chmod 600). `wattbridge check` tells whether it is right.",
    );
    say(migrated.toml.trim_end());
}
