//! The history is in nobody's way.

use std::fs;

use rusqlite::Connection;
use serde_json::Value as Json;

use crate::gateway::{Gateway, Plan};
use crate::home::Home;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

fn is_on(state: &Json) -> bool {
    state["health"] == "online" && state["power"].is_number()
}

#[tokio::test]
async fn a_history_that_cannot_be_used_costs_no_value() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let text = fs::read_to_string(home.file()).unwrap();
    let damaged = home.path().join("wattbridge-history.db");
    fs::write(&damaged, "no database at all. ".repeat(500)).unwrap();
    for (place, words) in [
        ("", "is begun anew"),
        (
            "[history]\npath = \"missing/history.db\"\n\n",
            "takes nothing",
        ),
    ] {
        fs::write(home.file(), format!("{place}{text}")).unwrap();
        let mark = wire.mark();
        let mut bridge = home.run();
        let id = gateway.id();
        let (_, mut mark) = wire.state("online", mark, &id, is_on).await;
        for _ in 0..3 {
            mark = wire.state("more", mark, &id, is_on).await.1;
        }
        bridge.until_said(words).await;
        assert!(bridge.end().await.success());
        let said = bridge.said();
        assert_eq!(bridge.count(&["WARN"]), 1, "{said}");
        assert_eq!(bridge.count(&["WARN", "istory", words]), 1, "{said}");
    }
    let states = wire.states(&gateway.id());
    let shown: Vec<f64> = states
        .iter()
        .filter_map(|it| it["energy_total"].as_f64())
        .collect();
    assert!(shown.len() > 5 && shown.is_sorted(), "{shown:?}");
}

#[tokio::test]
async fn what_runs_is_kept_and_a_kill_leaves_a_whole_file() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[gateway.section()]);
    let path = home.path().join("wattbridge-history.db");
    for run in 0..3 {
        let mark = wire.mark();
        let mut bridge = home.run();
        wire.state("online", mark, &gateway.id(), is_on).await;
        if run < 2 {
            bridge.kill().await;
        } else {
            assert!(bridge.end().await.success());
        }
        assert_eq!(bridge.count(&["WARN"]), 0, "{}", bridge.said());
        let file = Connection::open(&path).unwrap();
        let fine: String = file
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(fine, "ok");
    }
    // The end in order has kept what each device was, and that nobody looked from then on.
    let file = Connection::open(&path).unwrap();
    let ask = |sql: &str| -> i64 { file.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert!(ask("SELECT count(*) FROM series WHERE key = 'power'") > 1);
    assert!(ask("SELECT count(*) FROM health WHERE code = 'online'") > 0);
    assert!(ask("SELECT count(*) FROM health WHERE code = 'off'") > 0);
}
