//! What is known of one ECU and its inverters, and how answers turn into reports. Pure: no I/O.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::KIND;
use super::config::Config;
use super::describe;
use super::identity::Identity;
use super::inverter::{self, Inverter, Listed};
use super::local_time::LocalTime;
use super::today::{Energy, Today};
use super::wire::{EcuId, EcuInfo, Gateway, Signal, Telemetry, Uid};
use crate::config::Zone;
use crate::model::{Decimal, Device, DeviceId, Health, HealthCode, Readings, Report};

/// One round of answers. What could not be had is missing; the rest still counts.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) info: Option<EcuInfo>,
    pub(super) telemetry: Option<Telemetry>,
    pub(super) signal: Option<Signal>,
    /// Why there is no telemetry, if there is none.
    pub(super) no_telemetry: Option<Health>,
    /// Whether the values repeat themselves for so long that they are worth nothing any more.
    pub(super) repeated: bool,
}

/// What must be remembered over a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    ecu: Identity,
    inverters: BTreeMap<String, Inverter>,
}

/// The installation behind one ECU.
#[derive(Debug)]
pub(super) struct Installation {
    config: Config,
    time: LocalTime,
    host_zone: TimeZone,
    known: Remembered,
    /// Descriptions as last reported.
    described: BTreeMap<DeviceId, Device>,
    today: Today,
    restart_needed: bool,
    /// Whether every inverter has been named in this run.
    complete: bool,
}

impl Installation {
    pub(super) fn new(config: Config, known: Remembered, host_zone: TimeZone) -> Self {
        let configured = config.time_zone.as_ref().map(Zone::get);
        let time = LocalTime::new(configured, &host_zone);
        Self {
            config,
            time,
            host_zone,
            known,
            described: BTreeMap::new(),
            today: Today::default(),
            restart_needed: false,
            complete: false,
        }
    }

    /// An installation for reading answers without a device: inverters count even if the ECU has
    /// not named itself.
    pub(super) fn without_ecu(config: Config) -> Self {
        let mut installation = Self::new(config, Remembered::default(), TimeZone::UTC);
        installation.meet("unknown", Timestamp::UNIX_EPOCH);
        installation
    }

    /// An ECU has named itself. False if it is another one than before and has to say so again.
    pub(super) fn meet(&mut self, serial: &str, now: Timestamp) -> bool {
        self.known.ecu.meet(serial, now)
    }

    /// What to remember.
    pub(super) const fn remembered(&self) -> &Remembered {
        &self.known
    }

    /// The ECU's clock.
    pub(super) const fn time(&mut self) -> &mut LocalTime {
        &mut self.time
    }

    /// Whether any answer has ever named the ECU.
    pub(super) fn is_identified(&self) -> bool {
        self.known.ecu.current().is_some()
    }

    /// Whether the ECU has a web page, by which it can be restarted.
    pub(super) fn has_web_page(&self) -> bool {
        let ecu = self.known.ecu.current();
        let ecu = ecu.and_then(|serial| serial.parse::<EcuId>().ok());
        ecu.and_then(|ecu| Gateway::of(&ecu))
            .is_some_and(|gateway| gateway.local_http)
    }

    /// The same health for the ECU and everything behind it.
    pub(super) fn health_of_all(&self, health: &Health) -> Vec<Report> {
        let ecu = self.ecu_id().map(|id| Report::Health(id, health.clone()));
        let behind = Health {
            code: health.code,
            ..Health::new(health.code)
        }
        .seen(if health.code.has_data() {
            ""
        } else {
            "the ECU does not deliver data"
        });
        let inverters = self
            .known
            .inverters
            .keys()
            .map(|uid| Report::Health(DeviceId::new(KIND, uid), behind.clone()));
        ecu.into_iter().chain(inverters).collect()
    }

    /// Sets whether only a restart of the ECU can help.
    pub(super) fn set_restart_needed(&mut self, needed: bool, now: Timestamp) -> Option<Report> {
        if self.restart_needed == needed {
            return None;
        }
        self.restart_needed = needed;
        let mut readings = Readings::new(self.ecu_id()?, now);
        readings.push("restart_needed", needed);
        Some(Report::Readings(readings))
    }

    /// Turns the answers of a round into reports, descriptions first.
    pub(super) fn reports(&mut self, answers: &Answers, now: Timestamp) -> Vec<Report> {
        let mut reports = Vec::new();
        if let Some(info) = &answers.info {
            self.time.named(&info.time_zone, &self.host_zone);
        }
        let Some(ecu) = self.ecu_id() else {
            return reports;
        };
        self.say_farewell(now, &mut reports);
        if let Some(telemetry) = &answers.telemetry {
            self.list(telemetry, &ecu, now, &mut reports);
        }
        if !self.complete {
            reports.push(Report::Complete(false));
        }
        if let Some(info) = &answers.info {
            let inverters = self.known.inverters.values();
            let panels = inverters.map(|inverter| inverter.channels().max(1)).sum();
            let told = self.has_told_uploads(&ecu);
            let device = describe::ecu(info, &self.config, panels, told);
            self.report_device(device, &mut reports);
        }
        let describe =
            |(uid, known): (&String, &Inverter)| describe::inverter(uid, known, &self.config, &ecu);
        let inverters: Vec<Device> = self.known.inverters.iter().map(describe).collect();
        for device in inverters {
            self.report_device(device, &mut reports);
        }
        if self.is_complete(answers) {
            self.complete = true;
            reports.push(Report::Complete(true));
        }
        let stale = Self::staleness(answers);
        // Values that are too old are not told again: they are not known any more.
        if let Some(info) = answers.info.as_ref().filter(|_| stale.is_none()) {
            reports.push(self.ecu_readings(info, answers, &ecu, now));
        }
        let ecu_health = stale.clone().unwrap_or_else(|| self.ecu_health(answers));
        let asleep = ecu_health.code == HealthCode::Asleep;
        reports.push(Report::Health(ecu, ecu_health));
        match &answers.telemetry {
            Some(telemetry) => {
                self.inverter_reports(
                    telemetry,
                    answers,
                    stale.as_ref(),
                    asleep,
                    now,
                    &mut reports,
                );
            }
            None => {
                if let Some(health) = &answers.no_telemetry {
                    let ids = self
                        .known
                        .inverters
                        .keys()
                        .map(|uid| DeviceId::new(KIND, uid));
                    reports.extend(ids.map(|id| Report::Health(id, health.clone())));
                }
            }
        }
        reports
    }

    fn ecu_id(&self) -> Option<DeviceId> {
        let serial = self.known.ecu.current();
        serial.map(|serial| DeviceId::new(KIND, serial))
    }

    /// Whether every inverter has been named: an ECU that has just started names itself long
    /// before them.
    fn is_complete(&self, answers: &Answers) -> bool {
        let Some(info) = &answers.info else {
            return false;
        };
        let listed = answers.telemetry.as_ref().map_or(0, |it| it.declared);
        let known = self.known.inverters.len();
        let all = known >= usize::from(info.registered) || listed >= info.registered;
        info.registered == 0 || (known > 0 && all)
    }

    /// What is to be said of ECUs that were at this address before.
    fn say_farewell(&mut self, now: Timestamp, reports: &mut Vec<Report>) {
        for serial in self.known.ecu.forget(now, self.config.forget_after.get()) {
            reports.push(Report::Gone(DeviceId::new(KIND, &serial)));
        }
        let health = Health::new(HealthCode::Unreachable)
            .seen("another ECU answers at its address")
            .advise("If it was replaced, it disappears here by itself.");
        let former = self.known.ecu.former();
        reports.extend(
            former.map(|serial| Report::Health(DeviceId::new(KIND, serial), health.clone())),
        );
    }

    fn report_device(&mut self, device: Device, reports: &mut Vec<Report>) {
        if self.described.get(&device.id) != Some(&device) {
            self.described.insert(device.id.clone(), device.clone());
            reports.push(Report::Device(Box::new(device)));
        }
    }

    /// Takes note of the inverters that the ECU lists and lets go of those it has not listed for
    /// long.
    fn list(
        &mut self,
        telemetry: &Telemetry,
        ecu: &DeviceId,
        now: Timestamp,
        reports: &mut Vec<Report>,
    ) {
        let records = telemetry.records.iter();
        for record in records.filter(|record| DeviceId::new(KIND, &record.uid.to_string()) != *ecu)
        {
            let uid = record.uid.to_string();
            self.known
                .inverters
                .entry(uid)
                .or_default()
                .see(record, now);
        }
        if telemetry.records.is_empty() {
            return;
        }
        let keep = self.config.forget_after.get();
        let expired = |inverter: &Inverter| {
            std::time::Duration::try_from(now.duration_since(inverter.listed))
                .is_ok_and(|absent| absent > keep)
        };
        let gone: Vec<String> = self
            .known
            .inverters
            .iter()
            .filter(|(_, inverter)| expired(inverter))
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in gone {
            self.known.inverters.remove(&uid);
            let id = DeviceId::new(KIND, &uid);
            self.described.remove(&id);
            reports.push(Report::Gone(id));
        }
    }

    fn has_told_uploads(&self, ecu: &DeviceId) -> bool {
        let described = self.described.get(ecu);
        described.is_some_and(|ecu| ecu.metric("last_upload").is_some())
    }

    fn ecu_readings(
        &mut self,
        info: &EcuInfo,
        answers: &Answers,
        ecu: &DeviceId,
        now: Timestamp,
    ) -> Report {
        let data_time = answers
            .telemetry
            .as_ref()
            .and_then(|telemetry| telemetry.at);
        // Counters of one and the same moment must not confirm each other, however often they are
        // asked for.
        let at = data_time.and_then(|at| self.time.moment(at)).unwrap_or(now);
        let mut readings = Readings::new(ecu.clone(), at);
        // The time of the latest values may stand still over midnight; the ECU's clock does not.
        readings.day = data_time.map(DateTime::date).max(Some(self.time.day(now)));
        readings.push("power", Decimal::from(info.power_w));
        readings.push("energy_total", watt_hours(info.lifetime_wh));
        self.push_today(info, now, &mut readings);
        readings.push("inverters", Decimal::from(info.registered));
        readings.push("inverters_online", Decimal::from(info.online));
        if answers.telemetry.is_some() {
            readings.push("data_time", data_time.and_then(|at| self.time.moment(at)));
        }
        if self.has_told_uploads(ecu) {
            let upload = info.last_upload.and_then(|at| self.time.moment(at));
            readings.push("last_upload", upload);
        }
        readings.push("firmware", info.firmware.clone());
        readings.push("radio_channel", info.channel.clone());
        readings.push("restart_needed", self.restart_needed);
        Report::Readings(readings)
    }

    fn push_today(&mut self, info: &EcuInfo, now: Timestamp, readings: &mut Readings) {
        match self.today.read(info, now) {
            Energy::Counted(energy) => readings.push("energy_today", watt_hours(energy)),
            Energy::AsBefore => {}
            Energy::NotCounted { first } => {
                if first {
                    tracing::info!(
                        "{}: the ECU does not count today's energy. Switch on its entity \"Energy today (computed)\" instead.",
                        readings.device
                    );
                }
                readings.push("energy_today", None::<Decimal>);
            }
        }
    }

    fn staleness(answers: &Answers) -> Option<Health> {
        let telemetry = answers.telemetry.as_ref()?;
        let since = telemetry.at?;
        (answers.repeated && online(answers) > 0).then(|| {
            Health::new(HealthCode::Stale)
                .seen(format!(
                    "the ECU repeats its values of {}",
                    since.strftime("%H:%M")
                ))
                .advise("Switch the ECU off and on.")
        })
    }

    fn ecu_health(&self, answers: &Answers) -> Health {
        let registered = answers.info.as_ref().map_or(0, |info| info.registered);
        let listed = answers.telemetry.as_ref().map(|it| it.records.len());
        if let Some(health) = &answers.no_telemetry {
            return Health::ONLINE.seen(format!("without inverters ({})", health.detail));
        }
        if registered == 0 {
            return Health::ONLINE.seen("no inverter is registered");
        }
        if listed == Some(0) {
            return Health::ONLINE.seen("without inverters (it lists none)");
        }
        if online(answers) > 0 {
            return Health::ONLINE;
        }
        let clock = answers.telemetry.as_ref().and_then(|it| it.at);
        if clock.is_some_and(|at| (10..15).contains(&at.hour())) {
            return Health::new(HealthCode::OutOfContact)
                .seen("no inverter answers the ECU although it is day")
                .advise("Check the breaker of the inverters, and snow on the panels.");
        }
        Health::new(HealthCode::Asleep).seen("no inverter works, as at night")
    }

    fn inverter_reports(
        &mut self,
        telemetry: &Telemetry,
        answers: &Answers,
        stale: Option<&Health>,
        asleep: bool,
        now: Timestamp,
        reports: &mut Vec<Report>,
    ) {
        let at = telemetry
            .at
            .and_then(|at| self.time.moment(at))
            .unwrap_or(now);
        let day = telemetry.at.map(DateTime::date);
        let signal: BTreeMap<Uid, u8> = answers
            .signal
            .iter()
            .flat_map(|signal| signal.entries.iter().copied())
            .collect();
        let empty = telemetry.records.is_empty();
        for (uid, known) in &mut self.known.inverters {
            let id = DeviceId::new(KIND, uid);
            let record = telemetry
                .records
                .iter()
                .find(|record| record.uid.to_string() == *uid);
            if let Some(record) = record.filter(|_| stale.is_none()) {
                let strength = signal.get(&record.uid).copied();
                let strength = answers.signal.is_some().then_some(strength);
                let mut readings = inverter::readings(record, known, strength, &id, at);
                readings.day = day;
                reports.push(Report::Readings(readings));
            }
            let listed = match (record, empty) {
                (Some(record), _) => Listed::As(record),
                (None, true) => Listed::ListEmpty,
                (None, false) => Listed::Absent,
            };
            let health = stale
                .cloned()
                .unwrap_or_else(|| known.health(listed, asleep, now, self.time.zone()));
            reports.push(Report::Health(id, health));
        }
    }
}

/// How many inverters work, by whichever answer knows of more: one may be a cycle ahead of the other.
pub(super) fn online(answers: &Answers) -> usize {
    let told = answers.info.as_ref().map_or(0, |info| info.online);
    let listed = answers.telemetry.as_ref().map_or(0, Telemetry::online);
    listed.max(usize::from(told))
}

fn watt_hours(energy: u64) -> Decimal {
    Decimal::from_watt_hours(i64::try_from(energy).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
