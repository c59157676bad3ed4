//! Programs that print their values, and those that do not.

use std::path::Path;

use serde_json::Value as Json;

use super::{reason, script, section};
use crate::home::Home;
use crate::process::Process;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

const THERMOMETER: &str = r#"
interval = "300ms"
tries = 1
silent_after = "1s"
values = [{ id = "temperature", quantity = "temperature", offset = -3 }]
"#;

#[tokio::test]
async fn a_thermometer_is_corrected() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let more = format!("command = [\"printf\", \"%s\\\\n\", \"18.50\"]\n{THERMOMETER}");
    let home = Home::new(broker.port(), &[section("temper", &more)]);
    let check = home.done(&["check", "--connect"]).await;
    assert!(check.out.contains("temperature 15.5 °C"), "{check:?}");
    let mut program = home.run();
    let there = |state: &Json| state["health"] == "online" && state["temperature"] == 15.5;
    wire.state("15.5 degrees", 0, "text_temper", there).await;
    assert!(program.end().await.success());
}

#[tokio::test]
async fn each_way_to_fail_has_its_own_words_and_stops_no_other() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    let short = format!("timeout = \"300ms\"\n{THERMOMETER}");
    let of_script = |id: &str, content: &str| script(&home, id, content, &short);
    let missing = format!("command = [\"/no/such/temper\", \"secret\"]\n{THERMOMETER}");
    home.write(&[
        section("missing", &missing),
        of_script("failing", "echo 18.50; echo no device found >&2; exit 3"),
        of_script("quiet", "exit 0"),
        of_script("wordy", "echo hello"),
        of_script("endless", "while :; do echo 18.50; done"),
        of_script("hanging", "echo 18.50; sleep 1000"),
        of_script("good", "echo 18.50"),
    ]);
    let mut program = home.run();
    for (id, health, words) in [
        (
            "missing",
            "unreachable",
            "there is no program /no/such/temper",
        ),
        ("failing", "silent", "exit code 3: no device found"),
        ("quiet", "silent", "printed nothing"),
        (
            "wordy",
            "unsupported",
            "\"hello\": the pattern does not fit",
        ),
        ("endless", "garbled", "more than 64 KiB"),
        ("hanging", "silent", "still running after 300ms"),
        ("good", "online", "Online"),
    ] {
        let there = |state: &Json| state["health"] == health;
        let (state, _) = wire.state(words, 0, &format!("text_{id}"), there).await;
        assert!(reason(&state).contains(words), "{state}");
        assert_eq!(state["temperature"].is_null(), id != "good", "{state}");
    }
    assert!(program.end().await.success());
    assert!(!program.said().contains("secret"), "{}", program.said());
}

#[tokio::test]
async fn a_program_that_stops_working_is_said_after_a_while_and_works_again() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    let value = home.path().join("value");
    let set = |text: &str| {
        let new = home.path().join("value.new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &value).unwrap();
    };
    set("18.50\n");
    let content = format!("cat {}", value.display());
    home.write(&[script(&home, "temper", &content, THERMOMETER)]);
    let _program = home.run();
    let there = |state: &Json| state["health"] == "online" && state["temperature"] == 15.5;
    let (_, mark) = wire.state("values", 0, "text_temper", there).await;
    std::fs::remove_file(&value).unwrap();
    // The value before it still counts for a moment.
    let again = |state: &Json| state["health"] == "retrying" && state["temperature"] == 15.5;
    let (_, mark) = wire.state("trying again", mark, "text_temper", again).await;
    let gone = |state: &Json| state["health"] == "silent" && state["temperature"].is_null();
    let (state, mark) = wire.state("the reason", mark, "text_temper", gone).await;
    assert!(reason(&state).contains("exit code 1"), "{state}");
    set("18.50\n");
    wire.state("values again", mark, "text_temper", there).await;
}

#[tokio::test]
async fn nothing_of_a_program_is_left_when_its_time_or_ours_is_over() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let wire = Wire::tap(broker.port()).await;
    let home = Home::new(broker.port(), &[]);
    let folder = home.path().display();
    let content = |id: &str| {
        format!(
            "sleep 1000 & echo $$ $! > {folder}/{id}.new; mv {folder}/{id}.new {folder}/{id}.pids; wait"
        )
    };
    let hanging = format!("timeout = \"500ms\"\n{THERMOMETER}");
    let running = format!("timeout = \"4m\"\n{THERMOMETER}");
    home.write(&[
        script(&home, "hanging", &content("hanging"), &hanging),
        script(&home, "running", &content("running"), &running),
    ]);
    let mut program = home.run();
    let killed = |state: &Json| state["health"] == "silent";
    wire.state("killed", 0, "text_hanging", killed).await;
    let running = home.path().join("running.pids");
    appears(&running).await;
    assert!(program.end().await.success());
    for name in ["hanging", "running"] {
        let pids = std::fs::read_to_string(home.path().join(format!("{name}.pids"))).unwrap();
        assert_eq!(pids.split_whitespace().count(), 2, "{pids}");
        for pid in pids.split_whitespace() {
            ends(pid).await;
        }
    }
}

#[tokio::test]
async fn nothing_of_a_program_is_left_when_a_check_is_stopped() {
    let home = Home::new(1, &[]);
    let folder = home.path().display();
    let content = format!("echo $$ > {folder}/new; mv {folder}/new {folder}/pid; sleep 1000");
    let more = format!("timeout = \"4m\"\n{THERMOMETER}");
    home.write(&[script(&home, "hanging", &content, &more)]);
    let mut check = Process::start(home.path(), &["check", "--connect"]);
    let pid = home.path().join("pid");
    appears(&pid).await;
    assert!(!check.end().await.success());
    ends(std::fs::read_to_string(pid).unwrap().trim()).await;
}

async fn appears(path: &Path) {
    let there = async {
        while !path.exists() {
            // There is no event to wait for.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let there = tokio::time::timeout(crate::DEADLINE, there).await;
    assert!(there.is_ok(), "{} does not appear", path.display());
}

/// Waits until a process is gone, or nothing but its number is left.
async fn ends(pid: &str) {
    let stat = format!("/proc/{pid}/stat");
    let lives = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    let gone = async {
        while lives() {
            // There is no event to wait for.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let gone = tokio::time::timeout(crate::DEADLINE, gone).await;
    assert!(gone.is_ok(), "{pid} is still running");
}
