//! `wattbridge run`: connect everything, until told to stop.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::tz::TimeZone;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::awaiting::next_usable;
use super::health::{Beacon, Life};
use super::remarks::remarks;
use super::setup::{ConfigArgs, Configured};
use super::web_page::LastingPage;
use super::{CliError, logging, runtime, stop};
use crate::bridge::{Bridge, Hub, Setup};
use crate::clock::Clock;
use crate::flow::tell_roles;
use crate::history::{History, HistoryReader};
use crate::outputs::{self, OutputError, Outputs};
use crate::store::{Identity, Lock, Memory, Store};
use crate::web::{Inside, WebKey};

/// How long outputs may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(8);
/// How long calls that block may take behind that.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// Connects all devices of the configuration to Home Assistant
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wattbridge run                               wattbridge.toml in this folder
  wattbridge run --config /etc/wattbridge.toml
  WATTBRIDGE_MQTT_PASSWORD=... wattbridge run  any key of a single section
  WATTBRIDGE_LOG=debug wattbridge run          more in the log

While the configuration cannot be used, its page stays and shows what is wrong. Without a page, exit code 2 means \
that: `wattbridge check` explains it.")]
pub struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Makes the configuration file if it is not there, and waits for one that can be used instead of ending
    #[arg(long)]
    await_config: bool,
}

pub fn run(args: &RunArgs) -> Result<(), CliError> {
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let stop = stop::on_signal();
        if let Some(app) = args.config.app() {
            // What it said last will do for now; without that it is worth a moment.
            let is_said = app.place().is_none()
                && tokio::select! {
                    biased;
                    () = stop.cancelled() => return Ok(()),
                    said = app.ask_for_place() => said.is_ok(),
                };
            if !is_said {
                tokio::spawn(app.go_on_asking_for_place());
            }
        }
        let mut page = LastingPage::new(&args.config, &stop);
        let result = rounds(args, &mut page, &stop).await;
        stop.cancel();
        let past = page.take_past();
        page.ended().await;
        if let Some(past) = past {
            past.ended().await;
        }
        result
    });
    // A driver that hangs while a port is opened cannot be ended, and must not keep us.
    runtime.shutdown_timeout(LEFTOVERS);
    result
}

/// Runs what is configured, and anew whenever the page has changed that, until `stop`. The page stays meanwhile.
async fn rounds(
    args: &RunArgs,
    page: &mut LastingPage,
    stop: &CancellationToken,
) -> Result<(), CliError> {
    loop {
        let Some(configured) = next_usable(&args.config, page, stop, args.await_config).await?
        else {
            return Ok(());
        };
        let round = stop.child_token();
        let reload = page.reload_wanted();
        let orders = page.orders();
        let ends = round.clone();
        // Whoever saves a file wants it used, and not what is under way ended in a hurry.
        let watching = tokio::spawn(async move {
            reload.await;
            if orders.is_restore_wanted() {
                tracing::info!("A backup is put back, and everything begins anew with it.");
            } else {
                tracing::info!(
                    "The configuration has changed, and everything begins anew with it."
                );
            }
            ends.cancel();
        });
        let result = work(&args.config, configured, page, round, stop).await;
        watching.abort();
        if stop.is_cancelled() || result.is_err() || !page.is_to_reload() {
            if result.is_ok() {
                tracing::info!("wattbridge has stopped.");
            }
            return result;
        }
    }
}

/// Connects what is configured until `stop`; the whole program ends with `end`. What was not written of the
/// history goes from one to the next.
async fn work(
    args: &ConfigArgs,
    configured: Configured,
    page: &mut LastingPage,
    stop: CancellationToken,
    end: &CancellationToken,
) -> Result<(), CliError> {
    logging::start(&configured.log);
    let (problems, others) = configured.problems.first();
    for problem in problems {
        tracing::warn!("This part of the configuration is left out, the rest runs: {problem:#}");
    }
    if others > 0 {
        tracing::warn!("{others} more parts are left out; `wattbridge check` says more.");
    }
    for words in remarks(&configured) {
        tracing::warn!("{words}");
    }
    if configured.placed > 0 {
        tracing::info!("Home Assistant says where the house is, and so when the sun is up there.");
    }
    let Configured {
        store,
        history,
        outputs,
        web,
        flow,
        prices,
        language,
        mut sources,
        uploads,
        sums,
        incomplete,
        refused,
        ..
    } = configured;
    let path = args.store_path(&store);
    let place = args.history_path(&history, &store);
    let _lock = Lock::take(&path, &args.config).map_err(anyhow::Error::from)?;
    page.tidy(path.clone(), place.clone());
    let (saver, saved) = Store::open(&path);
    let identity = Identity::of(&saver, &saved, &path);
    let clock = clock(args);
    let memory = Memory::of_bridge(saver.clone(), &saved);
    let key = WebKey::kept(&memory);
    let history = History::open_after(&place, &history, clock.zone().clone(), page.take_past());
    let devices = sources.len();
    sources.extend(uploads.sources(&history));
    let setup = Setup {
        sources,
        sums,
        incomplete,
        refused,
        instance: identity.id().to_owned(),
        clock: clock.clone(),
        links: args.links(),
        store: saver.clone(),
        saved,
        save_every: store.save_every.get(),
        history: history.clone(),
    };
    tracing::info!(
        "wattbridge {}, bridge {}, runs with {} configured device{}.",
        env!("CARGO_PKG_VERSION"),
        identity.id(),
        devices,
        if devices == 1 { "" } else { "s" }
    );
    let (bridge, hub) = Bridge::new(setup);
    page.show(Inside {
        hub: hub.clone(),
        prices,
        memory,
        clock: clock.clone(),
        started: clock.now(),
        key,
        history: history.clone(),
        flow: flow.clone(),
        language,
        base_topic: base_topic(&outputs),
        uploads: uploads.all().collect(),
    });
    tokio::spawn(tell_roles(hub.feed(), flow, history.clone()));
    page.serve(web).await;
    let view = hub.view();
    let beacon = Beacon::start(&args.config, move || Life::of(&view), end.clone());
    let result = connect(
        bridge,
        &hub,
        &outputs,
        &identity,
        &clock,
        &history.reader(),
        &stop,
    )
    .await;
    beacon.stop().await;
    saver.close();
    let is_to_move = page.orders().is_restore_wanted();
    let goes_on = page.is_to_reload() && !is_to_move && !end.is_cancelled();
    page.leave_behind(history.leave(goes_on));
    result
}

/// What topics begin with, where any are published.
pub fn base_topic(outputs: &Outputs) -> Option<String> {
    let mut on = outputs.switched_on();
    let publishes = on.any(|(_, outlet)| outlet.needs_broker());
    publishes.then(|| outputs.mqtt.base_topic.clone())
}

/// The clock of this computer. Where nobody has said which time zone that is in, as in a container, Home
/// Assistant may know.
fn clock(args: &ConfigArgs) -> Clock {
    let clock = Clock::system();
    if TimeZone::try_system().is_ok() {
        return clock;
    }
    let place = args.app().and_then(|app| app.place());
    if let Some(zone) = place.and_then(|place| place.zone()) {
        return clock.within(zone);
    }
    tracing::warn!(
        "Nobody has said in which time zone this computer is, so days begin at midnight UTC. Set the variable TZ, such as \
         TZ=Europe/Berlin."
    );
    clock
}

/// Runs the bridge and its outputs until `stop`.
pub async fn connect(
    bridge: Bridge,
    hub: &Hub,
    outputs: &Outputs,
    identity: &Identity,
    clock: &Clock,
    past: &HistoryReader,
    stop: &CancellationToken,
) -> Result<(), CliError> {
    let mut running: JoinSet<Result<(), OutputError>> = JoinSet::new();
    for (name, outlet) in outputs.switched_on().cloned() {
        let output = outlet.run(outputs::Context {
            feed: hub.feed(),
            mqtt: outputs.mqtt.clone(),
            bridge: identity.clone(),
            clock: clock.clone(),
            past: past.clone(),
            stop: stop.clone(),
        });
        running.spawn(async move {
            let ended = output.await;
            tracing::debug!("output {name} has ended");
            ended
        });
    }
    let _ends_with_us = stop.clone().drop_guard();
    let mut bridge = std::pin::pin!(bridge.run(stop.clone()));
    let mut bridge_runs = true;
    let mut failure = None;
    while bridge_runs {
        tokio::select! {
            () = &mut bridge => bridge_runs = false,
            Some(ended) = running.join_next() => match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    failure = Some(anyhow::Error::from(error));
                    stop.cancel();
                }
                Err(error) => {
                    failure = Some(anyhow::Error::from(error).context("an output crashed; please report this with the log"));
                    stop.cancel();
                }
            },
        }
    }
    stop.cancel();
    let goodbye = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(GOODBYE, goodbye).await.is_err() {
        tracing::debug!("an output did not end in time");
    }
    failure.map_or(Ok(()), |failure| {
        Err(failure)
            .context("wattbridge cannot go on")
            .map_err(CliError::from)
    })
}
