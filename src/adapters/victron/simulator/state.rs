//! The device at a cable, and what it was asked and told there.

use std::time::Duration;

use super::super::wire::hex::{Flags, Request};
use super::device::Device;
use super::faults::VictronFault;
use super::model::Model;
use super::settings::Beginning;
use crate::simulation::Faults;

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
pub struct Asked {
    /// When, since the start.
    pub at: Duration,
    /// What; `None` for bytes that are no question.
    pub request: Option<Request>,
}

/// A device at work.
#[derive(Debug)]
pub struct CableState {
    pub device: Device,
    /// The one that is not at the cable.
    pub spare: Option<Device>,
    pub faults: Faults<VictronFault>,
    pub blocks: u64,
    pub requests: u64,
    pub heard: Vec<Asked>,
    pub written: Vec<Written>,
    pub beginning: Beginning,
}

impl CableState {
    pub const fn new(device: Device, faults: Faults<VictronFault>, beginning: Beginning) -> Self {
        Self {
            device,
            spare: None,
            faults,
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
        self.heard.push(Asked { at, request });
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
            Some(Device::new(model, model.serial, self.beginning.clone()))
        });
        if let Some(spare) = spare {
            self.spare = Some(std::mem::replace(&mut self.device, spare));
        }
    }
}
