//! `wattbridge victron history`: what a solar charger has kept of the last 30 days.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::super::KIND;
use super::super::wire::history::DAYS;
use super::interview::survey;
use super::survey::Survey;
use super::told;
use crate::device::history::{Asked, History, Past, Wish};
use crate::device::{BoxFuture, ToolError};
use crate::links::Address;
use crate::model::{Days, Device};
use crate::terminal::remark;

/// The command.
pub static HISTORY: History = History {
    about: "Prints what a solar charger or RS unit has kept of the last 30 days. Only one program can use a \
            port: stop wattbridge if it runs there",
    examples: "\
Examples:
  wattbridge victron history /dev/ttyUSB0              a table, day by day
  wattbridge victron history tcp://192.168.1.9:2001    over the network
  wattbridge victron history /dev/ttyUSB0 --days 6 --json",
    ask: |asked| Box::pin(read(asked)) as BoxFuture<_>,
};

async fn read(asked: Asked) -> Result<Past, ToolError> {
    let Wish::Days(days) = asked.wish else {
        return Err(
            "these devices keep days, and neither months nor the course of a day; use --days"
                .into(),
        );
    };
    let address: Address = asked.address.parse()?;
    let begin = |name: &str| {
        // Newer firmware answers once a second at most.
        remark(&format!(
            "Reading the history of {name}; this may take a minute."
        ));
    };
    let days = days.unwrap_or(DAYS).min(DAYS);
    let survey = survey(&asked.links, &address, days, begin).await?;
    Ok(past(&survey, asked.clock.local().date()))
}

/// The past that a survey found; `today` is the date here.
fn past(survey: &Survey, today: Date) -> Past {
    let serial = survey.serial.clone().unwrap_or_default();
    let mut device = Device::new(KIND, &serial, "", "Victron Energy");
    device.serial = serial;
    device.model = survey.product.map(|product| product.to_string());
    device.metrics = told::METRICS.to_vec();
    let date = |ago: u16| today.saturating_sub(i32::from(ago).days());
    let mut days = Days::new(device.id.clone());
    for day in &survey.days {
        let values = days.days.entry(date(day.days_ago)).or_default();
        values.extend(told::of_day(day));
    }
    for day in &survey.trackers {
        let values = days.days.entry(date(day.days_ago)).or_default();
        values.extend(told::of_trackers(day));
    }
    let mut past = Past::new(device, days);
    past.life = survey
        .totals
        .as_ref()
        .map(told::of_life)
        .unwrap_or_default();
    if survey.days.is_empty() {
        let none = "The device has no record of single days yet.";
        past.notes.push(none.to_owned());
    }
    if !survey.unanswered.is_empty() {
        let silent = survey.unanswered.iter().map(|ago| date(*ago).to_string());
        past.notes.push(format!(
            "No answer came for {}. Run the command again; if it lasts, check the cable.",
            silent.collect::<Vec<_>>().join(", ")
        ));
    }
    past.notes.push(
        "The device has no clock: its day begins when the sun rises on its panels, so until then the first line is \
         still the day before."
            .to_owned(),
    );
    past
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_without_an_answer_are_named() {
        let survey = Survey {
            unanswered: vec![2],
            ..Survey::default()
        };
        let past = past(&survey, jiff::civil::date(2026, 3, 1));
        assert!(
            past.notes
                .iter()
                .any(|note| note.contains("No answer came for 2026-02-27."))
        );
    }
}
