//! Messages, and what becomes of them.

use super::*;

#[test]
fn a_message_is_taken_confirmed_and_answered() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    bench.send(to(INVERTER));
    bench.pass(secs(1));
    assert_eq!(bench.outcomes(), [Ok(())]);
    let relays = vec![ShortAddress(0x5566)];
    bench.say(&ZnpMessage::Route {
        destination: INVERTER,
        relays: relays.clone(),
    });
    bench.say(&incoming(INVERTER.0, 0x5566));
    let Some((_, RadioNotice::Received(received))) = bench.notices.last() else {
        panic!("{:?}", bench.notices);
    };
    assert_eq!((received.source, &received.relays), (INVERTER, &relays));
    assert_eq!((received.lqi, received.last_hop), (90, relays[0]));
}

#[test]
fn our_own_messages_that_come_back_are_no_answers() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    bench.notices.clear();
    bench.say(&incoming(0, 0));
    assert!(bench.notices.is_empty());
    bench.say(&incoming(0, 0x5566));
    assert!(matches!(
        &bench.notices[..],
        [(
            _,
            RadioNotice::Echo {
                through: ShortAddress(0x5566),
                ..
            }
        )]
    ));
}

#[test]
fn what_becomes_of_a_message_is_told() {
    for (status, expected) in [
        (0x00, Ok(())),
        (0xcd, Err(SendTrouble::NoRoute)),
        (0xe9, Err(SendTrouble::NoAck)),
        (0xf0, Err(SendTrouble::Expired)),
        (0xb7, Err(SendTrouble::Expired)),
        (0x11, Err(SendTrouble::Busy)),
        (0x77, Err(SendTrouble::Refused(shown(0x77.into())))),
    ] {
        let mut bench = Bench::but(move |request, _| {
            let is_ours = matches!(request, ZnpRequest::Send(send) if send.destination == INVERTER);
            let confirm = ZnpMessage::Confirm {
                status: status.into(),
                endpoint: 0x14,
                transaction: 0,
            };
            is_ours.then(|| at_once(&[ZnpMessage::Sending(ZnpStatus::Success), confirm]))
        });
        bench.pass(secs(10));
        bench.send(to(INVERTER));
        bench.pass(secs(1));
        assert_eq!(bench.outcomes(), [expected]);
        assert!(bench.is_ready());
    }
}

#[test]
fn a_confirmation_that_does_not_come_matters_for_one_inverter_only() {
    let mut bench = Bench::but(|request, _| {
        let is_send = matches!(request, ZnpRequest::Send(_));
        is_send.then(|| at_once(&[ZnpMessage::Sending(ZnpStatus::Success)]))
    });
    bench.pass(secs(10));
    assert!(bench.is_ready());
    bench.send(to(INVERTER));
    bench.pass(secs(3));
    bench.send(unjoined());
    bench.pass(secs(1));
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NoConfirm), Ok(())]);
}

#[test]
fn a_late_confirmation_is_not_that_of_the_next_message() {
    let mut bench = Bench::but(|request, _| {
        let is_ours = matches!(request, ZnpRequest::Send(send) if send.destination == INVERTER);
        is_ours.then(Vec::new)
    });
    bench.pass(secs(10));
    bench.send(unjoined());
    bench.pass(Duration::from_millis(500));
    bench.send(to(INVERTER));
    let (endpoint, transaction) = (0x14, 0);
    for status in [ZnpStatus::NoRoute, ZnpStatus::NoMacAcknowledgement] {
        bench.say(&ZnpMessage::Confirm {
            status,
            endpoint,
            transaction,
        });
    }
    bench.say(&ZnpMessage::Sending(ZnpStatus::Success));
    assert_eq!(bench.outcomes(), [Ok(()), Err(SendTrouble::NoAck)]);
}

#[test]
fn a_stick_that_lost_its_power_is_brought_up_before_it_sends_again() {
    // It says that all is well, and refuses.
    let mut resets = 0;
    let mut stick = Good {
        ieee: ieee(),
        is_running: true,
    };
    let mut bench = Bench::new(move |request, _| {
        resets += u32::from(*request == ZnpRequest::Reset(0));
        let is_ours = matches!(request, ZnpRequest::Send(send) if send.destination == INVERTER);
        if is_ours && resets == 0 {
            at_once(&[ZnpMessage::Sending(ZnpStatus::InvalidParameter)])
        } else {
            stick.answer(request)
        }
    });
    bench.pass(secs(5));
    assert!(bench.is_ready());
    bench.send(to(INVERTER));
    bench.pass(secs(10));
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NotReady)]);
    assert!(SendTrouble::NotReady.is_of_radio());
    assert!(bench.is_ready());
    bench.send(to(INVERTER));
    bench.pass(secs(1));
    assert_eq!(bench.outcomes().last(), Some(&Ok(())));
    assert!(bench.troubles().is_empty());
}

#[test]
fn a_stick_that_refuses_whatever_is_done_is_not_started_in_a_circle() {
    let mut bench = Bench::but(|request, _| {
        let is_ours = matches!(request, ZnpRequest::Send(send) if send.destination == INVERTER);
        is_ours.then(|| at_once(&[ZnpMessage::Sending(ZnpStatus::InvalidParameter)]))
    });
    bench.pass(secs(10));
    for _ in 0..3 {
        bench.send(to(INVERTER));
        bench.pass(secs(4));
    }
    let expected = RadioTrouble::Refused {
        step: None,
        status: shown(ZnpStatus::InvalidParameter),
    };
    assert_eq!(bench.troubles(), [expected]);
}

#[test]
fn a_refused_message_to_others_wakes_the_stick_once() {
    let mut refusals = 1;
    let mut bench = Bench::but(move |request, _| {
        let is_refused = matches!(request, ZnpRequest::SendForeign(_)) && refusals > 0;
        is_refused.then(|| {
            refusals -= 1;
            at_once(&[ZnpMessage::SendingForeign(ZnpStatus::InvalidParameter)])
        })
    });
    bench.radio.restart(moment(bench.now));
    bench.pass(secs(10));
    assert!(bench.is_ready());
    // Nothing was announced: the round of pairing is to come.
    assert_eq!(
        bench.count(|request| matches!(request, ZnpRequest::Send(_))),
        0
    );
    bench.send(unjoined());
    bench.pass(secs(2));
    assert_eq!(bench.outcomes(), [Ok(())]);
    let names = bench.names();
    let last: Vec<&str> = names.iter().rev().take(3).map(String::as_str).collect();
    assert_eq!(last, ["SendForeign", "DeviceInfoByAnswer", "SendForeign"]);
    let times: Vec<Duration> = bench.requests.iter().rev().take(2).map(|it| it.0).collect();
    assert_eq!(times[0] - times[1], Duration::from_millis(1500));
    let resets = bench.resets();
    bench.radio.settle(moment(bench.now));
    bench.pass(secs(5));
    assert!(bench.is_ready());
    assert_eq!(bench.resets(), resets);
    let names = bench.names();
    let last: Vec<&str> = names.iter().rev().take(2).map(String::as_str).collect();
    assert_eq!(last, ["DeviceInfo", "Send 0xFFFF"]);
}

#[test]
fn a_message_that_was_refused_twice_starts_the_stick_anew_for_pairing() {
    let mut resets = 0;
    let mut bench = Bench::but(move |request, _| {
        resets += u32::from(*request == ZnpRequest::Reset(0));
        let is_refused = matches!(request, ZnpRequest::SendForeign(_)) && resets < 4;
        let refused = ZnpMessage::SendingForeign(ZnpStatus::InvalidParameter);
        is_refused.then(|| at_once(&[refused]))
    });
    bench.radio.restart(moment(bench.now));
    bench.pass(secs(10));
    bench.send(unjoined());
    bench.pass(secs(10));
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NotReady)]);
    assert!(bench.is_ready());
    assert_eq!(
        bench.count(|request| matches!(request, ZnpRequest::Send(_))),
        0
    );
    bench.send(unjoined());
    bench.pass(secs(1));
    assert_eq!(bench.outcomes().last(), Some(&Ok(())));
}

#[test]
fn a_network_that_is_not_started_yet_is_waited_for() {
    let mut is_refused = true;
    let mut bench = Bench::but(move |request, _| {
        let is_foreign = matches!(request, ZnpRequest::SendForeign(_));
        (is_foreign && std::mem::take(&mut is_refused)).then(|| {
            let refused = ZnpMessage::SendingForeign(ZnpStatus::NotStarted);
            at_once(&[refused, ZnpMessage::State(CoordinatorState::Running)])
        })
    });
    bench.radio.restart(moment(bench.now));
    bench.pass(secs(10));
    let resets = bench.resets();
    bench.send(unjoined());
    bench.pass(secs(1));
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NotReady)]);
    assert!(bench.is_ready());
    assert_eq!(bench.resets(), resets);
}

#[test]
fn what_cannot_be_sent_is_not_sent() {
    let mut bench = Bench::good();
    bench.send(to(INVERTER));
    bench.pass(secs(10));
    let sent = bench.requests.len();
    bench.send(to(ShortAddress::GATEWAY));
    bench.send(to(ShortAddress::BROADCAST));
    bench.send(Outgoing::Unjoined {
        cluster: 1,
        transaction: 1,
        data: vec![0; 300],
    });
    let expected = [
        Err(SendTrouble::NotReady),
        Err(SendTrouble::Impossible),
        Err(SendTrouble::Impossible),
        Err(SendTrouble::Impossible),
    ];
    assert_eq!(bench.outcomes(), expected);
    assert_eq!(bench.requests.len(), sent);
}
