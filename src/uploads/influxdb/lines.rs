//! The line protocol.

use std::fmt::Write as _;

use super::config::{InfluxSettings, InfluxTag};
use crate::model::DeviceId;
use crate::uploads::{LoadDevice, LoadSlot, LoadValue};

/// The lines of a slot: one for each device that said anything of what is wanted.
pub fn push_lines(
    out: &mut String,
    settings: &InfluxSettings,
    slot: &LoadSlot,
    is_wanted: impl Fn(&DeviceId, &str) -> bool,
) {
    for device in &slot.devices {
        push_line(out, settings, device, slot.end, &is_wanted);
    }
}

fn push_line(
    out: &mut String,
    settings: &InfluxSettings,
    device: &LoadDevice,
    end: i64,
    is_wanted: impl Fn(&DeviceId, &str) -> bool,
) {
    let start = out.len();
    push_name(out, &settings.measurement, &[',', ' ']);
    push_tag(out, "device", device.id.as_str());
    if settings.tags.contains(&InfluxTag::Name) {
        push_tag(out, "name", &device.name);
    }
    let mut separator = ' ';
    for (key, value) in &device.values {
        let text = match value {
            LoadValue::Number { number, .. } => number.shortest(),
            LoadValue::OnOff(on) if settings.texts => on.to_string(),
            LoadValue::Text(text) if settings.texts => quoted(text),
            LoadValue::OnOff(_) | LoadValue::Text(_) => continue,
        };
        // Words are read of all that a device says.
        if !is_wanted(&device.id, key) {
            continue;
        }
        out.push(separator);
        push_name(out, key, &[',', '=', ' ']);
        out.push('=');
        out.push_str(&text);
        separator = ',';
    }
    if separator == ' ' {
        // Nothing is known of it.
        out.truncate(start);
    } else {
        // A text never fails to be written to.
        let _ = writeln!(out, " {end}");
    }
}

fn push_tag(out: &mut String, name: &str, value: &str) {
    // An empty tag is a mistake there.
    if !value.is_empty() {
        out.push(',');
        out.push_str(name);
        out.push('=');
        push_name(out, value, &[',', '=', ' ']);
    }
}

/// A name with what would end it written so that it does not. There is no way to write the end of a line, and a
/// backslash at the end would take the next sign along.
fn push_name(out: &mut String, name: &str, special: &[char]) {
    let name = name.trim_end_matches('\\');
    for letter in name.chars() {
        // VictoriaMetrics reads a backslash in front of a sign that stands for itself as more than one sign.
        if letter.is_control() || letter == '\\' {
            out.push('_');
            continue;
        }
        if special.contains(&letter) {
            out.push('\\');
        }
        out.push(letter);
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}
