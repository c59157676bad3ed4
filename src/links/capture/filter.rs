//! Which packets of an interface are taken: a program for the kernel, which looks at each packet so
//! that all the others cost next to nothing.
//!
//! It is classic BPF: a register A, a register X, a few places to remember something in, and jumps
//! that only lead forward. A load from behind the end of a packet ends the program, and the packet is
//! not taken.

use std::net::IpAddr;

use super::address::Host;
use super::program::{Instruction, Label, Program, ProgramTooLong, Register, Size};

/// Which packets of an interface an adapter wants to see. Whoever says nothing gets every packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaptureFilter {
    /// All packets that a device with such an Ethernet address sends or receives.
    pub mac_prefixes: &'static [[u8; 3]],
    /// TCP from or to these ports.
    pub ports: &'static [u16],
}

/// What the packets of an interface begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// The Ethernet addresses and what follows.
    Ethernet,
    /// IP at once.
    Ip,
}

/// Where the kernel keeps the number of the interface, as if it were in the packet.
const INTERFACE: u32 = (-0x1000_i32 + 8) as u32;

/// What is remembered: 1 if the host that is wanted sends or receives the packet.
const IS_HOST: u32 = 0;
/// What is remembered: what is behind the IP header.
const PROTOCOL: u32 = 1;

/// Where the addresses stand in an Ethernet header.
const MAC_TO: u32 = 0;
const MAC_FROM: u32 = 6;
const ETHER_TYPE: u32 = 12;

const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
/// A VLAN, and one around another. The outermost is taken off by the kernel already.
const TAGS: [u32; 2] = [0x8100, 0x88a8];

const HOP_BY_HOP: u32 = 0;
const TCP: u32 = 6;
const UDP: u32 = 17;
const DNS: u16 = 53;

impl CaptureFilter {
    /// The program that takes what is wanted of the interface with this number, and besides all TCP
    /// and DNS of one host.
    pub fn program(
        &self,
        host: Option<Host>,
        interface: u32,
        head: Head,
    ) -> Result<Vec<Instruction>, ProgramTooLong> {
        let mut build = Build {
            filter: self,
            host,
            program: Program::default(),
        };
        build.interface(interface);
        if self.mac_prefixes.is_empty() && self.ports.is_empty() && host.is_none() {
            build.program.jump(Label::Take);
            return build.program.assemble();
        }
        if host.is_some() {
            build.program.set(Register::A, 0);
            build.program.remember(IS_HOST);
        }
        match head {
            Head::Ethernet => build.ethernet(),
            Head::Ip => build.ip(),
        }
        build.ipv4();
        build.ipv6();
        build.transport();
        build.program.assemble()
    }
}

/// A filter whose program is being written.
struct Build<'a> {
    filter: &'a CaptureFilter,
    host: Option<Host>,
    program: Program,
}

impl Build<'_> {
    /// Another interface: not taken.
    fn interface(&mut self, number: u32) {
        self.program.load(Size::Word, INTERFACE);
        self.program.unless_equal(number, Label::Leave);
    }

    /// Looks at the addresses, and finds where IP begins.
    fn ethernet(&mut self) {
        let program = &mut self.program;
        if !self.filter.mac_prefixes.is_empty() {
            for at in [MAC_FROM, MAC_TO] {
                program.load(Size::Word, at);
                program.shift_right(8);
                for &[a, b, c] in self.filter.mac_prefixes {
                    program.if_equal(u32::from_be_bytes([0, a, b, c]), Label::Take);
                }
            }
        }
        if let Some(Host::Mac([a, b, c, d, e, f])) = self.host {
            let (upper, lower) = (u32::from_be_bytes([a, b, c, d]), [0, 0, e, f]);
            for (at, next) in [(MAC_FROM, Label::OtherMac), (MAC_TO, Label::NoMac)] {
                program.load(Size::Word, at);
                program.unless_equal(upper, next);
                program.load(Size::Half, at + 4);
                program.unless_equal(u32::from_be_bytes(lower), next);
                program.set(Register::A, 1);
                program.remember(IS_HOST);
                program.place(next);
            }
        }
        program.load(Size::Half, ETHER_TYPE);
        program.set(Register::X, 14);
        program.if_equal(IPV4, Label::Ipv4);
        program.if_equal(IPV6, Label::Ipv6);
        for tag in TAGS {
            program.if_equal(tag, Label::Tagged);
        }
        program.jump(Label::Leave);
        program.place(Label::Tagged);
        program.load(Size::Half, ETHER_TYPE + 4);
        program.set(Register::X, 18);
        program.if_equal(IPV4, Label::Ipv4);
        program.if_equal(IPV6, Label::Ipv6);
        program.jump(Label::Leave);
    }

    /// There is nothing before IP.
    fn ip(&mut self) {
        let program = &mut self.program;
        program.load(Size::Byte, 0);
        program.set(Register::X, 0);
        program.shift_right(4);
        program.if_equal(4, Label::Ipv4);
        program.if_equal(6, Label::Ipv6);
        program.jump(Label::Leave);
    }

    /// The header of IPv4 begins at X.
    fn ipv4(&mut self) {
        let program = &mut self.program;
        program.place(Label::Ipv4);
        // A piece of a packet has no ports, unless it is the first.
        program.load_behind_x(Size::Half, 6);
        program.if_any_of(0x1fff, Label::Leave);
        if let Some(Host::Ip(IpAddr::V4(host))) = self.host {
            let host = u32::from(host);
            program.load_behind_x(Size::Word, 12);
            program.if_equal(host, Label::IsHost4);
            program.load_behind_x(Size::Word, 16);
            program.unless_equal(host, Label::NoHost4);
            program.place(Label::IsHost4);
            program.set(Register::A, 1);
            program.remember(IS_HOST);
            program.place(Label::NoHost4);
        }
        program.load_behind_x(Size::Byte, 9);
        program.remember(PROTOCOL);
        // The length of the header, in words of four bytes.
        program.load_behind_x(Size::Byte, 0);
        program.mask(0x0f);
        program.shift_left(2);
        program.add_x();
        program.x_from_a();
        program.jump(Label::Transport);
    }

    /// The header of IPv6 begins at X.
    fn ipv6(&mut self) {
        let program = &mut self.program;
        program.place(Label::Ipv6);
        if let Some(Host::Ip(IpAddr::V6(host))) = self.host {
            let [a, b, c, d] =
                [0, 1, 2, 3].map(|word| (u128::from(host) >> (96 - 32 * word)) as u32);
            for (at, next) in [(8, Label::OtherHost6), (24, Label::NoHost6)] {
                for (index, word) in (0_u32..).zip([a, b, c, d]) {
                    program.load_behind_x(Size::Word, at + 4 * index);
                    program.unless_equal(word, next);
                }
                program.set(Register::A, 1);
                program.remember(IS_HOST);
                program.place(next);
            }
        }
        program.load_behind_x(Size::Byte, 6);
        program.remember(PROTOCOL);
        // Packets too long for their header have one more, which says how long they are.
        program.if_equal(HOP_BY_HOP, Label::HopByHop);
        program.a_from_x();
        program.add(40);
        program.x_from_a();
        program.jump(Label::Transport);
        program.place(Label::HopByHop);
        program.load_behind_x(Size::Byte, 41);
        program.unless_equal(0, Label::Leave);
        program.load_behind_x(Size::Byte, 40);
        program.remember(PROTOCOL);
        program.a_from_x();
        program.add(48);
        program.x_from_a();
    }

    /// What is behind IP begins at X.
    fn transport(&mut self) {
        let program = &mut self.program;
        program.place(Label::Transport);
        program.recall(PROTOCOL);
        if self.host.is_some() {
            program.if_equal(UDP, Label::Udp);
        }
        program.unless_equal(TCP, Label::Leave);
        if self.host.is_some() {
            program.recall(IS_HOST);
            program.if_equal(1, Label::Take);
        }
        for at in [0, 2] {
            program.load_behind_x(Size::Half, at);
            for &port in self.filter.ports {
                program.if_equal(u32::from(port), Label::Take);
            }
        }
        program.jump(Label::Leave);
        if self.host.is_some() {
            program.place(Label::Udp);
            program.recall(IS_HOST);
            program.unless_equal(1, Label::Leave);
            for at in [0, 2] {
                program.load_behind_x(Size::Half, at);
                program.if_equal(u32::from(DNS), Label::Take);
            }
            program.jump(Label::Leave);
        }
    }
}

#[cfg(test)]
mod tests;
