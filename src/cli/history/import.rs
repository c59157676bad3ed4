//! `wattbridge history import`: what another program or a device has kept.

mod moments;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use self::moments::{MomentValues, Taken, put};
use super::resolve::{ImportTarget, ImportTargets, NoTarget};
use super::{KeptHistory, day_after};
use crate::cli::setup::ConfigArgs;
use crate::cli::{CliError, runtime};
use crate::history::import::{
    ForeignFile, ForeignFormat, ForeignRow, ForeignTime, check_moment, check_value,
};
use crate::history::{
    Before, CounterKind, DayFlags, DayRow, History, HistoryError, HistoryReader, Imported,
    SeriesKey, energy_of_day,
};
use crate::model::{Behavior, Decimal};
use crate::terminal::{remark, say};

/// Values that are held before they are written.
const MOST_AT_ONCE: usize = 300_000;
/// Lines that are told one by one.
const MOST_TOLD: usize = 20;
/// For how long the disk is waited for.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
#[command(after_help = "\
What was measured here stays as it is: what is brought in fills days and slots that have nothing, and days that were \
not measured wholly, and is marked there. A line that cannot be used is told with its number and reason; all others \
are taken. The same file twice changes nothing. wattbridge may run meanwhile.

Files:
  CSV          device,key,time,value. Columns may have names in the first line
               (then in any order); a date alone is a whole day, kWh of counters
  se-logger    what the client of MariaDB prints of its tables
               telemetry_inverter and telemetry_optimizers, with column names
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
    moments: MomentValues,
    /// The last value of a counter of those that have become days.
    before: Option<Before>,
}

/// What of one series is handed over in one go.
struct ImportLot {
    series: SeriesKey,
    target: ImportTarget,
    days: BTreeMap<Date, Decimal>,
    values: BTreeMap<Timestamp, Decimal>,
    /// The ends of the slots of these values.
    slots: BTreeSet<i64>,
}

/// What became of one series.
#[derive(Debug, Default)]
struct SeriesOutcome {
    days: usize,
    slots: usize,
    /// How many of those there are already, and stay as they are.
    stays: usize,
    first: Option<Date>,
    last: Option<Date>,
}

/// What became of the file.
#[derive(Default)]
struct ImportReport {
    outcomes: BTreeMap<SeriesKey, SeriesOutcome>,
    refused: usize,
    repeated: usize,
    left_out: BTreeMap<NoTarget, usize>,
}

/// Where the values go.
struct Destination<'a> {
    /// Nowhere, if it is only to be said what would be done.
    history: Option<&'a History>,
    /// What is there already.
    reader: Option<HistoryReader>,
    runtime: &'a tokio::runtime::Runtime,
    zone: TimeZone,
    now: Timestamp,
    /// Of what is older, only days are kept.
    slots_since: Timestamp,
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
    let now = Timestamp::now();
    let keep =
        SignedDuration::try_from(kept.settings.keep_slots.get()).unwrap_or(SignedDuration::MAX);
    let mut destination = Destination {
        history: None,
        reader,
        runtime: &runtime,
        zone: kept.zone.clone(),
        now,
        slots_since: now.checked_sub(keep).unwrap_or(Timestamp::MIN),
    };
    if args.dry_run {
        return take(file, args, &targets, &destination)?.tell(true);
    }
    let history = kept.writer()?;
    destination.reader = Some(history.reader());
    destination.history = Some(&history);
    let report = take(file, args, &targets, &destination);
    history.flush(PATIENCE);
    drop(destination);
    history.close();
    report?.tell(false)
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
    targets: &ImportTargets,
    destination: &Destination<'_>,
) -> Result<ImportReport, CliError> {
    let now = destination.now;
    let today = now.to_zoned(destination.zone.clone()).date();
    let mut report = ImportReport::default();
    let mut gathered: BTreeMap<SeriesKey, Gathered> = BTreeMap::new();
    let mut held = 0;
    let name = args.file.display().to_string();
    loop {
        let next = file.next_row();
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
        if row.time == ForeignTime::Day(today) {
            report.refuse(row.line, &format!("{series}: the day is not over yet"));
            continue;
        }
        let checked = check_moment(row.time, now, today)
            .and_then(|()| check_value(target.metric.quantity, row.time, row.value));
        if let Err(why) = checked {
            report.refuse(row.line, &format!("{series}: {why}"));
            continue;
        }
        let of_series = gathered.entry(series).or_insert_with(|| Gathered {
            target,
            days: BTreeMap::new(),
            moments: MomentValues::default(),
            before: None,
        });
        let taken = of_series.take(&row);
        held = (held + taken.more).saturating_sub(taken.fewer);
        report.repeated += taken.again;
        for (line, why) in taken.refused {
            report.refuse(line, &format!("{}/{}: {why}", row.device, row.key));
        }
        if held >= MOST_AT_ONCE {
            report.hand_over(&mut gathered, destination, false)?;
            held = 0;
        }
    }
    for (series, of_series) in &mut gathered {
        for (line, why) in of_series.moments.refuse_doubted() {
            report.refuse(line, &format!("{series}: {why}"));
        }
    }
    report.hand_over(&mut gathered, destination, true)?;
    if file.lines() == 0 {
        return Err(anyhow!("{name}: there is nothing in it").into());
    }
    Ok(report)
}

impl Gathered {
    fn take(&mut self, row: &ForeignRow) -> Taken {
        match row.time {
            ForeignTime::Moment(at) => {
                let metric = &self.target.metric;
                self.moments.take(metric, row.line, at, row.value)
            }
            ForeignTime::Day(date) => {
                let mut taken = Taken::default();
                put(&mut self.days, date, row.value, row.line, &mut taken);
                taken
            }
        }
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
        gathered: &mut BTreeMap<SeriesKey, Gathered>,
        destination: &Destination<'_>,
        is_end: bool,
    ) -> Result<(), CliError> {
        let lots: Vec<ImportLot> = gathered
            .iter_mut()
            .map(|(series, of_series)| of_series.lot(series, destination, is_end))
            .collect();
        let stays = destination.stays(&lots).map_err(anyhow::Error::from)?;
        for lot in lots {
            let outcome = self.outcomes.entry(lot.series.clone()).or_default();
            let local = |at: &Timestamp| at.to_zoned(destination.zone.clone()).date();
            let moments = lot.values.keys();
            let ends = [moments.clone().next(), moments.last()];
            let ends = ends.into_iter().flatten().map(local);
            for date in lot.days.keys().copied().chain(ends) {
                outcome.first = Some(outcome.first.map_or(date, |first| first.min(date)));
                outcome.last = Some(outcome.last.map_or(date, |last| last.max(date)));
            }
            outcome.days += lot.days.len();
            outcome.slots += lot.slots.len();
            outcome.stays += stays.get(&lot.series).copied().unwrap_or(0);
            if let Some(history) = destination.history {
                let imported = Imported {
                    device: lot.target.device,
                    metric: lot.target.metric,
                    days: lot.days.into_iter().collect(),
                    values: lot.values.into_iter().collect(),
                };
                history.import(imported).map_err(anyhow::Error::from)?;
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

impl SeriesOutcome {
    fn words(&self, is_dry: bool) -> String {
        let mut found = Vec::new();
        if self.days > 0 {
            found.push(counted(self.days, "day", "days"));
        }
        if self.slots > 0 {
            found.push(counted(self.slots, "slot", "slots"));
        }
        let mut words = found.join(" and ");
        if let (Some(first), Some(last)) = (self.first, self.last) {
            words.push_str(&if first == last {
                format!(" of {first}")
            } else {
                format!(", {first} to {last}")
            });
        }
        let all = self.days + self.slots;
        let taken = all.saturating_sub(self.stays);
        let stays = match self.stays {
            1 => "1 is there already and stays".to_owned(),
            stays => format!("{stays} are there already and stay"),
        };
        let would = if is_dry { "would be taken" } else { "taken" };
        words.push_str(&match (taken, self.stays) {
            (_, 0) => format!("; all {would}"),
            (0, _) => format!("; {stays}"),
            _ => format!("; {taken} {would}, {stays}"),
        });
        words
    }
}

impl Gathered {
    /// Makes days of values that are too old for slots. Of a file that goes on, the last day waits for the rest of it.
    fn make_days(&mut self, destination: &Destination<'_>, is_end: bool) {
        let young = self.moments.values.split_off(&destination.slots_since);
        let old = std::mem::replace(&mut self.moments.values, young);
        let day_of = |at: &Timestamp| {
            // The slot that ends at midnight is of the day before.
            let within = at.checked_sub(1.nanoseconds()).unwrap_or(*at);
            within.to_zoned(destination.zone.clone()).date()
        };
        let mut by_day: BTreeMap<Date, Vec<(Timestamp, Decimal)>> = BTreeMap::new();
        for (at, value) in old {
            by_day.entry(day_of(&at)).or_default().push((at, value));
        }
        let is_open = !is_end && self.moments.values.is_empty();
        if is_open && let Some((_, open)) = by_day.pop_last() {
            self.moments.values.extend(open);
        }
        for (date, values) in by_day {
            if let Some(value) = self.day(&values) {
                self.days.entry(date).or_insert(value);
            }
        }
    }

    /// The energy of a day, or its mean.
    fn day(&mut self, values: &[(Timestamp, Decimal)]) -> Option<Decimal> {
        let metric = &self.target.metric;
        let decimals = metric.decimals;
        let kind = match metric.behavior {
            Behavior::LifetimeCounter => CounterKind::Lifetime,
            Behavior::DailyCounter => CounterKind::Daily,
            _ => {
                let sum = Decimal::total(values.iter().map(|(_, value)| (*value, false)));
                let count = i64::try_from(values.len()).ok()?;
                let fine = sum.with_scale(decimals + 1).mantissa();
                return Some(Decimal::new(fine / count, decimals + 1).with_scale(decimals));
            }
        };
        let scaled = |value: &Decimal| value.with_scale(decimals).mantissa();
        let numbers = values
            .iter()
            .map(|(at, value)| (at.as_second(), scaled(value)));
        let energy = energy_of_day(kind, decimals, self.before, numbers);
        self.before = values.last().map(|(at, value)| Before {
            value: scaled(value),
            at: Some(at.as_second()),
        });
        energy.map(|energy| Decimal::new(energy, decimals))
    }

    /// What is handed over of it now.
    fn lot(
        &mut self,
        series: &SeriesKey,
        destination: &Destination<'_>,
        is_end: bool,
    ) -> ImportLot {
        self.moments.note_latest();
        self.make_days(destination, is_end);
        let values = self.moments.values.split_off(&destination.slots_since);
        ImportLot {
            series: series.clone(),
            target: self.target.clone(),
            days: std::mem::take(&mut self.days),
            slots: values.keys().map(slot_end).collect(),
            values,
        }
    }
}

impl Destination<'_> {
    /// How many days and slots of each series are there and stay as they are.
    fn stays(&self, lots: &[ImportLot]) -> Result<BTreeMap<SeriesKey, usize>, HistoryError> {
        let mut counts = BTreeMap::new();
        let Some(reader) = &self.reader else {
            return Ok(counts);
        };
        let of: BTreeMap<&SeriesKey, &ImportLot> =
            lots.iter().map(|lot| (&lot.series, lot)).collect();
        let series: Vec<SeriesKey> = of.keys().map(|series| (*series).clone()).collect();
        let days = lots.iter().flat_map(|lot| lot.days.keys().copied());
        let days: BTreeSet<Date> = days.collect();
        let period = days.first().zip(days.last());
        for (from, to) in period.into_iter().flat_map(|(from, to)| months(*from, *to)) {
            let asked = reader.days(series.clone(), from, to);
            let there = self.runtime.block_on(asked)?;
            for row in &there.rows {
                let info = there.series.get(row.series);
                let lot = info.and_then(|info| Some((info, *of.get(&info.series)?)));
                let Some((info, lot)) = lot else { continue };
                let is_counter = lot.target.metric.is_counter();
                let decimals = info.about.decimals;
                let given = lot.days.get(&row.date);
                if given.is_some_and(|given| stays(&row.row, decimals, *given, is_counter)) {
                    *counts.entry(lot.series.clone()).or_default() += 1;
                }
            }
        }
        let day = |end: &i64| {
            let at = Timestamp::from_second(end - 1).unwrap_or_default();
            at.to_zoned(self.zone.clone()).date()
        };
        // Slots lie together by time: a day of all series is read as one.
        let days: BTreeSet<Date> = lots
            .iter()
            .flat_map(|lot| lot.slots.iter().map(day))
            .collect();
        for date in days {
            let asked = reader.slots(series.clone(), date, day_after(date));
            let there = self.runtime.block_on(asked)?;
            for row in &there.rows {
                let lot = there
                    .series
                    .get(row.series)
                    .and_then(|info| of.get(&info.series));
                let given = lot.filter(|lot| lot.slots.contains(&row.end.as_second()));
                if let Some(lot) = given {
                    *counts.entry(lot.series.clone()).or_default() += 1;
                }
            }
        }
        Ok(counts)
    }
}

/// Whether a day stays as it is, whatever is brought in.
fn stays(there: &DayRow, decimals: u8, given: Decimal, is_counter: bool) -> bool {
    let is_imported = there.flags.has(DayFlags::IMPORTED) && there.slots == 0;
    let is_less = there
        .value
        .is_none_or(|value| Decimal::new(value, decimals) < given.with_scale(decimals));
    let is_partial = there.flags.has(DayFlags::GAP) && is_counter && is_less;
    let same = Some(given.with_scale(decimals).mantissa());
    let is_same = there.value == same && is_imported;
    there.flags.has(DayFlags::CORRECTED) || is_same || !(is_imported || is_partial)
}

/// The end of the slot to which a moment belongs, in seconds since 1970.
fn slot_end(at: &Timestamp) -> i64 {
    at.as_second().saturating_add(299).div_euclid(300) * 300
}

/// From one day to another, which is among them, in pieces of at most a month.
fn months(from: Date, to: Date) -> impl Iterator<Item = (Date, Date)> {
    let end = day_after(to);
    let mut next = from;
    std::iter::from_fn(move || {
        let begin = next;
        next = begin.saturating_add(1.months()).min(end);
        (begin < next).then_some((begin, next))
    })
}

fn values(count: usize) -> String {
    counted(count, "value", "values")
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
