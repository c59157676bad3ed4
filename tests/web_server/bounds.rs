//! How much and how long: nobody can keep the page from the others.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::DEADLINE;
use crate::http::{Ask, Open};
use crate::site::TestSite;

/// Waits until the other end has let go; what it said, and how long that took.
async fn let_go(stream: &mut TcpStream) -> (String, Duration) {
    let begun = Instant::now();
    let mut said = Vec::new();
    let _ = timeout(10 * DEADLINE, stream.read_to_end(&mut said))
        .await
        .expect("it is never let go");
    (String::from_utf8_lossy(&said).into_owned(), begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_is_cut_off_after_ten_seconds() {
    let site = TestSite::open().await;
    let mut stream = Ask::get(site.web.address(), "/").connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: 127")
        .await
        .unwrap();
    let (said, took) = let_go(&mut stream).await;
    assert_eq!(said, "");
    assert!((9..12).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn who_asks_nothing_more_is_let_go_after_a_minute() {
    let site = TestSite::open().await;
    let ask = Ask::get(site.web.address(), "/healthz").header("Connection", "keep-alive");
    let mut open = ask.open().await;
    open.until("ok\n").await;
    let begun = Instant::now();
    let mut stream = open.into_stream();
    let_go(&mut stream).await;
    assert!(
        (55..65).contains(&begun.elapsed().as_secs()),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_long_head_is_refused() {
    let site = TestSite::open().await;
    let ask = Ask::get(site.web.address(), "/healthz");
    let fits = ask.clone().header("X-Long", &"x".repeat(15_000));
    assert_eq!(fits.send().await.status, 200);
    let long = ask.header("X-Long", &"x".repeat(17_000));
    assert_eq!(long.send().await.status, 431);
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let site = TestSite::open().await;
    let to = site.web.address();
    let body = json!({ "password": "x".repeat(300_000) });
    let ask = Ask::change(to, "POST", "/api/v1/session", &body);
    assert_eq!(ask.send().await.status, 413);
    // Who announces it is not even waited for.
    let small = Ask::change(to, "POST", "/api/v1/session", &json!({}));
    for length in ["262145", "99999999999"] {
        let announced = small.clone().header("Content-Length", length);
        let begun = Instant::now();
        let said = announced.open().await.answer().await;
        assert_eq!(said.status, 413, "{length}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{length}");
    }
    let fits = json!({ "password": "x".repeat(200_000) });
    let ask = Ask::change(to, "POST", "/api/v1/session", &fits);
    assert_eq!(ask.send().await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_cut_off_after_thirty_seconds() {
    let site = TestSite::open().await;
    let ask = Ask::change(site.web.address(), "POST", "/api/v1/session", &json!({}));
    let begun = Instant::now();
    let answer = ask
        .header("Content-Length", "100")
        .open()
        .await
        .answer()
        .await;
    assert_eq!(answer.status, 408);
    assert!(
        (29..32).contains(&begun.elapsed().as_secs()),
        "{:?}",
        begun.elapsed()
    );
}

/// Another one for each number.
fn neighbour(number: usize) -> String {
    format!("127.0.1.{}", number + 1)
}

/// Connections from these neighbours that stay.
async fn crowd(ask: &Ask, of_each: usize, neighbours: usize) -> Vec<Open> {
    let mut open = Vec::new();
    for neighbour in (0..neighbours).map(neighbour) {
        for _ in 0..of_each {
            let mut one = ask.clone().from(&neighbour).open().await;
            one.until("\r\n\r\n").await;
            open.push(one);
        }
    }
    open
}

async fn until_let_in(ask: &Ask) {
    let again = async {
        while ask.send().await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, again)
        .await
        .expect("nobody gets in again");
}

#[tokio::test]
async fn the_sixty_fifth_connection_waits_for_another_to_end() {
    let site = TestSite::open().await;
    let ask = Ask::get(site.web.address(), "/api/v1");
    let mut open = crowd(&ask.clone().header("Connection", "keep-alive"), 16, 4).await;
    let refused = ask.send().await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("30"))
    );
    // That it has not said anything yet makes no difference.
    let (said, _) = let_go(&mut ask.connect().await).await;
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    // Whoever watches over the program is told that it lives.
    let check = Ask::get(site.web.address(), "/healthz");
    let check = check.header("Connection", "keep-alive").send().await;
    assert_eq!((check.status, check.text().as_str()), (200, "ok\n"));
    open.pop();
    until_let_in(&ask).await;
}

#[tokio::test]
async fn one_address_does_not_take_the_places_of_all_others() {
    let site = TestSite::open().await;
    let ask = Ask::get(site.web.address(), "/api/v1");
    let kept = ask.clone().header("Connection", "keep-alive");
    let mut open = crowd(&kept, 40, 1).await;
    let theirs = ask.clone().from(&neighbour(0));
    assert_eq!(theirs.send().await.status, 503);
    assert_eq!(ask.send().await.status, 200);
    open.pop();
    until_let_in(&theirs).await;
}

#[tokio::test]
async fn who_asks_nothing_more_goes_sooner_where_there_is_a_crowd() {
    let site = TestSite::open().await;
    let to = site.web.address();
    let mut idle = crowd(
        &Ask::get(to, "/api/v1").header("Connection", "keep-alive"),
        1,
        1,
    )
    .await;
    // They are long in saying what they want.
    let slow = Ask::change(to, "POST", "/api/v1/session", &json!({})).body(b"");
    let slow = slow.header("Content-Length", "100");
    let mut busy = Vec::new();
    for neighbour in (1..4).map(neighbour) {
        for _ in 0..16 {
            busy.push(slow.clone().from(&neighbour).open().await);
        }
    }
    let gone = idle.remove(0).into_stream();
    let gone = async { timeout(DEADLINE / 2, let_go(&mut { gone })).await };
    assert!(gone.await.is_ok(), "it stays for its minute");
}

#[tokio::test]
async fn the_seventeenth_stream_is_refused_and_asks_for_states_instead() {
    let site = TestSite::open().await;
    let to = site.web.address();
    let ask = Ask::get(to, "/api/v1/events");
    let mut open = crowd(&ask, 5, 3).await;
    open.extend(crowd(&ask, 1, 1).await);
    let refused = ask.send().await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("30"))
    );
    assert_eq!(Ask::get(to, "/api/v1/state").send().await.status, 200);
    open.pop();
    let again = async {
        while ask.open().await.answer().await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, again).await.unwrap();
}

#[tokio::test]
async fn one_address_has_ten_streams() {
    let site = TestSite::open().await;
    let ask = Ask::get(site.web.address(), "/api/v1/events");
    let _open = crowd(&ask, 10, 1).await;
    let theirs = ask.clone().from(&neighbour(0));
    assert_eq!(theirs.send().await.status, 503);
    assert_eq!(ask.open().await.answer().await.status, 200);
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask_and_events_never() {
    let site = TestSite::open().await;
    let to = site.web.address();
    let index = Ask::get(to, "/").send().await;
    assert_eq!(index.header("content-encoding"), None);
    let build = index.header("etag").unwrap().trim_matches('"').to_owned();
    let script = format!("/v/{build}/vendor/lit.js");
    for path in ["/", "/api/v1/devices", script.as_str()] {
        let plain = Ask::get(to, path).send().await;
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        let packed = Ask::get(to, path)
            .header("Accept-Encoding", "gzip, br, zstd")
            .send()
            .await;
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
        assert!(packed.body.len() < plain.body.len(), "{path}");
        assert_eq!(plain.status, packed.status);
    }
    let mut events = Ask::get(to, "/api/v1/events")
        .header("Accept-Encoding", "gzip")
        .open()
        .await;
    let answer = events.answer().await;
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    events.until("event: hello").await;
}

#[tokio::test]
async fn files_are_kept_for_ever_and_the_page_is_asked_for_each_time() {
    let site = TestSite::open().await;
    let to = site.web.address();
    let index = Ask::get(to, "/").send().await;
    assert_eq!(index.header("cache-control"), Some("no-cache"));
    let tag = index.header("etag").unwrap().to_owned();
    let build = tag.trim_matches('"');
    assert!(index.text().contains(build));
    let known = Ask::get(to, "/").header("If-None-Match", &tag).send().await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    let other = Ask::get(to, "/")
        .header("If-None-Match", "\"x\"")
        .send()
        .await;
    assert_eq!(other.status, 200);
    let icon = Ask::get(to, &format!("/v/{build}/icon.svg")).send().await;
    assert_eq!(icon.status, 200);
    assert_eq!(icon.header("content-type"), Some("image/svg+xml"));
    assert!(icon.header("cache-control").unwrap().contains("immutable"));
    for wrong in [
        "/v/0000/icon.svg",
        &format!("/v/{build}/../icon.svg"),
        &format!("/v/{build}/no.js"),
    ] {
        let answer = Ask::get(to, wrong).send().await;
        assert_eq!(answer.status, 404, "{wrong}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{wrong}");
    }
}
