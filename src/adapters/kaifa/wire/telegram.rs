//! A telegram in clear, in any of the layouts that meters use, as a list of items.

use std::fmt::Write;

use super::axdr::Data;
use super::dsmr::{self, DsmrError};
use super::item::{Item, ItemValue};
use super::notification::{Notification, NotificationError};
use super::number;
use super::obis::Obis;
use super::profile::{Origin, Profile, Profiles};
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
        "the telegram{} is whole, but nothing says what its values are: {shape}; choose a profile \
         ({known}), or describe the values in one of your own",
        of_maker(maker.as_deref())
    )]
    UnknownLayout {
        /// Letters of the maker, where known.
        maker: Option<String>,
        /// Number and types of the values.
        shape: String,
        /// Names of profiles with lists.
        known: String,
    },
    /// The profile that was chosen is for other telegrams.
    #[error("the profile {name} does not fit the telegram: {shape}; choose another one, or auto")]
    ProfileDoesNotFit {
        /// Its name.
        name: String,
        /// Number and types of the values.
        shape: String,
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

impl TelegramError {
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

    /// Whether the telegram is whole, but its values are not known: no profile fits, the chosen one
    /// does not, or a text has no line with a code. The next one will be no better.
    pub const fn is_unknown_layout(&self) -> bool {
        matches!(
            self,
            Self::UnknownLayout { .. }
                | Self::ProfileDoesNotFit { .. }
                | Self::Text(DsmrError::Nothing)
        )
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
        let origin = Origin {
            letters: letters.as_deref(),
            texts: &texts(values),
            invoke: notification.invoke,
        };
        let (items, layout) = read(&notification.data, &origin, profiles, chosen)?;
        Ok(Self {
            invoke: Some(notification.invoke),
            at: notification.time.moment().or_else(|| clock(&items)),
            items,
            layout,
        })
    }

    fn from_text(plaintext: &[u8]) -> Result<Self, TelegramError> {
        let items = dsmr::parse(plaintext)?;
        Ok(Self {
            invoke: None,
            at: clock(&items),
            items,
            layout: Layout::Text,
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

/// The texts of the outermost list that may tell the kind of telegram.
fn texts(values: &[Data]) -> Vec<&str> {
    values
        .iter()
        .filter_map(|value| match value {
            Data::Text(text) => Some(text.as_str()),
            Data::Octets(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        })
        .collect()
}

fn read(
    data: &Data,
    origin: &Origin<'_>,
    profiles: &Profiles,
    chosen: Option<&Profile>,
) -> Result<(Vec<Item>, Layout), TelegramError> {
    let values = walk::values(data);
    let by_order = |profile: &Profile| {
        let fields = profile.meanings(values)?;
        let layout = Layout::Positional(profile.name.clone());
        Some((walk::positional(values, &fields), layout))
    };
    // Whoever names a profile with a list that fits means it.
    if let Some(found) = chosen.and_then(by_order) {
        return Ok(found);
    }
    let mut items = walk::tagged(data);
    let coded = |items: &[Item]| {
        let mut named = items.iter().filter(|item| item.obis.is_some());
        named.any(|item| item.value.as_quantity().is_some())
    };
    if coded(&items) {
        let layout = scale(&mut items, origin, profiles, chosen);
        return Ok((items, layout));
    }
    if let Some(profile) = chosen.filter(|profile| profile.has_lists()) {
        return Err(TelegramError::ProfileDoesNotFit {
            name: profile.name.clone(),
            shape: shape(values),
        });
    }
    let mut candidates = profiles.iter().filter(|profile| profile.is_of_list(origin));
    if let Some(found) = candidates.find_map(by_order) {
        return Ok(found);
    }
    // Some telegrams carry only who and when.
    let is_identity = |item: &Item| {
        let code = item.obis.unwrap_or(Obis([255; 6]));
        (code.is_identity() && item.value.as_text().is_some())
            || (code.is_clock() && matches!(item.value, ItemValue::Moment(_)))
    };
    if items.iter().any(is_identity) {
        return Ok((items, Layout::Described));
    }
    let lists = profiles.iter().filter(|profile| profile.has_lists());
    let names: Vec<&str> = lists.map(|profile| profile.name.as_str()).collect();
    Err(TelegramError::UnknownLayout {
        maker: origin.letters.map(str::to_owned),
        shape: shape(values),
        known: names.join(", "),
    })
}

/// Scales what has no unit of its own.
fn scale(
    items: &mut [Item],
    origin: &Origin<'_>,
    profiles: &Profiles,
    chosen: Option<&Profile>,
) -> Layout {
    let is_open = |item: &Item| {
        let quantity = item.value.as_quantity();
        item.obis.is_some() && quantity.is_some_and(|q| q.scaling == super::item::Scaling::Unknown)
    };
    if !items.iter().any(is_open) {
        return Layout::Described;
    }
    let helps = |profile: &&Profile| {
        let mut open = items.iter().filter(|item| is_open(item));
        open.any(|item| item.obis.is_some_and(|code| profile.scale(code).is_some()))
    };
    let profile = match chosen {
        Some(profile) => Some(profile),
        None => {
            let mut candidates = profiles.iter().filter(|profile| profile.is_of(origin));
            candidates.find(helps)
        }
    };
    if let Some(profile) = profile {
        walk::apply_scales(items, profile);
    }
    Layout::Codes(profile.map(|profile| profile.name.clone()))
}

/// Number and types of values, for a message: `14 values: 6 u16, 4 u32, 3 u16, text of 8`.
fn shape(values: &[Data]) -> String {
    let mut out = format!("{} values: ", values.len());
    let mut rest = values.iter().map(kind).peekable();
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

fn kind(value: &Data) -> String {
    let name = match value {
        Data::Number { tag, .. } => number::word(*tag).unwrap_or("number"),
        Data::Octets(bytes) => return format!("octets of {}", bytes.len()),
        Data::Text(text) => return format!("text of {}", text.len()),
        Data::Structure(values) => return format!("structure of {}", values.len()),
        Data::Array(values) => return format!("array of {}", values.len()),
        Data::Null => "null",
        Data::DontCare => "don't care",
        Data::Boolean(_) => "boolean",
        Data::Bits { .. } => "bits",
        Data::Float(_) => "float",
        Data::DateTime(_) => "date-time",
        Data::Date(_) => "date",
        Data::Time(_) => "time",
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
