//! `devices/REF/health`: how a device was, and why.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::desk::{HistoryDesk, refusal};
use crate::history::{HealthChange, HealthDay};
use crate::model::HealthCode;
use crate::web::access::Visitor;
use crate::web::large::LargeAnswer;
use crate::web::reply::{Asked, RefusalWords, WebRefusal};
use crate::web::site::Site;

/// Days that are told where nothing else is asked for, and at most.
const USUAL_DAYS: u16 = 30;
const MOST_DAYS: u16 = 400;
/// Changes that are told: who changes more often than that is told by hours.
const MOST_CHANGES: usize = 1_000;

/// How far back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct HealthQuery {
    /// Days up to today, at most 400; 30 if it is left out.
    days: Option<u16>,
}

/// How a device was.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthAnswer {
    /// All changes, newest first.
    pub changes: Vec<HealthChangeAnswer>,
    /// Whether older ones are left out, as there are too many.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Hours of each day, the oldest first.
    pub days: Vec<HealthDayAnswer>,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthChangeAnswer {
    /// When, in seconds since 1970.
    pub at: i64,
    /// How it was from then on, as in its state; `null` while wattbridge was not running.
    pub code: Option<&'static str>,
    /// That in words.
    pub words: &'static str,
    /// Whether somebody should have looked after it.
    pub problem: bool,
    /// What was seen; may be empty.
    pub detail: String,
    /// What was to be done about it; may be empty.
    pub advice: String,
}

/// Hours of a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthDayAnswer {
    /// The day.
    pub date: String,
    /// Values arrived.
    pub online: f64,
    /// It rested as it should.
    pub asleep: f64,
    /// Somebody should have looked after it.
    pub trouble: f64,
    /// Nobody knows.
    pub unknown: f64,
}

/// How a device was in the last days, and why there were gaps
#[utoipa::path(get, path = "/api/v1/devices/{ref}/health", params(("ref" = String, Path), HealthQuery), responses(
    (status = 200, body = HealthAnswer),
    (status = 400, body = RefusalWords),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
    (status = 503, body = RefusalWords),
))]
pub async fn health(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Path(reference): Path<String>,
    Asked(query): Asked<HealthQuery>,
    large: LargeAnswer,
) -> Result<Response, WebRefusal> {
    let days = query.days.unwrap_or(USUAL_DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(WebRefusal::bad(
            format!("this can be asked for 1 to {MOST_DAYS} days"),
            "write days=30",
        ));
    }
    let desk = HistoryDesk::open(&site, &visitor)?;
    let device = desk.device(&reference).await?;
    let record = desk.reader.health(device, days, site.now()).await;
    let record = record.map_err(refusal)?;
    large
        .write(move || {
            let changes = record.changes.iter().take(MOST_CHANGES);
            HealthAnswer {
                changes: changes.map(|change| change_of(&desk, change)).collect(),
                more: record.changes.len() > MOST_CHANGES,
                days: record.days.iter().map(HealthDayAnswer::of).collect(),
            }
        })
        .await
}

fn change_of(desk: &HistoryDesk, change: &HealthChange) -> HealthChangeAnswer {
    HealthChangeAnswer {
        at: change.at.as_second(),
        code: change.code.map(HealthCode::code),
        words: change.code.map_or("wattbridge was not running", |code| {
            desk.language().health_word(code)
        }),
        problem: change.code.is_some_and(HealthCode::is_problem),
        detail: desk.say(&change.detail),
        advice: desk.say(&change.advice),
    }
}

impl HealthDayAnswer {
    fn of(day: &HealthDay) -> Self {
        // To the second: 24 hours are then still 24 hours.
        let rounded = |hours: f64| (hours * 1e4).round() / 1e4;
        Self {
            date: day.date.to_string(),
            online: rounded(day.online),
            asleep: rounded(day.asleep),
            trouble: rounded(day.trouble),
            unknown: rounded(day.unknown),
        }
    }
}
