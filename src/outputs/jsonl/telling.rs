//! Which lines the news of a device makes: only what has not been told yet.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::bridge::Known;
use crate::model::{DeviceId, Health};
use crate::outputs::json_line;

/// What was told of each device.
#[derive(Debug, Default)]
pub struct Telling(BTreeMap<DeviceId, Told>);

#[derive(Debug, Default)]
struct Told {
    values: Option<String>,
    health: Option<Health>,
}

impl Telling {
    /// The lines for a state: its values if they are new, and how the device is if that is. `now` is
    /// the time of the latter, which comes without one.
    pub fn lines(&mut self, known: &Known, now: Timestamp) -> impl Iterator<Item = String> + use<> {
        let told = self.0.entry(known.device.id.clone()).or_default();
        let values = json_line::of_state(&known.device, &known.state);
        let values = values.filter(|values| told.values.as_ref() != Some(values));
        if values.is_some() {
            told.values.clone_from(&values);
        }
        let health = &known.state.health;
        let status = (told.health.as_ref() != Some(health)).then(|| {
            told.health = Some(health.clone());
            json_line::of_health(&known.device, now, health)
        });
        values.into_iter().chain(status)
    }

    /// A device is gone; should it come back, all of it is new.
    pub fn forget(&mut self, device: &DeviceId) {
        self.0.remove(device);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Decimal, Device, DeviceState, HealthCode, Metric, OnOff, Quantity, Value};

    fn meter() -> Device {
        let mut device = Device::new("smart_meter", "1KFM0000001", "Meter", "Kaifa");
        device.model = Some("MA309M".to_owned());
        device.metrics = vec![
            Metric::measurement("power", Quantity::Power),
            Metric::lifetime("energy_import", Quantity::Energy).decimals(3),
            Metric::on_off("problem", OnOff::Problem).about_connection(),
        ];
        device
    }

    fn known(power: Option<i64>, health: Health) -> Known {
        let device = meter();
        let state = DeviceState {
            device: device.id.clone(),
            at: Some("2026-03-01T12:00:00.25Z".parse().unwrap()),
            values: [
                ("power".into(), Value::from(power.map(Decimal::integer))),
                (
                    "energy_import".into(),
                    Decimal::from_watt_hours(12_345_678).into(),
                ),
                ("problem".into(), Value::OnOff(false)),
            ]
            .into(),
            health,
            era: 0,
            held: Default::default(),
        };
        Known {
            device: Arc::new(device),
            state: Arc::new(state),
        }
    }

    fn now() -> Timestamp {
        "2026-03-01T12:00:05Z".parse().unwrap()
    }

    #[test]
    fn values_and_status_are_told_as_they_change() {
        let mut telling = Telling::default();
        let mut lines = |known: &Known| telling.lines(known, now()).collect::<Vec<_>>();
        let values = |power: &str| {
            format!(
                "{{\"device\":\"smart_meter_1kfm0000001\",\"model\":\"MA309M\",\"serial\":\"1KFM0000001\",\
                 \"at\":\"2026-03-01T12:00:00+00:00\",\"readings\":{{\"power\":{power},\"energy_import\":12345.678}}}}"
            )
        };
        let status = |code: &str, reason: &str| {
            format!(
                "{{\"device\":\"smart_meter_1kfm0000001\",\"at\":\"2026-03-01T12:00:05+00:00\",\
                 \"status\":\"{code}\",\"reason\":\"{reason}\"}}"
            )
        };
        let online = known(Some(230), Health::ONLINE);
        assert_eq!(lines(&online), [values("230"), status("online", "Online")]);
        assert_eq!(lines(&online), [""; 0]);
        // What is not known is said, not left out.
        let silent = Health::new(HealthCode::Silent).advise("Look at the cable.");
        assert_eq!(
            lines(&known(None, silent.clone())),
            [
                values("null"),
                status("silent", "No answer. Look at the cable.")
            ]
        );
        assert_eq!(lines(&known(Some(1), silent)), [values("1")]);
    }

    #[test]
    fn before_its_first_values_a_device_has_a_status_only() {
        let mut waiting = known(None, Health::new(HealthCode::Starting));
        Arc::make_mut(&mut waiting.state).at = None;
        let mut telling = Telling::default();
        let lines: Vec<_> = telling.lines(&waiting, now()).collect();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("\"status\":\"starting\""), "{lines:?}");
        // It is gone and comes back.
        telling.forget(&waiting.device.id);
        assert_eq!(telling.lines(&waiting, now()).count(), 1);
    }

    /// Whatever a device calls itself: one line, JSON, and nothing that a terminal would obey.
    #[test]
    fn words_from_outside_stay_in_their_line() {
        let mut odd = known(Some(1), Health::ONLINE);
        let foul = "a\nb\u{1b}[2J\u{9b}\u{202e}c";
        Arc::make_mut(&mut odd.device).model = Some(foul.to_owned());
        for line in Telling::default().lines(&odd, now()) {
            assert!(!line.contains(crate::terminal::is_obeyed), "{line:?}");
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            if read.get("model").is_some() {
                assert_eq!(read["model"], foul);
            }
        }
    }
}
