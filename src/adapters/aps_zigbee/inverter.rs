//! One inverter: what is remembered of it, how it is announced, and what its answers become.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::KIND;
use super::config::ZigbeeConfig;
use super::control::MOST;
use super::energy::{
    CounterAnswer, CounterClass, CounterFamily, EnergyGain, InverterEnergy, UNCALIBRATED,
};
use super::inputs::Inputs;
use super::metrics::{INPUTS, INVERTER, place};
use super::models::InverterModel;
use super::radio::ReceivedMessage;
use super::unused_inputs::UnusedInputs;
use super::whereabouts::Whereabouts;
use super::wire::ids::InverterSerial;
use super::wire::payload::{
    AnswerFault, CounterScale, InverterFirmware, LimitCode, PanelTelemetry, STATUS_EVENTS,
    StatusBits, TelemetryLayout,
};
use crate::clock::Moment;
use crate::hex::Hex;
use crate::model::{Behavior, Decimal, Device, DeviceId, Health, Metric, Naming, Readings, Value};

/// Said where there are none.
const NO_EVENTS: &str = "none";
/// Inputs of an inverter whose kind is not known.
const USUAL_INPUTS: usize = 2;
/// What an inverter can give whose kind is not known, in watts.
const USUAL_POWER: u32 = 3600;
/// How long values hold of which nothing more is heard: longer than any night but that of the polar winter.
pub const PATIENCE: Duration = Duration::from_secs(72 * 3600);
/// Text that a state can hold.
const LONGEST_TEXT: usize = 250;

/// What is remembered of an inverter over a restart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RememberedInverter {
    /// Where it is in our network.
    #[serde(flatten)]
    pub place: Whereabouts,
    /// The code of its model, once it has told it.
    pub model: Option<u8>,
    /// Its firmware, as it is shown.
    pub firmware: Option<String>,
    /// Inputs of which an answer has told.
    pub inputs: usize,
    /// What it has counted.
    pub energy: InverterEnergy,
    /// The limit that it had before one was set here.
    pub original_limit: Option<LimitCode>,
    /// The limit that was set here last, in watts per input.
    pub wanted_limit: Option<u16>,
    /// Whether it answers in a form that nobody has described.
    pub is_unread: bool,
    /// Whether it encrypts.
    pub is_sealed: bool,
    /// Which of its inputs have no panel.
    pub unused: UnusedInputs,
    /// Why it started last.
    pub last_start: Option<StartReason>,
}

/// Why an inverter started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartReason {
    /// It dawned.
    Day,
    /// As a DS3 does every twelve hours.
    TwelveHours,
    /// In between.
    Unexpected,
}

impl StartReason {
    const ALL: [Self; 3] = [Self::Day, Self::TwelveHours, Self::Unexpected];

    /// For people.
    const fn words(self) -> &'static str {
        match self {
            Self::Day => "in the morning",
            Self::TwelveHours => "after 12 hours, as it always does",
            Self::Unexpected => "in between, by itself",
        }
    }
}

/// Every word that texts about inverters are made of.
pub fn words() -> Vec<&'static str> {
    let events = STATUS_EVENTS.iter().filter(|event| event.is_sure);
    let starts = StartReason::ALL.map(StartReason::words);
    let words = events.map(|event| event.text).chain(starts);
    words.chain([NO_EVENTS]).collect()
}

/// One inverter.
#[derive(Debug)]
pub struct ZigbeeInverter {
    /// Its serial number.
    pub serial: InverterSerial,
    /// What is remembered of it.
    pub remembered: RememberedInverter,
    inputs: Inputs,
    /// Whether the user has named its inputs.
    is_named: bool,
    calibration: u32,
    /// What was said of it last.
    pub said: Option<Health>,
    /// When it was heard last in this run.
    pub heard: Option<Duration>,
    /// The power that it had then, and whether it is known.
    pub power: Option<Decimal>,
    /// The limit that was read back last.
    pub limit: Option<LimitCode>,
    /// Whether it was put to sleep since it was heard last.
    pub is_asleep: bool,
    /// Whether there are values of it: it was heard since the stick works.
    pub is_current: bool,
    /// How often it was asked in vain since.
    pub in_vain: u32,
    /// Why it could not be paired, when that was tried last.
    pub unpaired: Option<Health>,
    /// What was wrong with an answer since it was last understood, and when it came.
    pub damaged: Option<(AnswerFault, Duration)>,
    /// Whether its radio was heard since it was asked, though not itself.
    pub has_route: bool,
    /// In how many turns since it answered that was so.
    pub routes_in_vain: u32,
    /// When last.
    pub route_at: Option<Duration>,
    /// Whether the limit that it had before is on the disk.
    pub is_original_safe: bool,
    /// When its limit is to be looked at: it may have forgotten it.
    pub limit_due: Option<Duration>,
    /// Whether it is heard through others.
    pub is_relayed: bool,
}

impl ZigbeeInverter {
    /// One of this section.
    pub fn new(
        serial: InverterSerial,
        config: &ZigbeeConfig,
        remembered: RememberedInverter,
    ) -> Self {
        let inputs = config.inputs.get(&serial);
        let is_original_safe = remembered.original_limit.is_some();
        let factor = config.calibration.get(&serial);
        let millionths = factor.map(|factor| (factor * f64::from(UNCALIBRATED)).round() as u32);
        Self {
            serial,
            remembered,
            inputs: inputs
                .and_then(|list| Inputs::read(list).ok())
                .unwrap_or_default(),
            is_named: inputs.is_some(),
            calibration: millionths.unwrap_or(UNCALIBRATED),
            said: None,
            heard: None,
            power: None,
            limit: None,
            is_asleep: false,
            is_current: false,
            in_vain: 0,
            unpaired: None,
            damaged: None,
            has_route: false,
            routes_in_vain: 0,
            route_at: None,
            limit_due: None,
            is_original_safe,
            is_relayed: false,
        }
    }

    /// Nothing is known of it until it is heard again.
    pub fn is_lost(&mut self) {
        self.is_current = false;
        self.power = None;
    }

    /// Its device.
    pub fn id(&self) -> DeviceId {
        DeviceId::new(KIND, &self.serial.to_string())
    }

    /// What is known of its kind.
    pub fn model(&self) -> Option<InverterModel> {
        InverterModel::of(self.serial, self.remembered.model)
    }

    /// Whether what it measures was read before, and not in vain since.
    pub const fn is_read(&self) -> bool {
        self.remembered.inputs > 0 && !self.remembered.is_unread
    }

    /// How many inputs it shows.
    fn input_count(&self) -> usize {
        let of_model = || self.model().map(|model| usize::from(model.inputs));
        match self.remembered.inputs {
            0 => of_model().unwrap_or(USUAL_INPUTS),
            told => told,
        }
        .min(INPUTS.len())
    }

    /// What it can give at most, in watts.
    pub fn nameplate(&self) -> u32 {
        self.model()
            .map_or(USUAL_POWER, |model| u32::from(model.nameplate))
    }

    /// What can be true, in watts.
    fn most_power(&self) -> u32 {
        self.nameplate() * 13 / 10
    }

    /// How it is announced, behind its stick.
    pub fn device(&self, stick: &DeviceId) -> Device {
        let serial = self.serial.to_string();
        let product = self.model().map_or("Inverter", |model| model.name);
        let tail = serial
            .get(serial.len().saturating_sub(4)..)
            .unwrap_or_default();
        let mut device = Device::new(
            KIND,
            serial.clone(),
            format!("{product} {tail}"),
            "APsystems",
        );
        device.model = Some(product.to_owned());
        device.firmware.clone_from(&self.remembered.firmware);
        device.via = Some(stick.clone());
        device.rated_power = Some(self.most_power());
        device.patience = Some(PATIENCE);
        device.metrics = self.metrics();
        device
    }

    fn metrics(&self) -> Vec<Metric> {
        let is_newer = !matches!(
            self.layout(),
            Some(TelemetryLayout::Yc600 | TelemetryLayout::Qs1)
        );
        let is_its = |metric: &&Metric| match metric.key.as_ref() {
            "reactive_power" => is_newer,
            "raw_record" => self.remembered.is_unread,
            _ => true,
        };
        let mut metrics: Vec<Metric> = INVERTER.iter().filter(is_its).cloned().collect();
        for (place, _, name) in self.shown_inputs() {
            let Some(table) = INPUTS.get(place) else {
                continue;
            };
            metrics.extend(table.iter().map(|metric| named(metric, place, name)));
        }
        metrics
    }

    fn layout(&self) -> Option<TelemetryLayout> {
        use super::models::InverterFamily;
        self.model().and_then(|model| match model.family {
            InverterFamily::Yc600 => Some(TelemetryLayout::Yc600),
            InverterFamily::Qs1 => Some(TelemetryLayout::Qs1),
            InverterFamily::Ds3 => Some(TelemetryLayout::Ds3),
            InverterFamily::Qs2 => Some(TelemetryLayout::Qs2),
            InverterFamily::Yc1000 | InverterFamily::Qt2 => None,
        })
    }

    /// Learns from an answer what it is; true if that is news.
    pub fn learn(&mut self, telemetry: &PanelTelemetry) -> bool {
        let known = (
            self.remembered.model,
            self.remembered.firmware.clone(),
            self.remembered.inputs,
            self.remembered.is_unread,
        );
        if let Some(model) = telemetry.model {
            self.remembered.model = Some(model);
        }
        if let Some(firmware) = telemetry.firmware.as_ref().map(InverterFirmware::to_string) {
            self.remembered.firmware = Some(firmware);
        }
        self.remembered.inputs = telemetry.inputs.len();
        (self.remembered.is_unread, self.remembered.is_sealed) = (false, false);
        known
            != (
                self.remembered.model,
                self.remembered.firmware.clone(),
                self.remembered.inputs,
                self.remembered.is_unread,
            )
    }

    /// Counts an answer.
    pub fn count(
        &mut self,
        telemetry: &PanelTelemetry,
        interval: Duration,
        zone: &TimeZone,
        at: Moment,
    ) -> EnergyGain {
        let scale = telemetry.counter_scale();
        let counters: Vec<u64> = telemetry
            .inputs
            .iter()
            .map(|input| scale.energy_of(input.counter))
            .collect();
        let answer = CounterAnswer {
            clock: telemetry.clock.into(),
            counters: &counters,
            family: match scale {
                CounterScale::B1 => CounterFamily::B1,
                CounterScale::Ds3 => CounterFamily::Ds3,
            },
            nameplate: self.nameplate(),
            calibration: self.calibration,
            interval,
            at,
            is_wall_trusted: super::sun::is_time(at.wall),
        };
        self.remembered.energy.take(&answer, zone)
    }

    /// What an answer says of the moment, before anything is counted.
    pub fn measured(&self, telemetry: &PanelTelemetry, at: Timestamp) -> Readings {
        let mut readings = Readings::new(self.id(), at);
        if let Some(power) = telemetry.ac_power {
            readings.push("power", Decimal::integer(power.into()));
        }
        readings.push("dc_power", telemetry.dc_power());
        let reactive = telemetry.reactive_power;
        let reactive = reactive.map(|reactive| Decimal::integer(reactive.into()));
        if matches!(
            telemetry.layout,
            TelemetryLayout::Ds3 | TelemetryLayout::Qs2
        ) {
            readings.push("reactive_power", or_unknown(reactive));
        }
        readings.push("voltage", or_unknown(telemetry.grid_voltage));
        readings.push("frequency", or_unknown(telemetry.frequency));
        readings.push("temperature", or_unknown(telemetry.temperature));
        readings.push("events", events(telemetry.status));
        for (table, input) in self.shown(&telemetry.inputs) {
            let [power, _, _, voltage, current, _] =
                table.each_ref().map(|metric| metric.key.clone());
            readings.push(power, input.power());
            readings.push(voltage, input.voltage);
            readings.push(current, input.current);
        }
        readings
    }

    /// Which input is shown as what.
    fn shown_places(&self) -> impl Iterator<Item = (&'static [Metric; 6], usize)> {
        self.shown_inputs()
            .filter_map(|(place, input, _)| Some((INPUTS.get(place)?, input)))
    }

    /// In which place which input is shown, under which name. One without a panel is not, unless the user names inputs
    /// himself, and those behind it stay where they are.
    fn shown_inputs(&self) -> impl Iterator<Item = (usize, usize, Option<&str>)> {
        let places = self.inputs.shown(self.input_count()).enumerate();
        let is_shown = |input: usize| self.is_named || !self.remembered.unused.has(input);
        places
            .map(|(place, (input, name))| (place, input, name))
            .filter(move |(_, input, _)| is_shown(*input))
    }

    /// What belongs to each input, in the order in which they are shown.
    fn shown<'a, T>(&'a self, all: &'a [T]) -> impl Iterator<Item = (&'static [Metric; 6], &'a T)> {
        self.shown_places()
            .filter_map(|(table, place)| Some((table, all.get(place)?)))
    }

    /// The values of an answer that was heard now.
    pub fn readings(
        &mut self,
        telemetry: &PanelTelemetry,
        gain: &EnergyGain,
        message: &ReceivedMessage,
        zone: &TimeZone,
        now: Moment,
    ) -> Readings {
        let mut readings = self.measured(telemetry, now.wall);
        readings.day = Some(now.wall.to_zoned(zone.clone()).date());
        // An average over a longer gap is not the power of now.
        let counted = gain.power.as_ref().filter(|power| !power.is_average);
        let counted_sum = counted.map(|power| watts(sum(&power.milliwatts)));
        let power = match telemetry.ac_power {
            Some(power) => Some(Decimal::integer(power.into())),
            None => counted_sum,
        };
        // What it cannot deliver is no part of any sum.
        let most = Decimal::integer(i64::from(self.most_power()));
        self.power = power.filter(|power| *power <= most);
        if telemetry.ac_power.is_none() {
            readings.push("power", or_unknown(counted_sum));
        }
        readings.push("energy_today", energy(sum(&gain.today)));
        readings.push("energy_total", energy(sum(&gain.lifetime)));
        readings.push("power_counted", or_unknown(counted_sum));
        readings.push("signal_quality", quality(message.lqi));
        let relays = i64::try_from(message.relays.len()).unwrap_or(i64::MAX);
        readings.push("relays", Decimal::integer(relays));
        let since = SignedDuration::from_secs(telemetry.clock.into());
        let since = now.wall.checked_sub(since).unwrap_or(now.wall);
        readings.push("running_since", since);
        let last_start = self.remembered.last_start.map(|it| it.words().into());
        readings.push("last_start", last_start.unwrap_or(Value::Unknown));
        let address = self
            .remembered
            .place
            .address()
            .map(|it| it.to_string().into());
        readings.push("address", address.unwrap_or(Value::Unknown));
        let limit = self.limit.map(LimitCode::watts);
        let limit = limit.map(|limit| limit.min(Decimal::integer(MOST)));
        readings.push("power_limit", or_unknown(limit));
        for (table, today) in self.shown(&gain.today) {
            push(&mut readings, table, place::TODAY, energy(*today));
        }
        for (table, total) in self.shown(&gain.lifetime) {
            push(&mut readings, table, place::TOTAL, energy(*total));
        }
        for (table, place) in self.shown_places() {
            let counted = counted.and_then(|power| power.milliwatts.get(place));
            let counted = counted.map(|counted| watts(*counted));
            push(&mut readings, table, place::COUNTED, or_unknown(counted));
        }
        readings
    }

    /// What it has while it sleeps: no power, and of the rest nothing is known.
    pub fn asleep(&self, at: Timestamp) -> Readings {
        let mut readings = Readings::new(self.id(), at);
        for metric in self.metrics() {
            let is_power = matches!(metric.key.as_ref(), "power" | "dc_power" | "power_counted")
                || INPUTS.iter().any(|table| {
                    [place::POWER, place::COUNTED]
                        .iter()
                        .any(|at| table.get(*at).is_some_and(|it| it.key == metric.key))
                });
            let is_of_now = matches!(metric.behavior, Behavior::Measurement | Behavior::Text);
            match metric.key.as_ref() {
                "power_limit" | "address" | "raw_record" | "last_start" => {}
                _ if is_power => readings.push(metric.key, Decimal::integer(0)),
                _ if is_of_now => readings.push(metric.key, Value::Unknown),
                _ => {}
            }
        }
        readings
    }

    /// What it has counted, when there is no answer to tell it.
    pub fn energies(&self, zone: &TimeZone, now: Moment) -> Readings {
        let mut readings = Readings::new(self.id(), now.wall);
        readings.day = Some(now.wall.to_zoned(zone.clone()).date());
        let today = self.remembered.energy.today(now, zone);
        readings.push("energy_today", energy(sum(&today)));
        for (table, today) in self.shown(&today) {
            push(&mut readings, table, place::TODAY, energy(*today));
        }
        let total = self.remembered.energy.lifetime();
        readings.push("energy_total", energy(sum(total)));
        for (table, total) in self.shown(total) {
            push(&mut readings, table, place::TOTAL, energy(*total));
        }
        readings
    }

    /// An answer that nobody has described, for whoever can.
    pub fn raw(&self, data: &[u8], lqi: u8, at: Timestamp) -> Readings {
        let mut readings = Readings::new(self.id(), at);
        let mut text = Hex::of(data).to_string();
        text.truncate(LONGEST_TEXT);
        readings.push("raw_record", text);
        readings.push("signal_quality", quality(lqi));
        readings
    }
}

/// Whether what an answer brought is worth being saved at once.
pub const fn is_turn(class: CounterClass) -> bool {
    !matches!(
        class,
        CounterClass::Normal | CounterClass::Repeated | CounterClass::Corrupt(_)
    )
}

/// A metric of the input in this place, with the user's name for it.
fn named(metric: &Metric, place: usize, name: Option<&str>) -> Metric {
    let Some(name) = name else {
        return metric.clone();
    };
    let title = metric.title();
    let usual = format!("Panel {}", place + 1);
    let mut metric = metric.clone();
    metric.name = Some(title.replacen(&usual, name, 1).into());
    metric.naming = Naming::About(name.to_owned().into());
    metric
}

fn or_unknown(value: Option<Decimal>) -> Value {
    value.map_or(Value::Unknown, Value::from)
}

/// Millionths of a watt-hour as kilowatt-hours.
pub fn energy(micro: u64) -> Value {
    Decimal::new(i64::try_from(micro / 1000).unwrap_or(i64::MAX), 6).into()
}

/// Thousandths of a watt as watts.
fn watts(milli: u64) -> Decimal {
    Decimal::new(i64::try_from(milli).unwrap_or(i64::MAX), 3)
}

/// Of 255, in percent.
fn quality(lqi: u8) -> Decimal {
    Decimal::integer((i64::from(lqi) * 100 + 127) / 255)
}

fn sum(all: &[u64]) -> u64 {
    all.iter().fold(0, |sum, it| sum.saturating_add(*it))
}

fn push(readings: &mut Readings, table: &[Metric; 6], place: usize, value: Value) {
    if let Some(metric) = table.get(place) {
        readings.push(metric.key.clone(), value);
    }
}

/// What is the case with an inverter, in words; only what is sure.
fn events(status: StatusBits) -> String {
    let mut texts: Vec<&str> = Vec::new();
    for event in status.sure_events() {
        // Several bits are stages of one thing.
        if !texts.contains(&event.text) {
            texts.push(event.text);
        }
    }
    if texts.is_empty() {
        return NO_EVENTS.to_owned();
    }
    let mut words = texts.join(", ");
    words.truncate(LONGEST_TEXT);
    words
}
