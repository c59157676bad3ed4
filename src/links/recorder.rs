//! Writing a recording while the exchange goes on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::recording::{Event, Line, MAGIC, RecordingError};

/// Turns bytes into what may be shown to others: serial numbers replaced, for example.
pub type Mask = Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>;

/// Writes a recording while the exchange goes on. Cheap to clone; all clones write one file.
///
/// Bytes are kept back until the direction changes or the connection closes, so that a mask sees
/// whole messages however the network cut them.
#[derive(Clone)]
pub struct Recorder {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    out: Box<dyn Write + Send>,
    mask: Option<Mask>,
    connections: u64,
    held: BTreeMap<u64, (Duration, bool, Vec<u8>)>,
    error: Option<std::io::Error>,
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
            held: BTreeMap::new(),
            error: None,
        };
        Ok(Self {
            inner: Arc::new(Mutex::new(inner)),
        })
    }

    /// The number of a new connection.
    pub fn connection(&self) -> u64 {
        let mut inner = self.lock();
        inner.connections += 1;
        inner.connections
    }

    /// Writes down what happened.
    pub fn record(&self, line: &Line) {
        self.lock().record(line);
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
    fn record(&mut self, line: &Line) {
        let (sent, bytes) = match &line.event {
            Event::Sent(bytes) => (true, bytes),
            Event::Received(bytes) => (false, bytes),
            _ => {
                self.flush_held(line.connection);
                return self.write(line);
            }
        };
        if self
            .held
            .get(&line.connection)
            .is_some_and(|(_, direction, _)| *direction != sent)
        {
            self.flush_held(line.connection);
        }
        let held = self.held.entry(line.connection);
        held.or_insert_with(|| (line.after, sent, Vec::new()))
            .2
            .extend_from_slice(bytes);
    }

    fn flush_held(&mut self, connection: u64) {
        if let Some((after, sent, bytes)) = self.held.remove(&connection) {
            let bytes = self
                .mask
                .as_mut()
                .map_or_else(|| bytes.clone(), |mask| mask(&bytes));
            let event = if sent {
                Event::Sent(bytes)
            } else {
                Event::Received(bytes)
            };
            self.write(&Line {
                after,
                connection,
                event,
            });
        }
    }

    fn write(&mut self, line: &Line) {
        let mut text = format!("{:.3} {} ", line.after.as_secs_f64(), line.connection);
        // Writing to a String cannot fail.
        let _ = match &line.event {
            Event::Open(address) => write!(text, "open {address}"),
            Event::Fail(words) => write!(text, "fail {}", words.replace('\n', " ")),
            Event::Sent(bytes) => write!(text, "> {}", Hex(bytes)),
            Event::Received(bytes) => write!(text, "< {}", Hex(bytes)),
            Event::Close => write!(text, "close"),
        };
        let written = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
