//! A value of a device, as sections name it.

use crate::model::DeviceId;

/// `aps_ecu_216000000001/power`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomoticzValue<'s> {
    /// The device.
    pub device: DeviceId,
    /// The key of the value.
    pub key: &'s str,
}

impl<'s> DomoticzValue<'s> {
    /// Reads `"device/key"`.
    pub fn read(name: &'s str) -> Option<Self> {
        let (device, key) = name.split_once('/')?;
        let is_key = !key.is_empty() && !key.contains('/');
        Some(Self {
            device: device_id(device)?,
            key: Some(key).filter(|_| is_key)?,
        })
    }
}

/// The id that somebody wrote down.
pub fn device_id(name: &str) -> Option<DeviceId> {
    let (adapter, rest) = name.split_once('_')?;
    let is_there = !adapter.is_empty() && !rest.is_empty();
    is_there.then(|| DeviceId::new(adapter, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_device_and_a_key() {
        let part = DomoticzValue::read("aps_ecu_216000000001/power").unwrap();
        assert_eq!(part.device, DeviceId::new("aps_ecu", "216000000001"));
        assert_eq!(part.key, "power");
        for wrong in ["power", "aps/power", "aps_ecu_1/", "/power", "a_b/c/d", ""] {
            assert_eq!(DomoticzValue::read(wrong), None, "{wrong}");
        }
    }
}
