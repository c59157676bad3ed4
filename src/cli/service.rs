//! What systemd is told of a service: that it is ready, how it is, that its loop turns, that it ends.
//!
//! The protocol is that of `sd_notify(3)`: lines of text as one datagram to the socket that
//! `NOTIFY_SOCKET` names; container managers speak it too. The crates for it send with a call that
//! waits for the other side, in the very loop that is watched, and know no abstract addresses.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Whoever has started this program as a service; nobody, if started by hand.
pub struct ServiceManager {
    /// Our own socket, without a name, and where to send to.
    way: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants a sign of life.
    feed_every: Option<Duration>,
    /// The last words that it was told.
    status: Option<String>,
}

impl ServiceManager {
    pub fn of_environment() -> Self {
        let address = env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty());
        let way = address.and_then(|address| match open(&address) {
            Ok(way) => Some(way),
            Err(error) => {
                tracing::warn!(
                    "The service manager cannot be told that wattbridge runs: NOTIFY_SOCKET={}: {error}",
                    address.to_string_lossy().escape_debug()
                );
                None
            }
        });
        let set = |name| env::var(name).ok();
        Self {
            feed_every: way.as_ref().and_then(|_| {
                feed_every(
                    set("WATCHDOG_USEC").as_deref(),
                    set("WATCHDOG_PID").as_deref(),
                )
            }),
            way,
            status: None,
        }
    }

    /// Whether there is one.
    pub fn listens(&self) -> bool {
        self.way.is_some()
    }

    /// How often [`Self::alive`] is to be said: twice in the time after which we would be taken for
    /// dead. Nothing, if nobody watches.
    pub fn feed_every(&self) -> Option<Duration> {
        self.feed_every
    }

    /// It runs, and this is how it is. To be said as often as one likes: what is known is not sent.
    pub fn ready(&mut self, status: &str) {
        if self.status.as_deref() != Some(status)
            && self.tell(&format!("READY=1\nSTATUS={status}\n"))
        {
            self.status = Some(status.to_owned());
        }
    }

    /// The loop turns.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1\n");
    }

    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=says goodbye\n");
    }

    /// Whether it was sent. One that is stuck itself is not waited for.
    fn tell(&self, words: &str) -> bool {
        let Some((socket, manager)) = &self.way else {
            return false;
        };
        match socket.send_to_addr(words.as_bytes(), manager) {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!("the service manager was not told {words:?}: {error}");
                false
            }
        }
    }
}

fn open(address: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let manager = socket_address(address)?;
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, manager))
}

/// A path, or a name after @ that is in no file system.
fn socket_address(address: &OsStr) -> io::Result<SocketAddr> {
    match address.as_encoded_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt as _;
            SocketAddr::from_abstract_name(name)
        }
        [b'/', ..] => SocketAddr::from_pathname(address),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is neither a path nor a name after @",
        )),
    }
}

/// Half of `WATCHDOG_USEC`, if `WATCHDOG_PID` means this process or nobody.
fn feed_every(microseconds: Option<&str>, process: Option<&str>) -> Option<Duration> {
    let own = std::process::id().to_string();
    let microseconds: u64 = microseconds?.parse().ok()?;
    let half = Duration::from_micros(microseconds / 2);
    (!half.is_zero() && process.is_none_or(|process| process == own)).then_some(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_fed_twice_in_its_time_if_it_is_ours() {
        let own = std::process::id().to_string();
        let every = |time: &str, process| feed_every(Some(time), process);
        assert_eq!(every("90000000", None), Some(Duration::from_secs(45)));
        assert_eq!(every("3", Some(&own)), Some(Duration::from_micros(1)));
        assert_eq!(every("90000000", Some("1")), None);
        for nothing in ["", "0", "1", "-5", "soon"] {
            assert_eq!(every(nothing, None), None, "{nothing}");
        }
        assert_eq!(feed_every(None, Some(&own)), None);
    }

    #[test]
    fn addresses_are_paths_or_abstract_names() {
        let of = |address: &str| socket_address(OsStr::new(address));
        let path = of("/run/systemd/notify").unwrap();
        assert_eq!(path.as_pathname(), Some("/run/systemd/notify".as_ref()));
        assert!(of("@name").unwrap().as_pathname().is_none());
        for wrong in ["relative", "vsock:2:1234", &format!("/{}", "x".repeat(200))] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
