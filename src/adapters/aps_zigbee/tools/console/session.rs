//! The console itself, without I/O: lines in, frames in, words out.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::super::control::{Telling, TellingStep, Wanted};
use super::super::super::health;
use super::super::super::models::InverterModel;
use super::super::super::radio::{
    Outgoing, Radio, RadioInput, RadioNotice, RadioOutput, RadioState, StartStep, radio,
};
use super::super::super::wire::annotate::{FrameSide, FrameWords};
use super::super::super::wire::ids::{EcuId, InverterSerial, ShortAddress};
use super::super::super::wire::payload::{
    AnswerContent, InverterAnswer, InverterCommand, REQUEST_CLUSTER,
};
use super::super::super::wire::znp::{
    AfIncoming, ZnpFrame, ZnpIdentity, ZnpMessage, ZnpRequest, ZnpScanned, ZnpScanner,
};
use super::super::reset_pulse::ResetPulse;
use super::awaited::{AwaitedAnswer, AwaitedEnd, gateway_of};
use super::typed::{HELP, TypedLine, TypedTarget, to_inverter};
use crate::clock::Moment;
use crate::device::protocol::{Input, Outbox, Output, Protocol};
use crate::hex::Hex;
use crate::links::{Parity, SerialSettings};
use crate::model::Value;

/// How long the rest of a frame is waited for.
const REST_OF_FRAME: Duration = Duration::from_millis(300);
/// How often is looked whether something was typed.
const LOOK: Duration = Duration::from_millis(100);
/// Lines that wait.
const MOST_LINES: usize = 64;
/// Bytes that mean nothing are shown, up to so many at once.
const MOST_NOISE: usize = 32;

/// Says a line.
pub type Voice = Box<dyn Fn(&str) + Send>;

/// What is being done.
enum ConsoleWork {
    /// An answer is waited for.
    Await(AwaitedAnswer),
    /// The coordinator is brought up.
    Start(Box<dyn Radio>, Option<StartStep>),
    /// An inverter is told something.
    Tell(Box<Telling>),
}

/// The console.
pub struct ConsoleSession {
    gateway: Option<EcuId>,
    /// What the stick has said of itself.
    identity: ZnpIdentity,
    may_control: bool,
    addresses: BTreeMap<InverterSerial, ShortAddress>,
    /// Codes of models that were told.
    models: BTreeMap<InverterSerial, u8>,
    zone: TimeZone,
    voice: Voice,
    typed: Receiver<String>,
    /// Lines that wait for what is done before.
    waiting: VecDeque<String>,
    is_input_over: bool,
    /// Whether somebody sits there, who does not want to wait when it shall end.
    pub is_attended: bool,
    /// Whether nothing goes on the air.
    pub is_listening_only: bool,
    scanner: ZnpScanner,
    /// What the scanner has not spoken of yet.
    unscanned: Vec<u8>,
    last_byte: Duration,
    out: Outbox,
    /// Resets the stick, where that can be done.
    pub reset: ResetPulse,
    work: Option<ConsoleWork>,
    is_over: bool,
}

impl fmt::Debug for ConsoleSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleSession")
            .field("gateway", &self.gateway)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

impl ConsoleSession {
    /// One that does what comes from `typed`, and ends with it.
    pub fn new(
        gateway: Option<EcuId>,
        addresses: BTreeMap<InverterSerial, ShortAddress>,
        may_control: bool,
        typed: Receiver<String>,
        voice: Voice,
    ) -> Self {
        Self {
            gateway,
            identity: ZnpIdentity::default(),
            may_control,
            addresses,
            models: BTreeMap::new(),
            zone: TimeZone::system(),
            voice,
            typed,
            waiting: VecDeque::new(),
            is_input_over: false,
            is_attended: false,
            is_listening_only: false,
            scanner: ZnpScanner::default(),
            unscanned: Vec::new(),
            last_byte: Duration::ZERO,
            out: Outbox::default(),
            reset: ResetPulse::default(),
            work: None,
            is_over: false,
        }
    }

    /// Whether there is nothing more to do.
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    fn say(&self, words: &str) {
        (self.voice)(words);
    }

    /// Shows a frame.
    fn show(&self, frame: ZnpFrame<'_>, is_sent: bool, now: Moment) {
        let words = FrameWords::of(frame);
        let arrow = if is_sent { "->" } else { "<-" };
        let is_strange = !is_sent && words.side == FrameSide::Host;
        let strange = if is_strange {
            " (as a program sends it)"
        } else {
            ""
        };
        let time = self.time(now);
        let head = format!("{time} {arrow} {}{strange} {}", words.name, words.summary);
        self.say(head.trim_end());
        for detail in &words.details {
            self.say(&format!("                {detail}"));
        }
    }

    fn time(&self, now: Moment) -> String {
        let local = now.wall.to_zoned(self.zone.clone());
        local.strftime("%H:%M:%S%.3f").to_string()
    }

    /// Sends what is a frame, or what is none.
    fn send(&mut self, bytes: Vec<u8>, now: Moment) {
        match ZnpFrame::exactly(&bytes) {
            Ok(frame) => self.show(frame, true, now),
            Err(_) => {
                let time = self.time(now);
                let count = bytes.len();
                self.say(&format!("{time} -> {count} bytes for the boot loader"));
            }
        }
        self.out.push(Output::Send(bytes));
    }

    fn bytes(&mut self, bytes: &[u8], now: Moment) {
        self.last_byte = now.steady;
        self.unscanned.extend_from_slice(bytes);
        self.scanner.push(bytes);
        if let Some(ConsoleWork::Await(awaited)) = &mut self.work {
            awaited.bytes = awaited.bytes.saturating_add(bytes.len() as u64);
        }
        self.scan(now);
        if let Some(ConsoleWork::Start(radio, _)) = &mut self.work {
            radio.handle(RadioInput::Bytes(bytes), now);
        }
    }

    fn scan(&mut self, now: Moment) {
        loop {
            let (frame, length) = match self.scanner.next() {
                None => return,
                Some(ZnpScanned::Frame { frame, .. }) => {
                    let whole = (frame.command, frame.data.to_vec());
                    (Some(whole), frame.data.len() + 5)
                }
                Some(ZnpScanned::Skipped { bytes, .. }) => {
                    (None, usize::try_from(bytes).unwrap_or(usize::MAX))
                }
            };
            let length = length.min(self.unscanned.len());
            let bytes: Vec<u8> = self.unscanned.drain(..length).collect();
            match frame {
                Some((command, data)) => self.frame(
                    ZnpFrame {
                        command,
                        data: &data,
                    },
                    now,
                ),
                None => self.noise(&bytes, now),
            }
        }
    }

    /// Bytes that mean nothing.
    fn noise(&mut self, bytes: &[u8], now: Moment) {
        let count = bytes.len();
        if let Some(ConsoleWork::Await(awaited)) = &mut self.work {
            awaited.noise = awaited.noise.saturating_add(count as u64);
        }
        let shown = bytes.get(..MOST_NOISE).unwrap_or(bytes);
        let more = if shown.len() < count { " ..." } else { "" };
        let time = self.time(now);
        self.say(&format!(
            "{time} <- {count} bytes that mean nothing: {:X}{more}",
            Hex::of(shown).with(" ")
        ));
    }

    fn frame(&mut self, frame: ZnpFrame<'_>, now: Moment) {
        self.show(frame, false, now);
        match ZnpMessage::decode(frame) {
            ZnpMessage::DeviceInfo(info) if self.gateway.is_none() => {
                self.gateway = gateway_of(&info);
                if let Some(gateway) = self.gateway {
                    self.say(&format!("From now on, {gateway} is taken as our id."));
                }
            }
            ZnpMessage::Pong(capabilities) => self.identity.capabilities = Some(capabilities),
            ZnpMessage::Version(version) => self.identity.version = Some(version),
            ZnpMessage::Reset(reset) => self.identity.reset = Some(reset),
            ZnpMessage::Incoming(incoming) => self.heard(&incoming, now),
            ZnpMessage::Sending(status) if status.code() != 0 => {
                if let Some(ConsoleWork::Tell(telling)) = &mut self.work {
                    telling.failed(&format!("the stick says {status}"), now);
                }
            }
            _ => {}
        }
        let Some(ConsoleWork::Await(awaited)) = &mut self.work else {
            return;
        };
        match awaited.frame(frame, self.gateway, self.identity, now.steady) {
            AwaitedEnd::Open => {}
            AwaitedEnd::Done(words) => {
                self.work = None;
                if let Some(words) = words {
                    self.say(&words);
                }
            }
            AwaitedEnd::Again(request) => {
                self.say("The stick has just started; it is asked anew.");
                self.ask(&request, now);
                if let Some(ConsoleWork::Await(awaited)) = self.work.take() {
                    self.work = Some(ConsoleWork::Await(awaited.again()));
                }
            }
        }
    }

    /// Learns who is where.
    fn heard(&mut self, incoming: &AfIncoming, now: Moment) {
        let Ok(answer) = InverterAnswer::decode(&incoming.data) else {
            return;
        };
        if !incoming.source.is_of_inverter() {
            return;
        }
        self.addresses.insert(answer.serial, incoming.source);
        let model = match &answer.content {
            AnswerContent::Info(info) => Some(info.model),
            AnswerContent::Telemetry(telemetry) => telemetry.model,
            _ => None,
        };
        if let Some(model) = model {
            self.models.insert(answer.serial, model);
        }
        if let Some(ConsoleWork::Tell(telling)) = &mut self.work
            && telling.serial() == answer.serial
        {
            telling.answer(&answer.content, now);
        }
    }

    /// Does what is next, until there is nothing left but to wait.
    fn go_on(&mut self, now: Moment) {
        if self.scanner.is_unsettled() && now.since(self.last_byte) >= REST_OF_FRAME {
            self.scanner.give_up();
            self.scan(now);
        }
        self.read_lines();
        loop {
            match self.work.take() {
                Some(ConsoleWork::Await(awaited)) if awaited.until() <= now.steady => {
                    self.say(&awaited.missing());
                }
                Some(ConsoleWork::Start(radio, told)) => {
                    if !self.bring_up(radio, told, now) {
                        break;
                    }
                }
                Some(ConsoleWork::Tell(telling)) => {
                    if !self.tell(telling, now) {
                        break;
                    }
                }
                Some(work) => {
                    self.work = Some(work);
                    break;
                }
                None if self.is_over => break,
                None => match self.waiting.pop_front() {
                    Some(line) => self.typed(&line, now),
                    None if self.is_input_over => self.is_over = true,
                    None => break,
                },
            }
        }
        self.out.wake = now.steady + LOOK;
    }

    /// Takes what was typed since.
    fn read_lines(&mut self) {
        while self.waiting.len() < MOST_LINES && !self.is_input_over {
            match self.typed.try_recv() {
                Ok(line) => {
                    let is_end = TypedLine::read(&line) == Ok(TypedLine::Quit);
                    self.is_over |= self.is_attended && is_end;
                    self.waiting.push_back(line);
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => self.is_input_over = true,
            }
        }
        self.is_over |= self.is_attended && self.is_input_over;
    }

    /// A line was typed, and nothing else is being done.
    fn typed(&mut self, line: &str, now: Moment) {
        let typed = match TypedLine::read(line) {
            Ok(typed) => typed,
            Err(why) => return self.say(&why),
        };
        if typed.is_sent_on() && self.is_listening_only {
            return self.say(
                "The section says listen_only = true, so this is not sent: it goes on the air. Leave out --config if you want \
                 it all the same.",
            );
        }
        if typed.is_write() && !self.may_control {
            return self.say(
                "This changes an inverter, or nobody knows what it does to one: it is not sent. Start the console with \
                 --allow-control if you want that.",
            );
        }
        match typed {
            TypedLine::Empty => {}
            TypedLine::Help => self.say(HELP),
            TypedLine::Quit => self.is_over = true,
            TypedLine::Ask(request) | TypedLine::Raw(request) => self.ask(&request, now),
            TypedLine::Start(id) => self.start(id, now),
            TypedLine::Inverter(target, command) => self.ask_inverter(target, command, now),
            TypedLine::Limit(target, watts) => {
                self.begin_telling(target, Wanted::Limit(watts), now);
            }
            TypedLine::Switch(target, is_on) => {
                self.begin_telling(target, Wanted::On(is_on), now);
            }
        }
    }

    fn ask(&mut self, request: &ZnpRequest, now: Moment) {
        let Some(bytes) = request.encode() else {
            return self.say("That is longer than a frame can be.");
        };
        self.send(bytes, now);
        self.work = AwaitedAnswer::of(request, now.steady).map(ConsoleWork::Await);
    }

    fn start(&mut self, id: Option<EcuId>, now: Moment) {
        self.gateway = id.or(self.gateway);
        let Some(gateway) = self.gateway else {
            return self.say(
                "Which network? Write start and the ECU id, such as start D8A3011B9780, or begin the console with --ecu-id. If \
                 the stick has one already, health shows it.",
            );
        };
        let mut radio = radio(gateway);
        radio.handle(RadioInput::Opened, now);
        self.work = Some(ConsoleWork::Start(radio, None));
    }

    /// Goes on with bringing it up; whether that is over.
    fn bring_up(
        &mut self,
        mut radio: Box<dyn Radio>,
        mut told: Option<StartStep>,
        now: Moment,
    ) -> bool {
        loop {
            match radio.poll() {
                RadioOutput::Send(bytes) => self.send(bytes, now),
                RadioOutput::Reopen => self.out.push(Output::Reopen),
                RadioOutput::Noticed(RadioNotice::State(state)) => match state {
                    RadioState::Ready => {
                        self.say("The stick is ready.");
                        return true;
                    }
                    RadioState::Trouble(trouble) => {
                        self.say(&health::stick(&trouble).sentence());
                        return true;
                    }
                    RadioState::Starting(step) if told != Some(step) => {
                        told = Some(step);
                        self.say(&format!("The stick: {}.", health::starting(step).detail));
                    }
                    RadioState::Starting(_) | RadioState::Away => {}
                },
                RadioOutput::Reset => self.reset.begin(&mut self.out, now),
                // What is heard is shown as it comes.
                RadioOutput::Noticed(_) => {}
                RadioOutput::Wait(_) => {
                    self.work = Some(ConsoleWork::Start(radio, told));
                    return false;
                }
            }
        }
    }

    fn find(&self, target: TypedTarget) -> Result<ShortAddress, String> {
        match target {
            TypedTarget::Address(address) => Ok(address),
            TypedTarget::Serial(serial) => self.addresses.get(&serial).copied().ok_or_else(|| {
                format!(
                    "The address of {serial} is not known here. Write the address instead, or begin the console with --config, \
                     or with --set addresses.{serial}=0x...; `wattbridge aps-zigbee pair` finds it."
                )
            }),
        }
    }

    fn our_id(&self) -> Result<EcuId, String> {
        self.gateway.ok_or_else(|| {
            "With which id? Begin the console with --ecu-id, or type health: the stick may know it.".to_owned()
        })
    }

    fn ask_inverter(&mut self, target: TypedTarget, command: InverterCommand, now: Moment) {
        let (address, gateway) = match self.find(target).and_then(|it| Ok((it, self.our_id()?))) {
            Ok(both) => both,
            Err(why) => return self.say(&why),
        };
        let message = Outgoing::To {
            address,
            cluster: REQUEST_CLUSTER,
            data: command.data(gateway),
        };
        if let Some(request) = to_inverter(message) {
            self.ask(&request, now);
        }
    }

    fn begin_telling(&mut self, target: TypedTarget, wanted: Wanted, now: Moment) {
        let found = self.find(target).and_then(|it| Ok((it, self.our_id()?)));
        let (address, gateway) = match found {
            Ok(both) => both,
            Err(why) => return self.say(&why),
        };
        let known = self.addresses.iter().find(|(_, it)| **it == address);
        let serial = match (target, known) {
            (TypedTarget::Serial(serial), _) | (_, Some((&serial, _))) => serial,
            (TypedTarget::Address(address), None) => {
                return self.say(&format!(
                    "Whose address is {address}? Type poll {address} first, or write the serial number."
                ));
            }
        };
        let model = InverterModel::of(serial, self.models.get(&serial).copied());
        let telling = Box::new(Telling::new(serial, address, gateway, model, wanted));
        self.tell(telling, now);
    }

    /// Goes on with telling an inverter something; whether that is over.
    fn tell(&mut self, mut telling: Box<Telling>, now: Moment) -> bool {
        loop {
            match telling.step(now) {
                TellingStep::Send(message) => {
                    if let Some(bytes) = to_inverter(message).and_then(|it| it.encode()) {
                        self.send(bytes, now);
                    }
                }
                TellingStep::Wait(_) => {
                    self.work = Some(ConsoleWork::Tell(telling));
                    return false;
                }
                TellingStep::Done(result) => {
                    if let Some(before) = telling.before() {
                        self.say(&format!(
                            "Before, its limit was {} W for each input; note it down.",
                            before.watts()
                        ));
                    }
                    match result {
                        Ok(Value::Unknown) => self.say("It has accepted that."),
                        Ok(value) => self.say(&format!(
                            "Done: read back as {} W for each input.",
                            value.to_json()
                        )),
                        Err(why) => self.say(&format!(
                            "Not done: {why}. Look what the inverter does, and try again."
                        )),
                    }
                    return true;
                }
            }
        }
    }
}

impl Protocol for ConsoleSession {
    fn settings(&self) -> SerialSettings {
        SerialSettings::new(115_200, Parity::None)
    }

    fn handle(&mut self, input: Input<'_>, now: Moment) {
        let happened = match input {
            Input::Bytes(bytes) => {
                self.bytes(bytes, now);
                None
            }
            Input::Opened => {
                self.scanner = ZnpScanner::default();
                self.unscanned.clear();
                Some(RadioInput::Opened)
            }
            Input::Closed => Some(RadioInput::Closed),
            _ => Some(RadioInput::Time),
        };
        if let (Some(happened), Some(ConsoleWork::Start(radio, _))) = (happened, &mut self.work) {
            radio.handle(happened, now);
        }
        self.reset.go_on(&mut self.out, now);
        self.go_on(now);
    }

    fn poll(&mut self) -> Output {
        self.out.poll()
    }
}
