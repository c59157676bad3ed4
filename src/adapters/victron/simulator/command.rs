//! `simulate victron`: the simulator on the command line.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Zoned;
use jiff::civil::Time;
use tokio_util::sync::CancellationToken;

use super::faults::{Fault, FaultRule};
use super::handle::Simulator;
use super::model::{Model, model_list};
use super::models::MODELS;
use super::settings::{Pace, Settings};
use crate::hex;
use crate::simulation::Place;
use crate::simulation::fault::fault_help;
use crate::terminal::say;

/// One for each kind of schedule.
const FAULT_EXAMPLES: [&str; 5] = [
    "digit-lost@5%",
    "noise=50@every=10",
    "unanswered@first=3",
    "silence@30s..60s",
    "deaf",
];

/// Simulates Victron devices on serial ports or TCP ports.
#[derive(Debug, Clone, clap::Args)]
pub struct SimulatorArgs {
    /// The device; several have a port each
    #[arg(long = "model", value_name = "MODEL", default_value = "bmv-712", value_parser = model, long_help = models_help())]
    pub models: Vec<&'static Model>,

    /// Path of the serial port to make, such as /tmp/ve0; one for each device
    #[arg(long = "port", value_name = "PATH", conflicts_with_all = ["folder", "listen"])]
    pub ports: Vec<PathBuf>,

    /// Folder in which each device gets a port named like a VE.Direct USB cable
    #[arg(long, value_name = "FOLDER", conflicts_with = "listen")]
    pub folder: Option<PathBuf>,

    /// Address and port to listen on instead, as a serial server does; the next devices take the
    /// next ports
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:2011")]
    pub listen: SocketAddr,

    /// Serial number of the first device; each has an invented one if left out
    #[arg(long, value_name = "NUMBER", value_parser = serial)]
    pub serial: Option<String>,

    /// Time of the day at the start; that of this computer if left out
    #[arg(long, value_name = "HH:MM", value_parser = time_of_day)]
    pub at: Option<Duration>,

    /// How many times faster the sun, the counters and the days go
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,

    /// How long a second of the line takes: how often blocks come
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub interval: Duration,

    /// How long a charge current limit holds when it is not repeated
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = interval)]
    pub limit_lasts: Duration,

    /// Where the values come from; the same number gives the same values
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// It is night whatever the time
    #[arg(long)]
    pub night: bool,

    /// A value that does not change, such as SOC=455; LABEL= alone leaves the label out (repeatable)
    #[arg(long = "set", value_name = "LABEL=VALUE", value_parser = label)]
    pub labels: Vec<(String, Option<String>)>,

    /// A register and its bytes in hex digits, little endian, such as 0x034F=02 (repeatable)
    #[arg(long = "register", value_name = "REGISTER=BYTES", value_parser = register)]
    pub registers: Vec<(u16, Vec<u8>)>,

    /// Something that goes wrong: digit-lost@5%, silence@30s..60s (repeatable)
    #[arg(long = "fault", value_name = "FAULT", long_help = fault_help::<Fault>(FAULT_EXAMPLES))]
    pub faults: Vec<FaultRule>,
}

fn models_help() -> String {
    format!(
        "The device; may be given several times, then each has a port of its own.\n\n{}",
        model_list()
    )
}

fn model(name: &str) -> Result<&'static Model, String> {
    Model::named(name).ok_or_else(|| {
        let names: Vec<_> = MODELS.iter().map(|model| model.name).collect();
        format!("there is no such model; there are {}", names.join(", "))
    })
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).ok();
    let range = Duration::from_millis(10)..=Duration::from_secs(3600);
    let interval = interval.filter(|interval| range.contains(interval));
    interval.ok_or_else(|| "write a time from 10ms to 1h, such as 1s".to_owned())
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok();
    let speed = speed.filter(|speed| (0.0..=100_000.0).contains(speed));
    speed.ok_or_else(|| "write a number from 0 to 100000, such as 60".to_owned())
}

fn time_of_day(text: &str) -> Result<Duration, String> {
    let time = Time::strptime("%H:%M", text);
    time.map(since_midnight)
        .map_err(|_| "write hours and minutes, such as 12:30".to_owned())
}

fn since_midnight(time: Time) -> Duration {
    let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60;
    Duration::from_secs((seconds + i64::from(time.second())).unsigned_abs())
}

fn serial(text: &str) -> Result<String, String> {
    let fits =
        (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits {
        Ok(text.to_owned())
    } else {
        Err("write up to 32 letters and digits, such as HQ000000012".to_owned())
    }
}

fn label(text: &str) -> Result<(String, Option<String>), String> {
    let (label, value) = text
        .split_once('=')
        .ok_or_else(|| "write LABEL=VALUE, such as SOC=455".to_owned())?;
    let value = (!value.is_empty()).then(|| value.to_owned());
    Ok((label.to_owned(), value))
}

fn register(text: &str) -> Result<(u16, Vec<u8>), String> {
    let read = || {
        let (register, bytes) = text.split_once('=')?;
        let digits = register.strip_prefix("0x").unwrap_or(register);
        let register = u16::from_str_radix(digits, 16).ok()?;
        Some((register, hex::bytes(bytes)?))
    };
    read().ok_or_else(|| "write REGISTER=BYTES in hex digits, such as 0x034F=02".to_owned())
}

/// Runs simulated devices until `stop`.
pub async fn run(args: SimulatorArgs, stop: CancellationToken) -> io::Result<()> {
    let places = places(&args)?;
    let mut running = Vec::new();
    for (number, (model, place)) in args.models.iter().zip(places).enumerate() {
        let simulator = Simulator::start(settings(&args, model, number), place).await?;
        say(&format!(
            "{}, product id {:#06X}, on {}",
            model.about,
            model.product,
            simulator.address()
        ));
        running.push(simulator);
    }
    say("\nTo read them:\n");
    for simulator in &running {
        say(&format!(
            "  [[victron]]\n  port = \"{}\"\n",
            simulator.address()
        ));
    }
    say("Ctrl-C ends it.");
    stop.cancelled().await;
    for simulator in running {
        simulator.stop().await;
    }
    Ok(())
}

fn settings(args: &SimulatorArgs, model: &'static Model, number: usize) -> Settings {
    let before = args.models.iter().take(number);
    let twins = before.filter(|other| other.name == model.name).count();
    let given = args.serial.clone().filter(|_| number == 0);
    let serial = given.or_else(|| (twins > 0).then(|| twin_serial(model, twins)));
    Settings {
        serial,
        seed: args.seed.wrapping_add(number as u64),
        at: args
            .at
            .unwrap_or_else(|| since_midnight(Zoned::now().time())),
        night: args.night,
        labels: args.labels.clone(),
        registers: args.registers.clone(),
        faults: args.faults.clone(),
        pace: Pace {
            interval: args.interval,
            speed: args.speed,
            limit_lasts: args.limit_lasts,
            ..Pace::default()
        },
        ..Settings::new(model)
    }
}

/// The serial number of a second device of the same model, and so on.
fn twin_serial(model: &Model, twins: usize) -> String {
    let number: usize = model.serial.trim_start_matches("HQ").parse().unwrap_or(0);
    format!("HQ{:09}", number + 1000 * twins)
}

/// Where each device talks.
fn places(args: &SimulatorArgs) -> io::Result<Vec<Place>> {
    let count = args.models.len();
    if let Some(folder) = &args.folder {
        let path = |number: usize| folder.join(cable_name(number));
        return Ok((1..=count)
            .map(|number| Place::Terminal(path(number)))
            .collect());
    }
    if !args.ports.is_empty() {
        if args.ports.len() != count {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "there are {count} devices and {} paths; write a --port for each --model, or \
                     --folder for all of them",
                    args.ports.len()
                ),
            ));
        }
        let ports = args.ports.iter().map(|path: &PathBuf| Path::to_owned(path));
        return Ok(ports.map(Place::Terminal).collect());
    }
    let mut places = Vec::with_capacity(count);
    for number in 0..count {
        let mut address = args.listen;
        // Port 0 is any free one, for each of them.
        if address.port() != 0 {
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            address.set_port(address.port().saturating_add(number));
        }
        places.push(Place::Tcp(address));
    }
    Ok(places)
}

/// The name that the system gives to the port of a VE.Direct USB cable.
fn cable_name(number: usize) -> String {
    format!("usb-VictronEnergy_BV_VE_Direct_cable_VE{number:06}-if00-port0")
}

#[cfg(test)]
mod tests;
