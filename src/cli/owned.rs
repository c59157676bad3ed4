//! What belongs to one section only: two would fight for it.

use std::collections::BTreeMap;

use crate::config::{File, Problem, Section};
use crate::device::{Reserved, Source};
use crate::links::Address;
use crate::model::DeviceId;

/// What belongs to one section only, and in which line that begins.
#[derive(Default)]
pub struct OwnedThings {
    keys: BTreeMap<String, usize>,
    ports: BTreeMap<String, usize>,
    devices: BTreeMap<DeviceId, usize>,
    reserved: BTreeMap<String, usize>,
}

impl OwnedThings {
    /// What a section has in common with one before it; nothing, and it has all of its own from now on.
    pub fn clash(
        &mut self,
        file: &File,
        section: &Section,
        source: &dyn Source,
    ) -> Option<Problem> {
        let here = section.line();
        let (key, port) = (source.key(), port_of(source));
        if let Some(line) = self.keys.get(&key) {
            return Some(twice(file, section, &source.label(), *line));
        }
        if let Some((port, line)) = port.as_ref().and_then(|it| self.ports.get_key_value(it)) {
            let port = source
                .port()
                .map_or_else(|| port.clone(), ToString::to_string);
            let what = format!("{port} is the port of the section in line {line} as well");
            let hint = "a port serves one section: write another port in one of them, or make one section of both";
            return Some(problem_at(file, section, what, hint));
        }
        let listed = source.listed();
        let shared =
            |device: &DeviceId| self.devices.get(device).map(|line| (device.clone(), *line));
        if let Some((device, line)) = listed.iter().find_map(shared) {
            let kind = format!("{}_", source.adapter());
            let number = device.to_string();
            let number = number.strip_prefix(&kind).unwrap_or(&number);
            let what = format!("{number} is listed in the section in line {line} as well");
            let hint = "take it out of one of the two: a device belongs to one section";
            return Some(problem_at(file, section, what, hint));
        }
        let reserved = source.reserved();
        let taken = |it: &Reserved| self.reserved.get(&it.key).copied();
        if let Some((it, line)) = reserved.iter().find_map(|it| Some((it, taken(it)?))) {
            let what = format!("{} is that of the section in line {line} as well", it.words);
            return Some(problem_at(file, section, what, &it.advice));
        }
        self.keys.insert(key, here);
        self.ports.extend(port.map(|port| (port, here)));
        self.devices
            .extend(listed.into_iter().map(|device| (device, here)));
        self.reserved
            .extend(reserved.into_iter().map(|it| (it.key, here)));
        None
    }
}

/// The port that nothing else may open, however it is written. A server may serve several, but not two of a kind.
fn port_of(source: &dyn Source) -> Option<String> {
    match source.port()? {
        Address::Serial(path) => {
            let path = path.canonicalize().unwrap_or_else(|_| path.clone());
            Some(path.display().to_string())
        }
        Address::Tcp(endpoint) => Some(format!("{} {endpoint}", source.adapter())),
        Address::Capture(_) => None,
    }
}

pub fn problem_at(file: &File, section: &Section, what: String, hint: &str) -> Problem {
    let mut problem = Problem::new(file.name(), what, hint);
    problem.line = section.line();
    problem.column = 1;
    problem
}

pub fn twice(file: &File, section: &Section, label: &str, line: usize) -> Problem {
    let what = format!("{label} is configured twice, first in line {line}");
    problem_at(file, section, what, "remove one of the two sections")
}

#[cfg(test)]
mod tests {
    use super::super::setup::Configured;
    use crate::config::{File, Problems, Section};

    fn read(text: &str) -> Result<Configured, Problems> {
        Configured::from_file(&File::parse(text, "wattbridge.toml")?, None)
    }

    #[cfg(unix)]
    #[test]
    fn a_port_is_the_same_by_another_name() {
        let section = |port: &std::path::Path, serial: &str| {
            let port = port.display();
            format!("[[aps_zigbee]]\nport = \"{port}\"\ninverters = [\"{serial}\"]\n")
        };
        let folder = tempfile::tempdir().unwrap();
        let (port, link) = (folder.path().join("ttyUSB0"), folder.path().join("by-id"));
        std::fs::write(&port, "").unwrap();
        std::os::unix::fs::symlink(&port, &link).unwrap();
        let both = section(&port, "408000990001") + &section(&link, "408000990002");
        let told = read(&both).unwrap().problems.to_string();
        assert!(
            told.contains("by-id is the port of the section in line 1"),
            "{told}"
        );
    }

    #[test]
    fn two_sections_share_neither_port_nor_device() {
        let section = |port: &str, id: &str, serial: &str| {
            format!(
                "[[aps_zigbee]]\nport = \"{port}\"\necu_id = \"{id}\"\ninverters = [\"{serial}\"]\n"
            )
        };
        let first = section("/dev/ttyUSB0", "A1B2011B9780", "408000990001");
        for (second, words) in [
            (
                section("/dev/ttyUSB1", "C3D4011B9780", "408000990002"),
                None,
            ),
            (
                section("/dev/ttyUSB0", "C3D4011B9780", "408000990002"),
                Some("/dev/ttyUSB0 is the port of the section in line 1 as well"),
            ),
            (
                section("/dev/ttyUSB1", "A1B2011B9780", "408000990002"),
                Some("A1B2011B9780 is configured twice, first in line 1"),
            ),
            (
                section("/dev/ttyUSB1", "C3D4011B9780", "408000-990-001"),
                Some("408000990001 is listed in the section in line 1 as well"),
            ),
            (
                "[[smart_meter]]\nport = \"/dev/ttyUSB0\"\n".to_owned(),
                Some("the port of the section in line"),
            ),
        ] {
            let both = read(&format!("{first}{second}")).unwrap();
            let told = both.problems.to_string();
            let (count, refused) = (both.sources.len(), both.refused);
            match words {
                None => assert_eq!((count, refused), (2, 0), "{told}"),
                Some(words) => {
                    assert_eq!((count, refused), (1, 1), "{told}");
                    assert!(told.contains(words), "{told}");
                }
            }
        }
        // A server may serve several kinds.
        let tcp = section("tcp://192.0.2.1:1", "A1B2011B9780", "408000990001");
        let other = "[[smart_meter]]\nport = \"tcp://192.0.2.1:1\"\n";
        assert_eq!(read(&format!("{tcp}{other}")).unwrap().refused, 0);
        let again = section("tcp://192.0.2.1:1", "C3D4011B9780", "408000990002");
        assert_eq!(read(&format!("{tcp}{again}")).unwrap().refused, 1);
    }

    #[test]
    fn two_sticks_share_neither_network_nor_reset_line() {
        let section = |number: u8, more: &str| {
            format!(
                "[[aps_zigbee]]\nport = \"/dev/ttyUSB{number}\"\ninverters = [\"40800099000{number}\"]\n{more}\n"
            )
        };
        let told = |first: &str, second: &str| {
            let both = read(&(section(1, first) + &section(2, second))).unwrap();
            let told = both.problems.to_string();
            assert_eq!(both.sources.len() + both.refused, 2, "{told}");
            assert_eq!(both.refused == 0, told.is_empty(), "{told}");
            told
        };
        // That of a section without an id is made of its first serial number.
        let made = Section::from_pairs(
            "aps_zigbee",
            &[
                ("port".to_owned(), "/dev/ttyUSB1".to_owned()),
                ("inverters".to_owned(), "[\"408000990001\"]".to_owned()),
            ],
        )
        .unwrap();
        let made = crate::adapters::find("aps_zigbee")
            .unwrap()
            .configure(&made);
        let made = made.unwrap().source.label();
        let id = |head: &str| format!("ecu_id = \"{head}011B9781\"");
        let ours = id(made.get(..4).unwrap());
        for (first, second) in [(&id("A1B2")[..], "ecu_id = \"A1B2011B9780\""), ("", &ours)] {
            let told = told(first, second);
            assert!(told.contains("four digits"), "{told}");
            assert!(
                told.contains("is that of the section in line 1 as well"),
                "{told}"
            );
            assert!(told.contains("listen_only"), "{told}");
        }
        let listening = "ecu_id = \"A1B2011B9780\"\nlisten_only = true";
        assert_eq!(told(&id("A1B2"), listening), "");
        assert_eq!(told(listening, &id("A1B2")), "");
        assert_eq!(told(&id("A1B2"), &id("A1B3")), "");

        let line = |line: &str| format!("reset_line = \"{line}\"");
        let gpio = line("gpio:GPIO18");
        let same = told(&gpio, &line("GPIO18"));
        assert!(
            same.contains("the line gpio:GPIO18 is that of the section in line 1 as well"),
            "{same}"
        );
        assert_eq!(told(&gpio, &line("gpio:GPIO17")), "");
        // Each serial adapter has its own.
        assert_eq!(told(&line("dtr"), &line("dtr")), "");
    }
}
