//! What values are sent to.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::ports::free_port;

/// The word by which this program is run as the client program of a database, before the file for what it counts.
const SWALLOW: &str = "swallow-statements";

/// What came.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Received {
    /// What all runs of [`swallow`] have counted together.
    pub(crate) fn read(log: &Path) -> Self {
        let text = fs::read_to_string(log).unwrap();
        let mut all = Self::default();
        for line in text.lines() {
            let (rows, bytes) = line.split_once(' ').unwrap();
            all.rows += rows.parse::<u64>().unwrap();
            all.bytes += bytes.parse::<u64>().unwrap();
        }
        all
    }
}

/// A web server that takes everything and keeps nothing. It ends with the program.
pub(crate) struct Swallower {
    pub(crate) url: String,
    rows: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl Swallower {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let swallower = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            rows: Arc::default(),
            bytes: Arc::default(),
        };
        let (rows, bytes) = (Arc::clone(&swallower.rows), Arc::clone(&swallower.bytes));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                take(stream.unwrap(), &rows, &bytes);
            }
        });
        swallower
    }

    pub(crate) fn received(&self) -> Received {
        Received {
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

fn take(stream: TcpStream, rows: &AtomicU64, bytes: &AtomicU64) {
    let mut reader = BufReader::with_capacity(64 * 1024, stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    bytes.fetch_add(length, Ordering::Relaxed);
    while length > 0 {
        let piece = reader.fill_buf().unwrap();
        let lines = piece.iter().filter(|byte| **byte == b'\n').count();
        let taken = piece.len();
        rows.fetch_add(lines as u64, Ordering::Relaxed);
        reader.consume(taken);
        length -= taken as u64;
    }
    let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    reader.get_mut().write_all(answer).unwrap();
}

/// This program as the client program of a database; what it counts goes into a file.
pub(crate) fn swallowing(log: &Path) -> Vec<String> {
    let own = std::env::current_exe().unwrap();
    let words = [own.to_str().unwrap(), SWALLOW, log.to_str().unwrap()];
    words.map(str::to_owned).to_vec()
}

/// The file, where this program is run as such.
pub(crate) fn swallowed_log() -> Option<PathBuf> {
    let mut arguments = std::env::args().skip(1);
    (arguments.next()? == SWALLOW).then(|| arguments.next().unwrap().into())
}

/// Reads statements, and says of the last one that all were done.
pub(crate) fn swallow(log: &Path) {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("INSERT"));
    let mut log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap();
    writeln!(log, "{} {}", rows.count(), text.len()).unwrap();
    let last = text.lines().next_back().unwrap();
    println!("{}", last.split('\'').nth(1).unwrap());
}

/// An InfluxDB 1 of our own.
pub(crate) struct Influx {
    child: Child,
    pub(crate) url: String,
}

impl Drop for Influx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Influx {
    /// Starts one with the database; `None` where there is none here.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let (port, rpc) = (free_port(), free_port());
        let config = folder.join("influxdb.conf");
        let text = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{rpc}\"\n[meta]\ndir = \"{0}/meta\"\n\
             [data]\ndir = \"{0}/data\"\nwal-dir = \"{0}/wal\"\n[http]\nbind-address = \"127.0.0.1:{port}\"\n\
             log-enabled = false\n",
            folder.display()
        );
        fs::write(&config, text).unwrap();
        let child = Command::new("influxd")
            .arg("-config")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            println!("passed over: there is no InfluxDB 1 here (influxd)");
            return None;
        };
        let influx = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        influx.query("CREATE DATABASE wattbridge");
        Some(influx)
    }

    fn query(&self, query: &str) -> String {
        let address = self.url.strip_prefix("http://").unwrap();
        let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /query?db=wattbridge&q={query} HTTP/1.0\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// How many lines it has: each device has one of these values in each of its lines.
    pub(crate) fn lines(&self) -> u64 {
        let counted = self.query("SELECT count(*) FROM wattbridge GROUP BY device");
        let json: serde_json::Value = serde_json::from_str(&counted).unwrap();
        let series = json["results"][0]["series"].as_array().unwrap();
        let most = series.iter().map(|device| {
            let counts = device["values"][0].as_array().unwrap().iter().skip(1);
            counts.filter_map(serde_json::Value::as_u64).max().unwrap()
        });
        most.sum()
    }
}
