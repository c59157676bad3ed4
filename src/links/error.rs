//! Why a link does not work, and what its user can do about it.

use std::borrow::Cow;
use std::time::Duration;

use super::address::{Address, Endpoint};

/// Why a connection did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The name has no address.
    #[error("the name {0} is not known in this network")]
    UnknownName(String),
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
            Self::Refused(_) => {
                "Check the port, and that the program that passes on the serial port runs there."
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
            Self::TimedOut { .. } => "Unplug the adapter and plug it in again.",
            Self::Closed(_) => {
                "If it lasts, look whether another program takes the \
                 connection over; most serial servers serve one at a time."
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
            Self::Broken(Address::Tcp(_), _) => "If it lasts, check the network on the way.",
            Self::RecordingEnded => "",
        };
        fixed.into()
    }

    /// Whether a serial port is not there, so that it can be had again as soon as it is plugged in.
    pub const fn is_unplugged(&self) -> bool {
        matches!(self, Self::NoSuchPort { .. } | Self::Unplugged(_))
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
        for (error, words, advice) in [
            (LinkError::UnknownName("m".into()), "name m", "the address"),
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
    }
}
