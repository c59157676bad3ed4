//! Which meter a text belongs to, where meters, numbers and keys change, and what counts that nothing proves.

use super::*;
use crate::adapters::smart_meter::wire::dsmr::seal;

/// A text with this first line, lines about the meter, and counter in kWh.
fn text(head: &str, about: &str, energy: &str) -> String {
    format!(
        "/{head}\r\n\r\n{about}1-0:1.8.0({energy}*kWh)\r\n1-0:1.7.0(00.500*kW)\r\n1-0:2.7.0(00.000*kW)\r\n!"
    )
}

fn sealed(head: &str, about: &str, energy: &str) -> Vec<u8> {
    let mut bytes = seal(&text(head, about, energy));
    bytes.extend(b"\r\n");
    bytes
}

fn bare(energy: &str) -> Vec<u8> {
    let about = "0-0:96.1.1(4530303534303030)\r\n";
    (text("ISk5\\2ME382-1003", about, energy) + "\r\n").into_bytes()
}

/// Devices and the energies that were told of them, in order.
fn told(reports: &[Report]) -> Vec<(String, String)> {
    let energy = |readings: &Readings| {
        let of = readings
            .values
            .iter()
            .find(|it| it.key == "energy_import")?;
        let words = of.value.to_json().to_string();
        Some((readings.device.to_string(), words))
    };
    readings(reports).into_iter().filter_map(energy).collect()
}

#[test]
fn another_first_line_without_a_number_is_another_meter() {
    let first = |energy: &str| sealed("ELL5\\253833635_A", "", energy);
    let second = |energy: &str| sealed("AUX59902759", "", energy);
    let hear = |bench: &mut Bench, text: &[u8]| (0..6).for_each(|_| bench.hear(text));
    let mut bench = Bench::new(config(None));
    hear(&mut bench, &first("26849.524"));
    let before = told(&bench.take());
    assert!(!before.is_empty());
    hear(&mut bench, &second("51234.560"));
    let after = told(&bench.take());
    assert!(!after.is_empty());
    assert!(
        after
            .iter()
            .all(|(id, energy)| *id != before[0].0 && energy == "51234.56")
    );
    // So it is after a restart, whoever speaks first.
    let mut again = Bench::remembering(config(None), bench.remembered());
    hear(&mut again, &first("26849.600"));
    let back = told(&again.take());
    assert!(
        back.iter()
            .all(|(id, energy)| *id == before[0].0 && energy == "26849.6")
    );
    assert!(!back.is_empty());
}

#[test]
fn a_number_that_is_left_out_leaves_the_values_with_their_meter() {
    let number = "0-0:96.1.1(4530303534303030303034)\r\n";
    let mut bench = Bench::new(config(None));
    bench.hear(&sealed("XMX5LGF0054", number, "00001.000"));
    for _ in 0..6 {
        bench.hear(&sealed("XMX5LGF0054", "", "00001.009"));
    }
    let ids = told(&bench.take());
    assert!(ids.iter().all(|(id, _)| *id == ids[0].0), "{ids:?}");
    // Another one in its place, which has none, is not it.
    let mut again = Bench::remembering(config(None), bench.remembered());
    for _ in 0..6 {
        again.hear(&sealed("AUX59902759", "", "51234.560"));
    }
    let others = told(&again.take());
    assert!(!others.is_empty());
    assert!(others.iter().all(|(id, _)| *id != ids[0].0), "{others:?}");
}

#[test]
fn what_one_telegram_says_alone_counts_for_nothing_without_a_checksum() {
    let mut bench = Bench::new(config(None));
    for (energy, expected) in [
        ("00007.001", &[][..]),
        ("00007.002", &[]),
        ("00007.003", &[]),
        ("00007.004", &[]),
        ("00007.804", &["7.004"]),
        ("00007.006", &["7.006"]),
        ("00007.007", &["7.007"]),
        ("00001.008", &[]),
        ("00007.009", &["7.007"]),
        ("00007.010", &["7.009"]),
    ] {
        bench.hear(&bare(energy));
        let energies: Vec<_> = told(&bench.take()).into_iter().map(|it| it.1).collect();
        assert_eq!(energies, expected, "{energy}");
    }
}

#[test]
fn a_value_whose_line_is_gone_becomes_unknown() {
    let mut bench = Bench::new(config(None));
    let whole = sealed("ELL5\\253833635_A", "1-0:32.7.0(230.1*V)\r\n", "26849.524");
    let without = sealed("ELL5\\253833635_A", "", "26849.525");
    (0..6).for_each(|_| bench.hear(&whole));
    bench.take();
    (0..40).for_each(|_| bench.hear(&without));
    let reports = bench.take();
    let voltage = |readings: &&Readings| {
        let found = readings.values.iter().find(|it| it.key == "voltage_l1");
        found.map(|it| it.value.clone())
    };
    let voltages: Vec<_> = readings(&reports).iter().filter_map(voltage).collect();
    assert_eq!(voltages, [Value::Unknown]);
}

#[test]
fn texts_that_are_never_alike_are_said() {
    let mut bench = Bench::new(config(None));
    for power in 0..12 {
        let energy = "1".repeat(1 + power % 3);
        bench.hear(&bare(&energy));
    }
    bench.pass(60);
    let said = |report: &Report| match report {
        Report::Source(health) => health.sentence().contains("no two in a row are alike"),
        _ => false,
    };
    assert!(bench.take().iter().any(said));
    for energy in ["7.001", "7.002", "7.003", "7.004", "7.005"] {
        bench.hear(&bare(energy));
    }
    bench.pass(5);
    assert_eq!(healths(&bench.take()).last(), Some(&HealthCode::Online));
}

#[test]
fn what_is_behind_a_silent_meter_is_silent_and_comes_back_with_all_it_tells() {
    let gas = "0-1:24.1.0(003)\r\n0-1:96.1.0(4730303534303030303034)\r\n0-1:24.4.0(1)\r\n\
               0-1:24.2.1(260528220000S)(00012.345*m3)\r\n";
    let number = "0-0:1.0.0(260528220500S)\r\n0-0:96.1.1(4530303534303030303034)\r\n";
    let whole = sealed("XMX5LGF0054", &format!("{number}{gas}"), "00001.000");
    let id = DeviceId::new("smart_meter", "G0054000004");
    let of_gas = |reports: &[Report]| -> Vec<String> {
        let told = |report: &Report| match report {
            Report::Health(of, health) if *of == id => Some(health.code.code().to_owned()),
            Report::Readings(readings) if readings.device == id => {
                let keys = readings.values.iter().map(|it| it.key.as_ref());
                Some(keys.collect::<Vec<_>>().join(" "))
            }
            _ => None,
        };
        reports.iter().filter_map(told).collect()
    };
    let mut bench = Bench::new(config(None));
    (0..3).for_each(|_| bench.hear(&whole));
    let told = of_gas(&bench.take());
    assert_eq!(told, ["gas capture_time valve", "online"]);
    bench.pass(120);
    assert_eq!(of_gas(&bench.take()), ["silent"]);
    bench.hear(&whole);
    assert_eq!(of_gas(&bench.take()), told);

    // Another electricity meter with the same gas meter takes it over: the old one says no more of it.
    let other = number.replace("3034)", "3035)");
    let exchanged = sealed("XMX5LGF0054", &format!("{other}{gas}"), "00002.000");
    (0..60).for_each(|_| {
        bench.hear(&exchanged);
        bench.pass(5);
    });
    let reports = bench.take();
    assert!(
        reports
            .iter()
            .any(|report| matches!(report, Report::Absent(..)))
    );
    assert_ne!(of_gas(&reports).last().map(String::as_str), Some("silent"));
    // Exchanged itself, the old gas meter is not read any more, and no matter of the line.
    bench.pass(120);
    let new = gas.replace("3034)", "3036)");
    let exchanged = sealed("XMX5LGF0054", &format!("{other}{new}"), "00003.000");
    (0..3).for_each(|_| bench.hear(&exchanged));
    assert_eq!(of_gas(&bench.take()), ["silent", "stale"]);
}

#[test]
fn what_was_said_before_a_gap_does_not_count_without_a_checksum() {
    let mut bench = Bench::new(config(None));
    for energy in ["1.001", "1.002", "1.003", "1.004", "1.005", "1.006"] {
        bench.hear(&bare(energy));
    }
    bench.take();
    bench.pass(600);
    bench.hear(&bare("2.001"));
    bench.hear(&bare("2.002"));
    assert_eq!(told(&bench.take()), []);
    bench.hear(&bare("2.003"));
    assert_eq!(told(&bench.take())[0].1, "2.002");
}

#[test]
fn values_of_a_meter_that_writes_zeros_come_with_the_sixth_telegram() {
    let mut bench = Bench::new(config(None));
    let about = "0-0:96.1.1(4530303534303030)\r\n";
    let mut first = 0;
    while told(&bench.take()).is_empty() {
        first += 1;
        assert!(first < 9);
        let text = text("ISk5\\2MT382-1000", about, &format!("0000{first}.000"));
        bench.hear(format!("{text}0000\r\n").as_bytes());
    }
    assert_eq!(first, 6);
}

#[test]
fn a_meter_that_begins_to_encrypt_stays_one_device_that_is_heard() {
    let model = Model::named("smarty").unwrap();
    let mut encrypted = series("smarty");
    let plain = Talk::new("smarty", KEY).0.telegram().unwrap();
    let clear = {
        let key = KEY.parse().unwrap();
        let apdu = Apdu::parse(&plain.message).unwrap();
        let Apdu::Ciphered(ciphered) = apdu else {
            panic!("{apdu:?}")
        };
        ciphered.open(&key, None).unwrap().plaintext
    };
    let mut bench = Bench::new(config(Some(KEY)));
    (0..6).for_each(|_| bench.hear(&clear));
    let own = DeviceId::new("smart_meter", model.number).to_string();
    let ids = |reports: &[Report]| -> Vec<String> {
        let all = readings(reports).into_iter();
        all.map(|it| it.device.to_string()).collect()
    };
    assert!(ids(&bench.take()).contains(&own));
    for _ in 0..6 {
        let bytes = encrypted.next();
        bench.hear(&bytes);
    }
    bench.pass(5);
    assert!(ids(&bench.take()).contains(&own));
    for _ in 0..60 {
        let bytes = encrypted.next();
        bench.hear(&bytes);
        bench.pass(5);
    }
    let gone = |report: &Report| matches!(report, Report::Absent(..));
    assert!(!bench.take().iter().any(gone));
}
