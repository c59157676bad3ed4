//! `wattbridge export`: where the history is sent, what waits, what would be sent, what is sent once more.

use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::history::KeptHistory;
use super::setup::ConfigArgs;
use super::{CliError, runtime};
use crate::history::{Calendar, Cursor, Cursors, HistoryError, HistoryReader};
use crate::terminal::{remark, say, visible};
use crate::uploads::{Courier, LeftTarget, NamedTarget, Parcel, Uploads, preview, preview_records};

/// Requests that are shown where nothing is said.
const USUAL_REQUESTS: usize = 3;

/// Shows where the history is sent and what waits; sends once more, passes over, tries what was given up
#[derive(Debug, Args)]
#[command(after_help = "\
All of it may be done while wattbridge runs. A target is named as `status` shows it, such as pvoutput_12345, or by its \
service alone if there is only one.

Examples:
  wattbridge export status
  wattbridge export preview pvoutput            what would be sent next
  wattbridge export preview influxdb --since 2026-06-01 --limit 1
  wattbridge export send influxdb --since 2026-01-01
  wattbridge export skip pvoutput --until 2026-06-14
  wattbridge export given-up pvoutput
  wattbridge export retry pvoutput")]
pub struct ExportArgs {
    #[command(subcommand)]
    task: ExportTask,
}

#[derive(Debug, Subcommand)]
enum ExportTask {
    /// Shows each target: how it is, how far it has come, what waits
    Status {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Prints what would be sent, exactly and without secrets; sends nothing
    Preview {
        /// Which target
        target: String,
        /// From this day on; left out, what has not been sent
        #[arg(long, value_name = "YYYY-MM-DD")]
        since: Option<Date>,
        /// The last day
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: Option<Date>,
        /// So many requests at most
        #[arg(long, value_name = "N", default_value_t = USUAL_REQUESTS)]
        limit: usize,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Sends everything once more from a day on, where the service overwrites
    Send {
        /// Which target
        target: String,
        /// The first day
        #[arg(long, value_name = "YYYY-MM-DD")]
        since: Date,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Passes over what has not been sent, through a day
    Skip {
        /// Which target
        target: String,
        /// The last day that is passed over
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: Date,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Lists the slots that were given up, with the reason
    GivenUp {
        /// Which target
        target: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Tries without waiting any longer, and what was given up once more
    Retry {
        /// Which target
        target: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// What all of them work with.
struct Desk {
    uploads: Uploads,
    reader: HistoryReader,
    cursors: Cursors,
    calendar: Calendar,
}

impl Desk {
    /// To look at: the file stays as it is, and may be that of another user or of another version.
    fn open(args: &ConfigArgs) -> Result<Self, CliError> {
        Self::over(args, Cursors::to_look_at)
    }

    /// To change something.
    fn open_to_change(args: &ConfigArgs) -> Result<Self, CliError> {
        Self::over(args, Cursors::beside)
    }

    fn over(
        args: &ConfigArgs,
        cursors: impl FnOnce(&Path) -> Result<Cursors, HistoryError>,
    ) -> Result<Self, CliError> {
        let file = args.file()?;
        let (mut uploads, problems) = Uploads::read(&file);
        if let Some(core) = args.app().and_then(|app| app.core()) {
            uploads.meet_core(&core);
        }
        for problem in &problems {
            remark(&problem.to_string());
        }
        let kept = KeptHistory::of(args)?;
        let reader = kept.reader()?;
        Ok(Self {
            uploads,
            reader,
            cursors: cursors(&kept.path).map_err(anyhow::Error::from)?,
            calendar: Calendar::new(kept.zone),
        })
    }

    fn find(&self, word: &str) -> Result<NamedTarget, CliError> {
        let found = self.uploads.find(word);
        found.map_err(|words| anyhow!(words).into())
    }

    /// Targets that no section names any more.
    async fn left(&self) -> Result<Vec<LeftTarget>, anyhow::Error> {
        Ok(self.uploads.succession().left(&self.cursors).await?)
    }

    /// How far a target has come.
    async fn cursor(&self, target: &NamedTarget) -> Result<Cursor, anyhow::Error> {
        let cursor = self.cursors.load(&target.id).await?;
        cursor.ok_or_else(|| {
            anyhow!(
                "{} has never run; it begins when wattbridge does",
                target.id
            )
        })
    }

    fn local(&self, seconds: i64) -> String {
        let at = Timestamp::from_second(seconds).unwrap_or_default();
        let at: Zoned = at.to_zoned(self.calendar.zone().clone());
        at.strftime("%Y-%m-%d %H:%M").to_string()
    }
}

pub fn run(args: &ExportArgs) -> Result<(), CliError> {
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        match &args.task {
            ExportTask::Status { config } => status(&Desk::open(config)?).await,
            ExportTask::Preview {
                target,
                since,
                until,
                limit,
                config,
            } => show(&Desk::open(config)?, target, (*since, *until), *limit).await,
            ExportTask::Send {
                target,
                since,
                config,
            } => send(&Desk::open_to_change(config)?, target, *since).await,
            ExportTask::Skip {
                target,
                until,
                config,
            } => skip(&Desk::open_to_change(config)?, target, *until).await,
            ExportTask::GivenUp { target, config } => given_up(&Desk::open(config)?, target).await,
            ExportTask::Retry { target, config } => {
                retry(&Desk::open_to_change(config)?, target).await
            }
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn status(desk: &Desk) -> Result<(), CliError> {
    let targets: Vec<NamedTarget> = desk.uploads.all().collect();
    if targets.is_empty() {
        say(
            "Nothing is sent anywhere: the configuration has no section of a service that is switched on.",
        );
        return Ok(());
    }
    let now = Timestamp::now().as_second();
    for target in targets {
        let Some(cursor) = desk
            .cursors
            .load(&target.id)
            .await
            .map_err(anyhow::Error::from)?
        else {
            say(&format!("{}\n  it has never run", target.id));
            continue;
        };
        let counts = async {
            let new = desk.cursors.count_between(cursor.done, now).await?;
            let again = desk.cursors.count_dirty(&target.id).await?;
            let records = desk.cursors.count_records(&target.id).await?;
            let given_up = desk.cursors.given_up(&target.id).await?.len();
            Ok::<_, anyhow::Error>((new, again, records, given_up))
        };
        let (new, again, records, given_up) = counts.await?;
        let success = cursor
            .success
            .map_or_else(|| "never".to_owned(), |at| desk.local(at));
        let mut waits = match new {
            0 => "nothing waits".to_owned(),
            1 => "1 slot waits".to_owned(),
            new => format!("{new} slots wait"),
        };
        if again > 0 {
            waits += &format!(", {again} to be sent once more");
        }
        if target.plan.records_of().is_some() {
            waits = format!("{records} records wait");
        }
        say(&format!(
            "{}\n  {}\n  done through {}; {waits}; {given_up} given up\n  last success: {success}",
            target.id,
            visible(&cursor.health),
            desk.local(cursor.done),
        ));
    }
    for left in desk.left().await? {
        say(&format!("{}\n  {}", left.name(), left.advice()));
    }
    Ok(())
}

async fn show(
    desk: &Desk,
    word: &str,
    (since, until): (Option<Date>, Option<Date>),
    limit: usize,
) -> Result<(), CliError> {
    let named = desk.find(word)?;
    let cursor = desk
        .cursors
        .load(&named.id)
        .await
        .map_err(anyhow::Error::from)?;
    let now = Timestamp::now();
    let day_ago = || now.saturating_sub(SignedDuration::from_hours(24));
    let after = match (since, &cursor) {
        (Some(date), _) => desk.calendar.midnight(date),
        (None, Some(cursor)) => cursor.done,
        (None, None) => day_ago().map_or(0, Timestamp::as_second),
    };
    let through = until.and_then(|date| date.tomorrow().ok());
    let through = through.map_or(now.as_second(), |date| desk.calendar.midnight(date));
    let mut target = named.plan.target().map_err(anyhow::Error::from)?;
    if let Some(cursor) = &cursor {
        target.remember(&cursor.memory);
    }
    if named.plan.records_of().is_some() {
        let most = limit.saturating_mul(target.most_slots());
        let records = desk.cursors.records(&named.id, most).await;
        let mut records = records.map_err(anyhow::Error::from)?;
        let from = since.map_or(i64::MIN, |date| desk.calendar.midnight(date));
        records.retain(|record| (from..through).contains(&record.at));
        print(
            desk,
            &named,
            preview_records(target.as_mut(), &records, limit, now),
        );
        return Ok(());
    }
    let parcels = preview(
        target.as_mut(),
        &Courier::of(named.plan.as_ref()).map_err(anyhow::Error::from)?,
        &desk.reader,
        (after, through),
        limit,
        now,
    )
    .await;
    print(desk, &named, parcels.map_err(anyhow::Error::from)?);
    Ok(())
}

fn print(desk: &Desk, named: &NamedTarget, parcels: Vec<Parcel>) {
    if parcels.is_empty() {
        say(&format!("{} would get nothing of this time.", named.id));
    }
    for parcel in parcels {
        for given in &parcel.skipped {
            say(&format!(
                "# {} is passed over: {}",
                desk.local(given.slot),
                visible(&given.reason)
            ));
        }
        if let Some((_, why)) = &parcel.not_before {
            say(&format!("# {}", visible(&why.to_string())));
        }
        if let Some(errand) = &parcel.errand {
            say(&visible(errand.to_string().trim_end()));
        }
    }
}

async fn send(desk: &Desk, word: &str, since: Date) -> Result<(), CliError> {
    let target = desk.find(word)?;
    let cursor = desk.cursor(&target).await?;
    if target.plan.records_of().is_some() {
        return Err(anyhow!(
            "{} gets what devices say as it comes, and nobody keeps that once it has arrived",
            target.id
        )
        .into());
    }
    if !cursor.again {
        return Err(anyhow!(
            "{} takes nothing twice: what is sent once more would be counted once more",
            target.id
        )
        .into());
    }
    let times = vec![(desk.calendar.midnight(since), cursor.done)];
    let count = desk
        .cursors
        .doubt(&target.id, times)
        .await
        .map_err(anyhow::Error::from)?;
    desk.cursors
        .hurry(&target.id)
        .await
        .map_err(anyhow::Error::from)?;
    say(&format!(
        "{} sent once more when wattbridge runs.",
        counted(i64::try_from(count).unwrap_or(i64::MAX))
    ));
    Ok(())
}

async fn skip(desk: &Desk, word: &str, until: Date) -> Result<(), CliError> {
    if let Some(left) = desk.left().await?.into_iter().find(|it| it.key == word) {
        return forget(desk, &left, until).await;
    }
    let target = desk.find(word)?;
    let cursor = desk.cursor(&target).await?;
    let through = until.tomorrow().unwrap_or(Date::MAX);
    let through = desk
        .calendar
        .midnight(through)
        .min(Timestamp::now().as_second());
    let slots = async {
        let slots = desk.cursors.count_between(cursor.done, through).await?;
        let records = desk.cursors.count_records(&target.id).await?;
        desk.cursors.skip(&target.id, through).await?;
        let left = desk.cursors.count_records(&target.id).await?;
        Ok::<_, anyhow::Error>((slots, records - left))
    };
    let (slots, records) = slots.await?;
    say(&if target.plan.records_of().is_some() {
        format!("{records} records are passed over.")
    } else {
        format!("{} passed over.", counted(slots))
    });
    Ok(())
}

/// The same for a target that no section names any more.
async fn forget(desk: &Desk, left: &LeftTarget, until: Date) -> Result<(), CliError> {
    if desk
        .calendar
        .midnight(until.tomorrow().unwrap_or(Date::MAX))
        < Timestamp::now().as_second()
    {
        return Err(anyhow!(
            "no section names {} any more, so that it is forgotten as a whole; write --until with today",
            left.name()
        )
        .into());
    }
    let forgotten = desk.cursors.forget(&left.key).await;
    forgotten.map_err(anyhow::Error::from)?;
    say(&format!("{} is forgotten.", left.name()));
    Ok(())
}

/// So many slots are.
fn counted(slots: i64) -> String {
    match slots {
        1 => "1 slot is".to_owned(),
        slots => format!("{slots} slots are"),
    }
}

async fn given_up(desk: &Desk, word: &str) -> Result<(), CliError> {
    let target = desk.find(word)?;
    let all = desk
        .cursors
        .given_up(&target.id)
        .await
        .map_err(anyhow::Error::from)?;
    if all.is_empty() {
        say("Nothing was given up.");
    }
    for given in all {
        say(&format!(
            "{}  {}",
            desk.local(given.slot),
            visible(&given.reason)
        ));
    }
    Ok(())
}

async fn retry(desk: &Desk, word: &str) -> Result<(), CliError> {
    let target = desk.find(word)?;
    let cursor = desk.cursor(&target).await?;
    let slots = async {
        let given_up = desk.cursors.given_up(&target.id).await?.len();
        // What was given up of records is gone.
        let takes_back = cursor.again && target.plan.records_of().is_none();
        if takes_back {
            desk.cursors.take_back(&target.id).await?;
        }
        desk.cursors.hurry(&target.id).await?;
        Ok::<_, anyhow::Error>((given_up, takes_back))
    };
    let mut words = "It tries within a minute, if wattbridge runs".to_owned();
    words += &match slots.await? {
        (0, _) => ".".to_owned(),
        (1, true) => ", and 1 slot that was given up once more.".to_owned(),
        (slots, true) => format!(", and {slots} slots that were given up once more."),
        (_, false) if target.plan.records_of().is_some() => {
            ". What was given up is gone: nobody keeps it as it came.".to_owned()
        }
        (_, false) => format!(
            ". What was given up stays so: {} takes nothing twice, and nothing late.",
            target.id
        ),
    };
    say(&words);
    Ok(())
}
