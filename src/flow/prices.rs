//! What a kilowatt-hour costs and brings: the section `[prices]` of the configuration file.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Complaint, SectionDoc, Settings};
use crate::model::Decimal;

/// The prices of energy, for sums of money in the statistics of the web page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PriceSettings {
    /// The currency, by its three letters such as `EUR`.
    pub currency: Option<String>,
    /// What a kWh from the grid costs: a number, or the numbers with the days on which they begin.
    pub import: Option<Tariff>,
    /// What a kWh to the grid brings, written in the same way.
    pub export: Option<Tariff>,
}

/// A price of a kWh over the years.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Tariff {
    /// Always the same.
    Flat(f64),
    /// From each of these days on another one. Before the first day there is none.
    Changing(Vec<Price>),
}

/// A price from a day on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The first day, as in `2026-01-01`.
    #[schemars(with = "String")]
    pub from: Date,
    /// What a kWh costs or brings from then on.
    pub price: f64,
}

impl Tariff {
    /// What a kWh costs on a day, if that is known.
    pub fn on(&self, day: Date) -> Option<Decimal> {
        let price = match self {
            Self::Flat(price) => *price,
            Self::Changing(prices) => {
                let begun = prices.iter().filter(|price| price.from <= day);
                begun.max_by_key(|price| price.from)?.price
            }
        };
        exact(price)
    }

    /// What so much energy on a day costs or brings, in millionths of the currency.
    pub fn micros(&self, day: Date, watt_hours: i64) -> Option<i64> {
        let price = self.on(day)?;
        let energy = Decimal::from_watt_hours(watt_hours);
        let money = price.times_plus(energy, Decimal::integer(0))?;
        Some(money.rounded(6).with_scale(6).mantissa())
    }

    fn prices(&self) -> Vec<f64> {
        match self {
            Self::Flat(price) => vec![*price],
            Self::Changing(prices) => prices.iter().map(|price| price.price).collect(),
        }
    }
}

/// A price as it is written.
fn exact(price: f64) -> Option<Decimal> {
    format!("{price}").parse().ok()
}

impl Settings for PriceSettings {
    fn check(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let is_code =
            |word: &String| word.len() == 3 && word.bytes().all(|it| it.is_ascii_uppercase());
        if self.currency.as_ref().is_some_and(|word| !is_code(word)) {
            complaints.push(Complaint::new(
                "currency",
                "a currency is written by its three letters",
                "write currency = \"EUR\", or the letters of yours",
            ));
        }
        let tariffs = [("import", &self.import), ("export", &self.export)];
        for (key, tariff) in tariffs
            .into_iter()
            .filter_map(|(key, it)| Some((key, it.as_ref()?)))
        {
            // Cents instead of euros are the usual mistake; nothing costs 100 a kWh in a currency with cents.
            if tariff
                .prices()
                .iter()
                .any(|price| !price.is_finite() || price.abs() >= 1_000.0)
            {
                complaints.push(Complaint::new(
                    key,
                    "no kilowatt-hour has such a price",
                    "write the price of one kWh in the whole currency, such as 0.32",
                ));
            }
            if let Tariff::Changing(prices) = tariff {
                let mut days: Vec<Date> = prices.iter().map(|price| price.from).collect();
                days.sort_unstable();
                if days.is_empty() || days.windows(2).any(|pair| pair[0] == pair[1]) {
                    complaints.push(Complaint::new(
                        key,
                        "the prices need a day each, and no day twice",
                        "write [{ from = \"2026-01-01\", price = 0.32 }], with a line for each change",
                    ));
                }
            }
        }
        let has_price = self.import.is_some() || self.export.is_some();
        if has_price && self.currency.is_none() {
            complaints.push(Complaint::new(
                "currency",
                "the prices have no currency",
                "write currency = \"EUR\", or the three letters of yours",
            ));
        }
        complaints
    }
}

impl PriceSettings {
    /// The page about this section.
    pub fn page() -> SectionDoc<'static> {
        SectionDoc {
            heading: "[prices]",
            about: "What energy costs and brings, for the statistics on the web page. Home Assistant's Energy dashboard has \
                    prices of its own.",
            schema: schemars::schema_for!(Self),
            defaults: serde_json::to_value(Self::default()).unwrap_or_default(),
            example: "[prices]\ncurrency = \"EUR\"\nimport = [{ from = \"2025-01-01\", price = 0.34 }, { from = \
                      \"2026-01-01\", price = 0.31 }]\nexport = 0.08\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_price_counts_from_its_day_on() {
        let price = |year, price| Price {
            from: date(year, 1, 1),
            price,
        };
        let tariff = Tariff::Changing(vec![price(2026, 0.31), price(2025, 0.34)]);
        assert_eq!(tariff.micros(date(2025, 12, 31), 1_500), Some(510_000));
        assert_eq!(tariff.micros(date(2026, 1, 1), 1_500), Some(465_000));
        assert_eq!(tariff.micros(date(2024, 12, 31), 1_500), None);
        assert_eq!(Tariff::Flat(-0.02).micros(date(2026, 1, 1), 1), Some(-20));
    }

    #[test]
    fn prices_that_nobody_pays_are_mistakes() {
        let wrong = |text: &str| {
            let settings: PriceSettings = toml::from_str(text).unwrap();
            settings.check().len()
        };
        assert_eq!(wrong("currency = \"EUR\"\nimport = 0.3\nexport = 0.08"), 0);
        assert_eq!(wrong("import = 0.3"), 1);
        assert_eq!(wrong("currency = \"€\"\nimport = 3000"), 2);
        assert_eq!(wrong("currency = \"EUR\"\nimport = []"), 1);
        let twice = "{ from = \"2026-01-01\", price = 0.1 }";
        assert_eq!(
            wrong(&format!("currency = \"EUR\"\nexport = [{twice}, {twice}]")),
            1
        );
    }
}
