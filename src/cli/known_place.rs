//! Where the house is, for sections that want to know it and do not say.

use crate::addon::HousePlace;
use crate::config::{PlaceSettings, Section};
use crate::device::Adapter;

/// In messages, before the name of a key.
const HOME_ASSISTANT: &str = "the settings of Home Assistant:";

/// Where the house is, and who says so.
pub struct KnownPlace {
    keys: [(&'static str, f64); 2],
    from: &'static str,
}

impl KnownPlace {
    pub fn of(settings: Option<&PlaceSettings>, place: Option<&HousePlace>) -> Option<Self> {
        let own = settings.and_then(PlaceSettings::keys);
        let own = own.map(|keys| Self {
            keys,
            from: "[place]",
        });
        own.or_else(|| {
            let place = place?;
            Some(Self {
                keys: [("latitude", place.latitude), ("longitude", place.longitude)],
                from: HOME_ASSISTANT,
            })
        })
    }

    /// A section with the place, if its devices want to know it and it says none itself; and whether it is Home
    /// Assistant that knows it.
    pub fn complete(&self, adapter: &dyn Adapter, section: &Section) -> Option<(Section, bool)> {
        let completed = section.completed(&adapter.page().schema, &self.keys, self.from)?;
        Some((completed, self.from == HOME_ASSISTANT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::setup::Configured;
    use crate::config::File;

    /// What is of interest of a section that wants the place.
    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    struct Placed {
        port: String,
        inverters: Vec<String>,
        latitude: Option<f64>,
        longitude: Option<f64>,
    }

    impl crate::config::Settings for Placed {
        fn check(&self) -> Vec<crate::config::Complaint> {
            Vec::new()
        }
    }

    #[test]
    fn sections_that_want_the_place_of_the_house_get_it_where_they_say_none() {
        let stick = "[[aps_zigbee]]\nport = \"/dev/ttyUSB0\"\ninverters = [\"408000990001\"]\n";
        let place = HousePlace {
            latitude: 47.25,
            longitude: 11.5,
            time_zone: None,
        };
        let home = "[place]\nlatitude = 52.75\nlongitude = 13.25\n";
        let own = format!("{stick}latitude = -33.5\nlongitude = 151.25\n");
        let seen = |text: &str, place: Option<&HousePlace>| {
            let file = File::parse(text, "wattbridge.toml").unwrap();
            let known = KnownPlace::of(file.settings("place").ok().as_ref(), place);
            let adapter = crate::adapters::find("aps_zigbee").unwrap();
            let section = adapter.sections(&file).remove(0);
            let completed = known.and_then(|known| known.complete(adapter, &section));
            let (section, _) = completed.unwrap_or((section, false));
            let configured = Configured::from_file(&file, place).unwrap();
            let latitude = section.read::<Placed>().unwrap().latitude;
            assert_eq!(configured.placed == 1, latitude == Some(47.25));
            latitude
        };
        assert_eq!(seen(stick, None), None);
        assert_eq!(seen(stick, Some(&place)), Some(47.25));
        assert_eq!(seen(&format!("{home}{stick}"), Some(&place)), Some(52.75));
        assert_eq!(seen(&format!("{home}{own}"), Some(&place)), Some(-33.5));
        // Half a place stays the mistake that it is, and other adapters want none.
        let half = File::parse(&format!("{stick}latitude = 48.2\n"), "wattbridge.toml").unwrap();
        assert_eq!(
            Configured::from_file(&half, Some(&place)).unwrap().refused,
            1
        );
        let ecu = File::parse("[[aps_ecu]]\nhost = \"192.0.2.1\"\n", "wattbridge.toml").unwrap();
        assert_eq!(
            Configured::from_file(&ecu, Some(&place))
                .unwrap()
                .sources
                .len(),
            1
        );
    }
}
