use std::io::Cursor;

use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::lines::LONGEST_LINE;
use super::*;
use crate::model::Quantity;

type Read = (Vec<ForeignRow>, Vec<RefusedLine>);

fn read(text: impl AsRef<[u8]>, format: Option<ForeignFormat>) -> Read {
    let zone = TimeZone::get("Europe/Vienna").unwrap();
    let mut file = ForeignFile::new(Cursor::new(text), zone, format);
    let (mut rows, mut refused) = (Vec::new(), Vec::new());
    while let Some(next) = file.next_row().unwrap() {
        match next {
            Ok(row) => rows.push(row),
            Err(line) => refused.push(line),
        }
    }
    (rows, refused)
}

fn row(line: u64, device: &str, key: &str, time: &str, value: &str) -> ForeignRow {
    let time = match time.parse() {
        Ok(day) if time.len() == 10 => ForeignTime::Day(day),
        _ => ForeignTime::Moment(time.parse().unwrap()),
    };
    ForeignRow {
        line,
        device: device.to_owned(),
        key: key.to_owned(),
        time,
        value: value.parse().unwrap(),
        unit: None,
        kind: None,
    }
}

#[test]
fn the_plain_table_is_read_with_and_without_names() {
    let plain = "aps_ecu_1,energy_today,2025-06-14,21.53\n\
                 # a remark\n\n\
                 aps_ecu_1,power,2025-06-14T10:05:00+02:00,582\n\
                 aps_ecu_1,power,2025-06-14 10:10,583.5\n\
                 aps_ecu_1,power,1749888600,584\r\n";
    let (rows, refused) = read(plain, None);
    assert_eq!(refused, []);
    let at = "2025-06-14T08:05:00Z";
    assert_eq!(
        rows,
        [
            row(1, "aps_ecu_1", "energy_today", "2025-06-14", "21.53"),
            row(4, "aps_ecu_1", "power", at, "582"),
            row(5, "aps_ecu_1", "power", "2025-06-14T08:10:00Z", "583.5"),
            row(6, "aps_ecu_1", "power", "2025-06-14T08:10:00Z", "584"),
        ]
    );
    // As Excel writes it in many countries: names in another order, others between them.
    let excel = "\u{feff}Name;Value;Time;Key;Device;Unit\n\"a; b\";21,53;2025-06-14;energy_today;aps_ecu_1;kWh\n";
    let (rows, refused) = read(excel, None);
    assert_eq!(refused, []);
    let mut wanted = row(2, "aps_ecu_1", "energy_today", "2025-06-14", "21.53");
    wanted.unit = Some("kWh".to_owned());
    assert_eq!(rows, [wanted]);
    // The hour that is there twice in autumn.
    let twice = "device;key;time;offset;value\na_1;k;2025-10-26 02:30:00;+02:00;1\na_1;k;2025-10-26 02:30:00;+01:00;2\n";
    let (rows, refused) = read(twice, None);
    assert_eq!(refused, []);
    assert_eq!(
        rows,
        [
            row(2, "a_1", "k", "2025-10-26T00:30:00Z", "1"),
            row(3, "a_1", "k", "2025-10-26T01:30:00Z", "2"),
        ]
    );
}

#[test]
fn what_cannot_be_believed_is_told_with_its_line() {
    let long = "x".repeat(LONGEST_LINE + 1);
    let text = format!(
        "aps_ecu_1,power,2025-06-14T10:05:00Z,1e308\n\
         aps_ecu_1,power,2025-02-30,1\n\
         {long}\n\
         aps_ecu_1,po\u{0}wer,2025-06-14,1\n\
         APS,power,2025-06-14,1\n\
         aps_ecu_1,Power!,2025-06-14,1\n\
         aps_ecu_1,power\n\
         aps_ecu_1,power,2025-06-14,NaN\n\
         aps_ecu_1,power,2025-06-14,12abc\n\
         aps_ecu_1,power,2025-06-14,\n\
         aps_ecu_1,power,2025-06-14T10:05:00Z,1.5e2\n"
    );
    let (rows, refused) = read(&text, None);
    assert_eq!(
        rows,
        [row(11, "aps_ecu_1", "power", "2025-06-14T10:05:00Z", "150")]
    );
    let lines: Vec<u64> = refused.iter().map(|it| it.line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let words: Vec<String> = refused.iter().map(|it| it.why.to_string()).collect();
    assert!(words[0].contains("1e308"), "{words:?}");
    assert!(
        words[1].contains("2025-02-30") && words[1].contains("write"),
        "{words:?}"
    );
    assert!(words[2].contains("4096"), "{words:?}");
    assert!(
        words
            .iter()
            .all(|it| it.len() < 200 && !it.contains('\u{0}'))
    );
    // Nothing of a line is obeyed by a terminal, however it is quoted.
    let (_, refused) = read("a,b,\u{202e}x,1\n", None);
    assert!(!refused[0].why.to_string().contains('\u{202e}'));
    // The end of a file in the middle of a line, and bytes that are no text.
    assert_eq!(read("a_1,power,2025-06-14,7", None).0.len(), 1);
    assert_eq!(
        read([b'a', 0xff, b',', b'\n'], None).1[0].why,
        RowRefusal::NoText
    );
}

#[test]
fn tables_of_se_logger_are_read() {
    let inverters = "inv_id\ttimestamp\ttemperature\te_day\tde_day\te_total\tp_active\n\
        2132421436\t1749888600\t38.5\t0\t12\t12347804\t969.5\n\
        2132421436\t1749888900\t38.5\t0\t12\t12347885\t-3.40282e38\n\
        2132421436\tyesterday\t38.5\t0\t12\t12347885\t1\n";
    let (rows, refused) = read(inverters, None);
    let device = "solaredge_7f1a2b3c_00";
    let (first, second) = ("2025-06-14T08:10:00Z", "2025-06-14T08:15:00Z");
    assert_eq!(
        rows,
        [
            row(2, device, "energy_total", first, "12347.804"),
            row(2, device, "power", first, "969.5"),
            row(3, device, "energy_total", second, "12347.885"),
        ]
    );
    assert_eq!(refused.iter().map(|it| it.line).collect::<Vec<_>>(), [4]);
    let optimizers = "HEX(op_id)\ttimestamp\tuptime\tv_in\tv_out\ti_in\te_day\ttemperature\n\
        10A13C03\t1749888600\t100\t256\t255\t1668\t3729\t23\n";
    let (rows, refused) = read(optimizers, None);
    assert_eq!(refused, []);
    let device = "solaredge_10a13c03_f0";
    assert_eq!(
        rows,
        [
            row(2, device, "energy_today", first, "0.93225"),
            row(2, device, "power", first, "333.6"),
        ]
    );
    let phases = "inv_id\ttimestamp\te_total\tp_active1\tp_active2\tp_active3\n\
        7F9A2B3C\t1749888600\t5\t100\t200.5\t300\n";
    let (rows, _) = read(phases, None);
    // Bit 23 is that of the power board.
    assert_eq!(
        rows[1],
        row(2, "solaredge_7f1a2b3c_00", "power", first, "600.5")
    );
    let zone = TimeZone::UTC;
    let mut headless = ForeignFile::new(
        Cursor::new("2132421436\t1749888600\n"),
        zone,
        Some(ForeignFormat::SeLogger),
    );
    assert!(
        headless
            .next_row()
            .unwrap_err()
            .to_string()
            .contains("no -N")
    );
}

#[test]
fn what_devices_tell_of_themselves_is_read() {
    let told = r#"{"device":"victron_hq1","model":"MPPT","serial":"HQ1","life":{"energy_total":12.5}}
{"date":"2025-06-14","values":{"energy_today":0.24,"power_max_today":180,"errors":"none","load_energy_today":null}}
{"month":"2025-05","values":{"energy":12}}
{"at":"2025-06-14T08:10:00Z","values":{"power":582}}
{"date":"nonsense","values":{}}
not json
"#;
    let (rows, refused) = read(told, None);
    assert_eq!(
        rows,
        [
            row(2, "victron_hq1", "energy_today", "2025-06-14", "0.24"),
            row(2, "victron_hq1", "power_max_today", "2025-06-14", "180"),
            row(4, "victron_hq1", "power", "2025-06-14T08:10:00Z", "582"),
        ]
    );
    let lines: Vec<u64> = refused.iter().map(|it| it.line).collect();
    assert_eq!(lines, [3, 5, 6]);
    // Days of nobody.
    assert_eq!(
        read(r#"{"date":"2025-06-14","values":{"a":1}}"#, None).1[0].why,
        RowRefusal::NotTold
    );
}

#[test]
fn bounds_hold_what_a_house_can_do() {
    let day = ForeignTime::Day(date(2025, 6, 14));
    let of = |text: &str| text.parse().unwrap();
    assert!(check_value(Some(Quantity::Energy), day, of("99.5")).is_ok());
    assert!(check_value(Some(Quantity::Energy), day, of("-0.1")).is_err());
    assert!(check_value(Some(Quantity::Energy), day, of("30000")).is_err());
    assert!(check_value(Some(Quantity::Power), day, of("-5000")).is_ok());
    assert!(check_value(Some(Quantity::Power), day, of("2000000")).is_err());
    let now = "2025-06-14T10:00:00Z".parse().unwrap();
    let today = date(2025, 6, 14);
    assert!(check_moment(day, now, today).is_ok());
    assert_eq!(
        check_moment(ForeignTime::Day(date(2025, 6, 15)), now, today),
        Err(Improbable::Future)
    );
    assert_eq!(
        check_moment(ForeignTime::Day(date(1975, 6, 15)), now, today),
        Err(Improbable::TooOld)
    );
    let soon = ForeignTime::Moment("2025-06-14T10:20:00Z".parse().unwrap());
    assert_eq!(check_moment(soon, now, today), Err(Improbable::Future));
}

proptest! {
    #[test]
    fn no_file_is_too_strange(bytes: Vec<u8>, text in "[a-z0-9_,;\t{}\":.\n -]{0,400}") {
        for format in [None, Some(ForeignFormat::Csv), Some(ForeignFormat::Device)] {
            for input in [&bytes[..], text.as_bytes()] {
                let (rows, refused) = read(input, format);
                let lines = input.split(|byte| *byte == b'\n').count() as u64;
                prop_assert!(rows.iter().all(|row| (1..=lines).contains(&row.line)));
                prop_assert!(refused.iter().all(|it| (1..=lines).contains(&it.line)));
            }
        }
    }

    #[test]
    fn what_is_written_is_read(
        value in -1_000_000_i64..1_000_000, scale in 0_u8..4, second in 1_000_000_000_i64..1_800_000_000,
        comma: bool,
    ) {
        let value = crate::model::Decimal::new(value, scale);
        let at = jiff::Timestamp::from_second(second).unwrap();
        let shown = value.to_string();
        let line = if comma {
            format!("device;key;time;value\na_1;k;{at};{}\n", shown.replace('.', ","))
        } else {
            format!("a_1,k,{at},{shown}\n")
        };
        let (rows, refused) = read(&line, None);
        prop_assert_eq!(refused, []);
        prop_assert_eq!(rows[0].value, value);
        prop_assert_eq!(rows[0].time, ForeignTime::Moment(at));
    }
}
