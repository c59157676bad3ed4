//! Every address of the page, and who may use it: the one table.
//!
//! A new one is a row here, its handler in a file of its own, and its line in `openapi`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};
use tower_http::compression::{CompressionLayer, CompressionLevel};

use super::access::{Visitor, at_the_door, check_rank};
use super::discretion::Rank;
use super::reply::WebRefusal;
use super::site::Site;
use super::{
    about, assets, backup, controls, dashboard, events, history, log, login, nearby, prometheus,
    restore, roof, settings, state, support, upload,
};

/// The most that a request may bring, and how long that may take.
const LARGEST: usize = 256 * 1024;
const BODY: Duration = Duration::from_secs(30);

/// What a request brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brings {
    /// Nothing.
    Nothing,
    /// JSON of ours, at most 256 KiB.
    Json,
    /// A whole file, which its handler reads piece by piece and bounds itself.
    File,
}

/// One row.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: &'static str,
    /// The least that one has to be.
    pub who: Rank,
    /// What comes with the request.
    pub brings: Brings,
    handler: MethodRouter<Arc<Site>>,
}

/// All of them.
pub fn table() -> Vec<Route> {
    use Rank::{Admin, Guest, Stranger};

    vec![
        get("/", Stranger, assets::index),
        get("/v/{hash}/{*path}", Stranger, assets::asset),
        get("/healthz", Stranger, about::healthz),
        get("/metrics", Stranger, prometheus::metrics),
        get("/api/v1", Stranger, about::about),
        get("/api/v1/", Stranger, about::about),
        post("/api/v1/session", Stranger, login::log_in),
        delete("/api/v1/session", Stranger, login::log_out),
        get("/api/v1/state", Guest, state::state),
        get("/api/v1/devices", Guest, state::devices),
        get("/api/v1/devices/{ref}", Guest, state::device),
        get(
            "/api/v1/devices/{ref}/health",
            Guest,
            history::health::health,
        ),
        get("/api/v1/devices/{ref}/upload", Admin, upload::upload),
        post("/api/v1/devices/{ref}/upload/retry", Admin, upload::retry),
        get("/api/v1/history/power", Guest, history::power::power),
        get("/api/v1/history/usual", Guest, history::power::usual),
        get("/api/v1/history/energy", Guest, history::energy::energy),
        get(
            "/api/v1/history/statistics",
            Guest,
            history::statistics::statistics,
        ),
        get("/api/v1/history.csv", Guest, history::export::export),
        get("/api/v1/roof", Guest, roof::roof),
        put("/api/v1/roof", Admin, roof::arrange),
        get("/api/v1/roof/power", Guest, roof::power::power),
        get("/api/v1/roof/weak", Guest, roof::weak::weak),
        get("/api/v1/events", Guest, events::events),
        post("/api/v1/devices/{ref}/controls/{key}", Admin, controls::set),
        get("/api/v1/log", Admin, log::log),
        post("/api/v1/log/detail", Admin, log::detail),
        get("/api/v1/config", Admin, settings::config),
        put("/api/v1/config", Admin, settings::save),
        post("/api/v1/config/check", Admin, settings::check),
        post("/api/v1/config/reload", Admin, settings::reload),
        get("/api/v1/config/copies", Admin, settings::copies),
        get("/api/v1/config/copies/{name}", Admin, settings::copy),
        get("/api/v1/config/schema", Admin, settings::schema),
        get("/api/v1/nearby", Admin, nearby::nearby),
        post("/api/v1/nearby/search", Admin, nearby::search),
        get(
            "/api/v1/energy-dashboard",
            Admin,
            dashboard::energy_dashboard,
        ),
        post("/api/v1/energy-dashboard/add", Admin, dashboard::add),
        get("/api/v1/support", Admin, support::support),
        post("/api/v1/backup", Admin, backup::backup),
        post_file("/api/v1/restore", Admin, restore::look_through),
        put("/api/v1/restore", Admin, restore::put_back),
        delete("/api/v1/restore", Admin, restore::throw_away),
    ]
}

fn get<H: Handler<T, Arc<Site>>, T: 'static>(path: &'static str, who: Rank, handler: H) -> Route {
    route(
        Method::GET,
        path,
        who,
        Brings::Nothing,
        on(MethodFilter::GET, handler),
    )
}

fn post<H: Handler<T, Arc<Site>>, T: 'static>(path: &'static str, who: Rank, handler: H) -> Route {
    route(
        Method::POST,
        path,
        who,
        Brings::Json,
        on(MethodFilter::POST, handler),
    )
}

fn post_file<H: Handler<T, Arc<Site>>, T: 'static>(
    path: &'static str,
    who: Rank,
    handler: H,
) -> Route {
    let handler = on(MethodFilter::POST, handler);
    route(Method::POST, path, who, Brings::File, handler)
}

fn put<H: Handler<T, Arc<Site>>, T: 'static>(path: &'static str, who: Rank, handler: H) -> Route {
    let handler = on(MethodFilter::PUT, handler);
    route(Method::PUT, path, who, Brings::Json, handler)
}

fn delete<H: Handler<T, Arc<Site>>, T: 'static>(
    path: &'static str,
    who: Rank,
    handler: H,
) -> Route {
    let handler = on(MethodFilter::DELETE, handler);
    route(Method::DELETE, path, who, Brings::Json, handler)
}

const fn route(
    method: Method,
    path: &'static str,
    who: Rank,
    brings: Brings,
    handler: MethodRouter<Arc<Site>>,
) -> Route {
    Route {
        method,
        path,
        who,
        brings,
        handler,
    }
}

/// The table at work.
pub fn router(site: &Arc<Site>) -> Router {
    let mut router = Router::new();
    for route in table() {
        let rule = (Arc::clone(site), route.who, route.brings);
        let handler = route.handler.route_layer(from_fn_with_state(rule, check));
        router = router.route(route.path, handler);
    }
    dressed(router, site)
}

/// Routes with what is around all of them.
fn dressed(router: Router<Arc<Site>>, site: &Arc<Site>) -> Router {
    router
        .fallback(|| async { nothing_here() })
        .method_not_allowed_fallback(|| async {
            WebRefusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this cannot be done here",
                "",
            )
        })
        .with_state(Arc::clone(site))
        .layer(from_fn_with_state(Arc::clone(site), at_the_door))
        // An answer without an end is not compressed, and neither is what is small or is compressed already. Tables
        // are so large that this would take the thread from those who read the devices.
        .layer(
            CompressionLayer::new()
                .quality(CompressionLevel::Fastest)
                .compress_when(
                    DefaultPredicate::new().and(NotForContentType::const_new("text/csv")),
                ),
        )
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| crashed(),
        ))
        .layer(from_fn_with_state(Arc::clone(site), with_headers))
}

/// Whether the visitor may use the route, and brings what it takes.
async fn check(
    State((site, who, brings)): State<(Arc<Site>, Rank, Brings)>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Response {
    if !is_readable(request.uri().path()) {
        // As what is asked for can be called by no such name.
        return nothing_here().into_response();
    }
    if let Err(refusal) = check_rank(visitor.rank, who, &site.front().lock) {
        return refusal.into_response();
    }
    match bring(request, brings).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// The request with what it brings, as far as that may be.
async fn bring(request: Request, brings: Brings) -> Result<Request, WebRefusal> {
    let wanted = match brings {
        Brings::Nothing => return Ok(request.map(|_| Body::empty())),
        Brings::Json => "application/json",
        Brings::File => "application/octet-stream",
    };
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()?.split(';').next());
    if kind.map(str::trim) != Some(wanted) {
        return Err(WebRefusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("this takes {wanted} only"),
            "say so in the header Content-Type",
        ));
    }
    if brings == Brings::File {
        return Ok(request);
    }
    let too_large = || {
        WebRefusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "what was sent is larger than 256 KiB, or came in part only",
            "",
        )
    };
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|it| it.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > LARGEST as u64) {
        // It is not even waited for.
        return Err(too_large());
    }
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(BODY, to_bytes(body, LARGEST)).await;
    let read = read.map_err(|_| {
        WebRefusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "what was sent took longer than 30 seconds",
            "try again",
        )
    })?;
    let bytes = read.map_err(|_| too_large())?;
    Ok(Request::from_parts(head, Body::from(bytes)))
}

/// Whether a path is text, as far as it is written by numbers.
fn is_readable(path: &str) -> bool {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let number = after.get(..2).filter(|_| *first == b'%');
        let number = number.and_then(|digits| std::str::from_utf8(digits).ok());
        let number = number.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(number.unwrap_or(*first));
        rest = if number.is_some() {
            after.get(2..).unwrap_or_default()
        } else {
            after
        };
    }
    std::str::from_utf8(&bytes).is_ok()
}

fn nothing_here() -> WebRefusal {
    WebRefusal::not_found("there is nothing here")
}

fn crashed() -> Response {
    WebRefusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "wattbridge has made a mistake here",
        "please report this with the log",
    )
    .into_response()
}

/// What browsers are told with every answer.
async fn with_headers(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, site.front().policy.clone());
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_api || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;

    use super::super::access::Peer;
    use super::super::backstage::Backstage;
    use super::super::config::WebSettings;
    use super::super::site::Entrance;
    use super::*;

    async fn nonsense() -> &'static str {
        panic!("a mistake of ours")
    }

    #[test]
    fn a_path_is_text() {
        for (path, is) in [
            ("/api/v1/devices/0a", true),
            ("/%C3%a4/%20%zz/%", true),
            ("/%ff", false),
            ("/%C3", false),
            ("/%+f", true),
        ] {
            assert_eq!(is_readable(path), is, "{path}");
        }
    }

    #[tokio::test]
    async fn a_panic_ends_one_answer_only() {
        let inside = watch::Sender::new(None).subscribe();
        let stop = CancellationToken::new();
        let site = Site::new(
            Entrance::Direct,
            WebSettings::default(),
            inside,
            stop,
            Backstage::default(),
        );
        let site = Arc::new(site);
        let routes = Router::new()
            .route("/nonsense", on(MethodFilter::GET, nonsense))
            .route("/healthz", on(MethodFilter::GET, about::healthz));
        let service = TowerToHyperService::new(dressed(routes, &site));
        let ask = async |path: &str| {
            let request = Request::get(path).header(header::HOST, "localhost");
            let mut request = request.body(Body::empty()).unwrap();
            request.extensions_mut().insert(Peer([127, 0, 0, 1].into()));
            service.call(request).await.unwrap()
        };
        let crashed = ask("/nonsense").await;
        assert_eq!(crashed.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(
            crashed
                .headers()
                .contains_key(header::CONTENT_SECURITY_POLICY)
        );
        let body = to_bytes(crashed.into_body(), LARGEST).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(body["error"].is_string() && !body.to_string().contains("a mistake of ours"));
        assert_eq!(ask("/healthz").await.status(), StatusCode::OK);
    }
}
