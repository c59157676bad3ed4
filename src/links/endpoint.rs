//! A host, by name or address, and a port.

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
}
