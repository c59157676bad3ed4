//! `simulate aps-ecu`: the simulator on the command line.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::super::wire::{EcuId, IdError};
use super::EcuSettings;
use super::demo::demonstrate;
use super::faults::EcuFault;
use super::hand::SimulatedEcu;
use super::plant::{InverterList, Model, Plant, PlantError};
use crate::device::Simulate;
use crate::simulation::{ArgsError, FaultArgs, HouseArgs, ListenArgs};
use crate::terminal::say;

/// Most gateways of one command.
const MOST_ECUS: u16 = 100;

/// `wattbridge simulate aps-ecu`, and what the demo shows of it.
pub static SIMULATOR: Simulate<EcuArgs> = Simulate::new("aps-ecu", |args, stop| {
    Box::pin(async move { Ok(run(args, stop).await?) })
})
.with_demo(|house, stop| Box::pin(demonstrate(house, stop)));

/// Simulates APsystems ECUs on TCP ports.
#[derive(Debug, Clone, clap::Args)]
pub struct EcuArgs {
    /// Where it listens.
    #[command(flatten)]
    pub tcp: ListenArgs<8899>,

    /// Product of the ECU; without it, the serial tells, else it is an ECU-R
    #[arg(long, value_enum)]
    pub model: Option<Model>,

    /// Inverters, such as 3xDS3,2xQS1; whole serials work too: 704000000001,2xQT2
    #[arg(long, value_name = "LIST", default_value = "3xDS3,2xQS1,1xYC1000")]
    pub inverters: InverterList,

    /// Serial of the ECU, 12 characters; invented if left out
    #[arg(long)]
    pub serial: Option<EcuId>,

    /// How often the ECU asks its inverters, such as 5m or 30s
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = cycle)]
    pub cycle: Duration,

    /// Where they stand.
    #[command(flatten)]
    pub house: HouseArgs,

    /// What goes wrong.
    #[command(flatten)]
    pub faults: FaultArgs<EcuFault>,

    /// Number of ECUs, on this port and the following ones, each with its own serials
    #[arg(long, value_name = "COUNT", default_value = "1",
          value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_ECUS)))]
    pub ecus: u16,
}

fn cycle(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(cycle) if cycle.subsec_nanos() == 0 && (1..=86_400).contains(&cycle.as_secs()) => {
            Ok(cycle)
        }
        _ => Err("write whole seconds, such as 30s or 5m".to_owned()),
    }
}

/// Why the simulator cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The list of inverters does not work out.
    #[error(transparent)]
    Plant(#[from] PlantError),
    /// A serial cannot be made.
    #[error("--serial: {0}")]
    Serial(#[from] IdError),
    /// Several ECUs, but no number to count on.
    #[error("--serial {0} does not end in a number below 99999900, so --ecus cannot count on")]
    NotCountable(EcuId),
    /// What all simulators are told does not fit together.
    #[error(transparent)]
    Args(#[from] ArgsError),
    /// The port cannot be opened.
    #[error("cannot listen on {address}: {error}; choose another one with --listen 127.0.0.1:8900")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
}

impl EcuArgs {
    /// What each ECU is, and where it listens.
    ///
    /// # Errors
    /// Arguments that are sound by themselves and do not fit together.
    pub fn settings(&self) -> Result<Vec<(EcuSettings, SocketAddr)>, SimulatorError> {
        let own = self.serial.as_ref().and_then(Model::of);
        let model = self.model.or(own).unwrap_or(Model::EcuR);
        let house = self.house.house()?;
        let ecu = |(index, listen): (u16, SocketAddr)| {
            let ecu = self.serial(model, index)?;
            let settings = EcuSettings {
                house: house.clone(),
                cycle: self.cycle,
                faults: self.faults.faults.clone(),
                ..EcuSettings::new(Plant::new(model, ecu, &self.inverters)?)
            };
            Ok((settings, listen))
        };
        let addresses = self.tcp.addresses(self.ecus.into())?;
        (0..).zip(addresses).map(ecu).collect()
    }

    fn serial(&self, model: Model, index: u16) -> Result<EcuId, SimulatorError> {
        let Some(serial) = self.serial else {
            return Ok(model.serial(u32::from(index) + 1)?);
        };
        if index == 0 {
            return Ok(serial);
        }
        let (prefix, digits) = serial.as_str().split_at(4);
        let number = digits.parse::<u32>().ok();
        let number = number.and_then(|number| number.checked_add(u32::from(index)));
        let number = number.filter(|number| *number < 100_000_000);
        let number = number.ok_or(SimulatorError::NotCountable(serial))?;
        Ok(format!("{prefix}{number:08}").parse()?)
    }
}

/// Runs simulators until told to stop, and prints what they do.
///
/// # Errors
/// Arguments that do not fit together, or a port that cannot be opened.
async fn run(args: EcuArgs, stop: CancellationToken) -> Result<(), SimulatorError> {
    let mut simulators = Vec::new();
    let mut printers = JoinSet::new();
    for (settings, listen) in args.settings()? {
        let name = settings.plant.model.name();
        let count = settings.plant.inverters.len();
        let simulator = SimulatedEcu::start(settings, listen).await;
        let simulator = simulator.map_err(|error| SimulatorError::Listen {
            address: listen,
            error,
        })?;
        let inverters = if count == 1 { "inverter" } else { "inverters" };
        say(&format!(
            "{name} {} with {count} {inverters} listens on {}; stop with Ctrl-C",
            simulator.ecu(),
            simulator.address()
        ));
        let mut events = simulator.events();
        printers.spawn(async move {
            loop {
                let line = match events.recv().await {
                    Ok(event) => event.to_string(),
                    Err(RecvError::Lagged(missed)) => format!("({missed} lines left out)"),
                    Err(RecvError::Closed) => return,
                };
                say(&line);
            }
        });
        simulators.push(simulator);
    }
    if !args.tcp.listen.ip().is_loopback() {
        say("Everybody in the network can reach this address; the protocol has no password.");
    }
    stop.cancelled().await;
    for simulator in simulators {
        simulator.stop().await;
    }
    while printers.join_next().await.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use jiff::civil;

    use super::*;
    use crate::simulation::fault::fault_list;

    #[derive(Debug, Parser)]
    struct Simulate {
        #[command(flatten)]
        args: EcuArgs,
    }

    fn args(line: &str) -> Result<EcuArgs, String> {
        let words = ["simulate"].into_iter().chain(line.split_whitespace());
        let parsed = Simulate::try_parse_from(words);
        parsed
            .map(|simulate| simulate.args)
            .map_err(|error| error.to_string())
    }

    fn settings(line: &str) -> Vec<(EcuSettings, SocketAddr)> {
        args(line).unwrap().settings().unwrap()
    }

    #[test]
    fn without_arguments_it_is_a_small_ecu_r() {
        Simulate::command().debug_assert();
        let [(settings, listen)] = settings("").try_into().unwrap();
        assert_eq!(listen.to_string(), "127.0.0.1:8899");
        assert_eq!(settings.plant.ecu.to_string(), "216000000001");
        assert_eq!(settings.plant.inverters.len(), 6);
        assert_eq!(settings.cycle, Duration::from_secs(300));
        assert!(settings.faults.is_empty());
    }

    #[test]
    fn arguments_reach_every_ecu() {
        let line = "--serial 216200000041 --ecus 3 --listen 127.0.0.1:9000 --inverters 2xQT2 \
                    --speed 60 --cycle 30s --zone Europe/Vienna --start-time 2026-06-21T11:00 \
                    --fault hang@30s..60s --fault sleep --sunset 21:00";
        let all = settings(line);
        let mut uids = std::collections::BTreeSet::new();
        for (index, (settings, listen)) in all.iter().enumerate() {
            let plant = &settings.plant;
            assert_eq!(plant.model, Model::EcuRPro);
            assert_eq!(plant.ecu.to_string(), format!("21620000004{}", index + 1));
            assert_eq!(usize::from(listen.port()), 9000 + index);
            assert_eq!(settings.faults.last().unwrap().fault, EcuFault::Sleep);
            let begun = settings.house.local(settings.house.now());
            assert_eq!(begun.date(), civil::date(2026, 6, 21));
            assert_eq!(begun.hour(), 11);
            uids.extend(plant.inverters.iter().map(|inverter| inverter.uid));
        }
        assert_eq!(uids.len(), 6);
    }

    #[test]
    fn mistakes_are_explained() {
        for (line, words) in [
            ("--fault hung", "known are refuse, hang"),
            ("--inverters 2xDS4", "known are YC500"),
            ("--cycle 1", "such as 30s or 5m"),
            ("--cycle 500ms", "such as 30s or 5m"),
            ("--serial 12", "12 characters"),
        ] {
            let error = args(line).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        for (line, words) in [
            ("--sunrise 12:00 --sunset 11:00", "is not after --sunrise"),
            ("--listen 127.0.0.1:65535 --ecus 2", "choose a smaller port"),
            ("--serial 21600000ABCD --ecus 2", "cannot count on"),
            ("--inverters 704000000001,704000000001", "there twice"),
        ] {
            let error = args(line).unwrap().settings().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn the_help_teaches_every_fault() {
        // Where lines are wrapped depends on the terminal.
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let help = flat(&Simulate::command().render_long_help().to_string());
        for line in fault_list::<EcuFault>().lines() {
            assert!(help.contains(&flat(line)), "{line}");
        }
    }

    #[tokio::test]
    async fn runs_until_told_to_stop_and_names_a_port_that_is_taken() {
        let stop = CancellationToken::new();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let line = format!("--listen {}", taken.local_addr().unwrap());
        let error = run(args(&line).unwrap(), stop.clone()).await.unwrap_err();
        assert!(error.to_string().contains("choose another one"), "{error}");

        stop.cancel();
        run(args("--listen 127.0.0.1:0 --ecus 2").unwrap(), stop)
            .await
            .unwrap();
    }
}
