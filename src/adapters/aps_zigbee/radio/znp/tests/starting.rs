//! A stick that is there is brought up.

use super::*;

#[test]
fn a_new_stick_is_brought_up() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    assert!(bench.is_ready(), "{:?}", bench.state());
    let expected = [
        "Ping",
        "Version",
        "DeviceInfo",
        "Reset",
        "Write 03",
        "Reset",
        "Write 01",
        "Write 87",
        "Write 83",
        "Write 84",
        "Register",
        "Start",
        "DeviceInfo",
        "Send 0xFFFF",
        "DeviceInfo",
    ];
    assert_eq!(bench.names(), expected);
    assert!(bench.troubles().is_empty());
    let value = |wanted: u8| {
        let value = |(_, request): &(Duration, ZnpRequest)| match request {
            ZnpRequest::WriteConfiguration { item, value } if *item == wanted => {
                Some(value.clone())
            }
            _ => None,
        };
        bench.requests.iter().find_map(value).unwrap()
    };
    assert_eq!(value(1), ieee());
    assert_eq!(value(0x83), [0xa1, 0xb2]);
    assert_eq!(value(0x84), [0, 0, 1, 0]);
    let identified = bench.notices.iter().find_map(|(_, notice)| match notice {
        RadioNotice::Identified(firmware) => Some(*firmware),
        _ => None,
    });
    assert_eq!(identified, Some(StickFirmware::Modified));
}

#[test]
fn one_that_runs_already_keeps_its_routes() {
    let mut stick = Good {
        ieee: ieee(),
        is_running: true,
    };
    let mut bench = Bench::new(move |request, _| stick.answer(request));
    bench.pass(secs(5));
    assert!(bench.is_ready());
    assert_eq!(bench.resets(), 0);
    let registered = bench.count(|request| matches!(request, ZnpRequest::Register(_)));
    assert_eq!(registered, 1);
}

#[test]
fn an_endpoint_that_is_registered_already_is_no_trouble() {
    let mut bench = Bench::but(|request, _| {
        let known = ZnpMessage::Registered(ZnpStatus::AlreadyRegistered);
        matches!(request, ZnpRequest::Register(_)).then(|| at_once(&[known]))
    });
    bench.pass(secs(10));
    assert!(bench.is_ready());
}

#[test]
fn nothing_is_sent_between_a_reset_and_its_indication() {
    // The first of four is swallowed, the second takes nearly five seconds.
    let mut resets = 0;
    let mut bench = Bench::but(move |request, _| {
        if *request != ZnpRequest::Reset(0) {
            return None;
        }
        resets += 1;
        Some(match resets {
            1 => Vec::new(),
            2 => vec![(Duration::from_millis(4900), reset_of(2).encode().unwrap())],
            _ => at_once(&[reset_of(2)]),
        })
    });
    bench.pass(secs(30));
    assert!(bench.is_ready());
    let first = bench
        .names()
        .iter()
        .position(|name| name == "Reset")
        .unwrap();
    let times: Vec<Duration> = bench.requests[first..first + 3]
        .iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(
        &bench.names()[first..first + 3],
        ["Reset", "Reset", "Write 03"]
    );
    assert_eq!(times[1] - times[0], secs(5));
    assert_eq!(times[2] - times[1], Duration::from_millis(4900));
    assert_eq!(bench.resets(), 3);
}

#[test]
fn a_lost_write_is_written_again_and_a_refused_one_is_not_passed_over() {
    let mut addresses = 0;
    let mut bench = Bench::but(move |request, _| {
        let is_address = matches!(request, ZnpRequest::WriteConfiguration { item: 1, .. });
        addresses += u32::from(is_address);
        (is_address && addresses < 3).then(Vec::new)
    });
    bench.pass(secs(15));
    assert!(bench.is_ready());
    let names = bench.names();
    assert_eq!(names.iter().filter(|name| *name == "Write 01").count(), 3);
    let mut bench = Bench::but(|request, _| {
        let is_channel = matches!(request, ZnpRequest::WriteConfiguration { item: 0x84, .. });
        is_channel.then(|| at_once(&[ZnpMessage::Written(ZnpStatus::Failure)]))
    });
    bench.pass(secs(15));
    let expected = RadioTrouble::Refused {
        step: Some(StartStep::Configuring),
        status: shown(ZnpStatus::Failure),
    };
    assert_eq!(bench.troubles(), [expected]);
}

#[test]
fn a_late_indication_of_an_earlier_reset_begins_the_writes_again() {
    let mut bench = Bench::but(|request, _| {
        let is_register = matches!(request, ZnpRequest::Register(_));
        is_register.then(Vec::new)
    });
    bench.pass(Duration::from_millis(1500));
    assert_eq!(bench.names().last().unwrap(), "Register");
    let before = bench.resets();
    bench.say(&reset_of(2));
    assert_eq!(bench.names().last().unwrap(), "Write 01");
    assert_eq!(bench.resets(), before);
}

#[test]
fn a_stick_that_restarts_again_and_again_has_a_weak_supply() {
    let mut bench = Bench::but(|request, _| {
        let is_start = *request == ZnpRequest::Start;
        is_start.then(|| at_once(&[reset_of(2)]))
    });
    bench.pass(secs(5));
    assert_eq!(bench.troubles(), [RadioTrouble::KeepsRestarting]);
    let asked = bench.requests.len();
    bench.pass(Duration::from_millis(100));
    assert_eq!(bench.requests.len(), asked);
}

#[test]
fn a_network_that_is_starting_is_waited_for() {
    let mut started = None;
    let mut bench = Bench::but(move |request, now| {
        if *request == ZnpRequest::Start {
            started = Some(now);
            let state = ZnpMessage::State(CoordinatorState::Starting);
            return Some(at_once(&[ZnpMessage::Starting, state]));
        }
        let is_young = started.is_some_and(|at| now < at + secs(20));
        (is_young && *request == ZnpRequest::DeviceInfo).then(|| {
            at_once(&[ZnpMessage::DeviceInfo(DeviceInfo {
                state: CoordinatorState::Starting,
                ..running()
            })])
        })
    });
    bench.pass(secs(20));
    assert_eq!(bench.state(), RadioState::Starting(StartStep::Network));
    bench.pass(secs(5));
    assert!(bench.is_ready());
    assert!(bench.troubles().is_empty());
    assert_eq!(bench.resets(), 2);
}

#[test]
fn a_network_that_never_comes_up_is_told() {
    let mut bench = Bench::but(|request, _| {
        (*request == ZnpRequest::DeviceInfo).then(|| {
            at_once(&[ZnpMessage::DeviceInfo(DeviceInfo {
                state: CoordinatorState::Starting,
                ..running()
            })])
        })
    });
    bench.pass(secs(160));
    assert_eq!(bench.troubles(), [RadioTrouble::NotRunning]);
}

#[test]
fn an_address_that_is_not_kept_is_told() {
    for found in [[0; 8], [0xff, 0xff, 1, 2, 3, 4, 5, 6]] {
        let mut bench = Bench::but(move |request, _| {
            (*request == ZnpRequest::DeviceInfo).then(|| {
                at_once(&[ZnpMessage::DeviceInfo(DeviceInfo {
                    ieee: found,
                    ..running()
                })])
            })
        });
        bench.pass(secs(4));
        assert_eq!(bench.troubles(), [RadioTrouble::ForeignAddress { found }]);
        // Three times two.
        assert_eq!(bench.resets(), 6);
    }
}

#[test]
fn an_address_that_was_lost_while_it_worked_is_given_again() {
    let mut lost = true;
    let mut bench = Bench::but(move |request, now| {
        let is_lost = now > secs(200) && lost && *request == ZnpRequest::DeviceInfo;
        is_lost.then(|| {
            lost = false;
            at_once(&[ZnpMessage::DeviceInfo(DeviceInfo {
                ieee: [0; 8],
                ..running()
            })])
        })
    });
    bench.pass(secs(110));
    assert_eq!(bench.resets(), 2);
    // It is asked how it is every ten minutes.
    bench.pass(secs(600));
    assert!(bench.is_ready());
    assert_eq!(bench.resets(), 4);
    assert!(bench.troubles().is_empty());
}
