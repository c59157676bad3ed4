//! What can be typed, and which of it may be sent without leave.

use super::super::super::radio::Outgoing;
use super::super::super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use super::super::super::wire::payload::{InverterCommand, PairingRequest, SettingsPage};
use super::super::super::wire::znp::{
    AfForeign, AfSend, ZnpFrame, ZnpKind, ZnpRequest, encode_frame,
};
use crate::hex;

/// What is shown for `help`.
pub const HELP: &str = "\
health                how the coordinator in the stick is
ping, version         which firmware the stick has
loopback              whether the wires are right: the stick sends AA BB CC back
start [ECU-ID]        brings the coordinator up; takes it over if it runs already
poll INVERTER         asks what it measures
info INVERTER         asks for its model and firmware; not too often
limit INVERTER        reads how much each input may give
page INVERTER A|B|C   reads a page of its settings
raw HEX               sends a command and its data; start, length and check sum are added
help, quit
Only with --allow-control:
limit INVERTER WATTS  sets how much each input may give, and reads it back
on INVERTER, off INVERTER
INVERTER is a serial number, or an address such as 0x7C3A.";

/// Whom a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypedTarget {
    /// By its serial number.
    Serial(InverterSerial),
    /// By its address.
    Address(ShortAddress),
}

/// A line that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypedLine {
    /// Nothing.
    Empty,
    Help,
    Quit,
    /// Asks the stick something.
    Ask(ZnpRequest),
    /// Brings the coordinator up.
    Start(Option<EcuId>),
    /// Asks an inverter something.
    Inverter(TypedTarget, InverterCommand),
    /// Sets a limit in W.
    Limit(TypedTarget, u16),
    /// Switches on or off.
    Switch(TypedTarget, bool),
    /// A frame as it is.
    Raw(ZnpRequest),
}

impl TypedLine {
    /// Reads a line.
    ///
    /// # Errors
    /// In words, what is wrong with it.
    pub fn read(line: &str) -> Result<Self, String> {
        if line.contains(char::REPLACEMENT_CHARACTER) {
            return Err(
                "this line was not understood: it is too long, or has bytes that are no text; help says what to type"
                    .to_owned(),
            );
        }
        let mut words = line.split_whitespace();
        let Some(name) = words.next() else {
            return Ok(Self::Empty);
        };
        let rest: Vec<&str> = words.collect();
        let of_inverter = |command: InverterCommand| match rest[..] {
            [target] => Ok(Self::Inverter(read_target(target)?, command)),
            _ => Err(format!(
                "write {name} and one inverter, by its serial number or its address: {name} 0x7C3A"
            )),
        };
        let of_stick = |request: ZnpRequest| {
            if rest.is_empty() {
                Ok(Self::Ask(request))
            } else {
                Err(format!("{name} stands alone"))
            }
        };
        match name.to_ascii_lowercase().as_str() {
            "help" | "?" => Ok(Self::Help),
            "quit" | "exit" => Ok(Self::Quit),
            "health" => of_stick(ZnpRequest::DeviceInfo),
            "ping" => of_stick(ZnpRequest::Ping),
            "version" => of_stick(ZnpRequest::Version),
            "loopback" => of_stick(ZnpRequest::Loopback(vec![0xaa, 0xbb, 0xcc])),
            "start" => match rest[..] {
                [] => Ok(Self::Start(None)),
                [id] => id.parse().map(|id| Self::Start(Some(id))).map_err(
                    |error: crate::adapters::aps_zigbee::wire::ids::NumberError| error.to_string(),
                ),
                _ => Err("write start, or start and the id of the network".to_owned()),
            },
            "poll" => of_inverter(InverterCommand::Poll),
            "info" => of_inverter(InverterCommand::Info),
            "limit" => match rest[..] {
                [target, watts] => watts
                    .parse()
                    .ok()
                    .filter(|watts| (20..=600).contains(watts))
                    .ok_or_else(|| "a limit is a number of watts from 20 to 600".to_owned())
                    .and_then(|watts| Ok(Self::Limit(read_target(target)?, watts))),
                _ => of_inverter(InverterCommand::Settings(SettingsPage::B)),
            },
            "page" => match rest[..] {
                [target, page] => Ok(Self::Inverter(
                    read_target(target)?,
                    InverterCommand::Settings(read_page(page)?),
                )),
                _ => Err("write page, an inverter, and A, B or C: page 0x7C3A B".to_owned()),
            },
            "on" | "off" => match rest[..] {
                [target] => Ok(Self::Switch(
                    read_target(target)?,
                    name.eq_ignore_ascii_case("on"),
                )),
                _ => Err(format!("write {name} and one inverter")),
            },
            "raw" => read_raw(&rest.concat()).map(Self::Raw),
            _ => Err(format!(
                "\"{name}\" is nothing to type here; help says what is"
            )),
        }
    }

    /// Whether it goes on the air, or might.
    pub fn is_sent_on(&self) -> bool {
        match self {
            Self::Start(_) | Self::Inverter(..) | Self::Limit(..) | Self::Switch(..) => true,
            Self::Raw(request) => {
                let is_message = matches!(
                    request,
                    ZnpRequest::Send(_) | ZnpRequest::SendForeign(_) | ZnpRequest::Start
                );
                is_message || !is_harmless(request)
            }
            Self::Empty | Self::Help | Self::Quit | Self::Ask(_) => false,
        }
    }

    /// Whether it changes something in an inverter, or might.
    pub fn is_write(&self) -> bool {
        match self {
            Self::Limit(..) | Self::Switch(..) => true,
            Self::Inverter(_, command) => command.is_write(),
            Self::Raw(request) => !is_harmless(request),
            Self::Empty | Self::Help | Self::Quit | Self::Ask(_) | Self::Start(_) => false,
        }
    }
}

fn read_target(text: &str) -> Result<TypedTarget, String> {
    if let Ok(serial) = text.parse() {
        return Ok(TypedTarget::Serial(serial));
    }
    match text.parse::<ShortAddress>() {
        Ok(address) if address.is_of_inverter() => Ok(TypedTarget::Address(address)),
        Ok(address) => Err(format!("{address} is not the address of an inverter")),
        Err(_) => Err(format!(
            "\"{text}\" is neither a serial number of 12 digits nor an address such as 0x7C3A"
        )),
    }
}

fn read_page(text: &str) -> Result<SettingsPage, String> {
    match text.to_ascii_uppercase().as_str() {
        "A" => Ok(SettingsPage::A),
        "B" => Ok(SettingsPage::B),
        "C" => Ok(SettingsPage::C),
        _ => Err("there are the pages A, B and C".to_owned()),
    }
}

/// A command and its data, or a whole frame.
fn read_raw(digits: &str) -> Result<ZnpRequest, String> {
    let bytes = hex::bytes(digits)
        .ok_or("write pairs of hexadecimal digits, first the command: raw 2710 AABBCC")?;
    if let Ok(frame) = ZnpFrame::exactly(&bytes) {
        return Ok(ZnpRequest::decode(frame));
    }
    let (command, data) = bytes
        .split_first_chunk()
        .ok_or("write the command in four digits, and its data: raw 2710 AABBCC")?;
    let command = u16::from_be_bytes(*command);
    if encode_frame(command, data).is_none() {
        return Err("a frame has 250 bytes of data at most".to_owned());
    }
    Ok(ZnpRequest::decode(ZnpFrame { command, data }))
}

/// Whether nothing on the air is changed by it, as far as that can be told. What goes to inverters is harmless only
/// if it can be read, and asks.
fn is_harmless(request: &ZnpRequest) -> bool {
    match request {
        ZnpRequest::Send(AfSend { cluster, data, .. })
        | ZnpRequest::SendForeign(AfForeign { cluster, data, .. }) => {
            let is_pairing = PairingRequest::read(*cluster, data).is_some();
            let asks = |(_, command): ([u8; 6], InverterCommand)| !command.is_write();
            is_pairing || InverterCommand::read(data).is_ok_and(asks)
        }
        ZnpRequest::Other { command, data } => {
            let frame = ZnpFrame {
                command: *command,
                data,
            };
            // Of the parts of a firmware: MAC, AF, ZDO and whatever is not known may send.
            let part = command >> 8 & 0x1f;
            match (frame.kind(), part) {
                // The reading of a message by the simple API may be harmless, but 03 sends one.
                (ZnpKind::Question, 6) => *command & 0xff != 0x03,
                (ZnpKind::Question | ZnpKind::Event, 1 | 7) => true,
                (ZnpKind::Question, 5) => matches!(*command, 0x2540 | 0x2550),
                _ => false,
            }
        }
        ZnpRequest::Ping
        | ZnpRequest::Version
        | ZnpRequest::Loopback(_)
        | ZnpRequest::Reset(_)
        | ZnpRequest::WriteConfiguration { .. }
        | ZnpRequest::Start
        | ZnpRequest::Register(_)
        | ZnpRequest::DeviceInfo
        | ZnpRequest::DeviceInfoByAnswer => true,
    }
}

/// What a stick is asked so that a message goes to one inverter.
pub fn to_inverter(message: Outgoing) -> Option<ZnpRequest> {
    match message {
        Outgoing::To {
            address,
            cluster,
            data,
        } => Some(ZnpRequest::Send(AfSend::of_gateway(address, cluster, data))),
        Outgoing::Unjoined { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::adapters::aps_zigbee::wire::payload::{LimitScale, REQUEST_CLUSTER};
    use crate::hex::Hex;

    fn read(line: &str) -> TypedLine {
        TypedLine::read(line).unwrap()
    }

    fn gateway() -> EcuId {
        "D8A3011B9780".parse().unwrap()
    }

    fn raw_of(command: InverterCommand) -> TypedLine {
        let request = to_inverter(Outgoing::To {
            address: ShortAddress(0x7c3a),
            cluster: REQUEST_CLUSTER,
            data: command.data(gateway()),
        });
        let frame = request.unwrap().encode().unwrap();
        // As a command and its data, as people paste it.
        let middle = &frame[2..frame.len() - 1];
        let line = format!("raw {:X}", Hex::of(middle));
        let typed = read(&line);
        assert_eq!(typed, read(&format!("raw {:X}", Hex::of(&frame).with(" "))));
        typed
    }

    #[test]
    fn lines_are_read() {
        assert_eq!(read("  "), TypedLine::Empty);
        assert_eq!(read("PING"), TypedLine::Ask(ZnpRequest::Ping));
        assert_eq!(
            read("start d8a3011b9780"),
            TypedLine::Start(Some(gateway()))
        );
        let address = TypedTarget::Address(ShortAddress(0x7c3a));
        assert_eq!(
            read("poll 0x7C3A"),
            TypedLine::Inverter(address, InverterCommand::Poll)
        );
        assert_eq!(read("limit 7c3a 300"), TypedLine::Limit(address, 300));
        let serial = TypedTarget::Serial("408000990001".parse().unwrap());
        assert_eq!(
            read("limit 408000990001"),
            TypedLine::Inverter(serial, InverterCommand::Settings(SettingsPage::B))
        );
        assert_eq!(
            read("raw 27 10 AA BB CC"),
            TypedLine::Raw(ZnpRequest::Loopback(vec![0xaa, 0xbb, 0xcc]))
        );
    }

    #[test]
    fn what_cannot_be_read_says_how_to_write_it() {
        for (line, words) in [
            ("pol", "help says"),
            ("poll", "0x7C3A"),
            ("poll 0x0000", "not the address"),
            ("poll 12345", "12 digits"),
            ("limit 0x7C3A 5", "from 20 to 600"),
            ("raw", "four digits"),
            ("raw 2", "pairs"),
            ("start 12", "12 hexadecimal"),
            ("page 0x7C3A D", "A, B and C"),
            ("ping 1", "alone"),
        ] {
            let error = TypedLine::read(line).unwrap_err();
            assert!(error.contains(words), "{line}: {error}");
        }
    }

    #[test]
    fn what_changes_an_inverter_is_known_however_it_is_written() {
        for command in [
            InverterCommand::Poll,
            InverterCommand::Info,
            InverterCommand::Settings(SettingsPage::B),
            InverterCommand::NormalOperation,
        ] {
            assert!(!raw_of(command).is_write(), "{command:?}");
        }
        let limit = LimitScale::Ds3.of_watts(300).unwrap();
        for command in [
            InverterCommand::Limit(limit),
            InverterCommand::LimitAll(limit),
            InverterCommand::SwitchOn,
            InverterCommand::SwitchOff,
            InverterCommand::SwitchAllOff,
        ] {
            assert!(raw_of(command).is_write(), "{command:?}");
        }
        for line in ["limit 0x7C3A 300", "on 0x7C3A", "off 0x7C3A"] {
            assert!(read(line).is_write(), "{line}");
        }
        // Cannot be read as a message, or not as a question, or sends in another way.
        for line in [
            "raw 2401 3A7C",
            "raw 2401 3A7C14140600010 00F01AA",
            "raw 2603 00",
            "raw 2205 00",
            "raw 2534 00",
            "raw 2403 00",
            "raw 4481 00",
        ] {
            assert!(read(line).is_write(), "{line}");
        }
        for line in [
            "raw 2101",
            "raw 410000",
            "raw 26040100",
            "raw 2700",
            "limit 0x7C3A",
        ] {
            assert!(!read(line).is_write(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_body_passes_that_is_not_a_question(command: u8, body: [u8; 5]) {
            let data = [&gateway().reversed()[..], &crate::adapters::aps_zigbee::wire::payload::l2(command, &body)].concat();
            let request = to_inverter(Outgoing::To { address: ShortAddress(1), cluster: REQUEST_CLUSTER, data }).unwrap();
            let asks = matches!(command, 0xbb | 0xdc | 0xdd | 0xde | 0xd9);
            prop_assert_eq!(TypedLine::Raw(request).is_write(), !asks);
        }

        #[test]
        fn any_line_is_read(line: String) {
            let _ = TypedLine::read(&line).map(|typed| typed.is_write());
        }
    }
}
