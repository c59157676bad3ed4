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
use crate::model::{Health, HealthCode, Metric, Sentence};
use crate::say;

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

    /// What may be the mark of another language has arrived.
    pub fn foreign(&mut self, reason: Reason) {
        if let Some(why) = foreign(reason) {
            let seen = self.foreign.as_ref().map_or(0, |(seen, _)| *seen);
            // That took more than one burst already.
            let counts = if reason == Reason::Inverted {
                FOREIGN
            } else {
                1
            };
            self.foreign = Some((seen.saturating_add(counts), why));
        }
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
                let since = moment(now.wall_of(bytes), zone);
                (bytes, no_bytes(say!("since {since}", since), self.is_tcp))
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
fn moment(at: Timestamp, zone: &TimeZone) -> Sentence {
    let at = at.to_zoned(zone.clone());
    let time = at.strftime("%H:%M").to_string();
    let date = at.strftime("%Y-%m-%d").to_string();
    say!("{time} on {date}", time, date)
}

/// Nothing has arrived; `how_long` says since when.
pub fn no_bytes(how_long: Sentence, is_tcp: bool) -> Health {
    let health =
        Health::new(HealthCode::Silent).seen(say!("nothing has arrived {how_long}", how_long));
    if is_tcp {
        health.advise(say!(
            "Check that the customer interface is switched on in your grid operator's portal, then \
             speed and parity of the serial server (115200 8N1 for P1, 2400 8E1 for M-Bus) and \
             its cables."
        ))
    } else {
        health.advise(say!(
            "Check that the customer interface is switched on in your grid operator's portal, then \
             the cable (for P1 one with the request line, plugged in all the way; for M-Bus RJ12, \
             pins 3 and 4) and the adapter."
        ))
    }
}

/// Bytes, but no telegrams.
pub fn no_frame(is_tcp: bool) -> Health {
    let health =
        Health::new(HealthCode::Garbled).seen(say!("bytes arrive, but no telegram among them"));
    if is_tcp {
        health.advise(say!(
            "Set speed and parity of the serial server as the meter speaks, 115200 8N1 for P1, \
             2400 8E1 for M-Bus, and let it pass bytes on as they are."
        ))
    } else {
        health.advise(say!(
            "Check that the adapter is one for your meter's socket and firmly connected: for P1 a P1 \
             cable, which inverts; for M-Bus one for M-Bus, whose polarity does not matter. Speed and \
             parity are found out."
        ))
    }
}

/// Texts without a checksum that are never like the one before.
pub fn unproven() -> Health {
    Health::new(HealthCode::Garbled)
        .seen(say!(
            "telegrams arrive without a checksum, and no two in a row are alike"
        ))
        .advise(say!(
            "Check the cable. If it lasts, make a recording with `wattbridge record smart-meter PORT --mask` and report \
             it."
        ))
}

/// Telegrams of another kind of meter, or ones that nobody can read as they come: why what was
/// refused is of no use here, where that is certain.
pub fn foreign(reason: Reason) -> Option<Health> {
    let mut code = HealthCode::Unsupported;
    let (seen, advice) = match reason {
        Reason::OtherBus {
            control_information,
        } => (
            say!(
                "telegrams of another kind of M-Bus arrive (control information {code})",
                code = format_args!("{control_information:02X}")
            ),
            say!(
                "This is a heat, water or ordinary M-Bus meter, not the customer interface of a smart meter. Check the \
                 socket."
            ),
        ),
        Reason::Sml => (
            say!("this meter speaks SML, which is not supported"),
            say!(
                "SML is the language of infrared ports in Germany. Cable and adapter work; if the meter has a customer \
                 interface with DLMS or P1 too, connect that."
            ),
        ),
        Reason::HiddenTitle => (
            say!(
                "this meter encrypts its telegrams and hides the system title that is needed to open them; that is not \
                 supported"
            ),
            say!(
                "Cable and adapter work, and no key will help. Ask your grid operator for telegrams in clear."
            ),
        ),
        Reason::Inverted => {
            code = HealthCode::Garbled;
            (
                say!("the signal of the P1 port arrives inverted"),
                say!("Use a P1 cable, or one that inverts the data line."),
            )
        }
        _ => return None,
    };
    Some(Health::new(code).seen(seen).advise(advice))
}

/// A meter sends, but there is no key for it. `others` says that there are keys of other meters.
pub fn key_missing(title: &SystemTitle, others: bool) -> Health {
    let seen = say!("{meter} encrypts its telegrams", meter = meter(title));
    let health = Health::new(HealthCode::KeyMissing);
    if others {
        health
            .seen(say!("{seen}; the keys there are belong to others", seen))
            .advise(say!("Add its key to keys."))
    } else {
        health.seen(seen).advise(say!(
            "Get its customer interface key from your grid operator and set it as key."
        ))
    }
}

/// A meter sends, but no key opens its telegrams.
pub fn key_wrong(title: &SystemTitle) -> Health {
    Health::new(HealthCode::KeyWrong)
        .seen(say!(
            "no key that is configured opens the telegrams of {meter}",
            meter = meter(title)
        ))
        .advise(
            say!("Compare each digit with your operator's portal. Is it this meter's key? A new meter has \
             a new one."),
        )
}

/// The same where the operator gives two keys and only one is there.
pub fn key_wrong_alone(title: &SystemTitle) -> Health {
    Health::new(HealthCode::KeyWrong)
        .seen(say!(
            "the key does not open the telegrams of {meter}",
            meter = meter(title)
        ))
        .advise(
            say!("Compare each digit. If your operator gave you two keys, the encryption key (EK, GUEK) goes into \
             key, the other (AK, GAK) into authentication_key."),
        )
}

/// There is an authentication key, which opens nothing.
pub fn key_missing_beside(title: &SystemTitle) -> Health {
    Health::new(HealthCode::KeyMissing)
        .seen(say!(
            "{meter} encrypts its telegrams; authentication_key does not open them",
            meter = meter(title)
        ))
        .advise(say!(
            "A second key is needed: set the encryption key (EK, GUEK) as key."
        ))
}

/// Each of two keys stands where the other should.
pub fn keys_swapped(title: &SystemTitle) -> Health {
    Health::new(HealthCode::KeyWrong)
        .seen(say!(
            "the two keys of {meter} are swapped: the telegrams prove it",
            meter = meter(title)
        ))
        .advise(say!(
            "Write what is in authentication_key into key, and the other way round."
        ))
}

/// A key cannot be right, whatever the telegrams are.
pub fn key_unfit(title: &SystemTitle, why: Sentence) -> Health {
    Health::new(HealthCode::KeyWrong)
        .seen(say!(
            "{meter} sends telegrams that no key fits: {why}",
            meter = meter(title),
            why
        ))
        .advise(say!("Compare the key with your operator's portal."))
}

/// Frames arrive, but no telegram that can be read.
pub fn no_telegram() -> Health {
    Health::new(HealthCode::Garbled)
        .seen(say!("frames arrive, but no whole telegram"))
        .advise(
            say!("Check the adapter and its power supply; some lose bytes after the first hundred. If it \
             lasts, make a recording with `wattbridge record smart-meter PORT --mask` and report it."),
        )
}

/// A meter behind another one, of which that one has no news.
pub fn not_read() -> Health {
    Health::new(HealthCode::Stale)
        .seen(say!("its meter has not read it for more than a day"))
        .advise(say!(
            "If it was exchanged, disable its device in Home Assistant; else ask your operator, who pairs it with the meter."
        ))
}

/// The values are right, but the second key is not.
pub fn authentication_key_wrong() -> Health {
    Health::new(HealthCode::Degraded)
        .seen(say!(
            "the values are right, but the authentication key is not"
        ))
        .advise(say!(
            "Correct authentication_key, or remove it: it is not needed for reading."
        ))
}

/// The telegrams can be read, but nobody knows what the values mean. `fitting` are the names of
/// layouts that fit.
pub fn unknown_layout(fitting: &[String]) -> Health {
    let advice = match fitting {
        [] => say!("No known layout fits: describe them in a profile of your own."),
        _ => choose(fitting),
    };
    Health::new(HealthCode::Unsupported)
        .seen(say!("telegrams can be read, but not what their values are"))
        .advise(advice.then(say!(
            "Please report it with a recording: `wattbridge record smart-meter PORT --mask`."
        )))
}

fn choose(fitting: &[String]) -> Sentence {
    let names = fitting.iter().map(|name| Sentence::verbatim(name.clone()));
    let names = names.reduce(|some, last| say!("{some} or {last}", some, last));
    say!(
        "If your meter is one of those, set profile to {names}; else describe them in one of your own.",
        names = names.unwrap_or_default()
    )
}

/// Messages arrive whole, and are written in a way that nobody can read.
pub fn unknown_form() -> Health {
    Health::new(HealthCode::Unsupported)
        .seen(say!("messages arrive whole, but in a form that is not known"))
        .advise(
            say!("No setting helps. Please report it with a recording of `wattbridge record smart-meter PORT \
             --mask`."),
        )
}

/// Values are left out, telegram after telegram: which, and why. A few names are enough, for a
/// status has 255 characters. `fitting` are the names of layouts that say in which units they are.
pub fn left_out(metrics: &[&Metric], why: Why, fitting: &[String]) -> Health {
    let named = metrics.iter().take(NAMED);
    let named = named.map(|metric| say!("{metric}", metric = *metric));
    let named = Sentence::listed(named);
    let seen = match metrics.len() {
        1 => say!("{named} is left out: {why}", named, why = why.words()),
        0..=NAMED => say!("{named} are left out: {why}", named, why = why.words()),
        count => say!(
            "{named} and {more} more are left out: {why}",
            named,
            more = count - NAMED,
            why = why.words()
        ),
    };
    Health::new(HealthCode::Degraded)
        .seen(seen)
        .advise(match why {
            Why::NoScale if !fitting.is_empty() => choose(fitting),
            _ => why.advice(),
        })
}

/// The registers grow at another pace than the power explains. `profile` is the layout that scales
/// them.
pub fn wrong_pace(pace: Pace, profile: Option<&str>) -> Health {
    let seen = match pace {
        Pace::TenTimes => say!("the energies grow ten times as fast as the power explains"),
        Pace::ATenth => say!("the energies grow a tenth as fast as the power explains"),
    };
    let other = PACES
        .iter()
        .find(|(of, name, _)| *of == pace && Some(*name) == profile);
    let advice = match other {
        Some((.., other)) => say!(
            "Set profile = \"{other}\" in the section of this meter.",
            other = *other
        ),
        None => say!(
            "Compare them with the display of the meter, and correct their scale in a profile of your own."
        ),
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
        .seen(say!("telegrams arrive, but their text is damaged"))
        .advise(
            say!("Check the cable and the adapter. If it lasts, make a recording with `wattbridge record \
             smart-meter PORT --mask` and report it."),
        )
}

/// This meter is silent while others on the line are not.
pub fn meter_silent(since: Timestamp, zone: &TimeZone) -> Health {
    let since = moment(since, zone);
    Health::new(HealthCode::Silent)
        .seen(say!(
            "this meter has sent nothing since {since}, while another one on the same line does",
            since
        ))
        .advise(say!(
            "If it was exchanged for the other one, this one is forgotten after a while."
        ))
}

/// A meter as far as it can be named without its key, with the end of its number. In few words:
/// a status has 255 characters, and the bridge puts the name of the port before it.
fn meter(title: &SystemTitle) -> Sentence {
    let (maker, code) = (title.maker(), title.to_string());
    match title.number_hint() {
        Some(number) => say!(
            "the {maker} meter …{number} (system title {code})",
            maker,
            number,
            code
        ),
        None => say!("the {maker} meter (system title {code})", maker, code),
    }
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
            line.foreign(Reason::OtherBus {
                control_information,
            });
        }
        let health = trouble(&mut line, 125).unwrap();
        assert_eq!(health.code, HealthCode::Unsupported);
        assert!(health.sentence().contains("72"));
        line.frame(at(126));
        assert_eq!(code(&mut line, 127), None);
        line.foreign(Reason::Inverted);
        let health = trouble(&mut line, 128).unwrap();
        assert!(health.sentence().contains("inverted"), "at the first word");
        line.frame(at(126));
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
            health.unwrap().detail.to_string()
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
        let reactive = Metric::text("reactive").named("Reactive energy 12");
        let metrics = [&reactive; 12];
        let others = [
            key_wrong(&title),
            key_wrong_alone(&title),
            key_missing_beside(&title),
            keys_swapped(&title),
        ];
        let mut sentences = vec![of_meter, of_bridge.sentence()];
        sentences.extend(others.iter().map(Health::sentence));
        for why in [Why::Beyond, Why::NoScale, Why::TooLittleForThePower] {
            sentences.push(left_out(&metrics, why, &[]).sentence());
            let fitting = ["push-list-other".to_owned()];
            sentences.push(left_out(&metrics, why, &fitting).sentence());
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
