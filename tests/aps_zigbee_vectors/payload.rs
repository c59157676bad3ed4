//! What is said to inverters and by them.

use serde_json::Value;
use wattbridge::adapters::aps_zigbee::models::InverterModel;
use wattbridge::adapters::aps_zigbee::wire::ids::{EcuId, InverterSerial, ShortAddress};
use wattbridge::adapters::aps_zigbee::wire::payload::{
    ANSWER_CLUSTER, AnswerContent, AnswerFault, InverterAnswer, InverterCommand, InverterInfo,
    L2Fault, L2Part, LimitCode, LimitScale, PAIRED_CLUSTER, PairingHeard, PairingRequest,
    PanelTelemetry, ProducingState, REQUEST_CLUSTER, RequestFault, Sealed, SettingsAnswer,
    SettingsPage, TelemetryLayout, l2, may_encrypt, pairing_heard,
};
use wattbridge::model::Decimal;

use crate::captures;

struct Capture {
    id: String,
    all: Value,
    bytes: Vec<u8>,
}

impl Capture {
    fn is(&self, key: &str, value: &str) -> bool {
        self.all[key] == value
    }

    fn hex(&self, key: &str) -> Vec<u8> {
        hex(self.all[key].as_str().unwrap())
    }
}

fn hex(text: &str) -> Vec<u8> {
    wattbridge::hex::bytes(text).unwrap()
}

/// Those of these kinds, of which there is at least one.
fn captured(kinds: &[&str]) -> Vec<Capture> {
    let mut found = Vec::new();
    for name in ["aps-zigbee.json", "aps-zigbee-reports.json"] {
        let file = captures::read(name);
        for value in file["vectors"].as_array().unwrap() {
            if kinds.iter().any(|kind| value["kind"] == *kind) {
                found.push(Capture {
                    id: value["id"].as_str().unwrap().to_owned(),
                    all: value.clone(),
                    bytes: hex(value["hex"].as_str().unwrap()),
                });
            }
        }
    }
    for kind in kinds {
        assert!(found.iter().any(|it| it.is("kind", kind)), "{kind}");
    }
    found
}

/// The data of every sound frame with this command.
fn frames(bytes: &[u8], command: [u8; 2]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        let length = usize::from(after.first().copied().unwrap_or(0));
        let Some(frame) = after.get(..length + 4).filter(|_| *first == 0xfe) else {
            continue;
        };
        if frame.iter().fold(0, |sum, byte| sum ^ byte) == 0 {
            rest = &after[length + 4..];
            if frame[1..3] == command {
                found.push(&frame[3..length + 3]);
            }
        }
    }
    found
}

/// Source, cluster and application data of each message in it.
fn messages(bytes: &[u8]) -> Vec<(ShortAddress, u16, &[u8])> {
    let word = |bytes: &[u8], at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let mut found = Vec::new();
    for frame in frames(bytes, [0x44, 0x81]) {
        let data = &frame[17..17 + usize::from(frame[16])];
        found.push((ShortAddress(word(frame, 4)), word(frame, 2), data));
    }
    found
}

/// Cluster and application data of what a frame tells the stick to say to one inverter or to all.
fn told(bytes: &[u8]) -> (u16, &[u8]) {
    let frame = frames(bytes, [0x24, 0x01])[0];
    assert_eq!(usize::from(frame[9]), frame.len() - 10);
    (u16::from_le_bytes([frame[4], frame[5]]), &frame[10..])
}

fn telemetry(data: &[u8]) -> PanelTelemetry {
    match InverterAnswer::decode(data).unwrap().content {
        AnswerContent::Telemetry(telemetry) => *telemetry,
        other => panic!("{other:?}"),
    }
}

/// The same envelope with the sum that its bytes have.
fn mended(data: &[u8]) -> Vec<u8> {
    let part = L2Part::read(&data[6..]).unwrap();
    [&data[..6], &l2(part.command, part.body)].concat()
}

fn float(number: Option<Decimal>) -> f64 {
    number.map_or(f64::NAN, Decimal::to_f64)
}

/// One listed value, or one for each input.
fn close(id: &str, key: &str, listed: &Value, found: &[f64], apart: f64) {
    let list = match listed {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    assert_eq!(list.len(), found.len(), "{id}: {key}");
    for (listed, found) in list.iter().zip(found) {
        match listed.as_f64() {
            Some(listed) => assert!(
                (listed - found).abs() <= apart,
                "{id}: {key}: {listed}, not {found}"
            ),
            None => assert!(found.is_nan(), "{id}: {key}: unknown, not {found}"),
        }
    }
}

/// Every value that is listed for an answer is the one in it. Where other programs have other scales, theirs are
/// put in the place of ours.
fn as_computed(capture: &Capture, found: &PanelTelemetry) {
    let id = capture.id.as_str();
    let is_b1 = matches!(found.layout, TelemetryLayout::Yc600 | TelemetryLayout::Qs1);
    let each =
        |of: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..found.inputs.len()).map(of).collect() };
    let volts = |index: usize| found.inputs[index].voltage.to_f64();
    let amperes = |index: usize| found.inputs[index].current.to_f64();
    let counter = |index: usize| found.inputs[index].counter as f64;
    let scale = found.counter_scale();
    let energy = |index: usize| scale.energy_of(found.inputs[index].counter) as f64 / 1e6;
    let grid = float(found.grid_voltage);
    let celsius = float(found.temperature);
    for (key, listed) in capture.all["computed"].as_object().unwrap() {
        let (values, apart) = match key.as_str() {
            // Of the radio.
            "formulas" | "lqi_pct_peers" => continue,
            "serial" => {
                assert_eq!(*listed, found.serial.to_string(), "{id}");
                continue;
            }
            "fw" => {
                let firmware = found.firmware.unwrap();
                assert_eq!(
                    *listed,
                    format!("{}.{:03}", firmware.high, firmware.low),
                    "{id}"
                );
                if firmware.high < 100 {
                    assert_eq!(*listed, firmware.to_string(), "{id}");
                }
                continue;
            }
            "status_21_25" | "status_33_36" => {
                assert_eq!(*listed, found.status.hex(), "{id}");
                continue;
            }
            "cmd" => (vec![if is_b1 { 177.0 } else { 187.0 }], 0.0),
            "model_code" => (vec![found.model.unwrap().into()], 0.0),
            "dcv_v" if is_b1 => (each(&volts), 0.001),
            "dcv_v" => (each(&|index| volts(index) / 0.02 / 48.0), 0.006),
            "dcv_v_oem" => (each(&volts), 0.006),
            "dcc_a" if is_b1 => (each(&amperes), 0.0006),
            "dcc_a" => (each(&|index| amperes(index) / 0.01172 * 0.0125), 0.0006),
            "dcc_a_oem" => (each(&amperes), 0.0006),
            "acv_v" if *listed == 0.0 => {
                assert_eq!(found.grid_voltage, None, "{id}");
                continue;
            }
            "acv_v" if is_b1 => (vec![grid * 1.32 / 1.3277], 0.006),
            "acv_v" => (vec![grid / 0.268 / 3.8], 0.006),
            "acv_v_oem" => (vec![grid], 0.006),
            // No grid has it, so it is unknown.
            "freq_hz" if listed.as_f64().is_some_and(|hertz| hertz < 40.0) => {
                assert_eq!(found.frequency, None, "{id}");
                continue;
            }
            "freq_hz" => (vec![float(found.frequency)], 0.0006),
            "time_s" => (vec![found.clock.into()], 0.0),
            "ac_power_w" => (vec![found.ac_power.unwrap().into()], 0.0),
            "reactive_var" => (vec![found.reactive_power.unwrap().into()], 0.0),
            "temp_c" => (vec![celsius], 0.006),
            "temp_c_oem" => {
                let raw = (celsius + 258.7) / 0.2752;
                (vec![(raw * 3300.0 / 4092.0 - 757.0) / 2.85], 0.006)
            }
            "energy_raw32" | "energy_raw40" => (each(&counter), 0.0),
            "energy_raw24" => (
                each(&|index| (found.inputs[index].counter >> 16) as f64),
                0.0,
            ),
            // The list leaves out the lower 16 bits.
            "energy_wh" if is_b1 => (each(&energy), 0.003),
            "energy_wh" => (each(&energy), 0.000_06),
            "energy_wh_oem" => (each(&|index| counter(index) * 1.674e-5), 0.000_06),
            // The list is of rounded voltages and currents.
            "dc_power_w" | "dc_power_w_oem" => {
                (each(&|index| found.inputs[index].power().to_f64()), 0.15)
            }
            other => panic!("{id}: nothing tests {other}"),
        };
        close(id, key, listed, &values, apart);
    }
}

/// The application data of a vector, all of them if there are several.
fn answers(capture: &Capture) -> Vec<Vec<u8>> {
    let bare = &capture.bytes;
    match capture.id.as_str() {
        // Two zeros were added to the part nobody knows.
        "qs1a-payload-oem-modem" => {
            let fault = InverterAnswer::decode(bare).unwrap_err();
            assert!(matches!(
                fault,
                AnswerFault::Envelope(L2Fault::Length { .. })
            ));
            let at = bare.len() - 8;
            vec![[&bare[..at], &bare[at + 2..]].concat()]
        }
        // Not one byte of it may be believed, but for the payload once the missing filler is there.
        "ds3-poll-comment-edited" => {
            assert!(frames(bare, [0x44, 0x81]).is_empty());
            let at = bare.windows(2).position(|two| two == [0xfb, 0xfb]).unwrap() - 6;
            let payload = &bare[at..];
            let end = payload
                .windows(2)
                .rposition(|two| two == [0xfe, 0xfe])
                .unwrap()
                + 2;
            let payload = &payload[..end];
            let fault = InverterAnswer::decode(payload).unwrap_err();
            let length = L2Fault::Length {
                stated: 99,
                there: 98,
            };
            assert_eq!(fault, AnswerFault::Envelope(length));
            let filled = [&payload[..60], &[0xff], &payload[60..]].concat();
            assert!(L2Part::read(&filled[6..]).unwrap().checked().is_ok());
            vec![filled]
        }
        id if id.contains("npeter-edited") => {
            let fault = InverterAnswer::decode(bare).unwrap_err();
            assert!(matches!(fault, AnswerFault::Envelope(L2Fault::Sum { .. })));
            vec![mended(bare)]
        }
        _ if capture.is("kind", "poll_payload") => vec![bare.clone()],
        id => {
            let all = messages(bare);
            assert!(!all.is_empty(), "{id}");
            let data = |(source, cluster, data): (ShortAddress, u16, &[u8])| {
                assert!(source.is_of_inverter() && cluster == ANSWER_CLUSTER, "{id}");
                data.to_vec()
            };
            all.into_iter().map(data).collect()
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn what_inverters_measured_is_read_as_others_did() {
    let mut count = 0;
    for capture in captured(&["poll_answer", "poll_payload"]) {
        if capture.is("id", "r-qt2-model-29") {
            continue;
        }
        let data = answers(&capture).pop().unwrap();
        let found = telemetry(&data);
        as_computed(&capture, &found);
        // What is written of it reads the same.
        assert_eq!(telemetry(&found.data()), found, "{}", capture.id);
        count += 1;
    }
    assert!(count > 20, "{count}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn what_their_owners_stated_is_read() {
    let mut found = Vec::new();
    for capture in captured(&["poll_answer", "poll_payload"]) {
        let id = capture.id.as_str();
        let stated = &capture.all["stated_by_source"];
        let read = || telemetry(&answers(&capture)[0]);
        let volts = |it: &PanelTelemetry| -> Vec<f64> {
            it.inputs
                .iter()
                .map(|input| input.voltage.to_f64())
                .collect()
        };
        let energies = |it: &PanelTelemetry| -> Vec<f64> {
            let scale = it.counter_scale();
            let energy = |raw| scale.energy_of(raw) as f64 / 1e6;
            it.inputs
                .iter()
                .map(|input| energy(input.counter))
                .collect()
        };
        match id {
            "qs1-poll-no-grid" => {
                let it = read();
                assert_eq!((it.frequency, it.grid_voltage), (None, None));
                close(id, "dcv", &stated["dcv"], &volts(&it), 0.06);
                close(id, "en_wh", &stated["en_wh"], &energies(&it), 0.06);
                close(
                    id,
                    "heath",
                    &stated["heath"],
                    &[float(it.temperature)],
                    0.06,
                );
                let keys: Vec<_> = it.status.sure_events().map(|event| event.key).collect();
                assert_eq!(
                    keys,
                    [
                        "under_frequency_3",
                        "under_frequency_1",
                        "under_frequency_2"
                    ]
                );
            }
            "ds3-poll-one-panel" => {
                let it = read();
                assert_eq!(it.inputs[1].counter, 0);
                assert!(
                    it.inputs[1].voltage < Decimal::integer(12) && it.inputs[1].current.is_zero()
                );
                let keys: Vec<_> = it.status.events().map(|event| event.key).collect();
                assert_eq!(keys, ["input_b_dark"]);
                assert_eq!(it.producing(), Some(ProducingState::Other(8)));
                let model = InverterModel::of(it.serial, it.model).unwrap();
                assert_eq!(model.name, "DS3-L");
            }
            "ds3-poll-noroute-ind" => {
                let keys: Vec<_> = read().status.events().map(|event| event.key).collect();
                assert_eq!(keys, ["input_a_dark", "input_b_dark"]);
            }
            "ds3-poll-comment-edited" => {
                let it = read();
                close(
                    id,
                    "energy_wh",
                    &stated["energy_wh"],
                    &energies(&it),
                    0.0001,
                );
                close(
                    id,
                    "temp_c",
                    &stated["temp_c"],
                    &[float(it.temperature)],
                    0.001,
                );
                close(id, "time", &stated["time"], &[it.clock.into()], 0.0);
                close(
                    id,
                    "freq_hz",
                    &stated["freq_hz"],
                    &[float(it.frequency)],
                    0.0,
                );
            }
            "yc600-payload-kadzsol" => {
                let it = read();
                for (input, key) in ["e_mpp1", "e_mpp2"].into_iter().enumerate() {
                    let raw = (it.inputs[input].counter >> 16) as f64;
                    close(id, key, &stated[format!("{key}_raw")], &[raw], 0.0);
                    let energy = energies(&it)[input];
                    close(id, key, &stated[format!("{key}_wh")], &[energy], 0.008);
                }
                close(
                    id,
                    "freq_hz",
                    &stated["freq_hz"],
                    &[float(it.frequency)],
                    0.001,
                );
                close(
                    id,
                    "temp_c",
                    &stated["temp_c"],
                    &[float(it.temperature)],
                    0.006,
                );
                // The source has another scale.
                let grid = float(it.grid_voltage) * 5.28 * 0.1873;
                close(id, "acv_v", &stated["acv_v"], &[grid], 0.006);
            }
            "ds3-payload-a" => {
                let it = read();
                // The source counts them the other way round.
                for (input, key) in ["panel1_raw", "panel0_raw"].into_iter().enumerate() {
                    assert_eq!(stated[key], it.inputs[input].counter);
                }
                assert_eq!(stated["time"], it.clock);
            }
            "ds3-payload-oem-modem" => {
                let it = read();
                close(
                    id,
                    "grid_v",
                    &stated["grid_v"],
                    &[float(it.grid_voltage)],
                    0.07,
                );
                close(id, "panel_v", &stated["panel_v"], &volts(&it), 0.0);
                close(
                    id,
                    "freq_hz",
                    &stated["freq_hz"],
                    &[float(it.frequency)],
                    0.0,
                );
                assert_eq!(stated["active_power_w"], it.ac_power.unwrap());
                assert_eq!(stated["reactive_var"], it.reactive_power.unwrap());
                assert_eq!((it.status.events().count(), it.status.unnamed()), (0, None));
            }
            "qs1a-payload-oem-modem" => {
                close(
                    id,
                    "grid_v",
                    &stated["grid_v"],
                    &[float(read().grid_voltage)],
                    0.06,
                );
            }
            "r-yc600-9715" => {
                close(id, "time_s", &stated["time_s"], &[read().clock.into()], 0.0);
            }
            _ => continue,
        }
        found.push(capture.id);
    }
    assert!(found.len() >= 9, "{found:?}");
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn what_was_reported_is_read_as_it_should() {
    let mut found = 0;
    for capture in captured(&["poll_answer"]) {
        let expected = &capture.all["expected"];
        match capture.id.as_str() {
            "r-qt2-model-29" => {
                let data = &answers(&capture)[0];
                let answer = InverterAnswer::decode(data).unwrap();
                assert_eq!(expected["serial"], answer.serial.to_string());
                let unread = AnswerContent::Unread {
                    command: 0xbb,
                    model: Some(0x29),
                    data: data.clone(),
                };
                assert_eq!(answer.content, unread);
                let model = InverterModel::of(answer.serial, Some(0x29)).unwrap();
                assert_eq!((model.name, model.limits), ("QT2", &[][..]));
            }
            "r-ds3-same-clock-twice" => {
                let all = answers(&capture);
                assert_eq!(expected["answers"], all.len());
                assert_eq!(telemetry(&all[0]), telemetry(&all[1]));
            }
            "r-late-answer-of-other" => {
                let [other, polled] = &answers(&capture)[..] else {
                    panic!("two answers")
                };
                let (other, polled) = (telemetry(other), telemetry(polled));
                assert_eq!(expected["other_serial"], other.serial.to_string());
                assert_eq!(expected["other_ac_power_w"], other.ac_power.unwrap());
                assert_eq!(expected["polled_serial"], polled.serial.to_string());
            }
            "r-ds3-input-a-missing" => {
                let it = telemetry(&answers(&capture)[0]);
                let keys: Vec<_> = it.status.events().map(|event| event.key).collect();
                assert_eq!(keys, ["input_a_dark"]);
                assert!(it.inputs[0].current.is_zero() && !it.inputs[1].current.is_zero());
            }
            _ => continue,
        }
        found += 1;
    }
    assert_eq!(found, 4);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn counters_give_the_power_that_others_computed() {
    let polls = captured(&["poll_answer"]);
    let read = |id: &Value| {
        let capture = polls.iter().find(|it| id == it.id.as_str())?;
        Some(telemetry(&answers(capture)[0]))
    };
    let mut found = 0;
    for capture in captured(&["power_from_counters"]) {
        let inputs = capture.all["inputs"].as_array().unwrap();
        let ends: Option<Vec<_>> = inputs.iter().map(read).collect();
        let Some([before, after]) = ends.as_deref() else {
            continue;
        };
        let computed = &capture.all["computed"];
        if !computed.is_object() {
            continue;
        }
        let apart = f64::from(after.clock - before.clock);
        close(&capture.id, "dt_s", &computed["dt_s"], &[apart], 0.0);
        let pairs = before.inputs.iter().zip(&after.inputs);
        let raws: Vec<_> = pairs.map(|(one, two)| two.counter - one.counter).collect();
        let energy = |raw: &u64| after.counter_scale().energy_of(*raw) as f64 / 1e6;
        let energies: Vec<f64> = raws.iter().map(energy).collect();
        let powers: Vec<f64> = energies.iter().map(|it| it * 3600.0 / apart).collect();
        let raws: Vec<f64> = raws.into_iter().map(|raw| raw as f64).collect();
        close(&capture.id, "delta_raw", &computed["delta_raw"], &raws, 0.0);
        close(
            &capture.id,
            "energy_wh",
            &computed["energy_wh"],
            &energies,
            0.0001,
        );
        close(&capture.id, "power_w", &computed["power_w"], &powers, 0.006);
        found += 1;
    }
    assert!(found > 0);
}

fn raw_of(value: &Value) -> u16 {
    u16::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

fn limit_of(command: InverterCommand) -> LimitCode {
    match command {
        InverterCommand::Limit(code) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn limits_are_told_as_gateways_told_them() {
    for capture in captured(&["limit_set", "limit_set_l2"]) {
        let id = capture.id.as_str();
        let computed = &capture.all["computed"];
        let envelope = if capture.is("kind", "limit_set") {
            let (cluster, data) = told(&capture.bytes);
            assert_eq!(cluster, REQUEST_CLUSTER, "{id}");
            &data[6..]
        } else {
            &capture.bytes[..]
        };
        let read = InverterCommand::of_envelope(envelope);
        if computed["l2_sum_ok"] == false {
            let carried = raw_of(&computed["carried_sum"]);
            let computed = raw_of(&computed["right_sum"]);
            let sum = L2Fault::Sum { computed, carried };
            assert_eq!(read, Err(RequestFault::Envelope(sum)), "{id}");
            continue;
        }
        let command = read.unwrap();
        assert_eq!(command.envelope(), envelope, "{id}");
        let code = limit_of(command);
        let is_ds3 = capture.is("model", "DS3");
        assert_eq!(code.scale == LimitScale::Ds3, is_ds3, "{id}");
        for (key, listed) in computed.as_object().unwrap() {
            match key.as_str() {
                "formulas" | "l2_sum_ok" | "openaps" => {}
                "raw" => assert_eq!(raw_of(listed), code.raw, "{id}"),
                "watt_per_input" => close(id, key, listed, &[code.watts().to_f64()], 0.04),
                "l2_sum" => {
                    let part = L2Part::read(envelope).unwrap();
                    assert_eq!(raw_of(listed), part.sum, "{id}");
                }
                other => panic!("{id}: nothing tests {other}"),
            }
        }
        let watts = capture.all["stated_by_source"]["watt_per_input"].as_u64();
        if let Some(watts) = watts {
            let ours = LimitScale::Ds3
                .of_watts(u16::try_from(watts).unwrap())
                .unwrap();
            assert_eq!(raw_of(&computed["openaps"]), ours.raw, "{id}");
            assert_eq!(code, ours, "{id}");
        }
        if id == "r-limit-ds3-309" {
            assert_eq!(LimitScale::Ds3.of_watts(309), Some(code));
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn limits_are_read_back() {
    let mut found = 0;
    for capture in captured(&["limit_read"]) {
        let id = capture.id.as_str();
        let computed = &capture.all["computed"];
        match id {
            "limit-read-req" => {
                let (_, data) = told(&capture.bytes);
                let command = InverterCommand::Settings(SettingsPage::B);
                assert_eq!(InverterCommand::read(data).unwrap().1, command);
                assert_eq!(data[6..], command.envelope());
            }
            "limit-read-ds3-500-partial" => {
                let at = capture
                    .bytes
                    .windows(2)
                    .position(|two| two == [0xfb, 0xfb])
                    .unwrap()
                    - 6;
                let data = &capture.bytes[at..];
                let fault = InverterAnswer::decode(data).unwrap_err();
                assert!(matches!(
                    fault,
                    AnswerFault::Envelope(L2Fault::Length { .. })
                ));
                // With the rest it is whole.
                let mut body = data[10..].to_vec();
                body.resize(91, 0xff);
                let page = SettingsAnswer::decode(0xdd, &body).unwrap();
                let limit = page.limit().unwrap();
                assert_eq!(limit.raw, raw_of(&computed["raw"]));
                let watts = limit.watts().to_f64();
                close(id, "watts", &computed["watt_per_input"], &[watts], 0.006);
            }
            _ => {
                let all = messages(&capture.bytes);
                let [(_, ANSWER_CLUSTER, data)] = all[..] else {
                    panic!("{id}")
                };
                let answer = InverterAnswer::decode(data).unwrap();
                let AnswerContent::Settings(page) = &answer.content else {
                    panic!("{id}: {answer:?}")
                };
                assert_eq!(page.page, SettingsPage::B, "{id}");
                let limit = page.limit().unwrap();
                assert_eq!(limit.raw, raw_of(&computed["raw"]), "{id}");
                let watts = limit.watts().to_f64();
                close(id, "watts", &computed["watt_per_input"], &[watts], 0.006);
                if let Some(stated) = capture.all["stated_by_source"]["watt"].as_f64() {
                    assert!((stated - watts).abs() < 0.5, "{id}");
                }
                let again = InverterAnswer::decode(&answer.data()).unwrap();
                assert_eq!(again, answer, "{id}");
                assert_eq!(answer.data(), data, "{id}");
            }
        }
        found += 1;
    }
    assert!(found > 6);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn acknowledgements_and_what_inverters_are_is_read() {
    let serial: InverterSerial = "703000990001".parse().unwrap();
    for capture in captured(&["limit_ack_l2"]) {
        let data = [&serial.wire()[..], &capture.bytes].concat();
        let answer = InverterAnswer::decode(&data).unwrap();
        let (ours, is_pass) = match answer.content {
            AnswerContent::Accepted(_) => (InverterAnswer::accepted(serial), true),
            AnswerContent::Refused(_) => (InverterAnswer::refused(serial), false),
            other => panic!("{other:?}"),
        };
        assert_eq!(capture.all["stated_by_source"]["result"] == "PASS", is_pass);
        assert_eq!(ours.data(), data);
    }
    for capture in captured(&["info_answer_payload", "info_answer_l2"]) {
        let computed = &capture.all["computed"];
        let info = if capture.is("kind", "info_answer_payload") {
            let answer = InverterAnswer::decode(&capture.bytes).unwrap();
            let AnswerContent::Info(info) = answer.content else {
                panic!("{answer:?}")
            };
            // Another program says it is a QS1.
            let model = InverterModel::of(answer.serial, Some(info.model)).unwrap();
            assert_eq!((model.name, model.inputs), ("YC600", 2));
            info
        } else {
            let body = &capture.bytes[4..];
            let answer = [&serial.wire()[..], &l2(capture.bytes[3], body)].concat();
            let AnswerContent::Info(info) = InverterAnswer::decode(&answer).unwrap().content else {
                panic!("{}", capture.id)
            };
            let InverterInfo { is_long, .. } = info;
            assert!(is_long);
            assert_eq!(info.envelope()[..capture.bytes.len()], capture.bytes);
            info
        };
        assert_eq!(u16::from(info.model), raw_of(&computed["model_code"]));
        assert_eq!(computed["version"], info.firmware.to_string());
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn limits_of_the_grid_are_shown() {
    for capture in captured(&["protection_answer_l2"]) {
        let part = L2Part::read(&capture.bytes).unwrap();
        let page = SettingsAnswer::decode(part.command, part.body).unwrap();
        assert_eq!(page.page, SettingsPage::A);
        assert_eq!(page.envelope(), capture.bytes);
        let found = page.thresholds();
        let stated = capture.all["stated_by_source"].as_object().unwrap();
        assert_eq!(found.len(), stated.len());
        for (row, value) in found {
            // The source cuts the decimals of voltages.
            let value = value.to_f64();
            let shown = if row.unit == "V" {
                value.floor()
            } else {
                value
            };
            close(&capture.id, row.code, &stated[row.code], &[shown], 0.0);
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_computed_example_of_encryption_comes_out() {
    for capture in captured(&["crypto"]) {
        let key = capture.hex("key");
        let serial = InverterSerial::of_wire(key[6..12].try_into().unwrap()).unwrap();
        let plain = capture.hex("plain");
        let envelope = &plain[1..=usize::from(plain[0])];
        let nonce = key[..6].try_into().unwrap();
        let sealed = Sealed::seal(envelope, Some(serial), nonce, None);
        assert_eq!(sealed.sealed, capture.hex("cipher"));
        assert_eq!(sealed.open(Some(serial)).unwrap(), envelope);
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn commands_are_told_as_gateways_told_them() {
    for capture in captured(&["command_l2"]) {
        let id = capture.id.as_str();
        let command = match id {
            "cmd-on" => InverterCommand::SwitchOn,
            "cmd-off" => InverterCommand::SwitchOff,
            "cmd-on-all" => InverterCommand::SwitchAllOn,
            "cmd-off-all" => InverterCommand::SwitchAllOff,
            "cmd-info" => InverterCommand::Info,
            "cmd-poll" => InverterCommand::Poll,
            "cmd-limit-read" => InverterCommand::Settings(SettingsPage::B),
            // An inverter checks the sum, which is wrong.
            "cmd-reboot-peers" | "cmd-limit-dummy-peers" => {
                let fault = InverterCommand::of_envelope(&capture.bytes).unwrap_err();
                let is_sum = matches!(fault, RequestFault::Envelope(L2Fault::Sum { .. }));
                assert!(is_sum, "{id}");
                continue;
            }
            other => panic!("nothing tests {other}"),
        };
        assert_eq!(command.envelope(), capture.bytes, "{id}");
        assert_eq!(
            InverterCommand::of_envelope(&capture.bytes),
            Ok(command),
            "{id}"
        );
    }
    for capture in captured(&["poll_request", "normal_operation"]) {
        let id = capture.id.as_str();
        if id == "init-normal-op-truncated" {
            let frame = frames(&capture.bytes, [0x24, 0x01])[0];
            assert!(InverterCommand::read(&frame[10..]).is_err());
            continue;
        }
        let (cluster, data) = told(&capture.bytes);
        let (gateway, command) = InverterCommand::read(data).unwrap();
        assert_eq!(cluster, REQUEST_CLUSTER, "{id}");
        assert_eq!(command.data(gateway_of(gateway)), data, "{id}");
        let is_poll = capture.is("kind", "poll_request");
        assert_eq!(command == InverterCommand::Poll, is_poll, "{id}");
    }
}

fn gateway_of(mut reversed: [u8; 6]) -> EcuId {
    reversed.reverse();
    let digits: String = reversed.iter().map(|byte| format!("{byte:02X}")).collect();
    digits.parse().unwrap()
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_requests_of_pairing_are_those_of_gateways() {
    let captures = captured(&["pair_request"]);
    let data: Vec<_> = captures
        .iter()
        .map(|capture| &frames(&capture.bytes, [0x24, 0x02])[0][20..])
        .collect();
    let [_, asked, _, stay] = data[..] else {
        panic!("four requests")
    };
    let serial = InverterSerial::of_wire(asked.try_into().unwrap()).unwrap();
    let all = PairingRequest::all(serial, gateway_of(stay.try_into().unwrap()));
    for (capture, request) in captures.iter().zip(all) {
        let frame = frames(&capture.bytes, [0x24, 0x02])[0];
        let cluster = u16::from_le_bytes([frame[13], frame[14]]);
        assert_eq!(cluster, request.cluster(), "{}", capture.id);
        assert_eq!(frame[15], request.transaction(), "{}", capture.id);
        assert_eq!(frame[20..], request.data(), "{}", capture.id);
        assert_eq!(usize::from(frame[18]), request.data().len());
        assert_eq!(PairingRequest::read(cluster, &frame[20..]), Some(request));
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn only_the_inverter_that_is_wanted_is_paired() {
    let gateway: EcuId = "D8A3011B9780".parse().unwrap();
    let other: InverterSerial = "703000990077".parse().unwrap();
    for capture in captured(&["pair_answer"]) {
        let id = capture.id.as_str();
        let stated = &capture.all["stated_by_source"]["inverter_id"];
        let expected = &capture.all["expected"]["short_address"];
        let address = stated.as_str().or_else(|| expected.as_str()).unwrap();
        let address: ShortAddress = address.parse().unwrap();
        let mut answered = 0;
        for (source, cluster, data) in messages(&capture.bytes) {
            let serial = data
                .last_chunk()
                .copied()
                .and_then(InverterSerial::of_wire)
                .unwrap();
            let heard = pairing_heard(serial, gateway, source, cluster, data);
            if cluster == PAIRED_CLUSTER {
                assert_eq!(heard, PairingHeard::Answered(address), "{id}");
                let heard = pairing_heard(other, gateway, source, cluster, data);
                assert_eq!(heard, PairingHeard::OtherAnswered(serial, address), "{id}");
                let is_flagged = capture.all["expected"]["flag"] == "maybe encrypted";
                assert_eq!(may_encrypt(serial), is_flagged, "{id}");
                answered += 1;
            } else {
                assert_eq!(heard, PairingHeard::Echo, "{id}");
            }
        }
        assert_eq!(answered, 1, "{id}");
    }
    for capture in captured(&["pair_echo"]) {
        for (source, cluster, data) in messages(&capture.bytes) {
            let (serial, gateway) = match PairingRequest::read(cluster, data).unwrap() {
                PairingRequest::Prime(serial, gateway) | PairingRequest::Move(serial, gateway) => {
                    (serial, gateway)
                }
                PairingRequest::Ask(serial) => (serial, gateway),
                PairingRequest::Stay(gateway) => (other, gateway),
            };
            let heard = pairing_heard(serial, gateway, source, cluster, data);
            assert_eq!(heard, PairingHeard::Echo, "{}", capture.id);
        }
        assert!(!messages(&capture.bytes).is_empty(), "{}", capture.id);
    }
    for capture in captured(&["pair_fail"]) {
        assert!(messages(&capture.bytes).is_empty(), "{}", capture.id);
    }
}
