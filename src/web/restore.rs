//! A backup that is sent, looked through, and put back when somebody has seen what is in it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use utoipa::ToSchema;

use super::access::Visitor;
use super::reply::{RefusalWords, Sent, WebRefusal};
use super::settings::{Desk, FoundBackup, RestoreRefusal};
use super::site::Site;

/// No backup that comes by the page is larger.
const LARGEST: u64 = 1 << 30;
/// How long nothing may come of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long what was found waits for somebody to say yes.
const WAITS: Duration = Duration::from_secs(15 * 60);
/// How long everything may take to stop, and to be put in its place.
const SWAP: Duration = Duration::from_secs(120);
/// What stays free on the disk.
const SPARE: u64 = 32 << 20;
/// After so many bytes the disk is looked at again.
const LOOK_EVERY: u64 = 16 << 20;

/// What was found, to be put back or thrown away.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RestoreRequest {
    /// The `token` of what was found.
    token: String,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct RestoreAnswer {
    /// Where what was there is kept.
    kept: Vec<String>,
}

/// Sends a backup, to see what is in it
///
/// Nothing is changed by that. What was found waits for a quarter of an hour.
#[utoipa::path(post, path = "/api/v1/restore",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses(
    (status = 200, body = FoundBackup),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
    (status = 409, body = RefusalWords, description = "another one is being sent or put back"),
    (status = 413, body = RefusalWords, description = "it is larger than 1 GiB"),
    (status = 422, body = RefusalWords, description = "it cannot be put back"),
    (status = 507, body = RefusalWords, description = "there is no room for it"),
))]
pub async fn look_through(
    State(site): State<Arc<Site>>,
    request: Request,
) -> Result<Json<FoundBackup>, WebRefusal> {
    let desk = desk_of(&site)?;
    let turn = desk.restore_turn().ok_or_else(|| {
        let words = "another backup is being sent at the moment";
        WebRefusal::new(StatusCode::CONFLICT, words, "try again in a minute")
    })?;
    let asked = desk.clone();
    let place = tokio::task::spawn_blocking(move || asked.sent_file()).await;
    let sent = SentFile {
        path: place.map_err(|_| went_wrong())?,
        turn: Some(turn),
    };
    if let Err(refused) = receive(&desk, &sent, request).await {
        let _ = tokio::task::spawn_blocking(move || sent.remove()).await;
        return Err(refused);
    }
    let worker = desk.clone();
    let found = tokio::task::spawn_blocking(move || {
        let found = worker.unpack(&sent.path);
        sent.remove();
        found
    });
    let found = found
        .await
        .map_err(|_| went_wrong())?
        .map_err(|refused| refusal(&refused))?;
    let token = found.token.clone();
    tokio::spawn(async move {
        tokio::time::sleep(WAITS).await;
        forget(desk, token).await;
    });
    Ok(Json(found))
}

/// Puts back what was found
///
/// Everything stops for a moment and begins anew. What was there is kept beside it.
#[utoipa::path(put, path = "/api/v1/restore", request_body = RestoreRequest, responses(
    (status = 200, body = RestoreAnswer),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
    (status = 409, body = RefusalWords, description = "it has to be sent once more"),
    (status = 503, body = RefusalWords, description = "the program ends"),
    (status = 507, body = RefusalWords, description = "it cannot be written there; all is as it was"),
))]
pub async fn put_back(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Sent(request): Sent<RestoreRequest>,
) -> Result<Json<RestoreAnswer>, WebRefusal> {
    let desk = desk_of(&site)?;
    let ordered = tokio::task::spawn_blocking(move || desk.put_back(&request.token)).await;
    let outcome = ordered
        .map_err(|_| went_wrong())?
        .map_err(|refused| refusal(&refused))?;
    tracing::info!("A backup is being put back, as {visitor} has asked on the page.");
    match tokio::time::timeout(SWAP, outcome).await {
        Ok(Ok(Ok(kept))) => Ok(Json(RestoreAnswer { kept })),
        Ok(Ok(Err(words))) => Err(WebRefusal::new(
            StatusCode::INSUFFICIENT_STORAGE,
            words,
            "all is as it was; see the log of wattbridge",
        )),
        Ok(Err(_)) => Err(WebRefusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "wattbridge ends, and nothing was put back",
            "send the backup again when it runs",
        )),
        Err(_) => Err(WebRefusal::new(
            StatusCode::GATEWAY_TIMEOUT,
            "what runs takes long to stop",
            "the log of wattbridge says when the backup has been put back",
        )),
    }
}

/// Throws away what was found
#[utoipa::path(delete, path = "/api/v1/restore", request_body = RestoreRequest, responses(
    (status = 200, body = RestoreAnswer), (status = 401, body = RefusalWords), (status = 404, body = RefusalWords),
))]
pub async fn throw_away(
    State(site): State<Arc<Site>>,
    Sent(request): Sent<RestoreRequest>,
) -> Result<Json<RestoreAnswer>, WebRefusal> {
    forget(desk_of(&site)?, request.token).await;
    Ok(Json(RestoreAnswer { kept: Vec::new() }))
}

async fn forget(desk: Desk, token: String) {
    let _ = tokio::task::spawn_blocking(move || desk.throw_away(&token)).await;
}

fn desk_of(site: &Site) -> Result<Desk, WebRefusal> {
    let desk = site.backstage.desk.clone();
    desk.ok_or_else(|| WebRefusal::not_found("there is nothing to restore here"))
}

/// A file that is gone when nobody looks at it any more; then the next one has its turn.
struct SentFile {
    path: PathBuf,
    turn: Option<OwnedSemaphorePermit>,
}

impl SentFile {
    /// Removes it now.
    fn remove(mut self) {
        let _ = std::fs::remove_file(&self.path);
        self.turn = None;
    }
}

impl Drop for SentFile {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        let file = std::mem::take(&mut self.path);
        // To free a large one takes a disk a while.
        let remove = move || {
            let _ = std::fs::remove_file(file);
            drop(turn);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// Writes what comes into a file, beside everything else that runs.
async fn receive(desk: &Desk, sent: &SentFile, request: Request) -> Result<(), WebRefusal> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let length = length.unwrap_or_default();
    if length > LARGEST {
        return Err(too_large());
    }
    // It is there twice for a while: as it was sent, and unpacked.
    check_room(desk, sent, length.saturating_mul(2)).await?;
    let mut body = request.into_body();
    let path = sent.path.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let _ = std::fs::remove_file(&path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(&path)
    });
    let not_written = |error| not_written(&sent.path, &error);
    let file = opened
        .await
        .map_err(|_| went_wrong())?
        .map_err(not_written)?;
    let (pieces, written) = mpsc::channel(4);
    let writing = tokio::task::spawn_blocking(move || write(file, written));
    let mut length = 0_u64;
    let mut looked = 0_u64;
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await;
        let frame = frame.map_err(|_| {
            let words = "nothing more of the backup came for 30 seconds";
            WebRefusal::new(StatusCode::REQUEST_TIMEOUT, words, "try again")
        })?;
        let Some(frame) = frame else { break };
        let in_part = |_| WebRefusal::bad("only a part of the backup came", "try again");
        let Ok(piece) = frame.map_err(in_part)?.into_data() else {
            continue;
        };
        length += piece.len() as u64;
        if length > LARGEST {
            return Err(too_large());
        }
        if length - looked >= LOOK_EVERY {
            looked = length;
            check_room(desk, sent, 0).await?;
        }
        if pieces.send(piece).await.is_err() {
            break;
        }
    }
    drop(pieces);
    writing
        .await
        .map_err(|_| went_wrong())?
        .map_err(not_written)
}

fn write(mut file: File, mut pieces: mpsc::Receiver<Bytes>) -> std::io::Result<()> {
    while let Some(piece) = pieces.blocking_recv() {
        file.write_all(&piece)?;
    }
    file.flush()
}

async fn check_room(desk: &Desk, sent: &SentFile, wanted: u64) -> Result<(), WebRefusal> {
    let needed = wanted.saturating_add(SPARE);
    let (desk, file) = (desk.clone(), sent.path.clone());
    let free = tokio::task::spawn_blocking(move || desk.free_space(&file)).await;
    match free.map_err(|_| went_wrong())? {
        Some(free) if free < needed => Err(WebRefusal::new(
            StatusCode::INSUFFICIENT_STORAGE,
            format!(
                "there is too little room for it: {} MB are needed, {} MB are free",
                needed / 1_000_000,
                free / 1_000_000
            ),
            "make room on the disk, or use `wattbridge restore`",
        )),
        _ => Ok(()),
    }
}

fn too_large() -> WebRefusal {
    WebRefusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "it is larger than 1 GiB",
        "put it back with `wattbridge restore`",
    )
}

fn not_written(file: &Path, error: &std::io::Error) -> WebRefusal {
    let words = format!("it cannot be written here: {error}");
    refusal(&RestoreRefusal::of_file(file, error, words))
}

fn went_wrong() -> WebRefusal {
    WebRefusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "this went wrong",
        "please report it with the log",
    )
}

fn refusal(refused: &RestoreRefusal) -> WebRefusal {
    let status = match refused {
        RestoreRefusal::Unfit(_) | RestoreRefusal::HeldBack => StatusCode::UNPROCESSABLE_ENTITY,
        RestoreRefusal::NoRoom(_) | RestoreRefusal::ReadOnly(_) | RestoreRefusal::NotWritten(_) => {
            StatusCode::INSUFFICIENT_STORAGE
        }
        RestoreRefusal::Gone | RestoreRefusal::Changed | RestoreRefusal::Busy => {
            StatusCode::CONFLICT
        }
    };
    WebRefusal::new(status, refused.to_string(), refused.hint().to_owned())
}
