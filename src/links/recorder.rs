//! Writing a recording while the exchange goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::recording::{Event, MAGIC, RecordedLine, RecordingError};

use crate::hex::Hex;

/// Turns bytes into what may be shown to others: serial numbers replaced, for example.
pub type Mask = Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>;

/// The silence that ends a message on a stream that nobody asks. Within a message, the longest seen
/// is less than half of it; between messages, the shortest is a bit less than a second.
const SILENCE: Duration = Duration::from_millis(500);
/// Bytes kept back at most. No message is near as long; a line that never falls silent is noise.
const MOST_HELD: usize = 256 * 1024;

/// Writes a recording while the exchange goes on. Cheap to clone; all clones write one file.
///
/// Bytes are kept back until the direction changes, the connection closes or, on a stream that
/// nobody asks, a silence of more than half a second follows. So a mask sees whole messages however
/// they were cut on the way, and each message has its own time.
#[derive(Clone)]
pub struct Recorder {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    out: Box<dyn Write + Send>,
    mask: Option<Mask>,
    connections: u64,
    /// Connections on which silence ends a message. On others it may just be a slow network.
    streams: BTreeSet<u64>,
    held: BTreeMap<u64, Held>,
    error: Option<std::io::Error>,
    has_received: bool,
}

/// Bytes of one message, as far as they have come.
struct Held {
    /// When the first of them came.
    first: Duration,
    /// When the last of them came.
    last: Duration,
    sent: bool,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    /// Begins a recording with its head.
    pub fn new(
        mut out: Box<dyn Write + Send>,
        adapter: &str,
        started: Timestamp,
        mask: Option<Mask>,
    ) -> Result<Self, RecordingError> {
        writeln!(
            out,
            "{MAGIC}\n# adapter: {adapter}\n# started: {started:.3}"
        )?;
        let inner = Inner {
            out,
            mask,
            connections: 0,
            streams: BTreeSet::new(),
            held: BTreeMap::new(),
            error: None,
            has_received: false,
        };
        Ok(Self {
            inner: Arc::new(Mutex::new(inner)),
        })
    }

    /// Writes into the head what the recording is to be read with.
    pub fn set(&self, settings: &[(String, String)]) {
        let mut inner = self.lock();
        for (key, value) in settings {
            let written = writeln!(inner.out, "# set: {key}={value}");
            inner.error = inner.error.take().or(written.err());
        }
    }

    /// The number of a new connection on which each message is the answer to another.
    pub fn connection(&self) -> u64 {
        let mut inner = self.lock();
        inner.connections += 1;
        inner.connections
    }

    /// The number of a new connection on which the device speaks when it wants to.
    pub fn stream(&self) -> u64 {
        let number = self.connection();
        self.lock().streams.insert(number);
        number
    }

    /// Writes down what happened.
    pub fn record(&self, line: &RecordedLine) {
        self.lock().record(line);
    }

    /// Whether anything has come from the other side.
    pub fn has_received(&self) -> bool {
        self.lock().has_received
    }

    /// The first trouble there was with writing, if any.
    pub fn finish(&self) -> Result<(), RecordingError> {
        let mut inner = self.lock();
        let open: Vec<u64> = inner.held.keys().copied().collect();
        for connection in open {
            inner.flush_held(connection);
        }
        let flushed = inner.out.flush();
        inner
            .error
            .take()
            .map_or(flushed, Err)
            .map_err(RecordingError::from)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn record(&mut self, line: &RecordedLine) {
        let (sent, bytes) = match &line.event {
            Event::Sent(bytes) => (true, bytes),
            Event::Received(bytes) => {
                self.has_received = true;
                (false, bytes)
            }
            _ => {
                self.flush_held(line.connection);
                if line.event == Event::Close {
                    self.streams.remove(&line.connection);
                }
                return self.write(line);
            }
        };
        let stream = self.streams.contains(&line.connection);
        if self.held.get(&line.connection).is_some_and(|held| {
            held.sent != sent
                || (stream && line.after.saturating_sub(held.last) > SILENCE)
                || held.bytes.len() + bytes.len() > MOST_HELD
        }) {
            self.flush_held(line.connection);
        }
        let held = self.held.entry(line.connection).or_insert_with(|| Held {
            first: line.after,
            last: line.after,
            sent,
            bytes: Vec::new(),
        });
        held.last = line.after;
        held.bytes.extend_from_slice(bytes);
    }

    fn flush_held(&mut self, connection: u64) {
        if let Some(held) = self.held.remove(&connection) {
            let bytes = match &mut self.mask {
                Some(mask) => mask(&held.bytes),
                None => held.bytes,
            };
            let event = if held.sent {
                Event::Sent(bytes)
            } else {
                Event::Received(bytes)
            };
            self.write(&RecordedLine {
                after: held.first,
                connection,
                event,
            });
        }
    }

    fn write(&mut self, line: &RecordedLine) {
        let mut text = format!("{:.3} {} ", line.after.as_secs_f64(), line.connection);
        // Writing to a String cannot fail.
        let _ = match &line.event {
            Event::Open(address) => write!(text, "open {address}"),
            Event::Fail(words) => write!(text, "fail {}", words.replace('\n', " ")),
            Event::Sent(bytes) => write!(text, "> {}", Hex::of(bytes)),
            Event::Received(bytes) => write!(text, "< {}", Hex::of(bytes)),
            Event::Close => write!(text, "close"),
        };
        let written = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }
}
