//! The examples of the specification, read in place.

use jiff::Timestamp;
use serde_json::Value as Json;
use wattbridge::history::{DeviceRecord, KeptRecord};
use wattbridge::uploads::{Errand, ErrandAnswer, Parcel, ProgramAnswer, Target, UploadVerdict};

use super::house::named;
use super::vectors_in_place;

fn example(id: &str) -> Json {
    let file = vectors_in_place::read("exports.json");
    let all = file["examples"].as_array().unwrap();
    let found = all.iter().find(|example| example["id"] == id);
    found.unwrap_or_else(|| panic!("no {id}")).clone()
}

/// All examples there are.
#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn no_example_is_left_out() {
    let file = vectors_in_place::read("exports.json");
    let all = file["examples"].as_array().unwrap().iter();
    let all = all
        .filter(|example| example["target"] == "mysql")
        .map(|example| example["id"].as_str().unwrap());
    assert_eq!(
        all.collect::<Vec<_>>(),
        ["mysql-01", "mysql-02", "mysql-03"]
    );
}

fn target() -> Box<dyn Target> {
    let command = [
        "mariadb",
        "--defaults-extra-file=/etc/wattbridge/my.cnf",
        "solaredge",
    ];
    named(&command.map(str::to_owned)).plan.target().unwrap()
}

/// What our devices call it, and how many of their units one of the column's is.
const INVERTER: &[(&str, &str, f64)] = &[
    ("temperature", "temperature", 1.0),
    ("e_day", "energy_since_wake", 0.001),
    ("de_day", "energy_interval", 0.001),
    ("v_ac", "voltage", 1.0),
    ("i_ac", "current", 1.0),
    ("frequency", "frequency", 1.0),
    ("v_dc", "dc_voltage", 1.0),
    ("e_total", "energy_total", 0.001),
    ("i_rcd", "residual_current", 1.0),
    ("p_active", "power", 1.0),
    ("p_apparent", "apparent_power", 1.0),
    ("p_reactive", "reactive_power", 1.0),
];
const OPTIMIZER: &[(&str, &str, f64)] = &[
    ("uptime", "uptime", 1.0),
    ("v_in", "panel_voltage", 0.125),
    ("v_out", "output_voltage", 0.125),
    ("i_in", "current", 0.00625),
    ("e_day", "energy_since_wake", 0.00025),
    ("temperature", "temperature", 2.0),
];

fn record(columns: &Json, id: &str, table: &[(&str, &str, f64)]) -> DeviceRecord {
    let number = columns[id].as_u64().unwrap();
    let mut values = table
        .iter()
        .map(|(column, key, unit)| {
            let value = columns[*column].as_f64();
            // Nine decimals are enough for all of them, and too few for the noise of a product.
            let text = value.map(|value| format!("{:.9}", value * unit));
            ((*key).to_owned(), text)
        })
        .collect::<std::collections::BTreeMap<_, _>>();
    if columns["mode"] == 4 {
        values.insert("mode".to_owned(), Some("mppt".to_owned()));
    }
    let serial = format!("{number:08X}-00");
    DeviceRecord {
        device: format!("solaredge_{}", serial.to_lowercase()),
        serial,
        at: columns["timestamp"].as_i64().unwrap(),
        values,
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn statements_are_made_to_the_byte() {
    for id in ["mysql-01", "mysql-02"] {
        let example = example(id);
        let received: Timestamp = example["received"].as_str().unwrap().parse().unwrap();
        let records = &example["records"];
        let mut all = vec![record(&records["inverter"], "inv_id", INVERTER)];
        if records["optimizer"].is_object() {
            all.push(record(&records["optimizer"], "op_id", OPTIMIZER));
        }
        let kept = all.iter().zip(1..).map(|(record, id)| KeptRecord {
            id,
            at: received.as_second(),
            body: serde_json::to_string(record).unwrap(),
        });
        let kept: Vec<_> = kept.collect();
        let parcel = target().prepare_records(&kept, received);
        let Some(Errand::Program { input, command }) = parcel.errand else {
            panic!("no program");
        };
        let wanted = example["sql"].as_str().unwrap();
        assert_eq!(
            input,
            format!("{wanted}SELECT 'wattbridge {}';\n", kept.len()),
            "{id}"
        );
        assert_eq!(command[0], "mariadb");
        assert_eq!(parcel.through, received.as_second());
        assert_eq!(parcel.slots.len(), kept.len());
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn errors_mean_what_they_mean() {
    let example = example("mysql-03");
    let answers = example["answers"].as_array().unwrap();
    assert!(answers.len() > 10);
    for answer in answers {
        let (number, means) = (answer[0].as_u64().unwrap(), answer[1].as_str().unwrap());
        let mut target = target();
        let panel = record(
            &self::example("mysql-01")["records"]["optimizer"],
            "op_id",
            OPTIMIZER,
        );
        let kept = [5, 6].map(|id| KeptRecord {
            id,
            at: 1_764_333_310,
            body: serde_json::to_string(&panel).unwrap(),
        });
        let parcel: Parcel = target.prepare_records(&kept, Timestamp::UNIX_EPOCH);
        let state = match number {
            1264 => "22003",
            1048 | 1062 => "23000",
            _ => "HY000",
        };
        let place = if state == "HY000" { "" } else { " at line 4" };
        let said = ErrandAnswer::Program(Ok(ProgramAnswer {
            is_success: false,
            output: String::new(),
            errors: format!("WARNING: x\nERROR {number} ({state}){place}: It says why\n"),
        }));
        let verdict = target.judge(&parcel, &said, Timestamp::UNIX_EPOCH);
        match (means.split([',', ':']).next().unwrap(), verdict) {
            ("hold", UploadVerdict::Hold { health, .. }) => {
                assert_eq!(health.code, wattbridge::model::HealthCode::Refused);
                assert!(
                    health.sentence().contains(&number.to_string()),
                    "{health:?}"
                );
                let word = means.split(' ').next_back().unwrap().trim_matches(',');
                assert!(!health.advice.is_empty(), "{word}");
            }
            ("skip the row" | "cannot happen", UploadVerdict::Skip { slots }) => {
                assert_eq!((slots[0].slot, slots.len()), (6, 1));
            }
            ("retry", UploadVerdict::Again { after: None, .. }) => {}
            (_, verdict) => panic!("{number} {means}: {verdict:?}"),
        }
    }
}

#[test]
fn done_is_the_exit_code_and_the_last_line() {
    let mut target = target();
    let parcel = Parcel {
        slots: vec![7, 9],
        ..Parcel::default()
    };
    let mut judge = |is_success, output: &str| {
        let answer = ErrandAnswer::Program(Ok(ProgramAnswer {
            is_success,
            output: output.to_owned(),
            errors: String::new(),
        }));
        target.judge(&parcel, &answer, Timestamp::UNIX_EPOCH)
    };
    assert_eq!(
        judge(true, "wattbridge 9\nwattbridge 9\n"),
        UploadVerdict::done()
    );
    assert!(matches!(
        judge(true, "wattbridge 7\n"),
        UploadVerdict::Hold { .. }
    ));
    assert!(matches!(
        judge(true, "SELECT 'wattbridge 9';\n"),
        UploadVerdict::Hold { .. }
    ));
    assert!(matches!(judge(true, ""), UploadVerdict::Hold { .. }));
    assert!(matches!(
        judge(false, "wattbridge 9\n"),
        UploadVerdict::Again { .. }
    ));
}
