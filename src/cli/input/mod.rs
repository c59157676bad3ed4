//! Bytes from files, however they are written down.

mod dump;
mod log;

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use self::log::{Log, Quoted};
use super::trouble::why;
use crate::device::Keys;
use crate::links::{Event, Recording};

/// More than any recording of a home.
const LARGEST: u64 = 256 << 20;

/// Reads a file, or the standard input for `-`.
pub fn read(path: &Path) -> Result<Vec<u8>, anyhow::Error> {
    let mut bytes = Vec::new();
    let name = path.display();
    let count = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)
    } else {
        let file = std::fs::File::open(path)
            .map_err(|error| anyhow!("{name} cannot be opened: {}", why(&error)))?;
        file.take(LARGEST + 1).read_to_end(&mut bytes)
    };
    let count = count.map_err(|error| anyhow!("{name} cannot be read: {}", why(&error)))?;
    if count as u64 > LARGEST {
        bail!("{name} is larger than 256 MiB; split it");
    }
    Ok(bytes)
}

/// One way to understand a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it is then.
    pub form: Form,
    /// The bytes from a device. Each part is a stream of its own.
    pub streams: Vec<Vec<u8>>,
    /// Keys of the adapter's section that the file brings.
    pub settings: Keys,
    /// A line of which not all could be understood.
    pub torn: Option<usize>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// The bytes themselves
    Bytes,
    /// Text that another program wrote of them
    Text,
    /// A recording of ours.
    #[value(skip)]
    Recording,
}

/// The ways to understand a file, the likeliest first. Text may be what a device sent, or what a
/// program wrote of that; which it is, shows when it is decoded.
pub fn readings(content: Vec<u8>) -> Result<Vec<Reading>, anyhow::Error> {
    let reading = |form, streams| Reading {
        form,
        streams,
        settings: Keys::new(),
        torn: None,
    };
    let mut readings = Vec::new();
    if let Ok(text) = std::str::from_utf8(&content) {
        let text = text.trim_start_matches('\u{feff}');
        if text.starts_with("# wattbridge recording") {
            let recording = Recording::parse(text)?;
            return Ok(vec![Reading {
                settings: recording.settings.clone(),
                ..reading(Form::Recording, received(&recording))
            }]);
        }
        for log in texts(text) {
            let torn = log.torn;
            let text = reading(Form::Text, vec![log.bytes]);
            readings.push(Reading { torn, ..text });
        }
    }
    readings.push(reading(Form::Bytes, vec![content]));
    Ok(readings)
}

/// What a text may have written down, the likeliest first.
fn texts(text: &str) -> Vec<Log> {
    let plain = |bytes| Log { bytes, torn: None };
    let dumps = dump::read(text);
    let arrays = log::arrays(text);
    let is_certain = arrays.is_some() || dumps.iter().any(|dump| dump.is_certain);
    let mut found: Vec<Log> = dumps.into_iter().map(|dump| plain(dump.bytes)).collect();
    found.extend(arrays.map(plain));
    if !is_certain {
        found.extend(log::read(text, Quoted::Digits));
        found.extend(log::read(text, Quoted::Characters));
        found.extend(log::wrapped(text).map(plain));
    }
    let mut distinct: Vec<Log> = Vec::new();
    for log in found {
        if distinct.iter().all(|known| known.bytes != log.bytes) {
            distinct.push(log);
        }
    }
    distinct
}

fn received(recording: &Recording) -> Vec<Vec<u8>> {
    let mut streams = std::collections::BTreeMap::<u64, Vec<u8>>::new();
    for line in &recording.lines {
        if let Event::Received(bytes) = &line.event {
            streams
                .entry(line.connection)
                .or_default()
                .extend_from_slice(bytes);
        }
    }
    streams.into_values().collect()
}

/// The paths to read: the standard input if none is given.
pub fn or_stdin(paths: &[PathBuf]) -> Vec<PathBuf> {
    if paths.is_empty() {
        vec![PathBuf::from("-")]
    } else {
        paths.to_vec()
    }
}

#[cfg(test)]
mod tests;
