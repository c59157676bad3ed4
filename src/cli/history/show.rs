//! `wattbridge history show`: tables in plain words.

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, Zoned};
use serde_json::{Map, Value as Json, json};

use super::{KeptHistory, PeriodArgs, day_after};
use crate::cli::setup::ConfigArgs;
use crate::cli::{CliError, runtime};
use crate::history::{
    By, DayFlags, EnergyOf, EnergyRow, EnergyTable, HOUSE, HistoryReader, PowerCurves, SeriesKey,
    SeriesKind,
};
use crate::model::{Decimal, Quantity};
use crate::terminal::{remark, say};

/// Days that are shown where nothing is said.
const USUAL_DAYS: i64 = 14;
/// What stands where nothing is known.
const UNKNOWN: &str = "-";
/// Columns that a terminal has room for.
const MOST_COLUMNS: usize = 12;

#[derive(Debug, Args)]
#[command(after_help = "\
Energies are in kWh. A mark behind a number says what is special about that day: ~ values are missing, * corrected \
by hand, + brought in from elsewhere.

Examples:
  wattbridge history show                       the last two weeks
  wattbridge history show --day 2026-06-14      hour by hour
  wattbridge history show --month 2026-06
  wattbridge history show --from 2026-01-01 --by month
  wattbridge history show --device aps_ecu_216000000001 --json")]
pub struct ShowArgs {
    /// The hours of one day
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["month", "from", "to", "by"])]
    day: Option<Date>,
    /// The days of one month
    #[arg(long, value_name = "YYYY-MM", value_parser = month, conflicts_with_all = ["from", "to"])]
    month: Option<Date>,
    #[command(flatten)]
    period: PeriodArgs,
    /// What each line is
    #[arg(long, value_name = "WHAT", default_value = "day")]
    by: ShowBy,
    /// One device instead of the house, by its id
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Prints a JSON object for each line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What a line of the table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ShowBy {
    /// A day
    Day,
    /// A month
    Month,
    /// A year
    Year,
}

/// A table to print.
#[derive(Debug, Default, PartialEq)]
struct ShownTable {
    columns: Vec<ShownColumn>,
    /// What each line is of, and its cells.
    lines: Vec<(String, Vec<Option<ShownCell>>)>,
    /// What all lines together are, if that makes sense.
    together: Option<Vec<Option<Decimal>>>,
}

#[derive(Debug, PartialEq)]
struct ShownColumn {
    key: String,
    title: String,
    unit: &'static str,
    decimals: u8,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct ShownCell {
    value: Decimal,
    flags: DayFlags,
}

pub fn run(args: &ShowArgs) -> Result<(), CliError> {
    let kept = KeptHistory::of(&args.config)?;
    let reader = kept.reader()?;
    let today = Zoned::now().with_time_zone(kept.zone).date();
    let shown = runtime()?.block_on(async {
        match args.day {
            Some(day) => hours(&reader, day, args.device.as_deref()).await,
            None => {
                let (from, to) = args.days(today);
                energies(&reader, args.by, from, to, args.device.as_deref()).await
            }
        }
    });
    let shown = shown.map_err(anyhow::Error::from)?;
    if shown.lines.is_empty() || shown.columns.is_empty() {
        remark(&nothing(args));
        return Ok(());
    }
    if args.json {
        shown.json(args.device.as_deref(), args.day.is_some());
    } else {
        say(shown.text().trim_end());
    }
    Ok(())
}

fn nothing(args: &ShowArgs) -> String {
    match &args.device {
        Some(device) => format!(
            "Nothing is kept of \"{}\" in this time. `wattbridge history export --days` shows what there is, by the ids of \
             the devices.",
            device.escape_debug()
        ),
        None => "Nothing is kept of this time. `--from` and `--to` choose another one; what is older than this \
                 installation can be brought in by `wattbridge history import`."
            .to_owned(),
    }
}

impl ShowArgs {
    /// From one day to another, which is not among them.
    fn days(&self, today: Date) -> (Date, Date) {
        if let Some(first) = self.month {
            return (first, first.saturating_add(1.months()));
        }
        let to = self.period.to.unwrap_or(today);
        let from = self.period.from.unwrap_or_else(|| {
            let back = match self.by {
                ShowBy::Day => (USUAL_DAYS - 1).days(),
                ShowBy::Month => 11.months(),
                ShowBy::Year => 9.years(),
            };
            to.saturating_sub(back)
        });
        let to = day_after(to);
        match self.by {
            ShowBy::Day => (from, to),
            ShowBy::Month => (from.first_of_month(), to),
            ShowBy::Year => (from.first_of_year(), to),
        }
    }
}

/// Energies by day, month or year.
async fn energies(
    reader: &HistoryReader,
    by: ShowBy,
    from: Date,
    to: Date,
    device: Option<&str>,
) -> Result<ShownTable, crate::history::HistoryError> {
    let by = match by {
        ShowBy::Day => By::Day,
        ShowBy::Month => By::Month,
        ShowBy::Year => By::Year,
    };
    let Some(device) = device else {
        let table = reader.energy(by, from, to, EnergyOf::Total).await?;
        return Ok(energy_table(&table, |row| house_title(&row.series.key)));
    };
    let is_it = |row: &EnergyRow| row.series.device.as_str() == device;
    let mut table = reader.energy(by, from, to, EnergyOf::Device).await?;
    table.rows.retain(is_it);
    let panels = reader.energy(by, from, to, EnergyOf::Panel).await?;
    let more = panels.rows.into_iter().filter(is_it);
    let known: Vec<SeriesKey> = table.rows.iter().map(|row| row.series.clone()).collect();
    table
        .rows
        .extend(more.filter(|row| !known.contains(&row.series)));
    Ok(energy_table(&table, |row| Some(row.name.clone())))
}

/// What a person calls an energy of the house; who fed whom is for the page.
fn house_title(key: &str) -> Option<String> {
    let title = match key {
        "sun" => "Sun",
        "house" => "House",
        "import" => "From grid",
        "export" => "To grid",
        "charged" => "Charged",
        "discharged" => "Discharged",
        _ => return None,
    };
    Some(title.to_owned())
}

fn energy_table(table: &EnergyTable, title: impl Fn(&EnergyRow) -> Option<String>) -> ShownTable {
    let rows: Vec<(&EnergyRow, String)> = table
        .rows
        .iter()
        .filter(|row| row.wh.iter().any(Option::is_some))
        .filter_map(|row| Some((row, title(row)?)))
        .collect();
    let columns = rows.iter().map(|(row, title)| ShownColumn {
        key: row.series.key.clone(),
        title: title.clone(),
        unit: "kWh",
        decimals: 2,
    });
    let format = match table.by {
        By::Day => "%Y-%m-%d",
        By::Month => "%Y-%m",
        By::Year => "%Y",
    };
    let lines = table.dates.iter().enumerate().filter_map(|(place, date)| {
        let cell = |row: &EnergyRow| {
            Some(ShownCell {
                value: Decimal::from_watt_hours((*row.wh.get(place)?)?),
                flags: row.flags.get(place).copied().unwrap_or_default(),
            })
        };
        let cells: Vec<_> = rows.iter().map(|(row, _)| cell(row)).collect();
        let is_known = cells.iter().any(Option::is_some);
        is_known.then(|| (date.strftime(format).to_string(), cells))
    });
    let sum = |row: &EnergyRow| {
        let known = row.wh.iter().flatten();
        let sum = known.fold(0_i64, |sum, wh| sum.saturating_add(*wh));
        Some(Decimal::from_watt_hours(sum))
    };
    ShownTable {
        lines: lines.collect(),
        together: Some(rows.iter().map(|(row, _)| sum(row)).collect()),
        columns: columns.collect(),
    }
}

/// The hours of a day: of the house, or all measurements of a device.
async fn hours(
    reader: &HistoryReader,
    day: Date,
    device: Option<&str>,
) -> Result<ShownTable, crate::history::HistoryError> {
    let all = reader.series().await?;
    let mut columns = Vec::new();
    let mut wanted = Vec::new();
    if let Some(device) = device {
        let is_it = |kind: SeriesKind| kind == SeriesKind::Measurement;
        for info in all
            .iter()
            .filter(|info| info.series.device.as_str() == device && is_it(info.about.kind))
        {
            wanted.push(info.series.clone());
            columns.push(ShownColumn {
                key: info.series.key.clone(),
                title: info.about.name.clone(),
                unit: info.about.quantity.and_then(Quantity::unit).unwrap_or(""),
                decimals: info.about.decimals,
            });
        }
    } else {
        for (key, title, unit) in [
            ("sun", "Sun", "W"),
            ("house", "House", "W"),
            ("grid", "From grid", "W"),
            ("battery", "Into battery", "W"),
            ("battery_level", "Level", "%"),
        ] {
            wanted.push(SeriesKey::house(key));
            columns.push(ShownColumn {
                key: key.to_owned(),
                title: title.to_owned(),
                unit,
                decimals: 0,
            });
        }
    }
    let curves = reader.power(wanted, day, day_after(day), 3600).await?;
    Ok(hour_table(&curves, columns, reader))
}

fn hour_table(
    curves: &PowerCurves,
    columns: Vec<ShownColumn>,
    reader: &HistoryReader,
) -> ShownTable {
    let most = curves.series.iter().map(|curve| curve.values.len()).max();
    let lines = (0..most.unwrap_or(0)).filter_map(|place| {
        let cells: Vec<Option<ShownCell>> = curves
            .series
            .iter()
            .map(|curve| {
                let value = curve.values.get(place).copied().flatten()?;
                Some(ShownCell {
                    value: Decimal::new(value, curve.scale),
                    flags: DayFlags::default(),
                })
            })
            .collect();
        let seconds = curves.step * i64::try_from(place).ok()?;
        let start = Timestamp::from_second(curves.start.as_second() + seconds).ok()?;
        let local = start.to_zoned(reader.calendar().zone().clone());
        let is_known = cells.iter().any(Option::is_some);
        is_known.then(|| (local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(), cells))
    });
    let shown = ShownTable {
        lines: lines.collect(),
        together: None,
        columns,
    };
    shown.without_empty_columns()
}

impl ShownTable {
    /// A house without a battery has no column for it.
    fn without_empty_columns(mut self) -> Self {
        let is_used: Vec<bool> = (0..self.columns.len())
            .map(|place| {
                let mut cells = self.lines.iter().map(|(_, cells)| cells.get(place));
                cells.any(|cell| cell.is_some_and(Option::is_some))
            })
            .collect();
        let keep = |place: usize| is_used.get(place).copied().unwrap_or(false);
        let mut place = 0..;
        self.columns.retain(|_| place.next().is_some_and(keep));
        for (_, cells) in &mut self.lines {
            let mut place = 0..;
            cells.retain(|_| place.next().is_some_and(keep));
        }
        self
    }

    fn text(&self) -> String {
        let shown = self.columns.len().min(MOST_COLUMNS);
        let columns = self.columns.get(..shown).unwrap_or_default();
        // The hours of a day are known by their time alone.
        let name = |text: &str| match text.split_once('T') {
            Some((_, time)) => time.get(..5).unwrap_or(time).to_owned(),
            None => text.to_owned(),
        };
        let cell = |cell: &Option<ShownCell>, column: &ShownColumn| match cell {
            None => format!("{UNKNOWN} "),
            Some(cell) => format!(
                "{}{}",
                cell.value.with_scale(column.decimals),
                mark(cell.flags)
            ),
        };
        let mut rows: Vec<(String, Vec<String>)> = Vec::new();
        let titles = columns.iter().map(|it| format!("{} ", it.title));
        rows.push((String::new(), titles.collect()));
        let units = columns.iter().map(|it| format!("{} ", it.unit));
        rows.push((String::new(), units.collect()));
        for (of, cells) in &self.lines {
            let cells = cells.iter().zip(columns);
            let cells = cells.map(|(it, column)| cell(it, column));
            rows.push((name(of), cells.collect()));
        }
        if let Some(together) = &self.together {
            let sums = together.iter().zip(columns).map(|(sum, column)| match sum {
                Some(sum) => format!("{} ", sum.with_scale(column.decimals)),
                None => format!("{UNKNOWN} "),
            });
            rows.push(("Together".to_owned(), sums.collect()));
        }
        let width = |text: &String| text.chars().count();
        let first = rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
        let widths: Vec<usize> = (0..shown)
            .map(|place| {
                let cells = rows.iter().filter_map(|(_, cells)| cells.get(place));
                cells.map(width).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for (name, cells) in rows {
            let mut line = format!("{name:<first$}");
            for (cell, width) in cells.iter().zip(&widths) {
                line.push_str(&format!("  {cell:>width$}"));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let used = self.lines.iter().flat_map(|(_, cells)| cells).flatten();
        let used = used.fold(DayFlags::default(), |all, cell| all | cell.flags);
        let legend = [
            (DayFlags::GAP, "~ values are missing"),
            (DayFlags::CORRECTED, "* corrected by hand"),
            (DayFlags::IMPORTED, "+ brought in from elsewhere"),
        ];
        let legend: Vec<&str> = legend
            .iter()
            .filter(|(flag, _)| used.has(*flag))
            .map(|(_, words)| *words)
            .collect();
        if !legend.is_empty() {
            text.push_str(&format!("\n{}\n", legend.join(", ")));
        }
        if shown < self.columns.len() {
            text.push_str(&format!(
                "\n{} more columns: --json has them all.\n",
                self.columns.len() - shown
            ));
        }
        text
    }

    /// In the form of `wattbridge ADAPTER history --json`, so that it can be brought in elsewhere.
    fn json(&self, device: Option<&str>, are_moments: bool) {
        if !say(&json!({ "device": device.unwrap_or(HOUSE) }).to_string()) {
            return;
        }
        for (of, cells) in &self.lines {
            let mut values = Map::new();
            let mut flags = Map::new();
            for (cell, column) in cells.iter().zip(&self.columns) {
                let value = cell.map_or(Json::Null, |cell| cell.value.to_json());
                values.insert(column.key.clone(), value);
                let words = cell.map(|cell| cell.flags.words().collect::<Vec<_>>());
                if let Some(words) = words.filter(|words| !words.is_empty()) {
                    flags.insert(column.key.clone(), json!(words));
                }
            }
            let name = match (are_moments, of.len()) {
                (true, _) => "at",
                (false, 10) => "date",
                (false, 7) => "month",
                _ => "year",
            };
            let mut line = json!({ name: of, "values": values });
            if !flags.is_empty() {
                line["flags"] = Json::Object(flags);
            }
            if !say(&line.to_string()) {
                return;
            }
        }
    }
}

/// What is special about a day, as one sign; a blank keeps numbers below each other.
fn mark(flags: DayFlags) -> char {
    if flags.has(DayFlags::CORRECTED) {
        '*'
    } else if flags.has(DayFlags::IMPORTED) {
        '+'
    } else if flags.has(DayFlags::GAP) {
        '~'
    } else {
        ' '
    }
}

fn month(text: &str) -> Result<Date, String> {
    let first = format!("{text}-01");
    let date = first.parse().ok().filter(|_| text.len() == 7);
    date.ok_or_else(|| "write a month like 2026-06".to_owned())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn energy_row(key: &str, wh: &[Option<i64>], flags: &[DayFlags]) -> EnergyRow {
        EnergyRow {
            series: SeriesKey::house(key),
            name: key.to_owned(),
            device_name: String::new(),
            wh: wh.to_vec(),
            flags: flags.to_vec(),
        }
    }

    #[test]
    fn days_are_a_table_in_plain_words() {
        let table = EnergyTable {
            by: By::Day,
            dates: vec![date(2026, 6, 13), date(2026, 6, 14), date(2026, 6, 15)],
            rows: vec![
                energy_row(
                    "sun",
                    &[Some(21_534), Some(900), None],
                    &[DayFlags::default(), DayFlags::GAP, DayFlags::default()],
                ),
                energy_row("sun_house", &[Some(1), None, None], &[]),
                energy_row("import", &[Some(5), None, None], &[DayFlags::CORRECTED]),
                energy_row("charged", &[None, None, None], &[]),
            ],
        };
        let shown = energy_table(&table, |row| house_title(&row.series.key));
        assert_eq!(
            shown.text(),
            "              Sun   From grid
              kWh         kWh
2026-06-13  21.53        0.01*
2026-06-14   0.90~          -
Together    22.43        0.01

~ values are missing, * corrected by hand
"
        );
    }

    #[test]
    fn a_month_is_a_month() {
        assert_eq!(month("2026-06"), Ok(date(2026, 6, 1)));
        for wrong in ["2026", "2026-13", "2026-06-14", "x"] {
            assert!(month(wrong).is_err(), "{wrong}");
        }
    }
}
