//! The `meter.json` of kaifareader, a Python program for smart meters on the customer interface.
//!
//! | key | becomes |
//! |---|---|
//! | `port`, `baudrate`, `key_hex_string` | `port`, `baud`, `key` of `[[smart_meter]]` |
//! | `parity` | `parity`; it is the name of a constant, `serial.PARITY_EVEN` |
//! | `export_format` | `MQTT`: `[kaifareader]`, `SOLARVIEW`: `[solarview]` |
//! | `export_mqtt_server`, `_port`, `_user`, `_password` | `[mqtt]` |
//! | `export_mqtt_basetopic` | `base_topic` of `[kaifareader]` |
//! | `export_file_abspath` | `path` of `[solarview]` |
//! | `supplier`, `interval`, `stopbits`, `bytesize`, `logfile`, `loglevel` | nothing |

use std::fmt::Write as _;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Migrated, look_over};
use crate::model::pasted::{Hex, NotHex, hex};

/// Where kaifareader looks for its file.
pub const USUAL_FILE: &str = "/etc/kaifareader/meter.json";

/// The length of a key.
const KEY_BYTES: usize = 16;

/// Every key that kaifareader reads.
const KEYS: &[&str] = &[
    "loglevel",
    "logfile",
    "port",
    "baudrate",
    "parity",
    "stopbits",
    "bytesize",
    "key_hex_string",
    "interval",
    "supplier",
    "export_format",
    "export_file_abspath",
    "export_mqtt_server",
    "export_mqtt_port",
    "export_mqtt_user",
    "export_mqtt_password",
    "export_mqtt_basetopic",
];

/// What programs that were made from kaifareader call the same settings.
const RENAMED: &[(&str, &str)] = &[
    ("mqtt_server", "export_mqtt_server"),
    ("mqtt_host", "export_mqtt_server"),
    ("mqtt_broker", "export_mqtt_server"),
    ("mqtt_port", "export_mqtt_port"),
    ("mqtt_user", "export_mqtt_user"),
    ("mqtt_username", "export_mqtt_user"),
    ("mqtt_password", "export_mqtt_password"),
    ("mqtt_basetopic", "export_mqtt_basetopic"),
    ("mqtt_base_topic", "export_mqtt_basetopic"),
    ("mqtt_topic", "export_mqtt_basetopic"),
];
/// Whether they use MQTT, which kaifareader says in `export_format`.
const SWITCH: &str = "mqtt_enabled";

const HEAD: &str = "\
# Made by `wattbridge migrate kaifareader`. The key of your meter is in here: keep this file private.
#
# What meter.json had and nobody has to say any more:
#   supplier            the layout of the telegrams is found out by itself
#   interval            telegrams are taken as they come
#   stopbits, bytesize  are the same for all these meters
#   logfile, loglevel   the log goes to the standard error output; see [log] in docs/configuration.md
";

const NO_BROKER: &str = "
# Nothing in the old file says that MQTT was used. To see the meter in Home Assistant, remove these two lines and write
# where its broker is: [mqtt] with host, username and password.
[home_assistant]
enabled = false
";

/// Why a file cannot be turned into ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KaifareaderError {
    /// It is not JSON at all.
    #[error(
        "it is not JSON, first in line {line}, column {column}; kaifareader could not read it \
         either. Mend that place: quotes around texts, a comma between two settings, none after \
         the last"
    )]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// It is JSON, but no object.
    #[error("there are no settings in it; name the meter.json that kaifareader uses")]
    NoSettings,
    /// A setting that is needed is not there.
    #[error("\"{key}\" is missing; add it as in {example}")]
    Missing {
        /// The setting.
        key: &'static str,
        /// How it is written.
        example: &'static str,
    },
    /// A setting is of another kind.
    #[error("\"{key}\" has to be {wanted}; write it as in {example}")]
    Kind {
        /// The setting.
        key: &'static str,
        /// What it has to be.
        wanted: &'static str,
        /// How it is written.
        example: &'static str,
    },
    /// The key of the meter is too short or too long.
    #[error(
        "the key in \"key_hex_string\" has {digits} characters, a key has 32; compare it with the \
         letter or the web page of your grid operator"
    )]
    KeyLength {
        /// How many there are.
        digits: usize,
    },
    /// The key of the meter is not written in hex.
    #[error(
        "\"{character}\" in \"key_hex_string\" is not one of 0 to 9 and A to F; compare the key with \
         the letter or the web page of your grid operator"
    )]
    KeyDigit {
        /// The character.
        character: char,
    },
}

/// Turns the text of a `meter.json` into a configuration that does the same.
///
/// # Errors
///
/// If it is not JSON, or lacks what no meter can be read without: its port and its key, and what the
/// chosen export needs.
pub fn migrate(json: &str) -> Result<Migrated, KaifareaderError> {
    let mut settings = Json::read(json)?;
    settings.rename();
    let mut remarks = Vec::new();
    let mut toml = Zeroizing::new(HEAD.to_owned());
    for key in settings
        .0
        .keys()
        .filter(|key| !KEYS.contains(&key.as_str()))
    {
        remarks.push(format!(
            "{key:?} is not a setting of kaifareader and is left out; look for what it did in docs/configuration.md if it matters."
        ));
    }
    match settings.text("export_format", "\"MQTT\"")? {
        Some("MQTT") => mqtt(&settings, &mut toml, &mut remarks)?,
        Some("SOLARVIEW") => solarview(&settings, &mut toml)?,
        other => {
            toml.push_str(NO_BROKER);
            let why = match other {
                None => "there is no \"export_format\"".to_owned(),
                Some(other) => format!("\"export_format\" {other:?} is not MQTT or SOLARVIEW"),
            };
            remarks.push(format!(
                "{why}, so nothing is passed on to anybody yet. Add [mqtt] to see the meter in Home Assistant."
            ));
        }
    }
    meter(&settings, &mut toml, &mut remarks)?;
    remarks.extend(look_over(&toml));
    Ok(Migrated { toml, remarks })
}

fn mqtt(
    settings: &Json,
    toml: &mut String,
    remarks: &mut Vec<String>,
) -> Result<(), KaifareaderError> {
    let host = settings.needed("export_mqtt_server", "\"192.168.1.10\"")?;
    let base = settings.text("export_mqtt_basetopic", "\"home/meter\"")?;
    let port = settings.number("export_mqtt_port", u16::MAX.into(), "1883")?;
    let user = settings.text("export_mqtt_user", "\"meter\"")?;
    let password = settings.text("export_mqtt_password", "\"a password\"")?;
    toml.push_str(
        "\n# Home Assistant finds the meter here by itself, if this is the broker that it uses.\n",
    );
    toml.push_str("[mqtt]\n");
    text(toml, "host", host);
    if let Some(port) = port {
        number(toml, "port", port);
    }
    match (user, password) {
        (Some(user), password) => {
            text(toml, "username", user);
            if let Some(password) = password {
                text(toml, "password", password);
            }
        }
        (None, Some(_)) => remarks.push(
            "There is a password for the broker but no user; it is left out. Add username and \
             password to [mqtt] if the broker wants them."
                .to_owned(),
        ),
        (None, None) => {}
    }
    let Some(base) = base else {
        remarks.push(
            "\"export_mqtt_basetopic\" is missing, so the old topics are not published. To go on \
             using them, add [kaifareader] with enabled = true and their base_topic."
                .to_owned(),
        );
        return Ok(());
    };
    toml.push_str("\n# The topics as before, for what you have built upon them. Home Assistant does not need them.\n");
    toml.push_str("[kaifareader]\nenabled = true\n");
    text(toml, "base_topic", base);
    Ok(())
}

fn solarview(settings: &Json, toml: &mut String) -> Result<(), KaifareaderError> {
    let path = settings.needed("export_file_abspath", "\"/var/lib/wattbridge/kaifa.txt\"")?;
    toml.push_str("\n[solarview]\nenabled = true\n");
    text(toml, "path", path);
    toml.push_str(NO_BROKER);
    Ok(())
}

fn meter(
    settings: &Json,
    toml: &mut String,
    remarks: &mut Vec<String>,
) -> Result<(), KaifareaderError> {
    let port = settings.needed("port", "\"/dev/ttyUSB0\"")?;
    let baud = settings.number("baudrate", u32::MAX, "2400")?;
    let key = settings
        .needed("key_hex_string", "\"00112233445566778899AABBCCDDEEFF\"")?
        .trim();
    check_key(key)?;
    toml.push_str("\n[[smart_meter]]\n");
    text(toml, "port", port);
    if let Some(baud) = baud {
        number(toml, "baud", baud);
    }
    let parity = settings.text("parity", "\"serial.PARITY_NONE\"")?;
    match parity.map(constant).as_deref() {
        Some("NONE" | "N") => toml.push_str(
            "# meter.json said none. Many meters send even parity all the same, and \"auto\" finds out:\n\
             # with the right one damaged telegrams are noticed.\n\
             parity = \"auto\"\n",
        ),
        Some("EVEN" | "E") => text(toml, "parity", "even"),
        Some("ODD" | "O") => text(toml, "parity", "odd"),
        None => {}
        Some(_) => remarks.push(
            "\"parity\" is none that a meter uses; it is left out, and wattbridge finds the right one."
                .to_owned(),
        ),
    }
    for (setting, usual) in [("stopbits", ["ONE", "1"]), ("bytesize", ["EIGHTBITS", "8"])] {
        let words = settings.0.get(setting).map(|value| match value {
            Value::String(words) => constant(words),
            other => other.to_string(),
        });
        if words.is_some_and(|words| !usual.iter().any(|usual| words.ends_with(usual))) {
            remarks.push(format!(
                "\"{setting}\" is not taken over: these meters use 8 data bits and 1 stop bit. Tell us if yours does not."
            ));
        }
    }
    text(toml, "key", key);
    Ok(())
}

fn check_key(key: &str) -> Result<(), KaifareaderError> {
    match hex(key, KEY_BYTES) {
        Ok(read) if read.bytes.len() == KEY_BYTES => Ok(()),
        Ok(Hex { digits, .. }) | Err(NotHex::Digits(digits)) => {
            Err(KaifareaderError::KeyLength { digits })
        }
        Err(NotHex::Character { character, .. }) => Err(KaifareaderError::KeyDigit { character }),
        Err(NotHex::Odd { .. }) => Err(KaifareaderError::KeyLength {
            digits: key.chars().filter(char::is_ascii_hexdigit).count(),
        }),
    }
}

/// The last word of a Python constant: `EVEN` of `serial.PARITY_EVEN`.
fn constant(words: &str) -> String {
    let last = words.rsplit(['.', '_']).next().unwrap_or_default();
    let bare = last.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    bare.to_ascii_uppercase()
}

fn text(toml: &mut String, key: &str, value: &str) {
    let value = Zeroizing::new(toml::Value::from(value).to_string());
    // Writing to a text cannot fail.
    let _ = writeln!(toml, "{key} = {}", value.as_str());
}

fn number(toml: &mut String, key: &str, value: u32) {
    let _ = writeln!(toml, "{key} = {value}");
}

fn is_yes(value: &Value) -> bool {
    match value {
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(words) => {
            let words = words.trim().to_ascii_lowercase();
            !["", "0", "false", "no", "off"].contains(&words.as_str())
        }
        _ => false,
    }
}

/// The settings of the file.
struct Json(Map<String, Value>);

impl Json {
    fn read(text: &str) -> Result<Self, KaifareaderError> {
        let text = text.trim_start_matches('\u{feff}');
        match serde_json::from_str(text) {
            Ok(Value::Object(settings)) => Ok(Self(settings)),
            Ok(_) => Err(KaifareaderError::NoSettings),
            Err(error) => Err(KaifareaderError::NotJson {
                line: error.line(),
                column: error.column(),
            }),
        }
    }

    /// Calls everything as kaifareader does.
    fn rename(&mut self) {
        let mut is_other = false;
        for (theirs, ours) in RENAMED {
            if !self.0.contains_key(*ours)
                && let Some(value) = self.0.remove(*theirs)
            {
                self.0.insert((*ours).to_owned(), value);
                is_other = true;
            }
        }
        // Those programs have no export_format: with a broker they use it, unless it is switched off.
        let is_on = self.0.remove(SWITCH).as_ref().map_or(is_other, is_yes);
        if is_on && !self.0.contains_key("export_format") {
            self.0.insert("export_format".to_owned(), "MQTT".into());
        }
    }

    /// A text as it is; one that is blank or `null` counts as absent.
    fn text(
        &self,
        key: &'static str,
        example: &'static str,
    ) -> Result<Option<&str>, KaifareaderError> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                Ok(Some(text.as_str()).filter(|text| !text.trim().is_empty()))
            }
            Some(_) => Err(KaifareaderError::Kind {
                key,
                wanted: "a text in quotes",
                example,
            }),
        }
    }

    fn needed(&self, key: &'static str, example: &'static str) -> Result<&str, KaifareaderError> {
        let text = self.text(key, example)?;
        text.ok_or(KaifareaderError::Missing { key, example })
    }

    /// A whole number from 1, also in quotes.
    fn number(
        &self,
        key: &'static str,
        most: u32,
        example: &'static str,
    ) -> Result<Option<u32>, KaifareaderError> {
        let number = match self.0.get(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(words)) => words.trim().parse().ok(),
            Some(_) => None,
        };
        let number = number.and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (1..=most).contains(number));
        number.map(Some).ok_or(KaifareaderError::Kind {
            key,
            wanted: "a whole number that makes sense there",
            example,
        })
    }
}

#[cfg(test)]
mod tests;
