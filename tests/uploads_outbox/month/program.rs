//! The program as it runs: killed and started again, on what is on the disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use wattbridge::history::{History, HistorySettings, HouseRoles};
use wattbridge::model::{Device, Readings, Report};
use wattbridge::simulation::year::TimedReport;

use super::ZONE;
use crate::sender::PATIENCE;

/// It writes the history.
pub(crate) struct Program {
    pub(crate) history: History,
    pub(crate) path: PathBuf,
    devices: Vec<Arc<Device>>,
    roles: HouseRoles,
    pub(crate) starts: usize,
}

impl Program {
    pub(crate) fn start(folder: &Path, devices: Vec<Arc<Device>>, roles: HouseRoles) -> Self {
        let path = folder.join("history-0.db");
        let history = Self::open(&path);
        let mut program = Self {
            history,
            path,
            devices,
            roles,
            starts: 0,
        };
        program.greet();
        program
    }

    fn open(path: &Path) -> History {
        let zone = TimeZone::get(ZONE).unwrap();
        History::open_stepped(path, &HistorySettings::default(), zone)
    }

    fn greet(&mut self) {
        self.starts += 1;
        self.history.set_roles(self.roles.clone());
        for device in &self.devices {
            self.history.describe(device);
        }
    }

    /// Goes on with the file as a kill leaves it: whoever had it does not get to close it.
    pub(crate) fn kill(&mut self) {
        self.history.flush(PATIENCE);
        let path = self
            .path
            .with_file_name(format!("history-{}.db", self.starts));
        let beside = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
        std::fs::copy(&self.path, &path).unwrap();
        if beside(&self.path).exists() {
            std::fs::copy(beside(&self.path), beside(&path)).unwrap();
        }
        let killed = std::mem::replace(&mut self.history, Self::open(&path));
        killed.close();
        let _ = std::fs::remove_file(&self.path);
        self.path = path;
        self.greet();
    }

    pub(crate) fn hear(&self, timed: &TimedReport, is_late: bool) {
        match &timed.report {
            Report::Health(device, health) => self.history.health(device, timed.at, health),
            Report::Readings(readings) => self.values(readings, is_late),
            _ => {}
        }
    }

    pub(crate) fn values(&self, readings: &Readings, is_late: bool) {
        let values = readings.values.iter();
        let values = values.map(|reading| (reading.key.clone(), reading.value.clone()));
        let (device, at) = (&readings.device, readings.at);
        if is_late {
            self.history.late(device, at, readings.day, values);
        } else {
            self.history.record(device, at, readings.day, values);
        }
    }
}
