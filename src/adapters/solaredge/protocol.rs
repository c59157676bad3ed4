//! What is heard of inverters: from the bytes of a capture to reports. Nothing is ever sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::SolarEdgeConfig;
use super::health;
use super::keys::UnitKeys;
use super::listener::{ConnectionId, Listener, Noticed};
use super::plant::{Origin, Plant, Setting};
use super::repeats::Repeats;
use super::sessions::{Sessions, Unsealed};
use super::wire::{DeviceKey, Frame, Handshake, Record, Records, Serial, function};
use crate::clock::Moment;
use crate::config::Zone;
use crate::device::protocol::{Heard, Input, LISTEN, Outbox, Output, Protocol, last_trouble};
use crate::device::{Probed, Start, line};
use crate::links::{Parity, SerialSettings};
use crate::model::{Health, Report};
use crate::store::Memory;

/// How long nothing of an inverter may be heard at the start before it is said.
const NOTHING: Duration = Duration::from_secs(5 * 60);
/// Under these keys is remembered what was heard.
const PLANT: &str = "plant";
const HANDSHAKES: &str = "handshakes";
const FOUND_KEYS: &str = "found_keys";

/// The inverters whose packets pass one place.
#[derive(Debug)]
pub struct Overheard {
    place: String,
    listener: Listener,
    ears: Ears,
    memory: Memory,
    is_trial: bool,
    opened: Duration,
    /// Since when the place has been open for the first time.
    begun: Option<Duration>,
    /// What was said of the section last.
    said: Option<Health>,
    /// Whether all devices of the section are named, as far as can be known.
    has_named_all: bool,
}

/// What is done with the frames.
#[derive(Debug)]
struct Ears {
    sessions: Sessions,
    plant: Plant,
    repeats: Repeats,
    out: Outbox,
    buffer: Vec<u8>,
    /// Why nothing can be read, if something can be said of it.
    trouble: Option<Health>,
    /// Whose envelopes could not be opened since the last look, and who has been heard.
    sealed_by: BTreeMap<Serial, Serial>,
    /// Whether anything that is remembered has changed.
    has_news: bool,
}

/// UnitKeys that were read on the wire, for the store alone.
#[derive(Default, Serialize, Deserialize)]
struct FoundKeys(BTreeMap<String, String>);

impl Overheard {
    /// With what passes a place.
    pub fn new(config: &Arc<SolarEdgeConfig>, keys: &Arc<UnitKeys>, start: Start) -> Self {
        let zone = config.time_zone.as_ref();
        let setting = Setting {
            zone: zone.map_or_else(|| start.zone.clone(), Zone::get),
            max_power: config.max_power,
            is_file: false,
        };
        let memory = start.memory;
        let plant: Plant = memory.get(PLANT).unwrap_or_default();
        let mut sessions = keys.sessions();
        let handshakes: BTreeMap<String, Handshake> = memory.get(HANDSHAKES).unwrap_or_default();
        for (unit, handshake) in handshakes {
            if let Ok(unit) = unit.parse() {
                sessions.remember(unit, handshake);
            }
        }
        let FoundKeys(found) = memory.get(FOUND_KEYS).unwrap_or_default();
        for (unit, key) in found {
            if let (Ok(unit), Ok(key)) = (unit.parse(), key.parse::<DeviceKey>()) {
                sessions.remember_key(unit, key);
            }
        }
        let place = config.address().map(|address| address.place());
        let mut out = Outbox::default();
        let has_named_all = !plant.is_empty() || start.is_trial;
        if !has_named_all {
            out.report([Report::Complete(false)]);
        }
        Self {
            place: place.unwrap_or_else(|| "here".to_owned()),
            listener: Listener::default(),
            ears: Ears::new(sessions, plant.with(setting), out),
            memory,
            is_trial: start.is_trial,
            opened: Duration::ZERO,
            begun: None,
            said: None,
            has_named_all,
        }
    }

    fn opened(&mut self, now: Moment) {
        self.listener.reopen();
        self.opened = now.steady;
        if self.begun.is_none() {
            self.begun = Some(now.steady);
            self.ears.plant.recall(now);
        } else {
            self.ears.plant.reopened(now);
        }
        self.ears.flush();
    }

    fn bytes(&mut self, bytes: &[u8], now: Moment) {
        let before = *self.listener.seen();
        let ears = &mut self.ears;
        self.listener
            .push(bytes, &mut |noticed| ears.take(noticed, now));
        let after = self.listener.seen();
        if after.dropped > before.dropped {
            let dropped = after.dropped - before.dropped;
            tracing::warn!(
                "{}: this computer was too busy to take {dropped} packets; if that goes on, values will be missing. \
                 Give it less to do, or mirror the inverter's port alone.",
                self.place
            );
        }
        for _ in before.damaged..after.damaged {
            self.ears.out.push(Output::Heard(Heard::Bad));
        }
        self.time(now);
        self.remember();
    }

    fn remember(&mut self) {
        if !std::mem::take(&mut self.ears.has_news) || self.is_trial {
            return;
        }
        self.memory.put(PLANT, &self.ears.plant);
        let handshakes = self.ears.sessions.handshakes();
        let handshakes: BTreeMap<String, Handshake> = handshakes
            .map(|(unit, handshake)| (unit.to_string(), handshake))
            .collect();
        self.memory.put(HANDSHAKES, &handshakes);
        let found = self.ears.sessions.found();
        let found: BTreeMap<String, String> = found
            .map(|(unit, key)| (unit.to_string(), key.reveal().to_string()))
            .collect();
        if !found.is_empty() {
            self.memory.put(FOUND_KEYS, &FoundKeys(found));
        }
    }

    fn time(&mut self, now: Moment) {
        self.ears.plant.on_time(now);
        self.ears.flush();
        if !self.has_named_all && self.ears.plant.has_named_all(now.steady) {
            self.has_named_all = true;
            self.ears.out.report([Report::Complete(true)]);
        }
        let health = self.section_health(now);
        if self.said != health {
            if let Some(health) = &health {
                self.ears.out.report([Report::Source(health.clone())]);
            }
            self.said = health;
        }
    }

    /// How the section is as long as no device of it is known.
    fn section_health(&self, now: Moment) -> Option<Health> {
        if !self.ears.plant.is_empty() {
            return self.said.as_ref().map(|_| Health::ONLINE);
        }
        if let Some(trouble) = &self.ears.trouble {
            return Some(trouble.clone());
        }
        let listened = now.since(self.begun?);
        let is_due = listened >= NOTHING;
        is_due
            .then(|| health::nothing_seen(self.listener.seen(), &self.place, listened))
            .filter(|health| {
                // How many packets there were by then is no news.
                self.said
                    .as_ref()
                    .is_none_or(|said| said.advice != health.advice)
            })
            .or_else(|| self.said.clone())
    }

    fn wake(&self, now: Moment) -> Duration {
        let nothing = self.begun.map(|begun| begun + NOTHING);
        let nothing = nothing.filter(|at| *at > now.steady && self.ears.plant.is_empty());
        // What changes only with time, as that the other direction is missing.
        let due = self.ears.plant.due(now);
        let look = self.begun.map(|_| now.steady + NOTHING);
        [nothing, due, look]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(Duration::MAX)
    }
}

impl Ears {
    fn new(sessions: Sessions, plant: Plant, out: Outbox) -> Self {
        Self {
            sessions,
            plant,
            repeats: Repeats::default(),
            out,
            buffer: Vec::new(),
            trouble: None,
            sealed_by: BTreeMap::new(),
            has_news: false,
        }
    }

    /// Hands over what there is to report.
    fn flush(&mut self) {
        let reports = self.plant.reports();
        self.out.report(reports);
    }

    fn take(&mut self, noticed: Noticed<'_>, now: Moment) {
        match noticed {
            Noticed::Frame {
                connection, frame, ..
            } => self.frame(connection, frame, now),
            Noticed::Tls(key) => {
                self.trouble = Some(health::tls());
                if self.plant.hear_tls(now) && !self.plant.is_empty() {
                    tracing::warn!("{}: {}", key.source, health::tls().sentence());
                }
            }
            Noticed::Closed(connection) => self.sessions.closed(connection),
            Noticed::Refused(refused) => self.trouble = Some(health::refused(refused)),
            Noticed::Skipped(..) => {}
        }
    }

    fn frame(&mut self, connection: ConnectionId, frame: Frame<'_>, now: Moment) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let function = frame.function;
        match self.sessions.take(connection, frame, &mut buffer) {
            Unsealed::Frame { sealed_by, frame } => {
                self.trouble = None;
                self.telemetry(sealed_by, &frame, now);
            }
            Unsealed::Shut { unit, why } => {
                self.out.push(Output::Heard(Heard::Useless));
                if let (Some(unit), Some(why)) = (unit, why) {
                    self.shut(unit, why, now);
                }
            }
        }
        self.buffer = buffer;
        if function == function::SESSION_KEY {
            self.has_news = true;
        }
        for unit in self.sessions.newly_found() {
            self.has_news = true;
            tracing::info!(
                "The key of {unit} was read on the wire, is stored and is used from now on. `wattbridge solaredge key` \
                 finds it in a capture, should you want to write it down."
            );
        }
    }

    /// What a unit sent stays shut.
    fn shut(&mut self, unit: Serial, why: super::sessions::Lock, now: Moment) {
        let Some(health) = health::shut(why, unit, None) else {
            return;
        };
        // Behind a gateway that seals for them, the inverters are known already.
        let behind: Vec<Serial> = self
            .sealed_by
            .iter()
            .filter(|(_, by)| **by == unit)
            .map(|(it, _)| *it)
            .collect();
        if behind.is_empty() {
            self.plant.shut(unit, &health, now);
        }
        for inverter in behind {
            let health = health::shut(why, unit, Some(inverter)).unwrap_or_else(|| health.clone());
            self.plant.shut(inverter, &health, now);
        }
        self.flush();
    }

    fn telemetry(&mut self, sealed_by: Option<Serial>, frame: &Frame<'_>, now: Moment) {
        let Some(source) = frame.unit() else {
            return;
        };
        if frame.function != function::TELEMETRY {
            return;
        }
        self.out.push(Output::Heard(Heard::Good));
        if let Some(by) = sealed_by {
            self.sealed_by.insert(source, by);
        }
        if frame.data.is_empty() {
            self.plant.meet(source, now);
            self.flush();
            return;
        }
        let origin = Origin {
            source,
            sealed_by,
            now,
        };
        let mut records = Records::new(frame.data);
        while let Some(record) = records.next_raw() {
            match record {
                Ok(raw) if self.repeats.is_repeated(raw) => {}
                Ok(raw) => {
                    let record = Record::of_body(raw.kind, raw.id, raw.body);
                    self.plant.take(&record, origin);
                }
                Err(error) => tracing::debug!("{source}: {error}"),
            }
        }
        self.has_news = true;
        self.flush();
    }
}

impl Protocol for Overheard {
    fn settings(&self) -> SerialSettings {
        // A capture is no serial port.
        SerialSettings::new(115_200, Parity::None)
    }

    fn handle(&mut self, input: Input<'_>, now: Moment) {
        match input {
            Input::Opened => self.opened(now),
            Input::Bytes(bytes) => self.bytes(bytes, now),
            Input::Time => self.time(now),
            Input::Unreachable(error) => {
                let health = line::unreachable(error);
                let inverters: Vec<Serial> = self.ears.plant.inverters().collect();
                for inverter in &inverters {
                    self.ears.plant.say_of_all(*inverter, &health);
                }
                self.ears.flush();
                if inverters.is_empty() {
                    self.said = Some(health.clone());
                    self.ears.out.report([Report::Source(health)]);
                }
            }
            Input::Forgotten(device) => {
                self.ears.plant.forget(device);
                self.ears.has_news = true;
                self.remember();
            }
            Input::End => {
                let ears = &mut self.ears;
                self.listener.finish(&mut |noticed| ears.take(noticed, now));
            }
            // Nothing is ever sent to an inverter.
            Input::Closed | Input::Command { .. } | Input::Withdrawn(_) | Input::Attended(_) => {}
        }
        self.ears.out.wake = self.wake(now);
    }

    fn poll(&mut self) -> Output {
        self.ears.out.poll()
    }

    fn verdict(&self, reports: &[Report], listened: Duration) -> Option<Result<Probed, Health>> {
        if let Some(found) = Probed::of(reports) {
            return Some(Ok(found));
        }
        // An inverter says something every half minute, and its values every five.
        if let Some(trouble) = last_trouble(reports) {
            return Some(Err(trouble));
        }
        if listened < LISTEN * 3 {
            return None;
        }
        let seen = self.listener.seen();
        if seen.from_units > 0 {
            let words = "an inverter is connected; its values come every five minutes".to_owned();
            return Some(Ok(Probed::from(words)));
        }
        Some(Err(health::nothing_seen(seen, &self.place, listened)))
    }
}

#[cfg(test)]
mod tests;
