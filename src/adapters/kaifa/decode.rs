//! Telegrams from a file instead of a meter.

use jiff::Timestamp;
use serde::Deserialize;

use super::config::Config;
use super::reception::{Heard, Reception};
use super::wire::Message;
use super::wire::annotate::{annotate_apdu, annotate_plaintext};
use crate::adapters::{Decoded, Decoder, Undecoded};
use crate::config::{Complaint, Problems, Section, Settings};

/// Reads the same telegrams in the same way as the adapter.
#[derive(Debug)]
pub(super) struct TelegramDecoder {
    reception: Reception,
    annotates: bool,
}

impl TelegramDecoder {
    pub(super) fn new(section: &Section) -> Result<Self, Problems> {
        let config = section.read::<Offline>()?.0;
        let (keys, profiles) = super::secrets::<Offline>(section, &config)?;
        Ok(Self {
            reception: Reception::of_file(config, keys, profiles),
            annotates: false,
        })
    }

    /// The layers of a message, each byte with its meaning.
    fn annotation(&self, message: &Message, plaintext: Option<&[u8]>) -> String {
        if !self.annotates {
            return String::new();
        }
        let mut text = annotate_apdu(&message.bytes);
        if let Some(plaintext) = plaintext {
            text.push_str(&annotate_plaintext(plaintext));
        }
        text
    }
}

impl Decoder for TelegramDecoder {
    fn annotate(&mut self) {
        self.annotates = true;
    }

    fn push(&mut self, bytes: &[u8]) {
        self.reception.push(bytes, Timestamp::UNIX_EPOCH);
    }

    fn next(&mut self) -> Option<Result<Decoded, Undecoded>> {
        loop {
            return Some(match self.reception.next(Timestamp::UNIX_EPOCH)? {
                Heard::Telegram {
                    message,
                    plaintext,
                    reports,
                } => Ok(Decoded {
                    reports,
                    notes: Vec::new(),
                    annotation: self.annotation(&message, Some(&plaintext)),
                }),
                Heard::Unreadable { message, why, .. } => Err(Undecoded {
                    reason: format!("at byte {}: {}", message.offset, why.sentence()),
                    annotation: self.annotation(&message, None),
                }),
                Heard::Repeated => continue,
                Heard::Refused(refused) => Err(refused.to_string().into()),
            });
        }
    }

    fn finish(&mut self) -> Option<String> {
        self.reception.finish();
        None
    }
}

/// The section without the need for a port.
#[derive(Deserialize)]
#[serde(transparent)]
struct Offline(Config);

impl schemars::JsonSchema for Offline {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Config::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Config::json_schema(generator)
    }
}

impl Settings for Offline {
    fn check(&self) -> Vec<Complaint> {
        let complaints = self.0.check().into_iter();
        complaints
            .filter(|complaint| complaint.field != "port")
            .collect()
    }
}
