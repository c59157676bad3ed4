//! The connection, the bounds, the answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::bounded::Bounded;
use super::{HttpError, HttpRequest, HttpServer};
use crate::names::dial;
use crate::tls::{self, Tls};

/// So much may come beside the body.
const HEADS: usize = 64 * 1024;

/// How a request is sent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpClient {
    trust: Tls,
    /// Until a connection is there.
    connect: Duration,
    /// For everything, from the name to the last byte.
    whole: Duration,
    /// No answer is read further.
    largest: usize,
}

/// What the server said.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// 200 for what was asked for.
    pub status: StatusCode,
    /// Its head.
    pub headers: HeaderMap,
    /// Whatever came with it.
    pub body: Bytes,
}

impl HttpAnswer {
    /// A line of the head, if it is plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Default for HttpClient {
    fn default() -> Self {
        Self {
            trust: Tls::default(),
            connect: Duration::from_secs(10),
            whole: Duration::from_secs(30),
            largest: 64 * 1024,
        }
    }
}

impl HttpClient {
    /// Trusts the public authorities, or those of a file alone.
    pub fn trusting(ca_file: Option<&std::path::Path>) -> Self {
        Self {
            trust: Tls {
                ca_file: ca_file.map(Into::into),
                ..Tls::default()
            },
            ..Self::default()
        }
    }

    /// Takes no longer than this for a request.
    #[must_use]
    pub fn within(self, whole: Duration) -> Self {
        Self {
            connect: self.connect.min(whole),
            whole,
            ..self
        }
    }

    /// Reads answers of so many bytes.
    #[must_use]
    pub const fn reading(mut self, largest: usize) -> Self {
        self.largest = largest;
        self
    }

    /// Sends a request, on a connection of its own.
    ///
    /// # Errors
    ///
    /// If nothing came that is an answer; one of any status is.
    pub async fn send(&self, request: &HttpRequest) -> Result<HttpAnswer, HttpError> {
        let server = &request.server;
        let start = Instant::now();
        let end = start + self.whole;
        let outgoing = outgoing(request).map_err(|reason| HttpError::Request {
            server: server.to_string(),
            reason,
        })?;
        let unreachable = |reason: String| HttpError::Unreachable {
            server: server.to_string(),
            reason,
        };
        let late = |_| HttpError::Late(server.to_string());
        let not_there = |_| unreachable("no answer in time".to_owned());
        let soon = start + self.connect;
        if !server.is_secure() {
            let stream = timeout_at(soon, dial(&server.host, server.port));
            let stream = stream.await.map_err(not_there)?;
            let stream = stream.map_err(|error| unreachable(error.to_string()))?;
            return timeout_at(end, self.exchange(server, stream, outgoing))
                .await
                .map_err(late)?;
        }
        // The files first: their errors need no network.
        let config = tls::client_config(&self.trust)?;
        let name = tls::server_name(server.host())?;
        let secured = async {
            let stream = dial(&server.host, server.port).await;
            let stream = stream.map_err(|error| unreachable(error.to_string()))?;
            let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
            handshake.await.map_err(|error| HttpError::Tls {
                server: server.to_string(),
                reason: error.to_string(),
            })
        };
        let stream = timeout_at(soon, secured).await.map_err(not_there)??;
        timeout_at(end, self.exchange(server, stream, outgoing))
            .await
            .map_err(late)?
    }

    async fn exchange(
        &self,
        server: &HttpServer,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send,
        request: Request<Full<Bytes>>,
    ) -> Result<HttpAnswer, HttpError> {
        let unreadable = |reason: String| HttpError::Unreadable {
            server: server.to_string(),
            reason,
        };
        // The body may come in small pieces, each with its length, and before it are heads.
        let most = self.largest.saturating_mul(2).saturating_add(HEADS);
        let stream = Bounded::new(stream, most);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        let exchange = async {
            let answer = sender.send_request(request).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, self.largest).collect().await;
            Ok(HttpAnswer {
                status: head.status,
                headers: head.headers,
                body: body.map_err(|error| error.to_string())?.to_bytes(),
            })
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
}

fn outgoing(request: &HttpRequest) -> Result<Request<Full<Bytes>>, String> {
    let path = format!("{}{}", request.server.base, request.path);
    let mut outgoing = Request::builder()
        .method(request.method.clone())
        .uri(path)
        .header(HOST, request.server.authority())
        .header(
            "User-Agent",
            concat!("wattbridge/", env!("CARGO_PKG_VERSION")),
        )
        .header("Connection", "close")
        .body(Full::from(request.body.clone()))
        .map_err(|error| error.to_string())?;
    for header in &request.headers {
        let value = HeaderValue::from_str(&header.value);
        let mut value = value.map_err(|_| {
            format!(
                "what is to stand in {} has letters that cannot be sent",
                header.name
            )
        })?;
        value.set_sensitive(true);
        outgoing.headers_mut().insert(header.name_of()?, value);
    }
    Ok(outgoing)
}

impl super::HttpHeader {
    fn name_of(&self) -> Result<hyper::header::HeaderName, String> {
        self.name
            .parse()
            .map_err(|_| format!("{} is no name of a header", self.name))
    }
}

impl fmt::Display for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.text())
    }
}
