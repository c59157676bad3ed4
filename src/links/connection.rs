//! An open connection, whatever it goes over.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_serial::{SerialPort, SerialStream};

use super::address::Address;
use super::capture::OpenCapture;
use super::control_line::ControlLine;
use super::error::LinkError;
use super::gpio::{GpioLine, GpioLines};
use super::recorder::Recorder;
use super::recording::{Event, RecordedLine};
use super::replay::Replayed;
use super::serial;

/// An open connection. Dropping it closes it; [`Connection::close`] does so politely.
#[derive(Debug)]
pub struct Connection {
    pub(crate) address: Address,
    pub(crate) tap: Option<Tap>,
    pub(crate) kind: LinkKind,
    gpio: GpioLines,
    /// Lines that are low: so they do not stay when this ends.
    low: BTreeSet<GpioLine>,
}

#[derive(Debug)]
pub enum LinkKind {
    Tcp(TcpStream),
    Serial(SerialStream),
    Capture(OpenCapture),
    Replayed(Replayed),
}

/// Where one connection is recorded.
#[derive(Debug)]
pub struct Tap {
    pub recorder: Recorder,
    pub since: Instant,
    pub connection: u64,
}

pub fn record(tap: Option<&Tap>, event: impl FnOnce() -> Event) {
    if let Some(tap) = tap {
        let line = RecordedLine {
            after: tap.since.elapsed(),
            connection: tap.connection,
            event: event(),
        };
        tap.recorder.record(&line);
    }
}

impl Connection {
    /// One that was opened just now.
    pub(crate) const fn new(
        address: Address,
        tap: Option<Tap>,
        kind: LinkKind,
        gpio: GpioLines,
    ) -> Self {
        Self {
            address,
            tap,
            kind,
            gpio,
            low: BTreeSet::new(),
        }
    }

    /// Where it leads to.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// What it means that there is nothing more to receive.
    pub fn ended(&self) -> LinkError {
        match &self.address {
            Address::Serial(path) => LinkError::Unplugged(path.display().to_string()),
            Address::Tcp(endpoint) => LinkError::Closed(endpoint.clone()),
            Address::Capture(capture) => LinkError::CaptureEnded(capture.clone()),
        }
    }

    /// Sends all bytes, waiting at most `within`. On a serial port they are then on their way, not
    /// yet all on the line.
    pub async fn send(&mut self, bytes: &[u8], within: Duration) -> Result<(), LinkError> {
        record(self.tap.as_ref(), || Event::Sent(bytes.to_vec()));
        self.send_unrecorded(bytes, within).await
    }

    /// Sends bytes that must not end up in a recording, because a secret is among them.
    pub async fn send_unrecorded(
        &mut self,
        bytes: &[u8],
        within: Duration,
    ) -> Result<(), LinkError> {
        // Nothing is flushed: that would hold up the whole program until the line has taken all.
        let sent = match &mut self.kind {
            LinkKind::Tcp(stream) => timeout(within, stream.write_all(bytes)).await,
            LinkKind::Serial(stream) => timeout(within, stream.write_all(bytes)).await,
            // Whoever looks on says nothing.
            LinkKind::Capture(_) => {
                let words = "nothing can be sent into a capture".to_owned();
                return Err(LinkError::Broken(self.address.clone(), words));
            }
            // What was asked then need not be what is asked now, byte for byte: the answers count.
            LinkKind::Replayed(_) => return Ok(()),
        };
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if self.is_end(&error) => Err(self.ended()),
            Ok(Err(error)) => Err(self.broken(&error)),
            Err(_) => Err(self.timed_out(within)),
        }
    }

    /// Switches a control line on or off. Nothing happens where there is none.
    pub fn set_line(&mut self, line: &ControlLine, is_on: bool) {
        let done = match (line, &mut self.kind) {
            (_, LinkKind::Capture(_) | LinkKind::Replayed(_)) => return,
            (ControlLine::Gpio(line), _) => {
                if self.gpio.drive(line, is_on) && is_on {
                    self.low.insert(line.clone());
                } else {
                    self.low.remove(line);
                }
                return;
            }
            (ControlLine::Dtr, LinkKind::Serial(stream)) => stream.write_data_terminal_ready(is_on),
            (ControlLine::Rts, LinkKind::Serial(stream)) => stream.write_request_to_send(is_on),
            (_, LinkKind::Tcp(_)) => return,
        };
        if let Err(error) = done {
            tracing::debug!("{}: {line} cannot be set: {error}", self.address);
        }
    }

    /// Appends what has arrived to `buffer`, waiting at most until `deadline`; 0 bytes mean that
    /// the device closed the connection or that the port was unplugged, see [`Connection::ended`].
    /// Nothing is lost if it is dropped while it waits.
    ///
    /// Played from a recording, the clock moves to when the bytes came, or to the deadline.
    pub async fn receive(
        &mut self,
        buffer: &mut Vec<u8>,
        deadline: Instant,
    ) -> Result<usize, LinkError> {
        let begun = Instant::now();
        let mut chunk = [0; 2048];
        let read = match &mut self.kind {
            LinkKind::Tcp(stream) => timeout_at(deadline, stream.read(&mut chunk)).await,
            LinkKind::Serial(stream) => timeout_at(deadline, stream.read(&mut chunk)).await,
            LinkKind::Capture(capture) => {
                let before = buffer.len();
                let received = timeout_at(deadline, capture.receive(buffer)).await;
                let after = deadline.saturating_duration_since(begun);
                let count = received.map_err(|_| self.timed_out(after))??;
                if let Some(bytes) = buffer.get(before..).filter(|bytes| !bytes.is_empty()) {
                    record(self.tap.as_ref(), || Event::Received(bytes.to_vec()));
                }
                return Ok(count);
            }
            LinkKind::Replayed(replayed) => {
                let until = replayed.moment_of(deadline);
                let received = replayed.receive(buffer, until).await;
                let after = deadline.saturating_duration_since(begun);
                return received.ok_or_else(|| self.timed_out(after));
            }
        };
        let count = match read {
            Ok(Ok(count)) => count,
            Ok(Err(error)) if self.is_end(&error) => 0,
            Ok(Err(error)) => return Err(self.broken(&error)),
            Err(_) => return Err(self.timed_out(deadline.saturating_duration_since(begun))),
        };
        let bytes = chunk.get(..count).unwrap_or(&chunk);
        if count > 0 {
            record(self.tap.as_ref(), || Event::Received(bytes.to_vec()));
        }
        buffer.extend_from_slice(bytes);
        Ok(count)
    }

    /// Like [`Connection::receive`], waiting at most this long. To be preferred where there is no
    /// deadline over several of them: a replay then knows to the nanosecond what is meant.
    pub async fn receive_within(
        &mut self,
        buffer: &mut Vec<u8>,
        within: Duration,
    ) -> Result<usize, LinkError> {
        if let LinkKind::Replayed(replayed) = &mut self.kind {
            let until = replayed.moment_in(within);
            let received = replayed.receive(buffer, until).await;
            return received.ok_or_else(|| self.timed_out(within));
        }
        let now = Instant::now();
        // Thirty years are as good as for ever.
        let deadline = now.checked_add(within);
        let deadline = deadline.unwrap_or_else(|| now + Duration::from_secs(30 * 365 * 86_400));
        self.receive(buffer, deadline).await
    }

    /// Says goodbye, waits at most a second for the other side to do so too, and closes. A serial
    /// port is just closed.
    pub async fn close(mut self) {
        if let LinkKind::Tcp(stream) = &mut self.kind {
            let goodbye = async {
                // Whatever goes wrong here, the socket is closed right after.
                let _ = stream.shutdown().await;
                let mut rest = [0; 512];
                while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
            };
            let _ = timeout(Duration::from_secs(1), goodbye).await;
        }
    }

    /// Whether an error is how this kind of connection ends.
    fn is_end(&self, error: &io::Error) -> bool {
        match &self.kind {
            // A reset instead of a proper end is how several devices hang up.
            LinkKind::Tcp(_) => error.kind() == io::ErrorKind::ConnectionReset,
            LinkKind::Serial(_) => serial::is_unplugged(error),
            LinkKind::Capture(_) | LinkKind::Replayed(_) => false,
        }
    }

    fn broken(&self, error: &io::Error) -> LinkError {
        LinkError::Broken(self.address.clone(), error.to_string())
    }

    fn timed_out(&self, after: Duration) -> LinkError {
        LinkError::TimedOut {
            address: self.address.clone(),
            after,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for line in &self.low {
            self.gpio.drive(line, false);
        }
        record(self.tap.as_ref(), || Event::Close);
    }
}
