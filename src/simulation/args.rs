//! What the command lines of all simulators have in common.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::fault::{fault_help, fault_line};
use super::{Fault, FaultRule, SimPlace};

/// Why arguments that are sound by themselves do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// There is no port for the last devices.
    #[error("{count} ports from {first} on do not exist; choose a smaller port with --listen")]
    NoPort {
        /// The port of the first device.
        first: u16,
        /// How many were wanted.
        count: usize,
    },
}

/// Where devices listen, from this port on if nothing else is said.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct ListenArgs<const PORT: u16> {
    /// Address and port to listen on; 0.0.0.0 as the address lets the whole network in
    #[arg(long, value_name = "ADDRESS:PORT", default_value = on_this_host(PORT))]
    pub listen: SocketAddr,
}

/// The serial line of a device, or of several on one.
#[derive(Debug, Clone, clap::Args)]
pub struct LineArgs<const PORT: u16> {
    /// Path of the serial port to make, such as /tmp/tty0, instead of listening
    #[arg(long, value_name = "PATH", conflicts_with = "listen")]
    pub pty: Option<PathBuf>,

    /// Without a serial port: as a serial server does.
    #[command(flatten)]
    pub tcp: ListenArgs<PORT>,
}

/// What goes wrong.
#[derive(Debug, Clone, clap::Args)]
pub struct FaultArgs<F: Fault> {
    /// Something that goes wrong.
    #[arg(long = "fault", value_name = "FAULT", help = fault_line::<F>(), long_help = fault_help::<F>())]
    pub faults: Vec<FaultRule<F>>,
}

fn on_this_host(port: u16) -> String {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string()
}

impl<const PORT: u16> ListenArgs<PORT> {
    /// An address for each of so many devices: this one and the following ports. Port 0 is any free
    /// one, for each of them.
    pub fn addresses(&self, count: usize) -> Result<Vec<SocketAddr>, ArgsError> {
        let first = self.listen.port();
        let port = |number: usize| match (first, u16::try_from(number)) {
            (0, _) => Some(0),
            (_, Ok(number)) => first.checked_add(number),
            (_, Err(_)) => None,
        };
        let address = |number| Some(SocketAddr::new(self.listen.ip(), port(number)?));
        let addresses: Option<_> = (0..count).map(address).collect();
        addresses.ok_or(ArgsError::NoPort { first, count })
    }
}

impl<const PORT: u16> LineArgs<PORT> {
    /// Where the line ends.
    pub fn place(&self) -> SimPlace {
        let tcp = || SimPlace::Tcp(self.tcp.listen);
        self.pty.clone().map_or_else(tcp, SimPlace::Terminal)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn listen<const PORT: u16>(words: &[&str]) -> LineArgs<PORT> {
        let command = LineArgs::<PORT>::augment_args(clap::Command::new("simulate"));
        let words = ["simulate"].iter().chain(words);
        let matches = command.try_get_matches_from(words).unwrap();
        LineArgs::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn each_kind_of_device_has_its_usual_port() {
        let first = listen::<2001>(&[]).tcp.addresses(2).unwrap();
        assert_eq!(
            first,
            ["127.0.0.1:2001", "127.0.0.1:2002"].map(|it| it.parse().unwrap())
        );
        assert_eq!(listen::<2011>(&[]).tcp.listen.port(), 2011);
    }

    #[test]
    fn devices_take_ports_in_a_row() {
        let ports = |words: &[&str], count| {
            let addresses = listen::<2001>(words).tcp.addresses(count)?;
            Ok(addresses.iter().map(SocketAddr::port).collect::<Vec<_>>())
        };
        assert_eq!(ports(&["--listen", "0.0.0.0:0"], 3), Ok(vec![0, 0, 0]));
        assert_eq!(
            ports(&["--listen", "[::1]:65534"], 2),
            Ok(vec![65534, 65535])
        );
        let error: ArgsError = ports(&["--listen", "[::1]:65534"], 3).unwrap_err();
        assert!(
            error.to_string().contains("choose a smaller port"),
            "{error}"
        );
    }

    #[test]
    fn a_line_is_a_serial_port_if_there_is_a_path() {
        let path = listen::<2001>(&["--pty", "/tmp/meter"]).place();
        assert!(matches!(path, SimPlace::Terminal(path) if path.ends_with("meter")));
        assert!(matches!(listen::<2001>(&[]).place(), SimPlace::Tcp(_)));
    }
}
