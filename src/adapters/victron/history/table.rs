//! What a device remembers, for people and for programs.

use std::fmt::Write as _;

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use serde_json::{Value, json};

use super::super::wire::history::{Day, Totals, TrackersDay};
use super::super::wire::words::ERROR;
use super::survey::Survey;
use crate::model::Decimal;

const HEAD: &str = "\
Date          Yield   Power      PV       Battery      Bulk   Abs.  Float  Errors
                kWh   max W   max V    min / max V      min    min    min
";

/// A table, latest day first; `today` is the date here.
pub fn text(survey: &Survey, today: Date) -> String {
    let mut text = String::new();
    if let Some(product) = &survey.product {
        let serial = survey.serial.as_deref().unwrap_or("not told");
        let _ = writeln!(text, "{product}, serial number {serial}\n");
    }
    if survey.days.is_empty() {
        text.push_str("The device has no record of single days yet.\n");
    } else {
        text.push_str(HEAD);
        for day in &survey.days {
            day_line(&mut text, day, date(today, day.days_ago));
        }
        let known = survey.days.iter().filter_map(|day| day.energy);
        let sum = Decimal::total(
            known
                .clone()
                .map(|energy| (energy, false))
                .collect::<Vec<_>>(),
        );
        let most = survey.days.iter().filter_map(|day| day.power_most).max();
        let (sum, most) = (shown(Some(sum)), shown(most));
        let _ = writeln!(text, "Together  {sum:>9} {most:>7}");
    }
    if !survey.trackers.is_empty() {
        trackers(&mut text, &survey.trackers, today);
    }
    if let Some(totals) = &survey.totals {
        life(&mut text, totals);
    }
    if !survey.unanswered.is_empty() {
        let days: Vec<String> = survey
            .unanswered
            .iter()
            .map(|ago| date(today, *ago).to_string())
            .collect();
        let _ = writeln!(
            text,
            "\nNo answer came for {}. Run the command again; if it lasts, check the cable.",
            days.join(", ")
        );
    }
    text.push_str(
        "\nThe device has no clock: its day begins when the sun rises on its panels, so until then the first \
         line is still the day before.\n",
    );
    text
}

/// The same as JSON objects: one for each day, and one for the device and its whole life.
pub fn json(survey: &Survey, today: Date) -> Vec<Value> {
    let number = |value: Option<Decimal>| value.map_or(Value::Null, Decimal::to_json);
    let mut lines = vec![json!({
        "model": survey.product.map(|product| product.to_string()),
        "serial": survey.serial,
        "totals": survey.totals.as_ref().map(|totals| json!({
            "yield_kwh": number(totals.yield_total),
            "yield_since_reset_kwh": number(totals.yield_user),
            "pv_voltage_max": number(totals.panel_voltage_most),
            "battery_voltage_max": number(totals.battery_voltage_most),
            "battery_voltage_min": number(totals.battery_voltage_least),
            "days": totals.days,
            "errors": errors(totals.errors),
        })),
        "unanswered": survey.unanswered.iter().map(|ago| date(today, *ago)).collect::<Vec<_>>(),
    })];
    lines.extend(survey.days.iter().map(|day| {
        json!({
            "date": date(today, day.days_ago),
            "days_ago": day.days_ago,
            "day_number": day.number,
            "yield_kwh": number(day.energy),
            "load_kwh": number(day.load_energy),
            "power_max": day.power_most,
            "pv_voltage_max": number(day.panel_voltage_most),
            "battery_voltage_min": number(day.battery_voltage_least),
            "battery_voltage_max": number(day.battery_voltage_most),
            "battery_current_max": number(day.battery_current_most),
            "bulk_minutes": day.bulk,
            "absorption_minutes": day.absorption,
            "float_minutes": day.float,
            "errors": errors(day.errors),
        })
    }));
    lines.extend(survey.trackers.iter().map(|day| {
        let trackers = day.trackers.iter().map(|tracker| {
            json!({
                "yield_kwh": number(tracker.energy),
                "power_max": tracker.power_most,
                "pv_voltage_max": number(tracker.voltage_most),
            })
        });
        json!({
            "date": date(today, day.days_ago),
            "days_ago": day.days_ago,
            "day_number": day.number,
            "trackers": trackers.collect::<Vec<_>>(),
        })
    }));
    lines
}

fn day_line(text: &mut String, day: &Day, date: Date) {
    let battery = match (day.battery_voltage_least, day.battery_voltage_most) {
        (None, None) => "-".to_owned(),
        (least, most) => format!("{} / {}", shown(least), shown(most)),
    };
    let minutes = |minutes: Option<u16>| format!("{:>6}", shown(minutes));
    let errors = errors(day.errors);
    let errors = if errors.is_empty() {
        "none".to_owned()
    } else {
        errors.join(", ")
    };
    let _ = writeln!(
        text,
        "{date} {:>8} {:>7} {:>7} {battery:>14}    {} {} {}  {errors}",
        shown(day.energy),
        shown(day.power_most),
        shown(day.panel_voltage_most),
        minutes(day.bulk),
        minutes(day.absorption),
        minutes(day.float),
    );
}

fn trackers(text: &mut String, days: &[TrackersDay], today: Date) {
    text.push_str("\nBy tracker: yield in kWh, highest power in W, highest voltage in V\n");
    for day in days {
        let _ = write!(text, "{}", date(today, day.days_ago));
        for tracker in &day.trackers {
            let cell = match (tracker.energy, tracker.power_most, tracker.voltage_most) {
                (None, None, None) => "-".to_owned(),
                (energy, power, voltage) => {
                    format!("{} / {} / {}", shown(energy), shown(power), shown(voltage))
                }
            };
            let _ = write!(text, "  {cell:>21}");
        }
        text.push('\n');
    }
}

fn life(text: &mut String, totals: &Totals) {
    let line = |text: &mut String, what: &str, value: Option<Decimal>, unit: &str| {
        if let Some(value) = value {
            let _ = writeln!(text, "{what:<32}{:>9} {unit}", value.to_string());
        }
    };
    text.push_str("\nIn its whole life\n");
    line(text, "Yield", totals.yield_total, "kWh");
    line(text, "Yield since its last reset", totals.yield_user, "kWh");
    line(
        text,
        "Highest panel voltage",
        totals.panel_voltage_most,
        "V",
    );
    line(
        text,
        "Highest battery voltage",
        totals.battery_voltage_most,
        "V",
    );
    line(
        text,
        "Lowest battery voltage",
        totals.battery_voltage_least,
        "V",
    );
    let errors = errors(totals.errors);
    if !errors.is_empty() {
        let _ = writeln!(text, "Last errors, latest first: {}", errors.join(", "));
    }
}

/// The words for errors.
fn errors(codes: [u8; 4]) -> Vec<String> {
    let real = codes.into_iter().filter(|code| *code != 0);
    let words = real.map(|code| match ERROR.word(i64::from(code)) {
        Some(word) => format!("{word} ({code})"),
        None => format!("error {code}"),
    });
    words.collect()
}

/// The date so many days before today.
fn date(today: Date, days_ago: u16) -> Date {
    let span: Span = i32::from(days_ago).days();
    today.saturating_sub(span)
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::super::wire::history::TrackerDay;
    use super::*;

    fn day(days_ago: u16) -> Day {
        Day {
            version: 0,
            days_ago,
            number: Some(40 - days_ago),
            energy: Some(Decimal::new(123, 2)),
            load_energy: None,
            battery_voltage_most: Some(Decimal::new(1440, 2)),
            battery_voltage_least: Some(Decimal::new(1212, 2)),
            errors: [0; 4],
            bulk: Some(61),
            absorption: None,
            float: Some(0),
            power_most: Some(345),
            battery_current_most: Some(Decimal::new(123, 1)),
            panel_voltage_most: Some(Decimal::new(7812, 2)),
        }
    }

    fn survey(days: Vec<Day>) -> Survey {
        Survey {
            product: None,
            serial: None,
            totals: None,
            days,
            trackers: Vec::new(),
            unanswered: Vec::new(),
        }
    }

    fn today() -> Date {
        jiff::civil::date(2026, 3, 1)
    }

    #[test]
    fn every_day_has_its_date_and_what_is_unknown_is_no_number() {
        let text = text(&survey(vec![day(0), day(1)]), today());
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        let expected = "2026-03-01 1.23 345 78.12 12.12 / 14.40 61 - 0 none";
        assert_eq!(lines[2].join(" "), expected);
        assert_eq!(lines[3][0], "2026-02-28");
        assert_eq!(lines[4], ["Together", "2.46", "345"]);
    }

    #[test]
    fn errors_are_told_in_words_also_those_nobody_knows() {
        let mut bad = day(0);
        bad.errors = [33, 0, 99, 0];
        let survey = survey(vec![bad]);
        let told = "panel voltage too high (33), error 99";
        assert!(text(&survey, today()).contains(told));
        let words = json!(["panel voltage too high (33)", "error 99"]);
        assert_eq!(json(&survey, today())[1]["errors"], words);
    }

    #[test]
    fn json_has_one_line_for_each_day_with_exact_numbers() {
        let lines = json(&survey(vec![day(0), day(30)]), today());
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1]["yield_kwh"].to_string(), "1.23");
        assert_eq!(lines[1]["load_kwh"], Value::Null);
        assert_eq!(lines[2]["date"], "2026-01-30");
    }

    #[test]
    fn days_of_trackers_are_told_only_where_there_are_some() {
        let mut survey = survey(vec![day(0)]);
        assert!(!text(&survey, today()).contains("tracker"));
        let tracker = TrackerDay {
            energy: Some(Decimal::new(5, 1)),
            power_most: Some(200),
            voltage_most: None,
        };
        survey.trackers.push(TrackersDay {
            days_ago: 0,
            number: None,
            trackers: [tracker, TrackerDay::default(), tracker, tracker],
        });
        let text = text(&survey, today());
        assert!(text.contains("0.5 / 200 / -"), "{text}");
        assert_eq!(
            json(&survey, today())[2]["trackers"][1]["power_max"],
            Value::Null
        );
    }

    #[test]
    fn days_without_an_answer_are_named() {
        let mut survey = survey(vec![day(0)]);
        survey.unanswered.push(2);
        assert!(text(&survey, today()).contains("No answer came for 2026-02-27."));
    }
}
