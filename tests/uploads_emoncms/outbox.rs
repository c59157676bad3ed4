//! With the outbox and a history: from the slots to the server, over restarts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wattbridge::config::File;
use wattbridge::device::Source as _;
use wattbridge::history::{History, HistorySettings};
use wattbridge::model::{Decimal, Device, Metric, Quantity, Value};
use wattbridge::uploads::{UploadSource, Uploads};

use super::alone::alone;
use super::stand_in::{StandIn, WRITE_KEY};

const PVMONIT: &str = "names = \"pvmonit\"";
const PATIENCE: Duration = Duration::from_secs(30);

struct House {
    history: History,
    device: Arc<Device>,
    start: Timestamp,
    told: i64,
}

impl House {
    fn new(path: &std::path::Path) -> Self {
        let history = History::open_stepped(path, &HistorySettings::default(), TimeZone::UTC);
        let mut device = Device::new("victron", "HQ2123ABCDE", "MpttBleu", "Victron Energy");
        device.metrics = vec![
            Metric::measurement("battery_voltage", Quantity::Voltage).decimals(2),
            Metric::lifetime("energy_resettable", Quantity::Energy).decimals(2),
            Metric::state("state", &[]),
            Metric::on_off("load_output", wattbridge::model::OnOff::Plain),
        ];
        let device = Arc::new(device);
        history.describe(&device);
        Self {
            history,
            device,
            start: "2026-06-15T00:00:00Z".parse().unwrap(),
            told: 0,
        }
    }

    /// So many more slots.
    fn live(&mut self, slots: i64) {
        for _ in 0..slots {
            self.told += 1;
            let end = self.start + SignedDuration::from_secs(self.told * 300);
            let state = if self.told % 2 == 0 { "bulk" } else { "float" };
            let values: [(&'static str, Value); 4] = [
                (
                    "battery_voltage",
                    Decimal::new(2600 + self.told % 50, 2).into(),
                ),
                (
                    "energy_resettable",
                    Decimal::new(3000 + self.told, 2).into(),
                ),
                ("state", state.into()),
                ("load_output", (self.told % 3 == 0).into()),
            ];
            let at = end - SignedDuration::from_secs(20);
            self.history.record(&self.device.id, at, None, values);
            self.history.tick(end + SignedDuration::from_secs(500));
        }
        self.history.flush(PATIENCE);
    }
}

/// The source runs until something holds, then it is stopped, or dropped as by a kill.
async fn run(house: &House, url: &str, more: &str, kill: bool, mut until: impl FnMut() -> bool) {
    let toml = format!(
        "[emoncms]\nurl = \"{url}\"\nkey = \"{WRITE_KEY}\"\nsince = \"2026-06-15\"\n{more}"
    );
    let file = File::parse(&toml, "test.toml").unwrap();
    let (uploads, problems) = Uploads::read(&file);
    assert!(problems.is_empty(), "{problems}");
    let (upload, plan) = uploads.switched_on().next().unwrap();
    let source = Arc::new(UploadSource::new(
        upload,
        Arc::clone(plan),
        house.history.clone(),
    ));
    let (sender, mut reports) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let context = alone(sender, &stop);
    let running = tokio::spawn(source.run(context));
    let begin = Instant::now();
    while !until() {
        assert!(begin.elapsed() < PATIENCE, "nothing arrives");
        while reports.try_recv().is_ok() {}
        tokio::task::yield_now().await;
    }
    if kill {
        running.abort();
    } else {
        stop.cancel();
    }
    let _ = running.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_history_has_arrives_once_also_when_the_program_is_killed_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start().await;
    let mut house = House::new(&folder.path().join("history.db"));
    house.live(700);
    // Killed as soon as the first values are there, which is before the cursor is written.
    let came = |least: usize| {
        let account = server.account();
        let inputs = account
            .nodes
            .get("MpttBleu")
            .and_then(|inputs| inputs.get("H19"));
        inputs.is_some_and(|input| input.came.len() >= least)
    };
    run(&house, &server.url, PVMONIT, true, || came(1)).await;
    house.live(20);
    run(&house, &server.url, PVMONIT, false, || came(720)).await;
    house.live(3);
    run(&house, &server.url, PVMONIT, false, || came(723)).await;
    let account = server.account();
    assert_eq!(account.wrongs, [""; 0]);
    let energy = account.input("MpttBleu", "H19");
    assert_eq!(energy.came.len(), 723);
    assert!(
        (energy.accumulated - 722.0).abs() < 1e-9,
        "{}",
        energy.accumulated
    );
    let start = house.start.as_second();
    assert_eq!(energy.came[0], (start + 300, 3001.0));
    let voltage = account.input("MpttBleu", "V");
    assert_eq!(voltage.came[1], (start + 600, 26020.0));
    let state = account.input("MpttBleu", "CS");
    assert_eq!(state.came[..2], [(start + 300, 5.0), (start + 600, 3.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_and_off_of_the_history_are_1_and_0() {
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start().await;
    let mut house = House::new(&folder.path().join("history.db"));
    house.live(6);
    run(&house, &server.url, "", false, || {
        let account = server.account();
        let node = account.nodes.get("vic_hq2123abcde");
        node.is_some_and(|node| node.len() == 3)
    })
    .await;
    let account = server.account();
    let came = account.input("vic_hq2123abcde", "load_output").came.iter();
    let came: Vec<_> = came.map(|(_, value)| *value).collect();
    assert_eq!(came, [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    let voltage = account.input("vic_hq2123abcde", "battery_voltage");
    assert_eq!(voltage.came.len(), 6);
    assert!((voltage.came[0].1 - 26.01).abs() < 1e-9);
}
