//! What the radio makes of what sticks have said.

use std::time::Duration;

use jiff::Timestamp;
use wattbridge::adapters::aps_zigbee::radio::znp::ZnpRadio;
use wattbridge::adapters::aps_zigbee::radio::{
    Outgoing, Radio, RadioInput, RadioNotice, RadioOutput, RadioState, RadioTrouble,
    ReceivedMessage, SendTrouble, StickFirmware,
};
use wattbridge::adapters::aps_zigbee::wire::ids::{EcuId, ShortAddress};
use wattbridge::adapters::aps_zigbee::wire::znp::{ZnpFrame, ZnpIdentity, ZnpMessage, ZnpRequest};
use wattbridge::clock::Moment;

use super::znp::{exchange, exchanges, messages, number};

/// A radio, and what it wants.
struct Host {
    radio: ZnpRadio,
    now: Duration,
    sent: Vec<Vec<u8>>,
    notices: Vec<RadioNotice>,
}

impl Host {
    fn new() -> Self {
        let mut host = Self {
            radio: ZnpRadio::new(id()),
            now: Duration::from_secs(1),
            sent: Vec::new(),
            notices: Vec::new(),
        };
        host.hear(RadioInput::Opened);
        host
    }

    /// With a stick that has answered all questions with what sticks have answered, and waits.
    fn ready() -> Self {
        let mut host = Self::new();
        for answer in [
            "health-ping-rsp",
            "init-9-devinfo-rsp",
            "init-7-afreg-rsp",
            "poll-confirm-only",
        ] {
            if answer == "init-9-devinfo-rsp" {
                // The version was not told.
                host.pass(1000);
            }
            host.play(answer);
        }
        host.play("init-9-devinfo-rsp");
        host.pass(2000);
        assert_eq!(host.states().last(), Some(&RadioState::Ready));
        host.notices.clear();
        host.sent.clear();
        host
    }

    fn hear(&mut self, happening: RadioInput<'_>) {
        self.radio.handle(happening, self.moment());
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.radio.poll() {
                RadioOutput::Send(bytes) => self.sent.push(bytes),
                RadioOutput::Noticed(notice) => self.notices.push(notice),
                RadioOutput::Reset | RadioOutput::Reopen => {}
                RadioOutput::Wait(_) => break,
            }
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            wall: Timestamp::UNIX_EPOCH,
            steady: self.now,
        }
    }

    fn pass(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        self.hear(RadioInput::Time);
    }

    fn play(&mut self, id: &str) {
        self.hear(RadioInput::Bytes(&exchange(id).bytes));
    }

    fn send(&mut self, message: Outgoing) {
        self.radio.send(message, self.moment());
        self.drain();
    }

    fn restart(&mut self) {
        self.radio.restart(self.moment());
        self.drain();
    }

    fn last_sent(&self) -> &[u8] {
        self.sent.last().unwrap()
    }

    fn states(&self) -> Vec<RadioState> {
        let state = |notice: &RadioNotice| match notice {
            RadioNotice::State(state) => Some(state.clone()),
            _ => None,
        };
        self.notices.iter().filter_map(state).collect()
    }

    fn wrong_firmware(&self) -> Option<StickFirmware> {
        match self.states().pop() {
            Some(RadioState::Trouble(RadioTrouble::WrongFirmware(firmware))) => Some(firmware),
            _ => None,
        }
    }

    fn received(&self) -> Vec<&ReceivedMessage> {
        let mut all = Vec::new();
        for notice in &self.notices {
            if let RadioNotice::Received(message) = notice {
                all.push(message);
            }
        }
        all
    }

    fn echoes(&self) -> Vec<(u16, Vec<u8>)> {
        let echo = |notice: &RadioNotice| match notice {
            RadioNotice::Echo { through, data, .. } => Some((through.0, data.clone())),
            _ => None,
        };
        self.notices.iter().filter_map(echo).collect()
    }
}

/// The gateway of the captures of a start: what its stick says its address is.
fn id() -> EcuId {
    let [ZnpMessage::DeviceInfo(info)] = &messages("init-9-devinfo-rsp")[..] else {
        panic!();
    };
    let [_, _, rest @ ..] = info.ieee;
    let digits: Vec<String> = rest
        .iter()
        .rev()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    digits.concat().parse().unwrap()
}

/// A coordinator that is still starting; it was one with another id.
fn not_yet() -> Vec<u8> {
    let own = messages("init-9-devinfo-rsp").remove(0);
    let mut all = messages("init-devinfo-not-yet");
    let (ZnpMessage::DeviceInfo(own), ZnpMessage::DeviceInfo(info)) = (own, &mut all[0]) else {
        panic!();
    };
    info.ieee = own.ieee;
    let bytes: Vec<Vec<u8>> = all.iter().map(|it| it.encode().unwrap()).collect();
    bytes.concat()
}

/// What is sent, and what sticks answer, until the network is told to start.
const START: &[(&str, &str)] = &[
    ("init-0-reset-req", "init-0-reset-ind"),
    ("init-1-clear", "init-srsp"),
    ("init-0-reset-req", "init-0-reset-ind"),
    ("init-3-ieee", "init-srsp"),
    ("init-4-type", "init-srsp"),
    ("init-5-pan", "init-srsp"),
    ("init-6-chan", "init-srsp"),
    ("init-7-afreg", "init-7-afreg-rsp"),
];

/// A radio that has told its stick to start the network, for a round of pairing.
fn started() -> Host {
    let mut host = Host::new();
    assert_eq!(host.last_sent(), exchange("health-ping").bytes);
    host.restart();
    host.play("health-ping-rsp");
    host.pass(1000);
    for (sent, answer) in START {
        assert_eq!(host.last_sent(), exchange(sent).bytes, "{sent}");
        host.play(answer);
    }
    assert_eq!(host.last_sent(), exchange("init-8-start").bytes);
    host
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_start_sends_what_others_send() {
    let mut host = started();
    let sent = host.sent.len();
    host.play("init-8-start-rsp");
    host.play("init-8-state-starting");
    assert_eq!(host.sent.len(), sent);
    host.play("init-8-state-up");
    assert_eq!(host.last_sent(), exchange("health-devinfo-req").bytes);
    host.hear(RadioInput::Bytes(&not_yet()));
    assert_ne!(host.states().last(), Some(&RadioState::Ready));
    host.pass(700);
    assert_eq!(host.sent.len(), sent + 2);
    host.play("init-9-devinfo-rsp");
    assert_eq!(host.states().last(), Some(&RadioState::Ready));
    host.radio.settle(host.moment());
    host.drain();
    assert_eq!(host.last_sent(), exchange("init-normal-op").bytes);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_start_in_one_read_with_stray_bytes_is_one_all_the_same() {
    let mut host = started();
    host.play("r-stray-f0f8");
    assert_eq!(host.states().last(), Some(&RadioState::Ready));
    assert!(host.notices.contains(&RadioNotice::Noise { bytes: 2 }));
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_coordinator_that_is_not_ours_is_started_anew() {
    for answer in ["init-devinfo-zero-ieee", "init-devinfo-bad-ecuid"] {
        let mut host = Host::new();
        host.play("health-ping-rsp");
        host.pass(1000);
        assert_eq!(host.last_sent(), exchange("health-devinfo-req").bytes);
        host.play(answer);
        assert_eq!(
            host.last_sent(),
            exchange("init-0-reset-req").bytes,
            "{answer}"
        );
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn nothing_is_written_before_the_stick_has_started_anew() {
    let mut host = Host::ready();
    host.restart();
    host.play("init-reset-external");
    host.play("init-srsp");
    // Told to start anew; for two seconds nothing is sent, and then the indication comes.
    assert_eq!(host.last_sent(), exchange("init-0-reset-req").bytes);
    let sent = host.sent.len();
    host.pass(2000);
    assert_eq!(host.sent.len(), sent);
    host.play("r-init-write-lost-after-reset");
    let address = exchange("init-3-ieee").bytes;
    assert_eq!(host.last_sent(), address);
    // What is lost all the same is written again.
    host.pass(1000);
    assert_eq!(host.last_sent(), address);
    assert_eq!(host.sent.len(), sent + 2);
    host.play("init-srsp");
    assert_eq!(host.last_sent(), exchange("init-4-type").bytes);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn wrong_firmwares_are_told() {
    let mut host = Host::new();
    host.play("r-ping-stock-12");
    host.pass(1000);
    let firmware = host.wrong_firmware();
    assert_eq!(firmware, Some(StickFirmware::StockHome12));
    for (indication, expected) in [
        ("init-wrong-firmware-1", StickFirmware::StockHome12),
        ("init-wrong-firmware-2", StickFirmware::StockHome12),
        ("r-reset-ind-cc2652", StickFirmware::Cc26xx),
    ] {
        let mut host = Host::ready();
        host.restart();
        host.sent.clear();
        host.play(indication);
        let firmware = host.wrong_firmware();
        assert_eq!(firmware, Some(expected), "{indication}");
        assert!(host.sent.is_empty(), "{indication}");
    }
    // The one that is needed.
    let [ZnpMessage::Reset(reset)] = messages("init-0-reset-ind")[..] else {
        panic!();
    };
    let identity = ZnpIdentity {
        capabilities: Some(0x0779),
        reset: Some(reset),
        ..ZnpIdentity::default()
    };
    assert_eq!(identity.firmware(), StickFirmware::Modified);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn noise_before_an_answer_does_no_harm() {
    let mut host = Host::new();
    host.play("r-stray-ef-burst");
    assert!(host.notices.contains(&RadioNotice::Noise { bytes: 17 }));
    assert_eq!(host.last_sent(), ZnpRequest::Version.encode().unwrap());
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn pairing_requests_are_those_of_others_and_echoes_are_no_answers() {
    let ids = ["pair-0-req", "pair-1-req", "pair-2-req", "pair-3-req"];
    for (number, id) in ids.into_iter().enumerate() {
        let bytes = exchange(id).bytes;
        let ZnpRequest::SendForeign(foreign) =
            ZnpRequest::decode(ZnpFrame::exactly(&bytes).unwrap())
        else {
            panic!("{id}");
        };
        assert_eq!(usize::from(foreign.transaction), number);
        let mut host = Host::ready();
        host.send(Outgoing::Unjoined {
            cluster: foreign.cluster,
            transaction: foreign.transaction,
            data: foreign.data,
        });
        assert_eq!(host.last_sent(), bytes, "{id}");
    }
    for exchange in exchanges().iter().filter(|it| it.is("kind", "pair_echo")) {
        let mut host = Host::ready();
        host.hear(RadioInput::Bytes(&exchange.bytes));
        assert_eq!(host.echoes().len(), 1, "{}", exchange.id);
        assert!(host.received().is_empty(), "{}", exchange.id);
    }
    let mut host = Host::ready();
    host.play("pair-1-echo-by-other-inverter");
    assert_eq!(host.echoes()[0].0, 0xd021);
    for exchange in exchanges().iter().filter(|it| it.is("kind", "pair_answer")) {
        let mut host = Host::ready();
        host.hear(RadioInput::Bytes(&exchange.bytes));
        let received = host.received();
        assert_eq!(received.len(), 1, "{}", exchange.id);
        assert_eq!(received[0].cluster, 0x0101, "{}", exchange.id);
        let stated = &exchange.all["stated_by_source"]["inverter_id"];
        let expected = &exchange.all["expected"]["short_address"];
        for address in [stated, expected].into_iter().filter(|it| !it.is_null()) {
            assert_eq!(received[0].source.0, number(address), "{}", exchange.id);
        }
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn what_becomes_of_a_request_is_told_and_the_inverter_is_blamed_only_for_its_own() {
    let bytes = exchange("poll-req-1").bytes;
    let ZnpRequest::Send(request) = ZnpRequest::decode(ZnpFrame::exactly(&bytes).unwrap()) else {
        panic!();
    };
    let to = |address| Outgoing::To {
        address,
        cluster: request.cluster,
        data: request.data.clone(),
    };
    let done = |host: &Host| {
        let done = host.notices.iter().find_map(|notice| match notice {
            RadioNotice::Done(outcome) => Some(*outcome),
            _ => None,
        });
        done.unwrap()
    };
    for (answer, millis, expected) in [
        ("poll-no-route", 0, Err(SendTrouble::NoRoute)),
        ("poll-mac-no-ack", 0, Err(SendTrouble::NoAck)),
        ("poll-confirm-only", 0, Ok(())),
        ("poll-no-incoming", 0, Ok(())),
        ("poll-self-echo", 0, Ok(())),
        ("poll-srsp-only", 2500, Err(SendTrouble::NoConfirm)),
        ("r-poll-cold-boot-02", 0, Err(SendTrouble::NotReady)),
    ] {
        let mut host = Host::ready();
        host.send(to(request.destination));
        assert_eq!(host.last_sent(), bytes);
        host.play(answer);
        host.pass(millis);
        assert_eq!(done(&host), expected, "{answer}");
        assert!(
            host.received().is_empty() && host.echoes().is_empty(),
            "{answer}"
        );
        let is_started = host.last_sent() == exchange("init-0-reset-req").bytes;
        assert_eq!(is_started, answer == "r-poll-cold-boot-02", "{answer}");
    }
    // One that has never been paired is not asked.
    let bytes = exchange("poll-req-unpaired").bytes;
    let ZnpRequest::Send(request) = ZnpRequest::decode(ZnpFrame::exactly(&bytes).unwrap()) else {
        panic!();
    };
    let mut host = Host::ready();
    host.send(to(request.destination));
    assert_eq!(done(&host), Err(SendTrouble::Impossible));
    assert!(host.sent.is_empty());
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn answers_arrive_with_the_way_they_took() {
    for exchange in exchanges().iter().filter(|it| it.is("kind", "poll_answer")) {
        if !exchange.is_complete() {
            continue;
        }
        let mut host = Host::ready();
        host.hear(RadioInput::Bytes(&exchange.bytes));
        let received = host.received();
        assert!(!received.is_empty(), "{}", exchange.id);
        for message in received {
            assert_eq!(message.cluster, 0x0106, "{}", exchange.id);
            assert!(message.relays.is_empty(), "{}", exchange.id);
        }
    }
    let mut host = Host::ready();
    host.play("route-ind-one-relay");
    let expected = RadioNotice::Route {
        to: ShortAddress(0x12e9),
        relays: vec![ShortAddress(0xfc78)],
    };
    assert_eq!(host.notices, [expected]);
}
