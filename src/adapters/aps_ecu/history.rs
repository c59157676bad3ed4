//! What an ECU itself has kept of its past, for `wattbridge aps-ecu history`.

use std::time::Duration;

use jiff::civil::Date;

use super::exchange::{AskError, Patience, ask};
use super::wire::{Answer, DayCurve, EcuId, EnergyHistory, Gateway, Period, Request, Status};
use super::{KIND, health};
use crate::clock::Clock;
use crate::device::history::{Asked, History, Past, Wish};
use crate::device::{BoxFuture, ToolError};
use crate::links::Endpoint;
use crate::model::{Days, Decimal, Device, Metric, Quantity, Reading, Readings};

/// The command.
pub static HISTORY: History = History {
    about: "Prints what an ECU has kept of the past: a week, a month, a year, or the power of one day",
    examples: "\
Examples:
  wattbridge aps-ecu history 192.168.1.50                    the last week
  wattbridge aps-ecu history 192.168.1.50 --days 30
  wattbridge aps-ecu history 192.168.1.50 --months           the last year
  wattbridge aps-ecu history 192.168.1.50 --day 2026-06-21   one day",
    ask: |asked| Box::pin(read(asked)) as BoxFuture<_>,
};

/// What a day, a month and a moment have.
const METRICS: &[Metric] = &[
    Metric::figure(ENERGY, Quantity::Energy)
        .named("Yield")
        .decimals(2),
    Metric::figure(ENERGY_OF_MONTH, Quantity::Energy)
        .named("Yield")
        .decimals(2),
    Metric::measurement(POWER, Quantity::Power).decimals(0),
];
const ENERGY: &str = "energy_today";
const ENERGY_OF_MONTH: &str = "energy";
const POWER: &str = "power";

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(10),
};
/// Between two questions.
const PAUSE: Duration = Duration::from_secs(1);
/// Days that the shorter list of an ECU has, and the port that it listens at.
const WEEK: u16 = 7;
const PORT: u16 = 8899;

async fn read(asked: Asked) -> Result<Past, ToolError> {
    let endpoint = endpoint(&asked.address)?;
    let info = ask(&asked.links, &endpoint, &Request::EcuInfo, PATIENCE).await;
    let Answer::EcuInfo(info) = info.map_err(explain)? else {
        return Err(OTHER.into());
    };
    let mut device = Device::new(KIND, info.ecu.to_string(), "", "APsystems");
    let product = Gateway::of(&info.ecu).map_or("ECU", |gateway| gateway.name);
    device.model = Some(product.to_owned());
    device.metrics = METRICS.to_vec();
    asked.clock.sleep(PAUSE).await;
    let request = request(asked.wish, info.ecu);
    let answer = ask(&asked.links, &endpoint, &request, PATIENCE).await;
    let mut past = Past::new(device.clone(), Days::new(device.id));
    match answer.map_err(explain)? {
        Answer::DayCurve(curve) => {
            if let Wish::Course(date) = asked.wish {
                power(&mut past, &curve, date, &asked.clock);
            }
        }
        Answer::EnergyHistory(history) => energy(&mut past, &history, asked.wish),
        _ => return Err(OTHER.into()),
    }
    Ok(past)
}

const OTHER: &str = "the ECU answered another question than asked; try again";

fn endpoint(address: &str) -> Result<Endpoint, ToolError> {
    let (host, port) = match address.rsplit_once(':') {
        // An address of IPv6 alone has more of them.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            let port = port.parse();
            (
                host,
                port.map_err(|_| "after the colon comes the number of a port, such as 8899")?,
            )
        }
        _ => (address, PORT),
    };
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    Ok(Endpoint { host, port })
}

fn request(wish: Wish, ecu: EcuId) -> Request {
    let of = |period| Request::EnergyHistory { ecu, period };
    match wish {
        Wish::Course(date) => Request::DayCurve { ecu, date },
        Wish::Months => of(Period::Year),
        Wish::Days(None | Some(..=WEEK)) => of(Period::Week),
        Wish::Days(_) => of(Period::Month),
    }
}

fn power(past: &mut Past, curve: &DayCurve, date: Date, clock: &Clock) {
    if curve.points.is_empty() {
        past.notes
            .push("The ECU has kept nothing of that day.".to_owned());
    }
    for (time, watts) in &curve.points {
        let moment = date.to_datetime(*time).to_zoned(clock.zone().clone());
        let Ok(moment) = moment else { continue };
        let mut readings = Readings::new(past.device.id.clone(), moment.timestamp());
        readings.push(POWER, Decimal::integer(i64::from(*watts)));
        past.course.push(readings);
    }
}

fn energy(past: &mut Past, history: &EnergyHistory, wish: Wish) {
    if history.days.is_empty() {
        past.notes.push(
            "The ECU has kept nothing of that time; newer firmware answers nothing here."
                .to_owned(),
        );
    }
    let key = match wish {
        Wish::Months => ENERGY_OF_MONTH,
        _ => ENERGY,
    };
    let most = match wish {
        Wish::Days(Some(days)) => usize::from(days),
        _ => usize::MAX,
    };
    let latest = history.days.len().saturating_sub(most);
    for (date, energy) in history.days.iter().skip(latest) {
        let value = Decimal::from_watt_hours(i64::try_from(*energy).unwrap_or(i64::MAX));
        let reading = Reading {
            key: key.into(),
            value: value.into(),
        };
        past.days.days.insert(*date, vec![reading]);
    }
    if history.wraps && history.period != Period::Week {
        past.notes
            .push("This ECU counts to 655.35 kWh here and then begins at 0 again.".to_owned());
    }
}

fn explain(error: AskError) -> ToolError {
    match error {
        AskError::Status(_, Status::NoData) => {
            "the ECU has no data yet; it has just started".into()
        }
        AskError::Silent(_) => {
            "the ECU does not answer this question; firmware 2 and later often lacks it".into()
        }
        error => health::unanswered(&error).sentence().into(),
    }
}
