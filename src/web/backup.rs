//! A backup for whoever asks for one: everything in one file.

use std::io::Read as _;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use super::access::Visitor;
use super::events::EventBody;
use super::login::confirm_password;
use super::reply::{RefusalWords, Sent, WebRefusal};
use super::site::Site;

/// Bytes that are sent at once.
const PIECE: usize = 64 * 1024;

/// Who wants one.
#[derive(Deserialize, ToSchema)]
pub struct BackupRequest {
    /// The password of the page once more, where it has one: all passwords are in a backup.
    #[serde(default)]
    password: Option<String>,
}

/// A backup of everything
///
/// It holds passwords and keys. `wattbridge restore` puts it back.
#[utoipa::path(post, path = "/api/v1/backup", request_body = BackupRequest, responses(
    (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
    (status = 401, body = RefusalWords, description = "the password is wrong"),
    (status = 404, body = RefusalWords),
    (status = 429, body = RefusalWords, description = "too many passwords were wrong"),
    (status = 507, body = RefusalWords, description = "it cannot be made"),
))]
pub async fn backup(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Sent(request): Sent<BackupRequest>,
) -> Result<Response, WebRefusal> {
    confirm_password(&site, &visitor, request.password).await?;
    let desk = site.backstage.desk.clone();
    let desk = desk.ok_or_else(|| WebRefusal::not_found("there is nothing to save here"))?;
    let failed = |words: String| {
        let hint = "make room on the disk, or use `wattbridge backup` with a folder on another one";
        WebRefusal::new(StatusCode::INSUFFICIENT_STORAGE, words, hint)
    };
    let made = tokio::task::spawn_blocking(move || desk.backup()).await;
    let made = made.map_err(|_| failed("the backup cannot be made".to_owned()))?;
    let mut file = made.map_err(failed)?;
    let length = file.metadata().map(|about| about.len()).unwrap_or_default();
    tracing::info!("A backup was made on the page by {visitor}.");
    let (sender, body) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let mut piece = vec![0; PIECE];
        while let Ok(count @ 1..) = file.read(&mut piece) {
            let part = piece.get(..count).unwrap_or_default();
            if sender.blocking_send(Bytes::copy_from_slice(part)).is_err() {
                // Nobody wants the rest.
                return;
            }
        }
    });
    let now = site.now().strftime("%Y%m%d-%H%M%S");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"wattbridge-{now}.backup\""),
        ),
    ];
    Ok((headers, Body::new(EventBody(body))).into_response())
}
