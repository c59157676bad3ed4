//! The command line: one file per subcommand.

mod adapter;
mod awaiting;
mod backup;
mod check;
mod completions;
mod decode;
#[cfg(feature = "demo")]
mod demo;
#[cfg(feature = "demo")]
mod demo_past;
mod desk;
mod discovery;
mod export;
mod first_file;
mod health;
mod history;
mod init;
mod input;
mod known_place;
mod left_out;
mod logging;
mod migrate;
mod nearby;
mod outdated;
mod owned;
mod page;
mod page_orders;
mod ports;
mod print;
mod record;
mod remarks;
mod replay;
mod run;
mod scan;
mod service;
mod setup;
#[cfg(feature = "simulate")]
mod simulate;
mod stop;
mod tools;
mod trouble;
mod web_page;

use std::process::ExitCode;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::config::Problems;
use crate::terminal;

#[cfg(feature = "demo")]
pub use history::demo::{DemoPast, feed, fill};
pub use page::configuration_page;

const ABOUT: &str = "Solar inverters and smart meters in Home Assistant, by MQTT";

const EXAMPLES: &str =
    "  wattbridge init                      write a configuration file to begin with
  wattbridge scan ecu 192.168.1.0/24   find APsystems ECUs
  wattbridge ports                     list serial ports, for meters
  wattbridge check --connect           try the file, the broker and the devices
  wattbridge run                       connect everything, for years

Each command explains itself: wattbridge COMMAND --help";

/// Why a command ended badly.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration cannot be used; exit code 2.
    #[error("{0}")]
    Config(#[from] Problems),
    /// Anything else; exit code 1.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl CliError {
    /// Says it on standard error, as the last thing before the end.
    pub fn tell(&self) {
        terminal::last_words(self.to_string());
    }

    /// The exit code: 2 where the user's file or arguments are wrong, else 1.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(_) => 2,
            Self::Other(_) => 1,
        })
    }
}

/// The whole command line, with what the adapters add to it.
pub fn command() -> Command {
    let command = Command::new("wattbridge")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(examples())
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(run::RunArgs::augment_args(Command::new("run")))
        .subcommand(init::InitArgs::augment_args(Command::new("init")))
        .subcommand(check::CheckArgs::augment_args(Command::new("check")));
    #[cfg(feature = "demo")]
    let command = command.subcommand(demo::DemoArgs::augment_args(Command::new("demo")));
    #[cfg(feature = "simulate")]
    let command = command.subcommand(simulate::command());
    command
        .subcommand(scan::ScanArgs::augment_args(Command::new("scan")))
        .subcommand(ports::PortsArgs::augment_args(Command::new("ports")))
        .subcommand(discovery::DiscoveryArgs::augment_args(Command::new(
            "discovery",
        )))
        .subcommand(decode::DecodeArgs::augment_args(Command::new("decode")))
        .subcommand(record::RecordArgs::augment_args(Command::new("record")))
        .subcommand(replay::ReplayArgs::augment_args(Command::new("replay")))
        .subcommands(tools::commands())
        .subcommand(migrate::MigrateArgs::augment_args(Command::new("migrate")))
        .subcommand(history::HistoryArgs::augment_args(Command::new("history")))
        .subcommand(export::ExportArgs::augment_args(Command::new("export")))
        .subcommand(backup::BackupArgs::augment_args(Command::new("backup")))
        .subcommand(backup::RestoreArgs::augment_args(Command::new("restore")))
        .subcommand(health::HealthArgs::augment_args(Command::new("health")))
        .subcommand(completions::CompletionsArgs::augment_args(Command::new(
            "completions",
        )))
}

fn examples() -> String {
    let demo = if cfg!(feature = "demo") {
        "  wattbridge demo                      see it work, without any device\n"
    } else {
        ""
    };
    format!("Examples:\n{demo}{EXAMPLES}")
}

/// What was written on the command line; whoever wrote it wrong is told so, and that is the end.
pub fn written() -> ArgMatches {
    command().subcommands(left_out::commands()).get_matches()
}

/// Does what the command line says.
pub fn main(matches: &ArgMatches) -> Result<(), CliError> {
    let result = carry_out(matches);
    logging::finish();
    match terminal::lost_words() {
        Some(error) => result.and(Err(anyhow::anyhow!(
            "what was to be written is not all there: {error}; make room where the standard output goes, and run this \
             again"
        )
        .into())),
        None => result,
    }
}

fn carry_out(matches: &ArgMatches) -> Result<(), CliError> {
    let Some((name, matches)) = matches.subcommand() else {
        return Ok(());
    };
    match name {
        "run" => run::run(&args(matches)),
        "init" => init::run(&args(matches)),
        "check" => check::run(&args(matches)),
        #[cfg(feature = "demo")]
        "demo" => demo::run(&args(matches)),
        "scan" => scan::run(&args(matches)),
        "ports" => ports::run(&args(matches)),
        "discovery" => discovery::run(&args(matches)),
        "decode" => decode::run(&args(matches)),
        "record" => record::run(&args(matches)),
        "replay" => replay::run(&args(matches)),
        #[cfg(feature = "simulate")]
        "simulate" => simulate::run(matches),
        "migrate" => migrate::run(&args(matches)),
        "history" => history::run(&args(matches)),
        "export" => export::run(&args(matches)),
        "backup" => backup::run_backup(&args(matches)),
        "restore" => backup::run_restore(&args(matches)),
        "health" => health::run(&args(matches)),
        "completions" => {
            completions::run(&args(matches));
            Ok(())
        }
        other => left_out::run(other).unwrap_or_else(|| tools::run(other, matches)),
    }
}

/// The typed arguments of a subcommand that clap has already checked.
fn args<T: FromArgMatches>(matches: &ArgMatches) -> T {
    T::from_arg_matches(matches).unwrap_or_else(|error| error.exit())
}

/// One thread is plenty: devices speak a few times a minute.
fn runtime() -> Result<tokio::runtime::Runtime, anyhow::Error> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    /// Prose is wrapped by the width of the terminal; examples have to fit as they are.
    #[test]
    fn every_help_fits_an_ordinary_terminal() {
        fn look(command: &mut Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            let lines: Vec<&str> = help.lines().collect();
            for pair in lines.windows(2) {
                let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ');
                let is_broken = is_prose(pair[0]) && is_prose(pair[1]);
                assert!(!is_broken || pair[0].ends_with(':'), "{path}:\n{}", pair[0]);
            }
            for line in lines.into_iter().filter(|line| line.starts_with(' ')) {
                assert!(line.chars().count() <= 80, "{path}:\n{line}");
            }
            for inner in command.get_subcommands_mut() {
                look(inner, &path);
            }
        }
        look(&mut command(), "");
    }

    #[test]
    fn adapters_are_listed_in_the_help() {
        let mut command = command();
        for name in ["decode", "record"] {
            let command = command.find_subcommand_mut(name).unwrap();
            let help = command.render_long_help().to_string();
            for adapter in crate::adapters::ADAPTERS {
                assert!(help.contains(&adapter::name(*adapter)), "{help}");
            }
        }
    }
}
