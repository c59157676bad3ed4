//! Lines, requests, verdicts.

use super::*;
use crate::model::{Decimal, DeviceId};
use crate::uploads::{Load, LoadDevice, LoadSlot, LoadValue, Target as _, UploadVerdict};

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

fn said(status: u16, body: &str) -> crate::uploads::ErrandAnswer {
    crate::uploads::ErrandAnswer::Http(Ok(crate::http::HttpAnswer {
        status: hyper::StatusCode::from_u16(status).unwrap(),
        headers: hyper::HeaderMap::new(),
        body: body.to_owned().into(),
    }))
}

/// As versions 1, 2 and 3 word it.
#[test]
fn a_field_of_another_type_costs_nothing_but_itself() {
    let values = vec![("power", number("5")), ("voltage", number("230.1"))];
    let load = Load {
        slots: vec![LoadSlot {
            end: 300,
            devices: vec![device("victron_hq1", values)],
            energies: Vec::new(),
        }],
        through: 300,
    };
    let of_influx_1 = r#"{"error":"partial write: field type conflict: input field \"power\" on measurement \"wattbridge\" is type float, already exists as type integer dropped=1"}"#;
    let of_influx_2 = r#"{"code":"unprocessable entity","message":"failure writing points to database: partial write: field type conflict: input field \"power\" on measurement \"wattbridge\" is type float, already exists as type integer dropped=1"}"#;
    let of_influx_3 = r#"{"error":"partial write of line protocol occurred","data":[{"original_line":"w","line_number":1,"error_message":"invalid column type for column 'power', expected iox::column_type::field::integer, got iox::column_type::field::float"}]}"#;
    for (status, body) in [(400, of_influx_1), (422, of_influx_2), (400, of_influx_3)] {
        let mut target = InfluxTarget::new(settings()).unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let parcel = target.prepare(&load, false, now);
        let again = target.judge(&parcel, &said(status, body), now);
        assert_eq!(again, UploadVerdict::Skip { slots: Vec::new() }, "{body}");
        let parcel = target.prepare(&load, false, now);
        let sent = parcel.errand.as_ref().unwrap().to_string();
        assert!(
            sent.ends_with("device=victron_hq1 voltage=230.1 300\n"),
            "{sent}"
        );
        // One that is named although it was left out is no reason to go on for ever.
        for (status, body) in [(204, ""), (status, body)] {
            let verdict = target.judge(&parcel, &said(status, body), now);
            let UploadVerdict::Done { trouble: Some(it) } = verdict else {
                panic!("{verdict:?}");
            };
            assert!(it.detail.contains("power") || status != 204, "{it:?}");
        }
        let tomorrow = now + jiff::SignedDuration::from_hours(25);
        let parcel = target.prepare(&load, false, tomorrow);
        assert!(parcel.errand.unwrap().to_string().contains("power=5"));
    }
}

/// Names that nobody sent are not believed.
#[test]
fn a_server_cannot_have_fields_left_out_that_were_not_sent() {
    let load = Load {
        slots: vec![LoadSlot {
            end: 300,
            devices: vec![device("victron_hq1", vec![("power", number("5"))])],
            energies: Vec::new(),
        }],
        through: 300,
    };
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut target = InfluxTarget::new(settings()).unwrap();
    let parcel = target.prepare(&load, false, now);
    for name in ["", "nothing", "\"", "powe"] {
        let quoted = serde_json::to_string(name).unwrap();
        let words = format!("partial write: field type conflict: input field {quoted} on");
        let body = serde_json::json!({ "error": words }).to_string();
        let verdict = target.judge(&parcel, &said(400, &body), now);
        assert!(matches!(verdict, UploadVerdict::Done { .. }), "{verdict:?}");
    }
}
