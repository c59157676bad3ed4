//! Large answers: written and compressed on a thread that may take its time, as the others read the devices; and only
//! some at once, so that many questions take no more memory than few.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::reply::WebRefusal;
use super::site::Site;

/// What is smaller is not worth it, in bytes.
const SMALL: usize = 1024;

/// The turn of a question with a large answer, which begins before anything is read for it.
#[derive(Debug)]
pub struct LargeAnswer {
    turn: OwnedSemaphorePermit,
    takes_gzip: bool,
}

impl FromRequestParts<Arc<Site>> for LargeAnswer {
    type Rejection = WebRefusal;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, WebRefusal> {
        let turn = Arc::clone(&site.turns).acquire_owned().await;
        Ok(Self {
            turn: turn.map_err(|_| went_wrong())?,
            takes_gzip: takes_gzip(&parts.headers),
        })
    }
}

impl LargeAnswer {
    /// Makes it and writes it as JSON.
    pub async fn write<T: Serialize>(
        self,
        make: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Response, WebRefusal> {
        let Self { turn, takes_gzip } = self;
        let written = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            written(&make(), takes_gzip)
        });
        let written = written.await.ok().and_then(Result::ok);
        let (bytes, is_packed) = written.ok_or_else(went_wrong)?;
        let mut answer = bytes.into_response();
        let headers = answer.headers_mut();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if is_packed {
            let gzip = HeaderValue::from_static("gzip");
            headers.insert(header::CONTENT_ENCODING, gzip);
        }
        Ok(answer)
    }
}

fn written<T: Serialize>(answer: &T, takes_gzip: bool) -> std::io::Result<(Vec<u8>, bool)> {
    let json = serde_json::to_vec(answer)?;
    if !takes_gzip || json.len() < SMALL {
        return Ok((json, false));
    }
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut packer, &json)?;
    Ok((packer.finish()?, true))
}

/// Whether the browser reads gzip, as it says.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let said = headers.get_all(header::ACCEPT_ENCODING).iter();
    let said = said.filter_map(|said| said.to_str().ok());
    said.flat_map(|said| said.split(',')).any(|kind| {
        let (name, weight) = kind.split_once(';').unwrap_or((kind, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        name.trim().eq_ignore_ascii_case("gzip") && weight.parse().is_ok_and(|it: f32| it > 0.0)
    })
}

fn went_wrong() -> WebRefusal {
    WebRefusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "wattbridge has made a mistake here",
        "please report this with the log",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_read_it() {
        for (said, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0.0, br", false),
            ("identity", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, said.parse().unwrap());
            assert_eq!(takes_gzip(&headers), takes, "{said}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
