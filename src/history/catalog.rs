//! All series, by their places in memory.

use std::collections::HashMap;

use super::day::DaySoFar;
use super::series::{SeriesAbout, SeriesKey, is_kept};
use crate::config::fits;
use crate::model::{Behavior, Device, DeviceId, Role};

/// One series.
#[derive(Debug)]
pub struct Series {
    pub key: SeriesKey,
    pub about: SeriesAbout,
    /// Its number in the file, if it is there.
    pub id: Option<i64>,
    /// The decimals that its values have in the file.
    pub filed_decimals: u8,
    /// Whether what it is has not been written.
    pub is_unsaved: bool,
    /// The latest day, if it has been written slot by slot.
    pub day: Option<DaySoFar>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Catalog {
    all: Vec<Series>,
    places: HashMap<DeviceId, HashMap<String, usize>>,
    /// Which states are watched, with the last word of each.
    words: HashMap<DeviceId, HashMap<String, Option<String>>>,
    /// As `device/key`, with stars.
    also: Vec<String>,
}

impl Catalog {
    /// No series yet. `also` are those that are kept beside the usual ones, as `device/key`.
    pub fn new(also: &[String]) -> Self {
        Self {
            also: also.to_vec(),
            ..Self::default()
        }
    }

    /// Those of a file.
    pub fn fill(&mut self, filed: Vec<(i64, SeriesKey, SeriesAbout)>) {
        for (id, key, about) in filed {
            let filed = about.decimals;
            let place = match self.place(&key.device, &key.key) {
                Some(place) => place,
                None => self.add(key, about),
            };
            if let Some(series) = self.all.get_mut(place) {
                series.id = Some(id);
                series.filed_decimals = filed;
                series.about.decimals = series.about.decimals.max(filed);
            }
        }
    }

    /// The file is another one, which knows nothing.
    pub fn forget_file(&mut self) {
        for series in &mut self.all {
            series.id = None;
            series.is_unsaved = true;
            series.day = None;
            series.filed_decimals = series.about.decimals;
        }
    }

    /// What was written slot by slot may not be what is in the file.
    pub fn forget_days(&mut self) {
        for series in &mut self.all {
            series.day = None;
        }
    }

    /// What all series are, by their places.
    pub fn known(&self) -> Vec<(SeriesKey, SeriesAbout)> {
        let all = self.all.iter();
        all.map(|it| (it.key.clone(), it.about.clone())).collect()
    }

    /// The place of a series.
    pub fn place(&self, device: &DeviceId, key: &str) -> Option<usize> {
        self.places.get(device)?.get(key).copied()
    }

    /// The series at a place.
    pub fn get(&self, place: usize) -> Option<&Series> {
        self.all.get(place)
    }

    /// The series at a place, to be changed.
    pub fn get_mut(&mut self, place: usize) -> Option<&mut Series> {
        self.all.get_mut(place)
    }

    /// The series with this number in the file.
    pub fn of_id(&self, id: i64) -> Option<usize> {
        self.all.iter().position(|series| series.id == Some(id))
    }

    /// The places and numbers of all that are in the file.
    pub fn filed(&self) -> Vec<(usize, i64)> {
        let all = self.all.iter().enumerate();
        all.filter_map(|(place, series)| Some((place, series.id?)))
            .collect()
    }

    /// All series that are to be written with what they are.
    pub fn unsaved(&mut self) -> impl Iterator<Item = &mut Series> {
        self.all.iter_mut().filter(|series| series.is_unsaved)
    }

    /// Makes series of the metrics of a device.
    pub fn describe(&mut self, device: &Device) {
        for metric in &device.metrics {
            let is_wanted = || {
                let place = format!("{}/{}", device.id, metric.key);
                self.also.iter().any(|pattern| fits(pattern, &place))
            };
            let is_watched = matches!(metric.behavior, Behavior::State(_) | Behavior::OnOff(_))
                && metric.enabled
                && metric.role == Role::Primary;
            if is_watched {
                let words = self.words.entry(device.id.clone()).or_default();
                words.entry(metric.key.to_string()).or_default();
            }
            if (is_kept(metric) || is_wanted())
                && let Some(about) = SeriesAbout::of(device, metric)
            {
                self.put(SeriesKey::new(&device.id, metric.key.as_ref()), about);
            }
        }
    }

    /// Takes over what a series is; its place comes back.
    pub fn put(&mut self, key: SeriesKey, about: SeriesAbout) -> usize {
        let Some(place) = self.place(&key.device, &key.key) else {
            return self.add(key, about);
        };
        if let Some(series) = self.all.get_mut(place) {
            // What is kept must not lose decimals.
            let decimals = about.decimals.max(series.about.decimals);
            let about = SeriesAbout { decimals, ..about };
            if series.about != about {
                if decimals != series.about.decimals || about.kind != series.about.kind {
                    series.day = None;
                }
                series.about = about;
                series.is_unsaved = true;
            }
        }
        place
    }

    fn add(&mut self, key: SeriesKey, about: SeriesAbout) -> usize {
        let place = self.all.len();
        let of_device = self.places.entry(key.device.clone()).or_default();
        of_device.insert(key.key.clone(), place);
        self.all.push(Series {
            key,
            filed_decimals: about.decimals,
            about,
            id: None,
            is_unsaved: true,
            day: None,
        });
        place
    }

    /// A watched state has this word; true if that is news.
    pub fn is_news(&mut self, device: &DeviceId, key: &str, word: &str) -> bool {
        let words = self.words.get_mut(device);
        let Some(last) = words.and_then(|words| words.get_mut(key)) else {
            return false;
        };
        if last.as_deref() == Some(word) {
            return false;
        }
        *last = Some(word.to_owned());
        true
    }
}
