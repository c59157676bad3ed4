//! Where packets can be seen: an interface, files, standard input, or a proxy between device and server.

use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use super::super::endpoint::Endpoint;

/// The longest name that Linux gives an interface.
const LONGEST_NAME: usize = 15;

/// Where packets can be seen. It is written, and read again, as `capture://eth0`,
/// `capture://eth0?host=192.168.1.40&promiscuous=no`, `file:///a.pcap,/b.pcap`, `stdin://` (or `-`),
/// `proxy://0.0.0.0:22222?server=prod.example:22222`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CaptureAddress {
    /// An interface of this machine.
    Interface {
        /// Its name, such as `eth0`.
        name: String,
        /// One host all of whose TCP and DNS is wanted, too.
        host: Option<Host>,
        /// Whether packets that are not for this machine are wanted as well, as a mirror port
        /// delivers them.
        is_promiscuous: bool,
    },
    /// Capture files or named pipes, one after the other.
    Files(Vec<PathBuf>),
    /// What another program writes into this one.
    Stdin,
    /// Devices connect to this machine, and it to the server they want.
    Proxy {
        /// Where devices connect to.
        listen: SocketAddr,
        /// Where all that comes is passed on to.
        server: Endpoint,
    },
}

/// A host in the network of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// By its address.
    Ip(IpAddr),
    /// By its Ethernet address.
    Mac([u8; 6]),
}

/// Where packets are to be captured cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureAddressError {
    /// It begins with something else.
    #[error(
        "\"{0}\" is no place to capture packets; write capture://eth0, file:///PATH, - or \
         proxy://0.0.0.0:PORT?server=HOST:PORT"
    )]
    Unknown(String),
    /// No interface can have this name.
    #[error("\"{0}\" is no name of an interface; `ip link` lists those there are, such as eth0")]
    Interface(String),
    /// Neither an address nor an Ethernet address.
    #[error(
        "\"{0}\" is no address of a host; write it like 192.168.1.40 or, as on its label, \
         00:27:02:01:02:03"
    )]
    Host(String),
    /// No file is named.
    #[error("\"{0}\" names no file; write it like file:///tmp/capture.pcap")]
    NoFile(String),
    /// The address to listen on is none.
    #[error("\"{0}\" is no address to listen on; write it like 0.0.0.0:22222")]
    Listen(String),
    /// The server is not given, or without its port.
    #[error("\"{0}\" lacks the server; add it like ?server=prod.example.com:22222")]
    Server(String),
    /// Something behind the question mark is unknown, or stands there twice.
    #[error("\"{0}\" is not understood here; leave it out, or correct it")]
    Option(String),
}

impl CaptureAddress {
    /// As it stands in messages.
    pub fn place(&self) -> String {
        match self {
            Self::Interface { name, .. } => name.clone(),
            Self::Files(paths) => {
                let shown: Vec<_> = paths.iter().map(|it| it.display().to_string()).collect();
                shown.join(", ")
            }
            Self::Stdin => "standard input".to_owned(),
            Self::Proxy { listen, server } => format!("{listen} (proxy to {server})"),
        }
    }

    /// An interface, all packets of it that can be had.
    pub fn interface(name: &str) -> Result<Self, CaptureAddressError> {
        // Nothing else is forbidden in Linux; it stands in paths below /sys.
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
        let is_name = !matches!(name, "" | "." | "..") && name.len() <= LONGEST_NAME;
        if !is_name || name.contains(is_odd) {
            return Err(CaptureAddressError::Interface(name.to_owned()));
        }
        Ok(Self::Interface {
            name: name.to_owned(),
            host: None,
            is_promiscuous: true,
        })
    }
}

impl fmt::Display for CaptureAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface {
                name,
                host,
                is_promiscuous,
            } => {
                write!(f, "capture://{}", Escaped(name.as_bytes()))?;
                if let Some(host) = host {
                    write!(f, "?host={host}")?;
                }
                if !is_promiscuous {
                    let sign = if host.is_some() { '&' } else { '?' };
                    write!(f, "{sign}promiscuous=no")?;
                }
                Ok(())
            }
            Self::Files(paths) => {
                f.write_str("file://")?;
                for (index, path) in paths.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    let path = path.as_os_str().as_encoded_bytes();
                    write!(f, "{comma}{}", Escaped(path))?;
                }
                Ok(())
            }
            Self::Stdin => f.write_str("stdin://"),
            Self::Proxy { listen, server } => {
                let host = Escaped(server.host.as_bytes()).to_string();
                // The brackets of an address stay readable.
                let host = host.replace("%3A", ":");
                let port = server.port;
                let server = Endpoint { host, port };
                write!(f, "proxy://{listen}?server={server}")
            }
        }
    }
}

impl FromStr for CaptureAddress {
    type Err = CaptureAddressError;

    fn from_str(text: &str) -> Result<Self, CaptureAddressError> {
        let text = text.trim();
        let unknown = || CaptureAddressError::Unknown(text.to_owned());
        if text == "-" {
            return Ok(Self::Stdin);
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(unknown)?;
        match scheme.to_ascii_lowercase().as_str() {
            "stdin" if rest.is_empty() => Ok(Self::Stdin),
            "file" => files(text, rest),
            "capture" => interface(rest),
            "proxy" => proxy(text, rest),
            _ => Err(unknown()),
        }
    }
}

fn files(text: &str, rest: &str) -> Result<CaptureAddress, CaptureAddressError> {
    let paths = rest.split(',').map(|path| {
        let path = unescape(path).filter(|path| !path.is_empty());
        path.and_then(path_of)
            .ok_or_else(|| CaptureAddressError::NoFile(text.to_owned()))
    });
    paths.collect::<Result<_, _>>().map(CaptureAddress::Files)
}

fn interface(rest: &str) -> Result<CaptureAddress, CaptureAddressError> {
    let (name, options) = rest.split_once('?').unwrap_or((rest, ""));
    let name = unescape(name).and_then(|name| String::from_utf8(name).ok());
    let name = name.ok_or_else(|| CaptureAddressError::Interface(rest.to_owned()))?;
    let mut address = CaptureAddress::interface(&name)?;
    if let CaptureAddress::Interface {
        host,
        is_promiscuous,
        ..
    } = &mut address
    {
        let mut is_said = false;
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("host", value)) if host.is_none() => *host = Some(value.parse()?),
                Some(("promiscuous", value @ ("yes" | "no"))) if !is_said => {
                    (is_said, *is_promiscuous) = (true, value == "yes");
                }
                _ => return Err(CaptureAddressError::Option(option.to_owned())),
            }
        }
    }
    Ok(address)
}

fn proxy(text: &str, rest: &str) -> Result<CaptureAddress, CaptureAddressError> {
    let no_server = || CaptureAddressError::Server(text.to_owned());
    let (listen, option) = rest.split_once('?').ok_or_else(no_server)?;
    let listen = listen
        .parse()
        .map_err(|_| CaptureAddressError::Listen(listen.to_owned()))?;
    let server = option.strip_prefix("server=").ok_or_else(no_server)?;
    // No port is the usual one.
    let Endpoint { host, port } = Endpoint::parse(server, 0);
    let host = unescape(&host).and_then(|host| String::from_utf8(host).ok());
    let host = host.filter(|host| !host.is_empty() && port > 0);
    Ok(CaptureAddress::Proxy {
        listen,
        server: Endpoint {
            host: host.ok_or_else(no_server)?,
            port,
        },
    })
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Mac([a, b, c, d, e, g]) => {
                write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
            }
        }
    }
}

impl FromStr for Host {
    type Err = CaptureAddressError;

    fn from_str(text: &str) -> Result<Self, CaptureAddressError> {
        let text = text.trim();
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let digits = |part: &str| {
            let is_pair = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_pair.then(|| u8::from_str_radix(part, 16).ok()).flatten()
        };
        let bytes: Option<Vec<u8>> = text.split([':', '-']).map(digits).collect();
        let mac = bytes.and_then(|bytes| bytes.try_into().ok());
        mac.map(Self::Mac)
            .ok_or_else(|| CaptureAddressError::Host(text.to_owned()))
    }
}

/// Bytes as they stand between other things: all but plain letters, digits and a few signs as %XX.
struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.0 {
            if byte.is_ascii_alphanumeric() || b"/-._~+@".contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// Every %XX back into its byte. `None` where it is something else, or a zero byte.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if digits.starts_with('+') {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    (!bytes.contains(&0)).then_some(bytes)
}

#[cfg(unix)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere, not every path is possible"
)]
fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(PathBuf::from(OsString::from_vec(bytes)))
}

#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    let text = String::from_utf8(bytes).ok()?;
    Some(PathBuf::from(OsString::from(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn interface(host: Option<&str>, is_promiscuous: bool) -> CaptureAddress {
        CaptureAddress::Interface {
            name: "eth0".to_owned(),
            host: host.map(|host| host.parse().unwrap()),
            is_promiscuous,
        }
    }

    #[test]
    fn a_place_is_read_as_people_write_it_and_written_back() {
        let paths = |paths: &[&str]| CaptureAddress::Files(paths.iter().map(Into::into).collect());
        let proxy = |server: &str| CaptureAddress::Proxy {
            listen: "0.0.0.0:22222".parse().unwrap(),
            server: Endpoint::parse(server, 1),
        };
        for (text, back, address) in [
            ("capture://eth0", "capture://eth0", interface(None, true)),
            (
                " CAPTURE://eth0?promiscuous=yes ",
                "capture://eth0",
                interface(None, true),
            ),
            (
                "capture://eth0?promiscuous=no&host=192.168.1.40",
                "capture://eth0?host=192.168.1.40&promiscuous=no",
                interface(Some("192.168.1.40"), false),
            ),
            (
                "capture://eth0?host=00-27-02-0A-0B-0C",
                "capture://eth0?host=00:27:02:0a:0b:0c",
                interface(Some("00:27:02:0a:0b:0c"), true),
            ),
            (
                "capture://eth0?host=fd00::1",
                "capture://eth0?host=fd00::1",
                interface(Some("fd00::1"), true),
            ),
            (
                "file:///tmp/a b.pcap,/tmp/b%2C.pcap",
                "file:///tmp/a%20b.pcap,/tmp/b%2C.pcap",
                paths(&["/tmp/a b.pcap", "/tmp/b,.pcap"]),
            ),
            ("file://a.pcap", "file://a.pcap", paths(&["a.pcap"])),
            ("-", "stdin://", CaptureAddress::Stdin),
            ("stdin://", "stdin://", CaptureAddress::Stdin),
            (
                "proxy://0.0.0.0:22222?server=prod.example:80",
                "proxy://0.0.0.0:22222?server=prod.example:80",
                proxy("prod.example:80"),
            ),
            (
                "proxy://0.0.0.0:22222?server=[fd00::1]:80",
                "proxy://0.0.0.0:22222?server=[fd00::1]:80",
                proxy("[fd00::1]:80"),
            ),
        ] {
            assert_eq!(text.parse(), Ok(address.clone()), "{text}");
            assert_eq!(address.to_string(), back);
            assert_eq!(back.parse(), Ok(address));
        }
    }

    #[test]
    fn people_are_told_the_place_in_their_words() {
        for (text, place) in [
            ("capture://eth0?host=192.168.1.40", "eth0"),
            ("file:///a b,/c", "/a b, /c"),
            ("-", "standard input"),
            ("proxy://0.0.0.0:2?server=a:3", "0.0.0.0:2 (proxy to a:3)"),
        ] {
            let address: CaptureAddress = text.parse().unwrap();
            assert_eq!(address.place(), place);
        }
    }

    #[test]
    fn a_place_that_is_none_is_refused_with_advice() {
        for (text, advice) in [
            ("", "capture://eth0"),
            ("eth0", "capture://eth0"),
            ("tcp://a:1", "capture://eth0"),
            ("stdin://x", "capture://eth0"),
            ("capture://", "ip link"),
            ("capture://..", "ip link"),
            ("capture://a/b", "ip link"),
            ("capture://a%2Fb", "ip link"),
            ("capture://averylongnameofaninterface", "ip link"),
            ("capture://eth0?host=here", "00:27:02"),
            ("capture://eth0?host=00:27:02:01:02", "00:27:02"),
            ("capture://eth0?host=00:27:02:01:02:+3", "00:27:02"),
            ("capture://eth0?promiscuous=perhaps", "leave it out"),
            ("capture://eth0?promiscuous=no&promiscuous=no", "leave it"),
            ("capture://eth0?speed=9", "leave it out"),
            ("file://", "file:///tmp"),
            ("file:///a,", "file:///tmp"),
            ("file:///a%", "file:///tmp"),
            ("file:///a%+1", "file:///tmp"),
            ("file:///a%00", "file:///tmp"),
            ("proxy://0.0.0.0:1", "server="),
            ("proxy://0.0.0.0:1?server=", "server="),
            ("proxy://0.0.0.0:1?server=a", "server="),
            ("proxy://here:1?server=a:1", "0.0.0.0:22222"),
        ] {
            let wrong = text.parse::<CaptureAddress>().unwrap_err().to_string();
            assert!(wrong.contains(advice), "{text:?}: {wrong}");
        }
    }

    fn host() -> impl Strategy<Value = Host> {
        prop_oneof![
            any::<IpAddr>().prop_map(Host::Ip),
            any::<[u8; 6]>().prop_map(Host::Mac),
        ]
    }

    fn address() -> impl Strategy<Value = CaptureAddress> {
        let path = "[^\0]{1,12}".prop_map(PathBuf::from);
        let server = prop_oneof!["[a-z0-9.-]{1,12}", "[0-9a-f]{1,4}::[0-9a-f]{1,4}"];
        let listen = (any::<IpAddr>(), any::<u16>()).prop_map(SocketAddr::from);
        prop_oneof![
            (
                "[!-.0-~]{3,15}",
                proptest::option::of(host()),
                any::<bool>()
            )
                .prop_map(|(name, host, is_promiscuous)| CaptureAddress::Interface {
                    name,
                    host,
                    is_promiscuous
                }),
            proptest::collection::vec(path, 1..4).prop_map(CaptureAddress::Files),
            Just(CaptureAddress::Stdin),
            (listen, server, 1..u16::MAX).prop_map(|(listen, host, port)| {
                let server = Endpoint { host, port };
                CaptureAddress::Proxy { listen, server }
            }),
        ]
    }

    proptest! {
        #[test]
        fn whatever_place_there_is_is_read_as_it_is_written(address in address()) {
            let text = address.to_string();
            prop_assert_eq!(text.parse(), Ok(address), "{}", text);
            prop_assert!(!text.contains(char::is_control), "{}", text);
        }

        #[test]
        fn any_text_is_refused_or_means_one_place(
            text in "(capture://|file://|proxy://[0-9.]{7}:1\\?server=)[ -~]{0,30}",
        ) {
            if let Ok(address) = text.parse::<CaptureAddress>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
