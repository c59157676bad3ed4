//! A page with a small house behind it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use wattbridge::bridge::Hub;
use wattbridge::clock::Clock;
use wattbridge::config::editing::SectionKinds;
use wattbridge::config::{File, Language, Problems, Secret};
use wattbridge::device::PendingCommand;
use wattbridge::flow::{FlowSettings, PriceSettings};
use wattbridge::history::History;
use wattbridge::model::{
    Control, ControlKind, Decimal, Device, DeviceState, Health, HealthCode, Metric, Quantity,
    Sentence, Value,
};
use wattbridge::store::Memory;
use wattbridge::uploads::{KIND, NamedTarget, TargetState, Uploads};
use wattbridge::web::{
    Backstage, Desk, Entrance, Inside, LogBook, Program, RestoreOutcome, RestoreRefusal, SavedFile,
    Unpacked, Web, WebKey, WebSettings, WebStart,
};

pub(crate) const PASSWORD: &str = "correct-horse-4711";
/// Nobody but admins may read them.
pub(crate) const ROOF: &str = "216000004711";
/// What opens a service: nobody reads it.
pub(crate) const TOKEN: &str = "planted-token-4711";
pub(crate) const METER: &str = "1KFM-Planted-0815";

/// A page that is served until this is dropped.
pub(crate) struct TestSite {
    pub(crate) web: Web,
    pub(crate) hub: Hub,
    pub(crate) commands: mpsc::Receiver<PendingCommand>,
    pub(crate) inside: watch::Sender<Option<Inside>>,
    pub(crate) clock: Clock,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

/// A program whose configuration is always right.
#[derive(Debug)]
struct EasyProgram;

impl Program for EasyProgram {
    fn check(&self, _: &str) -> Problems {
        Problems::new()
    }

    fn can_run(&self, _: &str) -> Result<(), Problems> {
        Ok(())
    }

    fn trusts_editor(&self, _: &str) -> bool {
        false
    }

    fn fed(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn reload(&self) {}

    fn backup(&self) -> Result<std::fs::File, String> {
        tempfile::tempfile().map_err(|error| error.to_string())
    }

    fn runs_with(&self, _: &str) -> bool {
        false
    }

    fn sent_file(&self) -> PathBuf {
        std::env::temp_dir().join(format!("wattbridge-sent-{}", std::process::id()))
    }

    fn free_space(&self, _: &Path) -> Option<u64> {
        None
    }

    fn unpack(
        &self,
        _: &Path,
        _: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Unpacked, RestoreRefusal> {
        Err(RestoreRefusal::Unfit("this is no backup".to_owned()))
    }

    fn put_back(&self) -> Option<RestoreOutcome> {
        None
    }

    fn throw_away(&self) {}
}

impl Drop for TestSite {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn settings(listen: &str) -> WebSettings {
    WebSettings {
        listen: listen.to_owned(),
        metrics: true,
        ..WebSettings::default()
    }
}

pub(crate) fn with_password(listen: &str, guest: bool) -> WebSettings {
    WebSettings {
        password: Some(Secret::new(PASSWORD)),
        guest,
        ..settings(listen)
    }
}

pub(crate) fn roof() -> Device {
    let mut roof = Device::new("aps_ecu", ROOF, format!("Roof {ROOF}"), "APsystems");
    roof.model = Some("ECU-R".to_owned());
    roof.metrics = vec![
        Metric::measurement("power", Quantity::Power),
        Metric::lifetime("energy_total", Quantity::Energy),
        Metric::measurement("temperature", Quantity::Temperature).diagnostic(),
        Metric::text("last_line"),
    ];
    roof.controls = vec![Control::new("output", "Output", ControlKind::Switch)];
    roof
}

pub(crate) fn meter() -> Device {
    let mut meter = Device::new("smart_meter", METER, "Meter", "Kaifa");
    meter.metrics = vec![Metric::measurement("power_net", Quantity::Power)];
    meter
}

/// Where what is measured is sent, if anybody is there.
pub(crate) fn uploads() -> Vec<NamedTarget> {
    let text = format!(
        "[[influxdb]]\nurl = \"http://127.0.0.1:9\"\nversion = 2\norg = \"home\"\nbucket = \"watts\"\ntoken = \"{TOKEN}\"\n"
    );
    let file = File::parse(&text, "uploads").unwrap();
    let (uploads, problems) = Uploads::read(&file);
    assert!(problems.is_empty(), "{problems}");
    uploads.all().collect()
}

/// The device that stands for it.
pub(crate) fn upload() -> Device {
    let target = uploads().remove(0);
    let mut upload = Device::new(KIND, target.id, "InfluxDB", "wattbridge");
    upload.metrics = TargetState::metrics().to_vec();
    upload
}

pub(crate) fn state(
    device: &Device,
    at: Timestamp,
    values: &[(&'static str, Value)],
) -> Arc<DeviceState> {
    Arc::new(DeviceState {
        device: device.id.clone(),
        at: Some(at),
        values: values
            .iter()
            .map(|(key, value)| (Cow::Borrowed(*key), value.clone()))
            .collect(),
        health: Health::ONLINE,
        held: Default::default(),
        era: 0,
    })
}

pub(crate) fn watts(watts: i64) -> Value {
    Decimal::integer(watts).into()
}

impl TestSite {
    pub(crate) async fn start(settings: WebSettings) -> Self {
        Self::start_at(Entrance::Direct, settings).await
    }

    pub(crate) async fn start_at(entrance: Entrance, settings: WebSettings) -> Self {
        Self::begin(entrance, settings, None).await
    }

    /// After a restart: with the store of an earlier one.
    pub(crate) async fn with_inside(settings: WebSettings, before: Option<Inside>) -> Self {
        Self::begin(Entrance::Direct, settings, before).await
    }

    async fn begin(entrance: Entrance, settings: WebSettings, before: Option<Inside>) -> Self {
        let (hub, commands) = Hub::new();
        let noon = "2026-06-21T12:00:00Z".parse().unwrap();
        let clock = Clock::following_tokio(noon, TimeZone::UTC);
        let roof = roof();
        let values = [
            ("power", watts(3210)),
            ("energy_total", Decimal::new(12_345_678, 3).into()),
            ("temperature", Value::Unknown),
            ("last_line", format!("from {}", ROOF.to_uppercase()).into()),
        ];
        hub.put_device(Arc::new(roof.clone()), state(&roof, noon, &values));
        let meter = meter();
        let mut silent = (*state(&meter, noon, &[("power_net", Value::Unknown)])).clone();
        silent.health = Health::new(HealthCode::Silent)
            .seen(Sentence::verbatim(format!("meter {METER} says nothing")))
            .advise(Sentence::verbatim("Look at its cable."));
        hub.put_device(Arc::new(meter), Arc::new(silent));
        let inside = watch::Sender::new(Some(Inside {
            hub: hub.clone(),
            history: History::in_memory(TimeZone::UTC),
            prices: PriceSettings::default(),
            memory: before
                .as_ref()
                .map_or_else(Memory::passing, |it| it.memory.clone()),
            clock: clock.clone(),
            started: noon,
            key: before.map_or_else(WebKey::passing, |it| it.key),
            flow: FlowSettings::default(),
            language: Language::default(),
            base_topic: Some("wattbridge".to_owned()),
            uploads: uploads(),
        }));
        let stop = CancellationToken::new();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wattbridge.toml");
        std::fs::write(&file, format!("[mqtt]\npassword = \"{PASSWORD}\"\n")).unwrap();
        let desk = Desk::new(
            SavedFile::new(file),
            SectionKinds::default(),
            BTreeSet::new(),
            &[],
            Arc::new(EasyProgram),
            serde_json::Value::Null,
        );
        let backstage = Backstage {
            desk: Some(desk),
            log: Some(LogBook::new(|| ())),
            ..Backstage::default()
        };
        let web = Web::start(WebStart {
            entrance,
            settings,
            inside: inside.subscribe(),
            backstage,
            stop: stop.clone(),
        });
        let web = web.await.unwrap();
        let site = Self {
            web,
            hub,
            commands,
            inside,
            clock,
            stop,
            _folder: folder,
        };
        // The first look is at a board with all that is there.
        site.hub.put_state(state(&roof, noon, &values));
        site
    }

    /// On any port of this computer, without password.
    pub(crate) async fn open() -> Self {
        Self::start(settings("127.0.0.1:0")).await
    }

    /// Puts a state of the roof.
    pub(crate) fn power(&self, value: Value) {
        let roof = roof();
        let now = self.clock.now();
        let values = [
            ("power", value),
            ("energy_total", Decimal::new(12_345_678, 3).into()),
            ("temperature", Value::Unknown),
            ("last_line", Value::Unknown),
        ];
        self.hub.put_state(state(&roof, now, &values));
    }

    /// One more device.
    pub(crate) fn put(&self, device: &Device, values: &[(&'static str, Value)]) {
        let state = state(device, self.clock.now(), values);
        self.hub.put_device(Arc::new(device.clone()), state);
    }

    /// What is kept of the past.
    pub(crate) fn history(&self) -> History {
        self.inside.borrow().as_ref().unwrap().history.clone()
    }

    /// The name of the roof in the API.
    pub(crate) async fn roof_ref(&self, ask: impl Fn(&str) -> crate::http::Ask) -> String {
        let answer = ask("/api/v1/devices").send().await.json();
        let devices = answer["devices"].as_array().unwrap();
        let roof = devices.iter().find(|device| device["model"] == "ECU-R");
        roof.unwrap()["ref"].as_str().unwrap().to_owned()
    }
}
