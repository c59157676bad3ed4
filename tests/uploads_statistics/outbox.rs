//! With the outbox and a history: from the slots to Home Assistant, over a kill, and as a dry run.

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
use wattbridge::uploads::{Courier, UploadSource, Uploads, preview};

use super::alone::alone;
use super::driver::{FIRST, HOUR, toml};
use super::stand_in::StandIn;

const PATIENCE: Duration = Duration::from_secs(60);
const ID: &str = "wattbridge:aps_ecu_216000000001_energy_total";
const ENTITY: &str = "sensor.roof";
const MORE: &str = "own = true\nsince = \"2026-06-15\"";

struct House {
    history: History,
    device: Arc<Device>,
    told: i64,
}

impl House {
    fn new(path: &std::path::Path) -> Self {
        let history = History::open_stepped(path, &HistorySettings::default(), TimeZone::UTC);
        let mut device = Device::new("aps_ecu", "216000000001", "ECU", "Invented Works");
        device.metrics = vec![
            Metric::lifetime("energy_total", Quantity::Energy).decimals(3),
            Metric::measurement("power", Quantity::Power).decimals(0),
        ];
        let device = Arc::new(device);
        history.describe(&device);
        Self {
            history,
            device,
            told: 0,
        }
    }

    /// So many more slots, of 50 Wh each.
    fn live(&mut self, slots: i64) {
        for _ in 0..slots {
            self.told += 1;
            let end = Timestamp::from_second(FIRST + self.told * 300).unwrap();
            let values: [(&'static str, Value); 2] = [
                (
                    "energy_total",
                    Decimal::new(1_000_000 + self.told * 50, 3).into(),
                ),
                ("power", Decimal::integer(600).into()),
            ];
            let at = end - SignedDuration::from_secs(20);
            self.history.record(&self.device.id, at, None, values);
            self.history.tick(end + SignedDuration::from_secs(500));
        }
        self.history.flush(PATIENCE);
    }
}

/// The source runs until something holds, then it is stopped, or dropped as by a kill.
async fn run(house: &House, url: &str, kill: bool, mut until: impl FnMut() -> bool) {
    let file = File::parse(&toml(url, MORE), "test.toml").unwrap();
    let (uploads, problems) = Uploads::read(&file);
    assert!(problems.is_empty(), "{problems}");
    let (upload, plan) = uploads.switched_on().next().unwrap();
    let source = UploadSource::new(upload, Arc::clone(plan), house.history.clone());
    let (sender, mut reports) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let context = alone(sender, &stop);
    let running = tokio::spawn(Arc::new(source).run(context));
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
async fn a_month_of_hours_arrives_also_when_the_program_is_killed_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start().await;
    // It has missed two days.
    let hour = |hour: i64, sum: f64| (FIRST + hour * HOUR, 1000.6 + sum, sum);
    let mut theirs: Vec<_> = (0..48).map(|at| hour(at, at as f64 * 0.6)).collect();
    theirs.extend((96..720).map(|at| hour(at, at as f64 * 0.6)));
    server.put("aps_ecu_216000000001_energy_total", ENTITY, &theirs);
    let mut house = House::new(&folder.path().join("history.db"));
    house.live(720 * 12);
    // The first two weeks are written; whether they are there has not been seen.
    run(&house, &server.url, true, || server.kept().writes > 0).await;
    run(&house, &server.url, false, || server.sums(ID).len() == 720).await;
    house.live(12);
    run(&house, &server.url, false, || server.sums(ID).len() == 721).await;
    let rows = server.sums(ID);
    for (place, (start, state, sum)) in rows.iter().enumerate() {
        let gain = place as f64 * 0.6;
        assert_eq!(*start, FIRST + place as i64 * HOUR);
        assert!(
            (sum - gain).abs() < 1e-6 && (state - 1000.6 - gain).abs() < 1e-6,
            "{place}"
        );
    }
    let filled = server.sums(ENTITY);
    assert_eq!(filled.len(), 720);
    for ((_, _, own), (_, _, sum)) in rows.iter().zip(&filled) {
        assert!((own - sum).abs() < 1e-6, "{own} {sum}");
    }
    let kept = server.kept();
    let (_, powers) = &kept.statistics["wattbridge:aps_ecu_216000000001_power"];
    assert_eq!(powers.len(), 721);
    assert!(
        powers
            .values()
            .all(|row| row["mean"] == 600 && row["max"] == 600)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_asks_what_is_there_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start().await;
    let hour = |hour: i64, sum: f64| (FIRST + hour * HOUR, 1000.6 + sum, sum);
    server.put(
        "aps_ecu_216000000001_energy_total",
        ENTITY,
        &[hour(0, 0.0), hour(3, 1.8)],
    );
    let mut house = House::new(&folder.path().join("history.db"));
    house.live(60);
    let shown = async |url: &str, more: &str| {
        let mut target = super::driver::target(&toml(url, more));
        let now = Timestamp::from_second(FIRST + 8 * HOUR).unwrap();
        let times = (FIRST, now.as_second());
        let reader = house.history.reader();
        let courier = Courier::default();
        preview(target.as_mut(), &courier, &reader, times, 3, now)
            .await
            .unwrap()
    };
    let parcels = shown(&server.url, "").await;
    assert_eq!(parcels.len(), 1);
    let text = parcels[0].errand.as_ref().unwrap().to_string();
    assert!(
        text.contains("\"sensor.roof\"") && text.contains("\"sum\":1.2"),
        "{text}"
    );
    let parcels = shown(&server.url, MORE).await;
    let text = parcels[0].errand.as_ref().unwrap().to_string();
    assert!(
        text.contains(ID) && text.contains("\"sensor.roof\"") && text.contains("_power\""),
        "{text}"
    );
    assert_eq!(server.kept().writes, 0);
    // Nobody is there: what is certain is shown, and why the rest is not.
    let parcels = shown("ws://127.0.0.1:1", MORE).await;
    let (_, why) = parcels[0].not_before.clone().unwrap();
    assert!(why.to_string().contains("cannot be reached"), "{why}");
    assert!(parcels[1].errand.as_ref().unwrap().to_string().contains(ID));
}
