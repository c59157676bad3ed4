//! Where the house is. Home Assistant knows; the answer is kept for the next start.

use std::io;
use std::path::Path;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::config::{FileKind, read_small_file};
use crate::whole_file::{self, Rights};

/// In the folder that only the app sees.
const FILE: &str = "place.json";
const LARGEST: u64 = 4 * 1024;
/// Longer than the name of any time zone.
const LONGEST_ZONE: usize = 64;

/// Where the house is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HousePlace {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// The name of its time zone, as in `Europe/Berlin`.
    pub time_zone: Option<String>,
}

impl HousePlace {
    /// From the configuration of Home Assistant.
    pub fn of(config: &Json) -> Option<Self> {
        let number = |key: &str| config.get(key).and_then(Json::as_f64);
        Self {
            latitude: number("latitude")?,
            longitude: number("longitude")?,
            time_zone: config
                .get("time_zone")
                .and_then(Json::as_str)
                .filter(|zone| zone.len() <= LONGEST_ZONE)
                .map(str::to_owned),
        }
        .checked()
    }

    /// Nothing that is on no map, and not the place that Home Assistant has before anybody has chosen one.
    fn checked(self) -> Option<Self> {
        let exists = self.latitude.abs() <= 90.0 && self.longitude.abs() <= 180.0;
        let is_chosen = self.latitude != 0.0 || self.longitude != 0.0;
        (exists && is_chosen).then_some(self)
    }

    /// The time zone, if it is one.
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(self.time_zone.as_deref()?).ok()
    }
}

/// Keeps it; the same again is not written.
pub fn keep(folder: &Path, place: &HousePlace) -> io::Result<()> {
    if kept(folder).as_ref() == Some(place) {
        return Ok(());
    }
    let content = serde_json::to_vec(place)?;
    whole_file::replace(&folder.join(FILE), &content, Rights::Owner)
}

/// What was kept.
pub fn kept(folder: &Path) -> Option<HousePlace> {
    let bytes = read_small_file(&folder.join(FILE), LARGEST, FileKind::File).ok()?;
    let place: HousePlace = serde_json::from_slice(&bytes).ok()?;
    place.checked()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_is_one_on_the_map_that_somebody_has_chosen() {
        let place = HousePlace::of(&json!({
            "latitude": 48.2, "longitude": 16.37, "elevation": 171, "time_zone": "Europe/Vienna", "version": "2026.11.0",
        }))
        .unwrap();
        assert_eq!((place.latitude, place.longitude), (48.2, 16.37));
        assert_eq!(place.zone().unwrap().iana_name(), Some("Europe/Vienna"));
        for wrong in [
            json!({}),
            json!({"latitude": 0, "longitude": 0.0}),
            json!({"latitude": 91, "longitude": 16}),
            json!({"latitude": "48", "longitude": 16}),
            json!([]),
        ] {
            assert_eq!(HousePlace::of(&wrong), None, "{wrong}");
        }
        let long = json!({"latitude": 48, "longitude": 16, "time_zone": "x".repeat(5000)});
        assert_eq!(HousePlace::of(&long).unwrap().time_zone, None);
        let nowhere = json!({"latitude": 48, "longitude": 16, "time_zone": "Middle/Earth"});
        assert_eq!(HousePlace::of(&nowhere).unwrap().zone(), None);
    }

    #[test]
    fn it_is_kept_until_there_is_another() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kept(folder.path()), None);
        let mut place = HousePlace {
            latitude: 48.2,
            longitude: 16.37,
            time_zone: None,
        };
        for _ in 0..2 {
            keep(folder.path(), &place).unwrap();
            assert_eq!(kept(folder.path()).as_ref(), Some(&place));
            place.longitude += 1.0;
        }
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(kept(folder.path()), None);
    }
}
