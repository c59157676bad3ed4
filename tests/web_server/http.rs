//! A browser that says exactly what it is told to say.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::DEADLINE;

/// A request, as it is built up.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    to: SocketAddr,
    from: Option<IpAddr>,
    method: String,
    path: String,
    version: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = &bytes[end + 4..];
        let body = if head.contains("transfer-encoding: chunked") {
            whole(body)
        } else {
            body.to_vec()
        };
        Some(Self { status, head, body })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    /// The cookie that is to be kept.
    pub(crate) fn cookie(&self) -> String {
        let set = self.header("set-cookie");
        let set = set.unwrap_or_else(|| panic!("no cookie: {}", self.text()));
        set.split(';').next().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(known, _)| *known == name);
        found.next().map(|(_, value)| value)
    }
}

/// Logs in; what to show from then on.
pub(crate) async fn log_in(to: SocketAddr, password: &str) -> String {
    let body = serde_json::json!({ "password": password });
    let login = Ask::change(to, "POST", "/api/v1/session", &body);
    login.send().await.cookie()
}

/// The pieces of a body that came in pieces.
fn whole(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|it| it == b"\r\n") {
        let length = String::from_utf8_lossy(&rest[..end]);
        let length = usize::from_str_radix(&length, 16).unwrap_or_default();
        if length == 0 {
            break;
        }
        body.extend(rest.iter().skip(end + 2).take(length));
        rest = rest.get(end + 2 + length + 2..).unwrap_or_default();
    }
    body
}

impl Ask {
    pub(crate) fn get(to: SocketAddr, path: &str) -> Self {
        Self {
            to,
            from: None,
            method: "GET".to_owned(),
            path: path.to_owned(),
            version: "HTTP/1.1",
            headers: vec![
                ("Host".to_owned(), to.to_string()),
                ("Connection".to_owned(), "close".to_owned()),
            ],
            body: Vec::new(),
        }
    }

    /// What changes something, as the page sends it.
    pub(crate) fn change(to: SocketAddr, method: &str, path: &str, body: &Json) -> Self {
        let mut ask = Self::get(to, path);
        ask.method = method.to_owned();
        ask.body = body.to_string().into_bytes();
        ask.header("Content-Type", "application/json")
            .header("Content-Length", &body.to_string().len().to_string())
            .header("X-Wattbridge", "1")
            .header("Origin", &format!("http://{to}"))
    }

    /// A file, as the page sends it.
    pub(crate) fn file(to: SocketAddr, path: &str, body: Vec<u8>) -> Self {
        let length = body.len().to_string();
        let mut ask = Self::change(to, "POST", path, &Json::Null);
        ask.body = body;
        ask.header("Content-Type", "application/octet-stream")
            .header("Content-Length", &length)
    }

    /// From another address of this computer.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.from = Some(address.parse().unwrap());
        self
    }

    /// With this body, whatever it is.
    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("Content-Length", &body.len().to_string())
    }

    /// By the old version of the protocol.
    pub(crate) fn old(mut self) -> Self {
        self.version = "HTTP/1.0";
        self
    }

    /// With this header, in place of another of its name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let line = format!("{} {} {}\r\n", self.method, self.path, self.version);
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = line + &headers.collect::<String>() + "\r\n";
        [head.as_bytes(), &self.body].concat()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        let socket = match self.to {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        let socket = socket.unwrap();
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0)).unwrap();
        }
        socket.connect(self.to).await.unwrap()
    }

    /// Opens a connection and sends it, for answers without an end.
    pub(crate) async fn open(&self) -> Open {
        let mut stream = self.connect().await;
        stream.write_all(&self.bytes()).await.unwrap();
        Open {
            stream,
            read: Vec::new(),
        }
    }

    /// The answer; none if the connection ends without one.
    pub(crate) async fn try_send(&self) -> Option<Answer> {
        let mut stream = self.connect().await;
        // Who is not wanted may be cut off in the middle of it.
        let _ = stream.write_all(&self.bytes()).await;
        let mut bytes = Vec::new();
        let read = timeout(DEADLINE, stream.read_to_end(&mut bytes)).await;
        let _ = read.unwrap_or_else(|_| panic!("no end of the answer to {self:?}"));
        Answer::read(&bytes)
    }

    pub(crate) async fn send(&self) -> Answer {
        let answer = self.try_send().await;
        answer.unwrap_or_else(|| panic!("no answer to {self:?}"))
    }
}

/// An answer without an end.
pub(crate) struct Open {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Open {
    /// The head of the answer, with what is there of the rest.
    pub(crate) async fn answer(&mut self) -> Answer {
        loop {
            if let Some(answer) = Answer::read(&self.read) {
                return answer;
            }
            assert!(self.more().await, "it ends within the head");
        }
    }

    /// Reads on until this stands there.
    pub(crate) async fn until(&mut self, needle: &str) -> String {
        let mut searched = 0_usize;
        loop {
            let rest = &self.read[searched.saturating_sub(needle.len())..];
            let mut places = rest.windows(needle.len());
            if places.any(|place| place == needle.as_bytes()) {
                return String::from_utf8_lossy(&self.read).into_owned();
            }
            searched = self.read.len();
            assert!(self.more().await, "it ends without {needle:?}");
        }
    }

    /// Forgets what was read.
    pub(crate) fn forget(&mut self) {
        self.read.clear();
    }

    /// Reads on.
    pub(crate) async fn more_or_end(&mut self) {
        assert!(self.more().await, "it ends");
    }

    /// Waits until the other end has let go.
    pub(crate) async fn ended(&mut self) {
        while self.more().await {}
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    async fn more(&mut self) -> bool {
        let mut part = vec![0; 65_536];
        let read = timeout(DEADLINE, self.stream.read(&mut part)).await;
        let read = read
            .unwrap_or_else(|_| panic!("nothing more: {}", String::from_utf8_lossy(&self.read)));
        let length = read.unwrap_or_default();
        self.read.extend(&part[..length]);
        length > 0
    }
}
