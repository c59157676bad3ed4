//! A stick that works is kept well.

use super::*;

#[test]
fn a_stick_that_freezes_is_opened_anew_and_then_told_of() {
    let mut bench = Bench::but(|_, now| (now >= secs(200)).then(Vec::new));
    bench.pass(secs(110));
    bench.send(to(INVERTER));
    bench.pass(secs(4));
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NoAnswer)]);
    assert_eq!(
        bench.count(
            |request| matches!(request, ZnpRequest::Send(send) if send.destination == INVERTER)
        ),
        3
    );
    assert_eq!(bench.reopened.len(), 1);
    bench.pass(secs(10));
    assert_eq!(bench.troubles(), [RadioTrouble::Stuck]);
    // And found frozen, even if nothing is to be sent.
    let mut bench = Bench::but(|_, now| (now >= secs(200)).then(Vec::new));
    bench.pass(secs(620));
    assert_eq!(bench.troubles(), [RadioTrouble::Stuck]);
}

#[test]
fn it_is_asked_how_it_is_every_ten_minutes() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    let asked = |bench: &Bench| bench.count(|request| *request == ZnpRequest::DeviceInfo);
    let before = asked(&bench);
    bench.pass(secs(3600));
    assert_eq!(asked(&bench), before + 6);
    bench.notices.clear();
    bench.radio.next_check = bench.now;
    bench.tell(RadioInput::Time);
    // A message meanwhile waits for it.
    bench.send(to(INVERTER));
    bench.pass(secs(1));
    assert_eq!(asked(&bench), before + 7);
    bench.pass(secs(300));
    assert!(matches!(
        &bench.notices[..],
        [(_, RadioNotice::Done(Ok(())))]
    ));
}

#[test]
fn a_stick_that_hears_nothing_is_opened_anew_then_started_anew_every_quarter_of_an_hour() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    let began = bench.now;
    let resets = bench.resets();
    for _ in 0..60 {
        bench.radio.deaf(moment(bench.now));
        bench.pass(secs(60));
    }
    // In turns.
    assert_eq!(bench.reopened.len(), 2);
    assert_eq!(bench.reopened[0], began);
    assert_eq!(bench.resets(), resets + 2 * 2);
    assert_eq!(bench.pulses, 2);
    assert!(bench.troubles().iter().all(|it| *it == RadioTrouble::Deaf));
    assert!(bench.is_ready());
    // Once it has heard something, it begins with the gentle one again.
    bench.say(&incoming(INVERTER.0, INVERTER.0));
    bench.radio.deaf(moment(bench.now));
    bench.pass(secs(10));
    assert_eq!(bench.reopened.len(), 3);
    assert_eq!(bench.resets(), resets + 4);
}

#[test]
fn a_stick_that_restarts_by_itself_is_brought_up_again() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    let resets = bench.resets();
    bench.send(to(INVERTER));
    bench.say(&reset_of(2));
    bench.pass(secs(10));
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NotReady)]);
    assert_eq!(bench.resets(), resets + 2);
    assert!(bench.is_ready());
}

#[test]
fn a_closed_port_ends_everything_and_an_open_one_begins_it() {
    let mut bench = Bench::good();
    bench.pass(secs(10));
    bench.send(to(INVERTER));
    bench.coming.clear();
    bench.tell(RadioInput::Closed);
    assert_eq!(bench.outcomes(), [Err(SendTrouble::NotReady)]);
    assert_eq!(bench.state(), RadioState::Away);
    bench.pass(secs(1000));
    bench.send(to(INVERTER));
    assert_eq!(bench.outcomes().len(), 2);
    let resets = bench.resets();
    bench.tell(RadioInput::Opened);
    bench.pass(secs(5));
    assert!(bench.is_ready());
    assert_eq!(bench.resets(), resets);
}

#[test]
fn stray_bytes_do_no_harm() {
    let mut stick = Good::default();
    let mut bench = Bench::new(move |request, _| {
        let answers = stick.answer(request);
        let stray = answers.into_iter().map(|(delay, bytes)| {
            let around = [&[0xf0, 0xf8], bytes.as_slice(), &[0xfe, 0x20]].concat();
            (delay, around)
        });
        stray.collect()
    });
    bench.pass(secs(20));
    assert!(bench.is_ready(), "{:?}", bench.state());
    assert!(
        bench
            .notices
            .iter()
            .any(|(_, notice)| matches!(notice, RadioNotice::Noise { .. }))
    );
}
