//! Recordings: the raw exchange with a device as a text file.
//!
//! ```text
//! # wattbridge recording 1
//! # adapter: aps_ecu
//! # started: 2026-06-21T10:00:00.000Z
//! # set: key=000102030405060708090A0B0C0D0E0F
//! 0.000 1 open 192.168.1.50:8899
//! 0.004 1 > 41505331313030313630303031454e440a
//! 0.021 1 < 4150533131...
//! 0.022 1 close
//! ```
//!
//! `set`, where there is any, is a key of the adapter's section that the recording is read with: those
//! that opened a masked one are not the user's own.
//!
//! Each line: seconds since the start, the number of the connection, what happened. `>` are bytes to
//! the device, `<` bytes from it, `fail WORDS` a connection that did not come about. Serial ports are
//! recorded alike: `open /dev/ttyUSB0`, or `open tcp://192.168.1.9:2001`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::ports::PortInfo;
use crate::hex;

pub const MAGIC: &str = "# wattbridge recording 1";
/// More than months of polling one device; a larger file is a mistake.
const MAX_LINES: usize = 10_000_000;

/// A hundred years: times stay such that they can be reckoned with.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// One line of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedLine {
    /// Time since the start.
    pub after: Duration,
    /// Which connection, counted from 1.
    pub connection: u64,
    /// What happened on it.
    pub event: Event,
}

/// What happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was opened to this address.
    Open(String),
    /// It could not be opened.
    Fail(String),
    /// Bytes went to the device.
    Sent(Vec<u8>),
    /// Bytes came from the device.
    Received(Vec<u8>),
    /// It was closed, by whichever side.
    Close,
}

/// A whole recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The adapter whose exchange it is.
    pub adapter: String,
    /// When it began.
    pub started: Timestamp,
    /// Keys of the adapter's section that it can be read with, and their values.
    pub settings: Vec<(String, String)>,
    /// What happened, in order.
    pub lines: Vec<RecordedLine>,
}

/// A recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file is not a recording at all.
    #[error(
        "this is not a recording: its first line should be \"{MAGIC}\"; make one with `wattbridge record`"
    )]
    NotARecording,
    /// The head lacks a field.
    #[error("the head of the recording lacks \"# {0}: ...\"; copy it from the original file")]
    HeadLacks(&'static str),
    /// A line does not follow the format.
    #[error("line {line}: {what}; each line reads `SECONDS CONNECTION open|>|<|close|fail ...`")]
    RecordedLine {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The file cannot be written.
    #[error("the recording cannot be written ({0}); is the disk full, or the folder not yours?")]
    Write(#[from] std::io::Error),
}

impl Recording {
    /// Reads a recording. Every line is checked; hostile text gives an error with its line.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let mut lines = text.lines().enumerate();
        let first = lines
            .next()
            .map(|(_, line)| line.trim_start_matches('\u{feff}').trim_end());
        if first != Some(MAGIC) {
            return Err(RecordingError::NotARecording);
        }
        let (mut adapter, mut started, mut events) = (None, None, Vec::new());
        let mut settings = Vec::new();
        for (index, line) in lines {
            let at = |what| RecordingError::RecordedLine {
                line: index + 1,
                what,
            };
            let line = line.trim();
            if let Some(comment) = line.strip_prefix('#') {
                match comment
                    .split_once(':')
                    .map(|(key, value)| (key.trim(), value.trim()))
                {
                    Some(("adapter", value)) => adapter = Some(value.to_owned()),
                    Some(("started", value)) => {
                        let moment = value.parse().map_err(|_| at("that is no moment in time"))?;
                        if !is_of_this_age(moment) {
                            return Err(at("the start is not between the years 2000 and 2100"));
                        }
                        started = Some(moment);
                    }
                    Some(("set", pair)) => {
                        let (key, value) = pair
                            .split_once('=')
                            .ok_or_else(|| at("what is set is not of the form KEY=VALUE"))?;
                        settings.push((key.trim().to_owned(), value.trim().to_owned()));
                    }
                    _ => {}
                }
            } else if !line.is_empty() {
                events.push(parse_line(line).map_err(at)?);
                if events.len() > MAX_LINES {
                    return Err(at("there are too many lines; split the recording"));
                }
            }
        }
        Ok(Self {
            adapter: adapter.ok_or(RecordingError::HeadLacks("adapter"))?,
            started: started.ok_or(RecordingError::HeadLacks("started"))?,
            settings,
            lines: events,
        })
    }

    /// What a device must do to play its part of this recording again.
    pub fn script(&self) -> Script {
        let mut connections: BTreeMap<u64, VecDeque<RecordedLine>> = BTreeMap::new();
        for line in &self.lines {
            connections
                .entry(line.connection)
                .or_default()
                .push_back(line.clone());
        }
        Script {
            started: self.started,
            connections: connections.into_values().collect(),
        }
    }
}

/// The connections of a recording, ready to be played one after the other.
#[derive(Debug, Clone)]
pub struct Script {
    /// When the recording began.
    pub started: Timestamp,
    /// The lines of each connection.
    pub connections: VecDeque<VecDeque<RecordedLine>>,
}

impl Script {
    /// The serial ports that were opened.
    pub fn ports(&self) -> Vec<PortInfo> {
        let opened = |line: &RecordedLine| match &line.event {
            Event::Open(address) if address.starts_with('/') => Some(PathBuf::from(address)),
            _ => None,
        };
        let paths: BTreeSet<PathBuf> = self
            .connections
            .iter()
            .flatten()
            .filter_map(opened)
            .collect();
        let port = |path: PathBuf| PortInfo {
            by_id: Some(path.clone()),
            path,
            description: None,
            serial: None,
        };
        paths.into_iter().map(port).collect()
    }
}

/// Whether times after this one can be reckoned with, however long the recording is.
fn is_of_this_age(moment: Timestamp) -> bool {
    /// 2000-01-01 and 2100-01-01.
    const YEARS: std::ops::Range<i64> = 946_684_800..4_102_444_800;
    YEARS.contains(&moment.as_second())
}

fn parse_line(line: &str) -> Result<RecordedLine, &'static str> {
    let mut words = line.splitn(4, ' ');
    let after = words
        .next()
        .and_then(|text| text.parse::<f64>().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|after| *after <= LONGEST)
        .ok_or("the line does not begin with seconds")?;
    let connection = words
        .next()
        .and_then(|text| text.parse().ok())
        .ok_or("the second word is not the number of a connection")?;
    let verb = words.next().ok_or("the line ends too early")?;
    let rest = words.next().unwrap_or("").trim();
    let event = match verb {
        "open" => Event::Open(rest.to_owned()),
        "fail" => Event::Fail(rest.to_owned()),
        ">" => Event::Sent(from_hex(rest).ok_or("the bytes are not hexadecimal")?),
        "<" => Event::Received(from_hex(rest).ok_or("the bytes are not hexadecimal")?),
        "close" => Event::Close,
        _ => return Err("the third word is none of open, >, <, close, fail"),
    };
    Ok(RecordedLine {
        after,
        connection,
        event,
    })
}

/// Bytes from hexadecimal digits; white space between bytes is fine.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.split_ascii_whitespace().collect();
    hex::bytes(&digits)
}

#[cfg(test)]
mod tests;
