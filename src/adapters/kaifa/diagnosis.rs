//! Why there are no values: the one question behind most of what users ask about smart meters.
//!
//! Told what happens on a line, it says which link of the chain is broken: cable, kind of bus,
//! key, or nothing at all.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::wire::SystemTitle;
use crate::model::{Health, HealthCode};

/// Telegrams in a row that cannot be opened before the key is to blame: a single one may have been
/// damaged on its way.
pub(super) const FAILURES: u32 = 3;
/// Frames of another kind of bus before it is certain.
const FOREIGN: u32 = 3;

/// What is known of a line without looking into its telegrams.
#[derive(Debug)]
pub(super) struct Line {
    /// Since when it is listened to.
    since: Timestamp,
    /// Why it is not listened to.
    closed: Option<Health>,
    bytes: Option<Timestamp>,
    frame: Option<Timestamp>,
    /// Frames of another kind of bus since the last of ours, and what marked the last one.
    foreign: u32,
    foreign_mark: u8,
}

impl Line {
    /// A line that is listened to from now on.
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            closed: None,
            bytes: None,
            frame: None,
            foreign: 0,
            foreign_mark: 0,
        }
    }

    /// Since when it is listened to.
    pub(super) const fn since(&self) -> Timestamp {
        self.since
    }

    /// The port is open.
    pub(super) fn opened(&mut self, now: Timestamp) {
        if self.closed.take().is_some() {
            self.since = now;
        }
    }

    /// The port cannot be opened, or was closed.
    pub(super) fn closed(&mut self, why: Health) {
        self.closed = Some(why);
    }

    /// Bytes have arrived.
    pub(super) const fn bytes(&mut self, now: Timestamp) {
        self.bytes = Some(now);
    }

    /// A frame has arrived whole.
    pub(super) const fn frame(&mut self, now: Timestamp) {
        self.frame = Some(now);
        self.foreign = 0;
    }

    /// A frame of another kind of bus has arrived whole.
    pub(super) const fn foreign(&mut self, mark: u8) {
        self.foreign = self.foreign.saturating_add(1);
        self.foreign_mark = mark;
    }

    /// What is wrong with the line; `None` if frames arrive, or if it is too early to say. The words
    /// do not change while the trouble lasts.
    pub(super) fn trouble(
        &self,
        now: Timestamp,
        patience: Duration,
        zone: &TimeZone,
    ) -> Option<Health> {
        if let Some(why) = &self.closed {
            return Some(why.clone());
        }
        let past = |at: Timestamp| now.duration_since(at).unsigned_abs();
        let long_ago = |at: Option<Timestamp>| past(at.unwrap_or(self.since)) >= patience;
        let no_frames = long_ago(self.frame);
        Some(if no_frames && long_ago(self.bytes) {
            no_bytes(&moment(self.bytes.unwrap_or(self.since), zone))
        } else if self.foreign >= FOREIGN {
            other_bus(self.foreign_mark)
        } else if no_frames {
            no_frame()
        } else {
            return None;
        })
    }
}

/// A moment for people.
fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%H:%M on %Y-%m-%d")
        .to_string()
}

fn no_bytes(since: &str) -> Health {
    Health::new(HealthCode::Silent)
        .seen(format!("nothing has arrived since {since}"))
        .advise(
            "Check that the customer interface is switched on in your grid operator's portal, then \
             the cable (RJ12, pins 3 and 4) and the adapter.",
        )
}

fn no_frame() -> Health {
    Health::new(HealthCode::Garbled)
        .seen("bytes arrive, but no telegram among them")
        .advise(
            "Check that the adapter is one for M-Bus (not for RS-485, RS-232 or TTL) and firmly \
             connected. The polarity does not matter, speed and parity are found out.",
        )
}

fn other_bus(mark: u8) -> Health {
    Health::new(HealthCode::Unsupported)
        .seen(format!(
            "telegrams of another kind of M-Bus arrive (control information {mark:02X})"
        ))
        .advise(
            "This is a heat, water or ordinary M-Bus meter, not the customer interface of a smart \
             meter. Check the socket.",
        )
}

/// A meter sends, but there is no key for it.
pub(super) fn key_missing(title: &SystemTitle) -> Health {
    Health::new(HealthCode::KeyMissing)
        .seen(format!("{} sends encrypted telegrams", meter(title)))
        .advise(
            "Ask your grid operator for the key of the customer interface (portal or letter) and \
             write it as key = \"...\".",
        )
}

/// A meter sends, but no key opens its telegrams.
pub(super) fn key_wrong(title: &SystemTitle) -> Health {
    Health::new(HealthCode::KeyWrong)
        .seen(format!(
            "no key that is configured opens the telegrams of {}",
            meter(title)
        ))
        .advise(
            "Compare each digit of the key with your operator's portal, and that it is the key of \
             this meter. A new meter has a new key.",
        )
}

/// A key cannot be right, whatever the telegrams are.
pub(super) fn key_unfit(title: &SystemTitle, why: &str) -> Health {
    Health::new(HealthCode::KeyWrong)
        .seen(format!(
            "{} sends telegrams that no key fits: {why}",
            meter(title)
        ))
        .advise("Compare the key with your operator's portal.")
}

/// Frames arrive, but no telegram that can be read.
pub(super) fn no_telegram() -> Health {
    Health::new(HealthCode::Garbled)
        .seen("frames arrive, but no whole telegram")
        .advise(
            "Check the adapter and its power supply; some lose bytes after the first hundred. If it \
             lasts, make a recording with `wattbridge record kaifa PORT --mask` and report it.",
        )
}

/// The values are right, but the second key is not.
pub(super) fn authentication_key_wrong() -> Health {
    Health::new(HealthCode::Degraded)
        .seen("the values are right, but the authentication key is not")
        .advise("Correct authentication_key, or remove it: it is not needed for reading.")
}

/// The telegrams can be read, but nobody knows what the values mean.
pub(super) fn unknown_layout(why: &str) -> Health {
    Health::new(HealthCode::Unsupported)
        .seen(format!("the telegrams can be read, but {why}"))
        .advise("Make a recording with `wattbridge record kaifa PORT --mask` and report it.")
}

/// This meter is silent while others on the line are not.
pub(super) fn meter_silent(since: Timestamp, zone: &TimeZone) -> Health {
    let since = moment(since, zone);
    Health::new(HealthCode::Silent)
        .seen(format!(
            "this meter has sent nothing since {since}, while another one on the same line does"
        ))
        .advise("If it was exchanged for the other one, this one is forgotten after a while.")
}

/// A meter as far as it can be named without its key.
fn meter(title: &SystemTitle) -> String {
    let number = title.number_hint().map_or_else(String::new, |hint| {
        format!(" with a number that ends in {hint}")
    });
    format!("a {} meter{number} (system title {title})", title.maker())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn code(line: &Line, seconds: i64) -> Option<HealthCode> {
        line.trouble(at(seconds), PATIENCE, &TimeZone::UTC)
            .map(|health| health.code)
    }

    #[test]
    fn each_link_of_the_chain_has_its_own_words() {
        let mut line = Line::new(at(0));
        assert_eq!(code(&line, 59), None);
        assert_eq!(code(&line, 60), Some(HealthCode::Silent));
        line.bytes(at(61));
        assert_eq!(code(&line, 62), Some(HealthCode::Garbled));
        line.frame(at(63));
        assert_eq!(code(&line, 64), None);
        for _ in 0..FOREIGN {
            line.foreign(0x72);
        }
        let health = line.trouble(at(65), PATIENCE, &TimeZone::UTC).unwrap();
        assert_eq!(health.code, HealthCode::Unsupported);
        assert!(health.sentence().contains("72"));
        line.frame(at(66));
        assert_eq!(code(&line, 67), None);
        assert_eq!(code(&line, 126), Some(HealthCode::Silent));
    }

    #[test]
    fn a_port_that_comes_back_gets_its_time_again() {
        let mut line = Line::new(at(0));
        line.closed(Health::new(HealthCode::Unreachable));
        assert_eq!(code(&line, 500), Some(HealthCode::Unreachable));
        line.opened(at(500));
        assert_eq!(code(&line, 501), None);
        assert_eq!(code(&line, 560), Some(HealthCode::Silent));
    }

    #[test]
    fn a_meter_is_named_before_its_key_is_known() {
        let title: SystemTitle = "4b464d1020000023".parse().unwrap();
        let words = key_missing(&title).sentence();
        assert!(words.contains("Kaifa") && words.contains("35"), "{words}");
        assert!(
            words.contains("4B464D1020000023") || words.contains("4b464d1020000023"),
            "{words}"
        );
    }
}
