//! `wattbridge demo`: everything at work, without any device.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use jiff::Zoned;
use tokio_util::sync::CancellationToken;

use super::logging::{self, Level, LogSettings};
use super::{CliError, run, runtime, stop};
use crate::adapters::{ADAPTERS, Source};
use crate::bridge::{Bridge, Feed, News, Setup};
use crate::clock::Clock;
use crate::config::{Period, Section};
use crate::demo::Broker;
use crate::links::Links;
use crate::model::{Device, DeviceState, HealthCode, Role, Update, Value};
use crate::outputs::OutputSettings;
use crate::outputs::home_assistant::PaceSettings;
use crate::store::Store;
use crate::terminal::say;

/// The port that every MQTT client tries first.
const USUAL_PORT: u16 = 1883;
/// Values on one line of the terminal.
const SHOWN: usize = 5;

/// Shows everything at work: simulated devices, a bridge, an MQTT broker
#[derive(Debug, Args)]
#[command(after_help = "\
Simulated devices speak their real protocols on real sockets of this computer; a bridge reads them and \
announces them to an MQTT broker inside this process. Time runs 30 times faster for them. Point Home \
Assistant or any MQTT client at the address that is shown. Nothing is written to the disk.

Examples:
  wattbridge demo
  wattbridge demo --port 1884")]
pub(super) struct DemoArgs {
    /// Port of the MQTT broker; a free one if it is taken
    #[arg(long, default_value_t = USUAL_PORT)]
    port: u16,
    /// Ends by itself after this time
    #[arg(long = "for", value_name = "PERIOD", value_parser = humantime::parse_duration)]
    period: Option<Duration>,
}

pub(super) fn run(args: &DemoArgs) -> Result<(), CliError> {
    logging::start(&LogSettings {
        level: Level::Warn,
        ..LogSettings::default()
    });
    runtime()?.block_on(async {
        let stop = stop::on_signal();
        let broker = Broker::start(args.port)
            .await
            .context("the demo's MQTT broker cannot start")?;
        let address = broker.address();
        let mut outputs = OutputSettings::default();
        outputs.mqtt.host = address.ip().to_string();
        outputs.mqtt.port = Some(address.port());
        // What people would call too often is not so when time runs faster.
        let at_once = PaceSettings {
            every: Some(Period::seconds(0)),
            change: None,
        };
        let pace = &mut outputs.home_assistant.pace;
        pace.insert("*".to_owned(), at_once);
        welcome(args.port, address.port());
        let (store, saved) = Store::in_memory();
        let (bridge, hub) = Bridge::new(Setup {
            sources: sources(&stop).await?,
            sums: Vec::new(),
            incomplete: Vec::new(),
            refused: 0,
            instance: outputs.instance(),
            clock: Clock::system(),
            links: Links::new(),
            store,
            saved,
            save_every: Duration::MAX,
        });
        if let Some(period) = args.period {
            let stop = stop.clone();
            tokio::spawn(async move {
                tokio::time::sleep(period).await;
                stop.cancel();
            });
        }
        tokio::spawn(show(hub.feed(), stop.clone()));
        let result = run::connect(bridge, &hub, &outputs, &stop).await;
        broker.stop().await;
        result
    })
}

/// The simulated devices, as configured sources.
async fn sources(stop: &CancellationToken) -> Result<Vec<std::sync::Arc<dyn Source>>, CliError> {
    let mut sources = Vec::new();
    for adapter in ADAPTERS {
        let simulated = adapter.demonstrate(stop.clone()).await;
        let simulated =
            simulated.map_err(|error| anyhow!("a simulated device cannot start: {error}"))?;
        for pairs in simulated {
            sources.push(adapter.configure(&Section::from_pairs(adapter.kind(), &pairs)?)?);
        }
    }
    Ok(sources)
}

/// Says that another port was wanted; 0 stands for any.
fn taken(wanted: u16, port: u16) -> String {
    if wanted == port || wanted == 0 {
        String::new()
    } else {
        format!("  (port {wanted} is taken)")
    }
}

fn welcome(wanted: u16, port: u16) {
    let taken = taken(wanted, port);
    say(&format!(
        "wattbridge {} demo: simulated devices. Nothing leaves this computer.\n\n\
         MQTT broker     127.0.0.1:{port}{taken}\n\
         Home Assistant  add the MQTT integration with this broker; the devices appear by themselves\n\
         Any client      mosquitto_sub -p {port} -v -t 'wattbridge/#'\n\
         End             Ctrl-C\n",
        env!("CARGO_PKG_VERSION")
    ));
}

/// Shows what is announced and read, until `stop`.
async fn show(mut feed: Feed, stop: CancellationToken) {
    let paint = Paint {
        colours: std::io::stdout().is_terminal(),
    };
    loop {
        let news = tokio::select! {
            () = stop.cancelled() => return,
            news = feed.next() => news,
        };
        let line = match news {
            Some(News::Update(Update::Device(device))) => paint.device(&device),
            Some(News::Update(Update::State(state))) => {
                match feed.get(&state.device).map(|known| known.device) {
                    Some(device) if is_worth_a_line(&device, &state) => {
                        paint.state(&device, &state)
                    }
                    _ => continue,
                }
            }
            Some(_) => continue,
            None => return,
        };
        if !say(&line) {
            // Nobody looks any more.
            stop.cancel();
        }
    }
}

/// The first values come a moment before the word that the device is there; the bridge itself has
/// nothing to read.
fn is_worth_a_line(device: &Device, state: &DeviceState) -> bool {
    let starting = state.health.code == HealthCode::Starting;
    state.at.is_some() && !starting && device.metrics.iter().any(|metric| metric.key == "power")
}

struct Paint {
    colours: bool,
}

impl Paint {
    fn colour(&self, code: u8, text: &str) -> String {
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn line(&self, verb: &str, code: u8, device: &Device, rest: &str) -> String {
        let time = self.colour(90, &Zoned::now().strftime("%H:%M:%S").to_string());
        format!(
            "{time}  {}  {:<11}  {rest}",
            self.colour(code, &format!("{verb:<9}")),
            device.name
        )
    }

    fn device(&self, device: &Device) -> String {
        let model = device.model.as_deref().unwrap_or("device");
        let entities = device.metrics.len() + device.controls.len();
        let text = format!("{} {model}, {entities} entities", device.manufacturer);
        self.line("announced", 32, device, &text)
    }

    fn state(&self, device: &Device, state: &DeviceState) -> String {
        if !state.health.code.has_data() {
            return self.line("waiting", 33, device, &state.health.sentence());
        }
        let metrics = device.metrics.iter().filter(|metric| {
            let wanted = metric.role == Role::Primary || device.via.is_some();
            wanted && metric.enabled && metric.quantity.is_some()
        });
        let shown = metrics.filter_map(|metric| {
            let Value::Number(number) = state.value(&metric.key) else {
                return None;
            };
            let unit = metric
                .unit()
                .map(|unit| format!(" {unit}"))
                .unwrap_or_default();
            let number = number.rounded(metric.decimals);
            Some(format!(
                "{} {number}{unit}",
                self.colour(90, &metric.title())
            ))
        });
        let values = shown.take(SHOWN).collect::<Vec<_>>().join("  ");
        let values = if values.is_empty() {
            state.health.sentence()
        } else {
            values
        };
        self.line("read", 36, device, &values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_port_that_was_wanted_can_be_taken() {
        assert_eq!(taken(1883, 1883), "");
        assert_eq!(taken(0, 40_001), "");
        assert!(taken(1883, 40_001).contains("port 1883 is taken"));
    }
}
