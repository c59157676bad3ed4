//! Two rooms of the kernel with a cable between them: here it is captured, there is the device.
//!
//! A test runs itself again inside of the first room; its threads may go over into the second.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{LinkAddr, MsgFlags, SockaddrLike, sendto};
use socket2::{Domain, Socket, Type};
use wattbridge::links::{Address, CaptureAddress, CaptureFilter, Links};

/// Set inside of the first room: the name of the second.
const ROOM: &str = "WATTBRIDGE_TEST_ROOM";
/// The end of the cable where it is captured, and its address.
pub(crate) const HERE: &str = "here0";
pub(crate) const HERE_IP: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
/// The end of the device, in the other room.
pub(crate) const THERE: &str = "there0";
pub(crate) const THERE_IP: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);

/// What the adapter of these devices would want.
pub(crate) const WANTED: CaptureFilter = CaptureFilter {
    mac_prefixes: &[[0x00, 0x27, 0x02]],
    ports: &[22222, 22221],
};

/// The two rooms, while a test runs in the first.
pub(crate) struct Scene {
    room: PathBuf,
}

/// Both rooms go when the test ends, however it ends.
struct Rooms([String; 2]);

impl Drop for Rooms {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = run("ip", &["netns", "delete", name]);
        }
    }
}

/// Runs a test in the first room; `name` is the test's own. It is passed over where the rooms cannot
/// be made.
pub(crate) fn run_in_rooms(name: &str, test: impl AsyncFnOnce(&Scene)) {
    if let Some(room) = std::env::var_os(ROOM) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let room = PathBuf::from("/run/netns").join(room);
        return runtime.block_on(test(&Scene { room }));
    }
    let id = std::process::id();
    let rooms = Rooms([format!("wb{id}here"), format!("wb{id}there")]);
    let [here, there] = &rooms.0;
    if let Err(words) = build(here, there) {
        eprintln!("passed over: two rooms of the kernel cannot be made: {words}");
        return;
    }
    let mut again = Command::new("ip");
    again.args(["netns", "exec", here]);
    again.arg(std::env::current_exe().unwrap());
    again
        .args(["--exact", "--nocapture", name])
        .env(ROOM, there);
    let done = again.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let words = String::from_utf8_lossy(&done.stderr);
    eprintln!("{words}");
    assert!(done.status.success(), "{said}\n{words}");
    // A name that is misspelt would run nothing at all.
    assert!(said.contains("1 passed"), "{said}");
}

fn build(here: &str, there: &str) -> Result<(), String> {
    run("ip", &["netns", "add", here])?;
    run("ip", &["netns", "add", there])?;
    let at = |room: &str, words: &str| {
        let mut all = vec!["-n", room];
        all.extend(words.split(' '));
        run("ip", &all)
    };
    at(here, &cable(there))?;
    for (room, end, last) in [(here, HERE, 1), (there, THERE, 2)] {
        at(room, "link set lo up")?;
        at(room, &format!("addr add 10.99.0.{last}/24 dev {end}"))?;
        at(room, &format!("link set {end} up"))?;
    }
    Ok(())
}

/// The words that lay it.
fn cable(there: &str) -> String {
    format!("link add {HERE} type veth peer name {THERE} netns {there}")
}

fn run(program: &str, words: &[&str]) -> Result<(), String> {
    let done = Command::new(program).args(words).output();
    let done = done.map_err(|error| format!("{program}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&done.stderr).trim().to_owned())
}

impl Scene {
    /// Where it is captured.
    pub(crate) fn address(name: &str) -> Address {
        Address::Capture(CaptureAddress::interface(name).unwrap())
    }

    /// Links that want what the adapter would want.
    pub(crate) fn links() -> Links {
        Links::new().with_filter(WANTED)
    }

    /// `ip` in the first room.
    pub(crate) fn here(words: &str) {
        run("ip", &words.split(' ').collect::<Vec<_>>()).unwrap();
    }

    /// The same, where the kernel may lack what it takes.
    pub(crate) fn try_here(words: &str) -> Result<(), String> {
        run("ip", &words.split(' ').collect::<Vec<_>>())
    }

    /// Whether somebody wants the packets of others from this interface.
    pub(crate) fn is_promiscuous(name: &str) -> bool {
        let shown = Command::new("ip")
            .args(["-d", "link", "show", name])
            .output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        let (_, rest) = shown.split_once("promiscuity ").unwrap();
        !rest.starts_with('0')
    }

    /// `ip` in the second.
    pub(crate) fn there(&self, words: &str) {
        let mut all = vec!["-n", self.room_name()];
        all.extend(words.split(' '));
        run("ip", &all).unwrap();
    }

    /// Lays the cable anew, after it was taken away.
    pub(crate) fn lay_cable(&self) {
        Self::here(&cable(self.room_name()));
        Self::here(&format!("addr add {HERE_IP}/24 dev {HERE}"));
        Self::here(&format!("link set {HERE} up"));
        self.there(&format!("addr add {THERE_IP}/24 dev {THERE}"));
        self.there(&format!("link set {THERE} up"));
    }

    fn room_name(&self) -> &str {
        self.room.file_name().unwrap().to_str().unwrap()
    }

    /// Does this in the second room.
    pub(crate) fn thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> std::thread::JoinHandle<T> {
        let room = File::open(&self.room).unwrap();
        std::thread::spawn(move || {
            setns(room, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        })
    }

    /// Sends packets as they are out of the other end of the cable.
    pub(crate) fn send_raw(&self, packets: Vec<Vec<u8>>) {
        let send = move || {
            let socket = Socket::new(Domain::PACKET, Type::RAW, None).unwrap();
            let there = link_address(THERE);
            for packet in packets {
                let sent = sendto(
                    std::os::fd::AsRawFd::as_raw_fd(&socket),
                    &packet,
                    &there,
                    MsgFlags::empty(),
                );
                assert_eq!(sent, Ok(packet.len()));
            }
        };
        self.thread(send).join().unwrap();
    }
}

fn link_address(name: &str) -> LinkAddr {
    let all = nix::ifaddrs::getifaddrs().unwrap();
    let own = all.filter(|it| it.interface_name == name);
    let mut links = own.filter_map(|it| it.address?.as_link_addr().copied());
    let found = links.next().unwrap();
    assert!(found.len() > 0);
    found
}

pub(crate) fn end(ip: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::from((ip, port))
}
