//! What frames are called and what is in them, for people who look for a mistake: in a few words
//! ([`FrameWords`], as a console shows them), or byte by byte ([`annotate_frame`], [`annotate_payload`]).

mod layout;
mod words;

use std::fmt::Display;

use self::layout::{LayoutField, fields_of};
use super::ids::{InverterSerial, ShortAddress};
use super::payload::{
    AnswerContent, InverterAnswer, L2Part, PAIRED_CLUSTER, PairingRequest, PanelTelemetry,
    StatusBits,
};
use super::znp::{AfForeign, AfIncoming, AfSend, ZnpFrame, ZnpMessage, ZnpRequest};
use crate::hex::{Dump, Hex};
use crate::model::Decimal;

pub use self::words::{FrameSide, FrameWords, frame_name, opened_words, says};

/// Columns of the names of fields.
const NAMES: usize = 18;

/// Describes every byte of a frame, one line a field: offset in the frame, bytes, name, value. Each byte appears
/// exactly once; what is not understood is labelled so.
#[must_use]
pub fn annotate_frame(frame: ZnpFrame<'_>) -> String {
    let Some(bytes) = super::znp::encode_frame(frame.command, frame.data) else {
        return String::new();
    };
    let mut dump = Dump::new(&bytes, NAMES);
    dump.field(1, "start", "");
    dump.field(1, "length", format_args!("{} bytes", frame.data.len()));
    let side = FrameSide::of(frame);
    let name = frame_name(frame.command);
    dump.field(2, "command", format_args!("{name}, {side}"));
    match side {
        FrameSide::Host => request(&mut dump, frame),
        FrameSide::Stick => message(&mut dump, frame),
    }
    let end = bytes.len().saturating_sub(1);
    dump.field(end.saturating_sub(dump.at()), "not understood", "");
    dump.field(1, "check sum", "right");
    dump.finish()
}

/// The same of what the radio carries, without a frame around it.
#[must_use]
pub fn annotate_payload(data: &[u8]) -> String {
    let mut dump = Dump::new(data, NAMES);
    payload(&mut dump, data);
    dump.finish()
}

/// What a host sends.
fn request(dump: &mut Dump<'_>, frame: ZnpFrame<'_>) {
    match ZnpRequest::decode(frame) {
        ZnpRequest::Loopback(data) => dump.field(data.len(), "data", "to be sent back"),
        ZnpRequest::Reset(kind) => dump.field(1, "kind", format_args!("{kind:02X}")),
        ZnpRequest::WriteConfiguration { item, value } => {
            dump.field(1, "item", words::item_name(item));
            dump.field(1, "length", format_args!("{} bytes", value.len()));
            dump.field(value.len(), "value", words::item_value(item, &value));
        }
        ZnpRequest::Register(endpoint) => {
            dump.field(1, "endpoint", endpoint.number);
            dump.field(2, "profile", format_args!("{:04X}", endpoint.profile));
            dump.field(2, "device", format_args!("{:04X}", endpoint.device));
            dump.field(1, "version", endpoint.version);
            dump.field(1, "latency", endpoint.latency);
            for (name, clusters) in [
                ("clusters in", &endpoint.inputs),
                ("clusters out", &endpoint.outputs),
            ] {
                let list: Vec<String> = clusters.iter().map(|it| format!("{it:04X}")).collect();
                dump.field(1 + 2 * clusters.len(), name, list.join(", "));
            }
        }
        ZnpRequest::Send(message) => sent(dump, &message),
        ZnpRequest::SendForeign(message) => sent_to_all(dump, &message),
        ZnpRequest::Ping
        | ZnpRequest::Version
        | ZnpRequest::Start
        | ZnpRequest::DeviceInfo
        | ZnpRequest::DeviceInfoByAnswer
        | ZnpRequest::Other { .. } => {}
    }
}

fn sent(dump: &mut Dump<'_>, message: &AfSend) {
    dump.field(2, "destination", words::place(message.destination));
    dump.field(1, "to endpoint", message.destination_endpoint);
    dump.field(1, "from endpoint", message.source_endpoint);
    dump.field(2, "cluster", format_args!("{:04X}", message.cluster));
    dump.field(1, "transaction", message.transaction);
    dump.field(1, "options", format_args!("{:02X}", message.options));
    dump.field(1, "radius", message.radius);
    dump.field(1, "length", format_args!("{} bytes", message.data.len()));
    payload(dump, &message.data);
}

fn sent_to_all(dump: &mut Dump<'_>, message: &AfForeign) {
    dump.field(1, "address mode", format_args!("{:02X}", message.mode));
    dump.field(8, "destination", "");
    dump.field(1, "to endpoint", message.destination_endpoint);
    dump.field(2, "network", format_args!("{:04X}", message.network));
    dump.field(1, "from endpoint", message.source_endpoint);
    dump.field(2, "cluster", format_args!("{:04X}", message.cluster));
    dump.field(1, "transaction", message.transaction);
    dump.field(1, "options", format_args!("{:02X}", message.options));
    dump.field(1, "radius", message.radius);
    dump.field(2, "length", format_args!("{} bytes", message.data.len()));
    let said = says(ShortAddress::GATEWAY, message.cluster, &message.data);
    dump.field(message.data.len(), "data", said.join("; "));
}

/// What a stick sends.
fn message(dump: &mut Dump<'_>, frame: ZnpFrame<'_>) {
    match ZnpMessage::decode(frame) {
        ZnpMessage::Pong(bits) => dump.field(2, "capabilities", format_args!("{bits:04X}")),
        ZnpMessage::Loopback(data) => dump.field(data.len(), "data", "sent back"),
        ZnpMessage::Version(version) => {
            dump.field(1, "protocol", version.transport);
            dump.field(1, "product", words::product(version.product));
            dump.field(1, "major", version.major);
            dump.field(1, "minor", version.minor);
            dump.field(1, "maintenance", version.maintenance);
            if let Some(revision) = version.revision {
                dump.field(4, "revision", revision);
            }
        }
        ZnpMessage::Reset(reset) => {
            dump.field(1, "reason", words::reset_reason(reset.reason));
            dump.field(1, "protocol", reset.transport);
            dump.field(1, "product", words::product(reset.product));
            dump.field(1, "major", reset.major);
            dump.field(1, "minor", reset.minor);
            dump.field(1, "hardware", reset.hardware);
        }
        ZnpMessage::Written(status)
        | ZnpMessage::Registered(status)
        | ZnpMessage::Sending(status)
        | ZnpMessage::SendingForeign(status) => dump.field(1, "status", status),
        ZnpMessage::State(state) => dump.field(1, "state", state),
        ZnpMessage::DeviceInfo(info) => {
            dump.field(1, "status", info.status);
            dump.field(8, "IEEE address", words::radio_address(info.ieee));
            dump.field(2, "address", info.address);
            dump.field(1, "device types", format_args!("{:02X}", info.kind));
            dump.field(1, "state", info.state);
            dump.field(1, "children", info.children.len());
            for child in &info.children {
                dump.field(2, "child", child);
            }
        }
        ZnpMessage::Confirm {
            status,
            endpoint,
            transaction,
        } => {
            dump.field(1, "status", status);
            dump.field(1, "endpoint", endpoint);
            dump.field(1, "transaction", transaction);
        }
        ZnpMessage::Route {
            destination,
            relays,
        } => {
            dump.field(2, "destination", destination);
            dump.field(1, "relays", relays.len());
            for relay in &relays {
                dump.field(2, "relay", relay);
            }
        }
        ZnpMessage::Incoming(incoming) => heard(dump, &incoming),
        ZnpMessage::Refused { reason, command } => {
            dump.field(1, "reason", words::refusal(reason));
            dump.field(
                2,
                "of command",
                format_args!("{command:04X} {}", frame_name(command)),
            );
        }
        ZnpMessage::Starting | ZnpMessage::Other { .. } => {}
    }
}

fn heard(dump: &mut Dump<'_>, incoming: &AfIncoming) {
    dump.field(2, "group", format_args!("{:04X}", incoming.group));
    dump.field(2, "cluster", format_args!("{:04X}", incoming.cluster));
    dump.field(2, "source", words::place(incoming.source));
    dump.field(1, "from endpoint", incoming.source_endpoint);
    dump.field(1, "to endpoint", incoming.destination_endpoint);
    dump.field(1, "was broadcast", incoming.broadcast);
    dump.field(1, "link quality", words::quality(incoming.lqi));
    dump.field(1, "security", incoming.security);
    dump.field(4, "time stamp", incoming.timestamp);
    dump.field(1, "sequence", incoming.sequence);
    dump.field(1, "length", format_args!("{} bytes", incoming.data.len()));
    let is_pairing = incoming.cluster == PAIRED_CLUSTER
        || PairingRequest::read(incoming.cluster, &incoming.data).is_some();
    if is_pairing {
        let said = says(incoming.source, incoming.cluster, &incoming.data);
        dump.field(incoming.data.len(), "data", said.join("; "));
    } else {
        payload(dump, &incoming.data);
    }
    dump.field(2, "last hop", incoming.last_hop);
    dump.field(1, "radius left", incoming.radius);
}

/// What the radio carries: who speaks, and an envelope.
fn payload(dump: &mut Dump<'_>, data: &[u8]) {
    let envelope = data.get(6..).unwrap_or_default();
    let Ok(part) = L2Part::read(envelope) else {
        let why = match (L2Part::read(envelope), InverterAnswer::decode(data)) {
            (_, Ok(answer)) => {
                speaker(dump, data);
                return match answer.content {
                    AnswerContent::Sealed(sealed) => {
                        let opened = opened_words(answer.serial, &sealed);
                        let opened =
                            opened.map(|words| format!("experimentally: {}", words.join("; ")));
                        dump.field(sealed.gate.iter().count(), "gate", "encrypted");
                        dump.field(6, "nonce", "");
                        dump.field(sealed.sealed.len(), "encrypted", opened.unwrap_or_default());
                    }
                    _ => dump.field(envelope.len(), "data", ""),
                };
            }
            (Err(fault), Err(_)) if envelope.starts_with(&[0xfb, 0xfb]) => fault.to_string(),
            _ => String::new(),
        };
        return dump.field(data.len(), "data", why);
    };
    speaker(dump, data);
    dump.field(2, "envelope", "");
    dump.field(1, "length", format_args!("{} bytes", part.length()));
    let command = words::command_name(data, part);
    dump.field(1, "command", format_args!("{:02X} {command}", part.command));
    let answer = InverterAnswer::decode(data);
    match &answer {
        Ok(InverterAnswer {
            content: AnswerContent::Telemetry(telemetry),
            ..
        }) => measured(dump, telemetry, data),
        Ok(answer) => dump.field(
            part.body.len(),
            "body",
            words::answer_words(answer).join("; "),
        ),
        Err(_) => dump.field(part.body.len(), "body", ""),
    }
    let sum = match (part.checked(), part.sum) {
        (Ok(_), _) => "right".to_owned(),
        (Err(_), 0) => "not computed".to_owned(),
        (Err(fault), _) => fault.to_string(),
    };
    dump.field(2, "sum", sum);
    dump.field(2, "end", "");
}

fn speaker(dump: &mut Dump<'_>, data: &[u8]) {
    let Some(bytes) = data.first_chunk::<6>() else {
        return;
    };
    // An id may have nothing but decimal digits, too; whose it is follows from what is said.
    let is_request = words::is_request(data);
    match InverterSerial::of_wire(*bytes).filter(|_| !is_request) {
        Some(serial) => dump.field(6, "inverter", serial),
        None => {
            let mut id = *bytes;
            id.reverse();
            dump.field(6, "ECU id", format_args!("{:X}", Hex::of(&id)));
        }
    }
}

/// The fields of what an inverter measures, in their places.
fn measured(dump: &mut Dump<'_>, telemetry: &PanelTelemetry, data: &[u8]) {
    let begin = dump.at();
    // In the application data, the body begins behind speaker, envelope, length and command.
    let place = |at: usize| begin + at.saturating_sub(10);
    let end = place(data.len().saturating_sub(4));
    for &(at, length, field) in fields_of(telemetry.layout) {
        let gap = place(at).saturating_sub(dump.at());
        dump.field(gap, "not understood", "");
        let (name, value) = described(telemetry, field);
        dump.field(length, &name, value);
    }
    dump.field(end.saturating_sub(dump.at()), "not understood", "");
}

fn described(telemetry: &PanelTelemetry, field: LayoutField) -> (String, String) {
    let input = |index: usize| telemetry.inputs.get(index);
    let letter = super::payload::input_letter;
    let value = |value: Option<Decimal>, unit: &str| match value {
        Some(value) => format!("{value} {unit}"),
        None => "unknown".to_owned(),
    };
    let number = |value: Option<i64>, unit: &str| value_or_unknown(value, unit);
    match field {
        LayoutField::Kind => ("kind".to_owned(), String::new()),
        LayoutField::Model => {
            let model = telemetry.model.map(|it| format!("{it:02X}"));
            ("model".to_owned(), model.unwrap_or_default())
        }
        LayoutField::Firmware => {
            let firmware = telemetry.firmware.map(|it| it.to_string());
            ("firmware".to_owned(), firmware.unwrap_or_default())
        }
        LayoutField::Temperature => ("temperature".to_owned(), value(telemetry.temperature, "°C")),
        LayoutField::Frequency => ("frequency".to_owned(), value(telemetry.frequency, "Hz")),
        LayoutField::GridVoltage => (
            "grid voltage".to_owned(),
            value(telemetry.grid_voltage, "V"),
        ),
        LayoutField::Clock => ("clock".to_owned(), format!("{} s", telemetry.clock)),
        LayoutField::Status => ("status".to_owned(), events(telemetry.status)),
        LayoutField::Power => (
            "power".to_owned(),
            number(telemetry.ac_power.map(i64::from), "W"),
        ),
        LayoutField::Reactive => (
            "reactive power".to_owned(),
            number(telemetry.reactive_power.map(i64::from), "var"),
        ),
        LayoutField::State => {
            let state = telemetry.producing();
            (
                "state".to_owned(),
                state.map(words::producing).unwrap_or_default(),
            )
        }
        LayoutField::Links => ("links".to_owned(), String::new()),
        LayoutField::Voltage(index) => (
            format!("{} voltage", letter(index)),
            value(input(index).map(|it| it.voltage), "V"),
        ),
        LayoutField::Current(index) => (
            format!("{} current", letter(index)),
            value(input(index).map(|it| it.current), "A"),
        ),
        LayoutField::Packed(index) => {
            let (volts, amperes) = (
                value(input(index).map(|it| it.voltage), "V"),
                value(input(index).map(|it| it.current), "A"),
            );
            (
                format!("{} input", letter(index)),
                format!("{volts}, {amperes}"),
            )
        }
        LayoutField::Counter(index) => {
            let energy = telemetry.energies().get(index).copied().unwrap_or_default();
            let since = format!("{} Wh since it started", words::watt_hours(energy));
            (format!("{} counter", letter(index)), since)
        }
    }
}

fn value_or_unknown(value: Option<impl Display>, unit: &str) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| format!("{value} {unit}"))
}

/// What bits of a status say.
fn events(status: StatusBits) -> String {
    let named: Vec<String> = status
        .events()
        .map(|event| {
            let doubt = if event.is_sure { "" } else { " (not sure)" };
            format!("{}{doubt}", event.text)
        })
        .collect();
    if named.is_empty() && status.unnamed().is_none() {
        return "nothing particular".to_owned();
    }
    if named.is_empty() {
        return "bits without a name".to_owned();
    }
    named.join(", ")
}

#[cfg(test)]
mod tests;
