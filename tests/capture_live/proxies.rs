use std::net::SocketAddr;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wattbridge::links::capture::LinkType;
use wattbridge::links::{Address, CaptureAddress, Endpoint, LinkError, Links};

use super::arrived::{Arrived, Came};

struct Proxied {
    server: TcpListener,
    listen: SocketAddr,
    links: Links,
    address: Address,
}

impl Proxied {
    async fn new() -> Self {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::parse(&server.local_addr().unwrap().to_string(), 1);
        let listen = free();
        Self {
            server,
            listen,
            links: Links::new(),
            address: Address::Capture(CaptureAddress::Proxy {
                listen,
                server: endpoint,
            }),
        }
    }

    async fn open(&self) -> Arrived {
        Arrived::open(&self.links, &self.address).await.unwrap()
    }

    /// A device, and what the server sees of it.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let device = TcpStream::connect(self.listen).await.unwrap();
        let (server, _) = self.server.accept().await.unwrap();
        (device, server)
    }

    fn is_of_server(&self) -> impl Fn(&Came) -> bool + use<> {
        let server = self.server.local_addr().unwrap();
        move |came| came.source == server
    }

    fn is_of_device(&self) -> impl Fn(&Came) -> bool + use<> {
        let server = self.server.local_addr().unwrap();
        move |came| came.destination == server
    }
}

/// An address where nobody listens.
fn free() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Sends these bytes cut so, and reads what comes meanwhile, to its end.
async fn talk(mut stream: TcpStream, bytes: Vec<u8>, cuts: Vec<usize>) -> Vec<u8> {
    let (mut reader, mut writer) = stream.split();
    let mut came = Vec::new();
    let write = async {
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (part, others) = rest.split_at((*cut).min(rest.len()));
            writer.write_all(part).await.unwrap();
            rest = others;
        }
        writer.shutdown().await.unwrap();
    };
    let (_, read) = tokio::join!(write, reader.read_to_end(&mut came));
    read.unwrap();
    came
}

fn bytes(seed: u8, length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at as u8).wrapping_mul(31) ^ seed ^ (at >> 8) as u8)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_byte_is_changed_in_either_direction_and_all_are_told(
        lengths in (0..100_000_usize, 0..100_000_usize),
        cuts in proptest::collection::vec(1..20_000_usize, 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let proxied = Proxied::new().await;
            let mut arrived = proxied.open().await;
            let (device, server) = proxied.connect().await;
            let (up, down) = (bytes(1, lengths.0), bytes(2, lengths.1));
            let (at_device, at_server) = tokio::join!(
                talk(device, up.clone(), cuts.clone()),
                talk(server, down.clone(), cuts),
            );
            assert_eq!((&at_server, &at_device), (&up, &down));
            arrived.until(|it| it.segments.iter().filter(|it| it.flags.1).count() == 2).await;
            assert_eq!(arrived.stream(proxied.is_of_device()), up);
            assert_eq!(arrived.stream(proxied.is_of_server()), down);
            assert_eq!(arrived.dropped, 0);
            assert!(arrived.segments.iter().all(|it| it.link == LinkType::RAW));
            // Each begins with its opening, and acknowledges what the other has said.
            assert_eq!(arrived.segments[0].flags, (true, false, false));
            assert_eq!(arrived.segments[0].acknowledged, None);
            assert_eq!(arrived.segments[1].flags, (true, false, false));
            assert_eq!(arrived.segments[1].acknowledged, Some(1));
        });
    }
}

#[tokio::test]
async fn who_never_listens_holds_up_nobody_and_hears_how_much_was_lost() {
    let proxied = Proxied::new().await;
    let mut arrived = proxied.open().await;
    let (mut device, mut server) = proxied.connect().await;
    // Far more pieces than are kept.
    let mut answer = [0; 4];
    for round in 0..2000_u32 {
        device.write_all(&round.to_be_bytes()).await.unwrap();
        server.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, round.to_be_bytes());
    }
    arrived.until(|arrived| arrived.dropped > 0).await;
    device.write_all(b"now").await.unwrap();
    arrived
        .until(|arrived| {
            arrived
                .segments
                .last()
                .is_some_and(|it| it.payload == b"now")
        })
        .await;
    let told = arrived.segments.len() as u64;
    // Two that open it, all rounds, and the last word.
    assert_eq!(told + arrived.dropped, 2 + 2000 + 1);
    // What was lost can be seen by the numbers.
    assert_eq!(arrived.segments.last().unwrap().sequence, 1 + 4 * 2000);
}

#[tokio::test]
async fn forwarding_goes_on_while_the_listener_is_away() {
    let proxied = Proxied::new().await;
    let arrived = proxied.open().await;
    let (mut device, mut server) = proxied.connect().await;
    drop(arrived);
    device.write_all(b"one").await.unwrap();
    let mut three = [0; 3];
    server.read_exact(&mut three).await.unwrap();
    let (mut other, mut other_server) = proxied.connect().await;
    other.write_all(b"new").await.unwrap();
    other_server.read_exact(&mut three).await.unwrap();
    let mut arrived = proxied.open().await;
    server.write_all(b"two").await.unwrap();
    arrived
        .until(|arrived| {
            arrived
                .segments
                .last()
                .is_some_and(|it| it.payload == b"two")
        })
        .await;
    device.read_exact(&mut three).await.unwrap();
    assert_eq!(&three, b"two");
    // What passed meanwhile was kept.
    let from: std::collections::BTreeSet<_> = arrived
        .segments
        .iter()
        .filter(|it| proxied.is_of_device()(it))
        .map(|it| it.source)
        .collect();
    assert_eq!(from.len(), 2);
}

#[tokio::test]
async fn half_a_connection_that_has_ended_leaves_the_other_open() {
    let proxied = Proxied::new().await;
    let _arrived = proxied.open().await;
    let (mut device, mut server) = proxied.connect().await;
    device.write_all(b"all I have").await.unwrap();
    device.shutdown().await.unwrap();
    let mut all = Vec::new();
    server.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"all I have");
    server.write_all(b"thanks").await.unwrap();
    drop(server);
    let mut all = Vec::new();
    device.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"thanks");
}

#[tokio::test]
async fn a_server_that_breaks_off_is_heard_by_the_device() {
    let proxied = Proxied::new().await;
    let mut arrived = proxied.open().await;
    let (mut device, mut server) = proxied.connect().await;
    device.write_all(b"here").await.unwrap();
    server.read_exact(&mut [0; 4]).await.unwrap();
    socket2::SockRef::from(&server)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    drop(server);
    let error = device.read(&mut [0; 4]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    arrived
        .until(|arrived| arrived.segments.last().is_some_and(|it| it.flags.2))
        .await;
}

#[tokio::test]
async fn a_device_whose_server_is_not_there_is_let_go_and_may_come_again() {
    let server = free();
    let listen = free();
    let links = Links::new();
    let address = Address::Capture(CaptureAddress::Proxy {
        listen,
        server: Endpoint::parse(&server.to_string(), 1),
    });
    let mut arrived = Arrived::open(&links, &address).await.unwrap();
    for _ in 0..2 {
        let mut device = TcpStream::connect(listen).await.unwrap();
        let gone = device.read(&mut [0; 4]).await;
        assert!(!matches!(gone, Ok(1..)), "{gone:?}");
    }
    let server = TcpListener::bind(server).await.unwrap();
    let mut device = TcpStream::connect(listen).await.unwrap();
    let (mut upstream, _) = server.accept().await.unwrap();
    device.write_all(b"here").await.unwrap();
    let mut four = [0; 4];
    upstream.read_exact(&mut four).await.unwrap();
    arrived
        .until(|arrived| arrived.segments.iter().any(|it| it.payload == b"here"))
        .await;
}

#[tokio::test]
async fn a_server_that_is_the_proxy_itself_is_not_connected_to() {
    let listen = free();
    let address = Address::Capture(CaptureAddress::Proxy {
        listen,
        server: Endpoint::parse(&listen.to_string(), 1),
    });
    let links = Links::new();
    let mut arrived = Arrived::open(&links, &address).await.unwrap();
    let mut device = TcpStream::connect(listen).await.unwrap();
    let gone = device.read(&mut [0; 4]).await;
    assert!(!matches!(gone, Ok(1..)), "{gone:?}");
    // The head of the capture, and nothing else.
    arrived.more().await.unwrap();
    assert_eq!(arrived.segments, []);
    let soon = std::time::Duration::from_millis(1);
    let silence = arrived
        .connection
        .receive_within(&mut Vec::new(), soon)
        .await;
    assert!(matches!(silence, Err(LinkError::TimedOut { .. })));
}

#[tokio::test]
async fn more_devices_than_any_house_has_are_turned_away() {
    let proxied = Proxied::new().await;
    let _arrived = proxied.open().await;
    let mut connected = Vec::new();
    for _ in 0..16 {
        connected.push(proxied.connect().await);
    }
    let mut one_more = TcpStream::connect(proxied.listen).await.unwrap();
    let gone = one_more.read(&mut [0; 4]).await;
    assert!(!matches!(gone, Ok(1..)), "{gone:?}");
    // Each place is free again when its device has gone.
    let (mut device, server) = connected.pop().unwrap();
    drop(server);
    assert_eq!(device.read(&mut [0; 4]).await.unwrap(), 0);
    drop(device);
    let again = async {
        loop {
            let mut device = TcpStream::connect(proxied.listen).await.unwrap();
            let mut answer = [0; 4];
            tokio::select! {
                _ = device.read(&mut answer) => {}
                accepted = proxied.server.accept() => return accepted.unwrap(),
            }
        }
    };
    tokio::time::timeout(super::PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = listener.local_addr().unwrap();
    let address = Address::Capture(CaptureAddress::Proxy {
        listen,
        server: Endpoint::parse("127.0.0.1:1", 1),
    });
    let error = Arrived::open(&Links::new(), &address).await.err().unwrap();
    assert!(
        matches!(error, LinkError::CannotListen(at, _) if at == listen),
        "{error}"
    );
}
