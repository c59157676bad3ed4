//! `devices/REF/upload`: what of an upload has not arrived, and why not; and trying it at once.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::Visitor;
use super::history::desk::refusal;
use super::reply::{RefusalWords, WebRefusal};
use super::site::{Inside, Site};
use crate::history::{Cursor, GivenUp, HistoryError, Wanted};
use crate::model::DeviceId;
use crate::uploads::{KIND, NamedTarget};

/// Rows that were given up are named up to here, the newest.
const MOST_NAMED: usize = 100;

/// What of an upload has not arrived.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadAnswer {
    /// What commands call it: `wattbridge export preview TARGET`.
    pub target: String,
    /// Everything up to here is done with, in seconds since 1970; `null` where it has never run.
    pub done: Option<i64>,
    /// How many rows wait.
    pub waiting: i64,
    /// Since when the oldest of them waits, in seconds since 1970.
    pub since: Option<i64>,
    /// Rows that are never sent, the newest first.
    pub given_up: Vec<GivenUpAnswer>,
    /// How many older ones are left out.
    pub older: usize,
}

/// A row that is never sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct GivenUpAnswer {
    /// When its five minutes were over, in seconds since 1970.
    pub at: i64,
    /// Why, mostly in the words of the service.
    pub reason: String,
}

/// What became of the wish.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetryAnswer {
    /// How many rows that were given up are tried once more.
    pub again: usize,
}

/// What of an upload waits, and what was given up
#[utoipa::path(get, path = "/api/v1/devices/{ref}/upload", params(("ref" = String, Path)), responses(
    (status = 200, body = UploadAnswer),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
))]
pub async fn upload(
    State(site): State<Arc<Site>>,
    Path(reference): Path<String>,
) -> Result<Json<UploadAnswer>, WebRefusal> {
    let (inside, target) = find(&site, &reference)?;
    told(&inside, target).await.map(Json).map_err(refusal)
}

/// Has an upload try at once, also what was given up
///
/// It does so within a minute.
#[utoipa::path(post, path = "/api/v1/devices/{ref}/upload/retry", params(("ref" = String, Path)), responses(
    (status = 200, body = RetryAnswer),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
    (status = 409, body = RefusalWords),
))]
pub async fn retry(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Path(reference): Path<String>,
) -> Result<Json<RetryAnswer>, WebRefusal> {
    let (inside, target) = find(&site, &reference)?;
    let cursors = inside.history.cursors();
    if !cursors.hurry(&target.id).await.map_err(refusal)? {
        return Err(WebRefusal::new(
            StatusCode::CONFLICT,
            "this upload has never run",
            "it begins when the first five minutes are over",
        ));
    }
    let again = if takes_records(&target) {
        // What was given up of these is gone.
        0
    } else {
        let taken = cursors.take_back(&target.id).await;
        taken.map_err(refusal)?.len()
    };
    tracing::info!("{}: {visitor} has it try at once", target.id);
    Ok(Json(RetryAnswer { again }))
}

fn find(site: &Site, reference: &str) -> Result<(Inside, NamedTarget), WebRefusal> {
    let inside = site.inside().ok_or_else(WebRefusal::asleep)?;
    let key = site.front().key.clone();
    let is_it =
        |target: &&NamedTarget| key.reference(&DeviceId::new(KIND, &target.id)) == reference;
    let found = inside.uploads.iter().find(is_it).cloned();
    let found = found.ok_or_else(|| WebRefusal::not_found("there is no such upload"))?;
    Ok((inside, found))
}

fn takes_records(target: &NamedTarget) -> bool {
    target.plan.records_of().is_some()
}

async fn told(inside: &Inside, target: NamedTarget) -> Result<UploadAnswer, HistoryError> {
    let cursors = inside.history.cursors();
    let cursor = cursors.load(&target.id).await?;
    let (waiting, since) = match &cursor {
        Some(_) if takes_records(&target) => {
            let oldest = cursors.records(&target.id, 1).await?;
            let waiting = cursors.count_records(&target.id).await?;
            (waiting, oldest.first().map(|record| record.at))
        }
        Some(cursor) => slots(inside, &target.id, cursor).await?,
        None => (0, None),
    };
    let mut given_up = cursors.given_up(&target.id).await?;
    let older = given_up.len().saturating_sub(MOST_NAMED);
    let newest = given_up.split_off(older).into_iter().rev();
    Ok(UploadAnswer {
        target: target.id,
        done: cursor.map(|cursor| cursor.done),
        waiting,
        since,
        given_up: newest
            .map(|GivenUp { slot, reason }| GivenUpAnswer { at: slot, reason })
            .collect(),
        older,
    })
}

/// How many slots wait, and since when the oldest does.
async fn slots(
    inside: &Inside,
    key: &str,
    cursor: &Cursor,
) -> Result<(i64, Option<i64>), HistoryError> {
    let cursors = inside.history.cursors();
    let closed = *inside.history.closed().borrow();
    let (done, closed) = (cursor.done, closed.unwrap_or(cursor.done));
    let waiting = cursors.count_between(done, closed).await? + cursors.count_dirty(key).await?;
    let changed = cursors.dirty(key, (i64::MIN, done), 1).await?;
    if let Some(changed) = changed.first() {
        return Ok((waiting, Some(changed.slot)));
    }
    let any = Wanted {
        series: Box::new(|_, _| true),
        energies: Vec::new(),
        words: false,
    };
    let reader = inside.history.reader();
    let stretch = reader.stretch(any, (done, closed), 1).await?;
    let first = stretch.slots.first().map(|slot| slot.end);
    Ok((waiting, first))
}
