//! `simulate solaredge`: the simulator on the command line.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::capture::CaptureHand;
use super::demo::demonstrate;
use super::faults::SolarEdgeFault;
use super::packets::Packets;
use super::{Exchange, InverterSettings, SimulatedCapture, SimulatedDialer, SimulatedServer};
use crate::adapters::solaredge::wire::{DeviceKey, Serial};
use crate::device::{Simulate, ToolError};
use crate::simulation::{FaultArgs, House, HouseArgs, ListenArgs};
use crate::terminal::{remark, say};

/// `wattbridge simulate solaredge`, and what the demo shows of it.
pub static SIMULATOR: Simulate<SolarEdgeArgs> =
    Simulate::new("solaredge", |args, stop| Box::pin(run(args, stop)))
        .with_demo(|house, stop| Box::pin(demonstrate(house, stop)));

/// Simulates a SolarEdge inverter, as somebody sees it who captures its packets.
#[derive(Debug, Clone, clap::Args)]
pub struct SolarEdgeArgs {
    /// Who wants the capture gets it there over TCP.
    #[command(flatten)]
    pub tcp: ListenArgs<2021>,

    /// Write the capture into this file instead, or to standard output with -
    #[arg(long, value_name = "FILE", conflicts_with_all = ["listen", "server"])]
    pub pcap: Option<PathBuf>,

    /// With --pcap: so much of the house's time at once, without waiting, such as 24h
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration, requires = "pcap")]
    pub length: Option<Duration>,

    /// Connect to this server instead, or to a proxy in front of it
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "listen")]
    pub server: Option<SocketAddr>,

    /// Be a server that answers at this address, besides
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub answer: Option<SocketAddr>,

    /// Serial number of the inverter
    #[arg(long, value_name = "SERIAL", default_value = "7F1A2B3C")]
    pub serial: Serial,

    /// How many phases it has, 1 or 3
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = phases)]
    pub phases: usize,

    /// How many optimizers it has
    #[arg(long, value_name = "NUMBER", default_value_t = 12, value_parser = optimizers)]
    pub optimizers: usize,

    /// It has no meter at the grid
    #[arg(long)]
    pub no_meter: bool,

    /// It has a battery
    #[arg(long)]
    pub battery: bool,

    /// It encrypts with this key: 32 hexadecimal digits
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub key: Option<DeviceKey>,

    /// Seconds of the house's time between its values
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub interval: u32,

    /// Hours after which it makes up a new key for the session
    #[arg(long, value_name = "HOURS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub new_session: u32,

    /// Where it stands.
    #[command(flatten)]
    pub house: HouseArgs,

    /// What goes wrong.
    #[command(flatten)]
    pub faults: FaultArgs<SolarEdgeFault>,
}

fn key(text: &str) -> Result<DeviceKey, String> {
    text.parse::<DeviceKey>().map_err(|error| error.to_string())
}

fn phases(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        _ => Err("write 1 or 3".to_owned()),
    }
}

fn optimizers(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| *count <= 200);
    count.ok_or_else(|| "write a number from 0 to 200".to_owned())
}

/// Runs a simulated inverter until `stop`.
async fn run(args: SolarEdgeArgs, stop: CancellationToken) -> Result<(), ToolError> {
    let house = args.house.house()?;
    let settings = settings(&args, &house);
    let answering = match args.answer {
        Some(listen) => {
            Some(SimulatedServer::start(listen, args.key.clone(), house.clone()).await?)
        }
        None => None,
    };
    if let Some(server) = &answering {
        remark(&format!("A server answers at {}.", server.address()));
    }
    match (&args.pcap, args.server) {
        (Some(path), _) => pcap(path, settings, args.length, &stop).await?,
        (None, Some(server)) => {
            let simulator = SimulatedDialer::start(settings, server);
            say(&format!(
                "{} connects to {server}. Ctrl-C ends it.",
                args.serial
            ));
            stop.cancelled().await;
            simulator.stop().await;
        }
        (None, None) => {
            let simulator = SimulatedCapture::start(settings, args.tcp.listen).await?;
            say(&format!(
                "{} is captured at {}. To read it:\n\n  [[solaredge]]\n  capture = \"{}\"",
                args.serial,
                simulator.address(),
                simulator.address()
            ));
            if let Some(key) = &args.key {
                say(&format!("  key = \"{}\"", key.reveal().as_str()));
            }
            say("\nCtrl-C ends it.");
            stop.cancelled().await;
            simulator.stop().await;
        }
    }
    if let Some(server) = answering {
        server.stop().await;
    }
    Ok(())
}

fn settings(args: &SolarEdgeArgs, house: &House) -> InverterSettings {
    InverterSettings {
        serial: args.serial,
        phases: args.phases,
        optimizers: args.optimizers,
        has_meter: !args.no_meter,
        has_battery: args.battery,
        key: args.key.clone(),
        interval: args.interval,
        rekey: args.new_session * 3600,
        faults: args.faults.faults.clone(),
        ..InverterSettings::new(house.clone())
    }
}

/// Writes a capture: a length of it at once, or as time passes.
async fn pcap(
    path: &Path,
    settings: InverterSettings,
    length: Option<Duration>,
    stop: &CancellationToken,
) -> Result<(), ToolError> {
    let mut out: Box<dyn Write + Send> = match path.to_str() {
        Some("-") => Box::new(io::stdout()),
        _ => Box::new(std::fs::File::create(path)?),
    };
    out.write_all(&Packets::head())?;
    if let Some(length) = length {
        let begin = settings.house.now().as_second();
        let mut exchange = Exchange::new(settings, begin);
        exchange.connect_to_house();
        let end = begin + i64::try_from(length.as_secs()).unwrap_or(i64::MAX / 2);
        while exchange.next_due() <= end && !stop.is_cancelled() {
            exchange.run_until(exchange.next_due());
            out.write_all(&exchange.take())?;
        }
        return Ok(out.flush()?);
    }
    let (hand, mut captured) = CaptureHand::new(settings);
    let write = async {
        loop {
            match captured.recv().await {
                Ok(bytes) => {
                    out.write_all(&bytes)?;
                    out.flush()?;
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            }
        }
    };
    let written: io::Result<()> = tokio::select! {
        () = hand.run() => Ok(()),
        written = write => written,
        () = stop.cancelled() => Ok(()),
    };
    match written {
        // Who reads has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
