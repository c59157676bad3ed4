//! Asking a web server for something small: no redirect is followed, and no answer takes longer or is larger
//! than a bound.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// For everything, from the name to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is asked for has a few hundred bytes.
const LARGEST: usize = 256 * 1024;

/// A web server without TLS, as in `http://supervisor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpServer {
    /// Name or address, and port.
    authority: String,
}

impl FromStr for HttpServer {
    type Err = HttpError;

    fn from_str(text: &str) -> Result<Self, HttpError> {
        let wrong = || HttpError::Address(text.to_owned());
        let authority = text.strip_prefix("http://").ok_or_else(wrong)?;
        let authority = authority.trim_end_matches('/');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
        if authority.is_empty() || !authority.chars().all(is_plain) {
            return Err(wrong());
        }
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if has_port { "" } else { ":80" };
        Ok(Self {
            authority: format!("{authority}{port}"),
        })
    }
}

impl fmt::Display for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.authority;
        write!(
            f,
            "http://{}",
            authority.strip_suffix(":80").unwrap_or(authority)
        )
    }
}

/// What the server said.
#[derive(Debug)]
pub struct HttpAnswer {
    /// 200 for what was asked for.
    pub status: StatusCode,
    /// Whatever came with it.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Not `http://name:port`.
    #[error("\"{0}\" is not the address of a web server; write it like http://192.168.1.10:80")]
    Address(String),
    /// Nobody is there.
    #[error("{server} cannot be reached ({reason})")]
    Unreachable {
        /// Who was asked.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// Nothing, or not all, came in time.
    #[error("{0} did not answer in time")]
    Late(String),
    /// What came is no answer, or larger than any that is expected.
    #[error("{server} gave an answer that cannot be read ({reason})")]
    Unreadable {
        /// Who was asked.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl HttpServer {
    /// Asks for what is at `path`, showing `token` if the server wants one.
    ///
    /// # Errors
    ///
    /// If nothing came that is an answer; one of any status is.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Result<HttpAnswer, HttpError> {
        let late = |_| HttpError::Late(self.to_string());
        tokio::time::timeout(PATIENCE, self.ask(path, token))
            .await
            .map_err(late)?
    }

    async fn ask(&self, path: &str, token: Option<&str>) -> Result<HttpAnswer, HttpError> {
        let unreadable = |reason: String| HttpError::Unreadable {
            server: self.to_string(),
            reason,
        };
        let request = self.request(path, token).map_err(unreadable)?;
        let stream =
            TcpStream::connect(&self.authority)
                .await
                .map_err(|error| HttpError::Unreachable {
                    server: self.to_string(),
                    reason: error.to_string(),
                })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        let exchange = async {
            let answer = sender.send_request(request).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            Ok(HttpAnswer { status, body })
        };
        let mut connection = std::pin::pin!(connection);
        let mut exchange = std::pin::pin!(exchange);
        // The connection does the reading and writing; it may be over before the answer is looked at.
        let answer = tokio::select! {
            answer = &mut exchange => answer,
            _ = &mut connection => exchange.await,
        };
        answer.map_err(unreadable)
    }

    fn request(&self, path: &str, token: Option<&str>) -> Result<Request<Empty<Bytes>>, String> {
        let mut request = Request::get(path)
            .header(HOST, &self.authority)
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value =
                value.map_err(|_| "the token has letters that cannot be sent".to_owned())?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

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
            let answer = server.get("/info", Some("swordfish")).await.unwrap();
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
        assert_eq!(server.get("/", None).await.unwrap().body, "all of it");
    }

    #[tokio::test]
    async fn what_is_no_answer_is_said_and_none_is_too_large() {
        let large = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", LARGEST + 1);
        let large = [large.into_bytes(), vec![b'x'; LARGEST + 1]].concat();
        let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec();
        for bytes in [large, cut, b"SSH-2.0-x\r\n".to_vec(), Vec::new()] {
            let (server, _) = served(bytes).await;
            let error = server.get("/", None).await.unwrap_err();
            assert!(matches!(error, HttpError::Unreadable { .. }), "{error}");
        }
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", socket.local_addr().unwrap());
        drop(socket);
        let server: HttpServer = server.parse().unwrap();
        let error = server.get("/", None).await.unwrap_err();
        assert!(matches!(error, HttpError::Unreachable { .. }), "{error}");
        let words = server.get("/", Some("a\nb")).await.unwrap_err().to_string();
        assert!(!words.contains("a\nb"), "{words}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server: HttpServer = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let error = server.get("/", None).await.unwrap_err();
        assert_eq!(error, HttpError::Late(server.to_string()));
    }

    #[test]
    fn addresses_of_servers() {
        let server = |text: &str| text.parse::<HttpServer>();
        assert_eq!(
            server("http://supervisor").unwrap().authority,
            "supervisor:80"
        );
        assert_eq!(
            server("http://supervisor/").unwrap().to_string(),
            "http://supervisor"
        );
        assert_eq!(
            server("http://127.0.0.1:9/").unwrap().to_string(),
            "http://127.0.0.1:9"
        );
        for wrong in [
            "",
            "supervisor",
            "https://supervisor",
            "http://",
            "http://a/b",
            "http://a b",
            "http://a\r\nb",
        ] {
            assert!(server(wrong).is_err(), "{wrong}");
        }
    }
}
