//! Takes what passes, and keeps what a diagnosis needs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::findings::Findings;
use super::patient::Patient;
use super::traffic::Traffic;
use crate::adapters::solaredge::keys::UnitKeys;
use crate::adapters::solaredge::listener::{Listener, Noticed};
use crate::adapters::solaredge::sessions::{Sessions, Unsealed};
use crate::adapters::solaredge::wire::{Frame, Records, Serial, function};

/// Units, and functions, of which no more are remembered.
const MOST: usize = 64;

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

/// What is written down of the frames.
#[derive(Debug, Default)]
pub struct Chart {
    sessions: Sessions,
    buffer: Vec<u8>,
    /// The units that were heard.
    pub units: BTreeMap<Serial, Patient>,
    /// Frames of the server.
    pub from_server: u64,
    /// Functions with no name, and how many frames there are of each.
    pub unknown: BTreeMap<u16, u64>,
    /// Who talks by TLS, or asks for the server that does.
    pub tls: BTreeSet<SocketAddr>,
    /// What cannot be read as a capture, in words.
    pub refused: Vec<String>,
    /// Whose key was found on the way.
    pub found: Vec<Serial>,
}

impl Examination {
    /// With the keys that are known, at an interface perhaps.
    pub fn new(keys: &UnitKeys, interface: Option<&str>) -> Self {
        let chart = Chart {
            sessions: keys.sessions(),
            ..Chart::default()
        };
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

impl Chart {
    fn take(&mut self, noticed: Noticed<'_>, file: Option<&str>) {
        match noticed {
            Noticed::Frame {
                at,
                connection,
                frame,
                ..
            } => {
                let is_sealed = frame.function == function::SEALED;
                let sender = frame.unit();
                if let Some(patient) = sender.and_then(|unit| self.patient(unit)) {
                    patient.last = at.or(patient.last);
                    if is_sealed {
                        patient.sealed += 1;
                    } else if frame.function != function::SESSION_KEY {
                        patient.clear += 1;
                    }
                } else if sender.is_none() {
                    self.from_server += 1;
                }
                let mut buffer = std::mem::take(&mut self.buffer);
                if let Unsealed::Frame { sealed_by, frame } =
                    self.sessions.take(connection, frame, &mut buffer)
                {
                    let opener = sealed_by.and_then(|unit| self.units.get_mut(&unit));
                    if let Some(patient) = opener.filter(|_| sender.is_some()) {
                        patient.opened += 1;
                    }
                    self.frame(&frame, at);
                }
                self.buffer = buffer;
                self.found.extend(self.sessions.newly_found());
                self.found.truncate(MOST);
            }
            Noticed::Tls(flow) if self.tls.len() < MOST => {
                self.tls.insert(flow.source);
            }
            Noticed::Closed(connection) => self.sessions.closed(connection),
            Noticed::Refused(why) if self.refused.len() < MOST => {
                self.refused.push(match file {
                    Some(file) => format!("{file}: {why}"),
                    None => why.to_string(),
                });
            }
            Noticed::Tls(_) | Noticed::Refused(_) | Noticed::Skipped(..) => {}
        }
    }

    /// What a frame says that can be read.
    fn frame(&mut self, frame: &Frame<'_>, at: Option<Duration>) {
        let code = frame.function;
        if function::name(code).is_none()
            && (self.unknown.len() < MOST || self.unknown.contains_key(&code))
        {
            *self.unknown.entry(code).or_default() += 1;
        }
        let unit = frame.unit().filter(|_| code == function::TELEMETRY);
        let Some(patient) = unit.and_then(|unit| self.patient(unit)) else {
            return;
        };
        patient.last = at.or(patient.last);
        if frame.data.is_empty() {
            patient.keep_alives += 1;
            return;
        }
        patient.telemetry += 1;
        patient.last_telemetry = at.or(patient.last_telemetry);
        for record in Records::new(frame.data) {
            match record {
                Ok(record) => patient.record(&record, at),
                Err(_) => patient.unreadable += 1,
            }
        }
    }

    fn patient(&mut self, unit: Serial) -> Option<&mut Patient> {
        let has_room = self.units.len() < MOST || self.units.contains_key(&unit);
        has_room.then(|| self.units.entry(unit).or_default())
    }
}
