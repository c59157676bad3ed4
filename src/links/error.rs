//! Why a link does not work, and what its user can do about it.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use super::address::Address;
use super::capture::{CaptureAddress, CaptureRefused};
use super::endpoint::Endpoint;

/// Why a connection did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The name has no address.
    #[error("the name {0} is not known in this network")]
    UnknownName(String),
    /// No host says that this name, which ends in `.local`, is its own.
    #[error("nothing in this network answers to the name {0}")]
    NothingAnswers(String),
    /// Somebody is there, but the port is closed.
    #[error("{0} refuses the connection")]
    Refused(Endpoint),
    /// Nobody is there.
    #[error("no way to {0}: {1}")]
    NoRoute(Endpoint, String),
    /// Nothing came back in time.
    #[error("{} does not answer within {after:?}", .address.place())]
    TimedOut {
        /// Who should have answered.
        address: Address,
        /// How long was waited.
        after: Duration,
    },
    /// The other side closed the connection while more was to come.
    #[error("{0} closed the connection")]
    Closed(Endpoint),
    /// There is no serial port of that name.
    #[error("there is no serial port {path}")]
    NoSuchPort {
        /// What was to be opened.
        path: String,
        /// What could be opened instead.
        others: Vec<String>,
    },
    /// The serial port belongs to others.
    #[error("the serial port {0} may not be opened by this user")]
    NotPermitted(String),
    /// Another program has the serial port open.
    #[error("another program uses the serial port {0}")]
    Busy(String),
    /// The path leads to something else.
    #[error("{0} is not a serial port")]
    NotSerial(String),
    /// The serial port vanished while it was open.
    #[error("the serial port {0} was unplugged")]
    Unplugged(String),
    /// There is no network interface of that name.
    #[error("there is no network interface {name}")]
    NoSuchInterface {
        /// What was to be opened.
        name: String,
        /// What could be opened instead.
        others: Vec<String>,
    },
    /// The network interface is switched off, or nothing is plugged in.
    #[error("the network interface {name} {}", if *.is_unplugged { "has no link" } else { "is down" })]
    InterfaceDown {
        /// Which.
        name: String,
        /// Whether it is on, and merely nobody is at the other end.
        is_unplugged: bool,
    },
    /// The network interface is another one than it was.
    #[error("the network interface {0} has gone and come back")]
    InterfaceReplaced(String),
    /// What its packets begin with is unknown.
    #[error("the network interface {name} is of a kind that cannot be read (type {kind})")]
    UnreadableInterface {
        /// Which.
        name: String,
        /// Its kind, as Linux numbers them.
        kind: u32,
    },
    /// Packets may not be captured by this user.
    #[error("packets on {0} may not be captured by this user")]
    CaptureNotPermitted(String),
    /// Packets cannot be captured on this system.
    #[error("packets of a network interface can be captured on Linux only")]
    CaptureUnsupported,
    /// There is no such file.
    #[error("there is no capture file {0}")]
    NoSuchFile(String),
    /// The file may not be read, or is something else.
    #[error("the capture file {0} cannot be read: {1}")]
    UnreadableFile(String, String),
    /// What comes is no capture.
    #[error("{0}: {1}")]
    NotACapture(String, CaptureRefused),
    /// All there was has been read.
    #[error("the capture has ended ({place})", place = .0.place())]
    CaptureEnded(CaptureAddress),
    /// Devices cannot connect to this machine there.
    #[error("nobody can connect to {0}: {1}")]
    CannotListen(SocketAddr, String),
    /// Anything else.
    #[error("the connection to {place} broke: {1}", place = .0.place())]
    Broken(Address, String),
    /// The recording holds no more connections.
    #[error("the recording has ended")]
    RecordingEnded,
}

impl LinkError {
    /// What the user can do about it, in whole sentences; empty if there is nothing to do.
    pub fn advice(&self) -> Cow<'static, str> {
        let fixed = match self {
            Self::NoSuchPort { others, .. } => return no_such_port(others).into(),
            Self::UnknownName(_) => {
                "Check how the name is written, or use the address, such as 192.168.1.9."
            }
            Self::NothingAnswers(_) => {
                "Check how the name is written and that the device is on, or write its IP address \
                 instead, such as 192.168.1.9. In a container it has to be the address."
            }
            Self::Refused(_) => {
                "Check the port, and that the program that is to answer there runs."
            }
            Self::NoRoute(..) => {
                "Check the address, and that the other side has power and is in this network."
            }
            Self::TimedOut {
                address: Address::Tcp(_),
                ..
            } => {
                "Check the address, and that the other side has power and is not behind a firewall."
            }
            Self::TimedOut {
                address: Address::Capture(_),
                ..
            } => "If it lasts, start wattbridge again.",
            Self::TimedOut { .. } => "Unplug the adapter and plug it in again.",
            Self::Closed(_) => {
                "If it lasts, look whether another program takes the \
                 connection over: many that pass something on serve one at a time."
            }
            Self::NotPermitted(_) => {
                "Add the user that runs wattbridge to the group dialout, or, in Docker, pass the \
                 device and the group."
            }
            Self::Busy(_) => {
                "Stop the other program; `fuser -v` with the path of the port names it. Two \
                 sections cannot share a port either."
            }
            Self::NotSerial(_) => {
                "Write the path of a serial port, such as /dev/ttyUSB0 or one in \
                 /dev/serial/by-id."
            }
            Self::Unplugged(_) => {
                "Plug the adapter in again; it is then used again by itself. If nobody unplugged \
                 it, look at its cable, the hub and the power supply."
            }
            Self::Broken(Address::Serial(_), _) => {
                "Unplug the adapter and plug it in again. If it lasts, try another USB socket or \
                 cable."
            }
            Self::NoSuchInterface { others, .. } => return no_such_interface(others).into(),
            Self::InterfaceDown {
                is_unplugged: true, ..
            } => {
                "Check that its cable is plugged in at both ends, and that what is at the other end \
                 has power. It is then used again by itself."
            }
            Self::InterfaceDown { name, .. } => {
                return format!(
                    "Switch it on with `ip link set {name} up`, and let the system do so at each start. It is then used \
                     again by itself."
                )
                .into();
            }
            Self::InterfaceReplaced(_) => {
                "It is opened again by itself. If nobody unplugged it, look at the adapter and its \
                 power supply."
            }
            Self::UnreadableInterface { .. } => {
                "Write an Ethernet interface (such as eth0), a bridge, Wi-Fi or tun; `ip link` lists \
                 them."
            }
            Self::CaptureNotPermitted(_) => {
                "Give the program the right to: `sudo setcap cap_net_raw+ep` with its path; or \
                 AmbientCapabilities=CAP_NET_RAW in the unit of systemd; or `--cap-add NET_RAW \
                 --network host` in Docker."
            }
            Self::CaptureUnsupported => {
                "Run wattbridge on Linux, or give it capture files, a pipe, or a proxy instead."
            }
            Self::NoSuchFile(_) => "Correct the path, or make the file.",
            Self::UnreadableFile(..) => {
                "Check that it is a file or a named pipe, and that the user that runs wattbridge may \
                 read it."
            }
            Self::NotACapture(..) => {
                "Make it with `tcpdump -w` or `dumpcap -w`, which write pcap or pcapng, and let \
                 nothing else write into it."
            }
            Self::CaptureEnded(CaptureAddress::Stdin) => {
                "The program that sends packets has ended; start it again together with wattbridge."
            }
            Self::CaptureEnded(CaptureAddress::Files(_)) => {
                "All files have been read. For packets that are still to come, write an interface or \
                 a named pipe."
            }
            Self::CaptureEnded(_) => "It is opened again by itself.",
            Self::CannotListen(..) => {
                "Stop what listens there, or choose another port; ports below 1024 need a right of \
                 their own."
            }
            Self::Broken(Address::Capture(_), _) => {
                "It is opened again by itself. If it lasts, look at where the packets come from, and \
                 that no other section reads the same."
            }
            Self::Broken(Address::Tcp(_), _) => "If it lasts, check the network on the way.",
            Self::RecordingEnded => "",
        };
        fixed.into()
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

fn no_such_port(others: &[String]) -> String {
    if others.is_empty() {
        return "Plug the adapter in; at present there is no serial port at all. In Docker, pass \
                the device."
            .to_owned();
    }
    format!(
        "Plug the adapter in, or correct the path; at present there is {}.",
        others.join(", ")
    )
}

fn no_such_interface(others: &[String]) -> String {
    if others.is_empty() {
        return "At present there is none. In Docker, use `--network host`.".to_owned();
    }
    format!(
        "Correct its name, or plug it in; at present there is {}. In Docker, use `--network host`.",
        others.join(", ")
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
