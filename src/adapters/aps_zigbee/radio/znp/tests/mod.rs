//! The radio against a scripted stick, and against anything.

use std::time::Duration;

use jiff::Timestamp;

use super::super::super::wire::ids::{EcuId, ShortAddress};
use super::super::super::wire::znp::{
    AfIncoming, CoordinatorState, DeviceInfo, ResetIndication, ZnpFrame, ZnpMessage, ZnpRequest,
    ZnpStatus,
};
use super::super::{
    Outgoing, Radio, RadioInput, RadioNotice, RadioOutput, RadioState, RadioTrouble, SendTrouble,
    StartStep, StickFirmware,
};
use super::ZnpRadio;
use super::sending::shown;
use crate::clock::Moment;

mod anything;
mod keeping;
mod looking;
mod sending;
mod starting;

const ID: &str = "A1B2C3D4E5F6";
const INVERTER: ShortAddress = ShortAddress(0x1a2b);

fn moment(steady: Duration) -> Moment {
    Moment {
        wall: Timestamp::UNIX_EPOCH,
        steady,
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ieee() -> [u8; 8] {
    [0xff, 0xff, 0xf6, 0xe5, 0xd4, 0xc3, 0xb2, 0xa1]
}

fn running() -> DeviceInfo {
    DeviceInfo {
        status: ZnpStatus::Success,
        ieee: ieee(),
        address: ShortAddress::GATEWAY,
        kind: 7,
        state: CoordinatorState::Running,
        children: Vec::new(),
    }
}

fn reset_of(product: u8) -> ZnpMessage {
    ZnpMessage::Reset(ResetIndication {
        reason: 2,
        transport: 2,
        product,
        major: 2,
        minor: 7,
        hardware: 2,
    })
}

fn to(address: ShortAddress) -> Outgoing {
    Outgoing::To {
        address,
        cluster: 6,
        data: vec![1, 2, 3],
    }
}

fn unjoined() -> Outgoing {
    Outgoing::Unjoined {
        cluster: 0x020d,
        transaction: 0,
        data: vec![4; 17],
    }
}

fn incoming(source: u16, last_hop: u16) -> ZnpMessage {
    ZnpMessage::Incoming(AfIncoming {
        group: 0,
        cluster: 0x0106,
        source: ShortAddress(source),
        source_endpoint: 0x14,
        destination_endpoint: 0x14,
        broadcast: u8::from(source == 0),
        lqi: 90,
        security: 0,
        timestamp: 1,
        sequence: 0,
        data: vec![9; 30],
        last_hop: ShortAddress(last_hop),
        radius: 0x0e,
    })
}

/// What a stick does with a request: says these, each after so long.
type Script = Box<dyn FnMut(&ZnpRequest, Duration) -> Vec<(Duration, Vec<u8>)>>;

fn at_once(messages: &[ZnpMessage]) -> Vec<(Duration, Vec<u8>)> {
    let delay = Duration::from_millis(10);
    let bytes = |message: &ZnpMessage| (delay, message.encode().unwrap());
    messages.iter().map(bytes).collect()
}

/// A stick as it should be, once it was told what its network is.
#[derive(Default)]
struct Good {
    ieee: [u8; 8],
    is_running: bool,
}

impl Good {
    fn answer(&mut self, request: &ZnpRequest) -> Vec<(Duration, Vec<u8>)> {
        let ok = ZnpStatus::Success;
        at_once(&match request {
            ZnpRequest::Ping => vec![ZnpMessage::Pong(0x0779)],
            ZnpRequest::Loopback(data) => vec![ZnpMessage::Loopback(data.clone())],
            ZnpRequest::Reset(_) => {
                self.is_running = false;
                vec![reset_of(2)]
            }
            ZnpRequest::WriteConfiguration { item, value } => {
                if *item == 1 {
                    self.ieee = value.clone().try_into().unwrap();
                }
                vec![ZnpMessage::Written(ok)]
            }
            ZnpRequest::Register(_) => vec![ZnpMessage::Registered(ok)],
            ZnpRequest::Start => {
                self.is_running = true;
                vec![
                    ZnpMessage::Starting,
                    ZnpMessage::State(CoordinatorState::Starting),
                    ZnpMessage::State(CoordinatorState::Running),
                ]
            }
            ZnpRequest::DeviceInfo | ZnpRequest::DeviceInfoByAnswer => {
                let state = match self.is_running {
                    true => CoordinatorState::Running,
                    false => CoordinatorState::Other(0),
                };
                vec![ZnpMessage::DeviceInfo(DeviceInfo {
                    ieee: self.ieee,
                    state,
                    ..running()
                })]
            }
            ZnpRequest::Send(_) => vec![
                ZnpMessage::Sending(ok),
                ZnpMessage::Confirm {
                    status: ok,
                    endpoint: 0x14,
                    transaction: 1,
                },
            ],
            ZnpRequest::SendForeign(_) => vec![ZnpMessage::SendingForeign(ok)],
            ZnpRequest::Version | ZnpRequest::Other { .. } => Vec::new(),
        })
    }
}

/// A radio, its stick, and the time.
struct Bench {
    radio: ZnpRadio,
    now: Duration,
    script: Script,
    /// What will come from the stick.
    coming: Vec<(Duration, Vec<u8>)>,
    requests: Vec<(Duration, ZnpRequest)>,
    notices: Vec<(Duration, RadioNotice)>,
    pulses: usize,
    reopened: Vec<Duration>,
    skips: usize,
}

impl Bench {
    fn new(
        script: impl FnMut(&ZnpRequest, Duration) -> Vec<(Duration, Vec<u8>)> + 'static,
    ) -> Self {
        let mut bench = Self {
            radio: ZnpRadio::new(ID.parse::<EcuId>().unwrap()),
            now: secs(100),
            script: Box::new(script),
            coming: Vec::new(),
            requests: Vec::new(),
            notices: Vec::new(),
            pulses: 0,
            reopened: Vec::new(),
            skips: 0,
        };
        bench.tell(RadioInput::Opened);
        bench
    }

    /// With a stick that has not been told anything yet.
    fn good() -> Self {
        let mut stick = Good::default();
        Self::new(move |request, _| stick.answer(request))
    }

    /// With a stick that does what it should, but for this.
    fn but(
        mut unlike: impl FnMut(&ZnpRequest, Duration) -> Option<Vec<(Duration, Vec<u8>)>> + 'static,
    ) -> Self {
        let mut stick = Good::default();
        Self::new(move |request, now| {
            let usual = stick.answer(request);
            unlike(request, now).unwrap_or(usual)
        })
    }

    fn tell(&mut self, happening: RadioInput<'_>) {
        self.radio.handle(happening, moment(self.now));
        self.settle();
    }

    /// Does what the radio wants until it waits; when it wants to wake.
    fn settle(&mut self) -> Duration {
        for _ in 0..1000 {
            match self.radio.poll() {
                RadioOutput::Wait(until) => return until,
                RadioOutput::Send(bytes) => self.take(&bytes),
                RadioOutput::Reset => self.pulses += 1,
                RadioOutput::Noticed(notice) => self.notices.push((self.now, notice)),
                RadioOutput::Reopen => {
                    self.reopened.push(self.now);
                    self.coming.clear();
                    self.radio.handle(RadioInput::Closed, moment(self.now));
                    self.radio.handle(RadioInput::Opened, moment(self.now));
                }
            }
        }
        panic!("it never waits");
    }

    fn take(&mut self, bytes: &[u8]) {
        if bytes.iter().all(|byte| *byte == 0xef) {
            self.skips += 1;
            return;
        }
        let request = ZnpRequest::decode(ZnpFrame::exactly(bytes).unwrap());
        let answers = (self.script)(&request, self.now);
        let at = |(delay, bytes)| (self.now + delay, bytes);
        self.coming.extend(answers.into_iter().map(at));
        self.coming.sort_by_key(|(at, _)| *at);
        self.requests.push((self.now, request));
    }

    /// Lets time pass up to here.
    fn until(&mut self, end: Duration) {
        for _ in 0..100_000 {
            let wake = self.settle();
            let next = self.coming.first().map_or(Duration::MAX, |(at, _)| *at);
            if wake.min(next) > end {
                self.now = end;
                return;
            }
            if next <= wake {
                let (at, bytes) = self.coming.remove(0);
                self.now = self.now.max(at);
                self.tell(RadioInput::Bytes(&bytes));
            } else {
                self.now = self.now.max(wake);
                self.tell(RadioInput::Time);
            }
        }
        panic!("time does not go on");
    }

    fn pass(&mut self, time: Duration) {
        self.until(self.now + time);
    }

    fn say(&mut self, message: &ZnpMessage) {
        self.tell(RadioInput::Bytes(&message.encode().unwrap()));
    }

    fn send(&mut self, message: Outgoing) {
        self.radio.send(message, moment(self.now));
        self.settle();
    }

    fn state(&self) -> RadioState {
        self.radio.told.clone()
    }

    fn is_ready(&self) -> bool {
        self.state() == RadioState::Ready
    }

    fn troubles(&self) -> Vec<RadioTrouble> {
        let trouble = |notice: &(Duration, RadioNotice)| match &notice.1 {
            RadioNotice::State(RadioState::Trouble(trouble)) => Some(trouble.clone()),
            _ => None,
        };
        self.notices.iter().filter_map(trouble).collect()
    }

    fn outcomes(&mut self) -> Vec<Result<(), SendTrouble>> {
        let outcome = |notice: &(Duration, RadioNotice)| match notice.1 {
            RadioNotice::Done(outcome) => Some(outcome),
            _ => None,
        };
        self.notices.iter().filter_map(outcome).collect()
    }

    fn count(&self, is_wanted: impl Fn(&ZnpRequest) -> bool) -> usize {
        let all = self.requests.iter();
        all.filter(|(_, request)| is_wanted(request)).count()
    }

    fn resets(&self) -> usize {
        self.count(|request| matches!(request, ZnpRequest::Reset(_)))
    }

    /// In order, without what was asked.
    fn names(&self) -> Vec<String> {
        let name = |(_, request): &(Duration, ZnpRequest)| match request {
            ZnpRequest::WriteConfiguration { item, .. } => format!("Write {item:02X}"),
            ZnpRequest::Send(send) => format!("Send {}", send.destination),
            request => {
                let words = format!("{request:?}");
                let end = words.find(['(', ' ']).unwrap_or(words.len());
                words[..end].to_owned()
            }
        };
        self.requests.iter().map(name).collect()
    }
}
