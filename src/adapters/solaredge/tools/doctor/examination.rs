//! Takes what passes, and keeps what a diagnosis needs.

use std::time::Duration;

use super::chart::Chart;
use super::findings::Findings;
use super::traffic::Traffic;
use crate::adapters::solaredge::keys::UnitKeys;
use crate::adapters::solaredge::listener::Listener;

/// Listens.
#[derive(Debug)]
pub struct Examination {
    traffic: Traffic,
    listener: Listener,
    chart: Chart,
    file: Option<String>,
    interface: Option<String>,
    /// How long was listened, at an interface.
    pub listened: Option<Duration>,
}

impl Examination {
    /// With the keys that are known, at an interface perhaps.
    pub fn new(keys: &UnitKeys, interface: Option<&str>) -> Self {
        let mut chart = Chart::default();
        chart.sessions = keys.sessions();
        Self {
            traffic: Traffic::default(),
            listener: Listener::default(),
            chart,
            file: None,
            interface: interface.map(str::to_owned),
            listened: None,
        }
    }

    /// What comes now is this file.
    pub fn begin_file(&mut self, name: &str) {
        self.traffic.begin_file();
        self.listener.begin_file();
        self.file = Some(name.to_owned());
    }

    /// Takes bytes of a capture.
    pub fn push(&mut self, bytes: &[u8]) {
        self.traffic.push(bytes);
        let (chart, file) = (&mut self.chart, self.file.as_deref());
        self.listener
            .push(bytes, &mut |noticed| chart.take(noticed, file));
    }

    /// Whether there was any packet.
    pub const fn has_packets(&self) -> bool {
        self.listener.seen().packets > 0
    }

    /// Nothing more comes.
    pub fn finish(mut self) -> Findings {
        let chart = &mut self.chart;
        self.listener
            .finish(&mut |noticed| chart.take(noticed, None));
        for (unit, lock) in chart.sessions.locks() {
            if let Some(patient) = chart.units.get_mut(&unit) {
                patient.lock = Some(lock);
            }
        }
        Findings {
            traffic: self.traffic,
            seen: *self.listener.seen(),
            chart: self.chart,
            interface: self.interface,
            listened: self.listened,
        }
    }
}
