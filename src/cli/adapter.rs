//! Adapters on the command line: by name, in the help, and as sections for the file.

use anyhow::anyhow;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::adapters::{ADAPTERS, find};
use crate::config::{Problems, Section};
use crate::device::Adapter;

/// An adapter by its name; help and completion list them all.
pub fn by_name() -> impl TypedValueParser<Value = &'static dyn Adapter> {
    let names = ADAPTERS.iter().map(|adapter| {
        PossibleValue::new(name(*adapter))
            .alias(adapter.kind())
            .aliases(adapter.also_called())
            .help(adapter.title())
    });
    PossibleValuesParser::new(names)
        .try_map(|name| find(&name).ok_or_else(|| anyhow!("there is no adapter {name}")))
}

/// As it is written on the command line: `aps-ecu`.
pub fn name(adapter: &dyn Adapter) -> String {
    adapter.kind().replace('_', "-")
}

/// The section for a device at an address, with further pairs.
pub fn section(
    adapter: &dyn Adapter,
    address: &str,
    pairs: &[(String, String)],
) -> Result<Section, Problems> {
    let mut all = Vec::with_capacity(pairs.len() + 2);
    for (key, value) in adapter.address(address) {
        all.push((key.to_owned(), value));
    }
    all.extend_from_slice(pairs);
    Section::from_pairs(adapter.kind(), &all)
}

/// The same as text to paste into the file.
pub fn lines(adapter: &dyn Adapter, address: &str) -> String {
    let mut lines = format!("[[{}]]\n", adapter.kind());
    for (key, value) in adapter.address(address) {
        let value = match value.parse::<i64>() {
            Ok(number) => toml::Value::from(number),
            Err(_) => toml::Value::from(value),
        };
        lines.push_str(&format!("{key} = {value}\n"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_pasted_is_a_section_that_can_be_used() {
        for (kind, address) in [
            ("aps_ecu", "192.168.1.50:8899"),
            ("smart_meter", "/dev/ttyUSB0"),
            ("victron", "tcp://192.168.1.9:2001"),
        ] {
            let adapter = find(kind).unwrap();
            let file = crate::config::File::parse(&lines(adapter, address), "pasted").unwrap();
            let sections = file.sections(kind);
            assert_eq!(sections.len(), 1, "{kind}");
            let source = adapter.configure(&sections[0]).unwrap().source;
            assert!(address.contains(&source.label()), "{}", source.label());
        }
    }
}
