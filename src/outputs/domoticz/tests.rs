//! What Domoticz is told of values that are there, are not, or do not fit.

use std::collections::BTreeMap;

use super::svalue::{Svalue, payload, svalue};
use super::*;
use crate::bridge::Known;
use crate::model::{Decimal, Device, DeviceState, Health, HealthCode, Metric, Quantity, Value};

fn read(toml: &str) -> Result<Arc<dyn Outlet>, Problems> {
    OUTPUT.configure(&File::parse(toml, "test.toml").unwrap())
}

fn section(toml: &str) -> DomoticzSettings {
    let file = File::parse(&format!("[[domoticz]]\n{toml}"), "test.toml").unwrap();
    let section = file.sections("domoticz").remove(0);
    section
        .read()
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn known(metrics: Vec<(Metric, Value)>) -> Known {
    let mut device = Device::new("aps_ecu", "1", "Roof", "Nobody");
    device.metrics = metrics.iter().map(|(metric, _)| metric.clone()).collect();
    let values = metrics.into_iter();
    let state = DeviceState {
        device: device.id.clone(),
        at: Some("2026-06-15T12:00:00Z".parse().unwrap()),
        values: values
            .map(|(metric, value)| (metric.key, value))
            .collect::<BTreeMap<_, _>>(),
        health: Health::ONLINE,
        era: 0,
        held: BTreeMap::default(),
    };
    Known {
        device: Arc::new(device),
        state: Arc::new(state),
    }
}

fn number(text: &str) -> Value {
    text.parse::<Decimal>().unwrap().into()
}

fn said(settings: &DomoticzSettings, known: &Known) -> Svalue {
    let find = |id: &_| (known.device.id == *id).then(|| known.clone());
    svalue(settings, &find, true)
}

fn wrong(said: Svalue) -> Health {
    match said {
        Svalue::Wrong(health) => *health,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_counter_of_the_day_is_never_told_as_kwh() {
    let device = known(vec![
        (Metric::measurement("power", Quantity::Power), number("582")),
        (
            Metric::daily("energy_today", Quantity::Energy).decimals(2),
            number("3.21"),
        ),
        (
            Metric::lifetime("energy_total", Quantity::Energy).decimals(1),
            number("1234.5"),
        ),
    ]);
    let kwh = |energy: &str| {
        let toml = format!(
            "idx = 1\nkind = \"kwh\"\npower = \"aps_ecu_1/power\"\nenergy = \"aps_ecu_1/{energy}\""
        );
        said(&section(&toml), &device)
    };
    assert_eq!(kwh("energy_total"), Svalue::Known("582;1234500".to_owned()));
    let health = wrong(kwh("energy_today"));
    assert_eq!(health.code, HealthCode::Misconfigured);
    assert!(
        health.sentence().contains("goes on for ever"),
        "{}",
        health.sentence()
    );
    assert!(wrong(kwh("energy_gone")).sentence().contains("energy_gone"));
    assert!(wrong(kwh("power")).sentence().contains("aps_ecu_1/power"));
}

#[test]
fn a_value_has_to_fit_its_kind() {
    let device = known(vec![
        (
            Metric::measurement("voltage", Quantity::Voltage).decimals(1),
            number("230.40"),
        ),
        (Metric::text("firmware"), Value::from("1.2 \"x\"")),
        (
            Metric::measurement("power", Quantity::Power).decimals(1),
            number("-0.04"),
        ),
    ]);
    let one = |kind: &str, key: &str| {
        let field = if kind == "usage" { "power" } else { "value" };
        let toml = format!("idx = 1\nkind = \"{kind}\"\n{field} = \"aps_ecu_1/{key}\"");
        said(&section(&toml), &device)
    };
    let is = |words: &str| Svalue::Known(words.to_owned());
    assert_eq!(one("voltage", "voltage"), is("230.4"));
    assert_eq!(one("custom", "voltage"), is("230.4"));
    assert_eq!(one("usage", "power"), is("0"));
    assert_eq!(one("text", "firmware"), is("1.2 \"x\""));
    for (kind, key) in [("temperature", "voltage"), ("custom", "firmware")] {
        let words = wrong(one(kind, key)).sentence();
        assert!(words.contains("does not fit"), "{words}");
    }
    assert_eq!(
        payload(7, "1.2 \"x\""),
        r#"{"idx":7,"nvalue":0,"svalue":"1.2 \"x\""}"#
    );
}

#[test]
fn a_meter_of_one_direction_gives_nothing_and_an_unknown_counter_is_no_message() {
    let meter = |import: Value| {
        known(vec![
            (
                Metric::lifetime("energy_import", Quantity::Energy).decimals(3),
                import,
            ),
            (
                Metric::measurement("power_import", Quantity::Power),
                number("350"),
            ),
        ])
    };
    let p1 = section("idx = 7\nkind = \"p1\"\ndevice = \"aps_ecu_1\"");
    assert_eq!(
        said(&p1, &meter(number("3000.579"))),
        Svalue::Known("3000579;0;0;0;350;0".to_owned())
    );
    assert_eq!(said(&p1, &meter(Value::Unknown)), Svalue::Unknown);
    // 32 bits are full.
    assert_eq!(said(&p1, &meter(number("4294967.296"))), Svalue::Unknown);
    let none = known(vec![(
        Metric::measurement("power", Quantity::Power),
        number("1"),
    )]);
    assert!(wrong(said(&p1, &none)).sentence().contains("no meter"));
    let net = known(vec![
        (
            Metric::lifetime("energy_import", Quantity::Energy).decimals(3),
            number("1"),
        ),
        (
            Metric::measurement("power_net", Quantity::Power),
            number("-120"),
        ),
    ]);
    assert_eq!(
        said(&p1, &net),
        Svalue::Known("1000;0;0;0;0;120".to_owned())
    );
}

#[test]
fn three_phases_are_one_message() {
    let phase = |key, amps: &str| {
        let metric = Metric::measurement(key, Quantity::Current).decimals(2);
        (metric, number(amps))
    };
    let device = known(vec![
        phase("current_l1", "1.50"),
        phase("current_l2", "0"),
        phase("current_l3", "12.34"),
    ]);
    let current = section("idx = 7\nkind = \"current3\"\ndevice = \"aps_ecu_1\"");
    assert_eq!(
        said(&current, &device),
        Svalue::Known("1.5;0;12.34".to_owned())
    );
}

#[test]
fn what_is_not_there_yet_is_waited_for() {
    let nobody = |_: &_| None;
    let usage = section("idx = 7\nkind = \"usage\"\npower = \"aps_ecu_1/power\"");
    assert_eq!(svalue(&usage, &nobody, false), Svalue::Unknown);
    let health = wrong(svalue(&usage, &nobody, true));
    assert!(health.sentence().contains("aps_ecu_1"), "{health:?}");
}

#[test]
fn sections_that_cannot_work_are_refused_with_words() {
    for (toml, words) in [
        ("kind = \"kwh\"", "idx"),
        ("idx = 1", "kind"),
        (
            "idx = 1\nkind = \"incremental\"\nvalue = \"a_b/c\"",
            "counts twice",
        ),
        ("idx = 1\nkind = \"kwh\"\npower = \"a_b/power\"", "energy"),
        (
            "idx = 1\nkind = \"usage\"\npower = \"power\"",
            "no device and key",
        ),
        (
            "idx = 1\nkind = \"usage\"\npower = \"a_b/c\"\nvalue = \"a_b/c\"",
            "nothing of it",
        ),
        ("idx = 1\nkind = \"p1\"\ndevice = \"a_b/c\"", "no device"),
        (
            "idx = 1\nkind = \"text\"\nvalue = \"a_b/c\"\nevery = \"1h\"",
            "every",
        ),
        (
            "idx = 1\nkind = \"text\"\nvalue = \"a_b/c\"\npassword = \"x\"",
            "no user",
        ),
        (
            "idx = 1\nkind = \"text\"\nvalue = \"a_b/c\"\nuser = \"x\"",
            "no url",
        ),
        ("idx = 1\nkind = \"gas\"", "kind"),
    ] {
        let told = read(&format!("[[domoticz]]\n{toml}\n")).unwrap_err();
        assert!(told.to_string().contains(words), "{toml}: {told}");
    }
    let twice = "[[domoticz]]\nidx = 1\nkind = \"text\"\nvalue = \"a_b/c\"\n".repeat(2);
    let told = read(&twice).unwrap_err().to_string();
    assert!(told.contains("another section"), "{told}");
}

#[test]
fn keys_and_secrets_are_told_for_check() {
    let outlet = read(
        "[[domoticz]]\nidx = 1\nkind = \"kwh\"\npower = \"a_b/power\"\nenergy = \"a_b/total\"\nurl = \"http://x\"\n\
         user = \"u\"\npassword = \"p\"\n[[domoticz]]\nidx = 2\nkind = \"text\"\nvalue = \"a_b/reason\"\n",
    )
    .unwrap();
    assert_eq!(
        outlet.named_keys(),
        [("power", "power"), ("energy", "total")]
    );
    assert_eq!(outlet.secrets().len(), 1);
    assert!(outlet.needs_broker() && outlet.is_enabled());
    assert!(!read("").unwrap().is_enabled());
}
