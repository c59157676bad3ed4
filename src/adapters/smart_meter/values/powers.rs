//! Powers of one telegram, made to agree: of all phases and of each, in and out, and with the currents.

use super::{Values, Why};
use crate::model::{Decimal, Value};

/// Import and export of all phases and of each.
const PAIRS: [[&str; 2]; 4] = [
    ["power_import", "power_export"],
    ["power_import_l1", "power_export_l1"],
    ["power_import_l2", "power_export_l2"],
    ["power_import_l3", "power_export_l3"],
];
const CURRENTS: [[&str; 2]; 3] = [
    ["current_l1", "voltage_l1"],
    ["current_l2", "voltage_l2"],
    ["current_l3", "voltage_l3"],
];
/// Volts of a phase that tells none.
const USUAL_VOLTS: f64 = 240.0;
/// How many times the power that the currents can carry is more than chance, and watts that are
/// nothing.
const TOO_MUCH: f64 = 5.0;
const LITTLE_POWER: f64 = 20.0;
const NOTHING: Decimal = Decimal::integer(0);

impl Values {
    /// The sum of the phases, where the meter does not say it.
    pub(super) fn phases(&mut self) {
        let [all, phases @ ..] = PAIRS;
        for side in 0..2 {
            let keys = phases.map(|phase| phase[side]);
            if self.get(all[side]).is_some()
                || keys
                    .iter()
                    .chain([&all[side]])
                    .any(|key| self.is_spoilt(key))
            {
                continue;
            }
            let told = keys.iter().filter_map(|key| self.number_of(key));
            let sum = told.reduce(|a, b| difference(a, difference(NOTHING, b)));
            if let Some(sum) = sum {
                self.put(all[side], sum);
            }
        }
    }

    /// The direction of each phase.
    pub(super) fn phases_net(&mut self) {
        const NET: [&str; 3] = ["power_net_l1", "power_net_l2", "power_net_l3"];
        let [_, phases @ ..] = PAIRS;
        for (net, [import, export]) in NET.into_iter().zip(phases) {
            if let (Some(import), Some(export)) = (self.number_of(import), self.number_of(export)) {
                self.put(net, difference(import, export));
            }
        }
    }

    /// Makes what one telegram says of import, export and their difference agree.
    ///
    /// | Said | Means |
    /// |---|---|
    /// | import and export | net is the difference |
    /// | import above 0, no export | export 0, net as import; and the other way round |
    /// | import 0, no export | nothing more: there may be an export that is not told |
    /// | a negative import | a signed sum: import 0, the rest is export |
    /// | 16.7.0 | a signed sum, too: net, if the others do not say it |
    pub(super) fn flows(&mut self) {
        for [import, export] in PAIRS {
            self.signed(import, export);
        }
        let [import, export] = PAIRS[0];
        // What was left out of a telegram leaves the rest of it doubtful.
        let is_refused = |key| self.refused.iter().any(|refused| refused.key == key);
        if is_refused(import) || is_refused(export) {
            self.known
                .retain(|(key, _)| ![import, export, "power_net"].contains(key));
            return;
        }
        let (imported, exported) = (self.number_of(import), self.number_of(export));
        let net = match (imported, exported) {
            (Some(imported), Some(exported)) => Some(difference(imported, exported)),
            (Some(imported), None) if imported > NOTHING => {
                self.imply(export, NOTHING);
                Some(imported)
            }
            (None, Some(exported)) if exported > NOTHING => {
                self.imply(import, NOTHING);
                Some(difference(NOTHING, exported))
            }
            (Some(_), None) if self.number_of("power_net").is_some_and(|net| net > NOTHING) => {
                return self.refuse("power_net", Why::Contradiction);
            }
            _ => None,
        };
        if let Some(net) = net {
            self.known.retain(|(key, _)| *key != "power_net");
            self.put("power_net", net);
        }
    }

    /// A negative import is a signed sum.
    fn signed(&mut self, import: &'static str, export: &'static str) {
        let Some(sum) = self.number_of(import).filter(|sum| *sum < NOTHING) else {
            return;
        };
        let exported = difference(NOTHING, sum);
        let told = self.number_of(export);
        if told.is_some_and(|told| told != NOTHING && told != exported) {
            self.refuse(import, Why::Contradiction);
            return self.refuse(export, Why::Contradiction);
        }
        self.known
            .retain(|(key, _)| ![import, export].contains(key));
        self.put(import, NOTHING);
        self.put(export, exported);
    }

    fn imply(&mut self, key: &'static str, value: Decimal) {
        self.implied.push(key);
        self.put(key, Value::Number(value));
    }

    /// Currents that could not carry nearly as much as the power are of another scale than the
    /// profile says.
    pub(super) fn doubt_currents(&mut self) {
        let watts = |key| self.number_of(key).map_or(0.0, Decimal::to_f64);
        let power = (watts("power_import") - watts("power_export")).abs();
        let carried: Vec<f64> = CURRENTS
            .iter()
            .filter_map(|[current, voltage]| {
                let volts = self.number_of(voltage).map(Decimal::to_f64);
                let volts = volts.filter(|volts| *volts > 0.0).unwrap_or(USUAL_VOLTS);
                Some(self.number_of(current)?.to_f64().abs() * volts)
            })
            .collect();
        let most: f64 = carried.iter().sum();
        if !carried.is_empty() && power > TOO_MUCH * most + LITTLE_POWER {
            for [current, _] in CURRENTS {
                self.refuse(current, Why::TooLittleForThePower);
            }
        }
    }
}

fn difference(one: Decimal, other: Decimal) -> Decimal {
    let scale = one.scale().max(other.scale());
    let digits = |number: Decimal| number.with_scale(scale).mantissa();
    Decimal::new(digits(one).saturating_sub(digits(other)), scale)
}
