//! The `config.py` of se-logger, Python programs that capture what SolarEdge inverters with a display send,
//! and the script that starts them.
//!
//! | there | becomes |
//! |---|---|
//! | `inverter_private_key` in `config.py` | `key` of `[[solaredge]]`; se-logger knows no serial number |
//! | `INTERFACE` in `se-logger-service.sh` | `interface` |
//! | `FILTER` | `host`, if it names one; else nothing: the filter is made by itself |
//! | `CAPTDIR`, `PREFIX` | nothing: no captures are kept |
//! | `db_user`, `db_pass`, `db_name`, `db_host`, `db_port` | `[mysql]`, and an option file for the client program |
//! | `PVO_API_KEY`, `PVO_SYSTEM_ID` in `pvo-upload.php` | `[pvoutput]`, and a file with the key |
//!
//! All are read as text. Nothing of them is run.

mod php;
mod python;
mod shell;
mod uploads;

use std::net::IpAddr;

use zeroize::Zeroizing;

use super::{Migrated, SecretFile};

/// Where se-logger has its configuration.
pub const USUAL_FILE: &str = "/opt/se-logger/config.py";

/// What the key is called, and what people who changed the program call it.
const KEY: &[&str] = &[
    "inverter_private_key",
    "inverter_key",
    "inv_key",
    "private_key",
    "device_key",
];
/// The interface of the script as it comes.
const USUAL_INTERFACE: &str = "eth0";
/// The length of a key.
const KEY_BYTES: usize = 16;

const HEAD: &str = "\
# Made by `wattbridge migrate se-logger`. If there is a key in here, keep this file private.

[mqtt]
host = \"localhost\"   # the broker that Home Assistant uses; add username and password if it wants them

";

/// Why a file cannot be turned into ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeLoggerError {
    /// Nothing in it is se-logger's.
    #[error(
        "there is no inverter_private_key and no db_host in it; name the config.py that se-logger uses"
    )]
    NoSettings,
    /// The key cannot be read without running the file.
    #[error(
        "inverter_private_key is not written as b'\\x00...' or as hexadecimal digits; write it so, with 16 bytes"
    )]
    KeyForm,
    /// The key is too short or too long.
    #[error(
        "the key in inverter_private_key has {0} bytes, a key has 16; compare it with where you have it from"
    )]
    KeyLength(usize),
}

/// What there is of se-logger, as text.
#[derive(Debug, Clone, Copy, Default)]
pub struct SeLoggerFiles<'a> {
    /// `config.py`.
    pub config: &'a str,
    /// `se-logger-service.sh`.
    pub service: Option<&'a str>,
    /// `pvo-upload.php`.
    pub uploader: Option<&'a str>,
    /// The folder into which secrets are going to be written.
    pub secrets: Option<&'a str>,
}

/// Turns the text of a `config.py`, and of the scripts if they are there, into a configuration. What belongs into files of
/// its own is handed back beside it, for whoever writes these.
///
/// # Errors
///
/// If it is not the file of se-logger, or its key is none.
pub fn migrate(files: &SeLoggerFiles<'_>) -> Result<(Migrated, Vec<SecretFile>), SeLoggerError> {
    let SeLoggerFiles {
        config, service, ..
    } = *files;
    let mut remarks = Vec::new();
    let key = KEY.iter().find_map(|name| python::value(config, name));
    let has_database =
        python::value(config, "db_host").is_some() || python::value(config, "db_name").is_some();
    let key = match key {
        Some(value) => key_of(value)?,
        None if has_database => None,
        None => return Err(SeLoggerError::NoSettings),
    };
    let mut toml = Zeroizing::new(HEAD.to_owned());
    toml.push_str("[[solaredge]]\n");
    let interface = service.and_then(|script| shell::value(script, "INTERFACE"));
    if interface.is_none() {
        remarks.push(format!(
            "Which network interface is captured stands in se-logger-service.sh; {USUAL_INTERFACE} is written here, as that \
             script has it at first. Name the script with --service, or correct `interface`."
        ));
    }
    let interface = interface.unwrap_or_else(|| USUAL_INTERFACE.to_owned());
    line(&mut toml, "interface", &interface);
    if let Some(filter) = service.and_then(|script| shell::value(script, "FILTER")) {
        host(&filter, &mut toml, &mut remarks);
    }
    match key {
        Some(key) => {
            toml.push_str("# se-logger knows no serial number. With several inverters, write keys = { \"SERIAL\" = \"...\" } instead.\n");
            line(&mut toml, "key", &key);
        }
        None => remarks.push(
            "There is no key in config.py, or only the zeros of its sample. That is right as long as the inverter talks in \
             clear; `wattbridge solaredge doctor --interface` with your interface tells."
                .to_owned(),
        ),
    }
    let options = uploads::mysql(files, &mut toml, &mut remarks);
    let uploader = uploads::pvoutput(files, &mut toml, &mut remarks);
    remarks.push(
        "Old captures of se-logger can be turned into CSV or JSON with `wattbridge solaredge import`.".to_owned(),
    );
    let secrets = options.into_iter().chain(uploader).collect();
    Ok((Migrated { toml, remarks }, secrets))
}

/// The key in hexadecimal digits; `None` for the zeros of the sample.
fn key_of(value: Option<python::Literal>) -> Result<Option<Zeroizing<String>>, SeLoggerError> {
    let literal = value.ok_or(SeLoggerError::KeyForm)?;
    let bytes = literal.bytes();
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() != KEY_BYTES {
        return Err(SeLoggerError::KeyLength(bytes.len()));
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let mut digits = Zeroizing::new(String::with_capacity(2 * KEY_BYTES));
    for byte in bytes.iter() {
        digits.push_str(&format!("{byte:02X}"));
    }
    Ok(Some(digits))
}

/// What a filter of tcpdump is good for: it may name the inverter.
fn host(filter: &str, toml: &mut String, remarks: &mut Vec<String>) {
    let words: Vec<&str> = filter
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '\\'))
        .filter(|word| !word.is_empty())
        .collect();
    let mut hosts = words.windows(2).filter_map(|pair| match pair {
        ["host" | "src" | "dst", name] if is_host(name) => Some(*name),
        _ => None,
    });
    let (first, second) = (hosts.next(), hosts.next());
    match first {
        Some(first) if second.is_none_or(|second| second == first) => line(toml, "host", first),
        Some(_) => remarks.push(format!(
            "The filter {filter:?} names several hosts; none is taken over. Inverters are found by themselves; write `host` \
             only if one is behind a router or bridge."
        )),
        None if is_usual(&words) => {}
        None => remarks.push(format!(
            "The filter {filter:?} is not taken over: what is needed is filtered by itself. Write `host` if the inverter is \
             behind a router or bridge that hides its MAC address."
        )),
    }
}

/// Whether a filter says nothing but what ours does.
fn is_usual(words: &[&str]) -> bool {
    let is_known = |word: &&str| {
        matches!(
            *word,
            "tcp" | "port" | "or" | "and" | "vlan" | "22222" | "22221" | "80"
        )
    };
    words.iter().all(is_known)
}

fn is_host(word: &str) -> bool {
    let bytes: Vec<&str> = word.split(':').collect();
    let is_byte =
        |byte: &&str| matches!(byte.len(), 1 | 2) && byte.chars().all(|c| c.is_ascii_hexdigit());
    word.parse::<IpAddr>().is_ok() || bytes.len() == 6 && bytes.iter().all(is_byte)
}

fn line(toml: &mut String, key: &str, value: &str) {
    let value = Zeroizing::new(toml::Value::from(value).to_string());
    toml.push_str(key);
    toml.push_str(" = ");
    toml.push_str(&value);
    toml.push('\n');
}

#[cfg(test)]
mod tests;
