//! `state` and `devices`: what is, for who asks.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::Visitor;
use super::board::BoardRows;
use super::describe::{Describer, DeviceDescription};
use super::device_now::DeviceNow;
use super::reply::{Asked, RefusalWords, WebRefusal};
use super::site::Site;
use crate::flow::LiveFlow;
use crate::model::Device;

/// What has been known before.
#[derive(Debug, Deserialize, IntoParams)]
pub struct StateQuery {
    /// The `rev` of an earlier answer or event: only what is newer is told, if that is still known.
    since: Option<u64>,
}

/// The latest state of the devices.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateAnswer {
    /// The number of the latest change.
    pub rev: u64,
    /// The time of the server, in seconds since 1970.
    pub now: i64,
    /// Whether these are all devices there are, and not only those that have changed.
    pub whole: bool,
    /// The devices, parents before their children.
    pub devices: Vec<DeviceNow>,
    /// Where the energy goes now; `null` as long as nobody knows.
    pub flow: Option<LiveFlow>,
    /// Devices that are gone since.
    pub removed: Vec<String>,
}

/// What all devices are.
#[derive(Debug, Serialize, ToSchema)]
pub struct DevicesAnswer {
    /// Parents before their children.
    pub devices: Vec<DeviceDescription>,
}

/// The latest state of all devices, or of those that have changed
#[utoipa::path(get, path = "/api/v1/state", params(StateQuery), responses(
    (status = 200, body = StateAnswer),
    (status = 401, body = RefusalWords),
))]
pub async fn state(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Asked(query): Asked<StateQuery>,
) -> Json<StateAnswer> {
    let now = site.now().as_second();
    Json(site.board.look(|board| {
        let since = query.since.filter(|since| board.can_go_on_from(*since));
        let newer = board.rows.iter().filter(|row| {
            // What is new and not numbered yet is told with what comes next.
            since.is_none_or(|since| row.rev > since)
        });
        StateAnswer {
            rev: board.rev,
            now,
            whole: since.is_none(),
            devices: newer
                .map(|row| row.whole(&board.discretion, visitor.rank))
                .collect(),
            flow: board.flow.clone(),
            removed: since.map_or_else(Vec::new, |since| board.removed_after(since)),
        }
    }))
}

/// What all devices are
#[utoipa::path(get, path = "/api/v1/devices", responses(
    (status = 200, body = DevicesAnswer),
    (status = 401, body = RefusalWords),
))]
pub async fn devices(State(site): State<Arc<Site>>, visitor: Visitor) -> Json<DevicesAnswer> {
    let devices = site.board.look(|board| {
        described(&site, &visitor, board, |describer| {
            let all = describer.all.iter();
            all.map(|device| describer.describe(device)).collect()
        })
    });
    Json(DevicesAnswer { devices })
}

/// What a device is
#[utoipa::path(get, path = "/api/v1/devices/{ref}", params(("ref" = String, Path)), responses(
    (status = 200, body = DeviceDescription),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
))]
pub async fn device(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Path(reference): Path<String>,
) -> Result<Json<DeviceDescription>, WebRefusal> {
    let found = site.board.look(|board| {
        let device = Arc::clone(&board.find(&reference)?.device);
        Some(described(&site, &visitor, board, |it| it.describe(&device)))
    });
    found.map(Json).ok_or_else(no_such_device)
}

/// There is none of this name.
pub fn no_such_device() -> WebRefusal {
    WebRefusal::not_found("there is no such device")
}

fn described<T>(
    site: &Site,
    visitor: &Visitor,
    board: &BoardRows,
    describe: impl FnOnce(&Describer<'_>) -> T,
) -> T {
    let all: Vec<Arc<Device>> = board
        .rows
        .iter()
        .map(|row| Arc::clone(&row.device))
        .collect();
    let front = site.front();
    let base_topic = site.inside().and_then(|inside| inside.base_topic);
    describe(&Describer {
        all: &all,
        key: &front.key,
        discretion: &board.discretion,
        base_topic: base_topic.as_deref(),
        rank: visitor.rank,
    })
}
