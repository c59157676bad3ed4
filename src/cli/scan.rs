//! `wattbridge scan`: which addresses of the network are devices?

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::decode::problem;
use super::{CliError, adapter, runtime};
use crate::adapters::ADAPTERS;
use crate::device::{Adapter, Finding, Scanner};
use crate::links::Endpoint;
use crate::terminal::say;

/// The largest network that is scanned: 4096 addresses.
const SMALLEST_PREFIX: u8 = 20;

/// Looks for devices in the home network
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wattbridge scan ecu 192.168.1.0/24        all addresses of a home network
  wattbridge scan ecu 192.168.1.50          one address")]
pub struct ScanArgs {
    /// What to look for
    #[arg(value_parser = by_name())]
    what: Wanted,
    /// The network, as address/bits
    network: Network,
    /// TCP port, if it is not the usual one
    #[arg(long)]
    port: Option<u16>,
    /// How many addresses are asked at the same time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    parallel: u16,
    /// Scans addresses outside of private networks too
    #[arg(long)]
    force: bool,
}

/// What can be looked for, and whose section it gets.
#[derive(Clone, Copy)]
struct Wanted {
    adapter: &'static dyn Adapter,
    scanner: &'static dyn Scanner,
}

impl std::fmt::Debug for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.scanner.name())
    }
}

fn all() -> impl Iterator<Item = Wanted> {
    ADAPTERS.iter().copied().filter_map(|adapter| {
        let scanner = adapter.scanner()?;
        Some(Wanted { adapter, scanner })
    })
}

/// By the name of the device, or else by that of its adapter.
fn by_name() -> impl TypedValueParser<Value = Wanted> {
    let names = all().map(|wanted| {
        PossibleValue::new(wanted.scanner.name())
            .aliases([
                adapter::name(wanted.adapter),
                wanted.adapter.kind().to_owned(),
            ])
            .help(wanted.adapter.title())
    });
    PossibleValuesParser::new(names).try_map(|name: String| {
        let called = |wanted: &Wanted| {
            wanted.scanner.name() == name || wanted.adapter.kind() == name.replace('-', "_")
        };
        let found = all().find(called);
        found.ok_or_else(|| anyhow!("{name} cannot be looked for"))
    })
}

pub fn run(args: &ScanArgs) -> Result<(), CliError> {
    let network = args.network;
    if !args.force && !network.is_private() {
        return Err(problem(
            format!("{network} is not a private network"),
            "give the network of your home, such as 192.168.1.0/24, or --force if it is really yours",
        ));
    }
    let Wanted { adapter, scanner } = args.what;
    let port = args.port.unwrap_or_else(|| scanner.port());
    let found = runtime()?.block_on(scan(scanner, network, port, args.parallel));
    if found.is_empty() {
        return Err(anyhow!(
            "no {} in {network}. Is it the right network? Has the device power, and is it on the Wi-Fi?",
            scanner.name()
        )
        .into());
    }
    say("\nFor your wattbridge.toml:");
    for host in found {
        let address = Endpoint { host, port }.to_string();
        say(&format!(
            "\n{}",
            adapter::lines(adapter, &address).trim_end()
        ));
    }
    Ok(())
}

/// Says what is found on the way; returns the addresses of the devices, in order.
async fn scan(
    scanner: &'static dyn Scanner,
    network: Network,
    port: u16,
    parallel: u16,
) -> Vec<String> {
    let permits = Arc::new(Semaphore::new(parallel.into()));
    let mut looks = JoinSet::new();
    for address in network.hosts() {
        let permits = Arc::clone(&permits);
        looks.spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            let host = IpAddr::V4(address).to_string();
            (address, scanner.look(Endpoint { host, port }).await)
        });
    }
    let total = looks.len();
    let mut done = 0;
    let mut found = Vec::new();
    while let Some(look) = looks.join_next().await {
        done += 1;
        match look {
            Ok((address, Finding::Found(words))) => {
                found.push(address);
                clear_progress();
                say(&format!("{address}  {words}"));
            }
            Ok((address, Finding::SomethingElse(words))) => {
                clear_progress();
                say(&format!(
                    "{address}  something listens on port {port}, but: {words}"
                ));
            }
            Ok((_, Finding::Nothing)) | Err(_) => {}
        }
        progress(done, total);
    }
    clear_progress();
    found.sort_unstable();
    found.iter().map(ToString::to_string).collect()
}

fn progress(done: usize, total: usize) {
    let mut err = std::io::stderr().lock();
    if err.is_terminal() {
        let _ = write!(err, "\r{done} of {total} addresses asked");
        let _ = err.flush();
    }
}

fn clear_progress() {
    let mut err = std::io::stderr().lock();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[K");
    }
}

/// An IPv4 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    first: u32,
    bits: u8,
}

impl Network {
    fn size(self) -> u32 {
        1 << (32 - u32::from(self.bits))
    }

    /// Its addresses without those of the network itself and of all its hosts.
    fn hosts(self) -> impl Iterator<Item = Ipv4Addr> {
        let size = self.size();
        let ends = u32::from(size > 2);
        (ends..size - ends).map(move |index| Ipv4Addr::from(self.first + index))
    }

    fn is_private(self) -> bool {
        let last = Ipv4Addr::from(self.first + (self.size() - 1));
        let private = |address: Ipv4Addr| {
            address.is_private() || address.is_loopback() || address.is_link_local()
        };
        private(Ipv4Addr::from(self.first)) && private(last)
    }
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
        let mask = u32::MAX << (32 - u32::from(bits)).min(31) << u32::from(bits == 0);
        Ok(Self {
            first: u32::from(address) & mask,
            bits,
        })
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
