//! `history/power` and `history/usual`: curves of days.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::desk::{HistoryDesk, refusal, too_much};
use super::period::{day_of, days_between, days_of};
use crate::history::{PowerCurves, SeriesKey};
use crate::web::access::Visitor;
use crate::web::large::LargeAnswer;
use crate::web::reply::{Asked, RefusalWords, WebRefusal};
use crate::web::site::Site;

/// Five minutes, and an hour.
const STEPS: [i64; 2] = [300, 3600];
/// Values of one answer: a fortnight of 24 panels, or eleven months of one. A year of five minutes is refused.
const MOST_VALUES: i64 = 100_000;
const MOST_DAYS: i64 = 4_000;
const SECONDS_OF_DAY: i64 = 86_400;

/// What is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PowerQuery {
    /// `REF/KEY`, several with commas; the house has `house/sun`, `house/house`, `house/grid`, `house/battery`,
    /// `house/battery_level`.
    series: String,
    /// The first day, as 2026-06-14.
    from: String,
    /// The day after the last one.
    to: String,
    /// Seconds of a slot: 300 or 3600.
    step: Option<i64>,
}

/// Curves, slot by slot.
#[derive(Debug, Serialize, ToSchema)]
pub struct PowerAnswer {
    /// The start of the first slot, in seconds since 1970.
    pub t0: i64,
    /// Seconds of a slot.
    pub step: i64,
    /// The series in the order in which they were asked for.
    pub series: Vec<SeriesAnswer>,
}

/// One curve.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesAnswer {
    /// The device, or `house`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The key of the value.
    pub key: String,
    /// The value is `v / 10^scale`.
    pub scale: u8,
    /// The mean of each slot; `null` where nothing is known.
    pub v: Vec<Option<i64>>,
}

/// Which day, and of what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct UsualQuery {
    /// A key of the house: `sun`, `house`, `grid`.
    key: Option<String>,
    /// Or `REF/KEY` of a device.
    series: Option<String>,
    /// The day, as 2026-06-14.
    day: String,
}

/// What is usual for a day, by the 14 days before it.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsualAnswer {
    /// The start of the first slot, in seconds since 1970.
    pub t0: i64,
    /// Seconds of a slot.
    pub step: i64,
    /// The value is `v / 10^scale`.
    pub scale: u8,
    /// Below this is one day of five.
    pub low: Vec<Option<i64>>,
    /// The mean.
    pub mean: Vec<Option<i64>>,
    /// Above this is one day of five.
    pub high: Vec<Option<i64>>,
}

/// Power and other values, slot by slot
#[utoipa::path(get, path = "/api/v1/history/power", params(PowerQuery), responses(
    (status = 200, body = PowerAnswer),
    (status = 400, body = RefusalWords),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
    (status = 503, body = RefusalWords),
))]
pub async fn power(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Asked(query): Asked<PowerQuery>,
    large: LargeAnswer,
) -> Result<Response, WebRefusal> {
    let step = query.step.unwrap_or(300);
    if !STEPS.contains(&step) {
        return Err(WebRefusal::bad(
            "a slot has 300 or 3600 seconds",
            "write step=300",
        ));
    }
    let (from, to) = days_of(&query.from, &query.to, MOST_DAYS)?;
    let desk = HistoryDesk::open(&site, &visitor)?;
    let series = desk.series(&query.series).await?;
    let count = i64::try_from(series.len()).unwrap_or(i64::MAX);
    let slots = days_between(from, to) * (SECONDS_OF_DAY / step);
    if slots.saturating_mul(count) > MOST_VALUES {
        return Err(too_much());
    }
    let curves = desk
        .reader
        .power(series, from, to, step)
        .await
        .map_err(refusal)?;
    large.write(move || told(&desk, curves, to)).await
}

fn told(desk: &HistoryDesk, curves: PowerCurves, to: Date) -> PowerAnswer {
    let calendar = desk.reader.calendar();
    let length = (calendar.midnight(to) - curves.start.as_second()).max(0) / curves.step;
    let length = usize::try_from(length).unwrap_or(0);
    let series = curves.series.into_iter().map(|mut curve| {
        // Of what is not kept, nothing is known.
        if curve.values.is_empty() {
            curve.values = vec![None; length];
        }
        SeriesAnswer {
            reference: desk.reference(&curve.series.device),
            key: curve.series.key,
            scale: curve.scale,
            v: curve.values,
        }
    });
    PowerAnswer {
        t0: curves.start.as_second(),
        step: curves.step,
        series: series.collect(),
    }
}

/// What is usual for a day
#[utoipa::path(get, path = "/api/v1/history/usual", params(UsualQuery), responses(
    (status = 200, body = UsualAnswer),
    (status = 400, body = RefusalWords),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
    (status = 503, body = RefusalWords),
))]
pub async fn usual(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Asked(query): Asked<UsualQuery>,
) -> Result<Json<UsualAnswer>, WebRefusal> {
    let day = day_of(&query.day)?;
    let desk = HistoryDesk::open(&site, &visitor)?;
    let series = match (query.key, query.series) {
        (Some(key), None) => Some(SeriesKey::house(key)),
        (None, Some(series)) => desk.series(&series).await?.into_iter().next(),
        _ => None,
    };
    let series = series.ok_or_else(|| {
        WebRefusal::bad(
            "it is not said what is usual",
            "write key=sun, or series=REF/KEY",
        )
    })?;
    let usual = desk.reader.usual(series, day).await.map_err(refusal)?;
    Ok(Json(UsualAnswer {
        t0: usual.start.as_second(),
        step: usual.step,
        scale: usual.scale,
        low: usual.low,
        mean: usual.mean,
        high: usual.high,
    }))
}
