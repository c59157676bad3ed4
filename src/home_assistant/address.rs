//! Where Home Assistant's Core answers.

use std::fmt;

use zeroize::Zeroizing;

use super::error::CoreError;

/// Where its WebSocket is, and the token that lets one in.
#[derive(Clone, PartialEq, Eq)]
pub struct CoreAddress {
    /// Name or address, and port.
    pub(super) authority: String,
    path: String,
    pub(super) token: Zeroizing<String>,
}

impl CoreAddress {
    /// From `ws://HOST:PORT/PATH`; without TLS, as inside of an app.
    ///
    /// # Errors
    ///
    /// If the address is another kind of one.
    pub fn new(url: &str, token: Zeroizing<String>) -> Result<Self, CoreError> {
        let wrong = || CoreError::Address(url.chars().take(200).collect());
        let rest = url.strip_prefix("ws://").ok_or_else(wrong)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, "api/websocket"));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "./-:[]_".contains(c);
        if authority.is_empty() || !rest.chars().all(is_plain) {
            return Err(wrong());
        }
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if has_port { "" } else { ":80" };
        Ok(Self {
            authority: format!("{authority}{port}"),
            path: path.to_owned(),
            token,
        })
    }

    /// As it is written.
    pub fn url(&self) -> String {
        format!("ws://{}/{}", self.authority, self.path)
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
        let address = of("ws://[::1]:8123").unwrap();
        assert_eq!(address.url(), "ws://[::1]:8123/api/websocket");
        for wrong in [
            "",
            "http://a",
            "wss://a/b",
            "ws://",
            "ws://a b/c",
            "ws://a/b\r\nc",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
