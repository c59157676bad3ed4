//! Lines of the computer itself, such as GPIO18 of a Raspberry Pi: outputs that are high, and low for a moment.
//!
//! | file | what |
//! |---|---|
//! | `error` | why a line cannot be had |
//! | `chip` | the character devices of Linux, `/dev/gpiochip0` and so on |
//!
//! A line is claimed once, by whoever needs it first, and is held high until the program ends: wires to it have a
//! defined level even while a port is closed and opened again. One that cannot be had is tried again whenever it is to
//! be switched, and told of once.

#[cfg(target_os = "linux")]
mod chip;
mod error;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

pub use self::error::GpioError;

/// A line, as users name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GpioLine {
    /// By its name, on whichever chip: `GPIO18`. Chips are numbered anew when a computer starts; names stay.
    Named(String),
    /// By its chip and number: `gpiochip0/18`.
    Numbered {
        /// Number of the chip.
        chip: u16,
        /// Number of the line on it.
        line: u32,
    },
}

impl fmt::Display for GpioLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Numbered { chip, line } => write!(f, "gpiochip{chip}/{line}"),
        }
    }
}

/// A line that was claimed as an output.
pub trait GpioPin: Send {
    /// Makes it low, or high.
    fn drive(&self, is_low: bool) -> Result<(), GpioError>;
}

/// Claims a line as an output that is high.
type Claim = Arc<dyn Fn(&GpioLine) -> Result<Box<dyn GpioPin>, GpioError> + Send + Sync>;

/// All lines that are in use. Cheap to clone; all clones have the same lines.
#[derive(Clone)]
pub struct GpioLines {
    claim: Claim,
    slots: Arc<Mutex<BTreeMap<GpioLine, Slot>>>,
}

/// What is known of one line.
#[derive(Default)]
struct Slot {
    pin: Option<Box<dyn GpioPin>>,
    /// The trouble that was told of.
    told: Option<GpioError>,
}

impl fmt::Debug for GpioLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GpioLines")
    }
}

impl Default for GpioLines {
    fn default() -> Self {
        Self::below(PathBuf::from("/dev"))
    }
}

impl GpioLines {
    /// Those of the chips in this folder.
    pub fn below(folder: PathBuf) -> Self {
        #[cfg(target_os = "linux")]
        let claim = move |line: &GpioLine| chip::claim(&folder, line);
        #[cfg(not(target_os = "linux"))]
        let claim = move |_: &GpioLine| {
            let _ = &folder;
            Err(GpioError::Unsupported)
        };
        Self::claimed_by(claim)
    }

    /// Those that are claimed in this way.
    pub fn claimed_by(
        claim: impl Fn(&GpioLine) -> Result<Box<dyn GpioPin>, GpioError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            claim: Arc::new(claim),
            slots: Arc::default(),
        }
    }

    /// Claims a line and makes it high, unless that was done before. The trouble there is, each time.
    pub fn claim(&self, line: &GpioLine) -> Result<(), GpioError> {
        self.with(line, |_| Ok(())).map_err(|(error, _)| error)
    }

    /// Makes a line low, or high. Whether that was done; trouble is in the log, once.
    pub fn drive(&self, line: &GpioLine, is_low: bool) -> bool {
        let driven = self.with(line, |pin| pin.drive(is_low));
        if let Err((error, true)) = &driven {
            tracing::warn!("{line} cannot be switched: {}", error.sentence());
        } else if let Err((error, false)) = &driven {
            tracing::debug!("{line} cannot be switched: {error}");
        }
        driven.is_ok()
    }

    /// Does something with a line that is claimed for it if need be; trouble, and whether it is news.
    fn with(
        &self,
        line: &GpioLine,
        action: impl FnOnce(&dyn GpioPin) -> Result<(), GpioError>,
    ) -> Result<(), (GpioError, bool)> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.entry(line.clone()).or_default();
        let pin = match slot.pin.take() {
            Some(pin) => Ok(pin),
            None => (self.claim)(line),
        };
        let done = pin.and_then(|pin| action(&*pin).map(|()| pin));
        match done {
            Ok(pin) => {
                *slot = Slot {
                    pin: Some(pin),
                    told: None,
                };
                Ok(())
            }
            // One that fails is claimed anew the next time.
            Err(error) => {
                let is_news = slot.told.as_ref() != Some(&error);
                slot.told = Some(error.clone());
                Err((error, is_news))
            }
        }
    }
}

/// Lines that write down what happens to them, for tests.
#[cfg(test)]
pub mod fake {
    use super::*;

    /// What has happened: `claim GPIO18`, `low`, `high`, `gone`.
    #[derive(Debug, Clone, Default)]
    pub struct FakeChip {
        happened: Arc<Mutex<Vec<String>>>,
        /// Why lines cannot be claimed.
        pub trouble: Arc<Mutex<Option<GpioError>>>,
        /// Why they cannot be switched.
        pub broken: Arc<Mutex<Option<GpioError>>>,
    }

    struct FakePin(FakeChip);

    impl FakeChip {
        /// Its lines.
        pub fn lines(&self) -> GpioLines {
            let chip = self.clone();
            GpioLines::claimed_by(move |line| {
                if let Some(error) = chip.trouble.lock().unwrap().clone() {
                    return Err(error);
                }
                chip.note(&format!("claim {line}"));
                Ok(Box::new(FakePin(chip.clone())))
            })
        }

        fn note(&self, words: &str) {
            self.happened.lock().unwrap().push(words.to_owned());
        }

        /// What has happened since it was asked last.
        pub fn news(&self) -> Vec<String> {
            std::mem::take(&mut *self.happened.lock().unwrap())
        }
    }

    impl GpioPin for FakePin {
        fn drive(&self, is_low: bool) -> Result<(), GpioError> {
            if let Some(error) = self.0.broken.lock().unwrap().clone() {
                return Err(error);
            }
            self.0.note(if is_low { "low" } else { "high" });
            Ok(())
        }
    }

    impl Drop for FakePin {
        fn drop(&mut self) {
            self.0.note("gone");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fake::FakeChip;
    use super::*;

    fn line() -> GpioLine {
        GpioLine::Named("GPIO18".to_owned())
    }

    #[test]
    fn a_line_is_claimed_once_and_held() {
        let chip = FakeChip::default();
        let lines = chip.lines();
        let others = lines.clone();
        assert_eq!(lines.claim(&line()), Ok(()));
        assert_eq!(others.claim(&line()), Ok(()));
        assert!(others.drive(&line(), true) && lines.drive(&line(), false));
        assert_eq!(chip.news(), ["claim GPIO18", "low", "high"]);
        drop(others);
        assert_eq!(chip.news(), [""; 0]);
        drop(lines);
        assert_eq!(chip.news(), ["gone"]);
    }

    #[test]
    fn one_that_cannot_be_had_is_tried_again_and_told_of_once() {
        let chip = FakeChip::default();
        let lines = chip.lines();
        let busy = |by: &str| GpioError::Busy {
            place: "/dev/gpiochip0/18".to_owned(),
            by: by.to_owned(),
        };
        *chip.trouble.lock().unwrap() = Some(busy("a"));
        assert_eq!(lines.claim(&line()), Err(busy("a")));
        let again = |lines: &GpioLines| lines.with(&line(), |_| Ok(()));
        assert_eq!(again(&lines), Err((busy("a"), false)));
        *chip.trouble.lock().unwrap() = Some(busy("b"));
        assert_eq!(again(&lines), Err((busy("b"), true)));
        assert!(!lines.drive(&line(), true));
        *chip.trouble.lock().unwrap() = None;
        assert!(lines.drive(&line(), true));
        assert_eq!(chip.news(), ["claim GPIO18", "low"]);
        // As after the chip was unplugged.
        let broken = GpioError::Broken("GPIO18".to_owned(), "gone".to_owned());
        *chip.broken.lock().unwrap() = Some(broken);
        assert!(!lines.drive(&line(), false));
        *chip.broken.lock().unwrap() = None;
        assert!(lines.drive(&line(), false));
        assert_eq!(chip.news(), ["gone", "claim GPIO18", "high"]);
    }
}
