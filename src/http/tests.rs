//! Against real sockets.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const LARGEST: usize = 64 * 1024;

async fn get(
    server: &HttpServer,
    path: &str,
    token: Option<&str>,
) -> Result<HttpAnswer, HttpError> {
    let mut request = HttpRequest::get(server, path);
    if let Some(token) = token {
        request = request.secret_header("Authorization", format!("Bearer {token}"));
    }
    HttpClient::default().send(&request).await
}

/// A server that answers one request with these bytes, and what it was asked.
async fn served(answer: Vec<u8>) -> (HttpServer, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let byte = stream.read_u8().await.unwrap();
            asked.push(byte);
        }
        let _ = stream.write_all(&answer).await;
        String::from_utf8(asked).unwrap()
    });
    (server.parse().unwrap(), asked)
}

#[tokio::test]
async fn an_answer_of_any_status_is_one_and_redirects_are_not_followed() {
    let long = "x".repeat(5000);
    for (status, body) in [(200, "{}"), (400, ""), (302, "elsewhere"), (200, &long)] {
        let answer = format!(
            "HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (server, asked) = served(answer.into_bytes()).await;
        let answer = get(&server, "/info", Some("swordfish")).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), &answer.body[..]),
            (status, body.as_bytes())
        );
        let asked = asked.await.unwrap().to_lowercase();
        assert!(asked.starts_with("get /info http/1.1\r\n"), "{asked}");
        assert!(
            asked.contains("authorization: bearer swordfish\r\n"),
            "{asked}"
        );
        assert!(asked.contains("host: 127.0.0.1:"), "{asked}");
    }
    // Without a length, to the end of the connection.
    let (server, _) = served(b"HTTP/1.1 200 OK\r\n\r\nall of it".to_vec()).await;
    assert_eq!(get(&server, "/", None).await.unwrap().body, "all of it");
}

#[tokio::test]
async fn what_is_no_answer_is_said_and_none_is_too_large() {
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", LARGEST + 1);
    let large = [large.into_bytes(), vec![b'x'; LARGEST + 1]].concat();
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec();
    for bytes in [large, cut, b"SSH-2.0-x\r\n".to_vec(), Vec::new()] {
        let (server, _) = served(bytes).await;
        let error = get(&server, "/", None).await.unwrap_err();
        assert!(matches!(error, HttpError::Unreadable { .. }), "{error}");
        assert!(error.may_have_arrived());
    }
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", socket.local_addr().unwrap());
    drop(socket);
    let server: HttpServer = server.parse().unwrap();
    let error = get(&server, "/", None).await.unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { .. }), "{error}");
    let words = get(&server, "/", Some("a\nb"))
        .await
        .unwrap_err()
        .to_string();
    assert!(!words.contains("a\nb"), "{words}");
}

#[tokio::test]
async fn heads_without_end_are_no_answer() {
    let flood = "HTTP/1.1 100 Continue\r\n\r\n".repeat(40_000);
    let (server, asked) = served(flood.into_bytes()).await;
    let error = get(&server, "/", None).await.unwrap_err();
    assert!(matches!(error, HttpError::Unreadable { .. }), "{error}");
    asked.abort();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server: HttpServer = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let error = get(&server, "/", None).await.unwrap_err();
    assert_eq!(error, HttpError::Late(server.to_string()));
}

#[test]
fn addresses_of_servers() {
    let server = |text: &str| text.parse::<HttpServer>();
    for (text, written, authority) in [
        ("http://supervisor", "http://supervisor", "supervisor"),
        ("http://supervisor:80/", "http://supervisor", "supervisor"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9", "127.0.0.1:9"),
        (
            "https://nas.lan/influx/",
            "https://nas.lan/influx",
            "nas.lan",
        ),
        (
            "https://[2001:db8::1]:8086",
            "https://[2001:db8::1]:8086",
            "[2001:db8::1]:8086",
        ),
    ] {
        let server = server(text).unwrap();
        assert_eq!(server.to_string(), written);
        assert_eq!(server.authority(), authority);
    }
    for wrong in [
        "",
        "supervisor",
        "ftp://supervisor",
        "http://",
        "http:///a",
        "http://a b",
        "http://a\r\nb",
        "http://user:word@a",
        "http://a:0",
        "http://a:99999",
        "http://a/?q=1",
        "http://[::1",
        "http://::1",
    ] {
        assert!(server(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_address_that_is_more_is_not_repeated_with_its_secrets() {
    for (text, shown) in [
        (
            "https://emoncms.org/input/post.json?apikey=swordfish",
            "https://emoncms.org/input/post.json",
        ),
        ("emoncms.org/input?swordfish", "emoncms.org/input"),
        ("http://user:swordfish@nas:8086", "http://***@nas:8086"),
        ("user:swordfish@nas", "***@nas"),
        ("http://user:sword?swordfish@nas", "http://***"),
        ("http://nas/a?key=x@swordfish", "http://***"),
        ("http://a@nas/b?swordfish", "http://***@nas/b"),
        ("swordfish://swordfish@nas", "***@nas"),
    ] {
        let error = text.parse::<HttpServer>().unwrap_err();
        assert_eq!(error, HttpError::MoreThanAddress(shown.to_owned()));
        let words = format!("{error} {error:?}");
        assert!(!words.contains("swordfish"), "{words}");
        assert!(words.contains("leave out"), "{words}");
    }
}

#[test]
fn secrets_of_requests_are_not_shown() {
    let server: HttpServer = "http://127.0.0.1:9".parse().unwrap();
    let request = HttpRequest::post_form(&server, "/in", [("a", "b c")])
        .secret_header("Authorization", "Bearer swordfish");
    let shown = format!("{request} {request:?}");
    assert!(!shown.contains("swordfish"), "{shown}");
    assert_eq!(
        request.to_string(),
        "POST http://127.0.0.1:9/in\nContent-Type: application/x-www-form-urlencoded\nAuthorization: ***\n\na=b+c\n"
    );
}
