//! What text telegrams say in words, in lists, or with a meaning beyond the number.
//!
//! | Code | Says |
//! |---|---|
//! | 0-0:96.14.0 | the tariff in force, by its number: `0001`, `1`, `TARIFF 1` |
//! | 0-0:96.3.10, 0-0:96.50.68 | the breaker: `0`, `1`, `2`, `ON`, `OFF` |
//! | 0-n:96.3.10 | relay n of the meter |
//! | 0-0:17.0.0 | the most power, apparent power or current; 999 is none |
//! | 1-0:31.4.0 | the most current; below 10 A it is something else |
//! | 1-0:1.6.0 | the peak of this month, with its time |
//! | 0-0:98.1.0 | the peaks of the last 13 months: number, codes, then end of month, time of peak, peak |
//! | 1-0:99.97.0 | long failures: number, code, then end and length |

use jiff::Timestamp;

use super::super::wire::dsmr::lines::{moment, quantity};
use super::super::wire::{Item, ItemValue, MeterTime, Unit};
use crate::model::{Decimal, Value};

/// Limits from here on are none.
const NO_LIMIT: i64 = 999;
/// No connection of a home is that weak: then it is a demand.
const LEAST_LIMIT: i64 = 10;
/// Months that count for the mean.
const MONTHS: usize = 12;
/// Before that there was no such meter: its clock was not set when it wrote that.
const FIRST_YEAR: i16 = 2005;

/// Values by key.
pub(super) type SpecialValues = Vec<(&'static str, Value)>;

/// What an item says, if it is one of these. `at` turns a time of the meter's clock into a moment.
pub(super) fn said(
    item: &Item,
    at: impl Fn(&MeterTime) -> Option<Timestamp>,
) -> Option<SpecialValues> {
    let code = item.obis.filter(|code| code.0[5] == 255)?;
    match code.0 {
        [0, 0, 96, 14, 0, _] => Some(vec![("tariff", tariff(&item.value).into())]),
        [0, 0, 96, 3, 10, _] | [0, 0, 96, 50, 68, _] => {
            Some(vec![("breaker", switch(&item.value).into())])
        }
        [0, channel, 96, 3, 10, _] => {
            let relay = ["relay_1", "relay_2", "relay_3", "relay_4"];
            let relay = relay.get(usize::from(channel) - 1)?;
            Some(vec![(relay, switch(&item.value).into())])
        }
        [0, 0, 17, 0, 0, _] => limit(&item.value, false),
        [1, 0, 31, 4, 0, _] => limit(&item.value, true),
        [1, _, 1, 6, 0, _] => {
            let reached = at(item.at.as_ref()?)?;
            let peak = watts(item.value.as_quantity()?)?;
            Some(vec![
                ("demand_peak_month", peak.into()),
                ("demand_peak_month_time", reached.into()),
            ])
        }
        [0, 0, 98, 1, 0, _] => peaks(groups(&item.value)?),
        [1, 0, 99, 97, 0, _] => failures(groups(&item.value)?, at),
        _ => None,
    }
}

fn groups(value: &ItemValue) -> Option<&[String]> {
    match value {
        ItemValue::Groups(groups) => Some(groups),
        _ => None,
    }
}

/// The digits at the end, without zeros in front.
fn tariff(value: &ItemValue) -> &'static str {
    let number = match value {
        ItemValue::Quantity(number) => u8::try_from(number.raw).ok(),
        ItemValue::Text(text) => {
            let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
            digits.parse().ok()
        }
        _ => None,
    };
    match number {
        Some(1) => "1",
        Some(2) => "2",
        Some(3) => "3",
        Some(4) => "4",
        _ => "other",
    }
}

fn switch(value: &ItemValue) -> &'static str {
    let number = value.as_quantity().map(|number| number.raw);
    let word = value.as_text().unwrap_or_default();
    match number {
        Some(0) => "disconnected",
        Some(1) => "connected",
        Some(2) => "ready",
        _ if word.eq_ignore_ascii_case("on") => "connected",
        _ if word.eq_ignore_ascii_case("off") => "disconnected",
        _ => "other",
    }
}

fn limit(value: &ItemValue, is_of_current: bool) -> Option<SpecialValues> {
    let number = value.as_quantity()?;
    let value = number.value()?;
    let (key, thousand) = match number.unit {
        Unit::WATT if !is_of_current => ("power_limit", 1000),
        Unit::VOLT_AMPERE if !is_of_current => ("apparent_power_limit", 1000),
        Unit::AMPERE => ("current_limit", 1),
        _ => return None,
    };
    if is_of_current && value < Decimal::integer(LEAST_LIMIT) {
        return None;
    }
    let is_none = value >= Decimal::integer(NO_LIMIT * thousand);
    let value = if is_none {
        Value::Unknown
    } else {
        value.into()
    };
    Some(vec![(key, value)])
}

fn watts(number: &super::super::wire::item::Quantity) -> Option<Decimal> {
    number.value().filter(|_| number.unit == Unit::WATT)
}

/// The peaks of the months: all in words, the newest first, and the mean of those that count.
fn peaks(groups: &[String]) -> Option<SpecialValues> {
    // In Hungary the code is that of a snapshot of registers, which begins with its time.
    let count: usize = groups
        .first()?
        .trim()
        .parse()
        .ok()
        .filter(|count| *count < 100)?;
    let entries = groups.iter().skip_while(|group| moment(group).is_none());
    let entries: Vec<&String> = entries.collect();
    let mut months: Vec<(MeterTime, Decimal)> = Vec::new();
    for entry in entries.chunks(3) {
        let [end, reached, peak] = entry else {
            continue;
        };
        let peak = quantity(peak).and_then(|peak| watts(&peak));
        // A month without a time of its peak is one without measurements.
        if let (Some(end), Some(_), Some(peak)) = (moment(end), moment(reached), peak) {
            months.push((end, peak));
        }
    }
    if count == 0 || months.is_empty() {
        return Some(Vec::new());
    }
    months.sort_by_key(|(end, _)| std::cmp::Reverse(end.local()));
    let words = months.iter().filter_map(|(end, peak)| {
        let month = end.local()?.checked_sub(jiff::Span::new().days(1)).ok()?;
        Some(format!("{} {} W", month.strftime("%Y-%m"), peak.rounded(0)))
    });
    let words = words.collect::<Vec<_>>().join(", ");
    let counted = months.iter().take(MONTHS);
    let milliwatts = |peak: &Decimal| i128::from(peak.with_scale(3).mantissa());
    let sum: i128 = counted.clone().map(|(_, peak)| milliwatts(peak)).sum();
    let mean = Decimal::fitting(sum / counted.len() as i128, 3)?;
    Some(vec![
        ("demand_peaks", words.into()),
        ("demand_peak_mean", mean.into()),
    ])
}

/// The failure that ended last; the list may be in any order.
fn failures(
    groups: &[String],
    at: impl Fn(&MeterTime) -> Option<Timestamp>,
) -> Option<SpecialValues> {
    let pairs = groups.windows(2).filter_map(|pair| {
        let [end, length] = pair else {
            return None;
        };
        let end =
            moment(end).filter(|end| end.local().is_some_and(|it| it.year() >= FIRST_YEAR))?;
        let length = quantity(length).filter(|length| length.unit == Unit::SECOND)?;
        Some((at(&end)?, length.value()?))
    });
    let Some((end, length)) = pairs.max_by_key(|(end, _)| *end) else {
        return Some(Vec::new());
    };
    Some(vec![
        ("last_failure_end", end.into()),
        ("last_failure_duration", length.into()),
    ])
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::super::wire::dsmr::lines::items;
    use super::*;

    fn of(line: &str) -> Option<Vec<(&'static str, String)>> {
        let items = items(&format!("/ABC5\r\n\r\n{line}\r\n"));
        let zone = TimeZone::get("Europe/Brussels").unwrap();
        let at = |time: &MeterTime| time.to_timestamp(&zone, Timestamp::UNIX_EPOCH);
        let said = said(&items[1], at)?;
        let shown = said.into_iter();
        Some(
            shown
                .map(|(key, value)| (key, value.to_json().to_string().replace('"', "")))
                .collect(),
        )
    }

    fn one(line: &str) -> Option<(&'static str, String)> {
        of(line).and_then(|mut said| said.pop())
    }

    #[test]
    fn words_and_numbers_say_the_same() {
        for (line, key, expected) in [
            ("0-0:96.14.0(0001)", "tariff", "1"),
            ("0-0:96.14.0(2)", "tariff", "2"),
            ("0-0:96.14.0(TARIFF 1)", "tariff", "1"),
            ("0-0:96.14.0(night)", "tariff", "other"),
            ("0-0:96.3.10(1)", "breaker", "connected"),
            ("0-0:96.3.10(OFF)", "breaker", "disconnected"),
            ("0-0:96.50.68(2)", "breaker", "ready"),
            ("0-2:96.3.10(0)", "relay_2", "disconnected"),
            ("0-0:17.0.0(10.0*kW)", "power_limit", "10000"),
            ("0-0:17.0.0(016*A)", "current_limit", "16"),
            ("0-0:17.0.0(069.0*kVA)", "apparent_power_limit", "69000"),
            ("0-0:17.0.0(999.9*kW)", "power_limit", "null"),
            ("1-0:31.4.0(063*A)", "current_limit", "63"),
            ("1-0:31.4.0(999*A)", "current_limit", "null"),
        ] {
            assert_eq!(one(line), Some((key, expected.to_owned())), "{line}");
        }
        // A demand, and a second value that nobody explains.
        assert_eq!(one("1-0:31.4.0(0000.003*kA)"), None);
        assert_eq!(one("1-1:31.4.0(100*A)(-063*A)"), None);
    }

    #[test]
    fn months_are_in_order_whatever_the_list_is() {
        let newest = "(200501000000S)(200423192538S)(03.695*kW)";
        let older = "(200401000000S)(200305122139W)(05.980*kW)";
        let unmeasured = "(200301000000W)(632525252525W)(00.000*kW)";
        let expected = vec![
            ("demand_peaks", "2020-04 3695 W, 2020-03 5980 W".to_owned()),
            ("demand_peak_mean", "4837.5".to_owned()),
        ];
        for order in [[newest, older, unmeasured], [unmeasured, older, newest]] {
            let line = format!("0-0:98.1.0(3)(1-0:1.6.0)(1-0:1.6.0){}", order.concat());
            assert_eq!(of(&line), Some(expected.clone()), "{line}");
        }
        assert_eq!(of("0-0:98.1.0(0)(1-0:1.6.0)(1-0:1.6.0)"), Some(Vec::new()));
        assert_eq!(
            of("0-0:98.1.0(230701000000S)(000040.777*kWh)(03.564*kW)"),
            None
        );
        assert_eq!(
            of("1-0:1.6.0(200509134558S)(02.589*kW)").map(|said| said.len()),
            Some(2)
        );
    }

    #[test]
    fn the_last_failure_is_the_newest_of_those_with_a_date() {
        let line = "1-0:99.97.0(3)(0-0:96.7.19)(101208151004W)(0000000301*s)(101208152415W)(0000000240*s)\
                    (000104180320W)(2147583646*s)";
        let expected = vec![
            ("last_failure_end", "2010-12-08T14:24:15+00:00".to_owned()),
            ("last_failure_duration", "240".to_owned()),
        ];
        assert_eq!(of(line), Some(expected));
        for none in [
            "1-0:99.97.0()",
            "1-0:99.97.0(0)(0-0:96.7.19)",
            "1-0:99.97.0(0)()",
        ] {
            assert_eq!(of(none), Some(Vec::new()), "{none}");
        }
    }
}
