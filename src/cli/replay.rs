//! `wattbridge replay`: a recording through the same adapter again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::adapter::section;
use super::decode::{pair, with_settings};
use super::{CliError, input, logging, runtime};
use crate::adapters::find;
use crate::bridge::{Bridge, Feed, News, Setup};
use crate::clock::Clock;
use crate::history::History;
use crate::links::{Event, Links, Recording};
use crate::model::{DeviceId, Update};
use crate::outputs::json_line;
use crate::store::Store;
use crate::terminal::say;

/// Feeds a recording through its adapter and prints what comes out
#[derive(Debug, Args)]
#[command(after_help = "\
Each new state of a device becomes one JSON object on a line, at the times of the recording and \
without waiting for them.

Examples:
  wattbridge replay ecu.recording
  wattbridge replay ecu.recording --set max_power=5000 | grep energy_total")]
pub struct ReplayArgs {
    /// The recording; - is the standard input
    file: PathBuf,
    /// Sets a key of the adapter's section
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pairs: Vec<(String, String)>,
}

pub fn run(args: &ReplayArgs) -> Result<(), CliError> {
    logging::start(&logging::LogSettings::default());
    let content = input::read(&args.file)?;
    let text = String::from_utf8(content)
        .map_err(|_| anyhow!("{} is not text; a recording is", args.file.display()))?;
    let recording = Recording::parse(&text).with_context(|| args.file.display().to_string())?;
    let adapter = find(&recording.adapter).ok_or_else(|| {
        anyhow!(
            "the recording is of \"{}\", which this version does not know",
            recording.adapter
        )
    })?;
    let address = recording.lines.iter().find_map(|line| match &line.event {
        Event::Open(address) => Some(address.as_str()),
        _ => None,
    });
    let pairs = with_settings(&recording.settings, &args.pairs);
    let section = section(adapter, address.unwrap_or("recording"), &pairs)?;
    let source = adapter.configure(&section)?;
    runtime()?.block_on(async {
        let clock = Clock::manual(recording.started, Clock::system().zone().clone());
        let (store, saved) = Store::in_memory();
        let (bridge, hub) = Bridge::new(Setup {
            sources: vec![source],
            sums: Vec::new(),
            incomplete: Vec::new(),
            refused: 0,
            instance: "replay".to_owned(),
            clock: clock.clone(),
            links: Links::replayed(recording.script(), clock),
            store,
            saved,
            save_every: Duration::MAX,
            history: History::off(),
        });
        let show = tokio::spawn(show(hub.feed()));
        drop(hub);
        bridge.run(CancellationToken::new()).await;
        // The feed ends with the bridge, after its last news.
        let states = show.await.context("printing failed")?;
        if states == 0 {
            return Err(anyhow!(
                "nothing came out of the recording; `wattbridge decode` shows what is in it"
            )
            .into());
        }
        Ok(())
    })
}

/// Prints what devices say, each time it is new; what the bridge says about the connection is left
/// out.
async fn show(mut feed: Feed) -> usize {
    let mut last: BTreeMap<DeviceId, String> = BTreeMap::new();
    let mut count = 0;
    while let Some(news) = feed.next().await {
        let News::Update(Update::State(state)) = news else {
            continue;
        };
        let Some(known) = feed.get(&state.device) else {
            continue;
        };
        if known.device.adapter == "wattbridge" {
            continue;
        }
        let Some(line) = json_line::of_state(&known.device, &state) else {
            continue;
        };
        if last.get(&state.device) == Some(&line) {
            continue;
        }
        count += 1;
        if !say(&line) {
            break;
        }
        last.insert(state.device.clone(), line);
    }
    count
}
