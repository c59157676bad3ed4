//! `wattbridge history export`: tables for other programs.

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use super::correct::{WrittenSeries, device_id};
use super::{KeptHistory, PeriodArgs, day_after};
use crate::cli::setup::ConfigArgs;
use crate::cli::{CliError, runtime};
use crate::history::{HistoryError, HistoryReader, SeriesInfo, SeriesKey, SeriesKind};
use crate::model::{Decimal, Quantity};
use crate::terminal::{remark, say};

#[derive(Debug, Args)]
#[command(after_help = "\
A line for each value: device, key, time, value and what it is. Days have their energy or mean; slots are of five \
minutes, named by their end, with the last value of counters and the mean of everything else. \
`wattbridge history import` reads both.

Examples:
  wattbridge history export --days > days.csv
  wattbridge history export --slots --from 2026-06-01 --to 2026-06-30 > june.csv
  wattbridge history export --days --excel > days.csv      for Excel
  wattbridge history export --days --of house --of meter_1/energy_import")]
pub struct ExportArgs {
    /// Whole days; this is what is done if nothing is said
    #[arg(long, conflicts_with = "slots")]
    days: bool,
    /// Slots of five minutes
    #[arg(long)]
    slots: bool,
    #[command(flatten)]
    period: PeriodArgs,
    /// Only of this device, or only this value; house for the house itself
    #[arg(long, value_name = "DEVICE[/KEY]")]
    of: Vec<String>,
    /// In the form that Excel opens in many countries: semicolons, decimal commas, local times
    #[arg(long)]
    excel: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// How a line is written.
#[derive(Debug, Clone)]
struct CsvForm {
    is_excel: bool,
    zone: TimeZone,
}

pub fn run(args: &ExportArgs) -> Result<(), CliError> {
    let kept = KeptHistory::of(&args.config)?;
    let reader = kept.reader()?;
    let form = CsvForm {
        is_excel: args.excel,
        zone: kept.zone.clone(),
    };
    let today = Zoned::now().with_time_zone(kept.zone).date();
    runtime()?
        .block_on(write(args, &reader, &form, today))
        .map_err(anyhow::Error::from)?;
    Ok(())
}

async fn write(
    args: &ExportArgs,
    reader: &HistoryReader,
    form: &CsvForm,
    today: Date,
) -> Result<(), HistoryError> {
    let size = reader.size().await?;
    let oldest = if args.slots {
        let oldest = size.oldest_slot;
        oldest.map(|at| at.to_zoned(form.zone.clone()).date())
    } else {
        size.oldest_day
    };
    let Some(oldest) = oldest else {
        remark("The history is empty.");
        return Ok(());
    };
    let from = args.period.from.unwrap_or(oldest).max(oldest);
    let to = day_after(args.period.to.unwrap_or(today));
    let series = wanted(args, &reader.series().await?);
    if series.as_ref().is_some_and(Vec::is_empty) {
        remark(
            "Nothing is kept of what --of names; `wattbridge history export --days` shows what there is.",
        );
        return Ok(());
    }
    let series = series.unwrap_or_default();
    if !say(&form.head(args.slots)) {
        return Ok(());
    }
    let mut day = from;
    while day < to {
        // A day of slots is much, a month of days is little.
        let step = if args.slots { 1.days() } else { 1.months() };
        let next = day.saturating_add(step).min(to);
        if next <= day {
            break;
        }
        let lines = if args.slots {
            let slots = reader.slots(series.clone(), day, next).await?;
            let lines = slots.rows.iter().filter_map(|row| {
                let info = slots.series.get(row.series)?;
                let bounds = row.row.bounds.map(|(min, max)| (Some(min), Some(max)));
                let at = form.moment(row.end);
                Some(form.line(info, &at, row.row.value, bounds.unwrap_or_default(), ""))
            });
            lines.collect::<Vec<_>>()
        } else {
            let days = reader.days(series.clone(), day, next).await?;
            let lines = days.rows.iter().filter_map(|row| {
                let info = days.series.get(row.series)?;
                let flags: Vec<&str> = row.row.flags.words().collect();
                let at = [row.date.to_string(), String::new()];
                let bounds = (row.row.min, row.row.max);
                Some(form.line(info, &at, row.row.value?, bounds, &flags.join(" ")))
            });
            lines.collect()
        };
        if !lines.is_empty() && !say(&lines.join("\n")) {
            return Ok(());
        }
        day = next;
    }
    Ok(())
}

/// The series that are asked for; `None` for all.
fn wanted(args: &ExportArgs, all: &[SeriesInfo]) -> Option<Vec<SeriesKey>> {
    if args.of.is_empty() {
        return None;
    }
    let is_wanted = |info: &&SeriesInfo| {
        args.of.iter().any(|of| match of.parse::<WrittenSeries>() {
            Ok(WrittenSeries(series)) => info.series == series,
            Err(_) => device_id(of).is_some_and(|device| info.series.device == device),
        })
    };
    let wanted = all.iter().filter(is_wanted);
    Some(wanted.map(|info| info.series.clone()).collect())
}

impl CsvForm {
    fn head(&self, are_slots: bool) -> String {
        let time = if are_slots { "time" } else { "date" };
        let names = [
            "device", "key", time, "value", "min", "max", "unit", "kind", "flags", "name",
        ];
        let mut names = names.to_vec();
        if self.is_excel && are_slots {
            names.insert(3, "offset");
        }
        // Without the mark at the beginning, Excel takes the letters of other languages for something else.
        let mark = if self.is_excel { "\u{feff}" } else { "" };
        format!("{mark}{}", names.join(self.separator()))
    }

    const fn separator(&self) -> &'static str {
        if self.is_excel { ";" } else { "," }
    }

    /// A moment, and its offset where that has a column of its own.
    fn moment(&self, at: Timestamp) -> [String; 2] {
        let local = at.to_zoned(self.zone.clone());
        let form = |format| local.strftime(format).to_string();
        if self.is_excel {
            [form("%Y-%m-%d %H:%M:%S"), form("%:z")]
        } else {
            [form("%Y-%m-%dT%H:%M:%S%:z"), String::new()]
        }
    }

    fn line(
        &self,
        info: &SeriesInfo,
        at: &[String; 2],
        value: i64,
        (min, max): (Option<i64>, Option<i64>),
        flags: &str,
    ) -> String {
        let number = |value: i64| Decimal::new(value, info.about.decimals).shortest();
        let number = |value: i64| {
            if self.is_excel {
                number(value).replace('.', ",")
            } else {
                number(value)
            }
        };
        let maybe = |value: Option<i64>| value.map_or_else(String::new, number);
        let mut cells = vec![
            info.series.device.to_string(),
            info.series.key.clone(),
            at[0].clone(),
            number(value),
            maybe(min),
            maybe(max),
            info.about
                .quantity
                .and_then(Quantity::unit)
                .unwrap_or("")
                .to_owned(),
            kind(info.about.kind).to_owned(),
            flags.to_owned(),
            self.text(&format!("{}: {}", info.about.device_name, info.about.name)),
        ];
        if !at[1].is_empty() {
            cells.insert(3, at[1].clone());
        }
        cells.join(self.separator())
    }

    /// Words in a cell. What begins like a formula would be carried out as one.
    fn text(&self, text: &str) -> String {
        let text = text.trim_start_matches([':', ' ']);
        let is_formula = text.starts_with(['=', '+', '-', '@']);
        let text = if is_formula {
            format!("'{text}")
        } else {
            text.to_owned()
        };
        if text.contains(['"', ',', ';', '\n', '\r', '\t']) {
            format!(
                "\"{}\"",
                text.replace('"', "\"\"").replace(['\n', '\r', '\t'], " ")
            )
        } else {
            text
        }
    }
}

/// The word for how a series behaves.
const fn kind(kind: SeriesKind) -> &'static str {
    match kind {
        SeriesKind::Measurement => "measurement",
        SeriesKind::Lifetime => "lifetime",
        SeriesKind::Daily => "daily",
        SeriesKind::OnOff => "on_off",
        SeriesKind::Flow => "flow",
        SeriesKind::Figure => "figure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_words_are_harmless() {
        for (number, text) in [
            (Decimal::new(5820, 1), "582"),
            (Decimal::new(313, 1), "31.3"),
            (Decimal::new(-5, 3), "-0.005"),
            (Decimal::new(0, 3), "0"),
            (Decimal::integer(100), "100"),
        ] {
            assert_eq!(number.shortest(), text);
        }
        let form = CsvForm {
            is_excel: true,
            zone: TimeZone::UTC,
        };
        assert_eq!(form.text("=1+1"), "'=1+1");
        assert_eq!(form.text("a;\"b\"\nc"), "\"a;\"\"b\"\" c\"");
        assert!(
            form.head(true)
                .starts_with("\u{feff}device;key;time;offset;value")
        );
    }
}
