//! `wattbridge init`: a configuration file to begin with.
//!
//! It is made from what the outputs and adapters say of their sections, with the serial ports of this
//! machine named, so that whoever has only the binary needs nothing else.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::CliError;
use super::decode::problem;
use super::trouble::why;
use crate::adapters::ADAPTERS;
use crate::bridge::sums;
use crate::links::{PortInfo, Ports};
use crate::terminal::say;

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

const HEAD: &str = "\
# The configuration of wattbridge. Take the # away from what you want to use.
#
#   wattbridge check             is the file right?
#   wattbridge check --connect   do the broker and the devices answer?
#   wattbridge run               connects everything
#
# Passwords and keys come to stand in here: keep the file to yourself.

# The MQTT broker that Home Assistant uses. Without this section it is the one
# on this computer, and lets everybody in.

#[mqtt]
#host = \"192.168.1.10\"
#username = \"wattbridge\"
#password = \"...\"
";

pub fn run(args: &InitArgs) -> Result<(), CliError> {
    let ports = Ports::below(&args.root);
    if args.file.as_os_str() == "-" {
        say(beginning(&ports.list()).trim_end());
        return Ok(());
    }
    make(&args.file, &ports)?;
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
pub fn make(path: &Path, ports: &Ports) -> Result<(), CliError> {
    let name = path.display();
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = match made {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(problem(
                format!("{name} is there already and stays as it is"),
                "give another name, or look at a new one with `wattbridge init -`",
            ));
        }
        Err(error) => {
            return Err(anyhow!("{name} cannot be made: {}", why(&error)).into());
        }
    };
    let written = file.write_all(beginning(&ports.list()).as_bytes());
    Ok(written.map_err(|error| {
        // Half a file would be taken for one that somebody wrote.
        let _ = std::fs::remove_file(path);
        anyhow!("{name} cannot be written: {}", why(&error))
    })?)
}

/// The whole text.
fn beginning(ports: &[PortInfo]) -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n# Serial ports of this computer, for port = \"...\" below:\n#\n");
    if ports.is_empty() {
        text.push_str("#   none. Plug your cable in and ask `wattbridge ports`.\n");
    }
    for port in ports {
        text.push_str(&format!("#   {port}\n"));
    }
    let devices = ADAPTERS.iter().map(|it| (it.title(), it.page().example));
    let sums = sums::page();
    let sums = [(
        "A value made of several, of all panels for instance",
        sums.example,
    )];
    for (title, example) in devices.chain(sums) {
        text.push_str(&format!("\n# {title}:\n\n{}", switched_off(example)));
    }
    text
}

fn switched_off(example: &str) -> String {
    let line = |line: &str| match line.is_empty() {
        true => "\n".to_owned(),
        false => format!("#{line}\n"),
    };
    example.trim_end().lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::find;
    use crate::config::File;

    /// The file of somebody who has taken every # away that stands before a setting.
    fn switched_on(text: &str) -> String {
        let mut lines = String::new();
        for line in text.lines() {
            let setting = line.strip_prefix('#');
            // What is meant for people has one space or three behind its #.
            let is_setting =
                |rest: &&str| rest.starts_with("    ") || !rest.starts_with([' ', '#']);
            let setting = setting.filter(is_setting);
            lines.push_str(setting.unwrap_or(line));
            lines.push('\n');
        }
        lines
    }

    #[test]
    fn a_new_file_can_be_used_as_it_is_and_has_no_devices() {
        let file = File::parse(&beginning(&[]), "wattbridge.toml").unwrap();
        let configured = super::super::setup::Configured::from_file(&file).unwrap();
        assert!(configured.problems.is_empty(), "{}", configured.problems);
        assert!(configured.sources.is_empty());
    }

    #[test]
    fn every_section_in_it_is_right_once_it_is_switched_on() {
        let file = File::parse(&switched_on(&beginning(&[])), "wattbridge.toml").unwrap();
        for adapter in ADAPTERS {
            let sections = file.sections(adapter.kind());
            assert!(!sections.is_empty(), "{}", adapter.kind());
            for section in sections {
                assert!(find(adapter.kind()).unwrap().configure(&section).is_ok());
            }
        }
    }

    #[test]
    fn the_ports_of_the_computer_are_named() {
        let port = PortInfo {
            path: "/dev/ttyUSB0".into(),
            by_id: Some("/dev/serial/by-id/usb-Cable-if00".into()),
            description: Some("Cable".to_owned()),
            serial: None,
        };
        assert!(beginning(&[port]).contains("#   /dev/serial/by-id/usb-Cable-if00 (Cable)\n"));
    }
}
