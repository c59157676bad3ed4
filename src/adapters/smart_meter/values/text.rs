//! The values of a text telegram: who the meter is, what is behind it, and its lines.

use jiff::Timestamp;

use super::super::metrics;
use super::super::wire::{Item, MeterTime};
use super::{Bounds, Refused, Values, Why, behind, describe, is_number, is_possible, special};
use crate::model::{Metric, Value};

impl Values {
    /// The values of a text.
    pub(super) fn text(
        &mut self,
        items: &[Item],
        bounds: &Bounds,
        standard: bool,
        others: &mut String,
    ) {
        let near = bounds.now.unwrap_or(Timestamp::UNIX_EPOCH);
        let at = |time: &MeterTime| {
            let all_year = time.in_standard_time(&bounds.zone).filter(|_| standard);
            all_year.or_else(|| time.to_timestamp(&bounds.zone, near))
        };
        self.head = items
            .first()
            .and_then(|item| item.value.as_text())
            .map(str::to_owned);
        self.numbers = numbers(items);
        if let Some(number) = self.numbers.first().cloned() {
            self.put("meter_number", number);
        }
        self.behind = behind::behind(items, self.at.or(bounds.now), at);
        let is_number = |item: &&Item| {
            let code = item.obis.map(|code| code.0);
            matches!(code, Some([a, 0, c, d, e, _]) if NUMBERS.contains(&[a, c, d, e]))
        };
        let is_behind = |item: &&Item| {
            let channel = behind::channel(item);
            channel.is_some_and(|channel| self.behind.iter().any(|it| it.channel == channel))
        };
        let of_meter: Vec<&Item> = items
            .iter()
            .skip(1)
            .filter(|item| !is_behind(item) && !is_number(item))
            .collect();
        // Another channel of the same meter counts where this one does not say it.
        let (first, second): (Vec<&Item>, Vec<&Item>) = of_meter
            .into_iter()
            .partition(|item| item.obis.is_none_or(|code| code.0[1] == 0));
        for item in first.into_iter().chain(second) {
            if let Some(said) = special::said(item, at) {
                for (key, value) in said {
                    if value == Value::Unknown {
                        self.implied.push(key);
                    }
                    self.put_possible(key, value, item, bounds);
                }
                continue;
            }
            match item.obis.and_then(metrics::of_text) {
                Some(metric) => self.take_text(metric, item, bounds, standard, others),
                None => describe(item, others),
            }
        }
        self.phases();
    }

    fn take_text(
        &mut self,
        metric: &'static Metric,
        item: &Item,
        bounds: &Bounds,
        standard: bool,
        others: &mut String,
    ) {
        if let std::borrow::Cow::Borrowed(key) = metric.key {
            if metric.quantity.is_some() && item.value.as_quantity().is_none() {
                self.unreadable.push(key);
            }
            // What an operator no longer says is over.
            let is_message = key == "message" || key == "message_code";
            if is_message && item.value.as_text() == Some("") {
                self.implied.push(key);
                return self.put(key, String::new());
            }
        }
        self.take(metric, item, bounds, standard, others);
    }

    /// A value unless no home can have it.
    fn put_possible(&mut self, key: &'static str, value: Value, item: &Item, bounds: &Bounds) {
        let quantity = metrics::metric(key).and_then(|metric| metric.quantity);
        let (Some(quantity), Some(number)) = (quantity, value.as_number()) else {
            return self.put(key, value);
        };
        if is_possible(number, quantity, bounds.max_power) {
            return self.put(key, value);
        }
        let (value, why) = (item.value.to_string(), Why::Beyond);
        self.refused.push(Refused { key, value, why });
    }

    /// Takes another of its numbers for that of the meter.
    pub fn prefer(&mut self, number: &str) {
        if self.numbers.iter().any(|known| known == number) {
            self.known.retain(|(key, _)| *key != "meter_number");
            self.put("meter_number", number.to_owned());
        }
    }
}

/// Where a text has the number of its meter, the first that is there.
const NUMBERS: [[u8; 4]; 3] = [[0, 96, 1, 1], [0, 96, 1, 0], [0, 96, 1, 255]];

fn numbers(items: &[Item]) -> Vec<String> {
    let of = |wanted: [u8; 4]| {
        let is_it = move |item: &&Item| matches!(item.obis.map(|code| code.0), Some([a, 0, c, d, e, _]) if [a, c, d, e] == wanted);
        items.iter().find(is_it)
    };
    let found = NUMBERS.into_iter().filter_map(of);
    let texts = found.filter_map(|item| item.value.as_text());
    texts
        .filter(|text| is_number(text))
        .map(str::to_owned)
        .collect()
}
