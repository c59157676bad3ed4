//! Descriptions of the ECU and its inverters, from what is known of them.

use std::time::Duration;

use super::config::EcuConfig;
use super::inverter::Inverter;
use super::wire::{EcuInfo, Gateway, Group};
use super::{KIND, metrics};
use crate::model::{Device, DeviceId};

/// The ECU. `power` is the most that its inverters can deliver; `told_uploads` says whether it has ever told of its uploads to the cloud.
pub fn ecu(
    info: &EcuInfo,
    config: &EcuConfig,
    power: u32,
    told_uploads: bool,
    patience: Duration,
) -> Device {
    let serial = info.ecu.to_string();
    let gateway = Gateway::of(&info.ecu);
    let product = gateway.map_or("ECU", |gateway| gateway.name);
    let name = format!("{product} {}", tail(&serial));
    let mut device = Device::new(KIND, serial, name, "APsystems");
    device.model = Some(product.to_owned());
    device.firmware = Some(info.firmware.clone()).filter(|firmware| !firmware.is_empty());
    if gateway.is_some_and(|gateway| gateway.local_http) {
        device.url = Some(format!("http://{}/", config.host));
    }
    device.rated_power = Some(config.max_power.unwrap_or(power));
    device.patience = Some(patience);
    device.metrics = metrics::ECU.to_vec();
    // The small products never tell; an entity that is unknown for ever is only in the way.
    let tells = info.group != Group::G11 || info.last_upload.is_some();
    if !tells && !told_uploads {
        device.metrics.retain(|metric| metric.key != "last_upload");
    }
    device
}

/// An inverter behind this ECU.
pub fn inverter(uid: &str, known: &Inverter, ecu: &DeviceId, patience: Duration) -> Device {
    let name = format!("{} {}", known.product, tail(uid));
    let mut device = Device::new(KIND, uid, name, "APsystems");
    device.model = Some(known.product.clone());
    device.via = Some(ecu.clone());
    device.rated_power = Some(known.power_w());
    device.patience = Some(patience);
    device.metrics = known.metrics();
    device
}

/// The end of a serial number, by which people tell devices apart.
fn tail(serial: &str) -> &str {
    let start = serial.len().saturating_sub(4);
    serial.get(start..).unwrap_or(serial)
}
