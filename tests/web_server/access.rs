//! Every route by everybody, as a table.

use std::net::SocketAddr;

use serde_json::{Value as Json, json};
use wattbridge::model::{CommandOutcome, Value};
use wattbridge::web::{Brings, Entrance, PORT, table};

use crate::http::{Answer, Ask, log_in};
use crate::namespace::{HERE, NEIGHBOUR, SUPERVISOR, run_in_namespace};
use crate::site::{PASSWORD, TestSite, settings, with_password};

use Class::{Admins, Everybody, Guests};

/// For whom a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Also for those who may not look.
    Everybody,
    /// For those who may look.
    Guests,
    /// For those who may do everything.
    Admins,
}

/// Every route, in the order of the page's own table. Whoever adds one says here for whom it is.
const ROUTES: &[(&str, Class)] = &[
    ("GET /", Everybody),
    ("GET /v/{hash}/{*path}", Everybody),
    ("GET /healthz", Everybody),
    ("GET /metrics", Guests),
    ("GET /api/v1", Everybody),
    ("GET /api/v1/", Everybody),
    ("POST /api/v1/session", Everybody),
    ("DELETE /api/v1/session", Everybody),
    ("GET /api/v1/state", Guests),
    ("GET /api/v1/devices", Guests),
    ("GET /api/v1/devices/{ref}", Guests),
    ("GET /api/v1/devices/{ref}/health", Guests),
    ("GET /api/v1/devices/{ref}/upload", Admins),
    ("POST /api/v1/devices/{ref}/upload/retry", Admins),
    ("GET /api/v1/history/power", Guests),
    ("GET /api/v1/history/usual", Guests),
    ("GET /api/v1/history/energy", Guests),
    ("GET /api/v1/history/statistics", Guests),
    ("GET /api/v1/history.csv", Guests),
    ("GET /api/v1/roof", Guests),
    ("PUT /api/v1/roof", Admins),
    ("GET /api/v1/roof/power", Guests),
    ("GET /api/v1/roof/weak", Guests),
    ("GET /api/v1/events", Guests),
    ("POST /api/v1/devices/{ref}/controls/{key}", Admins),
    ("GET /api/v1/log", Admins),
    ("POST /api/v1/log/detail", Admins),
    ("GET /api/v1/config", Admins),
    ("PUT /api/v1/config", Admins),
    ("POST /api/v1/config/check", Admins),
    ("POST /api/v1/config/reload", Admins),
    ("GET /api/v1/config/copies", Admins),
    ("GET /api/v1/config/copies/{name}", Admins),
    ("GET /api/v1/config/schema", Admins),
    ("GET /api/v1/nearby", Admins),
    ("POST /api/v1/nearby/search", Admins),
    ("GET /api/v1/energy-dashboard", Admins),
    ("POST /api/v1/energy-dashboard/add", Admins),
    ("GET /api/v1/support", Admins),
    ("POST /api/v1/backup", Admins),
    ("POST /api/v1/restore", Admins),
    ("PUT /api/v1/restore", Admins),
    ("DELETE /api/v1/restore", Admins),
];

/// Let in, whatever the answer is then.
const IN: u16 = 0;

/// What becomes of each class, by who asks:
///
/// | column | the page | who |
/// |---|---|---|
/// | 0 | as an app | Home Assistant |
/// | 1 | without password | this computer |
/// | 2 | without password | this computer for others, as a proxy says |
/// | 3 | without password | the same by HTTP/1.0, as some proxies do |
/// | 4 | with password and guests | the network |
/// | 5 | with password | the network |
/// | 6 | with password | the network, logged in |
/// | 7 | with password and guests | the network with a session that is none |
/// | 8 | with password | this computer |
/// | 9 | without password | this computer, by a name that is not its own |
/// | 10 | without password | this computer, from the page of somebody else; what is no API is let in |
const TABLE: &[(Class, [u16; COLUMNS])] = &[
    (Everybody, [IN, IN, IN, IN, IN, IN, IN, IN, IN, 421, 403]),
    (Guests, [IN, IN, 401, 401, IN, 401, IN, IN, 401, 421, 403]),
    (Admins, [IN, IN, 401, 401, 401, 401, IN, 401, 401, 421, 403]),
];

const COLUMNS: usize = 11;

#[test]
fn every_route_by_everybody() {
    run_in_namespace("access::every_route_by_everybody", look);
}

async fn look() {
    let app = TestSite::start_at(Entrance::Ingress, with_password("127.0.0.1:1", false)).await;
    let open = TestSite::start(settings("127.0.0.1:0")).await;
    let guests = TestSite::start(with_password("0.0.0.0:0", true)).await;
    let closed = TestSite::start(with_password("0.0.0.0:0", false)).await;
    let mut sites = [app, open, guests, closed];
    for site in &mut sites {
        // Whatever is to be set is done.
        let mut commands = std::mem::replace(&mut site.commands, tokio::sync::mpsc::channel(1).1);
        tokio::spawn(async move {
            while let Some(pending) = commands.recv().await {
                let _ = pending.reply.send(CommandOutcome {
                    result: Ok(Value::OnOff(true)),
                });
            }
        });
    }
    let [app, open, guests, closed] = &sites;
    let known: Vec<String> = table()
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    let listed: Vec<&str> = ROUTES.iter().map(|(route, _)| *route).collect();
    assert_eq!(known, listed, "the table of this test is that of the page");

    let near = |site: &TestSite| SocketAddr::new([127, 0, 0, 1].into(), site.web.address().port());
    let here = |site: &TestSite| SocketAddr::new(HERE.parse().unwrap(), site.web.address().port());
    assert_eq!(app.web.address().port(), PORT);
    let mut session = log_in(here(closed), PASSWORD).await;
    let mut wrong = Vec::new();
    for (route, class) in ROUTES {
        let rows = TABLE.iter().filter(|(of, _)| of == class);
        let mut expected: Vec<u16> = rows.flat_map(|(_, row)| *row).collect();
        if !route.contains(" /api/") {
            expected[COLUMNS - 1] = IN;
        }
        let mut statuses = Vec::new();
        for column in 0..COLUMNS {
            let (site, to) = match column {
                0 => (app, here(app)),
                4 | 7 => (guests, here(guests)),
                5 | 6 => (closed, here(closed)),
                8 => (closed, near(closed)),
                _ => (open, near(open)),
            };
            let ask = request(route, to, &roof(site, to, &session).await);
            let ask = match column {
                0 => ask.from(SUPERVISOR),
                2 => ask.header("X-Forwarded-For", NEIGHBOUR),
                3 => ask.old(),
                4 | 5 => ask.from(NEIGHBOUR),
                6 => ask.from(NEIGHBOUR).header("Cookie", &session),
                7 => {
                    let forged = format!("{}0", &session[..session.len() - 1]);
                    let forged = if forged == session {
                        format!("{session}1")
                    } else {
                        forged
                    };
                    ask.from(NEIGHBOUR).header("Cookie", &forged)
                }
                9 => ask.header("Host", "rebound.example"),
                10 => ask
                    .header("Origin", "http://rebound.example")
                    .header("Sec-Fetch-Site", "cross-site"),
                _ => ask,
            };
            let answer = if route.ends_with("/events") {
                ask.open().await.answer().await
            } else {
                ask.send().await
            };
            check_headers(route, &answer);
            let is_no = matches!(answer.status, 401 | 403 | 421);
            assert!(answer.status < 500, "{route}: {}", answer.text());
            statuses.push(if is_no { answer.status } else { IN });
        }
        if *route == "DELETE /api/v1/session" {
            // That one is over.
            session = log_in(here(closed), PASSWORD).await;
        }
        if statuses != expected {
            wrong.push(format!(
                "{route}\n  expected {expected:?}\n  found    {statuses:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // Nobody but Home Assistant gets even a no.
    for from in [NEIGHBOUR, HERE, "127.0.0.1"] {
        let to = if from == "127.0.0.1" {
            near(app)
        } else {
            here(app)
        };
        let ask = Ask::get(to, "/healthz").from(from);
        assert!(ask.try_send().await.is_none(), "{from}");
    }
    // Elsewhere that address is nobody.
    let ask = Ask::get(here(closed), "/api/v1/state").from(SUPERVISOR);
    assert_eq!(ask.send().await.status, 401);
    // What Home Assistant's own pages do, which say where they are from.
    let set = format!(
        "/api/v1/devices/{}/controls/output",
        roof(app, here(app), "").await
    );
    let ask = Ask::change(here(app), "POST", &set, &json!({ "value": "ON" })).from(SUPERVISOR);
    let by_core = ask
        .header("Host", "homeassistant.example:8123")
        .header("Origin", "https://homeassistant.example:8123");
    assert_eq!(by_core.send().await.status, 200);
    let elsewhere = by_core.header("Sec-Fetch-Site", "cross-site");
    assert_eq!(elsewhere.send().await.status, 403);
}

fn request(route: &str, to: SocketAddr, roof: &str) -> Ask {
    let (method, path) = route.split_once(' ').unwrap();
    let index = |path: &str| path.replace("{ref}", roof).replace("{key}", "output");
    let path = match path {
        "/v/{hash}/{*path}" => format!("/v/{}/app.js", wattbridge::web::build()),
        path => index(path),
    };
    match method {
        "GET" => Ask::get(to, &path),
        method => {
            let body = if path.ends_with("session") || path.ends_with("backup") {
                json!({ "password": PASSWORD })
            } else {
                json!({ "value": "ON" })
            };
            let ask = Ask::change(to, method, &path, &body);
            let all = table();
            let row = all
                .iter()
                .find(|it| route == format!("{} {}", it.method, it.path));
            match row.unwrap().brings {
                Brings::File => ask.header("Content-Type", "application/octet-stream"),
                Brings::Json | Brings::Nothing => ask,
            }
        }
    }
}

/// What the roof is called on this page, which an admin learns.
async fn roof(site: &TestSite, to: SocketAddr, session: &str) -> String {
    let ask = |path: &str| {
        let ask = Ask::get(to, path).header("Cookie", session);
        if site.web.address().port() == PORT {
            ask.from(SUPERVISOR)
        } else {
            ask
        }
    };
    let answer = ask("/api/v1/devices").send().await;
    if answer.status == 200 {
        return site.roof_ref(ask).await;
    }
    "0000000000".to_owned()
}

/// What every answer tells the browser, whoever asks.
fn check_headers(route: &str, answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(
        answer.header("cross-origin-opener-policy"),
        Some("same-origin")
    );
    for never in ["x-frame-options", "access-control-allow-origin", "server"] {
        assert_eq!(answer.header(never), None, "{route}");
    }
    if route.contains("/api/") {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{route}");
    }
    if answer.status >= 400 {
        let said: Json = answer.json();
        assert!(
            said["error"].is_string() && said["hint"].is_string(),
            "{said}"
        );
    }
}

#[tokio::test]
async fn what_changes_something_comes_from_our_own_page() {
    let site = TestSite::open().await;
    let to = site.web.address();
    let out = Ask::change(to, "DELETE", "/api/v1/session", &json!({}));
    for (what, ask, status) in [
        ("as the page does", out.clone(), 200),
        (
            "by a browser that says so",
            out.clone()
                .without("Origin")
                .header("Sec-Fetch-Site", "same-origin"),
            200,
        ),
        (
            "without our header",
            out.clone().without("X-Wattbridge"),
            403,
        ),
        ("without any origin", out.clone().without("Origin"), 403),
        (
            "from another port",
            out.clone().header("Origin", "http://127.0.0.1:1"),
            403,
        ),
        ("from nowhere", out.clone().header("Origin", "null"), 403),
        (
            "from a neighbour",
            out.clone().header("Sec-Fetch-Site", "same-site"),
            403,
        ),
        (
            "as a form",
            out.clone().header("Content-Type", "text/plain"),
            415,
        ),
        ("without a kind", out.clone().without("Content-Type"), 415),
    ] {
        assert_eq!(ask.send().await.status, status, "{what}");
    }
    for method in ["PUT", "PATCH", "TRACE"] {
        let ask = Ask::change(to, method, "/api/v1/state", &json!({}));
        assert_eq!(ask.send().await.status, 405, "{method}");
    }
    let before = Ask::get(to, "/api/v1/session");
    assert_eq!(before.send().await.status, 405);
    assert_eq!(Ask::get(to, "/nothing").send().await.status, 404);
}

#[tokio::test]
async fn a_page_with_another_name_reads_nothing() {
    let mut settings = settings("127.0.0.1:0");
    settings.hosts = vec!["solar.home".to_owned()];
    settings.frames = vec!["http://homeassistant.local:8123".to_owned()];
    let site = TestSite::start(settings).await;
    let to = site.web.address();
    let state = Ask::get(to, "/api/v1/state");
    for (host, status) in [
        ("localhost", 200),
        ("solar.home:8099", 200),
        ("wattbridge.local", 200),
        ("rebound.example", 421),
        ("localhost.rebound.example", 421),
        ("rebound.example#.local", 421),
        ("rebound.example/.local", 421),
        ("rebound.example:80.local", 421),
        ("somebody@localhost", 421),
        ("[::1].local", 421),
        (".local", 421),
        ("", 421),
    ] {
        let answer = state.clone().header("Host", host).send().await;
        assert_eq!(answer.status, status, "{host}");
        let is_told = answer.text().contains("power");
        assert_eq!(is_told, status == 200, "{host}");
    }
    // The line of the request counts more than the header.
    let absolute = Ask::get(to, "http://rebound.example/api/v1/state");
    assert_eq!(absolute.send().await.status, 421);
    assert_eq!(state.clone().without("Host").send().await.status, 421);
    for (first, second) in [
        ("localhost", "rebound.example"),
        ("rebound.example", "localhost"),
        ("localhost", "localhost"),
    ] {
        let twice = state.clone().header("Host", first).header("host", second);
        assert_eq!(twice.send().await.status, 421, "{first}, {second}");
    }
    let policy = state.send().await;
    let policy = policy.header("content-security-policy").unwrap();
    assert!(
        policy.contains("frame-ancestors 'self' http://homeassistant.local:8123;"),
        "{policy}"
    );
}

#[tokio::test]
async fn who_comes_through_a_proxy_is_not_at_this_computer() {
    let site = TestSite::open().await;
    let ask = Ask::get(site.web.address(), "/api/v1");
    let role = async |ask: Ask| {
        let about = ask.send().await.json();
        about["role"].as_str().unwrap().to_owned()
    };
    for header in [
        "Forwarded",
        "Via",
        "X-Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Prefix",
        "x-forwarded-anything",
        "X-Real-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "X-Original-Host",
        "X-Scheme",
        "X-Remote-User",
        "CF-Connecting-IP",
        "True-Client-IP",
        "CDN-Loop",
        "Fly-Client-IP",
        "Tailscale-User-Login",
        "Remote-User",
    ] {
        let by_proxy = ask.clone().header(header, "192.0.2.9");
        assert_eq!(role(by_proxy).await, "none", "{header}");
    }
    // What browsers and scripts send of themselves.
    for header in [
        "X-Requested-With",
        "Referer",
        "DNT",
        "Priority",
        "X-Request-Id",
    ] {
        assert_eq!(
            role(ask.clone().header(header, "x")).await,
            "admin",
            "{header}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_in_plain_words() {
    let site = TestSite::open().await;
    let to = site.web.address();
    let history = "/api/v1/history";
    for (path, status, words) in [
        ("/api/v1/devices/%ff", 404, "nothing here"),
        ("/api/v1/devices/%C3/health", 404, "nothing here"),
        ("/api/v1/config/copies/%ff", 404, "nothing here"),
        ("/%ff", 404, "nothing here"),
        ("/api/v1/state?since=x", 400, "what is said of `since`"),
        (
            &format!("{history}/energy?by=week&from=a&to=b"),
            400,
            "`by`",
        ),
        (
            &format!("{history}/energy?by=day&from=a"),
            400,
            "`to` is missing",
        ),
        (
            &format!("{history}.csv?from=a&to=b&slots=1"),
            400,
            "`slots` cannot",
        ),
        (
            &format!("{history}.csv?from=a&to=b&step=5"),
            400,
            "`step` cannot",
        ),
        ("/api/v1/devices/house/health?from=0", 400, "`from` cannot"),
        ("/api/v1/log?before=x", 400, "`before`"),
        ("/api/v1/events?log=loud", 400, "`log`"),
    ] {
        let answer = Ask::get(to, path).send().await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let said = answer.json();
        let error = said["error"].as_str().unwrap();
        assert!(
            error.contains(words) && said["hint"].is_string(),
            "{path}: {said}"
        );
        for foreign in ["deserialize", "invalid", "expected"] {
            assert!(!error.contains(foreign), "{path}: {error}");
        }
    }
    for body in ["", "{", "[]", "{\"value\":5}", "null"] {
        let set = Ask::change(to, "POST", "/api/v1/devices/0/controls/x", &json!({}));
        let set = set.body(body.as_bytes()).send().await;
        assert_eq!(set.status, 400, "{body}");
        assert!(set.json()["error"].is_string(), "{body}");
    }
}
