//! Rows, batches, and answers of any kind.

use hyper::body::Bytes;
use hyper::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::history::{Calendar, SLOT};
use crate::http::HttpAnswer;
use crate::model::{Decimal, DeviceId};
use crate::uploads::{
    Errand, ErrandAnswer, Load, LoadDevice, LoadSlot, LoadValue, Parcel, Target, UploadVerdict,
};

fn settings(mut more: serde_json::Value) -> PvOutputSettings {
    more["system_id"] = json!("12345");
    more["key"] = json!("3f9c0a71d5");
    serde_json::from_value(more).unwrap()
}

fn target(zone: &str, more: serde_json::Value) -> PvOutputTarget {
    let mut target = PvOutputTarget::new(&settings(more)).unwrap();
    target.live_in(&Calendar::new(TimeZone::get(zone).unwrap()));
    target
}

fn answer(status: u16, body: &[u8]) -> ErrandAnswer {
    ErrandAnswer::Http(Ok(HttpAnswer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body),
    }))
}

fn number(mantissa: i64, scale: u8) -> LoadValue {
    LoadValue::Number {
        number: Decimal::new(mantissa, scale),
        quantity: None,
        is_lifetime: false,
    }
}

fn device(id: &str, values: Vec<(&str, LoadValue)>) -> LoadDevice {
    let (adapter, serial) = id.split_once('_').unwrap();
    LoadDevice {
        id: DeviceId::new(adapter, serial),
        name: String::new(),
        values: values
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}

fn rows(parcel: &Parcel) -> Vec<String> {
    let Some(Errand::Http(request)) = &parcel.errand else {
        return Vec::new();
    };
    let body = std::str::from_utf8(&request.body).unwrap();
    let data = body.strip_prefix("data=").unwrap();
    let data = data
        .replace("%2C", ",")
        .replace("%3B", ";")
        .replace("%3A", ":");
    assert!(!data.contains('%'), "{data}");
    data.split(';').map(str::to_owned).collect()
}

/// What a slot says: end, generated, power, consumed, consumption.
type Told = (i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

fn load(told: &[Told], through: i64) -> Load {
    let slots = told
        .iter()
        .map(|(end, generated, power, consumed, consumption)| {
            let values = |power: &Option<i64>| -> Vec<_> {
                power
                    .iter()
                    .map(|power| ("power", number(*power, 1)))
                    .collect()
            };
            LoadSlot {
                end: *end,
                devices: vec![
                    device("sum_roof", values(power)),
                    device("sum_house", values(consumption)),
                ],
                energies: vec![*generated, *consumed],
            }
        });
    Load {
        slots: slots.collect(),
        through,
    }
}

fn both(zone: &str) -> PvOutputTarget {
    target(
        zone,
        json!({ "generation": "sum_roof", "consumption": "sum_house" }),
    )
}

#[test]
fn what_is_wanted_follows_from_the_names() {
    let wanted = |name: &str| {
        let target = target(
            "UTC",
            json!({ "generation": "aps_ecu_1", "consumption": name }),
        );
        let energies = target.wants().energies;
        let (device, key) = energies[1].clone();
        (device.to_string(), key)
    };
    let pair = |device: &str, key: Option<&str>| (device.to_owned(), key.map(str::to_owned));
    assert_eq!(wanted("sum_house"), pair("sum_house", None));
    assert_eq!(wanted("sum_house/power"), pair("sum_house", None));
    assert_eq!(wanted("house"), pair("house", Some("house")));
    assert_eq!(
        wanted("victron_a/load_power"),
        pair("victron_a", Some("load_power"))
    );
    assert_eq!(
        wanted("meter_a/energy_import_t1"),
        pair("meter_a", Some("energy_import_t1"))
    );
}

#[test]
fn a_section_that_lacks_something_is_told_what() {
    use crate::config::Settings as _;
    let complaints = |more: serde_json::Value| -> Vec<&'static str> {
        let settings: PvOutputSettings = serde_json::from_value(more).unwrap();
        settings.check().iter().map(|it| it.field).collect()
    };
    assert_eq!(complaints(json!({})), ["system_id", "key", "generation"]);
    let wrong = json!({ "system_id": "12 345", "key": "k", "generation": "victron_*", "generation_power": "power",
        "consumption_power": "a/b", "voltage": "a", "extended": { "v9": "a/" } });
    let fields = [
        "system_id",
        "generation",
        "generation_power",
        "voltage",
        "extended.v9",
        "consumption_power",
    ];
    assert_eq!(complaints(wrong), fields);
    let right = json!({ "system_id": "1", "key": "k", "consumption": "house" });
    assert!(complaints(right).is_empty());
}

#[test]
fn what_is_beyond_a_bound_is_left_out() {
    let mut target = both("UTC");
    let noon = 1_781_524_800;
    let told = [
        (noon, None, Some(5820), Some(200_001), Some(1_000_010)),
        (noon + SLOT, Some(10), None, Some(200_001), Some(1000)),
    ];
    let now = Timestamp::from_second(noon + 600).unwrap();
    let parcel = target.prepare(&load(&told, noon + SLOT), false, now);
    assert_eq!(
        rows(&parcel),
        ["20260615,12:00,-1,582", "20260615,12:05,10,-1,,100"]
    );
}

#[test]
fn memory_that_is_not_understood_is_left() {
    let mut target = both("UTC");
    for text in [
        "",
        "{",
        "[]",
        "{\"last\": 3}",
        "{\"interval\": -7}",
        "{\"interval\": 99999999}",
    ] {
        target.remember(text);
        let parcel = target.prepare(
            &load(&[(300, Some(1), Some(1), None, None)], 86_400),
            false,
            Timestamp::UNIX_EPOCH,
        );
        assert!(parcel.through > 0, "{text}");
    }
    let told = load(
        &[(1_781_524_800, Some(1), Some(10), None, None)],
        1_781_524_800,
    );
    let now = Timestamp::from_second(1_781_524_860).unwrap();
    let parcel = target.prepare(&told, false, now);
    assert_eq!(
        target.judge(&parcel, &answer(200, b"20260615,12:00,1"), now),
        UploadVerdict::done()
    );
    let memory = target.memory();
    let mut other = both("UTC");
    other.remember(&memory);
    assert_eq!(other.memory(), memory);
    assert!(memory.contains("\"generated\":1"), "{memory}");
}

const ZONES: [&str; 5] = [
    "UTC",
    "Europe/Vienna",
    "America/St_Johns",
    "Asia/Beirut",
    "America/Havana",
];

/// Any time, and more often one before clocks change in one of these places.
fn start() -> impl Strategy<Value = i64> {
    let changes = [
        1_774_735_200, // 2026-03-28T22:00:00Z
        1_774_746_000, // 2026-03-29T01:00:00Z
        1_792_875_600, // 2026-10-24T21:00:00Z
        1_792_890_000, // 2026-10-25T01:00:00Z
        1_793_509_200, // 2026-11-01T05:00:00Z
    ];
    let near = (prop::sample::select(changes.to_vec()), 0_i64..86_400);
    prop_oneof![
        1_742_000_000_i64..1_795_000_000,
        near.prop_map(|(change, before)| change - before),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever the house did: one date a batch, times that rise, never too many rows, energies that never fall within
    /// a date, nothing told twice, and an end.
    #[test]
    fn batches_are_what_pvoutput_takes(
        zone in 0..ZONES.len(),
        interval in prop::sample::select(vec![5, 10, 15]),
        donor in any::<bool>(),
        start in start(),
        told in prop::collection::vec((1_i64..40, prop::option::of(0_i64..90_000), prop::option::of(-50_i64..9000), prop::option::of(0_i64..210_000), prop::option::of(-50_i64..9000)), 1..400),
    ) {
        let mut target = both(ZONES[zone]);
        target.remember(&json!({ "interval": interval, "donor": donor }).to_string());
        let start = start - start % SLOT;
        let mut end = start;
        let told: Vec<Told> = told.into_iter().map(|(step, a, b, c, d)| {
            // Mostly one after the other.
            end += SLOT * if step < 35 { 1 } else { step };
            (end, a, b, c, d)
        }).collect();
        let now = Timestamp::from_second(end + 60).unwrap();
        let (mut done, mut last, mut sent) = (start - SLOT, (String::new(), String::new()), Vec::new());
        let mut energies = [0_i64; 2];
        for _ in 0..1000 {
            let rest: Vec<Told> = told.iter().filter(|it| it.0 > done).take(300).copied().collect();
            let through = if rest.len() == 300 { rest[299].0 } else { end };
            let parcel = target.prepare(&load(&rest, through), false, now);
            prop_assert!(parcel.through <= end);
            if parcel.errand.is_none() && parcel.through <= done {
                break;
            }
            let texts = rows(&parcel);
            let most = if donor { 100 } else { 30 };
            prop_assert!(texts.len() <= most);
            let mut said = Vec::new();
            for text in &texts {
                let fields: Vec<&str> = text.split(',').collect();
                let label = (fields[0].to_owned(), fields[1].to_owned());
                prop_assert_eq!(&fields[0], &&texts[0][..8]);
                let is_update = label == last && said.is_empty();
                prop_assert!(label > last || is_update, "{:?} after {:?}", label, last);
                if label.0 != last.0 {
                    energies = [0; 2];
                }
                for (held, place) in energies.iter_mut().zip([2, 4]) {
                    let value = fields.get(place).and_then(|it| it.parse::<i64>().ok()).filter(|it| *it >= 0);
                    if let Some(value) = value {
                        prop_assert!(value >= *held, "{}", text);
                        *held = value;
                    }
                }
                said.push(format!("{},{},1", label.0, label.1));
                last = label;
            }
            sent.extend(parcel.slots.iter().copied());
            if parcel.errand.is_some() {
                let verdict = target.judge(&parcel, &answer(200, said.join(";").as_bytes()), now);
                prop_assert_eq!(verdict, UploadVerdict::done());
            }
            prop_assert!(parcel.through > done);
            done = parcel.through;
        }
        // All is done but for a status that is not over.
        prop_assert!(end - done <= 2 * interval * 60);
        let count = sent.len();
        sent.sort_unstable();
        sent.dedup();
        prop_assert_eq!(sent.len(), count);
    }

    /// No answer is too strange; whatever it is, nothing is skipped that was not sent.
    #[test]
    fn answers_of_any_bytes_are_judged(
        status in prop::sample::select(vec![200_u16, 204, 301, 400, 401, 403, 404, 405, 413, 429, 500, 503]),
        start in prop::sample::select(vec!["", "Bad request 400: Energy value [", "Bad request 400: Date is older than 14 days [", "Energy value [100] lower than previously recorded value: [", "20260615,12:00,", "Moon Powered", "Exceeded"]),
        body in prop::collection::vec(any::<u8>(), 0..300),
        count in 1_i64..40,
    ) {
        let mut target = both("UTC");
        let noon = 1_781_524_800;
        let told: Vec<Told> = (0..count).map(|i| (noon + i * SLOT, Some(100 * i + 100), Some(10), None, Some(5))).collect();
        let through = noon + (count - 1) * SLOT;
        let now = Timestamp::from_second(through + 60).unwrap();
        let parcel = target.prepare(&load(&told, through), false, now);
        let mut bytes = start.as_bytes().to_vec();
        bytes.extend(body);
        for _ in 0..4 {
            if let UploadVerdict::Skip { slots } = target.judge(&parcel, &answer(status, &bytes), now) {
                for given in slots {
                    prop_assert!(parcel.slots.contains(&given.slot));
                    let is_plain = !given.reason.chars().any(char::is_control);
                    prop_assert!(is_plain, "{:?}", given.reason);
                }
            }
            let _ = target.take_first(&answer(status, &bytes), now);
            let _ = target.judge_trial(&answer(status, &bytes));
        }
    }
}
