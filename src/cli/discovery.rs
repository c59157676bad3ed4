//! `wattbridge discovery`: what is announced to Home Assistant.

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::setup::{ConfigArgs, Configured};
use super::{CliError, runtime};
use crate::bridge::{Bridge, Known, Setup};
use crate::clock::Clock;
use crate::history::History;
use crate::links::Links;
use crate::outputs::home_assistant;
use crate::store::{Identity, Lock, Saved, Store};
use crate::terminal::{remark, say};

/// Prints what is announced to Home Assistant
#[derive(Debug, Args)]
#[command(after_help = "\
Shows the devices that an earlier run has found. With --ask the devices are asked now.

Examples:
  wattbridge discovery
  wattbridge discovery --ask --wait 20s
  wattbridge discovery --topics                only the topics")]
pub struct DiscoveryArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Asks the devices now. Stop a running wattbridge first
    #[arg(long)]
    ask: bool,
    /// How long to wait for their answers
    #[arg(long, value_name = "PERIOD", default_value = "30s", value_parser = humantime::parse_duration)]
    wait: Duration,
    /// Prints the topics only
    #[arg(long)]
    topics: bool,
}

pub fn run(args: &DiscoveryArgs) -> Result<(), CliError> {
    let file = args.config.file()?;
    let configured = args.config.configured(&file)?;
    for problem in &configured.problems {
        remark(&problem.to_string());
    }
    let path = args.config.store_path(&configured.store);
    let lock = args.ask.then(|| Lock::take(&path, &args.config.config));
    let _lock = lock.transpose().map_err(anyhow::Error::from)?;
    let (store, saved) = if path.exists() {
        Store::look_at(&path)
    } else {
        Store::in_memory()
    };
    // The first run makes one.
    let identity = Identity::kept(&store, &saved).unwrap_or_else(|| Identity::named("BRIDGE"));
    let saved = if args.ask { Saved::default() } else { saved };
    let known = runtime()?.block_on(devices(args, &configured, &identity, store, saved));
    if known.is_empty() {
        return Err(
            anyhow!("no device is known yet; try --ask, or `wattbridge check --connect`").into(),
        );
    }
    let devices: Vec<_> = known.iter().map(|known| (*known.device).clone()).collect();
    for complaint in home_assistant::lint(&devices) {
        remark(&complaint);
    }
    let mqtt = &configured.outputs.mqtt;
    let settings = home_assistant::HomeAssistantSettings::read(&file)?;
    for (topic, payload) in home_assistant::preview(&devices, mqtt, &settings, &identity) {
        let payload = if args.topics {
            String::new()
        } else {
            format!("\n{payload:#}\n")
        };
        if !say(&format!("{topic}{payload}")) {
            break;
        }
    }
    Ok(())
}

/// The devices of an earlier run, or those that answer now.
async fn devices(
    args: &DiscoveryArgs,
    configured: &Configured,
    identity: &Identity,
    store: Store,
    saved: Saved,
) -> Vec<Known> {
    let (bridge, hub) = Bridge::new(Setup {
        sources: configured.sources.clone(),
        sums: configured.sums.clone(),
        incomplete: Vec::new(),
        refused: 0,
        instance: identity.id().to_owned(),
        clock: Clock::system(),
        links: Links::new(),
        store,
        saved,
        save_every: Duration::MAX,
        history: History::off(),
    });
    let feed = hub.feed();
    if args.ask {
        let stop = CancellationToken::new();
        let settled = async {
            // Every source has named its devices, and those behind them have had a moment.
            while !feed.is_settled() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        tokio::select! {
            () = bridge.run(stop) => {}
            () = settled => {}
            () = tokio::time::sleep(args.wait) => remark("Not every device has answered."),
        }
    }
    feed.snapshot()
}
