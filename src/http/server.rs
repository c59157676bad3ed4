//! Where a web server is.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::HttpError;

/// A web server, such as `http://supervisor` or `https://nas.lan:8086/influx`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpServer {
    pub(super) tls: bool,
    /// Name or address; an IPv6 address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// What all paths begin with; without a slash at its end.
    pub(super) base: String,
}

impl HttpServer {
    /// The port of its scheme.
    const fn usual_port(&self) -> u16 {
        if self.tls { 443 } else { 80 }
    }

    /// Name and port, as the head of a request has them.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.usual_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// Whether the connection is a secure one.
    pub const fn is_secure(&self) -> bool {
        self.tls
    }

    /// Its name or address.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for HttpServer {
    type Err = HttpError;

    fn from_str(text: &str) -> Result<Self, HttpError> {
        if text.contains(['?', '@']) {
            return Err(HttpError::MoreThanAddress(without_secrets(text)));
        }
        let wrong = || HttpError::Address(text.to_owned());
        let (tls, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            _ => return Err(wrong()),
        };
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
                let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
                if !is_address || !(rest.is_empty() || rest.starts_with(':')) {
                    return Err(wrong());
                }
                (host, rest.strip_prefix(':'))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:_".contains(c);
        let is_path = |c: char| c.is_ascii_alphanumeric() || "/.-_~%".contains(c);
        if host.is_empty() || !host.chars().all(is_host) || !base.chars().all(is_path) {
            return Err(wrong());
        }
        let usual = if tls { 443 } else { 80 };
        let port = match port {
            None => usual,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(wrong)?,
        };
        Ok(Self {
            tls,
            host: host.to_owned(),
            port,
            base: base.trim_end_matches('/').to_owned(),
        })
    }
}

/// What may be shown of an address: nothing before `@`, where a password may stand, and nothing behind `?`, where a key may.
fn without_secrets(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme == "http" || scheme == "https" => {
            (format!("{scheme}://"), rest)
        }
        _ => (String::new(), text),
    };
    let query = rest.find('?');
    match rest.rfind('@') {
        // A password may have a `?` in it, and a key an `@`.
        Some(at) if query.is_some_and(|query| query < at) => format!("{scheme}***"),
        Some(at) => {
            let behind = rest.get(at + 1..).unwrap_or_default();
            let shown = behind.split('?').next().unwrap_or_default();
            format!("{scheme}***@{shown}")
        }
        None => format!("{scheme}{}", rest.split('?').next().unwrap_or_default()),
    }
}

impl fmt::Display for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.base)
    }
}

impl Serialize for HttpServer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HttpServer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for HttpServer {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HttpServer".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "address of a web server" })
    }
}
