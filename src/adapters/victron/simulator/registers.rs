//! How a device reads its registers, and what writing to them does.

use std::time::Duration;

use super::super::wire::hex::{Answer, Flags, Request, Value, Version};
use super::device::{Device, number};
use super::model::{From, Manners, Row, Write};

/// Who writes to the mode of old firmware has to write this there first.
const REMOTE_CONTROL: (u16, i64) = (0x0202, 2);

impl Device {
    /// The answer to a question; `None` if there is none.
    pub fn answer(&mut self, request: &Request, now: Duration) -> Option<Vec<u8>> {
        if self.model.manners == Manners::Deaf || self.is_dead() {
            return None;
        }
        Some(match request {
            Request::Ping => Answer::Ping(Version(self.model.version)).encode(),
            Request::Version => Answer::Done(&self.model.version.to_le_bytes()).encode(),
            Request::Product => Answer::Done(&self.model.product.to_le_bytes()).encode(),
            Request::Restart => {
                self.restart();
                return None;
            }
            Request::Get(register) => {
                let read = self.read(*register);
                Answer::Get(value(*register, &read)).encode()
            }
            Request::Set(register, bytes) => {
                let written = self.write(*register, bytes, now);
                let read = written.and_then(|()| self.read(*register).or(Ok(Vec::new())));
                Answer::Set(value(*register, &read)).encode()
            }
        })
    }

    /// The frame with which it tells of a register by itself.
    pub fn tell(&self, register: u16) -> Option<Vec<u8>> {
        let read = self.read(register);
        read.is_ok()
            .then(|| Answer::Async(value(register, &read)).encode())
    }

    /// The bytes of a register.
    pub fn read(&self, register: u16) -> Result<Vec<u8>, Flags> {
        if let Some(bytes) = self.overrides.get(&register) {
            return Ok(bytes.clone());
        }
        if self.model.has_days() {
            let trackers = self.model.row(0x0244).is_some();
            if let Some(record) = self.days.record(register, trackers) {
                return record.ok_or(Flags::PARAMETER);
            }
        }
        let row = self.model.row(register).ok_or(Flags::UNKNOWN_ID)?;
        if let Some(bytes) = self.settings.get(&register) {
            return Ok(bytes.clone());
        }
        Ok(match row.from {
            From::Live(quantity, divide) => {
                let value = self.quantity(quantity).map(|value| value / divide);
                // Time to go has the same bytes for "never" as for "not known".
                encode(row, value.filter(|value| row.signed || *value >= 0))
            }
            From::Kelvin(quantity) => {
                let value = self.quantity(quantity);
                encode(row, value.map(|value| value / 10 + 27_315))
            }
            From::Setting(initial) => encode(row, Some(initial)),
            From::Network => encode(row, None),
            From::Text(text, length) => padded(text, length),
            From::Serial(length) => padded(&self.serial, length),
            From::Product if self.model.is_before(0x130) => {
                // Firmware before 1.30 has the bytes in the wrong order.
                self.model.product.to_be_bytes().to_vec()
            }
            From::Product => {
                let [low, high] = self.model.product.to_le_bytes();
                vec![0, low, high, 0xff]
            }
            From::Firmware => {
                let [low, high] = self.model.firmware().to_le_bytes();
                vec![0xff, low, high]
            }
            From::Start => return Err(Flags::NOT_SUPPORTED),
        })
    }

    /// Writes to a register.
    pub fn write(&mut self, register: u16, bytes: &[u8], now: Duration) -> Result<(), Flags> {
        let is_history = self.model.has_days() && self.read(register) != Err(Flags::UNKNOWN_ID);
        let row = match self.model.row(register) {
            Some(row) => row,
            None if is_history || self.overrides.contains_key(&register) => {
                return Err(Flags::NOT_SUPPORTED);
            }
            None => return Err(Flags::UNKNOWN_ID),
        };
        self.allowed(row, bytes)?;
        if let From::Start = row.from {
            match register {
                0x102c => self.counters.synchronise(),
                0x1030 => self.counters.clear(),
                _ => {}
            }
            return Ok(());
        }
        self.overrides.remove(&register);
        self.settings.insert(register, bytes.to_vec());
        match register {
            0x2015 => self.limited = Some(now),
            // A battery management system is there, and from now on it has to be.
            0x200e if number(bytes, false) & 8 != 0 => {
                self.settings.insert(0xede8, vec![1]);
            }
            0x200e | 0x2001..=0x2003 => self.limited = self.limited.or(Some(now)),
            _ => {}
        }
        self.look();
        Ok(())
    }

    fn allowed(&self, row: &Row, bytes: &[u8]) -> Result<(), Flags> {
        if row.write == Write::Nothing {
            return Err(Flags::NOT_SUPPORTED);
        }
        let is_number = !matches!(row.from, From::Text(..));
        if is_number && bytes.len() != row.size {
            return Err(Flags::PARAMETER);
        }
        let number = number(bytes, row.signed);
        let fits = match row.write {
            Write::Nothing | Write::Anything => true,
            Write::OneOf(numbers) => numbers.contains(&number),
            Write::Range(least, most) => (least..=most).contains(&number),
            Write::Relay if self.setting(0x034f) != Some(2) => return Err(Flags::NOT_SUPPORTED),
            Write::Relay => matches!(number, 0 | 1),
        };
        let (control, needed) = REMOTE_CONTROL;
        let is_old = self.model.is_before(0x142);
        if row.id == 0x0200 && is_old && self.setting(control) != Some(needed) {
            return Err(Flags::NOT_SUPPORTED);
        }
        if fits { Ok(()) } else { Err(Flags::PARAMETER) }
    }

    /// Sets a register from outside: a setting as if it had been written, anything else for good.
    pub fn set_register(&mut self, register: u16, bytes: &[u8]) {
        let row = self.model.row(register);
        let is_setting = row.is_some_and(|row| {
            matches!(row.from, From::Setting(_) | From::Network) && bytes.len() == row.size
        });
        let map = if is_setting {
            &mut self.settings
        } else {
            &mut self.overrides
        };
        map.insert(register, bytes.to_vec());
        self.look();
    }
}

fn value<'a>(register: u16, read: &'a Result<Vec<u8>, Flags>) -> Value<'a> {
    match read {
        Ok(bytes) => Value::new(register, bytes),
        Err(flags) => Value {
            register,
            flags: *flags,
            bytes: &[],
        },
    }
}

/// A number in as many bytes as the register has; `None` as "not available".
fn encode(row: &Row, number: Option<i64>) -> Vec<u8> {
    let bits = row.size.min(8) * 8;
    let missing = match (row.signed, bits) {
        (_, 0) => 0,
        (true, bits) => i64::MAX >> (64 - bits),
        (false, _) => -1,
    };
    let bytes = number.unwrap_or(missing).to_le_bytes();
    bytes.get(..row.size).unwrap_or(&bytes).to_vec()
}

fn padded(text: &str, length: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    if bytes.len() < length {
        bytes.resize(length, 0);
    }
    bytes
}

#[cfg(test)]
mod tests;
