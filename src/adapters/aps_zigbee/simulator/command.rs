//! `simulate aps-zigbee`: the simulator on the command line.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::wire::ids::{EcuId, InverterSerial};
use super::demo::demonstrate;
use super::faults::ZigbeeFault;
use super::hand::SimulatedStick;
use super::identity::SimFirmware;
use super::kinds::{ZIGBEE_KINDS, ZigbeeList};
use super::settings::{StickSettings, USUAL_GATEWAY};
use super::truth::ZigbeeTruth;
use crate::device::{Simulate, ToolError};
use crate::simulation::{FaultArgs, HouseArgs, LineArgs};
use crate::terminal::say;

/// `wattbridge simulate aps-zigbee`, and what the demo shows of it.
pub static SIMULATOR: Simulate<ZigbeeArgs> =
    Simulate::new("aps-zigbee", |args, stop| Box::pin(run(args, stop)))
        .with_demo(|house, stop| Box::pin(demonstrate(house, stop)));

/// Simulates a Zigbee stick with APsystems inverters on a serial port or a TCP port.
#[derive(Debug, Clone, clap::Args)]
pub struct ZigbeeArgs {
    /// Where the stick is.
    #[command(flatten)]
    pub line: LineArgs<6638>,

    /// Inverters, such as YC600,2xDS3,QS1; whole serial numbers work too: 703000990001,QS1
    #[arg(long, value_name = "LIST", default_value = "YC600,DS3,QS1", long_help = inverters_help())]
    pub inverters: ZigbeeList,

    /// Id of the gateway that the inverters are paired with
    #[arg(long, value_name = "ID", default_value = USUAL_GATEWAY)]
    pub ecu_id: EcuId,

    /// No inverter was ever paired
    #[arg(long)]
    pub unpaired: bool,

    /// Which inverter is heard through which others, the last of them next to the stick, as 2=1 or 3=2,1; by their
    /// places in the list (repeatable)
    #[arg(long = "relay", value_name = "PLACE=PLACES", value_parser = relay)]
    pub relays: Vec<(usize, Vec<usize>)>,

    /// Firmware of the stick
    #[arg(long, value_enum, default_value = "modified")]
    pub firmware: SimFirmware,

    /// It takes messages in any order, as some sticks seem to do
    #[arg(long)]
    pub lenient: bool,

    /// File with what the stick says instead: lines on HEX [count N], after MS, send HEX, close, drop
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,

    /// Where they stand.
    #[command(flatten)]
    pub house: HouseArgs,

    /// What goes wrong.
    #[command(flatten)]
    pub faults: FaultArgs<ZigbeeFault>,
}

fn inverters_help() -> String {
    let names: Vec<_> = ZIGBEE_KINDS.iter().map(|kind| kind.name).collect();
    format!(
        "Inverters, such as YC600,2xDS3,QS1; whole serial numbers work too: 703000990001,QS1\n\n\
         There are {}. What a QT2 measures cannot be read by anybody, and \"sealed\" encrypts it.",
        names.join(", ")
    )
}

fn relay(text: &str) -> Result<(usize, Vec<usize>), String> {
    let read = || {
        let place = |text: &str| text.trim().parse::<usize>().ok()?.checked_sub(1);
        let (inverter, relays) = text.split_once('=')?;
        let relays: Option<Vec<usize>> = relays.split(',').map(place).collect();
        let (inverter, relays) = (place(inverter)?, relays?);
        (!relays.contains(&inverter)).then_some((inverter, relays))
    };
    read().ok_or_else(|| "write which is heard through which others, such as 3=2,1".to_owned())
}

impl ZigbeeArgs {
    /// What is to be simulated.
    pub fn settings(&self) -> Result<StickSettings, String> {
        let list = self.inverters.0.clone();
        for place in self
            .relays
            .iter()
            .flat_map(|(one, all)| all.iter().chain([one]))
        {
            if *place >= list.len() {
                let (place, count) = (place + 1, list.len());
                return Err(format!(
                    "--relay: there is no inverter {place}; the list has {count}"
                ));
            }
        }
        Ok(StickSettings {
            firmware: self.firmware,
            is_strict: !self.lenient,
            faults: self.faults.faults.clone(),
            ..StickSettings::new(list, (!self.unpaired).then_some(self.ecu_id))
        })
    }
}

/// Runs a simulated stick until `stop`.
async fn run(args: ZigbeeArgs, stop: CancellationToken) -> Result<(), ToolError> {
    let mut settings = args.settings()?;
    if let Some(path) = &args.script {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        settings.script = text.parse()?;
    }
    let house = args.house.house()?;
    let simulator = SimulatedStick::start(settings, house, args.line.place()).await?;
    let truth = simulator.truth();
    for (inverter, relays) in &args.relays {
        if let Some(it) = truth.inverters.get(*inverter) {
            simulator.change_manners(it.serial, |manners| manners.relays.clone_from(relays));
        }
    }
    let count = truth.inverters.len();
    let inverters = if count == 1 { "inverter" } else { "inverters" };
    say(&format!(
        "Zigbee stick with {count} {inverters} on {}",
        simulator.address()
    ));
    say("\nTo read them:\n");
    let section = section(simulator.address(), args.ecu_id, args.unpaired, &truth);
    say(&format!("{}\n", section.join("\n")));
    if args.unpaired {
        say("None of them is paired: press Pair in Home Assistant, or wattbridge aps-zigbee pair.");
    }
    say("Ctrl-C ends it.");
    let mut tell = tokio::time::interval(Duration::from_secs(60));
    tell.tick().await;
    while stop.run_until_cancelled(tell.tick()).await.is_some() {
        let counts = simulator.counts();
        let truth = simulator.truth();
        let awake = truth.inverters.iter().filter(|it| it.is_awake).count();
        say(&format!(
            "{}: {} requests, {} messages to inverters, {awake} of {count} awake, {:.3} kWh produced",
            house_time(&simulator),
            counts.requests,
            counts.messages + counts.foreign,
            truth.produced() as f64 / 1e9
        ));
    }
    simulator.stop().await;
    Ok(())
}

fn house_time(simulator: &SimulatedStick) -> String {
    let house = simulator.house();
    let local = house.local(house.now());
    local.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The section of a configuration that reads it.
fn section(address: &str, ecu_id: EcuId, is_unpaired: bool, truth: &ZigbeeTruth) -> Vec<String> {
    let serials = truth
        .inverters
        .iter()
        .map(|it| format!("\"{}\"", it.serial));
    let mut lines = vec![
        "  [[aps_zigbee]]".to_owned(),
        format!("  port = \"{address}\""),
        format!("  ecu_id = \"{ecu_id}\""),
        format!("  inverters = [{}]", serials.collect::<Vec<_>>().join(", ")),
    ];
    if !is_unpaired {
        lines.push(format!(
            "  addresses = {{ {} }}",
            addresses(truth).join(", ")
        ));
    }
    lines
}

/// Who has which address, as a table has it.
fn addresses(truth: &ZigbeeTruth) -> Vec<String> {
    let one = |(serial, address): (InverterSerial, _)| format!("{serial} = \"{address}\"");
    let all = truth.inverters.iter().map(|it| (it.serial, it.address));
    all.map(one).collect()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::simulation::fault::fault_list;

    #[derive(Debug, Parser)]
    struct Simulate {
        #[command(flatten)]
        args: ZigbeeArgs,
    }

    fn args(line: &str) -> Result<ZigbeeArgs, String> {
        let words = ["simulate"].into_iter().chain(line.split_whitespace());
        let parsed = Simulate::try_parse_from(words);
        parsed
            .map(|simulate| simulate.args)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_arguments_there_are_three_paired_inverters() {
        Simulate::command().debug_assert();
        let settings = args("").unwrap().settings().unwrap();
        assert_eq!(settings.inverters.len(), 3);
        assert_eq!(settings.paired, USUAL_GATEWAY.parse().ok());
        assert!(settings.is_strict && settings.faults.is_empty());
    }

    #[test]
    fn arguments_reach_the_stick() {
        let line = "--inverters 50xDS3 --unpaired --firmware home-1.2 --lenient --fault lost@5% \
                    --relay 2=1 --relay 4=3,1 --ecu-id A1B2011B9780 --speed 60 --pty /tmp/zigbee0";
        let args = args(line).unwrap();
        let settings = args.settings().unwrap();
        assert_eq!((settings.inverters.len(), settings.paired), (50, None));
        assert_eq!(settings.firmware, SimFirmware::Home12);
        assert!(!settings.is_strict);
        assert_eq!(settings.faults.len(), 1);
        assert_eq!(args.relays, [(1, vec![0]), (3, vec![2, 0])]);
    }

    #[test]
    fn mistakes_are_explained() {
        for (line, words) in [
            ("--fault hung", "known are slow-reset"),
            ("--inverters 2xDS4", "known are YC600"),
            ("--relay 1=1", "such as 3=2,1"),
            ("--relay 0=1", "such as 3=2,1"),
            ("--ecu-id 12", "12 hexadecimal"),
            ("--firmware new", "modified"),
        ] {
            let error = args(line).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let error = args("--relay 4=1").unwrap().settings().unwrap_err();
        assert!(error.contains("no inverter 4"), "{error}");
    }

    #[test]
    fn the_help_teaches_every_fault() {
        // Where lines are wrapped depends on the terminal.
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let help = flat(&Simulate::command().render_long_help().to_string());
        for line in fault_list::<ZigbeeFault>().lines() {
            assert!(help.contains(&flat(line)), "{line}");
        }
    }
}
