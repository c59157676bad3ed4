//! Who asks about the past, what devices are called, and what is wrong with a question.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;

use crate::config::Language;
use crate::history::{HOUSE, HistoryError, HistoryReader, SeriesKey, house_id};
use crate::model::{Device, DeviceId, Sentence};
use crate::roof::{RoofLayout, RoofPanel, panels_of};
use crate::web::access::Visitor;
use crate::web::discretion::{Discretion, Rank};
use crate::web::key::WebKey;
use crate::web::reply::WebRefusal;
use crate::web::site::Site;

/// Series in one question.
const MOST_SERIES: usize = 300;
/// Letters of a key.
const LONGEST_KEY: usize = 100;

/// What all questions about the past are answered with.
#[derive(Debug)]
pub struct HistoryDesk {
    /// The history.
    pub reader: HistoryReader,
    devices: BTreeMap<DeviceId, Arc<Device>>,
    panels: Vec<RoofPanel>,
    layout: RoofLayout,
    key: WebKey,
    discretion: Discretion,
    rank: Rank,
}

impl HistoryDesk {
    /// For somebody who asks.
    pub fn open(site: &Site, visitor: &Visitor) -> Result<Self, WebRefusal> {
        let inside = site.inside().ok_or_else(WebRefusal::asleep)?;
        let (devices, discretion) = site.board.look(|board| {
            let devices = board.rows.iter().map(|row| Arc::clone(&row.device));
            (devices.collect::<Vec<_>>(), board.discretion.clone())
        });
        let panels = panels_of(devices.iter().map(AsRef::as_ref));
        let layout = site.roof.layout(&inside.memory, &panels);
        let devices = devices.into_iter().map(|it| (it.id.clone(), it));
        Ok(Self {
            reader: inside.history.reader(),
            devices: devices.collect(),
            panels,
            layout,
            key: site.front().key.clone(),
            discretion,
            rank: visitor.rank,
        })
    }

    /// The device of this name: one that is there, or was.
    pub async fn device(&self, reference: &str) -> Result<DeviceId, WebRefusal> {
        if reference == HOUSE {
            return Ok(house_id());
        }
        let is_it = |id: &&DeviceId| self.key.reference(id) == reference;
        if let Some(id) = self.devices.keys().find(is_it) {
            return Ok(id.clone());
        }
        let series = self.reader.series().await.map_err(refusal)?;
        let found = series.iter().map(|it| &it.series.device).find(is_it);
        found
            .cloned()
            .ok_or_else(|| WebRefusal::not_found("there is no such device"))
    }

    /// Series as they are named in questions: `REF/KEY,REF/KEY`.
    pub async fn series(&self, names: &str) -> Result<Vec<SeriesKey>, WebRefusal> {
        let mut known: BTreeMap<&str, DeviceId> = BTreeMap::new();
        let mut series = Vec::new();
        for name in names.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let (reference, key) = name.split_once('/').unwrap_or_default();
            if series.len() == MOST_SERIES || key.is_empty() || key.len() > LONGEST_KEY {
                return Err(WebRefusal::bad(
                    "these are not names of values",
                    "write series=REF/KEY,REF/KEY with the `ref` of a device and the key of a value",
                ));
            }
            let device = match known.get(reference) {
                Some(device) => device.clone(),
                None => self.device(reference).await?,
            };
            known.insert(reference, device.clone());
            series.push(SeriesKey::new(&device, key));
        }
        Ok(series)
    }

    /// What a device is called in the API.
    pub fn reference(&self, id: &DeviceId) -> String {
        if id.as_str() == HOUSE {
            return HOUSE.to_owned();
        }
        self.key.reference(id)
    }

    /// What a person calls a device; `said` is what the history knows.
    pub fn device_name(&self, id: &DeviceId, said: &str) -> String {
        match self.devices.get(id) {
            Some(device) => self.discretion.text(&device.name, self.rank).into_owned(),
            None if self.rank >= Rank::Admin => said.to_owned(),
            None => without_serial(said, id),
        }
    }

    /// A text as the one who asks may read it.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.discretion.text(text, self.rank)
    }

    /// A sentence as the one who asks may read it.
    pub fn say(&self, sentence: &Sentence) -> String {
        self.discretion.say(sentence, self.rank)
    }

    /// The language of the house.
    pub const fn language(&self) -> Language {
        self.discretion.language
    }

    /// The panel whose energy or power this is, with what it is called.
    pub fn panel(&self, series: &SeriesKey) -> Option<(&RoofPanel, String)> {
        let panel = self.panels.iter().find(|panel| {
            let stem = panel
                .place
                .key
                .strip_suffix("power")
                .unwrap_or(&panel.place.key);
            let rest = series.key.strip_prefix(stem).unwrap_or_default();
            let is_its = rest == "power" || rest.starts_with("energy");
            panel.place.device == series.device && is_its
        })?;
        Some((panel, self.panel_title(panel)))
    }

    /// What a panel is called.
    pub fn panel_title(&self, panel: &RoofPanel) -> String {
        let laid = self.layout.panels().find(|laid| laid.is(panel));
        let named = laid
            .map(|laid| laid.name.as_str())
            .filter(|name| !name.is_empty());
        self.text(named.unwrap_or(&panel.name)).into_owned()
    }

    /// All panels of the house.
    pub fn panels(&self) -> &[RoofPanel] {
        &self.panels
    }

    /// Where they lie.
    pub const fn layout(&self) -> &RoofLayout {
        &self.layout
    }
}

/// Why the history does not answer, in words.
pub fn refusal(error: HistoryError) -> WebRefusal {
    match error {
        HistoryError::Off => WebRefusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "there is no history",
            "write enabled = true into [history] of the configuration; if it is there, the log says what is wrong with its file",
        ),
        HistoryError::TooMuch => too_much(),
        HistoryError::Stopping => WebRefusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "wattbridge is stopping",
            "try again when it is back",
        )
        .after(10),
        error => {
            // Where the file lies is for those who read the log.
            tracing::warn!("The page cannot read the history: {error}");
            WebRefusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the history cannot be read",
                "the log says why",
            )
        }
    }
}

/// More than one answer holds.
pub fn too_much() -> WebRefusal {
    WebRefusal::bad(
        "that is too much at once",
        "ask for fewer days or fewer values, or for hours instead of five minutes: step=3600",
    )
}

/// The name of a device that is gone, without its serial number, which stands at the end of its id.
fn without_serial(name: &str, id: &DeviceId) -> String {
    /// Characters that are left of one, as of devices that are there.
    const LEFT: usize = 4;
    let parts = id.as_str().match_indices('_');
    let serials = parts.filter_map(|(at, _)| id.as_str().get(at + 1..));
    let mut shown = name.to_owned();
    for serial in serials.filter(|serial| serial.len() > LEFT) {
        // Ids are small letters and digits; the name has them as they are printed.
        while let Some(at) = shown.to_ascii_lowercase().find(serial) {
            let left = shown.get(at + serial.len() - LEFT..at + serial.len());
            let left = format!("…{}", left.unwrap_or_default());
            shown.replace_range(at..at + serial.len(), &left);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_device_that_is_gone_hides_its_serial_number() {
        let id = DeviceId::new("smart_meter", "7F190FF7");
        assert_eq!(without_serial("Inverter 7F190FF7", &id), "Inverter …0FF7");
        assert_eq!(without_serial("Garage", &id), "Garage");
        let id = DeviceId::new("text", "pump");
        assert_eq!(without_serial("Pump pump", &id), "Pump pump");
        let id = DeviceId::new("aps_ecu", "216000000001");
        assert_eq!(
            without_serial("216000000001 ä 216000000001", &id),
            "…0001 ä …0001"
        );
    }
}
