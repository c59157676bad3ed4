use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::super::dissect::{Dissected, Segment, dissect};
use super::super::reader::{CaptureReader, Captured, LinkType, Packet};
use super::*;

const INTERFACE_NUMBER: u32 = 7;
const WANTED: CaptureFilter = CaptureFilter {
    mac_prefixes: &[[0x00, 0x27, 0x02], [0x00, 0x40, 0x9d], [0x00, 0x04, 0xf3]],
    ports: &[22222, 22221],
};
const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

/// What the kernel does: how many bytes of the packet are taken. `None` if the program is not sound.
fn run(program: &[Instruction], packet: &[u8], interface: u32) -> Option<u32> {
    let (mut a, mut x, mut memory) = (0_u32, 0_u32, [None; 16]);
    let mut at = 0;
    loop {
        let Instruction {
            code,
            jump_if,
            jump_else,
            operand,
        } = *program.get(at)?;
        at += 1;
        let load = |from: u32, size: usize| -> Option<u32> {
            let bytes = packet.get(from as usize..)?.get(..size)?;
            let join = |all: u32, byte: &u8| (all << 8) | u32::from(*byte);
            Some(bytes.iter().fold(0, join))
        };
        let loaded = match code {
            0x20 if operand == 0xffff_f008 => Some(Some(interface)),
            0x20 => Some(load(operand, 4)),
            0x28 => Some(load(operand, 2)),
            0x30 => Some(load(operand, 1)),
            0x40 => Some(load(x.wrapping_add(operand), 4)),
            0x48 => Some(load(x.wrapping_add(operand), 2)),
            0x50 => Some(load(x.wrapping_add(operand), 1)),
            // X = the length of an IPv4 header, of which we make no use.
            0xb1 => {
                let Some(first) = load(operand, 1) else {
                    return Some(0);
                };
                x = (first & 0x0f) * 4;
                continue;
            }
            _ => None,
        };
        match loaded {
            Some(Some(value)) => {
                a = value;
                continue;
            }
            // Behind the end.
            Some(None) => return Some(0),
            None => {}
        }
        let jump = |holds: bool| usize::from(if holds { jump_if } else { jump_else });
        match code {
            0x00 => a = operand,
            0x01 => x = operand,
            0x02 => *memory.get_mut(operand as usize)? = Some(a),
            // What was never remembered is refused by the kernel.
            0x60 => a = (*memory.get(operand as usize)?)?,
            0x04 => a = a.wrapping_add(operand),
            0x0c => a = a.wrapping_add(x),
            0x54 => a &= operand,
            0x64 => a <<= operand,
            0x74 => a >>= operand,
            0x07 => x = a,
            0x87 => a = x,
            0x05 => at += operand as usize,
            0x15 => at += jump(a == operand),
            0x45 => at += jump(a & operand != 0),
            0x06 => return Some(operand),
            _ => return None,
        }
    }
}

fn takes(host: Option<&str>, head: Head, packet: &[u8]) -> bool {
    let host = host.map(|host| host.parse().unwrap());
    let program = WANTED.program(host, INTERFACE_NUMBER, head).unwrap();
    let taken = run(&program, packet, INTERFACE_NUMBER).unwrap();
    assert_eq!(run(&program, packet, INTERFACE_NUMBER + 1), Some(0));
    assert!(taken == 0 || taken as usize >= packet.len());
    taken > 0
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn segment(source: &str, destination: &str) -> Segment<'static> {
    Segment {
        mac: Some(OTHER_MAC),
        mac_to: Some([2, 0, 0, 0, 0, 8]),
        payload: b"twelve bytes",
        ..Segment::between(address(source), address(destination))
    }
}

fn ethernet(segment: &Segment<'_>) -> Vec<u8> {
    segment.encode(LinkType::ETHERNET)
}

/// UDP in IPv4 in Ethernet.
fn udp(source: &str, destination: &str) -> Vec<u8> {
    let mut packet = ethernet(&segment(source, destination));
    packet[14 + 9] = 17;
    packet
}

#[test]
fn the_ports_are_taken_in_either_direction_and_no_others() {
    for (source, destination, is_taken) in [
        ("192.168.1.40:1000", "10.0.0.1:22222", true),
        ("10.0.0.1:22221", "192.168.1.40:1000", true),
        ("192.168.1.40:1000", "10.0.0.1:22223", false),
        ("192.168.1.40:1000", "10.0.0.1:80", false),
        ("[fd00::1]:1000", "[fd00::2]:22222", true),
        ("[fd00::1]:22221", "[fd00::2]:1", true),
        ("[fd00::1]:443", "[fd00::2]:1", false),
    ] {
        let segment = segment(source, destination);
        let plain = ethernet(&segment);
        assert_eq!(takes(None, Head::Ethernet, &plain), is_taken, "{source}");
        let ip = segment.encode(LinkType::RAW);
        assert_eq!(takes(None, Head::Ip, &ip), is_taken, "{source}");
        for tag in [[0x81, 0], [0x88, 0xa8]] {
            let vlan = Some(5);
            let mut tagged = ethernet(&Segment { vlan, ..segment });
            tagged[12..14].copy_from_slice(&tag);
            assert_eq!(takes(None, Head::Ethernet, &tagged), is_taken, "{source}");
        }
        // Without its ports it is not taken, wherever it is cut.
        let ports = plain.len() - 20 - segment.payload.len();
        for length in 0..ports {
            assert!(!takes(None, Head::Ethernet, &plain[..length]), "{source}");
        }
    }
    let udp = udp("192.168.1.40:1000", "10.0.0.1:22222");
    assert!(!takes(None, Head::Ethernet, &udp));
}

#[test]
fn options_in_front_of_the_ports_are_passed_over() {
    let mut packet = ethernet(&segment("192.168.1.40:1000", "10.0.0.1:22222"));
    packet[14] = 0x46;
    packet.splice(34..34, [1, 1, 1, 0]);
    assert!(takes(None, Head::Ethernet, &packet));
    packet[14] = 0x45;
    assert!(!takes(None, Head::Ethernet, &packet));
    // As kernels write packets that are too long.
    let large = vec![7; 70_000];
    let segment = Segment {
        payload: &large,
        ..segment("[fd00::1]:1000", "[fd00::2]:22222")
    };
    assert!(takes(None, Head::Ethernet, &ethernet(&segment)));
    assert!(takes(None, Head::Ip, &segment.encode(LinkType::RAW)));
}

#[test]
fn a_piece_of_a_packet_is_only_taken_if_it_is_the_first() {
    let mut packet = ethernet(&segment("192.168.1.40:1000", "10.0.0.1:22222"));
    packet[20] = 0x20;
    assert!(takes(None, Head::Ethernet, &packet));
    packet[21] = 0xb9;
    assert!(!takes(None, Head::Ethernet, &packet));
    assert!(!takes(Some("192.168.1.40"), Head::Ethernet, &packet));
}

#[test]
fn all_that_a_device_with_such_a_mac_sends_or_gets_is_taken() {
    let mut arp = vec![0xff; 6];
    arp.extend([0x00, 0x27, 0x02, 1, 2, 3, 0x08, 0x06]);
    arp.extend([0; 46]);
    assert!(takes(None, Head::Ethernet, &arp));
    arp[8] = 0x03;
    assert!(!takes(None, Head::Ethernet, &arp));
    for prefix in WANTED.mac_prefixes {
        let [a, b, c] = *prefix;
        let mut packet = udp("10.0.0.1:53", "192.168.1.40:1000");
        packet[..3].copy_from_slice(prefix);
        assert!(takes(None, Head::Ethernet, &packet));
        let mac = Some([a, b, c, 9, 9, 9]);
        let segment = segment("10.0.0.1:80", "192.168.1.40:1");
        let from = ethernet(&Segment { mac, ..segment });
        assert!(takes(None, Head::Ethernet, &from));
    }
}

#[test]
fn of_a_host_that_is_named_all_tcp_and_dns_is_taken() {
    let web = ("192.168.1.40:1000", "10.0.0.1:80");
    let web6 = ("[fd00::1]:1000", "[fd00::2]:80");
    let turned = |(source, destination)| (destination, source);
    for (host, (source, destination), is_taken) in [
        ("192.168.1.40", web, true),
        ("192.168.1.40", turned(web), true),
        ("192.168.1.41", web, false),
        ("192.168.1.41", ("192.168.1.9:1000", "10.0.0.1:22222"), true),
        ("fd00::1", web6, true),
        ("fd00::1", turned(web6), true),
        ("fd00::3", web6, false),
        ("fd00::1", web, false),
        ("02:00:00:00:00:09", web, true),
        ("02:00:00:00:00:08", web6, true),
        ("02:00:00:00:00:07", web, false),
        ("02:00:01:00:00:08", web, false),
    ] {
        let segment = segment(source, destination);
        let is_right = |head, packet: &[u8]| takes(Some(host), head, packet) == is_taken;
        assert!(is_right(Head::Ethernet, &ethernet(&segment)), "{host}");
        let vlan = Some(5);
        let tagged = ethernet(&Segment { vlan, ..segment });
        assert!(is_right(Head::Ethernet, &tagged), "{host}");
        if !host.starts_with("02:") {
            assert!(is_right(Head::Ip, &segment.encode(LinkType::RAW)), "{host}");
        }
    }
    let host = Some("192.168.1.40");
    for (packet, is_taken) in [
        (udp("192.168.1.40:1000", "10.0.0.1:53"), true),
        (udp("10.0.0.1:53", "192.168.1.40:1000"), true),
        (udp("192.168.1.40:1000", "10.0.0.1:123"), false),
        (udp("192.168.1.41:1000", "10.0.0.1:53"), false),
    ] {
        assert_eq!(takes(host, Head::Ethernet, &packet), is_taken);
        assert!(!takes(None, Head::Ethernet, &packet));
    }
}

#[test]
fn who_names_nothing_gets_all_of_the_interface() {
    let all = CaptureFilter::default().program(None, INTERFACE_NUMBER, Head::Ethernet);
    let all = all.unwrap();
    assert!(run(&all, &[], INTERFACE_NUMBER) > Some(0));
    assert_eq!(run(&all, &[], 1), Some(0));
}

#[test]
fn more_ports_than_a_jump_can_pass_are_refused() {
    const MANY: [u16; 200] = [1; 200];
    let filter = CaptureFilter {
        mac_prefixes: &[],
        ports: &MANY,
    };
    let program = filter.program(None, 1, Head::Ethernet);
    assert_eq!(program, Err(ProgramTooLong));
}

proptest! {
    /// What is taken, against the packet taken apart in another way.
    #[test]
    fn segments_are_taken_for_their_ports(
        ports in (prop_oneof![22220..22224_u16, any::<u16>()], any::<u16>()),
        is_turned in any::<bool>(),
        is_v6 in any::<bool>(),
        vlan in proptest::option::of(1..4095_u16),
    ) {
        let ip = |last| if is_v6 { format!("[fd00::{last}]") } else { format!("10.0.0.{last}") };
        let one = address(&format!("{}:{}", ip(1), ports.0));
        let other = address(&format!("{}:{}", ip(2), ports.1));
        let (source, destination) = if is_turned { (other, one) } else { (one, other) };
        let segment = Segment { vlan, mac: Some(OTHER_MAC), ..Segment::between(source, destination) };
        let is_wanted = [ports.0, ports.1].iter().any(|port| WANTED.ports.contains(port));
        prop_assert_eq!(takes(None, Head::Ethernet, &ethernet(&segment)), is_wanted);
    }

    #[test]
    fn the_program_is_sound_for_any_packet(
        packet in proptest::collection::vec(any::<u8>(), 0..90),
        ether_type in 0..5_usize,
        host in 0..4_usize,
    ) {
        let mut packet = packet;
        let types = [[8, 0], [0x86, 0xdd], [0x81, 0], [0x88, 0xa8], [8, 6]];
        if let Some(place) = packet.get_mut(12..14) {
            place.copy_from_slice(&types[ether_type]);
        }
        let host = [None, Some("10.0.0.1"), Some("fd00::1"), Some("02:00:00:00:00:01")][host];
        takes(host, Head::Ethernet, &packet);
        takes(host, Head::Ip, &packet);
    }
}

/// The folder of captures, where there is one.
#[expect(
    clippy::print_stderr,
    reason = "who runs the tests is to know what was left out"
)]
fn vectors() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors"));
    let folder = std::env::var_os("WATTBRIDGE_VECTORS").map_or_else(beside, PathBuf::from);
    if folder.join("solaredge").is_dir() {
        return Some(folder);
    }
    eprintln!("passed over: there are no captures in {}", folder.display());
    None
}

/// Each packet of each capture.
fn for_each_packet(folder: &Path, mut look: impl FnMut(&str, &Packet<'_>)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.contains(".pcap") {
            continue;
        }
        let mut reader = CaptureReader::default();
        reader.push(&std::fs::read(&path).unwrap());
        while let Some(captured) = reader.next() {
            match captured {
                Captured::Packet(packet) => look(name, &packet),
                Captured::Dropped(_) => {}
                Captured::Refused(_) => break,
            }
        }
    }
}

/// `/*  0 */ {0x20,  0,  0, 0xfffff008},`
fn read_program(text: &str) -> Vec<Instruction> {
    let row = |line: &str| {
        let inner = line.split_once('{')?.1.split_once('}')?.0;
        let number = |word: &str| {
            let word = word.trim();
            match word.strip_prefix("0x") {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => word.parse().ok(),
            }
        };
        let numbers: Option<Vec<u32>> = inner.split(',').map(number).collect();
        let [code, jump_if, jump_else, operand] = numbers?.try_into().ok()?;
        Some(Instruction {
            code: code.try_into().ok()?,
            jump_if: jump_if.try_into().ok()?,
            jump_else: jump_else.try_into().ok()?,
            operand,
        })
    };
    text.lines().skip(1).filter_map(row).collect()
}

#[test]
fn of_real_captures_all_is_taken_that_another_filter_takes() {
    let Some(vectors) = vectors() else { return };
    let text = std::fs::read_to_string(vectors.join("solaredge-reports/bpf.txt")).unwrap();
    let mut other = read_program(&text);
    assert_eq!(other.len(), 61);
    other[1].operand = INTERFACE_NUMBER;
    let (mut seen, mut wanted) = (0, 0);
    for folder in ["solaredge/pcap", "solaredge-reports"] {
        for_each_packet(&vectors.join(folder), |name, packet| {
            if packet.link != LinkType::ETHERNET {
                return;
            }
            seen += 1;
            let is_wanted = run(&other, packet.data, INTERFACE_NUMBER).unwrap() > 0;
            wanted += usize::from(is_wanted);
            assert_eq!(
                takes(None, Head::Ethernet, packet.data),
                is_wanted,
                "{name}"
            );
            // The same without what Ethernet has before IP.
            if let Dissected::Tcp(segment) = dissect(packet) {
                let ends = [segment.source, segment.destination];
                let has_port = ends.iter().any(|end| WANTED.ports.contains(&end.port()));
                let ip = segment.encode(LinkType::RAW);
                assert_eq!(takes(None, Head::Ip, &ip), has_port, "{name}");
                let host = segment.source.ip().to_string();
                assert!(takes(Some(&host), Head::Ethernet, packet.data), "{name}");
            }
        });
    }
    assert!(seen > 100 && wanted > 50, "{seen} packets, {wanted} wanted");
}
