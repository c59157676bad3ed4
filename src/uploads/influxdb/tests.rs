//! Lines, requests, verdicts.

use super::*;
use crate::model::{Decimal, DeviceId};
use crate::uploads::{Load, LoadDevice, LoadSlot, LoadValue, Target as _};

fn device(id: &str, values: Vec<(&str, LoadValue)>) -> LoadDevice {
    let (adapter, serial) = id.rsplit_once('_').unwrap();
    LoadDevice {
        id: DeviceId::new(adapter, serial),
        name: "My Roof, = south\\".to_owned(),
        values: values
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}

fn number(text: &str) -> LoadValue {
    LoadValue::Number {
        number: text.parse::<Decimal>().unwrap(),
        quantity: None,
        is_lifetime: false,
    }
}

fn settings() -> InfluxSettings {
    InfluxSettings {
        url: Some("http://127.0.0.1:8086".parse().unwrap()),
        database: Some("wattbridge".to_owned()),
        ..InfluxSettings::default()
    }
}

#[test]
fn what_would_end_a_name_is_escaped_and_lines_stay_lines() {
    let mut settings = settings();
    settings.tags = vec![config::InfluxTag::Name];
    settings.texts = true;
    let values = vec![
        ("power", number("-0.5")),
        ("state", LoadValue::Text("a\"\n\\".to_owned())),
    ];
    let load = Load {
        slots: vec![LoadSlot {
            end: 300,
            devices: vec![
                device("victron_hq1", values),
                device("victron_hq2", Vec::new()),
            ],
            energies: Vec::new(),
        }],
        through: 600,
    };
    let mut target = InfluxTarget::new(settings).unwrap();
    let parcel = target.prepare(&load, false, jiff::Timestamp::UNIX_EPOCH);
    let errand = parcel.errand.unwrap().to_string();
    let line = "wattbridge,device=victron_hq1,name=My\\ Roof\\,\\ \\=\\ south power=-0.5,state=\"a\\\" \\\\\" 300";
    assert_eq!(errand.lines().last().unwrap(), line);
    assert_eq!((parcel.slots, parcel.through), (vec![300], 600));
}

#[test]
fn no_request_is_larger_than_the_bound() {
    let values: Vec<_> = (0..40)
        .map(|_| ("energy_total", number("123456.789")))
        .collect();
    let slots = (1..4000).map(|at| LoadSlot {
        end: at * 300,
        devices: vec![device("victron_hq1", values.clone()); 3],
        energies: Vec::new(),
    });
    let load = Load {
        slots: slots.collect(),
        through: 9_999_999,
    };
    let mut target = InfluxTarget::new(settings()).unwrap();
    let parcel = target.prepare(&load, false, jiff::Timestamp::UNIX_EPOCH);
    let Some(crate::uploads::Errand::Http(request)) = parcel.errand else {
        panic!()
    };
    assert!(request.body.len() <= 1_000_000, "{}", request.body.len());
    assert_eq!(parcel.slots.last(), Some(&parcel.through));
}
