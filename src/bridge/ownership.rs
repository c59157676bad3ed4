//! Devices that several sources reach, such as by the wired and the wireless address of one gateway,
//! or after an inverter was moved to another gateway.
//!
//! One source holds each device. What the others say of it waits here, because adapters describe a
//! device once only, and is put in place when the holder has lost the device.

use std::collections::BTreeMap;
use std::time::Duration;

use super::entry::DeviceEntry;
use crate::model::{Device, DeviceId, Health, HealthCode, Report};

/// A holder that has been without values for so long no longer reaches the device.
const LAPSE: Duration = Duration::from_secs(15 * 60);
/// So many reports of another source without one of the holder, as some devices are asked rarely.
const REPORTS: u32 = 3;
/// So many live reports of another source while the device sleeps for its holder. One may be left
/// from before: two sources hear of the same dusk at different moments.
const LIVE_REPORTS: u32 = 3;

/// What sources say of devices that another source holds.
#[derive(Debug, Default)]
pub struct Ownership(BTreeMap<(DeviceId, usize), Rival>);

#[derive(Debug, Default)]
struct Rival {
    /// The latest description; `None` when the source has lost the device too.
    device: Option<Device>,
    health: Option<Health>,
    /// Reports with values since the holder's last one.
    reports: u32,
    /// Reports in a row with live values, while the holder says that the device sleeps.
    live: u32,
}

impl Ownership {
    /// Keeps what is not taken now. True if this source is heard of this device for the first time.
    pub fn keep(&mut self, id: &DeviceId, source: usize, report: Report) -> bool {
        let key = (id.clone(), source);
        let is_first = !self.0.contains_key(&key);
        let rival = self.0.entry(key).or_default();
        match report {
            Report::Device(device) => rival.device = Some(*device),
            Report::Gone(_) => rival.lose(),
            Report::Health(_, health) | Report::Absent(_, health) => rival.health = Some(health),
            Report::Readings(_)
            | Report::Late(_)
            | Report::Days(_)
            | Report::Source(_)
            | Report::Complete(_) => {}
        }
        is_first
    }

    /// Whether `source`, which reports values of a device that another one holds, has it now. `now`
    /// is by the monotonic clock.
    pub fn passes(&mut self, source: usize, entry: &DeviceEntry, now: Duration) -> bool {
        let key = (entry.device.id.clone(), source);
        let Some(rival) = self.0.get_mut(&key).filter(|rival| rival.device.is_some()) else {
            return false;
        };
        rival.reports = rival.reports.saturating_add(1);
        let health = entry.state.health.code;
        let is_lost = !health.has_data() && health != HealthCode::Starting;
        let is_quiet = entry
            .heard
            .is_none_or(|heard| now.saturating_sub(heard) >= LAPSE);
        let is_live = rival
            .health
            .as_ref()
            .is_some_and(|it| it.code == HealthCode::Online);
        let sleeps = health == HealthCode::Asleep;
        rival.live = if is_live && sleeps { rival.live + 1 } else { 0 };
        is_lost || (is_quiet && rival.reports >= REPORTS) || rival.live >= LIVE_REPORTS
    }

    /// The holder has values.
    pub fn holder_reports(&mut self, id: &DeviceId) {
        for ((_, _), rival) in self.0.iter_mut().filter(|((of, _), _)| of == id) {
            rival.reports = 0;
        }
    }

    /// What a source has said of a device, for the moment when it becomes the holder.
    pub fn release(&mut self, id: &DeviceId, source: usize) -> Option<(Device, Health)> {
        let rival = self.0.get_mut(&(id.clone(), source))?;
        let health = rival.health.take().unwrap_or(Health::ONLINE);
        let device = rival.device.take()?;
        rival.lose();
        Some((device, health))
    }

    /// The source has lost the device, or holds it.
    pub fn forget(&mut self, id: &DeviceId, source: usize) {
        if let Some(rival) = self.0.get_mut(&(id.clone(), source)) {
            rival.lose();
        }
    }
}

impl Rival {
    /// The rival itself stays, so that the same words are not said again.
    fn lose(&mut self) {
        *self = Self::default();
    }
}
