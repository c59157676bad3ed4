//! One inverter: it wakes and sleeps with the sun, counts, answers, and does what it is told.

use std::ops::Range;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil};

use super::super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use super::super::wire::payload::{
    InverterAnswer, InverterCommand, InverterFirmware, InverterInfo, LimitCode, LimitScale,
    PanelInput, PanelTelemetry, RequestFault, STATUS_EVENTS, Sealed, SettingsAnswer, SettingsForm,
    SettingsPage, StatusBits, TelemetryLayout,
};
use super::counting::EnergyCount;
use super::kinds::{ListedInverter, ZigbeeKind};
use super::manners::{AirConditions, AirMishaps, InverterManners};
use super::panels::Panels;
use crate::model::Decimal;
use crate::simulation::Sky;

/// A DS3 starts anew after this time.
const HALF_A_DAY: SignedDuration = SignedDuration::from_hours(12);
/// How long it runs in twilight before the least thing ends it.
const FLAPPING: SignedDuration = SignedDuration::from_mins(4);
/// What comes out of the panels and not into the grid.
const EFFICIENCY: f64 = 0.95;
/// Bytes of the serial number in front of an envelope.
const SPEAKER: usize = 6;
/// What stands behind the limit on its page, with a YC600 or QS1.
const BEHIND_LIMIT: Range<usize> = 72..74;
/// Watts of each input that it comes with as its limit.
const USUAL_LIMIT: u16 = 500;

/// An inverter at work.
#[derive(Debug, Clone)]
pub struct SimInverter {
    /// What it is.
    pub kind: &'static ZigbeeKind,
    /// Its serial number.
    pub serial: InverterSerial,
    /// Its address.
    pub address: ShortAddress,
    /// The gateway that it listens to; `None` if it was never paired.
    pub gateway: Option<EcuId>,
    /// What is peculiar to it.
    pub manners: InverterManners,
    /// What it counts.
    pub count: EnergyCount,
    panels: Panels,
    /// Until when it has lived.
    lived: Timestamp,
    limit: u16,
    ignored: u32,
    is_off: bool,
}

impl SimInverter {
    /// One that sleeps at this moment. It begins in the network of this gateway, if there is one.
    pub fn new(listed: ListedInverter, sky: Sky, gateway: Option<EcuId>, at: Timestamp) -> Self {
        let ListedInverter { kind, serial } = listed;
        let mut it = Self {
            kind,
            serial,
            address: address_of(serial),
            gateway,
            manners: InverterManners::default(),
            count: EnergyCount::new(kind.inputs()),
            panels: Panels::of(serial, sky),
            lived: at,
            limit: 0,
            ignored: 0,
            is_off: false,
        };
        it.limit = it.usual_limit();
        it
    }

    /// Whether it runs, and its radio with it.
    pub const fn is_awake(&self) -> bool {
        self.count.started().is_some()
    }

    /// Until when it has lived.
    pub const fn lived(&self) -> Timestamp {
        self.lived
    }

    /// Somebody has turned the time back: it goes on from there.
    pub fn go_back(&mut self, to: Timestamp) {
        self.lived = self.lived.min(to);
    }

    /// Lives until a moment, which is so near that the light does not change.
    pub fn live(&mut self, to: Timestamp, local: civil::DateTime, conditions: &AirConditions) {
        let from = std::mem::replace(&mut self.lived, to);
        let is_light = !conditions.is_night && self.panels.is_light(local);
        match (self.count.started(), is_light) {
            (None, false) => return,
            (Some(_), false) => return self.sleep(conditions),
            (None, true) => self.count.start(from),
            (Some(started), true) => {
                let is_old = self.kind.is_long() && to.duration_since(started) >= HALF_A_DAY;
                if is_old {
                    let mark = started + HALF_A_DAY;
                    let mark = mark.max(from);
                    self.produce(from, mark, local, conditions);
                    self.count.start(mark);
                    return self.produce(mark, to, local, conditions);
                }
                let is_flapping = conditions.is_flapping && self.panels.is_twilight(local);
                if is_flapping && to.duration_since(started) >= FLAPPING {
                    self.count.start(from);
                }
            }
        }
        self.produce(from, to, local, conditions);
    }

    fn sleep(&mut self, conditions: &AirConditions) {
        self.count.stop();
        self.is_off = false;
        if self.manners.forgets_limit || conditions.forgets_limits {
            self.limit = self.usual_limit();
        }
    }

    fn produce(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        local: civil::DateTime,
        conditions: &AirConditions,
    ) {
        let passed = to.duration_since(from).as_millis();
        let passed = u64::try_from(passed).unwrap_or(0);
        for input in 0..self.kind.inputs() {
            let power = self.milliwatts(input, local, conditions);
            self.count.add(input, power, passed);
        }
    }

    /// What an input gives, in mW, if the inverter runs.
    fn milliwatts(&self, input: usize, local: civil::DateTime, conditions: &AirConditions) -> u64 {
        if self.is_off || self.has_no_grid(conditions) || self.is_missing(input, conditions) {
            return 0;
        }
        let rated = f64::from(self.kind.rated);
        let limit = self.limit().watts().to_f64();
        (1000.0 * (rated * self.panels.share(input, local)).min(limit)) as u64
    }

    /// What it feeds in at a moment, in W.
    pub fn power(&self, local: civil::DateTime, conditions: &AirConditions) -> f64 {
        if !self.is_awake() {
            return 0.0;
        }
        let inputs = 0..self.kind.inputs();
        let power = inputs.map(|input| self.milliwatts(input, local, conditions));
        power.sum::<u64>() as f64 / 1000.0
    }

    const fn has_no_grid(&self, conditions: &AirConditions) -> bool {
        self.manners.has_no_grid || conditions.has_no_grid
    }

    fn is_missing(&self, input: usize, conditions: &AirConditions) -> bool {
        self.manners.missing_inputs.contains(&input) || conditions.missing_input == Some(input)
    }

    /// The steps in which it keeps its limit.
    const fn scale(&self) -> LimitScale {
        if self.kind.is_long() {
            LimitScale::Ds3
        } else {
            LimitScale::Qs1
        }
    }

    fn usual_limit(&self) -> u16 {
        let usual = self.scale().of_watts(USUAL_LIMIT);
        usual.map_or(u16::MAX, |code| code.raw)
    }

    /// How much each input may give.
    pub const fn limit(&self) -> LimitCode {
        let scale = self.scale();
        let raw = self.limit;
        LimitCode { scale, raw }
    }

    /// Whether it was switched off.
    pub const fn is_off(&self) -> bool {
        self.is_off
    }

    /// How well it is heard, of 255.
    pub fn quality(&self, local: civil::DateTime) -> u8 {
        let own = self.manners.quality;
        own.unwrap_or_else(|| self.panels.quality(local))
    }

    /// It starts anew, if it runs.
    pub fn restart(&mut self, at: Timestamp) {
        if self.is_awake() {
            self.count.start(at);
        }
    }

    /// What it measures; `None` while it sleeps.
    pub fn telemetry(
        &self,
        at: Timestamp,
        local: civil::DateTime,
        conditions: &AirConditions,
    ) -> Option<PanelTelemetry> {
        let started = self.count.started()?;
        let layout = self.kind.layout;
        let scale = layout.counter();
        let has_no_grid = self.has_no_grid(conditions);
        let has_zeros = conditions.has_zeros && layout == TelemetryLayout::Qs1;
        let input = |index: usize| {
            let watts = self.milliwatts(index, local, conditions) as f64 / 1000.0 / EFFICIENCY;
            let share = self.panels.share(index, local);
            let voltage = match (self.is_missing(index, conditions), watts > 0.0) {
                (true, _) => 10.0,
                (false, true) => 30.0 + 4.0 * share,
                (false, false) => 36.0 + 4.0 * share,
            };
            PanelInput {
                voltage: decimal(voltage, 3),
                current: decimal(watts / voltage, 4),
                counter: self.count.raw(index, scale),
            }
        };
        let inputs: Vec<_> = (0..layout.inputs()).map(input).collect();
        let grid = if has_no_grid {
            15.0
        } else {
            self.panels.grid_voltage(local)
        };
        let frequency = if has_no_grid {
            0.67
        } else {
            self.panels.frequency(local)
        };
        let is_long = self.kind.is_long();
        let power = self.power(local, conditions);
        let (high, low) = self.kind.firmware;
        Some(PanelTelemetry {
            serial: self.serial,
            layout,
            model: is_long.then_some(self.kind.model),
            firmware: is_long.then(|| InverterFirmware::new(high, low)),
            temperature: Some(decimal(self.panels.temperature(local), 4)),
            frequency: (!has_zeros).then(|| decimal(frequency, 3)),
            grid_voltage: (!has_zeros).then(|| decimal(grid, 3)),
            clock: clock_of(at.duration_since(started)),
            status: self.status(conditions),
            links: None,
            inputs,
            ac_power: is_long.then_some(power.round() as u16),
            reactive_power: is_long.then_some(-((power / 12.0) as i16)),
            state: is_long.then(|| self.state(power, conditions)),
        })
    }

    fn status(&self, conditions: &AirConditions) -> StatusBits {
        let is_long = self.kind.is_long();
        let mut status = if is_long {
            StatusBits::Bb([0; 5])
        } else {
            StatusBits::B1([0; 4])
        };
        let mut keys = Vec::new();
        if self.has_no_grid(conditions) {
            keys.extend(["under_voltage_1", "under_voltage_2", "under_frequency_1"]);
            keys.extend(["under_frequency_2", "under_frequency_3"]);
        }
        if self.is_missing(0, conditions) {
            keys.push("input_a_dark");
        }
        if self.is_missing(1, conditions) {
            keys.push("input_b_dark");
        }
        for event in STATUS_EVENTS {
            if keys.contains(&event.key) {
                // What belongs to the other layout changes nothing.
                status = status.with(event);
            }
        }
        status
    }

    /// Byte 58 of a DS3.
    fn state(&self, power: f64, conditions: &AirConditions) -> u8 {
        let missing = |input| self.is_missing(input, conditions);
        match (power > 0.0, missing(0), missing(1)) {
            (false, ..) => 0x03,
            (true, true, false) => 0x05,
            (true, false, true) => 0x06,
            (true, ..) => 0x00,
        }
    }

    /// What it answers to these application data; `None` if it stays silent.
    pub fn answer(
        &mut self,
        data: &[u8],
        at: Timestamp,
        local: civil::DateTime,
        conditions: &AirConditions,
        mishaps: &AirMishaps,
    ) -> Option<Vec<u8>> {
        let refused = InverterAnswer::refused(self.serial).data();
        let speaker = data.get(..SPEAKER)?;
        if self
            .gateway
            .map(EcuId::reversed)
            .as_ref()
            .map(<[u8; 6]>::as_slice)
            != Some(speaker)
        {
            return None;
        }
        let command = match InverterCommand::read(data) {
            Ok((_, command)) => command,
            Err(RequestFault::Short) => return None,
            Err(RequestFault::Envelope(_) | RequestFault::Unknown { .. }) => return Some(refused),
        };
        if command.is_write() {
            let is_taken = self.do_as_told(command, mishaps);
            let accepted = InverterAnswer::accepted(self.serial).data();
            let answer = if is_taken { accepted } else { refused };
            return (!command.is_for_all()).then_some(answer);
        }
        let data = match command {
            InverterCommand::Poll => self.telemetry(at, local, conditions)?.data(),
            InverterCommand::Info => self.with_speaker(&self.info().envelope()),
            InverterCommand::Settings(SettingsPage::B) => {
                let mut page = SettingsAnswer::with_limit(self.limit());
                if let (SettingsForm::B1, Some(marker)) = (page.form, conditions.limit_marker)
                    && let Some(behind) = page.body.get_mut(BEHIND_LIMIT)
                {
                    behind.copy_from_slice(&marker);
                }
                self.with_speaker(&page.envelope())
            }
            _ => return None,
        };
        Some(if self.kind.is_sealed {
            self.sealed(&data, at)
        } else {
            data
        })
    }

    fn with_speaker(&self, envelope: &[u8]) -> Vec<u8> {
        [&self.serial.wire()[..], envelope].concat()
    }

    fn sealed(&self, data: &[u8], at: Timestamp) -> Vec<u8> {
        let envelope = data.get(SPEAKER..).unwrap_or_default();
        let [.., a, b, c, d, e, f] = at.as_millisecond().to_be_bytes();
        // No nonce begins as an envelope does.
        let nonce = [a & 0x7f, b, c, d, e, f];
        let sealed = Sealed::seal(envelope, Some(self.serial), nonce, None);
        sealed.data(self.serial.wire())
    }

    const fn info(&self) -> InverterInfo {
        let (high, low) = self.kind.firmware;
        InverterInfo {
            model: self.kind.model,
            firmware: InverterFirmware::new(high, low),
            is_long: self.kind.is_long(),
        }
    }

    /// Does what it is told by one or by all, and says whether it takes it.
    pub fn do_as_told(&mut self, command: InverterCommand, mishaps: &AirMishaps) -> bool {
        match command {
            InverterCommand::SwitchOn | InverterCommand::SwitchAllOn => self.is_off = false,
            InverterCommand::SwitchOff | InverterCommand::SwitchAllOff => self.is_off = true,
            InverterCommand::Limit(code) | InverterCommand::LimitAll(code) => {
                return self.take_limit(code, mishaps);
            }
            _ => {}
        }
        true
    }

    /// Keeps the number as it came, whatever its scale: nobody is refused who mixes them up.
    fn take_limit(&mut self, code: LimitCode, mishaps: &AirMishaps) -> bool {
        let one_byte = matches!(code.scale, LimitScale::Yc600 | LimitScale::Yc600Coarse);
        if self.manners.refuses_limits || mishaps.refuses_limit {
            return false;
        }
        if one_byte && (self.kind.is_long() || self.kind.layout == TelemetryLayout::Qs1) {
            return false;
        }
        if self.ignored < self.manners.ignored_limits {
            self.ignored += 1;
        } else if !mishaps.ignores_limit {
            // Of a YC600 with newer firmware a step is 256 of the finer ones.
            let factor = if one_byte { 256 } else { 1 };
            self.limit = code.raw.saturating_mul(factor);
        }
        true
    }

    /// How long it takes to answer, at least.
    pub const fn delay(&self) -> Duration {
        self.manners.delay
    }
}

/// Seconds, in 16 bits.
fn clock_of(runs: SignedDuration) -> u16 {
    (runs.as_secs().max(0) % 65_536) as u16
}

/// An address that an inverter gave itself: it stays the same.
fn address_of(serial: InverterSerial) -> ShortAddress {
    let mixed = serial.wire().iter().fold(0x1d0f_u16, |sum, byte| {
        (sum.rotate_left(5) ^ u16::from(*byte)).wrapping_mul(0x9e35)
    });
    ShortAddress(mixed % 0xfff0 + 1)
}

fn decimal(value: f64, scale: u8) -> Decimal {
    let mantissa = value * 10_f64.powi(scale.into());
    Decimal::new(mantissa.round() as i64, scale)
}
