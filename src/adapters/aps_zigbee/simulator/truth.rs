//! What is really so with the inverters, to compare with what is told of them.

use jiff::Timestamp;

use super::super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use super::super::wire::payload::LimitCode;
use super::mesh::Mesh;

/// What is really so.
#[derive(Debug, Clone, PartialEq)]
pub struct ZigbeeTruth {
    /// When.
    pub at: Timestamp,
    /// Of each inverter, in the order of the list.
    pub inverters: Vec<PanelTruth>,
}

/// What is really so with an inverter.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelTruth {
    /// Its serial number.
    pub serial: InverterSerial,
    /// Its address.
    pub address: ShortAddress,
    /// Whose network it is in.
    pub gateway: Option<EcuId>,
    /// Whether it runs.
    pub is_awake: bool,
    /// How often it has started.
    pub starts: u64,
    /// Since when it runs.
    pub started: Option<Timestamp>,
    /// What each input has produced since the simulation began, in micro-watt-hours: as its counters count.
    pub produced: Vec<u64>,
    /// What each input has produced since it started, in micro-watt-hours.
    pub of_this_run: Vec<u64>,
    /// How much each input may give.
    pub limit: LimitCode,
    /// Whether it was switched off.
    pub is_off: bool,
}

impl ZigbeeTruth {
    /// That of inverters as they are.
    pub fn of(mesh: &mut Mesh) -> Self {
        let at = mesh.at();
        let inverters = mesh.inverters().iter().map(|it| PanelTruth {
            serial: it.serial,
            address: it.address,
            gateway: it.gateway,
            is_awake: it.is_awake(),
            starts: it.count.starts(),
            started: it.count.started(),
            produced: it.count.produced(),
            of_this_run: it.count.of_this_run(),
            limit: it.limit(),
            is_off: it.is_off(),
        });
        Self {
            at,
            inverters: inverters.collect(),
        }
    }

    /// That of one of them.
    pub fn inverter(&self, serial: InverterSerial) -> Option<&PanelTruth> {
        self.inverters.iter().find(|it| it.serial == serial)
    }

    /// What all have produced since the simulation began, in micro-watt-hours.
    pub fn produced(&self) -> u64 {
        self.inverters.iter().flat_map(|it| &it.produced).sum()
    }
}
