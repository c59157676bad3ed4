//! Inverters that are brought into a network, or not.

use super::*;

#[test]
fn all_four_requests_make_a_member_and_echoes_tell_nothing() {
    for list in ["YC600,DS3", "DS3,YC600"] {
        let mut host = Host::new(list, false, &[], NOON);
        host.configure();
        let (serial, address) = (host.serial(0), host.address(0));
        let answered = PairingHeard::Answered(address);
        let heard = host.pair(serial, &[0, 1, 2]);
        assert!(
            heard.iter().all(|it| it.contains(&PairingHeard::Echo)),
            "{heard:?}"
        );
        let which = usize::from(list.starts_with('Y')) + 1;
        for (place, heard) in heard.iter().enumerate() {
            assert_eq!(heard.contains(&answered), place == which, "{heard:?}");
        }
        assert_eq!(host.bench.truth().inverters[0].gateway, None);
        host.pair(serial, &[0, 1, 2, 3]);
        assert_eq!(host.bench.truth().inverters[0].gateway, Some(gateway()));
        assert_eq!(host.bench.truth().inverters[1].gateway, None);
        let mut host = host.up();
        assert!(host.poll(0).is_some());
        let other = host.address(1);
        let heard = host.command(other, InverterCommand::Poll, 4 * SECOND);
        assert_eq!(confirm(&heard), Some(ZnpStatus::NoRoute));
    }
}

#[test]
fn pairing_fails_in_every_way() {
    let pair = |faults: &[&str], begin: &str| {
        let mut host = Host::new("DS3,QS1", false, faults, begin);
        host.configure();
        let serial = host.serial(0);
        let heard = [
            host.pair(serial, &[0, 1, 2, 3]),
            host.pair(serial, &[0, 1, 2, 3]),
        ];
        let answered = PairingHeard::Answered(host.address(0));
        heard.map(|round| {
            let heard = round.concat();
            let count = heard.iter().filter(|it| **it == answered).count();
            let others = heard
                .iter()
                .filter(|it| matches!(it, PairingHeard::OtherAnswered(..)))
                .count();
            (count, others, heard.contains(&PairingHeard::Echo))
        })
    };
    assert_eq!(pair(&[], NOON), [(1, 0, true); 2]);
    assert_eq!(pair(&["no-echo"], NOON), [(1, 0, false); 2]);
    assert_eq!(pair(&["pair-never"], NOON), [(0, 0, true); 2]);
    assert_eq!(pair(&["pair-round=2"], NOON), [(0, 0, true), (1, 0, true)]);
    assert_eq!(
        pair(&["pair-on-ask", "pair-on-move"], NOON),
        [(2, 0, true); 2]
    );
    assert_eq!(pair(&["pair-on-move"], NOON), [(1, 0, true); 2]);
    assert_eq!(
        pair(&["pair-others", "pair-round=2"], NOON),
        [(0, 2, true), (1, 2, true)]
    );
    assert_eq!(pair(&["night"], NOON), [(0, 0, false); 2]);
    assert_eq!(
        pair(&[], "2026-06-21T02:00[Europe/Vienna]"),
        [(0, 0, false); 2]
    );
    assert_eq!(pair(&["deaf"], NOON), [(0, 0, false); 2]);
}

#[test]
fn some_have_to_be_switched_off_before_they_answer() {
    let mut host = Host::new("DS3", false, &["pair-restarted"], NOON);
    host.configure();
    let (serial, answered) = (host.serial(0), PairingHeard::Answered(host.address(0)));
    let heard = host.pair(serial, &[0, 1, 2, 3]).concat();
    assert!(!heard.contains(&answered) && heard.contains(&PairingHeard::Echo));
    host.bench.stick().mesh.restart_all();
    let heard = host.pair(serial, &[0, 1, 2, 3]).concat();
    assert!(heard.contains(&answered), "{heard:?}");
}
