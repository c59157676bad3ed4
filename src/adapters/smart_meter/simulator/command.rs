//! `simulate smart-meter`: the simulator on the command line.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::published;
use super::super::wire::Key;
use super::demo::demonstrate;
use super::faults::MeterFault;
use super::household::{Fixed, ROOF};
use super::line::{MeterSettings, SimulatedMeters};
use super::model::{Model, model_list};
use crate::device::{Simulate, ToolError};
use crate::simulation::{FaultArgs, HouseArgs, LineArgs, model_of, rhythm};
use crate::terminal::say;

/// `wattbridge simulate smart-meter`, and what the demo shows of it.
pub static SIMULATOR: Simulate<MeterArgs> =
    Simulate::new("smart-meter", |args, stop| Box::pin(run(args, stop)))
        .with_demo(|house, stop| Box::pin(demonstrate(house, stop)));

/// Simulates smart meters on a serial line or a TCP port.
#[derive(Debug, Clone, clap::Args)]
pub struct MeterArgs {
    /// Where they talk.
    #[command(flatten)]
    pub line: LineArgs<2001>,

    /// The meter; several share the line
    #[arg(long = "model", value_name = "MODEL", default_value = "tinetz", value_parser = model, long_help = models_help())]
    pub models: Vec<&'static Model>,

    /// The key of the meters
    #[arg(long, value_name = "KEY", default_value = published::KEY)]
    pub key: Key,

    /// The authentication key of meters that have one
    #[arg(long, value_name = "KEY", default_value = published::AUTHENTICATION_KEY)]
    pub authentication_key: Key,

    /// How often telegrams come; as the meter does it if left out
    #[arg(long, value_name = "TIME", value_parser = rhythm)]
    pub interval: Option<Duration>,

    /// Where they stand.
    #[command(flatten)]
    pub house: HouseArgs,

    /// Net power in watts, negative for export; varies if left out
    #[arg(long, value_name = "WATTS", allow_negative_numbers = true)]
    pub power: Option<i32>,

    /// What the meters have counted at the start, in watt-hours
    #[arg(long, value_name = "WATT-HOURS")]
    pub energy_import: Option<u32>,

    /// What the meters have counted at the start, in watt-hours
    #[arg(long, value_name = "WATT-HOURS")]
    pub energy_export: Option<u32>,

    /// What goes wrong.
    #[command(flatten)]
    pub faults: FaultArgs<MeterFault>,
}

fn models_help() -> String {
    format!(
        "The meter; may be given several times, then all share the line.\n\n{}",
        model_list()
    )
}

fn model(name: &str) -> Result<&'static Model, String> {
    let all: Vec<&'static Model> = Model::all().collect();
    model_of(name, &all, |model| model.name).copied()
}

/// The pace that all of them keep up.
fn slowest(models: &[&Model]) -> Duration {
    let paces = models.iter().map(|model| model.pace());
    paces.max().unwrap_or_default()
}

/// Runs simulated meters until `stop`.
async fn run(args: MeterArgs, stop: CancellationToken) -> Result<(), ToolError> {
    let has_tag = |model: &Model| model.security & 0x10 != 0;
    let meter = |model: &&'static Model| {
        let authentication = has_tag(model).then(|| args.authentication_key.clone());
        (*model, args.key.clone(), authentication)
    };
    let settings = MeterSettings {
        meters: args.models.iter().map(meter).collect(),
        interval: args.interval.unwrap_or_else(|| slowest(&args.models)),
        house: args.house.house()?.with_roof(ROOF),
        fixed: Fixed {
            power: args.power,
            energy_import: args.energy_import,
            energy_export: args.energy_export,
        },
        faults: args.faults.faults.clone(),
    };
    let simulator = SimulatedMeters::start(settings, args.line.place()).await?;
    let address = simulator.address();
    for model in &args.models {
        let title = if model.is_encrypted() {
            format!(", system title {}", model.title)
        } else {
            String::new()
        };
        say(&format!("{}, number {}{title}", model.about, model.number));
    }
    say(&format!("\nThe meters talk on {address}. To read them:\n"));
    say(&format!("  [[smart_meter]]\n  port = \"{address}\""));
    if args.models.iter().any(|model| model.is_encrypted()) {
        say(&format!("  key = \"{}\"", key_words(&args.key)));
    }
    say("\nCtrl-C ends it.");
    stop.cancelled().await;
    simulator.stop().await;
    Ok(())
}

/// The key as given, if everybody knows it; else only that it is the one given.
fn key_words(key: &Key) -> &'static str {
    if published::KEY.parse::<Key>().as_ref() == Ok(key) {
        published::KEY
    } else {
        "the one given above"
    }
}
