//! The commands beside `run`, as a person would try them.

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::DEADLINE;
use crate::gateway::{ECU_R, Gateway, Plan, section};
use crate::home::Home;
use crate::process::{Done, Process, wattbridge};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::support::ports::{free_address, free_port};
use crate::wire::Wire;

fn is_on(state: &Json) -> bool {
    state["health"] == "online" && state["power"].is_number()
}

/// Something on a port that is no ECU, and answers like a web server.
async fn web_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = client.read(&mut [0; 100]).await;
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    port
}

#[tokio::test]
async fn check_tries_everything_and_explains() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let done = home.done(&["check"]).await;
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{done:?}");
    assert!(done.out.contains("1 device section."));
    let done = home.done(&["check", "--connect"]).await;
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{done:?}");
    assert_eq!(done.out.matches("  ok  ").count(), 2, "{done:?}");
    assert!(done.out.contains(ECU_R) && done.out.contains("2 inverters, 2 of them online"));

    let web = web_server().await;
    let silent = Gateway::start(Plan {
        faults: &["hang"],
        ..Plan::default()
    })
    .await;
    let sections = [section(free_port()), section(web), silent.section()];
    let home = Home::new(free_port(), &sections);
    let done = home.done(&["check", "--connect"]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.err.contains("4 of them do not answer"), "{done:?}");
    for needle in [
        "nothing listens on",
        "refuses the connection",
        "is this really an ECU?",
        "accepts the connection but does not answer",
    ] {
        let lines = done.out.lines().filter(|line| line.contains(needle));
        assert_eq!(lines.count(), 1, "{needle}: {}", done.out);
    }
}

#[tokio::test]
async fn check_tells_two_ways_to_one_device_and_a_name_for_nobody() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let here = gateway.section();
    let again = here.replace("127.0.0.1", "localhost");
    let home = Home::new(broker.port(), &[here.clone(), again]);
    let done = home.done(&["check", "--connect"]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    let same = format!("the same device as aps_ecu 127.0.0.1:{}", gateway.port());
    assert_eq!(done.out.matches(&same).count(), 1, "{done:?}");
    assert!(
        done.err.contains("one device is in two sections"),
        "{done:?}"
    );

    // Before anything was seen nothing is known.
    let named = format!("{here}names = {{ 999999999999 = \"Nobody\" }}\n");
    home.write(&[named]);
    assert_eq!(home.done(&["check"]).await.err, "");
    let wire = Wire::tap(broker.port()).await;
    let mut bridge = home.run();
    wire.state("known", 0, &format!("aps_ecu_{ECU_R}"), is_on)
        .await;
    assert!(bridge.end().await.success());
    let files = home.files();
    let done = home.done(&["check"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.err.contains("has the serial number \"999999999999\""),
        "{done:?}"
    );
    assert_eq!(home.files(), files, "who only looks leaves nothing behind");
}

#[tokio::test]
async fn scan_tells_an_ecu_from_anything_else() {
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(1883, &[]);
    let port = gateway.port().to_string();
    let done = home
        .done(&["scan", "ecu", "127.0.0.1", "--port", &port])
        .await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.out
            .starts_with("127.0.0.1  ECU-R 216000000001, firmware")
    );
    let web = web_server().await.to_string();
    let done = home
        .done(&["scan", "ecu", "127.0.0.1", "--port", &web])
        .await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.out.contains("something listens on port"), "{done:?}");
    assert!(done.err.contains("no ecu in 127.0.0.1/32"), "{done:?}");
    let nobody = free_port().to_string();
    let done = home
        .done(&["scan", "ecu", "127.0.0.0/29", "--port", &nobody])
        .await;
    assert_eq!((done.code, done.out.as_str()), (Some(1), ""), "{done:?}");
}

#[tokio::test]
async fn discovery_and_health_beside_a_running_bridge() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let ids = gateway.inverter_ids();
    let done = home.done(&["health"]).await;
    assert_eq!((done.code, done.out.as_str()), (Some(1), ""), "{done:?}");
    assert!(done.err.contains("does not run"), "{done:?}");
    let done = home.done(&["discovery"]).await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.err.contains("try --ask"), "{done:?}");
    let asked = home.done(&["discovery", "--ask", "--topics"]).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(!home.files().contains(&"wattbridge.db".to_owned()));

    let mut bridge = home.run();
    for id in ids.iter().chain([&gateway.id()]) {
        wire.state("online", 0, id, is_on).await;
    }
    let done = home.done(&["health"]).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.out.starts_with("alive"), "{done:?}");
    let topics = home.done(&["discovery", "--topics"]).await;
    assert_eq!(topics.code, Some(0), "{topics:?}");
    assert_eq!(topics.err, "", "{topics:?}");
    for id in ids.iter().chain([&gateway.id()]) {
        let topic = format!("homeassistant/device/{id}/config");
        assert!(topics.out.lines().any(|line| line == topic), "{topics:?}");
        assert!(asked.out.lines().any(|line| line == topic), "{asked:?}");
    }
    let all = home.done(&["discovery"]).await.out;
    let announced = wire.on(&format!("homeassistant/device/{}/config", ids[0]));
    let shown = format!("{:#}", announced[0].json());
    assert!(all.contains(&shown), "{shown}\nis not in\n{all}");
    assert!(bridge.end().await.success());
    assert_eq!(home.done(&["health"]).await.code, Some(1));
}

#[tokio::test]
async fn history_of_an_ecu() {
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(1883, &[]);
    let address = format!("127.0.0.1:{}", gateway.port());
    let ask = async |more: &[&str]| {
        let args = ["aps-ecu", "history", &address];
        home.done(&[&args, more].concat()).await
    };
    let week = ask(&[]).await;
    assert_eq!((week.code, week.err.as_str()), (Some(0), ""), "{week:?}");
    let days = |done: &Done| {
        done.out
            .lines()
            .filter(|line| line.starts_with("20"))
            .count()
    };
    assert_eq!(days(&week), 7, "{week:?}");
    assert!(week.out.contains("2026-06-21") && week.out.contains("kWh"));
    assert!(week.out.contains("Together"), "{week:?}");
    let few = ask(&["--days", "3", "--json"]).await;
    let lines: Vec<Json> = few
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4, "{few:?}");
    assert_eq!(
        lines[1]["date"], "2026-06-21",
        "the latest comes first: {few:?}"
    );
    assert!(lines[1]["values"]["energy_today"].is_number(), "{few:?}");
    let month = ask(&["--days", "30"]).await;
    assert!(month.out.contains("2026-05-23"), "{month:?}");
    let year = ask(&["--months"]).await;
    assert!(
        year.out.contains("2026-06 ") && year.out.contains("2025-"),
        "{year:?}"
    );
    let day = ask(&["--day", "2026-06-21"]).await;
    assert!(day.out.contains("11:55  "), "{day:?}");
    let before = ask(&["--day", "2025-06-21"]).await;
    assert_eq!(before.code, Some(0));
    assert!(before.out.contains("nothing of that day"), "{before:?}");
    gateway.fault("no-history");
    assert!(ask(&[]).await.out.contains("newer firmware"));
    gateway.fault("status-02");
    let done = ask(&[]).await;
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("no data yet"), "{done:?}");
    gateway.fault("refuse");
    gateway.handle.wait_for_port(false).await;
    let done = ask(&[]).await;
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("refuses the connection"), "{done:?}");
}

#[tokio::test]
async fn completions_for_every_shell() {
    let home = Home::new(1883, &[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = home.done(&["completions", shell]).await;
        assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{shell}");
        for word in ["simulate", "aps-ecu", "connect"] {
            assert!(done.out.contains(word), "{shell} {word}");
        }
    }
}

/// As after `| head`, once that has seen enough.
#[tokio::test]
async fn a_closed_pipe_stops_no_command() {
    let home = Home::new(1883, &[]);
    let unread = |args: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = wattbridge(home.path(), args);
        command.stdout(writer);
        Process::of(command)
    };
    for name in ["aps-ecu", "smart-meter", "victron", "text"] {
        let place = free_address();
        let mut simulator = unread(&["simulate", name, "--listen", &place.to_string()]);
        let listens = async {
            while TcpStream::connect(place).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, listens).await.unwrap();
        assert!(simulator.end().await.success(), "{}", simulator.said());
    }
    for args in [&["init", "-"][..], &["completions", "bash"]] {
        let mut command = unread(args);
        assert!(command.ended().await.success(), "{}", command.said());
    }
}

/// Two processes of ours: one plays the ECU, the other reads it.
#[tokio::test]
async fn a_simulated_ecu_for_somebody_who_has_none() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let port = free_port();
    let home = Home::new(broker.port(), &[section(port)]);
    let listen = format!("127.0.0.1:{port}");
    let args = [
        "simulate",
        "aps-ecu",
        "--listen",
        &listen,
        "--inverters",
        "DS3,QT2",
    ];
    let more = [
        "--start-time",
        "12:00",
        "--zone",
        "Europe/Vienna",
        "--cycle",
        "1s",
        "--speed",
        "20",
    ];
    let mut simulator = Process::start(home.path(), &[&args[..], &more].concat());
    simulator.until_said("listens on").await;
    let wire = Wire::tap(broker.port()).await;
    let mut bridge = home.run();
    let id = format!("aps_ecu_{ECU_R}");
    wire.state("online", 0, &id, is_on).await;
    simulator.until_said("0030 signal").await;
    assert!(bridge.end().await.success());
    assert!(simulator.end().await.success(), "{}", simulator.said());
    let taken = format!("127.0.0.1:{}", broker.port());
    let taken = home
        .done(&["simulate", "aps-ecu", "--listen", &taken])
        .await;
    assert_eq!(taken.code, Some(1), "{taken:?}");
    assert!(taken.err.contains("choose another one"), "{taken:?}");
}
