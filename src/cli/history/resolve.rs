//! What a value of a foreign file is: by what the history knows of it, by the columns of the file, by the tables of
//! the adapters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::correct::device_id;
use crate::adapters::ADAPTERS;
use crate::history::import::ForeignRow;
use crate::history::{HOUSE, SeriesAbout, SeriesInfo, SeriesKey, SeriesKind};
use crate::model::{Behavior, Device, Metric, Quantity};

/// A value that can be brought in.
#[derive(Debug, Clone)]
pub struct ImportTarget {
    pub device: Device,
    pub metric: Metric,
}

/// Why a value cannot be brought in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NoTarget {
    #[error("the house itself: that is worked out from its devices")]
    House,
    #[error("{0} is nothing that is kept over time")]
    NotKept(String),
    #[error(
        "nobody knows what {0} is: add columns named unit and kind to the file (kind is measurement, lifetime or daily), \
         or say --unit and --kind"
    )]
    Unknown(String),
}

/// What is known of all values.
#[derive(Debug, Default)]
pub struct ImportTargets {
    known: BTreeMap<SeriesKey, SeriesAbout>,
    /// What is said on the command line of what nobody knows.
    pub unit: Option<String>,
    pub kind: Option<String>,
}

impl ImportTargets {
    pub fn new(known: Vec<SeriesInfo>) -> Self {
        Self {
            known: known
                .into_iter()
                .map(|info| (info.series, info.about))
                .collect(),
            ..Self::default()
        }
    }

    /// What the value of a row is.
    pub fn of(&self, row: &ForeignRow) -> Result<(SeriesKey, ImportTarget), NoTarget> {
        let name = || format!("{}/{}", row.device, row.key);
        if row.device == HOUSE {
            return Err(NoTarget::House);
        }
        let id = device_id(&row.device).ok_or_else(|| NoTarget::Unknown(name()))?;
        let series = SeriesKey::new(&id, row.key.clone());
        let (kind, serial) = adapter(&row.device).unwrap_or(("import", &row.device));
        let mut device = Device::new(kind, serial, row.device.clone(), "");
        device.id = id;
        let metric = match self.known.get(&series) {
            Some(about) => {
                device.name = about.device_name.clone();
                device.via = about.via.clone();
                of_known(&row.key, about).ok_or(NoTarget::House)?
            }
            None => match of_adapter(kind, &row.key) {
                Some(metric) => metric,
                None => self
                    .of_words(row)
                    .ok_or_else(|| NoTarget::Unknown(name()))?,
            },
        };
        let is_number = metric.behavior == Behavior::Measurement || metric.is_counter();
        if !is_number {
            return Err(NoTarget::NotKept(name()));
        }
        Ok((series, ImportTarget { device, metric }))
    }

    /// By what the file or the command line says.
    fn of_words(&self, row: &ForeignRow) -> Option<Metric> {
        let kind = row.kind.as_ref().or(self.kind.as_ref())?;
        let unit = row.unit.as_ref().or(self.unit.as_ref())?;
        let quantity = Quantity::ALL.iter().find(|it| it.unit() == Some(unit));
        let quantity = *quantity?;
        let mut metric = match kind.as_str() {
            "measurement" => Metric::measurement("", quantity),
            "lifetime" => Metric::lifetime("", quantity),
            "daily" => Metric::daily("", quantity),
            _ => return None,
        };
        metric.key = Cow::Owned(row.key.clone());
        Some(metric.decimals(if quantity == Quantity::Power { 1 } else { 3 }))
    }
}

/// The adapter whose devices have such ids, and the serial number in one.
fn adapter(id: &str) -> Option<(&'static str, &str)> {
    let kinds = ADAPTERS.iter().filter_map(|adapter| {
        let rest = id.strip_prefix(adapter.kind())?.strip_prefix('_')?;
        Some((adapter.kind(), rest))
    });
    kinds.max_by_key(|(kind, _)| kind.len())
}

/// The metric of an adapter; where several of its devices have one of this key, the finest of those that people see.
fn of_adapter(kind: &str, key: &str) -> Option<Metric> {
    let adapter = ADAPTERS.iter().find(|adapter| adapter.kind() == kind)?;
    let all = adapter.tables().iter().copied().flatten();
    let same = all.filter(|metric| metric.key == key);
    same.max_by_key(|metric| (metric.is_counter(), metric.enabled, metric.decimals))
        .cloned()
}

fn of_known(key: &str, about: &SeriesAbout) -> Option<Metric> {
    let behavior = match about.kind {
        SeriesKind::Measurement => Behavior::Measurement,
        SeriesKind::Lifetime => Behavior::LifetimeCounter,
        SeriesKind::Daily => Behavior::DailyCounter,
        SeriesKind::OnOff | SeriesKind::Flow | SeriesKind::Figure => return None,
    };
    let mut metric = Metric::measurement("", Quantity::Power).decimals(about.decimals);
    metric.key = Cow::Owned(key.to_owned());
    metric.name = Some(Cow::Owned(about.name.clone()));
    metric.behavior = behavior;
    metric.quantity = about.quantity;
    metric.part = about.part;
    Some(metric)
}
