//! What is simulated, and how.

use std::time::Duration;

use super::super::wire::ids::EcuId;
use super::faults::ZigbeeFault;
use super::identity::SimFirmware;
use super::kinds::ListedInverter;
use super::script::StickScript;
use crate::simulation::FaultRule;

/// The id of the gateway if nothing else is said.
pub const USUAL_GATEWAY: &str = "D8A3011B9780";

/// A stick and its inverters.
#[derive(Debug, Clone)]
pub struct StickSettings {
    /// The inverters.
    pub inverters: Vec<ListedInverter>,
    /// The gateway that they are in the network of from the beginning; `None` if they were never paired.
    pub paired: Option<EcuId>,
    /// What the stick runs.
    pub firmware: SimFirmware,
    /// How long it takes to start anew. It hears nothing then.
    pub reset_takes: Duration,
    /// How long its network takes to start.
    pub start_takes: Duration,
    /// Whether it keeps to what is told of such sticks: messages to members are refused before normal operation was
    /// announced, pairing after that.
    pub is_strict: bool,
    /// What it says instead of what it would say.
    pub script: StickScript,
    /// What goes wrong.
    pub faults: Vec<FaultRule<ZigbeeFault>>,
}

impl StickSettings {
    /// A stick that works well, with inverters that are paired with this gateway, or with none.
    pub fn new(inverters: Vec<ListedInverter>, paired: Option<EcuId>) -> Self {
        Self {
            inverters,
            paired,
            firmware: SimFirmware::Modified,
            reset_takes: Duration::from_millis(1200),
            start_takes: Duration::from_millis(2500),
            is_strict: true,
            script: StickScript::default(),
            faults: Vec::new(),
        }
    }
}
