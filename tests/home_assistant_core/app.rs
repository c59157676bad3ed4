//! The whole way of an app: from a Supervisor's broker and an ECU that somebody has written into the file to
//! entities of a real Home Assistant.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value as Json, json};
use wattbridge::adapters::aps_ecu::simulator::Model;

use crate::harness::Harness;
use crate::plant::simulate;
use crate::support::mosquitto::{Mosquitto, Setup};
use crate::support::supervisor::{FakeSupervisor, Known, TOKEN};
use crate::view::DEADLINE;

const ECU: &str = "216000000077";

struct App(Child);

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_brings_its_devices_into_home_assistant() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let Some(home_assistant) = Harness::find() else {
        return;
    };
    let ecu = simulate(Model::EcuR, ECU, "2xDS3", &[]).await;
    let supervisor = FakeSupervisor::start(Known {
        broker: Some(Known::broker(broker.port(), None)),
        core: Some(json!({ "latitude": 48.2, "longitude": 16.37, "time_zone": "Europe/Vienna" })),
    })
    .await;
    home_assistant.start(broker.port());

    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir(path("data")).unwrap();
    fs::create_dir(path("config")).unwrap();
    let options = json!({ "log_level": "info", "mqtt": {} });
    fs::write(path("data/options.json"), options.to_string()).unwrap();
    let file = path("config/wattbridge.toml");
    let log = fs::File::create(path("log")).unwrap();
    let _app = App(Command::new(env!("CARGO_BIN_EXE_wattbridge"))
        .args([
            "run",
            "--await-config",
            "--supervisor",
            &supervisor.url(),
            "--root",
        ])
        .arg(root.path())
        .env("SUPERVISOR_TOKEN", TOKEN)
        .env("WATTBRIDGE_CONFIG", &file)
        .env("STATE_DIRECTORY", path("data"))
        .current_dir(root.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap());
    let said = || fs::read_to_string(path("log")).unwrap();
    until(&said, || file.is_file().then_some(())).await;
    // What is in it already stays, and one device is added.
    let made = fs::read_to_string(&file).unwrap();
    let section = format!(
        "\n[[aps_ecu]]\nhost = \"127.0.0.1\"\nport = {}\ninterval = \"1s\"\nquiet = \"\"\n",
        ecu.listens().port()
    );
    fs::write(&file, made + &section).unwrap();

    let watts = until(&said, || {
        let states = home_assistant.states();
        let is_power = |it: &&Json| {
            let unit = &it["attributes"]["unit_of_measurement"];
            unit == "W" && it["attributes"]["device_class"] == "power"
        };
        let mut watts = states
            .iter()
            .filter(is_power)
            .filter_map(|it| it["state"].as_str());
        watts.find_map(|watts| watts.parse::<f64>().ok().filter(|watts| *watts > 0.0))
    })
    .await;
    assert!(watts > 0.0);
    let devices = home_assistant.devices();
    // The bridge, the ECU and its two inverters.
    assert_eq!(devices.len(), 4, "{devices:#?}");
    assert_eq!(home_assistant.complaints(), [""; 0]);
}

/// Asks until there is an answer.
async fn until<T>(said: &dyn Fn() -> String, ask: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < 2 * DEADLINE, "the app said:\n{}", said());
        // Nobody tells of files and entities.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
