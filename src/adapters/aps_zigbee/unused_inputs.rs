//! Inputs without a panel. An inverter says of each input whether it has power, and one that is open floats at about 10 V.
//! Shade looks the same for a while, so an input is unused only after a whole day of it, and used again at once.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::wire::payload::{PanelTelemetry, StatusGroup};
use crate::model::Decimal;

/// An input without a panel has less, in V.
const OPEN: i64 = 12;
/// How long a day has to be seen, in seconds.
const WHOLE: i64 = 4 * 3600;

/// Which inputs have no panel, by their places.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnusedInputs {
    unused: BTreeSet<usize>,
    /// Those that have looked so since the first answer of the day that counts.
    suspects: BTreeSet<usize>,
    day: Option<(Date, Timestamp, Timestamp)>,
}

impl UnusedInputs {
    /// Whether an input has no panel.
    pub fn has(&self, input: usize) -> bool {
        self.unused.contains(&input)
    }

    /// Looks at an answer of this moment and local day; true if something is known now that was not.
    pub fn look(&mut self, telemetry: &PanelTelemetry, at: Timestamp, day: Date) -> bool {
        let before = self.unused.clone();
        let all = 0..telemetry.inputs.len();
        self.unused.retain(|input| !is_used(telemetry, *input));
        // Without any sun nothing can be told.
        if all.clone().any(|input| is_used(telemetry, input)) {
            let look_so: BTreeSet<usize> = all.filter(|it| looks_unused(telemetry, *it)).collect();
            match &mut self.day {
                Some((known, _, until)) if *known == day => {
                    *until = at;
                    self.suspects.retain(|input| look_so.contains(input));
                }
                known => {
                    let is_whole = known.is_some_and(|(_, since, until)| {
                        until.duration_since(since).as_secs() >= WHOLE
                    });
                    if is_whole {
                        self.unused.extend(self.suspects.intersection(&look_so));
                    }
                    *known = Some((day, at, at));
                    self.suspects = look_so;
                }
            }
        }
        self.unused != before
    }
}

/// Whether an input has a panel for sure.
fn is_used(telemetry: &PanelTelemetry, input: usize) -> bool {
    let input = telemetry.inputs.get(input);
    input.is_some_and(|it| it.counter > 0 || it.voltage >= Decimal::integer(OPEN))
}

fn looks_unused(telemetry: &PanelTelemetry, input: usize) -> bool {
    // What tells of it stands in the order of the inputs, where anything does.
    let dark = super::wire::payload::STATUS_EVENTS.iter();
    let mut dark = dark.filter(|event| event.group == StatusGroup::Input);
    let is_dark = dark
        .nth(input)
        .is_some_and(|event| telemetry.status.has(event));
    is_dark && !is_used(telemetry, input)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::civil::date;

    use super::*;
    use crate::adapters::aps_zigbee::wire::payload::{
        InverterFirmware, PanelInput, StatusBits, TelemetryLayout,
    };

    const VOLTS: [i64; 2] = [33, 10];

    fn answer(counters: [u64; 2], volts: [i64; 2], status: [u8; 5]) -> PanelTelemetry {
        let input = |place: usize| PanelInput {
            voltage: Decimal::integer(volts[place]),
            current: Decimal::integer(0),
            counter: counters[place],
        };
        PanelTelemetry {
            serial: "704000990001".parse().unwrap(),
            layout: TelemetryLayout::Ds3,
            model: Some(0x20),
            firmware: Some(InverterFirmware::new(5, 203)),
            temperature: None,
            frequency: None,
            grid_voltage: None,
            clock: 1000,
            status: StatusBits::Bb(status),
            links: None,
            inputs: vec![input(0), input(1)],
            ac_power: Some(100),
            reactive_power: None,
            state: None,
        }
    }

    /// A day of these answers, every hour so often; whether anything was news.
    fn day(inputs: &mut UnusedInputs, day: i8, hours: i64, answer: &PanelTelemetry) -> bool {
        let date = date(2026, 6, day);
        let morning: Timestamp = format!("{date}T08:00:00Z").parse().unwrap();
        (0..hours).fold(false, |news, hour| {
            news | inputs.look(answer, morning + SignedDuration::from_hours(hour), date)
        })
    }

    const B_DARK: [u8; 5] = [0, 0, 0, 0x80, 0];

    #[test]
    fn an_input_is_unused_after_a_whole_day_and_used_at_once() {
        let mut inputs = UnusedInputs::default();
        let open = answer([5, 0], VOLTS, B_DARK);
        assert!(!day(&mut inputs, 1, 8, &open));
        assert!(!inputs.has(1));
        assert!(day(&mut inputs, 2, 8, &open));
        assert!(inputs.has(1) && !inputs.has(0));
        let text = serde_json::to_string(&inputs).unwrap();
        assert_eq!(serde_json::from_str::<UnusedInputs>(&text).unwrap(), inputs);
        // Somebody connects a panel.
        assert!(day(&mut inputs, 2, 1, &answer([9, 0], [33, 31], [0; 5])));
        assert!(!inputs.has(1));
    }

    #[test]
    fn shade_night_and_a_short_day_tell_nothing() {
        let open = answer([5, 0], VOLTS, B_DARK);
        let cases = [
            // Only an hour was seen.
            (2, open.clone()),
            // It has voltage, or power, or does not say that it has none.
            (8, answer([5, 0], [33, 13], B_DARK)),
            (8, answer([5, 1], VOLTS, B_DARK)),
            (8, answer([5, 0], VOLTS, [0; 5])),
            // At night none has any.
            (8, answer([0, 0], [5, 5], [0, 0, 0, 0xa0, 0])),
        ];
        for (hours, answer) in cases {
            let mut inputs = UnusedInputs::default();
            for date in 1..6 {
                assert!(!day(&mut inputs, date, hours, &answer), "{answer:?}");
            }
        }
        // One answer of a day is enough to know better.
        let mut inputs = UnusedInputs::default();
        day(&mut inputs, 1, 4, &open);
        day(&mut inputs, 1, 1, &answer([5, 0], [33, 25], B_DARK));
        assert!(!day(&mut inputs, 2, 8, &open));
    }
}
