//! What a configuration says that is no mistake and yet surely not meant.

use std::collections::BTreeSet;

use super::setup::Configured;
use crate::adapters::ADAPTERS;
use crate::bridge::own_metrics;
use crate::config::{nearest, quoted};
use crate::device::ConfiguredSource;
use crate::store::SavedDevice;

/// One sentence each, with what to do.
pub fn remarks(configured: &Configured) -> Vec<String> {
    let mut remarks = configured.exposed.clone();
    let uploads = configured.uploads.switched_on().next();
    if configured.outputs.switched_on().next().is_none() && uploads.is_none() {
        remarks.push(
            "Nothing is passed on to anybody: every output is switched off. Take enabled = false out of [home_assistant]."
                .to_owned(),
        );
    }
    let known = Keys::of(configured);
    for (section, place, word) in configured.outputs.named_keys() {
        if let Some(hint) = known.complain(word) {
            remarks.push(format!(
                "[{section}] {place}: no device here has {}; {hint}.",
                quoted(word)
            ));
        }
    }
    remarks
}

/// Names for serial numbers that no device has which was seen so far.
pub fn unknown_names(sources: &[ConfiguredSource], seen: &[SavedDevice]) -> Vec<String> {
    let mut remarks = Vec::new();
    for ConfiguredSource { source, keys } in sources {
        let of_kind = |saved: &&SavedDevice| saved.device.adapter == source.adapter();
        let serials = seen.iter().filter(of_kind);
        let serials: Vec<&str> = serials.map(|it| it.device.serial.as_str()).collect();
        let named = keys.names.keys().map(String::as_str);
        let unknown = named.filter(|it| !serials.contains(it));
        // Where nothing was seen yet, nothing is known.
        for serial in unknown.filter(|_| !serials.is_empty()) {
            let hint = nearest(serial, serials.iter().copied()).map_or_else(
                || "compare it with the label; if the device is yet to come, leave it".to_owned(),
                |meant| format!("did you mean {}?", quoted(meant)),
            );
            remarks.push(format!(
                "{} {}, names: no device seen so far has the serial number {}; {hint}",
                source.adapter(),
                source.label(),
                quoted(serial)
            ));
        }
    }
    remarks
}

/// Every key that a device of this configuration can have.
struct Keys(BTreeSet<String>);

impl Keys {
    fn of(configured: &Configured) -> Self {
        let tables = ADAPTERS.iter().flat_map(|adapter| adapter.tables());
        let tables = tables.flat_map(|table| table.iter().cloned());
        let sources = configured.sources.iter();
        let own = sources.flat_map(|it| it.source.own_metrics());
        let all = tables.chain(own).chain(own_metrics(&configured.sources));
        Self(all.map(|metric| metric.key.into_owned()).collect())
    }

    /// A key alone stands for all devices, one behind a device id for that one.
    fn complain(&self, word: &str) -> Option<String> {
        let is_key = |word: &str| self.0.contains(word);
        let behind = |(at, _): (usize, char)| word.get(at + 1..).is_some_and(is_key);
        if is_key(word) || word.match_indices('_').map(|(at, _)| (at, '_')).any(behind) {
            return None;
        }
        let meant = nearest(word, self.0.iter().map(String::as_str));
        Some(meant.map_or_else(
            || "`wattbridge discovery` shows what there is".to_owned(),
            |meant| format!("did you mean {}?", quoted(meant)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::File;
    use crate::model::Device;

    #[test]
    fn a_name_for_a_serial_number_that_nobody_has_is_told() {
        let text = "[[aps_ecu]]\nhost = \"192.0.2.1\"\n\
                    names = { 704000000001 = \"East\", 704000000020 = \"West\", 806000123456 = \"New\" }\n";
        let file = File::parse(text, "wattbridge.toml").unwrap();
        let sources = Configured::from_file(&file, None).unwrap().sources;
        let saved = |kind, serial: &str| SavedDevice {
            source: String::new(),
            device: Device::new(kind, serial, "x", "x"),
        };
        // Another adapter's devices say nothing of it.
        assert_eq!(
            unknown_names(&sources, &[saved("smart_meter", "704000000020")]),
            [""; 0]
        );
        let seen = [
            saved("aps_ecu", "704000000001"),
            saved("aps_ecu", "704000000002"),
        ];
        let told = unknown_names(&sources, &seen);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].contains("\"704000000020\"; did you mean \"704000000002\"?"),
            "{told:?}"
        );
        assert!(
            told[1].contains("\"806000123456\"; compare it with the label"),
            "{told:?}"
        );
    }
}
