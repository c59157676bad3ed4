//! `wattbridge demo`: everything at work, without any device.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::demo_past::{self, PastFile, remember};
use super::logging::{self, Level, LogSettings};
use super::{CliError, run, runtime, stop, web_page};
use crate::adapters::ADAPTERS;
use crate::bridge::{Bridge, Feed, Setup, View};
use crate::clock::Clock;
use crate::config::{File, Language, Section};
use crate::demo::{Broker, Head, LogWriter, NewsLines, Picture, Screen};
use crate::device::ConfiguredSource;
use crate::flow::{FlowSettings, tell_roles};
use crate::history::{History, HistorySettings};
use crate::links::Links;
use crate::outputs::Outputs;
use crate::simulation::{DEMO_HOUSES, House};
use crate::store::{Identity, Memory, Store};
use crate::terminal::say;
use crate::web::{Inside, WebKey};

/// The port that every MQTT client tries first.
const USUAL_PORT: u16 = 1883;
/// How often the picture is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(500);

/// Shows everything at work: simulated devices, a bridge, an MQTT broker
#[derive(Debug, Args)]
#[command(after_help = "\
Simulated devices of one house speak their real protocols on real sockets of this computer; a bridge reads \
them, serves its page for web browsers and announces them to an MQTT broker inside this process. Open the address \
that is shown first, or point Home Assistant or any MQTT client at the broker. A year of history is invented behind them, in a temporary \
file that goes with the demo; nothing else is written to the disk.

Time runs as it really does, so that counters and the Energy dashboard stay sensible, but it is always a fine \
late morning: the sun shines whenever the demo is started. On a terminal there is a line for each device; into \
a pipe goes a line for each piece of news.

Examples:
  wattbridge demo
  wattbridge demo --port 1884
  wattbridge demo --house p1")]
pub struct DemoArgs {
    /// Port of the MQTT broker; a free one if it is taken
    #[arg(long, default_value_t = USUAL_PORT)]
    port: u16,
    /// House: kaifa, or p1 with a P1 meter that reads gas and water
    #[arg(long, value_name = "HOUSE", default_value = "kaifa", value_parser = houses())]
    house: &'static str,
    /// Ends by itself after this time
    #[arg(long = "for", value_name = "PERIOD", value_parser = humantime::parse_duration)]
    period: Option<Duration>,
}

pub fn run(args: &DemoArgs) -> Result<(), CliError> {
    let settings = LogSettings {
        level: Level::Warn,
        ..LogSettings::default()
    };
    let log = LogWriter::default();
    let screen = Screen::open(log.clone());
    // A log that goes elsewhere does not tear the picture.
    if screen.is_some() && std::io::stderr().is_terminal() {
        logging::start_to(&settings, log, false);
    } else {
        logging::start(&settings);
    }
    // Goes when nothing is left that could write it.
    let past = PastFile::new();
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let stop = stop::on_signal();
        let broker = Broker::start(args.port)
            .await
            .context("the demo's MQTT broker cannot start")?;
        let address = broker.address();
        let outputs = format!(
            "[mqtt]\nhost = \"{}\"\nport = {}\n",
            address.ip(),
            address.port()
        );
        let outputs = Outputs::read(&File::parse(&outputs, "demo")?)?;
        let (store, saved) = Store::in_memory();
        let identity = Identity::passing();
        let clock = Clock::system();
        let zone = clock.zone().clone();
        let history = History::open(&past.0, &HistorySettings::default(), zone.clone());
        let memory = Memory::passing();
        let (bridge, hub) = Bridge::new(Setup {
            sources: sources(args.house, &stop).await?,
            sums: Vec::new(),
            incomplete: Vec::new(),
            refused: 0,
            instance: identity.id().to_owned(),
            clock: clock.clone(),
            links: Links::new(),
            store,
            saved,
            save_every: Duration::MAX,
            history: history.clone(),
        });
        let inside = watch::Sender::new(Some(Inside {
            hub: hub.clone(),
            history: history.clone(),
            prices: demo_past::prices(),
            memory: memory.clone(),
            clock: clock.clone(),
            started: clock.now(),
            key: WebKey::passing(),
            flow: FlowSettings::default(),
            language: Language::default(),
            base_topic: run::base_topic(&outputs),
            uploads: Vec::new(),
        }));
        tokio::spawn(tell_roles(
            hub.feed(),
            FlowSettings::default(),
            history.clone(),
        ));
        tokio::spawn(remember(hub.view(), memory, past.0.clone(), zone));
        let web = web_page::serve_anywhere(inside.subscribe(), &stop).await;
        let web = web.context("the demo's page cannot be served")?;
        let head = Head {
            port: address.port(),
            wanted: args.port,
            page: web.address().port(),
        };
        if let Some(period) = args.period {
            let stop = stop.clone();
            tokio::spawn(async move {
                tokio::time::sleep(period).await;
                stop.cancel();
            });
        }
        let shown = match screen {
            Some(screen) => tokio::spawn(draw(screen, head, hub.view(), stop.clone())),
            None => tokio::spawn(tell(head, hub.feed(), stop.clone())),
        };
        let result = run::connect(
            bridge,
            &hub,
            &outputs,
            &identity,
            &clock,
            &history.reader(),
            &stop,
        )
        .await;
        web.ended().await;
        history.close();
        // The terminal is given back before anything else is said.
        let _ = shown.await;
        broker.stop().await;
        result
    });
    drop(runtime);
    drop(past);
    result
}

/// The words for houses, each of which stands for the meter of one.
fn houses() -> impl TypedValueParser<Value = &'static str> {
    let words = DEMO_HOUSES.iter().map(|(word, _)| *word);
    PossibleValuesParser::new(words).map(|asked| {
        let house = DEMO_HOUSES.iter().find(|(word, _)| *word == asked);
        house.map_or("", |(_, meter)| *meter)
    })
}

/// The simulated devices, as configured sources.
async fn sources(
    meter: &'static str,
    stop: &CancellationToken,
) -> Result<Vec<ConfiguredSource>, CliError> {
    let mut sources = Vec::new();
    let house = House::of_the_demo(&jiff::Zoned::now()).with_meter(meter);
    for adapter in ADAPTERS {
        let Some(simulator) = adapter.simulator() else {
            continue;
        };
        let simulated = simulator.demonstrate(house.clone(), stop.clone()).await;
        let simulated =
            simulated.map_err(|error| anyhow!("a simulated device cannot start: {error}"))?;
        for pairs in simulated {
            sources.push(adapter.configure(&Section::from_pairs(adapter.kind(), &pairs)?)?);
        }
    }
    Ok(sources)
}

/// Draws all devices on the terminal, until `stop`.
async fn draw(mut screen: Screen, head: Head, devices: View, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(DRAW_EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let (rows, columns) = screen.size();
        let picture = Picture {
            head,
            devices: &devices.snapshot(),
            log: &screen.log(),
        };
        if screen.draw(&picture.lines(rows, columns)).is_err() {
            // Nobody looks any more.
            stop.cancel();
        }
    }
}

/// Tells how to connect and what is announced and read, line by line, until `stop`.
async fn tell(head: Head, mut feed: Feed, stop: CancellationToken) {
    let facts = head
        .facts()
        .map(|(label, text)| format!("{label:<16}{text}\n"));
    let mut said = say(&format!("{}\n\n{}", head.title(), facts.concat()));
    let mut lines = NewsLines::default();
    while said {
        match stop.run_until_cancelled(feed.next()).await.flatten() {
            Some(news) => said = lines.line(&news, &feed).is_none_or(|line| say(&line)),
            None => return,
        }
    }
    // Nobody reads any more.
    stop.cancel();
}
