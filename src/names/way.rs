//! The ways out of this machine by which its neighbours can be asked.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

/// Where all hosts hear that answer for names of their own (RFC 6762 section 3).
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
const PORT: u16 = 5353;
/// What never leaves the link cannot have been counted down (section 11).
const HOPS: u32 = 255;
/// On how many ways is asked. A computer with many containers has an interface for each.
const MOST: usize = 32;

/// One way: an address of this machine, with the interface that has it, and whom it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Where the question comes from. Unspecified: the system chooses.
    pub from: SocketAddr,
    /// Which bits of the address are those of the link.
    pub mask: Option<IpAddr>,
    /// Where it goes to.
    pub to: SocketAddr,
}

impl Way {
    fn v4(address: Ipv4Addr, mask: Option<Ipv4Addr>) -> Self {
        Self {
            from: (address, 0).into(),
            mask: mask.map(IpAddr::V4),
            to: (GROUP_V4, PORT).into(),
        }
    }

    /// The scope is the number of the interface.
    fn v6(address: Ipv6Addr, scope: u32) -> Self {
        Self {
            from: SocketAddrV6::new(address, 0, 0, scope).into(),
            mask: None,
            to: SocketAddrV6::new(GROUP_V6, PORT, 0, scope).into(),
        }
    }

    /// A socket of a port of its own: who is asked from there answers there, and nobody else (section 6.7).
    pub fn open(&self) -> io::Result<UdpSocket> {
        let domain = Domain::for_address(self.from);
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        match self.from {
            SocketAddr::V4(from) => {
                socket.set_multicast_ttl_v4(HOPS)?;
                if !from.ip().is_unspecified() {
                    socket.set_multicast_if_v4(from.ip())?;
                }
            }
            SocketAddr::V6(from) => {
                socket.set_only_v6(true)?;
                socket.set_multicast_hops_v6(HOPS)?;
                socket.set_multicast_if_v6(from.scope_id())?;
            }
        }
        socket.bind(&self.from.into())?;
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket.into())
    }

    /// Whether an answer may come from there: the port that was asked, on this link (section 11).
    pub fn may_answer(&self, other: SocketAddr) -> bool {
        if other.port() != self.to.port() {
            return false;
        }
        match (self.from, other, self.mask) {
            (SocketAddr::V4(own), SocketAddr::V4(other), Some(IpAddr::V4(mask))) => {
                own.ip() & mask == other.ip() & mask
            }
            (SocketAddr::V4(_), SocketAddr::V4(_), None) => true,
            (SocketAddr::V6(own), SocketAddr::V6(other), _) => {
                other.ip().is_unicast_link_local() && own.scope_id() == other.scope_id()
            }
            _ => false,
        }
    }

    /// An address that was told here, as it can be reached from here, if it can.
    pub fn reach(&self, ip: IpAddr, port: u16) -> Option<SocketAddr> {
        match (ip, self.from) {
            // What is this machine for others is not for us.
            _ if ip.is_loopback() && !self.from.ip().is_loopback() => None,
            (IpAddr::V6(ip), SocketAddr::V6(own)) if ip.is_unicast_link_local() => {
                Some(SocketAddrV6::new(ip, port, 0, own.scope_id()).into())
            }
            // It needs the number of the interface, and is told on the way by IPv6 as well.
            (IpAddr::V6(ip), SocketAddr::V4(_)) if ip.is_unicast_link_local() => None,
            _ => Some((ip, port).into()),
        }
    }
}

/// All of them: each interface that is up and leads to several others, by IPv4 first, or else this machine alone.
pub fn ways() -> Vec<Way> {
    let mut found = interfaces::ways().unwrap_or_else(|error| {
        tracing::debug!("the network interfaces cannot be listed: {error}");
        vec![Way::v4(Ipv4Addr::UNSPECIFIED, None)]
    });
    if found.is_empty() {
        found.push(Way::v4(
            Ipv4Addr::LOCALHOST,
            Some(Ipv4Addr::new(255, 0, 0, 0)),
        ));
    }
    found.sort_by_key(|way| way.from.is_ipv6());
    found.truncate(MOST);
    found
}

#[cfg(target_os = "linux")]
mod interfaces {
    use std::io;

    use nix::ifaddrs::{InterfaceAddress, getifaddrs};
    use nix::net::if_::InterfaceFlags;

    use super::Way;

    pub fn ways() -> io::Result<Vec<Way>> {
        Ok(getifaddrs()?.filter_map(|it| way(&it)).collect())
    }

    fn way(interface: &InterfaceAddress) -> Option<Way> {
        let flags = interface.flags;
        let is_link = flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST)
            // Neither tunnels, whose other end is somewhere else, nor this machine.
            && !flags.intersects(InterfaceFlags::IFF_POINTOPOINT | InterfaceFlags::IFF_LOOPBACK);
        let address = interface.address.as_ref().filter(|_| is_link)?;
        if let Some(v4) = address.as_sockaddr_in() {
            let mask = interface.netmask.as_ref();
            let mask = mask.and_then(|it| Some(it.as_sockaddr_in()?.ip()));
            return Some(Way::v4(v4.ip(), mask));
        }
        let v6 = address.as_sockaddr_in6()?;
        // Each interface with IPv6 has one of these.
        v6.ip()
            .is_unicast_link_local()
            .then(|| Way::v6(v6.ip(), v6.scope_id()))
    }
}

#[cfg(not(target_os = "linux"))]
mod interfaces {
    use std::io;
    use std::net::Ipv4Addr;

    use super::Way;

    /// The one that the system takes by itself.
    pub fn ways() -> io::Result<Vec<Way>> {
        Ok(vec![Way::v4(Ipv4Addr::UNSPECIFIED, None)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_neighbours_may_answer_and_only_from_the_port_that_was_asked() {
        let own = Ipv4Addr::new(192, 168, 1, 2);
        let way = Way::v4(own, Some(Ipv4Addr::new(255, 255, 255, 0)));
        assert!(way.may_answer(address("192.168.1.9:5353")));
        assert!(!way.may_answer(address("192.168.1.9:5354")));
        assert!(!way.may_answer(address("192.168.2.9:5353")));
        assert!(!way.may_answer(address("[fe80::9]:5353")));
        // Where the link is not known anybody may.
        assert!(Way::v4(own, None).may_answer(address("192.168.2.9:5353")));

        let way = Way::v6("fe80::2".parse().unwrap(), 3);
        assert!(way.may_answer(address("[fe80::9%3]:5353")));
        assert!(!way.may_answer(address("[fe80::9%4]:5353")));
        assert!(!way.may_answer(address("[2001:db8::9%3]:5353")));
        assert!(!way.may_answer(address("192.168.1.9:5353")));
    }

    #[test]
    fn an_address_of_the_link_is_reached_by_its_interface() {
        let way = Way::v6("fe80::2".parse().unwrap(), 3);
        let reach = |way: &Way, ip: &str| way.reach(ip.parse().unwrap(), 1883);
        for (ip, reached) in [
            ("fe80::9", "[fe80::9%3]:1883"),
            ("2001:db8::9", "[2001:db8::9]:1883"),
            ("192.168.1.9", "192.168.1.9:1883"),
        ] {
            assert_eq!(reach(&way, ip), Some(address(reached)));
        }
        assert_eq!(reach(&way, "::1"), None);

        // By IPv4 nobody knows which interface that would be.
        let way = Way::v4(Ipv4Addr::new(192, 168, 1, 2), None);
        assert_eq!(reach(&way, "fe80::9"), None);
        assert_eq!(reach(&way, "127.0.0.1"), None);
        assert_eq!(
            reach(&way, "2001:db8::9"),
            Some(address("[2001:db8::9]:1883"))
        );
        let way = Way::v4(Ipv4Addr::LOCALHOST, None);
        assert_eq!(reach(&way, "127.0.0.1"), Some(address("127.0.0.1:1883")));
    }

    #[test]
    fn there_is_always_a_way() {
        let ways = ways();
        assert!(!ways.is_empty());
        assert!(ways.is_sorted_by_key(|way| way.from.is_ipv6()));
        assert!(ways.len() <= MOST);
    }
}
