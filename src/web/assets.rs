//! The files of the page, which are part of the program: `build.rs` makes the table of them.
//!
//! They are found below the hash of all of them, and browsers may keep them for ever; only the page that names them is
//! asked for each time.

use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::reply::WebRefusal;

/// A file of the page, as written and compressed.
#[derive(Debug)]
struct Asset {
    path: &'static str,
    mime: &'static str,
    raw: &'static [u8],
    gzip: &'static [u8],
}

mod table {
    use super::Asset;

    include!(concat!(env!("OUT_DIR"), "/assets.rs"));
}

pub use table::HASH;
use table::{ASSETS, INDEX};

/// The hash of all files of the page.
pub const fn build() -> &'static str {
    HASH
}

/// For ever: what is different has another address.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// It may be kept, but is asked for each time.
const ASKED_FOR: HeaderValue = HeaderValue::from_static("no-cache");

/// The page itself
pub async fn index(headers: HeaderMap) -> Response {
    let tag = format!("\"{HASH}\"");
    let known = headers.get(header::IF_NONE_MATCH);
    let is_known = known.and_then(|it| it.to_str().ok()).is_some_and(|known| {
        let mut tags = known
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"));
        tags.any(|known| known == tag)
    });
    let mut answer = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        sent(&INDEX, &headers)
    };
    let answered = answer.headers_mut();
    answered.insert(header::CACHE_CONTROL, ASKED_FOR);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answered.insert(header::ETAG, tag);
    }
    answer
}

/// A file of the page
pub async fn asset(
    Path((hash, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, WebRefusal> {
    let found = ASSETS.binary_search_by(|asset| asset.path.cmp(path.as_str()));
    let asset = found.ok().and_then(|index| ASSETS.get(index));
    let asset = asset.filter(|_| hash == HASH);
    let asset = asset.ok_or_else(|| WebRefusal::not_found("the page has no such file"))?;
    let mut answer = sent(asset, &headers);
    answer.headers_mut().insert(header::CACHE_CONTROL, KEPT);
    Ok(answer)
}

fn sent(asset: &Asset, headers: &HeaderMap) -> Response {
    let takes_gzip = takes_gzip(headers);
    let bytes = if takes_gzip { asset.gzip } else { asset.raw };
    let mut answer = Response::new(Body::from(Bytes::from_static(bytes)));
    let answered = answer.headers_mut();
    answered.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.mime));
    answered.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if takes_gzip {
        answered.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

/// Whether the browser says so; Home Assistant takes the word out on the way.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let said = headers.get_all(header::ACCEPT_ENCODING).iter();
    let said = said.filter_map(|it| it.to_str().ok());
    said.flat_map(|it| it.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().trim_start_matches("q=");
        name.trim() == "gzip" && weight.parse::<f32>().map_or(true, |weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn both_forms_of_every_file_are_the_same() {
        assert!(ASSETS.len() > 3 && ASSETS.is_sorted_by_key(|asset| asset.path));
        for asset in ASSETS.iter().chain([&INDEX]) {
            let mut raw = Vec::new();
            flate2::read::GzDecoder::new(asset.gzip)
                .read_to_end(&mut raw)
                .unwrap();
            assert!(raw == asset.raw, "{}", asset.path);
        }
        assert!(std::str::from_utf8(INDEX.raw).unwrap().contains(HASH));
    }

    #[test]
    fn gzip_is_for_those_who_ask() {
        let takes = |said: &'static str| {
            let said = HeaderValue::from_static(said);
            takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, said)]))
        };
        assert!(takes("gzip, deflate") && takes("br;q=1.0, gzip;q=0.8"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes("identity"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
