//! What can be set on a device, and how: from a command of the user to questions in HEX, each read
//! back. Pure.
//!
//! | Control | Registers | On |
//! |---|---|---|
//! | `mode` | 0x0200 (0x0202 before it on old solar chargers) | chargers, inverters, converters |
//! | `load_output`, `load_control` | 0xEDAB; the former looks at 0xEDA8, too | solar chargers with a load output |
//! | `relay` | 0x034E, if 0x034F says that the relay is set from afar | battery monitors |
//! | `charge_current_limit` | 0x200E = 5, then 0x2015; again every 30 s | chargers |
//!
//! Never written: bit 3 of 0x200E, which makes a charger refuse to work without a battery management
//! system for good; settings in flash memory, but for the load output, and that not often; anything
//! that starts, clears or calibrates.

mod job;
mod limit;
mod wear;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use self::job::Job;
use self::limit::Limit;
pub use self::limit::{Upkeep, is_of_limit};
use self::wear::Wear;
use super::device::VeDevice;
use super::wire::families::Family;
use super::wire::hex::{Answer, Request};
use super::wire::registers::RELAY_MODE;
use super::wire::words;
use crate::model::{Control, ControlKind, Decimal, Quantity, Value};

/// The relay follows what is written to it.
const REMOTE: i64 = 2;
const RELAY: u16 = 0x034e;
const MODE: u16 = 0x0200;
const REMOTE_CONTROL: u16 = 0x0202;
const LOAD_CONTROL: u16 = 0xedab;
const CHARGE_CURRENT_LIMIT: u16 = 0x2015;

/// From this firmware on a solar charger can be switched without further ado.
const SWITCHED_FREELY: (u32, u32) = (1, 42);
/// What keeps up a limit from now on, and what ends that.
pub const SET_LIMIT: &str = "charge_current_limit";
pub const LIFT_LIMIT: &str = "lift_charge_current_limit";
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
pub fn offered(device: &VeDevice) -> Vec<Control> {
    let mut controls = Vec::new();
    let mut offer = |key: &'static str, name: &'static str, kind| {
        controls.push(Control::new(key, name, kind));
    };
    if let Some(modes) = modes(device) {
        offer("mode", "Mode", select(modes));
    }
    if device.has_register(LOAD_CONTROL) {
        offer("load_output", "Load output", ControlKind::Switch);
        offer("load_control", "Load control", select(LOAD_CONTROLS));
    }
    if device.relay_mode() == Some(REMOTE) && device.carries("relay") {
        offer("relay", "Relay", ControlKind::Switch);
    }
    if let Some(max) = most(device) {
        let kind = ControlKind::Number {
            quantity: Quantity::Current,
            min: Decimal::integer(0),
            max,
            step: Decimal::new(1, 1),
        };
        offer(SET_LIMIT, "Charge current limit", kind);
        offer(LIFT_LIMIT, "Lift charge current limit", ControlKind::Button);
    }
    controls
}

fn select(list: &[(&'static str, u8)]) -> ControlKind {
    ControlKind::Select(list.iter().map(|(word, _)| Cow::Borrowed(*word)).collect())
}

fn modes(device: &VeDevice) -> Option<&'static [(&'static str, u8)]> {
    match device.family()? {
        _ if !device.has_register(MODE) => None,
        Family::Mppt | Family::Charger | Family::DcDc => Some(CHARGER_MODES),
        Family::Inverter => Some(INVERTER_MODES),
        _ => None,
    }
}

/// The largest limit that makes sense.
fn most(device: &VeDevice) -> Option<Decimal> {
    let max = device.value("charge_current_max")?.as_number()?;
    device.has_register(CHARGE_CURRENT_LIMIT).then_some(max)
}

/// A command has come to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished {
    pub id: u64,
    pub result: Result<Value, String>,
}

/// The commands of one line.
#[derive(Debug, Default)]
pub struct Controls {
    jobs: VecDeque<Job>,
    limit: Limit,
    wear: Wear,
    /// How the load output was controlled before it was switched off.
    load_before: Option<u8>,
}

impl Controls {
    /// Begins a command of the user under a number of the caller's choice. A new limit ends the one
    /// before at once, so that no repetition of that comes in between; see also
    /// [`Controls::end_limit`], which never waits.
    pub fn begin(
        &mut self,
        id: u64,
        key: &str,
        value: &Value,
        device: &VeDevice,
        now: Duration,
    ) -> Result<(), String> {
        if self.jobs.len() >= MOST {
            return Err(
                "other commands are still being carried out; try again in a moment".to_owned(),
            );
        }
        let job = self.job(id, key, value, device, now)?;
        self.jobs.push_back(job);
        Ok(())
    }

    /// Keeps up no limit any more, and ends the commands for one, but for that with the number
    /// `but`.
    pub fn end_limit(&mut self, but: Option<u64>, why: &str) -> Vec<Finished> {
        self.limit.lift();
        let is_ended = |job: &Job| job.limit.is_some() && Some(job.id) != but;
        let (ended, others) = self.jobs.drain(..).partition(is_ended);
        self.jobs = others;
        let ended: VecDeque<Job> = ended;
        ended
            .into_iter()
            .map(|job| Finished {
                id: job.id,
                result: Err(why.to_owned()),
            })
            .collect()
    }

    /// Forgets a command that nobody waits for any more, unless it has begun.
    pub fn withdraw(&mut self, id: u64) {
        self.jobs.retain(|job| job.id != id || job.is_begun);
    }

    fn job(
        &mut self,
        id: u64,
        key: &str,
        value: &Value,
        device: &VeDevice,
        now: Duration,
    ) -> Result<Job, String> {
        let job = Job::new(id, value.clone());
        match (key, value) {
            ("mode", Value::Text(word)) => {
                let mode = modes(device).and_then(|modes| number_of(modes, word));
                let mode = mode.ok_or("this device has no such mode")?;
                let mut job = job;
                if device.family() == Some(Family::Mppt) && !switches_freely(device.firmware()) {
                    let controlled = 2_u32.to_le_bytes().to_vec();
                    job = job.write([Request::Set(REMOTE_CONTROL, controlled)]);
                }
                let job = job.write([Request::Set(MODE, vec![mode])]);
                // Old firmware calls off 0.
                let other = if mode == 4 { 0 } else { i64::from(mode) };
                Ok(job.read_back(MODE, [i64::from(mode), other], !0))
            }
            ("load_control", Value::Text(word)) => {
                let mode = number_of(LOAD_CONTROLS, word).ok_or("there is no such way")?;
                self.load(mode, device, now, job)
            }
            ("load_output", Value::OnOff(on)) => {
                let present = self.present_load(device);
                let mode = match (on, present) {
                    (false, Some(mode)) if mode != 0 => {
                        self.load_before = Some(mode);
                        0
                    }
                    (false, _) => 0,
                    (true, Some(mode)) if mode != 0 => mode,
                    (true, _) => self.load_before.unwrap_or(AUTOMATIC),
                };
                let job = self.load(mode, device, now, job)?;
                Ok(job.look_at_output(*on, mode))
            }
            ("relay", Value::OnOff(on)) => {
                let otherwise = "the battery monitor minds its relay itself; set the mode of the relay to \
                                 Remote in VictronConnect";
                let job = job.only_if(RELAY_MODE, REMOTE, otherwise);
                let job = job.write([Request::Set(RELAY, vec![u8::from(*on)])]);
                Ok(job.read_back(RELAY, [i64::from(*on); 2], !0))
            }
            (SET_LIMIT, Value::Number(amperes)) => {
                let tenths = u16::try_from(amperes.with_scale(1).mantissa());
                // The largest number withdraws the limit.
                let tenths = tenths.ok().filter(|tenths| *tenths < u16::MAX);
                let tenths = tenths.ok_or("no charger has so large a current")?;
                let job = job.write(limit::writes(tenths));
                let numbers = [i64::from(tenths); 2];
                let mut job = job.read_back(CHARGE_CURRENT_LIMIT, numbers, !0);
                job.limit = Some(tenths);
                Ok(job)
            }
            _ => Err("this device has no such control".to_owned()),
        }
    }

    fn load(
        &mut self,
        mode: u8,
        device: &VeDevice,
        now: Duration,
        mut job: Job,
    ) -> Result<Job, String> {
        if self.present_load(device) != Some(mode) {
            self.wear.write(LOAD_CONTROL, now)?;
            job = job.write([Request::Set(LOAD_CONTROL, vec![mode])]);
        }
        Ok(job.read_back(LOAD_CONTROL, [i64::from(mode); 2], 0xf))
    }

    fn present_load(&self, device: &VeDevice) -> Option<u8> {
        let Value::Text(word) = device.value("load_control")? else {
            return None;
        };
        let found = words::LOAD_CONTROL
            .list
            .iter()
            .find(|(_, known)| known == word);
        found.and_then(|(number, _)| u8::try_from(*number).ok())
    }

    /// What to ask next for the command under way.
    pub fn next(&mut self, now: Duration) -> Option<Request> {
        self.jobs.front_mut()?.next(now)
    }

    /// The passing of time for the command under way.
    pub fn tick(&mut self, device: &VeDevice, now: Duration) -> Option<Finished> {
        let result = self.jobs.front_mut()?.tick(device, now)?;
        self.finish(result)
    }

    /// An answer has come to a question.
    pub fn answered(
        &mut self,
        request: &Request,
        answer: &Answer<'_>,
        device: &VeDevice,
        now: Duration,
    ) -> Option<Finished> {
        let value = answer.value()?;
        if let Request::Set(CHARGE_CURRENT_LIMIT, bytes) = request
            && value.flags.is_ok()
        {
            self.limit.confirm(bytes);
        }
        let job = self.jobs.front_mut().filter(|job| job.awaits(request))?;
        let result = job.answered(&value, device, now)?;
        self.finish(result)
    }

    /// A question stayed without an answer.
    pub fn unanswered(&mut self, request: &Request) -> Option<Finished> {
        let job = self.jobs.front().filter(|job| job.awaits(request))?;
        let result = job.unanswered();
        self.finish(result)
    }

    fn finish(&mut self, result: Result<Value, String>) -> Option<Finished> {
        let Job { id, limit, .. } = self.jobs.pop_front()?;
        let Some(tenths) = limit else {
            return Some(Finished { id, result });
        };
        if result.is_ok() {
            self.limit.set(tenths);
        }
        let result = result.map_err(|why| {
            format!("{why}. No limit is kept up now: the charger goes by its own setting within a minute")
        });
        Some(Finished { id, result })
    }

    /// Ends all commands: there is nobody to carry them out.
    pub fn abandon(&mut self, why: &str) -> Vec<Finished> {
        let abandoned = |job: Job| Finished {
            id: job.id,
            result: Err(why.to_owned()),
        };
        self.jobs.drain(..).map(abandoned).collect()
    }

    /// Keeps up a limit. `is_attended` says whether somebody is there who could lift it, `is_sure`
    /// whether the charger may be written to.
    pub fn keep_up(&mut self, at: Timestamp, is_attended: bool, is_sure: bool) -> Upkeep {
        self.limit.tick(at, is_attended, is_sure)
    }

    /// Whether there is a command to carry out or a limit to keep up.
    pub fn is_busy(&self) -> bool {
        !self.jobs.is_empty() || self.limit.is_kept()
    }

    /// Another device is there: what was set on the one before does not concern it.
    pub fn forget(&mut self) {
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
