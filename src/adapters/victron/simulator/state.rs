//! What a running device and the hand on it share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::wire::hex::{Flags, Request};
use super::device::Device;
use super::faults::Rules;
use super::model::Model;
use super::settings::Beginning;

/// Questions and writes that are kept to be asked for; the oldest go first.
const KEPT: usize = 10_000;

/// A value that was written to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// When, since the start.
    pub at: Duration,
    /// Where to.
    pub register: u16,
    /// What.
    pub value: Vec<u8>,
    /// What the device had against it.
    pub flags: Flags,
}

/// Something that a device was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When, since the start.
    pub at: Duration,
    /// What; `None` for bytes that are no question.
    pub request: Option<Request>,
}

/// What the running device and its handle share.
#[derive(Debug)]
pub struct Shared {
    state: Mutex<State>,
    /// The cable was plugged in or out.
    pub plugging: Notify,
    begun: Instant,
}

#[derive(Debug)]
pub struct State {
    pub device: Device,
    /// The one that is not at the cable.
    pub spare: Option<Device>,
    pub rules: Rules,
    pub plugged: bool,
    pub blocks: u64,
    pub requests: u64,
    pub heard: Vec<Heard>,
    pub written: Vec<Written>,
    pub beginning: Beginning,
}

impl Shared {
    pub fn new(state: State) -> Self {
        Self {
            state: Mutex::new(state),
            plugging: Notify::new(),
            begun: Instant::now(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }
}

impl State {
    pub const fn new(device: Device, rules: Rules, beginning: Beginning) -> Self {
        Self {
            device,
            spare: None,
            rules,
            plugged: true,
            blocks: 0,
            requests: 0,
            heard: Vec::new(),
            written: Vec::new(),
            beginning,
        }
    }

    pub fn hear(&mut self, at: Duration, request: Option<Request>) {
        self.requests += 1;
        if self.heard.len() >= KEPT {
            self.heard.remove(0);
        }
        self.heard.push(Heard { at, request });
    }

    pub fn write(&mut self, written: Written) {
        if self.written.len() >= KEPT {
            self.written.remove(0);
        }
        self.written.push(written);
    }

    /// Another device at the cable, and back the next time.
    pub fn swap(&mut self) {
        let present = self.device.model.name;
        let other = if present == "bmv-700" {
            "mppt-75-15"
        } else {
            "bmv-700"
        };
        let spare = self.spare.take().or_else(|| {
            let model = Model::named(other)?;
            Some(Device::new(model, model.serial, self.beginning))
        });
        if let Some(spare) = spare {
            self.spare = Some(std::mem::replace(&mut self.device, spare));
        }
    }
}
