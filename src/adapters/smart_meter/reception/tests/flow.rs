//! Import, export and what is between them.

use super::*;

/// The same with powers only; import, then export where it is told.
fn powers(import: i128, export: Option<i128>) -> Vec<u8> {
    let import = ("1.1.1.7.0", 0x06, import);
    let export = export.map(|export| ("1.1.2.7.0", 0x06, export));
    let values: Vec<_> = std::iter::once(import).chain(export).collect();
    kamstrup(HeaderTime::Absent, &values)
}

/// Import, export and net in the last readings; `-` where nothing is said, `null` where unknown.
fn flow(reports: &[Report]) -> String {
    let all = readings(reports);
    let last = all.last().unwrap();
    let shown = ["power_import", "power_export", "power_net"].map(|key| {
        let value = last.get(key);
        value.map_or_else(|| "-".to_owned(), |value| value.to_json().to_string())
    });
    shown.join(" ")
}

#[test]
fn import_and_export_of_different_telegrams_never_contradict_each_other() {
    let mut bench = Bench::new(config(None));
    bench.hear(&powers(0, Some(3000)));
    bench.hear(&powers(0, Some(3000)));
    assert_eq!(flow(&bench.take()), "0 3000 -3000");
    // Still no import: what was said of the export holds.
    bench.hear(&powers(0, None));
    assert_eq!(flow(&bench.take()), "0 - -");
    bench.hear(&powers(1500, None));
    assert_eq!(flow(&bench.take()), "1500 0 1500");
    // No import any more: there may be an export.
    bench.hear(&powers(0, None));
    assert_eq!(flow(&bench.take()), "0 null null");
    bench.hear(&powers(0, Some(200)));
    assert_eq!(flow(&bench.take()), "0 200 -200");
    // What was said long ago does not hold.
    bench.pass(120);
    bench.hear(&powers(0, None));
    assert_eq!(flow(&bench.take()), "0 null null");
}

#[test]
fn an_export_holds_for_three_pauses_of_the_telegrams_that_tell_it() {
    let mut bench = Bench::new(config(None));
    for _ in 0..3 {
        bench.hear(&powers(0, Some(3000)));
        bench.pass(5);
    }
    let mut held = 0;
    bench.take();
    for _ in 0..10 {
        bench.hear(&powers(0, None));
        match flow(&bench.take()).as_str() {
            "0 - -" => held += 1,
            said => assert_eq!(said, "0 null null"),
        }
        bench.pass(5);
    }
    assert_eq!(held, 3);
}

#[test]
fn a_meter_that_never_tells_an_export_gets_none() {
    let mut bench = Bench::new(config(None));
    bench.hear(&powers(500, None));
    bench.hear(&powers(500, None));
    assert_eq!(flow(&bench.take()), "500 - 500");
    bench.hear(&powers(0, None));
    assert_eq!(flow(&bench.take()), "0 - null");
}

#[test]
fn a_signed_sum_is_net_power_and_a_negative_import_is_export() {
    let told = |values: &[(&str, u8, i128)]| {
        let profile: Profile = toml::from_str(
            "name = 'signed'\nbased_on = 'kamstrup'\ncodes = ['1.*.1.7.0 1 W', '1.*.16.7.0 1 W']",
        )
        .unwrap();
        let mut bench = Bench::new(config(None));
        bench.reception.profiles = Arc::new(Profiles::new(vec![profile]));
        let telegram = kamstrup(HeaderTime::Absent, values);
        bench.hear(&telegram);
        bench.hear(&telegram);
        flow(&bench.take())
    };
    assert_eq!(told(&[("1.1.16.7.0", 0x05, -800)]), "- - -800");
    assert_eq!(told(&[("1.1.1.7.0", 0x05, -800)]), "0 800 -800");
    let both = [("1.1.1.7.0", 0x05, -800), ("1.1.2.7.0", 0x06, 800)];
    assert_eq!(told(&both), "0 800 -800");
    // The difference of the two is the net, whatever else is said.
    let three = [
        ("1.1.1.7.0", 0x05, 0),
        ("1.1.2.7.0", 0x06, 800),
        ("1.1.16.7.0", 0x05, -801),
    ];
    assert_eq!(told(&three), "0 800 -800");
}
