//! A telegram in clear, in any of the layouts that meters use, as a list of items.

use std::fmt::Write;

use super::axdr::Data;
use super::dsmr::{self, DsmrError};
use super::item::{Item, ItemValue, Scaling};
use super::notification::{Notification, NotificationError};
use super::obis::Obis;
use super::profile::{Origin, Profile, Profiles};
use super::push_list;
use super::time::MeterTime;
use super::title::SystemTitle;
use super::walk;

/// The name that stands for "find it out".
pub const AUTO: &str = "auto";

/// A telegram.
#[derive(Debug, Clone, PartialEq)]
pub struct Telegram {
    /// The number in its head; text telegrams have none.
    pub invoke: Option<u32>,
    /// The moment in its head, else the clock among its values.
    pub at: Option<MeterTime>,
    /// All values, in the order of the telegram.
    pub items: Vec<Item>,
    /// How they were found.
    pub layout: Layout,
    /// Names of profiles that say in which units its values are, if nothing says so for certain.
    pub fitting: Vec<String>,
    /// Whether the profile says that the meter's clock keeps standard time all year.
    pub standard_time: bool,
}

/// How the values of a telegram were told from each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Values with codes and units.
    Described,
    /// Values with codes; units by the profile of this name, or unknown.
    Codes(Option<String>),
    /// Values by their order, with the profile of this name.
    Positional(String),
    /// A text telegram.
    Text,
}

impl Layout {
    /// The name of the profile that it was found with.
    pub fn profile(&self) -> Option<&str> {
        match self {
            Self::Codes(name) => name.as_deref(),
            Self::Positional(name) => Some(name),
            Self::Described | Self::Text => None,
        }
    }
}

/// The bytes are no telegram that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelegramError {
    /// Not even the form of a telegram.
    #[error(transparent)]
    NotATelegram(#[from] NotificationError),
    /// A text telegram that is none, or damaged.
    #[error(transparent)]
    Text(#[from] DsmrError),
    /// A whole telegram, but nothing tells what its values are.
    #[error(
        "the telegram{} is whole, but nothing says for certain what its values are: {shape}; {}",
        of_maker(maker.as_deref()),
        way_out(fitting)
    )]
    UnknownLayout {
        /// Letters of the maker, where known.
        maker: Option<String>,
        /// Number and types of the values.
        shape: String,
        /// Names of profiles that fit, and may be the right ones.
        fitting: Vec<String>,
    },
    /// The profile that was chosen is for other telegrams.
    #[error(
        "the profile {name} does not fit the telegram: {shape}; {}",
        way_out(fitting)
    )]
    ProfileDoesNotFit {
        /// Its name.
        name: String,
        /// Number and types of the values.
        shape: String,
        /// Names of profiles that do fit.
        fitting: Vec<String>,
    },
    /// There is no profile of the name that was chosen.
    #[error("there is no profile {name}; there are {known} and auto")]
    NoSuchProfile {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
}

fn of_maker(maker: Option<&str>) -> String {
    maker.map_or_else(String::new, |maker| format!(" of a {maker} meter"))
}

/// What to do about values that nobody knows.
fn way_out(fitting: &[String]) -> String {
    match fitting {
        [] => "no profile that is known fits them; describe them in one of your own".to_owned(),
        _ => format!(
            "choose one of the profiles that fit them, if it is for your meter: {}",
            fitting.join(", ")
        ),
    }
}

impl TelegramError {
    /// Names of profiles that fit the telegram, though nothing in it says that they are right.
    pub fn fitting(&self) -> &[String] {
        match self {
            Self::UnknownLayout { fitting, .. } | Self::ProfileDoesNotFit { fitting, .. } => {
                fitting
            }
            _ => &[],
        }
    }

    /// Whether the bytes do not look like a telegram at all: if they were decrypted, the key is
    /// wrong, or the message was damaged on its way. Several in a row mean the key.
    pub const fn is_key_suspect(&self) -> bool {
        match self {
            Self::NotATelegram(_) => true,
            Self::Text(error) => !error.is_damaged() && !matches!(error, DsmrError::Nothing),
            _ => false,
        }
    }

    /// Whether the bytes are surely a text telegram, and so the key is right, but were damaged on
    /// their way: the checksum is wrong, a byte is no character, or the end is missing. What is
    /// said differs with the damage each time. The next one may well be whole.
    pub const fn is_damaged(&self) -> bool {
        match self {
            Self::Text(error) => error.is_damaged(),
            _ => false,
        }
    }
}

impl Telegram {
    /// Reads a telegram in clear, whole.
    ///
    /// `title` is that of the message it came in; `chosen` the name of a profile, for telegrams
    /// that do not describe themselves.
    ///
    /// # Errors
    ///
    /// The bytes are no telegram (see [`TelegramError::is_key_suspect`]), or one of which no value
    /// is known.
    pub fn parse(
        plaintext: &[u8],
        title: Option<&SystemTitle>,
        profiles: &Profiles,
        chosen: Option<&str>,
    ) -> Result<Self, TelegramError> {
        let chosen = match chosen.filter(|name| *name != AUTO) {
            Some(name) => Some(
                profiles
                    .get(name)
                    .ok_or_else(|| TelegramError::NoSuchProfile {
                        name: name.to_owned(),
                        known: profiles.names().join(", "),
                    })?,
            ),
            None => None,
        };
        if plaintext.first() == Some(&b'/') {
            return Self::from_text(plaintext);
        }
        let notification = Notification::parse(plaintext)?;
        let values = walk::values(&notification.data);
        let letters = title.map(SystemTitle::letters);
        let reading = Reading {
            data: &notification.data,
            values,
            at: notification.time.moment(),
            origin: Origin {
                letters: letters.as_deref(),
                text: first_text(values),
                invoke: notification.invoke,
                is_push_list: push_list::is_listed(values),
            },
            profiles,
        };
        let Found {
            items,
            layout,
            fitting,
            standard_time,
        } = reading.read(chosen)?;
        Ok(Self {
            invoke: Some(notification.invoke),
            at: notification.time.moment().or_else(|| clock(&items)),
            items,
            layout,
            fitting,
            standard_time,
        })
    }

    fn from_text(plaintext: &[u8]) -> Result<Self, TelegramError> {
        let items = dsmr::parse(plaintext)?;
        Ok(Self {
            invoke: None,
            at: clock(&items),
            items,
            layout: Layout::Text,
            fitting: Vec::new(),
            standard_time: false,
        })
    }

    /// The value of a code.
    pub fn get(&self, code: Obis) -> Option<&ItemValue> {
        let found = self.items.iter().find(|item| item.obis == Some(code));
        found.map(|item| &item.value)
    }
}

fn clock(items: &[Item]) -> Option<MeterTime> {
    items.iter().find_map(|item| match item.value {
        ItemValue::Moment(time) if item.obis.is_some_and(Obis::is_clock) => Some(time),
        _ => None,
    })
}

/// The first text of the outermost list, which may tell the kind of telegram.
fn first_text(values: &[Data]) -> Option<&str> {
    values.iter().find_map(|value| match value {
        Data::Text(text) => Some(text.as_str()),
        Data::Octets(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    })
}

/// A telegram of which the values are looked for.
struct Reading<'a> {
    data: &'a Data,
    values: &'a [Data],
    at: Option<MeterTime>,
    origin: Origin<'a>,
    profiles: &'a Profiles,
}

/// The values of a telegram, and how they were found.
struct Found {
    items: Vec<Item>,
    layout: Layout,
    fitting: Vec<String>,
    standard_time: bool,
}

impl Reading<'_> {
    fn read(&self, chosen: Option<&Profile>) -> Result<Found, TelegramError> {
        // Whoever names a profile with a list that fits means it.
        if let Some(found) = chosen.and_then(|profile| self.by_order(profile)) {
            return Ok(found);
        }
        let tagged = if self.origin.is_push_list {
            push_list::items(self.values)
        } else {
            walk::tagged(self.data, self.at)
        };
        let is_coded = |items: &[Item]| {
            let mut named = items.iter().filter(|item| item.obis.is_some());
            named.any(|item| item.value.as_quantity().is_some())
        };
        if let Some(items) = tagged.clone().filter(|items| is_coded(items)) {
            return Ok(self.scaled(items, chosen));
        }
        if let Some(profile) = chosen.filter(|profile| profile.has_lists()) {
            return Err(TelegramError::ProfileDoesNotFit {
                name: profile.name.clone(),
                shape: shape(self.values),
                fitting: self.fitting(),
            });
        }
        if let Some(found) = self.by_certain_order() {
            return Ok(found);
        }
        // Some telegrams carry only who and when.
        let is_identity = |item: &Item| {
            let code = item.obis.unwrap_or(Obis([255; 6]));
            (code.is_identity() && item.value.as_text().is_some())
                || (code.is_clock() && matches!(item.value, ItemValue::Moment(_)))
        };
        if let Some(items) = tagged.filter(|items| items.iter().any(is_identity)) {
            return Ok(Found {
                items,
                layout: Layout::Described,
                fitting: Vec::new(),
                standard_time: false,
            });
        }
        Err(TelegramError::UnknownLayout {
            maker: self.origin.letters.map(str::to_owned),
            shape: shape(self.values),
            fitting: self.fitting(),
        })
    }

    /// The values by their order, if one of the profile's lists fits them all.
    fn by_order(&self, profile: &Profile) -> Option<Found> {
        let fields = profile.meanings(self.values)?;
        Some(Found {
            items: walk::positional(self.values, &fields),
            layout: Layout::Positional(profile.name.clone()),
            fitting: Vec::new(),
            standard_time: profile.standard_time,
        })
    }

    /// The same, with the profile that the meter itself says is its own: the user's first, and if
    /// there is none, the only built-in one.
    fn by_certain_order(&self) -> Option<Found> {
        let of_meter = |profile: &&Profile| profile.is_of_list(&self.origin);
        let [own, built_in] = self.profiles.tried();
        let mut own = own.iter().filter(of_meter);
        if let Some(found) = own.find_map(|profile| self.by_order(profile)) {
            return Some(found);
        }
        let built_in = built_in.iter().filter(of_meter);
        let mut fitting = built_in.filter_map(|profile| self.by_order(profile));
        let first = fitting.next()?;
        fitting
            .all(|other| other.items == first.items)
            .then_some(first)
    }

    /// Names of the profiles that fit, whatever meters they are for.
    fn fitting(&self) -> Vec<String> {
        let fits = |profile: &&Profile| profile.meanings(self.values).is_some();
        let names = self.profiles.iter().filter(fits);
        names.map(|profile| profile.name.clone()).collect()
    }

    /// Scales what has no unit of its own.
    fn scaled(&self, mut items: Vec<Item>, chosen: Option<&Profile>) -> Found {
        let open: Vec<(Obis, u8)> = items
            .iter()
            .filter_map(|item| {
                let quantity = item.value.as_quantity();
                let open = quantity.filter(|number| number.scaling == Scaling::Unknown)?;
                Some((item.obis?, open.tag))
            })
            .collect();
        if open.is_empty() {
            return Found {
                items,
                layout: Layout::Described,
                fitting: Vec::new(),
                standard_time: false,
            };
        }
        // A number of another type than the table says may be that of another code, and then so may
        // all others.
        let fits = |profile: &&Profile| {
            let known = |(code, tag): &(Obis, u8)| profile.scale(*code, *tag).is_some();
            let wrong = |(code, tag): &(Obis, u8)| profile.is_wrong(*code, *tag);
            open.iter().any(known) && !open.iter().any(wrong)
        };
        let profile = match chosen {
            Some(profile) => Some(profile).filter(fits),
            None => {
                let mut candidates = self.profiles.iter();
                candidates.find(|profile| profile.is_of(&self.origin) && fits(profile))
            }
        };
        let mut fitting = Vec::new();
        if let Some(profile) = profile {
            walk::apply_scales(&mut items, profile);
        } else {
            let all = self.profiles.iter();
            let of_meter = all.filter(|profile| profile.may_be_of(&self.origin) && fits(profile));
            fitting.extend(of_meter.map(|profile| profile.name.clone()));
        }
        Found {
            items,
            fitting,
            layout: Layout::Codes(profile.map(|profile| profile.name.clone())),
            standard_time: profile.is_some_and(|profile| profile.standard_time),
        }
    }
}

/// Number and types of values, for a message: `14 values: 6 u16, 4 u32, 3 u16, text of 8`.
fn shape(values: &[Data]) -> String {
    let mut out = format!("{} values: ", values.len());
    let mut rest = values.iter().map(Data::kind).peekable();
    let mut shown = 0;
    while let Some(this) = rest.next() {
        if shown == 40 {
            out.push_str("...");
            return out;
        }
        let mut count = 1;
        while rest.next_if_eq(&this).is_some() {
            count += 1;
        }
        let comma = if rest.peek().is_some() { ", " } else { "" };
        let _ = match count {
            1 => write!(out, "{this}{comma}"),
            _ => write!(out, "{count} {this}{comma}"),
        };
        shown += 1;
    }
    out
}

#[cfg(test)]
mod tests;
