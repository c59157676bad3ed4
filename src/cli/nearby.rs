//! What the page is told of the surroundings, for who adds a device.

use tokio::sync::mpsc::UnboundedSender;

use super::desk::GATE;
use super::scan::PARALLEL;
use super::setup::ConfigArgs;
use crate::adapters::{ADAPTERS, find};
use crate::config::File;
use crate::device::{Adapter, Finding, Seen, sweep};
use crate::links::{Connected, Network, PortInfo};
use crate::web::{
    Around, FoundAddress, Search, SearchError, Surroundings, ToldKind, ToldPort, WantedSearch,
};

/// What this computer finds around itself.
#[derive(Debug)]
pub struct ThisPlace {
    args: ConfigArgs,
}

impl ThisPlace {
    pub fn new(args: &ConfigArgs) -> Self {
        Self { args: args.clone() }
    }
}

impl Surroundings for ThisPlace {
    fn around(&self) -> Around {
        let Connected {
            networks,
            interfaces,
        } = Connected::of_this_machine();
        let ports = self.args.ports().list();
        Around {
            kinds: ADAPTERS.iter().copied().map(kind).collect(),
            ports: ports.iter().map(port).collect(),
            networks: networks.iter().map(ToString::to_string).collect(),
            interfaces,
        }
    }

    fn search(
        &self,
        wanted: &WantedSearch,
        tell: UnboundedSender<FoundAddress>,
    ) -> Result<Search, SearchError> {
        let adapter = find(&wanted.kind).ok_or(SearchError::NotFindable)?;
        let scanner = adapter.scanner().ok_or(SearchError::NotFindable)?;
        let network: Network = wanted
            .network
            .trim()
            .parse()
            .map_err(SearchError::NoNetwork)?;
        if !network.is_private() {
            return Err(SearchError::NotPrivate(network.to_string()));
        }
        let seen = move |Seen {
                             address, finding, ..
                         }: Seen| {
            let address = address.to_string();
            let (about, keys) = match finding {
                Finding::Nothing => return,
                Finding::SomethingElse(words) => (words, Vec::new()),
                Finding::Found(words) => (words, adapter.address(&address)),
            };
            // Who wanted to know may be gone.
            let _ = tell.send(FoundAddress {
                keys: keys.into_iter().collect(),
                address,
                about,
            });
        };
        let port = scanner.port();
        Ok(Box::pin(sweep(scanner, network, port, PARALLEL, seen)))
    }
}

fn kind(adapter: &'static dyn Adapter) -> ToldKind {
    let held = GATE.iter().filter(|held| held.section == adapter.kind());
    let held: Vec<&str> = held.map(|held| held.key).collect();
    let mut usual = needed(adapter);
    let more = example(adapter).into_iter().chain(["name".to_owned()]);
    for key in more {
        if !usual.contains(&key) && !held.contains(&key.as_str()) {
            usual.push(key);
        }
    }
    ToldKind {
        name: adapter.kind(),
        title: adapter.title(),
        needed: needed(adapter),
        usual,
        held,
        search: adapter.scanner().is_some(),
    }
}

/// What an empty section lacks.
fn needed(adapter: &dyn Adapter) -> Vec<String> {
    let kind = adapter.kind();
    let Ok(file) = File::parse(&format!("[[{kind}]]\n"), "") else {
        return Vec::new();
    };
    let mut needed = Vec::new();
    for section in file.sections(kind) {
        let problems = adapter.configure(&section).err();
        for problem in problems.iter().flat_map(|problems| problems.iter()) {
            let key = problem.key.rsplit('.').next().unwrap_or_default();
            needed.push(key.to_owned());
        }
    }
    needed
}

/// The keys that its example has.
fn example(adapter: &dyn Adapter) -> Vec<String> {
    let example = adapter.page().example;
    let table: Option<toml::Table> = example.parse().ok();
    let section = table.as_ref().and_then(|table| table.get(adapter.kind()));
    let section = section.and_then(|sections| sections.as_array()?.first()?.as_table());
    section.map_or_else(Vec::new, |section| section.keys().cloned().collect())
}

fn port(port: &PortInfo) -> ToldPort {
    let its = ADAPTERS.iter().find(|adapter| adapter.recognises(port));
    ToldPort {
        name: port.name(),
        about: port.description.clone(),
        kind: its.map(|adapter| adapter.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_says_what_it_needs_and_what_is_usual() {
        for adapter in ADAPTERS {
            let ToldKind {
                needed,
                usual,
                held,
                ..
            } = kind(*adapter);
            let schema = adapter.page().schema;
            let known = schema.as_value()["properties"].as_object().unwrap();
            let all = needed.iter().chain(&usual);
            for key in all.map(String::as_str).chain(held) {
                assert!(known.contains_key(key), "{}: {key}", adapter.kind());
            }
            assert!(usual.contains(&"name".to_owned()));
        }
        let of = |name: &str| kind(find(name).unwrap());
        assert_eq!(of("aps_ecu").needed, ["host"]);
        assert!(of("aps_ecu").search && !of("victron").search);
        assert!(of("victron").needed.is_empty());
        assert_eq!(of("smart_meter").usual, ["port", "key", "name"]);
        assert!(!of("text").usual.contains(&"ask".to_owned()));
    }

    #[test]
    fn what_is_plugged_in_is_known_by_what_it_says() {
        let plugged = |by_id: &str, words: &str| {
            port(&PortInfo {
                path: "/dev/ttyUSB0".into(),
                by_id: Some(format!("/dev/serial/by-id/{by_id}").into()),
                description: Some(words.to_owned()),
                serial: None,
            })
        };
        let victron = "usb-VictronEnergy_BV_VE_Direct_cable_VE000001-if00-port0";
        let it = plugged(victron, "VictronEnergy BV VE Direct cable");
        assert_eq!(it.kind, Some("victron"));
        assert_eq!(it.name, format!("/dev/serial/by-id/{victron}"));
        assert_eq!(plugged("usb-1a86_USB_Serial", "1a86 USB Serial").kind, None);
    }
}
