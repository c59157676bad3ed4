//! Frames in a few words.

use std::fmt;

use crate::adapters::aps_zigbee::wire::ids::{InverterSerial, ShortAddress};
use crate::adapters::aps_zigbee::wire::payload::{
    AnswerContent, InverterAnswer, InverterCommand, L2Part, PAIRED_CLUSTER, PairingRequest,
    PanelTelemetry, ProducingState, Sealed, SettingsPage, input_letter,
};
use crate::adapters::aps_zigbee::wire::znp::{
    AfIncoming, DeviceInfo, ZnpFrame, ZnpKind, ZnpMessage, ZnpRequest,
};
use crate::hex::Hex;
use crate::model::Decimal;

/// Commands that are used here, or seen, by their names in the descriptions of ZNP.
const FRAME_NAMES: &[(u16, &str)] = &[
    (0x2101, "SYS_PING"),
    (0x2102, "SYS_VERSION"),
    (0x2400, "AF_REGISTER"),
    (0x2401, "AF_DATA_REQUEST"),
    (0x2402, "AF_DATA_REQUEST_EXT"),
    (0x2540, "ZDO_STARTUP_FROM_APP"),
    (0x2600, "ZB_START_REQUEST"),
    (0x2604, "ZB_READ_CONFIGURATION"),
    (0x2605, "ZB_WRITE_CONFIGURATION"),
    (0x2606, "ZB_GET_DEVICE_INFO"),
    (0x2700, "UTIL_GET_DEVICE_INFO"),
    (0x2710, "UTIL_LOOPBACK"),
    (0x4100, "SYS_RESET_REQ"),
    (0x4180, "SYS_RESET_IND"),
    (0x4480, "AF_DATA_CONFIRM"),
    (0x4481, "AF_INCOMING_MSG"),
    (0x45c0, "ZDO_STATE_CHANGE_IND"),
    (0x45c4, "ZDO_SRC_RTG_IND"),
    (0x6000, "RPC_ERROR"),
];

/// What a frame is called; an answer is called like its question.
#[must_use]
pub fn frame_name(command: u16) -> &'static str {
    let of = |wanted: u16| FRAME_NAMES.iter().find(|(known, _)| *known == wanted);
    // An answer has the command of its question, but for the kind.
    let found = of(command).or_else(|| of(command & 0x1fff | 0x2000));
    found.map_or("not known", |(_, name)| *name)
}

/// Who sends such a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameSide {
    /// The program.
    Host,
    /// The stick.
    Stick,
}

impl FrameSide {
    /// That of a frame.
    #[must_use]
    pub const fn of(frame: ZnpFrame<'_>) -> Self {
        match (frame.kind(), frame.command, frame.data) {
            // These two are questions of another kind.
            (ZnpKind::Question, ..) | (_, 0x4100, _) | (_, 0x6700, []) => Self::Host,
            _ => Self::Stick,
        }
    }

    /// For programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Stick => "stick",
        }
    }
}

impl fmt::Display for FrameSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "to the stick",
            Self::Stick => "from the stick",
        })
    }
}

/// A frame in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameWords {
    /// Who sends it.
    pub side: FrameSide,
    /// What it is called.
    pub name: &'static str,
    /// What is in it, in a line; empty if nothing is.
    pub summary: String,
    /// What more there is to say, each in a line.
    pub details: Vec<String>,
}

impl FrameWords {
    /// Those of a frame.
    #[must_use]
    pub fn of(frame: ZnpFrame<'_>) -> Self {
        let side = FrameSide::of(frame);
        let (summary, details) = match side {
            FrameSide::Host => request(frame),
            FrameSide::Stick => message(frame),
        };
        let name = frame_name(frame.command);
        let summary = match name {
            "not known" => format!("{:04X}: {summary}", frame.command),
            _ => summary,
        };
        Self {
            side,
            name,
            summary,
            details,
        }
    }
}

fn request(frame: ZnpFrame<'_>) -> (String, Vec<String>) {
    let alone = |words: String| (words, Vec::new());
    match ZnpRequest::decode(frame) {
        ZnpRequest::Ping
        | ZnpRequest::Version
        | ZnpRequest::Start
        | ZnpRequest::DeviceInfo
        | ZnpRequest::DeviceInfoByAnswer => alone(String::new()),
        ZnpRequest::Reset(kind) => alone(format!("kind {kind:02X}")),
        ZnpRequest::WriteConfiguration { item, value } => {
            alone(format!("{}: {}", item_name(item), item_value(item, &value)))
        }
        ZnpRequest::Register(endpoint) => alone(format!(
            "endpoint {}, profile {:04X}",
            endpoint.number, endpoint.profile
        )),
        ZnpRequest::Send(message) => (
            format!(
                "to {}, cluster {:04X}",
                place(message.destination),
                message.cluster
            ),
            says(ShortAddress::GATEWAY, message.cluster, &message.data),
        ),
        ZnpRequest::SendForeign(message) => (
            format!(
                "to all in network {:04X}, cluster {:04X}",
                message.network, message.cluster
            ),
            says(ShortAddress::GATEWAY, message.cluster, &message.data),
        ),
        ZnpRequest::Loopback(data) | ZnpRequest::Other { data, .. } => {
            alone(format!("{:X}", Hex::of(&data)))
        }
    }
}

fn message(frame: ZnpFrame<'_>) -> (String, Vec<String>) {
    let alone = |words: String| (words, Vec::new());
    match ZnpMessage::decode(frame) {
        ZnpMessage::Pong(bits) => alone(format!("capabilities {bits:04X}")),
        ZnpMessage::Version(version) => {
            let (major, minor) = (version.major, version.minor);
            let revision = version.revision.map(|it| format!(", revision {it}"));
            alone(format!(
                "{}, version {major}.{minor}.{}{}",
                product(version.product),
                version.maintenance,
                revision.unwrap_or_default()
            ))
        }
        ZnpMessage::Reset(reset) => alone(format!(
            "{}; {}, version {}.{}, hardware {}",
            reset_reason(reset.reason),
            product(reset.product),
            reset.major,
            reset.minor,
            reset.hardware
        )),
        ZnpMessage::Written(status)
        | ZnpMessage::Registered(status)
        | ZnpMessage::Sending(status)
        | ZnpMessage::SendingForeign(status)
        | ZnpMessage::Confirm { status, .. } => alone(format!("status {status}")),
        ZnpMessage::Starting => alone(String::new()),
        ZnpMessage::State(state) => alone(state.to_string()),
        ZnpMessage::DeviceInfo(info) => alone(device_info(&info)),
        ZnpMessage::Route {
            destination,
            relays,
        } => {
            let through: Vec<String> = relays.iter().map(ToString::to_string).collect();
            alone(match &through[..] {
                [] => format!("{destination} is heard directly"),
                through => format!("{destination} is heard through {}", through.join(", ")),
            })
        }
        ZnpMessage::Incoming(incoming) => (
            incoming_summary(&incoming),
            says(incoming.source, incoming.cluster, &incoming.data),
        ),
        ZnpMessage::Refused { reason, command } => alone(format!(
            "{command:04X} {} is refused: {}",
            frame_name(command),
            refusal(reason)
        )),
        ZnpMessage::Loopback(data) | ZnpMessage::Other { data, .. } => {
            alone(format!("{:X}", Hex::of(&data)))
        }
    }
}

fn device_info(info: &DeviceInfo) -> String {
    let children = match info.children.len() {
        0 => String::new(),
        count => format!(", {count} children"),
    };
    format!(
        "status {}, {}, address {}, types {:02X}, {}{children}",
        info.status,
        radio_address(info.ieee),
        info.address,
        info.kind,
        info.state
    )
}

fn incoming_summary(incoming: &AfIncoming) -> String {
    let way = if incoming.last_hop == incoming.source {
        "heard directly".to_owned()
    } else {
        format!("passed on by {}", incoming.last_hop)
    };
    format!(
        "from {}, cluster {:04X}, link quality {}, {way}",
        place(incoming.source),
        incoming.cluster,
        quality(incoming.lqi)
    )
}

/// What application data say, whoever says it: in a line or a few.
#[must_use]
pub fn says(source: ShortAddress, cluster: u16, data: &[u8]) -> Vec<String> {
    if source == ShortAddress::GATEWAY {
        if let Some(request) = PairingRequest::read(cluster, data) {
            return vec![pairing_words(request)];
        }
        if let Ok((_, command)) = InverterCommand::read(data) {
            return vec![command_words(command)];
        }
    }
    if cluster == PAIRED_CLUSTER
        && let [_, _, rest @ ..] = data
        && let Ok(serial) = <[u8; 6]>::try_from(rest)
        && let Some(serial) = InverterSerial::of_wire(serial)
    {
        return vec![format!("{serial} tells its address: {source}")];
    }
    match InverterAnswer::decode(data) {
        Ok(answer) => answer_words(&answer),
        Err(error) => vec![format!("{:X}: {error}", Hex::of(data))],
    }
}

fn pairing_words(request: PairingRequest) -> String {
    match request {
        PairingRequest::Prime(serial, gateway) => {
            format!("pairing 1 of 4: {serial}, here is the gateway {gateway}")
        }
        PairingRequest::Ask(serial) => {
            format!("pairing 2 of 4: {serial}, what is your address?")
        }
        PairingRequest::Move(serial, gateway) => {
            format!("pairing 3 of 4: {serial}, move into the network of {gateway}")
        }
        PairingRequest::Stay(gateway) => {
            format!("pairing 4 of 4: stay in the network of {gateway}")
        }
    }
}

/// What an inverter is told.
fn command_words(command: InverterCommand) -> String {
    match command {
        InverterCommand::Poll => "asks what it measures".to_owned(),
        InverterCommand::Info => "asks what it is".to_owned(),
        InverterCommand::Settings(page) => format!("asks for page {}", page_letter(page)),
        InverterCommand::Limit(code) | InverterCommand::LimitAll(code) => format!(
            "limits each input to {} W{}",
            code.watts(),
            if command.is_for_all() {
                ", all inverters"
            } else {
                ""
            }
        ),
        InverterCommand::SwitchOn => "switches it on".to_owned(),
        InverterCommand::SwitchOff => "switches it off".to_owned(),
        InverterCommand::SwitchAllOn => "switches all on".to_owned(),
        InverterCommand::SwitchAllOff => "switches all off".to_owned(),
        InverterCommand::NormalOperation => "tells all that the gateway is there".to_owned(),
    }
}

const fn page_letter(page: SettingsPage) -> &'static str {
    match page {
        SettingsPage::A => "A",
        SettingsPage::B => "B, with the limit",
        SettingsPage::C => "C",
    }
}

/// What an envelope is about.
pub fn command_name(data: &[u8], part: L2Part<'_>) -> String {
    if let Ok((_, command)) = InverterCommand::read(data) {
        return command_words(command);
    }
    match InverterAnswer::decode(data).map(|answer| answer.content) {
        Ok(AnswerContent::Telemetry(_)) => "what it measures".to_owned(),
        Ok(AnswerContent::Info(_)) => "what it is".to_owned(),
        Ok(AnswerContent::Settings(page)) => format!("page {}", page_letter(page.page)),
        Ok(AnswerContent::Accepted(_)) => "accepted".to_owned(),
        Ok(AnswerContent::Refused(_)) => "refused".to_owned(),
        Ok(AnswerContent::Unread { .. } | AnswerContent::Sealed(_)) => "not understood".to_owned(),
        Err(error) if part.command != 0 => format!("refused: {error}"),
        Err(_) => String::new(),
    }
}

/// Whether a gateway says this.
pub fn is_request(data: &[u8]) -> bool {
    InverterCommand::read(data).is_ok()
}

/// What an inverter answers.
pub fn answer_words(answer: &InverterAnswer) -> Vec<String> {
    let serial = answer.serial;
    match &answer.content {
        AnswerContent::Telemetry(telemetry) => telemetry_words(telemetry),
        AnswerContent::Info(info) => vec![format!(
            "{serial} is model {:02X} with firmware {}",
            info.model, info.firmware
        )],
        AnswerContent::Settings(page) => {
            let mut words = vec![format!("{serial} shows page {}", page_letter(page.page))];
            if let Some(limit) = page.limit() {
                words.push(format!("limit of each input: {} W", limit.watts()));
            }
            words.extend(page.thresholds().iter().map(|(threshold, value)| {
                let words = format!("{} {value} {}", threshold.code, threshold.unit);
                words.trim_end().to_owned()
            }));
            words
        }
        AnswerContent::Accepted(_) => vec![format!("{serial} accepts what it was told")],
        AnswerContent::Refused(_) => vec![format!("{serial} refuses what it was told")],
        AnswerContent::Unread { command, model, .. } => {
            let model = model.map(|it| format!(" of model {it:02X}"));
            vec![format!(
                "{serial} says something that nobody has described, {command:02X}{}",
                model.unwrap_or_default()
            )]
        }
        AnswerContent::Sealed(sealed) => {
            let mut words = vec![format!("{serial} answers, but encrypted")];
            if let Some(opened) = opened_words(serial, sealed) {
                words.push("opened, experimentally (nobody has confirmed it yet):".to_owned());
                words.extend(opened);
            }
            words
        }
    }
}

/// What an encrypted answer says, if the key is the one that has been described. Nobody has confirmed that, so it is
/// shown and never used.
pub fn opened_words(serial: InverterSerial, sealed: &Sealed) -> Option<Vec<String>> {
    let envelope = sealed.open(Some(serial)).or_else(|| sealed.open(None))?;
    let data = [&serial.wire()[..], &envelope].concat();
    Some(match InverterAnswer::decode(&data) {
        Ok(answer) if !matches!(answer.content, AnswerContent::Sealed(_)) => answer_words(&answer),
        _ => vec![format!("{:X}", Hex::of(&envelope))],
    })
}

fn telemetry_words(telemetry: &PanelTelemetry) -> Vec<String> {
    let known = |value: Option<Decimal>, decimals: u8, unit: &str| match value {
        Some(value) => format!("{} {unit}", value.rounded(decimals)),
        None => format!("? {unit}"),
    };
    let mut first = vec![
        known(telemetry.grid_voltage, 1, "V"),
        known(telemetry.frequency, 2, "Hz"),
        known(telemetry.temperature, 1, "°C"),
    ];
    if let Some(power) = telemetry.ac_power {
        first.push(format!("{power} W"));
    }
    first.push(format!("{} s since it started", telemetry.clock));
    let mut lines = vec![format!(
        "{} measures {}",
        telemetry.serial,
        first.join(", ")
    )];
    let energies = telemetry.energies();
    for (index, input) in telemetry.inputs.iter().enumerate() {
        let energy = energies.get(index).copied().unwrap_or_default();
        lines.push(format!(
            "{}: {} V, {} A, {} W, {} Wh since it started",
            input_letter(index),
            input.voltage.rounded(1),
            input.current.rounded(2),
            input.power(),
            watt_hours(energy).rounded(1)
        ));
    }
    let events: Vec<&str> = telemetry.status.sure_events().map(|it| it.text).collect();
    if !events.is_empty() {
        lines.push(events.join(", "));
    }
    if let Some(bits) = telemetry.status.unnamed() {
        lines.push(format!("status {bits}"));
    }
    lines
}

/// Micro-watt-hours as Wh, to the thousandth.
pub fn watt_hours(micro: u64) -> Decimal {
    Decimal::new(i64::try_from(micro / 1000).unwrap_or(i64::MAX), 3)
}

/// Somebody in the network.
pub fn place(address: ShortAddress) -> String {
    match address {
        ShortAddress::GATEWAY => "0x0000, the stick itself".to_owned(),
        ShortAddress::BROADCAST => "0xFFFF, everybody".to_owned(),
        address => address.to_string(),
    }
}

/// The quality of a link.
pub fn quality(lqi: u8) -> String {
    let percent = (u32::from(lqi) * 100 + 127) / 255;
    format!("{lqi} of 255 ({percent} %)")
}

/// The address of a radio, and whose network that is.
pub fn radio_address(mut ieee: [u8; 8]) -> String {
    ieee.reverse();
    match ieee {
        [0, 0, 0, 0, 0, 0, 0, 0] => "no IEEE address".to_owned(),
        [id @ .., 0xff, 0xff] => format!("ECU id {:X}", Hex::of(&id)),
        other => format!("IEEE address {:X}", Hex::of(&other)),
    }
}

/// Which line of firmware.
pub fn product(code: u8) -> String {
    let name = match code {
        0 => "Z-Stack Home 1.2",
        1 => "Z-Stack 3.x.0",
        2 => "Z-Stack 3.0.x",
        _ => "unknown product",
    };
    format!("{code:02X} {name}")
}

/// Why a stick started anew.
pub fn reset_reason(reason: u8) -> String {
    let name = match reason {
        0 => "power",
        1 => "reset pin",
        2 => "told to, or watchdog",
        _ => "unknown reason",
    };
    format!("{reason:02X} {name}")
}

/// Why a stick does not do what it was asked.
pub fn refusal(reason: u8) -> String {
    let name = match reason {
        1 => "it has no such part",
        2 => "it does not know the command",
        3 => "wrong parameter",
        4 => "wrong length",
        _ => "unknown reason",
    };
    format!("{reason:02X} {name}")
}

/// An item of a stick's configuration.
pub fn item_name(item: u8) -> String {
    let name = match item {
        0x01 => "IEEE address",
        0x03 => "startup option",
        0x83 => "network",
        0x84 => "channels",
        0x87 => "logical type",
        0x8f => "direct callback",
        _ => "unknown item",
    };
    format!("{item:02X} {name}")
}

/// What it is set to.
pub fn item_value(item: u8, value: &[u8]) -> String {
    match (item, value) {
        (0x01, bytes) if bytes.len() == 8 => radio_address(bytes.try_into().unwrap_or_default()),
        (0x03, [3]) => "clear configuration and state".to_owned(),
        (0x84, &[a, b, c, d]) => {
            let mask = u32::from_le_bytes([a, b, c, d]);
            let channels: Vec<String> = (0..32)
                .filter(|bit| mask >> bit & 1 == 1)
                .map(|bit| bit.to_string())
                .collect();
            format!("channel {}", channels.join(", "))
        }
        (0x87, [0]) => "coordinator".to_owned(),
        (_, bytes) => format!("{:X}", Hex::of(bytes)),
    }
}

/// What a DS3 is doing.
pub fn producing(state: ProducingState) -> String {
    match state {
        ProducingState::Both => "both inputs produce".to_owned(),
        ProducingState::Neither => "no input produces".to_owned(),
        ProducingState::OnlyA => "only input A produces".to_owned(),
        ProducingState::OnlyB => "only input B produces".to_owned(),
        ProducingState::Starting => "about to produce".to_owned(),
        ProducingState::Other(_) => "not understood".to_owned(),
    }
}
