//! `wattbridge scan`: which addresses of the network are devices?

use std::io::{IsTerminal, Write};

use anyhow::anyhow;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::decode::problem;
use super::{CliError, adapter, runtime};
use crate::adapters::ADAPTERS;
use crate::device::{Adapter, Finding, Scanner, Seen, sweep};
use crate::links::{Endpoint, Network};
use crate::terminal::say;

/// How many addresses are asked at the same time, unless somebody says otherwise.
pub const PARALLEL: u16 = 64;

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
    #[arg(long, default_value_t = PARALLEL, value_parser = clap::value_parser!(u16).range(1..=512))]
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
    let mut found = Vec::new();
    sweep(scanner, network, port, parallel, |seen| {
        let Seen { address, .. } = seen;
        match seen.finding {
            Finding::Found(words) => {
                found.push(address);
                clear_progress();
                say(&format!("{address}  {words}"));
            }
            Finding::SomethingElse(words) => {
                clear_progress();
                say(&format!(
                    "{address}  something listens on port {port}, but: {words}"
                ));
            }
            Finding::Nothing => {}
        }
        progress(seen.done, seen.total);
    })
    .await;
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
