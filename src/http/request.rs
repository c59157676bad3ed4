//! What is asked, with what may be shown of it.

use std::fmt;

use hyper::Method;
use zeroize::Zeroizing;

use super::HttpServer;

/// A line of the head.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpHeader {
    pub(super) name: &'static str,
    pub(super) value: Zeroizing<String>,
    is_secret: bool,
}

/// One question to a web server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Who is asked.
    pub server: HttpServer,
    /// How.
    pub method: Method,
    /// Path and query behind the base of the server; begins with a slash. Never holds a secret.
    pub path: String,
    /// The head.
    pub headers: Vec<HttpHeader>,
    /// What is sent along.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// Asks for what is at a path.
    pub fn get(server: &HttpServer, path: impl Into<String>) -> Self {
        Self {
            server: server.clone(),
            method: Method::GET,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Sends something to a path.
    pub fn post(server: &HttpServer, path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: Method::POST,
            body: body.into(),
            ..Self::get(server, path)
        }
    }

    /// Sends the fields of a form to a path.
    pub fn post_form<'a>(
        server: &HttpServer,
        path: impl Into<String>,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        Self::post(server, path, super::form(fields))
            .header("Content-Type", "application/x-www-form-urlencoded")
    }

    /// One more line of the head.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push(HttpHeader {
            name,
            value: Zeroizing::new(value.into()),
            is_secret: false,
        });
        self
    }

    /// One more line of the head, which nobody may see.
    #[must_use]
    pub fn secret_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self = self.header(name, value);
        if let Some(header) = self.headers.last_mut() {
            header.is_secret = true;
        }
        self
    }

    /// The whole address.
    pub fn url(&self) -> String {
        format!("{}{}", self.server, self.path)
    }
}

impl fmt::Debug for HttpHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for HttpHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.is_secret { "***" } else { &self.value };
        write!(f, "{}: {value}", self.name)
    }
}

/// As it goes over the line, without its secrets.
impl fmt::Display for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.method, self.url())?;
        for header in &self.headers {
            writeln!(f, "{header}")?;
        }
        if !self.body.is_empty() {
            writeln!(f, "\n{}", String::from_utf8_lossy(&self.body).trim_end())?;
        }
        Ok(())
    }
}
