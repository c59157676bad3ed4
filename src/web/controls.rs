//! Setting something on a device.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Visitor;
use super::reply::{RefusalWords, Sent, WebRefusal};
use super::site::Site;
use super::state::no_such_device;

/// What is to be set.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ControlRequest {
    /// As text: `ON`, `OFF`, a number, a word of the list, or `PRESS`.
    value: String,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ControlAnswer {
    /// Whether the device has done it.
    pub ok: bool,
    /// What the device confirmed.
    pub value: Option<serde_json::Value>,
    /// Why it has not.
    pub error: Option<String>,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// Sets something on a device
#[utoipa::path(post, path = "/api/v1/devices/{ref}/controls/{key}",
    params(("ref" = String, Path), ("key" = String, Path)), request_body = ControlRequest, responses(
        (status = 200, body = ControlAnswer),
        (status = 401, body = RefusalWords),
        (status = 404, body = RefusalWords),
))]
pub async fn set(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Path((reference, key)): Path<(String, String)>,
    Sent(request): Sent<ControlRequest>,
) -> Result<Json<ControlAnswer>, WebRefusal> {
    let inside = site.inside().ok_or_else(WebRefusal::asleep)?;
    let device = site.board.look(|board| {
        let row = board.find(&reference)?;
        Some(Arc::clone(&row.device))
    });
    let device = device.ok_or_else(no_such_device)?;
    if device.control(&key).is_none() {
        return Err(WebRefusal::not_found(
            "there is nothing of this name to be set on the device",
        ));
    }
    let commander = inside.hub.feed().commander();
    let outcome = commander
        .command(device.id.as_str(), &key, &request.value)
        .await;
    tracing::info!(
        "{}: {key} was set on the page by {visitor}: {}",
        device.name,
        if outcome.result.is_ok() {
            "done"
        } else {
            "not done"
        }
    );
    let (value, error) = match outcome.result {
        Ok(value) => (Some(value.to_json()), None),
        Err(error) => (None, Some(error)),
    };
    Ok(Json(ControlAnswer {
        ok: error.is_none(),
        value,
        error,
        at: inside.clock.now().as_second(),
    }))
}
