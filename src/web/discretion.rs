//! How texts are told: in the language of the house, and to guests without serial numbers, wherever they stand.

use std::borrow::Cow;

use crate::config::Language;
use crate::model::{Device, Sentence};

/// Shorter ones are parts of ordinary words and numbers.
const SHORTEST: usize = 5;
/// Characters that are left of one.
const LEFT: usize = 4;

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Nobody who may look.
    Stranger,
    /// May look, but not at everything.
    Guest,
    /// May see and do everything.
    Admin,
}

impl Rank {
    /// As the API calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stranger => "none",
            Self::Guest => "guest",
            Self::Admin => "admin",
        }
    }
}

/// All serial numbers of the house.
#[derive(Debug, Clone, Default)]
pub struct Discretion {
    /// Longest first, since one may be part of another.
    serials: Vec<String>,
    /// What is spoken in the house.
    pub language: Language,
}

impl Discretion {
    /// Those of these devices.
    pub fn of<'a>(devices: impl Iterator<Item = &'a Device>, language: Language) -> Self {
        let mut serials: Vec<String> = devices
            .flat_map(|device| {
                let id = device.id.as_str();
                let in_id = id
                    .strip_prefix(&format!("{}_", device.adapter))
                    .unwrap_or(id);
                [device.serial.clone(), in_id.to_owned()]
            })
            .map(|serial| serial.to_ascii_lowercase())
            .filter(|serial| serial.chars().count() >= SHORTEST)
            .collect();
        serials.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        serials.dedup();
        Self { serials, language }
    }

    /// A sentence as somebody of this rank may read it.
    pub fn say(&self, sentence: &Sentence, rank: Rank) -> String {
        let text = self.language.say(sentence);
        self.text(&text, rank).into_owned()
    }

    /// A text as somebody of this rank may read it.
    pub fn text<'t>(&self, text: &'t str, rank: Rank) -> Cow<'t, str> {
        let mut shown = Cow::Borrowed(text);
        if rank >= Rank::Admin {
            return shown;
        }
        for serial in &self.serials {
            // However its letters are written.
            while let Some(at) = shown.to_ascii_lowercase().find(serial.as_str()) {
                let there = at..at + serial.len();
                let Some(text) = shown.get(there.clone()) else {
                    break;
                };
                let left = text.char_indices().rev().nth(LEFT - 1);
                let left = left.and_then(|(at, _)| text.get(at..)).unwrap_or_default();
                let short = format!("…{left}");
                shown.to_mut().replace_range(there, &short);
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_read_the_last_four_characters_of_a_serial_number() {
        let devices = [
            Device::new("aps_ecu", "216000000001", "Roof", "APsystems"),
            Device::new("smart_meter", "1KFM02-001", "Meter", "Kaifa"),
            Device::new("text", "pump", "Pump", "x"),
        ];
        let discretion = Discretion::of(devices.iter(), Language::En);
        let text = "pump 216000000001 and 1KFm02-001, smart_meter_1kfm02_001";
        assert_eq!(
            discretion.text(text, Rank::Guest),
            "pump …0001 and …-001, smart_meter_…_001"
        );
        assert_eq!(discretion.text(text, Rank::Admin), text);
    }
}
