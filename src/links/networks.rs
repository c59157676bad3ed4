//! IPv4 networks, as they are looked through for devices, and those that this machine is in.

use std::net::Ipv4Addr;
use std::str::FromStr;

/// The largest network that is looked through: 4096 addresses.
const SMALLEST_PREFIX: u8 = 20;
/// The usual network of a home.
const USUAL_PREFIX: u8 = 24;

/// An IPv4 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: u32,
    bits: u8,
}

impl Network {
    fn around(address: Ipv4Addr, bits: u8) -> Self {
        let rest = 32 - u32::from(bits.min(32));
        let mask = u32::MAX.checked_shl(rest).unwrap_or(0);
        let first = u32::from(address) & mask;
        Self { first, bits }
    }

    fn has(self, address: Ipv4Addr) -> bool {
        Self::around(address, self.bits) == self
    }

    fn size(self) -> u32 {
        1 << (32 - u32::from(self.bits))
    }

    /// Its addresses without those of the network itself and of all its hosts.
    pub fn hosts(self) -> impl Iterator<Item = Ipv4Addr> {
        let size = self.size();
        let ends = u32::from(size > 2);
        (ends..size - ends).map(move |index| Ipv4Addr::from(self.first + index))
    }

    /// Whether all of it is in somebody's home, or in this machine.
    pub fn is_private(self) -> bool {
        let last = Ipv4Addr::from(self.first + (self.size() - 1));
        let private = |address: Ipv4Addr| {
            address.is_private() || address.is_loopback() || address.is_link_local()
        };
        private(Ipv4Addr::from(self.first)) && private(last)
    }
}

/// How this machine is connected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connected {
    /// The networks of homes that it is in; of a large one, what lies around its own address.
    pub networks: Vec<Network>,
    /// Its network interfaces.
    pub interfaces: Vec<String>,
}

impl Connected {
    /// How it is now. What cannot be read is left out.
    pub fn of_this_machine() -> Self {
        let mut connected = Self::default();
        #[cfg(target_os = "linux")]
        for (name, address, mask) in addresses() {
            connected.add(&name, address, mask);
        }
        connected
    }

    /// Containers and what connects them are nobody's home.
    #[cfg(any(target_os = "linux", test))]
    fn add(&mut self, name: &str, address: Option<Ipv4Addr>, mask: Option<Ipv4Addr>) {
        let inner = ["docker", "br-", "veth", "hassio", "podman", "virbr"];
        if inner.iter().any(|it| name.starts_with(it)) {
            return;
        }
        if !self.interfaces.iter().any(|it| it == name) {
            self.interfaces.push(name.to_owned());
        }
        let Some(address) = address else { return };
        let bits = mask.map_or(u32::BITS, |mask| u32::from(mask).leading_ones());
        let bits = u8::try_from(bits).unwrap_or(USUAL_PREFIX);
        let bits = if bits < SMALLEST_PREFIX {
            USUAL_PREFIX
        } else {
            bits
        };
        let network = Network::around(address, bits);
        // The one between Home Assistant and its apps.
        let is_inner = Network::around(Ipv4Addr::new(172, 30, 32, 0), 23).has(address);
        if network.is_private() && bits < 32 && !is_inner && !self.networks.contains(&network) {
            self.networks.push(network);
        }
    }
}

#[cfg(target_os = "linux")]
fn addresses() -> Vec<(String, Option<Ipv4Addr>, Option<Ipv4Addr>)> {
    use nix::ifaddrs::getifaddrs;
    use nix::net::if_::InterfaceFlags;

    let Ok(all) = getifaddrs() else {
        return Vec::new();
    };
    let is_link = |flags: InterfaceFlags| {
        flags.contains(InterfaceFlags::IFF_UP)
            && !flags.intersects(InterfaceFlags::IFF_POINTOPOINT | InterfaceFlags::IFF_LOOPBACK)
    };
    all.filter(|it| is_link(it.flags))
        .map(|it| {
            let ip = |part: Option<&nix::sys::socket::SockaddrStorage>| {
                Some(part?.as_sockaddr_in()?.ip())
            };
            let address = ip(it.address.as_ref());
            let mask = ip(it.netmask.as_ref());
            (it.interface_name, address, mask)
        })
        .collect()
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.first), self.bits)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a network; write it like 192.168.1.0/24");
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
        let bits: u8 = bits
            .parse()
            .ok()
            .filter(|bits| *bits <= 32)
            .ok_or_else(wrong)?;
        if bits < SMALLEST_PREFIX {
            return Err(format!(
                "{text} has too many addresses; at most /{SMALLEST_PREFIX} is scanned at once"
            ));
        }
        Ok(Self::around(address, bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        text.parse::<Network>()
            .unwrap()
            .hosts()
            .map(|host| host.to_string())
            .collect()
    }

    #[test]
    fn a_network_has_its_hosts() {
        assert_eq!(hosts("192.168.1.77/24").len(), 254);
        assert_eq!(hosts("192.168.1.77/30"), ["192.168.1.77", "192.168.1.78"]);
        assert_eq!(hosts("192.168.1.77"), ["192.168.1.77"]);
        assert_eq!(hosts("192.168.1.76/31").len(), 2);
    }

    #[test]
    fn only_private_networks_are_scanned_unasked() {
        let private = |text: &str| text.parse::<Network>().unwrap().is_private();
        assert!(private("192.168.1.0/24") && private("10.1.0.0/20") && private("127.0.0.1"));
        assert!(!private("8.8.8.0/24") && !private("172.32.0.0/24"));
    }

    #[test]
    fn networks_of_homes_are_proposed_and_those_of_containers_are_not() {
        let mut here = Connected::default();
        let ip = |text: &str| Some(text.parse().unwrap());
        here.add("eth0", ip("192.168.1.77"), ip("255.255.255.0"));
        here.add("eth0", None, None);
        here.add("wlan0", ip("10.20.30.40"), ip("255.0.0.0"));
        here.add("docker0", ip("172.17.0.1"), ip("255.255.0.0"));
        here.add("eth1", ip("172.30.33.4"), ip("255.255.254.0"));
        here.add("eth2", ip("192.0.2.1"), ip("255.255.255.0"));
        let networks: Vec<String> = here.networks.iter().map(ToString::to_string).collect();
        assert_eq!(networks, ["192.168.1.0/24", "10.20.30.0/24"]);
        assert_eq!(here.interfaces, ["eth0", "wlan0", "eth1", "eth2"]);
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for text in [
            "",
            "ecu",
            "192.168.1.0/33",
            "192.168.1/24",
            "::1",
            "10.0.0.0/8",
            "1.2.3.4/x",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
