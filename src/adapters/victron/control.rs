//! What can be set on a device, and how: from a command of the user to questions in HEX, each read
//! back. Pure.
//!
//! | Control | Registers | On |
//! |---|---|---|
//! | `mode` | 0x0200 (0x0202 before it on old solar chargers) | chargers, inverters, converters |
//! | `load_output`, `load_control` | 0xEDAB | solar chargers with a load output |
//! | `relay` | 0x034E, if 0x034F says that the relay is set from afar | battery monitors |
//! | `charge_current_limit` | 0x200E = 5, then 0x2015; again every 30 s | chargers |
//!
//! Never written: bit 3 of 0x200E, which makes a charger refuse to work without a battery management
//! system for good; settings in flash memory, but for the load output, and that not often; anything
//! that starts, clears or calibrates.

mod limit;
mod wear;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

pub(super) use self::limit::Limit;
use self::wear::Wear;
use super::unit::{Unit, number};
use super::wire::families::Family;
use super::wire::hex::{Answer, Request};
use super::wire::words;
use crate::model::{Control, ControlKind, Decimal, Quantity, Value};

/// What the relay of a battery monitor follows.
pub(super) const RELAY_MODE: u16 = 0x034f;
/// The relay follows what is written to it.
const REMOTE: i64 = 2;
const RELAY: u16 = 0x034e;
const MODE: u16 = 0x0200;
const REMOTE_CONTROL: u16 = 0x0202;
const LOAD_CONTROL: u16 = 0xedab;
const CHARGE_CURRENT_LIMIT: u16 = 0x2015;

/// From this firmware on a solar charger can be switched without further ado.
const SWITCHED_FREELY: (u32, u32) = (1, 42);
/// Commands that may wait.
const MOST: usize = 4;

/// The mode of what charges.
const CHARGER_MODES: &[(&str, u8)] = &[("charger on", 1), ("off", 4)];
/// The mode of an inverter.
const INVERTER_MODES: &[(&str, u8)] = &[("inverter on", 2), ("eco", 5), ("off", 4)];
/// How the load output is controlled.
const LOAD_CONTROLS: &[(&str, u8)] = &[("off", 0), ("automatic", 1), ("on", 4)];
/// The load output as it comes: it guards the battery.
const AUTOMATIC: u8 = 1;

/// What can be set on a device.
pub(super) fn offered(unit: &Unit) -> Vec<Control> {
    let mut controls = Vec::new();
    let mut offer = |key: &'static str, name: &'static str, kind| {
        controls.push(Control {
            key: key.into(),
            name: name.into(),
            kind,
        });
    };
    if let Some(modes) = modes(unit) {
        offer("mode", "Mode", select(modes));
    }
    if unit.has_register(LOAD_CONTROL) {
        offer("load_output", "Load output", ControlKind::Switch);
        offer("load_control", "Load control", select(LOAD_CONTROLS));
    }
    if unit.relay_mode() == Some(REMOTE) && unit.carries("relay") {
        offer("relay", "Relay", ControlKind::Switch);
    }
    if let Some(max) = most(unit) {
        let kind = ControlKind::Number {
            quantity: Quantity::Current,
            min: Decimal::integer(0),
            max,
            step: Decimal::new(1, 1),
        };
        offer("charge_current_limit", "Charge current limit", kind);
        offer(
            "lift_charge_current_limit",
            "Lift charge current limit",
            ControlKind::Button,
        );
    }
    controls
}

fn select(list: &[(&'static str, u8)]) -> ControlKind {
    ControlKind::Select(list.iter().map(|(word, _)| Cow::Borrowed(*word)).collect())
}

fn modes(unit: &Unit) -> Option<&'static [(&'static str, u8)]> {
    match unit.family()? {
        _ if !unit.has_register(MODE) => None,
        Family::Mppt | Family::Charger | Family::DcDc => Some(CHARGER_MODES),
        Family::Inverter => Some(INVERTER_MODES),
        _ => None,
    }
}

/// The largest limit that makes sense.
fn most(unit: &Unit) -> Option<Decimal> {
    let max = unit.value("charge_current_max")?.as_number()?;
    unit.has_register(CHARGE_CURRENT_LIMIT).then_some(max)
}

/// A command under way.
#[derive(Debug)]
struct Job {
    id: u64,
    steps: VecDeque<Request>,
    /// Whether the first step has been asked.
    is_asked: bool,
    /// What the last step, which reads, has to say.
    expected: Expected,
    done: Value,
    /// The limit that is kept up from now on, or no longer.
    limit: Option<Option<u16>>,
}

/// What a register has to be after it was written.
#[derive(Debug, Clone, Copy)]
struct Expected {
    register: u16,
    /// Any of these.
    numbers: [i64; 2],
    /// Bits that count.
    mask: i64,
}

/// A command has come to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finished {
    pub(super) id: u64,
    pub(super) result: Result<Value, String>,
}

/// The commands of one line.
#[derive(Debug, Default)]
pub(super) struct Controls {
    jobs: VecDeque<Job>,
    limit: Limit,
    wear: Wear,
    /// How the load output was controlled before it was switched off.
    load_before: Option<u8>,
}

impl Controls {
    /// Begins a command of the user under a number of the caller's choice.
    pub(super) fn begin(
        &mut self,
        id: u64,
        key: &str,
        value: &Value,
        unit: &Unit,
        now: Duration,
    ) -> Result<Option<Value>, String> {
        // What ends a limit never waits.
        if key == "lift_charge_current_limit" {
            self.limit.lift();
            return Ok(Some(Value::Unknown));
        }
        if self.jobs.len() >= MOST {
            return Err(
                "other commands are still being carried out; try again in a moment".to_owned(),
            );
        }
        let job = self.job(id, key, value, unit, now)?;
        self.jobs.push_back(job);
        Ok(None)
    }

    fn job(
        &mut self,
        id: u64,
        key: &str,
        value: &Value,
        unit: &Unit,
        now: Duration,
    ) -> Result<Job, String> {
        let job = |writes: Vec<Request>, register: u16, numbers: [i64; 2]| {
            let mut steps = VecDeque::from(writes);
            steps.push_back(Request::Get(register));
            Job {
                id,
                steps,
                is_asked: false,
                expected: Expected {
                    register,
                    numbers,
                    mask: !0,
                },
                done: value.clone(),
                limit: None,
            }
        };
        match (key, value) {
            ("mode", Value::Text(word)) => {
                let mode = modes(unit).and_then(|modes| number_of(modes, word));
                let mode = mode.ok_or("this device has no such mode")?;
                let mut writes = Vec::new();
                if unit.family() == Some(Family::Mppt) && !switches_freely(unit.firmware()) {
                    writes.push(Request::Set(REMOTE_CONTROL, 2_u32.to_le_bytes().to_vec()));
                }
                writes.push(Request::Set(MODE, vec![mode]));
                // Old firmware calls off 0.
                let other = if mode == 4 { 0 } else { i64::from(mode) };
                Ok(job(writes, MODE, [i64::from(mode), other]))
            }
            ("load_control", Value::Text(word)) => {
                let mode = number_of(LOAD_CONTROLS, word).ok_or("there is no such way")?;
                self.load(mode, unit, now, job)
            }
            ("load_output", Value::OnOff(on)) => {
                let present = self.present_load(unit);
                let mode = match (on, present) {
                    (false, Some(mode)) if mode != 0 => {
                        self.load_before = Some(mode);
                        0
                    }
                    (false, _) => 0,
                    (true, Some(mode)) if mode != 0 => mode,
                    (true, _) => self.load_before.unwrap_or(AUTOMATIC),
                };
                self.load(mode, unit, now, job)
            }
            ("relay", Value::OnOff(on)) => {
                let writes = vec![Request::Set(RELAY, vec![u8::from(*on)])];
                Ok(job(writes, RELAY, [i64::from(*on); 2]))
            }
            ("charge_current_limit", Value::Number(amperes)) => {
                let tenths = u16::try_from(amperes.with_scale(1).mantissa());
                // The largest number withdraws the limit.
                let tenths = tenths.ok().filter(|tenths| *tenths < u16::MAX);
                let tenths = tenths.ok_or("no charger has so large a current")?;
                let writes = limit::writes(tenths).into();
                let mut job = job(writes, CHARGE_CURRENT_LIMIT, [i64::from(tenths); 2]);
                job.limit = Some(Some(tenths));
                Ok(job)
            }
            _ => Err("this device has no such control".to_owned()),
        }
    }

    fn load(
        &mut self,
        mode: u8,
        unit: &Unit,
        now: Duration,
        job: impl Fn(Vec<Request>, u16, [i64; 2]) -> Job,
    ) -> Result<Job, String> {
        let is_so = self.present_load(unit) == Some(mode);
        let writes = if is_so {
            Vec::new()
        } else {
            self.wear.write(LOAD_CONTROL, now)?;
            vec![Request::Set(LOAD_CONTROL, vec![mode])]
        };
        let mut job = job(writes, LOAD_CONTROL, [i64::from(mode); 2]);
        job.expected.mask = 0xf;
        Ok(job)
    }

    fn present_load(&self, unit: &Unit) -> Option<u8> {
        let Value::Text(word) = unit.value("load_control")? else {
            return None;
        };
        let found = words::LOAD_CONTROL
            .list
            .iter()
            .find(|(_, known)| known == word);
        found.and_then(|(number, _)| u8::try_from(*number).ok())
    }

    /// What to ask next for the command under way.
    pub(super) fn next(&mut self) -> Option<Request> {
        let job = self.jobs.front_mut()?;
        if std::mem::replace(&mut job.is_asked, true) {
            return None;
        }
        job.steps.front().cloned()
    }

    /// An answer has come to a question.
    pub(super) fn answered(
        &mut self,
        request: &Request,
        answer: &Answer<'_>,
        now: Duration,
    ) -> Option<Finished> {
        let job = self.jobs.front_mut()?;
        if !job.is_asked || job.steps.front() != Some(request) {
            return None;
        }
        let value = answer.value()?;
        if !value.flags.is_ok() {
            return self.finish(Err(format!("the device refuses: {}", value.flags)), now);
        }
        job.steps.pop_front();
        job.is_asked = false;
        if !job.steps.is_empty() {
            return None;
        }
        let Expected { numbers, mask, .. } = job.expected;
        let is_set = number(&value).map(|number| number & mask);
        let result = match is_set {
            Some(number) if numbers.contains(&number) => Ok(job.done.clone()),
            Some(number) => Err(format!(
                "the device took the command, but its register {:#06x} says {number} afterwards; another \
                 setting or device may overrule it",
                job.expected.register
            )),
            None => Err("the device took the command, but does not say what is set now".to_owned()),
        };
        self.finish(result, now)
    }

    /// A question stayed without an answer.
    pub(super) fn unanswered(&mut self, request: &Request, now: Duration) -> Option<Finished> {
        let job = self.jobs.front()?;
        if !job.is_asked || job.steps.front() != Some(request) {
            return None;
        }
        self.finish(
            Err("the device did not answer; look whether the cable can send to it".to_owned()),
            now,
        )
    }

    fn finish(&mut self, result: Result<Value, String>, now: Duration) -> Option<Finished> {
        let job = self.jobs.pop_front()?;
        if result.is_ok()
            && let Some(limit) = job.limit
        {
            self.limit.set(limit, now);
        }
        Some(Finished { id: job.id, result })
    }

    /// Ends all commands: there is nobody to carry them out.
    pub(super) fn abandon(&mut self, why: &str) -> Vec<Finished> {
        let abandoned = |job: Job| Finished {
            id: job.id,
            result: Err(why.to_owned()),
        };
        self.jobs.drain(..).map(abandoned).collect()
    }

    /// Keeps up a limit. `is_attended` says whether somebody is there who could lift it.
    pub(super) fn tick(&mut self, now: Duration, is_attended: bool) -> Vec<Request> {
        self.limit.tick(now, is_attended)
    }

    /// Another device is there: what was set on the one before does not concern it.
    pub(super) fn forget(&mut self) {
        self.limit.lift();
        self.load_before = None;
    }
}

fn number_of(list: &[(&str, u8)], word: &str) -> Option<u8> {
    let found = list.iter().find(|(known, _)| *known == word);
    found.map(|(_, number)| *number)
}

fn switches_freely(firmware: Option<&str>) -> bool {
    let version = firmware.and_then(|text| {
        let (major, rest) = text.split_once('.')?;
        let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some((major.parse().ok()?, minor.parse().ok()?))
    });
    version.is_none_or(|version: (u32, u32)| version >= SWITCHED_FREELY)
}

#[cfg(test)]
mod tests;
