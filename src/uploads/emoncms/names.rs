//! Names as emoncms keeps them.

use crate::model::DeviceId;

/// emoncms.org drops nodes with longer names, and says `ok`.
const LONGEST_NODE: usize = 16;
const LONGEST_INPUT: usize = 64;
/// So much of the serial number is in the name of a node.
const SERIAL: usize = 12;

/// What a node is called whose device has too long an id, by the beginning of that; the first that fits.
const KINDS: &[(&str, &str)] = &[
    // ECUs all begin so, inverters never do.
    ("aps_ecu_216", "ecu"),
    ("aps_ecu_", "inv"),
    ("aps_zigbee_", "inv"),
    ("kaifa_", "mtr"),
    ("smart_meter_", "mtr"),
    ("solaredge_", "inv"),
    ("victron_", "vic"),
];

/// The node of a device.
pub fn default_node(id: &DeviceId) -> String {
    let id = id.as_str();
    if id.len() <= LONGEST_NODE {
        return id.to_owned();
    }
    let known = KINDS.iter().find(|(begin, _)| id.starts_with(begin));
    let (adapter, serial) = match known {
        // The digits by which an ECU is known belong to its serial number.
        Some((begin, _)) => id.split_at(begin.trim_end_matches(|c: char| c.is_ascii_digit()).len()),
        None => id.split_once('_').unwrap_or((id, id)),
    };
    let kind = known.map_or_else(|| first(adapter, 3), |(_, kind)| (*kind).to_owned());
    let skip = serial.chars().count().saturating_sub(SERIAL);
    let serial: String = serial.chars().skip(skip).collect();
    format!("{kind}_{serial}")
}

fn first(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// The name of a node as emoncms keeps it.
pub fn node_name(text: &str) -> String {
    kept(text, LONGEST_NODE)
}

/// The name of an input as emoncms keeps it.
pub fn input_name(text: &str) -> String {
    kept(text, LONGEST_INPUT)
}

/// Letters, digits, blanks and `_-.`; emoncms leaves others out, so that two names could become one.
fn kept(text: &str, longest: usize) -> String {
    let letter = |c: char| match c {
        ' ' | '_' | '-' | '.' => c,
        c if c.is_alphanumeric() => c,
        _ => '_',
    };
    let name: String = text.trim().chars().map(letter).take(longest).collect();
    let name = name.trim_end();
    // Only dots would be another place in an address.
    if name.chars().all(|c| c == '.') {
        return "_".to_owned();
    }
    name.to_owned()
}

/// The name that the section gives a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The node; left out, that of the device.
    pub node: Option<String>,
    /// The input.
    pub input: String,
}

impl Named {
    /// Reads `1/conso`, or the input alone.
    pub fn new(text: &str) -> Self {
        match text.split_once('/') {
            Some((node, input)) => Self {
                node: Some(node_name(node)),
                input: input_of(input),
            },
            None => Self {
                node: None,
                input: input_of(text),
            },
        }
    }
}

fn input_of(text: &str) -> String {
    if text.trim().is_empty() {
        String::new()
    } else {
        input_name(text)
    }
}
