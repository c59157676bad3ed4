//! Labelled dumps of messages and telegrams, for people who look for a mistake: ours, or the
//! meter's. Keys never get here.

use std::fmt::Write;

use super::apdu::{Apdu, Ciphered};
use super::axdr::Data;
use super::item::ItemValue;
use super::notification;
use super::obis::Obis;
use super::security::TAG;
use super::title::SystemTitle;
use crate::hex::Dump;

/// Columns of the names of fields.
const NAMES: usize = 16;

/// Levels of values inside of values that are shown.
const DEPTH: usize = 8;

/// Describes every byte of a message, one line a field: offset, bytes, name, value. What is
/// encrypted stays so.
#[must_use]
pub fn annotate_apdu(bytes: &[u8]) -> String {
    let mut fields = Fields::new(bytes);
    match Apdu::parse(bytes) {
        Ok(Apdu::Plain(plaintext)) => annotate_plaintext(plaintext),
        Ok(Apdu::Ciphered(message)) => {
            fields.message(&message);
            let mut out = fields.dump.finish();
            if let Some(clear) = message.in_clear() {
                let _ = write!(out, "\n{}", annotate_plaintext(clear));
            }
            out
        }
        Err(error) => {
            fields.title();
            fields.dump.rest("refused", error);
            fields.dump.finish()
        }
    }
}

/// Describes every byte of a telegram in clear. Each byte appears exactly once; what is not
/// understood is labelled so.
#[must_use]
pub fn annotate_plaintext(bytes: &[u8]) -> String {
    let mut fields = Fields::new(bytes);
    if bytes.first() == Some(&b'/') {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = String::from_utf8_lossy(line);
            fields
                .dump
                .field(line.len(), "line", text.trim_end().escape_debug());
        }
        return fields.dump.finish();
    }
    match notification::head(bytes) {
        Ok((invoke, time)) => {
            fields.dump.field(1, "tag", "data notification");
            fields
                .dump
                .field(4, "invoke id", format_args!("{invoke:08x}"));
            match time.moment() {
                Some(moment) => fields.dump.field(time.length(), "time", moment),
                None => fields.dump.field(time.length(), "time", "none"),
            }
            fields.values();
        }
        Err(error) => fields.dump.rest("refused", error),
    }
    fields.dump.finish()
}

/// The fields of messages and telegrams.
struct Fields<'a> {
    dump: Dump<'a>,
}

impl<'a> Fields<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self {
            dump: Dump::new(bytes, NAMES),
        }
    }

    /// The front of a ciphered message, even if the rest is damaged.
    fn title(&mut self) {
        let kind = match self.dump.left() {
            [0xdb, 8, ..] => "general ciphering, global key",
            [0xdc, 8, ..] => "general ciphering, dedicated key",
            _ => return,
        };
        let after = self.dump.left().get(2..).unwrap_or_default();
        let Some(title) = after.first_chunk().map(|bytes| SystemTitle(*bytes)) else {
            return;
        };
        let number = title.number_hint();
        let number = number.map_or_else(String::new, |digits| format!(", number ends in {digits}"));
        self.dump.field(1, "tag", kind);
        self.dump.field(1, "title length", title.0.len());
        let maker = title.maker();
        self.dump
            .field(8, "system title", format_args!("{title} {maker}{number}"));
    }

    fn message(&mut self, message: &Ciphered<'_>) {
        self.title();
        let tag = if message.tag.is_some() { TAG } else { 0 };
        let length = 5 + message.payload.len() + tag;
        // Five bytes of security header are behind the length.
        let length_bytes = message.header.saturating_sub(5 + self.dump.at());
        self.dump
            .field(length_bytes, "length", format_args!("{length} bytes"));
        self.dump.field(1, "security", message.security);
        self.dump.field(4, "counter", message.counter);
        let name = if message.needs_key() {
            "encrypted"
        } else {
            "telegram"
        };
        self.dump.field(
            message.payload.len(),
            name,
            format_args!("{} bytes", message.payload.len()),
        );
        self.dump.field(tag, "tag", "of authentication");
        self.dump.field(
            message.excess,
            "not understood",
            "behind the end of the message",
        );
    }

    /// The value behind the head, and all values in it.
    fn values(&mut self) {
        // How many values are still to come, for each level.
        let mut open: Vec<usize> = vec![1];
        while let Some(left) = open.last_mut() {
            let Some(fewer) = left.checked_sub(1) else {
                open.pop();
                continue;
            };
            *left = fewer;
            let indent = "  ".repeat(open.len() - 1);
            match Piece::read(self.dump.left()) {
                Some(Piece::Open { .. }) if open.len() > DEPTH => {
                    self.dump.rest("not understood", "nested too deeply");
                    return;
                }
                Some(Piece::Open {
                    length,
                    count,
                    name,
                }) => {
                    self.dump.field(
                        length,
                        &format!("{indent}{name}"),
                        format_args!("{count} values"),
                    );
                    open.push(count);
                }
                Some(Piece::Value { length, data }) => {
                    self.value(length, &indent, &data);
                }
                None => {
                    self.dump
                        .rest("not understood", "no value of a known type, or cut off");
                    return;
                }
            }
        }
        self.dump.field(
            self.dump.left().len(),
            "not understood",
            "behind the end of the telegram",
        );
    }

    fn value(&mut self, length: usize, indent: &str, data: &Data) {
        let code = data.as_octets().and_then(Obis::from_octets);
        if let Some(code) = code {
            self.dump.field(length, &format!("{indent}code"), code);
            return;
        }
        let name = match data {
            Data::Number { tag: 0x0f, .. } => "exponent?",
            Data::Number { tag: 0x16, .. } => "unit?",
            Data::Number { .. } => "number",
            Data::Octets(_) => "octets",
            Data::Text(_) => "text",
            Data::DateTime(_) => "date-time",
            _ => "value",
        };
        let value = match data {
            Data::Number { tag: 0x16, value } => match u8::try_from(*value) {
                Ok(number) => format!("{number} {}", super::units::Unit(number)),
                Err(_) => value.to_string(),
            },
            Data::Number { value, .. } => value.to_string(),
            other => ItemValue::of(other, None).to_string(),
        };
        self.dump.field(length, &format!("{indent}{name}"), value);
    }
}

/// The front of some bytes.
enum Piece {
    /// The head of an array or structure.
    Open {
        length: usize,
        count: usize,
        name: &'static str,
    },
    /// A value that holds no others.
    Value { length: usize, data: Data },
}

impl Piece {
    fn read(bytes: &[u8]) -> Option<Self> {
        let name = match bytes.first()? {
            0x01 => "array",
            0x02 => "structure",
            _ => {
                let (data, length) = Data::decode(bytes).ok()?;
                return Some(Self::Value { length, data });
            }
        };
        let (count, took) = super::ber::decode(bytes.get(1..)?).ok()?;
        Some(Self::Open {
            length: 1 + took,
            count,
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::apdu::seal;
    use super::super::key::Key;
    use super::super::notification::{HeaderTime, notification};
    use super::super::security::SecurityControl;
    use super::*;
    use crate::hex::HEX;
    use proptest::prelude::*;

    fn telegram() -> Vec<u8> {
        let number = |tag, value| Data::Number { tag, value };
        let data = Data::Structure(vec![Data::Structure(vec![
            Data::Octets(vec![1, 0, 1, 8, 0, 255]),
            Data::u32(1234),
            Data::Structure(vec![number(0x0f, -1), number(0x16, 30)]),
        ])]);
        notification(7, HeaderTime::Absent, &data)
    }

    fn bytes_shown(dump: &str) -> usize {
        let hex = dump
            .lines()
            .map(|line| line.get(7..7 + HEX).unwrap_or(line.get(7..).unwrap()));
        hex.map(|hex| hex.split_whitespace().count()).sum()
    }

    #[test]
    fn a_telegram_is_shown_value_by_value() {
        let shown = annotate_plaintext(&telegram());
        for words in [
            "data notification",
            "code",
            "1.0.1.8.0.255",
            "1234",
            "30 Wh",
            "-1",
        ] {
            assert!(shown.contains(words), "{words} in\n{shown}");
        }
        assert_eq!(bytes_shown(&shown), telegram().len());
    }

    #[test]
    fn a_message_shows_its_header_and_never_the_key() {
        let title = SystemTitle(*b"KFM\x10\x20\x00\x00\x07");
        let key = Key::from(*b"sixteen letters!");
        let show = |control: u8| {
            let control = SecurityControl(control);
            let sealed = seal(title, control, 5, &key, Some(&key), &telegram()).unwrap();
            (annotate_apdu(&sealed), sealed)
        };
        let (shown, sealed) = show(0x31);
        for words in [
            "Kaifa, number ends in 7",
            "suite 1, encrypted, with a tag",
            "counter",
        ] {
            assert!(shown.contains(words), "{words} in\n{shown}");
        }
        assert_eq!(bytes_shown(&shown), sealed.len());
        assert!(!shown.contains("73 69 78"));
        assert!(show(0x00).0.contains("1.0.1.8.0.255"));
        assert!(annotate_apdu(&[0xdd, 1]).contains("refused"));
        let damaged = annotate_apdu(&sealed[..20]);
        assert!(
            damaged.contains("Kaifa") && damaged.contains("refused"),
            "{damaged}"
        );
    }

    proptest! {
        #[test]
        fn every_byte_appears_once(bytes in prop::collection::vec(any::<u8>(), 1..200), kind in 0..3) {
            let mut all = match kind {
                0 => vec![0x0f, 0, 0, 0, 0, 0, 2],
                1 => vec![0xdb, 8],
                _ => Vec::new(),
            };
            all.extend(&bytes);
            prop_assert_eq!(bytes_shown(&annotate_plaintext(&all)), all.len());
            let _ = annotate_apdu(&all);
        }

        #[test]
        fn deep_nesting_is_bounded(depth in 1_usize..400) {
            let mut bytes = vec![0x0f, 0, 0, 0, 0, 0];
            bytes.extend([2, 1].repeat(depth));
            prop_assert!(annotate_plaintext(&bytes).len() < 100_000);
        }
    }
}
