//! `/metrics`, as Prometheus reads it.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::time::timeout;
use wattbridge::model::{DeviceId, Metric, Quantity};

use crate::http::Ask;
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
