use std::net::{IpAddr, Ipv4Addr, UdpSocket as BlockingSocket};

use simple_dns::rdata::{A, AAAA, RData};
use simple_dns::{CLASS, Packet, ResourceRecord};

use super::*;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);
const NAME: &str = "homeassistant.local";

/// A host of the link, with a real socket.
struct Host {
    socket: BlockingSocket,
}

impl Host {
    fn new() -> Self {
        let socket = BlockingSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        Self { socket }
    }

    fn way(&self) -> Way {
        way_to(self.socket.local_addr().unwrap())
    }

    /// A question, and who asks it.
    fn hear(&self) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 600];
        let (length, from) = self.socket.recv_from(&mut buffer).unwrap();
        (buffer[..length].to_vec(), from)
    }

    fn say(&self, packet: &[u8], to: SocketAddr) {
        self.socket.send_to(packet, to).unwrap();
    }

    /// Answers one question.
    fn answer_once(self, addresses: &'static [&'static str]) -> std::thread::JoinHandle<()> {
        std::thread::spawn(move || {
            let (question, from) = self.hear();
            self.say(&answer(&question, addresses), from);
        })
    }
}

/// As if that were the group that all hosts hear.
fn way_to(to: SocketAddr) -> Way {
    Way {
        from: (Ipv4Addr::LOCALHOST, 0).into(),
        mask: Some(Ipv4Addr::new(255, 0, 0, 0).into()),
        to,
    }
}

/// What a host of this name and these addresses answers.
fn answer(question: &[u8], addresses: &[&str]) -> Vec<u8> {
    let asked = Packet::parse(question).unwrap();
    let name = &asked.questions[0].qname;
    let mut packet = Packet::new_reply(asked.id());
    for address in addresses {
        let data = match address.parse().unwrap() {
            IpAddr::V4(v4) => RData::A(A::from(v4)),
            IpAddr::V6(v6) => RData::AAAA(AAAA::from(v6)),
        };
        let record = ResourceRecord::new(name.clone(), CLASS::IN, 10, data);
        packet.answers.push(record);
    }
    packet.build_bytes_vec_compressed().unwrap()
}

async fn found(ways: &[Way]) -> String {
    let found = ask(NAME, 1883, ways).await;
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

#[tokio::test]
async fn the_host_with_the_name_answers() {
    let host = Host::new();
    let way = host.way();
    let answering = host.answer_once(&["2001:db8::9", "192.168.1.9"]);
    assert_eq!(found(&[way]).await, "192.168.1.9:1883 [2001:db8::9]:1883");
    answering.join().unwrap();
}

#[tokio::test]
async fn one_way_that_answers_is_enough() {
    let silent = Host::new();
    let host = Host::new();
    let ways = [silent.way(), host.way()];
    let answering = host.answer_once(&["192.168.1.9"]);
    assert_eq!(found(&ways).await, "192.168.1.9:1883");
    answering.join().unwrap();
}

#[tokio::test]
async fn a_question_that_was_lost_is_asked_again() {
    let host = Host::new();
    let way = host.way();
    let answering = std::thread::spawn(move || {
        let (lost, _) = host.hear();
        let (question, from) = host.hear();
        assert_eq!(lost, question);
        host.say(&answer(&question, &["192.168.1.9"]), from);
    });
    assert_eq!(found(&[way]).await, "192.168.1.9:1883");
    answering.join().unwrap();
}

#[tokio::test]
async fn an_ipv4_address_is_waited_for_a_moment() {
    let host = Host::new();
    let way = host.way();
    let answering = std::thread::spawn(move || {
        let (question, from) = host.hear();
        host.say(&answer(&question, &["2001:db8::9"]), from);
        host.say(&answer(&question, &["2001:db8::9", "192.168.1.9"]), from);
    });
    assert_eq!(found(&[way]).await, "192.168.1.9:1883 [2001:db8::9]:1883");
    answering.join().unwrap();

    let host = Host::new();
    let way = host.way();
    let answering = host.answer_once(&["2001:db8::9"]);
    assert_eq!(found(&[way]).await, "[2001:db8::9]:1883");
    answering.join().unwrap();
}

#[tokio::test]
async fn nobody_is_tried_at_any_number_of_addresses() {
    let host = Host::new();
    let way = host.way();
    let answering = std::thread::spawn(move || {
        let (question, from) = host.hear();
        let many: Vec<String> = (0..100).map(|it| format!("2001:db8::{it}")).collect();
        let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
        many.push("192.168.1.9");
        host.say(&answer(&question, &many), from);
    });
    let found = ask(NAME, 1883, &[way]).await;
    assert_eq!(found.len(), ADDRESSES);
    assert_eq!(found[0], "192.168.1.9:1883".parse().unwrap());
    answering.join().unwrap();
}

#[tokio::test]
async fn what_others_say_is_not_believed() {
    let host = Host::new();
    let way = host.way();
    let answering = std::thread::spawn(move || {
        let (question, from) = host.hear();
        let wrong = answer(&question, &["192.168.1.66"]);
        // Its own port gives a stranger away.
        BlockingSocket::bind("127.0.0.1:0")
            .unwrap()
            .send_to(&wrong, from)
            .unwrap();
        let mut other_id = wrong.clone();
        other_id[0] ^= 1;
        host.say(&other_id, from);
        let mut other_name = wrong.clone();
        other_name[14] = b'x';
        host.say(&other_name, from);
        host.say(&question, from);
        host.say(&[0; 60_000], from);
        host.say(&[], from);
        host.say(&wrong[..wrong.len() - 1], from);
        host.say(&answer(&question, &[]), from);
        host.say(&answer(&question, &["0.0.0.0"]), from);
        host.say(&answer(&question, &["192.168.1.9"]), from);
    });
    assert_eq!(found(&[way]).await, "192.168.1.9:1883");
    answering.join().unwrap();
}

#[tokio::test(start_paused = true)]
async fn silence_ends() {
    let host = Host::new();
    let begun = Instant::now();
    assert_eq!(found(&[host.way(), host.way()]).await, "");
    assert_eq!(begun.elapsed().as_secs(), 3);
    for _ in 0..2 * QUESTIONS {
        host.hear();
    }
    host.socket.set_nonblocking(true).unwrap();
    assert!(host.socket.recv(&mut [0; 9]).is_err(), "once too often");
}

#[tokio::test(start_paused = true)]
async fn without_a_way_there_is_no_answer() {
    // Of this network nobody here has an address.
    let mut way = way_to((Ipv4Addr::LOCALHOST, 9).into());
    way.from = (Ipv4Addr::new(192, 0, 2, 1), 0).into();
    assert_eq!(found(&[way]).await, "");
    assert_eq!(found(&[]).await, "");
}

/// Real multicast, in a network of the kernel that nobody else is in.
#[cfg(target_os = "linux")]
mod in_a_network {
    use std::net::{Ipv6Addr, SocketAddrV6};
    use std::process::Command;

    use nix::net::if_::if_nametoindex;
    use nix::sched::{CloneFlags, unshare};
    use socket2::{Domain, Protocol, Socket, Type};

    use super::*;
    use crate::names::way::ways;
    use crate::names::{LookupError, lookup};

    const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
    const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

    /// `ip` in this thread's network.
    fn ip(words: &str) -> Result<(), String> {
        let done = Command::new("ip").args(words.split(' ')).output();
        let done = done.map_err(|error| format!("ip: {error}"))?;
        if done.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&done.stderr);
        Err(format!("ip {words}: {}", said.trim()))
    }

    /// Does this in a network with nothing in it; it is passed over where there can be none.
    fn in_a_network(work: impl AsyncFnOnce() + Send + 'static) {
        let inside = move || {
            let made = unshare(CloneFlags::CLONE_NEWNET).map_err(|error| error.to_string());
            if let Err(words) = made.and_then(|()| ip("link set lo up")) {
                #[allow(clippy::print_stderr, reason = "who runs the tests is to know")]
                {
                    eprintln!("passed over: a network cannot be made: {words}");
                }
                return;
            }
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(work());
        };
        std::thread::spawn(inside).join().unwrap();
    }

    /// An interface with both kinds of addresses.
    fn lay_cable(name: &str, network: u8) -> u32 {
        ip(&format!("link add {name} type veth peer name {name}x")).unwrap();
        ip(&format!("addr add 10.99.{network}.1/24 dev {name}")).unwrap();
        ip(&format!("addr add fe80::{network}/64 dev {name} nodad")).unwrap();
        ip(&format!("link set {name}x up")).unwrap();
        ip(&format!("link set {name} up")).unwrap();
        if_nametoindex(name).unwrap()
    }

    /// A host that hears what is said to all on the interface with this address.
    fn host_v4(interface: Ipv4Addr) -> Host {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.join_multicast_v4(&GROUP_V4, &interface).unwrap();
        heard(socket, (Ipv4Addr::UNSPECIFIED, 5353).into())
    }

    /// The same by IPv6.
    fn host_v6(interface: u32) -> Host {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.set_only_v6(true).unwrap();
        socket.join_multicast_v6(&GROUP_V6, interface).unwrap();
        heard(socket, (Ipv6Addr::UNSPECIFIED, 5353).into())
    }

    fn heard(socket: Socket, at: SocketAddr) -> Host {
        socket.bind(&at.into()).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        let socket = socket.into();
        Host { socket }
    }

    #[test]
    fn a_name_that_the_system_does_not_know_is_found_on_the_link() {
        in_a_network(async || {
            lay_cable("attic0", 1);
            // Not that of the default route: there is none.
            lay_cable("cellar0", 2);
            let host = host_v4(Ipv4Addr::new(10, 99, 2, 1));
            let answering = host.answer_once(&["fe80::2", "10.99.2.1"]);
            let found = lookup("WattBridge-Test.local", 1883).await.unwrap();
            assert_eq!(found, ["10.99.2.1:1883".parse().unwrap()]);
            answering.join().unwrap();
        });
    }

    #[test]
    fn a_host_that_has_only_ipv6_is_found() {
        in_a_network(async || {
            lay_cable("attic0", 1);
            let scope = lay_cable("cellar0", 2);
            let answering = host_v6(scope).answer_once(&["fe80::2"]);
            let found = ask(NAME, 1883, &ways()).await;
            let reached = SocketAddrV6::new("fe80::2".parse().unwrap(), 1883, 0, scope);
            assert_eq!(found, [SocketAddr::from(reached)]);
            answering.join().unwrap();
        });
    }

    #[test]
    fn where_there_is_nothing_else_this_machine_is_asked() {
        in_a_network(async || {
            let ways = ways();
            assert!(
                matches!(ways[..], [way] if way.from.ip().is_loopback()),
                "{ways:?}"
            );
            let answering = host_v4(Ipv4Addr::LOCALHOST).answer_once(&["127.0.0.1"]);
            assert_eq!(found(&ways).await, "127.0.0.1:1883");
            answering.join().unwrap();
        });
    }

    #[test]
    fn a_host_that_tells_the_neighbours_its_loopback_is_not_followed_there() {
        in_a_network(async || {
            lay_cable("attic0", 1);
            let host = host_v4(Ipv4Addr::new(10, 99, 1, 1));
            let answering = host.answer_once(&["127.0.0.1"]);
            let error = lookup(NAME, 1883).await.unwrap_err();
            assert!(matches!(error, LookupError::NothingAnswers), "{error}");
            answering.join().unwrap();
        });
    }
}
