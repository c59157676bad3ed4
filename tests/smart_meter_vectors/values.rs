//! The values in the telegrams, their times and layouts.

use serde_json::Value;
use wattbridge::adapters::smart_meter::wire::annotate::annotate_plaintext;
use wattbridge::adapters::smart_meter::wire::axdr::Data;
use wattbridge::adapters::smart_meter::wire::item::{Item, ItemValue, Scaling};
use wattbridge::adapters::smart_meter::wire::notification::{HeaderTime, Notification};
use wattbridge::adapters::smart_meter::wire::obis::Obis;
use wattbridge::adapters::smart_meter::wire::profile::Profiles;
use wattbridge::adapters::smart_meter::wire::telegram::{Layout, Telegram};
use wattbridge::adapters::smart_meter::wire::time::MeterTime;

use super::{hex, parse, plaintexts, title};

/// The push setup, which stands in front of some lists like the code of what follows it.
const PUSH_SETUP: Obis = Obis([0, 6, 25, 9, 0, 255]);

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_value_is_what_another_reader_found() {
    let mut compared = 0;
    for (id, parts, plaintext) in plaintexts() {
        let telegram = parse(&plaintext, title(&parts));
        let Some(expected) = parts["values"].as_array() else {
            assert_eq!(telegram.layout, Layout::Text, "{id}");
            continue;
        };
        for value in expected {
            let item = find(&telegram, value)
                .unwrap_or_else(|| panic!("{id}: no {value} in {:#?}", telegram.items));
            compare(&id, item, value);
            compared += 1;
        }
        assert_eq!(telegram.items.len(), expected.len(), "{id}");
    }
    assert!(compared == 0 || compared > 400, "{compared}");
}

fn find<'a>(telegram: &'a Telegram, value: &Value) -> Option<&'a Item> {
    if let Some(position) = value["pos"].as_u64() {
        let mut items = telegram.items.iter();
        return items.find(|item| item.position as u64 == position);
    }
    let code: Obis = value["obis"].as_str()?.parse().unwrap();
    // We know that what follows the push setup is the number of the meter.
    let code = if code == PUSH_SETUP {
        Obis::METER_NUMBER
    } else {
        code
    };
    let mut items = telegram.items.iter();
    items.find(|item| item.obis == Some(code))
}

fn compare(id: &str, item: &Item, expected: &Value) {
    if let Some(raw) = expected["raw"].as_i64() {
        let quantity = item.value.as_quantity().unwrap();
        assert_eq!(quantity.raw, i128::from(raw), "{id}: {expected}");
        assert_eq!(
            Some(u64::from(quantity.tag)),
            expected["type"].as_u64(),
            "{id}: {expected}"
        );
        let Some(scaler) = expected["scaler"].as_i64() else {
            // The other reader knows no profiles; ours has to know each of these.
            assert_eq!(quantity.scaling, Scaling::Profile, "{id}: {expected}");
            return;
        };
        assert_eq!(quantity.scaling, Scaling::Meter);
        assert_eq!(i64::from(quantity.exponent), scaler, "{id}: {expected}");
        assert_eq!(
            Some(u64::from(quantity.unit.0)),
            expected["unit"].as_u64(),
            "{id}: {expected}"
        );
        assert_eq!(
            quantity.unit.symbol(),
            expected["unit_text"].as_str(),
            "{id}: {expected}"
        );
        let value = quantity.value().unwrap();
        assert_eq!(
            value.to_json().as_f64(),
            expected["value"].as_f64(),
            "{id}: {expected}"
        );
        let json = value.to_json().to_string();
        assert!(
            json.len() <= raw.to_string().len() + 4,
            "{id}: noise in {json}"
        );
    } else if expected["datetime"].is_object() {
        let ItemValue::Moment(time) = item.value else {
            panic!("{id}: {item:?} is not {expected}");
        };
        compare_time(id, time, &expected["datetime"]);
    } else {
        let text = expected["text"].as_str().unwrap();
        match &item.value {
            ItemValue::Text(own) => assert_eq!(own, text, "{id}"),
            // Times of day and dates in a form of their own.
            ItemValue::Other(Data::Octets(bytes)) => {
                let characters: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                assert_eq!(characters, text, "{id}");
            }
            ItemValue::Moment(time) => {
                let digits = wattbridge::hex::Hex::of(&time.to_bytes()).to_string();
                assert_eq!(digits, text, "{id}");
            }
            other => panic!("{id}: {other:?} is not {expected}"),
        }
    }
}

fn compare_time(id: &str, time: MeterTime, expected: &Value) {
    let local = time
        .local()
        .unwrap()
        .strftime("%Y-%m-%dT%H:%M:%S")
        .to_string();
    assert_eq!(Some(local.as_str()), expected["local"].as_str(), "{id}");
    let deviation = time.deviation().map(i64::from);
    assert_eq!(deviation, expected["deviation_min"].as_i64(), "{id}");
    assert_eq!(
        time.weekday().map(u64::from),
        expected["dow"].as_u64(),
        "{id}"
    );
    let hundredths = expected["hundredths"]
        .as_u64()
        .filter(|number| *number != 255);
    assert_eq!(time.hundredths().map(u64::from), hundredths, "{id}");
    let status = time.status().unwrap();
    assert_eq!(vec![status.0], hex(&expected["status"]), "{id}");
    assert_eq!(
        Some(status.is_daylight_saving()),
        expected["dst"].as_bool(),
        "{id}"
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn heads_and_structures_are_what_another_reader_found() {
    for (id, parts, plaintext) in plaintexts() {
        if parts["values"].is_null() {
            continue;
        }
        let read = Notification::parse(&plaintext).unwrap();
        assert_eq!(read.encode(), plaintext, "{id}");
        match read.time {
            HeaderTime::Absent => assert!(parts["header_date_time"].is_null(), "{id}"),
            HeaderTime::Bare(time) | HeaderTime::Tagged(time) => {
                compare_time(&id, time, &parts["header_date_time"]);
            }
        }
        if let Some(count) = parts["structure_elements"].as_u64() {
            let Data::Structure(values) = &read.data else {
                panic!("{id}");
            };
            assert_eq!(values.len() as u64, count, "{id}");
            let invoke = format!("{:08x}", read.invoke);
            assert_eq!(
                Some(&*invoke),
                parts["long_invoke_id_and_priority"].as_str(),
                "{id}"
            );
            assert_eq!(parts["undecoded_tail"], "", "{id}");
        }
        for cut in 0..plaintext.len() {
            Notification::parse(&plaintext[..cut]).unwrap_err();
        }
        let shown = annotate_plaintext(&plaintext);
        assert!(!shown.contains("not understood"), "{id}\n{shown}");
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn layouts_are_found_without_being_told() {
    for (id, parts, plaintext) in plaintexts() {
        let expected = match id.trim_end_matches("-rekeyed") {
            "burgenland-e450-a" | "burgenland-e450-b" => {
                Layout::Positional("burgenland-e450".to_owned())
            }
            "e450-gbt-a" => Layout::Codes(Some("e450-tariffs".to_owned())),
            "im350-cii-a" | "im350-cii-b" | "am550-cii" | "im350-wels-a" => {
                Layout::Positional("cii".to_owned())
            }
            "nordic-kaifa-gh242-1" => Layout::Codes(Some("kaifa-nordic".to_owned())),
            nordic if nordic.starts_with("nordic") => Layout::Positional("kaifa-nordic".to_owned()),
            "kamstrup-omnipower" => Layout::Codes(Some("kamstrup".to_owned())),
            text if text.contains("dsmr") || text.contains("smarty") => Layout::Text,
            _ => Layout::Described,
        };
        assert_eq!(parse(&plaintext, title(&parts)).layout, expected, "{id}");
    }
}

/// By the codes of the profile, with the scale the operators' documents give.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn profiles_scale_as_the_operators_say() {
    let expected = [
        ("burgenland-e450-b-rekeyed", "1.0.32.7.0", "236 V"),
        ("burgenland-e450-b-rekeyed", "1.0.71.7.0", "0.26 A"),
        ("burgenland-e450-b-rekeyed", "1.0.1.8.0", "31358606 Wh"),
        ("e450-gbt-a-rekeyed", "1.0.1.8.1", "3593919 Wh"),
        ("e450-gbt-a-rekeyed", "1.0.3.7.0", "1735 var"),
        ("im350-cii-a-rekeyed", "1.0.4.8.0", "2116972 varh"),
        ("im350-wels-a-rekeyed", "1.0.1.7.0", "146 W"),
        ("kamstrup-omnipower-rekeyed", "1.1.1.8.0", "63074980 Wh"),
        ("kamstrup-omnipower-rekeyed", "1.1.31.7.0", "0.57 A"),
        ("kamstrup-omnipower-rekeyed", "1.1.13.7.0", "0.83"),
        ("nordic-kaifa-gh180-1", "1.0.1.7.0", "4117 W"),
        ("nordic-kaifa-gh180-2", "1.0.31.7.0", "12.056 A"),
        ("nordic-kaifa-gh180-2", "1.0.72.7.0", "239.7 V"),
        ("nordic-kaifa-gh242-1", "1.0.31.7.0", "0.032 A"),
        ("nordic-kaifa-gh242-2", "1.0.4.8.0", "435653 varh"),
        ("nordic-kaifa-gh242-3", "1.0.32.7.0", "244.2 V"),
    ];
    let all = plaintexts();
    for (id, code, shown) in expected {
        let Some((_, parts, plaintext)) = all.iter().find(|(other, ..)| other == id) else {
            continue;
        };
        let telegram = parse(plaintext, title(parts));
        let value = telegram.get(code.parse().unwrap()).unwrap();
        assert_eq!(value.to_string(), shown, "{id} {code}");
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn text_telegrams_are_read_line_by_line() {
    for (id, parts, plaintext) in plaintexts() {
        let Some(text) = parts["plaintext_ascii"].as_str() else {
            continue;
        };
        let telegram = parse(&plaintext, title(&parts));
        let lines = text.lines().filter(|line| line.contains('('));
        let mut count = 0;
        for line in lines {
            let (code, rest) = line.split_once('(').unwrap();
            let value = telegram.get(code.parse().unwrap()).unwrap();
            let inside = rest.trim_end_matches(')');
            if let Some((number, unit)) = inside.split_once('*') {
                let quantity = value.as_quantity().unwrap();
                let kilo: f64 = if unit.starts_with('k') { 1000.0 } else { 1.0 };
                let expected = number.parse::<f64>().unwrap() * kilo;
                let own = quantity.value().unwrap().to_f64();
                assert!((own - expected).abs() < 1e-6, "{id}: {line} is {value}");
                let symbol = quantity.unit.symbol().unwrap();
                assert_eq!(symbol, unit.trim_start_matches('k'), "{id}: {line}");
            }
            count += 1;
        }
        // The first line has no code.
        assert_eq!(telegram.items.len(), count + 1, "{id}");
        let at = telegram.at.unwrap().local().unwrap();
        let stamp = at.strftime("(%y%m%d%H%M%S").to_string();
        assert!(text.contains(&stamp), "{id}: {stamp}");
        let mut damaged = plaintext.clone();
        damaged[40] ^= 1;
        let error = Telegram::parse(&damaged, None, &Profiles::default(), None).unwrap_err();
        assert!(!error.is_key_suspect(), "{id}: {error}");
    }
}
