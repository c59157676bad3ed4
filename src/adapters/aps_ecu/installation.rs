//! What is known of one ECU and its inverters, and how answers turn into reports. Pure: no I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::KIND;
use super::belief::{Belief, MOST_INVERTERS};
use super::config::EcuConfig;
use super::describe;
use super::health;
use super::identity::Identity;
use super::inverter::{self, Inverter, Listed};
use super::local_time::{Learned, LocalTime};
use super::schedule::Pace;
use super::today::{Energy, Today};
use super::waking::{Sky, Waking};
use super::wire::{EcuId, EcuInfo, Gateway, Record, Signal, Telemetry, Uid};
use crate::clock::Moment;
use crate::config::Zone;
use crate::model::{Decimal, Device, DeviceId, Health, HealthCode, Readings, Report, Sentence};
use crate::say;

/// How often the inverters tell the ECU their values.
const CYCLE: SignedDuration = SignedDuration::from_mins(5);

/// One round of answers. What could not be had is missing; the rest still counts.
#[derive(Debug, Default)]
pub struct Answers {
    pub info: Option<EcuInfo>,
    pub telemetry: Option<Telemetry>,
    pub signal: Option<Signal>,
    /// Why there is no telemetry, if there is none.
    pub no_telemetry: Option<Health>,
    /// Whether the values repeat themselves for so long that they are worth nothing any more.
    pub repeated: bool,
}

/// What must be remembered over a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    ecu: Identity,
    inverters: BTreeMap<String, Inverter>,
    #[serde(default)]
    clock: Option<Learned>,
}

/// The installation behind one ECU.
#[derive(Debug)]
pub struct Installation {
    config: EcuConfig,
    time: LocalTime,
    host_zone: TimeZone,
    known: Remembered,
    /// Descriptions as last reported.
    described: BTreeMap<DeviceId, Device>,
    today: Today,
    belief: Belief,
    /// Whether every id is believed at once, as in a file.
    trusts: bool,
    waking: Waking,
    /// How long values hold without an answer.
    patience: Duration,
    /// Whether a lifetime energy that can be one has been told in this run.
    counted: bool,
    /// When the latest values that tell their time were measured.
    measured: Option<Timestamp>,
    restart_needed: bool,
    /// Whether every inverter has been named in this run.
    complete: bool,
}

impl Installation {
    pub fn new(config: EcuConfig, known: Remembered, host_zone: TimeZone) -> Self {
        let configured = config.time_zone.as_ref().map(Zone::get);
        let mut time = LocalTime::new(configured, &host_zone);
        if let Some(learned) = &known.clock {
            time.resume(learned);
        }
        Self {
            patience: Pace::new(&config).patience(),
            config,
            time,
            host_zone,
            known,
            described: BTreeMap::new(),
            today: Today::default(),
            belief: Belief::default(),
            trusts: false,
            waking: Waking::default(),
            counted: false,
            measured: None,
            restart_needed: false,
            complete: false,
        }
    }

    /// An installation for reading answers without a device: inverters count at once, even if the
    /// ECU has not named itself.
    pub fn without_ecu(config: EcuConfig) -> Self {
        let mut installation = Self::new(config, Remembered::default(), TimeZone::UTC);
        installation.meet("unknown");
        installation.trusts = true;
        installation
    }

    /// An ECU has named itself. False if it is another one than before and has to say so again.
    pub fn meet(&mut self, serial: &str) -> bool {
        self.known.ecu.meet(serial)
    }

    /// What to remember.
    pub fn remembered(&mut self) -> &Remembered {
        self.known.clock = self.time.learned();
        &self.known
    }

    /// Whether inverters work, as of the last answers.
    pub const fn sky(&self) -> Sky {
        self.waking.sky()
    }

    /// Whether the ECU lists inverters that it has to list once more.
    pub fn wants_another_list(&self) -> bool {
        self.belief.wants_another_list()
    }

    /// The ECU's clock.
    pub const fn time(&mut self) -> &mut LocalTime {
        &mut self.time
    }

    /// Whether any answer has ever named the ECU.
    pub fn is_identified(&self) -> bool {
        self.known.ecu.current().is_some()
    }

    /// Whether the ECU has a web page, by which it can be restarted.
    pub fn has_web_page(&self) -> bool {
        let ecu = self.known.ecu.current();
        let ecu = ecu.and_then(|serial| serial.parse::<EcuId>().ok());
        ecu.and_then(|ecu| Gateway::of(&ecu))
            .is_some_and(|gateway| gateway.local_http)
    }

    /// The same health for the ECU and everything behind it.
    pub fn health_of_all(&self, health: &Health) -> Vec<Report> {
        let ecu = self.ecu_id().map(|id| Report::Health(id, health.clone()));
        let behind = Health {
            code: health.code,
            ..Health::new(health.code)
        }
        .seen(if health.code.has_data() {
            Sentence::EMPTY
        } else {
            say!("the ECU does not deliver data")
        });
        let inverters = self
            .known
            .inverters
            .keys()
            .map(|uid| Report::Health(DeviceId::new(KIND, uid), behind.clone()));
        ecu.into_iter().chain(inverters).collect()
    }

    /// Sets whether only a restart of the ECU can help.
    pub fn set_restart_needed(&mut self, needed: bool, now: Moment) -> Option<Report> {
        if self.restart_needed == needed {
            return None;
        }
        self.restart_needed = needed;
        let mut readings = Readings::new(self.ecu_id()?, self.measured(now));
        readings.push("restart_needed", needed);
        Some(Report::Readings(readings))
    }

    /// When the values of an answer were measured that does not tell: they are those of a cycle, the one
    /// whose time is known or an earlier one. Were they said to be of now, the next ones that tell their
    /// time would come late.
    fn measured(&self, now: Moment) -> Timestamp {
        let cycle_before = now.wall.saturating_sub(CYCLE);
        self.measured.unwrap_or(cycle_before.unwrap_or(now.wall))
    }

    /// Turns the answers of a round into reports, descriptions first.
    pub fn reports(&mut self, answers: &Answers, now: Moment) -> Vec<Report> {
        let mut reports = Vec::new();
        if let Some(info) = &answers.info {
            self.time.named(&info.time_zone, &self.host_zone);
        }
        let Some(ecu) = self.ecu_id() else {
            return reports;
        };
        self.say_farewell(&mut reports);
        let list = answers.telemetry.as_ref().map(|telemetry| {
            let registered = answers.info.as_ref().map_or(0, |info| info.registered);
            self.list(telemetry, registered.into(), now, &mut reports)
        });
        if let Some(telemetry) = answers
            .telemetry
            .as_ref()
            .filter(|it| !it.records.is_empty())
        {
            let bright = self.known.inverters.values().any(Inverter::was_bright);
            let online = online(answers);
            self.waking.look(online, telemetry.at, bright, now);
        }
        let told = answers.telemetry.as_ref().and_then(|it| it.at);
        if let Some(at) = told.and_then(|at| self.time.moment(at)) {
            self.measured = Some(at);
        }
        if !self.complete {
            reports.push(Report::Complete(false));
        }
        self.describe(answers, &ecu, &mut reports);
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
        reports.push(Report::Health(ecu, ecu_health));
        match (&answers.telemetry, list) {
            (Some(telemetry), Some(list)) => {
                self.inverter_reports(telemetry, &list, answers, stale.as_ref(), now, &mut reports);
            }
            _ => {
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

    /// Describes the ECU and its inverters, where that is news.
    fn describe(&mut self, answers: &Answers, ecu: &DeviceId, reports: &mut Vec<Report>) {
        let (config, patience) = (&self.config, self.patience);
        let mut devices = Vec::new();
        if let Some(info) = &answers.info {
            let power = self.most_power(info);
            let told = self.has_told_uploads(ecu);
            devices.push(describe::ecu(info, config, power, told, patience));
        }
        let inverters = self.known.inverters.iter();
        devices.extend(inverters.map(|(uid, known)| describe::inverter(uid, known, ecu, patience)));
        for device in devices {
            self.report_device(device, reports);
        }
    }

    /// The most that all inverters of the ECU can deliver together. Those that are registered and
    /// not known yet, or are to be ignored, deliver as well.
    fn most_power(&self, info: &EcuInfo) -> u32 {
        let inverters = self.known.inverters.values();
        let known: u32 = inverters.clone().map(Inverter::power_w).sum();
        let listed = inverters.filter(|inverter| inverter.is_listed()).count();
        let registered = usize::from(info.registered).min(MOST_INVERTERS);
        let unknown = registered.saturating_sub(listed) as u32;
        let most = inverter::MOST_POWER_W;
        match unknown.saturating_mul(most).saturating_add(known) {
            0 => most,
            power => power,
        }
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
        let waits = !self.belief.is_settled();
        info.registered == 0 || (known > 0 && all && !waits)
    }

    /// A device that was absent is to be kept no longer.
    pub fn forget(&mut self, device: &DeviceId) {
        let is_it = |serial: &str| DeviceId::new(KIND, serial) == *device;
        self.known.ecu.forget(is_it);
        self.known.inverters.retain(|uid, _| !is_it(uid));
        self.described.remove(device);
    }

    /// What is to be said of ECUs that were at this address before.
    fn say_farewell(&mut self, reports: &mut Vec<Report>) {
        for serial in self.known.ecu.sift() {
            reports.push(Report::Gone(DeviceId::new(KIND, &serial)));
        }
        let health = health::exchanged();
        let former = self.known.ecu.former();
        reports.extend(
            former.map(|serial| Report::Absent(DeviceId::new(KIND, serial), health.clone())),
        );
    }

    fn report_device(&mut self, device: Device, reports: &mut Vec<Report>) {
        if self.described.get(&device.id) != Some(&device) {
            self.described.insert(device.id.clone(), device.clone());
            reports.push(Report::Device(Box::new(device)));
        }
    }

    /// Takes note of the inverters that the ECU lists, lets go of what is none, and says how it lists
    /// each of those that are known.
    fn list<'a>(
        &mut self,
        telemetry: &'a Telemetry,
        registered: usize,
        now: Moment,
        reports: &mut Vec<Report>,
    ) -> BTreeMap<String, Listed<'a>> {
        let ecu = self.known.ecu.current();
        let ecu = ecu.and_then(|serial| serial.parse::<EcuId>().ok());
        let records: Vec<(String, &Record)> = telemetry
            .inverters(ecu.as_ref())
            .filter(|record| self.trusts || record.uid.is_decimal())
            .map(|record| (record.uid.to_string(), record))
            .filter(|(uid, _)| !self.config.ignore.contains(uid))
            .collect();
        let is_known = |uid: &String| self.known.inverters.contains_key(uid);
        let unknown: Vec<Uid> = records
            .iter()
            .filter(|(uid, _)| !is_known(uid))
            .map(|(_, record)| record.uid)
            .collect();
        let believed = if self.trusts {
            unknown
        } else {
            let listed = records.len() - unknown.len();
            let kept = self.known.inverters.len();
            self.belief.take(&unknown, listed, kept, registered)
        };
        let mut lists = BTreeMap::new();
        for (uid, record) in records {
            if believed.contains(&record.uid) {
                self.known.inverters.entry(uid.clone()).or_default();
            }
            if let Some(inverter) = self.known.inverters.get_mut(&uid) {
                inverter.see(record, now);
                lists.insert(uid, Listed::As(record));
            }
        }
        let empty = telemetry.records.is_empty();
        let unread = telemetry.records.len() < usize::from(telemetry.declared);
        let mut gone = Vec::new();
        for (uid, inverter) in &mut self.known.inverters {
            let is_none =
                uid.parse().is_ok_and(Uid::is_gateway) || self.config.ignore.contains(uid);
            let listed = *lists.entry(uid.clone()).or_insert(match (empty, unread) {
                (true, _) => Listed::ListEmpty,
                (_, true) => Listed::Unread,
                _ => Listed::Absent,
            });
            if matches!(listed, Listed::Absent) {
                inverter.miss();
            }
            if is_none {
                gone.push(uid.clone());
            }
        }
        for uid in gone {
            self.known.inverters.remove(&uid);
            let id = DeviceId::new(KIND, &uid);
            self.described.remove(&id);
            reports.push(Report::Gone(id));
        }
        lists
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
        now: Moment,
    ) -> Report {
        let data_time = answers
            .telemetry
            .as_ref()
            .and_then(|telemetry| telemetry.at);
        // Counters of one and the same moment must not confirm each other, however often they are
        // asked for.
        let mut readings = Readings::new(ecu.clone(), self.measured(now));
        // The time of the latest values may stand still over midnight; the ECU's clock does not.
        readings.day = data_time.map(DateTime::date).max(Some(self.time.day(now)));
        // Without contact to the inverters the ECU says 0, which it does not know.
        let blind = matches!(self.sky(), Sky::Missed | Sky::Lost);
        let power = info.measured_power_w().filter(|_| !blind);
        readings.push("power", power.map(Decimal::from));
        self.push_total(info, &mut readings);
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

    /// A lifetime energy that cannot be one is not known. Once there was a good one, it is left to
    /// whoever guards the counter, who knows what came before.
    fn push_total(&mut self, info: &EcuInfo, readings: &mut Readings) {
        let counted = info.counted_lifetime_wh();
        self.counted |= counted.is_some();
        let told = counted.or((self.counted).then_some(info.lifetime_wh));
        readings.push("energy_total", told.map(watt_hours));
    }

    fn push_today(&mut self, info: &EcuInfo, now: Moment, readings: &mut Readings) {
        match self.today.read(info, self.time.day(now), now) {
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
        (answers.repeated && online(answers) > 0).then(|| health::repeats_itself(since))
    }

    fn ecu_health(&self, answers: &Answers) -> Health {
        let registered = answers.info.as_ref().map_or(0, |info| info.registered);
        let listed = answers.telemetry.as_ref().map(|it| it.records.len());
        if let Some(health) = &answers.no_telemetry {
            return health::without_inverters(health.detail.clone());
        }
        if registered == 0 {
            return health::nothing_registered();
        }
        if listed == Some(0) {
            return health::without_inverters(say!("it lists none"));
        }
        if let Some(telemetry) = &answers.telemetry {
            let (read, declared) = (telemetry.records.len(), usize::from(telemetry.declared));
            if read < declared {
                return health::partly_read(read, declared);
            }
        }
        match self.sky() {
            Sky::Awake => Health::ONLINE,
            Sky::Missed => health::all_missed(),
            Sky::Lost => health::blind(),
            Sky::Asleep => health::all_asleep(),
        }
    }

    fn inverter_reports(
        &mut self,
        telemetry: &Telemetry,
        list: &BTreeMap<String, Listed<'_>>,
        answers: &Answers,
        stale: Option<&Health>,
        now: Moment,
        reports: &mut Vec<Report>,
    ) {
        let at = self.measured(now);
        let signal: BTreeMap<Uid, u8> = answers
            .signal
            .iter()
            .flat_map(|signal| signal.entries.iter().copied())
            .collect();
        for (uid, known) in &self.known.inverters {
            let Some(listed) = list.get(uid).copied() else {
                continue;
            };
            let id = DeviceId::new(KIND, uid);
            let zone = self.time.zone();
            let health = stale
                .cloned()
                .unwrap_or_else(|| known.health(listed, &self.waking, now, zone));
            let rests = health.code == HealthCode::Asleep;
            let readings = match listed {
                _ if stale.is_some() => None,
                Listed::As(record) => {
                    let strength = signal.get(&record.uid).copied();
                    let strength = answers.signal.is_some().then_some(strength);
                    Some(inverter::readings(record, known, strength, rests, &id, at))
                }
                // Later its health says that nothing of it is known.
                Listed::Absent if health.code.has_data() => {
                    Some(inverter::no_readings(known, &id, at))
                }
                Listed::Absent | Listed::Unread | Listed::ListEmpty => None,
            };
            if let Some(mut readings) = readings {
                readings.day = telemetry.at.map(DateTime::date);
                reports.push(Report::Readings(readings));
            }
            let is_absent = matches!(listed, Listed::Absent) && !known.is_listed();
            reports.push(if is_absent && stale.is_none() {
                Report::Absent(id, health)
            } else {
                Report::Health(id, health)
            });
        }
    }
}

/// How many inverters work, by whichever answer knows of more: one may be a cycle ahead of the other.
fn online(answers: &Answers) -> usize {
    let told = answers.info.as_ref().map_or(0, |info| info.online);
    let listed = answers.telemetry.as_ref().map_or(0, Telemetry::online);
    listed.max(usize::from(told))
}

fn watt_hours(energy: u64) -> Decimal {
    Decimal::from_watt_hours(i64::try_from(energy).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
