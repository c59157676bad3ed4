//! The stream of events (Server-Sent Events).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use utoipa::IntoParams;

use super::access::{Visitor, rank};
use super::assets::HASH;
use super::board::{StateChange, event};
use super::discretion::Rank;
use super::log::{LogBook, LogLevel, LogLine};
use super::reply::{Asked, RefusalWords, WebRefusal};
use super::site::Site;
use crate::bridge::Attendance;

/// How often something is sent when there is nothing to tell.
const BREATH: Duration = Duration::from_secs(15);
/// How often is looked whether a session is over.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What else is wanted.
#[derive(Debug, Deserialize, IntoParams)]
pub struct EventsQuery {
    /// The device whose controls are in sight: as long as the stream is open, the device is told that somebody may
    /// set something.
    controls: Option<String>,
    /// Lines of the log that matter so much, or more, are told too; to administrators.
    log: Option<LogLevel>,
}

/// What happens, as it happens
///
/// Events `hello`, `state`, `device`, `removed`, `flow` and `resync`; after the last one, and after `hello` with a number
/// that does not follow, the state has to be asked for anew.
#[utoipa::path(get, path = "/api/v1/events", params(EventsQuery), responses(
    (status = 200, content_type = "text/event-stream", body = StateChange),
    (status = 401, body = RefusalWords),
    (status = 503, body = RefusalWords, description = "too many streams are open: ask for the state instead"),
))]
pub async fn events(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    headers: HeaderMap,
    Asked(query): Asked<EventsQuery>,
) -> Result<Response, WebRefusal> {
    let Some(place) = site.streams.take(visitor.address) else {
        return Err(WebRefusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many pages are open",
            "close some; this one asks for the values now and then meanwhile",
        )
        .after(30));
    };
    let last = headers.get("last-event-id");
    let last = last.and_then(|it| it.to_str().ok()?.trim().parse().ok());
    let log = query.log.filter(|_| visitor.rank >= Rank::Admin);
    let attendance = query.controls.and_then(|it| attend(&site, &visitor, &it));
    let (sender, body) = mpsc::channel(1);
    let doors = site.doors();
    tokio::spawn(async move {
        tokio::select! {
            () = stream(&site, &visitor, last, log, &sender) => {}
            () = is_another(&site, &visitor, doors) => {}
            () = site.stop.cancelled() => {}
            // Nobody reads any more.
            () = sender.closed() => {}
        }
        drop((place, attendance));
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx gathers what it passes on, unless it is told not to.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::new(EventBody(body))).into_response())
}

/// Ends when whoever reads may see more or less than before: they come again by themselves.
async fn is_another(site: &Site, visitor: &Visitor, mut doors: watch::Receiver<()>) {
    while rank(site, &visitor.shown) == visitor.rank {
        tokio::select! {
            _ = doors.changed() => {}
            // The time of a session may be over.
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Somebody looks at the controls of a device.
fn attend(site: &Site, visitor: &Visitor, reference: &str) -> Option<Attendance> {
    let has_controls = site.board.look(|board| {
        let row = board.find(reference)?;
        Some(!row.device.controls.is_empty())
    });
    let may = visitor.rank >= Rank::Admin && has_controls == Some(true);
    let inside = site.inside().filter(|_| may)?;
    Some(inside.hub.feed().commander().attend())
}

/// Sends all that happens, until the reader is gone.
async fn stream(
    site: &Site,
    visitor: &Visitor,
    last: Option<u64>,
    log: Option<LogLevel>,
    to: &mpsc::Sender<Bytes>,
) {
    let book = site.backstage.log.as_ref().filter(|_| log.is_some());
    let mut lines = book.map(LogBook::follow);
    // What happens while the beginning is made is not lost.
    let mut news = site.board.subscribe(visitor.rank);
    for event in beginning(site, visitor, last) {
        if to.send(event).await.is_err() {
            return;
        }
    }
    loop {
        let event = tokio::select! {
            told = news.recv() => match told {
                Ok(event) => event,
                Err(RecvError::Lagged(_)) => {
                    // What waits is older than what is asked for next.
                    news = news.resubscribe();
                    resync()
                }
                Err(RecvError::Closed) => return,
            },
            line = next_line(&mut lines) => match line {
                Some(line) if log.is_some_and(|least| line.level >= least) => event("log", None, &line),
                Some(_) => continue,
                None => {
                    lines = None;
                    continue;
                }
            },
            () = tokio::time::sleep(BREATH) => Bytes::from_static(b": \n\n"),
        };
        if to.send(event).await.is_err() {
            return;
        }
    }
}

/// The next line of the log; none if there will be no more. Those that came too fast are in the log itself.
async fn next_line(lines: &mut Option<broadcast::Receiver<LogLine>>) -> Option<LogLine> {
    let Some(lines) = lines else {
        return std::future::pending().await;
    };
    loop {
        match lines.recv().await {
            Ok(line) => return Some(line),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

fn beginning(site: &Site, visitor: &Visitor, last: Option<u64>) -> Vec<Bytes> {
    let now = site.now().as_second();
    site.board.look(|board| {
        let hello = serde_json::json!({ "rev": board.rev, "build": HASH });
        // Without an id: who has only this one knows nothing yet.
        let mut events = vec![event("hello", None, &hello)];
        let Some(last) = last else {
            return events;
        };
        if !board.can_go_on_from(last) {
            events.push(resync());
            return events;
        }
        for reference in board.removed_after(last) {
            let gone = serde_json::json!({ "ref": reference });
            events.push(event("removed", None, &gone));
        }
        for row in board.rows.iter().filter(|row| row.rev > last) {
            let change = StateChange {
                rev: row.rev,
                now,
                device: row.whole(&board.discretion, visitor.rank),
            };
            events.push(event("state", None, &change));
        }
        if let Some(flow) = &board.flow {
            events.push(event("flow", None, flow));
        }
        if let Some(last) = events.last_mut() {
            let id = format!("id: {}\n", board.rev);
            *last = [id.as_bytes(), last].concat().into();
        }
        events
    })
}

fn resync() -> Bytes {
    event("resync", None, &serde_json::json!({}))
}

/// What is sent to one reader.
pub struct EventBody(pub mpsc::Receiver<Bytes>);

impl HttpBody for EventBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        let event = self.0.poll_recv(cx);
        event.map(|event| event.map(|event| Ok(hyper::body::Frame::data(event))))
    }
}
