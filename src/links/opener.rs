//! Opens connections: real ones, recorded ones, and ones replayed from a recording.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::address::Address;
use super::capture::{CaptureFilter, CaptureSources};
use super::connection::{Connection, LinkKind, Tap, record};
use super::control_line::ControlLine;
use super::endpoint::Endpoint;
use super::error::LinkError;
use super::gpio::{GpioError, GpioLines};
use super::openings::Openings;
use super::ports::Ports;
use super::recorder::Recorder;
use super::recording::{Event, Script};
use super::replay::Replay;
use super::serial::{self, SerialSettings};
use super::tcp;
use crate::clock::Clock;

/// Opens connections. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Links {
    recorder: Option<(Recorder, Instant)>,
    replay: Option<Arc<Replay>>,
    openings: Openings,
    ports: Ports,
    captures: CaptureSources,
    filter: CaptureFilter,
    gpio: GpioLines,
}

impl Links {
    /// Real connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Real connections whose exchange goes into a recording as well.
    pub fn recorded(recorder: Recorder) -> Self {
        Self {
            recorder: Some((recorder, Instant::now())),
            ..Self::default()
        }
    }

    /// The same, but serial ports are looked for elsewhere.
    #[must_use]
    pub fn with_ports(self, ports: Ports) -> Self {
        Self { ports, ..self }
    }

    /// The same, but of the packets of a network interface only those are taken that this filter
    /// wants. Without it, it is all of them.
    #[must_use]
    pub fn with_filter(self, filter: CaptureFilter) -> Self {
        Self { filter, ..self }
    }

    /// The same, but lines of GPIO chips are looked for elsewhere.
    #[must_use]
    pub fn with_gpio(self, gpio: GpioLines) -> Self {
        Self { gpio, ..self }
    }

    /// Makes sure that a line can be used when it is needed, and that it has a defined level until then. Those of
    /// serial adapters come with their port.
    pub fn claim(&self, line: &ControlLine) -> Result<(), GpioError> {
        match line {
            ControlLine::Gpio(line) if !self.is_replay() => self.gpio.claim(line),
            _ => Ok(()),
        }
    }

    /// Connections that play a recording; `clock` follows the times in it.
    pub fn replayed(script: Script, clock: Clock) -> Self {
        Self {
            ports: Ports::fixed(script.ports()),
            replay: Some(Arc::new(Replay::new(script, clock))),
            ..Self::default()
        }
    }

    /// Whether connections play a recording, so that nothing else may be asked either.
    pub const fn is_replay(&self) -> bool {
        self.replay.is_some()
    }

    /// Where the serial ports are that can be opened.
    pub const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Opens a TCP connection to ask questions on, waiting at most `within`.
    pub async fn connect(
        &self,
        endpoint: &Endpoint,
        within: Duration,
    ) -> Result<Connection, LinkError> {
        let address = Address::Tcp(endpoint.clone());
        if let Some(replay) = &self.replay {
            return Self::replay(replay, address);
        }
        let tap = self.tap(Recorder::connection);
        let opened = tcp::open(endpoint, within).await.map(LinkKind::Tcp);
        self.told(address, endpoint.to_string(), tap, opened)
    }

    /// Opens a stream of bytes, waiting at most `within`. The settings are those of a serial port
    /// here; what passes one on by TCP has its own. To change them, open it again.
    pub async fn open(
        &self,
        address: &Address,
        settings: &SerialSettings,
        within: Duration,
    ) -> Result<Connection, LinkError> {
        let address = address.clone();
        if let Some(replay) = &self.replay {
            return Self::replay(replay, address);
        }
        let tap = self.tap(Recorder::stream);
        let opened = match &address {
            Address::Tcp(endpoint) => tcp::open(endpoint, within).await.map(|stream| {
                tcp::keep_alive(&stream);
                LinkKind::Tcp(stream)
            }),
            Address::Serial(path) => {
                let (port, settings) = (path.clone(), *settings);
                let open = move || serial::open(&port, settings);
                let opened = self.openings.open(path, within, open).await;
                opened.map(LinkKind::Serial)
            }
            Address::Capture(capture) => {
                let opened = self.captures.open(capture, &self.filter, within).await;
                opened.map(LinkKind::Capture)
            }
        };
        let shown = address.to_string();
        self.told(address, shown, tap, opened)
    }

    fn tap(&self, number: fn(&Recorder) -> u64) -> Option<Tap> {
        self.recorder.as_ref().map(|(recorder, since)| Tap {
            recorder: recorder.clone(),
            since: *since,
            connection: number(recorder),
        })
    }

    fn replay(replay: &Replay, address: Address) -> Result<Connection, LinkError> {
        let kind = LinkKind::Replayed(replay.open(&address)?);
        Ok(Connection::new(address, None, kind, GpioLines::default()))
    }

    /// Records how the opening went.
    fn told(
        &self,
        address: Address,
        shown: String,
        tap: Option<Tap>,
        opened: Result<LinkKind, LinkError>,
    ) -> Result<Connection, LinkError> {
        match opened {
            Ok(kind) => {
                record(tap.as_ref(), || Event::Open(shown));
                Ok(Connection::new(address, tap, kind, self.gpio.clone()))
            }
            Err(error) => {
                record(tap.as_ref(), || Event::Fail(error.to_string()));
                Err(error)
            }
        }
    }
}
