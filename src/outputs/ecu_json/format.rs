//! The five formats, to the letter.
//!
//! Source: patience4711/ESP32-read-APS-inverters, `mqttPoll`: the numbers of decimals and the order are its. What it
//! cannot know is not 0 here: `null` in 3 and 4, left out in 2 and 5, and no message at all where power or energy lack.

use std::fmt::Write as _;

use crate::model::Decimal;

/// Formats 2 and 5 always have so many panels.
const PANELS: usize = 4;

/// What is said of an inverter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EcuSaid {
    /// Its serial number.
    pub serial: String,
    /// The number of its device in Domoticz.
    pub idx: u32,
    /// Its place in the list.
    pub number: u32,
    /// Whether it has just answered; asleep, it has not.
    pub is_polled: bool,
    /// In Hz.
    pub frequency: Option<Decimal>,
    /// In °C.
    pub temperature: Option<Decimal>,
    /// In V.
    pub voltage: Option<Decimal>,
    /// In %.
    pub signal: Option<Decimal>,
    /// One for each panel that can be connected.
    pub panels: Vec<EcuPanel>,
    /// In W.
    pub power: Option<Decimal>,
    /// In Wh.
    pub energy: Option<Decimal>,
}

/// What is said of a panel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EcuPanel {
    /// In V.
    pub voltage: Option<Decimal>,
    /// In A.
    pub current: Option<Decimal>,
    /// In W.
    pub power: Option<Decimal>,
    /// In Wh.
    pub energy: Option<Decimal>,
}

/// The message, if all is known that the format cannot do without.
pub fn payload(format: u8, said: &EcuSaid) -> Option<String> {
    match format {
        1 => domoticz(said),
        2 => words(said),
        3 => Some(lists(said)),
        4 => Some(channels(said)),
        5 => thingspeak(said),
        _ => None,
    }
}

fn domoticz(said: &EcuSaid) -> Option<String> {
    let (power, energy) = (fixed(said.power?, 1), fixed(said.energy?, 2));
    let idx = said.idx;
    Some(format!(
        "{{\"idx\":{idx},\"nvalue\":0,\"svalue\":\"{power};{energy}\"}}"
    ))
}

fn words(said: &EcuSaid) -> Option<String> {
    let mut out = format!("{{\"inv\":\"{}\"", said.number);
    if let Some(temperature) = said.temperature {
        let _ = write!(out, ",\"temp\":\"{}\"", fixed(temperature, 1));
    }
    for (place, power) in powers(said)?.iter().enumerate() {
        let _ = write!(out, ",\"p{place}\":\"{power}\"");
    }
    let _ = write!(out, ",\"energy\":\"{}\"}}", fixed(said.energy?, 2));
    Some(out)
}

fn thingspeak(said: &EcuSaid) -> Option<String> {
    let mut out = format!("field1={}", said.number);
    if let Some(temperature) = said.temperature {
        let _ = write!(out, "&field2={}", fixed(temperature, 1));
    }
    for (place, power) in powers(said)?.iter().enumerate() {
        let _ = write!(out, "&field{}={power}", place + 3);
    }
    let energy = fixed(said.energy?, 2);
    let _ = write!(out, "&field7={energy}&status=MQTTPUBLISH");
    Some(out)
}

fn lists(said: &EcuSaid) -> String {
    let mut out = head(said);
    let _ = write!(
        out,
        ",\"signal\":{},\"polled\":{}",
        or_null(said.signal, 1),
        u8::from(said.is_polled)
    );
    let list = |name: &str, decimals, of: fn(&EcuPanel) -> Option<Decimal>| {
        let panels = 0..places(said);
        let numbers = panels.map(|place| panel(said, place, of, decimals));
        format!(",\"{name}\":[{}]", numbers.collect::<Vec<_>>().join(","))
    };
    out.push_str(&list("dcv", 1, |panel| panel.voltage));
    out.push_str(&list("dcc", 1, |panel| panel.current));
    out.push_str(&list("pwr", 1, |panel| panel.power));
    let _ = write!(out, ",\"pwr_total\":{}", or_null(said.power, 2));
    out.push_str(&list("en", 2, |panel| panel.energy));
    let _ = write!(out, ",\"energy_total\":{}}}", or_null(said.energy, 2));
    out
}

fn channels(said: &EcuSaid) -> String {
    let mut out = head(said);
    for place in 0..places(said) {
        let _ = write!(
            out,
            ",\"ch{place}\":[{},{},{},{}]",
            panel(said, place, |it| it.voltage, 1),
            panel(said, place, |it| it.current, 1),
            panel(said, place, |it| it.power, 1),
            panel(said, place, |it| it.energy, 2),
        );
    }
    let _ = write!(
        out,
        ",\"totals\":[{},{}]}}",
        or_null(said.power, 1),
        or_null(said.energy, 2)
    );
    out
}

fn head(said: &EcuSaid) -> String {
    format!(
        "{{\"inv_serial\":{},\"freq\":{},\"temp\":{},\"acv\":{}",
        serde_json::Value::from(said.serial.as_str()),
        or_null(said.frequency, 1),
        or_null(said.temperature, 1),
        or_null(said.voltage, 1),
    )
}

/// Lists have 4 places for an inverter of 4 panels, and 2 for all others.
fn places(said: &EcuSaid) -> usize {
    if said.panels.len() > 2 { PANELS } else { 2 }
}

/// A panel that the inverter has no place for is 0, as it always was; what is unknown is not.
fn panel(
    said: &EcuSaid,
    place: usize,
    of: fn(&EcuPanel) -> Option<Decimal>,
    decimals: u8,
) -> String {
    let value = said.panels.get(place).map_or(Some(Decimal::integer(0)), of);
    or_null(value, decimals)
}

/// The powers of four panels; 0 for those that do not exist.
fn powers(said: &EcuSaid) -> Option<Vec<String>> {
    let power = |place| {
        let panel: Option<&EcuPanel> = said.panels.get(place);
        let power = panel.map_or(Some(Decimal::integer(0)), |panel| panel.power)?;
        Some(fixed(power, 1))
    };
    (0..PANELS).map(power).collect()
}

fn or_null(number: Option<Decimal>, decimals: u8) -> String {
    number.map_or_else(|| "null".to_owned(), |number| fixed(number, decimals))
}

fn fixed(number: Decimal, decimals: u8) -> String {
    number.with_scale(decimals).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<Decimal> {
        Some(text.parse().unwrap())
    }

    fn said() -> EcuSaid {
        let panel = |power| EcuPanel {
            voltage: number("36.84"),
            current: number("4.3"),
            power: number(power),
            energy: number("87.2"),
        };
        EcuSaid {
            serial: "408000000011".to_owned(),
            idx: 901,
            is_polled: true,
            frequency: number("50"),
            temperature: number("18"),
            voltage: number("228.2"),
            panels: vec![panel("88.4"), panel("88")],
            power: number("176.4"),
            energy: number("174.35"),
            ..EcuSaid::default()
        }
    }

    #[test]
    fn format_4_has_a_list_for_each_panel() {
        assert_eq!(
            payload(4, &said()).unwrap(),
            "{\"inv_serial\":\"408000000011\",\"freq\":50.0,\"temp\":18.0,\"acv\":228.2,\
             \"ch0\":[36.8,4.3,88.4,87.20],\"ch1\":[36.8,4.3,88.0,87.20],\"totals\":[176.4,174.35]}"
        );
    }

    #[test]
    fn four_places_for_more_than_two_panels() {
        let mut said = said();
        said.panels.push(EcuPanel::default());
        let text = payload(3, &said).unwrap();
        assert!(text.contains("\"pwr\":[88.4,88.0,null,0.0]"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["signal"], serde_json::Value::Null);
        assert!(
            serde_json::from_str::<serde_json::Value>(&payload(4, &said).unwrap())
                .is_ok_and(|json| json["ch3"] == serde_json::json!([0.0, 0.0, 0.0, 0.0]))
        );
        // A panel that is there and unknown is no 0.
        assert_eq!(payload(2, &said), None);
        assert_eq!(payload(5, &said), None);
    }

    #[test]
    fn what_is_unknown_is_never_0() {
        let without = |change: fn(&mut EcuSaid)| {
            let mut said = said();
            change(&mut said);
            [1, 2, 5].map(|format| payload(format, &said))
        };
        assert!(
            without(|said| said.energy = None)
                .iter()
                .all(Option::is_none)
        );
        let [one, ..] = without(|said| said.power = None);
        assert_eq!(one, None);
        let [one, two, five] = without(|said| said.temperature = None);
        assert!(one.is_some());
        assert!(!two.unwrap().contains("temp"));
        assert!(!five.unwrap().contains("field2"));
        for format in [0, 6] {
            assert_eq!(payload(format, &said()), None);
        }
    }
}
