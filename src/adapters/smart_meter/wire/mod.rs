//! The bytes of the customer interface, layer by layer; no I/O, both directions.
//!
//! | Layer | Module | Carries |
//! |---|---|---|
//! | frames, messages | [`link`] | bytes of the line: M-Bus, HDLC, block transfer, or none of them |
//! | lengths, values | [`ber`], [`axdr`] | the DLMS way of writing them |
//! | messages | [`apdu`], [`security`], [`key`], [`title`] | a telegram, encrypted or in clear |
//! | telegrams | [`notification`](mod@notification), [`dsmr`] | one tree of values, or lines of text |
//! | values | [`telegram`], `walk`, `push_list`, [`item`], [`obis`], [`units`], [`time`] | a list of what is known |
//! | tables | [`profile`], [`field`], [`number`] | for meters that do not describe themselves |
//! | who | [`identity`] | where a telegram names its meter or its customer |
//! | for people | [`annotate`] | a labelled dump of any of these |

pub mod annotate;
pub mod apdu;
pub mod axdr;
pub mod ber;
pub mod dsmr;
pub mod field;
pub mod identity;
pub mod item;
pub mod key;
pub mod link;
pub mod notification;
pub mod number;
pub mod obis;
pub mod profile;
mod push_list;
pub mod security;
pub mod telegram;
pub mod time;
pub mod title;
pub mod units;
mod walk;

pub use apdu::{Apdu, Authentication, Ciphered, seal};
pub use item::{Item, ItemValue};
pub use key::{Key, KeyError};
pub use link::{Framer, LinkEvent, Message, Reason, Refused, Transport};
pub use notification::{HeaderTime, notification};
pub use obis::Obis;
pub use profile::{Profile, ProfileError, Profiles};
pub use security::SecurityControl;
pub use telegram::{AUTO, Telegram};
pub use time::MeterTime;
pub use title::SystemTitle;
pub use units::Unit;
