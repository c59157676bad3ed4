//! A real Home Assistant: see `harness` for what this needs; without it the test passes over.

use std::process::Command;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use wattbridge::uploads::UploadVerdict;

use super::driver::{Driver, FIRST, HOUR, Past, now, toml};
use super::front::Front;
use super::harness::Harness;
use super::support::mosquitto::{Mosquitto, Setup};

const ID: &str = "wattbridge:aps_ecu_216000000001_energy_total";
const ENTITY: &str = "sensor.roof_energy";
const DEADLINE: Duration = Duration::from_secs(30);

/// Logs somebody in who is no administrator; prints the token.
const LOG_IN: &str = "
import json, sys, urllib.parse, urllib.request
base = sys.argv[1]
def post(path, body, kind):
    request = urllib.request.Request(base + path, body.encode(), {'Content-Type': kind})
    return json.load(urllib.request.urlopen(request))
client = base + '/'
flow = post('/auth/login_flow', json.dumps({'client_id': client, 'handler': ['homeassistant', None],
    'redirect_uri': client}), 'application/json')
done = post('/auth/login_flow/' + flow['flow_id'], json.dumps({'client_id': client, 'username': 'guest',
    'password': 'herring'}), 'application/json')
form = urllib.parse.urlencode({'grant_type': 'authorization_code', 'code': done['result'], 'client_id': client})
print(post('/auth/token', form, 'application/x-www-form-urlencoded')['access_token'])
";

struct Real {
    home_assistant: Harness,
    broker: u16,
}

impl Real {
    fn publish(&self, topic: &str, payload: &str) {
        let done = Command::new("mosquitto_pub")
            .args([
                "-p",
                &self.broker.to_string(),
                "-r",
                "-t",
                topic,
                "-m",
                payload,
            ])
            .status()
            .unwrap();
        assert!(done.success());
    }

    /// Hours of a statistic: start, state and sum, or means.
    fn hours(&self, id: &str) -> Vec<(i64, f64, f64)> {
        let answer = self.home_assistant.ask(
            "recorder/statistics_during_period",
            &json!({ "start_time": "2026-06-01T00:00:00+00:00", "statistic_ids": [id], "period": "hour" }),
        );
        let rows = answer
            .get(id)
            .and_then(Json::as_array)
            .cloned()
            .unwrap_or_default();
        let number = |row: &Json, names: [&str; 2]| {
            let found = names.iter().find_map(|name| row.get(*name)?.as_f64());
            found.unwrap_or_else(|| panic!("{row}"))
        };
        let rows = rows.iter().map(|row| {
            let start = row["start"].as_i64().unwrap() / 1000;
            (
                start,
                number(row, ["state", "min"]),
                number(row, ["sum", "mean"]),
            )
        });
        rows.collect()
    }

    fn until(&self, what: &str, is: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(begun.elapsed() < DEADLINE, "{what} does not come");
            std::thread::yield_now();
        }
    }

    /// Hours as Home Assistant has made them itself, for all we know.
    fn put(&self, rows: &[(i64, f64, f64)]) {
        let stats = rows.iter().map(|(start, state, sum)| {
            let start = Timestamp::from_second(*start).unwrap().to_string();
            json!({ "start": start, "state": state, "sum": sum })
        });
        let stats: Vec<Json> = stats.collect();
        self.home_assistant.ask(
            "recorder/import_statistics",
            &json!({ "stats": stats, "metadata": { "source": "recorder", "statistic_id": ENTITY, "name": null,
                "unit_of_measurement": "kWh", "unit_class": "energy", "has_sum": true, "mean_type": 0 } }),
        );
        self.until("what was put there", || {
            self.hours(ENTITY).len() >= rows.len()
        });
    }
}

/// Everything of one instance, as it takes a while to start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn home_assistant_has_what_was_written() {
    let Some(broker) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let Some(home_assistant) = Harness::find() else {
        return;
    };
    home_assistant.start(broker.port());
    let real = Real {
        home_assistant,
        broker: broker.port(),
    };
    let (url, token) = real.home_assistant.socket();
    let section = |token: &str, more: &str| toml(&url, more).replace("swordfish", token);

    own_statistics_add_up(&real, section(&token, "own = true\nfill_gaps = false")).await;
    as_much_is_there_through_tls(&url, &token).await;
    gaps_are_filled(&real, section(&token, "")).await;
    a_guest_holds(&real, &section, &url).await;
}

async fn own_statistics_add_up(real: &Real, section: String) {
    let mut driver = Driver::new(section.clone());
    let mut past = Past::new().counting(1_000_000, 30, 50);
    past.measured(FIRST + 300, 500, Some((120, 700)));
    past.measured(FIRST + 600, 674, Some((400, 912)));
    let later = now() + jiff::SignedDuration::from_hours(24);
    assert_eq!(driver.round(&past, now()).await, UploadVerdict::done());
    assert_eq!(driver.round(&past, later).await, UploadVerdict::done());
    let rows = real.hours(ID);
    assert_eq!(rows.len(), 27);
    assert_eq!(rows[0], (FIRST, 1000.6, 0.0));
    for pair in rows.windows(2) {
        let [before, after] = pair else { panic!() };
        assert!((after.2 - before.2 - 0.6).abs() < 1e-6, "{pair:?}");
    }
    let power = real.hours("wattbridge:aps_ecu_216000000001_power");
    assert_eq!(power, [(FIRST, 120.0, 587.0)]);
    // What Home Assistant shows of the first hour is nothing, and of all hours the gain.
    let answer = real.home_assistant.ask(
        "recorder/statistics_during_period",
        &json!({ "start_time": "2026-06-01T00:00:00+00:00", "statistic_ids": [ID], "period": "hour",
            "types": ["change"] }),
    );
    let changes = answer[ID].as_array().unwrap().iter();
    let changes: Vec<f64> = changes.map(|row| row["change"].as_f64().unwrap()).collect();
    assert_eq!(changes[0], 0.0);
    assert!(
        (changes.iter().sum::<f64>() - 26.0 * 0.6).abs() < 1e-6,
        "{changes:?}"
    );
    // All once more, without knowing what was.
    driver.restart(false);
    driver.done = FIRST - 300;
    assert_eq!(driver.round(&past, later).await, UploadVerdict::done());
    assert_eq!(real.hours(ID), rows);
    // As Home Assistant finds them.
    let all = real
        .home_assistant
        .ask("recorder/list_statistic_ids", &json!({}));
    let own = all
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["statistic_id"] == ID)
        .unwrap();
    assert_eq!(own["name"], "ECU Lifetime energy");
    assert_eq!(own["statistics_unit_of_measurement"], "kWh");
    assert_eq!(own["has_sum"], true);
}

/// A reverse proxy is before it, as people have one.
async fn as_much_is_there_through_tls(url: &str, token: &str) {
    let front = Front::before(url).await;
    let section = toml(&front.url, &format!("own = true\n{}", front.trust()));
    let mut driver = Driver::new(section.replace("swordfish", token));
    let past = Past::new().counting(1_000_000, 3, 50);
    assert_eq!(driver.round(&past, now()).await, UploadVerdict::done());
}

async fn gaps_are_filled(real: &Real, section: String) {
    let config = json!({ "unique_id": "aps_ecu_216000000001_energy_total", "name": "Roof energy",
        "state_topic": "roof", "device_class": "energy", "state_class": "total_increasing",
        "unit_of_measurement": "kWh", "default_entity_id": ENTITY });
    real.publish("homeassistant/sensor/roof/config", &config.to_string());
    real.until("the entity", || {
        let states = real.home_assistant.states();
        states.iter().any(|state| state["entity_id"] == ENTITY)
    });
    // The counter is at 1000 at the first hour, and Home Assistant has counted 88 until then. It was away for six hours.
    let hour = |hour: i64, sum: f64| (FIRST + hour * HOUR, 1000.0 + sum, 88.0 + sum);
    let theirs = [
        hour(-2, -0.5),
        hour(-1, 0.0),
        hour(6, 4.2),
        hour(7, 4.8),
        hour(8, 5.4),
    ];
    real.put(&theirs);
    let past = Past::new().counting(1_000_000, 12, 50);
    let later = now() + jiff::SignedDuration::from_hours(6);
    let mut driver = Driver::new(section.clone());
    assert_eq!(driver.round(&past, later).await, UploadVerdict::done());
    let rows = real.hours(ENTITY);
    assert_eq!(rows.len(), 11, "{rows:?}");
    for (place, (start, state, sum)) in rows.iter().enumerate() {
        assert_eq!(*start, FIRST + (place as i64 - 2) * HOUR);
        assert!((sum - 88.0 - (state - 1000.0)).abs() < 1e-6, "{rows:?}");
    }
    let before: Vec<_> = rows.iter().filter(|row| theirs.contains(row)).collect();
    assert_eq!(before.len(), theirs.len(), "what was there is as it was");
    // Once more: nothing is written.
    driver.restart(true);
    driver.done = FIRST - 300;
    driver.sent.clear();
    assert_eq!(driver.round(&past, later).await, UploadVerdict::done());
    assert_eq!((driver.written().len(), real.hours(ENTITY)), (0, rows));
}

async fn a_guest_holds(real: &Real, section: &impl Fn(&str, &str) -> String, url: &str) {
    let made = real.home_assistant.ask(
        "config/auth/create",
        &json!({ "name": "Guest", "group_ids": ["system-users"] }),
    );
    real.home_assistant.ask(
        "config/auth_provider/homeassistant/create",
        &json!({ "user_id": made["user"]["id"], "username": "guest", "password": "herring" }),
    );
    let base = url
        .replace("ws://", "http://")
        .replace("/api/websocket", "");
    let output = Command::new("python3")
        .args(["-c", LOG_IN, &base])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let token = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let section = section(&token, "own = true");
    let past = Past::new().counting(5_000_000, 3, 50);
    let rows = real.hours(ID);
    let mut driver = Driver::new(section.clone());
    let verdict = driver.round(&past, now()).await;
    let UploadVerdict::Hold { health, .. } = verdict else {
        panic!("{verdict:?}");
    };
    assert!(
        health.advice.to_string().contains("administrator"),
        "{health:?}"
    );
    assert_eq!((driver.done, real.hours(ID)), (FIRST - 300, rows));
    let file = wattbridge::config::File::parse(&section, "test.toml").unwrap();
    let (uploads, _) = wattbridge::uploads::Uploads::read(&file);
    let plan = uploads.find("statistics").unwrap().plan;
    let said = wattbridge::uploads::try_login(plan.as_ref()).await;
    assert!(said.unwrap_err().contains("administrator"));
}
