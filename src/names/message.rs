//! The question for the addresses of a host, and what answers it: multicast DNS (RFC 6762), without I/O.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::RData;
use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, Question, RCODE, ResourceRecord, TYPE, header_buffer,
};

/// The fewest bytes that anything takes in a message: a question about the root.
const SMALLEST: usize = 5;

/// The question for the addresses of one host.
#[derive(Debug)]
pub struct HostQuestion {
    name: Name<'static>,
    /// What an answer repeats (section 6.7). Nobody who has not heard the question knows it.
    id: u16,
    bytes: Vec<u8>,
}

impl HostQuestion {
    /// Nothing if that cannot be the name of a host.
    pub fn new(host: &str) -> Option<Self> {
        let name = Name::new(host).ok()?.into_owned();
        let id = RandomState::new().hash_one(host) as u16;
        let mut packet = Packet::new_query(id);
        for kind in [TYPE::A, TYPE::AAAA] {
            let question = Question::new(name.clone(), kind.into(), CLASS::IN.into(), false);
            packet.questions.push(question);
        }
        let bytes = packet.build_bytes_vec().ok()?;
        Some(Self { name, id, bytes })
    }

    /// As it is sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The addresses of that host in a packet that came: none if it does not answer this question.
    ///
    /// The question need not be repeated in it, as section 6.7 wants, for some leave it out.
    pub fn answers(&self, packet: &[u8]) -> Vec<IpAddr> {
        let is_ours = header_buffer::id(packet) == Ok(self.id);
        if !is_ours || !is_plausible(packet) {
            return Vec::new();
        }
        let Ok(packet) = Packet::parse(packet) else {
            return Vec::new();
        };
        let is_answer = packet.has_flags(PacketFlag::RESPONSE)
            && packet.opcode() == OPCODE::StandardQuery
            && packet.rcode() == RCODE::NoError;
        if !is_answer {
            return Vec::new();
        }
        let is_own = |record: &&ResourceRecord<'_>| {
            // Without time to live the host takes it back.
            record.name == self.name && record.class == CLASS::IN && record.ttl > 0
        };
        let addresses = packet.answers.iter().filter(is_own).filter_map(|record| {
            let address = match &record.rdata {
                RData::A(a) => IpAddr::from(Ipv4Addr::from(a.address)),
                RData::AAAA(a) => IpAddr::from(Ipv6Addr::from(a.address)),
                _ => return None,
            };
            is_of_a_host(address).then_some(address)
        });
        addresses.collect()
    }
}

/// Whether as many records as it claims can be in it at all; the parser makes room for them at once.
fn is_plausible(packet: &[u8]) -> bool {
    let Some(counts) = packet.get(4..12) else {
        return false;
    };
    let (counts, _) = counts.as_chunks::<2>();
    let claimed = counts.iter().map(|it| usize::from(u16::from_be_bytes(*it)));
    claimed.sum::<usize>() <= packet.len() / SMALLEST
}

/// Whether one host can have it.
fn is_of_a_host(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || is_broadcast)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use simple_dns::rdata::{A, AAAA, CNAME};

    use super::*;

    fn question() -> HostQuestion {
        HostQuestion::new("HomeAssistant.local").unwrap()
    }

    fn record(name: &str, rdata: RData<'static>) -> ResourceRecord<'static> {
        let name = Name::new(name).unwrap().into_owned();
        ResourceRecord::new(name, CLASS::IN, 10, rdata)
    }

    fn v4(last: u8) -> RData<'static> {
        RData::A(A::from(Ipv4Addr::new(192, 168, 1, last)))
    }

    fn answer(id: u16, records: Vec<ResourceRecord<'static>>) -> Packet<'static> {
        let mut packet = Packet::new_reply(id);
        packet.answers = records;
        packet
    }

    fn texts(question: &HostQuestion, packet: &Packet<'_>) -> String {
        let found = question.answers(&packet.build_bytes_vec_compressed().unwrap());
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        texts.join(" ")
    }

    #[test]
    fn the_question_is_for_both_kinds_of_addresses() {
        let question = question();
        let (id, rest) = question.bytes().split_at(2);
        assert_eq!(id, question.id.to_be_bytes());
        let name = b"\x0dHomeAssistant\x05local\0";
        let mut wanted = b"\0\0\0\x02\0\0\0\0\0\0".to_vec();
        for kind in [1, 28] {
            wanted.extend(name);
            wanted.extend([0, kind, 0, 1]);
        }
        assert_eq!(rest, wanted);
    }

    #[test]
    fn a_last_dot_is_not_sent() {
        let dotted = HostQuestion::new("HomeAssistant.local.").unwrap();
        assert_eq!(dotted.bytes()[2..], question().bytes()[2..]);
    }

    #[test]
    fn what_cannot_be_a_name_is_not_asked_for() {
        for host in ["x".repeat(64) + ".local", "x.".repeat(130) + "local"] {
            assert!(HostQuestion::new(&host).is_none(), "{host}");
        }
    }

    /// As RFC 6762 section 6.7 has it, byte by byte.
    #[test]
    fn an_answer_is_read() {
        let question = question();
        let mut packet = question.id.to_be_bytes().to_vec();
        packet.extend(b"\x84\0\0\x01\0\x01\0\0\0\0");
        packet.extend(b"\x0dhomeassistant\x05local\0\0\x01\0\x01");
        packet.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x0a\0\x04\xc0\xa8\x01\x09");
        assert_eq!(question.answers(&packet), [IpAddr::from([192, 168, 1, 9])]);
        // Cut anywhere it is none.
        for end in 0..packet.len() {
            assert!(question.answers(&packet[..end]).is_empty(), "{end}");
        }
    }

    #[test]
    fn only_addresses_of_that_host_count() {
        let question = question();
        let v6 = RData::AAAA(AAAA::from("fe80::9".parse::<Ipv6Addr>().unwrap()));
        let alias = RData::CNAME(CNAME(Name::new("other.local").unwrap()));
        let mut gone = record("homeassistant.local", v4(66));
        gone.ttl = 0;
        let mut chaos = record("homeassistant.local", v4(67));
        chaos.class = CLASS::CH;
        let flushed = record("homeassistant.local", v4(10)).with_cache_flush(true);
        let mut packet = answer(
            question.id,
            vec![
                record("other.local", v4(60)),
                record("homeassistant.local.example", v4(61)),
                record("x.homeassistant.local", v4(62)),
                record("homeassistant.local", alias),
                record("other.local", v4(63)),
                gone,
                chaos,
                record("HOMEASSISTANT.local", v6),
                record("homeassistant.LOCAL", v4(9)),
                flushed,
            ],
        );
        packet.additional_records = vec![record("other.local", v4(64))];
        let found = texts(&question, &packet);
        assert_eq!(found, "fe80::9 192.168.1.9 192.168.1.10");
    }

    #[test]
    fn what_does_not_answer_this_question_is_nothing() {
        let question = question();
        let right = || answer(question.id, vec![record("homeassistant.local", v4(9))]);
        assert_eq!(texts(&question, &right()), "192.168.1.9");

        let mut other = right();
        other.set_id(question.id.wrapping_add(1));
        assert_eq!(texts(&question, &other), "", "another id");

        let mut asked = right();
        asked.remove_flags(PacketFlag::RESPONSE);
        assert_eq!(texts(&question, &asked), "", "a question");

        let mut refused = right();
        *refused.rcode_mut() = RCODE::NameError;
        assert_eq!(texts(&question, &refused), "", "an error");

        let mut update = right();
        *update.opcode_mut() = OPCODE::Notify;
        assert_eq!(texts(&question, &update), "", "another operation");
    }

    #[test]
    fn what_no_host_can_have_is_no_address() {
        let question = question();
        let wrong = [[0, 0, 0, 0], [224, 0, 0, 251], [255; 4]];
        let wrong = wrong.map(|it| RData::A(A::from(Ipv4Addr::from(it))));
        let records = wrong.map(|it| record("homeassistant.local", it));
        let mut packet = answer(question.id, records.to_vec());
        for text in ["::", "ff02::fb"] {
            let address = text.parse::<Ipv6Addr>().unwrap();
            let address = RData::AAAA(AAAA::from(address));
            packet.answers.push(record("homeassistant.local", address));
        }
        assert_eq!(texts(&question, &packet), "");
    }

    #[test]
    fn names_that_lead_in_a_circle_end() {
        let question = question();
        // To itself, to each other, forward, and to the middle of the header.
        for name in [
            &b"\xc0\x0c"[..],
            b"\xc0\x0e\xc0\x0c",
            b"\x01a\xc0\x0c",
            b"\xc0\xff",
            b"\xc0\x00",
        ] {
            let mut packet = question.id.to_be_bytes().to_vec();
            packet.extend(b"\x84\0\0\0\0\x01\0\0\0\0");
            packet.extend(name);
            packet.extend(b"\0\x01\0\x01\0\0\0\x0a\0\x04\xc0\xa8\x01\x09");
            assert!(question.answers(&packet).is_empty(), "{name:x?}");
        }
    }

    #[test]
    fn more_records_than_fit_are_not_looked_for() {
        let header = |count: u8| [[0; 4], [count; 4], [0, 0, 0, 0]].concat();
        assert!(!is_plausible(&header(0xff)));
        assert!(!is_plausible(&[0; 11]));
        assert!(is_plausible(&header(0)));
    }

    /// A message that gets past the first looks, with a name that is likely to be met.
    fn nearly() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"\x0dhomeassistant\x05local\0".to_vec()),
            Just(b"\xc0\x0c".to_vec()),
            Just(b"\0\x01\0\x01\0\0\0\x0a\0\x04\xc0\xa8\x01\x09".to_vec()),
            Just(b"\0\x1c\x80\x01\0\0\0\x0a\0\x10".to_vec()),
            Just(b"\0\x29\x05\xc0\0\0\0\0\0\0".to_vec()),
            Just(b"\0\x2f\0\x01\0\0\0\x0a\0\x08".to_vec()),
            prop::collection::vec(any::<u8>(), 0..20),
        ];
        let counts = prop::array::uniform4(0u8..4);
        (counts, prop::collection::vec(piece, 0..12)).prop_map(|(counts, pieces)| {
            let mut packet = b"\x84\0".to_vec();
            packet.extend(counts.iter().flat_map(|count| [0, *count]));
            packet.extend(pieces.concat());
            packet
        })
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let question = question();
            question.answers(&bytes);
            let ours = [&question.id.to_be_bytes()[..], &bytes].concat();
            question.answers(&ours);
        }

        #[test]
        fn damaged_answers_do_no_harm(rest in nearly()) {
            let question = question();
            let packet = [&question.id.to_be_bytes()[..], &rest].concat();
            for address in question.answers(&packet) {
                prop_assert!(is_of_a_host(address));
            }
        }

        #[test]
        fn any_name_is_asked_for_or_refused(host in ".{0,300}") {
            if let Some(question) = HostQuestion::new(&host) {
                prop_assert!(question.bytes().len() <= 12 + 2 * (255 + 4));
            }
        }
    }
}
