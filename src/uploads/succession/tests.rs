//! Over a real file, with sections as people write them.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::Clock;
use crate::config::File;
use crate::device::{Context, Reports, Traffic};
use crate::history::{Cursor, GivenUp, History, HistorySettings};
use crate::links::Links;
use crate::model::{Decimal, Device, Metric, Quantity, Readings, Report};
use crate::store::Memory;
use crate::uploads::Uploads;

const MORNING: &str = "2026-06-15T06:00:00Z";
const INFLUX: &str =
    "[[influxdb]]\nurl = \"http://nas:8086\"\ndatabase = \"wattbridge\"\nsince = \"2026-06-15\"\n";

fn uploads(toml: &str) -> Uploads {
    Uploads::read(&File::parse(toml, "test.toml").unwrap()).0
}

fn ids(toml: &str) -> Vec<String> {
    uploads(toml).all().map(|target| target.id).collect()
}

/// Two hours of a device, kept slot by slot, and a record of each slot for those who want that.
fn history(folder: &tempfile::TempDir, records_for: &[&str]) -> History {
    let path = folder.path().join("history.db");
    let history = History::open_stepped(&path, &HistorySettings::default(), TimeZone::UTC);
    let mut device = Device::new("solaredge", "7F000001-80", "Inverter", "SolarEdge");
    device.metrics = vec![Metric::measurement("power", Quantity::Power)];
    let device = Arc::new(device);
    history.describe(&device);
    for target in records_for {
        history.keep_records(target, "solaredge");
    }
    let start: Timestamp = MORNING.parse().unwrap();
    for slot in 0..24 {
        let at = start + jiff::SignedDuration::from_secs(slot * 300 + 100);
        let mut readings = Readings::new(device.id.clone(), at);
        readings.push("power", Decimal::integer(slot));
        history.record_as_said(&device, &readings, at);
        history.record(
            &device.id,
            at,
            None,
            [("power", Decimal::integer(slot).into())],
        );
        history.tick(at + jiff::SignedDuration::from_secs(700));
    }
    history.flush(std::time::Duration::from_secs(30));
    history
}

fn second(slot: i64) -> i64 {
    MORNING.parse::<Timestamp>().unwrap().as_second() + slot * 300
}

async fn came_to(history: &History, target: &str, slot: i64) {
    let cursor = Cursor {
        done: second(slot),
        again: true,
        memory: format!("{{\"of\":\"{target}\"}}"),
        success: Some(second(slot)),
        health: "Online".to_owned(),
        ..Cursor::default()
    };
    history
        .cursors()
        .save(target, cursor, Vec::new())
        .await
        .unwrap();
}

async fn done(history: &History, target: &str) -> Option<i64> {
    let cursor = history.cursors().load(target).await.unwrap();
    cursor.map(|cursor| (cursor.done - second(0)) / 300)
}

#[test]
fn how_one_gets_there_makes_no_other_target() {
    for (one, other) in [
        (
            "[mysql]\ncommand = [\"mariadb\", \"solaredge\"]\n",
            "[mysql]\ncommand = [\"/usr/bin/mariadb\", \"-h\", \"nas\", \"--defaults-extra-file=/etc/my.cnf\", \"solaredge\"]\n",
        ),
        (
            "[mysql]\nname = \"roof\"\ncommand = [\"mariadb\", \"solaredge\"]\n",
            "[mysql]\nname = \"Roof\"\ncommand = [\"docker\", \"exec\", \"-i\", \"db\", \"mysql\", \"solar\"]\n",
        ),
        (
            "[emoncms]\nurl = \"http://emoncms.org\"\nkey = \"k\"\n",
            "[emoncms]\nurl = \"https://emoncms.org/\"\nkey = \"l\"\n",
        ),
        (
            "[[influxdb]]\nurl = \"http://nas:8086\"\ndatabase = \"w\"\n",
            "[[influxdb]]\nurl = \"https://nas:8086/influx\"\ndatabase = \"w\"\n",
        ),
        (
            "[pvoutput]\nsystem_id = \"12345\"\nkey = \"k\"\ngeneration = \"house\"\n",
            "[pvoutput]\nsystem_id = \"12345\"\nkey = \"k\"\ngeneration = \"house\"\nurl = \"http://127.0.0.1:8080\"\n",
        ),
    ] {
        assert_eq!(ids(one).len(), 1, "{one}");
        assert_eq!(ids(one), ids(other));
    }
    assert_eq!(
        ids("[mysql]\nname = \"solaredge\"\ncommand = [\"mariadb\"]\n"),
        ["mysql_solaredge"]
    );
    // Two servers on one computer are two targets.
    let both =
        format!("{INFLUX}[[influxdb]]\nurl = \"http://nas:8428\"\ndatabase = \"wattbridge\"\n");
    assert_eq!(
        ids(&both),
        ["influxdb_nas_wattbridge", "influxdb_nas_8428_wattbridge"]
    );
}

#[tokio::test]
async fn a_mended_address_goes_on_where_the_wrong_one_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let history = history(&folder, &[]);
    let cursors = history.cursors();
    let old = "influxdb_nsa_wattbridge";
    came_to(&history, old, 10).await;
    assert_eq!(
        cursors
            .doubt(old, vec![(second(2), second(4))])
            .await
            .unwrap(),
        2
    );
    let given = GivenUp {
        slot: second(1),
        reason: "no".to_owned(),
    };
    cursors.give_up(old, vec![given.clone()]).await.unwrap();
    let succession = uploads(INFLUX).succession();
    let left = succession.left(&cursors).await.unwrap();
    let [one] = left.as_slice() else {
        panic!("{left:?}")
    };
    assert_eq!((one.name(), one.waits().as_str()), (old, "16 slots wait"));
    let new = "influxdb_nas_wattbridge";
    assert_eq!(one.heir.as_deref(), Some(new));
    succession.settle(&cursors).await.unwrap();
    assert_eq!(
        (done(&history, old).await, done(&history, new).await),
        (None, Some(10))
    );
    let cursor = cursors.load(new).await.unwrap().unwrap();
    assert!(cursor.memory.contains(old) && cursor.success == Some(second(10)));
    assert_eq!(cursors.count_dirty(new).await.unwrap(), 2);
    assert_eq!(cursors.given_up(new).await.unwrap(), [given]);
    assert_eq!(succession.left(&cursors).await.unwrap(), []);
}

#[tokio::test]
async fn records_under_a_key_of_before_go_on_in_their_order_and_nobody_sees_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let old = "mysql docker exec -e MYSQL_PWD=swordfish db mariadb solaredge";
    let history = history(&folder, &[old]);
    let cursors = history.cursors();
    came_to(&history, old, 0).await;
    let uploads = uploads("[mysql]\ncommand = [\"mariadb\", \"solaredge\"]\n");
    let succession = uploads.succession();
    let left = succession.left(&cursors).await.unwrap();
    assert_eq!(left[0].waits(), "24 records wait");
    let shown = format!("{} {}", left[0].name(), left[0].advice());
    assert!(!shown.contains("swordfish"), "{shown}");
    succession.settle(&cursors).await.unwrap();
    let records = cursors.records("mysql_database", 100).await.unwrap();
    assert_eq!(records.len(), 24);
    assert!(records.windows(2).all(|pair| pair[0].at < pair[1].at));
    assert_eq!(cursors.count_records(old).await.unwrap(), 0);
}

#[tokio::test]
async fn where_it_is_not_clear_nobody_goes_on_and_it_is_told() {
    let second_one = "[[influxdb]]\nurl = \"http://nas:8428\"\ndatabase = \"wattbridge\"\n";
    let unread = "[[influxdb]]\nurl = 5\n";
    for (toml, former) in [
        (
            format!("{INFLUX}{second_one}"),
            &["influxdb_nsa_wattbridge"][..],
        ),
        (
            INFLUX.to_owned(),
            &["influxdb_nsa_wattbridge", "influxdb_pi_w"],
        ),
        // The one that cannot be read may be the one that it is of.
        (format!("{INFLUX}{unread}"), &["influxdb_nsa_wattbridge"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let history = history(&folder, &[]);
        let cursors = history.cursors();
        for former in former {
            came_to(&history, former, 10).await;
        }
        let succession = uploads(&toml).succession();
        succession.settle(&cursors).await.unwrap();
        let left = succession.left(&cursors).await.unwrap();
        let names: Vec<&str> = left.iter().map(LeftTarget::name).collect();
        assert_eq!(names, former, "{toml}");
        assert_eq!(
            done(&history, "influxdb_nas_wattbridge").await,
            None,
            "{toml}"
        );
        for left in &left {
            let advice = left.advice();
            assert!(
                advice.contains("export send") && advice.contains(left.name()),
                "{advice}"
            );
        }
        // One of them begins, and is no longer the new one: what was decided stays.
        came_to(&history, "influxdb_nas_wattbridge", 24).await;
        succession.settle(&cursors).await.unwrap();
        for former in former {
            assert_eq!(done(&history, former).await, Some(10), "{toml}");
            cursors.forget(former).await.unwrap();
        }
        assert_eq!(succession.left(&cursors).await.unwrap(), []);
    }
}

#[tokio::test]
async fn what_has_a_section_or_no_service_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let history = history(&folder, &[]);
    let cursors = history.cursors();
    // Switched off.
    let off = "[[influxdb]]\nenabled = false\nurl = \"http://pi\"\ndatabase = \"w\"\n";
    came_to(&history, "influxdb_pi_w", 10).await;
    // Nobody sends there any more.
    came_to(&history, "pvoutput_12345", 10).await;
    let succession = uploads(&format!("{off}{INFLUX}")).succession();
    succession.settle(&cursors).await.unwrap();
    assert_eq!(succession.left(&cursors).await.unwrap(), []);
    assert_eq!(done(&history, "influxdb_pi_w").await, Some(10));
    assert_eq!(done(&history, "influxdb_nas_wattbridge").await, None);
    // What nothing waits for does not stand in the way of what something waits for.
    came_to(&history, "influxdb_old_w", 24).await;
    came_to(&history, "influxdb_nsa_wattbridge", 20).await;
    let succession = uploads(&format!("{off}{INFLUX}")).succession();
    succession.settle(&cursors).await.unwrap();
    assert_eq!(done(&history, "influxdb_nas_wattbridge").await, Some(20));
}

#[tokio::test]
async fn a_source_goes_on_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let history = history(&folder, &[]);
    came_to(&history, "emoncms_127_0_0_1_house", 10).await;
    // No key: it says so, and waits for the end.
    let toml = "[emoncms]\nurl = \"http://127.0.0.1:9\"\nkey = { file = \"/nowhere/at/all\" }\n";
    let uploads = uploads(toml);
    let source = uploads.sources(&history).remove(0).source;
    let stop = CancellationToken::new();
    let (sender, mut reports) = mpsc::channel(64);
    let context = Context {
        reports: Reports::new(0, sender),
        commands: mpsc::channel(1).1,
        forgotten: mpsc::unbounded_channel().1,
        stop: stop.clone(),
        clock: Clock::system(),
        links: Links::default(),
        reserved: Arc::new([]),
        operators: watch::channel(0).1,
        memory: Memory::passing(),
        traffic: Arc::new(Traffic::default()),
    };
    let running = tokio::spawn(source.run(context));
    while let Some(report) = reports.recv().await {
        if matches!(report.1, Report::Health(..)) {
            break;
        }
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(done(&history, "emoncms_127_0_0_1").await, Some(10));
}
