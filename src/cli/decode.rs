//! `wattbridge decode`: what bytes say, without a device.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::input::{Form, Reading};
use super::print::JsonLines;
use super::{CliError, adapter, input};
use crate::config::{Problem, Problems, Section};
use crate::device::{Adapter, Decoded, Decoder};
use crate::terminal::{remark, say};

/// Decodes what a device sent, from files
#[derive(Debug, Args)]
#[command(after_help = "\
Each message becomes one JSON object on a line; what had to be refused is said on the standard error \
output with its place. Files hold raw bytes, a recording, or text in which a program wrote the bytes \
down: hexadecimal in any form, logs of ESPHome, Tasmota, OpenDTU and others, dumps of xxd, hexdump and \
od. Which it is, is found out.

Examples:
  wattbridge decode aps-ecu answer.hex
  wattbridge decode aps-ecu --annotate answer.bin   each byte with its meaning
  echo 415053... | wattbridge decode aps-ecu -
  wattbridge decode aps-ecu ecu.recording --set time_zone=Europe/Berlin")]
pub struct DecodeArgs {
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
    /// What the files are, where that is not plain
    #[arg(long = "as", value_name = "FORM")]
    form: Option<Form>,
}

/// Bytes handed over at once.
const PIECE: usize = 64 * 1024;

pub fn run(args: &DecodeArgs) -> Result<(), CliError> {
    // Even where there is no file to read.
    Section::from_pairs(args.adapter.kind(), &args.pairs)?;
    let mut decoded = 0_u64;
    // What goes on from one file to the next.
    let mut open: Option<Box<dyn Decoder>> = None;
    let mut lines = JsonLines::default();
    for path in input::or_stdin(&args.files) {
        let content = input::read(&path)?;
        let name = path.display().to_string();
        if content.is_empty() {
            remark(&format!("{name}: there is nothing in it"));
        }
        let reading = choose(args, input::readings(content)?, &name)?;
        if let Some(line) = reading.torn {
            remark(&format!(
                "{name}: line {line} begins with bytes and goes on otherwise; it is left out"
            ));
        }
        for stream in &reading.streams {
            let kept = open.take().filter(|_| reading.settings.is_empty());
            let mut decoder = match kept {
                Some(decoder) => decoder,
                None => args.decoder(&reading)?,
            };
            for piece in stream.chunks(PIECE) {
                decoder.push(piece);
                decoded += drain(&mut *decoder, &mut lines, args.annotate, &name);
            }
            if decoder.next_file() {
                open = Some(decoder);
            } else {
                decoded += finish(&mut *decoder, &mut lines, args.annotate, &name);
            }
        }
    }
    if let Some(mut decoder) = open {
        decoded += finish(&mut *decoder, &mut lines, args.annotate, "the end");
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

impl DecodeArgs {
    fn decoder(&self, reading: &Reading) -> Result<Box<dyn Decoder>, CliError> {
        let pairs = with_settings(&reading.settings, &self.pairs);
        let section = Section::from_pairs(self.adapter.kind(), &pairs)?;
        let mut decoder = self.adapter.decoder(&section)?;
        if self.annotate {
            decoder.annotate();
        }
        Ok(decoder)
    }

    /// All that comes out of a file if it is read this way.
    fn outcome(&self, reading: &Reading) -> Result<Vec<Decoded>, CliError> {
        let mut all = Vec::new();
        for stream in &reading.streams {
            let mut decoder = self.decoder(reading)?;
            decoder.push(stream);
            let mut is_over = false;
            loop {
                all.extend(std::iter::from_fn(|| decoder.next()).flatten());
                match decoder.finish() {
                    Some(_) => {}
                    None if is_over => break,
                    None => is_over = true,
                }
            }
        }
        Ok(all)
    }
}

/// The way to read a file: the only one, else the one in which the adapter finds something.
fn choose(args: &DecodeArgs, readings: Vec<Reading>, name: &str) -> Result<Reading, CliError> {
    let mut readings: Vec<Reading> = match args.form {
        Some(form) => {
            let wanted =
                |reading: &Reading| matches!(reading.form, Form::Recording) || reading.form == form;
            readings.into_iter().filter(wanted).collect()
        }
        None => readings,
    };
    let mut found: Option<(usize, Vec<Decoded>)> = None;
    if readings.len() > 1 {
        for (index, reading) in readings.iter().enumerate() {
            let outcome = args.outcome(reading)?;
            match &found {
                _ if outcome.is_empty() => {}
                None => found = Some((index, outcome)),
                Some((_, before)) if *before == outcome => {}
                Some(_) => {
                    return Err(problem(
                        format!("{name} can be read in two ways, and both give something"),
                        "say with --as whether it is text that a program wrote of the bytes, or the \
                         bytes themselves",
                    ));
                }
            }
        }
    }
    let index = found.map_or(0, |(index, _)| index);
    if readings.is_empty() {
        return Err(problem(
            format!("{name} is no text in which bytes are written down"),
            "leave out --as",
        ));
    }
    Ok(readings.swap_remove(index))
}

/// Prints all that a decoder holds; says how many messages there were.
fn drain(decoder: &mut dyn Decoder, lines: &mut JsonLines, annotate: bool, name: &str) -> u64 {
    let mut count = 0;
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
                let mut texts = texts.iter().filter(|text| !text.is_empty());
                if !texts.all(|text| say(text)) {
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
    count
}

/// The same at the end of its bytes.
fn finish(decoder: &mut dyn Decoder, lines: &mut JsonLines, annotate: bool, name: &str) -> u64 {
    let mut count = 0;
    let mut is_over = false;
    loop {
        count += drain(decoder, lines, annotate, name);
        match decoder.finish() {
            Some(rest) => remark(&format!("{name}: {rest}")),
            None if is_over => return count,
            // The end may have made something whole.
            None => is_over = true,
        }
    }
}

/// `key=value` as one argument.
pub fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.trim().is_empty())
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| format!("\"{text}\" is not of the form key=value"))
}

/// What a recording is to be read with, and what the user says, who wins.
pub fn with_settings(
    settings: &[(String, String)],
    pairs: &[(String, String)],
) -> Vec<(String, String)> {
    let is_said = |key: &str| pairs.iter().any(|(said, _)| said == key);
    let settings = settings.iter().filter(|(key, _)| !is_said(key));
    settings.chain(pairs).cloned().collect()
}

/// A problem with an argument.
pub fn problem(what: impl Into<String>, hint: impl Into<String>) -> CliError {
    CliError::Config(Problems::from(Problem::new("", what, hint)))
}
