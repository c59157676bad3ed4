//! One simulated meter: from what it shows to the frames it sends.

use crc::{CRC_16_IBM_SDLC, Crc};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::wire::axdr::{Data, tag};
use super::super::wire::dsmr;
use super::super::wire::link::{hdlc, mbus};
use super::super::wire::security::OpenError;
use super::super::wire::{HeaderTime, Key, MeterTime, SecurityControl, Unit, notification, seal};
use super::household::Sample;
use super::model::{Framing, Layout, Model};
use super::p1::{self, Checksum, P1Profile, P1Registers, P1Sample, SHARED_AUTHENTICATION};

use crate::hex::Hex;

const X25: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_SDLC);
/// Where the system title ends in a message.
const TITLE_END: usize = 10;

/// A meter with its keys.
#[derive(Debug, Clone)]
pub struct Meter {
    pub model: &'static Model,
    pub key: Key,
    pub authentication: Option<Key>,
    pub counter: u32,
    /// What it counts if it has a P1 port.
    pub registers: Option<P1Registers>,
    /// Whether it writes a line of text twice, with two values.
    pub doubles_code: bool,
}

impl Meter {
    /// A meter that has been running for some weeks.
    pub fn new(model: &'static Model, key: Key, authentication: Option<Key>, seed: u64) -> Self {
        let profile = model.p1();
        let shared = profile.filter(|profile| profile.shares_authentication);
        Self {
            model,
            key,
            authentication: shared
                .map(|_| Key::from(SHARED_AUTHENTICATION))
                .or(authentication),
            // A running meter never starts at zero.
            counter: 0x0004_1000,
            registers: profile.map(|profile| P1Registers::new(profile, model.is_three_phase, seed)),
            doubles_code: false,
        }
    }

    /// The next telegram, encrypted where the model does that.
    pub fn message(
        &mut self,
        sample: &Sample,
        p1: Option<&P1Sample>,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Result<Vec<u8>, OpenError> {
        self.counter = self.counter.wrapping_add(1);
        let time = MeterTime::at(now, zone);
        let data = match self.model.layout {
            Layout::Nested => self.nested(sample, time),
            Layout::Flat => self.flat(sample, time),
            Layout::Bare14 => self.bare14(sample),
            Layout::Bare12 => self.bare12(sample, now, zone),
            Layout::Codes => codes(sample, time),
            Layout::Text => return Ok(self.text(sample, now, zone)),
            Layout::P1(profile) => {
                let Some(p1) = p1 else { return Ok(Vec::new()) };
                let text = p1::write(profile, self.model.number, sample, p1, zone);
                return self.of_text(profile, text);
            }
        };
        let plaintext = notification(self.counter, HeaderTime::Bare(time), &data);
        seal(
            self.model.title,
            SecurityControl(self.model.security),
            self.counter,
            &self.key,
            self.authentication.as_ref(),
            &plaintext,
        )
    }

    /// A message as the frames it is sent in.
    pub fn frames(&self, message: &[u8]) -> Vec<Vec<u8>> {
        match self.model.framing {
            Framing::MBus(most) => mbus::frames(message, most),
            Framing::Hdlc(most) => hdlc::frames(message, most, hdlc::Sender::default()),
            Framing::Blocks(most) => hdlc::block_frames(message, most, hdlc::Sender::default()),
            // The line end of a text that is encrypted is encrypted, too.
            Framing::None if self.model.is_encrypted() => vec![message.to_vec()],
            Framing::None => vec![[message, b"\r\n"].concat()],
        }
    }

    fn nested(&self, sample: &Sample, time: MeterTime) -> Data {
        let text = |code: [u8; 6], text: &str| {
            Data::Structure(vec![octets(&code), octets(text.as_bytes())])
        };
        let phases = if self.model.is_three_phase { 2 } else { 1 };
        let tail = self.model.number.trim_start_matches("1KFM0");
        let logical = format!("KFM1{phases}00{tail}");
        let mut items = vec![
            octets(&[0, 0, 1, 0, 0, 255]),
            octets(&time.to_bytes()),
            text([0, 0, 96, 1, 0, 255], self.model.number),
            text([0, 0, 42, 0, 0, 255], &logical),
        ];
        items.extend(self.registers(sample).into_iter().map(Data::Structure));
        Data::Structure(items)
    }

    fn flat(&self, sample: &Sample, time: MeterTime) -> Data {
        let mut items = vec![octets(&time.to_bytes())];
        let mut registers = self.registers(sample);
        // This operator's telegrams begin with the energies and have no reactive ones.
        let energies = registers.split_off(registers.len() - 4);
        let powers = registers.split_off(registers.len() - 2);
        let active = energies.into_iter().take(2);
        items.extend(active.chain(powers).chain(registers).flatten());
        let factor = if self.model.is_signed {
            number(0x10, sample.power_factor.into())
        } else {
            Data::u16(sample.power_factor.unsigned_abs())
        };
        items.extend(register(13, 7, factor, -3, Unit::NONE));
        items.push(octets(self.model.number.as_bytes()));
        Data::Structure(items)
    }

    /// Voltages, currents, powers, energies.
    fn registers(&self, sample: &Sample) -> Vec<Vec<Data>> {
        let phases = if self.model.is_three_phase { 3 } else { 1 };
        let mut registers = Vec::new();
        for (code, value) in [32, 52, 72].into_iter().zip(sample.voltage).take(phases) {
            registers.push(register(code, 7, Data::u16(value), -1, Unit::VOLT));
        }
        for (code, value) in [31, 51, 71].into_iter().zip(sample.current).take(phases) {
            registers.push(register(code, 7, Data::u16(value), -2, Unit::AMPERE));
        }
        for (code, value) in [(1, sample.power_import), (2, sample.power_export)] {
            registers.push(register(code, 7, Data::u32(value), 0, Unit::WATT));
        }
        for (code, value, unit) in [
            (1, sample.energy_import, Unit::WATT_HOUR),
            (2, sample.energy_export, Unit::WATT_HOUR),
            (3, sample.reactive_import, Unit::VAR_HOUR),
            (4, sample.reactive_export, Unit::VAR_HOUR),
        ] {
            registers.push(register(code, 8, Data::u32(value), 0, unit));
        }
        registers
    }

    fn bare14(&self, sample: &Sample) -> Data {
        let volts = sample.voltage.map(|tenths| Data::u16(tenths / 10));
        let amperes = sample.current.map(Data::u16);
        let totals = [
            sample.power_import,
            sample.power_export,
            sample.energy_import,
            sample.energy_export,
        ];
        let angles = [400, 53, 295].map(Data::u16);
        let mut items: Vec<Data> = volts.into_iter().chain(amperes).collect();
        items.extend(totals.map(Data::u32));
        items.extend(angles);
        items.push(octets(self.model.number.as_bytes()));
        Data::Structure(items)
    }

    fn bare12(&self, sample: &Sample, now: Timestamp, zone: &TimeZone) -> Data {
        let local = now.to_zoned(zone.clone());
        let byte = |value: i8| u8::try_from(value).unwrap_or(0);
        let time = [
            byte(local.hour()),
            byte(local.minute()),
            byte(local.second()),
            0,
        ];
        let [high, low] = local.year().to_be_bytes();
        let weekday = byte(local.weekday().to_monday_one_offset());
        let date = [high, low, byte(local.month()), byte(local.day()), weekday];
        let mut items = vec![
            octets(&[0, 6, 25, 9, 0, 255]),
            octets(self.model.number.as_bytes()),
            octets(&time),
            octets(&date),
        ];
        let numbers = [
            sample.energy_import,
            sample.energy_export,
            sample.reactive_import,
            sample.reactive_export,
            sample.power_import,
            sample.power_export,
        ];
        items.extend(numbers.map(Data::u32));
        items.extend([octets(b""), octets(b"")]);
        Data::Structure(items)
    }
}

impl Meter {
    /// A text up to its `!` as it is sent.
    fn of_text(&self, profile: &P1Profile, mut text: String) -> Result<Vec<u8>, OpenError> {
        if self.doubles_code {
            text = doubled(&text);
        }
        let text = match profile.checksum {
            Checksum::None => text.into_bytes(),
            Checksum::Arc => dsmr::seal(&text),
            Checksum::Zeros => (text + "0000").into_bytes(),
            Checksum::X25 => format!("{text}{:04X}", X25.checksum(text.as_bytes())).into_bytes(),
            Checksum::Short => {
                let sealed = dsmr::seal(&text);
                let (text, digits) = sealed.split_at_checked(text.len()).unwrap_or_default();
                let zeros = digits.iter().take(3).take_while(|digit| **digit == b'0');
                let digits = digits.get(zeros.count()..).unwrap_or_default();
                [text, digits].concat()
            }
        };
        if !self.model.is_encrypted() {
            return Ok(text);
        }
        let sealed = seal(
            self.model.title,
            SecurityControl(self.model.security),
            if profile.hides_title { 0 } else { self.counter },
            &self.key,
            self.authentication.as_ref(),
            &[text.as_slice(), b"\r\n"].concat(),
        )?;
        if !profile.hides_title {
            return Ok(sealed);
        }
        // In clear only the first line; the title has no bytes.
        let head = profile.text.lines().next().unwrap_or_default();
        let body = sealed.get(TITLE_END..).unwrap_or_default();
        Ok([head.as_bytes(), b"\r\n\r\n\0", body].concat())
    }

    fn text(&self, sample: &Sample, now: Timestamp, zone: &TimeZone) -> Vec<u8> {
        let time = zone.to_offset_info(now);
        let season = if time.dst().is_dst() { 'S' } else { 'W' };
        let local = now.to_zoned(zone.clone()).strftime("%y%m%d%H%M%S");
        let number = Hex::of(self.model.number.as_bytes());
        let mut lines = vec![
            format!("/{}5\\2M550", self.model.title.letters()),
            String::new(),
            "1-3:0.2.8(50)".to_owned(),
            format!("0-0:1.0.0({local}{season})"),
            format!("0-0:96.1.1({number:X})"),
        ];
        let thousandths = |value: u32| format!("{:06}.{:03}", value / 1000, value % 1000);
        for (code, watt_hours, watts) in [
            (1, sample.energy_import, sample.power_import),
            (2, sample.energy_export, sample.power_export),
        ] {
            lines.push(format!("1-0:{code}.8.0({}*kWh)", thousandths(watt_hours)));
            let watts = thousandths(watts);
            let watts = watts.get(4..).unwrap_or_default();
            lines.push(format!("1-0:{code}.7.0({watts}*kW)"));
        }
        let volts = [32, 52, 72].into_iter().zip(sample.voltage);
        let volts = volts.map(|(code, v)| format!("1-0:{code}.7.0({}.{}*V)", v / 10, v % 10));
        let amperes = [31, 51, 71].into_iter().zip(sample.current);
        let amperes =
            amperes.map(|(code, a)| format!("1-0:{code}.7.0({:03}.{:02}*A)", a / 100, a % 100));
        lines.extend(volts.chain(amperes));
        lines.push("!".to_owned());
        dsmr::seal(&lines.join("\r\n"))
    }
}

/// The text with its first energy once more, as another value.
fn doubled(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    let mut is_done = false;
    let double = |line: &str| {
        let has_energy = line.contains(".8.0(") || line.contains(".8.1(");
        let digit = line.find('*').filter(|_| has_energy && !is_done);
        let Some(digit) = digit.and_then(|star| star.checked_sub(1)) else {
            return line.to_owned();
        };
        is_done = true;
        let last = line.get(digit..=digit).and_then(|digit| digit.parse().ok());
        let other = last.map_or(1, |digit: u8| (digit + 1) % 10);
        let (before, after) = (line.get(..digit), line.get(digit + 1..));
        let other = format!(
            "{}{other}{}",
            before.unwrap_or_default(),
            after.unwrap_or_default()
        );
        line.to_owned() + &other
    };
    lines.map(double).collect()
}

/// Two thirds of each energy are of the first tariff.
fn codes(sample: &Sample, time: MeterTime) -> Data {
    let mut items = vec![octets(&time.to_bytes())];
    for (code, energy, power) in [
        (1, sample.energy_import, sample.power_import),
        (2, sample.energy_export, sample.power_export),
        (3, sample.reactive_import, 0),
        (4, sample.reactive_export, 0),
    ] {
        let day = energy / 3 * 2;
        for (e, value) in [(0, energy), (1, day), (2, energy - day)] {
            items.extend([octets(&[1, 0, code, 8, e, 255]), Data::u32(value)]);
        }
        items.extend([octets(&[1, 0, code, 7, 0, 255]), Data::u32(power)]);
    }
    Data::Structure(items)
}

fn octets(bytes: &[u8]) -> Data {
    Data::Octets(bytes.to_vec())
}

const fn number(tag: u8, value: i128) -> Data {
    Data::Number { tag, value }
}

/// Code 1.0.C.D.0.255, value, scaler and unit.
fn register(c: u8, d: u8, value: Data, exponent: i8, unit: Unit) -> Vec<Data> {
    let scaler = Data::Structure(vec![
        number(tag::INTEGER, exponent.into()),
        number(tag::ENUMERATION, unit.0.into()),
    ]);
    vec![octets(&[1, 0, c, d, 0, 255]), value, scaler]
}

#[cfg(test)]
mod tests {
    use super::super::household::{Fixed, Household};
    use super::*;
    use crate::simulation::{House, Sky};

    fn lengths(name: &str) -> Vec<usize> {
        let key: Key = "000102030405060708090A0B0C0D0E0F".parse().unwrap();
        let model = Model::named(name).unwrap();
        let mut meter = Meter::new(model, key.clone(), Some(key), 1);
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let house = House::new(&now.to_zoned(zone.clone()), Sky::default());
        let sample = Household::new(1, house, Fixed::default()).at(now);
        let message = meter.message(&sample, None, now, &zone).unwrap();
        let frames = meter.frames(&message);
        frames.iter().map(Vec::len).collect()
    }

    #[test]
    fn frames_are_as_long_as_those_of_real_meters() {
        assert_eq!(lengths("tinetz"), [256, 120]);
        assert_eq!(lengths("tinetz-single"), [256, 44]);
        assert_eq!(lengths("evn"), [256, 26]);
        assert_eq!(lengths("t210d"), [256, 26]);
        assert_eq!(lengths("t210d-wrap"), [263, 19]);
        assert_eq!(lengths("e450"), [120]);
        assert!(lengths("am550").len() > 1);
        assert_eq!(lengths("e450-tariffs"), [141, 141, 50]);
    }
}
