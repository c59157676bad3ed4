//! The hand on a device at work: what a test or a program can do to it, and learn from it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::device::Device;
use super::faults::VictronFault;
use super::model::{DeviceKind, Model};
use super::settings::VictronSettings;
use super::state::{Asked, CableState, Written};
use crate::clock::Moment;
use crate::simulation::{Faults, Faulty, House};

/// The hand on a device.
#[derive(Debug)]
pub struct VictronHand {
    state: Mutex<CableState>,
    house: House,
}

impl VictronHand {
    /// The hand on a device that begins like this.
    pub fn new(settings: VictronSettings) -> Self {
        let beginning = settings.beginning();
        let VictronSettings { model, house, .. } = settings;
        let serial = settings.serial.as_deref().unwrap_or(model.serial);
        let mut device = Device::new(model, serial, beginning.clone());
        for (register, bytes) in &settings.registers {
            device.set_register(*register, bytes);
        }
        for (label, value) in &settings.labels {
            device.set_label(label, value.as_deref());
        }
        device.set_night(settings.night);
        if matches!(model.kind, DeviceKind::Solar | DeviceKind::Multi) {
            let device = device.clone();
            house.connect(move |at| device.flows(at));
        }
        let faults = Faults::new(&settings.faults);
        Self {
            state: Mutex::new(CableState::new(device, faults, beginning)),
            house,
        }
    }

    /// The state, and what moment it is.
    pub fn look(&self) -> (MutexGuard<'_, CableState>, Moment) {
        let state = self.lock();
        (state, self.house.moment())
    }

    /// The state, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, CableState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it is now.
    pub fn model(&self) -> &'static Model {
        self.lock().device.model
    }

    /// Blocks sent so far, whole or damaged.
    pub fn blocks(&self) -> u64 {
        self.lock().blocks
    }

    /// The text it would send now: label and value, block after block.
    pub fn text(&self) -> Vec<(String, String)> {
        let state = self.lock();
        let blocks = 0..state.device.model.blocks.len();
        blocks.flat_map(|block| state.device.text(block)).collect()
    }

    /// Sends this value with a label from now on, whatever is measured; `None` leaves the label out.
    /// A label that the device does not have comes at the end of its last block.
    pub fn set_label(&self, label: &str, value: Option<&str>) {
        self.lock().device.set_label(label, value);
    }

    /// Sets a register, little endian. A setting of the device has its usual effect; any other
    /// register has this value from now on.
    pub fn set_register(&self, register: u16, bytes: &[u8]) {
        self.lock().device.set_register(register, bytes);
    }

    /// The bytes of a register; `None` if it has no value.
    pub fn register(&self, register: u16) -> Option<Vec<u8>> {
        let (mut state, now) = self.look();
        state.device.advance(now);
        state.device.read(register).ok()
    }

    /// What was written to it so far.
    pub fn writes(&self) -> Vec<Written> {
        self.lock().written.clone()
    }

    /// How often it was asked something, in a way it understood or not.
    pub fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// What it was asked so far.
    pub fn heard(&self) -> Vec<Asked> {
        self.lock().heard.clone()
    }

    /// Makes it dark, or gives the sun back to the time of the day.
    pub fn night(&self, night: bool) {
        self.lock().device.set_night(night);
    }

    /// Plugs the cable into another device.
    pub fn swap(&self, model: &'static Model, serial: &str) {
        let (mut state, now) = self.look();
        state.device = Device::new(model, serial, state.beginning.clone());
        state.device.begin(now);
    }

    /// A new day begins, whatever the time.
    pub fn next_day(&self) {
        self.lock().device.next_day();
    }

    /// The user sets the yield to 0.
    pub fn reset_yield(&self) {
        self.lock().device.days.reset();
    }
}

impl Faulty for VictronHand {
    type Fault = VictronFault;

    fn change_faults(&self, change: impl FnOnce(&mut Faults<VictronFault>)) {
        change(&mut self.lock().faults);
    }
}
