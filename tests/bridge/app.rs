//! The program as an app of Home Assistant, before a Supervisor that is played.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use wattbridge::outputs::mqtt::MqttSettings;

use crate::gateway::{Gateway, Plan, section};
use crate::process::{Done, Process, wattbridge};
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::support::supervisor::{FakeSupervisor, Known, TOKEN};
use crate::wire::Wire;

const USER: &str = "addons";
const PASSWORD: &str = "correct-horse-4711";
const OTHER: &str = "battery-staple-0815";

/// A container as the Supervisor makes it.
struct Container {
    root: TempDir,
    supervisor: String,
}

impl Container {
    fn new(supervisor: &FakeSupervisor, options: &Json) -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["data", "config"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let container = Self {
            root,
            supervisor: supervisor.url(),
        };
        container.set(options);
        container
    }

    fn set(&self, options: &Json) {
        fs::write(self.path("data/options.json"), options.to_string()).unwrap();
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn file(&self) -> PathBuf {
        self.path("config/wattbridge.toml")
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let root = self.root.path().to_str().unwrap();
        let given = ["--root", root, "--supervisor", &self.supervisor];
        let mut command = wattbridge(Path::new("/"), &[args, &given].concat());
        command
            .env("SUPERVISOR_TOKEN", TOKEN)
            .env("WATTBRIDGE_CONFIG", self.file())
            .env("STATE_DIRECTORY", self.path("data"))
            .env("WATTBRIDGE_LOG", "trace")
            .env("TMPDIR", self.root.path());
        command
    }

    fn run(&self) -> Process {
        Process::of(self.command(&["run", "--await-config"]))
    }

    fn check(&self) -> Done {
        let mut command = self.command(&["check", "--connect"]);
        command.output().unwrap().into()
    }
}

fn guarded(password: &'static str) -> Setup {
    Setup {
        user: Some((USER, password)),
        ..Setup::default()
    }
}

async fn tap(port: u16, password: &str) -> Wire {
    let settings = MqttSettings {
        port: Some(port),
        username: Some(USER.to_owned()),
        password: Some(serde_json::from_value(password.into()).unwrap()),
        ..MqttSettings::default()
    };
    Wire::tap_as(settings, "everything").await
}

/// From the first start of an app that nobody has touched to values on a broker that nobody has configured.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_nothing_to_values() {
    let Some(broker) = Mosquitto::launch(&guarded(PASSWORD)) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    // The broker app is not installed yet.
    let supervisor = FakeSupervisor::start(Known::default()).await;
    let app = Container::new(&supervisor, &json!({ "log_level": "info" }));
    let wire = tap(broker.port(), PASSWORD).await;
    let mark = wire.mark();

    let mut bridge = app.run();
    bridge.until_said("wattbridge.toml is new").await;
    let made = fs::read_to_string(app.file()).unwrap();
    assert!(
        made.contains("restart the app") && !made.contains("[mqtt]"),
        "{made}"
    );
    fs::write(app.file(), made + &section(gateway.port())).unwrap();
    bridge.until_said("install the Mosquitto broker app").await;
    let rounds = gateway.handle.requests(1);
    gateway.handle.wait_for_requests(1, rounds + 3).await;

    supervisor.learn(Known {
        broker: Some(Known::broker(broker.port(), Some((USER, PASSWORD)))),
        core: None,
    });
    wire.available(mark, &gateway.id(), true).await;
    assert!(bridge.end().await.success());
    assert!(app.path("data/wattbridge.db").is_file());
    assert_eq!(
        bridge.count(&["install the Mosquitto broker app", " WARN "]),
        1
    );
    let check = app.check();
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(
        check
            .out
            .contains("ok      the MQTT broker of Home Assistant"),
        "{check:?}"
    );
    for said in [bridge.said(), check.out, check.err] {
        assert!(!said.contains(PASSWORD) && !said.contains(TOKEN), "{said}");
    }
}

/// The Mosquitto app may get new passwords at any time, and move.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_with_a_new_password_is_asked_for_again() {
    let (Some(first), Some(second)) = (
        Mosquitto::launch(&guarded(PASSWORD)),
        Mosquitto::launch(&guarded(OTHER)),
    ) else {
        return;
    };
    let mut first = first;
    let gateway = Gateway::start(Plan::default()).await;
    let known = |port, password| Known {
        broker: Some(Known::broker(port, Some((USER, password)))),
        core: None,
    };
    let supervisor = FakeSupervisor::start(known(first.port(), PASSWORD)).await;
    let app = Container::new(&supervisor, &json!({ "log_level": "info" }));
    fs::write(app.file(), section(gateway.port())).unwrap();
    let wire = tap(first.port(), PASSWORD).await;
    let mark = wire.mark();
    let mut bridge = app.run();
    wire.available(mark, &gateway.id(), true).await;
    let asked = supervisor.asked("/services/mqtt");

    // It comes back elsewhere, and the Supervisor is a moment late to say with which password.
    supervisor.learn(known(second.port(), PASSWORD));
    first.kill();
    bridge.until_said("asks Home Assistant for new ones").await;
    supervisor.learn(known(second.port(), OTHER));
    let wire = tap(second.port(), OTHER).await;
    wire.available(0, &gateway.id(), true).await;
    assert!(supervisor.asked("/services/mqtt") >= asked + 2);
    assert!(bridge.end().await.success());
    for word in [PASSWORD, OTHER, TOKEN] {
        assert!(!bridge.said().contains(word), "{}", bridge.said());
    }
}

/// Whoever has a broker of their own names it in the options or in the file, and nobody is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_of_the_users_own_comes_first() {
    let Some(own) = Mosquitto::launch(&guarded(OTHER)) else {
        return;
    };
    let gateway = Gateway::start(Plan::default()).await;
    let elsewhere = Known::broker(9, Some((USER, PASSWORD)));
    let supervisor = FakeSupervisor::start(Known {
        broker: Some(elsewhere),
        core: None,
    })
    .await;
    let port = own.port();
    let options = json!({
        "log_level": "debug",
        "mqtt": { "host": "127.0.0.1", "port": port, "username": USER, "password": OTHER },
    });
    let none = json!({ "log_level": "debug", "mqtt": {} });
    let file = format!(
        "[mqtt]\nhost = \"127.0.0.1\"\nport = {port}\nusername = \"{USER}\"\npassword = \"{OTHER}\"\n\n"
    );
    for (options, file) in [(&options, ""), (&none, file.as_str())] {
        let app = Container::new(&supervisor, options);
        fs::write(app.file(), format!("{file}{}", section(gateway.port()))).unwrap();
        let wire = tap(port, OTHER).await;
        let mark = wire.mark();
        let mut bridge = app.run();
        wire.available(mark, &gateway.id(), true).await;
        assert!(bridge.end().await.success());
        assert!(!bridge.said().contains(OTHER), "{}", bridge.said());
    }
    assert_eq!(supervisor.asked("/services/mqtt"), 0);
}

/// What the Supervisor must not be asked, and what comes of damaged options.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_that_cannot_be_read_are_said_and_waited_out() {
    let supervisor = FakeSupervisor::start(Known::default()).await;
    let app = Container::new(&supervisor, &json!({ "log_level": "info" }));
    fs::write(app.file(), section(9)).unwrap();
    fs::write(
        app.path("data/options.json"),
        "{\"mqtt\": {\"password\": [\"hunter2\"",
    )
    .unwrap();
    let bridge = app.run();
    bridge.until_said("Configuration tab").await;
    assert!(!bridge.said().contains("hunter2"), "{}", bridge.said());
    app.set(&json!({ "log_level": "info", "mqtt": {} }));
    bridge.until_said("runs with 1 configured device").await;
}

/// Sunrise and sunset come from where Home Assistant says that the house is, from the last answer where it is not
/// up yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_place_of_the_house_is_known_from_home_assistant() {
    let core = json!({ "latitude": 48.2, "longitude": 16.37, "time_zone": "Europe/Vienna" });
    let supervisor = FakeSupervisor::start(Known {
        broker: None,
        core: Some(core),
    })
    .await;
    let app = Container::new(&supervisor, &json!({ "log_level": "info" }));
    let stick = "[[aps_zigbee]]\nport = \"tcp://127.0.0.1:9\"\ninverters = [\"408000990001\"]\n";
    fs::write(app.file(), stick).unwrap();
    for _ in 0..2 {
        let mut bridge = app.run();
        bridge.until_said("runs with 1 configured device").await;
        assert_eq!(bridge.count(&["says where the house is"]), 1);
        assert!(bridge.end().await.success());
        let kept = fs::read_to_string(app.path("data/place.json")).unwrap();
        let kept: Json = serde_json::from_str(&kept).unwrap();
        assert_eq!(
            (&kept["latitude"], &kept["longitude"]),
            (&json!(48.2), &json!(16.37))
        );
        supervisor.learn(Known::default());
    }
    assert_eq!(supervisor.asked("/core/api/config"), 2);
    // Who says it in the file is not told it by somebody else.
    fs::write(
        app.file(),
        format!("{stick}latitude = 52.5\nlongitude = 13.4\n"),
    )
    .unwrap();
    let mut bridge = app.run();
    bridge.until_said("runs with 1 configured device").await;
    assert_eq!(bridge.count(&["says where the house is"]), 0);
    assert!(bridge.end().await.success());
}
