//! What the section of a device says of it, carried out on each description that passes.
//!
//! An adapter proposes a name; the user's comes first: that for the serial number, or, for a device that
//! is behind no other one, that of the section. Nothing can be set on a device unless its section
//! allows it, whatever its adapter offers, but for what sets up the devices that the section lists.

use crate::config::DeviceKeys;
use crate::model::Device;

/// Makes of what an adapter says of a device what is shown of it.
pub fn carry_out(keys: &DeviceKeys, device: &mut Device) {
    let own = keys.name.as_ref().filter(|_| device.via.is_none());
    if let Some(name) = keys.names.get(&device.serial).or(own) {
        device.name.clone_from(name);
    }
    if keys.area.is_some() {
        device.area.clone_from(&keys.area);
    }
    if !keys.allow_control {
        device.controls.retain(|control| control.is_setup);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Control, ControlKind, DeviceId};

    fn shown(keys: &DeviceKeys, serial: &str, via: Option<&str>) -> Device {
        let mut device = Device::new("aps_ecu", serial, "Proposed", "APsystems");
        device.via = via.map(|serial| DeviceId::new("aps_ecu", serial));
        device.controls = vec![Control {
            key: "load".into(),
            name: "Load".into(),
            kind: ControlKind::Switch,
            is_setup: false,
        }];
        carry_out(keys, &mut device);
        device
    }

    #[test]
    fn names_of_the_user_come_first() {
        let keys = DeviceKeys {
            name: Some("Roof".to_owned()),
            names: [("2".to_owned(), "Garage".to_owned())].into(),
            area: Some("Attic".to_owned()),
            ..DeviceKeys::default()
        };
        let name = |serial, via| shown(&keys, serial, via).name;
        assert_eq!(name("1", None), "Roof");
        assert_eq!(name("2", Some("1")), "Garage");
        assert_eq!(name("2", None), "Garage");
        assert_eq!(name("3", Some("1")), "Proposed");
        let area = shown(&keys, "3", Some("1")).area;
        assert_eq!(area.as_deref(), Some("Attic"));
        let untold = shown(&DeviceKeys::default(), "1", None);
        assert_eq!((untold.name.as_str(), untold.area), ("Proposed", None));
    }

    #[test]
    fn nothing_can_be_set_that_the_user_has_not_allowed() {
        let mut keys = DeviceKeys::default();
        assert!(shown(&keys, "1", None).controls.is_empty());
        keys.allow_control = true;
        assert_eq!(shown(&keys, "1", None).controls.len(), 1);
    }
}
