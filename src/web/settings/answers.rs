//! What can be asked of the configuration.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::desk::{Checked, Desk, DeskError, EditedText, Saved, ShownFile};
use super::saved_file::{CopyFile, ReadOnly, SaveError};
use super::told::ToldProblem;
use crate::web::access::Visitor;
use crate::web::reply::{RefusalWords, Sent, WebRefusal};
use crate::web::site::Site;

/// What was wrong with a text that was not saved.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotSaved {
    error: String,
    hint: String,
    /// Everything that is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ToldProblem>,
    /// The file as it is by now, where somebody else has changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    present: Option<ShownFile>,
}

/// Copies of earlier versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Copies {
    /// The latest first.
    copies: Vec<ToldCopy>,
}

/// One of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToldCopy {
    name: String,
    /// When it was replaced, in seconds since 1970.
    at: i64,
    /// Its length in bytes.
    size: u64,
}

/// A copy as it may be shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct CopyText {
    text: String,
}

/// Whether it was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    ok: bool,
}

/// The configuration, without its secrets
///
/// `kept-1`, `kept-2` stand in place of secrets.
#[utoipa::path(get, path = "/api/v1/config", responses(
    (status = 200, body = ShownFile), (status = 401, body = RefusalWords), (status = 404, body = RefusalWords),
))]
pub async fn config(State(site): State<Arc<Site>>) -> Result<Json<ShownFile>, Response> {
    at_desk(&site, Desk::shown).await.map(Json)
}

/// What is wrong with an edited text
#[utoipa::path(post, path = "/api/v1/config/check", request_body = EditedText, responses(
    (status = 200, body = Checked), (status = 401, body = RefusalWords), (status = 404, body = RefusalWords),
))]
pub async fn check(
    State(site): State<Arc<Site>>,
    Sent(edited): Sent<EditedText>,
) -> Result<Json<Checked>, Response> {
    at_desk(&site, move |desk| desk.check(&edited))
        .await
        .map(Json)
}

/// Saves an edited text and has it used
#[utoipa::path(put, path = "/api/v1/config", request_body = EditedText, responses(
    (status = 200, body = Saved),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
    (status = 409, body = NotSaved, description = "somebody else has changed the file"),
    (status = 422, body = NotSaved, description = "something is wrong with it"),
    (status = 507, body = NotSaved, description = "it cannot be written there"),
))]
pub async fn save(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Sent(edited): Sent<EditedText>,
) -> Result<Json<Saved>, Response> {
    // When a file was replaced is the time of the computer, not that of a replay.
    let now = jiff::Timestamp::now();
    let saved = at_desk(&site, move |desk| desk.save(&edited, now)).await?;
    tracing::info!(
        "The configuration was changed on the page, from {}.",
        visitor.address
    );
    Ok(Json(saved))
}

/// Has the configuration used as it is on the disk
#[utoipa::path(post, path = "/api/v1/config/reload", responses(
    (status = 200, body = Done),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
    (status = 422, body = NotSaved),
))]
pub async fn reload(State(site): State<Arc<Site>>) -> Result<Json<Done>, Response> {
    at_desk(&site, Desk::reload).await?;
    Ok(Json(Done { ok: true }))
}

/// Copies of earlier versions
#[utoipa::path(get, path = "/api/v1/config/copies", responses(
    (status = 200, body = Copies), (status = 401, body = RefusalWords), (status = 404, body = RefusalWords),
))]
pub async fn copies(State(site): State<Arc<Site>>) -> Result<Json<Copies>, Response> {
    let told = |CopyFile { name, at, size }| ToldCopy {
        name,
        at: at.as_second(),
        size,
    };
    let copies = at_desk(&site, |desk| Ok(desk.copies())).await?;
    Ok(Json(Copies {
        copies: copies.into_iter().map(told).collect(),
    }))
}

/// A copy, without its secrets
///
/// What is made of it is saved with its name as `from`, since `kept-1` stands for a secret of the copy then.
#[utoipa::path(get, path = "/api/v1/config/copies/{name}", params(("name" = String, Path)), responses(
    (status = 200, body = CopyText), (status = 401, body = RefusalWords), (status = 404, body = NotSaved),
))]
pub async fn copy(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
) -> Result<Json<CopyText>, Response> {
    let text = at_desk(&site, move |desk| desk.copy(&name)).await?;
    Ok(Json(CopyText { text }))
}

/// What may stand in each section
#[utoipa::path(get, path = "/api/v1/config/schema", responses(
    (status = 200, description = "`{sections: [{name, list, about, example, schema}]}`"),
    (status = 401, body = RefusalWords), (status = 404, body = RefusalWords),
))]
pub async fn schema(State(site): State<Arc<Site>>) -> Result<Json<serde_json::Value>, Response> {
    at_desk(&site, |desk| Ok(desk.schema())).await.map(Json)
}

/// Reading and writing takes its time, on a slow card.
async fn at_desk<T: Send + 'static>(
    site: &Site,
    work: impl FnOnce(&Desk) -> Result<T, DeskError> + Send + 'static,
) -> Result<T, Response> {
    let Some(desk) = site.backstage.desk.clone() else {
        let none = WebRefusal::not_found("there is no configuration file here");
        return Err(none.into_response());
    };
    let done = tokio::task::spawn_blocking(move || work(&desk)).await;
    match done {
        Ok(done) => done.map_err(refusal),
        Err(error) => {
            tracing::error!("the configuration cannot be worked on: {error}");
            let words = "this went wrong; please report it with the log";
            Err(WebRefusal::new(StatusCode::INTERNAL_SERVER_ERROR, words, "").into_response())
        }
    }
}

fn refusal(error: DeskError) -> Response {
    let mut told = NotSaved {
        error: error.to_string(),
        hint: String::new(),
        problems: Vec::new(),
        present: None,
    };
    let status = match error {
        DeskError::Unreadable(_) => StatusCode::INTERNAL_SERVER_ERROR,
        DeskError::NoCopy => StatusCode::NOT_FOUND,
        DeskError::Wrong(problems) => {
            "mend what is marked".clone_into(&mut told.hint);
            told.problems = problems;
            StatusCode::UNPROCESSABLE_ENTITY
        }
        DeskError::Changed(present) => {
            "look at both, and save yours again if it is the right one".clone_into(&mut told.hint);
            told.present = Some(*present);
            StatusCode::CONFLICT
        }
        DeskError::ReadOnly(ReadOnly { hint, .. }) => {
            told.hint = hint;
            StatusCode::INSUFFICIENT_STORAGE
        }
        DeskError::NotSaved(error) => {
            let hint = match error {
                SaveError::Torn { .. } => "make room on the disk, and save again",
                _ => "the file is as it was; make room on the disk, or look at its log",
            };
            hint.clone_into(&mut told.hint);
            StatusCode::INSUFFICIENT_STORAGE
        }
    };
    (status, Json(told)).into_response()
}
