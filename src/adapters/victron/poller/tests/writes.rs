//! What the user wants written.

use super::*;

#[test]
fn what_the_user_wants_comes_first() {
    let mut bench = Bench::new(Family::Mppt);
    bench.run(3);
    bench.sent.clear();
    let wish = Request::Set(0x0200, vec![4]);
    bench.poller.ask(wish.clone());
    bench.run(1);
    assert_eq!(bench.sent[0].1, wish);
}

#[test]
fn what_cannot_be_taken_back_is_not_sent_by_whatever_way_it_came() {
    let mut bench = Bench::new(Family::Mppt);
    bench.run(3);
    bench.sent.clear();
    let wipe = Request::Set(0x1030, Vec::new());
    let lock = Request::Set(registers::NETWORK_MODE, vec![0x0d]);
    bench.poller.ask(wipe.clone());
    bench.poller.ask(lock.clone());
    bench.poller.ask_again(Request::Restart);
    let wish = Request::Set(0x0200, vec![4]);
    bench.poller.ask(wish.clone());
    bench.run(600);
    let sent = |request: &Request| bench.sent.iter().any(|(_, it)| it == request);
    assert!(!sent(&wipe) && !sent(&lock) && !sent(&Request::Restart));
    // And what comes behind it is.
    assert!(sent(&wish));
}

#[test]
fn nothing_is_written_before_the_device_has_said_who_it_is() {
    let mut bench = Bench::new(Family::Mppt);
    bench.poller.ask(Request::Set(0x0200, vec![4]));
    bench.run(10);
    let write = |(_, request): &(Duration, Request)| matches!(request, Request::Set(..));
    let is_serial = |(_, request): &(Duration, Request)| *request == Request::Get(SERIAL);
    let serial = bench.sent.iter().position(is_serial).unwrap();
    assert!(bench.sent.iter().position(write).unwrap() > serial);

    // Somebody else may be there: nothing is written until that is known.
    let before = bench.sent.len();
    bench.poller.hold(true);
    bench.poller.ask(Request::Set(0x0200, vec![1]));
    bench.run(10);
    assert!(!bench.sent[before..].iter().any(write));
    bench.poller.hold(false);
    bench.run(10);
    assert!(bench.sent[before..].iter().any(write));
}

#[test]
fn what_is_taken_back_is_not_written_again() {
    let mut bench = Bench::new(Family::Mppt);
    bench.run(20);
    let write = Request::Set(0x2015, vec![1, 0]);
    bench.hears = false;
    bench.poller.ask(write.clone());
    bench.poller.ask(write.clone());
    while bench.open.as_ref() != Some(&write) {
        bench.now += STEP;
        bench.step();
    }
    bench.open = None;
    bench.poller.take_back(|register| register == 0x2015);
    let count = |bench: &Bench| bench.sent.iter().filter(|(_, sent)| *sent == write).count();
    let before = count(&bench);
    for _ in 0..100 {
        bench.open = None;
        bench.now += STEP;
        bench.step();
    }
    assert_eq!(count(&bench), before);
}
