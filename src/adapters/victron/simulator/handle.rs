//! A hand on a running device: what a test or a program can do to it, and learn from it.

use std::io;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::device::Device;
use super::faults::{FaultRule, Rules};
use super::line::SimLine;
use super::model::Model;
use super::settings::Settings;
use super::state::{Heard, Shared, State, Written};
use crate::simulation::{Place, SimPort};

/// A running device.
#[derive(Debug)]
pub struct Simulator {
    address: String,
    shared: Arc<Shared>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Simulator {
    /// Starts a device at a place.
    ///
    /// # Errors
    /// If the port cannot be made there.
    pub async fn start(settings: Settings, place: Place) -> io::Result<Self> {
        let sim_port = SimPort::open(&place).await?;
        let address = sim_port.address();
        let beginning = settings.beginning();
        let serial = settings.serial.as_deref();
        let serial = serial.unwrap_or(settings.model.serial);
        let mut device = Device::new(settings.model, serial, beginning);
        for (register, bytes) in &settings.registers {
            device.set_register(*register, bytes);
        }
        for (label, value) in &settings.labels {
            device.set_label(label, value.as_deref());
        }
        device.surround(settings.surroundings);
        device.set_night(settings.night);
        let mut rules = Rules::default();
        settings.faults.iter().for_each(|rule| rules.add(*rule));
        let shared = Arc::new(Shared::new(State::new(device, rules, beginning)));
        let stop = CancellationToken::new();
        let line = SimLine::new(settings.pace, sim_port, Arc::clone(&shared));
        let task = tokio::spawn(line.run(stop.clone()));
        Ok(Self {
            address,
            shared,
            stop,
            task,
        })
    }

    /// The `port` to configure: the path, or `tcp://` and address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it is now.
    pub fn model(&self) -> &'static Model {
        self.shared.lock().device.model
    }

    /// Blocks sent so far, whole or damaged.
    pub fn blocks(&self) -> u64 {
        self.shared.lock().blocks
    }

    /// The text it would send now: label and value, block after block.
    pub fn text(&self) -> Vec<(String, String)> {
        let state = self.shared.lock();
        let blocks = 0..state.device.model.blocks.len();
        blocks.flat_map(|block| state.device.text(block)).collect()
    }

    /// Sends this value with a label from now on, whatever is measured; `None` leaves the label out.
    /// A label that the device does not have comes at the end of its last block.
    pub fn set_label(&self, label: &str, value: Option<&str>) {
        self.shared.lock().device.set_label(label, value);
    }

    /// Sets a register, little endian. A setting of the device has its usual effect; any other
    /// register has this value from now on.
    pub fn set_register(&self, register: u16, bytes: &[u8]) {
        self.shared.lock().device.set_register(register, bytes);
    }

    /// The bytes of a register; `None` if it has no value.
    pub fn register(&self, register: u16) -> Option<Vec<u8>> {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        state.device.advance(now);
        state.device.read(register).ok()
    }

    /// What was written to it so far.
    pub fn writes(&self) -> Vec<Written> {
        self.shared.lock().written.clone()
    }

    /// How often it was asked something, in a way it understood or not.
    pub fn requests(&self) -> u64 {
        self.shared.lock().requests
    }

    /// What it was asked so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.lock().heard.clone()
    }

    /// Plugs the cable in again.
    pub fn plug(&self) {
        self.set_plugged(true);
    }

    /// Pulls the cable. Over TCP all connections are closed.
    pub fn unplug(&self) {
        self.set_plugged(false);
    }

    fn set_plugged(&self, plugged: bool) {
        self.shared.lock().plugged = plugged;
        self.shared.plugging.notify_one();
    }

    /// Makes it dark, or gives the sun back to the time of the day.
    pub fn night(&self, night: bool) {
        self.shared.lock().device.set_night(night);
    }

    /// Plugs the cable into another device.
    pub fn swap(&self, model: &'static Model, serial: &str) {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        state.device = Device::new(model, serial, state.beginning);
        state.device.begin(now);
    }

    /// A new day begins, whatever the time.
    pub fn next_day(&self) {
        self.shared.lock().device.next_day();
    }

    /// The user sets the yield to 0.
    pub fn reset_yield(&self) {
        self.shared.lock().device.days.reset();
    }

    /// Something goes wrong from now on.
    pub fn fault(&self, rule: FaultRule) {
        self.shared.lock().rules.add(rule);
    }

    /// Replaces everything that goes wrong.
    pub fn set_faults(&self, rules: &[FaultRule]) {
        let mut state = self.shared.lock();
        state.rules.clear();
        rules.iter().for_each(|rule| state.rules.add(*rule));
    }

    /// Stops the device and takes the port away.
    pub async fn stop(self) {
        self.stop.cancel();
        // A task that has crashed has stopped, too.
        let _ = self.task.await;
    }
}
