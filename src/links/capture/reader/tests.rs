use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::super::writer::{CaptureFormat, CaptureWriter};
use super::*;

const FORMATS: [CaptureFormat; 4] = [
    CaptureFormat::Pcap,
    CaptureFormat::PcapNanos,
    CaptureFormat::PcapModified,
    CaptureFormat::PcapNg,
];

/// Without what it borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Packet(Option<Duration>, u16, Vec<u8>),
    Dropped(u64),
    Refused(CaptureRefused),
}

fn drain(reader: &mut CaptureReader, into: &mut Vec<Seen>) {
    while let Some(captured) = reader.next() {
        into.push(match captured {
            Captured::Packet(packet) => {
                Seen::Packet(packet.at, packet.link.0, packet.data.to_vec())
            }
            Captured::Dropped(count) => Seen::Dropped(count),
            Captured::Refused(why) => Seen::Refused(why),
        });
    }
}

fn read(bytes: &[u8]) -> Vec<Seen> {
    cut(bytes, usize::MAX)
}

fn cut(bytes: &[u8], length: usize) -> Vec<Seen> {
    let (mut reader, mut all) = (CaptureReader::default(), Vec::new());
    for piece in bytes.chunks(length) {
        reader.push(piece);
        drain(&mut reader, &mut all);
    }
    all
}

fn writer(format: CaptureFormat, is_big: bool, link: u16) -> CaptureWriter {
    match is_big {
        true => CaptureWriter::big_endian(format, LinkType(link)),
        false => CaptureWriter::new(format, LinkType(link)),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn packet(seconds: u64, data: &[u8]) -> Seen {
    Seen::Packet(Some(Duration::from_secs(seconds)), 1, data.to_vec())
}

fn small(format: CaptureFormat, seconds: u64) -> Vec<u8> {
    let mut writer = writer(format, false, 1);
    writer.packet(Duration::from_secs(seconds), b"abcde");
    writer.take()
}

/// A block of pcapng.
fn block(kind: u32, body: &[u8], is_big: bool) -> Vec<u8> {
    let length = 12 + body.len().next_multiple_of(4) as u32;
    let number = |value: u32| match is_big {
        true => value.to_be_bytes(),
        false => value.to_le_bytes(),
    };
    let mut bytes = [number(kind), number(length)].concat();
    bytes.extend(body);
    bytes.resize(length as usize - 4, 0);
    bytes.extend(number(length));
    bytes
}

fn words(words: &[u32], is_big: bool) -> Vec<u8> {
    let bytes = words.iter().flat_map(|word| match is_big {
        true => word.to_be_bytes(),
        false => word.to_le_bytes(),
    });
    bytes.collect()
}

fn section(is_big: bool) -> Vec<u8> {
    let version = if is_big { 0x0001_0000 } else { 1 };
    let body = words(&[0x1a2b_3c4d, version, u32::MAX, u32::MAX], is_big);
    block(0x0a0d_0d0a, &body, is_big)
}

fn interface(link: u16, longest: u32, options: &[u8], is_big: bool) -> Vec<u8> {
    let link = match is_big {
        true => u32::from(link) << 16,
        false => u32::from(link),
    };
    let mut body = words(&[link, longest], is_big);
    body.extend(options);
    block(1, &body, is_big)
}

#[test]
fn every_format_gives_back_what_was_written() {
    let at = Duration::new(1_700_000_000, 123_456_000);
    for format in FORMATS {
        for is_big in [false, true] {
            let mut writer = writer(format, is_big, 276);
            writer.packet(at, &[1, 2, 3, 4, 5]);
            writer.packet(at, &[]);
            writer.dropped(4);
            writer.cut_packet(at, &[6; 96], 1500);
            writer.dropped(3);
            let bytes = writer.take();
            assert!(CaptureReader::recognises(&bytes));
            let mut expected = vec![
                Seen::Packet(Some(at), 276, vec![1, 2, 3, 4, 5]),
                Seen::Dropped(4),
                Seen::Packet(Some(at), 276, vec![6; 96]),
                Seen::Dropped(3),
            ];
            if format != CaptureFormat::PcapNg {
                expected.retain(|seen| !matches!(seen, Seen::Dropped(_)));
            }
            assert_eq!(read(&bytes), expected, "{format:?} {is_big}");
            assert_eq!(read(&gzip(&bytes)), expected, "{format:?} {is_big}");
        }
    }
}

#[test]
fn the_magic_numbers_are_those_on_disk() {
    for (format, is_big, magic) in [
        (CaptureFormat::Pcap, false, [0xd4, 0xc3, 0xb2, 0xa1]),
        (CaptureFormat::Pcap, true, [0xa1, 0xb2, 0xc3, 0xd4]),
        (CaptureFormat::PcapNanos, false, [0x4d, 0x3c, 0xb2, 0xa1]),
        (CaptureFormat::PcapNanos, true, [0xa1, 0xb2, 0x3c, 0x4d]),
        (CaptureFormat::PcapModified, false, [0x34, 0xcd, 0xb2, 0xa1]),
        (CaptureFormat::PcapModified, true, [0xa1, 0xb2, 0xcd, 0x34]),
        (CaptureFormat::PcapNg, false, [0x0a, 0x0d, 0x0d, 0x0a]),
    ] {
        assert_eq!(writer(format, is_big, 1).bytes()[..4], magic);
        assert!(CaptureReader::recognises(&magic));
    }
}

#[test]
fn nanoseconds_are_kept_where_there_are_any() {
    let at = Duration::new(5, 999_999_999);
    for format in [CaptureFormat::PcapNanos, CaptureFormat::PcapNg] {
        let mut writer = writer(format, false, 1);
        writer.packet(at, b"x");
        assert_eq!(
            read(writer.bytes()),
            [Seen::Packet(Some(at), 1, vec![b'x'])]
        );
    }
}

#[test]
fn the_upper_half_of_a_link_type_is_no_part_of_it() {
    for is_big in [false, true] {
        let mut bytes = writer(CaptureFormat::Pcap, is_big, 1).take();
        // The length of a checksum, in the highest byte.
        bytes[if is_big { 20 } else { 23 }] = 0x24;
        bytes.extend(words(&[1, 0, 1, 1], is_big));
        bytes.push(7);
        assert_eq!(read(&bytes), [packet(1, &[7])]);
    }
}

#[test]
fn files_follow_one_another() {
    for first in FORMATS {
        for second in FORMATS {
            for zeros in [0, 1, 7, 15, 16, 100] {
                let mut bytes = small(first, 1);
                bytes.resize(bytes.len() + zeros, 0);
                bytes.extend(small(second, 2));
                let expected = [packet(1, b"abcde"), packet(2, b"abcde")];
                // A few zeros are fewer than a record, so that only the longer runs can be told.
                if zeros == 0 || zeros >= 24 {
                    assert_eq!(read(&bytes), expected, "{first:?} {second:?} {zeros}");
                }
                assert_eq!(cut(&bytes, 1), read(&bytes));
            }
            let packed = [gzip(&small(first, 1)), gzip(&small(second, 2))].concat();
            let expected = [packet(1, b"abcde"), packet(2, b"abcde")];
            assert_eq!(read(&packed), expected);
            // And one that is not packed.
            let mixed = [gzip(&small(first, 1)), small(second, 2)].concat();
            assert_eq!(read(&mixed), expected);
        }
    }
}

#[test]
fn a_file_that_is_cut_ends_quietly() {
    for format in FORMATS {
        let bytes = small(format, 1);
        for packed in [bytes.clone(), gzip(&bytes)] {
            for length in 0..packed.len() {
                let seen = read(&packed[..length]);
                assert!(seen.is_empty() || seen == [packet(1, b"abcde")], "{seen:?}");
            }
        }
        // The next one is read from its own beginning.
        let mut reader = CaptureReader::default();
        reader.push(&bytes[..bytes.len() - 9]);
        let mut all = Vec::new();
        drain(&mut reader, &mut all);
        reader.begin_file();
        reader.push(&bytes);
        drain(&mut reader, &mut all);
        assert_eq!(all.last(), Some(&packet(1, b"abcde")));
    }
}

#[test]
fn zeros_at_the_end_are_nothing() {
    for format in FORMATS {
        for zeros in [1, 4, 16, 24, 1000, 4096] {
            let mut bytes = small(format, 1);
            bytes.resize(bytes.len() + zeros, 0);
            assert_eq!(read(&bytes), [packet(1, b"abcde")], "{format:?}");
        }
    }
}

#[test]
fn what_is_no_capture_is_refused_once() {
    assert_eq!(
        read(b"2024-06-10 power=3"),
        [Seen::Refused(CaptureRefused::Unknown { offset: 0 })]
    );
    for format in FORMATS {
        for is_big in [false, true] {
            let mut bytes = writer(format, is_big, 1).take();
            let offset = bytes.len() as u64;
            let length = MAX_PACKET + 1;
            match format {
                CaptureFormat::PcapNg => {
                    bytes.extend(block(6, &words(&[0, 0, 0, length, length], is_big), is_big));
                }
                _ => bytes.extend(words(&[1, 1, length, length, 0, 0], is_big)),
            }
            bytes.extend([1; 64]);
            let expected = CaptureRefused::TooLong { offset, length };
            assert_eq!(read(&bytes), [Seen::Refused(expected)]);
        }
    }
}

#[test]
fn damaged_compression_is_refused() {
    let mut packed = gzip(&small(CaptureFormat::Pcap, 1));
    let sum = packed.len() - 8;
    packed[sum] ^= 1;
    let seen = read(&packed);
    assert_eq!(seen.first(), Some(&packet(1, b"abcde")));
    assert!(matches!(
        seen.get(1),
        Some(Seen::Refused(CaptureRefused::Compression { .. }))
    ));
    packed[1..].fill(0xff);
    packed[1] = 0x8b;
    assert_eq!(
        read(&packed),
        [Seen::Refused(CaptureRefused::Compression { offset: 0 })]
    );
}

#[test]
fn what_is_whole_before_the_damage_is_read() {
    // A block that is stored as it is, and one of a kind that there is not.
    let mut stored = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0];
    let bytes = small(CaptureFormat::Pcap, 1);
    stored.extend((bytes.len() as u16).to_le_bytes());
    stored.extend((!(bytes.len() as u16)).to_le_bytes());
    stored.extend(&bytes);
    stored.extend([0xff; 20]);
    let offset = bytes.len() as u64;
    let expected = [
        packet(1, b"abcde"),
        Seen::Refused(CaptureRefused::Compression { offset }),
    ];
    assert_eq!(read(&stored), expected);
    assert_eq!(cut(&stored, 1), expected);
}

#[test]
fn a_bomb_stays_small() {
    let mut bytes = writer(CaptureFormat::Pcap, false, 1).take();
    bytes.resize(24 << 20, 0);
    let mut reader = CaptureReader::default();
    reader.push(&gzip(&bytes));
    assert_eq!(reader.next(), None);
    assert!(reader.unread.filling().capacity() < 1 << 20);
    // As with a packet that is as long as packets get, of which there are many.
    let mut writer = writer(CaptureFormat::PcapNg, false, 1);
    for _ in 0..10 {
        writer.packet(Duration::ZERO, &vec![0; MAX_PACKET as usize]);
    }
    let mut reader = CaptureReader::default();
    reader.push(&gzip(writer.bytes()));
    let mut count = 0;
    while reader.next().is_some() {
        count += 1;
    }
    assert_eq!(count, 10);
    assert!(reader.unread.filling().capacity() < 4 << 20);
}

#[test]
fn a_gzip_head_may_have_a_name_and_more() {
    let bytes = small(CaptureFormat::Pcap, 1);
    let encoder = flate2::GzBuilder::new()
        .filename("ring.pcap")
        .comment("by a ring buffer")
        .extra(vec![1, 2, 3]);
    let mut encoder = encoder.write(Vec::new(), Compression::default());
    encoder.write_all(&bytes).unwrap();
    let packed = encoder.finish().unwrap();
    assert_eq!(cut(&packed, 1), [packet(1, b"abcde")]);
    assert!(CaptureReader::recognises(&packed));
}

#[test]
fn compressed_text_is_no_capture() {
    assert!(!CaptureReader::recognises(&gzip(
        b"2024-06-10 power=3 and so on"
    )));
    assert!(CaptureReader::recognises(&gzip(&small(
        CaptureFormat::PcapNg,
        1
    ))));
    assert!(CaptureReader::recognises(&[0x1f, 0x8b]));
    assert!(!CaptureReader::recognises(&[0x1f]));
    // Lines of text may begin like pcapng.
    assert!(!CaptureReader::recognises(b"\n\r\r\nfour lines"));
}

#[test]
fn times_have_the_resolution_and_the_offset_of_their_interface() {
    for is_big in [false, true] {
        let offset = |seconds: i64| {
            let mut option = match is_big {
                true => vec![0, 14, 0, 8],
                false => vec![14, 0, 8, 0],
            };
            option.extend(match is_big {
                true => seconds.to_be_bytes(),
                false => seconds.to_le_bytes(),
            });
            option
        };
        let resolution = |value: u8| match is_big {
            true => vec![0, 9, 0, 1, value, 0, 0, 0],
            false => vec![9, 0, 1, 0, value, 0, 0, 0],
        };
        let units: [(Vec<u8>, u64, Option<Duration>); 8] = [
            (vec![], 1_500_000, Some(Duration::from_millis(1500))),
            (resolution(3), 1500, Some(Duration::from_millis(1500))),
            (
                resolution(9),
                1_500_000_000,
                Some(Duration::from_millis(1500)),
            ),
            (
                resolution(0x80 | 10),
                1536,
                Some(Duration::from_millis(1500)),
            ),
            (
                resolution(12),
                1_500_000_000_000,
                Some(Duration::from_millis(1500)),
            ),
            (resolution(0xff), u64::MAX, Some(Duration::ZERO)),
            (offset(-2), 5_000_000, Some(Duration::from_secs(3))),
            (offset(-6), 5_000_000, None),
        ];
        let mut bytes = section(is_big);
        let mut expected = Vec::new();
        for (number, (options, time, at)) in units.iter().enumerate() {
            bytes.extend(interface(100 + number as u16, 0, options, is_big));
            expected.push(Seen::Packet(*at, 100 + number as u16, vec![number as u8]));
            let (high, low) = ((time >> 32) as u32, *time as u32);
            let mut body = words(&[number as u32, high, low, 1, 1], is_big);
            body.push(number as u8);
            bytes.extend(block(6, &body, is_big));
        }
        assert_eq!(read(&bytes), expected);
    }
}

#[test]
fn other_blocks_of_packets() {
    for is_big in [false, true] {
        let mut bytes = section(is_big);
        bytes.extend(interface(1, 4, &[], is_big));
        bytes.extend(interface(101, 0, &[], is_big));
        // A block that says nothing here, with a comment.
        bytes.extend(block(4, &[9; 40], is_big));
        // Simple, cut by its interface; and one that is shorter than that.
        let mut body = words(&[6], is_big);
        body.extend(b"abcd");
        bytes.extend(block(3, &body, is_big));
        let mut body = words(&[3], is_big);
        body.extend(b"abc");
        bytes.extend(block(3, &body, is_big));
        // Of old: the second interface, and a count of what was lost.
        let first = if is_big { 0x0001_0007 } else { 0x0007_0001 };
        let mut body = words(&[first, 0, 2_000_000, 2, 2], is_big);
        body.extend(b"xy");
        bytes.extend(block(2, &body, is_big));
        // Of an interface that nobody has described.
        let mut body = words(&[9, 0, 2_000_000, 2, 2], is_big);
        body.extend(b"no");
        bytes.extend(block(6, &body, is_big));
        assert_eq!(
            read(&bytes),
            [
                Seen::Packet(None, 1, b"abcd".to_vec()),
                Seen::Packet(None, 1, b"abc".to_vec()),
                Seen::Packet(Some(Duration::from_secs(2)), 101, b"xy".to_vec()),
            ]
        );
        // A new section has interfaces of its own, and may have the other byte order.
        let mut other = section(!is_big);
        other.extend(interface(113, 0, &[], !is_big));
        let mut body = words(&[1], !is_big);
        body.push(b'z');
        other.extend(block(3, &body, !is_big));
        bytes.extend(other);
        assert_eq!(
            read(&bytes).last(),
            Some(&Seen::Packet(None, 113, b"z".to_vec()))
        );
    }
}

#[test]
fn losses_are_told_as_they_grow_for_each_interface() {
    let statistics = |number: u32, counts: &[(u16, u64)]| {
        let mut body = words(&[number, 0, 0], false);
        for (code, count) in counts {
            body.extend(code.to_le_bytes());
            body.extend([8, 0]);
            body.extend(count.to_le_bytes());
        }
        block(5, &body, false)
    };
    let mut bytes = section(false);
    bytes.extend(interface(1, 0, &[], false));
    bytes.extend(interface(1, 0, &[], false));
    bytes.extend(statistics(0, &[(4, 1000), (5, 3)]));
    bytes.extend(statistics(1, &[(5, 2), (7, 5)]));
    bytes.extend(statistics(0, &[(5, 3)]));
    bytes.extend(statistics(0, &[(4, 2000)]));
    bytes.extend(statistics(0, &[(5, 10)]));
    // Counted anew, and then more.
    bytes.extend(statistics(0, &[(5, 1)]));
    bytes.extend(statistics(0, &[(5, 2)]));
    let expected = [3, 7, 7, 1].map(Seen::Dropped);
    assert_eq!(read(&bytes), expected);
}

#[test]
fn a_block_that_cannot_be_is_refused() {
    let head = [section(false), interface(1, 0, &[], false)].concat();
    let offset = head.len() as u64;
    for bad in [
        words(&[6, 8, 0], false),
        block(6, &words(&[0, 0, 0, 20, 20, 0], false), false),
        block(1, &[], false),
        words(&[0x0a0d_0d0a, 28, 0x1234_5678], false),
        words(&[0, 0, 0, 6, 0, 0], false),
    ] {
        let bytes = [head.clone(), bad.clone()].concat();
        let seen = read(&bytes);
        let Some(Seen::Refused(CaptureRefused::Damaged { offset: at })) = seen.first() else {
            panic!("{bad:x?}: {seen:?}");
        };
        assert!(*at >= offset);
    }
}

fn any_capture() -> impl Strategy<Value = Vec<u8>> {
    let packet = (any::<u32>(), prop::collection::vec(any::<u8>(), 0..80));
    let file = (
        0..FORMATS.len(),
        any::<bool>(),
        prop::collection::vec(packet, 0..6),
        any::<bool>(),
        0..40_usize,
    );
    prop::collection::vec(file, 1..4).prop_map(|files| {
        let mut bytes = Vec::new();
        for (format, is_big, packets, is_packed, zeros) in files {
            let mut writer = writer(FORMATS[format], is_big, 1);
            for (at, data) in packets {
                writer.packet(Duration::from_secs(at.into()), &data);
                writer.dropped(u64::from(at % 3));
            }
            let mut file = writer.take();
            file.resize(file.len() + zeros, 0);
            bytes.extend(match is_packed {
                true => gzip(&file),
                false => file,
            });
        }
        bytes
    })
}

proptest! {
    #[test]
    fn any_cut_gives_the_same(mut bytes in any_capture(), pieces in 1..40_usize, damage in any::<(prop::sample::Index, u8, bool)>()) {
        let (at, with, is_damaged) = damage;
        if is_damaged {
            let at = at.index(bytes.len());
            bytes[at] ^= with;
        }
        let whole = read(&bytes);
        prop_assert_eq!(&cut(&bytes, 1), &whole);
        prop_assert_eq!(&cut(&bytes, pieces), &whole);
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), format in 0..FORMATS.len(), is_big in any::<bool>()) {
        let _ = CaptureReader::recognises(&bytes);
        read(&bytes);
        let head = writer(FORMATS[format], is_big, 1).take();
        let bytes = [head, bytes].concat();
        prop_assert_eq!(cut(&bytes, 3), read(&bytes));
    }
}
