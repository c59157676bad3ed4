//! What the members of a sum come to at a moment, or why they come to nothing.
//!
//! A device that was there from the beginning counts from the beginning: without its value there is
//! no sum. One that is plugged in later joins with its first value. From then on it is a member like
//! any other, until it has left the installation for good. Who was switched off on purpose is no
//! member, unless it is named itself.

use std::collections::{BTreeMap, BTreeSet};

use super::KIND;
use super::member::Member;
use super::settings::SumSettings;
use crate::bridge::hub::Known;
use crate::model::{
    Behavior, Decimal, Device, DeviceId, Health, HealthCode, Metric, Quantity, Sentence,
};
use crate::say;

/// Who belongs to a sum.
#[derive(Debug)]
pub struct Tally {
    own: DeviceId,
    terms: Vec<(Member, bool)>,
    decimals: Option<u8>,
    energy: bool,
    /// Devices that were there from the beginning.
    expected: BTreeSet<DeviceId>,
    /// Metrics that have had a value.
    joined: BTreeSet<(DeviceId, String)>,
    is_open: bool,
}

/// What the members are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    pub quantity: Quantity,
    pub decimals: u8,
}

/// What they come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Count {
    /// All of them have a value, and this is the sum.
    Complete(Decimal),
    /// These have none; at least one.
    Missing(Vec<Missing>),
    /// They cannot be added up at all.
    Unfit(Unfit),
}

/// A member without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Its device has no data.
    Away {
        name: String,
        health: Health,
        /// Whether a `*` means it.
        by_pattern: bool,
    },
    /// Its device has data, but not this.
    Unknown { name: String, title: Sentence },
    /// It is a sum that stands still itself.
    Standing { name: String },
    /// The device is there and has no such metric.
    NoMetric { name: String, key: String },
    /// There is no such device.
    NoDevice(Member),
    /// Devices that were there all along may still be found.
    Search,
}

/// Members that no sum can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// This one is no measurement.
    NoMeasurement(String),
    /// These two measure different things.
    Mixed(String, String),
    /// Energy is wanted of what is no power, as of this one.
    NoPower(String),
}

/// The members that one count goes through.
#[derive(Default)]
struct Round {
    /// Of each metric, for each side of the sum: patterns that overlap count it once.
    values: BTreeMap<(DeviceId, String, bool), Decimal>,
    missing: Vec<Missing>,
    sort: Option<Sort>,
    /// The first member, for words.
    first: String,
    unfit: Option<Unfit>,
}

impl Tally {
    pub fn new(settings: &SumSettings) -> Self {
        let terms = settings.terms();
        Self {
            own: settings.device_id(),
            terms: terms
                .map(|(member, minus)| (member.clone(), minus))
                .collect(),
            decimals: settings.decimals,
            energy: settings.energy,
            expected: BTreeSet::new(),
            joined: BTreeSet::new(),
            is_open: false,
        }
    }

    /// Whether a device can have to do with the sum.
    pub fn concerns(&self, id: &DeviceId) -> bool {
        *id != self.own
            && self
                .terms
                .iter()
                .any(|(member, _)| member.names(id.as_str()))
    }

    /// Whether devices of this adapter can join without being named one by one.
    pub fn may_concern(&self, adapter: &str) -> bool {
        let mut members = self.terms.iter().map(|(member, _)| member);
        members.any(|member| member.is_pattern() && member.may_name(adapter))
    }

    /// Ends the beginning, in which these devices were there: who comes from now on, comes later.
    pub fn open(&mut self, devices: &[Known]) {
        if !self.is_open {
            let ids = devices.iter().map(|known| known.device.id.clone());
            self.expected.extend(ids);
            self.is_open = true;
        }
    }

    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// A device has left for good.
    pub fn forget(&mut self, id: &DeviceId) {
        self.expected.remove(id);
        self.joined.retain(|(device, _)| device != id);
    }

    /// Counts. `devices` are all that there are at the moment of those that [`Self::concerns`] the
    /// sum.
    pub fn count(&mut self, devices: &[Known]) -> (Option<Sort>, Count) {
        let mut round = Round::default();
        let terms = std::mem::take(&mut self.terms);
        for (member, is_minus) in &terms {
            self.add(&mut round, member, *is_minus, devices);
        }
        self.terms = terms;
        if let (Some(sort), Some(decimals)) = (&mut round.sort, self.decimals) {
            sort.decimals = decimals;
        }
        let is_power = |sort: Sort| sort.quantity == Quantity::Power;
        if self.energy && round.unfit.is_none() && round.sort.is_some_and(|sort| !is_power(sort)) {
            round.unfit = Some(Unfit::NoPower(round.first.clone()));
        }
        if !self.is_open && round.missing.is_empty() {
            round.missing.push(Missing::Search);
        }
        let count = match round.unfit {
            Some(unfit) => Count::Unfit(unfit),
            None if round.missing.is_empty() => {
                let values = round.values.iter();
                let total = Decimal::total(values.map(|((_, _, minus), value)| (*value, *minus)));
                let rounded = self.decimals.map(|decimals| total.rounded(decimals));
                Count::Complete(rounded.unwrap_or(total))
            }
            None => Count::Missing(round.missing),
        };
        (round.sort, count)
    }

    /// Adds the devices of one member.
    fn add(&mut self, round: &mut Round, member: &Member, is_minus: bool, devices: &[Known]) {
        let key = member.key();
        let meant =
            |known: &&Known| known.device.id != self.own && member.names(known.device.id.as_str());
        let meant: Vec<&Known> = devices.iter().filter(meant).collect();
        let has = |id: &DeviceId| {
            let device = meant.iter().find(|known| known.device.id == *id);
            device.is_some_and(|known| known.device.metric(key).is_some())
        };
        let mut late = Vec::new();
        let mut counts = 0;
        for known in &meant {
            let device = &known.device;
            let slot = (device.id.clone(), key.to_owned());
            let has_joined = self.joined.contains(&slot);
            let is_expected = !self.is_open || self.expected.contains(&device.id);
            // What is behind another device is in the value of that one already.
            let is_within = device.via.as_ref().is_some_and(has);
            if member.is_pattern() && is_within {
                continue;
            }
            if member.is_pattern() && known.state.health.code == HealthCode::Disabled {
                late.extend(device.metric(key).map(|_| Missing::away(known, member)));
                continue;
            }
            let value = match device.metric(key) {
                Some(metric) => {
                    round.look_at(device, metric);
                    value(known, metric, member)
                }
                None if has_joined || !member.is_pattern() => Err(Missing::NoMetric {
                    name: device.name.clone(),
                    key: key.to_owned(),
                }),
                None => continue,
            };
            match value {
                Ok(value) => {
                    let (id, key) = slot.clone();
                    round.values.insert((id, key, is_minus), value);
                    self.joined.insert(slot);
                }
                Err(missing) if has_joined || is_expected => {
                    round.miss(missing);
                }
                Err(missing) => {
                    late.push(missing);
                    continue;
                }
            }
            counts += 1;
        }
        if counts == 0 {
            match late.into_iter().next() {
                Some(missing) => round.miss(missing),
                None => round.miss(Missing::NoDevice(member.clone())),
            }
        }
    }
}

impl Round {
    fn miss(&mut self, missing: Missing) {
        if !self.missing.contains(&missing) {
            self.missing.push(missing);
        }
    }

    /// Sees what a member measures.
    fn look_at(&mut self, device: &Device, metric: &Metric) {
        let name = format!("{}/{}", device.id, metric.key);
        let (Behavior::Measurement, Some(quantity)) = (&metric.behavior, metric.quantity) else {
            self.unfit.get_or_insert(Unfit::NoMeasurement(name));
            return;
        };
        match &mut self.sort {
            None => {
                self.first = name;
                self.sort = Some(Sort {
                    quantity,
                    decimals: metric.decimals,
                });
            }
            Some(sort) if sort.quantity == quantity => {
                sort.decimals = sort.decimals.max(metric.decimals);
            }
            Some(_) => {
                let mixed = Unfit::Mixed(self.first.clone(), name);
                self.unfit.get_or_insert(mixed);
            }
        }
    }
}

impl Missing {
    fn away(known: &Known, member: &Member) -> Self {
        Self::Away {
            name: known.device.name.clone(),
            health: known.state.health.clone(),
            by_pattern: member.is_pattern(),
        }
    }
}

/// The value of a member now.
fn value(known: &Known, metric: &Metric, member: &Member) -> Result<Decimal, Missing> {
    let (device, state) = (&known.device, &known.state);
    let name = || device.name.clone();
    if !state.health.code.has_data() {
        return Err(Missing::away(known, member));
    }
    if device.adapter == KIND && state.health.code == HealthCode::Degraded {
        return Err(Missing::Standing { name: name() });
    }
    state
        .value(&metric.key)
        .as_number()
        .ok_or_else(|| Missing::Unknown {
            name: name(),
            title: say!("{metric}", metric),
        })
}

#[cfg(test)]
mod tests;
