//! InfluxDB 1 and VictoriaMetrics themselves; where they are not installed these tests are passed over with a word.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::Value as Json;
use wattbridge::model::HealthCode;
use wattbridge::uploads::NextRound;

use crate::ports::free_port;
use crate::receiver::Points;
use crate::sender::{House, PATIENCE};

const SINCE: &str = "since = \"2026-06-15\"";

/// A server of ours; ended with the test.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: &str, arguments: &[String]) -> Option<Child> {
    let spawned = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if spawned.is_err() {
        eprintln!("passed over: {program} is not installed here");
    }
    spawned.ok()
}

impl Server {
    async fn influx(folder: &Path, port: u16) -> Option<Self> {
        let rpc = free_port();
        let config = folder.join("influxdb.conf");
        let folder = folder.display();
        let text = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{rpc}\"\n[meta]\ndir = \"{folder}/meta\"\n\
             [data]\ndir = \"{folder}/data\"\nwal-dir = \"{folder}/wal\"\n[http]\nbind-address = \"127.0.0.1:{port}\"\n"
        );
        std::fs::write(&config, text).unwrap();
        let child = spawn(
            "influxd",
            &["-config".to_owned(), config.display().to_string()],
        )?;
        let server = Self { child, port };
        server.is_there("/ping").await;
        Some(server)
    }

    async fn victoria(folder: &Path) -> Option<Self> {
        let port = free_port();
        let arguments = [
            format!("-storageDataPath={}", folder.join("vm").display()),
            format!("-httpListenAddr=127.0.0.1:{port}"),
            "-retentionPeriod=100y".to_owned(),
            "-dedup.minScrapeInterval=1ms".to_owned(),
        ];
        let child = spawn("victoria-metrics", &arguments)?;
        let server = Self { child, port };
        server.is_there("/health").await;
        Some(server)
    }

    async fn is_there(&self, path: &str) {
        let begun = Instant::now();
        while self.ask("GET", path).await.is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The body of an answer.
    async fn ask(&self, method: &str, path: &str) -> Option<String> {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port))
            .await
            .ok()?;
        let request = format!("{method} {path} HTTP/1.0\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.ok()?;
        text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
    }

    async fn query(&self, query: &str) -> Json {
        let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let method = if query.starts_with("SELECT") {
            "GET"
        } else {
            "POST"
        };
        let path = format!("/query?db=wattbridge&epoch=s&q={query}");
        serde_json::from_str(&self.ask(method, &path).await.unwrap()).unwrap()
    }

    fn toml(&self) -> String {
        format!(
            "[[influxdb]]\nurl = \"http://127.0.0.1:{}\"\ndatabase = \"wattbridge\"\n{SINCE}\n",
            self.port
        )
    }

    /// All that InfluxDB has.
    async fn points(&self) -> Points {
        let mut points = Points::new();
        let json = self.query("SELECT * FROM wattbridge").await;
        let series = &json["results"][0]["series"][0];
        let columns: Vec<_> = series["columns"].as_array().into_iter().flatten().collect();
        for row in series["values"].as_array().into_iter().flatten() {
            let of = |name: &str| {
                let place = columns.iter().position(|column| **column == name).unwrap();
                &row[place]
            };
            for (column, value) in columns.iter().zip(row.as_array().unwrap()) {
                let column = column.as_str().unwrap();
                if !["time", "device"].contains(&column) && !value.is_null() {
                    let device = of("device").as_str().unwrap().to_owned();
                    let field = points.entry((device, column.to_owned())).or_default();
                    field.insert(of("time").as_i64().unwrap(), value.to_string());
                }
            }
        }
        points
    }
}

fn move_on(house: &House, wait: Duration) {
    let wait = SignedDuration::try_from(wait).unwrap() + SignedDuration::from_secs(1);
    house.clock.move_to(house.clock.now() + wait);
}

#[tokio::test]
async fn influxdb_has_what_the_history_has() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let Some(mut server) = Server::influx(folder.path(), port).await else {
        return;
    };
    let mut house = House::new(folder.path());
    house.live(3000);
    let toml = server.toml();
    let mut sender = house.sender(&toml).await;
    // There is no database: it is held, and its login is told of.
    let NextRound::After(wait) = sender.work().await else {
        panic!("{}", sender.health());
    };
    assert_eq!(sender.rounds.state().health.code, HealthCode::Refused);
    assert!(sender.health().contains("CREATE DATABASE wattbridge"));
    let plan = sender.named.plan.clone();
    let words = wattbridge::uploads::try_login(plan.as_ref())
        .await
        .unwrap_err();
    assert!(words.contains("CREATE DATABASE wattbridge"), "{words}");
    server.query("CREATE DATABASE wattbridge").await;
    wattbridge::uploads::try_login(plan.as_ref()).await.unwrap();
    move_on(&house, wait);
    // Killed, both of them, at some of the waits, while the past is filled in.
    for waits in [3, 17, 18, 30, 45] {
        let mut dropped = house.sender(&toml).await;
        let _ = crate::sender::killed_after(dropped.work(), waits).await;
    }
    drop(server);
    house.live(50);
    let mut sender = house.sender(&toml).await;
    let wait = sender.work().await;
    let NextRound::After(wait) = wait else {
        panic!("{wait:?}");
    };
    assert_eq!(sender.rounds.state().health.code, HealthCode::Retrying);
    server = Server::influx(folder.path(), port).await.unwrap();
    move_on(&house, wait);
    assert_eq!(sender.work().await, NextRound::Slot);
    assert_eq!(server.points().await, house.truth());
    // Late values overwrite.
    for slot in 100..400 {
        house.say_again(slot, 500);
    }
    house.live(5);
    sender.work_on().await;
    assert_eq!(server.points().await, house.truth());
    // Another program has one field as a text: it is said.
    let place = "/write?db=wattbridge&precision=s";
    let clash = format!("127.0.0.1:{port}");
    // Of the same week, as types are those of a week there.
    let time = crate::sender::START + (house.told + 20) * 300;
    let line = format!("wattbridge,device=victron_hq2123abcde energy_total=\"x\" {time}\n");
    server.query("DROP MEASUREMENT wattbridge").await;
    post(&clash, place, &line).await;
    house.live(2);
    sender.work_on().await;
    let state = sender.rounds.state();
    assert_eq!(
        state.health.code,
        HealthCode::Degraded,
        "{}",
        sender.health()
    );
    assert!(
        sender.health().contains("energy_total"),
        "{}",
        sender.health()
    );
    // It drops lines as a whole, so they are sent once more without the field: nothing else is missing.
    let points = server.points().await;
    let energy = ("victron_hq2123abcde".to_owned(), "energy_total".to_owned());
    let voltage = (energy.0.clone(), "battery_voltage".to_owned());
    let mut truth = house.truth();
    let slots = truth.remove(&voltage).unwrap();
    let last: Vec<_> = slots.iter().rev().take(2).collect();
    for (end, value) in &last {
        assert_eq!(points[&voltage].get(end), Some(*value), "{points:?}");
    }
    assert_eq!(points[&energy].len(), 1, "{points:?}");
    // With the field dropped it is taken again, a day later at most.
    server.query("DROP MEASUREMENT wattbridge").await;
    house.live(300);
    sender.work_on().await;
    assert_eq!(sender.rounds.state().health.code, HealthCode::Online);
    assert!(!server.points().await[&energy].is_empty());
}

async fn post(address: &str, path: &str, body: &str) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.0 204"), "{text}");
}

#[tokio::test]
async fn victoria_metrics_has_what_the_history_has() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Server::victoria(folder.path()).await else {
        return;
    };
    let mut house = House::new(folder.path());
    house.live(1000);
    let mut sender = house.sender(&server.toml()).await;
    let plan = sender.named.plan.clone();
    wattbridge::uploads::try_login(plan.as_ref()).await.unwrap();
    sender.work_on().await;
    let truth = house.truth();
    let begun = Instant::now();
    loop {
        // What came a moment ago is not shown at once.
        server.ask("GET", "/internal/force_flush").await.unwrap();
        let path = "/api/v1/export?match%5B%5D=%7Bdevice%21%3D%22%22%7D";
        let text = server.ask("GET", path).await.unwrap();
        let mut points = Points::new();
        for line in text.lines() {
            let json: Json = serde_json::from_str(line).unwrap();
            let name = json["metric"]["__name__"].as_str().unwrap();
            let field = name.strip_prefix("wattbridge_").unwrap().to_owned();
            let device = json["metric"]["device"].as_str().unwrap().to_owned();
            let times = json["timestamps"].as_array().unwrap().iter();
            let values = json["values"].as_array().unwrap();
            let of_field = points.entry((device, field)).or_default();
            for (time, value) in times.zip(values) {
                of_field.insert(time.as_i64().unwrap() / 1000, value.to_string());
            }
        }
        if points == truth {
            return;
        }
        let count: usize = points.values().map(std::collections::BTreeMap::len).sum();
        assert!(begun.elapsed() < PATIENCE, "{count} {:?}", points.keys());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
