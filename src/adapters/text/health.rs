//! Why there are no values, in words with advice.

use std::time::Duration;

use super::command::CommandError;
use super::lines::{LONGEST, is_garbled, shown};
use super::values::{Outcome, Unfit};
use crate::model::{Health, HealthCode};
use crate::say;

/// The sensor was asked in vain.
pub fn no_answer(within: Duration) -> Health {
    Health::new(HealthCode::Silent)
        .seen(say!("nothing came back within {within}", within))
        .advise(say!(
            "Check that the sensor has power, and that `port`, `baud`, `parity` and `ask` are what \
             its papers say."
        ))
}

/// Something came back, but no end of the line.
pub fn no_end(piece: &[u8], within: Duration) -> Health {
    Health::new(HealthCode::Silent)
        .seen(say!(
            "\"{piece}\" came back, but not the end of the line within {within}",
            piece = shown(piece),
            within
        ))
        .advise(say!(
            "If the sensor is slow, write a longer `timeout`. If it has hung, restart it."
        ))
}

/// A port that should talk by itself does not.
pub fn nothing_comes(within: Duration) -> Health {
    Health::new(HealthCode::Silent)
        .seen(say!("no line has come for {within}", within))
        .advise(say!(
            "Check that the sensor has power, and that `port`, `baud` and `parity` are what its \
             papers say. A sensor that has to be asked needs `ask`."
        ))
}

/// A line came, but nothing can be read from it.
pub fn unfit(why: &Unfit, line: &[u8]) -> Health {
    let seen = say!("\"{line}\": {why}", line = shown(line), why = why.says());
    if is_garbled(line) {
        return Health::new(HealthCode::Garbled).seen(seen).advise(say!(
            "Those are not letters and digits: check `baud` and `parity` of a port, or the \
             encoding of what the program prints."
        ));
    }
    Health::new(HealthCode::Unsupported).seen(seen).advise(say!(
        "Correct `pattern`; `wattbridge decode text` tries it on lines from a file."
    ))
}

/// Bytes come without an end.
pub fn too_long() -> Health {
    Health::new(HealthCode::Garbled)
        .seen(say!(
            "{count} bytes came without the end of a line",
            count = LONGEST
        ))
        .advise(say!(
            "Check `baud` and `parity`, and that the port is that of the sensor."
        ))
}

/// A program printed nothing.
pub fn printed_nothing() -> Health {
    Health::new(HealthCode::Silent)
        .seen(say!("the program printed nothing"))
        .advise(say!(
            "Try it in a terminal, as the user that runs wattbridge."
        ))
}

/// A program did not do its work.
pub fn program(error: &CommandError) -> Health {
    let code = match error {
        CommandError::Missing(_) | CommandError::NotPermitted(_) | CommandError::NotStarted(..) => {
            HealthCode::Unreachable
        }
        CommandError::TimedOut { .. } | CommandError::Failed { .. } | CommandError::Lost(..) => {
            HealthCode::Silent
        }
        CommandError::TooMuch(_) => HealthCode::Garbled,
    };
    Health::new(code).seen(error.says()).advise(error.advice())
}

/// A value has been impossible for a while.
pub fn impossible(key: &str, outcome: Outcome) -> Option<Health> {
    let seen = match outcome {
        Outcome::Good(_) => return None,
        Outcome::Below(floor, value) => say!(
            "{key}: {value} is below the floor of {floor}",
            key,
            value,
            floor
        ),
        Outcome::Above(ceiling, value) => {
            say!(
                "{key}: {value} is above the ceiling of {ceiling}",
                key,
                value,
                ceiling
            )
        }
    };
    let health = Health::new(HealthCode::Degraded).seen(seen);
    Some(health.advise(say!(
        "Check the probe, or correct `floor` and `ceiling` if it can be true."
    )))
}

/// Lines come, but none of them has a value that was there before, or should be.
pub fn no_longer(key: &str, within: Duration) -> Health {
    Health::new(HealthCode::Degraded)
        .seen(say!("no line has said {key} for {within}", key, within))
        .advise(say!(
            "Check that part of the sensor, and `pattern`. If it speaks of it more rarely, write a \
             longer `silent_after`."
        ))
}

/// The last try failed; the values before it still count.
pub fn retrying(why: &Health) -> Health {
    let seen = if why.detail.is_empty() {
        say!("{code}", code = why.code)
    } else {
        why.detail.clone()
    };
    Health::new(HealthCode::Retrying).seen(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Decimal;

    #[test]
    fn every_trouble_comes_with_a_remedy() {
        let second = Duration::from_secs(1);
        let number = Decimal::integer(1);
        for health in [
            no_answer(second),
            no_end(b"12", second),
            no_longer("x", second),
            nothing_comes(second),
            unfit(&Unfit::NoMatch, b"hello"),
            unfit(&Unfit::NoMatch, b"\x80"),
            too_long(),
            printed_nothing(),
            program(&CommandError::Missing("x".to_owned())),
            impossible("x", Outcome::Below(number, number)).unwrap(),
        ] {
            assert!(health.code.is_problem(), "{health:?}");
            assert!(
                !health.detail.is_empty() && health.advice.ends_with('.'),
                "{health:?}"
            );
        }
    }
}
