//! Answers that say no, and what is read from requests.

use std::borrow::Cow;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

/// Why a request is not done, and what would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRefusal {
    status: StatusCode,
    words: RefusalWords,
    /// Seconds after which it is worth another try.
    wait: Option<u64>,
}

/// What every answer says that is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RefusalWords {
    /// What is wrong.
    #[schema(value_type = String)]
    pub error: Cow<'static, str>,
    /// What to do about it; may be empty.
    #[schema(value_type = String)]
    pub hint: Cow<'static, str>,
}

impl WebRefusal {
    /// With this status.
    pub fn new(
        status: StatusCode,
        error: impl Into<Cow<'static, str>>,
        hint: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            words: RefusalWords {
                error: error.into(),
                hint: hint.into(),
            },
            wait: None,
        }
    }

    /// Something that is not there.
    pub fn not_found(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, what, "")
    }

    /// Something that cannot be read.
    pub fn bad(error: impl Into<Cow<'static, str>>, hint: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, hint)
    }

    /// The configuration cannot be used, so that there is nothing to ask.
    pub fn asleep() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "nothing runs, because the configuration cannot be used",
            "mend it on the page Settings",
        )
    }

    /// Worth another try after so many seconds.
    #[must_use]
    pub const fn after(mut self, seconds: u64) -> Self {
        self.wait = Some(seconds);
        self
    }
}

impl IntoResponse for WebRefusal {
    fn into_response(self) -> Response {
        let mut answer = (self.status, Json(self.words)).into_response();
        if let Some(wait) = self.wait {
            answer
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        answer
    }
}

/// The JSON of a request.
#[derive(Debug)]
pub struct Sent<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = WebRefusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebRefusal> {
        let sent = Json::from_request(request, state).await;
        // What it repeats of the body may be a password.
        let bad = |_: JsonRejection| {
            WebRefusal::bad("the request is not as expected", "load the page again")
        };
        sent.map(|Json(sent)| Self(sent)).map_err(bad)
    }
}

/// What stands behind the question mark of an address.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = WebRefusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebRefusal> {
        let asked = Query::from_request_parts(parts, state).await;
        let query = parts.uri.query().unwrap_or_default();
        let bad = |rejection: QueryRejection| {
            WebRefusal::bad(
                what_is_wrong(query, &rejection.body_text()),
                "the description of the API says what can be asked",
            )
        };
        asked.map(|Query(asked)| Self(asked)).map_err(bad)
    }
}

/// In our own words, by what serde says of it.
fn what_is_wrong(query: &str, said: &str) -> String {
    let quoted = |after: &str| {
        let (_, rest) = said.split_once(after)?;
        Some(rest.split_once('`')?.0)
    };
    if let Some(key) = quoted("missing field `") {
        return format!("`{key}` is missing behind the question mark");
    }
    if let Some(key) = quoted("duplicate field `") {
        return format!("`{key}` stands twice behind the question mark");
    }
    let mut keys = query
        .split('&')
        .map(|word| word.split_once('=').map_or(word, |(key, _)| key));
    if let Some(key) = quoted("unknown field `").filter(|key| keys.clone().any(|it| it == *key)) {
        return format!("`{key}` cannot be asked for here");
    }
    match keys.find(|key| said.contains(&format!(": {key}: "))) {
        Some(key) => format!("what is said of `{key}` behind the question mark cannot be used"),
        None => "what stands behind the question mark cannot be used".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what cannot be read matters")]
    struct Question {
        from: String,
        days: Option<u16>,
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_told_in_plain_words() {
        for (query, words) in [
            ("", "`from` is missing behind the question mark"),
            (
                "from=a&from=b",
                "`from` stands twice behind the question mark",
            ),
            ("from=a&till=b", "`till` cannot be asked for here"),
            (
                "from=a&%22=b",
                "what stands behind the question mark cannot be used",
            ),
            (
                "from=a&days=-1",
                "what is said of `days` behind the question mark cannot be used",
            ),
        ] {
            let request = Request::get(format!("/?{query}"));
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            let asked = Asked::<Question>::from_request_parts(&mut parts, &()).await;
            assert_eq!(asked.unwrap_err().words.error, words, "{query}");
        }
    }
}
