//! Where the stick is and which network it has: from the command line, or from a section of a file.

use std::path::PathBuf;

use clap::Args;

use super::super::KIND;
use super::super::config::ZigbeeConfig;
use super::super::wire::ids::{EcuId, InverterSerial};
use crate::config::{File, Section};
use crate::device::ToolError;
use crate::links::{Address, LinkError};

/// What each of these commands is told about the stick.
#[derive(Debug, Clone, Args)]
pub struct StickArgs {
    /// The serial port of the stick, or tcp://HOST:PORT of what passes it on
    #[arg(long, value_name = "PORT")]
    pub port: Option<String>,
    /// The id of the network, 12 hexadecimal digits, as in the section
    #[arg(long, value_name = "ID")]
    pub ecu_id: Option<EcuId>,
    /// Takes what is not said here from the section in this configuration file
    #[arg(short, long, value_name = "FILE", conflicts_with = "pairs")]
    pub config: Option<PathBuf>,
    /// Sets a key of the section, such as addresses.408000123456=0x7C3A
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub pairs: Vec<(String, String)>,
}

/// `--set KEY=VALUE`, as everywhere.
fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.trim().is_empty())
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| "this is not of the form key=value".to_owned())
}

const NO_PORT: &str = "where is the stick? Write --port /dev/serial/by-id/..., or --config with the file whose section \
                       names it; `wattbridge ports` lists the ports that are there";

impl StickArgs {
    /// The section as it is with all of that, and the port; `serial` is the inverter that it is about.
    ///
    /// # Errors
    /// If a section cannot be read or it is not clear which one is meant, and if no port is named.
    pub fn settings(
        &self,
        serial: Option<InverterSerial>,
    ) -> Result<(ZigbeeConfig, Address), ToolError> {
        let mut config = self.section(serial)?;
        if let Some(port) = &self.port {
            config.port = Some(port.parse()?);
        }
        config.ecu_id = self.ecu_id.or(config.ecu_id);
        let port = config.port.clone().ok_or(NO_PORT)?;
        if matches!(port, Address::Capture(_)) {
            return Err(NO_PORT.into());
        }
        Ok((config, port))
    }

    fn section(&self, serial: Option<InverterSerial>) -> Result<ZigbeeConfig, ToolError> {
        let read = |section: &Section| section.read_without(&["port", "inverters", "ecu_id"]);
        let Some(path) = &self.config else {
            return Ok(read(&Section::from_pairs(KIND, &self.pairs)?)?);
        };
        let file = File::load(path)?;
        let sections = file.sections(KIND);
        if let [only] = &sections[..] {
            return Ok(read(only)?);
        }
        let port: Option<Address> = self.port.as_deref().map(str::parse).transpose()?;
        let mut listed = Vec::new();
        for section in &sections {
            // What is wrong with the others is no matter here.
            let Ok(config) = read(section) else {
                continue;
            };
            if port.is_some() && config.port == port {
                return Ok(config);
            }
            if serial.is_some_and(|serial| config.inverters.contains(&serial)) {
                listed.push(config);
            }
        }
        let name = path.display();
        match listed.pop() {
            Some(config) if listed.is_empty() => Ok(config),
            _ if sections.is_empty() => Err(format!(
                "{name} has no section [[{KIND}]]; write --port and --ecu-id instead of --config"
            )
            .into()),
            _ => Err(format!(
                "{name} has several sections [[{KIND}]]; say by --port which stick is meant"
            )
            .into()),
        }
    }
}

/// What there is to say if the port cannot be used.
pub fn port_trouble(error: &LinkError) -> ToolError {
    if let LinkError::Busy(port) = error {
        return format!(
            "another program uses the serial port {port}. If that is wattbridge itself, nothing is wrong: press Pair in \
             Home Assistant instead, or stop it for a while (systemctl stop wattbridge, or stop the container or the app), \
             run this again, and start it afterwards. `fuser -v {port}` names the program"
        )
        .into();
    }
    format!("{error}. {}", error.advice())
        .trim_end()
        .to_owned()
        .into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn args(config: Option<PathBuf>, pairs: &[&str]) -> StickArgs {
        StickArgs {
            port: None,
            ecu_id: None,
            config,
            pairs: pairs.iter().map(|it| pair(it).unwrap()).collect(),
        }
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    const TWO: &str = "\
[[aps_zigbee]]
port = \"/dev/ttyUSB0\"
ecu_id = \"D8A3011B9780\"
inverters = [\"408000990001\"]

[[aps_zigbee]]
port = \"/dev/ttyUSB1\"
ecu_id = \"A1B2011B9780\"
inverters = [\"703000990002\"]
";

    #[test]
    fn what_is_said_on_the_command_line_comes_first() {
        let mut args = args(None, &["port=/dev/ttyUSB3", "ecu_id=D8A3011B9780"]);
        let (config, port) = args.settings(None).unwrap();
        assert_eq!(port, "/dev/ttyUSB3".parse().unwrap());
        assert_eq!(config.ecu_id, "D8A3011B9780".parse().ok());
        args.port = Some("/dev/ttyUSB4".to_owned());
        args.ecu_id = "A1B2011B9780".parse().ok();
        let (config, port) = args.settings(None).unwrap();
        assert_eq!(port, "/dev/ttyUSB4".parse().unwrap());
        assert_eq!(config.ecu_id, args.ecu_id);
    }

    #[test]
    fn what_a_stick_is_needed_for_by_a_bridge_alone_need_not_be_said() {
        let pairs = [
            "port=/dev/ttyUSB3",
            "listen_only=true",
            "addresses.408000990001=0x7C3A",
        ];
        let (config, _) = args(None, &pairs).settings(None).unwrap();
        assert!(config.listen_only && config.addresses.len() == 1);
    }

    #[test]
    fn the_section_of_the_inverter_or_of_the_port_is_taken() {
        let file = file(TWO);
        let mut args = args(Some(file.path().to_owned()), &[]);
        let (config, _) = args.settings("703000990002".parse().ok()).unwrap();
        assert_eq!(config.ecu_id, "A1B2011B9780".parse().ok());
        let unclear = args.settings("703000990009".parse().ok()).unwrap_err();
        assert!(unclear.to_string().contains("--port"), "{unclear}");
        args.port = Some("/dev/ttyUSB0".to_owned());
        let (config, _) = args.settings(None).unwrap();
        assert_eq!(config.ecu_id, "D8A3011B9780".parse().ok());
    }

    #[test]
    fn what_is_missing_is_asked_for() {
        let error = args(None, &[]).settings(None).unwrap_err();
        assert!(error.to_string().contains("wattbridge ports"), "{error}");
        let empty = file("");
        let error = args(Some(empty.path().to_owned()), &[])
            .settings(None)
            .unwrap_err();
        assert!(error.to_string().contains("no section"), "{error}");
    }

    #[test]
    fn a_port_that_is_used_is_no_mishap() {
        let error = port_trouble(&LinkError::Busy("/dev/ttyUSB0".to_owned()));
        assert!(error.to_string().contains("press Pair"), "{error}");
    }
}
