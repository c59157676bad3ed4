use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use wattbridge::links::capture::{LinkType, Segment};
use wattbridge::links::{Address, CaptureAddress, LinkError};

use super::arrived::Arrived;
use super::scene::{HERE, HERE_IP, Scene, THERE, THERE_IP, end, run_in_rooms};

/// How often the interface is looked at, and a bit more.
const LOOKED: Duration = Duration::from_secs(11);

async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A server that answers each of these many pieces with a byte.
fn answer(listener: TcpListener, length: usize) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut piece = vec![0; length];
        while stream.read_exact(&mut piece).is_ok() {
            stream.write_all(&piece[..1]).unwrap();
        }
    })
}

/// A device that sends pieces and waits for the answer to each.
fn tell(stream: &mut TcpStream, bytes: &[u8], length: usize) {
    let mut answer = [0; 1];
    for piece in bytes.chunks(length) {
        stream.write_all(piece).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer[0], piece[0]);
    }
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at as u8) ^ (at >> 8) as u8).collect()
}

/// A segment as the device of this number sends it.
fn segment<'a>(device: u8, sequence: u32, payload: &'a [u8]) -> Segment<'a> {
    Segment {
        mac: Some([2, 0, 0, 0, 0, device]),
        mac_to: Some([2, 0, 0, 0, 0, 1]),
        sequence,
        payload,
        ..Segment::between(
            end(Ipv4Addr::new(10, 99, 0, device), 1000),
            end(Ipv4Addr::new(192, 0, 2, 1), 22222),
        )
    }
}

fn packet(segment: &Segment<'_>) -> Vec<u8> {
    segment.encode(LinkType::ETHERNET)
}

#[test]
fn a_stream_arrives_whole_in_both_directions() {
    run_in_rooms(
        "interfaces::a_stream_arrives_whole_in_both_directions",
        async |scene| {
            for port in [22222, 22221] {
                let listener = TcpListener::bind(end(HERE_IP, port)).unwrap();
                let server = answer(listener, 4000);
                let mut arrived = Arrived::open(&Scene::links(), &Scene::address(HERE))
                    .await
                    .unwrap();
                assert!(Scene::is_promiscuous(HERE));
                let device = scene.thread(move || {
                    let mut stream = TcpStream::connect(end(HERE_IP, port)).unwrap();
                    tell(&mut stream, &bytes(400_000), 4000);
                });
                let ends = |it: &Arrived| it.segments.iter().filter(|it| it.flags.1).count();
                arrived.until(|it| ends(it) >= 2).await;
                device.join().unwrap();
                server.join().unwrap();
                let from_device = arrived.stream(|came| came.destination.port() == port);
                assert!(from_device == bytes(400_000), "{}", from_device.len());
                let from_server = arrived.stream(|came| came.source.port() == port);
                assert_eq!(from_server.len(), 100);
                assert_eq!((arrived.others, arrived.dropped), (0, 0));
                // Outgoing packets come as well as incoming ones, and none of them twice.
                let opened = arrived.segments.iter().filter(|it| it.flags.0).count();
                assert_eq!(opened, 2);
            }
        },
    );
}

#[test]
fn the_loopback_can_be_captured() {
    run_in_rooms("interfaces::the_loopback_can_be_captured", async |_| {
        let listener = TcpListener::bind("127.0.0.1:22222").unwrap();
        let server = answer(listener, 10);
        let mut arrived = Arrived::open(&Scene::links(), &Scene::address("lo"))
            .await
            .unwrap();
        let device = std::thread::spawn(|| {
            let mut stream = TcpStream::connect("127.0.0.1:22222").unwrap();
            tell(&mut stream, &bytes(1000), 10);
        });
        arrived
            .until(|it| it.segments.iter().any(|it| it.flags.1))
            .await;
        device.join().unwrap();
        server.join().unwrap();
        let from_device = arrived.stream(|came| came.destination.port() == 22222);
        assert_eq!(from_device, bytes(1000));
    });
}

#[test]
fn a_vlan_is_seen_with_its_tag_from_outside_and_without_from_inside() {
    run_in_rooms(
        "interfaces::a_vlan_is_seen_with_its_tag_from_outside_and_without_from_inside",
        async |scene| {
            let add = format!("link add link {HERE} name v5 type vlan id 5");
            if let Err(words) = Scene::try_here(&add) {
                eprintln!("passed over: this kernel has no VLANs: {words}");
                return;
            }
            Scene::here("addr add 10.98.0.1/24 dev v5");
            Scene::here("link set v5 up");
            scene.there(&format!("link add link {THERE} name v5 type vlan id 5"));
            scene.there("addr add 10.98.0.2/24 dev v5");
            scene.there("link set v5 up");
            for (name, vlan) in [(HERE, Some(5)), ("v5", None)] {
                let listener = TcpListener::bind("10.98.0.1:22222").unwrap();
                let server = answer(listener, 10);
                let mut arrived = Arrived::open(&Scene::links(), &Scene::address(name))
                    .await
                    .unwrap();
                let device = scene.thread(|| {
                    let mut stream = TcpStream::connect("10.98.0.1:22222").unwrap();
                    tell(&mut stream, &bytes(100), 10);
                });
                let ends = |it: &Arrived| it.segments.iter().filter(|it| it.flags.1).count();
                arrived.until(|it| ends(it) >= 2).await;
                device.join().unwrap();
                server.join().unwrap();
                assert!(arrived.segments.iter().all(|came| came.vlan == vlan));
                let from_device = arrived.stream(|came| came.destination.port() == 22222);
                assert_eq!(from_device, bytes(100));
            }
        },
    );
}

#[test]
fn the_tag_that_the_kernel_takes_off_is_put_back() {
    run_in_rooms(
        "interfaces::the_tag_that_the_kernel_takes_off_is_put_back",
        async |scene| {
            let mut arrived = Arrived::open(&Scene::links(), &Scene::address(HERE))
                .await
                .unwrap();
            let plain = segment(40, 1, b"here");
            let vlan = Some(5);
            let once = packet(&Segment { vlan, ..plain });
            let mut twice = once.clone();
            // Priority 3, around the other.
            twice.splice(12..12, [0x88, 0xa8, 0x60, 9]);
            // No VLAN, but a priority.
            let mut priority = once.clone();
            priority[14] = 0xa0;
            priority[15] = 0;
            let sent = [packet(&plain), once, twice, priority];
            scene.send_raw(sent.to_vec());
            arrived.until(|it| it.segments.len() == sent.len()).await;
            let came = arrived.segments.iter().map(|it| it.packet.clone());
            assert_eq!(came.collect::<Vec<_>>(), sent);
        },
    );
}

#[test]
fn two_devices_are_told_apart_and_what_is_lost_on_the_way_is_a_gap() {
    run_in_rooms(
        "interfaces::two_devices_are_told_apart_and_what_is_lost_on_the_way_is_a_gap",
        async |scene| {
            let mut arrived = Arrived::open(&Scene::links(), &Scene::address(HERE))
                .await
                .unwrap();
            let mut packets = Vec::new();
            for round in 0..50_u32 {
                for device in [40, 41] {
                    let payload = [device, round as u8];
                    // What nobody sends cannot be captured.
                    if (device, round) != (41, 25) {
                        packets.push(packet(&segment(device, 2 * round, &payload)));
                    }
                }
            }
            scene.send_raw(packets);
            arrived.until(|it| it.segments.len() == 99).await;
            let from = |device: u8| {
                let ip = Ipv4Addr::new(10, 99, 0, device);
                arrived.stream(|came| came.source.ip() == ip)
            };
            assert_eq!(from(40).len(), 100);
            assert!(from(40).chunks(2).all(|pair| pair[0] == 40));
            assert_eq!(from(41).len(), 50);
        },
    );
}

#[test]
fn what_the_kernel_could_not_keep_is_counted() {
    run_in_rooms(
        "interfaces::what_the_kernel_could_not_keep_is_counted",
        async |scene| {
            const SENT: usize = 4000;
            let mut arrived = Arrived::open(&Scene::links(), &Scene::address(HERE))
                .await
                .unwrap();
            let payload = [7; 1400];
            let one = packet(&segment(40, 1, &payload));
            scene.send_raw(vec![one; SENT]);
            let all = |it: &Arrived| it.segments.len() + it.dropped as usize;
            // The head, and what was kept.
            arrived.more().await.unwrap();
            let kept = arrived.segments.len();
            pass(LOOKED).await;
            arrived.until(|it| it.dropped > 0).await;
            arrived.until(|it| all(it) >= SENT).await;
            assert_eq!(all(&arrived), SENT, "{kept}");
            assert!(arrived.segments.len() > 50, "{}", arrived.segments.len());
        },
    );
}

/// Processor time of this thread, in clock ticks.
fn ticks() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let (_, rest) = text.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = rest.split(' ').collect();
    let [user, kernel] = [fields[11], fields[12]].map(|it| it.parse::<u64>().unwrap());
    user + kernel
}

#[test]
fn other_traffic_beside_it_never_reaches_us() {
    run_in_rooms(
        "interfaces::other_traffic_beside_it_never_reaches_us",
        async |scene| {
            // Two seconds of 100 Mbit/s.
            const DATAGRAMS: usize = 2 * 100_000_000 / 8 / 1472;
            let _sink = UdpSocket::bind(end(HERE_IP, 9)).unwrap();
            let listener = TcpListener::bind(end(HERE_IP, 22222)).unwrap();
            let server = answer(listener, 500);
            let mut arrived = Arrived::open(&Scene::links(), &Scene::address(HERE))
                .await
                .unwrap();
            let before = (ticks(), std::time::Instant::now());
            let flood = scene.thread(|| {
                let socket = UdpSocket::bind(end(THERE_IP, 0)).unwrap();
                let datagram = [0; 1472];
                for _ in 0..DATAGRAMS {
                    socket.send_to(&datagram, end(HERE_IP, 9)).unwrap();
                }
            });
            let device = scene.thread(|| {
                let mut stream = TcpStream::connect(end(HERE_IP, 22222)).unwrap();
                tell(&mut stream, &bytes(50_000), 500);
            });
            let ends = |it: &Arrived| it.segments.iter().filter(|it| it.flags.1).count();
            arrived.until(|it| ends(it) >= 2).await;
            flood.join().unwrap();
            let (used, took) = (ticks() - before.0, before.1.elapsed());
            device.join().unwrap();
            server.join().unwrap();
            eprintln!("{DATAGRAMS} datagrams in {took:?}: {used} ticks (of 10 ms) of our thread");
            let from_device = arrived.stream(|came| came.destination.port() == 22222);
            assert_eq!(from_device, bytes(50_000));
            assert_eq!((arrived.others, arrived.dropped), (0, 0));
        },
    );
}

#[test]
fn what_becomes_of_the_interface_is_told_and_it_is_used_again() {
    run_in_rooms(
        "interfaces::what_becomes_of_the_interface_is_told_and_it_is_used_again",
        async |scene| {
            let (links, address) = (Scene::links(), Scene::address(HERE));
            let fails = async || Arrived::open(&links, &address).await.err().unwrap();
            let works = async || {
                let mut arrived = Arrived::open(&links, &address).await.unwrap();
                scene.send_raw(vec![packet(&segment(40, 1, b"here"))]);
                arrived.until(|it| !it.segments.is_empty()).await;
                arrived
            };
            let down = |is_unplugged| LinkError::InterfaceDown {
                name: HERE.to_owned(),
                is_unplugged,
            };
            // While it is listened to, and when it is opened.
            for (off, on, is_here, why) in [
                ("down", "up", true, down(false)),
                ("down", "up", false, down(true)),
            ] {
                let mut arrived = works().await;
                let set = |state: &str| match is_here {
                    true => Scene::here(&format!("link set {HERE} {state}")),
                    false => scene.there(&format!("link set {THERE} {state}")),
                };
                set(off);
                pass(LOOKED).await;
                assert_eq!(arrived.more().await, Err(why.clone()));
                drop(arrived);
                assert_eq!(fails().await, why);
                assert!(why.is_unplugged() && !why.advice().is_empty());
                set(on);
            }
            let mut arrived = works().await;
            Scene::here(&format!("link delete {HERE}"));
            pass(LOOKED).await;
            let missing = arrived.more().await.unwrap_err();
            let none = |error: &LinkError| match error {
                LinkError::NoSuchInterface { others, .. } => others == &["lo"],
                _ => false,
            };
            assert!(none(&missing), "{missing}");
            assert!(none(&fails().await));
            // It comes back under the same name, as another one, before anybody has looked.
            scene.lay_cable();
            let mut arrived = works().await;
            Scene::here(&format!("link delete {HERE}"));
            scene.lay_cable();
            pass(LOOKED).await;
            let replaced = LinkError::InterfaceReplaced(HERE.to_owned());
            assert_eq!(arrived.more().await, Err(replaced));
            drop(arrived);
            works().await;
        },
    );
}

#[test]
fn a_tunnel_that_nobody_has_open_has_no_link() {
    run_in_rooms(
        "interfaces::a_tunnel_that_nobody_has_open_has_no_link",
        async |_| {
            Scene::here("tuntap add dev t0 mode tun");
            Scene::here("link set t0 up");
            // Nobody has its other end open.
            let error = Arrived::open(&Scene::links(), &Scene::address("t0")).await;
            assert!(matches!(
                error.err(),
                Some(LinkError::InterfaceDown {
                    is_unplugged: true,
                    ..
                })
            ));
        },
    );
}

#[test]
fn one_host_brings_its_dns_and_all_its_tcp() {
    run_in_rooms(
        "interfaces::one_host_brings_its_dns_and_all_its_tcp",
        async |scene| {
            let address = |host: &str| {
                Address::Capture(CaptureAddress::Interface {
                    name: HERE.to_owned(),
                    host: Some(host.parse().unwrap()),
                    is_promiscuous: false,
                })
            };
            for host in ["10.99.0.40", "02:00:00:00:00:28"] {
                let mut arrived = Arrived::open(&Scene::links(), &address(host))
                    .await
                    .unwrap();
                assert!(!Scene::is_promiscuous(HERE));
                let web = |device| Segment {
                    destination: end(Ipv4Addr::new(192, 0, 2, 1), 80),
                    ..segment(device, 1, b"web")
                };
                let mut dns = packet(&Segment {
                    destination: end(HERE_IP, 53),
                    ..segment(40, 1, b"")
                });
                dns[23] = 17;
                scene.send_raw(vec![packet(&web(41)), dns, packet(&web(40))]);
                arrived.until(|it| !it.segments.is_empty()).await;
                assert_eq!((arrived.segments.len(), arrived.others), (1, 1));
                assert_eq!(arrived.segments[0].source.ip().to_string(), "10.99.0.40");
            }
        },
    );
}

/// Runs itself again without the right to capture.
#[test]
fn who_may_not_capture_is_told_how_to_get_the_right() {
    const CHILD: &str = "WATTBRIDGE_TEST_NO_RIGHT";
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(async {
            let error = Arrived::open(&Scene::links(), &Scene::address("lo")).await;
            let error = error.err().unwrap();
            assert_eq!(error, LinkError::CaptureNotPermitted("lo".to_owned()));
        });
    }
    let child = Command::new("setpriv")
        .args(["--bounding-set", "-all", "--inh-caps", "-all"])
        .args(["--reuid", "65534", "--clear-groups"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("interfaces::who_may_not_capture_is_told_how_to_get_the_right")
        .env(CHILD, "1")
        .output();
    match child {
        Ok(done) if done.status.success() => {
            let said = String::from_utf8_lossy(&done.stdout);
            assert!(said.contains("1 passed"), "{said}");
        }
        Ok(done) => {
            let words = String::from_utf8_lossy(&done.stderr);
            let is_refused = words.starts_with("setpriv:");
            assert!(is_refused, "{words}");
            eprintln!("passed over: rights cannot be given up: {words}");
        }
        Err(error) => eprintln!("passed over: there is no setpriv here: {error}"),
    }
}
