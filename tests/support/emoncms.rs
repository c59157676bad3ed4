//! A server that does what emoncms 11 did.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const WRITE_KEY: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const READ_KEY: &str = "fedcba9876543210fedcba9876543210";
const MOST_NODES: usize = 32;
const LONGEST_NODE: usize = 16;
/// The status of an answer that never comes.
const NO_ANSWER: u16 = 0;

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The line is cut after so many items are stored, 0 for before any; with so much of the answer told.
    Cut(usize),
    /// A page with 200, after so many items are stored.
    Html(usize),
    /// 500 without a word, after so many items are stored.
    Empty(usize),
    /// Everything is stored, and nothing is ever answered.
    Silent,
}

/// One input.
#[derive(Debug, Clone, Default)]
pub(crate) struct Input {
    /// All that came, in the order in which it came.
    pub(crate) came: Vec<(i64, f64)>,
    /// A process that accumulates: it adds what a counter gains.
    pub(crate) accumulated: f64,
    /// `None` after redis was restarted.
    time: Option<i64>,
}

/// Offset, node, values.
type Item = (i64, String, Map<String, Json>);

/// What the server has.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) nodes: BTreeMap<String, BTreeMap<String, Input>>,
    pub(crate) faults: VecDeque<Option<Fault>>,
    pub(crate) requests: Vec<String>,
    /// Making new inputs is switched off.
    pub(crate) is_closed: bool,
    /// What should never have come.
    pub(crate) wrongs: Vec<String>,
}

impl Account {
    pub(crate) fn input(&self, node: &str, input: &str) -> &Input {
        let inputs = self.nodes.get(node);
        inputs
            .and_then(|inputs| inputs.get(input))
            .unwrap_or_else(|| panic!("no {node}/{input} in {:?}", self.nodes.keys()))
    }

    /// Redis is restarted: the times of all inputs are gone.
    pub(crate) fn forget_times(&mut self) {
        for input in self.nodes.values_mut().flat_map(BTreeMap::values_mut) {
            input.time = None;
        }
    }

    fn store(&mut self, time: i64, node: &str, values: &Map<String, Json>) -> Result<(), String> {
        let node = kept(node);
        if node.chars().count() > LONGEST_NODE {
            return Ok(());
        }
        if !self.nodes.contains_key(&node) {
            if self.is_closed {
                return Ok(());
            }
            if self.nodes.len() >= MOST_NODES {
                return Err(format!(
                    "Error: Reached the maximal allowed number of different NodeIds, limit is {MOST_NODES}. Node '{node}' was ignored."
                ));
            }
        }
        let is_closed = self.is_closed;
        let inputs = self.nodes.entry(node.clone()).or_default();
        for (name, value) in values {
            let name = kept(name);
            let number = value.as_f64().unwrap_or_else(|| {
                self.wrongs
                    .push(format!("{node}/{name} is no number: {value}"));
                0.0
            });
            if is_closed && !inputs.contains_key(&name) {
                continue;
            }
            let input = inputs.entry(name.clone()).or_default();
            if let Some((last, before)) = input.came.last().copied() {
                if time <= last {
                    self.wrongs
                        .push(format!("{node}/{name}: {time} came after {last}"));
                }
                input.accumulated += (number - before).max(0.0);
            }
            input.came.push((time, number));
            input.time = Some(time);
        }
        Ok(())
    }

    /// Stores the items of a request, at most so many; what it answers.
    fn bulk(&mut self, body: &str, most: usize) -> String {
        let fields: BTreeMap<String, String> = parsed(body).into_iter().collect();
        let failed = |message: &str| json!({ "success": false, "message": message }).to_string();
        for odd in ["sentat", "offset"] {
            if fields.contains_key(odd) {
                self.wrongs.push(format!("{odd} depends on our clock"));
            }
        }
        let Some(time) = fields.get("time").and_then(|time| time.parse::<i64>().ok()) else {
            return failed("Format error, time is missing");
        };
        let data = serde_json::from_str::<Vec<Item>>(fields.get("data").map_or("", String::as_str));
        let Ok(data) = data else {
            return failed("Input in not a valid JSON object");
        };
        if data.len() > 500 {
            self.wrongs.push(format!("{} items", data.len()));
        }
        for (offset, node, values) in data.into_iter().take(most) {
            if values.is_empty() {
                self.wrongs.push(format!("{node} gets nothing"));
            }
            if let Err(message) = self.store(time + offset, &node, &values) {
                return failed(&message);
            }
        }
        "ok".to_owned()
    }

    fn get(&self, node: &str) -> String {
        let Some(inputs) = self.nodes.get(node) else {
            return "\"Node does not exist\"".to_owned();
        };
        let inputs = inputs.iter().map(|(name, input)| {
            let value = input.came.last().map(|(_, value)| *value);
            let about = json!({ "time": input.time, "value": value, "processList": "" });
            (name.clone(), about)
        });
        Json::Object(inputs.collect()).to_string()
    }

    /// Status and body, or nothing.
    fn answer(&mut self, head: &str, body: &str) -> Option<(u16, String)> {
        let line = head.lines().next().unwrap_or_default();
        self.requests.push(line.to_owned());
        let mut words = line.split(' ');
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            let mut lines = lines.filter(|(own, _)| own.eq_ignore_ascii_case(name));
            lines.next().map(|(_, value)| value.to_owned())
        };
        let key = header("Authorization");
        let key = key.as_deref().and_then(|key| key.strip_prefix("Bearer "));
        let fault = self.faults.pop_front().flatten();
        match key {
            Some(WRITE_KEY) => {}
            Some(READ_KEY) if method == "GET" => {}
            None | Some(READ_KEY | "") => return Some((200, String::new())),
            Some(_) => return Some((401, "Invalid API key".to_owned())),
        }
        let most = match fault {
            Some(Fault::Cut(most) | Fault::Html(most) | Fault::Empty(most)) => most,
            None | Some(Fault::Silent) => usize::MAX,
        };
        let answer = match (method, path) {
            ("POST", "/input/bulk") => {
                let kind = header("Content-Type").unwrap_or_default();
                if kind != "application/x-www-form-urlencoded" {
                    self.wrongs.push(format!("{kind} is no form"));
                }
                self.bulk(body, most)
            }
            ("GET", path) if path.starts_with("/input/get/") => {
                let node = decoded(path.trim_start_matches("/input/get/"), false);
                self.get(&node)
            }
            _ => return Some((406, String::new())),
        };
        match fault {
            None => Some((200, answer)),
            Some(Fault::Cut(_)) => None,
            Some(Fault::Html(_)) => Some((200, "<br />\n<b>Fatal error</b>:  Uncaught".to_owned())),
            Some(Fault::Empty(_)) => Some((500, String::new())),
            Some(Fault::Silent) => Some((NO_ANSWER, String::new())),
        }
    }
}

/// What emoncms leaves of a name.
fn kept(name: &str) -> String {
    let is_kept = |c: &char| c.is_alphanumeric() || "_ .-".contains(*c);
    name.chars().filter(is_kept).collect()
}

fn decoded(text: &str, is_form: bool) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
            }
            b'+' if is_form => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn parsed(body: &str) -> Vec<(String, String)> {
    let fields = body.split('&').filter_map(|field| field.split_once('='));
    fields
        .map(|(name, value)| (decoded(name, true), decoded(value, true)))
        .collect()
}

/// The server.
#[derive(Debug)]
pub(crate) struct StandIn {
    pub(crate) url: String,
    account: Arc<Mutex<Account>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let account: Arc<Mutex<Account>> = Arc::default();
        let at_work = Arc::clone(&account);
        let (url, task) = serve(move |head, body| {
            let mut account = at_work.lock().unwrap_or_else(PoisonError::into_inner);
            account.answer(head, body)
        })
        .await;
        Self { url, account, task }
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A web server whose answers are made by a function of head and body; `None` cuts the line.
pub(crate) async fn serve(
    answer: impl Fn(&str, &str) -> Option<(u16, String)> + Send + Sync + 'static,
) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    let task = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            let answer = Arc::clone(&answer);
            tokio::spawn(async move { talk(stream, &*answer).await });
        }
    });
    (url, task)
}

async fn talk(
    mut stream: TcpStream,
    answer: &(impl Fn(&str, &str) -> Option<(u16, String)> + Send + Sync),
) -> Option<()> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.parse::<usize>().ok())?
    });
    while bytes.len() < end + length.unwrap_or(0) {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[end..].to_vec()).ok()?;
    let (status, body) = answer(&head, &body)?;
    if status == NO_ANSWER {
        return std::future::pending().await;
    }
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await.ok()
}
