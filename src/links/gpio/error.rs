//! Why a line cannot be had, and what its user can do about it.

use std::borrow::Cow;

/// Why a line of a GPIO chip cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GpioError {
    /// There are no chips.
    #[error("there is no GPIO chip here")]
    NoChips,
    /// There is no chip of that name.
    #[error("there is no GPIO chip {path}")]
    NoSuchChip {
        /// What was to be opened.
        path: String,
        /// Those that are there.
        others: Vec<String>,
    },
    /// No line has that name.
    #[error("no GPIO line is called {0}")]
    NoSuchName(String),
    /// Several have.
    #[error("several GPIO lines are called {name}: {}", .places.join(", "))]
    SeveralOfName {
        /// The name.
        name: String,
        /// Their chips and numbers.
        places: Vec<String>,
    },
    /// The chip has fewer lines.
    #[error("{path} has no line {line}, only 0 to {last}")]
    NoSuchLine {
        /// The chip.
        path: String,
        /// The number that was to be had.
        line: u32,
        /// The highest that there is.
        last: u32,
    },
    /// The chip belongs to others.
    #[error("{0} may not be opened by this user")]
    NotPermitted(String),
    /// The path leads to something else.
    #[error("{0} is not a GPIO chip")]
    NotAChip(String),
    /// Somebody else has the line.
    #[error("{place} is in use{}", by_whom(.by))]
    Busy {
        /// Chip and number.
        place: String,
        /// By whom, as they say.
        by: String,
    },
    /// This is no Linux.
    #[error("GPIO lines can be used on Linux only")]
    Unsupported,
    /// Anything else.
    #[error("{0} cannot be used: {1}")]
    Broken(String, String),
}

fn by_whom(whom: &str) -> String {
    if whom.is_empty() {
        String::new()
    } else {
        format!(" by \"{whom}\"")
    }
}

impl GpioError {
    /// What the user can do about it, in whole sentences.
    pub fn advice(&self) -> Cow<'static, str> {
        let fixed = match self {
            Self::NoChips => {
                "If this computer has such lines, look for /dev/gpiochip0; in Docker, pass it: --device /dev/gpiochip0."
            }
            Self::NoSuchChip { others, .. } => {
                return format!(
                    "At present there is {}. Write the name of the line instead, as in gpio:GPIO18, and its chip is found \
                     whatever it is called.",
                    others.join(", ")
                )
                .into();
            }
            Self::NoSuchName(_) => {
                "`gpioinfo` lists all lines. Write one of their names, or chip and number, as in gpio:gpiochip0/18."
            }
            Self::SeveralOfName { .. } => {
                "Write chip and number of the one that is meant, as in gpio:gpiochip0/18."
            }
            Self::NoSuchLine { .. } => "Write another number; `gpioinfo` lists all lines.",
            Self::NotPermitted(_) => {
                "Add the user that runs wattbridge to the group that the chip belongs to, gpio on a Raspberry Pi, and start \
                 wattbridge anew; its unit of systemd has to allow char-gpiochip, and Docker wants --group-add as well."
            }
            Self::NotAChip(_) => {
                "Write a chip that `gpiodetect` lists; in Docker, pass it under its own name."
            }
            Self::Busy { .. } => {
                "Stop the program that has it, or, if it is the system, take its overlay out of config.txt; or wire another \
                 line."
            }
            Self::Unsupported => {
                "Wire DTR or RTS of a serial adapter instead, or leave reset_line out."
            }
            Self::Broken(..) => "Look into the log of the kernel (`dmesg`), or wire another line.",
        };
        fixed.into()
    }

    /// Both in one.
    pub fn sentence(&self) -> String {
        format!("{self}. {}", self.advice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_it_is_and_what_to_do() {
        let path = || "/dev/gpiochip0".to_owned();
        let busy = |by: &str| GpioError::Busy {
            place: "/dev/gpiochip0/18".to_owned(),
            by: by.to_owned(),
        };
        for (error, words, advice) in [
            (GpioError::NoChips, "no GPIO chip", "--device"),
            (
                GpioError::NoSuchChip {
                    path: "/dev/gpiochip4".to_owned(),
                    others: vec![path()],
                },
                "/dev/gpiochip4",
                "there is /dev/gpiochip0.",
            ),
            (
                GpioError::NoSuchName("GPIO81".into()),
                "called GPIO81",
                "gpioinfo",
            ),
            (
                GpioError::SeveralOfName {
                    name: "A".into(),
                    places: vec!["/dev/gpiochip0/1".into(), "/dev/gpiochip1/1".into()],
                },
                "A: /dev/gpiochip0/1, /dev/gpiochip1/1",
                "that is meant",
            ),
            (
                GpioError::NoSuchLine {
                    path: path(),
                    line: 54,
                    last: 53,
                },
                "no line 54, only 0 to 53",
                "another number",
            ),
            (GpioError::NotPermitted(path()), "this user", "group"),
            (GpioError::NotAChip(path()), "not a GPIO chip", "gpiodetect"),
            (busy("pps@12"), "in use by \"pps@12\"", "overlay"),
            (busy(""), "/dev/gpiochip0/18 is in use", "Stop the program"),
            (GpioError::Unsupported, "Linux only", "DTR or RTS"),
            (
                GpioError::Broken(path(), "x".into()),
                "cannot be used: x",
                "dmesg",
            ),
        ] {
            let text = error.sentence();
            assert!(text.contains(words), "{text}");
            assert!(text.contains(advice) && text.ends_with('.'), "{text}");
        }
    }
}
