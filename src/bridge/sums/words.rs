//! What is told of a sum that has no value, or none of now.

use std::time::Duration;

use super::super::own_device::and_more;
use super::tally::{Missing, Unfit};
use crate::model::{Health, HealthCode, Sentence};
use crate::say;

/// Nothing has been published yet.
pub fn waiting(missing: &[Missing]) -> Health {
    match missing.first() {
        Some(Missing::NoDevice(member)) if member.is_pattern() => {
            let pattern = member.to_string();
            Health::new(HealthCode::NoData)
                .seen(say!("waiting for a device that matches {pattern}", pattern))
                .advise(COMPARE)
        }
        Some(Missing::NoDevice(_) | Missing::NoMetric { .. }) => Health::new(HealthCode::NoData)
            .seen(reasons(missing))
            .advise(COMPARE),
        _ => Health::new(HealthCode::Starting)
            .seen(reasons(missing))
            .advise(remedy(missing)),
    }
}

/// The last value still stands.
pub fn frozen(missing: &[Missing], freeze_for: Duration) -> Health {
    let reasons = reasons(missing);
    Health::new(HealthCode::Degraded)
        .seen(say!(
            "the last value stays for {freeze_for}, because {reasons}",
            freeze_for,
            reasons
        ))
        .advise(remedy(missing))
}

/// It stood for too long.
pub fn lost(missing: &[Missing], freeze_for: Duration) -> Health {
    let more = match missing.first() {
        Some(Missing::Away {
            by_pattern: true, ..
        }) => say!(
            "What is gone for good leaves after `forget_after`, or as soon as its own section is removed or has \
             enabled = false."
        ),
        Some(Missing::Away { .. }) => {
            say!("What is gone for good, take out of the section of the sum.")
        }
        _ => Sentence::EMPTY,
    };
    let reasons = reasons(missing);
    Health::new(HealthCode::Stale)
        .seen(say!(
            "for {freeze_for} or longer {reasons}",
            freeze_for,
            reasons
        ))
        .advise(remedy(missing).then(more))
}

/// It never can have a value.
pub fn unfit(unfit: &Unfit) -> Health {
    let (seen, advice) = match unfit {
        Unfit::NoMeasurement(member) => (
            say!("{member} is not a measurement", member),
            say!(
                "Only values of the moment can be added up: take it out of the section, or name its power."
            ),
        ),
        Unfit::Mixed(one, other) => (
            say!("{one} and {other} do not measure the same", one, other),
            say!("Write a section for each of the two."),
        ),
        Unfit::NoPower(member) => (
            say!(
                "there is no energy of {member}, which is not a power",
                member
            ),
            say!("Take energy = true out of the section."),
        ),
    };
    Health::new(HealthCode::Unsupported)
        .seen(seen)
        .advise(advice)
}

const COMPARE: Sentence = say!(
    "If it is there, compare its name in the section with the topics: `wattbridge discovery` shows them."
);

/// The first reason in full, and how many more there are.
fn reasons(missing: &[Missing]) -> Sentence {
    let first = missing.first().map(reason).unwrap_or_default();
    and_more(first, missing.len().saturating_sub(1))
}

fn reason(missing: &Missing) -> Sentence {
    match missing {
        Missing::Away { name, health, .. } => {
            let (code, detail) = (health.code, health.detail.clone());
            if detail.is_empty() {
                say!("{name} is missing ({code})", name, code)
            } else {
                say!("{name} is missing ({code}: {detail})", name, code, detail)
            }
        }
        Missing::Unknown { name, title } => {
            say!(
                "{name} does not know \"{title}\" now",
                name,
                title = title.clone()
            )
        }
        Missing::Standing { name } => say!("{name} stands still too", name),
        Missing::NoMetric { name, key } => say!("{name} has no metric {key}", name, key),
        Missing::NoDevice(member) => {
            let device = member.to_string();
            if member.is_pattern() {
                say!("no device matches {device} any more", device)
            } else {
                say!("there is no device for {device}", device)
            }
        }
        Missing::Search => say!("not every device has been found yet"),
    }
}

fn remedy(missing: &[Missing]) -> Sentence {
    match missing.first() {
        Some(
            Missing::Away { name, .. } | Missing::Unknown { name, .. } | Missing::Standing { name },
        ) => say!("The status of {name} says what to do.", name),
        Some(Missing::NoMetric { .. } | Missing::NoDevice(_)) => COMPARE,
        Some(Missing::Search) | None => Sentence::EMPTY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away(by_pattern: bool) -> Missing {
        Missing::Away {
            name: "Meter 7".to_owned(),
            health: Health::new(HealthCode::Silent).seen("for 1m"),
            by_pattern,
        }
    }

    #[test]
    fn who_is_missing_and_what_to_do_is_said() {
        let (hour, other) = (Duration::from_secs(3600), Missing::Search);
        assert_eq!(
            frozen(&[away(false), other], hour).sentence(),
            "Not everything works: the last value stays for 1h, because Meter 7 is missing (no answer: for 1m) \
             (and 1 more). The status of Meter 7 says what to do."
        );
        assert_eq!(
            lost(&[away(false)], hour).sentence(),
            "Data too old: for 1h or longer Meter 7 is missing (no answer: for 1m). The status of Meter 7 says \
             what to do. What is gone for good, take out of the section of the sum."
        );
        assert_eq!(
            lost(&[away(true)], hour).sentence(),
            "Data too old: for 1h or longer Meter 7 is missing (no answer: for 1m). The status of Meter 7 says \
             what to do. What is gone for good leaves after `forget_after`, or as soon as its own section is \
             removed or has enabled = false."
        );
        let pattern = Missing::NoDevice("victron_*/panel_power".parse().unwrap());
        assert!(waiting(&[pattern]).sentence().starts_with(
            "No data yet: waiting for a device that matches victron_*/panel_power. If"
        ));
    }

    #[test]
    fn every_trouble_has_a_remedy_and_fits_a_status() {
        let name = || "Charger on the southern roof".to_owned();
        let member = || "victron_hq2123abcde/panel_power".parse().unwrap();
        let all = [
            away(false),
            away(true),
            Missing::Unknown {
                name: name(),
                title: "Panel power".into(),
            },
            Missing::Standing { name: name() },
            Missing::NoMetric {
                name: name(),
                key: "panel_power".to_owned(),
            },
            Missing::NoDevice(member()),
            Missing::NoDevice("victron_*/panel_power".parse().unwrap()),
        ];
        let of_member = || member().to_string();
        let unfits = [
            Unfit::NoMeasurement(of_member()),
            Unfit::Mixed(of_member(), of_member()),
            Unfit::NoPower(of_member()),
        ];
        let hour = Duration::from_secs(3600);
        let told = all.into_iter().flat_map(|missing| {
            let missing = [missing];
            [
                waiting(&missing),
                frozen(&missing, hour),
                lost(&missing, hour),
            ]
        });
        for health in told.chain(unfits.iter().map(unfit)) {
            let sentence = health.sentence();
            assert!(!health.advice.is_empty(), "{sentence}");
            assert!(sentence.chars().count() <= 255, "{sentence}");
        }
    }
}
