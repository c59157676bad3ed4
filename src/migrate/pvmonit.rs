//! The `config.php` or `config.yaml` of PvMonit, PHP programs that read VE.Direct cables and send what they say to
//! emoncms.
//!
//! | `config.php` | `config.yaml` | becomes |
//! |---|---|---|
//! | `$VEDIRECT_DEVICE_CORRESPONDANCE` | `deviceCorrespondance` | `names` of `[[victron]]` |
//! | `$EMONCMS_URL_INPUT_JSON_POST` | `emoncms: urlInputJsonPost` | `url` of `[emoncms]` |
//! | `$EMONCMS_API_KEY` | `emoncms: apiKey` | `key`, in a file of its own if one is named |
//! | `$TEMPERV14_BIN`, `$SONDE_TEMPERATURE_CORRECTION` | a script | a `[[text]]` for the thermometer |
//! | `$AMPEREMETRE_BIN`, `$CONSO_PLAFOND` | a script | a `[[text]]` for the ammeter |
//! | | `data: ppv_total`, `conso_calc` | a `[[sum]]` |
//!
//! Both are read as text. Nothing of them is run.

mod php;
mod yaml;

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::{Migrated, look_over};

/// Where PvMonit has its configuration: that of 2019 and later, and that of before.
pub const USUAL_FILES: &[&str] = &["/opt/PvMonit/config.yaml", "/opt/PvMonit/config.php"];

/// emoncms drops longer names of nodes.
const LONGEST_NODE: usize = 16;

/// What PvMonit sends of a device beside what is kept anyway.
const FIGURES: &[&str] = &[
    "energy_yesterday",
    "power_max_today",
    "power_max_yesterday",
    "charge_cycles",
    "full_discharges",
    "charge_drawn",
    "deepest_discharge",
    "last_discharge",
    "average_discharge",
    "battery_voltage_min",
    "battery_voltage_max",
    "synchronisations",
    "low_voltage_alarms",
    "high_voltage_alarms",
    "low_starter_voltage_alarms",
    "high_starter_voltage_alarms",
    "starter_voltage_min",
    "starter_voltage_max",
];

const HEAD: &str = "\
# Made by `wattbridge migrate pvmonit`. If there is a key in here, keep this file private.

[mqtt]
host = \"localhost\"   # the broker that Home Assistant uses; add username and password if it wants them

# Every VE.Direct USB cable is found by itself.
[[victron]]
";

/// Why a file cannot be turned into ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PvMonitError {
    /// Nothing in it is PvMonit's.
    #[error(
        "there are no settings of PvMonit in it; name the config.php or config.yaml that PvMonit uses"
    )]
    NoSettings,
}

/// What a file says, whatever its form.
#[derive(Default)]
pub struct PvMonitSettings {
    is_any: bool,
    /// Serial numbers and names.
    names: Vec<(String, String)>,
    url: Option<String>,
    key: Option<Zeroizing<String>>,
    /// The program of the thermometer.
    thermometer: Option<String>,
    correction: Option<String>,
    has_ammeter: bool,
    ceiling: Option<String>,
    voltage: Option<String>,
    has_total: bool,
    has_consumption: bool,
    is_arduino: bool,
    has_scripts: bool,
}

/// Turns the text of a configuration into ours. With the name of a file for the key, the key is left out of the text and
/// handed back beside it, for whoever writes that file.
///
/// # Errors
///
/// If it is not the file of PvMonit.
pub fn migrate(
    text: &str,
    key_file: Option<&str>,
) -> Result<(Migrated, Option<Zeroizing<String>>), PvMonitError> {
    let is_php = text.contains("<?php") || text.trim_start().starts_with('$');
    let settings = if is_php {
        php::read(text)
    } else {
        yaml::read(text)
    };
    if !settings.is_any {
        return Err(PvMonitError::NoSettings);
    }
    let mut remarks = Vec::new();
    let mut toml = Zeroizing::new(HEAD.to_owned());
    let names = victron(&settings, &mut toml, &mut remarks);
    let mut inputs = sensors(&settings, &mut toml, &mut remarks);
    if settings.has_total {
        toml.push_str(
            "\n# PPVT\n[[sum]]\nid = \"ppvt\"\nname = \"Total PV power\"\nplus = [\"victron_*/panel_power\"]\nenergy = true\n",
        );
        inputs.push(("sum_ppvt/power", "Divers/PPVT"));
    }
    if settings.has_consumption {
        remarks.push(
            "CONSO needs the id of the battery monitor, which PvMonit does not know. docs/from-pvmonit.md shows the sum; its \
             name in emoncms is \"sum_conso/power\" = \"Divers/CONSO\" in [emoncms.names]."
                .to_owned(),
        );
    }
    let key = emoncms(&settings, &inputs, key_file, &mut toml, &mut remarks);
    if names == 0 {
        remarks.push(
            "PvMonit has no names for serial numbers here, so that it calls nodes in emoncms by the serial numbers. Write \
             names = { SERIAL = \"SERIAL\" } into [[victron]], so that the same nodes go on."
                .to_owned(),
        );
    }
    remarks.push(
        "Before wattbridge starts, stop PvMonit's lines in the crontab: docs/from-pvmonit.md says in which order, so that no \
         energy is counted twice."
            .to_owned(),
    );
    remarks.extend(look_over(&toml));
    Ok((Migrated { toml, remarks }, key))
}

/// The names of the devices; how many there are.
fn victron(settings: &PvMonitSettings, toml: &mut String, remarks: &mut Vec<String>) -> usize {
    // The sample has HQXXXXXXXX.
    let is_sample = |serial: &str| {
        serial.len() > 4 && serial.ends_with(['X', 'Y']) && {
            let mut letters = serial.chars().skip(2);
            letters.all(|c| c == 'X') || serial.chars().skip(2).all(|c| c == 'Y')
        }
    };
    let names: Vec<_> = settings
        .names
        .iter()
        .filter(|(serial, name)| !is_sample(serial) && !name.trim().is_empty())
        .collect();
    if !names.is_empty() {
        let pairs = names
            .iter()
            .map(|(serial, name)| format!("{} = {}", toml_key(serial), toml_text(name)));
        let pairs: Vec<_> = pairs.collect();
        let _ = writeln!(toml, "names = {{ {} }}", pairs.join(", "));
    }
    for (_, name) in &names {
        if name.chars().count() > LONGEST_NODE {
            remarks.push(format!(
                "{name:?} is longer than the 16 letters that emoncms takes for a node; wattbridge sends the first 16 of it."
            ));
        }
    }
    if settings.is_arduino {
        remarks.push(
            "VE.Direct behind an Arduino is not read. Plug the devices into the computer with VE.Direct USB cables."
                .to_owned(),
        );
    }
    names.len()
}

/// Thermometer and ammeter; the values that go on in emoncms, with their names there.
fn sensors(
    settings: &PvMonitSettings,
    toml: &mut String,
    remarks: &mut Vec<String>,
) -> Vec<(&'static str, &'static str)> {
    let mut inputs = Vec::new();
    if let Some(program) = &settings.thermometer {
        let command = without_sudo(program);
        let offset = settings
            .correction
            .as_deref()
            .filter(|text| is_number(text));
        let offset = offset.map_or(String::new(), |offset| format!(", offset = {offset}"));
        let command: Vec<_> = command.iter().map(|word| toml_text(word)).collect();
        let _ = write!(
            toml,
            "\n[[text]]\nid = \"temper\"\nname = \"Thermometer\"\ncommand = [{}, \"-c\"]\ninterval = \"5m\"\nvalues = [\n    \
             {{ id = \"temperature\", quantity = \"temperature\"{offset}, floor = -40, ceiling = 80 }},\n]\n",
            command.join(", ")
        );
        inputs.push(("text_temper/temperature", "1/temp"));
        remarks.push(
            "The program of the thermometer runs without sudo: give wattbridge's user the USB device by a udev rule."
                .to_owned(),
        );
    }
    if settings.has_ammeter {
        let ceiling = settings.ceiling.as_deref().filter(|text| is_number(text));
        let ceiling = ceiling.unwrap_or("1500");
        let voltage = settings.voltage.as_deref().filter(|text| is_number(text));
        let voltage = voltage.unwrap_or("230");
        let _ = write!(
            toml,
            "\n[[text]]\nid = \"clamp\"\nname = \"Consumption\"\nport = \"/dev/ttyACM0\"\nbaud = 19200\nask = '\\n'\n\
             pattern = '^(\\d\\d+\\.\\d)A$'\ninterval = \"10s\"\nvalues = [\n    \
             {{ id = \"power\", quantity = \"power\", scale = {voltage}, ceiling = {ceiling}, energy = true }},\n]\n"
        );
        inputs.push(("text_clamp/power", "1/conso"));
        remarks.push(
            "The ammeter is read at /dev/ttyACM0, as in PvMonit's ampermetre.pl; correct `port` if yours is another."
                .to_owned(),
        );
    }
    if settings.has_scripts {
        remarks.push(
            "Scripts in bin-enabled are not read. Those that print numbers become a [[text]] each: docs/devices/text.md."
                .to_owned(),
        );
    }
    inputs
}

fn emoncms(
    settings: &PvMonitSettings,
    inputs: &[(&str, &str)],
    key_file: Option<&str>,
    toml: &mut String,
    remarks: &mut Vec<String>,
) -> Option<Zeroizing<String>> {
    let is_key = |key: &&Zeroizing<String>| {
        let is_sample = key.chars().all(|c| c == 'X') || key.contains('?');
        !key.is_empty() && !is_sample
    };
    let (Some(url), key) = (&settings.url, settings.key.as_ref().filter(is_key)) else {
        remarks.push("No address of emoncms is in it; nothing is sent there.".to_owned());
        return None;
    };
    let Some(key) = key else {
        remarks.push(
            "The key of emoncms is that of the sample; nothing is sent there. docs/uploads/emoncms.md shows the section."
                .to_owned(),
        );
        return None;
    };
    let base = url.split("/input/").next().unwrap_or(url);
    let also = FIGURES
        .iter()
        .map(|key| format!("    \"victron_*/{key}\",\n"));
    let also: String = also.collect();
    let _ = write!(
        toml,
        "\n# What PvMonit sent beside what is kept anyway; take away what you do not use.\n[history]\nalso = [\n{also}]\n"
    );
    toml.push_str("\n[emoncms]\n");
    let _ = writeln!(toml, "url = {}", toml_text(base));
    let written = match key_file {
        Some(file) => format!("{{ file = {} }}", toml_text(file)),
        None => toml_text(key),
    };
    let _ = writeln!(toml, "key = {}", *Zeroizing::new(written));
    toml.push_str("send_every = \"30m\"\n");
    if inputs.is_empty() {
        toml.push_str("names = \"pvmonit\"\n");
    } else {
        toml.push_str("\n[emoncms.names]\n\"*\" = \"pvmonit\"\n");
        for (value, input) in inputs {
            let _ = writeln!(toml, "{} = {}", toml_text(value), toml_text(input));
        }
    }
    key_file.map(|_| key.clone())
}

/// A command that was run by sudo, as it is without.
fn without_sudo(program: &str) -> Vec<String> {
    let words = program.split_whitespace().map(str::to_owned);
    let mut words: Vec<String> = words.collect();
    if words
        .first()
        .is_some_and(|word| word == "sudo" || word.ends_with("/sudo"))
    {
        words.remove(0);
    }
    words
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_plain && digits.starts_with(|c: char| c.is_ascii_digit()) && digits.parse::<f64>().is_ok()
}

fn toml_text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn toml_key(text: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !text.is_empty() && text.chars().all(is_bare) {
        text.to_owned()
    } else {
        toml_text(text)
    }
}

#[cfg(test)]
mod tests;
