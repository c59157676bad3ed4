//! `wattbridge solaredge encrypted`: since when does an inverter encrypt? Tells from which days a capture has
//! to be to hold its key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, FromArgMatches};
use tokio_util::sync::CancellationToken;

use super::files::{CaptureFiles, FilePiece, FileTrouble, beside};
use super::times::when;
use crate::adapters::solaredge::health;
use crate::adapters::solaredge::listener::{ConnectionId, Listener, Noticed};
use crate::adapters::solaredge::wire::{Frame, Serial, address, function};
use crate::device::{BoxFuture, Tool, ToolError};
use crate::terminal::{remark, say};

/// See the [module](self).
pub struct EncryptedTool;

/// Units and connections of which no more are remembered.
const MOST: usize = 256;

#[derive(Debug, Args)]
struct EncryptedArgs {
    /// Captures, in the order of their time; - is the standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Tool for EncryptedTool {
    fn command(&self) -> clap::Command {
        let command = clap::Command::new("encrypted")
            .about("Says whether an inverter encrypts in captures, and since when")
            .after_help("Example:\n  wattbridge solaredge encrypted captures/*.pcap.gz");
        EncryptedArgs::augment_args(command)
    }

    fn run(
        &self,
        matches: &clap::ArgMatches,
        stop: CancellationToken,
    ) -> BoxFuture<Result<(), ToolError>> {
        let args = EncryptedArgs::from_arg_matches(matches);
        Box::pin(async move {
            let files = CaptureFiles::look(&args?.files)?;
            let Some(count) = beside(&stop, move |stop| Count::of(&files, stop)).await else {
                return Ok(());
            };
            count?.print()
        })
    }
}

/// Frames of one sort.
#[derive(Debug, Default)]
struct Span {
    count: u64,
    first: Option<Duration>,
    last: Option<Duration>,
}

impl Span {
    fn count(&mut self, at: Option<Duration>) {
        self.count += 1;
        let at = at.filter(|at| !at.is_zero());
        self.first = self.first.or(at);
        self.last = at.or(self.last);
    }

    fn words(&self) -> String {
        let times = self.first.zip(self.last);
        times.map_or_else(
            || "at times that the file does not say".to_owned(),
            |(first, last)| format!("{} to {}", when(first), when(last)),
        )
    }
}

/// The frames of a unit and to it.
#[derive(Debug, Default)]
struct Spans {
    clear: Span,
    sealed: Span,
}

/// All that is counted.
#[derive(Debug, Default)]
struct Count {
    units: BTreeMap<Serial, Spans>,
    connections: BTreeMap<ConnectionId, Serial>,
    has_tls: bool,
    packets: u64,
    refused: Vec<String>,
}

impl Count {
    fn of(files: &CaptureFiles, stop: &CancellationToken) -> Result<Self, FileTrouble> {
        let (mut count, mut listener) = (Self::default(), Listener::default());
        let mut name = String::new();
        files.read(stop, |piece| match piece {
            FilePiece::Begin(path) => {
                listener.begin_file();
                name = path.display().to_string();
            }
            FilePiece::Bytes(bytes) => listener.push(bytes, &mut |it| count.take(it, &name)),
        })?;
        listener.finish(&mut |it| count.take(it, &name));
        count.packets = listener.seen().packets;
        Ok(count)
    }

    fn take(&mut self, noticed: Noticed<'_>, file: &str) {
        match noticed {
            Noticed::Frame {
                at,
                connection,
                frame,
                ..
            } => self.frame(connection, &frame, at),
            Noticed::Tls(_) => self.has_tls = true,
            Noticed::Closed(connection) => {
                self.connections.remove(&connection);
            }
            Noticed::Refused(why) if self.refused.len() < MOST => {
                self.refused.push(format!("{file}: {why}"));
            }
            Noticed::Refused(_) | Noticed::Skipped(..) => {}
        }
    }

    fn frame(&mut self, connection: ConnectionId, frame: &Frame<'_>, at: Option<Duration>) {
        let sender = frame.unit();
        if let Some(unit) = sender.filter(|_| self.connections.len() < MOST) {
            self.connections.insert(connection, unit);
        }
        let receiver = (!address::is_special(frame.destination))
            .then(|| Serial::of_inverter(frame.destination));
        // What the server seals does not say for whom.
        let of_connection = || self.connections.get(&connection).copied();
        let Some(unit) = sender.or(receiver).or_else(of_connection) else {
            return;
        };
        if self.units.len() >= MOST && !self.units.contains_key(&unit) {
            return;
        }
        let spans = self.units.entry(unit).or_default();
        match frame.function {
            function::SEALED | function::SESSION_KEY => spans.sealed.count(at),
            _ => spans.clear.count(at),
        }
    }

    fn print(&self) -> Result<(), ToolError> {
        for refused in &self.refused {
            remark(refused);
        }
        for (unit, spans) in &self.units {
            if !say(&spans.say(*unit)) {
                return Ok(());
            }
        }
        if self.has_tls {
            say(&health::tls().sentence());
        }
        if self.units.is_empty() && !self.has_tls {
            return Err(format!(
                "there is no message of an inverter in these files ({} packets); `wattbridge solaredge doctor FILES` looks \
                 closer",
                self.packets
            )
            .into());
        }
        Ok(())
    }
}

impl Spans {
    /// What there is to say of a unit.
    fn say(&self, unit: Serial) -> String {
        let (clear, sealed) = (&self.clear, &self.sealed);
        let counts = format!("{} messages in clear, {} sealed", clear.count, sealed.count);
        let words = if sealed.count == 0 {
            format!("all in clear, {}", clear.words())
        } else if clear.count == 0 {
            format!("encrypted all the time, {}", sealed.words())
        } else if let (Some(until), Some(since)) = (clear.last, sealed.first)
            && until <= since
        {
            let (until, since) = (when(until), when(since));
            format!("in clear until {until}, encrypted since {since}")
        } else {
            format!(
                "both in turn: in clear {}, encrypted {}",
                clear.words(),
                sealed.words()
            )
        };
        format!("{unit}: {words} ({counts})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Serial = Serial(0x7f12_3456);

    fn said(frames: &[(u16, u64)]) -> String {
        let mut count = Count::default();
        for (function, at) in frames {
            let frame = Frame {
                sequence: 1,
                source: UNIT.0,
                destination: address::SERVER,
                function: *function,
                data: &[],
            };
            let at = Some(Duration::from_secs(1_700_000_000 + at));
            count.frame(ConnectionId::ONLY, &frame, at);
            // Of the server's envelopes, only their connection tells whose they are.
            let answer = Frame {
                source: address::TOOL,
                destination: address::BROADCAST,
                ..frame
            };
            count.frame(ConnectionId::ONLY, &answer, at);
        }
        assert_eq!(count.units.len(), 1);
        count.units[&UNIT].say(UNIT)
    }

    #[test]
    fn the_day_of_the_change_is_said() {
        let (clear, sealed) = (function::TELEMETRY, function::SEALED);
        assert!(said(&[(clear, 0)]).contains(": all in clear, 2023-"));
        assert!(said(&[(sealed, 0)]).contains(": encrypted all the time, 2023-"));
        let change = said(&[(clear, 0), (function::SESSION_KEY, 60), (sealed, 60)]);
        assert!(change.contains("in clear until 2023-"), "{change}");
        assert!(change.contains("encrypted since 2023-"), "{change}");
        assert!(
            change.ends_with("(2 messages in clear, 4 sealed)"),
            "{change}"
        );
        assert!(said(&[(sealed, 0), (clear, 5), (sealed, 9)]).contains("both in turn"));
    }
}
