//! The meters that can be simulated: data, not code.

mod p1;

use std::time::Duration;

use super::super::wire::SystemTitle;
use super::p1::P1Profile;

pub use p1::P1_MODELS;

/// How often most meters send.
const USUAL_PACE: Duration = Duration::from_secs(5);

/// How the values of a telegram are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Structures of code, value, scaler and unit.
    Nested,
    /// The same side by side, the number of the meter last.
    Flat,
    /// Bare values: voltages, currents, powers, energies, angles, number.
    Bare14,
    /// A code and the number, time and date, then energies and powers.
    Bare12,
    /// The clock, then codes and values without scalers: energies with their tariffs, and powers. No
    /// number.
    Codes,
    /// Lines of text.
    Text,
    /// Lines of text as a profile has them.
    P1(&'static P1Profile),
}

/// How messages are cut into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// M-Bus long frames with at most so many bytes of data.
    MBus(usize),
    /// HDLC frames with at most so many bytes of information.
    Hdlc(usize),
    /// The same, with a block of a block transfer in each.
    Blocks(usize),
    /// Not at all.
    None,
}

/// One kind of meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// As on the command line.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Its system title; invented.
    pub title: SystemTitle,
    /// Its number; invented.
    pub number: &'static str,
    /// Whether it measures three phases.
    pub is_three_phase: bool,
    /// How its values are laid out.
    pub layout: Layout,
    /// How it cuts messages.
    pub framing: Framing,
    /// The security control byte.
    pub security: u8,
    /// Whether the power factor carries a sign.
    pub is_signed: bool,
}

/// Every model but those of [`P1_MODELS`]. The last bytes of a title agree with the number as on real meters.
pub static MODELS: &[Model] = &[
    Model {
        name: "tinetz",
        about: "Kaifa MA309, three phases, as TINETZ, IKB, Salzburg Netz and VKW have it",
        title: SystemTitle(*b"KFM\x10\x20\x09\xfb\xf1"),
        number: "1KFM0200654321",
        is_three_phase: true,
        layout: Layout::Nested,
        framing: Framing::MBus(245),
        security: 0x21,
        is_signed: false,
    },
    Model {
        name: "tinetz-single",
        about: "Kaifa MA110, one phase, as the same operators have it",
        title: SystemTitle(*b"KFM\x10\x10\x09\xfb\xf2"),
        number: "1KFM0100654322",
        is_three_phase: false,
        layout: Layout::Nested,
        framing: Framing::MBus(245),
        security: 0x21,
        is_signed: false,
    },
    Model {
        name: "evn",
        about: "Kaifa MA309, three phases, as Netz NÖ (EVN) has it",
        title: SystemTitle(*b"KFM\x67\x50\x09\xfb\xf3"),
        number: "181290654323",
        is_three_phase: true,
        layout: Layout::Flat,
        framing: Framing::MBus(245),
        security: 0x20,
        is_signed: false,
    },
    Model {
        name: "t210d",
        about: "Sagemcom T210-D as Netz NÖ (EVN) has it",
        title: SystemTitle(*b"SAG\x05\x0a\xae\xdb\x45"),
        number: "178290231557",
        is_three_phase: true,
        layout: Layout::Flat,
        framing: Framing::MBus(245),
        security: 0x20,
        is_signed: true,
    },
    Model {
        name: "t210d-wrap",
        about: "the same with older firmware, whose first frame is too long for its length field",
        title: SystemTitle(*b"SAG\x05\x0a\xae\xdb\x46"),
        number: "178290231558",
        is_three_phase: true,
        layout: Layout::Flat,
        framing: Framing::MBus(252),
        security: 0x20,
        is_signed: true,
    },
    Model {
        name: "e450",
        about: "Landis+Gyr E450 as Netz Burgenland has it, with an authentication key",
        title: SystemTitle(*b"LGZgr\x9f\xbf\xf1"),
        number: "30654321",
        is_three_phase: true,
        layout: Layout::Bare14,
        framing: Framing::Hdlc(512),
        security: 0x30,
        is_signed: false,
    },
    Model {
        name: "e450-tariffs",
        about: "the same maker's with a list of tariffs, in blocks, and without a number",
        title: SystemTitle(*b"LGZgr\x9f\xbf\xf3"),
        // What it is known by instead.
        number: "4C475A67729FBFF3",
        is_three_phase: true,
        layout: Layout::Codes,
        framing: Framing::Blocks(129),
        security: 0x30,
        is_signed: false,
    },
    Model {
        name: "am550",
        about: "Iskraemeco AM550 as Kärnten Netz has it, over HDLC",
        title: SystemTitle(*b"ISKit\x9f\xbf\xf2"),
        number: "840654321",
        is_three_phase: true,
        layout: Layout::Bare12,
        framing: Framing::Hdlc(64),
        security: 0x20,
        is_signed: false,
    },
    Model {
        name: "p1",
        about: "a meter with a P1 port that does not encrypt (DSMR 5)",
        // Not sent; its letters begin the text.
        title: SystemTitle(*b"ISK\0\0\0\0\x01"),
        number: "E0054000654321",
        is_three_phase: true,
        layout: Layout::Text,
        framing: Framing::None,
        security: 0,
        is_signed: false,
    },
];

impl Model {
    /// The model of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|model| model.name == name)
    }

    /// Every model that there is.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        MODELS.iter().chain(P1_MODELS)
    }

    /// What its port says beside what every meter does, if it has one that does.
    pub const fn p1(&self) -> Option<&'static P1Profile> {
        match self.layout {
            Layout::P1(profile) => Some(profile),
            _ => None,
        }
    }

    /// How often it sends.
    pub fn pace(&self) -> Duration {
        self.p1()
            .map_or(USUAL_PACE, |profile| Duration::from_secs(profile.pace))
    }

    /// Whether its telegrams can be read only with a key.
    pub const fn is_encrypted(&self) -> bool {
        self.security & 0x20 != 0
    }
}

/// One line for each model, for a help text.
pub fn model_list() -> String {
    let line = |model: &Model| format!("  {:<15} {}\n", model.name, model.about);
    Model::all().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_agree_with_numbers() {
        for model in MODELS {
            if let Some(hint) = model.title.number_hint() {
                assert!(model.number.ends_with(&hint), "{}: {hint}", model.name);
            }
        }
    }
}
