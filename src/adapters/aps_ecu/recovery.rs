//! Restarting an ECU that hangs, where it has a way to be restarted.
//!
//! ECU-R-Pro and ECU-C have a web page on which the settings of their own access point can be
//! written; doing so restarts them, and the TCP port answers again. An ECU-R or ECU-B has nothing of
//! the kind: only a smart plug helps there. It happens only where the user allowed it and gave the
//! settings to write, at most once an hour and four times a day.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::config::Restart;
use crate::clock::Moment;
use crate::config::SecretError;
use crate::device::exchange::{Exchange, Reader};
use crate::links::{Endpoint, LinkError, Links};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const PER_DAY: usize = 4;
const PATIENCE: Duration = Duration::from_secs(15);
/// The page answers with a few bytes of JSON.
const LARGEST_ANSWER: usize = 64 * 1024;

/// Why a restart did not work.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The password cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The web page cannot be reached.
    #[error("{0}")]
    Link(LinkError),
    /// The web page refuses.
    #[error("the ECU's web page answers \"{0}\"; this firmware may no longer have that page")]
    Refused(String),
}

/// Remembers when the ECU was restarted: over all runs by the clock on the wall, and in this run also
/// by the time that has really passed, which nobody sets.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Restarts {
    wall: VecDeque<Timestamp>,
    #[serde(skip)]
    steady: VecDeque<Duration>,
}

impl Restarts {
    /// Whether one more restart is in order now; takes note of it if so.
    pub fn take(&mut self, now: Moment) -> bool {
        self.wall
            .retain(|at| now.wall.duration_since(*at).unsigned_abs() < DAY);
        self.steady.retain(|at| now.since(*at) < DAY);
        let by_wall = |at: &Timestamp| now.wall.duration_since(*at).unsigned_abs() < HOUR;
        let by_time = |at: &Duration| now.since(*at) < HOUR;
        let recent = self.wall.iter().any(by_wall) || self.steady.iter().any(by_time);
        let count = self.wall.len().max(self.steady.len());
        let allowed = !recent && count < PER_DAY;
        if allowed {
            self.wall.push_back(now.wall);
            self.steady.push_back(now.steady);
        }
        allowed
    }
}

/// Has the ECU at `endpoint` (its web page) restart.
pub async fn restart(
    links: &Links,
    endpoint: &Endpoint,
    settings: &Restart,
) -> Result<(), RecoveryError> {
    let password = settings.password.reveal()?;
    let form = format!(
        "SSID={}&channel=0&method=2&psk_wep=&psk_wpa={}",
        encode(&settings.ssid),
        encode(&password)
    );
    let request = format!(
        "POST /index.php/management/set_wlan_ap HTTP/1.1\r\nHost: {}\r\n\
         X-Requested-With: XMLHttpRequest\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{form}",
        endpoint.host,
        form.len()
    );
    let exchange = Exchange {
        links,
        endpoint,
        connect: PATIENCE,
        answer: PATIENCE,
    };
    let answer = exchange.ask_secretly(request.as_bytes(), Page::default());
    answer.await.map_err(RecoveryError::Link)?
}

/// What the page answers.
#[derive(Debug, Default)]
struct Page(Vec<u8>);

impl Page {
    fn refused(&self) -> RecoveryError {
        let text = String::from_utf8_lossy(&self.0);
        let first = text.lines().next().unwrap_or_default();
        RecoveryError::Refused(first.chars().take(80).collect())
    }
}

impl Reader for Page {
    type Answer = Result<(), RecoveryError>;

    fn push(&mut self, bytes: &[u8]) -> Option<Self::Answer> {
        self.0.extend_from_slice(bytes);
        let is_over = self.0.len() >= LARGEST_ANSWER;
        match is_success(&self.0) {
            true => Some(Ok(())),
            false => is_over.then(|| Err(self.refused())),
        }
    }

    fn end(&mut self, error: Option<LinkError>) -> Self::Answer {
        // It may restart so fast that the answer is cut.
        let error = error.filter(|_| self.0.is_empty());
        Err(error.map_or_else(|| self.refused(), RecoveryError::Link))
    }
}

fn is_success(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let status = text.split(' ').nth(1);
    status == Some("200") && body.contains("\"value\":0}")
}

/// The text as part of a form.
fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn at(minutes: u64) -> Moment {
        let steady = Duration::from_secs(minutes * 60);
        let wall = Timestamp::from_second(1_780_000_000).unwrap() + steady;
        Moment { wall, steady }
    }

    #[test]
    fn at_most_once_an_hour_and_four_times_a_day() {
        let mut restarts = Restarts::default();
        let taken = (0..24 * 60)
            .filter(|minute| restarts.take(at(*minute)))
            .collect::<Vec<_>>();
        assert_eq!(taken, [0, 60, 120, 180]);
        assert!(restarts.take(at(24 * 60)));
    }

    #[test]
    fn setting_the_clock_allows_no_restart() {
        for days in [-400, -1, 1, 400] {
            let mut restarts = Restarts::default();
            assert!(restarts.take(at(0)));
            let mut set = at(30);
            set.wall += jiff::SignedDuration::from_hours(24 * days);
            assert!(!restarts.take(set), "{days}");
        }
        // Over a restart of the program the clock on the wall is all there is.
        let mut restarts = Restarts::default();
        restarts.take(at(0));
        let text = serde_json::to_string(&restarts).unwrap();
        let mut after: Restarts = serde_json::from_str(&text).unwrap();
        assert!(!after.take(at(30)));
    }

    /// A web page that answers once; gives back what it was asked.
    async fn page(answer: &'static str) -> (Endpoint, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"psk_wpa=p%20%26%C3%A4") {
                stream.read_buf(&mut request).await.unwrap();
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request).unwrap()
        });
        (
            Endpoint {
                host: "127.0.0.1".into(),
                port,
            },
            asked,
        )
    }

    fn settings() -> Restart {
        Restart {
            ssid: "my ecu".into(),
            password: Secret::new("p &ä"),
        }
    }

    #[tokio::test]
    async fn writes_the_settings_of_the_access_point() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{\"value\": 0}";
        let (endpoint, asked) = page(answer).await;
        restart(&Links::new(), &endpoint, &settings())
            .await
            .unwrap();
        let asked = asked.await.unwrap();
        assert!(
            asked.starts_with("POST /index.php/management/set_wlan_ap HTTP/1.1\r\n"),
            "{asked}"
        );
        assert!(asked.contains("X-Requested-With: XMLHttpRequest\r\n"));
        assert!(asked.ends_with("SSID=my%20ecu&channel=0&method=2&psk_wep=&psk_wpa=p%20%26%C3%A4"));
        let length = asked.rsplit_once("\r\n\r\n").unwrap().1.len();
        assert!(asked.contains(&format!("Content-Length: {length}\r\n")));
    }

    #[tokio::test]
    async fn a_page_that_is_gone_is_said() {
        let (endpoint, _asked) = page("HTTP/1.1 404 Not Found\r\n\r\n").await;
        let error = restart(&Links::new(), &endpoint, &settings())
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("HTTP/1.1 404 Not Found"),
            "{error}"
        );
        assert!(!error.to_string().contains("p &"), "{error}");
    }
}
