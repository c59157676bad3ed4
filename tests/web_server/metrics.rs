//! `/metrics`, as Prometheus reads it.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::json;
use tokio::time::timeout;
use wattbridge::model::{Device, DeviceId, Metric, Quantity, Value};
use wattbridge::uploads;

use crate::http::Ask;
use crate::program::{Program, address, awaited};
use crate::site::{PASSWORD, TestSite, meter, settings, state, watts, with_password};

#[tokio::test]
async fn prometheus_finds_nothing_wrong_with_them() {
    let site = TestSite::open().await;
    let answer = Ask::get(site.web.address(), "/metrics").send().await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = answer.text();
    let roof = "device=\"aps_ecu_216000004711\"";
    for line in [
        format!("wattbridge_power_watts{{{roof},metric=\"power\"}} 3210\n"),
        format!("wattbridge_energy_kwh_total{{{roof},metric=\"energy_total\"}} 12345.678\n"),
        format!("wattbridge_device_up{{{roof}}} 1\n"),
        "wattbridge_device_up{device=\"smart_meter_1kfm_planted_0815\"} 0\n".to_owned(),
        format!("wattbridge_device_info{{{roof},name=\"Roof 216000004711\",model=\"ECU-R\"}} 1\n"),
    ] {
        assert!(text.contains(&line), "{line}{text}");
    }
    // What is not known has no line.
    assert!(
        !text.contains("temperature") && !text.contains("power_net"),
        "{text}"
    );
    let families: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("# TYPE"))
        .collect();
    assert!(families.is_sorted(), "{families:?}");
    check(&text);
}

#[tokio::test]
async fn it_finds_nothing_wrong_with_any_quantity() {
    let site = TestSite::open().await;
    let mut all = meter();
    all.id = DeviceId::new("text", "every \"quantity\"");
    all.name = "Every \"quantity\" \\ of a\nhouse".to_owned();
    let mut values = Vec::new();
    for (number, quantity) in Quantity::ALL.iter().enumerate() {
        for (kind, make) in [
            ("now", Metric::measurement as fn(_, _) -> Metric),
            ("ever", Metric::lifetime),
            ("today", Metric::daily),
        ] {
            let key: &'static str = format!("{kind}_{number}").leak();
            all.metrics.push(make(key, *quantity));
            values.push((key, watts(7)));
        }
    }
    let now = site.clock.now();
    let state = state(&all, now, &values);
    site.hub.put_device(Arc::new(all), state);
    let ask = Ask::get(site.web.address(), "/metrics");
    let text = async {
        loop {
            let text = ask.send().await.text();
            if text.contains("today_0") {
                return text;
            }
            tokio::task::yield_now().await;
        }
    };
    let text = timeout(crate::DEADLINE, text).await.unwrap();
    for number in 0..Quantity::ALL.len() {
        assert!(text.contains(&format!("metric=\"now_{number}\"")), "{text}");
    }
    check(&text);
}

#[tokio::test]
async fn uploads_have_families_of_their_own() {
    let site = TestSite::open().await;
    let now = site.clock.now();
    for (serial, success) in [
        ("pvoutput_12345", Value::from(now)),
        ("mysql_solaredge", Value::Unknown),
    ] {
        let mut device = Device::new(uploads::KIND, serial, serial, "wattbridge");
        device.metrics = vec![
            Metric::measurement("pending", Quantity::Count),
            Metric::timestamp("last_success"),
            Metric::measurement("given_up", Quantity::Count),
        ];
        let values = [
            ("pending", watts(12)),
            ("last_success", success),
            ("given_up", watts(3)),
        ];
        let state = state(&device, now, &values);
        site.hub.put_device(Arc::new(device), state);
    }
    let ask = Ask::get(site.web.address(), "/metrics");
    let text = awaited("the second upload", async || {
        let text = ask.send().await.text();
        text.contains("mysql_solaredge").then_some(text)
    });
    let text = text.await;
    let success = "wattbridge_export_last_success_timestamp_seconds";
    for line in [
        "wattbridge_export_pending{target=\"pvoutput_12345\"} 12\n".to_owned(),
        "wattbridge_export_refused{target=\"mysql_solaredge\"} 3\n".to_owned(),
        format!(
            "{success}{{target=\"pvoutput_12345\"}} {}\n",
            now.as_second()
        ),
        "wattbridge_device_up{device=\"export_pvoutput_12345\"} 1\n".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}{text}");
    }
    // What is not known has no line, and nothing stands there twice.
    assert!(
        !text.contains(&format!("{success}{{target=\"mysql")),
        "{text}"
    );
    assert!(!text.contains("metric=\"pending\""), "{text}");
    check(&text);
}

#[tokio::test]
async fn of_an_upload_without_a_section_nothing_stays() {
    let folder = tempfile::tempdir().unwrap();
    let without = "[home_assistant]\nenabled = false\n\n[web]\nlisten = \"127.0.0.1:0\"\nmetrics = true\n\n[[text]]\n\
                   id = \"pump\"\ncommand = [\"echo\", \"42\"]\ninterval = \"1s\"\n\
                   values = [{ id = \"power\", quantity = \"power\" }]\n";
    let with = format!(
        "{without}\n[[influxdb]]\nurl = \"http://127.0.0.1:9\"\ndatabase = \"gone\"\n\n[mysql]\n\
         command = [\"false\", \"stays\"]\n"
    );
    let mut program = Program::with(folder.path(), &with, &[]);
    let to = address(&program.until_said("The page is at").await);
    let pump = "wattbridge_power_watts{device=\"text_pump\",metric=\"power\"} 42\n";
    let reads = async |to, wanted: &[&str], gone: &[&str]| {
        let what = format!("{wanted:?} without {gone:?}");
        let text = awaited(&what, async || {
            let text = Ask::get(to, "/metrics").send().await.text();
            let is_so = wanted.iter().all(|words| text.contains(words))
                && !gone.iter().any(|words| text.contains(words));
            is_so.then_some(text)
        });
        check(&text.await);
    };
    // How many wait depends on whether a slot ends meanwhile.
    let influxdb = "wattbridge_export_pending{target=\"influxdb_127_0_0_1_9_gone\"} ";
    let mysql = "wattbridge_export_pending{target=\"mysql_database\"} ";
    reads(to, &[pump, influxdb, mysql], &[]).await;
    let mysql_alone = format!("{without}\n[mysql]\ncommand = [\"false\", \"stays\"]\n");
    std::fs::write(folder.path().join("wattbridge.toml"), mysql_alone).unwrap();
    reload(to).await;
    reads(to, &[pump, mysql], &["gone"]).await;
    program.end().await;
    // Switched off while the program was not running.
    let off = format!("{without}\n[mysql]\nenabled = false\ncommand = [\"false\", \"stays\"]\n");
    let mut program = Program::with(folder.path(), &off, &[]);
    let to = address(&program.until_said("The page is at").await);
    reads(to, &[pump], &["gone", "mysql", "wattbridge_export"]).await;
    program.end().await;
}

async fn reload(to: std::net::SocketAddr) {
    let ask = Ask::change(to, "POST", "/api/v1/config/reload", &json!({}));
    let answer = ask.send().await;
    assert!(answer.status < 300, "{}", answer.text());
}

/// By Prometheus' own tool, where that is there.
fn check(text: &str) {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else {
        eprintln!("passed over: there is no promtool");
        return;
    };
    tool.stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let done = tool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.is_empty(), "{said}");
}

#[tokio::test]
async fn they_are_off_unless_wanted_and_prometheus_shows_the_password() {
    let mut off = settings("127.0.0.1:0");
    off.metrics = false;
    let site = TestSite::start(off).await;
    assert_eq!(
        Ask::get(site.web.address(), "/metrics").send().await.status,
        404
    );
    let site = TestSite::start(with_password("127.0.0.1:0", false)).await;
    let ask = Ask::get(site.web.address(), "/metrics");
    assert_eq!(ask.send().await.status, 401);
    let with = |word: &str| {
        ask.clone()
            .header("Authorization", &format!("Bearer {word}"))
    };
    assert_eq!(with(PASSWORD).send().await.status, 200);
    for guess in 0..5 {
        assert_eq!(with(&format!("wrong {guess}")).send().await.status, 401);
    }
    assert_eq!(with("wrong").send().await.status, 429);
    // Nowhere else is that a way in.
    let state = Ask::get(site.web.address(), "/api/v1/state");
    let state = state.header("Authorization", &format!("Bearer {PASSWORD}"));
    assert_eq!(state.send().await.status, 401);
}
