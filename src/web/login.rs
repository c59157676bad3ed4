//! Logging in and out.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::access::{Visitor, rank, sessions};
use super::attempts::AttemptTurn;
use super::reply::{RefusalWords, Sent, WebRefusal};
use super::session::{WebLock, cookie};
use super::site::{Entrance, Site};

/// The password, to log in.
#[derive(Deserialize, ToSchema)]
pub struct LoginRequest {
    password: String,
}

/// Who somebody is after logging in or out.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginAnswer {
    /// `admin` after logging in.
    pub role: &'static str,
}

/// Logs in
#[utoipa::path(post, path = "/api/v1/session", request_body = LoginRequest, responses(
    (status = 200, body = LoginAnswer),
    (status = 401, body = RefusalWords, description = "the password is wrong"),
    (status = 429, body = RefusalWords, description = "too many passwords were wrong"),
))]
pub async fn log_in(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Sent(request): Sent<LoginRequest>,
) -> Result<Response, WebRefusal> {
    let password = Zeroizing::new(request.password);
    let _turn = turn(&site, &visitor).await?;
    check_password(&site, &visitor, &password)?;
    let front = site.front();
    let WebLock::Password(lock) = &front.lock else {
        return Err(no_password());
    };
    let session = lock.session(site.now()).ok_or_else(|| {
        WebRefusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "this computer gives no random numbers",
            "try again",
        )
    })?;
    Ok(with_cookie(
        Json(LoginAnswer { role: "admin" }).into_response(),
        Some(&session),
    ))
}

/// Logs out
///
/// The session is over then, wherever its cookie is.
#[utoipa::path(delete, path = "/api/v1/session", responses(
    (status = 200, body = LoginAnswer),
    (status = 403, body = RefusalWords),
    (status = 415, body = RefusalWords),
))]
pub async fn log_out(State(site): State<Arc<Site>>, visitor: Visitor) -> Response {
    let front = site.front();
    if let WebLock::Password(lock) = &front.lock {
        let ended: Vec<_> = sessions(&site, lock, &visitor.shown).collect();
        for session in ended {
            site.end_session(session.nonce, session.end);
        }
    }
    let role = rank(&site, &visitor.shown).word();
    with_cookie(Json(LoginAnswer { role }).into_response(), None)
}

/// Waits until this visitor may try a password, where others guess.
pub async fn turn<'s>(site: &'s Site, visitor: &Visitor) -> Result<AttemptTurn<'s>, WebRefusal> {
    let turn = site.attempts.turn(visitor.address).await;
    turn.map_err(too_many)
}

/// Whether this is the password, where one has to be shown at all.
pub async fn confirm_password(
    site: &Site,
    visitor: &Visitor,
    given: Option<String>,
) -> Result<(), WebRefusal> {
    let given = Zeroizing::new(given.unwrap_or_default());
    let is_open = matches!(site.front().lock, WebLock::Open);
    if is_open || site.entrance == Entrance::Ingress {
        return Ok(());
    }
    let _turn = turn(site, visitor).await?;
    check_password(site, visitor, &given)
}

/// Whether this is the password, as often as it may be tried.
pub fn check_password(site: &Site, visitor: &Visitor, given: &str) -> Result<(), WebRefusal> {
    let front = site.front();
    let lock = match &front.lock {
        WebLock::Password(lock) if site.entrance == Entrance::Direct => lock,
        WebLock::Jammed => {
            return Err(WebRefusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the password of the page cannot be read",
                "see the log of wattbridge",
            ));
        }
        _ => return Err(no_password()),
    };
    if given.is_empty() {
        // It never is, so it is no guess.
        return Err(WebRefusal::new(
            StatusCode::UNAUTHORIZED,
            "the password is missing",
            "it is the one in [web] of the configuration",
        ));
    }
    if let Some(wait) = site.attempts.wait(visitor.address) {
        return Err(too_many(wait));
    }
    if lock.opens_with(given) {
        site.attempts.succeeded(visitor.address);
        return Ok(());
    }
    if site.attempts.failed(visitor.address, lock.mark(given)) {
        tracing::warn!("A wrong password was given on the page by {visitor}.");
    }
    Err(WebRefusal::new(
        StatusCode::UNAUTHORIZED,
        "this is not the password",
        "it is the one in [web] of the configuration",
    ))
}

fn too_many(wait: Duration) -> WebRefusal {
    WebRefusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too many passwords were wrong",
        "wait a minute",
    )
    .after(wait.as_secs() + 1)
}

fn no_password() -> WebRefusal {
    WebRefusal::bad("the page has no password here", "")
}

fn with_cookie(mut answer: Response, session: Option<&str>) -> Response {
    // Digits and dots.
    if let Ok(value) = HeaderValue::from_str(&cookie(session)) {
        answer.headers_mut().insert(header::SET_COOKIE, value);
    }
    answer
}
