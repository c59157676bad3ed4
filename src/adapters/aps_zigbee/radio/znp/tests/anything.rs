//! Whatever happens, it ends well.

use proptest::prelude::*;

use super::*;

/// What may happen to a radio.
#[derive(Debug, Clone)]
enum Happening {
    Bytes(Vec<u8>),
    Pass(u64),
    Opened,
    Closed,
    Send(bool),
    Restart,
    Settle,
    Deaf,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let command = proptest::sample::select(vec![
        0x4180_u16, 0x4480, 0x4481, 0x45c0, 0x45c4, 0x6000, 0x6101, 0x6102, 0x6400, 0x6401, 0x6402,
        0x6600, 0x6605, 0x6700, 0x6710, 0x2101, 0x4100,
    ]);
    let data = proptest::collection::vec(prop_oneof![0..10_u8, any::<u8>()], 0..24);
    let frame = (command, data).prop_map(|(command, data)| {
        Happening::Bytes(ZnpRequest::Other { command, data }.encode().unwrap())
    });
    let happening = prop_oneof![
        8 => frame,
        2 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Happening::Bytes),
        8 => (1..700_000_u64).prop_map(Happening::Pass),
        1 => Just(Happening::Opened),
        1 => Just(Happening::Closed),
        2 => any::<bool>().prop_map(Happening::Send),
        1 => Just(Happening::Restart),
        1 => Just(Happening::Settle),
        1 => Just(Happening::Deaf),
    ];
    proptest::collection::vec(happening, 0..60)
}

proptest! {
    #[test]
    fn whatever_happens_each_message_has_one_outcome_and_a_good_stick_comes_up_at_last(
        all in happenings(),
        is_answering in any::<bool>(),
    ) {
        let mut stick = Good::default();
        let mut bench = Bench::new(move |request, now| {
            let answers = stick.answer(request);
            if is_answering || now > secs(1_000_000) { answers } else { Vec::new() }
        });
        let mut sent = 0;
        for happening in all {
            match happening {
                Happening::Bytes(bytes) => bench.tell(RadioInput::Bytes(&bytes)),
                Happening::Pass(millis) => bench.pass(Duration::from_millis(millis)),
                Happening::Opened => bench.tell(RadioInput::Opened),
                Happening::Closed => bench.tell(RadioInput::Closed),
                Happening::Send(is_foreign) => {
                    sent += 1;
                    bench.send(if is_foreign { unjoined() } else { to(INVERTER) });
                }
                Happening::Restart => bench.radio.restart(moment(bench.now)),
                Happening::Settle => bench.radio.settle(moment(bench.now)),
                Happening::Deaf => bench.radio.deaf(moment(bench.now)),
            }
            bench.settle();
        }
        bench.now = bench.now.max(secs(1_000_001));
        bench.tell(RadioInput::Opened);
        bench.pass(secs(60));
        prop_assert_eq!(bench.outcomes().len(), sent);
        prop_assert!(bench.is_ready(), "{:?} {:?}", bench.state(), bench.radio);
        bench.send(to(INVERTER));
        bench.pass(secs(5));
        let last = bench.outcomes().pop();
        prop_assert_eq!(last, Some(Ok(())));
    }

    #[test]
    fn reading_is_the_same_however_the_bytes_are_cut(
        frames in proptest::collection::vec((any::<u16>(), 0..30_usize), 0..6),
        size in 1..20_usize,
    ) {
        let mut bytes = Vec::new();
        for (source, length) in frames {
            let ZnpMessage::Incoming(mut message) = incoming(source, source ^ 1) else {
                unreachable!();
            };
            message.data.truncate(length);
            bytes.extend(ZnpMessage::Incoming(message).encode().unwrap());
        }
        let notices = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut bench = Bench::good();
            bench.pass(secs(10));
            bench.notices.clear();
            for piece in pieces {
                bench.tell(RadioInput::Bytes(piece));
            }
            bench.notices
        };
        let whole = notices(&mut std::iter::once(bytes.as_slice()));
        prop_assert_eq!(notices(&mut bytes.chunks(size)), whole);
    }
}
