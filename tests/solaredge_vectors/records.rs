//! Every field of every record.

use serde_json::{Map, Value, json};
use wattbridge::adapters::solaredge::wire::{
    Battery, Event, EventKind, Inverter, Meter, MeterListed, Optimizer, Phase, Record, Records,
    Serial, annotate, mode_word,
};

use super::{bytes, entries, hex, text};

/// What came over a line with bit errors and a checksum that fits by chance: these fields cannot be.
const NONSENSE: [(&str, &str); 1] = [("record/inv1_len104_rs485", "temperature_C")];

/// Fields that nobody reads: always "not available", unknown, or in other words elsewhere.
const NOT_READ: [&str; 30] = [
    "type",
    "raw_id",
    "length",
    "e_day_dc_Wh",
    "de_day_dc_Wh",
    "i_dc_A",
    "f1",
    "f1_1",
    "f1_2",
    "f1_3",
    "f3",
    "f4",
    "f5",
    "f6",
    "f7",
    "e_total_f_Wh",
    "destination",
    "unknown_13_16",
    "rec_name",
    "only_interval",
    "total_22",
    "total_30",
    "payload",
    "h1",
    "h2",
    "h3",
    "consumed_all",
    "field16",
    "field20",
    "field24",
];

type Fields = Map<String, Value>;

/// What we decoded, in the words of the vectors.
fn in_their_words(record: &Record<'_>) -> Fields {
    let words = match record {
        Record::Inverter(it) => inverter(it),
        Record::Optimizer(it) => optimizer(it),
        Record::Meter(it) => meter(it),
        Record::Battery(it) => battery(it),
        Record::Event(it) => event(it),
        Record::Meters(it) => {
            let listed = |it: &MeterListed| {
                json!({
                    "kind": it.kind, "virtual": u8::from(it.is_computed), "serial": it.serial,
                    "manufacturer": it.manufacturer, "model": it.model, "version": it.version,
                })
            };
            json!({ "meters": it.listed.iter().map(listed).collect::<Vec<_>>() })
        }
        Record::Optimizers(it) => {
            let listed = |it: &Serial| json!({ "serial": it.to_string(), "flag": 0 });
            let all: Vec<Value> = it.listed.iter().map(listed).collect();
            json!({ "count": all.len(), "optimizers": all })
        }
        Record::Unknown { .. } => json!({}),
    };
    let Value::Object(mut words) = words else {
        unreachable!()
    };
    let serial = match record {
        Record::Optimizer(it) => it.serial,
        other => Serial::of_inverter(other.id()),
    };
    words.insert("serial".to_owned(), json!(serial.to_string()));
    words.insert("timestamp".to_owned(), json!(record.at()));
    words
}

fn inverter(it: &Inverter) -> Value {
    let mut words = json!({
        "uptime_s": it.uptime, "interval_s": it.interval, "temperature_C": it.temperature,
        "e_day_Wh": it.energy_since_wake, "de_day_Wh": it.energy_interval, "v_dc_V": it.dc_voltage,
        "e_total_Wh": it.energy_total, "i_rcd_A": it.residual_current, "mode": it.mode,
        "mode_name": it.mode.and_then(mode_word), "r_iso_kohm": it.insulation,
        "power_limit_pct": it.power_limit,
    });
    let one = it.phases.len() == 1;
    for (phase, number) in it.phases.iter().zip(1..) {
        let Phase {
            voltage,
            current,
            frequency,
            power_factor,
            direct_current,
            active_power,
            apparent_power,
            reactive_power,
            voltage_to_next,
        } = *phase;
        for (name, unit, value) in [
            ("v_ac", "_V", voltage),
            ("i_ac", "_A", current),
            ("frequency", "_Hz", frequency),
            ("cos_phi", "", power_factor),
            ("i_out_dc", "_A", direct_current),
            ("p_active", "_W", active_power),
            ("p_apparent", "_VA", apparent_power),
            ("p_reactive", "_var", reactive_power),
        ] {
            let number = if one {
                String::new()
            } else {
                number.to_string()
            };
            words[format!("{name}{number}{unit}")] = json!(value);
        }
        if one {
            assert_eq!(voltage_to_next, None);
        } else {
            words[format!("v_{number}to{}_V", number % 3 + 1)] = json!(voltage_to_next);
        }
    }
    words
}

fn optimizer(it: &Optimizer) -> Value {
    let inverter = it.inverter.map(|inverter| inverter.to_string());
    let power = it.input_voltage.zip(it.input_current).map(|(u, i)| u * i);
    json!({
        "uptime_s": it.uptime, "v_in_V": it.input_voltage, "v_out_V": it.output_voltage,
        "i_in_A": it.input_current, "e_day_Wh": it.energy, "temperature_C": it.temperature,
        "inverter": inverter, "receiver": inverter, "power_W": power,
    })
}

fn meter(it: &Meter) -> Value {
    json!({
        "rec_type": it.kind, "e_export_total_Wh": it.total_out, "e_import_total_Wh": it.total_in,
        "interval_s": it.interval, "e_out_Wh": it.energy_out, "e_in_Wh": it.energy_in,
        "p_out_W": it.power_out, "p_in_W": it.power_in,
    })
}

fn battery(it: &Battery) -> Value {
    json!({
        "battery_id": it.serial, "v_dc_V": it.voltage, "i_dc_A": it.current,
        "capacity_nominal_Wh": it.capacity_nominal, "capacity_actual_Wh": it.capacity,
        "charge_Wh": it.charge, "e_in_total_Wh": it.total_in, "e_out_total_Wh": it.total_out,
        "temperature_C": it.temperature, "status": it.status,
    })
}

fn event(it: &Event) -> Value {
    match it.kind {
        EventKind::WakeOrSleep { utc, local } => json!({
            "event_type": 0, "event": "wake_or_sleep", "utc": utc, "local": local,
            "tz_offset_s": i64::from(local) - i64::from(utc),
        }),
        EventKind::ClockSet {
            before,
            zone,
            after,
        } => json!({
            "event_type": 1, "event": "clock_set", "time_before": before, "tz_offset_s": zone,
            "time_after": after, "clock_step_s": i64::from(after) - i64::from(before),
        }),
        EventKind::Unknown(kind) => json!({ "event_type": kind }),
    }
}

/// The same number: of floating point numbers, the same bits but for the sign of zero.
fn is_same(ours: &Value, theirs: &Value) -> bool {
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(ours), Some(theirs)) => {
            ours as f32 == theirs as f32 && (ours.fract() != 0.0 || ours == theirs)
        }
        _ => ours == theirs,
    }
}

fn compare(id: &str, record: &Record<'_>, expected: &Value) {
    let expected = expected.as_object().unwrap();
    let ours = in_their_words(record);
    let kind = format!("{:#06x}", record.kind());
    assert_eq!(text(&expected["type"]), kind, "{id}");
    let mut compared = 0;
    for (name, theirs) in expected {
        if NOT_READ.contains(&name.as_str()) {
            continue;
        }
        // Not in the battery's record as we keep it.
        if kind == "0x0030" && ["interval_s", "e_in_Wh", "e_out_Wh"].contains(&name.as_str()) {
            continue;
        }
        let our = ours
            .get(name)
            .unwrap_or_else(|| panic!("{id}: nobody reads {name}"));
        compared += 1;
        if NONSENSE.contains(&(id, name.as_str())) {
            assert!(our.is_null(), "{id} {name}");
            continue;
        }
        // An energy of a side without power says nothing.
        let power = match name.as_str() {
            "e_out_Wh" => Some("p_out_W"),
            "e_in_Wh" => Some("p_in_W"),
            _ => None,
        };
        if power.is_some_and(|power| expected[power].is_null()) {
            assert!(our.is_null(), "{id} {name}");
            continue;
        }
        if name == "e_total_Wh" && theirs.is_null() {
            // The exact counter is not in a short body: then it is the rounded one, if that is good.
            let rounded = expected.get("e_total_f_Wh").and_then(Value::as_f64);
            let rounded = rounded.map(|total| total as u64);
            assert_eq!(our, &json!(rounded), "{id}");
            continue;
        }
        assert!(
            is_same(our, theirs),
            "{id} {name}: {our}, expected {theirs}"
        );
    }
    assert!(compared >= 2, "{id}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_field_of_every_record_is_right() {
    let kinds = [
        "real_record",
        "synthetic_record",
        "real_body_rebuilt_header",
        "real_record_prefix",
        "record",
    ];
    let all = entries(&kinds);
    assert!(all.len() > 60);
    for entry in &all {
        let id = text(&entry["id"]);
        let bytes = bytes(entry);
        let prefix = entry["kind"] == "real_record_prefix";
        let (kind, owner) = (
            u16::from_le_bytes([bytes[0], bytes[1]]),
            u32::from_le_bytes(*bytes[2..].first_chunk().unwrap()),
        );
        let by_body = Record::of_body(kind, owner, &bytes[8..]);
        compare(id, &by_body, &entry["expected"]);
        let mut records = Records::new(&bytes);
        if prefix {
            assert!(records.next().unwrap().is_err(), "{id}");
        } else {
            let length = entry["expected"]["length"].as_u64();
            assert!(length.is_none_or(|length| length + 8 == bytes.len() as u64));
            assert_eq!(records.next(), Some(Ok(by_body)), "{id}");
        }
        assert_eq!(records.next(), None, "{id}");
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn what_is_unknown_is_kept_and_what_is_known_is_not() {
    let (mut known, mut unknown) = (0, 0);
    for entry in entries(&[
        "real_record",
        "real_body_rebuilt_header",
        "synthetic_record",
    ]) {
        let bytes = bytes(&entry);
        match Records::new(&bytes).next().unwrap().unwrap() {
            Record::Unknown { body, kind, .. } => {
                assert_eq!(body, &bytes[8..]);
                assert!([0x40, 0x41].contains(&kind), "{}", entry["id"]);
                let payload = hex(text(&entry["expected"]["payload"]));
                assert_eq!(&body[4..], payload);
                unknown += 1;
            }
            _ => known += 1,
        }
    }
    assert!(known > 50 && unknown == 2, "{known} {unknown}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn events_of_more_kinds_are_kept() {
    let entry = entries(&["records"]).pop().unwrap();
    let bytes = bytes(&entry);
    let expected = entry["expected"]["events"].as_array().unwrap();
    let records: Vec<Record<'_>> = Records::new(&bytes).map(Result::unwrap).collect();
    assert_eq!(records.len(), expected.len());
    for (record, expected) in records.iter().zip(expected) {
        let Record::Event(it) = record else {
            panic!("{record:?}")
        };
        assert_eq!(
            Serial::of_inverter(it.id).to_string(),
            text(&entry["expected"]["serial"])
        );
        let ours = event(it);
        assert_eq!(ours["event_type"], expected["kind"]);
        if let EventKind::ClockSet { zone, .. } = it.kind {
            assert_eq!(json!(zone), expected["tz_offset_s"]);
        }
        for (theirs, our) in [
            ("clock_before", "time_before"),
            ("clock_after", "time_after"),
            ("clock_step_s", "clock_step_s"),
            ("utc", "utc"),
        ] {
            if let Some(value) = expected.get(theirs) {
                assert_eq!(&ours[our], value, "{expected}");
            }
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_record_of_a_frame_of_events_is_right() {
    let mut compared = 0;
    for entry in entries(&["real_frame", "rebuilt_frame"]) {
        let Some(expected) = entry["records"].as_array() else {
            continue;
        };
        let bytes = bytes(&entry);
        let records: Vec<_> = Records::new(&bytes[20..bytes.len() - 2]).collect();
        assert_eq!(records.len(), expected.len());
        for (record, expected) in records.into_iter().zip(expected) {
            compare(text(&entry["id"]), &record.unwrap(), expected);
            compared += 1;
        }
    }
    assert!(compared >= 2);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_dump_has_the_values() {
    let told = |name: &str| {
        annotate(&super::captures::bytes(&format!(
            "solaredge/frames/{name}.bin"
        )))
    };
    let one = told("rebuilt_post_1ph_124_and_8opt");
    for words in [
        "inverter, one phase",
        "4 (mppt)",
        "143.5 W",
        "1619399 Wh",
        "27.5 V",
        "not available",
    ] {
        assert!(one.contains(words), "{one}");
    }
    let three = told("rebuilt_post_3ph_258_and_8opt");
    for words in ["active power L3", "1445 W", "appended"] {
        assert!(three.contains(words), "{three}");
    }
    for text in [one, three] {
        assert!(
            !text.contains("cannot be") && !text.contains("not readable"),
            "{text}"
        );
    }
}
