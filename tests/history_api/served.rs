//! A page with the past of a simulated house behind it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wattbridge::bridge::Hub;
use wattbridge::clock::Clock;
use wattbridge::config::{Language, Secret};
use wattbridge::flow::{FlowSettings, PriceSettings};
use wattbridge::history::{History, HistorySettings, HouseRoles};
use wattbridge::model::{Device, DeviceId, DeviceState, Health, Report};
use wattbridge::simulation::year::{HouseYear, YearPlan, YearTruth};
use wattbridge::store::Memory;
use wattbridge::web::{Backstage, Entrance, Inside, Web, WebKey, WebSettings, WebStart};

use crate::house;
use crate::http::{Answer, Ask};

const PASSWORD: &str = "correct-horse-4711";

/// A page that is served until this is dropped.
pub(crate) struct Served {
    pub(crate) web: Web,
    pub(crate) truth: YearTruth,
    /// What happened, to look at the shaded and the dirty one.
    pub(crate) year: Option<HouseYear>,
    pub(crate) devices: Vec<Arc<Device>>,
    pub(crate) memory: Memory,
    key: WebKey,
    cookie: Option<String>,
    stop: CancellationToken,
    _inside: watch::Sender<Option<Inside>>,
    _folder: Option<TempDir>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn zone() -> TimeZone {
    TimeZone::get("Europe/Vienna").unwrap()
}

fn midnight(date: Date) -> Timestamp {
    date.to_zoned(zone()).unwrap().timestamp()
}

/// Tells a history what happens in a house on so many days.
fn live(history: &History, from: Date, days: i64) -> (HouseYear, YearTruth) {
    let (begin, end) = (midnight(from), midnight(from + days.days()));
    let year = HouseYear::new(YearPlan::new(house::devices(), zone(), begin, end));
    history.set_roles(HouseRoles::of(year.parts()));
    let mut last = begin;
    let truth = year.tell(|told| {
        if told.at > last {
            history.tick(told.at);
            last = told.at;
        }
        match told.report {
            Report::Device(device) => history.describe(&Arc::new(*device)),
            Report::Health(device, health) => history.health(&device, told.at, &health),
            Report::Readings(readings) => {
                let values = readings.values.iter();
                let values = values.map(|it| (it.key.clone(), it.value.clone()));
                history.record(&readings.device, readings.at, readings.day, values);
            }
            _ => {}
        }
    });
    history.tick(end + 10.minutes());
    history.flush(Duration::from_secs(60));
    (year, truth)
}

impl Served {
    /// So many days of a house from a date on, looked at when they are over.
    pub(crate) async fn days(from: Date, days: i64, prices: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("past-history.db");
        let history = History::open_stepped(&path, &HistorySettings::default(), zone());
        let (year, truth) = live(&history, from, days);
        let now = midnight(from + days.days()) - 10.minutes();
        let mut served = Self::start(history, now, prices).await;
        served.truth = truth;
        served.year = Some(year);
        served._folder = Some(folder);
        served
    }

    /// The same house without a past.
    pub(crate) async fn new() -> Self {
        let now = "2026-06-14T12:00:00Z".parse().unwrap();
        Self::start(History::off(), now, "").await
    }

    async fn start(history: History, now: Timestamp, prices: &str) -> Self {
        let (hub, _commands) = Hub::new();
        let devices = house::devices();
        for device in &devices {
            hub.put_device(Arc::clone(device), state(device, now));
        }
        let prices: PriceSettings = toml::from_str(prices).unwrap();
        let (memory, key) = (Memory::passing(), WebKey::passing());
        let inside = watch::Sender::new(Some(Inside {
            hub,
            clock: Clock::following_tokio(now, zone()),
            started: now,
            key: key.clone(),
            history,
            flow: FlowSettings::default(),
            prices,
            memory: memory.clone(),
            language: Language::En,
            base_topic: None,
            uploads: Vec::new(),
        }));
        let stop = CancellationToken::new();
        let web = Web::start(WebStart {
            entrance: Entrance::Direct,
            settings: WebSettings {
                listen: "127.0.0.1:0".to_owned(),
                password: Some(Secret::new(PASSWORD)),
                guest: true,
                ..WebSettings::default()
            },
            inside: inside.subscribe(),
            stop: stop.clone(),
            backstage: Backstage::default(),
        });
        let mut served = Self {
            web: web.await.unwrap(),
            truth: YearTruth::default(),
            year: None,
            devices,
            memory,
            key,
            cookie: None,
            stop,
            _inside: inside,
            _folder: None,
        };
        let login = serde_json::json!({ "password": PASSWORD });
        let answer = Ask::change(served.web.address(), "POST", "/api/v1/session", &login);
        let answer = answer.send().await;
        let cookie = answer.header("set-cookie").expect("the password is right");
        served.cookie = cookie.split(';').next().map(str::to_owned);
        served
    }

    /// What a device is called in the API.
    pub(crate) fn reference(&self, device: &DeviceId) -> String {
        self.key.reference(device)
    }

    /// The device whose name begins so.
    pub(crate) fn named(&self, name: &str) -> &Device {
        let found = self.devices.iter().find(|it| it.name.starts_with(name));
        found.unwrap()
    }

    fn of_admin(&self, ask: Ask) -> Ask {
        ask.header("Cookie", self.cookie.as_deref().unwrap())
    }

    /// As an admin.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let ask = Ask::get(self.web.address(), &format!("/api/v1/{path}"));
        self.of_admin(ask).send().await
    }

    /// The same, of which the answer is good.
    pub(crate) async fn json(&self, path: &str) -> Json {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// As a guest.
    pub(crate) async fn get_as_guest(&self, path: &str) -> Answer {
        Ask::get(self.web.address(), &format!("/api/v1/{path}"))
            .send()
            .await
    }

    /// As an admin.
    pub(crate) async fn put(&self, path: &str, body: &Json) -> Answer {
        let ask = Ask::change(self.web.address(), "PUT", &format!("/api/v1/{path}"), body);
        self.of_admin(ask).send().await
    }

    /// As a guest.
    pub(crate) async fn put_as_guest(&self, path: &str, body: &Json) -> Answer {
        Ask::change(self.web.address(), "PUT", &format!("/api/v1/{path}"), body)
            .send()
            .await
    }

    /// Asks until the answer is one that is awaited.
    pub(crate) async fn until(&self, path: &str, is_it: impl Fn(&Json) -> bool) -> Json {
        let asked = async {
            loop {
                let json = self.json(path).await;
                if is_it(&json) {
                    return json;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let found = tokio::time::timeout(crate::DEADLINE, asked).await;
        found.unwrap_or_else(|_| panic!("{path} never is what is awaited"))
    }
}

fn state(device: &Device, at: Timestamp) -> Arc<DeviceState> {
    Arc::new(DeviceState {
        device: device.id.clone(),
        at: Some(at),
        values: BTreeMap::default(),
        health: Health::ONLINE,
        held: BTreeMap::new(),
        era: 0,
    })
}

/// Rows of an answer by `REF/KEY`.
pub(crate) fn rows(answer: &Json) -> BTreeMap<String, Json> {
    let rows = answer["rows"].as_array().unwrap().iter();
    let name = |row: &Json| {
        format!(
            "{}/{}",
            row["ref"].as_str().unwrap(),
            row["key"].as_str().unwrap()
        )
    };
    rows.map(|row| (name(row), row.clone())).collect()
}

/// A list of numbers, some of which may be missing.
pub(crate) fn numbers(list: &Json) -> Vec<Option<i64>> {
    list.as_array().unwrap().iter().map(Json::as_i64).collect()
}
