//! Real captures, read in place: the codec has to agree with an independent decoding of them.
//!
//! The captures are not part of the project; without them every test here is ignored.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/vectors.rs"]
mod captures;

use serde_json::{Value, json};
use wattbridge::adapters::aps_ecu::wire::{
    Answer, EcuInfo, FrameError, Framer, Masker, RawFrame, Record, Signal, Status, Telemetry,
    annotate,
};
use wattbridge::hex::Hex;

struct Vector {
    id: String,
    bytes: Vec<u8>,
    /// What another decoder made of it.
    decoded: Value,
    paired_ecu: Option<String>,
}

impl Vector {
    /// For truncated ones: bytes of the whole frame.
    fn truncated(&self) -> Option<usize> {
        let error = self.decoded.get("error")?.as_str()?;
        Some(error.rsplit(' ').next().unwrap().parse().unwrap())
    }
}

fn vectors() -> Vec<Vector> {
    let file = captures::read("aps-ecu.json");
    let list = file["vectors"].as_array().unwrap();
    list.iter().map(vector).collect()
}

fn vector(value: &Value) -> Vector {
    Vector {
        id: value["id"].as_str().unwrap().to_owned(),
        bytes: wattbridge::hex::bytes(value["hex"].as_str().unwrap()).unwrap(),
        decoded: value["decoded"].clone(),
        paired_ecu: value["paired_ecu"].as_str().map(str::to_owned),
    }
}

/// Frames and errors, the leftover included.
fn outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<RawFrame>, Vec<FrameError>) {
    let mut framer = Framer::new();
    let (mut frames, mut errors) = (Vec::new(), Vec::new());
    for piece in pieces {
        framer.push(piece);
        while let Some(result) = framer.next_frame() {
            match result {
                Ok(frame) => frames.push(frame),
                Err(error) => errors.push(error),
            }
        }
    }
    errors.extend(std::iter::from_fn(|| framer.finish()));
    frames.extend(std::iter::from_fn(|| framer.next_frame()?.ok()));
    (frames, errors)
}

fn the_answer(bytes: &[u8]) -> Answer {
    Answer::decode(&RawFrame::parse(bytes).unwrap()).unwrap()
}

/// A number with a fraction, for comparison with JSON; only tests need it.
fn scaled(value: u64, per: f64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "counters of a house are small")]
    let value = value as f64 / per;
    json!(value)
}

fn mac(mac: Option<[u8; 6]>) -> String {
    Hex::of(&mac.unwrap_or_default()).with(":").to_string()
}

fn hex(bytes: &[u8]) -> String {
    Hex::of(bytes).to_string()
}

/// Our answer in the words of the captures' own decoding.
fn described(frame: &RawFrame, answer: &Answer) -> Value {
    let mut all = json!({
        "group": frame.group().to_string(),
        "length": frame.length(),
        "command": format!("{:04}", frame.command()),
    });
    let more = match answer {
        Answer::EcuInfo(info) => describe_info(info),
        Answer::Telemetry(telemetry) => describe_telemetry(telemetry),
        Answer::Signal(signal) => {
            let entries = signal.entries.iter();
            let map: serde_json::Map<String, Value> = entries
                .map(|(uid, quality)| (uid.to_string(), json!(quality)))
                .collect();
            json!({ "status": "00", "raw_signal": map, "consumed_exactly": true })
        }
        Answer::Clock(clock) => {
            json!({ "status": "00", "time": clock.at.strftime("%Y%m%d%H%M%S").to_string() })
        }
        Answer::Status { status, .. } => {
            json!({ "status": String::from_utf8(status.code().to_vec()).unwrap() })
        }
        Answer::Other { body, .. } => {
            let text = String::from_utf8(body.clone()).unwrap();
            json!({ "status": text[..2], "payload": text })
        }
        other => panic!("no capture of this kind is known: {other:?}"),
    };
    let all_fields = all.as_object_mut().unwrap();
    all_fields.extend(more.as_object().unwrap().clone());
    all
}

fn describe_info(info: &EcuInfo) -> Value {
    let upload = info
        .last_upload
        .map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string());
    json!({
        "ecu_id": info.ecu.to_string(),
        "model": String::from_utf8(info.model.to_vec()).unwrap(),
        "lifetime_energy_kwh": scaled(info.lifetime_wh, 1000.0),
        "current_power_w": info.power_w,
        "today_energy_kwh": scaled(info.today_wh, 1000.0),
        "last_ema": upload,
        "inverters": info.registered,
        "online": info.online,
        "channel": info.channel,
        "firmware": info.firmware,
        "timezone": info.time_zone,
        "mac_eth": mac(info.mac_ethernet),
        "mac_wifi": mac(info.mac_wifi),
        "trailer_before_END": hex(&info.tail),
    })
}

fn describe_telemetry(telemetry: &Telemetry) -> Value {
    let records: Vec<Value> = telemetry.records.iter().map(describe_record).collect();
    let at = telemetry.at.unwrap();
    json!({
        "status": "00",
        "model": telemetry.model,
        "count": telemetry.declared,
        "timestamp": at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        "inverters": records,
        "consumed_exactly": telemetry.undecoded.is_empty(),
        "sum_power_w": telemetry.total_power_w(),
    })
}

fn describe_record(record: &Record) -> Value {
    let mut all = json!({
        "uid": record.uid.to_string(),
        "online": record.online,
        "type": record.kind.to_string(),
    });
    if let Some(body) = &record.body {
        all["freq"] = scaled(body.frequency_dhz.into(), 10.0);
        all["temp_raw"] = json!(body.temperature_raw);
        all["power"] = json!(body.power_w.to_vec());
        all["voltage"] = json!(body.voltage_v.to_vec());
        all["temperature_c"] = json!(record.temperature_c());
    }
    all
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn whole_captures_decode_as_they_should_and_encode_to_themselves() {
    let vectors = vectors();
    let mut whole = 0;
    for vector in vectors.iter().filter(|vector| vector.truncated().is_none()) {
        let frame = RawFrame::parse(&vector.bytes).unwrap();
        assert_eq!(frame.length() + 1, vector.bytes.len(), "{}", vector.id);
        let answer = Answer::decode(&frame).unwrap();
        assert_eq!(described(&frame, &answer), vector.decoded, "{}", vector.id);
        assert_eq!(answer.encode(), vector.bytes, "{}", vector.id);
        assert!(
            !annotate(&frame).contains("not understood"),
            "{}",
            vector.id
        );
        whole += 1;
    }
    assert!(whole > 0);
    println!("{whole} whole captures");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn truncated_captures_are_incomplete() {
    let vectors = vectors();
    for vector in &vectors {
        let Some(need) = vector.truncated() else {
            continue;
        };
        let expected = FrameError::Incomplete {
            offset: 0,
            have: vector.bytes.len(),
            need: Some(need),
        };
        let whole = outcome([vector.bytes.as_slice()]);
        assert_eq!(whole, (Vec::new(), vec![expected]), "{}", vector.id);
        assert_eq!(outcome(vector.bytes.chunks(1)), whole, "{}", vector.id);
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn cuts_and_trailing_garbage_change_nothing() {
    let vectors = vectors();
    // A small generator of our own: the same cuts in every run.
    let mut state = 0x2545_f491_u32;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    for vector in vectors.iter().filter(|vector| vector.truncated().is_none()) {
        let bytes = &vector.bytes;
        let whole = outcome([bytes.as_slice()]);
        assert_eq!((whole.0.len(), whole.1.len()), (1, 0), "{}", vector.id);
        assert_eq!(outcome(bytes.chunks(1)), whole, "{}", vector.id);
        for _ in 0..200 {
            let mut rest = bytes.as_slice();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(random(rest.len()) + 1);
                pieces.push(piece);
                rest = after;
            }
            assert_eq!(outcome(pieces), whole, "{}", vector.id);
        }
        let garbage = b"\n\0\xffEND\nxyz";
        let (frames, errors) = outcome([[bytes, &garbage[..]].concat().as_slice()]);
        assert_eq!(frames, whole.0, "{}", vector.id);
        assert_eq!(errors.len(), 1, "{}", vector.id);
        assert_eq!(errors[0].offset(), bytes.len() as u64, "{}", vector.id);
        let twice = outcome([[bytes.as_slice(), bytes].concat().as_slice()]);
        assert_eq!((twice.0.len(), twice.1.len()), (2, 0), "{}", vector.id);
    }
}

/// Decodes, dumps, masks and encodes whatever frames come out.
fn survive(bytes: &[u8]) {
    for frame in outcome([bytes]).0 {
        let _ = annotate(&frame);
        if let Ok(answer) = Answer::decode(&frame) {
            let _ = answer.encode();
        }
    }
    assert_eq!(Masker::default().mask(bytes).len(), bytes.len());
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn every_flipped_bit_and_every_truncation_is_survived() {
    let vectors = vectors();
    for vector in &vectors {
        for have in 0..vector.bytes.len() {
            survive(&vector.bytes[..have]);
            for bit in 0..8 {
                let mut bytes = vector.bytes.clone();
                bytes[have] ^= 1 << bit;
                survive(&bytes);
            }
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_gateways_power_is_the_sum_of_its_inverters() {
    let vectors = vectors();
    let find = |id: &str| vectors.iter().find(|vector| vector.id == id).unwrap();
    let mut equal = 0;
    for vector in &vectors {
        let Some(pair) = vector.paired_ecu.as_deref().map(find) else {
            continue;
        };
        let Answer::Telemetry(telemetry) = the_answer(&vector.bytes) else {
            continue;
        };
        let Answer::EcuInfo(info) = the_answer(&pair.bytes) else {
            panic!("{}", pair.id);
        };
        // One known pair comes from two cycles.
        if telemetry.total_power_w() == u64::from(info.power_w) {
            assert_eq!(
                telemetry.online(),
                usize::from(info.online),
                "{}",
                vector.id
            );
            equal += 1;
        } else {
            println!("{} and {} come from two cycles", vector.id, pair.id);
        }
    }
    assert!(equal >= 4, "{equal} pairs");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn status_and_empty_list_are_answers() {
    let vectors = vectors();
    for vector in &vectors {
        match vector.id.as_str() {
            "inv-status-02" => {
                let expected = Answer::Status {
                    command: 2,
                    status: Status::NoData,
                };
                assert_eq!(the_answer(&vector.bytes), expected);
            }
            "inv-empty-list" => {
                let Answer::Telemetry(telemetry) = the_answer(&vector.bytes) else {
                    panic!();
                };
                assert!(telemetry.records.is_empty() && telemetry.undecoded.is_empty());
            }
            _ => {}
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn no_serial_survives_the_mask() {
    let vectors = vectors();
    let mut masker = Masker::default();
    for vector in &vectors {
        let masked = masker.mask(&vector.bytes);
        if vector.truncated().is_some() {
            continue;
        }
        let serials: Vec<String> = match the_answer(&masked) {
            Answer::EcuInfo(info) => vec![info.ecu.to_string()],
            Answer::Telemetry(Telemetry { records, .. }) => records
                .iter()
                .map(|record| record.uid.to_string())
                .collect(),
            Answer::Signal(Signal { entries }) => {
                entries.iter().map(|(uid, _)| uid.to_string()).collect()
            }
            _ => Vec::new(),
        };
        for serial in serials {
            assert_eq!(&serial[4..8], "0000", "{}", vector.id);
        }
    }
}

/// The answers of a small input made after what people have met.
fn met(name: &str) -> Vec<Answer> {
    let bytes = captures::hex(&format!("reports/ecu/{name}.hex"));
    let (frames, errors) = outcome([bytes.as_slice()]);
    assert_eq!(errors, [], "{name}");
    let answers = frames.iter().map(|frame| Answer::decode(frame).unwrap());
    answers.collect()
}

fn records(answers: &[Answer]) -> Vec<Record> {
    let lists = answers.iter().filter_map(|answer| match answer {
        Answer::Telemetry(telemetry) => Some(telemetry.records.clone()),
        _ => None,
    });
    lists.flatten().collect()
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_known_type_of_another_size_loses_no_inverter() {
    let answers = met("fit-type04-25bytes-x3");
    let records = records(&answers);
    assert_eq!(records.len(), 3);
    assert!(
        records
            .iter()
            .all(|it| it.raw.len() == 25 && it.total_power_w().is_none())
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn an_answer_without_its_newline_is_read() {
    let answers = met("r88-no-newline");
    let [Answer::EcuInfo(info)] = answers.as_slice() else {
        panic!("{answers:?}");
    };
    assert_eq!((info.power_w, info.lifetime_wh), (500, 1_234_500));
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_month_in_wide_entries_of_group_11_is_read() {
    let answers = met("gordonb3-0004-month30-group11-wide");
    let [Answer::EnergyHistory(history)] = answers.as_slice() else {
        panic!("{answers:?}");
    };
    assert_eq!((history.days.len(), history.wraps), (30, false));
    assert_eq!(history.days[0], (jiff::civil::date(2024, 6, 1), 10_010));
    assert_eq!(history.days[29], (jiff::civil::date(2024, 6, 30), 10_300));
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn names_of_unlisted_inverters_follow_from_their_families() {
    for (name, product) in [
        ("p77-705-type01", "DS3 series"),
        ("p77-705-heard-then-type00", "DS3 series"),
        ("qt2d-902-type05-390V", "QT2 series"),
    ] {
        let answers = met(name);
        let records = records(&answers);
        assert!(!records.is_empty());
        for record in records {
            assert_eq!(record.product_name(), product, "{name}");
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_blank_record_and_another_ecu_are_no_measurement_and_no_inverter() {
    let answers = met("k230a-online-all-zero");
    let records = records(&answers);
    assert_eq!(records[0].total_power_w(), Some(238));
    assert!(records[1].online);
    assert_eq!(
        (records[1].total_power_w(), records[1].voltage_v(0)),
        (None, None)
    );

    let answers = met("k79-foreign-ecu-id-as-inverter");
    let Some(Answer::Telemetry(telemetry)) = answers.last() else {
        panic!("{answers:?}");
    };
    assert_eq!(
        (telemetry.records.len(), telemetry.inverters(None).count()),
        (2, 1)
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_new_ecu_at_zero_is_believed() {
    let answers = met("k81-ecuc-new-lifetime0");
    let Some(Answer::EcuInfo(info)) = answers.first() else {
        panic!("{answers:?}");
    };
    assert_eq!(info.counted_lifetime_wh(), Some(0));
}
