//! What can be asked of the log.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::book::{LogBook, LogLine, LogQuery};
use crate::web::reply::{Asked, RefusalWords, Sent, WebRefusal};
use crate::web::site::Site;

/// The longest time for which more is kept.
const LONGEST: u64 = 30;

/// Lines of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogPage {
    /// In their order, the latest of those that were asked for.
    lines: Vec<LogLine>,
    /// Whether there are earlier ones.
    more: bool,
    /// The sections that there are lines about.
    #[schema(value_type = Vec<String>)]
    devices: Vec<Arc<str>>,
    /// What more is kept of at the moment.
    detail: Option<ToldDetail>,
}

/// More than usual is kept for a while.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToldDetail {
    /// Of this section; of all if it is `null`.
    #[schema(value_type = Option<String>)]
    device: Option<Arc<str>>,
    /// How many seconds longer.
    seconds: u64,
}

/// What more is wanted of.
#[derive(Debug, Deserialize, ToSchema)]
pub struct WantedDetail {
    /// Of this section; of all without it.
    #[serde(default)]
    device: Option<String>,
    /// For so long, 30 at most; 0 ends it.
    minutes: u64,
}

/// The last lines of the log
#[utoipa::path(get, path = "/api/v1/log", params(LogQuery), responses(
    (status = 200, body = LogPage), (status = 401, body = RefusalWords), (status = 404, body = RefusalWords),
))]
pub async fn log(
    State(site): State<Arc<Site>>,
    Asked(query): Asked<LogQuery>,
) -> Result<Json<LogPage>, WebRefusal> {
    let book = book(&site)?;
    let (lines, more) = book.read(&query);
    Ok(Json(LogPage {
        lines,
        more,
        devices: book.devices(),
        detail: told(book),
    }))
}

/// More detail for a while
#[utoipa::path(post, path = "/api/v1/log/detail", request_body = WantedDetail, responses(
    (status = 200, body = Option<ToldDetail>, description = "`null` where no more is kept"),
    (status = 400, body = RefusalWords),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
))]
pub async fn detail(
    State(site): State<Arc<Site>>,
    Sent(wanted): Sent<WantedDetail>,
) -> Result<Json<Option<ToldDetail>>, WebRefusal> {
    let book = book(&site)?;
    if wanted.minutes > LONGEST {
        return Err(WebRefusal::new(
            StatusCode::BAD_REQUEST,
            "this is too long",
            format!("write {LONGEST} minutes at most"),
        ));
    }
    let time = Duration::from_secs(60 * wanted.minutes);
    book.keep_detail(wanted.device.as_deref(), time);
    let (book, stop) = (book.clone(), site.stop.clone());
    let answer = told(&book);
    tokio::spawn(async move {
        // Somebody may have asked for more meanwhile, and has a task of their own.
        let over = tokio::time::sleep(time);
        if stop.run_until_cancelled(over).await.is_some() {
            book.end_detail_in_time();
        }
    });
    Ok(Json(answer))
}

fn book(site: &Site) -> Result<&LogBook, WebRefusal> {
    let none = || WebRefusal::not_found("no log is kept here");
    site.backstage.log.as_ref().ok_or_else(none)
}

fn told(book: &LogBook) -> Option<ToldDetail> {
    let (device, left) = book.detailed()?;
    Some(ToldDetail {
        device,
        seconds: left.as_secs(),
    })
}
