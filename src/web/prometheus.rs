//! `/metrics`: the latest values for Prometheus, in its text format 0.0.4.
//!
//! What is not known has no line. Daily counters and figures may fall, so they are gauges. So is what an upload has given
//! up, as it may be tried once more.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::access::Visitor;
use super::board::{BoardRow, BoardRows};
use super::device_now::is_given;
use super::discretion::Rank;
use super::login::{check_password, turn};
use super::reply::WebRefusal;
use super::session::WebLock;
use super::site::Site;
use crate::model::{Behavior, Decimal, Metric, Quantity, Value};
use crate::uploads;

const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What uploads tell of themselves, which is nothing measured: key, family, help.
const OF_UPLOADS: [(&str, &str, &str); 3] = [
    (
        "pending",
        "export_pending",
        "Slots or records that wait to be sent.",
    ),
    (
        "last_success",
        "export_last_success_timestamp_seconds",
        "When something was sent and arrived last.",
    ),
    (
        "given_up",
        "export_refused",
        "Slots or records that are never sent, as far as they are remembered.",
    ),
];

/// What a family of values is called, and by how much a value is multiplied for it.
struct FamilyName {
    words: &'static str,
    about: &'static str,
    factor: i64,
}

/// The latest values for Prometheus
#[utoipa::path(get, path = "/metrics", responses(
    (status = 200, content_type = "text/plain", body = String),
    (status = 404, description = "[web] metrics is not set"),
))]
pub async fn metrics(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, WebRefusal> {
    if !site.front().settings.metrics {
        return Err(WebRefusal::new(
            StatusCode::NOT_FOUND,
            "there are no metrics here",
            "write metrics = true into [web] of the configuration",
        ));
    }
    let rank = rank(&site, &visitor, &headers).await?;
    let text = site.board.look(|board| text(board, rank));
    Ok(([(header::CONTENT_TYPE, KIND)], text).into_response())
}

/// Prometheus cannot log in; it sends the password each time (`authorization` in its configuration).
async fn rank(site: &Site, visitor: &Visitor, headers: &HeaderMap) -> Result<Rank, WebRefusal> {
    let said = headers.get(header::AUTHORIZATION);
    let said = said.and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
    match said {
        Some(password) if matches!(site.front().lock, WebLock::Password(_)) => {
            let _turn = turn(site, visitor).await?;
            check_password(site, visitor, password).map(|()| Rank::Admin)
        }
        _ if visitor.rank >= Rank::Guest => Ok(visitor.rank),
        _ => Err(WebRefusal::new(
            StatusCode::UNAUTHORIZED,
            "only who knows the password may look",
            "write it into the configuration of Prometheus: authorization: { credentials_file: ... }",
        )),
    }
}

#[derive(Default)]
struct Family {
    kind: &'static str,
    about: &'static str,
    lines: BTreeMap<String, String>,
}

fn text(board: &BoardRows, rank: Rank) -> String {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut put = |name: String, kind, about, labels: String, value: String| {
        let family = families.entry(name).or_default();
        (family.kind, family.about) = (kind, about);
        family.lines.insert(labels, value);
    };
    for row in &board.rows {
        let device = device_label(row, rank);
        let name = board.discretion.text(&row.device.name, rank);
        let model = row.device.model.as_deref().unwrap_or_default();
        let labels = format!(
            "device=\"{device}\",name=\"{}\",model=\"{}\"",
            escaped(&name),
            escaped(model)
        );
        let gauge = "gauge";
        put(
            "device_info".into(),
            gauge,
            "What each device is.",
            labels,
            "1".into(),
        );
        let label = format!("device=\"{device}\"");
        let is_up = u8::from(row.state.health.code.has_data()).to_string();
        let about = "Whether the values of a device are good to use.";
        put("device_up".into(), gauge, about, label.clone(), is_up);
        if let Some(at) = row.state.at {
            let about = "When the latest values of a device were measured.";
            let name = "last_reading_timestamp_seconds".into();
            put(name, gauge, about, label, at.as_second().to_string());
        }
        if row.device.adapter == uploads::KIND {
            let target = format!("target=\"{}\"", escaped(target(&device)));
            for (key, name, about) in OF_UPLOADS {
                if let Some(value) = of_upload(row.state.value(key)) {
                    put(name.into(), gauge, about, target.clone(), value);
                }
            }
            continue;
        }
        for metric in row.device.metrics.iter().filter(|it| !is_given(&it.key)) {
            let labels = format!("device=\"{device}\",metric=\"{}\"", escaped(&metric.key));
            if let Some((name, kind, about, value)) = line(metric, row.state.value(&metric.key)) {
                put(name, kind, about, labels, value);
            }
        }
    }
    let mut text = String::new();
    for (name, family) in families {
        let name = format!("wattbridge_{name}");
        text.push_str(&format!(
            "# HELP {name} {}\n# TYPE {name} {}\n",
            family.about, family.kind
        ));
        for (labels, value) in family.lines {
            text.push_str(&format!("{name}{{{labels}}} {value}\n"));
        }
    }
    text
}

/// Guests do not learn the id, which holds the serial number.
fn device_label(row: &BoardRow, rank: Rank) -> String {
    if rank >= Rank::Admin {
        row.device.id.to_string()
    } else {
        row.reference.clone()
    }
}

/// What commands call a target: its id without what those of all begin with. Guests have no id.
fn target(device: &str) -> &str {
    let rest = device.strip_prefix(uploads::KIND);
    rest.and_then(|rest| rest.strip_prefix('_'))
        .unwrap_or(device)
}

/// A value of what an upload tells of itself.
fn of_upload(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::Timestamp(at) => Some(at.as_second().to_string()),
        Value::Unknown | Value::Text(_) | Value::OnOff(_) => None,
    }
}

/// Family, kind, help and value of a metric.
fn line(metric: &Metric, value: &Value) -> Option<(String, &'static str, &'static str, String)> {
    let number = match value {
        Value::OnOff(on) => {
            let about = "Whether something is on.";
            return Some(("on".into(), "gauge", about, u8::from(*on).to_string()));
        }
        Value::Number(number) => *number,
        Value::Unknown | Value::Text(_) | Value::Timestamp(_) => return None,
    };
    let family = family(metric.quantity?);
    let is_total = metric.behavior == Behavior::LifetimeCounter
        && matches!(
            metric.quantity,
            Some(
                Quantity::Energy
                    | Quantity::ReactiveEnergy
                    | Quantity::Gas
                    | Quantity::Water
                    | Quantity::Heat
            )
        );
    let number = number.times_plus(Decimal::integer(family.factor), Decimal::integer(0))?;
    Some(if is_total {
        (
            format!("{}_total", family.words),
            "counter",
            family.about,
            number.to_string(),
        )
    } else {
        (
            family.words.into(),
            "gauge",
            family.about,
            number.to_string(),
        )
    })
}

fn family(quantity: Quantity) -> FamilyName {
    let (words, about) = match quantity {
        Quantity::Power => ("power_watts", "Active power."),
        Quantity::ApparentPower => ("apparent_power_volt_amperes", "Apparent power."),
        Quantity::ReactivePower => ("reactive_power_var", "Reactive power."),
        Quantity::Energy => ("energy_kwh", "Active energy."),
        Quantity::ReactiveEnergy => ("reactive_energy_kvarh", "Reactive energy."),
        Quantity::Gas => ("gas_cubic_metres", "Volume of gas."),
        Quantity::Water => ("water_cubic_metres", "Volume of water."),
        Quantity::Heat => ("heat_joules", "Heat that was delivered."),
        Quantity::Charge => ("charge_ah", "Electric charge of a battery."),
        Quantity::Voltage => ("voltage_volts", "Voltage."),
        Quantity::Current => ("current_amperes", "Current."),
        Quantity::Resistance => ("resistance_ohms", "Resistance."),
        Quantity::Frequency => ("frequency_hertz", "Frequency."),
        Quantity::PowerFactor => ("power_factor_ratio", "Power factor, -1 to 1."),
        Quantity::Angle => ("angle_degrees", "Angle between voltage and current."),
        Quantity::Temperature => ("temperature_celsius", "Temperature."),
        Quantity::StateOfCharge => ("state_of_charge_percent", "How full a battery is."),
        Quantity::SignalQuality => (
            "signal_quality_percent",
            "A radio signal as a share of the best possible.",
        ),
        Quantity::SignalStrength => ("signal_strength_dbm", "A radio signal as received power."),
        Quantity::Ratio => ("ratio_percent", "A share of a whole."),
        Quantity::Duration | Quantity::Minutes => ("duration_seconds", "A length of time."),
        // `count` is the end of other names in this format.
        Quantity::Count => ("number", "A number of things."),
    };
    let factor = match quantity {
        Quantity::Minutes => 60,
        // It is kept in gigajoules, and resistance in thousands of ohms.
        Quantity::Heat => 1_000_000_000,
        Quantity::Resistance => 1000,
        _ => 1,
    };
    FamilyName {
        words,
        about,
        factor,
    }
}

/// As the format wants labels.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_its_family_and_unknown_has_none() {
        let energy = Metric::lifetime("energy_total", Quantity::Energy);
        let (name, kind, _, value) = line(&energy, &Decimal::new(12_345, 3).into()).unwrap();
        assert_eq!(
            (name.as_str(), kind, value.as_str()),
            ("energy_kwh_total", "counter", "12.345")
        );
        let today = Metric::daily("energy_today", Quantity::Energy);
        let (name, kind, _, _) = line(&today, &Decimal::integer(1).into()).unwrap();
        assert_eq!((name.as_str(), kind), ("energy_kwh", "gauge"));
        let left = Metric::measurement("time_to_go", Quantity::Minutes);
        let (name, _, _, value) = line(&left, &Decimal::integer(90).into()).unwrap();
        assert_eq!(
            (name.as_str(), value.as_str()),
            ("duration_seconds", "5400")
        );
        assert!(line(&energy, &Value::Unknown).is_none());
        assert!(line(&Metric::text("line"), &"a".into()).is_none());
    }

    #[test]
    fn every_family_has_a_name_of_its_own_unit() {
        let mut seen = BTreeMap::new();
        for quantity in Quantity::ALL {
            let name = family(*quantity).words;
            let ends = ["count", "sum", "bucket", "total", "info"];
            assert!(!ends.iter().any(|end| name.ends_with(end)), "{name}");
            if let Some(other) = seen.insert(name, *quantity) {
                assert_eq!((other, *quantity), (Quantity::Duration, Quantity::Minutes));
            }
        }
    }

    #[test]
    fn labels_cannot_be_left() {
        assert_eq!(escaped("a\"} 1\n\\"), "a\\\"} 1\\n\\\\");
    }
}
