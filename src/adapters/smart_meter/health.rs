//! Why there are no values: the one question behind most of what users ask about smart meters.
//!
//! Told what happens on a line, it says which link of the chain is broken: cable, kind of bus,
//! key, or nothing at all.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::growth::Pace;
use super::values::Why;
use super::wire::{Reason, SystemTitle};
use crate::clock::Moment;
use crate::model::{Health, HealthCode};

/// Telegrams in a row that cannot be opened before the key is to blame: a single one may have been
/// damaged on its way.
pub const FAILURES: u32 = 3;
/// Values that are named when more are left out.
const NAMED: usize = 3;
/// Marks of another language before it is certain.
const FOREIGN: u32 = 3;

/// What is known of a line without looking into its telegrams. Moments are those of the monotonic
/// clock.
#[derive(Debug)]
pub struct LineHealth {
    /// Since when it is listened to; none before it was first opened.
    since: Option<Duration>,
    /// Why it is not listened to.
    closed: Option<Health>,
    bytes: Option<Duration>,
    /// When the last frame came, or waiting for one began anew.
    frame: Option<Duration>,
    /// Marks of another language since our last frame, and why it is of no use.
    foreign: Option<(u32, Health)>,
    /// What was said of a silence, and since when it lasts.
    silence: Option<(Duration, Health)>,
    /// Whether the line comes through a serial server.
    is_tcp: bool,
}

impl LineHealth {
    /// A line that has not been opened yet.
    pub const fn new(is_tcp: bool) -> Self {
        Self {
            since: None,
            closed: None,
            bytes: None,
            frame: None,
            foreign: None,
            silence: None,
            is_tcp,
        }
    }

    /// Since when it is listened to.
    pub fn since(&self) -> Duration {
        self.since.unwrap_or_default()
    }

    /// Since when bytes and frames are waited for.
    pub fn moments(&self) -> [Duration; 2] {
        [self.bytes, self.frame].map(|at| at.unwrap_or(self.since()))
    }

    /// The port is open.
    pub fn opened(&mut self, now: Duration) {
        if self.closed.take().is_some() || self.since.is_none() {
            (self.since, self.bytes, self.frame) = (Some(now), None, None);
        }
    }

    /// The port cannot be opened, or was closed.
    pub fn closed(&mut self, why: Health) {
        self.closed = Some(why);
    }

    /// Bytes have arrived.
    pub fn bytes(&mut self, now: Duration) {
        self.bytes = Some(now);
        // What comes after a silence is given its time to become a frame.
        if self.silence.take().is_some() {
            self.frame = Some(now);
        }
    }

    /// A frame has arrived whole.
    pub fn frame(&mut self, now: Duration) {
        self.frame = Some(now);
        self.foreign = None;
    }

    /// The mark of another language has arrived.
    pub fn foreign(&mut self, why: Health) {
        let seen = self.foreign.as_ref().map_or(0, |(seen, _)| *seen);
        self.foreign = Some((seen.saturating_add(1), why));
    }

    /// What is wrong with the line; `None` if frames arrive, or if it is too early to say. The words
    /// do not change while the trouble lasts.
    pub fn trouble(&mut self, now: Moment, patience: Duration, zone: &TimeZone) -> Option<Health> {
        if let Some(why) = &self.closed {
            return Some(why.clone());
        }
        let [bytes, frame] = self.moments();
        let no_frames = now.since(frame) >= patience;
        if no_frames && now.since(bytes) >= patience {
            let told = self.silence.take().filter(|(since, _)| *since == bytes);
            let (_, health) = self.silence.insert(told.unwrap_or_else(|| {
                let since = format!("since {}", moment(now.wall_of(bytes), zone));
                (bytes, no_bytes(&since, self.is_tcp))
            }));
            return Some(health.clone());
        }
        match &self.foreign {
            Some((FOREIGN.., why)) => Some(why.clone()),
            _ => no_frames.then(|| no_frame(self.is_tcp)),
        }
    }
}

/// A moment for people.
fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%H:%M on %Y-%m-%d")
        .to_string()
}

/// Nothing has arrived; `how_long` says since when.
pub fn no_bytes(how_long: &str, is_tcp: bool) -> Health {
    let health = Health::new(HealthCode::Silent).seen(format!("nothing has arrived {how_long}"));
    if is_tcp {
        health.advise(
            "Check that the customer interface is switched on in your grid operator's portal, then \
             speed and parity of the serial server (2400 8E1 for M-Bus) and its cables.",
        )
    } else {
        health.advise(
            "Check that the customer interface is switched on in your grid operator's portal, then \
             the cable (for M-Bus RJ12, pins 3 and 4) and the adapter.",
        )
    }
}

/// Bytes, but no telegrams.
pub fn no_frame(is_tcp: bool) -> Health {
    let health = Health::new(HealthCode::Garbled).seen("bytes arrive, but no telegram among them");
    if is_tcp {
        health.advise(
            "Set speed and parity of the serial server as the meter speaks, 2400 8E1 for M-Bus, \
             and let it pass bytes on as they are.",
        )
    } else {
        health.advise(
            "Check that the adapter is one for your meter's socket (one for M-Bus, not RS-485, \
             RS-232 or TTL) and firmly connected. The polarity does not matter; speed and parity \
             are found out.",
        )
    }
}

/// Telegrams of another kind of meter: why what was refused is of no use here, where that is
/// certain.
pub fn foreign(reason: Reason) -> Option<Health> {
    let (seen, advice) = match reason {
        Reason::OtherBus {
            control_information,
        } => (
            format!(
                "telegrams of another kind of M-Bus arrive (control information \
                 {control_information:02X})"
            ),
            "This is a heat, water or ordinary M-Bus meter, not the customer interface of a smart \
             meter. Check the socket.",
        ),
        Reason::Sml => (
            "this meter speaks SML, which is not supported".to_owned(),
            "SML is the language of infrared ports in Germany. Cable and adapter work; if the meter \
             has a customer interface with DLMS or P1 too, connect that.",
        ),
        Reason::HiddenTitle => (
            "this meter encrypts its telegrams and hides the system title that is needed to open \
             them; that is not supported"
                .to_owned(),
            "Cable and adapter work, and no key will help. Ask your grid operator for telegrams in \
             clear.",
        ),
        _ => return None,
    };
    Some(
        Health::new(HealthCode::Unsupported)
            .seen(seen)
            .advise(advice),
    )
}

/// A meter sends, but there is no key for it. `others` says that there are keys of other meters.
pub fn key_missing(title: &SystemTitle, others: bool) -> Health {
    let seen = format!("{} encrypts its telegrams", meter(title));
    let health = Health::new(HealthCode::KeyMissing);
    if others {
        health
            .seen(format!("{seen}; the keys there are belong to others"))
            .advise("Add its key to keys.")
    } else {
        health
            .seen(seen)
            .advise("Get its customer interface key from your grid operator and set it as key.")
    }
}

/// A meter sends, but no key opens its telegrams.
pub fn key_wrong(title: &SystemTitle) -> Health {
    Health::new(HealthCode::KeyWrong)
        .seen(format!(
            "no key that is configured opens the telegrams of {}",
            meter(title)
        ))
        .advise(
            "Compare each digit with your operator's portal. Is it this meter's key? A new meter has \
             a new one.",
        )
}

/// The same where the operator gives two keys and only one is there.
pub fn key_wrong_alone(title: &SystemTitle) -> Health {
    Health::new(HealthCode::KeyWrong)
        .seen(format!("the key does not open the telegrams of {}", meter(title)))
        .advise(
            "This operator may give two keys: the encryption key (EK, GUEK) goes into key, the other \
             (AK, GAK) into authentication_key. Compare each digit.",
        )
}

/// There is an authentication key, which opens nothing.
pub fn key_missing_beside(title: &SystemTitle) -> Health {
    Health::new(HealthCode::KeyMissing)
        .seen(format!(
            "{} encrypts its telegrams; authentication_key does not open them",
            meter(title)
        ))
        .advise("A second key is needed: set the encryption key (EK, GUEK) as key.")
}

/// Each of two keys stands where the other should.
pub fn keys_swapped(title: &SystemTitle) -> Health {
    Health::new(HealthCode::KeyWrong)
        .seen(format!(
            "the two keys of {} are swapped: the telegrams prove it",
            meter(title)
        ))
        .advise("Write what is in authentication_key into key, and the other way round.")
}

/// A key cannot be right, whatever the telegrams are.
pub fn key_unfit(title: &SystemTitle, why: &str) -> Health {
    Health::new(HealthCode::KeyWrong)
        .seen(format!(
            "{} sends telegrams that no key fits: {why}",
            meter(title)
        ))
        .advise("Compare the key with your operator's portal.")
}

/// Frames arrive, but no telegram that can be read.
pub fn no_telegram() -> Health {
    Health::new(HealthCode::Garbled)
        .seen("frames arrive, but no whole telegram")
        .advise(
            "Check the adapter and its power supply; some lose bytes after the first hundred. If it \
             lasts, make a recording with `wattbridge record smart-meter PORT --mask` and report it.",
        )
}

/// The values are right, but the second key is not.
pub fn authentication_key_wrong() -> Health {
    Health::new(HealthCode::Degraded)
        .seen("the values are right, but the authentication key is not")
        .advise("Correct authentication_key, or remove it: it is not needed for reading.")
}

/// The telegrams can be read, but nobody knows what the values mean. `fitting` are the names of
/// layouts that fit.
pub fn unknown_layout(fitting: &[String]) -> Health {
    let advice = match fitting {
        [] => "No known layout fits: describe them in a profile of your own.".to_owned(),
        _ => choose(fitting),
    };
    Health::new(HealthCode::Unsupported)
        .seen("telegrams can be read, but not what their values are")
        .advise(format!(
            "{advice} Please report it with a recording: `wattbridge record smart-meter PORT --mask`."
        ))
}

fn choose(fitting: &[String]) -> String {
    format!(
        "If your meter is one of those, set profile to {}; else describe them in one of your own.",
        fitting.join(" or ")
    )
}

/// Messages arrive whole, and are written in a way that nobody can read.
pub fn unknown_form() -> Health {
    Health::new(HealthCode::Unsupported)
        .seen("messages arrive whole, but in a form that is not known")
        .advise(
            "No setting helps. Please report it with a recording of `wattbridge record smart-meter PORT \
             --mask`.",
        )
}

/// Values are left out, telegram after telegram: their names, and why. A few names are enough, for a
/// status has 255 characters. `fitting` are the names of layouts that say in which units they are.
pub fn left_out(names: &[String], why: Why, fitting: &[String]) -> Health {
    let more = names.len().saturating_sub(NAMED);
    let mut named = names.get(..NAMED).unwrap_or(names).join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    let is = if names.len() == 1 { "is" } else { "are" };
    Health::new(HealthCode::Degraded)
        .seen(format!("{named} {is} left out: {}", why.words()))
        .advise(match why {
            Why::NoScale if !fitting.is_empty() => choose(fitting),
            _ => why.advice().to_owned(),
        })
}

/// The registers grow at another pace than the power explains. `profile` is the layout that scales
/// them.
pub fn wrong_pace(pace: Pace, profile: Option<&str>) -> Health {
    let seen = match pace {
        Pace::TenTimes => "the energies grow ten times as fast as the power explains",
        Pace::ATenth => "the energies grow a tenth as fast as the power explains",
    };
    let other = PACES
        .iter()
        .find(|(of, name, _)| *of == pace && Some(*name) == profile);
    let advice = match other {
        Some((.., other)) => format!("Set profile = \"{other}\" in the section of this meter."),
        None => {
            "Compare them with the display of the meter, and correct their scale in a profile of \
                 your own."
                .to_owned()
        }
    };
    Health::new(HealthCode::Degraded).seen(seen).advise(advice)
}

/// Layouts that only differ in what a step of a register is worth.
const PACES: [(Pace, &str, &str); 2] = [
    (Pace::TenTimes, "kamstrup", "kamstrup-wh"),
    (Pace::ATenth, "kamstrup-wh", "kamstrup"),
];

/// Telegrams arrive whole, and what is in them is damaged.
pub fn damaged() -> Health {
    Health::new(HealthCode::Garbled)
        .seen("telegrams arrive, but their text is damaged")
        .advise(
            "Check the cable and the adapter. If it lasts, make a recording with `wattbridge record \
             smart-meter PORT --mask` and report it.",
        )
}

/// This meter is silent while others on the line are not.
pub fn meter_silent(since: Timestamp, zone: &TimeZone) -> Health {
    let since = moment(since, zone);
    Health::new(HealthCode::Silent)
        .seen(format!(
            "this meter has sent nothing since {since}, while another one on the same line does"
        ))
        .advise("If it was exchanged for the other one, this one is forgotten after a while.")
}

/// A meter as far as it can be named without its key, with the end of its number. In few words:
/// a status has 255 characters, and the bridge puts the name of the port before it.
fn meter(title: &SystemTitle) -> String {
    let number = title
        .number_hint()
        .map_or_else(String::new, |hint| format!(" …{hint}"));
    format!("the {} meter{number} (system title {title})", title.maker())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn trouble(line: &mut LineHealth, seconds: u64) -> Option<Health> {
        let now = Moment {
            wall: Timestamp::from_second(1_700_000_000).unwrap() + at(seconds),
            steady: at(seconds),
        };
        line.trouble(now, PATIENCE, &TimeZone::UTC)
    }

    fn code(line: &mut LineHealth, seconds: u64) -> Option<HealthCode> {
        trouble(line, seconds).map(|health| health.code)
    }

    #[test]
    fn each_link_of_the_chain_has_its_own_words() {
        let mut line = LineHealth::new(false);
        line.opened(at(0));
        assert_eq!(code(&mut line, 59), None);
        assert_eq!(code(&mut line, 60), Some(HealthCode::Silent));
        // The first bytes after a silence may be the beginning of a frame.
        line.bytes(at(61));
        assert_eq!(code(&mut line, 62), None);
        line.bytes(at(120));
        assert_eq!(code(&mut line, 121), Some(HealthCode::Garbled));
        line.frame(at(123));
        assert_eq!(code(&mut line, 124), None);
        for _ in 0..FOREIGN {
            let control_information = 0x72;
            let why = foreign(Reason::OtherBus {
                control_information,
            });
            line.foreign(why.unwrap());
        }
        let health = trouble(&mut line, 125).unwrap();
        assert_eq!(health.code, HealthCode::Unsupported);
        assert!(health.sentence().contains("72"));
        line.frame(at(126));
        assert_eq!(code(&mut line, 127), None);
        assert_eq!(code(&mut line, 186), Some(HealthCode::Silent));
    }

    #[test]
    fn a_port_that_comes_back_gets_its_time_again() {
        let mut line = LineHealth::new(false);
        line.opened(at(0));
        line.closed(Health::new(HealthCode::Unreachable));
        assert_eq!(code(&mut line, 500), Some(HealthCode::Unreachable));
        line.opened(at(500));
        assert_eq!(code(&mut line, 501), None);
        assert_eq!(code(&mut line, 560), Some(HealthCode::Silent));
        // What came before says nothing of what comes now.
        line.bytes(at(561));
        line.frame(at(562));
        line.closed(Health::new(HealthCode::Unreachable));
        line.opened(at(700));
        line.bytes(at(701));
        assert_eq!(code(&mut line, 702), None);
    }

    #[test]
    fn a_silence_began_when_the_clock_as_it_is_set_now_says_and_is_told_once() {
        let mut line = LineHealth::new(false);
        line.opened(at(0));
        line.bytes(at(10));
        let told = |line: &mut LineHealth, wall: &str, seconds| {
            let now = Moment {
                wall: wall.parse().unwrap(),
                steady: at(seconds),
            };
            let health = line.trouble(now, PATIENCE, &TimeZone::UTC);
            health.unwrap().detail
        };
        // It was 1970 until a time server answered.
        let first = told(&mut line, "2026-06-21T12:01:00Z", 70);
        assert!(first.ends_with("since 12:00 on 2026-06-21"), "{first}");
        assert_eq!(told(&mut line, "2026-06-21T15:00:00Z", 100), first);
        line.bytes(at(110));
        let again = told(&mut line, "2026-06-21T15:02:00Z", 170);
        assert!(again.ends_with("since 15:01 on 2026-06-21"), "{again}");
    }

    #[test]
    fn what_to_do_is_never_cut_off() {
        let title: SystemTitle = "4b464d102009fbf1".parse().unwrap();
        let of_meter = key_missing(&title, false).sentence();
        let port = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A1B2C3D4-if00-port0";
        let of_bridge = Health::new(HealthCode::Degraded)
            .seen(format!(
                "Kaifa {port}: {}",
                key_missing(&title, false).detail
            ))
            .advise(key_missing(&title, false).advice);
        let names: Vec<String> = (1..=12).map(|n| format!("Reactive energy {n}")).collect();
        let others = [
            key_wrong(&title),
            key_wrong_alone(&title),
            key_missing_beside(&title),
            keys_swapped(&title),
        ];
        let mut sentences = vec![of_meter, of_bridge.sentence()];
        sentences.extend(others.iter().map(Health::sentence));
        for why in [Why::Beyond, Why::NoScale, Why::TooLittleForThePower] {
            sentences.push(left_out(&names, why, &[]).sentence());
            let fitting = ["push-list-other".to_owned()];
            sentences.push(left_out(&names, why, &fitting).sentence());
        }
        let fitting = [
            unknown_layout(&[]),
            unknown_layout(&["e450-burgenland-11".to_owned()]),
        ];
        sentences.extend(fitting.map(|health| health.sentence()));
        for sentence in sentences {
            assert!(sentence.chars().count() <= 255, "{sentence}");
        }
    }

    #[test]
    fn a_meter_is_named_before_its_key_is_known() {
        let title: SystemTitle = "4b464d1020000023".parse().unwrap();
        let words = key_missing(&title, false).sentence();
        assert!(words.contains("Kaifa") && words.contains("35"), "{words}");
        assert!(
            words.contains("4B464D1020000023") || words.contains("4b464d1020000023"),
            "{words}"
        );
    }
}
