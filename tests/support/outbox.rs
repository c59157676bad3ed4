//! A device whose slots come when they are told, and an upload at work on them as the bridge runs it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wattbridge::config::File;
use wattbridge::device::Source as _;
use wattbridge::history::{History, HistorySettings};
use wattbridge::model::{Device, Report, Value};
use wattbridge::uploads::{UploadSource, Uploads};

use crate::alone::alone;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a device says in a slot, by its number.
pub(crate) type Saying = fn(i64) -> Vec<(&'static str, Value)>;

pub(crate) struct House {
    pub(crate) history: History,
    device: Arc<Device>,
    says: Saying,
    start: Timestamp,
    /// How many slots there are.
    told: i64,
}

impl House {
    pub(crate) fn new(path: &Path, start: Timestamp, device: Device, says: Saying) -> Self {
        let history = History::open_stepped(path, &HistorySettings::default(), TimeZone::UTC);
        let device = Arc::new(device);
        history.describe(&device);
        Self {
            history,
            device,
            says,
            start,
            told: 0,
        }
    }

    /// So many more slots.
    pub(crate) fn live(&mut self, slots: i64) {
        for _ in 0..slots {
            self.told += 1;
            let end = self.start + SignedDuration::from_secs(self.told * 300);
            let at = end - SignedDuration::from_secs(20);
            let values = (self.says)(self.told);
            self.history.record(&self.device.id, at, None, values);
            self.history.tick(end + SignedDuration::from_secs(500));
        }
        self.history.flush(PATIENCE);
    }

    /// The first upload of a file runs until something holds: then it is dropped as by a kill, or, once it has noted
    /// that nothing waits, stopped.
    pub(crate) async fn run(&self, toml: &str, kill: bool, mut until: impl FnMut() -> bool) {
        let file = File::parse(toml, "test.toml").unwrap();
        let (uploads, problems) = Uploads::read(&file);
        assert!(problems.is_empty(), "{problems}");
        let (upload, plan) = uploads.switched_on().next().unwrap();
        let source = UploadSource::new(upload, Arc::clone(plan), self.history.clone());
        let (sender, mut reports) = mpsc::channel(64);
        let stop = CancellationToken::new();
        let context = alone(sender, &stop);
        let running = tokio::spawn(Arc::new(source).run(context));
        let begin = Instant::now();
        // What has arrived is not noted yet.
        let mut waits = !kill;
        while !until() || waits {
            assert!(begin.elapsed() < PATIENCE, "nothing arrives");
            while let Ok((_, report)) = reports.try_recv() {
                if let Report::Readings(readings) = report
                    && let Some(pending) = readings.get("pending").and_then(Value::as_number)
                {
                    waits = !kill && !pending.is_zero();
                }
            }
            tokio::task::yield_now().await;
        }
        if kill {
            running.abort();
        } else {
            stop.cancel();
        }
        let _ = running.await;
    }
}
