//! A configuration file to begin with: everything in it is explained, and switched off by a # until somebody
//! wants it.
//!
//! It is made from what the outputs and adapters say of their sections, with the serial ports of this
//! computer proposed where they fit, so that whoever has only the binary needs nothing else.

use crate::adapters::ADAPTERS;
use crate::bridge::sums;
use crate::config::PlaceSettings;
use crate::device::Adapter;
use crate::links::PortInfo;

/// Who is to read the file, and what they have at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstReader {
    /// Somebody at a terminal, who starts the program.
    Terminal,
    /// Somebody whose computer has started the program already.
    Service,
    /// Somebody with the file editor of Home Assistant, and perhaps without a terminal.
    HomeAssistantApp,
}

const TERMINAL: &str = "\
# The configuration of wattbridge. Take the # away from what you want to use.
#
#   wattbridge check             is the file right?
#   wattbridge check --connect   do the broker and the devices answer?
#   wattbridge run               connects everything
#
# Passwords and keys come to stand in here: keep the file to yourself.
";

const SERVICE: &str = "\
# The configuration of wattbridge. Take the # away from what you want to use, and
# save the file.
#
# wattbridge runs already. It waits for the first device in here and goes on by
# itself; after any later change, restart it. Its log says what it thinks of the
# file, and `wattbridge check --connect` says whether broker and devices answer.
#
# Passwords and keys come to stand in here: keep the file to yourself.
";

const HOME_ASSISTANT_APP: &str = "\
# The devices of wattbridge. Take the # away from what you want to use, put in what
# is yours, and save the file.
#
# wattbridge waits for the first device in here and goes on by itself; after any
# later change, restart the app. Its log (in Home Assistant: Settings, Apps,
# wattbridge, Log) says what it thinks of the file.
#
# The MQTT broker, the place of your house and its time zone are known from Home
# Assistant. Keys come to stand in here: keep the file to yourself.
";

const BROKER: &str = "
# The MQTT broker that Home Assistant uses. Without this section it is the one
# on this computer, and lets everybody in.

#[mqtt]
#host = \"192.168.1.10\"
#username = \"wattbridge\"
#password = \"...\"
";

/// The whole text.
pub fn first_file(ports: &[PortInfo], reader: FirstReader) -> String {
    let head = match reader {
        FirstReader::Terminal => TERMINAL,
        FirstReader::Service => SERVICE,
        FirstReader::HomeAssistantApp => HOME_ASSISTANT_APP,
    };
    let mut text = head.to_owned();
    if reader != FirstReader::HomeAssistantApp {
        text.push_str(BROKER);
        text.push_str(
            "\n# Where your house is, for devices that want to know when the sun is up:\n\n",
        );
        text.push_str(&switched_off(PlaceSettings::page().example));
    }
    text.push_str("\n# Serial ports of this computer, for port = \"...\" below:\n#\n");
    if ports.is_empty() {
        text.push_str(match reader {
            FirstReader::HomeAssistantApp => "#   none. Plug your cable in, delete this file and restart the app: a new one names it.\n",
            FirstReader::Terminal | FirstReader::Service => "#   none. Plug your cable in and ask `wattbridge ports`.\n",
        });
    }
    for port in ports {
        text.push_str(&format!("#   {port}\n"));
    }
    for adapter in ADAPTERS {
        let proposal = Proposal::of(*adapter, ports);
        text.push_str(&format!("\n# {}:\n", adapter.title()));
        text.push_str(&proposal.words);
        text.push_str(&format!("\n{}", switched_off(&proposal.section)));
    }
    text.push_str("\n# A value made of several, of all panels for instance:\n\n");
    text.push_str(&switched_off(sums::page().example));
    text
}

/// The section of a kind of device, with the ports that fit it.
struct Proposal {
    /// What to say of the ports; empty, or whole lines.
    words: String,
    section: String,
}

impl Proposal {
    fn of(adapter: &dyn Adapter, ports: &[PortInfo]) -> Self {
        let own: Vec<&PortInfo> = ports
            .iter()
            .filter(|port| adapter.recognises(port))
            .collect();
        // What says of itself that it is for something else is not proposed here.
        let unknown = |port: &&PortInfo| !ADAPTERS.iter().any(|other| other.recognises(port));
        let unknown: Vec<&PortInfo> = ports
            .iter()
            .filter(|port| port.by_id.is_some())
            .filter(unknown)
            .collect();
        let (fitting, words) = match (own.is_empty(), unknown.as_slice()) {
            (false, _) => (own, "It is plugged in already"),
            (true, [_]) => (unknown, "What is plugged in may be it"),
            (true, _) => (unknown, "One of what is plugged in may be it"),
        };
        let example = adapter.page().example;
        let wants_port = example.lines().any(|line| line.starts_with("port = "));
        let Some(first) = fitting.first().filter(|_| wants_port) else {
            return Self {
                words: String::new(),
                section: example.to_owned(),
            };
        };
        let mut told = format!("# {words}:\n");
        for port in &fitting {
            told.push_str(&format!("#   {port}\n"));
        }
        let with_port = |line: &str| {
            if line.starts_with("port = \"/dev/") {
                format!("port = \"{}\"\n", first.name())
            } else {
                format!("{line}\n")
            }
        };
        Self {
            words: told,
            section: example.lines().map(with_port).collect(),
        }
    }
}

fn switched_off(example: &str) -> String {
    let line = |line: &str| match line.is_empty() {
        true => "\n".to_owned(),
        false => format!("#{line}\n"),
    };
    example.trim_end().lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::setup::Configured;
    use super::*;
    use crate::adapters::find;
    use crate::config::File;

    const READERS: [FirstReader; 3] = [
        FirstReader::Terminal,
        FirstReader::Service,
        FirstReader::HomeAssistantApp,
    ];

    fn port(path: &str, by_id: &str, description: Option<&str>) -> PortInfo {
        PortInfo {
            path: path.into(),
            by_id: (!by_id.is_empty()).then(|| format!("/dev/serial/by-id/{by_id}").into()),
            description: description.map(str::to_owned),
            serial: None,
        }
    }

    fn cables() -> Vec<PortInfo> {
        vec![
            port("/dev/ttyS0", "", None),
            port(
                "/dev/ttyUSB0",
                "usb-1a86_USB_Serial-if00-port0",
                Some("1a86 USB Serial"),
            ),
            port(
                "/dev/ttyUSB1",
                "usb-VictronEnergy_BV_VE_Direct_cable_VE000001-if00-port0",
                Some("VictronEnergy BV VE Direct cable"),
            ),
        ]
    }

    /// The file of somebody who has taken every # away that stands before a setting.
    fn switched_on(text: &str) -> String {
        let mut lines = String::new();
        for line in text.lines() {
            let setting = line.strip_prefix('#');
            // What is meant for people has one space or three behind its #.
            let is_setting =
                |rest: &&str| rest.starts_with("    ") || !rest.starts_with([' ', '#']);
            let setting = setting.filter(is_setting);
            lines.push_str(setting.unwrap_or(line));
            lines.push('\n');
        }
        lines
    }

    #[test]
    fn a_new_file_can_be_used_as_it_is_and_has_no_devices() {
        for reader in READERS {
            let file = File::parse(&first_file(&cables(), reader), "wattbridge.toml").unwrap();
            let configured = Configured::from_file(&file, None).unwrap();
            assert!(configured.problems.is_empty(), "{}", configured.problems);
            assert!(configured.sources.is_empty());
        }
    }

    #[test]
    fn every_section_in_it_is_right_once_it_is_switched_on() {
        for ports in [Vec::new(), cables()] {
            for reader in READERS {
                let text = switched_on(&first_file(&ports, reader));
                let file = File::parse(&text, "wattbridge.toml").unwrap();
                for adapter in ADAPTERS {
                    let sections = file.sections(adapter.kind());
                    assert!(!sections.is_empty(), "{}", adapter.kind());
                    for section in sections {
                        assert!(find(adapter.kind()).unwrap().configure(&section).is_ok());
                    }
                }
            }
        }
    }

    #[test]
    fn the_ports_of_the_computer_are_proposed_where_they_fit() {
        let text = first_file(&cables(), FirstReader::Terminal);
        let of = |title: &str| {
            let (_, rest) = text.split_once(title).unwrap();
            rest.split("\n\n# ").next().unwrap().to_owned()
        };
        assert!(text.contains("#   /dev/ttyS0\n"));
        let plugged = "usb-1a86_USB_Serial-if00-port0";
        let meter = of("Smart meters: P1 port");
        assert!(meter.contains("What is plugged in may be it"), "{meter}");
        assert!(
            meter.contains(&format!("#port = \"/dev/serial/by-id/{plugged}\"\n")),
            "{meter}"
        );
        let victron = of("Victron devices");
        assert!(
            victron.contains("plugged in already:\n#   /dev/serial/by-id/usb-Victron"),
            "{victron}"
        );
        assert!(
            victron.contains("#port = \"auto\"\n") && !victron.contains(plugged),
            "{victron}"
        );
        for without in ["APsystems ECU-R", "SolarEdge inverters"] {
            assert!(!of(without).contains("plugged in"), "{text}");
        }
    }
}
