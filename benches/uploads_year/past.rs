//! The past that is sent: slots of a simulated house, and what a simulated SolarEdge roof said.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use wattbridge::adapters::find;
use wattbridge::adapters::solaredge::simulator::{Exchange, InverterSettings};
use wattbridge::config::File;
use wattbridge::history::{History, HistorySettings, HouseRoles};
use wattbridge::model::{Device, DeviceId, Report};
use wattbridge::simulation::year::{HouseYear, YearPlan};
use wattbridge::simulation::{House, Sky};
use wattbridge::uploads::Uploads;

use super::{midnight, year_house};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn zone() -> TimeZone {
    TimeZone::get("Europe/Vienna").unwrap()
}

/// Makes a history of so many days of a house: an ECU with six inverters, a meter, a charger, a battery. The moment
/// at which all of it is over comes back.
pub(crate) fn fill(file: &Path, from: Date, days: i64) -> Timestamp {
    let (begin, end) = (midnight(from), midnight(from + days.days()));
    let year = HouseYear::new(YearPlan::new(year_house::devices(), zone(), begin, end));
    let history = History::open_stepped(file, &HistorySettings::default(), zone());
    history.set_roles(HouseRoles::of(year.parts()));
    let mut waited = begin;
    year.tell(|timed| {
        match timed.report {
            Report::Device(device) => history.describe(&Arc::new(*device)),
            Report::Health(device, health) => history.health(&device, timed.at, &health),
            Report::Readings(readings) => {
                let values = readings.values.into_iter();
                let values = values.map(|reading| (reading.key, reading.value));
                history.record(&readings.device, timed.at, readings.day, values);
            }
            _ => {}
        }
        if timed.at >= waited + 120.hours() {
            waited = timed.at;
            history.tick(timed.at);
            history.flush(PATIENCE);
        }
    });
    let over = end + 1.hour();
    history.tick(over);
    history.flush(PATIENCE);
    history.close();
    over
}

/// Keeps what an inverter with three phases and 12 optimizers says in so many days, for the target of a section. What
/// it says goes the way of a capture. The moment at which all of it is over comes back.
pub(crate) fn fill_records(file: &Path, toml: &str, from: Date, days: i64) -> Timestamp {
    let read = File::parse(toml, "bench").unwrap();
    let history = History::open_stepped(file, &HistorySettings::default(), zone());
    // From now on records are wanted.
    drop(Uploads::read(&read).0.sources(&history));
    let begun = from.to_zoned(zone()).unwrap();
    let settings = InverterSettings::new(House::new(&begun, Sky::default()).at_speed(0.0));
    let mut exchange = Exchange::new(settings, begun.timestamp().as_second());
    let mut decoder = {
        let text = "[[solaredge]]\ncapture = \"-\"\ntime_zone = \"Europe/Vienna\"\n";
        let section = File::parse(text, "bench").unwrap().sections("solaredge");
        find("solaredge").unwrap().decoder(&section[0]).unwrap()
    };
    decoder.push(&Exchange::head());
    let end = midnight(from + days.days());
    let mut devices: HashMap<DeviceId, Box<Device>> = HashMap::new();
    let (mut kept, mut said) = (0, 0);
    while exchange.next_due() < end.as_second() {
        let at = exchange.next_due();
        exchange.run_until(at);
        exchange.spoken();
        decoder.push(&exchange.take());
        let at = Timestamp::from_second(at).unwrap() + SignedDuration::from_secs(1);
        while let Some(decoded) = decoder.next() {
            for report in decoded.unwrap().reports {
                match report {
                    Report::Device(device) => drop(devices.insert(device.id.clone(), device)),
                    Report::Readings(readings) | Report::Late(readings) => {
                        if let Some(device) = devices.get(&readings.device) {
                            history.record_as_said(device, &readings, at);
                            kept += 1;
                        }
                    }
                    _ => {}
                }
            }
        }
        // So many are held in memory, before they are written.
        if kept - said > 2000 {
            said = kept;
            history.flush(PATIENCE);
        }
    }
    history.flush(PATIENCE);
    history.close();
    end + 1.hour()
}
