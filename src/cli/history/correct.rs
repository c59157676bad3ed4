//! `wattbridge history correct`: another value for a day.

use std::str::FromStr;

use anyhow::anyhow;
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;

use super::KeptHistory;
use crate::cli::setup::ConfigArgs;
use crate::cli::{CliError, runtime};
use crate::history::import::{ForeignTime, check_moment, check_value};
use crate::history::{CorrectionError, SeriesInfo, SeriesKey};
use crate::model::{Decimal, DeviceId, Quantity};
use crate::terminal::say;

#[derive(Debug, Args)]
#[command(after_help = "\
The value takes the place of what was measured or worked out, is marked as corrected wherever it is shown, and stays: \
nothing that comes later changes it. `--undo` takes what was measured again.

Energies are in kWh, others in the unit of the value. wattbridge may run meanwhile.

Examples:
  wattbridge history correct aps_ecu_216000000001/energy_today 2026-06-14 21.5
  wattbridge history correct aps_ecu_216000000001/energy_today 2026-06-14 --undo")]
pub struct CorrectArgs {
    /// The device and the key of its value, as in its MQTT topic
    #[arg(value_name = "DEVICE/KEY")]
    series: WrittenSeries,
    /// The day
    #[arg(value_name = "YYYY-MM-DD")]
    date: Date,
    /// What it is to be
    #[arg(required_unless_present = "undo", allow_negative_numbers = true)]
    value: Option<Decimal>,
    /// Takes what was measured again
    #[arg(long, conflicts_with = "value")]
    undo: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// A series as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenSeries(pub SeriesKey);

impl FromStr for WrittenSeries {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint =
            "write the id of the device, a slash and the key, such as smart_meter_1/energy_import";
        let (device, key) = text.split_once('/').ok_or(hint)?;
        let is_word = |text: &str| {
            let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
            !text.is_empty() && text.bytes().all(fits)
        };
        if !is_word(device) || !is_word(key) {
            return Err(hint.to_owned());
        }
        let device = device_id(device).ok_or(hint)?;
        Ok(Self(SeriesKey::new(&device, key)))
    }
}

/// An id that somebody has written.
pub fn device_id(text: &str) -> Option<DeviceId> {
    serde_json::from_value(serde_json::Value::from(text)).ok()
}

pub fn run(args: &CorrectArgs) -> Result<(), CliError> {
    let kept = KeptHistory::of(&args.config)?;
    let reader = kept.reader()?;
    let series = &args.series.0;
    let all = runtime()?
        .block_on(reader.series())
        .map_err(anyhow::Error::from)?;
    let known = all.iter().find(|info| info.series == *series);
    let Some(known) = known else {
        return Err(anyhow!("{}", unknown(series, &all)).into());
    };
    let time = ForeignTime::Day(args.date);
    let now = Timestamp::now();
    let today = now.to_zoned(kept.zone.clone()).date();
    check_moment(time, now, today).map_err(|error| anyhow!("{}: {error}", args.date))?;
    if let Some(value) = args.value {
        check_value(known.about.quantity, time, value).map_err(anyhow::Error::from)?;
    }
    let value = args.value.filter(|_| !args.undo);
    let history = kept.writer()?;
    let before = history.correct(series, args.date, value);
    history.close();
    let before = before.map_err(|error| match error {
        CorrectionError::NoSeries(_) => anyhow!("{}", unknown(series, &all)),
        other => other.into(),
    })?;
    let unit = known.about.quantity.and_then(Quantity::unit).unwrap_or("");
    let shown = |value: Option<Decimal>| match value {
        Some(value) => format!("{} {unit}", value.shortest()).trim_end().to_owned(),
        None => "nothing".to_owned(),
    };
    let name = format!("{series} on {}", args.date);
    say(&match value {
        Some(_) => format!(
            "{name}: {}, marked as corrected; it was {}.",
            shown(value),
            shown(before)
        ),
        None => format!(
            "{name}: what was measured counts again; it was {}.",
            shown(before)
        ),
    });
    Ok(())
}

/// What there is instead.
fn unknown(series: &SeriesKey, all: &[SeriesInfo]) -> String {
    let same: Vec<&str> = all
        .iter()
        .filter(|info| info.series.device == series.device)
        .map(|info| info.series.key.as_str())
        .collect();
    if !same.is_empty() {
        return format!(
            "nothing is kept of {series}; of this device there is: {}",
            same.join(", ")
        );
    }
    let mut devices: Vec<&str> = all.iter().map(|info| info.series.device.as_str()).collect();
    devices.dedup();
    let near = devices
        .iter()
        .max_by_key(|id| (strsim::jaro(id, series.device.as_str()) * 1000.0) as i64);
    match near {
        Some(near) => format!(
            "nothing is kept of a device {}; do you mean {near}?",
            series.device
        ),
        None => format!("nothing is kept of {series}, nor of anything else yet"),
    }
}
