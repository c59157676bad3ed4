use proptest::prelude::*;

use super::*;

const INVERTER: &str = "192.0.2.50:1025";
const SERVER: &str = "198.51.100.22:22222";

/// Without what it borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Opened(u64, bool, Option<u64>),
    Bytes(u64, Vec<u8>),
    Lost(u64, u32),
    Closed(u64),
}

#[derive(Default)]
struct Watch {
    reassembly: Reassembly,
    told: Vec<Told>,
    keys: Vec<FlowKey>,
    milliseconds: u64,
}

fn note(told: &mut Vec<Told>, keys: &mut Vec<FlowKey>, delivery: Delivery<'_>) {
    match delivery {
        Delivery::Opened {
            flow,
            key,
            peer,
            from_start,
            ..
        } => {
            keys.push(key);
            told.push(Told::Opened(flow.0, from_start, peer.map(|peer| peer.0)));
        }
        // Bytes that follow one another are the same however they come.
        Delivery::Bytes(flow, bytes) => match told.last_mut() {
            Some(Told::Bytes(last, before)) if *last == flow.0 => before.extend(bytes),
            _ => told.push(Told::Bytes(flow.0, bytes.to_vec())),
        },
        Delivery::Lost(flow, count) => told.push(Told::Lost(flow.0, count)),
        Delivery::Closed(flow) => told.push(Told::Closed(flow.0)),
    }
}

impl Watch {
    fn take(&mut self, segment: Segment<'_>) -> &mut Self {
        let at = Duration::from_millis(self.milliseconds);
        self.reassembly.take(at, &segment, &mut |delivery| {
            note(&mut self.told, &mut self.keys, delivery);
        });
        self
    }

    fn wait(&mut self, milliseconds: u64) -> &mut Self {
        self.milliseconds += milliseconds;
        self
    }

    fn finish(&mut self) -> &mut Self {
        self.reassembly
            .finish(&mut |delivery| note(&mut self.told, &mut self.keys, delivery));
        self
    }

    fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }
}

fn up(sequence: u32, payload: &[u8]) -> Segment<'_> {
    Segment {
        sequence,
        payload,
        ..Segment::between(INVERTER.parse().unwrap(), SERVER.parse().unwrap())
    }
}

fn down(sequence: u32, acknowledged: u32, payload: &[u8]) -> Segment<'_> {
    Segment {
        sequence,
        acknowledged: Some(acknowledged),
        payload,
        ..Segment::between(SERVER.parse().unwrap(), INVERTER.parse().unwrap())
    }
}

fn syn(mut segment: Segment<'_>) -> Segment<'_> {
    segment.is_syn = true;
    segment
}

fn fin(mut segment: Segment<'_>) -> Segment<'_> {
    segment.is_fin = true;
    segment
}

fn reset(mut segment: Segment<'_>) -> Segment<'_> {
    segment.is_reset = true;
    segment
}

fn opened(flow: u64) -> Told {
    Told::Opened(flow, true, None)
}

fn bytes(flow: u64, bytes: &[u8]) -> Told {
    Told::Bytes(flow, bytes.to_vec())
}

/// A connection that was opened at number 100.
fn open() -> Watch {
    let mut watch = Watch::default();
    watch.take(syn(up(99, b"")));
    watch.take(syn(down(499, 100, b"")));
    watch.take(up(100, b""));
    assert_eq!(watch.told(), []);
    watch
}

#[test]
fn a_whole_connection() {
    let mut watch = open();
    watch.take(up(100, b"abc")).take(down(500, 103, b"xy"));
    watch
        .take(fin(up(103, b"d")))
        .take(fin(down(502, 105, b"")));
    watch.take(up(105, b""));
    assert_eq!(
        watch.told(),
        [
            opened(1),
            bytes(1, b"abc"),
            Told::Opened(2, true, Some(1)),
            bytes(2, b"xy"),
            bytes(1, b"d"),
            Told::Closed(1),
            Told::Closed(2),
        ]
    );
    assert_eq!(watch.keys[0].source, INVERTER.parse().unwrap());
    assert_eq!(watch.keys[1].source, SERVER.parse().unwrap());
    // Sent again, or captured twice: nothing new.
    watch.take(fin(up(103, b"d"))).take(down(500, 103, b"xy"));
    assert_eq!(watch.told(), []);
    // The same ports again.
    watch.take(syn(up(900, b""))).take(up(901, b"e"));
    assert_eq!(watch.told(), [opened(3), bytes(3, b"e")]);
}

#[test]
fn from_the_middle_on() {
    let mut watch = Watch::default();
    // One who asks whether the other end is there has the number before the next.
    watch.take(up(99, b"")).take(up(100, b"abc"));
    assert_eq!(
        watch.told(),
        [Told::Opened(1, false, None), bytes(1, b"abc")]
    );
}

#[test]
fn one_direction_alone_ends_by_itself() {
    let mut watch = Watch::default();
    watch.take(syn(up(99, b""))).take(fin(up(100, b"abc")));
    assert_eq!(watch.told(), [opened(1), bytes(1, b"abc"), Told::Closed(1)]);
}

#[test]
fn a_direction_that_has_ended_waits_for_the_other() {
    let mut watch = open();
    watch.take(fin(up(100, b"abc"))).take(down(500, 104, b"xy"));
    watch.told();
    watch.take(up(104, b"no more")).take(down(502, 104, b"z"));
    assert_eq!(watch.told(), [bytes(2, b"z")]);
    watch.take(fin(down(503, 104, b"")));
    assert_eq!(watch.told(), [Told::Closed(1), Told::Closed(2)]);
}

#[test]
fn an_end_that_comes_early_waits_for_its_bytes() {
    let mut watch = open();
    watch.take(fin(down(500, 100, b""))).take(fin(up(103, b"")));
    assert_eq!(watch.told(), []);
    watch.take(up(100, b"abc"));
    assert_eq!(watch.told(), [opened(1), bytes(1, b"abc"), Told::Closed(1)]);
}

#[test]
fn what_waits_survives_acknowledgements_and_old_news() {
    let mut watch = open();
    watch.take(up(100, b"ab")).take(up(104, b"ef"));
    // The number of what waits, but no bytes.
    watch.take(up(104, b""));
    // The number before the next, with and without a byte.
    watch.take(up(101, b"")).take(up(101, b"\0"));
    // Sent again, all of it and part of it.
    watch.take(up(100, b"ab")).take(up(100, b"a"));
    watch.take(up(102, b"cd"));
    // Old once more: where it was does not move back.
    watch.take(up(100, b"ab")).take(up(106, b"gh"));
    assert_eq!(watch.told(), [opened(1), bytes(1, b"abcdefgh")]);
}

#[test]
fn of_two_with_the_same_number_the_longer_is_kept() {
    for pair in [[&b"cd"[..], b"cdef"], [b"cdef", b"cd"]] {
        let mut watch = open();
        watch.take(up(102, pair[0])).take(up(102, pair[1]));
        watch.take(up(100, b"ab"));
        assert_eq!(watch.told(), [opened(1), bytes(1, b"abcdef")]);
    }
}

#[test]
fn numbers_run_in_a_circle() {
    let mut watch = Watch::default();
    watch.take(syn(up(u32::MAX - 2, b"")));
    watch.take(up(1, b"de")).take(up(u32::MAX - 1, b"abc"));
    watch.take(up(3, b"fg")).take(up(0, b"cdefghi"));
    assert_eq!(watch.told(), [opened(1), bytes(1, b"abcdefghi")]);
}

#[test]
fn a_gap_is_given_up_after_a_while() {
    let mut watch = open();
    watch.take(up(100, b"ab")).take(up(105, b"fg"));
    watch.wait(14_900).take(up(107, b"hi"));
    assert_eq!(watch.told(), [opened(1), bytes(1, b"ab")]);
    // Whatever else is captured makes time go on.
    let other = Segment::between(
        "192.0.2.9:9".parse().unwrap(),
        "192.0.2.8:8".parse().unwrap(),
    );
    watch.wait(200).take(other);
    assert_eq!(watch.told(), [Told::Lost(1, 3), bytes(1, b"fghi")]);
    // Too late.
    watch.take(up(102, b"cde")).take(up(109, b"j"));
    assert_eq!(watch.told(), [bytes(1, b"j")]);
}

#[test]
fn each_gap_has_its_time() {
    let mut watch = open();
    watch.take(up(102, b"c")).wait(10_000).take(up(104, b"e"));
    watch.wait(6_000).take(up(104, b""));
    assert_eq!(watch.told(), [opened(1), Told::Lost(1, 2), bytes(1, b"c")]);
    watch.wait(8_900).take(up(104, b""));
    assert_eq!(watch.told(), []);
    watch.wait(200).take(up(104, b""));
    assert_eq!(watch.told(), [Told::Lost(1, 1), bytes(1, b"e")]);
}

#[test]
fn a_gap_that_the_other_end_has_is_given_up_soon() {
    // Captured a little late, behind its acknowledgement.
    let mut watch = open();
    watch.take(up(102, b"cd")).take(down(500, 104, b""));
    watch.wait(30).take(up(100, b"ab"));
    assert_eq!(watch.told(), [opened(1), bytes(1, b"abcd")]);
    // Never captured.
    watch.take(up(106, b"g")).take(down(500, 107, b""));
    watch.wait(1_900).take(up(107, b"h"));
    assert_eq!(watch.told(), []);
    watch.wait(200).take(up(108, b"i"));
    assert_eq!(watch.told(), [Told::Lost(1, 2), bytes(1, b"ghi")]);
    // An acknowledgement of old makes it certain at once.
    watch
        .take(down(500, 112, b""))
        .wait(5_000)
        .take(up(112, b"m"));
    assert_eq!(watch.told(), [Told::Lost(1, 3), bytes(1, b"m")]);
    // What is acknowledged before the gap says nothing of it.
    watch
        .take(down(500, 113, b""))
        .wait(5_000)
        .take(up(115, b"p"));
    watch
        .take(down(500, 113, b""))
        .wait(5_000)
        .take(up(116, b"q"));
    assert_eq!(watch.told(), []);
}

#[test]
fn a_gap_that_the_other_end_has_is_given_up_where_time_stands_still() {
    let mut watch = open();
    watch.take(up(102, b"c")).take(down(500, 103, b""));
    for _ in 0..31 {
        watch.take(down(500, 103, b""));
    }
    assert_eq!(watch.told(), []);
    watch.take(down(500, 103, b""));
    assert_eq!(watch.told(), [opened(1), Told::Lost(1, 2), bytes(1, b"c")]);
}

#[test]
fn what_was_cut_off_is_a_gap() {
    let mut watch = open();
    let cut = |sequence, payload, missing| Segment {
        missing,
        ..up(sequence, payload)
    };
    watch
        .take(cut(100, b"ab", 8))
        .take(cut(120, b"ef", 8))
        .take(cut(110, b"cd", 8));
    // Sent again in another shape: only what is beyond counts.
    watch.take(cut(120, b"ef", 18));
    assert_eq!(
        watch.told(),
        [
            opened(1),
            bytes(1, b"ab"),
            Told::Lost(1, 8),
            bytes(1, b"cd"),
            Told::Lost(1, 8),
            bytes(1, b"ef"),
            Told::Lost(1, 8),
            Told::Lost(1, 10),
        ]
    );
}

#[test]
fn the_end_of_the_capture_delivers_what_waits() {
    let mut watch = open();
    watch.take(up(103, b"de")).take(up(107, b"h"));
    watch.finish();
    assert_eq!(
        watch.told(),
        [
            opened(1),
            Told::Lost(1, 3),
            bytes(1, b"de"),
            Told::Lost(1, 2),
            bytes(1, b"h"),
            Told::Closed(1),
        ]
    );
    assert_eq!(watch.finish().told(), []);
}

#[test]
fn a_reset_forgets_what_waits() {
    let mut watch = open();
    watch.take(up(100, b"ab")).take(up(104, b"ef"));
    watch.take(reset(down(500, 102, b"")));
    assert_eq!(watch.told(), [opened(1), bytes(1, b"ab"), Told::Closed(1)]);
    // Captured twice.
    watch.take(up(100, b"ab")).take(reset(down(500, 102, b"")));
    assert_eq!(watch.told(), []);
    watch.take(syn(up(7, b""))).take(up(8, b"new"));
    assert_eq!(watch.told(), [opened(2), bytes(2, b"new")]);
}

#[test]
fn an_opening_on_known_addresses_begins_anew() {
    let mut watch = open();
    watch
        .take(up(100, b"ab"))
        .take(down(500, 102, b"x"))
        .wait(60_000);
    watch.told();
    watch.take(syn(up(40, b"")));
    assert_eq!(watch.told(), [Told::Closed(1), Told::Closed(2)]);
    watch.take(syn(down(3000, 41, b""))).take(up(41, b"cd"));
    watch.take(down(3001, 43, b"y"));
    assert_eq!(
        watch.told(),
        [
            opened(3),
            bytes(3, b"cd"),
            Told::Opened(4, true, Some(3)),
            bytes(4, b"y")
        ]
    );
}

#[test]
fn an_opening_that_was_captured_twice_is_one() {
    let mut watch = open();
    watch.take(up(100, b"ab")).wait(5).take(syn(up(99, b"")));
    watch.take(syn(down(499, 100, b""))).take(up(102, b"cd"));
    assert_eq!(watch.told(), [opened(1), bytes(1, b"abcd")]);
    // With a first payload.
    let mut watch = Watch::default();
    watch.take(syn(up(99, b"ab"))).take(up(102, b"cd"));
    assert_eq!(watch.told(), [opened(1), bytes(1, b"abcd")]);
}

#[test]
fn another_connection_whose_opening_was_not_seen() {
    let mut watch = open();
    watch.take(up(100, b"ab"));
    watch.told();
    let far = 100_u32.wrapping_sub(1 << 24);
    // One such segment is nothing.
    watch.take(up(far, b"zz")).take(up(102, b"cd"));
    assert_eq!(watch.told(), [bytes(1, b"cd")]);
    watch
        .take(up(far, b"uv"))
        .take(up(far + 2, b"wx"))
        .take(up(far + 4, b"yz"));
    assert_eq!(
        watch.told(),
        [
            Told::Closed(1),
            Told::Opened(2, false, None),
            bytes(2, b"wxyz")
        ]
    );
}

#[test]
fn after_a_long_silence_it_is_another_connection() {
    let mut watch = open();
    watch.take(up(100, b"ab")).wait(3_601_000);
    watch.take(up(5000, b"cd"));
    assert_eq!(
        watch.told(),
        [
            opened(1),
            bytes(1, b"ab"),
            Told::Closed(1),
            Told::Opened(2, false, None),
            bytes(2, b"cd")
        ]
    );
    // But not if it goes on where it was: then only a clock was set.
    watch.wait(400_000_000).take(up(5002, b"ef"));
    assert_eq!(watch.told(), [bytes(2, b"ef")]);
    watch
        .wait(400_000_000)
        .take(down(500, 5004, b""))
        .take(up(5004, b"gh"));
    assert_eq!(watch.told(), [bytes(2, b"gh")]);
    // Others make it be forgotten.
    for _ in 0..3 {
        let other = Segment {
            payload: b"x",
            ..Segment::between(
                "192.0.2.9:9".parse().unwrap(),
                "192.0.2.8:8".parse().unwrap(),
            )
        };
        watch.wait(1_500_000).take(other);
    }
    assert_eq!(watch.told().last(), Some(&Told::Closed(2)));
}

#[test]
fn time_may_jump() {
    let mut watch = open();
    watch.milliseconds = 1_000_000_000;
    watch.take(up(100, b"ab")).take(up(104, b"ef"));
    // Back by years: nothing is given up, and nothing waits for years.
    watch.milliseconds = 0;
    watch.take(up(106, b"gh"));
    assert_eq!(watch.told(), [opened(1), bytes(1, b"ab")]);
    watch.wait(15_000).take(up(108, b"i"));
    assert_eq!(watch.told(), [Told::Lost(1, 2), bytes(1, b"efghi")]);
    // To the end of time.
    let told = &mut watch.told;
    let mut take = |at, segment: &Segment<'_>| {
        watch.reassembly.take(at, segment, &mut |delivery| {
            note(told, &mut watch.keys, delivery);
        });
    };
    take(Duration::MAX, &up(109, b"j"));
    take(Duration::ZERO, &up(110, b"k"));
    take(Duration::MAX, &up(111, b"l"));
    assert_eq!(watch.told(), [bytes(1, b"jkl")]);
}

#[test]
fn what_waits_is_bounded() {
    let mut watch = open();
    let piece = [7; 1000];
    for number in 0..300 {
        watch.take(up(200 + number * 1000, &piece));
    }
    // 262,144 bytes wait at most; the gap was given up with the first one more.
    let told = watch.told();
    assert_eq!(told[..2], [opened(1), Told::Lost(1, 100)]);
    assert_eq!(told[2], bytes(1, &[7; 300_000]));
    // Many small ones.
    let mut watch = open();
    for number in 0..4096 {
        watch.take(up(102 + number * 2, b"x"));
    }
    assert_eq!(watch.told(), []);
    watch.take(up(102 + 4096 * 2, b"x"));
    assert_eq!(watch.told(), [opened(1), Told::Lost(1, 2), bytes(1, b"x")]);
    // One that is larger than all that may wait.
    let mut watch = open();
    let large = vec![1; 300 << 10];
    watch.take(up(101, &large));
    assert_eq!(
        watch.told(),
        [opened(1), Told::Lost(1, 1), bytes(1, &large)]
    );
}

#[test]
fn what_waits_in_all_connections_together_is_bounded() {
    let mut watch = Watch::default();
    let piece = vec![7; 100_000];
    let mut kept = 0;
    for port in 0..200 {
        let from = |sequence, payload| Segment {
            sequence,
            payload,
            ..Segment::between(
                ([192, 0, 2, 1], 2000 + port).into(),
                SERVER.parse().unwrap(),
            )
        };
        watch
            .take(from(0, b"a"))
            .take(from(10, &piece))
            .take(from(200_000, &piece));
        let connections = &watch.reassembly.connections;
        kept = kept.max(connections.iter().map(Connection::kept).sum());
    }
    assert!(kept <= MOST_KEPT && kept > MOST_KEPT / 2, "{kept}");
}

#[test]
fn openings_alone_push_out_nobody_who_is_busy() {
    let mut watch = open();
    watch.take(up(100, b"ab"));
    for port in 0..10_000 {
        let source = ([203, 0, 113, 1], port).into();
        watch
            .wait(1)
            .take(syn(Segment::between(source, SERVER.parse().unwrap())));
    }
    assert!(watch.reassembly.connections.len() <= MOST_EMPTY + 1);
    watch.take(up(102, b"cd"));
    assert_eq!(watch.told(), [opened(1), bytes(1, b"abcd")]);
}

#[test]
fn of_too_many_the_longest_silent_goes() {
    let mut watch = Watch::default();
    let from = |port: u16, sequence| Segment {
        sequence,
        payload: b"x",
        ..Segment::between(([192, 0, 2, 1], port).into(), SERVER.parse().unwrap())
    };
    for port in 0..256 {
        watch.wait(1).take(from(port, 1));
    }
    // The first is busy, so the second goes.
    watch.wait(1).take(from(0, 2));
    watch.told();
    watch.wait(1).take(from(9000, 1));
    assert_eq!(
        watch.told(),
        [
            Told::Opened(257, false, None),
            bytes(257, b"x"),
            Told::Closed(2)
        ]
    );
    for port in 0..20_000 {
        let mut from = from(port, 50);
        from.is_fin = port % 3 == 0;
        watch.wait(1).take(from);
    }
    let reassembly = &watch.reassembly;
    assert!(reassembly.connections.len() <= MOST_CONNECTIONS + MOST_EMPTY + 1);
    assert_eq!(reassembly.connections.len(), reassembly.places.len());
    let places = &reassembly.places;
    for (index, connection) in reassembly.connections.iter().enumerate() {
        assert_eq!(places.get(&connection.ends), Some(&index));
    }
}

#[test]
fn two_with_the_same_ports_are_two() {
    let mut watch = Watch::default();
    let from = |last: u8, sequence, payload| Segment {
        sequence,
        payload,
        ..Segment::between(([192, 0, 2, last], 1025).into(), SERVER.parse().unwrap())
    };
    watch.take(from(1, 10, b"ab")).take(from(2, 70, b"uv"));
    watch.take(from(1, 12, b"cd")).take(from(2, 72, b"wx"));
    let told = watch.told();
    assert!(
        told.ends_with(&[bytes(1, b"cd"), bytes(2, b"wx")]),
        "{told:?}"
    );
    assert_eq!(told.len(), 6);
}

/// Segments of a stream, cut, overlapping, repeated and out of order; with some acknowledgements between
/// them fewer than those that make a gap certain.
fn any_segments() -> impl Strategy<Value = (u32, Vec<u8>, Vec<(usize, usize)>)> {
    (any::<u32>(), prop::collection::vec(any::<u8>(), 1..600)).prop_flat_map(|(first, stream)| {
        let length = stream.len();
        let cuts = prop::collection::btree_set(0..=length, 0..15);
        let extra = prop::collection::vec((0..length, 1..60_usize, 0..20_usize), 0..8);
        let order = prop::collection::vec(any::<prop::sample::Index>(), 64);
        (Just(first), Just(stream), cuts, extra, order).prop_map(
            move |(first, stream, mut cuts, extra, order)| {
                cuts.extend([0, length]);
                let cuts: Vec<usize> = cuts.into_iter().collect();
                let mut parts: Vec<_> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
                for (begin, length, at) in extra {
                    let end = (begin + length).min(stream.len());
                    parts.insert(at.min(parts.len()), (begin, end));
                }
                for (at, to) in order.iter().enumerate() {
                    if at < parts.len() {
                        let to = to.index(parts.len());
                        parts.swap(at, to);
                    }
                }
                (first, stream, parts)
            },
        )
    })
}

proptest! {
    #[test]
    fn any_way_of_sending_gives_the_same_bytes((first, stream, parts) in any_segments(), is_ended in any::<bool>()) {
        let mut watch = Watch::default();
        watch.take(syn(up(first.wrapping_sub(1), b"")));
        for (number, (begin, end)) in parts.iter().enumerate() {
            let segment = up(first.wrapping_add(*begin as u32), &stream[*begin..*end]);
            watch.wait(10).take(segment);
            // The other end acknowledges what the capture may not have seen yet.
            if number % 5 == 0 {
                watch.take(down(5, first.wrapping_add(*end as u32), b""));
            }
        }
        let mut expected = vec![opened(1), bytes(1, &stream)];
        if is_ended {
            watch.take(fin(up(first.wrapping_add(stream.len() as u32), b"")));
            expected.push(Told::Closed(1));
        }
        prop_assert_eq!(watch.told(), expected);
    }

    #[test]
    fn what_is_lost_and_what_comes_are_all_there_is((first, stream, parts) in any_segments(), lost in prop::collection::vec(any::<bool>(), 64), cut in 1..100_usize) {
        let mut watch = Watch::default();
        watch.take(syn(up(first.wrapping_sub(1), b"")));
        for ((begin, end), is_lost) in parts.iter().zip(lost) {
            let kept = (*begin + cut).min(*end);
            let segment = Segment {
                missing: end - kept,
                ..up(first.wrapping_add(*begin as u32), &stream[*begin..kept])
            };
            if !is_lost {
                watch.wait(700).take(segment);
            }
        }
        watch.finish();
        let mut at = 0;
        for told in watch.told() {
            match told {
                Told::Bytes(1, bytes) => {
                    prop_assert_eq!(&bytes, &stream[at..at + bytes.len()]);
                    at += bytes.len();
                }
                Told::Lost(1, count) => at += count as usize,
                Told::Opened(1, true, None) => prop_assert_eq!(at, 0),
                Told::Closed(1) => prop_assert!(at <= stream.len()),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn nothing_panics(segments in prop::collection::vec((any::<[u8; 4]>(), any::<u32>(), any::<u32>(), any::<u32>(), 0..2000_usize), 0..200)) {
        let mut watch = Watch::default();
        let mut open = std::collections::BTreeSet::new();
        let payload = [1; 2000];
        for ([kind, ports, missing, far], sequence, acknowledged, at, length) in segments {
            let near = |number: u32| if far < 128 { number % 5000 } else { number };
            let flag = |bit: u8| kind >> bit & 1 == 1;
            let (source, destination) = (([192, 0, 2, ports % 3], 1).into(), ([192, 0, 2, ports / 3 % 3], 1).into());
            let segment = Segment {
                sequence: near(sequence),
                acknowledged: flag(0).then(|| near(acknowledged)),
                is_syn: kind % 16 == 2,
                is_fin: kind % 16 == 4,
                is_reset: kind % 32 == 8,
                payload: if flag(4) { &payload[..length] } else { b"" },
                missing: if missing > 250 { usize::MAX } else { usize::from(missing / 50) },
                ..Segment::between(source, destination)
            };
            watch.milliseconds = near(at).into();
            watch.take(segment);
        }
        watch.finish();
        for told in watch.told() {
            match told {
                Told::Opened(flow, ..) => prop_assert!(open.insert(flow)),
                Told::Bytes(flow, bytes) => prop_assert!(open.contains(&flow) && !bytes.is_empty()),
                Told::Lost(flow, count) => prop_assert!(open.contains(&flow) && count > 0),
                Told::Closed(flow) => prop_assert!(open.remove(&flow)),
            }
        }
        prop_assert!(open.is_empty());
    }
}
