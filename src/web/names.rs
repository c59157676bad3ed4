//! Names by which browsers ask for the page: whatever is no plain name or address is none of ours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name there is.
const LONGEST: usize = 253;

/// What stands in the header `Host`, without the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedHost {
    /// An address.
    Address(IpAddr),
    /// A name in small letters, without a dot at its end.
    Name(String),
}

impl NamedHost {
    /// Reads it; none if it is anything else.
    pub fn read(host: &str) -> Option<Self> {
        if let Some(rest) = host.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            if !port.is_empty() {
                check_port(port.strip_prefix(':')?)?;
            }
            let address: Ipv6Addr = address.parse().ok()?;
            return Some(Self::Address(address.into()));
        }
        let name = match host.split_once(':') {
            Some((name, port)) => {
                check_port(port)?;
                name
            }
            None => host,
        };
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_name = name.len() <= LONGEST && name.split('.').all(is_label);
        is_name.then(|| Self::Name(name.to_ascii_lowercase()))
    }

    /// Whether every computer that it can lead to is this one, or one of the home network.
    pub fn is_near(&self) -> bool {
        match self {
            Self::Address(_) => true,
            Self::Name(name) => name == "localhost" || name.ends_with(".local"),
        }
    }

    /// Whether this is the name.
    pub fn is(&self, known: &str) -> bool {
        let known = known.trim_end_matches('.');
        matches!(self, Self::Name(name) if known.eq_ignore_ascii_case(name))
    }
}

fn is_label(label: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !label.is_empty() && label.bytes().all(is_usual)
}

fn check_port(port: &str) -> Option<()> {
    let is_number = !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    (is_number && port.parse::<u16>().is_ok()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_names() {
        for (text, name) in [
            ("localhost", "localhost"),
            ("LocalHost:8099", "localhost"),
            ("wattbridge.local.:80", "wattbridge.local"),
            ("solar_1.home", "solar_1.home"),
        ] {
            assert_eq!(NamedHost::read(text), Some(NamedHost::Name(name.into())));
        }
        for address in ["127.0.0.1:8099", "192.0.2.1", "[::1]:8099", "[fe80::1]"] {
            assert!(
                matches!(NamedHost::read(address), Some(NamedHost::Address(_))),
                "{address}"
            );
        }
        for none in [
            "",
            ".",
            ".local",
            "a..local",
            "localhost..",
            "evil.example#.local",
            "evil.example/.local",
            "evil.example:80.local",
            "evil.example?.local",
            "somebody@localhost",
            "localhost:",
            "localhost:x",
            "localhost:99999",
            "127.0.0.1:8099:x",
            "[::1].local",
            "[127.0.0.1]",
            "[::1",
            "::1",
            "[::1]x",
            "[fe80::1%25eth0]",
            "local host",
            "sölar.local",
        ] {
            assert_eq!(NamedHost::read(none), None, "{none}");
        }
    }
}
