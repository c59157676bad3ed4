//! Where Home Assistant's Core answers.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::CoreError;
use crate::tls::Tls;

/// What is asked for where nothing else is said.
const PATH: &str = "api/websocket";
/// How an address may begin, and whether that is with TLS. People know that of the page best.
const SCHEMES: [(&str, bool); 4] = [
    ("ws://", false),
    ("wss://", true),
    ("http://", false),
    ("https://", true),
];

/// Where its WebSocket is, and the token that lets one in.
#[derive(Clone, PartialEq, Eq)]
pub struct CoreAddress {
    /// Name or address; an IPv6 address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    path: String,
    /// How TLS is done, where it is.
    pub(super) tls: Option<Tls>,
    pub(super) token: Zeroizing<String>,
}

impl CoreAddress {
    /// From `ws://HOST:PORT/PATH`, or the same with `wss`, `http` or `https`.
    ///
    /// # Errors
    ///
    /// If the address is another kind of one.
    pub fn new(url: &str, token: Zeroizing<String>) -> Result<Self, CoreError> {
        let wrong = || CoreError::Address(url.chars().take(200).collect());
        let mut schemes = SCHEMES.iter();
        let (rest, is_secure) = schemes
            .find_map(|(scheme, is_secure)| Some((url.strip_prefix(scheme)?, *is_secure)))
            .ok_or_else(wrong)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, PATH));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "./-:[]_".contains(c);
        if !rest.chars().all(is_plain) {
            return Err(wrong());
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(wrong)?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => Some(if is_secure { 443 } else { 80 }),
            None => None,
            Some(port) => port.parse().ok().filter(|port| *port > 0),
        };
        if host.is_empty() || host.contains(['[', ']']) {
            return Err(wrong());
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.ok_or_else(wrong)?,
            path: if path.is_empty() { PATH } else { path }.to_owned(),
            tls: is_secure.then(Tls::default),
            token,
        })
    }

    /// Trusts the authorities of a file alone, instead of the public ones.
    #[must_use]
    pub fn trusting(mut self, ca_file: Option<&Path>) -> Self {
        if let Some(tls) = &mut self.tls {
            tls.ca_file = ca_file.map(PathBuf::from);
        }
        self
    }

    /// As it is written.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        format!("{scheme}://{host}:{}/{}", self.port, self.path)
    }
}

impl fmt::Debug for CoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoreAddress")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_and_a_path_and_hides_its_token() {
        let of = |url: &str| CoreAddress::new(url, Zeroizing::new("swordfish".to_owned()));
        let address = of("ws://supervisor/core/websocket").unwrap();
        assert_eq!(address.url(), "ws://supervisor:80/core/websocket");
        assert!(!format!("{address:?}").contains("swordfish"));
        for (written, read) in [
            ("ws://[::1]:8123", "ws://[::1]:8123/api/websocket"),
            ("http://a:8123/", "ws://a:8123/api/websocket"),
            (
                "https://home.example",
                "wss://home.example:443/api/websocket",
            ),
            ("wss://a:8123/b/c", "wss://a:8123/b/c"),
        ] {
            assert_eq!(of(written).unwrap().url(), read);
        }
        for wrong in [
            "",
            "a:8123",
            "ftp://a/b",
            "ws://",
            "ws://a:0",
            "ws://a:x/b",
            "wss://[::1",
            "wss://[::1]8123",
            "wss://::1",
            "ws://a b/c",
            "ws://a/b\r\nc",
            "https://user:word@a",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
