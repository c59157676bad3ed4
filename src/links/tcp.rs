//! TCP connections to devices: real ones, recorded ones, and ones replayed from a recording.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::recorder::Recorder;
use super::recording::{Event, Line, Script};
use crate::clock::Clock;

/// A host, by name or address, and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Endpoint {
    /// Reads `host`, `host:port` or `[address]:port`; the port is `usual` if it is not given.
    pub fn parse(text: &str, usual: u16) -> Self {
        let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
        let with_port = text.rsplit_once(':').and_then(|(host, port)| {
            // A bare IPv6 address has colons of its own.
            let single = !host.contains(':') || host.ends_with(']');
            Some((host, port.parse().ok().filter(|_| single)?))
        });
        match with_port {
            Some((host, port)) => Self {
                host: bare(host),
                port,
            },
            None => Self {
                host: bare(text),
                port: usual,
            },
        }
    }
}

/// Why a connection did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The name has no address.
    #[error("the name {0} is not known in this network")]
    UnknownName(String),
    /// Somebody is there, but the port is closed.
    #[error("{0} refuses the connection")]
    Refused(Endpoint),
    /// Nobody is there.
    #[error("no way to {0}: {1}")]
    NoRoute(Endpoint, String),
    /// Nothing came back in time.
    #[error("{endpoint} does not answer within {after:?}")]
    TimedOut {
        /// Who should have answered.
        endpoint: Endpoint,
        /// How long was waited.
        after: Duration,
    },
    /// The device closed the connection before its answer was complete.
    #[error("{0} closed the connection before its answer was complete")]
    Closed(Endpoint),
    /// Anything else.
    #[error("the connection to {0} broke: {1}")]
    Broken(Endpoint, String),
    /// The recording holds no more connections.
    #[error("the recording has ended")]
    RecordingEnded,
}

/// Opens connections. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Links {
    recorder: Option<(Recorder, Instant)>,
    replay: Option<Arc<Replay>>,
}

#[derive(Debug)]
struct Replay {
    script: Mutex<Script>,
    clock: Clock,
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
            replay: None,
        }
    }

    /// Connections that play a recording; `clock` follows the times in it.
    pub fn replayed(script: Script, clock: Clock) -> Self {
        let replay = Replay {
            script: Mutex::new(script),
            clock,
        };
        Self {
            recorder: None,
            replay: Some(Arc::new(replay)),
        }
    }

    /// Opens a connection, waiting at most `within`.
    pub async fn connect(
        &self,
        endpoint: &Endpoint,
        within: Duration,
    ) -> Result<Connection, LinkError> {
        if let Some(replay) = &self.replay {
            return replay.connect(endpoint);
        }
        let tap = self.recorder.as_ref().map(|(recorder, since)| Tap {
            recorder: recorder.clone(),
            since: *since,
            connection: recorder.connection(),
        });
        match open(endpoint, within).await {
            Ok(stream) => {
                record(tap.as_ref(), || Event::Open(endpoint.to_string()));
                Ok(Connection {
                    endpoint: endpoint.clone(),
                    tap,
                    kind: Kind::Real(stream),
                })
            }
            Err(error) => {
                record(tap.as_ref(), || Event::Fail(error.to_string()));
                Err(error)
            }
        }
    }
}

async fn open(endpoint: &Endpoint, within: Duration) -> Result<TcpStream, LinkError> {
    let connect = TcpStream::connect((endpoint.host.as_str(), endpoint.port));
    let timed_out = || LinkError::TimedOut {
        endpoint: endpoint.clone(),
        after: within,
    };
    let stream = timeout(within, connect)
        .await
        .map_err(|_| timed_out())?
        .map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => timed_out(),
            _ => refused(endpoint, &error),
        })?;
    // Requests are tiny and must leave at once; failing to set this only costs milliseconds.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

fn refused(endpoint: &Endpoint, error: &io::Error) -> LinkError {
    let words = error.to_string();
    // The resolver's errors have neither a number nor a kind of their own. Its trouble that passes
    // says nothing of the name.
    let is_resolver = error.raw_os_error().is_none();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => LinkError::Refused(endpoint.clone()),
        _ if is_resolver && !is_temporary(&words) => LinkError::UnknownName(endpoint.host.clone()),
        _ => LinkError::NoRoute(endpoint.clone(), words),
    }
}

/// As glibc, musl and macOS put it.
fn is_temporary(words: &str) -> bool {
    let words = words.to_lowercase();
    ["temporary failure", "try again", "temporarily"]
        .iter()
        .any(|sign| words.contains(sign))
}

#[derive(Debug)]
struct Tap {
    recorder: Recorder,
    since: Instant,
    connection: u64,
}

fn record(tap: Option<&Tap>, event: impl FnOnce() -> Event) {
    if let Some(tap) = tap {
        let line = Line {
            after: tap.since.elapsed(),
            connection: tap.connection,
            event: event(),
        };
        tap.recorder.record(&line);
    }
}

/// An open connection. Dropping it closes it; [`Connection::close`] does so politely.
#[derive(Debug)]
pub struct Connection {
    endpoint: Endpoint,
    tap: Option<Tap>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Real(TcpStream),
    Replayed {
        lines: VecDeque<Line>,
        start: jiff::Timestamp,
        clock: Clock,
    },
}

impl Connection {
    /// Sends all bytes, waiting at most `within`.
    pub async fn send(&mut self, bytes: &[u8], within: Duration) -> Result<(), LinkError> {
        if matches!(self.kind, Kind::Real(_)) {
            record(self.tap.as_ref(), || Event::Sent(bytes.to_vec()));
        }
        self.send_unrecorded(bytes, within).await
    }

    /// Sends bytes that must not end up in a recording, because a secret is among them.
    pub async fn send_unrecorded(
        &mut self,
        bytes: &[u8],
        within: Duration,
    ) -> Result<(), LinkError> {
        match &mut self.kind {
            Kind::Real(stream) => {
                let sent = timeout(within, stream.write_all(bytes)).await;
                match sent {
                    Ok(result) => result.map_err(|error| broken(&self.endpoint, &error)),
                    Err(_) => Err(LinkError::TimedOut {
                        endpoint: self.endpoint.clone(),
                        after: within,
                    }),
                }
            }
            // What was asked then need not be what is asked now, byte for byte: the answers count.
            Kind::Replayed { .. } => Ok(()),
        }
    }

    /// Appends what has arrived to `buffer`, waiting at most until `deadline`; 0 bytes mean that
    /// the device closed the connection.
    pub async fn receive(
        &mut self,
        buffer: &mut Vec<u8>,
        deadline: Instant,
    ) -> Result<usize, LinkError> {
        match &mut self.kind {
            Kind::Real(stream) => {
                let begun = Instant::now();
                let mut chunk = [0; 2048];
                let count = match tokio::time::timeout_at(deadline, stream.read(&mut chunk)).await {
                    Ok(Ok(count)) => count,
                    // A reset instead of a proper end is how several devices hang up.
                    Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => 0,
                    Ok(Err(error)) => return Err(broken(&self.endpoint, &error)),
                    Err(_) => {
                        let after = deadline.saturating_duration_since(begun);
                        return Err(LinkError::TimedOut {
                            endpoint: self.endpoint.clone(),
                            after,
                        });
                    }
                };
                let bytes = chunk.get(..count).unwrap_or(&chunk);
                if count > 0 {
                    record(self.tap.as_ref(), || Event::Received(bytes.to_vec()));
                }
                buffer.extend_from_slice(bytes);
                Ok(count)
            }
            Kind::Replayed {
                lines,
                start,
                clock,
            } => {
                while let Some(line) = lines.pop_front() {
                    if let Ok(moment) = start.checked_add(line.after) {
                        clock.move_to(moment.max(clock.now()));
                    }
                    if let Event::Received(bytes) = line.event {
                        buffer.extend_from_slice(&bytes);
                        return Ok(bytes.len());
                    }
                }
                Ok(0)
            }
        }
    }

    /// Says goodbye, waits at most a second for the other side to do so too, and closes.
    pub async fn close(mut self) {
        if let Kind::Real(stream) = &mut self.kind {
            let goodbye = async {
                // Whatever goes wrong here, the socket is closed right after.
                let _ = stream.shutdown().await;
                let mut rest = [0; 512];
                while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
            };
            let _ = timeout(Duration::from_secs(1), goodbye).await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        record(self.tap.as_ref(), || Event::Close);
    }
}

fn broken(endpoint: &Endpoint, error: &io::Error) -> LinkError {
    LinkError::Broken(endpoint.clone(), error.to_string())
}

impl Replay {
    fn connect(&self, endpoint: &Endpoint) -> Result<Connection, LinkError> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let start = script.started;
        let mut lines = script
            .connections
            .pop_front()
            .ok_or(LinkError::RecordingEnded)?;
        if let Some(moment) = lines
            .front()
            .and_then(|line| start.checked_add(line.after).ok())
        {
            self.clock.move_to(moment.max(self.clock.now()));
        }
        if let Some(Event::Fail(words)) = lines.front().map(|line| &line.event) {
            return Err(LinkError::Broken(endpoint.clone(), words.clone()));
        }
        lines.retain(|line| !matches!(line.event, Event::Open(_)));
        let kind = Kind::Replayed {
            lines,
            start,
            clock: self.clock.clone(),
        };
        Ok(Connection {
            endpoint: endpoint.clone(),
            tap: None,
            kind,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_read_as_people_write_it() {
        for (text, host, port) in [
            ("192.168.1.50", "192.168.1.50", 8899),
            ("192.168.1.50:9000", "192.168.1.50", 9000),
            ("[fe80::1]:9000", "fe80::1", 9000),
            ("fe80::1", "fe80::1", 8899),
            ("ecu.home", "ecu.home", 8899),
        ] {
            let endpoint = Endpoint::parse(text, 8899);
            assert_eq!(
                (endpoint.host.as_str(), endpoint.port),
                (host, port),
                "{text}"
            );
        }
    }

    #[test]
    fn a_resolver_in_trouble_is_no_unknown_name() {
        let endpoint = Endpoint::parse("ecu.home", 8899);
        let lookup = "failed to lookup address information: ";
        let error = |words: &str| io::Error::other(format!("{lookup}{words}"));
        for words in ["Temporary failure in name resolution", "Try again"] {
            let temporary = refused(&endpoint, &error(words));
            assert!(
                matches!(&temporary, LinkError::NoRoute(_, said) if said.contains(words)),
                "{temporary}"
            );
        }
        assert_eq!(
            refused(&endpoint, &error("Name or service not known")),
            LinkError::UnknownName("ecu.home".to_owned())
        );
    }
}
