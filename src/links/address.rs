//! Where a device is: a TCP port of some host, a serial port, or where its packets can be seen.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::capture::CaptureAddress;
use super::endpoint::Endpoint;

/// Where a stream of bytes is to be had, as users write it: `/dev/ttyUSB0`,
/// `/dev/serial/by-id/usb-...`, `tcp://192.168.1.9:2001`, `tcp://[fe80::1]:2001`.
///
/// The `socket://` of pySerial is read as `tcp://`. Where packets are captured is no port that somebody
/// may write for a device on a line: a [`CaptureAddress`] is read by itself, and only written alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// A serial port of this machine.
    Serial(PathBuf),
    /// A serial port of another machine, passed on by TCP without any protocol around it.
    Tcp(Endpoint),
    /// Where packets that others send to each other can be seen. What comes are the bytes of a capture
    /// file.
    Capture(CaptureAddress),
}

/// An address cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is nothing.
    #[error("the address is empty; write a serial port such as /dev/ttyUSB0, or tcp://HOST:PORT")]
    Empty,
    /// A TCP address without a port, or with one that is none.
    #[error(
        "\"{0}\" lacks the port, a number from 1 to 65535; write it like tcp://192.168.1.9:2001"
    )]
    NoPort(String),
    /// A TCP address without a host, or with one that is none.
    #[error(
        "\"{0}\" does not name a host; write it like tcp://192.168.1.9:2001 or tcp://[fe80::1]:2001"
    )]
    NoHost(String),
    /// Another way than TCP.
    #[error(
        "\"{0}\" begins with something unknown; write tcp://HOST:PORT and let the other side pass bytes on as they are"
    )]
    UnknownScheme(String),
    /// Neither the path of a port nor a TCP address.
    #[error("\"{text}\" is neither a serial port nor a TCP address; did you mean {instead}?")]
    Neither {
        /// What was written.
        text: String,
        /// What may have been meant.
        instead: String,
    },
    /// A port as it is called on other systems.
    #[error(
        "\"{0}\" is the name of a port on Windows; here it is one such as /dev/ttyUSB0: `wattbridge ports` lists them"
    )]
    OfWindows(String),
    /// What looks like a key.
    #[error(
        "what stands here looks like a key and not like a port; write it as key, and here the port"
    )]
    LooksLikeKey,
    /// There are control characters in it.
    #[error("the address has characters in it that cannot be seen; write it anew")]
    Unprintable,
}

impl Address {
    /// The path of a serial port.
    pub fn serial(&self) -> Option<&Path> {
        match self {
            Self::Serial(path) => Some(path),
            Self::Tcp(_) | Self::Capture(_) => None,
        }
    }

    /// As it stands in messages: a path, host and port, or an interface.
    pub fn place(&self) -> String {
        match self {
            Self::Serial(path) => path.display().to_string(),
            Self::Tcp(endpoint) => endpoint.to_string(),
            Self::Capture(capture) => capture.place(),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Serial(_) => f.write_str(&self.place()),
            Self::Tcp(endpoint) => write!(f, "tcp://{endpoint}"),
            Self::Capture(capture) => capture.fmt(f),
        }
    }
}

impl From<Endpoint> for Address {
    fn from(endpoint: Endpoint) -> Self {
        Self::Tcp(endpoint)
    }
}

impl From<CaptureAddress> for Address {
    fn from(capture: CaptureAddress) -> Self {
        Self::Capture(capture)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(AddressError::Unprintable);
        }
        // It is not repeated: it may be a secret in the wrong place.
        if text.len() >= 32 && text.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(AddressError::LooksLikeKey);
        }
        if is_windows_port(text) {
            return Err(AddressError::OfWindows(text.to_owned()));
        }
        if text.starts_with('/') {
            return Ok(Self::Serial(PathBuf::from(text)));
        }
        match text.split_once("://") {
            Some((scheme, rest))
                if scheme.eq_ignore_ascii_case("tcp") || scheme.eq_ignore_ascii_case("socket") =>
            {
                endpoint(text, rest.trim_end_matches('/')).map(Self::Tcp)
            }
            Some(_) => Err(AddressError::UnknownScheme(text.to_owned())),
            None => Err(AddressError::Neither {
                text: text.to_owned(),
                instead: if text.starts_with("tty") || text.starts_with("serial/") {
                    format!("/dev/{text}")
                } else if text.contains(':') {
                    format!("tcp://{text}")
                } else {
                    "/dev/ttyUSB0, or tcp://HOST:PORT".to_owned()
                },
            }),
        }
    }
}

/// `COM3`, or `\\.\COM12`.
fn is_windows_port(text: &str) -> bool {
    let name = text.strip_prefix(r"\\.\").unwrap_or(text);
    let number = name
        .get(..3)
        .filter(|start| start.eq_ignore_ascii_case("com"))
        .and_then(|_| name.get(3..));
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn endpoint(text: &str, rest: &str) -> Result<Endpoint, AddressError> {
    let no_host = || AddressError::NoHost(text.to_owned());
    let no_port = || AddressError::NoPort(text.to_owned());
    let (host, port) = if let Some(rest) = rest.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or_else(no_host)?;
        if !host.contains(':') {
            return Err(no_host());
        }
        (host, port.strip_prefix(':').ok_or_else(no_port)?)
    } else {
        let (host, port) = rest.rsplit_once(':').ok_or_else(no_port)?;
        // A bare IPv6 address would leave open where it ends.
        if host.contains(':') {
            return Err(no_host());
        }
        (host, port)
    };
    let odd = |c: char| c.is_whitespace() || matches!(c, '/' | '[' | ']' | '@');
    if host.is_empty() || host.contains(odd) {
        return Err(no_host());
    }
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| digits && *port > 0);
    Ok(Endpoint {
        host: host.to_owned(),
        port: port.ok_or_else(no_port)?,
    })
}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_read_as_people_write_it_and_written_back() {
        for (text, back) in [
            ("/dev/ttyUSB0", "/dev/ttyUSB0"),
            (" /dev/ttyUSB0 ", "/dev/ttyUSB0"),
            (
                "/dev/serial/by-id/usb-FTDI_a:b-if00-port0",
                "/dev/serial/by-id/usb-FTDI_a:b-if00-port0",
            ),
            ("tcp://192.168.1.9:2001", "tcp://192.168.1.9:2001"),
            ("TCP://meter.home:2001/", "tcp://meter.home:2001"),
            ("socket://192.168.1.9:2001", "tcp://192.168.1.9:2001"),
            ("tcp://[fe80::1]:2001", "tcp://[fe80::1]:2001"),
            ("tcp://[fe80::1%eth0]:2001", "tcp://[fe80::1%eth0]:2001"),
        ] {
            let address: Address = text
                .parse()
                .unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
            assert_eq!(address.to_string(), back);
            assert_eq!(back.parse(), Ok(address));
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_advice() {
        for (text, advice) in [
            ("", "/dev/ttyUSB0"),
            ("  ", "/dev/ttyUSB0"),
            ("tcp://192.168.1.9", "lacks the port"),
            ("tcp://192.168.1.9:", "lacks the port"),
            ("tcp://192.168.1.9:0", "lacks the port"),
            ("tcp://192.168.1.9:65536", "lacks the port"),
            ("tcp://192.168.1.9:+1", "lacks the port"),
            ("tcp://[fe80::1]", "lacks the port"),
            ("tcp://fe80::1:2001", "tcp://[fe80::1]:2001"),
            ("tcp://:2001", "does not name a host"),
            ("tcp://[]:2001", "does not name a host"),
            ("tcp://a b:2001", "does not name a host"),
            ("rfc2217://192.168.1.9:2001", "tcp://HOST:PORT"),
            ("capture://eth0", "begins with something unknown"),
            ("file:///tmp/a.pcap", "begins with something unknown"),
            ("-", "/dev/ttyUSB0, or tcp://"),
            ("ttyUSB0", "did you mean /dev/ttyUSB0?"),
            ("192.168.1.9:2001", "did you mean tcp://192.168.1.9:2001?"),
            ("COM", "/dev/ttyUSB0, or tcp://"),
            ("COM3x", "/dev/ttyUSB0, or tcp://"),
            ("COM3", "wattbridge ports"),
            ("000102030405060708090A0B0C0D0E0F", "looks like a key"),
            (r"\\.\COM12", "wattbridge ports"),
            ("/dev/tty\nUSB0", "cannot be seen"),
        ] {
            let wrong = text.parse::<Address>().unwrap_err().to_string();
            assert!(wrong.contains(advice), "{text:?}: {wrong}");
        }
    }

    #[test]
    fn a_section_may_hold_an_address() {
        #[derive(Debug, Deserialize, Serialize, JsonSchema)]
        struct Section {
            port: Address,
        }
        let section: Section = toml::from_str("port = \"socket://10.0.0.2:7\"").unwrap();
        assert_eq!(
            toml::to_string(&section).unwrap(),
            "port = \"tcp://10.0.0.2:7\"\n"
        );
        let wrong = toml::from_str::<Section>("port = \"tcp://10.0.0.2\"").unwrap_err();
        assert!(wrong.to_string().contains("lacks the port"), "{wrong}");
        let schema = serde_json::to_value(schemars::schema_for!(Section)).unwrap();
        assert_eq!(schema["properties"]["port"]["type"], "string");
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_such_that_it_reads_the_same(
            text in "(/|tcp://|socket://|COM|)[ -~]{0,20}(:[0-9]{0,6})?",
        ) {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
