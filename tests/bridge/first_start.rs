//! Nobody has written a configuration yet, and nobody is there to start the program again.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tokio::time::timeout;

use crate::DEADLINE;
use crate::gateway::{Gateway, Plan, section};
use crate::home::Home;
use crate::process::Process;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::wire::Wire;

fn waiting(home: &Home) -> Process {
    Process::start(home.path(), &["run", "--await-config"])
}

#[tokio::test]
async fn the_file_is_made_and_waited_for_until_it_can_be_used() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let home = Home::new(broker.port(), &[]);
    fs::remove_file(home.file()).unwrap();
    let wire = Wire::tap(broker.port()).await;
    let mark = wire.mark();

    let mut bridge = waiting(&home);
    bridge.until_said("wattbridge.toml is new").await;
    let made = fs::read_to_string(home.file()).unwrap();
    assert!(made.contains("#[[aps_ecu]]") && made.contains("wattbridge runs already"));
    let mode = fs::metadata(home.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A moment after the log says so.
    let waits = async {
        loop {
            let health = home.done(&["health"]).await;
            assert_eq!(health.code, Some(0), "{health:?}");
            if health.out.contains("waits for a device") {
                break;
            }
        }
    };
    timeout(DEADLINE, waits).await.unwrap();

    // A mistake is said, and not the end.
    fs::write(home.file(), made.clone() + "\n[[aps_ecu]]\nhots = \"a\"\n").unwrap();
    bridge.until_said("did you mean \"host\"?").await;
    home.write(&[section(gateway.port())]);
    wire.available(mark, &gateway.id(), true).await;
    assert!(bridge.end().await.success());
    assert_eq!(bridge.count(&["is new"]), 1, "{}", bridge.said());
    // A new file is no file that is wrong.
    assert_eq!(
        bridge.count(&["no device is configured"]),
        0,
        "{}",
        bridge.said()
    );
    let gone = home.done(&["health"]).await;
    assert_eq!(gone.code, Some(1), "{gone:?}");
}

#[tokio::test]
async fn waiting_ends_on_request_and_leaves_nothing() {
    let home = Home::new(1883, &[]);
    fs::remove_file(home.file()).unwrap();
    let mut bridge = waiting(&home);
    bridge.until_said("is new").await;
    let status = bridge.end().await;
    assert_eq!(status.code(), Some(0), "{}", bridge.said());
    assert_eq!(home.files(), ["wattbridge.toml"]);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said_and_tried_again() {
    let home = Home::new(1883, &[]);
    let path = home.path().join("later/wattbridge.toml");
    let text = path.display().to_string();
    let bridge = Process::start(home.path(), &["run", "--await-config", "--config", &text]);
    bridge.until_said("cannot be made").await;
    fs::create_dir(path.parent().unwrap()).unwrap();
    bridge.until_said("is new").await;
    assert_eq!(bridge.count(&["cannot be made"]), 1, "{}", bridge.said());
}

#[tokio::test]
async fn without_the_flag_it_ends_as_before() {
    let home = Home::new(1883, &[]);
    fs::remove_file(home.file()).unwrap();
    let done = home.done(&["run"]).await;
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.err.contains("wattbridge init"), "{done:?}");
    assert!(home.files().is_empty());
}

#[tokio::test]
async fn names_of_an_earlier_version_are_brought_up_to_date_beside_a_backup() {
    let home = Home::new(
        1883,
        &["[[kaifa]]\nport = \"tcp://127.0.0.1:9\"\n".to_owned()],
    );
    let old = fs::read_to_string(home.file()).unwrap();
    let mut bridge = waiting(&home);
    bridge.until_said("runs with 1 configured device").await;
    assert!(bridge.end().await.success());
    assert_eq!(
        bridge.count(&["was brought up to date", "wattbridge.toml.old-1"]),
        1
    );
    let new = fs::read_to_string(home.file()).unwrap();
    assert_eq!(new, old.replace("[[kaifa]]", "[[smart_meter]]"));
    let kept = fs::read_to_string(home.path().join("wattbridge.toml.old-1")).unwrap();
    assert_eq!(kept, old);
}

/// systemd and the container image say where a service keeps things.
#[tokio::test]
async fn the_store_is_where_the_system_wants_it() {
    let home = Home::new(1883, &[section(9)]);
    let text = fs::read_to_string(home.file()).unwrap();
    assert!(!text.contains("path"));
    let state = home.path().join("state");
    fs::create_dir(&state).unwrap();
    let mut command = crate::process::wattbridge(home.path(), &["run"]);
    command.env("STATE_DIRECTORY", &state);
    let mut bridge = Process::of(command);
    bridge.until_said("runs with 1 configured device").await;
    assert!(bridge.end().await.success());
    assert!(state.join("wattbridge.db").is_file());
    assert_eq!(home.files(), ["state", "wattbridge.toml"]);
}
