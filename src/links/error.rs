//! Why a link does not work, and what its user can do about it.

use std::net::SocketAddr;
use std::time::Duration;

use super::address::Address;
use super::capture::{CaptureAddress, CaptureRefused};
use super::endpoint::Endpoint;
use crate::model::Sentence;
use crate::say;

/// Why a connection did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.says())]
pub enum LinkError {
    /// The name has no address.
    UnknownName(String),
    /// No host says that this name, which ends in `.local`, is its own.
    NothingAnswers(String),
    /// Somebody is there, but the port is closed.
    Refused(Endpoint),
    /// Nobody is there.
    NoRoute(Endpoint, String),
    /// Nothing came back in time.
    TimedOut {
        /// Who should have answered.
        address: Address,
        /// How long was waited.
        after: Duration,
    },
    /// The other side closed the connection while more was to come.
    Closed(Endpoint),
    /// There is no serial port of that name.
    NoSuchPort {
        /// What was to be opened.
        path: String,
        /// What could be opened instead.
        others: Vec<String>,
    },
    /// The serial port belongs to others.
    NotPermitted(String),
    /// Another program has the serial port open.
    Busy(String),
    /// The path leads to something else.
    NotSerial(String),
    /// The serial port vanished while it was open.
    Unplugged(String),
    /// There is no network interface of that name.
    NoSuchInterface {
        /// What was to be opened.
        name: String,
        /// What could be opened instead.
        others: Vec<String>,
    },
    /// The network interface is switched off, or nothing is plugged in.
    InterfaceDown {
        /// Which.
        name: String,
        /// Whether it is on, and merely nobody is at the other end.
        is_unplugged: bool,
    },
    /// The network interface is another one than it was.
    InterfaceReplaced(String),
    /// What its packets begin with is unknown.
    UnreadableInterface {
        /// Which.
        name: String,
        /// Its kind, as Linux numbers them.
        kind: u32,
    },
    /// Packets may not be captured by this user.
    CaptureNotPermitted(String),
    /// Packets cannot be captured on this system.
    CaptureUnsupported,
    /// There is no such file.
    NoSuchFile(String),
    /// The file may not be read, or is something else.
    UnreadableFile(String, String),
    /// What comes is no capture.
    NotACapture(String, CaptureRefused),
    /// All there was has been read.
    CaptureEnded(CaptureAddress),
    /// Devices cannot connect to this machine there.
    CannotListen(SocketAddr, String),
    /// Anything else.
    Broken(Address, String),
    /// The recording holds no more connections.
    RecordingEnded,
}

impl LinkError {
    /// For people.
    pub fn says(&self) -> Sentence {
        match self {
            Self::UnknownName(name) => say!("the name {name} is not known in this network", name),
            Self::NothingAnswers(name) => {
                say!("nothing in this network answers to the name {name}", name)
            }
            Self::Refused(endpoint) => {
                let place = endpoint.to_string();
                say!("{place} refuses the connection", place)
            }
            Self::NoRoute(endpoint, why) => {
                let place = endpoint.to_string();
                say!("no way to {place}: {why}", place, why)
            }
            Self::TimedOut { address, after } => {
                let place = address.place();
                let after = format!("{after:?}");
                say!("{place} does not answer within {after}", place, after)
            }
            Self::Closed(endpoint) => {
                let place = endpoint.to_string();
                say!("{place} closed the connection", place)
            }
            Self::NoSuchPort { path, .. } => say!("there is no serial port {path}", path),
            Self::NotPermitted(port) => {
                say!(
                    "the serial port {port} may not be opened by this user",
                    port
                )
            }
            Self::Busy(port) => say!("another program uses the serial port {port}", port),
            Self::NotSerial(path) => say!("{path} is not a serial port", path),
            Self::Unplugged(port) => say!("the serial port {port} was unplugged", port),
            Self::NoSuchInterface { name, .. } => {
                say!("there is no network interface {name}", name)
            }
            Self::InterfaceDown {
                name,
                is_unplugged: true,
            } => say!("the network interface {name} has no link", name),
            Self::InterfaceDown { name, .. } => say!("the network interface {name} is down", name),
            Self::InterfaceReplaced(name) => {
                say!("the network interface {name} has gone and come back", name)
            }
            Self::UnreadableInterface { name, kind } => say!(
                "the network interface {name} is of a kind that cannot be read (type {kind})",
                name,
                kind = *kind
            ),
            Self::CaptureNotPermitted(name) => {
                say!("packets on {name} may not be captured by this user", name)
            }
            Self::CaptureUnsupported => {
                say!("packets of a network interface can be captured on Linux only")
            }
            Self::NoSuchFile(path) => say!("there is no capture file {path}", path),
            Self::UnreadableFile(path, why) => {
                say!("the capture file {path} cannot be read: {why}", path, why)
            }
            Self::NotACapture(path, why) => say!("{path}: {why}", path, why = why.says()),
            Self::CaptureEnded(address) => {
                let place = address.place();
                say!("the capture has ended ({place})", place)
            }
            Self::CannotListen(address, why) => {
                let place = address.to_string();
                say!("nobody can connect to {place}: {why}", place, why)
            }
            Self::Broken(address, why) => {
                let place = address.place();
                say!("the connection to {place} broke: {why}", place, why)
            }
            Self::RecordingEnded => say!("the recording has ended"),
        }
    }

    /// What the user can do about it, in whole sentences; empty if there is nothing to do.
    pub fn advice(&self) -> Sentence {
        match self {
            Self::NoSuchPort { others, .. } => no_such_port(others),
            Self::UnknownName(_) => {
                say!("Check how the name is written, or use the address, such as 192.168.1.9.")
            }
            Self::NothingAnswers(_) => {
                say!(
                    "Check how the name is written and that the device is on, or write its IP address \
                 instead, such as 192.168.1.9. In a container it has to be the address."
                )
            }
            Self::Refused(_) => {
                say!("Check the port, and that the program that is to answer there runs.")
            }
            Self::NoRoute(..) => {
                say!("Check the address, and that the other side has power and is in this network.")
            }
            Self::TimedOut {
                address: Address::Tcp(_),
                ..
            } => {
                say!(
                    "Check the address, and that the other side has power and is not behind a firewall."
                )
            }
            Self::TimedOut {
                address: Address::Capture(_),
                ..
            } => say!("If it lasts, start wattbridge again."),
            Self::TimedOut { .. } => say!("Unplug the adapter and plug it in again."),
            Self::Closed(_) => {
                say!(
                    "If it lasts, look whether another program takes the \
                 connection over: many that pass something on serve one at a time."
                )
            }
            Self::NotPermitted(_) => {
                say!(
                    "Add the user that runs wattbridge to the group dialout, or, in Docker, pass the \
                 device and the group."
                )
            }
            Self::Busy(_) => {
                say!(
                    "Stop the other program; `fuser -v` with the path of the port names it. Two \
                 sections cannot share a port either."
                )
            }
            Self::NotSerial(_) => {
                say!(
                    "Write the path of a serial port, such as /dev/ttyUSB0 or one in \
                 /dev/serial/by-id."
                )
            }
            Self::Unplugged(_) => {
                say!(
                    "Plug the adapter in again; it is then used again by itself. If nobody unplugged \
                 it, look at its cable, the hub and the power supply."
                )
            }
            Self::Broken(Address::Serial(_), _) => {
                say!(
                    "Unplug the adapter and plug it in again. If it lasts, try another USB socket or \
                 cable."
                )
            }
            Self::NoSuchInterface { others, .. } => no_such_interface(others),
            Self::InterfaceDown {
                is_unplugged: true, ..
            } => {
                say!(
                    "Check that its cable is plugged in at both ends, and that what is at the other end \
                 has power. It is then used again by itself."
                )
            }
            Self::InterfaceDown { name, .. } => {
                say!(
                    "Switch it on with `ip link set {name} up`, and let the system do so at each start. It is then used \
                     again by itself.",
                    name
                )
            }
            Self::InterfaceReplaced(_) => {
                say!(
                    "It is opened again by itself. If nobody unplugged it, look at the adapter and its \
                 power supply."
                )
            }
            Self::UnreadableInterface { .. } => {
                say!(
                    "Write an Ethernet interface (such as eth0), a bridge, Wi-Fi or tun; `ip link` lists \
                 them."
                )
            }
            Self::CaptureNotPermitted(_) => {
                say!(
                    "Give the program the right to: `sudo setcap cap_net_raw+ep` with its path; or \
                 AmbientCapabilities=CAP_NET_RAW in the unit of systemd; or `--cap-add NET_RAW \
                 --network host` in Docker."
                )
            }
            Self::CaptureUnsupported => {
                say!(
                    "Run wattbridge on Linux, or give it capture files, a pipe, or a proxy instead."
                )
            }
            Self::NoSuchFile(_) => say!("Correct the path, or make the file."),
            Self::UnreadableFile(..) => {
                say!(
                    "Check that it is a file or a named pipe, and that the user that runs wattbridge may \
                 read it."
                )
            }
            Self::NotACapture(..) => {
                say!(
                    "Make it with `tcpdump -w` or `dumpcap -w`, which write pcap or pcapng, and let \
                 nothing else write into it."
                )
            }
            Self::CaptureEnded(CaptureAddress::Stdin) => {
                say!(
                    "The program that sends packets has ended; start it again together with wattbridge."
                )
            }
            Self::CaptureEnded(CaptureAddress::Files(_)) => {
                say!(
                    "All files have been read. For packets that are still to come, write an interface or \
                 a named pipe."
                )
            }
            Self::CaptureEnded(_) => say!("It is opened again by itself."),
            Self::CannotListen(..) => {
                say!(
                    "Stop what listens there, or choose another port; ports below 1024 need a right of \
                 their own."
                )
            }
            Self::Broken(Address::Capture(_), _) => {
                say!(
                    "It is opened again by itself. If it lasts, look at where the packets come from, and \
                 that no other section reads the same."
                )
            }
            Self::Broken(Address::Tcp(_), _) => say!("If it lasts, check the network on the way."),
            Self::RecordingEnded => Sentence::EMPTY,
        }
    }

    /// Whether a serial port or an interface is not there, so that it can be had again as soon as it is
    /// plugged in, or switched on.
    pub const fn is_unplugged(&self) -> bool {
        matches!(
            self,
            Self::NoSuchPort { .. }
                | Self::Unplugged(_)
                | Self::NoSuchInterface { .. }
                | Self::InterfaceDown { .. }
                | Self::InterfaceReplaced(_)
        )
    }
}

fn no_such_port(others: &[String]) -> Sentence {
    if others.is_empty() {
        return say!(
            "Plug the adapter in; at present there is no serial port at all. In Docker, pass the device."
        );
    }
    let others = others.join(", ");
    say!(
        "Plug the adapter in, or correct the path; at present there is {others}.",
        others
    )
}

fn no_such_interface(others: &[String]) -> Sentence {
    if others.is_empty() {
        return say!("At present there is none. In Docker, use `--network host`.");
    }
    let others = others.join(", ");
    say!(
        "Correct its name, or plug it in; at present there is {others}. In Docker, use `--network host`.",
        others
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_it_is_and_what_to_do() {
        let endpoint = Endpoint::parse("192.168.1.9:2001", 1);
        let tcp = Address::Tcp(endpoint.clone());
        let path = || "/dev/ttyUSB0".to_owned();
        let serial: Address = path().parse().unwrap();
        let after = Duration::from_secs(3);
        let timed_out = |address: &Address| LinkError::TimedOut {
            address: address.clone(),
            after,
        };
        let down = |is_unplugged| LinkError::InterfaceDown {
            name: "eth0".to_owned(),
            is_unplugged,
        };
        for (error, words, advice) in [
            (LinkError::UnknownName("m".into()), "name m", "the address"),
            (
                LinkError::NothingAnswers("m.local".into()),
                "nothing in this network answers to the name m.local",
                "write its IP address",
            ),
            (
                LinkError::Refused(endpoint.clone()),
                "192.168.1.9:2001 refuses",
                "Check the port",
            ),
            (
                LinkError::NoRoute(endpoint.clone(), "x".into()),
                "to 192.168.1.9:2001",
                "power",
            ),
            (timed_out(&tcp), "192.168.1.9:2001 does not", "firewall"),
            (timed_out(&serial), "/dev/ttyUSB0 does not", "Unplug"),
            (LinkError::Closed(endpoint), "closed", "one at a time"),
            (LinkError::NotPermitted(path()), "this user", "dialout"),
            (LinkError::Busy(path()), "another program", "Stop the other"),
            (LinkError::NotSerial(path()), "not a serial", "/dev/ttyUSB0"),
            (LinkError::Unplugged(path()), "unplugged", "Plug"),
            (LinkError::Broken(serial, "x".into()), "broke: x", "cable"),
            (LinkError::Broken(tcp, "x".into()), "broke: x", "network"),
            (down(true), "eth0 has no link", "cable"),
            (down(false), "eth0 is down", "ip link set"),
            (
                LinkError::InterfaceReplaced("eth0".into()),
                "eth0 has gone",
                "by itself",
            ),
            (
                LinkError::UnreadableInterface {
                    name: "can0".into(),
                    kind: 280,
                },
                "can0 is of a kind",
                "ip link",
            ),
            (
                LinkError::CaptureNotPermitted("eth0".into()),
                "packets on eth0",
                "cap_net_raw+ep",
            ),
            (LinkError::CaptureUnsupported, "Linux only", "a proxy"),
            (LinkError::NoSuchFile("/a".into()), "file /a", "path"),
            (
                LinkError::UnreadableFile("/a".into(), "x".into()),
                "/a cannot be read: x",
                "may read it",
            ),
            (
                LinkError::NotACapture("/a".into(), CaptureRefused::Unknown { offset: 0 }),
                "/a: byte 0",
                "tcpdump -w",
            ),
            (
                LinkError::CaptureEnded(CaptureAddress::Stdin),
                "ended (standard input)",
                "together with wattbridge",
            ),
            (
                LinkError::CaptureEnded(CaptureAddress::Files(vec!["/a".into()])),
                "ended (/a)",
                "named pipe",
            ),
            (
                LinkError::Broken(CaptureAddress::Stdin.into(), "x".into()),
                "to standard input broke: x",
                "no other section",
            ),
            (
                LinkError::CannotListen("0.0.0.0:80".parse().unwrap(), "x".into()),
                "connect to 0.0.0.0:80: x",
                "another port",
            ),
        ] {
            let text = error.to_string();
            assert!(text.contains(words), "{text}");
            let text = error.advice();
            assert!(text.contains(advice) && text.ends_with('.'), "{text}");
        }
    }

    #[test]
    fn a_missing_port_is_told_together_with_those_that_are_there() {
        let missing = |others: &[&str]| LinkError::NoSuchPort {
            path: "/dev/ttyUSB0".to_owned(),
            others: others.iter().map(ToString::to_string).collect(),
        };
        let advice = missing(&["/dev/serial/by-id/usb-a", "/dev/ttyAMA0"]).advice();
        assert!(advice.contains("there is /dev/serial/by-id/usb-a, /dev/ttyAMA0."));
        assert!(missing(&[]).advice().contains("no serial port at all"));
        assert!(missing(&[]).is_unplugged());
        assert!(!LinkError::RecordingEnded.is_unplugged());
        let missing = |others: &[&str]| LinkError::NoSuchInterface {
            name: "eth1".to_owned(),
            others: others.iter().map(ToString::to_string).collect(),
        };
        assert!(missing(&["eth0", "lo"]).advice().contains("eth0, lo."));
        assert!(missing(&[]).advice().contains("there is none"));
        assert!(missing(&[]).is_unplugged());
    }
}
