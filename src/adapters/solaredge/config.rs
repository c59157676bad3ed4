//! The section `[[solaredge]]` of the configuration file.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wire::Serial;
use crate::config::{Complaint, DeviceKey, Secret, Settings, Zone};
use crate::links::capture::{CaptureAddressError, Host};
use crate::links::{Address, CaptureAddress, Endpoint};

/// Where the packets of one or more inverters can be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SolarEdgeConfig {
    /// The network interface at which the packets of the inverter can be seen, such as `eth0`. Needs the
    /// right to capture packets (CAP_NET_RAW), and nothing else.
    pub interface: Option<String>,
    /// Where packets come from instead of an interface: `-` is the standard input, as in
    /// `ssh router tcpdump -U -w - ... | wattbridge run`; `tcp://192.168.1.1:2002` is a program that sends a
    /// capture over TCP; anything else is a capture file or a named pipe.
    pub capture: Option<String>,
    /// The address of the inverter in your network, by IP or MAC. Only needed if it is behind a bridge or
    /// router that hides its own MAC address and does not talk to port 22222 or 22221.
    pub host: Option<String>,
    /// Whether the interface is to hear packets that are not for this machine. Needed at a mirror port,
    /// harmless elsewhere.
    pub promiscuous: bool,
    /// Takes the connection of the inverter itself and passes it on to its server: the address to listen
    /// at, such as `0.0.0.0:22222`. The inverter has to be led here, by its settings or by your DNS.
    pub proxy: Option<SocketAddr>,
    /// Where the connection of `proxy` is passed on to, as `HOST:PORT`.
    pub server: Option<String>,
    /// The key of the inverter, where there is only one and it encrypts: 32 hexadecimal digits.
    pub key: Option<Secret>,
    /// Keys of several units by serial number as on the label: `keys = { "7F123456-1B" = "0011..." }`.
    pub keys: BTreeMap<String, Secret>,
    /// How the last session of a unit began, by serial number, for a capture that begins later: the 34 bytes in
    /// hexadecimal digits that other programs keep (se-logger: `last_0503`). Hardly ever needed: it is
    /// remembered.
    pub sessions: BTreeMap<String, Secret>,
    /// The most power in watts that an inverter can deliver. More is taken for an error. Left out: 50 kW.
    pub max_power: Option<u32>,
    /// The time zone by which days begin. Left out: that of this host.
    pub time_zone: Option<Zone>,
}

impl Default for SolarEdgeConfig {
    fn default() -> Self {
        Self {
            interface: None,
            capture: None,
            host: None,
            promiscuous: true,
            proxy: None,
            server: None,
            key: None,
            keys: BTreeMap::new(),
            sessions: BTreeMap::new(),
            max_power: None,
            time_zone: None,
        }
    }
}

impl Settings for SolarEdgeConfig {
    const DEVICE_KEYS: &'static [(DeviceKey, &'static str)] = &[
        (
            DeviceKey::Enabled,
            "Set to false to leave the inverter alone without losing this section.",
        ),
        (
            DeviceKey::Name,
            "What the inverter is called. Left out: \"Inverter\" and its serial number.",
        ),
        (
            DeviceKey::Names,
            "What optimizers, meters and several inverters are called, by serial number as on the label: \
             `names = { \"10AB1C2D-04\" = \"Roof 1.1\" }`.",
        ),
        (DeviceKey::Area, "The room to propose for all of them."),
        (
            DeviceKey::ForgetAfter,
            "How long an optimizer is kept that the inverter no longer lists.",
        ),
    ];

    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let ways = [
            ("interface", self.interface.is_some()),
            ("capture", self.capture.is_some()),
            ("proxy", self.proxy.is_some()),
        ];
        let mut said = ways.iter().filter(|(_, is_said)| *is_said);
        match (said.next(), said.next()) {
            (None, _) => complaints.push(Complaint::new(
                "interface",
                "it is not said where packets can be seen",
                "write interface = \"eth0\" with the interface at which the inverter's packets pass; \
                 docs/devices/solaredge.md shows all ways",
            )),
            (Some((first, _)), Some((second, _))) => complaints.push(Complaint::new(
                second,
                format!("{first} and {second} are both given"),
                "write one section for each of them",
            )),
            _ => {}
        }
        if self.proxy.is_some() && self.endpoint().is_none() {
            complaints.push(Complaint::new(
                "server",
                "it is not said where the proxy passes the connection on to",
                "write server = \"HOST:PORT\", as it stands in the inverter's menu under Communication, Server",
            ));
        }
        if self.host().is_some_and(|host| host.is_err()) {
            complaints.push(Complaint::new(
                "host",
                "this is neither an IP nor a MAC address",
                "write it like 192.168.1.40 or, as on its label, 00:27:02:01:02:03",
            ));
        }
        if self
            .interface
            .as_ref()
            .is_some_and(|name| CaptureAddress::interface(name).is_err())
        {
            complaints.push(Complaint::new(
                "interface",
                "no interface has such a name",
                "write one of those that `ip link` lists, such as eth0",
            ));
        }
        if self.max_power == Some(0) {
            complaints.push(Complaint::new(
                "max_power",
                "0 watts would hold back every value",
                "write what the inverter can deliver, or leave it out",
            ));
        }
        if self
            .capture
            .as_ref()
            .is_some_and(|text| text.trim().is_empty())
        {
            complaints.push(Complaint::new(
                "capture",
                "it is empty",
                "write \"-\" for the standard input, tcp://HOST:PORT, or the path of a named pipe",
            ));
        }
        let named = [
            ("keys", self.keys.keys().collect::<Vec<_>>()),
            ("sessions", self.sessions.keys().collect()),
        ];
        for (field, names) in named {
            let mut units = BTreeSet::new();
            for name in names {
                match name.parse::<Serial>() {
                    Err(error) => complaints.push(Complaint::new(field, error.to_string(), "")),
                    Ok(unit) if !units.insert(unit) => complaints.push(Complaint::new(
                        field,
                        format!("{unit} is there twice, written in two ways"),
                        "leave out the one that is old",
                    )),
                    Ok(_) => {}
                }
            }
        }
        complaints
    }
}

impl SolarEdgeConfig {
    /// Where the packets are to be had.
    pub fn address(&self) -> Option<Address> {
        if let Some(name) = &self.interface {
            return Some(Address::Capture(CaptureAddress::Interface {
                name: name.clone(),
                host: self.host().and_then(Result::ok),
                is_promiscuous: self.promiscuous,
            }));
        }
        if let Some(listen) = self.proxy {
            let server = self.endpoint()?;
            return Some(Address::Capture(CaptureAddress::Proxy { listen, server }));
        }
        match self.capture.as_deref()? {
            "-" => Some(Address::Capture(CaptureAddress::Stdin)),
            text if text.contains("://") => {
                let capture = || text.parse().ok().map(Address::Capture);
                text.parse().ok().or_else(capture)
            }
            path => Some(Address::Capture(CaptureAddress::Files(vec![
                PathBuf::from(path),
            ]))),
        }
    }

    /// The inverter's address, as far as it is one.
    fn host(&self) -> Option<Result<Host, CaptureAddressError>> {
        self.host.as_deref().map(str::parse)
    }

    fn endpoint(&self) -> Option<Endpoint> {
        let server = self.server.as_deref()?.trim();
        (!server.is_empty()).then(|| Endpoint::parse(server, 22222))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_a_recording_names_is_understood_again() {
        for capture in [
            "capture://eth0?host=192.0.2.5&promiscuous=no",
            "file:///tmp/a.pcap",
            "stdin://",
            "proxy://127.0.0.1:22222?server=192.0.2.9:22222",
            "tcp://192.0.2.1:2002",
        ] {
            let config = SolarEdgeConfig {
                capture: Some(capture.to_owned()),
                ..SolarEdgeConfig::default()
            };
            let address = config.address().map(|address| address.to_string());
            assert_eq!(address.as_deref(), Some(capture));
        }
    }

    #[test]
    fn what_can_never_work_is_refused() {
        let complaints = |config: SolarEdgeConfig| -> Vec<&'static str> {
            config.check().iter().map(|one| one.field).collect()
        };
        let usual = || SolarEdgeConfig {
            interface: Some("eth0".to_owned()),
            ..SolarEdgeConfig::default()
        };
        assert_eq!(complaints(usual()), [""; 0]);
        assert_eq!(complaints(SolarEdgeConfig::default()), ["interface"]);
        let capture = Some("-".to_owned());
        assert_eq!(
            complaints(SolarEdgeConfig { capture, ..usual() }),
            ["capture"]
        );
        let host = Some("the roof".to_owned());
        assert_eq!(complaints(SolarEdgeConfig { host, ..usual() }), ["host"]);
        let max_power = Some(0);
        assert_eq!(
            complaints(SolarEdgeConfig {
                max_power,
                ..usual()
            }),
            ["max_power"]
        );
        let keys = BTreeMap::from([("7F123456-00".to_owned(), Secret::new("x"))]);
        assert_eq!(complaints(SolarEdgeConfig { keys, ..usual() }), ["keys"]);
        let proxy = SolarEdgeConfig {
            interface: None,
            proxy: "127.0.0.1:22222".parse().ok(),
            ..usual()
        };
        assert_eq!(complaints(proxy), ["server"]);
    }
}
