//! `history/energy`: energies by days, months and years.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::desk::{HistoryDesk, refusal};
use super::period::days_of;
use crate::history::{By, DayFlags, EnergyOf, EnergyRow, SeriesKey};
use crate::model::DeviceId;
use crate::web::access::Visitor;
use crate::web::large::LargeAnswer;
use crate::web::reply::{Asked, RefusalWords, WebRefusal};
use crate::web::site::Site;

/// Three years of days, and as many months and years as there are.
const MOST_DAYS: i64 = 1_100;
const MOST_DAYS_OF_MONTHS: i64 = 90_000;

/// By what energies are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnergyBy {
    /// Days.
    Day,
    /// Months.
    Month,
    /// Years.
    Year,
}

/// Whose energies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnergyWhose {
    /// Those of the house.
    Total,
    /// Those of each device.
    Device,
    /// Those of each panel.
    Panel,
}

/// What is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EnergyQuery {
    /// `day`, `month` or `year`.
    by: EnergyBy,
    /// The first day, as 2026-06-14.
    from: String,
    /// The day after the last one.
    to: String,
    /// `total`, `device` or `panel`; `total` if it is left out.
    of: Option<EnergyWhose>,
}

/// Energies of a time.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnergyAnswer {
    /// By what they are summed up.
    pub by: EnergyBy,
    /// The days, or the first day of each month or year.
    #[schema(value_type = Vec<String>)]
    pub dates: Vec<String>,
    /// One row for each that has any.
    pub rows: Vec<EnergyRowAnswer>,
}

/// The energies of one.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnergyRowAnswer {
    /// The device, or `house`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The key of the value; of a panel that of its power.
    pub key: String,
    /// What a person calls it.
    pub name: String,
    /// Watt-hours by date; `null` where nothing is known.
    pub wh: Vec<Option<i64>>,
    /// What is special about some of them, by date: `gap` (values are missing), `corrected` (put in by hand),
    /// `imported`. Left out where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<Vec<Vec<&'static str>>>,
}

/// Energies by days, months or years
#[utoipa::path(get, path = "/api/v1/history/energy", params(EnergyQuery), responses(
    (status = 200, body = EnergyAnswer),
    (status = 400, body = RefusalWords),
    (status = 401, body = RefusalWords),
    (status = 503, body = RefusalWords),
))]
pub async fn energy(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Asked(query): Asked<EnergyQuery>,
    large: LargeAnswer,
) -> Result<Response, WebRefusal> {
    let most = match query.by {
        EnergyBy::Day => MOST_DAYS,
        EnergyBy::Month | EnergyBy::Year => MOST_DAYS_OF_MONTHS,
    };
    let (from, to) = days_of(&query.from, &query.to, most)?;
    let whose = query.of.unwrap_or(EnergyWhose::Total);
    let desk = HistoryDesk::open(&site, &visitor)?;
    let table = desk.reader.energy(query.by.into(), from, to, whose.into());
    let table = table.await.map_err(refusal)?;
    large
        .write(move || {
            let several = several(table.rows.iter().map(|row| &row.series));
            let rows = table.rows.into_iter();
            let rows = rows.map(|row| row_of(&desk, whose, row, &several));
            EnergyAnswer {
                by: query.by,
                dates: table.dates.iter().map(ToString::to_string).collect(),
                rows: rows.collect(),
            }
        })
        .await
}

fn row_of(
    desk: &HistoryDesk,
    whose: EnergyWhose,
    row: EnergyRow,
    several: &BTreeSet<DeviceId>,
) -> EnergyRowAnswer {
    let (key, name) = called(
        desk,
        whose,
        &row.series,
        [&row.name, &row.device_name],
        several,
    );
    EnergyRowAnswer {
        reference: desk.reference(&row.series.device),
        key,
        name,
        wh: row.wh,
        flags: flags_of(&row.flags),
    }
}

/// Devices that have more than one row.
pub fn several<'a>(rows: impl Iterator<Item = &'a SeriesKey>) -> BTreeSet<DeviceId> {
    let mut seen = BTreeSet::new();
    let twice = rows.filter(|row| !seen.insert(&row.device));
    twice.map(|row| row.device.clone()).collect()
}

/// Under which key a row stands, and what it is called: a device that has several rows is called with the name of the
/// value.
pub fn called(
    desk: &HistoryDesk,
    whose: EnergyWhose,
    series: &SeriesKey,
    [name, device_name]: [&str; 2],
    several: &BTreeSet<DeviceId>,
) -> (String, String) {
    let of_device = || desk.device_name(&series.device, device_name);
    let with_value = || format!("{}: {name}", of_device());
    match whose {
        EnergyWhose::Total => (series.key.clone(), name.to_owned()),
        EnergyWhose::Device if several.contains(&series.device) => {
            (series.key.clone(), with_value())
        }
        EnergyWhose::Device => (series.key.clone(), of_device()),
        EnergyWhose::Panel => match desk.panel(series) {
            Some((panel, title)) => (panel.place.key.clone(), title),
            // It is no longer there.
            None => (series.key.clone(), with_value()),
        },
    }
}

fn flags_of(flags: &[DayFlags]) -> Option<Vec<Vec<&'static str>>> {
    let words: Vec<Vec<&str>> = flags.iter().map(|it| it.words().collect()).collect();
    words.iter().any(|words| !words.is_empty()).then_some(words)
}

impl From<EnergyBy> for By {
    fn from(by: EnergyBy) -> Self {
        match by {
            EnergyBy::Day => Self::Day,
            EnergyBy::Month => Self::Month,
            EnergyBy::Year => Self::Year,
        }
    }
}

impl From<EnergyWhose> for EnergyOf {
    fn from(whose: EnergyWhose) -> Self {
        match whose {
            EnergyWhose::Total => Self::Total,
            EnergyWhose::Device => Self::Device,
            EnergyWhose::Panel => Self::Panel,
        }
    }
}

impl From<EnergyOf> for EnergyWhose {
    fn from(whose: EnergyOf) -> Self {
        match whose {
            EnergyOf::Total => Self::Total,
            EnergyOf::Device => Self::Device,
            EnergyOf::Panel => Self::Panel,
        }
    }
}
