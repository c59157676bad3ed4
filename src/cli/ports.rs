//! `wattbridge ports`: the serial ports there are.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::CliError;
use crate::links::Ports;
use crate::terminal::say;

/// Lists the serial ports, by the names to configure
#[derive(Debug, Args)]
#[command(after_help = "\
Each line begins with what to write as port = \"...\": a name that stays the same, whatever is plugged \
in beside it. In a container only ports that were passed to it are there.")]
pub struct PortsArgs {
    /// Looks in the /dev and /sys below this folder
    #[arg(long, value_name = "FOLDER", hide = true, default_value = "/")]
    root: PathBuf,
}

pub fn run(args: &PortsArgs) -> Result<(), CliError> {
    let ports = Ports::below(&args.root).list();
    if ports.is_empty() {
        return Err(anyhow!(
            "there is no serial port. Plug the adapter in; in a container, pass the device to it"
        )
        .into());
    }
    for port in ports {
        if !say(&port.to_string()) {
            break;
        }
    }
    Ok(())
}
