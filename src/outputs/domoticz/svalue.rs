//! What a device of Domoticz is told: its `svalue`.

use std::fmt::Write as _;

use super::config::{DomoticzKind, DomoticzSettings};
use super::part::{DomoticzValue, device_id};
use crate::bridge::Known;
use crate::model::{
    Behavior, Decimal, Device, DeviceId, Health, HealthCode, Metric, Quantity, Sentence, Value,
};
use crate::say;

/// Domoticz keeps counters of a P1 meter in 32 bits, in watt-hours.
const MOST_WATT_HOURS: i64 = u32::MAX as i64;

/// What a section says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Svalue {
    /// This is to be told.
    Known(String),
    /// A part is not known, so nothing is told.
    Unknown,
    /// Nothing can be told before somebody mends the section.
    Wrong(Box<Health>),
}

/// Why there is no word of a part.
enum Lacking {
    Unknown,
    Wrong(Sentence, Sentence),
}

/// Where the parts are looked up.
struct PartLook<'f> {
    find: &'f dyn Fn(&DeviceId) -> Option<Known>,
    is_settled: bool,
}

/// What a section says, of the devices that `find` finds; `is_settled` if all devices are known.
pub fn svalue(
    settings: &DomoticzSettings,
    find: &dyn Fn(&DeviceId) -> Option<Known>,
    is_settled: bool,
) -> Svalue {
    let look = PartLook { find, is_settled };
    match look.svalue(settings) {
        Ok(said) => Svalue::Known(said),
        Err(Lacking::Unknown) => Svalue::Unknown,
        Err(Lacking::Wrong(why, advice)) => {
            let seen = say!("device {idx} of Domoticz: {why}", idx = settings.idx, why);
            let health = Health::new(HealthCode::Misconfigured);
            Svalue::Wrong(Box::new(health.seen(seen).advise(advice)))
        }
    }
}

/// The payload of a message, and nothing else that Domoticz would look at.
pub fn payload(idx: u32, svalue: &str) -> String {
    let svalue = serde_json::Value::from(svalue);
    format!("{{\"idx\":{idx},\"nvalue\":0,\"svalue\":{svalue}}}")
}

impl PartLook<'_> {
    fn svalue(&self, settings: &DomoticzSettings) -> Result<String, Lacking> {
        let part = |name: &Option<String>| name.clone().ok_or(Lacking::Unknown);
        let kind = settings.kind.ok_or(Lacking::Unknown)?;
        match kind {
            DomoticzKind::Kwh => {
                let power = self.number(&part(&settings.power)?, Some(Quantity::Power))?;
                let energy = self.counter(&part(&settings.energy)?)?;
                Ok(format!("{};{}", power.shortest(), energy.shortest()))
            }
            DomoticzKind::Usage => {
                let power = self.number(&part(&settings.power)?, Some(Quantity::Power))?;
                Ok(power.shortest())
            }
            DomoticzKind::P1 => self.p1(&self.device(&part(&settings.device)?)?),
            DomoticzKind::Current3 => {
                let device = part(&settings.device)?;
                let phases = ["current_l1", "current_l2", "current_l3"];
                let phases = phases.map(|key| {
                    let name = format!("{device}/{key}");
                    self.number(&name, Some(Quantity::Current))
                        .map(Decimal::shortest)
                });
                let [one, two, three] = phases;
                Ok(format!("{};{};{}", one?, two?, three?))
            }
            DomoticzKind::Text => self.text(&part(&settings.value)?),
            DomoticzKind::Temperature => {
                self.one(&part(&settings.value)?, Some(Quantity::Temperature))
            }
            DomoticzKind::Voltage => self.one(&part(&settings.value)?, Some(Quantity::Voltage)),
            DomoticzKind::Current => self.one(&part(&settings.value)?, Some(Quantity::Current)),
            DomoticzKind::Percentage | DomoticzKind::Custom => {
                self.one(&part(&settings.value)?, None)
            }
            DomoticzKind::Incremental => Err(Lacking::Unknown),
        }
    }

    fn one(&self, name: &str, quantity: Option<Quantity>) -> Result<String, Lacking> {
        self.number(name, quantity).map(Decimal::shortest)
    }

    fn device(&self, name: &str) -> Result<Known, Lacking> {
        let found = device_id(name).and_then(|id| (self.find)(&id));
        found.ok_or_else(|| {
            if !self.is_settled {
                return Lacking::Unknown;
            }
            Lacking::Wrong(
                say!(
                    "there is no device {device}",
                    device = format!("\"{}\"", name.escape_debug())
                ),
                say!(
                    "Correct the section [[domoticz]]; `wattbridge discovery` shows what there is."
                ),
            )
        })
    }

    /// A value with its metric.
    fn value(&self, name: &str) -> Result<(Known, Metric), Lacking> {
        let part = DomoticzValue::read(name).ok_or(Lacking::Unknown)?;
        let device = name.split('/').next().unwrap_or_default();
        let known = self.device(device)?;
        match known.device.metric(part.key) {
            Some(metric) => {
                let metric = metric.clone();
                Ok((known, metric))
            }
            // Before its first values only its port may be known.
            None if known.state.at.is_none() => Err(Lacking::Unknown),
            None => Err(Lacking::Wrong(
                say!(
                    "the device has no value {key}",
                    key = format!("\"{}\"", part.key.escape_debug())
                ),
                say!(
                    "Correct the section [[domoticz]]; `wattbridge discovery` shows what there is."
                ),
            )),
        }
    }

    fn number(&self, name: &str, quantity: Option<Quantity>) -> Result<Decimal, Lacking> {
        let (known, metric) = self.value(name)?;
        let is_number = matches!(
            metric.behavior,
            Behavior::Measurement
                | Behavior::LifetimeCounter
                | Behavior::DailyCounter
                | Behavior::Figure
        );
        if !is_number || quantity.is_some_and(|wanted| metric.quantity != Some(wanted)) {
            return Err(Lacking::Wrong(
                say!("{value} does not fit this kind", value = name.to_owned()),
                say!("Name another value, or take another kind, in the section [[domoticz]]."),
            ));
        }
        value_of(&known, &metric).ok_or(Lacking::Unknown)
    }

    /// Watt-hours of a counter that goes on for ever.
    fn counter(&self, name: &str) -> Result<Decimal, Lacking> {
        let (_, metric) = self.value(name)?;
        if metric.behavior != Behavior::LifetimeCounter {
            return Err(Lacking::Wrong(
                say!(
                    "{value} is no counter that goes on for ever, and would spoil the totals of Domoticz",
                    value = name.to_owned()
                ),
                say!("Name such a counter as energy, for example energy_total or energy_import."),
            ));
        }
        let energy = self.number(name, Some(Quantity::Energy))?;
        watt_hours(energy).ok_or(Lacking::Unknown)
    }

    fn p1(&self, known: &Known) -> Result<String, Lacking> {
        let device = &known.device;
        let is_there = |key: &str| device.metric(key).is_some();
        if known.state.at.is_none() {
            return Err(Lacking::Unknown);
        }
        let mut said = String::new();
        for direction in ["energy_import", "energy_export"] {
            let tariffs = [1, 2].map(|tariff| format!("{direction}_t{tariff}"));
            let keys: Vec<&str> = if tariffs.iter().any(|key| is_there(key)) {
                tariffs.iter().map(String::as_str).collect()
            } else {
                vec![direction]
            };
            for place in 0..2 {
                // What a meter does not count at all is 0 there.
                let key = keys.get(place).filter(|key| is_there(key));
                let whole = key.map_or(Ok(0), |key| self.whole_watt_hours(device, key))?;
                // Writing into a text cannot fail.
                let _ = write!(said, "{whole};");
            }
        }
        let is_meter = is_there("energy_import") || is_there("energy_import_t1");
        if !is_meter {
            return Err(Lacking::Wrong(
                say!(
                    "{device} is no meter of the grid",
                    device = device.id.to_string()
                ),
                say!("Name another device, or take another kind, in the section [[domoticz]]."),
            ));
        }
        let power = |key: &str| match device.metric(key) {
            Some(metric) => value_of(known, metric).ok_or(Lacking::Unknown),
            None => Ok(Decimal::integer(0)),
        };
        let (import, export) = match device.metric("power_net") {
            // Above 0 is taken.
            Some(net) if !is_there("power_import") => {
                let net = value_of(known, net).ok_or(Lacking::Unknown)?;
                let given = Decimal::integer(0).distance(net);
                if net < Decimal::integer(0) {
                    (Decimal::integer(0), given)
                } else {
                    (net, Decimal::integer(0))
                }
            }
            _ => (power("power_import")?, power("power_export")?),
        };
        let whole = |power: Decimal| power.with_scale(0).shortest();
        let _ = write!(said, "{};{}", whole(import), whole(export));
        Ok(said)
    }

    fn whole_watt_hours(&self, device: &Device, key: &str) -> Result<i64, Lacking> {
        let energy = self.counter(&format!("{}/{key}", device.id))?;
        let whole = energy.with_scale(0).mantissa();
        let fits = (0..=MOST_WATT_HOURS).contains(&whole);
        fits.then_some(whole).ok_or(Lacking::Unknown)
    }

    fn text(&self, name: &str) -> Result<String, Lacking> {
        let (known, metric) = self.value(name)?;
        match known.state.value(&metric.key) {
            Value::Unknown => Err(Lacking::Unknown),
            Value::Number(number) => Ok(number.rounded(metric.decimals).shortest()),
            Value::Text(text) => Ok(text.clone().into_owned()),
            Value::OnOff(on) => Ok(if *on { "On" } else { "Off" }.to_owned()),
            Value::Timestamp(at) => Ok(at.to_string()),
        }
    }
}

fn value_of(known: &Known, metric: &Metric) -> Option<Decimal> {
    let number = known.state.value(&metric.key).as_number()?;
    Some(number.rounded(metric.decimals))
}

/// Kilowatt-hours in watt-hours, exact.
fn watt_hours(energy: Decimal) -> Option<Decimal> {
    energy.times_plus(Decimal::integer(1000), Decimal::integer(0))
}
