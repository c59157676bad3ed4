//! What is asked, and how its answers are read.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::gaps::TheirHour;
use super::hours::HOUR;
use super::messages::{RowValue, StatisticRow, StatisticRows, moment};
use crate::home_assistant::CoreCommand;

const DURING: &str = "recorder/statistics_during_period";

/// The months of these statistics from their beginning: the last one tells where they are.
pub fn since_ever(ids: &[String]) -> CoreCommand {
    let details = json!({
        "start_time": "1970-01-01T00:00:00+00:00",
        "statistic_ids": ids,
        "period": "month",
        "types": ["state", "sum"],
    });
    CoreCommand::new(DURING, details)
}

/// The hours from one to another, which is not among them.
pub fn hours(ids: &[String], (from, to): (i64, i64), types: &[&str]) -> CoreCommand {
    let details = json!({
        "start_time": moment(from),
        "end_time": moment(to),
        "statistic_ids": ids,
        "period": "hour",
        "types": types,
        // Not in the unit that somebody has chosen to see.
        "units": { "energy": "kWh" },
    });
    CoreCommand::new(DURING, details)
}

/// What these statistics are.
pub fn metadata(ids: &[String]) -> CoreCommand {
    CoreCommand::new(
        "recorder/get_statistics_metadata",
        json!({ "statistic_ids": ids }),
    )
}

/// The hours of a statistic.
pub fn their_hours(result: &Json, id: &str) -> Vec<TheirHour> {
    let rows = result.get(id).and_then(Json::as_array);
    let rows = rows.map(Vec::as_slice).unwrap_or_default().iter();
    let number = |row: &Json, name: &str| row.get(name).and_then(Json::as_f64);
    let mut hours: Vec<TheirHour> = rows
        .filter_map(|row| {
            Some(TheirHour {
                start: seconds(row.get("start")?)?,
                state: number(row, "state"),
                sum: number(row, "sum"),
            })
        })
        .collect();
    hours.sort_by_key(|hour| hour.start);
    hours
}

/// The start of the last month of a statistic that has a sum.
pub fn last_month(result: &Json, id: &str) -> Option<i64> {
    let months = their_hours(result, id);
    let mut months = months.iter().rev();
    months
        .find(|month| month.sum.is_some())
        .map(|month| month.start)
}

/// The unit of a statistic that has a sum.
pub fn unit_of(result: &Json, id: &str) -> Option<Option<String>> {
    let all = result.as_array()?.iter();
    let mut of_id = all.filter(|it| it.get("statistic_id").and_then(Json::as_str) == Some(id));
    let found = of_id.next()?;
    if found.get("has_sum").and_then(Json::as_bool) == Some(false) {
        return None;
    }
    let unit = found.get("statistics_unit_of_measurement");
    Some(unit.and_then(Json::as_str).map(str::to_owned))
}

/// What reads rows back after they were written.
pub fn written(all: &[StatisticRows]) -> Option<CoreCommand> {
    let ids: Vec<String> = all.iter().map(|one| one.statistic_id.clone()).collect();
    let starts = || all.iter().flat_map(|one| &one.rows).map(|row| row.start);
    let (from, to) = (starts().min()?, starts().max()? + HOUR);
    Some(hours(&ids, (from, to), &["state", "sum", "mean"]))
}

/// Whether these rows are there as they were written.
pub fn has_all(result: &Json, all: &[StatisticRows]) -> bool {
    all.iter().all(|one| {
        let there: BTreeMap<i64, &Json> = result
            .get(&one.statistic_id)
            .and_then(Json::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .filter_map(|row| Some((seconds(row.get("start")?)?, row)))
            .collect();
        one.rows
            .iter()
            .all(|row| is_there(row, there.get(&row.start).copied()))
    })
}

fn is_there(row: &StatisticRow, there: Option<&Json>) -> bool {
    let (name, value) = match row.value {
        RowValue::Counted { sum, .. } => ("sum", sum),
        RowValue::Measured { mean, .. } => ("mean", mean),
    };
    let found = there.and_then(|row| row.get(name)?.as_f64());
    found.is_some_and(|found| (found - value).abs() <= 1e-6 * value.abs().max(1.0))
}

/// It tells moments in milliseconds since 1970.
fn seconds(value: &Json) -> Option<i64> {
    let millis = value.as_f64()?;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "what is no moment saturates"
    )]
    Some((millis / 1000.0) as i64)
}
