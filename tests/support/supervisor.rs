//! What a Supervisor of Home Assistant says to one of its apps, on a port of the loopback interface.
//!
//! It answers what an app may ask, if it shows its token, and nothing else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

pub(crate) const TOKEN: &str = "0123456789abcdef-supervisor";

/// What it knows, which may change at any time.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// The broker, if there is one.
    pub(crate) broker: Option<Json>,
    /// The configuration of Home Assistant Core, if that is up.
    pub(crate) core: Option<Json>,
}

impl Known {
    /// A broker on this computer that lets everybody in, or one user.
    pub(crate) fn broker(port: u16, user: Option<(&str, &str)>) -> Json {
        let mut broker = json!({
            "addon": "core_mosquitto", "host": "127.0.0.1", "port": port, "ssl": false, "protocol": "3.1.1",
        });
        if let Some((name, password)) = user {
            broker["username"] = name.into();
            broker["password"] = password.into();
        }
        broker
    }
}

pub(crate) struct FakeSupervisor {
    address: SocketAddr,
    known: Arc<Mutex<Known>>,
    asked: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

impl FakeSupervisor {
    pub(crate) async fn start(known: Known) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let known = Arc::new(Mutex::new(known));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (facts, log) = (Arc::clone(&known), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&facts), Arc::clone(&log)));
            }
        });
        Self {
            address,
            known,
            asked,
            task: task.abort_handle(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn learn(&self, known: Known) {
        *self.known.lock().unwrap() = known;
    }

    /// How often it was asked for this path.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|it| *it == path).count()
    }
}

impl Drop for FakeSupervisor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, known: Arc<Mutex<Known>>, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let known = known.lock().unwrap().clone();
    let is_known = head
        .lines()
        .any(|line| line.eq_ignore_ascii_case(&format!("authorization: Bearer {TOKEN}")));
    let (status, body) = match path.as_str() {
        _ if !is_known => ("401 Unauthorized", json!("401: Unauthorized")),
        "/services/mqtt" => match known.broker {
            Some(broker) => ("200 OK", json!({ "result": "ok", "data": broker })),
            None => (
                "400 Bad Request",
                json!({ "result": "error", "message": "Service not enabled" }),
            ),
        },
        "/core/api/config" => match known.core {
            Some(core) => ("200 OK", core),
            None => ("502 Bad Gateway", json!("502: Bad Gateway")),
        },
        _ => (
            "403 Forbidden",
            json!({ "result": "error", "message": "no right" }),
        ),
    };
    asked.lock().unwrap().push(path);
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}
