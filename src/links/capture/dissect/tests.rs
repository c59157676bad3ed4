use proptest::prelude::*;

use super::*;

const SOURCE: &str = "192.0.2.50:1025";
const DESTINATION: &str = "198.51.100.22:22222";
const SOURCE_6: &str = "[2001:db8::50]:1025";
const DESTINATION_6: &str = "[2001:db8:1::22]:22222";

fn segment<'a>(source: &str, destination: &str, payload: &'a [u8]) -> Segment<'a> {
    Segment {
        mac: Some([2, 0, 0, 0, 0, 5]),
        mac_to: Some([2, 0, 0, 0, 0, 6]),
        sequence: 0xffff_fff0,
        acknowledged: Some(77),
        payload,
        ..Segment::between(source.parse().unwrap(), destination.parse().unwrap())
    }
}

fn take(link: LinkType, data: &[u8]) -> Dissected<'_> {
    dissect(&Packet {
        at: None,
        link,
        data,
    })
}

/// A packet of Ethernet with something between its addresses and IP.
fn with(packet: &[u8], between: &[u8]) -> Vec<u8> {
    [&packet[..12], between, &packet[14..]].concat()
}

#[test]
fn every_link_gives_back_the_segment() {
    for (source, destination) in [(SOURCE, DESTINATION), (SOURCE_6, DESTINATION_6)] {
        for link in [1, 101, 12, 14, 113, 276, 0, 228, 229].map(LinkType) {
            let mut sent = segment(source, destination, b"payload");
            let packet = sent.encode(link);
            match link {
                LinkType::ETHERNET => {}
                LinkType::COOKED | LinkType::COOKED_V2 => sent.mac_to = None,
                _ => (sent.mac, sent.mac_to) = (None, None),
            }
            assert_eq!(take(link, &packet), Dissected::Tcp(sent), "{link:?}");
            // What the link adds at the end is no part of it.
            let longer = [&packet[..], &[0; 12]].concat();
            assert_eq!(take(link, &longer), Dissected::Tcp(sent));
        }
    }
    let packet = segment(SOURCE, DESTINATION, b"payload").encode(LinkType::ETHERNET);
    assert_eq!(take(LinkType(105), &packet), Dissected::Other);
}

#[test]
fn tags_may_repeat() {
    let sent = segment(SOURCE, DESTINATION, b"payload");
    let packet = sent.encode(LinkType::ETHERNET);
    for (between, vlan) in [
        (vec![0x81, 0, 0x60, 4, 8, 0], Some(4)),
        (vec![0x88, 0xa8, 0, 9, 0x81, 0, 0, 5, 8, 0], Some(5)),
        (
            vec![0x91, 0, 0, 9, 0x91, 0, 0, 7, 0x81, 0, 0, 5, 8, 0],
            Some(5),
        ),
        // A priority alone is no VLAN.
        (vec![0x81, 0, 0xe0, 0, 8, 0], None),
        // PPP over Ethernet.
        (vec![0x88, 0x64, 0x11, 0, 0, 1, 0, 49, 0, 0x21], None),
    ] {
        let expected = Segment { vlan, ..sent };
        let tagged = with(&packet, &between);
        assert_eq!(
            take(LinkType::ETHERNET, &tagged),
            Dissected::Tcp(expected),
            "{between:x?}"
        );
    }
    let tagged = Segment {
        vlan: Some(4),
        ..sent
    };
    let packet = tagged.encode(LinkType::ETHERNET);
    assert_eq!(take(LinkType::ETHERNET, &packet), Dissected::Tcp(tagged));
    // Tags without an end.
    let tags = [0x81, 0, 0, 1].repeat(400);
    assert_eq!(
        take(LinkType::ETHERNET, &with(&packet, &tags)[..1600]),
        Dissected::Other
    );
}

#[test]
fn what_was_not_captured_is_missing() {
    for (source, destination, head) in [(SOURCE, DESTINATION, 40), (SOURCE_6, DESTINATION_6, 60)] {
        let payload = [7; 1000];
        let packet = segment(source, destination, &payload).encode(LinkType::RAW);
        for kept in [head, head + 1, head + 42, head + 1000] {
            let Dissected::Tcp(cut) = take(LinkType::RAW, &packet[..kept]) else {
                panic!("{kept}");
            };
            assert_eq!(cut.payload, &payload[..kept - head]);
            assert_eq!(cut.missing, head + 1000 - kept);
        }
        assert_eq!(take(LinkType::RAW, &packet[..head - 1]), Dissected::Other);
        // And the writer can promise it too.
        let sent = Segment {
            missing: 400,
            ..segment(source, destination, &payload)
        };
        let packet = sent.encode(LinkType::ETHERNET);
        assert_eq!(take(LinkType::ETHERNET, &packet), Dissected::Tcp(sent));
    }
}

#[test]
fn options_of_ip_and_tcp_are_passed_over() {
    let packet = segment(SOURCE, DESTINATION, b"payload").encode(LinkType::RAW);
    let mut longer = packet[..20].to_vec();
    longer.extend([1; 8]);
    longer.extend(&packet[20..40]);
    longer.extend([1; 12]);
    longer.extend(&packet[40..]);
    longer[0] = 0x47;
    longer[3] = longer.len() as u8;
    longer[28 + 12] = 0x80;
    let Dissected::Tcp(seen) = take(LinkType::RAW, &longer) else {
        panic!();
    };
    assert_eq!((seen.payload, seen.missing), (&b"payload"[..], 0));
    // Only half of the options of TCP captured: nothing of the payload.
    let Dissected::Tcp(seen) = take(LinkType::RAW, &longer[..54]) else {
        panic!();
    };
    assert_eq!((seen.payload, seen.missing), (&b""[..], 7));
    // Options that would end behind the packet, or before themselves.
    for offset in [0x40, 0xf0] {
        longer[28 + 12] = offset;
        assert_eq!(take(LinkType::RAW, &longer), Dissected::Other);
    }
}

#[test]
fn headers_of_ipv6_are_passed_over() {
    let sent = Segment {
        mac: None,
        mac_to: None,
        ..segment(SOURCE_6, DESTINATION_6, b"payload")
    };
    let packet = sent.encode(LinkType::RAW);
    let extended = |kinds: &[(u8, &[u8])]| {
        let mut headers = Vec::new();
        for (number, (_, body)) in kinds.iter().enumerate() {
            headers.push(kinds.get(number + 1).map_or(6, |next| next.0));
            headers.extend(*body);
        }
        let mut all = packet[..40].to_vec();
        all[6] = kinds[0].0;
        all[5] += headers.len() as u8;
        all.extend(headers);
        all.extend(&packet[40..]);
        all
    };
    let short: &[u8] = &[0, 1, 4, 0, 0, 0, 0];
    let long: &[u8] = &[1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let whole: &[u8] = &[0, 0, 0, 1, 2, 3, 4];
    let all = extended(&[
        (0, short),
        (60, long),
        (43, short),
        (44, whole),
        (60, short),
    ]);
    assert_eq!(take(LinkType::RAW, &all), Dissected::Tcp(sent));
    for cut in 0..all.len() {
        assert_ne!(take(LinkType::RAW, &all[..cut]), Dissected::Tcp(sent));
    }
    for fragment in [[0, 0, 1, 1, 2, 3, 4], [0, 0, 8, 1, 2, 3, 4]] {
        let all = extended(&[(0, short), (44, &fragment)]);
        assert_eq!(take(LinkType::RAW, &all), Dissected::Fragment);
    }
    assert_eq!(
        take(LinkType::RAW, &extended(&[(59, short)])),
        Dissected::Other
    );
}

#[test]
fn fragments_of_ipv4_are_told() {
    let mut packet = segment(SOURCE, DESTINATION, b"payload").encode(LinkType::RAW);
    for (flags, is_fragment) in [
        ([0x40, 0], false),
        ([0, 0], false),
        ([0x20, 0], true),
        ([0, 1], true),
        ([0x1f, 0xff], true),
    ] {
        packet[6..8].copy_from_slice(&flags);
        let seen = take(LinkType::RAW, &packet);
        assert_eq!(seen == Dissected::Fragment, is_fragment, "{flags:?}");
    }
}

#[test]
fn packets_larger_than_their_length_can_say() {
    let payload = vec![5; 150_000];
    for (source, destination) in [(SOURCE, DESTINATION), (SOURCE_6, DESTINATION_6)] {
        let sent = segment(source, destination, &payload);
        let packet = sent.encode(LinkType::ETHERNET);
        assert_eq!(take(LinkType::ETHERNET, &packet), Dissected::Tcp(sent));
    }
    // A jumbogram says how long it was.
    let packet = segment(SOURCE_6, DESTINATION_6, &payload).encode(LinkType::RAW);
    let Dissected::Tcp(cut) = take(LinkType::RAW, &packet[..1000]) else {
        panic!();
    };
    assert_eq!(cut.payload.len() + cut.missing, payload.len());
}

#[test]
fn datagrams() {
    let mut packet = segment(SOURCE, DESTINATION, b"").encode(LinkType::RAW);
    packet.truncate(20);
    packet[9] = 17;
    packet.extend([4, 1, 0, 53, 0, 11, 0, 0]);
    packet.extend(b"dnsmore");
    packet[3] = packet.len() as u8;
    let expected = Dissected::Udp {
        mac: None,
        source: "192.0.2.50:1025".parse().unwrap(),
        destination: "198.51.100.22:53".parse().unwrap(),
        payload: b"dns",
    };
    assert_eq!(take(LinkType::RAW, &packet), expected);
    packet[25] = 7;
    assert_eq!(take(LinkType::RAW, &packet), Dissected::Other);
}

proptest! {
    #[test]
    fn what_is_encoded_comes_back(
        is_v6 in any::<bool>(),
        flags in any::<[bool; 3]>(),
        vlan in prop::option::of(1..4095_u16),
        sequence in any::<u32>(),
        acknowledged in prop::option::of(any::<u32>()),
        payload in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let (source, destination) = if is_v6 { (SOURCE_6, DESTINATION_6) } else { (SOURCE, DESTINATION) };
        let [is_syn, is_fin, is_reset] = flags;
        let sent = Segment { vlan, sequence, acknowledged, is_syn, is_fin, is_reset, ..segment(source, destination, &payload) };
        let packet = sent.encode(LinkType::ETHERNET);
        prop_assert_eq!(take(LinkType::ETHERNET, &packet), Dissected::Tcp(sent));
    }

    #[test]
    fn nothing_panics(
        mut packet in prop::collection::vec(any::<u8>(), 0..120),
        is_v6 in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        kept in 0..120_usize,
    ) {
        for link in 0..300 {
            take(LinkType(link), &packet);
        }
        let (source, destination) = if is_v6 { (SOURCE_6, DESTINATION_6) } else { (SOURCE, DESTINATION) };
        packet = segment(source, destination, &packet).encode(LinkType::ETHERNET);
        for (at, with) in damage {
            let at = at.index(packet.len());
            packet[at] = with;
        }
        packet.truncate(kept);
        take(LinkType::ETHERNET, &packet);
    }
}
