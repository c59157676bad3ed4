//! What inverters measured.

use serde_json::Value;
use wattbridge::adapters::aps_zigbee::models::InverterModel;
use wattbridge::adapters::aps_zigbee::wire::ids::ShortAddress;
use wattbridge::adapters::aps_zigbee::wire::payload::{
    ANSWER_CLUSTER, AnswerContent, AnswerFault, InverterAnswer, L2Fault, L2Part, PanelTelemetry,
    ProducingState, TelemetryLayout, l2,
};
use wattbridge::model::Decimal;

use super::{Capture, captured, close, frames, messages};

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
