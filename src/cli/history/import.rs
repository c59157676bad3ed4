//! `wattbridge history import`: what another program or a device has kept.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::resolve::{ImportTarget, ImportTargets, NoTarget};
use super::{KeptHistory, day_after};
use crate::cli::setup::ConfigArgs;
use crate::cli::{CliError, runtime};
use crate::history::import::{
    ForeignFile, ForeignFormat, ForeignRow, ForeignTime, check_moment, check_value,
};
use crate::history::{DayFlags, History, HistoryReader, Imported, SeriesKey};
use crate::model::Decimal;
use crate::terminal::{remark, say};

/// Values that are held before they are written.
const MOST_AT_ONCE: usize = 100_000;
/// Lines that are told one by one.
const MOST_TOLD: usize = 20;
/// For how long the disk is waited for.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
#[command(after_help = "\
What was measured here stays as it is: what is brought in fills days and slots that have nothing, and days that were \
not measured wholly, and is marked there. A line that cannot be used is told with its number and reason; all others are taken. The same file twice \
changes nothing. wattbridge may run meanwhile.

Files:
  CSV          device,key,time,value. Columns may have names in the first line (then in
               any order); a date alone is a whole day, kWh of counters
  se-logger    what the client of MariaDB prints of its tables telemetry_inverter and
               telemetry_optimizers, with the names of the columns
  device       what `wattbridge victron history ... --json` and
               `wattbridge aps-ecu history ... --json` print

Examples:
  wattbridge history import old.csv --dry-run
  wattbridge history import old.csv
  mariadb -B -e 'SELECT inv_id, timestamp, e_total, p_active FROM
    telemetry_inverter' solaredge | wattbridge history import -
  wattbridge victron history /dev/ttyUSB0 --json | wattbridge history import -
  wattbridge aps-ecu history 192.168.1.50 --days 30 --json |
    wattbridge history import -")]
pub struct ImportArgs {
    /// The file; - is the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the file is, where that is not plain
    #[arg(long, value_name = "FORM")]
    from: Option<ImportForm>,
    /// Takes all values for those of this device, by its id
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// The unit of values of which nothing is known, such as kWh
    #[arg(long)]
    unit: Option<String>,
    /// How values behave of which nothing is known
    #[arg(long, value_parser = ["measurement", "lifetime", "daily"])]
    kind: Option<String>,
    /// Says what would be done, and changes nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ImportForm {
    /// device,key,time,value
    Csv,
    /// Tables of se-logger, as the client of MariaDB prints them
    SeLogger,
    /// What `wattbridge ADAPTER history --json` prints
    Device,
}

impl From<ImportForm> for ForeignFormat {
    fn from(form: ImportForm) -> Self {
        match form {
            ImportForm::Csv => Self::Csv,
            ImportForm::SeLogger => Self::SeLogger,
            ImportForm::Device => Self::Device,
        }
    }
}

/// The values of one series that have been read.
struct Gathered {
    target: ImportTarget,
    days: BTreeMap<Date, Decimal>,
    values: BTreeMap<Timestamp, Decimal>,
}

/// What became of one series.
#[derive(Debug, Default)]
struct Outcome {
    days: usize,
    slots: BTreeSet<i64>,
    taken: usize,
    known: usize,
    first: Option<Date>,
    last: Option<Date>,
}

/// What became of the file.
#[derive(Default)]
struct ImportReport {
    outcomes: BTreeMap<SeriesKey, Outcome>,
    refused: usize,
    repeated: usize,
    left_out: BTreeMap<NoTarget, usize>,
}

/// Where the values go.
enum Into<'a> {
    History(&'a History),
    /// Only what is there already is looked up.
    Nothing(Option<&'a HistoryReader>),
}

pub fn run(args: &ImportArgs) -> Result<(), CliError> {
    let kept = KeptHistory::of(&args.config)?;
    let input = open(&args.file)?;
    let runtime = runtime()?;
    let reader = kept.path.exists().then(|| kept.reader()).transpose()?;
    let known = match &reader {
        Some(reader) => runtime
            .block_on(reader.series())
            .map_err(anyhow::Error::from)?,
        None => Vec::new(),
    };
    let mut targets = ImportTargets::new(known);
    targets.unit = args.unit.clone();
    targets.kind = args.kind.clone();
    let file = ForeignFile::new(input, kept.zone.clone(), args.from.map(ForeignFormat::from));
    let report = if args.dry_run {
        let into = Into::Nothing(reader.as_ref());
        take(file, args, &kept, &targets, &into, &runtime)?
    } else {
        let history = kept.writer()?;
        let report = take(
            file,
            args,
            &kept,
            &targets,
            &Into::History(&history),
            &runtime,
        );
        history.flush(PATIENCE);
        history.close();
        report?
    };
    report.tell(args.dry_run)
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, CliError> {
    if path.as_os_str() == "-" {
        if std::io::stdin().is_terminal() {
            remark("Reading from the terminal; end with Ctrl+D.");
        }
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let about = std::fs::metadata(path).and_then(|about| {
        if about.is_dir() {
            Err(std::io::Error::other("it is a folder; name a file in it"))
        } else {
            File::open(path)
        }
    });
    let file = about.with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

fn take(
    mut file: ForeignFile<Box<dyn BufRead>>,
    args: &ImportArgs,
    kept: &KeptHistory,
    targets: &ImportTargets,
    into: &Into<'_>,
    runtime: &tokio::runtime::Runtime,
) -> Result<ImportReport, CliError> {
    let now = Timestamp::now();
    let today = now.to_zoned(kept.zone.clone()).date();
    let mut report = ImportReport::default();
    let mut gathered: BTreeMap<SeriesKey, Gathered> = BTreeMap::new();
    let mut held = 0;
    let name = args.file.display().to_string();
    loop {
        let next = file.next();
        let next = next.map_err(|error| anyhow!("{name}: {error}"))?;
        let mut row = match next {
            None => break,
            Some(Ok(row)) => row,
            Some(Err(refused)) => {
                report.refuse(refused.line, &refused.why.to_string());
                continue;
            }
        };
        if let Some(device) = &args.device {
            row.device.clone_from(device);
        }
        let (series, target) = match targets.of(&row) {
            Ok(found) => found,
            Err(why) => {
                *report.left_out.entry(why).or_default() += 1;
                continue;
            }
        };
        let checked = check_moment(row.time, now, today)
            .and_then(|()| check_value(target.metric.quantity, row.time, row.value));
        if let Err(why) = checked {
            report.refuse(row.line, &format!("{series}: {why}"));
            continue;
        }
        let of_series = gathered.entry(series).or_insert_with(|| Gathered {
            target,
            days: BTreeMap::new(),
            values: BTreeMap::new(),
        });
        match of_series.add(&row) {
            Added::New => held += 1,
            Added::Again => report.repeated += 1,
            Added::Otherwise => report.refuse(
                row.line,
                "an earlier line has another value for the same time, which was taken",
            ),
        }
        if held >= MOST_AT_ONCE {
            report.hand_over(std::mem::take(&mut gathered), into, runtime, kept)?;
            held = 0;
        }
    }
    report.hand_over(gathered, into, runtime, kept)?;
    if file.lines() == 0 {
        return Err(anyhow!("{name}: there is nothing in it").into());
    }
    Ok(report)
}

enum Added {
    New,
    Again,
    Otherwise,
}

impl Gathered {
    fn add(&mut self, row: &ForeignRow) -> Added {
        match row.time {
            ForeignTime::Day(date) => put(&mut self.days, date, row.value),
            ForeignTime::Moment(at) => put(&mut self.values, at, row.value),
        }
    }
}

fn put<K: Ord>(values: &mut BTreeMap<K, Decimal>, key: K, value: Decimal) -> Added {
    match values.entry(key) {
        Entry::Vacant(place) => {
            place.insert(value);
            Added::New
        }
        Entry::Occupied(there) if *there.get() == value => Added::Again,
        Entry::Occupied(_) => Added::Otherwise,
    }
}

impl ImportReport {
    /// Says why a line gives nothing; after some, only counts.
    fn refuse(&mut self, line: u64, why: &str) {
        self.refused += 1;
        match self.refused {
            ..=MOST_TOLD => remark(&format!("line {line}: {why}")),
            _ if self.refused == MOST_TOLD + 1 => {
                remark("More lines cannot be used; they are only counted from here on.");
            }
            _ => {}
        }
    }

    fn hand_over(
        &mut self,
        gathered: BTreeMap<SeriesKey, Gathered>,
        into: &Into<'_>,
        runtime: &tokio::runtime::Runtime,
        kept: &KeptHistory,
    ) -> Result<(), CliError> {
        for (series, of_series) in gathered {
            let outcome = self.outcomes.entry(series.clone()).or_default();
            let local = |at: &Timestamp| at.to_zoned(kept.zone.clone()).date();
            let days = of_series.days.keys().copied();
            let moments = of_series.values.keys();
            let ends = [moments.clone().next(), moments.last()];
            let ends = ends.into_iter().flatten().map(local);
            for date in days.clone().chain(ends) {
                outcome.first = Some(outcome.first.map_or(date, |first| first.min(date)));
                outcome.last = Some(outcome.last.map_or(date, |last| last.max(date)));
            }
            outcome.days += of_series.days.len();
            let slot = |at: &Timestamp| at.as_second().saturating_add(299).div_euclid(300);
            outcome.slots.extend(of_series.values.keys().map(slot));
            match into {
                Into::History(history) => {
                    let taken = history.import(Imported {
                        device: of_series.target.device,
                        metric: of_series.target.metric,
                        days: of_series.days.into_iter().collect(),
                        values: of_series.values.into_iter().collect(),
                    });
                    outcome.taken += taken.map_err(anyhow::Error::from)?;
                }
                Into::Nothing(Some(reader)) => {
                    let known = runtime.block_on(measured(reader, &series, &of_series.days));
                    outcome.known += known.map_err(anyhow::Error::from)?;
                }
                Into::Nothing(None) => {}
            }
        }
        Ok(())
    }

    fn tell(self, is_dry: bool) -> Result<(), CliError> {
        for (series, outcome) in &self.outcomes {
            say(&format!("{series}: {}", outcome.words(is_dry)));
        }
        for (why, count) in &self.left_out {
            remark(&format!("Left out, {}: {why}.", values(*count)));
        }
        if self.repeated > 0 {
            remark(&format!(
                "{} stood there more than once, and counted once.",
                values(self.repeated)
            ));
        }
        if self.refused > 0 {
            remark(&format!(
                "{} of the file could not be used.",
                counted(self.refused, "line", "lines")
            ));
        }
        if self.outcomes.is_empty() {
            return Err(anyhow!(
                "nothing in the file can be brought in; `wattbridge history import --help` shows what files look like"
            )
            .into());
        }
        if is_dry {
            say("Nothing was changed.");
        }
        Ok(())
    }
}

impl Outcome {
    fn words(&self, is_dry: bool) -> String {
        let mut found = Vec::new();
        if self.days > 0 {
            found.push(counted(self.days, "day", "days"));
        }
        if !self.slots.is_empty() {
            found.push(counted(self.slots.len(), "slot", "slots"));
        }
        let mut words = found.join(" and ");
        if let (Some(first), Some(last)) = (self.first, self.last) {
            words.push_str(&if first == last {
                format!(" of {first}")
            } else {
                format!(", {first} to {last}")
            });
        }
        if is_dry {
            if self.known > 0 {
                let known = counted(self.known, "day was", "days were");
                words.push_str(&format!("; {known} measured here and would stay"));
            }
            return words;
        }
        let all = self.days + self.slots.len();
        if self.taken >= all {
            words.push_str("; all taken");
        } else {
            words.push_str(&format!(
                "; {} taken, {} already there",
                self.taken,
                all - self.taken
            ));
        }
        words
    }
}

/// How many of some days were measured here, wholly.
async fn measured(
    reader: &HistoryReader,
    series: &SeriesKey,
    days: &BTreeMap<Date, Decimal>,
) -> Result<usize, crate::history::HistoryError> {
    let (Some((first, _)), Some((last, _))) = (days.first_key_value(), days.last_key_value())
    else {
        return Ok(0);
    };
    let (mut from, to) = (*first, day_after(*last));
    let mut count = 0;
    while from < to {
        let next = from.saturating_add(1.years()).min(to);
        if next <= from {
            break;
        }
        let there = reader.days(vec![series.clone()], from, next).await?;
        let is_measured =
            |flags: DayFlags| !flags.has(DayFlags::IMPORTED) && !flags.has(DayFlags::GAP);
        let there = there.rows.iter();
        count += there
            .filter(|row| days.contains_key(&row.date) && is_measured(row.row.flags))
            .count();
        from = next;
    }
    Ok(count)
}

fn values(count: usize) -> String {
    counted(count, "value", "values")
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
