//! `simulate victron`: the simulator on the command line.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::demo::demonstrate;
use super::faults::VictronFault;
use super::line::SimulatedVictron;
use super::model::{Model, model_list};
use super::models::MODELS;
use super::settings::{Pace, VictronSettings};
use crate::device::{Simulate, ToolError};
use crate::hex;
use crate::simulation::{FaultArgs, House, HouseArgs, ListenArgs, SimPlace, model_of, rhythm};
use crate::terminal::say;

/// `wattbridge simulate victron`, and what the demo shows of it.
pub static SIMULATOR: Simulate<VictronArgs> =
    Simulate::new("victron", |args, stop| Box::pin(run(args, stop)))
        .with_demo(|house, stop| Box::pin(demonstrate(house, stop)));

/// Simulates Victron devices on serial ports or TCP ports.
#[derive(Debug, Clone, clap::Args)]
pub struct VictronArgs {
    /// The device; several have a port each, with --listen this one and the following
    #[arg(long = "model", value_name = "MODEL", default_value = "bmv-712", value_parser = model, long_help = models_help())]
    pub models: Vec<&'static Model>,

    /// Path of the serial port to make, such as /tmp/ve0; one for each device
    #[arg(long = "pty", visible_alias = "port", value_name = "PATH", conflicts_with_all = ["folder", "listen"])]
    pub ptys: Vec<PathBuf>,

    /// Folder in which each device gets a port named like a VE.Direct USB cable
    #[arg(long, value_name = "FOLDER", conflicts_with = "listen")]
    pub folder: Option<PathBuf>,

    /// Without serial ports: as serial servers do.
    #[command(flatten)]
    pub tcp: ListenArgs<2011>,

    /// Serial number of the first device; each has an invented one if left out
    #[arg(long, value_name = "NUMBER", value_parser = serial)]
    pub serial: Option<String>,

    /// Where they stand.
    #[command(flatten)]
    pub house: HouseArgs,

    /// How long a second of the line takes: how often blocks come
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = rhythm)]
    pub interval: Duration,

    /// How long a charge current limit holds when it is not repeated
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = rhythm)]
    pub limit_lasts: Duration,

    /// It is night whatever the time
    #[arg(long)]
    pub night: bool,

    /// A value that does not change, such as SOC=455; LABEL= alone leaves the label out (repeatable)
    #[arg(long = "set", value_name = "LABEL=VALUE", value_parser = label)]
    pub labels: Vec<(String, Option<String>)>,

    /// A register and its bytes in hex digits, little endian, such as 0x034F=02 (repeatable)
    #[arg(long = "register", value_name = "REGISTER=BYTES", value_parser = register)]
    pub registers: Vec<(u16, Vec<u8>)>,

    /// What goes wrong.
    #[command(flatten)]
    pub faults: FaultArgs<VictronFault>,
}

fn models_help() -> String {
    format!(
        "The device; may be given several times, then each has a port of its own.\n\n{}",
        model_list()
    )
}

fn model(name: &str) -> Result<&'static Model, String> {
    model_of(name, MODELS, |model| model.name)
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
async fn run(args: VictronArgs, stop: CancellationToken) -> Result<(), ToolError> {
    let places = places(&args)?;
    let house = args.house.house()?;
    let mut running = Vec::new();
    for (number, (model, place)) in args.models.iter().zip(places).enumerate() {
        let simulator =
            SimulatedVictron::start(settings(&args, &house, model, number), place).await?;
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

fn settings(
    args: &VictronArgs,
    house: &House,
    model: &'static Model,
    number: usize,
) -> VictronSettings {
    let before = args.models.iter().take(number);
    let twins = before.filter(|other| other.name == model.name).count();
    let given = args.serial.clone().filter(|_| number == 0);
    let serial = given.or_else(|| (twins > 0).then(|| twin_serial(model, twins)));
    VictronSettings {
        serial,
        seed: args.house.seed.wrapping_add(number as u64),
        house: house.clone(),
        night: args.night,
        labels: args.labels.clone(),
        registers: args.registers.clone(),
        faults: args.faults.faults.clone(),
        pace: Pace {
            interval: args.interval,
            limit_lasts: args.limit_lasts,
            ..Pace::default()
        },
        ..VictronSettings::new(model)
    }
}

/// The serial number of a second device of the same model, and so on.
fn twin_serial(model: &Model, twins: usize) -> String {
    let number: usize = model.serial.trim_start_matches("HQ").parse().unwrap_or(0);
    format!("HQ{:09}", number + 1000 * twins)
}

/// Where each device talks.
fn places(args: &VictronArgs) -> Result<Vec<SimPlace>, ToolError> {
    let count = args.models.len();
    if let Some(folder) = &args.folder {
        let path = |number: usize| folder.join(cable_name(number));
        return Ok((1..=count)
            .map(|number| SimPlace::Terminal(path(number)))
            .collect());
    }
    if args.ptys.is_empty() {
        let addresses = args.tcp.addresses(count)?;
        return Ok(addresses.into_iter().map(SimPlace::Tcp).collect());
    }
    if args.ptys.len() != count {
        let paths = args.ptys.len();
        return Err(format!(
            "there are {count} devices and {paths} paths; write a --pty for each --model, or --folder \
             for all of them"
        )
        .into());
    }
    Ok(args.ptys.iter().cloned().map(SimPlace::Terminal).collect())
}

/// The name that the system gives to the port of a VE.Direct USB cable.
fn cable_name(number: usize) -> String {
    format!("usb-VictronEnergy_BV_VE_Direct_cable_VE{number:06}-if00-port0")
}

#[cfg(test)]
mod tests;
