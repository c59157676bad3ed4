//! Texts in which nobody is recognised: each name is another word, and the same one everywhere.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::model::Device;

/// Shorter words are parts of ordinary ones.
const SHORTEST: usize = 5;

/// What may be the name of something, wherever it stands.
static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?P<mac> \b [0-9A-Fa-f]{2} (?: [:-][0-9A-Fa-f]{2} ){5} \b )
        | (?P<six> (?: [0-9A-Fa-f]{0,4} : ){2,7} [0-9A-Fa-f]{0,4} (?: % [0-9A-Za-z]+ )? )
        | (?P<four> \b \d{1,3} (?: \. \d{1,3} ){3} \b )
        | (?P<port> by-id / [^\s\x22'\],]+ )
        | (?P<host> \b [A-Za-z0-9] [A-Za-z0-9-]* (?: \. [A-Za-z0-9-]+ )* \. (?: local | lan | home | box | internal | fritz\.box | arpa ) \b )
        | (?P<number> \b [0-9]{9,} \b )
        | (?P<key> \b [0-9A-Fa-f]{16,} \b )
        ",
    )
    .ok()
});

/// Keys of the configuration whose values name computers or people.
static HOSTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?m)^[\s\#]* (?P<key> host | hosts | server | port | listen | url | frames | addresses | interface | ssid | username | client_id | title | latitude | longitude | proxy | server_name )\s*=\s*(?P<value>[^\n]*)"#
            .replace(' ', "")
            .as_str(),
    )
    .ok()
});

static WORDS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#""([^"\n]*)"|'([^'\n]*)'|(-?\d+\.\d+)"#).ok());

/// Gives every name another one.
#[derive(Debug, Default)]
pub struct Nameless {
    /// By what they are in small letters.
    given: HashMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
    /// Names that are looked for as they are, the longest first.
    known: Vec<String>,
}

impl Nameless {
    /// The serial number of a device, however it is written.
    pub fn learn_device(&mut self, device: &Device) {
        let id = device.id.as_str();
        let in_id = id
            .strip_prefix(&format!("{}_", device.adapter))
            .unwrap_or(id);
        let serial = device.serial.to_lowercase();
        if serial.len() < SHORTEST {
            return;
        }
        let name = self.give("SERIAL", &serial);
        self.know(&serial);
        // The same device, and so the same word.
        self.given.insert(in_id.to_lowercase(), name);
        self.know(in_id);
    }

    /// What a configuration names: computers, and devices that were not seen yet.
    pub fn learn_configuration(&mut self, text: &str) {
        let (Some(hosts), Some(words)) = (HOSTS.as_ref(), WORDS.as_ref()) else {
            return;
        };
        for found in hosts.captures_iter(text) {
            let kind = match &found["key"] {
                "latitude" | "longitude" => "PLACE",
                "ssid" | "username" | "client_id" | "title" => "NAME",
                _ => "HOST",
            };
            let value = &found["value"];
            for word in words.captures_iter(value) {
                let word = word
                    .iter()
                    .skip(1)
                    .flatten()
                    .next()
                    .map_or("", |it| it.as_str());
                let bare = bare_host(word);
                if !is_ordinary(bare) {
                    self.give(kind, &bare.to_lowercase());
                    self.know(bare);
                }
            }
        }
        for word in words.captures_iter(text) {
            let word = word
                .iter()
                .skip(1)
                .flatten()
                .next()
                .map_or("", |it| it.as_str());
            if is_serial(word) {
                self.give("SERIAL", &word.to_lowercase());
                self.know(word);
            }
        }
    }

    /// A text in which nobody is recognised.
    pub fn text(mut self, text: &str) -> String {
        if let Some(own) = own_name() {
            self.give("HOST", &own);
            self.know(&own);
        }
        self.known
            .sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        self.known.dedup();
        let mut shown = text.to_owned();
        for name in std::mem::take(&mut self.known) {
            if let Some(given) = self.given.get(&name) {
                shown = replaced(&shown, &name, given);
            }
        }
        let Some(names) = NAMES.as_ref() else {
            // Without knowing what is a name, nothing can be shown.
            return String::new();
        };
        let rename = |found: &Captures<'_>| self.rename(found);
        names.replace_all(&shown, rename).into_owned()
    }

    fn rename(&mut self, found: &Captures<'_>) -> String {
        let whole = &found[0];
        let kind = if found.name("mac").is_some() {
            "MAC"
        } else if found.name("six").is_some() {
            let bare = whole.split('%').next().unwrap_or_default();
            match bare.parse::<Ipv6Addr>() {
                Ok(address) if !address.is_loopback() && !address.is_unspecified() => "HOST",
                _ => return whole.to_owned(),
            }
        } else if found.name("four").is_some() {
            match whole.parse::<Ipv4Addr>() {
                Ok(address) if !address.is_loopback() && !address.is_unspecified() => "HOST",
                _ => return whole.to_owned(),
            }
        } else if found.name("port").is_some() {
            let given = self.give("PORT", &whole.to_lowercase());
            return format!("by-id/{given}");
        } else if found.name("host").is_some() {
            "HOST"
        } else {
            "SERIAL"
        };
        self.give(kind, &whole.to_lowercase())
    }

    fn know(&mut self, name: &str) {
        let name = name.to_lowercase();
        if name.len() >= SHORTEST {
            self.known.push(name);
        }
    }

    fn give(&mut self, kind: &'static str, name: &str) -> String {
        if let Some(given) = self.given.get(name) {
            return given.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let given = format!("{kind}-{count}");
        self.given.insert(name.to_owned(), given.clone());
        given
    }
}

/// The host alone: without scheme, port and path.
fn bare_host(word: &str) -> &str {
    let word = word.split_once("://").map_or(word, |(_, rest)| rest);
    let word = word.split(['/', '?', '@']).next().unwrap_or_default();
    match word.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains(':') => host,
        _ => word,
    }
}

/// Words that say nothing of anybody.
fn is_ordinary(word: &str) -> bool {
    let near = [
        "localhost",
        "homeassistant",
        "homeassistant.local",
        "core-mosquitto",
        "wattbridge",
    ];
    let is_number = word.parse::<u16>().is_ok();
    let is_near = word
        .parse::<std::net::IpAddr>()
        .is_ok_and(|it| it.is_loopback() || it.is_unspecified());
    word.is_empty()
        || word.starts_with('/')
        || is_number
        || is_near
        || near.contains(&word)
        || word.starts_with("kept-")
}

/// Whether a word of a configuration is as serial numbers are.
fn is_serial(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_usual = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let is_date = word.len() == 10 && word.matches('-').count() == 2;
    digits >= 4
        && word.len() >= 6
        && word.chars().all(is_usual)
        && !is_date
        && !word.starts_with("kept-")
}

/// In any case of its letters, and not as a part of a longer word.
fn replaced(text: &str, name: &str, given: &str) -> String {
    let small = text.to_ascii_lowercase();
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = small[at..].find(name) {
        let start = at + found;
        let end = start + name.len();
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let is_part =
            is_word(small[..start].chars().next_back()) || is_word(small[end..].chars().next());
        shown.push_str(&text[at..start]);
        shown.push_str(if is_part { &text[start..end] } else { given });
        at = end;
    }
    shown.push_str(&text[at..]);
    shown
}

fn own_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim().to_lowercase();
    (name.len() >= SHORTEST && !is_ordinary(&name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_recognised_and_the_same_stays_the_same() {
        let mut nameless = Nameless::default();
        nameless.learn_device(&Device::new("smart_meter", "1KFM02-00471", "Meter", "x"));
        nameless.learn_device(&Device::new("aps_ecu", "216000000001", "Roof", "x"));
        nameless.learn_configuration(
            "[mqtt]\nhost = \"broker.example\"\nusername = \"marianne\"\n[place]\nlatitude = 47.25341\n\
             [[aps_zigbee]]\ninverters = [\"408000990001\"]\n[[smart_meter]]\nport = \"tcp://cellar-pi:2001\"\n",
        );
        let text = nameless.text(
            "meter 1kfm02-00471 (smart_meter_1kfm02_00471) at tcp://cellar-pi:2001, 192.168.1.50 and 192.168.1.50:8899\n\
             broker broker.example says marianne, 47.25341; 408000990001 and 216000000001, 999888777666\n\
             aa:bb:cc:dd:ee:ff AA-BB-CC-DD-EE-FF fe80::1%eth0 2001:db8::7 ::1 127.0.0.1 0.0.0.0\n\
             /dev/serial/by-id/usb-FTDI_A50285BI-if00-port0 solar.fritz.box pi.local\n\
             2026-06-14T13:42:07Z version 0.1.0 power = 3210.5, 12345678.901 kWh, round in 3.1 s",
        );
        assert_eq!(
            text,
            "meter SERIAL-1 (smart_meter_SERIAL-1) at tcp://HOST-2:2001, HOST-3 and HOST-3:8899\n\
             broker HOST-1 says NAME-1, PLACE-1; SERIAL-3 and SERIAL-2, SERIAL-4\n\
             MAC-1 MAC-2 HOST-4 HOST-5 ::1 127.0.0.1 0.0.0.0\n\
             /dev/serial/by-id/PORT-1 HOST-6 HOST-7\n\
             2026-06-14T13:42:07Z version 0.1.0 power = 3210.5, 12345678.901 kWh, round in 3.1 s"
        );
    }
}
