//! `wattbridge solaredge key`: the key of an inverter, out of captures or from the inverter itself. The only
//! command that shows one.

use std::path::PathBuf;

use clap::{Args, FromArgMatches};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::files::{CaptureFiles, beside};
use super::key_line::KeyQuestions;
use super::key_search::{FoundKey, KeyFindings, search};
use crate::adapters::solaredge::wire::{DeviceKey, KeyPart, Serial};
use crate::device::line::converse;
use crate::device::{BoxFuture, Tool, ToolError};
use crate::links::{Address, Links};
use crate::terminal::{remark, say};

/// See the [module](self).
pub struct KeyTool;

const EXAMPLES: &str = "\
Examples:
  wattbridge solaredge key --pcap first-days/*.pcap.gz
  wattbridge solaredge key --serial /dev/ttyUSB0 --inverter 7F123456-1B

An inverter that has just been installed talks in clear, until its server reads the key out once: a \
capture of that moment shows it. Any other time it can be read from the inverter over RS-232 or USB. \
Nothing in the inverter is changed. Whoever has the key can read what the inverter sends: keep it to \
yourself.";

#[derive(Debug, Args)]
struct KeyArgs {
    /// Captures of both directions, in the order of their time: pcap or pcapng, also with gzip
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "serial")]
    pcap: Vec<PathBuf>,
    /// The serial port that the inverter is connected to, or tcp://HOST:PORT of what passes it on
    #[arg(
        long,
        value_name = "PORT",
        conflicts_with = "pcap",
        requires = "inverter"
    )]
    serial: Option<String>,
    /// The serial number on the inverter's label
    #[arg(long, value_name = "SERIAL", requires = "serial")]
    inverter: Option<Serial>,
}

impl Tool for KeyTool {
    fn command(&self) -> clap::Command {
        let command = clap::Command::new("key")
            .about("Finds the key of an inverter that encrypts")
            .after_help(EXAMPLES);
        KeyArgs::augment_args(command)
    }

    fn run(
        &self,
        matches: &clap::ArgMatches,
        stop: CancellationToken,
    ) -> BoxFuture<Result<(), ToolError>> {
        let args = KeyArgs::from_arg_matches(matches);
        Box::pin(async move {
            let args = args?;
            match (args.serial, args.inverter) {
                (Some(port), Some(unit)) => from_line(&port, unit, &stop).await,
                _ => from_files(&args.pcap, &stop).await,
            }
        })
    }
}

async fn from_line(port: &str, unit: Serial, stop: &CancellationToken) -> Result<(), ToolError> {
    let address: Address = port.parse()?;
    if matches!(address, Address::Capture(_)) {
        return Err("the inverter cannot be asked there; name the serial port it is connected to, such as /dev/ttyUSB0".into());
    }
    remark(&format!("Asking {unit} at {address}"));
    let mut questions = KeyQuestions::new(unit);
    let links = Links::new();
    let conversed = converse(&mut questions, &address, &links, |questions, _, _| {
        let result = questions.result().map(Some);
        result.or_else(|| stop.is_cancelled().then_some(None))
    });
    let ended = conversed.await;
    let result = ended.map_err(|error| format!("{error}. {}", error.advice()))?;
    let Some(result) = result else {
        return Ok(());
    };
    print(&[(unit, &result?)]);
    Ok(())
}

async fn from_files(paths: &[PathBuf], stop: &CancellationToken) -> Result<(), ToolError> {
    let files = CaptureFiles::look(paths)?;
    let Some(findings) = beside(stop, move |stop| search(&files, stop)).await else {
        return Ok(());
    };
    let findings = findings?;
    for refused in &findings.refused {
        remark(refused);
    }
    for (unit, parts) in &findings.parts {
        remark(&format!(
            "Of the key of {unit}, no more than {} of four can be seen; the rest was not captured.",
            words(parts)
        ));
    }
    if findings.keys.is_empty() {
        return Err(why_nothing(&findings).into());
    }
    for found in &findings.keys {
        remark(&said(found));
    }
    let keys = findings.keys.iter().map(|found| (found.unit, &found.key));
    print(&keys.collect::<Vec<_>>());
    Ok(())
}

/// As it is written into the section.
fn print(keys: &[(Serial, &DeviceKey)]) {
    let mut line = Zeroizing::new(String::with_capacity(64 * (keys.len() + 1)));
    line.push_str("keys = {");
    for (index, (unit, key)) in keys.iter().enumerate() {
        line.push_str(if index == 0 { " " } else { ", " });
        line.push_str(&format!("\"{unit}\" = \""));
        line.push_str(&key.reveal());
        line.push('"');
    }
    line.push_str(" }");
    say(&line);
}

/// What speaks for a key.
fn said(found: &FoundKey) -> String {
    let unit = found.unit;
    let opens = match found.opens {
        Some(true) => "opens the messages in this capture: yes",
        Some(false) => {
            "opens the messages in this capture: no. Either it was changed later, or it has a mistake; try it on a newer \
             capture with `wattbridge solaredge doctor`"
        }
        None => {
            "whether it opens messages cannot be tried: none that it could be tried on are in this capture"
        }
    };
    let origin = if found.is_checked {
        "from whole messages"
    } else {
        "from a damaged file, without checksums"
    };
    format!("The key of {unit}, {origin}; {opens}.")
}

fn words(parts: &[KeyPart]) -> String {
    let numbers: Vec<String> = parts.iter().map(|part| (part + 1).to_string()).collect();
    match &numbers[..] {
        [one] => format!("part {one}"),
        [first @ .., last] => format!("parts {} and {last}", first.join(", ")),
        [] => "none".to_owned(),
    }
}

fn why_nothing(findings: &KeyFindings) -> String {
    let how = "read it from the inverter: wattbridge solaredge key --serial PORT --inverter SERIAL";
    let seen = &findings.seen;
    if seen.frames == 0 {
        return format!(
            "there is no message of an inverter in these files ({} packets), so no key either; was the inverter's network \
             cable captured? `wattbridge solaredge doctor FILES` looks closer",
            seen.packets
        );
    }
    if !findings.parts.is_empty() {
        return format!("no whole key; name the captures around these too, or {how}");
    }
    if findings.is_sealed {
        return format!(
            "no key was read out in these files, and the inverter encrypts in them already; look in captures from before, \
             or {how}"
        );
    }
    "no key was read out in these files, and nothing in them is encrypted: without a key, all can be read so far. Go on \
     capturing if you want to see the key when it is read out"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_from_one() {
        assert_eq!(words(&[0]), "part 1");
        assert_eq!(words(&[0, 2, 3]), "parts 1, 3 and 4");
    }
}
