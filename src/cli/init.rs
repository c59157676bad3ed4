//! `wattbridge init`: a configuration file to begin with.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::CliError;
use super::decode::problem;
use super::first_file::{FirstReader, first_file};
use super::trouble::why;
use crate::links::Ports;
use crate::terminal::say;
use crate::whole_file::{self, Rights};

/// Writes a configuration file to begin with
#[derive(Debug, Args)]
#[command(after_help = "\
Everything in it is explained there, and switched off by a # until you want it. \
A file that is there already is never touched.

Examples:
  wattbridge init                        makes wattbridge.toml in this folder
  wattbridge init /etc/wattbridge.toml
  wattbridge init - | less               only shows it")]
pub struct InitArgs {
    /// The file to make; - is the standard output
    #[arg(default_value = "wattbridge.toml")]
    file: PathBuf,
    /// Looks for serial ports in the /dev and /sys below this folder
    #[arg(long, value_name = "FOLDER", hide = true, default_value = "/")]
    root: PathBuf,
}

pub fn run(args: &InitArgs) -> Result<(), CliError> {
    let ports = Ports::below(&args.root);
    if args.file.as_os_str() == "-" {
        say(first_file(&ports.list(), FirstReader::Terminal).trim_end());
        return Ok(());
    }
    make(&args.file, &ports, FirstReader::Terminal)?;
    let name = args.file.display();
    say(&format!(
        "{name} is made. Open it with a text editor, take the # away from your devices, then:\n\n  \
         wattbridge check --connect"
    ));
    Ok(())
}

/// Makes the file, for nobody else to read.
///
/// # Errors
///
/// Also if it is there already.
pub fn make(path: &Path, ports: &Ports, reader: FirstReader) -> Result<(), CliError> {
    let name = path.display();
    let content = first_file(&ports.list(), reader);
    match whole_file::make(path, content.as_bytes(), Rights::Owner) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && !path.exists() => Err(problem(
            format!("{name} is a link that leads nowhere"),
            "remove it, or make the file that it leads to",
        )),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(problem(
            format!("{name} is there already and stays as it is"),
            "give another name, or look at a new one with `wattbridge init -`",
        )),
        Err(error) => Err(anyhow!("{name} cannot be made: {}", why(&error)).into()),
    }
}
