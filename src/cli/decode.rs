//! `wattbridge decode`: what bytes say, without a device.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::print::Lines;
use super::{CliError, adapter, input};
use crate::adapters::Adapter;
use crate::config::{Problem, Problems, Section};
use crate::terminal::{remark, say};

/// Decodes what a device sent, from files
#[derive(Debug, Args)]
#[command(after_help = "\
Each message becomes one JSON object on a line; what had to be refused is said on the standard error \
output with its place. Files hold raw bytes, hexadecimal text, or a recording.

Examples:
  wattbridge decode aps-ecu answer.hex
  wattbridge decode aps-ecu --annotate answer.bin   each byte with its meaning
  echo 415053... | wattbridge decode aps-ecu -
  wattbridge decode aps-ecu ecu.recording --set time_zone=Europe/Berlin")]
pub(super) struct DecodeArgs {
    /// The adapter, as in the configuration
    #[arg(value_parser = adapter::by_name())]
    adapter: &'static dyn Adapter,
    /// The files; - is the standard input
    files: Vec<PathBuf>,
    /// Sets a key of the adapter's section
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pairs: Vec<(String, String)>,
    /// Shows each byte with its meaning instead
    #[arg(long)]
    annotate: bool,
}

pub(super) fn run(args: &DecodeArgs) -> Result<(), CliError> {
    let section = Section::from_pairs(args.adapter.kind(), &args.pairs)?;
    let mut decoded = 0_u64;
    for path in input::or_stdin(&args.files) {
        let content = input::read(&path)?;
        if content.is_empty() {
            remark(&format!("{}: there is nothing in it", path.display()));
        }
        for stream in input::streams(content)? {
            let mut decoder = args.adapter.decoder(&section)?;
            if args.annotate {
                decoder.annotate();
            }
            decoder.push(&stream);
            decoded += drain(&mut *decoder, args.annotate, &path.display().to_string());
        }
    }
    if decoded == 0 {
        return Err(anyhow!(
            "nothing could be decoded; is it really from {}?",
            args.adapter.title()
        )
        .into());
    }
    Ok(())
}

/// Prints all that a decoder holds; says how many messages there were.
fn drain(decoder: &mut dyn crate::adapters::Decoder, annotate: bool, name: &str) -> u64 {
    let mut lines = Lines::default();
    let mut count = 0;
    let mut is_over = false;
    loop {
        while let Some(result) = decoder.next() {
            match result {
                Ok(decoded) => {
                    count += 1;
                    let texts = if annotate {
                        vec![decoded.annotation]
                    } else {
                        let notes = decoded.notes.iter().map(ToString::to_string);
                        lines.of(decoded.reports).into_iter().chain(notes).collect()
                    };
                    if !texts.iter().all(|text| say(text)) {
                        return count;
                    }
                }
                Err(refused) => {
                    remark(&format!("{name}: {}", refused.reason));
                    if annotate && !refused.annotation.is_empty() && !say(&refused.annotation) {
                        return count;
                    }
                }
            }
        }
        match decoder.finish() {
            Some(rest) => remark(&format!("{name}: {rest}")),
            None if is_over => return count,
            // The end may have made something whole.
            None => is_over = true,
        }
    }
}

/// `key=value` as one argument.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.trim().is_empty())
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| format!("\"{text}\" is not of the form key=value"))
}

/// A problem with an argument.
pub(super) fn problem(what: impl Into<String>, hint: impl Into<String>) -> CliError {
    CliError::Config(Problems::from(Problem::new("", what, hint)))
}
